//! What the tests share: files of the repository, and a way to check a text.

use std::sync::LazyLock;

use activity::Catalog;
use workflow_file::{Checked, Diagnostic, Project, SourceFile, Sources, check, render_human};

pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The workflows that ship, and the example of the flagship step.
pub(crate) const SHIPPED: [&str; 4] = [
    "workflows/opportunity.yaml",
    "workflows/invoice.yaml",
    "workflows/contract.yaml",
    "examples/workflows/invoice-payment.yaml",
];

/// The activities that ship.
pub(crate) fn catalog() -> &'static Catalog {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::builtin);
    &CATALOG
}

pub(crate) fn file(path: &str) -> SourceFile {
    let bytes = std::fs::read(format!("{ROOT}/{path}")).expect("the file ships");
    SourceFile::new(path, bytes)
}

pub(crate) fn source(text: impl Into<Vec<u8>>) -> SourceFile {
    SourceFile::new("sample.yaml", text.into())
}

pub(crate) fn checked(text: &str) -> Checked {
    check(&source(text), catalog(), Some(&Project::default()))
}

pub(crate) fn codes_of(diagnostics: &[Diagnostic]) -> Vec<&'static str> {
    diagnostics
        .iter()
        .map(|diagnostic| diagnostic.code)
        .collect()
}

pub(crate) fn report(source: &SourceFile, diagnostics: &[Diagnostic]) -> String {
    render_human(diagnostics, &Sources::new().with(source), false)
}

/// The text a diagnostic points at.
pub(crate) fn pointed<'a>(text: &'a str, diagnostic: &Diagnostic) -> &'a str {
    &text[diagnostic.span.start..diagnostic.span.end]
}

/// A small workflow with one action, whose condition is written as given.
pub(crate) fn guarded(when: &str) -> String {
    format!(
        "workflow: sample\nversion: 1\nentity: invoice\nlabel: Sample\ninitial: review\nstates:\n  \
         review:\n    task:\n      assignee: {{ role: sales }}\n      actions:\n        approve:\n          \
         to: paid\n          when: {when}\n  paid: {{ end: success }}\n"
    )
}
