//! Message templates: text with expressions in it.

use std::sync::Arc;

use values::Locale;

use crate::display::{FILTERS, Filter, show};
use crate::error::EvaluationError;
use crate::expression::{Expected, Expression};
use crate::facts::Facts;
use crate::problem::{Problem, ProblemCode, Span, nearest};
use crate::reads::Reads;
use crate::scan::{Scan, Word, WordKind};
use crate::schema::Schema;
use crate::types::Type;
use crate::{MAX_OUTPUT_BYTES, MAX_SOURCE_BYTES, MAX_TEMPLATE_BYTES};

/// More tokens than this are refused.
const MAX_TOKENS: usize = 64;

/// A text with `{{ … }}` tokens, compiled. A clone shares it.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    inner: Arc<Inner>,
}

#[derive(Debug, PartialEq)]
struct Inner {
    text: String,
    parts: Vec<Part>,
    reads: Reads,
}

#[derive(Debug, PartialEq)]
enum Part {
    Text(String),
    Token(Expression, Filter),
}

impl Template {
    /// Compiles a text. A token holds an expression and, behind `|`, at most one of the filters
    /// `money`, `date`, `datetime`, `number` and `raw`. `{{{{` stands for two braces.
    ///
    /// # Errors
    ///
    /// Every [`Problem`] in every token, with its place in the text.
    pub fn compile(text: &str, schema: &Schema) -> Result<Self, Vec<Problem>> {
        if text.len() > MAX_TEMPLATE_BYTES {
            let message = format!(
                "a template has at most {MAX_TEMPLATE_BYTES} bytes, this one has {}",
                text.len()
            );
            let span = Span {
                line: 1,
                column: 1,
                length: 1,
            };
            return Err(vec![Problem::new(ProblemCode::TooLong, span, message)]);
        }
        let mut reader = Reader::new(text, schema);
        reader.read();
        if !reader.problems.is_empty() {
            return Err(reader.problems);
        }
        let mut reads = Reads::default();
        for part in &reader.parts {
            if let Part::Token(expression, _) = part {
                reads.merge(expression.reads());
            }
        }
        let inner = Inner {
            text: text.to_owned(),
            parts: reader.parts,
            reads,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The text for a reader. An empty value is written as nothing; a value is never read as a
    /// template itself.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`], also for more than [`MAX_OUTPUT_BYTES`].
    pub fn render(&self, facts: &Facts, locale: Locale) -> Result<String, EvaluationError> {
        let mut output = String::new();
        for part in &self.inner.parts {
            match part {
                Part::Text(text) => output.push_str(text),
                Part::Token(expression, filter) => {
                    let value = expression.evaluate(facts)?;
                    let shown = show(&value, *filter, locale, &facts.zone);
                    output.push_str(shown.as_str());
                }
            }
            if output.len() > MAX_OUTPUT_BYTES {
                let message = format!("a message has at most {MAX_OUTPUT_BYTES} bytes");
                return Err(EvaluationError::TooLarge { message });
            }
        }
        Ok(output)
    }

    /// The text as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.inner.text
    }

    /// What all tokens together look at.
    #[must_use]
    pub fn reads(&self) -> &Reads {
        &self.inner.reads
    }

    /// The expressions of the tokens, in the order of the text.
    #[must_use]
    pub fn tokens(&self) -> Vec<&str> {
        let tokens = self.inner.parts.iter().filter_map(|part| match part {
            Part::Token(expression, _) => Some(expression.source()),
            Part::Text(_) => None,
        });
        tokens.collect()
    }

    /// Whether a token reads a field, named as in `link.url`.
    #[must_use]
    pub fn uses(&self, path: &str) -> bool {
        self.inner.reads.paths.contains(path)
    }
}

/// Walks over the text once.
struct Reader<'a> {
    schema: &'a Schema,
    characters: Vec<char>,
    at: usize,
    line: usize,
    column: usize,
    pending: String,
    parts: Vec<Part>,
    problems: Vec<Problem>,
    tokens: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &str, schema: &'a Schema) -> Self {
        Self {
            schema,
            characters: text.chars().collect(),
            at: 0,
            line: 1,
            column: 1,
            pending: String::new(),
            parts: Vec::new(),
            problems: Vec::new(),
            tokens: 0,
        }
    }

    fn starts_with(&self, wanted: &str) -> bool {
        wanted
            .chars()
            .enumerate()
            .all(|(ahead, c)| self.characters.get(self.at + ahead) == Some(&c))
    }

    fn advance(&mut self, count: usize) {
        for _ in 0..count {
            match self.characters.get(self.at) {
                Some('\n') => {
                    self.line += 1;
                    self.column = 1;
                }
                Some(_) => self.column += 1,
                None => return,
            }
            self.at += 1;
        }
    }

    fn read(&mut self) {
        while let Some(c) = self.characters.get(self.at).copied() {
            if self.starts_with("{{{{") {
                self.pending.push_str("{{");
                self.advance(4);
            } else if self.starts_with("{{") {
                let text = std::mem::take(&mut self.pending);
                if !text.is_empty() {
                    self.parts.push(Part::Text(text));
                }
                if !self.token() {
                    return;
                }
            } else {
                self.pending.push(c);
                self.advance(1);
            }
        }
        if !self.pending.is_empty() {
            self.parts
                .push(Part::Text(std::mem::take(&mut self.pending)));
        }
    }

    /// Reads one token; `false` when the rest of the text cannot be read.
    fn token(&mut self) -> bool {
        let opening = Span {
            line: self.line,
            column: self.column,
            length: 2,
        };
        self.tokens += 1;
        if self.tokens > MAX_TOKENS {
            let message = format!("a template has at most {MAX_TOKENS} tokens");
            self.problems
                .push(Problem::new(ProblemCode::TooComplex, opening, message));
            return false;
        }
        self.advance(2);
        let most = self.at + MAX_SOURCE_BYTES + 2;
        let rest: String = self.characters.iter().take(most).skip(self.at).collect();
        let scan = Scan::new(&rest);
        let Some(end) = closing(scan.words()) else {
            let problem = Problem::new(ProblemCode::BadToken, opening, "the token is not closed")
                .hint("close it with `}}`; write `{{{{` for two braces in the text");
            self.problems.push(problem);
            return false;
        };
        let body: String = rest.chars().take(end).collect();
        let (source, filter) = self.split(&body, &scan, end);
        let (skipped, place) = leading(source);
        let source = source.trim();
        let (line, column) = if place.0 == 1 {
            (self.line, self.column + skipped)
        } else {
            (self.line + place.0 - 1, place.1)
        };
        match Expression::compile(source, self.schema, Expected::Any) {
            Ok(expression) => {
                let filter = filter.map_or(Filter::Default, |(filter, span)| {
                    self.check_filter(filter, span, expression.result_type())
                });
                self.parts.push(Part::Token(expression, filter));
            }
            Err(problems) => {
                self.problems.extend(
                    problems
                        .into_iter()
                        .map(|problem| moved(problem, line, column)),
                );
            }
        }
        self.advance(end + 2);
        true
    }

    /// Parts the expression from the filter behind the last `|` that stands in no bracket.
    fn split<'b>(
        &mut self,
        body: &'b str,
        scan: &Scan,
        end: usize,
    ) -> (&'b str, Option<(Filter, Span)>) {
        let words: Vec<&Word> = scan.words().iter().filter(|word| word.end <= end).collect();
        let mut depth = 0_usize;
        let mut bar = None;
        for (index, word) in words.iter().enumerate() {
            if word.kind == WordKind::Symbol {
                match word.text.as_str() {
                    "(" | "[" | "{" | "?[" | "#{" => depth += 1,
                    ")" | "]" | "}" => depth = depth.saturating_sub(1),
                    "|" if depth == 0 => bar = Some(index),
                    _ => {}
                }
            }
        }
        let Some((index, bar)) = bar.and_then(|index| words.get(index).map(|word| (index, word)))
        else {
            return (body, None);
        };
        let split = body
            .char_indices()
            .nth(bar.start)
            .map_or(body.len(), |(byte, _)| byte);
        let source = body.get(..split).unwrap_or(body);
        match (words.get(index + 1), words.get(index + 2)) {
            (Some(name), None) => {
                let span = self.place(name.span());
                match FILTERS.iter().find(|(known, _)| *known == name.text) {
                    Some((_, filter)) => (source, Some((*filter, span))),
                    None => {
                        let near = nearest(&name.text, FILTERS.iter().map(|(known, _)| *known));
                        let message = format!("there is no filter `{}`", name.text);
                        let problem = Problem::new(ProblemCode::BadToken, span, message)
                            .hint("the filters are money, date, datetime, number and raw")
                            .suggestion(near);
                        self.problems.push(problem);
                        (source, None)
                    }
                }
            }
            _ => {
                let span = self.place(bar.span());
                let message = "one filter is expected behind `|`";
                self.problems
                    .push(Problem::new(ProblemCode::BadToken, span, message));
                (source, None)
            }
        }
    }

    /// A span inside the token as a span of the template.
    fn place(&self, span: Span) -> Span {
        if span.line == 1 {
            Span {
                line: self.line,
                column: self.column + span.column - 1,
                length: span.length,
            }
        } else {
            Span {
                line: self.line + span.line - 1,
                ..span
            }
        }
    }

    fn check_filter(&mut self, filter: Filter, span: Span, found: &Type) -> Filter {
        let fits = match (filter, found.required()) {
            (Filter::Default | Filter::Raw, _) | (_, Type::Unknown | Type::Unit) => true,
            (Filter::Money, found) => matches!(found, Type::Money),
            (Filter::Date, found) => matches!(found, Type::Date | Type::Instant),
            (Filter::DateTime, found) => matches!(found, Type::Instant),
            (Filter::Number, found) => matches!(found, Type::Number),
        };
        if !fits {
            let name = FILTERS
                .iter()
                .find(|(_, known)| *known == filter)
                .map_or("", |(name, _)| *name);
            let message = format!("`{name}` does not show {found}");
            self.problems
                .push(Problem::new(ProblemCode::BadToken, span, message));
        }
        filter
    }
}

/// The offset of the `}}` that closes a token: two braces side by side, in no other bracket.
fn closing(words: &[Word]) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, word) in words.iter().enumerate() {
        if word.kind != WordKind::Symbol {
            continue;
        }
        match word.text.as_str() {
            "(" | "[" | "{" | "?[" | "#{" => depth += 1,
            "}" if depth == 0 => {
                let next = words.get(index + 1);
                let closes = next.is_some_and(|next| next.is_symbol("}") && next.start == word.end);
                return closes.then_some(word.start);
            }
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// How many characters of white space stand in front, and the line and column behind them.
fn leading(source: &str) -> (usize, (usize, usize)) {
    let mut place = (1, 1);
    let mut count = 0;
    for c in source.chars().take_while(|c| c.is_whitespace()) {
        count += 1;
        place = if c == '\n' {
            (place.0 + 1, 1)
        } else {
            (place.0, place.1 + 1)
        };
    }
    (count, place)
}

fn moved(problem: Problem, line: usize, column: usize) -> Problem {
    let first = problem.line == 1;
    Problem {
        line: problem.line + line - 1,
        column: if first {
            problem.column + column - 1
        } else {
            problem.column
        },
        ..problem
    }
}
