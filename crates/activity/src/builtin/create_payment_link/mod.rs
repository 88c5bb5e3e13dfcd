//! `create_payment_link`: one payment link per entry, whatever crashes.

pub mod codes;
pub(super) mod conclude;
mod describe;
mod earlier;
pub(super) mod perform;
pub(super) mod plan;
pub(super) mod settings;

use std::collections::BTreeMap;

use async_trait::async_trait;
use expression::Reads;
use payment::Usage;
use serde_json::Value as Json;
use values::{AccountName, Currency, Locale, Money};

use conclude::Telling;

use crate::message::{OwnTexts, Recipients, Texts};
use crate::problem::{PrepareContext, Problem};
use crate::settings::{Source, schema_of};
use crate::{
    Activity, Attempt, Attempted, Descriptor, LinkDraft, Need, Outcome, Plan, PlanContext,
    Prepared, Request, World,
};

/// Makes a payment link for the item and sends it.
#[derive(Debug, Clone, Copy, Default)]
pub struct CreatePaymentLink;

#[async_trait]
impl Activity for CreatePaymentLink {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "create_payment_link",
            summary: "Makes a payment link for the item and sends it to people.",
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
        let ready = settings::compile(settings, context)?;
        Ok(Box::new(ready))
    }

    async fn perform(&self, request: &Request, attempt: &Attempt, world: &World) -> Attempted {
        perform::perform(request, attempt, world).await
    }
}

/// Where the amount comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Amount {
    Fixed(Money),
    Field(String),
    Balance,
    Final,
}

/// When the link stops taking payments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expires {
    AccountDefault,
    Days(i64),
    DaysField(String),
    Date(values::Date),
    DateField(String),
}

/// What receipt a payment makes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Receipt {
    kind: Option<String>,
    approved: bool,
    field: Option<String>,
}

/// The settings, checked and compiled.
#[derive(Debug, Clone)]
struct Ready {
    account: AccountName,
    /// Known where the project is.
    currency: Option<Currency>,
    amount: Amount,
    expires: Expires,
    recipients: Recipients,
    texts: OwnTexts,
    description: Option<Texts>,
    language: Option<Locale>,
    receipt: Option<Receipt>,
    usage: Usage,
    extras: BTreeMap<String, Source>,
    /// Wishes that the gateway cannot fulfil are done without.
    degrade: bool,
    warnings: Vec<Problem>,
}

impl Prepared for Ready {
    fn needs(&self) -> Vec<Need> {
        let mut needs = vec![
            Need::Party,
            Need::Account(self.account.clone()),
            Need::EarlierLinks,
        ];
        if self.amount == Amount::Balance {
            match self.currency {
                Some(currency) => needs.push(Need::Balance(currency)),
                None => needs.extend(Currency::ALL.map(Need::Balance)),
            }
        }
        needs.extend(self.recipients.needs().filter(|need| *need != Need::Party));
        needs
    }

    fn reads(&self) -> Vec<&Reads> {
        let mut reads = self.texts.reads();
        reads.extend(self.description.iter().flat_map(Texts::reads));
        reads.extend(self.extras.values().filter_map(Source::reads));
        reads
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

    fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}
