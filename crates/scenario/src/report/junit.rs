//! For build servers: JUnit XML, one suite per workflow.

use std::collections::BTreeMap;

use values::Locale;

use super::{Broken, Failure, Report, Suite, sentence};

/// The suite as JUnit XML.
pub fn render_junit(suite: &Suite) -> String {
    let mut by_workflow: BTreeMap<&str, Vec<&Report>> = BTreeMap::new();
    for report in &suite.reports {
        by_workflow
            .entry(&report.workflow)
            .or_default()
            .push(report);
    }
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    text.push_str(&format!(
        "<testsuites tests=\"{}\" failures=\"{}\" errors=\"{}\">\n",
        suite.len(),
        suite.failed() - suite.broken.len(),
        suite.broken.len()
    ));
    for (workflow, reports) in by_workflow {
        let failed = reports.iter().filter(|report| !report.passed()).count();
        text.push_str(&format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\">\n",
            escaped(workflow),
            reports.len()
        ));
        for report in reports {
            text.push_str(&case(report));
        }
        text.push_str("  </testsuite>\n");
    }
    if !suite.broken.is_empty() {
        let count = suite.broken.len();
        text.push_str(&format!(
            "  <testsuite name=\"scenario files\" tests=\"{count}\" errors=\"{count}\">\n"
        ));
        text.extend(suite.broken.iter().map(broken));
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn case(report: &Report) -> String {
    let open = format!(
        "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\"",
        escaped(report.name.get(Locale::En)),
        escaped(&report.workflow),
        escaped(&report.file)
    );
    if report.passed() {
        return format!("{open}/>\n");
    }
    let failures: String = report
        .failures
        .iter()
        .map(|failure| failed(report, failure))
        .collect();
    format!("{open}>\n{failures}    </testcase>\n")
}

fn failed(report: &Report, failure: &Failure) -> String {
    let story = failure.story.join("\n");
    let place = format!(
        "{}:{}:{}",
        report.file, failure.place.line, failure.place.column
    );
    format!(
        "      <failure message=\"{}\">{}</failure>\n",
        escaped(&sentence(failure)),
        escaped(&format!("{place}\n{story}"))
    )
}

fn broken(broken: &Broken) -> String {
    let mut lines: Vec<String> = broken.error.iter().cloned().collect();
    lines.extend(broken.diagnostics.iter().map(|found| {
        format!(
            "{}:{}:{} [{}] {}",
            found.file, found.span.line, found.span.column, found.code, found.message
        )
    }));
    let first = lines.first().cloned().unwrap_or_default();
    format!(
        "    <testcase name=\"{0}\" classname=\"scenario files\" file=\"{0}\">\n      \
         <error message=\"{1}\">{2}</error>\n    </testcase>\n",
        escaped(&broken.file),
        escaped(&first),
        escaped(&lines.join("\n"))
    )
}

/// Text for XML: characters that XML cannot hold at all are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}
