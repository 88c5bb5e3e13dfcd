//! `set_fields` and `set_stage`.

use serde_json::json;
use values::{Fields, Value};

use crate::kit::{Kit, at, date, irr, number, text};

#[test]
fn constants_expressions_texts_and_now_are_written_together() {
    let kit = Kit::invoice().with_item("receipts", Value::List(vec![Value::Receipt("r1".into())]));
    let kit = kit.with_item("receipt", Value::Receipt("r2".into()));
    let settings = json!({
        "set": {
            "priority": "high",
            "urgent": true,
            "deposit": "۴۰۰٬۰۰۰ ریال",
            "pay_days": "1.5",
            "mobile": 9_121_112_233_i64,
            "due_date": "1405/07/01",
            "reminders_sent": { "value": "item.reminders_sent + 1" },
            "note": { "text": "Reminded about {{ item.number }}" },
            "reminded_at": { "now": true },
            "proforma": "proforma/9",
        },
        "append": { "receipts": { "value": "item.receipt" } },
        "clear": ["email"],
    });
    let outcome = kit.finished(kit.ready("set_fields", &settings).as_ref());
    assert_eq!(outcome.name, "success", "{outcome:?}");
    let expected = [
        ("priority", Value::Choice("high".into())),
        ("urgent", Value::Bool(true)),
        ("deposit", Value::Money(irr(400_000))),
        ("pay_days", number("1.5")),
        ("mobile", text("9121112233")),
        ("due_date", date("1405/07/01")),
        ("reminders_sent", number("3")),
        ("note", text("Reminded about 1405-17")),
        ("reminded_at", Value::Instant(at("2026-09-01T08:00:00Z"))),
        ("proforma", Value::Item("proforma/9".parse().unwrap())),
        (
            "receipts",
            Value::List(vec![
                Value::Receipt("r1".into()),
                Value::Receipt("r2".into()),
            ]),
        ),
        ("email", Value::Empty),
    ];
    let expected: Fields = expected
        .map(|(name, value)| (name.to_owned(), value))
        .into();
    assert_eq!(outcome.changes.set, expected);
}

#[test]
fn now_in_a_date_field_is_the_local_day() {
    let mut kit = Kit::invoice();
    kit.entered_at = at("2026-09-01T21:00:00Z");
    let settings = json!({ "set": { "due_date": { "now": true } } });
    let outcome = kit.finished(kit.ready("set_fields", &settings).as_ref());
    assert_eq!(outcome.changes.set["due_date"], date("2026-09-02"));
}

#[test]
fn one_value_that_fails_writes_none() {
    let kit = Kit::invoice().with_item("reminders_sent", Value::Empty);
    let settings = json!({
        "set": { "note": "fine", "reminders_sent": { "value": "item.reminders_sent + 1" } },
    });
    let outcome = kit.finished(kit.ready("set_fields", &settings).as_ref());
    assert_eq!(outcome.code.as_deref(), Some("value_failed"));
    assert!(outcome.changes.set.is_empty());
}

#[test]
fn nothing_is_not_appended() {
    let settings = json!({ "append": { "receipts": { "value": "item.receipt" } } });
    let kit = Kit::invoice();
    let outcome = kit.finished(kit.ready("set_fields", &settings).as_ref());
    assert_eq!(outcome.changes.set["receipts"], Value::List(Vec::new()));
}

#[test]
fn mistakes_in_set_fields_have_their_codes_and_places() {
    let rows = [
        (
            json!({}),
            "WF0425 : no field is set, appended to or cleared",
        ),
        (
            json!({ "set": { "noet": "x" } }),
            "WF0406 set.(noet): the workflow declares no field `noet`",
        ),
        (
            json!({ "set": { "priority": "urgent" } }),
            "WF0424 set.priority: `urgent` is not one of: low, high",
        ),
        (
            json!({ "set": { "note": "x" }, "clear": ["note"] }),
            "WF0425 clear.0: field `note` is written twice: only one of the two could stay",
        ),
        (
            json!({ "set": { "final_amount": "0 IRR" } }),
            "WF0430 set.(final_amount): field `final_amount` belongs to the CRM and cannot be written",
        ),
        (
            json!({ "append": { "note": "x" } }),
            "WF0407 append.(note): only a list grows: `note` is a text field",
        ),
        (
            json!({ "set": { "pay_days": { "now": true } } }),
            "WF0424 set.pay_days.now: the present moment fits a date or instant field, this is a number field",
        ),
        (
            json!({ "set": { "pay_days": { "text": "3" } } }),
            "WF0424 set.pay_days.text: a number field cannot hold a text",
        ),
        (
            json!({ "set": { "reminded_at": { "now": false } } }),
            "WF0402 set.reminded_at.now: `now` is always true: leave it out otherwise",
        ),
        (
            json!({ "st": {} }),
            "WF0401 (st): there is no setting `st` here",
        ),
        (
            json!({ "set": { "note": { "vlaue": "1" } } }),
            "WF0401 set.note.(vlaue): there is no setting `vlaue` here",
        ),
    ];
    for (settings, expected) in rows {
        let found = Kit::invoice().problems("set_fields", &settings);
        assert_eq!(found, [expected], "{settings}");
    }
}

#[test]
fn an_expression_of_another_type_is_found_when_the_workflow_is_loaded() {
    for (field, source) in [
        ("pay_days", "item.note"),
        ("deposit", "item.pay_days"),
        ("note", "item.pay_days + 1"),
        ("urgent", "1"),
        ("pay_days", "item.pay_days +"),
    ] {
        let settings = json!({ "set": { field: { "value": source } } });
        let problems = Kit::invoice()
            .prepare("set_fields", &settings)
            .err()
            .expect(source);
        assert!(
            problems.iter().all(|problem| problem.code == "WF0412"),
            "{source}: {problems:?}"
        );
        assert!(problems[0].inside.is_some(), "{source}");
    }
}

#[test]
fn a_stage_is_set_by_its_name() {
    let kit = Kit::invoice();
    let outcome = kit.finished(kit.ready("set_stage", &json!({ "stage": "won" })).as_ref());
    assert_eq!(
        (outcome.name.as_str(), outcome.changes.stage.as_deref()),
        ("success", Some("won"))
    );
    assert_eq!(
        kit.problems("set_stage", &json!({ "stage": "wonn" })),
        ["WF0422 stage: there is no stage `wonn`"]
    );
    let none = Kit {
        stages: Vec::new(),
        ..kit
    };
    assert_eq!(
        none.problems("set_stage", &json!({ "stage": "won" })),
        ["WF0422 stage: there is no stage `won`"]
    );
}
