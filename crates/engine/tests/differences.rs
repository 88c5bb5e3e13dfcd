//! The providers' books beside ours: nothing differs when all is well, and every kind of difference is seen.

use std::sync::Arc;

use chrono::TimeDelta;
use engine::{Comparison, DifferenceKind, DifferenceReport, LinkFilter, RecordedPayment, Window};
use payment::{GatewayError, LinkStatus};
use serde_json::json;
use values::LinkId;

use crate::support::{Desk, World, at_desk, fact, irr, waiting};

/// So many invoices with a link each.
async fn at(desk: Desk, invoices: usize) -> (World, Arc<Desk>, Vec<LinkId>) {
    let (parts, desk) = at_desk(desk);
    let world = parts.world().await;
    let outcomes = ["paid_again", "cancelled", "refunded"];
    let definition = waiting(&outcomes, json!({}));
    world.engine.deploy(definition).await.unwrap();
    for number in 1..=invoices {
        world.approved(&format!("INV-{number}")).await;
    }
    let ids = world.links().await.into_iter().map(|link| link.id);
    (world, desk, ids.collect())
}

async fn compared(world: &World) -> DifferenceReport {
    let wanted = Comparison::default();
    world.engine.compare_links(&wanted).await.unwrap()
}

async fn settled(world: &World) -> DifferenceReport {
    let wanted = Comparison {
        settle: true,
        ..Comparison::default()
    };
    let report = world.engine.compare_links(&wanted).await.unwrap();
    world.settle().await;
    report
}

/// What differs, as words.
fn words(report: &DifferenceReport) -> Vec<&'static str> {
    let kinds = report.differences.iter().map(|difference| &difference.kind);
    let words = kinds.map(|kind| match kind {
        DifferenceKind::UnknownLink { .. } => "unknown link",
        DifferenceKind::NotThere { .. } => "not there",
        DifferenceKind::Amount { .. } => "amount",
        DifferenceKind::Status { .. } => "status",
        DifferenceKind::NotRecorded { .. } => "not recorded",
        DifferenceKind::NotConfirmed { .. } => "not confirmed",
        DifferenceKind::NotRead { .. } => "not read",
        DifferenceKind::NotListed { .. } => "not listed",
        DifferenceKind::NotCompared { .. } => "not compared",
        _ => "new",
    });
    words.collect()
}

/// Clause 44: when all is well the two books say the same, whatever a link has lived through.
#[tokio::test]
async fn books_that_agree_have_no_difference() {
    for batching in [false, true] {
        let desk = Desk::new().listing().numbered().closing();
        let desk = if batching { desk.batching() } else { desk };
        let (world, desk, ids) = at(desk, 5).await;
        let now = world.engine.now();
        desk.say(
            ids[0].as_str(),
            LinkStatus::Paid,
            vec![fact("t-1", irr(45_000_000), now)],
        );
        desk.say(ids[1].as_str(), LinkStatus::Expired, Vec::new());
        desk.say(ids[2].as_str(), LinkStatus::Paying, Vec::new());
        world.advance(TimeDelta::minutes(2)).await;
        let by = "zahra".into();
        world.engine.cancel_link(&ids[3], &by).await.unwrap();
        let before = (world.history("INV-1").await.len(), world.links().await);
        let report = compared(&world).await;
        assert!(report.is_empty(), "{report:#?}");
        assert_eq!(
            (report.compared, report.listed),
            (5, 5),
            "batching {batching}"
        );
        assert!(report.by_hand.is_empty() && report.silent.is_empty());
        assert_eq!(
            before,
            (world.history("INV-1").await.len(), world.links().await)
        );
        assert_eq!(desk.count("batch"), usize::from(batching) * 2);
    }
}

#[tokio::test]
async fn a_payment_that_we_have_not_recorded_is_seen_and_settled_on_request() {
    let (world, desk, ids) = at(Desk::new().listing(), 1).await;
    let payment = fact("t-1", irr(45_000_000), world.engine.now());
    desk.say(ids[0].as_str(), LinkStatus::Paid, vec![payment]);
    assert_eq!(words(&compared(&world).await), ["not recorded", "status"]);
    assert!(
        world.engine.payments().await.unwrap().is_empty(),
        "nothing is changed by looking"
    );
    assert_eq!(words(&settled(&world).await), ["not recorded", "status"]);
    assert_eq!(world.state("INV-1").await, "done");
    assert_eq!(world.crm().receipts().len(), 1);
    assert!(compared(&world).await.is_empty());
    world.sound("INV-1").await;
}

#[tokio::test]
async fn a_payment_that_the_provider_does_not_confirm_is_seen() {
    let (world, desk, ids) = at(Desk::new(), 1).await;
    let payment = fact("t-1", irr(45_000_000), world.engine.now());
    desk.say(ids[0].as_str(), LinkStatus::Paid, vec![payment.clone()]);
    world.advance(TimeDelta::minutes(2)).await;
    assert!(compared(&world).await.is_empty());
    desk.say(ids[0].as_str(), LinkStatus::Created, Vec::new());
    assert_eq!(words(&compared(&world).await), ["not confirmed", "status"]);
    desk.say(ids[0].as_str(), LinkStatus::Refunded, Vec::new());
    assert_eq!(words(&settled(&world).await), ["not confirmed", "status"]);
    assert!(compared(&world).await.is_empty(), "refunded on both sides");
    let less = fact("t-1", irr(44_999_999), payment.paid_at);
    desk.say(ids[0].as_str(), LinkStatus::Paid, vec![less]);
    assert_eq!(words(&compared(&world).await), ["amount", "status"]);
}

#[tokio::test]
async fn another_status_and_another_amount_are_seen() {
    let (world, desk, ids) = at(Desk::new().listing(), 2).await;
    desk.say(ids[0].as_str(), LinkStatus::Cancelled, Vec::new());
    desk.over(ids[1].as_str(), irr(45_000_001));
    let report = settled(&world).await;
    assert_eq!(words(&report), ["status", "amount"]);
    assert_eq!(report.differences[1].link, Some(ids[1].clone()));
    assert_eq!(world.links().await[0].status, LinkStatus::Cancelled);
    assert_eq!(
        words(&compared(&world).await),
        ["amount"],
        "no settling mends an amount"
    );
}

#[tokio::test]
async fn a_live_link_that_the_provider_does_not_know_is_seen() {
    let (world, desk, ids) = at(Desk::new().listing().batching(), 3).await;
    let lost = ids[1].to_string();
    desk.before(move |_, links| {
        links.remove(&lost);
        None
    });
    let report = compared(&world).await;
    assert_eq!(words(&report), ["not there"]);
    assert_eq!(report.differences[0].link, Some(ids[1].clone()));
}

#[tokio::test]
async fn a_live_link_of_which_the_provider_says_nothing_and_that_it_does_not_list_is_not_there() {
    let (world, desk, ids) = at(Desk::new().listing(), 1).await;
    desk.say(ids[0].as_str(), LinkStatus::Unknown, Vec::new());
    let report = compared(&world).await;
    assert!(report.is_empty(), "it is listed: {report:?}");
    assert_eq!(report.silent, [ids[0].clone()]);
    let id = ids[0].to_string();
    desk.before(move |what, links| {
        // The list loses it; asked for the link itself, the provider still cannot say.
        let link = links.get_mut(&id).unwrap();
        link.reference = id.clone();
        (what == "list 0").then(|| GatewayError::retryable("away", "no list now"))
    });
    world.advance(TimeDelta::minutes(20)).await;
    assert_eq!(words(&compared(&world).await), ["not listed"]);
    let id = ids[0].to_string();
    desk.before(move |what, links| {
        if what == "status" {
            let known = payment::StatusReport {
                reference: id.clone(),
                status: LinkStatus::Unknown,
                payments: Vec::new(),
            };
            links.insert(id.clone(), known);
        } else {
            links.remove(&id);
        }
        None
    });
    assert_eq!(words(&compared(&world).await), ["not there"]);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_leaves_nothing_unsaid() {
    let (world, desk, _) = at(Desk::new().listing(), 3).await;
    let busy = || GatewayError {
        retry_after: Some(TimeDelta::seconds(30)),
        ..GatewayError::retryable("too_many_requests", "later")
    };
    desk.before(move |_, _| Some(busy()));
    let report = compared(&world).await;
    assert_eq!(
        words(&report),
        ["not read", "not read", "not read", "not listed"]
    );
    assert_eq!(
        desk.count("status"),
        1,
        "whoever is told to wait does not go on asking"
    );
}

#[tokio::test]
async fn what_a_person_has_recorded_is_said_apart() {
    let (world, desk, ids) = at(Desk::new().listing(), 1).await;
    let payment = RecordedPayment {
        transaction: "slip-1".to_owned(),
        amount: irr(45_000_000),
        paid_at: world.engine.now(),
        tracking_no: None,
        by: "omid".into(),
        note: "bank statement".to_owned(),
    };
    world.engine.record_payment(&ids[0], payment).await.unwrap();
    let report = compared(&world).await;
    assert!(report.is_empty(), "{report:#?}");
    let apart = |report: &DifferenceReport| {
        let lines = report.by_hand.iter();
        let lines = lines.map(|line| (line.payment.transaction.clone(), line.ours));
        lines.collect::<Vec<_>>()
    };
    assert_eq!(apart(&report), [("slip-1".to_owned(), true)]);
    let theirs = fact("invoice-77", irr(45_000_000), world.engine.now());
    desk.say(ids[0].as_str(), LinkStatus::Paid, vec![theirs]);
    let report = compared(&world).await;
    assert!(report.is_empty(), "{report:#?}");
    assert_eq!(
        apart(&report),
        [
            ("invoice-77".to_owned(), false),
            ("slip-1".to_owned(), true)
        ]
    );
}

#[tokio::test]
async fn only_what_the_filter_takes_is_read() {
    let (world, desk, ids) = at(Desk::new(), 2).await;
    desk.say(ids[0].as_str(), LinkStatus::Cancelled, Vec::new());
    let of = |from: TimeDelta| Comparison {
        filter: LinkFilter {
            created: Window {
                from: Some(world.engine.now() + from),
                to: None,
            },
            ..LinkFilter::default()
        },
        ..Comparison::default()
    };
    let report = world
        .engine
        .compare_links(&of(TimeDelta::hours(1)))
        .await
        .unwrap();
    assert!(report.is_empty() && report.compared == 0);
    let report = world
        .engine
        .compare_links(&of(-TimeDelta::hours(1)))
        .await
        .unwrap();
    assert_eq!((words(&report), report.compared), (vec!["status"], 2));
    assert_eq!(report.unlisted, ["main".into()]);
    let nobody = Comparison {
        filter: LinkFilter {
            account: Some("other".into()),
            ..LinkFilter::default()
        },
        ..Comparison::default()
    };
    let report = world.engine.compare_links(&nobody).await.unwrap();
    assert!(report.is_empty() && report.compared == 0);
}

/// Clause 44: a link that the provider has and the ledger does not know goes to the attention list, once, and
/// what a person has settled there does not come back.
#[tokio::test]
async fn an_unknown_link_is_put_on_the_attention_list_once() {
    let (world, desk, _) = at(Desk::new().listing().numbered(), 3).await;
    assert_eq!(world.engine.sweep_unknown().await.unwrap(), 0);
    desk.stranger("8812");
    desk.stranger("invoice/OLD-1/make_link/1");
    assert_eq!(world.engine.sweep_unknown().await.unwrap(), 2);
    assert_eq!(world.engine.sweep_unknown().await.unwrap(), 0);
    let report = compared(&world).await;
    assert_eq!(words(&report), ["unknown link"; 2]);
    let rows = world.attention().await;
    assert_eq!(world.attention_codes().await, ["unknown_link"; 2]);
    assert!(
        rows[0].message.contains("8812") && rows[0].message.contains("7000000 IRR"),
        "{rows:?}"
    );
    let world = world.restarted().await;
    assert_eq!(world.engine.sweep_unknown().await.unwrap(), 0);
    let by = "omid".into();
    for row in &rows {
        let resolved =
            world
                .engine
                .resolve_attention(&row.item, &row.reason, &by, "made in the panel");
        resolved.await.unwrap();
    }
    assert_eq!(world.engine.sweep_unknown().await.unwrap(), 0);
    assert_eq!(
        words(&compared(&world).await),
        ["unknown link"; 2],
        "it is still there"
    );
    assert!(world.attention().await.is_empty());
}

#[tokio::test]
async fn a_link_that_is_being_made_is_no_unknown_one() {
    let (parts, desk) = at_desk(Desk::new().listing().numbered());
    let world = parts.world().await;
    world.engine.deploy(waiting(&[], json!({}))).await.unwrap();
    world.start("INV-1").await;
    let approve = engine::Input::action(crate::support::item("INV-1"), "approve", "zahra");
    world.engine.submit(approve).await.unwrap();
    // The request is stored and not sent; the provider has got one all the same.
    desk.stranger(&payment::Gateway::order_no(
        desk.as_ref(),
        "invoice/INV-1/make_link/2",
    ));
    let entry = world.instance("INV-1").await.activity.unwrap().reference;
    desk.stranger(&payment::Gateway::order_no(desk.as_ref(), &entry));
    let known = if entry.ends_with("/2") { 0 } else { 1 };
    assert_eq!(world.engine.sweep_unknown().await.unwrap(), known);
}

#[tokio::test]
async fn a_list_in_circles_ends() {
    let (world, desk, _) = at(Desk::new().listing(), 1).await;
    for number in 0..2_000 {
        desk.stranger(&number.to_string());
    }
    assert_eq!(
        world.engine.sweep_unknown().await.unwrap(),
        100,
        "a sweep is bounded"
    );
    assert_eq!(desk.count("list"), 400);
    let report = compared(&world).await;
    assert!(
        words(&report).contains(&"not listed"),
        "the list was not read to its end"
    );
}

/// Clause 44: the lists are read when the engine starts and daily after.
#[tokio::test]
async fn a_running_engine_looks_for_unknown_links_daily() {
    let (world, desk, _) = at(Desk::new().listing(), 1).await;
    let engine = world.engine.clone();
    assert_eq!(engine.sweep_unknown_if_due().await.unwrap(), Some(0));
    desk.stranger("8812");
    world.parts.clock.set(engine.now() + TimeDelta::hours(23));
    assert_eq!(engine.sweep_unknown_if_due().await.unwrap(), None);
    world.parts.clock.set(engine.now() + TimeDelta::hours(1));
    assert_eq!(engine.sweep_unknown_if_due().await.unwrap(), Some(1));
    assert_eq!(engine.sweep_unknown_if_due().await.unwrap(), None);

    let world = world.restarted().await;
    desk.stranger("8813");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = world.engine.clone();
    let running = tokio::spawn(async move {
        let stopped = async {
            stopped.await.ok();
        };
        running.run(stopped).await
    });
    while world.attention().await.len() < 2 {
        tokio::task::yield_now().await;
    }
    stop.send(()).ok();
    running.await.unwrap().unwrap();
}
