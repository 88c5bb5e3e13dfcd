//! What names an expression may use, and of what type each is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use values::{Calendar, FieldType};

/// The fields of one kind of record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordType {
    /// What the record is called in messages; for a related record, its entity.
    pub name: String,
    /// Its fields by name.
    pub fields: BTreeMap<String, FieldType>,
    /// The fields that always hold a value; every other one may be empty.
    pub required: BTreeSet<String>,
}

impl RecordType {
    /// A record without fields.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// The same record with one more field.
    #[must_use]
    pub fn with(mut self, field: impl Into<String>, field_type: FieldType) -> Self {
        self.fields.insert(field.into(), field_type);
        self
    }

    /// Adds what every item has: `id`, `number`, `title`, `subject` (the title by another name),
    /// `description`, `creator`, `owner`, `created_at`, `modified_at`, `stage`, `kind`. A field that
    /// is declared with one of these names keeps its own type.
    #[must_use]
    pub fn with_standard_fields(mut self) -> Self {
        for (name, field_type) in &STANDARD.fields {
            self.fields
                .entry(name.clone())
                .or_insert_with(|| field_type.clone());
        }
        self.required.insert("id".to_owned());
        self
    }

    fn require_all(mut self) -> Self {
        self.required = self.fields.keys().cloned().collect();
        self
    }
}

/// Everything an expression of one workflow may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The item the workflow runs on: `item.…`.
    pub item: RecordType,
    /// The person or company the item is about: `party.…`, or `identity.…`.
    pub party: RecordType,
    /// Other items by entity: `parent("…")`, `children("…")`, and what reference fields point at.
    /// An entity named `item`, `party`, `link`, `process` or `event` would be hidden by the record
    /// of that name.
    pub related: BTreeMap<String, RecordType>,
    /// The states of the workflow: `visits("…")`, `last_actor("…")`.
    pub states: Vec<String>,
    /// The states that make a payment link: `link_of("…")`.
    pub link_states: Vec<String>,
    /// The payload of the event at hand: `event.…`. `None` where there is no event.
    pub event: Option<RecordType>,
}

impl Schema {
    /// A schema for an item with its own fields; adds the standard ones, and the party's.
    #[must_use]
    pub fn new(item: RecordType) -> Self {
        Self {
            item: item.with_standard_fields(),
            party: PARTY.clone(),
            related: BTreeMap::new(),
            states: Vec::new(),
            link_states: Vec::new(),
            event: None,
        }
    }

    /// The same schema with one more kind of related item; adds the standard fields to it.
    #[must_use]
    pub fn relate(mut self, record: RecordType) -> Self {
        self.related
            .insert(record.name.clone(), record.with_standard_fields());
        self
    }

    /// The record that a [`Type::Record`](crate::Type::Record) names.
    pub(crate) fn record(&self, name: &str) -> Option<&RecordType> {
        match name {
            "item" => Some(&self.item),
            "party" => Some(&self.party),
            "process" => Some(&PROCESS),
            "link" => Some(&LINK),
            "event" => self.event.as_ref(),
            entity => self.related.get(entity),
        }
    }
}

static STANDARD: LazyLock<RecordType> = LazyLock::new(|| {
    RecordType::new("item")
        .with("id", FieldType::Text)
        .with("number", FieldType::Text)
        .with("title", FieldType::Text)
        .with("subject", FieldType::Text)
        .with("description", FieldType::Text)
        .with("creator", FieldType::User)
        .with("owner", FieldType::User)
        .with("created_at", FieldType::Instant)
        .with("modified_at", FieldType::Instant)
        .with("stage", FieldType::Text)
        .with("kind", FieldType::Text)
});

static PARTY: LazyLock<RecordType> = LazyLock::new(|| {
    RecordType::new("party")
        .with("id", FieldType::Text)
        .with("name", FieldType::Text)
        .with("number", FieldType::Text)
        .with("mobile", FieldType::Text)
        .with("email", FieldType::Text)
        .with("is_lead", FieldType::Bool)
        .with("language", FieldType::Text)
        .with("kind", choice(&["person", "company"]))
        .with("balance", FieldType::Money)
});

static PROCESS: LazyLock<RecordType> = LazyLock::new(|| {
    RecordType::new("process")
        .with("state", FieldType::Text)
        .with("entered_at", FieldType::Instant)
        .with("started_at", FieldType::Instant)
        .require_all()
});

static LINK: LazyLock<RecordType> = LazyLock::new(|| {
    RecordType::new("link")
        .with("id", FieldType::Text)
        .with("url", FieldType::Link)
        .with("status", FieldType::Text)
        .with("amount", FieldType::Money)
        .with("expires_at", FieldType::Instant)
        .with(
            "expires_on",
            FieldType::Date {
                calendar: Calendar::Gregorian,
            },
        )
        .with("paid_at", FieldType::Instant)
        .with("tracking_no", FieldType::Text)
        .with("state", FieldType::Text)
});

fn choice(options: &[&str]) -> FieldType {
    FieldType::Choice {
        options: options.iter().map(|option| (*option).to_owned()).collect(),
    }
}
