//! A link that exists, as an activity is told of it.

use payment::LinkStatus;
use serde::{Deserialize, Serialize};
use values::{LinkId, Money, Timestamp};

use crate::LinkDraft;

/// A link of an item, as it stood when the decision was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownLink {
    /// Our id.
    pub id: LinkId,
    /// The state whose link it is.
    pub state: String,
    /// Its status.
    pub status: LinkStatus,
    /// What has come in through it, once something has.
    pub received: Option<Money>,
    /// Times the payer was told, the creation included where the provider tells by itself.
    pub sendings: u32,
    /// When the payer was told last.
    pub sent_at: Option<Timestamp>,
    /// What it was made of.
    pub draft: LinkDraft,
}
