//! What is wrong with an expression, and where.

use serde::{Deserialize, Serialize};

/// The kind of a [`Problem`]; stable, so that a diagnostic can have a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProblemCode {
    /// The source cannot be read at all.
    Syntax,
    /// A variable, state or entity that does not exist.
    UnknownName,
    /// A field that the record does not have.
    UnknownField,
    /// A function that does not exist.
    UnknownFunction,
    /// A function is called with too many, too few or the wrong arguments.
    WrongArgument,
    /// An operator stands between things it cannot work on, such as an amount and a bare number.
    TypeMismatch,
    /// The expression as a whole yields another type than its place needs.
    WrongResult,
    /// A text that is not one of the options it is compared with.
    UnknownOption,
    /// A record that may be absent is read without `?.`.
    MayBeAbsent,
    /// A literal that does not mean a value: 31 Esfand, half a rial, too many digits.
    BadLiteral,
    /// The source is longer than [`crate::MAX_SOURCE_BYTES`].
    TooLong,
    /// The source is nested too deep.
    TooComplex,
    /// A part of Rhai that expressions do not have: loops, variables, assignments.
    NotAllowed,
    /// A template token that does not close, or a filter that does not exist.
    BadToken,
}

/// One mistake in a source. Lines and columns count from 1, columns and lengths in characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The kind of mistake.
    pub code: ProblemCode,
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// The line of the first wrong character.
    pub line: usize,
    /// Its column.
    pub column: usize,
    /// How many characters are wrong.
    pub length: usize,
    /// What to do about it.
    pub hint: Option<String>,
    /// A text that put in place of exactly the wrong characters is most likely right.
    pub suggestion: Option<String>,
}

/// A stretch of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) length: usize,
}

impl Problem {
    pub(crate) fn new(code: ProblemCode, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            line: span.line,
            column: span.column,
            length: span.length.max(1),
            hint: None,
            suggestion: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn suggestion(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion;
        self
    }
}

/// The known word that is nearest to a misspelt one, if one is near enough to be meant.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let length = written.chars().count();
    let allowed = 1 + length / 4;
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(written, name), name))
        // A word with nothing left of it is no misspelling.
        .filter(|(distance, _)| *distance <= allowed && *distance < length)
        .min()
        .map(|(_, name)| name.to_owned())
}
