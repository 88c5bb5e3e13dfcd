//! Names that must be declared: states, fields, events.

use state_machine::{
    Assignee, Due, DueBase, Kind, PAYMENT_OUTCOMES, Route, Shift, ShiftAmount, State, Task, Wait,
};

use crate::diagnostic::{Diagnostic, Findings, Span};
use crate::rules::{Workflow, all_assignees};
use crate::syntax::{Node, Step};

pub(super) fn check(workflow: &Workflow<'_>, findings: &mut Findings) {
    let initial = workflow.root().locate(&[Step::Key("initial")]);
    workflow.check_state(&workflow.model.initial, initial, findings);
    routes(workflow, workflow.root(), &workflow.model.on, findings);
    for state in &workflow.model.states {
        if let Some(node) = workflow.state_node(&state.id) {
            routes(workflow, node, &state.on, findings);
        }
        for field in state.display.keys() {
            let span = workflow.place(&state.id, &[Step::Key("fields"), Step::Name(field)]);
            workflow.check_field(field, &[], span, findings);
        }
        kind(workflow, state, findings);
    }
    assignees(workflow, findings);
}

fn kind(workflow: &Workflow<'_>, state: &State, findings: &mut Findings) {
    match &state.kind {
        Kind::Task(task) => self::task(workflow, state, task, findings),
        Kind::Activity(activity) => {
            targets(workflow, state, activity.next.iter(), findings);
            if let Some(undo) = &activity.undo {
                self::undo(workflow, state, undo, findings);
            }
        }
        Kind::Rollback(rollback) => {
            let span = workflow.place(&state.id, &[Step::Key("rollback"), Step::Key("to")]);
            workflow.check_state(&rollback.to, span, findings);
            if rollback.undos.is_empty() {
                let span = workflow.place(&state.id, &[Step::Name("rollback")]);
                let message = "no activity names an `undo`, so there is nothing to roll back";
                let diagnostic = Diagnostic::error("WF0233", span, message);
                findings.add(diagnostic.label("undoes nothing"));
            }
        }
        Kind::Wait(wait) => {
            targets(workflow, state, wait.next.iter(), findings);
            self::wait(workflow, state, wait, findings);
        }
        Kind::Decision(_) => decision(workflow, state, findings),
        Kind::End(_) => {}
    }
}

/// An undo is an activity: it is done, and known to be done.
fn undo(workflow: &Workflow<'_>, state: &State, undo: &str, findings: &mut Findings) {
    let span = workflow.place(&state.id, &[Step::Key("undo")]);
    let named = workflow.model.states.iter().find(|other| other.id == undo);
    match named.map(|named| &named.kind) {
        None | Some(Kind::Activity(_)) => {
            workflow.check_state(undo, span, findings);
        }
        Some(kind) => {
            let message = format!(
                "`{undo}` is {}, and an undo is an activity",
                named_kind(kind)
            );
            findings.add(Diagnostic::error("WF0233", span, message).label("not an activity"));
        }
    }
}

fn named_kind(kind: &Kind) -> &'static str {
    match kind {
        Kind::Task(_) => "a task",
        Kind::Activity(_) => "an activity",
        Kind::Wait(_) => "a wait",
        Kind::Decision(_) => "a decision",
        Kind::Rollback(_) => "a rollback",
        Kind::End(_) => "an end",
    }
}

fn targets<'m>(
    workflow: &Workflow<'_>,
    state: &State,
    next: impl Iterator<Item = (&'m String, &'m String)>,
    findings: &mut Findings,
) {
    for (outcome, to) in next {
        let span = workflow.place(&state.id, &[Step::Key("next"), Step::Key(outcome)]);
        workflow.check_state(to, span, findings);
    }
}

fn decision(workflow: &Workflow<'_>, state: &State, findings: &mut Findings) {
    let Some(node) = workflow.state_node(&state.id) else {
        return;
    };
    let branches = node
        .get("decision")
        .and_then(Node::as_list)
        .unwrap_or_default();
    for branch in branches {
        for key in ["to", "otherwise"] {
            if let Some((node, to)) = branch
                .get(key)
                .and_then(|node| Some((node, node.as_text()?)))
            {
                workflow.check_state(to, node.value_place(), findings);
            }
        }
    }
}

fn task(workflow: &Workflow<'_>, state: &State, task: &Task, findings: &mut Findings) {
    let place = |path: &[Step<'_>]| {
        let mut full = vec![Step::Key("task")];
        full.extend_from_slice(path);
        workflow.place(&state.id, &full)
    };
    for action in &task.actions {
        let name = Step::Key(action.name.as_str());
        let span = place(&[Step::Key("actions"), name, Step::Key("to")]);
        workflow.check_state(&action.to, span, findings);
        for (index, field) in action.require.iter().enumerate() {
            let path = [
                Step::Key("actions"),
                name,
                Step::Key("require"),
                Step::Index(index),
            ];
            workflow.check_field(field, &[], place(&path), findings);
        }
    }
    if let Some(timeout) = &task.timeout {
        let span = place(&[Step::Key("timeout"), Step::Key("to")]);
        workflow.check_state(&timeout.to, span, findings);
        let node = workflow.state_node(&state.id);
        let node = node.and_then(|node| node.find(&[Step::Key("task"), Step::Key("timeout")]));
        due(workflow, &timeout.due, node, ["after", "at"], findings);
    }
}

fn wait(workflow: &Workflow<'_>, state: &State, wait: &Wait, findings: &mut Findings) {
    let node = workflow
        .state_node(&state.id)
        .and_then(|node| node.get("wait"));
    if let Some(moment) = &wait.due {
        due(workflow, moment, node, ["for", "until"], findings);
    }
    if let Some(event) = &wait.event {
        let span = workflow.place(&state.id, &[Step::Key("wait"), Step::Key("event")]);
        let inner = [Step::Key("wait"), Step::Key("event"), Step::Key("name")];
        let named = node
            .and_then(|node| node.get("event"))
            .is_some_and(|n| n.as_map().is_some());
        let span = if named {
            workflow.place(&state.id, &inner)
        } else {
            span
        };
        declared_event(workflow, &event.name, span, findings);
    }
    if let Some(link) = &wait.payment {
        let span = workflow.place(&state.id, &[Step::Key("wait"), Step::Key("payment")]);
        link_state(workflow, link, span, findings);
    }
}

/// The fields a moment is computed from. `keys` are those of the length and of the moment.
fn due(
    workflow: &Workflow<'_>,
    due: &Due,
    node: Option<&Node>,
    keys: [&str; 2],
    findings: &mut Findings,
) {
    let Some(node) = node else { return };
    let [length, moment] = keys;
    if let DueBase::Field(field) = &due.base {
        let span = node.locate(&[Step::Key(moment), Step::Key("field")]);
        workflow.check_field(field, &["date", "instant"], span, findings);
    }
    if let Some(Shift {
        amount: ShiftAmount::FieldDays(field),
        ..
    }) = &due.shift
    {
        let path = match node.get(moment) {
            None => vec![Step::Key(length), Step::Key("field")],
            Some(at) => {
                let side = if at.get("before").is_some() {
                    "before"
                } else {
                    "after"
                };
                vec![Step::Key(moment), Step::Key(side), Step::Key("field")]
            }
        };
        workflow.check_field(field, &["number"], node.locate(&path), findings);
    }
}

fn assignees(workflow: &Workflow<'_>, findings: &mut Findings) {
    all_assignees(workflow, |assignee, node| {
        let Some(node) = node else { return };
        match assignee {
            Assignee::Field { field, .. } => {
                let span = node.locate(&[Step::Key("field")]);
                workflow.check_field(field, &["user", "group", "position"], span, findings);
            }
            Assignee::LastResponsible { state, .. } => {
                let span = node.locate(&[Step::Key("last_responsible_of")]);
                workflow.check_state(state, span, findings);
                if let Some(other) = workflow.model.state(state)
                    && !matches!(other.kind, Kind::Task(_))
                {
                    let message = format!(
                        "nobody acts in `{state}`, which is of kind `{}`",
                        other.kind.name()
                    );
                    let mut diagnostic =
                        Diagnostic::error("WF0223", span, message).label("not a task");
                    if let Some(declared) = workflow.declared_state(state) {
                        diagnostic = diagnostic.related(declared, "declared here");
                    }
                    findings.add(diagnostic.help("name the task whose person should act again"));
                }
            }
            _ => {}
        }
    });
}

fn routes(workflow: &Workflow<'_>, node: &Node, routes: &[Route], findings: &mut Findings) {
    let mut seen: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for route in routes {
        let index = seen.entry(&route.event).or_insert(0);
        let listed = node
            .get("on")
            .and_then(|on| on.get(&route.event))
            .is_some_and(|node| node.as_list().is_some());
        let mut path = vec![Step::Key("on"), Step::Key(route.event.as_str())];
        if listed {
            path.push(Step::Index(*index));
        }
        *index += 1;
        let at = |key: &'static str| {
            let mut full = path.clone();
            full.push(Step::Key(key));
            node.locate(&full)
        };
        workflow.check_state(&route.to, at("to"), findings);
        let name = node.locate(&[Step::Key("on"), Step::Name(&route.event)]);
        if PAYMENT_OUTCOMES.contains(&route.event.as_str()) {
            match &route.of {
                Some(of) => link_state(workflow, of, at("of"), findings),
                None if workflow.model.link_states().next().is_none() => {
                    let message = format!(
                        "`{}` comes from a payment link, and no state makes one",
                        route.event
                    );
                    findings.add(Diagnostic::error("WF0208", name, message).label("never happens"));
                }
                None => {}
            }
        } else {
            declared_event(workflow, &route.event, name, findings);
            if route.of.is_some() {
                let message = format!(
                    "`of` names the state that made a link; `{}` is no payment",
                    route.event
                );
                findings.add(
                    Diagnostic::error("WF0224", at("of"), message)
                        .label("means nothing here")
                        .help("remove it"),
                );
            }
        }
    }
}

fn declared_event(workflow: &Workflow<'_>, name: &str, span: Span, findings: &mut Findings) {
    let declared = workflow.root().get("events");
    if declared.and_then(|events| events.entry(name)).is_some() {
        return;
    }
    let known: Vec<&str> = workflow
        .model
        .events
        .keys()
        .map(String::as_str)
        .chain(PAYMENT_OUTCOMES.iter().copied())
        .collect();
    let diagnostic = Diagnostic::error("WF0203", span, format!("there is no event `{name}`"))
        .label("no such event")
        .did_you_mean(name, known);
    let diagnostic = match diagnostic.help {
        Some(_) => diagnostic,
        None => diagnostic.help(format!("declare it: `events: {{ {name}: {{}} }}`")),
    };
    findings.add(diagnostic);
}

/// A state that must make a payment link.
fn link_state(workflow: &Workflow<'_>, name: &str, span: Span, findings: &mut Findings) {
    if workflow.declared_state(name).is_none() {
        workflow.check_state(name, span, findings);
        return;
    }
    if workflow.model.link_states().any(|state| state == name) {
        return;
    }
    let message = format!("the state `{name}` makes no payment link");
    let mut diagnostic = Diagnostic::error("WF0208", span, message).label("no link comes from it");
    if let Some(declared) = workflow.declared_state(name) {
        diagnostic = diagnostic.related(declared, "declared here");
    }
    let links: Vec<&str> = workflow.model.link_states().collect();
    let help = match links.as_slice() {
        [] => "a link is made by a state with `activity: create_payment_link`".to_owned(),
        links => format!("links are made by {}", crate::read::list(links)),
    };
    findings.add(diagnostic.help(help));
}
