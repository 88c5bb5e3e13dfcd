//! What an account says about its shop, checked once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use values::{Currency, Locale, Money};

use super::digest::{Algorithm, TokenNames, order_number};
use crate::gateways::{AccountSettings, OptionsError, Secret, SetupError};

/// The largest amount that the provider is known to take, in kopecks.
const AMOUNT_MAX_KOPECKS: i128 = 9_999_999_999;

/// Which of the provider's two ways makes the links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Interface {
    /// Invoices that can be listed and deactivated.
    #[default]
    #[serde(alias = "invoice-api")]
    InvoiceApi,
    /// A signed URL that is made without asking.
    Classic,
}

/// How a URL stands inside the hash of a classic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SignedUrls {
    /// As it is.
    #[default]
    Plain,
    /// Percent-encoded once; on the query line it is then encoded twice.
    Encoded,
}

/// A method of the browser's return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(super) enum Method {
    /// By query.
    #[default]
    #[serde(rename = "GET", alias = "get")]
    Get,
    /// By form.
    #[serde(rename = "POST", alias = "post")]
    Post,
}

impl Method {
    pub(super) fn word(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }
}

/// Where the payer's browser goes afterwards.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReturnUrl {
    pub(super) url: String,
    #[serde(default)]
    pub(super) method: Method,
}

/// Languages of the pay page.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Culture {
    Ru,
    En,
}

impl Culture {
    pub(super) fn word(self) -> &'static str {
        match self {
            Culture::Ru => "ru",
            Culture::En => "en",
        }
    }
}

/// What stands on receipts, unless an item says otherwise.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReceiptOptions {
    /// The shop's tax system.
    pub(super) sno: Option<Sno>,
    /// The tax of an item that names none.
    pub(super) tax: Option<Tax>,
    /// How far an item is paid for, as in `full_prepayment`.
    pub(super) payment_method: Option<PaymentMethod>,
    /// What an item is, as in `service`.
    pub(super) payment_object: Option<String>,
    /// Name of the only item; without it the description of the link.
    pub(super) name: Option<String>,
    /// The second receipt of a prepayment, where it is wanted.
    pub(super) second: Option<SecondOptions>,
}

/// What a second receipt says beside the amount.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecondOptions {
    /// The shop's site.
    pub(super) url: String,
    /// What was delivered.
    pub(super) name: String,
    /// Where the receipt goes; the payer's own address is not known here.
    pub(super) email: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
        pub(super) enum $name { $(#[serde(rename = $word)] $variant),+ }

        impl $name {
            pub(super) fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }
    };
}

words!(
    /// Tax systems.
    Sno {
        Osn = "osn",
        UsnIncome = "usn_income",
        UsnIncomeOutcome = "usn_income_outcome",
        Esn = "esn",
        Patent = "patent",
    }
);

words!(
    /// Taxes of an item.
    Tax {
        None = "none",
        Vat0 = "vat0",
        Vat5 = "vat5",
        Vat7 = "vat7",
        Vat10 = "vat10",
        Vat20 = "vat20",
        Vat22 = "vat22",
        Vat105 = "vat105",
        Vat107 = "vat107",
        Vat110 = "vat110",
        Vat120 = "vat120",
        Vat122 = "vat122",
    }
);

impl Tax {
    /// The percentage that the price contains.
    pub(super) fn percent(self) -> i128 {
        match self {
            Tax::None | Tax::Vat0 => 0,
            Tax::Vat5 | Tax::Vat105 => 5,
            Tax::Vat7 | Tax::Vat107 => 7,
            Tax::Vat10 | Tax::Vat110 => 10,
            Tax::Vat20 | Tax::Vat120 => 20,
            Tax::Vat22 | Tax::Vat122 => 22,
        }
    }
}

words!(
    /// How far an item is paid for.
    PaymentMethod {
        FullPrepayment = "full_prepayment",
        Prepayment = "prepayment",
        Advance = "advance",
        FullPayment = "full_payment",
        PartialPayment = "partial_payment",
        Credit = "credit",
        CreditPayment = "credit_payment",
    }
);

/// The account's section of the project file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    /// The shop.
    pub(super) merchant_login: String,
    #[serde(default)]
    pub(super) interface: Interface,
    #[serde(default)]
    pub(super) hash: Algorithm,
    #[serde(default)]
    pub(super) token_names: TokenNames,
    #[serde(default = "wide", deserialize_with = "bits")]
    pub(super) inv_id_bits: u32,
    #[serde(default)]
    pub(super) test: bool,
    pub(super) culture: Option<Culture>,
    pub(super) success_url: Option<ReturnUrl>,
    pub(super) fail_url: Option<ReturnUrl>,
    #[serde(default)]
    pub(super) signed_urls: SignedUrls,
    /// Ways to pay, as in `BankCard`; empty for all.
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    pub(super) receipt: Option<ReceiptOptions>,
    /// Whether each link asks for the second, certificate-signed notification.
    #[serde(default)]
    pub(super) result_url2: bool,
    pub(super) jws_certificate: Option<String>,
    pub(super) amount_max: Option<Money>,
    /// How many days back a look-up by reference goes.
    #[serde(default = "month")]
    pub(super) lookup_days: u16,
    #[serde(default = "services")]
    pub(super) services_url: String,
    #[serde(default = "auth")]
    pub(super) auth_url: String,
    #[serde(default = "fiscal")]
    pub(super) fiscal_url: String,
}

fn wide() -> u32 {
    53
}

fn month() -> u16 {
    31
}

fn services() -> String {
    "https://services.robokassa.ru".to_owned()
}

fn auth() -> String {
    "https://auth.robokassa.ru".to_owned()
}

fn fiscal() -> String {
    "https://ws.roboxchange.com".to_owned()
}

fn bits<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    match u32::deserialize(from)? {
        bits @ (31 | 53) => Ok(bits),
        _ => Err(D::Error::custom("`inv_id_bits` is 31 or 53")),
    }
}

impl Options {
    /// Reads the section; its keys may be written with `-` too.
    pub(super) fn read(section: &Value) -> Result<Options, OptionsError> {
        let failed = |source| OptionsError {
            gateway: super::NAME,
            source,
        };
        let mut options: Options = serde_json::from_value(underscored(section)).map_err(failed)?;
        let Options {
            services_url,
            auth_url,
            fiscal_url,
            ..
        } = &mut options;
        for url in [services_url, auth_url, fiscal_url] {
            url.truncate(url.trim_end_matches('/').len());
        }
        match options.contradiction() {
            Some(problem) => Err(failed(serde_json::Error::custom(problem))),
            None => Ok(options),
        }
    }

    fn contradiction(&self) -> Option<&'static str> {
        let foreign = |amount: &Money| amount.currency() != Currency::Rub || !amount.is_positive();
        if self.merchant_login.trim().is_empty() || self.merchant_login.contains(':') {
            return Some("`merchant_login` is the name of the shop");
        }
        if self.test && self.interface != Interface::Classic {
            return Some("`test: true` works with `interface: classic` only");
        }
        if self.test && self.result_url2 {
            return Some("`result_url2` does not work with `test: true`");
        }
        if self.amount_max.as_ref().is_some_and(foreign) {
            return Some("`amount_max` is an amount in RUB");
        }
        let hosts = [&self.services_url, &self.auth_url, &self.fiscal_url];
        if !hosts.into_iter().all(|url| is_safe(url)) {
            return Some("an address is `https`, or `http` on this machine");
        }
        let back = [&self.success_url, &self.fail_url].into_iter().flatten();
        let web = |url: &str| url.starts_with("https://") || url.starts_with("http://");
        if !back.into_iter().all(|back| web(&back.url)) {
            return Some("`success_url` and `fail_url` are addresses in the web");
        }
        if self.lookup_days == 0 {
            return Some("`lookup_days` is at least 1");
        }
        None
    }
}

/// Whether requests with passwords in their signatures may go there: plain text stays on this machine.
fn is_safe(url: &str) -> bool {
    let local = url.strip_prefix("http://").is_some_and(|rest| {
        let host = rest.split('/').next().unwrap_or_default();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        matches!(name, "127.0.0.1" | "localhost" | "[::1]")
    });
    url.starts_with("https://") || local
}

fn underscored(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.replace('-', "_"), underscored(value)))
            .collect(),
        other => other.clone(),
    }
}

/// One shop, ready to be asked.
pub(super) struct Shop {
    pub(super) account: String,
    pub(super) options: Options,
    /// Signs what we send; the test password in test mode.
    pub(super) password1: Secret,
    /// Signs what the provider sends; the test password in test mode.
    pub(super) password2: Secret,
    /// The pinned certificate of the second notification, in DER.
    pub(super) certificate: Option<Vec<u8>>,
    /// Where the second notification goes.
    pub(super) result_url2: Option<String>,
    pub(super) amount_max: Money,
}

impl Shop {
    pub(super) fn new(settings: &AccountSettings) -> Result<Shop, SetupError> {
        let options = Options::read(&settings.options)?;
        let unfit = |problem: &str| SetupError::Unfit {
            account: settings.account.clone(),
            problem: problem.to_owned(),
        };
        if settings.currency != Currency::Rub {
            return Err(unfit("Robokassa takes RUB only"));
        }
        let (first, second) = if options.test {
            ("test_password1", "test_password2")
        } else {
            ("password1", "password2")
        };
        let (password1, password2) = (settings.secret(first)?, settings.secret(second)?);
        if password1 == password2 {
            // Otherwise a return of the browser would pass for a notification.
            return Err(unfit("the two passwords must differ"));
        }
        let pinned = options.jws_certificate.as_deref();
        let certificate = match pinned {
            Some(text) => Some(der(text).ok_or_else(|| {
                unfit("`jws_certificate` is not a certificate in PEM or in DER as base64")
            })?),
            None => None,
        };
        let result_url2 = match (options.result_url2, &certificate, &settings.callback_url) {
            (false, _, _) => None,
            (true, Some(_), Some(url)) => Some(url.clone()),
            (true, None, _) => return Err(unfit("`result_url2` needs `jws_certificate`")),
            (true, _, None) => return Err(unfit("`result_url2` needs a listener")),
        };
        let amount_max = match options.amount_max {
            Some(amount) => amount,
            None => Money::from_minor(AMOUNT_MAX_KOPECKS, Currency::Rub)
                .map_err(|error| unfit(&error.to_string()))?,
        };
        Ok(Shop {
            account: settings.account.as_str().to_owned(),
            options,
            password1,
            password2,
            certificate,
            result_url2,
            amount_max,
        })
    }

    /// Our number for a reference.
    pub(super) fn order_no(&self, reference: &str) -> String {
        order_number(&self.account, reference, self.options.inv_id_bits).to_string()
    }

    /// Whether a number is ours for that reference, in either width: the option may have changed since.
    pub(super) fn is_number_of(&self, reference: &str, inv_id: &str) -> bool {
        [31, 53]
            .into_iter()
            .any(|bits| order_number(&self.account, reference, bits).to_string() == inv_id)
    }

    pub(super) fn culture(&self, locale: Locale) -> &'static str {
        match (self.options.culture, locale) {
            (Some(culture), _) => culture.word(),
            (None, Locale::Ru) => "ru",
            (None, _) => "en",
        }
    }

    /// Whether a URL of the provider's is one that a payer may be sent to.
    pub(super) fn is_pay_url(&self, url: &str) -> bool {
        let local = self.options.auth_url.starts_with("http://") && url.starts_with("http://");
        (url.starts_with("https://") || local) && url.chars().all(|c| c.is_ascii_graphic())
    }
}

/// A certificate out of PEM or base64, if it can be read as one.
fn der(text: &str) -> Option<Vec<u8>> {
    let body: String = text
        .lines()
        .filter(|line| !line.contains("-----"))
        .flat_map(str::chars)
        .filter(|c| !c.is_whitespace())
        .collect();
    let der = STANDARD.decode(body).ok()?;
    super::notification::is_certificate(&der).then_some(der)
}
