//! Every fault at every operation: never two live links for a reference, never a payment without
//! evidence, and no payment lost.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use payment::{Callback, CreatedLink, ErrorClass, Found, LinkRequest, LinkStatus, PaymentFact};
use simulator::{Fault, FaultRule, LinkState, Provider};

use super::{INTERFACES, Setup, World, request};

/// What the engine does: repeats what may be repeated, looks up what may exist.
async fn make(world: &World, request: &LinkRequest) -> CreatedLink {
    for attempt in 0..10 {
        let call = world.at(TimeDelta::minutes(attempt));
        match world.gateway.create(call, request).await {
            Ok(link) => return link,
            Err(error) if error.is_duplicate() => {
                let found = world.gateway.find(call, &request.reference).await;
                if let Ok(Found::Link(link)) = found {
                    assert!(
                        link.amount
                            .is_none_or(|amount| amount.currency() == request.amount.currency())
                    );
                    return link;
                }
            }
            Err(error) => assert_ne!(error.class, ErrorClass::Permanent, "{error:?}"),
        }
        live_once(world);
    }
    panic!("no link after ten attempts");
}

fn live_once(world: &World) {
    let lines = world.provider.ledger(super::start());
    let live = lines.iter().filter(|line| line.state == LinkState::Live);
    assert!(live.count() <= 1, "two live links: {lines:?}");
}

/// Our ledger: payments by transaction, and what did not fit the link.
#[derive(Default)]
struct Settled {
    paid: BTreeMap<String, PaymentFact>,
    quarantined: usize,
}

impl Settled {
    fn take(&mut self, request: &LinkRequest, facts: Vec<PaymentFact>) {
        for fact in facts {
            if fact.amount == request.amount {
                self.paid.insert(fact.transaction.clone(), fact);
            } else {
                self.quarantined += 1;
            }
        }
    }
}

/// Reads a link that nobody has paid, unless a payer was quicker than the answer.
async fn before_payment(world: &World, request: &LinkRequest, link: &CreatedLink, context: &str) {
    for minute in 10..14 {
        let call = world.at(TimeDelta::minutes(minute));
        let lines = world.provider.ledger(call.now);
        let paid_early = lines.iter().any(|line| !line.payments.is_empty());
        match world.gateway.status(call, &link.provider_ref).await {
            Ok(report) => {
                assert_eq!(report.reference, request.reference, "{context}");
                let silent = !report.status.is_closed() && report.payments.is_empty();
                assert!(paid_early || silent, "{context}: {report:?}");
            }
            Err(error) => assert_eq!(error.class, ErrorClass::Retryable, "{context}: {error:?}"),
        }
    }
}

/// Hears the provider's calls and reads the link, for a month.
async fn after_payment(
    world: &World,
    request: &LinkRequest,
    link: &CreatedLink,
    context: &str,
) -> Settled {
    let mut settled = Settled::default();
    for after in [120, 121, 122, 135, 60 * 24 * 31 + 200] {
        for callback in world.hear_calls(TimeDelta::minutes(after)) {
            if let Callback::Verified { report, .. } = callback {
                assert_eq!(report.reference, request.reference, "{context}");
                settled.take(request, report.payments);
            }
        }
        let call = world.at(TimeDelta::minutes(after));
        match world.gateway.status(call, &link.provider_ref).await {
            Ok(report) => settled.take(request, report.payments),
            Err(error) => assert_eq!(error.class, ErrorClass::Retryable, "{context}: {error:?}"),
        }
    }
    settled
}

async fn play(interface: &'static str, fault: Fault, operation: &str, skip: u32) {
    let context = format!("{interface}: {fault:?} at {operation} after {skip}");
    let mut setup = Setup::new(interface);
    setup.rules = vec![FaultRule {
        skip,
        times: 2,
        ..FaultRule::first(fault, operation)
    }];
    let world = setup.build();
    let request = request("invoice/77/pay/1");
    let link = make(&world, &request).await;
    live_once(&world);
    before_payment(&world, &request, &link, &context).await;
    let pay_at = world.at(TimeDelta::hours(2)).now;
    for _ in 0..3 {
        // The page may fail too; a payer who sees that tries again.
        if world.provider.pay(pay_at, &link.url).is_ok() {
            break;
        }
    }
    let settled = after_payment(&world, &request, &link, &context).await;
    let lines = world.provider.ledger(pay_at).into_iter();
    let truth: Vec<_> = lines
        .flat_map(|line| line.payments)
        .map(|(transaction, amount, _)| (transaction, amount))
        .collect();
    let ours: Vec<_> = settled
        .paid
        .into_values()
        .map(|fact| (fact.transaction, fact.amount))
        .collect();
    assert_eq!(ours, truth, "{context}");
    assert_eq!(truth.len(), 1, "{context}");
    let lied = matches!(fault, Fault::AmountOneMore | Fault::AmountTenfold);
    let told = operation == "call" || (operation == "status" && skip > 0);
    assert_eq!(settled.quarantined > 0, lied && told, "{context}");
}

#[tokio::test]
async fn no_fault_makes_two_links_or_loses_a_payment() {
    let mut played = 0;
    for interface in INTERFACES {
        for fault in Fault::ALL {
            // The status is read four times before the payment.
            for (operation, skip) in [
                ("create", 0),
                ("list", 0),
                ("status", 0),
                ("status", 4),
                ("call", 0),
                ("page", 0),
            ] {
                play(interface, *fault, operation, skip).await;
                played += 1;
            }
        }
    }
    assert_eq!(played, Fault::ALL.len() * 12);
}

/// A closing whose answer is lost or refused leaves a link that is closed, or open and known so.
#[tokio::test]
async fn no_fault_at_closing_hides_an_open_link() {
    for fault in Fault::ALL {
        let mut setup = Setup::new("invoice_api");
        setup.rules = vec![FaultRule::first(*fault, "deactivate")];
        let world = setup.build();
        let request = request("invoice/78/pay/1");
        let link = make(&world, &request).await;
        let closing = world.gateway.as_deactivate().unwrap();
        let call = world.at(TimeDelta::minutes(5));
        let first = closing.deactivate(call, &link.provider_ref).await;
        if let Err(error) = first {
            assert_ne!(error.class, ErrorClass::Permanent, "{fault:?}: {error:?}");
        }
        let report = world
            .gateway
            .status(call, &link.provider_ref)
            .await
            .unwrap();
        let open = world.provider.ledger(call.now)[0].state == LinkState::Live;
        let expected = if open {
            LinkStatus::Created
        } else {
            LinkStatus::Cancelled
        };
        assert_eq!(report.status, expected, "{fault:?}");
        let call = world.at(TimeDelta::minutes(6));
        closing.deactivate(call, &link.provider_ref).await.unwrap();
        assert_eq!(
            world.provider.ledger(call.now)[0].state,
            LinkState::Closed,
            "{fault:?}"
        );
    }
}
