//! Scenario files: YAML to a checked [`Script`], or diagnostics.

mod draft;
mod expect;
mod given;
mod names;
mod pages;
mod people;
mod play;
pub(crate) mod script;
mod step;
mod value;

use state_machine::Definition;
use workflow_file::read::{self, Record};
use workflow_file::syntax::{self, Node};
use workflow_file::{Diagnostic, Findings, SourceFile, Span};

use crate::Surroundings;
use names::Names;

pub use draft::scenario_schema;
pub use pages::{Problem, pages};
pub use script::{Place, Script};

/// The keys of a scenario.
const KEYS: &[&str] = &["scenario", "workflow", "clock", "given", "steps"];

/// The file of the workflow that a scenario is about, as the scenario writes it: relative to the
/// scenario's own folder.
///
/// # Errors
///
/// Why it cannot be read; without it nothing else of the scenario can be checked.
pub fn workflow_of(source: &SourceFile) -> Result<String, Vec<Diagnostic>> {
    let mut findings = Findings::new(source.name.clone());
    let workflow = syntax::parse(source, &mut findings).and_then(|document| {
        let record = Record::open(&document.root, "a scenario", KEYS, &mut findings)?;
        let node = record.need("workflow", &mut findings)?;
        read::filled_text(node, "a file", &mut findings)
    });
    workflow.ok_or_else(|| findings.finish())
}

/// A finding for a scenario whose workflow cannot be used; `why` is a sentence such as `no such file`.
pub fn without_workflow(source: &SourceFile, why: &str) -> Diagnostic {
    let mut findings = Findings::new(source.name.clone());
    let document = syntax::parse(source, &mut findings);
    let place = document
        .as_ref()
        .and_then(|document| document.root.get("workflow"));
    let place = place.map_or(Span::START, Node::value_place);
    let mut diagnostic = Diagnostic::error("WF0613", place, format!("no workflow to test: {why}"))
        .label("cannot be used")
        .help("`workflow:` names the workflow's file, relative to the scenario's folder");
    diagnostic.file.clone_from(&source.name);
    diagnostic
}

/// Reads a scenario of a workflow. A script comes back only where there is no error.
pub fn read(
    source: &SourceFile,
    definition: &Definition,
    around: &Surroundings,
) -> (Option<Script>, Vec<Diagnostic>) {
    let mut findings = Findings::new(source.name.clone());
    let script = syntax::parse(source, &mut findings).and_then(|document| {
        let script = script(source, &document.root, definition, around, &mut findings);
        if !findings.has_errors() {
            syntax::agree::<draft::Scenario>(&document, &mut findings);
        }
        script
    });
    let script = script.filter(|_| !findings.has_errors());
    (script, findings.finish())
}

fn script(
    source: &SourceFile,
    root: &Node,
    definition: &Definition,
    around: &Surroundings,
    findings: &mut Findings,
) -> Option<Script> {
    let record = Record::open(root, "a scenario", KEYS, findings)?;
    let name = record.need("scenario", findings);
    let name = name.and_then(|node| read::label(node, "the name of a scenario", findings));
    let workflow = record.need("workflow", findings);
    let workflow = workflow.and_then(|node| read::filled_text(node, "a file", findings));
    let clock = record.need("clock", findings);
    let clock = clock.and_then(|node| value::instant(node, &around.zone, findings));
    let mut names = Names::new(definition, around);
    let given = record.need("given", findings);
    let given = given.and_then(|node| given::given(node, &mut names, findings));
    let steps = record.need("steps", findings);
    // Steps name people and items; without them every name would be a mistake.
    let steps = match (steps, &given) {
        (Some(node), Some(_)) => step::steps(node, &names, findings),
        _ => Vec::new(),
    };
    Some(Script {
        file: source.name.clone(),
        name: name?,
        workflow: workflow?,
        clock: clock?,
        given: given?,
        steps,
    })
}

/// A place for a report.
pub(super) fn place(span: Span) -> Place {
    Place {
        line: span.line,
        column: span.column,
    }
}
