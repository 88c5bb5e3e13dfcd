//! Every error code of `create_payment_link` that costs no call to the gateway.

use std::collections::BTreeSet;

use activity::builtin::create_payment_link::codes;
use activity::{Account, Answers};
use serde_json::{Value as Json, json};
use values::{AccountName, Currency, Value};

use crate::kit::{Kit, date, irr, money, number, text};
use crate::link_table::{EXPIRIES, RECIPIENTS, amount, expiry, recipients, settings};

/// A code, what makes it appear, and the settings it appears for.
struct Row {
    code: &'static str,
    spoil: Box<dyn Fn(&mut Kit)>,
    settings: Json,
}

impl Row {
    fn kit(&self) -> Kit {
        let mut kit = Kit::invoice();
        (self.spoil)(&mut kit);
        kit
    }
}

/// A field of the item that spoils it.
fn item(code: &'static str, settings: &Json, field: &'static str, value: Value) -> Row {
    let spoil = move |kit: &mut Kit| {
        kit.item.insert(field.to_owned(), value.clone());
    };
    Row {
        code,
        spoil: Box::new(spoil),
        settings: settings.clone(),
    }
}

/// An answer that spoils it.
fn told(code: &'static str, settings: &Json, spoil: fn(&mut Answers)) -> Row {
    let spoil = move |kit: &mut Kit| spoil(&mut kit.answers);
    Row {
        code,
        spoil: Box::new(spoil),
        settings: settings.clone(),
    }
}

/// Settings that spoil it.
fn written(code: &'static str, settings: Json) -> Row {
    Row {
        code,
        spoil: Box::new(|_| ()),
        settings,
    }
}

fn link(amount: Json, expires: Json) -> Json {
    json!({ "account": "main", "amount": amount, "expires": expires })
}

fn main_account(answers: &mut Answers) -> &mut Account {
    answers
        .accounts
        .get_mut(&AccountName::from("main"))
        .unwrap()
}

fn amount_rows() -> Vec<Row> {
    let days = json!({ "days": 3 });
    let deposit = &link(json!({ "field": "deposit" }), days.clone());
    let last = &link(json!("final"), days.clone());
    let balance = &link(json!("balance"), days.clone());
    let cash = |amount| Value::Money(irr(amount));
    let toman = Value::Money(money("150000 IRT"));
    let fixed = link(json!({ "fixed": "1_000_000_001 IRR" }), days);
    vec![
        item(codes::AMOUNT_MISSING, deposit, "deposit", Value::Empty),
        item(codes::AMOUNT_MISSING, deposit, "deposit", text("5")),
        item(codes::AMOUNT_MISSING, last, "final_amount", Value::Empty),
        told(codes::AMOUNT_MISSING, balance, |answers| {
            answers.balances.clear()
        }),
        item(codes::AMOUNT_ZERO, deposit, "deposit", cash(0)),
        item(codes::AMOUNT_ZERO, deposit, "deposit", number("0")),
        item(codes::AMOUNT_ZERO, last, "final_amount", cash(0)),
        item(codes::AMOUNT_NEGATIVE, deposit, "deposit", cash(-1)),
        item(codes::AMOUNT_NEGATIVE, last, "final_amount", cash(-5)),
        item(codes::AMOUNT_CURRENCY, deposit, "deposit", toman.clone()),
        item(codes::AMOUNT_CURRENCY, last, "final_amount", toman),
        item(
            codes::AMOUNT_CURRENCY,
            deposit,
            "deposit",
            number("1500000"),
        ),
        item(codes::AMOUNT_DECIMALS, deposit, "deposit", number("1500.5")),
        item(
            codes::AMOUNT_OVER_LIMIT,
            deposit,
            "deposit",
            cash(1_000_000_001),
        ),
        item(
            codes::AMOUNT_OVER_LIMIT,
            last,
            "final_amount",
            cash(1_000_000_001),
        ),
        told(codes::AMOUNT_OVER_LIMIT, balance, |answers| {
            answers.balances.insert(Currency::Irr, irr(1_000_000_001));
        }),
        written(codes::AMOUNT_OVER_LIMIT, fixed),
        told(codes::AMOUNT_UNDER_LIMIT, deposit, |answers| {
            main_account(answers).amount_min = Some(irr(400_001));
        }),
        told(codes::BALANCE_NOT_OWED, balance, |answers| {
            answers.balances.insert(Currency::Irr, irr(0));
        }),
        told(codes::BALANCE_NOT_OWED, balance, |answers| {
            answers.balances.insert(Currency::Irr, irr(-700_000));
        }),
    ]
}

fn expiry_rows() -> Vec<Row> {
    let days = &link(json!("final"), json!({ "days": { "field": "pay_days" } }));
    let due = &link(json!("final"), json!({ "date": { "field": "due_date" } }));
    let default = &json!({ "account": "main", "amount": "final" });
    let far = "9999999999999999999999999";
    vec![
        told(codes::EXPIRY_MISSING, default, |answers| {
            main_account(answers).expires_days = None;
        }),
        item(codes::EXPIRY_EMPTY, days, "pay_days", Value::Empty),
        item(codes::EXPIRY_EMPTY, due, "due_date", Value::Empty),
        item(codes::EXPIRY_PAST, due, "due_date", date("1405/06/09")),
        written(
            codes::EXPIRY_PAST,
            link(json!("final"), json!({ "date": "2026-08-31" })),
        ),
        item(codes::EXPIRY_ZERO, days, "pay_days", number("0")),
        told(codes::EXPIRY_ZERO, default, |answers| {
            main_account(answers).expires_days = Some(0);
        }),
        item(codes::EXPIRY_NEGATIVE, days, "pay_days", number("-1")),
        item(codes::EXPIRY_NEGATIVE, days, "pay_days", number("-0.5")),
        item(codes::EXPIRY_FRACTIONAL, days, "pay_days", number("1.5")),
        item(codes::EXPIRY_FRACTIONAL, days, "pay_days", number("0.1")),
        item(
            codes::EXPIRY_TOO_FAR,
            days,
            "pay_days",
            number("99999999999"),
        ),
        item(codes::EXPIRY_TOO_FAR, days, "pay_days", number(far)),
    ]
}

fn people_rows() -> Vec<Row> {
    let last = &link(json!("final"), json!({ "days": 3 }));
    vec![
        told(codes::NO_PARTY, last, |answers| answers.party = None),
        told(codes::PARTY_IS_LEAD, last, |answers| {
            answers.party.as_mut().unwrap().lead = true;
        }),
        told(codes::ACCOUNT_UNKNOWN, last, |answers| {
            answers.accounts.clear()
        }),
        told(codes::ACCOUNT_INACTIVE, last, |answers| {
            main_account(answers).active = false
        }),
        told(codes::ACCOUNT_OFFLINE, last, |answers| {
            main_account(answers).online_payment = false;
        }),
    ]
}

/// What the gateway of the account cannot do.
fn gateway_rows() -> Vec<Row> {
    let last = &link(json!("final"), json!({ "days": 3 }));
    vec![
        told(codes::NO_PAYER_MOBILE, last, |answers| {
            main_account(answers).texts_payer = true;
            if let Some(party) = &mut answers.party {
                party.mobile = None;
            }
            answers.people.clear();
        }),
        Row {
            code: codes::NOT_REUSABLE,
            spoil: Box::new(|kit| {
                main_account(&mut kit.answers).reusable = Some(false);
            }),
            settings: reusable(last),
        },
    ]
}

fn reusable(settings: &Json) -> Json {
    let mut settings = settings.clone();
    settings["usage"] = json!("reusable");
    settings
}

/// A setting of the provider's own that cannot be computed.
fn extras_row() -> Row {
    let settings = json!({
        "account": "main",
        "amount": "final",
        "extras": { "user_id": { "value": "item.reminders_sent + 1" } },
    });
    item(
        codes::EXTRAS_FAILED,
        &settings,
        "reminders_sent",
        Value::Empty,
    )
}

/// The text of a description, which is looked at last.
fn description_row() -> Row {
    let settings = json!({
        "account": "main",
        "amount": "final",
        "description": "Reminder {{ item.reminders_sent + 1 }}",
    });
    item(
        codes::DESCRIPTION_FAILED,
        &settings,
        "reminders_sent",
        Value::Empty,
    )
}

fn check(row: &Row, settings: &Json) {
    let kit = row.kit();
    let ready = kit.ready("create_payment_link", settings);
    // A plan that finishes stores no request, and what is not stored is never sent.
    let outcome = kit.finished(ready.as_ref());
    assert_eq!(outcome.name, "error", "{}: {settings}", row.code);
    assert_eq!(
        outcome.code.as_deref(),
        Some(row.code),
        "{settings}: {:?}",
        outcome.message
    );
    assert!(
        !outcome.message.unwrap_or_default().is_empty(),
        "{}",
        row.code
    );
    assert_eq!(
        outcome.changes,
        activity::Changes::default(),
        "{}",
        row.code
    );
}

#[test]
fn every_error_has_its_code_and_asks_no_gateway() {
    let mut seen = BTreeSet::new();
    let rows = amount_rows()
        .into_iter()
        .chain(expiry_rows())
        .chain(people_rows());
    for row in rows
        .chain(gateway_rows())
        .chain([description_row(), extras_row()])
    {
        check(&row, &row.settings);
        seen.insert(row.code);
    }
    let listed: BTreeSet<&str> = codes::BEFORE_THE_GATEWAY
        .iter()
        .map(|(code, _)| *code)
        .collect();
    assert_eq!(seen, listed, "every listed code has a row");
}

/// Every error is found whatever the other settings are.
#[test]
fn errors_hold_for_every_amount_source_expiry_form_and_recipient() {
    let amounts = ["fixed", "field", "balance", "final"].map(|source| amount(source).0);
    let expiries = EXPIRIES.map(|form| expiry(form).0);
    let kinds = RECIPIENTS.map(|kind| recipients(kind).0);
    let mut checked = 0;
    let mut try_all = |row: &Row, amounts: &[Json], expiries: &[Json]| {
        for amount in amounts {
            for expires in expiries {
                for recipients in &kinds {
                    check(row, &settings(amount, expires, recipients));
                    checked += 1;
                }
            }
        }
    };
    for row in people_rows() {
        try_all(&row, &amounts, &expiries);
    }
    for row in amount_rows() {
        try_all(&row, &[row.settings["amount"].clone()], &expiries);
    }
    for row in expiry_rows() {
        try_all(&row, &amounts, &[row.settings["expires"].clone()]);
    }
    let (people, amount_count, expiry_count) = (5 * 4 * 6, 20 * 6, 13 * 4);
    assert_eq!(
        checked,
        (people + amount_count + expiry_count) * RECIPIENTS.len()
    );
}
