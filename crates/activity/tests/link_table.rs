//! Every amount source × expiry form × recipient kind × outcome of `create_payment_link`.

use std::sync::Arc;

use activity::{Attempted, Outcome};
use payment::gateways::sandbox::{
    CreatePlay, Play, Sandbox, SandboxOptions, SandboxSettings, Script,
};
use serde_json::{Value as Json, json};
use values::{Currency, Money, Timestamp};

use crate::kit::{Kit, at, attempt, done, find, irr, outcome, world};

const AMOUNTS: [&str; 4] = ["fixed", "field", "balance", "final"];

pub(crate) fn amount(source: &str) -> (Json, Money) {
    match source {
        "fixed" => (json!({ "fixed": "۲٬۰۰۰٬۰۰۰ ریال" }), irr(2_000_000)),
        "field" => (json!({ "field": "deposit" }), irr(400_000)),
        "balance" => (json!("balance"), irr(700_000)),
        "final" => (json!("final"), irr(1_500_000)),
        other => panic!("no amount source {other}"),
    }
}

pub(crate) const EXPIRIES: [&str; 6] = [
    "account default",
    "days",
    "days in digits",
    "days field",
    "date",
    "date field",
];

/// The step is entered at 11:30 in Tehran on 10 Shahrivar 1405.
pub(crate) fn expiry(form: &str) -> (Json, Timestamp) {
    match form {
        "account default" => (Json::Null, at("2026-09-03T08:00:00Z")),
        "days" => (json!({ "days": 5 }), at("2026-09-06T08:00:00Z")),
        "days in digits" => (json!({ "days": "۵" }), at("2026-09-06T08:00:00Z")),
        "days field" => (
            json!({ "days": { "field": "pay_days" } }),
            at("2026-09-04T08:00:00Z"),
        ),
        // Until 12 Shahrivar is over in Tehran, which is three and a half hours ahead.
        "date" => (json!({ "date": "1405/06/12" }), at("2026-09-03T20:30:00Z")),
        "date field" => (
            json!({ "date": { "field": "due_date" } }),
            at("2026-09-22T20:30:00Z"),
        ),
        other => panic!("no expiry form {other}"),
    }
}

pub(crate) const RECIPIENTS: [&str; 12] = [
    "neither list",
    "sms manager",
    "sms contact",
    "sms position",
    "sms number",
    "sms field",
    "sms user",
    "email manager",
    "email contact",
    "email position",
    "email address",
    "email field",
];

pub(crate) fn recipients(kind: &str) -> (Json, Vec<&'static str>) {
    match kind {
        "neither list" => (Json::Null, vec!["+989120000001", "party@example.com"]),
        "sms manager" => (json!({ "sms": ["manager"] }), vec!["+989120000002"]),
        "sms contact" => (json!({ "sms": ["contact"] }), vec!["+989120000003"]),
        "sms position" => (
            json!({ "sms": [{ "position": "accountant" }] }),
            vec!["+989120000004", "+989120000005"],
        ),
        "sms number" => (
            json!({ "sms": [{ "number": "۰۹۱۲۱۱۱۲۲۳۳" }] }),
            vec!["+989121112233"],
        ),
        "sms field" => (
            json!({ "sms": [{ "field": "mobile" }] }),
            vec!["+989127778899"],
        ),
        "sms user" => (
            json!({ "sms": [{ "user": "owner" }] }),
            vec!["+989120000006"],
        ),
        "email manager" => (json!({ "email": ["manager"] }), vec!["manager@example.com"]),
        "email contact" => (json!({ "email": ["contact"] }), vec!["contact@example.com"]),
        "email position" => (
            json!({ "email": [{ "position": "accountant" }] }),
            vec!["a@example.com", "b@example.com"],
        ),
        "email address" => (
            json!({ "email": [{ "address": "Billing@Example.com" }] }),
            vec!["Billing@example.com"],
        ),
        "email field" => (
            json!({ "email": [{ "field": "email" }] }),
            vec!["field@example.com"],
        ),
        other => panic!("no recipient kind {other}"),
    }
}

const OUTCOMES: [&str; 4] = ["created", "refused", "ambiguous", "unavailable"];

fn sandbox(answer: &str) -> Sandbox {
    let first = match answer {
        "created" => CreatePlay::Created,
        "refused" => CreatePlay::Refused,
        "ambiguous" => CreatePlay::TimeoutAfterAccepting,
        "unavailable" => CreatePlay::Unavailable,
        other => panic!("no answer {other}"),
    };
    let play = Play {
        creates: vec![first],
        ..Play::default()
    };
    let script = Script {
        default: play,
        cases: Vec::new(),
    };
    let options = SandboxOptions {
        script,
        ..SandboxOptions::default()
    };
    Sandbox::in_memory(SandboxSettings::new("main", Currency::Irr).with(options)).unwrap()
}

pub(crate) fn settings(amount: &Json, expires: &Json, recipients: &Json) -> Json {
    let mut settings = json!({ "account": "main", "amount": amount });
    for (key, value) in [("expires", expires), ("recipients", recipients)] {
        if !value.is_null() {
            settings[key] = value.clone();
        }
    }
    settings
}

#[tokio::test]
async fn every_amount_expiry_recipient_and_answer_ends_as_it_should() {
    let kit = Kit::invoice();
    let mut rows = 0;
    for source in AMOUNTS {
        for form in EXPIRIES {
            for kind in RECIPIENTS {
                for answer in OUTCOMES {
                    rows += 1;
                    row(&kit, [source, form, kind, answer]).await;
                }
            }
        }
    }
    assert_eq!(rows, 4 * 6 * 12 * 4);
}

async fn row(kit: &Kit, [source, form, kind, answer]: [&str; 4]) {
    let case = format!("{source} × {form} × {kind} × {answer}");
    let ((amount, asked), (expires, until)) = (amount(source), expiry(form));
    let (recipients, expected) = recipients(kind);
    let ready = kit.ready(
        "create_payment_link",
        &settings(&amount, &expires, &recipients),
    );
    let request = kit.request(ready.as_ref());
    let sandbox = sandbox(answer);
    let world = world([(
        "main",
        Arc::new(sandbox.clone()) as Arc<dyn payment::Gateway>,
    )]);
    let attempted = find("create_payment_link")
        .perform(&request, &attempt(1), &world)
        .await;
    assert_eq!(sandbox.audit().creates, 1, "{case}");
    match (answer, attempted) {
        ("created", Attempted::Done { result, .. }) => {
            let made = kit.conclude(ready.as_ref(), &request, &result);
            check_success(&case, &made, asked, until, &expected);
        }
        ("refused", attempted) => {
            let ended = outcome(attempted);
            assert_eq!(ended.name, "error", "{case}");
            assert_eq!(ended.code.as_deref(), Some("refused"), "{case}");
            assert_eq!(ended.changes, activity::Changes::default(), "{case}");
        }
        (
            "ambiguous",
            Attempted::Unknown {
                again_at: Some(again),
                ..
            },
        ) => {
            assert!(again > attempt(1).now, "{case}");
            // The repeat carries the same reference and brings the link that was made.
            let again = find("create_payment_link")
                .perform(&request, &attempt(2), &world)
                .await;
            let made = kit.conclude(ready.as_ref(), &request, &done(again));
            check_success(&case, &made, asked, until, &expected);
            assert_eq!(sandbox.audit().links.len(), 1, "{case}");
        }
        ("unavailable", Attempted::Retry { code, .. }) => {
            assert_eq!(code, "unavailable", "{case}");
            let again = find("create_payment_link")
                .perform(&request, &attempt(1), &world)
                .await;
            let made = kit.conclude(ready.as_ref(), &request, &done(again));
            check_success(&case, &made, asked, until, &expected);
        }
        (_, attempted) => panic!("{case}: {attempted:#?}"),
    }
}

fn check_success(case: &str, made: &Outcome, asked: Money, until: Timestamp, expected: &[&str]) {
    assert_eq!(made.name, "success", "{case}");
    let link = made.changes.link.as_ref().expect(case);
    assert_eq!((link.amount, link.expires_at), (asked, until), "{case}");
    assert_eq!(link.reference, "ref-1", "{case}");
    assert!(!made.changes.delivery_failed, "{case}");
    let reached: Vec<String> = made
        .changes
        .messages
        .iter()
        .map(|message| message.to.as_text())
        .collect();
    assert_eq!(reached, expected, "{case}");
    for message in &made.changes.messages {
        assert!(message.body.contains(&link.url), "{case}: {}", message.body);
        let shown = asked.grouped(message.locale);
        assert!(message.body.contains(&shown), "{case}: {}", message.body);
    }
}

#[test]
fn a_link_needs_to_know_what_its_settings_name() {
    use activity::Need;
    use host::PartyRole;
    let kit = Kit::invoice();
    let settings = json!({
        "account": "main",
        "amount": "balance",
        "recipients": {
            "sms": ["manager", { "user": "owner" }, { "position": "accountant" }],
            "email": ["manager", "contact"],
        },
    });
    let mut needs = kit.ready("create_payment_link", &settings).needs();
    needs.sort();
    let mut expected = vec![
        Need::Party,
        Need::Balance(Currency::Irr),
        Need::People(PartyRole::Manager),
        Need::People(PartyRole::Contact),
        Need::People(PartyRole::Position("accountant".to_owned())),
        Need::UserInField("owner".to_owned()),
        Need::Account("main".into()),
        Need::EarlierLinks,
    ];
    expected.sort();
    assert_eq!(needs, expected);

    // Where the project is not known, the account's currency is not either.
    let kit = Kit {
        accounts: None,
        ..kit
    };
    let needs = kit.ready("create_payment_link", &settings).needs();
    for currency in Currency::ALL {
        assert!(needs.contains(&Need::Balance(currency)), "{currency}");
    }
}
