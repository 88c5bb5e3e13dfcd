//! A gateway without a network: it plays links, customers and faults from a script, and its own
//! ledger proves what was asked of it.
//!
//! Everything it says follows from the ledger and the time it is told, so that a sandbox that was
//! killed and opened again says the same.

mod audit;
mod book;
mod desk;
mod ledger;
mod notice;
mod record;
mod script;
mod settings;
pub(crate) mod span;
mod token;
mod validation;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use values::Timestamp;

pub use audit::{LedgerAudit, LedgerLink};
pub use ledger::{LedgerFile, SandboxError, read_ledger};
pub use script::{CallbackPlay, Case, CreatePlay, Pay, Play, Script, When};
pub use settings::{SandboxOptions, SandboxSettings};

use super::{BuiltIn, OptionsError};
use crate::{
    Call, Callback, CallbackParts, Capabilities, CreatedLink, Deactivate, Descriptor, Found,
    Gateway, GatewayError, LinkRequest, ProviderRef, Simulated, StatusReport,
};
use desk::{Arrival, Desk};

/// The sandbox on the list of gateways.
pub(super) const BUILT_IN: BuiltIn = BuiltIn {
    name: "sandbox",
    title: "Sandbox",
    summary: "Makes links that no money moves through, with customers and faults from a script.",
    sandbox: true,
    network: false,
    secrets: &[],
    check_options: |options| match serde_json::from_value::<SandboxOptions>(options.clone()) {
        Ok(_) => Ok(()),
        Err(source) => Err(OptionsError {
            gateway: "sandbox",
            source,
        }),
    },
    adapter: None,
};

/// A way to let real time pass, given by the host: this crate has no clock.
#[async_trait]
pub trait Pause: Send + Sync {
    /// Comes back after that long.
    async fn pause(&self, length: TimeDelta);
}

/// One account at the sandbox.
#[derive(Clone)]
pub struct Sandbox {
    desk: Desk,
    pause: Option<Arc<dyn Pause>>,
}

impl Sandbox {
    /// An account on a ledger that it may share with others.
    ///
    /// # Errors
    ///
    /// [`SandboxError::LimitCurrency`] when a limit is in another currency than the account.
    pub fn open(ledger: LedgerFile, settings: SandboxSettings) -> Result<Sandbox, SandboxError> {
        let limits = &settings.options.limits;
        let foreign = [limits.amount_min, limits.amount_max]
            .into_iter()
            .flatten()
            .find(|limit| limit.currency() != settings.currency);
        if let Some(limit) = foreign {
            return Err(SandboxError::LimitCurrency {
                account: settings.account,
                limit,
                currency: settings.currency,
            });
        }
        Ok(Sandbox {
            desk: Desk { ledger, settings },
            pause: None,
        })
    }

    /// An account on a ledger of its own that is gone with it.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::open`].
    pub fn in_memory(settings: SandboxSettings) -> Result<Sandbox, SandboxError> {
        Sandbox::open(LedgerFile::in_memory(), settings)
    }

    /// The same account, whose requests take the real time that its settings ask for.
    #[must_use]
    pub fn with_pause(mut self, pause: Arc<dyn Pause>) -> Sandbox {
        self.pause = Some(pause);
        self
    }

    /// What it was built from.
    pub fn settings(&self) -> &SandboxSettings {
        &self.desk.settings
    }

    /// The ledger it writes.
    pub fn ledger(&self) -> &LedgerFile {
        &self.desk.ledger
    }

    /// What its ledger proves, over all accounts that share it.
    pub fn audit(&self) -> LedgerAudit {
        self.desk.ledger.audit()
    }

    /// Half of the delay, if requests take time here at all.
    fn half(&self) -> Option<(&dyn Pause, TimeDelta)> {
        let pause = self.pause.as_deref()?;
        Some((pause, self.desk.settings.options.delay?.checked_div(2)?))
    }

    /// Lets a request travel, be written and answered. What was written stays written when the
    /// caller gives up waiting: that is what an ambiguous outcome is.
    async fn ask<T, F>(&self, call: Call, work: F) -> Result<T, GatewayError>
    where
        T: Send + 'static,
        F: FnOnce(&Desk, Arrival) -> Result<T, GatewayError> + Send + 'static,
    {
        let mut arrival = Arrival {
            at: call.now,
            send_by: call.send_by,
        };
        if let Some((pause, half)) = self.half() {
            pause.pause(half).await;
            arrival.at = arrival.at.checked_add_signed(half).unwrap_or(arrival.at);
        }
        let answer = self.at_the_desk(move |desk| work(desk, arrival)).await;
        if let Some((pause, half)) = self.half() {
            pause.pause(half).await;
        }
        answer
    }

    /// Runs work that may wait for the disk, away from the threads of an async runtime if there
    /// is one.
    async fn at_the_desk<T, F>(&self, work: F) -> Result<T, GatewayError>
    where
        T: Send + 'static,
        F: FnOnce(&Desk) -> Result<T, GatewayError> + Send + 'static,
    {
        let runtime = tokio::runtime::Handle::try_current().ok();
        let Some(runtime) = runtime.filter(|_| !self.desk.ledger.is_in_memory()) else {
            return work(&self.desk);
        };
        let desk = self.desk.clone();
        runtime
            .spawn_blocking(move || work(&desk))
            .await
            .unwrap_or_else(|error| {
                Err(GatewayError::ambiguous(
                    "no_answer",
                    format!("the sandbox stopped: {error}"),
                ))
            })
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("settings", &self.desk.settings)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Gateway for Sandbox {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: BUILT_IN.name,
            title: BUILT_IN.title,
            currencies: vec![self.desk.settings.currency],
            sandbox: BUILT_IN.sandbox,
        }
    }

    fn capabilities(&self) -> Capabilities {
        let options = &self.desk.settings.options;
        Capabilities {
            repeat: options.repeat(),
            status: true,
            deactivate: options.deactivate,
            reusable: false,
            closes_at_expiry: true,
            signed_callback: false,
            texts_payer: false,
            operations: Vec::new(),
            limits: options.limits.clone(),
        }
    }

    fn validate(&self, request: &LinkRequest) -> Vec<GatewayError> {
        validation::problems(&self.desk.settings, request, None)
    }

    async fn create(&self, call: Call, request: &LinkRequest) -> Result<CreatedLink, GatewayError> {
        let request = request.clone();
        self.ask(call, move |desk, arrival| desk.create(arrival, &request))
            .await
    }

    async fn status(&self, call: Call, link: &ProviderRef) -> Result<StatusReport, GatewayError> {
        let link = link.clone();
        self.ask(call, move |desk, arrival| desk.status(arrival, &link))
            .await
    }

    async fn find(&self, call: Call, reference: &str) -> Result<Found, GatewayError> {
        let reference = reference.to_owned();
        self.ask(call, move |desk, arrival| desk.find(arrival, &reference))
            .await
    }

    fn read_callback(&self, parts: &CallbackParts) -> Callback {
        notice::read(&self.desk.settings.account, parts)
    }

    fn as_deactivate(&self) -> Option<&dyn Deactivate> {
        if self.desk.settings.options.deactivate {
            Some(self)
        } else {
            None
        }
    }

    fn as_simulated(&self) -> Option<&dyn Simulated> {
        Some(self)
    }
}

#[async_trait]
impl Deactivate for Sandbox {
    async fn deactivate(&self, call: Call, link: &ProviderRef) -> Result<(), GatewayError> {
        let link = link.clone();
        self.ask(call, move |desk, arrival| desk.deactivate(arrival, &link))
            .await
    }
}

impl Simulated for Sandbox {
    fn next_notice_at(&self) -> Option<Timestamp> {
        self.desk
            .ledger
            .pages()
            .book(&self.desk.settings.account)
            .next_notice_at()
    }

    fn take_notices(&self, now: Timestamp) -> Vec<CallbackParts> {
        let account = &self.desk.settings.account;
        let mut pages = self.desk.ledger.pages();
        let book = pages.book(account);
        let taken = book.take_notices(now);
        taken
            .iter()
            .filter_map(|notice| notice::call(account, book, notice))
            .collect()
    }
}
