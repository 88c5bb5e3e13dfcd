//! A small way to write workflows, and a story that checks every step it takes.

pub(crate) mod flow;
pub(crate) mod story;

use std::collections::BTreeMap;

use state_machine::{Assignee, Event};
use values::{Currency, Fields, Money, Timestamp, UserId, Value};

pub(crate) use flow::Flow;
pub(crate) use story::Story;

/// The first moment of every story: 2026-03-18 09:00 in Tehran.
pub(crate) const MORNING: &str = "2026-03-18T05:30:00Z";

pub(crate) const HOUR: i64 = 3_600;
pub(crate) const DAY: i64 = 86_400;

pub(crate) fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn num(number: i64) -> Value {
    Value::Number(number.into())
}

pub(crate) fn irr(amount: i64) -> Money {
    Money::from_minor(amount.into(), Currency::Irr).unwrap()
}

pub(crate) fn rial(amount: i64) -> Value {
    Value::Money(irr(amount))
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

pub(crate) fn date(text: &str) -> Value {
    Value::Date(text.parse().unwrap())
}

pub(crate) fn fields<const N: usize>(fields: [(&str, Value); N]) -> Fields {
    fields.map(|(name, value)| (name.to_owned(), value)).into()
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::from(name)
}

pub(crate) fn role(name: &str) -> Assignee {
    Assignee::Role(name.to_owned())
}

pub(crate) fn act(name: &str, actor: &str) -> Event {
    act_with(name, actor, Fields::new())
}

pub(crate) fn act_with(name: &str, actor: &str, fields: Fields) -> Event {
    Event::Action {
        name: name.to_owned(),
        actor: user(actor),
        fields,
        confirmed: false,
    }
}

pub(crate) fn claim(actor: &str) -> Event {
    let actor = user(actor);
    Event::Claim { actor }
}

pub(crate) fn release(actor: &str) -> Event {
    let actor = user(actor);
    Event::Release { actor }
}

pub(crate) fn end_wait(actor: &str) -> Event {
    let actor = user(actor);
    Event::EndWait { actor }
}

pub(crate) fn named(name: &str) -> Event {
    named_with(name, Fields::new())
}

pub(crate) fn named_with(name: &str, payload: Fields) -> Event {
    let name = name.to_owned();
    Event::Named { name, payload }
}

pub(crate) fn changed<const N: usize>(new: [(&str, Value); N]) -> Event {
    let fields = fields(new);
    Event::Changed { fields }
}

pub(crate) fn hold(actor: &str) -> Event {
    Event::Hold {
        actor: user(actor),
        reason: "the customer is abroad".to_owned(),
        until: None,
    }
}

pub(crate) fn resume(actor: &str) -> Event {
    let actor = user(actor);
    Event::Resume { actor }
}

pub(crate) fn retry(actor: &str) -> Event {
    Event::Retry {
        actor: user(actor),
        reason: "mended".to_owned(),
    }
}

/// People of the stories, each with one role, group or position, as a directory would say it.
pub(crate) fn people() -> BTreeMap<&'static str, state_machine::Actor> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let person = |roles: &[&str], groups: &[&str], positions: &[&str]| state_machine::Actor {
        roles: words(roles),
        groups: words(groups),
        positions: words(positions),
        manages: Vec::new(),
    };
    let mut boss = person(&["director"], &[], &[]);
    boss.manages = vec![user("sara"), user("omid")];
    BTreeMap::from([
        ("sara", person(&["sales_manager"], &["sales"], &[])),
        ("omid", person(&["clerk"], &["sales"], &[])),
        ("neda", person(&["clerk"], &[], &["accountant"])),
        ("boss", boss),
        ("admin", person(&["admin"], &[], &[])),
    ])
}
