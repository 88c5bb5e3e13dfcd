//! What is wrong with a file, where, and how to mend it.

mod fix;
mod github;
mod human;
mod json;

use std::collections::BTreeMap;

use serde::Serialize;

pub use fix::apply_fixes;
pub use github::render_github;
pub use human::render_human;
pub use json::render_json;

use crate::syntax::SourceFile;

/// A stretch of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// Its first byte.
    pub start: usize,
    /// The byte behind its last one.
    pub end: usize,
    /// The line of the first byte, from 1.
    pub line: usize,
    /// The column of the first byte, in characters from 1.
    pub column: usize,
}

impl Span {
    /// The very start of a file.
    pub const START: Span = Span {
        start: 0,
        end: 0,
        line: 1,
        column: 1,
    };

    /// The span of a byte range.
    pub fn of_range(text: &str, start: usize, end: usize) -> Span {
        let before = text.get(..start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let last = before.rsplit('\n').next().unwrap_or_default();
        let column = last.trim_start_matches('\u{feff}').chars().count() + 1;
        Span {
            start,
            end: end.max(start),
            line,
            column,
        }
    }

    /// The same start with another length in bytes.
    #[must_use]
    pub fn widen(self, bytes: usize) -> Span {
        Span {
            end: self.start + bytes,
            ..self
        }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file cannot be run.
    Error,
    /// The file can be run, and probably does not do what was meant.
    Warning,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// A stable code; [`crate::explain`] has a page about it.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong; lower case, no full stop.
    pub message: String,
    /// The file, as it was named.
    pub file: String,
    /// Where.
    pub span: Span,
    /// What stands at the place.
    pub label: Option<String>,
    /// Other places that explain it.
    pub related: Vec<Related>,
    /// What to do about it.
    pub help: Option<String>,
    /// A replacement that is most likely meant.
    pub fix: Option<Fix>,
}

/// Another place that explains a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Related {
    /// Where, in the same file.
    pub span: Span,
    /// What stands there.
    pub label: String,
}

/// A replacement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// What is replaced.
    pub span: Span,
    /// What comes in its place.
    pub replacement: String,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            message: message.into(),
            file: String::new(),
            span,
            label: None,
            related: Vec::new(),
            help: None,
            fix: None,
        }
    }

    /// A warning at a place.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Warning,
            ..Diagnostic::error(code, span, message)
        }
    }

    /// With words at the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Diagnostic {
        self.label = Some(label.into());
        self
    }

    /// With another place.
    #[must_use]
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Diagnostic {
        self.related.push(Related {
            span,
            label: label.into(),
        });
        self
    }

    /// With advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// With a replacement.
    #[must_use]
    pub fn fix(mut self, span: Span, replacement: impl Into<String>) -> Diagnostic {
        self.fix = Some(Fix {
            span,
            replacement: replacement.into(),
        });
        self
    }

    /// With the nearest of the known words: as advice, and in the place of the wrong one.
    #[must_use]
    pub fn did_you_mean<'a>(
        self,
        written: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Diagnostic {
        match nearest(written, known) {
            Some(meant) => {
                let span = self.span;
                self.help(format!("did you mean `{meant}`?"))
                    .fix(span, meant)
            }
            None => self,
        }
    }
}

/// The known word that is nearest to a written one, if one is near enough to be meant.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = 1 + written.chars().count() / 4;
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(written, name), name))
        .filter(|(distance, name)| *distance <= allowed && *distance < name.chars().count())
        .min()
        .map(|(_, name)| name)
}

/// No file gets more findings than this: a file with more is not a workflow with mistakes.
pub const FINDINGS_MAX: usize = 500;

/// The findings about one file, as they come in.
#[derive(Debug, Clone)]
pub struct Findings {
    file: String,
    list: Vec<Diagnostic>,
}

impl Findings {
    /// No findings yet about a file of that name.
    pub fn new(file: impl Into<String>) -> Findings {
        Findings {
            file: file.into(),
            list: Vec::new(),
        }
    }

    /// Adds one.
    pub fn add(&mut self, mut diagnostic: Diagnostic) {
        if self.list.len() < FINDINGS_MAX {
            diagnostic.file.clone_from(&self.file);
            self.list.push(diagnostic);
        }
    }

    /// Whether there is an error among them.
    pub fn has_errors(&self) -> bool {
        self.list
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them in the order of the file.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by(|a, b| {
            (a.span.start, a.severity, a.code).cmp(&(b.span.start, b.severity, b.code))
        });
        self.list.dedup();
        self.list
    }
}

/// The texts that diagnostics point into.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    texts: BTreeMap<String, String>,
}

impl Sources {
    /// No texts.
    pub fn new() -> Sources {
        Sources::default()
    }

    /// With one more file.
    #[must_use]
    pub fn with(mut self, file: &SourceFile) -> Sources {
        self.add(file);
        self
    }

    /// Adds a file.
    pub fn add(&mut self, file: &SourceFile) {
        self.texts.insert(file.name.clone(), file.lossy_text());
    }

    /// The text of a file.
    pub fn text(&self, file: &str) -> Option<&str> {
        self.texts.get(file).map(String::as_str)
    }
}

/// How many errors and how many warnings there are.
pub(crate) fn count(diagnostics: &[Diagnostic]) -> (usize, usize) {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .count();
    (errors, diagnostics.len() - errors)
}
