//! What a scenario may name: states, actions, fields, people, items.

use std::collections::BTreeMap;

use state_machine::{Definition, Kind, Model};
use values::{FieldType, ItemRef, UserId, Zone};
use workflow_file::syntax::Node;
use workflow_file::{Diagnostic, Findings};

use super::value;
use crate::Surroundings;

/// The names that are known so far; people and items are added as the file is read.
pub(super) struct Names<'a> {
    pub(super) definition: &'a Definition,
    pub(super) zone: &'a Zone,
    pub(super) around: &'a Surroundings,
    people: Vec<String>,
    items: Vec<(String, ItemRef)>,
}

impl<'a> Names<'a> {
    pub(super) fn new(definition: &'a Definition, around: &'a Surroundings) -> Names<'a> {
        let people = around
            .people
            .iter()
            .map(|user| user.id.as_str().to_owned())
            .collect();
        Names {
            definition,
            zone: &around.zone,
            around,
            people,
            items: Vec::new(),
        }
    }

    pub(super) fn model(&self) -> &'a Model {
        self.definition.model()
    }

    pub(super) fn add_person(&mut self, name: &str) {
        self.people.push(name.to_owned());
    }

    pub(super) fn add_item(&mut self, name: &str, reference: ItemRef) {
        self.items.push((name.to_owned(), reference));
    }

    /// The fields of the item, standard ones included.
    pub(super) fn fields(&self) -> &'a BTreeMap<String, FieldType> {
        &self.definition.schema().item.fields
    }

    /// A person who is known.
    pub(super) fn person(&self, node: &Node, findings: &mut Findings) -> Option<UserId> {
        let name = value::word(node, "a person", findings)?;
        if self.people.contains(&name) {
            return Some(UserId::new(name));
        }
        let known = self.people.iter().map(String::as_str);
        let message = format!("there is no person `{name}`");
        let diagnostic = Diagnostic::error("WF0601", node.value_place(), message)
            .label("no such person")
            .did_you_mean(&name, known);
        findings.add(or_help(diagnostic, "add them to `given: { people: … }`"));
        None
    }

    /// A state of the workflow.
    pub(super) fn state(&self, node: &Node, findings: &mut Findings) -> Option<String> {
        let name = value::word(node, "a state", findings)?;
        let known = self.model().states.iter().map(|state| state.id.as_str());
        if known.clone().any(|state| state == name) {
            return Some(name);
        }
        let message = format!("the workflow has no state `{name}`");
        findings.add(
            Diagnostic::error("WF0603", node.value_place(), message)
                .label("no such state")
                .did_you_mean(&name, known),
        );
        None
    }

    /// An action of any task of the workflow: which task is open is seen when the scenario runs.
    pub(super) fn action(&self, node: &Node, findings: &mut Findings) -> Option<String> {
        let name = value::word(node, "an action", findings)?;
        let known = self
            .model()
            .states
            .iter()
            .flat_map(|state| match &state.kind {
                Kind::Task(task) => task.actions.as_slice(),
                _ => &[],
            });
        let known = known.map(|action| action.name.as_str());
        if known.clone().any(|action| action == name) {
            return Some(name);
        }
        let message = format!("no task of the workflow has an action `{name}`");
        findings.add(
            Diagnostic::error("WF0602", node.value_place(), message)
                .label("no such action")
                .did_you_mean(&name, known),
        );
        None
    }

    /// An event that the workflow declares, with what it carries.
    pub(super) fn event(
        &self,
        node: &Node,
        findings: &mut Findings,
    ) -> Option<(String, &'a BTreeMap<String, FieldType>)> {
        let name = value::word(node, "an event", findings)?;
        let events = &self.model().events;
        if let Some(event) = events.get(&name) {
            return Some((name, &event.payload));
        }
        let message = format!("the workflow declares no event `{name}`");
        findings.add(
            Diagnostic::error("WF0604", node.value_place(), message)
                .label("no such event")
                .did_you_mean(&name, events.keys().map(String::as_str)),
        );
        None
    }

    /// The item that a step is about: the only one, or the named one.
    pub(super) fn item(
        &self,
        node: Option<&Node>,
        step: &Node,
        findings: &mut Findings,
    ) -> Option<ItemRef> {
        let Some(node) = node else {
            return self.only_item(step, findings);
        };
        let name = value::word(node, "an item", findings)?;
        if let Some((_, item)) = self.items.iter().find(|(known, _)| *known == name) {
            return Some(item.clone());
        }
        let known = self.items.iter().map(|(name, _)| name.as_str());
        let message = format!("the scenario gives no item `{name}`");
        findings.add(
            Diagnostic::error("WF0607", node.value_place(), message)
                .label("no such item")
                .did_you_mean(&name, known),
        );
        None
    }

    fn only_item(&self, step: &Node, findings: &mut Findings) -> Option<ItemRef> {
        match self.items.as_slice() {
            [(_, item)] => Some(item.clone()),
            // What is wrong with the items was said where they stand.
            [] => None,
            items => {
                let names: Vec<&str> = items.iter().map(|(name, _)| name.as_str()).collect();
                let message = "the scenario gives several items, so a step must say which";
                findings.add(
                    Diagnostic::error("WF0607", step.place(), message)
                        .label("which item?")
                        .help(format!(
                            "add `item:` with {}",
                            workflow_file::read::list(&names)
                        )),
                );
                None
            }
        }
    }
}

/// Advice where there is none yet.
pub(super) fn or_help(diagnostic: Diagnostic, help: &str) -> Diagnostic {
    if diagnostic.help.is_some() {
        diagnostic
    } else {
        diagnostic.help(help)
    }
}
