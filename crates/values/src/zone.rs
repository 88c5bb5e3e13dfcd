//! Instants, and the local days and clocks that people see them on.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, LocalResult, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::calendar::{Calendar, Date, DateError, format_date, parse_date, whole_number};
use crate::digits::{latin_digits, persian_digits, trim_marks};
use crate::id::{from_text, shorten};
use crate::label::Locale;

/// An instant. The engine is always handed one; nothing here reads a clock.
pub type Timestamp = DateTime<Utc>;

/// No zone moves its clock by more than this at once, in hours; one has skipped a whole day.
const WIDEST_GAP_HOURS: i64 = 26;

/// A time zone of the IANA database, such as `Asia/Tehran`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(Tz);

impl Zone {
    /// The zone without any offset.
    pub const UTC: Self = Self(Tz::UTC);

    /// Reads the name of a zone, in capital and small letters as the database has them.
    ///
    /// # Errors
    ///
    /// [`ZoneError`].
    pub fn parse(name: &str) -> Result<Self, ZoneError> {
        let name = name.trim();
        name.parse().map(Self).map_err(|_| ZoneError {
            name: shorten(name),
        })
    }

    /// The name of the zone.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// The day it is here at an instant.
    #[must_use]
    pub fn local_date(&self, at: Timestamp) -> Date {
        self.local(at).date()
    }

    /// When a day begins here. Where the clock skips midnight, the first instant of the day; where
    /// midnight comes twice, the earlier one.
    #[must_use]
    pub fn start_of_day(&self, date: Date) -> Timestamp {
        let midnight = date.and_time(NaiveTime::MIN);
        match self.0.from_local_datetime(&midnight) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.with_timezone(&Utc),
            LocalResult::None => self.end_of_gap(midnight),
        }
    }

    /// When a day is over here, which is when the next one begins.
    #[must_use]
    pub fn end_of_date(&self, date: Date) -> Timestamp {
        self.start_of_day(date.succ_opt().unwrap_or(date))
    }

    /// Day, hours and minutes here for a reader, as in `1405/06/31 14:05`.
    #[must_use]
    pub fn local_time_text(&self, at: Timestamp, calendar: Calendar, locale: Locale) -> String {
        let local = self.local(at);
        let date = format_date(local.date(), calendar, locale);
        let time = local.time().format("%H:%M").to_string();
        match locale {
            Locale::Fa => format!("{date} {}", persian_digits(&time)),
            Locale::En | Locale::Ru => format!("{date} {time}"),
        }
    }

    /// The clock here at an instant. At the ends of what can be counted it stays at UTC, because
    /// chrono's own conversion would panic there.
    fn local(&self, at: Timestamp) -> NaiveDateTime {
        let utc = at.naive_utc();
        let offset = self.0.offset_from_utc_datetime(&utc).fix();
        utc.checked_add_offset(offset).unwrap_or(utc)
    }

    /// The first instant whose local time is not before a local time that was skipped.
    fn end_of_gap(&self, skipped: NaiveDateTime) -> Timestamp {
        let around = skipped.and_utc();
        let widest = TimeDelta::hours(WIDEST_GAP_HOURS);
        let (Some(mut before), Some(mut after)) = (
            around.checked_sub_signed(widest),
            around.checked_add_signed(widest),
        ) else {
            return around;
        };
        // The local clock only moves on around a gap, so halving finds the second it jumps at.
        while after.timestamp().saturating_sub(before.timestamp()) > 1 {
            let half = after.timestamp().midpoint(before.timestamp());
            let Some(middle) = DateTime::from_timestamp(half, 0) else {
                return around;
            };
            if self.local(middle) < skipped {
                before = middle;
            } else {
                after = middle;
            }
        }
        after
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        Self::parse(text)
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a time zone, as `Asia/Tehran`", Self::parse)
    }
}

impl JsonSchema for Zone {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Zone")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A time zone of the IANA database.",
            "examples": ["Asia/Tehran", "Europe/Moscow", "UTC"]
        })
    }
}

/// A name that is not a time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a time zone: write a name as Asia/Tehran or Europe/Moscow")]
pub struct ZoneError {
    /// What was written, shortened.
    pub name: String,
}

/// Reads an instant: RFC 3339 (`2026-09-22T14:05:00+03:30`), or a local day and time in the zone
/// (`1405/06/31 14:05`, `2026-09-22 14:05:30`). A local time that comes twice is the earlier one.
///
/// # Errors
///
/// [`TimeError`]; a local time that the clock skips is refused.
pub fn parse_timestamp(text: &str, zone: &Zone) -> Result<Timestamp, TimeError> {
    let shown = trim_marks(text);
    let latin = latin_digits(shown);
    if let Ok(at) = DateTime::parse_from_rfc3339(&latin) {
        return Ok(at.with_timezone(&Utc));
    }
    let unreadable = || TimeError::Unreadable {
        text: shorten(shown),
    };
    let (date, time) = latin
        .split_once(char::is_whitespace)
        .ok_or_else(unreadable)?;
    let date = parse_date(date)?.date;
    let time = clock_time(time.trim()).ok_or_else(unreadable)?;
    match zone.0.from_local_datetime(&date.and_time(time)) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Ok(at.with_timezone(&Utc)),
        LocalResult::None => Err(TimeError::Skipped {
            text: shorten(shown),
            zone: zone.name(),
        }),
    }
}

/// Why a text is not an instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// None of the forms.
    #[error("`{text}` is not a time: write 1405/06/31 14:05, 2026-09-22 14:05 or RFC 3339")]
    Unreadable {
        /// What was written, shortened.
        text: String,
    },
    /// The day is wrong.
    #[error(transparent)]
    Date(#[from] DateError),
    /// The clocks were put forward over it.
    #[error("`{text}` does not exist in {zone}: the clock skips it")]
    Skipped {
        /// What was written, shortened.
        text: String,
        /// The zone.
        zone: &'static str,
    },
}

/// Reads `hh:mm` or `hh:mm:ss` in Latin digits.
pub(crate) fn clock_time(text: &str) -> Option<NaiveTime> {
    let mut parts = text.split(':');
    let hours = whole_number(parts.next()?, 1..=2)?;
    let minutes = whole_number(parts.next()?, 2..=2)?;
    let seconds = parts
        .next()
        .map_or(Some(0), |part| whole_number(part, 2..=2))?;
    if parts.next().is_some() {
        return None;
    }
    NaiveTime::from_hms_opt(hours, minutes, seconds)
}
