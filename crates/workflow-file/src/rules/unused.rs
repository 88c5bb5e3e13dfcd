//! Declarations that nothing uses.

use std::collections::BTreeSet;

use state_machine::Kind;

use crate::diagnostic::{Diagnostic, Findings};
use crate::rules::Workflow;
use crate::syntax::{Node, NodeKind, Step};

pub(super) fn check(workflow: &Workflow<'_>, findings: &mut Findings) {
    let used = words(workflow.root());
    let fields = workflow
        .root()
        .get("fields")
        .and_then(Node::as_map)
        .unwrap_or_default();
    for entry in fields
        .iter()
        .filter(|entry| !used.contains(entry.key.as_str()))
    {
        if entry.key == "final_amount" {
            continue;
        }
        let message = format!("the field `{}` is never used", entry.key);
        findings.add(
            Diagnostic::warning("WF0219", entry.key_span, message)
                .label("declared here, used nowhere")
                .help("remove it, or show it in a state: `fields: { … }`"),
        );
    }
    events(workflow, findings);
}

/// Every word below the states and routes: keys, names, and the words inside expressions and texts.
fn words(root: &Node) -> BTreeSet<&str> {
    let mut words = BTreeSet::new();
    for part in ["states", "on"] {
        let Some(node) = root.get(part) else { continue };
        node.walk(&mut |node| match &node.kind {
            NodeKind::Scalar(scalar) => words.extend(split(&scalar.text)),
            NodeKind::Map(entries) => {
                words.extend(entries.iter().map(|entry| entry.key.as_str()));
            }
            NodeKind::List(_) => {}
        });
    }
    words
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
}

fn events(workflow: &Workflow<'_>, findings: &mut Findings) {
    let model = workflow.model;
    let routes = model
        .on
        .iter()
        .chain(model.states.iter().flat_map(|state| &state.on));
    let mut used: BTreeSet<&str> = routes.map(|route| route.event.as_str()).collect();
    for state in &model.states {
        if let Kind::Wait(wait) = &state.kind {
            used.extend(wait.event.iter().map(|event| event.name.as_str()));
        }
    }
    for event in model
        .events
        .keys()
        .filter(|event| !used.contains(event.as_str()))
    {
        let span = workflow
            .root()
            .locate(&[Step::Key("events"), Step::Name(event)]);
        findings.add(
            Diagnostic::warning("WF0220", span, format!("the event `{event}` is never used"))
                .label("nothing waits for it")
                .help("wait for it (`wait: { event: … }`), route it under `on:`, or remove it"),
        );
    }
}
