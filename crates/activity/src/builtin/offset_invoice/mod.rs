//! `offset_invoice`: an invoice of ours that is paid pays one that was issued to us.

use async_trait::async_trait;
use expression::Reads;
use payment::{Operation, OperationName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::payable::{self, Payable};
use crate::on_link::{self, refused};
use crate::problem::{Place, PrepareContext, Problem};
use crate::settings::{Check, FieldRef, Source, SourceSetting, decode, schema_of};
use crate::{
    Activity, Attempt, Attempted, Descriptor, Need, Outcome, Plan, PlanContext, Prepared, Request,
    World,
};

const NAME: &str = "offset_invoice";

/// The item that should pay has no link, or is not named.
const NO_SOURCE_LINK: &str = "no_source_link";
/// The paid link is on another account.
const ANOTHER_ACCOUNT: &str = "another_account";

/// Pays an invoice that was issued to us with one of ours that is paid.
#[derive(Debug, Clone, Copy, Default)]
pub struct OffsetInvoice;

/// Settings of `offset_invoice`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Our account at the provider, by its name in the project file.
    account: String,
    /// The number, at the provider, of the invoice that was issued to us.
    invoice: SourceSetting,
    /// The item of ours whose paid link pays: `{ field: sales_invoice }`.
    by: FieldRef,
}

#[async_trait]
impl Activity for OffsetInvoice {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: NAME,
            summary: "Pays an invoice that was issued to us with one of ours that is paid.",
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
        let payable = Payable::compile(
            &settings.account,
            &settings.invoice,
            OperationName::PayByInvoice,
            &mut check,
        );
        let place = Place::root().key("by").key("field");
        check.field_of(&place, &settings.by.field, &["item"]);
        check.finish()?;
        Ok(Box::new(Ready {
            payable,
            by: settings.by.field,
        }))
    }

    async fn perform(&self, request: &Request, attempt: &Attempt, world: &World) -> Attempted {
        on_link::perform(request, attempt, world).await
    }
}

#[derive(Debug, Clone)]
struct Ready {
    payable: Payable,
    /// The field that holds the item whose paid link pays.
    by: String,
}

impl Ready {
    fn decide(&self, context: &PlanContext<'_>) -> Result<Request, Box<Outcome>> {
        let wish = (NAME, OperationName::PayByInvoice);
        self.payable.request(wish, context, || {
            let Some(paid) = context.answers.other_link.as_deref() else {
                let message = payable::empty(&self.by, context.facts.item.get(&self.by));
                return Err(refused(NO_SOURCE_LINK, message));
            };
            if paid.draft.account != *self.payable.account() {
                let message = format!(
                    "link {} pays into account `{}`, not `{}`",
                    paid.id,
                    paid.draft.account,
                    self.payable.account()
                );
                return Err(refused(ANOTHER_ACCOUNT, message));
            }
            let creditor = paid.draft.provider_ref.clone();
            Ok(Operation::PayByInvoice { creditor })
        })
    }
}

impl Prepared for Ready {
    fn needs(&self) -> Vec<Need> {
        vec![self.payable.need(), Need::LinkOfItem(self.by.clone())]
    }

    fn reads(&self) -> Vec<&Reads> {
        let source = self.payable.source();
        source.and_then(Source::reads).into_iter().collect()
    }

    fn plan(&self, context: &PlanContext<'_>) -> Plan {
        on_link::plan(self.decide(context))
    }

    fn conclude(&self, _: &PlanContext<'_>, _: &Request, result: &Json) -> Outcome {
        Outcome {
            result: result.clone(),
            ..Outcome::success()
        }
    }
}
