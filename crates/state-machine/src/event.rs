//! Anything that happened to an instance: the only input.

use serde::{Deserialize, Serialize};
use values::{Fields, LinkId, PartyId, Timestamp, UserId};

use crate::instance::Link;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The item enters its lifecycle.
    Start {
        /// Its declared fields.
        fields: Fields,
        /// The party it is related to.
        party: Option<PartyId>,
    },
    /// A person chose an action of a task.
    Action {
        /// The action.
        name: String,
        /// Who.
        actor: UserId,
        /// Fields filled in with it.
        fields: Fields,
        /// Whether the person has answered the action's question.
        confirmed: bool,
    },
    /// A person takes a task that others could take too.
    Claim {
        /// Who.
        actor: UserId,
    },
    /// A person gives a claimed task back.
    Release {
        /// Who.
        actor: UserId,
    },
    /// A person ends a wait by hand.
    EndWait {
        /// Who.
        actor: UserId,
    },
    /// A named event of the workflow.
    Named {
        /// Its name.
        name: String,
        /// What it carries.
        payload: Fields,
    },
    /// The CRM changed fields of the item.
    Changed {
        /// The new values.
        fields: Fields,
    },
    /// A timer is due.
    Timer {
        /// Its name.
        name: String,
        /// The state entry it belongs to.
        entry: u64,
        /// When it was due. A timer that has been moved since does not fire.
        due: Timestamp,
    },
    /// An activity has ended.
    Finished(Box<ActivityEnd>),
    /// Nobody knows how an activity ended.
    Unknown {
        /// The state entry it belongs to.
        entry: u64,
        /// A stable code.
        code: String,
        /// What happened.
        message: String,
    },
    /// Something happened to a payment link of the item.
    Payment(Box<PaymentEvent>),
    /// A person has had a payment link made for the item.
    LinkMade(Box<LinkMade>),
    /// Stop applying inputs until further notice.
    Hold {
        /// Who.
        actor: UserId,
        /// Why.
        reason: String,
        /// Until when, for people.
        until: Option<Timestamp>,
    },
    /// Apply inputs again, the stored ones first.
    Resume {
        /// Who.
        actor: UserId,
    },
    /// Try again what is in incident.
    Retry {
        /// Who.
        actor: UserId,
        /// Why.
        reason: String,
    },
}

/// How an activity ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityEnd {
    /// The state entry it belongs to.
    pub entry: u64,
    /// `success`, `error` or another outcome of the activity.
    pub outcome: String,
    /// A stable code when it is not a success.
    pub code: Option<String>,
    /// What happened, for people.
    pub message: Option<String>,
    /// Field values to set.
    pub set: Fields,
    /// The new stage.
    pub stage: Option<String>,
    /// The link that now exists.
    pub link: Option<Link>,
    /// Nobody could be told about the link.
    pub delivery_failed: bool,
}

/// Something that happened to a payment link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentEvent {
    /// The link.
    pub link: LinkId,
    /// The state that made it.
    pub state: String,
    /// One of [`crate::PAYMENT_OUTCOMES`], or a status that routes nowhere such as `viewed`.
    pub outcome: String,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// What the payer sees as tracking number.
    pub tracking_no: Option<String>,
    /// Field values to set with it, such as the receipt field.
    pub set: Fields,
    /// The link may be paid again: money does not close it, and each payment leads on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stays_open: bool,
    /// A link is being made in its place: while an activity runs, that this one is closed leads nowhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub makes_way: bool,
}

/// A payment link that a person has had made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkMade {
    /// Who.
    pub actor: UserId,
    /// The state whose link it is, or [`BY_HAND`].
    pub state: String,
    /// The link; `None` once it is written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// Nobody could be told about the link.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delivery_failed: bool,
}

/// Stands for the state of a link that a person has had made and that belongs to no state. No state
/// can have this name.
pub const BY_HAND: &str = "by hand";

impl Event {
    /// A short word for lists and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Start { .. } => "start",
            Event::Action { .. } => "action",
            Event::Claim { .. } => "claim",
            Event::Release { .. } => "release",
            Event::EndWait { .. } => "end_wait",
            Event::Named { .. } => "event",
            Event::Changed { .. } => "changed",
            Event::Timer { .. } => "timer",
            Event::Finished(_) => "finished",
            Event::Unknown { .. } => "unknown",
            Event::Payment(_) => "payment",
            Event::LinkMade(_) => "link_made",
            Event::Hold { .. } => "hold",
            Event::Resume { .. } => "resume",
            Event::Retry { .. } => "retry",
        }
    }

    /// The person behind it, if any.
    pub fn actor(&self) -> Option<&UserId> {
        match self {
            Event::Action { actor, .. }
            | Event::Claim { actor }
            | Event::Release { actor }
            | Event::EndWait { actor }
            | Event::Hold { actor, .. }
            | Event::Resume { actor }
            | Event::Retry { actor, .. } => Some(actor),
            Event::LinkMade(made) => Some(&made.actor),
            _ => None,
        }
    }
}
