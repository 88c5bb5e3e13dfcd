//! A workflow as plain data: the canonical form, whose hash is the definition's identity.
//!
//! A loader builds a [`Model`] from YAML; [`crate::Definition::build`] checks it and compiles its expressions.
//! Everything here is serialisable, so a running item can keep the very definition it started with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use values::{Calendar, Currency, Date, FieldType, Label, Locale};

/// One workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Its name.
    pub workflow: String,
    /// Its version, counted by its author.
    pub version: u32,
    /// The entity whose items run it, such as `invoice`.
    pub entity: String,
    /// Name for people.
    pub label: Label,
    /// The language of messages whose recipient has none; then the project's counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Locale>,
    /// Declared fields of the item, financial ones included.
    pub fields: BTreeMap<String, Field>,
    /// Fields of the party beyond the standard ones.
    pub party_fields: BTreeMap<String, FieldType>,
    /// Entities that expressions read through `parent` and `children`, with their fields.
    pub related: BTreeMap<String, BTreeMap<String, FieldType>>,
    /// Named events the workflow may receive.
    pub events: BTreeMap<String, EventKind>,
    /// Pipeline stages, in order.
    pub stages: Vec<String>,
    /// Where every item starts.
    pub initial: String,
    /// Routes that hold in any state that is not an end.
    pub on: Vec<Route>,
    /// States in document order, which is also the kanban order.
    pub states: Vec<State>,
}

/// A declared field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// Name for people.
    pub label: Option<Label>,
    /// The currency of a money field, where it is fixed.
    pub currency: Option<Currency>,
    /// Whether it identifies a person; such values can be erased.
    pub personal: bool,
}

/// A named event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventKind {
    /// What it carries.
    pub payload: BTreeMap<String, FieldType>,
    /// How long an early event waits for a state that takes it, in seconds.
    pub keep_seconds: i64,
    /// What happens when it comes after the item has ended.
    pub late: Late,
}

/// What to do with an event that comes after the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Late {
    /// Keep it in the history.
    #[default]
    Record,
    /// Drop it.
    Ignore,
}

/// A place in the lifecycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Its name.
    pub id: String,
    /// Name for people.
    pub label: Option<Label>,
    /// What it does.
    pub kind: Kind,
    /// Routes that hold here, before the workflow's own.
    pub on: Vec<Route>,
    /// How fields are shown here; hosts read it.
    pub display: BTreeMap<String, Display>,
}

/// How a field is shown in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Display {
    /// Visible and editable.
    Show,
    /// Visible, read-only.
    ReadOnly,
    /// Not shown.
    Hidden,
}

/// The five kinds of state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A person must act.
    Task(Task),
    /// The system acts.
    Activity(Activity),
    /// Time or an event must come.
    Wait(Wait),
    /// A branch, left in the same step.
    Decision(Decision),
    /// What has been done is undone, the last first (clause 68).
    Rollback(Rollback),
    /// The lifecycle is over.
    End(End),
}

impl Kind {
    /// The word used in YAML.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Task(_) => "task",
            Kind::Activity(_) => "activity",
            Kind::Wait(_) => "wait",
            Kind::Decision(_) => "decision",
            Kind::Rollback(_) => "rollback",
            Kind::End(_) => "end",
        }
    }
}

/// A state in which a person must act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Who.
    pub assignee: Assignee,
    /// Whether a return to this state goes to the person who acted here last.
    pub return_to_last: bool,
    /// What they may choose, in document order.
    pub actions: Vec<Action>,
    /// When they are reminded, in seconds after entry.
    pub remind_seconds: Option<i64>,
    /// When the manager is told, in seconds after entry, and the next manager at twice that.
    pub critical_seconds: Option<i64>,
    /// When the item moves on without them.
    pub timeout: Option<Timeout>,
}

/// Who has a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assignee {
    /// One user.
    User(String),
    /// Members of a group; one claims it.
    Group(String),
    /// Holders of a role; one claims it.
    Role(String),
    /// Holders of a position; one claims it.
    Position(String),
    /// The user or group in a field of the item.
    Field {
        /// The field.
        field: String,
        /// Who has it when the field is empty.
        fallback: Box<Assignee>,
    },
    /// Who acted last in a state.
    LastResponsible {
        /// That state.
        state: String,
        /// Who has it when nobody acted there yet.
        fallback: Option<Box<Assignee>>,
    },
    /// The manager of somebody.
    ManagerOf(Box<Assignee>),
}

/// A button on a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Its name.
    pub name: String,
    /// Name for people.
    pub label: Option<Label>,
    /// Where it leads.
    pub to: String,
    /// The condition on it.
    pub when: Option<String>,
    /// Roles of which the actor needs one, beside having the task.
    pub roles: Vec<String>,
    /// Fields that must be filled.
    pub require: Vec<String>,
    /// The question to confirm first; hosts ask it.
    pub confirm: Option<Label>,
    /// A hint for the button.
    pub color: Option<String>,
    /// A tooltip.
    pub help: Option<Label>,
}

/// A timed way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeout {
    /// When.
    pub due: Due,
    /// Where to.
    pub to: String,
}

/// A moment, relative to the entry into the state or to a date field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// Counted from.
    pub base: DueBase,
    /// Shifted by.
    pub shift: Option<Shift>,
    /// Whether a later change of the fields it reads moves it.
    pub follow: Follow,
}

/// What a moment is counted from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DueBase {
    /// The entry into the state.
    Entry,
    /// A date or instant field; a date means its first moment in the workflow's zone.
    Field(String),
    /// A fixed date.
    Date(Date),
}

/// A shift of a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// Before or after.
    pub direction: Direction,
    /// By how much.
    pub amount: ShiftAmount,
}

/// Before or after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Earlier.
    Before,
    /// Later.
    After,
}

/// How far a moment is shifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShiftAmount {
    /// A fixed number of seconds.
    Seconds(i64),
    /// A number field, in days of 24 hours.
    FieldDays(String),
}

/// Whether a timer follows the fields it was computed from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Follow {
    /// A change of the field moves the timer.
    #[default]
    Live,
    /// The moment is fixed at entry.
    Frozen,
}

/// A state in which the system acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// The kind of activity.
    pub name: String,
    /// Its settings, as written; exact numbers with a fraction are text.
    pub with: Json,
    /// Where each outcome leads.
    pub next: BTreeMap<String, String>,
    /// How it is tried again.
    pub retry: RetryPolicy,
    /// How long all attempts together may take, in seconds.
    pub timeout_seconds: Option<i64>,
    /// The state that undoes it, once it has succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
}

/// How an activity is tried again after a failure that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Attempts in all.
    pub attempts_max: u32,
    /// The first pause, in seconds; each next one is twice as long.
    pub pause_seconds: i64,
    /// The longest pause, in seconds.
    pub pause_seconds_max: i64,
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy {
            attempts_max: 5,
            pause_seconds: 10,
            pause_seconds_max: 3_600,
        }
    }
}

/// A state that ends by time, by an event, by a condition, by a payment or by a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Ends at this moment, with outcome `elapsed`.
    pub due: Option<Due>,
    /// Ends when this event comes, with outcome `event`.
    pub event: Option<EventWait>,
    /// Ends when this holds, with outcome `holds`.
    pub when: Option<String>,
    /// Ends with the payment of the link that this state made.
    pub payment: Option<String>,
    /// Who may end it by hand, with outcome `ended`.
    pub by: Option<Assignee>,
    /// Where each outcome leads.
    pub next: BTreeMap<String, String>,
}

/// An awaited event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventWait {
    /// Its name.
    pub name: String,
    /// The condition on it.
    pub when: Option<String>,
}

/// A branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Tried in order; the first that holds wins.
    pub branches: Vec<Branch>,
    /// Where to when none holds.
    pub otherwise: Option<String>,
}

/// A state that undoes what has been done: it leads to the undo of the activity that succeeded last, comes
/// back when that has succeeded, and goes on when nothing is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// Every state that undoes something, in document order.
    pub undos: Vec<String>,
    /// Where to when nothing is left to undo.
    pub to: String,
}

/// One way out of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// The condition.
    pub when: String,
    /// Where to.
    pub to: String,
}

/// How a lifecycle is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// As wished.
    Success,
    /// Not as wished.
    Failed,
    /// Given up.
    Cancelled,
}

/// A route for an event, whatever state the item is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The event: a declared one, or an outcome of a payment link such as `paid_late`.
    pub event: String,
    /// The state that made the link, for payment outcomes.
    pub of: Option<String>,
    /// The condition on it.
    pub when: Option<String>,
    /// Where to.
    pub to: String,
}

/// The outcomes a payment link can have after it was made.
pub const PAYMENT_OUTCOMES: [&str; 14] = [
    "paid",
    "expired",
    "cancelled",
    "paid_late",
    "paid_after_cancel",
    "partially_paid",
    "overpaid",
    "paid_unverified",
    "held",
    "scheduled_future",
    "quarantined",
    "refunded",
    "unknown",
    "delivery_failed",
];

/// Entities with a final amount, approval and receipts.
pub const FINANCIAL_ENTITIES: [&str; 9] = [
    "proforma",
    "invoice",
    "sales_return",
    "purchase_proforma",
    "purchase_invoice",
    "purchase_return",
    "contract",
    "receipt",
    "payment",
];

impl Model {
    /// Whether items of the entity have a final amount.
    pub fn is_financial(&self) -> bool {
        FINANCIAL_ENTITIES.contains(&self.entity.as_str())
    }

    /// The state of that name.
    pub fn state(&self, id: &str) -> Option<&State> {
        self.states.iter().find(|state| state.id == id)
    }

    /// The calendar of a date field, Gregorian for anything else.
    pub fn calendar_of(&self, field: &str) -> Calendar {
        match self.fields.get(field).map(|field| &field.kind) {
            Some(FieldType::Date { calendar }) => *calendar,
            _ => Calendar::Gregorian,
        }
    }

    /// The states that make a payment link, in document order.
    pub fn link_states(&self) -> impl Iterator<Item = &str> {
        self.states.iter().filter_map(|state| match &state.kind {
            Kind::Activity(activity) if activity.name == "create_payment_link" => {
                Some(state.id.as_str())
            }
            _ => None,
        })
    }
}
