//! One operation with a provider, told as requests and answers: the half of an adapter that does no
//! I/O. Whoever drives it sends what is asked and hands the answers in.

use transport::{HttpRequest, HttpResponse};

use crate::GatewayError;

/// What a request does at the provider, which decides what a lost answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing changes there: it may be asked again.
    Reads,
    /// Something may have changed: a lost answer is ambiguous.
    Changes,
}

/// Where an operation stands.
#[derive(Debug)]
pub enum Conversation<T> {
    /// It has ended.
    Ended(Result<T, GatewayError>),
    /// The provider must be asked.
    Ask(Ask<T>),
}

/// A request, and what follows from its answer.
pub struct Ask<T> {
    /// What is sent.
    pub request: HttpRequest,
    /// What it does there.
    pub effect: Effect,
    then: Then<T>,
}

type Then<T> = Box<dyn FnOnce(HttpResponse) -> Conversation<T> + Send>;

impl<T> Ask<T> {
    /// Goes on with the provider's answer, whatever its status is.
    pub fn answered(self, response: HttpResponse) -> Conversation<T> {
        (self.then)(response)
    }
}

impl<T> std::fmt::Debug for Ask<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ask")
            .field("request", &self.request)
            .field("effect", &self.effect)
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Conversation<T> {
    /// It went well.
    pub fn done(value: T) -> Conversation<T> {
        Conversation::Ended(Ok(value))
    }

    /// It has failed.
    pub fn failed(error: GatewayError) -> Conversation<T> {
        Conversation::Ended(Err(error))
    }

    /// Asks something that changes nothing.
    pub fn read(
        request: HttpRequest,
        then: impl FnOnce(HttpResponse) -> Conversation<T> + Send + 'static,
    ) -> Conversation<T> {
        Conversation::ask(request, Effect::Reads, then)
    }

    /// Asks something that may change something.
    pub fn change(
        request: HttpRequest,
        then: impl FnOnce(HttpResponse) -> Conversation<T> + Send + 'static,
    ) -> Conversation<T> {
        Conversation::ask(request, Effect::Changes, then)
    }

    fn ask(
        request: HttpRequest,
        effect: Effect,
        then: impl FnOnce(HttpResponse) -> Conversation<T> + Send + 'static,
    ) -> Conversation<T> {
        Conversation::Ask(Ask {
            request,
            effect,
            then: Box::new(then),
        })
    }

    /// Goes on from where this one ends well.
    #[must_use]
    pub fn and_then<U: Send + 'static>(
        self,
        next: impl FnOnce(T) -> Conversation<U> + Send + 'static,
    ) -> Conversation<U> {
        match self {
            Conversation::Ended(Ok(value)) => next(value),
            Conversation::Ended(Err(error)) => Conversation::Ended(Err(error)),
            Conversation::Ask(ask) => {
                let then = ask.then;
                Conversation::ask(ask.request, ask.effect, move |response| {
                    then(response).and_then(next)
                })
            }
        }
    }

    /// Looks at how this one ends, good or bad, and goes on from there.
    #[must_use]
    pub fn or_else(
        self,
        next: impl FnOnce(GatewayError) -> Conversation<T> + Send + 'static,
    ) -> Conversation<T> {
        match self {
            Conversation::Ended(Err(error)) => next(error),
            ended @ Conversation::Ended(Ok(_)) => ended,
            Conversation::Ask(ask) => {
                let then = ask.then;
                Conversation::ask(ask.request, ask.effect, move |response| {
                    then(response).or_else(next)
                })
            }
        }
    }
}
