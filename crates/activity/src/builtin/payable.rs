//! An invoice that somebody else has issued to us, as settings name it: by its number at the provider.

use payment::{Operation, OperationName};
use values::{AccountName, FieldType, Value};

use super::paid::text;
use crate::on_link::{self, refused};
use crate::problem::{Place, codes};
use crate::settings::{Check, Source, SourceSetting, SourceType};
use crate::{Account, Need, Outcome, PlanContext, Request};

/// The number of the invoice is empty.
const INVOICE_MISSING: &str = "invoice_missing";

/// The account that pays, and what it pays.
#[derive(Debug, Clone)]
pub(super) struct Payable {
    account: AccountName,
    invoice: Option<Source>,
}

impl Payable {
    pub(super) fn compile(
        account: &str,
        invoice: &SourceSetting,
        operation: OperationName,
        check: &mut Check<'_>,
    ) -> Payable {
        let root = Place::root();
        let account = AccountName::new(account.trim());
        let known = check.account(&root.key("account"), &account);
        // Only a gateway that is known can be said to lack it.
        let lacks =
            |known: &Account| known.reusable.is_some() && !known.operations.contains(&operation);
        if known.is_some_and(lacks) {
            let word = operation.word();
            let message = format!("the gateway of account `{account}` has no operation `{word}`");
            check.error(codes::NOT_OFFERED, &root.key("account"), message);
        }
        let text = SourceType::Field(&FieldType::Text);
        let invoice = Source::compile(invoice, text, &root.key("invoice"), check);
        Payable { account, invoice }
    }

    pub(super) fn account(&self) -> &AccountName {
        &self.account
    }

    pub(super) fn need(&self) -> Need {
        Need::Account(self.account.clone())
    }

    pub(super) fn source(&self) -> Option<&Source> {
        self.invoice.as_ref()
    }

    /// Refuses what the account's gateway cannot do, before the operation is put together.
    pub(super) fn request(
        &self,
        (activity, name): (&str, OperationName),
        context: &PlanContext<'_>,
        operation: impl FnOnce() -> Result<Operation, Box<Outcome>>,
    ) -> Result<Request, Box<Outcome>> {
        let account = on_link::account_named(&self.account, context)?;
        on_link::offered(account, name)?;
        let Some(number) = text(self.invoice.as_ref(), context)? else {
            return Err(refused(
                INVOICE_MISSING,
                "the number of the invoice is empty",
            ));
        };
        on_link::request_about(activity, &self.account, number, operation()?)
    }
}

/// Says what an empty or wrong field means for people.
pub(super) fn empty(field: &str, value: Option<&Value>) -> String {
    match value {
        Some(Value::Item(item)) => format!("{item} has no link"),
        _ => format!("field `{field}` is empty"),
    }
}
