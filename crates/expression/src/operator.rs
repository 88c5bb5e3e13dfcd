//! The operators: which types each takes, and what it does with their values.

use std::cmp::Ordering;

use rust_decimal::Decimal;
use values::{MoneyError, Value};

use crate::functions::{is_writable, whole};
use crate::sandbox::Fault;
use crate::slot::Slot;
use crate::types::Type;

/// An operator between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Why an operator cannot stand between two types.
#[derive(Debug, Default)]
pub(crate) struct Mismatch {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Operator {
    pub(crate) const ALL: [Self; 11] = [
        Self::Equal,
        Self::NotEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Divide,
        Self::Remainder,
    ];

    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }

    pub(crate) fn from_symbol(symbol: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operator| operator.symbol() == symbol)
    }

    pub(crate) fn tests_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual)
    }

    fn compares(self) -> bool {
        !matches!(
            self,
            Self::Add | Self::Subtract | Self::Multiply | Self::Divide | Self::Remainder
        )
    }

    /// The type of the result. A literal zero may be compared with money; the caller says which
    /// operand is one.
    pub(crate) fn result(self, left: &Type, right: &Type, zero: Zero) -> Result<Type, Mismatch> {
        let (a, b) = (left.required(), right.required());
        if matches!(a, Type::Unknown) || matches!(b, Type::Unknown) {
            return Ok(if self.compares() {
                Type::Bool
            } else {
                Type::Unknown
            });
        }
        if self.tests_equality() && (matches!(a, Type::Unit) || matches!(b, Type::Unit)) {
            return Ok(Type::Bool);
        }
        if self.compares() {
            let zero_money = matches!(
                (a, b, zero),
                (Type::Money, Type::Number, Zero::Right) | (Type::Number, Type::Money, Zero::Left)
            );
            let fits = if self.tests_equality() {
                equal_types(a, b)
            } else {
                ordered_types(a, b)
            };
            return if fits || zero_money {
                Ok(Type::Bool)
            } else {
                Err(self.mismatch(a, b))
            };
        }
        self.arithmetic_result(a, b)
            .ok_or_else(|| self.mismatch(a, b))
    }

    fn arithmetic_result(self, a: &Type, b: &Type) -> Option<Type> {
        use Type::{Date, Duration, Instant, Money, Number, Text};
        match (self, a, b) {
            (_, Number, Number) => Some(Number),
            (Self::Add | Self::Subtract, Money, Money) => Some(Money),
            (Self::Add, a, b) if a.is_text() && b.is_text() => Some(Text),
            (Self::Add | Self::Subtract, Date, Duration) => Some(Date),
            (Self::Add | Self::Subtract, Instant, Duration) => Some(Instant),
            (Self::Add | Self::Subtract, Duration, Duration) => Some(Duration),
            (Self::Multiply, Money, Number) | (Self::Multiply, Number, Money) => Some(Money),
            (Self::Multiply, Duration, Number) => Some(Duration),
            _ => None,
        }
    }

    fn mismatch(self, a: &Type, b: &Type) -> Mismatch {
        let symbol = self.symbol();
        let message = if self.compares() {
            if a == b {
                format!("`{symbol}` does not order {a}")
            } else {
                format!("{a} cannot be compared with {b}")
            }
        } else {
            format!("`{symbol}` does not work on {a} and {b}")
        };
        Mismatch {
            message,
            hint: self.advice(a, b).map(str::to_owned),
        }
    }

    fn advice(self, a: &Type, b: &Type) -> Option<&'static str> {
        let either = |test: fn(&Type) -> bool| test(a) || test(b);
        let number = |t: &Type| matches!(t, Type::Number);
        let money = |t: &Type| matches!(t, Type::Money);
        match self {
            Self::Divide if money(a) => {
                Some("say how to round: divide(money, 3, \"half_up\"), or part(money, 3, 1)")
            }
            _ if either(money) && either(number) => {
                Some("give the number its currency, as in irr(100_000_000)")
            }
            Self::Add if a.is_text() || b.is_text() => Some("turn a value into text with text(…)"),
            Self::Subtract if matches!((a, b), (Type::Date, Type::Date)) => {
                Some("count the days with days_between(first, second)")
            }
            Self::Subtract if matches!((a, b), (Type::Instant, Type::Instant)) => {
                Some("count the hours with hours_between(first, second)")
            }
            Self::Add | Self::Subtract if matches!(a, Type::Date | Type::Instant) && number(b) => {
                Some("say of what: days(3), hours(2)")
            }
            _ if either(|t| matches!(t, Type::Date)) && either(|t| matches!(t, Type::Instant)) => {
                Some("take the day of an instant with date_of(…)")
            }
            _ if either(|t| matches!(t, Type::Date)) && either(Type::is_text) => {
                Some("write a date as jalali(\"1403/05/01\") or date(\"2024-07-22\")")
            }
            _ if either(number) && either(Type::is_text) => {
                Some("turn a text into a number with number(…)")
            }
            _ if either(|t| matches!(t, Type::User)) && either(Type::is_text) => {
                Some("name a user with user(\"…\")")
            }
            _ => None,
        }
    }

    /// Works on two values. Emptiness is refused unless the source compares with `()`.
    pub(crate) fn run(self, left: &Slot, right: &Slot) -> Result<Slot, Fault> {
        for (place, operand) in [left, right].into_iter().enumerate() {
            if operand.is_empty() {
                return Err(Fault::Empty(place));
            }
        }
        if self.tests_equality() {
            let equal = equal(left, right)?;
            return Ok(Slot::bool(equal == (self == Self::Equal)));
        }
        if self.compares() {
            let order = order(left, right)?;
            return Ok(Slot::bool(match self {
                Self::Less => order == Ordering::Less,
                Self::LessOrEqual => order != Ordering::Greater,
                Self::Greater => order == Ordering::Greater,
                _ => order != Ordering::Less,
            }));
        }
        self.compute(left, right)
    }

    fn compute(self, left: &Slot, right: &Slot) -> Result<Slot, Fault> {
        let result = match (left, right) {
            (Slot::Value(Value::Number(a)), Slot::Value(Value::Number(b))) => {
                Value::Number(self.numbers(*a, *b)?)
            }
            (Slot::Value(Value::Money(a)), Slot::Value(Value::Money(b))) => match self {
                Self::Add => Value::Money(a.checked_add(b).map_err(Fault::failed)?),
                Self::Subtract => Value::Money(a.checked_sub(b).map_err(Fault::failed)?),
                _ => return Err(self.wrong(left, right)),
            },
            (Slot::Value(Value::Money(m)), Slot::Value(Value::Number(n)))
            | (Slot::Value(Value::Number(n)), Slot::Value(Value::Money(m)))
                if self == Self::Multiply =>
            {
                Value::Money(m.checked_mul(*n).map_err(inexact)?)
            }
            (Slot::Value(a), Slot::Value(b)) if self == Self::Add => match (letters(a), letters(b))
            {
                (Some(a), Some(b)) => Value::Text(format!("{a}{b}")),
                _ => return Err(self.wrong(left, right)),
            },
            _ => return self.times(left, right),
        };
        Ok(Slot::Value(result))
    }

    fn numbers(self, a: Decimal, b: Decimal) -> Result<Decimal, Fault> {
        let result = match self {
            Self::Add => a.checked_add(b),
            Self::Subtract => a.checked_sub(b),
            Self::Multiply => a.checked_mul(b),
            Self::Divide if b.is_zero() => return Err(Fault::says("division by zero")),
            Self::Divide => a.checked_div(b),
            Self::Remainder if b.is_zero() => return Err(Fault::says("division by zero")),
            _ => a.checked_rem(b),
        };
        result.ok_or_else(|| Fault::says("the result has too many digits"))
    }

    /// Dates, instants and lengths of time.
    fn times(self, left: &Slot, right: &Slot) -> Result<Slot, Fault> {
        let too_far = || Fault::says("the date is out of range");
        match (left, right) {
            (Slot::Duration(a), Slot::Value(Value::Number(n))) if self == Self::Multiply => {
                let factor = whole(*n)?;
                let factor = i32::try_from(factor).map_err(|_| too_far())?;
                a.checked_mul(factor)
                    .map(Slot::Duration)
                    .ok_or_else(too_far)
            }
            (moment, Slot::Duration(length)) if matches!(self, Self::Add | Self::Subtract) => {
                let length = if self == Self::Add { *length } else { -*length };
                match moment {
                    Slot::Value(Value::Date(date)) => {
                        if length.num_seconds() % 86_400 != 0 {
                            return Err(Fault::says("a date moves by whole days"));
                        }
                        date.checked_add_signed(length)
                            .filter(|date| is_writable(*date))
                            .map(|date| Slot::Value(Value::Date(date)))
                    }
                    Slot::Value(Value::Instant(at)) => at
                        .checked_add_signed(length)
                        .filter(|at| is_writable(at.date_naive()))
                        .map(|at| Slot::Value(Value::Instant(at))),
                    Slot::Duration(other) => other.checked_add(&length).map(Slot::Duration),
                    _ => return Err(self.wrong(left, right)),
                }
                .ok_or_else(too_far)
            }
            _ => Err(self.wrong(left, right)),
        }
    }

    fn wrong(self, left: &Slot, right: &Slot) -> Fault {
        wrong_operands(self.symbol(), left, right)
    }
}

/// Which operand is the literal `0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zero {
    Neither,
    Left,
    Right,
}

fn equal_types(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Record(_) | Type::Records(_), _) | (_, Type::Record(_) | Type::Records(_)) => false,
        (Type::Literal(texts), Type::Choice(options))
        | (Type::Choice(options), Type::Literal(texts)) => {
            texts.iter().all(|text| options.contains(text))
        }
        (a, b) if a.is_text() && b.is_text() => true,
        (Type::Item(a), Type::Item(b)) => a == b || a.is_none() || b.is_none(),
        (a, b) => a.fits(b) || b.fits(a),
    }
}

fn ordered_types(a: &Type, b: &Type) -> bool {
    a == b
        && matches!(
            a,
            Type::Number | Type::Money | Type::Date | Type::Time | Type::Instant | Type::Duration
        )
}

/// Whether two values are the same; an error for two that cannot be compared.
pub(crate) fn equal(left: &Slot, right: &Slot) -> Result<bool, Fault> {
    match (left, right) {
        (Slot::Value(a), Slot::Value(b)) => match (a, b) {
            (Value::Money(_), _) | (_, Value::Money(_)) => {
                Ok(order(left, right)? == Ordering::Equal)
            }
            _ => match (letters(a), letters(b)) {
                (Some(a), Some(b)) => Ok(a == b),
                _ if a.type_name() == b.type_name() => Ok(a == b),
                _ => Err(wrong_operands("==", left, right)),
            },
        },
        (Slot::Duration(a), Slot::Duration(b)) => Ok(a == b),
        _ => Err(wrong_operands("==", left, right)),
    }
}

/// Which of two values is larger; an error for two that cannot be compared.
pub(crate) fn order(left: &Slot, right: &Slot) -> Result<Ordering, Fault> {
    match (left, right) {
        (Slot::Value(a), Slot::Value(b)) => match (a, b) {
            (Value::Number(a), Value::Number(b)) => Ok(a.cmp(b)),
            (Value::Money(a), Value::Money(b)) => a.compare(b).map_err(Fault::failed),
            (Value::Money(a), Value::Number(zero)) if zero.is_zero() => {
                Ok(a.amount().cmp(&Decimal::ZERO))
            }
            (Value::Number(zero), Value::Money(b)) if zero.is_zero() => {
                Ok(Decimal::ZERO.cmp(&b.amount()))
            }
            (Value::Date(a), Value::Date(b)) => Ok(a.cmp(b)),
            (Value::Time(a), Value::Time(b)) => Ok(a.cmp(b)),
            (Value::Instant(a), Value::Instant(b)) => Ok(a.cmp(b)),
            _ => Err(wrong_operands("<", left, right)),
        },
        (Slot::Duration(a), Slot::Duration(b)) => Ok(a.cmp(b)),
        _ => Err(wrong_operands("<", left, right)),
    }
}

fn letters(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) | Value::Choice(text) => Some(text),
        _ => None,
    }
}

fn wrong_operands(symbol: &str, left: &Slot, right: &Slot) -> Fault {
    Fault::says(format!(
        "`{symbol}` does not work on {} and {}",
        left.kind(),
        right.kind()
    ))
}

fn inexact(error: MoneyError) -> Fault {
    match error {
        MoneyError::Inexact { .. } => Fault::says(format!(
            "{error}: say how to round with multiply(money, n, \"half_up\")"
        )),
        other => Fault::failed(other),
    }
}
