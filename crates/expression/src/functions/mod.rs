//! The functions of the language. This list is the only one: the checker, the sandbox and the
//! reference in `docs/expressions.md` all follow it.

mod money;
mod number;
mod record;
mod text;
mod time;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use values::{Currency, Rounding, Value};

use crate::sandbox::{Call, Fault};
use crate::slot::Slot;
use crate::types::Type;

pub(crate) use time::is_writable;

/// A function of the language.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// How the reference writes it.
    pub(crate) signature: &'static str,
    pub(crate) parameters: &'static [Kind],
    pub(crate) yields: Yields,
    /// What it looks at besides its arguments.
    pub(crate) looks_at: Look,
    /// Whether a call with nothing but literals is made once when the expression compiles, so that
    /// `jalali("1403/13/01")` is refused there.
    pub(crate) literal: bool,
    pub(crate) run: fn(&Call<'_>, &[Slot]) -> Result<Slot, Fault>,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any value, and nothing as well.
    Anything,
    /// Any value.
    Value,
    Number,
    Money,
    Text,
    Date,
    Instant,
    List,
    /// Something that the list in front may hold.
    Member,
    Record,
    Records,
    /// A test of one record, `|c| …`.
    Test,
    /// The name of a field of the record in front.
    Key,
    /// The name of a field that holds numbers or money.
    AmountKey,
    /// The name of a field whose values have an order.
    OrderKey,
    /// A related entity.
    Entity,
    /// A state of the workflow.
    State,
    /// A state that makes a payment link.
    LinkState,
    Currency,
    Rounding,
    Calendar,
}

/// What a call yields.
#[derive(Debug, Clone)]
pub(crate) enum Yields {
    Type(Type),
    Maybe(Type),
    /// The type of the first argument.
    Same,
    /// A record of the kind in front, or nothing.
    Member,
    /// The type of the field that the argument names; nothing if there is no record.
    Field,
    /// The record of the entity that the argument names.
    Parent,
    /// The records of the entity that the argument names.
    Children,
    /// A payment link.
    Link,
}

/// What a function looks at besides its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Nothing,
    Clock,
    Zone,
    Links,
    Process,
    Related,
}

/// The words a rounding argument may be.
pub(crate) const ROUNDINGS: [(&str, Rounding); 4] = [
    ("down", Rounding::Down),
    ("up", Rounding::Up),
    ("half_up", Rounding::HalfUp),
    ("half_even", Rounding::HalfEven),
];

/// The words a calendar argument may be.
pub(crate) const CALENDARS: [&str; 2] = ["jalali", "gregorian"];

/// Every function, by topic.
pub(crate) fn all() -> impl Iterator<Item = &'static Function> {
    record::FUNCTIONS
        .iter()
        .chain(money::FUNCTIONS)
        .chain(number::FUNCTIONS)
        .chain(number::CHOICES)
        .chain(text::FUNCTIONS)
        .chain(time::FUNCTIONS)
}

/// The functions of one name; they differ in what they take.
pub(crate) fn named(name: &str) -> Vec<&'static Function> {
    all().filter(|function| function.name == name).collect()
}

impl Kind {
    /// Whether a value may be given here at run time.
    pub(crate) fn takes(self, slot: &Slot) -> bool {
        match (self, slot) {
            (Self::Anything, _) => true,
            (_, Slot::Value(Value::Empty)) => false,
            (Self::Value | Self::Member, Slot::Value(_) | Slot::Duration(_))
            | (Self::Number, Slot::Value(Value::Number(_)))
            | (Self::Money, Slot::Value(Value::Money(_)))
            | (Self::Date, Slot::Value(Value::Date(_)))
            | (Self::Instant, Slot::Value(Value::Instant(_)))
            | (Self::List, Slot::Value(Value::List(_)))
            | (Self::Record, Slot::Row(_))
            | (Self::Records, Slot::Rows(_))
            | (Self::Test, Slot::Test(_)) => true,
            (
                Self::Text
                | Self::Key
                | Self::AmountKey
                | Self::OrderKey
                | Self::Entity
                | Self::State
                | Self::LinkState
                | Self::Currency
                | Self::Rounding
                | Self::Calendar,
                Slot::Value(Value::Text(_) | Value::Choice(_)),
            ) => true,
            _ => false,
        }
    }

    /// What the parameter takes, for messages.
    pub(crate) fn wants(self) -> &'static str {
        match self {
            Self::Anything | Self::Value => "a value",
            Self::Number => "a number",
            Self::Money => "an amount of money",
            Self::Text => "a text",
            Self::Date => "a date",
            Self::Instant => "an instant",
            Self::List => "a list",
            Self::Member => "a member of the list",
            Self::Record => "a record",
            Self::Records => "records such as children(\"…\")",
            Self::Test => "a test such as |c| c.amount > irr(0)",
            Self::Key => "the name of a field",
            Self::AmountKey => "the name of a field with numbers or money",
            Self::OrderKey => "the name of a field that has an order",
            Self::Entity => "the name of a related item",
            Self::State => "the name of a state",
            Self::LinkState => "the name of a state that makes a payment link",
            Self::Currency => "a currency such as \"IRR\"",
            Self::Rounding => "\"down\", \"up\", \"half_up\" or \"half_even\"",
            Self::Calendar => "\"jalali\" or \"gregorian\"",
        }
    }

    /// Whether the argument must be written out as a text.
    pub(crate) fn is_name(self) -> bool {
        matches!(
            self,
            Self::Key
                | Self::AmountKey
                | Self::OrderKey
                | Self::Entity
                | Self::State
                | Self::LinkState
                | Self::Currency
                | Self::Rounding
                | Self::Calendar
        )
    }
}

// The arguments have been matched with the kinds before a function runs, so a wrong one can only
// mean a mistake in the list above; it is an error all the same.

fn wrong(slots: &[Slot]) -> Fault {
    let kinds: Vec<&str> = slots.iter().map(Slot::kind).collect();
    Fault::says(format!("the function does not take {}", kinds.join(", ")))
}

fn text_at(slots: &[Slot], place: usize) -> Result<&str, Fault> {
    match slots.get(place) {
        Some(Slot::Value(Value::Text(text) | Value::Choice(text))) => Ok(text),
        _ => Err(wrong(slots)),
    }
}

fn number_at(slots: &[Slot], place: usize) -> Result<Decimal, Fault> {
    match slots.get(place) {
        Some(Slot::Value(Value::Number(number))) => Ok(*number),
        _ => Err(wrong(slots)),
    }
}

fn money_at(slots: &[Slot], place: usize) -> Result<values::Money, Fault> {
    match slots.get(place) {
        Some(Slot::Value(Value::Money(money))) => Ok(*money),
        _ => Err(wrong(slots)),
    }
}

fn date_at(slots: &[Slot], place: usize) -> Result<values::Date, Fault> {
    match slots.get(place) {
        Some(Slot::Value(Value::Date(date))) => Ok(*date),
        _ => Err(wrong(slots)),
    }
}

fn instant_at(slots: &[Slot], place: usize) -> Result<values::Timestamp, Fault> {
    match slots.get(place) {
        Some(Slot::Value(Value::Instant(at))) => Ok(*at),
        _ => Err(wrong(slots)),
    }
}

fn currency_at(slots: &[Slot], place: usize) -> Result<Currency, Fault> {
    text_at(slots, place)?.parse().map_err(Fault::failed)
}

fn rounding_at(slots: &[Slot], place: usize) -> Result<Rounding, Fault> {
    let word = text_at(slots, place)?;
    ROUNDINGS
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, rounding)| *rounding)
        .ok_or_else(|| Fault::says(format!("`{word}` is not a way to round")))
}

/// A number without a fraction.
pub(crate) fn whole(number: Decimal) -> Result<i64, Fault> {
    if !number.fract().is_zero() {
        return Err(Fault::says(format!(
            "a whole number is expected, not {}",
            number.normalize()
        )));
    }
    number
        .to_i64()
        .ok_or_else(|| Fault::says("the number is too large"))
}

fn count(number: Decimal) -> Result<u32, Fault> {
    u32::try_from(whole(number)?)
        .map_err(|_| Fault::says(format!("{} cannot be counted with", number.normalize())))
}
