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
    let mut project = project.unwrap_or_else(|| panic!("{diagnostics:?}"));
    // The service that a workflow of the tests calls; its answers come from the scenarios.
    project.allowed_hosts.push("prices.example".to_owned());
    project
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

/// Texts that are compared with files beside the tests.
#[derive(Default)]
pub(crate) struct Golden {
    changed: Vec<String>,
}

impl Golden {
    /// Compares a text with its file; what it is now is written beside the build, so that a change that
    /// is meant can be looked at and moved over.
    pub(crate) fn compare(&mut self, name: &str, actual: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests")
            .join(name);
        if std::fs::read_to_string(&path).unwrap_or_default() == actual {
            return;
        }
        let now = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(now.parent().expect("a folder")).expect("a folder");
        std::fs::write(&now, actual).expect("a file");
        self.changed.push(format!(
            "{name} is not as it was; now: {}\n\n{actual}",
            now.display()
        ));
    }

    /// Fails where anything has changed.
    pub(crate) fn finish(self) {
        assert!(self.changed.is_empty(), "{}", self.changed.join("\n"));
    }
}
