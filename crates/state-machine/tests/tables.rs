//! Tables in plain text: where the item rests, what comes, what is known, where it rests then, and
//! what must happen because of it.

use state_machine::{Assignee, Event};
use values::{Fields, Value};

use crate::clauses::sale;
use crate::support::flow::after;
use crate::support::story::words;
use crate::support::{
    DAY, Flow, HOUR, Story, act, act_with, changed, claim, date, end_wait, fields, hold,
    named_with, num, release, resume, retry, rial, role, text,
};

/// Runs a table over one workflow. Each row stands for itself: the way to its state is walked first.
fn run(flow: &Flow, way: fn(&mut Story, &str), table: &str) {
    let mut rows = table.lines().filter(|line| line.contains('|'));
    let header: Vec<&str> = rows.next().unwrap().split('|').map(str::trim).collect();
    assert_eq!(header, ["state", "event", "facts", "then", "effects"]);
    let mut seen = 0;
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [state, event, facts, then, effects] = cells[..] else {
            panic!("a row has five cells: {row}")
        };
        let mut story = Story::blank(flow);
        for fact in facts.split_whitespace() {
            let (name, value) = fact.split_once('=').unwrap();
            story.instance.fields = std::sync::Arc::new({
                let mut all = story.instance.fields.as_ref().clone();
                all.insert(name.to_owned(), value_of(name, value));
                all
            });
        }
        story.ok(Event::Start {
            fields: Fields::new(),
            party: None,
        });
        way(&mut story, state);
        assert_eq!(story.state(), state, "the way to: {row}");
        let (found, done) = match story.send(event_of(&story, event)) {
            Ok(step) => (where_it_is(&story), words(&step).join(", ")),
            Err(rejection) => (format!("refused {}", rejection.code()), String::new()),
        };
        assert_eq!((found.as_str(), done.as_str()), (then, effects), "{row}");
        seen += 1;
    }
    assert!(seen > 0);
}

fn where_it_is(story: &Story) -> String {
    match (story.incident(), &story.instance.held) {
        ("", None) => story.state().to_owned(),
        ("", Some(_)) => format!("{} held", story.state()),
        (code, _) => format!("{} {code}", story.state()),
    }
}

fn value_of(name: &str, value: &str) -> Value {
    match name {
        "amount" => rial(value.parse().unwrap()),
        "n" | "days" | "k" => num(value.parse().unwrap()),
        "ok" => Value::Bool(value == "yes"),
        "due" => date(value),
        "owner" => Value::User(value.to_owned()),
        _ => text(value),
    }
}

/// `act approve sara note=x`, `timer timeout`, `finished error`, `payment L1 paid`, `event called k=1`.
fn event_of(story: &Story, line: &str) -> Event {
    let mut parts = line.split_whitespace();
    let kind = parts.next().unwrap();
    let rest: Vec<&str> = parts.collect();
    let given: Fields = rest
        .iter()
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name.to_owned(), value_of(name, value)))
        .collect();
    match (kind, rest.as_slice()) {
        ("act", [name, actor, ..]) => act_with(name, actor, given),
        ("claim", [actor]) => claim(actor),
        ("release", [actor]) => release(actor),
        ("end", [actor]) => end_wait(actor),
        ("hold", [actor]) => hold(actor),
        ("resume", [actor]) => resume(actor),
        ("retry", [actor]) => retry(actor),
        ("timer", [name]) => story.timer(name),
        ("finished", [outcome]) => story.finished(outcome),
        ("made", [link]) => story.made(link),
        ("unknown", []) => story.unknown(),
        ("payment", [link, outcome]) => story.payment(link, outcome),
        ("event", [name, ..]) => named_with(name, given),
        ("changed", _) => Event::Changed { fields: given },
        _ => panic!("no event: {line}"),
    }
}

fn to_nowhere(_: &mut Story, _: &str) {}

/// Clause 5: a task with everything it can have.
#[test]
fn a_task_row_by_row() {
    let flow = Flow::new()
        .event("called", DAY)
        .task("desk", |task| {
            task.by(Assignee::Group("sales".to_owned()))
                .remind(HOUR)
                .critical(DAY)
                .timeout(after(5 * DAY), "late")
                .action("approve", "done")
                .when("item.amount > irr(0)")
                .role("sales_manager")
                .action("reject", "refused")
                .require("note")
                .action("wipe", "refused")
                .confirm("Wipe it?")
        })
        .here_on("called", "", "event.k > 1", "done")
        .task("late", |task| {
            task.by(role("director")).action("approve", "done")
        })
        .end("done")
        .end_as("refused", state_machine::End::Failed);
    #[rustfmt::skip]
    run(&flow, to_nowhere, "
        state | event                          | facts    | then                       | effects
        desk  | act approve sara               | amount=5 | done                       | cancel reminder, cancel critical, cancel critical_again, cancel timeout, ended success
        desk  | act approve sara amount=5      |          | done                       | write amount, cancel reminder, cancel critical, cancel critical_again, cancel timeout, ended success
        desk  | act approve sara               | amount=0 | refused guard_false        |
        desk  | act approve sara               |          | desk guard_failed          |
        desk  | act approve omid               | amount=5 | refused not_allowed        |
        desk  | act approve neda               | amount=5 | refused not_allowed        |
        desk  | act reject omid                |          | refused missing_fields     |
        desk  | act reject omid note=گران      |          | refused                    | write note, cancel reminder, cancel critical, cancel critical_again, cancel timeout, ended failed
        desk  | act reject omid                | note=گران | refused                   | cancel reminder, cancel critical, cancel critical_again, cancel timeout, ended failed
        desk  | act wipe omid                  |          | refused needs_confirmation |
        desk  | act vanish omid                |          | refused unknown_action     |
        desk  | claim omid                     |          | desk                       |
        desk  | claim neda                     |          | refused not_allowed        |
        desk  | release omid                   |          | refused not_here           |
        desk  | timer reminder                 |          | desk                       | cancel reminder, reminder to group sales
        desk  | timer critical                 |          | desk                       | cancel critical, critical to group sales
        desk  | timer critical_again           |          | desk                       | cancel critical_again, critical_again to group sales
        desk  | timer timeout                  |          | late                       | cancel timeout, cancel reminder, cancel critical, cancel critical_again, assigned to role director
        desk  | event called k=2               |          | done                       | cancel reminder, cancel critical, cancel critical_again, cancel timeout, ended success
        desk  | event called k=1               |          | desk                       |
        desk  | event called                   |          | desk guard_failed          |
        desk  | event knocked                  |          | refused unknown_event      |
        desk  | changed n=1                    |          | desk                       |
        desk  | changed vanished=1             |          | refused bad_field          |
        desk  | finished success               |          | refused stale              |
        desk  | unknown                        |          | refused stale              |
        desk  | end omid                       |          | refused not_here           |
        desk  | hold omid                      |          | desk held                  |
        desk  | resume omid                    |          | refused nothing_to_do      |
        desk  | retry omid                     |          | refused nothing_to_do      |
        desk  | payment L1 paid                |          | desk                       |
    ");
}

/// Clause 7: an activity with a link, and the wait behind it.
#[test]
fn a_link_row_by_row() {
    fn way(story: &mut Story, state: &str) {
        story.ok(act("approve", "sara"));
        if matches!(state, "await" | "thank" | "won") {
            story.ok(story.made("L1"));
        }
        if matches!(state, "thank" | "won") {
            story.ok(story.payment("L1", "paid"));
        }
        if state == "won" {
            story.ok(story.finished("success"));
        }
    }
    let flow = sale();
    #[rustfmt::skip]
    run(&flow, way, "
        state | event                     | facts    | then                    | effects
        make  | made L1                   | amount=5 | await                   | close 2
        make  | finished error            | amount=5 | review                  | close 2, assigned to role sales_manager, set timeout
        make  | finished vanished         | amount=5 | make no_route           |
        make  | unknown                   | amount=5 | make timeout_after_send |
        make  | act approve sara          | amount=5 | refused not_here        |
        make  | claim sara                | amount=5 | refused not_here        |
        make  | changed amount=7          | amount=5 | make                    |
        make  | event called              | amount=5 | make                    |
        make  | payment L0 paid_late      | amount=5 | thank                   | close 2, open thank
        make  | payment L0 expired        | amount=5 | make                    |
        await | payment L1 viewed         | amount=5 | await                   |
        await | payment L1 paid           | amount=5 | thank                   | open thank
        await | payment L1 paid_late      | amount=5 | thank                   | open thank
        await | payment L1 expired        | amount=5 | review                  | assigned to role sales_manager, set timeout
        await | payment L1 cancelled      | amount=5 | await                   |
        await | payment L0 paid           | amount=5 | thank                   | open thank
        await | payment L0 expired        | amount=5 | await                   |
        await | finished success          | amount=5 | refused stale           |
        await | end sara                  | amount=5 | refused not_here        |
        thank | finished success          | amount=5 | won                     | close 4, ended success
        thank | payment L1 paid           | amount=5 | thank                   |
        thank | payment L1 expired        | amount=5 | thank                   |
        won   | payment L1 paid           | amount=5 | won                     |
        won   | act approve sara          | amount=5 | refused ended           |
        won   | hold sara                 | amount=5 | refused ended           |
        won   | event called              | amount=5 | won                     |
        won   | changed n=1               | amount=5 | won                     |
        won   | finished success          | amount=5 | refused stale           |
    ");
}

/// Clause 6: a wait with everything it can have but a payment.
#[test]
fn a_wait_row_by_row() {
    let flow = Flow::new()
        .event("called", 0)
        .wait("pause", |wait| {
            wait.due(after(DAY), "late")
                .event("called", "event.k > item.n", "heard")
                .when("item.ok && item.n > 5", "ticked")
                .by(role("director"), "broken")
        })
        .end("late")
        .end("heard")
        .end("ticked")
        .end("broken");
    #[rustfmt::skip]
    run(&flow, to_nowhere, "
        state | event              | facts       | then                | effects
        pause | timer elapsed      | n=1 ok=no   | late                | cancel elapsed, ended success
        pause | event called k=2   | n=1 ok=no   | heard               | cancel elapsed, ended success
        pause | event called k=1   | n=1 ok=no   | pause               |
        pause | event called       | n=1 ok=no   | pause guard_failed  |
        pause | event called k=x   | n=1 ok=no   | refused bad_field   |
        pause | changed n=6        | n=1 ok=no   | pause               |
        pause | changed ok=yes     | n=1 ok=no   | pause               |
        pause | changed ok=yes     | n=6 ok=no   | ticked              | cancel elapsed, ended success
        pause | changed n=6 ok=yes | n=1 ok=no   | ticked              | cancel elapsed, ended success
        pause | end boss           | n=1 ok=no   | broken              | cancel elapsed, ended success
        pause | end omid           | n=1 ok=no   | refused not_allowed |
        pause | act end boss       | n=1 ok=no   | refused not_here    |
        pause | hold omid          | n=1 ok=no   | pause held          |
        ticked | changed n=1       | n=6 ok=yes  | ticked              |
    ".replace("event called k=x", "event called note=x").as_str());
    let mut story = Story::with(&flow, fields([("ok", Value::Bool(false))]));
    assert!(story.ok(changed([("note", text("x"))])).trace.is_empty());
}
