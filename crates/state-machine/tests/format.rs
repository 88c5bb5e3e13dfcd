//! What an instance looks like on disk. A change here is a change of the format.

use std::path::Path;
use std::sync::Arc;

use chrono::TimeDelta;
use state_machine::{
    Assigned, DefinitionHash, End, Ended, Event, Held, Incident, IncidentClass, Instance,
    KeptEvent, Link, OpenActivity, OpenTask, Timer,
};
use values::{Fields, ItemRef, LinkId, Timestamp, Value};

use crate::support::{MORNING, Story, act_with, fields, irr, moment, named_with, num, text, user};

/// Compares with a golden file; `CHARKH_UPDATE_GOLDENS=1` writes it anew.
#[track_caller]
pub(crate) fn compare(path: &Path, found: &str) {
    #[allow(
        clippy::disallowed_methods,
        reason = "whoever runs the tests says so in the environment"
    )]
    let update = std::env::var("CHARKH_UPDATE_GOLDENS").is_ok();
    if update {
        std::fs::write(path, found).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, golden, "{} is another one", path.display());
}

fn golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/format")
        .join(name);
    compare(&path, found);
}

fn later(days: i64) -> Timestamp {
    moment(MORNING) + TimeDelta::days(days)
}

fn values() -> Fields {
    let date = Value::Date("2026-09-22".parse().unwrap());
    fields([
        ("amount", Value::Money(irr(1_500_000))),
        (
            "at",
            Value::Instant(moment("2026-04-01T10:00:00.123456789Z")),
        ),
        ("desk", Value::Position("accountant".to_owned())),
        ("due", date),
        ("n", Value::Number("12.50".parse().unwrap())),
        ("note", text("یادداشت")),
        ("ok", Value::Bool(true)),
        ("owner", Value::User("omid".to_owned())),
        ("receipt", Value::Receipt("sandbox-main-881".to_owned())),
        ("tags", Value::List(vec![text("الف"), text("ب")])),
        ("team", Value::Group("sales".to_owned())),
    ])
}

fn every_input() -> Vec<Event> {
    let story = Story::new(&crate::clauses::sale());
    let payment = story.payment_with_receipt("L1", "paid");
    let start = Event::Start {
        fields: fields([("n", num(1))]),
        party: Some("party-7".into()),
    };
    let hold = Event::Hold {
        actor: user("sara"),
        reason: "سفر".to_owned(),
        until: Some(later(9)),
    };
    let timer = Event::Timer {
        name: "elapsed".to_owned(),
        entry: 7,
        due: moment("2026-04-01T10:00:00.000000001Z"),
    };
    vec![
        start,
        act_with("approve", "sara", fields([("note", Value::Empty)])),
        crate::support::claim("omid"),
        crate::support::release("omid"),
        crate::support::end_wait("boss"),
        named_with("called", fields([("k", num(3))])),
        crate::support::changed([("ok", Value::Bool(false))]),
        timer,
        story.made("L1"),
        story.unknown(),
        payment,
        hold,
        crate::support::resume("sara"),
        crate::support::retry("admin"),
    ]
}

fn link() -> Link {
    Link {
        id: LinkId::from("invoice/1405-17/make/2"),
        state: "make".to_owned(),
        url: "https://pay.example/1".to_owned(),
        status: "paid".to_owned(),
        amount: irr(1_500_000),
        expires_at: later(2),
        paid_at: Some(later(1)),
        tracking_no: Some("۸۸۱۲".to_owned()),
    }
}

/// An instance with everything set, more than one could ever have at once.
fn everything() -> Instance {
    let item = ItemRef::new("invoice", "۱۴۰۵-۱۷").unwrap();
    let item = item.with_tenant("tehran").unwrap();
    let timer = |name: &str, days: i64| Timer {
        name: name.to_owned(),
        due: later(days),
    };
    Instance {
        item: Arc::new(item),
        definition: DefinitionHash::from_text("5f2c"),
        revision: 42,
        state: "review".to_owned(),
        entry: 7,
        entered_at: later(0),
        started_at: later(-3),
        stage: Some("won".to_owned()),
        fields: Arc::new(values()),
        party: Some("party-7".into()),
        task: Some(OpenTask {
            assigned: Assigned::Role("sales_manager".to_owned()),
            claimed_by: Some(user("sara")),
        }),
        activity: Some(OpenActivity {
            name: "create_payment_link".to_owned(),
            reference: "tehran:invoice/1405-17/make/2".to_owned(),
            parked: true,
        }),
        timers: vec![timer("reminder", 1), timer("timeout", 2)],
        visits: [("make".to_owned(), 2), ("review".to_owned(), 3)].into(),
        last_actor: [("review".to_owned(), user("sara"))].into(),
        links: vec![link()],
        to_undo: vec!["unmake".to_owned()],
        inbox: vec![KeptEvent {
            name: "called".to_owned(),
            payload: fields([("k", num(1))]),
            until: later(4),
        }],
        held: Some(Held {
            by: user("sara"),
            reason: "سفر".to_owned(),
            since: later(0),
            until: Some(later(9)),
        }),
        deferred: every_input(),
        incident: Some(Incident {
            class: IncidentClass::Livelock,
            code: "livelock".to_owned(),
            message: "more than 64 transitions without a rest".to_owned(),
            since: later(0),
            input: Some(Box::new(named_with("called", Fields::new()))),
        }),
        ended: Some(Ended {
            outcome: End::Cancelled,
            at: later(5),
        }),
    }
}

/// Clause 2: the disk format of an instance, every field of it.
#[test]
fn an_instance_is_written_as_before() {
    let instance = everything();
    let text = serde_json::to_string_pretty(&instance).unwrap() + "\n";
    golden("instance.v1.json", &text);
    let read: Instance = serde_json::from_str(&text).unwrap();
    assert_eq!(read, instance);
}

/// Clause 2: what is not there takes no room, and is read as not there.
#[test]
fn an_instance_without_anything_is_short() {
    let item = ItemRef::new("invoice", "1").unwrap();
    let hash = DefinitionHash::from_text("5f2c");
    let blank = Instance::blank(item, hash, "review", moment(MORNING));
    let text = serde_json::to_string(&blank).unwrap();
    let expected = r#"{"i":"invoice/1","d":"5f2c","r":0,"s":"review","e":0,"ea":"2026-03-18T05:30:00Z","sa":"2026-03-18T05:30:00Z"}"#;
    assert_eq!(text, expected);
    assert_eq!(serde_json::from_str::<Instance>(&text).unwrap(), blank);
}

/// Clause 2: every kind of owner and of incident has its word.
#[test]
fn owners_and_incidents_have_their_words() {
    let assigned = [
        (Assigned::User(user("a")), r#"{"u":"a"}"#),
        (Assigned::Group("a".to_owned()), r#"{"g":"a"}"#),
        (Assigned::Role("a".to_owned()), r#"{"r":"a"}"#),
        (Assigned::Position("a".to_owned()), r#"{"p":"a"}"#),
        (Assigned::ManagerOf(user("a")), r#"{"m":"a"}"#),
    ];
    for (assigned, text) in assigned {
        assert_eq!(serde_json::to_string(&assigned).unwrap(), text);
        assert_eq!(serde_json::from_str::<Assigned>(text).unwrap(), assigned);
    }
    let classes = [
        (IncidentClass::Definition, "\"definition\""),
        (IncidentClass::Livelock, "\"livelock\""),
        (IncidentClass::Unknown, "\"unknown\""),
    ];
    for (class, text) in classes {
        assert_eq!(serde_json::to_string(&class).unwrap(), text);
    }
}

/// Clause 75: moments keep their nanoseconds, numbers their digits.
#[test]
fn nothing_is_rounded_on_disk() {
    let mut instance = everything();
    for nanos in [0, 1, 1_000, 999_999_999, 120_000_000] {
        let due = moment(MORNING) + TimeDelta::nanoseconds(nanos);
        instance.timers[0].due = due;
        let number: Value = Value::Number("79228162514264337593543950335".parse().unwrap());
        instance.fields = Arc::new(fields([("n", number)]));
        let text = serde_json::to_string(&instance).unwrap();
        assert_eq!(
            serde_json::from_str::<Instance>(&text).unwrap(),
            instance,
            "{nanos}"
        );
    }
}

/// Clause 1: the canonical form of a definition, which hashes are made of.
#[test]
fn a_definition_is_written_as_before() {
    let definition = crate::clauses::sale().build();
    let model: serde_json::Value = serde_json::from_slice(definition.canonical()).unwrap();
    let text = serde_json::to_string_pretty(&model).unwrap();
    golden(
        "definition.v1.json",
        &format!("{}\n{text}\n", definition.hash()),
    );
}
