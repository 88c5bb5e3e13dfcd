//! The document about the file, and the pages about its mistakes, show YAML that is true.

use workflow_file::{Findings, Project, SourceFile, check, codes, explain, syntax};

use crate::support::{ROOT, catalog, report, source};

/// The fenced blocks of a document with their info strings.
fn blocks(markdown: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in markdown.lines() {
        match (line.strip_prefix("```"), open.as_mut()) {
            (Some(info), None) => open = Some((info.trim().to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

fn document() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(format!("{ROOT}/docs/workflow-file.md"));
    blocks(&text.expect("the document"))
}

fn joined(kind: &str) -> String {
    document()
        .into_iter()
        .filter(|(info, _)| info == kind)
        .map(|(_, text)| text)
        .collect()
}

#[test]
fn the_pieces_of_the_document_are_one_clean_workflow() {
    let text = format!("{}states:\n{}", joined("yaml head"), joined("yaml states"));
    let project = project();
    let source = source(text);
    let checked = check(&source, catalog(), Some(&project));
    assert!(
        checked.diagnostics.is_empty(),
        "{}",
        report(&source, &checked.diagnostics)
    );
}

fn project() -> Project {
    let source = SourceFile::new("charkh.yaml", joined("yaml project"));
    let (project, diagnostics) = Project::check(&source);
    project.unwrap_or_else(|| panic!("{}", report(&source, &diagnostics)))
}

#[test]
fn the_project_of_the_document_is_clean() {
    assert_eq!(project().people.len(), 2);
}

#[test]
fn every_block_of_the_document_is_one_of_those_that_are_checked() {
    for (info, text) in document() {
        assert!(
            ["yaml head", "yaml states", "yaml project"].contains(&info.as_str()),
            "{text}"
        );
    }
}

#[test]
fn the_document_is_at_most_four_pages() {
    let text = std::fs::read_to_string(format!("{ROOT}/docs/workflow-file.md")).expect("it");
    assert!(
        text.lines().count() <= 260,
        "{} lines",
        text.lines().count()
    );
}

#[test]
fn what_a_page_calls_right_is_read_without_a_finding() {
    for code in codes() {
        let page = explain(code).expect("a page");
        let Some((_, right)) = page.markdown.split_once("\nRight:") else {
            continue;
        };
        for (_, text) in blocks(right) {
            let source = SourceFile::new(format!("{code}.md"), text.clone());
            let mut findings = Findings::new(source.name.clone());
            let document = syntax::parse(&source, &mut findings);
            let found = findings.finish();
            assert!(
                document.is_some() && found.is_empty(),
                "{code}: {found:?}\n{text}"
            );
        }
    }
}
