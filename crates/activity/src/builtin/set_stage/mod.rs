//! `set_stage`: moves the item to another stage of its pipeline.

mod settings;

use async_trait::async_trait;
use expression::Reads;
use serde_json::{Value as Json, json};

use crate::problem::{PrepareContext, Problem};
use crate::settings::schema_of;
use crate::{
    Activity, Attempt, Attempted, Descriptor, Need, Outcome, Plan, PlanContext, Prepared, Request,
    World,
};

/// Moves the item to another stage of its pipeline.
#[derive(Debug, Clone, Copy, Default)]
pub struct SetStage;

#[async_trait]
impl Activity for SetStage {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "set_stage",
            summary: "Moves the item to another stage of its pipeline.",
            outcomes: &["success"],
            required_outcomes: &["success"],
            makes_link: false,
            reaches_outside: false,
            settings_schema: schema_of::<settings::Settings>(),
            page: include_str!("page.md"),
        }
    }

    fn prepare(
        &self,
        settings: &Json,
        context: &PrepareContext<'_>,
    ) -> Result<Box<dyn Prepared>, Vec<Problem>> {
        Ok(Box::new(settings::compile(settings, context)?))
    }

    async fn perform(&self, request: &Request, _: &Attempt, _: &World) -> Attempted {
        super::nothing_to_perform(request)
    }
}

/// The settings, checked.
#[derive(Debug, Clone)]
struct Ready {
    stage: String,
}

impl Ready {
    fn outcome(&self) -> Outcome {
        let mut outcome = Outcome::success();
        outcome.changes.stage = Some(self.stage.clone());
        outcome.result = json!({ "stage": self.stage });
        outcome
    }
}

impl Prepared for Ready {
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn reads(&self) -> Vec<&Reads> {
        Vec::new()
    }

    fn plan(&self, _: &PlanContext<'_>) -> Plan {
        Plan::Finish(Box::new(self.outcome()))
    }

    fn conclude(&self, _: &PlanContext<'_>, _: &Request, _: &Json) -> Outcome {
        self.outcome()
    }
}
