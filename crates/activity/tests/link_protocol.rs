//! Lost answers: what is sent again, looked up, waited for and parked, by what a repeat does at the
//! gateway.

use std::sync::Arc;

use activity::builtin::create_payment_link::codes;
use activity::{Attempt, Attempted, Request};
use chrono::TimeDelta;
use payment::gateways::sandbox::{CreatePlay, Play, Script};
use payment::gateways::{Sandbox, SandboxOptions, SandboxSettings};
use payment::{DUPLICATE_REFERENCE, Found, Gateway, GatewayError, RepeatClass};
use serde_json::json;
use values::Currency;

use crate::gateway::{Scripted, busy, link, link_over, lost, refusal};
use crate::kit::{Kit, attempt, done, find, irr, outcome, unknown, world};

const CLASSES: [RepeatClass; 4] = [
    RepeatClass::Idempotent,
    RepeatClass::UniqueReference,
    RepeatClass::LookupOnly,
    RepeatClass::Nothing,
];

fn request() -> Request {
    let kit = Kit::invoice();
    let settings = json!({ "account": "main", "amount": "final" });
    kit.request(kit.ready("create_payment_link", &settings).as_ref())
}

async fn perform(gateway: &Arc<Scripted>, attempt: &Attempt) -> Attempted {
    let gateway = Arc::clone(gateway) as Arc<dyn Gateway>;
    let world = world([("main", gateway)]);
    find("create_payment_link")
        .perform(&request(), attempt, &world)
        .await
}

fn duplicate() -> GatewayError {
    GatewayError::permanent(DUPLICATE_REFERENCE, "the reference is known")
}

/// The first attempt at which the quarantine of the one before is over: it ends 95 seconds after
/// the earlier `send_by` (60 request life, 30 staleness, 5 clock skew).
fn after_quarantine() -> Attempt {
    let mut second = attempt(2);
    second.now = second.earlier[0].send_by + TimeDelta::seconds(95);
    second.send_by = second.now + TimeDelta::seconds(30);
    second
}

/// Clause 32: every attempt of one entry sends the same reference and the same request.
#[tokio::test]
async fn every_attempt_sends_the_reference_of_the_entry() {
    let gateway = Arc::new(
        Scripted::new(RepeatClass::Idempotent)
            .create(Err(busy()))
            .create(Err(lost()))
            .create(Ok(link("a"))),
    );
    for number in 1..=3 {
        perform(&gateway, &attempt(number)).await;
    }
    assert_eq!(
        gateway.calls(),
        ["create ref-1", "create ref-1", "create ref-1"]
    );
}

/// Clause 36: what an attempt sends is frozen in the request, down to the expiry.
#[test]
fn a_stored_request_survives_storage_unchanged() {
    let request = request();
    let stored = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<Request>(&stored).unwrap(), request);
    assert_eq!(request.body["request"]["reference"], "ref-1");
    assert_eq!(
        request.body["request"]["expires_at"],
        "2026-09-03T08:00:00Z"
    );
}

/// Clause 37: an answer that says nothing happened is tried again, at the time the gateway names.
#[tokio::test]
async fn a_busy_gateway_is_tried_again_and_a_refusal_is_not() {
    for class in CLASSES {
        let mut later = busy();
        later.retry_after = Some(TimeDelta::seconds(40));
        let gateway = Arc::new(Scripted::new(class).create(Err(later)));
        match perform(&gateway, &attempt(1)).await {
            Attempted::Retry { code, after, .. } => {
                assert_eq!(
                    (code.as_str(), after),
                    ("busy", Some(TimeDelta::seconds(40)))
                );
            }
            other => panic!("{class:?}: {other:#?}"),
        }
        let gateway = Arc::new(Scripted::new(class).create(Err(refusal())));
        let ended = outcome(perform(&gateway, &attempt(1)).await);
        assert_eq!(ended.code.as_deref(), Some("merchant_blocked"), "{class:?}");
    }
}

/// Clause 38: a lost answer is unknown and never an error, whatever the gateway.
#[tokio::test]
async fn a_lost_answer_is_unknown_and_never_an_error() {
    for class in CLASSES {
        let gateway = Arc::new(Scripted::new(class).create(Err(lost())));
        let (code, again) = unknown(perform(&gateway, &attempt(1)).await);
        assert_eq!(code, "timeout", "{class:?}");
        assert_eq!(again.is_some(), class != RepeatClass::Nothing, "{class:?}");
        assert_eq!(gateway.calls(), ["create ref-1"], "{class:?}");
    }
}

/// Clause 38: an attempt that was cut off by a crash counts as one whose answer was lost.
#[tokio::test]
async fn an_attempt_after_a_crash_never_ends_in_an_error_it_cannot_know() {
    for class in [RepeatClass::Idempotent, RepeatClass::UniqueReference] {
        let gateway = Arc::new(Scripted::new(class).create(Err(busy())));
        let (code, again) = unknown(perform(&gateway, &attempt(2)).await);
        assert_eq!(
            (code.as_str(), again.is_some()),
            ("busy", true),
            "{class:?}"
        );
    }
}

/// Clause 39: an idempotent gateway is asked again with the same reference.
#[tokio::test]
async fn an_idempotent_gateway_is_asked_again() {
    let gateway = Arc::new(Scripted::new(RepeatClass::Idempotent).create(Ok(link("a"))));
    let result = done(perform(&gateway, &attempt(2)).await);
    assert_eq!(result["url"], "https://pay.example.com/a");
    assert_eq!(gateway.calls(), ["create ref-1"]);
}

/// Clause 39: a gateway that refuses the repeat as a duplicate is asked for the link it has.
#[tokio::test]
async fn a_duplicate_is_looked_up_and_adopted() {
    let gateway = Arc::new(
        Scripted::new(RepeatClass::UniqueReference)
            .create(Err(duplicate()))
            .find(Ok(Found::Link(link("a")))),
    );
    let result = done(perform(&gateway, &attempt(2)).await);
    assert_eq!(result["url"], "https://pay.example.com/a");
    assert_eq!(gateway.calls(), ["create ref-1", "find ref-1"]);
}

/// Clause 39: a duplicate that cannot be seen yet is asked for again, and in the end a person decides.
#[tokio::test]
async fn a_duplicate_without_a_visible_link_waits() {
    for found in [Found::NotFound, Found::CannotTell] {
        let script = |number| {
            let gateway = Scripted::new(RepeatClass::UniqueReference)
                .create(Err(duplicate()))
                .find(Ok(found.clone()));
            (Arc::new(gateway), attempt(number))
        };
        let (gateway, second) = script(2);
        let (code, again) = unknown(perform(&gateway, &second).await);
        assert_eq!(code, codes::OUTCOME_UNKNOWN);
        assert!(again.is_some_and(|again| again > second.now));
        let (gateway, last) = script(20);
        assert_eq!(
            unknown(perform(&gateway, &last).await).1,
            None,
            "a person decides"
        );
    }
}

/// Clause 39: where links can only be looked up, the quarantine comes first, and then the look-up.
#[tokio::test]
async fn a_lookup_gateway_waits_looks_and_adopts() {
    let gateway = Arc::new(Scripted::new(RepeatClass::LookupOnly));
    let early = attempt(2);
    match perform(&gateway, &early).await {
        Attempted::NotBefore { at, code, .. } => {
            assert_eq!(code, codes::QUARANTINE);
            assert_eq!(at, early.earlier[0].send_by + TimeDelta::seconds(95));
        }
        other => panic!("{other:#?}"),
    }
    assert!(
        gateway.calls().is_empty(),
        "nothing is asked before its time"
    );

    let gateway = Arc::new(Scripted::new(RepeatClass::LookupOnly).find(Ok(Found::Link(link("a")))));
    let result = done(perform(&gateway, &after_quarantine()).await);
    assert_eq!(result["url"], "https://pay.example.com/a");
    assert_eq!(gateway.calls(), ["find ref-1"]);
}

/// Clause 39: a link that certainly was not made is made, and may then be refused like a first one.
#[tokio::test]
async fn a_lookup_gateway_that_found_nothing_is_asked_again() {
    let script = || Scripted::new(RepeatClass::LookupOnly).find(Ok(Found::NotFound));
    let gateway = Arc::new(script().create(Ok(link("a"))));
    done(perform(&gateway, &after_quarantine()).await);
    assert_eq!(gateway.calls(), ["find ref-1", "create ref-1"]);

    let gateway = Arc::new(script().create(Err(refusal())));
    let ended = outcome(perform(&gateway, &after_quarantine()).await);
    assert_eq!(ended.code.as_deref(), Some("merchant_blocked"));

    let gateway = Arc::new(script().create(Err(busy())));
    assert!(matches!(
        perform(&gateway, &after_quarantine()).await,
        Attempted::Retry { .. }
    ));
}

/// Clause 39: "I cannot tell" is not "there is none".
#[tokio::test]
async fn a_lookup_that_cannot_tell_makes_no_link() {
    for answer in [
        Ok(Found::CannotTell),
        Err(busy()),
        Err(lost()),
        Err(refusal()),
    ] {
        let parks = answer.as_ref().is_err_and(|error| *error == refusal());
        let gateway = Arc::new(Scripted::new(RepeatClass::LookupOnly).find(answer));
        let (_, again) = unknown(perform(&gateway, &after_quarantine()).await);
        assert_eq!(again.is_none(), parks);
        assert_eq!(gateway.calls(), ["find ref-1"]);
    }
}

/// Clause 39: a look-up that does not reach back to the first sending does not prove that nothing came of it.
#[tokio::test]
async fn not_found_by_a_look_up_that_does_not_reach_back_makes_no_second_link() {
    for class in [RepeatClass::LookupOnly, RepeatClass::UniqueReference] {
        for (days, proves) in [(6, true), (7, false), (30, false)] {
            let script = Scripted::new(class)
                .reaching(TimeDelta::days(7))
                .find(Ok(Found::NotFound))
                .create(Err(refusal()));
            let gateway = Arc::new(script);
            let mut attempt = after_quarantine();
            attempt.now += TimeDelta::days(days);
            attempt.send_by += TimeDelta::days(days);
            let attempted = perform(&gateway, &attempt).await;
            let ended = matches!(attempted, Attempted::Ended { .. });
            assert_eq!(ended, proves, "{class:?}, after {days} days: {attempted:?}");
            let asked = gateway.calls();
            let again = asked.iter().any(|call| call == "create ref-1");
            assert_eq!(
                again,
                proves || class == RepeatClass::UniqueReference,
                "{asked:?}"
            );
        }
    }
}

/// Clause 39: where nothing can be looked up or repeated, a person decides.
#[tokio::test]
async fn a_gateway_that_can_do_nothing_parks() {
    let gateway = Arc::new(Scripted::new(RepeatClass::Nothing));
    for number in [2, 3, 9] {
        let (code, again) = unknown(perform(&gateway, &attempt(number)).await);
        assert_eq!((code.as_str(), again), (codes::OUTCOME_UNKNOWN, None));
    }
    assert!(gateway.calls().is_empty(), "nothing is sent");
}

/// Clause 40: without the gateway's numbers there is no quarantine, and so no look-up and no repeat.
#[tokio::test]
async fn a_lookup_gateway_without_numbers_parks() {
    let gateway = Arc::new(
        Scripted::new(RepeatClass::LookupOnly)
            .without_numbers()
            .create(Err(lost())),
    );
    assert_eq!(unknown(perform(&gateway, &attempt(1)).await).1, None);
    assert_eq!(
        unknown(perform(&gateway, &after_quarantine()).await).1,
        None
    );
    assert_eq!(gateway.calls(), ["create ref-1"]);
}

/// Clause 40: the quarantine counts from the last `send_by` of all attempts that may have arrived.
#[tokio::test]
async fn the_quarantine_counts_from_the_last_attempt() {
    let gateway = Arc::new(Scripted::new(RepeatClass::LookupOnly).create(Err(lost())));
    let first = attempt(1);
    let (_, again) = unknown(perform(&gateway, &first).await);
    assert_eq!(again, Some(first.send_by + TimeDelta::seconds(95)));

    let mut third = attempt(3);
    third.now = third.earlier[1].send_by + TimeDelta::seconds(94);
    match perform(&gateway, &third).await {
        Attempted::NotBefore { at, .. } => {
            assert_eq!(at, third.earlier[1].send_by + TimeDelta::seconds(95));
        }
        other => panic!("{other:#?}"),
    }
}

/// Clause 41: a link of our reference over another amount is not adopted.
#[tokio::test]
async fn a_link_over_another_amount_parks() {
    let other = || link_over("a", irr(1));
    let gateways = [
        Scripted::new(RepeatClass::Idempotent).create(Ok(other())),
        Scripted::new(RepeatClass::UniqueReference)
            .create(Err(duplicate()))
            .find(Ok(Found::Link(other()))),
    ];
    for gateway in gateways {
        let (code, again) = unknown(perform(&Arc::new(gateway), &attempt(2)).await);
        assert_eq!((code.as_str(), again), (codes::AMOUNT_MISMATCH, None));
    }
    let gateway = Arc::new(Scripted::new(RepeatClass::LookupOnly).find(Ok(Found::Link(other()))));
    assert_eq!(
        unknown(perform(&gateway, &after_quarantine()).await).0,
        codes::AMOUNT_MISMATCH
    );
}

/// Clause 34: a refusal after an attempt that may have arrived is no proof by itself.
#[tokio::test]
async fn a_refusal_after_a_lost_answer_is_checked_by_a_look_up() {
    for class in [RepeatClass::Idempotent, RepeatClass::UniqueReference] {
        let script = |found| Arc::new(Scripted::new(class).create(Err(refusal())).find(found));
        let gateway = script(Ok(Found::Link(link("a"))));
        assert_eq!(
            done(perform(&gateway, &attempt(2)).await)["url"],
            "https://pay.example.com/a"
        );
        let gateway = script(Ok(Found::NotFound));
        let ended = outcome(perform(&gateway, &attempt(2)).await);
        assert_eq!(ended.code.as_deref(), Some("merchant_blocked"));
        let gateway = script(Ok(Found::CannotTell));
        assert_eq!(unknown(perform(&gateway, &attempt(2)).await).1, None);
        let gateway = script(Err(busy()));
        assert!(unknown(perform(&gateway, &attempt(2)).await).1.is_some());
    }
}

/// Clause 33: what the gateway would refuse anyway is found before anything is sent.
#[tokio::test]
async fn a_request_the_gateway_cannot_take_is_not_sent() {
    let gateway = Arc::new(
        Scripted::new(RepeatClass::Idempotent)
            .refusing(GatewayError::permanent("description_too_long", "too long")),
    );
    let ended = outcome(perform(&gateway, &attempt(1)).await);
    assert_eq!(ended.code.as_deref(), Some("description_too_long"));
    assert!(gateway.calls().is_empty());
}

/// Clause 39: against the sandbox, a lost answer ends with one link or with a person, by the profile.
#[tokio::test]
async fn a_lost_answer_at_the_sandbox_leaves_at_most_one_live_link() {
    for class in CLASSES {
        for first in [
            CreatePlay::TimeoutAfterAccepting,
            CreatePlay::TimeoutBeforeAccepting,
        ] {
            let script = Script {
                default: Play {
                    creates: vec![first],
                    ..Play::default()
                },
                cases: Vec::new(),
            };
            let options = SandboxOptions {
                profile: class,
                script,
                ..SandboxOptions::default()
            };
            let settings = SandboxSettings::new("main", Currency::Irr).with(options);
            let sandbox = Sandbox::in_memory(settings).unwrap();
            let world = world([("main", Arc::new(sandbox.clone()) as Arc<dyn Gateway>)]);
            let activity = find("create_payment_link");
            let (_, again) = unknown(activity.perform(&request(), &attempt(1), &world).await);
            let mut second = attempt(2);
            second.now = again.unwrap_or(second.now);
            second.send_by = second.now + TimeDelta::seconds(30);
            let attempted = activity.perform(&request(), &second, &world).await;
            if class == RepeatClass::Nothing {
                assert_eq!(unknown(attempted).1, None);
            } else {
                done(attempted);
                assert_eq!(sandbox.audit().links.len(), 1, "{class:?} {first:?}");
            }
            let live = sandbox.audit().live_links_per_reference;
            assert!(
                live.values().all(|live| *live <= 1),
                "{class:?} {first:?}: {live:?}"
            );
        }
    }
}

#[tokio::test]
async fn pauses_grow_and_end_with_a_person() {
    let mut before = TimeDelta::zero();
    for number in 2..=25 {
        let gateway = Arc::new(Scripted::new(RepeatClass::Idempotent).create(Err(lost())));
        let attempt = attempt(number);
        let (_, again) = unknown(perform(&gateway, &attempt).await);
        assert_eq!(again.is_none(), number >= 20, "{number}");
        if let Some(again) = again {
            let pause = again - attempt.now;
            assert!(
                pause >= before && pause <= TimeDelta::minutes(10),
                "{number}: {pause}"
            );
            before = pause;
        }
    }
}

#[tokio::test]
async fn an_account_without_a_gateway_ends_or_parks() {
    let world = world([]);
    let activity = find("create_payment_link");
    let ended = outcome(activity.perform(&request(), &attempt(1), &world).await);
    assert_eq!(ended.code.as_deref(), Some(codes::ACCOUNT_UNKNOWN));
    let parked = unknown(activity.perform(&request(), &attempt(2), &world).await);
    assert_eq!(parked, (codes::ACCOUNT_UNKNOWN.to_owned(), None));
}

#[tokio::test]
async fn a_request_that_cannot_be_read_parks() {
    let request = Request::new("create_payment_link", json!({ "account": 5 }), 30);
    let parked = find("create_payment_link")
        .perform(&request, &attempt(1), &world([]))
        .await;
    assert_eq!(unknown(parked), (codes::UNREADABLE.to_owned(), None));
}
