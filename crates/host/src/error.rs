//! How a call to the CRM fails.

use std::error::Error as StdError;

use values::TimeDelta;

/// What happened, in the caller's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The CRM or the channel cannot be reached or is overloaded.
    Unavailable,
    /// The call was understood and refused for good.
    Rejected,
    /// The thing named in the call does not exist.
    NotFound,
    /// No answer in time: it may or may not have happened.
    Timeout,
}

/// Whether and how the engine tries again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Nothing happened; the same call may go through later.
    Later,
    /// Trying again is pointless.
    Never,
    /// It may have happened; a repeat with the same key is safe.
    SameKey,
}

/// An operating failure of the host.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {message}")]
pub struct Error {
    /// What happened.
    pub kind: ErrorKind,
    /// What the engine does about it.
    pub retry: Retry,
    /// The call that failed, such as `items.apply`.
    pub operation: &'static str,
    /// What happened and with what; lower case, no full stop.
    pub message: String,
    /// How long the other side asks to be left alone, where it said so.
    pub retry_after: Option<TimeDelta>,
    /// The cause, where there is one.
    #[source]
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// The host cannot be reached; try later.
    pub fn unavailable(operation: &'static str, message: impl Into<String>) -> Error {
        Error {
            kind: ErrorKind::Unavailable,
            retry: Retry::Later,
            operation,
            message: message.into(),
            retry_after: None,
            source: None,
        }
    }

    /// The host refuses for good.
    pub fn rejected(operation: &'static str, message: impl Into<String>) -> Error {
        Error {
            kind: ErrorKind::Rejected,
            retry: Retry::Never,
            operation,
            message: message.into(),
            retry_after: None,
            source: None,
        }
    }

    /// No answer in time; repeat with the same key.
    pub fn timeout(operation: &'static str, message: impl Into<String>) -> Error {
        Error {
            kind: ErrorKind::Timeout,
            retry: Retry::SameKey,
            operation,
            message: message.into(),
            retry_after: None,
            source: None,
        }
    }

    /// The same failure, with the wait that the other side asked for.
    #[must_use]
    pub fn after(mut self, pause: Option<TimeDelta>) -> Error {
        self.retry_after = pause;
        self
    }
}
