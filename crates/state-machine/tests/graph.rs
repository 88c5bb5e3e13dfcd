//! Workflows as graphs: what is never reached, what never ends, what never rests; and as pictures.

use std::collections::BTreeMap;
use std::path::Path;

use state_machine::graph::{
    IMMEDIATE_ACTIVITIES, cycles_without_rest, edges, unreachable, without_end,
};
use state_machine::{Assignee, Definition, End, dot, mermaid};
use values::{Label, Locale};

use crate::clauses::sale;
use crate::support::flow::after;
use crate::support::{DAY, Flow, named, role};

/// Clause 19: states that no way leads to.
#[test]
fn a_state_that_no_way_leads_to_is_found() {
    let flow = Flow::new()
        .task("desk", |task| task.action("done", "over"))
        .task("island", |task| {
            task.action("on", "bay").timeout(after(DAY), "over")
        })
        .task("bay", |task| task.action("back", "island"))
        .task("called", |task| task.action("done", "over"))
        .end("over")
        .end_as("nowhere", End::Failed);
    assert_eq!(unreachable(&flow.0), ["island", "bay", "called", "nowhere"]);
    let routed = flow.clone().on("paid", "", "", "called");
    assert_eq!(unreachable(&routed.0), ["island", "bay", "nowhere"]);
    let mut start = flow;
    start.0.initial = "missing".to_owned();
    assert_eq!(
        unreachable(&start.0).len(),
        6,
        "nothing is reached from nowhere"
    );
    assert_eq!(unreachable(&sale().0), Vec::<String>::new());
}

/// Clause 11: states from which no end can be reached.
#[test]
fn a_state_without_an_end_is_found() {
    let flow = Flow::new()
        .task("desk", |task| {
            task.action("done", "over").action("trap", "left")
        })
        .task("left", |task| task.action("on", "right"))
        .wait("right", |wait| wait.due(after(DAY), "left"))
        .end("over");
    assert_eq!(without_end(&flow.0), ["left", "right"]);
    let routed = flow.clone().on("paid", "", "", "over");
    assert_eq!(without_end(&routed.0), Vec::<String>::new());
    let mut endless = flow;
    endless.0.states.pop();
    assert_eq!(without_end(&endless.0), ["desk", "left", "right"]);
}

/// Clause 19: a cycle is told in its order, from its first state in the document.
#[test]
fn a_cycle_is_told_in_its_order() {
    let flow = Flow::new()
        .decision("d", [("item.ok", "over")], Some("b"))
        .decision("c", [], Some("d"))
        .activity("b", "set_fields", [("error", "over"), ("success", "a")])
        .activity("a", "set_stage", [("success", "c")])
        .end("over");
    assert_eq!(cycles_without_rest(&flow.0), [["d", "b", "a", "c", "d"]]);
}

/// Clause 19: a state that leads to itself, and two cycles of one workflow.
#[test]
fn every_cycle_is_told() {
    let flow = Flow::new()
        .decision("b", [("item.ok", "c")], Some("x"))
        .decision("c", [], Some("b"))
        .decision("x", [("item.ok", "x")], Some("over"))
        .end("over");
    assert_eq!(
        cycles_without_rest(&flow.0),
        [vec!["b", "c", "b"], vec!["x", "x"]]
    );
}

/// Clause 19: of two ways back the shorter one is told; with that mended, the other one is.
#[test]
fn the_shortest_way_back_is_told() {
    let flow = |short: &str| {
        Flow::new()
            .decision("a", [("item.ok", "b")], Some("over"))
            .decision("b", [("item.ok", "c")], Some(short))
            .decision("c", [], Some("a"))
            .end("over")
    };
    assert_eq!(cycles_without_rest(&flow("a").0), [["a", "b", "a"]]);
    let longer: Vec<Vec<String>> = cycles_without_rest(&flow("over").0);
    assert_eq!(longer, [["a", "b", "c", "a"]]);
}

/// Clause 19: a task, a wait, an activity that reaches outside, and an event are each a rest.
#[test]
fn a_rest_breaks_the_cycle() {
    let round = |flow: Flow| {
        let flow = flow
            .decision("a", [("item.ok", "over")], Some("b"))
            .end("over");
        cycles_without_rest(&flow.0).len()
    };
    let new = Flow::new;
    assert_eq!(round(new().task("b", |task| task.action("on", "a"))), 0);
    assert_eq!(round(new().wait("b", |wait| wait.due(after(DAY), "a"))), 0);
    let through = |name: &str| round(new().activity("b", name, [("success", "a")]));
    assert_eq!(["call_service", "create_payment_link"].map(through), [0, 0]);
    assert_eq!(
        IMMEDIATE_ACTIVITIES.map(through),
        IMMEDIATE_ACTIVITIES.map(|_| 1)
    );
    let waits_for_an_event = new().activity("b", "set_fields", [("success", "over")]);
    assert_eq!(round(waits_for_an_event.here_on("paid", "", "", "a")), 0);
}

/// Clause 13: every edge has its name and its state; shared ones start in each state but the ends.
#[test]
fn edges_have_their_names() {
    let flow = Flow::new()
        .on("paid", "make", "", "over")
        .task("desk", |task| {
            task.action("on", "look").timeout(after(DAY), "over")
        })
        .here_on("called", "", "", "over")
        .decision("look", [("item.ok", "make")], Some("pause"))
        .link("make", [("error", "desk"), ("success", "pause")])
        .wait("pause", |wait| {
            wait.payment("make", [("expired", "desk")])
                .by(role("clerk"), "over")
        })
        .end("over");
    let edge = |edge: &state_machine::graph::Edge| {
        let mark = if edge.shared { "*" } else { "" };
        format!("{} {}{mark} {}", edge.from, edge.label, edge.to)
    };
    let found: Vec<String> = edges(&flow.0).iter().map(edge).collect();
    let expected = [
        "desk on look",
        "desk timeout over",
        "desk called over",
        "look item.ok make",
        "look otherwise pause",
        "make error desk",
        "make success pause",
        "pause ended over",
        "pause expired desk",
        "desk paid* over",
        "look paid* over",
        "make paid* over",
        "pause paid* over",
    ];
    assert_eq!(found, expected);
}

/// Clause 1: a model that is no definition is refused with everything that is wrong with it.
#[test]
fn everything_wrong_is_reported_at_once() {
    let nested = Assignee::ManagerOf(Box::new(Assignee::ManagerOf(Box::new(role("clerk")))));
    let last = Assignee::LastResponsible {
        state: "missing".to_owned(),
        fallback: None,
    };
    let mut flow = Flow::new()
        .event("expired", DAY)
        .on("paid", "", "", "missing")
        .task("desk", |task| task.by(nested).action("done", "lost"))
        .task("desk", |task| task.by(last).action("done", "over"))
        .task("shut", |task| task)
        .link("make", [])
        .wait("ever", |wait| wait)
        .end("over");
    flow.0.initial = "begin".to_owned();
    let expected = [
        "states: state `desk` is declared twice",
        "initial: no state `begin`",
        "states.desk: `done` leads to no state `lost`",
        "on: `paid` leads to no state `missing`",
        "events: `expired` is what payment links report",
        "states.desk: the manager of a manager is not looked up",
        "states.desk: nobody acts in `missing`: no such state",
        "states.shut: nothing can end this state",
        "states.make: nothing can end this state",
        "states.ever: nothing can end this state",
    ];
    assert_eq!(flow.problems(), expected);
}

fn labelled() -> Flow {
    let mut flow = sale();
    let labels = [
        ("review", "بررسی مدیر فروش"),
        ("make", "ساخت لینک پرداخت"),
        // A joiner between the letters, which Persian needs.
        ("await", "در انتظار پرداخت می\u{200c}ماند"),
        ("won", "پرداخت شد"),
    ];
    for (id, fa) in labels {
        let state = flow
            .0
            .states
            .iter_mut()
            .find(|state| state.id == id)
            .unwrap();
        let texts = BTreeMap::from([(Locale::En, id.to_uppercase()), (Locale::Fa, fa.to_owned())]);
        state.label = Some(Label::new(texts).unwrap());
    }
    flow
}

/// Labels and guards that try to be more than text.
fn hostile() -> Flow {
    let mut flow = Flow::new()
        .decision(
            "a",
            [("item.note == \"\\\\\" /* --> s9 */ ||\n item.n < 3", "b")],
            Some("b"),
        )
        .end("b")
        .on("paid_late", "", "", "b");
    flow.0.workflow = "x\"] }\ndigraph \\".to_owned();
    let labels = [
        "\"; s0 --> s9 : x\nend #quot; %% <img src=x onerror=alert(1)> \\",
        "\u{202e}esrever\u{2066} \\\" [label=\"x\"]; \0\t",
    ];
    for (state, label) in flow.0.states.iter_mut().zip(labels) {
        state.label = Some(Label::plain(label));
    }
    flow
}

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/format")
        .join(name);
    crate::format::compare(&path, text);
}

/// Clause 71: the pictures are what they were, in the reader's language.
#[test]
fn pictures_are_drawn_as_before() {
    let flow = labelled();
    golden("sale.fa.mmd", &mermaid(&flow.0, Locale::Fa));
    golden("sale.en.mmd", &mermaid(&flow.0, Locale::En));
    golden("sale.fa.dot", &dot(&flow.0, Locale::Fa));
    golden("hostile.mmd", &mermaid(&hostile().0, Locale::En));
    golden("hostile.dot", &dot(&hostile().0, Locale::En));
}

/// Clause 71: a label stays a label: no line of a picture is broken, opened or closed by one.
#[test]
fn no_label_breaks_out_of_its_picture() {
    let text = mermaid(&hostile().0, Locale::En);
    // Two states and "any state", the start, two branches, the shared route, the end, the head.
    assert_eq!(text.lines().count(), 9, "{text}");
    assert!(!text.contains('<') && !text.contains('\u{202e}'), "{text}");
    for line in text.lines().skip(1) {
        assert_eq!(line.matches('"').count() % 2, 0, "{line}");
        assert!(line.matches(" : ").count() <= 1, "{line}");
    }
    let text = dot(&hostile().0, Locale::En);
    assert_eq!(text.lines().count(), 9, "{text}");
    for line in text.lines() {
        // A quote inside a text has an odd number of backslashes before it.
        let mut open = false;
        let mut escaped = false;
        for c in line.chars() {
            open ^= c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
        }
        assert!(!open, "{line}");
    }
}

/// Clause 71: a workflow that cannot be built can be drawn all the same.
#[test]
fn a_broken_workflow_is_drawn() {
    let flow = Flow::new().task("desk", |task| task.action("on", "missing"));
    assert!(Definition::build(flow.0.clone()).is_err());
    assert!(!mermaid(&flow.0, Locale::Ru).contains("missing"));
    assert!(dot(&flow.0, Locale::Ru).contains("missing"));
    let nothing = Flow::new();
    assert_eq!(mermaid(&nothing.0, Locale::En), "stateDiagram-v2\n");
    let event = format!("{:?}", named("called"));
    assert!(event.starts_with("Named"));
}
