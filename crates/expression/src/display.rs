//! How a value looks to a reader.

use rust_decimal::Decimal;
use values::{
    Calendar, Date, Locale, Timestamp, Value, Zone, format_date, has_bidi_or_control,
    persian_digits,
};

/// What a token asks for behind its `|`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    /// The way of the type and the language.
    Default,
    /// An amount with groups of digits and its unit.
    Money,
    /// A day, also of an instant.
    Date,
    /// A day, hours and minutes.
    DateTime,
    /// A number with groups of digits.
    Number,
    /// As a machine would read it.
    Raw,
}

/// The filters a template may name.
pub(crate) const FILTERS: [(&str, Filter); 5] = [
    ("money", Filter::Money),
    ("date", Filter::Date),
    ("datetime", Filter::DateTime),
    ("number", Filter::Number),
    ("raw", Filter::Raw),
];

/// Writes a value for a reader. What came from outside loses control characters and those that turn
/// the direction of the text, so that it cannot disguise the text around it.
pub(crate) fn show(value: &Value, filter: Filter, locale: Locale, zone: &Zone) -> String {
    if filter == Filter::Raw {
        return clean(&value.to_string());
    }
    match value {
        Value::Empty => String::new(),
        Value::Text(text)
        | Value::Choice(text)
        | Value::User(text)
        | Value::Group(text)
        | Value::Position(text)
        | Value::Receipt(text) => clean(text),
        Value::Item(item) => clean(item.id()),
        Value::Number(number) => number_text(*number, filter == Filter::Number, locale),
        Value::Money(money) => money.grouped(locale),
        Value::Bool(yes) => yes_or_no(*yes, locale).to_owned(),
        Value::Date(date) => date_text(*date, locale),
        Value::Time(time) => in_digits(&time.format("%H:%M").to_string(), locale),
        Value::Instant(at) if filter == Filter::Date => date_text(zone.local_date(*at), locale),
        Value::Instant(at) => instant_text(*at, locale, zone),
        Value::List(members) => {
            let separator = if locale == Locale::Fa { "، " } else { ", " };
            let shown: Vec<String> = members
                .iter()
                .map(|member| show(member, filter, locale, zone))
                .collect();
            shown.join(separator)
        }
    }
}

/// Lines become spaces: a value is a part of a line, and in the subject of a message a line break
/// would begin a header.
fn clean(text: &str) -> String {
    let mut buffer = [0; 4];
    text.chars()
        .filter_map(|c| match c {
            '\n' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
            c if has_bidi_or_control(c.encode_utf8(&mut buffer)).is_some() => None,
            c => Some(c),
        })
        .collect()
}

fn in_digits(text: &str, locale: Locale) -> String {
    match locale {
        Locale::Fa => persian_digits(text),
        Locale::En | Locale::Ru => text.to_owned(),
    }
}

fn yes_or_no(yes: bool, locale: Locale) -> &'static str {
    match (locale, yes) {
        (Locale::En, true) => "yes",
        (Locale::En, false) => "no",
        (Locale::Fa, true) => "بله",
        (Locale::Fa, false) => "خیر",
        (Locale::Ru, true) => "да",
        (Locale::Ru, false) => "нет",
    }
}

fn date_text(date: Date, locale: Locale) -> String {
    match locale {
        Locale::Fa => format_date(date, Calendar::Jalali, locale),
        Locale::En => format_date(date, Calendar::Gregorian, locale),
        Locale::Ru => date.format("%d.%m.%Y").to_string(),
    }
}

fn instant_text(at: Timestamp, locale: Locale, zone: &Zone) -> String {
    match locale {
        Locale::Fa => zone.local_time_text(at, Calendar::Jalali, locale),
        Locale::En => zone.local_time_text(at, Calendar::Gregorian, locale),
        Locale::Ru => {
            let local = zone.local_time_text(at, Calendar::Gregorian, locale);
            let clock = local.rsplit(' ').next().unwrap_or_default();
            format!("{} {clock}", date_text(zone.local_date(at), locale))
        }
    }
}

fn number_text(number: Decimal, grouped: bool, locale: Locale) -> String {
    let plain = number.normalize().abs().to_string();
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let (separator, point) = match locale {
        Locale::En => (",", "."),
        Locale::Fa => ("٬", "٫"),
        Locale::Ru => ("\u{a0}", ","),
    };
    let mut text = String::from(if number.is_sign_negative() && !number.is_zero() {
        "-"
    } else {
        ""
    });
    for (place, digit) in whole.chars().enumerate() {
        let left = whole.len() - place;
        if grouped && place > 0 && left.is_multiple_of(3) {
            text.push_str(separator);
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push_str(point);
        text.push_str(fraction);
    }
    in_digits(&text, locale)
}
