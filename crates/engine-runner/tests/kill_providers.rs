//! `kill -9` of the binary while links are made and paid at a provider over sockets: nothing is lost and
//! nothing twice.
//!
//! A few kills in every test run; `CHARKH_PROVIDER_KILLS=50` makes it the evidence run: 50 for each of
//! the four ways to a provider. The provider is a process that lives through all of it.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::kill::{CUT_OFF, Random, number, seeds};
use crate::provider_stage::{Running, Scene, Stage, Way, http};

/// A request whose end nobody knows leads to a person's desk.
const WORKFLOW: &str = "
workflow: sale
version: 1
entity: invoice
label: { en: Sale }
fields: { receipt: { type: receipt } }
initial: make_link
on:
  paid: { of: make_link, to: paid }
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
    next: { success: await_payment, error: failed, unknown: desk }
  await_payment:
    label: { en: Wait }
    wait: { payment: make_link }
    next: { expired: failed }
  desk:
    label: { en: Look at the provider's pages }
    task:
      assignee: { role: accountant }
      actions:
        again: { label: { en: Make it again }, to: make_link }
  paid: { label: { en: Paid }, end: success }
  failed: { label: { en: Failed }, end: failed }
";

const RUN: &str = "run workflows/sale.yaml --items items.csv --store data";

/// How long a process that does nothing is left alone before it is killed all the same.
const IDLE: Duration = Duration::from_millis(300);

/// After which a wait for something that must come is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a payment counts among the bytes that show how far a round has come.
const BYTES_PER_PAYMENT: u64 = 400;

/// What a series of kills came to.
#[derive(Default, Debug)]
struct Series {
    kills: u64,
    items: usize,
    payments: usize,
    cut_off: usize,
    decisions: usize,
}

/// What must be the same however often the process died.
#[derive(Debug, PartialEq, Eq)]
struct End {
    /// Where each item is.
    items: BTreeMap<String, (String, String)>,
    /// The keys of messages.
    messages: BTreeSet<String>,
    /// The receipts: item and amount.
    receipts: BTreeSet<(String, String)>,
}

/// A project with so many items, beside its provider.
struct Round {
    stage: Stage,
    way: Way,
    items: usize,
}

/// Customers: whoever has a link goes to its page and pays, as far as they are let.
struct Payers<'a> {
    round: &'a Round,
    may_pay: AtomicU64,
    paid: AtomicU64,
    gone: AtomicBool,
}

impl Payers<'_> {
    fn pay(&self, mut random: Random) {
        let mut been_there = BTreeSet::new();
        while !self.gone.load(Ordering::Acquire) {
            let free = self.paid.load(Ordering::Acquire) < self.may_pay.load(Ordering::Acquire);
            let known = if free {
                self.round.pages()
            } else {
                BTreeSet::new()
            };
            let pages: Vec<&String> = known.difference(&been_there).collect();
            let choice = usize::try_from(random.next() % 1_000).unwrap();
            let Some(page) = pages.get(choice % pages.len().max(1)) else {
                std::thread::park_timeout(Duration::from_millis(1));
                continue;
            };
            let answer = http("POST", page, "action=pay").unwrap();
            assert!(answer.status < 400, "{page}: {}", answer.body);
            been_there.insert((*page).clone());
            self.paid.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Round {
    fn new(way: Way, items: usize) -> Round {
        let scene = Scene {
            words: "--delay 40",
            project: "limits: { in_flight: 3 }\n",
            workflow: WORKFLOW,
            ..Scene::default()
        };
        let stage = Stage::with(way, &scene);
        let mut csv = String::from("id,party,final_amount\n");
        for number in 1..=items {
            csv.push_str(&format!("{number},acme,{}\n", way.amount(number)));
        }
        stage.place.write("items.csv", csv.as_bytes());
        Round { stage, way, items }
    }

    fn text(&self, name: &str) -> String {
        let path = self.stage.place.path().join("data").join(name);
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// Lines of a file that are whole.
    fn lines(&self, name: &str) -> Vec<Json> {
        let text = self.text(name);
        let whole = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        whole
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// What the CRM and the outbox have been told so far, in bytes.
    fn written(&self) -> u64 {
        ["crm.jsonl", "messages.jsonl"]
            .iter()
            .filter_map(|name| {
                std::fs::metadata(self.stage.place.path().join("data").join(name)).ok()
            })
            .map(|file| file.len())
            .sum()
    }

    /// The pay pages that payers know of: from our messages, or from the provider's own.
    fn pages(&self) -> BTreeSet<String> {
        if self.way != Way::Sizpay {
            return self
                .lines("messages.jsonl")
                .iter()
                .flat_map(|line| addresses(&line["message"]))
                .collect();
        }
        let texted = |line: &&Json| line["texts"] != 0;
        let page = |line: &Json| {
            let id = line["provider_id"].as_str().unwrap();
            format!("{}/acme/02{id:0>7}1", self.stage.base)
        };
        self.ledger().iter().filter(texted).map(page).collect()
    }

    fn ledger(&self) -> Vec<Json> {
        self.stage.ledger()["ledger"].as_array().unwrap().clone()
    }

    /// Starts a process, and kills it when it has come to a moment of chance.
    fn doomed(&self, words: &str, random: &mut Random, most: u64, paid: &AtomicU64) {
        let progress = || self.written() + paid.load(Ordering::Acquire) * BYTES_PER_PAYMENT;
        let goal = progress() + random.between(0, most + 1);
        let pause = Duration::from_micros(random.between(0, 40_000));
        let errors = self.stage.place.path().join("err.txt");
        let mut command = self.stage.command(words);
        command
            .stdout(Stdio::null())
            .stderr(File::create(errors).unwrap());
        let mut child = command.spawn().unwrap();
        let (mut last, mut since) = (progress(), Instant::now());
        while last < goal && since.elapsed() < IDLE {
            self.lives(&mut child);
            let now = progress();
            if now != last {
                (last, since) = (now, Instant::now());
            }
            std::thread::yield_now();
        }
        let begin = Instant::now();
        while begin.elapsed() < pause {
            std::thread::yield_now();
        }
        self.lives(&mut child);
        // `Child::kill` is SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn lives(&self, child: &mut Child) {
        let ended = child.try_wait().unwrap();
        assert!(
            ended.is_none(),
            "{ended:?}: {}",
            self.stage.place.read("err.txt")
        );
    }

    fn live(&self, mut command: Command) -> Running {
        let errors = self.stage.place.path().join("err.txt");
        command.stderr(File::create(errors).unwrap());
        Running::start(command)
    }

    fn listening(&self) -> Running {
        let words = format!("listen --store data --port {}", self.stage.port);
        let mut running = self.live(self.stage.command(&words));
        running.until("callbacks of main");
        running
    }

    /// Waits for something that must come.
    fn until(&self, what: &str, running: &mut Running, there: impl Fn() -> bool) {
        let begin = Instant::now();
        while !there() {
            self.lives(&mut running.child);
            if begin.elapsed() > PATIENCE {
                let _ = running.interrupt();
                let items = self.stage.run("items --store data").out;
                let links = self.stage.run("links list --store data").out;
                panic!("{what} never came\n{items}\n{links}\n{:#?}", self.ledger());
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// Starts the items that no killed process has started.
    fn start_all(&self) {
        let mut wait = Duration::from_millis(50);
        loop {
            let mut run = self.live(self.stage.command(RUN));
            let begin = Instant::now();
            self.until("a start", &mut run, || begin.elapsed() >= wait);
            // One that is stopped while it still starts items ends without this word.
            if run.interrupt() == 130 {
                return;
            }
            wait *= 2;
        }
    }

    /// All the lives of the process that end by a kill, while payers pay bit by bit: some are still to
    /// pay at every kill.
    fn lives_and_deaths(
        &self,
        random: &mut Random,
        (kills, bytes): (u64, u64),
        payers: &Payers<'_>,
    ) {
        // The kills are spread over the work of the round.
        let most = 2 * bytes / (kills + 1);
        let listen = format!("listen --store data --port {}", self.stage.port);
        for kill in 0..kills {
            let items = u64::try_from(self.items).unwrap();
            payers
                .may_pay
                .store(items * kill / (kills + 1), Ordering::Release);
            if kill * 3 >= kills && (kill == 0 || (kill - 1) * 3 < kills) {
                self.start_all();
            }
            let words = if kill * 3 < kills { RUN } else { &listen };
            self.doomed(words, random, most, &payers.paid);
            assert!(payers.paid.load(Ordering::Acquire) < items);
        }
    }

    /// The end that everything comes to once the process is left alone.
    fn finish(&self, payers: &Payers<'_>, series: &mut Series) {
        self.start_all();
        payers.may_pay.store(u64::MAX, Ordering::Release);
        if self.way == Way::Sizpay {
            return self.people(series);
        }
        let mut listener = self.listening();
        self.until("a receipt or a message", &mut listener, || {
            self.receipts().len() >= self.items
                && self.lines("messages.jsonl").len() >= 2 * self.items
        });
        assert_eq!(listener.interrupt(), 130);
    }

    /// SizPay cannot say what is paid, so people look at its pages and record what they see. What it
    /// does not know is made again.
    fn people(&self, series: &mut Series) {
        loop {
            self.rest();
            let payable = || self.ledger().iter().any(|line| line["state"] == "live");
            while payable() {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            let open: Vec<(String, String)> = self
                .items_now()
                .into_iter()
                .filter(|(_, (state, _))| state != "paid")
                .map(|(item, (state, _))| (item, state))
                .collect();
            if open.is_empty() {
                return;
            }
            for (item, state) in open {
                self.decide(&item, &state);
                series.decisions += 1;
            }
        }
    }

    /// Lets the engine work until every item waits for a payment or a person.
    fn rest(&self) {
        let resting = |(state, _): &(String, String)| state != "make_link";
        while !self.items_now().values().all(resting) {
            let mut listener = self.listening();
            let quiet = Cell::new((self.written(), Instant::now()));
            self.until("an end of the work", &mut listener, || {
                let (before, since) = quiet.get();
                let now = self.written();
                if now != before {
                    quiet.set((now, Instant::now()));
                }
                since.elapsed() >= IDLE
            });
            assert_eq!(listener.interrupt(), 130);
        }
    }

    /// What a person does about an item: it must be on the list, and its money on the provider's pages.
    fn decide(&self, item: &str, state: &str) {
        let links = self.links();
        let is_of = |link: &&Json| link["item"] == item && link["status"] != "create_failed";
        let link = links
            .iter()
            .find(is_of)
            .unwrap_or_else(|| panic!("{item} has no link"));
        let id = link["id"].as_str().unwrap();
        let attention = || {
            let listed = self
                .stage
                .run("attention list --store data --json")
                .expect(0)
                .json();
            let rows = listed["attention"].as_array().unwrap().clone();
            rows.into_iter().find(|row| row["item"] == item)
        };
        if attention().is_none() {
            // Nobody has read it since it was made.
            self.stage
                .run(&format!("links check {id} --as ali --store data"));
        }
        let row = attention().unwrap_or_else(|| panic!("{item} is on no list"));
        let number: usize = item.strip_prefix("invoice/").unwrap().parse().unwrap();
        let amount = self.way.amount(number);
        let there = self.ledger();
        let line = there.iter().find(|line| line["amount"] == link["amount"]);
        let Some(line) = line else {
            assert_eq!(state, "desk", "{item} has a link that SizPay does not know");
            let reason = row["reason"].as_str().unwrap();
            let mut words = self.stage.command("attention resolve");
            words.args([
                item,
                "--reason",
                reason,
                "--as",
                "ali",
                "--note",
                "SizPay has none",
            ]);
            let ran: crate::support::Ran = words.args(["--store", "data"]).output().unwrap().into();
            ran.expect(0);
            self.stage
                .run(&format!("act {item} again --as ali --store data"))
                .expect(0);
            return;
        };
        let transaction = line["payments"][0][0].as_str().unwrap();
        let words = format!(
            "attention resolve {item} --link {id} --as ali --record-payment {transaction} {} \
             --store data",
            amount.replace(' ', "")
        );
        let ran = self.stage.run(&words).expect(0);
        assert!(ran.out.contains("is paid"), "{}", ran.out);
    }

    fn items_now(&self) -> BTreeMap<String, (String, String)> {
        let items = self.stage.run("items --store data --json").expect(0).json();
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let rows = items["items"].as_array().unwrap();
        rows.iter()
            .map(|row| {
                (
                    text(&row["item"]),
                    (text(&row["state"]), text(&row["ended"])),
                )
            })
            .collect()
    }

    fn links(&self) -> Vec<Json> {
        let links = self
            .stage
            .run("links list --store data --json")
            .expect(0)
            .json();
        links["links"].as_array().unwrap().clone()
    }

    /// The receipts that the CRM has been told of.
    fn receipts(&self) -> Vec<Json> {
        let lines = self.lines("crm.jsonl");
        let receipt = |line: &Json| {
            line.pointer("/write/change/register_receipt/receipt")
                .cloned()
        };
        lines.iter().filter_map(receipt).collect()
    }

    /// Both books agree to the last unit, and nothing is there twice.
    fn judge(&self, series: &mut Series) -> End {
        let ledger = self.ledger();
        let mut numbers = BTreeSet::new();
        let mut theirs = BTreeSet::new();
        for line in &ledger {
            let number = line["order_no"].to_string();
            assert!(
                numbers.insert(number),
                "two links under one number: {ledger:#?}"
            );
            assert_ne!(line["state"], "live", "{line}");
            let payments = line["payments"].as_array().unwrap();
            assert_eq!(payments.len(), 1, "{line}");
            theirs.insert((payments[0][0].to_string(), payments[0][1].to_string()));
        }
        let receipts = self.receipts();
        let ours: BTreeSet<(String, String)> = receipts
            .iter()
            .map(|receipt| {
                (
                    receipt["transaction"].to_string(),
                    receipt["amount"].to_string(),
                )
            })
            .collect();
        assert_eq!(ours, theirs, "their book and ours");
        assert_eq!(receipts.len(), self.items, "one receipt for each item");
        for link in self.links() {
            if link["status"] == "create_failed" {
                continue;
            }
            assert_eq!(
                (&link["status"], &link["payments"]),
                (&"paid".into(), &1.into())
            );
            assert_eq!(link["received"], link["amount"], "{link}");
            let receipt = receipts
                .iter()
                .find(|receipt| receipt["item"] == link["item"]);
            assert_eq!(receipt.unwrap()["amount"], link["amount"], "{link}");
        }
        let mut messages = BTreeSet::new();
        for line in self.lines("messages.jsonl") {
            let key = line["key"].as_str().unwrap().to_owned();
            assert!(messages.insert(key), "{line} was sent twice");
        }
        let attention = self
            .stage
            .run("attention list --store data --json")
            .expect(0)
            .json();
        assert_eq!(attention["attention"], serde_json::json!([]));
        self.stage.run("verify --store data").expect(0);
        let export = self.stage.run("export --store data").expect(0).out;
        series.cut_off += export.matches(CUT_OFF).count();
        series.payments += theirs.len();
        series.items += self.items;
        let amount = |receipt: &Json| (receipt["item"].to_string(), receipt["amount"].to_string());
        End {
            items: self.items_now(),
            messages,
            receipts: receipts.iter().map(amount).collect(),
        }
    }
}

/// The addresses in a message.
fn addresses(message: &Json) -> Vec<String> {
    match message {
        Json::String(text) => text
            .split_whitespace()
            .filter(|word| word.starts_with("http://"))
            .map(str::to_owned)
            .collect(),
        Json::Array(parts) => parts.iter().flat_map(addresses).collect(),
        Json::Object(parts) => parts.values().flat_map(addresses).collect(),
        _ => Vec::new(),
    }
}

/// A round with so many kills over so many items; its end, and what it has written.
fn round(way: Way, seed: u64, (kills, bytes): (u64, u64), items: usize) -> (End, u64, Series) {
    let mut random = Random(seed | 1);
    let round = Round::new(way, items);
    let mut series = Series {
        kills,
        ..Series::default()
    };
    let payers = Payers {
        round: &round,
        may_pay: AtomicU64::new(0),
        paid: AtomicU64::new(0),
        gone: AtomicBool::new(false),
    };
    std::thread::scope(|scope| {
        let choices = Random(random.next() | 1);
        scope.spawn(|| payers.pay(choices));
        // Payers go home even when a check fails, so that the failure is heard.
        let _home = Home(&payers.gone);
        round.lives_and_deaths(&mut random, (kills, bytes), &payers);
        round.finish(&payers, &mut series);
    });
    let written = round.written() + payers.paid.load(Ordering::Acquire) * BYTES_PER_PAYMENT;
    let end = round.judge(&mut series);
    (end, written, series)
}

/// Sends the payers home.
struct Home<'a>(&'a AtomicBool);

impl Drop for Home<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn survives(way: Way) {
    let kills = number("CHARKH_PROVIDER_KILLS", 3);
    let halves = [kills / 2, kills - kills / 2];
    let items = usize::try_from((halves[1] * 2).max(4)).unwrap();
    let mut total = Series::default();
    let (whole, bytes, _) = round(way, 1, (0, 0), items);
    for (seed, kills) in seeds().into_iter().zip(halves) {
        println!("{}: seed {seed:#x}", way.name());
        let (end, _, series) = round(way, seed, (kills, bytes), items);
        assert_eq!(end.items, whole.items, "{way:?}");
        assert_eq!(end.receipts, whole.receipts, "{way:?}");
        // Where a person has had a link made again, its message has another key.
        if way != Way::Sizpay {
            assert_eq!(end.messages, whole.messages, "{way:?}");
        }
        total.kills += series.kills;
        total.items += series.items;
        total.payments += series.payments;
        total.cut_off += series.cut_off;
        total.decisions += series.decisions;
    }
    assert_eq!(total.kills, kills);
    println!(
        "| {} | {} kills | {} items | {} payments | {} attempts cut off | {} decisions of people |",
        way.name(),
        total.kills,
        total.items,
        total.payments,
        total.cut_off,
        total.decisions,
    );
}

/// Clauses 38 to 41: a bill number that is taken is looked up.
#[test]
fn with_pod_every_item_is_paid_once_whatever_is_killed() {
    survives(Way::Pod);
}

/// Clauses 38 to 41: an order number that is taken is looked up.
#[test]
fn with_robokassas_invoices_every_item_is_paid_once_whatever_is_killed() {
    survives(Way::RobokassaInvoices);
}

/// Clauses 38 to 41: the same link is made again without asking.
#[test]
fn with_robokassas_classic_links_every_item_is_paid_once_whatever_is_killed() {
    survives(Way::RobokassaClassic);
}

/// Clauses 38 to 41: nobody can tell, so people look at the provider's pages.
#[test]
fn with_sizpay_every_item_is_recorded_once_by_a_person_whatever_is_killed() {
    survives(Way::Sizpay);
}
