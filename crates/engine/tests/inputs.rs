//! Inputs: each applied once, in one order, within bounds.

use std::sync::Arc;

use engine::{Error, Event, Input};
use futures::FutureExt;
use futures::future::join_all;
use serde_json::json;
use state_machine::{Definition, PaymentEvent, Rejection};
use values::{Fields, ItemRef, Value};

use crate::support::{
    Parts, World, events, item, model, model_with, put_invoice, state, store_tapped, task,
    wait_event,
};

fn two_ways() -> Definition {
    model(json!([
        state(
            "review",
            task(
                "sales_manager",
                &[("approve", "done"), ("reject", "failed")]
            )
        ),
        state("done", json!({ "end": "success" })),
        state("failed", json!({ "end": "failed" })),
    ]))
}

fn counting() -> Definition {
    model_with(
        json!([
            state("one", wait_event("go", "two")),
            state("two", wait_event("go", "one")),
        ]),
        json!({ "events": events(&["go"]), "initial": "one" }),
    )
}

fn go(id: &str) -> Input {
    Input::event(item("INV-1"), "go", Fields::new()).with_id(id)
}

/// Clause 50: an input id is applied once; a repeat gets the first reply, whatever has happened since.
#[tokio::test]
async fn a_repeated_input_gets_the_first_reply() {
    let world = World::running(json!({}), counting()).await;
    world.start("INV-1").await;
    let first = world.engine.submit(go("a")).await.unwrap();
    assert!(!first.repeated);
    world.engine.submit(go("b")).await.unwrap();
    for world in [&world, &world] {
        let again = world.engine.submit(go("a")).await.unwrap();
        assert!(again.repeated);
        assert_eq!(
            (again.revision, &again.state),
            (first.revision, &first.state)
        );
    }
    let world = world.restarted().await;
    assert!(world.engine.submit(go("a")).await.unwrap().repeated);
    assert_eq!(world.instance("INV-1").await.revision, 3);
    world.sound("INV-1").await;
}

/// Clause 50: the same id at the same time, fifty times.
#[tokio::test]
async fn one_input_handed_in_fifty_times_at_once_is_applied_once() {
    let world = World::running(json!({}), counting()).await;
    world.start("INV-1").await;
    let replies = join_all((0..50).map(|_| world.engine.submit(go("a")))).await;
    let replies: Vec<_> = replies.into_iter().map(Result::unwrap).collect();
    assert_eq!(replies.iter().filter(|reply| !reply.repeated).count(), 1);
    assert!(
        replies
            .iter()
            .all(|reply| reply.revision == 2 && reply.state == "two")
    );
    assert_eq!(world.instance("INV-1").await.revision, 2);
}

/// Clause 50: fifty threads start the same item.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_start_from_fifty_tasks_is_applied_once() {
    let world = World::running(json!({}), counting()).await;
    put_invoice(world.crm(), "INV-1", 1_000);
    let tasks = (0..50).map(|_| {
        let engine = world.engine.clone();
        tokio::spawn(async move {
            engine
                .submit(Input::start(item("INV-1")).with_id("s"))
                .await
        })
    });
    let replies = join_all(tasks).await;
    let fresh = replies
        .into_iter()
        .filter(|reply| !reply.as_ref().unwrap().as_ref().unwrap().repeated);
    assert_eq!(fresh.count(), 1);
    assert_eq!(world.kinds("INV-1").await, ["start"]);
}

/// Clause 50: another input under the same id is refused.
#[tokio::test]
async fn an_id_stands_for_one_input() {
    let world = World::running(json!({}), two_ways()).await;
    world.start("INV-1").await;
    world.start("INV-2").await;
    let approve = Input::action(item("INV-1"), "approve", "zahra").with_id("x");
    world.engine.submit(approve.clone()).await.unwrap();
    let with_field = {
        let mut input = approve.clone();
        if let Event::Action { fields, .. } = &mut input.event {
            fields.insert("reason".to_owned(), Value::Text("x".to_owned()));
        }
        input
    };
    for other in [
        Input::action(item("INV-1"), "reject", "zahra").with_id("x"),
        Input::action(item("INV-1"), "approve", "ali").with_id("x"),
        with_field,
    ] {
        let error = world.engine.submit(other).await.unwrap_err();
        assert!(matches!(error, Error::InputReused { .. }), "{error}");
    }
    // Another item has ids of its own.
    let other_item = Input::action(item("INV-2"), "reject", "zahra").with_id("x");
    assert_eq!(
        world.engine.submit(other_item).await.unwrap().state,
        "failed"
    );
}

#[tokio::test]
async fn a_refused_input_may_come_again_under_its_id() {
    let world = World::running(json!({}), two_ways()).await;
    world.start("INV-1").await;
    let approve = || Input::action(item("INV-1"), "approve", "ali").with_id("x");
    world.engine.submit(approve()).await.unwrap_err();
    let mut ali = host::Directory::user(world.crm(), &"ali".into())
        .await
        .unwrap()
        .unwrap();
    ali.roles.push("sales_manager".to_owned());
    world.crm().put_user(ali);
    assert!(!world.engine.submit(approve()).await.unwrap().repeated);
}

/// Clause 50: an input may say which revision it expects.
#[tokio::test]
async fn an_input_that_expects_another_revision_is_refused() {
    let world = World::running(json!({}), counting()).await;
    world.start("INV-1").await;
    let error = world.engine.submit(go("a").expecting(2)).await.unwrap_err();
    let Error::WrongRevision { expected, actual } = error else {
        panic!("{error}");
    };
    assert_eq!((expected, actual), (2, 1));
    let reply = world.engine.submit(go("a").expecting(1)).await.unwrap();
    assert_eq!(reply.revision, 2);
    // The repeat is answered before the revision is looked at: its caller saw the older one.
    assert!(
        world
            .engine
            .submit(go("a").expecting(1))
            .await
            .unwrap()
            .repeated
    );
    let start = Input::start(item("INV-2")).expecting(0);
    put_invoice(world.crm(), "INV-2", 1_000);
    world.engine.submit(start).await.unwrap();
}

/// Clause 53: inputs of one item are applied one after another, and the version check has the last word.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_actions_at_once_one_wins() {
    for _ in 0..20 {
        let world = World::running(json!({}), two_ways()).await;
        world.start("INV-1").await;
        let act = |name: &'static str| {
            let engine = world.engine.clone();
            tokio::spawn(async move {
                engine
                    .submit(Input::action(item("INV-1"), name, "zahra"))
                    .await
            })
        };
        let (a, b) = tokio::join!(act("approve"), act("reject"));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
        let error = a.err().or(b.err()).unwrap();
        assert!(
            matches!(error, Error::Rejected(Rejection::Ended { .. })),
            "{error}"
        );
        world.sound("INV-1").await;
    }
}

/// Clause 53: a second writer on the same store loses by the version, and harms nothing.
#[tokio::test]
async fn a_second_engine_on_the_same_store_is_refused_by_the_version() {
    let (parts, tap) = store_tapped(json!({}));
    let world = parts.world().await;
    world.engine.deploy(counting()).await.unwrap();
    world.start("INV-1").await;
    world.settle().await;
    let store = world.parts.store.clone();
    let subject = b"invoice/INV-1".to_vec();
    let version = store.subject(&subject).await.unwrap().unwrap().version;
    let state = store.subject(&subject).await.unwrap().unwrap().row;
    // Somebody else commits between our reading and our commit.
    let inner = Arc::new(tokio::sync::Mutex::new(Some(persistence::Commit {
        subject,
        expected: version,
        state: Some(state),
        ..persistence::Commit::default()
    })));
    let raw = tap.inner();
    tap.before(move |_| {
        let mut intruder = inner.try_lock().unwrap();
        if let Some(commit) = intruder.take() {
            raw.commit(commit).now_or_never().unwrap().unwrap();
        }
        None
    });
    let error = world.engine.submit(go("a")).await.unwrap_err();
    assert_eq!(error.retry(), engine::RetryClass::Reload, "{error}");
    assert!(!world.engine.submit(go("a")).await.unwrap().repeated);
    assert_eq!(world.instance("INV-1").await.state, "two");
}

#[tokio::test]
async fn inputs_beyond_a_bound_are_refused_and_leave_nothing() {
    let (mut parts, tap) = store_tapped(json!({}));
    parts.limits.fields_max = 4;
    parts.limits.field_bytes_max = 100;
    let world = parts.world().await;
    world.engine.deploy(two_ways()).await.unwrap();
    world.start("INV-1").await;
    tap.taken();
    let text = |length: usize| Value::Text("x".repeat(length));
    let named = |name: &str, value: Value| Fields::from([(name.to_owned(), value)]);
    let many: Fields = (0..5).map(|n| (format!("f{n}"), text(1))).collect();
    let list = Value::List(vec![text(1); 20]);
    let hold = Event::Hold {
        actor: "zahra".into(),
        reason: "x".repeat(101),
        until: None,
    };
    for input in [
        Input::changed(item("INV-1"), many.clone()),
        Input::changed(item("INV-1"), named("reason", text(101))),
        Input::changed(item("INV-1"), named("reason", list)),
        Input::event(item("INV-1"), "go", named("x", text(101))),
        Input::start_with(item("INV-2"), many, None),
        Input::retry(item("INV-1"), "zahra", &"x".repeat(101)),
        Input::new(item("INV-1"), hold),
        Input::changed(item("INV-1"), Fields::new()).with_id("x".repeat(257)),
        Input::changed(item("INV-1"), Fields::new()).with_id("a\0b"),
        Input::changed(item("INV-1"), Fields::new()).with_id(""),
    ] {
        let shown = format!("{input:?}");
        let error = world.engine.submit(input).await.unwrap_err();
        assert!(matches!(error, Error::Limit { .. }), "{error} for {shown}");
    }
    assert!(tap.taken().is_empty());
    let fits = Input::changed(item("INV-1"), named("reason", text(100)));
    world
        .engine
        .submit(fits.with_id("x".repeat(256)))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_the_engine_alone_knows_cannot_be_handed_in() {
    let (parts, tap) = store_tapped(json!({ "script": "never" }));
    let world = parts.world().await;
    world
        .engine
        .deploy(crate::support::flagship())
        .await
        .unwrap();
    world.approved("INV-1").await;
    tap.taken();
    let link = world.links().await.remove(0);
    let paid = Event::Payment(Box::new(PaymentEvent {
        link: link.id,
        state: link.state,
        outcome: "paid".to_owned(),
        paid_at: None,
        tracking_no: None,
        set: Fields::new(),
        stays_open: false,
        makes_way: false,
    }));
    let unknown = Event::Unknown {
        entry: 2,
        code: "x".to_owned(),
        message: "x".to_owned(),
    };
    let timer = Event::Timer {
        name: "timeout".to_owned(),
        entry: 3,
        due: world.engine.now(),
    };
    for event in [paid, unknown, timer] {
        let error = world
            .engine
            .submit(Input::new(item("INV-1"), event))
            .await
            .unwrap_err();
        assert_eq!(error.code(), "not_callers", "{error}");
    }
    assert!(tap.taken().is_empty());
    assert_eq!(world.state("INV-1").await, "await_payment");
}

#[tokio::test]
async fn a_start_names_its_workflow_where_several_fit() {
    let world = World::running(json!({}), two_ways()).await;
    let other = model_with(
        json!([
            state("review", wait_event("go", "end")),
            state("end", json!({ "end": "success" }))
        ]),
        json!({ "workflow": "other", "events": events(&["go"]) }),
    );
    put_invoice(world.crm(), "INV-1", 1_000);
    world.engine.deploy(other).await.unwrap();
    let start = || Input::start(item("INV-1"));
    assert_eq!(
        world.engine.submit(start()).await.unwrap_err().code(),
        "no_workflow"
    );
    let unknown = start().in_workflow("third");
    assert_eq!(
        world.engine.submit(unknown).await.unwrap_err().code(),
        "no_workflow"
    );
    let elsewhere = Input::start(ItemRef::new("contract", "C-1").unwrap()).in_workflow("other");
    assert_eq!(
        world.engine.submit(elsewhere).await.unwrap_err().code(),
        "wrong_entity"
    );
    world
        .engine
        .submit(start().in_workflow("other"))
        .await
        .unwrap();
    let instance = world.instance("INV-1").await;
    let definition = world.engine.definition_of(&instance).await.unwrap();
    assert_eq!(definition.model().workflow, "other");
}

#[tokio::test]
async fn an_item_the_crm_does_not_have_is_not_started() {
    let world = World::running(json!({}), two_ways()).await;
    let error = world
        .engine
        .submit(Input::start(item("INV-9")))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NoItem(_)), "{error}");
    assert!(
        world
            .engine
            .instance(&item("INV-9"))
            .await
            .unwrap()
            .is_none()
    );
    // With its fields in the input it need not be there.
    let fields = Fields::from([("reason".to_owned(), Value::Text("x".to_owned()))]);
    let start = Input::start_with(item("INV-9"), fields, None);
    assert_eq!(world.engine.submit(start).await.unwrap().state, "review");
}

#[tokio::test]
async fn items_whose_names_look_alike_are_kept_apart() {
    let parts = Parts::new(json!({ "script": { "pay": { "after": "1m" } } }));
    let world = parts.world().await;
    world
        .engine
        .deploy(crate::support::renewing())
        .await
        .unwrap();
    let ids = ["a", "a/make_link/2", "a/make_link", "a/make_link/2/x", "ب"];
    for id in ids {
        world.approved(id).await;
    }
    world.advance(chrono::TimeDelta::minutes(5)).await;
    for id in ids {
        assert_eq!(world.state(id).await, "done", "{id}");
        world.sound(id).await;
    }
    assert_eq!(world.links().await.len(), ids.len());
    assert_eq!(world.crm().receipts().len(), ids.len());
}
