//! Values that settings give: constants, expressions, texts with tokens, the present moment.

use expression::{Expected, Expression, Reads, Template};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use values::{Decimal, FieldType, Value};

use super::{Check, Scalar, with_article};
use crate::PlanContext;
use crate::problem::{Place, codes};

/// A value: a constant, or where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum SourceSetting {
    /// The result of an expression, as in `{ value: item.reminders_sent + 1 }`.
    Expression(ExpressionSetting),
    /// A text with tokens, as in `{ text: "Paid: {{ link.url }}" }`.
    Text(TextSetting),
    /// The present moment, `{ now: true }`.
    Now(NowSetting),
    /// A list of constants.
    List(Vec<Scalar>),
    /// A constant.
    Constant(Scalar),
}

/// The result of an expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpressionSetting {
    /// The expression, such as `item.reminders_sent + 1`.
    pub(crate) value: Scalar,
}

/// A text with tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TextSetting {
    /// The text, with tokens such as `{{ link.url }}`.
    pub(crate) text: String,
}

/// The present moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NowSetting {
    /// Always `true`.
    pub(crate) now: bool,
}

impl SourceSetting {
    /// The value of a field of the item.
    pub(crate) fn field(name: &str) -> SourceSetting {
        let value = Scalar(serde_json::Value::String(format!("item.{name}")));
        SourceSetting::Expression(ExpressionSetting { value })
    }
}

/// What a value must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SourceType<'a> {
    /// A value of a declared type.
    Field(&'a FieldType),
    /// Anything: the receiver knows the type.
    Any,
}

/// Where a value comes from, ready to be read.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Always this.
    Constant(Value),
    /// Computed from the facts.
    Expression(Expression),
    /// Rendered from the facts, in the project's first language.
    Text(Template),
    /// The entry into the state, as an instant.
    Now,
    /// The entry into the state, as the local day.
    Today,
}

impl Source {
    /// Compiles a value, reporting what is wrong with it.
    pub(crate) fn compile(
        setting: &SourceSetting,
        wanted: SourceType<'_>,
        place: &Place,
        check: &mut Check<'_>,
    ) -> Option<Source> {
        match setting {
            SourceSetting::Expression(ExpressionSetting { value }) => {
                let expected = match wanted {
                    SourceType::Field(kind) => Expected::from(kind),
                    SourceType::Any => Expected::Any,
                };
                check
                    .expression(&place.key("value"), &value.text(), expected)
                    .map(Source::Expression)
            }
            SourceSetting::Text(TextSetting { text }) => {
                if let SourceType::Field(kind) = wanted
                    && !matches!(kind, FieldType::Text | FieldType::Link)
                {
                    let message = format!("{} field cannot hold a text", with_article(kind.name()));
                    check.error(codes::BAD_CONSTANT, &place.key("text"), message);
                    return None;
                }
                check.template(&place.key("text"), text).map(Source::Text)
            }
            SourceSetting::Now(NowSetting { now }) => sorted_now(*now, wanted, place, check),
            SourceSetting::List(items) => {
                let json =
                    serde_json::Value::Array(items.iter().map(|item| item.0.clone()).collect());
                constant(&json, wanted, place, check)
            }
            SourceSetting::Constant(Scalar(json)) => constant(json, wanted, place, check),
        }
    }

    /// What it reads.
    pub(crate) fn reads(&self) -> Option<&Reads> {
        match self {
            Source::Expression(expression) => Some(expression.reads()),
            Source::Text(template) => Some(template.reads()),
            Source::Constant(_) | Source::Now | Source::Today => None,
        }
    }

    /// The value now.
    pub(crate) fn read(&self, context: &PlanContext<'_>) -> Result<Value, SourceError> {
        match self {
            Source::Constant(value) => Ok(value.clone()),
            Source::Expression(expression) => {
                expression
                    .evaluate(context.facts)
                    .map_err(|error| SourceError {
                        message: error.to_string(),
                    })
            }
            Source::Text(template) => {
                let locale = context.locales.first().copied().unwrap_or_default();
                template
                    .render(context.facts, locale)
                    .map(Value::Text)
                    .map_err(|error| SourceError {
                        message: error.to_string(),
                    })
            }
            Source::Now => Ok(Value::Instant(context.entered_at)),
            Source::Today => Ok(Value::Date(context.zone.local_date(context.entered_at))),
        }
    }
}

/// `now` in the form its receiver takes.
fn sorted_now(
    written: bool,
    wanted: SourceType<'_>,
    place: &Place,
    check: &mut Check<'_>,
) -> Option<Source> {
    let place = place.key("now");
    if !written {
        check.error(
            codes::WRONG_TYPE,
            &place,
            "`now` is always true: leave it out otherwise",
        );
        return None;
    }
    match wanted {
        SourceType::Any | SourceType::Field(FieldType::Instant) => Some(Source::Now),
        SourceType::Field(FieldType::Date { .. }) => Some(Source::Today),
        SourceType::Field(other) => {
            let message = format!(
                "the present moment fits a date or instant field, this is {} field",
                with_article(other.name())
            );
            check.error(codes::BAD_CONSTANT, &place, message);
            None
        }
    }
}

fn constant(
    json: &serde_json::Value,
    wanted: SourceType<'_>,
    place: &Place,
    check: &mut Check<'_>,
) -> Option<Source> {
    match wanted {
        SourceType::Field(kind) => check.constant(place, json, kind).map(Source::Constant),
        SourceType::Any => Some(Source::Constant(plain(json))),
    }
}

/// A constant whose type nobody declares: as YAML reads it.
fn plain(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Bool(yes) => Value::Bool(*yes),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Value::Number(Decimal::from(whole)),
            None => Value::Text(number.to_string()),
        },
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(plain).collect()),
        serde_json::Value::Null | serde_json::Value::Object(_) => Value::Empty,
    }
}

/// A value that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct SourceError {
    /// What happened.
    pub(crate) message: String,
}
