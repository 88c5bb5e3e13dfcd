//! `register_receipt`: a receipt for money that came through no link, or the second one of a prepayment.

use async_trait::async_trait;
use expression::Reads;
use payment::{Operation, OperationName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use values::AccountName;

use super::create_payment_link::settings::{Approval, ReceiptRuleSetting};
use super::paid::{Paid, PaidSettings};
use crate::on_link::{self, Wish, refused};
use crate::problem::{Place, PrepareContext, Problem};
use crate::settings::{Check, Source, SourceSetting, decode, schema_of};
use crate::{
    Activity, Attempt, Attempted, Descriptor, Need, Outcome, OutsideReceipt, Plan, PlanContext,
    Prepared, ReceiptRule, Request, World,
};

const NAME: &str = "register_receipt";

/// Receipt subtype where neither the step nor the account names one.
const RECEIPT_KIND: &str = "cash";

/// The payment has its receipt already.
const TRANSACTION_REUSED: &str = "transaction_reused";

/// Registers a receipt for money that came through no link.
#[derive(Debug, Clone, Copy, Default)]
pub struct RegisterReceipt;

/// Settings of `register_receipt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The account the money went to, by its name in the project file.
    account: String,
    /// What was paid: `{ value: item.cash_amount }`, or a constant with its currency.
    amount: SourceSetting,
    /// The text field with the number of the transaction; with the account it counts once for ever.
    transaction: TransactionSetting,
    /// When it was paid. Without it, the entry into the state.
    #[serde(default)]
    paid_at: Option<SourceSetting>,
    /// What the payer has as tracking number.
    #[serde(default)]
    tracking_no: Option<SourceSetting>,
    /// Its type, who approves it, and the receipt field it is attached to.
    #[serde(default)]
    receipt: Option<ReceiptRuleSetting>,
    /// The state whose link was a prepayment: its provider issues the second receipt.
    #[serde(default)]
    second_of: Option<String>,
}

/// Where the number of a transaction stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TransactionSetting {
    /// The text field of the item.
    field: String,
}

#[async_trait]
impl Activity for RegisterReceipt {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: NAME,
            summary: "Registers a receipt for money that came through no link.",
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
        let account = AccountName::new(settings.account.trim());
        check.account(&root.key("account"), &account);
        let field = settings.transaction.field.as_str();
        check.field_of(&root.key("transaction").key("field"), field, &["text"]);
        let second_of = settings
            .second_of
            .as_deref()
            .and_then(|of| on_link::compile_of_at(Some(of), &root.key("second_of"), &mut check));
        let written = SourceSetting::field(field);
        let paid = Paid::compile(
            &PaidSettings {
                amount: Some(&settings.amount),
                transaction: &written,
                paid_at: settings.paid_at.as_ref(),
                tracking_no: settings.tracking_no.as_ref(),
            },
            &mut check,
        );
        let rule = settings.receipt.unwrap_or_default();
        if let Some(field) = &rule.field {
            check.field_of(&root.key("receipt").key("field"), field, &["receipt"]);
        }
        check.finish()?;
        Ok(Box::new(Ready {
            account,
            paid,
            field: settings.transaction.field,
            rule,
            second_of,
        }))
    }

    async fn perform(&self, request: &Request, attempt: &Attempt, world: &World) -> Attempted {
        on_link::perform(request, attempt, world).await
    }
}

#[derive(Debug, Clone)]
struct Ready {
    account: AccountName,
    paid: Paid,
    /// The text field that holds the number of the transaction.
    field: String,
    rule: ReceiptRuleSetting,
    second_of: Option<String>,
}

impl Ready {
    fn receipt(&self, context: &PlanContext<'_>) -> Result<OutsideReceipt, Box<Outcome>> {
        let Some(account) = context.answers.accounts.get(&self.account) else {
            let message = format!("there is no account `{}`", self.account);
            return Err(refused("account_unknown", message));
        };
        let fact = self.paid.read(None, account.currency, context)?;
        if context.answers.registered_before {
            let message = format!("payment {} has its receipt already", fact.transaction);
            return Err(refused(TRANSACTION_REUSED, message));
        }
        let kind = self.rule.kind.clone();
        let kind = kind.or_else(|| account.receipt_type.clone());
        Ok(OutsideReceipt {
            account: self.account.clone(),
            transaction: fact.transaction,
            amount: fact.amount,
            paid_at: fact.paid_at,
            tracking_no: fact.tracking_no,
            rule: ReceiptRule {
                kind: kind.unwrap_or_else(|| RECEIPT_KIND.to_owned()),
                approved: self.rule.approve == Approval::Auto,
                field: self.rule.field.clone(),
            },
        })
    }

    fn decide(&self, context: &PlanContext<'_>) -> Result<Request, Box<Outcome>> {
        let receipt = self.receipt(context)?;
        let Some(of) = &self.second_of else {
            return Err(Box::new(registered(receipt, Json::Null)));
        };
        let link = on_link::target(of, context)?;
        let account = on_link::account(link, context)?;
        on_link::offered(account, OperationName::SecondReceipt)?;
        let operation = Operation::SecondReceipt {
            receipt_no: receipt.transaction,
            amount: receipt.amount,
        };
        on_link::request(NAME, link, Wish::Operate(operation))
    }
}

/// A success that registers the receipt in the commit that holds it.
fn registered(receipt: OutsideReceipt, provider: Json) -> Outcome {
    let mut outcome = Outcome::success();
    outcome.result = json!({ "transaction": receipt.transaction, "provider": provider });
    outcome.changes.receipt = Some(Box::new(receipt));
    outcome
}

impl Prepared for Ready {
    fn needs(&self) -> Vec<Need> {
        let mut needs = vec![
            Need::Party,
            Need::Account(self.account.clone()),
            Need::OutsidePayment(self.account.clone(), self.field.clone()),
        ];
        needs.extend(self.second_of.clone().map(Need::Link));
        needs
    }

    fn reads(&self) -> Vec<&Reads> {
        self.paid.sources().filter_map(Source::reads).collect()
    }

    fn plan(&self, context: &PlanContext<'_>) -> Plan {
        on_link::plan(self.decide(context))
    }

    fn conclude(&self, context: &PlanContext<'_>, request: &Request, result: &Json) -> Outcome {
        let receipt = self.receipt(context);
        match (receipt, on_link::to_operate(request)) {
            // What the provider has issued counts, whatever the fields say by now.
            (Ok(receipt), Some(Operation::SecondReceipt { receipt_no, amount })) => {
                let issued = OutsideReceipt {
                    transaction: receipt_no,
                    amount,
                    ..receipt
                };
                registered(issued, result.clone())
            }
            (Ok(receipt), _) => registered(receipt, result.clone()),
            (Err(outcome), _) => *outcome,
        }
    }
}
