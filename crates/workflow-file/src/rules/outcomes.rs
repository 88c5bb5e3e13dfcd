//! Outcomes: every one that can come is routed, and none that cannot.

use std::collections::BTreeMap;

use activity::Descriptor;
use state_machine::{Activity, Kind, PAYMENT_OUTCOMES, State, Wait};

use crate::diagnostic::{Diagnostic, Findings};
use crate::rules::Workflow;
use crate::syntax::Step;

pub(super) fn check(workflow: &Workflow<'_>, findings: &mut Findings) {
    // A descriptor carries a whole schema, so each is asked for once.
    let mut descriptors: BTreeMap<&str, Descriptor> = BTreeMap::new();
    for state in &workflow.model.states {
        match &state.kind {
            Kind::Activity(activity) => {
                let Some(known) = workflow.catalog.get(&activity.name) else {
                    continue;
                };
                let descriptor = descriptors
                    .entry(&activity.name)
                    .or_insert_with(|| known.descriptor());
                self::activity(workflow, state, activity, descriptor, findings);
            }
            Kind::Wait(wait) => self::wait(workflow, state, wait, findings),
            _ => {}
        }
    }
}

fn activity(
    workflow: &Workflow<'_>,
    state: &State,
    activity: &Activity,
    descriptor: &Descriptor,
    findings: &mut Findings,
) {
    let known: Vec<&str> = descriptor
        .outcomes
        .iter()
        .copied()
        .chain(["unknown"])
        .collect();
    for outcome in activity
        .next
        .keys()
        .filter(|outcome| !known.contains(&outcome.as_str()))
    {
        let span = workflow.place(&state.id, &[Step::Key("next"), Step::Name(outcome)]);
        let message = format!("`{}` never ends as `{outcome}`", activity.name);
        let mut diagnostic = Diagnostic::error("WF0205", span, message)
            .label("no such outcome")
            .did_you_mean(outcome, known.iter().copied());
        if diagnostic.help.is_none() {
            let help = if PAYMENT_OUTCOMES.contains(&outcome.as_str()) {
                format!(
                    "`{outcome}` comes later: route it in a wait with `payment: {}`",
                    state.id
                )
            } else {
                format!("its outcomes are {}", crate::read::list(&known))
            };
            diagnostic = diagnostic.help(help);
        }
        findings.add(diagnostic);
    }
    // A state whose `next` is missing as a whole, or whose words are all wrong, was reported.
    let misspelt = activity
        .next
        .keys()
        .any(|outcome| !known.contains(&outcome.as_str()));
    if workflow
        .state_node(&state.id)
        .and_then(|node| node.get("next"))
        .is_none()
        || misspelt
    {
        return;
    }
    let routed = |outcome: &&&str| activity.next.contains_key(**outcome);
    for outcome in descriptor
        .required_outcomes
        .iter()
        .filter(|outcome| !routed(outcome))
    {
        let span = workflow.place(&state.id, &[Step::Name("next")]);
        let message = format!(
            "the outcome `{outcome}` of `{}` leads nowhere",
            activity.name
        );
        findings.add(
            Diagnostic::error("WF0206", span, message)
                .label(format!("`{outcome}` is missing here"))
                .help(format!("add `{outcome}: <state>`")),
        );
    }
}

/// What a wait's sources are called in YAML, and the outcome of each.
fn sources(wait: &Wait) -> [(&'static str, &'static str, bool); 4] {
    [
        ("`for` or `until`", "elapsed", wait.due.is_some()),
        ("`event`", "event", wait.event.is_some()),
        ("`when`", "holds", wait.when.is_some()),
        ("`by`", "ended", wait.by.is_some()),
    ]
}

fn wait(workflow: &Workflow<'_>, state: &State, wait: &Wait, findings: &mut Findings) {
    let node = workflow.state_node(&state.id);
    let present = |key: &str| {
        node.and_then(|node| node.find(&[Step::Key("wait"), Step::Key(key)]))
            .is_some()
    };
    let known: Vec<&str> = sources(wait)
        .iter()
        .map(|(_, outcome, _)| *outcome)
        .chain(PAYMENT_OUTCOMES)
        .collect();
    // A wait that waits for nothing was reported as that.
    if ["for", "until", "event", "when", "payment", "by"]
        .iter()
        .all(|key| !present(key))
    {
        return;
    }
    let mut wrong = false;
    for outcome in wait.next.keys() {
        let span = workflow.place(&state.id, &[Step::Key("next"), Step::Name(outcome)]);
        if !known.contains(&outcome.as_str()) {
            wrong = true;
            let message = format!("a wait never ends as `{outcome}`");
            let diagnostic = Diagnostic::error("WF0205", span, message)
                .label("no such outcome")
                .did_you_mean(outcome, known.iter().copied());
            findings.add(match diagnostic.help {
                Some(_) => diagnostic,
                None => diagnostic.help(format!("the outcomes are {}", crate::read::list(&known))),
            });
            continue;
        }
        let source = if PAYMENT_OUTCOMES.contains(&outcome.as_str()) {
            (!present("payment")).then_some("`payment`")
        } else {
            sources(wait)
                .iter()
                .find(|(_, word, there)| word == outcome && !there)
                .map(|(source, _, _)| *source)
                .filter(|_| !malformed(outcome, &present))
        };
        if let Some(source) = source {
            let message = format!("`{outcome}` cannot happen without {source}");
            findings.add(
                Diagnostic::error("WF0207", span, message)
                    .label("nothing ends the wait like this")
                    .help(format!("add {source} inside `wait:`, or remove this line")),
            );
        }
    }
    if !wrong && present_next(workflow, state) {
        unrouted(workflow, state, wait, findings);
    }
}

/// Whether the source of an outcome is there but was refused already.
fn malformed(outcome: &str, present: &impl Fn(&str) -> bool) -> bool {
    match outcome {
        "elapsed" => present("for") || present("until"),
        "event" => present("event"),
        "holds" => present("when"),
        _ => present("by"),
    }
}

fn present_next(workflow: &Workflow<'_>, state: &State) -> bool {
    workflow
        .state_node(&state.id)
        .and_then(|node| node.get("next"))
        .is_some()
}

fn unrouted(workflow: &Workflow<'_>, state: &State, wait: &Wait, findings: &mut Findings) {
    let mut missing: Vec<&str> = sources(wait)
        .iter()
        .filter(|(_, outcome, there)| *there && !wait.next.contains_key(*outcome))
        .map(|(_, outcome, _)| *outcome)
        .collect();
    if wait.payment.is_some() {
        // Others come by accident of the provider or by an order of ours; without a route they
        // are recorded. These two come to every link.
        let elsewhere = |outcome: &str| {
            state
                .on
                .iter()
                .chain(&workflow.model.on)
                .any(|route| route.event == outcome)
        };
        missing.extend(
            ["paid", "expired"]
                .into_iter()
                .filter(|outcome| !wait.next.contains_key(*outcome) && !elsewhere(outcome)),
        );
    }
    for outcome in missing {
        let span = workflow.place(&state.id, &[Step::Name("next")]);
        findings.add(
            Diagnostic::error(
                "WF0206",
                span,
                format!("the outcome `{outcome}` of this wait leads nowhere"),
            )
            .label(format!("`{outcome}` is missing here"))
            .help(format!("add `{outcome}: <state>`")),
        );
    }
}
