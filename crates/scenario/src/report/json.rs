//! For programs: one JSON document.

use serde_json::{Value as Json, json};
use values::Locale;

use super::{Failure, Report, Suite};

/// `{"version": 1, "passed": …, "failed": …, "scenarios": […], "broken": […], "coverage": […]}`, on
/// lines.
pub fn render_json(suite: &Suite) -> String {
    let scenarios: Vec<Json> = suite.reports.iter().map(scenario).collect();
    let broken: Vec<Json> = suite
        .broken
        .iter()
        .map(|broken| {
            json!({
                "file": broken.file,
                "diagnostics": broken.diagnostics,
                "error": broken.error,
            })
        })
        .collect();
    let coverage: Vec<Json> = suite
        .coverage()
        .into_iter()
        .map(|(workflow, coverage)| {
            json!({
                "workflow": workflow,
                "percent": coverage.percent(),
                "measures": coverage.measures(),
            })
        })
        .collect();
    let document = json!({
        "version": 1,
        "passed": suite.len() - suite.failed(),
        "failed": suite.failed(),
        "virtual_seconds": suite.virtual_time().num_seconds(),
        "scenarios": scenarios,
        "broken": broken,
        "coverage": coverage,
    });
    // The document holds texts and numbers alone, which always serialise.
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

fn scenario(report: &Report) -> Json {
    let skips: Vec<Json> = report
        .skips
        .iter()
        .map(|skip| json!({ "from": skip.from, "to": skip.to }))
        .collect();
    json!({
        "file": report.file,
        "name": report.name.get(Locale::En),
        "workflow": report.workflow,
        "passed": report.passed(),
        "steps": report.steps,
        "began": report.began,
        "ended": report.ended,
        "done": report.done,
        "clock_skips": skips,
        "failures": report.failures.iter().map(failure).collect::<Vec<Json>>(),
    })
}

fn failure(failure: &Failure) -> Json {
    json!({
        "line": failure.place.line,
        "column": failure.place.column,
        "what": failure.what,
        "expected": failure.expected,
        "actual": failure.actual,
        "story": failure.story,
    })
}
