//! Words of a source with their exact places. Rhai's tree says where things start; this says where
//! they end, and finds what Rhai would only call unexpected.

use crate::problem::Span;

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WordKind {
    /// A name or a keyword.
    Name,
    /// A number as written.
    Number,
    /// A text in double quotes.
    Text,
    /// A text in back ticks; the words of its `${…}` parts are not listed before it ends.
    Template,
    /// Something in single quotes.
    Quoted,
    /// An operator or a bracket.
    Symbol,
}

/// One word of the source.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    pub(crate) kind: WordKind,
    /// The characters as written.
    pub(crate) text: String,
    /// Offset of the first character, counted in characters.
    pub(crate) start: usize,
    /// Offset behind the last character.
    pub(crate) end: usize,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Word {
    pub(crate) fn span(&self) -> Span {
        Span {
            line: self.line,
            column: self.column,
            length: self.end - self.start,
        }
    }

    pub(crate) fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == WordKind::Symbol && self.text == symbol
    }
}

/// Longest first, so that the first match is the right one.
const SYMBOLS: [&str; 38] = [
    "===", "!==", "..=", "??=", "**=", "<<=", ">>=", "==", "!=", "<=", ">=", "&&", "||", "??",
    "?.", "?[", "=>", "->", "::", "..", "**", "<<", ">>", "<>", "+=", "-=", "*=", "/=", "%=", "=<",
    "&=", "|=", "^=", ":=", "#{", "++", "--", "()",
];

/// The scanned source.
#[derive(Debug, Clone)]
pub(crate) struct Scan {
    characters: Vec<char>,
    words: Vec<Word>,
}

impl Scan {
    /// Splits a source into words. Never fails: what is not a word becomes a one-character symbol.
    pub(crate) fn new(source: &str) -> Self {
        let characters: Vec<char> = source.chars().collect();
        let mut words = Vec::new();
        Scanner {
            characters: &characters,
            at: 0,
            line: 1,
            column: 1,
        }
        .run(0, &mut words);
        words.sort_by_key(|word| (word.start, std::cmp::Reverse(word.end)));
        Self { characters, words }
    }

    pub(crate) fn words(&self) -> &[Word] {
        &self.words
    }

    /// The index of the word that starts at this line and column.
    pub(crate) fn word_at(&self, line: usize, column: usize) -> Option<usize> {
        self.words
            .iter()
            .position(|word| word.line == line && word.column == column)
    }

    /// The span from one word to the end of another, with the brackets that belong to it.
    pub(crate) fn span_between(&self, first: usize, last: usize) -> Span {
        let (Some(from), Some(to)) = (self.words.get(first), self.words.get(last)) else {
            return Span {
                line: 1,
                column: 1,
                length: 1,
            };
        };
        let to = self.words.get(self.closing(first, last)).unwrap_or(to);
        Span {
            line: from.line,
            column: from.column,
            length: to.end.saturating_sub(from.start),
        }
    }

    /// The source between two character offsets.
    pub(crate) fn text_of(&self, span: Span) -> String {
        let start = self
            .words
            .iter()
            .find(|word| word.line == span.line && word.column == span.column)
            .map_or(0, |word| word.start);
        self.characters
            .iter()
            .skip(start)
            .take(span.length)
            .collect()
    }

    /// Moves behind every bracket that the words from `first` to `last` left open, and takes a call's
    /// brackets along when `last` is the name of the call.
    fn closing(&self, first: usize, last: usize) -> usize {
        let mut open = 0_usize;
        for word in self.words.iter().take(last + 1).skip(first) {
            if word.kind == WordKind::Symbol {
                match word.text.as_str() {
                    "(" | "[" | "{" | "?[" | "#{" => open += 1,
                    ")" | "]" | "}" => open = open.saturating_sub(1),
                    _ => {}
                }
            }
        }
        let mut end = last;
        let calls = self
            .words
            .get(last)
            .is_some_and(|word| word.kind == WordKind::Name)
            && self
                .words
                .get(last + 1)
                .is_some_and(|word| word.is_symbol("(") || word.is_symbol("()"));
        if calls {
            end += 1;
            if self.words.get(end).is_some_and(|word| word.is_symbol("(")) {
                open += 1;
            }
        }
        while open > 0 {
            let Some(word) = self.words.get(end + 1) else {
                break;
            };
            end += 1;
            if word.kind == WordKind::Symbol {
                match word.text.as_str() {
                    "(" | "[" | "{" | "?[" | "#{" => open += 1,
                    ")" | "]" | "}" => open -= 1,
                    _ => {}
                }
            }
        }
        end
    }
}

struct Scanner<'a> {
    characters: &'a [char],
    at: usize,
    line: usize,
    column: usize,
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    fn step(&mut self) -> Option<char> {
        let c = self.peek(0)?;
        self.at += 1;
        if c == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(c)
    }

    /// Reads words to the end, or, inside `${…}` (`depth` above zero), to its closing brace.
    fn run(&mut self, depth: usize, words: &mut Vec<Word>) {
        let mut braces = 0_usize;
        while let Some(c) = self.peek(0) {
            if c.is_whitespace() {
                self.step();
                continue;
            }
            if c == '/' && matches!(self.peek(1), Some('/' | '*')) {
                self.skip_comment();
                continue;
            }
            if depth > 0 && c == '}' && braces == 0 {
                self.step();
                return;
            }
            match c {
                '{' => braces += 1,
                '}' => braces = braces.saturating_sub(1),
                _ => {}
            }
            self.word(c, depth, words);
        }
    }

    fn word(&mut self, c: char, depth: usize, words: &mut Vec<Word>) {
        let (start, line, column) = (self.at, self.line, self.column);
        let kind = if c.is_alphabetic() || c == '_' {
            while self
                .peek(0)
                .is_some_and(|c| c.is_alphanumeric() || c == '_' || is_mark(c))
            {
                self.step();
            }
            WordKind::Name
        } else if c.is_numeric() {
            self.number();
            WordKind::Number
        } else if c == '"' || c == '\'' {
            self.quoted(c);
            if c == '"' {
                WordKind::Text
            } else {
                WordKind::Quoted
            }
        } else if c == '`' {
            self.template(depth, words);
            WordKind::Template
        } else {
            self.symbol();
            WordKind::Symbol
        };
        let text = self
            .characters
            .get(start..self.at)
            .unwrap_or_default()
            .iter()
            .collect();
        words.push(Word {
            kind,
            text,
            start,
            end: self.at,
            line,
            column,
        });
    }

    fn number(&mut self) {
        while let Some(c) = self.peek(0) {
            let before = self
                .at
                .checked_sub(1)
                .and_then(|at| self.characters.get(at));
            let exponent = matches!(c, '+' | '-') && matches!(before, Some('e' | 'E'));
            // The Persian point and separator are no syntax, but they are meant.
            let point = matches!(c, '.' | '٫' | '٬') && self.peek(1).is_some_and(char::is_numeric);
            if !(c.is_alphanumeric() || c == '_' || point || exponent) {
                break;
            }
            self.step();
        }
    }

    fn quoted(&mut self, quote: char) {
        self.step();
        while let Some(c) = self.step() {
            if c == '\\' || (c == quote && self.peek(0) == Some(quote)) {
                // A doubled quote stands for one, as an escaped one does.
                self.step();
            } else if c == quote || c == '\n' {
                break;
            }
        }
    }

    /// Nested templates are cut at eight levels, far above what the parser accepts.
    fn template(&mut self, depth: usize, words: &mut Vec<Word>) {
        self.step();
        while let Some(c) = self.step() {
            if c == '`' && self.peek(0) == Some('`') {
                self.step();
                continue;
            }
            if c == '`' {
                break;
            }
            if c == '$' && self.peek(0) == Some('{') && depth < 8 {
                self.step();
                self.run(depth + 1, words);
            }
        }
    }

    fn skip_comment(&mut self) {
        if self.peek(1) == Some('/') {
            while self.peek(0).is_some_and(|c| c != '\n') {
                self.step();
            }
            return;
        }
        self.step();
        self.step();
        let mut depth = 1_usize;
        while depth > 0 {
            match (self.step(), self.peek(0)) {
                (None, _) => return,
                (Some('*'), Some('/')) => {
                    self.step();
                    depth -= 1;
                }
                (Some('/'), Some('*')) => {
                    self.step();
                    depth += 1;
                }
                _ => {}
            }
        }
    }

    fn symbol(&mut self) {
        let found = SYMBOLS.iter().find(|symbol| {
            symbol
                .chars()
                .enumerate()
                .all(|(ahead, c)| self.peek(ahead) == Some(c))
        });
        for _ in 0..found.map_or(1, |symbol| symbol.len()) {
            self.step();
        }
    }
}

/// Marks that continue a word in scripts such as Persian, and the joiners between its letters.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{200c}' | '\u{200d}')
}
