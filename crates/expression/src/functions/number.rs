//! Numbers, and the smaller and larger of two values.

use std::cmp::Ordering;

use rust_decimal::{Decimal, RoundingStrategy};
use values::Value;

use super::{Function, Kind, Look, Yields, count, money_at, number_at, text_at, wrong};
use crate::operator::order;
use crate::sandbox::Fault;
use crate::slot::Slot;
use crate::types::Type;

macro_rules! numeric {
    ($name:literal, $signature:literal, $parameters:expr, $run:expr) => {
        Function {
            name: $name,
            signature: $signature,
            parameters: $parameters,
            yields: Yields::Type(Type::Number),
            looks_at: Look::Nothing,
            literal: false,
            run: $run,
        }
    };
}

macro_rules! smaller_and_larger {
    ($($kind:ident $of:literal,)+) => {
        &[$(
            Function {
                name: "min",
                signature: concat!("min(", $of, ", ", $of, ")"),
                parameters: &[Kind::$kind, Kind::$kind],
                yields: Yields::Same,
                looks_at: Look::Nothing,
                literal: false,
                run: |_, slots| choose(slots, Ordering::Less),
            },
            Function {
                name: "max",
                signature: concat!("max(", $of, ", ", $of, ")"),
                parameters: &[Kind::$kind, Kind::$kind],
                yields: Yields::Same,
                looks_at: Look::Nothing,
                literal: false,
                run: |_, slots| choose(slots, Ordering::Greater),
            },
        )+]
    };
}

pub(super) static FUNCTIONS: &[Function] = &[
    numeric!(
        "round",
        "round(number, digits)",
        &[Kind::Number, Kind::Number],
        |_, slots| {
            let digits = count(number_at(slots, 1)?)?;
            let rounded = number_at(slots, 0)?
                .round_dp_with_strategy(digits.min(28), RoundingStrategy::MidpointAwayFromZero);
            Ok(Slot::number(rounded))
        }
    ),
    numeric!("round", "round(number)", &[Kind::Number], |_, slots| {
        let rounded =
            number_at(slots, 0)?.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
        Ok(Slot::number(rounded))
    }),
    numeric!("floor", "floor(number)", &[Kind::Number], |_, slots| {
        Ok(Slot::number(number_at(slots, 0)?.floor()))
    }),
    numeric!("ceil", "ceil(number)", &[Kind::Number], |_, slots| {
        Ok(Slot::number(number_at(slots, 0)?.ceil()))
    }),
    numeric!("abs", "abs(number)", &[Kind::Number], |_, slots| {
        Ok(Slot::number(number_at(slots, 0)?.abs()))
    }),
    Function {
        name: "abs",
        signature: "abs(money)",
        parameters: &[Kind::Money],
        yields: Yields::Type(Type::Money),
        looks_at: Look::Nothing,
        literal: false,
        run: |_, slots| {
            let money = money_at(slots, 0)?;
            let factor = if money.is_negative() {
                Decimal::NEGATIVE_ONE
            } else {
                Decimal::ONE
            };
            let money = money.checked_mul(factor).map_err(Fault::failed)?;
            Ok(Slot::Value(Value::Money(money)))
        },
    },
    Function {
        name: "number",
        signature: "number(text)",
        parameters: &[Kind::Text],
        yields: Yields::Type(Type::Number),
        looks_at: Look::Nothing,
        literal: true,
        run: |_, slots| {
            let number = values::parse_number(text_at(slots, 0)?).map_err(Fault::failed)?;
            Ok(Slot::number(number))
        },
    },
];

pub(super) static CHOICES: &[Function] = smaller_and_larger! {
    Number "number",
    Money "money",
    Date "date",
    Instant "instant",
};

fn choose(slots: &[Slot], wanted: Ordering) -> Result<Slot, Fault> {
    let [left, right] = slots else {
        return Err(wrong(slots));
    };
    let chosen = if order(left, right)? == wanted {
        left
    } else {
        right
    };
    Ok(chosen.clone())
}
