//! Messages to people.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use values::{Email, Locale, Mobile};

use crate::Error;

/// A way to reach a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    /// Text message.
    Sms,
    /// E-mail.
    Email,
}

impl Medium {
    /// The word used in YAML.
    pub fn name(self) -> &'static str {
        match self {
            Medium::Sms => "sms",
            Medium::Email => "email",
        }
    }
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// A mobile number.
    Mobile(Mobile),
    /// An e-mail address.
    Email(Email),
}

impl Destination {
    /// The medium that reaches it.
    pub fn medium(&self) -> Medium {
        match self {
            Destination::Mobile(_) => Medium::Sms,
            Destination::Email(_) => Medium::Email,
        }
    }

    /// The number or address as text.
    pub fn as_text(&self) -> String {
        match self {
            Destination::Mobile(mobile) => mobile.to_string(),
            Destination::Email(email) => email.to_string(),
        }
    }
}

/// A message ready to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Where it goes.
    pub to: Destination,
    /// The language it is written in.
    pub locale: Locale,
    /// Subject line, for e-mail.
    pub subject: Option<String>,
    /// The text.
    pub body: String,
}

/// What the channel said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The channel's own id for the message.
    pub channel_ref: Option<String>,
}

/// Outgoing messages.
#[async_trait]
pub trait Messenger: Send + Sync {
    /// Hands a message to its channel once per key. A repeat with the same key sends nothing
    /// where the channel can tell; a channel that cannot must say so in its documentation.
    async fn send(&self, key: &str, message: &Message) -> Result<Delivery, Error>;
}
