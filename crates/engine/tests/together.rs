//! Many links in one reading, and the sweep of a start.

use chrono::TimeDelta;
use payment::{GatewayError, LinkStatus};
use serde_json::json;

use crate::support::{Desk, World, at_desk, fact, irr, waiting};

async fn five(desk: Desk) -> (World, std::sync::Arc<Desk>) {
    let (parts, desk) = at_desk(desk);
    let world = parts.world().await;
    world.engine.deploy(waiting(&[], json!({}))).await.unwrap();
    for number in 1..=5 {
        world.approved(&format!("INV-{number}")).await;
    }
    (world, desk)
}

/// Clause 44: every open link is asked about, here by one call for all that are due.
#[tokio::test]
async fn due_links_of_one_account_are_read_by_one_call() {
    let (world, desk) = five(Desk::new().batching().numbered()).await;
    let paid = world.links().await[2].reference.clone();
    let now = world.engine.now();
    desk.say(
        &paid,
        LinkStatus::Paid,
        vec![fact("t-1", irr(45_000_000), now)],
    );
    world.advance(TimeDelta::minutes(1)).await;
    assert_eq!((desk.count("batch 5"), desk.count("status")), (1, 0));
    assert_eq!(world.state("INV-3").await, "done");
    for link in world.links().await {
        assert_eq!(link.polls, 1, "{}", link.id);
    }
    world.advance(TimeDelta::minutes(6)).await;
    assert_eq!((desk.count("batch 4"), desk.count("status")), (1, 0));
}

#[tokio::test]
async fn a_link_the_call_does_not_know_is_read_alone() {
    let (world, desk) = five(Desk::new().batching()).await;
    let mut hidden = None;
    desk.before(move |what, links| {
        if what.starts_with("batch") {
            let last = links.keys().next_back().cloned().unwrap();
            hidden = links.remove_entry(&last);
        } else if what == "status"
            && let Some((reference, report)) = hidden.take()
        {
            links.insert(reference, report);
        }
        None
    });
    world.advance(TimeDelta::minutes(1)).await;
    assert_eq!((desk.count("batch"), desk.count("status")), (1, 1));
    assert!(world.links().await.iter().all(|link| link.polls == 1));
}

#[tokio::test]
async fn a_call_that_fails_is_made_again_for_all() {
    let (world, desk) = five(Desk::new().batching()).await;
    desk.before(|what, _| {
        what.starts_with("batch")
            .then(|| GatewayError::retryable("away", "away"))
    });
    world.advance(TimeDelta::minutes(2)).await;
    assert_eq!(desk.count("batch"), 1);
    desk.before(|_, _| None);
    world.advance(TimeDelta::minutes(5)).await;
    assert_eq!(desk.count("batch"), 2);
    assert!(world.links().await.iter().all(|link| link.polls == 1));
}

#[tokio::test]
async fn a_gateway_that_reads_one_by_one_is_asked_so() {
    let (world, desk) = five(Desk::new()).await;
    world.advance(TimeDelta::minutes(1)).await;
    assert_eq!((desk.count("batch"), desk.count("status")), (0, 5));
}

#[tokio::test]
async fn a_start_asks_about_every_open_link_soon() {
    let (world, desk) = five(Desk::new()).await;
    // So old that the next regular reading is hours away.
    world.advance(TimeDelta::hours(12)).await;
    let reference = world.links().await[4].reference.clone();
    let now = world.engine.now();
    desk.say(
        &reference,
        LinkStatus::Paid,
        vec![fact("t-1", irr(45_000_000), now)],
    );
    let world = world.restarted().await;
    let before = desk.count("status");
    assert_eq!(world.engine.sweep_links().await.unwrap(), 5);
    world.advance(TimeDelta::seconds(1)).await;
    assert_eq!(desk.count("status"), before + 5);
    assert_eq!(world.state("INV-5").await, "done");
    // What is closed is left alone.
    assert_eq!(world.engine.sweep_links().await.unwrap(), 4);
}
