//! What a provider has on its own list, whoever made it.

use serde::{Deserialize, Serialize};
use values::{Money, Timestamp};

use crate::LinkStatus;

/// The days a list is asked for. A list may hold more than these days, and holds no less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListSpan {
    /// Made from this moment on.
    pub from: Timestamp,
    /// Made before this moment.
    pub to: Timestamp,
}

/// One link as the provider lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedLink {
    /// Our reference or order number as the provider has it; its own number where it has none of ours.
    pub name: String,
    /// What it asks for, where that can be read.
    pub amount: Option<Money>,
    /// When it was made, where the list says so.
    pub created_at: Option<Timestamp>,
    /// How it is, as far as the list says; it proves no payment.
    pub status: LinkStatus,
}

/// One page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPage {
    /// Its links, in any order. A link may be on two pages when the list grows meanwhile.
    pub links: Vec<ListedLink>,
    /// What the next page is asked for with; none on the last one.
    pub next: Option<String>,
}
