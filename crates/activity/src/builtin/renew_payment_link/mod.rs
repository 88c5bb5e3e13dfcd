//! `renew_payment_link`: a new link in the place of one that was not paid.
//!
//! It asks for the same: amount, account, description, receipt. The old link is closed for certain
//! first, by the same protocol as a new entry into the state that made it.

mod plan;
mod settings;

use async_trait::async_trait;
use expression::Reads;
use serde_json::Value as Json;
use values::Locale;

use super::create_payment_link::Expires;
use super::create_payment_link::conclude::{self, Telling};
use super::create_payment_link::perform;
use crate::message::{OwnTexts, Recipients};
use crate::problem::{PrepareContext, Problem};
use crate::settings::schema_of;
use crate::{
    Activity, Attempt, Attempted, Descriptor, LinkDraft, Need, Outcome, Plan, PlanContext,
    Prepared, Request, World,
};

const NAME: &str = "renew_payment_link";

/// Makes a new link in the place of one that was not paid.
#[derive(Debug, Clone, Copy, Default)]
pub struct RenewPaymentLink;

#[async_trait]
impl Activity for RenewPaymentLink {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: NAME,
            summary: "Makes a new payment link in the place of an expired or open one, and sends it.",
            outcomes: &["success", "error"],
            required_outcomes: &["success", "error"],
            makes_link: true,
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

/// The settings, checked and compiled.
#[derive(Debug, Clone)]
struct Ready {
    of: String,
    expires: Expires,
    recipients: Recipients,
    texts: OwnTexts,
    language: Option<Locale>,
    warnings: Vec<Problem>,
}

impl Prepared for Ready {
    fn needs(&self) -> Vec<Need> {
        let mut needs = vec![
            Need::Party,
            Need::Link(self.of.clone()),
            Need::EarlierLinksOf(self.of.clone()),
        ];
        needs.extend(self.recipients.needs().filter(|need| *need != Need::Party));
        needs
    }

    fn reads(&self) -> Vec<&Reads> {
        self.texts.reads()
    }

    fn plan(&self, context: &PlanContext<'_>) -> Plan {
        plan::plan(self, context)
    }

    fn conclude(&self, context: &PlanContext<'_>, request: &Request, result: &Json) -> Outcome {
        let telling = Telling {
            texts: &self.texts,
            language: self.language,
        };
        conclude::conclude(telling, context, request, result)
    }

    fn may_have_made(&self, request: &Request, result: Option<&Json>) -> Option<LinkDraft> {
        conclude::may_have_made(request, result)
    }

    fn makes_links_of(&self) -> Option<&str> {
        Some(&self.of)
    }

    fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}
