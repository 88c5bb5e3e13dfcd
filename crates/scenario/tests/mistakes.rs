//! Scenario files with mistakes, and what they are told.

use std::collections::BTreeSet;

use scenario::Surroundings;
use workflow_file::{Severity, SourceFile, Sources};

use crate::support::{Golden, file, project, read, scenarios, workflow};

const FOLDER: &str = "crates/scenario/tests/mistakes";

#[test]
fn every_mistake_is_shown_at_its_place() {
    let project = project();
    let mut golden = Golden::default();
    for name in scenarios(FOLDER) {
        let source = file(&name);
        let (script, _, diagnostics) = read(&source, &project);
        assert!(script.is_none(), "{name} has no mistake");
        let sources = Sources::new().with(&source);
        let shown = workflow_file::render_human(&diagnostics, &sources, false);
        let stem = name.trim_start_matches(FOLDER).trim_start_matches('/');
        let stem = stem.trim_end_matches(".scenario.yaml");
        if stem.starts_with("WF") {
            assert!(
                diagnostics.iter().any(|found| found.code == stem),
                "{shown}"
            );
        }
        golden.compare(&format!("mistakes/{stem}.out"), &shown);
    }
    golden.finish();
}

#[test]
fn every_code_has_a_page_and_a_failing_file() {
    // Without a workflow there is nothing to check a file against, so this one has no file.
    let without_file = ["WF0613"];
    let files: BTreeSet<String> = scenarios(FOLDER).into_iter().collect();
    for page in scenario::pages() {
        let name = format!("{FOLDER}/{}.scenario.yaml", page.code);
        assert!(
            files.contains(&name) != without_file.contains(&page.code),
            "{}",
            page.code
        );
        assert!(
            page.markdown
                .starts_with(&format!("# {}: {}", page.code, page.title)),
            "{}",
            page.code
        );
        assert!(
            page.markdown.contains("Wrong:\n\n```yaml\n"),
            "{}",
            page.code
        );
        assert!(
            page.markdown.contains("Right:\n\n```yaml\n"),
            "{}",
            page.code
        );
    }
    let codes: Vec<&str> = scenario::pages().iter().map(|page| page.code).collect();
    assert!(codes.is_sorted(), "{codes:?}");
    assert!(
        codes
            .iter()
            .all(|code| workflow_file::explain(code).is_none()),
        "two pages of one code"
    );
}

#[test]
fn a_misspelt_name_can_be_mended_by_the_machine() {
    let project = project();
    for code in ["WF0601", "WF0602", "WF0603", "WF0604", "WF0605", "WF0612"] {
        let source = file(&format!("{FOLDER}/{code}.scenario.yaml"));
        let (_, _, diagnostics) = read(&source, &project);
        assert!(
            diagnostics.iter().any(|found| found.fix.is_some()),
            "{code}"
        );
    }
    let source = file(&format!("{FOLDER}/WF0602.scenario.yaml"));
    let (_, loaded, diagnostics) = read(&source, &project);
    let mended = workflow_file::apply_fixes(&source.lossy_text(), &diagnostics);
    let around = Surroundings::of(&project);
    let source = SourceFile::new("mended", mended);
    let (script, diagnostics) = scenario::read(&source, &loaded.definition, &around);
    assert!(script.is_some(), "{diagnostics:?}");
}

#[test]
fn a_scenario_without_its_workflow_is_told_where_it_names_it() {
    let source = file(&format!("{FOLDER}/WF0602.scenario.yaml"));
    let found = scenario::without_workflow(&source, "no such file");
    assert_eq!(
        (found.code, found.severity, found.span.line),
        ("WF0613", Severity::Error, 2)
    );
    assert!(found.message.contains("no such file"));
    assert_eq!(found.file, source.name);
}

#[test]
fn files_that_are_no_scenarios_are_refused_without_a_panic() {
    let project = project();
    let loaded = workflow("workflows/invoice.yaml", &project);
    let around = Surroundings::of(&project);
    let deep = "[".repeat(1_000);
    let bomb = format!("a: &a [x]\nb: [{}]", vec!["*a"; 1_000].join(","));
    let large = "x".repeat((1 << 20) + 1);
    let files: [&[u8]; 10] = [
        b"",
        b"scenario",
        b"- a\n- b",
        b"steps: [",
        b"\xff\xfe\x00",
        b"scenario: a\nscenario: b",
        "scenario: \u{202e}a".as_bytes(),
        deep.as_bytes(),
        bomb.as_bytes(),
        large.as_bytes(),
    ];
    for bytes in files {
        let source = SourceFile::new("odd.scenario.yaml", bytes);
        let (script, diagnostics) = scenario::read(&source, &loaded.definition, &around);
        assert!(script.is_none());
        assert!(
            diagnostics
                .iter()
                .any(|found| found.severity == Severity::Error)
        );
        assert!(scenario::workflow_of(&source).is_err());
    }
}
