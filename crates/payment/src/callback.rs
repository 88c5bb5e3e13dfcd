//! A provider's call to us, as plain data, and what it proves.

use chrono::{DateTime, Utc};
use values::Timestamp;

use crate::StatusReport;

/// The header under which whoever takes a call writes down when it came: some providers' calls do not
/// say themselves when the money moved.
pub const RECEIVED_AT: &str = "charkh-received-at";

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

impl CallbackParts {
    /// The same call, taken at that time. What the sender says about it is thrown away.
    #[must_use]
    pub fn received(mut self, at: Timestamp) -> CallbackParts {
        self.headers
            .retain(|(name, _)| !name.eq_ignore_ascii_case(RECEIVED_AT));
        self.headers.push((RECEIVED_AT.to_owned(), at.to_rfc3339()));
        self
    }

    /// When it was taken, if that was written down with [`CallbackParts::received`].
    pub fn received_at(&self) -> Option<Timestamp> {
        let mut times = self.headers.iter().filter(|(name, _)| name == RECEIVED_AT);
        let (_, text) = times.next()?;
        let at = DateTime::parse_from_rfc3339(text).ok()?;
        times.next().is_none().then(|| at.with_timezone(&Utc))
    }
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
