//! What must hold between the parts of a workflow. One file per family; each rule has a code, and
//! each code a page beside this file.

mod activities;
mod expressions;
mod flow;
mod outcomes;
mod pages;
mod references;
mod unused;
mod words;

use activity::{Account, Accounts, Catalog};
use expression::Schema;
use state_machine::{Assignee, FINANCIAL_ENTITIES, Kind, Model};
use values::{FieldType, Locale};

use crate::diagnostic::{Diagnostic, Findings, Span, nearest};
use crate::project::Project;
use crate::syntax::{Document, Node, Step};

pub use pages::{Explanation, codes, explain};

/// A workflow under examination.
pub(crate) struct Workflow<'a> {
    document: &'a Document<'a>,
    model: &'a Model,
    schema: &'a Schema,
    catalog: &'a Catalog,
    project: Option<&'a Project>,
}

/// Runs every rule. What is said about the workflow as a whole (ways through it, things nobody uses)
/// would be guesswork while parts of it cannot be read, so it comes last.
pub(crate) fn check(
    document: &Document<'_>,
    model: &Model,
    catalog: &Catalog,
    project: Option<&Project>,
    findings: &mut Findings,
) {
    let schema = model.schema();
    let workflow = Workflow {
        document,
        model,
        schema: &schema,
        catalog,
        project,
    };
    references::check(&workflow, findings);
    outcomes::check(&workflow, findings);
    expressions::check(&workflow, findings);
    activities::check(&workflow, findings);
    words::check(&workflow, findings);
    if !findings.has_errors() {
        unused::check(&workflow, findings);
        flow::check(&workflow, findings);
    }
}

impl<'a> Workflow<'a> {
    fn root(&self) -> &'a Node {
        &self.document.root
    }

    /// The map of a state.
    fn state_node(&self, id: &str) -> Option<&'a Node> {
        self.root().find(&[Step::Key("states"), Step::Key(id)])
    }

    /// A place inside a state.
    fn place(&self, id: &str, path: &[Step<'_>]) -> Span {
        match self.state_node(id) {
            Some(node) => node.locate(path),
            None => self.root().locate(&[Step::Key("states")]),
        }
    }

    /// Where a state is declared.
    fn declared_state(&self, id: &str) -> Option<Span> {
        let states = self.root().get("states")?;
        states.entry(id).map(|entry| entry.key_span)
    }

    /// Where a field is declared.
    fn declared_field(&self, name: &str) -> Option<Span> {
        self.root()
            .get("fields")?
            .entry(name)
            .map(|entry| entry.key_span)
    }

    /// Whether a field is declared in a way that was refused: that is its mistake, not that others
    /// name it.
    fn is_refused_field(&self, name: &str) -> bool {
        self.declared_field(name).is_some() && !self.model.fields.contains_key(name)
    }

    /// The type of a field of the item, standard ones included.
    fn field_type(&self, name: &str) -> Option<&FieldType> {
        self.schema.item.fields.get(name)
    }

    /// The names of the states, whether or not they can be read.
    fn state_names(&self) -> impl Iterator<Item = &'a str> {
        let states = self
            .root()
            .get("states")
            .and_then(Node::as_map)
            .unwrap_or_default();
        states.iter().map(|entry| entry.key.as_str())
    }

    /// The languages that labels should have.
    fn locales(&self) -> Vec<Locale> {
        match self.project {
            Some(project) => project.languages.clone(),
            None => Locale::ALL.to_vec(),
        }
    }

    /// The project's accounts, as activities see them.
    fn accounts(&self) -> Option<Accounts> {
        let project = self.project?;
        let account = |(name, account): (&values::AccountName, &crate::project::ProjectAccount)| {
            (name.clone(), Account::clone(&account.account))
        };
        Some(project.accounts.iter().map(account).collect())
    }

    /// Reports a state that does not exist.
    fn check_state(&self, name: &str, span: Span, findings: &mut Findings) {
        if name.is_empty() || self.state_names().any(|state| state == name) {
            return;
        }
        let mut diagnostic =
            Diagnostic::error("WF0201", span, format!("there is no state `{name}`"))
                .label("no such state");
        if let Some(meant) = nearest(name, self.state_names()) {
            diagnostic = diagnostic.did_you_mean(name, [meant]);
            if let Some(declared) = self.declared_state(meant) {
                diagnostic = diagnostic.related(declared, "similarly named state");
            }
        }
        findings.add(diagnostic);
    }

    /// Reports a field that does not exist, or is of none of the types wanted (none: any type).
    fn check_field(&self, name: &str, wanted: &[&str], span: Span, findings: &mut Findings) {
        let Some(kind) = self.field_type(name) else {
            if self.is_refused_field(name) {
                return;
            }
            let known = self.schema.item.fields.keys().map(String::as_str);
            let message = format!("there is no field `{name}`");
            let mut diagnostic = Diagnostic::error("WF0202", span, message).label("no such field");
            if let Some(meant) = nearest(name, known) {
                diagnostic = diagnostic.did_you_mean(name, [meant]);
                if let Some(declared) = self.declared_field(meant) {
                    diagnostic = diagnostic.related(declared, "similarly named field");
                }
            } else {
                diagnostic = diagnostic.help("declare it under `fields:`");
            }
            findings.add(diagnostic);
            return;
        };
        if wanted.is_empty() || wanted.contains(&kind.name()) {
            return;
        }
        let message = format!(
            "`{name}` is of type {}, this place takes a field of type {}",
            kind.name(),
            wanted.join(" or ")
        );
        let mut diagnostic = Diagnostic::error("WF0222", span, message).label("wrong type");
        if let Some(declared) = self.declared_field(name) {
            diagnostic = diagnostic.related(declared, "declared here");
        }
        findings.add(diagnostic);
    }
}

/// Visits an assignee and those inside it, each with its place below the given path.
fn each_assignee<'m>(
    assignee: &'m Assignee,
    node: Option<&Node>,
    visit: &mut impl FnMut(&'m Assignee, Option<&Node>),
) {
    visit(assignee, node);
    let below = |key: &str| node.and_then(|node| node.get(key));
    match assignee {
        Assignee::Field { fallback, .. } => each_assignee(fallback, below("fallback"), visit),
        Assignee::LastResponsible {
            fallback: Some(fallback),
            ..
        } => {
            each_assignee(fallback, below("fallback"), visit);
        }
        Assignee::ManagerOf(of) => each_assignee(of, below("manager_of"), visit),
        _ => {}
    }
}

/// Every assignee of the workflow with its node.
fn all_assignees<'m>(workflow: &Workflow<'m>, mut visit: impl FnMut(&'m Assignee, Option<&Node>)) {
    for state in &workflow.model.states {
        let node = workflow.state_node(&state.id);
        let below = |path: &[Step<'_>]| node.and_then(|node| node.find(path));
        match &state.kind {
            Kind::Task(task) => {
                let node = below(&[Step::Key("task"), Step::Key("assignee")]);
                each_assignee(&task.assignee, node, &mut visit);
            }
            Kind::Wait(wait) => {
                if let Some(by) = &wait.by {
                    each_assignee(by, below(&[Step::Key("wait"), Step::Key("by")]), &mut visit);
                }
            }
            _ => {}
        }
    }
}

/// Whether an entity has a final amount, approval and receipts.
fn is_financial(entity: &str) -> bool {
    FINANCIAL_ENTITIES.contains(&entity)
}
