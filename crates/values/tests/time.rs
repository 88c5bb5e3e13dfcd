//! Instants, and the local days of zones that move their clocks.

use proptest::prelude::{prop, prop_assert, prop_assert_eq};
use values::{Calendar, Date, Locale, TimeError, Timestamp, Zone, parse_timestamp};

use crate::random::for_all;

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

fn day(year: i32, month: u32, day: u32) -> Date {
    Date::from_ymd_opt(year, month, day).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_day_begins_at_the_first_instant_that_exists() {
    let tehran = zone("Asia/Tehran");
    let table = [
        // The clock went from 00:00 to 01:00.
        (tehran, (2021, 3, 22), "2021-03-21T20:30:00Z"),
        // 23:00 to 24:00 came twice the evening before, midnight did not.
        (tehran, (2021, 9, 22), "2021-09-21T20:30:00Z"),
        (tehran, (2021, 9, 21), "2021-09-20T19:30:00Z"),
        (tehran, (2022, 7, 1), "2022-06-30T19:30:00Z"),
        // No change of clocks since 2023.
        (tehran, (2023, 7, 1), "2023-06-30T20:30:00Z"),
        (tehran, (2026, 3, 22), "2026-03-21T20:30:00Z"),
        // Midnight came twice: 01:00 went back to 00:00.
        (
            zone("America/Havana"),
            (2023, 11, 5),
            "2023-11-05T04:00:00Z",
        ),
        // Half an hour was skipped at midnight.
        (
            zone("Pacific/Norfolk"),
            (1951, 1, 1),
            "1950-12-31T12:48:00Z",
        ),
        // A whole day was skipped: its first instant is the next day's.
        (zone("Pacific/Apia"), (2011, 12, 30), "2011-12-30T10:00:00Z"),
        (zone("Pacific/Apia"), (2011, 12, 31), "2011-12-30T10:00:00Z"),
        (zone("Europe/Moscow"), (2026, 1, 1), "2025-12-31T21:00:00Z"),
        (Zone::UTC, (2026, 1, 1), "2026-01-01T00:00:00Z"),
    ];
    for (zone, (year, month, date), begins) in table {
        assert_eq!(
            zone.start_of_day(day(year, month, date)),
            at(begins),
            "{zone} {year}-{month}-{date}"
        );
    }
    let second_before = at("2021-03-21T20:29:59Z");
    assert_eq!(tehran.local_date(second_before), day(2021, 3, 21));
    assert_eq!(
        tehran.local_date(at("2021-03-21T20:30:00Z")),
        day(2021, 3, 22)
    );
}

#[test]
fn a_day_is_over_when_the_next_one_begins() {
    let tehran = zone("Asia/Tehran");
    let short = day(2021, 3, 22);
    let hours = |date| (tehran.end_of_date(date) - tehran.start_of_day(date)).num_hours();
    assert_eq!(hours(short), 23);
    assert_eq!(hours(day(2021, 9, 21)), 25);
    assert_eq!(hours(day(2026, 9, 22)), 24);
}

#[test]
fn every_day_of_every_zone_begins_on_that_day() {
    let names = [
        "Asia/Tehran",
        "Europe/Moscow",
        "Europe/Berlin",
        "America/Sao_Paulo",
        "America/Havana",
        "Africa/Cairo",
        "Asia/Beirut",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "America/St_Johns",
        "Africa/Monrovia",
        "UTC",
    ];
    for_all(
        &(prop::sample::select(names.to_vec()), 0_i64..80_000),
        |(name, offset)| {
            let zone = zone(name);
            let date = day(1900, 1, 1) + values::TimeDelta::days(offset);
            let begins = zone.start_of_day(date);
            let second = values::TimeDelta::seconds(1);
            prop_assert!(zone.local_date(begins) >= date);
            prop_assert!(zone.local_date(begins - second) < date);
            prop_assert!(zone.end_of_date(date) >= begins);
            Ok(())
        },
    );
}

#[test]
fn the_ends_of_what_can_be_counted_do_not_panic() {
    for name in ["Asia/Tehran", "Pacific/Apia", "America/Havana", "UTC"] {
        let zone = zone(name);
        for date in [Date::MIN, Date::MAX] {
            let begins = zone.start_of_day(date);
            assert!(zone.end_of_date(date) >= begins);
        }
        for at in [Timestamp::MIN_UTC, Timestamp::MAX_UTC] {
            assert!(
                !zone
                    .local_time_text(at, Calendar::Jalali, Locale::Fa)
                    .is_empty()
            );
        }
    }
}

#[test]
fn an_instant_is_read_with_its_offset_or_in_the_zone() {
    let tehran = zone("Asia/Tehran");
    let table = [
        ("2026-09-22T14:05:00+03:30", "2026-09-22T10:35:00Z"),
        ("2026-09-22T10:35:00Z", "2026-09-22T10:35:00Z"),
        ("2026-09-22T10:35:00.250Z", "2026-09-22T10:35:00.250Z"),
        ("۲۰۲۶-۰۹-۲۲T۱۰:۳۵:۰۰Z", "2026-09-22T10:35:00Z"),
        ("1405/06/31 14:05", "2026-09-22T10:35:00Z"),
        ("۱۴۰۵/۰۶/۳۱ ۱۴:۰۵", "2026-09-22T10:35:00Z"),
        ("1405/06/31 14:05:30", "2026-09-22T10:35:30Z"),
        ("1405/06/31  9:05", "2026-09-22T05:35:00Z"),
        ("2026-09-22 14:05", "2026-09-22T10:35:00Z"),
        // 23:30 came twice: the earlier one.
        ("2021-09-21 23:30", "2021-09-21T19:00:00Z"),
    ];
    for (text, expected) in table {
        assert_eq!(parse_timestamp(text, &tehran), Ok(at(expected)), "{text}");
    }
}

#[test]
fn a_time_that_is_not_one_is_refused() {
    let tehran = zone("Asia/Tehran");
    for text in [
        "",
        "14:05",
        "1405/06/31",
        "1405/06/31 25:00",
        "1405/06/31 14:60",
        "1405/06/31 14",
        "1405/06/31 14:5",
        "1405/06/31 14:05 Z",
        "1405/06/31 14:05:00:00",
        "2026-09-22T14:05",
        "1405/06/31T14:05",
        "1405/06/31 -1:05",
    ] {
        let refused = parse_timestamp(text, &tehran);
        assert!(
            matches!(refused, Err(TimeError::Unreadable { .. })),
            "{text}: {refused:?}"
        );
    }
    for text in ["1404/12/30 10:00", "2026/09/22 10:00", "31/06/1405 10:00"] {
        let refused = parse_timestamp(text, &tehran);
        assert!(
            matches!(refused, Err(TimeError::Date(_))),
            "{text}: {refused:?}"
        );
    }
    let skipped = parse_timestamp("1400/01/02 00:30", &tehran);
    assert_eq!(
        skipped.unwrap_err().to_string(),
        "`1400/01/02 00:30` does not exist in Asia/Tehran: the clock skips it"
    );
}

#[test]
fn an_instant_is_shown_on_the_clock_of_its_reader() {
    let tehran = zone("Asia/Tehran");
    let instant = at("2026-09-22T10:35:00Z");
    let shown = |calendar, locale| tehran.local_time_text(instant, calendar, locale);
    assert_eq!(shown(Calendar::Jalali, Locale::Fa), "۱۴۰۵/۰۶/۳۱ ۱۴:۰۵");
    assert_eq!(shown(Calendar::Jalali, Locale::En), "1405/06/31 14:05");
    assert_eq!(shown(Calendar::Gregorian, Locale::Ru), "2026-09-22 14:05");
}

#[test]
fn every_minute_reads_back_from_what_it_shows() {
    let names = ["Asia/Tehran", "Europe/Moscow", "UTC"];
    let minutes = 0_i64..3_000_000_000 / 60;
    for_all(
        &(prop::sample::select(names.to_vec()), minutes),
        |(name, minute)| {
            let zone = zone(name);
            let instant = Timestamp::from_timestamp(minute * 60, 0).unwrap();
            let shown = zone.local_time_text(instant, Calendar::Jalali, Locale::Fa);
            let parsed = parse_timestamp(&shown, &zone).unwrap();
            // Where the local minute came twice, the earlier one is read.
            prop_assert!(parsed <= instant);
            prop_assert_eq!(
                zone.local_time_text(parsed, Calendar::Jalali, Locale::Fa),
                shown
            );
            prop_assert_eq!(parse_timestamp(&instant.to_rfc3339(), &zone), Ok(instant));
            Ok(())
        },
    );
}

#[test]
fn a_zone_is_known_by_its_name() {
    let tehran = zone("Asia/Tehran");
    assert_eq!(tehran.to_string(), "Asia/Tehran");
    let json = serde_json::to_string(&tehran).unwrap();
    assert_eq!(json, "\"Asia/Tehran\"");
    assert_eq!(serde_json::from_str::<Zone>(&json).unwrap(), tehran);
    for name in ["", "Tehran", "asia/tehran", "+03:30", "Asia/Teheran"] {
        assert!(Zone::parse(name).is_err(), "{name}");
    }
}
