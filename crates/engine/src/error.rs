//! How a call to the engine fails.

use state_machine::Rejection;
use values::{ItemRef, LinkId, UserId};

/// A call that failed. Business failures of activities are not here: they are outcomes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input is not applied; the caller must change something (clause 59).
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The caller expected another revision.
    #[error("expected revision {expected}, the item is at {actual}")]
    WrongRevision {
        /// As the caller said.
        expected: u64,
        /// As it is.
        actual: u64,
    },
    /// The input id was used for another input.
    #[error("input id `{id}` was used for another input")]
    InputReused {
        /// The id.
        id: String,
    },
    /// The item runs no workflow.
    #[error("{0} runs no workflow")]
    NotStarted(ItemRef),
    /// The host knows no such item.
    #[error("the host knows no item {0}")]
    NoItem(ItemRef),
    /// The directory knows no such active user.
    #[error("the directory knows no active user `{0}`")]
    NoUser(UserId),
    /// No such workflow is deployed.
    #[error("no workflow `{0}` is deployed")]
    NoWorkflow(String),
    /// The workflow is for items of another entity.
    #[error("workflow `{workflow}` is for {expected}, not {actual}")]
    WrongEntity {
        /// The workflow.
        workflow: String,
        /// Its entity.
        expected: String,
        /// The item's entity.
        actual: String,
    },
    /// A bound of [`crate::Limits`] is exceeded.
    #[error("{what} exceeds {max}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// The bound.
        max: usize,
    },
    /// The input is made by the engine alone: a timer, an outcome, a payment.
    #[error("`{input}` is for the engine itself, not for its callers")]
    NotCallers {
        /// The input.
        input: &'static str,
    },
    /// The item cannot be wiped yet.
    #[error("{item} cannot be erased: {why}")]
    NotFinished {
        /// The item.
        item: ItemRef,
        /// Why not.
        why: &'static str,
    },
    /// There is no such link.
    #[error("there is no link {0}")]
    NoLink(LinkId),
    /// What a person wants of a link cannot be done; nothing has changed.
    #[error("{message}")]
    Refused {
        /// A stable code, such as `resend_too_soon` or `link_closed`.
        code: &'static str,
        /// Why.
        message: String,
    },
    /// A gateway did not do what a person asked for.
    #[error(transparent)]
    Gateway(#[from] payment::GatewayError),
    /// A definition does not fit this engine: its activities or their settings.
    #[error("workflow `{workflow}`: {}", problems.join("; "))]
    Definition {
        /// The workflow.
        workflow: String,
        /// Every problem.
        problems: Vec<String>,
    },
    /// The host failed.
    #[error(transparent)]
    Host(#[from] host::Error),
    /// The store failed; nothing was committed, or its own class says that nobody knows.
    #[error(transparent)]
    Store(#[from] persistence::Error),
    /// A row cannot be written or read.
    #[error("cannot {what} a row: {source}")]
    Record {
        /// `encode` or `decode`.
        what: &'static str,
        /// The cause.
        source: serde_json::Error,
    },
    /// A commit would break an invariant of the engine; nothing was committed (clause 65).
    #[error("invariant broken: {0}")]
    Invariant(String),
}

/// What a caller does about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryClass {
    /// The same call may go through later.
    Later,
    /// Load again, then decide.
    Reload,
    /// Repeating is pointless.
    Never,
}

impl Error {
    /// A stable code, the same in every surface.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Rejected(rejection) => rejection.code(),
            Error::WrongRevision { .. } => "wrong_revision",
            Error::InputReused { .. } => "input_reused",
            Error::NotStarted(_) => "not_started",
            Error::NoItem(_) => "no_item",
            Error::NoUser(_) => "no_user",
            Error::NoWorkflow(_) => "no_workflow",
            Error::WrongEntity { .. } => "wrong_entity",
            Error::Limit { .. } => "limit",
            Error::NotCallers { .. } => "not_callers",
            Error::NotFinished { .. } => "not_finished",
            Error::NoLink(_) => "no_link",
            Error::Refused { code, .. } => code,
            Error::Gateway(_) => "gateway",
            Error::Definition { .. } => "definition",
            Error::Host(_) => "host",
            Error::Store(_) => "store",
            Error::Record { .. } => "record",
            Error::Invariant(_) => "invariant",
        }
    }

    /// Whether the store has stopped, so that nothing more can be promised (clause 64).
    pub(crate) fn is_fatal(&self) -> bool {
        matches!(self, Error::Store(error) if error.retry() == persistence::Retry::Never)
    }

    /// Whether it passes by itself: the host is away, or the store is full or was written meanwhile.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Error::Host(_)) || matches!(self.retry(), RetryClass::Later)
    }

    /// What the caller does about it.
    pub fn retry(&self) -> RetryClass {
        match self {
            Error::WrongRevision { .. } => RetryClass::Reload,
            Error::Gateway(error) if error.class == payment::ErrorClass::Retryable => {
                RetryClass::Later
            }
            Error::Host(error) => match error.retry {
                host::Retry::Never => RetryClass::Never,
                host::Retry::Later | host::Retry::SameKey => RetryClass::Later,
            },
            Error::Store(error) => match error.retry() {
                persistence::Retry::Later => RetryClass::Later,
                persistence::Retry::Reload => RetryClass::Reload,
                _ => RetryClass::Never,
            },
            _ => RetryClass::Never,
        }
    }
}
