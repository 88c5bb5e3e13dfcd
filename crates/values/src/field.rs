//! The fields of an item: what type each has, and what value it holds.

mod read;

use std::collections::BTreeMap;
use std::fmt;

use chrono::{NaiveTime, SecondsFormat};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Calendar, Date};
use crate::id::ItemRef;
use crate::money::Money;
use crate::zone::Timestamp;

pub use read::ValueError;

/// The fields of an item by name.
pub type Fields = BTreeMap<String, Value>;

/// What a field may hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Any text.
    Text,
    /// An exact number without a currency.
    Number,
    /// An amount with its currency.
    Money,
    /// Yes or no.
    Bool,
    /// A day.
    Date {
        /// The calendar it is shown in; a value may be typed in either.
        calendar: Calendar,
    },
    /// A time of day.
    Time,
    /// An instant.
    Instant,
    /// A person of the host.
    User,
    /// A group of the host.
    Group,
    /// A position of the host.
    Position,
    /// An item of the CRM.
    Item {
        /// The only kind of item allowed, if there is one.
        entity: Option<String>,
    },
    /// A registered receipt.
    Receipt,
    /// A web address, such as that of a payment link; its value is a text.
    Link,
    /// One of a few texts.
    Choice {
        /// What may be chosen.
        options: Vec<String>,
    },
    /// Several values of one type.
    List {
        /// The type of each.
        of: Box<FieldType>,
    },
}

impl FieldType {
    /// The name of the type in files, such as `money`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Money => "money",
            Self::Bool => "bool",
            Self::Date { .. } => "date",
            Self::Time => "time",
            Self::Instant => "instant",
            Self::User => "user",
            Self::Group => "group",
            Self::Position => "position",
            Self::Item { .. } => "item",
            Self::Receipt => "receipt",
            Self::Link => "link",
            Self::Choice { .. } => "choice",
            Self::List { .. } => "list",
        }
    }
}

/// What a field holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Nothing yet.
    #[default]
    Empty,
    /// A text, or the address in a link field.
    Text(String),
    /// An exact number.
    Number(#[serde(with = "exact")] Decimal),
    /// An amount with its currency.
    Money(Money),
    /// Yes or no.
    Bool(bool),
    /// A day.
    Date(Date),
    /// A time of day.
    Time(NaiveTime),
    /// An instant.
    Instant(Timestamp),
    /// The id of a person.
    User(String),
    /// The id of a group.
    Group(String),
    /// The id of a position.
    Position(String),
    /// An item of the CRM.
    Item(ItemRef),
    /// The id of a receipt.
    Receipt(String),
    /// The chosen text.
    Choice(String),
    /// Several values.
    List(Vec<Value>),
}

impl Value {
    /// The name of the kind of value, such as `money`; `empty` for none.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Text(_) => "text",
            Self::Number(_) => "number",
            Self::Money(_) => "money",
            Self::Bool(_) => "bool",
            Self::Date(_) => "date",
            Self::Time(_) => "time",
            Self::Instant(_) => "instant",
            Self::User(_) => "user",
            Self::Group(_) => "group",
            Self::Position(_) => "position",
            Self::Item(_) => "item",
            Self::Receipt(_) => "receipt",
            Self::Choice(_) => "choice",
            Self::List(_) => "list",
        }
    }

    /// Whether there is nothing in it: no value, an empty text or an empty list.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.is_empty(),
            Self::List(values) => values.is_empty(),
            _ => false,
        }
    }

    /// Whether a field of this type may hold the value; every field may be empty.
    #[must_use]
    pub fn fits(&self, field_type: &FieldType) -> bool {
        match (self, field_type) {
            (Self::Empty, _) | (Self::Text(_), FieldType::Link) => true,
            (
                Self::Item(item),
                FieldType::Item {
                    entity: Some(entity),
                },
            ) => item.entity() == entity,
            (Self::Choice(chosen), FieldType::Choice { options }) => options.contains(chosen),
            (Self::List(values), FieldType::List { of }) => {
                values.iter().all(|value| value.fits(of))
            }
            _ => self.type_name() == field_type.name(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => Ok(()),
            Self::Text(text)
            | Self::User(text)
            | Self::Group(text)
            | Self::Position(text)
            | Self::Receipt(text)
            | Self::Choice(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{}", number.normalize()),
            Self::Money(money) => write!(f, "{money}"),
            Self::Bool(yes) => f.write_str(if *yes { "yes" } else { "no" }),
            Self::Date(date) => write!(f, "{date}"),
            Self::Time(time) => write!(f, "{time}"),
            Self::Instant(at) => f.write_str(&at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            Self::Item(item) => write!(f, "{item}"),
            Self::List(values) => {
                for (place, value) in values.iter().enumerate() {
                    let separator = if place == 0 { "" } else { "; " };
                    write!(f, "{separator}{value}")?;
                }
                Ok(())
            }
        }
    }
}

/// Numbers as exact strings. Equal numbers have equal strings, so that `1.50` and `1.5` do not
/// make two different records.
mod exact {
    use rust_decimal::Decimal;
    use serde::{Deserializer, Serializer};

    use crate::digits::parse_decimal;
    use crate::id::from_text;

    pub(super) fn serialize<S: Serializer>(
        number: &Decimal,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&number.normalize())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Decimal, D::Error> {
        from_text(
            deserializer,
            "an exact number in a string, as \"12.5\"",
            parse_decimal,
        )
    }
}
