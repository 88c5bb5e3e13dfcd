//! Names of things that live elsewhere: users, items, links, messages.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// No id is longer than this, in bytes.
const MAX_ID_BYTES: usize = 128;

/// How much of a refused text a message repeats, in characters.
const SHOWN_CHARACTERS: usize = 40;

macro_rules! id_newtype {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps an id as it is; [`check_id`] is for those that come from outside.
            #[must_use]
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )+};
}

id_newtype! {
    /// A person of the host CRM.
    UserId;
    /// A person or company that an item is about.
    PartyId;
    /// A gateway account, as the configuration names it.
    AccountName;
    /// One input handed to the engine; the same id means the same input.
    InputId;
    /// A payment link.
    LinkId;
    /// A message in the outbox.
    MessageId;
    /// A receipt of a payment.
    ReceiptId;
    /// One piece of work the engine has promised to perform.
    IntentId;
}

/// The CRM item a value points at: `entity/id`, or `tenant:entity/id` where tenants share a store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemRef {
    tenant: String,
    entity: String,
    id: String,
}

impl ItemRef {
    /// Names an item of the only tenant. The id may hold `/`, the entity may not.
    ///
    /// # Errors
    ///
    /// [`IdError`] for an empty, over-long, invisible or misleading part.
    pub fn new(entity: impl Into<String>, id: impl Into<String>) -> Result<Self, IdError> {
        let (entity, id) = (entity.into(), id.into());
        check_part(&entity)?;
        check_id(&id)?;
        Ok(Self {
            tenant: String::new(),
            entity,
            id,
        })
    }

    /// The same item in a named tenant; an empty name means the only tenant.
    ///
    /// # Errors
    ///
    /// [`IdError`] as for the entity.
    pub fn with_tenant(mut self, tenant: impl Into<String>) -> Result<Self, IdError> {
        let tenant = tenant.into();
        if !tenant.is_empty() {
            check_part(&tenant)?;
        }
        self.tenant = tenant;
        Ok(self)
    }

    /// The tenant; empty where there is only one.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The kind of item, such as `invoice`.
    #[must_use]
    pub fn entity(&self) -> &str {
        &self.entity
    }

    /// The host's id of the item.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for ItemRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.tenant.is_empty() {
            write!(f, "{}:", self.tenant)?;
        }
        write!(f, "{}/{}", self.entity, self.id)
    }
}

impl FromStr for ItemRef {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let Some((owner, id)) = text.split_once('/') else {
            return Err(IdError::NotAReference {
                text: shorten(text),
            });
        };
        match owner.split_once(':') {
            None => Self::new(owner, id),
            Some(("", _)) => Err(IdError::Empty),
            Some((tenant, entity)) => Self::new(entity, id)?.with_tenant(tenant),
        }
    }
}

impl Serialize for ItemRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ItemRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "an item as `entity/id`", str::parse)
    }
}

impl JsonSchema for ItemRef {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("ItemRef")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "An item of the CRM, as `entity/id`.",
            "pattern": "^[^/]+/.+$"
        })
    }
}

/// Checks an id that comes from outside: 1 to 128 bytes, nothing invisible in it.
///
/// # Errors
///
/// [`IdError`] names what is wrong.
pub fn check_id(id: &str) -> Result<(), IdError> {
    if id.is_empty() {
        return Err(IdError::Empty);
    }
    if id.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong { bytes: id.len() });
    }
    match has_bidi_or_control(id) {
        Some(character) => Err(IdError::Forbidden { character }),
        None => Ok(()),
    }
}

/// Checks a name that a workflow file gives to a state, a field or a transition.
///
/// # Errors
///
/// [`NameError`] unless the name is a small Latin letter and then up to 63 of `a-z 0-9 _ -`.
pub fn check_name(name: &str) -> Result<(), NameError> {
    let mut characters = name.chars();
    let starts = characters.next().is_some_and(|c| c.is_ascii_lowercase());
    let goes_on = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    if starts && name.len() <= 64 && characters.all(goes_on) {
        Ok(())
    } else {
        Err(NameError {
            name: shorten(name),
        })
    }
}

/// The first control character, or character that turns the direction of the text around it, if
/// there is one. Such a text can look like another one.
#[must_use]
pub fn has_bidi_or_control(text: &str) -> Option<char> {
    text.chars().find(|c| {
        c.is_control()
            || matches!(
                c,
                '\u{061c}'
                    | '\u{200e}'
                    | '\u{200f}'
                    | '\u{2028}'
                    | '\u{2029}'
                    | '\u{202a}'..='\u{202e}'
                    | '\u{2066}'..='\u{2069}'
            )
    })
}

/// Why a text cannot be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing was written.
    #[error("an id must not be empty")]
    Empty,
    /// More than 128 bytes.
    #[error("an id has at most 128 bytes, this one has {bytes}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A control or direction character, or a separator where none may be.
    #[error("`{}` is not allowed in an id", character.escape_unicode())]
    Forbidden {
        /// The character.
        character: char,
    },
    /// Not of the form `entity/id`.
    #[error("`{text}` does not name an item: write `entity/id`, as in invoice/17")]
    NotAReference {
        /// What was written, shortened.
        text: String,
    },
}

/// Why a text cannot name a part of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` is not a name: start with a letter a-z, go on with a-z, 0-9, `_` or `-`, at most 64"
)]
pub struct NameError {
    /// What was written, shortened.
    pub name: String,
}

/// A refused text as a message may repeat it: short, and with nothing invisible in it.
pub(crate) fn shorten(text: &str) -> String {
    let mut shown = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == SHOWN_CHARACTERS {
            shown.push('…');
            break;
        }
        if has_bidi_or_control(c.encode_utf8(&mut [0; 4])).is_some() {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Deserializes a value that is written as one string.
pub(crate) fn from_text<'de, D, T, E>(
    deserializer: D,
    expecting: &'static str,
    parse: fn(&str) -> Result<T, E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: fmt::Display,
{
    struct TextVisitor<T, E> {
        expecting: &'static str,
        parse: fn(&str) -> Result<T, E>,
    }

    impl<T, E: fmt::Display> serde::de::Visitor<'_> for TextVisitor<T, E> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.expecting)
        }

        fn visit_str<Error: serde::de::Error>(self, text: &str) -> Result<T, Error> {
            (self.parse)(text).map_err(Error::custom)
        }
    }

    deserializer.deserialize_str(TextVisitor { expecting, parse })
}

/// Entities and tenants hold neither of the two separators, so that a reference reads one way.
fn check_part(part: &str) -> Result<(), IdError> {
    check_id(part)?;
    match part.chars().find(|c| matches!(c, '/' | ':')) {
        Some(character) => Err(IdError::Forbidden { character }),
        None => Ok(()),
    }
}
