//! `schedule_payment`: our money is blocked now for an invoice that was issued to us, and paid on a day.

use async_trait::async_trait;
use expression::Reads;
use payment::{FundsSource, Operation, OperationName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use values::{Calendar, Date, FieldType, Value};

use super::paid::text;
use super::payable::Payable;
use crate::on_link::{self, refused};
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

/// Blocks our money for a payment on a day.
#[derive(Debug, Clone, Copy, Default)]
pub struct SchedulePayment;

/// Settings of `schedule_payment`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Our account at the provider, by its name in the project file.
    account: String,
    /// The number, at the provider, of the invoice that was issued to us.
    invoice: SourceSetting,
    /// The day: a constant such as `1405/06/31`, or `{ value: item.due_date }`.
    on: SourceSetting,
    /// Where the money comes from: `{ wallet: … }` or `{ guild: … }`.
    from: FundsSetting,
}

/// Where the money comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum FundsSetting {
    /// A wallet by its code.
    Wallet(SourceSetting),
    /// A business line by its code.
    Guild(SourceSetting),
}

#[async_trait]
impl Activity for SchedulePayment {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: NAME,
            summary: "Blocks our money for an invoice that was issued to us, to be paid on a later day.",
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
        let payable = Payable::compile(
            &settings.account,
            &settings.invoice,
            OperationName::PayInFuture,
            &mut check,
        );
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
            payable,
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
    payable: Payable,
    on: Source,
    /// A wallet, or else a business line.
    wallet: bool,
    code: Source,
}

impl Ready {
    fn decide(&self, context: &PlanContext<'_>) -> Result<Request, Box<Outcome>> {
        let wish = (NAME, OperationName::PayInFuture);
        self.payable.request(wish, context, || {
            let on = self.day(context)?;
            let Some(code) = text(Some(&self.code), context)? else {
                return Err(refused(FUNDS_MISSING, "the code is empty"));
            };
            let from = if self.wallet {
                FundsSource::Wallet(code)
            } else {
                FundsSource::Guild(code)
            };
            Ok(Operation::PayInFuture { on, from })
        })
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
        vec![self.payable.need()]
    }

    fn reads(&self) -> Vec<&Reads> {
        [&self.on, &self.code]
            .into_iter()
            .chain(self.payable.source())
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
