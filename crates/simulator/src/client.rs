//! The plug that sends an adapter's requests to simulated providers.

use std::sync::Arc;

use async_trait::async_trait;
use transport::{HttpClient, HttpError, HttpRequest, HttpResponse};
use values::Timestamp;

use crate::{Answer, Provider};

/// Tells the time; a test's virtual clock.
pub type Moment = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Sends each request to the provider whose base address it begins with.
#[derive(Clone)]
pub struct SimulatedClient {
    now: Moment,
    providers: Vec<(String, Arc<dyn Provider>)>,
}

impl SimulatedClient {
    /// A client without providers: every request is refused.
    pub fn new(now: Moment) -> SimulatedClient {
        SimulatedClient {
            now,
            providers: Vec::new(),
        }
    }

    /// The same, with a provider behind a base address such as `https://pod.test/`.
    #[must_use]
    pub fn with(mut self, base: impl Into<String>, provider: Arc<dyn Provider>) -> SimulatedClient {
        self.providers.push((base.into(), provider));
        self
    }
}

#[async_trait]
impl HttpClient for SimulatedClient {
    async fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let found = self
            .providers
            .iter()
            .find(|(base, _)| request.url.starts_with(base.as_str()));
        let Some((_, provider)) = found else {
            return Err(HttpError::Refused(
                "no provider plays this address".to_owned(),
            ));
        };
        let lost = |what: &str| Err(HttpError::Unknown(what.to_owned()));
        match provider.answer((self.now)(), request) {
            Answer::Reply(response) if response.body.len() > request.response_bytes_max => {
                lost("the answer is too long")
            }
            Answer::Reply(response) => Ok(response),
            Answer::Slow(response, bytes_per_second) => {
                let seconds =
                    response.body.len() / usize::try_from(bytes_per_second.max(1)).unwrap_or(1);
                let allowed = usize::try_from(request.timeout.num_seconds()).unwrap_or(0);
                if seconds <= allowed {
                    Ok(response)
                } else {
                    lost("the answer takes too long")
                }
            }
            Answer::Dropped => lost("the connection ended"),
            Answer::Unreachable => Err(HttpError::NotSent("connection refused".to_owned())),
        }
    }
}
