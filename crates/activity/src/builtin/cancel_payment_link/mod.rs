//! `cancel_payment_link`: no payment through a link any more.

use async_trait::async_trait;
use expression::Reads;
use payment::LinkStatus;
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

const NAME: &str = "cancel_payment_link";

/// Closes a payment link at its provider.
#[derive(Debug, Clone, Copy, Default)]
pub struct CancelPaymentLink;

/// Settings of `cancel_payment_link`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The state whose link is closed. Without it, the only state that makes links.
    #[serde(default)]
    of: Option<String>,
}

#[async_trait]
impl Activity for CancelPaymentLink {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: NAME,
            summary: "Closes a payment link, so that it takes no payment any more.",
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
        let link = match on_link::target(&self.of, context) {
            Ok(link) => link,
            Err(outcome) => return on_link::plan(Err(outcome)),
        };
        if link.status.is_paid() {
            return on_link::plan(Err(Box::new(paid())));
        }
        if link.status.is_closed() {
            return on_link::plan(Err(Box::new(Outcome::success())));
        }
        on_link::plan(on_link::request(NAME, link, Wish::Close))
    }

    fn conclude(&self, _: &PlanContext<'_>, _: &Request, result: &Json) -> Outcome {
        let word = result.get("status").cloned().unwrap_or_default();
        let status: Option<LinkStatus> = serde_json::from_value(word).ok();
        if status.is_some_and(LinkStatus::is_paid) {
            return paid();
        }
        Outcome {
            result: result.clone(),
            ..Outcome::success()
        }
    }
}

fn paid() -> Outcome {
    Outcome::error(on_link::LINK_PAID, "the link is paid, and the payment wins")
}
