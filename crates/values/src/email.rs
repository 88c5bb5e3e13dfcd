//! E-mail addresses, checked against what breaks a message rather than against the whole standard.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::{from_text, has_bidi_or_control};

/// An e-mail address; its domain is in small letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

impl Email {
    /// Reads one address, without a name around it.
    ///
    /// # Errors
    ///
    /// [`EmailError`] says what is wrong; it never repeats the address.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(EmailError::Empty);
        }
        if let Some(character) = text.chars().find(|c| is_forbidden(*c)) {
            return Err(EmailError::Forbidden { character });
        }
        let Some((local, domain)) = text.split_once('@') else {
            return Err(EmailError::NotOneAt);
        };
        if domain.contains('@') {
            return Err(EmailError::NotOneAt);
        }
        let domain = domain.to_lowercase();
        check_local(local)?;
        check_domain(&domain)?;
        let address = format!("{local}@{domain}");
        if address.len() > 254 {
            return Err(EmailError::TooLong);
        }
        Ok(Self(address))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address for a log or a list: `a***@example.com`.
    #[must_use]
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.split_once('@').unwrap_or_default();
        let first: String = local.chars().take(1).collect();
        format!("{first}***@{domain}")
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        Self::parse(text)
    }
}

impl Serialize for Email {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "an e-mail address", Self::parse)
    }
}

impl JsonSchema for Email {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Email")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "email",
            "description": "An e-mail address."
        })
    }
}

/// Why a text is not an e-mail address. It never holds the address itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Nothing was written.
    #[error("an e-mail address is expected, the text is empty")]
    Empty,
    /// A space, a comma, a bracket, a control or direction character.
    #[error("`{}` is not allowed in an e-mail address", character.escape_debug())]
    Forbidden {
        /// The character.
        character: char,
    },
    /// No `@`, or more than one.
    #[error("an e-mail address has exactly one `@`, as in ali@example.com")]
    NotOneAt,
    /// The part before `@` is empty, over 64 bytes, or has a dot at an edge or two in a row.
    #[error("the part before `@` must have 1 to 64 bytes, and no dot at an edge or twice in a row")]
    BadLocalPart,
    /// The part after `@` is not a domain with a dot.
    #[error("after `@` comes a domain with a dot, as in example.com")]
    BadDomain,
    /// Over 254 bytes.
    #[error("an e-mail address has at most 254 bytes")]
    TooLong,
}

/// Anything here could end the address inside a header and begin something else.
fn is_forbidden(c: char) -> bool {
    c.is_whitespace()
        || has_bidi_or_control(c.encode_utf8(&mut [0; 4])).is_some()
        || matches!(
            c,
            ',' | ';' | ':' | '<' | '>' | '(' | ')' | '[' | ']' | '"' | '\\'
        )
        || matches!(
            c,
            '\u{060c}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}'
        )
}

fn check_local(local: &str) -> Result<(), EmailError> {
    if (1..=64).contains(&local.len()) && local.split('.').all(|part| !part.is_empty()) {
        Ok(())
    } else {
        Err(EmailError::BadLocalPart)
    }
}

fn check_domain(domain: &str) -> Result<(), EmailError> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    if domain.contains('.') && domain.split('.').all(is_label) {
        Ok(())
    } else {
        Err(EmailError::BadDomain)
    }
}
