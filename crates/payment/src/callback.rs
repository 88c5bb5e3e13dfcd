//! A provider's call to us, as plain data, and what it proves.

use crate::StatusReport;

/// A received call: nothing parsed, nothing trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallbackParts {
    /// HTTP method, or `NOTICE` for a simulated gateway.
    pub method: String,
    /// Query parameters in order, repeats included.
    pub query: Vec<(String, String)>,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The raw body.
    pub body: Vec<u8>,
}

/// What a callback proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Callback {
    /// Its signature holds: this is the provider's word.
    Verified {
        /// What the provider says.
        report: StatusReport,
        /// What to answer.
        reply: CallbackReply,
    },
    /// It proves nothing but names a link: read that link again.
    Hint {
        /// Our reference.
        reference: String,
        /// What to answer.
        reply: CallbackReply,
    },
    /// It is malformed or its signature does not hold.
    Rejected {
        /// A stable code, for us alone.
        code: String,
    },
}

/// The answer a provider expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackReply {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: String,
}
