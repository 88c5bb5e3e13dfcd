//! The command line: which commands there are, and what every one of them understands.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::commands::{
    act, attention, check, event, explain, export, graph, history, init, items, links, listen,
    messages, retry, run, sandbox, schema, test, timers, verify,
};
use crate::config::{self, Config};
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// Checks, tests and runs the lifecycles of CRM items.
#[derive(Debug, Parser)]
#[command(name = "engine-runner", version, arg_required_else_help = true, after_long_help = EXITS)]
struct Cli {
    /// The project file; the nearest charkh.yaml upwards where nothing is said.
    #[arg(long, global = true, value_name = "FILE")]
    project: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

const EXITS: &str = "Exit codes:
  0 done · 1 tests failed, or books differ · 2 a file is wrong · 3 the command line is wrong
  4 nothing to do · 5 the store or a gateway failed · 6 refused · 70 a bug of ours · 130 interrupted

Colours follow NO_COLOR and CLICOLOR_FORCE. CHARKH_LOG=debug shows the log.";

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Check(check::Args),
    Explain(explain::Args),
    Schema(schema::Args),
    Graph(graph::Args),
    Test(test::Args),
    Run(run::Args),
    Act(act::Args),
    Event(event::Args),
    Retry(retry::Args),
    Items(items::Args),
    History(history::Args),
    Timers(timers::Args),
    Links(Box<links::Args>),
    Attention(attention::Args),
    Listen(listen::Args),
    Sandbox(sandbox::Args),
    Messages(messages::Args),
    Verify(verify::Args),
    Export(export::Args),
}

/// Reads the command line and runs the command.
pub(crate) fn run() -> Outcome {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return said(&error),
    };
    log();
    let config = || Config::find(cli.project.as_deref());
    match cli.command {
        Command::Init(args) => init::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Check(args) => check::run(&args, cli.project.as_deref()),
        Command::Graph(args) => graph::run(&args, &config()?),
        Command::Test(args) => waited(test::run(args, config()?)),
        Command::Run(args) => waited(run::run(args, config()?)),
        Command::Act(args) => waited(act::run(args, config()?)),
        Command::Event(args) => waited(event::run(args, config()?)),
        Command::Retry(args) => waited(retry::run(args, config()?)),
        Command::Items(args) => waited(items::run(args, config()?)),
        Command::History(args) => waited(history::run(args, config()?)),
        Command::Timers(args) => waited(timers::run(args, config()?)),
        Command::Links(args) => waited(links::run(*args, config()?)),
        Command::Attention(args) => waited(attention::run(args, config()?)),
        Command::Listen(args) => waited(listen::run(args, config()?)),
        Command::Sandbox(args) => waited(sandbox::run(args)),
        Command::Messages(args) => waited(messages::run(args, config()?)),
        Command::Verify(args) => waited(verify::run(args, config()?)),
        Command::Export(args) => export::run(&args),
    }
}

/// What clap has to say: help is a result, everything else a mistake of the caller.
fn said(error: &clap::Error) -> Outcome {
    let text = error.render().ansi().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            output::print(&text)?;
            Ok(Exit::Done)
        }
        _ => {
            output::complain(&text);
            Err(Failure::Said(Exit::Usage))
        }
    }
}

/// Runs what waits for disks and gateways, on as many threads as the machine has.
fn waited(work: impl Future<Output = Outcome> + Send + 'static) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async move {
        match tokio::spawn(work).await {
            Ok(outcome) => outcome,
            Err(error) if error.is_panic() => Err(Failure::Said(Exit::Bug)),
            Err(error) => Err(Failure::new(Exit::Bug, "task", error.to_string())),
        }
    })
}

/// Shows the log, where somebody asks for it.
fn log() {
    if let Some(filter) = config::log_filter() {
        tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
            .with_writer(std::io::stderr)
            .init();
    }
}
