//! How a call to a gateway fails.

use chrono::TimeDelta;

/// What the caller must do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// Certainly nothing happened; the same call may go through later.
    Retryable,
    /// It may have happened. Never a failure, never a reason for a new reference.
    Ambiguous,
    /// Refused for good.
    Permanent,
}

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct GatewayError {
    /// What the caller must do.
    pub class: ErrorClass,
    /// A stable code of ours, such as `duplicate_reference` or `amount_over_limit`.
    pub code: String,
    /// The provider's own code, as received.
    pub provider_code: Option<String>,
    /// What happened; lower case, no full stop, no secret.
    pub message: String,
    /// When to try again, where the provider says so.
    pub retry_after: Option<TimeDelta>,
}

impl GatewayError {
    /// Certainly nothing happened.
    pub fn retryable(code: impl Into<String>, message: impl Into<String>) -> GatewayError {
        GatewayError::new(ErrorClass::Retryable, code, message)
    }

    /// It may have happened.
    pub fn ambiguous(code: impl Into<String>, message: impl Into<String>) -> GatewayError {
        GatewayError::new(ErrorClass::Ambiguous, code, message)
    }

    /// Refused for good.
    pub fn permanent(code: impl Into<String>, message: impl Into<String>) -> GatewayError {
        GatewayError::new(ErrorClass::Permanent, code, message)
    }

    fn new(class: ErrorClass, code: impl Into<String>, message: impl Into<String>) -> GatewayError {
        GatewayError {
            class,
            code: code.into(),
            provider_code: None,
            message: message.into(),
            retry_after: None,
        }
    }

    /// Whether the provider says that it already has this reference.
    pub fn is_duplicate(&self) -> bool {
        self.code == DUPLICATE_REFERENCE
    }
}

/// The code of a create that the provider refuses because it already has the reference.
pub const DUPLICATE_REFERENCE: &str = "duplicate_reference";
