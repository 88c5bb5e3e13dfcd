//! Why an input is not applied.

use serde::{Deserialize, Serialize};
use values::UserId;

/// An input that is not applied and changes nothing (clause 59).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rejection {
    /// The item is in its lifecycle already.
    #[error("the item has already started")]
    AlreadyStarted,
    /// The lifecycle is over.
    #[error("the lifecycle has ended in `{state}`")]
    Ended {
        /// The end state.
        state: String,
    },
    /// The item is held.
    #[error("the item is held by {by}: {reason}")]
    Held {
        /// By whom.
        by: UserId,
        /// Why.
        reason: String,
    },
    /// The input cannot go on either, and another one is being mended already.
    #[error("the item is in incident {code}: {message}")]
    InIncident {
        /// The incident's code.
        code: String,
        /// What happened.
        message: String,
    },
    /// The input does not fit the state the item is in.
    #[error("`{input}` is not possible in `{state}`")]
    NotHere {
        /// The input.
        input: String,
        /// The state.
        state: String,
    },
    /// The task has no such action.
    #[error("`{state}` has no action `{action}`; it has {}", known.join(", "))]
    UnknownAction {
        /// The state.
        state: String,
        /// The action asked for.
        action: String,
        /// The actions it has.
        known: Vec<String>,
    },
    /// The person may not do this.
    #[error("{actor} may not do this: {needs}")]
    NotAllowed {
        /// Who.
        actor: UserId,
        /// What would be needed, in words.
        needs: String,
    },
    /// Somebody else has claimed the task.
    #[error("the task is with {by}")]
    Claimed {
        /// Who has it.
        by: UserId,
    },
    /// The guard on the action does not hold.
    #[error("the condition on `{action}` does not hold: {guard}")]
    GuardFalse {
        /// The action.
        action: String,
        /// The guard's text.
        guard: String,
    },
    /// Required fields are empty.
    #[error("`{action}` needs {}", fields.join(", "))]
    MissingFields {
        /// The action.
        action: String,
        /// The empty fields.
        fields: Vec<String>,
    },
    /// The action asks a question that was not answered.
    #[error("`{action}` must be confirmed")]
    NeedsConfirmation {
        /// The action.
        action: String,
    },
    /// The workflow declares no such event.
    #[error("no event `{name}`")]
    UnknownEvent {
        /// The event.
        name: String,
    },
    /// A field that the workflow does not declare, or a value of another type.
    #[error("field `{field}`: {message}")]
    BadField {
        /// The field.
        field: String,
        /// What is wrong.
        message: String,
    },
    /// A timer, outcome or link of a state entry that is over, or a timer that was moved.
    #[error("it belongs to an earlier state entry")]
    Stale,
    /// No more inputs are kept for later; nothing was lost, the caller still has this one.
    #[error("no more than {max} {what} are kept")]
    Full {
        /// What is kept.
        what: String,
        /// The most of them.
        max: usize,
    },
    /// There is nothing to retry, hold or resume.
    #[error("nothing to {input}")]
    NothingTo {
        /// The input.
        input: String,
    },
}

impl Rejection {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Rejection::AlreadyStarted => "already_started",
            Rejection::Ended { .. } => "ended",
            Rejection::Held { .. } => "held",
            Rejection::InIncident { .. } => "in_incident",
            Rejection::NotHere { .. } => "not_here",
            Rejection::UnknownAction { .. } => "unknown_action",
            Rejection::NotAllowed { .. } => "not_allowed",
            Rejection::Claimed { .. } => "claimed",
            Rejection::GuardFalse { .. } => "guard_false",
            Rejection::MissingFields { .. } => "missing_fields",
            Rejection::NeedsConfirmation { .. } => "needs_confirmation",
            Rejection::UnknownEvent { .. } => "unknown_event",
            Rejection::BadField { .. } => "bad_field",
            Rejection::Stale => "stale",
            Rejection::Full { .. } => "full",
            Rejection::NothingTo { .. } => "nothing_to_do",
        }
    }
}

pub(super) fn nothing_to(input: &str) -> Rejection {
    Rejection::NothingTo {
        input: input.to_owned(),
    }
}

pub(super) fn not_here(input: &str, state: &str) -> Rejection {
    Rejection::NotHere {
        input: input.to_owned(),
        state: state.to_owned(),
    }
}
