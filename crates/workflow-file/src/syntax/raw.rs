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
    check_characters(text, findings).then_some(text)
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

/// Characters that turn the direction of what stands around them. They must be escaped.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Characters over which parsers disagree, or which no text has. They must be escaped.
fn is_control(c: char) -> bool {
    let control = c.is_control() && !matches!(c, '\t' | '\r');
    control
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// Reports hidden characters. Those that turn the direction can still be read past.
fn check_characters(text: &str, findings: &mut Findings) -> bool {
    let mut start = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut readable = true;
    let mut found = 0;
    let body = text.get(start..).unwrap_or_default();
    for (number, line) in body.split('\n').enumerate() {
        let shown = line.strip_suffix('\r').unwrap_or(line);
        let bad = |c: char| turns_direction(c) || is_control(c) || c == '\r';
        let mut all = shown
            .char_indices()
            .enumerate()
            .filter(|(_, (_, c))| bad(*c));
        // One finding per line is enough to mend it; a binary file would give thousands.
        if let Some((column, (offset, c))) = all.next() {
            found += 1;
            readable &= turns_direction(c) && all.all(|(_, (_, c))| turns_direction(c));
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
            return false;
        }
        start += line.len() + 1;
    }
    readable
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
