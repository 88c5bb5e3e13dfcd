//! The main job, end to end.

use chrono::TimeDelta;
use engine::{Input, MessageStatus};
use serde_json::json;

use crate::support::{World, irr, item};

#[tokio::test]
async fn an_invoice_gets_a_link_and_is_paid_once() {
    let world =
        World::new(json!({ "script": { "create": "created", "pay": { "after": "1d" } } })).await;
    world.start("INV-1").await;
    world
        .engine
        .submit(Input::action(item("INV-1"), "approve", "zahra"))
        .await
        .unwrap();
    world.engine.settle().await.unwrap();
    assert_eq!(world.state("INV-1").await, "await_payment");
    let links = world.engine.links().await.unwrap();
    assert_eq!(links.len(), 1);
    assert_eq!(links[0].amount, irr(45_000_000));
    let messages = world.engine.messages().await.unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].status, MessageStatus::Sent);
    assert!(
        messages[0].body.contains(&links[0].url),
        "{}",
        messages[0].body
    );

    world.advance(TimeDelta::days(2)).await;
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(world.engine.receipts().await.unwrap().len(), 1);
    assert_eq!(world.crm().receipts().len(), 1);
    assert!(world.engine.attention().await.unwrap().is_empty());
    let replay = world.engine.replay(&item("INV-1")).await.unwrap();
    assert!(replay.same && !replay.erased, "{replay:?}");
}
