//! `init`: a project from a template.

use std::path::PathBuf;

use charkh::{Catalog, scenario, workflow_file};
use clap::ValueEnum;

use crate::commands::schema::pretty;
use crate::exit::{Exit, Failure, Outcome};
use crate::{output, templates};

/// Make a project from a template; it is green at once.
///
/// The folder gets a project file, a workflow with its scenarios, JSON Schemas for editors and a
/// README. Files that are there already are never touched.
///
/// Example: engine-runner init demo --template invoice
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder; it is made where it is missing.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The lifecycle to start from.
    #[arg(long, value_enum, default_value_t = Template::Invoice)]
    template: Template,
}

/// The lifecycles that ship.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Template {
    /// From the first talk to the delivered goods.
    Opportunity,
    /// Approval, payment link, friendly dunning.
    Invoice,
    /// A contract paid in instalments.
    Contract,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let mut files = templates::files(args.template);
    for (name, schema) in [
        ("workflow", workflow_file::schema(&Catalog::builtin())),
        ("scenario", scenario::scenario_schema()),
        ("project", workflow_file::project_schema()),
    ] {
        files.push((
            format!(".charkh/{name}.schema.json"),
            format!("{}\n", pretty(&schema)?),
        ));
    }
    if let Some((name, _)) = files
        .iter()
        .find(|(name, _)| args.folder.join(name).exists())
    {
        let message = format!("{} is there already", args.folder.join(name).display());
        return Err(Failure::new(Exit::Refused, "file_exists", message)
            .help("choose an empty folder; nothing was written"));
    }
    for (name, text) in &files {
        let path = args.folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, text)?;
    }
    let count = files.len();
    let go = if args.folder.as_os_str() == "." {
        String::new()
    } else {
        format!("  cd {}\n", args.folder.display())
    };
    output::print(&format!(
        "{count} files in {}. Next:\n{go}  engine-runner check\n  engine-runner test\n",
        args.folder.display()
    ))?;
    Ok(Exit::Done)
}
