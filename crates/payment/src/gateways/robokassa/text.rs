//! Amounts, dates, JSON and percent encoding as this provider writes them.

use std::fmt::Write as _;

use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeDelta, Utc};
use values::{Currency, Money, Timestamp};

/// Moscow's offset in seconds: the provider lives by it and has no summer time.
const MOSCOW_SECONDS: i32 = 3 * 3600;

/// An amount as the provider prints it: digits, and up to six decimals of which only kopecks may be
/// other than zero. Signs, spaces, exponents and other digits are no amount.
pub(super) fn amount(text: &str) -> Option<Money> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let padded = whole.len() > 1 && whole.starts_with('0');
    if !digits(whole) || !digits(fraction) || padded || whole.len() > 15 || fraction.len() > 7 {
        return None;
    }
    let kopecks = fraction.trim_end_matches('0');
    if kopecks.len() > 2 {
        return None;
    }
    let minor: i128 = format!("{whole}{kopecks:0<2}").parse().ok()?;
    Money::from_minor(minor, Currency::Rub).ok()
}

/// An amount as we print it: two decimals after a dot.
pub(super) fn rubles(amount: &Money) -> String {
    let minor = amount.minor_units().unwrap_or_default();
    format!("{}.{:02}", minor / 100, minor % 100)
}

/// A moment with Moscow's offset written out, to the second.
pub(super) fn moscow(at: Timestamp) -> String {
    in_moscow(at).format("%Y-%m-%dT%H:%M:%S+03:00").to_string()
}

/// The day of a moment in Moscow.
pub(super) fn moscow_day(at: Timestamp) -> String {
    in_moscow(at).format("%Y-%m-%d").to_string()
}

/// A moment so many days away; the same where the calendar ends.
pub(super) fn days_from(at: Timestamp, days: i64) -> Timestamp {
    TimeDelta::try_days(days)
        .and_then(|days| at.checked_add_signed(days))
        .unwrap_or(at)
}

/// The noon of a day that [`moscow_day`] has written.
pub(super) fn day(text: &str) -> Option<Timestamp> {
    moment(&format!("{text}T12:00:00+03:00"))
}

/// A moment as the provider writes it; without an offset it is Moscow's time.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.with_timezone(&Utc));
    }
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    let at = local.and_local_timezone(FixedOffset::east_opt(MOSCOW_SECONDS)?);
    at.single().map(|at| at.with_timezone(&Utc))
}

/// A moment as Unix seconds.
pub(super) fn unix(text: &str) -> Option<Timestamp> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain
        .then(|| text.parse().ok())
        .flatten()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
}

fn in_moscow(at: Timestamp) -> DateTime<FixedOffset> {
    match FixedOffset::east_opt(MOSCOW_SECONDS) {
        Some(offset) => at.with_timezone(&offset),
        None => at.fixed_offset(),
    }
}

/// Percent encoding of everything that is not unreserved, spaces included.
pub(super) fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

/// The pairs of a form body; `None` when an escape or the UTF-8 is broken.
pub(super) fn form(body: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(body).ok()?;
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

fn decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                decoded.push(u8::try_from(high * 16 + low).ok()?);
            }
            other => decoded.push(other),
        }
    }
    String::from_utf8(decoded).ok()
}

/// A JSON object whose members keep their order and whose numbers keep their digits: what is signed
/// is text.
#[derive(Debug, Default)]
pub(super) struct Object(String);

impl Object {
    /// Adds a member whose value is JSON already.
    #[must_use]
    pub(super) fn raw(mut self, name: &str, json: &str) -> Object {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(&quoted(name));
        self.0.push(':');
        self.0.push_str(json);
        self
    }

    /// Adds a text.
    #[must_use]
    pub(super) fn text(self, name: &str, value: &str) -> Object {
        self.raw(name, &quoted(value))
    }

    /// Adds a text where there is one.
    #[must_use]
    pub(super) fn maybe(self, name: &str, value: Option<&str>) -> Object {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// The object as text, without spaces.
    pub(super) fn json(self) -> String {
        format!("{{{}}}", self.0)
    }
}

/// A JSON array of values that are JSON already.
pub(super) fn array(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
}

/// A text as JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
