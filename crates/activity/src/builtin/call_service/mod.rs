//! `call_service`: one HTTP call to a service that the project allows.

mod answer;
mod payload;
mod perform;
mod plan;
mod settings;
mod target;
mod url;

use std::collections::BTreeMap;

use async_trait::async_trait;
use expression::Reads;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use values::{FieldType, SecretRef};

use crate::problem::{PrepareContext, Problem};
use crate::settings::schema_of;
use crate::{
    Activity, Attempt, Attempted, Descriptor, Need, Outcome, Plan, PlanContext, Prepared, Request,
    World,
};
use payload::Payload;
use target::Target;
use url::UrlTemplate;

/// Calls a service over HTTP.
#[derive(Debug, Clone, Copy, Default)]
pub struct CallService;

#[async_trait]
impl Activity for CallService {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "call_service",
            summary: "Calls a service over HTTP and keeps parts of its answer.",
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
        perform::perform(request, attempt, world).await
    }
}

/// A header's value: a secret is kept as its reference and never written to the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HeaderValue {
    Text(String),
    Secret { before: String, secret: SecretRef },
}

/// What is stored before the first call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Body {
    method: String,
    url: String,
    headers: Vec<(String, HeaderValue)>,
    body: Option<String>,
    /// JSON pointers by field.
    into: BTreeMap<String, String>,
    /// Whether the service takes a repeat with the same key as the same call.
    repeatable: bool,
    timeout_seconds: i64,
}

/// The settings, checked and compiled.
#[derive(Debug, Clone)]
struct Ready {
    method: &'static str,
    url: UrlTemplate,
    target: Target,
    /// Whether the project allows the host; unknown hosts are not called.
    allowed: bool,
    headers: Vec<(String, HeaderValue)>,
    body: Option<Payload>,
    into: BTreeMap<String, (FieldType, String)>,
    repeatable: bool,
    timeout_seconds: i64,
}

impl Prepared for Ready {
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn reads(&self) -> Vec<&Reads> {
        let mut reads = self.url.reads();
        reads.extend(self.body.iter().flat_map(Payload::reads));
        reads
    }

    fn plan(&self, context: &PlanContext<'_>) -> Plan {
        plan::plan(self, context)
    }

    fn conclude(&self, _: &PlanContext<'_>, _: &Request, result: &Json) -> Outcome {
        answer::conclude(&self.into, result)
    }
}
