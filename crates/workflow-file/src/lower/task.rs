//! Tasks: who, until when, and what they may choose.

use state_machine::{
    Action, Assignee, Direction, Due, DueBase, Follow, Shift, ShiftAmount, Task, Timeout,
};

use crate::diagnostic::{Diagnostic, Findings};
use crate::lower::expression;
use crate::read::{self, Record, exclusive};
use crate::syntax::{Entry, Node};

/// The keys of a task.
pub(crate) const TASK_KEYS: &[&str] = &[
    "assignee",
    "return_to_last",
    "remind",
    "critical",
    "timeout",
    "actions",
];

/// The keys of an assignee.
pub(crate) const ASSIGNEE_KEYS: &[&str] = &[
    "user",
    "group",
    "role",
    "position",
    "field",
    "last_responsible_of",
    "manager_of",
    "fallback",
];

/// The keys of which an assignee has exactly one.
pub(crate) const WHO_KEYS: &[&str] = &[
    "user",
    "group",
    "role",
    "position",
    "field",
    "last_responsible_of",
    "manager_of",
];

/// The keys of a timeout.
pub(crate) const TIMEOUT_KEYS: &[&str] = &["after", "at", "follow", "to"];

/// The keys of a date that is read from a field.
pub(crate) const AT_KEYS: &[&str] = &["field", "before", "after"];

/// The keys of a notice.
pub(crate) const NOTICE_KEYS: &[&str] = &["after"];

/// The keys of an action.
pub(crate) const ACTION_KEYS: &[&str] = &[
    "to", "when", "roles", "require", "confirm", "color", "help", "label",
];

/// The colours that have a name; others are written as `#rrggbb`.
pub(crate) const COLORS: &[&str] = &["green", "yellow", "red", "blue", "gray"];

/// Reads a task.
pub(super) fn task(node: &Node, findings: &mut Findings) -> Option<Task> {
    let record = Record::open(node, "a task", TASK_KEYS, findings)?;
    let assignee = record.need("assignee", findings);
    let assignee = assignee.and_then(|node| assignee_of(node, findings));
    let back = record.get("return_to_last");
    let back = back.and_then(|node| read::boolean(node, "`return_to_last`", findings));
    let remind = notice(record.get("remind"), findings);
    let critical = notice(record.get("critical"), findings);
    let timeout = record
        .get("timeout")
        .and_then(|node| timeout(node, findings));
    let actions = record
        .get("actions")
        .map(|node| actions(node, findings))
        .unwrap_or_default();
    Some(Task {
        assignee: assignee.unwrap_or_else(nobody),
        return_to_last: back.unwrap_or(false),
        actions,
        remind_seconds: remind,
        critical_seconds: critical,
        timeout,
    })
}

/// Stands in for an assignee that cannot be read; the file has an error then.
fn nobody() -> Assignee {
    Assignee::User(String::new())
}

fn notice(node: Option<&Node>, findings: &mut Findings) -> Option<i64> {
    let record = Record::open(node?, "a notice", NOTICE_KEYS, findings)?;
    read::duration(record.need("after", findings)?, findings)
}

/// Reads who has a task.
pub(super) fn assignee_of(node: &Node, findings: &mut Findings) -> Option<Assignee> {
    let record = Record::open(node, "an assignee", ASSIGNEE_KEYS, findings)?;
    let who = record.one_of(WHO_KEYS, findings)?;
    let fallback = record.node().entry("fallback");
    if let Some(entry) =
        fallback.filter(|_| !matches!(who.key.as_str(), "field" | "last_responsible_of"))
    {
        let message = format!("`fallback` does not belong to `{}`", who.key);
        findings.add(
            Diagnostic::error("WF0114", entry.key_span, message)
                .label("means nothing here")
                .related(who.key_span, "this never comes out empty"),
        );
    }
    let fallback = fallback
        .and_then(|entry| assignee_of(&entry.value, findings))
        .map(Box::new);
    let value = &who.value;
    Some(match who.key.as_str() {
        "user" => Assignee::User(read::id(value, "a user", findings)?),
        "group" => Assignee::Group(read::id(value, "a group", findings)?),
        "role" => Assignee::Role(read::id(value, "a role", findings)?),
        "position" => Assignee::Position(read::id(value, "a position", findings)?),
        "field" => {
            let field = read::name(value, "a field", findings);
            record.need("fallback", findings);
            Assignee::Field {
                field: field?,
                fallback: fallback?,
            }
        }
        "last_responsible_of" => {
            let state = read::name(value, "a state", findings)?;
            Assignee::LastResponsible { state, fallback }
        }
        _ => Assignee::ManagerOf(Box::new(assignee_of(value, findings)?)),
    })
}

fn timeout(node: &Node, findings: &mut Findings) -> Option<Timeout> {
    let record = Record::open(node, "a timeout", TIMEOUT_KEYS, findings)?;
    let to = record
        .need("to", findings)
        .and_then(|node| read::name(node, "a state", findings));
    let when = record.one_of(&["after", "at"], findings)?;
    let due = match when.key.as_str() {
        "after" => after(&when.value, findings),
        _ => at(&when.value, findings),
    };
    let follow = follow(&record, findings);
    Some(Timeout {
        due: Due { follow, ..due? },
        to: to?,
    })
}

/// Whether a moment moves with the fields it is computed from.
pub(super) fn follow(record: &Record<'_>, findings: &mut Findings) -> Follow {
    let words = [("live", Follow::Live), ("frozen", Follow::Frozen)];
    let node = record.get("follow");
    node.and_then(|node| read::word(node, "a word for `follow`", &words, findings))
        .unwrap_or_default()
}

/// A moment so long after the entry: `2d`, or `{ field: n }` in days.
pub(super) fn after(node: &Node, findings: &mut Findings) -> Option<Due> {
    let shift = Shift {
        direction: Direction::After,
        amount: amount(node, findings)?,
    };
    Some(Due {
        base: DueBase::Entry,
        shift: Some(shift),
        follow: Follow::Live,
    })
}

/// A date, or a date field with a shift.
pub(super) fn at(node: &Node, findings: &mut Findings) -> Option<Due> {
    if node.as_map().is_none() {
        let date = read::date(node, findings)?;
        return Some(Due {
            base: DueBase::Date(date),
            shift: None,
            follow: Follow::Live,
        });
    }
    let record = Record::open(node, "a moment", AT_KEYS, findings)?;
    let field = record.need("field", findings);
    let field = field.and_then(|node| read::name(node, "a field", findings));
    if let (Some(before), Some(after)) = (node.entry("before"), node.entry("after")) {
        findings.add(exclusive("a moment", before, after));
    }
    let shifted = |entry: &Entry, direction: Direction, findings: &mut Findings| {
        Some(Shift {
            direction,
            amount: amount(&entry.value, findings)?,
        })
    };
    let shift = match (node.entry("before"), node.entry("after")) {
        (Some(entry), _) => Some(shifted(entry, Direction::Before, findings)?),
        (None, Some(entry)) => Some(shifted(entry, Direction::After, findings)?),
        (None, None) => None,
    };
    Some(Due {
        base: DueBase::Field(field?),
        shift,
        follow: Follow::Live,
    })
}

fn amount(node: &Node, findings: &mut Findings) -> Option<ShiftAmount> {
    if node.as_map().is_none() {
        return read::duration(node, findings).map(ShiftAmount::Seconds);
    }
    let record = Record::open(node, "a number of days", &["field"], findings)?;
    let field = read::name(record.need("field", findings)?, "a field", findings)?;
    Some(ShiftAmount::FieldDays(field))
}

fn actions(node: &Node, findings: &mut Findings) -> Vec<Action> {
    let Some(record) = Record::open_any(node, "the list of actions", findings) else {
        return Vec::new();
    };
    record
        .entries()
        .iter()
        .filter_map(|entry| action(entry, findings))
        .collect()
}

fn action(entry: &Entry, findings: &mut Findings) -> Option<Action> {
    read::good_name(&entry.key, entry.key_span, findings);
    let record = Record::open(&entry.value, "an action", ACTION_KEYS, findings)?;
    let to = record
        .need("to", findings)
        .and_then(|node| read::name(node, "a state", findings));
    let label = |key: &str, what: &'static str, findings: &mut Findings| {
        record
            .get(key)
            .and_then(|node| read::label(node, what, findings))
    };
    let roles = record.get("roles");
    let roles = roles
        .map(|node| read::ids(node, "a list of roles", findings))
        .unwrap_or_default();
    let require = record.get("require");
    let require = require
        .map(|node| read::ids(node, "a list of fields", findings))
        .unwrap_or_default();
    for key in ["roles", "require"] {
        let nodes = record.get(key).and_then(Node::as_list).unwrap_or_default();
        read::refuse_repeats(nodes, findings);
    }
    Some(Action {
        name: entry.key.clone(),
        label: label("label", "a label", findings),
        when: expression(record.get("when"), findings),
        roles,
        require,
        confirm: label("confirm", "a question", findings),
        color: record.get("color").and_then(|node| color(node, findings)),
        help: label("help", "a help text", findings),
        to: to.unwrap_or_default(),
    })
}

fn color(node: &Node, findings: &mut Findings) -> Option<String> {
    let text = read::text(node, "a colour", findings)?;
    let hex = text
        .strip_prefix('#')
        .is_some_and(|digits| digits.len() == 6 && digits.chars().all(|c| c.is_ascii_hexdigit()));
    if hex || COLORS.contains(&text.as_str()) {
        return Some(text);
    }
    let known: Vec<&str> = COLORS.iter().copied().chain(["#rrggbb"]).collect();
    findings.add(read::unknown_word(node, &text, "a colour", &known));
    None
}
