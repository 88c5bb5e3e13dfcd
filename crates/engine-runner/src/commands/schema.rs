//! `schema`: JSON Schemas for editors.

use charkh::{Catalog, scenario, workflow_file};
use clap::ValueEnum;

use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// Print the JSON Schema of a kind of file, for editors.
///
/// An editor with a YAML language server completes keys and marks mistakes with it. Put its path
/// into the first line of a file: `# yaml-language-server: $schema=../.charkh/workflow.schema.json`
///
/// Example: engine-runner schema workflow > workflow.schema.json
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The kind of file.
    #[arg(value_enum, default_value_t = Kind::Workflow)]
    kind: Kind,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Workflow,
    Scenario,
    Project,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let schema = match args.kind {
        Kind::Workflow => workflow_file::schema(&Catalog::builtin()),
        Kind::Scenario => scenario::scenario_schema(),
        Kind::Project => workflow_file::project_schema(),
    };
    output::print(&format!("{}\n", pretty(&schema)?))?;
    Ok(Exit::Done)
}

/// A schema as text.
pub(super) fn pretty(schema: &serde_json::Value) -> Outcome<String> {
    serde_json::to_string_pretty(schema)
        .map_err(|error| Failure::new(Exit::Bug, "json", error.to_string()))
}
