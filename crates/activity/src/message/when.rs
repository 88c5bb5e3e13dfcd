//! Days and moments for a reader, as tokens show them.

use values::{Calendar, Date, Locale, Timestamp, Zone, format_date};

/// A day.
pub(crate) fn day(date: Date, locale: Locale) -> String {
    match locale {
        Locale::Fa => format_date(date, Calendar::Jalali, locale),
        Locale::En => format_date(date, Calendar::Gregorian, locale),
        Locale::Ru => date.format("%d.%m.%Y").to_string(),
    }
}

/// A day with hours and minutes.
pub(crate) fn moment(at: Timestamp, zone: &Zone, locale: Locale) -> String {
    match locale {
        Locale::Fa => zone.local_time_text(at, Calendar::Jalali, locale),
        Locale::En => zone.local_time_text(at, Calendar::Gregorian, locale),
        Locale::Ru => {
            let local = zone.local_time_text(at, Calendar::Gregorian, locale);
            let clock = local.rsplit(' ').next().unwrap_or_default();
            format!("{} {clock}", day(zone.local_date(at), locale))
        }
    }
}
