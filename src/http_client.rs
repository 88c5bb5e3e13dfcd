//! The default plug for outgoing HTTP.
//!
//! What a workflow may call is decided by the allow-list before this; here stand the rules that
//! no setting lifts: no redirect, no proxy, no address inside the network, a bound on time and
//! size. The address is checked where it is used, so a name that changes its mind between check
//! and call gains nothing.

use std::error::Error as StdError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use activity::{HttpClient, HttpError, HttpRequest, HttpResponse};
use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, Url, redirect};
use rustls_platform_verifier::BuilderVerifierExt;

/// Longest wait for a connection, within the request's own bound.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Outgoing HTTP over rustls. Cloning it is cheap and shares connections.
#[derive(Debug, Clone)]
pub struct HttpPlug {
    client: Client,
    reach: Reach,
}

/// Why the plug could not be made.
#[derive(Debug, thiserror::Error)]
pub enum HttpPlugError {
    /// TLS could not be set up, such as without a list of trusted roots.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The client could not be built.
    #[error("the HTTP client cannot be built: {0}")]
    Client(#[from] reqwest::Error),
}

/// Which addresses may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Public ones alone.
    Public,
    /// This machine too.
    PublicAndLoopback,
}

impl HttpPlug {
    /// A plug that reaches public addresses alone.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up on this machine.
    pub fn new() -> Result<HttpPlug, HttpPlugError> {
        HttpPlug::reaching(Reach::Public)
    }

    /// A plug that also reaches this machine: for tests, and for nothing else.
    ///
    /// # Errors
    ///
    /// As [`HttpPlug::new`].
    pub fn with_loopback() -> Result<HttpPlug, HttpPlugError> {
        HttpPlug::reaching(Reach::PublicAndLoopback)
    }

    fn reaching(reach: Reach) -> Result<HttpPlug, HttpPlugError> {
        // The provider is handed over, because the process-wide one belongs to the embedder.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_platform_verifier()?
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT_MAX)
            .dns_resolver(Arc::new(CheckingResolver { reach }))
            .build()?;
        Ok(HttpPlug { client, reach })
    }

    /// Checks what can be checked without a name server.
    fn target(&self, url: &str) -> Result<Url, HttpError> {
        let url = Url::parse(url).map_err(|error| HttpError::Refused(error.to_string()))?;
        match url.scheme() {
            "https" => {}
            "http" if self.reach == Reach::PublicAndLoopback => {}
            other => return Err(HttpError::Refused(format!("scheme {other} is not https"))),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(HttpError::Refused(
                "a user name stands in the address".to_owned(),
            ));
        }
        // An address written as digits never meets the resolver.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        match host.parse::<IpAddr>() {
            Ok(address) if !self.reach.allows(address) => {
                Err(HttpError::Refused(Forbidden(address).to_string()))
            }
            _ => Ok(url),
        }
    }

    fn request(&self, request: &HttpRequest) -> Result<reqwest::Request, HttpError> {
        let refused = |what: &str| HttpError::Refused(what.to_owned());
        let url = self.target(&request.url)?;
        let method =
            Method::from_bytes(request.method.as_bytes()).map_err(|_| refused("no such method"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| refused("a header has no valid name"))?;
            let mut value =
                HeaderValue::from_str(value).map_err(|_| refused("a header has no valid value"))?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        let timeout = request
            .timeout
            .to_std()
            .map_err(|_| refused("no time is left"))?;
        self.client
            .request(method, url)
            .headers(headers)
            .timeout(timeout)
            .body(request.body.clone())
            .build()
            .map_err(|error| HttpError::Refused(words(&error)))
    }
}

#[async_trait]
impl HttpClient for HttpPlug {
    async fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let prepared = self.request(request)?;
        let response = self
            .client
            .execute(prepared)
            .await
            .map_err(|error| failure(&error))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(HttpError::Refused(format!(
                "the answer is a redirect ({status})"
            )));
        }
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        let body = body(response, request.response_bytes_max).await?;
        Ok(HttpResponse {
            status: status.as_u16(),
            headers,
            body,
        })
    }
}

/// Reads the answer up to its bound: the length that a header promises proves nothing.
async fn body(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| HttpError::Unknown(words(&error)))?
    {
        if body.len().saturating_add(chunk.len()) > bytes_max {
            let message = format!("the answer is longer than {bytes_max} bytes");
            return Err(HttpError::Unknown(message));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Where a request failed decides what is known about it.
fn failure(error: &reqwest::Error) -> HttpError {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(forbidden) = current.downcast_ref::<Forbidden>() {
            return HttpError::Refused(forbidden.to_string());
        }
        cause = current.source();
    }
    // A connection that never stood has carried no byte of the request.
    if error.is_connect() || error.is_builder() {
        HttpError::NotSent(words(error))
    } else {
        HttpError::Unknown(words(error))
    }
}

/// What went wrong, without the address, whose query may hold a secret.
fn words(error: &reqwest::Error) -> String {
    let mut words = Vec::new();
    let mut cause = error.source();
    while let Some(current) = cause {
        words.push(current.to_string());
        cause = current.source();
    }
    match words.pop() {
        Some(deepest) => deepest,
        None if error.is_timeout() => "no answer in time".to_owned(),
        None => "the request failed".to_owned(),
    }
}

/// Looks names up and refuses those that lead inside.
#[derive(Debug)]
struct CheckingResolver {
    reach: Reach,
}

impl Resolve for CheckingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach;
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // One inner address among outer ones is a trick, not a choice.
            if let Some(inner) = found.iter().find(|found| !reach.allows(found.ip())) {
                return Err(Forbidden(inner.ip()).into());
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

/// An address that must not be called.
#[derive(Debug, thiserror::Error)]
#[error("address {0} is not a public one")]
struct Forbidden(IpAddr);

impl Reach {
    fn allows(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if self == Reach::PublicAndLoopback && address.is_loopback() {
            return true;
        }
        match address {
            IpAddr::V4(address) => is_public_v4(address),
            IpAddr::V6(address) => is_public_v6(address),
        }
    }
}

/// The wire server of one cloud has an address that looks public.
const WIRE_SERVER: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let reserved = matches!(
        (first, second, third),
        (0 | 240..=255, _, _)
            | (100, 64..=127, _)
            | (192, 0, 0)
            | (192, 88, 99)
            | (198, 18 | 19, _)
    );
    !(reserved
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || address == WIRE_SERVER)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, third, fourth, fifth, sixth, high, low] = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match (first, second) {
        // Addresses that carry an older one inside are as public as that one.
        (0x2002, _) => embedded(second, third),
        (0x64, 0xff9b) if [third, fourth, fifth, sixth] == [0; 4] => embedded(high, low),
        // Teredo, documentation, benchmarking and other special assignments.
        (0x2001, 0..=0x01ff | 0x0db8) | (0x3fff, 0..=0x0fff) => false,
        // Global unicast; everything else is local, reserved or a group.
        (0x2000..=0x3fff, _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
