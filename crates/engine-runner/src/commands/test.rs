//! `test`: scenarios on a virtual clock.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use charkh::scenario::{
    self, Report, Script, Suite, Surroundings, render_github, render_human, render_json,
    render_junit,
};
use charkh::workflow_file::{Loaded, Sources};
use charkh::{Catalog, Definition, SourceFile, workflow_file};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinSet;

use crate::commands::check::surroundings;
use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::files::{self, FileKind};
use crate::{loading, output};

/// Play scenarios on a virtual clock.
///
/// Scenarios are files that end in `.scenario.yaml`. Without paths, all of the project's are played; a
/// folder stands for all below it, a workflow for those in the folder of its name. Ends with 1 where one
/// fails, with 4 where there is none.
///
/// Example: engine-runner test workflows --min 100
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Scenarios, workflows and folders.
    paths: Vec<PathBuf>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Fail unless this much of every workflow is shown, in percent.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
    Junit,
    Github,
}

pub(crate) async fn run(args: Args, config: Config) -> Outcome {
    let paths = scenarios(&args.paths, &config)?;
    if paths.is_empty() {
        return Err(Failure::new(
            Exit::Nothing,
            "no_scenarios",
            "there are no scenarios to play",
        )
        .help("a scenario is a file that ends in .scenario.yaml"));
    }
    let began = std::time::Instant::now();
    let mut playing = Playing::new(&config)?;
    let cases: Vec<Case> = paths
        .iter()
        .map(|path| playing.case(path))
        .collect::<Outcome<Vec<Option<Case>>>>()?
        .into_iter()
        .flatten()
        .collect();
    let mut suite = playing.play(cases).await?;
    suite.elapsed = Some(began.elapsed());
    let text = match args.format {
        Format::Human => render_human(&suite, &playing.sources, true),
        Format::Json => render_json(&suite),
        Format::Junit => render_junit(&suite),
        Format::Github => render_github(&suite),
    };
    output::print(&text)?;
    let shown = args.min.is_none_or(|min| is_shown(&suite, min));
    Ok(if suite.passed() && shown {
        Exit::Done
    } else {
        Exit::TestsFailed
    })
}

/// Whether enough of every workflow was shown.
fn is_shown(suite: &Suite, min: u8) -> bool {
    let mut enough = true;
    for (workflow, coverage) in suite.coverage() {
        let percent = coverage.percent();
        if percent < usize::from(min) {
            output::complain(&format!(
                "{workflow}: {percent} % is shown, {min} % are wished\n"
            ));
            enough = false;
        }
    }
    enough
}

/// The scenarios that paths stand for, each once.
fn scenarios(paths: &[PathBuf], config: &Config) -> Outcome<Vec<PathBuf>> {
    let default = [config.workflows()];
    let paths = if paths.is_empty() {
        default.as_slice()
    } else {
        paths
    };
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() && path.exists() && files::kind(path) == FileKind::Workflow {
            let folder = path.with_extension("");
            if folder.is_dir() {
                found.push(folder);
            }
        } else {
            found.push(path.clone());
        }
    }
    let mut files = files::find(&found)?;
    files.retain(|path| files::kind(path) == FileKind::Scenario);
    Ok(files)
}

/// A scenario that is ready to be played.
struct Case {
    file: String,
    script: Script,
    definition: Definition,
}

struct Playing<'a> {
    config: &'a Config,
    around: Arc<Surroundings>,
    sources: Sources,
    workflows: BTreeMap<PathBuf, Option<Loaded>>,
    suite: Suite,
}

impl Playing<'_> {
    fn new(config: &Config) -> Outcome<Playing<'_>> {
        Ok(Playing {
            config,
            around: Arc::new(surroundings(config)?),
            sources: Sources::new(),
            workflows: BTreeMap::new(),
            suite: Suite::new(),
        })
    }

    /// A scenario, or `None` after the suite was told what is wrong.
    fn case(&mut self, path: &Path) -> Outcome<Option<Case>> {
        let source = files::read(path)?;
        self.sources.add(&source);
        let workflow = match loading::workflow_of(&source, path) {
            Ok(workflow) => workflow,
            Err(diagnostics) => {
                self.suite.refuse(source.name.clone(), diagnostics);
                return Ok(None);
            }
        };
        let Some(definition) = self.definition(&workflow)? else {
            let message = format!("its workflow {} has mistakes", workflow.display());
            self.suite.fail(source.name.clone(), message);
            return Ok(None);
        };
        let (script, diagnostics) = scenario::read(&source, &definition, &self.around);
        Ok(match script {
            Some(script) => Some(Case {
                file: source.name,
                script,
                definition,
            }),
            None => {
                self.suite.refuse(source.name.clone(), diagnostics);
                None
            }
        })
    }

    fn definition(&mut self, workflow: &Path) -> Outcome<Option<Definition>> {
        if !self.workflows.contains_key(workflow) {
            let source: SourceFile = files::read(workflow)?;
            let loaded = workflow_file::load(&source, &Catalog::builtin(), self.config.declared());
            self.sources.add(&source);
            let loaded = match loaded {
                Ok(loaded) => Some(loaded),
                Err(diagnostics) => {
                    self.suite.refuse(source.name.clone(), diagnostics);
                    None
                }
            };
            self.workflows.insert(workflow.to_owned(), loaded);
        }
        let loaded = self.workflows.get(workflow).and_then(Option::as_ref);
        Ok(loaded.map(|loaded| loaded.definition.clone()))
    }

    /// Plays them all, side by side; reports come in the order of the files.
    async fn play(&mut self, cases: Vec<Case>) -> Outcome<Suite> {
        let bar = bar(cases.len());
        let at_once = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let runtime = tokio::runtime::Handle::current();
        let mut under_way = JoinSet::new();
        let mut played: BTreeMap<usize, (String, Result<Report, String>)> = BTreeMap::new();
        let mut cases = cases.into_iter().enumerate();
        loop {
            while under_way.len() < at_once
                && let Some((number, case)) = cases.next()
            {
                let around = self.around.clone();
                let runtime = runtime.clone();
                // A scenario computes more than it waits, so it gets a thread of its own.
                under_way.spawn_blocking(move || {
                    let play = scenario::run(&case.script, &case.definition, &around);
                    let report = runtime.block_on(play);
                    (number, case.file, report.map_err(|error| error.to_string()))
                });
            }
            let Some(ended) = under_way.join_next().await else {
                break;
            };
            let (number, file, report) = ended.map_err(|error| {
                Failure::new(
                    Exit::Bug,
                    "task",
                    format!("a scenario ended badly: {error}"),
                )
            })?;
            bar.inc(1);
            played.insert(number, (file, report));
        }
        bar.finish_and_clear();
        let mut suite = std::mem::take(&mut self.suite);
        for (file, report) in played.into_values() {
            match report {
                Ok(report) => suite.add(report),
                Err(error) => suite.fail(file, error),
            }
        }
        Ok(suite)
    }
}

/// A bar on a terminal, and nothing anywhere else.
fn bar(length: usize) -> ProgressBar {
    if !output::is_watched() {
        return ProgressBar::hidden();
    }
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("{bar:40} {pos}/{len} scenarios") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
