//! Asking the provider, with what was stored.

use chrono::TimeDelta;
use payment::{
    Call, ErrorClass, Gateway, GatewayError, LinkStatus, Operation, OperationName, ProviderRef,
    StatusReport,
};
use serde_json::{Value as Json, json};
use values::{LinkId, Timestamp};

use super::closing::{Standing, close};
use super::{
    ACCOUNT_UNKNOWN, Body, LINK_OPEN, LINK_PAID, LINK_UNKNOWN, NUMBER_UNKNOWN, UNREADABLE,
    UNSUPPORTED, Wish,
};
use crate::{Attempt, Attempted, Observation, Outcome, Request, World};

/// After so many attempts without an answer a person decides.
const ATTEMPTS_MAX: u32 = 20;

/// The first and the longest pause before asking again, in seconds.
const PAUSE_SECONDS: i64 = 10;
const PAUSE_SECONDS_MAX: i64 = 600;

/// How long to wait before a link that is being closed is read again, in seconds.
const READ_AGAIN_SECONDS: i64 = 60;

/// Performs what is wanted of a link. The result is `{ "status": …, "told": … }`.
pub(crate) async fn perform(request: &Request, attempt: &Attempt, world: &World) -> Attempted {
    let body: Body = match serde_json::from_value(request.body.clone()) {
        Ok(body) => body,
        Err(error) => return ended(UNREADABLE, error.to_string(), Vec::new()),
    };
    let Some(gateway) = world.gateways.get(&body.account) else {
        let message = format!("no gateway serves account `{}`", body.account);
        return ended(ACCOUNT_UNKNOWN, message, Vec::new());
    };
    let link = match &body.number {
        None => body.provider_ref.clone(),
        Some(number) => match gateway.named(number) {
            Some(link) => link,
            None => {
                let message = format!("the gateway has nothing under the number `{number}`");
                return ended(NUMBER_UNKNOWN, message, Vec::new());
            }
        },
    };
    let work = Work {
        gateway: gateway.as_ref(),
        attempt,
        ours: body.link.as_ref(),
        link: &link,
    };
    match &body.wish {
        Wish::Read => work.read().await,
        Wish::Close => work.close().await,
        Wish::Operate(operation) => work.operate(operation).await,
        Wish::Tell(not_before) => work.tell(*not_before).await,
        Wish::Record {
            report,
            stays_open: true,
            ..
        } => work.done(report.clone()),
        Wish::Record { report, tell, .. } => work.record(report, tell.as_ref()).await,
    }
}

struct Work<'a> {
    gateway: &'a dyn Gateway,
    attempt: &'a Attempt,
    /// Our id of the link.
    ours: Option<&'a LinkId>,
    /// How the provider names it.
    link: &'a ProviderRef,
}

impl Work<'_> {
    fn call(&self) -> Call {
        Call {
            now: self.attempt.now,
            send_by: self.attempt.send_by,
        }
    }

    async fn status(&self) -> Result<StatusReport, GatewayError> {
        self.gateway.status(self.call(), self.link).await
    }

    async fn read(&self) -> Attempted {
        match self.status().await {
            Ok(report) => self.done(report),
            // Reading changes nothing, so a lost answer is only a reason to read again.
            Err(error) => self.nothing_happened(error),
        }
    }

    async fn close(&self) -> Attempted {
        match self.status().await {
            Ok(report) if report.status == LinkStatus::ScheduledFuture => {
                if let Err(attempted) = self.call_off(report).await {
                    return *attempted;
                }
            }
            Ok(_) => {}
            Err(error) => return self.nothing_happened(error),
        }
        match close(self.gateway, self.call(), self.link).await {
            Standing::Settled(report) => self.done(report),
            Standing::Closing(report) => self.wait(report),
            Standing::Open(report) => {
                let message = "the gateway does not close this link";
                ended(UNSUPPORTED, message.to_owned(), self.seen(report))
            }
            Standing::Unknown(message, after) => Attempted::Retry {
                code: LINK_UNKNOWN.to_owned(),
                message,
                after,
                observations: Vec::new(),
            },
        }
    }

    /// Frees the debtor's money before the link is closed.
    async fn call_off(&self, report: StatusReport) -> Result<(), Box<Attempted>> {
        let offered = self.gateway.capabilities().operations;
        if !offered.contains(&OperationName::CancelFuture) {
            let message = "the gateway does not call off a payment in the future";
            let seen = self.seen(report);
            return Err(Box::new(ended(UNSUPPORTED, message.to_owned(), seen)));
        }
        let by = payment::FutureParty::Issuer;
        let operation = Operation::CancelFuture { by };
        match self.operation(&operation).await {
            Ok(()) => Ok(()),
            Err(error) => Err(Box::new(self.failed(error))),
        }
    }

    async fn operation(&self, operation: &Operation) -> Result<(), GatewayError> {
        let answer = self
            .gateway
            .operate(self.call(), self.link, operation)
            .await;
        answer.map(drop)
    }

    async fn operate(&self, operation: &Operation) -> Attempted {
        if let Err(error) = self.operation(operation).await {
            return self.failed(error);
        }
        if self.ours.is_none() {
            // What somebody else has issued is not ours to settle.
            return Attempted::Done {
                result: json!({ "operation": operation.name().word() }),
                observations: Vec::new(),
            };
        }
        match self.status().await {
            Ok(report) => self.done(report),
            Err(error) => self.ask_again(&error),
        }
    }

    /// The provider's message. An attempt that may have arrived has told the payer, and is not repeated.
    async fn tell(&self, not_before: Timestamp) -> Attempted {
        if !self.attempt.earlier.is_empty() {
            return told(false);
        }
        if self.attempt.now < not_before {
            return Attempted::NotBefore {
                at: not_before,
                code: "resend_too_soon".to_owned(),
                observations: Vec::new(),
            };
        }
        match self.operation(&Operation::Resend).await {
            Ok(()) => told(true),
            Err(error) if error.class == ErrorClass::Ambiguous => told(false),
            Err(error) => self.nothing_happened(error),
        }
    }

    /// The provider hears of the money, or closes the link so that nobody pays again.
    async fn record(&self, report: &StatusReport, tell: Option<&Operation>) -> Attempted {
        if let Some(operation) = tell {
            if let Err(error) = self.operation(operation).await {
                return self.failed(error);
            }
            return match self.status().await {
                // The provider's own number counts where it gives one.
                Ok(said) if said.status.is_paid() && !said.payments.is_empty() => self.done(said),
                Ok(_) => self.done(report.clone()),
                Err(error) => self.ask_again(&error),
            };
        }
        match close(self.gateway, self.call(), self.link).await {
            Standing::Settled(said) if said.status.is_paid() => {
                let message = "the link is paid at the provider";
                ended(LINK_PAID, message.to_owned(), self.seen(said))
            }
            Standing::Closing(said) => self.wait(said),
            Standing::Settled(_) | Standing::Open(_) => self.done(report.clone()),
            Standing::Unknown(message, after) => Attempted::Retry {
                code: LINK_UNKNOWN.to_owned(),
                message,
                after,
                observations: Vec::new(),
            },
        }
    }

    fn seen(&self, report: StatusReport) -> Vec<Observation> {
        let link = self.ours.cloned();
        let seen = link.map(|link| Observation { link, report });
        seen.into_iter().collect()
    }

    fn done(&self, report: StatusReport) -> Attempted {
        Attempted::Done {
            result: json!({ "status": report.status.name() }),
            observations: self.seen(report),
        }
    }

    /// The provider has said yes to the closing and has not done it yet.
    fn wait(&self, report: StatusReport) -> Attempted {
        let pause = TimeDelta::seconds(READ_AGAIN_SECONDS);
        let at = self.attempt.now.checked_add_signed(pause);
        Attempted::NotBefore {
            at: at.unwrap_or(self.attempt.now),
            code: LINK_OPEN.to_owned(),
            observations: self.seen(report),
        }
    }

    /// A failure of something that changes the link.
    fn failed(&self, error: GatewayError) -> Attempted {
        let certain = self.attempt.earlier.is_empty();
        match error.class {
            ErrorClass::Ambiguous => self.ask_again(&error),
            ErrorClass::Retryable if !certain => self.ask_again(&error),
            ErrorClass::Retryable | ErrorClass::Permanent => self.nothing_happened(error),
        }
    }

    fn nothing_happened(&self, error: GatewayError) -> Attempted {
        if error.class == ErrorClass::Permanent {
            return ended(&error.code, error.message, Vec::new());
        }
        Attempted::Retry {
            code: error.code,
            message: error.message,
            after: error.retry_after,
            observations: Vec::new(),
        }
    }

    /// Unknown for now: comes back after a growing pause, and in the end to a person.
    fn ask_again(&self, error: &GatewayError) -> Attempted {
        let doublings = self.attempt.number.saturating_sub(1).min(10);
        let seconds = PAUSE_SECONDS
            .saturating_mul(1_i64 << doublings)
            .min(PAUSE_SECONDS_MAX);
        let pause = error.retry_after.unwrap_or(TimeDelta::seconds(seconds));
        let again_at = self
            .attempt
            .now
            .checked_add_signed(pause)
            .filter(|_| self.attempt.number < ATTEMPTS_MAX);
        Attempted::Unknown {
            code: error.code.clone(),
            message: error.message.clone(),
            again_at,
        }
    }
}

fn told(confirmed: bool) -> Attempted {
    let result: Json = json!({ "told": confirmed });
    Attempted::Done {
        result,
        observations: Vec::new(),
    }
}

fn ended(code: &str, message: String, observations: Vec<Observation>) -> Attempted {
    Attempted::Ended {
        outcome: Box::new(Outcome::error(code, message)),
        observations,
    }
}
