//! For GitHub: workflow commands that become annotations on the changed lines.

use std::fmt::Write as _;

use crate::diagnostic::{Diagnostic, Severity};

/// GitHub shows no more annotations of one level per step; the rest would vanish silently.
const SHOWN_MAX: usize = 10;

/// One `::error …` or `::warning …` line per finding, ten of each at most, then one that counts
/// what is left.
pub fn render_github(diagnostics: &[Diagnostic]) -> String {
    let mut text = String::new();
    for (severity, command) in [(Severity::Error, "error"), (Severity::Warning, "warning")] {
        let all: Vec<&Diagnostic> = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .collect();
        // One place is kept for the line that counts.
        let shown = if all.len() > SHOWN_MAX {
            SHOWN_MAX - 1
        } else {
            all.len()
        };
        for diagnostic in all.iter().take(shown) {
            text.push_str(&line(command, diagnostic));
        }
        if all.len() > shown {
            let left = all.len() - shown;
            let _ = writeln!(
                text,
                "::{command} title=more::{left} more {command}s are in the log"
            );
        }
    }
    text
}

fn line(command: &str, diagnostic: &Diagnostic) -> String {
    let mut message = diagnostic.message.clone();
    if let Some(help) = &diagnostic.help {
        message.push_str("\nhelp: ");
        message.push_str(help);
    }
    format!(
        "::{command} file={},line={},col={},title={}::{}\n",
        property(&diagnostic.file),
        diagnostic.span.line,
        diagnostic.span.column,
        property(diagnostic.code),
        data(&message),
    )
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
