//! What one commit holds, and what is promised about errors: clauses 21 to 30, 60, 65, 66, 74.

use std::sync::Arc;

use chrono::TimeDelta;
use engine::{Engine, Error, Input, RetryClass};
use persistence::{Commit, Error as StoreError, ErrorKind, MemoryStore, Operation, Table, Write};
use serde_json::json;
use values::Fields;

use crate::support::{Parts, StoreTap, World, flagship, item, put_invoice};

fn paid_after_a_day() -> serde_json::Value {
    json!({ "script": { "create": "created", "pay": { "after": "1d" } } })
}

/// A world whose commits can be looked at.
async fn tapped() -> (World, Arc<StoreTap>) {
    let tap = StoreTap::on(Arc::new(MemoryStore::new()));
    let parts = Parts {
        store: tap.clone(),
        ..Parts::new(paid_after_a_day())
    };
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    (world, tap)
}

/// Rows of a table that a commit adds or replaces.
fn written(commit: &Commit, table: Table) -> usize {
    let adds = |write: &&Write| !matches!(write, Write::Delete { .. }) && write.place().0 == table;
    commit.writes.iter().filter(adds).count()
}

fn deleted(commit: &Commit, table: Table) -> usize {
    let gone = |write: &&Write| matches!(write, Write::Delete { .. }) && write.place().0 == table;
    commit.writes.iter().filter(gone).count()
}

fn is_unique(commit: &Commit, table: Table) -> bool {
    commit
        .writes
        .iter()
        .any(|write| matches!(write, Write::Unique { .. }) && write.place().0 == table)
}

/// Clause 21: the instance's row goes with a check of the version it was decided on.
/// Clause 22: the same commit holds its history entry.
/// Clause 24: the same commit opens the activity's request.
/// Clause 26: the same commit holds the input's id with its reply.
#[tokio::test]
async fn one_commit_holds_the_step_its_history_its_request_and_its_reply() {
    let (world, tap) = tapped().await;
    world.start("INV-1").await;
    world.settle().await;
    let version = world
        .parts
        .store
        .subject(b"invoice/INV-1")
        .await
        .unwrap()
        .unwrap()
        .version;
    tap.taken();
    let approve = Input::action(item("INV-1"), "approve", "zahra").with_id("button");
    world.engine.submit(approve).await.unwrap();
    let commits = tap.taken();
    assert_eq!(commits.len(), 1, "{commits:?}");
    let commit = &commits[0];
    assert_eq!(commit.expected, version);
    assert!(commit.state.is_some());
    assert_eq!(commit.history.len(), 1);
    assert_eq!(written(commit, Table::Outbox), 1, "the request");
    assert_eq!(written(commit, Table::Inputs), 1, "the reply");
}

/// Clause 24: the commit of an outcome withdraws the request.
/// Clause 25: it holds the link's messages and their rows in the outbox.
/// Clause 23: it holds the timer at which the link is read again.
/// Clause 27: it holds the row that the list of links is read from.
#[tokio::test]
async fn the_commit_of_an_outcome_holds_the_link_and_its_messages() {
    let (world, tap) = tapped().await;
    world.approved("INV-1").await;
    let commits = tap.taken();
    let outcome = commits
        .iter()
        .find(|commit| written(commit, Table::Links) == 1)
        .unwrap();
    assert!(outcome.state.is_some());
    assert_eq!(written(outcome, Table::Messages), 1);
    assert!(written(outcome, Table::Outbox) >= 1);
    assert_eq!(
        deleted(outcome, Table::Outbox),
        1,
        "the request is withdrawn"
    );
    assert_eq!(written(outcome, Table::Timers), 1);
}

/// Clause 28: the commit that records a payment holds its receipt, both under keys that can never be used again.
#[tokio::test]
async fn the_commit_of_a_payment_holds_its_receipt_under_permanent_keys() {
    let (world, tap) = tapped().await;
    world.approved("INV-1").await;
    world.advance(TimeDelta::days(2)).await;
    let commits = tap.taken();
    let paying: Vec<&Commit> = commits
        .iter()
        .filter(|commit| written(commit, Table::Payments) > 0)
        .collect();
    assert_eq!(paying.len(), 1);
    assert!(is_unique(paying[0], Table::Payments));
    assert!(is_unique(paying[0], Table::Receipts));
    assert!(
        paying[0].state.is_some(),
        "the item moves in the same commit"
    );
}

/// Clause 30: the outside is touched only after the commit, and a restart finds what is left by its rows.
/// Clause 74: the gateway hears of nothing that is not stored.
#[tokio::test]
async fn the_gateway_is_asked_only_after_the_request_and_the_attempt_are_stored() {
    let tap = StoreTap::on(Arc::new(MemoryStore::new()));
    let parts = Parts {
        store: tap.clone(),
        ..Parts::new(paid_after_a_day())
    };
    let sandbox = parts.sandbox.clone();
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    world.start("INV-1").await;
    world.settle().await;
    let seen = sandbox.clone();
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = asked.clone();
    tap.before(move |_| {
        log.lock()
            .unwrap()
            .push(seen.audit().creates_per_reference.len());
        None
    });
    let approve = Input::action(item("INV-1"), "approve", "zahra");
    world.engine.submit(approve).await.unwrap();
    assert_eq!(
        sandbox.audit().creates_per_reference.len(),
        0,
        "only rows so far"
    );
    let world = world.restarted().await;
    world.engine.deploy(flagship()).await.unwrap();
    world.settle().await;
    assert_eq!(
        sandbox.audit().creates_per_reference.len(),
        1,
        "the restart read the rows"
    );
    let asked = asked.lock().unwrap().clone();
    // The request and the attempt were committed while the gateway knew of nothing.
    assert!(
        asked.iter().take_while(|known| **known == 0).count() >= 2,
        "{asked:?}"
    );
}

/// Clause 60: a failure that may pass says so, and the same input goes through later.
#[tokio::test]
async fn a_store_that_is_busy_refuses_for_now() {
    let (world, tap) = tapped().await;
    put_invoice(world.crm(), "INV-1", 45_000_000);
    let mut first = true;
    tap.before(move |subject| {
        let refuse = subject == "invoice/INV-1" && std::mem::take(&mut first);
        refuse.then(|| StoreError::new(Operation::Commit, ErrorKind::Busy))
    });
    let start = Input::start(item("INV-1")).with_id("start");
    let error = world.engine.submit(start.clone()).await.unwrap_err();
    assert_eq!(error.retry(), RetryClass::Later, "{error}");
    let reply = world.engine.submit(start).await.unwrap();
    assert!(!reply.repeated, "nothing had been committed");
    assert_eq!(reply.state, "review");
}

/// Clause 65: what would break an invariant of the engine is refused, and nothing is committed.
#[tokio::test]
async fn an_engine_without_what_it_needs_is_refused() {
    let error = Engine::builder().build().await.unwrap_err();
    assert!(matches!(error, Error::Invariant(_)), "{error:?}");
    assert_eq!(error.code(), "invariant");
    let (world, tap) = tapped().await;
    world.approved("INV-1").await;
    tap.taken();
    // The item runs: it still needs what would be wiped.
    let error = world
        .engine
        .erase_personal(&item("INV-1"))
        .await
        .unwrap_err();
    assert_eq!(error.retry(), RetryClass::Never);
    assert!(tap.taken().is_empty(), "nothing was committed");
}

/// Clause 66: every error has a stable code and says what is wrong with what.
#[tokio::test]
async fn errors_have_codes_and_name_what_they_are_about() {
    let (world, _) = tapped().await;
    world.start("INV-1").await;
    let unknown_action = Input::action(item("INV-1"), "aprove", "zahra");
    let cases = [
        (unknown_action, "unknown_action", "approve"),
        (
            Input::action(item("INV-1"), "approve", "nobody"),
            "no_user",
            "nobody",
        ),
        (
            Input::action(item("INV-1"), "approve", "ali"),
            "not_allowed",
            "sales_manager",
        ),
        (
            Input::action(item("INV-9"), "approve", "zahra"),
            "not_started",
            "INV-9",
        ),
        (Input::start(item("INV-8")), "no_item", "INV-8"),
        (Input::start(item("INV-1")), "already_started", "started"),
        (
            Input::event(item("INV-1"), "payd", Fields::new()),
            "unknown_event",
            "payd",
        ),
        (
            Input::start(item("INV-1")).expecting(7),
            "wrong_revision",
            "7",
        ),
    ];
    for (input, code, word) in cases {
        let error = world.engine.submit(input).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(word), "{code}: {error}");
    }
}
