//! Rolling back: what has succeeded is undone, the last first, each once.

use payment::LinkStatus;
use serde_json::{Value as Json, json};
use state_machine::Definition;

use crate::support::{World, activity, link_settings, model_with, state, task, wait_payment};

fn undone_by(mut state: Json, undo: &str) -> Json {
    state["kind"]["activity"]["undo"] = json!(undo);
    state
}

/// review → approve_it → make_link → await_payment; whoever withdraws has the link cancelled, then the
/// approval taken back.
fn withdrawn(undo_of_link: &str) -> Definition {
    let next = |to: &'static str| [("success", to), ("error", "desk")];
    let approve = activity("approve", json!({}), &next("make_link"));
    let make = activity(
        "create_payment_link",
        link_settings(),
        &next("await_payment"),
    );
    let withdraw = activity(undo_of_link, json!({}), &next("roll_back"));
    let back = json!({ "set": { "reason": "taken back" } });
    let reject = activity("set_fields", back, &next("roll_back"));
    let mut wait = state(
        "await_payment",
        wait_payment("make_link", &[("paid", "done")]),
    );
    wait["on"] = json!([{ "event": "stop", "of": null, "when": null, "to": "roll_back" }]);
    model_with(
        json!([
            state(
                "review",
                task(
                    "sales_manager",
                    &[("approve", "approve_it"), ("drop", "roll_back")]
                )
            ),
            undone_by(state("approve_it", approve), "note_it"),
            undone_by(state("make_link", make), "withdraw_link"),
            wait,
            state("withdraw_link", withdraw),
            state("note_it", reject),
            state(
                "roll_back",
                json!({ "rollback": {
                "undos": ["note_it", "withdraw_link"], "to": "given_up",
            } })
            ),
            state("desk", task("sales_manager", &[("again", "roll_back")])),
            state("done", json!({ "end": "success" })),
            state("given_up", json!({ "end": "cancelled" })),
        ]),
        json!({ "events": crate::support::events(&["stop"]) }),
    )
}

async fn entered(world: &World) -> Vec<String> {
    let lines = world.history("INV-1").await;
    let entered = lines.into_iter().flat_map(|line| line.row.path);
    entered.map(|entered| entered.state).collect()
}

/// Clause 68: the undos of completed activities run in reverse order, each by the same protocol.
#[tokio::test]
async fn a_rollback_undoes_the_last_first_and_each_once() {
    let world = World::running(
        json!({ "script": "never" }),
        withdrawn("cancel_payment_link"),
    )
    .await;
    world.approved("INV-1").await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    assert_eq!(
        world.instance("INV-1").await.to_undo,
        ["note_it", "withdraw_link"]
    );
    world.event("INV-1", "stop").await;
    assert_eq!(world.state("INV-1").await, "given_up");
    let entered = entered(&world).await;
    let undone: Vec<&str> = entered
        .iter()
        .skip_while(|state| *state != "roll_back")
        .map(String::as_str)
        .collect();
    assert_eq!(
        undone,
        [
            "roll_back",
            "withdraw_link",
            "roll_back",
            "note_it",
            "roll_back",
            "given_up"
        ]
    );
    assert!(world.instance("INV-1").await.to_undo.is_empty());
    assert_eq!(world.links().await[0].status, LinkStatus::Cancelled);
    world.sound("INV-1").await;
}

/// Clause 68: where nothing has been done, nothing is undone.
#[tokio::test]
async fn a_rollback_of_nothing_goes_on_at_once() {
    let world = World::running(
        json!({ "script": "never" }),
        withdrawn("cancel_payment_link"),
    )
    .await;
    world.start("INV-1").await;
    world.act("INV-1", "drop", "zahra").await;
    assert_eq!(entered(&world).await, ["review", "roll_back", "given_up"]);
}

/// Clause 68: an undo that fails waits for a person, and is tried again before anything earlier is undone.
#[tokio::test]
async fn an_undo_that_fails_is_not_skipped() {
    let script = json!({ "pay": { "after": "10m" }, "callback": "lost" });
    let world = World::running(
        json!({ "script": script }),
        withdrawn("cancel_payment_link"),
    )
    .await;
    world.approved("INV-1").await;
    // It turns out paid while it is being closed: the payment wins, and the approval stands.
    world
        .parts
        .clock
        .set(world.engine.now() + chrono::TimeDelta::minutes(12));
    world.event("INV-1", "stop").await;
    assert_eq!(world.state("INV-1").await, "desk");
    assert_eq!(
        world.instance("INV-1").await.to_undo,
        ["note_it", "withdraw_link"]
    );
    world.act("INV-1", "again", "zahra").await;
    assert_eq!(
        world.state("INV-1").await,
        "desk",
        "still not, and nothing else either"
    );
    assert!(!entered(&world).await.contains(&"note_it".to_owned()));
    world.sound("INV-1").await;
}
