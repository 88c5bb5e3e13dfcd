//! States in the typed form.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use values::Label;

use crate::draft::{DateText, DurationText, Name, OneOrMany, Route, WholeNumber};

/// A state: one of `task`, `activity`, `wait`, `decision`, `rollback` and `end`, and what goes with it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    /// Name for people.
    pub(crate) label: Option<Label>,
    /// How fields are shown in this state.
    pub(crate) fields: Option<IndexMap<String, Display>>,
    /// Routes that hold in this state, before the workflow's own.
    pub(crate) on: Option<IndexMap<String, OneOrMany<Route>>>,
    /// A person must act.
    pub(crate) task: Option<Task>,
    /// The system acts: the kind of activity.
    pub(crate) activity: Option<Name>,
    /// The activity's settings.
    pub(crate) with: Option<Json>,
    /// Where each outcome leads.
    pub(crate) next: Option<IndexMap<String, Name>>,
    /// How the activity is tried again.
    pub(crate) retry: Option<Retry>,
    /// How long all attempts together may take.
    pub(crate) timeout: Option<DurationText>,
    /// Time, an event, a condition, a payment or a person must come.
    pub(crate) wait: Option<Wait>,
    /// Conditions, tried in order; the last branch is `otherwise`.
    pub(crate) decision: Option<Vec<Branch>>,
    /// What has been done is undone, the last first.
    pub(crate) rollback: Option<Rollback>,
    /// The activity state that undoes this activity once it has succeeded.
    pub(crate) undo: Option<Name>,
    /// The lifecycle is over.
    pub(crate) end: Option<End>,
}

/// What has been done is undone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rollback {
    /// Where to when nothing is left to undo.
    pub(crate) to: Name,
}

/// How a field is shown.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Display {
    /// Visible and editable.
    Show,
    /// Visible.
    ReadOnly,
    /// Not visible.
    Hidden,
}

/// How a lifecycle is over.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// As wished.
    Success,
    /// Not as wished.
    Failed,
    /// Given up.
    Cancelled,
}

/// A task for a person.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Task {
    /// Who has it.
    pub(crate) assignee: Assignee,
    /// Whether it goes back to the person who acted here last.
    pub(crate) return_to_last: Option<bool>,
    /// When they are reminded.
    pub(crate) remind: Option<Notice>,
    /// When their manager is told, and at twice that the next manager.
    pub(crate) critical: Option<Notice>,
    /// When the item moves on without them.
    pub(crate) timeout: Option<Timeout>,
    /// What they may choose.
    pub(crate) actions: Option<IndexMap<String, Action>>,
}

/// Who has a task: exactly one of these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assignee {
    /// One user.
    pub(crate) user: Option<String>,
    /// Members of a group; one claims it.
    pub(crate) group: Option<String>,
    /// Holders of a role; one claims it.
    pub(crate) role: Option<String>,
    /// Holders of a position; one claims it.
    pub(crate) position: Option<String>,
    /// The user or group in a field; needs `fallback`.
    pub(crate) field: Option<Name>,
    /// Whoever acted last in that state.
    pub(crate) last_responsible_of: Option<Name>,
    /// The manager of somebody.
    pub(crate) manager_of: Option<Box<Assignee>>,
    /// Who has it when the field is empty, or nobody acted yet.
    pub(crate) fallback: Option<Box<Assignee>>,
}

/// A notice, counted from the entry into the state.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notice {
    /// How long after it.
    pub(crate) after: DurationText,
}

/// A timed way out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Timeout {
    /// How long after the entry.
    pub(crate) after: Option<Length>,
    /// At a date.
    pub(crate) at: Option<Moment>,
    /// Whether it moves when the field changes.
    pub(crate) follow: Option<Follow>,
    /// Where to.
    pub(crate) to: Name,
}

/// A length of time, or a number field of days.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Length {
    /// A length of time.
    Constant(DurationText),
    /// A number field.
    Field(FieldRef),
}

/// A field.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldRef {
    /// Its name.
    pub(crate) field: Name,
}

/// A date, or a date field and a shift.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Moment {
    /// A date.
    Date(DateText),
    /// A field.
    Field(Shifted),
}

/// A date field and a shift.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shifted {
    /// The field: a date counts from its first moment.
    pub(crate) field: Name,
    /// So long before.
    pub(crate) before: Option<Length>,
    /// So long after.
    pub(crate) after: Option<Length>,
}

/// Whether a moment moves with its field.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Follow {
    /// It moves when the field changes.
    Live,
    /// It stays as it was at the entry.
    Frozen,
}

/// A button on a task.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Action {
    /// Where it leads.
    pub(crate) to: Name,
    /// The condition on it.
    pub(crate) when: Option<String>,
    /// Roles of which the actor needs one.
    pub(crate) roles: Option<Vec<String>>,
    /// Fields that must be filled.
    pub(crate) require: Option<Vec<String>>,
    /// The question to confirm first.
    pub(crate) confirm: Option<Label>,
    /// `green`, `yellow`, `red`, `blue`, `gray` or `#rrggbb`.
    pub(crate) color: Option<String>,
    /// A tooltip.
    pub(crate) help: Option<Label>,
    /// Name for people.
    pub(crate) label: Option<Label>,
}

/// How an activity is tried again after a failure that may pass.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retry {
    /// Attempts in all.
    pub(crate) attempts: Option<WholeNumber>,
    /// The first pause; each next one is twice as long.
    pub(crate) pause: Option<DurationText>,
    /// The longest pause.
    pub(crate) pause_max: Option<DurationText>,
}

/// What a wait waits for; whatever comes first ends it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wait {
    /// So long after the entry: outcome `elapsed`.
    #[serde(rename = "for")]
    pub(crate) length: Option<Length>,
    /// Until a date: outcome `elapsed`.
    pub(crate) until: Option<Moment>,
    /// Whether the time moves when the field changes.
    pub(crate) follow: Option<Follow>,
    /// An event: outcome `event`.
    pub(crate) event: Option<EventWait>,
    /// A condition: outcome `holds`.
    pub(crate) when: Option<String>,
    /// The payment of the link that this state made: outcomes `paid`, `expired` and others.
    pub(crate) payment: Option<Name>,
    /// Who may end it by hand: outcome `ended`.
    pub(crate) by: Option<Assignee>,
}

/// An awaited event.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum EventWait {
    /// Its name.
    Name(Name),
    /// Its name and a condition.
    Event(NamedEvent),
}

/// An awaited event with a condition.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedEvent {
    /// Its name.
    pub(crate) name: Name,
    /// The condition on it.
    pub(crate) when: Option<String>,
}

/// One way out of a decision.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Branch {
    /// The condition.
    pub(crate) when: Option<String>,
    /// Where to when it holds.
    pub(crate) to: Option<Name>,
    /// Where to when nothing above holds; the last branch.
    pub(crate) otherwise: Option<Name>,
}
