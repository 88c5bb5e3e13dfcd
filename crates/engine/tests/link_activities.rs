//! Activities on a link that exists, through the whole engine: what they do to the link, its money and the item.

use chrono::TimeDelta;
use engine::Input;
use payment::LinkStatus;
use serde_json::{Value as Json, json};
use values::{Fields, Value};

use crate::support::{Desk, World, at_desk, fact, irr, item, put_invoice, working};

async fn at_sandbox(script: Json, activity: &str, with: Json) -> World {
    let world = World::running(json!({ "script": script }), working(activity, with)).await;
    world.approved("INV-1").await;
    world
}

async fn statuses(world: &World) -> Vec<LinkStatus> {
    let mut links = world.links().await;
    links.sort_by_key(|link| link.entry);
    links.into_iter().map(|link| link.status).collect()
}

/// An invoice with a slip number, as far as its link.
async fn with_slip(world: &World, id: &str, slip: &str) {
    put_invoice(world.crm(), id, 45_000_000);
    world.engine.submit(Input::start(item(id))).await.unwrap();
    let set = Fields::from([("slip_no".to_owned(), Value::Text(slip.to_owned()))]);
    let input = Input::changed(item(id), set);
    world.engine.submit(input).await.unwrap();
    world.act(id, "approve", "zahra").await;
}

#[tokio::test]
async fn a_check_finds_the_payment_that_nobody_told_us_of() {
    let (parts, desk) = at_desk(Desk::new());
    let world = parts.world().await;
    let workflow = working("check_payment_link", json!({ "of": "make_link" }));
    world.engine.deploy(workflow).await.unwrap();
    world.approved("INV-1").await;
    let link = world.links().await.remove(0);
    world.event("INV-1", "renew").await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    let paid = fact("T-1", irr(45_000_000), world.engine.now());
    desk.say(&link.reference, LinkStatus::Paid, vec![paid]);
    world.event("INV-1", "renew").await;
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(world.crm().receipts().len(), 1);
    world.sound("INV-1").await;
}

#[tokio::test]
async fn a_cancelled_link_takes_no_payment() {
    let world = at_sandbox(
        json!({ "pay": { "after": "1d" } }),
        "cancel_payment_link",
        json!({}),
    )
    .await;
    world.event("INV-1", "renew").await;
    assert_eq!(statuses(&world).await, [LinkStatus::Cancelled]);
    assert_eq!(world.state("INV-1").await, "closed");
    world.advance(TimeDelta::days(4)).await;
    assert_eq!(world.engine.payments().await.unwrap().len(), 0);
    world.sound("INV-1").await;
}

#[tokio::test]
async fn a_payment_that_comes_before_the_cancelling_wins() {
    let script = json!({ "pay": { "after": "10m" }, "callback": "lost" });
    let world = at_sandbox(script, "cancel_payment_link", json!({})).await;
    world
        .parts
        .clock
        .set(world.engine.now() + TimeDelta::minutes(12));
    world.event("INV-1", "renew").await;
    assert_eq!(statuses(&world).await, [LinkStatus::Paid]);
    assert_eq!(world.crm().receipts().len(), 1);
    let codes: Vec<_> = world.history("INV-1").await;
    assert!(
        codes
            .iter()
            .any(|line| line.row.code.as_deref() == Some("link_paid"))
    );
}

#[tokio::test]
async fn a_new_link_takes_the_place_of_an_open_one_and_of_an_expired_one() {
    let script = json!({
        "pay": "never", "cases": [{ "when": { "order": 3 }, "pay": { "after": "10m" } }],
    });
    let with = json!({ "of": "make_link", "expires": { "days": 2 } });
    let world = at_sandbox(script, "renew_payment_link", with).await;
    world.event("INV-1", "renew").await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    assert_eq!(
        statuses(&world).await,
        [LinkStatus::Superseded, LinkStatus::Created]
    );
    let links = world.links().await;
    assert!(
        links
            .iter()
            .all(|link| link.state == "make_link" && link.amount == irr(45_000_000))
    );
    // Two days from the new entry, not from the old one's.
    world
        .advance(TimeDelta::days(2) + TimeDelta::minutes(1))
        .await;
    assert_eq!(world.state("INV-1").await, "late");
    world.act("INV-1", "again", "zahra").await;
    world.advance(TimeDelta::hours(1)).await;
    assert_eq!(
        statuses(&world).await,
        [
            LinkStatus::Superseded,
            LinkStatus::Expired,
            LinkStatus::Paid
        ]
    );
    assert_eq!(
        world.state("INV-1").await,
        "done",
        "the wait hears of the new link"
    );
    assert_eq!(world.crm().receipts().len(), 1);
    // The first to its contact, the others to the party's default mobile and first address.
    assert_eq!(world.messages().await.len(), 5);
    world.sound("INV-1").await;
}

#[tokio::test]
async fn a_superseded_link_that_was_paid_all_the_same_is_found() {
    let script = json!({ "pay": "never" });
    let world = at_sandbox(script, "renew_payment_link", json!({})).await;
    world.event("INV-1", "renew").await;
    let links = world.links().await;
    let old = links
        .iter()
        .find(|link| link.status == LinkStatus::Superseded)
        .unwrap();
    assert!(old.next_poll.is_some(), "it is read again after its expiry");
}

#[tokio::test]
async fn a_resending_is_ours_where_the_provider_tells_nobody() {
    let world = at_sandbox(json!("never"), "resend_payment_link", json!({})).await;
    world.event("INV-1", "renew").await;
    let messages = world.messages().await;
    // The contact at first; then the party's default mobile and its first address.
    assert_eq!(messages.len(), 3);
    let link = world.links().await.remove(0);
    assert!(
        messages
            .iter()
            .all(|message| message.body.contains(&link.url))
    );
    assert_eq!(world.state("INV-1").await, "await_payment");
}

/// Resending keeps its distance and its number, a restart between included.
#[tokio::test]
async fn the_providers_resending_keeps_its_limits_over_a_restart() {
    let (parts, desk) = at_desk(Desk::new().texting(TimeDelta::minutes(2), 2));
    let world = parts.world().await;
    world
        .engine
        .deploy(working("resend_payment_link", json!({})))
        .await
        .unwrap();
    world.approved("INV-1").await;
    world.event("INV-1", "renew").await;
    assert_eq!(
        (world.state("INV-1").await.as_str(), desk.count("resend")),
        ("work", 0)
    );
    let world = world.restarted().await;
    world.advance(TimeDelta::minutes(1)).await;
    assert_eq!(desk.count("resend"), 0, "too soon");
    world.advance(TimeDelta::minutes(1)).await;
    assert_eq!(
        (world.state("INV-1").await.as_str(), desk.count("resend")),
        ("await_payment", 1)
    );
    world.advance(TimeDelta::minutes(3)).await;
    world.event("INV-1", "renew").await;
    assert_eq!(desk.count("resend"), 2);
    let world = world.restarted().await;
    world.advance(TimeDelta::minutes(3)).await;
    world.event("INV-1", "renew").await;
    assert_eq!(
        (world.state("INV-1").await.as_str(), desk.count("resend")),
        ("refused", 2)
    );
    assert_eq!(
        world.links().await[0].sendings,
        3,
        "the creation was the first"
    );
}

fn by_slip() -> Json {
    json!({ "transaction": { "value": "item.slip_no" } })
}

#[tokio::test]
async fn money_that_came_another_way_pays_the_link_once_and_closes_it() {
    let options = json!({ "script": { "pay": { "after": "1d" } } });
    let world = World::running(options, working("record_payment", by_slip())).await;
    with_slip(&world, "INV-1", "S-1").await;
    world.event("INV-1", "renew").await;
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(statuses(&world).await, [LinkStatus::Paid]);
    let receipts = world.crm().receipts();
    assert_eq!(
        (receipts.len(), receipts[0].transaction.as_str()),
        (1, "S-1")
    );
    // The same slip pays nothing else.
    with_slip(&world, "INV-2", "S-1").await;
    world.event("INV-2", "renew").await;
    assert_eq!(world.state("INV-2").await, "refused");
    assert_eq!(world.crm().receipts().len(), 1);
    world.advance(TimeDelta::days(4)).await;
    let paid = |id: &str| {
        let receipts = world.crm().receipts();
        let of = receipts.iter().filter(|receipt| receipt.item == item(id));
        of.count()
    };
    assert_eq!(
        (paid("INV-1"), paid("INV-2")),
        (1, 1),
        "nobody could pay by the closed link, and the other one stayed open"
    );
    world.sound("INV-1").await;
    world.sound("INV-2").await;
}

#[tokio::test]
async fn a_receipt_without_a_link_is_registered_once_for_a_number() {
    let settings = json!({
        "account": "main", "amount": "500000 IRR", "transaction": { "field": "slip_no" },
        "receipt": { "type": "cash", "approve": "auto", "field": "cash_receipt" },
    });
    let world = World::running(
        json!({ "script": "never" }),
        working("register_receipt", settings),
    )
    .await;
    with_slip(&world, "INV-1", " S-9 ").await;
    world.event("INV-1", "renew").await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    let receipts = world.crm().receipts();
    assert_eq!(receipts.len(), 1);
    assert_eq!(
        (receipts[0].transaction.as_str(), receipts[0].amount),
        ("S-9", irr(500_000))
    );
    let field = Value::Receipt(receipts[0].id.to_string());
    assert_eq!(world.instance("INV-1").await.fields["cash_receipt"], field);
    assert_eq!(
        world.crm().item(&item("INV-1")).unwrap().fields["cash_receipt"],
        field
    );
    with_slip(&world, "INV-2", "S-9").await;
    world.event("INV-2", "renew").await;
    assert_eq!(world.state("INV-2").await, "refused");
    assert_eq!(world.crm().receipts().len(), 1);
    assert_eq!(
        statuses(&world).await,
        [LinkStatus::Created, LinkStatus::Created]
    );
    world.sound("INV-1").await;
}
