//! Money: an exact amount in a currency. Nothing here rounds or converts unless it is asked to.

mod arithmetic;
mod text;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digits::NumberError;
use crate::id::{from_text, shorten};

/// Amounts stay below this many minor units, so that every one of them has at most 28 digits.
const LIMIT_MINOR_UNITS: i128 = 10_i128.pow(28);

/// A currency the product counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Currency {
    /// Iranian rial.
    Irr,
    /// Iranian toman, ten rials; not an ISO code, but what people say and type.
    Irt,
    /// Russian rouble.
    Rub,
    /// US dollar.
    Usd,
    /// Euro.
    Eur,
}

impl Currency {
    /// Every currency, in the order of [`Ord`].
    pub const ALL: [Self; 5] = [Self::Irr, Self::Irt, Self::Rub, Self::Usd, Self::Eur];

    /// The three letters of the currency, such as `IRR`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Irr => "IRR",
            Self::Irt => "IRT",
            Self::Rub => "RUB",
            Self::Usd => "USD",
            Self::Eur => "EUR",
        }
    }

    /// How many decimals an amount has: 0 for rial and toman, 2 for the others.
    #[must_use]
    pub fn scale(self) -> u32 {
        match self {
            Self::Irr | Self::Irt => 0,
            Self::Rub | Self::Usd | Self::Eur => 2,
        }
    }

    /// The currency with this code, in capital or small letters.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|currency| currency.code().eq_ignore_ascii_case(code))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        Self::from_code(text.trim()).ok_or_else(|| CurrencyError {
            text: shorten(text),
        })
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a currency code", str::parse)
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Currency")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A currency: rial, toman (ten rials), rouble, dollar or euro.",
            "type": "string",
            "enum": Self::ALL.map(Self::code)
        })
    }
}

/// A text that is not the code of a currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a currency: write IRR, IRT, RUB, USD or EUR")]
pub struct CurrencyError {
    /// What was written, shortened.
    pub text: String,
}

/// What to do with a part that is smaller than one minor unit. Signs do not matter: minus 2.5
/// rounds as 2.5 does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// Drop it.
    Down,
    /// To the nearest; a half goes away from zero.
    HalfUp,
    /// To the nearest; a half goes to the even neighbour.
    HalfEven,
    /// Any part counts as a whole unit.
    Up,
}

/// An exact amount of one currency, with as many decimals as the currency has.
///
/// There is no `+` and no `<`: both would have to do something about unequal currencies. Use
/// [`Money::checked_add`] and [`Money::compare`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    amount: Decimal,
    currency: Currency,
}

impl Money {
    /// An amount of a currency.
    ///
    /// # Errors
    ///
    /// [`MoneyError::TooManyDecimals`] when the amount is finer than the currency (zeros at the
    /// end do not count), [`MoneyError::Overflow`] over 28 digits.
    pub fn new(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let plain = amount.normalize();
        let Some(missing) = currency.scale().checked_sub(plain.scale()) else {
            return Err(MoneyError::TooManyDecimals {
                currency,
                allowed: currency.scale(),
            });
        };
        let minor = 10_i128
            .checked_pow(missing)
            .and_then(|factor| plain.mantissa().checked_mul(factor))
            .ok_or(MoneyError::Overflow)?;
        Self::from_minor(minor, currency)
    }

    /// Nothing, in a currency.
    #[must_use]
    pub fn zero(currency: Currency) -> Self {
        Self {
            amount: Decimal::new(0, currency.scale()),
            currency,
        }
    }

    /// A number of the smallest units: rials, tomans, kopecks, cents.
    ///
    /// # Errors
    ///
    /// [`MoneyError::Overflow`] over 28 digits.
    pub fn from_minor(minor: i128, currency: Currency) -> Result<Self, MoneyError> {
        if minor <= -LIMIT_MINOR_UNITS || minor >= LIMIT_MINOR_UNITS {
            return Err(MoneyError::Overflow);
        }
        let amount = Decimal::try_from_i128_with_scale(minor, currency.scale())
            .map_err(|_| MoneyError::Overflow)?;
        Ok(Self { amount, currency })
    }

    /// The amount, with as many decimals as the currency has.
    #[must_use]
    pub fn amount(&self) -> Decimal {
        self.amount
    }

    /// The currency.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The amount in the smallest units: rials, tomans, kopecks, cents.
    ///
    /// # Errors
    ///
    /// [`MoneyError::Overflow`] if the amount had another scale than its currency; no constructor
    /// makes such an amount.
    pub fn minor_units(&self) -> Result<i128, MoneyError> {
        if self.amount.scale() == self.currency.scale() {
            Ok(self.amount.mantissa())
        } else {
            Err(MoneyError::Overflow)
        }
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.amount.is_zero()
    }

    /// Whether it is more than nothing.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        self.amount.is_sign_positive() && !self.is_zero()
    }

    /// Whether it is less than nothing.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.amount.is_sign_negative() && !self.is_zero()
    }

    /// Which of two amounts of one currency is larger.
    ///
    /// # Errors
    ///
    /// [`MoneyError::CurrencyMismatch`].
    pub fn compare(&self, other: &Self) -> Result<Ordering, MoneyError> {
        self.same_currency(other)?;
        Ok(self.amount.cmp(&other.amount))
    }

    /// The same worth in another currency. Only rial and toman convert, and only when nothing is
    /// lost.
    ///
    /// # Errors
    ///
    /// [`MoneyError::NoConversion`], [`MoneyError::Inexact`] for rials that are not whole tomans,
    /// [`MoneyError::Overflow`].
    pub fn convert_to(&self, currency: Currency) -> Result<Self, MoneyError> {
        let minor = self.minor_units()?;
        let converted = match (self.currency, currency) {
            (from, to) if from == to => return Ok(*self),
            (Currency::Irt, Currency::Irr) => minor.checked_mul(10).ok_or(MoneyError::Overflow)?,
            (Currency::Irr, Currency::Irt) if minor % 10 == 0 => minor / 10,
            (Currency::Irr, Currency::Irt) => return Err(MoneyError::Inexact { currency }),
            (from, to) => return Err(MoneyError::NoConversion { from, to }),
        };
        Self::from_minor(converted, currency)
    }

    fn same_currency(&self, other: &Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::CurrencyMismatch {
                left: self.currency,
                right: other.currency,
            })
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        Self::parse(text)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "money as `1500000 IRR`", Self::parse)
    }
}

impl JsonSchema for Money {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Money")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "An exact amount with its currency, such as `1_500_000 IRR`.",
            "examples": ["1_500_000 IRR", "1500.50 RUB"]
        })
    }
}

/// Why a text is not money, or a sum cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Nothing was written.
    #[error("an amount is expected, the text is empty")]
    Empty,
    /// A number alone.
    #[error("`{text}` has no currency: write `{text} IRR` or `{text} IRT`")]
    MissingCurrency {
        /// What was written, shortened.
        text: String,
    },
    /// A word that names no currency.
    #[error("`{text}` is not a currency: write IRR, IRT, RUB, USD or EUR")]
    UnknownCurrency {
        /// The word, shortened.
        text: String,
    },
    /// A currency on both sides of the number, or two on one side.
    #[error("`{text}` names more than one currency")]
    TwoCurrencies {
        /// What was written, shortened.
        text: String,
    },
    /// The number cannot be read.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// A finer amount than the currency has.
    #[error("{currency} has {allowed} decimals, the amount has more")]
    TooManyDecimals {
        /// The currency.
        currency: Currency,
        /// How many decimals it has.
        allowed: u32,
    },
    /// More than 28 digits.
    #[error("the amount has more than 28 digits")]
    Overflow,
    /// Two currencies where one is needed.
    #[error("{left} and {right} do not mix: convert one of them first")]
    CurrencyMismatch {
        /// The currency on the left, or the one that is expected.
        left: Currency,
        /// The currency on the right, or the one that was found.
        right: Currency,
    },
    /// The exact result is finer than the currency.
    #[error("the result is not a whole number of the smallest unit of {currency}")]
    Inexact {
        /// The currency of the result.
        currency: Currency,
    },
    /// No fixed rate joins the two.
    #[error("{from} does not convert to {to}: only IRR and IRT convert to each other")]
    NoConversion {
        /// The currency there is.
        from: Currency,
        /// The currency that is wanted.
        to: Currency,
    },
    /// A division into no part or into too many.
    #[error("an amount divides into 1 to {} parts, not {parts}", Money::MOST_PARTS)]
    BadParts {
        /// How many parts are wanted.
        parts: u32,
    },
}
