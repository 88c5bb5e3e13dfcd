//! `send_message`: an SMS or e-mail to people. Nothing is performed here: the messages are rows of
//! the outbox, each sent once.

mod plan;
mod settings;

use async_trait::async_trait;
use expression::Reads;
use serde_json::Value as Json;
use values::Locale;

use crate::message::{OwnTexts, Recipients};
use crate::problem::{PrepareContext, Problem};
use crate::settings::schema_of;
use crate::{
    Activity, Attempt, Attempted, Descriptor, Need, Outcome, Plan, PlanContext, Prepared, Request,
    World,
};

/// Sends messages to people.
#[derive(Debug, Clone, Copy, Default)]
pub struct SendMessage;

#[async_trait]
impl Activity for SendMessage {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "send_message",
            summary: "Sends an SMS or e-mail to people.",
            outcomes: &["success", "error"],
            required_outcomes: &["success", "error"],
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
#[derive(Debug, Clone)]
struct Ready {
    recipients: Recipients,
    texts: OwnTexts,
    language: Option<Locale>,
    warnings: Vec<Problem>,
}

impl Prepared for Ready {
    fn needs(&self) -> Vec<Need> {
        self.recipients.needs().collect()
    }

    fn reads(&self) -> Vec<&Reads> {
        self.texts.reads()
    }

    fn plan(&self, context: &PlanContext<'_>) -> Plan {
        Plan::Finish(Box::new(plan::outcome(self, context)))
    }

    fn conclude(&self, context: &PlanContext<'_>, _: &Request, _: &Json) -> Outcome {
        plan::outcome(self, context)
    }

    fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}
