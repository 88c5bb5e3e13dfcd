//! Links that people have made by hand.

use std::sync::Arc;

use chrono::TimeDelta;
use engine::{BY_HAND, Error, Event, Input, LinkRow, LinkWish, Renewal};
use payment::{GatewayError, LinkStatus};
use persistence::Table;
use serde_json::{Value as Json, json};
use state_machine::Definition;
use values::{LinkId, Value};

use crate::support::{
    Desk, Parts, World, activity, at_desk, fact, flagship, host_tapped, irr, item, link_settings,
    model_with, paid, start_time, state, tapped, task, wait_payment, waiting,
};

/// review → await_payment, which waits for the link of a state that nobody needs to enter.
fn waiting_only() -> Definition {
    let made = [("success", "await_payment"), ("error", "review")];
    model_with(
        json!([
            state(
                "review",
                task(
                    "sales_manager",
                    &[("wait", "await_payment"), ("auto", "make_link")]
                )
            ),
            state(
                "make_link",
                activity("create_payment_link", link_settings(), &made)
            ),
            state(
                "await_payment",
                wait_payment("make_link", &[("paid", "done"), ("expired", "review")])
            ),
            state("done", json!({ "end": "success" })),
        ]),
        json!({}),
    )
}

fn wish(settings: Json) -> LinkWish {
    LinkWish {
        item: item("INV-1"),
        settings,
        state: None,
        by: "zahra".into(),
        id: None,
    }
}

fn plain() -> Json {
    json!({ "account": "main", "amount": "final" })
}

fn renewal() -> Renewal {
    Renewal {
        expires: None,
        by: "zahra".into(),
        id: None,
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.unwrap_err().code()
}

fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

async fn link(world: &World, id: &LinkId) -> LinkRow {
    world.engine.link(id).await.unwrap()
}

async fn started(options: Json) -> World {
    let world = World::running(options, waiting_only()).await;
    world.start("INV-1").await;
    world
}

#[tokio::test]
async fn a_link_by_hand_tells_the_party_and_its_payment_is_one_receipt() {
    let world = started(json!({ "script": { "pay": { "after": "10m" } } })).await;
    let made = world.engine.create_link(wish(plain())).await.unwrap();
    assert_eq!(made.id.as_str(), "invoice/INV-1/by_hand/h1");
    assert_eq!(
        (made.status, made.amount),
        (LinkStatus::Created, irr(45_000_000))
    );
    assert_eq!((made.state.as_str(), made.entry), (BY_HAND, 0));
    assert_eq!(made.expires_at - world.engine.now(), TimeDelta::days(2));
    assert_eq!(made.asked_by, Some("zahra".into()));
    let receipt = made.receipt.clone().unwrap();
    assert_eq!((receipt.approved, receipt.field), (false, None));
    world.settle().await;
    let told: Vec<String> = world
        .messages()
        .await
        .into_iter()
        .map(|message| format!("{} {}", message.recipient, message.to.as_text()))
        .collect();
    assert_eq!(told, ["party info@example.com", "party +989121112233"]);
    assert_eq!(world.crm().sent().len(), 2);
    let instance = world.instance("INV-1").await;
    assert_eq!(instance.latest_link().unwrap().id, made.id);
    let lines = world.history("INV-1").await;
    let by: Vec<(&str, &str)> = lines
        .iter()
        .filter_map(|line| Some((line.row.kind.as_str(), line.row.actor.as_ref()?.as_str())))
        .collect();
    assert_eq!(by, [("create_link", "zahra"), ("link_made", "zahra")]);
    world.sound("INV-1").await;
    world.advance(minutes(20)).await;
    assert_eq!(link(&world, &made.id).await.status, LinkStatus::Paid);
    assert_eq!(world.crm().receipts().len(), 1);
    assert_eq!(world.state("INV-1").await, "review", "it waits for nothing");
    world.sound("INV-1").await;
}

#[tokio::test]
async fn a_link_by_hand_for_a_state_moves_the_item_that_waits_for_it() {
    let world = started(json!({ "script": { "pay": { "after": "10m" } } })).await;
    world.act("INV-1", "wait", "zahra").await;
    let settings = json!({
        "account": "main", "amount": { "fixed": "۱٬۵۰۰٬۰۰۰ IRR" }, "expires": { "days": "۵" },
        "recipients": { "sms": ["contact"] }, "message": "بپردازید: {{ link.url }} تا {{ link.expires_on }}",
        "description": "پیش‌پرداخت", "receipt": { "type": "cash", "approve": "auto", "field": "receipt" },
    });
    let made = LinkWish {
        state: Some("make_link".to_owned()),
        ..wish(settings)
    };
    let made = world.engine.create_link(made).await.unwrap();
    assert_eq!(
        (made.state.as_str(), made.amount),
        ("make_link", irr(1_500_000))
    );
    assert_eq!(made.description, "پیش‌پرداخت");
    let message = world.messages().await.remove(0);
    assert!(message.body.contains(&made.url), "{}", message.body);
    world.advance(minutes(20)).await;
    assert_eq!(world.state("INV-1").await, "done");
    let receipts = world.crm().receipts();
    assert_eq!((receipts.len(), receipts[0].approved), (1, true));
    let field = &world.instance("INV-1").await.fields["receipt"];
    assert_eq!(field, &Value::Receipt(receipts[0].id.to_string()));
    world.sound("INV-1").await;
}

#[tokio::test]
async fn earlier_links_stay_as_they_are() {
    let world = World::new(json!({ "script": "never" })).await;
    world.approved("INV-1").await;
    let of_state = || LinkWish {
        state: Some("make_link".to_owned()),
        ..wish(plain())
    };
    world.engine.create_link(of_state()).await.unwrap();
    world.engine.create_link(of_state()).await.unwrap();
    let links = world.links().await;
    assert!(links.iter().all(|link| link.status == LinkStatus::Created));
    assert_eq!((links.len(), world.audit().deactivations), (3, 0));
    assert_eq!(world.instance("INV-1").await.links.len(), 3);
    // The workflow's own next link closes them all first.
    world.advance(TimeDelta::days(3)).await;
    assert_eq!(world.state("INV-1").await, "remind");
    world.sound("INV-1").await;
}

#[tokio::test]
async fn a_repeated_id_gets_the_link_and_never_a_second_one() {
    let world = started(json!({ "script": "never" })).await;
    let wished = |settings| LinkWish {
        id: Some("form-1".into()),
        ..wish(settings)
    };
    let first = world.engine.create_link(wished(plain())).await.unwrap();
    let again = world.engine.create_link(wished(plain())).await.unwrap();
    assert_eq!(first, again);
    let world = world.restarted().await;
    let again = world.engine.create_link(wished(plain())).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(world.audit().creates, 1);
    world.settle().await;
    assert_eq!(world.crm().sent().len(), 2);
    let other = wished(json!({ "account": "main", "amount": "balance" }));
    assert_eq!(code(world.engine.create_link(other).await), "input_reused");
    let input = Input::action(item("INV-1"), "wait", "zahra").with_id("form-1");
    assert_eq!(code(world.engine.submit(input).await), "input_reused");
    let input = Input::action(item("INV-1"), "wait", "zahra").with_id("form-2");
    world.engine.submit(input).await.unwrap();
    let used = LinkWish {
        id: Some("form-2".into()),
        ..wish(plain())
    };
    assert_eq!(code(world.engine.create_link(used).await), "input_reused");
    let too_long = LinkWish {
        id: Some("x".repeat(300).into()),
        ..wish(plain())
    };
    assert_eq!(code(world.engine.create_link(too_long).await), "limit");
}

#[tokio::test]
async fn what_cannot_be_made_is_refused_and_leaves_nothing() {
    let world = started(json!({ "script": "never" })).await;
    let rows = [
        (json!({ "amount": "final" }), None, "bad_settings"),
        (
            json!({ "account": "other", "amount": "final" }),
            None,
            "bad_settings",
        ),
        (
            json!({ "account": "main", "amount": { "field": "nowhere" } }),
            None,
            "bad_settings",
        ),
        (
            json!({ "account": "main", "amount": "final", "message": "pay me" }),
            None,
            "bad_settings",
        ),
        (
            json!({ "account": "main", "amount": "final", "expires": { "date": "1390/01/01" } }),
            None,
            "expiry_past",
        ),
        (plain(), Some("review"), "not_a_link_state"),
        (plain(), Some("nowhere"), "not_a_link_state"),
        (
            json!({ "account": "main", "amount": "final", "message": "x".repeat(70_000) }),
            None,
            "limit",
        ),
    ];
    for (settings, state, expected) in rows {
        let wished = LinkWish {
            state: state.map(str::to_owned),
            ..wish(settings.clone())
        };
        assert_eq!(
            code(world.engine.create_link(wished).await),
            expected,
            "{settings}"
        );
    }
    let nobody = LinkWish {
        by: "nobody".into(),
        ..wish(plain())
    };
    assert_eq!(code(world.engine.create_link(nobody).await), "no_user");
    let missing = LinkWish {
        item: item("INV-9"),
        ..wish(plain())
    };
    assert_eq!(code(world.engine.create_link(missing).await), "not_started");
    let hold = Event::Hold {
        actor: "zahra".into(),
        reason: "abroad".to_owned(),
        until: None,
    };
    let hold = Input::new(item("INV-1"), hold);
    world.engine.submit(hold).await.unwrap();
    assert_eq!(code(world.engine.create_link(wish(plain())).await), "held");
    assert_eq!(
        (world.rows(Table::Links).await, world.audit().requests),
        (0, 0)
    );
    assert_eq!(world.kinds("INV-1").await, ["start", "hold"]);
}

#[tokio::test]
async fn nobody_hands_in_that_a_link_was_made() {
    let world = started(json!({ "script": "never" })).await;
    let made = state_machine::LinkMade {
        actor: "zahra".into(),
        state: BY_HAND.to_owned(),
        link: None,
        delivery_failed: false,
    };
    let input = Input::new(item("INV-1"), Event::LinkMade(Box::new(made)));
    assert_eq!(code(world.engine.submit(input).await), "not_callers");
}

#[tokio::test]
async fn an_ended_item_gets_no_link() {
    let world = World::new(json!({ "script": { "pay": { "after": "10m" } } })).await;
    world.approved("INV-1").await;
    world.advance(minutes(30)).await;
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(code(world.engine.create_link(wish(plain())).await), "ended");
    let paid = world.links().await.remove(0).id;
    assert_eq!(
        code(world.engine.renew_link(&paid, renewal()).await),
        "link_paid"
    );
    world.engine.erase_personal(&item("INV-1")).await.unwrap();
}

#[tokio::test]
async fn a_refusal_is_told_and_a_passing_failure_is_asked_for_again_under_one_reference() {
    let (parts, desk) = at_desk(Desk::new());
    let world = parts.world().await;
    world.engine.deploy(waiting_only()).await.unwrap();
    world.start("INV-1").await;
    let wished = || LinkWish {
        id: Some("form-1".into()),
        ..wish(plain())
    };
    desk.before(|_, _| Some(GatewayError::permanent("merchant_closed", "no")));
    let refused = world.engine.create_link(wished()).await.unwrap_err();
    assert_eq!(refused.to_string(), "merchant_closed: no");
    desk.before(|_, _| Some(GatewayError::retryable("busy", "later")));
    let busy = world.engine.create_link(wished()).await.unwrap_err();
    assert_eq!(busy.retry(), engine::RetryClass::Later);
    let row = world.links().await.remove(0);
    assert_eq!(
        (row.status, row.next_poll),
        (LinkStatus::CreateFailed, None)
    );
    desk.before(|_, _| None);
    let made = world.engine.create_link(wished()).await.unwrap();
    assert_eq!((&made.id, made.status), (&row.id, LinkStatus::Created));
    let next = world.engine.create_link(wish(plain())).await.unwrap();
    assert_eq!(next.id.as_str(), "invoice/INV-1/by_hand/h2");
    let kinds = world.kinds("INV-1").await;
    let failed = kinds.iter().filter(|kind| *kind == "create_link_failed");
    assert_eq!(failed.count(), 2);
    world.sound("INV-1").await;
}

/// Clause 38: an answer that got lost is no failure. The link that may have come of it is found and
/// closed before the next one is made.
#[tokio::test]
async fn an_unknown_answer_is_found_and_closed_for_each_profile() {
    for profile in ["idempotent", "unique_reference", "lookup_only", "nothing"] {
        for script in ["timeout_after_accepting", "timeout_before_accepting"] {
            let options = json!({ "profile": profile, "script": {
                "pay": "never", "cases": [{ "when": { "order": 1 }, "create": script }],
            } });
            let world = started(options).await;
            let wished = |id: &str| LinkWish {
                id: Some(id.into()),
                ..wish(plain())
            };
            let asked = world.engine.create_link(wished("a")).await.unwrap_err();
            let Error::Gateway(error) = &asked else {
                panic!("{asked}")
            };
            assert_eq!(error.class, payment::ErrorClass::Ambiguous, "{profile}");
            let id = LinkId::from("invoice/INV-1/by_hand/h1");
            assert!(link(&world, &id).await.abandoned);
            assert!(world.messages().await.is_empty(), "nobody is told");
            assert_eq!(
                code(world.engine.create_link(wished("a")).await),
                "link_given_up"
            );
            world.settle().await;
            let may_be = link(&world, &id).await;
            let blocked = world.engine.create_link(wished("b")).await;
            if may_be.status.is_closed() {
                blocked.unwrap();
            } else {
                assert_eq!(code(blocked), "earlier_link_unknown", "{profile} {script}");
                // By its expiry it is closed whatever came of it.
                world.advance(TimeDelta::days(3)).await;
                assert!(link(&world, &id).await.status.is_closed(), "{profile}");
                world.engine.create_link(wished("b")).await.unwrap();
            }
            assert!(world.attention_codes().await.is_empty());
            let live = world.audit().links.into_iter().filter(|link| link.live);
            assert_eq!(live.count(), 1, "{profile} {script}");
            world.sound("INV-1").await;
        }
    }
}

#[tokio::test]
async fn a_person_may_decide_on_a_link_that_nobody_can_tell_about() {
    let options = json!({ "profile": "nothing", "script": {
        "pay": "never", "cases": [{ "when": { "order": 1 }, "create": "timeout_before_accepting" }],
    } });
    let world = started(options).await;
    world.engine.create_link(wish(plain())).await.unwrap_err();
    world.settle().await;
    let row = world.attention().await.remove(0);
    assert_eq!(row.code, "abandoned_link");
    let by = "zahra".into();
    world
        .engine
        .resolve_attention(&item("INV-1"), &row.reason, &by, "not there")
        .await
        .unwrap();
    world.engine.create_link(wish(plain())).await.unwrap();
    assert_eq!(world.audit().links.len(), 1);
}

/// The payer may hear of a link that we know nothing of. Once it turns out paid, nobody makes another.
#[tokio::test]
async fn a_link_that_was_given_up_and_is_paid_is_told_to_whoever_wants_another() {
    let options = json!({ "script": {
        "pay": { "after": "1m" }, "create": "timeout_after_accepting", "callback": "lost",
    } });
    let world = started(options).await;
    world.act("INV-1", "wait", "zahra").await;
    let wished = |id: &str| LinkWish {
        state: Some("make_link".to_owned()),
        id: Some(id.into()),
        ..wish(plain())
    };
    world.engine.create_link(wished("a")).await.unwrap_err();
    // Nothing is done about it for a while, and it is paid.
    world.parts.clock.set(start_time() + minutes(5));
    assert_eq!(
        code(world.engine.create_link(wished("b")).await),
        "link_paid"
    );
    assert_eq!(
        code(world.engine.create_link(wished("a")).await),
        "link_paid"
    );
    assert_eq!(world.state("INV-1").await, "done");
    world.settle().await;
    assert_eq!(world.crm().receipts().len(), 1);
    assert_eq!(world.audit().creates, 1);
    world.sound("INV-1").await;
}

/// A process that dies while the gateway is asked: the row's own time says when nobody answers any more.
#[tokio::test]
async fn a_making_that_takes_too_long_is_given_up_and_closed() {
    let (parts, tap) = tapped(json!({ "script": "never" }));
    let world = parts.world().await;
    world.engine.deploy(waiting_only()).await.unwrap();
    world.start("INV-1").await;
    let gate = tap.hold("create");
    let wished = || LinkWish {
        id: Some("form-1".into()),
        ..wish(plain())
    };
    let making = world.engine.create_link(wished());
    let meanwhile = async {
        tokio::task::yield_now().await;
        assert_eq!(
            code(world.engine.create_link(wished()).await),
            "link_creating"
        );
        assert_eq!(
            code(world.engine.create_link(wish(plain())).await),
            "link_creating"
        );
        assert_eq!(world.engine.sweep_links().await.unwrap(), 0);
        world.advance(minutes(2)).await;
        gate.notify_one();
    };
    let (made, ()) = tokio::join!(making, meanwhile);
    assert_eq!(code(made), "link_given_up");
    let row = world.links().await.remove(0);
    assert_eq!((row.status, row.abandoned), (LinkStatus::Cancelled, true));
    assert!(world.instance("INV-1").await.links.is_empty());
    assert!(world.messages().await.is_empty());
    world.sound("INV-1").await;
}

/// A provider may call before it has answered: what it says is asked for as soon as the link is there.
#[tokio::test]
async fn a_call_before_the_answer_is_heard() {
    let (parts, tap) = tapped(json!({ "script": "never" }));
    let world = parts.world().await;
    world.engine.deploy(waiting_only()).await.unwrap();
    world.start("INV-1").await;
    let gate = tap.hold("create");
    let making = world.engine.create_link(wish(plain()));
    let id = "invoice/INV-1/by_hand/h1";
    let calling = async {
        tokio::task::yield_now().await;
        let report = paid(id, vec![fact("t-1", irr(45_000_000), world.engine.now())]);
        let reply = world
            .engine
            .handle_callback(&"main".into(), Desk::signed(&report))
            .await
            .unwrap();
        assert_eq!(reply.status, 503, "it has to be said again");
        assert!(world.engine.payments().await.unwrap().is_empty());
        gate.notify_one();
    };
    let (made, ()) = tokio::join!(making, calling);
    let made = made.unwrap();
    assert_eq!(
        (made.status, made.next_poll),
        (LinkStatus::Created, Some(world.engine.now()))
    );
    world.settle().await;
    assert_eq!(tap.count("status"), 1);
}

/// The commit that records the link fails: the link is not kept, and is closed.
#[tokio::test]
async fn a_link_that_cannot_be_recorded_is_closed() {
    let (parts, host) = host_tapped(json!({ "script": "never" }));
    let world = parts.world().await;
    world.engine.deploy(waiting_only()).await.unwrap();
    world.start("INV-1").await;
    let mut asked = 0;
    host.before(move |call| {
        asked += usize::from(call == "user zahra");
        // Once for the person, once more when the link is there.
        (call == "user zahra" && asked == 2)
            .then(|| host::Error::unavailable("user", "the directory is away"))
    });
    assert_eq!(code(world.engine.create_link(wish(plain())).await), "host");
    world.settle().await;
    let row = world.links().await.remove(0);
    assert_eq!((row.status, row.abandoned), (LinkStatus::Cancelled, true));
    assert!(world.audit().links.iter().all(|link| !link.live));
    world.engine.create_link(wish(plain())).await.unwrap();
}

#[tokio::test]
async fn whoever_hears_of_no_link_is_named_and_the_workflow_hears_of_it() {
    let world = World::running(json!({ "script": "never" }), crate::support::noticed()).await;
    world.approved("INV-1").await;
    let nobody =
        json!({ "account": "main", "amount": "final", "recipients": { "sms": ["manager"] } });
    let wished = LinkWish {
        state: Some("make_link".to_owned()),
        ..wish(nobody)
    };
    let made = world.engine.create_link(wished).await.unwrap();
    assert_eq!(made.unreachable[0].code, "nobody");
    assert_eq!(world.state("INV-1").await, "call");
}

async fn at_desk_waiting(desk: Desk, with: Json) -> (World, Arc<Desk>, LinkId) {
    let (parts, desk): (Parts, _) = at_desk(desk);
    let world = parts.world().await;
    world
        .engine
        .deploy(waiting(&["cancelled", "expired"], with))
        .await
        .unwrap();
    world.approved("INV-1").await;
    let id = world.links().await[0].id.clone();
    (world, desk, id)
}

#[tokio::test]
async fn a_provider_that_texts_by_itself_is_told_whom() {
    let (parts, desk) = at_desk(Desk::new().texting(minutes(2), 3));
    let world = parts.world().await;
    world.engine.deploy(waiting_only()).await.unwrap();
    world.start("INV-1").await;
    let settings = json!({
        "account": "main", "amount": "final", "recipients": { "sms": ["contact"] },
    });
    let made = world.engine.create_link(wish(settings)).await.unwrap();
    assert_eq!(
        desk.made()[0].payer_mobile.as_deref(),
        Some("+989123334455")
    );
    assert_eq!((made.sendings, made.sent_at), (1, Some(start_time())));
    assert!(world.messages().await.is_empty(), "nobody is told twice");
    let by = "zahra".into();
    let soon = world.engine.resend_link(&made.id, &by).await;
    assert_eq!(code(soon), "resend_too_soon");
}

#[tokio::test]
async fn a_renewed_link_takes_the_place_of_the_earlier_one() {
    let with = json!({ "message": { "sms": { "fa": "لینک شما {{ link.url }}", "en": "Yours {{ link.url }}" } } });
    let (world, desk, id) = at_desk_waiting(Desk::new().closing(), with).await;
    let days = Renewal {
        expires: Some(json!({ "days": 7 })),
        id: Some("again".into()),
        ..renewal()
    };
    let new = world.engine.renew_link(&id, days.clone()).await.unwrap();
    let old = link(&world, &id).await;
    assert_eq!(
        (old.status, new.status),
        (LinkStatus::Superseded, LinkStatus::Created)
    );
    assert_eq!(old.replaced_by, Some(new.id.clone()));
    assert_eq!(
        (
            &new.state,
            &new.account,
            new.amount,
            &new.description,
            &new.receipt,
            new.usage
        ),
        (
            &old.state,
            &old.account,
            old.amount,
            &old.description,
            &old.receipt,
            old.usage
        )
    );
    assert_eq!(new.expires_at - world.engine.now(), TimeDelta::days(7));
    world.settle().await;
    let messages = world.messages().await;
    let of = |id: &LinkId| {
        let message = messages
            .iter()
            .find(|message| message.link.as_ref() == Some(id));
        message.map(|message| {
            (
                message.to.clone(),
                message.recipient.clone(),
                message.body.clone(),
            )
        })
    };
    let (first, second) = (of(&id).unwrap(), of(&new.id).unwrap());
    assert_eq!((&first.0, &first.1), (&second.0, &second.1));
    assert!(second.2.starts_with("لینک شما"), "{}", second.2);
    assert_eq!(
        world.state("INV-1").await,
        "await_payment",
        "it goes on waiting"
    );
    assert!(world.attention().await.is_empty());
    // The same wish again is the same link; another wish looks at the newer one.
    assert_eq!(world.engine.renew_link(&id, days).await.unwrap().id, new.id);
    assert_eq!(
        code(world.engine.renew_link(&id, renewal()).await),
        "link_superseded"
    );
    assert_eq!(desk.made().len(), 2);
    desk.say(
        new.id.as_str(),
        LinkStatus::Paid,
        vec![fact("t-1", new.amount, world.engine.now())],
    );
    world
        .engine
        .check_link(&new.id, &"ali".into())
        .await
        .unwrap();
    assert_eq!(world.state("INV-1").await, "done");
    world.settle().await;
    assert_eq!(world.crm().receipts().len(), 1);
    world.sound("INV-1").await;
}

#[tokio::test]
async fn a_link_by_hand_is_renewed_by_what_was_wished() {
    let world = started(json!({ "script": "never" })).await;
    let settings = json!({
        "account": "main", "amount": "final", "recipients": { "sms": [{ "number": "+989351112233" }] },
        "message": "Pay at {{ link.url }}", "expires": { "days": 1 }, "receipt": "none",
    });
    let first = world.engine.create_link(wish(settings)).await.unwrap();
    world.advance(TimeDelta::days(2)).await;
    assert_eq!(link(&world, &first.id).await.status, LinkStatus::Expired);
    let second = world.engine.renew_link(&first.id, renewal()).await.unwrap();
    assert_eq!(
        link(&world, &first.id).await.status,
        LinkStatus::Expired,
        "it stays that"
    );
    assert_eq!(second.expires_at - world.engine.now(), TimeDelta::days(1));
    assert_eq!((second.receipt, second.state.as_str()), (None, BY_HAND));
    world.settle().await;
    let sent: Vec<String> = world
        .crm()
        .sent()
        .into_iter()
        .map(|sent| sent.message.body)
        .collect();
    assert_eq!(sent.len(), 2);
    assert!(
        sent.iter().all(|body| body.starts_with("Pay at ")),
        "{sent:?}"
    );
    world.sound("INV-1").await;
}

#[tokio::test]
async fn a_link_that_turns_out_paid_is_not_renewed() {
    let (world, desk, id) = at_desk_waiting(Desk::new().closing(), json!({})).await;
    let amount = link(&world, &id).await.amount;
    desk.say(
        id.as_str(),
        LinkStatus::Paid,
        vec![fact("t-1", amount, world.engine.now())],
    );
    let refused = world.engine.renew_link(&id, renewal()).await;
    assert_eq!(code(refused), "link_paid");
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(desk.made().len(), 1);
    world.settle().await;
    assert_eq!(world.crm().receipts().len(), 1);
}

#[tokio::test]
async fn what_is_not_closed_is_not_renewed() {
    let (world, _, id) = at_desk_waiting(Desk::new(), json!({})).await;
    let engine = &world.engine;
    assert_eq!(
        code(engine.renew_link(&id, renewal()).await),
        "unsupported_operation"
    );
    let (world, desk, id) = at_desk_waiting(Desk::new().closing(), json!({})).await;
    let engine = &world.engine;
    desk.before(|what, _| {
        (what == "deactivate").then(|| GatewayError::ambiguous("no_answer", "no answer"))
    });
    assert_eq!(code(engine.renew_link(&id, renewal()).await), "gateway");
    let past = Renewal {
        expires: Some(json!({ "date": "1390/01/01" })),
        ..renewal()
    };
    assert_eq!(code(engine.renew_link(&id, past).await), "expiry_past");
    assert_eq!(
        link(&world, &id).await.status,
        LinkStatus::Created,
        "nothing is closed in vain"
    );
    assert_eq!(desk.made().len(), 1);
    for (status, part, expected) in [
        (LinkStatus::Held, None, "payment_under_way"),
        (
            LinkStatus::PartiallyPaid,
            Some(irr(5)),
            "link_partially_paid",
        ),
    ] {
        let (world, desk, id) = at_desk_waiting(Desk::new().closing(), json!({})).await;
        let now = world.engine.now();
        let payments = part
            .map(|part| fact("t-1", part, now))
            .into_iter()
            .collect();
        desk.say(id.as_str(), status, payments);
        world.engine.check_link(&id, &"ali".into()).await.unwrap();
        assert_eq!(
            code(world.engine.renew_link(&id, renewal()).await),
            expected
        );
    }
}

#[tokio::test]
async fn a_renewal_that_stops_half_way_is_on_the_list_until_it_is_done() {
    let (world, desk, id) = at_desk_waiting(Desk::new().closing(), json!({})).await;
    desk.before(|what, _| {
        (what == "create").then(|| GatewayError::permanent("merchant_closed", "no"))
    });
    world.engine.renew_link(&id, renewal()).await.unwrap_err();
    assert_eq!(link(&world, &id).await.status, LinkStatus::Superseded);
    assert_eq!(world.attention_codes().await, ["renewal_open"]);
    desk.before(|_, _| None);
    world.engine.renew_link(&id, renewal()).await.unwrap();
    assert!(world.attention().await.is_empty());
    assert_eq!(world.state("INV-1").await, "await_payment");
    world.sound("INV-1").await;
}

/// Clause 68: money that comes through the earlier link all the same is money.
#[tokio::test]
async fn money_through_a_superseded_link_counts() {
    let (world, desk, id) = at_desk_waiting(Desk::new().closing(), json!({})).await;
    let week = Renewal {
        expires: Some(json!({ "days": 7 })),
        ..renewal()
    };
    world.engine.renew_link(&id, week).await.unwrap();
    let amount = link(&world, &id).await.amount;
    desk.say(
        id.as_str(),
        LinkStatus::Paid,
        vec![fact("t-1", amount, world.engine.now())],
    );
    world.advance(TimeDelta::days(4)).await;
    assert_eq!(link(&world, &id).await.status, LinkStatus::PaidAfterCancel);
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(world.crm().receipts().len(), 1);
}

/// The workflow's own state waits until a link made by hand for it is known to be closed (clause 41).
#[tokio::test]
async fn a_state_makes_no_link_while_one_by_hand_may_be_live() {
    let options = json!({ "profile": "lookup_only", "settling": "60s", "script": {
        "pay": "never", "cases": [{ "when": { "order": 1 }, "create": "timeout_after_accepting" }],
    } });
    let world = started(options).await;
    let wished = LinkWish {
        state: Some("make_link".to_owned()),
        ..wish(plain())
    };
    world.engine.create_link(wished).await.unwrap_err();
    world.act("INV-1", "auto", "zahra").await;
    assert_eq!(world.state("INV-1").await, "make_link");
    world.advance(minutes(10)).await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    let live: Vec<String> = world
        .audit()
        .links
        .into_iter()
        .filter(|link| link.live)
        .map(|link| link.reference)
        .collect();
    assert_eq!(live, ["invoice/INV-1/make_link/2"]);
    world.sound("INV-1").await;
}

#[tokio::test]
async fn what_a_person_wrote_is_wiped_with_the_item() {
    let world = started(json!({ "script": { "pay": { "after": "10m" } } })).await;
    world.act("INV-1", "wait", "zahra").await;
    let settings = json!({
        "account": "main", "amount": "final", "recipients": { "sms": [{ "number": "+989351112233" }] },
    });
    let wished = LinkWish {
        state: Some("make_link".to_owned()),
        ..wish(settings)
    };
    world.engine.create_link(wished).await.unwrap();
    world.advance(TimeDelta::days(5)).await;
    assert_eq!(world.state("INV-1").await, "done");
    world.engine.erase_personal(&item("INV-1")).await.unwrap();
    for table in [Table::Index, Table::Inputs, Table::Links, Table::Messages] {
        let rows = world
            .parts
            .store
            .scan(persistence::Scan::all(table))
            .await
            .unwrap();
        for (_, row) in rows {
            for half in [row.open, row.personal] {
                let text = String::from_utf8_lossy(&half).into_owned();
                assert!(!text.contains("9351112233"), "{table:?}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn a_flagship_item_is_paid_by_whichever_link_is_paid_first() {
    let options = json!({ "script": {
        "pay": "never", "cases": [{ "when": { "order": 2 }, "pay": { "after": "10m" } }],
    } });
    let world = World::running(options, flagship()).await;
    world.approved("INV-1").await;
    let wished = LinkWish {
        state: Some("make_link".to_owned()),
        ..wish(plain())
    };
    world.engine.create_link(wished).await.unwrap();
    world.advance(minutes(20)).await;
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(world.engine.payments().await.unwrap().len(), 1);
    world.sound("INV-1").await;
}
