//! `create_item`: makes a record of another entity in the CRM.

mod plan;
mod settings;

use std::collections::BTreeMap;

use async_trait::async_trait;
use expression::Reads;
use serde_json::Value as Json;
use values::FieldType;

use super::host_write;
use crate::problem::{PrepareContext, Problem};
use crate::settings::{Source, schema_of};
use crate::{
    Activity, Attempt, Attempted, Descriptor, Need, Outcome, Plan, PlanContext, Prepared, Request,
    World,
};

/// Makes a record of another entity in the CRM.
#[derive(Debug, Clone, Copy, Default)]
pub struct CreateItem;

#[async_trait]
impl Activity for CreateItem {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "create_item",
            summary: "Makes a record of another entity, such as a task or an invoice.",
            outcomes: &["success", "error"],
            required_outcomes: &["success", "error"],
            makes_link: false,
            reaches_outside: true,
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

    async fn perform(&self, request: &Request, attempt: &Attempt, world: &World) -> Attempted {
        host_write::perform(request, attempt, world).await
    }
}

/// The settings, checked and compiled.
#[derive(Debug, Clone)]
struct Ready {
    entity: String,
    fields: BTreeMap<String, Source>,
    child: bool,
    into: Option<String>,
    declared: BTreeMap<String, FieldType>,
}

impl Prepared for Ready {
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn reads(&self) -> Vec<&Reads> {
        self.fields.values().filter_map(Source::reads).collect()
    }

    fn plan(&self, context: &PlanContext<'_>) -> Plan {
        plan::plan(self, context)
    }

    fn conclude(&self, _: &PlanContext<'_>, _: &Request, result: &Json) -> Outcome {
        plan::conclude(self, result)
    }
}
