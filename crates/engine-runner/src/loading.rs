//! Loading workflows from files, with their diagnostics.

use std::path::{Path, PathBuf};

use charkh::scenario;
use charkh::workflow_file::syntax::{self, Node};
use charkh::workflow_file::{Diagnostic, Findings, Loaded, Sources, Span, load, render_human};
use charkh::{Catalog, SourceFile};

use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::files::{self, FileKind};
use crate::output;

/// A workflow that can be run; its mistakes are shown where it cannot.
pub(crate) fn workflow(path: &Path, config: &Config) -> Outcome<Loaded> {
    let source = files::read(path)?;
    if files::kind(path) != FileKind::Workflow {
        let message = format!("{} is not a workflow", path.display());
        return Err(Failure::usage("not_a_workflow", message));
    }
    load(&source, &Catalog::builtin(), config.declared())
        .map_err(|diagnostics| refused(&source, &diagnostics))
}

/// Shows what is wrong with a file; the command ends with that.
pub(crate) fn refused(source: &SourceFile, diagnostics: &[Diagnostic]) -> Failure {
    let sources = Sources::new().with(source);
    output::complain(&render_human(diagnostics, &sources, true));
    Failure::Said(Exit::Invalid)
}

/// The file of the workflow that a scenario is about, or what is wrong with how it is named.
pub(crate) fn workflow_of(source: &SourceFile, path: &Path) -> Result<PathBuf, Vec<Diagnostic>> {
    let file = path
        .parent()
        .unwrap_or(Path::new(""))
        .join(scenario::workflow_of(source)?);
    if file.is_file() {
        return Ok(file);
    }
    let mut findings = Findings::new(source.name.clone());
    let document = syntax::parse(source, &mut findings);
    let node = document
        .as_ref()
        .and_then(|document| document.root.get("workflow"));
    let place = node.map_or(Span::START, Node::value_place);
    findings.add(
        Diagnostic::error(
            "RN0301",
            place,
            format!("there is no workflow {}", file.display()),
        )
        .label("no such file")
        .help("write its path from the folder of the scenario, as `../invoice.yaml`"),
    );
    Err(findings.finish())
}
