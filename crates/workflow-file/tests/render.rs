//! The four ways to show findings.

use serde_json::Value as Json;
use workflow_file::{
    Diagnostic, Findings, Sources, Span, apply_fixes, render_github, render_human, render_json,
};

use crate::support::{checked, guarded, source};

fn span(start: usize, end: usize) -> Span {
    Span {
        start,
        end,
        line: 1,
        column: start + 1,
    }
}

fn several(code: &'static str, count: usize) -> Vec<Diagnostic> {
    let mut findings = Findings::new("a,b:c%.yaml");
    for number in 0..count {
        findings.add(Diagnostic::error(
            code,
            span(number, number),
            format!("100% wrong {number}"),
        ));
    }
    findings.finish()
}

#[test]
fn nothing_found_is_nothing_shown() {
    assert_eq!(render_human(&[], &Sources::new(), true), "");
    assert_eq!(render_github(&[]), "");
    assert_eq!(
        serde_json::from_str::<Json>(&render_json(&[])).expect("JSON")["errors"],
        0
    );
}

#[test]
fn colour_is_only_there_when_asked_for() {
    let text = guarded("itm.final_amount > 0");
    let diagnostics = checked(&text).diagnostics;
    let sources = Sources::new().with(&source(text));
    assert!(render_human(&diagnostics, &sources, true).contains('\u{1b}'));
    assert!(!render_human(&diagnostics, &sources, false).contains('\u{1b}'));
}

#[test]
fn json_carries_everything() {
    let text = guarded("itm.final_amount > 0");
    let json: Json = serde_json::from_str(&render_json(&checked(&text).diagnostics)).expect("JSON");
    assert_eq!(
        (json["version"].as_i64(), json["errors"].as_i64()),
        (Some(1), Some(1))
    );
    let first = &json["diagnostics"][0];
    assert_eq!(first["code"], "WF0302");
    assert_eq!(first["severity"], "error");
    assert_eq!(first["file"], "sample.yaml");
    assert_eq!(first["span"]["line"], 13);
    assert_eq!(first["span"]["column"], 17);
    assert_eq!(first["fix"]["replacement"], "item");
}

#[test]
fn github_lines_are_escaped_and_capped() {
    let text = render_github(&several("WF0101", 12));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 10);
    assert_eq!(
        lines[0],
        "::error file=a%2Cb%3Ac%25.yaml,line=1,col=1,title=WF0101::100%25 wrong 0"
    );
    assert_eq!(lines[9], "::error title=more::3 more errors are in the log");
    assert_eq!(render_github(&several("WF0101", 10)).lines().count(), 10);
    let with_help = Diagnostic::warning("WF0219", span(0, 1), "unused").help("remove it");
    assert!(render_github(&[with_help]).contains("::unused%0Ahelp: remove it\n"));
}

#[test]
fn fixes_go_in_from_left_to_right_and_never_over_each_other() {
    let fix = |start, end, to: &str| {
        Diagnostic::error("WF0101", span(start, end), "wrong").fix(span(start, end), to)
    };
    let fixes = [
        fix(4, 7, "two"),
        fix(0, 3, "one"),
        fix(5, 6, "lost"),
        fix(90, 95, "lost"),
    ];
    assert_eq!(apply_fixes("ein zwo drei", &fixes), "one two drei");
    assert_eq!(apply_fixes("چهار", &[fix(1, 3, "x")]), "چهار");
}

#[test]
fn a_secret_in_a_file_is_not_repeated_in_the_output() {
    let text = "accounts:\n  main: { gateway: acme, currency: IRR, acme: { api_key: 3f9c21 } }\n";
    let source = source(text);
    let (project, diagnostics) = workflow_file::Project::check(&source);
    assert!(project.is_none());
    let sources = Sources::new().with(&source);
    for output in [
        render_human(&diagnostics, &sources, false),
        render_json(&diagnostics),
        render_github(&diagnostics),
    ] {
        assert!(
            output.contains("WF0502") && !output.contains("3f9c21"),
            "{output}"
        );
    }
}

#[test]
fn a_file_without_a_text_is_still_named() {
    let output = render_human(&several("WF0101", 1), &Sources::new(), false);
    assert!(output.contains("a,b:c%.yaml"), "{output}");
}

#[test]
fn findings_come_in_the_order_of_the_file_and_once() {
    let mut findings = Findings::new("a.yaml");
    for start in [9, 1, 5, 1] {
        findings.add(Diagnostic::error("WF0101", span(start, start + 1), "wrong"));
    }
    let starts: Vec<usize> = findings
        .finish()
        .iter()
        .map(|found| found.span.start)
        .collect();
    assert_eq!(starts, [1, 5, 9]);
}
