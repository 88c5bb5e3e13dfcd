//! A sandbox gateway whose script can change while the scenario runs, and that can outlive its engine.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use payment::gateways::sandbox::{LedgerFile, SandboxError};
use payment::gateways::{Sandbox, SandboxSettings};
use payment::{
    Call, Callback, CallbackParts, Capabilities, CreatedLink, Deactivate, Descriptor, Found,
    Gateway, GatewayError, LinkRequest, ProviderRef, Simulated, StatusReport,
};
use values::Timestamp;

use super::stop::Stop;

/// A sandbox on the ledger of the scenario.
pub(super) struct ScriptedGateway {
    sandbox: Mutex<Arc<Sandbox>>,
    stop: Arc<Stop>,
}

impl ScriptedGateway {
    pub(super) fn new(
        ledger: &LedgerFile,
        settings: SandboxSettings,
        stop: Arc<Stop>,
    ) -> Result<ScriptedGateway, SandboxError> {
        let sandbox = Sandbox::open(ledger.clone(), settings)?;
        Ok(ScriptedGateway {
            sandbox: Mutex::new(Arc::new(sandbox)),
            stop,
        })
    }

    /// Plays something else from now on; links that exist keep what was planned for them.
    pub(super) fn play(
        &self,
        ledger: &LedgerFile,
        settings: SandboxSettings,
    ) -> Result<(), SandboxError> {
        let sandbox = Sandbox::open(ledger.clone(), settings)?;
        *self.sandbox.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(sandbox);
        Ok(())
    }

    fn sandbox(&self) -> Arc<Sandbox> {
        self.sandbox
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[async_trait]
impl Gateway for ScriptedGateway {
    fn descriptor(&self) -> Descriptor {
        self.sandbox().descriptor()
    }

    fn capabilities(&self) -> Capabilities {
        self.sandbox().capabilities()
    }

    fn validate(&self, request: &LinkRequest) -> Vec<GatewayError> {
        self.sandbox().validate(request)
    }

    async fn create(&self, call: Call, request: &LinkRequest) -> Result<CreatedLink, GatewayError> {
        let answer = self.sandbox().create(call, request).await;
        self.stop.gateway_answered().await;
        answer
    }

    async fn status(&self, call: Call, link: &ProviderRef) -> Result<StatusReport, GatewayError> {
        self.sandbox().status(call, link).await
    }

    async fn find(&self, call: Call, reference: &str) -> Result<Found, GatewayError> {
        self.sandbox().find(call, reference).await
    }

    fn read_callback(&self, parts: &CallbackParts) -> Callback {
        self.sandbox().read_callback(parts)
    }

    fn as_deactivate(&self) -> Option<&dyn Deactivate> {
        self.sandbox().as_deactivate().is_some().then_some(self)
    }

    fn as_simulated(&self) -> Option<&dyn Simulated> {
        Some(self)
    }
}

#[async_trait]
impl Deactivate for ScriptedGateway {
    async fn deactivate(&self, call: Call, link: &ProviderRef) -> Result<(), GatewayError> {
        let sandbox = self.sandbox();
        match sandbox.as_deactivate() {
            Some(closer) => closer.deactivate(call, link).await,
            None => Err(GatewayError::permanent(
                "not_supported",
                "links cannot be closed here",
            )),
        }
    }
}

impl Simulated for ScriptedGateway {
    fn next_notice_at(&self) -> Option<Timestamp> {
        self.sandbox()
            .as_simulated()
            .and_then(|simulated| simulated.next_notice_at())
    }

    fn take_notices(&self, now: Timestamp) -> Vec<CallbackParts> {
        let sandbox = self.sandbox();
        sandbox
            .as_simulated()
            .map(|simulated| simulated.take_notices(now))
            .unwrap_or_default()
    }
}
