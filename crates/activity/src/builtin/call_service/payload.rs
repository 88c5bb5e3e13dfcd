//! The body of a call: JSON with values of the item in it.

use std::collections::BTreeMap;

use chrono::SecondsFormat;
use expression::Reads;
use rust_decimal::prelude::ToPrimitive;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use values::Value;

use crate::PlanContext;
use crate::problem::{Place, codes};
use crate::settings::{Check, Source, SourceSetting, SourceType};

/// Deeper bodies are refused.
const DEPTH_MAX: usize = 32;

/// A body, compiled.
#[derive(Debug, Clone)]
pub(super) enum Payload {
    Constant(Json),
    Source(Source),
    List(Vec<Payload>),
    Map(BTreeMap<String, Payload>),
}

impl Payload {
    /// Compiles a body: a map with only `value`, `text` or `now` in it is a value of the item.
    pub(super) fn compile(body: &Json, place: &Place, check: &mut Check<'_>) -> Option<Payload> {
        Payload::at(body, place, check, 0)
    }

    fn at(body: &Json, place: &Place, check: &mut Check<'_>, depth: usize) -> Option<Payload> {
        if depth > DEPTH_MAX {
            check.error(
                codes::WRONG_TYPE,
                place,
                format!("a body is nested at most {DEPTH_MAX} deep"),
            );
            return None;
        }
        let next = depth.saturating_add(1);
        match body {
            Json::Object(entries) if is_source(entries) => {
                let setting = SourceSetting::deserialize(body).ok()?;
                Source::compile(&setting, SourceType::Any, place, check).map(Payload::Source)
            }
            Json::Object(entries) => {
                let compiled: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| {
                        Some((
                            key.clone(),
                            Payload::at(value, &place.key(key), check, next)?,
                        ))
                    })
                    .collect();
                compiled
                    .into_iter()
                    .collect::<Option<_>>()
                    .map(Payload::Map)
            }
            Json::Array(elements) => {
                let compiled: Vec<_> = elements
                    .iter()
                    .enumerate()
                    .map(|(index, value)| Payload::at(value, &place.index(index), check, next))
                    .collect();
                compiled
                    .into_iter()
                    .collect::<Option<_>>()
                    .map(Payload::List)
            }
            constant => Some(Payload::Constant(constant.clone())),
        }
    }

    /// What it reads.
    pub(super) fn reads(&self) -> Vec<&Reads> {
        match self {
            Payload::Constant(_) => Vec::new(),
            Payload::Source(source) => source.reads().into_iter().collect(),
            Payload::List(elements) => elements.iter().flat_map(Payload::reads).collect(),
            Payload::Map(entries) => entries.values().flat_map(Payload::reads).collect(),
        }
    }

    /// The body for one item.
    pub(super) fn render(&self, context: &PlanContext<'_>) -> Result<Json, String> {
        match self {
            Payload::Constant(json) => Ok(json.clone()),
            Payload::Source(source) => source
                .read(context)
                .map(|value| to_json(&value))
                .map_err(|error| error.to_string()),
            Payload::List(elements) => elements
                .iter()
                .map(|element| element.render(context))
                .collect::<Result<_, _>>()
                .map(Json::Array),
            Payload::Map(entries) => entries
                .iter()
                .map(|(key, value)| Ok((key.clone(), value.render(context)?)))
                .collect::<Result<_, String>>()
                .map(Json::Object),
        }
    }
}

fn is_source(entries: &Map<String, Json>) -> bool {
    let mut entries = entries.iter();
    match (entries.next(), entries.next()) {
        (Some((key, value)), None) => match key.as_str() {
            "value" | "text" => value.is_string(),
            "now" => value == &Json::Bool(true),
            _ => false,
        },
        _ => false,
    }
}

/// A value as JSON that any reader takes: whole numbers as numbers, others exactly as text, money
/// as its amount in text and its currency.
fn to_json(value: &Value) -> Json {
    match value {
        Value::Empty => Json::Null,
        Value::Bool(yes) => Json::Bool(*yes),
        Value::Number(number) => {
            let whole = number.fract().is_zero().then(|| number.to_i64()).flatten();
            whole.map_or_else(|| Json::String(number.normalize().to_string()), Json::from)
        }
        Value::Money(money) => {
            json!({ "amount": money.amount().to_string(), "currency": money.currency().code() })
        }
        Value::List(values) => Json::Array(values.iter().map(to_json).collect()),
        other => Json::String(as_text(other)),
    }
}

/// A value as text that a machine reads.
pub(super) fn as_text(value: &Value) -> String {
    match value {
        Value::Bool(yes) => yes.to_string(),
        Value::Instant(at) => at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        other => other.to_string(),
    }
}
