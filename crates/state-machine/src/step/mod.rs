//! The step: one input, then every automatic transition until the instance rests.

mod due;
mod enter;
mod guard;
mod input;
mod payment;
mod person;

use std::collections::BTreeMap;
use std::sync::Arc;

use expression::Record;
use serde::{Deserialize, Serialize};
use values::{Timestamp, UserId, Zone};

use crate::event::Event;
use crate::instance::{Incident, IncidentClass, Instance};
use crate::model::State;
use crate::{Definition, Effect};

pub use person::actions_for;

/// Transitions one input may take before it counts as a livelock (clause 19).
pub const MICROSTEPS_MAX: u32 = 64;

/// What a step is told besides the instance: the facts of this moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// The moment, fixed for the whole step (clause 18).
    pub now: Timestamp,
    /// The project's time zone.
    pub zone: Zone,
    /// The person behind the input, as the directory knows them.
    pub actor: Option<Actor>,
    /// The party the item is related to.
    pub party: Option<Arc<Record>>,
    /// Parents by entity.
    pub parents: BTreeMap<String, Arc<Record>>,
    /// Children by entity.
    pub children: BTreeMap<String, Vec<Arc<Record>>>,
    /// Records that item fields point at, by field.
    pub references: BTreeMap<String, Arc<Record>>,
}

impl Context {
    /// A context with nothing but the time.
    pub fn at(now: Timestamp, zone: Zone) -> Context {
        Context {
            now,
            zone,
            actor: None,
            party: None,
            parents: BTreeMap::new(),
            children: BTreeMap::new(),
            references: BTreeMap::new(),
        }
    }
}

/// A person, as far as permission goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Roles held.
    pub roles: Vec<String>,
    /// Groups joined.
    pub groups: Vec<String>,
    /// Positions held.
    pub positions: Vec<String>,
    /// Users whose manager this person is, as far as the instance asks.
    pub manages: Vec<UserId>,
}

/// What a step makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The next instance.
    pub instance: Instance,
    /// What must happen because of it, in order.
    pub effects: Vec<Effect>,
    /// Guards that were tried, in order.
    pub trace: Vec<TraceEntry>,
    /// States entered, in order.
    pub path: Vec<Entered>,
    /// The input was expected and recorded, but no guard let it through (clause 15).
    pub declined: bool,
}

/// A guard that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceEntry {
    /// Where, such as `review.approve`.
    #[serde(rename = "at")]
    pub place: String,
    /// The guard's text.
    #[serde(rename = "when")]
    pub guard: String,
    /// Whether it held.
    #[serde(rename = "held")]
    pub held: bool,
}

/// A state that was entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entered {
    /// The state.
    #[serde(rename = "s")]
    pub state: String,
    /// Its entry.
    #[serde(rename = "e")]
    pub entry: u64,
    /// The edge that led there: an action, an outcome, an event.
    #[serde(rename = "by")]
    pub by: String,
}

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
    /// A timer, outcome or link of a state entry that is over.
    #[error("it belongs to an earlier state entry")]
    Stale,
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
            Rejection::NothingTo { .. } => "nothing_to_do",
        }
    }
}

/// Takes one input through the definition.
///
/// `instance` is `None` for the first input, which must be [`Event::Start`]; `item` names it then.
///
/// # Errors
///
/// A [`Rejection`] when the input is not applied. A definition that cannot go on is no error: the
/// instance comes back where it was, with an incident that keeps the input (clauses 16, 19, 63).
pub fn step(
    definition: &Definition,
    instance: &Instance,
    event: &Event,
    context: &Context,
) -> Result<Step, Rejection> {
    let mut run = Run::new(definition, instance.clone(), context);
    match run.consume(event).and_then(|()| run.replay_stored()) {
        Ok(()) => Ok(run.finish()),
        Err(Halt::Rejected(rejection)) => Err(rejection),
        Err(Halt::Incident(incident)) => Ok(parked(definition, instance, event, *incident, run)),
    }
}

/// The step of an input that cannot be applied: everything as it was, and the incident.
fn parked(
    definition: &Definition,
    before: &Instance,
    event: &Event,
    mut incident: Incident,
    failed: Run<'_>,
) -> Step {
    let kept = before.incident.as_ref().and_then(|old| old.input.clone());
    let facts = failed.facts_kept;
    let (mut instance, effects) = facts.map_or_else(|| (before.clone(), Vec::new()), |kept| *kept);
    instance.revision = before.revision.saturating_add(1);
    match (event, kept, &before.incident) {
        (Event::Retry { .. }, Some(kept), _) => {
            incident.input = Some(kept);
            instance.incident = Some(incident);
        }
        // The first input in incident stays first; this one is applied after it.
        (_, Some(_), Some(old)) => {
            instance.incident = Some(old.clone());
            instance.deferred.push(event.clone());
        }
        _ => {
            incident.input = Some(Box::new(event.clone()));
            instance.incident = Some(incident);
        }
    }
    if instance.entry == 0 {
        // The very first step failed: the item rests in its initial state, not yet entered.
        instance.state.clone_from(&definition.model().initial);
    }
    Step {
        instance,
        effects,
        trace: failed.trace,
        path: Vec::new(),
        declined: false,
    }
}

/// Why a step does not go on.
enum Halt {
    /// The input is not applied.
    Rejected(Rejection),
    /// The definition cannot go on.
    Incident(Box<Incident>),
}

impl From<Rejection> for Halt {
    fn from(rejection: Rejection) -> Halt {
        Halt::Rejected(rejection)
    }
}

/// A step in the making.
struct Run<'a> {
    definition: &'a Definition,
    context: &'a Context,
    instance: Instance,
    effects: Vec<Effect>,
    trace: Vec<TraceEntry>,
    path: Vec<Entered>,
    microsteps: u32,
    declined: bool,
    payload: Option<Arc<values::Fields>>,
    /// The instance and effects once facts that have happened were written down: an incident on the
    /// way from there goes back to here, because a link that exists or money that came in stays true.
    facts_kept: Option<Box<(Instance, Vec<Effect>)>>,
    /// An input from an incident is applied again.
    retrying: bool,
}

impl<'a> Run<'a> {
    fn new(definition: &'a Definition, instance: Instance, context: &'a Context) -> Run<'a> {
        Run {
            definition,
            context,
            instance,
            effects: Vec::new(),
            trace: Vec::new(),
            path: Vec::new(),
            microsteps: 0,
            declined: false,
            payload: None,
            facts_kept: None,
            retrying: false,
        }
    }

    /// Applies stored inputs once nothing stands in their way.
    fn replay_stored(&mut self) -> Result<(), Halt> {
        let free = self.instance.held.is_none() && self.instance.incident.is_none();
        if free && !self.instance.deferred.is_empty() {
            self.replay_deferred()
        } else {
            Ok(())
        }
    }

    fn keep_facts(&mut self) {
        self.facts_kept = Some(Box::new((self.instance.clone(), self.effects.clone())));
    }

    fn finish(mut self) -> Step {
        self.instance.revision = self.instance.revision.saturating_add(1);
        Step {
            instance: self.instance,
            effects: self.effects,
            trace: self.trace,
            path: self.path,
            declined: self.declined,
        }
    }

    fn incident(&self, code: &str, message: impl Into<String>) -> Halt {
        self.incident_of(IncidentClass::Definition, code, message)
    }

    fn incident_of(&self, class: IncidentClass, code: &str, message: impl Into<String>) -> Halt {
        Halt::Incident(Box::new(Incident {
            class,
            code: code.to_owned(),
            message: message.into(),
            since: self.context.now,
            input: None,
        }))
    }

    /// The state the instance is in. A pinned definition always has it.
    fn state(&self) -> Result<&'a State, Halt> {
        let definition: &'a Definition = self.definition;
        definition
            .state(&self.instance.state)
            .ok_or_else(|| self.incident("no_state", format!("no state `{}`", self.instance.state)))
    }
}
