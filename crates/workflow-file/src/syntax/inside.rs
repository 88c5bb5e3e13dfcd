//! Places inside a scalar: from a line and column of its text to bytes of the file.

use crate::diagnostic::Span;
use crate::syntax::node::{Node, NodeKind, Style};

/// Where a stretch of a scalar's text stands in the file. Line and column count from 1 in the
/// text after quotes, escapes and folding; the length is in characters. Where the two cannot be
/// matched up, the whole scalar.
pub fn place_inside(file: &str, node: &Node, line: usize, column: usize, length: usize) -> Span {
    let NodeKind::Scalar(scalar) = &node.kind else {
        return node.value_place();
    };
    let Some(first) = offset_of(&scalar.text, line, column) else {
        return node.value_place();
    };
    let map = match offsets(file, node.span, &scalar.text, scalar.style) {
        Some(map) => map,
        None => return node.value_place(),
    };
    let last = first + length.max(1) - 1;
    match (map.get(first), map.get(last).or(map.last())) {
        (Some((start, _)), Some((_, end))) if start < end => Span::of_range(file, *start, *end),
        // Just behind the last character: an expression that breaks off.
        (None, Some((_, end))) => Span::of_range(file, *end, *end),
        _ => node.value_place(),
    }
}

/// The character offset of a line and column.
fn offset_of(text: &str, line: usize, column: usize) -> Option<usize> {
    let before: usize = text
        .split('\n')
        .take(line.checked_sub(1)?)
        .map(|line| line.chars().count() + 1)
        .sum();
    Some(before + column.checked_sub(1)?)
}

/// For each character of the text, the bytes of the file it was written with.
fn offsets(file: &str, span: Span, text: &str, style: Style) -> Option<Vec<(usize, usize)>> {
    let quote = match style {
        Style::Single | Style::Double => 1,
        Style::Plain | Style::Literal | Style::Folded => 0,
    };
    let mut walk = Walk {
        file,
        at: span.start + quote,
        style,
    };
    let mut map = Vec::with_capacity(text.len());
    for wanted in text.chars() {
        match walk.next(wanted) {
            Some(place) => map.push(place),
            // The line break that a block scalar adds at the end of the file.
            None if wanted == '\n' => map.push((walk.at, walk.at)),
            None => return None,
        }
    }
    Some(map)
}

struct Walk<'a> {
    file: &'a str,
    at: usize,
    style: Style,
}

impl Walk<'_> {
    fn next(&mut self, wanted: char) -> Option<(usize, usize)> {
        loop {
            let rest = self.file.get(self.at..)?;
            let found = rest.chars().next()?;
            if self.style == Style::Double && found == '\\' {
                if let Some(length) = escape_length(rest) {
                    return Some(self.take(length));
                }
                self.skip_folded(1);
                continue;
            }
            if self.style == Style::Single && rest.starts_with("''") && wanted == '\'' {
                return Some(self.take(2));
            }
            if found == wanted && !(found.is_whitespace() && self.at_fold(rest)) {
                return Some(self.take(found.len_utf8()));
            }
            if wanted == ' ' && found.is_whitespace() {
                let start = self.at;
                self.skip_folded(0);
                return Some((start, self.at));
            }
            if found.is_whitespace() && !(found == '\n' && wanted == '\n') {
                self.at += found.len_utf8();
                continue;
            }
            return (found == wanted).then(|| self.take(found.len_utf8()));
        }
    }

    /// Whether the white space here ends a line of a scalar whose lines are joined.
    fn at_fold(&self, rest: &str) -> bool {
        let joins = matches!(
            self.style,
            Style::Plain | Style::Single | Style::Double | Style::Folded
        );
        joins && rest.chars().find(|c| !matches!(c, ' ' | '\t' | '\r')) == Some('\n')
    }

    fn take(&mut self, length: usize) -> (usize, usize) {
        let start = self.at;
        self.at += length;
        (start, self.at)
    }

    fn skip_folded(&mut self, first: usize) {
        let rest = self.file.get(self.at + first..).unwrap_or_default();
        let blank = rest.len() - rest.trim_start().len();
        self.at += first + blank;
    }
}

/// The length of an escape, or `None` for one that joins two lines.
fn escape_length(rest: &str) -> Option<usize> {
    match rest.chars().nth(1)? {
        'x' => Some(4),
        'u' => Some(6),
        'U' => Some(10),
        '\n' | '\r' => None,
        other => Some(1 + other.len_utf8()),
    }
}
