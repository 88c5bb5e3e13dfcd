//! Sums and shares in whole minor units.

use rust_decimal::Decimal;

use super::{Currency, Money, MoneyError, Rounding};

impl Money {
    /// The most parts that [`Money::split`] makes.
    pub const MOST_PARTS: u32 = 10_000;

    /// The sum.
    ///
    /// # Errors
    ///
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`].
    pub fn checked_add(&self, other: &Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let sum = self.minor_units()?.checked_add(other.minor_units()?);
        Self::from_minor(sum.ok_or(MoneyError::Overflow)?, self.currency)
    }

    /// The difference.
    ///
    /// # Errors
    ///
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`].
    pub fn checked_sub(&self, other: &Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let difference = self.minor_units()?.checked_sub(other.minor_units()?);
        Self::from_minor(difference.ok_or(MoneyError::Overflow)?, self.currency)
    }

    /// The exact product.
    ///
    /// # Errors
    ///
    /// [`MoneyError::Inexact`] when the product is finer than the currency,
    /// [`MoneyError::Overflow`].
    pub fn checked_mul(&self, factor: Decimal) -> Result<Self, MoneyError> {
        let product = self.product(factor)?;
        if product.remainder == 0 {
            product.rounded(Rounding::Down, self.currency)
        } else {
            Err(MoneyError::Inexact {
                currency: self.currency,
            })
        }
    }

    /// The product, rounded once.
    ///
    /// # Errors
    ///
    /// [`MoneyError::Overflow`].
    pub fn round_mul(&self, factor: Decimal, rounding: Rounding) -> Result<Self, MoneyError> {
        self.product(factor)?.rounded(rounding, self.currency)
    }

    /// One share of `parts` equal ones, rounded. The shares may not add up; see [`Money::split`].
    ///
    /// # Errors
    ///
    /// [`MoneyError::BadParts`] for no part, [`MoneyError::Overflow`].
    pub fn divide(&self, parts: u32, rounding: Rounding) -> Result<Self, MoneyError> {
        let minor = self.minor_units()?;
        multiply_divide(minor.unsigned_abs(), 1, u128::from(parts))
            .map(|(whole, remainder)| Share {
                negative: minor < 0,
                whole,
                remainder,
                divisor: u128::from(parts),
            })
            .ok_or(MoneyError::BadParts { parts })?
            .rounded(rounding, self.currency)
    }

    /// Parts that add up to the amount: all are equal, and the last one also takes what is left.
    ///
    /// # Errors
    ///
    /// [`MoneyError::BadParts`] for no part or more than [`Money::MOST_PARTS`].
    pub fn split(&self, parts: u32) -> Result<Vec<Self>, MoneyError> {
        if parts == 0 || parts > Self::MOST_PARTS {
            return Err(MoneyError::BadParts { parts });
        }
        let minor = self.minor_units()?;
        let share = minor / i128::from(parts);
        let rest = minor % i128::from(parts);
        (1..=parts)
            .map(|part| {
                let extra = if part == parts { rest } else { 0 };
                let sum = share.checked_add(extra).ok_or(MoneyError::Overflow)?;
                Self::from_minor(sum, self.currency)
            })
            .collect()
    }

    fn product(&self, factor: Decimal) -> Result<Share, MoneyError> {
        let minor = self.minor_units()?;
        let factor = factor.normalize();
        let divisor = 10_u128
            .checked_pow(factor.scale())
            .ok_or(MoneyError::Overflow)?;
        let (whole, remainder) = multiply_divide(
            minor.unsigned_abs(),
            factor.mantissa().unsigned_abs(),
            divisor,
        )
        .ok_or(MoneyError::Overflow)?;
        let negative = (minor < 0) != factor.is_sign_negative();
        Ok(Share {
            negative,
            whole,
            remainder,
            divisor,
        })
    }
}

/// A quotient of minor units, not rounded yet: `whole + remainder / divisor`.
#[derive(Debug)]
struct Share {
    negative: bool,
    whole: u128,
    remainder: u128,
    divisor: u128,
}

impl Share {
    fn rounded(&self, rounding: Rounding, currency: Currency) -> Result<Money, MoneyError> {
        let to_half = self.divisor.saturating_sub(self.remainder);
        let away = match rounding {
            Rounding::Down => false,
            Rounding::Up => self.remainder > 0,
            Rounding::HalfUp => self.remainder > 0 && self.remainder >= to_half,
            Rounding::HalfEven => {
                self.remainder > to_half || (self.remainder == to_half && self.whole % 2 == 1)
            }
        };
        let magnitude = self
            .whole
            .checked_add(u128::from(away))
            .and_then(|units| i128::try_from(units).ok())
            .ok_or(MoneyError::Overflow)?;
        Money::from_minor(if self.negative { -magnitude } else { magnitude }, currency)
    }
}

/// `a * b / divisor` with its remainder; the product may be wider than 128 bits, so it is built
/// bit by bit and divided on the way. The divisor is at most 10^28, which leaves the remainders
/// room to double. `None` when the quotient does not fit, or for a divisor of zero.
fn multiply_divide(a: u128, b: u128, divisor: u128) -> Option<(u128, u128)> {
    let (b_whole, b_rest) = (b.checked_div(divisor)?, b.checked_rem(divisor)?);
    let (mut whole, mut rest) = (0_u128, 0_u128);
    for bit in (0..u128::BITS).rev() {
        whole = whole.checked_mul(2)?;
        rest = rest.checked_mul(2)?;
        if a & (1_u128 << bit) != 0 {
            whole = whole.checked_add(b_whole)?;
            rest = rest.checked_add(b_rest)?;
        }
        whole = whole.checked_add(rest.checked_div(divisor)?)?;
        rest = rest.checked_rem(divisor)?;
    }
    Some((whole, rest))
}
