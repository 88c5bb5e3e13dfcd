//! What a gateway can do, as data that the loader and the engine read.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use values::{Currency, Money};

use crate::OperationName;

/// Who a gateway is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// The word used in the project file, such as `sandbox`.
    pub name: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// Currencies it takes.
    pub currencies: Vec<Currency>,
    /// Whether no real money moves.
    pub sandbox: bool,
}

/// What happens when a create request is repeated with the same reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatClass {
    /// The same link comes back.
    Idempotent,
    /// The repeat is refused as a duplicate, and the first link can be looked up.
    #[serde(alias = "unique-reference")]
    UniqueReference,
    /// A second link would be made, but links can be looked up by reference.
    #[serde(alias = "lookup-only")]
    LookupOnly,
    /// A second link would be made, and nothing can be looked up.
    Nothing,
}

/// The repeat class with the numbers that make a repeat safe (clause 40).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepeatSafety {
    /// What a repeat does.
    pub class: RepeatClass,
    /// Longest time a request can live at the provider after it was sent.
    pub request_life_max: Option<TimeDelta>,
    /// How old a look-up's answer can be.
    pub lookup_staleness_max: Option<TimeDelta>,
}

/// Limits of one account at one provider.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Smallest amount.
    #[serde(alias = "amount-min")]
    pub amount_min: Option<Money>,
    /// Largest amount.
    #[serde(alias = "amount-max")]
    pub amount_max: Option<Money>,
    /// Longest description, in characters.
    #[serde(alias = "description-chars-max")]
    pub description_chars_max: Option<usize>,
    /// Longest life of a link, as in `30d`.
    #[serde(alias = "expiry-max", with = "crate::gateways::sandbox::span::option")]
    pub expiry_max: Option<TimeDelta>,
    /// Shortest time between two messages of the provider, as in `2m`.
    #[serde(
        alias = "resend-pause",
        with = "crate::gateways::sandbox::span::option"
    )]
    pub resend_pause: Option<TimeDelta>,
    /// How often the provider sends its message again.
    #[serde(alias = "resends-max")]
    pub resends_max: Option<u32>,
}

/// What a gateway can do for one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// What a repeated create does.
    pub repeat: RepeatSafety,
    /// Whether links can be read again.
    pub status: bool,
    /// Whether the provider itself stops taking payments at the expiry that it was given.
    pub closes_at_expiry: bool,
    /// Whether links can be closed early.
    pub deactivate: bool,
    /// Whether links that may be paid many times exist.
    pub reusable: bool,
    /// Whether its callbacks carry proof; otherwise they are only hints to read again.
    pub signed_callback: bool,
    /// Whether the provider itself always texts the payer, who then needs a mobile number.
    pub texts_payer: bool,
    /// What else it can do with a link.
    pub operations: Vec<OperationName>,
    /// Limits.
    pub limits: Limits,
}
