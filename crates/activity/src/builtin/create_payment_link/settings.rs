//! The settings as YAML has them, and their checks.

use std::collections::BTreeMap;

use payment::Usage;
use rust_decimal::prelude::ToPrimitive;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use values::{AccountName, Decimal, Locale, Money, parse_date, parse_number};

use super::{Amount, Expires, Ready, Receipt};
use crate::Account;
use crate::message::{MessageSetting, OwnTexts, PlainTexts, Recipients, RecipientsSetting};
use crate::problem::{Place, PrepareContext, Problem, codes};
use crate::settings::{Check, FieldRef, Scalar, Source, SourceSetting, SourceType, decode};

/// Links live whole days of this many seconds.
const SECONDS_OF_DAY: i64 = 86_400;

/// A constant number of days beyond this is taken for a mistake.
const DAYS_MAX: i64 = 3_650;

/// Settings of `create_payment_link`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The account the money goes to, by its name in the project file.
    account: String,
    /// How much: `final`, `balance`, `{ fixed: 1_500_000 IRR }` or `{ field: deposit }`.
    amount: AmountSetting,
    /// Until when: `{ days: 3 }`, `{ date: 1405/06/31 }`, each a constant or a field. Without it,
    /// the account's default.
    #[serde(default)]
    expires: Option<ExpiresSetting>,
    /// Who gets the link. Without it, the party's default mobile and its first e-mail address.
    #[serde(default)]
    recipients: Option<RecipientsSetting>,
    /// What they are told: `default`, or texts of one's own with `{{ link.url }}` in them.
    #[serde(default)]
    message: Option<MessageSetting>,
    /// What the payer sees it is for. Without it: the item, its number, date and amount.
    #[serde(default)]
    description: Option<PlainTexts>,
    /// The language of this step for people who have none of their own.
    #[serde(default)]
    language: Option<Locale>,
    /// What receipt a payment makes, or `none`.
    #[serde(default)]
    receipt: Option<ReceiptSetting>,
    /// How often it may be paid.
    #[serde(default)]
    usage: UsageSetting,
    /// Settings of one provider alone, as its page lists them: `{ user_id: { value: item.pod_user } }`.
    #[serde(default)]
    extras: BTreeMap<String, SourceSetting>,
    /// What becomes of a wish that the gateway cannot fulfil.
    #[serde(default)]
    unsupported: Unsupported,
}

/// What becomes of a wish that the gateway cannot fulfil.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::builtin) enum Unsupported {
    /// There is no link.
    #[default]
    Fail,
    /// The link is made with less, and that is written down.
    Degrade,
}

/// How often a link may be paid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum UsageSetting {
    /// Once.
    #[default]
    OneTime,
    /// Any number of times, where the gateway can.
    Reusable,
}

/// How much a link asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum AmountSetting {
    /// The final amount of a financial item.
    Final,
    /// What the party owes.
    Balance,
    /// Always this much, with its currency.
    Fixed(Scalar),
    /// The amount in this money field of the item.
    Field(String),
}

/// Until when a link can be paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::builtin) enum ExpiresSetting {
    /// That many times 24 hours after the state was entered.
    Days(GivenSetting),
    /// Until that day is over, local time.
    Date(GivenSetting),
}

/// A constant, or the value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::builtin) enum GivenSetting {
    /// The value of this field of the item.
    Field(FieldRef),
    /// A constant.
    Constant(Scalar),
}

/// What receipt a payment makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum ReceiptSetting {
    /// No receipt.
    Word(NoReceipt),
    /// A receipt.
    Rule(ReceiptRuleSetting),
}

/// The word for no receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum NoReceipt {
    /// A payment makes no receipt.
    None,
}

/// A receipt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::builtin) struct ReceiptRuleSetting {
    /// Receipt subtype, such as `online`. Without it, the account's.
    #[serde(default, rename = "type")]
    pub(in crate::builtin) kind: Option<String>,
    /// `auto` approves it at once; `manual`, the default, leaves it to a person.
    #[serde(default)]
    pub(in crate::builtin) approve: Approval,
    /// The receipt field of the item it is attached to.
    #[serde(default)]
    pub(in crate::builtin) field: Option<String>,
}

/// Who approves a receipt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::builtin) enum Approval {
    /// Nobody: it is approved at once.
    Auto,
    /// A person.
    #[default]
    Manual,
}

/// Checks and compiles settings.
pub(super) fn compile(
    settings: &Json,
    context: &PrepareContext<'_>,
) -> Result<Ready, Vec<Problem>> {
    let settings: Settings = decode(settings)?;
    let mut check = Check::new(context);
    let root = Place::root();
    let account = AccountName::new(settings.account.trim());
    let known = check.account(&root.key("account"), &account);
    let currency = known.map(|account| account.currency);
    let usage = match settings.usage {
        UsageSetting::OneTime => Usage::OneTime,
        UsageSetting::Reusable => Usage::Reusable,
    };
    let degrade = settings.unsupported == Unsupported::Degrade;
    if let Some(known) = known.filter(|_| !degrade) {
        limits(&settings, known, &mut check);
    }
    if usage == Usage::Reusable
        && !degrade
        && known.is_some_and(|known| known.reusable == Some(false))
    {
        let message = format!("the gateway of account `{account}` makes no reusable links");
        check.error(codes::NOT_OFFERED, &root.key("usage"), message);
    }
    let amount = amount(&settings.amount, currency, &root.key("amount"), &mut check);
    let expires = match &settings.expires {
        Some(expires) => expiry(expires, &root.key("expires"), &mut check),
        None => Some(Expires::AccountDefault),
    };
    let recipients = Recipients::compile(
        settings.recipients.as_ref(),
        &root.key("recipients"),
        &mut check,
    );
    let texts = settings
        .message
        .as_ref()
        .map(|message| OwnTexts::compile(message, true, &root.key("message"), &mut check));
    let description = settings
        .description
        .as_ref()
        .and_then(|description| description.compile(&root.key("description"), &mut check));
    let extras = settings.extras.iter().filter_map(|(name, setting)| {
        let place = root.key("extras").key(name);
        let source = Source::compile(setting, SourceType::Any, &place, &mut check)?;
        Some((name.clone(), source))
    });
    let extras = extras.collect();
    let receipt = receipt(settings.receipt.as_ref(), &root.key("receipt"), &mut check);
    let warnings = check.finish()?;
    match (amount, expires) {
        (Some(amount), Some(expires)) => Ok(Ready {
            account,
            currency,
            amount,
            expires,
            recipients,
            texts: texts.unwrap_or_default(),
            description,
            language: settings.language,
            receipt,
            usage,
            extras,
            degrade,
            warnings,
        }),
        // Without a problem both are there; this keeps the compiler's word instead of a panic.
        _ => Err(vec![Problem::new(
            codes::WRONG_TYPE,
            &root,
            "the settings cannot be used",
        )]),
    }
}

/// Constants that the gateway never takes.
fn limits(settings: &Settings, account: &Account, check: &mut Check<'_>) {
    let root = Place::root();
    if let AmountSetting::Fixed(written) = &settings.amount
        && let Ok(amount) = Money::parse(&written.text())
        && let Some(problem) = account.beyond(&amount)
    {
        beyond(&root.key("amount").key("fixed"), &problem, check);
    }
    if let Some(ExpiresSetting::Days(GivenSetting::Constant(written))) = &settings.expires
        && let Ok(days) = parse_number(&written.text())
        && let Some(max) = account.expiry_seconds_max
        && days > Decimal::from(max) / Decimal::from(SECONDS_OF_DAY)
    {
        let message = format!(
            "the gateway of account `{}` takes links of at most {} days",
            account.name,
            max / SECONDS_OF_DAY
        );
        beyond(&root.key("expires").key("days"), &message, check);
    }
    if let Some(PlainTexts::Same(text)) = &settings.description
        && !text.contains("{{")
        && let Some(max) = account.description_chars_max
        && text.chars().count() > max
    {
        let message = format!(
            "the gateway of account `{}` takes descriptions of at most {max} characters",
            account.name
        );
        beyond(&root.key("description"), &message, check);
    }
}

/// A limit may be raised while the workflow stays, so this is no error.
fn beyond(place: &Place, what: &str, check: &mut Check<'_>) {
    let message = format!("{what}: every item ends in the error state here");
    check.report(Problem::new(codes::BEYOND_LIMIT, place, message).as_warning());
}

fn amount(
    setting: &AmountSetting,
    currency: Option<values::Currency>,
    place: &Place,
    check: &mut Check<'_>,
) -> Option<Amount> {
    match setting {
        AmountSetting::Balance => Some(Amount::Balance),
        AmountSetting::Final if check.context.financial => Some(Amount::Final),
        AmountSetting::Final => {
            let entity = check.context.entity;
            check.report(
                Problem::new(
                    codes::NO_FINAL_AMOUNT,
                    place,
                    format!("`{entity}` has no final amount"),
                )
                .with_hint("only proforma, invoice, receipt, payment and contract have one: name a money field instead"),
            );
            None
        }
        AmountSetting::Fixed(written) => check
            .fixed_amount(&place.key("fixed"), written, currency)
            .map(Amount::Fixed),
        AmountSetting::Field(name) => check
            .field_of(&place.key("field"), name, &["money"])
            .map(|_| Amount::Field(name.clone())),
    }
}

pub(in crate::builtin) fn expiry(
    setting: &ExpiresSetting,
    place: &Place,
    check: &mut Check<'_>,
) -> Option<Expires> {
    match setting {
        ExpiresSetting::Days(GivenSetting::Field(FieldRef { field })) => check
            .field_of(&place.key("days").key("field"), field, &["number"])
            .map(|_| Expires::DaysField(field.clone())),
        ExpiresSetting::Date(GivenSetting::Field(FieldRef { field })) => check
            .field_of(&place.key("date").key("field"), field, &["date"])
            .map(|_| Expires::DateField(field.clone())),
        ExpiresSetting::Days(GivenSetting::Constant(written)) => {
            let days = parse_number(&written.text())
                .ok()
                .filter(|days| days.fract().is_zero())
                .and_then(|days| days.to_i64())
                .filter(|days| (1..=DAYS_MAX).contains(days));
            if days.is_none() {
                check.error(
                    codes::BAD_DAYS,
                    &place.key("days"),
                    format!(
                        "`{}` is not a number of days: write a whole number from 1 to {DAYS_MAX}",
                        written.text()
                    ),
                );
            }
            days.map(Expires::Days)
        }
        ExpiresSetting::Date(GivenSetting::Constant(written)) => {
            match parse_date(&written.text()) {
                Ok(parsed) => Some(Expires::Date(parsed.date)),
                Err(error) => {
                    check.error(codes::BAD_DATE, &place.key("date"), error.to_string());
                    None
                }
            }
        }
    }
}

fn receipt(
    setting: Option<&ReceiptSetting>,
    place: &Place,
    check: &mut Check<'_>,
) -> Option<Receipt> {
    match setting {
        Some(ReceiptSetting::Word(NoReceipt::None)) => None,
        Some(ReceiptSetting::Rule(rule)) => {
            if let Some(field) = &rule.field {
                check.field_of(&place.key("field"), field, &["receipt"]);
            }
            Some(Receipt {
                kind: rule.kind.clone(),
                approved: rule.approve == Approval::Auto,
                field: rule.field.clone(),
            })
        }
        None => Some(Receipt {
            kind: None,
            approved: false,
            field: None,
        }),
    }
}
