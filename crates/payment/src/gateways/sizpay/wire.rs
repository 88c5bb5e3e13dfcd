//! The wire: request bodies in SizPay's words, and what its answers mean.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use transport::{HttpRequest, HttpResponse};
use values::latin_digits;

use super::options::ResultMeaning;
use super::{Account, Link};
use crate::{DUPLICATE_REFERENCE, Effect, GatewayError};

const ANSWER_BYTES_MAX: usize = 256 * 1024;
const LIST_BYTES_MAX: usize = 4 * 1024 * 1024;
const MESSAGE_CHARS_MAX: usize = 200;

/// A method of SizPay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Send,
    Disable,
    ReSend,
    PayStatus,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Method::Send => "PayLinkSend",
            Method::Disable => "PayLinkDisable",
            Method::ReSend => "PayLinkReSend",
            Method::PayStatus => "PayLinkPayStatus",
        }
    }

    fn effect(self) -> Effect {
        match self {
            Method::PayStatus => Effect::Reads,
            Method::Send | Method::Disable | Method::ReSend => Effect::Changes,
        }
    }
}

/// What every request says first.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Signed<'a, B> {
    user_name: &'a str,
    password: &'a str,
    pay_link_name: &'a str,
    #[serde(flatten)]
    body: B,
}

/// What `PayLinkSend` is told.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendBody<'a> {
    pub(super) amount: u64,
    pub(super) mobile_no: &'a str,
    pub(super) invoice_no: &'a str,
    pub(super) customer_name: &'a str,
    pub(super) description: &'a str,
}

/// Which link `PayLinkDisable` and `PayLinkReSend` mean: by SizPay's number, or by our invoice
/// number where that is not known.
#[derive(Serialize)]
pub(super) struct OneLink<'a> {
    #[serde(rename = "PayLinkSendID")]
    id: u64,
    #[serde(rename = "PayLinkFactorNo")]
    invoice_no: &'a str,
    #[serde(rename = "PayLinkFactorDate")]
    date: String,
}

impl<'a> OneLink<'a> {
    pub(super) fn of(link: &'a Link) -> Result<OneLink<'a>, GatewayError> {
        let invoice_no = match link.send_id {
            Some(_) => "",
            None => link.invoice_no.as_str(),
        };
        Ok(OneLink {
            id: link.send_id.unwrap_or(0),
            invoice_no,
            date: super::jalali(link.send_date)?,
        })
    }
}

/// Which links `PayLinkPayStatus` is asked for: a list of numbers, or the whole day.
#[derive(Serialize)]
pub(super) struct StatusBody {
    #[serde(rename = "PayLinkSendDate")]
    pub(super) date: String,
    #[serde(rename = "PayLinkFilterTyp")]
    pub(super) kind: u8,
    #[serde(rename = "PayLinkFilterList")]
    pub(super) list: String,
}

/// The answer of `PayLinkSend`; the others are expected to have the two members in common.
#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(rename = "ResCod", default)]
    result: Value,
    #[serde(rename = "Message", default)]
    message: Value,
    #[serde(rename = "PayLinkSendID", default)]
    id: Value,
    #[serde(rename = "PayLinkURL", default)]
    url: Value,
}

/// What a create has made.
pub(super) struct Made {
    pub(super) id: u64,
    pub(super) url: String,
}

impl Account {
    /// A request, signed in.
    pub(super) fn request(
        &self,
        method: Method,
        body: impl Serialize,
    ) -> Result<HttpRequest, GatewayError> {
        let signed = Signed {
            user_name: self.user_name.reveal(),
            password: self.password.reveal(),
            pay_link_name: self.pay_link_name.reveal(),
            body,
        };
        let body = serde_json::to_vec(&signed).map_err(|_| {
            GatewayError::permanent("request_not_writable", "the request is not JSON")
        })?;
        Ok(HttpRequest {
            method: "POST".to_owned(),
            url: format!("{}{}", self.options.base_url, method.name()),
            headers: vec![
                ("content-type".to_owned(), "application/json".to_owned()),
                ("accept".to_owned(), "application/json".to_owned()),
            ],
            body,
            timeout: self.options.timeout,
            response_bytes_max: match method {
                Method::PayStatus => LIST_BYTES_MAX,
                _ => ANSWER_BYTES_MAX,
            },
        })
    }

    /// The answer of a create: made only by an explicit success with a number and a link.
    pub(super) fn made(&self, response: &HttpResponse) -> Result<Made, GatewayError> {
        let answer = self.answer(Method::Send, response)?;
        let result = self.result(Method::Send, &answer)?;
        let id = whole(&answer.id).and_then(|id| u64::try_from(id).ok());
        let id = id.filter(|id| *id > 0);
        let url = answer.url.as_str().unwrap_or_default();
        if result != 1 {
            // A refusal that names a link contradicts itself: a message may have gone out.
            return Err(if id.is_none() && url.is_empty() {
                self.refusal(Method::Send, &result.to_string(), &answer.message)
            } else {
                unclear(Method::Send, "a refusal that names a link")
            });
        }
        match id {
            Some(id) if self.options.takes_link(url) => Ok(Made {
                id,
                url: url.to_owned(),
            }),
            _ => Err(unclear(Method::Send, "a success without a usable link")),
        }
    }

    /// The answer of a change that has nothing else to say.
    pub(super) fn taken(
        &self,
        method: Method,
        response: &HttpResponse,
    ) -> Result<(), GatewayError> {
        let answer = self.answer(method, response)?;
        match self.result(method, &answer)? {
            1 => Ok(()),
            other => Err(self.refusal(method, &other.to_string(), &answer.message)),
        }
    }

    fn answer(&self, method: Method, response: &HttpResponse) -> Result<Answer, GatewayError> {
        accepted(method, response)?;
        serde_json::from_slice(&response.body)
            .map_err(|_| unclear(method, "an answer that is not its JSON"))
    }

    fn result(&self, method: Method, answer: &Answer) -> Result<i64, GatewayError> {
        whole(&answer.result).ok_or_else(|| unclear(method, "an answer without a result code"))
    }

    /// What a result code other than 1 means.
    pub(super) fn refusal(&self, method: Method, code: &str, message: &Value) -> GatewayError {
        let known = self.options.result_codes.get(code);
        let meaning = known.copied().unwrap_or(ResultMeaning::Refused);
        let said = format!("SizPay answers {code}{}", self.said(message));
        let mut error = match meaning {
            ResultMeaning::TryLater => GatewayError::retryable("try_later", said),
            ResultMeaning::TooSoon => GatewayError::retryable("resend_too_soon", said),
            ResultMeaning::Unknown if method.effect() == Effect::Changes => {
                GatewayError::ambiguous("outcome_unknown", said)
            }
            ResultMeaning::Unknown => GatewayError::retryable("outcome_unknown", said),
            ResultMeaning::Refused => GatewayError::permanent("refused", said),
            ResultMeaning::Duplicate => GatewayError::permanent(DUPLICATE_REFERENCE, said),
            ResultMeaning::ResendLimit => GatewayError::permanent("resend_limit", said),
            ResultMeaning::AlreadyPaid => GatewayError::permanent("already_paid", said),
            ResultMeaning::NotFound => GatewayError::permanent("link_not_found", said),
        };
        if meaning == ResultMeaning::TooSoon {
            error.retry_after = self.options.limits().resend_pause;
        }
        error.provider_code = Some(code.to_owned());
        error
    }

    /// SizPay's message as far as it may be kept: short, printable, and without our secrets should
    /// it repeat them.
    fn said(&self, message: &Value) -> String {
        let mut text = message.as_str().unwrap_or_default().to_owned();
        for secret in [&self.user_name, &self.password, &self.pay_link_name] {
            text = text.replace(secret.reveal(), "***");
        }
        let kept: String = text
            .chars()
            .filter(|letter| !letter.is_control())
            .take(MESSAGE_CHARS_MAX)
            .collect();
        match values::has_bidi_or_control(&kept) {
            None if !kept.trim().is_empty() => format!(": {}", kept.trim()),
            _ => String::new(),
        }
    }
}

/// Whether the status line lets the answer be read.
pub(super) fn accepted(method: Method, response: &HttpResponse) -> Result<(), GatewayError> {
    let status = response.status;
    let said = format!("SizPay answers with HTTP status {status}");
    let mut error = match status {
        200..=299 => return Ok(()),
        429 => GatewayError::retryable("too_many_requests", said),
        400 | 401 | 403 | 404 | 405 | 413 | 415 | 422 => {
            GatewayError::permanent("http_refused", said)
        }
        _ if method.effect() == Effect::Changes => GatewayError::ambiguous("http_error", said),
        _ => GatewayError::retryable("http_error", said),
    };
    if status == 429 {
        error.retry_after = response.header("retry-after").and_then(seconds);
    }
    error.provider_code = Some(status.to_string());
    Err(error)
}

/// An answer that proves nothing.
pub(super) fn unclear(method: Method, what: &str) -> GatewayError {
    let message = format!("SizPay gives {what}");
    match method.effect() {
        Effect::Changes => GatewayError::ambiguous("answer_not_valid", message),
        Effect::Reads => GatewayError::retryable("answer_not_valid", message),
    }
}

fn seconds(text: &str) -> Option<TimeDelta> {
    let seconds = text.trim().parse::<u32>().ok()?;
    Some(TimeDelta::seconds(i64::from(seconds.min(86_400))))
}

/// A whole number, written as one or as text. Fractions, exponents and leading zeros are none.
pub(super) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => {
            let text = latin_digits(text.trim());
            let number = text.parse::<i64>().ok()?;
            (number.to_string() == text).then_some(number)
        }
        _ => None,
    }
}
