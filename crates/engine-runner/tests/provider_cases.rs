//! What may become of a link beside being paid in time, at each provider over sockets: the runner and
//! the provider, two processes, live in the time of one store.

use std::collections::BTreeMap;

use charkh::values::{TimeDelta, Timestamp};
use serde_json::Value as Json;

use crate::provider_stage::{Scene, Stage, Way, http};

const WORKFLOW: &str = "
workflow: sale
version: 1
entity: invoice
label: { en: Sale }
fields: { receipt: { type: receipt } }
initial: review
states:
  review:
    label: { en: Review }
    task:
      assignee: { role: accountant }
      actions:
        approve: { label: { en: Approve }, to: make_link }
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
    next: { paid: paid, paid_late: late, expired: expired, cancelled: cancelled }
  paid: { label: { en: Paid }, end: success }
  late: { label: { en: Paid late }, end: success }
  expired: { label: { en: Expired }, end: failed }
  cancelled: { label: { en: Cancelled }, end: cancelled }
  failed: { label: { en: Failed }, end: failed }
";

const RUN: &str = "run workflows/sale.yaml --items items.csv --clock virtual --store data \
                   --at 2026-08-23T09:00:00+03:30";

/// Something that is done about a link.
#[derive(Debug, Clone, Copy)]
enum Deed {
    /// A customer presses a button of its pay page.
    Press(&'static str),
    /// A person cancels it; the word of the refusal where the provider has no such thing.
    Cancel,
    /// A person has the provider asked; how the link is then.
    Check(&'static str),
}

/// One item's story.
struct Case {
    /// Right after its link was made.
    at_once: &'static [Deed],
    /// When its time is up, before anybody of ours has looked.
    after_expiry: &'static [Deed],
    /// How its link ends.
    link: &'static str,
    /// Where the item ends.
    item: &'static str,
    /// Payments it has in the end, with the provider and with us.
    payments: usize,
}

/// The item that is told of again and never paid.
const RESENT: usize = 1;

fn cases(way: Way) -> [Case; 5] {
    use Deed::{Cancel, Check, Press};
    // Whoever only asks SizPay learns nothing.
    let declines: &[Deed] = match way {
        Way::Sizpay => &[Press("decline"), Check("unknown")],
        _ => &[Press("decline"), Check("created")],
    };
    let thinks_again: &[Deed] = match way {
        Way::Sizpay => &[Press("decline"), Press("pay"), Check("unknown")],
        _ => &[Press("decline"), Press("pay"), Check("paid")],
    };
    // Whoever has begun in time may pay later.
    let begins: &[Deed] = match way {
        Way::Sizpay => &[Press("start")],
        _ => &[Press("leave")],
    };
    let pays: &[Deed] = match way {
        Way::Sizpay => &[Press("pay"), Check("expiring")],
        _ => &[Press("pay"), Check("paid_late")],
    };
    // A classic link cannot be closed, so it goes on to its expiry, and nobody tries to pay it.
    let (cancels, closed): (&[Deed], &str) = match way {
        Way::RobokassaClassic => (&[Cancel], "expired"),
        _ => (&[Cancel, Press("pay"), Check("cancelled")], "cancelled"),
    };
    let case = |at_once, after_expiry, (link, item, payments)| Case {
        at_once,
        after_expiry,
        link,
        item,
        payments,
    };
    [
        case(&[], &[], ("expired", "expired", 0)),
        case(cancels, &[], (closed, closed, 0)),
        case(declines, &[], ("expired", "expired", 0)),
        case(thinks_again, &[], ("paid", "paid", 1)),
        case(begins, pays, ("paid_late", "late", 1)),
    ]
}

/// Minutes that pass before each further message, and the refusal of those that are refused. Every one
/// is asked for by a process of its own.
fn resends(way: Way) -> &'static [(i64, Option<&'static str>)] {
    match way {
        Way::Sizpay => &[
            (0, Some("resend_too_soon")),
            (2, None),
            (1, Some("resend_too_soon")),
            (1, None),
            (2, None),
            (2, Some("resends_used_up")),
        ],
        _ => &[(0, None), (0, None)],
    }
}

/// A store that lives in a time of its own, and a provider that lives in the same.
struct Scenery {
    stage: Stage,
    way: Way,
    urls: BTreeMap<usize, String>,
}

impl Scenery {
    fn new(way: Way, items: usize) -> Scenery {
        let scene = Scene {
            words: "--store data",
            workflow: WORKFLOW,
            ..Scene::default()
        };
        let stage = Stage::with(way, &scene);
        let mut csv = String::from("id,party,final_amount\n");
        for number in 1..=items {
            csv.push_str(&format!("{number},acme,{}\n", way.amount(number)));
        }
        stage.place.write("items.csv", csv.as_bytes());
        stage.run(RUN).expect(0);
        for number in 1..=items {
            let words = format!("act invoice/{number} approve --as ali --store data");
            stage.run(&words).expect(0);
        }
        let mut scenery = Scenery {
            stage,
            way,
            urls: BTreeMap::new(),
        };
        for (number, link) in scenery.links() {
            assert_eq!(link["status"], "created", "{link}");
            let url = link["url"].as_str().unwrap().to_owned();
            scenery.urls.insert(number, url);
        }
        scenery
    }

    /// Time passes while no process of ours runs.
    fn pass(&self, time: TimeDelta) {
        let now: Timestamp = self.stage.place.read("data/clock").trim().parse().unwrap();
        let text = (now + time).format("%Y-%m-%dT%H:%M:%S%.6fZ\n").to_string();
        self.stage.place.write("data/clock", text.as_bytes());
    }

    fn links(&self) -> BTreeMap<usize, Json> {
        let links = self
            .stage
            .run("links list --store data --json")
            .expect(0)
            .json();
        let rows = links["links"].as_array().unwrap();
        rows.iter()
            .map(|link| (number(&link["item"]), link.clone()))
            .collect()
    }

    fn done(&self, number: usize, deed: Deed) {
        let link = |what: &str| {
            self.stage.run(&format!(
                "links {what} invoice/{number} --as ali --store data"
            ))
        };
        match deed {
            Deed::Press(button) => {
                // What the page says does not matter here: the ledger shows what has happened.
                http("POST", &self.urls[&number], &format!("action={button}")).unwrap();
            }
            Deed::Cancel if self.way == Way::RobokassaClassic => {
                let refused = link("cancel").expect(6);
                assert!(
                    refused.err.contains("unsupported_operation"),
                    "{}",
                    refused.err
                );
            }
            Deed::Cancel => {
                let ran = link("cancel").expect(0);
                assert!(ran.out.contains("is cancelled"), "{}", ran.out);
            }
            Deed::Check(status) => {
                let ran = link("check").expect(0);
                let wanted = format!("is {status}\n");
                assert!(ran.out.ends_with(&wanted), "{:?} {}", self.way, ran.out);
            }
        }
    }

    /// A person tells the payer again, as often as the provider lets them.
    fn resend(&self) {
        let told = || {
            let texts = self.stage.ledger()["ledger"]
                .as_array()
                .unwrap()
                .iter()
                .find(|line| line["amount"] == self.way.amount(RESENT))
                .map_or(0, |line| line["texts"].as_u64().unwrap());
            let messages = self.stage.place.read("data/messages.jsonl");
            let ours = messages.lines().filter(|line| line.contains("/again/"));
            let ours = ours.count();
            (texts, ours)
        };
        let mut wanted = told();
        for (minutes, refusal) in resends(self.way) {
            self.pass(TimeDelta::minutes(*minutes));
            let words = format!("links resend invoice/{RESENT} --as ali --store data");
            let ran = self.stage.run(&words);
            match refusal {
                Some(code) => {
                    let ran = ran.expect(6);
                    assert!(ran.err.contains(code), "{}", ran.err);
                }
                None => {
                    ran.expect(0);
                    if self.way == Way::Sizpay {
                        wanted.0 += 1;
                    } else {
                        // An SMS and an e-mail.
                        wanted.1 += 2;
                    }
                }
            }
            assert_eq!(told(), wanted, "{:?}", self.way);
        }
    }

    /// SizPay cannot say what is paid: a person has seen it on its pages and records it.
    fn record_by_hand(&self, case: &Case, item: usize) {
        if self.way != Way::Sizpay || case.payments == 0 {
            return;
        }
        let listed = self.stage.run("attention list --store data").expect(0).out;
        assert!(listed.contains(&format!("invoice/{item} ")), "{listed}");
        let words = format!(
            "attention resolve invoice/{item} --as ali --record-payment 88{item} {} --store data",
            self.way.amount(item).replace(' ', "")
        );
        self.stage.run(&words).expect(0);
    }

    /// Every link and item ended as its case says, and both books agree.
    fn judge(&self, cases: &[Case]) {
        let links = self.links();
        let items = self.stage.run("items --store data --json").expect(0).json();
        let ledger = self.stage.ledger();
        let crm = self.stage.place.read("data/crm.jsonl");
        for (case, item) in cases.iter().zip(1..) {
            let way = self.way;
            assert_eq!(links[&item]["status"], case.link, "{way:?} item {item}");
            let mut rows = items["items"].as_array().unwrap().iter();
            let row = rows.find(|row| number(&row["item"]) == item).unwrap();
            assert_eq!(row["state"], case.item, "{way:?} item {item}");
            let lines = ledger["ledger"].as_array().unwrap();
            let mut theirs = 0;
            for line in lines
                .iter()
                .filter(|line| line["amount"] == way.amount(item))
            {
                assert_eq!(line["state"], "closed", "{line}");
                theirs += line["payments"].as_array().unwrap().len();
            }
            assert_eq!(theirs, case.payments, "{way:?} item {item}: {ledger:#}");
            let receipts = crm.lines().filter(|line| {
                let line: Json = serde_json::from_str(line).unwrap();
                let receipt = line.pointer("/write/change/register_receipt/receipt");
                receipt.is_some_and(|receipt| receipt["amount"] == way.amount(item))
            });
            assert_eq!(receipts.count(), case.payments, "{way:?} item {item}");
        }
        self.stage.run("verify --store data").expect(0);
    }
}

/// The number of an item such as `invoice/3`.
fn number(item: &Json) -> usize {
    let name = item.as_str().unwrap();
    name.strip_prefix("invoice/").unwrap().parse().unwrap()
}

fn plays(way: Way) {
    let cases = cases(way);
    let scenery = Scenery::new(way, cases.len());
    for (case, item) in cases.iter().zip(1..) {
        for deed in case.at_once {
            scenery.done(item, *deed);
        }
        if case.after_expiry.is_empty() {
            scenery.record_by_hand(case, item);
        }
    }
    scenery.resend();
    scenery.pass(TimeDelta::days(3));
    for (case, item) in cases.iter().zip(1..) {
        for deed in case.after_expiry {
            scenery.done(item, *deed);
        }
        if !case.after_expiry.is_empty() {
            scenery.record_by_hand(case, item);
        }
    }
    scenery.stage.run(RUN).expect(0);
    scenery.judge(&cases);
}

/// Clauses 43 to 45: expired, cancelled, declined, paid at the second try, paid late; told again.
#[test]
fn at_pod_a_link_ends_in_each_way_that_there_is() {
    plays(Way::Pod);
}

/// Clauses 43 to 45: the same.
#[test]
fn at_robokassa_an_invoice_ends_in_each_way_that_there_is() {
    plays(Way::RobokassaInvoices);
}

/// Clauses 43 to 45: the same, but it cannot be cancelled.
#[test]
fn at_robokassa_a_classic_link_ends_in_each_way_that_there_is() {
    plays(Way::RobokassaClassic);
}

/// Clauses 43 to 45: the same, and SizPay's pause and number of messages are kept by us across
/// processes.
#[test]
fn at_sizpay_a_link_ends_in_each_way_that_there_is() {
    plays(Way::Sizpay);
}

const SUBSCRIPTION: &str = "
workflow: sale
version: 1
entity: invoice
label: { en: Subscription }
fields: { times: { type: number } }
initial: make_link
states:
  make_link:
    label: { en: Make the link }
    activity: create_payment_link
    with:
      account: main
      amount: final
      expires: { days: 3 }
      recipients: { email: [contact] }
      message: default
      usage: reusable
      receipt: { type: online, approve: auto }
    next: { success: await_payment, error: over }
  await_payment:
    label: { en: Wait }
    wait: { payment: make_link }
    next: { paid: count, expired: over }
  count:
    label: { en: Count }
    activity: set_fields
    with: { set: { times: { value: (item.times ?? 0) + 1 } } }
    next: { success: await_payment, error: over }
  over: { label: { en: Over }, end: success }
";

/// Each payment of a reusable link is an event and a receipt of its own, and the link goes on.
#[test]
fn a_reusable_link_is_paid_twice() {
    for way in [Way::RobokassaInvoices, Way::RobokassaClassic] {
        let scene = Scene {
            workflow: SUBSCRIPTION,
            ..Scene::default()
        };
        let stage = Stage::with(way, &scene);
        let link = stage.make_link("990 RUB");
        let mut listener = stage.listen();
        for times in 1..=2 {
            let paid = http("POST", link["url"].as_str().unwrap(), "action=pay").unwrap();
            assert!(paid.status < 400, "{way:?}: {}", paid.body);
            let told = || {
                stage
                    .place
                    .read("data/crm.jsonl")
                    .matches("register_receipt")
                    .count()
            };
            while told() < times {
                assert!(listener.child.try_wait().unwrap().is_none());
                std::thread::yield_now();
            }
        }
        assert_eq!(listener.interrupt(), 130);
        let links = stage.run("links list --store data --json").expect(0).json();
        let link = &links["links"][0];
        assert_eq!(
            (&link["status"], &link["payments"]),
            (&"created".into(), &2.into())
        );
        assert_eq!(link["received"], "1980.00 RUB", "{way:?}");
        let items = stage.run("items --store data --json").expect(0).json();
        let item = &items["items"][0];
        assert_eq!(item["state"], "await_payment", "{items}");
        let ledger = stage.ledger();
        let lines = ledger["ledger"].as_array().unwrap();
        let paid = lines
            .iter()
            .map(|line| line["payments"].as_array().unwrap().len());
        assert_eq!((lines.len(), paid.sum::<usize>()), (1, 2), "{ledger:#}");
        let listed = stage
            .run("attention list --store data --json")
            .expect(0)
            .json();
        assert_eq!(listed["attention"], serde_json::json!([]));
    }
}
