//! Financial accounts of ours, as the project file lists them.

use std::collections::BTreeMap;

use payment::Limits;
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
}

impl Account {
    /// The account with its gateway's limits.
    #[must_use]
    pub fn with_limits(mut self, limits: &Limits) -> Account {
        self.amount_max = limits.amount_max;
        self.amount_min = limits.amount_min;
        self
    }
}

/// Accounts by name.
pub type Accounts = BTreeMap<AccountName, Account>;
