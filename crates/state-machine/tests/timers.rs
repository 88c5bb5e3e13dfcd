//! Every way a wait can end, and timers that follow fields or do not.

use state_machine::{Due, DueBase, Event, Follow, Rejection};
use values::{Fields, Value};

use crate::support::flow::{after, at_field, days_of, frozen};
use crate::support::story::words;
use crate::support::{
    DAY, Flow, HOUR, Story, act, changed, date, end_wait, fields, moment, named, named_with, num,
    retry, role,
};

fn pause(due: Due) -> Flow {
    Flow::new()
        .wait("pause", |wait| wait.due(due, "over"))
        .end("over")
}

/// Clause 6: each way a wait can end: what it needs, what comes, where that leads.
#[test]
fn a_wait_ends_in_each_of_its_ways() {
    let flow = Flow::new()
        .event("called", DAY)
        .link("make", [("success", "pause"), ("error", "lost")])
        .wait("pause", |wait| {
            wait.due(at_field("due", -DAY), "elapsed")
                .event("called", "event.k >= item.n", "event")
                .when("item.ok", "holds")
                .payment(
                    "make",
                    [
                        ("paid", "paid"),
                        ("expired", "expired"),
                        ("cancelled", "cancelled"),
                    ],
                )
                .by(role("clerk"), "ended")
        })
        .end("elapsed")
        .end("event")
        .end("holds")
        .end("paid")
        .end("expired")
        .end("cancelled")
        .end("ended")
        .end("lost");
    type Way = fn(&Story) -> Event;
    #[rustfmt::skip]
    let rows: [(&str, Way); 15] = [
        // ends in  | by
        ("elapsed",   |story| story.timer("elapsed")),
        ("event",     |_| named_with("called", fields([("k", num(2))]))),
        ("pause",     |_| named_with("called", fields([("k", num(1))]))),
        ("holds",     |_| changed([("ok", Value::Bool(true))])),
        ("pause",     |_| changed([("ok", Value::Bool(false))])),
        ("paid",      |story| story.payment("L1", "paid")),
        ("paid",      |story| story.payment("L1", "paid_late")),
        ("paid",      |story| story.payment("L1", "paid_after_cancel")),
        ("expired",   |story| story.payment("L1", "expired")),
        ("cancelled", |story| story.payment("L1", "cancelled")),
        ("pause",     |story| story.payment("L1", "partially_paid")),
        ("pause",     |story| story.payment("L1", "viewed")),
        ("pause",     |story| story.payment("L1", "delivery_failed")),
        ("ended",     |_| end_wait("omid")),
        ("pause",     |_| changed([("due", date("2026-04-02"))])),
    ];
    for (state, event) in rows {
        let given = fields([
            ("due", date("2026-04-01")),
            ("n", num(2)),
            ("ok", Value::Bool(false)),
        ]);
        let mut story = Story::with(&flow, given);
        story.ok(story.made("L1"));
        assert_eq!(story.state(), "pause");
        let event = event(&story);
        story.ok(event.clone());
        assert_eq!(story.state(), state, "{event:?}");
    }
}

/// Clause 47: a timer that follows its field moves with it, and only with it.
#[test]
fn a_live_timer_moves_with_its_field() {
    let mut story = Story::with(
        &pause(at_field("due", -DAY)),
        fields([("due", date("2026-04-01"))]),
    );
    assert!(story.change([("n", num(1))]).effects.is_empty());
    assert!(
        story
            .change([("due", date("2026-04-01"))])
            .effects
            .is_empty(),
        "the same moment"
    );
    let step = story.change([("due", date("2026-04-11"))]);
    assert_eq!(words(&step), ["cancel elapsed", "set elapsed"]);
    assert_eq!(story.instance.timers[0].due, moment("2026-04-09T20:30:00Z"));
    story.change([("due", date("2026-03-01"))]);
    let due = story.instance.timers[0].due;
    assert!(due < story.now, "it is over, and fires next");
    story.fire("elapsed");
    assert_eq!(story.state(), "over");
}

/// Clause 47: a frozen timer stays where it was, whatever happens to its fields.
#[test]
fn a_frozen_timer_stays() {
    for due in [frozen(at_field("due", 0)), frozen(days_of("days"))] {
        let given = fields([("due", date("2026-04-01")), ("days", num(5))]);
        let mut story = Story::with(&pause(due), given);
        let before = story.instance.timers.clone();
        story.change([("due", date("2026-05-01")), ("days", num(7))]);
        story.change([("due", Value::Empty), ("days", Value::Empty)]);
        assert_eq!(story.instance.timers, before);
        assert_eq!(story.incident(), "");
    }
}

/// Clause 47: a number field counts days of 24 hours from the entry; the entry stays the entry.
#[test]
fn days_count_from_the_entry() {
    let mut story = Story::with(&pause(days_of("days")), fields([("days", num(5))]));
    assert_eq!(story.due_in("elapsed"), Some(5 * DAY));
    story.later(DAY).change([("days", num(7))]);
    assert_eq!(story.due_in("elapsed"), Some(6 * DAY));
    let half = Value::Number("0.5".parse().unwrap());
    let story = Story::with(&pause(days_of("days")), fields([("days", half)]));
    assert_eq!(story.due_in("elapsed"), Some(DAY / 2));
}

/// Clause 47: a fixed date begins at midnight of the project's zone.
#[test]
fn a_fixed_date_is_its_first_moment() {
    let due = |date: &str| Due {
        base: DueBase::Date(date.parse().unwrap()),
        shift: None,
        follow: Follow::Live,
    };
    let mut story = Story::new(&pause(due("2026-03-21")));
    assert_eq!(story.instance.timers[0].due, moment("2026-03-20T20:30:00Z"));
    story.change([("due", date("2026-04-01"))]);
    assert_eq!(story.instance.timers.len(), 1);
    assert_eq!(
        Story::new(&pause(due("2026-03-18"))).state(),
        "over",
        "midnight was this morning"
    );
}

/// Clause 47: an instant field is taken to the nanosecond.
#[test]
fn an_instant_is_exact() {
    let at = moment("2026-04-01T10:00:00.123456789Z");
    let mut story = Story::with(
        &pause(at_field("at", 0)),
        fields([("at", Value::Instant(at))]),
    );
    assert_eq!(story.instance.timers[0].due, at);
    story.fire("elapsed");
    assert_eq!(story.instance.ended.unwrap().at, at);
}

/// Clause 63: a moment that cannot be computed parks the item where it was.
#[test]
fn a_moment_that_cannot_be_computed_is_an_incident() {
    let desk = |due: Due| {
        Flow::new()
            .task("desk", |task| task.action("on", "pause"))
            .wait("pause", |wait| wait.due(due, "over"))
            .end("over")
    };
    let far = |text: &str| Value::Instant(text.parse().unwrap());
    let many: Value = Value::Number("79228162514264337593543950335".parse().unwrap());
    #[rustfmt::skip]
    let rows = [
        // due                     | fields                                        | code
        (at_field("due", 0),         fields([]),                                     "timer_field_empty"),
        (days_of("days"),            fields([]),                                     "timer_field_empty"),
        (days_of("days"),            fields([("days", many)]),                       "timer_out_of_range"),
        (days_of("days"),            fields([("days", num(9_000_000_000_000_000))]), "timer_out_of_range"),
        (days_of("days"),            fields([("days", num(3_000_000))]),             "timer_out_of_range"),
        (after(i64::MAX),            fields([]),                                     "timer_out_of_range"),
        (after(i64::MIN + 1),        fields([]),                                     "timer_out_of_range"),
        (at_field("due", i64::MAX),  fields([("due", date("2026-04-01"))]),          "timer_out_of_range"),
        (at_field("due", -i64::MAX), fields([("due", date("2026-04-01"))]),          "timer_out_of_range"),
        (at_field("at", 0),          fields([("at", far("9999-12-31T23:59:59Z"))]),  ""),
        (at_field("at", 1),          fields([("at", far("9999-12-31T23:59:59Z"))]),  "timer_out_of_range"),
        (at_field("at", 0),          fields([("at", Value::Instant(chrono::DateTime::<chrono::Utc>::MAX_UTC))]), "timer_out_of_range"),
        (at_field("at", 0),          fields([("at", Value::Instant(chrono::DateTime::<chrono::Utc>::MIN_UTC))]), "timer_out_of_range"),
        (at_field("due", 0),         fields([("due", Value::Date(chrono::NaiveDate::MAX))]), "timer_out_of_range"),
        (at_field("due", 0),         fields([("due", Value::Date(chrono::NaiveDate::MIN))]), "timer_out_of_range"),
    ];
    for (due, given, code) in rows {
        let shown = format!("{due:?} {given:?}");
        let mut story = Story::blank(&desk(due));
        // A store writes no field like these; a host could still send one.
        let context = story.context(&act("on", "sara"));
        let start = Event::Start {
            fields: given,
            party: None,
        };
        let begun = state_machine::step(&story.definition, &story.instance, &start, &context);
        story.instance = begun.unwrap().instance;
        let step = state_machine::step(
            &story.definition,
            &story.instance,
            &act("on", "sara"),
            &context,
        );
        let instance = step.unwrap().instance;
        let found = instance
            .incident
            .map(|incident| incident.code)
            .unwrap_or_default();
        assert_eq!(found, code, "{shown}");
        assert_eq!(
            instance.state,
            if code.is_empty() { "pause" } else { "desk" },
            "{shown}"
        );
    }
}

/// Clause 63: a field that is emptied under its timer parks the item, and filling it again mends it.
#[test]
fn emptying_the_field_of_a_timer_is_an_incident() {
    let mut story = Story::with(
        &pause(at_field("due", 0)),
        fields([("due", date("2026-04-01"))]),
    );
    let old = story.due_in("elapsed");
    story.change([("due", Value::Empty)]);
    assert_eq!(
        (story.state(), story.incident()),
        ("pause", "timer_field_empty")
    );
    assert_eq!(
        story.field("due"),
        None,
        "the CRM has emptied it, whatever we make of that"
    );
    assert_eq!(story.due_in("elapsed"), old);
    story.ok(retry("admin"));
    assert_eq!(story.incident(), "timer_field_empty");
    story.change([("due", date("2026-05-01"))]);
    story.ok(retry("admin"));
    assert_eq!(story.incident(), "");
    assert_eq!(story.instance.timers[0].due, moment("2026-04-30T20:30:00Z"));
}

/// Clause 67: a retry does not bring back a value that has been changed since.
#[test]
fn a_retry_does_not_bring_old_values_back() {
    let flow = Flow::new()
        .wait("pause", |wait| wait.when("item.n > item.days", "over"))
        .end("over");
    let mut story = Story::new(&flow);
    story.change([("n", num(1)), ("note", crate::support::text("کهنه"))]);
    assert_eq!(story.incident(), "guard_failed");
    story.change([("n", num(2)), ("note", crate::support::text("نو"))]);
    story.change([("days", num(2))]);
    assert_eq!(story.incident(), "guard_failed", "it waits for a retry");
    story.ok(retry("admin"));
    assert_eq!((story.state(), story.incident()), ("pause", ""));
    assert_eq!(story.field("n"), Some(&num(2)));
    assert_eq!(story.field("note"), Some(&crate::support::text("نو")));
}

/// Clause 49: a condition that holds on entry lets the wait pass at once.
#[test]
fn a_condition_that_holds_already_ends_the_wait_at_once() {
    let flow = Flow::new()
        .task("desk", |task| task.action("on", "pause"))
        .wait("pause", |wait| {
            wait.when("item.n > 3", "over").due(after(DAY), "late")
        })
        .end("late")
        .end("over");
    let mut story = Story::with(&flow, fields([("n", num(4))]));
    assert_eq!(words(&story.ok(act("on", "sara"))), ["ended success"]);
}

/// Clause 49: a condition on a link is looked at when something happens to the link.
#[test]
fn a_condition_on_a_link_is_looked_at() {
    let flow = Flow::new()
        .link("make", [("success", "pause"), ("error", "over")])
        .wait("pause", |wait| {
            wait.when(r#"link.status == "viewed""#, "over")
        })
        .end("over");
    let mut story = Story::new(&flow);
    story.ok(story.made("L1"));
    assert!(story.change([("n", num(1))]).trace.is_empty());
    story.ok(story.payment("L1", "paying"));
    assert_eq!(story.state(), "pause");
    story.ok(story.payment("L1", "viewed"));
    assert_eq!(story.state(), "over");
}

/// Clause 49: fields that an activity or a payment sets count as changed, too.
#[test]
fn a_receipt_ends_a_wait_for_it() {
    let flow = Flow::new()
        .link("make", [("success", "pause"), ("error", "over")])
        .wait("pause", |wait| wait.when("item.receipt != ()", "over"))
        .end("over");
    let mut story = Story::new(&flow);
    story.ok(story.made("L1"));
    story.ok(story.payment_with_receipt("L1", "paid"));
    assert_eq!(story.state(), "over");
}

/// Clause 46: a wait whose moment is over when it is entered is passed at once.
#[test]
fn a_wait_that_is_over_is_passed_at_once() {
    let flow = Flow::new()
        .task("desk", |task| task.action("on", "pause"))
        .wait("pause", |wait| wait.due(at_field("due", 0), "over"))
        .end("over");
    let mut story = Story::with(&flow, fields([("due", date("2026-03-18"))]));
    let step = story.ok(act("on", "sara"));
    assert_eq!(words(&step), ["ended success"]);
    assert_eq!(step.path[1].by, "elapsed");
}

/// Clause 46: a timer fires once; a second fire of it, and one that was never set, are stale.
#[test]
fn a_timer_fires_once() {
    let flow = Flow::new()
        .task("desk", |task| task.action("done", "over").remind(HOUR))
        .end("over");
    let mut story = Story::new(&flow);
    let reminder = story.timer("reminder");
    story.fire("reminder");
    assert_eq!(story.refused(reminder), Rejection::Stale);
    for name in ["timeout", "elapsed", "critical", "شب"] {
        let (entry, due) = (story.instance.entry, story.now);
        let event = Event::Timer {
            name: name.to_owned(),
            entry,
            due,
        };
        assert_eq!(story.refused(event), Rejection::Stale, "{name}");
    }
}

/// Clause 46: each entry into a state has timers of its own.
#[test]
fn every_entry_has_its_own_timers() {
    let flow = Flow::new()
        .event("called", 0)
        .task("desk", |task| {
            task.action("done", "over")
                .remind(HOUR)
                .timeout(after(DAY), "desk")
        })
        .here_on("called", "", "", "desk")
        .end("over");
    let mut story = Story::new(&flow);
    let first = story.timer("reminder");
    story.later(60).ok(named("called"));
    assert_eq!(
        (story.instance.entry, story.instance.visits["desk"]),
        (2, 2)
    );
    assert_eq!(story.refused(first), Rejection::Stale);
    assert_eq!(story.due_in("reminder"), Some(HOUR));
    story.fire("timeout");
    assert_eq!(story.instance.entry, 3);
}

/// Clause 67: a timer whose way could not be gone fires again with the retry, and not by itself.
#[test]
fn a_timer_in_incident_fires_with_the_retry() {
    let flow = Flow::new()
        .task("desk", |task| {
            task.action("done", "over")
                .remind(9 * DAY)
                .timeout(after(DAY), "size")
        })
        .decision("size", [("item.n > 3", "over")], Some("small"))
        .end("small")
        .end("over");
    let mut story = Story::new(&flow);
    let timeout = story.timer("timeout");
    let step = story.fire("timeout");
    assert_eq!(
        words(&step),
        ["cancel timeout"],
        "it has fired, that is a fact"
    );
    assert_eq!((story.state(), story.incident()), ("desk", "guard_failed"));
    assert_eq!(story.refused(timeout), Rejection::Stale);
    assert_eq!(words(&story.ok(retry("admin"))), Vec::<String>::new());
    story.change([("n", num(1))]);
    let step = story.ok(retry("admin"));
    assert_eq!(words(&step), ["cancel reminder", "ended success"]);
    assert_eq!(story.state(), "small");
}

/// Clause 6: a wait without its outcome is no definition: nothing would end it.
#[test]
fn a_wait_must_route_what_can_end_it() {
    let mut flow = Flow::new()
        .event("called", 0)
        .wait("pause", |wait| {
            wait.due(after(DAY), "over")
                .event("called", "", "over")
                .when("item.ok", "over")
                .by(role("clerk"), "over")
                .payment("desk", [("paid", "over")])
        })
        .task("desk", |task| task.action("done", "over"))
        .end("over");
    let state_machine::Kind::Wait(wait) = &mut flow.0.states[0].kind else {
        panic!("it is a wait")
    };
    wait.next.retain(|outcome, _| outcome == "paid");
    let expected = ["elapsed", "event", "holds", "ended"]
        .map(|outcome| format!("states.pause: the wait has no way for `{outcome}`"));
    let problems = flow.problems();
    assert_eq!(problems[..4], expected);
    assert_eq!(problems[4], "states.pause: no link is made by `desk`");
}

/// Clause 51: what an event carried is seen by the branches behind it, and not by the next input.
#[test]
fn a_payload_lasts_for_its_step() {
    let flow = Flow::new()
        .event("called", DAY)
        .wait("ear", |wait| wait.event("called", "", "look"))
        .decision("look", [("event.k > 5", "desk")], Some("over"))
        .task("desk", |task| task.action("again", "look"))
        .end("over");
    let mut story = Story::new(&flow);
    story.ok(named_with("called", fields([("k", num(6))])));
    assert_eq!(story.state(), "desk");
    story.ok(act("again", "sara"));
    assert_eq!((story.state(), story.incident()), ("desk", "guard_failed"));
    let mut story = Story::new(&flow);
    story.ok(named_with("called", Fields::new()));
    assert_eq!(
        (story.state(), story.incident()),
        ("ear", "guard_failed"),
        "it carried nothing"
    );
}

/// Clause 51: the payload of an early event that did not pass is not seen by what comes after.
#[test]
fn an_early_event_that_did_not_pass_leaves_nothing_behind() {
    let flow = Flow::new()
        .event("called", DAY)
        .task("desk", |task| task.action("on", "ear"))
        .wait("ear", |wait| {
            wait.event("called", "event.k > 5", "over")
                .due(after(0), "look")
        })
        .decision("look", [("event.k == 1", "seen")], Some("over"))
        .end("seen")
        .end("over");
    let mut story = Story::new(&flow);
    story.ok(named_with("called", fields([("k", num(1))])));
    story.ok(act("on", "sara"));
    assert_eq!((story.state(), story.incident()), ("desk", "guard_failed"));
}
