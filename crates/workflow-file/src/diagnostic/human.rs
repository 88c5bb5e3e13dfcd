//! For people: rustc's look, with carets that stand right below Persian lines too.

use std::borrow::Cow;
use std::collections::BTreeMap;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Severity, Sources, Span, count};

/// Beyond this a text is not shown, only named: nobody reads a snippet of a megabyte on one line.
const SHOWN_BYTES_MAX: usize = 1 << 20;

/// Codes whose place is a secret.
const POINTS_AT_SECRETS: [&str; 2] = ["WF0502", "WF0419"];

/// Every diagnostic with its source lines, then one line that counts them. Empty for none.
pub fn render_human(diagnostics: &[Diagnostic], sources: &Sources, color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut text = String::new();
    let mut shown: BTreeMap<&str, Option<Cow<'_, str>>> = BTreeMap::new();
    for diagnostic in diagnostics {
        let source = shown
            .entry(diagnostic.file.as_str())
            .or_insert_with(|| masked(&diagnostic.file, diagnostics, sources));
        text.push_str(&one(diagnostic, source.as_deref(), &renderer));
        text.push_str("\n\n");
    }
    if let Some(summary) = summary(diagnostics) {
        text.push_str(&summary);
        text.push('\n');
    }
    text
}

/// The text of a file with every secret that a finding points at turned into stars: outputs are
/// logged and sent around.
fn masked<'a>(
    file: &str,
    diagnostics: &[Diagnostic],
    sources: &'a Sources,
) -> Option<Cow<'a, str>> {
    let text = sources
        .text(file)
        .filter(|text| text.len() <= SHOWN_BYTES_MAX && !text.is_empty())?;
    let mut masked = Cow::Borrowed(text);
    let secrets = diagnostics.iter().filter(|diagnostic| {
        diagnostic.file == file && POINTS_AT_SECRETS.contains(&diagnostic.code)
    });
    for secret in secrets {
        let range = range(secret.span, text);
        // As many bytes as before, so that every other place stays where it is.
        let stars = "*".repeat(range.len());
        masked.to_mut().replace_range(range, &stars);
    }
    Some(masked)
}

fn one(diagnostic: &Diagnostic, text: Option<&str>, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code);
    let mut group = match text {
        Some(text) => title.element(snippet(diagnostic, text)),
        None => title.element(annotate_snippets::Origin::path(diagnostic.file.as_str())),
    };
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}

fn snippet<'a>(
    diagnostic: &'a Diagnostic,
    text: &'a str,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let label = diagnostic.label.as_deref();
    let primary = AnnotationKind::Primary
        .span(range(diagnostic.span, text))
        .label(label);
    let related = diagnostic.related.iter().map(|related| {
        AnnotationKind::Context
            .span(range(related.span, text))
            .label(related.label.as_str())
    });
    Snippet::source(text)
        .path(diagnostic.file.as_str())
        .annotation(primary)
        .annotations(related)
}

/// The range, moved to where characters begin: in a text with replaced bytes it may not fit.
fn range(span: Span, text: &str) -> std::ops::Range<usize> {
    let down = |at: usize| {
        (0..=at.min(text.len()))
            .rev()
            .find(|at| text.is_char_boundary(*at))
    };
    let start = down(span.start).unwrap_or_default();
    let end = down(span.end).unwrap_or_default();
    start..end.max(start)
}

fn summary(diagnostics: &[Diagnostic]) -> Option<String> {
    let plural = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{count} {word}s")),
    };
    let (errors, warnings) = count(diagnostics);
    let parts: Vec<String> = [plural(errors, "error"), plural(warnings, "warning")]
        .into_iter()
        .flatten()
        .collect();
    let first = diagnostics.iter().find(|d| d.severity == Severity::Error);
    let first = first.or(diagnostics.first())?;
    Some(format!(
        "{}; `engine-runner explain {}` says more",
        parts.join(", "),
        first.code
    ))
}
