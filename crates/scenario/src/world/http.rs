//! Outside services that answer from the scenario.

use activity::{HttpClient, HttpError, HttpRequest, HttpResponse};
use async_trait::async_trait;

use crate::file::script::{Service, ServiceReply};

/// Answers by method and address; nothing leaves the machine.
pub(super) struct ScriptedHttp {
    services: Vec<Service>,
}

impl ScriptedHttp {
    pub(super) fn new(services: Vec<Service>) -> ScriptedHttp {
        ScriptedHttp { services }
    }
}

#[async_trait]
impl HttpClient for ScriptedHttp {
    async fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let fits = |service: &&Service| {
            service.url == request.url
                && service
                    .method
                    .as_ref()
                    .is_none_or(|method| *method == request.method)
        };
        let Some(service) = self.services.iter().find(fits) else {
            let what = format!(
                "the scenario has no service {} {}",
                request.method, request.url
            );
            return Err(HttpError::NotSent(what));
        };
        match &service.reply {
            ServiceReply::Timeout => Err(HttpError::Unknown("no answer in time".to_owned())),
            ServiceReply::Unreachable => Err(HttpError::NotSent("nobody is there".to_owned())),
            ServiceReply::Answer { status, body } => Ok(HttpResponse {
                status: *status,
                headers: vec![("content-type".to_owned(), "application/json".to_owned())],
                body: serde_json::to_vec(body).unwrap_or_default(),
            }),
        }
    }
}
