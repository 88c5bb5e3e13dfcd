//! One item's way through a definition. All of it is data.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use values::{Fields, ItemRef, LinkId, Money, PartyId, Timestamp, UserId};

use crate::definition::DefinitionHash;
use crate::event::Event;
use crate::model::{End, Kind};
use crate::{Definition, model};

/// One item under a workflow. The serialised names are short because every commit stores them; they
/// are part of the disk format and pinned by a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The item.
    #[serde(rename = "i")]
    pub item: Arc<ItemRef>,
    /// The definition it started with and keeps.
    #[serde(rename = "d")]
    pub definition: DefinitionHash,
    /// Inputs applied so far; callers may expect a value.
    #[serde(rename = "r")]
    pub revision: u64,
    /// The state it is in.
    #[serde(rename = "s")]
    pub state: String,
    /// Counts state entries; timers and activities belong to one.
    #[serde(rename = "e")]
    pub entry: u64,
    /// When the state was entered.
    #[serde(rename = "ea")]
    pub entered_at: Timestamp,
    /// When the lifecycle started.
    #[serde(rename = "sa")]
    pub started_at: Timestamp,
    /// Pipeline stage.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The item's declared fields. The CRM pushes changes in; the workflow's own go out.
    #[serde(rename = "f", default, skip_serializing_if = "no_fields")]
    pub fields: Arc<Fields>,
    /// The party the item is related to.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub party: Option<PartyId>,
    /// The open task, in a task state.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub task: Option<OpenTask>,
    /// The open activity, in an activity state.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<OpenActivity>,
    /// Timers of the current entry.
    #[serde(rename = "ti", default, skip_serializing_if = "Vec::is_empty")]
    pub timers: Vec<Timer>,
    /// How often each state was entered.
    #[serde(rename = "v", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub visits: BTreeMap<String, u32>,
    /// Who acted last in each task.
    #[serde(rename = "l", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub last_actor: BTreeMap<String, UserId>,
    /// Links made for this item: the latest of each state, and every earlier one not yet closed.
    #[serde(rename = "k", default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// States that undo what has succeeded, in the order in which it did.
    #[serde(rename = "u", default, skip_serializing_if = "Vec::is_empty")]
    pub to_undo: Vec<String>,
    /// Events that came before a state could take them.
    #[serde(rename = "b", default, skip_serializing_if = "Vec::is_empty")]
    pub inbox: Vec<KeptEvent>,
    /// Inputs are stored, not applied.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// Inputs that came while held, in order.
    #[serde(rename = "q", default, skip_serializing_if = "Vec::is_empty")]
    pub deferred: Vec<Event>,
    /// Something a person must mend.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Incident>,
    /// How it ended, once it has.
    #[serde(rename = "z", default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

fn no_fields(fields: &Arc<Fields>) -> bool {
    fields.is_empty()
}

/// A task waiting for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenTask {
    /// Who may act.
    #[serde(rename = "a")]
    pub assigned: Assigned,
    /// Who has taken it.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<UserId>,
}

/// Who may act, once it is known for this entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Assigned {
    /// One user.
    #[serde(rename = "u")]
    User(UserId),
    /// Members of a group.
    #[serde(rename = "g")]
    Group(String),
    /// Holders of a role.
    #[serde(rename = "r")]
    Role(String),
    /// Holders of a position.
    #[serde(rename = "p")]
    Position(String),
    /// The manager of a user.
    #[serde(rename = "m")]
    ManagerOf(UserId),
}

impl std::fmt::Display for Assigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Assigned::User(user) => write!(f, "user {user}"),
            Assigned::Group(name) => write!(f, "group {name}"),
            Assigned::Role(name) => write!(f, "role {name}"),
            Assigned::Position(name) => write!(f, "position {name}"),
            Assigned::ManagerOf(user) => write!(f, "manager of {user}"),
        }
    }
}

/// Work that is decided and not yet concluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenActivity {
    /// Its name.
    #[serde(rename = "n")]
    pub name: String,
    /// The reference of this entry, the same for every attempt (clause 32).
    #[serde(rename = "r")]
    pub reference: String,
    /// Whether its outcome is unknown and a person must say what happened.
    #[serde(rename = "p", default, skip_serializing_if = "std::ops::Not::not")]
    pub parked: bool,
}

/// A timer of the current entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// Its name within the entry.
    #[serde(rename = "n")]
    pub name: String,
    /// When it is due.
    #[serde(rename = "d")]
    pub due: Timestamp,
}

/// A payment link, as far as the workflow needs to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Our id.
    #[serde(rename = "i")]
    pub id: LinkId,
    /// The state that made it.
    #[serde(rename = "s")]
    pub state: String,
    /// Where the customer pays.
    #[serde(rename = "u")]
    pub url: String,
    /// Its status word, as in lists.
    #[serde(rename = "t")]
    pub status: String,
    /// The amount.
    #[serde(rename = "a")]
    pub amount: Money,
    /// When it stops taking payments.
    #[serde(rename = "x")]
    pub expires_at: Timestamp,
    /// When it was paid.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
    /// What the payer sees as tracking number.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub tracking_no: Option<String>,
}

impl Link {
    /// Whether it can certainly not be paid any more.
    pub fn is_closed(&self) -> bool {
        self.is_paid()
            || matches!(
                self.status.as_str(),
                "expired" | "cancelled" | "create_failed" | "superseded" | "refunded"
            )
    }

    /// Whether money has come in through it.
    pub fn is_paid(&self) -> bool {
        matches!(
            self.status.as_str(),
            "paid" | "paid_late" | "paid_after_cancel" | "overpaid"
        )
    }
}

/// An event that came before a state could take it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptEvent {
    /// Its name.
    #[serde(rename = "n")]
    pub name: String,
    /// What it carries.
    #[serde(rename = "p", default, skip_serializing_if = "Fields::is_empty")]
    pub payload: Fields,
    /// Until when it is kept.
    #[serde(rename = "u")]
    pub until: Timestamp,
}

/// The item is held: inputs are stored, nothing is applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// By whom.
    pub by: UserId,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when, for people.
    pub until: Option<Timestamp>,
}

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentClass {
    /// The definition cannot go on: a guard failed, no branch holds, a field is empty.
    Definition,
    /// The step would never rest.
    Livelock,
    /// Nobody knows how an activity ended.
    Unknown,
}

/// Something a person must mend. The item stays where it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// What kind.
    pub class: IncidentClass,
    /// A stable code, such as `guard_failed`.
    pub code: String,
    /// What happened.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
    /// The input that could not be applied; `retry` applies it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Box<Event>>,
}

/// How a lifecycle ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// As declared by the end state.
    pub outcome: End,
    /// When.
    pub at: Timestamp,
}

/// What can move an item on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeSource {
    /// It has ended; nothing needs to.
    Ended,
    /// A person has a task, or may end the wait.
    Person,
    /// A timer is set.
    Timer,
    /// An activity is open.
    Activity,
    /// A named event, a condition on fields, or a payment is awaited.
    Event,
    /// A person must mend an incident or resume a held item.
    Overlay,
}

impl Instance {
    /// The latest link of a state.
    pub fn link_of(&self, state: &str) -> Option<&Link> {
        self.links.iter().rev().find(|link| link.state == state)
    }

    /// The latest link.
    pub fn latest_link(&self) -> Option<&Link> {
        self.links.last()
    }

    /// What can move the item on; `None` breaks the wake invariant (clause 31).
    pub fn wake_source(&self, definition: &Definition) -> Option<WakeSource> {
        if self.ended.is_some() {
            return Some(WakeSource::Ended);
        }
        if self.held.is_some() || self.incident.is_some() {
            return Some(WakeSource::Overlay);
        }
        if !self.timers.is_empty() {
            return Some(WakeSource::Timer);
        }
        match &definition.state(&self.state)?.kind {
            Kind::Task(task) => {
                (self.task.is_some() && !task.actions.is_empty()).then_some(WakeSource::Person)
            }
            Kind::Activity(_) => self.activity.as_ref().map(|_| WakeSource::Activity),
            Kind::Wait(wait) => wake_of_wait(wait),
            Kind::Decision(_) | Kind::Rollback(_) | Kind::End(_) => None,
        }
    }
}

fn wake_of_wait(wait: &model::Wait) -> Option<WakeSource> {
    if wait.by.is_some() {
        return Some(WakeSource::Person);
    }
    let awaits = wait.event.is_some() || wait.when.is_some() || wait.payment.is_some();
    awaits.then_some(WakeSource::Event)
}

impl Instance {
    /// An item that has not entered its lifecycle yet: entry 0, in the initial state by name only.
    pub fn blank(
        item: ItemRef,
        definition: DefinitionHash,
        initial: &str,
        now: Timestamp,
    ) -> Instance {
        Instance {
            item: Arc::new(item),
            definition,
            revision: 0,
            state: initial.to_owned(),
            entry: 0,
            entered_at: now,
            started_at: now,
            stage: None,
            fields: Arc::default(),
            party: None,
            task: None,
            activity: None,
            timers: Vec::new(),
            visits: BTreeMap::new(),
            last_actor: BTreeMap::new(),
            links: Vec::new(),
            to_undo: Vec::new(),
            inbox: Vec::new(),
            held: None,
            deferred: Vec::new(),
            incident: None,
            ended: None,
        }
    }
}
