//! What a part of an expression holds while it is evaluated, in our words and in Rhai's.

use std::any::TypeId;
use std::sync::Arc;

use rhai::{Array, Dynamic, FnPtr, ImmutableString};
use rust_decimal::Decimal;
use values::{Fields, ItemRef, TimeDelta, Value};

use crate::facts::Record;

/// A value, or one of the things that only exist inside an expression.
#[derive(Debug, Clone)]
pub(crate) enum Slot {
    Value(Value),
    Duration(TimeDelta),
    Row(Row),
    Rows(Rows),
    Test(FnPtr),
}

/// A record that is being read.
#[derive(Debug, Clone)]
pub(crate) enum Row {
    /// There is none; every field is empty.
    Absent,
    /// The item itself. The reference is only there for an expression that reads it.
    Item(Arc<Fields>, Option<ItemRef>),
    /// Any other record.
    Record(Arc<Record>),
}

/// Records that `children` found.
#[derive(Debug, Clone)]
pub(crate) struct Rows(pub(crate) Arc<Vec<Arc<Record>>>);

/// A value that Rhai has no type of its own for.
#[derive(Debug, Clone)]
pub(crate) struct Cell(pub(crate) Value);

/// A length of time, as Rhai holds it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span(pub(crate) TimeDelta);

impl Row {
    /// A field of the record; a missing field is empty.
    pub(crate) fn field(&self, name: &str) -> Value {
        let (fields, reference) = match self {
            Self::Absent => return Value::Empty,
            Self::Item(fields, reference) => (fields.as_ref(), reference.as_ref()),
            Self::Record(record) => (&record.fields, record.reference.as_ref()),
        };
        if let Some(value) = fields.get(name) {
            return value.clone();
        }
        match (name, reference) {
            ("subject", _) => fields.get("title").cloned().unwrap_or_default(),
            ("title", _) => fields.get("subject").cloned().unwrap_or_default(),
            ("id", Some(reference)) => Value::Text(reference.id().to_owned()),
            _ => Value::Empty,
        }
    }

    /// What the record is called in a message.
    pub(crate) fn label(&self) -> String {
        let reference = match self {
            Self::Record(record) => record.reference.as_ref(),
            Self::Item(_, reference) => reference.as_ref(),
            Self::Absent => None,
        };
        reference.map_or_else(|| "the record".to_owned(), ToString::to_string)
    }
}

impl Slot {
    /// Takes a value over from Rhai.
    pub(crate) fn from_rhai(value: &Dynamic) -> Self {
        if value.is_shared() {
            return Self::from_rhai(&value.flatten_clone());
        }
        if value.is_unit() {
            return Self::Value(Value::Empty);
        }
        if let Ok(yes) = value.as_bool() {
            return Self::Value(Value::Bool(yes));
        }
        if let Ok(number) = value.as_decimal() {
            return Self::Value(Value::Number(number));
        }
        if let Ok(text) = value.as_immutable_string_ref() {
            return Self::Value(Value::Text(text.to_string()));
        }
        Self::compound(value)
    }

    fn compound(value: &Dynamic) -> Self {
        if let Some(cell) = value.read_lock::<Cell>() {
            return Self::Value(cell.0.clone());
        }
        if let Some(row) = value.read_lock::<Row>() {
            return Self::Row(row.clone());
        }
        if let Some(rows) = value.read_lock::<Rows>() {
            return Self::Rows(rows.clone());
        }
        if let Some(span) = value.read_lock::<Span>() {
            return Self::Duration(span.0);
        }
        if let Some(test) = value.read_lock::<FnPtr>() {
            return Self::Test(test.clone());
        }
        if let Ok(list) = value.as_array_ref() {
            let members = list.iter().map(|member| match Self::from_rhai(member) {
                Self::Value(value) => value,
                _ => Value::Empty,
            });
            return Self::Value(Value::List(members.collect()));
        }
        Self::Value(Value::Text(value.to_string()))
    }

    /// Hands a value to Rhai.
    pub(crate) fn into_rhai(self) -> Dynamic {
        match self {
            Self::Value(value) => value_into_rhai(value),
            Self::Duration(length) => Dynamic::from(Span(length)),
            Self::Row(row) => Dynamic::from(row),
            Self::Rows(rows) => Dynamic::from(rows),
            Self::Test(test) => Dynamic::from(test),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Value(Value::Empty))
    }

    pub(crate) fn bool(yes: bool) -> Self {
        Self::Value(Value::Bool(yes))
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Value(Value::Text(text.into()))
    }

    pub(crate) fn number(number: impl Into<Decimal>) -> Self {
        Self::Value(Value::Number(number.into()))
    }

    /// How it stands in a text that an expression puts together; nothing for an empty value.
    pub(crate) fn written(&self) -> String {
        match self {
            Self::Value(value) => value.to_string(),
            Self::Duration(length) => values::format_duration(*length),
            Self::Row(_) | Self::Rows(_) | Self::Test(_) => self.kind().to_owned(),
        }
    }

    /// What kind of thing it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Value(value) => value.type_name(),
            Self::Duration(_) => "length of time",
            Self::Row(_) => "record",
            Self::Rows(_) => "records",
            Self::Test(_) => "test",
        }
    }
}

/// Texts, numbers, bools and lists become Rhai's own; the rest travels in a [`Cell`].
pub(crate) fn value_into_rhai(value: Value) -> Dynamic {
    match value {
        Value::Empty => Dynamic::UNIT,
        Value::Bool(yes) => Dynamic::from(yes),
        Value::Number(number) => Dynamic::from_decimal(number),
        Value::Text(text) | Value::Choice(text) => Dynamic::from(ImmutableString::from(text)),
        Value::List(values) => {
            Dynamic::from_array(values.into_iter().map(value_into_rhai).collect::<Array>())
        }
        other => Dynamic::from(Cell(other)),
    }
}

/// The types that operators meet at run time.
pub(crate) fn operand_types() -> [TypeId; 8] {
    [
        TypeId::of::<()>(),
        TypeId::of::<bool>(),
        TypeId::of::<Decimal>(),
        TypeId::of::<ImmutableString>(),
        TypeId::of::<Array>(),
        TypeId::of::<Cell>(),
        TypeId::of::<Span>(),
        TypeId::of::<Row>(),
    ]
}
