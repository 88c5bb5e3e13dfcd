//! Providers' calls over the network: kept before they are answered, believed as far as they prove
//! something, refused alike.

use chrono::TimeDelta;
use engine::CALLBACK_BYTES_MAX;
use payment::{CallbackParts, CallbackReply, LinkStatus};
use persistence::{ErrorKind, Operation, Table};
use serde_json::json;

use crate::support::{Desk, Parts, StoreTap, World, at_desk, fact, irr, item, paid, waiting};

async fn at(desk: Desk) -> (World, std::sync::Arc<Desk>) {
    let (parts, desk) = at_desk(desk);
    let world = parts.world().await;
    world.engine.deploy(waiting(&[], json!({}))).await.unwrap();
    (world, desk)
}

async fn call(world: &World, parts: CallbackParts) -> CallbackReply {
    let account = "main".into();
    world.engine.handle_callback(&account, parts).await.unwrap()
}

fn number_of(desk: &Desk, reference: &str) -> String {
    payment::Gateway::order_no(desk, reference)
}

/// How many calls the item's history keeps.
async fn kept(world: &World) -> usize {
    let kinds = world.kinds("INV-1").await;
    kinds.iter().filter(|kind| *kind == "callback").count()
}

/// Clause 42: a call is correlated by our reference or by the order number.
#[tokio::test]
async fn a_signed_call_by_either_name_settles_the_link() {
    for by_number in [false, true] {
        let (world, desk) = at(Desk::new().numbered()).await;
        world.approved("INV-1").await;
        let link = world.links().await.remove(0);
        let number = number_of(&desk, &link.reference);
        let name = if by_number { &number } else { &link.reference };
        let report = paid(name, vec![fact("t-1", link.amount, world.engine.now())]);
        let reply = call(&world, Desk::signed(&report)).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "ok"));
        assert_eq!(world.state("INV-1").await, "done");
        assert_eq!(desk.count("status"), 0, "a signed call needs no question");
        assert_eq!(kept(&world).await, 1);
        world.sound("INV-1").await;
    }
}

#[tokio::test]
async fn an_order_number_is_understood_after_a_restart() {
    let (world, desk) = at(Desk::new().numbered()).await;
    world.approved("INV-1").await;
    let link = world.links().await.remove(0);
    let world = world.restarted().await;
    world.engine.deploy(waiting(&[], json!({}))).await.unwrap();
    let number = number_of(&desk, &link.reference);
    let report = paid(&number, vec![fact("t-1", link.amount, world.engine.now())]);
    assert_eq!(call(&world, Desk::signed(&report)).await.status, 200);
    assert_eq!(world.state("INV-1").await, "done");
}

/// Clause 45: a call is stored as it came before it is answered, and counts once.
#[tokio::test]
async fn a_thousand_repeats_of_a_call_change_nothing() {
    let (world, _desk) = at(Desk::new()).await;
    world.approved("INV-1").await;
    let link = world.links().await.remove(0);
    let report = paid(
        &link.reference,
        vec![fact("t-1", link.amount, world.engine.now())],
    );
    call(&world, Desk::signed(&report)).await;
    world.settle().await;
    let lines = world.history("INV-1").await;
    let raw = serde_json::to_string(
        &lines
            .iter()
            .find(|line| line.row.kind == "callback")
            .unwrap()
            .evidence,
    )
    .unwrap();
    assert!(raw.contains("t-1"), "{raw}");
    let version = lines.last().unwrap().sequence;
    for _ in 0..1_000 {
        assert_eq!(call(&world, Desk::signed(&report)).await.status, 200);
    }
    world.settle().await;
    let after = world.history("INV-1").await;
    assert_eq!(
        (after.len(), after.last().unwrap().sequence),
        (lines.len(), version)
    );
    assert_eq!(world.engine.payments().await.unwrap().len(), 1);
    assert_eq!(world.crm().receipts().len(), 1);
}

#[tokio::test]
async fn what_is_unknown_forged_malformed_or_too_large_gets_one_answer() {
    let (world, _desk) = at(Desk::new()).await;
    world.approved("INV-1").await;
    let before = world.rows(Table::Index).await;
    let mut large = Desk::hint("x", "");
    large.body.resize(CALLBACK_BYTES_MAX + 1, b'x');
    let unknown = paid(
        "invoice/other/make_link/1",
        vec![fact("t-1", irr(1), world.engine.now())],
    );
    let calls = [CallbackParts::default(), Desk::signed(&unknown), large];
    let mut replies = Vec::new();
    for parts in calls {
        replies.push(call(&world, parts).await);
    }
    let other = "other".into();
    let parts = CallbackParts::default();
    replies.push(world.engine.handle_callback(&other, parts).await.unwrap());
    assert!(
        replies.iter().all(|reply| reply == &replies[0]),
        "{replies:?}"
    );
    assert_eq!(replies[0].status, 400);
    // Whoever proves nothing is answered alike, whether the reference is ours or not.
    let reference = world.links().await.remove(0).reference;
    let known = call(&world, Desk::hint(&reference, "")).await;
    assert_eq!(call(&world, Desk::hint("nobody", "")).await, known);
    // They are kept all the same, the large one and that of an unknown account excepted.
    assert_eq!(world.rows(Table::Index).await, before + 4);
    assert_eq!(world.state("INV-1").await, "await_payment");
    assert_eq!(kept(&world).await, 1);
}

#[tokio::test]
async fn calls_that_prove_nothing_cannot_fill_the_store() {
    let (world, _desk) = at(Desk::new()).await;
    world.approved("INV-1").await;
    let reference = world.links().await[0].reference.clone();
    for number in 0..2_000 {
        call(&world, Desk::hint("nobody", &number.to_string())).await;
        call(&world, Desk::hint(&reference, &number.to_string())).await;
    }
    let rows = world.rows(Table::Index).await;
    assert!(rows <= 260, "{rows}");
    assert_eq!(kept(&world).await, 1);
}

/// Clause 42: what proves nothing makes us ask, once in a minute.
#[tokio::test]
async fn a_call_without_proof_forces_one_reading_in_a_minute() {
    let (world, desk) = at(Desk::new()).await;
    world.approved("INV-1").await;
    world.advance(TimeDelta::minutes(30)).await;
    let link = world.links().await.remove(0);
    let before = desk.count("status");
    for number in 0..20 {
        let parts = Desk::hint(&link.reference, &number.to_string());
        assert_eq!(call(&world, parts).await.status, 200);
        world.settle().await;
    }
    assert_eq!(desk.count("status"), before + 1);
    // The payment that came within the minute is seen when the minute is over.
    let now = world.engine.now();
    desk.say(
        &link.reference,
        LinkStatus::Paid,
        vec![fact("t-1", link.amount, now)],
    );
    call(&world, Desk::hint(&link.reference, "again")).await;
    world.advance(TimeDelta::seconds(59)).await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    world.advance(TimeDelta::seconds(1)).await;
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(desk.count("status"), before + 2);
    world.sound("INV-1").await;
}

/// Clause 42: a call that comes while a late reading is under way is not answered by that reading,
/// which may have been made before the payment.
#[tokio::test]
async fn a_call_during_a_reading_is_followed_by_another() {
    // The regular reading, and one that was made for a call before.
    for earlier_call in [false, true] {
        let (world, desk) = at(Desk::new()).await;
        world.approved("INV-1").await;
        let link = world.links().await.remove(0);
        if earlier_call {
            call(&world, Desk::hint(&link.reference, "first")).await;
        }
        // The machine was busy, so the reading comes later than it was due.
        let now = world.engine.now() + TimeDelta::seconds(90);
        world.parts.clock.set(now);
        let (engine, desk_then) = (world.engine.clone(), desk.clone());
        let (reference, amount) = (link.reference.clone(), link.amount);
        desk.meanwhile(async move {
            let payments = vec![fact("t-1", amount, now)];
            desk_then.say(&reference, LinkStatus::Paid, payments);
            let parts = Desk::hint(&reference, "second");
            engine.handle_callback(&"main".into(), parts).await.unwrap();
        });
        world.settle().await;
        world.advance(TimeDelta::minutes(1)).await;
        assert_eq!(world.state("INV-1").await, "done", "{earlier_call}");
        world.sound("INV-1").await;
    }
}

#[tokio::test]
async fn a_reading_for_a_call_survives_a_crash() {
    let (world, desk) = at(Desk::new()).await;
    world.approved("INV-1").await;
    world.advance(TimeDelta::minutes(30)).await;
    let link = world.links().await.remove(0);
    let now = world.engine.now();
    let payments = vec![fact("t-1", link.amount, now)];
    desk.say(&link.reference, LinkStatus::Paid, payments);
    call(&world, Desk::hint(&link.reference, "")).await;
    let world = world.restarted().await;
    world.settle().await;
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(world.engine.now(), now);
}

#[tokio::test]
async fn a_call_before_the_link_is_recorded_is_kept_and_heard() {
    let (world, desk) = at(Desk::new().numbered()).await;
    world.start("INV-1").await;
    let approve = engine::Input::action(item("INV-1"), "approve", "zahra");
    world.engine.submit(approve).await.unwrap();
    let reference = world.instance("INV-1").await.activity.unwrap().reference;
    let number = number_of(&desk, &reference);
    let early = paid(
        &number,
        vec![fact("t-1", irr(45_000_000), world.engine.now())],
    );
    // It may be said nowhere else, so the provider is asked to say it again.
    assert_eq!(call(&world, Desk::signed(&early)).await.status, 503);
    // What proves nothing is kept where it cannot fill the history.
    for number in 0..300 {
        let parts = Desk::hint(&number_of(&desk, &reference), &number.to_string());
        assert_eq!(call(&world, parts).await.status, 200);
    }
    assert_eq!(kept(&world).await, 1);
    let paid_first = early.payments.clone();
    desk.before(move |what, links| {
        if what == "status" {
            for link in links.values_mut() {
                link.status = LinkStatus::Paid;
                link.payments.clone_from(&paid_first);
            }
        }
        None
    });
    let before = world.engine.now();
    world.settle().await;
    assert_eq!(
        (world.state("INV-1").await, world.engine.now()),
        ("done".to_owned(), before)
    );
}

#[tokio::test]
async fn a_call_for_another_account_proves_nothing() {
    let (world, _desk) = at(Desk::new()).await;
    world.approved("INV-1").await;
    let link = world.links().await.remove(0);
    let report = paid(
        &link.reference,
        vec![fact("t-1", link.amount, world.engine.now())],
    );
    let other = "other".into();
    let reply = world
        .engine
        .handle_callback(&other, Desk::signed(&report))
        .await;
    assert_eq!(reply.unwrap().status, 400);
    assert_eq!(world.state("INV-1").await, "await_payment");
}

/// Clause 45: what was kept before a crash is settled when the provider calls again.
#[tokio::test]
async fn a_crash_between_keeping_and_settling_loses_nothing() {
    let (parts, _desk) = at_desk(Desk::new());
    let tap = StoreTap::on(parts.store.clone());
    let store = tap.clone();
    let world = Parts { store, ..parts }.world().await;
    world.engine.deploy(waiting(&[], json!({}))).await.unwrap();
    world.approved("INV-1").await;
    let link = world.links().await.remove(0);
    let mut commits = 0;
    tap.before(move |_| {
        commits += 1;
        let full = || persistence::Error::new(Operation::Commit, ErrorKind::Full);
        (commits == 2).then(full)
    });
    let now = world.engine.now();
    let report = paid(&link.reference, vec![fact("t-1", link.amount, now)]);
    let account = "main".into();
    let failed = world
        .engine
        .handle_callback(&account, Desk::signed(&report))
        .await;
    assert!(failed.is_err(), "no answer before it is settled");
    assert_eq!(kept(&world).await, 1);
    assert_eq!(world.state("INV-1").await, "await_payment");
    assert_eq!(call(&world, Desk::signed(&report)).await.status, 200);
    assert_eq!(
        (kept(&world).await, world.state("INV-1").await),
        (1, "done".to_owned())
    );
    world.sound("INV-1").await;
}

#[tokio::test]
async fn what_a_call_says_about_people_is_wiped_with_the_item() {
    let (world, _desk) = at(Desk::new()).await;
    world.approved("INV-1").await;
    let link = world.links().await.remove(0);
    let now = world.engine.now();
    let report = paid(&link.reference, vec![fact("secret-77", link.amount, now)]);
    call(&world, Desk::signed(&report)).await;
    world.settle().await;
    world.engine.erase_personal(&item("INV-1")).await.unwrap();
    let lines = world.history("INV-1").await;
    let line = lines
        .iter()
        .find(|line| line.row.kind == "callback")
        .unwrap();
    assert!(line.erased && line.evidence.is_none());
}

/// Clause 45: a flood of refused calls does not fill the store: the first of a minute leave a line, and the next
/// line says how many there were.
#[tokio::test]
async fn a_flood_of_refused_calls_does_not_fill_the_journal() {
    let (parts, _desk) = at_desk(Desk::new());
    let tap = StoreTap::on(parts.store.clone());
    let world = Parts {
        store: tap.clone(),
        ..parts
    };
    let world = world.world().await;
    world.engine.deploy(waiting(&[], json!({}))).await.unwrap();
    world.approved("INV-1").await;
    tap.taken();
    for number in 0..5_000 {
        let forged = CallbackParts {
            method: "POST".to_owned(),
            body: format!("forged {number}").into_bytes(),
            ..CallbackParts::default()
        };
        assert_eq!(call(&world, forged).await.status, 400);
        let unknown = Desk::hint(&format!("invoice/X/make_link/{number}"), "");
        assert_eq!(call(&world, unknown).await.status, 200);
    }
    assert_eq!(tap.taken().len(), 20, "ten for each reason");
    world
        .parts
        .clock
        .set(world.engine.now() + TimeDelta::minutes(1));
    call(&world, CallbackParts::default()).await;
    let commits = tap.taken();
    let row = format!("{:?}", String::from_utf8_lossy(row_of(&commits)));
    assert!(row.contains("\\\"u\\\":4990"), "{row}");
}

fn row_of(commits: &[persistence::Commit]) -> &[u8] {
    let [commit] = commits else {
        panic!("{} commits", commits.len());
    };
    let [persistence::Write::Put { row, .. }] = commit.writes.as_slice() else {
        panic!("{commit:?}");
    };
    &row.open
}

#[tokio::test]
async fn a_flood_of_hints_about_one_link_is_bounded_too() {
    let (parts, desk) = at_desk(Desk::new());
    let tap = StoreTap::on(parts.store.clone());
    let world = Parts {
        store: tap.clone(),
        ..parts
    };
    let world = world.world().await;
    world.engine.deploy(waiting(&[], json!({}))).await.unwrap();
    world.approved("INV-1").await;
    let id = world.links().await[0].id.clone();
    tap.taken();
    for number in 0..2_000 {
        let hint = Desk::hint(id.as_str(), &number.to_string());
        assert_eq!(call(&world, hint).await.status, 200);
        world.settle().await;
    }
    let commits = tap.taken().len();
    assert!(commits <= 20, "{commits} commits");
    assert!(desk.count("status") <= 2);
}

/// Clause 42: a call that comes while a reading is under way keeps its own reading: the one under way may have
/// seen nothing of what the call is about.
#[tokio::test]
async fn a_call_during_a_reading_keeps_its_own_reading() {
    for minutes_before in [0, 30] {
        let (world, desk) = at(Desk::new()).await;
        world.approved("INV-1").await;
        let link = world.links().await.remove(0);
        if minutes_before > 0 {
            // An earlier call has had its reading long ago.
            call(&world, Desk::hint(&link.reference, "early")).await;
            world.advance(TimeDelta::minutes(minutes_before)).await;
        }
        let due = world.links().await[0].next_poll.unwrap();
        world.parts.clock.set(due);
        let before = desk.count("status");
        let gate = desk.hold();
        let engine = world.engine.clone();
        let reading = tokio::spawn(async move { engine.settle().await });
        while desk.count("status") == before {
            tokio::task::yield_now().await;
        }
        // The provider has answered already, with nothing; now the customer pays, and it calls.
        let payments = vec![fact("t-1", link.amount, due)];
        desk.say(&link.reference, LinkStatus::Paid, payments);
        assert_eq!(
            call(&world, Desk::hint(&link.reference, "paid"))
                .await
                .status,
            200
        );
        desk.free(&gate);
        reading.await.unwrap().unwrap();
        world.settle().await;
        assert_eq!(
            world.engine.now(),
            due,
            "without waiting for the next regular reading"
        );
        assert_eq!(world.state("INV-1").await, "done", "after {minutes_before}");
        assert_eq!(desk.count("status"), before + 2);
    }
}
