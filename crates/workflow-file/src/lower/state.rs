//! States: what every one has, and the kinds without a file of their own.

use std::collections::BTreeMap;

use state_machine::{Activity, Branch, Decision, Display, End, Kind, RetryPolicy, Rollback, State};

use crate::diagnostic::{Diagnostic, Findings};
use crate::lower::{expression, next, routes, task, wait};
use crate::read::{self, Record, exclusive};
use crate::syntax::{Entry, Node};

/// The keys of a state.
pub(crate) const STATE_KEYS: &[&str] = &[
    "label", "fields", "on", "task", "activity", "with", "next", "retry", "timeout", "wait",
    "decision", "rollback", "undo", "end",
];

/// The keys of which a state has exactly one.
pub(crate) const KIND_KEYS: &[&str] = &["task", "activity", "wait", "decision", "rollback", "end"];

/// The keys of a retry policy.
pub(crate) const RETRY_KEYS: &[&str] = &["attempts", "pause", "pause_max"];

/// The keys of a branch.
pub(crate) const BRANCH_KEYS: &[&str] = &["when", "to", "otherwise"];

/// Nobody waits longer between two attempts, and nothing is tried more often.
const ATTEMPTS_MAX: i64 = 1_000;

/// Reads a state.
pub(super) fn state(entry: &Entry, findings: &mut Findings) -> State {
    read::good_name(&entry.key, entry.key_span, findings);
    // A placeholder where the kind cannot be read; a model with errors is never run.
    let mut state = State {
        id: entry.key.clone(),
        label: None,
        kind: Kind::End(End::Cancelled),
        on: Vec::new(),
        display: BTreeMap::new(),
    };
    let Some(record) = Record::open(&entry.value, "a state", STATE_KEYS, findings) else {
        return state;
    };
    state.label = record
        .get("label")
        .and_then(|node| read::label(node, "a label", findings));
    state.on = routes(record.get("on"), findings);
    state.display = display(record.get("fields"), findings);
    if let Some(kind) = kind(&record, findings) {
        state.kind = kind;
    }
    state
}

fn kind(record: &Record<'_>, findings: &mut Findings) -> Option<Kind> {
    let mut kinds = record
        .entries()
        .iter()
        .filter(|entry| KIND_KEYS.contains(&entry.key.as_str()));
    let Some(first) = kinds.next() else {
        if !record.misspells(KIND_KEYS) {
            let message = format!("a state needs one of {}", read::list(KIND_KEYS));
            findings.add(
                Diagnostic::error("WF0110", record.node().place(), message)
                    .label("this state does nothing")
                    .help("say what happens here: `task` waits for a person, `end` ends the item"),
            );
        }
        return None;
    };
    if let Some(second) = kinds.next() {
        findings.add(exclusive("a state", first, second));
        return None;
    }
    check_keys(record, &first.key, findings);
    match first.key.as_str() {
        "task" => task::task(&first.value, findings).map(Kind::Task),
        "activity" => activity(record, &first.value, findings).map(Kind::Activity),
        "wait" => wait::wait(record, &first.value, findings).map(Kind::Wait),
        "decision" => decision(&first.value, findings).map(Kind::Decision),
        "rollback" => rollback(&first.value, findings).map(Kind::Rollback),
        _ => end(&first.value, findings).map(Kind::End),
    }
}

/// Keys that belong to other kinds.
fn check_keys(record: &Record<'_>, kind: &str, findings: &mut Findings) {
    for entry in record.entries() {
        let owner = match entry.key.as_str() {
            "with" | "retry" | "timeout" | "undo" if kind != "activity" => "an activity",
            "next" if !matches!(kind, "activity" | "wait") => "an activity or a wait",
            "on" if kind == "end" => "a state that is not an end",
            _ => continue,
        };
        let message = format!("`{}` belongs to {owner}, this state is `{kind}`", entry.key);
        let mut diagnostic =
            Diagnostic::error("WF0114", entry.key_span, message).label("means nothing here");
        diagnostic = match (entry.key.as_str(), kind) {
            ("timeout", "task") => diagnostic.help("indent it: it belongs inside `task:`"),
            ("timeout", "wait") => diagnostic.help("write `for: 3d` inside `wait:`"),
            ("next", "task") => diagnostic.help("where a task leads is said by its actions"),
            ("next", "decision") => {
                diagnostic.help("where a decision leads is said by its branches")
            }
            _ => diagnostic,
        };
        findings.add(diagnostic);
    }
}

fn display(node: Option<&Node>, findings: &mut Findings) -> BTreeMap<String, Display> {
    let record = node.and_then(|node| Record::open_any(node, "`fields` of a state", findings));
    let words = [
        ("show", Display::Show),
        ("read_only", Display::ReadOnly),
        ("hidden", Display::Hidden),
    ];
    let mut display = BTreeMap::new();
    for entry in record.map(|record| record.entries()).unwrap_or_default() {
        if let Some(how) = read::word(&entry.value, "a way to show a field", &words, findings) {
            display.insert(entry.key.clone(), how);
        }
    }
    display
}

fn activity(record: &Record<'_>, node: &Node, findings: &mut Findings) -> Option<Activity> {
    let name = read::name(node, "an activity", findings);
    let next = next(record.need("next", findings), "`next`", findings);
    let with = record
        .get("with")
        .map_or(serde_json::Value::Null, Node::to_json);
    let retry = record
        .get("retry")
        .map(|node| retry(node, findings))
        .unwrap_or_default();
    let timeout = record
        .get("timeout")
        .and_then(|node| read::duration(node, findings));
    let undo = record
        .get("undo")
        .and_then(|node| read::name(node, "a state", findings));
    Some(Activity {
        name: name?,
        with,
        next,
        retry,
        timeout_seconds: timeout,
        undo,
    })
}

fn retry(node: &Node, findings: &mut Findings) -> RetryPolicy {
    let mut policy = RetryPolicy::default();
    let Some(record) = Record::open(node, "a retry policy", RETRY_KEYS, findings) else {
        return policy;
    };
    let attempts = record.get("attempts");
    let attempts = attempts
        .and_then(|node| read::whole(node, "the number of attempts", 1..=ATTEMPTS_MAX, findings));
    if let Some(attempts) = attempts.and_then(|attempts| u32::try_from(attempts).ok()) {
        policy.attempts_max = attempts;
    }
    if let Some(pause) = record
        .get("pause")
        .and_then(|node| read::duration(node, findings))
    {
        policy.pause_seconds = pause;
        policy.pause_seconds_max = policy.pause_seconds_max.max(pause);
    }
    let longest = record.get("pause_max");
    if let Some((node, pause)) =
        longest.and_then(|node| Some((node, read::duration(node, findings)?)))
    {
        if pause < policy.pause_seconds {
            let message = "the longest pause is shorter than the first";
            let diagnostic = Diagnostic::error("WF0105", node.value_place(), message);
            findings.add(diagnostic.label("too short"));
        }
        policy.pause_seconds_max = pause;
    }
    policy
}

fn decision(node: &Node, findings: &mut Findings) -> Option<Decision> {
    let nodes = read::elements(node, "a decision", findings)?;
    let mut decision = Decision {
        branches: Vec::new(),
        otherwise: None,
    };
    let mut otherwise: Option<&Entry> = None;
    for node in nodes {
        let Some(record) = Record::open(node, "a branch", BRANCH_KEYS, findings) else {
            continue;
        };
        if let Some(earlier) = otherwise {
            let message = "nothing comes behind `otherwise`";
            findings.add(
                Diagnostic::error("WF0216", node.place(), message)
                    .label("never tried")
                    .related(earlier.key_span, "this takes everything that is left")
                    .help("move it above `otherwise`"),
            );
        }
        match node.entry("otherwise") {
            Some(entry) => {
                for other in record
                    .entries()
                    .iter()
                    .filter(|other| other.key != "otherwise")
                {
                    if BRANCH_KEYS.contains(&other.key.as_str()) {
                        findings.add(exclusive("a branch", entry, other));
                    }
                }
                decision.otherwise = read::name(&entry.value, "a state", findings);
                otherwise = otherwise.or(Some(entry));
            }
            None => decision.branches.extend(branch(&record, findings)),
        }
    }
    if otherwise.is_none() {
        let message = "a decision needs `otherwise` as its last branch";
        findings.add(
            Diagnostic::error("WF0215", node.place(), message)
                .label("what if no condition holds?")
                .help("add `- otherwise: <state>`"),
        );
    }
    Some(decision)
}

/// What it undoes is known when all states are read.
fn rollback(node: &Node, findings: &mut Findings) -> Option<Rollback> {
    let record = Record::open(node, "a rollback", &["to"], findings)?;
    let to = record.need("to", findings);
    Some(Rollback {
        undos: Vec::new(),
        to: to.and_then(|node| read::name(node, "a state", findings))?,
    })
}

/// Tells every rollback what there is to undo.
pub(super) fn connect_rollbacks(states: &mut [State]) {
    let mut undos: Vec<String> = Vec::new();
    for state in states.iter() {
        if let Kind::Activity(Activity {
            undo: Some(undo), ..
        }) = &state.kind
            && !undos.contains(undo)
        {
            undos.push(undo.clone());
        }
    }
    for state in states {
        if let Kind::Rollback(rollback) = &mut state.kind {
            rollback.undos.clone_from(&undos);
        }
    }
}

fn branch(record: &Record<'_>, findings: &mut Findings) -> Option<Branch> {
    let when = record.need("when", findings);
    let when = expression(when, findings);
    let to = record
        .need("to", findings)
        .and_then(|node| read::name(node, "a state", findings));
    Some(Branch {
        when: when?,
        to: to?,
    })
}

fn end(node: &Node, findings: &mut Findings) -> Option<End> {
    let words = [
        ("success", End::Success),
        ("failed", End::Failed),
        ("cancelled", End::Cancelled),
    ];
    read::word(node, "a way to end", &words, findings)
}
