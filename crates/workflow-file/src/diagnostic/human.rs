//! For people: rustc's look, with carets that stand right below Persian lines too.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Severity, Sources, Span, count};

/// Beyond this a text is not shown, only named: nobody reads a snippet of a megabyte on one line.
const SHOWN_BYTES_MAX: usize = 1 << 20;

/// Every diagnostic with its source lines, then one line that counts them. Empty for none.
pub fn render_human(diagnostics: &[Diagnostic], sources: &Sources, color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&one(diagnostic, sources, &renderer));
        text.push_str("\n\n");
    }
    if let Some(summary) = summary(diagnostics) {
        text.push_str(&summary);
        text.push('\n');
    }
    text
}

fn one(diagnostic: &Diagnostic, sources: &Sources, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code);
    let source = sources
        .text(&diagnostic.file)
        .filter(|text| text.len() <= SHOWN_BYTES_MAX && !text.is_empty());
    let mut group = match source {
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
