//! Writes to the CRM that an activity waits for: approve, reject, create.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use host::{Applied, Change, HostWrite, Retry};
use serde_json::Value as Json;
use values::{FieldType, Fields, ItemRef};

use crate::{Attempt, Attempted, Outcome, Plan, Request, World};

/// How long one write may take.
const ATTEMPT_SECONDS_MAX: i64 = 30;

/// After so many attempts without an answer a person decides.
const ATTEMPTS_MAX: u32 = 20;

/// The pause before a write is repeated whose answer was lost, in seconds.
const PAUSE_SECONDS: i64 = 30;

/// The code of a stored write or an answer that cannot be read.
pub(super) const UNREADABLE: &str = "unreadable";

/// Entities that are approved and rejected.
pub(super) const FINANCIAL_ENTITIES: [&str; 9] = [
    "proforma",
    "invoice",
    "sales_return",
    "purchase_proforma",
    "purchase_invoice",
    "purchase_return",
    "contract",
    "receipt",
    "payment",
];

/// Stores a write to be performed.
pub(super) fn plan(activity: &str, change: &Change) -> Plan {
    match serde_json::to_value(change) {
        Ok(body) => Plan::Perform(Request::new(activity, body, ATTEMPT_SECONDS_MAX)),
        Err(error) => Plan::Finish(Box::new(Outcome::error(UNREADABLE, error.to_string()))),
    }
}

/// Applies the write under the key of this entry, so that a repeat changes nothing twice.
pub(super) async fn perform(request: &Request, attempt: &Attempt, world: &World) -> Attempted {
    let change: Change = match serde_json::from_value(request.body.clone()) {
        Ok(change) => change,
        Err(error) => return park(UNREADABLE, error.to_string()),
    };
    let write = HostWrite {
        key: attempt.reference.clone(),
        item: attempt.item.clone(),
        change,
    };
    match world.host.items.apply(&write).await {
        Ok(applied @ Applied::Done { .. }) => match serde_json::to_value(&applied) {
            Ok(result) => Attempted::Done {
                result,
                observations: Vec::new(),
            },
            Err(error) => park(UNREADABLE, error.to_string()),
        },
        // A host answers a repeat as it answered the first time, so this holds for every attempt.
        Ok(Applied::Refused { code, message }) => ended(&code, message),
        Err(error) => match error.retry {
            Retry::Never => ended("refused_by_host", error.to_string()),
            Retry::Later if attempt.earlier.is_empty() => Attempted::Retry {
                code: "host_unavailable".to_owned(),
                message: error.to_string(),
                after: None,
                observations: Vec::new(),
            },
            Retry::Later | Retry::SameKey => ask_again(attempt, error.to_string()),
        },
    }
}

/// The outcome of a write that was applied: values that changed with it come along, as far as the
/// workflow declares them.
pub(super) fn conclude(
    result: &Json,
    declared: &BTreeMap<String, FieldType>,
) -> (Outcome, Option<ItemRef>) {
    match serde_json::from_value(result.clone()) {
        Ok(Applied::Done { created, fields }) => {
            let mut outcome = Outcome::success();
            outcome.result = result.clone();
            outcome.changes.set = known(fields, declared);
            (outcome, created)
        }
        Ok(Applied::Refused { code, message }) => (Outcome::error(code, message), None),
        Err(error) => (Outcome::error(UNREADABLE, error.to_string()), None),
    }
}

fn known(fields: Fields, declared: &BTreeMap<String, FieldType>) -> Fields {
    fields
        .into_iter()
        .filter(|(name, value)| declared.get(name).is_some_and(|kind| value.fits(kind)))
        .collect()
}

fn ask_again(attempt: &Attempt, message: String) -> Attempted {
    let again_at = attempt
        .now
        .checked_add_signed(TimeDelta::seconds(PAUSE_SECONDS))
        .filter(|_| attempt.number < ATTEMPTS_MAX);
    Attempted::Unknown {
        code: "no_answer_from_host".to_owned(),
        message,
        again_at,
    }
}

fn park(code: &str, message: String) -> Attempted {
    Attempted::Unknown {
        code: code.to_owned(),
        message,
        again_at: None,
    }
}

fn ended(code: &str, message: String) -> Attempted {
    Attempted::Ended {
        outcome: Box::new(Outcome::error(code, message)),
        observations: Vec::new(),
    }
}
