//! Mistakes of spelling, and what Rhai's parser says, in words a workflow author knows.

use rhai::{LexError, ParseError, ParseErrorType};

use crate::problem::{Problem, ProblemCode, Span};
use crate::sandbox::{FORBIDDEN_WORDS, place_of};
use crate::scan::{Scan, Word, WordKind};

/// Spellings that other languages have and this one does not. They are found before parsing, so
/// that all of them are reported and not only the first.
pub(super) fn slips(scan: &Scan) -> Vec<Problem> {
    let words = scan.words();
    let before = |index: usize| index.checked_sub(1).and_then(|index| words.get(index));
    let declares = words
        .iter()
        .any(|word| word.kind == WordKind::Name && matches!(word.text.as_str(), "let" | "const"));
    words
        .iter()
        .enumerate()
        // What stands behind `let` is not meant as a comparison.
        .filter(|(_, word)| !(declares && word.is_symbol("=")))
        .filter_map(|(index, word)| match word.kind {
            WordKind::Name => {
                let property =
                    before(index).is_some_and(|word| word.is_symbol(".") || word.is_symbol("?."));
                if property {
                    reserved_field(word)
                } else {
                    wrong_name(word)
                }
            }
            WordKind::Number => wrong_number(word),
            WordKind::Quoted => Some(single_quotes(word)),
            WordKind::Symbol => wrong_symbol(word),
            WordKind::Text | WordKind::Template => None,
        })
        .collect()
}

fn problem(word: &Word, code: ProblemCode, message: impl Into<String>) -> Problem {
    Problem::new(code, word.span(), message)
}

fn wrong_name(word: &Word) -> Option<Problem> {
    let right = match word.text.as_str() {
        "and" | "AND" | "And" => "&&",
        "or" | "OR" | "Or" => "||",
        "not" | "NOT" | "Not" => "!",
        "True" | "TRUE" => "true",
        "False" | "FALSE" => "false",
        "null" | "nil" | "None" | "none" | "undefined" => "()",
        other => return forbidden(word, other),
    };
    let found = problem(
        word,
        ProblemCode::Syntax,
        format!("`{}` is written `{right}` here", word.text),
    );
    Some(found.suggestion(Some(right.to_owned())))
}

fn forbidden(word: &Word, text: &str) -> Option<Problem> {
    FORBIDDEN_WORDS.contains(&text).then(|| {
        problem(
            word,
            ProblemCode::NotAllowed,
            format!("`{text}` is not part of expressions"),
        )
        .hint("an expression yields one value; it has no variables, loops or functions of its own")
    })
}

fn reserved_field(word: &Word) -> Option<Problem> {
    FORBIDDEN_WORDS
        .contains(&word.text.as_str())
        .then(|| reserved_problem(word.span(), &word.text))
}

fn reserved_problem(span: Span, word: &str) -> Problem {
    let message = format!("`{word}` cannot stand behind a dot");
    Problem::new(ProblemCode::Syntax, span, message)
        .hint(format!(
            "a field of this name is read with .field(\"{word}\")"
        ))
        .suggestion(Some(format!("field(\"{word}\")")))
}

fn follows_dot(scan: &Scan, line: usize, column: usize) -> bool {
    let at = scan
        .word_at(line, column)
        .and_then(|index| index.checked_sub(1));
    at.and_then(|index| scan.words().get(index))
        .is_some_and(|word| word.is_symbol(".") || word.is_symbol("?."))
}

fn wrong_number(word: &Word) -> Option<Problem> {
    let latin = values::latin_digits(&word.text)
        .replace('٫', ".")
        .replace('٬', "_");
    (latin != word.text).then(|| {
        problem(
            word,
            ProblemCode::Syntax,
            "numbers in an expression are written with Latin digits",
        )
        .suggestion(Some(latin))
    })
}

fn single_quotes(word: &Word) -> Problem {
    let inner = word.text.trim_start_matches('\'');
    let inner = inner.strip_suffix('\'').unwrap_or(inner);
    problem(word, ProblemCode::Syntax, "a text stands in double quotes")
        .suggestion(Some(format!("\"{}\"", inner.replace('"', "\\\""))))
}

fn wrong_symbol(word: &Word) -> Option<Problem> {
    let text = word.text.as_str();
    let right = match text {
        "=" | "===" | ":=" => "==",
        "!==" | "<>" => "!=",
        "=<" => "<=",
        "&" => "&&",
        "،" | "٬" => ",",
        "“" | "”" | "„" | "«" | "»" => "\"",
        "×" => "*",
        "÷" => "/",
        "−" | "–" => "-",
        "≤" => "<=",
        "≥" => ">=",
        "≠" => "!=",
        "+=" | "-=" | "*=" | "/=" | "%=" | "**=" | "<<=" | ">>=" | "&=" | "|=" | "^=" | "??="
        | "#" | "++" | "--" | ";" => {
            return Some(
                problem(
                    word,
                    ProblemCode::NotAllowed,
                    format!("`{text}` is not part of expressions"),
                )
                .hint("an expression yields one value and changes nothing"),
            );
        }
        _ => return None,
    };
    Some(
        problem(
            word,
            ProblemCode::Syntax,
            format!("`{text}` is written `{right}` here"),
        )
        .suggestion(Some(right.to_owned())),
    )
}

/// The parser's refusal as a problem.
pub(super) fn refused(error: &ParseError, scan: &Scan) -> Problem {
    let (line, column) = place_of(error.1);
    let words = scan.words();
    let span = if error.1.is_none() || matches!(*error.0, ParseErrorType::UnexpectedEOF) {
        words.last().map_or(
            Span {
                line: 1,
                column: 1,
                length: 1,
            },
            Word::span,
        )
    } else {
        let at = scan
            .word_at(line, column)
            .and_then(|index| words.get(index));
        at.map_or(
            Span {
                line,
                column,
                length: 1,
            },
            Word::span,
        )
    };
    let (code, message) = match &*error.0 {
        ParseErrorType::UnexpectedEOF if words.is_empty() => {
            (ProblemCode::Syntax, "the expression is empty".to_owned())
        }
        ParseErrorType::UnexpectedEOF => (
            ProblemCode::Syntax,
            "the expression ends too early".to_owned(),
        ),
        ParseErrorType::BadInput(error) => bad_input(error),
        ParseErrorType::Reserved(word) if follows_dot(scan, line, column) => {
            return reserved_problem(span, word);
        }
        ParseErrorType::Reserved(word) => (
            ProblemCode::NotAllowed,
            format!("`{word}` is not part of expressions"),
        ),
        ParseErrorType::ExprTooDeep | ParseErrorType::TooManyFunctions => (
            ProblemCode::TooComplex,
            "the expression is nested too deep".to_owned(),
        ),
        ParseErrorType::MissingToken(token, purpose) => (
            ProblemCode::Syntax,
            format!("`{token}` is missing {purpose}"),
        ),
        ParseErrorType::LiteralTooLarge(what, most) => (
            ProblemCode::TooComplex,
            format!("{} is too long: at most {most}", what.to_lowercase()),
        ),
        ParseErrorType::PropertyExpected => (
            ProblemCode::Syntax,
            "the name of a field is expected here".to_owned(),
        ),
        ParseErrorType::ExprExpected(what) => {
            (ProblemCode::Syntax, format!("{what} is expected here"))
        }
        other => (ProblemCode::Syntax, other.to_string().to_lowercase()),
    };
    Problem::new(code, span, message)
}

fn bad_input(error: &LexError) -> (ProblemCode, String) {
    match error {
        LexError::UnexpectedInput(text) => (ProblemCode::Syntax, format!("unexpected `{text}`")),
        LexError::UnterminatedString => (ProblemCode::Syntax, "the text is not closed".to_owned()),
        LexError::StringTooLong(most) => (
            ProblemCode::TooComplex,
            format!("the text is too long: at most {most} bytes"),
        ),
        LexError::MalformedEscapeSequence(text) => (
            ProblemCode::Syntax,
            format!("`{text}` is not an escape: write \\\\ for a backslash"),
        ),
        LexError::MalformedNumber(text) => (
            ProblemCode::BadLiteral,
            format!("`{text}` is not a number with at most 28 digits"),
        ),
        LexError::MalformedChar(_) => (
            ProblemCode::Syntax,
            "a text stands in double quotes".to_owned(),
        ),
        LexError::ImproperSymbol(word, _) => (
            ProblemCode::NotAllowed,
            format!("`{word}` is not part of expressions"),
        ),
        other => (ProblemCode::Syntax, other.to_string().to_lowercase()),
    }
}
