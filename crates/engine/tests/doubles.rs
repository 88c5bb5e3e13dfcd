//! What two hands, two numbers or one commit could do twice: second links, second receipts, money that
//! is believed to be recorded.

use std::sync::Arc;

use chrono::TimeDelta;
use engine::{Error, Input, LinkRow, LinkWish, RecordedPayment, Renewal};
use payment::{LinkStatus, OperationName};
use persistence::{Commit, Row, Scan, Table, Write};
use serde_json::{Value as Json, json};
use state_machine::Definition;
use values::{Fields, LinkId, Money, Value};

use crate::support::{
    Desk, World, activity, at_desk, events, fact, field, irr, item, link_settings, model_with,
    put_invoice, route, routed, state, task, wait_payment, waiting, working,
};

/// review → make_link → await_payment, which the event `renew` and the outcomes of `waits` leave for work.
fn leaving(link: Json, waits: &[(&str, &str)], works: Vec<Json>, on: Json) -> Definition {
    let made = [("success", "await_payment"), ("error", "refused")];
    let mut settings = link_settings();
    for (key, value) in link.as_object().unwrap() {
        settings[key] = value.clone();
    }
    let next: Vec<(&str, &str)> = [("paid", "done")].iter().chain(waits).copied().collect();
    let mut states = vec![
        state("review", task("sales_manager", &[("approve", "make_link")])),
        state(
            "make_link",
            activity("create_payment_link", settings, &made),
        ),
        routed(
            state("await_payment", wait_payment("make_link", &next)),
            &[("renew", None, "work")],
        ),
        state("refused", task("sales_manager", &[("again", "work")])),
        state("closed", json!({ "end": "cancelled" })),
        state("done", json!({ "end": "success" })),
    ];
    states.extend(works);
    model_with(
        json!(states),
        json!({
            "events": events(&["renew", "stop"]), "on": on,
            "fields": {
                "pay_days": field("number"), "slip_no": field("text"), "receipt": field("receipt"),
                "cash_receipt": field("receipt"),
            },
        }),
    )
}

fn work(name: &str, with: Json) -> Vec<Json> {
    let next = [("success", "await_payment"), ("error", "refused")];
    vec![state("work", activity(name, with, &next))]
}

async fn desk_with(desk: Desk, definition: Definition) -> (World, Arc<Desk>) {
    let (parts, desk) = at_desk(desk);
    let world = parts.world().await;
    world.engine.deploy(definition).await.unwrap();
    (world, desk)
}

async fn slip(world: &World, id: &str, slip: &str) {
    let set = Fields::from([("slip_no".to_owned(), Value::Text(slip.to_owned()))]);
    let input = Input::changed(item(id), set);
    world.engine.submit(input).await.unwrap();
}

/// An invoice with a slip number, as far as its link.
async fn with_slip(world: &World, id: &str, number: &str) {
    put_invoice(world.crm(), id, 45_000_000);
    world.engine.submit(Input::start(item(id))).await.unwrap();
    slip(world, id, number).await;
    world.act(id, "approve", "zahra").await;
}

fn by_slip() -> Json {
    json!({ "transaction": { "value": "item.slip_no" } })
}

fn registering() -> Json {
    json!({ "account": "main", "amount": "45000000 IRR", "transaction": { "field": "slip_no" } })
}

fn renewal() -> Renewal {
    Renewal {
        expires: None,
        by: "zahra".into(),
        id: None,
    }
}

fn slip_by_hand(world: &World, number: &str, amount: Money) -> RecordedPayment {
    RecordedPayment {
        transaction: number.to_owned(),
        amount,
        paid_at: world.engine.now(),
        tracking_no: None,
        by: "omid".into(),
        note: "statement".to_owned(),
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.unwrap_err().code()
}

async fn payable(world: &World) -> Vec<LinkRow> {
    let links = world.links().await;
    links
        .into_iter()
        .filter(|link| !link.status.is_closed())
        .collect()
}

async fn first(world: &World) -> LinkId {
    world.links().await.remove(0).id
}

/// Clause 41, for two people.
#[tokio::test]
async fn two_who_renew_a_link_at_once_get_one_new_link() {
    let (world, desk) = desk_with(Desk::new().closing(), waiting(&["cancelled"], json!({}))).await;
    world.approved("INV-1").await;
    let id = first(&world).await;
    let (engine, same) = (world.engine.clone(), id.clone());
    desk.meanwhile(async move {
        engine.renew_link(&same, renewal()).await.unwrap();
    });
    let slower = world.engine.renew_link(&id, renewal()).await;
    assert_eq!(code(slower), "link_superseded");
    assert_eq!(desk.made().len(), 2);
    assert_eq!(payable(&world).await.len(), 1);
    world.sound("INV-1").await;
}

/// Clause 41, for a person and the workflow.
#[tokio::test]
async fn nobody_renews_by_hand_what_the_workflow_is_renewing() {
    let definition = working("renew_payment_link", json!({ "of": "make_link" }));
    let (world, desk) = desk_with(Desk::new().closing(), definition).await;
    world.approved("INV-1").await;
    let id = first(&world).await;
    let engine = world.engine.clone();
    desk.meanwhile(async move {
        assert_eq!(
            code(engine.renew_link(&id, renewal()).await),
            "link_creating"
        );
        let wish = LinkWish {
            item: item("INV-1"),
            settings: json!({ "account": "main", "amount": "final" }),
            state: Some("make_link".to_owned()),
            by: "zahra".into(),
            id: None,
        };
        assert_eq!(code(engine.create_link(wish).await), "link_creating");
    });
    world.event("INV-1", "renew").await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    assert_eq!(desk.made().len(), 2);
    assert_eq!(payable(&world).await.len(), 1);
    world.sound("INV-1").await;
}

/// The workflow itself has closed the old link; that is no cancelling that leads anywhere.
#[tokio::test]
async fn closing_a_link_for_a_new_one_leads_nowhere() {
    let on = json!([route("cancelled", Some("make_link"), "closed")]);
    let definition = leaving(json!({}), &[], work("renew_payment_link", json!({})), on);
    let (world, _) = desk_with(Desk::new().closing(), definition).await;
    world.approved("INV-1").await;
    world.event("INV-1", "renew").await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    let mut links = world.links().await;
    links.sort_by_key(|link| link.entry);
    let statuses: Vec<LinkStatus> = links.into_iter().map(|link| link.status).collect();
    assert_eq!(statuses, [LinkStatus::Superseded, LinkStatus::Created]);
    world.sound("INV-1").await;
}

/// Whoever has left the renewing for the wait again hears that the old link is closed.
#[tokio::test]
async fn a_wait_hears_of_a_link_that_was_closed_for_one_that_nobody_wants_any_more() {
    let renewing = work("renew_payment_link", json!({})).remove(0);
    let works = vec![routed(renewing, &[("stop", None, "await_payment")])];
    let definition = leaving(json!({}), &[("cancelled", "closed")], works, json!([]));
    let (world, desk) = desk_with(Desk::new().closing(), definition).await;
    world.approved("INV-1").await;
    let engine = world.engine.clone();
    desk.meanwhile(async move {
        let stop = Input::event(item("INV-1"), "stop", Fields::new());
        engine.submit(stop).await.unwrap();
    });
    world.event("INV-1", "renew").await;
    assert_eq!(world.state("INV-1").await, "closed");
    world.advance(TimeDelta::hours(1)).await;
    assert!(payable(&world).await.is_empty());
    world.sound("INV-1").await;
}

/// Money for a link that may be paid many times is no part of it.
#[tokio::test]
async fn a_reusable_link_that_was_paid_is_renewed() {
    let usage = json!({ "usage": "reusable" });
    let works = work("renew_payment_link", json!({}));
    let definition = leaving(usage, &[("paid", "refused")], works, json!([]));
    let (world, desk) = desk_with(Desk::new().closing(), definition).await;
    world.approved("INV-1").await;
    let id = first(&world).await;
    let paid = vec![fact("t-1", irr(45_000_000), world.engine.now())];
    desk.say(id.as_str(), LinkStatus::Created, paid);
    world.engine.check_link(&id, &"ali".into()).await.unwrap();
    assert_eq!(world.state("INV-1").await, "refused");
    world.act("INV-1", "again", "zahra").await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    let old = world.engine.link(&id).await.unwrap();
    assert_eq!((old.status, old.payments), (LinkStatus::Superseded, 1));
    assert_eq!(payable(&world).await.len(), 1);
    world.sound("INV-1").await;
}

/// The commit that notes the part also enters the state that renews: it must know of the part.
#[tokio::test]
async fn a_link_that_was_paid_in_part_a_moment_ago_is_not_renewed() {
    let works = work("renew_payment_link", json!({}));
    let definition = leaving(json!({}), &[("partially_paid", "work")], works, json!([]));
    let (world, desk) = desk_with(Desk::new().closing(), definition).await;
    world.approved("INV-1").await;
    let id = first(&world).await;
    let part = slip_by_hand(&world, "S-1", irr(5_000_000));
    world.engine.record_payment(&id, part).await.unwrap();
    world.settle().await;
    assert_eq!(world.state("INV-1").await, "refused");
    assert_eq!(desk.made().len(), 1, "nobody asks for the whole again");
    world.sound("INV-1").await;
}

/// The same for what the provider is asked to send: the commit that notes the status counts it too.
#[tokio::test]
async fn a_sending_counts_in_the_commit_that_notes_the_links_status() {
    let works = work("resend_payment_link", json!({}));
    let definition = leaving(json!({}), &[("unknown", "work")], works, json!([]));
    let desk = Desk::new().texting(TimeDelta::minutes(2), 3);
    let (world, desk) = desk_with(desk, definition).await;
    world.approved("INV-1").await;
    world.advance(TimeDelta::minutes(3)).await;
    let id = first(&world).await;
    desk.say(id.as_str(), LinkStatus::Unknown, Vec::new());
    world.engine.check_link(&id, &"ali".into()).await.unwrap();
    world.settle().await;
    assert_eq!(desk.count("resend"), 1);
    let link = world.engine.link(&id).await.unwrap();
    assert_eq!((link.status, link.sendings), (LinkStatus::Unknown, 2));
    let soon = world.engine.resend_link(&id, &"ali".into()).await;
    assert_eq!(code(soon), "resend_too_soon");
}

#[tokio::test]
async fn one_number_is_one_payment_whether_a_link_has_it_or_a_receipt_alone() {
    let options = json!({ "script": "never" });
    let recording = working("record_payment", by_slip());
    let world = World::running(options.clone(), recording.clone()).await;
    with_slip(&world, "INV-1", "S-1").await;
    world.event("INV-1", "renew").await;
    assert_eq!(world.state("INV-1").await, "done");
    let register = working("register_receipt", registering());
    world.engine.deploy(register.clone()).await.unwrap();
    with_slip(&world, "INV-2", "S-1").await;
    world.event("INV-2", "renew").await;
    assert_eq!(world.state("INV-2").await, "refused");
    assert_eq!(world.crm().receipts().len(), 1);

    let world = World::running(options, register).await;
    with_slip(&world, "INV-1", "S-1").await;
    world.event("INV-1", "renew").await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    world.engine.deploy(recording).await.unwrap();
    with_slip(&world, "INV-2", "S-1").await;
    let links = world.links().await;
    let second = links
        .iter()
        .find(|link| link.item == item("INV-2"))
        .unwrap();
    let by_hand = slip_by_hand(&world, "S-1", irr(45_000_000));
    let recorded = world.engine.record_payment(&second.id, by_hand).await;
    assert_eq!(code(recorded), "transaction_reused");
    world.event("INV-2", "renew").await;
    assert_eq!(world.state("INV-2").await, "refused");
    assert_eq!(world.crm().receipts().len(), 1);
    world.sound("INV-2").await;
}

#[tokio::test]
async fn a_number_that_is_registered_twice_in_one_commit_counts_once() {
    let (success, error) = ("success", "error");
    let works = vec![
        state(
            "work",
            activity(
                "register_receipt",
                registering(),
                &[(success, "once_more"), (error, "refused")],
            ),
        ),
        state(
            "once_more",
            activity(
                "register_receipt",
                registering(),
                &[(success, "closed"), (error, "refused")],
            ),
        ),
    ];
    let definition = leaving(json!({}), &[], works, json!([]));
    let world = World::running(json!({ "script": "never" }), definition).await;
    with_slip(&world, "INV-1", "S-1").await;
    world.event("INV-1", "renew").await;
    assert_eq!(world.state("INV-1").await, "refused");
    assert_eq!(world.crm().receipts().len(), 1);
    world.sound("INV-1").await;
}

/// A part that counts already is no second part.
#[tokio::test]
async fn a_part_whose_number_counts_elsewhere_is_not_recorded() {
    let mut with = by_slip();
    with["amount"] = json!("5000000 IRR");
    let (world, _) = desk_with(Desk::new().closing(), working("record_payment", with)).await;
    with_slip(&world, "INV-1", "S-1").await;
    world.event("INV-1", "renew").await;
    with_slip(&world, "INV-2", "S-2").await;
    world.event("INV-2", "renew").await;
    assert_eq!(world.state("INV-2").await, "await_payment");
    slip(&world, "INV-2", "S-1").await;
    world.event("INV-2", "renew").await;
    assert_eq!(world.state("INV-2").await, "refused");
    assert_eq!(world.crm().receipts().len(), 2);
    world.sound("INV-2").await;
}

/// A link that may be paid many times is open after a payment that came another way, too.
#[tokio::test]
async fn money_for_a_reusable_link_is_recorded_and_the_link_stays_open() {
    let usage = json!({ "usage": "reusable" });
    let mut with = by_slip();
    let definition = |with: &Json| {
        let works = work("record_payment", with.clone());
        leaving(usage.clone(), &[], works, json!([]))
    };
    let (world, desk) = desk_with(Desk::new().closing(), definition(&with)).await;
    with_slip(&world, "INV-1", "S-1").await;
    world.event("INV-1", "renew").await;
    assert_eq!(world.state("INV-1").await, "await_payment");
    assert_eq!(world.engine.payments().await.unwrap().len(), 1);
    assert_eq!(desk.count("deactivate"), 0);
    assert_eq!(payable(&world).await.len(), 1);
    world.sound("INV-1").await;
    with["amount"] = json!("5 IRR");
    let (world, _) = desk_with(Desk::new().closing(), definition(&with)).await;
    with_slip(&world, "INV-1", "S-1").await;
    world.event("INV-1", "renew").await;
    assert_eq!(world.state("INV-1").await, "refused");
    let link = world.links().await.remove(0);
    assert_eq!(link.status, LinkStatus::Created, "nothing is wrong with it");
}

/// What the provider has issued is what is registered, whatever the fields say by then.
#[tokio::test]
async fn a_second_receipt_has_the_number_that_the_provider_has() {
    let mut with = registering();
    with["second_of"] = json!("make_link");
    let desk = Desk::new().offering(OperationName::SecondReceipt);
    let (world, desk) = desk_with(desk, working("register_receipt", with)).await;
    with_slip(&world, "INV-1", "S-1").await;
    let engine = world.engine.clone();
    desk.meanwhile(async move {
        let set = Fields::from([("slip_no".to_owned(), Value::Text("S-2".to_owned()))]);
        let changed = Input::changed(item("INV-1"), set);
        engine.submit(changed).await.unwrap();
    });
    world.event("INV-1", "renew").await;
    let receipts = world.crm().receipts();
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].transaction, "S-1");
    world.sound("INV-1").await;
}

/// Clause 68: the money counts, and somebody hears that the newer link can still be paid.
#[tokio::test]
async fn a_payment_through_an_earlier_link_tells_of_the_newer_one() {
    let (world, desk) = desk_with(Desk::new().closing(), waiting(&[], json!({}))).await;
    world.approved("INV-1").await;
    let id = first(&world).await;
    let new = world.engine.renew_link(&id, renewal()).await.unwrap();
    let paid = vec![fact("t-1", new.amount, world.engine.now())];
    desk.say(id.as_str(), LinkStatus::Paid, paid);
    world.engine.check_link(&id, &"ali".into()).await.unwrap();
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(world.attention_codes().await, ["newer_link_open"]);
    world
        .engine
        .cancel_link(&new.id, &"ali".into())
        .await
        .unwrap();
    assert!(world.attention().await.is_empty(), "it is closed");
}

/// However many links an item has had: the one that nobody knows of is found among them.
#[tokio::test]
async fn a_link_that_may_be_live_is_found_among_very_many() {
    let (world, _) = desk_with(Desk::new().closing(), waiting(&[], json!({}))).await;
    world.approved("INV-1").await;
    let store = &world.parts.store;
    let rows = store.scan(Scan::all(Table::Links)).await.unwrap();
    let open = String::from_utf8(rows[0].1.open.clone()).unwrap();
    let id = first(&world).await;
    let named = |name: String, status: &str| Write::Put {
        table: Table::Links,
        key: name.clone().into_bytes(),
        row: Row::open(
            open.replace(id.as_str(), &name)
                .replace("\"created\"", status),
        ),
    };
    let mut writes: Vec<Write> = (0..engine::LIST_MAX)
        .map(|number| named(format!("invoice/INV-1/a/{number}"), "\"expired\""))
        .collect();
    let doubtful = "\"unknown\",\"abandoned\":true";
    writes.push(named("invoice/INV-1/z/1".to_owned(), doubtful));
    let commit = Commit {
        subject: b"elsewhere".to_vec(),
        writes,
        ..Commit::default()
    };
    store.commit(commit).await.unwrap();
    let wish = LinkWish {
        item: item("INV-1"),
        settings: json!({ "account": "main", "amount": "final" }),
        state: Some("make_link".to_owned()),
        by: "zahra".into(),
        id: None,
    };
    let made = world.engine.create_link(wish).await;
    assert_eq!(code(made), "earlier_link_unknown");
}

/// Settings of the provider's own may name people.
#[tokio::test]
async fn extras_are_wiped_with_the_item() {
    let extras = json!({ "extras": { "user_id": "3344556" } });
    let (world, desk) = desk_with(Desk::new().closing(), waiting(&[], extras)).await;
    world.approved("INV-1").await;
    let link = world.links().await.remove(0);
    assert_eq!(link.extras["user_id"], "3344556");
    let paid = vec![fact("t-1", link.amount, world.engine.now())];
    desk.say(link.id.as_str(), LinkStatus::Paid, paid);
    world.advance(TimeDelta::days(9)).await;
    assert_eq!(world.state("INV-1").await, "done");
    world.engine.erase_personal(&item("INV-1")).await.unwrap();
    let left = world.parts.store.scan(Scan::all(Table::Links)).await;
    for (_, row) in left.unwrap() {
        for half in [row.open, row.personal] {
            assert!(!String::from_utf8_lossy(&half).contains("3344556"));
        }
    }
    assert!(world.engine.link(&link.id).await.unwrap().extras.is_empty());
}

/// A number that is used up is no reason to close a link that may still be paid.
#[tokio::test]
async fn a_number_that_counts_already_closes_no_link() {
    let recording = working("record_payment", by_slip());
    let (world, desk) = desk_with(Desk::new().closing(), recording).await;
    with_slip(&world, "INV-1", "S-1").await;
    world.event("INV-1", "renew").await;
    let closed = desk.count("deactivate");
    with_slip(&world, "INV-2", "S-1").await;
    world.event("INV-2", "renew").await;
    assert_eq!(world.state("INV-2").await, "refused");
    assert_eq!(desk.count("deactivate"), closed);
    assert_eq!(payable(&world).await.len(), 1);
    world.sound("INV-2").await;
}

/// Where the provider has a number of its own for money it is told of, ours counts once all the same.
#[tokio::test]
async fn a_slip_that_the_provider_was_told_of_pays_no_second_link() {
    let recording = working("record_payment", by_slip());
    let desk = Desk::new().offering(OperationName::MarkPaid);
    let (world, desk) = desk_with(desk, recording).await;
    let amount = irr(45_000_000);
    let now = world.engine.now();
    let mut count = 0;
    desk.before(move |what, links| {
        if what == "mark_paid" {
            for link in links.values_mut() {
                if link.payments.is_empty() {
                    count += 1;
                    link.status = LinkStatus::Paid;
                    link.payments = vec![fact(&format!("P-{count}"), amount, now)];
                }
            }
        }
        None
    });
    with_slip(&world, "INV-1", "S-1").await;
    world.event("INV-1", "renew").await;
    assert_eq!(world.state("INV-1").await, "done");
    with_slip(&world, "INV-2", "S-1").await;
    world.event("INV-2", "renew").await;
    assert_eq!(world.state("INV-2").await, "refused");
    let receipts = world.crm().receipts();
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].transaction, "P-1");
    world.sound("INV-1").await;
}
