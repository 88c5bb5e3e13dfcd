//! Payment links: what is noted, what counts, and where it leads.

use state_machine::{ActivityEnd, BY_HAND, End, Event, LinkMade, PAYMENT_OUTCOMES};
use values::Value;

use crate::clauses::sale;
use crate::support::flow::after;
use crate::support::{
    DAY, Flow, Story, act, changed, fields, hold, named, num, resume, retry, rial,
};

/// A link, a task between two links, and a wait for the payment of the latest.
fn again() -> Flow {
    Flow::new()
        .link("make", [("success", "await"), ("error", "desk")])
        .wait("await", |wait| {
            wait.payment(
                "make",
                [("paid", "over"), ("expired", "desk"), ("cancelled", "desk")],
            )
        })
        .task("desk", |task| {
            task.action("again", "make").action("stop", "over")
        })
        .end("over")
}

/// A story that has come to the wait for the link L1.
fn waiting(flow: &Flow) -> Story {
    let mut story = Story::new(flow);
    story.ok(story.made("L1"));
    story
}

/// Clause 43: each outcome: what becomes of the link, and where the item goes, without a way and
/// with each of the ways it could take.
#[test]
fn each_outcome_goes_its_nearest_way() {
    for outcome in PAYMENT_OUTCOMES {
        let ways = |next: bool, here: bool, shared: bool| {
            let mut flow = Flow::new().link("make", [("success", "await"), ("error", "lost")]);
            flow = flow.wait("await", |wait| {
                let wait = wait.due(after(9 * DAY), "lost").payment("make", []);
                if next {
                    wait.payment("make", [(outcome, "next")])
                } else {
                    wait
                }
            });
            flow = if here {
                flow.here_on(outcome, "make", "", "here")
            } else {
                flow
            };
            flow = if shared {
                flow.on(outcome, "", "", "shared")
            } else {
                flow
            };
            let ends = ["next", "here", "shared", "lost"];
            let flow = ends.into_iter().fold(flow, Flow::end);
            let mut story = waiting(&flow);
            story.ok(story.payment("L1", outcome));
            let status = story.status("L1").to_owned();
            let expected = if outcome == "delivery_failed" {
                "created"
            } else {
                outcome
            };
            assert_eq!(status, expected);
            story.state().to_owned()
        };
        assert_eq!(ways(true, true, true), "next", "{outcome}");
        assert_eq!(ways(false, true, true), "here", "{outcome}");
        assert_eq!(ways(false, false, true), "shared", "{outcome}");
        assert_eq!(ways(false, false, false), "await", "{outcome}");
    }
}

/// Clause 43: money that came late goes the exact way where there is one, and that of `paid` else.
#[test]
fn late_money_falls_back_to_paid() {
    for outcome in ["paid_late", "paid_after_cancel"] {
        let flow = |exact: bool| {
            let flow = again()
                .on("paid", "make", "", "thank")
                .end("thank")
                .end("exact");
            if exact {
                flow.on(outcome, "make", "", "exact")
            } else {
                flow
            }
        };
        for (exact, state) in [(false, "thank"), (true, "exact")] {
            let mut story = waiting(&flow(exact));
            story.ok(story.payment("L1", "expired"));
            assert_eq!(story.state(), "desk");
            story.ok(story.payment("L1", outcome));
            assert_eq!((story.state(), story.status("L1")), (state, outcome));
        }
    }
}

/// Clause 14: the exact way wins wherever it is: a wait's `paid` is wider than an `on` for late money.
#[test]
fn an_exact_route_wins_over_a_wider_one() {
    let flow = again().on("paid_late", "make", "", "exact").end("exact");
    let mut story = waiting(&flow);
    story.ok(story.payment("L1", "paid_late"));
    assert_eq!(story.state(), "exact");
}

/// Clause 43: a route that names a link takes no payment of another, and no event of the same name.
#[test]
fn a_route_for_one_link_takes_no_other() {
    let flow = Flow::new()
        .on("paid", "other", "", "wrong")
        .on("paid", "make", "", "right")
        .link("other", [("success", "make"), ("error", "wrong")])
        .link("make", [("success", "desk"), ("error", "wrong")])
        .task("desk", |task| task.action("done", "wrong"))
        .end("right")
        .end("wrong");
    let mut story = Story::new(&flow);
    story.ok(story.made("L0"));
    story.ok(story.made("L1"));
    story.ok(story.payment("L1", "paid"));
    assert_eq!(story.state(), "right");
    let forged = Flow::new()
        .event("paid", DAY)
        .on("paid", "make", "", "over")
        .link("make", [("success", "over"), ("error", "over")])
        .end("over");
    assert_eq!(
        forged.problems(),
        ["events: `paid` is what payment links report"]
    );
}

/// Clause 41: the expiry of an old link does not end the wait for the new one.
#[test]
fn an_old_link_does_not_end_the_wait_for_the_new_one() {
    let mut story = waiting(&again());
    story.ok(story.payment("L1", "expired"));
    story.ok(act("again", "sara"));
    story.ok(story.made("L2"));
    for outcome in ["expired", "cancelled", "delivery_failed", "partially_paid"] {
        story.ok(story.payment("L1", outcome));
        assert_eq!(story.state(), "await", "{outcome}");
    }
    assert_eq!(story.status("L2"), "created");
    story.ok(story.payment("L2", "expired"));
    assert_eq!(story.state(), "desk");
}

/// Clause 43: money counts from any link, one that is forgotten here included.
#[test]
fn money_counts_from_a_forgotten_link() {
    let mut story = waiting(&again());
    story.ok(story.payment("L1", "expired"));
    story.ok(act("again", "sara"));
    story.ok(story.made("L2"));
    assert_eq!(
        story.instance.links.len(),
        1,
        "the closed one is the store's to keep"
    );
    story.ok(story.payment("L1", "paid_late"));
    assert_eq!(story.state(), "over");
    assert_eq!(story.status("L2"), "created", "it is another link");
}

/// Clause 44: a link that is not closed is never forgotten, whatever comes after it.
#[test]
fn an_open_link_is_remembered() {
    let flow = Flow::new()
        .event("called", 0)
        .link("make", [("success", "desk"), ("error", "desk")])
        .task("desk", |task| {
            task.action("again", "make").action("on", "await")
        })
        .wait("await", |wait| wait.payment("make", [("paid", "over")]))
        .end("over");
    let mut story = Story::new(&flow);
    for link in ["L1", "L2", "L3"] {
        story.ok(story.made(link));
        story.ok(act(if link == "L3" { "on" } else { "again" }, "sara"));
    }
    let ids = |story: &Story| {
        let ids = story.instance.links.iter().map(|link| link.id.to_string());
        ids.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ids(&story), "L1 L2 L3");
    story.ok(story.payment("L2", "expired"));
    assert_eq!(ids(&story), "L1 L3");
    story.ok(story.payment("L3", "expired"));
    assert_eq!(
        ids(&story),
        "L1 L3",
        "the latest is kept even when it is closed"
    );
    story.ok(story.payment("L1", "paid"));
    assert_eq!(story.state(), "over");
}

/// Clause 43: what has happened to the link before the wait is entered counts on entry.
#[test]
fn a_wait_sees_what_has_happened_to_its_link() {
    let flow = Flow::new()
        .link("make", [("success", "desk"), ("error", "desk")])
        .task("desk", |task| task.action("on", "await"))
        .wait("await", |wait| {
            wait.payment(
                "make",
                [
                    ("paid", "over"),
                    ("expired", "late"),
                    ("partially_paid", "late"),
                ],
            )
        })
        .end("over")
        .end("late");
    #[rustfmt::skip]
    let rows = [
        // before the wait               | rests in
        (vec!["paid"],                     "over"),
        (vec!["expired"],                  "late"),
        (vec!["expired", "paid_late"],     "over"),
        (vec!["cancelled", "paid_after_cancel"], "over"),
        (vec!["paid", "expired"],          "over"),
        (vec!["cancelled"],                "await"),
        (vec!["viewed"],                   "await"),
        // The rest may still come.
        (vec!["partially_paid"],           "await"),
        (vec![],                           "await"),
    ];
    for (outcomes, state) in rows {
        let mut story = Story::new(&flow);
        story.ok(story.made("L1"));
        for outcome in &outcomes {
            story.ok(story.payment("L1", outcome));
        }
        story.ok(act("on", "sara"));
        assert_eq!(story.state(), state, "{outcomes:?}");
    }
}

/// Clause 43: a closed link is moved on by money and by nothing else.
#[test]
fn a_closed_link_stays_closed() {
    #[rustfmt::skip]
    let rows = [
        // what comes, in order                       | status
        (["viewed", "paying", "expired"],               "expired"),
        (["expired", "viewed", "paying"],               "expired"),
        (["expired", "cancelled", "partially_paid"],    "expired"),
        (["cancelled", "expired", "viewed"],            "cancelled"),
        (["cancelled", "paid_after_cancel", "expired"], "paid_after_cancel"),
        (["expired", "paid_late", "paid"],              "paid_late"),
        (["partially_paid", "paid", "paid_late"],       "paid"),
        (["overpaid", "paid", "expired"],               "overpaid"),
        (["held", "paid_unverified", "paid"],           "paid"),
        (["unknown", "created", "quarantined"],         "quarantined"),
        (["paid", "expired", "refunded"],               "refunded"),
        (["refunded", "expired", "cancelled"],          "refunded"),
        (["expired", "refunded", "viewed"],             "expired"),
    ];
    for (outcomes, status) in rows {
        let mut story = waiting(&again());
        for outcome in outcomes {
            story.ok(story.payment("L1", outcome));
        }
        assert_eq!(story.status("L1"), status, "{outcomes:?}");
    }
}

/// Clause 43: what each outcome leads to; an excess counts as paid where it is not routed itself.
#[test]
fn every_outcome_can_be_routed() {
    for outcome in PAYMENT_OUTCOMES {
        let flow = Flow::new()
            .link("make", [("success", "await"), ("error", "await")])
            .wait("await", |wait| wait.payment("make", [(outcome, "own")]))
            .end("own");
        let mut story = Story::new(&flow);
        story.ok(story.made("L1"));
        story.ok(story.payment("L1", outcome));
        assert_eq!(story.state(), "own", "{outcome}");
    }
    let mut story = waiting(&again());
    story.ok(story.payment("L1", "overpaid"));
    assert_eq!(story.state(), "over");
}

/// A link that may be paid many times: each payment leads on, and none closes it.
#[test]
fn a_link_that_stays_open_leads_on_by_each_payment() {
    let flow = Flow::new()
        .link("make", [("success", "await"), ("error", "await")])
        .wait("await", |wait| {
            wait.payment("make", [("paid", "desk"), ("expired", "over")])
        })
        .task("desk", |task| task.action("on", "await"))
        .end("over");
    let mut story = Story::new(&flow);
    story.ok(story.made("L1"));
    for _ in 0..3 {
        let Event::Payment(mut payment) = story.payment("L1", "paid") else {
            unreachable!("it is a payment")
        };
        payment.stays_open = true;
        story.ok(Event::Payment(payment));
        assert_eq!((story.state(), story.status("L1")), ("desk", "created"));
        story.ok(act("on", "sara"));
        assert_eq!(story.state(), "await");
    }
    story.ok(story.payment("L1", "expired"));
    assert_eq!(story.state(), "over");
}

/// Clause 43: the first payment's moment and number stay.
#[test]
fn the_first_payment_is_the_payment() {
    let mut story = waiting(&sale_from_link());
    story.ok(story.payment("L1", "paid"));
    let first = story.instance.links[0].clone();
    assert_eq!(first.tracking_no.as_deref(), Some("۸۸۱۲"));
    story.later(60);
    story.ok(story.payment("L1", "paid"));
    assert_eq!(story.instance.links[0], first);
    assert_eq!(story.instance.entry, 3, "the second time leads nowhere");
}

fn sale_from_link() -> Flow {
    Flow::new()
        .link("make", [("success", "await"), ("error", "over")])
        .wait("await", |wait| wait.payment("make", [("paid", "desk")]))
        .task("desk", |task| task.action("done", "over"))
        .end("over")
        .on("paid", "make", "", "over")
}

/// Clause 45: a second payment of one link still attaches its receipt, and moves nothing.
#[test]
fn a_second_payment_attaches_its_receipt_only() {
    let mut story = waiting(&sale_from_link());
    story.ok(story.payment_with_receipt("L1", "paid"));
    let Event::Payment(mut second) = story.payment_with_receipt("L1", "paid_again") else {
        panic!("it is a payment")
    };
    second.set = fields([("receipt", Value::Receipt("second".to_owned()))]);
    story.ok(Event::Payment(second));
    assert_eq!((story.state(), story.status("L1")), ("desk", "paid"));
    assert_eq!(
        story.field("receipt"),
        Some(&Value::Receipt("second".to_owned()))
    );
}

/// Clause 43: a payment whose way fails stays noted; the retry goes the way and writes nothing twice.
#[test]
fn a_payment_survives_an_incident() {
    let flow = Flow::new()
        .link("make", [("success", "await"), ("error", "over")])
        .wait("await", |wait| {
            wait.payment("make", [("paid", "size"), ("expired", "late")])
        })
        .decision("size", [("item.n > 3", "over")], Some("small"))
        .end("small")
        .end("late")
        .end("over");
    let mut story = waiting(&flow);
    story.ok(story.payment_with_receipt("L1", "paid"));
    assert_eq!((story.state(), story.incident()), ("await", "guard_failed"));
    assert_eq!(story.status("L1"), "paid");
    assert_eq!(
        story.field("receipt"),
        Some(&Value::Receipt("receipt-L1".to_owned()))
    );
    story.ok(story.payment("L1", "expired"));
    assert_eq!((story.state(), story.status("L1")), ("await", "paid"));
    story.ok(changed([
        ("n", num(1)),
        ("receipt", Value::Receipt("corrected".to_owned())),
    ]));
    story.ok(retry("admin"));
    assert_eq!((story.state(), story.incident()), ("small", ""));
    assert_eq!(
        story.field("receipt"),
        Some(&Value::Receipt("corrected".to_owned()))
    );
}

/// Clause 43: a payment in incident is not forgotten when a person takes another way meanwhile.
#[test]
fn a_payment_in_incident_is_tried_again_in_the_next_state() {
    let flow = Flow::new()
        .link("make", [("success", "desk"), ("error", "over")])
        .task("desk", |task| task.action("on", "other"))
        .here_on("paid", "make", "item.n > 3", "over")
        .task("other", |task| task.action("stop", "over"))
        .here_on("paid", "make", "", "thank")
        .end("thank")
        .end("over");
    let mut story = waiting(&flow);
    story.ok(story.payment("L1", "paid"));
    assert_eq!((story.state(), story.incident()), ("desk", "guard_failed"));
    story.ok(act("on", "sara"));
    assert_eq!((story.state(), story.incident()), ("thank", ""));
}

/// Clause 43: a payment after the end is noted and moves nothing.
#[test]
fn a_payment_after_the_end_is_noted() {
    let mut story = waiting(&again());
    story.ok(story.payment("L1", "expired"));
    story.ok(act("stop", "sara"));
    story.ok(story.payment_with_receipt("L1", "paid_late"));
    assert_eq!((story.state(), story.status("L1")), ("over", "paid_late"));
    assert_eq!(
        story.field("receipt"),
        Some(&Value::Receipt("receipt-L1".to_owned()))
    );
    assert_eq!(story.instance.ended.unwrap().outcome, End::Success);
}

/// Clause 38: a link that nobody could be told about is success first, then `delivery_failed`.
#[test]
fn nobody_reachable_is_success_and_then_some() {
    let told = |flow: Flow| {
        let mut story = Story::new(&flow);
        let Event::Finished(mut end) = story.made("L1") else {
            panic!("it is an end")
        };
        end.delivery_failed = true;
        let step = story.ok(Event::Finished(end));
        assert_eq!(story.status("L1"), "created");
        let path = step.path.iter().map(|entered| entered.state.clone());
        path.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(told(again()), "await");
    let next = again().on("delivery_failed", "make", "", "desk");
    assert_eq!(told(next), "await desk");
    assert_eq!(
        told(
            again()
                .on("delivery_failed", "other", "", "desk")
                .link("other", [("success", "desk")])
        ),
        "await"
    );
    let over = Flow::new()
        .link("make", [("success", "over")])
        .task("desk", |task| task.action("done", "over"))
        .end("over")
        .on("delivery_failed", "", "", "desk");
    assert_eq!(told(over), "over", "an end is an end");
}

/// Clause 63: a way for `delivery_failed` that fails takes the success back with it, not the link.
#[test]
fn a_failing_way_for_delivery_failed_keeps_the_link() {
    let flow = again().on("delivery_failed", "make", "item.n > 3", "desk");
    let mut story = Story::new(&flow);
    let Event::Finished(mut end) = story.made("L1") else {
        panic!("it is an end")
    };
    end.delivery_failed = true;
    end.set = fields([("note", crate::support::text("پیوند"))]);
    story.ok(Event::Finished(end));
    assert_eq!((story.state(), story.incident()), ("make", "guard_failed"));
    assert_eq!(story.status("L1"), "created");
    story.change([("n", num(4)), ("note", crate::support::text("تازه"))]);
    let step = story.ok(retry("admin"));
    assert_eq!(story.state(), "desk");
    assert_eq!(story.instance.links.len(), 1);
    assert_eq!(story.field("note"), Some(&crate::support::text("تازه")));
    assert!(!crate::support::story::words(&step).contains(&"write note".to_owned()));
}

/// Clause 63: a failure of the messages alone concerns the state that sent them and no link.
#[test]
fn messages_without_a_link_can_fail_too() {
    let flow = Flow::new()
        .activity("tell", "send_message", [("success", "desk")])
        .task("desk", |task| task.action("done", "over"))
        .end("told")
        .end("over")
        .on("delivery_failed", "make", "", "over")
        .on("delivery_failed", "tell", "", "told")
        .link("make", [("success", "over")]);
    let mut story = Story::new(&flow);
    let end = ActivityEnd {
        delivery_failed: true,
        ..story.end("success")
    };
    story.ok(Event::Finished(Box::new(end)));
    assert_eq!(story.state(), "told");
}

/// Clause 34: the same outcome again does not undo what has happened to the link since.
#[test]
fn a_link_is_recorded_once() {
    let flow = Flow::new()
        .link("make", [("success", "desk"), ("error", "desk")])
        .task("desk", |task| {
            task.action("again", "make").action("stop", "over")
        })
        .end("over");
    let mut story = Story::new(&flow);
    story.ok(story.made("L1"));
    story.ok(story.payment("L1", "expired"));
    story.ok(act("again", "sara"));
    story.ok(story.made("L1"));
    assert_eq!(
        (story.status("L1"), story.instance.links.len()),
        ("expired", 1)
    );
}

/// Clause 70: what happened to a link while the item was held is applied in order when it goes on.
#[test]
fn payments_while_held_are_applied_on_resume() {
    let flow = || again().on("paid", "make", "", "thank").end("thank");
    #[rustfmt::skip]
    let rows = [
        // while held                           | stored | rests in
        (vec!["viewed", "paying", "viewed"],      1,       "await"),
        (vec!["expired"],                         1,       "desk"),
        (vec!["paid"],                            1,       "over"),
        (vec!["paid", "paid", "paid_late"],       1,       "over"),
        // Known to be paid, it does not go where an expired link would.
        (vec!["expired", "paid_late"],            2,       "over"),
        (vec!["paid", "expired"],                 1,       "over"),
    ];
    for (outcomes, stored, state) in rows {
        let mut story = waiting(&flow());
        story.ok(hold("sara"));
        for outcome in &outcomes {
            story.ok(story.payment("L1", outcome));
        }
        assert_eq!(story.instance.deferred.len(), stored, "{outcomes:?}");
        story.ok(resume("sara"));
        assert_eq!(story.state(), state, "{outcomes:?}");
    }
}

/// Clause 70: a second payment while held attaches its receipt on resume and leads nowhere.
#[test]
fn a_second_payment_while_held_leads_nowhere() {
    let mut story = waiting(&sale_from_link());
    story.ok(hold("sara"));
    story.ok(story.payment_with_receipt("L1", "paid"));
    let Event::Payment(mut second) = story.payment("L1", "paid") else {
        panic!("it is a payment")
    };
    second.set = fields([("receipt", Value::Receipt("second".to_owned()))]);
    story.ok(Event::Payment(second));
    story.ok(resume("sara"));
    assert_eq!(story.state(), "desk");
    assert_eq!(
        story.field("receipt"),
        Some(&Value::Receipt("second".to_owned()))
    );
}

/// Clause 15: a payment that a route expects and refuses is declined, and noted all the same.
#[test]
fn a_payment_can_be_declined() {
    let flow = again().on("paid_late", "make", "item.n > 3", "over");
    let mut story = waiting(&flow);
    story.change([("n", num(1))]);
    story.ok(story.payment("L1", "expired"));
    let step = story.ok(story.payment("L1", "paid_late"));
    assert!(step.declined);
    assert_eq!((story.state(), story.status("L1")), ("desk", "paid_late"));
}

/// Clause 35: a receipt for a field that cannot hold it parks the item; the money is noted, and the
/// retry goes on without the receipt.
#[test]
fn a_receipt_that_does_not_fit_does_not_stop_the_money() {
    let mut story = waiting(&again());
    let Event::Payment(mut payment) = story.payment("L1", "paid") else {
        panic!("it is a payment")
    };
    payment.set = fields([("n", Value::Receipt("r".to_owned()))]);
    story.ok(Event::Payment(payment));
    assert_eq!(
        (story.incident(), story.status("L1")),
        ("bad_result", "paid")
    );
    story.ok(retry("admin"));
    assert_eq!(story.state(), "over");
}

/// Clause 43: the flow of the whole sale: paid late, after the link expired and the wait was left.
#[test]
fn a_sale_is_paid_late() {
    let mut story = Story::with(&sale(), fields([("amount", rial(1_500_000))]));
    story.ok(act("approve", "sara"));
    story.ok(story.made("L1"));
    story.later(3 * DAY);
    story.ok(story.payment("L1", "expired"));
    assert_eq!(story.state(), "review");
    story.ok(named("called"));
    story.ok(story.payment("L1", "paid_late"));
    assert_eq!(story.state(), "thank");
}

/// Clause 43: a wait for one link takes no payment of another.
#[test]
fn a_wait_for_one_link_takes_no_other() {
    let flow = Flow::new()
        .link("make", [("success", "other")])
        .link("other", [("success", "await")])
        .wait("await", |wait| {
            wait.payment("other", [("paid", "over"), ("expired", "over")])
        })
        .end("over");
    let mut story = Story::new(&flow);
    story.ok(story.made("L1"));
    story.ok(story.made("L2"));
    for outcome in ["expired", "paid_late"] {
        story.ok(story.payment("L1", outcome));
        assert_eq!((story.state(), story.status("L1")), ("await", outcome));
    }
}

/// Clause 49: a payment that leads on has its conditions looked at once, where it leads.
#[test]
fn a_payment_that_leads_on_is_looked_at_once() {
    let flow = Flow::new()
        .link("make", [("success", "await"), ("error", "over")])
        .wait("await", |wait| wait.payment("make", [("paid", "pause")]))
        .wait("pause", |wait| wait.when("item.receipt == ()", "over"))
        .end("over");
    let mut story = waiting(&flow);
    let step = story.ok(story.payment_with_receipt("L1", "paid"));
    assert_eq!((story.state(), step.trace.len()), ("pause", 1));
}

/// Clause 67: a retry looks at everything again, also at what has changed outside the item.
#[test]
fn a_retry_sees_what_has_changed_outside() {
    let condition = "item.receipt != () && party.balance > irr(0)";
    let flow = Flow::new()
        .link("make", [("success", "pause"), ("error", "over")])
        .wait("pause", |wait| wait.when(condition, "over"))
        .end("over");
    let mut story = waiting(&flow);
    story.ok(story.payment_with_receipt("L1", "paid"));
    assert_eq!((story.state(), story.incident()), ("pause", "guard_failed"));
    story.ok(retry("admin"));
    assert_eq!(
        story.incident(),
        "guard_failed",
        "nobody knows the balance yet"
    );
    story.party = Some(fields([("balance", rial(7))]));
    story.ok(retry("admin"));
    assert_eq!((story.state(), story.incident()), ("over", ""));
}

/// Clause 43: a link that a person has had made is a link of its state: a wait takes its payment, and the
/// outcomes of the link before it end that wait no more.
#[test]
fn a_link_made_by_hand_for_a_state_is_what_the_wait_looks_at() {
    let mut story = waiting(&again());
    story.ok(story.by_hand("H1", "make"));
    assert_eq!((story.state(), story.status("H1")), ("await", "created"));
    story.ok(story.payment("L1", "expired"));
    assert_eq!(story.state(), "await", "H1 is the latest");
    story.ok(story.payment("H1", "paid"));
    assert_eq!((story.state(), story.status("H1")), ("over", "paid"));
}

/// A link of no state: conditions read it as the latest, and its payment goes the way of every payment.
#[test]
fn a_link_made_by_hand_for_no_state_is_read_and_paid() {
    let flow = Flow::new()
        .on("paid", "", "", "over")
        .wait("rest", |wait| {
            wait.when("(link.status ?? \"\") == \"created\"", "made")
        })
        .task("made", |task| task.action("stop", "over"))
        .end("over");
    let mut story = Story::new(&flow);
    story.ok(story.by_hand("H1", BY_HAND));
    assert_eq!(story.state(), "made");
    let Event::Payment(mut paid) = story.payment("H1", "paid") else {
        unreachable!("it is a payment")
    };
    paid.state = BY_HAND.to_owned();
    story.ok(Event::Payment(paid));
    assert_eq!((story.state(), story.status("H1")), ("over", "paid"));
}

/// Clause 70: a held item shows the link at once, and what follows from it waits; a link that was
/// closed and forgotten meanwhile does not come back.
#[test]
fn a_link_made_by_hand_for_a_held_item_is_noted_and_leads_on_later() {
    let flow = Flow::new()
        .wait("rest", |wait| {
            wait.when("(link.status ?? \"\") == \"created\"", "made")
        })
        .end("made");
    let mut story = Story::new(&flow);
    story.ok(hold("sara"));
    story.ok(story.by_hand("H1", BY_HAND));
    assert_eq!((story.state(), story.status("H1")), ("rest", "created"));
    let Event::Payment(mut over) = story.payment("H1", "expired") else {
        unreachable!("it is a payment")
    };
    over.state = BY_HAND.to_owned();
    story.ok(Event::Payment(over));
    story.ok(story.by_hand("H2", BY_HAND));
    story.ok(resume("sara"));
    assert_eq!(story.state(), "made");
    assert_eq!((story.status("H1"), story.status("H2")), ("", "created"));
}

#[test]
fn a_link_made_by_hand_that_nobody_hears_of_takes_that_way() {
    let mut story = waiting(&again().on("delivery_failed", "make", "", "desk"));
    let Event::LinkMade(made) = story.by_hand("H1", "make") else {
        unreachable!("it is a link")
    };
    let unheard = LinkMade {
        delivery_failed: true,
        ..*made
    };
    story.ok(Event::LinkMade(Box::new(unheard)));
    assert_eq!((story.state(), story.status("H1")), ("desk", "created"));
}

/// A condition that fails on the link puts the item in incident; the link is there all the same, once.
#[test]
fn a_link_made_by_hand_survives_the_incident_it_causes() {
    let flow = Flow::new()
        .wait("rest", |wait| {
            wait.when(
                "(link.status ?? \"\") == \"created\" && item.n / item.days > 1",
                "made",
            )
        })
        .end("made");
    let mut story = Story::with(&flow, fields([("n", num(1)), ("days", num(0))]));
    story.ok(story.by_hand("H1", BY_HAND));
    assert_ne!(story.incident(), "");
    assert_eq!(story.status("H1"), "created");
    story.ok(retry("sara"));
    assert_eq!(story.instance.links.len(), 1);
}
