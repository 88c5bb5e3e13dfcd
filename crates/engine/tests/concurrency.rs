//! The engine running by itself, on several threads and the machine's clock.

use std::sync::Arc;
use std::time::Duration;

use engine::{Engine, Error, Input, SystemClock};
use futures::future::join_all;
use payment::GatewayError;
use persistence::{ErrorKind, Operation, Table};
use serde_json::json;

use crate::support::{
    GatewayTap, Parts, Scripted, StoreTap, account, brings, flagship, item, put_invoice, scripted,
};

async fn on_real_time(parts: &Parts) -> Engine {
    Engine::builder()
        .store(parts.store.clone())
        .host(parts.host.clone())
        .account(account(), parts.gateway.clone())
        .clock(Arc::new(SystemClock))
        .catalog(parts.catalog.clone())
        .limits(parts.limits.clone())
        .build()
        .await
        .unwrap()
}

/// Runs the engine until something holds.
async fn run_until(
    engine: &Engine,
    mut holds: impl AsyncFnMut(&Engine) -> bool,
) -> Result<(), Error> {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = engine.clone();
    let running = tokio::spawn(async move {
        running
            .run(async {
                stopped.await.ok();
            })
            .await
    });
    while !running.is_finished() && !holds(engine).await {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.send(()).ok();
    running.await.unwrap()
}

async fn are_in(engine: &Engine, state: &str, count: usize) -> bool {
    let instances = engine.instances(None).await.unwrap();
    instances
        .iter()
        .filter(|instance| instance.state == state)
        .count()
        == count
}

async fn approve(engine: &Engine, parts: &Parts, id: String) {
    put_invoice(&parts.crm, &id, 45_000_000);
    engine
        .submit(Input::start(item(&id)).with_id("s"))
        .await
        .unwrap();
    let approve = Input::action(item(&id), "approve", "zahra").with_id("a");
    engine.submit(approve).await.unwrap();
}

/// Clause 54: items do not wait for each other; two hundred at once all come to their end.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_items_at_once_come_to_their_end() {
    const ITEMS: usize = 200;
    let parts = Parts::new(json!({ "script": { "pay": { "after": "1s" } } }));
    let engine = on_real_time(&parts).await;
    engine.deploy(flagship()).await.unwrap();
    let begin = async {
        let starts = (0..ITEMS).map(|n| {
            let (engine, parts) = (engine.clone(), parts.clone());
            tokio::spawn(async move { approve(&engine, &parts, format!("INV-{n}")).await })
        });
        join_all(starts)
            .await
            .into_iter()
            .for_each(|ended| ended.unwrap());
    };
    let done = async |engine: &Engine| {
        are_in(engine, "done", ITEMS).await
            && engine
                .store()
                .scan(persistence::Scan::all(Table::Outbox))
                .await
                .unwrap()
                .is_empty()
    };
    let (ran, ()) = tokio::join!(run_until(&engine, done), begin);
    ran.unwrap();
    let audit = parts.sandbox.audit();
    assert_eq!(audit.links.len(), ITEMS);
    assert!(audit.twice_live().is_empty());
    assert_eq!(parts.crm.receipts().len(), ITEMS);
    assert_eq!(parts.crm.sent().len(), ITEMS);
    assert!(engine.attention().await.unwrap().is_empty());
    for n in 0..ITEMS {
        assert!(
            engine
                .replay(&item(&format!("INV-{n}")))
                .await
                .unwrap()
                .same
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn settling_together_comes_to_the_same_end_as_one_by_one() {
    const ITEMS: usize = 60;
    let parts = Parts::new(json!({ "script": "paid" }));
    let world = parts.clone().world().await;
    world.engine.deploy(flagship()).await.unwrap();
    for n in 0..ITEMS {
        approve(&world.engine, &parts, format!("INV-{n}")).await;
    }
    world.engine.settle_together().await.unwrap();
    assert!(are_in(&world.engine, "done", ITEMS).await);
    assert_eq!(world.rows(Table::Outbox).await, 0);
    for n in 0..ITEMS {
        world.sound(&format!("INV-{n}")).await;
    }
}

/// Work that is there at the start is found by its rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_finds_what_was_left() {
    const ITEMS: usize = 300;
    let mut parts = Parts::new(json!({ "script": { "pay": { "after": "1s" } } }));
    parts.limits.due_batch = 16;
    parts.limits.in_flight_max = 8;
    let engine = on_real_time(&parts).await;
    engine.deploy(flagship()).await.unwrap();
    for n in 0..ITEMS {
        approve(&engine, &parts, format!("INV-{n}")).await;
    }
    let engine = on_real_time(&parts).await;
    let done = async |engine: &Engine| are_in(engine, "done", ITEMS).await;
    run_until(&engine, done).await.unwrap();
    assert_eq!(parts.sandbox.audit().links.len(), ITEMS);
}

/// An activity that panics and a CRM that is away stop nobody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_stands_in_nobodys_way() {
    let activity = Scripted::new(|attempt| {
        if attempt.item == item("INV-0") {
            panic!("an embedder's mistake");
        }
        brings(values::Fields::new())
    });
    let parts = Parts::new(json!({}));
    let catalog = parts.catalog.clone().with(activity);
    let host = crate::support::HostTap::on(&parts.crm);
    host.before(|what| {
        let away = what.starts_with("apply invoice/INV-1/");
        away.then(|| host::Error::unavailable("items.apply", "away"))
    });
    let parts = Parts {
        catalog,
        host: host.host(),
        ..parts
    };
    let engine = on_real_time(&parts).await;
    engine
        .deploy(scripted(&[("success", "done"), ("error", "failed")]))
        .await
        .unwrap();
    for n in 0..20 {
        approve(&engine, &parts, format!("INV-{n}")).await;
    }
    let done = async |engine: &Engine| are_in(engine, "done", 19).await;
    run_until(&engine, done).await.unwrap();
    let broken = engine.instance(&item("INV-0")).await.unwrap().unwrap();
    assert_eq!(broken.incident.unwrap().code, "activity_panicked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_whose_store_has_stopped_stops() {
    let parts = Parts::new(json!({ "script": { "pay": { "after": "1s" } } }));
    let tap = StoreTap::on(parts.store.clone());
    let parts = Parts {
        store: tap.clone(),
        ..parts
    };
    let engine = on_real_time(&parts).await;
    engine.deploy(flagship()).await.unwrap();
    approve(&engine, &parts, "INV-1".to_owned()).await;
    tap.before(|_| {
        Some(persistence::Error::new(
            Operation::Commit,
            ErrorKind::Poisoned,
        ))
    });
    let error = run_until(&engine, async |_| false).await.unwrap_err();
    assert!(matches!(error, Error::Store(_)), "{error}");
    assert_eq!(
        parts.sandbox.audit().creates,
        0,
        "no attempt without its row"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_full_for_a_while_stops_nothing() {
    let parts = Parts::new(json!({ "script": { "pay": { "after": "1s" } } }));
    let tap = StoreTap::on(parts.store.clone());
    let parts = Parts {
        store: tap.clone(),
        ..parts
    };
    let engine = on_real_time(&parts).await;
    engine.deploy(flagship()).await.unwrap();
    for n in 0..5 {
        approve(&engine, &parts, format!("INV-{n}")).await;
    }
    let mut commits = 0;
    tap.before(move |_| {
        commits += 1;
        let full = persistence::Error::new(Operation::Commit, ErrorKind::Full);
        (commits <= 8).then_some(full)
    });
    let done = async |engine: &Engine| {
        are_in(engine, "await_payment", 5).await || are_in(engine, "done", 5).await
    };
    run_until(&engine, done).await.unwrap();
    assert_eq!(parts.sandbox.audit().links.len(), 5);
}

/// Clause 38: an attempt that does not come back in its time is unknown, and the engine lives on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_hangs_is_given_up() {
    let mut parts = Parts::new(json!({ "script": "never" }));
    let gateway = GatewayTap::on(&parts.sandbox);
    let gate = gateway.hold("create");
    parts.gateway = gateway.clone();
    // The bound of the activity is thirty seconds; the grace takes almost all of it back.
    parts.limits.attempt_grace = chrono::TimeDelta::milliseconds(-29_900);
    let engine = on_real_time(&parts).await;
    engine.deploy(flagship()).await.unwrap();
    approve(&engine, &parts, "INV-1".to_owned()).await;
    let hung = async |engine: &Engine| {
        let lines = engine.history(&item("INV-1")).await.unwrap();
        let notes = lines.iter().flat_map(|line| &line.row.notes);
        notes
            .into_iter()
            .any(|note| note.starts_with("attempt_timed_out"))
    };
    run_until(&engine, hung).await.unwrap();
    gate.notify_one();
    let instance = engine.instance(&item("INV-1")).await.unwrap().unwrap();
    assert_eq!(instance.state, "make_link");
    assert!(GatewayError::ambiguous("x", "y").class == payment::ErrorClass::Ambiguous);
}
