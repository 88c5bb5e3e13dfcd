//! Who may do what, by the CRM's directory; and who was refused, in the history.

use engine::{Error, Event, Input};
use host::User;
use serde_json::{Value as Json, json};
use state_machine::{Definition, Rejection};
use values::{Fields, UserId, Value};

use crate::support::{
    Parts, World, action, events, host_tapped, item, model, model_with, routed, state,
    store_tapped, task, task_for, wait_event,
};

/// A task with one action, for somebody.
fn for_somebody(assignee: Json) -> Definition {
    let fields = json!({ "fields": {
        "owner": { "type": "user", "label": null, "currency": null, "personal": false },
        "reason": { "type": "text", "label": null, "currency": null, "personal": false },
    } });
    model_with(
        json!([
            state("review", task_for(assignee, &[("approve", "done")])),
            state("done", json!({ "end": "success" })),
        ]),
        fields,
    )
}

fn user(id: &str) -> User {
    User {
        id: id.into(),
        name: id.to_owned(),
        active: true,
        roles: Vec::new(),
        groups: Vec::new(),
        positions: Vec::new(),
        manager: None,
        mobile: None,
        email: None,
        language: None,
    }
}

async fn may(world: &World, actor: &str) -> Result<String, Error> {
    let input = Input::action(item("INV-1"), "approve", actor);
    world.engine.submit(input).await.map(|reply| reply.state)
}

#[tokio::test]
async fn a_task_is_for_whom_its_workflow_says() {
    let cases = [
        (json!({ "role": "sales_manager" }), "zahra", "ali"),
        (json!({ "group": "finance" }), "omid", "zahra"),
        (json!({ "position": "cashier" }), "sara", "omid"),
        (json!({ "user": "ali" }), "ali", "zahra"),
        (json!({ "manager_of": { "user": "ali" } }), "zahra", "ali"),
        (
            json!({ "field": { "field": "owner", "fallback": { "role": "finance" } } }),
            "omid",
            "ali",
        ),
    ];
    for (assignee, allowed, refused) in cases {
        let world = World::running(json!({}), for_somebody(assignee.clone())).await;
        world.crm().put_user(User {
            positions: vec!["cashier".to_owned()],
            ..user("sara")
        });
        world.start("INV-1").await;
        let error = may(&world, refused).await.unwrap_err();
        let not_allowed = matches!(error, Error::Rejected(Rejection::NotAllowed { .. }));
        assert!(not_allowed, "{assignee} {error}");
        assert_eq!(may(&world, allowed).await.unwrap(), "done", "{assignee}");
    }
}

#[tokio::test]
async fn a_task_follows_the_user_in_a_field() {
    let assignee = json!({ "field": { "field": "owner", "fallback": { "role": "finance" } } });
    let world = World::running(json!({}), for_somebody(assignee)).await;
    crate::support::put_invoice(world.crm(), "INV-1", 1_000);
    let owner = Fields::from([("owner".to_owned(), Value::User("ali".to_owned()))]);
    let start = Input::start_with(item("INV-1"), owner, None);
    world.engine.submit(start).await.unwrap();
    may(&world, "omid").await.unwrap_err();
    assert_eq!(may(&world, "ali").await.unwrap(), "done");
}

#[tokio::test]
async fn unknown_and_deactivated_people_may_do_nothing() {
    let world = World::running(json!({}), for_somebody(json!({ "role": "finance" }))).await;
    world.crm().put_user(User {
        active: false,
        roles: vec!["finance".to_owned()],
        ..user("former")
    });
    world.start("INV-1").await;
    for actor in ["former", "nobody", "", "zahra "] {
        let error = may(&world, actor).await.unwrap_err();
        assert!(
            matches!(&error, Error::NoUser(user) if user.as_str() == actor),
            "{error}"
        );
        let inputs = [
            Event::Claim {
                actor: actor.into(),
            },
            Event::Hold {
                actor: actor.into(),
                reason: "x".to_owned(),
                until: None,
            },
            Event::Retry {
                actor: actor.into(),
                reason: "x".to_owned(),
            },
        ];
        for event in inputs {
            let input = Input::new(item("INV-1"), event);
            assert_eq!(
                world.engine.submit(input).await.unwrap_err().code(),
                "no_user"
            );
        }
        let asked = world
            .engine
            .actions(&item("INV-1"), &UserId::from(actor))
            .await;
        assert_eq!(asked.unwrap_err().code(), "no_user");
    }
    assert_eq!(may(&world, "omid").await.unwrap(), "done");
}

/// Clause 59: a refusal of permission stands in the history, with who was refused what and why.
#[tokio::test]
async fn refusals_are_in_the_history_and_do_not_disturb_the_replay() {
    let world = World::running(json!({}), for_somebody(json!({ "role": "finance" }))).await;
    world.start("INV-1").await;
    may(&world, "ali").await.unwrap_err();
    may(&world, "nobody").await.unwrap_err();
    let claim = Event::Claim {
        actor: "omid".into(),
    };
    world
        .engine
        .submit(Input::new(item("INV-1"), claim))
        .await
        .unwrap();
    world.crm().put_user(User {
        roles: vec!["finance".to_owned()],
        ..user("mina")
    });
    may(&world, "mina").await.unwrap_err();
    let lines = world.history("INV-1").await;
    let refused: Vec<(String, String)> = lines
        .iter()
        .filter(|line| line.row.kind == "refused")
        .map(|line| {
            let row = &line.row;
            assert_eq!(row.notes[0], "approve");
            assert!(!row.notes[1].is_empty(), "{row:?}");
            (
                row.actor.as_ref().unwrap().to_string(),
                row.code.clone().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("ali", "not_allowed"),
        ("nobody", "no_user"),
        ("mina", "claimed"),
    ];
    assert_eq!(
        refused,
        expected.map(|(who, code)| (who.to_owned(), code.to_owned()))
    );
    assert_eq!(
        world.instance("INV-1").await.revision,
        2,
        "a refusal is no revision"
    );
    may(&world, "omid").await.unwrap();
    world.sound("INV-1").await;
}

#[tokio::test]
async fn a_refusal_before_the_start_leaves_nothing() {
    let (parts, tap) = store_tapped(json!({}));
    let world = parts.world().await;
    world
        .engine
        .deploy(for_somebody(json!({ "role": "finance" })))
        .await
        .unwrap();
    tap.taken();
    let error = may(&world, "omid").await.unwrap_err();
    assert!(matches!(error, Error::NotStarted(_)), "{error}");
    assert!(tap.taken().is_empty());
}

#[tokio::test]
async fn an_action_may_need_a_role_beside_the_task() {
    let mut review = task("sales_manager", &[]);
    review["task"]["actions"] = json!([
        action(
            "approve",
            "done",
            json!({ "roles": ["director", "finance"] })
        ),
        action("reject", "failed", json!({})),
    ]);
    let definition = model(json!([
        state("review", review),
        state("done", json!({ "end": "success" })),
        state("failed", json!({ "end": "failed" })),
    ]));
    let world = World::running(json!({}), definition).await;
    world.start("INV-1").await;
    let error = may(&world, "zahra").await.unwrap_err().to_string();
    assert!(error.contains("director or finance"), "{error}");
    let zahra = UserId::from("zahra");
    let actions = world.engine.actions(&item("INV-1"), &zahra).await.unwrap();
    let open: Vec<(&str, bool)> = actions
        .iter()
        .map(|(name, refused)| (name.as_str(), refused.is_none()))
        .collect();
    assert_eq!(open, [("approve", false), ("reject", true)]);
    world.crm().put_user(User {
        roles: vec!["sales_manager".to_owned(), "director".to_owned()],
        ..user("zahra")
    });
    assert_eq!(may(&world, "zahra").await.unwrap(), "done");
}

#[tokio::test]
async fn a_claimed_task_belongs_to_whoever_took_it() {
    let world = World::running(json!({}), for_somebody(json!({ "group": "finance" }))).await;
    world.crm().put_user(User {
        groups: vec!["finance".to_owned()],
        ..user("mina")
    });
    world.start("INV-1").await;
    let claim = |who: &str| Input::new(item("INV-1"), Event::Claim { actor: who.into() });
    let release = |who: &str| Input::new(item("INV-1"), Event::Release { actor: who.into() });
    world.engine.submit(claim("zahra")).await.unwrap_err();
    world.engine.submit(claim("omid")).await.unwrap();
    let error = world.engine.submit(claim("mina")).await.unwrap_err();
    assert!(
        matches!(error, Error::Rejected(Rejection::Claimed { .. })),
        "{error}"
    );
    world.engine.submit(release("mina")).await.unwrap_err();
    world.engine.submit(release("omid")).await.unwrap();
    world.engine.submit(claim("mina")).await.unwrap();
    may(&world, "omid").await.unwrap_err();
    assert_eq!(may(&world, "mina").await.unwrap(), "done");
}

/// A wait that somebody may end.
fn waiting(by: Json) -> Definition {
    let mut wait = wait_event("go", "done");
    wait["wait"]["by"] = by;
    wait["wait"]["next"]["ended"] = json!("done");
    model_with(
        json!([
            routed(state("review", wait), &[]),
            state("done", json!({ "end": "success" })),
        ]),
        json!({ "events": events(&["go"]) }),
    )
}

#[tokio::test]
async fn a_wait_is_ended_by_whom_its_workflow_says() {
    let cases = [
        (json!({ "role": "sales_manager" }), "zahra", "omid"),
        (json!({ "manager_of": { "user": "ali" } }), "zahra", "ali"),
        (
            json!({ "manager_of": { "field": { "field": "reason", "fallback": { "user": "omid" } } } }),
            "zahra",
            "omid",
        ),
    ];
    for (by, allowed, refused) in cases {
        let world = World::running(json!({}), waiting(by.clone())).await;
        crate::support::put_invoice(world.crm(), "INV-1", 1_000);
        let of = Fields::from([("reason".to_owned(), Value::Text("ali".to_owned()))]);
        let start = Input::start_with(item("INV-1"), of, None);
        world.engine.submit(start).await.unwrap();
        let end = |who: &str| Input::new(item("INV-1"), Event::EndWait { actor: who.into() });
        let error = world.engine.submit(end(refused)).await.unwrap_err();
        assert_eq!(error.code(), "not_allowed", "{by}");
        let reply = world.engine.submit(end(allowed)).await.unwrap();
        assert_eq!(reply.state, "done", "{by}");
    }
}

#[tokio::test]
async fn a_directory_that_is_away_refuses_nobody() {
    let (parts, tap) = host_tapped(json!({}));
    let world = parts.world().await;
    world
        .engine
        .deploy(for_somebody(json!({ "role": "finance" })))
        .await
        .unwrap();
    world.start("INV-1").await;
    let lines = world.history("INV-1").await.len();
    tap.before(|what| {
        what.starts_with("user")
            .then(|| host::Error::unavailable("directory.user", "away"))
    });
    let error = may(&world, "omid").await.unwrap_err();
    assert_eq!(
        (error.code(), error.retry()),
        ("host", engine::RetryClass::Later)
    );
    assert_eq!(
        world.history("INV-1").await.len(),
        lines,
        "nobody was refused"
    );
    tap.before(|_| None);
    assert_eq!(may(&world, "omid").await.unwrap(), "done");
}

#[tokio::test]
async fn asking_what_may_be_done_changes_nothing() {
    let (parts, tap) = store_tapped(json!({}));
    let world = Parts::world(parts).await;
    world
        .engine
        .deploy(for_somebody(json!({ "role": "finance" })))
        .await
        .unwrap();
    world.start("INV-1").await;
    world.settle().await;
    tap.taken();
    for who in ["omid", "ali"] {
        let who = UserId::from(who);
        let actions = world.engine.actions(&item("INV-1"), &who).await.unwrap();
        assert_eq!(actions.len(), 1);
        assert_eq!(actions[0].1.is_none(), who.as_str() == "omid");
    }
    let missing = world
        .engine
        .actions(&item("INV-9"), &UserId::from("omid"))
        .await;
    assert_eq!(missing.unwrap_err().code(), "not_started");
    assert!(tap.taken().is_empty());
}
