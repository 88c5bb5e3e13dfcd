//! The three kinds of items files, each to raw items with their places.

use charkh::workflow_file::syntax::{self, Node};
use charkh::workflow_file::{Diagnostic, Findings, SourceFile, Span};
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::cell::{Cell, RawItem, Written};

/// The items of a file, by the ending of its name.
pub(super) fn items(source: &SourceFile, findings: &mut Findings) -> Vec<RawItem> {
    let ending = source
        .name
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .to_lowercase();
    match ending.as_str() {
        "yaml" | "yml" => yaml(source, findings),
        "json" | "csv" => {
            let Some(text) = text(source, findings) else {
                return Vec::new();
            };
            if ending == "json" {
                json(text, findings)
            } else {
                csv(text, findings)
            }
        }
        _ => {
            findings.add(
                unreadable(
                    Span::START,
                    "items come in a file that ends in .json, .yaml or .csv",
                )
                .help("rename the file to say what it is"),
            );
            Vec::new()
        }
    }
}

fn unreadable(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error("RN0101", span, message)
}

fn text<'a>(source: &'a SourceFile, findings: &mut Findings) -> Option<&'a str> {
    match std::str::from_utf8(&source.bytes) {
        Ok(text) if text.trim().is_empty() => {
            findings.add(unreadable(Span::START, "the file is empty"));
            None
        }
        Ok(text) => Some(text.trim_start_matches('\u{feff}')),
        Err(error) => {
            let message = format!("the file is not UTF-8 from byte {} on", error.valid_up_to());
            findings.add(unreadable(Span::START, message).help("save it as UTF-8"));
            None
        }
    }
}

fn yaml(source: &SourceFile, findings: &mut Findings) -> Vec<RawItem> {
    let Some(document) = syntax::parse(source, findings) else {
        return Vec::new();
    };
    let one = std::slice::from_ref(&document.root);
    let nodes = document.root.as_list().unwrap_or(one);
    nodes
        .iter()
        .filter_map(|node| yaml_item(node, findings))
        .collect()
}

fn yaml_item(node: &Node, findings: &mut Findings) -> Option<RawItem> {
    let Some(entries) = node.as_map() else {
        let message = format!(
            "an item is a map of its fields, this is {}",
            node.kind_name()
        );
        findings.add(unreadable(node.value_place(), message));
        return None;
    };
    let cell = |entry: &syntax::Entry| Cell {
        key: entry.key.clone(),
        key_span: entry.key_span,
        span: entry.value.value_place(),
        written: Written::Json(entry.value.to_json()),
    };
    Some(RawItem {
        span: node.place(),
        cells: entries.iter().map(cell).collect(),
    })
}

/// JSON keeps its own reader: the file may be long, and the place of every value is its item's.
fn json(text: &str, findings: &mut Findings) -> Vec<RawItem> {
    let parsed = if text.trim_start().starts_with('[') {
        serde_json::from_str::<Vec<&RawValue>>(text)
    } else {
        serde_json::from_str::<&RawValue>(text).map(|one| vec![one])
    };
    let raws = match parsed {
        Ok(raws) => raws,
        Err(error) => {
            let before = text
                .split_inclusive('\n')
                .take(error.line().saturating_sub(1));
            let line: usize = before.map(str::len).sum();
            let at = line
                .saturating_add(error.column().saturating_sub(1))
                .min(text.len());
            findings.add(unreadable(Span::of_range(text, at, at), error.to_string()));
            return Vec::new();
        }
    };
    let mut places = Places {
        text,
        at: 0,
        line: 1,
    };
    raws.into_iter()
        .filter_map(|raw| json_item(raw, places.of(raw.get()), findings))
        .collect()
}

/// Lines of places that come in order, each counted from the one before.
struct Places<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Places<'_> {
    /// The place of a slice of the text.
    fn of(&mut self, slice: &str) -> Span {
        let start = slice
            .as_ptr()
            .addr()
            .saturating_sub(self.text.as_ptr().addr());
        let between = self.text.get(self.at..start).unwrap_or_default();
        self.line += between.matches('\n').count();
        self.at = start;
        let before = self.text.get(..start).unwrap_or_default();
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let length = slice.lines().next().map_or(0, str::len);
        Span {
            start,
            end: start + length,
            line: self.line,
            column,
        }
    }
}

fn json_item(raw: &RawValue, span: Span, findings: &mut Findings) -> Option<RawItem> {
    match serde_json::from_str::<Pairs>(raw.get()) {
        Ok(Pairs(pairs)) => {
            let cell = |(key, json)| Cell {
                key,
                key_span: span,
                span,
                written: Written::Json(json),
            };
            Some(RawItem {
                span,
                cells: pairs.into_iter().map(cell).collect(),
            })
        }
        Err(error) => {
            let message = format!("an item is an object of its fields: {error}");
            findings.add(unreadable(span, message));
            None
        }
    }
}

/// The keys and values of an object, each key once.
struct Pairs(Vec<(String, Json)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs: Vec<(String, Json)> = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, Json>()? {
                    if pairs.iter().any(|(other, _)| *other == key) {
                        return Err(serde::de::Error::custom(format!("`{key}` is here twice")));
                    }
                    pairs.push((key, value));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A table whose first line has the keys. Empty cells are left out.
fn csv(text: &str, findings: &mut Findings) -> Vec<RawItem> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let headings = match reader.headers() {
        Ok(headings) => headings.clone(),
        Err(error) => {
            findings.add(unreadable(Span::START, error.to_string()));
            return Vec::new();
        }
    };
    let first = text.lines().next().map_or(0, str::len);
    let heading = Span {
        start: 0,
        end: first,
        line: 1,
        column: 1,
    };
    let mut seen = std::collections::BTreeSet::new();
    for name in &headings {
        if !seen.insert(name) {
            findings.add(unreadable(
                heading,
                format!("the column `{name}` is here twice"),
            ));
        }
    }
    let mut items = Vec::new();
    for record in reader.records() {
        match record {
            Ok(record) => items.push(csv_item(text, &headings, heading, &record)),
            Err(error) => {
                let span = error
                    .position()
                    .map_or(Span::START, |place| csv_place(text, place));
                findings.add(unreadable(span, error.to_string()));
            }
        }
    }
    items
}

fn csv_item(
    text: &str,
    headings: &csv::StringRecord,
    heading: Span,
    record: &csv::StringRecord,
) -> RawItem {
    let span = record
        .position()
        .map_or(Span::START, |place| csv_place(text, place));
    let cells = headings
        .iter()
        .zip(record)
        .filter(|(_, typed)| !typed.is_empty())
        .map(|(key, typed)| Cell {
            key: key.to_owned(),
            key_span: heading,
            span,
            written: Written::Text(typed.to_owned()),
        })
        .collect();
    RawItem { span, cells }
}

fn csv_place(text: &str, place: &csv::Position) -> Span {
    let start = usize::try_from(place.byte()).unwrap_or_default();
    let line = usize::try_from(place.line()).unwrap_or_default();
    let length = text
        .get(start..)
        .and_then(|rest| rest.lines().next())
        .map_or(0, str::len);
    Span {
        start,
        end: start + length,
        line,
        column: 1,
    }
}
