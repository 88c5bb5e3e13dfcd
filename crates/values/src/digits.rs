//! Digits of three scripts, and plain numbers as people type them.

use std::borrow::Cow;

use rust_decimal::Decimal;

use crate::id::shorten;

/// More digits than this are refused: a `Decimal` holds 28 of them whatever they are.
const MAX_DIGITS: usize = 28;

/// Persian (`۰-۹`) and Arabic (`٠-٩`) digits become Latin ones; everything else stays.
#[must_use]
pub fn latin_digits(text: &str) -> Cow<'_, str> {
    if text
        .chars()
        .any(|c| matches!(script_of(c), Some(Script::Persian | Script::Arabic)))
    {
        Cow::Owned(text.chars().map(latin_digit).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// Latin digits, and the Persian forms of the two letters that Arabic keyboards write otherwise
/// (`ي` to `ی`, `ك` to `ک`), so that equal words compare equal.
#[must_use]
pub fn normalize_text(text: &str) -> Cow<'_, str> {
    if !text.contains(['ي', 'ك']) {
        return latin_digits(text);
    }
    let letters = text.chars().map(|c| match c {
        'ي' => 'ی',
        'ك' => 'ک',
        other => latin_digit(other),
    });
    Cow::Owned(letters.collect())
}

/// Latin and Arabic digits become Persian ones (`۰-۹`), for display to a Persian reader.
#[must_use]
pub fn persian_digits(text: &str) -> String {
    text.chars()
        .map(|c| match latin_digit(c).to_digit(10) {
            Some(digit) => char::from_u32('۰' as u32 + digit).unwrap_or(c),
            None => c,
        })
        .collect()
}

/// Reads a number as a person types it: an optional sign, digits of one script, groups of three
/// parted by one kind of separator (`_`, `,`, `٬`, `،` or a space), and a decimal point (`.` or
/// `٫`; a comma only after groups parted by spaces, as in `1 500,25`).
///
/// # Errors
///
/// [`NumberError`] says which rule the text breaks; nothing is guessed or rounded.
pub fn parse_number(text: &str) -> Result<Decimal, NumberError> {
    scan(trim_marks(text)).map(|number| number.value)
}

/// Reads the canonical form (`-12.50`) that files and messages carry; no separators, exact.
///
/// # Errors
///
/// [`NumberError`] when the text is anything but an optional `-`, digits and one point.
pub fn parse_decimal(text: &str) -> Result<Decimal, NumberError> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if let Some(found) = unsigned.chars().find(|c| !c.is_ascii_digit() && *c != '.') {
        return Err(if matches!(found, 'e' | 'E') {
            NumberError::Scientific {
                text: shorten(text),
            }
        } else {
            NumberError::UnexpectedCharacter { character: found }
        });
    }
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let points = unsigned.chars().filter(|c| *c == '.').count();
    if points > 1 || !edge(unsigned.chars().next()) || !edge(unsigned.chars().last()) {
        return Err(NumberError::NoDigits {
            text: shorten(text),
        });
    }
    let value = Decimal::from_str_exact(text).map_err(|_| NumberError::TooManyDigits {
        text: shorten(text),
    })?;
    Ok(if value.is_zero() { value.abs() } else { value })
}

/// Why a text is not a number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Nothing was written.
    #[error("a number is expected, the text is empty")]
    Empty,
    /// There is no digit, or a point without a digit on both sides.
    #[error("`{text}` is not a number: write digits, as in 1500 or 0.5")]
    NoDigits {
        /// What was written, shortened.
        text: String,
    },
    /// A character that no number has.
    #[error("`{}` does not belong in a number", character.escape_debug())]
    UnexpectedCharacter {
        /// The character.
        character: char,
    },
    /// Latin digits beside Persian or Arabic ones.
    #[error("`{text}` mixes digits of two scripts: write them all in one")]
    MixedDigits {
        /// What was written, shortened.
        text: String,
    },
    /// A separator that could part groups or decimals.
    #[error("`{text}` can be read in two ways: write groups as 1,500 and decimals as 1.5")]
    AmbiguousSeparator {
        /// What was written, shortened.
        text: String,
    },
    /// Groups that are not of three digits, or separators of two kinds.
    #[error("`{text}` is grouped irregularly: write groups of three digits, as in 1,500,000")]
    BadGrouping {
        /// What was written, shortened.
        text: String,
    },
    /// Scientific notation.
    #[error("`{text}` is in scientific notation: write the digits out")]
    Scientific {
        /// What was written, shortened.
        text: String,
    },
    /// More digits than are kept exactly.
    #[error("`{text}` has too many digits: at most 28 are kept exactly")]
    TooManyDigits {
        /// What was written, shortened.
        text: String,
    },
}

/// A number as it was typed, with what money must know about its spelling.
#[derive(Debug)]
pub(crate) struct ScannedNumber {
    /// The exact value.
    pub(crate) value: Decimal,
    /// `1.500` may be one and a half or fifteen hundred: a plain number reads the first, money
    /// refuses to choose.
    pub(crate) point_may_group: bool,
}

/// Trims spaces and the invisible direction marks that copied Persian text carries at its edges.
pub(crate) fn trim_marks(text: &str) -> &str {
    text.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '\u{200c}' | '\u{200e}' | '\u{200f}' | '\u{061c}')
    })
}

/// The value of a digit of any of the three scripts.
pub(crate) fn is_digit(c: char) -> bool {
    script_of(c).is_some()
}

/// Reads one number that spans the whole text.
pub(crate) fn scan(text: &str) -> Result<ScannedNumber, NumberError> {
    if text.is_empty() {
        return Err(NumberError::Empty);
    }
    let (negative, unsigned) = split_sign(text);
    check_characters(unsigned)?;
    let (whole, fraction, point_may_group) = split_fraction(unsigned)?;
    let whole = ungroup(whole, unsigned)?;
    if fraction.is_some_and(|f| f.is_empty() || !f.chars().all(is_digit)) {
        return Err(irregular(unsigned));
    }
    let fraction = latin_digits(fraction.unwrap_or_default());
    let digits = format!("{whole}{fraction}");
    if digits.trim_start_matches('0').len() > MAX_DIGITS {
        return Err(NumberError::TooManyDigits {
            text: shorten(unsigned),
        });
    }
    let sign = if negative { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    let value = parse_decimal(&format!("{sign}{whole}{point}{fraction}"))?;
    Ok(ScannedNumber {
        value,
        point_may_group,
    })
}

/// Takes one leading sign off; the typographic minus counts as one.
pub(crate) fn split_sign(text: &str) -> (bool, &str) {
    for (sign, negative) in [('-', true), ('\u{2212}', true), ('+', false)] {
        if let Some(rest) = text.strip_prefix(sign) {
            return (negative, rest);
        }
    }
    (false, text)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Persian,
    Arabic,
}

fn script_of(c: char) -> Option<Script> {
    match c {
        '0'..='9' => Some(Script::Latin),
        '\u{06f0}'..='\u{06f9}' => Some(Script::Persian),
        '\u{0660}'..='\u{0669}' => Some(Script::Arabic),
        _ => None,
    }
}

fn latin_digit(c: char) -> char {
    let zero = match script_of(c) {
        Some(Script::Persian) => '\u{06f0}',
        Some(Script::Arabic) => '\u{0660}',
        Some(Script::Latin) | None => return c,
    };
    char::from_digit((c as u32).saturating_sub(zero as u32), 10).unwrap_or(c)
}

/// Group separators; the spaces count as one kind, since people cannot tell them apart.
fn group_kind(c: char) -> Option<char> {
    match c {
        '_' | ',' => Some(c),
        '\u{066c}' | '\u{060c}' => Some('\u{066c}'),
        ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' => Some(' '),
        _ => None,
    }
}

fn is_point(c: char) -> bool {
    matches!(c, '.' | '\u{066b}')
}

fn irregular(text: &str) -> NumberError {
    NumberError::BadGrouping {
        text: shorten(text),
    }
}

fn ambiguous(text: &str) -> NumberError {
    NumberError::AmbiguousSeparator {
        text: shorten(text),
    }
}

fn check_characters(text: &str) -> Result<(), NumberError> {
    let mut script = None;
    for c in text.chars() {
        if let Some(found) = script_of(c) {
            if script.is_some_and(|seen| seen != found) {
                return Err(NumberError::MixedDigits {
                    text: shorten(text),
                });
            }
            script = Some(found);
        } else if matches!(c, 'e' | 'E') && script.is_some() {
            return Err(NumberError::Scientific {
                text: shorten(text),
            });
        } else if group_kind(c).is_none() && !is_point(c) {
            return Err(NumberError::UnexpectedCharacter { character: c });
        }
    }
    match script {
        Some(_) => Ok(()),
        None => Err(NumberError::NoDigits {
            text: shorten(text),
        }),
    }
}

/// Parts the whole digits from the fraction, and tells whether the point may have meant a group.
fn split_fraction(text: &str) -> Result<(&str, Option<&str>, bool), NumberError> {
    let mut points = text.char_indices().filter(|(_, c)| is_point(*c));
    match (points.next(), points.next()) {
        (Some(_), Some(_)) => Err(ambiguous(text)),
        (Some((at, point)), None) => {
            let (whole, rest) = text.split_at_checked(at).unwrap_or((text, ""));
            let fraction = rest.strip_prefix(point).unwrap_or_default();
            if fraction.contains(|c| group_kind(c).is_some()) {
                return Err(ambiguous(text));
            }
            if whole.is_empty() || fraction.is_empty() {
                return Err(NumberError::NoDigits {
                    text: shorten(text),
                });
            }
            let may_group = point == '.'
                && fraction.chars().count() == 3
                && whole.chars().count() <= 3
                && !latin_digits(whole).starts_with('0');
            Ok((whole, Some(fraction), may_group))
        }
        (None, _) => Ok(match split_decimal_comma(text) {
            Some((whole, fraction)) => (whole, Some(fraction), false),
            None => (text, None, false),
        }),
    }
}

/// `1 500,25`: a comma is a decimal point only where spaces already part the groups.
fn split_decimal_comma(text: &str) -> Option<(&str, &str)> {
    let (whole, fraction) = text.split_once(',')?;
    let spaced = whole.chars().any(|c| group_kind(c) == Some(' '));
    // Three digits after the comma may be a slip of the separator key: `1 500,000`.
    let decimals = fraction.chars().all(is_digit) && fraction.chars().count() != 3;
    (spaced && decimals).then_some((whole, fraction))
}

/// Joins groups of three that one kind of separator parts; the result has Latin digits only.
fn ungroup(whole: &str, shown: &str) -> Result<String, NumberError> {
    let mut kinds = whole.chars().filter_map(group_kind);
    let Some(kind) = kinds.next() else {
        return Ok(latin_digits(whole).into_owned());
    };
    if kinds.any(|other| other != kind) {
        return Err(irregular(shown));
    }
    let groups: Vec<String> = whole
        .split(|c| group_kind(c).is_some())
        .map(|group| latin_digits(group).into_owned())
        .collect();
    let Some((first, rest)) = groups.split_first() else {
        return Err(irregular(shown));
    };
    let regular = (1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3);
    match (regular, rest.len(), kind) {
        // `0,500` is half a unit to one reader and a typing error to the next.
        (true, ..) if first.starts_with('0') => Err(ambiguous(shown)),
        (true, ..) => Ok(groups.concat()),
        // `1,5` is a decimal comma to half the world.
        (false, 1, ',') => Err(ambiguous(shown)),
        (false, ..) => Err(irregular(shown)),
    }
}
