//! What messages must have been sent.

use host::Medium;
use workflow_file::read::Record;
use workflow_file::syntax::Node;

use super::{Checks, MESSAGE_KEYS, is_none};
use crate::file::script::{MessageWanted, Wanted};
use crate::file::value;

impl Checks<'_, '_> {
    pub(super) fn messages(&mut self, medium: Medium, node: &Node) {
        let key = medium.name();
        if is_none(node) {
            let none = MessageWanted {
                medium,
                to: None,
                of: None,
                contains: Vec::new(),
                count: Some(0),
            };
            return self.add(key, node, Some(Wanted::Message(none)));
        }
        let one = std::slice::from_ref(node);
        for node in node.as_list().unwrap_or(one) {
            let Some(record) = Record::open(node, "a message", MESSAGE_KEYS, self.findings) else {
                continue;
            };
            let to = record.get("to");
            let to = to.and_then(|node| value::destination(node, Some(medium), self.findings));
            let of = record
                .get("of")
                .and_then(|node| self.names.state(node, self.findings));
            let contains = record.get("contains");
            let contains = contains.map(|node| value::words(node, "a text", self.findings));
            let count = record.get("count").and_then(|node| self.count(node));
            let contains = contains.unwrap_or_default();
            let wanted = MessageWanted {
                medium,
                to,
                of,
                contains,
                count,
            };
            self.add(key, node, Some(Wanted::Message(wanted)));
        }
    }
}
