//! POD, the platform of Fanap: an invoice, and several ways to its money.
//!
//! A link is a URL around an invoice. The bill number is our reference, unique in the business, so
//! a repeated create is refused and the first invoice can be looked up. Calls and returns are not
//! signed: they are hints to read the invoice again.

mod answer;
mod callback;
mod creating;
mod invoice;
mod links;
mod listing;
mod operating;
mod options;
mod reading;
mod reference;
mod refusals;
mod wire;

use std::cmp::Ordering;
use std::sync::Arc;

use chrono::Timelike;
use values::{Calendar, Currency, Date, JalaliDate, Locale, Timestamp, Zone, check_id};

pub use options::{LinkKind, Method, PodOptions, Waiting};

use super::{AccountSettings, BuiltIn, OptionsError, Secret, SetupError};
use crate::{
    Callback, CallbackParts, Capabilities, Conversation, CreatedLink, Descriptor, Found,
    GatewayError, LinkRequest, ListPage, ListSpan, Operated, Operation, OperationName, ProviderRef,
    RepeatClass, RepeatSafety, StatusReport, Translator, Usage,
};
use wire::Desk;

/// POD on the list of gateways.
pub(super) const BUILT_IN: BuiltIn = BuiltIn {
    name: "pod",
    title: "POD",
    summary: "Invoices on the platform of Fanap, paid by bank page, wallet, text, credit or offset.",
    sandbox: false,
    network: true,
    secrets: &[API_TOKEN, SC_API_KEY, SC_VOUCHER_HASH],
    check_options: |section| match PodOptions::read(section) {
        Ok(_) => Ok(()),
        Err(source) => Err(OptionsError {
            gateway: "pod",
            source,
        }),
    },
    adapter: Some(|settings| Ok(Arc::new(Pod::new(settings)?))),
};

/// The token of the business.
const API_TOKEN: &str = "api_token";

/// The key of service calls; may be left out.
const SC_API_KEY: &str = "sc_api_key";

/// Vouchers that pay for service calls, parted by commas; may be left out.
const SC_VOUCHER_HASH: &str = "sc_voucher_hash";

/// The setting of a request that names the payer's account at POD.
const USER_ID: &str = "user_id";

/// One account of ours at POD.
#[derive(Debug, Clone)]
pub struct Pod {
    desk: Arc<Desk>,
}

impl Pod {
    /// The adapter of an account.
    ///
    /// # Errors
    ///
    /// [`SetupError`] when its options cannot be read, its token is missing, or its currency or a
    /// limit is not in rials or tomans.
    pub fn new(settings: &AccountSettings) -> Result<Pod, SetupError> {
        let options = PodOptions::read(&settings.options).map_err(|source| OptionsError {
            gateway: BUILT_IN.name,
            source,
        })?;
        let unfit = |problem: String| SetupError::Unfit {
            account: settings.account.clone(),
            problem,
        };
        if !matches!(settings.currency, Currency::Irr | Currency::Irt) {
            return Err(unfit(format!("POD does not take {}", settings.currency)));
        }
        let limits = [options.limits.amount_min, options.limits.amount_max];
        for limit in limits.into_iter().flatten() {
            if limit.currency() != settings.currency {
                return Err(unfit(format!(
                    "the limit {limit} is not in {}",
                    settings.currency
                )));
            }
        }
        let token = settings.secret(API_TOKEN)?;
        if !token.reveal().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unfit("the token does not fit into a header".to_owned()));
        }
        let tehran = Zone::parse("Asia/Tehran")
            .map_err(|_| unfit("the time zone of Tehran is not known".to_owned()))?;
        let optional = |name: &str| -> Option<Secret> { settings.secrets.get(name).cloned() };
        Ok(Pod {
            desk: Arc::new(Desk {
                currency: settings.currency,
                options,
                token,
                service_key: optional(SC_API_KEY),
                vouchers: optional(SC_VOUCHER_HASH),
                callback_url: settings.callback_url.clone(),
                tehran,
            }),
        })
    }

    fn amount_problem(&self, request: &LinkRequest) -> Option<GatewayError> {
        let amount = &request.amount;
        if amount.currency() != self.desk.currency {
            return Some(GatewayError::permanent(
                "currency_mismatch",
                format!(
                    "{amount} is not in {}, the currency of the account",
                    self.desk.currency
                ),
            ));
        }
        if !amount.is_positive() {
            let message = format!("{amount} is not more than zero");
            return Some(GatewayError::permanent("amount_not_positive", message));
        }
        let limits = &self.desk.options.limits;
        let beyond = |limit: &Option<values::Money>, side| {
            limit.filter(|limit| amount.compare(limit) == Ok(side))
        };
        if let Some(limit) = beyond(&limits.amount_min, Ordering::Less) {
            let message = format!("{amount} is under the smallest amount, {limit}");
            return Some(GatewayError::permanent("amount_under_limit", message));
        }
        beyond(&limits.amount_max, Ordering::Greater).map(|limit| {
            let message = format!("{amount} is over the largest amount, {limit}");
            GatewayError::permanent("amount_over_limit", message)
        })
    }

    fn payer_problem(&self, request: &LinkRequest) -> Option<GatewayError> {
        if self.desk.options.link != LinkKind::Sms {
            return None;
        }
        match request.payer_mobile.as_deref() {
            None => Some(GatewayError::permanent(
                "payer_mobile_missing",
                "the provider texts the payer, so their mobile number is needed",
            )),
            Some(mobile) if !is_iranian_mobile(mobile) => Some(GatewayError::permanent(
                "payer_mobile_not_valid",
                "the provider texts only mobile numbers of Iran",
            )),
            Some(_) => None,
        }
    }
}

impl Translator for Pod {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: BUILT_IN.name,
            title: BUILT_IN.title,
            currencies: vec![self.desk.currency],
            sandbox: BUILT_IN.sandbox,
        }
    }

    fn capabilities(&self) -> Capabilities {
        let link = self.desk.options.link;
        let mut operations = vec![
            OperationName::PayByInvoice,
            OperationName::PayInFuture,
            OperationName::CancelFuture,
            OperationName::PayByCredit,
            OperationName::MarkPaid,
            OperationName::RecordPos,
            OperationName::VerifyAndClose,
        ];
        match link {
            LinkKind::Sms => operations.push(OperationName::Resend),
            LinkKind::ShortLived => operations.push(OperationName::RefreshUrl),
            LinkKind::Gateway | LinkKind::Wallet => (),
        }
        Capabilities {
            repeat: RepeatSafety {
                class: RepeatClass::UniqueReference,
                request_life_max: None,
                lookup_staleness_max: None,
            },
            status: true,
            deactivate: true,
            reusable: false,
            closes_at_expiry: false,
            signed_callback: false,
            texts_payer: link == LinkKind::Sms,
            operations,
            limits: self.desk.options.limits.clone(),
        }
    }

    fn named(&self, number: &str) -> Option<ProviderRef> {
        reference::invoice_named(number)
    }

    fn validate(&self, request: &LinkRequest) -> Vec<GatewayError> {
        let mut problems = Vec::new();
        if let Err(error) = check_id(&request.reference) {
            problems.push(GatewayError::permanent(
                "reference_not_valid",
                error.to_string(),
            ));
        }
        problems.extend(self.amount_problem(request));
        let length = request.description.chars().count();
        let limit = self.desk.options.limits.description_chars_max;
        if let Some(limit) = limit.filter(|limit| length > *limit) {
            let message =
                format!("the description has {length} characters, at most {limit} are taken");
            problems.push(GatewayError::permanent("description_too_long", message));
        }
        if request.usage == Usage::Reusable {
            problems.push(GatewayError::permanent(
                "usage_not_supported",
                "an invoice is paid once",
            ));
        }
        problems.extend(self.payer_problem(request));
        for (key, value) in &request.extras {
            if key != USER_ID {
                let message = format!("this gateway has no setting `{key}`");
                problems.push(GatewayError::permanent("unknown_setting", message));
            } else if !invoice::is_number(&values::latin_digits(value.trim())) {
                let message = "`user_id` is a number";
                problems.push(GatewayError::permanent("setting_not_valid", message));
            }
        }
        problems
    }

    fn create(&self, now: Timestamp, request: &LinkRequest) -> Conversation<CreatedLink> {
        creating::create(&self.desk, now, request)
    }

    fn status(&self, now: Timestamp, link: &ProviderRef) -> Conversation<StatusReport> {
        reading::status(&self.desk, now, link)
    }

    fn find(&self, now: Timestamp, reference: &str) -> Conversation<Found> {
        creating::find(&self.desk, now, reference)
    }

    fn status_many(
        &self,
        _now: Timestamp,
        links: &[ProviderRef],
    ) -> Option<Conversation<Vec<StatusReport>>> {
        Some(reading::status_many(&self.desk, links))
    }

    fn list(
        &self,
        _now: Timestamp,
        span: ListSpan,
        page: Option<&str>,
    ) -> Option<Conversation<ListPage>> {
        Some(listing::page(&self.desk, span, page))
    }

    fn deactivate(&self, _now: Timestamp, link: &ProviderRef) -> Option<Conversation<()>> {
        Some(reading::deactivate(&self.desk, link))
    }

    fn operate(
        &self,
        now: Timestamp,
        link: &ProviderRef,
        operation: &Operation,
    ) -> Conversation<Operated> {
        operating::operate(&self.desk, now, link, operation)
    }

    fn read_callback(&self, parts: &CallbackParts) -> Callback {
        callback::read(parts)
    }
}

impl Desk {
    /// A day as POD writes it, `1405/06/31`.
    fn jalali(&self, day: Date) -> Result<String, GatewayError> {
        let jalali = JalaliDate::from_gregorian(day).ok();
        let known = jalali.filter(|jalali| (1300..1600).contains(&jalali.year()));
        known
            .map(|jalali| jalali.to_string())
            .ok_or_else(|| GatewayError::permanent("date_not_valid", "POD has no such day"))
    }

    /// The day in Tehran.
    fn jalali_day(&self, at: Timestamp) -> Result<String, GatewayError> {
        self.jalali(self.tehran.local_date(at))
    }

    /// Day and clock in Tehran, `1405/06/31 14:05:09`. Tehran's clock differs from UTC by whole
    /// minutes.
    fn jalali_second(&self, at: Timestamp) -> Result<String, GatewayError> {
        self.jalali_day(at)?;
        let minute = self
            .tehran
            .local_time_text(at, Calendar::Jalali, Locale::En);
        Ok(format!("{minute}:{:02}", at.second()))
    }
}

/// `+98`, a nine and nine digits.
fn is_iranian_mobile(mobile: &str) -> bool {
    let subscriber = mobile.strip_prefix("+989");
    subscriber.is_some_and(|rest| rest.len() == 9 && rest.bytes().all(|b| b.is_ascii_digit()))
}
