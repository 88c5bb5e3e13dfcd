//! POD's answers: the envelope, the service call's own envelope inside it, and what each failure
//! means.

use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::value::RawValue;
use transport::HttpResponse;

use super::refusals;
use super::wire::Desk;
use crate::{Effect, GatewayError};

/// An answer that can be understood.
#[derive(Debug)]
pub(super) enum Told {
    /// It went well: the result as JSON text, `null` without one.
    Result(String),
    /// POD has refused.
    Refused(Refusal),
}

/// A refusal.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: GatewayError,
    /// POD's words.
    pub(super) message: String,
    /// Whether to read the invoice again before believing it.
    pub(super) doubtful: bool,
}

/// Both spellings occur: the platform's own, and that of the services behind it.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "hasError", alias = "HasError")]
    has_error: Option<bool>,
    #[serde(rename = "errorCode", alias = "ErrorCode", borrow)]
    error_code: Option<&'a RawValue>,
    #[serde(alias = "ErrorMessage")]
    message: Option<serde_json::Value>,
    #[serde(rename = "errorDescription")]
    description: Option<serde_json::Value>,
    #[serde(alias = "Result", borrow)]
    result: Option<&'a RawValue>,
    #[serde(alias = "Ott")]
    ott: Option<String>,
    error: Option<serde_json::Value>,
}

/// What a service behind the platform has answered.
#[derive(Deserialize)]
struct Nested {
    #[serde(rename = "statusCode")]
    status: u16,
    result: Option<String>,
}

impl Desk {
    /// Understands the answer to a request of that effect.
    pub(super) fn read(
        &self,
        response: &HttpResponse,
        effect: Effect,
    ) -> Result<Told, GatewayError> {
        if let Some(told) = self.by_status(response.status, effect, response)? {
            return Ok(told);
        }
        let text = std::str::from_utf8(&response.body).map_err(|_| malformed(effect))?;
        let told = self.envelope(text, effect)?;
        let Told::Result(result) = &told else {
            return Ok(told);
        };
        let Ok(nested) = serde_json::from_str::<Nested>(result) else {
            return Ok(told);
        };
        if !(200..300).contains(&nested.status) {
            let refused = self.by_status(nested.status, effect, response)?;
            return refused.ok_or_else(|| malformed(effect));
        }
        let inner = nested.result.unwrap_or_else(|| "null".to_owned());
        let again = serde_json::from_str::<Envelope<'_>>(&inner);
        if again.is_ok_and(|envelope| envelope.has_error.is_some()) {
            return self.envelope(&inner, effect);
        }
        match serde_json::from_str::<&RawValue>(&inner) {
            Ok(_) => Ok(Told::Result(inner)),
            Err(_) => Err(malformed(effect)),
        }
    }

    /// The one-time token of an answer.
    pub(super) fn read_ott(&self, response: &HttpResponse) -> Result<String, GatewayError> {
        match self.read(response, Effect::Reads)? {
            Told::Refused(refusal) => return Err(refusal.error),
            Told::Result(_) => (),
        }
        let envelope = serde_json::from_slice::<Envelope<'_>>(&response.body);
        let ott = envelope.ok().and_then(|envelope| envelope.ott);
        ott.filter(|ott| !ott.is_empty() && ott.bytes().all(|b| b.is_ascii_graphic()))
            .ok_or_else(|| malformed(Effect::Reads))
    }

    /// What a status other than success means.
    fn by_status(
        &self,
        status: u16,
        effect: Effect,
        response: &HttpResponse,
    ) -> Result<Option<Told>, GatewayError> {
        let mut error = match status {
            200..300 => return Ok(None),
            429 => {
                let mut error =
                    GatewayError::retryable("too_many_requests", "the provider asks us to wait");
                error.retry_after = retry_after(response);
                error
            }
            401 => not_authorized(),
            400 | 403..=407 | 409..=424 | 426..=499 => {
                let envelope = serde_json::from_slice::<Envelope<'_>>(&response.body).ok();
                let message = envelope.and_then(|envelope| envelope.words());
                let mut refusal = self.refusal(message.unwrap_or_default());
                refusal.error.provider_code = Some(status.to_string());
                return Ok(Some(Told::Refused(refusal)));
            }
            _ => unsure(effect, "server_error", "the provider has failed"),
        };
        error.provider_code = Some(status.to_string());
        Err(error)
    }

    fn envelope(&self, text: &str, effect: Effect) -> Result<Told, GatewayError> {
        let envelope = serde_json::from_str::<Envelope<'_>>(text).map_err(|_| malformed(effect))?;
        match envelope.has_error {
            Some(false) => {
                let result = envelope.result.map_or("null", RawValue::get);
                Ok(Told::Result(result.to_owned()))
            }
            Some(true) => {
                let mut refusal = self.refusal(envelope.words().unwrap_or_default());
                let code = envelope.error_code.map(RawValue::get);
                refusal.error.provider_code = code.map(|code| self.shown(code));
                Ok(Told::Refused(refusal))
            }
            // The single sign-on answers so when it does not take the token.
            None if envelope.error.is_some() => Err(not_authorized()),
            None => Err(malformed(effect)),
        }
    }

    fn refusal(&self, message: String) -> Refusal {
        let meaning = refusals::meaning(&message);
        let shown = self.shown(&message);
        let error = GatewayError::permanent(meaning.code, format!("the provider refuses: {shown}"));
        Refusal {
            error,
            message,
            doubtful: meaning.doubtful,
        }
    }
}

impl Envelope<'_> {
    fn words(&self) -> Option<String> {
        let given = [&self.message, &self.description];
        let mut texts = given
            .into_iter()
            .flatten()
            .filter_map(serde_json::Value::as_str);
        texts.find(|text| !text.is_empty()).map(str::to_owned)
    }
}

fn not_authorized() -> GatewayError {
    GatewayError::permanent("not_authorized", "the provider does not take the token")
}

/// An answer that says nothing: after a change it may have happened.
pub(super) fn unsure(effect: Effect, code: &str, message: &str) -> GatewayError {
    match effect {
        Effect::Reads => GatewayError::retryable(code, message),
        Effect::Changes => GatewayError::ambiguous(code, message),
    }
}

/// An answer that cannot be read.
pub(super) fn malformed(effect: Effect) -> GatewayError {
    unsure(
        effect,
        "malformed_answer",
        "the provider's answer cannot be read",
    )
}

/// Seconds of a `Retry-After`, at most an hour.
fn retry_after(response: &HttpResponse) -> Option<TimeDelta> {
    let seconds: i64 = response.header("retry-after")?.trim().parse().ok()?;
    let sane = (0..=3600).contains(&seconds);
    sane.then(|| TimeDelta::seconds(seconds))
}
