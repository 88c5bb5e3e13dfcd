//! Dates in the Jalali and the Gregorian calendar, and lengths of time.

mod duration;
mod jalali;

use std::fmt;

use chrono::{Datelike, Months};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digits::{latin_digits, persian_digits, trim_marks};
use crate::id::shorten;
use crate::label::Locale;

pub use chrono::{NaiveDate as Date, TimeDelta};
pub use duration::{DurationError, format_duration, parse_duration};
pub use jalali::JalaliDate;

/// Years that a `yyyy/mm/dd` may have.
const JALALI_YEARS: std::ops::RangeInclusive<i32> = 1300..=1499;

/// Years that a `yyyy-mm-dd` may have; earlier ones are most likely Jalali years.
const GREGORIAN_YEARS: std::ops::RangeInclusive<i32> = 1600..=9999;

/// How people count days, months and years.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Calendar {
    /// The calendar of Iran; its year begins at the spring equinox.
    Jalali,
    /// The calendar of most other countries.
    Gregorian,
}

impl Calendar {
    /// The name in files: `jalali` or `gregorian`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Jalali => "jalali",
            Self::Gregorian => "gregorian",
        }
    }
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// A date as a person wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ParsedDate {
    /// The day itself.
    pub date: Date,
    /// The calendar it was written in.
    pub calendar: Calendar,
}

/// Reads `1405/06/31` (a Jalali year from 1300 to 1499) or `2026-09-22` (Gregorian), in digits of
/// any script.
///
/// # Errors
///
/// [`DateError`] says what to write instead; no other order or separator is guessed at.
pub fn parse_date(text: &str) -> Result<ParsedDate, DateError> {
    let shown = trim_marks(text);
    let latin = latin_digits(shown);
    let unreadable = || DateError::Unreadable {
        text: shorten(shown),
    };
    let separator = if latin.contains('/') { '/' } else { '-' };
    let mut parts = latin.split(separator);
    let (Some(year), Some(month), Some(day), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(unreadable());
    };
    let year = whole_number(year, 4..=4).ok_or_else(unreadable)?;
    let month = whole_number(month, 1..=2).ok_or_else(unreadable)?;
    let day = whole_number(day, 1..=2).ok_or_else(unreadable)?;
    let year = i32::try_from(year).map_err(|_| unreadable())?;
    if separator == '/' {
        if !JALALI_YEARS.contains(&year) {
            return Err(unreadable());
        }
        let date = JalaliDate::new(year, month, day)?.to_gregorian();
        return Ok(ParsedDate {
            date,
            calendar: Calendar::Jalali,
        });
    }
    if !GREGORIAN_YEARS.contains(&year) {
        return Err(unreadable());
    }
    let date = Date::from_ymd_opt(year, month, day)
        .ok_or_else(|| no_such_gregorian_day(year, month, day))?;
    Ok(ParsedDate {
        date,
        calendar: Calendar::Gregorian,
    })
}

/// The same day some months later (or earlier, if negative), counted in the months of a calendar;
/// where that month is shorter, its last day.
///
/// # Errors
///
/// [`DateError::OutOfRange`] when the result, or a date taken as Jalali, is not in the calendar's
/// range.
pub fn add_months(date: Date, months: i32, calendar: Calendar) -> Result<Date, DateError> {
    match calendar {
        Calendar::Jalali => Ok(JalaliDate::from_gregorian(date)?
            .add_months(months)?
            .to_gregorian()),
        Calendar::Gregorian => {
            let count = Months::new(months.unsigned_abs());
            let moved = if months < 0 {
                date.checked_sub_months(count)
            } else {
                date.checked_add_months(count)
            };
            moved.ok_or(DateError::OutOfRange {
                year: date.year(),
                calendar,
            })
        }
    }
}

/// The date for a reader: `1405/06/31` or `2026-09-22`, in Persian digits for a Persian reader.
/// A day that the Jalali calendar here does not reach is written in the Gregorian form.
#[must_use]
pub fn format_date(date: Date, calendar: Calendar, locale: Locale) -> String {
    let text = match (calendar, JalaliDate::from_gregorian(date)) {
        (Calendar::Jalali, Ok(jalali)) => jalali.to_string(),
        _ => date.to_string(),
    };
    match locale {
        Locale::Fa => persian_digits(&text),
        Locale::En | Locale::Ru => text,
    }
}

/// Why a date cannot be read or made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// Neither of the two forms.
    #[error("`{text}` is not a date: write 1405/06/31 (Jalali) or 2026-09-22 (Gregorian)")]
    Unreadable {
        /// What was written, shortened.
        text: String,
    },
    /// 30 Esfand, or 29 February, of a common year.
    #[error("{year} is not a leap year: the last day is {last_day}")]
    NotALeapYear {
        /// The year.
        year: i32,
        /// The last day of the month, written as the date was.
        last_day: String,
    },
    /// A month that no year has.
    #[error("there is no month {month}: a year has 12")]
    NoSuchMonth {
        /// The month.
        month: u32,
    },
    /// A day that the month does not have.
    #[error("there is no day {day} in that month: the last day is {last_day}")]
    NoSuchDay {
        /// The day.
        day: u32,
        /// The last day of the month, written as the date was.
        last_day: String,
    },
    /// A year that the calendar here does not reach.
    #[error("the date is out of range: {calendar} dates around the year {year} are not supported")]
    OutOfRange {
        /// The year asked for, or the one the sum began in.
        year: i32,
        /// The calendar of that year.
        calendar: Calendar,
    },
}

/// Latin digits, as many as allowed.
pub(crate) fn whole_number(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let plain = length.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn no_such_gregorian_day(year: i32, month: u32, day: u32) -> DateError {
    if !(1..=12).contains(&month) {
        return DateError::NoSuchMonth { month };
    }
    let last = (28..=31)
        .rev()
        .find_map(|last| Date::from_ymd_opt(year, month, last));
    let last_day = last.map(|date| date.to_string()).unwrap_or_default();
    if (month, day) == (2, 29) {
        DateError::NotALeapYear { year, last_day }
    } else {
        DateError::NoSuchDay { day, last_day }
    }
}
