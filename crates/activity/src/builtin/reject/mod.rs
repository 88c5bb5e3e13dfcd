//! `reject`: rejects a financial item.

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

/// Rejects a financial item.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reject;

#[async_trait]
impl Activity for Reject {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "reject",
            summary: "Rejects a financial item: the item itself, or one in a field.",
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

/// Why an item is rejected.
#[derive(Debug, Clone)]
enum Reason {
    Field(String),
    Given(Source),
}

/// The settings, checked and compiled.
#[derive(Debug, Clone)]
struct Ready {
    /// The item field that holds what is rejected; the item itself without one.
    field: Option<String>,
    reason: Option<Reason>,
    declared: BTreeMap<String, FieldType>,
}

impl Prepared for Ready {
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn reads(&self) -> Vec<&Reads> {
        match &self.reason {
            Some(Reason::Given(source)) => source.reads().into_iter().collect(),
            Some(Reason::Field(_)) | None => Vec::new(),
        }
    }

    fn plan(&self, context: &PlanContext<'_>) -> Plan {
        plan::plan(self, context)
    }

    fn conclude(&self, _: &PlanContext<'_>, _: &Request, result: &Json) -> Outcome {
        host_write::conclude(result, &self.declared).0
    }
}
