//! Declarations: fields, the party's fields, related entities, events.

use std::collections::BTreeMap;

use state_machine::{EventKind, Field, Late, PAYMENT_OUTCOMES};
use values::{Calendar, Currency, FieldType};

use crate::diagnostic::{Diagnostic, Findings};
use crate::read::{self, Record};
use crate::syntax::{Entry, Node};

/// Keys that say what a field holds.
pub(crate) const TYPE_KEYS: &[&str] = &["type", "calendar", "currency", "options", "of", "entity"];

/// Keys of a declared field.
pub(crate) const FIELD_KEYS: &[&str] = &[
    "type", "calendar", "currency", "options", "of", "entity", "label", "personal",
];

/// Keys of an event.
pub(crate) const EVENT_KEYS: &[&str] = &["payload", "keep", "late"];

/// How long an early event waits where nothing else is said, in seconds.
const KEEP_DEFAULT: i64 = 7 * 86_400;

/// What every item has without declaring it, by type.
pub(crate) const STANDARD_FIELDS: [(&str, FieldType); 11] = [
    ("id", FieldType::Text),
    ("number", FieldType::Text),
    ("title", FieldType::Text),
    ("subject", FieldType::Text),
    ("description", FieldType::Text),
    ("creator", FieldType::User),
    ("owner", FieldType::User),
    ("created_at", FieldType::Instant),
    ("modified_at", FieldType::Instant),
    ("stage", FieldType::Text),
    ("kind", FieldType::Text),
];

/// The words for types; the part behind them is read from further keys.
pub(crate) const TYPE_WORDS: [&str; 15] = [
    "text", "number", "money", "bool", "date", "time", "instant", "user", "group", "position",
    "item", "receipt", "link", "choice", "list",
];

/// The item's fields.
pub(super) fn declared(workflow: &Record<'_>, findings: &mut Findings) -> BTreeMap<String, Field> {
    let Some(node) = workflow.get("fields") else {
        return BTreeMap::new();
    };
    named(node, "the list of fields", findings, |entry, findings| {
        let record = Record::open(&entry.value, "a field", FIELD_KEYS, findings)?;
        let kind = type_of(&record, findings)?;
        let label = record
            .get("label")
            .and_then(|node| read::label(node, "a label", findings));
        let currency = record
            .get("currency")
            .and_then(|node| currency(node, findings));
        let personal = record.get("personal");
        let personal = personal.and_then(|node| read::boolean(node, "`personal`", findings));
        check_standard(entry, &kind, findings);
        Some(Field {
            kind,
            label,
            currency,
            personal: personal.unwrap_or(false),
        })
    })
}

fn check_standard(entry: &Entry, kind: &FieldType, findings: &mut Findings) {
    let standard = STANDARD_FIELDS.iter().find(|(name, _)| *name == entry.key);
    if let Some((name, own)) = standard.filter(|(_, own)| own != kind) {
        let message = format!(
            "every item has `{name}` already, and it is of type {}",
            own.name()
        );
        findings.add(
            Diagnostic::error("WF0221", entry.key_span, message)
                .label("declared again with another type")
                .help("remove this field, or give it another name"),
        );
    }
}

/// The party's own fields.
pub(super) fn party(workflow: &Record<'_>, findings: &mut Findings) -> BTreeMap<String, FieldType> {
    workflow
        .get("party")
        .map(|node| record_fields(node, findings))
        .unwrap_or_default()
}

/// The fields of related entities.
pub(super) fn related(
    workflow: &Record<'_>,
    findings: &mut Findings,
) -> BTreeMap<String, BTreeMap<String, FieldType>> {
    let Some(node) = workflow.get("related") else {
        return BTreeMap::new();
    };
    let Some(record) = Record::open_any(node, "the list of related entities", findings) else {
        return BTreeMap::new();
    };
    let mut related = BTreeMap::new();
    for entry in record.entries() {
        if read::good_name(&entry.key, entry.key_span, findings) {
            let mut fields = record_fields(&entry.value, findings);
            if state_machine::FINANCIAL_ENTITIES.contains(&entry.key.as_str()) {
                fields
                    .entry("final_amount".to_owned())
                    .or_insert(FieldType::Money);
            }
            related.insert(entry.key.clone(), fields);
        }
    }
    related
}

fn record_fields(node: &Node, findings: &mut Findings) -> BTreeMap<String, FieldType> {
    let record = Record::open(node, "a record", &["fields"], findings);
    let fields = record.and_then(|record| record.need("fields", findings));
    fields.map(|node| types(node, findings)).unwrap_or_default()
}

fn types(node: &Node, findings: &mut Findings) -> BTreeMap<String, FieldType> {
    named(node, "the list of fields", findings, |entry, findings| {
        let record = Record::open(&entry.value, "a field", TYPE_KEYS, findings)?;
        if let Some(node) = record.get("currency") {
            currency(node, findings);
        }
        type_of(&record, findings)
    })
}

/// The events the workflow may receive.
pub(super) fn events(
    workflow: &Record<'_>,
    findings: &mut Findings,
) -> BTreeMap<String, EventKind> {
    let Some(node) = workflow.get("events") else {
        return BTreeMap::new();
    };
    let Some(record) = Record::open_any(node, "the list of events", findings) else {
        return BTreeMap::new();
    };
    let mut events = BTreeMap::new();
    for entry in record.entries() {
        if !read::good_name(&entry.key, entry.key_span, findings) {
            continue;
        }
        if PAYMENT_OUTCOMES.contains(&entry.key.as_str()) {
            let message = format!("`{}` is what payment links report by themselves", entry.key);
            findings.add(
                Diagnostic::error("WF0225", entry.key_span, message)
                    .label("not a name for an event")
                    .help("give the event another name, or remove it and route the payment's word"),
            );
            continue;
        }
        events.insert(entry.key.clone(), event(&entry.value, findings));
    }
    events
}

fn event(node: &Node, findings: &mut Findings) -> EventKind {
    let mut kind = EventKind {
        keep_seconds: KEEP_DEFAULT,
        ..EventKind::default()
    };
    let Some(record) = Record::open(node, "an event", EVENT_KEYS, findings) else {
        return kind;
    };
    if let Some(node) = record.get("payload") {
        kind.payload = types(node, findings);
    }
    if let Some(seconds) = record
        .get("keep")
        .and_then(|node| read::duration(node, findings))
    {
        kind.keep_seconds = seconds;
    }
    let words = [("record", Late::Record), ("ignore", Late::Ignore)];
    let late = record.get("late");
    if let Some(late) =
        late.and_then(|node| read::word(node, "a word for `late`", &words, findings))
    {
        kind.late = late;
    }
    kind
}

/// A map from names of fields to something.
fn named<T>(
    node: &Node,
    what: &'static str,
    findings: &mut Findings,
    read: impl Fn(&Entry, &mut Findings) -> Option<T>,
) -> BTreeMap<String, T> {
    let Some(record) = Record::open_any(node, what, findings) else {
        return BTreeMap::new();
    };
    let mut named = BTreeMap::new();
    for entry in record.entries() {
        let good = read::good_field_name(&entry.key, entry.key_span, findings);
        if let Some(value) = read(entry, findings).filter(|_| good) {
            named.insert(entry.key.clone(), value);
        }
    }
    named
}

fn currency(node: &Node, findings: &mut Findings) -> Option<Currency> {
    let words = Currency::ALL.map(|currency| (currency.code(), currency));
    read::word(node, "a currency", &words, findings)
}

/// The type that a record describes, with the keys that belong to it.
fn type_of(record: &Record<'_>, findings: &mut Findings) -> Option<FieldType> {
    let word = type_word(record.need("type", findings)?, findings)?;
    check_keys(record, word, findings);
    Some(match word {
        "date" => FieldType::Date {
            calendar: calendar(record, findings),
        },
        "item" => {
            let entity = record.get("entity");
            let entity = entity.and_then(|node| read::name(node, "an entity", findings));
            FieldType::Item { entity }
        }
        "choice" => FieldType::Choice {
            options: options(record, findings)?,
        },
        "list" => FieldType::List {
            of: Box::new(element(record.need("of", findings)?, findings)?),
        },
        simple => simple_type(simple)?,
    })
}

fn type_word(node: &Node, findings: &mut Findings) -> Option<&'static str> {
    let words = TYPE_WORDS.map(|word| (word, word));
    read::word(node, "a type", &words, findings)
}

fn simple_type(word: &str) -> Option<FieldType> {
    Some(match word {
        "text" => FieldType::Text,
        "number" => FieldType::Number,
        "money" => FieldType::Money,
        "bool" => FieldType::Bool,
        "date" => FieldType::Date {
            calendar: Calendar::Gregorian,
        },
        "time" => FieldType::Time,
        "instant" => FieldType::Instant,
        "user" => FieldType::User,
        "group" => FieldType::Group,
        "position" => FieldType::Position,
        "item" => FieldType::Item { entity: None },
        "receipt" => FieldType::Receipt,
        "link" => FieldType::Link,
        _ => return None,
    })
}

/// The type of a list's elements: one word, or a map where the type needs more.
fn element(node: &Node, findings: &mut Findings) -> Option<FieldType> {
    let of = match node.as_map() {
        Some(_) => type_of(
            &Record::open(node, "a type", TYPE_KEYS, findings)?,
            findings,
        )?,
        None => {
            let word = type_word(node, findings)?;
            if let Some(of) = simple_type(word) {
                of
            } else {
                let message = format!("a list of {word} needs more than one word");
                let help = match word {
                    "choice" => "write `of: { type: choice, options: [...] }`",
                    _ => "a list holds single values",
                };
                findings.add(
                    Diagnostic::error("WF0112", node.value_place(), message)
                        .label("not enough")
                        .help(help),
                );
                return None;
            }
        }
    };
    if matches!(of, FieldType::List { .. }) {
        let message = "a list cannot hold lists";
        findings
            .add(Diagnostic::error("WF0112", node.value_place(), message).label("a list again"));
        return None;
    }
    Some(of)
}

fn calendar(record: &Record<'_>, findings: &mut Findings) -> Calendar {
    let words = [
        ("jalali", Calendar::Jalali),
        ("gregorian", Calendar::Gregorian),
    ];
    let node = record.get("calendar");
    let calendar = node.and_then(|node| read::word(node, "a calendar", &words, findings));
    calendar.unwrap_or(Calendar::Gregorian)
}

fn options(record: &Record<'_>, findings: &mut Findings) -> Option<Vec<String>> {
    let node = record.need("options", findings)?;
    let nodes = read::elements(node, "a list of options", findings)?;
    if nodes.is_empty() {
        let message = "a choice needs an option";
        findings.add(Diagnostic::error("WF0113", node.value_place(), message).label("empty"));
        return None;
    }
    read::refuse_repeats(nodes, findings);
    let options: Vec<String> = nodes
        .iter()
        .filter_map(|node| read::filled_text(node, "an option", findings))
        .collect();
    Some(options)
}

/// Keys that mean nothing for the type.
fn check_keys(record: &Record<'_>, word: &str, findings: &mut Findings) {
    for (key, owner) in [
        ("calendar", "date"),
        ("currency", "money"),
        ("options", "choice"),
        ("of", "list"),
        ("entity", "item"),
    ] {
        if let Some(entry) = record.node().entry(key).filter(|_| owner != word) {
            let message = format!("`{key}` belongs to the type {owner}, this is {word}");
            findings.add(
                Diagnostic::error("WF0114", entry.key_span, message)
                    .label("means nothing here")
                    .help(format!("remove it, or write `type: {owner}`")),
            );
        }
    }
}
