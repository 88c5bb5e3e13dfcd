//! For programs: one JSON document.

use serde::Serialize;

use crate::diagnostic::{Diagnostic, count};

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    errors: usize,
    warnings: usize,
    diagnostics: &'a [Diagnostic],
}

/// `{"version": 1, "errors": …, "warnings": …, "diagnostics": […]}`, on lines.
pub fn render_json(diagnostics: &[Diagnostic]) -> String {
    let (errors, warnings) = count(diagnostics);
    let report = Report {
        version: 1,
        errors,
        warnings,
        diagnostics,
    };
    // The report holds texts and numbers alone, which always serialise.
    serde_json::to_string_pretty(&report).unwrap_or_default()
}
