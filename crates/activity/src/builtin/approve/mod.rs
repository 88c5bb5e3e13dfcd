//! `approve`: approves a financial item.

mod plan;
mod settings;

use std::collections::BTreeMap;

use async_trait::async_trait;
use expression::Reads;
use serde_json::Value as Json;
use values::FieldType;

use super::host_write;
use crate::problem::{PrepareContext, Problem};
use crate::settings::schema_of;
use crate::{
    Activity, Attempt, Attempted, Descriptor, Need, Outcome, Plan, PlanContext, Prepared, Request,
    World,
};

pub(super) use plan::target;
pub(super) use settings::check_target;

/// Approves a financial item.
#[derive(Debug, Clone, Copy, Default)]
pub struct Approve;

#[async_trait]
impl Activity for Approve {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "approve",
            summary: "Approves a financial item: the item itself, or one in a field.",
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

/// The settings, checked.
#[derive(Debug, Clone)]
struct Ready {
    number: bool,
    /// The item field that holds what is approved; the item itself without one.
    field: Option<String>,
    declared: BTreeMap<String, FieldType>,
}

impl Prepared for Ready {
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn reads(&self) -> Vec<&Reads> {
        Vec::new()
    }

    fn plan(&self, context: &PlanContext<'_>) -> Plan {
        plan::plan(self, context)
    }

    fn conclude(&self, _: &PlanContext<'_>, _: &Request, result: &Json) -> Outcome {
        host_write::conclude(result, &self.declared).0
    }
}
