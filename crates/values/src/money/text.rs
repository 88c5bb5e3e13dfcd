//! Money as people type it, and as they like to read it.

use super::{Currency, Money, MoneyError};
use crate::digits::{
    NumberError, ScannedNumber, is_digit, normalize_text, persian_digits, scan, split_sign,
    trim_marks,
};
use crate::id::shorten;
use crate::label::Locale;

/// Keeps the groups of a number, and its unit, on one line.
const NO_BREAK_SPACE: &str = "\u{a0}";

impl Money {
    /// Reads an amount with its currency on either side: `1_500_000 IRR`, `IRR 1500000`,
    /// `۱٬۵۰۰٬۰۰۰ ریال`, `$1,500.50`.
    ///
    /// # Errors
    ///
    /// [`MoneyError`] says which rule the text breaks; a number without a currency, or one that
    /// can be read in two ways, is refused and never guessed.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let typed = TypedMoney::read(text)?;
        match typed.currency {
            Some(currency) => typed.in_currency(currency),
            None => Err(MoneyError::MissingCurrency {
                text: shorten(trim_marks(text)),
            }),
        }
    }

    /// Reads an amount where only one currency makes sense: it must be written, except after a
    /// zero.
    ///
    /// # Errors
    ///
    /// As for [`Money::parse`], and [`MoneyError::CurrencyMismatch`] for another currency.
    pub fn parse_in(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let typed = TypedMoney::read(text)?;
        match typed.currency {
            Some(other) if other == currency => typed.in_currency(currency),
            Some(other) => Err(MoneyError::CurrencyMismatch {
                left: currency,
                right: other,
            }),
            None if typed.number.value.is_zero() => Ok(Self::zero(currency)),
            None => Err(MoneyError::MissingCurrency {
                text: shorten(trim_marks(text)),
            }),
        }
    }

    /// The amount for a reader, with groups of three digits: `1,500,000 IRR` in English,
    /// `۱٬۵۰۰٬۰۰۰ ریال` in Persian, `1 500 000 IRR` in Russian (with no-break spaces).
    #[must_use]
    pub fn grouped(&self, locale: Locale) -> String {
        let plain = self.amount.abs().to_string();
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let (separator, point, minus, space) = match locale {
            Locale::En => (",", ".", "-", " "),
            // The mark keeps the minus on the left of the number inside right-to-left text.
            Locale::Fa => ("٬", "٫", "\u{200e}\u{2212}", " "),
            Locale::Ru => (NO_BREAK_SPACE, ",", "-", NO_BREAK_SPACE),
        };
        let minus = if self.is_negative() { minus } else { "" };
        let point = if fraction.is_empty() { "" } else { point };
        let whole = group(whole, separator);
        let number = format!("{minus}{whole}{point}{fraction}");
        let number = if locale == Locale::Fa {
            persian_digits(&number)
        } else {
            number
        };
        format!("{number}{space}{}", unit(self.currency, locale))
    }
}

/// What was typed, before a currency is settled.
struct TypedMoney {
    number: ScannedNumber,
    currency: Option<Currency>,
    shown: String,
}

impl TypedMoney {
    fn read(text: &str) -> Result<Self, MoneyError> {
        let text = trim_marks(text);
        if text.is_empty() {
            return Err(MoneyError::Empty);
        }
        let (before, number, after) = split_number(text)?;
        let (negative, before) = signed_prefix(before);
        let currency = match (find_currency(before, text)?, find_currency(after, text)?) {
            (Some(_), Some(_)) => {
                return Err(MoneyError::TwoCurrencies {
                    text: shorten(text),
                });
            }
            (found, other) => found.or(other),
        };
        let mut number = scan(number)?;
        if negative && !number.value.is_zero() {
            number.value.set_sign_negative(true);
        }
        Ok(Self {
            number,
            currency,
            shown: shorten(text),
        })
    }

    fn in_currency(self, currency: Currency) -> Result<Money, MoneyError> {
        if self.number.point_may_group {
            return Err(NumberError::AmbiguousSeparator { text: self.shown }.into());
        }
        Money::new(self.number.value, currency)
    }
}

/// Cuts the text around its first and last digit.
fn split_number(text: &str) -> Result<(&str, &str, &str), MoneyError> {
    let no_digits = || NumberError::NoDigits {
        text: shorten(text),
    };
    let start = text.find(is_digit).ok_or_else(no_digits)?;
    let end = text
        .char_indices()
        .filter(|(_, c)| is_digit(*c))
        .map(|(at, c)| at.saturating_add(c.len_utf8()))
        .next_back()
        .ok_or_else(no_digits)?;
    let (rest, after) = text.split_at_checked(end).ok_or_else(no_digits)?;
    let (before, number) = rest.split_at_checked(start).ok_or_else(no_digits)?;
    Ok((before, number, after))
}

/// Takes the sign out of what stands before the number: `-`, `-$` and `$-` all mean minus.
fn signed_prefix(before: &str) -> (bool, &str) {
    let before = trim_marks(before);
    let (negative, rest) = split_sign(before);
    if rest.len() != before.len() {
        return (negative, rest);
    }
    for (sign, negative) in [('-', true), ('\u{2212}', true), ('+', false)] {
        if let Some(rest) = before.strip_suffix(sign) {
            return (negative, rest);
        }
    }
    (false, before)
}

/// The currency that the text beside the number names, if there is any text.
fn find_currency(beside: &str, shown: &str) -> Result<Option<Currency>, MoneyError> {
    let beside = trim_marks(beside);
    if beside.is_empty() {
        return Ok(None);
    }
    if let Some(currency) = currency_word(beside) {
        return Ok(Some(currency));
    }
    let named = beside
        .split_whitespace()
        .filter(|word| currency_word(word).is_some())
        .count();
    Err(if named > 1 {
        MoneyError::TwoCurrencies {
            text: shorten(shown),
        }
    } else {
        MoneyError::UnknownCurrency {
            text: shorten(beside),
        }
    })
}

/// A code, or what people write instead of one.
fn currency_word(word: &str) -> Option<Currency> {
    if let Some(currency) = Currency::from_code(word) {
        return Some(currency);
    }
    match normalize_text(word).to_lowercase().as_str() {
        "ریال" | "\u{fdfc}" => Some(Currency::Irr),
        "تومان" => Some(Currency::Irt),
        "₽" | "руб" | "руб." | "روبل" => Some(Currency::Rub),
        "$" | "دلار" => Some(Currency::Usd),
        "€" | "یورو" => Some(Currency::Eur),
        _ => None,
    }
}

fn unit(currency: Currency, locale: Locale) -> &'static str {
    match (locale, currency) {
        (Locale::En, _) | (Locale::Ru, Currency::Irr | Currency::Irt) => currency.code(),
        (Locale::Fa, Currency::Irr) => "ریال",
        (Locale::Fa, Currency::Irt) => "تومان",
        (Locale::Fa, Currency::Rub) => "روبل",
        (Locale::Fa, Currency::Usd) => "دلار",
        (Locale::Fa, Currency::Eur) => "یورو",
        (Locale::Ru, Currency::Rub) => "₽",
        (Locale::Ru, Currency::Usd) => "$",
        (Locale::Ru, Currency::Eur) => "€",
    }
}

/// Parts a run of Latin digits into groups of three, from the right.
fn group(digits: &str, separator: &str) -> String {
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(place);
        if place > 0 && left % 3 == 0 {
            grouped.push_str(separator);
        }
        grouped.push(digit);
    }
    grouped
}
