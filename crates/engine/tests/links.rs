//! The life of a payment link: paid, paid twice, late, never; callbacks that lie, repeat or get lost.

use std::sync::Arc;

use chrono::TimeDelta;
use engine::{Engine, Input};
use host::Host;
use payment::{GatewayError, LinkStatus, PaymentFact, StatusReport};
use serde_json::{Value as Json, json};
use values::{Currency, Fields, Value, Zone};

use crate::support::{
    GatewayTap, World, account, flagship, host_tapped, irr, item, renewing, renewing_with, sandbox,
    tapped,
};

fn paid_after(span: &str) -> Json {
    json!({ "script": { "pay": { "after": span } } })
}

fn paid_without_callback(span: &str) -> Json {
    json!({ "script": { "pay": { "after": span }, "callback": "lost" } })
}

fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

#[tokio::test]
async fn a_link_paid_twice_makes_two_payments_and_one_paid_event() {
    let options = json!({ "script": { "pay": { "after": "10m", "twice": true } } });
    let world = World::new(options).await;
    world.approved("INV-1").await;
    world.advance(minutes(30)).await;
    assert_eq!(world.state("INV-1").await, "done");
    let payments = world.engine.payments().await.unwrap();
    assert_eq!(payments.len(), 2);
    let lines = world.history("INV-1").await;
    let told = |outcome: &str| {
        let paid = lines.iter().filter(|line| line.row.kind == "payment");
        paid.filter(|line| line.row.notes.iter().any(|note| note == outcome))
            .count()
    };
    assert_eq!((told("paid"), told("paid_again")), (1, 1));
    // Both are real money: each has its receipt, the field keeps the one that was asked for.
    assert_eq!(world.crm().receipts().len(), 2);
    let first = payments
        .iter()
        .min_by_key(|payment| payment.fact.paid_at)
        .unwrap();
    let receipt = Value::Receipt(first.receipt.as_ref().unwrap().to_string());
    assert_eq!(world.instance("INV-1").await.fields["receipt"], receipt);
    assert_eq!(
        world.crm().item(&item("INV-1")).unwrap().fields["receipt"],
        receipt
    );
    assert_eq!(world.attention_codes().await, ["paid_again"]);
    world.sound("INV-1").await;
}

#[tokio::test]
async fn two_payments_in_one_report_are_recorded_in_one_commit() {
    let options = json!({
        "script": { "pay": { "after": "2m", "twice": true }, "callback": "lost" },
    });
    let world = World::new(options).await;
    world.approved("INV-1").await;
    // The reading after the second payment sees both.
    world.advance(minutes(7)).await;
    assert_eq!(world.engine.payments().await.unwrap().len(), 2);
    let kinds = world.kinds("INV-1").await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "payment").count(), 1);
    assert_eq!(world.crm().receipts().len(), 2);
}

#[tokio::test]
async fn a_link_paid_late_takes_the_late_way_after_it_had_expired() {
    let options = json!({ "script": { "pay": { "late": "1h" } } });
    let world = World::new(options).await;
    world.approved("INV-1").await;
    world.advance(TimeDelta::days(3)).await;
    assert_eq!(world.state("INV-1").await, "remind");
    assert_eq!(world.links().await[0].status, LinkStatus::Expired);
    world.advance(TimeDelta::hours(2)).await;
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(world.links().await[0].status, LinkStatus::PaidLate);
    assert_eq!(world.crm().receipts().len(), 1);
    world.sound("INV-1").await;
}

#[tokio::test]
async fn a_link_expires_exactly_at_its_moment() {
    let world = World::new(json!({ "script": "never" })).await;
    world.approved("INV-1").await;
    let expires_at = world.links().await[0].expires_at;
    let before = expires_at - TimeDelta::milliseconds(1);
    world.try_advance_to(before).await.unwrap();
    assert_eq!(world.state("INV-1").await, "await_payment");
    assert_eq!(world.engine.next_due().await.unwrap(), Some(expires_at));
    world.try_advance_to(expires_at).await.unwrap();
    assert_eq!(world.state("INV-1").await, "remind");
}

#[tokio::test]
async fn a_payment_without_a_callback_is_found_by_reading() {
    let world = World::new(paid_without_callback("10m")).await;
    world.approved("INV-1").await;
    world.advance(minutes(20)).await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    world.advance(minutes(2)).await;
    assert_eq!(world.state("INV-1").await, "done");
}

#[tokio::test]
async fn a_callback_that_comes_again_and_again_counts_once() {
    let options = json!({ "script": { "pay": { "after": "10m" }, "callback": "repeated" } });
    let world = World::new(options).await;
    world.approved("INV-1").await;
    world.advance(TimeDelta::days(2)).await;
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(world.engine.payments().await.unwrap().len(), 1);
    assert_eq!(world.crm().receipts().len(), 1);
}

#[tokio::test]
async fn a_callback_before_the_answer_is_not_lost() {
    let options = json!({ "script": { "pay": { "after": "10m" }, "callback": "early" } });
    let (parts, tap) = tapped(options);
    let world = Arc::new(parts.world().await);
    world.engine.deploy(flagship()).await.unwrap();
    world.start("INV-1").await;
    let gate = tap.hold("create");
    let approve = Input::action(item("INV-1"), "approve", "zahra");
    world.engine.submit(approve).await.unwrap();
    let engine = world.engine.clone();
    let working = tokio::spawn(async move { engine.settle().await });
    while tap.count("create") == 0 {
        tokio::task::yield_now().await;
    }
    // The call comes while the answer is still on its way.
    world.settle().await;
    assert_eq!(world.state("INV-1").await, "make_link");
    gate.notify_one();
    working.await.unwrap().unwrap();
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(world.engine.payments().await.unwrap().len(), 1);
}

/// Clause 42: a provider's call about a reference whose outcome is unknown makes the engine ask at once.
#[tokio::test]
async fn a_callback_resolves_an_unknown_outcome_at_once() {
    let options = json!({
        "script": {
            "create": "timeout_after_accepting", "pay": { "after": "10m" }, "callback": "early",
        },
    });
    let world = World::new(options).await;
    world.start("INV-1").await;
    let approve = Input::action(item("INV-1"), "approve", "zahra");
    world.engine.submit(approve).await.unwrap();
    let before = world.engine.now();
    world.settle().await;
    // Without the call the engine would come back ten seconds later.
    assert_eq!(world.engine.now(), before);
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(world.audit().links.len(), 1);
    world.sound("INV-1").await;
}

#[tokio::test]
async fn a_callback_wakes_even_a_request_that_was_given_up() {
    let options = json!({
        "profile": "unique_reference",
        "script": {
            "create": "timeout_after_accepting", "pay": { "after": "8h" }, "callback": "sent",
        },
    });
    let (parts, tap) = tapped(options);
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    // The gateway is unreachable until the request has been given up.
    tap.before(|what| {
        what.starts_with("find")
            .then(|| GatewayError::retryable("away", "away"))
    });
    world.approved("INV-1").await;
    world.advance(TimeDelta::hours(4)).await;
    assert!(world.incident("INV-1").await.is_some());
    tap.before(|_| None);
    world.advance(TimeDelta::hours(5)).await;
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(world.incident("INV-1").await, None);
    assert!(world.attention().await.is_empty());
    world.sound("INV-1").await;
}

#[tokio::test]
async fn a_signed_callback_is_believed_without_asking() {
    let (parts, tap) = tapped(json!({ "script": "never" }));
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    world.approved("INV-1").await;
    let link = world.links().await.remove(0);
    let report = StatusReport {
        reference: link.reference.clone(),
        status: LinkStatus::Paid,
        payments: vec![PaymentFact {
            transaction: "t-1".to_owned(),
            amount: link.amount,
            paid_at: world.engine.now(),
            tracking_no: Some("77".to_owned()),
        }],
    };
    let body = format!("signed {}", serde_json::to_string(&report).unwrap());
    tap.notify(world.engine.now(), &body);
    world.settle().await;
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(tap.count("status"), 0);
    let link = world.links().await.remove(0);
    assert_eq!(
        (link.status, link.tracking_no.as_deref()),
        (LinkStatus::Paid, Some("77"))
    );
}

#[tokio::test]
async fn an_unsigned_callback_proves_nothing() {
    let (parts, tap) = tapped(json!({ "script": "never" }));
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    world.approved("INV-1").await;
    let reference = world.links().await[0].reference.clone();
    let hint = json!({ "notice": "n", "account": "main", "reference": reference, "link": "l" });
    tap.notify(world.engine.now(), &hint.to_string());
    tap.notify(world.engine.now(), "{");
    let unknown = json!({ "notice": "n", "account": "main", "reference": "x/y/z/1", "link": "l" });
    tap.notify(world.engine.now(), &unknown.to_string());
    world.settle().await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    assert_eq!(tap.count("status"), 1);
}

#[tokio::test]
async fn a_payment_of_another_amount_moves_nothing_and_is_left_to_a_person() {
    for amount in [44_999_999, 45_000_001, 450_000_000] {
        let (parts, tap) = tapped(paid_after("10m"));
        let world = parts.world().await;
        world.engine.deploy(flagship()).await.unwrap();
        tap.report(move |report| {
            report
                .payments
                .iter_mut()
                .for_each(|fact| fact.amount = irr(amount));
        });
        world.approved("INV-1").await;
        world.advance(minutes(40)).await;
        assert_eq!(world.state("INV-1").await, "await_payment");
        assert!(world.engine.payments().await.unwrap().is_empty());
        assert!(world.crm().receipts().is_empty());
        // Once, however often it is seen.
        assert_eq!(world.attention_codes().await, ["amount_mismatch"]);
        let lines = world.history("INV-1").await;
        let told =
            |line: &&engine::HistoryView| line.row.notes.iter().any(|note| note == "quarantined");
        assert_eq!(lines.iter().filter(told).count(), 1);
        assert_eq!(world.links().await[0].status, LinkStatus::Quarantined);
        assert!(
            world.engine.next_due().await.unwrap().is_some(),
            "it is read on"
        );
    }
}

#[tokio::test]
async fn paid_without_a_payment_proves_nothing() {
    let (parts, tap) = tapped(paid_after("10m"));
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    tap.report(|report| report.payments.clear());
    world.approved("INV-1").await;
    world.advance(minutes(15)).await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    tap.report(|_| {});
    world.advance(minutes(15)).await;
    assert_eq!(world.state("INV-1").await, "done");
}

#[tokio::test]
async fn an_answer_about_another_order_moves_nothing() {
    let (parts, tap) = tapped(paid_after("10m"));
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    tap.report(|report| report.reference = "invoice/other/make_link/2".to_owned());
    world.approved("INV-1").await;
    world.advance(minutes(15)).await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    assert_eq!(world.attention_codes().await, ["reference_mismatch"]);
}

#[tokio::test]
async fn one_transaction_pays_one_link() {
    let (parts, tap) = tapped(paid_after("10m"));
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    tap.report(|report| {
        report
            .payments
            .iter_mut()
            .for_each(|fact| fact.transaction = "same".to_owned());
    });
    world.approved("INV-1").await;
    world.advance(minutes(15)).await;
    world.approved("INV-2").await;
    world.advance(minutes(15)).await;
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(world.state("INV-2").await, "await_payment");
    assert_eq!(world.attention_codes().await, ["transaction_reused"]);
    assert_eq!(world.engine.payments().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_callback_of_another_account_is_not_believed() {
    let main = sandbox(json!({ "script": "never" }));
    let other = GatewayTap::on(&sandbox(json!({ "script": "never" })));
    let world = crate::support::Parts::new(json!({}));
    let engine = Engine::builder()
        .store(world.store.clone())
        .host(Host::from_one(world.crm.clone()))
        .account(account(), main.clone())
        .account(
            activity::Account {
                name: "other".into(),
                ..account()
            },
            other.clone(),
        )
        .clock(world.clock.clone())
        .zone(Zone::parse("Asia/Tehran").unwrap())
        .build()
        .await
        .unwrap();
    engine.deploy(flagship()).await.unwrap();
    crate::support::put_invoice(&world.crm, "INV-1", 45_000_000);
    engine.submit(Input::start(item("INV-1"))).await.unwrap();
    engine
        .submit(Input::action(item("INV-1"), "approve", "zahra"))
        .await
        .unwrap();
    engine.settle().await.unwrap();
    let link = engine.links().await.unwrap().remove(0);
    let report = StatusReport {
        reference: link.reference.clone(),
        status: LinkStatus::Paid,
        payments: vec![PaymentFact {
            transaction: "t-1".to_owned(),
            amount: link.amount,
            paid_at: engine.now(),
            tracking_no: None,
        }],
    };
    let body = format!("signed {}", serde_json::to_string(&report).unwrap());
    other.notify(engine.now(), &body);
    engine.settle().await.unwrap();
    let instance = engine.instance(&item("INV-1")).await.unwrap().unwrap();
    assert_eq!(instance.state, "await_payment");
    assert!(engine.payments().await.unwrap().is_empty());
}

/// Clause 41: a new entry closes the earlier link for certain before it makes another one.
#[tokio::test]
async fn a_new_entry_closes_the_earlier_link_first() {
    let (parts, tap) = tapped(json!({ "script": "never" }));
    let world = parts.world().await;
    world.engine.deploy(renewing()).await.unwrap();
    world.approved("INV-1").await;
    world.advance(minutes(3)).await;
    world.event("INV-1", "renew").await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    let requests = tap.requests();
    let place = |what: &str| {
        requests
            .iter()
            .rposition(|request| request.starts_with(what))
            .unwrap()
    };
    assert!(
        place("deactivate") < place("status") && place("status") < place("create"),
        "{requests:?}"
    );
    let links = world.links().await;
    assert_eq!(links[0].status, LinkStatus::Superseded);
    assert_eq!(links[1].status, LinkStatus::Created);
    assert_ne!(links[0].reference, links[1].reference);
    let live = world
        .audit()
        .links
        .into_iter()
        .filter(|link| link.live)
        .count();
    assert_eq!(live, 1);
    world.sound("INV-1").await;
}

#[tokio::test]
async fn a_new_entry_waits_while_the_earlier_link_cannot_be_closed() {
    let world = World::running(
        json!({ "script": "never", "deactivate": false }),
        renewing(),
    )
    .await;
    world.approved("INV-1").await;
    let expires_at = world.links().await[0].expires_at;
    world.advance(minutes(3)).await;
    world.event("INV-1", "renew").await;
    assert_eq!(world.state("INV-1").await, "make_link");
    world.try_advance_to(expires_at - minutes(1)).await.unwrap();
    assert_eq!(world.audit().links.len(), 1);
    world.advance(minutes(2)).await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    assert_eq!(world.audit().links.len(), 2);
    assert_eq!(world.links().await[0].status, LinkStatus::Expired);
    world.sound("INV-1").await;
}

/// Clause 41: if the earlier link turns out paid, the payment wins, and there is no second link.
#[tokio::test]
async fn an_earlier_link_that_turns_out_paid_wins() {
    let routes: [&[(&str, Option<&str>, &str)]; 2] = [&[("paid", Some("make_link"), "done")], &[]];
    for (routes, ends_in) in routes.into_iter().zip(["done", "failed"]) {
        let world = World::running(paid_without_callback("10m"), renewing_with(routes)).await;
        world.approved("INV-1").await;
        world.advance(minutes(12)).await;
        assert_eq!(world.state("INV-1").await, "await_payment");
        world.event("INV-1", "renew").await;
        assert_eq!(world.state("INV-1").await, ends_in);
        assert_eq!(world.audit().links.len(), 1, "no second link");
        assert_eq!(world.engine.payments().await.unwrap().len(), 1);
        assert_eq!(world.crm().receipts().len(), 1);
        world.sound("INV-1").await;
    }
}

#[tokio::test]
async fn an_open_link_is_read_on_after_its_item_has_ended() {
    let world = World::running(paid_without_callback("10m"), renewing()).await;
    world.approved("INV-1").await;
    world.event("INV-1", "stop").await;
    world.act("INV-1", "end", "zahra").await;
    assert_eq!(world.state("INV-1").await, "given_up");
    world.advance(TimeDelta::hours(1)).await;
    // The money is recorded and has its receipt; the item stays where it ended.
    assert_eq!(world.state("INV-1").await, "given_up");
    assert_eq!(world.links().await[0].status, LinkStatus::Paid);
    assert_eq!(world.crm().receipts().len(), 1);
    world.sound("INV-1").await;
}

#[tokio::test]
async fn a_receipt_is_registered_once_however_often_the_crm_does_not_answer() {
    let (parts, tap) = host_tapped(paid_after("10m"));
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    let mut times = 0;
    tap.after(move |what| {
        times += usize::from(what.contains("register_receipt"));
        let lost = what.contains("register_receipt") && times <= 3;
        lost.then(|| host::Error::timeout("items.apply", "no answer"))
    });
    world.approved("INV-1").await;
    world.advance(TimeDelta::hours(1)).await;
    assert_eq!(world.state("INV-1").await, "done");
    let asked: Vec<String> = tap
        .calls()
        .into_iter()
        .filter(|call| call.contains("register_receipt"))
        .collect();
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert!(
        asked.iter().all(|call| call == &asked[0]),
        "one key for all attempts"
    );
    assert_eq!(world.crm().receipts().len(), 1);
    let balance = host::Ledger::balance(world.crm(), &"p1".into(), Currency::Irr)
        .await
        .unwrap();
    assert_eq!(balance, irr(55_000_000));
    assert!(world.engine.receipts().await.unwrap()[0].registered);
    // The field comes after the receipt it points at.
    let calls = tap.calls();
    let place = |what: &str| calls.iter().rposition(|call| call.contains(what)).unwrap();
    assert!(
        place("register_receipt") < place("attach_receipt"),
        "{calls:?}"
    );
}

#[tokio::test]
async fn a_reading_that_fails_is_made_again_soon_and_the_moment_of_expiry_is_not_missed() {
    let (parts, tap) = tapped(json!({ "script": "never" }));
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    world.approved("INV-1").await;
    let expires_at = world.links().await[0].expires_at;
    let away = |what: &str| {
        what.starts_with("status")
            .then(|| GatewayError::retryable("away", "away"))
    };
    tap.before(away);
    world.try_advance_to(expires_at + minutes(7)).await.unwrap();
    assert_eq!(world.state("INV-1").await, "await_payment");
    tap.before(|_| None);
    world.advance(minutes(6)).await;
    assert_eq!(world.state("INV-1").await, "remind");
}

#[tokio::test]
async fn a_link_the_gateway_forgets_to_close_is_looked_at_often_after_its_expiry() {
    let (parts, tap) = tapped(json!({ "script": "never" }));
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    tap.report(|report| report.status = LinkStatus::Created);
    world.approved("INV-1").await;
    let expires_at = world.links().await[0].expires_at;
    world.try_advance_to(expires_at + minutes(2)).await.unwrap();
    tap.report(|_| {});
    world.advance(minutes(4)).await;
    assert_eq!(world.state("INV-1").await, "remind");
}

#[tokio::test]
async fn money_that_comes_while_the_item_is_held_is_recorded_at_once_and_applied_later() {
    let world = World::new(paid_after("10m")).await;
    world.approved("INV-1").await;
    let hold = engine::Event::Hold {
        actor: "omid".into(),
        reason: "audit".to_owned(),
        until: None,
    };
    world
        .engine
        .submit(Input::new(item("INV-1"), hold))
        .await
        .unwrap();
    world.advance(minutes(15)).await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    assert_eq!(world.links().await[0].status, LinkStatus::Paid);
    assert_eq!(world.crm().receipts().len(), 1);
    let resume = engine::Event::Resume {
        actor: "omid".into(),
    };
    world
        .engine
        .submit(Input::new(item("INV-1"), resume))
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(world.state("INV-1").await, "done");
    let attached = world
        .crm()
        .item(&item("INV-1"))
        .unwrap()
        .fields
        .get("receipt")
        .cloned();
    assert_eq!(
        attached,
        world.instance("INV-1").await.fields.get("receipt").cloned()
    );
    world.sound("INV-1").await;
}

const PROFILES: [&str; 4] = ["idempotent", "unique_reference", "lookup_only", "nothing"];

/// A model whose link step routes what nobody knows, and can then be entered again.
fn routing_unknown() -> state_machine::Definition {
    use crate::support::{activity, link_settings, model, state, task, wait_payment};
    let next = [
        ("success", "await_payment"),
        ("error", "failed"),
        ("unknown", "doubtful"),
    ];
    model(json!([
        state("review", task("sales_manager", &[("approve", "make_link")])),
        state(
            "make_link",
            activity("create_payment_link", link_settings(), &next)
        ),
        state("doubtful", task("sales_manager", &[("again", "make_link")])),
        state(
            "await_payment",
            wait_payment("make_link", &[("paid", "done")])
        ),
        state("done", json!({ "end": "success" })),
        state("failed", json!({ "end": "failed" })),
    ]))
}

/// How many links of the item could be paid at one moment, over all its references.
fn most_live(world: &World) -> usize {
    let links = world.audit().links;
    let open = |at| {
        let mine = links.iter();
        mine.filter(|link| link.created_at <= at && at < link.open_until)
            .count()
    };
    links
        .iter()
        .map(|link| open(link.created_at))
        .max()
        .unwrap_or(0)
}

/// Clause 41: a step that was left without knowing makes no second link beside one that may exist.
#[tokio::test]
async fn a_step_left_without_knowing_closes_what_it_may_have_made_before_it_makes_another() {
    for profile in PROFILES {
        let options = json!({
            "profile": profile,
            "script": { "creates": ["timeout_after_accepting", "created"], "pay": "never" },
        });
        let (parts, tap) = tapped(options);
        let world = parts.world().await;
        world.engine.deploy(renewing()).await.unwrap();
        // The second create of the first reference never comes: the item is taken out before.
        world.approved("INV-1").await;
        world.event("INV-1", "stop").await;
        world.act("INV-1", "again", "zahra").await;
        world.advance(TimeDelta::hours(1)).await;
        if profile == "nothing" {
            assert_eq!(world.state("INV-1").await, "make_link");
            assert_eq!(world.attention_codes().await, ["abandoned_link"]);
            assert_eq!(world.audit().links.len(), 1);
            world.advance(TimeDelta::days(3)).await;
        }
        assert_eq!(most_live(&world), 1, "{profile}: {:?}", tap.requests());
        // Where nobody can tell, the wait is as long as the first link might live, and so too long for
        // the expiry of the second.
        let expected = match profile {
            "nothing" => "failed",
            _ => "await_payment",
        };
        assert_eq!(world.state("INV-1").await, expected, "{profile}");
        let first = world.links().await.remove(0);
        assert!(first.abandoned && first.status.is_closed(), "{first:?}");
        world.sound("INV-1").await;
    }
}

/// Clause 41: where the provider lets nothing expire, time proves nothing: a person looks there first.
#[tokio::test]
async fn a_link_nobody_can_tell_anything_about_is_in_the_way_until_a_person_has_looked() {
    let options = json!({
        "profile": "nothing",
        "script": { "creates": ["timeout_after_accepting", "created"], "pay": "never" },
    });
    let (parts, tap) = tapped(options);
    tap.never_closes();
    let world = parts.world().await;
    world.engine.deploy(renewing()).await.unwrap();
    world.approved("INV-1").await;
    world.event("INV-1", "stop").await;
    world.act("INV-1", "again", "zahra").await;
    world.advance(TimeDelta::days(30)).await;
    assert_eq!(world.state("INV-1").await, "make_link");
    assert_eq!(world.audit().links.len(), 1);
    let looked = world.attention().await.remove(0);
    assert_eq!(looked.code, "abandoned_link");
    world
        .engine
        .resolve_attention(
            &item("INV-1"),
            &looked.reason,
            &"omid".into(),
            "no such link",
        )
        .await
        .unwrap();
    let first = world.links().await.remove(0);
    assert_eq!(first.status, LinkStatus::CreateFailed);
    world.advance(TimeDelta::days(2)).await;
    assert_ne!(world.state("INV-1").await, "make_link");
    world.sound("INV-1").await;
}

/// Clause 39: a look-up that does not reach back to the first sending cannot say that a link was never made.
#[tokio::test]
async fn an_abandoned_link_beyond_the_reach_of_the_look_up_waits_for_a_person() {
    for (days, decided) in [(3, true), (9, false)] {
        let options = json!({
            "profile": "lookup_only",
            "script": { "creates": ["timeout_before_accepting", "created"], "pay": "never" },
        });
        let (parts, tap) = tapped(options);
        tap.never_closes();
        tap.reaches(TimeDelta::days(7));
        let world = parts.world().await;
        world.engine.deploy(renewing()).await.unwrap();
        world.approved("INV-1").await;
        // The provider is away for days, and so is its list.
        tap.before(|what| {
            let busy = GatewayError::retryable("away", "no answer");
            what.starts_with("find").then_some(busy)
        });
        world.event("INV-1", "stop").await;
        world.advance(TimeDelta::days(days)).await;
        tap.before(|_| None);
        world.act("INV-1", "again", "zahra").await;
        world.advance(TimeDelta::hours(2)).await;
        let first = world.links().await.remove(0);
        assert_eq!(
            first.status == LinkStatus::CreateFailed,
            decided,
            "{days}: {first:?}"
        );
        let codes = world.attention_codes().await;
        assert_eq!(
            codes.contains(&"abandoned_link".to_owned()),
            !decided,
            "{codes:?}"
        );
        assert_eq!(world.state("INV-1").await == "make_link", !decided);
        world.sound("INV-1").await;
    }
}

#[tokio::test]
async fn an_unknown_outcome_that_is_routed_is_cleared_up_before_the_step_is_done_again() {
    // The gateway allows nothing: the first unknown is routed at once.
    let options = json!({
        "profile": "nothing",
        "script": {
            "cases": [{ "when": { "order": 1 }, "create": "timeout_before_accepting" }],
            "pay": { "after": "10m" },
        },
    });
    let world = World::running(options, routing_unknown()).await;
    world.approved("INV-1").await;
    assert_eq!(world.state("INV-1").await, "doubtful");
    let doubtful = world.links().await.remove(0);
    assert_eq!(
        (doubtful.status, doubtful.abandoned),
        (LinkStatus::Unknown, true)
    );
    world.advance(TimeDelta::days(1)).await;
    world.act("INV-1", "again", "zahra").await;
    world.advance(TimeDelta::days(1)).await;
    assert_eq!(
        world.audit().links.len(),
        0,
        "nobody can tell, so nothing is sent"
    );
    world
        .try_advance_to(doubtful.expires_at + TimeDelta::hours(1))
        .await
        .unwrap();
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(world.audit().links.len(), 1);
    assert!(world.attention().await.is_empty());
    world.sound("INV-1").await;
}

#[tokio::test]
async fn money_for_a_link_of_a_left_step_is_not_lost() {
    let options = json!({
        "script": {
            "create": "timeout_after_accepting",
            "pay": { "after": "10s", "in_flight": true }, "callback": "lost",
        },
    });
    let world = World::running(
        options,
        renewing_with(&[("paid", Some("make_link"), "done")]),
    )
    .await;
    world.approved("INV-1").await;
    world.event("INV-1", "stop").await;
    assert_eq!(world.links().await[0].status, LinkStatus::Cancelled);
    world.advance(TimeDelta::days(4)).await;
    let link = world.links().await.remove(0);
    assert_eq!(link.status, LinkStatus::PaidAfterCancel);
    assert_eq!(world.crm().receipts().len(), 1);
    assert_eq!(world.state("INV-1").await, "done");
    world.sound("INV-1").await;
}

/// Clause 34: a success that comes when its state has been left is still evidence.
#[tokio::test]
async fn a_link_whose_answer_comes_too_late_is_written_down_and_closed() {
    for profile in PROFILES {
        let (parts, tap) = tapped(json!({ "profile": profile, "script": "never" }));
        let world = Arc::new(parts.world().await);
        world.engine.deploy(renewing()).await.unwrap();
        world.start("INV-1").await;
        let gate = tap.hold("create");
        let approve = Input::action(item("INV-1"), "approve", "zahra");
        world.engine.submit(approve).await.unwrap();
        let engine = world.engine.clone();
        let working = tokio::spawn(async move { engine.settle().await });
        while tap.count("create") == 0 {
            tokio::task::yield_now().await;
        }
        let stop = Input::event(item("INV-1"), "stop", Fields::new());
        world.engine.submit(stop).await.unwrap();
        gate.notify_one();
        working.await.unwrap().unwrap();
        world.settle().await;
        world.advance(TimeDelta::hours(1)).await;
        let link = world.links().await.remove(0);
        assert_eq!(link.status, LinkStatus::Cancelled, "{profile}");
        assert!(world.messages().await.is_empty(), "nobody is told about it");
        assert!(world.attention().await.is_empty());
        assert_eq!(world.state("INV-1").await, "stopped");
        world.sound("INV-1").await;
    }
}

/// Clause 34: a failure of an attempt that a later one has overtaken says nothing.
#[tokio::test]
async fn a_failure_that_comes_too_late_is_void() {
    let (parts, tap) = tapped(json!({ "script": "never" }));
    let world = Arc::new(parts.world().await);
    world.engine.deploy(flagship()).await.unwrap();
    world.start("INV-1").await;
    let gate = tap.hold("create");
    let mut creates = 0;
    tap.after(move |what| {
        creates += usize::from(what.starts_with("create"));
        // Only the first attempt is refused, long after the second one has begun.
        let refused = what.starts_with("create") && creates == 1;
        refused.then(|| GatewayError::permanent("refused", "no"))
    });
    let approve = Input::action(item("INV-1"), "approve", "zahra");
    world.engine.submit(approve).await.unwrap();
    let engine = world.engine.clone();
    let first = tokio::spawn(async move { engine.settle().await });
    while tap.count("create") == 0 {
        tokio::task::yield_now().await;
    }
    // The first attempt hangs beyond its time, so a second one is made.
    world.parts.clock.set(world.engine.now() + minutes(2));
    let engine = world.engine.clone();
    let second = tokio::spawn(async move { engine.settle().await });
    while tap.count("create") == 1 {
        tokio::task::yield_now().await;
    }
    gate.notify_one();
    first.await.unwrap().unwrap();
    assert_eq!(
        world.state("INV-1").await,
        "make_link",
        "the refusal is void"
    );
    gate.notify_one();
    second.await.unwrap().unwrap();
    world.settle().await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    assert_eq!(world.audit().links.len(), 1);
    world.sound("INV-1").await;
}
