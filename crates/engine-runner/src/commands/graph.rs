//! `graph`: a workflow as a picture, or as text that draws itself.

use std::path::PathBuf;

use charkh::state_machine::{dot, mermaid};
use charkh::values::Locale;
use clap::ValueEnum;

use crate::config::Config;
use crate::exit::{Exit, Outcome};
use crate::{loading, output, picture};

/// Draw a workflow.
///
/// Mermaid is shown by GitHub and many editors, DOT is for Graphviz, SVG is a picture as it is.
///
/// Example: engine-runner graph workflows/invoice.yaml --format svg --lang fa > invoice.svg
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The workflow.
    workflow: PathBuf,
    /// What comes out.
    #[arg(long, value_enum, default_value_t = Format::Mermaid)]
    format: Format,
    /// The language of the labels: en, fa or ru.
    #[arg(long, value_parser = language, default_value = "en")]
    lang: Locale,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Mermaid,
    Dot,
    Svg,
}

fn language(text: &str) -> Result<Locale, String> {
    Locale::parse(text).map_err(|error| error.to_string())
}

pub(crate) fn run(args: &Args, config: &Config) -> Outcome {
    let loaded = loading::workflow(&args.workflow, config)?;
    let text = match args.format {
        Format::Mermaid => mermaid(&loaded.model, args.lang),
        Format::Dot => dot(&loaded.model, args.lang),
        Format::Svg => picture::svg(&loaded.model, args.lang)?,
    };
    output::print(&text)?;
    Ok(Exit::Done)
}
