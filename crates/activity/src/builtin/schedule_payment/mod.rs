//! `schedule_payment`: the debtor's money is blocked now and paid on a day.

use async_trait::async_trait;
use expression::Reads;
use payment::{FundsSource, Operation, OperationName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use values::{Calendar, Date, FieldType, Value};

use super::on_link::{self, LINK_CLOSED, LINK_PAID, Wish, refused};
use crate::problem::{Place, PrepareContext, Problem};
use crate::settings::{Check, Source, SourceSetting, SourceType, decode, schema_of};
use crate::{
    Activity, Attempt, Attempted, Descriptor, Need, Outcome, Plan, PlanContext, Prepared, Request,
    World,
};

const NAME: &str = "schedule_payment";

/// The day is missing.
const DATE_MISSING: &str = "date_missing";
/// The day is over.
const DATE_PAST: &str = "date_past";
/// The wallet or business line is missing.
const FUNDS_MISSING: &str = "funds_missing";

/// Blocks the debtor's money for a payment on a day.
#[derive(Debug, Clone, Copy, Default)]
pub struct SchedulePayment;

/// Settings of `schedule_payment`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The state whose link is paid. Without it, the only state that makes links.
    #[serde(default)]
    of: Option<String>,
    /// The day: a constant such as `1405/06/31`, or `{ value: item.due_date }`.
    on: SourceSetting,
    /// Where the money comes from: `{ wallet: … }` or `{ guild: … }`.
    from: FundsSetting,
}

/// Where the money comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum FundsSetting {
    /// A wallet of the debtor by its code.
    Wallet(SourceSetting),
    /// A business line by its code.
    Guild(SourceSetting),
}

#[async_trait]
impl Activity for SchedulePayment {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: NAME,
            summary: "Blocks the debtor's money for a payment on a later day.",
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
        let root = Place::root();
        let of = on_link::compile_of(settings.of.as_deref(), &mut check);
        let day = FieldType::Date {
            calendar: Calendar::Gregorian,
        };
        let on = Source::compile(
            &settings.on,
            SourceType::Field(&day),
            &root.key("on"),
            &mut check,
        );
        let (wallet, code) = match &settings.from {
            FundsSetting::Wallet(code) => (true, code),
            FundsSetting::Guild(code) => (false, code),
        };
        let place = root
            .key("from")
            .key(if wallet { "wallet" } else { "guild" });
        let text = SourceType::Field(&FieldType::Text);
        let code = Source::compile(code, text, &place, &mut check);
        check.finish()?;
        let nothing = Source::Constant(Value::Empty);
        Ok(Box::new(Ready {
            of: of.unwrap_or_default(),
            on: on.unwrap_or_else(|| nothing.clone()),
            wallet,
            code: code.unwrap_or(nothing),
        }))
    }

    async fn perform(&self, request: &Request, attempt: &Attempt, world: &World) -> Attempted {
        on_link::perform(request, attempt, world).await
    }
}

#[derive(Debug, Clone)]
struct Ready {
    of: String,
    on: Source,
    /// A wallet, or else a business line.
    wallet: bool,
    code: Source,
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
        on_link::offered(account, OperationName::PayInFuture)?;
        let on = self.day(context)?;
        let code = match self.code.read(context) {
            Ok(code) if !code.is_empty() => code.to_string(),
            Ok(_) => return Err(refused(FUNDS_MISSING, "the code is empty")),
            Err(error) => return Err(refused(FUNDS_MISSING, error.message)),
        };
        let from = if self.wallet {
            FundsSource::Wallet(code)
        } else {
            FundsSource::Guild(code)
        };
        let operation = Operation::PayInFuture { on, from };
        on_link::request(NAME, link, Wish::Operate(operation))
    }

    fn day(&self, context: &PlanContext<'_>) -> Result<Date, Box<Outcome>> {
        let day = match self.on.read(context) {
            Ok(Value::Date(day)) => day,
            Ok(_) => return Err(refused(DATE_MISSING, "the day is empty")),
            Err(error) => return Err(refused(DATE_MISSING, error.message)),
        };
        if day < context.zone.local_date(context.facts.now) {
            return Err(refused(DATE_PAST, format!("{day} is over")));
        }
        Ok(day)
    }
}

impl Prepared for Ready {
    fn needs(&self) -> Vec<Need> {
        vec![Need::Link(self.of.clone())]
    }

    fn reads(&self) -> Vec<&Reads> {
        [&self.on, &self.code]
            .into_iter()
            .filter_map(Source::reads)
            .collect()
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
