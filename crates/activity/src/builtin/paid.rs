//! What was paid by another way than a gateway, as settings give it: amount, number, time.

use payment::PaymentFact;
use values::{Currency, FieldType, Money, Value};

use crate::on_link::refused;
use crate::problem::Place;
use crate::settings::{Check, Source, SourceSetting, SourceType};
use crate::{Outcome, PlanContext};

/// The amount is empty, or no money.
const AMOUNT_MISSING: &str = "amount_missing";
/// Nothing was paid.
const AMOUNT_NOT_POSITIVE: &str = "amount_not_positive";
/// The amount is in another currency than the account.
const AMOUNT_CURRENCY: &str = "amount_currency";
/// The number of the transaction is empty.
const TRANSACTION_MISSING: &str = "transaction_missing";
/// It was paid later than now.
const PAID_IN_FUTURE: &str = "paid_in_future";
/// The time cannot be read.
const PAID_AT_MISSING: &str = "paid_at_missing";

/// The settings, as YAML has them.
pub(super) struct PaidSettings<'a> {
    pub(super) amount: Option<&'a SourceSetting>,
    pub(super) transaction: &'a SourceSetting,
    pub(super) paid_at: Option<&'a SourceSetting>,
    pub(super) tracking_no: Option<&'a SourceSetting>,
}

/// Where each part comes from.
#[derive(Debug, Clone)]
pub(super) struct Paid {
    /// What is still owed, without one.
    amount: Option<Source>,
    transaction: Option<Source>,
    /// The entry into the state, without one.
    paid_at: Option<Source>,
    tracking_no: Option<Source>,
}

impl Paid {
    pub(super) fn compile(settings: &PaidSettings<'_>, check: &mut Check<'_>) -> Paid {
        let root = Place::root();
        let mut source = |setting: Option<&SourceSetting>, kind: FieldType, key: &str| {
            let wanted = SourceType::Field(&kind);
            setting.and_then(|setting| Source::compile(setting, wanted, &root.key(key), check))
        };
        Paid {
            amount: source(settings.amount, FieldType::Money, "amount"),
            transaction: source(Some(settings.transaction), FieldType::Text, "transaction"),
            paid_at: source(settings.paid_at, FieldType::Instant, "paid_at"),
            tracking_no: source(settings.tracking_no, FieldType::Text, "tracking_no"),
        }
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        let parts = [
            &self.amount,
            &self.transaction,
            &self.paid_at,
            &self.tracking_no,
        ];
        parts.into_iter().flatten()
    }

    /// The payment; `owed` is its amount where the settings name none.
    pub(super) fn read(
        &self,
        owed: Option<Money>,
        currency: Currency,
        context: &PlanContext<'_>,
    ) -> Result<PaymentFact, Box<Outcome>> {
        let amount = match (value(self.amount.as_ref(), context)?, owed) {
            (Value::Money(amount), _) | (Value::Empty, Some(amount)) => amount,
            _ => return refuse(AMOUNT_MISSING, "the amount is empty"),
        };
        if !amount.is_positive() {
            return refuse(AMOUNT_NOT_POSITIVE, format!("{amount} is no payment"));
        }
        if amount.currency() != currency {
            let message = format!("the account takes {currency}, the amount is {amount}");
            return refuse(AMOUNT_CURRENCY, message);
        }
        let transaction = text(self.transaction.as_ref(), context)?;
        let Some(transaction) = transaction else {
            return refuse(
                TRANSACTION_MISSING,
                "the number of the transaction is empty",
            );
        };
        let now = context.facts.now;
        let paid_at = match value(self.paid_at.as_ref(), context)? {
            Value::Instant(at) => at,
            Value::Empty if self.paid_at.is_none() => now,
            _ => return refuse(PAID_AT_MISSING, "when it was paid is empty"),
        };
        if paid_at > now {
            return refuse(PAID_IN_FUTURE, format!("{paid_at} is not over yet"));
        }
        Ok(PaymentFact {
            transaction,
            amount,
            paid_at,
            tracking_no: text(self.tracking_no.as_ref(), context)?,
        })
    }
}

/// A text without blanks around it; `None` when it is empty.
pub(super) fn text(
    source: Option<&Source>,
    context: &PlanContext<'_>,
) -> Result<Option<String>, Box<Outcome>> {
    let value = value(source, context)?;
    let text = match value {
        Value::Empty => String::new(),
        other => other.to_string(),
    };
    Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
}

fn value(source: Option<&Source>, context: &PlanContext<'_>) -> Result<Value, Box<Outcome>> {
    let Some(source) = source else {
        return Ok(Value::Empty);
    };
    source
        .read(context)
        .map_err(|error| refused("value_failed", error.message))
}

fn refuse<T>(code: &str, message: impl Into<String>) -> Result<T, Box<Outcome>> {
    Err(refused(code, message))
}
