//! From an answer to fields of the item: checked before it touches them (clause 35).

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use values::{FieldType, Fields, Value, ValueError};

use crate::Outcome;

/// The answer is not JSON, or has nothing at the place of a field.
const ANSWER_MISSING: &str = "answer_missing";
/// The answer has a value that the field cannot hold.
const ANSWER_OF_WRONG_TYPE: &str = "answer_of_wrong_type";

/// Decimals with at most this many digits come through a JSON reader unchanged.
const EXACT_DIGITS_MAX: usize = 15;

pub(super) fn conclude(into: &BTreeMap<String, (FieldType, String)>, result: &Json) -> Outcome {
    match fields(into, result) {
        Ok(set) => {
            let mut outcome = Outcome::success();
            outcome.changes.set = set;
            outcome.result = json!({ "status": result.get("status") });
            outcome
        }
        Err(outcome) => *outcome,
    }
}

fn fields(
    into: &BTreeMap<String, (FieldType, String)>,
    result: &Json,
) -> Result<Fields, Box<Outcome>> {
    let mut set = Fields::new();
    for (field, (kind, pointer)) in into {
        let Some(json) = result.get("values").and_then(|values| values.get(field)) else {
            let message = format!("the answer has nothing at `{pointer}` for field `{field}`");
            return Err(Box::new(Outcome::error(ANSWER_MISSING, message)));
        };
        let value = read(json, kind).map_err(|error| {
            let message = format!("`{pointer}` does not fit field `{field}`: {error}");
            Box::new(Outcome::error(ANSWER_OF_WRONG_TYPE, message))
        })?;
        set.insert(field.clone(), value);
    }
    Ok(set)
}

/// A value from a foreign service: numbers where text is wanted, and money as a map, are read too.
fn read(json: &Json, kind: &FieldType) -> Result<Value, ValueError> {
    match (json, kind) {
        (Json::Number(number), FieldType::Text) => Ok(Value::Text(number.to_string())),
        (Json::Number(number), FieldType::Number) if number.is_f64() => {
            let text = number.to_string();
            let digits = text.chars().filter(char::is_ascii_digit).count();
            if text.contains(['e', 'E']) || digits > EXACT_DIGITS_MAX {
                return Value::from_json(json, kind);
            }
            Value::parse(&text, kind, None)
        }
        (Json::Object(map), FieldType::Money) => {
            match (
                map.get("amount"),
                map.get("currency").and_then(Json::as_str),
            ) {
                (Some(Json::String(amount)), Some(currency)) => {
                    Value::parse(&format!("{amount} {currency}"), kind, None)
                }
                (Some(Json::Number(amount)), Some(currency)) if !amount.is_f64() => {
                    Value::parse(&format!("{amount} {currency}"), kind, None)
                }
                _ => Value::from_json(json, kind),
            }
        }
        (Json::Array(items), FieldType::List { of }) => items
            .iter()
            .map(|item| read(item, of))
            .collect::<Result<_, _>>()
            .map(Value::List),
        _ => Value::from_json(json, kind),
    }
}
