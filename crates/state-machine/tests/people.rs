//! People: who has a task, who may act, what they must fill in and confirm.

use state_machine::{Assigned, Assignee, Event, Rejection, actions_for, manager_asked_for};
use values::{Fields, Value};

use crate::support::flow::{WaitDraft, after, at_field};
use crate::support::story::words;
use crate::support::{
    DAY, Flow, HOUR, Story, act, act_with, changed, claim, date, end_wait, fields, hold, num,
    release, retry, rial, role, text, user,
};

fn desk(assignee: Assignee) -> Flow {
    Flow::new()
        .task("desk", |task| task.by(assignee).action("done", "over"))
        .end("over")
}

fn field(name: &str, fallback: Assignee) -> Assignee {
    Assignee::Field {
        field: name.to_owned(),
        fallback: Box::new(fallback),
    }
}

fn manager_of(inner: Assignee) -> Assignee {
    Assignee::ManagerOf(Box::new(inner))
}

fn last_of(state: &str, fallback: Option<Assignee>) -> Assignee {
    Assignee::LastResponsible {
        state: state.to_owned(),
        fallback: fallback.map(Box::new),
    }
}

fn just(name: &str) -> Assignee {
    Assignee::User(name.to_owned())
}

/// Clause 5: each kind of owner, who may act then and who may not.
#[test]
fn a_task_is_for_its_assignee() {
    let owned = fields([
        ("owner", Value::User("omid".to_owned())),
        ("team", Value::Group("sales".to_owned())),
        ("desk", Value::Position("accountant".to_owned())),
    ]);
    let group = Assignee::Group("sales".to_owned());
    let position = Assignee::Position("accountant".to_owned());
    #[rustfmt::skip]
    let rows = [
        // assignee                                   | shown as              | may    | may not
        (just("omid"),                                  "user omid",            "omid",  "sara"),
        (group,                                         "group sales",          "omid",  "neda"),
        (role("clerk"),                                 "role clerk",           "neda",  "sara"),
        (position,                                      "position accountant",  "neda",  "omid"),
        (field("owner", role("clerk")),                 "user omid",            "omid",  "neda"),
        (field("team", role("clerk")),                  "group sales",          "sara",  "neda"),
        (field("desk", role("clerk")),                  "position accountant",  "neda",  "omid"),
        (field("due", role("clerk")),                   "role clerk",           "neda",  "sara"),
        (last_of("desk", Some(role("clerk"))),          "role clerk",           "neda",  "sara"),
        (manager_of(just("omid")),                      "manager of omid",      "boss",  "omid"),
        (manager_of(field("owner", role("clerk"))),     "manager of omid",      "boss",  "neda"),
        (manager_of(field("due", just("sara"))),        "user sara",            "sara",  "boss"),
        (manager_of(field("team", just("sara"))),       "group sales",          "omid",  "boss"),
        (manager_of(last_of("desk", Some(role("director")))), "role director",  "boss",  "sara"),
        (manager_of(role("clerk")),                     "role clerk",           "neda",  "boss"),
    ];
    for (assignee, shown, may, may_not) in rows {
        let mut story = Story::with(&desk(assignee), owned.clone());
        let assigned = &story.instance.task.as_ref().unwrap().assigned;
        assert_eq!(assigned.to_string(), shown);
        let rejection = story.refused(act("done", may_not));
        assert_eq!(rejection.code(), "not_allowed", "{shown}: {may_not}");
        assert!(
            rejection
                .to_string()
                .contains(&format!("it is for {shown}")),
            "{rejection}"
        );
        story.ok(act("done", may));
        assert_eq!(story.state(), "over", "{shown}: {may}");
    }
}

/// Clause 5: an empty name in a field counts as an empty field.
#[test]
fn an_empty_owner_falls_back() {
    let empty = [
        ("owner", Value::User(String::new())),
        ("team", Value::Group(String::new())),
        ("desk", Value::Position(String::new())),
    ];
    for (name, value) in empty {
        let story = Story::with(&desk(field(name, role("clerk"))), fields([(name, value)]));
        let assigned = story.instance.task.unwrap().assigned;
        assert_eq!(assigned, Assigned::Role("clerk".to_owned()), "{name}");
    }
}

/// Clause 5: a field of texts, as a host without types for people sends it, names a user.
#[test]
fn a_text_names_a_user() {
    let story = Story::with(
        &desk(field("note", role("clerk"))),
        fields([("note", text("omid"))]),
    );
    assert_eq!(
        story.instance.task.unwrap().assigned,
        Assigned::User(user("omid"))
    );
}

/// Clause 63: a task of somebody who does not exist yet is not entered.
#[test]
fn a_task_of_nobody_is_an_incident() {
    let flow = Flow::new()
        .task("first", |task| task.action("on", "desk"))
        .task("desk", |task| {
            task.by(last_of("later", None)).action("done", "over")
        })
        .task("later", |task| task.action("done", "over"))
        .end("over");
    let mut story = Story::new(&flow);
    story.ok(act("on", "sara"));
    assert_eq!(
        (story.state(), story.incident()),
        ("first", "nobody_responsible")
    );
}

/// Clause 5: who acted last in a state has its task again, and a later one that asks for them.
#[test]
fn the_last_responsible_has_it_again() {
    let flow = Flow::new()
        .task("desk", |task| {
            let task = task
                .by(Assignee::Group("sales".to_owned()))
                .return_to_last();
            task.action("on", "check")
        })
        .task("check", |task| {
            task.by(role("clerk"))
                .action("back", "desk")
                .action("on", "call")
        })
        .task("call", |task| {
            task.by(last_of("desk", None)).action("on", "over")
        })
        .end("over");
    let mut story = Story::new(&flow);
    story.ok(act("on", "omid"));
    story.ok(act("back", "neda"));
    assert_eq!(story.refused(act("on", "sara")).code(), "not_allowed");
    story.ok(act("on", "omid"));
    story.ok(act("on", "neda"));
    let task = story.instance.task.as_ref().unwrap();
    assert_eq!(task.assigned, Assigned::User(user("omid")));
}

/// Clause 5: one of a group takes the task; then it is nobody else's until it is given back.
#[test]
fn one_of_a_group_claims_the_task() {
    let mut story = Story::new(&desk(Assignee::Group("sales".to_owned())));
    assert_eq!(story.refused(claim("neda")).code(), "not_allowed");
    assert_eq!(story.refused(release("omid")).code(), "not_here");
    story.ok(claim("omid"));
    story.ok(claim("omid"));
    let with_omid = Rejection::Claimed { by: user("omid") };
    for event in [act("done", "sara"), claim("sara"), release("sara")] {
        assert_eq!(story.refused(event), with_omid);
    }
    story.ok(release("omid"));
    story.ok(claim("sara"));
    story.ok(act("done", "sara"));
    assert_eq!(story.instance.last_actor["desk"], user("sara"));
}

/// Clause 59: who left the group after claiming may give the task back and nothing else.
#[test]
fn a_claim_does_not_outlive_its_right() {
    let mut story = Story::new(&desk(Assignee::Group("sales".to_owned())));
    story.ok(claim("omid"));
    story.people.get_mut("omid").unwrap().groups.clear();
    assert_eq!(story.refused(act("done", "omid")).code(), "not_allowed");
    story.ok(release("omid"));
    story.ok(act("done", "sara"));
}

/// Clause 13: an action may ask for a role beside the task.
#[test]
fn an_action_may_need_a_role() {
    let flow = Flow::new()
        .task("desk", |task| {
            task.by(Assignee::Group("sales".to_owned()))
                .action("note", "over")
                .action("approve", "over")
                .role("director")
                .role("sales_manager")
        })
        .end("over");
    let mut story = Story::new(&flow);
    let refused = story.refused(act("approve", "omid"));
    let expected = "omid may not do this: `approve` needs role director or sales_manager; \
                    omid has clerk, sales";
    assert_eq!(refused.to_string(), expected);
    let refused = story.refused(act("approve", "nobody"));
    assert!(
        refused.to_string().ends_with("nobody has none"),
        "{refused}"
    );
    story.ok(act("approve", "sara"));
}

/// Clause 59: required fields must be filled, with the action or before it.
#[test]
fn required_fields_must_be_filled() {
    let flow = Flow::new()
        .task("desk", |task| {
            task.action("done", "over")
                .require("note")
                .require("ok")
                .require("tags")
                .require("n")
        })
        .end("over");
    #[rustfmt::skip]
    let rows = [
        // fields                                                               | missing
        (fields([]),                                                              vec!["note", "ok", "tags", "n"]),
        (fields([("note", text(" \u{a0}")), ("ok", Value::Bool(false))]),         vec!["note", "ok", "tags", "n"]),
        (fields([("note", text("الف")), ("n", num(0))]),                          vec!["ok", "tags"]),
        (fields([("ok", Value::Bool(true)), ("tags", Value::List(vec![]))]),      vec!["note", "tags", "n"]),
    ];
    for (given, missing) in rows {
        let mut story = Story::new(&flow);
        let missing = missing.into_iter().map(str::to_owned).collect();
        let expected = Rejection::MissingFields {
            action: "done".to_owned(),
            fields: missing,
        };
        assert_eq!(story.refused(act_with("done", "sara", given)), expected);
    }
    let mut story = Story::with(&flow, fields([("note", text("الف")), ("n", num(0))]));
    let rest = fields([
        ("ok", Value::Bool(true)),
        ("tags", Value::List(vec![text("ب")])),
    ]);
    let step = story.ok(act_with("done", "sara", rest));
    assert_eq!(words(&step), ["write ok tags", "ended success"]);
    let emptied = fields([("note", Value::Empty)]);
    let mut story = Story::with(&flow, fields([("note", text("الف"))]));
    let refused = story.refused(act_with("done", "sara", emptied));
    assert!(
        refused.to_string().starts_with("`done` needs note, ok"),
        "{refused}"
    );
}

/// Clause 59: a question must be answered before the action counts.
#[test]
fn an_action_may_ask_first() {
    let flow = Flow::new()
        .task("desk", |task| {
            task.action("done", "over")
                .confirm("Really?")
                .when("item.amount > irr(0)")
        })
        .end("over");
    let mut story = Story::new(&flow);
    assert_eq!(
        story.refused(act("done", "sara")).code(),
        "needs_confirmation"
    );
    let confirmed = Event::Action {
        name: "done".to_owned(),
        actor: user("sara"),
        fields: fields([("amount", rial(1))]),
        confirmed: true,
    };
    story.ok(confirmed);
    assert_eq!(story.state(), "over");
}

/// Clause 16: a guard that is false refuses the action; one that fails parks the item with it.
#[test]
fn a_false_guard_refuses_and_a_failing_one_parks() {
    let flow = Flow::new()
        .task("desk", |task| {
            task.action("done", "over").when("item.n > 3")
        })
        .end("over");
    let mut story = Story::with(&flow, fields([("n", num(3))]));
    let refused = story.refused(act("done", "sara"));
    assert_eq!(
        refused.to_string(),
        "the condition on `done` does not hold: item.n > 3"
    );
    let emptied = act_with("done", "sara", fields([("n", Value::Empty)]));
    story.ok(emptied.clone());
    let incident = story.instance.incident.as_ref().unwrap();
    assert_eq!(incident.input.as_deref(), Some(&emptied));
    assert_eq!(
        story.field("n"),
        Some(&num(3)),
        "what an action fills in goes with the action"
    );
}

/// Clause 67: the person behind a retry needs none of the rights of the person behind the input.
#[test]
fn a_retry_asks_nobody_for_rights_twice() {
    let flow = Flow::new()
        .task("desk", |task| {
            task.action("done", "over")
                .role("sales_manager")
                .when("item.n > 3")
        })
        .end("over");
    let mut story = Story::new(&flow);
    story.ok(act("done", "sara"));
    story.change([("n", num(4))]);
    story.ok(retry("admin"));
    assert_eq!(story.state(), "over");
    assert_eq!(story.instance.last_actor["desk"], user("sara"));
}

/// Clause 67: a retry whose action is refused by now is refused, and the incident stays.
#[test]
fn a_retry_that_is_refused_changes_nothing() {
    let flow = Flow::new()
        .task("desk", |task| {
            task.action("done", "over").when("item.n > 3")
        })
        .end("over");
    let mut story = Story::new(&flow);
    story.ok(act("done", "sara"));
    story.change([("n", num(1))]);
    assert_eq!(story.refused(retry("admin")).code(), "guard_false");
    assert_eq!(story.incident(), "guard_failed");
    story.change([("n", num(4))]);
    story.ok(retry("admin"));
    assert_eq!(story.state(), "over");
}

/// Clause 46: reminder and escalations come at their times, to whoever has the task by then.
#[test]
fn reminders_come_in_their_order() {
    let flow = Flow::new()
        .task("desk", |task| {
            let task = task.by(Assignee::Group("sales".to_owned()));
            let task = task
                .action("done", "over")
                .remind(4 * HOUR)
                .critical(5 * DAY);
            task.timeout(after(30 * DAY), "over")
        })
        .end("over");
    let mut story = Story::blank(&flow);
    let step = story.ok(Event::Start {
        fields: Fields::new(),
        party: None,
    });
    let expected = [
        "assigned to group sales",
        "set reminder",
        "set critical",
        "set critical_again",
        "set timeout",
    ];
    assert_eq!(words(&step), expected);
    let due = ["reminder", "critical", "critical_again", "timeout"].map(|name| story.due_in(name));
    assert_eq!(due, [4 * HOUR, 5 * DAY, 10 * DAY, 30 * DAY].map(Some));
    assert_eq!(
        words(&story.fire("reminder")),
        ["cancel reminder", "reminder to group sales"]
    );
    story.ok(claim("omid"));
    assert_eq!(
        words(&story.fire("critical")),
        ["cancel critical", "critical to user omid"]
    );
    let step = story.fire("critical_again");
    assert_eq!(
        words(&step),
        ["cancel critical_again", "critical_again to user omid"]
    );
    assert_eq!(story.state(), "desk", "notices never move the item");
    assert_eq!(
        words(&story.fire("timeout")),
        ["cancel timeout", "ended success"]
    );
}

/// Clause 48: a task whose time is over when it is entered is passed by, and nobody is told of it.
#[test]
fn a_task_whose_time_is_over_is_passed_by() {
    let flow = Flow::new()
        .task("first", |task| task.action("on", "desk"))
        .task("desk", |task| {
            task.action("done", "over")
                .timeout(at_field("due", 0), "late")
        })
        .task("late", |task| task.action("done", "over"))
        .end("over");
    let mut story = Story::with(&flow, fields([("due", date("2026-03-01"))]));
    let step = story.ok(act("on", "sara"));
    assert_eq!(words(&step), ["assigned to role sales_manager"]);
    let path: Vec<_> = step
        .path
        .iter()
        .map(|e| (e.state.as_str(), e.by.as_str()))
        .collect();
    assert_eq!(path, [("desk", "on"), ("late", "timeout")]);
}

/// Clause 19: two tasks whose times are over and that lead to each other are a livelock, not a storm.
#[test]
fn tasks_that_are_over_do_not_spin() {
    let flow = Flow::new()
        .task("a", |task| {
            task.action("done", "over").timeout(at_field("due", 0), "b")
        })
        .task("b", |task| {
            task.action("done", "over").timeout(at_field("due", 0), "a")
        })
        .end("over");
    let story = Story::with(&flow, fields([("due", date("2026-03-01"))]));
    assert_eq!(story.incident(), "livelock");
}

/// Clause 6: a person who may ends a wait by hand; anybody else is refused.
#[test]
fn a_person_may_end_a_wait() {
    let flow = |by: Assignee| {
        Flow::new()
            .task("desk", |task| task.by(role("clerk")).action("on", "pause"))
            .wait("pause", |wait| {
                wait.due(after(DAY), "over").by(by, "broken")
            })
            .end("over")
            .end("broken")
    };
    let rows = [
        (role("director"), "boss", "omid"),
        (last_of("desk", None), "omid", "neda"),
        (manager_of(last_of("desk", None)), "boss", "omid"),
        (manager_of(field("owner", role("clerk"))), "boss", "sara"),
        (field("owner", role("clerk")), "sara", "boss"),
    ];
    for (by, may, may_not) in rows {
        let shown = format!("{by:?}");
        let mut story = Story::with(
            &flow(by),
            fields([("owner", Value::User("sara".to_owned()))]),
        );
        story.ok(act("on", "omid"));
        assert_eq!(
            story.refused(end_wait(may_not)).code(),
            "not_allowed",
            "{shown}"
        );
        let step = story.ok(end_wait(may));
        assert_eq!(words(&step), ["cancel elapsed", "ended success"], "{shown}");
        assert_eq!(story.instance.last_actor["pause"], user(may), "{shown}");
    }
}

/// Clause 59: nobody can put an item in incident by asking for what is not theirs.
#[test]
fn asking_to_end_a_wait_of_nobody_is_refused() {
    let flow = Flow::new()
        .wait("pause", |wait| {
            wait.due(after(DAY), "over")
                .by(last_of("desk", None), "over")
        })
        .task("desk", |task| task.action("on", "over"))
        .end("over");
    let mut story = Story::new(&flow);
    let refused = story.refused(end_wait("boss"));
    assert_eq!(refused.code(), "not_allowed");
    assert!(
        refused.to_string().contains("nobody has acted there yet"),
        "{refused}"
    );
    story.fire("elapsed");
    assert_eq!(story.refused(end_wait("boss")).code(), "ended");
}

/// Clause 76: who may end a wait need not exist yet where something else can end it.
#[test]
fn a_wait_that_ends_otherwise_needs_nobody() {
    type Other = fn(WaitDraft) -> WaitDraft;
    let others: [Other; 4] = [
        |wait| wait.due(after(DAY), "over"),
        |wait| wait.event("called", "", "over"),
        |wait| wait.when("item.ok ?? false", "over"),
        |wait| wait.payment("make", [("paid", "over")]),
    ];
    for other in others {
        let flow = Flow::new()
            .event("called", 0)
            .wait("pause", |wait| {
                other(wait.by(last_of("desk", None), "over"))
            })
            .task("desk", |task| task.action("on", "over"))
            .link("make", [("success", "pause")])
            .end("over");
        let story = Story::new(&flow);
        assert_eq!((story.state(), story.incident()), ("pause", ""));
    }
}

/// Clause 13: the core says whose manager it would ask for, so that a host looks up no other.
#[test]
fn the_manager_asked_for_is_known() {
    let asked = |flow: &Flow| {
        let story = Story::with(flow, fields([("owner", Value::User("sara".to_owned()))]));
        manager_asked_for(&story.definition, &story.instance)
    };
    assert_eq!(asked(&desk(manager_of(just("omid")))), Some(user("omid")));
    assert_eq!(asked(&desk(just("omid"))), None);
    let wait = |by: Assignee| {
        let flow = Flow::new().wait("pause", |wait| wait.due(after(DAY), "over").by(by, "over"));
        flow.end("over")
    };
    assert_eq!(
        asked(&wait(manager_of(field("owner", role("clerk"))))),
        Some(user("sara"))
    );
    assert_eq!(asked(&wait(role("clerk"))), None);
    assert_eq!(asked(&Flow::new().end("over")), None);
}

/// Clause 5: the buttons a person sees, each with the reason where it is refused.
#[test]
fn buttons_come_with_their_reasons() {
    let flow = Flow::new()
        .task("desk", |task| {
            task.by(Assignee::Group("sales".to_owned()))
                .action("sign", "over")
                .confirm("Really?")
                .action("approve", "over")
                .role("director")
                .action("ship", "over")
                .when("item.n > 3")
                .action("refuse", "over")
                .require("note")
        })
        .end("over");
    let mut story = Story::with(&flow, fields([("n", num(1))]));
    let buttons = |story: &Story, actor: &str| {
        let context = story.context(&claim(actor));
        let actions = actions_for(&story.definition, &story.instance, &user(actor), &context);
        let code = |(name, refused): (String, Option<Rejection>)| {
            format!(
                "{name}: {}",
                refused.map_or("yes", |refused| refused.code())
            )
        };
        actions.into_iter().map(code).collect::<Vec<_>>().join(", ")
    };
    let omid = "sign: yes, approve: not_allowed, ship: guard_false, refuse: missing_fields";
    assert_eq!(buttons(&story, "omid"), omid);
    let neda = "sign: not_allowed, approve: not_allowed, ship: not_allowed, refuse: not_allowed";
    assert_eq!(buttons(&story, "neda"), neda);
    story.ok(hold("sara"));
    assert_eq!(
        buttons(&story, "omid"),
        "sign: held, approve: held, ship: held, refuse: held"
    );
    assert_eq!(buttons(&Story::new(&Flow::new().end("over")), "omid"), "");
    let blank = buttons(&Story::blank(&flow), "omid");
    assert!(blank.starts_with("sign: not_here"), "{blank}");
}

/// Clause 5: a person's word about a field wins over what an older input of theirs still carries.
#[test]
fn a_newer_value_wins_over_a_kept_action() {
    let flow = Flow::new()
        .task("desk", |task| {
            task.action("done", "over")
                .when("item.days > 0 && item.n > 3")
        })
        .end("over");
    let mut story = Story::new(&flow);
    story.ok(act_with(
        "done",
        "sara",
        fields([("n", num(1)), ("note", text("متن"))]),
    ));
    assert_eq!(story.incident(), "guard_failed");
    story.ok(changed([("n", num(4)), ("days", num(1))]));
    let step = story.ok(retry("admin"));
    assert_eq!(story.state(), "over");
    assert_eq!(words(&step), ["write note", "ended success"]);
    assert_eq!(story.field("n"), Some(&num(4)));
}

/// Clause 5: what an action fills in wins over older changes that could not be applied yet.
#[test]
fn an_action_wins_over_older_changes() {
    let flow = Flow::new()
        .event("called", 0)
        .task("desk", |task| {
            task.action("on", "over")
                .timeout(at_field("due", 0), "over")
        })
        .here_on("called", "", "item.n > 3", "over")
        .end("over");
    let mut story = Story::with(&flow, fields([("due", date("2026-04-01"))]));
    story.ok(crate::support::named("called"));
    story.ok(changed([("due", Value::Empty), ("days", num(1))]));
    assert_eq!(story.instance.deferred.len(), 1);
    story.ok(act_with(
        "on",
        "sara",
        fields([("due", date("2026-05-01"))]),
    ));
    assert_eq!(story.state(), "over");
    assert_eq!(story.field("due"), Some(&date("2026-05-01")));
    assert_eq!(story.field("days"), Some(&num(1)));
}
