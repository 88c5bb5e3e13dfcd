//! An adapter: a provider's wire protocol as conversations, and the gateway that holds them.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use transport::{HttpClient, HttpError};
use values::Timestamp;

use crate::{
    Call, Callback, CallbackParts, Capabilities, Conversation, CreatedLink, Deactivate, Descriptor,
    Effect, Found, Gateway, GatewayError, LinkRequest, ListPage, ListSpan, Operated, Operation,
    ProviderRef, StatusReport,
};

/// A provider's protocol for one account: requests out, answers and callbacks in, no I/O.
pub trait Translator: Send + Sync {
    /// Who it is.
    fn descriptor(&self) -> Descriptor;

    /// What it can do for this account, and its limits.
    fn capabilities(&self) -> Capabilities;

    /// How the provider's calls name our reference: the reference itself, or a number that follows
    /// from it.
    fn order_no(&self, reference: &str) -> String {
        reference.to_owned()
    }

    /// How the provider names what it has under a number of its own; `None` where there is no such thing.
    fn named(&self, _number: &str) -> Option<ProviderRef> {
        None
    }

    /// Every problem of a request, without asking the provider.
    fn validate(&self, request: &LinkRequest) -> Vec<GatewayError>;

    /// Makes a link. It is only asked for requests without problems.
    fn create(&self, now: Timestamp, request: &LinkRequest) -> Conversation<CreatedLink>;

    /// Reads one link.
    fn status(&self, now: Timestamp, link: &ProviderRef) -> Conversation<StatusReport>;

    /// Looks a link up by our reference, first sent at about that time.
    fn find(&self, now: Timestamp, reference: &str) -> Conversation<Found>;

    /// How far back a look-up sees; `None` where it sees everything.
    fn lookup_reach(&self) -> Option<TimeDelta> {
        None
    }

    /// Reads many links at once, where the provider can: the answer holds what it knows of.
    fn status_many(
        &self,
        _now: Timestamp,
        _links: &[ProviderRef],
    ) -> Option<Conversation<Vec<StatusReport>>> {
        None
    }

    /// One page of what the provider itself knows in a span of days, where it can list that.
    fn list(
        &self,
        _now: Timestamp,
        _span: ListSpan,
        _page: Option<&str>,
    ) -> Option<Conversation<ListPage>> {
        None
    }

    /// Closes a link, where the provider can.
    fn deactivate(&self, _now: Timestamp, _link: &ProviderRef) -> Option<Conversation<()>> {
        None
    }

    /// Does what only some providers can; asked only for what the capabilities offer.
    fn operate(
        &self,
        _now: Timestamp,
        _link: &ProviderRef,
        operation: &Operation,
    ) -> Conversation<Operated> {
        Conversation::Ended(Err(unsupported(operation)))
    }

    /// Checks a callback or browser return and says what it proves.
    fn read_callback(&self, parts: &CallbackParts) -> Callback;
}

/// The error of an operation that a gateway does not offer.
pub(crate) fn unsupported(operation: &Operation) -> GatewayError {
    let word = operation.name().word();
    let message = format!("this gateway cannot {}", word.replace('_', " "));
    GatewayError::permanent("unsupported_operation", message)
}

/// A translator with the plug that sends its requests: a [`Gateway`].
pub struct Wired<T: ?Sized> {
    client: Arc<dyn HttpClient>,
    translator: Arc<T>,
}

impl<T: Translator + ?Sized> Wired<T> {
    /// Puts the two together.
    pub fn new(translator: Arc<T>, client: Arc<dyn HttpClient>) -> Wired<T> {
        Wired { client, translator }
    }

    /// Holds a conversation to its end.
    async fn hold<A>(
        &self,
        call: Call,
        mut conversation: Conversation<A>,
    ) -> Result<A, GatewayError> {
        let mut changed = false;
        loop {
            let ask = match conversation {
                Conversation::Ended(end) => return end,
                Conversation::Ask(ask) => ask,
            };
            in_time(call)?;
            match self.client.send(&ask.request).await {
                Ok(response) => {
                    changed |= ask.effect == Effect::Changes;
                    conversation = ask.answered(response);
                }
                Err(error) => return Err(lost(&error, ask.effect, changed)),
            }
        }
    }
}

/// Whether something may still be sent.
fn in_time(call: Call) -> Result<(), GatewayError> {
    if call.now > call.send_by {
        return Err(GatewayError::retryable(
            "too_late",
            "it was not sent in time",
        ));
    }
    Ok(())
}

/// What a request without an answer means. After an earlier change nothing is certain any more.
fn lost(error: &HttpError, effect: Effect, changed: bool) -> GatewayError {
    let message = error.to_string();
    match error {
        HttpError::Refused(_) if !changed => GatewayError::permanent("target_refused", message),
        HttpError::NotSent(_) if !changed => GatewayError::retryable("not_sent", message),
        HttpError::Unknown(_) if effect == Effect::Reads && !changed => {
            GatewayError::retryable("no_answer", message)
        }
        _ => GatewayError::ambiguous("no_answer", message),
    }
}

#[async_trait]
impl<T: Translator + ?Sized> Gateway for Wired<T> {
    fn descriptor(&self) -> Descriptor {
        self.translator.descriptor()
    }

    fn capabilities(&self) -> Capabilities {
        self.translator.capabilities()
    }

    fn order_no(&self, reference: &str) -> String {
        self.translator.order_no(reference)
    }

    fn named(&self, number: &str) -> Option<ProviderRef> {
        self.translator.named(number)
    }

    fn lookup_reach(&self) -> Option<TimeDelta> {
        self.translator.lookup_reach()
    }

    fn validate(&self, request: &LinkRequest) -> Vec<GatewayError> {
        self.translator.validate(request)
    }

    async fn create(&self, call: Call, request: &LinkRequest) -> Result<CreatedLink, GatewayError> {
        if let Some(problem) = self.translator.validate(request).into_iter().next() {
            return Err(problem);
        }
        // A link that is made without asking counts as sent all the same.
        in_time(call)?;
        self.hold(call, self.translator.create(call.now, request))
            .await
    }

    async fn status(&self, call: Call, link: &ProviderRef) -> Result<StatusReport, GatewayError> {
        self.hold(call, self.translator.status(call.now, link))
            .await
    }

    async fn find(&self, call: Call, reference: &str) -> Result<Found, GatewayError> {
        self.hold(call, self.translator.find(call.now, reference))
            .await
    }

    async fn status_many(
        &self,
        call: Call,
        links: &[ProviderRef],
    ) -> Option<Result<Vec<StatusReport>, GatewayError>> {
        let conversation = self.translator.status_many(call.now, links)?;
        Some(self.hold(call, conversation).await)
    }

    async fn list(
        &self,
        call: Call,
        span: ListSpan,
        page: Option<&str>,
    ) -> Option<Result<ListPage, GatewayError>> {
        let conversation = self.translator.list(call.now, span, page)?;
        Some(self.hold(call, conversation).await)
    }

    async fn operate(
        &self,
        call: Call,
        link: &ProviderRef,
        operation: &Operation,
    ) -> Result<Operated, GatewayError> {
        let offered = self.translator.capabilities().operations;
        if !offered.contains(&operation.name()) {
            return Err(unsupported(operation));
        }
        self.hold(call, self.translator.operate(call.now, link, operation))
            .await
    }

    fn read_callback(&self, parts: &CallbackParts) -> Callback {
        self.translator.read_callback(parts)
    }

    fn as_deactivate(&self) -> Option<&dyn Deactivate> {
        if self.translator.capabilities().deactivate {
            Some(self)
        } else {
            None
        }
    }
}

#[async_trait]
impl<T: Translator + ?Sized> Deactivate for Wired<T> {
    async fn deactivate(&self, call: Call, link: &ProviderRef) -> Result<(), GatewayError> {
        match self.translator.deactivate(call.now, link) {
            Some(conversation) => self.hold(call, conversation).await,
            None => Err(GatewayError::permanent(
                "unsupported_operation",
                "this gateway cannot close links",
            )),
        }
    }
}
