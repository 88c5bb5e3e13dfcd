//! Records around the item: above it, below it, its payment links, its way through the workflow.

use std::cmp::Ordering;
use std::sync::Arc;

use rhai::FnPtr;
use values::Value;

use super::{Function, Kind, Look, Yields, number_at, text_at, whole, wrong};
use crate::facts::Record;
use crate::operator::{Operator, order};
use crate::sandbox::{Call, Fault};
use crate::slot::{Row, Rows, Slot};
use crate::types::Type;

macro_rules! related {
    ($name:literal, $signature:literal, $parameters:expr, $yields:expr, $look:ident, $run:expr) => {
        Function {
            name: $name,
            signature: $signature,
            parameters: $parameters,
            yields: $yields,
            looks_at: Look::$look,
            literal: false,
            run: $run,
        }
    };
}

macro_rules! of_records {
    ($name:literal, $signature:literal, [$($kind:ident),*], $yields:expr, $run:expr) => {
        related!($name, $signature, &[Kind::Records $(, Kind::$kind)*], $yields, Nothing, $run)
    };
}

pub(super) static FUNCTIONS: &[Function] = &[
    related!(
        "parent",
        "parent(entity)",
        &[Kind::Entity],
        Yields::Parent,
        Related,
        |call, slots| {
            let above = call.facts()?.parents.get(text_at(slots, 0)?);
            Ok(above.map_or(Slot::Value(Value::Empty), row))
        }
    ),
    related!(
        "children",
        "children(entity)",
        &[Kind::Entity],
        Yields::Children,
        Related,
        children
    ),
    related!(
        "field",
        "field(record, name)",
        &[Kind::Record, Kind::Key],
        Yields::Field,
        Nothing,
        |_, slots| {
            match slots.first() {
                Some(Slot::Row(row)) => Ok(Slot::Value(row.field(text_at(slots, 1)?))),
                _ => Err(wrong(slots)),
            }
        }
    ),
    related!(
        "link_of",
        "link_of(state)",
        &[Kind::LinkState],
        Yields::Link,
        Links,
        |call, slots| {
            let facts = call.facts()?;
            let link = facts.links.get(text_at(slots, 0)?);
            Ok(Slot::Row(link.map_or(Row::Absent, |link| {
                Row::Item(Arc::new(link.fields(&facts.zone)), None)
            })))
        }
    ),
    related!(
        "visits",
        "visits(state)",
        &[Kind::State],
        Yields::Type(Type::Number),
        Process,
        |call, slots| {
            let visits = call.facts()?.process.visits.get(text_at(slots, 0)?);
            Ok(Slot::number(visits.copied().unwrap_or(0)))
        }
    ),
    related!(
        "last_actor",
        "last_actor(state)",
        &[Kind::State],
        Yields::Maybe(Type::User),
        Process,
        |call, slots| {
            let actor = call.facts()?.process.last_actor.get(text_at(slots, 0)?);
            Ok(Slot::Value(actor.map_or(Value::Empty, |user| {
                Value::User(user.as_str().to_owned())
            })))
        }
    ),
    of_records!(
        "filter",
        "filter(records, test)",
        [Test],
        Yields::Same,
        filter
    ),
    of_records!(
        "any",
        "any(records, test)",
        [Test],
        Yields::Type(Type::Bool),
        |call, slots| { Ok(Slot::bool(matching(call, slots, true)?.is_some())) }
    ),
    of_records!(
        "all",
        "all(records, test)",
        [Test],
        Yields::Type(Type::Bool),
        |call, slots| { Ok(Slot::bool(matching(call, slots, false)?.is_none())) }
    ),
    of_records!(
        "order_by",
        "order_by(records, name)",
        [OrderKey],
        Yields::Same,
        |call, slots| { sorted(call, slots, false) }
    ),
    of_records!(
        "order_by_desc",
        "order_by_desc(records, name)",
        [OrderKey],
        Yields::Same,
        |call, slots| { sorted(call, slots, true) }
    ),
    of_records!(
        "nth",
        "nth(records, number)",
        [Number],
        Yields::Member,
        |_, slots| {
            let place = usize::try_from(whole(number_at(slots, 1)?)?).unwrap_or(0);
            if place == 0 {
                return Err(Fault::says("records count from 1"));
            }
            Ok(member(records(slots)?.0.get(place - 1)))
        }
    ),
    of_records!("first", "first(records)", [], Yields::Member, |_, slots| {
        Ok(member(records(slots)?.0.first()))
    }),
    of_records!("last", "last(records)", [], Yields::Member, |_, slots| {
        Ok(member(records(slots)?.0.last()))
    }),
    of_records!(
        "count",
        "count(records)",
        [],
        Yields::Type(Type::Number),
        |_, slots| { Ok(Slot::number(records(slots)?.0.len())) }
    ),
    related!(
        "count",
        "count(list)",
        &[Kind::List],
        Yields::Type(Type::Number),
        Nothing,
        |_, slots| {
            match slots {
                [Slot::Value(Value::List(members))] => Ok(Slot::number(members.len())),
                _ => Err(wrong(slots)),
            }
        }
    ),
    of_records!("sum", "sum(records, name)", [AmountKey], Yields::Field, sum),
    of_records!(
        "min",
        "min(records, name)",
        [OrderKey],
        Yields::Field,
        |call, slots| { extreme(call, slots, Ordering::Less) }
    ),
    of_records!(
        "max",
        "max(records, name)",
        [OrderKey],
        Yields::Field,
        |call, slots| { extreme(call, slots, Ordering::Greater) }
    ),
];

fn row(record: &Arc<Record>) -> Slot {
    Slot::Row(Row::Record(Arc::clone(record)))
}

fn member(found: Option<&Arc<Record>>) -> Slot {
    found.map_or(Slot::Value(Value::Empty), row)
}

fn records(slots: &[Slot]) -> Result<&Rows, Fault> {
    match slots.first() {
        Some(Slot::Rows(rows)) => Ok(rows),
        _ => Err(wrong(slots)),
    }
}

fn children(call: &Call<'_>, slots: &[Slot]) -> Result<Slot, Fault> {
    let below = call.facts()?.children.get(text_at(slots, 0)?);
    let below = below.cloned().unwrap_or_default();
    call.charge(below.len())?;
    Ok(Slot::Rows(Rows(Arc::new(below))))
}

fn test(slots: &[Slot]) -> Result<&FnPtr, Fault> {
    match slots.get(1) {
        Some(Slot::Test(test)) => Ok(test),
        _ => Err(wrong(slots)),
    }
}

fn filter(call: &Call<'_>, slots: &[Slot]) -> Result<Slot, Fault> {
    let (rows, test) = (records(slots)?, test(slots)?);
    let mut kept = Vec::new();
    for record in rows.0.iter() {
        if call.test(test, record)? {
            kept.push(Arc::clone(record));
        }
    }
    Ok(Slot::Rows(Rows(Arc::new(kept))))
}

/// The first record whose test gives the wanted answer.
fn matching(call: &Call<'_>, slots: &[Slot], wanted: bool) -> Result<Option<usize>, Fault> {
    let (rows, test) = (records(slots)?, test(slots)?);
    for (place, record) in rows.0.iter().enumerate() {
        if call.test(test, record)? == wanted {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// Keeps the host's order among equals; records without the value come last either way.
fn sorted(call: &Call<'_>, slots: &[Slot], descending: bool) -> Result<Slot, Fault> {
    let (rows, name) = (records(slots)?, text_at(slots, 1)?);
    call.charge(rows.0.len())?;
    let mut keyed: Vec<(Slot, &Arc<Record>)> = rows
        .0
        .iter()
        .map(|record| {
            (
                Slot::Value(Row::Record(Arc::clone(record)).field(name)),
                record,
            )
        })
        .collect();
    let mut fault = None;
    keyed.sort_by(|(a, _), (b, _)| match (a.is_empty(), b.is_empty()) {
        (false, false) => {
            let ordering = sort_order(a, b).unwrap_or_else(|found| {
                fault.get_or_insert(found);
                Ordering::Equal
            });
            if descending {
                ordering.reverse()
            } else {
                ordering
            }
        }
        (a_empty, b_empty) => a_empty.cmp(&b_empty),
    });
    match fault {
        Some(fault) => Err(fault),
        None => {
            let sorted = keyed
                .into_iter()
                .map(|(_, record)| Arc::clone(record))
                .collect();
            Ok(Slot::Rows(Rows(Arc::new(sorted))))
        }
    }
}

/// Texts have no `<`, but they can be listed.
fn sort_order(a: &Slot, b: &Slot) -> Result<Ordering, Fault> {
    match (a, b) {
        (
            Slot::Value(Value::Text(a) | Value::Choice(a)),
            Slot::Value(Value::Text(b) | Value::Choice(b)),
        ) => Ok(values::normalize_text(a).cmp(&values::normalize_text(b))),
        _ => order(a, b),
    }
}

/// The values of a field; a record without one is an error, because leaving it out would make a
/// total that looks complete.
fn column(call: &Call<'_>, slots: &[Slot]) -> Result<Vec<Slot>, Fault> {
    let (rows, name) = (records(slots)?, text_at(slots, 1)?);
    call.charge(rows.0.len())?;
    rows.0
        .iter()
        .map(|record| {
            let row = Row::Record(Arc::clone(record));
            match row.field(name) {
                Value::Empty => Err(Fault::EmptyField(format!("{name} of {}", row.label()))),
                value => Ok(Slot::Value(value)),
            }
        })
        .collect()
}

fn sum(call: &Call<'_>, slots: &[Slot]) -> Result<Slot, Fault> {
    let mut values = column(call, slots)?.into_iter();
    let Some(mut total) = values.next() else {
        return Ok(Slot::Value(Value::Empty));
    };
    for value in values {
        total = Operator::Add.run(&total, &value)?;
    }
    Ok(total)
}

fn extreme(call: &Call<'_>, slots: &[Slot], wanted: Ordering) -> Result<Slot, Fault> {
    let mut values = column(call, slots)?.into_iter();
    let Some(mut best) = values.next() else {
        return Ok(Slot::Value(Value::Empty));
    };
    for value in values {
        if order(&value, &best)? == wanted {
            best = value;
        }
    }
    Ok(best)
}
