//! What came of scenarios, and how it is shown.

mod github;
mod human;
mod json;
mod junit;

use std::collections::BTreeMap;
use std::time::Duration;

use values::{Label, TimeDelta, Timestamp, Zone};
use workflow_file::Diagnostic;

use crate::file::Place;
use crate::{Coverage, Story};

pub use github::render_github;
pub use human::render_human;
pub use json::render_json;
pub use junit::render_junit;

/// What came of one scenario.
#[derive(Debug, Clone)]
pub struct Report {
    /// The scenario's file.
    pub file: String,
    /// What it shows.
    pub name: Label,
    /// The workflow.
    pub workflow: String,
    /// The zone of its times.
    pub zone: Zone,
    /// How many steps it has.
    pub steps: usize,
    /// When it began, by its own clock.
    pub began: Timestamp,
    /// When it ended, by its own clock.
    pub ended: Timestamp,
    /// How many timers, pieces of work and notices were dealt with.
    pub done: usize,
    /// Every jump of the clock, in order.
    pub skips: Vec<Skip>,
    /// Where the hash chain of each item's history ended: the same scenario gives the same trace.
    pub trace: String,
    /// What it has shown of the workflow.
    pub coverage: Coverage,
    /// The items' stories.
    pub stories: Vec<Story>,
    /// What was not as expected; empty for a scenario that passed.
    pub failures: Vec<Failure>,
}

impl Report {
    /// Whether everything was as expected.
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }

    /// How much virtual time has passed.
    pub fn virtual_time(&self) -> TimeDelta {
        self.ended - self.began
    }
}

/// A jump of the clock: nothing was due in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skip {
    /// From here.
    pub from: Timestamp,
    /// To there.
    pub to: Timestamp,
}

/// Something that was not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Where the scenario says so.
    pub place: Place,
    /// What it is about, such as `link.status`.
    pub what: String,
    /// What should be.
    pub expected: String,
    /// What is.
    pub actual: String,
    /// The item's story so far.
    pub story: Vec<String>,
}

/// The scenarios of a run.
#[derive(Debug, Clone, Default)]
pub struct Suite {
    /// Scenarios that were played.
    pub reports: Vec<Report>,
    /// Files that could not be played, with the reason.
    pub broken: Vec<Broken>,
    /// How long it took, by the caller's clock.
    pub elapsed: Option<Duration>,
}

/// A file that could not be played.
#[derive(Debug, Clone)]
pub struct Broken {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub diagnostics: Vec<Diagnostic>,
    /// Why it could not be played although nothing is wrong with it.
    pub error: Option<String>,
}

impl Suite {
    /// No scenarios yet.
    pub fn new() -> Suite {
        Suite::default()
    }

    /// Adds what came of a scenario.
    pub fn add(&mut self, report: Report) {
        self.reports.push(report);
    }

    /// Adds a file with mistakes in it.
    pub fn refuse(&mut self, file: impl Into<String>, diagnostics: Vec<Diagnostic>) {
        self.broken.push(Broken {
            file: file.into(),
            diagnostics,
            error: None,
        });
    }

    /// Adds a file that could not be played.
    pub fn fail(&mut self, file: impl Into<String>, error: impl Into<String>) {
        let error = Some(error.into());
        self.broken.push(Broken {
            file: file.into(),
            diagnostics: Vec::new(),
            error,
        });
    }

    /// Whether every file could be played and everything was as expected.
    pub fn passed(&self) -> bool {
        self.broken.is_empty() && self.reports.iter().all(Report::passed)
    }

    /// How many scenarios did not pass.
    pub fn failed(&self) -> usize {
        self.broken.len()
            + self
                .reports
                .iter()
                .filter(|report| !report.passed())
                .count()
    }

    /// How many scenarios there are.
    pub fn len(&self) -> usize {
        self.broken.len() + self.reports.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the scenarios have shown together, by workflow.
    pub fn coverage(&self) -> BTreeMap<&str, Coverage> {
        let mut merged: BTreeMap<&str, Coverage> = BTreeMap::new();
        for report in &self.reports {
            match merged.get_mut(report.workflow.as_str()) {
                Some(coverage) => coverage.merge(&report.coverage),
                None => {
                    merged.insert(&report.workflow, report.coverage.clone());
                }
            }
        }
        merged
    }

    /// How much virtual time has passed in all scenarios together.
    pub fn virtual_time(&self) -> TimeDelta {
        self.reports.iter().map(Report::virtual_time).sum()
    }
}

/// A text on lines for annotations and XML: what was expected and what is.
fn sentence(failure: &Failure) -> String {
    format!(
        "{}: expected {}, actual {}",
        failure.what, failure.expected, failure.actual
    )
}
