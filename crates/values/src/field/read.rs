//! Values from what people type and from JSON.

use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::{FieldType, Value};
use crate::calendar::{DateError, parse_date};
use crate::digits::{NumberError, latin_digits, normalize_text, parse_number, trim_marks};
use crate::id::{IdError, ItemRef, check_id, has_bidi_or_control, shorten};
use crate::money::{Currency, Money, MoneyError};
use crate::zone::{TimeError, Zone, clock_time, parse_timestamp};

impl Value {
    /// Reads what a person typed into a cell or a form. Nothing but spaces is [`Value::Empty`].
    /// The members of a list are parted by `;`. An instant carries its offset (RFC 3339), because
    /// no zone is known here. With a currency, money must be in it, and a bare zero is enough.
    ///
    /// # Errors
    ///
    /// [`ValueError`] says what to write instead.
    pub fn parse(
        text: &str,
        field_type: &FieldType,
        currency: Option<Currency>,
    ) -> Result<Self, ValueError> {
        let typed = trim_marks(text);
        if typed.is_empty() {
            return Ok(Self::Empty);
        }
        match field_type {
            FieldType::Text => Ok(Self::Text(text.trim().to_owned())),
            FieldType::Number => Ok(Self::Number(parse_number(typed)?)),
            FieldType::Money => Ok(Self::Money(match currency {
                Some(currency) => Money::parse_in(typed, currency)?,
                None => Money::parse(typed)?,
            })),
            FieldType::Bool => parse_bool(typed),
            FieldType::Date { .. } => Ok(Self::Date(parse_date(typed)?.date)),
            FieldType::Time => clock_time(&latin_digits(typed))
                .map(Self::Time)
                .ok_or_else(|| ValueError::NotATime {
                    text: shorten(typed),
                }),
            FieldType::Instant => parse_instant(typed),
            FieldType::User => Ok(Self::User(checked_id(typed)?)),
            FieldType::Group => Ok(Self::Group(checked_id(typed)?)),
            FieldType::Position => Ok(Self::Position(checked_id(typed)?)),
            FieldType::Item { entity } => parse_item(typed, entity.as_deref()),
            FieldType::Receipt => Ok(Self::Receipt(checked_id(typed)?)),
            FieldType::Link => parse_link(typed),
            FieldType::Choice { options } => parse_choice(typed, options),
            FieldType::List { of } => parse_list(typed, of, currency),
        }
    }

    /// Reads a value of plain JSON: `null` is empty, `true` and `false` are bools, whole numbers
    /// are numbers, arrays are lists, and everything else is a string that is read as typed text.
    /// A number with a fraction must be a string, because JSON readers turn it into a float.
    ///
    /// # Errors
    ///
    /// [`ValueError`].
    pub fn from_json(json: &Json, field_type: &FieldType) -> Result<Self, ValueError> {
        let wrong = |found| ValueError::WrongType {
            expected: field_type.name(),
            found,
        };
        match (json, field_type) {
            (Json::Null, _) => Ok(Self::Empty),
            (Json::String(_), FieldType::Bool | FieldType::List { .. }) => Err(wrong("text")),
            (Json::String(text), FieldType::Text) => Ok(Self::Text(text.clone())),
            (Json::String(text), _) => Self::parse(text, field_type, None),
            (Json::Bool(yes), FieldType::Bool) => Ok(Self::Bool(*yes)),
            (Json::Bool(_), _) => Err(wrong("bool")),
            (Json::Number(number), FieldType::Number) => whole_number(number),
            (Json::Number(number), FieldType::Money) => Err(MoneyError::MissingCurrency {
                text: shorten(&number.to_string()),
            }
            .into()),
            (Json::Number(_), _) => Err(wrong("number")),
            (Json::Array(values), FieldType::List { of }) => values
                .iter()
                .map(|value| Self::from_json(value, of))
                .collect::<Result<_, _>>()
                .map(Self::List),
            (Json::Array(_), _) => Err(wrong("list")),
            (Json::Object(_), _) => Err(wrong("object")),
        }
    }
}

/// Why a text or JSON is not a value of a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not a number.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// Not money.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// Not a day.
    #[error(transparent)]
    Date(#[from] DateError),
    /// Not an instant.
    #[error(transparent)]
    Instant(#[from] TimeError),
    /// Not an id or a reference to an item.
    #[error(transparent)]
    Id(#[from] IdError),
    /// Neither yes nor no.
    #[error("`{text}` is neither yes nor no: write yes or no, بله or خیر, да or нет")]
    NotABool {
        /// What was written, shortened.
        text: String,
    },
    /// Not a time of day.
    #[error("`{text}` is not a time of day: write 14:05")]
    NotATime {
        /// What was written, shortened.
        text: String,
    },
    /// An instant without the offset that places it.
    #[error("`{text}` is not an instant: write it with its offset, as in 2026-09-22T14:05:00Z")]
    NoOffset {
        /// What was written, shortened.
        text: String,
    },
    /// Not a web address.
    #[error("`{text}` is not a web address: it begins with https:// and has no spaces")]
    NotALink {
        /// What was written, shortened.
        text: String,
    },
    /// Not among the options.
    #[error("`{text}` is not one of: {options}")]
    NotAnOption {
        /// What was written, shortened.
        text: String,
        /// The options, as a sentence lists them.
        options: String,
    },
    /// An item of another kind.
    #[error("an item of `{expected}` is expected, this one is of `{found}`")]
    WrongEntity {
        /// The kind the field takes.
        expected: String,
        /// The kind that was written, shortened.
        found: String,
    },
    /// A place between two `;` with nothing in it.
    #[error("the list has an empty place: write `a; b`")]
    EmptyMember,
    /// A list inside a list, which has no typed form.
    #[error("a list of lists cannot be typed")]
    NestedList,
    /// A JSON number with a fraction or beyond 64 bits.
    #[error("{text} is not exact in JSON: write it as a string, as in \"12.5\"")]
    InexactJson {
        /// The number.
        text: String,
    },
    /// JSON of another kind.
    #[error("a value of type {expected} is expected, this is of type {found}")]
    WrongType {
        /// The type of the field.
        expected: &'static str,
        /// What the JSON holds.
        found: &'static str,
    },
}

fn parse_bool(typed: &str) -> Result<Value, ValueError> {
    match normalize_text(typed).to_lowercase().as_str() {
        "yes" | "true" | "بله" | "да" => Ok(Value::Bool(true)),
        "no" | "false" | "خیر" | "نه" | "нет" => Ok(Value::Bool(false)),
        _ => Err(ValueError::NotABool {
            text: shorten(typed),
        }),
    }
}

fn parse_instant(typed: &str) -> Result<Value, ValueError> {
    // Without the `T` it could be local time, and no zone is known here.
    if !typed.contains(['T', 't']) {
        return Err(ValueError::NoOffset {
            text: shorten(typed),
        });
    }
    match parse_timestamp(typed, &Zone::UTC) {
        Ok(at) => Ok(Value::Instant(at)),
        Err(TimeError::Unreadable { text }) => Err(ValueError::NoOffset { text }),
        Err(error) => Err(error.into()),
    }
}

fn checked_id(typed: &str) -> Result<String, ValueError> {
    check_id(typed)?;
    Ok(typed.to_owned())
}

fn parse_item(typed: &str, entity: Option<&str>) -> Result<Value, ValueError> {
    let item: ItemRef = match entity {
        // Where only one kind is possible, its bare id is enough.
        Some(entity) if !typed.contains('/') => ItemRef::new(entity, typed)?,
        _ => typed.parse()?,
    };
    match entity {
        Some(expected) if item.entity() != expected => Err(ValueError::WrongEntity {
            expected: expected.to_owned(),
            found: shorten(item.entity()),
        }),
        _ => Ok(Value::Item(item)),
    }
}

fn parse_link(typed: &str) -> Result<Value, ValueError> {
    let address = typed
        .strip_prefix("https://")
        .or_else(|| typed.strip_prefix("http://"));
    let whole = !typed.contains(char::is_whitespace) && has_bidi_or_control(typed).is_none();
    match address {
        Some(address) if whole && !address.is_empty() => Ok(Value::Text(typed.to_owned())),
        _ => Err(ValueError::NotALink {
            text: shorten(typed),
        }),
    }
}

fn parse_choice(typed: &str, options: &[String]) -> Result<Value, ValueError> {
    let wanted = normalize_text(typed);
    options
        .iter()
        .find(|option| normalize_text(option) == wanted)
        .map(|option| Value::Choice(option.clone()))
        .ok_or_else(|| ValueError::NotAnOption {
            text: shorten(typed),
            options: options.join(", "),
        })
}

fn parse_list(
    typed: &str,
    of: &FieldType,
    currency: Option<Currency>,
) -> Result<Value, ValueError> {
    if matches!(of, FieldType::List { .. }) {
        return Err(ValueError::NestedList);
    }
    typed
        .split([';', '؛'])
        .map(|member| match Value::parse(member, of, currency)? {
            Value::Empty => Err(ValueError::EmptyMember),
            value => Ok(value),
        })
        .collect::<Result<_, _>>()
        .map(Value::List)
}

fn whole_number(number: &serde_json::Number) -> Result<Value, ValueError> {
    let whole = number
        .as_i64()
        .map(Decimal::from)
        .or_else(|| number.as_u64().map(Decimal::from));
    whole
        .map(Value::Number)
        .ok_or_else(|| ValueError::InexactJson {
            text: shorten(&number.to_string()),
        })
}
