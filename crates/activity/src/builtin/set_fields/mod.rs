//! `set_fields`: writes fields of the item.

mod plan;
mod settings;

use std::collections::BTreeMap;

use async_trait::async_trait;
use expression::Reads;
use serde_json::Value as Json;

use crate::problem::{PrepareContext, Problem};
use crate::settings::{Source, schema_of};
use crate::{
    Activity, Attempt, Attempted, Descriptor, Need, Outcome, Plan, PlanContext, Prepared, Request,
    World,
};
use values::FieldType;

/// Writes fields of the item.
#[derive(Debug, Clone, Copy, Default)]
pub struct SetFields;

#[async_trait]
impl Activity for SetFields {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "set_fields",
            summary: "Writes fields of the item: constants, computed values, more list elements.",
            outcomes: &["success", "error"],
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

/// The settings, checked and compiled.
#[derive(Debug, Clone, Default)]
struct Ready {
    set: BTreeMap<String, (FieldType, Source)>,
    append: BTreeMap<String, (FieldType, Source)>,
    clear: Vec<String>,
}

impl Prepared for Ready {
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn reads(&self) -> Vec<&Reads> {
        let sources = self.set.values().chain(self.append.values());
        sources.filter_map(|(_, source)| source.reads()).collect()
    }

    fn plan(&self, context: &PlanContext<'_>) -> Plan {
        Plan::Finish(Box::new(plan::outcome(self, context)))
    }

    fn conclude(&self, context: &PlanContext<'_>, _: &Request, _: &Json) -> Outcome {
        plan::outcome(self, context)
    }
}
