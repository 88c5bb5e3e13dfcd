//! What ships is clean.

use activity::Catalog;
use workflow_file::{Project, SourceFile, Sources, check, load, render_human};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn file(path: &str) -> SourceFile {
    let bytes = std::fs::read(format!("{ROOT}/{path}")).expect("the file ships");
    SourceFile::new(path, bytes)
}

#[test]
fn the_example_of_the_flagship_step_is_clean() {
    assert_clean("examples/workflows/invoice-payment.yaml");
}

#[test]
fn the_three_workflows_are_clean() {
    for name in ["opportunity", "invoice", "contract"] {
        assert_clean(&format!("workflows/{name}.yaml"));
    }
}

fn assert_clean(path: &str) {
    let source = file(path);
    let project = Project::default();
    let checked = check(&source, &Catalog::builtin(), Some(&project));
    let sources = Sources::new().with(&source);
    let report = render_human(&checked.diagnostics, &sources, false);
    assert!(checked.diagnostics.is_empty(), "{report}");
    let loaded = load(&source, &Catalog::builtin(), Some(&project)).expect("the core takes it");
    assert_eq!(Some(loaded.model), checked.model);
}
