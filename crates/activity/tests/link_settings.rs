//! Mistakes in the settings of `create_payment_link`, found when the workflow is loaded.

use activity::{PathStep, Severity};
use serde_json::{Value as Json, json};
use values::Currency;

use crate::kit::{Kit, account, irr};

fn base() -> Json {
    json!({ "account": "main", "amount": "final" })
}

fn with(key: &str, value: Json) -> Json {
    let mut settings = base();
    settings[key] = value;
    settings
}

fn problems(settings: &Json) -> Vec<String> {
    Kit::invoice().problems("create_payment_link", settings)
}

fn first(settings: &Json) -> String {
    let problems = problems(settings);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems[0].clone()
}

#[test]
fn the_step_of_the_language_reference_is_accepted() {
    let settings = json!({
        "account": "main",
        "amount": "final",
        "expires": { "days": { "field": "pay_days" } },
        "recipients": {
            "sms": [
                "manager",
                "contact",
                { "position": "accountant" },
                { "number": "۰۹۱۲۱۱۱۲۲۳۳" },
                { "field": "mobile" },
            ],
            "email": ["contact", { "address": "billing@example.com" }],
        },
        "message": "default",
        "receipt": { "type": "online", "approve": "auto", "field": "receipt" },
    });
    let ready = Kit::invoice().ready("create_payment_link", &settings);
    assert!(ready.warnings().is_empty());
}

#[test]
fn each_mistake_has_its_code_and_place() {
    let rows = [
        (
            with("acount", json!("main")),
            "WF0401 (acount): there is no setting `acount` here",
        ),
        (
            json!({ "amount": "final" }),
            "WF0403 : `account` is missing",
        ),
        (json!({ "account": "main" }), "WF0403 : `amount` is missing"),
        (
            with("amount", json!("finale")),
            "WF0404 amount: `finale` is not one of the words here",
        ),
        (
            with("amount", json!(["final"])),
            "WF0402 amount: `final`, `balance`, `{ fixed: … }` or `{ field: … }` is expected, this is a list",
        ),
        (
            with("amount", json!({ "fixd": "1 IRR" })),
            "WF0401 amount.(fixd): there is no setting `fixd` here",
        ),
        (
            with("amount", json!({ "field": "depositt" })),
            "WF0406 amount.field: the workflow declares no field `depositt`",
        ),
        (
            with("amount", json!({ "field": "pay_days" })),
            "WF0407 amount.field: a money field is expected, `pay_days` is a number field",
        ),
        (
            with("amount", json!({ "fixed": "0 IRR" })),
            "WF0416 amount.fixed: a link needs an amount above zero, this is 0 IRR",
        ),
        (
            with("amount", json!({ "fixed": "-5 IRR" })),
            "WF0416 amount.fixed: a link needs an amount above zero, this is -5 IRR",
        ),
        (
            with("amount", json!({ "fixed": "150_000 IRT" })),
            "WF0409 amount.fixed: the account takes IRR, this amount is in IRT",
        ),
        (
            with("expires", json!({ "days": { "field": "due_date" } })),
            "WF0407 expires.days.field: a number field is expected, `due_date` is a date field",
        ),
        (
            with("expires", json!({ "date": { "field": "pay_days" } })),
            "WF0407 expires.date.field: a date field is expected, `pay_days` is a number field",
        ),
        (
            with("expires", json!({ "days": 3, "date": "1405/06/31" })),
            "WF0401 expires.(date): `date` cannot stand beside `days`: write one of them",
        ),
    ];
    for (settings, expected) in rows {
        assert_eq!(first(&settings), expected, "{settings}");
    }
}

#[test]
fn each_mistake_about_people_and_texts_has_its_code_and_place() {
    let rows = [
        (
            with("receipt", json!({ "approve": "maybe" })),
            "WF0404 receipt.approve: `maybe` is not one of the words here",
        ),
        (
            with("receipt", json!({ "field": "note" })),
            "WF0407 receipt.field: a receipt field is expected, `note` is a text field",
        ),
        (
            with("language", json!("de")),
            "WF0404 language: `de` is not one of the words here",
        ),
        (
            with("recipients", json!({ "sms": [] })),
            "WF0426 recipients.sms: the list names nobody: fill it or leave it out",
        ),
        (
            with("recipients", json!({ "sms": ["boss"] })),
            "WF0404 recipients.sms.0: `boss` is not one of the words here",
        ),
        (
            with(
                "recipients",
                json!({ "sms": [{ "address": "a@example.com" }] }),
            ),
            "WF0401 recipients.sms.0.(address): there is no setting `address` here",
        ),
        (
            with("recipients", json!({ "email": [{ "field": "pay_days" }] })),
            "WF0407 recipients.email.0.field: a text field is expected, `pay_days` is a number field",
        ),
        (
            with("recipients", json!({ "sms": [{ "user": "mobile" }] })),
            "WF0407 recipients.sms.0.user: a user field is expected, `mobile` is a text field",
        ),
        (
            with("message", json!("Pay please")),
            "WF0410 message: the text does not carry the link: nobody could pay from it",
        ),
        (
            with(
                "message",
                json!({ "email": { "subject": "{{ link.url }}", "body": "Pay" } }),
            ),
            "WF0410 message.email.body: the text does not carry the link: nobody could pay from it",
        ),
        (
            with("message", json!({ "sms": " " })),
            "WF0428 message.sms: the text is empty",
        ),
        (
            with("message", json!({ "sms": {} })),
            "WF0428 message.sms: there is no text in any language",
        ),
    ];
    for (settings, expected) in rows {
        assert_eq!(first(&settings), expected, "{settings}");
    }
}

#[test]
fn constants_that_mean_nothing_are_refused() {
    let rows = [
        (
            with("amount", json!({ "fixed": 1_500_000 })),
            "WF0415 amount.fixed",
        ),
        (
            with("amount", json!({ "fixed": "1.5 IRR" })),
            "WF0415 amount.fixed",
        ),
        (
            with("amount", json!({ "fixed": "many" })),
            "WF0415 amount.fixed",
        ),
        (with("expires", json!({ "days": 0 })), "WF0417 expires.days"),
        (
            with("expires", json!({ "days": -1 })),
            "WF0417 expires.days",
        ),
        (
            with("expires", json!({ "days": "1.5" })),
            "WF0417 expires.days",
        ),
        (
            with("expires", json!({ "days": 100_000 })),
            "WF0417 expires.days",
        ),
        (
            with("expires", json!({ "days": "soon" })),
            "WF0417 expires.days",
        ),
        (
            with("expires", json!({ "date": "1406/12/30" })),
            "WF0418 expires.date",
        ),
        (
            with("expires", json!({ "date": "2026/09/22" })),
            "WF0418 expires.date",
        ),
        (
            with("expires", json!({ "date": "1405-06-31" })),
            "WF0418 expires.date",
        ),
        (
            with("expires", json!({ "date": 14_050_631 })),
            "WF0418 expires.date",
        ),
        (
            with("recipients", json!({ "sms": [{ "number": "0912" }] })),
            "WF0413 recipients.sms.0.number",
        ),
        (
            with(
                "recipients",
                json!({ "email": [{ "address": "a.example.com" }] }),
            ),
            "WF0414 recipients.email.0.address",
        ),
        (
            with("recipients", json!({ "sms": [{ "position": " " }] })),
            "WF0426 recipients.sms.0.position",
        ),
    ];
    for (settings, expected) in rows {
        let found = first(&settings);
        assert!(
            found.starts_with(&format!("{expected}: ")),
            "{settings}: {found}"
        );
    }
}

#[test]
fn numbers_written_without_quotes_are_read_as_typed() {
    let settings = with(
        "recipients",
        json!({ "sms": [{ "number": 9_121_112_233_i64 }] }),
    );
    Kit::invoice().ready("create_payment_link", &settings);
}

#[test]
fn the_final_amount_is_refused_where_there_is_none() {
    let found = Kit::opportunity().problems("create_payment_link", &base());
    assert_eq!(found, ["WF0405 amount: `opportunity` has no final amount"]);
}

#[test]
fn every_mistake_is_reported_in_one_run() {
    let settings = json!({
        "account": "mian",
        "amount": { "field": "depositt" },
        "expires": { "days": 0 },
        "recipients": { "sms": [{ "number": "1" }, { "field": "nothing" }] },
        "message": { "sms": "Pay {{ item.numbr }}", "email": "Pay" },
        "receipt": { "field": "note" },
    });
    let codes: Vec<String> = problems(&settings)
        .iter()
        .map(|problem| problem[..6].to_owned())
        .collect();
    assert_eq!(
        codes,
        [
            "WF0408", "WF0406", "WF0417", "WF0413", "WF0406", "WF0411", "WF0410", "WF0407"
        ]
    );
}

#[test]
fn near_misses_are_suggested() {
    let suggestion = |settings: &Json| {
        let problems = Kit::invoice()
            .prepare("create_payment_link", settings)
            .err()
            .unwrap();
        problems[0].suggestion.clone()
    };
    assert_eq!(
        suggestion(&json!({ "account": "mian", "amount": "final" })).as_deref(),
        Some("main")
    );
    assert_eq!(
        suggestion(&with("amount", json!("finale"))).as_deref(),
        Some("final")
    );
    assert_eq!(
        suggestion(&with("expire", json!({ "days": 3 }))).as_deref(),
        Some("expires")
    );
    let field = with("amount", json!({ "field": "depositt" }));
    assert_eq!(suggestion(&field).as_deref(), Some("deposit"));
    assert_eq!(suggestion(&with("zzzzzz", json!(1))), None);
}

#[test]
fn a_bad_token_is_placed_inside_its_text() {
    let settings = with("message", json!({ "sms": "Pay\nhere {{ link.ulr }}" }));
    let problems = Kit::invoice()
        .prepare("create_payment_link", &settings)
        .err()
        .unwrap();
    assert_eq!(problems[0].code, "WF0411");
    let (line, column, length) = problems[0].inside.unwrap();
    assert_eq!(line, 2);
    assert!(column > 5 && length >= 3, "{column} {length}");
    assert_eq!(
        problems[0].path,
        ["message", "sms"].map(|key| PathStep::Key(key.to_owned()))
    );
    assert_eq!(problems[0].suggestion.as_deref(), Some("url"));
}

#[test]
fn an_unknown_account_is_a_mistake_only_where_the_project_is_known() {
    let settings = json!({ "account": "mian", "amount": "final" });
    assert_eq!(
        first(&settings),
        "WF0408 account: the project has no account `mian`"
    );
    let kit = Kit {
        accounts: None,
        ..Kit::invoice()
    };
    kit.ready("create_payment_link", &settings);
}

#[test]
fn a_closed_account_and_a_missing_language_are_warnings() {
    let mut kit = Kit::invoice();
    let (name, mut main) = account("main", Currency::Irr);
    main.online_payment = false;
    kit.accounts.as_mut().unwrap().insert(name, main);
    let settings = with("message", json!({ "sms": { "en": "Pay: {{ link.url }}" } }));
    let ready = kit.ready("create_payment_link", &settings);
    let warnings: Vec<(&str, Severity)> = ready
        .warnings()
        .iter()
        .map(|warning| (warning.code, warning.severity))
        .collect();
    assert_eq!(
        warnings,
        [("WF0429", Severity::Warning), ("WF0427", Severity::Warning)]
    );
}

/// What the gateway never takes is refused when the workflow is loaded, unless the step does without it.
#[test]
fn the_gateways_limits_are_known_before_any_item_is() {
    let mut kit = Kit::invoice();
    let main = kit.accounts.as_mut().unwrap().get_mut(&"main".into());
    let main = main.unwrap();
    main.expiry_seconds_max = Some(30 * 86_400);
    main.description_chars_max = Some(12);
    main.amount_min = Some(irr(10_000));
    main.reusable = Some(false);
    kit.answers.accounts = kit.accounts.clone().unwrap();
    let mut settings = json!({
        "account": "main", "amount": { "fixed": "5_000 IRR" }, "expires": { "days": 31 },
        "description": "more than twelve characters", "usage": "reusable",
    });
    let said = "every item ends in the error state here";
    assert_eq!(
        kit.problems("create_payment_link", &settings),
        [
            format!(
                "WF0436 amount.fixed: 5000 IRR is under the gateway's limit of 10000 IRR: {said}"
            ),
            format!(
                "WF0436 expires.days: the gateway of account `main` takes links of at most 30 days: {said}"
            ),
            format!(
                "WF0436 description: the gateway of account `main` takes descriptions of at most 12 characters: {said}"
            ),
            "WF0434 usage: the gateway of account `main` makes no reusable links".to_owned(),
        ]
    );
    settings["amount"] = json!("final");
    settings["unsupported"] = json!("degrade");
    let ready = kit.ready("create_payment_link", &settings);
    let request = kit.request(ready.as_ref());
    let asked = &request.body["request"];
    assert_eq!(asked["description"], "more than tw");
    assert_eq!(asked["usage"], "one_time");
    assert_eq!(asked["expires_at"], "2026-10-01T08:00:00Z");
    let made = ready.may_have_made(&request, None).unwrap();
    assert_eq!(
        made.degraded,
        [
            "the link can be paid once",
            "the link expires at 2026-10-01 08:00:00 UTC, not at 2026-10-02 08:00:00 UTC",
            "the description is cut to 12 characters",
        ]
    );
}
