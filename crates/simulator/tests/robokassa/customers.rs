//! The promises of a gateway, with customers who pay on the simulated page.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;
use payment::conformance::{Bench, PAID_AFTER, Situation, Verdict, run};
use payment::{
    Call, Callback, CallbackParts, Capabilities, CreatedLink, Deactivate, Descriptor, Found,
    Gateway, GatewayError, LinkRequest, ProviderRef, StatusReport,
};
use simulator::{Fault, FaultRule};
use values::{Currency, Money, Timestamp};

use super::{INTERFACES, Setup, World, request, start};

/// A gateway whose customers do what is due before each of its calls.
struct Played {
    world: World,
    plan: Vec<(TimeDelta, &'static str)>,
    /// The page of the link, and how much of the plan is done.
    link: Mutex<(Option<String>, usize)>,
}

impl Played {
    fn advance(&self, call: Call) {
        let mut link = self.link.lock().unwrap();
        while let (Some(url), Some((after, button))) = (&link.0, self.plan.get(link.1)) {
            let due = start() + *after;
            if due > call.now {
                break;
            }
            // A page that takes nobody any more is part of some plans.
            let _ = self.world.provider.press(due, url, button);
            link.1 += 1;
        }
        self.world.set(call.now);
    }
}

#[async_trait]
impl Gateway for Played {
    fn descriptor(&self) -> Descriptor {
        self.world.gateway.descriptor()
    }

    fn capabilities(&self) -> Capabilities {
        self.world.gateway.capabilities()
    }

    fn order_no(&self, reference: &str) -> String {
        self.world.gateway.order_no(reference)
    }

    fn validate(&self, request: &LinkRequest) -> Vec<GatewayError> {
        self.world.gateway.validate(request)
    }

    async fn create(&self, call: Call, request: &LinkRequest) -> Result<CreatedLink, GatewayError> {
        self.advance(call);
        let created = self.world.gateway.create(call, request).await;
        if let Ok(created) = &created {
            self.link.lock().unwrap().0 = Some(created.url.clone());
        }
        created
    }

    async fn status(&self, call: Call, link: &ProviderRef) -> Result<StatusReport, GatewayError> {
        self.advance(call);
        self.world.gateway.status(call, link).await
    }

    async fn find(&self, call: Call, reference: &str) -> Result<Found, GatewayError> {
        self.advance(call);
        self.world.gateway.find(call, reference).await
    }

    fn read_callback(&self, parts: &CallbackParts) -> Callback {
        self.world.gateway.read_callback(parts)
    }

    fn as_deactivate(&self) -> Option<&dyn Deactivate> {
        self.world.gateway.as_deactivate()?;
        Some(self)
    }
}

#[async_trait]
impl Deactivate for Played {
    async fn deactivate(&self, call: Call, link: &ProviderRef) -> Result<(), GatewayError> {
        self.advance(call);
        let inner = self.world.gateway.as_deactivate().unwrap();
        inner.deactivate(call, link).await
    }
}

struct RobokassaBench {
    interface: &'static str,
}

impl Bench for RobokassaBench {
    fn gateway(&self, situation: Situation) -> Option<Arc<dyn Gateway>> {
        let mut setup = Setup::new(self.interface);
        let mut plan = Vec::new();
        let asks = self.interface == "invoice_api";
        match situation {
            Situation::Quiet => {}
            Situation::FirstAnswerLost if asks => {
                setup.rules = vec![FaultRule::first(Fault::AcceptThenDrop, "create")];
            }
            Situation::FirstTurnedAway if asks => {
                setup.rules = vec![FaultRule::first(Fault::TooManyRequests, "create")];
            }
            Situation::Refused if asks => {
                setup.change = |settings| {
                    settings.amount_max = Money::from_minor(100, Currency::Rub).unwrap();
                };
            }
            Situation::Paid => plan.push((PAID_AFTER, "pay")),
            // Begun in time, and finished by the bank half an hour after.
            Situation::PaidLate => plan.extend([
                (TimeDelta::hours(23), "leave"),
                (TimeDelta::minutes(24 * 60 + 30), "pay"),
            ]),
            // A number is paid once, and a link that is made without a request loses no answer.
            _ => return None,
        }
        Some(Arc::new(Played {
            world: setup.build(),
            plan,
            link: Mutex::default(),
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
async fn robokassa_keeps_every_promise_over_both_interfaces() {
    for interface in INTERFACES {
        let verdicts = run(&RobokassaBench { interface }).await;
        let mut skipped = Vec::new();
        for (promise, verdict) in verdicts {
            match verdict {
                Verdict::Kept => {}
                Verdict::Skipped => skipped.push(promise),
                Verdict::Broken(seen) => panic!("{interface}: {promise}: {seen}"),
            }
        }
        let mut expected = vec![
            "a_link_paid_twice_has_two_transactions",
            "a_payment_in_flight_wins_over_cancelling",
            "a_notice_names_its_link_and_comes_once",
        ];
        if interface == "classic" {
            expected.extend([
                "a_lost_answer_is_ambiguous",
                "a_lost_answer_is_resolved_as_its_class_declares",
                "a_refused_create_is_permanent",
                "a_create_that_is_turned_away_goes_through_later",
                "a_cancelled_link_is_cancelled",
                "a_paid_link_is_not_cancelled",
            ]);
        }
        expected.sort_unstable();
        skipped.sort_unstable();
        assert_eq!(skipped, expected, "{interface}");
    }
}
