//! `check_payment_link`: the provider's word about a link, now.

use async_trait::async_trait;
use expression::Reads;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::on_link::{self, Wish};
use crate::problem::{PrepareContext, Problem};
use crate::settings::{Check, decode, schema_of};
use crate::{
    Activity, Attempt, Attempted, Descriptor, Need, Outcome, Plan, PlanContext, Prepared, Request,
    World,
};

const NAME: &str = "check_payment_link";

/// Reads a link at its provider and settles what it says.
#[derive(Debug, Clone, Copy, Default)]
pub struct CheckPaymentLink;

/// Settings of `check_payment_link`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The state whose link is read. Without it, the only state that makes links.
    #[serde(default)]
    of: Option<String>,
}

#[async_trait]
impl Activity for CheckPaymentLink {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: NAME,
            summary: "Asks the provider how a payment link stands.",
            outcomes: &["success", "error"],
            required_outcomes: &["success", "error"],
            makes_link: false,
            reaches_outside: true,
            settings_schema: schema_of::<Settings>(),
            page: include_str!("page.md"),
        }
    }

    fn prepare(
        &self,
        settings: &Json,
        context: &PrepareContext<'_>,
    ) -> Result<Box<dyn Prepared>, Vec<Problem>> {
        let settings: Settings = decode(settings)?;
        let mut check = Check::new(context);
        let of = on_link::compile_of(settings.of.as_deref(), &mut check);
        check.finish()?;
        Ok(Box::new(Ready {
            of: of.unwrap_or_default(),
        }))
    }

    async fn perform(&self, request: &Request, attempt: &Attempt, world: &World) -> Attempted {
        on_link::perform(request, attempt, world).await
    }
}

#[derive(Debug, Clone)]
struct Ready {
    of: String,
}

impl Prepared for Ready {
    fn needs(&self) -> Vec<Need> {
        vec![Need::Link(self.of.clone())]
    }

    fn reads(&self) -> Vec<&Reads> {
        Vec::new()
    }

    fn plan(&self, context: &PlanContext<'_>) -> Plan {
        let link = on_link::target(&self.of, context);
        on_link::plan(link.and_then(|link| on_link::request(NAME, link, Wish::Read)))
    }

    fn conclude(&self, _: &PlanContext<'_>, _: &Request, result: &Json) -> Outcome {
        Outcome {
            result: result.clone(),
            ..Outcome::success()
        }
    }
}
