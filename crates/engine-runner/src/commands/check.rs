//! `check`: every mistake of a project in one run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use charkh::payment::gateways::SandboxOptions;
use charkh::payment::gateways::sandbox::Script;
use charkh::scenario::{self, Surroundings};
use charkh::workflow_file::{
    self, Diagnostic, Loaded, Project, Severity, Sources, apply_fixes, render_github, render_human,
    render_json,
};
use charkh::{Catalog, SourceFile};
use clap::ValueEnum;

use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::files::{self, FileKind};
use crate::{loading, output, play_file, wiring};

/// Find every mistake in workflows, scenarios and the project file.
///
/// Without paths, the project file and everything in its folder of workflows is checked. Folders are
/// checked with all YAML files below them. Ends with 2 where there is an error.
///
/// Example: engine-runner check workflows --format github
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files and folders.
    paths: Vec<PathBuf>,
    /// How findings are printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Put proposed words in the place of misspelt ones, then check again.
    #[arg(long)]
    fix: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
    Github,
}

/// Each round may uncover mistakes that others had hidden; a file is mended in a few or never.
const FIX_ROUNDS_MAX: usize = 8;

pub(crate) fn run(args: &Args, project: Option<&Path>) -> Outcome {
    let mut found = Found::look(args, project)?;
    if found.files == 0 {
        return Err(Failure::new(
            Exit::Nothing,
            "nothing_to_check",
            "there is nothing to check",
        )
        .help("name a workflow, or a folder with YAML files in it"));
    }
    let mut fixed: BTreeMap<PathBuf, usize> = BTreeMap::new();
    let mut rounds = 0;
    while args.fix && rounds < FIX_ROUNDS_MAX && found.mend(&mut fixed)? {
        rounds += 1;
        found = Found::look(args, project)?;
    }
    for (file, count) in &fixed {
        output::complain(&format!(
            "fixed {} in {}\n",
            plural(*count, "word"),
            file.display()
        ));
    }
    output::print(&found.render(args.format))?;
    let wrong = found
        .diagnostics
        .iter()
        .any(|found| found.severity == Severity::Error);
    Ok(if wrong { Exit::Invalid } else { Exit::Done })
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 {
        format!("1 {word}")
    } else {
        format!("{count} {word}s")
    }
}

/// What a check has found.
#[derive(Default)]
struct Found {
    files: usize,
    kinds: BTreeMap<FileKind, usize>,
    sources: Sources,
    texts: BTreeMap<String, (PathBuf, String)>,
    diagnostics: Vec<Diagnostic>,
}

impl Found {
    fn look(args: &Args, named: Option<&Path>) -> Outcome<Found> {
        let mut found = Found::default();
        let config = found.config(named)?;
        let paths = if args.paths.is_empty() {
            let folder = config.workflows();
            if folder.is_dir() {
                files::find(&[folder])?
            } else {
                Vec::new()
            }
        } else {
            files::find(&args.paths)?
        };
        let mut around = Around {
            config: &config,
            workflows: BTreeMap::new(),
        };
        for path in paths {
            let kind = files::kind(&path);
            if kind == FileKind::Project && config.file.as_deref() == Some(path.as_path()) {
                continue;
            }
            let source = files::read(&path)?;
            let diagnostics = around.check(&source, &path, kind)?;
            found.add(&source, &path, kind, diagnostics);
        }
        Ok(found)
    }

    /// The project, checked like every other file; a broken one counts as none.
    fn config(&mut self, named: Option<&Path>) -> Outcome<Config> {
        let Some(file) = Config::file(named) else {
            return Config::find(named);
        };
        let source = files::read(&file)?;
        let (project, diagnostics) = Project::check(&source);
        self.add(&source, &file, FileKind::Project, diagnostics);
        Ok(match project {
            Some(project) => {
                let config = Config {
                    project,
                    file: Some(file),
                };
                wiring::check_accounts(&config)?;
                config
            }
            None => Config {
                project: Project::default(),
                file: None,
            },
        })
    }

    fn add(
        &mut self,
        source: &SourceFile,
        path: &Path,
        kind: FileKind,
        diagnostics: Vec<Diagnostic>,
    ) {
        self.files += 1;
        *self.kinds.entry(kind).or_default() += 1;
        self.sources.add(source);
        if let Ok(text) = std::str::from_utf8(&source.bytes) {
            self.texts
                .insert(source.name.clone(), (path.to_owned(), text.to_owned()));
        }
        self.diagnostics.extend(diagnostics);
    }

    /// Writes proposed replacements into the files; whether there were any.
    fn mend(&self, fixed: &mut BTreeMap<PathBuf, usize>) -> Outcome<bool> {
        let mut any = false;
        for (name, (path, text)) in &self.texts {
            let of_file: Vec<Diagnostic> = self
                .diagnostics
                .iter()
                .filter(|found| found.file == *name && found.fix.is_some())
                .cloned()
                .collect();
            let mended = apply_fixes(text, &of_file);
            if mended != *text {
                files::replace(path, &mended)?;
                *fixed.entry(path.clone()).or_default() += of_file.len();
                any = true;
            }
        }
        Ok(any)
    }

    fn render(&self, format: Format) -> String {
        match format {
            Format::Json => format!("{}\n", render_json(&self.diagnostics)),
            Format::Github => render_github(&self.diagnostics),
            Format::Human if self.diagnostics.is_empty() => self.all_is_well(),
            Format::Human => render_human(&self.diagnostics, &self.sources, true),
        }
    }

    fn all_is_well(&self) -> String {
        let word = |kind: &FileKind| match kind {
            FileKind::Project => "project file",
            FileKind::Workflow => "workflow",
            FileKind::Scenario => "scenario",
            FileKind::Play => "play",
        };
        let counts: Vec<String> = self
            .kinds
            .iter()
            .map(|(kind, count)| plural(*count, word(kind)))
            .collect();
        format!("{}: nothing to complain about\n", counts.join(", "))
    }
}

/// What files are checked against.
struct Around<'a> {
    config: &'a Config,
    /// Workflows that scenarios are about, by path; `None` for a broken one.
    workflows: BTreeMap<PathBuf, Option<Loaded>>,
}

impl Around<'_> {
    fn check(
        &mut self,
        source: &SourceFile,
        path: &Path,
        kind: FileKind,
    ) -> Outcome<Vec<Diagnostic>> {
        let project = self.config.declared();
        Ok(match kind {
            FileKind::Project => Project::check(source).1,
            FileKind::Workflow => {
                workflow_file::check(source, &Catalog::builtin(), project).diagnostics
            }
            FileKind::Scenario => self.scenario(source, path)?,
            // Whom and what a play names depends on the workflow it is played with.
            FileKind::Play => play_file::check_shape(source),
        })
    }

    fn scenario(&mut self, source: &SourceFile, path: &Path) -> Outcome<Vec<Diagnostic>> {
        let surroundings = surroundings(self.config)?;
        let workflow = match loading::workflow_of(source, path) {
            Ok(workflow) => workflow,
            Err(diagnostics) => return Ok(diagnostics),
        };
        if !self.workflows.contains_key(&workflow) {
            let file = files::read(&workflow)?;
            let loaded =
                workflow_file::load(&file, &Catalog::builtin(), self.config.declared()).ok();
            self.workflows.insert(workflow.clone(), loaded);
        }
        match self.workflows.get(&workflow) {
            Some(Some(loaded)) => Ok(scenario::read(source, &loaded.definition, &surroundings).1),
            // The workflow's own mistakes come first; the scenario is looked at after them.
            _ => Ok(Vec::new()),
        }
    }
}

/// What scenarios take from the project.
pub(super) fn surroundings(config: &Config) -> Outcome<Surroundings> {
    let project = &config.project;
    let accounts = project
        .accounts
        .values()
        .map(|account| {
            // What customers do, a scenario says itself; the project's script is for runs.
            let sandbox = SandboxOptions {
                script: Script::default(),
                delay: None,
                ..wiring::sandbox_options(account)?
            };
            Ok(scenario::AccountAt {
                account: account.account.clone(),
                sandbox,
            })
        })
        .collect::<Outcome<Vec<_>>>()?;
    Ok(Surroundings {
        zone: project.zone,
        locales: project.languages.clone(),
        accounts,
        people: project.people.clone(),
        allowed_hosts: project.allowed_hosts.clone(),
    })
}
