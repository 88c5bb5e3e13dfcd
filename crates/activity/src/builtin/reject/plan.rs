//! Deciding what is rejected, and why. Pure.

use host::Change;
use values::Value;

use super::{Ready, Reason};
use crate::builtin::approve::target;
use crate::builtin::host_write;
use crate::{Outcome, Plan, PlanContext};

/// A token of the reason cannot be filled.
const REASON_FAILED: &str = "reason_failed";

pub(super) fn plan(ready: &Ready, context: &PlanContext<'_>) -> Plan {
    let target = match target(ready.field.as_deref(), context) {
        Ok(target) => target,
        Err(outcome) => return Plan::Finish(outcome),
    };
    let reason = match &ready.reason {
        None => Value::Empty,
        Some(Reason::Field(field)) => context.facts.item.get(field).cloned().unwrap_or_default(),
        Some(Reason::Given(source)) => match source.read(context) {
            Ok(reason) => reason,
            Err(error) => {
                let outcome = Outcome::error(REASON_FAILED, error.to_string());
                return Plan::Finish(Box::new(outcome));
            }
        },
    };
    let reason = Some(reason.to_string()).filter(|reason| !reason.trim().is_empty());
    host_write::plan("reject", &Change::Reject { target, reason })
}
