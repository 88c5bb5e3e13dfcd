//! Words for people and words for places: labels, roles, entities, times that never come.

use std::collections::BTreeMap;

use host::User;
use state_machine::{Assignee, FINANCIAL_ENTITIES, Kind, Route, Task};
use values::Locale;

use crate::diagnostic::{Diagnostic, Findings, Span, nearest};
use crate::lower::KIND_KEYS;
use crate::rules::{Workflow, all_assignees, is_financial};
use crate::syntax::{Node, Step};

pub(super) fn check(workflow: &Workflow<'_>, findings: &mut Findings) {
    entity(workflow, findings);
    initial(workflow, findings);
    labels(workflow, findings);
    shadowed(workflow.root(), &workflow.model.on, findings);
    for state in &workflow.model.states {
        if let Some(node) = workflow.state_node(&state.id) {
            shadowed(node, &state.on, findings);
        }
        if let Kind::Task(task) = &state.kind {
            same_labels(workflow, &state.id, task, findings);
            late_notices(workflow, &state.id, task, findings);
        }
    }
    people(workflow, findings);
}

/// An entity that is nearly a financial one would silently lose its final amount.
fn entity(workflow: &Workflow<'_>, findings: &mut Findings) {
    let entity = workflow.model.entity.as_str();
    if entity.is_empty() || is_financial(entity) {
        return;
    }
    if let Some(meant) = nearest(entity, FINANCIAL_ENTITIES) {
        let span = workflow.root().locate(&[Step::Key("entity")]);
        findings.add(
            Diagnostic::warning(
                "WF0232",
                span,
                format!("`{entity}` is almost `{meant}`, which has a final amount"),
            )
            .label("is this a new entity?")
            .did_you_mean(entity, [meant]),
        );
    }
}

fn initial(workflow: &Workflow<'_>, findings: &mut Findings) {
    let Some(state) = workflow.model.state(&workflow.model.initial) else {
        return;
    };
    let node = workflow.state_node(&state.id);
    let kinds = node.and_then(Node::as_map).unwrap_or_default();
    let mut kinds = kinds
        .iter()
        .filter(|entry| KIND_KEYS.contains(&entry.key.as_str()));
    let is_end = kinds.next().is_some_and(|kind| kind.key == "end") && kinds.next().is_none();
    if matches!(state.kind, Kind::End(_)) && is_end {
        let span = workflow.root().locate(&[Step::Key("initial")]);
        let mut diagnostic =
            Diagnostic::error("WF0227", span, "an item would end before it begins")
                .label("this state is an end");
        if let Some(declared) = workflow.declared_state(&state.id) {
            diagnostic = diagnostic.related(declared, "declared here");
        }
        findings.add(diagnostic);
    }
}

/// The keys under which a label stands.
const LABEL_KEYS: [&str; 4] = ["label", "confirm", "help", "description"];

fn labels(workflow: &Workflow<'_>, findings: &mut Findings) {
    let locales = workflow.locales();
    let mut places: Vec<&Node> = LABEL_KEYS
        .iter()
        .filter_map(|key| workflow.root().get(key))
        .collect();
    let fields = workflow
        .root()
        .get("fields")
        .and_then(Node::as_map)
        .unwrap_or_default();
    places.extend(fields.iter().filter_map(|entry| entry.value.get("label")));
    for state in &workflow.model.states {
        let Some(node) = workflow.state_node(&state.id) else {
            continue;
        };
        places.extend(node.get("label"));
        let actions = node.find(&[Step::Key("task"), Step::Key("actions")]);
        for action in actions.and_then(Node::as_map).unwrap_or_default() {
            places.extend(LABEL_KEYS.iter().filter_map(|key| action.value.get(key)));
        }
    }
    for place in places {
        languages(place, &locales, findings);
    }
    let mut seen = BTreeMap::new();
    for state in &workflow.model.states {
        let Some(label) = &state.label else { continue };
        let span = workflow.place(&state.id, &[Step::Name("label")]);
        same(
            &format!("the state `{}`", state.id),
            label,
            span,
            &mut seen,
            findings,
        );
    }
}

/// A label in some languages should have all of them; a single text is meant for everybody.
fn languages(node: &Node, locales: &[Locale], findings: &mut Findings) {
    let Some(entries) = node.as_map().filter(|entries| !entries.is_empty()) else {
        return;
    };
    let missing: Vec<&str> = locales
        .iter()
        .map(|locale| locale.code())
        .filter(|code| entries.iter().all(|entry| entry.key != *code))
        .collect();
    if !missing.is_empty() {
        let message = format!("this text has no {}", missing.join(" and no "));
        findings.add(
            Diagnostic::warning("WF0218", node.place(), message)
                .label("languages are missing")
                .help("readers of these languages would see another one"),
        );
    }
}

fn same_labels(workflow: &Workflow<'_>, state: &str, task: &Task, findings: &mut Findings) {
    let mut seen = BTreeMap::new();
    for action in &task.actions {
        let Some(label) = &action.label else { continue };
        let name = Step::Key(action.name.as_str());
        let path = [
            Step::Key("task"),
            Step::Key("actions"),
            name,
            Step::Name("label"),
        ];
        let span = workflow.place(state, &path);
        same(
            &format!("the action `{}`", action.name),
            label,
            span,
            &mut seen,
            findings,
        );
    }
}

fn same(
    what: &str,
    label: &values::Label,
    span: Span,
    seen: &mut BTreeMap<(Locale, String), Span>,
    findings: &mut Findings,
) {
    for (locale, text) in label.texts() {
        match seen.get(&(locale, text.to_owned())) {
            Some(first) => {
                findings.add(
                    Diagnostic::warning(
                        "WF0217",
                        span,
                        format!("{what} is called `{text}` like another one"),
                    )
                    .label("nobody can tell them apart")
                    .related(*first, "the other is here"),
                );
                return;
            }
            None => {
                seen.insert((locale, text.to_owned()), span);
            }
        }
    }
}

/// A route behind one for the same event that always holds.
fn shadowed(node: &Node, routes: &[Route], findings: &mut Findings) {
    for (index, route) in routes.iter().enumerate() {
        let same = |other: &&Route| {
            let covers = other.of.is_none() || other.of == route.of;
            other.event == route.event && other.when.is_none() && covers
        };
        if routes.iter().take(index).any(|other| same(&other)) {
            let position = routes
                .iter()
                .take(index)
                .filter(|o| o.event == route.event)
                .count();
            let path = [
                Step::Key("on"),
                Step::Key(route.event.as_str()),
                Step::Index(position),
            ];
            let message = format!("an earlier route for `{}` always holds", route.event);
            findings.add(
                Diagnostic::error("WF0226", node.locate(&path), message)
                    .label("never tried")
                    .help("move it up, or give the earlier one a `when`"),
            );
        }
    }
}

/// A reminder that would come after the task is over.
fn late_notices(workflow: &Workflow<'_>, state: &str, task: &Task, findings: &mut Findings) {
    let limit =
        task.timeout
            .as_ref()
            .and_then(|timeout| match (&timeout.due.base, &timeout.due.shift) {
                (state_machine::DueBase::Entry, Some(shift)) => match shift.amount {
                    state_machine::ShiftAmount::Seconds(seconds) => Some(seconds),
                    state_machine::ShiftAmount::FieldDays(_) => None,
                },
                _ => None,
            });
    let Some(limit) = limit else { return };
    for (key, seconds) in [
        ("remind", task.remind_seconds),
        ("critical", task.critical_seconds),
    ] {
        if seconds.is_some_and(|seconds| seconds >= limit) {
            let path = [Step::Key("task"), Step::Key(key), Step::Key("after")];
            let other = [Step::Key("task"), Step::Key("timeout"), Step::Key("after")];
            findings.add(
                Diagnostic::warning(
                    "WF0228",
                    workflow.place(state, &path),
                    format!("`{key}` comes when the task is over"),
                )
                .label("never happens")
                .related(workflow.place(state, &other), "the task ends here"),
            );
        }
    }
}

/// People the project does not have; only where the project lists people at all.
fn people(workflow: &Workflow<'_>, findings: &mut Findings) {
    let Some(project) = workflow
        .project
        .filter(|project| !project.people.is_empty())
    else {
        return;
    };
    all_assignees(workflow, |assignee, node| {
        let (kind, name) = match assignee {
            Assignee::User(name) => ("user", name),
            Assignee::Group(name) => ("group", name),
            Assignee::Role(name) => ("role", name),
            Assignee::Position(name) => ("position", name),
            _ => return,
        };
        if let Some(node) = node {
            nobody(
                &project.people,
                kind,
                name,
                node.locate(&[Step::Key(kind)]),
                findings,
            );
        }
    });
    for state in &workflow.model.states {
        let Kind::Task(task) = &state.kind else {
            continue;
        };
        for action in &task.actions {
            let name = Step::Key(action.name.as_str());
            let path = [
                Step::Key("task"),
                Step::Key("actions"),
                name,
                Step::Key("roles"),
            ];
            let roles = workflow
                .state_node(&state.id)
                .and_then(|node| node.find(&path));
            for role in roles.and_then(Node::as_list).unwrap_or_default() {
                if let Some(text) = role.as_text() {
                    nobody(&project.people, "role", text, role.value_place(), findings);
                }
            }
        }
    }
}

/// Reports a user, or a role, group or position, that none of the people is or has.
fn nobody(people: &[User], kind: &str, name: &str, span: Span, findings: &mut Findings) {
    let has = |user: &User| -> Vec<String> {
        match kind {
            "group" => user.groups.clone(),
            "role" => user.roles.clone(),
            "position" => user.positions.clone(),
            _ => vec![user.id.to_string()],
        }
    };
    let known: Vec<String> = people.iter().flat_map(has).collect();
    if name.is_empty() || known.iter().any(|known| known == name) {
        return;
    }
    let message = match kind {
        "user" => format!("the project has no person `{name}`"),
        _ => format!("nobody in the project has the {kind} `{name}`"),
    };
    findings.add(
        Diagnostic::warning("WF0231", span, message)
            .label("runs without a CRM would find nobody")
            .did_you_mean(name, known.iter().map(String::as_str)),
    );
}
