//! The gateways that ship, as one visible list.
//!
//! A gateway of an embedder is the same [`crate::Gateway`] in a crate of theirs; it needs no line
//! here.

use std::collections::BTreeMap;
use std::sync::Arc;

use values::{AccountName, Currency, Zone};

use crate::Translator;

pub mod pod;
pub mod robokassa;
pub mod sandbox;
pub mod sizpay;

pub use sandbox::{Sandbox, SandboxOptions, SandboxSettings};

/// One gateway that ships, as the loader and the command line need to know it.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    /// The word after `gateway:` in the project file.
    pub name: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// One sentence for people.
    pub summary: &'static str,
    /// Whether no real money moves.
    pub sandbox: bool,
    /// Whether it needs an outgoing HTTP client.
    pub network: bool,
    /// Names of the secrets an account of it may have; which it needs depends on its options.
    pub secrets: &'static [&'static str],
    /// Checks an account's section of the project file, without building anything.
    pub check_options: fn(&serde_json::Value) -> Result<(), OptionsError>,
    /// Puts the adapter of an account together; `None` for a gateway without a network.
    pub adapter: Option<AdapterOf>,
}

/// How an adapter is made from its account.
pub type AdapterOf = fn(&AccountSettings) -> Result<Arc<dyn Translator>, SetupError>;

/// Everything an adapter is built from.
#[derive(Debug, Clone)]
pub struct AccountSettings {
    /// The account's name in the project.
    pub account: AccountName,
    /// The only currency it takes.
    pub currency: Currency,
    /// Its `options` in the project file.
    pub options: serde_json::Value,
    /// Its secrets by the names of [`BuiltIn::secrets`], already read.
    pub secrets: BTreeMap<String, Secret>,
    /// Where the provider calls us, as in `https://crm.example/c/<token>`; none without a listener.
    pub callback_url: Option<String>,
    /// The time zone of the project, for dates the provider wants as dates.
    pub zone: Zone,
}

impl AccountSettings {
    /// A secret that the adapter cannot do without.
    ///
    /// # Errors
    ///
    /// [`SetupError::SecretMissing`] when it is not there or empty.
    pub fn secret(&self, name: &'static str) -> Result<Secret, SetupError> {
        let found = self
            .secrets
            .get(name)
            .filter(|secret| !secret.reveal().is_empty());
        found.cloned().ok_or(SetupError::SecretMissing {
            account: self.account.clone(),
            secret: name,
        })
    }
}

/// A secret in memory, which no log, history or error text ever shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for a request or a signature and nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// An account an adapter cannot be built for.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Its section cannot be read.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// A secret is missing.
    #[error("account {account} has no secret `{secret}`")]
    SecretMissing {
        /// The account.
        account: AccountName,
        /// The secret's name.
        secret: &'static str,
    },
    /// Something in it does not fit the provider.
    #[error("account {account}: {problem}")]
    Unfit {
        /// The account.
        account: AccountName,
        /// What does not fit.
        problem: String,
    },
}

/// An account's section that the gateway cannot read.
#[derive(Debug, thiserror::Error)]
#[error("options of gateway {gateway}: {source}")]
pub struct OptionsError {
    /// The gateway.
    pub gateway: &'static str,
    /// What is wrong with the section.
    pub source: serde_json::Error,
}

/// Every gateway that ships, by name.
pub const BUILT_IN: &[BuiltIn] = &[
    pod::BUILT_IN,
    robokassa::BUILT_IN,
    sandbox::BUILT_IN,
    sizpay::BUILT_IN,
];

/// The shipped gateway of that name.
pub fn built_in(name: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|gateway| gateway.name == name)
}
