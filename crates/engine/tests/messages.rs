//! What goes out after a commit: messages, and writes to the CRM.

use chrono::TimeDelta;
use engine::{Input, MessageStatus};
use host::{ErrorKind, Retry};
use serde_json::{Value as Json, json};
use values::{Fields, Money, Value};

use crate::support::{
    Parts, World, account, action, activity, events, field, flagship, host_tapped, irr, item,
    link_settings, model_with, noticed, route, state, store_tapped, task, wait_event, wait_payment,
};

const CONTACT: &str = "+989123334455";

fn never() -> Json {
    json!({ "script": "never" })
}

fn away(operation: &'static str) -> host::Error {
    host::Error::unavailable(operation, "the CRM is away")
}

#[tokio::test]
async fn a_message_waits_for_its_channel_with_growing_pauses_and_goes_out_once() {
    let (parts, tap) = host_tapped(never());
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    tap.before(|what| what.starts_with("send").then(|| away("messenger.send")));
    world.approved("INV-1").await;
    let mut tried = Vec::new();
    for _ in 0..40 {
        let before = tap
            .calls()
            .iter()
            .filter(|call| call.starts_with("send"))
            .count();
        world.advance(TimeDelta::seconds(15)).await;
        let after = tap
            .calls()
            .iter()
            .filter(|call| call.starts_with("send"))
            .count();
        if after > before {
            tried.push(world.engine.now());
        }
    }
    let pauses: Vec<i64> = tried
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).num_seconds())
        .collect();
    assert!(pauses.len() >= 3 && pauses.is_sorted(), "{pauses:?}");
    let message = world.messages().await.remove(0);
    assert_eq!(message.status, MessageStatus::Queued);
    tap.before(|_| None);
    world.advance(TimeDelta::hours(1)).await;
    assert_eq!(world.messages().await[0].status, MessageStatus::Sent);
    assert_eq!(world.crm().sent().len(), 1);
    assert!(world.attention().await.is_empty());
}

#[tokio::test]
async fn a_message_waits_as_long_as_its_channel_asks() {
    let (parts, tap) = host_tapped(never());
    let world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    tap.before(|what| {
        let busy = || away("messenger.send").after(Some(TimeDelta::hours(3)));
        what.starts_with("send").then(busy)
    });
    world.approved("INV-1").await;
    tap.before(|_| None);
    world.advance(TimeDelta::minutes(179)).await;
    assert_eq!(world.messages().await[0].status, MessageStatus::Queued);
    world.advance(TimeDelta::minutes(2)).await;
    assert_eq!(world.messages().await[0].status, MessageStatus::Sent);
}

#[tokio::test]
async fn a_message_is_given_up_after_its_last_attempt() {
    let (parts, tap) = host_tapped(never());
    let most = parts.limits.message_attempts_max;
    let world = parts.world().await;
    world.engine.deploy(noticed()).await.unwrap();
    tap.before(|what| what.starts_with("send").then(|| away("messenger.send")));
    world.approved("INV-1").await;
    world.advance(TimeDelta::days(2)).await;
    let sends = tap
        .calls()
        .iter()
        .filter(|call| call.starts_with("send"))
        .count();
    assert_eq!(sends, usize::try_from(most).unwrap());
    let message = world.messages().await.remove(0);
    assert_eq!(
        (message.status, message.attempts),
        (MessageStatus::Failed, most)
    );
    assert_eq!(
        world.state("INV-1").await,
        "call",
        "the workflow hears of it"
    );
    assert_eq!(world.attention_codes().await, ["message_failed"]);
    world.sound("INV-1").await;
}

#[tokio::test]
async fn a_refused_message_fails_at_once_and_the_workflow_hears_of_it() {
    let world = World::running(never(), noticed()).await;
    world.crm().refuse_destination(CONTACT);
    world.approved("INV-1").await;
    assert_eq!(world.state("INV-1").await, "call");
    let message = world.messages().await.remove(0);
    assert_eq!(message.status, MessageStatus::Failed);
    assert!(message.error.unwrap().contains("refuses"));
    let attention = world.attention().await.remove(0);
    assert_eq!(attention.code, "message_failed");
    assert!(attention.message.contains("refuses"));
    // The link is none the worse.
    assert_eq!(world.links().await.len(), 1);
    world.sound("INV-1").await;
}

/// A model whose link goes to two people.
fn two_recipients() -> state_machine::Definition {
    let mut with = link_settings();
    with["recipients"] = json!({ "sms": ["contact", { "number": "09121112233" }] });
    let next = [("success", "await_payment"), ("error", "failed")];
    let waits = [("paid", "done"), ("delivery_failed", "failed")];
    model_with(
        json!([
            state("review", task("sales_manager", &[("approve", "make_link")])),
            state("make_link", activity("create_payment_link", with, &next)),
            state("await_payment", wait_payment("make_link", &waits)),
            state("done", json!({ "end": "success" })),
            state("failed", json!({ "end": "failed" })),
        ]),
        json!({}),
    )
}

#[tokio::test]
async fn one_recipient_who_hears_is_enough() {
    let world = World::running(never(), two_recipients()).await;
    world.crm().refuse_destination(CONTACT);
    world.approved("INV-1").await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    let mut status: Vec<MessageStatus> = Vec::new();
    status.extend(
        world
            .messages()
            .await
            .into_iter()
            .map(|message| message.status),
    );
    assert!(status.contains(&MessageStatus::Sent) && status.contains(&MessageStatus::Failed));
    assert_eq!(world.attention_codes().await, ["message_failed"]);
}

#[tokio::test]
async fn the_last_of_all_failing_messages_tells_the_workflow() {
    let world = World::running(never(), two_recipients()).await;
    world.crm().refuse_destination(CONTACT);
    world.crm().refuse_destination("+989121112233");
    world.approved("INV-1").await;
    assert_eq!(world.state("INV-1").await, "failed");
    world.sound("INV-1").await;
}

#[tokio::test]
async fn nobody_need_be_told_about_a_link_that_is_paid_already() {
    let definition = || {
        let next = [("success", "await_payment"), ("error", "failed")];
        model_with(
            json!([
                state("review", task("sales_manager", &[("approve", "make_link")])),
                state(
                    "make_link",
                    activity("create_payment_link", link_settings(), &next)
                ),
                state(
                    "await_payment",
                    wait_payment("make_link", &[("paid", "thank")])
                ),
                state("thank", task("sales_manager", &[("stop", "failed")])),
                state("failed", json!({ "end": "failed" })),
            ]),
            json!({ "on": [route("delivery_failed", Some("make_link"), "failed")] }),
        )
    };
    let (parts, tap) = host_tapped(json!({ "script": { "pay": { "after": "1m" } } }));
    let world = parts.world().await;
    world.engine.deploy(definition()).await.unwrap();
    tap.before(|what| what.starts_with("send").then(|| away("messenger.send")));
    world.approved("INV-1").await;
    world.advance(TimeDelta::minutes(5)).await;
    assert_eq!(world.state("INV-1").await, "thank");
    tap.before(|what| {
        what.starts_with("send")
            .then(|| host::Error::rejected("messenger.send", "no such number"))
    });
    world.advance(TimeDelta::hours(1)).await;
    assert_eq!(world.messages().await[0].status, MessageStatus::Failed);
    assert_eq!(world.state("INV-1").await, "thank");
}

#[tokio::test]
async fn a_message_whose_sending_could_not_be_noted_goes_out_under_the_same_key() {
    let (parts, tap) = store_tapped(never());
    let mut world = parts.world().await;
    world.engine.deploy(flagship()).await.unwrap();
    world.start("INV-1").await;
    world.settle().await;
    let approve = Input::action(item("INV-1"), "approve", "zahra");
    world.engine.submit(approve).await.unwrap();
    // The commit that would note the sending is the third: attempt, outcome, message.
    let mut commits = 0;
    tap.before(move |_| {
        commits += 1;
        let full =
            persistence::Error::new(persistence::Operation::Commit, persistence::ErrorKind::Full);
        (commits == 3).then_some(full)
    });
    assert!(world.engine.settle().await.is_ok(), "a full disk passes");
    assert_eq!(world.crm().sent().len(), 1);
    assert_eq!(world.messages().await[0].status, MessageStatus::Queued);
    world = world.restarted().await;
    world.advance(TimeDelta::minutes(1)).await;
    assert_eq!(world.messages().await[0].status, MessageStatus::Sent);
    assert_eq!(world.crm().sent().len(), 1, "the key is the same");
}

/// A task that writes a field, twice.
fn writing() -> state_machine::Definition {
    let fills = |name: &str, to: &str| action(name, to, json!({ "require": ["reason"] }));
    let mut first = task("sales_manager", &[]);
    first["task"]["actions"] = json!([fills("first", "second")]);
    let mut second = task("sales_manager", &[]);
    second["task"]["actions"] = json!([fills("again", "second"), action("end", "done", json!({}))]);
    model_with(
        json!([
            state("review", first),
            state("second", second),
            state("done", json!({ "end": "success" })),
        ]),
        json!({}),
    )
}

async fn fill(world: &World, name: &str, reason: &str) {
    let mut input = Input::action(item("INV-1"), name, "zahra");
    if let engine::Event::Action { fields, .. } = &mut input.event {
        fields.insert("reason".to_owned(), Value::Text(reason.to_owned()));
    }
    world.engine.submit(input).await.unwrap();
    world.settle().await;
}

#[tokio::test]
async fn an_older_value_that_was_held_up_is_not_written_over_a_newer_one() {
    let (parts, tap) = host_tapped(never());
    let world = parts.world().await;
    world.engine.deploy(writing()).await.unwrap();
    world.start("INV-1").await;
    world.settle().await;
    tap.before(|what| what.contains("set_fields").then(|| away("items.apply")));
    fill(&world, "first", "old").await;
    tap.before(|_| None);
    fill(&world, "again", "new").await;
    world.advance(TimeDelta::hours(1)).await;
    let reason = |fields: &Fields| fields.get("reason").cloned();
    let new = Some(Value::Text("new".to_owned()));
    assert_eq!(
        reason(&world.crm().item(&item("INV-1")).unwrap().fields),
        new
    );
    assert_eq!(reason(&world.instance("INV-1").await.fields), new);
    assert_eq!(world.rows(persistence::Table::Outbox).await, 0);
}

#[tokio::test]
async fn a_value_the_crm_has_changed_since_is_not_written_over() {
    let (parts, tap) = host_tapped(never());
    let world = parts.world().await;
    world.engine.deploy(writing()).await.unwrap();
    world.start("INV-1").await;
    world.settle().await;
    tap.before(|what| what.contains("set_fields").then(|| away("items.apply")));
    fill(&world, "first", "ours").await;
    let theirs = Fields::from([("reason".to_owned(), Value::Text("theirs".to_owned()))]);
    world
        .engine
        .submit(Input::changed(item("INV-1"), theirs))
        .await
        .unwrap();
    tap.before(|_| None);
    let asked = tap.calls().len();
    world.advance(TimeDelta::hours(1)).await;
    let later: Vec<String> = tap.calls().split_off(asked);
    assert!(
        later.iter().all(|call| !call.contains("set_fields")),
        "{later:?}"
    );
}

#[tokio::test]
async fn a_write_the_crm_refuses_is_left_to_a_person_and_holds_up_no_other() {
    let (parts, tap) = host_tapped(never());
    let world = parts.world().await;
    world.engine.deploy(writing()).await.unwrap();
    world.start("INV-1").await;
    world.settle().await;
    tap.before(|what| {
        what.contains("set_fields")
            .then(|| host::Error::rejected("items.apply", "read-only"))
    });
    fill(&world, "first", "x").await;
    let attention = world.attention().await.remove(0);
    assert_eq!(attention.code, "host_write_failed");
    assert!(attention.message.contains("read-only"));
    let notices = world.crm().notices();
    assert!(
        notices.iter().any(|(_, what)| what.contains("second")),
        "{notices:?}"
    );
    assert_eq!(world.rows(persistence::Table::Outbox).await, 0);
    let kinds = world.kinds("INV-1").await;
    assert!(kinds.contains(&"host_refused".to_owned()), "{kinds:?}");
}

#[tokio::test]
async fn writes_to_the_crm_are_given_up_after_days() {
    let (parts, tap) = host_tapped(never());
    let world = parts.world().await;
    world.engine.deploy(writing()).await.unwrap();
    tap.before(|what| what.starts_with("apply").then(|| away("items.apply")));
    world.start("INV-1").await;
    world.advance(TimeDelta::days(7)).await;
    assert_eq!(world.attention_codes().await, ["host_write_failed"]);
    assert_eq!(world.rows(persistence::Table::Outbox).await, 0);
}

/// A model that asks for facts of the party, so that no input can be decided without the CRM.
fn reading_party() -> state_machine::Definition {
    let next = [("success", "await_payment"), ("error", "failed")];
    let mut wait = wait_event("go", "done");
    wait["wait"]["event"]["when"] = json!("party.name != \"\"");
    let wait_paid = wait_payment("make_link", &[("paid", "more")]);
    model_with(
        json!([
            state("review", task("sales_manager", &[("approve", "make_link")])),
            state(
                "make_link",
                activity("create_payment_link", link_settings(), &next)
            ),
            state("await_payment", wait_paid),
            state("more", wait),
            state("done", json!({ "end": "success" })),
            state("failed", json!({ "end": "failed" })),
        ]),
        json!({ "events": events(&["go"]) }),
    )
}

/// Clause 64: what cannot be decided while the CRM is away is neither lost nor done twice.
#[tokio::test]
async fn an_answer_that_cannot_be_applied_is_kept_and_nothing_is_asked_again() {
    for profile in ["idempotent", "nothing"] {
        let parts = Parts::new(json!({
            "profile": profile, "script": { "pay": { "after": "1h" } },
        }));
        let tap = crate::support::HostTap::on(&parts.crm);
        let gateway = crate::support::GatewayTap::on(&parts.sandbox);
        let parts = Parts {
            host: tap.host(),
            gateway: gateway.clone(),
            ..parts
        };
        let world = parts.world().await;
        world.engine.deploy(reading_party()).await.unwrap();
        world.start("INV-1").await;
        world.settle().await;
        let approve = Input::action(item("INV-1"), "approve", "zahra");
        world.engine.submit(approve).await.unwrap();
        tap.before(|_| Some(away("crm")));
        world.settle().await;
        assert_eq!(world.state("INV-1").await, "make_link");
        assert_eq!(gateway.count("create"), 1);
        world.advance(TimeDelta::minutes(30)).await;
        let world = world.restarted().await;
        world.settle().await;
        tap.before(|_| None);
        world.advance(TimeDelta::minutes(30)).await;
        assert_eq!(gateway.count("create"), 1, "{profile}: the answer was kept");
        assert_eq!(world.audit().links.len(), 1);
        // Time goes on: the payment came while the CRM was back.
        world.advance(TimeDelta::hours(1)).await;
        assert_eq!(world.state("INV-1").await, "more");
        world.sound("INV-1").await;
    }
}

/// An outage of the CRM stops neither the engine nor what does not need the CRM.
#[tokio::test]
async fn a_timer_that_cannot_be_decided_waits_for_the_crm() {
    let mut wait = crate::support::wait_seconds(60, "late");
    wait["wait"]["when"] = json!("party.name == \"nobody\"");
    wait["wait"]["next"]["holds"] = json!("done");
    let definition = model_with(
        json!([
            state("review", wait),
            state("late", json!({ "end": "failed" })),
            state("done", json!({ "end": "success" })),
        ]),
        json!({}),
    );
    let (parts, tap) = host_tapped(never());
    let world = parts.world().await;
    world.engine.deploy(definition).await.unwrap();
    world.start("INV-1").await;
    tap.before(|_| Some(away("crm")));
    world.advance(TimeDelta::minutes(10)).await;
    assert_eq!(world.state("INV-1").await, "review");
    tap.before(|_| None);
    world.advance(TimeDelta::minutes(10)).await;
    assert_eq!(world.state("INV-1").await, "late");
    let fired = world
        .history("INV-1")
        .await
        .into_iter()
        .find(|line| line.row.kind == "timer");
    assert!(fired.unwrap().row.notes[0].contains("late by"));
    world.sound("INV-1").await;
}

#[tokio::test]
async fn an_error_says_whether_the_crm_may_be_asked_again() {
    let unavailable = host::Error::unavailable("x", "y");
    assert_eq!(
        (unavailable.kind, unavailable.retry),
        (ErrorKind::Unavailable, Retry::Later)
    );
    assert_eq!(
        engine::Error::from(unavailable).retry(),
        engine::RetryClass::Later
    );
    let rejected = engine::Error::from(host::Error::rejected("x", "y"));
    assert_eq!(rejected.retry(), engine::RetryClass::Never);
}

#[tokio::test]
async fn an_account_without_online_payment_sends_nothing() {
    let parts = Parts::new(never());
    let offline = activity::Account {
        online_payment: false,
        ..account()
    };
    let engine = engine::Engine::builder()
        .store(parts.store.clone())
        .host(parts.host.clone())
        .account(offline, parts.gateway.clone())
        .clock(parts.clock.clone())
        .build()
        .await
        .unwrap();
    engine.deploy(flagship()).await.unwrap();
    crate::support::put_invoice(&parts.crm, "INV-1", 45_000_000);
    engine.submit(Input::start(item("INV-1"))).await.unwrap();
    let approve = Input::action(item("INV-1"), "approve", "zahra");
    let reply = engine.submit(approve).await.unwrap();
    assert_eq!(reply.state, "link_failed");
    let lines = engine.history(&item("INV-1")).await.unwrap();
    assert_eq!(
        lines.last().unwrap().row.code.as_deref(),
        Some("account_offline")
    );
    assert_eq!(parts.sandbox.audit().requests, 0);
}

#[tokio::test]
async fn no_receipt_is_made_where_none_is_wished() {
    let mut with = link_settings();
    with["receipt"] = json!("none");
    let next = [("success", "await_payment"), ("error", "failed")];
    let definition = model_with(
        json!([
            state("review", task("sales_manager", &[("approve", "make_link")])),
            state("make_link", activity("create_payment_link", with, &next)),
            state(
                "await_payment",
                wait_payment("make_link", &[("paid", "done")])
            ),
            state("done", json!({ "end": "success" })),
            state("failed", json!({ "end": "failed" })),
        ]),
        json!({ "fields": { "pay_days": field("number") } }),
    );
    let world = World::running(
        json!({ "script": { "pay": { "after": "1m" } } }),
        definition,
    )
    .await;
    world.approved("INV-1").await;
    world.advance(TimeDelta::minutes(5)).await;
    assert_eq!(world.state("INV-1").await, "done");
    assert!(world.crm().receipts().is_empty());
    let payment = world.engine.payments().await.unwrap().remove(0);
    assert_eq!(payment.receipt, None);
    let paid: Money = payment.fact.amount;
    assert_eq!(paid, irr(45_000_000));
}
