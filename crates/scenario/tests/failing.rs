//! Scenarios that fail: what people and programs are told.

use scenario::{Report, Suite};
use workflow_file::Sources;

use crate::support::{Golden, file, play, project, scenarios};

const FOLDER: &str = "crates/scenario/tests/failing";

async fn failing(wanted: impl Fn(&str) -> bool) -> Vec<Report> {
    let project = project();
    let mut reports = Vec::new();
    for name in scenarios(FOLDER).into_iter().filter(|name| wanted(name)) {
        reports.push(play(&file(&name), &project).await);
    }
    reports
}

fn stem(report: &Report) -> String {
    let name = report
        .file
        .trim_start_matches(FOLDER)
        .trim_start_matches('/');
    name.trim_end_matches(".scenario.yaml").to_owned()
}

/// What stands above the coverage: nothing of it belongs to the failure.
fn without_coverage(text: &str) -> String {
    let end = text.find("\ncoverage of ").unwrap_or(text.len());
    text.get(..end).unwrap_or(text).to_owned()
}

#[tokio::test]
async fn a_failure_shows_its_line_expected_and_actual_and_the_story() {
    let mut golden = Golden::default();
    for report in failing(|_| true).await {
        assert!(!report.passed(), "{} passes", report.file);
        let mut suite = Suite::new();
        let name = format!("failing/{}.out", stem(&report));
        suite.add(report);
        let shown = scenario::render_human(&suite, &Sources::new(), false);
        golden.compare(&name, &without_coverage(&shown));
    }
    golden.finish();
}

#[tokio::test]
async fn programs_are_told_the_same() {
    let mut suite = Suite::new();
    let two = |name: &str| name.contains("refused-input") || name.contains("never-reached");
    for report in failing(two).await {
        suite.add(report);
    }
    suite.add(
        play(
            &file("workflows/invoice/rejected.scenario.yaml"),
            &project(),
        )
        .await,
    );
    let broken = file("crates/scenario/tests/mistakes/WF0602.scenario.yaml");
    let (_, _, diagnostics) = crate::support::read(&broken, &project());
    suite.refuse(broken.name, diagnostics);
    suite.fail(
        "gone.scenario.yaml",
        "its workflow has <mistakes> & \"more\"",
    );
    let mut golden = Golden::default();
    golden.compare("failing/report.json", &scenario::render_json(&suite));
    golden.compare("failing/report.junit.xml", &scenario::render_junit(&suite));
    golden.compare("failing/report.github", &scenario::render_github(&suite));
    let sources = Sources::new().with(&file("crates/scenario/tests/mistakes/WF0602.scenario.yaml"));
    golden.compare(
        "failing/report.human",
        &scenario::render_human(&suite, &sources, false),
    );
    golden.finish();
}

#[tokio::test]
async fn every_failure_of_a_step_is_shown_and_no_later_step_is_taken() {
    let source = file(&format!("{FOLDER}/wrong-expectations.scenario.yaml"));
    let report = play(&source, &project()).await;
    let expected = source
        .lossy_text()
        .lines()
        .position(|line| line.contains("- expect:"));
    let first = report.failures.first().expect("a failure").place.line;
    assert_eq!(first, expected.expect("the step") + 2);
    let keys = 24;
    assert!(
        report.failures.len() > keys,
        "{} failures",
        report.failures.len()
    );
    assert!(
        report
            .failures
            .iter()
            .all(|failure| failure.what != "do approve as zahra")
    );
}

#[tokio::test]
async fn github_is_given_ten_failures_at_most_and_the_number_of_the_rest() {
    let mut suite = Suite::new();
    for report in failing(|name| name.contains("wrong-expectations")).await {
        suite.add(report);
    }
    let text = scenario::render_github(&suite);
    let errors = text
        .lines()
        .filter(|line| line.starts_with("::error "))
        .count();
    assert_eq!(errors, 10, "{text}");
    assert!(text.contains("more failures are in the log"), "{text}");
}
