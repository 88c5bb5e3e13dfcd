//! Single values of the typed form.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// A name of a state, an event, an action.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Name(pub(crate) String);

impl JsonSchema for Name {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Name")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z][a-z0-9_-]{0,63}$" })
    }
}

/// A length of time.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct DurationText(pub(crate) String);

impl JsonSchema for DurationText {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Duration")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time: `1w`, `2d`, `12h`, `30m`, `45s`, `1d12h`. A day has 24 hours.",
            "pattern": "^[0-9۰-۹٠-٩]+\\s*[wdhmsWDHMS](\\s*[0-9۰-۹٠-٩]+\\s*[wdhmsWDHMS])*$",
            "examples": ["2d", "1d12h", "30m"]
        })
    }
}

/// A day in either calendar.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct DateText(pub(crate) String);

impl JsonSchema for DateText {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Date")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A day: `1405/06/31` (Jalali) or `2026-09-22` (Gregorian).",
            "pattern": "^[0-9۰-۹٠-٩]{4}([/-])[0-9۰-۹٠-٩]{1,2}\\1[0-9۰-۹٠-٩]{1,2}$",
            "examples": ["1405/06/31", "2026-09-22"]
        })
    }
}

/// A whole number, in digits of any script.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum WholeNumber {
    /// In Latin digits.
    Number(i64),
    /// In other digits, or with separators.
    Text(String),
}

impl JsonSchema for WholeNumber {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("WholeNumber")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "oneOf": [
                { "type": "integer", "minimum": 1 },
                { "type": "string", "pattern": "^[0-9۰-۹٠-٩_٬]+$" }
            ]
        })
    }
}

/// One, or several tried in order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum OneOrMany<T> {
    /// One.
    One(T),
    /// Several.
    Many(Vec<T>),
}
