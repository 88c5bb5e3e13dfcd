//! What the engine asks of a payment gateway, and the built-in sandbox gateway.
//!
//! It is not a payment service and it decides nothing: it says what happened, with a class the
//! caller must obey. Only an explicit success is success; a timeout after sending is
//! [`ErrorClass::Ambiguous`], never a failure.
//!
//! The names to know: [`Gateway`] is the contract, [`LinkRequest`] what it is asked,
//! [`CreatedLink`] and [`StatusReport`] what it answers, [`Capabilities`] what it can do,
//! [`Translator`] an adapter to a provider's protocol, without I/O, and [`gateways::Sandbox`] the
//! gateway without a network.

mod callback;
mod capability;
#[cfg(feature = "conformance")]
pub mod conformance;
mod conversation;
mod error;
pub mod gateways;
mod link;
mod listing;
mod operation;
mod translator;

use async_trait::async_trait;
use chrono::TimeDelta;

pub use callback::{Callback, CallbackParts, CallbackReply, RECEIVED_AT};
pub use capability::{Capabilities, Descriptor, Limits, RepeatClass, RepeatSafety};
pub use conversation::{Ask, Conversation, Effect};
pub use error::{DUPLICATE_REFERENCE, ErrorClass, GatewayError};
pub use link::{
    Call, CreatedLink, Found, LinkRequest, LinkStatus, PaymentFact, ProviderRef, StatusReport,
    Usage,
};
pub use listing::{ListPage, ListSpan, ListedLink};
pub use operation::{FundsSource, FutureParty, Operated, Operation, OperationName, PosSlip};
pub use translator::{Translator, Wired};

/// A payment gateway, for one account of ours.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// Who it is.
    fn descriptor(&self) -> Descriptor;

    /// What it can do for this account, and its limits.
    fn capabilities(&self) -> Capabilities;

    /// How the provider's calls name our reference: the reference itself, or a number that follows
    /// from it. A callback may carry either.
    fn order_no(&self, reference: &str) -> String {
        reference.to_owned()
    }

    /// Every problem of a request, without asking the provider. Empty means it may be sent.
    fn validate(&self, request: &LinkRequest) -> Vec<GatewayError>;

    /// Makes a link. The request's `reference` is our durable token: every attempt for one
    /// activity entry carries the same one. Nothing is sent after `call.send_by`.
    async fn create(&self, call: Call, request: &LinkRequest) -> Result<CreatedLink, GatewayError>;

    /// Reads one link again: the provider's word, not a guess.
    async fn status(&self, call: Call, link: &ProviderRef) -> Result<StatusReport, GatewayError>;

    /// Looks a link up by our reference. [`Found::CannotTell`] is not [`Found::NotFound`].
    async fn find(&self, call: Call, reference: &str) -> Result<Found, GatewayError>;

    /// How far back [`Gateway::find`] sees; `None` where it sees everything. That a reference which was sent
    /// longer ago is not found proves nothing.
    fn lookup_reach(&self) -> Option<TimeDelta> {
        None
    }

    /// Reads many links at once; `None` where the provider cannot. The answer holds the links it knows
    /// of, in any order.
    async fn status_many(
        &self,
        _call: Call,
        _links: &[ProviderRef],
    ) -> Option<Result<Vec<StatusReport>, GatewayError>> {
        None
    }

    /// How the provider names what it has under a number of its own, such as an invoice that somebody
    /// else has issued to us; `None` where there is no such thing.
    fn named(&self, _number: &str) -> Option<ProviderRef> {
        None
    }

    /// One page of the links that the provider itself knows in a span of days, whoever made them: the
    /// first one, or the one that another page names as its next. `None` where it cannot list them.
    async fn list(
        &self,
        _call: Call,
        _span: ListSpan,
        _page: Option<&str>,
    ) -> Option<Result<ListPage, GatewayError>> {
        None
    }

    /// Does what only some providers can. Asked twice for the same, it does it once, except for
    /// [`Operation::Resend`]: what may have been done is looked for first. What is not in [`Capabilities::operations`] is refused with
    /// the code `unsupported_operation`.
    async fn operate(
        &self,
        _call: Call,
        _link: &ProviderRef,
        operation: &Operation,
    ) -> Result<Operated, GatewayError> {
        Err(translator::unsupported(operation))
    }

    /// Checks a callback or browser return and says what it proves. No I/O.
    fn read_callback(&self, parts: &CallbackParts) -> Callback;

    /// The gateway's way to close a link, if it has one.
    fn as_deactivate(&self) -> Option<&dyn Deactivate> {
        None
    }

    /// A gateway that plays its own customers, such as the sandbox.
    fn as_simulated(&self) -> Option<&dyn Simulated> {
        None
    }
}

/// Closing a link at the provider.
#[async_trait]
pub trait Deactivate: Send + Sync {
    /// Asks the provider to close the link. Success means it answered; read the status to know.
    async fn deactivate(&self, call: Call, link: &ProviderRef) -> Result<(), GatewayError>;
}

/// A gateway without a network that notifies us itself.
pub trait Simulated: Send + Sync {
    /// When its next notice is due, if it has one.
    fn next_notice_at(&self) -> Option<values::Timestamp>;

    /// The notices due by `now`, each given out once until the gateway is opened again.
    fn take_notices(&self, now: values::Timestamp) -> Vec<CallbackParts>;
}
