//! Amounts.

use rust_decimal::Decimal;
use values::{Currency, Money, Value};

use super::{
    Function, Kind, Look, Yields, count, currency_at, money_at, number_at, rounding_at, text_at,
    wrong,
};
use crate::sandbox::Fault;
use crate::slot::Slot;
use crate::types::Type;

macro_rules! currency_literal {
    ($name:literal, $currency:expr, $kind:ident, $signature:literal) => {
        Function {
            name: $name,
            signature: $signature,
            parameters: &[Kind::$kind],
            yields: Yields::Type(Type::Money),
            looks_at: Look::Nothing,
            literal: true,
            run: |_, slots| amount(slots, $currency),
        }
    };
}

pub(super) static FUNCTIONS: &[Function] = &[
    currency_literal!("irr", Currency::Irr, Number, "irr(number)"),
    currency_literal!("irr", Currency::Irr, Text, "irr(text)"),
    currency_literal!("irt", Currency::Irt, Number, "irt(number)"),
    currency_literal!("irt", Currency::Irt, Text, "irt(text)"),
    currency_literal!("rub", Currency::Rub, Number, "rub(number)"),
    currency_literal!("rub", Currency::Rub, Text, "rub(text)"),
    currency_literal!("usd", Currency::Usd, Number, "usd(number)"),
    currency_literal!("usd", Currency::Usd, Text, "usd(text)"),
    currency_literal!("eur", Currency::Eur, Number, "eur(number)"),
    currency_literal!("eur", Currency::Eur, Text, "eur(text)"),
    Function {
        name: "money",
        signature: "money(number, currency)",
        parameters: &[Kind::Number, Kind::Currency],
        yields: Yields::Type(Type::Money),
        looks_at: Look::Nothing,
        literal: true,
        run: |_, slots| amount(slots, currency_at(slots, 1)?),
    },
    Function {
        name: "money",
        signature: "money(text, currency)",
        parameters: &[Kind::Text, Kind::Currency],
        yields: Yields::Type(Type::Money),
        looks_at: Look::Nothing,
        literal: true,
        run: |_, slots| amount(slots, currency_at(slots, 1)?),
    },
    Function {
        name: "convert",
        signature: "convert(money, currency)",
        parameters: &[Kind::Money, Kind::Currency],
        yields: Yields::Type(Type::Money),
        looks_at: Look::Nothing,
        literal: false,
        run: |_, slots| money(money_at(slots, 0)?.convert_to(currency_at(slots, 1)?)),
    },
    Function {
        name: "multiply",
        signature: "multiply(money, number, rounding)",
        parameters: &[Kind::Money, Kind::Number, Kind::Rounding],
        yields: Yields::Type(Type::Money),
        looks_at: Look::Nothing,
        literal: false,
        run: |_, slots| {
            money(money_at(slots, 0)?.round_mul(number_at(slots, 1)?, rounding_at(slots, 2)?))
        },
    },
    Function {
        name: "divide",
        signature: "divide(money, number, rounding)",
        parameters: &[Kind::Money, Kind::Number, Kind::Rounding],
        yields: Yields::Type(Type::Money),
        looks_at: Look::Nothing,
        literal: false,
        run: |_, slots| {
            let parts = count(number_at(slots, 1)?)?;
            money(money_at(slots, 0)?.divide(parts, rounding_at(slots, 2)?))
        },
    },
    Function {
        name: "part",
        signature: "part(money, count, index)",
        parameters: &[Kind::Money, Kind::Number, Kind::Number],
        yields: Yields::Type(Type::Money),
        looks_at: Look::Nothing,
        literal: false,
        run: |_, slots| part(slots),
    },
    Function {
        name: "amount",
        signature: "amount(money)",
        parameters: &[Kind::Money],
        yields: Yields::Type(Type::Number),
        looks_at: Look::Nothing,
        literal: false,
        run: |_, slots| Ok(Slot::number(money_at(slots, 0)?.amount())),
    },
    Function {
        name: "currency",
        signature: "currency(money)",
        parameters: &[Kind::Money],
        yields: Yields::Type(Type::Text),
        looks_at: Look::Nothing,
        literal: false,
        run: |_, slots| Ok(Slot::text(money_at(slots, 0)?.currency().code())),
    },
];

fn money(result: Result<Money, values::MoneyError>) -> Result<Slot, Fault> {
    result
        .map(|money| Slot::Value(Value::Money(money)))
        .map_err(Fault::failed)
}

/// An amount from a number, or from a text as people type numbers.
fn amount(slots: &[Slot], currency: Currency) -> Result<Slot, Fault> {
    let number = match slots.first() {
        Some(Slot::Value(Value::Number(number))) => *number,
        Some(_) => values::parse_number(text_at(slots, 0)?).map_err(Fault::failed)?,
        None => return Err(wrong(slots)),
    };
    money(Money::new(number, currency))
}

/// One of several parts that add up exactly; the last part takes what does not divide.
fn part(slots: &[Slot]) -> Result<Slot, Fault> {
    let whole = money_at(slots, 0)?;
    let parts = count(number_at(slots, 1)?)?;
    let index: Decimal = number_at(slots, 2)?;
    let place = count(index)?;
    if place < 1 || place > parts {
        return Err(Fault::says(format!(
            "there is no part {} of {parts}: parts count from 1",
            index.normalize()
        )));
    }
    let shares = whole.split(parts).map_err(Fault::failed)?;
    usize::try_from(place)
        .ok()
        .and_then(|place| shares.get(place - 1))
        .map(|share| Slot::Value(Value::Money(*share)))
        .ok_or_else(|| wrong(slots))
}
