//! The core's part of docs/semantics.md, one clause after the other.

use chrono::TimeDelta;
use state_machine::{
    Definition, Effect, End, Event, Kind, Late, MICROSTEPS_MAX, Rejection, WakeSource, step,
};
use values::{Currency, Fields, Value};

use crate::support::flow::{after, at_field};
use crate::support::story::words;
use crate::support::{
    DAY, Flow, HOUR, Story, act, act_with, changed, date, fields, hold, irr, moment, named,
    named_with, num, resume, retry, rial, role, text,
};

/// A sale: review, a link, a wait for the payment, a word of thanks.
pub(crate) fn sale() -> Flow {
    Flow::new()
        .event("called", DAY)
        .on("paid_late", "make", "", "thank")
        .task("review", |task| {
            task.action("approve", "make")
                .when("item.amount > irr(0)")
                .action("reject", "lost")
                .require("note")
                .timeout(after(2 * DAY), "escalated")
        })
        .task("escalated", |task| task.action("back", "review"))
        .link("make", [("success", "await"), ("error", "review")])
        .wait("await", |wait| {
            wait.payment("make", [("paid", "thank"), ("expired", "review")])
        })
        .activity("thank", "send_message", [("success", "won")])
        .end("won")
        .end_as("lost", End::Failed)
}

/// Two waits that lead to each other while the box is ticked.
fn whirl() -> Flow {
    Flow::new()
        .wait("left", |wait| {
            wait.when("item.ok", "right").by(role("clerk"), "over")
        })
        .wait("right", |wait| wait.when("item.ok", "left"))
        .end("over")
}

/// Clause 1: a definition is identified by the hash of its canonical form and by nothing else.
#[test]
fn a_definition_is_its_canonical_form() {
    let (one, same) = (sale().build(), sale().build());
    assert_eq!(one.hash(), same.hash());
    let read = Definition::from_canonical(one.canonical()).unwrap();
    assert_eq!((read.hash(), read.model()), (one.hash(), one.model()));
    assert_eq!(one.hash().as_str().len(), 64);
    let mut other = sale();
    other.0.version = 2;
    assert_ne!(other.build().hash(), one.hash());
}

/// Clause 1: the order in which settings are written does not matter, on any build of serde.
#[test]
fn settings_have_one_order() {
    let with = |json: &str| {
        let mut flow = sale();
        let Kind::Activity(activity) = &mut flow.0.states[2].kind else {
            panic!("the link is made there")
        };
        activity.with = serde_json::from_str(json).unwrap();
        flow.build().hash().clone()
    };
    let one = with(r#"{"b": [{"y": 1, "x": 2}], "a": "۱"}"#);
    assert_eq!(one, with(r#"{"a": "۱", "b": [{"x": 2, "y": 1}]}"#));
    assert_ne!(one, with(r#"{"a": "۱", "b": [{"x": 1, "y": 2}]}"#));
}

/// Clause 1: bytes in another form than ours would give the running items another identity.
#[test]
fn another_form_of_a_definition_is_refused() {
    let canonical = String::from_utf8(sale().build().canonical().to_vec()).unwrap();
    let newer = canonical.replacen('{', r#"{"from_a_newer_version":1,"#, 1);
    for bytes in [newer.as_str(), &format!("{canonical} "), "{}", ""] {
        assert!(
            Definition::from_canonical(bytes.as_bytes()).is_err(),
            "{bytes}"
        );
    }
}

/// Clause 2: an item is data; what a store gives back goes on where the other left off.
#[test]
fn an_instance_read_back_goes_on() {
    let mut story = Story::with(&sale(), fields([("amount", rial(5))]));
    story.ok(act("approve", "sara"));
    let text = serde_json::to_string(&story.instance).unwrap();
    story.instance = serde_json::from_str(&text).unwrap();
    story.ok(story.made("L1"));
    assert_eq!(story.state(), "await");
}

/// Clause 3: the core is a function: the argument stays, the same arguments give the same step.
#[test]
fn a_step_changes_nothing_but_its_result() {
    let story = Story::with(&sale(), fields([("amount", rial(5))]));
    let (event, before) = (act("approve", "sara"), story.instance.clone());
    let context = story.context(&event);
    let take = || step(&story.definition, &story.instance, &event, &context).unwrap();
    let first = take();
    assert_eq!(first, take());
    assert_eq!(before, story.instance);
    assert_ne!(first.instance, story.instance);
}

/// Clause 4: nothing but the step changes an item: its whole life is steps over a blank instance.
#[test]
fn a_whole_life_is_steps() {
    let mut story = Story::with(&sale(), fields([("amount", rial(5))]));
    story.ok(act("approve", "sara"));
    story.ok(story.made("L1"));
    story.ok(story.payment("L1", "paid"));
    story.ok(story.finished("success"));
    assert_eq!(story.instance.ended.unwrap().outcome, End::Success);
    assert_eq!(story.instance.revision, 5);
}

/// Clause 5: a task waits for a person: it has an owner, fields to fill and actions.
#[test]
fn a_task_waits_for_a_person() {
    let mut story = Story::new(&sale());
    let task = story.instance.task.as_ref().unwrap();
    assert_eq!(task.assigned.to_string(), "role sales_manager");
    let note = fields([("note", text("گران است"))]);
    let step = story.ok(act_with("reject", "sara", note));
    assert_eq!(
        words(&step),
        ["write note", "cancel timeout", "ended failed"]
    );
}

/// Clause 6: a wait waits for a moment, an event, or a condition on the data.
#[test]
fn a_wait_waits_for_a_moment_an_event_or_data() {
    let flow = Flow::new()
        .event("called", 0)
        .wait("pause", |wait| {
            wait.due(after(DAY), "late")
                .event("called", "", "spoken")
                .when("item.ok", "ticked")
        })
        .end("late")
        .end("spoken")
        .end("ticked");
    let ended = |event: &dyn Fn(&Story) -> Event| {
        let mut story = Story::with(&flow, fields([("ok", Value::Bool(false))]));
        story.ok(event(&story));
        story.state().to_owned()
    };
    assert_eq!(ended(&|story| story.timer("elapsed")), "late");
    assert_eq!(ended(&|_| named("called")), "spoken");
    assert_eq!(ended(&|_| changed([("ok", Value::Bool(true))])), "ticked");
    assert_eq!(ended(&|_| changed([("n", num(1))])), "pause");
}

/// Clause 7: in an activity state an effect is open, until it is over or the state is left.
#[test]
fn an_activity_state_has_an_open_effect() {
    let mut story = Story::with(&sale(), fields([("amount", rial(5))]));
    let step = story.ok(act("approve", "sara"));
    assert_eq!(words(&step), ["cancel timeout", "open make"]);
    assert_eq!(
        story.instance.wake_source(&story.definition),
        Some(WakeSource::Activity)
    );
    let step = story.ok(story.made("L1"));
    assert_eq!(words(&step), ["close 2"]);
    assert!(story.instance.activity.is_none());
}

/// Clause 8: a decision is left in the step that enters it.
#[test]
fn nobody_ever_rests_in_a_decision() {
    let flow = Flow::new()
        .decision("size", [("item.n > 10", "large")], Some("small"))
        .end("large")
        .end("small");
    for (n, end) in [(11, "large"), (10, "small")] {
        let mut story = Story::blank(&flow);
        let fields = fields([("n", num(n))]);
        let step = story.ok(Event::Start {
            fields,
            party: None,
        });
        assert_eq!(story.state(), end);
        let path: Vec<_> = step
            .path
            .iter()
            .map(|entered| entered.state.as_str())
            .collect();
        assert_eq!(path, ["size", end]);
    }
}

/// Clause 11: an end has an outcome, and nothing leads out of it.
#[test]
fn nothing_leads_out_of_an_end() {
    let mut story = Story::new(&sale());
    story.ok(act_with("reject", "sara", fields([("note", text("نه"))])));
    assert_eq!(story.instance.ended.unwrap().outcome, End::Failed);
    for event in [
        act("approve", "sara"),
        hold("sara"),
        crate::support::claim("sara"),
    ] {
        assert_eq!(story.refused(event).code(), "ended");
    }
    assert_eq!(story.refused(retry("sara")).code(), "nothing_to_do");
    story.ok(named("called"));
    story.ok(changed([("n", num(1))]));
    story.ok(story.payment("L1", "paid_late"));
    assert_eq!(story.state(), "lost");
    assert_eq!(
        story.instance.wake_source(&story.definition),
        Some(WakeSource::Ended)
    );
}

/// Clause 14: the state's own routes come first, then the workflow's; in each the first that holds.
#[test]
fn the_nearest_first_true_route_wins() {
    let flow = |n: i64| {
        let flow = Flow::new()
            .event("called", 0)
            .on("called", "", "item.n > 3", "shared")
            .on("called", "", "", "shared_else")
            .task("desk", |task| task.action("done", "own"))
            .here_on("called", "", "item.n > 8", "own")
            .here_on("called", "", "item.n > 5", "second")
            .end("own")
            .end("second")
            .end("shared")
            .end("shared_else");
        let mut story = Story::with(&flow, fields([("n", num(n))]));
        story.ok(named("called"));
        story.state().to_owned()
    };
    assert_eq!(
        [9, 6, 4, 1].map(flow),
        ["own", "second", "shared", "shared_else"]
    );
}

/// Clause 14: the first branch that holds wins, in the order of the document.
#[test]
fn the_first_true_branch_wins() {
    let flow = Flow::new()
        .decision(
            "size",
            [("item.n > 1", "one"), ("item.n > 0", "two")],
            Some("three"),
        )
        .end("one")
        .end("two")
        .end("three");
    let ended = |n: i64| {
        Story::with(&flow, fields([("n", num(n))]))
            .state()
            .to_owned()
    };
    assert_eq!([2, 1, 0].map(ended), ["one", "two", "three"]);
}

/// Clause 15: an event that is expected and that no guard lets through is declined, with the trace.
#[test]
fn an_expected_event_without_a_true_guard_is_declined() {
    let flow = Flow::new()
        .event("called", DAY)
        .event("knocked", DAY)
        .event("shouted", 0)
        .wait("ear", |wait| wait.event("called", "event.k > 5", "heard"))
        .here_on("knocked", "", "event.k > 5", "heard")
        .end("heard");
    for name in ["called", "knocked"] {
        let mut story = Story::new(&flow);
        let step = story.ok(named_with(name, fields([("k", num(5))])));
        assert!(step.declined);
        let tried = &step.trace[0];
        assert_eq!((tried.guard.as_str(), tried.held), ("event.k > 5", false));
        assert_eq!(story.instance.inbox.len(), 1, "kept as the definition says");
        let step = story.ok(named_with(name, fields([("k", num(6))])));
        assert!(!step.declined);
        assert_eq!(story.state(), "heard");
    }
    let mut story = Story::new(&flow);
    assert!(
        story.ok(named("shouted")).declined,
        "neither taken nor kept"
    );
    assert!(story.instance.inbox.is_empty());
}

/// Clause 16: a guard that fails when it is asked parks the item; it never counts as "no".
#[test]
fn a_guard_that_fails_is_an_incident() {
    let mut story = Story::new(&sale());
    let step = story.ok(act("approve", "sara"));
    assert_eq!(
        (story.state(), story.incident()),
        ("review", "guard_failed")
    );
    assert!(step.effects.is_empty() && step.path.is_empty());
    let incident = story.instance.incident.as_ref().unwrap();
    assert!(
        incident.message.starts_with("review.approve: "),
        "{}",
        incident.message
    );
    assert_eq!(incident.input.as_deref(), Some(&act("approve", "sara")));
    story.change([("amount", rial(0))]);
    let refused = story.refused(act("approve", "sara"));
    assert_eq!(refused.code(), "guard_false");
}

/// Clause 16: names, types and operators are checked before anything runs.
#[test]
fn a_guard_with_a_mistake_is_no_definition() {
    for guard in [
        "item.amuont > irr(0)",
        "item.amount > 0.5 + \"x\"",
        "item.n",
        "1 +",
    ] {
        let flow = Flow::new()
            .task("desk", |task| task.action("done", "over").when(guard))
            .end("over");
        let problems = flow.problems();
        assert!(
            problems[0].starts_with("states.desk.task.actions.done.when: "),
            "{problems:?}"
        );
    }
}

/// Clause 17: amounts are exact and have a currency; two currencies are never compared.
#[test]
fn money_is_exact_and_has_its_currency() {
    let flow = Flow::new()
        .decision(
            "size",
            [("item.amount >= irr(9_007_199_254_740_993)", "large")],
            Some("small"),
        )
        .end("large")
        .end("small");
    // One more than the last whole number a float can tell from its neighbour.
    for (amount, end) in [
        (9_007_199_254_740_993, "large"),
        (9_007_199_254_740_992, "small"),
    ] {
        let story = Story::with(&flow, fields([("amount", rial(amount))]));
        assert_eq!(story.state(), end);
    }
    let dollars = values::Money::from_minor(100, Currency::Usd).unwrap();
    let story = Story::with(&flow, fields([("amount", Value::Money(dollars))]));
    assert_eq!(story.incident(), "guard_failed");
}

/// Clause 17: a field with a fixed currency takes no other.
#[test]
fn a_field_keeps_its_currency() {
    let mut story = Story::new(&sale().currency("amount", Currency::Irr));
    let dollars = values::Money::from_minor(100, Currency::Usd).unwrap();
    let refused = story.refused(changed([("amount", Value::Money(dollars))]));
    assert_eq!(refused.code(), "bad_field");
    assert!(
        refused.to_string().contains("expected IRR, got USD"),
        "{refused}"
    );
}

/// Clause 18: one input, then everything that follows by itself, all at one moment.
#[test]
fn a_step_takes_one_input_and_runs_until_it_rests() {
    let flow = Flow::new()
        .task("desk", |task| task.action("done", "a"))
        .decision("a", [("now() == process.entered_at", "b")], Some("lost"))
        .wait("b", |wait| wait.due(at_field("at", 0), "c"))
        .decision("c", [], Some("rest"))
        .task("rest", |task| {
            task.action("done", "lost").timeout(after(HOUR), "lost")
        })
        .end("lost");
    let mut story = Story::with(
        &flow,
        fields([("at", Value::Instant(moment(crate::support::MORNING)))]),
    );
    story.later(DAY);
    let step = story.ok(act("done", "sara"));
    let path: Vec<_> = step
        .path
        .iter()
        .map(|entered| entered.state.as_str())
        .collect();
    assert_eq!(path, ["a", "b", "c", "rest"]);
    assert_eq!(story.instance.entered_at, story.now);
    assert_eq!(story.due_in("timeout"), Some(HOUR));
    assert_eq!(story.instance.revision, 2, "one input, one revision");
}

/// Clause 19: more transitions than the bound are rolled back as a whole, and the input is kept.
#[test]
fn a_livelock_is_rolled_back_as_a_whole() {
    let mut story = Story::with(&whirl(), fields([("ok", Value::Bool(false))]));
    let before = story.instance.clone();
    let step = story.ok(changed([("ok", Value::Bool(true))]));
    assert_eq!(story.incident(), "livelock");
    assert!(step.effects.is_empty() && step.path.is_empty(), "{step:?}");
    assert_eq!(
        step.trace.len() as u32,
        MICROSTEPS_MAX + 1,
        "the trace shows the whirl"
    );
    let mut expected = before;
    expected.revision += 1;
    expected.fields = std::sync::Arc::new(fields([("ok", Value::Bool(true))]));
    expected.incident = story.instance.incident.clone();
    assert_eq!(
        story.instance, expected,
        "only the fact and the incident are new"
    );
    let kept = story.instance.incident.as_ref().unwrap().input.as_deref();
    assert_eq!(kept, Some(&changed([("ok", Value::Bool(true))])));
    story.ok(crate::support::end_wait("omid"));
    assert_eq!((story.state(), story.incident()), ("over", ""));
}

/// Clause 19: exactly as many transitions as the bound are allowed.
#[test]
fn a_long_way_is_no_livelock() {
    let long = |decisions: u32| {
        let mut flow = Flow::new();
        for index in 0..decisions {
            let next = format!("d{}", index + 1);
            flow = flow.decision(&format!("d{index}"), [], Some(&next));
        }
        let last = format!("d{decisions}");
        let story = Story::new(&flow.end(&last));
        (story.instance.ended.is_some(), story.incident().to_owned())
    };
    assert_eq!(long(MICROSTEPS_MAX - 1), (true, String::new()));
    assert_eq!(long(MICROSTEPS_MAX), (false, "livelock".to_owned()));
}

/// Clause 19: a cycle that would never rest is refused before it runs.
#[test]
fn a_cycle_without_a_rest_is_no_definition() {
    let flow = Flow::new()
        .decision("a", [("item.ok", "over")], Some("b"))
        .activity("b", "set_fields", [("success", "a")])
        .end("over");
    assert_eq!(flow.problems(), ["states: a cycle never rests: a → b → a"]);
}

/// Clause 20: leaving comes before entering, and both only set timers, open work and send messages.
#[test]
fn what_leaves_goes_before_what_enters() {
    let mut story = Story::with(&sale(), fields([("amount", rial(5))]));
    story.ok(act("approve", "sara"));
    let step = story.ok(story.finished("error"));
    assert_eq!(
        words(&step),
        ["close 2", "assigned to role sales_manager", "set timeout"]
    );
}

/// Clause 31: whatever rests can be woken by something.
#[test]
fn every_item_has_something_that_wakes_it() {
    let mut story = Story::with(&sale(), fields([("amount", rial(5))]));
    let wake = |story: &Story| story.instance.wake_source(&story.definition);
    assert_eq!(wake(&story), Some(WakeSource::Timer));
    story.ok(act("approve", "sara"));
    assert_eq!(wake(&story), Some(WakeSource::Activity));
    story.ok(story.unknown());
    assert_eq!(wake(&story), Some(WakeSource::Overlay));
    story.ok(retry("admin"));
    story.ok(story.made("L1"));
    assert_eq!(wake(&story), Some(WakeSource::Event));
    story.ok(hold("sara"));
    assert_eq!(wake(&story), Some(WakeSource::Overlay));
    let forgotten = Flow::new()
        .wait("alone", |wait| wait.by(role("clerk"), "over"))
        .end("over");
    let story = Story::new(&forgotten);
    assert_eq!(wake(&story), Some(WakeSource::Person));
    let mut broken = Story::new(&sale()).instance;
    broken.timers.clear();
    broken.task = None;
    assert_eq!(broken.wake_source(&sale().build()), None);
}

/// Clause 76: a wait that only one person could end is not entered when there is no such person.
#[test]
fn a_wait_for_nobody_is_an_incident() {
    let flow = Flow::new()
        .task("desk", |task| task.action("done", "over"))
        .end("over")
        .wait("alone", |wait| {
            let (state, fallback) = ("desk".to_owned(), None);
            let last = state_machine::Assignee::LastResponsible { state, fallback };
            wait.by(last, "over")
        });
    let mut flow = flow;
    flow.0.initial = "alone".to_owned();
    assert_eq!(Story::new(&flow).incident(), "nobody_responsible");
}

/// Clause 32: one entry has one reference, a stable function of the item and the entry.
#[test]
fn the_reference_belongs_to_the_entry() {
    let mut story = Story::with(&sale(), fields([("amount", rial(5))]));
    let reference = |story: &Story| story.instance.activity.as_ref().unwrap().reference.clone();
    story.ok(act("approve", "sara"));
    assert_eq!(reference(&story), "invoice/1405-17/make/2");
    story.ok(story.unknown());
    story.ok(retry("admin"));
    assert_eq!(
        reference(&story),
        "invoice/1405-17/make/2",
        "the same for every attempt"
    );
    story.ok(story.finished("error"));
    story.ok(act("approve", "sara"));
    assert_eq!(reference(&story), "invoice/1405-17/make/4");
}

/// Clause 34: an outcome counts for the entry it names and for no other.
#[test]
fn an_outcome_of_an_earlier_entry_is_stale() {
    let mut story = Story::with(&sale(), fields([("amount", rial(5))]));
    story.ok(act("approve", "sara"));
    let (made, unknown) = (story.made("L1"), story.unknown());
    story.ok(story.finished("error"));
    assert_eq!(story.refused(made.clone()), Rejection::Stale);
    story.ok(act("approve", "sara"));
    assert_eq!(story.refused(made), Rejection::Stale);
    assert_eq!(story.refused(unknown), Rejection::Stale);
    assert!(story.instance.links.is_empty());
}

/// Clause 35: a result that the item's fields cannot hold does not touch them.
#[test]
fn a_result_of_the_wrong_type_does_not_touch_the_data() {
    let mut story = Story::with(&sale(), fields([("amount", rial(5)), ("n", num(1))]));
    story.ok(act("approve", "sara"));
    let Event::Finished(mut end) = story.made("L1") else {
        panic!("it is an end")
    };
    end.set = fields([("n", text("many")), ("note", text("ok"))]);
    let step = story.ok(Event::Finished(end));
    assert_eq!((story.state(), story.incident()), ("make", "bad_result"));
    assert_eq!(story.field("n"), Some(&num(1)));
    assert_eq!(words(&step), ["write note"]);
    assert_eq!(
        story.status("L1"),
        "created",
        "the link exists all the same"
    );
    story.ok(retry("admin"));
    assert_eq!((story.state(), story.incident()), ("await", ""));
}

/// Clause 43: what is paid stays paid; later words about the link change neither it nor the item.
#[test]
fn paid_is_never_taken_back() {
    let flow =
        sale()
            .on("expired", "make", "", "escalated")
            .on("cancelled", "make", "", "escalated");
    let mut story = Story::with(&flow, fields([("amount", rial(5))]));
    story.ok(act("approve", "sara"));
    story.ok(story.made("L1"));
    story.ok(story.payment("L1", "paid"));
    let entry = story.instance.entry;
    for outcome in [
        "expired",
        "cancelled",
        "viewed",
        "partially_paid",
        "paid",
        "paid_late",
    ] {
        story.ok(story.payment("L1", outcome));
        assert_eq!(story.status("L1"), "paid", "{outcome}");
        assert_eq!(story.instance.entry, entry, "{outcome}");
    }
}

/// Clause 46: a timer belongs to a state entry: leaving removes it, and a late fire is dropped.
#[test]
fn a_timer_of_an_earlier_entry_is_stale() {
    let mut story = Story::with(&sale(), fields([("amount", rial(5))]));
    let timeout = story.timer("timeout");
    let step = story.ok(act("approve", "sara"));
    assert_eq!(words(&step)[0], "cancel timeout");
    assert_eq!(story.refused(timeout.clone()), Rejection::Stale);
    story.ok(story.finished("error"));
    assert_eq!(
        story.refused(timeout),
        Rejection::Stale,
        "the same name, another entry"
    );
}

/// Clause 46: a timer that has been moved does not fire at its old time.
#[test]
fn a_moved_timer_does_not_fire_at_its_old_time() {
    let flow = Flow::new()
        .wait("ship", |wait| wait.due(at_field("due", 0), "over"))
        .end("over");
    let mut story = Story::with(&flow, fields([("due", date("2026-04-01"))]));
    let old = story.timer("elapsed");
    let step = story.change([("due", date("2026-05-01"))]);
    assert_eq!(words(&step), ["cancel elapsed", "set elapsed"]);
    assert_eq!(story.refused(old), Rejection::Stale);
    story.fire("elapsed");
    assert_eq!(story.state(), "over");
}

/// Clause 47: a timer comes so long after the entry, or at a field, or before or after it.
#[test]
fn timers_have_their_forms() {
    let due = |due: state_machine::Due| {
        let flow = Flow::new()
            .wait("pause", |wait| wait.due(due.clone(), "over"))
            .end("over");
        let story = Story::with(
            &flow,
            fields([("due", date("2026-04-01")), ("days", num(3))]),
        );
        story.instance.timers[0].due
    };
    let days = crate::support::flow::days_of("days");
    assert_eq!(due(after(HOUR)), moment("2026-03-18T06:30:00Z"));
    assert_eq!(due(days), moment("2026-03-21T05:30:00Z"));
    // A date begins at midnight in Tehran.
    assert_eq!(due(at_field("due", 0)), moment("2026-03-31T20:30:00Z"));
    assert_eq!(due(at_field("due", -DAY)), moment("2026-03-30T20:30:00Z"));
    assert_eq!(
        due(at_field("due", 14 * DAY)),
        moment("2026-04-14T20:30:00Z")
    );
}

/// Clause 48: to fire late is normal, and a clock that went backwards takes nothing back.
#[test]
fn a_late_timer_fires_and_stays_fired() {
    let mut story = Story::new(&sale());
    let timeout = story.timer("timeout");
    story.later(400 * DAY);
    story.ok(timeout.clone());
    assert_eq!(story.state(), "escalated");
    story.later(-400 * DAY);
    assert_eq!(story.refused(timeout), Rejection::Stale);
    story.ok(act("back", "sara"));
    assert_eq!(story.due_in("timeout"), Some(2 * DAY));
}

/// Clause 49: a condition is looked at again when a field it reads changes, and only then.
#[test]
fn a_condition_is_looked_at_when_its_fields_change() {
    let flow = Flow::new()
        .wait("stock", |wait| wait.when("item.n > 3 && item.ok", "over"))
        .end("over");
    let mut story = Story::with(&flow, fields([("n", num(1)), ("ok", Value::Bool(true))]));
    assert!(story.change([("note", text("بی‌ربط"))]).trace.is_empty());
    let step = story.change([("n", num(3)), ("note", Value::Empty)]);
    assert_eq!(step.trace.len(), 1);
    assert!(!step.trace[0].held);
    story.change([("n", num(4))]);
    assert_eq!(story.state(), "over");
}

/// Clause 50: each accepted input counts once, in the order in which they come.
#[test]
fn revisions_count_inputs() {
    let mut story = Story::new(&sale());
    for n in 1..=3 {
        story.change([("n", num(n))]);
        assert_eq!(story.instance.revision, u64::try_from(n).unwrap() + 1);
    }
    story.refused(act("vanish", "sara"));
    assert_eq!(story.instance.revision, 4);
    assert_eq!(story.field("n"), Some(&num(3)));
}

/// Clause 51: an early event waits for a state that takes it, for as long as it is kept.
#[test]
fn an_early_event_waits_for_its_time() {
    let flow = Flow::new()
        .event("called", DAY)
        .task("desk", |task| {
            task.action("done", "ear").action("skip", "bell")
        })
        .wait("ear", |wait| wait.event("called", "event.k > 1", "heard"))
        .task("bell", |task| task.action("done", "heard"))
        .here_on("called", "", "event.k > 1", "heard")
        .end("heard");
    for (way, seconds, rests) in [
        ("done", DAY - 1, "heard"),
        ("done", DAY, "ear"),
        ("skip", 0, "heard"),
        ("skip", DAY, "bell"),
    ] {
        let mut story = Story::new(&flow);
        for k in [1, 2, 3] {
            story.ok(named_with("called", fields([("k", num(k))])));
        }
        assert_eq!(story.instance.inbox.len(), 3);
        story.later(seconds).ok(act(way, "sara"));
        assert_eq!(story.state(), rests, "{way} after {seconds} s");
        let ended = story.instance.ended.is_some();
        assert!(
            !ended || story.instance.inbox.is_empty(),
            "nothing waits for the end"
        );
    }
}

/// Clause 51: the first early event that passes is taken out, the others stay.
#[test]
fn one_early_event_is_taken() {
    let flow = Flow::new()
        .event("called", DAY)
        .task("desk", |task| task.action("done", "ear"))
        .wait("ear", |wait| wait.event("called", "event.k > 1", "look"))
        .decision("look", [("event.k == 2", "again")], Some("lost"))
        .wait("again", |wait| wait.event("called", "event.k > 2", "lost"))
        .end("lost");
    let mut story = Story::new(&flow);
    for k in [1, 2] {
        story.ok(named_with("called", fields([("k", num(k))])));
    }
    story.ok(act("done", "sara"));
    assert_eq!(
        story.state(),
        "again",
        "the decision sees what the event carried"
    );
    assert_eq!(story.instance.inbox.len(), 1);
    assert_eq!(story.instance.inbox[0].payload, fields([("k", num(1))]));
}

/// Clause 51: late events follow the definition: recorded, or refused.
#[test]
fn a_late_event_follows_the_definition() {
    let over = |late: Late| {
        let flow = Flow::new()
            .event("called", DAY)
            .late("called", late)
            .end("over");
        let mut story = Story::new(&flow);
        story.send(named("called")).map(|step| step.declined)
    };
    assert_eq!(over(Late::Record), Ok(false));
    assert_eq!(over(Late::Ignore).unwrap_err().code(), "ended");
}

/// Clause 51: early events are kept up to a bound, and the one beyond it is refused, not lost.
#[test]
fn the_inbox_has_a_bound() {
    let mut story = Story::new(&sale());
    for _ in 0..state_machine::INBOX_MAX {
        story.ok(named("called"));
    }
    let refused = story.refused(named("called"));
    assert_eq!(refused.code(), "full");
    assert_eq!(refused.to_string(), "no more than 64 early events are kept");
    story.later(DAY).ok(named("called"));
    assert_eq!(story.instance.inbox.len(), 1, "the old ones were over");
}

/// Clause 59: what is refused leaves no trace.
#[test]
fn a_refusal_leaves_no_trace() {
    let mut story = Story::with(&sale(), fields([("amount", rial(0))]));
    let refused = [
        (act("approve", "omid"), "not_allowed"),
        (act("approve", "sara"), "guard_false"),
        (act("reject", "sara"), "missing_fields"),
        (act("vanish", "sara"), "unknown_action"),
        (
            act_with("approve", "sara", fields([("amount", text("x"))])),
            "bad_field",
        ),
        (changed([("amuont", num(1))]), "bad_field"),
        (changed([("n", text("many"))]), "bad_field"),
        (named("knocked"), "unknown_event"),
        (
            named_with("called", fields([("k", text("x"))])),
            "bad_field",
        ),
        (named_with("called", fields([("x", num(1))])), "bad_field"),
        (story.finished("success"), "stale"),
        (story.unknown(), "stale"),
        (crate::support::end_wait("sara"), "not_here"),
        (resume("sara"), "nothing_to_do"),
        (retry("sara"), "nothing_to_do"),
        (crate::support::release("sara"), "not_here"),
        (
            Event::Start {
                fields: Fields::new(),
                party: None,
            },
            "already_started",
        ),
    ];
    let before = serde_json::to_string(&story.instance).unwrap();
    for (event, code) in refused {
        let rejection = story.refused(event.clone());
        assert_eq!(rejection.code(), code, "{event:?}: {rejection}");
        let text = serde_json::to_string(&rejection).unwrap();
        assert_eq!(serde_json::from_str::<Rejection>(&text).unwrap(), rejection);
    }
    assert_eq!(serde_json::to_string(&story.instance).unwrap(), before);
}

/// Clause 61: a terminal error takes the error branch, with what it has set.
#[test]
fn an_error_takes_the_error_branch() {
    let mut story = Story::with(&sale(), fields([("amount", rial(5))]));
    story.ok(act("approve", "sara"));
    let end = state_machine::ActivityEnd {
        code: Some("amount_zero".to_owned()),
        set: fields([("note", text("مبلغ صفر است"))]),
        ..story.end("error")
    };
    let step = story.ok(Event::Finished(Box::new(end)));
    assert_eq!(story.state(), "review");
    assert_eq!(words(&step)[0], "write note");
    assert_eq!(step.path[0].by, "error");
}

/// Clause 62: an unknown outcome parks the item; its request stays, and a retry performs the same.
#[test]
fn an_unknown_outcome_parks() {
    let mut story = Story::with(&sale(), fields([("amount", rial(5))]));
    story.ok(act("approve", "sara"));
    let step = story.ok(story.unknown());
    assert!(step.effects.is_empty(), "the request is not withdrawn");
    assert_eq!(
        (story.state(), story.incident()),
        ("make", "timeout_after_send")
    );
    assert!(story.instance.activity.as_ref().unwrap().parked);
    let step = story.ok(retry("admin"));
    assert_eq!(words(&step), ["reopen 2"]);
    assert!(!story.instance.activity.as_ref().unwrap().parked);
    assert_eq!(story.incident(), "");
}

/// Clause 62: where the workflow routes `unknown`, nothing parks.
#[test]
fn a_routed_unknown_goes_on() {
    let flow = Flow::new()
        .link(
            "make",
            [("success", "over"), ("error", "over"), ("unknown", "desk")],
        )
        .task("desk", |task| task.action("done", "over"))
        .end("over");
    let mut story = Story::new(&flow);
    let step = story.ok(story.unknown());
    assert_eq!((story.state(), story.incident()), ("desk", ""));
    assert_eq!(step.path[0].by, "unknown");
}

/// Clause 62: an answer that comes after all ends the doubt.
#[test]
fn an_answer_resolves_an_unknown_outcome() {
    let mut story = Story::with(&sale(), fields([("amount", rial(5))]));
    story.ok(act("approve", "sara"));
    story.ok(story.unknown());
    story.ok(story.made("L1"));
    assert_eq!((story.state(), story.incident()), ("await", ""));
}

/// Clause 63: where the definition cannot go on, the item stays where it was, with its timers.
#[test]
fn a_definition_that_cannot_go_on_leaves_the_item_in_place() {
    let flow = Flow::new()
        .task("desk", |task| task.action("done", "size").remind(HOUR))
        .decision("size", [("item.n > 3", "over")], None)
        .end("over");
    let mut story = Story::with(&flow, fields([("n", num(1))]));
    let step = story.ok(act("done", "sara"));
    assert_eq!((story.state(), story.incident()), ("desk", "no_branch"));
    assert_eq!(step.trace.len(), 1, "what was tried is shown");
    assert_eq!(story.instance.last_actor.len(), 0);
    assert_eq!(story.due_in("reminder"), Some(HOUR));
    story.fire("reminder");
    assert_eq!(story.incident(), "no_branch", "a reminder mends nothing");
}

/// Clause 63: an outcome that leads nowhere parks the item, and what it did stays true.
#[test]
fn an_outcome_without_a_way_parks() {
    let mut story = Story::with(&sale(), fields([("amount", rial(5))]));
    story.ok(act("approve", "sara"));
    let end = story.end("surprise");
    let step = story.ok(Event::Finished(Box::new(state_machine::ActivityEnd {
        stage: Some("won".to_owned()),
        ..end
    })));
    assert_eq!((story.state(), story.incident()), ("make", "no_route"));
    assert_eq!(words(&step), ["stage won"]);
    let step = story.ok(retry("admin"));
    assert!(step.effects.is_empty(), "the stage is not written twice");
    assert_eq!(story.incident(), "no_route");
}

/// Clause 67: what ended in an error that leads nowhere is done again, once what was wrong is mended.
#[test]
fn a_retry_does_failed_work_again() {
    let computing = Flow::new()
        .activity("make", "set_fields", [("success", "await")])
        .wait("await", |wait| wait.by(role("clerk"), "over"))
        .end("over");
    let mut story = Story::new(&computing);
    let end = story.end("error");
    story.ok(Event::Finished(Box::new(end)));
    assert_eq!((story.state(), story.incident()), ("make", "no_route"));
    let step = story.ok(retry("admin"));
    assert_eq!(words(&step), ["close 1", "open make"]);
    assert!(story.instance.incident.is_none(), "it runs again");
    let end = story.end("success");
    story.ok(Event::Finished(Box::new(end)));
    assert_eq!(story.state(), "await");
}

/// Clause 67: an incident is over only when the input was applied again and passed.
#[test]
fn an_incident_ends_when_the_retry_passes() {
    let mut story = Story::new(&sale());
    story.ok(act("approve", "sara"));
    let since = story.instance.incident.as_ref().unwrap().since;
    story.later(HOUR).ok(retry("admin"));
    assert_eq!(story.incident(), "guard_failed", "nothing was mended");
    assert_eq!(story.instance.incident.as_ref().unwrap().since, since);
    story.change([("amount", rial(5))]);
    assert_eq!(story.incident(), "guard_failed", "nobody has tried again");
    let step = story.ok(retry("admin"));
    assert_eq!((story.state(), story.incident()), ("make", ""));
    assert_eq!(step.path[0].by, "approve");
    assert_eq!(story.instance.last_actor["review"].as_str(), "sara");
}

/// Clause 70: while held, everything that comes by itself is stored and nothing is applied.
#[test]
fn a_held_item_stores_what_comes() {
    let mut story = Story::new(&sale());
    story.ok(hold("sara"));
    let state = story.state().to_owned();
    story.change([("amount", rial(5))]);
    story.ok(named("called"));
    story.fire("timeout");
    assert_eq!(
        (story.state(), story.field("amount")),
        (state.as_str(), None)
    );
    assert_eq!(story.instance.deferred.len(), 3);
    let refused = story.refused(act("approve", "sara"));
    assert_eq!(
        refused.to_string(),
        "the item is held by sara: the customer is abroad"
    );
    story.ok(resume("omid"));
    assert_eq!(story.state(), "escalated");
    assert_eq!(story.field("amount"), Some(&rial(5)));
    assert_eq!(story.instance.inbox.len(), 1);
    assert!(story.instance.deferred.is_empty());
}

/// Clause 70: a payment is shown at once while the item is held, and applied when it goes on.
#[test]
fn a_held_item_shows_its_payment() {
    let mut story = Story::with(&sale(), fields([("amount", rial(5))]));
    story.ok(act("approve", "sara"));
    story.ok(story.made("L1"));
    story.ok(hold("sara"));
    story.ok(story.payment_with_receipt("L1", "paid"));
    assert_eq!((story.state(), story.status("L1")), ("await", "paid"));
    assert_eq!(story.field("receipt"), None, "fields wait");
    story.ok(resume("sara"));
    assert_eq!(story.state(), "thank");
    assert_eq!(
        story.field("receipt"),
        Some(&Value::Receipt("receipt-L1".to_owned()))
    );
}

/// Clause 71: a step tells which guards were tried and which states were entered, and by what.
#[test]
fn a_step_tells_its_trace_and_its_path() {
    let flow = Flow::new()
        .task("desk", |task| {
            task.action("done", "size").when("item.n > 1")
        })
        .decision("size", [("item.n > 8", "large")], Some("small"))
        .end("large")
        .end("small");
    let mut story = Story::with(&flow, fields([("n", num(2))]));
    let step = story.ok(act("done", "sara"));
    let tried = |(place, guard, held): (&str, &str, bool)| state_machine::TraceEntry {
        place: place.to_owned(),
        guard: guard.to_owned(),
        held,
    };
    let expected = [
        ("desk.done", "item.n > 1", true),
        ("size", "item.n > 8", false),
    ];
    assert_eq!(step.trace, expected.map(tried));
    let path: Vec<_> = step
        .path
        .iter()
        .map(|entered| (entered.state.as_str(), entered.entry, entered.by.as_str()))
        .collect();
    assert_eq!(path, [("size", 2, "done"), ("small", 3, "otherwise")]);
}

/// Clause 75: the same inputs from the start give the same item, byte for byte.
/// Clause 78: and the same effects, trace and path on the way.
#[test]
fn a_history_applied_again_gives_the_same_item() {
    let mut story = Story::new(&sale());
    story.ok(act("approve", "sara"));
    story.ok(changed([("amount", rial(5))]));
    story.ok(hold("sara"));
    story.ok(named("called"));
    story.later(HOUR).ok(resume("sara"));
    story.ok(retry("admin"));
    story.ok(story.made("L1"));
    story.later(3 * DAY);
    story.ok(story.payment("L1", "expired"));
    story.ok(story.payment("L1", "paid_late"));
    assert_eq!(story.state(), "thank");
    let replay = |story: &Story| {
        let mut again = Story::over(story.definition.clone()).instance;
        let mut told = Vec::new();
        for (event, context) in &story.inputs {
            let taken = step(&story.definition, &again, event, context).unwrap();
            told.push((taken.effects, taken.trace, taken.path));
            again = taken.instance;
        }
        (serde_json::to_string(&again).unwrap(), told)
    };
    let stored = serde_json::to_string(&story.instance).unwrap();
    assert_eq!(replay(&story).0, stored);
    assert_eq!(replay(&story), replay(&story));
}

/// Clause 18: the amounts of the builder are what the tests take them for.
#[test]
fn the_first_moment_is_nine_in_tehran() {
    let story = Story::new(&sale());
    assert_eq!(story.now, moment("2026-03-18T09:00:00+03:30"));
    assert_eq!(
        story.now + TimeDelta::seconds(DAY),
        moment("2026-03-19T05:30:00Z")
    );
    assert_eq!(rial(5), Value::Money(irr(5)));
    assert!(matches!(story.inputs[0].0, Event::Start { .. }));
    assert!(story.inputs[0].1.actor.is_none());
    assert!(
        !words(&Story::blank(&sale()).ok(Event::Start {
            fields: Fields::new(),
            party: None
        }))
        .is_empty()
    );
    assert_ne!(
        Effect::WriteStage("a".to_owned()),
        Effect::WriteStage("b".to_owned())
    );
}
