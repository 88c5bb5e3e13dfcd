//! `given`: what is so before anything happens.

use std::collections::BTreeMap;

use values::{FieldType, Fields, ItemRef};
use workflow_file::read::{self, Record};
use workflow_file::syntax::{Entry, Node};
use workflow_file::{Diagnostic, Findings};

use super::names::Names;
use super::script::{
    CrmFault, CrmReply, Given, GivenItem, GivenRecord, MessageFaults, Service, ServiceReply,
};
use super::{people, play, value};

/// The keys of `given`.
pub(super) const GIVEN_KEYS: &[&str] = &[
    "party", "people", "item", "items", "related", "gateway", "gateways", "messages", "crm",
    "services",
];

/// The keys of `related`.
pub(super) const RELATED_KEYS: &[&str] = &["parent", "children"];

/// The keys of `messages`.
pub(super) const MESSAGE_KEYS: &[&str] = &["refuse", "unavailable"];

/// The keys of a fault of the CRM.
pub(super) const CRM_KEYS: &[&str] = &["on", "refuse", "unavailable", "lost"];

/// The writes that a fault may be about.
pub(super) const CRM_WRITES: [&str; 8] = [
    "set_fields",
    "set_stage",
    "approve",
    "reject",
    "create_item",
    "register_receipt",
    "notify",
    "attach_receipt",
];

/// The keys of a scripted service.
pub(super) const SERVICE_KEYS: &[&str] = &["when", "reply"];
const SERVICE_WHEN_KEYS: &[&str] = &["method", "url"];
const SERVICE_REPLY_KEYS: &[&str] = &["status", "json"];

/// A word or a list asks for at most this many failures in a row.
const FAILURES_MAX: i64 = 1_000;

pub(super) fn given(node: &Node, names: &mut Names<'_>, findings: &mut Findings) -> Option<Given> {
    let record = Record::open(node, "`given`", GIVEN_KEYS, findings)?;
    let users = record
        .get("people")
        .map(|node| people::people(node, names, findings));
    let party = record
        .get("party")
        .and_then(|node| people::party(node, names, findings));
    let items = items(&record, names, findings);
    let related = record
        .get("related")
        .map(|node| related(node, names, findings));
    let (all, named) = (record.get("gateway"), record.get("gateways"));
    let gateways = play::gateways(all, named, names, findings);
    let messages = record
        .get("messages")
        .and_then(|node| messages(node, findings));
    let crm = record
        .get("crm")
        .map(|node| play::list(node, "a list of faults", findings));
    let crm = crm
        .unwrap_or_default()
        .iter()
        .filter_map(|node| crm_fault(node, findings))
        .collect();
    let services = record.get("services");
    let services = services.map(|node| play::list(node, "a list of services", findings));
    let services = services
        .unwrap_or_default()
        .iter()
        .filter_map(|node| service(node, findings))
        .collect();
    Some(Given {
        party,
        people: users.unwrap_or_default(),
        items,
        related: related.unwrap_or_default(),
        gateways,
        messages: messages.unwrap_or_default(),
        crm,
        services,
    })
}

fn items(record: &Record<'_>, names: &mut Names<'_>, findings: &mut Findings) -> Vec<GivenItem> {
    let Some(entry) = record.one_of(&["item", "items"], findings) else {
        return Vec::new();
    };
    if entry.key == "item" {
        return item(&entry.value, "item", names, findings)
            .into_iter()
            .collect();
    }
    let Some(list) = Record::open_any(&entry.value, "the list of items", findings) else {
        return Vec::new();
    };
    if list.entries().is_empty() {
        let message = "a scenario is about an item";
        findings
            .add(Diagnostic::error("WF0113", entry.value.value_place(), message).label("empty"));
    }
    list.entries()
        .iter()
        .filter_map(|entry| item(&entry.value, &entry.key, names, findings))
        .collect()
}

/// An item; its key among several is how steps call it.
fn item(
    node: &Node,
    name: &str,
    names: &mut Names<'_>,
    findings: &mut Findings,
) -> Option<GivenItem> {
    let (id, fields) = identified(node, name, names.fields(), names, findings)?;
    let reference = ItemRef::new(names.model().entity.clone(), id).ok()?;
    names.add_item(name, reference.clone());
    Some(GivenItem { reference, fields })
}

/// A record as a map of its id and its fields.
fn identified(
    node: &Node,
    name: &str,
    known: &BTreeMap<String, FieldType>,
    names: &Names<'_>,
    findings: &mut Findings,
) -> Option<(String, Fields)> {
    let record = Record::open_any(node, "an item", findings)?;
    let id = match record.get("id") {
        Some(node) => read::id(node, "the id of an item", findings)?,
        None => name.to_owned(),
    };
    let without_id: Vec<Entry> = record
        .entries()
        .iter()
        .filter(|entry| entry.key != "id")
        .cloned()
        .collect();
    let rest = Node {
        kind: workflow_file::syntax::NodeKind::Map(without_id),
        ..node.clone()
    };
    Some((id, value::fields(&rest, known, names.zone, findings)))
}

fn related(node: &Node, names: &Names<'_>, findings: &mut Findings) -> Vec<GivenRecord> {
    let mut records = Vec::new();
    let Some(record) = Record::open(node, "`related`", RELATED_KEYS, findings) else {
        return records;
    };
    for (key, above) in [("parent", true), ("children", false)] {
        let list = record.get(key);
        let list = list.and_then(|node| Record::open_any(node, "the related records", findings));
        for entry in list.map(|list| list.entries()).unwrap_or_default() {
            let Some(known) = entity(entry, names, findings) else {
                continue;
            };
            let one = std::slice::from_ref(&entry.value);
            let nodes = entry.value.as_list().unwrap_or(one);
            for (index, node) in nodes.iter().enumerate() {
                let name = format!("{}-{}", entry.key, index + 1);
                let Some((id, fields)) = identified(node, &name, known, names, findings) else {
                    continue;
                };
                if let Ok(reference) = ItemRef::new(entry.key.clone(), id) {
                    records.push(GivenRecord {
                        reference,
                        fields,
                        above,
                    });
                }
            }
        }
    }
    records
}

/// The fields of an entity that the workflow reads.
fn entity<'a>(
    entry: &Entry,
    names: &Names<'a>,
    findings: &mut Findings,
) -> Option<&'a BTreeMap<String, FieldType>> {
    let related = &names.definition.schema().related;
    if let Some(record) = related.get(&entry.key) {
        return Some(&record.fields);
    }
    let message = format!("the workflow reads no related `{}`", entry.key);
    findings.add(
        Diagnostic::error("WF0610", entry.key_span, message)
            .label("not under `related:` of the workflow")
            .did_you_mean(&entry.key, related.keys().map(String::as_str)),
    );
    None
}

fn messages(node: &Node, findings: &mut Findings) -> Option<MessageFaults> {
    let record = Record::open(node, "`messages`", MESSAGE_KEYS, findings)?;
    let refuse = record.get("refuse");
    let refuse = refuse.map(|node| play::list(node, "a list of destinations", findings));
    let refuse = refuse
        .unwrap_or_default()
        .iter()
        .filter_map(|node| value::destination(node, None, findings))
        .collect();
    let unavailable = record
        .get("unavailable")
        .and_then(|node| times(node, findings));
    Some(MessageFaults {
        refuse,
        unavailable: unavailable.unwrap_or(0),
    })
}

fn times(node: &Node, findings: &mut Findings) -> Option<u32> {
    let times = read::whole(node, "a number of failures", 1..=FAILURES_MAX, findings)?;
    u32::try_from(times).ok()
}

fn crm_fault(node: &Node, findings: &mut Findings) -> Option<CrmFault> {
    let record = Record::open(node, "a fault of the CRM", CRM_KEYS, findings)?;
    let words = CRM_WRITES.map(|word| (word, word));
    let on = record.need("on", findings);
    let on = on.and_then(|node| read::word(node, "a write", &words, findings));
    let reply = record.one_of(&["refuse", "unavailable", "lost"], findings)?;
    let reply = match reply.key.as_str() {
        "refuse" => CrmReply::Refuse(value::word(&reply.value, "a code", findings)?),
        "lost" => CrmReply::Lost(times(&reply.value, findings)?),
        _ => CrmReply::Unavailable(times(&reply.value, findings)?),
    };
    Some(CrmFault { on: on?, reply })
}

fn service(node: &Node, findings: &mut Findings) -> Option<Service> {
    let record = Record::open(node, "a service", SERVICE_KEYS, findings)?;
    let when = record.need("when", findings)?;
    let when = Record::open(when, "`when`", SERVICE_WHEN_KEYS, findings)?;
    let url = when.need("url", findings);
    let url = url.and_then(|node| value::word(node, "an address", findings));
    let words = ["GET", "POST", "PUT", "PATCH", "DELETE"].map(|word| (word, word));
    let method = when.get("method");
    let method = method.and_then(|node| read::word(node, "a method", &words, findings));
    let reply = record.need("reply", findings)?;
    Some(Service {
        method: method.map(str::to_owned),
        url: url?,
        reply: service_reply(reply, findings)?,
    })
}

fn service_reply(node: &Node, findings: &mut Findings) -> Option<ServiceReply> {
    if node.as_text().is_some() {
        let words = [("timeout", false), ("unreachable", true)];
        let unreachable = read::word(node, "a reply", &words, findings)?;
        return Some(if unreachable {
            ServiceReply::Unreachable
        } else {
            ServiceReply::Timeout
        });
    }
    let record = Record::open(node, "a reply", SERVICE_REPLY_KEYS, findings)?;
    let status = record.get("status");
    let status = status.and_then(|node| read::whole(node, "an HTTP status", 100..=599, findings));
    let body = record.get("json").map(Node::to_json).unwrap_or_default();
    let status = status
        .and_then(|status| u16::try_from(status).ok())
        .unwrap_or(200);
    Some(ServiceReply::Answer { status, body })
}
