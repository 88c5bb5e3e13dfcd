//! Performing: what an attempt knows, and how it ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use host::Host;
use payment::{Gateway, ProviderRef, StatusReport};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use values::{AccountName, ItemRef, LinkId, Secret, SecretRef, Timestamp};

use crate::{HttpClient, Outcome};

/// Finds a secret by its reference; `None` where it is not set.
pub type Secrets = Arc<dyn Fn(&SecretRef) -> Option<Secret> + Send + Sync>;

/// Everything outside that an activity may touch.
#[derive(Clone)]
pub struct World {
    /// The CRM.
    pub host: Host,
    /// Gateways by account.
    pub gateways: Arc<BTreeMap<AccountName, Arc<dyn Gateway>>>,
    /// Outgoing HTTP, if the embedder allows any.
    pub http: Option<Arc<dyn HttpClient>>,
    /// Secrets by reference.
    pub secrets: Secrets,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

/// One attempt at a request.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The item.
    pub item: ItemRef,
    /// The stable reference of this activity entry, the same for every attempt.
    pub reference: String,
    /// 1 for the first.
    pub number: u32,
    /// The engine's time.
    pub now: Timestamp,
    /// Nothing may be sent after this instant.
    pub send_by: Timestamp,
    /// Every earlier attempt that may have reached the outside, oldest first.
    pub earlier: Vec<PreviousAttempt>,
}

/// An attempt that may have reached the outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousAttempt {
    /// 1 for the first.
    pub number: u32,
    /// Until when it could send.
    pub send_by: Timestamp,
}

/// A link of an earlier entry that is not confirmed closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierLink {
    /// Our id.
    pub id: LinkId,
    /// The account it pays into.
    pub account: AccountName,
    /// Our order number.
    pub reference: String,
    /// How the provider names it.
    pub provider_ref: ProviderRef,
    /// When it stops taking payments.
    pub expires_at: Timestamp,
}

/// What an attempt saw of a link other than its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Our id.
    pub link: LinkId,
    /// The provider's word.
    pub report: StatusReport,
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub enum Attempted {
    /// The outside answered: the result goes to `conclude`.
    Done {
        /// The activity's own words.
        result: Json,
        /// What it saw of other links on the way.
        observations: Vec<Observation>,
    },
    /// It ended in a business outcome without a result to conclude.
    Ended {
        /// The outcome.
        outcome: Box<Outcome>,
        /// What it saw of other links on the way.
        observations: Vec<Observation>,
    },
    /// Certainly nothing happened; try again by the retry policy.
    Retry {
        /// A stable code.
        code: String,
        /// What happened.
        message: String,
        /// The earliest next attempt, where the outside says so.
        after: Option<TimeDelta>,
        /// What it saw of other links on the way.
        observations: Vec<Observation>,
    },
    /// Nothing was tried yet: it is too early. Not counted as an attempt.
    NotBefore {
        /// When to come back.
        at: Timestamp,
        /// Why.
        code: String,
        /// What it saw of other links on the way.
        observations: Vec<Observation>,
    },
    /// It may or may not have happened. The engine asks again by the activity's own rules
    /// until it is told to park.
    Unknown {
        /// A stable code.
        code: String,
        /// What happened.
        message: String,
        /// When to come back; `None` parks the item for a person.
        again_at: Option<Timestamp>,
    },
}
