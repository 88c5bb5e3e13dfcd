//! What can be said about a file before it is read as YAML: size, encoding, characters.

use crate::diagnostic::{Diagnostic, Findings, Span};
use crate::syntax::BYTES_MAX;

/// Checks the bytes and gives them back as text.
pub(super) fn check<'a>(bytes: &'a [u8], findings: &mut Findings) -> Option<&'a str> {
    if bytes.len() > BYTES_MAX {
        let message = format!(
            "the file has {} bytes, a workflow has at most {BYTES_MAX}",
            bytes.len()
        );
        let help = "split the workflow, or check that this is the file you meant";
        findings.add(Diagnostic::error("WF0003", Span::START, message).help(help));
        return None;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            findings.add(broken_utf8(bytes, error));
            return None;
        }
    };
    let clean = check_characters(text, findings);
    clean.then_some(text)
}

fn broken_utf8(bytes: &[u8], error: std::str::Utf8Error) -> Diagnostic {
    let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
    let good = std::str::from_utf8(good).unwrap_or_default();
    let length = error.error_len().unwrap_or(1);
    let span = Span::of_range(good, good.len(), good.len()).widen(length);
    let utf16 = matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    let help = if utf16 {
        "the file is UTF-16: save it as UTF-8"
    } else {
        "save the file as UTF-8"
    };
    let message = format!("byte {} is not UTF-8", error.valid_up_to() + 1);
    Diagnostic::error("WF0006", span, message)
        .label("cannot be read")
        .help(help)
}

/// Characters that must be escaped: they can hide what a file says.
fn is_hidden(c: char) -> bool {
    let control = c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    control
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}'
        )
        || c == '\u{feff}'
}

fn check_characters(text: &str, findings: &mut Findings) -> bool {
    let mut start = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut found = 0;
    let body = text.get(start..).unwrap_or_default();
    for (number, line) in body.split('\n').enumerate() {
        // One finding per line is enough to mend it; a binary file would give thousands.
        if let Some((column, (offset, c))) = line
            .char_indices()
            .enumerate()
            .find(|(_, (_, c))| is_hidden(*c))
        {
            found += 1;
            let at = start + offset;
            let span = Span {
                start: at,
                end: at + c.len_utf8(),
                line: number + 1,
                column: column + 1,
            };
            findings.add(hidden(c, span));
        }
        if found == 20 {
            break;
        }
        start += line.len() + 1;
    }
    found == 0
}

fn hidden(c: char, span: Span) -> Diagnostic {
    let message = format!(
        "the character {} cannot be seen and may hide something",
        code(c)
    );
    let help = "remove it, or write it as an escape in a text in double quotes";
    Diagnostic::error("WF0007", span, message)
        .label("here")
        .help(help)
}

/// A character as `U+202E`.
pub(super) fn code(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}
