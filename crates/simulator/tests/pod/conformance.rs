//! The adapter keeps every promise of a gateway, whatever its links are and however POD wraps its
//! answers.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;
use payment::conformance::{Bench, PAID_AFTER, Situation, Verdict, run};
use payment::{
    Call, Callback, CallbackParts, Capabilities, CreatedLink, Deactivate, Descriptor, Found,
    Gateway, GatewayError, LinkRequest, Operated, Operation, OperationName, ProviderRef,
    StatusReport,
};
use serde_json::{Value, json};
use simulator::{Fault, FaultRule};
use values::Timestamp;

use super::{Account, World, request, settings, start};

struct PodBench {
    options: Value,
    nested: bool,
}

impl Bench for PodBench {
    fn gateway(&self, situation: Situation) -> Option<Arc<dyn Gateway>> {
        let mut options = self.options.clone();
        let (rules, pays) = match situation {
            Situation::Quiet => (Vec::new(), None),
            Situation::FirstAnswerLost => (
                vec![FaultRule::first(Fault::AcceptThenDrop, "create")],
                None,
            ),
            Situation::FirstTurnedAway => (
                vec![FaultRule::first(Fault::TooManyRequests, "create")],
                None,
            ),
            Situation::Refused => {
                options["guild_code"] = json!("NO_SUCH_GUILD");
                (Vec::new(), None)
            }
            Situation::Paid => (Vec::new(), Some(Pays::After(PAID_AFTER))),
            Situation::PaidLate => (Vec::new(), Some(Pays::AfterExpiry)),
            // An invoice is paid once, and not at all after it was cancelled.
            _ => return None,
        };
        options["limits"] = json!({
            "amount_min": "10000 IRR",
            "amount_max": "500000000 IRR",
            "description_chars_max": 255,
        });
        let mut settings = settings();
        settings.nested = self.nested;
        let world = World::new(settings, rules);
        Some(Arc::new(Played {
            account: world.ours(options),
            pays,
            links: Mutex::default(),
        }))
    }

    fn start(&self) -> Timestamp {
        start()
    }

    fn request(&self, reference: &str) -> LinkRequest {
        request(reference)
    }
}

#[derive(Clone, Copy)]
enum Pays {
    After(TimeDelta),
    AfterExpiry,
}

/// The gateway with its customers: before each call they have done what they do until then.
struct Played {
    account: Account,
    pays: Option<Pays>,
    links: Mutex<Vec<(Timestamp, CreatedLink)>>,
}

impl Played {
    async fn until(&self, now: Timestamp) {
        let due: Vec<_> = {
            let mut links = self.links.lock().unwrap();
            let all = std::mem::take(&mut *links);
            let (due, later) = all.into_iter().partition(|(at, _)| *at <= now);
            *links = later;
            due
        };
        for (at, link) in due {
            self.account.world.set(at);
            let offered = self.account.gateway.capabilities().operations;
            let mut url = link.url.clone();
            if offered.contains(&OperationName::RefreshUrl) {
                let fresh = self.account.operate(&link, Operation::RefreshUrl).await;
                url = fresh.unwrap().url.unwrap();
            }
            // A cancelled invoice takes no payment; the page says so to the customer.
            let _ = self.account.world.pay(&url);
        }
        self.account.world.set(now);
    }
}

#[async_trait]
impl Gateway for Played {
    fn descriptor(&self) -> Descriptor {
        self.account.gateway.descriptor()
    }

    fn capabilities(&self) -> Capabilities {
        self.account.gateway.capabilities()
    }

    fn validate(&self, request: &LinkRequest) -> Vec<GatewayError> {
        self.account.gateway.validate(request)
    }

    async fn create(&self, call: Call, request: &LinkRequest) -> Result<CreatedLink, GatewayError> {
        self.until(call.now).await;
        let link = self.account.gateway.create(call, request).await?;
        if let Some(pays) = self.pays {
            let at = match pays {
                Pays::After(time) => call.now + time,
                Pays::AfterExpiry => request.expires_at + TimeDelta::minutes(30),
            };
            self.links.lock().unwrap().push((at, link.clone()));
        }
        Ok(link)
    }

    async fn status(&self, call: Call, link: &ProviderRef) -> Result<StatusReport, GatewayError> {
        self.until(call.now).await;
        self.account.gateway.status(call, link).await
    }

    async fn find(&self, call: Call, reference: &str) -> Result<Found, GatewayError> {
        self.until(call.now).await;
        self.account.gateway.find(call, reference).await
    }

    async fn operate(
        &self,
        call: Call,
        link: &ProviderRef,
        operation: &Operation,
    ) -> Result<Operated, GatewayError> {
        self.until(call.now).await;
        self.account.gateway.operate(call, link, operation).await
    }

    fn read_callback(&self, parts: &CallbackParts) -> Callback {
        self.account.gateway.read_callback(parts)
    }

    fn as_deactivate(&self) -> Option<&dyn Deactivate> {
        Some(self)
    }
}

#[async_trait]
impl Deactivate for Played {
    async fn deactivate(&self, call: Call, link: &ProviderRef) -> Result<(), GatewayError> {
        self.until(call.now).await;
        let closer = self.account.gateway.as_deactivate().unwrap();
        closer.deactivate(call, link).await
    }
}

/// What POD cannot play: a second payment, a payment of a cancelled invoice, a gateway that plays
/// its own customers.
const NOT_PLAYED: [&str; 3] = [
    "a_link_paid_twice_has_two_transactions",
    "a_payment_in_flight_wins_over_cancelling",
    "a_notice_names_its_link_and_comes_once",
];

#[tokio::test]
async fn pod_keeps_every_promise_with_every_kind_of_link() {
    for link in ["gateway", "wallet", "short_lived", "sms"] {
        for nested in [false, true] {
            let bench = PodBench {
                options: json!({"link": link}),
                nested,
            };
            for (promise, verdict) in run(&bench).await {
                let expected = if NOT_PLAYED.contains(&promise) {
                    Verdict::Skipped
                } else {
                    Verdict::Kept
                };
                assert_eq!(verdict, expected, "{link}, nested {nested}: {promise}");
            }
        }
    }
}
