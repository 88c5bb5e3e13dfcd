//! Held and in incident: what is stored, what is applied, in which order, and what is lost (nothing).

use state_machine::{ActivityEnd, DEFERRED_MAX, Event, IncidentClass};
use values::{Fields, Value};

use crate::clauses::sale;
use crate::support::flow::{after, at_field};
use crate::support::story::words;
use crate::support::{
    DAY, Flow, HOUR, Story, act, act_with, changed, claim, date, end_wait, fields, hold, named,
    named_with, num, resume, retry, rial, role, text,
};

/// A task with a reminder, where an event and a timeout lead through a guard that may fail.
fn fragile() -> Flow {
    Flow::new()
        .event("called", DAY)
        .task("desk", |task| {
            task.action("on", "size")
                .action("off", "other")
                .remind(HOUR)
                .timeout(after(DAY), "size")
        })
        .here_on("called", "", "", "size")
        .decision("size", [("item.n > 3", "large")], Some("small"))
        .task("other", |task| {
            task.action("on", "size").action("off", "small")
        })
        .end("large")
        .end("small")
}

/// Clause 12: an overlay never hides the state underneath.
#[test]
fn an_overlay_lies_over_the_state() {
    let mut story = Story::new(&fragile());
    story.ok(hold("sara"));
    let held = story.instance.held.as_ref().unwrap();
    assert_eq!(
        (held.by.as_str(), held.reason.as_str()),
        ("sara", "the customer is abroad")
    );
    assert_eq!(held.since, story.now);
    assert!(story.instance.task.is_some());
    assert_eq!(story.state(), "desk");
    assert_eq!(story.instance.timers.len(), 2, "timers go on");
    assert_eq!(story.refused(hold("omid")).code(), "held");
    story.ok(resume("omid"));
    assert_eq!(story.instance.held, None);
}

/// Clause 70: a held item refuses people, and takes in only what concerns it.
#[test]
fn a_held_item_refuses_what_it_would_refuse_anyway() {
    let mut story = Story::new(&sale());
    let elsewhere = Event::Timer {
        name: "timeout".to_owned(),
        entry: 9,
        due: story.now,
    };
    let start = Event::Start {
        fields: Fields::new(),
        party: None,
    };
    story.ok(hold("sara"));
    let rows = [
        (act("approve", "sara"), "held"),
        (claim("sara"), "held"),
        (end_wait("sara"), "held"),
        (retry("sara"), "held"),
        (start, "held"),
        (elsewhere, "stale"),
        (story.finished("success"), "stale"),
        (story.unknown(), "stale"),
        (named("knocked"), "unknown_event"),
        (
            named_with("called", fields([("k", text("x"))])),
            "bad_field",
        ),
        (changed([("n", text("x"))]), "bad_field"),
    ];
    for (event, code) in rows {
        assert_eq!(story.refused(event.clone()).code(), code, "{event:?}");
    }
    assert!(story.instance.deferred.is_empty());
}

/// Clause 70: on resume what was stored is applied in its order.
#[test]
fn what_was_stored_is_applied_in_order() {
    let flow = Flow::new()
        .event("called", DAY)
        .wait("ear", |wait| {
            wait.event("called", "event.k == item.n", "again")
        })
        .wait("again", |wait| {
            wait.event("called", "event.k == item.n", "over")
        })
        .end("over");
    let mut story = Story::new(&flow);
    story.ok(hold("sara"));
    for n in [1, 2] {
        story.change([("n", num(n))]);
        story.ok(named_with("called", fields([("k", num(n))])));
    }
    let step = story.ok(resume("sara"));
    assert_eq!(story.state(), "over");
    assert_eq!(step.trace.len(), 2, "each event met its own value");
    assert!(step.overtaken.is_empty());
}

/// Clause 70: a timer that was moved while the item was held does not fire at its old time.
#[test]
fn a_stored_timer_may_be_overtaken() {
    let flow = Flow::new()
        .wait("pause", |wait| wait.due(at_field("due", 0), "over"))
        .end("over");
    let mut story = Story::with(&flow, fields([("due", date("2026-03-20"))]));
    story.ok(hold("sara"));
    story.change([("due", date("2026-05-01"))]);
    story.fire("elapsed");
    let step = story.ok(resume("sara"));
    assert_eq!(story.state(), "pause");
    assert_eq!(step.overtaken.len(), 1);
    let overtaken = &step.overtaken[0];
    assert_eq!(
        (overtaken.input.as_str(), overtaken.rejection.code()),
        ("timer", "stale")
    );
    story.fire("elapsed");
    assert_eq!(story.state(), "over");
}

/// Clause 70: the same timer, outcome or doubt is stored once.
#[test]
fn the_same_thing_is_stored_once() {
    let mut story = Story::with(&sale(), fields([("amount", rial(5))]));
    story.ok(hold("sara"));
    story.fire("timeout");
    let timeout = story.timer("timeout");
    assert_eq!(story.refused(timeout).code(), "stale");
    let mut story = Story::with(&sale(), fields([("amount", rial(5))]));
    story.ok(act("approve", "sara"));
    story.ok(hold("sara"));
    story.ok(story.unknown());
    assert!(
        story.instance.activity.as_ref().unwrap().parked,
        "nobody performs it again unasked"
    );
    story.ok(story.unknown());
    assert_eq!(story.instance.deferred.len(), 1);
    story.ok(story.made("L1"));
    assert_eq!(
        story.instance.deferred.len(),
        1,
        "an answer takes the doubt's place"
    );
    assert_eq!(story.refused(story.finished("error")).code(), "stale");
    story.ok(resume("sara"));
    assert_eq!((story.state(), story.incident()), ("await", ""));
}

/// Clause 62: an unknown outcome while held parks on resume.
#[test]
fn an_unknown_outcome_while_held_parks_on_resume() {
    let mut story = Story::with(&sale(), fields([("amount", rial(5))]));
    story.ok(act("approve", "sara"));
    story.ok(hold("sara"));
    story.ok(story.unknown());
    assert_eq!(story.incident(), "");
    story.ok(resume("sara"));
    assert_eq!(story.incident(), "timeout_after_send");
    assert_eq!(words(&story.ok(retry("admin"))), ["reopen 2"]);
}

/// Clause 70: what is stored has a bound; beyond it the sender is told and has it still.
#[test]
fn what_is_stored_has_a_bound() {
    let mut story = Story::with(&sale(), fields([("amount", rial(5))]));
    story.ok(act("approve", "sara"));
    story.ok(hold("sara"));
    for n in 0..DEFERRED_MAX {
        let event = if n % 2 == 0 {
            named("called")
        } else {
            changed([("n", num(1))])
        };
        story.ok(event);
    }
    for event in [named("called"), changed([("n", num(2))])] {
        let refused = story.refused(event);
        assert_eq!(
            refused.to_string(),
            "no more than 256 inputs of a held item are kept"
        );
    }
    story.ok(story.unknown());
    story.ok(story.made("L1"));
    story.ok(story.payment("L9", "paid_late"));
    assert_eq!(
        story.instance.deferred.len(),
        DEFERRED_MAX + 2,
        "nobody would send these again"
    );
    let step = story.ok(resume("sara"));
    assert_eq!(story.state(), "thank");
    let left = DEFERRED_MAX / 2 - state_machine::INBOX_MAX;
    assert_eq!(step.overtaken.len(), left, "the inbox has its own bound");
    assert!(
        step.overtaken
            .iter()
            .all(|overtaken| overtaken.rejection.code() == "full")
    );
}

/// Clause 19: every stored input has the bound on transitions for itself.
#[test]
fn stored_inputs_do_not_share_the_bound() {
    let mut flow = Flow::new().event("called", 0);
    for round in 0..2 {
        let event = format!("w{round}");
        let first = format!("d{round}_0");
        flow = flow.wait(&event, |wait| wait.event("called", "", &first));
        for index in 0..50 {
            let next = match index {
                49 => format!("w{}", round + 1),
                _ => format!("d{round}_{}", index + 1),
            };
            flow = flow.decision(&format!("d{round}_{index}"), [], Some(&next));
        }
    }
    let mut story = Story::new(&flow.end("w2"));
    story.ok(hold("sara"));
    story.ok(named("called"));
    story.ok(named("called"));
    story.ok(resume("sara"));
    assert_eq!((story.state(), story.incident()), ("w2", ""));
}

/// Clause 70: stored inputs behind one that opens an activity wait for it: it may end at once.
#[test]
fn what_is_stored_waits_for_an_activity() {
    let flow = Flow::new()
        .event("called", 0)
        .wait("pause", |wait| wait.due(after(HOUR), "mark"))
        .activity("mark", "set_fields", [("success", "ear")])
        .wait("ear", |wait| wait.event("called", "", "over"))
        .end("over");
    let mut story = Story::new(&flow);
    story.ok(hold("sara"));
    story.fire("elapsed");
    story.change([("n", num(2))]);
    story.ok(named("called"));
    let step = story.ok(resume("sara"));
    assert_eq!(words(&step), ["cancel elapsed", "open mark"]);
    assert_eq!(story.instance.deferred.len(), 2);
    let set = fields([("n", num(1))]);
    let end = ActivityEnd {
        set,
        ..story.end("success")
    };
    story.ok(Event::Finished(Box::new(end)));
    assert_eq!((story.state(), story.instance.deferred.len()), ("over", 0));
    assert_eq!(
        story.field("n"),
        Some(&num(2)),
        "the change came after the timer"
    );
}

/// Clause 67: the kinds of input that can be in incident, and what their retry does.
#[test]
fn each_kind_of_input_can_be_retried() {
    let start = Event::Start {
        fields: Fields::new(),
        party: None,
    };
    let first = Flow::new().decision("size", [("item.n > 3", "large")], Some("small"));
    let first = first.end("large").end("small");
    let wait = Flow::new()
        .task("desk", |task| task.action("on", "pause"))
        .wait("pause", |wait| {
            wait.when("item.n > 3", "large")
                .by(role("sales_manager"), "size")
        })
        .decision("size", [("item.n > 3", "large")], Some("small"))
        .end("large")
        .end("small");
    type Input = fn(&Story) -> Event;
    #[rustfmt::skip]
    let rows: [(&Flow, Option<Event>, Input); 5] = [
        // workflow | before            | input that cannot go on
        (&first,      None,               |_| Event::Start { fields: fields([("note", text("x"))]), party: None }),
        (&fragile(),  Some(start.clone()), |_| act("on", "sara")),
        (&fragile(),  Some(start.clone()), |_| named("called")),
        (&fragile(),  Some(start.clone()), |story| story.timer("timeout")),
        (&wait,       Some(start.clone()), |_| act("on", "sara")),
    ];
    for (flow, before, input) in rows {
        let mut story = Story::blank(flow);
        before.into_iter().for_each(|event| drop(story.ok(event)));
        let input = input(&story);
        let (entry, state) = (story.instance.entry, story.state().to_owned());
        story.ok(input.clone());
        let incident = story.instance.incident.as_ref().unwrap();
        assert_eq!(incident.class, IncidentClass::Definition);
        assert_eq!(
            (story.instance.entry, story.state()),
            (entry, state.as_str()),
            "{input:?}"
        );
        story.ok(retry("admin"));
        assert_eq!(
            story.incident(),
            "guard_failed",
            "still failing stays: {input:?}"
        );
        story.change([("n", num(4))]);
        story.ok(retry("admin"));
        assert_eq!(
            (story.state(), story.incident()),
            ("large", ""),
            "{input:?}"
        );
    }
}

/// Clause 67: a start that failed keeps what it brought; the item takes changes until the retry.
#[test]
fn a_start_that_failed_can_be_retried() {
    let flow = Flow::new()
        .event("called", DAY)
        .decision("size", [("item.n > 3", "ear")], Some("small"))
        .wait("ear", |wait| wait.event("called", "", "over"))
        .end("small")
        .end("over");
    let mut story = Story::blank(&flow);
    assert_eq!(story.refused(changed([("n", num(1))])).code(), "not_here");
    assert_eq!(story.refused(named("called")).code(), "not_here");
    assert_eq!(story.refused(hold("sara")).code(), "not_here");
    assert_eq!(story.refused(retry("sara")).code(), "nothing_to_do");
    let start = Event::Start {
        fields: fields([
            ("note", text("الف")),
            ("days", num(7)),
            ("ok", Value::Empty),
        ]),
        party: Some("party-7".into()),
    };
    let started = story.later(60).now;
    story.ok(start.clone());
    assert_eq!(
        (story.instance.entry, story.state(), story.incident()),
        (0, "size", "guard_failed")
    );
    assert_eq!(story.field("note"), Some(&text("الف")), "facts stay");
    assert_eq!(story.instance.party.as_ref().unwrap().as_str(), "party-7");
    assert_eq!(story.refused(start).code(), "already_started");
    assert_eq!(story.refused(act("on", "sara")).code(), "not_here");
    story.ok(named("called"));
    assert_eq!(story.refused(named("knocked")).code(), "unknown_event");
    let bad = named_with("called", fields([("k", text("x"))]));
    assert_eq!(story.refused(bad).code(), "bad_field");
    story
        .later(DAY)
        .change([("n", num(9)), ("note", text("ب")), ("days", Value::Empty)]);
    story.ok(retry("admin"));
    assert_eq!(
        (story.state(), story.incident()),
        ("over", ""),
        "the event was kept for it"
    );
    assert_eq!(
        story.field("note"),
        Some(&text("ب")),
        "what came later wins"
    );
    assert_eq!(story.field("days"), None);
    assert_eq!(story.instance.party.as_ref().unwrap().as_str(), "party-7");
    assert_eq!(story.instance.started_at, started);
    assert_eq!(story.instance.ended.unwrap().at, story.now);
}

/// Clause 67: a second input that cannot go on either is kept and applied after the first.
#[test]
fn a_second_input_in_incident_is_kept() {
    let mut story = Story::new(&fragile());
    story.fire("timeout");
    story.ok(named_with("called", fields([("k", num(1))])));
    let first = story.instance.incident.clone().unwrap();
    assert!(
        matches!(first.input.as_deref(), Some(Event::Timer { .. })),
        "{first:?}"
    );
    assert_eq!(
        story.instance.deferred,
        [named_with("called", fields([("k", num(1))]))]
    );
    story.change([("n", num(1))]);
    let step = story.ok(retry("admin"));
    assert_eq!(story.state(), "small");
    assert!(story.instance.deferred.is_empty());
    assert!(step.overtaken.is_empty(), "a late event is recorded");
}

/// Clause 59: a person whose action cannot go on either is told so; the first stays first.
#[test]
fn a_second_action_in_incident_is_refused() {
    let mut story = Story::new(&fragile());
    story.ok(act("on", "sara"));
    let refused = story.refused(act("on", "sara"));
    assert_eq!(refused.code(), "in_incident");
    assert!(
        refused
            .to_string()
            .starts_with("the item is in incident guard_failed: size: ")
    );
    assert!(story.instance.deferred.is_empty());
}

/// Clause 63: an action that can go on ends the incident; the old action is not taken with it.
#[test]
fn another_way_out_ends_the_incident() {
    let mut story = Story::new(&fragile());
    story.ok(act("on", "sara"));
    let step = story.ok(act("off", "sara"));
    assert_eq!((story.state(), story.incident()), ("other", ""));
    assert_eq!(
        step.path.len(),
        1,
        "the next task has an action of that name, and nobody chose it"
    );
    assert!(story.instance.deferred.is_empty());
    assert_eq!(story.refused(retry("admin")).code(), "nothing_to_do");
}

/// Clause 63: an event in incident is tried again in the next state, and waits there if it is early.
#[test]
fn an_event_in_incident_goes_along() {
    let mut story = Story::new(&fragile());
    story.ok(named("called"));
    assert_eq!(story.incident(), "guard_failed");
    story.ok(act("off", "sara"));
    assert_eq!((story.state(), story.incident()), ("other", ""));
    assert_eq!(story.instance.inbox.len(), 1);
}

/// Clause 46: what belongs to a state is gone when the state is left, also what was in incident.
#[test]
fn a_timer_in_incident_ends_with_its_state() {
    let mut story = Story::new(&fragile());
    story.ok(act("on", "sara"));
    story.fire("timeout");
    assert_eq!(story.instance.deferred.len(), 1);
    let step = story.ok(act("off", "sara"));
    assert_eq!((story.state(), story.incident()), ("other", ""));
    assert_eq!(step.overtaken.len(), 1);
    assert_eq!(step.overtaken[0].rejection.code(), "stale");
}

/// Clause 67: an unknown outcome is not hidden by an incident that came before or after it.
#[test]
fn an_unknown_outcome_survives_other_incidents() {
    let flow = sale().on("called", "", "item.n > 3", "escalated");
    let open = || {
        let mut story = Story::with(&flow, fields([("amount", rial(5))]));
        story.ok(act("approve", "sara"));
        story
    };
    // The doubt first.
    let mut story = open();
    story.ok(story.unknown());
    story.ok(named("called"));
    assert_eq!(
        (story.incident(), story.instance.deferred.len()),
        ("timeout_after_send", 1)
    );
    let step = story.ok(retry("admin"));
    assert_eq!(
        words(&step),
        ["reopen 2"],
        "the request goes on whatever the event does"
    );
    assert_eq!(
        (story.incident(), story.instance.deferred.len()),
        ("guard_failed", 0)
    );
    // The event first.
    let mut story = open();
    story.ok(named("called"));
    story.ok(story.unknown());
    assert_eq!(
        (story.incident(), story.instance.deferred.len()),
        ("guard_failed", 1)
    );
    assert!(story.instance.activity.as_ref().unwrap().parked);
    story.change([("n", num(1))]);
    story.ok(retry("admin"));
    assert_eq!(
        (story.incident(), story.instance.deferred.len()),
        ("timeout_after_send", 0)
    );
    story.ok(retry("admin"));
    assert!(!story.instance.activity.as_ref().unwrap().parked);
    assert_eq!(story.incident(), "");
}

/// Clause 70: an item that is held in incident takes in what came meanwhile when it is resumed, and
/// stays in incident.
#[test]
fn a_hold_over_an_incident_does_not_end_it() {
    let mut story = Story::new(&fragile());
    story.ok(named("called"));
    story.ok(hold("sara"));
    assert_eq!(story.refused(retry("admin")).code(), "held");
    story.change([("note", text("نو")), ("n", num(1))]);
    story.ok(resume("sara"));
    assert_eq!(story.field("note"), Some(&text("نو")));
    assert_eq!((story.state(), story.incident()), ("desk", "guard_failed"));
    story.ok(retry("admin"));
    assert_eq!(story.state(), "small");
}

/// Clause 70: a stored input that cannot go on parks the item, with everything before it applied.
#[test]
fn a_stored_input_that_fails_parks() {
    let flow = Flow::new()
        .event("called", 0)
        .event("knocked", 0)
        .wait("ear", |wait| wait.event("called", "", "door"))
        .wait("door", |wait| {
            wait.event("knocked", "event.k > item.n", "over")
        })
        .end("over");
    let mut story = Story::new(&flow);
    story.ok(hold("sara"));
    story.ok(named("called"));
    story.ok(named_with("knocked", fields([("k", num(1))])));
    story.change([("note", text("x"))]);
    let step = story.ok(resume("sara"));
    assert_eq!((story.state(), story.incident()), ("door", "guard_failed"));
    assert_eq!(step.path.len(), 1, "the way that failed is not in the path");
    assert_eq!(story.field("note"), Some(&text("x")));
    story.change([("n", num(0))]);
    story.ok(retry("admin"));
    assert_eq!(story.state(), "over");
}

/// Clause 70: ended items cannot be held, and what was stored for one that ends is let go.
#[test]
fn an_end_lets_go_what_was_stored() {
    let mut story = Story::with(&sale(), fields([("amount", rial(5))]));
    story.ok(act("approve", "sara"));
    story.ok(story.made("L1"));
    story.ok(hold("sara"));
    story.ok(story.payment("L1", "paid"));
    story.ok(resume("sara"));
    story.ok(hold("sara"));
    story.ok(story.finished("success"));
    story.ok(named("called"));
    story.change([("n", num(3))]);
    let step = story.ok(resume("sara"));
    assert_eq!(story.instance.ended.unwrap().at, story.now);
    assert!(story.instance.deferred.is_empty() && step.overtaken.is_empty());
    assert_eq!(story.field("n"), Some(&num(3)));
    assert_eq!(story.refused(hold("sara")).code(), "ended");
}

/// Clause 67: an action in incident keeps its fields for the retry; nothing is written before.
#[test]
fn an_action_in_incident_writes_nothing_yet() {
    let mut story = Story::new(&fragile());
    let filled = act_with("on", "sara", fields([("note", text("پر شد"))]));
    let step = story.ok(filled);
    assert!(step.effects.is_empty());
    assert_eq!(story.field("note"), None);
    story.change([("n", num(5))]);
    let step = story.ok(retry("admin"));
    assert_eq!(words(&step)[0], "write note");
    assert_eq!(story.field("note"), Some(&text("پر شد")));
}

/// Clause 63: a stage that an activity sets is seen by what follows, in the type the item declares.
#[test]
fn a_stage_is_set() {
    let flow = Flow::new()
        .activity("win", "set_stage", [("success", "look")])
        .decision("look", [(r#"item.stage == "won""#, "over")], None)
        .end("over");
    let mut story = Story::new(&flow);
    let stage = Some("won".to_owned());
    let step = story.ok(Event::Finished(Box::new(ActivityEnd {
        stage,
        ..story.end("success")
    })));
    assert_eq!(words(&step), ["stage won", "close 1", "ended success"]);
    assert_eq!(story.instance.stage.as_deref(), Some("won"));
}

/// Clause 63: a stage is written in the type that the item declares for it.
#[test]
fn a_stage_has_its_declared_type() {
    let mut flow = Flow::new()
        .activity("win", "set_stage", [("success", "look")])
        .decision("look", [(r#"item.stage == "won""#, "over")], None)
        .end("over");
    let options = vec!["won".to_owned(), "lost".to_owned()];
    let mut field = flow.0.fields["note"].clone();
    field.kind = values::FieldType::Choice { options };
    flow.0.fields.insert("stage".to_owned(), field);
    let mut story = Story::new(&flow);
    let stage = Some("won".to_owned());
    story.ok(Event::Finished(Box::new(ActivityEnd {
        stage,
        ..story.end("success")
    })));
    assert_eq!(story.field("stage"), Some(&Value::Choice("won".to_owned())));
    assert_eq!(story.state(), "over");
}

/// Clause 70: a stored input does not see what the one before it carried.
#[test]
fn stored_inputs_do_not_share_their_payload() {
    let flow = Flow::new()
        .event("called", 0)
        .wait("ear", |wait| wait.event("called", "", "pause"))
        .wait("pause", |wait| wait.when("item.ok && event.k > 5", "over"))
        .end("over");
    let mut story = Story::with(&flow, fields([("ok", Value::Bool(false))]));
    story.ok(hold("sara"));
    story.ok(named_with("called", fields([("k", num(6))])));
    story.change([("ok", Value::Bool(true))]);
    story.ok(resume("sara"));
    assert_eq!((story.state(), story.incident()), ("pause", "guard_failed"));
}
