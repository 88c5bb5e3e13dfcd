//! The life of a link in all its words: each is an event that the workflow can route, and paid goes back
//! by a refund only.

use std::sync::Arc;

use chrono::TimeDelta;
use payment::{GatewayError, LinkStatus, OperationName};
use serde_json::json;
use values::{Currency, Money};

use crate::support::{Desk, World, at_desk, fact, irr, renewing, waiting};

const ROUTED: [&str; 11] = [
    "expired",
    "cancelled",
    "partially_paid",
    "overpaid",
    "paid_unverified",
    "held",
    "scheduled_future",
    "quarantined",
    "refunded",
    "unknown",
    "paid_late",
];

async fn at(desk: Desk, outcomes: &[&str]) -> (World, Arc<Desk>, String) {
    let (parts, desk) = at_desk(desk);
    let world = parts.world().await;
    world
        .engine
        .deploy(waiting(outcomes, json!({})))
        .await
        .unwrap();
    world.approved("INV-1").await;
    let reference = world.links().await[0].reference.clone();
    (world, desk, reference)
}

async fn status(world: &World) -> LinkStatus {
    world.links().await[0].status
}

fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

#[tokio::test]
async fn money_that_waits_for_our_word_is_taken_where_the_provider_wants_it_said() {
    for waits in [LinkStatus::PaidUnverified, LinkStatus::Held] {
        let desk = Desk::new().offering(OperationName::VerifyAndClose);
        let (world, desk, reference) = at(desk, &ROUTED).await;
        let now = world.engine.now();
        let payments = vec![fact("t-1", irr(45_000_000), now)];
        desk.say(&reference, waits, payments);
        desk.before(|what, links| {
            if what == "verify_and_close" {
                for link in links.values_mut() {
                    link.status = LinkStatus::Paid;
                }
            }
            None
        });
        world.advance(minutes(2)).await;
        assert_eq!(world.state("INV-1").await, "done", "{waits:?}");
        assert_eq!(status(&world).await, LinkStatus::Paid);
        assert_eq!(desk.count("verify_and_close"), 1);
        assert_eq!(world.crm().receipts().len(), 1);
        world.sound("INV-1").await;
    }
}

#[tokio::test]
async fn a_signed_word_that_money_waits_makes_us_take_it_at_once() {
    let desk = Desk::new().offering(OperationName::VerifyAndClose);
    let (world, desk, reference) = at(desk, &[]).await;
    let payments = vec![fact("t-1", irr(45_000_000), world.engine.now())];
    desk.say(&reference, LinkStatus::PaidUnverified, payments.clone());
    desk.before(|what, links| {
        if what == "verify_and_close" {
            for link in links.values_mut() {
                link.status = LinkStatus::Paid;
            }
        }
        None
    });
    let report = payment::StatusReport {
        reference: reference.clone(),
        status: LinkStatus::PaidUnverified,
        payments,
    };
    let before = world.engine.now();
    let account = "main".into();
    let parts = Desk::signed(&report);
    world.engine.handle_callback(&account, parts).await.unwrap();
    assert!(
        world.engine.payments().await.unwrap().is_empty(),
        "it is not ours yet"
    );
    world.settle().await;
    assert_eq!(world.engine.now(), before);
    assert_eq!(world.state("INV-1").await, "done");
}

#[tokio::test]
async fn money_that_waits_is_no_payment_and_is_asked_for_again() {
    let desk = Desk::new().offering(OperationName::VerifyAndClose);
    let (world, desk, reference) = at(desk, &["paid_unverified"]).await;
    let payments = vec![fact("t-1", irr(45_000_000), world.engine.now())];
    desk.say(&reference, LinkStatus::PaidUnverified, payments);
    let mut times = 0;
    desk.before(move |what, links| {
        if what != "verify_and_close" {
            return None;
        }
        times += 1;
        if times < 3 {
            return Some(GatewayError::ambiguous("no_answer", "no answer"));
        }
        for link in links.values_mut() {
            link.status = LinkStatus::Paid;
        }
        None
    });
    world.advance(minutes(2)).await;
    assert_eq!(world.state("INV-1").await, "on_paid_unverified");
    assert!(world.engine.payments().await.unwrap().is_empty());
    world.act("INV-1", "wait", "zahra").await;
    world.advance(minutes(15)).await;
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(desk.count("verify_and_close"), 3);
    assert_eq!(world.engine.payments().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_wrong_amount_is_never_taken() {
    let desk = Desk::new().offering(OperationName::VerifyAndClose);
    let (world, desk, reference) = at(desk, &["quarantined"]).await;
    let payments = vec![fact("t-1", irr(4_500_000), world.engine.now())];
    desk.say(&reference, LinkStatus::PaidUnverified, payments);
    world.advance(minutes(30)).await;
    assert_eq!(desk.count("verify_and_close"), 0);
    assert_eq!(world.state("INV-1").await, "on_quarantined");
    assert_eq!(status(&world).await, LinkStatus::Quarantined);
    assert_eq!(world.attention_codes().await, ["amount_mismatch"]);
}

/// Another currency with the same number, or money of another link, is not taken either.
#[tokio::test]
async fn money_of_another_currency_or_another_link_is_never_taken() {
    let dollars = Money::from_minor(45_000_000, Currency::Usd).unwrap();
    for (amount, other) in [(dollars, false), (irr(45_000_000), true)] {
        let desk = Desk::new().offering(OperationName::VerifyAndClose);
        let (world, desk, reference) = at(desk, &["quarantined"]).await;
        let payments = vec![fact("t-1", amount, world.engine.now())];
        desk.say(&reference, LinkStatus::PaidUnverified, payments);
        if other {
            desk.before(|what, links| {
                let link = links.values_mut().next().unwrap();
                link.reference = "invoice/INV-9/make_link/1".to_owned();
                assert_ne!(what, "verify_and_close");
                None
            });
        }
        world.advance(minutes(30)).await;
        assert_eq!(desk.count("verify_and_close"), 0);
        assert!(world.engine.payments().await.unwrap().is_empty());
        let expected = if other {
            "reference_mismatch"
        } else {
            "amount_mismatch"
        };
        assert_eq!(world.attention_codes().await, [expected]);
        world.sound("INV-1").await;
    }
}

#[tokio::test]
async fn a_payment_in_the_future_waits_and_can_be_called_off() {
    let (world, desk, reference) = at(Desk::new(), &["scheduled_future"]).await;
    desk.say(&reference, LinkStatus::ScheduledFuture, Vec::new());
    world.advance(minutes(2)).await;
    assert_eq!(world.state("INV-1").await, "on_scheduled_future");
    world.act("INV-1", "wait", "zahra").await;
    desk.say(&reference, LinkStatus::Created, Vec::new());
    world.advance(minutes(10)).await;
    assert_eq!(status(&world).await, LinkStatus::Created);
    let payments = vec![fact("t-1", irr(45_000_000), world.engine.now())];
    desk.say(&reference, LinkStatus::Paid, payments);
    world.advance(minutes(60)).await;
    assert_eq!(world.state("INV-1").await, "done");
}

#[tokio::test]
async fn parts_are_recorded_one_by_one_until_they_are_the_whole() {
    let (world, desk, reference) = at(Desk::new(), &["partially_paid"]).await;
    let now = world.engine.now();
    let first = fact("t-1", irr(20_000_000), now);
    desk.say(&reference, LinkStatus::PartiallyPaid, vec![first.clone()]);
    world.advance(minutes(2)).await;
    assert_eq!(world.state("INV-1").await, "on_partially_paid");
    let link = world.links().await.remove(0);
    assert_eq!(link.status, LinkStatus::PartiallyPaid);
    assert_eq!((link.payments, link.received), (1, Some(irr(20_000_000))));
    assert!(
        world.engine.next_due().await.unwrap().is_some(),
        "it stays open"
    );
    world.act("INV-1", "wait", "zahra").await;
    let second = fact("t-2", irr(25_000_000), now);
    desk.say(&reference, LinkStatus::Paid, vec![first, second]);
    world.advance(minutes(10)).await;
    assert_eq!(world.state("INV-1").await, "done");
    let link = world.links().await.remove(0);
    assert_eq!(
        (link.status, link.received),
        (LinkStatus::Paid, Some(irr(45_000_000)))
    );
    assert_eq!(world.crm().receipts().len(), 2);
    world.sound("INV-1").await;
}

#[tokio::test]
async fn parts_that_add_up_to_more_are_left_to_a_person() {
    let (world, desk, reference) = at(Desk::new(), &["partially_paid", "quarantined"]).await;
    let now = world.engine.now();
    let first = fact("t-1", irr(20_000_000), now);
    desk.say(&reference, LinkStatus::PartiallyPaid, vec![first.clone()]);
    world.advance(minutes(2)).await;
    world.act("INV-1", "wait", "zahra").await;
    let second = fact("t-2", irr(26_000_000), now);
    desk.say(&reference, LinkStatus::Paid, vec![first, second]);
    world.advance(minutes(10)).await;
    assert_eq!(world.state("INV-1").await, "on_quarantined");
    assert_eq!(world.engine.payments().await.unwrap().len(), 1);
    assert_eq!(world.links().await[0].received, Some(irr(20_000_000)));
}

#[tokio::test]
async fn an_excess_the_provider_took_counts_as_paid_and_is_shown_to_a_person() {
    for routed in [&["overpaid"][..], &[]] {
        let (world, desk, reference) = at(Desk::new(), routed).await;
        let payments = vec![fact("t-1", irr(50_000_000), world.engine.now())];
        desk.say(&reference, LinkStatus::Overpaid, payments);
        world.advance(minutes(2)).await;
        let expected = if routed.is_empty() {
            "done"
        } else {
            "on_overpaid"
        };
        assert_eq!(world.state("INV-1").await, expected);
        assert_eq!(status(&world).await, LinkStatus::Overpaid);
        assert_eq!(world.attention_codes().await, ["overpaid"]);
        assert_eq!(world.crm().receipts()[0].amount, irr(50_000_000));
    }
}

/// Clause 43: paid wins over everything but the money going back.
#[tokio::test]
async fn paid_never_regresses_but_by_a_refund() {
    let (world, desk, reference) = at(Desk::new(), &ROUTED).await;
    let payments = vec![fact("t-1", irr(45_000_000), world.engine.now())];
    desk.say(&reference, LinkStatus::Paid, payments.clone());
    world.advance(minutes(2)).await;
    let by = "zahra".into();
    let id = world.links().await[0].id.clone();
    for word in [
        LinkStatus::Created,
        LinkStatus::Expired,
        LinkStatus::Cancelled,
        LinkStatus::Unknown,
        LinkStatus::Held,
        LinkStatus::PaidUnverified,
        LinkStatus::ScheduledFuture,
        LinkStatus::PartiallyPaid,
        LinkStatus::Quarantined,
        LinkStatus::Expiring,
        LinkStatus::Superseded,
        LinkStatus::CreateFailed,
    ] {
        desk.say(&reference, word, payments.clone());
        let link = world.engine.check_link(&id, &by).await.unwrap();
        assert_eq!(link.status, LinkStatus::Paid, "{word:?}");
    }
    assert!(world.attention().await.is_empty());
    desk.say(&reference, LinkStatus::Refunded, payments.clone());
    let link = world.engine.check_link(&id, &by).await.unwrap();
    assert_eq!(link.status, LinkStatus::Refunded);
    assert_eq!(world.attention_codes().await, ["refunded"]);
    // What was refunded does not come back by the same payment.
    desk.say(&reference, LinkStatus::Paid, payments);
    let link = world.engine.check_link(&id, &by).await.unwrap();
    assert_eq!(link.status, LinkStatus::Refunded);
    assert_eq!(world.engine.payments().await.unwrap().len(), 1);
    world.sound("INV-1").await;
}

#[tokio::test]
async fn money_that_came_and_went_while_nobody_looked_is_no_payment() {
    let (world, desk, reference) = at(Desk::new(), &["refunded"]).await;
    let payments = vec![fact("t-1", irr(45_000_000), world.engine.now())];
    desk.say(&reference, LinkStatus::Refunded, payments);
    world.advance(minutes(2)).await;
    assert_eq!(world.state("INV-1").await, "on_refunded");
    assert!(world.engine.payments().await.unwrap().is_empty());
    assert!(world.crm().receipts().is_empty());
}

#[tokio::test]
async fn a_link_the_provider_leaves_open_is_closed_by_us_when_its_time_is_up() {
    let (world, desk, reference) = at(Desk::new().closing(), &["expired"]).await;
    let expires_at = world.links().await[0].expires_at;
    world.try_advance_to(expires_at - minutes(1)).await.unwrap();
    assert_eq!(desk.count("deactivate"), 0);
    world.try_advance_to(expires_at).await.unwrap();
    assert_eq!(world.state("INV-1").await, "on_expired");
    assert_eq!(status(&world).await, LinkStatus::Expired);
    let requests = desk.requests();
    assert_eq!(
        requests[requests.len() - 3..],
        ["status", "deactivate", "status"]
    );
    // Money that was under way is found afterwards.
    let payments = vec![fact("t-1", irr(45_000_000), expires_at)];
    desk.say(&reference, LinkStatus::Paid, payments);
    world.advance(minutes(61)).await;
    assert_eq!(status(&world).await, LinkStatus::PaidLate);
    world.sound("INV-1").await;
}

#[tokio::test]
async fn a_payment_that_wins_against_the_closing_counts() {
    let (world, desk, _) = at(Desk::new().closing(), &["expired"]).await;
    let expires_at = world.links().await[0].expires_at;
    desk.before(move |what, links| {
        if what == "deactivate" {
            for link in links.values_mut() {
                link.status = LinkStatus::Paid;
                link.payments = vec![fact(
                    "t-1",
                    irr(45_000_000),
                    expires_at - TimeDelta::seconds(1),
                )];
            }
        }
        None
    });
    world.try_advance_to(expires_at).await.unwrap();
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(status(&world).await, LinkStatus::Paid);
}

#[tokio::test]
async fn a_link_nobody_can_close_is_expiring_until_the_provider_says_so() {
    let (world, desk, reference) = at(Desk::new(), &["expired"]).await;
    let expires_at = world.links().await[0].expires_at;
    world
        .try_advance_to(expires_at + minutes(30))
        .await
        .unwrap();
    assert_eq!(world.state("INV-1").await, "await_payment");
    assert_eq!(status(&world).await, LinkStatus::Expiring);
    desk.say(&reference, LinkStatus::Expired, Vec::new());
    world.advance(minutes(60)).await;
    assert_eq!(world.state("INV-1").await, "on_expired");
}

#[tokio::test]
async fn a_provider_that_cannot_say_is_shown_once_and_never_believed_paid() {
    let (world, desk, reference) = at(Desk::new().closing(), &["expired"]).await;
    desk.say(&reference, LinkStatus::Unknown, Vec::new());
    world.advance(minutes(90)).await;
    assert_eq!(status(&world).await, LinkStatus::Unknown);
    assert_eq!(world.state("INV-1").await, "await_payment");
    assert_eq!(world.attention_codes().await, ["status_unknown"]);
    // Its yes to the closing is its word.
    let expires_at = world.links().await[0].expires_at;
    world.try_advance_to(expires_at).await.unwrap();
    assert_eq!(world.state("INV-1").await, "on_expired");
    assert!(world.attention().await.is_empty(), "it is known again");
    world.sound("INV-1").await;
}

/// Clause 41: where the provider can never say how a link stands, its yes to the closing is its word.
#[tokio::test]
async fn a_new_link_is_made_after_the_yes_to_closing_the_one_before() {
    let (parts, desk) = at_desk(Desk::new().closing());
    let world = parts.world().await;
    world.engine.deploy(renewing()).await.unwrap();
    world.approved("INV-1").await;
    let first = world.links().await.remove(0);
    desk.say(&first.reference, LinkStatus::Unknown, Vec::new());
    world.event("INV-1", "renew").await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    let links = world.links().await;
    let words: Vec<LinkStatus> = links.iter().map(|link| link.status).collect();
    assert_eq!(words, [LinkStatus::Superseded, LinkStatus::Created]);
    assert_eq!((desk.count("deactivate"), desk.count("create")), (1, 2));
}

#[tokio::test]
async fn a_provider_that_can_say_again_is_off_the_list() {
    let (world, desk, reference) = at(Desk::new(), &["unknown"]).await;
    desk.say(&reference, LinkStatus::Unknown, Vec::new());
    world.advance(minutes(2)).await;
    assert_eq!(world.state("INV-1").await, "on_unknown");
    world.act("INV-1", "wait", "zahra").await;
    desk.say(&reference, LinkStatus::Created, Vec::new());
    world.advance(minutes(10)).await;
    assert_eq!(status(&world).await, LinkStatus::Created);
    assert!(world.attention().await.is_empty());
}

#[tokio::test]
async fn a_reusable_link_counts_each_payment_and_goes_on() {
    let (parts, desk) = at_desk(Desk::new());
    let world = parts.world().await;
    let with = json!({ "usage": "reusable" });
    // Each payment leads on by itself: here to a task, and back.
    let definition = {
        use crate::support::{activity, link_settings, model, state, task, wait_payment};
        let mut settings = link_settings();
        settings["usage"] = with["usage"].clone();
        let made = [("success", "await_payment"), ("error", "await_payment")];
        model(json!([
            state("review", task("sales_manager", &[("approve", "make_link")])),
            state(
                "make_link",
                activity("create_payment_link", settings, &made)
            ),
            state(
                "await_payment",
                wait_payment("make_link", &[("paid", "count"), ("expired", "over")])
            ),
            state("count", task("sales_manager", &[("wait", "await_payment")])),
            state("over", json!({ "end": "success" })),
        ]))
    };
    world.engine.deploy(definition).await.unwrap();
    world.approved("INV-1").await;
    let reference = world.links().await[0].reference.clone();
    assert_eq!(desk.made()[0].usage, payment::Usage::Reusable);
    let mut payments = Vec::new();
    for number in 1..=3 {
        payments.push(fact(
            &format!("t-{number}"),
            irr(45_000_000),
            world.engine.now(),
        ));
        desk.say(&reference, LinkStatus::Created, payments.clone());
        world.advance(TimeDelta::hours(13)).await;
        assert_eq!(world.state("INV-1").await, "count", "payment {number}");
        world.act("INV-1", "wait", "zahra").await;
        assert_eq!(world.state("INV-1").await, "await_payment");
        let link = world.links().await.remove(0);
        assert_eq!((link.status, link.payments), (LinkStatus::Created, number));
    }
    assert_eq!(world.crm().receipts().len(), 3);
    assert_eq!(world.links().await[0].received, Some(irr(135_000_000)));
    assert!(world.attention().await.is_empty());
    desk.say(&reference, LinkStatus::Expired, payments);
    world.advance(TimeDelta::days(3)).await;
    assert_eq!(world.state("INV-1").await, "over");
    world.sound("INV-1").await;
}

#[tokio::test]
async fn two_payments_of_a_reusable_link_in_one_report_are_two_events() {
    let (parts, desk) = at_desk(Desk::new());
    let world = parts.world().await;
    let definition = waiting(&[], json!({ "usage": "reusable" }));
    world.engine.deploy(definition).await.unwrap();
    world.approved("INV-1").await;
    let reference = world.links().await[0].reference.clone();
    let now = world.engine.now();
    let payments = ["t-1", "t-2"].map(|name| fact(name, irr(45_000_000), now));
    desk.say(&reference, LinkStatus::Paid, payments.to_vec());
    world.advance(minutes(2)).await;
    let kinds = world.kinds("INV-1").await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "payment").count(), 2);
    assert_eq!(world.links().await[0].payments, 2);
}

#[tokio::test]
async fn a_reusable_link_is_refused_when_it_is_loaded_where_the_gateway_has_none() {
    let (parts, desk) = at_desk(Desk::new());
    desk.capabilities.lock().unwrap().reusable = false;
    let world = parts.world().await;
    let definition = waiting(&[], json!({ "usage": "reusable" }));
    let error = world.engine.deploy(definition).await.unwrap_err();
    assert!(error.to_string().contains("WF0434"), "{error}");
}

#[tokio::test]
async fn a_provider_that_texts_the_payer_gets_the_number_and_we_text_nobody_twice() {
    let (parts, desk) = at_desk(Desk::new().texting(minutes(2), 3));
    let world = parts.world().await;
    let recipients = json!({ "recipients": { "sms": ["contact", { "number": "09121112233" }] } });
    world
        .engine
        .deploy(waiting(&["delivery_failed"], recipients))
        .await
        .unwrap();
    world.approved("INV-1").await;
    assert_eq!(
        desk.made()[0].payer_mobile.as_deref(),
        Some("+989123334455")
    );
    let told: Vec<String> = world
        .messages()
        .await
        .into_iter()
        .map(|message| message.recipient)
        .collect();
    assert_eq!(told, ["number"]);
    assert_eq!(world.state("INV-1").await, "await_payment");
    let link = world.links().await.remove(0);
    assert_eq!((link.sendings, link.sent_at), (1, Some(world.engine.now())));
}

#[tokio::test]
async fn without_a_number_there_is_no_link_at_a_provider_that_texts_the_payer() {
    let (parts, desk) = at_desk(Desk::new().texting(minutes(2), 3));
    let mut party = host::Directory::party(parts.crm.as_ref(), &"p1".into())
        .await
        .unwrap()
        .unwrap();
    party.mobile = None;
    parts.crm.put_party(party);
    let world = parts.world().await;
    let nobody = json!({ "recipients": { "email": [{ "address": "a@example.com" }] } });
    world.engine.deploy(waiting(&[], nobody)).await.unwrap();
    world.approved("INV-1").await;
    assert_eq!(world.state("INV-1").await, "link_failed");
    let last = world.history("INV-1").await.pop().unwrap();
    assert_eq!(last.row.code.as_deref(), Some("no_payer_mobile"));
    assert_eq!(desk.count("create"), 0);
}

#[tokio::test]
async fn a_payment_named_twice_in_one_report_counts_once() {
    let (world, desk, reference) = at(Desk::new(), &[]).await;
    let once = fact("t-1", irr(45_000_000), world.engine.now());
    desk.say(&reference, LinkStatus::Paid, vec![once.clone(), once]);
    world.advance(minutes(2)).await;
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(world.engine.payments().await.unwrap().len(), 1);
    assert!(world.attention().await.is_empty());
}

#[tokio::test]
async fn what_the_provider_itself_finds_odd_is_shown_to_a_person() {
    let (world, desk, reference) = at(Desk::new(), &["quarantined"]).await;
    desk.say(&reference, LinkStatus::Quarantined, Vec::new());
    world.advance(minutes(30)).await;
    assert_eq!(world.state("INV-1").await, "on_quarantined");
    assert_eq!(world.attention_codes().await, ["quarantined"]);
}

/// A reusable link whose status nobody knew is paid: that is the news, not that it can be read again.
#[tokio::test]
async fn a_payment_is_the_news_whatever_else_a_report_says() {
    let (parts, desk) = at_desk(Desk::new());
    let world = parts.world().await;
    let definition = waiting(&[], json!({ "usage": "reusable" }));
    world.engine.deploy(definition).await.unwrap();
    world.approved("INV-1").await;
    let reference = world.links().await[0].reference.clone();
    desk.say(&reference, LinkStatus::Unknown, Vec::new());
    world.advance(minutes(2)).await;
    assert_eq!(status(&world).await, LinkStatus::Unknown);
    let payments = vec![fact("t-1", irr(45_000_000), world.engine.now())];
    desk.say(&reference, LinkStatus::Created, payments);
    world.advance(minutes(10)).await;
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(world.crm().receipts().len(), 1);
}
