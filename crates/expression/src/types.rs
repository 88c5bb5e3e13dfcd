//! What an expression, or a part of one, can yield.

use std::fmt;

use values::FieldType;

/// The type of an expression.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// The literal `()`: nothing.
    Unit,
    /// Yes or no.
    Bool,
    /// An exact number without a currency.
    Number,
    /// An amount with its currency.
    Money,
    /// Any text, or the address in a link field.
    Text,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// An instant.
    Instant,
    /// A length of time, such as `days(3)`.
    Duration,
    /// A person of the host.
    User,
    /// A group of the host.
    Group,
    /// A position of the host.
    Position,
    /// An item of the CRM; the kind, where the field fixes it.
    Item(Option<String>),
    /// A registered receipt.
    Receipt,
    /// One of these options.
    Choice(Vec<String>),
    /// One of these texts, all written in the expression itself. Fits a text, and a choice that has
    /// them all.
    Literal(Vec<String>),
    /// A record with named fields; the name is that of a record of the [`Schema`](crate::Schema).
    Record(String),
    /// The records that `children` finds.
    Records(String),
    /// Several values of one type.
    List(Box<Type>),
    /// The type, or nothing.
    Optional(Box<Type>),
    /// Not known, because of a mistake that is reported elsewhere; fits everything.
    Unknown,
}

impl Type {
    /// The type, or nothing.
    #[must_use]
    pub fn optional(self) -> Self {
        match self {
            Self::Optional(_) | Self::Unit | Self::Unknown => self,
            other => Self::Optional(Box::new(other)),
        }
    }

    /// The type without the possibility of nothing.
    #[must_use]
    pub fn required(&self) -> &Self {
        match self {
            Self::Optional(inner) => inner,
            other => other,
        }
    }

    /// Whether there may be nothing.
    #[must_use]
    pub fn may_be_empty(&self) -> bool {
        matches!(self, Self::Optional(_) | Self::Unit)
    }

    /// Whether a value of this type can stand where `wanted` is needed. That it may be empty is not
    /// looked at: emptiness is found when the expression runs.
    #[must_use]
    pub fn fits(&self, wanted: &Self) -> bool {
        match (self.required(), wanted.required()) {
            (Self::Unknown | Self::Unit, _) | (_, Self::Unknown) => true,
            (Self::Literal(_) | Self::Choice(_), Self::Text) => true,
            (Self::Literal(texts) | Self::Choice(texts), Self::Choice(options)) => {
                texts.iter().all(|text| options.contains(text))
            }
            (Self::Item(_), Self::Item(None)) => true,
            (Self::List(found), Self::List(wanted)) => found.fits(wanted),
            (found, wanted) => found == wanted,
        }
    }

    /// The one type that holds the values of both, if there is one.
    pub(crate) fn join(&self, other: &Self) -> Option<Self> {
        let joined = match (self.required(), other.required()) {
            (Self::Unknown, _) | (_, Self::Unknown) => return Some(Self::Unknown),
            (Self::Unit, found) | (found, Self::Unit) => return Some(found.clone().optional()),
            (Self::Literal(a), Self::Literal(b)) => {
                let mut texts = a.clone();
                texts.extend(b.iter().filter(|text| !a.contains(text)).cloned());
                Self::Literal(texts)
            }
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.join(b)?)),
            (a, b) if a.fits(b) => b.clone(),
            (a, b) if b.fits(a) => a.clone(),
            (a, b) if a.is_text() && b.is_text() => Self::Text,
            _ => return None,
        };
        let empty = self.may_be_empty() || other.may_be_empty();
        Some(if empty { joined.optional() } else { joined })
    }

    /// Whether it is written with letters at run time.
    pub(crate) fn is_text(&self) -> bool {
        matches!(
            self.required(),
            Self::Text | Self::Choice(_) | Self::Literal(_)
        )
    }
}

impl From<&FieldType> for Type {
    fn from(field: &FieldType) -> Self {
        match field {
            FieldType::Text | FieldType::Link => Self::Text,
            FieldType::Number => Self::Number,
            FieldType::Money => Self::Money,
            FieldType::Bool => Self::Bool,
            FieldType::Date { .. } => Self::Date,
            FieldType::Time => Self::Time,
            FieldType::Instant => Self::Instant,
            FieldType::User => Self::User,
            FieldType::Group => Self::Group,
            FieldType::Position => Self::Position,
            FieldType::Item { entity } => Self::Item(entity.clone()),
            FieldType::Receipt => Self::Receipt,
            FieldType::Choice { options } => Self::Choice(options.clone()),
            FieldType::List { of } => Self::List(Box::new(Self::from(of.as_ref()))),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit => f.write_str("nothing"),
            Self::Bool => f.write_str("yes/no"),
            Self::Number => f.write_str("a number"),
            Self::Money => f.write_str("an amount of money"),
            Self::Text | Self::Literal(_) => f.write_str("a text"),
            Self::Date => f.write_str("a date"),
            Self::Time => f.write_str("a time of day"),
            Self::Instant => f.write_str("an instant"),
            Self::Duration => f.write_str("a length of time"),
            Self::User => f.write_str("a user"),
            Self::Group => f.write_str("a group"),
            Self::Position => f.write_str("a position"),
            Self::Item(Some(entity)) => write!(f, "an item of `{entity}`"),
            Self::Item(None) => f.write_str("an item"),
            Self::Receipt => f.write_str("a receipt"),
            Self::Choice(_) => f.write_str("a choice"),
            Self::Record(name) => write!(f, "the record `{name}`"),
            Self::Records(name) => write!(f, "the records of `{name}`"),
            Self::List(of) => match of.as_ref() {
                Self::Unknown => f.write_str("a list"),
                of => write!(f, "a list (each {of})"),
            },
            Self::Optional(inner) => inner.fmt(f),
            Self::Unknown => f.write_str("something"),
        }
    }
}
