//! What really happened at a simulated provider.

use serde::Serialize;
use values::{Money, Timestamp};

/// The state of a link, as money sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// It can be paid.
    Live,
    /// It cannot be paid any more.
    Closed,
}

/// One link of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerLine {
    /// The number the merchant has given it.
    pub order_no: String,
    /// The provider's own name of it.
    pub provider_id: String,
    /// What was asked for.
    pub amount: Money,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it can be paid.
    pub state: LinkState,
    /// Payments by transaction, oldest first.
    pub payments: Vec<(String, Money, Timestamp)>,
    /// What went back to the payer.
    pub refunded: Option<Money>,
    /// Messages the provider itself has sent about it.
    pub texts: u32,
}
