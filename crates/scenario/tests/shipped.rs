//! The scenarios that ship.

use crate::support::{file, play, play_all, project, read, scenarios, shown};

/// The three lifecycles that ship have at least this many scenarios together.
const SHIPPED_MIN: usize = 30;

#[tokio::test]
async fn every_shipped_scenario_passes_and_together_they_show_everything() {
    let suite = play_all("workflows").await;
    assert!(suite.passed(), "{}", shown(&suite));
    assert!(suite.len() >= SHIPPED_MIN, "{}", suite.len());
    let coverage = suite.coverage();
    let workflows: Vec<&str> = coverage.keys().copied().collect();
    assert_eq!(workflows, ["contract", "invoice", "opportunity"]);
    for coverage in coverage.values() {
        assert!(coverage.is_full(), "{}", shown(&suite));
        assert_eq!(coverage.percent(), 100);
    }
}

#[tokio::test]
async fn the_scenarios_of_the_example_pass_and_show_everything() {
    let suite = play_all("examples/workflows").await;
    assert!(suite.passed(), "{}", shown(&suite));
    assert!(
        suite.coverage().values().all(scenario::Coverage::is_full),
        "{}",
        shown(&suite)
    );
}

/// Clause 78: the same scenario gives the same trace, to the last hash of every history.
#[tokio::test]
async fn a_scenario_that_is_played_again_gives_the_same_trace() {
    let project = project();
    for name in scenarios("workflows") {
        let source = file(&name);
        let first = play(&source, &project).await;
        let second = play(&source, &project).await;
        assert!(!first.trace.is_empty(), "{name}");
        assert_eq!(first.trace, second.trace, "{name}");
        assert_eq!(first.skips, second.skips, "{name}");
        assert_eq!(first.stories, second.stories, "{name}");
    }
}

#[tokio::test]
async fn the_clock_only_jumps_forward_and_every_jump_is_written_down() {
    let project = project();
    for name in scenarios("workflows") {
        let report = play(&file(&name), &project).await;
        let mut clock = report.began;
        for skip in &report.skips {
            assert_eq!(skip.from, clock, "{name}");
            assert!(skip.to > skip.from, "{name}");
            clock = skip.to;
        }
        assert_eq!(clock, report.ended, "{name}");
    }
}

#[test]
fn the_schema_accepts_every_scenario_that_the_reader_accepts() {
    let schema = scenario::scenario_schema();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let project = project();
    for name in scenarios("workflows")
        .into_iter()
        .chain(scenarios("examples/workflows"))
    {
        let source = file(&name);
        let (script, _, diagnostics) = read(&source, &project);
        assert!(script.is_some(), "{name}: {diagnostics:?}");
        let mut findings = workflow_file::Findings::new(name.clone());
        let document = workflow_file::syntax::parse(&source, &mut findings).expect("YAML");
        let json = document.root.to_json();
        let errors: Vec<String> = validator
            .iter_errors(&json)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}

#[test]
fn every_shipped_scenario_is_named_in_the_three_languages() {
    for name in scenarios("workflows") {
        let (script, _, _) = read(&file(&name), &project());
        let script = script.expect("a script");
        for locale in values::Locale::ALL {
            assert!(script.name.exact(locale).is_some(), "{name}: {locale}");
        }
    }
}
