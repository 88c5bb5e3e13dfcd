//! Single values of a scenario: words, moments, destinations, fields of an item.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use host::{Destination, Medium};
use values::{
    Email, FieldType, Fields, Mobile, Timestamp, Value, Zone, parse_date, parse_timestamp,
};
use workflow_file::read;
use workflow_file::syntax::Node;
use workflow_file::{Diagnostic, Findings};

use super::script::Moment;

/// The name of something, whatever YAML takes it for.
pub(super) fn word(node: &Node, what: &str, findings: &mut Findings) -> Option<String> {
    match node.as_scalar().filter(|_| !node.is_null()) {
        Some(scalar) => Some(scalar.text.clone()),
        None => {
            findings.add(read::wrong_kind(node, &format!("{what} is a name")));
            None
        }
    }
}

/// An instant: RFC 3339, or local day and time.
pub(super) fn instant(node: &Node, zone: &Zone, findings: &mut Findings) -> Option<Timestamp> {
    let text = word(node, "a moment", findings)?;
    match parse_timestamp(&text, zone) {
        Ok(at) => Some(at),
        Err(error) => {
            findings.add(
                Diagnostic::error("WF0608", node.value_place(), error.to_string())
                    .label("not a moment"),
            );
            None
        }
    }
}

/// An instant, or a whole day.
pub(super) fn moment(node: &Node, zone: &Zone, findings: &mut Findings) -> Option<Moment> {
    let text = word(node, "a moment", findings)?;
    match parse_date(&text) {
        Ok(parsed) => Some(Moment::On(parsed.date)),
        Err(_) => instant(node, zone, findings).map(Moment::At),
    }
}

/// A length of time.
pub(super) fn length(node: &Node, findings: &mut Findings) -> Option<TimeDelta> {
    read::duration(node, findings).and_then(TimeDelta::try_seconds)
}

/// A number of things, from 0.
pub(super) fn count(node: &Node, what: &str, findings: &mut Findings) -> Option<usize> {
    let number = read::whole(node, what, 0..=1_000_000, findings)?;
    usize::try_from(number).ok()
}

/// A mobile number or an e-mail address.
pub(super) fn destination(
    node: &Node,
    medium: Option<Medium>,
    findings: &mut Findings,
) -> Option<Destination> {
    let text = word(node, "a destination", findings)?;
    let is_email = medium.map_or(text.contains('@'), |medium| medium == Medium::Email);
    let parsed = if is_email {
        Email::parse(&text)
            .map(Destination::Email)
            .map_err(|error| error.to_string())
    } else {
        Mobile::parse(&text)
            .map(Destination::Mobile)
            .map_err(|error| error.to_string())
    };
    match parsed {
        Ok(destination) => Some(destination),
        Err(error) => {
            findings.add(
                Diagnostic::error("WF0614", node.value_place(), error).label("reaches nobody"),
            );
            None
        }
    }
}

/// One text, or a list of them.
pub(super) fn words(node: &Node, what: &str, findings: &mut Findings) -> Vec<String> {
    match node.as_list() {
        Some(nodes) => nodes
            .iter()
            .filter_map(|node| word(node, what, findings))
            .collect(),
        None => word(node, what, findings).into_iter().collect(),
    }
}

/// Values of known fields.
pub(super) fn fields(
    node: &Node,
    known: &BTreeMap<String, FieldType>,
    zone: &Zone,
    findings: &mut Findings,
) -> Fields {
    let Some(entries) = node.as_map() else {
        findings.add(read::wrong_kind(node, "field values are a map of keys"));
        return Fields::new();
    };
    let mut fields = Fields::new();
    for entry in entries {
        let Some(kind) = known.get(&entry.key) else {
            let message = format!("there is no field `{}`", entry.key);
            findings.add(
                Diagnostic::error("WF0605", entry.key_span, message)
                    .label("no such field")
                    .did_you_mean(&entry.key, known.keys().map(String::as_str)),
            );
            continue;
        };
        if let Some(value) = field(&entry.value, &entry.key, kind, zone, findings) {
            fields.insert(entry.key.clone(), value);
        }
    }
    fields
}

/// The value of one field.
pub(super) fn field(
    node: &Node,
    name: &str,
    kind: &FieldType,
    zone: &Zone,
    findings: &mut Findings,
) -> Option<Value> {
    // A local time is plain here, because the project's zone is known.
    if *kind == FieldType::Instant && !node.is_null() {
        return instant(node, zone, findings).map(Value::Instant);
    }
    match Value::from_json(&node.to_json(), kind) {
        Ok(value) => Some(value),
        Err(error) => {
            let message = format!("`{name}` is a {} field: {error}", kind.name());
            findings.add(
                Diagnostic::error("WF0606", node.value_place(), message).label("does not fit"),
            );
            None
        }
    }
}
