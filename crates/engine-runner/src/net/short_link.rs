//! Short links of ours, behind which the provider's URL may be made anew.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use charkh::engine::LinkRow;
use charkh::payment::{
    Call, Callback, CallbackParts, Capabilities, CreatedLink, Deactivate, Descriptor, Found,
    GatewayError, LinkRequest, ListPage, ListSpan, Operated, Operation, OperationName, ProviderRef,
    Simulated, StatusReport,
};
use charkh::persistence::Table;
use charkh::values::{LinkId, Secret, TimeDelta};
use charkh::{Gateway, async_trait};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::token::link_token;
use crate::rows::{self, Half};
use crate::watch::Watched;

/// Unknown tokens make nobody read the list more often than this.
const PAUSE: Duration = Duration::from_secs(1);

/// The links of a store by their tokens.
pub(crate) struct ShortLinks {
    secret: Secret,
    store: Arc<Watched>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    links: BTreeMap<String, LinkId>,
    read_at: Option<Instant>,
}

impl ShortLinks {
    /// The links of a store. Nothing is read yet.
    pub(crate) fn new(secret: Secret, store: Arc<Watched>) -> ShortLinks {
        ShortLinks {
            secret,
            store,
            known: Mutex::default(),
        }
    }

    /// The link of a token.
    pub(crate) async fn link(&self, token: &str) -> Option<LinkId> {
        let mut known = self.known.lock().await;
        if let Some(link) = known.links.get(token) {
            return Some(link.clone());
        }
        if known.read_at.is_some_and(|at| at.elapsed() < PAUSE) {
            return None;
        }
        let links = rows::all::<LinkRow>(self.store.as_ref(), Table::Links, Half::Open).await;
        known.read_at = Some(Instant::now());
        let token_of = |link: LinkRow| (link_token(&self.secret, &link.id), link.id);
        known.links = links.ok()?.into_iter().map(token_of).collect();
        known.links.get(token).cloned()
    }
}

/// A gateway whose short-lived URLs are hidden behind ours, so that a message that is opened a day
/// later still leads somewhere.
pub(crate) struct Lasting {
    gateway: Arc<dyn Gateway>,
    public_url: String,
    secret: Secret,
}

impl Lasting {
    /// The gateway, with short links under a public address, where it can make URLs anew.
    pub(crate) fn over(
        gateway: Arc<dyn Gateway>,
        public_url: String,
        secret: Secret,
    ) -> Arc<dyn Gateway> {
        let offered = gateway.capabilities().operations;
        if !offered.contains(&OperationName::RefreshUrl) {
            return gateway;
        }
        Arc::new(Lasting {
            gateway,
            public_url,
            secret,
        })
    }

    fn lasting(&self, call: Call, reference: &str, link: CreatedLink) -> CreatedLink {
        if link.url_valid_until.is_none() {
            return link;
        }
        let token = link_token(&self.secret, &LinkId::from(reference));
        CreatedLink {
            url: format!("{}/p/{token}", self.public_url),
            // Ours is no place to be sent on to, so whoever opens it makes the provider's URL anew.
            url_valid_until: Some(call.now),
            ..link
        }
    }
}

#[async_trait]
impl Gateway for Lasting {
    fn descriptor(&self) -> Descriptor {
        self.gateway.descriptor()
    }

    fn capabilities(&self) -> Capabilities {
        self.gateway.capabilities()
    }

    fn named(&self, number: &str) -> Option<ProviderRef> {
        self.gateway.named(number)
    }

    fn order_no(&self, reference: &str) -> String {
        self.gateway.order_no(reference)
    }

    fn validate(&self, request: &LinkRequest) -> Vec<GatewayError> {
        self.gateway.validate(request)
    }

    async fn create(&self, call: Call, request: &LinkRequest) -> Result<CreatedLink, GatewayError> {
        let link = self.gateway.create(call, request).await?;
        Ok(self.lasting(call, &request.reference, link))
    }

    async fn status(&self, call: Call, link: &ProviderRef) -> Result<StatusReport, GatewayError> {
        self.gateway.status(call, link).await
    }

    async fn find(&self, call: Call, reference: &str) -> Result<Found, GatewayError> {
        Ok(match self.gateway.find(call, reference).await? {
            Found::Link(link) => Found::Link(self.lasting(call, reference, link)),
            other => other,
        })
    }

    fn lookup_reach(&self) -> Option<TimeDelta> {
        self.gateway.lookup_reach()
    }

    async fn status_many(
        &self,
        call: Call,
        links: &[ProviderRef],
    ) -> Option<Result<Vec<StatusReport>, GatewayError>> {
        self.gateway.status_many(call, links).await
    }

    async fn list(
        &self,
        call: Call,
        span: ListSpan,
        page: Option<&str>,
    ) -> Option<Result<ListPage, GatewayError>> {
        self.gateway.list(call, span, page).await
    }

    async fn operate(
        &self,
        call: Call,
        link: &ProviderRef,
        operation: &Operation,
    ) -> Result<Operated, GatewayError> {
        self.gateway.operate(call, link, operation).await
    }

    fn read_callback(&self, parts: &CallbackParts) -> Callback {
        self.gateway.read_callback(parts)
    }

    fn as_deactivate(&self) -> Option<&dyn Deactivate> {
        self.gateway.as_deactivate()
    }

    fn as_simulated(&self) -> Option<&dyn Simulated> {
        self.gateway.as_simulated()
    }
}
