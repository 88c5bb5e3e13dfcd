//! Financial accounts of ours, as the project file lists them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use payment::{Capabilities, Limits, OperationName};
use serde::{Deserialize, Serialize};
use values::{AccountName, Currency, Money};

/// An account that links may pay into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its name.
    pub name: AccountName,
    /// The gateway that serves it.
    pub gateway: String,
    /// Its currency.
    pub currency: Currency,
    /// Inactive accounts take no links.
    pub active: bool,
    /// Whether online payment is switched on.
    pub online_payment: bool,
    /// Days to expiry of a link that names none.
    pub expires_days: Option<u32>,
    /// Receipt subtype of a link that names none.
    pub receipt_type: Option<String>,
    /// The largest amount the gateway takes.
    pub amount_max: Option<Money>,
    /// The smallest amount the gateway takes.
    pub amount_min: Option<Money>,
    /// The gateway itself texts the payer, who then needs a mobile number.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub texts_payer: bool,
    /// Whether links that may be paid many times exist; `None` while the gateway is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reusable: Option<bool>,
    /// What the gateway can do with a link beside making, reading and closing it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<OperationName>,
    /// Whether the gateway can close links before their time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closes_links: bool,
    /// The longest description, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_chars_max: Option<usize>,
    /// The longest life of a link, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry_seconds_max: Option<i64>,
    /// How often the provider sends its own message again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resends_max: Option<u32>,
    /// The shortest time between two messages of the provider, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resend_pause_seconds: Option<i64>,
}

impl Account {
    /// An active account with online payment switched on and no defaults of its own.
    pub fn new(
        name: impl Into<AccountName>,
        gateway: impl Into<String>,
        currency: Currency,
    ) -> Account {
        Account {
            name: name.into(),
            gateway: gateway.into(),
            currency,
            active: true,
            online_payment: true,
            expires_days: None,
            receipt_type: None,
            amount_max: None,
            amount_min: None,
            texts_payer: false,
            reusable: None,
            operations: Vec::new(),
            closes_links: false,
            description_chars_max: None,
            expiry_seconds_max: None,
            resends_max: None,
            resend_pause_seconds: None,
        }
    }

    /// The account with its gateway's limits.
    #[must_use]
    pub fn with_limits(mut self, limits: &Limits) -> Account {
        self.amount_max = limits.amount_max;
        self.amount_min = limits.amount_min;
        self.description_chars_max = limits.description_chars_max;
        self.expiry_seconds_max = limits.expiry_max.map(|life| life.num_seconds());
        self.resends_max = limits.resends_max;
        self.resend_pause_seconds = limits.resend_pause.map(|pause| pause.num_seconds());
        self
    }

    /// Why the gateway does not take an amount, where that is so.
    pub(crate) fn beyond(&self, amount: &Money) -> Option<String> {
        let beyond = |limit: Option<&Money>, side| {
            limit
                .filter(|limit| amount.compare(limit).is_ok_and(|order| order == side))
                .copied()
        };
        if let Some(limit) = beyond(self.amount_max.as_ref(), Ordering::Greater) {
            return Some(format!("{amount} is over the gateway's limit of {limit}"));
        }
        let limit = beyond(self.amount_min.as_ref(), Ordering::Less)?;
        Some(format!("{amount} is under the gateway's limit of {limit}"))
    }

    /// The account with what its gateway can do.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: &Capabilities) -> Account {
        self.texts_payer = capabilities.texts_payer;
        self.reusable = Some(capabilities.reusable);
        self.operations.clone_from(&capabilities.operations);
        self.closes_links = capabilities.deactivate;
        self.with_limits(&capabilities.limits)
    }
}

/// Accounts by name.
pub type Accounts = BTreeMap<AccountName, Account>;
