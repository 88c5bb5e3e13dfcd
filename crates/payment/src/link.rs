//! Links and payments, in words every provider is translated to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use values::{Locale, Money, Timestamp};

/// When a call is made, and until when it may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The engine's time.
    pub now: Timestamp,
    /// No byte may be sent after this instant.
    pub send_by: Timestamp,
}

/// How often a link may be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Usage {
    /// Once.
    #[default]
    OneTime,
    /// Any number of times.
    Reusable,
}

/// What a gateway is asked to make. Frozen in the intent: every attempt sends the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRequest {
    /// Our order number, unique per activity entry and the same for all its attempts.
    pub reference: String,
    /// The amount, in the account's currency.
    pub amount: Money,
    /// When the link stops taking payments.
    pub expires_at: Timestamp,
    /// What the payer sees it is for.
    pub description: String,
    /// How often it may be paid.
    pub usage: Usage,
    /// The payer's name, if known.
    pub payer_name: Option<String>,
    /// The payer's mobile number in E.164, for a provider that texts the payer itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer_mobile: Option<String>,
    /// A note for staff that the payer never sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Language of the payment page.
    pub locale: Locale,
    /// Settings of that provider alone; an unknown key is refused, never dropped.
    pub extras: BTreeMap<String, String>,
}

/// How a provider names a link: an opaque map, because some need a number and a date.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderRef(pub BTreeMap<String, String>);

/// A link that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedLink {
    /// How the provider names it.
    pub provider_ref: ProviderRef,
    /// Where the customer pays.
    pub url: String,
    /// Until when the URL works, where that is shorter than the link's life.
    pub url_valid_until: Option<Timestamp>,
    /// The amount the provider has recorded, where it says so.
    pub amount: Option<Money>,
}

/// The state of a link, normalised over providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LinkStatus {
    /// The intent is stored; the provider may not have heard of it.
    Creating,
    /// It exists and can be paid.
    Created,
    /// The customer has opened it.
    Viewed,
    /// A payment has begun.
    Paying,
    /// Paid; the money is certain.
    Paid,
    /// Paid after it had expired.
    PaidLate,
    /// Paid after we had cancelled it.
    PaidAfterCancel,
    /// Closed by time, by the provider's word.
    Expired,
    /// Closed by us, by the provider's word.
    Cancelled,
    /// The provider refused to make it.
    CreateFailed,
    /// Nobody knows; not paid and not failed.
    Unknown,
    /// The money is set aside and waits for our word to be taken.
    Held,
    /// Paid, and the provider waits for our confirmation.
    PaidUnverified,
    /// The debtor's money is blocked until a day.
    ScheduledFuture,
    /// Its time is up, and the provider has not yet been heard.
    Expiring,
    /// A newer link has taken its place.
    Superseded,
    /// Less than was asked for has come in.
    PartiallyPaid,
    /// More than was asked for has come in.
    Overpaid,
    /// What was paid does not fit; a person decides.
    Quarantined,
    /// The money went back.
    Refunded,
}

impl LinkStatus {
    /// Whether the link can certainly not be paid any more without our asking for it.
    pub fn is_closed(self) -> bool {
        matches!(
            self,
            LinkStatus::Paid
                | LinkStatus::PaidLate
                | LinkStatus::PaidAfterCancel
                | LinkStatus::Expired
                | LinkStatus::Cancelled
                | LinkStatus::CreateFailed
                | LinkStatus::Superseded
                | LinkStatus::Overpaid
                | LinkStatus::Refunded
        )
    }

    /// Whether money has come in.
    pub fn is_paid(self) -> bool {
        matches!(
            self,
            LinkStatus::Paid
                | LinkStatus::PaidLate
                | LinkStatus::PaidAfterCancel
                | LinkStatus::Overpaid
        )
    }

    /// The word used in YAML, lists and messages.
    pub fn name(self) -> &'static str {
        match self {
            LinkStatus::Creating => "creating",
            LinkStatus::Created => "created",
            LinkStatus::Viewed => "viewed",
            LinkStatus::Paying => "paying",
            LinkStatus::Paid => "paid",
            LinkStatus::PaidLate => "paid_late",
            LinkStatus::PaidAfterCancel => "paid_after_cancel",
            LinkStatus::Expired => "expired",
            LinkStatus::Cancelled => "cancelled",
            LinkStatus::CreateFailed => "create_failed",
            LinkStatus::Unknown => "unknown",
            LinkStatus::Held => "held",
            LinkStatus::PaidUnverified => "paid_unverified",
            LinkStatus::ScheduledFuture => "scheduled_future",
            LinkStatus::Expiring => "expiring",
            LinkStatus::Superseded => "superseded",
            LinkStatus::PartiallyPaid => "partially_paid",
            LinkStatus::Overpaid => "overpaid",
            LinkStatus::Quarantined => "quarantined",
            LinkStatus::Refunded => "refunded",
        }
    }
}

/// One payment the provider confirms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentFact {
    /// The provider's transaction id; with gateway and account it is unique for ever.
    pub transaction: String,
    /// What was paid.
    pub amount: Money,
    /// When, by the provider's word.
    pub paid_at: Timestamp,
    /// What the payer sees as tracking number.
    pub tracking_no: Option<String>,
}

/// The provider's word about one link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// Our reference, as the provider stored it.
    pub reference: String,
    /// The link's state there.
    pub status: LinkStatus,
    /// Every payment it confirms, oldest first.
    pub payments: Vec<PaymentFact>,
}

/// The answer of a look-up by reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It exists.
    Link(CreatedLink),
    /// The provider is certain that it never took this reference.
    NotFound,
    /// The provider cannot say.
    CannotTell,
}
