//! Who gets a message, in which language, and who is not reached.

use activity::{Changes, MessageDraft};
use host::{Medium, PartyRole, Person};
use serde_json::{Value as Json, json};
use values::{Locale, Value};

use crate::gateway::link;
use crate::kit::{Kit, text};

/// What a made link changes, with these recipients and this message.
fn made(kit: &Kit, recipients: Json, message: Json) -> Changes {
    let mut settings = json!({ "account": "main", "amount": "final", "message": message });
    if !recipients.is_null() {
        settings["recipients"] = recipients;
    }
    let ready = kit.ready("create_payment_link", &settings);
    let request = kit.request(ready.as_ref());
    let result = serde_json::to_value(link("a")).unwrap();
    kit.conclude(ready.as_ref(), &request, &result).changes
}

fn sent(messages: &[MessageDraft]) -> Vec<(String, String)> {
    messages
        .iter()
        .map(|draft| (draft.to.as_text(), draft.recipient.clone()))
        .collect()
}

fn unreached(changes: &Changes) -> Vec<(String, Medium, String)> {
    changes
        .unreachable
        .iter()
        .map(|report| (report.recipient.clone(), report.medium, report.code.clone()))
        .collect()
}

#[test]
fn one_number_gets_one_message_however_often_it_is_listed() {
    let kit = Kit::invoice().with_item("mobile", text("+98 912 000 0003"));
    let recipients = json!({
        "sms": ["contact", { "field": "mobile" }, { "number": "۰۹۱۲۰۰۰۰۰۰۳" }, "manager"],
    });
    let changes = made(&kit, recipients, json!("default"));
    assert_eq!(
        sent(&changes.messages),
        [
            ("+989120000003".to_owned(), "contact".to_owned()),
            ("+989120000002".to_owned(), "manager".to_owned()),
        ]
    );
    assert!(changes.unreachable.is_empty());
}

#[test]
fn one_given_list_silences_the_other_medium() {
    let changes = made(
        &Kit::invoice(),
        json!({ "email": ["contact"] }),
        json!("default"),
    );
    assert_eq!(
        sent(&changes.messages),
        [("contact@example.com".into(), "contact".into())]
    );
}

#[test]
fn who_cannot_be_reached_is_reported_by_kind_and_code() {
    let mut kit = Kit::invoice()
        .with_item("mobile", text("12"))
        .with_item("email", Value::Empty);
    kit.answers.people = vec![
        (PartyRole::Manager, Vec::new()),
        (
            PartyRole::Position("accountant".into()),
            vec![
                Person {
                    mobile: Some("09120000004".into()),
                    ..Person::default()
                },
                Person {
                    email: Some("not an address".into()),
                    ..Person::default()
                },
                Person::default(),
            ],
        ),
    ];
    kit.answers.users.clear();
    let recipients = json!({
        "sms": ["manager", "contact", { "position": "accountant" }, { "field": "mobile" }, { "user": "owner" }],
        "email": [{ "position": "accountant" }, { "field": "email" }],
    });
    let changes = made(&kit, recipients, json!("default"));
    assert_eq!(
        sent(&changes.messages),
        [("+989120000004".into(), "position accountant".into())]
    );
    let report =
        |recipient: &str, medium, code: &str| (recipient.to_owned(), medium, code.to_owned());
    assert_eq!(
        unreached(&changes),
        [
            report("manager", Medium::Sms, "nobody"),
            report("contact", Medium::Sms, "nobody"),
            report("position accountant", Medium::Sms, "no_number"),
            report("field mobile", Medium::Sms, "invalid_number"),
            report("user owner", Medium::Sms, "nobody"),
            report("position accountant", Medium::Email, "no_address"),
            report("position accountant", Medium::Email, "invalid_address"),
            report("field email", Medium::Email, "no_address"),
        ]
    );
    assert!(!changes.delivery_failed, "somebody is reached");
}

#[test]
fn a_link_that_reaches_nobody_is_made_and_says_so() {
    let mut kit = Kit::invoice();
    let party = kit.answers.party.as_mut().unwrap();
    (party.mobile, party.email) = (None, Some("nonsense".to_owned()));
    let changes = made(&kit, Json::Null, json!("default"));
    assert!(changes.link.is_some());
    assert!(changes.delivery_failed);
    assert!(changes.messages.is_empty());
    assert_eq!(
        unreached(&changes),
        [
            ("party".to_owned(), Medium::Sms, "no_number".to_owned()),
            (
                "party".to_owned(),
                Medium::Email,
                "invalid_address".to_owned()
            ),
        ]
    );
}

#[test]
fn the_language_is_the_recipients_then_the_steps_then_the_projects() {
    let kit = Kit::invoice();
    let recipients = json!({ "sms": ["manager", "contact"] });
    let locales = |settings: Json| {
        let ready = kit.ready("create_payment_link", &settings);
        let request = kit.request(ready.as_ref());
        let result = serde_json::to_value(link("a")).unwrap();
        let messages = kit
            .conclude(ready.as_ref(), &request, &result)
            .changes
            .messages;
        messages
            .iter()
            .map(|draft| draft.locale)
            .collect::<Vec<_>>()
    };
    let mut settings = json!({ "account": "main", "amount": "final", "recipients": recipients });
    assert_eq!(locales(settings.clone()), [Locale::Ru, Locale::Fa]);
    settings["language"] = json!("en");
    assert_eq!(locales(settings.clone()), [Locale::Ru, Locale::En]);
    // A text that is not there in the recipient's language comes in the step's.
    settings["message"] = json!({ "sms": { "en": "Pay: {{ link.url }}", "fa": "{{ link.url }}" } });
    assert_eq!(locales(settings), [Locale::En, Locale::En]);
}

#[test]
fn own_texts_are_filled_with_the_new_link() {
    let message = json!({
        "sms": "{{ item.number }}: {{ link.amount }} > {{ link.url }} ({{ link.status }})",
        "email": {
            "fa": { "subject": "فاکتور {{ item.number }}", "body": "{{ link.url }}\n{{ link.expires_on }}" },
            "en": "First line\n\n{{ link_of(\"make_link\").url }} {{ link.url }}",
        },
    });
    let recipients =
        json!({ "sms": ["contact"], "email": ["contact", { "address": "x@example.com" }] });
    let changes = made(&Kit::invoice(), recipients, message);
    assert_eq!(
        changes.messages[0].body,
        "1405-17: ۱٬۵۰۰٬۰۰۰ ریال > https://pay.example.com/a (created)"
    );
    assert_eq!(changes.messages[0].subject, None);
    assert_eq!(
        changes.messages[1].subject.as_deref(),
        Some("فاکتور 1405-17")
    );
    assert_eq!(
        changes.messages[1].body,
        "https://pay.example.com/a\n۱۴۰۵/۰۶/۱۲"
    );
    assert_eq!(changes.messages.len(), 3);
}

#[test]
fn a_subject_stays_on_one_line() {
    let mut kit = Kit::invoice().with_item("note", text("a\r\nBcc: thief@example.com"));
    kit.locales = vec![Locale::En];
    let message =
        json!({ "email": { "subject": "Note\n{{ item.note }}", "body": "{{ link.url }}" } });
    let changes = made(&kit, json!({ "email": ["contact"] }), message);
    let subject = changes.messages[0].subject.clone().unwrap();
    assert!(!subject.contains(['\r', '\n']), "{subject:?}");
    assert!(subject.starts_with("Note a"), "{subject:?}");
}

#[test]
fn a_text_that_fails_on_this_item_gives_way_to_the_default() {
    let kit = Kit::invoice().with_item("reminders_sent", Value::Empty);
    let message = json!("Reminder {{ item.reminders_sent + 1 }}: {{ link.url }}");
    let changes = made(&kit, json!({ "sms": ["contact"] }), message);
    assert!(
        changes.messages[0].body.starts_with("لطفاً مبلغ"),
        "{}",
        changes.messages[0].body
    );
}

#[test]
fn the_receipt_rule_follows_the_step_then_the_account() {
    let kit = Kit::invoice();
    let rule = |receipt: Json| {
        let mut settings = json!({ "account": "main", "amount": "final" });
        if !receipt.is_null() {
            settings["receipt"] = receipt;
        }
        let request = kit.request(kit.ready("create_payment_link", &settings).as_ref());
        request.body["receipt"].clone()
    };
    let expected =
        |kind, approved, field| json!({ "kind": kind, "approved": approved, "field": field });
    assert_eq!(
        rule(json!({ "type": "online", "approve": "auto", "field": "receipt" })),
        expected("online", true, json!("receipt"))
    );
    assert_eq!(
        rule(json!({ "approve": "manual" })),
        expected("cash", false, Json::Null)
    );
    assert_eq!(rule(Json::Null), expected("cash", false, Json::Null));
    assert_eq!(rule(json!("none")), Json::Null);
}

#[test]
fn the_description_names_the_item_its_number_date_and_amount() {
    let described = |kit: &Kit, description: Json| {
        let mut settings = json!({ "account": "main", "amount": "final" });
        if !description.is_null() {
            settings["description"] = description;
        }
        let request = kit.request(kit.ready("create_payment_link", &settings).as_ref());
        let request = &request.body["request"];
        (
            request["description"].as_str().unwrap().to_owned(),
            request["locale"].clone(),
        )
    };
    let mut kit = Kit::invoice();
    let (shown, locale) = described(&kit, Json::Null);
    assert_eq!(shown, "Invoice 1405-17 of 2026-09-01, 1,500,000 IRR");
    assert_eq!(locale, json!("en"));

    kit.answers.party.as_mut().unwrap().language = None;
    let (shown, locale) = described(&kit, Json::Null);
    assert_eq!(
        shown,
        "فاکتور 1405-17 مورخ ۱۴۰۵/۰۶/۱۰ به مبلغ ۱٬۵۰۰٬۰۰۰ ریال"
    );
    assert_eq!(locale, json!("fa"));

    kit.answers.party.as_mut().unwrap().language = Some(Locale::Ru);
    let kit = kit.with_item("number", Value::Empty);
    let (shown, _) = described(&kit, Json::Null);
    assert_eq!(
        shown,
        "Счёт 17 от 01.09.2026 на сумму 1\u{a0}500\u{a0}000\u{a0}IRR"
    );
    let (shown, _) = described(&kit, json!("For {{ party.name }}"));
    assert_eq!(shown, "For شرکت نمونه");
}

/// Clause 35: a result that is none is refused before it touches the item.
#[test]
fn a_result_that_is_no_link_changes_nothing() {
    let kit = Kit::invoice();
    let ready = kit.ready(
        "create_payment_link",
        &json!({ "account": "main", "amount": "final" }),
    );
    let request = kit.request(ready.as_ref());
    for result in [
        json!(null),
        json!({ "url": 5 }),
        json!("https://pay.example.com"),
    ] {
        let outcome = kit.conclude(ready.as_ref(), &request, &result);
        assert_eq!(outcome.code.as_deref(), Some("unreadable"), "{result}");
        assert_eq!(outcome.changes, Changes::default());
    }
}

mod send_message {
    use super::*;

    fn outcome(kit: &Kit, settings: &Json) -> activity::Outcome {
        kit.finished(kit.ready("send_message", settings).as_ref())
    }

    #[test]
    fn messages_go_out_with_the_outcome() {
        let settings = json!({
            "recipients": { "sms": ["contact"], "email": [{ "user": "owner" }] },
            "message": {
                "sms": { "fa": "فاکتور {{ item.number }}", "en": "Invoice {{ item.number }}" },
                "email": { "subject": "Invoice", "body": "Due {{ item.due_date }}" },
            },
        });
        let done = outcome(&Kit::invoice(), &settings);
        assert_eq!(done.name, "success");
        let bodies: Vec<&str> = done
            .changes
            .messages
            .iter()
            .map(|m| m.body.as_str())
            .collect();
        assert_eq!(bodies, ["فاکتور 1405-17", "Due ۱۴۰۵/۰۶/۳۱"]);
        assert_eq!(done.changes.messages[1].subject.as_deref(), Some("Invoice"));
    }

    #[test]
    fn nobody_reachable_is_an_error_with_its_reports() {
        let settings =
            json!({ "recipients": { "sms": [{ "field": "note" }] }, "message": "Hello" });
        let ended = outcome(&Kit::invoice(), &settings);
        assert_eq!(ended.code.as_deref(), Some("nobody_reachable"));
        assert_eq!(
            unreached(&ended.changes),
            [("field note".into(), Medium::Sms, "no_number".into())]
        );
    }

    #[test]
    fn a_text_that_cannot_be_filled_sends_nothing() {
        let kit = Kit::invoice().with_item("reminders_sent", Value::Empty);
        let settings = json!({ "message": "{{ item.reminders_sent + 1 }}" });
        let ended = outcome(&kit, &settings);
        assert_eq!(ended.code.as_deref(), Some("text_failed"));
        assert_eq!(ended.changes, Changes::default());
    }

    #[test]
    fn without_lists_the_party_gets_what_there_is_a_text_for() {
        let settings = json!({ "message": { "sms": "Hello" } });
        let done = outcome(&Kit::invoice(), &settings);
        assert_eq!(
            sent(&done.changes.messages),
            [("+989120000001".into(), "party".into())]
        );
    }

    #[test]
    fn a_medium_without_a_text_is_a_mistake() {
        let kit = Kit::invoice();
        let settings = json!({
            "recipients": { "sms": ["contact"], "email": ["contact"] },
            "message": { "sms": "Hello" },
        });
        assert_eq!(
            kit.problems("send_message", &settings),
            ["WF0428 message: there are email recipients and no email text"]
        );
        assert_eq!(
            kit.problems("send_message", &json!({ "message": "default" })),
            ["WF0428 message: this activity has no default text"]
        );
        assert_eq!(
            kit.problems("send_message", &json!({})),
            ["WF0403 : `message` is missing"]
        );
    }

    #[test]
    fn an_email_without_a_subject_has_its_first_line_as_one() {
        let settings = json!({
            "recipients": { "email": ["contact"] },
            "message": "\nInvoice {{ item.number }}\nis due",
        });
        let done = outcome(&Kit::invoice(), &settings);
        assert_eq!(
            done.changes.messages[0].subject.as_deref(),
            Some("Invoice 1405-17")
        );
    }
}
