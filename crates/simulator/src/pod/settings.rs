//! What a simulated POD is built from.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use values::Timestamp;

/// A simulated POD as plain data. All amounts are whole rials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodSettings {
    /// Where it answers, such as `https://pod.test`: service calls under `/srv/sc`, direct calls
    /// under `/srv/core`, pay pages under `/v1/pbc`.
    pub base: String,
    /// The businesses it knows.
    pub businesses: Vec<Business>,
    /// The key it wants with service calls, if it wants one.
    pub service_key: Option<String>,
    /// Whether the result of a service call comes in an envelope of its own.
    pub nested: bool,
    /// Transactions that the card terminals' bank confirms.
    pub slips: Vec<Slip>,
    /// After how many seconds an invoice that was paid by another one counts as paid.
    pub offset_seconds: u32,
    /// After how many seconds the hash of a short-lived URL is void.
    pub hash_seconds: u32,
    /// Changes every unique number, hash and token.
    pub seed: u64,
}

/// One business, which issues invoices and owes on those of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Business {
    /// Its number, by which invoices are issued to it.
    pub id: u64,
    /// Its token.
    pub token: String,
    /// Its business lines, with the credit in each.
    pub guilds: BTreeMap<String, u64>,
    /// Its wallets, with what is in each.
    pub wallets: BTreeMap<String, u64>,
}

/// What a card terminal has really taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slip {
    /// The terminal.
    pub terminal: String,
    /// The merchant.
    pub merchant: String,
    /// The bank's reference.
    pub reference: String,
    /// The tracking number.
    pub tracking: String,
    /// Whole rials.
    pub amount: u64,
    /// When.
    pub at: Timestamp,
}

impl PodSettings {
    /// A POD with one business that has one business line and no money.
    pub fn new(base: &str, token: &str, guild: &str) -> PodSettings {
        PodSettings {
            base: base.trim_end_matches('/').to_owned(),
            businesses: vec![Business {
                id: 1001,
                token: token.to_owned(),
                guilds: BTreeMap::from([(guild.to_owned(), 0)]),
                wallets: BTreeMap::new(),
            }],
            service_key: None,
            nested: false,
            slips: Vec::new(),
            offset_seconds: 86_400,
            hash_seconds: 300,
            seed: 0,
        }
    }

    /// The same, with another business.
    #[must_use]
    pub fn with(mut self, business: Business) -> PodSettings {
        self.businesses.push(business);
        self
    }

    pub(super) fn offset_time(&self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.offset_seconds))
    }

    pub(super) fn hash_life(&self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.hash_seconds))
    }
}
