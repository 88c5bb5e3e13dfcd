//! Robokassa: payment links by its Invoice API or as classic signed URLs, in roubles.
//!
//! It sends nothing itself. What was never tried against the live service stands in
//! `docs/gateways/robokassa.md`.

mod callback;
mod classic;
mod codes;
mod digest;
mod exchange;
mod invoice;
mod life;
mod name;
mod notification;
mod operation_state;
mod receipt;
mod settings;
mod signature;
mod text;
mod token;
mod validation;
#[cfg(test)]
mod vectors;

use std::sync::Arc;

use chrono::TimeDelta;
use values::{Currency, Timestamp};

use super::{AccountSettings, BuiltIn, SetupError};
use crate::{
    Callback, CallbackParts, Capabilities, Conversation, CreatedLink, Descriptor, Found,
    GatewayError, Limits, LinkRequest, ListPage, ListSpan, Operated, Operation, OperationName,
    ProviderRef, RepeatClass, RepeatSafety, StatusReport, Translator,
};
use name::LinkName;
use settings::{Interface, Options, Shop};

/// The word in the project file.
const NAME: &str = "robokassa";

/// Robokassa on the list of gateways.
pub(super) const BUILT_IN: BuiltIn = BuiltIn {
    name: NAME,
    title: "Robokassa",
    summary: "Payment links in roubles, with signed notifications and receipts.",
    sandbox: false,
    network: true,
    secrets: &[
        "password1",
        "password2",
        "password3",
        "test_password1",
        "test_password2",
    ],
    check_options: |options| Options::read(options).map(|_| ()),
    adapter: Some(|settings| Ok(Arc::new(Robokassa::new(settings)?))),
};

/// The adapter of one shop.
pub struct Robokassa {
    shop: Arc<Shop>,
}

impl Robokassa {
    /// Puts the adapter of an account together. Wanted are the secrets `password1` and `password2`, or
    /// `test_password1` and `test_password2` with the option `test: true`.
    ///
    /// # Errors
    ///
    /// [`SetupError`] when the section cannot be read, a password is missing, or something does not
    /// fit, such as another currency than RUB.
    pub fn new(settings: &AccountSettings) -> Result<Robokassa, SetupError> {
        let shop = Arc::new(Shop::new(settings)?);
        Ok(Robokassa { shop })
    }

    fn name(&self, link: &ProviderRef) -> Result<LinkName, GatewayError> {
        LinkName::read(&self.shop, link)
    }
}

impl std::fmt::Debug for Robokassa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Robokassa")
            .field("account", &self.shop.account)
            .finish_non_exhaustive()
    }
}

impl Translator for Robokassa {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: NAME,
            title: BUILT_IN.title,
            currencies: vec![Currency::Rub],
            sandbox: self.shop.options.test,
        }
    }

    fn capabilities(&self) -> Capabilities {
        let options = &self.shop.options;
        let invoices = options.interface == Interface::InvoiceApi;
        let receipt = options.receipt.as_ref();
        let second = receipt.is_some_and(|receipt| receipt.second.is_some());
        Capabilities {
            repeat: RepeatSafety {
                class: if invoices {
                    RepeatClass::UniqueReference
                } else {
                    RepeatClass::Idempotent
                },
                request_life_max: None,
                lookup_staleness_max: None,
            },
            status: !options.test,
            deactivate: invoices,
            reusable: true,
            closes_at_expiry: true,
            signed_callback: true,
            texts_payer: false,
            operations: second
                .then_some(OperationName::SecondReceipt)
                .into_iter()
                .collect(),
            limits: Limits {
                amount_max: Some(self.shop.amount_max),
                description_chars_max: Some(validation::DESCRIPTION_CHARS_MAX),
                ..Limits::default()
            },
        }
    }

    fn order_no(&self, reference: &str) -> String {
        self.shop.order_no(reference)
    }

    fn validate(&self, request: &LinkRequest) -> Vec<GatewayError> {
        validation::problems(&self.shop, request)
    }

    fn create(&self, now: Timestamp, request: &LinkRequest) -> Conversation<CreatedLink> {
        if let Some(problem) = validation::expiry_problem(request, now) {
            return Conversation::failed(problem);
        }
        match self.shop.options.interface {
            Interface::InvoiceApi => life::create(&self.shop, now, request),
            Interface::Classic => Conversation::Ended(classic::create(&self.shop, request)),
        }
    }

    fn status(&self, now: Timestamp, link: &ProviderRef) -> Conversation<StatusReport> {
        match self.name(link) {
            Ok(name) => life::status(&self.shop, now, name),
            Err(error) => Conversation::failed(error),
        }
    }

    fn find(&self, now: Timestamp, reference: &str) -> Conversation<Found> {
        life::find(&self.shop, now, reference)
    }

    fn lookup_reach(&self) -> Option<TimeDelta> {
        let options = &self.shop.options;
        // The state of an operation is asked for by its number alone.
        let by_list = options.interface == Interface::InvoiceApi;
        by_list.then(|| TimeDelta::days(options.lookup_days.into()))
    }

    fn status_many(
        &self,
        now: Timestamp,
        links: &[ProviderRef],
    ) -> Option<Conversation<Vec<StatusReport>>> {
        let names: Vec<LinkName> = links
            .iter()
            .filter_map(|link| self.name(link).ok())
            .filter(|name| name.via == Interface::InvoiceApi)
            .collect();
        let helps = names.len() > 1 && !self.shop.options.test;
        helps.then(|| life::status_many(&self.shop, now, names))
    }

    fn list(
        &self,
        _now: Timestamp,
        span: ListSpan,
        page: Option<&str>,
    ) -> Option<Conversation<ListPage>> {
        // A classic link is known to the provider only when somebody pays.
        let listed = self.shop.options.interface == Interface::InvoiceApi;
        listed.then(|| invoice::page(&self.shop, span, page))
    }

    fn deactivate(&self, now: Timestamp, link: &ProviderRef) -> Option<Conversation<()>> {
        Some(match self.name(link) {
            Ok(name) if name.via == Interface::InvoiceApi => {
                life::deactivate(&self.shop, now, name)
            }
            Ok(_) => Conversation::failed(GatewayError::permanent(
                "unsupported_operation",
                "a classic link cannot be closed",
            )),
            Err(error) => Conversation::failed(error),
        })
    }

    fn operate(
        &self,
        _now: Timestamp,
        link: &ProviderRef,
        operation: &Operation,
    ) -> Conversation<Operated> {
        let Operation::SecondReceipt { receipt_no, amount } = operation else {
            return Conversation::failed(crate::translator::unsupported(operation));
        };
        match self.name(link) {
            Ok(name) => receipt::second(&self.shop, &name.inv_id, receipt_no, amount),
            Err(error) => Conversation::failed(error),
        }
    }

    fn read_callback(&self, parts: &CallbackParts) -> Callback {
        callback::read(&self.shop, parts)
    }
}
