//! Days, instants and lengths of time.

use chrono::Datelike;
use values::{Calendar, Date, DateError, JalaliDate, Locale, TimeDelta, Value};

use super::{Function, Kind, Look, Yields, date_at, instant_at, number_at, text_at, whole, wrong};
use crate::sandbox::Fault;
use crate::slot::Slot;
use crate::types::Type;

macro_rules! timely {
    ($name:literal, $signature:literal, $parameters:expr, $yields:ident, $look:ident, $run:expr) => {
        Function {
            name: $name,
            signature: $signature,
            parameters: $parameters,
            yields: Yields::Type(Type::$yields),
            looks_at: Look::$look,
            literal: false,
            run: $run,
        }
    };
}

macro_rules! literal {
    ($name:literal, $signature:literal, $yields:ident, $run:expr) => {
        Function {
            name: $name,
            signature: $signature,
            parameters: &[Kind::Text],
            yields: Yields::Type(Type::$yields),
            looks_at: Look::Nothing,
            literal: true,
            run: $run,
        }
    };
}

macro_rules! length {
    ($name:literal, $signature:literal, $make:expr) => {
        timely!(
            $name,
            $signature,
            &[Kind::Number],
            Duration,
            Nothing,
            |_, slots| {
                $make(whole(number_at(slots, 0)?)?)
                    .map(Slot::Duration)
                    .ok_or_else(|| Fault::says("the length of time is too large"))
            }
        )
    };
}

const DATE_AND_NUMBER: &[Kind] = &[Kind::Date, Kind::Number];

pub(super) static FUNCTIONS: &[Function] = &[
    timely!("now", "now()", &[], Instant, Clock, |call, _| {
        Ok(Slot::Value(Value::Instant(call.facts()?.now)))
    }),
    timely!("today", "today()", &[], Date, Clock, |call, _| {
        let facts = call.facts()?;
        Ok(Slot::Value(Value::Date(facts.zone.local_date(facts.now))))
    }),
    literal!("jalali", "jalali(text)", Date, |_, slots| read(
        slots,
        Calendar::Jalali
    )),
    literal!("date", "date(text)", Date, |_, slots| read(
        slots,
        Calendar::Gregorian
    )),
    length!("weeks", "weeks(number)", TimeDelta::try_weeks),
    length!("days", "days(number)", TimeDelta::try_days),
    length!("hours", "hours(number)", TimeDelta::try_hours),
    length!("minutes", "minutes(number)", TimeDelta::try_minutes),
    timely!(
        "add_days",
        "add_days(date, number)",
        DATE_AND_NUMBER,
        Date,
        Nothing,
        |_, slots| { add_days(slots, 1) }
    ),
    timely!(
        "add_weeks",
        "add_weeks(date, number)",
        DATE_AND_NUMBER,
        Date,
        Nothing,
        |_, slots| { add_days(slots, 7) }
    ),
    timely!(
        "add_months",
        "add_months(date, number)",
        DATE_AND_NUMBER,
        Date,
        Nothing,
        |_, slots| { add_months(slots, Calendar::Jalali) }
    ),
    timely!(
        "add_gregorian_months",
        "add_gregorian_months(date, number)",
        DATE_AND_NUMBER,
        Date,
        Nothing,
        |_, slots| add_months(slots, Calendar::Gregorian)
    ),
    timely!(
        "days_between",
        "days_between(date, date)",
        &[Kind::Date, Kind::Date],
        Number,
        Nothing,
        |_, slots| {
            let days = date_at(slots, 1)?
                .signed_duration_since(date_at(slots, 0)?)
                .num_days();
            Ok(Slot::number(days))
        }
    ),
    timely!(
        "hours_between",
        "hours_between(instant, instant)",
        &[Kind::Instant, Kind::Instant],
        Number,
        Nothing,
        |_, slots| {
            let length = instant_at(slots, 1)?.signed_duration_since(instant_at(slots, 0)?);
            Ok(Slot::number(length.num_hours()))
        }
    ),
    timely!(
        "date_of",
        "date_of(instant)",
        &[Kind::Instant],
        Date,
        Zone,
        |call, slots| {
            Ok(Slot::Value(Value::Date(
                call.facts()?.zone.local_date(instant_at(slots, 0)?),
            )))
        }
    ),
    timely!(
        "start_of_day",
        "start_of_day(date)",
        &[Kind::Date],
        Instant,
        Zone,
        |call, slots| {
            Ok(Slot::Value(Value::Instant(
                call.facts()?.zone.start_of_day(date_at(slots, 0)?),
            )))
        }
    ),
    timely!(
        "end_of_day",
        "end_of_day(date)",
        &[Kind::Date],
        Instant,
        Zone,
        |call, slots| {
            Ok(Slot::Value(Value::Instant(
                call.facts()?.zone.end_of_date(date_at(slots, 0)?),
            )))
        }
    ),
    timely!(
        "jalali_year",
        "jalali_year(date)",
        &[Kind::Date],
        Number,
        Nothing,
        |_, slots| { Ok(Slot::number(jalali(slots)?.year())) }
    ),
    timely!(
        "jalali_month",
        "jalali_month(date)",
        &[Kind::Date],
        Number,
        Nothing,
        |_, slots| { Ok(Slot::number(jalali(slots)?.month())) }
    ),
    timely!(
        "jalali_day",
        "jalali_day(date)",
        &[Kind::Date],
        Number,
        Nothing,
        |_, slots| { Ok(Slot::number(jalali(slots)?.day())) }
    ),
    timely!(
        "year",
        "year(date)",
        &[Kind::Date],
        Number,
        Nothing,
        |_, slots| { Ok(Slot::number(date_at(slots, 0)?.year())) }
    ),
    timely!(
        "month",
        "month(date)",
        &[Kind::Date],
        Number,
        Nothing,
        |_, slots| { Ok(Slot::number(date_at(slots, 0)?.month())) }
    ),
    timely!(
        "day",
        "day(date)",
        &[Kind::Date],
        Number,
        Nothing,
        |_, slots| { Ok(Slot::number(date_at(slots, 0)?.day())) }
    ),
    timely!(
        "format",
        "format(date, calendar)",
        &[Kind::Date, Kind::Calendar],
        Text,
        Nothing,
        |_, slots| {
            Ok(Slot::text(values::format_date(
                date_at(slots, 0)?,
                calendar_at(slots, 1)?,
                Locale::En,
            )))
        }
    ),
    timely!(
        "format",
        "format(instant, calendar)",
        &[Kind::Instant, Kind::Calendar],
        Text,
        Zone,
        |call, slots| {
            let (at, calendar) = (instant_at(slots, 0)?, calendar_at(slots, 1)?);
            Ok(Slot::text(call.facts()?.zone.local_time_text(
                at,
                calendar,
                Locale::En,
            )))
        }
    ),
];

fn read(slots: &[Slot], calendar: Calendar) -> Result<Slot, Fault> {
    let text = text_at(slots, 0)?;
    let parsed = values::parse_date(text).map_err(Fault::failed)?;
    if parsed.calendar == calendar {
        return Ok(Slot::Value(Value::Date(parsed.date)));
    }
    Err(Fault::says(match calendar {
        Calendar::Jalali => {
            format!("`{text}` is not a Jalali date: write yyyy/mm/dd, as in 1403/05/01")
        }
        Calendar::Gregorian => {
            format!("`{text}` is not a Gregorian date: write yyyy-mm-dd, as in 2024-07-22")
        }
    }))
}

/// Whether a day has a year of four digits; no other can be written or read.
pub(crate) fn is_writable(date: Date) -> bool {
    (1..=9999).contains(&date.year())
}

fn day(result: Option<Date>) -> Result<Slot, Fault> {
    result
        .filter(|date| is_writable(*date))
        .map(|date| Slot::Value(Value::Date(date)))
        .ok_or_else(|| Fault::says("the date is out of range"))
}

fn add_days(slots: &[Slot], each: i64) -> Result<Slot, Fault> {
    let days = whole(number_at(slots, 1)?)?
        .checked_mul(each)
        .and_then(TimeDelta::try_days);
    let date = date_at(slots, 0)?;
    day(days.and_then(|days| date.checked_add_signed(days)))
}

fn add_months(slots: &[Slot], calendar: Calendar) -> Result<Slot, Fault> {
    let months = i32::try_from(whole(number_at(slots, 1)?)?)
        .map_err(|_| Fault::says("the date is out of range"))?;
    let moved: Result<Date, DateError> = values::add_months(date_at(slots, 0)?, months, calendar);
    day(Some(moved.map_err(Fault::failed)?))
}

fn jalali(slots: &[Slot]) -> Result<JalaliDate, Fault> {
    JalaliDate::from_gregorian(date_at(slots, 0)?).map_err(Fault::failed)
}

fn calendar_at(slots: &[Slot], place: usize) -> Result<Calendar, Fault> {
    match text_at(slots, place)? {
        "jalali" => Ok(Calendar::Jalali),
        "gregorian" => Ok(Calendar::Gregorian),
        _ => Err(wrong(slots)),
    }
}
