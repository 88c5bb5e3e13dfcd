//! The Jalali calendar by its rule of 33 years, which agrees with the astronomical one over the
//! whole range here.

use std::fmt;

use chrono::Datelike;

use super::{Calendar, Date, DateError};

/// Years that the rule of 33 years is checked for.
const YEARS: std::ops::RangeInclusive<i32> = 1178..=1501;

/// The day before 1 Farvardin of year 1 by this rule, counted as `num_days_from_ce` counts.
const EPOCH: i64 = 226_895;

/// How many days the rule's cycle of 33 years has.
const CYCLE_DAYS: i64 = 12_053;

/// A day of the Jalali calendar, from 1178/01/01 to 1501/12/29.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JalaliDate {
    year: i32,
    month: u32,
    day: u32,
    /// Kept beside, so that turning back cannot fail.
    gregorian: Date,
}

impl JalaliDate {
    /// A day by its year (1178 to 1501), month (1 to 12) and day.
    ///
    /// # Errors
    ///
    /// [`DateError`] names the last day of the month where there is one.
    pub fn new(year: i32, month: u32, day: u32) -> Result<Self, DateError> {
        let last = Self::days_in_month(year, month)?;
        if day < 1 || day > last {
            let last_day = format!("{year:04}/{month:02}/{last:02}");
            return Err(if (month, day) == (12, 30) {
                DateError::NotALeapYear { year, last_day }
            } else {
                DateError::NoSuchDay { day, last_day }
            });
        }
        let gregorian = gregorian_of(year, month, day).ok_or(out_of_range(year))?;
        Ok(Self {
            year,
            month,
            day,
            gregorian,
        })
    }

    /// The Jalali name of a day.
    ///
    /// # Errors
    ///
    /// [`DateError::OutOfRange`] outside 1799-03-21 to 2123-03-20.
    pub fn from_gregorian(date: Date) -> Result<Self, DateError> {
        let days = i64::from(date.num_days_from_ce());
        let guess = days
            .saturating_sub(EPOCH)
            .saturating_mul(33)
            .saturating_add(3)
            .div_euclid(CYCLE_DAYS)
            .saturating_add(1);
        let guess = i32::try_from(guess).map_err(|_| out_of_range(date.year()))?;
        // The guess is off by at most one year near the turn of a year.
        let year = [guess.saturating_add(1), guess, guess.saturating_sub(1)]
            .into_iter()
            .find(|year| year_start(*year) <= days)
            .filter(|year| YEARS.contains(year))
            .ok_or(out_of_range(guess))?;
        let day_of_year = days.saturating_sub(year_start(year));
        let (month, day) = if day_of_year < 186 {
            (day_of_year / 31, day_of_year % 31)
        } else {
            let later = day_of_year.saturating_sub(186);
            ((later / 30).saturating_add(6), later % 30)
        };
        let part =
            |zero_based: i64| u32::try_from(zero_based.saturating_add(1)).unwrap_or_default();
        Self::new(year, part(month), part(day))
    }

    /// The same day in the Gregorian calendar.
    #[must_use]
    pub fn to_gregorian(self) -> Date {
        self.gregorian
    }

    /// The year, such as 1405.
    #[must_use]
    pub fn year(self) -> i32 {
        self.year
    }

    /// The month, from 1 (Farvardin) to 12 (Esfand).
    #[must_use]
    pub fn month(self) -> u32 {
        self.month
    }

    /// The day of the month, from 1.
    #[must_use]
    pub fn day(self) -> u32 {
        self.day
    }

    /// Whether Esfand of this year has 30 days.
    #[must_use]
    pub fn is_leap_year(year: i32) -> bool {
        i64::from(year)
            .saturating_mul(25)
            .saturating_add(11)
            .rem_euclid(33)
            < 8
    }

    /// How many days a month has: 31 in the first half of the year, then 30, and 29 or 30 in
    /// Esfand.
    ///
    /// # Errors
    ///
    /// [`DateError::OutOfRange`] or [`DateError::NoSuchMonth`].
    pub fn days_in_month(year: i32, month: u32) -> Result<u32, DateError> {
        if !YEARS.contains(&year) {
            return Err(out_of_range(year));
        }
        match month {
            1..=6 => Ok(31),
            7..=11 => Ok(30),
            12 if Self::is_leap_year(year) => Ok(30),
            12 => Ok(29),
            _ => Err(DateError::NoSuchMonth { month }),
        }
    }

    /// The same day some months later, or earlier if negative; where that month is shorter, its
    /// last day.
    ///
    /// # Errors
    ///
    /// [`DateError::OutOfRange`].
    pub fn add_months(self, months: i32) -> Result<Self, DateError> {
        let out = || out_of_range(self.year);
        let months_before = i64::from(self.year)
            .saturating_mul(12)
            .saturating_add(i64::from(self.month))
            .saturating_sub(1);
        let total = months_before.saturating_add(i64::from(months));
        let year = i32::try_from(total.div_euclid(12)).map_err(|_| out())?;
        let month = u32::try_from(total.rem_euclid(12))
            .map_err(|_| out())?
            .saturating_add(1);
        let last = Self::days_in_month(year, month)?;
        Self::new(year, month, self.day.min(last))
    }
}

impl fmt::Display for JalaliDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}/{:02}/{:02}", self.year, self.month, self.day)
    }
}

fn out_of_range(year: i32) -> DateError {
    DateError::OutOfRange {
        year,
        calendar: Calendar::Jalali,
    }
}

/// The day number of 1 Farvardin. Eight years of every 33 have one day more.
fn year_start(year: i32) -> i64 {
    let year = i64::from(year);
    let leap_days = year.saturating_mul(8).saturating_add(21).div_euclid(33);
    EPOCH
        .saturating_add(year.saturating_sub(1).saturating_mul(365))
        .saturating_add(leap_days)
}

fn gregorian_of(year: i32, month: u32, day: u32) -> Option<Date> {
    let (long_months, short_months) = (month.saturating_sub(1).min(6), month.saturating_sub(7));
    let before = long_months
        .checked_mul(31)?
        .checked_add(short_months.checked_mul(30)?)?;
    let day_of_year = before.checked_add(day)?.checked_sub(1)?;
    let number = year_start(year).checked_add(i64::from(day_of_year))?;
    Date::from_num_days_from_ce_opt(i32::try_from(number).ok()?)
}
