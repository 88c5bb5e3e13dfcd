//! The step: one input, then every automatic transition until the instance rests.

mod due;
mod enter;
mod guard;
mod input;
mod kept;
mod note;
mod payment;
mod person;
mod rejection;

use std::collections::BTreeMap;
use std::sync::Arc;

use expression::Record;
use serde::{Deserialize, Serialize};
use values::{Timestamp, UserId, Zone};

use crate::event::Event;
use crate::instance::{Incident, IncidentClass, Instance};
use crate::model::State;
use crate::{Definition, Effect};

pub use kept::{DEFERRED_MAX, INBOX_MAX};
pub use person::{actions_for, manager_asked_for};
pub use rejection::Rejection;

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// The party the item is related to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<Arc<Record>>,
    /// Parents by entity.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parents: BTreeMap<String, Arc<Record>>,
    /// Children by entity.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub children: BTreeMap<String, Vec<Arc<Record>>>,
    /// Records that item fields point at, by field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
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
    /// Users whose manager this person is, as far as [`manager_asked_for`] asks.
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
    /// Kept inputs that no longer applied when their turn came.
    pub overtaken: Vec<Overtaken>,
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

/// An input that was kept until it could be applied, and then could not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overtaken {
    /// The input's short word.
    pub input: String,
    /// Why it does not apply any more.
    pub rejection: Rejection,
}

/// Takes one input through the definition.
///
/// The first input of an item is an [`Event::Start`] on [`Instance::blank`]. After the input, the
/// inputs kept from before are applied as far as nothing stands in their way, each as a step of its
/// own: it goes all the way, or parks the item, or changes nothing.
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
    match event {
        Event::Retry { .. } => run.retry()?,
        event => run.apply(event, instance)?,
    }
    let declined = run.declined;
    run.apply_deferred(instance.entry, matches!(event, Event::Resume { .. }));
    Ok(run.finish(declined))
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

/// Which time an input is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It has just come.
    First,
    /// It was kept while the item was held or in incident; its turn has come.
    Kept,
    /// It is the input of an incident, and a person wants it tried again.
    Retry,
}

/// A step in the making.
struct Run<'a> {
    definition: &'a Definition,
    context: &'a Context,
    instance: Instance,
    effects: Vec<Effect>,
    trace: Vec<TraceEntry>,
    path: Vec<Entered>,
    overtaken: Vec<Overtaken>,
    turn: Turn,
    microsteps: u32,
    declined: bool,
    payload: Option<Arc<values::Fields>>,
    /// What the payment at hand says about its link had been said before.
    repeated_payment: bool,
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
            overtaken: Vec::new(),
            turn: Turn::First,
            microsteps: 0,
            declined: false,
            payload: None,
            repeated_payment: false,
        }
    }

    /// Applies one input, all the way or not at all. Where the definition cannot go on, the item is
    /// as `before`, except for the facts that came with the input, and in incident.
    fn apply(&mut self, event: &Event, before: &Instance) -> Result<(), Rejection> {
        let (effects, path) = (self.effects.len(), self.path.len());
        self.microsteps = 0;
        self.payload = None;
        let Err(halt) = self.consume(event) else {
            return Ok(());
        };
        self.effects.truncate(effects);
        self.path.truncate(path);
        match halt {
            Halt::Rejected(rejection) => Err(rejection),
            Halt::Incident(incident) => {
                self.instance = before.clone();
                // A link that exists and money that came in stay true whatever follows from them.
                self.note(event)?;
                self.park(event, *incident)
            }
        }
    }

    /// Applies what is in incident again; it is resolved only when that passes (clause 67).
    fn retry(&mut self) -> Result<(), Rejection> {
        self.refuse_if_held()?;
        let Some(incident) = self.instance.incident.take() else {
            return Err(rejection::nothing_to("retry"));
        };
        let Some(input) = incident.input else {
            return self.reopen();
        };
        if self.must_run_again(&input) {
            return self.plan_again();
        }
        let before = self.instance.clone();
        self.turn = Turn::Retry;
        self.apply(&input, &before)?;
        if let Some(again) = &mut self.instance.incident {
            again.since = incident.since;
        }
        Ok(())
    }

    /// An outcome that led nowhere leads nowhere again: what has been mended shows when the work itself
    /// is done again. Only an error says that nothing was done.
    fn must_run_again(&self, input: &Event) -> bool {
        let Event::Finished(end) = input else {
            return false;
        };
        end.entry == self.instance.entry
            && end.outcome == "error"
            && self.instance.activity.is_some()
    }

    /// Opens the activity of this state entry again, with the reference it had.
    fn plan_again(&mut self) -> Result<(), Rejection> {
        let entry = self.instance.entry;
        let state = self.instance.state.clone();
        if let Some(open) = &mut self.instance.activity {
            open.parked = false;
        }
        self.effects.push(Effect::CloseActivity { entry });
        self.effects.push(Effect::OpenActivity { state, entry });
        Ok(())
    }

    /// Performs the open activity again, whose outcome nobody knows.
    fn reopen(&mut self) -> Result<(), Rejection> {
        let entry = self.instance.entry;
        let Some(open) = &mut self.instance.activity else {
            return Err(rejection::nothing_to("retry"));
        };
        open.parked = false;
        self.effects.push(Effect::ReopenActivity { entry });
        Ok(())
    }

    fn finish(mut self, declined: bool) -> Step {
        self.instance.revision = self.instance.revision.saturating_add(1);
        Step {
            instance: self.instance,
            effects: self.effects,
            trace: self.trace,
            path: self.path,
            declined,
            overtaken: self.overtaken,
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
