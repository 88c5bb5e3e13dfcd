//! What a payment link must be, and the receipts that came of it.

use workflow_file::read::{self, Record};
use workflow_file::syntax::Node;

use super::{Checks, LINK_KEYS, RECEIPT_KEYS, is_none};
use crate::file::script::{LinkWanted, ReceiptWanted, Wanted};
use crate::file::value;

/// The statuses a link can have.
const STATUSES: [&str; 20] = [
    "created",
    "viewed",
    "paying",
    "paid",
    "paid_late",
    "paid_after_cancel",
    "expired",
    "cancelled",
    "create_failed",
    "creating",
    "unknown",
    "held",
    "paid_unverified",
    "scheduled_future",
    "expiring",
    "superseded",
    "partially_paid",
    "overpaid",
    "quarantined",
    "refunded",
];

impl Checks<'_, '_> {
    pub(super) fn link(&mut self, node: &Node) {
        if is_none(node) {
            let wanted = LinkWanted::Exists(false);
            return self.add("link", node, Some(Wanted::Link { of: None, wanted }));
        }
        let Some(record) = Record::open(node, "a link", LINK_KEYS, self.findings) else {
            return;
        };
        let of = record
            .get("of")
            .and_then(|node| self.names.state(node, self.findings));
        for entry in record.entries() {
            let node = &entry.value;
            let wanted = match entry.key.as_str() {
                "of" => Some(LinkWanted::Exists(true)),
                "status" => {
                    let words = STATUSES.map(|word| (word, word));
                    let status = read::word(node, "a status", &words, self.findings);
                    status.map(|status| LinkWanted::Status(status.to_owned()))
                }
                "amount" => read::money(node, self.findings).map(LinkWanted::Amount),
                "expires" => self.moment(node).map(LinkWanted::Expires),
                "paid_at" => self.moment(node).map(LinkWanted::PaidAt),
                "description" => self.word(node, "a text").map(LinkWanted::Description),
                "unreachable" => {
                    let recipients = value::words(node, "a recipient", self.findings);
                    Some(LinkWanted::Unreachable(recipients))
                }
                _ => None,
            };
            let of = of.clone();
            let wanted = wanted.map(|wanted| Wanted::Link { of, wanted });
            self.add(format!("link.{}", entry.key), node, wanted);
        }
    }

    pub(super) fn receipts(&mut self, node: &Node) {
        let Some(nodes) = node.as_list() else {
            let count = self.count(node).map(Wanted::Receipts);
            return self.add("receipts", node, count);
        };
        self.add("receipts", node, Some(Wanted::Receipts(nodes.len())));
        for node in nodes {
            let Some(record) = Record::open(node, "a receipt", RECEIPT_KEYS, self.findings) else {
                continue;
            };
            let amount = record
                .get("amount")
                .and_then(|node| read::money(node, self.findings));
            let approved = record.get("approved");
            let approved =
                approved.and_then(|node| read::boolean(node, "`approved`", self.findings));
            let kind = record
                .get("type")
                .and_then(|node| self.word(node, "a receipt type"));
            let wanted = ReceiptWanted {
                amount,
                approved,
                kind,
            };
            self.add("receipts", node, Some(Wanted::Receipt(wanted)));
        }
    }
}
