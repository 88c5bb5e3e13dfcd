//! Waits: what ends them.

use state_machine::{Due, EventWait, Wait};

use crate::diagnostic::{Diagnostic, Findings};
use crate::lower::task::{after, assignee_of, at, follow};
use crate::lower::{expression, next};
use crate::read::{self, Record, exclusive};
use crate::syntax::Node;

/// The keys of a wait.
pub(crate) const WAIT_KEYS: &[&str] = &["for", "until", "follow", "event", "when", "payment", "by"];

/// The keys of an awaited event.
pub(crate) const EVENT_WAIT_KEYS: &[&str] = &["name", "when"];

/// Reads a wait; `state` is the map around it, which says where it leads.
pub(super) fn wait(state: &Record<'_>, node: &Node, findings: &mut Findings) -> Option<Wait> {
    let record = Record::open(node, "a wait", WAIT_KEYS, findings)?;
    let next = next(state.need("next", findings), "`next`", findings);
    let due = due(&record, findings);
    let event = record.get("event").and_then(|node| event(node, findings));
    let payment = record.get("payment");
    let payment = payment.and_then(|node| read::name(node, "a state", findings));
    let by = record
        .get("by")
        .and_then(|node| assignee_of(node, findings));
    let when = expression(record.get("when"), findings);
    let ends = ["for", "until", "event", "when", "payment", "by"];
    if ends.iter().all(|key| record.get(key).is_none()) && !record.misspells(&ends) {
        let message = format!("a wait needs something to wait for: {}", read::list(&ends));
        findings.add(
            Diagnostic::error("WF0209", node.place(), message).label("this would wait forever"),
        );
    }
    Some(Wait {
        due,
        event,
        when,
        payment,
        by,
        next,
    })
}

fn due(record: &Record<'_>, findings: &mut Findings) -> Option<Due> {
    let (length, moment) = (record.node().entry("for"), record.node().entry("until"));
    let follow_entry = record.node().entry("follow");
    if let (Some(length), Some(moment)) = (length, moment) {
        findings.add(exclusive("a wait", length, moment));
    }
    if let Some(entry) = follow_entry.filter(|_| length.is_none() && moment.is_none()) {
        let message = "`follow` says how a time moves, and there is no `for` or `until` here";
        findings
            .add(Diagnostic::error("WF0114", entry.key_span, message).label("means nothing here"));
    }
    let follow = follow(record, findings);
    let due = match (length, moment) {
        (Some(length), _) => after(&length.value, findings)?,
        (None, Some(moment)) => at(&moment.value, findings)?,
        (None, None) => return None,
    };
    Some(Due { follow, ..due })
}

fn event(node: &Node, findings: &mut Findings) -> Option<EventWait> {
    if node.as_map().is_none() {
        let name = read::name(node, "an event", findings)?;
        return Some(EventWait { name, when: None });
    }
    let record = Record::open(node, "an awaited event", EVENT_WAIT_KEYS, findings)?;
    let name = read::name(record.need("name", findings)?, "an event", findings);
    let when = expression(record.get("when"), findings);
    Some(EventWait { name: name?, when })
}
