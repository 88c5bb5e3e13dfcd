//! The typed form of the files: what serde_yaml must accept, and where the JSON Schema comes from.
//!
//! The comments on these types are what an editor shows. The tree is read by hand beside them,
//! since serde stops at the first mistake; a test holds the two lists of keys together.
#![allow(
    dead_code,
    reason = "serde and schemars read these types, nobody reads their values"
)]

mod scalar;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use values::{Calendar, Currency, Label, Locale};

pub(crate) use scalar::{DateText, DurationText, Name, OneOrMany, WholeNumber};
pub(crate) use state::State;

/// A workflow: the lifecycle of the items of one entity.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Workflow {
    /// Its name.
    pub(crate) workflow: Name,
    /// Its version, counted by its author from 1.
    pub(crate) version: WholeNumber,
    /// The entity whose items run it, such as `invoice`. Financial entities have `final_amount`
    /// without declaring it.
    pub(crate) entity: Name,
    /// Name for people.
    pub(crate) label: Label,
    /// What it is for.
    pub(crate) description: Option<Label>,
    /// The language of messages whose recipient has none.
    pub(crate) language: Option<Locale>,
    /// Fields of the item that the workflow reads or writes.
    pub(crate) fields: Option<IndexMap<String, Field>>,
    /// Fields of the party beyond the standard ones.
    pub(crate) party: Option<Record>,
    /// Entities that expressions read through `parent` and `children`.
    pub(crate) related: Option<IndexMap<String, Record>>,
    /// Events the workflow may receive.
    pub(crate) events: Option<IndexMap<String, EventKind>>,
    /// Pipeline stages, in order.
    pub(crate) stages: Option<Vec<String>>,
    /// The state in which every item starts.
    pub(crate) initial: Name,
    /// Routes that hold in any state that is not an end; a state's own come first.
    pub(crate) on: Option<IndexMap<String, OneOrMany<Route>>>,
    /// The states, in the order of the board.
    pub(crate) states: IndexMap<String, State>,
}

/// Fields of a party or of a related record.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// The fields by name.
    pub(crate) fields: IndexMap<String, Type>,
}

/// What a field may hold.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TypeWord {
    /// Any text.
    Text,
    /// An exact number.
    Number,
    /// An amount with its currency.
    Money,
    /// `true` or `false`.
    Bool,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// An instant.
    Instant,
    /// A user of the CRM.
    User,
    /// A group of users.
    Group,
    /// A position.
    Position,
    /// Another item of the CRM.
    Item,
    /// A receipt.
    Receipt,
    /// A web address.
    Link,
    /// One of a few texts.
    Choice,
    /// Several values of one type.
    List,
}

/// A type with what belongs to it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Type {
    /// What the field holds.
    #[serde(rename = "type")]
    pub(crate) kind: TypeWord,
    /// For a date: the calendar it is shown in. Gregorian where nothing is said.
    pub(crate) calendar: Option<Calendar>,
    /// For money: the only currency it may have.
    pub(crate) currency: Option<Currency>,
    /// For a choice: what may be chosen.
    pub(crate) options: Option<Vec<String>>,
    /// For a list: what it holds.
    pub(crate) of: Option<Box<Of>>,
    /// For an item: the only entity it may be of.
    pub(crate) entity: Option<Name>,
}

/// What a list holds: a word, or a type with what belongs to it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Of {
    /// A word.
    Word(TypeWord),
    /// A type.
    Type(Type),
}

/// A field of the item.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Field {
    /// What the field holds.
    #[serde(rename = "type")]
    pub(crate) kind: TypeWord,
    /// For a date: the calendar it is shown in. Gregorian where nothing is said.
    pub(crate) calendar: Option<Calendar>,
    /// For money: the only currency it may have.
    pub(crate) currency: Option<Currency>,
    /// For a choice: what may be chosen.
    pub(crate) options: Option<Vec<String>>,
    /// For a list: what it holds.
    pub(crate) of: Option<Box<Of>>,
    /// For an item: the only entity it may be of.
    pub(crate) entity: Option<Name>,
    /// Name for people.
    pub(crate) label: Option<Label>,
    /// Whether it identifies a person; such values can be erased from the history.
    pub(crate) personal: Option<bool>,
}

/// An event.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventKind {
    /// What it carries.
    pub(crate) payload: Option<BTreeMap<String, Type>>,
    /// How long an early event waits for a state that takes it. A week where nothing is said.
    pub(crate) keep: Option<DurationText>,
    /// What happens when it comes after the end.
    pub(crate) late: Option<Late>,
}

/// What happens to an event that comes after the end.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Late {
    /// It is kept in the history.
    Record,
    /// It is dropped.
    Ignore,
}

/// Where an event leads.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Route {
    /// The state.
    pub(crate) to: Name,
    /// For payments: the state that made the link.
    pub(crate) of: Option<Name>,
    /// The condition on it.
    pub(crate) when: Option<String>,
}
