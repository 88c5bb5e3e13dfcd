//! Promises by their numbers, as far as the whole engine keeps them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use activity::{Attempted, Outcome};
use chrono::TimeDelta;
use engine::{Error, Event, Input, RetryClass};
use payment::{GatewayError, LinkStatus};
use persistence::{Commit, ErrorKind, Operation, Row, Table};
use serde_json::{Value as Json, json};
use state_machine::{Definition, Rejection};
use values::{Fields, Value};

use crate::support::{
    Parts, Scripted, World, activity, brings, events, field, flagship, host_tapped, irr, item,
    link_settings, model, model_with, not_now, put_invoice, routed, scripted, state, store_tapped,
    tapped, task, wait_event, wait_payment, wait_seconds,
};

const PROFILES: [&str; 4] = ["idempotent", "unique_reference", "lookup_only", "nothing"];

const ENDS: &[(&str, &str)] = &[("success", "done"), ("error", "failed")];

fn reason(text: &str) -> Fields {
    Fields::from([("reason".to_owned(), Value::Text(text.to_owned()))])
}

/// A world with the activity `scripted`, and an item that has entered it.
async fn working(activity: &Arc<Scripted>, definition: Definition) -> World {
    let parts = Parts::new(json!({}));
    let catalog = parts.catalog.clone().with(activity.clone());
    let world = Parts { catalog, ..parts }.world().await;
    world.engine.deploy(definition).await.unwrap();
    world.approved("INV-1").await;
    world
}

/// Clause 15: an event that is expected while no guard lets it through is declined and recorded with the
/// guard that was tried.
#[tokio::test]
async fn a_declined_event_is_answered_and_recorded_with_its_guard() {
    let mut wait = wait_event("go", "done");
    wait["wait"]["event"]["when"] = json!("item.reason == \"yes\"");
    let world = World::running(
        json!({}),
        model_with(
            json!([
                state("review", wait),
                state("done", json!({ "end": "success" }))
            ]),
            json!({ "events": events(&["go"]) }),
        ),
    )
    .await;
    world.start("INV-1").await;
    let no = Input::changed(item("INV-1"), reason("no"));
    world.engine.submit(no).await.unwrap();
    let reply = world.event("INV-1", "go").await;
    assert!(reply.declined);
    assert_eq!(reply.state, "review");
    let line = world.history("INV-1").await.pop().unwrap().row;
    assert_eq!(line.trace.len(), 1);
    assert!(!line.trace[0].held && line.trace[0].guard.contains("item.reason"));
    let yes = Input::changed(item("INV-1"), reason("yes"));
    world.engine.submit(yes).await.unwrap();
    assert!(!world.event("INV-1", "go").await.declined);
    assert_eq!(world.state("INV-1").await, "done");
}

/// Clause 18: the time is fixed for everything that one input leads to.
#[tokio::test]
async fn one_input_sees_one_moment() {
    let world = World::new(json!({ "script": "never" })).await;
    world.start("INV-1").await;
    let at = world.engine.now();
    let approve = Input::action(item("INV-1"), "approve", "zahra");
    world.engine.submit(approve).await.unwrap();
    let instance = world.instance("INV-1").await;
    assert_eq!(instance.entered_at, at);
    assert_eq!(world.history("INV-1").await.pop().unwrap().row.at, at);
}

/// Clause 31: what could never be woken is not committed.
/// Clause 65: a commit that would break an invariant is refused, and everything stays as it was.
#[tokio::test]
async fn an_item_that_nothing_could_wake_is_not_committed() {
    let world = World::new(json!({})).await;
    world.start("INV-1").await;
    world.settle().await;
    // Somebody damages the row: the open task is gone.
    let store = &world.parts.store;
    let stored = store.subject(b"invoice/INV-1").await.unwrap().unwrap();
    let mut row: Json = serde_json::from_slice(&stored.row.open).unwrap();
    row["n"].as_object_mut().unwrap().remove("t").unwrap();
    let damaged = Commit {
        subject: b"invoice/INV-1".to_vec(),
        expected: stored.version,
        state: Some(Row::open(serde_json::to_vec(&row).unwrap())),
        ..Commit::default()
    };
    let version = store.commit(damaged).await.unwrap().version;
    let changed = Input::changed(item("INV-1"), reason("x"));
    let error = world.engine.submit(changed).await.unwrap_err();
    assert!(matches!(error, Error::Invariant(_)), "{error}");
    assert_eq!(
        (error.code(), error.retry()),
        ("invariant", RetryClass::Never)
    );
    let after = store.subject(b"invoice/INV-1").await.unwrap().unwrap();
    assert_eq!(after.version, version, "nothing was committed");
}

/// Clause 32: one entry, one reference and one request for all attempts; another entry has its own.
#[tokio::test]
async fn every_attempt_of_an_entry_carries_the_same_reference() {
    let (parts, tap) = tapped(json!({ "script": { "create": { "unavailable": 3 } } }));
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    world.approved("INV-1").await;
    world.advance(TimeDelta::days(4)).await;
    assert_eq!(world.state("INV-1").await, "remind");
    world.act("INV-1", "again", "zahra").await;
    world.advance(TimeDelta::hours(1)).await;
    let mut creates: Vec<String> = tap.requests();
    creates.retain(|request| request.starts_with("create"));
    let first = "create invoice/INV-1/make_link/2";
    let second = "create invoice/INV-1/make_link/5";
    assert_eq!(
        creates,
        [first, first, first, first, second, second, second, second]
    );
}

/// Clause 33: the attempt is stored before it is made, and is not made once its last instant is over.
/// Clause 74: nothing is sent without a stored attempt, nor after its last instant.
#[tokio::test]
async fn an_attempt_whose_commit_took_too_long_is_not_made() {
    let (parts, tap) = store_tapped(json!({ "script": "never" }));
    let clock = parts.clock.clone();
    let sandbox = parts.sandbox.clone();
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    world.start("INV-1").await;
    world.settle().await;
    let approve = Input::action(item("INV-1"), "approve", "zahra");
    world.engine.submit(approve).await.unwrap();
    let slow = Arc::new(AtomicU32::new(1));
    let left = slow.clone();
    tap.after(move |_| {
        // The machine stalls while the attempt becomes durable.
        if left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
            .is_ok()
        {
            clock.set(engine::Clock::now(clock.as_ref()) + TimeDelta::seconds(31));
            assert_eq!(sandbox.audit().creates, 0);
        }
        None
    });
    world.settle().await;
    assert_eq!(world.audit().creates, 0);
    assert_eq!(world.state("INV-1").await, "make_link");
    world.advance(TimeDelta::minutes(1)).await;
    assert_eq!(world.audit().creates, 1);
    assert_eq!(world.state("INV-1").await, "await_payment");
    world.sound("INV-1").await;
}

/// Clause 35: a result that does not fit the declared fields is an incident, and touches none of them.
#[tokio::test]
async fn a_result_that_does_not_fit_the_fields_touches_none_of_them() {
    let wrong = || Fields::from([("pay_days".to_owned(), Value::Text("many".to_owned()))]);
    let activity = Scripted::new(move |_| brings(wrong()));
    let world = working(&activity, scripted(ENDS)).await;
    assert_eq!(world.state("INV-1").await, "work");
    assert!(world.incident("INV-1").await.is_some());
    let pay_days = world.instance("INV-1").await.fields["pay_days"].clone();
    assert_eq!(pay_days, Value::Number(3.into()));
    assert_eq!(world.attention().await.len(), 1);
    world.advance(TimeDelta::days(1)).await;
    assert_eq!(
        activity.attempts().len(),
        1,
        "what is done is not done again"
    );
    world.sound("INV-1").await;
}

/// Clause 36: what each attempt sent, and what came back, stands in the history.
#[tokio::test]
async fn the_history_keeps_what_was_sent_and_what_came_back() {
    let options = json!({ "script": { "create": "unavailable", "pay": { "after": "1m" } } });
    let world = World::new(options).await;
    world.approved("INV-1").await;
    world.advance(TimeDelta::minutes(5)).await;
    let lines = world.history("INV-1").await;
    let evidence = |word: &str| {
        let texts = lines.iter().filter_map(|line| line.evidence.as_ref());
        texts.filter(|text| text.to_string().contains(word)).count()
    };
    // Two attempts with their request; the first came back with nothing, the second with a link.
    assert_eq!(evidence("\"send_by\""), 2);
    assert_eq!(evidence("takes no requests now"), 1);
    assert!(evidence("https://sandbox.invalid/pay/") >= 1);
    assert!(evidence("\"payments\"") >= 1, "the provider's report");
}

/// Clause 37: what may pass is tried again with growing pauses until the budget is spent, then the error
/// way is taken.
#[tokio::test]
async fn what_may_pass_is_tried_until_the_budget_is_spent() {
    let activity = Scripted::new(|_| not_now());
    let world = working(&activity, scripted(ENDS)).await;
    world.advance(TimeDelta::hours(1)).await;
    assert_eq!(world.state("INV-1").await, "failed");
    let at: Vec<_> = activity
        .attempts()
        .into_iter()
        .map(|attempt| attempt.now)
        .collect();
    assert_eq!(at.len(), 5);
    let pauses: Vec<i64> = at
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).num_seconds())
        .collect();
    assert!(
        pauses.is_sorted() && pauses[0] <= 10 && pauses[3] > 2 * pauses[1],
        "{pauses:?}"
    );
    let code = world.history("INV-1").await.pop().unwrap().row.code;
    assert_eq!(code.as_deref(), Some("not_now"));
    world.sound("INV-1").await;
}

/// Clause 37: the state's timeout bounds all attempts together.
#[tokio::test]
async fn the_timeout_of_a_state_bounds_all_attempts_together() {
    let mut work = activity("scripted", json!({}), ENDS);
    work["activity"]["timeout_seconds"] = json!(25);
    let definition = model(json!([
        state("review", task("sales_manager", &[("approve", "work")])),
        state("work", work),
        state("done", json!({ "end": "success" })),
        state("failed", json!({ "end": "failed" })),
    ]));
    let activity = Scripted::new(|_| not_now());
    let world = working(&activity, definition).await;
    world.advance(TimeDelta::hours(1)).await;
    assert_eq!(world.state("INV-1").await, "failed");
    let attempts = activity.attempts();
    let (first, last) = (attempts.first().unwrap(), attempts.last().unwrap());
    assert!(
        last.now - first.now <= TimeDelta::seconds(25),
        "{attempts:?}"
    );
}

/// Clause 38: a lost answer is unknown, never an error: the error way is not taken, at any gateway.
/// Clause 39: what follows depends on what a repeat does there.
/// Clause 40: where only a look-up tells, it is asked after the quarantine and not before.
/// Clause 62: the outcome `unknown` stays one until somebody knows.
#[tokio::test]
async fn a_lost_answer_is_cleared_up_as_each_gateway_allows() {
    for profile in PROFILES {
        for script in ["timeout_after_accepting", "timeout_before_accepting"] {
            let (parts, tap) = tapped(json!({ "profile": profile, "script": script }));
            let world = parts.world().await;
            world.engine.deploy(flagship()).await.unwrap();
            world.approved("INV-1").await;
            assert_eq!(
                world.state("INV-1").await,
                "make_link",
                "{profile} {script}"
            );
            // 30 s to send, 60 s to live, 30 s to be seen, 5 s of skew.
            world.advance(TimeDelta::seconds(124)).await;
            let asked = |what: &str| tap.count(what);
            match profile {
                "idempotent" => assert_eq!((asked("create"), asked("find")), (2, 0)),
                "unique_reference" if script.contains("after") => {
                    assert_eq!((asked("create"), asked("find")), (2, 1));
                }
                "unique_reference" => assert_eq!((asked("create"), asked("find")), (2, 0)),
                "lookup_only" => assert_eq!((asked("create"), asked("find")), (1, 0)),
                _ => assert_eq!((asked("create"), asked("find")), (1, 0)),
            }
            world.advance(TimeDelta::hours(1)).await;
            assert_eq!(
                world
                    .audit()
                    .live_links_per_reference
                    .values()
                    .max()
                    .copied()
                    .unwrap_or(0),
                { u64::from(profile != "nothing" || script.contains("after")) }
            );
            if profile == "nothing" {
                assert_eq!(world.state("INV-1").await, "make_link");
                assert_eq!(world.incident("INV-1").await.as_deref(), Some("timeout"));
                assert_eq!(asked("create"), 1);
            } else {
                assert_eq!(
                    world.state("INV-1").await,
                    "await_payment",
                    "{profile} {script}"
                );
                assert_eq!(world.audit().links.len(), 1);
            }
            if profile == "lookup_only" {
                let creates = 1 + usize::from(script.contains("before"));
                assert_eq!((asked("create"), asked("find")), (creates, 1));
            }
            world.sound("INV-1").await;
        }
    }
}

/// Clause 40: without the numbers of the quarantine a look-up gateway is not asked again.
#[tokio::test]
async fn without_its_numbers_a_lookup_gateway_allows_no_repeat() {
    let options = json!({
        "profile": "lookup_only", "request_life_max": null, "script": "timeout_after_accepting",
    });
    let world = World::new(options).await;
    world.approved("INV-1").await;
    world.advance(TimeDelta::days(1)).await;
    assert_eq!(world.state("INV-1").await, "make_link");
    assert!(world.incident("INV-1").await.is_some());
    assert_eq!(world.audit().creates, 1);
}

/// Clause 41: a retry by a person never makes a new reference, whatever the gateway allows.
#[tokio::test]
async fn a_retry_of_what_is_unknown_keeps_the_reference() {
    for profile in PROFILES {
        let (parts, tap) = tapped(json!({ "profile": profile, "script": "never" }));
        let world = parts.world().await;
        world.engine.deploy(flagship()).await.unwrap();
        tap.after(|what| {
            let lost = what.starts_with("create") || what.starts_with("find");
            lost.then(|| GatewayError::ambiguous("timeout", "no answer"))
        });
        world.approved("INV-1").await;
        world.advance(TimeDelta::days(2)).await;
        assert!(world.incident("INV-1").await.is_some(), "{profile}");
        tap.after(|_| None);
        let retry = Input::retry(item("INV-1"), "omid", "the gateway is back");
        let reply = world.engine.submit(retry).await.unwrap();
        assert_eq!(reply.incident, None);
        world.advance(TimeDelta::hours(1)).await;
        let ends_in = if profile == "nothing" {
            "make_link"
        } else {
            "await_payment"
        };
        assert_eq!(world.state("INV-1").await, ends_in, "{profile}");
        let references = world.audit().creates_per_reference;
        assert_eq!(references.len(), 1, "{profile}: {references:?}");
        world.sound("INV-1").await;
    }
}

/// Clause 43: paid is never overwritten by what the provider says later.
#[tokio::test]
async fn paid_stays_paid() {
    let (parts, tap) = tapped(json!({ "script": { "pay": { "after": "1m", "twice": true } } }));
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    world.approved("INV-1").await;
    world.advance(TimeDelta::seconds(90)).await;
    assert_eq!(world.links().await[0].status, LinkStatus::Paid);
    // The second call comes with a provider that has lost its memory.
    tap.report(|report| {
        report.status = LinkStatus::Expired;
        report.payments.clear();
    });
    world.advance(TimeDelta::days(4)).await;
    assert_eq!(world.links().await[0].status, LinkStatus::Paid);
    let link = world.instance("INV-1").await.links[0].clone();
    assert_eq!(link.status, "paid");
    assert_eq!(world.state("INV-1").await, "done");
}

/// Clause 46: leaving a state removes its timer in the same commit, and a late one is dropped.
#[tokio::test]
async fn a_timer_ends_with_its_state_entry() {
    let definition = model_with(
        json!([
            routed(
                state("review", wait_seconds(3_600, "late")),
                &[("go", None, "calm")]
            ),
            state("calm", task("sales_manager", &[("end", "done")])),
            state("late", json!({ "end": "failed" })),
            state("done", json!({ "end": "success" })),
        ]),
        json!({ "events": events(&["go"]) }),
    );
    let (parts, tap) = store_tapped(json!({}));
    let world = parts.world().await;
    world.engine.deploy(definition).await.unwrap();
    world.start("INV-1").await;
    let timers = world
        .parts
        .store
        .scan(persistence::Scan::all(Table::Timers))
        .await
        .unwrap();
    assert_eq!(timers.len(), 1);
    tap.taken();
    world.event("INV-1", "go").await;
    let left = tap.taken().remove(0);
    let removes = |write: &persistence::Write| {
        matches!(
            write,
            persistence::Write::Delete {
                table: Table::Timers,
                ..
            }
        )
    };
    assert!(left.state.is_some() && left.writes.iter().any(removes));
    // A row that is still there, as after damage, fires for nothing and goes.
    let (key, row) = timers[0].clone();
    let version = world
        .parts
        .store
        .subject(b"ghost")
        .await
        .unwrap()
        .map_or(0, |s| s.version);
    let ghost = Commit {
        subject: b"ghost".to_vec(),
        expected: version,
        writes: vec![persistence::Write::Put {
            table: Table::Timers,
            key,
            row,
        }],
        ..Commit::default()
    };
    world.parts.store.commit(ghost).await.unwrap();
    world.advance(TimeDelta::hours(2)).await;
    assert_eq!(world.state("INV-1").await, "calm");
    assert_eq!(world.rows(Table::Timers).await, 0);
}

/// Clause 48: a timer that is late fires once, with how late it is; a clock that goes back fires nothing
/// twice.
#[tokio::test]
async fn a_late_timer_fires_once_and_says_how_late_it_is() {
    let definition = model(json!([
        state("review", wait_seconds(60, "second")),
        state("second", wait_seconds(3_600, "late")),
        state("late", json!({ "end": "success" })),
    ]));
    let world = World::running(json!({}), definition).await;
    world.start("INV-1").await;
    let began = world.engine.now();
    world.parts.clock.set(began + TimeDelta::minutes(11));
    world.settle().await;
    assert_eq!(world.state("INV-1").await, "second");
    let line = world.history("INV-1").await.pop().unwrap().row;
    assert!(line.notes[0].ends_with("late by 600 s"), "{:?}", line.notes);
    world.parts.clock.set(began);
    world.settle().await;
    world.advance(TimeDelta::minutes(30)).await;
    assert_eq!(world.state("INV-1").await, "second");
    world.advance(TimeDelta::minutes(45)).await;
    assert_eq!(world.state("INV-1").await, "late");
    world.sound("INV-1").await;
}

/// Clause 51: an event that comes early waits for the state that takes it, as long as it is kept.
#[tokio::test]
async fn an_early_event_waits_for_its_state() {
    for (wait, ends_in) in [(30, "done"), (90, "await_go")] {
        let definition = model_with(
            json!([
                state("review", task("sales_manager", &[("approve", "await_go")])),
                state("await_go", wait_event("go", "done")),
                state("done", json!({ "end": "success" })),
            ]),
            json!({ "events": { "go": { "payload": {}, "keep_seconds": 3600, "late": "record" } } }),
        );
        let world = World::running(json!({}), definition).await;
        world.start("INV-1").await;
        world.event("INV-1", "go").await;
        world.advance(TimeDelta::minutes(wait)).await;
        world.act("INV-1", "approve", "zahra").await;
        assert_eq!(world.state("INV-1").await, ends_in);
        world.sound("INV-1").await;
    }
}

/// Clause 56: new items take the active definition, running ones keep theirs, after a restart too.
#[tokio::test]
async fn a_running_item_keeps_its_definition() {
    let version = |to: &str| {
        model(json!([
            state("review", task("sales_manager", &[("approve", to)])),
            state("old", json!({ "end": "success" })),
            state("new", json!({ "end": "success" })),
        ]))
    };
    let world = World::running(json!({}), version("old")).await;
    world.start("INV-1").await;
    let world = world.restarted().await;
    world.engine.deploy(version("new")).await.unwrap();
    world.start("INV-2").await;
    assert_eq!(world.act("INV-1", "approve", "zahra").await.state, "old");
    assert_eq!(world.act("INV-2", "approve", "zahra").await.state, "new");
    assert_eq!(
        world.rows(Table::Definitions).await,
        2,
        "a definition in use stays"
    );
    world.sound("INV-1").await;
    world.sound("INV-2").await;
}

/// Clause 56: what the project has lost since takes the error way; everything else of the item goes on.
#[tokio::test]
async fn an_activity_the_engine_has_lost_does_not_lock_the_item() {
    let activity = Scripted::new(|_| brings(Fields::new()));
    let parts = Parts::new(json!({}));
    let with = Parts {
        catalog: parts.catalog.clone().with(activity),
        ..parts.clone()
    };
    let world = with.world().await;
    world.engine.deploy(scripted(ENDS)).await.unwrap();
    world.start("INV-1").await;
    world.start("INV-2").await;
    let approve = Input::action(item("INV-2"), "approve", "zahra");
    world.engine.submit(approve).await.unwrap();
    let without = Parts {
        catalog: parts.catalog.clone(),
        ..world.parts.clone()
    };
    let world = without.world().await;
    world.settle().await;
    assert_eq!(world.state("INV-2").await, "failed");
    assert_eq!(world.act("INV-1", "approve", "zahra").await.state, "failed");
    let code = world.history("INV-1").await.pop().unwrap().row.code;
    assert_eq!(code.as_deref(), Some("no_activity"));
}

/// Clause 59: a refused input changes nothing; a refusal of permission stands in the history.
#[tokio::test]
async fn a_refused_input_changes_nothing() {
    let (parts, tap) = store_tapped(json!({}));
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    world.start("INV-1").await;
    world.settle().await;
    let before = world.instance("INV-1").await;
    tap.taken();
    let bad = Fields::from([("pay_days".to_owned(), Value::Text("x".to_owned()))]);
    for input in [
        Input::start(item("INV-1")),
        Input::action(item("INV-1"), "fly", "zahra"),
        Input::event(item("INV-1"), "nothing", Fields::new()),
        Input::changed(item("INV-1"), bad),
        Input::retry(item("INV-1"), "zahra", "why not"),
        Input::action(item("INV-1"), "approve", "zahra").expecting(99),
    ] {
        let error = world.engine.submit(input).await.unwrap_err();
        assert!(!error.code().is_empty());
        assert!(tap.taken().is_empty(), "{error}");
    }
    let refused = Input::action(item("INV-1"), "approve", "omid");
    world.engine.submit(refused).await.unwrap_err();
    assert_eq!(tap.taken().len(), 1, "the refusal is in the history");
    assert_eq!(world.instance("INV-1").await, before);
}

/// Clause 61: what is refused for good takes the error way at once, with the code of whoever refused.
#[tokio::test]
async fn what_is_refused_for_good_takes_the_error_way_at_once() {
    let (parts, tap) = tapped(json!({ "script": "refused" }));
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    world.approved("INV-1").await;
    assert_eq!(world.state("INV-1").await, "link_failed");
    assert_eq!(tap.count("create"), 1);
    let line = world.history("INV-1").await.pop().unwrap().row;
    assert_eq!(line.code.as_deref(), Some("refused"));
    world.sound("INV-1").await;
}

/// Clause 63: a definition that cannot go on parks the item where it was.
/// Clause 67: an incident is resolved by mending and `retry`, and only when the input then passes.
/// Clause 69: `retry` has an actor, a reason, and may expect a revision.
#[tokio::test]
async fn an_incident_is_resolved_only_when_its_input_passes() {
    let definition = model_with(
        json!([
            state("review", task("sales_manager", &[("approve", "check")])),
            state(
                "check",
                json!({ "decision": {
                "branches": [{ "when": "item.reason == \"yes\"", "to": "done" }], "otherwise": null,
            } })
            ),
            state("done", json!({ "end": "success" })),
        ]),
        json!({}),
    );
    let world = World::running(json!({}), definition).await;
    world.start("INV-1").await;
    let no = Input::changed(item("INV-1"), reason("no"));
    world.engine.submit(no).await.unwrap();
    let reply = world.act("INV-1", "approve", "zahra").await;
    assert_eq!(
        (reply.state.as_str(), reply.incident.as_deref()),
        ("review", Some("no_branch"))
    );
    assert_eq!(world.attention_codes().await, ["no_branch"]);
    let stubborn = Input::retry(item("INV-1"), "omid", "try it");
    let reply = world.engine.submit(stubborn).await.unwrap();
    assert_eq!(reply.incident.as_deref(), Some("no_branch"), "not mended");
    let mended = Input::changed(item("INV-1"), reason("yes"));
    let revision = world.engine.submit(mended).await.unwrap().revision;
    let late = Input::retry(item("INV-1"), "omid", "mended").expecting(revision - 1);
    let error = world.engine.submit(late).await.unwrap_err();
    assert!(matches!(error, Error::WrongRevision { .. }));
    assert_eq!(error.retry(), RetryClass::Reload);
    let retry = Input::retry(item("INV-1"), "omid", "mended").expecting(revision);
    let reply = world.engine.submit(retry).await.unwrap();
    assert_eq!((reply.state.as_str(), reply.incident), ("done", None));
    assert!(world.attention().await.is_empty());
    let line = world.history("INV-1").await.pop().unwrap().row;
    assert_eq!(line.actor.unwrap().as_str(), "omid");
    assert!(line.notes.contains(&"mended".to_owned()));
    world.sound("INV-1").await;
}

/// Clause 63: an outcome without a way parks the item, and what is done is not done again.
#[tokio::test]
async fn an_outcome_without_a_way_is_not_performed_again() {
    let activity = Scripted::new(|_| brings(Fields::new()));
    let world = working(&activity, scripted(&[("error", "failed")])).await;
    assert_eq!(world.incident("INV-1").await.as_deref(), Some("no_route"));
    let world = world.restarted().await;
    world.advance(TimeDelta::days(1)).await;
    let retry = Input::retry(item("INV-1"), "omid", "again");
    let reply = world.engine.submit(retry).await.unwrap();
    world.advance(TimeDelta::days(1)).await;
    assert_eq!(reply.incident.as_deref(), Some("no_route"));
    assert_eq!(activity.attempts().len(), 1);
    world.event("INV-1", "stop").await;
    assert_eq!(world.state("INV-1").await, "failed");
    world.sound("INV-1").await;
}

/// A world that runs no more than two activities in one input.
async fn impatient(definition: Definition) -> World {
    let mut parts = Parts::new(json!({ "script": "never" }));
    parts.limits.activities_per_input_max = 2;
    let world = parts.world().await;
    world.engine.deploy(definition).await.unwrap();
    world
}

/// Three states that set a field, one after another.
fn chain() -> [Json; 4] {
    let set = json!({ "set": { "reason": { "value": "\"x\"" } } });
    let sets = |to| {
        activity(
            "set_fields",
            set.clone(),
            &[("success", to), ("error", "failed")],
        )
    };
    [
        state("one", sets("two")),
        state("two", sets("three")),
        state("three", sets("failed")),
        state("failed", json!({ "end": "failed" })),
    ]
}

/// Clause 19: a chain of activities that is too long is rolled back whole; a link that was made before it
/// stays made.
#[tokio::test]
async fn a_chain_that_is_too_long_keeps_the_facts_it_began_with() {
    let next = [("success", "one"), ("error", "failed")];
    let mut states = vec![
        state("review", task("sales_manager", &[("approve", "make_link")])),
        state(
            "make_link",
            activity("create_payment_link", link_settings(), &next),
        ),
    ];
    states.extend(chain());
    let world = impatient(model(json!(states))).await;
    world.approved("INV-1").await;
    assert_eq!(world.state("INV-1").await, "make_link");
    assert_eq!(world.incident("INV-1").await.as_deref(), Some("livelock"));
    assert_eq!(world.links().await.len(), 1);
    assert_eq!(world.instance("INV-1").await.links.len(), 1);
    assert_eq!(world.messages().await.len(), 1, "and it is sent");
    let retry = Input::retry(item("INV-1"), "omid", "again");
    let reply = world.engine.submit(retry).await.unwrap();
    assert_eq!(reply.incident.as_deref(), Some("livelock"));
    world.advance(TimeDelta::days(5)).await;
    assert_eq!(world.audit().creates, 1);
    assert_eq!(world.links().await.len(), 1);
    world.sound("INV-1").await;
}

/// Clause 19: a timer that has fired into such a chain does not fire again.
#[tokio::test]
async fn a_timer_that_comes_to_no_rest_fires_once() {
    let mut states = vec![state("review", wait_seconds(60, "one"))];
    states.extend(chain());
    let world = impatient(model(json!(states))).await;
    world.start("INV-1").await;
    world.advance(TimeDelta::hours(1)).await;
    assert_eq!(world.state("INV-1").await, "review");
    assert_eq!(world.incident("INV-1").await.as_deref(), Some("livelock"));
    let fired = world
        .kinds("INV-1")
        .await
        .into_iter()
        .filter(|kind| kind == "timer")
        .count();
    assert_eq!(fired, 1);
    world.sound("INV-1").await;
}

/// Clause 19: an action that leads into such a chain is kept, with what was typed, and nothing is written.
#[tokio::test]
async fn an_action_that_comes_to_no_rest_is_kept_whole() {
    let mut states = vec![state(
        "review",
        task("sales_manager", &[("approve", "one")]),
    )];
    states.extend(chain());
    let world = impatient(model(json!(states))).await;
    world.start("INV-1").await;
    let before = world.instance("INV-1").await;
    let reply = world.act("INV-1", "approve", "zahra").await;
    assert_eq!(reply.incident.as_deref(), Some("livelock"));
    let after = world.instance("INV-1").await;
    assert_eq!(
        (after.entry, &after.fields, &after.task),
        (before.entry, &before.fields, &before.task)
    );
    assert!(
        !world
            .crm()
            .item(&item("INV-1"))
            .unwrap()
            .fields
            .contains_key("reason")
    );
    world.sound("INV-1").await;
}

/// Clause 64: when the store fails, nothing is committed and the caller is told; a store that has stopped
/// stops the engine.
#[tokio::test]
async fn a_store_that_fails_is_told_to_the_caller() {
    let (parts, tap) = store_tapped(json!({}));
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    world.start("INV-1").await;
    let approve = || Input::action(item("INV-1"), "approve", "zahra").with_id("a");
    for (kind, class) in [
        (ErrorKind::Full, RetryClass::Later),
        (ErrorKind::Poisoned, RetryClass::Never),
    ] {
        let failing = kind.clone();
        tap.before(move |_| Some(persistence::Error::new(Operation::Commit, failing.clone())));
        let error = world.engine.submit(approve()).await.unwrap_err();
        assert_eq!((error.code(), error.retry()), ("store", class));
        assert_eq!(world.state("INV-1").await, "review");
    }
    let error = world.engine.settle().await.unwrap_err();
    assert!(matches!(error, Error::Store(_)), "{error}");
    let stopped = world.engine.run(std::future::pending()).await.unwrap_err();
    assert!(matches!(stopped, Error::Store(_)), "{stopped}");
    tap.before(|_| None);
    assert!(!world.engine.submit(approve()).await.unwrap().repeated);
}

/// Clause 71: the history says who did what, when and why, under which definition; what names a person
/// can be erased, and the chain still holds.
#[tokio::test]
async fn the_history_can_forget_people_and_still_proves_itself() {
    let definition = model_with(
        json!([
            state("review", task("sales_manager", &[("approve", "make_link")])),
            state(
                "make_link",
                activity(
                    "create_payment_link",
                    link_settings(),
                    &[("success", "await_payment"), ("error", "failed")]
                )
            ),
            state(
                "await_payment",
                wait_payment("make_link", &[("paid", "done")])
            ),
            state("done", json!({ "end": "success" })),
            state("failed", json!({ "end": "failed" })),
        ]),
        json!({ "fields": {
            "pay_days": field("number"), "receipt": field("receipt"),
            "mobile": { "type": "text", "label": null, "currency": null, "personal": true },
        } }),
    );
    let world = World::running(
        json!({ "script": { "pay": { "after": "1h" } } }),
        definition,
    )
    .await;
    put_invoice(world.crm(), "INV-1", 45_000_000);
    let mobile = Fields::from([("mobile".to_owned(), Value::Text("09120001122".to_owned()))]);
    let start = Input::start_with(item("INV-1"), mobile, None);
    world.engine.submit(start).await.unwrap();
    world.act("INV-1", "approve", "zahra").await;
    let error = world
        .engine
        .erase_personal(&item("INV-1"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "not_finished");
    world.advance(TimeDelta::hours(2)).await;
    let lines = world.history("INV-1").await;
    let approved = lines.iter().find(|line| line.row.kind == "action").unwrap();
    assert_eq!(approved.row.actor.as_ref().unwrap().as_str(), "zahra");
    assert_eq!(approved.row.from.as_deref(), Some("review"));
    assert_eq!(approved.row.path[0].state, "make_link");
    assert_eq!(approved.row.definition.len(), 64);
    assert!(approved.evidence.is_some());
    let before: Vec<String> = lines.into_iter().map(|line| line.hash).collect();
    assert!(world.engine.erase_personal(&item("INV-1")).await.unwrap() > 0);
    let lines = world.history("INV-1").await;
    assert!(lines.iter().all(|line| line.evidence.is_none()));
    let after: Vec<String> = lines.into_iter().map(|line| line.hash).collect();
    assert_eq!(before, after, "the chain is untouched");
    world.parts.store.verify().await.unwrap();
    // Nothing that is left names the customer, the number or what was typed.
    let mut left = Vec::new();
    for table in Table::ALL {
        for (key, row) in world
            .parts
            .store
            .scan(persistence::Scan::all(table))
            .await
            .unwrap()
        {
            left.extend(key);
            left.extend(row.open);
            left.extend(row.personal);
        }
    }
    let left = String::from_utf8_lossy(&left);
    for word in ["09120001122", "9123334455", "مریم", "پارس‌پلاست"] {
        assert!(!left.contains(word), "{word} is still there");
    }
    assert!(!world.instance("INV-1").await.fields.contains_key("mobile"));
    assert!(world.messages().await.is_empty());
    let replay = world.engine.replay(&item("INV-1")).await.unwrap();
    assert!(replay.erased && !replay.same);
    // The engine goes on, and erasing again erases nothing.
    world.advance(TimeDelta::days(5)).await;
    assert_eq!(
        world.engine.erase_personal(&item("INV-1")).await.unwrap(),
        0
    );
    assert_eq!(world.links().await[0].amount, irr(45_000_000));
}

#[tokio::test]
async fn an_item_with_open_work_is_not_erased() {
    let (parts, tap) = host_tapped(json!({}));
    let world = parts.world().await;
    let definition = model(json!([
        state("review", task("sales_manager", &[("end", "done")])),
        state("done", json!({ "end": "success" })),
    ]));
    world.engine.deploy(definition).await.unwrap();
    tap.before(|what| {
        what.starts_with("apply")
            .then(|| host::Error::unavailable("x", "away"))
    });
    world.start("INV-1").await;
    world.act("INV-1", "end", "zahra").await;
    let error = world
        .engine
        .erase_personal(&item("INV-1"))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("still to be sent or written"),
        "{error}"
    );
    tap.before(|_| None);
    world.advance(TimeDelta::minutes(1)).await;
    assert!(world.engine.erase_personal(&item("INV-1")).await.unwrap() > 0);
}

#[tokio::test]
async fn work_that_was_erased_beneath_the_engine_is_swept_away() {
    let world = World::new(json!({ "script": "never" })).await;
    world.start("INV-1").await;
    assert_eq!(world.rows(Table::Outbox).await, 1);
    world
        .parts
        .store
        .erase_personal(b"invoice/INV-1")
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(world.rows(Table::Outbox).await, 0);
    assert_eq!(world.state("INV-1").await, "review");
}

/// Clause 73: an input whose answer got lost is neither lost nor applied twice.
#[tokio::test]
async fn an_input_whose_answer_got_lost_is_applied_once() {
    let (parts, tap) = store_tapped(json!({ "script": "never" }));
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    world.start("INV-1").await;
    let approve = || Input::action(item("INV-1"), "approve", "zahra").with_id("a");
    tap.after(|_| {
        Some(persistence::Error::new(
            Operation::Commit,
            ErrorKind::Poisoned,
        ))
    });
    world.engine.submit(approve()).await.unwrap_err();
    tap.after(|_| None);
    let world = world.restarted().await;
    let reply = world.engine.submit(approve()).await.unwrap();
    assert!(reply.repeated);
    assert_eq!((reply.state.as_str(), reply.revision), ("make_link", 2));
    world.settle().await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    world.sound("INV-1").await;
}

/// Clause 76: an item that has not ended can be woken, whatever state its timers and work are in.
#[tokio::test]
async fn every_resting_place_of_the_flagship_can_be_woken() {
    for script in [
        "paid",
        "never",
        "refused",
        "timeout_after_accepting",
        "unavailable",
    ] {
        for profile in PROFILES {
            let world = World::new(json!({ "profile": profile, "script": script })).await;
            world.start("INV-1").await;
            world.sound("INV-1").await;
            world.act("INV-1", "approve", "zahra").await;
            for _ in 0..6 {
                world.sound("INV-1").await;
                world.advance(TimeDelta::hours(30)).await;
            }
            world.sound("INV-1").await;
        }
    }
}

#[tokio::test]
async fn an_activity_that_panics_may_have_had_its_effect() {
    let activity = Scripted::new(|_| panic!("an embedder's mistake"));
    let world = working(&activity, scripted(ENDS)).await;
    assert_eq!(
        world.incident("INV-1").await.as_deref(),
        Some("activity_panicked")
    );
    world.advance(TimeDelta::days(1)).await;
    assert_eq!(activity.attempts().len(), 1);
    let retry = Input::retry(item("INV-1"), "omid", "looked at it");
    world.engine.submit(retry).await.unwrap();
    world.settle().await;
    let attempts = activity.attempts();
    assert_eq!(attempts.len(), 2);
    assert_eq!(
        attempts[1].earlier.len(),
        1,
        "it knows that something may have happened"
    );
    assert_eq!(attempts[0].reference, attempts[1].reference);
    world.sound("INV-1").await;
}

#[tokio::test]
async fn an_activity_that_always_says_later_makes_no_endless_loop() {
    let activity = Scripted::new(|attempt| Attempted::NotBefore {
        at: attempt.now - TimeDelta::hours(1),
        code: "early".to_owned(),
        observations: Vec::new(),
    });
    let world = working(&activity, scripted(ENDS)).await;
    assert_eq!(activity.attempts().len(), 1);
    world.advance(TimeDelta::seconds(5)).await;
    let attempts = activity.attempts();
    assert!((3..=6).contains(&attempts.len()), "{}", attempts.len());
    // It is not counted as an attempt, and leaves nothing that might have happened.
    assert!(
        attempts
            .iter()
            .all(|attempt| attempt.number == 1 && attempt.earlier.is_empty())
    );
}

#[tokio::test]
async fn an_outcome_that_is_named_by_nobody_is_an_incident() {
    let activity = Scripted::new(|_| Attempted::Ended {
        outcome: Box::new(Outcome {
            name: "partly".to_owned(),
            ..Outcome::success()
        }),
        observations: Vec::new(),
    });
    let world = working(&activity, scripted(ENDS)).await;
    assert_eq!(world.incident("INV-1").await.as_deref(), Some("no_route"));
}

#[tokio::test]
async fn work_goes_on_where_it_stood_when_the_item_was_held() {
    let hold = || Event::Hold {
        actor: "omid".into(),
        reason: "audit".to_owned(),
        until: None,
    };
    let activity = Scripted::new(|attempt| match attempt.number {
        1 => not_now(),
        _ => brings(reason("done")),
    });
    let world = working(&activity, scripted(ENDS)).await;
    world
        .engine
        .submit(Input::new(item("INV-1"), hold()))
        .await
        .unwrap();
    world.advance(TimeDelta::minutes(5)).await;
    assert_eq!(world.state("INV-1").await, "work");
    assert_eq!(
        activity.attempts().len(),
        2,
        "the outcome is stored, not applied"
    );
    assert!(!world.instance("INV-1").await.fields.contains_key("reason"));
    let error = world
        .engine
        .submit(Input::action(item("INV-1"), "approve", "zahra"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Rejected(Rejection::Held { .. })),
        "{error}"
    );
    let world = world.restarted().await;
    let resume = Event::Resume {
        actor: "omid".into(),
    };
    world
        .engine
        .submit(Input::new(item("INV-1"), resume))
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(
        world.crm().item(&item("INV-1")).unwrap().fields["reason"],
        reason("done")["reason"]
    );
    world.sound("INV-1").await;
}

#[tokio::test]
async fn what_nobody_knows_is_asked_once_while_the_item_is_held() {
    let activity = Scripted::new(|_| Attempted::Unknown {
        code: "lost".to_owned(),
        message: "no answer".to_owned(),
        again_at: None,
    });
    let parts = Parts::new(json!({}));
    let catalog = parts.catalog.clone().with(activity.clone());
    let world = Parts { catalog, ..parts }.world().await;
    world.engine.deploy(scripted(ENDS)).await.unwrap();
    world.start("INV-1").await;
    let approve = Input::action(item("INV-1"), "approve", "zahra");
    world.engine.submit(approve).await.unwrap();
    let hold = Event::Hold {
        actor: "omid".into(),
        reason: "audit".to_owned(),
        until: None,
    };
    world
        .engine
        .submit(Input::new(item("INV-1"), hold))
        .await
        .unwrap();
    world.advance(TimeDelta::days(1)).await;
    assert_eq!(activity.attempts().len(), 1);
    let resume = Event::Resume {
        actor: "omid".into(),
    };
    world
        .engine
        .submit(Input::new(item("INV-1"), resume))
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(world.incident("INV-1").await.as_deref(), Some("lost"));
    let retry = Input::retry(item("INV-1"), "omid", "again");
    world.engine.submit(retry).await.unwrap();
    world.settle().await;
    assert_eq!(activity.attempts().len(), 2);
    world.sound("INV-1").await;
}

#[tokio::test]
async fn one_broken_item_stops_no_other() {
    let world = World::new(json!({ "script": "paid" })).await;
    for id in ["INV-1", "INV-2"] {
        world.start(id).await;
    }
    world.settle().await;
    for id in ["INV-1", "INV-2"] {
        let approve = Input::action(item(id), "approve", "zahra");
        world.engine.submit(approve).await.unwrap();
    }
    // The first item's row is damaged beneath the engine.
    let store = &world.parts.store;
    let stored = store.subject(b"invoice/INV-1").await.unwrap().unwrap();
    let damaged = Commit {
        subject: b"invoice/INV-1".to_vec(),
        expected: stored.version,
        state: Some(Row::open(b"{".to_vec())),
        ..Commit::default()
    };
    store.commit(damaged).await.unwrap();
    let error = world.engine.settle().await.unwrap_err();
    assert_eq!(error.code(), "record");
    assert_eq!(world.state("INV-2").await, "done");
    // It rests, and is tried again less and less often.
    let next = world.engine.next_due().await.unwrap().unwrap();
    assert!(next > world.engine.now());
    assert!(world.engine.settle().await.is_ok(), "nothing else is due");
}
