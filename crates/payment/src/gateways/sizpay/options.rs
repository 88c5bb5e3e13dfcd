//! What an account says about its SizPay: everything that the provider does not document is here,
//! so that a fact learned from the live service is a line in the project file.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;
use values::{Currency, Zone, latin_digits, normalize_text};

use crate::gateways::OptionsError;
use crate::gateways::sandbox::span;
use crate::{Limits, RepeatClass, RepeatSafety};

/// Where SizPay listens.
const BASE_URL: &str = "https://pysrvc.sizpay.ir/api/PayLinkSend/";

/// One account at SizPay, as the project file has it. Keys may be written with `_` or `-` where
/// they have several words; every key may be left out; an unknown one is an error.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SizpayOptions {
    /// Where the methods are, as in `https://pysrvc.sizpay.ir/api/PayLinkSend/`.
    #[serde(alias = "base-url")]
    pub base_url: String,
    /// The merchant's page name, where it is not among the secrets.
    #[serde(alias = "pay-link-name")]
    pub pay_link_name: Option<String>,
    /// The zone in which SizPay counts days.
    #[serde(alias = "time-zone")]
    pub time_zone: Zone,
    /// How long an exchange may take.
    #[serde(with = "span")]
    pub timeout: TimeDelta,
    /// How a status reply is read. Without it no reply says anything.
    #[serde(alias = "status-reply")]
    pub status_reply: Option<StatusReply>,
    /// How many links are read at once.
    #[serde(alias = "status-by")]
    pub status_by: StatusBy,
    /// Most links named in one status request.
    #[serde(alias = "status-list-max")]
    pub status_list_max: usize,
    /// Days before the day of a look-up that are looked at too.
    #[serde(alias = "find-days")]
    pub find_days: u16,
    /// Declared with `status_reply`; without it no create is repeated.
    #[serde(alias = "request-life-max", with = "span::option")]
    pub request_life_max: Option<TimeDelta>,
    /// Declared with `status_reply`; without it no create is repeated.
    #[serde(alias = "lookup-staleness-max", with = "span::option")]
    pub lookup_staleness_max: Option<TimeDelta>,
    /// What a `ResCod` other than 1 means; one that is not here is a refusal.
    #[serde(alias = "result-codes")]
    pub result_codes: BTreeMap<String, ResultMeaning>,
    /// Limits of the account.
    pub limits: Limits,
}

impl Default for SizpayOptions {
    fn default() -> SizpayOptions {
        SizpayOptions {
            base_url: BASE_URL.to_owned(),
            pay_link_name: None,
            time_zone: Zone::parse("Asia/Tehran").unwrap_or(Zone::UTC),
            timeout: TimeDelta::seconds(30),
            status_reply: None,
            status_by: StatusBy::List,
            status_list_max: 50,
            find_days: 7,
            request_life_max: None,
            lookup_staleness_max: None,
            result_codes: BTreeMap::new(),
            limits: Limits::default(),
        }
    }
}

/// How many links are read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusBy {
    /// The links are named, in lists.
    List,
    /// Everything that was sent on their days.
    Day,
}

/// What a result code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultMeaning {
    /// Nothing has happened; later it may go through.
    #[serde(alias = "try-later")]
    TryLater,
    /// It may have happened.
    Unknown,
    /// Refused for good.
    Refused,
    /// The invoice number is taken.
    Duplicate,
    /// The last message was less than the pause ago.
    #[serde(alias = "too-soon")]
    TooSoon,
    /// There will be no further message.
    #[serde(alias = "resend-limit")]
    ResendLimit,
    /// The link is paid.
    #[serde(alias = "already-paid")]
    AlreadyPaid,
    /// There is no such link.
    #[serde(alias = "not-found")]
    NotFound,
}

/// Where a status reply says what. Names are found whatever their case is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusReply {
    /// The member that holds the rows; none where the reply is the list itself.
    #[serde(default)]
    pub list: Option<String>,
    /// SizPay's number of the link.
    #[serde(default)]
    pub id: Option<String>,
    /// Our invoice number.
    #[serde(alias = "invoice-no")]
    pub invoice_no: String,
    /// The merchant's amount in rials, without fees.
    pub amount: String,
    /// The status word or number.
    pub status: String,
    /// Words of a link that can be paid.
    #[serde(default, alias = "sent-words")]
    pub sent_words: Vec<Word>,
    /// Words of a paid link.
    #[serde(alias = "paid-words")]
    pub paid_words: Vec<Word>,
    /// Words of a link that was disabled unpaid.
    #[serde(default, alias = "disabled-words")]
    pub disabled_words: Vec<Word>,
    /// Words of a link that was disabled and then paid.
    #[serde(default, alias = "paid-disabled-words")]
    pub paid_disabled_words: Vec<Word>,
    /// The number of the payment, unique for ever.
    pub transaction: String,
    /// What the payer sees as tracking number.
    #[serde(default, alias = "tracking-no")]
    pub tracking_no: Option<String>,
    /// When it was paid; without it, when we have first read it.
    #[serde(default, alias = "paid-at")]
    pub paid_at: Option<String>,
    /// Where the customer pays; without it a link whose create answer was lost is not adopted.
    #[serde(default)]
    pub url: Option<String>,
    /// Values of `ResCod` in a good reply, where the reply has one.
    #[serde(default = "one", alias = "answer-codes")]
    pub answer_codes: Vec<Word>,
}

fn one() -> Vec<Word> {
    vec![Word("1".to_owned())]
}

/// A word of the provider: a text, a whole number or a truth value, compared as text with digits
/// and letters folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word(String);

impl Word {
    /// The word in a reply.
    pub(super) fn of(value: &Value) -> Option<Word> {
        match value {
            Value::String(text) => Some(Word(normalize_text(text.trim()).into_owned())),
            Value::Bool(truth) => Some(Word(truth.to_string())),
            Value::Number(number) if number.is_i64() || number.is_u64() => {
                Some(Word(number.to_string()))
            }
            _ => None,
        }
        .filter(|word| !word.0.is_empty())
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Word, D::Error> {
        Word::of(&Value::deserialize(from)?)
            .ok_or_else(|| D::Error::custom("expected a word or a whole number"))
    }
}

impl SizpayOptions {
    /// Reads an account's section and everything that must hold in it.
    pub(super) fn read(section: &Value) -> Result<SizpayOptions, OptionsError> {
        let read = match section {
            Value::Null => Ok(SizpayOptions::default()),
            section => SizpayOptions::deserialize(section),
        };
        let checked = read.and_then(|options| match options.problem() {
            None => Ok(options),
            Some(problem) => Err(serde_json::Error::custom(problem)),
        });
        checked.map_err(|source| OptionsError {
            gateway: super::NAME,
            source,
        })
    }

    fn problem(&self) -> Option<String> {
        if !(is_https(&self.base_url) || is_loopback(&self.base_url)) {
            return Some("`base_url` must begin with https://".to_owned());
        }
        if !self.base_url.ends_with('/') {
            return Some("`base_url` must end with a slash".to_owned());
        }
        if !(1..=1000).contains(&self.status_list_max) {
            return Some("`status_list_max` is from 1 to 1000".to_owned());
        }
        if self.find_days > 60 {
            return Some("`find_days` is at most 60".to_owned());
        }
        if self.timeout < TimeDelta::seconds(1) {
            return Some("`timeout` is at least 1s".to_owned());
        }
        let foreign = [self.limits.amount_min, self.limits.amount_max]
            .into_iter()
            .flatten()
            .find(|limit| limit.currency() != Currency::Irr);
        if let Some(limit) = foreign {
            return Some(format!("the limit {limit} is not in IRR"));
        }
        let codes = self.result_codes.keys();
        if let Some(code) = codes.into_iter().find(|code| !is_result_code(code)) {
            return Some(format!("`{code}` is no result code other than 1"));
        }
        self.status_reply.as_ref().and_then(StatusReply::problem)
    }

    /// What a repeated create does, as far as it is known: only a readable status reply finds
    /// links.
    pub(super) fn repeat(&self) -> RepeatSafety {
        let class = match self.status_reply {
            Some(_) => RepeatClass::LookupOnly,
            None => RepeatClass::Nothing,
        };
        let looked_up = class == RepeatClass::LookupOnly;
        RepeatSafety {
            class,
            request_life_max: self.request_life_max.filter(|_| looked_up),
            lookup_staleness_max: self.lookup_staleness_max.filter(|_| looked_up),
        }
    }

    /// The limits, with what SizPay documents where the account says nothing.
    pub(super) fn limits(&self) -> Limits {
        let limits = self.limits.clone();
        Limits {
            resend_pause: limits.resend_pause.or(Some(TimeDelta::minutes(2))),
            resends_max: limits.resends_max.or(Some(3)),
            ..limits
        }
    }

    /// Whether a link may be paid at that URL. Where the methods are on loopback, a simulator
    /// answers, and its pages may be there too.
    pub(super) fn takes_link(&self, url: &str) -> bool {
        let clean = url.len() <= 2048 && url.chars().all(|letter| letter.is_ascii_graphic());
        clean && (is_https(url) || is_loopback(url) && is_loopback(&self.base_url))
    }
}

impl StatusReply {
    fn problem(&self) -> Option<String> {
        let mut seen: Vec<&Word> = Vec::new();
        let lists = [
            &self.sent_words,
            &self.paid_words,
            &self.disabled_words,
            &self.paid_disabled_words,
        ];
        for word in lists.into_iter().flatten() {
            if seen.contains(&word) {
                return Some(format!("the status word `{}` is named twice", word.0));
            }
            seen.push(word);
        }
        let named = [
            &self.invoice_no,
            &self.amount,
            &self.status,
            &self.transaction,
        ];
        named
            .into_iter()
            .any(|name| name.trim().is_empty())
            .then(|| "`status_reply` has an empty name".to_owned())
    }
}

fn is_https(url: &str) -> bool {
    let authority = url.strip_prefix("https://").map(authority_of);
    authority.is_some_and(|authority| !authority.is_empty() && !authority.contains('@'))
}

fn is_loopback(url: &str) -> bool {
    let Some(authority) = url.strip_prefix("http://").map(authority_of) else {
        return false;
    };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => authority,
    };
    matches!(host, "127.0.0.1" | "[::1]" | "localhost")
}

fn authority_of(rest: &str) -> &str {
    rest.split(['/', '?', '#', '\\']).next().unwrap_or_default()
}

fn is_result_code(text: &str) -> bool {
    let canonical = latin_digits(text)
        .parse::<i64>()
        .is_ok_and(|code| code.to_string() == text);
    canonical && text != "1"
}
