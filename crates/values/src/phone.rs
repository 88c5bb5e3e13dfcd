//! Mobile numbers, kept in the international form that gateways take.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digits::latin_digits;
use crate::id::from_text;

/// A mobile number as `+` and 7 to 15 digits (E.164), such as `+989121234567`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mobile(String);

impl Mobile {
    /// Reads a number as people write it: Iranian ones with or without `+98`, Russian ones as
    /// `8 9…`, all others with `+`. Digits of any script; spaces, dashes, brackets and invisible
    /// marks are ignored.
    ///
    /// # Errors
    ///
    /// [`PhoneError`] says what is expected; it never repeats the number.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let digits: String = latin_digits(text)
            .chars()
            .filter(|c| !is_filler(*c))
            .collect();
        if digits.is_empty() {
            return Err(PhoneError::Empty);
        }
        let unsigned = digits.strip_prefix('+').unwrap_or(&digits);
        if let Some(character) = unsigned.chars().find(|c| !c.is_ascii_digit()) {
            return Err(PhoneError::UnexpectedCharacter { character });
        }
        if let Some(subscriber) = iranian_subscriber(&digits) {
            return Ok(Self(format!("+98{subscriber}")));
        }
        match digits.strip_prefix('+') {
            Some(number) => international(number),
            None => domestic_russian(&digits).ok_or(PhoneError::UnknownForm),
        }
    }

    /// The number as `+` and digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number for a log or a list: the middle is hidden, as in `+98912***4567`.
    #[must_use]
    pub fn masked(&self) -> String {
        let count = self.0.len().saturating_sub(1);
        let tail = if count >= 10 { 4 } else { 2 };
        let head = count.saturating_sub(tail + 3).min(5);
        let hide = |(at, c)| {
            if at > head && at <= count - tail {
                '*'
            } else {
                c
            }
        };
        self.0.chars().enumerate().map(hide).collect()
    }
}

impl fmt::Display for Mobile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Mobile {
    type Err = PhoneError;

    fn from_str(text: &str) -> Result<Self, PhoneError> {
        Self::parse(text)
    }
}

impl Serialize for Mobile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Mobile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a mobile number", Self::parse)
    }
}

impl JsonSchema for Mobile {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Mobile")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A mobile number, such as 09121234567 or +79121234567."
        })
    }
}

/// Why a text is not a mobile number. It never holds the number itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// Nothing was written.
    #[error("a mobile number is expected, the text is empty")]
    Empty,
    /// A letter or sign that no number has.
    #[error("`{}` does not belong in a mobile number", character.escape_debug())]
    UnexpectedCharacter {
        /// The character.
        character: char,
    },
    /// A number of Iran or Russia that is not a mobile one.
    #[error(
        "this number of country +{country} is not a mobile number: it has 10 digits from {first} on"
    )]
    NotMobile {
        /// The country code.
        country: u16,
        /// What a mobile number of that country starts with.
        first: &'static str,
    },
    /// Too short or too long for any country.
    #[error("an international number has 7 to 15 digits after `+`, this one has {digits}")]
    BadLength {
        /// How many there are.
        digits: usize,
    },
    /// A country code that starts with zero.
    #[error("no country code starts with 0: write +98… or 09…")]
    BadCountry,
    /// Digits without a country.
    #[error("write the number as 09121234567, or with its country as +79121234567")]
    UnknownForm,
}

/// What people and address books put between digits, direction marks included.
fn is_filler(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '-' | '(' | ')'
                | '\u{2010}'..='\u{2015}'
                | '\u{2212}'
                | '\u{061c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'
                | '\u{202c}'
                | '\u{2066}'
                | '\u{2069}'
        )
}

/// The ten digits from 9 on, when the rest is one of the ways to write Iran's prefix.
fn iranian_subscriber(digits: &str) -> Option<&str> {
    let subscriber = ["+98", "0098", "98", "0", ""]
        .into_iter()
        .filter_map(|prefix| digits.strip_prefix(prefix))
        .find(|rest| rest.len() == 10 && rest.starts_with('9'))?;
    subscriber
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then_some(subscriber)
}

/// `8 9xx xxx xx xx` is how Russians dial each other.
fn domestic_russian(digits: &str) -> Option<Mobile> {
    let subscriber = digits.strip_prefix('8')?;
    (subscriber.len() == 10 && subscriber.starts_with('9'))
        .then(|| Mobile(format!("+7{subscriber}")))
}

fn international(number: &str) -> Result<Mobile, PhoneError> {
    if number.starts_with("98") {
        return Err(PhoneError::NotMobile {
            country: 98,
            first: "9",
        });
    }
    if number.starts_with('0') {
        return Err(PhoneError::BadCountry);
    }
    if !(7..=15).contains(&number.len()) {
        return Err(PhoneError::BadLength {
            digits: number.len(),
        });
    }
    if let Some(subscriber) = number.strip_prefix('7')
        && !(subscriber.len() == 10 && subscriber.starts_with(['9', '7']))
    {
        return Err(PhoneError::NotMobile {
            country: 7,
            first: "9 or 7",
        });
    }
    Ok(Mobile(format!("+{number}")))
}
