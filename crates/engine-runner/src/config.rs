//! The project file and the environment: this file alone reads them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use charkh::values::{Secret, SecretRef};
use charkh::workflow_file::{PROJECT_FILE, Project, Sources, render_human};

use crate::exit::{Exit, Failure, Outcome};
use crate::{files, output};

/// How a secret reference becomes a secret.
pub(crate) type Secrets = Arc<dyn Fn(&SecretRef) -> Option<Secret> + Send + Sync>;

/// What the commands know about the project.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The project; what holds without a project file where there is none.
    pub(crate) project: Project,
    /// The project file, as it was found.
    pub(crate) file: Option<PathBuf>,
}

impl Config {
    /// Reads the project file, if there is one.
    pub(crate) fn find(named: Option<&Path>) -> Outcome<Config> {
        let Some(file) = Config::file(named) else {
            return Ok(Config {
                project: Project::default(),
                file: None,
            });
        };
        let source = files::read(&file)?;
        let (project, diagnostics) = Project::check(&source);
        let Some(project) = project else {
            let sources = Sources::new().with(&source);
            output::complain(&render_human(&diagnostics, &sources, true));
            return Err(Failure::Said(Exit::Invalid));
        };
        Ok(Config {
            project,
            file: Some(file),
        })
    }

    /// The named project file, or the nearest one upwards from the working folder.
    pub(crate) fn file(named: Option<&Path>) -> Option<PathBuf> {
        named.map(Path::to_owned).or_else(nearest)
    }

    /// The project, where there is a file; without one, accounts and people are taken on trust.
    pub(crate) fn declared(&self) -> Option<&Project> {
        self.file.as_ref().map(|_| &self.project)
    }

    /// The folder that paths in the project file start from.
    pub(crate) fn root(&self) -> PathBuf {
        let folder = self.file.as_deref().and_then(Path::parent);
        folder.map(Path::to_owned).unwrap_or_default()
    }

    /// The folder of the workflows.
    pub(crate) fn workflows(&self) -> PathBuf {
        self.root().join(&self.project.workflows)
    }

    /// How secret references become secrets. Files are relative to the project file.
    pub(crate) fn secrets(&self) -> Secrets {
        let root = self.root();
        Arc::new(move |reference| {
            let text = match reference {
                SecretRef::Env(name) => variable(name)?,
                SecretRef::File(path) => std::fs::read_to_string(root.join(path)).ok()?,
            };
            let text = text.trim_end_matches(['\r', '\n']);
            (!text.is_empty()).then(|| Secret::new(text))
        })
    }
}

/// The nearest project file, named from the working folder: `charkh.yaml`, `../charkh.yaml`, …
fn nearest() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let steps = here
        .ancestors()
        .position(|folder| folder.join(PROJECT_FILE).is_file())?;
    Some(
        std::iter::repeat_n("..", steps)
            .collect::<PathBuf>()
            .join(PROJECT_FILE),
    )
}

/// What the log shows, as in `CHARKH_LOG=engine=debug`.
pub(crate) fn log_filter() -> Option<String> {
    variable("CHARKH_LOG")
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
