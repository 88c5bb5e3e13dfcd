//! Automatic work: what an activity is, and the activities that ship.
//!
//! An activity has three parts. [`Prepared::plan`] is pure and runs while the engine decides;
//! [`Activity::perform`] has effects and runs after the commit; [`Prepared::conclude`] is pure again
//! and turns what came back into an [`Outcome`]. It is not a runtime: attempts, pauses and
//! commits belong to the engine, and nothing here sees a store.
//!
//! The names to know: [`Activity`], [`Prepared`], [`Plan`], [`Attempted`], [`Outcome`], and
//! [`Catalog`], the list of activities by name.

mod account;
pub mod builtin;
mod catalog;
mod known_link;
mod message;
mod on_link;
mod outcome;
mod pages;
mod plan;
mod problem;
pub mod settings;
mod world;

use async_trait::async_trait;
use serde_json::Value as Json;

pub use account::{Account, Accounts};
pub use catalog::{Catalog, Descriptor};
pub use known_link::KnownLink;
pub use outcome::{
    Changes, LinkDraft, MessageDraft, Outcome, OutsideReceipt, ReceiptRule, UnreachableRecipient,
};
pub use pages::problem_pages;
pub use plan::{Answers, Need, OutsideNumber, Plan, PlanContext, Request, Sending};
pub use problem::{PathStep, Place, PrepareContext, Problem, Severity, codes as problem_codes};
pub use transport::{HttpClient, HttpError, HttpRequest, HttpResponse};
pub use world::{Attempt, Attempted, EarlierLink, Observation, PreviousAttempt, Secrets, World};

/// A kind of automatic work.
#[async_trait]
pub trait Activity: Send + Sync {
    /// Its name, outcomes and settings.
    fn descriptor(&self) -> Descriptor;

    /// Checks settings once, when the workflow is loaded, and compiles what they contain.
    fn prepare(
        &self,
        settings: &Json,
        context: &PrepareContext<'_>,
    ) -> Result<Box<dyn Prepared>, Vec<Problem>>;

    /// Does the work of one request. It is called again with the same request and key until it
    /// answers; it must make at most one effect per key as far as the outside allows, and say
    /// [`Attempted::Unknown`] where it cannot know.
    async fn perform(&self, request: &Request, attempt: &Attempt, world: &World) -> Attempted;
}

/// An activity with its settings, ready to decide.
pub trait Prepared: Send + Sync {
    /// What `plan` must be told beyond the facts.
    fn needs(&self) -> Vec<Need>;

    /// What its expressions and templates read, so that the engine fetches exactly that.
    fn reads(&self) -> Vec<&expression::Reads>;

    /// Decides what to do. Pure: the same context gives the same plan.
    fn plan(&self, context: &PlanContext<'_>) -> Plan;

    /// Turns the result of a performed request into an outcome. Pure.
    fn conclude(&self, context: &PlanContext<'_>, request: &Request, result: &Json) -> Outcome;

    /// The link that a request may have made whose state was left before anybody knew, or that it has
    /// made when a result came back all the same. The engine closes it. `None` where no link can come of it.
    fn may_have_made(&self, request: &Request, result: Option<&Json>) -> Option<LinkDraft> {
        let _ = (request, result);
        None
    }

    /// The state whose links it makes, where that is another than its own.
    fn makes_links_of(&self) -> Option<&str> {
        None
    }

    /// What is most likely not as meant, although it works.
    fn warnings(&self) -> &[Problem] {
        &[]
    }
}
