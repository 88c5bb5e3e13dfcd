//! Links that people have made from the command line.

use serde_json::Value as Json;

use crate::support::{Place, Ran};

/// A project with an invoice that waits for its manager, and links that are paid after a day.
fn place() -> Place {
    let place = Place::with_project();
    let words = "run workflows/invoice.yaml --items invoice.json --clock virtual --store data \
                 --at 2026-08-23T09:00:00+03:30";
    place.run(words).expect(0);
    place
}

fn links(place: &Place, deed: &str, args: &[&str]) -> Ran {
    let words = format!("links {deed}");
    place
        .command(&words)
        .args(args)
        .args(["--store", "data"])
        .output()
        .unwrap()
        .into()
}

fn create(place: &Place, args: &[&str]) -> Ran {
    links(place, "create", args)
}

/// What `links create --json` tells of a link.
fn made(place: &Place, args: &[&str]) -> Json {
    let args = [args, &["--as", "ali", "--json"]].concat();
    create(place, &args).expect(0).json()["link"].clone()
}

fn recipients(link: &Json) -> Vec<&str> {
    let messages = link["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["recipient"].as_str().unwrap())
        .collect()
}

/// Every option of the form, apart by `|`.
const FORM: &str = "--item|invoice/INV-1042|--account|main|--amount|۱٬۵۰۰٬۰۰۰ IRR|--until|\
    ۱۴۰۵/۰۶/۳۱|--sms|contact|--sms|position:accountant|--sms|۰۹۱۲۰۰۰۰۰۰۰|--email|\
    manager|--email|a@b.example|--message|note.txt|--description|پیش‌پرداخت|\
    --language|fa|--receipt-type|cash|--approve|--field|receipt|--for|make_link";

fn words(text: &str) -> Vec<&str> {
    text.split('|').collect()
}

#[test]
fn the_defaults_are_those_of_the_form() {
    let place = place();
    let link = made(&place, &["--item", "invoice/INV-1042"]);
    // The amount of a financial item is its own; the account's days; the party's mobile and e-mail.
    assert_eq!(link["amount"], "450000000 IRR");
    assert_eq!(
        (&link["account"], &link["state"]),
        (&"main".into(), &"by hand".into())
    );
    assert_eq!(recipients(&link), ["party", "party"]);
    assert_eq!(link["receipt"]["approved"], false);
    assert_eq!(link["receipt"]["kind"], "online");
    let told = create(&place, &["--item", "invoice/INV-1042", "--as", "ali"])
        .expect(0)
        .out;
    assert!(told.contains("https://sandbox.invalid/pay/"), "{told}");
    assert!(
        told.contains("450000000 IRR") && told.contains("+989121112233"),
        "{told}"
    );
    assert!(told.contains("1405/06/14"), "{told}");
    let shown = place
        .run("links show invoice/INV-1042/by_hand/h1 --store data")
        .expect(0)
        .out;
    assert!(shown.contains("by hand   ali"), "{shown}");
    let history = place
        .run("history invoice/INV-1042 --store data")
        .expect(0)
        .out;
    assert!(history.contains("ali asks for a payment link"), "{history}");
}

#[test]
fn every_word_of_the_form_is_there() {
    let place = place();
    place.write("note.txt", "سلام، بپردازید: {{ link.url }}\n".as_bytes());
    let link = made(&place, &words(FORM));
    assert_eq!(link["amount"], "1500000 IRR");
    assert_eq!(link["expires_at"], "2026-09-22T20:30:00Z");
    assert_eq!(link["state"], "make_link");
    assert_eq!(link["description"], "پیش‌پرداخت");
    assert_eq!(link["receipt"]["kind"], "cash");
    assert_eq!(
        (&link["receipt"]["approved"], &link["receipt"]["field"]),
        (&true.into(), &"receipt".into())
    );
    let mut told = recipients(&link);
    told.sort_unstable();
    assert_eq!(
        told,
        ["address", "contact", "number", "position accountant"]
    );
    assert_eq!(link["unreachable"][0]["recipient"], "manager");
    let body = link["messages"][0]["body"].as_str().unwrap();
    assert!(
        body.starts_with("سلام") && body.contains("https://"),
        "{body}"
    );
    place.write(
        "note.yaml",
        "sms: { fa: 'پیوند {{ link.url }}', en: 'Link {{ link.url }}' }\n".as_bytes(),
    );
    let yaml = made(
        &place,
        &[
            "--item",
            "invoice/INV-1042",
            "--sms",
            "contact",
            "--message",
            "note.yaml",
        ],
    );
    assert!(
        yaml["messages"][0]["body"]
            .as_str()
            .unwrap()
            .starts_with("پیوند"),
        "{yaml}"
    );
}

#[test]
fn a_link_for_the_waiting_state_is_paid_and_moves_the_item() {
    let place = place();
    place
        .run("act invoice/INV-1042 approve --as zahra --store data")
        .expect(0);
    links(&place, "cancel", &["invoice/INV-1042", "--as", "ali"]).expect(0);
    let link = made(
        &place,
        &[
            "--item",
            "invoice/INV-1042",
            "--for",
            "make_link",
            "--days",
            "۵",
        ],
    );
    let ran = place
        .run("run workflows/invoice.yaml --clock virtual --store data")
        .expect(0);
    assert!(ran.out.contains("ended in paid"), "{}", ran.out);
    let id = link["id"].as_str().unwrap();
    let shown = place
        .run(&format!("links show {id} --store data --json"))
        .expect(0)
        .json();
    assert_eq!(shown["link"]["status"], "paid");
    assert_eq!(shown["link"]["receipts"].as_array().unwrap().len(), 1);
    place.run("verify --store data").expect(0);
}

#[test]
fn a_link_of_a_party_is_an_item_of_its_own_that_ends_with_it() {
    let place = Place::with_project();
    let link = made(&place, &["--party", "parsplast"]);
    assert_eq!(link["item"], "payment_link/1");
    assert_eq!(link["amount"], "450000000 IRR", "what the party owes");
    let description = link["description"].as_str().unwrap();
    assert!(description.starts_with("لینک پرداخت 1"), "{description}");
    let again = [
        "--party",
        "parsplast",
        "--amount",
        "5_000_000 IRR",
        "--id",
        "form-7",
    ];
    let second = made(&place, &again);
    assert_eq!(second["item"], "payment_link/form-7");
    assert_eq!(
        made(&place, &again)["id"],
        second["id"],
        "the same wish is the same link"
    );
    assert_eq!(
        made(&place, &["--party", "sepid", "--amount", "7 IRR"])["item"],
        "payment_link/2"
    );
    let id = second["id"].as_str().unwrap();
    links(&place, "cancel", &[id, "--as", "ali"]).expect(0);
    let items = place.run("items --store data --json").expect(0).json();
    let states: Vec<(&str, &str)> = items["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["item"].as_str().unwrap(),
                row["state"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        states,
        [
            ("payment_link/1", "open"),
            ("payment_link/2", "open"),
            ("payment_link/form-7", "cancelled")
        ]
    );
}

#[test]
fn a_link_of_a_party_that_has_expired_is_renewed_and_paid() {
    let place = Place::with_project();
    place.edit(
        "charkh.yaml",
        "{ pay: { after: 26h } }",
        "{ pay: { after: 26h }, cases: [{ when: { order: 1 }, pay: never }] }",
    );
    // A store on a virtual clock, so that time passes.
    let run = "run workflows/invoice.yaml --items invoice.json --clock virtual --store data \
               --at 2026-08-23T09:00:00+03:30";
    place.run(run).expect(0);
    let first = made(&place, &["--party", "parsplast", "--days", "1"]);
    let go_on = || {
        place
            .run("run workflows/invoice.yaml --clock virtual --store data")
            .expect(0)
    };
    go_on();
    let id = first["id"].as_str().unwrap();
    let state = |place: &Place| {
        let items = place.run("items --store data --json").expect(0).json();
        let mut rows = items["items"].as_array().unwrap().iter();
        let row = rows.find(|row| row["item"] == "payment_link/1").unwrap();
        row["state"].as_str().unwrap().to_owned()
    };
    // The run goes on to the end of all time: after a month without a payment it is over.
    assert_eq!(state(&place), "expired");
    let over = links(&place, "renew", &[id, "--as", "ali"]).expect(6);
    assert!(over.err.contains("error[ended]"), "{}", over.err);
    let second = made(&place, &["--party", "parsplast", "--days", "2"]);
    let renewed = links(
        &place,
        "renew",
        &[
            second["id"].as_str().unwrap(),
            "--days",
            "4",
            "--as",
            "ali",
            "--json",
        ],
    );
    let renewed = renewed.expect(0).json()["link"].clone();
    go_on();
    let items = place
        .run("items --state paid --store data --json")
        .expect(0)
        .json();
    assert_eq!(items["items"][0]["item"], second["item"], "{items}");
    let superseded = place
        .run("links list --status superseded --store data --json")
        .expect(0);
    let superseded = superseded.json()["links"][0].clone();
    assert_eq!(superseded["id"], second["id"]);
    assert_eq!(superseded["replaced_by"], renewed["id"]);
}

/// A wish, how it ends, and what is said.
#[rustfmt::skip]
const REFUSED: [(&str, i32, &str); 15] = [
    ("--item|invoice/INV-1042|--as|nobody", 6, "no_user"),
    ("--party|parsplast|--as|nobody", 6, "no_user"),
    ("--party|nobody|--as|ali", 4, "no_party"),
    ("--party|nika|--as|ali|--amount|5 IRR", 6, "party_is_lead"),
    ("--party|sepid|--as|ali", 6, "balance_not_owed"),
    ("--item|invoice/9|--as|ali", 4, "not_started"),
    ("--item|invoice/INV-1042|--as|ali|--until|1390/01/01", 6, "expiry_past"),
    ("--item|invoice/INV-1042|--as|ali|--days|0", 6, "bad_settings"),
    ("--item|invoice/INV-1042|--as|ali|--text|pay", 6, "bad_settings"),
    ("--item|invoice/INV-1042|--as|ali|--for|review", 6, "not_a_link_state"),
    ("--item|invoice/INV-1042|--as|ali|--sms|x", 3, "bad_recipient"),
    ("--item|invoice/INV-1042|--as|ali|--account|x", 6, "bad_settings"),
    ("--item|invoice/INV-1042|--as|ali|--reusable", 6, "no reusable links"),
    ("--as|ali", 3, "required"),
    ("--item|invoice/1|--party|sepid|--as|ali", 3, "cannot be used"),
];

#[test]
fn what_cannot_be_is_said_and_leaves_no_link() {
    let place = place();
    for (wish, exit, code) in REFUSED {
        let ran = create(&place, &words(wish)).expect(exit);
        assert!(ran.err.contains(code), "{wish}: {}", ran.err);
    }
    let none = place.run("links --store data --json").expect(0).json();
    assert!(none["links"].as_array().unwrap().is_empty(), "{none}");
    // An item whose link could not be made is over.
    let items = place.run("items --store data --json").expect(0).json();
    for row in items["items"].as_array().unwrap() {
        let item = row["item"].as_str().unwrap();
        assert!(
            !item.starts_with("payment_link/") || row["state"] == "withdrawn",
            "{row}"
        );
    }
    place
        .run("links renew nothing --as ali --store data")
        .expect(4);
}

/// An answer that is lost: the link is found and closed before the command ends, and may be asked for again.
#[test]
fn a_lost_answer_is_told_and_what_came_of_it_is_closed() {
    let place = Place::with_project();
    place.edit(
        "charkh.yaml",
        "{ pay: { after: 26h } }",
        "{ pay: never, cases: [{ when: { order: 1 }, create: timeout_after_accepting }] }",
    );
    let args = ["--party", "parsplast", "--as", "ali"];
    let lost = create(&place, &args).expect(5);
    assert!(lost.err.contains("looked for and closed"), "{}", lost.err);
    let links = place.run("links --store data --json").expect(0).json();
    assert_eq!(links["links"][0]["status"], "cancelled", "{links}");
    create(&place, &args).expect(0);
    let verified = place.run("verify --store data").expect(0).out;
    assert!(verified.contains("none live twice: yes"), "{verified}");
}
