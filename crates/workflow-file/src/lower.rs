//! From the tree to the plain-data model. Only the shape is checked here: whether names exist and
//! types fit is up to the rules.

mod fields;
mod state;
mod task;
mod wait;

use std::collections::BTreeMap;

use state_machine::{FINANCIAL_ENTITIES, Field, Model, Route};
use values::{FieldType, Label};

use crate::diagnostic::{Diagnostic, Findings};
use crate::read::{self, Record};
use crate::syntax::Node;

pub(crate) use state::KIND_KEYS;

/// The keys of a workflow.
pub(crate) const WORKFLOW_KEYS: &[&str] = &[
    "workflow",
    "version",
    "entity",
    "label",
    "description",
    "language",
    "fields",
    "party",
    "related",
    "events",
    "stages",
    "initial",
    "on",
    "states",
];

/// The keys of a route.
pub(crate) const ROUTE_KEYS: &[&str] = &["to", "of", "when"];

/// Reads a workflow. What cannot be read is reported and stands in the model as something
/// harmless, so that the rules can still look at the rest.
pub(crate) fn lower(root: &Node, findings: &mut Findings) -> Option<Model> {
    let record = Record::open(root, "a workflow", WORKFLOW_KEYS, findings)?;
    let workflow = record.need("workflow", findings);
    let workflow = workflow.and_then(|node| read::name(node, "the name of a workflow", findings));
    let entity = record.need("entity", findings);
    let entity = entity.and_then(|node| read::name(node, "an entity", findings));
    let label = record.need("label", findings);
    let label = label.and_then(|node| read::label(node, "a label", findings));
    if let Some(node) = record.get("description") {
        read::label(node, "a description", findings);
    }
    let language = record.get("language");
    let language = language.and_then(|node| read::locale(node, "a language", findings));
    let mut model = Model {
        workflow: workflow.unwrap_or_default(),
        version: version(&record, findings).unwrap_or(1),
        entity: entity.unwrap_or_default(),
        label: label.unwrap_or_else(|| Label::plain("")),
        language,
        fields: fields::declared(&record, findings),
        party_fields: fields::party(&record, findings),
        related: fields::related(&record, findings),
        events: fields::events(&record, findings),
        stages: stages(&record, findings),
        initial: String::new(),
        on: routes(record.get("on"), findings),
        states: Vec::new(),
    };
    if let Some(node) = record.need("initial", findings) {
        model.initial = read::name(node, "the initial state", findings).unwrap_or_default();
    }
    add_final_amount(&mut model, root, findings);
    if let Some(node) = record.need("states", findings) {
        model.states = states(node, findings);
    }
    Some(model)
}

fn version(record: &Record<'_>, findings: &mut Findings) -> Option<u32> {
    let node = record.need("version", findings)?;
    let number = read::whole(node, "a version", 1..=i64::from(u32::MAX), findings)?;
    u32::try_from(number).ok()
}

fn stages(record: &Record<'_>, findings: &mut Findings) -> Vec<String> {
    let Some(node) = record.get("stages") else {
        return Vec::new();
    };
    let nodes = read::elements(node, "a list of stages", findings).unwrap_or_default();
    let stages = nodes
        .iter()
        .filter_map(|node| read::id(node, "a stage", findings))
        .collect();
    read::refuse_repeats(nodes, findings);
    stages
}

/// Every item of a financial entity has a final amount, whether or not anybody says so.
fn add_final_amount(model: &mut Model, root: &Node, findings: &mut Findings) {
    if !FINANCIAL_ENTITIES.contains(&model.entity.as_str()) {
        return;
    }
    let fields = root.get("fields");
    if let Some(entry) = fields.and_then(|fields| fields.entry("final_amount")) {
        let message = format!("every {} has `final_amount` already", model.entity);
        findings.add(
            Diagnostic::error("WF0221", entry.key_span, message)
                .label("declared again")
                .help("remove this field and use `item.final_amount` as it is"),
        );
    }
    let field = Field {
        kind: FieldType::Money,
        label: None,
        currency: None,
        personal: false,
    };
    model.fields.insert("final_amount".to_owned(), field);
}

fn states(node: &Node, findings: &mut Findings) -> Vec<state_machine::State> {
    let Some(record) = Record::open_any(node, "the list of states", findings) else {
        return Vec::new();
    };
    if record.entries().is_empty() {
        let message = "a workflow needs a state";
        findings.add(Diagnostic::error("WF0113", node.value_place(), message).label("empty"));
    }
    let mut states: Vec<state_machine::State> = record
        .entries()
        .iter()
        .map(|entry| state::state(entry, findings))
        .collect();
    state::connect_rollbacks(&mut states);
    states
}

/// Routes by event: one, or several tried in order.
pub(crate) fn routes(node: Option<&Node>, findings: &mut Findings) -> Vec<Route> {
    let Some(record) = node.and_then(|node| Record::open_any(node, "`on`", findings)) else {
        return Vec::new();
    };
    let mut routes = Vec::new();
    for entry in record.entries() {
        if !read::good_name(&entry.key, entry.key_span, findings) {
            continue;
        }
        match entry.value.as_list() {
            Some(nodes) => {
                for node in nodes {
                    routes.extend(route(&entry.key, node, findings));
                }
            }
            None => routes.extend(route(&entry.key, &entry.value, findings)),
        }
    }
    routes
}

fn route(event: &str, node: &Node, findings: &mut Findings) -> Option<Route> {
    let record = Record::open(node, "a route", ROUTE_KEYS, findings)?;
    let to = record.need("to", findings);
    let to = to.and_then(|node| read::name(node, "a state", findings));
    let of = record
        .get("of")
        .and_then(|node| read::name(node, "a state", findings));
    let when = expression(record.get("when"), findings);
    Some(Route {
        event: event.to_owned(),
        of,
        when,
        to: to.unwrap_or_default(),
    })
}

/// A condition, as its source.
pub(crate) fn expression(node: Option<&Node>, findings: &mut Findings) -> Option<String> {
    read::filled_text(node?, "an expression", findings)
}

/// States by outcome.
pub(crate) fn next(
    node: Option<&Node>,
    what: &'static str,
    findings: &mut Findings,
) -> BTreeMap<String, String> {
    let Some(record) = node.and_then(|node| Record::open_any(node, what, findings)) else {
        return BTreeMap::new();
    };
    let target = |entry: &crate::syntax::Entry, findings: &mut Findings| {
        Some((
            entry.key.clone(),
            read::name(&entry.value, "a state", findings)?,
        ))
    };
    record
        .entries()
        .iter()
        .filter_map(|entry| target(entry, findings))
        .collect()
}

/// The keys of every map, for the test that compares them with the typed form.
#[cfg(test)]
pub(crate) mod keys {
    pub(crate) use super::fields::{EVENT_KEYS, FIELD_KEYS, TYPE_KEYS};
    pub(crate) use super::state::{BRANCH_KEYS, RETRY_KEYS, STATE_KEYS};
    pub(crate) use super::task::{
        ACTION_KEYS, ASSIGNEE_KEYS, AT_KEYS, NOTICE_KEYS, TASK_KEYS, TIMEOUT_KEYS,
    };
    pub(crate) use super::wait::{EVENT_WAIT_KEYS, WAIT_KEYS};
    pub(crate) use super::{ROUTE_KEYS, WORKFLOW_KEYS};
}
