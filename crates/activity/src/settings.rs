//! Reading an activity's settings: every mistake in one pass, then a typed value.
//!
//! The shape is declared once, as a Rust type with [`schemars::JsonSchema`]: editors get its
//! schema, [`decode`] walks the settings against the same schema for mistakes with places, and
//! serde makes the value.

mod check;
mod source;
mod walk;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::problem::{Place, Problem, codes};

pub(crate) use check::{Check, with_article};
pub(crate) use source::{Source, SourceSetting, SourceType};

/// The JSON Schema of a settings type.
pub fn schema_of<T: JsonSchema>() -> Json {
    schemars::SchemaGenerator::default()
        .into_root_schema_for::<T>()
        .to_value()
}

/// Reads settings into their type.
///
/// # Errors
///
/// Every unknown key, wrong type, missing setting and unknown word, each with its place.
pub fn decode<T: DeserializeOwned + JsonSchema>(settings: &Json) -> Result<T, Vec<Problem>> {
    // `with:` may be left out where nothing is required.
    let empty = Json::Object(serde_json::Map::new());
    let settings = if settings.is_null() { &empty } else { settings };
    let problems = walk::mistakes(settings, &schema_of::<T>());
    if !problems.is_empty() {
        return Err(problems);
    }
    T::deserialize(settings).map_err(|error| {
        vec![Problem::new(
            codes::WRONG_TYPE,
            &Place::root(),
            error.to_string(),
        )]
    })
}

/// A single value as YAML has it: a text, a whole number, or yes and no. Numbers with a fraction
/// arrive as text, so that they stay exact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Scalar(pub(crate) Json);

impl Scalar {
    /// What was written.
    pub(crate) fn text(&self) -> String {
        match &self.0 {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Scalar, D::Error> {
        match Json::deserialize(deserializer)? {
            json @ (Json::String(_) | Json::Number(_) | Json::Bool(_)) => Ok(Scalar(json)),
            _ => Err(serde::de::Error::custom("a single value is expected")),
        }
    }
}

impl JsonSchema for Scalar {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Scalar")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

/// `{ field: name }`: the value of a field of the item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldRef {
    /// The field of the item.
    pub(crate) field: String,
}
