//! The way through the states: reachable, never stuck, never running in circles.

use std::collections::{BTreeMap, BTreeSet};

use state_machine::{Kind, graph};

use crate::diagnostic::{Diagnostic, Findings, Span};
use crate::rules::Workflow;
use crate::syntax::Step;

pub(super) fn check(workflow: &Workflow<'_>, findings: &mut Findings) {
    let stuck = no_way_out(workflow, findings);
    unreachable(workflow, findings);
    no_end(workflow, &stuck, findings);
    cycles(workflow, findings);
    links(workflow, findings);
}

fn declared(workflow: &Workflow<'_>, state: &str) -> Span {
    workflow.declared_state(state).unwrap_or(Span::START)
}

fn no_way_out<'m>(workflow: &Workflow<'m>, findings: &mut Findings) -> BTreeSet<&'m str> {
    let mut stuck = BTreeSet::new();
    for state in &workflow.model.states {
        if graph::can_leave(&state.kind) {
            continue;
        }
        stuck.insert(state.id.as_str());
        let kind = state.kind.name();
        let help = match &state.kind {
            Kind::Task(_) => "give it an action or a timeout",
            _ => "say under `next:` where it leads",
        };
        let message = format!("nothing leads out of `{}`", state.id);
        findings.add(
            Diagnostic::error("WF0212", declared(workflow, &state.id), message)
                .label(format!("this {kind} never ends"))
                .help(help),
        );
    }
    stuck
}

fn unreachable(workflow: &Workflow<'_>, findings: &mut Findings) {
    for state in graph::unreachable(workflow.model) {
        let message = format!("no way leads to `{state}`");
        findings.add(
            Diagnostic::warning("WF0210", declared(workflow, &state), message)
                .label("never reached")
                .related(
                    workflow.root().locate(&[Step::Key("initial")]),
                    "every item starts here",
                ),
        );
    }
}

fn no_end(workflow: &Workflow<'_>, stuck: &BTreeSet<&str>, findings: &mut Findings) {
    let model = workflow.model;
    if !model
        .states
        .iter()
        .any(|state| matches!(state.kind, Kind::End(_)))
    {
        let span = workflow.root().locate(&[Step::Name("states")]);
        findings.add(
            Diagnostic::error("WF0214", span, "no state is an end")
                .label("items would stay forever")
                .help("add a state with `end: success`, and lead to it"),
        );
        return;
    }
    let unreached: BTreeSet<String> = graph::unreachable(model).into_iter().collect();
    for state in graph::without_end(model) {
        if stuck.contains(state.as_str()) || unreached.contains(&state) {
            continue;
        }
        let message = format!("from `{state}` no end can be reached");
        findings.add(
            Diagnostic::error("WF0211", declared(workflow, &state), message)
                .label("items that come here never end")
                .help("lead from here, or from where it leads, to a state with `end:`"),
        );
    }
}

fn cycles(workflow: &Workflow<'_>, findings: &mut Findings) {
    for cycle in graph::cycles_without_rest(workflow.model) {
        let Some(first) = cycle.first() else { continue };
        let message = format!("a cycle never rests: {}", cycle.join(" → "));
        let mut diagnostic = Diagnostic::error("WF0213", declared(workflow, first), message)
            .label("the engine would run in circles")
            .help("put a task, a wait or an activity that reaches outside into the circle");
        for state in cycle.iter().skip(1).take(cycle.len().saturating_sub(2)) {
            diagnostic = diagnostic.related(declared(workflow, state), "and through here");
        }
        findings.add(diagnostic);
    }
}

/// Links that nobody waits for, and links made again while the first may still be open.
fn links(workflow: &Workflow<'_>, findings: &mut Findings) {
    let model = workflow.model;
    let links: BTreeSet<&str> = model.link_states().collect();
    for state in model
        .states
        .iter()
        .filter(|state| links.contains(state.id.as_str()))
    {
        let waited = |link: &str| {
            let by_wait = model.states.iter().any(|state| {
                matches!(&state.kind, Kind::Wait(wait) if wait.payment.as_deref() == Some(link))
            });
            let routes = model
                .on
                .iter()
                .chain(model.states.iter().flat_map(|state| &state.on));
            let mut paid = routes.filter(|route| route.event == "paid");
            by_wait || paid.any(|route| route.of.as_deref().is_none_or(|of| of == link))
        };
        if !waited(&state.id) {
            let message = format!(
                "nothing waits for the payment of the link `{}` makes",
                state.id
            );
            findings.add(
                Diagnostic::warning("WF0230", declared(workflow, &state.id), message)
                    .label("its payment would only be recorded")
                    .help(format!(
                        "add a state with `wait: {{ payment: {} }}`",
                        state.id
                    )),
            );
        }
        if let Some(path) = made_again(workflow, &state.id) {
            let message = format!(
                "this makes a new link without waiting for the last: {}",
                path.join(" → ")
            );
            findings.add(
                Diagnostic::warning("WF0229", declared(workflow, &state.id), message)
                    .label("comes back here")
                    .help("the engine holds the second link back until the first is closed"),
            );
        }
    }
}

/// A way from a made link back to making it, without a wait for its payment and without a person.
fn made_again(workflow: &Workflow<'_>, link: &str) -> Option<Vec<String>> {
    let model = workflow.model;
    let Kind::Activity(activity) = &model.state(link)?.kind else {
        return None;
    };
    let first = activity.next.get("success")?;
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let all = graph::edges(model);
    for edge in all.iter().filter(|edge| !edge.shared) {
        edges.entry(&edge.from).or_default().push(&edge.to);
    }
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([first.as_str()]);
    let mut seen = BTreeSet::from([first.as_str()]);
    while let Some(state) = queue.pop_front() {
        if state == link {
            let mut path = vec![link.to_owned()];
            let mut at = link;
            while let Some(before) = came_from.get(at) {
                path.push((*before).to_owned());
                at = before;
            }
            path.push(link.to_owned());
            path.reverse();
            return Some(path);
        }
        let rests = match &model.state(state)?.kind {
            Kind::Wait(wait) => wait.payment.as_deref() == Some(link),
            Kind::Task(_) | Kind::End(_) => true,
            _ => false,
        };
        for next in edges.get(state).into_iter().flatten().filter(|_| !rests) {
            if seen.insert(next) {
                came_from.insert(next, state);
                queue.push_back(next);
            }
        }
    }
    None
}
