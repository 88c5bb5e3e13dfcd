//! From a YAML file to a checked workflow, or to diagnostics that say what to write instead.
//!
//! This room reads workflow files and the project file. It is not a runtime and touches no file
//! system: bytes come in, a [`state_machine::Model`] or findings go out, every mistake in one run.
//!
//! ```text
//!   bytes ─► syntax (marked tree) ─► lower (Model) ─► rules ─► agree (serde_yaml) ─► Loaded
//!                     └──────────────────┴──────────────┴──────────────┴─► Vec<Diagnostic>
//! ```
//!
//! Limits: a file has at most [`syntax::BYTES_MAX`] bytes, [`syntax::NODES_MAX`] values and
//! [`syntax::DEPTH_MAX`] levels; anchors, tags and directives are refused.
//!
//! The names to know: [`load`] and [`check`], [`Diagnostic`] with [`render_human`], [`explain`],
//! [`schema`], and [`Project`].

pub mod diagnostic;
mod draft;
mod lower;
pub mod project;
pub mod read;
mod rules;
mod schema;
pub mod syntax;

use activity::Catalog;
use state_machine::{Definition, Model};

pub use diagnostic::{
    Diagnostic, Findings, Fix, Related, Severity, Sources, Span, apply_fixes, render_github,
    render_human, render_json,
};
pub use project::{
    Channel, Listener, PROJECT_FILE, Project, ProjectAccount, ProjectLimits, ProjectParty, Reach,
};
pub use rules::{Explanation, codes, explain};
pub use schema::{project_schema, schema, schema_of};
pub use syntax::SourceFile;

/// What a check found out.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The workflow, where there is no error.
    pub model: Option<Model>,
    /// Every finding, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// A workflow that is ready to run.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The workflow as data.
    pub model: Model,
    /// The same, compiled.
    pub definition: Definition,
    /// Warnings.
    pub warnings: Vec<Diagnostic>,
}

/// Checks a workflow file and reports everything that is wrong with it.
///
/// Without a project, accounts and people are taken on trust.
pub fn check(source: &SourceFile, catalog: &Catalog, project: Option<&Project>) -> Checked {
    let mut findings = Findings::new(source.name.clone());
    let model = syntax::parse(source, &mut findings).and_then(|document| {
        let model = lower::lower(&document.root, &mut findings);
        if let Some(model) = &model {
            rules::check(&document, model, catalog, project, &mut findings);
        }
        if !findings.has_errors() {
            syntax::agree::<draft::Workflow>(&document, &mut findings);
        }
        model
    });
    let model = model.filter(|_| !findings.has_errors());
    if model.is_none() && !findings.has_errors() {
        findings.add(internal("the file could not be read"));
    }
    Checked {
        model,
        diagnostics: findings.finish(),
    }
}

/// Loads a workflow file.
///
/// # Errors
///
/// Every finding, where one of them is an error.
pub fn load(
    source: &SourceFile,
    catalog: &Catalog,
    project: Option<&Project>,
) -> Result<Loaded, Vec<Diagnostic>> {
    let Checked { model, diagnostics } = check(source, catalog, project);
    let Some(model) = model else {
        return Err(diagnostics);
    };
    match Definition::build(model.clone()) {
        Ok(definition) => Ok(Loaded {
            model,
            definition,
            warnings: diagnostics,
        }),
        Err(problems) => {
            let mut findings = Findings::new(source.name.clone());
            for problem in problems {
                findings.add(internal(&problem.to_string()));
            }
            Err(findings.finish())
        }
    }
}

/// A disagreement between the checks here and those of the core, which is a bug of ours.
fn internal(message: &str) -> Diagnostic {
    Diagnostic::error("WF0000", Span::START, message)
        .help("this is a mistake of the checker: please report it with the file")
}
