//! Files of the repository, and playing them.

use std::path::{Path, PathBuf};

use activity::Catalog;
use scenario::{Report, Script, Suite, Surroundings};
use workflow_file::{Diagnostic, Loaded, Project, SourceFile, Sources};

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file of the repository, called by its path from the top.
pub(crate) fn file(name: &str) -> SourceFile {
    let bytes = std::fs::read(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    SourceFile::new(name, bytes)
}

/// The project of the repository.
pub(crate) fn project() -> Project {
    let (project, diagnostics) = Project::check(&file("charkh.yaml"));
    project.unwrap_or_else(|| panic!("{diagnostics:?}"))
}

/// The scenarios in a folder and below, in order, called by their paths from the top.
pub(crate) fn scenarios(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.file_type().expect("a type").is_dir() {
                folders.push(name);
            } else if name.ends_with(".scenario.yaml") {
                found.push(name);
            }
        }
    }
    found.sort();
    found
}

/// A workflow of the repository.
pub(crate) fn workflow(name: &str, project: &Project) -> Loaded {
    let loaded = workflow_file::load(&file(name), &Catalog::builtin(), Some(project));
    loaded.unwrap_or_else(|diagnostics| {
        let sources = Sources::new().with(&file(name));
        panic!(
            "{}",
            workflow_file::render_human(&diagnostics, &sources, false)
        )
    })
}

/// The path of a scenario's workflow from the top of the repository.
pub(crate) fn workflow_path(source: &SourceFile, workflow: &str) -> String {
    let mut parts: Vec<&str> = source.name.split('/').collect();
    parts.pop();
    for part in workflow.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}

/// A scenario, read for a project.
pub(crate) fn read(
    source: &SourceFile,
    project: &Project,
) -> (Option<Script>, Loaded, Vec<Diagnostic>) {
    let workflow_name =
        scenario::workflow_of(source).unwrap_or_else(|found| panic!("{}: {found:?}", source.name));
    let loaded = workflow(&workflow_path(source, &workflow_name), project);
    let around = Surroundings::of(project);
    let (script, diagnostics) = scenario::read(source, &loaded.definition, &around);
    (script, loaded, diagnostics)
}

/// Plays a scenario.
pub(crate) async fn play(source: &SourceFile, project: &Project) -> Report {
    let (script, loaded, diagnostics) = read(source, project);
    let script = script.unwrap_or_else(|| {
        let sources = Sources::new().with(source);
        panic!(
            "{}",
            workflow_file::render_human(&diagnostics, &sources, false)
        )
    });
    let around = Surroundings::of(project);
    let report = scenario::run(&script, &loaded.definition, &around).await;
    report.unwrap_or_else(|error| panic!("{}: {error}", source.name))
}

/// Plays every scenario of a folder.
pub(crate) async fn play_all(folder: &str) -> Suite {
    let project = project();
    let mut suite = Suite::new();
    for name in scenarios(folder) {
        suite.add(play(&file(&name), &project).await);
    }
    suite
}

/// The suite as people see it.
pub(crate) fn shown(suite: &Suite) -> String {
    scenario::render_human(suite, &Sources::new(), false)
}
