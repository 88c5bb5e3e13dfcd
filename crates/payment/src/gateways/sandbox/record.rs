//! One line of the ledger: a request, its answer, and what it made.

use serde::{Deserialize, Serialize};
use values::{AccountName, Money, Timestamp};

use super::script::CallbackPlay;

/// A request that reached the sandbox, with everything the state is rebuilt from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub(super) account: AccountName,
    pub(super) at: Timestamp,
    pub(super) request: Request,
    /// `link`, `again`, `report`, `closed`, `not_found` and the like, or an error code.
    pub(super) answer: String,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Request {
    Create {
        reference: String,
        /// The link that came of it, whether or not the caller heard of it.
        made: Option<MadeLink>,
    },
    Status {
        link: String,
    },
    Find {
        reference: String,
    },
    Deactivate {
        link: String,
        closed: bool,
    },
}

/// A link, with what its customer is going to do: the script is not asked again later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MadeLink {
    pub(super) token: String,
    pub(super) amount: Money,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
    /// From when `find` sees it.
    pub(super) visible_at: Timestamp,
    pub(super) payments: Vec<PlannedPayment>,
    pub(super) callback: CallbackPlay,
}

/// A payment that arrives at its time, unless the link is cancelled before and it is not in flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlannedPayment {
    pub(super) transaction: String,
    pub(super) at: Timestamp,
    pub(super) in_flight: bool,
}
