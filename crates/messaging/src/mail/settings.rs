//! The settings of a mail server, as data.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value as Json;
use values::{Email, SecretRef, has_bidi_or_control};

use crate::address::is_loopback;
use crate::error::{self, SetupError};
use crate::mail::letter::Sender;

/// Seconds that getting ready, and then sending, may take where nothing is said.
const TIMEOUT_SECONDS: i64 = 30;

/// The server that letters are handed to, and who they are from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    /// Name or address of the server.
    pub host: String,
    /// 587 where nothing is said, 465 with `tls: implicit`, 25 with `tls: none`.
    pub port: Option<u16>,
    /// How the connection is encrypted.
    #[serde(default)]
    pub tls: Tls,
    /// Who logs in; with `password`.
    pub user: Option<String>,
    /// Where the password is found; with `user`.
    pub password: Option<SecretRef>,
    /// The address that letters are from.
    pub from: Email,
    /// The name beside it.
    pub from_name: Option<String>,
    /// Where answers go; to `from` where nothing is said.
    pub reply_to: Option<Email>,
    /// Getting ready ends within this time, and so does sending; `30s` where nothing is said.
    pub timeout: Option<String>,
}

/// How a connection to a mail server is encrypted. Certificates are always verified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// From the command `STARTTLS` on; a server without it gets nothing.
    #[default]
    Starttls,
    /// From the first byte.
    Implicit,
    /// Not at all: on this machine only.
    None,
}

impl MailSettings {
    /// Reads settings and checks them, without looking for the password.
    ///
    /// # Errors
    ///
    /// [`SetupError`] names the key that is wrong.
    pub fn read(json: &Json) -> Result<MailSettings, SetupError> {
        let settings: MailSettings = error::settings(json)?;
        settings.check()?;
        Ok(settings)
    }

    /// Whether a channel can be made of these settings, once the password is found.
    ///
    /// # Errors
    ///
    /// [`SetupError`] names the key that is wrong.
    pub fn check(&self) -> Result<(), SetupError> {
        let label = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':');
        if self.host.is_empty() || self.host.len() > 253 || !self.host.chars().all(label) {
            let problem = "is not the name of a server, as in `smtp.example.com`";
            return Err(SetupError::unfit("host", problem));
        }
        if self.tls == Tls::None && !is_loopback(&self.host) {
            let problem = "is `none` for a server on this machine only";
            return Err(SetupError::unfit("tls", problem));
        }
        match (&self.user, &self.password) {
            (Some(_), None) => return Err(SetupError::unfit("user", "needs a `password`")),
            (None, Some(_)) => return Err(SetupError::unfit("password", "needs a `user`")),
            _ => {}
        }
        for (key, text) in [("user", &self.user), ("from_name", &self.from_name)] {
            if text
                .as_deref()
                .is_some_and(|text| has_bidi_or_control(text).is_some())
            {
                return Err(SetupError::unfit(key, "has an invisible character"));
            }
        }
        self.timeout()?;
        Sender::new(self).map(drop)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            Tls::Starttls => 587,
            Tls::Implicit => 465,
            Tls::None => 25,
        })
    }

    pub(crate) fn timeout(&self) -> Result<Duration, SetupError> {
        let length = error::timeout(self.timeout.as_deref(), TIMEOUT_SECONDS)?;
        Ok(length.to_std().unwrap_or_default())
    }
}
