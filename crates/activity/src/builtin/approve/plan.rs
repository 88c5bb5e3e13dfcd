//! Deciding what is approved. Pure.

use host::Change;
use values::{ItemRef, Value};

use super::Ready;
use crate::builtin::host_write;
use crate::{Outcome, Plan, PlanContext};

/// The field that should hold the item is empty.
const ITEM_MISSING: &str = "item_missing";

pub(super) fn plan(ready: &Ready, context: &PlanContext<'_>) -> Plan {
    match target(ready.field.as_deref(), context) {
        Ok(target) => host_write::plan(
            "approve",
            &Change::Approve {
                target,
                number: ready.number,
            },
        ),
        Err(outcome) => Plan::Finish(outcome),
    }
}

/// The item in a field, or the item itself.
pub(crate) fn target(
    field: Option<&str>,
    context: &PlanContext<'_>,
) -> Result<ItemRef, Box<Outcome>> {
    let Some(field) = field else {
        return Ok(context.facts.item_ref.clone());
    };
    match context.facts.item.get(field) {
        Some(Value::Item(item)) => Ok(item.clone()),
        _ => Err(Box::new(Outcome::error(
            ITEM_MISSING,
            format!("field `{field}` is empty"),
        ))),
    }
}
