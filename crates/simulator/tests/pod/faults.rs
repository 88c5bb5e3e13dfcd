//! Every fault at every step of a link's life: one invoice per reference, and nothing is paid that
//! POD's books do not hold.

use chrono::TimeDelta;
use payment::{
    Callback, CallbackParts, CreatedLink, ErrorClass, Found, Gateway, LinkStatus, Operation,
};
use serde_json::json;
use simulator::{Fault, FaultRule, LinkState, Provider};

use super::{Account, CANARY, World, amount, request, settings};

const STEPS: [&str; 8] = [
    "ott",
    "create",
    "find",
    "status",
    "deactivate",
    "refresh_url",
    "resend",
    "call",
];

/// Makes a link as the engine does: never a new reference, a look-up after every doubt.
async fn brought_about(account: &Account, reference: &str) -> CreatedLink {
    let request = request(reference);
    for _ in 0..12 {
        account.world.pass(TimeDelta::seconds(30));
        let error = match account.create(&request).await {
            Ok(link) => return link,
            Err(error) => error,
        };
        assert!(!format!("{error:?}{error}").contains(CANARY), "{error:?}");
        match error.class {
            ErrorClass::Retryable => continue,
            ErrorClass::Permanent => assert!(error.is_duplicate(), "{error:?}"),
            ErrorClass::Ambiguous => (),
        }
        match account.gateway.find(account.call(), reference).await {
            Ok(Found::Link(link)) => return link,
            Ok(_) => (),
            Err(error) => assert_eq!(error.class, ErrorClass::Retryable, "{error:?}"),
        }
    }
    panic!("no link for {reference}");
}

/// Reads until POD says something that lasts; no reading before that is a payment.
async fn settled(account: &Account, link: &CreatedLink, wanted: LinkStatus) {
    for _ in 0..8 {
        account.world.pass(TimeDelta::seconds(30));
        match account
            .gateway
            .status(account.call(), &link.provider_ref)
            .await
        {
            Ok(report) if report.status == wanted => {
                let paid: Vec<_> = report
                    .payments
                    .iter()
                    .map(|paid| (paid.transaction.clone(), paid.amount, paid.paid_at))
                    .collect();
                let held = account.world.line(link).payments;
                assert_eq!(paid, held);
                return;
            }
            Ok(report) => assert!(!report.status.is_paid(), "{report:?}"),
            Err(error) => {
                assert_ne!(error.class, ErrorClass::Permanent, "{error:?}");
                assert!(!format!("{error:?}{error}").contains(CANARY), "{error:?}");
            }
        }
    }
    panic!("never {wanted:?}");
}

fn hints(account: &Account) -> usize {
    let calls = account
        .world
        .pod
        .take_calls(account.world.now() + TimeDelta::days(40));
    let mut hints = 0;
    for call in calls {
        let query = call.url.split_once('?').unwrap().1.split('&');
        let pairs = query.map(|pair| pair.split_once('=').unwrap());
        let parts = CallbackParts {
            method: call.method.clone(),
            query: pairs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            ..CallbackParts::default()
        };
        match account.gateway.read_callback(&parts) {
            Callback::Hint { .. } => hints += 1,
            Callback::Rejected { .. } => (),
            Callback::Verified { report, .. } => panic!("{report:?}"),
        }
    }
    hints
}

#[tokio::test]
async fn no_fault_makes_a_second_invoice_or_a_payment_nobody_made() {
    let mut played = 0;
    for kind in ["gateway", "short_lived", "sms"] {
        for fault in Fault::ALL.iter().copied() {
            for step in STEPS {
                for times in [1, 2] {
                    let rule = FaultRule {
                        times,
                        ..FaultRule::first(fault, step)
                    };
                    let world = World::new(settings(), vec![rule]);
                    let account = world.ours(json!({"link": kind}));
                    let link = brought_about(&account, "one").await;
                    let before = hints(&account);
                    assert!(before <= 2, "{fault:?} at {step}");
                    settled(&account, &link, LinkStatus::Created).await;
                    let mut url = link.url.clone();
                    for _ in 0..3 {
                        if kind == "short_lived" {
                            let fresh = account.operate(&link, Operation::RefreshUrl).await;
                            url = fresh.ok().and_then(|fresh| fresh.url).unwrap_or(url);
                        }
                    }
                    world.pay(&url).unwrap();
                    settled(&account, &link, LinkStatus::Paid).await;
                    let after = hints(&account);
                    assert!(after <= 3, "{fault:?} at {step}: {after} hints");
                    let lines = world.ledger();
                    assert_eq!(lines.len(), 1, "{fault:?} at {step}: {lines:?}");
                    assert_eq!(lines[0].amount, amount());
                    assert_eq!(lines[0].refunded, None);
                    played += 1;
                }
            }
        }
    }
    assert_eq!(played, 3 * Fault::ALL.len() * STEPS.len() * 2);
}

#[tokio::test]
async fn no_fault_keeps_a_link_whose_time_is_up_open() {
    for fault in Fault::ALL.iter().copied() {
        for step in ["status", "deactivate"] {
            let rule = FaultRule {
                times: 2,
                ..FaultRule::first(fault, step)
            };
            let world = World::new(settings(), vec![rule]);
            let account = world.ours(json!({}));
            let link = account.make("expired").await;
            world.pass(TimeDelta::days(1));
            settled(&account, &link, LinkStatus::Expired).await;
            assert_eq!(world.line(&link).state, LinkState::Closed, "{fault:?}");
        }
    }
}

/// A tenfold amount, or one rial more, is never our payment.
#[tokio::test]
async fn another_amount_is_not_the_payment() {
    for fault in [Fault::AmountOneMore, Fault::AmountTenfold] {
        let rule = FaultRule {
            times: 3,
            ..FaultRule::first(fault, "status")
        };
        let world = World::new(settings(), vec![rule]);
        let account = world.ours(json!({}));
        let link = account.make("amount").await;
        world.pay(&link.url).unwrap();
        for _ in 0..3 {
            let report = account.report(&link).await;
            assert_eq!(report.status, LinkStatus::Quarantined);
            assert_ne!(report.payments[0].amount, amount());
        }
        assert_eq!(account.status(&link).await, LinkStatus::Paid);
    }
}

#[tokio::test]
async fn too_many_requests_say_when_to_come_back() {
    let rule = FaultRule::first(Fault::TooManyRequests, "create");
    let world = World::new(settings(), vec![rule]);
    let account = world.ours(json!({}));
    let error = account.create(&request("busy")).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Retryable);
    assert_eq!(error.retry_after, Some(TimeDelta::seconds(30)));
    assert!(world.ledger().is_empty());
}
