//! Every code has a failing file, its literal output and a page.
//!
//! `CHARKH_UPDATE_GOLDENS=1` writes the outputs anew; read them before you commit them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use workflow_file::{
    Diagnostic, Project, SourceFile, Sources, check, codes, explain, render_human, syntax,
};

use crate::support::catalog;

/// The only code without a file: it says that the checker itself is wrong.
const INTERNAL: &str = "WF0000";

/// The code of templates with a broken token comes from settings, where it is WF0411.
const ONLY_IN_TEMPLATES: &str = "WF0314";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics")
}

fn project() -> Project {
    let bytes = fs::read(folder().join("charkh.yaml")).expect("the project of the files");
    let (project, diagnostics) = Project::check(&SourceFile::new("charkh.yaml", bytes));
    project.unwrap_or_else(|| panic!("the project is clean: {diagnostics:?}"))
}

/// Files that would be large in the repository, made here instead.
fn made(code: &str) -> Option<Vec<u8>> {
    let sample = |condition: &str| {
        format!(
            "workflow: sample\nversion: 1\nentity: invoice\nlabel: Sample\ninitial: review\nstates:\n  \
             review:\n    task:\n      assignee: {{ role: sales_manager }}\n      actions:\n        \
             approve:\n          to: paid\n          when: {condition}\n  paid: {{ end: success }}\n"
        )
    };
    let text = match code {
        "WF0003" => "# padding\n".repeat(syntax::BYTES_MAX / 10 + 1),
        "WF0005" => format!("stages: [{}]\n", "a, ".repeat(syntax::NODES_MAX + 1)),
        "WF0311" => sample(&["item.final_amount > 0"; 100].join(" && ")),
        _ => return None,
    };
    Some(text.into_bytes())
}

fn files() -> Vec<(String, SourceFile)> {
    let mut files: Vec<(String, SourceFile)> = fs::read_dir(folder())
        .expect("the folder of the files")
        .filter_map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name()?.to_str()?.to_owned();
            let code = name
                .strip_suffix(".yaml")?
                .trim_end_matches(".project")
                .to_owned();
            let bytes = fs::read(&path).expect("a readable file");
            code.starts_with("WF")
                .then(|| (code, SourceFile::new(name, bytes)))
        })
        .collect();
    for code in ["WF0003", "WF0005", "WF0311"] {
        let bytes = made(code).expect("a made file");
        files.push((
            code.to_owned(),
            SourceFile::new(format!("{code}.yaml"), bytes),
        ));
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files
}

fn diagnose(source: &SourceFile) -> Vec<Diagnostic> {
    if source.name.ends_with(".project.yaml") {
        Project::check(source).1
    } else {
        check(source, catalog(), Some(&project())).diagnostics
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the switch that writes goldens anew"
)]
fn every_failing_file_has_its_literal_output() {
    let update = std::env::var("CHARKH_UPDATE_GOLDENS").is_ok();
    let mut wrong = Vec::new();
    for (code, source) in files() {
        let diagnostics = diagnose(&source);
        let output = render_human(&diagnostics, &Sources::new().with(&source), false);
        let golden = folder().join(format!("{code}.out"));
        if update {
            fs::write(&golden, &output).expect("a writable folder");
        }
        if !diagnostics.iter().any(|diagnostic| diagnostic.code == code) {
            wrong.push(format!("{code} is not reported:\n{output}"));
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if expected != output {
            wrong.push(format!(
                "{code} is expected as\n{expected}\nand came as\n{output}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_has_a_failing_file_and_a_page() {
    let with_file: BTreeSet<String> = files().into_iter().map(|(code, _)| code).collect();
    let known: BTreeSet<String> = codes().into_iter().map(str::to_owned).collect();
    let exempt = [INTERNAL.to_owned(), ONLY_IN_TEMPLATES.to_owned()];
    let missing: Vec<&String> = known
        .difference(&with_file)
        .filter(|code| !exempt.contains(code))
        .collect();
    assert!(missing.is_empty(), "no failing file for {missing:?}");
    let unknown: Vec<&String> = with_file.difference(&known).collect();
    assert!(unknown.is_empty(), "no page for {unknown:?}");
    assert!(known.len() >= 40, "{} codes", known.len());
}

#[test]
fn every_page_says_what_why_and_how() {
    for code in codes() {
        let page = explain(code).expect("a page");
        assert!(page.markdown.contains(code), "{code} names itself");
        assert!(
            !page.title.is_empty() && page.markdown.len() > 120,
            "{code} says something"
        );
        assert!(
            explain(&code.to_lowercase()).is_some(),
            "{code} is found in small letters"
        );
    }
    assert!(explain("WF9999").is_none());
}

#[test]
fn every_code_that_is_reported_has_a_page() {
    for (_, source) in files() {
        for diagnostic in diagnose(&source) {
            assert!(
                explain(diagnostic.code).is_some(),
                "{} has no page",
                diagnostic.code
            );
        }
    }
}
