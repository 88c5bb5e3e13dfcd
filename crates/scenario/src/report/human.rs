//! For people: one line per scenario, the whole truth about those that failed, then the coverage.

use values::{Locale, format_duration};
use workflow_file::{Sources, render_human as render_diagnostics};

use super::{Broken, Failure, Report, Suite};

struct Paint(bool);

impl Paint {
    fn with(&self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn good(&self, text: &str) -> String {
        self.with("32", text)
    }

    fn bad(&self, text: &str) -> String {
        self.with("1;31", text)
    }

    fn dim(&self, text: &str) -> String {
        self.with("2", text)
    }
}

/// The whole suite as text. `sources` are the texts that diagnostics point into.
pub fn render_human(suite: &Suite, sources: &Sources, color: bool) -> String {
    let paint = Paint(color);
    let mut text = String::new();
    for report in &suite.reports {
        text.push_str(&line(report, &paint));
    }
    for broken in &suite.broken {
        text.push_str(&refused(broken, sources, &paint));
    }
    for report in suite.reports.iter().filter(|report| !report.passed()) {
        text.push_str(&failed(report, &paint));
    }
    text.push_str(&coverage(suite, &paint));
    text.push_str(&summary(suite, &paint));
    text
}

fn line(report: &Report, paint: &Paint) -> String {
    let mark = if report.passed() {
        paint.good("pass")
    } else {
        paint.bad("FAIL")
    };
    let file = paint.dim(&report.file);
    format!("{mark}  {}  {file}\n", report.name.get(Locale::En))
}

fn refused(broken: &Broken, sources: &Sources, paint: &Paint) -> String {
    let mut text = format!("{}  {}\n", paint.bad("FAIL"), broken.file);
    if let Some(error) = &broken.error {
        text.push_str(&format!("      {error}\n"));
    }
    if !broken.diagnostics.is_empty() {
        text.push('\n');
        text.push_str(&render_diagnostics(&broken.diagnostics, sources, paint.0));
    }
    text
}

fn failed(report: &Report, paint: &Paint) -> String {
    let mut text = format!(
        "\n{}\n",
        paint.bad(&format!("{} failed", report.name.get(Locale::En)))
    );
    for failure in &report.failures {
        text.push_str(&one(report, failure, paint));
    }
    // All failures of a scenario come from one step, so they share the story.
    if let Some(failure) = report
        .failures
        .first()
        .filter(|failure| !failure.story.is_empty())
    {
        text.push_str("\n  the story so far\n");
        for line in &failure.story {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

fn one(report: &Report, failure: &Failure, paint: &Paint) -> String {
    let place = format!(
        "{}:{}:{}",
        report.file, failure.place.line, failure.place.column
    );
    format!(
        "  {place}  {}\n    expected  {}\n    actual    {}\n",
        failure.what,
        paint.good(&failure.expected),
        paint.bad(&failure.actual)
    )
}

fn coverage(suite: &Suite, paint: &Paint) -> String {
    let mut text = String::from("\n");
    for (workflow, coverage) in suite.coverage() {
        let measures = coverage.measures();
        let parts: Vec<String> = measures
            .iter()
            .map(|measure| format!("{} {}/{}", measure.name, measure.covered, measure.total))
            .collect();
        let percent = format!("{} %", coverage.percent());
        let percent = if coverage.is_full() {
            paint.good(&percent)
        } else {
            paint.bad(&percent)
        };
        text.push_str(&format!(
            "coverage of {workflow}  {percent}  {}\n",
            parts.join(" · ")
        ));
        for measure in &measures {
            for missing in &measure.missing {
                text.push_str(&format!("    not shown: {missing}\n"));
            }
        }
    }
    text
}

fn summary(suite: &Suite, paint: &Paint) -> String {
    let passed = suite.len() - suite.failed();
    let counts = format!("{passed} passed, {} failed", suite.failed());
    let counts = if suite.passed() {
        paint.good(&counts)
    } else {
        paint.bad(&counts)
    };
    let days = format_duration(suite.virtual_time());
    let took = suite
        .elapsed
        .map(|took| format!(" in {} ms", took.as_millis()));
    format!(
        "{counts}; {days} of virtual time{}\n",
        took.unwrap_or_default()
    )
}
