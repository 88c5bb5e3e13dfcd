//! `expect`: what must be so.

mod link;
mod message;
mod task;

use host::Medium;
use state_machine::End;
use values::ItemRef;
use workflow_file::read::{self, Record};
use workflow_file::syntax::{Entry, Node};
use workflow_file::{Diagnostic, Findings};

use super::names::Names;
use super::script::{Check, Expect, Moment, Wanted};
use super::{place, value};

/// The keys of an expectation.
pub(super) const EXPECT_KEYS: &[&str] = &[
    "state",
    "ended",
    "stage",
    "fields",
    "filled",
    "link",
    "links",
    "sms",
    "email",
    "messages",
    "receipts",
    "payments",
    "balance",
    "timers",
    "incident",
    "task",
    "attention",
    "actions",
    "passed",
    "visits",
    "notices",
    "created",
    "crm",
    "gateway_creates",
    "gateway_links",
];

/// The keys of an expected link.
pub(super) const LINK_KEYS: &[&str] = &[
    "of",
    "status",
    "amount",
    "expires",
    "paid_at",
    "description",
    "unreachable",
];

/// The keys of an expected message.
pub(super) const MESSAGE_KEYS: &[&str] = &["to", "of", "contains", "count"];

/// The keys of an expected receipt.
pub(super) const RECEIPT_KEYS: &[&str] = &["amount", "approved", "type"];

/// The keys of an expected timer.
pub(super) const TIMER_KEYS: &[&str] = &["name", "due"];

/// The keys of an expected task.
pub(super) const TASK_KEYS: &[&str] = &["assigned", "claimed_by"];

/// The keys of what the CRM must hold.
pub(super) const CRM_KEYS: &[&str] = &["approved", "fields"];

/// The word for nothing.
const NONE: &str = "none";

struct Checks<'a, 'f> {
    names: &'a Names<'a>,
    findings: &'f mut Findings,
    list: Vec<Check>,
}

pub(super) fn expect(
    node: &Node,
    item: ItemRef,
    names: &Names<'_>,
    findings: &mut Findings,
) -> Option<Expect> {
    let record = Record::open(node, "an expectation", EXPECT_KEYS, findings)?;
    let mut checks = Checks {
        names,
        findings,
        list: Vec::new(),
    };
    for entry in record.entries() {
        checks.entry(entry);
    }
    if record.entries().is_empty() {
        let message = "an expectation without a key expects nothing";
        findings.add(Diagnostic::error("WF0615", node.place(), message).label("empty"));
        return None;
    }
    Some(Expect {
        item,
        checks: checks.list,
    })
}

fn is_none(node: &Node) -> bool {
    node.as_text() == Some(NONE)
}

impl Checks<'_, '_> {
    fn add(&mut self, key: impl Into<String>, node: &Node, wanted: Option<Wanted>) {
        if let Some(wanted) = wanted {
            self.list.push(Check {
                place: place(node.place()),
                key: key.into(),
                wanted,
            });
        }
    }

    fn count(&mut self, node: &Node) -> Option<usize> {
        value::count(node, "a number of things", self.findings)
    }

    fn word(&mut self, node: &Node, what: &str) -> Option<String> {
        value::word(node, what, self.findings)
    }

    /// A name, or `none`.
    fn maybe(&mut self, node: &Node, what: &str) -> Option<Option<String>> {
        Some(self.word(node, what)?).map(|word| (word != NONE).then_some(word))
    }

    fn entry(&mut self, entry: &Entry) {
        let (key, node) = (entry.key.as_str(), &entry.value);
        match key {
            "state" => {
                let state = self.names.state(node, self.findings).map(Wanted::State);
                self.add(key, node, state);
            }
            "ended" => {
                let ended = self.ended(node);
                self.add(key, node, ended);
            }
            "stage" => {
                let stage = self.maybe(node, "a stage").map(Wanted::Stage);
                self.add(key, node, stage);
            }
            "fields" => self.fields("", node, Wanted::Field),
            "filled" => self.filled(node),
            "link" => self.link(node),
            "sms" => self.messages(Medium::Sms, node),
            "email" => self.messages(Medium::Email, node),
            "receipts" => self.receipts(node),
            "timers" => {
                let timers = self.timers(node).map(Wanted::Timers);
                self.add(key, node, timers);
            }
            "incident" => {
                let incident = self.maybe(node, "a code").map(Wanted::Incident);
                self.add(key, node, incident);
            }
            "task" => self.task(node),
            "attention" => self.attention(node),
            "actions" => self.actions(node),
            "passed" => {
                let nodes = read::elements(node, "a list of states", self.findings);
                let names = self.names;
                let states = nodes.map(|nodes| {
                    nodes
                        .iter()
                        .filter_map(|node| names.state(node, self.findings))
                        .collect()
                });
                self.add(key, node, states.map(Wanted::Passed));
            }
            "visits" => self.visits(node),
            "notices" => {
                for node in
                    read::elements(node, "a list of notices", self.findings).unwrap_or_default()
                {
                    let notice = self.word(node, "a notice").map(Wanted::Notice);
                    self.add(key, node, notice);
                }
            }
            "created" => self.created(node),
            "crm" => self.crm(node),
            "balance" => {
                let balance = read::money(node, self.findings).map(Wanted::Balance);
                self.add(key, node, balance);
            }
            _ => self.counted(key, node),
        }
    }

    /// The keys that only count.
    fn counted(&mut self, key: &str, node: &Node) {
        let wanted: fn(usize) -> Wanted = match key {
            "links" => Wanted::Links,
            "messages" => Wanted::Messages,
            "payments" => Wanted::Payments,
            "gateway_links" => Wanted::GatewayLinks,
            "gateway_creates" => |count| Wanted::GatewayCreates(count as u64),
            // Unknown keys were reported when the map was opened.
            _ => return,
        };
        let count = self.count(node).map(wanted);
        self.add(key, node, count);
    }

    fn ended(&mut self, node: &Node) -> Option<Wanted> {
        let words = [
            ("success", Some(End::Success)),
            ("failed", Some(End::Failed)),
            ("cancelled", Some(End::Cancelled)),
            (NONE, None),
        ];
        read::word(node, "an end", &words, self.findings).map(Wanted::Ended)
    }

    fn fields(&mut self, of: &str, node: &Node, wanted: fn(String, values::Value) -> Wanted) {
        let names = self.names;
        let fields = value::fields(node, names.fields(), names.zone, self.findings);
        for entry in node.as_map().unwrap_or_default() {
            if let Some(value) = fields.get(&entry.key) {
                let wanted = wanted(entry.key.clone(), value.clone());
                self.add(
                    format!("{of}fields.{}", entry.key),
                    &entry.value,
                    Some(wanted),
                );
            }
        }
    }

    fn filled(&mut self, node: &Node) {
        let known = self.names.fields();
        for node in read::elements(node, "a list of fields", self.findings).unwrap_or_default() {
            let Some(name) = self.word(node, "a field") else {
                continue;
            };
            if known.contains_key(&name) {
                self.add("filled", node, Some(Wanted::Filled(name)));
                continue;
            }
            let message = format!("there is no field `{name}`");
            self.findings.add(
                Diagnostic::error("WF0605", node.value_place(), message)
                    .label("no such field")
                    .did_you_mean(&name, known.keys().map(String::as_str)),
            );
        }
    }

    fn moment(&mut self, node: &Node) -> Option<Moment> {
        value::moment(node, self.names.zone, self.findings)
    }

    fn attention(&mut self, node: &Node) {
        let wanted = match node.as_list() {
            Some(_) => Some(Wanted::Attention(value::words(
                node,
                "a code",
                self.findings,
            ))),
            None if is_none(node) => Some(Wanted::AttentionCount(0)),
            None => self.count(node).map(Wanted::AttentionCount),
        };
        self.add("attention", node, wanted);
    }

    fn actions(&mut self, node: &Node) {
        let record = Record::open_any(node, "the list of actions by person", self.findings);
        for entry in record.map(|record| record.entries()).unwrap_or_default() {
            let key = Node {
                span: entry.key_span,
                key: None,
                kind: workflow_file::syntax::NodeKind::Scalar(workflow_file::syntax::Scalar {
                    text: entry.key.clone(),
                    style: workflow_file::syntax::Style::Double,
                }),
            };
            let person = self.names.person(&key, self.findings);
            let nodes = read::elements(&entry.value, "a list of actions", self.findings);
            let names = self.names;
            let actions: Option<Vec<String>> = nodes.map(|nodes| {
                nodes
                    .iter()
                    .filter_map(|node| names.action(node, self.findings))
                    .collect()
            });
            let wanted = person.zip(actions).map(|(person, mut actions)| {
                actions.sort();
                Wanted::Actions(person, actions)
            });
            self.add(format!("actions.{}", entry.key), &entry.value, wanted);
        }
    }

    fn visits(&mut self, node: &Node) {
        let record = Record::open_any(node, "the list of visits by state", self.findings);
        for entry in record.map(|record| record.entries()).unwrap_or_default() {
            let known = self.names.model().state(&entry.key).is_some();
            if !known {
                let states = self
                    .names
                    .model()
                    .states
                    .iter()
                    .map(|state| state.id.as_str());
                let message = format!("the workflow has no state `{}`", entry.key);
                self.findings.add(
                    Diagnostic::error("WF0603", entry.key_span, message)
                        .label("no such state")
                        .did_you_mean(&entry.key, states),
                );
                continue;
            }
            let count = self
                .count(&entry.value)
                .and_then(|count| u32::try_from(count).ok());
            let wanted = count.map(|count| Wanted::Visits(entry.key.clone(), count));
            self.add(format!("visits.{}", entry.key), &entry.value, wanted);
        }
    }

    fn created(&mut self, node: &Node) {
        let record = Record::open_any(node, "the list of records by entity", self.findings);
        for entry in record.map(|record| record.entries()).unwrap_or_default() {
            let count = self.count(&entry.value);
            let wanted = count.map(|count| Wanted::Created(entry.key.clone(), count));
            self.add(format!("created.{}", entry.key), &entry.value, wanted);
        }
    }

    fn crm(&mut self, node: &Node) {
        let Some(record) = Record::open(node, "what the CRM holds", CRM_KEYS, self.findings) else {
            return;
        };
        if let Some(node) = record.get("approved") {
            let approved = if is_none(node) {
                Some(Wanted::Approved(None))
            } else {
                let yes = read::boolean(node, "`approved`", self.findings);
                yes.map(|yes| Wanted::Approved(Some(yes)))
            };
            self.add("crm.approved", node, approved);
        }
        if let Some(node) = record.get("fields") {
            self.fields("crm.", node, Wanted::CrmField);
        }
    }
}
