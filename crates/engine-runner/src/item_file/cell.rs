//! One value of an item, as its file has it.

use charkh::values::{FieldType, Value, ValueError};
use charkh::workflow_file::Span;
use serde_json::Value as Json;

use super::FieldCurrency;

/// An item before its values are read.
#[derive(Debug)]
pub(super) struct RawItem {
    /// Where it begins.
    pub(super) span: Span,
    /// Its values.
    pub(super) cells: Vec<Cell>,
}

/// A value with its key.
#[derive(Debug)]
pub(super) struct Cell {
    /// The key, or the heading of the column.
    pub(super) key: String,
    /// Where the key stands.
    pub(super) key_span: Span,
    /// Where the value stands.
    pub(super) span: Span,
    /// What is written.
    pub(super) written: Written,
}

/// What is written.
#[derive(Debug)]
pub(super) enum Written {
    /// A value of JSON or YAML, which says of what kind it is.
    Json(Json),
    /// A cell of a table, where everything is text.
    Text(String),
}

impl RawItem {
    /// The cell of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.key == key)
    }
}

impl Cell {
    /// The value as text; nothing is an empty text.
    pub(super) fn text(&self) -> String {
        match &self.written {
            Written::Json(Json::Null) => String::new(),
            Written::Json(Json::String(text)) | Written::Text(text) => text.trim().to_owned(),
            Written::Json(other) => other.to_string(),
        }
    }

    /// The value as the field's type has it.
    pub(super) fn value(
        &self,
        kind: &FieldType,
        currency: FieldCurrency,
    ) -> Result<Value, ValueError> {
        match &self.written {
            Written::Text(text) => Value::parse(text, kind, currency),
            // A price typed as in a table, in the field's own currency.
            Written::Json(Json::String(text)) if *kind == FieldType::Money => {
                Value::parse(text, kind, currency)
            }
            Written::Json(json) => Value::from_json(json, kind),
        }
    }
}
