//! SizPay: links that SizPay itself texts to the payer's mobile.
//!
//! Only the answer of a create is documented. How a status reply is read is therefore part of the
//! account's options, and as long as they do not say it, nothing that SizPay answers makes a link
//! paid, closed or found.

mod callback;
mod options;
mod reading;
mod reply;
mod validation;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use values::{AccountName, Calendar, Currency, Date, JalaliDate, Money, Timestamp, parse_date};

pub use options::{ResultMeaning, SizpayOptions, StatusBy, StatusReply, Word};

use super::{AccountSettings, BuiltIn, Secret, SetupError};
use crate::{
    Callback, CallbackParts, Capabilities, Conversation, CreatedLink, Descriptor, Found,
    GatewayError, LinkRequest, ListPage, ListSpan, Operated, Operation, OperationName, ProviderRef,
    StatusReport, Translator,
};
use wire::{Method, OneLink, SendBody};

const NAME: &str = "sizpay";
/// Digits that a number keeps in every program that reads it.
const OWN_DIGITS_MAX: usize = 15;

/// SizPay on the list of gateways.
pub(super) const BUILT_IN: BuiltIn = BuiltIn {
    name: NAME,
    title: "SizPay",
    summary: "Makes links in rials that SizPay texts to the payer.",
    sandbox: false,
    network: true,
    secrets: &["user_name", "password", "pay_link_name"],
    check_options: |section| SizpayOptions::read(section).map(|_| ()),
    adapter: Some(|settings| Ok(Arc::new(Sizpay::new(settings)?))),
};

/// One account at SizPay.
#[derive(Debug, Clone)]
pub struct Sizpay {
    account: Arc<Account>,
}

#[derive(Debug)]
struct Account {
    name: AccountName,
    options: SizpayOptions,
    user_name: Secret,
    password: Secret,
    pay_link_name: Secret,
}

/// A link by the names it goes by, as they are kept in a [`ProviderRef`].
#[derive(Debug, Clone)]
struct Link {
    reference: String,
    invoice_no: String,
    /// SizPay's number, where it is known.
    send_id: Option<u64>,
    /// The day it was sent, where SizPay counts days.
    send_date: Date,
    amount: Option<Money>,
}

impl Sizpay {
    /// An account.
    ///
    /// # Errors
    ///
    /// [`SetupError`] when its options cannot be read, a secret is missing, or it is not in rials.
    pub fn new(settings: &AccountSettings) -> Result<Sizpay, SetupError> {
        let mut options = SizpayOptions::read(&settings.options)?;
        if settings.currency != Currency::Irr {
            return Err(SetupError::Unfit {
                account: settings.account.clone(),
                problem: format!("SizPay counts in IRR, not in {}", settings.currency),
            });
        }
        let named = options.pay_link_name.take();
        let pay_link_name = match named.filter(|name| !name.trim().is_empty()) {
            Some(name) => Secret::new(name),
            None => settings.secret("pay_link_name")?,
        };
        Ok(Sizpay {
            account: Arc::new(Account {
                name: settings.account.clone(),
                options,
                user_name: settings.secret("user_name")?,
                password: settings.secret("password")?,
                pay_link_name,
            }),
        })
    }

    /// Asks for a change of one link that has nothing to tell but that it was made.
    fn change<T: Send + 'static>(
        &self,
        method: Method,
        link: &ProviderRef,
        done: T,
    ) -> Conversation<T> {
        let request = self.account.link(link).and_then(|link| {
            let body = OneLink::of(&link)?;
            self.account.request(method, body)
        });
        let account = Arc::clone(&self.account);
        match request {
            Ok(request) => Conversation::change(request, move |response| {
                Conversation::Ended(account.taken(method, &response).map(|()| done))
            }),
            Err(error) => Conversation::failed(error),
        }
    }
}

impl Account {
    /// The reference itself where it is a short number; otherwise 53 bits that follow from it and
    /// the account, since accounts may share a page.
    fn order_no(&self, reference: &str) -> String {
        let fits = (1..=OWN_DIGITS_MAX).contains(&reference.len())
            && !reference.starts_with('0')
            && reference.bytes().all(|byte| byte.is_ascii_digit());
        if fits {
            return reference.to_owned();
        }
        let digest = Sha256::new()
            .chain_update(self.name.as_str())
            .chain_update([0])
            .chain_update(reference)
            .finalize();
        let mut first = [0; 8];
        for (byte, from) in first.iter_mut().zip(digest) {
            *byte = from;
        }
        (u64::from_be_bytes(first) >> 11).max(1).to_string()
    }

    /// The link of a name that this account has given out.
    fn link(&self, named: &ProviderRef) -> Result<Link, GatewayError> {
        let not_ours =
            || GatewayError::permanent("ref_not_valid", "this is no name of a link at SizPay");
        let text = |key: &str| named.0.get(key).map(String::as_str);
        let reference = text("reference").ok_or_else(not_ours)?;
        let invoice_no = text("invoice_no").ok_or_else(not_ours)?;
        if invoice_no != self.order_no(reference) {
            return Err(not_ours());
        }
        let day = parse_date(text("send_date").ok_or_else(not_ours)?).map_err(|_| not_ours())?;
        if day.calendar != Calendar::Jalali {
            return Err(not_ours());
        }
        let number = |key: &str| match text(key) {
            None => Ok(None),
            Some(text) => text.parse::<u64>().map(Some).map_err(|_| not_ours()),
        };
        let amount = number("amount")?
            .map(|rials| Money::from_minor(i128::from(rials), Currency::Irr))
            .transpose()
            .map_err(|_| not_ours())?;
        Ok(Link {
            reference: reference.to_owned(),
            invoice_no: invoice_no.to_owned(),
            send_id: number("send_id")?.filter(|id| *id > 0),
            send_date: day.date,
            amount,
        })
    }

    fn send(&self, request: &LinkRequest) -> Result<transport::HttpRequest, GatewayError> {
        let problem = |(code, message): (&str, String)| GatewayError::permanent(code, message);
        let mobile = validation::mobile(request).map_err(problem)?;
        let amount = validation::rials(&request.amount).ok_or_else(|| {
            GatewayError::permanent("currency_mismatch", "the amount is no number of rials")
        })?;
        let body = SendBody {
            amount,
            mobile_no: &mobile,
            invoice_no: &self.order_no(&request.reference),
            customer_name: request.payer_name.as_deref().unwrap_or_default(),
            description: &request.description,
        };
        self.request(Method::Send, body)
    }
}

impl Link {
    fn named(&self) -> Result<ProviderRef, GatewayError> {
        let mut names = BTreeMap::from([
            ("reference".to_owned(), self.reference.clone()),
            ("invoice_no".to_owned(), self.invoice_no.clone()),
            ("send_date".to_owned(), jalali(self.send_date)?),
        ]);
        if let Some(id) = self.send_id {
            names.insert("send_id".to_owned(), id.to_string());
        }
        if let Some(amount) = self.amount.and_then(|amount| amount.minor_units().ok()) {
            names.insert("amount".to_owned(), amount.to_string());
        }
        Ok(ProviderRef(names))
    }
}

/// A day as SizPay writes it, such as `1399/11/21`.
fn jalali(day: Date) -> Result<String, GatewayError> {
    let day = JalaliDate::from_gregorian(day)
        .map_err(|error| GatewayError::permanent("date_out_of_range", error.to_string()))?;
    Ok(day.to_string())
}

impl Translator for Sizpay {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: BUILT_IN.name,
            title: BUILT_IN.title,
            currencies: vec![Currency::Irr],
            sandbox: BUILT_IN.sandbox,
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            repeat: self.account.options.repeat(),
            status: true,
            deactivate: true,
            reusable: false,
            closes_at_expiry: false,
            signed_callback: false,
            texts_payer: true,
            operations: vec![OperationName::Resend],
            limits: self.account.options.limits(),
        }
    }

    fn order_no(&self, reference: &str) -> String {
        self.account.order_no(reference)
    }

    fn validate(&self, request: &LinkRequest) -> Vec<GatewayError> {
        validation::problems(&self.account.options, request)
    }

    fn create(&self, now: Timestamp, request: &LinkRequest) -> Conversation<CreatedLink> {
        let options = &self.account.options;
        if let Some(problem) = validation::expiry_problem(options, request, now) {
            return Conversation::failed(problem);
        }
        let send = match self.account.send(request) {
            Ok(send) => send,
            Err(error) => return Conversation::failed(error),
        };
        let account = Arc::clone(&self.account);
        let asked = Link {
            reference: request.reference.clone(),
            invoice_no: account.order_no(&request.reference),
            send_id: None,
            send_date: options.time_zone.local_date(now),
            amount: Some(request.amount),
        };
        // A day that cannot be named is found out before a link is made on it.
        if let Err(error) = asked.named() {
            return Conversation::failed(error);
        }
        Conversation::change(send, move |response| {
            let made = account.made(&response).and_then(|made| {
                let link = Link {
                    send_id: Some(made.id),
                    ..asked
                };
                Ok(CreatedLink {
                    provider_ref: link.named()?,
                    url: made.url,
                    url_valid_until: None,
                    amount: None,
                })
            });
            Conversation::Ended(made)
        })
    }

    fn status(&self, now: Timestamp, link: &ProviderRef) -> Conversation<StatusReport> {
        match self.account.link(link) {
            Ok(link) => reading::status(Arc::clone(&self.account), now, link),
            Err(error) => Conversation::failed(error),
        }
    }

    fn find(&self, now: Timestamp, reference: &str) -> Conversation<Found> {
        reading::find(Arc::clone(&self.account), now, reference.to_owned())
    }

    fn lookup_reach(&self) -> Option<TimeDelta> {
        Some(TimeDelta::days(self.account.options.find_days.into()))
    }

    fn status_many(
        &self,
        now: Timestamp,
        links: &[ProviderRef],
    ) -> Option<Conversation<Vec<StatusReport>>> {
        let known = links.iter().filter_map(|link| self.account.link(link).ok());
        let links = known.collect();
        Some(reading::status_many(Arc::clone(&self.account), now, links))
    }

    fn list(
        &self,
        _now: Timestamp,
        span: ListSpan,
        page: Option<&str>,
    ) -> Option<Conversation<ListPage>> {
        // A list that nobody can read is none.
        self.account.options.status_reply.as_ref()?;
        Some(reading::page(Arc::clone(&self.account), span, page))
    }

    fn deactivate(&self, _now: Timestamp, link: &ProviderRef) -> Option<Conversation<()>> {
        Some(self.change(Method::Disable, link, ()))
    }

    fn operate(
        &self,
        _now: Timestamp,
        link: &ProviderRef,
        operation: &Operation,
    ) -> Conversation<Operated> {
        match operation {
            Operation::Resend => self.change(Method::ReSend, link, Operated::default()),
            other => Conversation::failed(crate::translator::unsupported(other)),
        }
    }

    fn read_callback(&self, parts: &CallbackParts) -> Callback {
        callback::read(parts)
    }
}
