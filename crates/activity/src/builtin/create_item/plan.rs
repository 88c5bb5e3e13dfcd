//! Computing the new record, and keeping it. Pure.

use host::Change;
use serde_json::Value as Json;
use values::{Fields, Value};

use super::Ready;
use crate::builtin::host_write;
use crate::{Outcome, Plan, PlanContext};

/// A value of the new record cannot be computed on this item.
const VALUE_FAILED: &str = "value_failed";

pub(super) fn plan(ready: &Ready, context: &PlanContext<'_>) -> Plan {
    let mut fields = Fields::new();
    for (name, source) in &ready.fields {
        match source.read(context) {
            Ok(value) => fields.insert(name.clone(), value),
            Err(error) => {
                let message = format!("field `{name}`: {error}");
                return Plan::Finish(Box::new(Outcome::error(VALUE_FAILED, message)));
            }
        };
    }
    let change = Change::CreateItem {
        entity: ready.entity.clone(),
        fields,
        child: ready.child,
    };
    host_write::plan("create_item", &change)
}

pub(super) fn conclude(ready: &Ready, result: &Json) -> Outcome {
    let (mut outcome, created) = host_write::conclude(result, &ready.declared);
    if let (Some(into), Some(created)) = (&ready.into, created) {
        outcome
            .changes
            .set
            .insert(into.clone(), Value::Item(created));
    }
    outcome
}
