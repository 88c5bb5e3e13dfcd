//! Payments that a person records on a link that is paid already.

use std::sync::Arc;

use engine::{Error, LinkRow, RecordedPayment};
use payment::LinkStatus;
use serde_json::json;
use values::{LinkId, Money};

use crate::support::{Desk, World, at_desk, fact, irr, start_time, waiting};

/// An invoice whose link is paid.
async fn paid() -> (World, Arc<Desk>, LinkId) {
    let (parts, desk) = at_desk(Desk::new());
    let world = parts.world().await;
    let definition = waiting(&[], json!({}));
    world.engine.deploy(definition).await.unwrap();
    world.approved("INV-1").await;
    let id = world.links().await[0].id.clone();
    let payments = vec![fact("t-1", irr(45_000_000), world.engine.now())];
    desk.say(id.as_str(), LinkStatus::Paid, payments);
    world.engine.check_link(&id, &"omid".into()).await.unwrap();
    world.settle().await;
    (world, desk, id)
}

fn slip(transaction: &str, amount: Money) -> RecordedPayment {
    RecordedPayment {
        transaction: transaction.to_owned(),
        amount,
        paid_at: start_time(),
        tracking_no: None,
        by: "omid".into(),
        note: "bank statement".to_owned(),
    }
}

fn code(result: Result<LinkRow, Error>) -> &'static str {
    result.unwrap_err().code()
}

/// How often the item has heard a word about its payment.
async fn heard(world: &World, word: &str) -> usize {
    let lines = world.history("INV-1").await;
    let told = lines.iter().filter(|line| line.row.kind == "payment");
    told.filter(|line| line.row.notes.iter().any(|note| note == word))
        .count()
}

#[tokio::test]
async fn a_second_payment_is_booked_only_when_the_person_says_that_it_is_one() {
    let (world, _desk, id) = paid().await;
    let engine = &world.engine;
    for amount in [irr(45_000_000), irr(1_000_000)] {
        let refused = engine.record_payment(&id, slip("slip-1", amount)).await;
        assert_eq!(code(refused), "link_settled");
    }
    assert!(world.attention().await.is_empty());
    assert_eq!(engine.payments().await.unwrap().len(), 1);
    // What has settled the link may be recorded once more: the answer is the same.
    let again = engine
        .record_payment(&id, slip("t-1", irr(45_000_000)))
        .await;
    assert_eq!(again.unwrap().payments, 1);
    assert_eq!(heard(&world, "paid_again").await, 0);
}

/// Clause 45: a further payment of another amount is money: it becomes its own receipt once, and the item hears of it.
#[tokio::test]
async fn a_further_payment_becomes_its_own_receipt_once_and_the_item_hears_of_it() {
    let (world, desk, id) = paid().await;
    let engine = &world.engine;
    let field = world.instance("INV-1").await.fields.get("receipt").cloned();
    let further = || slip("slip-1", irr(1_250_000));
    let link = engine.record_further_payment(&id, further()).await.unwrap();
    assert_eq!((link.status, link.payments), (LinkStatus::Paid, 2));
    assert_eq!(link.received, Some(irr(46_250_000)));
    let repeated = engine.record_further_payment(&id, further()).await.unwrap();
    assert_eq!(repeated.payments, 2);
    world.settle().await;
    let mut receipts = world.crm().receipts();
    receipts.sort_by_key(|receipt| receipt.amount.minor_units().unwrap());
    let amounts: Vec<Money> = receipts.iter().map(|receipt| receipt.amount).collect();
    assert_eq!(amounts, [irr(1_250_000), irr(45_000_000)]);
    assert_eq!(heard(&world, "paid_again").await, 1);
    assert_eq!(heard(&world, "paid").await, 1);
    assert_eq!(
        world.attention_codes().await,
        ["paid_again"],
        "nobody has asked for it"
    );
    // The field keeps the receipt of what was asked for.
    assert_eq!(
        world.instance("INV-1").await.fields.get("receipt").cloned(),
        field
    );
    world.sound("INV-1").await;
    // Its own book makes no third payment of it.
    world.advance(chrono::TimeDelta::days(4)).await;
    assert_eq!(desk.count("create"), 1);
    assert_eq!(engine.payments().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_further_payment_under_the_providers_own_number_answers_the_doubt_about_it() {
    let (world, desk, id) = paid().await;
    let engine = &world.engine;
    engine
        .record_further_payment(&id, slip("slip-1", irr(5_000_000)))
        .await
        .unwrap();
    let both = vec![
        fact("t-1", irr(45_000_000), start_time()),
        fact("t-2", irr(6_000_000), start_time()),
    ];
    desk.say(id.as_str(), LinkStatus::Paid, both);
    engine.check_link(&id, &"omid".into()).await.unwrap();
    assert_eq!(
        world.attention_codes().await,
        ["paid_again", "amount_mismatch"]
    );
    engine
        .record_further_payment(&id, slip("t-2", irr(6_000_000)))
        .await
        .unwrap();
    assert_eq!(world.attention_codes().await, ["paid_again", "paid_again"]);
    engine.check_link(&id, &"omid".into()).await.unwrap();
    assert_eq!(engine.payments().await.unwrap().len(), 3);
    world.settle().await;
    assert_eq!(world.crm().receipts().len(), 3);
}

#[tokio::test]
async fn a_link_that_is_not_paid_has_no_further_payment() {
    let (parts, _desk) = at_desk(Desk::new());
    let world = parts.world().await;
    world.engine.deploy(waiting(&[], json!({}))).await.unwrap();
    world.approved("INV-1").await;
    let id = world.links().await[0].id.clone();
    let further = world
        .engine
        .record_further_payment(&id, slip("slip-1", irr(5)));
    assert_eq!(code(further.await), "link_not_settled");
    let whole = world
        .engine
        .record_payment(&id, slip("slip-1", irr(45_000_000)));
    assert_eq!(whole.await.unwrap().status, LinkStatus::Paid);
    for (payment, expected) in [
        (slip(" ", irr(5)), "transaction_missing"),
        (slip("slip-2", irr(0)), "amount_not_positive"),
        (slip("slip-1", irr(5)), "transaction_reused"),
    ] {
        let refused = world.engine.record_further_payment(&id, payment).await;
        assert_eq!(code(refused), expected);
    }
}
