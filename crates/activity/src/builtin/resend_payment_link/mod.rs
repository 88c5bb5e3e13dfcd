//! `resend_payment_link`: people are told of a link once more, by the provider or by us.

mod plan;
mod settings;

use async_trait::async_trait;
use expression::Reads;
use serde_json::Value as Json;
use values::Locale;

use crate::message::{OwnTexts, Recipients};
use crate::on_link;
use crate::problem::{PrepareContext, Problem};
use crate::settings::schema_of;
use crate::{
    Activity, Attempt, Attempted, Descriptor, Need, Outcome, Plan, PlanContext, Prepared, Request,
    World,
};

const NAME: &str = "resend_payment_link";

/// Tells people of a payment link once more.
#[derive(Debug, Clone, Copy, Default)]
pub struct ResendPaymentLink;

#[async_trait]
impl Activity for ResendPaymentLink {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: NAME,
            summary: "Sends a payment link once more, to the same people or to others.",
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
        on_link::perform(request, attempt, world).await
    }
}

/// The settings, checked and compiled.
#[derive(Debug, Clone)]
struct Ready {
    of: String,
    recipients: Recipients,
    texts: OwnTexts,
    language: Option<Locale>,
    /// Neither people nor a text of one's own: where the provider tells the payer, it does so again.
    by_provider: bool,
    warnings: Vec<Problem>,
}

impl Prepared for Ready {
    fn needs(&self) -> Vec<Need> {
        let mut needs = vec![Need::Link(self.of.clone())];
        needs.extend(self.recipients.needs());
        needs
    }

    fn reads(&self) -> Vec<&Reads> {
        self.texts.reads()
    }

    fn plan(&self, context: &PlanContext<'_>) -> Plan {
        on_link::plan(plan::decide(self, context))
    }

    fn conclude(&self, _: &PlanContext<'_>, _: &Request, result: &Json) -> Outcome {
        Outcome {
            result: result.clone(),
            ..Outcome::success()
        }
    }

    fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}
