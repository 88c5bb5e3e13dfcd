//! An activity that does what a test says.

use std::sync::{Arc, Mutex};

use activity::{
    Activity, Attempt, Attempted, Descriptor, Need, Outcome, Plan, PlanContext, PrepareContext,
    Prepared, Problem, Request, World,
};
use async_trait::async_trait;
use serde_json::{Value as Json, json};
use values::Fields;

type Perform = Box<dyn Fn(&Attempt) -> Attempted + Send + Sync>;

/// The activity `scripted`: its result is the fields it sets.
pub(crate) struct Scripted {
    perform: Perform,
    pub(crate) attempts: Mutex<Vec<Attempt>>,
}

impl Scripted {
    pub(crate) fn new(
        perform: impl Fn(&Attempt) -> Attempted + Send + Sync + 'static,
    ) -> Arc<Scripted> {
        Arc::new(Scripted {
            perform: Box::new(perform),
            attempts: Mutex::default(),
        })
    }

    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().unwrap().clone()
    }
}

/// An attempt that brings back these fields.
pub(crate) fn brings(fields: Fields) -> Attempted {
    Attempted::Done {
        result: serde_json::to_value(fields).unwrap(),
        observations: Vec::new(),
    }
}

/// An attempt that certainly did nothing and may be repeated.
pub(crate) fn not_now() -> Attempted {
    Attempted::Retry {
        code: "not_now".to_owned(),
        message: "the outside is busy".to_owned(),
        after: None,
        observations: Vec::new(),
    }
}

#[async_trait]
impl Activity for Scripted {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "scripted",
            summary: "Does what a test says.",
            outcomes: &["success", "error"],
            required_outcomes: &[],
            makes_link: false,
            reaches_outside: true,
            settings_schema: json!({}),
            page: "",
        }
    }

    fn prepare(&self, _: &Json, _: &PrepareContext<'_>) -> Result<Box<dyn Prepared>, Vec<Problem>> {
        Ok(Box::new(Ready))
    }

    async fn perform(&self, _: &Request, attempt: &Attempt, _: &World) -> Attempted {
        self.attempts.lock().unwrap().push(attempt.clone());
        (self.perform)(attempt)
    }
}

struct Ready;

impl Prepared for Ready {
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn reads(&self) -> Vec<&expression::Reads> {
        Vec::new()
    }

    fn plan(&self, context: &PlanContext<'_>) -> Plan {
        Plan::Perform(Request::new(
            "scripted",
            json!({ "asked_in": context.state }),
            30,
        ))
    }

    fn conclude(&self, _: &PlanContext<'_>, _: &Request, result: &Json) -> Outcome {
        let mut outcome = Outcome::success();
        outcome.changes.set = serde_json::from_value(result.clone()).unwrap();
        outcome
    }
}
