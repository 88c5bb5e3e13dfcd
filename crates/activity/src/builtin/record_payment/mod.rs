//! `record_payment`: money for a link that came another way: cash, a transfer, a card terminal.

use std::cmp::Ordering;

use async_trait::async_trait;
use expression::Reads;
use payment::{LinkStatus, Operation, OperationName, PaymentFact, PosSlip, StatusReport, Usage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use values::{FieldType, Money};

use super::paid::{Paid, PaidSettings, text};
use crate::on_link::{self, LINK_PAID, Wish, refused};
use crate::problem::{Place, PrepareContext, Problem};
use crate::settings::{Check, Source, SourceSetting, SourceType, decode, schema_of};
use crate::{
    Account, Activity, Attempt, Attempted, Descriptor, KnownLink, Need, Outcome, OutsideNumber,
    Plan, PlanContext, Prepared, Request, World,
};

const NAME: &str = "record_payment";

/// The ledger did not take the payment: it counts already, or it does not fit.
const NOT_RECORDED: &str = "payment_not_recorded";
/// Each payment of a link that may be paid many times is over its amount.
const REUSABLE_AMOUNT: &str = "reusable_amount";
/// The slip of the card terminal lacks something.
const SLIP_INCOMPLETE: &str = "slip_incomplete";

/// Records money that came another way than through the link.
#[derive(Debug, Clone, Copy, Default)]
pub struct RecordPayment;

/// Settings of `record_payment`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The state whose link is paid. Without it, the only state that makes links.
    #[serde(default)]
    of: Option<String>,
    /// What was paid. Without it, what the link still asks for.
    #[serde(default)]
    amount: Option<SourceSetting>,
    /// The number of the transaction; with the account it counts once for ever.
    transaction: SourceSetting,
    /// When it was paid. Without it, the entry into the state.
    #[serde(default)]
    paid_at: Option<SourceSetting>,
    /// What the payer has as tracking number.
    #[serde(default)]
    tracking_no: Option<SourceSetting>,
    /// The slip of a card terminal, for a provider that keeps those.
    #[serde(default)]
    pos: Option<PosSetting>,
}

/// The slip of a card terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PosSetting {
    /// The number of the terminal.
    terminal_no: SourceSetting,
    /// The code of the merchant.
    merchant_code: SourceSetting,
    /// The bank's reference.
    reference_no: SourceSetting,
}

#[async_trait]
impl Activity for RecordPayment {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: NAME,
            summary: "Records money for a link that came another way.",
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
        let paid = Paid::compile(
            &PaidSettings {
                amount: settings.amount.as_ref(),
                transaction: &settings.transaction,
                paid_at: settings.paid_at.as_ref(),
                tracking_no: settings.tracking_no.as_ref(),
            },
            &mut check,
        );
        let pos = settings.pos.as_ref().map(|pos| {
            let place = Place::root().key("pos");
            [
                ("terminal_no", &pos.terminal_no),
                ("merchant_code", &pos.merchant_code),
                ("reference_no", &pos.reference_no),
            ]
            .map(|(key, setting)| {
                let wanted = SourceType::Field(&FieldType::Text);
                Source::compile(setting, wanted, &place.key(key), &mut check)
            })
        });
        check.finish()?;
        Ok(Box::new(Ready {
            of: of.unwrap_or_default(),
            paid,
            pos,
        }))
    }

    async fn perform(&self, request: &Request, attempt: &Attempt, world: &World) -> Attempted {
        on_link::perform(request, attempt, world).await
    }
}

#[derive(Debug, Clone)]
struct Ready {
    of: String,
    paid: Paid,
    /// Terminal, merchant and reference of a slip.
    pos: Option<[Option<Source>; 3]>,
}

impl Ready {
    fn decide(&self, context: &PlanContext<'_>) -> Result<Request, Box<Outcome>> {
        let link = on_link::target(&self.of, context)?;
        if link.status.is_paid() {
            return Err(refused(LINK_PAID, "the link is paid already"));
        }
        let account = on_link::account(link, context)?;
        let owed = owed(link);
        let fact = self.paid.read(Some(owed), account.currency, context)?;
        if context.answers.registered_before {
            let message = format!("payment {} counts already", fact.transaction);
            return Err(refused(NOT_RECORDED, message));
        }
        let number = number(link, &fact);
        let stays_open = link.draft.usage == Usage::Reusable;
        if stays_open && fact.amount != owed {
            let message = format!("each payment of link {} is {owed}", link.id);
            return Err(refused(REUSABLE_AMOUNT, message));
        }
        let tell = match stays_open {
            true => None,
            false => self.told(account, &fact, owed, context)?,
        };
        let received = link.received.map(|before| before.checked_add(&fact.amount));
        let received = received.and_then(Result::ok).unwrap_or(fact.amount);
        let report = StatusReport {
            reference: link.draft.reference.clone(),
            status: status(&fact, owed),
            payments: vec![fact],
        };
        let wish = Wish::Record {
            report,
            tell,
            received,
            stays_open,
        };
        let request = on_link::request(NAME, link, wish)?;
        Ok(Request {
            number: Some(number),
            ..request
        })
    }

    /// What the provider is told, where it keeps such things and the whole was paid.
    fn told(
        &self,
        account: &Account,
        fact: &PaymentFact,
        owed: Money,
        context: &PlanContext<'_>,
    ) -> Result<Option<Operation>, Box<Outcome>> {
        let offers = |operation| account.operations.contains(&operation);
        if fact.amount != owed {
            return Ok(None);
        }
        if let Some(slip) = &self.pos
            && offers(OperationName::RecordPos)
        {
            let [terminal_no, merchant_code, reference_no] = slip;
            let part = |source: &Option<Source>, what: &str| {
                text(source.as_ref(), context)?
                    .ok_or_else(|| refused(SLIP_INCOMPLETE, format!("the slip has no {what}")))
            };
            return Ok(Some(Operation::RecordPos(PosSlip {
                terminal_no: part(terminal_no, "terminal number")?,
                merchant_code: part(merchant_code, "merchant code")?,
                reference_no: part(reference_no, "reference")?,
                tracking_no: fact
                    .tracking_no
                    .clone()
                    .unwrap_or_else(|| fact.transaction.clone()),
                paid_at: fact.paid_at,
            })));
        }
        Ok(offers(OperationName::MarkPaid).then_some(Operation::MarkPaid))
    }
}

fn number(link: &KnownLink, fact: &PaymentFact) -> OutsideNumber {
    OutsideNumber {
        account: link.draft.account.clone(),
        transaction: fact.transaction.clone(),
    }
}

/// What the link still asks for.
fn owed(link: &KnownLink) -> Money {
    if link.draft.usage == Usage::Reusable {
        return link.draft.amount;
    }
    let received = link.received;
    let rest = received.and_then(|received| link.draft.amount.checked_sub(&received).ok());
    rest.filter(Money::is_positive).unwrap_or(link.draft.amount)
}

/// What the payment makes of the link: a part, the whole, or more.
fn status(fact: &PaymentFact, owed: Money) -> LinkStatus {
    match fact.amount.compare(&owed) {
        Ok(Ordering::Less) => LinkStatus::PartiallyPaid,
        Ok(Ordering::Greater) => LinkStatus::Overpaid,
        _ => LinkStatus::Paid,
    }
}

impl Prepared for Ready {
    fn needs(&self) -> Vec<Need> {
        vec![Need::Link(self.of.clone())]
    }

    fn reads(&self) -> Vec<&Reads> {
        let slip = self.pos.iter().flatten().flatten();
        self.paid
            .sources()
            .chain(slip)
            .filter_map(Source::reads)
            .collect()
    }

    fn plan(&self, context: &PlanContext<'_>) -> Plan {
        on_link::plan(self.decide(context))
    }

    /// What was seen has been settled before this: the link tells whether the ledger took it.
    fn conclude(&self, context: &PlanContext<'_>, request: &Request, result: &Json) -> Outcome {
        let link = context.answers.link.as_deref();
        let taken = on_link::to_record(request).is_some_and(|(id, wanted)| {
            let received = link
                .filter(|link| link.id == id)
                .and_then(|link| link.received);
            received.is_some_and(|received| received.compare(&wanted).is_ok_and(Ordering::is_ge))
        });
        if !taken {
            let message =
                "the payment counts already, or does not fit: it is on the attention list";
            return Outcome::error(NOT_RECORDED, message);
        }
        // The provider may have a number of its own for it; ours counts once all the same.
        let mut outcome = Outcome::success();
        outcome.changes.numbers.extend(request.number.clone());
        outcome.result = result.clone();
        outcome
    }
}
