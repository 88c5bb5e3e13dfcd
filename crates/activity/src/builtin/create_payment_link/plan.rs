//! Deciding on a link: the amount, the expiry, the recipients. Pure, and frozen with the decision.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chrono::TimeDelta;
use host::{Destination, Medium, Party};
use payment::{LinkRequest, Usage};
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use values::{AccountName, Currency, Date, Decimal, Locale, Mobile, Money, Timestamp, Value};

use super::describe::default_description;
use super::{Amount, Expires, Ready, codes};
use crate::message::{ExpiryForm, Recipients, Resolved, languages};
use crate::{Account, EarlierLink, Outcome, Plan, PlanContext, ReceiptRule, Request};

/// Receipt subtype where neither the step nor the account names one.
const RECEIPT_KIND: &str = "online";

/// How long one attempt may take.
const ATTEMPT_SECONDS_MAX: i64 = 30;

/// What is stored before the first call; every attempt works from exactly this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::builtin) struct Body {
    /// The account the link pays into.
    pub(in crate::builtin) account: AccountName,
    /// What the gateway is asked.
    pub(in crate::builtin) request: LinkRequest,
    /// How the expiry was given.
    pub(in crate::builtin) expiry_form: ExpiryForm,
    /// Who gets a message.
    pub(in crate::builtin) recipients: Resolved,
    /// Links of earlier entries that must be closed first.
    pub(in crate::builtin) earlier: Vec<EarlierLink>,
    /// What receipt a payment makes.
    pub(in crate::builtin) receipt: Option<ReceiptRule>,
    /// The state whose link it is, where that is not the one that makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::builtin) of: Option<String>,
    /// Wishes that the gateway cannot fulfil, as far as the workflow does without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::builtin) degraded: Vec<String>,
}

/// Why there is no link: a code and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::builtin) struct Refusal {
    pub(in crate::builtin) code: &'static str,
    pub(in crate::builtin) message: String,
}

pub(in crate::builtin) fn refuse<T>(
    code: &'static str,
    message: impl Into<String>,
) -> Result<T, Refusal> {
    Err(Refusal {
        code,
        message: message.into(),
    })
}

pub(super) fn plan(ready: &Ready, context: &PlanContext<'_>) -> Plan {
    planned("create_payment_link", decide(ready, context))
}

/// A request for a link, or why there is none, as a plan of that activity.
pub(in crate::builtin) fn planned(activity: &str, decided: Result<Body, Refusal>) -> Plan {
    match decided {
        Ok(body) => match serde_json::to_value(&body) {
            Ok(body) => Plan::Perform(Request::new(activity, body, ATTEMPT_SECONDS_MAX)),
            Err(error) => finish(codes::UNREADABLE, &error.to_string()),
        },
        Err(refusal) => finish(refusal.code, &refusal.message),
    }
}

fn finish(code: &str, message: &str) -> Plan {
    Plan::Finish(Box::new(Outcome::error(code, message)))
}

/// What a link is asked for, once account, amount and the rest are known.
pub(in crate::builtin) struct Terms<'a> {
    pub(in crate::builtin) account: &'a Account,
    pub(in crate::builtin) amount: Money,
    pub(in crate::builtin) expires: &'a Expires,
    pub(in crate::builtin) description: String,
    pub(in crate::builtin) usage: Usage,
    pub(in crate::builtin) receipt: Option<ReceiptRule>,
    pub(in crate::builtin) recipients: &'a Recipients,
    pub(in crate::builtin) locale: Locale,
    pub(in crate::builtin) extras: BTreeMap<String, String>,
    pub(in crate::builtin) degrade: bool,
}

fn decide(ready: &Ready, context: &PlanContext<'_>) -> Result<Body, Refusal> {
    let account = usable_account(&ready.account, context)?;
    let party = debtor(context)?;
    let amount = amount(&ready.amount, account, context)?;
    check_amount(&amount, account)?;
    let languages = languages(party.language, ready.language, context.locales);
    let locale = languages.first().copied().unwrap_or_default();
    let description = match &ready.description {
        None => default_description(context, &amount, locale),
        Some(texts) => texts
            .render(host::Medium::Sms, &languages, context.facts)
            .map(|rendered| rendered.body)
            .or_else(|error| refuse(codes::DESCRIPTION_FAILED, error))?,
    };
    let receipt = ready.receipt.as_ref().map(|receipt| ReceiptRule {
        kind: receipt
            .kind
            .clone()
            .or_else(|| account.receipt_type.clone())
            .unwrap_or_else(|| RECEIPT_KIND.to_owned()),
        approved: receipt.approved,
        field: receipt.field.clone(),
    });
    let terms = Terms {
        account,
        amount,
        expires: &ready.expires,
        description,
        usage: ready.usage,
        receipt,
        recipients: &ready.recipients,
        locale,
        extras: extras(ready, context)?,
        degrade: ready.degrade,
    };
    terms.body(party, context)
}

/// Settings of one provider alone; an empty one is not given.
fn extras(ready: &Ready, context: &PlanContext<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut extras = BTreeMap::new();
    for (name, source) in &ready.extras {
        match source.read(context) {
            Ok(value) if value.is_empty() => {}
            Ok(value) => drop(extras.insert(name.clone(), value.to_string())),
            Err(error) => {
                return refuse(codes::EXTRAS_FAILED, format!("{name}: {}", error.message));
            }
        }
    }
    Ok(extras)
}

impl Terms<'_> {
    /// Everything that is stored before the first call.
    pub(in crate::builtin) fn body(
        mut self,
        party: &Party,
        context: &PlanContext<'_>,
    ) -> Result<Body, Refusal> {
        let account = self.account;
        let mut expiry = expiry(self.expires, account, context)?;
        let degraded = if self.degrade {
            self.degraded(&mut expiry, context)
        } else {
            Vec::new()
        };
        let (expires_at, expiry_form) = expiry;
        if self.usage == Usage::Reusable && account.reusable == Some(false) {
            return refuse(
                codes::NOT_REUSABLE,
                format!("account `{}` takes no reusable links", account.name),
            );
        }
        let mut recipients = self.recipients.resolve(context);
        let payer_mobile = if account.texts_payer {
            Some(texted(&mut recipients, party)?)
        } else {
            None
        };
        Ok(Body {
            account: account.name.clone(),
            request: LinkRequest {
                reference: context.reference.to_owned(),
                amount: self.amount,
                expires_at,
                description: self.description,
                usage: self.usage,
                payer_mobile,
                comment: None,
                payer_name: Some(party.name.clone()).filter(|name| !name.trim().is_empty()),
                locale: self.locale,
                extras: self.extras,
            },
            expiry_form,
            recipients,
            earlier: context.answers.earlier_links.clone(),
            receipt: self.receipt,
            of: None,
            degraded,
        })
    }

    /// Does without what the gateway cannot do, and says what that is.
    fn degraded(
        &mut self,
        (expires_at, form): &mut (Timestamp, ExpiryForm),
        context: &PlanContext<'_>,
    ) -> Vec<String> {
        let mut degraded = Vec::new();
        if self.usage == Usage::Reusable && self.account.reusable == Some(false) {
            self.usage = Usage::OneTime;
            degraded.push("the link can be paid once".to_owned());
        }
        let longest = self.account.expiry_seconds_max.map(TimeDelta::seconds);
        let longest = longest.and_then(|life| context.entered_at.checked_add_signed(life));
        if let Some(longest) = longest.filter(|longest| longest < expires_at) {
            degraded.push(format!(
                "the link expires at {longest}, not at {expires_at}"
            ));
            (*expires_at, *form) = (longest, ExpiryForm::Days);
        }
        let max = self.account.description_chars_max;
        if let Some(max) = max.filter(|max| self.description.chars().count() > *max) {
            degraded.push(format!("the description is cut to {max} characters"));
            self.description = self.description.chars().take(max).collect();
        }
        degraded
    }
}

/// The number that the provider texts: the first of the recipients, or the party's own. Nobody is
/// told twice, so that recipient gets no message of ours.
fn texted(recipients: &mut Resolved, party: &Party) -> Result<String, Refusal> {
    let first = recipients
        .reached
        .iter()
        .position(|reached| reached.to.medium() == Medium::Sms);
    let to = first.map(|index| recipients.reached.remove(index).to);
    let mobile = match to {
        Some(Destination::Mobile(mobile)) => Some(mobile),
        _ => party
            .mobile
            .as_deref()
            .and_then(|text| Mobile::parse(text).ok()),
    };
    let Some(mobile) = mobile else {
        return refuse(
            codes::NO_PAYER_MOBILE,
            format!("there is no mobile number to text {} at", party.name),
        );
    };
    Ok(mobile.as_str().to_owned())
}

pub(in crate::builtin) fn usable_account<'a>(
    name: &AccountName,
    context: &PlanContext<'a>,
) -> Result<&'a Account, Refusal> {
    match context.answers.accounts.get(name) {
        None => refuse(
            codes::ACCOUNT_UNKNOWN,
            format!("there is no account `{name}`"),
        ),
        Some(account) if !account.active => refuse(
            codes::ACCOUNT_INACTIVE,
            format!("account `{name}` is not active"),
        ),
        Some(account) if !account.online_payment => refuse(
            codes::ACCOUNT_OFFLINE,
            format!("account `{name}` has online payment switched off"),
        ),
        Some(account) => Ok(account),
    }
}

pub(in crate::builtin) fn debtor<'a>(context: &PlanContext<'a>) -> Result<&'a Party, Refusal> {
    match &context.answers.party {
        None => refuse(codes::NO_PARTY, "the item is related to nobody"),
        Some(party) if party.lead => refuse(
            codes::PARTY_IS_LEAD,
            format!("{} is a lead, and leads get no link", party.name),
        ),
        Some(party) => Ok(party),
    }
}

fn amount(amount: &Amount, account: &Account, context: &PlanContext<'_>) -> Result<Money, Refusal> {
    match amount {
        Amount::Fixed(money) => Ok(*money),
        Amount::Field(field) => field_amount(field, account.currency, context),
        Amount::Final => field_amount("final_amount", account.currency, context),
        Amount::Balance => match context.answers.balances.get(&account.currency) {
            None => refuse(
                codes::AMOUNT_MISSING,
                format!("what the party owes in {} is not known", account.currency),
            ),
            Some(balance) if !balance.is_positive() => refuse(
                codes::BALANCE_NOT_OWED,
                format!("the party owes nothing: its balance is {balance}"),
            ),
            Some(balance) => Ok(*balance),
        },
    }
}

fn field_amount(
    field: &str,
    currency: Currency,
    context: &PlanContext<'_>,
) -> Result<Money, Refusal> {
    match context.facts.item.get(field).unwrap_or(&Value::Empty) {
        Value::Money(money) => Ok(*money),
        Value::Number(number) => bare_amount(field, *number, currency),
        empty if empty.is_empty() => {
            refuse(codes::AMOUNT_MISSING, format!("field `{field}` is empty"))
        }
        other => refuse(
            codes::AMOUNT_MISSING,
            format!("field `{field}` holds {}, not money", other.type_name()),
        ),
    }
}

/// A number that a host stored without a currency: only nothing is nothing in every currency.
fn bare_amount(field: &str, number: Decimal, currency: Currency) -> Result<Money, Refusal> {
    if number.is_zero() {
        return Ok(Money::zero(currency));
    }
    if number.normalize().scale() > currency.scale() {
        return refuse(
            codes::AMOUNT_DECIMALS,
            format!(
                "field `{field}` has more decimals than {currency}, which has {}",
                currency.scale()
            ),
        );
    }
    refuse(
        codes::AMOUNT_CURRENCY,
        format!("field `{field}` holds a number without a currency"),
    )
}

pub(in crate::builtin) fn check_amount(amount: &Money, account: &Account) -> Result<(), Refusal> {
    if amount.is_zero() {
        return refuse(codes::AMOUNT_ZERO, "the amount is zero");
    }
    if amount.is_negative() {
        return refuse(
            codes::AMOUNT_NEGATIVE,
            format!("the amount is negative: {amount}"),
        );
    }
    if amount.currency() != account.currency {
        return refuse(
            codes::AMOUNT_CURRENCY,
            format!(
                "account `{}` takes {}, the amount is {amount}",
                account.name, account.currency
            ),
        );
    }
    if amount.amount().normalize().scale() > amount.currency().scale() {
        return refuse(
            codes::AMOUNT_DECIMALS,
            format!("{amount} has too many decimals"),
        );
    }
    match account.beyond(amount) {
        None => Ok(()),
        Some(message)
            if account
                .amount_max
                .is_some_and(|max| amount.compare(&max).is_ok_and(Ordering::is_gt)) =>
        {
            refuse(codes::AMOUNT_OVER_LIMIT, message)
        }
        Some(message) => refuse(codes::AMOUNT_UNDER_LIMIT, message),
    }
}

fn expiry(
    expires: &Expires,
    account: &Account,
    context: &PlanContext<'_>,
) -> Result<(Timestamp, ExpiryForm), Refusal> {
    let value = |field: &str| context.facts.item.get(field).unwrap_or(&Value::Empty);
    match expires {
        Expires::Date(date) => until_date(*date, context),
        Expires::Days(days) => after_days(Decimal::from(*days), context),
        Expires::AccountDefault => match account.expires_days {
            Some(days) => after_days(Decimal::from(days), context),
            None => refuse(
                codes::EXPIRY_MISSING,
                format!(
                    "no expiry is set, and account `{}` has no default",
                    account.name
                ),
            ),
        },
        Expires::DateField(field) => match value(field) {
            Value::Date(date) => until_date(*date, context),
            _ => refuse(
                codes::EXPIRY_EMPTY,
                format!("date field `{field}` is empty"),
            ),
        },
        Expires::DaysField(field) => match value(field) {
            Value::Number(days) => after_days(*days, context),
            _ => refuse(
                codes::EXPIRY_EMPTY,
                format!("number field `{field}` is empty"),
            ),
        },
    }
}

fn until_date(date: Date, context: &PlanContext<'_>) -> Result<(Timestamp, ExpiryForm), Refusal> {
    let ends = context.zone.end_of_date(date);
    if ends <= context.entered_at {
        return refuse(codes::EXPIRY_PAST, format!("{date} is over"));
    }
    Ok((ends, ExpiryForm::Date))
}

fn after_days(
    days: Decimal,
    context: &PlanContext<'_>,
) -> Result<(Timestamp, ExpiryForm), Refusal> {
    if days.is_zero() {
        return refuse(codes::EXPIRY_ZERO, "the number of days is zero");
    }
    if days.is_sign_negative() {
        return refuse(
            codes::EXPIRY_NEGATIVE,
            format!("the number of days is negative: {days}"),
        );
    }
    if !days.fract().is_zero() {
        return refuse(
            codes::EXPIRY_FRACTIONAL,
            format!("the number of days is not whole: {days}"),
        );
    }
    days.to_i64()
        .and_then(TimeDelta::try_days)
        .and_then(|steps| context.entered_at.checked_add_signed(steps))
        .map(|at| (at, ExpiryForm::Days))
        .map_or_else(
            || refuse(codes::EXPIRY_TOO_FAR, format!("{days} days are too many")),
            Ok,
        )
}
