//! The sandbox keeps the promises of a gateway, in all four profiles; and the list notices a
//! gateway that does not.

use std::sync::Arc;

use async_trait::async_trait;
use payment::conformance::{Bench, PAID_AFTER, Situation, Verdict, run};
use payment::gateways::Sandbox;
use payment::{
    Call, Callback, CallbackParts, Capabilities, CreatedLink, Descriptor, ErrorClass, Found,
    Gateway, GatewayError, Limits, LinkRequest, LinkStatus, ProviderRef, RepeatClass, StatusReport,
};
use values::{Currency, Money, Timestamp};

use super::{PROFILES, request, settings, start};

struct SandboxBench {
    profile: RepeatClass,
}

impl SandboxBench {
    fn sandbox(&self, situation: Situation) -> Sandbox {
        let paid = format!("after: {}s", PAID_AFTER.num_seconds());
        let script = match situation {
            Situation::Quiet => "never".to_owned(),
            Situation::FirstAnswerLost => "timeout_after_accepting".to_owned(),
            Situation::Refused => "refused".to_owned(),
            Situation::FirstTurnedAway => "unavailable".to_owned(),
            Situation::Paid => format!("{{ pay: {{ {paid} }} }}"),
            Situation::PaidTwice => format!("{{ pay: {{ {paid}, twice: true }} }}"),
            Situation::PaidLate => "{ pay: { late: 30m } }".to_owned(),
            Situation::PaidThoughCancelled => format!("{{ pay: {{ {paid}, in_flight: true }} }}"),
            other => panic!("no script for {other:?}"),
        };
        let mut settings = settings(self.profile, &script);
        settings.options.limits = Limits {
            amount_min: Some(Money::from_minor(10_000, Currency::Irr).unwrap()),
            amount_max: Some(Money::from_minor(500_000_000, Currency::Irr).unwrap()),
            description_chars_max: Some(255),
            ..Limits::default()
        };
        Sandbox::in_memory(settings).unwrap()
    }
}

impl Bench for SandboxBench {
    fn gateway(&self, situation: Situation) -> Option<Arc<dyn Gateway>> {
        Some(Arc::new(self.sandbox(situation)))
    }

    fn start(&self) -> Timestamp {
        start()
    }

    fn request(&self, reference: &str) -> LinkRequest {
        request(reference)
    }
}

#[tokio::test]
async fn the_sandbox_keeps_every_promise_in_every_profile() {
    for profile in PROFILES {
        let verdicts = run(&SandboxBench { profile }).await;
        assert!(verdicts.len() >= 20);
        for (promise, verdict) in verdicts {
            assert_eq!(verdict, Verdict::Kept, "{profile:?}: {promise}");
        }
    }
}

/// What a careless gateway gets wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    TimeoutIsAFailure,
    RepeatMakesASecondLink,
    CannotTellIsNotFound,
    SendByIsIgnored,
    CallbackIsBelieved,
    ExpiryBeatsPayment,
}

/// The sandbox behind a careless adapter.
struct Careless {
    inner: Sandbox,
    fault: Fault,
}

#[async_trait]
impl Gateway for Careless {
    fn descriptor(&self) -> Descriptor {
        self.inner.descriptor()
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.inner.capabilities();
        capabilities.deactivate = false;
        if self.fault == Fault::RepeatMakesASecondLink {
            capabilities.repeat.class = RepeatClass::Idempotent;
        }
        capabilities
    }

    fn validate(&self, request: &LinkRequest) -> Vec<GatewayError> {
        self.inner.validate(request)
    }

    async fn create(
        &self,
        mut call: Call,
        request: &LinkRequest,
    ) -> Result<CreatedLink, GatewayError> {
        if self.fault == Fault::SendByIsIgnored {
            call.send_by = call.send_by.max(call.now);
        }
        let mut answer = self.inner.create(call, request).await;
        if let (Fault::TimeoutIsAFailure, Err(error)) = (self.fault, &mut answer) {
            error.class = ErrorClass::Permanent;
        }
        answer
    }

    async fn status(&self, call: Call, link: &ProviderRef) -> Result<StatusReport, GatewayError> {
        let mut report = self.inner.status(call, link).await?;
        if self.fault == Fault::ExpiryBeatsPayment && report.status == LinkStatus::PaidLate {
            report.status = LinkStatus::Expired;
        }
        Ok(report)
    }

    async fn find(&self, call: Call, reference: &str) -> Result<Found, GatewayError> {
        let found = self.inner.find(call, reference).await?;
        match found {
            Found::CannotTell if self.fault == Fault::CannotTellIsNotFound => Ok(Found::NotFound),
            found => Ok(found),
        }
    }

    fn read_callback(&self, parts: &CallbackParts) -> Callback {
        let believed = self.fault == Fault::CallbackIsBelieved && parts.method == "GET";
        if !believed {
            return self.inner.read_callback(parts);
        }
        let reference = String::from_utf8_lossy(&parts.body).into_owned();
        let report = StatusReport {
            reference,
            status: LinkStatus::Paid,
            payments: Vec::new(),
        };
        let reply = payment::CallbackReply {
            status: 200,
            body: String::new(),
        };
        Callback::Verified { report, reply }
    }
}

struct CarelessBench {
    fault: Fault,
    inner: SandboxBench,
}

impl Bench for CarelessBench {
    fn gateway(&self, situation: Situation) -> Option<Arc<dyn Gateway>> {
        let inner = self.inner.sandbox(situation);
        Some(Arc::new(Careless {
            inner,
            fault: self.fault,
        }))
    }

    fn start(&self) -> Timestamp {
        start()
    }

    fn request(&self, reference: &str) -> LinkRequest {
        request(reference)
    }
}

#[tokio::test]
async fn every_fault_of_a_careless_gateway_breaks_a_promise() {
    let faults = [
        (
            Fault::TimeoutIsAFailure,
            RepeatClass::Idempotent,
            "a_lost_answer_is_ambiguous",
        ),
        (
            Fault::RepeatMakesASecondLink,
            RepeatClass::LookupOnly,
            "a_repeat_does_what_its_class_declares",
        ),
        (
            Fault::CannotTellIsNotFound,
            RepeatClass::Nothing,
            "a_lost_answer_is_resolved_as_its_class_declares",
        ),
        (
            Fault::SendByIsIgnored,
            RepeatClass::Idempotent,
            "nothing_is_sent_after_send_by",
        ),
        (
            Fault::CallbackIsBelieved,
            RepeatClass::Idempotent,
            "a_forged_callback_proves_nothing",
        ),
        (
            Fault::ExpiryBeatsPayment,
            RepeatClass::Idempotent,
            "a_late_payment_wins_over_expiry",
        ),
    ];
    for (fault, profile, promise) in faults {
        let verdicts = run(&CarelessBench {
            fault,
            inner: SandboxBench { profile },
        })
        .await;
        let verdict = verdicts
            .iter()
            .find(|(name, _)| *name == promise)
            .map(|(_, verdict)| verdict);
        assert!(
            matches!(verdict, Some(Verdict::Broken(_))),
            "{fault:?}: {promise} is {verdict:?}"
        );
    }
}

#[tokio::test]
async fn a_gateway_without_deactivation_skips_it_and_breaks_nothing() {
    let bench = CarelessBench {
        fault: Fault::CannotTellIsNotFound,
        inner: SandboxBench {
            profile: RepeatClass::Idempotent,
        },
    };
    let verdicts = run(&bench).await;
    let skipped = verdicts
        .iter()
        .filter(|(_, verdict)| *verdict == Verdict::Skipped)
        .count();
    assert_eq!(
        skipped, 4,
        "three about cancelling, one about notices: {verdicts:?}"
    );
    assert!(
        verdicts
            .iter()
            .all(|(_, verdict)| !matches!(verdict, Verdict::Broken(_)))
    );
}
