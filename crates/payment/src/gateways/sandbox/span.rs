//! Lengths of time in the project file: `2d`, `1h30m`, and for a sandbox also `0s` and `250ms`.

use chrono::TimeDelta;
use serde::{Deserialize, Deserializer, de::Error as _};
use values::{latin_digits, parse_duration};

/// Reads one length.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<TimeDelta, D::Error> {
    parse(&String::deserialize(from)?).map_err(D::Error::custom)
}

/// Lengths that may be left out, or written as `null`.
pub(crate) mod option {
    use chrono::TimeDelta;
    use serde::{Deserialize, Deserializer, de::Error as _};

    /// Reads one length, or none.
    pub(crate) fn deserialize<'de, D>(from: D) -> Result<Option<TimeDelta>, D::Error>
    where
        D: Deserializer<'de>,
    {
        Option::<String>::deserialize(from)?
            .map(|text| super::parse(&text).map_err(D::Error::custom))
            .transpose()
    }
}

fn parse(text: &str) -> Result<TimeDelta, values::DurationError> {
    let latin = latin_digits(text.trim());
    if latin == "0s" {
        return Ok(TimeDelta::zero());
    }
    let milliseconds = latin
        .strip_suffix("ms")
        .and_then(|count| count.trim_end().parse::<u32>().ok())
        .and_then(|count| TimeDelta::try_milliseconds(i64::from(count)));
    milliseconds.map_or_else(|| parse_duration(text), Ok)
}
