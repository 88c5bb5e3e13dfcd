//! Channels that messages leave by: SMS through a provider's HTTP interface, e-mail through SMTP.
//!
//! It is not a queue: what is sent, when it is tried again and when it is given up is decided by
//! whoever calls [`host::Messenger::send`]. It reads no environment and brings no HTTP client.
//!
//! The names to know: [`SmsOverHttp`] with [`SmsSettings`], [`MailOverSmtp`] with
//! [`MailSettings`], [`ByMedium`], which picks one of two channels, and [`Parts`], which says how
//! many parts of an SMS a text takes.

mod address;
mod digest;
mod error;
mod mail;
mod parts;
mod sms;
mod template;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use host::{Delivery, Error, Medium, Message, Messenger};
use values::{Secret, SecretRef};

pub use error::SetupError;
pub use mail::{MailOverSmtp, MailSettings, Tls};
pub use parts::{Alphabet, Parts};
pub use sms::{Accepted, Method, Numbers, SmsOverHttp, SmsSettings, Unclear};

/// The operation that errors of channels name.
pub(crate) const OPERATION: &str = "messenger.send";

/// How a secret reference becomes a secret; `None` where there is none.
pub type SecretsOf<'a> = &'a (dyn Fn(&SecretRef) -> Option<Secret> + Send + Sync);

/// Two channels behind one contract, picked by where a message goes.
#[derive(Clone)]
pub struct ByMedium {
    /// For mobile numbers.
    pub sms: Arc<dyn Messenger>,
    /// For e-mail addresses.
    pub email: Arc<dyn Messenger>,
}

impl fmt::Debug for ByMedium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByMedium")
    }
}

#[async_trait]
impl Messenger for ByMedium {
    async fn send(&self, key: &str, message: &Message) -> Result<Delivery, Error> {
        match message.to.medium() {
            Medium::Sms => self.sms.send(key, message).await,
            Medium::Email => self.email.send(key, message).await,
        }
    }
}
