//! What a workflow does with money beside making links, at the providers that can, over sockets: one
//! invoice pays another, a payment in the future, the second receipt of a prepayment.

use charkh::values::{TimeDelta, Timestamp};
use serde_json::{Value as Json, json};

use crate::provider_stage::{Scene, Stage, Way, http};

/// What we sell: to the other business where `pod_user` says so.
const SALE: &str = "
workflow: sale
version: 1
entity: invoice
label: { en: Sale }
fields:
  pod_user: { type: text }
  receipt:  { type: receipt }
events: { withdraw: { late: ignore } }
initial: review
states:
  review:
    task:
      assignee: { role: accountant }
      actions: { approve: { to: make_link } }
  make_link:
    activity: create_payment_link
    with:
      account: main
      amount: final
      expires: { days: 9 }
      recipients: { email: [contact] }
      receipt: { type: online, approve: auto, field: receipt }
      extras: { user_id: { value: 'item.pod_user ?? \"\"' } }
    next: { success: await_payment, error: failed }
  await_payment:
    wait: { payment: make_link }
    on: { withdraw: { to: withdraw } }
    next: { paid: paid, expired: failed, cancelled: withdrawn }
  withdraw:
    activity: cancel_payment_link
    next: { success: withdrawn, error: failed }
  paid: { end: success }
  withdrawn: { end: cancelled }
  failed: { end: failed }
";

/// The same from the other business's account.
fn their_sale() -> String {
    let text = SALE.replace("workflow: sale", "workflow: their-sale");
    let text = text.replace("entity: invoice", "entity: contract");
    text.replace("account: main", "account: other")
}

/// What the other business owes us: paid by what it has sold, or on a day.
fn debt(activity: &str, with: &str) -> String {
    format!(
        "
workflow: {activity}
version: 1
entity: {activity}
label: {{ en: Debt }}
fields:
  their_invoice:  {{ type: text }}
  sales_contract: {{ type: item, entity: contract }}
  due_date:       {{ type: date, calendar: gregorian }}
initial: review
states:
  review:
    task:
      assignee: {{ role: accountant }}
      actions: {{ pay: {{ to: pay, require: [their_invoice] }} }}
  pay:
    activity: {activity}
    with: {{ account: other, invoice: {{ value: item.their_invoice }}, {with} }}
    next: {{ success: booked, error: desk }}
  desk:
    task:
      assignee: {{ role: accountant }}
      actions: {{ again: {{ to: pay }} }}
  booked: {{ end: success }}
"
    )
    .replace('-', "_")
}

/// A stage in the time of a store.
struct Books {
    stage: Stage,
}

impl Books {
    fn new(way: Way, workflow: &str) -> Books {
        let scene = Scene {
            words: "--store data",
            workflow,
            ..Scene::default()
        };
        Books {
            stage: Stage::with(way, &scene),
        }
    }

    /// Starts an item of a workflow. All are started before anything waits: a run jumps over waits.
    fn begin(&self, workflow: &str, item: &Json) {
        let text = item.to_string();
        self.stage.place.write("item.json", text.as_bytes());
        let words = format!(
            "run workflows/{workflow}.yaml --items item.json --clock virtual --store data \
             --at 2026-08-23T09:00:00+03:30"
        );
        self.stage.run(&words).expect(0);
    }

    fn act(&self, item: &str, action: &str) {
        let words = format!("act {item} {action} --as ali --store data");
        self.stage.run(&words).expect(0);
    }

    fn sale(&self, id: &str, amount: &str, user: Option<&str>) {
        let mut item = json!({ "id": id, "party": "acme", "final_amount": amount });
        if let Some(user) = user {
            item["pod_user"] = user.into();
        }
        self.begin("sale", &item);
    }

    fn link(&self, item: &str) -> Json {
        let words = format!("links show {item} --store data --json");
        self.stage.run(&words).expect(0).json()["link"].clone()
    }

    /// Has the provider asked, and says how the link is then.
    fn checked(&self, item: &str) -> String {
        let words = format!("links check {item} --as ali --store data");
        self.stage.run(&words).expect(0);
        self.link(item)["status"].as_str().unwrap().to_owned()
    }

    fn pay(&self, item: &str) {
        let url = self.link(item)["url"].as_str().unwrap().to_owned();
        let paid = http("POST", &url, "action=pay").unwrap();
        assert!(paid.status < 400, "{}", paid.body);
        assert_eq!(self.checked(item), "paid");
    }

    fn state(&self, item: &str) -> String {
        let items = self.stage.run("items --store data --json").expect(0).json();
        let mut rows = items["items"].as_array().unwrap().iter();
        let row = rows.find(|row| row["item"] == item).unwrap();
        row["state"].as_str().unwrap().to_owned()
    }

    /// The codes in an item's story.
    fn codes(&self, item: &str) -> String {
        let words = format!("history {item} --store data --json");
        self.stage.run(&words).expect(0).out
    }

    /// Pays an invoice as the other business that owes it; where its item is then.
    fn owed(&self, debt: &str, invoice: &str) -> String {
        let link = self.link(invoice);
        let number = link["provider_ref"]["invoice_id"].as_str().unwrap();
        self.act(debt, &format!("pay --set their_invoice={number}"));
        self.state(debt)
    }

    fn pass(&self, time: TimeDelta) {
        let now: Timestamp = self.stage.place.read("data/clock").trim().parse().unwrap();
        let text = (now + time).format("%Y-%m-%dT%H:%M:%S%.6fZ\n").to_string();
        self.stage.place.write("data/clock", text.as_bytes());
    }

    fn receipts(&self) -> usize {
        let crm = self.stage.place.read("data/crm.jsonl");
        crm.matches("register_receipt").count()
    }
}

/// The number of the other business at POD.
const OTHER: Option<&str> = Some("2002");

fn at_pod() -> Books {
    let books = Books::new(Way::Pod, SALE);
    let place = &books.stage.place;
    place.write("workflows/their-sale.yaml", their_sale().as_bytes());
    let by = debt("offset_invoice", "by: { field: sales_contract }");
    place.write("workflows/offset_invoice.yaml", by.as_bytes());
    let on = "on: { value: item.due_date }, from: { wallet: PODLAND_WALLET }";
    let later = debt("schedule_payment", on);
    place.write("workflows/schedule_payment.yaml", later.as_bytes());
    books
}

/// The three errors of paying by another invoice, each shown to a person, and paying by it.
#[test]
fn at_pod_an_invoice_that_is_paid_pays_another_one_once() {
    let books = at_pod();
    for (id, user) in [("1", OTHER), ("2", None), ("3", OTHER)] {
        books.sale(id, "5000000 IRR", user);
        let by = json!({ "id": id, "sales_contract": "contract/9" });
        books.begin("offset_invoice", &by);
    }
    let theirs = json!({ "id": "9", "party": "acme", "final_amount": "5000000 IRR" });
    books.begin("their-sale", &theirs);
    for sale in ["invoice/1", "invoice/2", "invoice/3", "contract/9"] {
        books.act(sale, "approve");
    }
    // Nobody has paid what should pay.
    assert_eq!(books.owed("offset_invoice/1", "invoice/1"), "desk");
    assert!(
        books
            .codes("offset_invoice/1")
            .contains("offset_source_unpaid")
    );
    books.pay("contract/9");
    // An invoice that was issued to somebody else.
    assert_eq!(books.owed("offset_invoice/2", "invoice/2"), "desk");
    assert!(books.codes("offset_invoice/2").contains("forbidden"));
    books.act("offset_invoice/1", "again");
    assert_eq!(books.state("offset_invoice/1"), "booked");
    assert_eq!(books.checked("invoice/1"), "scheduled_future");
    // What has paid once pays nothing else.
    assert_eq!(books.owed("offset_invoice/3", "invoice/3"), "desk");
    let codes = books.codes("offset_invoice/3");
    assert!(codes.contains("offset_source_reserved"), "{codes}");
    books.pass(TimeDelta::hours(25));
    assert_eq!(books.checked("invoice/1"), "paid");
    assert_eq!(books.state("invoice/1"), "paid");
    assert_eq!(books.receipts(), 2, "of the sale that paid, and of ours");
    books.stage.run("verify --store data").expect(0);
}

/// Money is blocked until its day; whoever has issued the invoice calls it off, whoever owes it cannot.
#[test]
fn at_pod_a_payment_in_the_future_is_paid_on_its_day_or_called_off_by_its_issuer() {
    let books = at_pod();
    for (id, amount, day) in [
        ("1", "5000000 IRR", "2026-08-25"),
        ("2", "6000000 IRR", "2026-08-25"),
        ("3", "7000000 IRR", "2026-08-27"),
    ] {
        books.sale(id, amount, OTHER);
        books.begin("schedule_payment", &json!({ "id": id, "due_date": day }));
    }
    for id in ["1", "2"] {
        let (sale, debt) = (format!("invoice/{id}"), format!("schedule_payment/{id}"));
        books.act(&sale, "approve");
        assert_eq!(books.owed(&debt, &sale), "booked");
        assert_eq!(books.checked(&sale), "scheduled_future");
    }
    // Who owes it has promised: another day for the same invoice is refused.
    assert_eq!(books.owed("schedule_payment/3", "invoice/2"), "desk");
    let codes = books.codes("schedule_payment/3");
    assert!(codes.contains("already_scheduled"), "{codes}");
    let called_off = books.stage.run("event invoice/2 withdraw --store data");
    called_off.expect(0);
    assert_eq!(books.state("invoice/2"), "withdrawn");
    assert_eq!(books.link("invoice/2")["status"], "cancelled");
    books.pass(TimeDelta::days(3));
    assert_eq!(books.checked("invoice/1"), "paid");
    assert_eq!(books.checked("invoice/2"), "cancelled");
    assert_eq!(books.state("invoice/1"), "paid");
    assert_eq!(books.receipts(), 1);
    books.stage.run("verify --store data").expect(0);
}

/// A prepayment is paid, and once the rest is there the provider issues the second receipt, once.
#[test]
fn at_robokassa_a_prepayment_gets_its_second_receipt_once() {
    let workflow = SALE
        .replace(
            "  receipt:  { type: receipt }\n",
            "  receipt:  { type: receipt }\n  rest: { type: money, currency: RUB }\n  slip: { type: text }\n",
        )
        .replace(
            "      extras: { user_id: { value: 'item.pod_user ?? \"\"' } }\n",
            "",
        )
        .replace(
            "next: { paid: paid,",
            "next: { paid: rest_due,",
        )
        .replace(
            "  paid: { end: success }\n",
            "  rest_due:
    task:
      assignee: { role: accountant }
      actions: { delivered: { to: second } }
  second:
    activity: register_receipt
    with:
      account: main
      amount: { value: item.rest }
      transaction: { field: slip }
      receipt: { type: cash, approve: auto }
      second_of: make_link
    next: { success: paid, error: rest_due }
  paid: { end: success }
",
        );
    let books = Books::new(Way::RobokassaInvoices, &workflow);
    let options = "    options:\n      receipt: { tax: none, payment_method: full_prepayment, \
                   second: { url: \"https://shop.example\", name: The rest, email: shop@shop.example } }\n";
    let project = books.stage.place.read("charkh.yaml");
    let project = project.replacen("    options:\n", options, 1);
    books.stage.place.write("charkh.yaml", project.as_bytes());
    for id in ["1", "2"] {
        let item = json!({
            "id": id, "party": "acme", "final_amount": "900.00 RUB", "rest": "100.00 RUB",
            "slip": "77001",
        });
        books.begin("sale", &item);
    }
    for sale in ["invoice/1", "invoice/2"] {
        books.act(sale, "approve");
        books.pay(sale);
        assert_eq!(books.state(sale), "rest_due");
    }
    books.act("invoice/1", "delivered");
    assert_eq!(
        books.state("invoice/1"),
        "paid",
        "{}",
        books.codes("invoice/1")
    );
    // The same slip makes no second one.
    books.act("invoice/2", "delivered");
    assert_eq!(books.state("invoice/2"), "rest_due");
    assert!(books.codes("invoice/2").contains("transaction_reused"));
    assert_eq!(books.receipts(), 3, "two prepayments, one rest");
    books.stage.run("verify --store data").expect(0);
}
