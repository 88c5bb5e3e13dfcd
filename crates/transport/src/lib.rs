//! Outgoing HTTP as plain data, and the plug that sends it.
//!
//! It is not a client: an embedder, or the front door, brings one. Whoever builds a request here
//! does no I/O, so what is sent can be read and compared in a test.
//!
//! The names to know: [`HttpRequest`], [`HttpResponse`], [`HttpError`] and the plug [`HttpClient`].

use std::fmt;

use async_trait::async_trait;
use chrono::TimeDelta;

/// A request.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// Headers in order; values may be secret and are never logged.
    pub headers: Vec<(String, String)>,
    /// Body, empty for none.
    pub body: Vec<u8>,
    /// The whole exchange must end within this time.
    pub timeout: TimeDelta,
    /// A longer answer is cut off and refused.
    pub response_bytes_max: usize,
}

impl fmt::Debug for HttpRequest {
    /// Without query, header values and body: secrets may stand in each of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.url.split(['?', '#']).next().unwrap_or_default();
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("address", &address)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// HTTP status.
    pub status: u16,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The first header of that name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// How a request fails, by where it failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// No byte of the request left: name resolution, connection or TLS failed.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The target is not allowed: a private address, a redirect, another scheme.
    #[error("refused: {0}")]
    Refused(String),
    /// It may have arrived.
    #[error("no trustworthy answer: {0}")]
    Unknown(String),
}

/// The plug for outgoing HTTP. Implementations refuse redirects and private addresses.
#[async_trait]
pub trait HttpClient: Send + Sync {
    /// Sends a request once.
    async fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError>;
}
