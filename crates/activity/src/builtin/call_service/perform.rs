//! Making the call, and what each way it can end means.

use chrono::TimeDelta;
use serde_json::{Map, Value as Json, json};

use super::{Body, HeaderValue};
use crate::{
    Attempt, Attempted, HttpClient, HttpError, HttpRequest, HttpResponse, Outcome, Request, World,
};

/// A longer answer is refused, in bytes.
const RESPONSE_BYTES_MAX: usize = 1024 * 1024;

/// After so many attempts without an answer a person decides.
const ATTEMPTS_MAX: u32 = 20;

/// The pause before a call is repeated whose answer was lost, in seconds.
const PAUSE_SECONDS: i64 = 30;

/// A service cannot make us wait longer than this, in seconds.
const RETRY_AFTER_SECONDS_MAX: i64 = 86_400;

pub(super) async fn perform(request: &Request, attempt: &Attempt, world: &World) -> Attempted {
    let body: Body = match serde_json::from_value(request.body.clone()) {
        Ok(body) => body,
        Err(error) => return park("unreadable", error.to_string()),
    };
    if !(attempt.earlier.is_empty() || body.repeatable) {
        return park(
            "outcome_unknown",
            "an earlier attempt may have reached the service",
        );
    }
    let Some(http) = world.http.as_deref() else {
        return ended(
            "http_off",
            "calls to services are switched off here".to_owned(),
        );
    };
    let call = match build(&body, attempt, world) {
        Ok(call) => call,
        Err(message) => return not_sent(attempt, "secret_missing", message),
    };
    send(http, &call, &body, attempt).await
}

async fn send(
    http: &dyn HttpClient,
    call: &HttpRequest,
    body: &Body,
    attempt: &Attempt,
) -> Attempted {
    match http.send(call).await {
        Ok(response) if response.body.len() > RESPONSE_BYTES_MAX => lost(
            body,
            attempt,
            "answer_too_large",
            "the answer is too long".to_owned(),
        ),
        Ok(response) => answered(&response, body, attempt),
        Err(HttpError::NotSent(message)) => not_sent(attempt, "not_sent", message),
        Err(HttpError::Refused(message)) => ended("target_refused", message),
        Err(HttpError::Unknown(message)) => lost(body, attempt, "no_answer", message),
    }
}

fn build(body: &Body, attempt: &Attempt, world: &World) -> Result<HttpRequest, String> {
    let mut headers = Vec::new();
    for (name, value) in &body.headers {
        let value = match value {
            HeaderValue::Text(text) => text.clone(),
            HeaderValue::Secret { before, secret } => {
                let found = (world.secrets)(secret)
                    .ok_or_else(|| format!("the secret {secret} of header `{name}` is not set"))?;
                // Files end with a line break that belongs to the file, not to the secret.
                let revealed = found.reveal().trim();
                if revealed.is_empty() || revealed.chars().any(char::is_control) {
                    return Err(format!(
                        "the secret {secret} does not fit into header `{name}`"
                    ));
                }
                format!("{before}{revealed}")
            }
        };
        headers.push((name.clone(), value));
    }
    headers.push(("accept".to_owned(), "application/json".to_owned()));
    if body.method != "GET" {
        headers.push(("idempotency-key".to_owned(), attempt.reference.clone()));
    }
    if body.body.is_some() {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    Ok(HttpRequest {
        method: body.method.clone(),
        url: body.url.clone(),
        headers,
        body: body.body.clone().unwrap_or_default().into_bytes(),
        timeout: TimeDelta::seconds(body.timeout_seconds),
        response_bytes_max: RESPONSE_BYTES_MAX,
    })
}

fn answered(response: &HttpResponse, body: &Body, attempt: &Attempt) -> Attempted {
    let status = response.status;
    let certain = attempt.earlier.is_empty() || body.method == "GET";
    match status {
        200..=299 => Attempted::Done {
            result: json!({ "status": status, "values": picked(response, body) }),
            observations: Vec::new(),
        },
        // It said that it did nothing and when to come back.
        429 | 503 => {
            let message = format!("the service answers {status}");
            match retry_after(response) {
                after if certain => Attempted::Retry {
                    code: format!("http_{status}"),
                    message,
                    after,
                    observations: Vec::new(),
                },
                after => ask_again(attempt, &format!("http_{status}"), message, after),
            }
        }
        300..=399 => ended(
            "redirected",
            format!("the service redirects ({status}), which is not followed"),
        ),
        400..=499 => ended(
            &format!("http_{status}"),
            format!("the service refuses with {status}"),
        ),
        _ => lost(
            body,
            attempt,
            &format!("http_{status}"),
            format!("the service answers {status}"),
        ),
    }
}

/// The values of an answer by field; a field whose pointer leads nowhere is left out.
fn picked(response: &HttpResponse, body: &Body) -> Json {
    if body.into.is_empty() {
        return Json::Object(Map::new());
    }
    let Ok(answer) = serde_json::from_slice::<Json>(&response.body) else {
        return Json::Null;
    };
    let values = body
        .into
        .iter()
        .filter_map(|(field, pointer)| Some((field.clone(), answer.pointer(pointer)?.clone())));
    Json::Object(values.collect())
}

fn retry_after(response: &HttpResponse) -> Option<TimeDelta> {
    let (_, value) = response
        .headers
        .iter()
        .find(|(name, _)| name == "retry-after")?;
    let seconds: i64 = value.trim().parse().ok()?;
    (0..=RETRY_AFTER_SECONDS_MAX)
        .contains(&seconds)
        .then(|| TimeDelta::seconds(seconds))
}

/// Certainly nothing arrived, this time.
fn not_sent(attempt: &Attempt, code: &str, message: String) -> Attempted {
    if attempt.earlier.is_empty() {
        return Attempted::Retry {
            code: code.to_owned(),
            message,
            after: None,
            observations: Vec::new(),
        };
    }
    ask_again(attempt, code, message, None)
}

/// It may have arrived: repeated only where the service takes a repeat as the same call.
fn lost(body: &Body, attempt: &Attempt, code: &str, message: String) -> Attempted {
    if body.method == "GET" {
        return Attempted::Retry {
            code: code.to_owned(),
            message,
            after: None,
            observations: Vec::new(),
        };
    }
    if body.repeatable {
        return ask_again(attempt, code, message, None);
    }
    park(code, message)
}

fn ask_again(
    attempt: &Attempt,
    code: &str,
    message: String,
    after: Option<TimeDelta>,
) -> Attempted {
    let pause = after.unwrap_or_else(|| TimeDelta::seconds(PAUSE_SECONDS));
    let again_at = attempt
        .now
        .checked_add_signed(pause)
        .filter(|_| attempt.number < ATTEMPTS_MAX);
    Attempted::Unknown {
        code: code.to_owned(),
        message,
        again_at,
    }
}

fn park(code: &str, message: impl Into<String>) -> Attempted {
    Attempted::Unknown {
        code: code.to_owned(),
        message: message.into(),
        again_at: None,
    }
}

fn ended(code: &str, message: String) -> Attempted {
    Attempted::Ended {
        outcome: Box::new(Outcome::error(code, message)),
        observations: Vec::new(),
    }
}
