//! `steps`: what happens, in order.

use chrono::TimeDelta;
use state_machine::Event;
use values::Fields;
use workflow_file::read::{self, Record, exclusive};
use workflow_file::syntax::{Entry, Node};
use workflow_file::{Diagnostic, Findings};

use super::names::Names;
use super::script::{Crash, Input, Step, StepKind};
use super::{expect, place, play, value};

/// Every key that a step may have.
pub(super) const STEP_KEYS: &[&str] = &[
    "do",
    "claim",
    "release",
    "end_wait",
    "event",
    "change",
    "hold",
    "resume",
    "retry",
    "refused",
    "advance",
    "down",
    "to",
    "until",
    "until_idle",
    "gateway",
    "gateways",
    "restart",
    "expect",
    "as",
    "with",
    "item",
    "confirm",
    "reason",
    "within",
    "crash",
    "code",
    "because",
];

/// The keys that say what a step is.
const KINDS: &[&str] = &[
    "do",
    "claim",
    "release",
    "end_wait",
    "event",
    "change",
    "hold",
    "resume",
    "retry",
    "refused",
    "advance",
    "down",
    "to",
    "until",
    "until_idle",
    "gateway",
    "gateways",
    "restart",
    "expect",
];

/// The kinds that a person or the CRM can be refused.
const INPUTS: &[&str] = &[
    "do", "claim", "release", "end_wait", "event", "change", "hold", "resume", "retry",
];

/// How far `until` and `until_idle` look where nothing else is said.
const WITHIN_DEFAULT: TimeDelta = TimeDelta::days(400);

pub(super) fn steps(node: &Node, names: &Names<'_>, findings: &mut Findings) -> Vec<Step> {
    let nodes = read::elements(node, "a list of steps", findings).unwrap_or_default();
    let steps: Vec<Step> = nodes
        .iter()
        .filter_map(|node| step(node, names, findings))
        .collect();
    let checks = |node: &Node| node.get("expect").is_some() || node.get("refused").is_some();
    if !nodes.iter().any(checks) {
        let message = "the scenario expects nothing, so it could not fail";
        findings.add(
            Diagnostic::error("WF0615", node.place(), message)
                .label("no `expect` in here")
                .help("end with a step such as `- expect: { state: paid }`"),
        );
    }
    steps
}

fn step(node: &Node, names: &Names<'_>, findings: &mut Findings) -> Option<Step> {
    let record = Record::open(node, "a step", STEP_KEYS, findings)?;
    let main = record.one_of(KINDS, findings)?;
    let kind = match main.key.as_str() {
        "advance" => StepKind::Advance(value::length(&main.value, findings)?),
        "down" => StepKind::Down(value::length(&main.value, findings)?),
        "to" => StepKind::To(value::instant(&main.value, names.zone, findings)?),
        "until" => StepKind::Until {
            state: names.state(&main.value, findings)?,
            item: names.item(record.get("item"), node, findings)?,
            within: within(&record, findings),
        },
        "until_idle" => {
            yes(main, findings)?;
            StepKind::UntilIdle {
                within: within(&record, findings),
            }
        }
        "restart" => {
            yes(main, findings)?;
            StepKind::Restart
        }
        "gateway" => StepKind::Gateway(play::gateways(Some(&main.value), None, names, findings)),
        "gateways" => StepKind::Gateway(play::gateways(None, Some(&main.value), names, findings)),
        "expect" => {
            let item = names.item(record.get("item"), node, findings)?;
            StepKind::Expect(expect::expect(&main.value, item, names, findings)?)
        }
        "refused" => refused(&main.value, names, findings)?,
        _ => StepKind::Input(input(&record, main, names, findings)?),
    };
    allowed(&record, main, findings);
    let crash = record.get("crash").and_then(|node| {
        let words = [
            ("after_commit", Crash::AfterCommit),
            ("after_gateway", Crash::AfterGateway),
        ];
        read::word(node, "a moment to die", &words, findings)
    });
    Some(Step {
        place: place(node.place()),
        kind,
        crash,
    })
}

/// The keys that go with a kind of step.
fn companions(kind: &str) -> &'static [&'static str] {
    match kind {
        "do" => &["as", "with", "item", "confirm", "crash", "code", "because"],
        "event" => &["with", "item", "crash", "code", "because"],
        "change" => &["item", "crash", "code", "because"],
        "hold" | "retry" => &["reason", "item", "crash", "code", "because"],
        "claim" | "release" | "end_wait" | "resume" => &["item", "crash", "code", "because"],
        "until" => &["item", "within"],
        "until_idle" => &["within"],
        "advance" | "to" => &["crash"],
        "expect" => &["item"],
        _ => &[],
    }
}

/// Reports keys that mean nothing in this kind of step.
fn allowed(record: &Record<'_>, main: &Entry, findings: &mut Findings) {
    let known = companions(&main.key);
    for entry in record.entries() {
        let key = entry.key.as_str();
        let other = STEP_KEYS.contains(&key) && !KINDS.contains(&key) && !known.contains(&key);
        if other {
            let message = format!("`{key}` means nothing beside `{}`", main.key);
            let diagnostic = Diagnostic::error("WF0616", entry.key_span, message)
                .label("not in this step")
                .related(main.key_span, "the step is this");
            findings.add(match known {
                [] => diagnostic.help("remove it"),
                known => diagnostic.help(format!("beside it may stand {}", read::list(known))),
            });
        }
    }
}

fn yes(entry: &Entry, findings: &mut Findings) -> Option<()> {
    let yes = read::boolean(&entry.value, &format!("`{}`", entry.key), findings)?;
    if !yes {
        let message = format!("`{}: false` does nothing", entry.key);
        findings.add(
            Diagnostic::error("WF0616", entry.value.value_place(), message).help("remove the step"),
        );
    }
    yes.then_some(())
}

fn within(record: &Record<'_>, findings: &mut Findings) -> TimeDelta {
    let within = record
        .get("within")
        .and_then(|node| value::length(node, findings));
    within.unwrap_or(WITHIN_DEFAULT)
}

/// An input that must not be taken, and why.
fn refused(node: &Node, names: &Names<'_>, findings: &mut Findings) -> Option<StepKind> {
    let record = Record::open(node, "a refused input", STEP_KEYS, findings)?;
    let main = record.one_of(INPUTS, findings)?;
    for entry in record.entries() {
        let kind = KINDS.contains(&entry.key.as_str()) && !INPUTS.contains(&entry.key.as_str());
        if kind {
            findings.add(exclusive("a refused input", main, entry));
        }
    }
    allowed(&record, main, findings);
    let input = input(&record, main, names, findings);
    let code = record
        .need("code", findings)
        .and_then(|node| code(node, findings));
    let because = record
        .get("because")
        .and_then(|node| value::word(node, "a reason", findings));
    Some(StepKind::Refused {
        input: input?,
        code: code?,
        because,
    })
}

/// Why an input may be refused.
pub(super) const REFUSALS: [&str; 19] = [
    "already_started",
    "bad_field",
    "claimed",
    "ended",
    "guard_false",
    "held",
    "input_reused",
    "limit",
    "missing_fields",
    "needs_confirmation",
    "no_item",
    "no_user",
    "not_allowed",
    "not_here",
    "not_started",
    "nothing_to_do",
    "unknown_action",
    "unknown_event",
    "wrong_revision",
];

fn code(node: &Node, findings: &mut Findings) -> Option<String> {
    let words = REFUSALS.map(|word| (word, word));
    read::word(node, "the code of a refusal", &words, findings).map(str::to_owned)
}

fn input(
    record: &Record<'_>,
    main: &Entry,
    names: &Names<'_>,
    findings: &mut Findings,
) -> Option<Input> {
    let item = names.item(record.get("item"), record.node(), findings);
    let event = event(record, main, names, findings);
    Some(Input {
        item: item?,
        event: event?,
    })
}

fn event(
    record: &Record<'_>,
    main: &Entry,
    names: &Names<'_>,
    findings: &mut Findings,
) -> Option<Event> {
    let node = &main.value;
    Some(match main.key.as_str() {
        "do" => return action(record, node, names, findings),
        "claim" => Event::Claim {
            actor: names.person(node, findings)?,
        },
        "release" => Event::Release {
            actor: names.person(node, findings)?,
        },
        "end_wait" => Event::EndWait {
            actor: names.person(node, findings)?,
        },
        "resume" => Event::Resume {
            actor: names.person(node, findings)?,
        },
        "hold" => Event::Hold {
            actor: names.person(node, findings)?,
            reason: reason(record, findings),
            until: None,
        },
        "retry" => Event::Retry {
            actor: names.person(node, findings)?,
            reason: reason(record, findings),
        },
        "event" => {
            let (name, carried) = names.event(node, findings)?;
            let with = record.get("with");
            let payload = with.map(|node| value::fields(node, carried, names.zone, findings));
            Event::Named {
                name,
                payload: payload.unwrap_or_default(),
            }
        }
        _ => Event::Changed {
            fields: value::fields(node, names.fields(), names.zone, findings),
        },
    })
}

fn action(
    record: &Record<'_>,
    node: &Node,
    names: &Names<'_>,
    findings: &mut Findings,
) -> Option<Event> {
    let name = names.action(node, findings);
    let actor = record
        .need("as", findings)
        .and_then(|node| names.person(node, findings));
    let fields = record.get("with");
    let fields: Option<Fields> =
        fields.map(|node| value::fields(node, names.fields(), names.zone, findings));
    let confirmed = record.get("confirm");
    let confirmed = confirmed.and_then(|node| read::boolean(node, "`confirm`", findings));
    Some(Event::Action {
        name: name?,
        actor: actor?,
        fields: fields.unwrap_or_default(),
        confirmed: confirmed.unwrap_or(true),
    })
}

fn reason(record: &Record<'_>, findings: &mut Findings) -> String {
    let reason = record
        .get("reason")
        .and_then(|node| value::word(node, "a reason", findings));
    reason.unwrap_or_else(|| "as the scenario says".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{INPUTS, KINDS, STEP_KEYS, companions};

    #[test]
    fn every_kind_and_companion_is_a_key_of_a_step() {
        for kind in KINDS {
            assert!(STEP_KEYS.contains(kind), "{kind}");
            assert!(
                companions(kind).iter().all(|key| STEP_KEYS.contains(key)),
                "{kind}"
            );
        }
        assert!(INPUTS.iter().all(|input| KINDS.contains(input)));
    }
}
