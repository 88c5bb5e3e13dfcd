//! `offset_invoice`: an invoice of ours that is paid pays this one.

use async_trait::async_trait;
use expression::Reads;
use payment::{Operation, OperationName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use values::Value;

use super::on_link::{self, LINK_CLOSED, LINK_PAID, Wish, refused};
use crate::problem::{Place, PrepareContext, Problem};
use crate::settings::{Check, FieldRef, decode, schema_of};
use crate::{
    Activity, Attempt, Attempted, Descriptor, Need, Outcome, Plan, PlanContext, Prepared, Request,
    World,
};

const NAME: &str = "offset_invoice";

/// The item that should pay has no paid link, or is not named.
const NO_PAID_LINK: &str = "no_paid_link";
/// The paid link is on another account.
const ANOTHER_ACCOUNT: &str = "another_account";

/// Pays an invoice by another one that is paid.
#[derive(Debug, Clone, Copy, Default)]
pub struct OffsetInvoice;

/// Settings of `offset_invoice`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The state whose link is paid. Without it, the only state that makes links.
    #[serde(default)]
    of: Option<String>,
    /// The item whose paid link pays: `{ field: paid_invoice }`.
    by: FieldRef,
}

#[async_trait]
impl Activity for OffsetInvoice {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: NAME,
            summary: "Pays a link with the money of another invoice that is paid.",
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
        let place = Place::root().key("by").key("field");
        check.field_of(&place, &settings.by.field, &["item"]);
        check.finish()?;
        Ok(Box::new(Ready {
            of: of.unwrap_or_default(),
            by: settings.by.field,
        }))
    }

    async fn perform(&self, request: &Request, attempt: &Attempt, world: &World) -> Attempted {
        on_link::perform(request, attempt, world).await
    }
}

#[derive(Debug, Clone)]
struct Ready {
    of: String,
    /// The field that holds the item whose paid link pays.
    by: String,
}

impl Ready {
    fn decide(&self, context: &PlanContext<'_>) -> Result<Request, Box<Outcome>> {
        let link = on_link::target(&self.of, context)?;
        if link.status.is_paid() {
            return Err(refused(LINK_PAID, "the link is paid already"));
        }
        if link.status.is_closed() {
            let message = format!("link {} takes no payment any more", link.id);
            return Err(refused(LINK_CLOSED, message));
        }
        let account = on_link::account(link, context)?;
        on_link::offered(account, OperationName::PayByInvoice)?;
        let Some(paid) = context.answers.paid_link.as_deref() else {
            let message = match context.facts.item.get(&self.by) {
                Some(Value::Item(item)) => format!("{item} has no paid link"),
                _ => format!("field `{}` is empty", self.by),
            };
            return Err(refused(NO_PAID_LINK, message));
        };
        if paid.draft.account != link.draft.account {
            let message = format!(
                "link {} was paid into account `{}`, not `{}`",
                paid.id, paid.draft.account, link.draft.account
            );
            return Err(refused(ANOTHER_ACCOUNT, message));
        }
        let creditor = paid.draft.provider_ref.clone();
        let operation = Operation::PayByInvoice { creditor };
        on_link::request(NAME, link, Wish::Operate(operation))
    }
}

impl Prepared for Ready {
    fn needs(&self) -> Vec<Need> {
        vec![Need::Link(self.of.clone()), Need::PaidLink(self.by.clone())]
    }

    fn reads(&self) -> Vec<&Reads> {
        Vec::new()
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
