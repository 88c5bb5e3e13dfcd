//! Computing the new values: all of them from the values before, or none.

use serde_json::json;
use values::{FieldType, Fields, Value};

use super::Ready;
use crate::{Outcome, PlanContext};

/// An expression or a text cannot be computed on this item.
const VALUE_FAILED: &str = "value_failed";
/// An expression yields a value that the field cannot hold.
const VALUE_OF_WRONG_TYPE: &str = "value_of_wrong_type";

pub(super) fn outcome(ready: &Ready, context: &PlanContext<'_>) -> Outcome {
    match new_values(ready, context) {
        Ok(set) => {
            let names: Vec<&String> = set.keys().collect();
            let result = json!({ "fields": names });
            let mut outcome = Outcome::success();
            outcome.changes.set = set;
            outcome.result = result;
            outcome
        }
        Err(outcome) => *outcome,
    }
}

fn new_values(ready: &Ready, context: &PlanContext<'_>) -> Result<Fields, Box<Outcome>> {
    let mut set = Fields::new();
    for (name, (kind, source)) in &ready.set {
        let value = source
            .read(context)
            .map_err(|error| failed(name, &error.to_string()))?;
        set.insert(name.clone(), fitting(name, value, kind)?);
    }
    for (name, (of, source)) in &ready.append {
        let value = source
            .read(context)
            .map_err(|error| failed(name, &error.to_string()))?;
        let value = fitting(name, value, of)?;
        let mut list = match context.facts.item.get(name) {
            Some(Value::List(list)) => list.clone(),
            _ => Vec::new(),
        };
        // Nothing is not an element.
        if value != Value::Empty {
            list.push(value);
        }
        set.insert(name.clone(), Value::List(list));
    }
    set.extend(ready.clear.iter().map(|name| (name.clone(), Value::Empty)));
    Ok(set)
}

fn fitting(name: &str, value: Value, kind: &FieldType) -> Result<Value, Box<Outcome>> {
    let value = match (value, kind) {
        // A choice and a link are texts to expressions.
        (Value::Text(text), FieldType::Choice { .. }) => Value::Choice(text),
        (Value::Choice(text), FieldType::Text) => Value::Text(text),
        (other, _) => other,
    };
    if value.fits(kind) {
        return Ok(value);
    }
    let message = format!(
        "field `{name}` takes {}, the value is {} `{value}`",
        kind.name(),
        value.type_name()
    );
    Err(Box::new(Outcome::error(VALUE_OF_WRONG_TYPE, message)))
}

fn failed(name: &str, error: &str) -> Box<Outcome> {
    Box::new(Outcome::error(
        VALUE_FAILED,
        format!("field `{name}`: {error}"),
    ))
}
