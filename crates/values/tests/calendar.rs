//! Dates in two calendars, and lengths of time.

use icu_calendar::Date as IcuDate;
use icu_calendar::cal::Persian;
use proptest::prelude::{any, prop_assert, prop_assert_eq};
use values::{
    Calendar, Date, DateError, DurationError, JalaliDate, Locale, TimeDelta, add_months,
    format_date, format_duration, parse_date, parse_duration,
};

use crate::random::for_all;

const LEAP_YEARS: [i32; 49] = [
    1300, 1304, 1309, 1313, 1317, 1321, 1325, 1329, 1333, 1337, 1342, 1346, 1350, 1354, 1358, 1362,
    1366, 1370, 1375, 1379, 1383, 1387, 1391, 1395, 1399, 1403, 1408, 1412, 1416, 1420, 1424, 1428,
    1432, 1436, 1441, 1445, 1449, 1453, 1457, 1461, 1465, 1469, 1474, 1478, 1482, 1486, 1490, 1494,
    1498,
];

/// So many days begin with 1300/01/01 and end with 1499.
const DAYS: i64 = 73_049;

fn day(year: i32, month: u32, day: u32) -> Date {
    Date::from_ymd_opt(year, month, day).unwrap()
}

fn jalali(year: i32, month: u32, day: u32) -> JalaliDate {
    JalaliDate::new(year, month, day).unwrap()
}

#[test]
fn the_leap_years_are_the_known_ones() {
    let found: Vec<i32> = (1300..=1500)
        .filter(|year| JalaliDate::is_leap_year(*year))
        .collect();
    assert_eq!(found, LEAP_YEARS);
}

#[test]
fn known_days_have_their_known_names() {
    let vectors = [
        ((2021, 2, 9), "1399/11/21"),
        ((2025, 3, 20), "1403/12/30"),
        ((2025, 3, 21), "1404/01/01"),
        ((2030, 3, 20), "1408/12/30"),
        ((1979, 2, 11), "1357/11/22"),
        ((1970, 1, 1), "1348/10/11"),
        ((1921, 3, 21), "1300/01/01"),
        ((2121, 3, 21), "1500/01/01"),
        ((2026, 9, 22), "1405/06/31"),
        ((2026, 9, 23), "1405/07/01"),
    ];
    for ((year, month, date), shown) in vectors {
        let date = day(year, month, date);
        let jalali = JalaliDate::from_gregorian(date).unwrap();
        assert_eq!(jalali.to_string(), shown);
        assert_eq!(jalali.to_gregorian(), date);
        let again = JalaliDate::new(jalali.year(), jalali.month(), jalali.day());
        assert_eq!(again, Ok(jalali));
    }
}

#[test]
fn every_day_from_1178_to_1501_agrees_with_the_unicode_calendar() {
    let first = jalali(1178, 1, 1).to_gregorian();
    let last = jalali(1501, 12, 29).to_gregorian();
    let mut days = 0;
    for date in first.iter_days().take_while(|date| *date <= last) {
        let ours = JalaliDate::from_gregorian(date).unwrap();
        let (year, month, day_of_month) = unicode_name(date);
        assert_eq!(
            (ours.year(), ours.month(), ours.day()),
            (year, month, day_of_month),
            "{date}"
        );
        assert_eq!(
            JalaliDate::new(year, month, day_of_month)
                .unwrap()
                .to_gregorian(),
            date
        );
        days += 1;
    }
    assert_eq!(days, 118_338);
}

/// The oracle: the astronomical calendar of the Unicode consortium.
fn unicode_name(date: Date) -> (i32, u32, u32) {
    use chrono::Datelike;
    let month = u8::try_from(date.month()).unwrap();
    let day = u8::try_from(date.day()).unwrap();
    let persian = IcuDate::try_new_iso(date.year(), month, day)
        .unwrap()
        .to_calendar(Persian);
    let month = u32::from(persian.month().ordinal);
    (
        persian.year().extended_year(),
        month,
        u32::from(persian.day_of_month().0),
    )
}

#[test]
fn days_beyond_the_range_are_refused_and_not_guessed() {
    let before = jalali(1178, 1, 1).to_gregorian().pred_opt().unwrap();
    let after = jalali(1501, 12, 29).to_gregorian().succ_opt().unwrap();
    for date in [
        before,
        after,
        Date::MIN,
        Date::MAX,
        day(1, 1, 1),
        day(9999, 12, 31),
    ] {
        let refused = JalaliDate::from_gregorian(date);
        assert!(
            matches!(refused, Err(DateError::OutOfRange { .. })),
            "{date}: {refused:?}"
        );
    }
    for year in [1177, 1502, 0, -1, i32::MIN, i32::MAX] {
        let refused = JalaliDate::new(year, 1, 1);
        assert_eq!(
            refused,
            Err(DateError::OutOfRange {
                year,
                calendar: Calendar::Jalali
            })
        );
    }
}

#[test]
fn thirty_esfand_of_a_common_year_is_refused_with_the_last_day() {
    let error = JalaliDate::new(1404, 12, 30).unwrap_err();
    assert_eq!(
        error.to_string(),
        "1404 is not a leap year: the last day is 1404/12/29"
    );
    assert_eq!(parse_date("1404/12/30"), Err(error));
    assert!(JalaliDate::new(1403, 12, 30).is_ok());
    for year in 1300..=1499 {
        let leap = LEAP_YEARS.contains(&year);
        assert_eq!(parse_date(&format!("{year}/12/30")).is_ok(), leap, "{year}");
        assert!(parse_date(&format!("{year}/12/31")).is_err(), "{year}");
    }
}

#[test]
fn a_day_that_does_not_exist_is_refused() {
    let message = |text| parse_date(text).expect_err(text).to_string();
    assert_eq!(
        message("1405/07/31"),
        "there is no day 31 in that month: the last day is 1405/07/30"
    );
    assert_eq!(
        message("1405/01/00"),
        "there is no day 0 in that month: the last day is 1405/01/31"
    );
    assert_eq!(message("1405/13/01"), "there is no month 13: a year has 12");
    assert_eq!(message("1405/00/01"), "there is no month 0: a year has 12");
    assert_eq!(
        message("2026-02-29"),
        "2026 is not a leap year: the last day is 2026-02-28"
    );
    assert_eq!(
        message("2026-04-31"),
        "there is no day 31 in that month: the last day is 2026-04-30"
    );
    assert_eq!(message("2026-13-01"), "there is no month 13: a year has 12");
}

#[test]
fn the_spelling_of_a_date_tells_its_calendar() {
    let expected = [
        ("1405/06/31", day(2026, 9, 22), Calendar::Jalali),
        ("1405/6/31", day(2026, 9, 22), Calendar::Jalali),
        ("۱۴۰۵/۰۶/۳۱", day(2026, 9, 22), Calendar::Jalali),
        ("١٤٠٥/٠٦/٣١", day(2026, 9, 22), Calendar::Jalali),
        (" 1405/06/31 ", day(2026, 9, 22), Calendar::Jalali),
        ("\u{200f}۱۴۰۵/۰۶/۳۱", day(2026, 9, 22), Calendar::Jalali),
        ("1300/01/01", day(1921, 3, 21), Calendar::Jalali),
        ("1499/12/29", day(2121, 3, 20), Calendar::Jalali),
        ("2026-09-22", day(2026, 9, 22), Calendar::Gregorian),
        ("۲۰۲۶-۰۹-۲۲", day(2026, 9, 22), Calendar::Gregorian),
        ("2024-02-29", day(2024, 2, 29), Calendar::Gregorian),
        ("9999-12-31", day(9999, 12, 31), Calendar::Gregorian),
    ];
    for (text, date, calendar) in expected {
        let parsed = parse_date(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((parsed.date, parsed.calendar), (date, calendar), "{text}");
    }
}

#[test]
fn any_other_spelling_of_a_date_is_refused_with_what_is_expected() {
    for text in [
        "",
        "1405-06-31",
        "2026/09/22",
        "1299/01/01",
        "1500/01/01",
        "31/06/1405",
        "22-09-2026",
        "09/22/2026",
        "22.09.2026",
        "1405.06.31",
        "1405 06 31",
        "14050631",
        "05/06/31",
        "1405/06",
        "1405/06/31/1",
        "1405/06-31",
        "1405/006/31",
        "1405/+6/31",
        "1405/-6/31",
        "-1405/06/31",
        "1405/06/31 10:00",
        "1405//31",
        "2026-09-22T00:00:00Z",
        "tomorrow",
        "فردا",
    ] {
        let error = parse_date(text).expect_err(text);
        assert!(
            matches!(error, DateError::Unreadable { .. }),
            "{text}: {error:?}"
        );
        assert!(
            error
                .to_string()
                .contains("write 1405/06/31 (Jalali) or 2026-09-22 (Gregorian)")
        );
    }
}

#[test]
fn months_are_counted_in_their_calendar_and_clamp_to_the_last_day() {
    let table = [
        ((1405, 6, 31), 1, "1405/07/30"),
        ((1405, 6, 31), 0, "1405/06/31"),
        ((1405, 11, 30), 1, "1405/12/29"),
        ((1403, 11, 30), 1, "1403/12/30"),
        ((1403, 12, 30), 12, "1404/12/29"),
        ((1405, 1, 31), -1, "1404/12/29"),
        ((1405, 1, 15), -1, "1404/12/15"),
        ((1405, 1, 1), -13, "1403/12/01"),
        ((1405, 12, 1), 1, "1406/01/01"),
        ((1178, 1, 1), 3887, "1501/12/01"),
    ];
    for ((year, month, date), months, shown) in table {
        let sum = jalali(year, month, date).add_months(months).unwrap();
        assert_eq!(sum.to_string(), shown);
    }
    for months in [i32::MIN, i32::MAX, 3888, -1] {
        assert!(jalali(1178, 1, 1).add_months(months).is_err(), "{months}");
    }
    let date = day(2026, 9, 22);
    assert_eq!(
        add_months(date, 1, Calendar::Jalali),
        Ok(jalali(1405, 7, 30).to_gregorian())
    );
    assert_eq!(
        add_months(date, 1, Calendar::Gregorian),
        Ok(day(2026, 10, 22))
    );
    assert_eq!(
        add_months(day(2026, 1, 31), 1, Calendar::Gregorian),
        Ok(day(2026, 2, 28))
    );
    assert_eq!(
        add_months(day(2026, 3, 31), -1, Calendar::Gregorian),
        Ok(day(2026, 2, 28))
    );
    assert!(add_months(date, i32::MIN, Calendar::Gregorian).is_err());
    assert!(add_months(Date::MAX, 1, Calendar::Gregorian).is_err());
    assert!(add_months(Date::MAX, 1, Calendar::Jalali).is_err());
}

#[test]
fn a_date_is_shown_in_the_calendar_and_digits_of_its_reader() {
    let date = day(2026, 9, 22);
    assert_eq!(
        format_date(date, Calendar::Jalali, Locale::Fa),
        "۱۴۰۵/۰۶/۳۱"
    );
    assert_eq!(
        format_date(date, Calendar::Jalali, Locale::En),
        "1405/06/31"
    );
    assert_eq!(
        format_date(date, Calendar::Gregorian, Locale::Ru),
        "2026-09-22"
    );
    assert_eq!(
        format_date(date, Calendar::Gregorian, Locale::Fa),
        "۲۰۲۶-۰۹-۲۲"
    );
    // Out of the Jalali range: the dashes tell the reader which calendar it is.
    assert_eq!(
        format_date(day(9999, 12, 31), Calendar::Jalali, Locale::En),
        "9999-12-31"
    );
}

#[test]
fn every_date_reads_back_from_what_it_shows() {
    for_all(&(0..DAYS), |offset| {
        let date = day(1921, 3, 21) + TimeDelta::days(offset);
        for locale in Locale::ALL {
            for calendar in [Calendar::Jalali, Calendar::Gregorian] {
                let parsed = parse_date(&format_date(date, calendar, locale)).unwrap();
                prop_assert_eq!((parsed.date, parsed.calendar), (date, calendar));
            }
        }
        Ok(())
    });
}

#[test]
fn months_there_and_back_end_in_the_same_month() {
    for_all(&(0..DAYS, -1_400_i32..24), |(offset, months)| {
        let date = day(1921, 3, 21) + TimeDelta::days(offset);
        let start = JalaliDate::from_gregorian(date).unwrap();
        let there = start.add_months(months).unwrap();
        let back = there.add_months(-months).unwrap();
        prop_assert_eq!((back.year(), back.month()), (start.year(), start.month()));
        prop_assert!(there.day() <= start.day());
        Ok(())
    });
}

#[test]
fn a_length_of_time_is_read_in_its_units() {
    let table = [
        ("2d", 2 * 86_400),
        ("3h", 3 * 3_600),
        ("30m", 30 * 60),
        ("45s", 45),
        ("1w", 7 * 86_400),
        ("1d12h", 36 * 3_600),
        ("1d 12h", 36 * 3_600),
        ("1w2d3h4m5s", 9 * 86_400 + 3 * 3_600 + 4 * 60 + 5),
        ("۳d", 3 * 86_400),
        ("١d", 86_400),
        ("90m", 90 * 60),
        ("0d5h", 5 * 3_600),
        ("3D", 3 * 86_400),
        (" 3d ", 3 * 86_400),
        ("36500d", 36_500 * 86_400),
    ];
    for (text, seconds) in table {
        assert_eq!(
            parse_duration(text),
            Ok(TimeDelta::seconds(seconds)),
            "{text}"
        );
    }
}

#[test]
fn a_length_of_time_that_is_not_one_is_refused() {
    type Check = fn(&DurationError) -> bool;
    let refused: [(&str, Check); 22] = [
        ("", |e| *e == DurationError::Empty),
        ("3bd", |e| matches!(e, DurationError::WorkingTime { .. })),
        ("4bh", |e| matches!(e, DurationError::WorkingTime { .. })),
        ("۲bd", |e| matches!(e, DurationError::WorkingTime { .. })),
        ("0d", |e| matches!(e, DurationError::NotPositive { .. })),
        ("0d0h", |e| matches!(e, DurationError::NotPositive { .. })),
        ("-3d", |e| matches!(e, DurationError::NotPositive { .. })),
        ("\u{2212}3d", |e| {
            matches!(e, DurationError::NotPositive { .. })
        }),
        ("36501d", |e| matches!(e, DurationError::TooLong { .. })),
        ("9223372036854775807w", |e| {
            matches!(e, DurationError::TooLong { .. })
        }),
        ("99999999999999999999s", |e| {
            matches!(e, DurationError::TooLong { .. })
        }),
        ("3", |e| matches!(e, DurationError::Unreadable { .. })),
        ("d", |e| matches!(e, DurationError::Unreadable { .. })),
        ("3 d", |e| matches!(e, DurationError::Unreadable { .. })),
        ("3x", |e| matches!(e, DurationError::Unreadable { .. })),
        ("3mo", |e| matches!(e, DurationError::Unreadable { .. })),
        ("3 days", |e| matches!(e, DurationError::Unreadable { .. })),
        ("1.5d", |e| matches!(e, DurationError::Unreadable { .. })),
        ("12h1d", |e| matches!(e, DurationError::Unreadable { .. })),
        ("1d1d", |e| matches!(e, DurationError::Unreadable { .. })),
        ("1d+2h", |e| matches!(e, DurationError::Unreadable { .. })),
        ("P1D", |e| matches!(e, DurationError::Unreadable { .. })),
    ];
    for (text, is_expected) in refused {
        let error = parse_duration(text).expect_err(text);
        assert!(is_expected(&error), "{text}: {error:?}");
    }
}

#[test]
fn every_length_of_time_reads_back_from_what_it_shows() {
    assert_eq!(format_duration(TimeDelta::seconds(129_600)), "1d12h");
    assert_eq!(format_duration(TimeDelta::zero()), "0s");
    assert_eq!(format_duration(TimeDelta::seconds(-90)), "-1m30s");
    assert_eq!(format_duration(TimeDelta::days(14)), "14d");
    assert!(!format_duration(TimeDelta::MIN).is_empty());
    for_all(&(1_i64..36_500 * 86_400), |seconds| {
        let duration = TimeDelta::seconds(seconds);
        prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        Ok(())
    });
    for_all(&any::<String>(), |text| {
        if let Ok(duration) = parse_duration(&text) {
            prop_assert!(duration > TimeDelta::zero());
        }
        Ok(())
    });
}
