//! What the open task and the timers of a state must be.

use workflow_file::read::{self, Record};
use workflow_file::syntax::Node;

use super::{Checks, TASK_KEYS, TIMER_KEYS, is_none};
use crate::file::script::{Moment, Wanted};

/// The timers a state can have.
const TIMERS: [&str; 5] = [
    "reminder",
    "critical",
    "critical_again",
    "timeout",
    "elapsed",
];

impl Checks<'_, '_> {
    pub(super) fn task(&mut self, node: &Node) {
        if is_none(node) {
            return self.add("task", node, Some(Wanted::Assigned(None)));
        }
        let Some(record) = Record::open(node, "a task", TASK_KEYS, self.findings) else {
            return;
        };
        if let Some(node) = record.get("assigned") {
            let assigned = self.word(node, "an assignee, such as `group sales`");
            self.add(
                "task.assigned",
                node,
                assigned.map(|who| Wanted::Assigned(Some(who))),
            );
        }
        if let Some(node) = record.get("claimed_by") {
            let by = if is_none(node) {
                Some(Wanted::ClaimedBy(None))
            } else {
                let person = self.names.person(node, self.findings);
                person.map(|person| Wanted::ClaimedBy(Some(person)))
            };
            self.add("task.claimed_by", node, by);
        }
    }

    pub(super) fn timers(&mut self, node: &Node) -> Option<Vec<(String, Moment)>> {
        if is_none(node) {
            return Some(Vec::new());
        }
        let nodes = read::elements(node, "a list of timers", self.findings)?;
        let mut timers = Vec::new();
        for node in nodes {
            let record = Record::open(node, "a timer", TIMER_KEYS, self.findings)?;
            let words = TIMERS.map(|word| (word, word));
            let name = record.need("name", self.findings);
            let name = name.and_then(|node| read::word(node, "a timer", &words, self.findings));
            let due = record
                .need("due", self.findings)
                .and_then(|node| self.moment(node));
            timers.push((name?.to_owned(), due?));
        }
        Some(timers)
    }
}
