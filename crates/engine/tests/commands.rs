//! What people do with links by hand.

use std::sync::Arc;

use chrono::TimeDelta;
use engine::{Error, LinkFilter, RecordedPayment, Window};
use payment::{GatewayError, LinkStatus, OperationName};
use serde_json::json;
use values::{Currency, LinkId, Money};

use crate::support::{Desk, World, at_desk, fact, irr, item, start_time, waiting};

async fn at(desk: Desk, outcomes: &[&str]) -> (World, Arc<Desk>, LinkId) {
    let (parts, desk) = at_desk(desk);
    let world = parts.world().await;
    world
        .engine
        .deploy(waiting(outcomes, json!({})))
        .await
        .unwrap();
    world.approved("INV-1").await;
    let id = world.links().await[0].id.clone();
    (world, desk, id)
}

fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.unwrap_err().code()
}

fn slip(amount: Money) -> RecordedPayment {
    RecordedPayment {
        transaction: "slip-1".to_owned(),
        amount,
        paid_at: start_time(),
        tracking_no: Some("۸۸".to_owned()),
        by: "omid".into(),
        note: "bank statement".to_owned(),
    }
}

/// The actors of lines of one kind.
async fn actors(world: &World, kind: &str) -> Vec<String> {
    let lines = world.history("INV-1").await;
    lines
        .into_iter()
        .filter(|line| line.row.kind == kind)
        .filter_map(|line| line.row.actor)
        .map(|actor| actor.to_string())
        .collect()
}

#[tokio::test]
async fn a_check_reads_the_link_now_and_names_who_asked() {
    let (world, desk, id) = at(Desk::new(), &[]).await;
    let payments = vec![fact("t-1", irr(45_000_000), world.engine.now())];
    desk.say(id.as_str(), LinkStatus::Paid, payments);
    let link = world.engine.check_link(&id, &"ali".into()).await.unwrap();
    assert_eq!(link.status, LinkStatus::Paid);
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(actors(&world, "check_link").await, ["ali"]);
    world.sound("INV-1").await;
}

#[tokio::test]
async fn nobody_unknown_does_anything_and_nothing_is_done_to_what_is_not_there() {
    let (world, desk, id) = at(Desk::new().closing(), &[]).await;
    let engine = &world.engine;
    let nobody = "nobody".into();
    let before = desk.requests().len();
    assert_eq!(code(engine.check_link(&id, &nobody).await), "no_user");
    assert_eq!(code(engine.cancel_link(&id, &nobody).await), "no_user");
    assert_eq!(code(engine.resend_link(&id, &nobody).await), "no_user");
    let payment = RecordedPayment {
        by: nobody,
        ..slip(irr(45_000_000))
    };
    assert_eq!(code(engine.record_payment(&id, payment).await), "no_user");
    let missing = "invoice/x/make_link/1".into();
    assert_eq!(
        code(engine.check_link(&missing, &"ali".into()).await),
        "no_link"
    );
    assert_eq!(code(engine.link_url(&missing).await), "no_link");
    assert_eq!(desk.requests().len(), before);
    assert!(engine.payments().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_cancelled_link_is_cancelled_by_the_providers_word() {
    let (world, desk, id) = at(Desk::new().closing(), &["cancelled"]).await;
    let by = "zahra".into();
    let link = world.engine.cancel_link(&id, &by).await.unwrap();
    assert_eq!(link.status, LinkStatus::Cancelled);
    assert_eq!(world.state("INV-1").await, "on_cancelled");
    assert_eq!(actors(&world, "cancel_link").await, ["zahra"]);
    // Again is the same; money that comes all the same is money.
    world.engine.cancel_link(&id, &by).await.unwrap();
    assert_eq!(desk.count("deactivate"), 1);
    let payments = vec![fact("t-1", irr(45_000_000), world.engine.now())];
    desk.say(id.as_str(), LinkStatus::Paid, payments);
    let link = world.engine.check_link(&id, &by).await.unwrap();
    assert_eq!(link.status, LinkStatus::PaidAfterCancel);
    assert_eq!(
        code(world.engine.cancel_link(&id, &by).await),
        "link_closed"
    );
    world.settle().await;
    assert_eq!(world.crm().receipts().len(), 1);
}

#[tokio::test]
async fn a_link_is_not_cancelled_because_somebody_wants_it() {
    let (world, desk, id) = at(Desk::new().closing(), &["cancelled"]).await;
    let by = "zahra".into();
    desk.before(|what, _| {
        (what == "deactivate").then(|| GatewayError::ambiguous("no_answer", "no answer"))
    });
    assert_eq!(code(world.engine.cancel_link(&id, &by).await), "gateway");
    assert_eq!(world.state("INV-1").await, "await_payment");
    let (other, _, id) = at(Desk::new(), &[]).await;
    assert_eq!(
        code(other.engine.cancel_link(&id, &by).await),
        "unsupported_operation"
    );
}

#[tokio::test]
async fn the_limits_of_resending_hold_across_a_restart() {
    let (world, desk, id) = at(Desk::new().texting(minutes(2), 3), &[]).await;
    let by = "zahra".into();
    // The creation was the first sending.
    assert_eq!(
        code(world.engine.resend_link(&id, &by).await),
        "resend_too_soon"
    );
    world.advance(minutes(2)).await;
    world.engine.resend_link(&id, &by).await.unwrap();
    let world = world.restarted().await;
    assert_eq!(
        code(world.engine.resend_link(&id, &by).await),
        "resend_too_soon"
    );
    for _ in 0..2 {
        world.advance(minutes(2)).await;
        world.engine.resend_link(&id, &by).await.unwrap();
    }
    world.advance(minutes(60)).await;
    assert_eq!(
        code(world.engine.resend_link(&id, &by).await),
        "resends_used_up"
    );
    assert_eq!(desk.count("resend"), 3);
    assert_eq!(world.links().await[0].sendings, 4);
    assert_eq!(actors(&world, "resend_link").await, ["zahra"; 3]);
}

#[tokio::test]
async fn a_resend_whose_answer_is_lost_counts_and_one_that_was_refused_does_not() {
    let (world, desk, id) = at(Desk::new().texting(minutes(2), 3), &[]).await;
    let by = "zahra".into();
    world.advance(minutes(5)).await;
    let sent_at = world.links().await[0].sent_at;
    desk.before(|what, _| (what == "resend").then(|| GatewayError::retryable("away", "not sent")));
    assert_eq!(code(world.engine.resend_link(&id, &by).await), "gateway");
    let link = world.links().await.remove(0);
    assert_eq!((link.sendings, link.sent_at), (1, sent_at));
    desk.before(|what, _| {
        (what == "resend").then(|| GatewayError::ambiguous("no_answer", "no answer"))
    });
    assert_eq!(code(world.engine.resend_link(&id, &by).await), "gateway");
    assert_eq!(world.links().await[0].sendings, 2);
    assert_eq!(
        code(world.engine.resend_link(&id, &by).await),
        "resend_too_soon"
    );
}

#[tokio::test]
async fn where_the_provider_texts_nobody_our_own_messages_go_out_again() {
    let (world, _desk, id) = at(Desk::new(), &[]).await;
    let before = world.crm().sent().len();
    for time in 1..=2 {
        world
            .engine
            .resend_link(&id, &"zahra".into())
            .await
            .unwrap();
        world.settle().await;
        assert_eq!(world.crm().sent().len(), before + time);
    }
    let payments = vec![fact("t-1", irr(45_000_000), world.engine.now())];
    _desk.say(id.as_str(), LinkStatus::Paid, payments);
    world.engine.check_link(&id, &"zahra".into()).await.unwrap();
    assert_eq!(
        code(world.engine.resend_link(&id, &"zahra".into()).await),
        "link_closed"
    );
}

#[tokio::test]
async fn a_payment_recorded_by_a_person_takes_the_way_of_every_payment() {
    let (world, desk, id) = at(Desk::new().closing(), &[]).await;
    desk.say(id.as_str(), LinkStatus::Unknown, Vec::new());
    world.advance(minutes(5)).await;
    assert_eq!(world.attention_codes().await, ["status_unknown"]);
    let engine = &world.engine;
    let link = engine
        .record_payment(&id, slip(irr(45_000_000)))
        .await
        .unwrap();
    assert_eq!(link.status, LinkStatus::Paid);
    assert_eq!(world.state("INV-1").await, "done");
    assert!(world.attention().await.is_empty());
    assert_eq!(actors(&world, "record_payment").await, ["omid"]);
    // Again is the same payment.
    engine
        .record_payment(&id, slip(irr(45_000_000)))
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(engine.payments().await.unwrap().len(), 1);
    assert_eq!(world.crm().receipts().len(), 1);
    world.sound("INV-1").await;
}

#[tokio::test]
async fn a_recorded_payment_that_cannot_be_is_refused() {
    let (world, _desk, id) = at(Desk::new(), &["partially_paid"]).await;
    let engine = &world.engine;
    let later = world.engine.now() + minutes(1);
    let toman = Money::zero(Currency::Usd);
    let one_dollar = Money::from_minor(100, toman.currency()).unwrap();
    for (payment, expected) in [
        (slip(irr(0)), "amount_not_positive"),
        (slip(irr(-5)), "amount_not_positive"),
        (slip(one_dollar), "amount_currency"),
        (
            RecordedPayment {
                transaction: "  ".to_owned(),
                ..slip(irr(1))
            },
            "transaction_missing",
        ),
        (
            RecordedPayment {
                paid_at: later,
                ..slip(irr(1))
            },
            "paid_in_future",
        ),
    ] {
        assert_eq!(code(engine.record_payment(&id, payment).await), expected);
    }
    engine
        .record_payment(&id, slip(irr(5_000_000)))
        .await
        .unwrap();
    assert_eq!(world.state("INV-1").await, "on_partially_paid");
    let again = engine.record_payment(&id, slip(irr(6_000_000))).await;
    assert_eq!(code(again), "transaction_reused");
    assert_eq!(engine.payments().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_person_has_settled_does_not_come_back() {
    let (world, desk, id) = at(Desk::new(), &[]).await;
    let payments = vec![fact("t-1", irr(5), world.engine.now())];
    desk.say(id.as_str(), LinkStatus::Paid, payments);
    world.advance(minutes(2)).await;
    let reason = world.attention().await.remove(0).reason;
    assert_eq!(reason, "payment t-1");
    let engine = &world.engine;
    let by = "omid".into();
    let inv = item("INV-1");
    engine
        .resolve_attention(&inv, &reason, &by, "sent back")
        .await
        .unwrap();
    assert!(world.attention().await.is_empty());
    world.advance(minutes(60)).await;
    assert!(world.attention().await.is_empty());
    assert_eq!(actors(&world, "attention_resolved").await, ["omid"]);
    let again = engine.resolve_attention(&inv, &reason, &by, "").await;
    assert_eq!(code(again), "no_attention");
    let incident = engine.resolve_attention(&inv, "incident", &by, "").await;
    assert_eq!(code(incident), "incident");
}

#[tokio::test]
async fn a_url_that_is_over_is_made_anew_and_one_that_works_is_not() {
    let desk = Desk::new().offering(OperationName::RefreshUrl);
    let (world, desk, id) = at(desk, &[]).await;
    let engine = &world.engine;
    let first = engine.link_url(&id).await.unwrap();
    assert_eq!(
        (first, desk.count("refresh_url")),
        ("https://desk.example/1".to_owned(), 0)
    );
    world.advance(minutes(5)).await;
    let second = engine.link_url(&id).await.unwrap();
    assert_eq!(second, "https://desk.example/2");
    assert_eq!(engine.link_url(&id).await.unwrap(), second);
    assert_eq!(desk.count("refresh_url"), 1);
    let payments = vec![fact("t-1", irr(45_000_000), world.engine.now())];
    desk.say(id.as_str(), LinkStatus::Paid, payments);
    engine.check_link(&id, &"zahra".into()).await.unwrap();
    assert_eq!(code(engine.link_url(&id).await), "link_closed");
}

#[tokio::test]
async fn links_are_found_by_what_people_look_for_with_their_sums() {
    let (world, desk, id) = at(Desk::new(), &[]).await;
    world.advance(minutes(30)).await;
    let later = world.engine.now();
    world.approved("INV-2").await;
    world.approved("INV-3").await;
    let payments = vec![fact("t-1", irr(45_000_000), later)];
    desk.say(id.as_str(), LinkStatus::Paid, payments);
    world.engine.check_link(&id, &"zahra".into()).await.unwrap();
    let find = async |filter: LinkFilter| {
        let list = world.engine.find_links(&filter).await.unwrap();
        assert_eq!(list.links.len(), list.count);
        list.count
    };
    let all = world
        .engine
        .find_links(&LinkFilter::default())
        .await
        .unwrap();
    assert_eq!(all.count, 3);
    assert_eq!(all.sums[&Currency::Irr], irr(135_000_000));
    assert_eq!(all.received[&Currency::Irr], irr(45_000_000));
    let any = LinkFilter::default;
    let from = Window {
        from: Some(later),
        to: None,
    };
    let to = Window {
        from: None,
        to: Some(later),
    };
    let expires_at = world.links().await[0].expires_at;
    let until = Window {
        from: None,
        to: Some(expires_at),
    };
    for (filter, expected) in [
        (
            LinkFilter {
                status: vec![LinkStatus::Paid],
                ..any()
            },
            1,
        ),
        (
            LinkFilter {
                status: vec![LinkStatus::Paid, LinkStatus::Created],
                ..any()
            },
            3,
        ),
        (
            LinkFilter {
                party: Some("p1".into()),
                ..any()
            },
            3,
        ),
        (
            LinkFilter {
                party: Some("p2".into()),
                ..any()
            },
            0,
        ),
        (
            LinkFilter {
                account: Some("main".into()),
                ..any()
            },
            3,
        ),
        (
            LinkFilter {
                account: Some("other".into()),
                ..any()
            },
            0,
        ),
        (
            LinkFilter {
                item: Some(item("INV-2")),
                ..any()
            },
            1,
        ),
        (
            LinkFilter {
                created: from,
                ..any()
            },
            2,
        ),
        (
            LinkFilter {
                created: to,
                ..any()
            },
            1,
        ),
        (
            LinkFilter {
                expires: until,
                ..any()
            },
            0,
        ),
        (
            LinkFilter {
                paid: from,
                ..any()
            },
            1,
        ),
        (LinkFilter { paid: to, ..any() }, 0),
        (
            LinkFilter {
                amount_min: Some(irr(45_000_000)),
                ..any()
            },
            3,
        ),
        (
            LinkFilter {
                amount_min: Some(irr(45_000_001)),
                ..any()
            },
            0,
        ),
        (
            LinkFilter {
                amount_max: Some(irr(44_999_999)),
                ..any()
            },
            0,
        ),
        (
            LinkFilter {
                amount_max: Some(Money::zero(Currency::Usd)),
                ..any()
            },
            0,
        ),
    ] {
        assert_eq!(find(filter.clone()).await, expected, "{filter:?}");
    }
}

/// A person knows a payment by the bank's number, the provider by its own: it is booked once.
#[tokio::test]
async fn a_payment_recorded_by_hand_is_not_booked_again_under_another_number() {
    let (world, desk, id) = at(Desk::new(), &[]).await;
    let engine = &world.engine;
    let amount = world.links().await[0].amount;
    engine.record_payment(&id, slip(amount)).await.unwrap();
    assert_eq!(world.state("INV-1").await, "done");
    let payments = vec![fact("invoice-77", amount, world.engine.now())];
    desk.say(id.as_str(), LinkStatus::Paid, payments);
    engine.check_link(&id, &"omid".into()).await.unwrap();
    world.settle().await;
    assert_eq!(engine.payments().await.unwrap().len(), 1);
    assert_eq!(world.crm().receipts().len(), 1);
    assert_eq!(world.attention_codes().await, ["recorded_by_hand"]);
}
