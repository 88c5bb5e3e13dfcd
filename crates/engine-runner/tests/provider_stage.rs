//! A provider that is played by `sandbox` in a process of its own, a project with an account there, and
//! a place for `listen`: what the tests over sockets share.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::support::{Place, Ran};

const LISTEN_SECRET: &str = "correct-horse-battery-staple";

/// A link that is made at once, and paid or not.
const WORKFLOW: &str = "
workflow: sale
version: 1
entity: invoice
label: { en: Sale }
fields: { receipt: { type: receipt } }
initial: make_link
states:
  make_link:
    label: { en: Make the link }
    activity: create_payment_link
    with:
      account: main
      amount: final
      expires: { days: 3 }
      recipients: { sms: [contact], email: [contact] }
      message: default
      receipt: { type: online, approve: auto, field: receipt }
    next: { success: await_payment, error: failed }
  await_payment:
    label: { en: Wait }
    wait: { payment: make_link }
    next: { paid: paid, expired: failed }
  paid: { label: { en: Paid }, end: success }
  failed: { label: { en: Failed }, end: failed }
";

const PEOPLE: &str = "
people: { ali: { name: Ali, roles: [accountant] } }
parties:
  acme:
    name: ACME
    mobile: '09121112233'
    contact: { name: N. Kazemi, mobile: '09124445566', email: k@acme.example }
";

/// A way to a provider: three of them, one over two interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Pod,
    RobokassaInvoices,
    RobokassaClassic,
    Sizpay,
}

impl Way {
    /// What a person calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Way::Pod => "POD",
            Way::RobokassaInvoices => "Robokassa, invoices",
            Way::RobokassaClassic => "Robokassa, classic",
            Way::Sizpay => "SizPay",
        }
    }

    fn provider(self) -> &'static str {
        match self {
            Way::Pod => "pod",
            Way::RobokassaInvoices | Way::RobokassaClassic => "robokassa",
            Way::Sizpay => "sizpay",
        }
    }

    /// More options of its account.
    fn options(self) -> &'static str {
        match self {
            Way::RobokassaClassic => "      interface: classic\n",
            _ => "",
        }
    }

    /// An amount that no other number has.
    pub(crate) fn amount(self, number: usize) -> String {
        match self {
            Way::Pod | Way::Sizpay => format!("{} IRR", 12_500_000 + 1_000 * number),
            Way::RobokassaInvoices | Way::RobokassaClassic => {
                format!("{}.50 RUB", 1_250 + number)
            }
        }
    }
}

/// What is on a stage beside the usual.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    /// What goes wrong.
    pub(crate) script: &'a str,
    /// More words for `sandbox`.
    pub(crate) words: &'a str,
    /// More of the project file.
    pub(crate) project: &'a str,
    /// The workflow `sale`.
    pub(crate) workflow: &'a str,
}

impl Default for Scene<'_> {
    fn default() -> Self {
        Scene {
            script: "[]",
            words: "",
            project: "",
            workflow: WORKFLOW,
        }
    }
}

/// A process that ends with the test.
pub(crate) struct Running {
    pub(crate) child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Running { child, out }
    }

    /// What it says up to a line that begins so.
    pub(crate) fn until(&mut self, beginning: &str) -> String {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            assert!(self.out.read_line(&mut line).unwrap() > 0, "{text}");
            text.push_str(&line);
            if line.starts_with(beginning) {
                return text;
            }
        }
    }

    /// Ends it as a person does, with Ctrl-C; its exit code.
    pub(crate) fn interrupt(&mut self) -> i32 {
        let pid = self.child.id().to_string();
        loop {
            if let Some(ended) = self.child.try_wait().unwrap() {
                return ended.code().unwrap_or(-1);
            }
            // Whoever starts these tests in the background has them ignore Ctrl-C, and so does a process
            // that is not yet listening for it: it is pressed again.
            let _ = Command::new("kill").args(["-INT", &pid]).status().unwrap();
            let again = Instant::now() + Duration::from_millis(200);
            while Instant::now() < again && self.child.try_wait().unwrap().is_none() {
                std::thread::park_timeout(Duration::from_millis(1));
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer: status, headers with names in lower case, body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// One request over a connection of its own; `None` when the connection ends without an answer.
pub(crate) fn http(method: &str, url: &str, body: &str) -> Option<Answer> {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let head = format!(
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    // A server that has heard enough may close before everything is sent.
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body.as_bytes());
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    Some(Answer {
        status,
        headers,
        body: body.to_owned(),
    })
}

/// The address behind a secret, as `listen` derives it.
pub(crate) fn token(name: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(LISTEN_SECRET.as_bytes()).unwrap();
    mac.update(name.as_bytes());
    let code = mac.finalize().into_bytes();
    code[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A port that stays free while nobody listens there: below those that the system gives to
/// connections, and handed out once.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test processes side by side begin at different places.
    let begin = u16::try_from(std::process::id() % 200).unwrap() * 100;
    loop {
        let port = 10_000 + (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A provider that is played, a project with an account there, and where we listen.
pub(crate) struct Stage {
    pub(crate) place: Place,
    pub(crate) provider: Running,
    pub(crate) base: String,
    pub(crate) port: u16,
    secrets: Vec<(String, String)>,
}

impl Stage {
    /// The usual, with this script.
    pub(crate) fn new(way: Way, script: &str) -> Stage {
        let usual = Scene::default();
        Stage::with(way, &Scene { script, ..usual })
    }

    pub(crate) fn with(way: Way, scene: &Scene<'_>) -> Stage {
        let port = free_port();
        let place = Place::empty();
        place.write("script.yaml", scene.script.as_bytes());
        let callback = format!("http://127.0.0.1:{port}/c/{}", token("main"));
        let words = format!(
            "sandbox --provider {} --script script.yaml --callback {callback} {}",
            way.provider(),
            scene.words
        );
        let mut running = Running::start(place.command(&words));
        let told = running.until("ready");
        let base = told
            .split_whitespace()
            .find(|word| word.starts_with("http://"))
            .unwrap()
            .trim_end_matches(',')
            .to_owned();
        let snippet = &told[told.find("accounts:").unwrap()..told.find("\nenvironment").unwrap()];
        let options = format!("    options:\n{}", way.options());
        let snippet = snippet.replacen("    options:\n", &options, 1);
        let listen = format!(
            "listen: {{ secret: env:LISTEN_SECRET, public_url: \"http://127.0.0.1:{port}\" }}\n"
        );
        let more = scene.project;
        let project =
            format!("zone: Asia/Tehran\nlanguages: [en]\n{snippet}{listen}{PEOPLE}{more}");
        place.write("charkh.yaml", project.as_bytes());
        place.write("workflows/sale.yaml", scene.workflow.as_bytes());
        let secrets = told
            .lines()
            .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
            .collect();
        Stage {
            place,
            provider: running,
            base,
            port,
            secrets,
        }
    }

    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = self.place.command(words);
        command.env("LISTEN_SECRET", LISTEN_SECRET);
        command.envs(self.secrets.iter().cloned());
        command
    }

    pub(crate) fn run(&self, words: &str) -> Ran {
        self.command(words).output().unwrap().into()
    }

    /// Runs an item until its link is sent, then stops as a person does.
    pub(crate) fn make_link(&self, amount: &str) -> serde_json::Value {
        let item =
            format!("{{ \"id\": \"1\", \"party\": \"acme\", \"final_amount\": \"{amount}\" }}");
        self.place.write("item.json", item.as_bytes());
        self.place.write("err.txt", b"");
        let mut command = self.command("run workflows/sale.yaml --items item.json --store data");
        command.stderr(std::fs::File::create(self.place.path().join("err.txt")).unwrap());
        let mut run = Running::start(command);
        self.wait_for_messages(1, &mut run);
        assert_eq!(run.interrupt(), 130);
        let links = self.run("links list --store data --json").expect(0).json();
        links["links"][0].clone()
    }

    /// Waits until so many messages have left.
    pub(crate) fn wait_for_messages(&self, count: usize, running: &mut Running) {
        let path = self.place.path().join("data/messages.jsonl");
        while std::fs::read_to_string(&path)
            .unwrap_or_default()
            .lines()
            .count()
            < count
        {
            let ended = running.child.try_wait().unwrap();
            assert!(ended.is_none(), "{}", self.place.read("err.txt"));
            std::thread::yield_now();
        }
    }

    /// Waits until the CRM has been told about a receipt.
    pub(crate) fn wait_for_receipt(&self, running: &mut Running) {
        while !self.place.read("data/crm.jsonl").contains("receipt") {
            assert!(running.child.try_wait().unwrap().is_none());
            std::thread::yield_now();
        }
    }

    pub(crate) fn listen(&self) -> Running {
        let words = format!("listen --store data --port {}", self.port);
        let mut running = Running::start(self.command(&words));
        running.until("callbacks of main");
        running
    }

    pub(crate) fn ledger(&self) -> serde_json::Value {
        let answer = http("GET", &format!("{}/ledger", self.base), "").unwrap();
        serde_json::from_str(&answer.body).unwrap()
    }
}
