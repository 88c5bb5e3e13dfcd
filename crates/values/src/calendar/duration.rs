//! Lengths of time as people write them in a workflow: `3d`, `1d12h`.

use chrono::TimeDelta;

use crate::digits::{latin_digits, trim_marks};
use crate::id::shorten;

/// A hundred years of days; a longer wait is a typing error.
const LONGEST_SECONDS: i64 = 36_500 * DAY;
const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;
const MINUTE: i64 = 60;

/// Reads weeks, days, hours, minutes and seconds, each at most once and from long to short:
/// `1w`, `2d`, `1d12h`, `30m`, `45s`. A day is always 24 hours.
///
/// # Errors
///
/// [`DurationError`]; nothing, less than nothing, working days and working hours are refused.
pub fn parse_duration(text: &str) -> Result<TimeDelta, DurationError> {
    let shown = trim_marks(text);
    let latin = latin_digits(shown).to_ascii_lowercase();
    let unreadable = || DurationError::Unreadable {
        text: shorten(shown),
    };
    let mut rest = latin.as_str();
    let mut seconds: i64 = 0;
    let mut shortest = i64::MAX;
    if rest.is_empty() {
        return Err(DurationError::Empty);
    }
    if rest.starts_with(['-', '\u{2212}']) {
        return Err(DurationError::NotPositive {
            text: shorten(shown),
        });
    }
    while !rest.is_empty() {
        let (number, after) = rest
            .split_at_checked(digits_in(rest))
            .ok_or_else(unreadable)?;
        let letters = after
            .find(|c: char| !c.is_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(letters).ok_or_else(unreadable)?;
        if number.is_empty() {
            return Err(unreadable());
        }
        let unit_seconds = unit_seconds(unit, shown)?;
        if unit_seconds >= shortest {
            return Err(unreadable());
        }
        shortest = unit_seconds;
        let too_long = || DurationError::TooLong {
            text: shorten(shown),
        };
        seconds = number
            .parse::<i64>()
            .ok()
            .and_then(|count| count.checked_mul(unit_seconds))
            .and_then(|part| seconds.checked_add(part))
            .filter(|total| *total <= LONGEST_SECONDS)
            .ok_or_else(too_long)?;
        rest = after.trim_start();
    }
    if seconds == 0 {
        return Err(DurationError::NotPositive {
            text: shorten(shown),
        });
    }
    TimeDelta::try_seconds(seconds).ok_or_else(unreadable)
}

/// Writes a length of time in the form that [`parse_duration`] reads; what is shorter than a
/// second is dropped.
#[must_use]
pub fn format_duration(duration: TimeDelta) -> String {
    let total = duration.num_seconds().unsigned_abs();
    let mut text = String::from(if duration.num_seconds() < 0 { "-" } else { "" });
    let mut left = total;
    for (unit, name) in [(DAY, 'd'), (HOUR, 'h'), (MINUTE, 'm'), (1, 's')] {
        let unit = unit.unsigned_abs();
        if left >= unit {
            text.push_str(&(left / unit).to_string());
            text.push(name);
            left %= unit;
        }
    }
    if total == 0 { String::from("0s") } else { text }
}

/// Why a text is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing was written.
    #[error("a length of time is expected, as in 3d or 12h, the text is empty")]
    Empty,
    /// Not a number and a unit, or units out of order.
    #[error("`{text}` is not a length of time: write 1w, 3d, 12h, 30m, 45s or 1d12h")]
    Unreadable {
        /// What was written, shortened.
        text: String,
    },
    /// Working days or hours, which need a calendar of holidays.
    #[error("`{text}` counts working time, which is not supported yet: write d or h, as in 3d")]
    WorkingTime {
        /// What was written, shortened.
        text: String,
    },
    /// Zero or less.
    #[error("`{text}` is not longer than nothing")]
    NotPositive {
        /// What was written, shortened.
        text: String,
    },
    /// More than a hundred years.
    #[error("`{text}` is longer than 36500 days")]
    TooLong {
        /// What was written, shortened.
        text: String,
    },
}

fn digits_in(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len())
}

fn unit_seconds(unit: &str, shown: &str) -> Result<i64, DurationError> {
    match unit {
        "w" => Ok(7 * DAY),
        "d" => Ok(DAY),
        "h" => Ok(HOUR),
        "m" => Ok(MINUTE),
        "s" => Ok(1),
        "bd" | "bh" => Err(DurationError::WorkingTime {
            text: shorten(shown),
        }),
        _ => Err(DurationError::Unreadable {
            text: shorten(shown),
        }),
    }
}
