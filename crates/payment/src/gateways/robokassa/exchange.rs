//! Requests as this provider takes them, and what the outside of an answer means.

use chrono::TimeDelta;
use transport::{HttpRequest, HttpResponse};

use crate::GatewayError;

/// How long one exchange may take.
const TIMEOUT: TimeDelta = TimeDelta::seconds(30);

/// A page of the list with a hundred invoices is far shorter.
const RESPONSE_BYTES_MAX: usize = 2 << 20;

/// A question in a URL.
pub(super) fn get(url: String) -> HttpRequest {
    request("GET", url, Vec::new(), Vec::new())
}

/// A body under the type that the provider wants for its signed texts.
pub(super) fn post(url: String, body: String) -> HttpRequest {
    let kind = ("content-type".to_owned(), "application/json".to_owned());
    request("POST", url, vec![kind], body.into_bytes())
}

fn request(
    method: &str,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
) -> HttpRequest {
    HttpRequest {
        method: method.to_owned(),
        url,
        headers,
        body,
        timeout: TIMEOUT,
        response_bytes_max: RESPONSE_BYTES_MAX,
    }
}

/// The body of an answer to a question.
pub(super) fn read(response: &HttpResponse) -> Result<&[u8], GatewayError> {
    match response.status {
        200..=299 => Ok(&response.body),
        429 => Err(too_many(response)),
        401 | 403 => Err(unauthorized(response.status)),
        status => Err(coded(
            GatewayError::retryable(
                "provider_error",
                "the provider does not answer the question",
            ),
            status,
        )),
    }
}

/// The body of an answer to a wish. Refusals come with any 4xx, so its body is looked at.
pub(super) fn changed(response: &HttpResponse) -> Result<&[u8], GatewayError> {
    match response.status {
        429 => Err(too_many(response)),
        401 | 403 => Err(unauthorized(response.status)),
        200..=299 | 400..=499 => Ok(&response.body),
        status => Err(coded(
            GatewayError::ambiguous("provider_error", "the provider may have acted"),
            status,
        )),
    }
}

/// An answer to a wish that cannot be read: the provider may have acted.
pub(super) fn unclear() -> GatewayError {
    GatewayError::ambiguous("answer_not_understood", "the answer cannot be read")
}

/// An answer to a question that cannot be read.
pub(super) fn unreadable() -> GatewayError {
    GatewayError::retryable("answer_not_understood", "the answer cannot be read")
}

fn too_many(response: &HttpResponse) -> GatewayError {
    let seconds = response
        .header("retry-after")
        .and_then(|text| text.trim().parse().ok());
    let mut error = GatewayError::retryable("too_many_requests", "the provider asks us to wait");
    error.retry_after = seconds
        .and_then(TimeDelta::try_seconds)
        .filter(|wait| *wait >= TimeDelta::zero());
    coded(error, response.status)
}

fn unauthorized(status: u16) -> GatewayError {
    coded(
        GatewayError::permanent("unauthorized", "the provider does not accept the account"),
        status,
    )
}

fn coded(mut error: GatewayError, status: u16) -> GatewayError {
    error.provider_code = Some(status.to_string());
    error
}
