//! A secret never comes back: not when a provider's failing answers echo everything they were told, not in the log
//! at its most talkative, not in what is stored, listed or exported.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::json;

use crate::support::{Place, Ran};

/// Secrets of an account, by reference.
const BY_VARIABLE: &str = "canaryVARIABLE7f3a91";
const BY_FILE: &str = "canaryFILE0b52c8";
const THIRD: &str = "canaryTHIRD44d1e7";
/// Secrets of the channels.
const SMS: &str = "canarySMS9ae204";
const SMTP: &str = "canarySMTP61fb30";
/// `\0crm\0` and the mail password, as a login carries them.
const SMTP_LOGIN: &str = "AGNybQBjYW5hcnlTTVRQNjFmYjMw";

const CANARIES: [&str; 6] = [BY_VARIABLE, BY_FILE, THIRD, SMS, SMTP, SMTP_LOGIN];

const WORKFLOW: &str = "
workflow: sale
version: 1
entity: invoice
label: { en: Sale }
initial: make_link
states:
  make_link:
    label: { en: Make the link }
    activity: create_payment_link
    with:
      account: main
      amount: final
      expires: { days: 3 }
      recipients: { sms: [contact] }
      message: default
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

/// What a hostile provider says: everything it was told and every secret, in all the places that somebody reads.
fn echoes(told: &str, turn: usize, (known, success): (&[&str], &str)) -> String {
    let echo = format!("{told} {}", known.join(" "));
    let message = json!({
        "ResCod": 7, "Message": echo, "Data": [],
        "hasError": true, "errorCode": 999, "message": echo,
        "isSuccess": false, "errorMessage": echo,
        "status": 9, "error": echo,
    })
    .to_string();
    let token =
        json!({ "hasError": false, "ott": "0a1b2c3d4e5f6a7b", "message": echo }).to_string();
    let xml = format!(
        "<OperationStateResponse><Result><Code>1</Code><Description>{}</Description></Result>\
         </OperationStateResponse>",
        echo.replace(['<', '&', '\r', '\n'], " ")
    );
    let (status, body) = match turn % 8 {
        0 => ("200 OK", message),
        1 => ("500 Internal Server Error", message),
        2 => ("200 OK", format!("<html>{echo}</html>")),
        3 => ("200 OK", success.to_owned()),
        4 => ("200 OK", xml),
        5 => ("200 OK", token),
        6 => ("200 OK", success.to_owned()),
        _ => ("400 Bad Request", echo),
    };
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// A request as it came; `None` when the caller has gone.
fn request(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let (mut text, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(number) = line.to_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().ok()?;
        }
        text.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    text.push_str(&String::from_utf8_lossy(&body));
    Some(text)
}

/// A provider that answers each request in another way; its port, and how often it was asked.
fn hostile(known: &'static [&'static str], success: &'static str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            if let Some(told) = request(&mut reader) {
                let turn = count.fetch_add(1, Ordering::Relaxed);
                let answer = echoes(&told, turn, (known, success));
                let _ = reader.get_mut().write_all(answer.as_bytes());
            }
        }
    });
    (port, asked)
}

/// A mail server that refuses each login in the words of the login.
fn hostile_mail() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let logins = Arc::new(AtomicUsize::new(0));
    let count = logins.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let _ = reader.get_mut().write_all(b"220 ready\r\n");
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
                let told = line.trim().to_owned();
                let reply = match told.split_whitespace().next() {
                    Some("EHLO") => "250-me\r\n250 AUTH PLAIN LOGIN\r\n".to_owned(),
                    Some("AUTH") => {
                        count.fetch_add(1, Ordering::Relaxed);
                        format!("535 no login by {told} with {SMTP}\r\n")
                    }
                    _ => format!("550 not after {told} with {SMTP}\r\n"),
                };
                let _ = reader.get_mut().write_all(reply.as_bytes());
                line.clear();
            }
        }
    });
    (port, logins)
}

/// A place whose commands have the secrets, talk as much as they can, and are searched for them.
struct Searched(Place);

impl Searched {
    fn new(project: &str) -> Searched {
        let place = Place::empty();
        place.write("charkh.yaml", project.as_bytes());
        place.write("secrets/second", format!("{BY_FILE}\n").as_bytes());
        place.write("workflows/sale.yaml", WORKFLOW.as_bytes());
        Searched(place)
    }

    fn command(&self, words: &str) -> Command {
        let mut command = self.0.command(words);
        command
            .env("CHARKH_LOG", "trace")
            .env("CANARY_FIRST", BY_VARIABLE)
            .env("CANARY_THIRD", THIRD)
            .env("CANARY_SMS", SMS)
            .env("CANARY_SMTP", SMTP);
        command
    }

    fn run(&self, words: &str) -> Ran {
        let ran: Ran = self.command(words).output().unwrap().into();
        nothing_in(&format!("the output of {words}"), ran.out.as_bytes());
        nothing_in(&format!("the log of {words}"), ran.err.as_bytes());
        ran
    }

    /// Runs until it ends by itself or enough has happened: who never hears a clear answer asks for ever.
    fn run_until(&self, words: &str, enough: impl Fn() -> bool) {
        let file = |name: &str| std::fs::File::create(self.0.path().join(name)).unwrap();
        let mut command = self.command(words);
        let mut running = command
            .stdout(file("out.txt"))
            .stderr(file("err.txt"))
            .spawn()
            .unwrap();
        while running.try_wait().unwrap().is_none() && !enough() {
            thread::yield_now();
        }
        // As a person does: what is under way is finished.
        let pid = running.id().to_string();
        let _ = Command::new("kill").args(["-INT", &pid]).status();
        running.wait().unwrap();
        for name in ["out.txt", "err.txt"] {
            nothing_in(name, &std::fs::read(self.0.path().join(name)).unwrap());
        }
        let log = std::fs::read(self.0.path().join("err.txt")).unwrap();
        assert!(
            String::from_utf8_lossy(&log).contains("TRACE"),
            "{}",
            String::from_utf8_lossy(&log)
        );
    }

    /// Every command that shows something, and every byte that was written.
    fn search(&self) {
        for words in [
            "attention list --store data --json",
            "messages --store data --json",
            "history invoice/1 --store data --json",
            // Everything that is stored.
            "export --store data",
        ] {
            self.run(words);
        }
        search_folder(&self.0.path().join("data"));
    }
}

fn search_folder(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search_folder(&path);
        } else {
            nothing_in(&path.display().to_string(), &std::fs::read(&path).unwrap());
        }
    }
}

fn nothing_in(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for canary in CANARIES {
        if let Some(at) = text.find(canary) {
            let from = text.floor_char_boundary(at.saturating_sub(300));
            panic!("{what} tells {canary}: …{}", &text[from..at + canary.len()]);
        }
    }
}

fn items() -> String {
    let item = |id: usize| json!({ "id": id.to_string(), "party": "acme", "final_amount": "1_000_000 IRR" });
    let items: Vec<_> = (1..=6).map(item).collect();
    json!(items).to_string()
}

/// Six items at a provider that answers every request in another way, and whatever a person may ask of their links.
fn at_a_hostile_provider(account: &str, amount: &str, success: &'static str) {
    let (port, asked) = hostile(&[BY_VARIABLE, BY_FILE, THIRD], success);
    let account = account.replace("PORT", &port.to_string());
    let searched = Searched::new(&format!(
        "zone: Asia/Tehran\nlanguages: [en]\n{account}{PEOPLE}"
    ));
    let items = items().replace("1_000_000 IRR", amount);
    searched.0.write("items.json", items.as_bytes());
    let words = "run workflows/sale.yaml --items items.json --store data --clock virtual";
    searched.run_until(words, || asked.load(Ordering::Relaxed) >= 60);
    assert!(asked.load(Ordering::Relaxed) >= 6);
    let listed = searched.run("links list --store data --json").json();
    let links = listed["links"].as_array().unwrap();
    // Whose create never succeeds here has no link to ask about.
    assert_eq!(
        links.is_empty(),
        account.contains("invoice_api"),
        "{listed}"
    );
    for link in links
        .iter()
        .take(2)
        .map(|link| link["id"].as_str().unwrap())
    {
        for deed in ["check", "resend", "cancel"] {
            searched.run(&format!("links {deed} {link} --as ali --store data"));
        }
    }
    for _ in 0..2 {
        searched.run("links compare --store data --settle --json --since 1404/01/01");
    }
    searched.search();
}

#[test]
fn sizpay_hears_its_secrets_and_nobody_else_does() {
    let account = "
accounts:
  main:
    gateway: sizpay
    currency: IRR
    reach: loopback
    options:
      base_url: http://127.0.0.1:PORT/
      pay_link_name: acme
      status_reply: { list: Data, invoice_no: InvoiceNo, amount: Amount, status: Status, transaction: RefNo, paid_words: [Paid] }
    secrets: { user_name: env:CANARY_FIRST, password: file:secrets/second }
";
    let success = r#"{"PayLinkSendID":31007,"PayLinkURL":"https://me.sizpay.ir/acme/1","ResCod":1,"Message":""}"#;
    at_a_hostile_provider(account, "1_000_000 IRR", success);
}

#[test]
fn pod_hears_its_secrets_and_nobody_else_does() {
    let account = "
accounts:
  main:
    gateway: pod
    currency: IRR
    reach: loopback
    options: { guild_code: INFO_GUILD, pay_url: 'http://127.0.0.1:PORT', service_url: 'http://127.0.0.1:PORT/srv/sc', core_url: 'http://127.0.0.1:PORT/srv/core' }
    secrets: { api_token: env:CANARY_FIRST, sc_api_key: file:secrets/second, sc_voucher_hash: env:CANARY_THIRD }
";
    let success = r#"{"hasError":false,"ott":"0a1b2c3d4e5f6a7b","result":{"id":700123,"uniqueNumber":"a1b2c3","payableAmount":1000000}}"#;
    at_a_hostile_provider(account, "1_000_000 IRR", success);
}

#[test]
fn robokassa_hears_its_secrets_and_nobody_else_does() {
    for interface in ["invoice_api", "classic"] {
        let account = format!(
            "
accounts:
  main:
    gateway: robokassa
    currency: RUB
    reach: loopback
    options: {{ merchant_login: acme, interface: {interface}, services_url: 'http://127.0.0.1:PORT', auth_url: 'http://127.0.0.1:PORT', fiscal_url: 'http://127.0.0.1:PORT' }}
    secrets: {{ password1: env:CANARY_FIRST, password2: file:secrets/second, password3: env:CANARY_THIRD }}
"
        );
        let success =
            "<OperationStateResponse><Result><Code>3</Code></Result></OperationStateResponse>";
        at_a_hostile_provider(&account, "1_000 RUB", success);
    }
}

#[test]
fn channels_that_echo_their_login_tell_nobody_else() {
    let (sms, asked) = hostile(&[SMS], "{}");
    let (smtp, letters) = hostile_mail();
    let project = format!(
        "zone: Asia/Tehran
languages: [en]
accounts: {{ main: {{ gateway: sandbox, currency: IRR }} }}
messages:
  sms:
    channel: http
    http:
      url: http://127.0.0.1:{sms}/send
      headers: {{ Authorization: Bearer env:CANARY_SMS, Idempotency-Key: \"{{key}}\" }}
      json: {{ to: \"{{to}}\", text: \"{{text}}\" }}
      accepted: {{ pointer: /status, equals: 0 }}
      reason: /error
      message_id: /message
  email:
    channel: smtp
    smtp: {{ host: 127.0.0.1, port: {smtp}, tls: none, user: crm, password: env:CANARY_SMTP, from: crm@crm.example }}
{PEOPLE}"
    );
    let searched = Searched::new(&project);
    let notice = "
workflow: notice
version: 1
entity: invoice
label: { en: Notice }
initial: remind
states:
  remind:
    label: { en: Remind }
    activity: send_message
    with:
      recipients: { sms: [contact], email: [contact] }
      message: { sms: Hello, email: { subject: Hello, body: Hello } }
    next: { success: told, error: failed }
  told: { label: { en: Told }, end: success }
  failed: { label: { en: Failed }, end: failed }
";
    searched.0.write("workflows/notice.yaml", notice.as_bytes());
    searched.0.write("items.json", items().as_bytes());
    let words = "run workflows/notice.yaml --items items.json --store data";
    let heard = |count: &AtomicUsize| count.load(Ordering::Relaxed) >= 6;
    searched.run_until(words, || heard(&asked) && heard(&letters));
    searched.search();
    let messages = searched.run("messages --store data --json").json();
    let failures = messages["messages"].as_array().unwrap().iter();
    let failures = failures.filter(|row| !row["error"].is_null()).count();
    assert!(failures >= 6, "{messages}");
}
