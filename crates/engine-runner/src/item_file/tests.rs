//! Good and bad items files of each kind.

use charkh::Catalog;
use charkh::values::Value;
use charkh::workflow_file::{Loaded, Project, SourceFile, load};

use super::{NewItem, parse};

const WORKFLOW: &str = "
workflow: small
version: 1
entity: invoice
label: Small
fields:
  due_date: { type: date, calendar: jalali }
  price: { type: money, currency: IRR }
  ok: { type: bool }
related:
  opportunity: { fields: { title: { type: text } } }
initial: wait
states:
  wait:
    task: { assignee: { user: zahra }, actions: { go: { to: done } } }
  done: { end: success }
";

fn loaded() -> Loaded {
    let source = SourceFile::new("small.yaml", WORKFLOW);
    load(&source, &Catalog::builtin(), None).unwrap()
}

fn project() -> Project {
    let source = SourceFile::new("charkh.yaml", "parties: { pars: { name: پارس } }");
    Project::check(&source).0.unwrap()
}

fn read(
    name: &str,
    text: impl Into<Vec<u8>>,
) -> Result<Vec<NewItem>, Vec<(String, usize, String)>> {
    let source = SourceFile::new(name, text);
    let (items, findings) = parse(&source, &loaded(), &project());
    let found: Vec<(String, usize, String)> = findings
        .finish()
        .into_iter()
        .map(|found| (found.code.to_owned(), found.span.line, found.message))
        .collect();
    if found.is_empty() {
        Ok(items)
    } else {
        Err(found)
    }
}

#[test]
fn the_three_kinds_of_file_give_the_same_items() {
    let json = r#"[{"id": "1405/17", "party": "pars", "price": "۱۲۰٬۰۰۰ IRR", "ok": true, "due_date": "1405/06/31"},
        {"id": "opportunity/7", "title": "فروش"}]"#;
    let yaml = "
- { id: 1405/17, party: pars, price: 120_000 IRR, ok: true, due_date: 1405/06/31 }
- { id: opportunity/7, title: فروش }
";
    let csv = "id,party,price,ok,due_date,title\n1405/17,pars,120000 IRR,بله,۱۴۰۵/۰۶/۳۱,\n";
    let from_json = read("items.json", json).unwrap();
    assert_eq!(from_json, read("items.yaml", yaml).unwrap());
    assert_eq!(from_json[..1], read("items.csv", csv).unwrap());
    assert_eq!(from_json[0].reference.to_string(), "invoice/1405/17");
    assert!(from_json[0].runs && !from_json[1].runs);
    assert_eq!(from_json[1].fields["title"], Value::Text("فروش".to_owned()));
}

#[test]
fn every_mistake_is_found_with_its_line() {
    let yaml = "
- { id: a, party: prs }
- { id: a, price: 5 USD }
- { pric: 5 IRR }
";
    let found = read("items.yaml", yaml).unwrap_err();
    let codes: Vec<(&str, usize)> = found
        .iter()
        .map(|(code, line, _)| (code.as_str(), *line))
        .collect();
    assert_eq!(
        codes,
        [
            ("RN0106", 2),
            ("RN0103", 3),
            ("RN0105", 3),
            ("RN0102", 4),
            ("RN0104", 4)
        ]
    );
    let found = read("items.csv", "id,price\na,1 IRR\nb,x\n").unwrap_err();
    assert_eq!((found[0].0.as_str(), found[0].1), ("RN0105", 3));
    let found = read(
        "items.json",
        "[\n{\"id\": \"a\"},\n{\"id\": \"b\", \"ok\": 1.5}]",
    )
    .unwrap_err();
    assert_eq!((found[0].0.as_str(), found[0].1), ("RN0105", 3));
}

#[test]
fn ids_that_could_look_like_others_are_refused() {
    for id in ["a\u{202e}b", "a\u{0}b", "", " "] {
        let json = serde_json::json!([{ "id": id }]).to_string();
        let found = read("items.json", json).unwrap_err();
        assert_eq!(found[0].0, "RN0102", "{id:?}");
    }
}

#[test]
fn files_that_are_no_items_are_refused_with_their_place() {
    for (name, text, line) in [
        ("items.json", b"".to_vec(), 1),
        ("items.json", b"[1]".to_vec(), 1),
        (
            "items.json",
            b"[{\"id\": \"a\",\n\"id\": \"b\"}]".to_vec(),
            1,
        ),
        ("items.json", b"[{},\n".to_vec(), 2),
        ("items.json", vec![0xff, 0xfe], 1),
        ("items.csv", b"id,id\na,b\n".to_vec(), 1),
        ("items.csv", b"id,price\na\n".to_vec(), 2),
        ("items.csv", vec![b'i', b'd', b'\n', 0xff], 1),
        ("items.txt", b"id\na\n".to_vec(), 1),
    ] {
        let found = read(name, text.clone()).unwrap_err();
        assert_eq!(
            (found[0].0.as_str(), found[0].1),
            ("RN0101", line),
            "{name} {text:?}"
        );
    }
}
