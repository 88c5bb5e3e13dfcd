//! What an account says about its business at POD.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

use crate::{Limits, LinkStatus};

/// How a POD account behaves, as the project file has it. Every key but `guild_code` may be left
/// out; an unknown one is an error.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PodOptions {
    /// The business line the invoices belong to.
    pub guild_code: String,
    /// The address of service calls.
    #[serde(default = "service_url")]
    pub service_url: String,
    /// The address of the calls that have no service number, and of one-time tokens.
    #[serde(default = "core_url")]
    pub core_url: String,
    /// The address of the pay pages.
    #[serde(default = "pay_url")]
    pub pay_url: String,
    /// Which way to the money a link is.
    #[serde(default)]
    pub link: LinkKind,
    /// The bank whose page a gateway link opens; `null` lets the payer choose.
    #[serde(default = "bank")]
    pub bank: Option<String>,
    /// Who has issued the token: 1 for the single sign-on, 0 for the platform itself.
    #[serde(default = "token_issuer")]
    pub token_issuer: u8,
    /// Whether a paid invoice waits for our word.
    #[serde(default)]
    pub verification: bool,
    /// After how long POD deals with an invoice that is paid and not closed; at least `10m`.
    #[serde(default, with = "crate::gateways::sandbox::span::option")]
    pub close_timeout: Option<TimeDelta>,
    /// Whether the day of the expiry is told as the invoice's due date.
    #[serde(default)]
    pub deadline: bool,
    /// Whether reading an unpaid invoice after its expiry cancels it: POD itself never closes one.
    #[serde(default = "yes")]
    pub void_expired: bool,
    /// Where the payer's browser goes afterwards; without it, to the account's callback address.
    #[serde(default)]
    pub return_url: Option<String>,
    /// The wallet for texts and for paying by credit, where the wish names none.
    #[serde(default)]
    pub wallet: Option<String>,
    /// How long a short-lived URL works.
    #[serde(default = "url_life", with = "crate::gateways::sandbox::span")]
    pub url_life: TimeDelta,
    /// Pieces of text by which a refusal says that the bill number is taken.
    #[serde(default = "duplicate_texts")]
    pub duplicate_texts: Vec<String>,
    /// What an invoice is that POD calls waiting.
    #[serde(default)]
    pub waiting: Waiting,
    /// Numbers of the service calls where they differ from the production ones.
    #[serde(default)]
    pub product_ids: BTreeMap<Method, u32>,
    /// How long an exchange may take.
    #[serde(default = "timeout", with = "crate::gateways::sandbox::span")]
    pub timeout: TimeDelta,
    /// Limits of the account.
    #[serde(default)]
    pub limits: Limits,
}

/// Which way to the money a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// The bank page by the invoice's unique number; it lasts.
    #[default]
    Gateway,
    /// The wallet page, where the payer signs in.
    Wallet,
    /// A page that anybody may pay on, behind a URL of a few minutes.
    ShortLived,
    /// POD texts the payer a code and a link; the URL is that of the bank page.
    Sms,
}

/// What an invoice is that POD calls waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// A payment has begun.
    #[default]
    Paying,
    /// Nobody has begun to pay.
    Created,
    /// Nobody knows.
    Unknown,
}

impl Waiting {
    pub(super) fn status(self) -> LinkStatus {
        match self {
            Waiting::Paying => LinkStatus::Paying,
            Waiting::Created => LinkStatus::Created,
            Waiting::Unknown => LinkStatus::Unknown,
        }
    }
}

/// The service calls, each with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Makes an invoice.
    IssueInvoice,
    /// Invoices by id, bill number or range.
    GetInvoiceList,
    /// A short-lived URL.
    GetInvoicePaymentLink,
    /// Texts the payer.
    SendInvoicePaymentSms,
    /// Voids an invoice, or gives its money back.
    CancelInvoice,
    /// Confirms and closes a paid invoice.
    VerifyAndCloseInvoice,
    /// Marks an invoice as paid elsewhere.
    PayInvoice,
    /// Pays an invoice with a paid one.
    PayInvoiceByInvoice,
    /// Blocks the money now and pays later.
    PayInvoiceInFuture,
    /// Pays an invoice issued to us.
    PayInvoiceByCredit,
    /// Pays anybody's invoice.
    PayAnyInvoiceByCredit,
}

impl Method {
    /// The number in production.
    fn production_id(self) -> u32 {
        match self {
            Method::IssueInvoice => 29796,
            Method::GetInvoiceList => 29813,
            Method::GetInvoicePaymentLink => 29815,
            Method::SendInvoicePaymentSms => 29807,
            Method::CancelInvoice => 29810,
            Method::VerifyAndCloseInvoice => 29808,
            Method::PayInvoice => 29799,
            Method::PayInvoiceByInvoice => 29800,
            Method::PayInvoiceInFuture => 29802,
            Method::PayInvoiceByCredit => 30382,
            Method::PayAnyInvoiceByCredit => 29821,
        }
    }
}

/// POD takes no shorter time to close an invoice.
const CLOSE_TIMEOUT_MIN: TimeDelta = TimeDelta::minutes(10);

impl PodOptions {
    /// Reads an account's section.
    ///
    /// # Errors
    ///
    /// A key is unknown, missing or of the wrong kind, or a value cannot be.
    pub fn read(section: &serde_json::Value) -> Result<PodOptions, serde_json::Error> {
        let options: PodOptions = serde_json::from_value(section.clone())?;
        match options.problem() {
            Some(problem) => Err(serde_json::Error::custom(problem)),
            None => Ok(options),
        }
    }

    fn problem(&self) -> Option<String> {
        if self.guild_code.trim().is_empty() {
            return Some("`guild_code` is empty".to_owned());
        }
        let addresses = [
            ("service_url", Some(&self.service_url)),
            ("core_url", Some(&self.core_url)),
            ("pay_url", Some(&self.pay_url)),
            ("return_url", self.return_url.as_ref()),
        ];
        for (key, address) in addresses {
            if address.is_some_and(|address| !is_address(address)) {
                return Some(format!("`{key}` must begin with https://"));
            }
        }
        if self.token_issuer > 1 {
            return Some("`token_issuer` is 0 or 1".to_owned());
        }
        if self.close_timeout.is_some_and(|it| it < CLOSE_TIMEOUT_MIN) {
            return Some("`close_timeout` is at least 10m".to_owned());
        }
        if [self.url_life, self.timeout]
            .iter()
            .any(|it| it.num_seconds() < 1)
        {
            return Some("`url_life` and `timeout` are at least 1s".to_owned());
        }
        let empty = |text: &String| super::refusals::fold(text).is_empty();
        if self.duplicate_texts.iter().any(empty) {
            return Some("a text of `duplicate_texts` is empty".to_owned());
        }
        None
    }

    /// The number of a service call.
    pub(super) fn product_id(&self, method: Method) -> u32 {
        let given = self.product_ids.get(&method).copied();
        given.unwrap_or_else(|| method.production_id())
    }
}

/// Plain HTTP is for a provider played on this machine; the plug for HTTP refuses it elsewhere.
fn is_address(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.contains(|c: char| c.is_whitespace() || c.is_control())
    })
}

fn service_url() -> String {
    "https://api.pod.ir/srv/sc".to_owned()
}

fn core_url() -> String {
    "https://api.pod.ir/srv/core".to_owned()
}

fn pay_url() -> String {
    "https://pay.pod.ir".to_owned()
}

// An option that is there unless it is `null`.
#[expect(clippy::unnecessary_wraps, reason = "the field is optional")]
fn bank() -> Option<String> {
    Some("PEP".to_owned())
}

fn token_issuer() -> u8 {
    1
}

fn yes() -> bool {
    true
}

fn url_life() -> TimeDelta {
    TimeDelta::seconds(300)
}

fn timeout() -> TimeDelta {
    TimeDelta::seconds(30)
}

fn duplicate_texts() -> Vec<String> {
    vec!["تکراری".to_owned()]
}
