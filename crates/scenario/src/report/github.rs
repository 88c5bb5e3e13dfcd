//! For GitHub: workflow commands that become annotations on the lines of the scenarios.

use workflow_file::render_github as render_diagnostics;

use super::{Suite, sentence};

/// GitHub shows no more annotations of one level per step; the rest would vanish silently.
const SHOWN_MAX: usize = 10;

/// One `::error …` line per failure, ten at most, then a line that counts what is left, and a
/// notice for every workflow that is not shown in full.
pub fn render_github(suite: &Suite) -> String {
    let mut text = String::new();
    for broken in &suite.broken {
        text.push_str(&render_diagnostics(&broken.diagnostics));
        if let Some(error) = &broken.error {
            let file = property(&broken.file);
            text.push_str(&format!(
                "::error file={file},title=scenario::{}\n",
                data(error)
            ));
        }
    }
    let failures: Vec<String> = suite
        .reports
        .iter()
        .flat_map(|report| report.failures.iter().map(move |failure| (report, failure)))
        .map(|(report, failure)| {
            format!(
                "::error file={},line={},col={},title={}::{}\n",
                property(&report.file),
                failure.place.line,
                failure.place.column,
                property(report.name.get(values::Locale::En)),
                data(&sentence(failure)),
            )
        })
        .collect();
    let shown = if failures.len() > SHOWN_MAX {
        SHOWN_MAX - 1
    } else {
        failures.len()
    };
    text.extend(failures.iter().take(shown).map(String::as_str));
    if failures.len() > shown {
        let left = failures.len() - shown;
        text.push_str(&format!(
            "::error title=more::{left} more failures are in the log\n"
        ));
    }
    for (workflow, coverage) in suite.coverage() {
        if !coverage.is_full() {
            let missing: Vec<String> = coverage
                .measures()
                .into_iter()
                .flat_map(|measure| measure.missing)
                .collect();
            let message = format!("{workflow}: not shown: {}", missing.join("; "));
            text.push_str(&format!("::notice title=coverage::{}\n", data(&message)));
        }
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
