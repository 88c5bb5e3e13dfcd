//! The second reading: serde_yaml into the typed form.
//!
//! Two parsers that read one file differently would let it mean one thing to whoever checks it and
//! another to whoever runs it. So both must see the same tree, and the typed form must accept it.

use serde::de::DeserializeOwned;
use serde_yaml::Value as Yaml;

use crate::diagnostic::{Diagnostic, Findings, Span};
use crate::syntax::Document;
use crate::syntax::node::{Meaning, Node, NodeKind, Scalar};

pub(super) fn agree<T: DeserializeOwned>(
    document: &Document<'_>,
    findings: &mut Findings,
) -> Option<T> {
    let text = document
        .text
        .strip_prefix('\u{feff}')
        .unwrap_or(document.text);
    let value: Yaml = match serde_yaml::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            let place = error.location().map_or(Span::START, |at| {
                let start = document.text.len() - text.len() + at.index().min(text.len());
                Span::of_range(document.text, start, start)
            });
            findings.add(ambiguous(place, Some(&error.to_string())));
            return None;
        }
    };
    if let Some(place) = difference(&document.root, &value) {
        findings.add(ambiguous(place, None));
        return None;
    }
    match serde_yaml::from_value(value) {
        Ok(typed) => Some(typed),
        Err(error) => {
            findings.add(ambiguous(document.root.place(), Some(&error.to_string())));
            None
        }
    }
}

fn ambiguous(place: Span, reason: Option<&str>) -> Diagnostic {
    let mut message = "two YAML parsers read this differently".to_owned();
    if let Some(reason) = reason {
        message.push_str(": ");
        message.push_str(reason);
    }
    Diagnostic::error("WF0014", place, message)
        .label("ambiguous YAML here")
        .help("write it more simply: one value per line, doubtful texts in double quotes")
}

/// The first place where the two trees differ.
fn difference(node: &Node, value: &Yaml) -> Option<Span> {
    match (&node.kind, value) {
        (NodeKind::Map(entries), Yaml::Mapping(map)) => {
            let missing = entries
                .iter()
                .find_map(|entry| match map.get(entry.key.as_str()) {
                    Some(value) => difference(&entry.value, value),
                    // A key such as `2026` is a number to the other parser; the text is the same.
                    None if by_text(map, &entry.key).is_some() => {
                        by_text(map, &entry.key).and_then(|value| difference(&entry.value, value))
                    }
                    None => Some(entry.key_span),
                });
            missing.or_else(|| (entries.len() != map.len()).then(|| node.place()))
        }
        (NodeKind::List(nodes), Yaml::Sequence(values)) => {
            let inner = nodes
                .iter()
                .zip(values)
                .find_map(|(node, value)| difference(node, value));
            inner.or_else(|| (nodes.len() != values.len()).then(|| node.place()))
        }
        (NodeKind::Scalar(scalar), value) if same_scalar(scalar, value) => None,
        _ => Some(node.value_place()),
    }
}

fn by_text<'a>(map: &'a serde_yaml::Mapping, key: &str) -> Option<&'a Yaml> {
    map.iter().find_map(|(name, value)| {
        let text = match name {
            Yaml::Number(number) => number.to_string(),
            Yaml::Bool(yes) => yes.to_string(),
            _ => return None,
        };
        (text == key).then_some(value)
    })
}

fn same_scalar(scalar: &Scalar, value: &Yaml) -> bool {
    match (scalar.meaning(), value) {
        (Meaning::Null, Yaml::Null) => true,
        (Meaning::Bool(ours), Yaml::Bool(theirs)) => ours == *theirs,
        (Meaning::Integer, Yaml::Number(number)) => {
            // Other bases and numbers past 64 bits have no place in a workflow's numbers.
            scalar
                .text
                .parse::<i64>()
                .is_ok_and(|ours| number.as_i64() == Some(ours))
                || scalar
                    .text
                    .parse::<u64>()
                    .is_ok_and(|ours| number.as_u64() == Some(ours))
        }
        (Meaning::Float, Yaml::Number(number)) => number.is_f64(),
        (Meaning::Text, Yaml::String(theirs)) => scalar.text == *theirs,
        _ => false,
    }
}
