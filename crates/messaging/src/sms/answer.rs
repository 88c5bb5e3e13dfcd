//! What a provider's answer means.

use host::{Delivery, Error, ErrorKind, Retry};
use serde_json::Value as Json;
use transport::{HttpError, HttpResponse};
use values::{Secret, TimeDelta, has_bidi_or_control};

use crate::OPERATION;
use crate::sms::settings::{Accepted, Unclear};
use crate::template::percent;

/// Nobody waits longer than a day because a provider says so.
const RETRY_AFTER_SECONDS_MAX: u32 = 86_400;
/// Longer words of a provider are cut.
const WORDS_CHARS_MAX: usize = 200;

/// The rules for answers.
pub(crate) struct Judge {
    pub(crate) accepted: Option<Accepted>,
    pub(crate) message_id: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) unclear: Unclear,
    pub(crate) carries_key: bool,
    pub(crate) secrets: Vec<Secret>,
}

impl Judge {
    /// The meaning of a failure without an answer.
    pub(crate) fn failed(&self, error: &HttpError) -> Error {
        match error {
            HttpError::NotSent(words) => {
                Error::unavailable(OPERATION, format!("not sent: {}", self.clean(words)))
            }
            HttpError::Refused(words) => {
                Error::rejected(OPERATION, format!("not allowed: {}", self.clean(words)))
            }
            HttpError::Unknown(words) => self.unclear(&self.clean(words)),
        }
    }

    /// The meaning of an answer.
    pub(crate) fn answered(&self, response: &HttpResponse) -> Result<Delivery, Error> {
        let status = response.status;
        let body = serde_json::from_slice::<Json>(&response.body).ok();
        let words = || match self.at(self.reason.as_deref(), body.as_ref()) {
            Some(reason) => format!("the provider answers {status}: {reason}"),
            None => format!("the provider answers {status}"),
        };
        match status {
            200..=299 => self.accepted(body.as_ref(), words),
            429 => {
                let error = Error::unavailable(OPERATION, words());
                Err(error.after(retry_after(response)))
            }
            // A conflict over a key says that the first request is still being worked on.
            409 if self.carries_key => Err(self.unclear(&words())),
            408 | 425 => Err(self.unclear(&words())),
            300..=499 => Err(Error::rejected(OPERATION, words())),
            _ => Err(self.unclear(&words()).after(retry_after(response))),
        }
    }

    fn accepted(&self, body: Option<&Json>, words: impl Fn() -> String) -> Result<Delivery, Error> {
        if let Some(rule) = &self.accepted {
            let found = body.and_then(|body| body.pointer(&rule.pointer));
            let Some(found) = found.and_then(scalar) else {
                let words = format!("{}, without `{}`", words(), rule.pointer);
                return Err(self.unclear(&words));
            };
            if rule
                .later
                .iter()
                .any(|value| scalar(value).as_ref() == Some(&found))
            {
                return Err(Error::unavailable(OPERATION, words()));
            }
            if scalar(&rule.equals).as_ref() != Some(&found) {
                let words = format!("{}, `{}` is {}", words(), rule.pointer, self.clean(&found));
                return Err(Error::rejected(OPERATION, words));
            }
        }
        Ok(Delivery {
            channel_ref: self.at(self.message_id.as_deref(), body),
        })
    }

    /// Nobody knows whether it was sent.
    fn unclear(&self, words: &str) -> Error {
        match self.unclear {
            Unclear::Repeat => Error::timeout(OPERATION, format!("perhaps sent: {words}")),
            Unclear::GiveUp => Error {
                kind: ErrorKind::Timeout,
                retry: Retry::Never,
                ..Error::timeout(OPERATION, format!("perhaps sent, not repeated: {words}"))
            },
        }
    }

    fn at(&self, pointer: Option<&str>, body: Option<&Json>) -> Option<String> {
        let text = scalar(body?.pointer(pointer?)?)?;
        let text = self.clean(&text);
        (!text.is_empty()).then_some(text)
    }

    /// Somebody else's words: without our secrets, on one line, and short.
    fn clean(&self, words: &str) -> String {
        let mut text = words.to_owned();
        for secret in &self.secrets {
            for form in [secret.reveal().to_owned(), percent(secret.reveal())] {
                if !form.is_empty() {
                    text = text.replace(&form, "***");
                }
            }
        }
        let shown = |c: &char| has_bidi_or_control(c.encode_utf8(&mut [0; 4])).is_none();
        text.chars().filter(shown).take(WORDS_CHARS_MAX).collect()
    }
}

/// A text, number or boolean as text.
pub(crate) fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(yes) => Some(yes.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// How long the provider asks to wait, where it says so in seconds.
fn retry_after(response: &HttpResponse) -> Option<TimeDelta> {
    let text = response.header("retry-after")?.trim();
    let seconds: u32 = text.parse().ok()?;
    Some(TimeDelta::seconds(i64::from(
        seconds.min(RETRY_AFTER_SECONDS_MAX),
    )))
}
