//! Activities: known by name, and content with their settings.

use activity::{PathStep, PrepareContext, Problem, Severity};
use state_machine::{Activity, Kind, State};
use values::FieldType;

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Findings, Span};
use crate::rules::expressions::fits;
use crate::rules::{Workflow, is_financial};
use crate::syntax::{Node, Step, place_inside};

pub(super) fn check(workflow: &Workflow<'_>, findings: &mut Findings) {
    let fields: BTreeMap<String, FieldType> = workflow
        .model
        .fields
        .iter()
        .map(|(name, field)| (name.clone(), field.kind.clone()))
        .collect();
    let accounts = workflow.accounts();
    let locales = workflow.locales();
    let context = PrepareContext {
        entity: &workflow.model.entity,
        financial: is_financial(&workflow.model.entity),
        fields: &fields,
        schema: workflow.schema,
        stages: &workflow.model.stages,
        accounts: accounts.as_ref(),
        locales: &locales,
        allowed_hosts: workflow
            .project
            .map(|project| project.allowed_hosts.as_slice()),
    };
    for state in &workflow.model.states {
        if let Kind::Activity(activity) = &state.kind {
            one(workflow, state, activity, &context, findings);
        }
    }
}

fn one(
    workflow: &Workflow<'_>,
    state: &State,
    activity: &Activity,
    context: &PrepareContext<'_>,
    findings: &mut Findings,
) {
    let Some(known) = workflow.catalog.get(&activity.name) else {
        let span = workflow.place(&state.id, &[Step::Key("activity")]);
        let names: Vec<&str> = workflow
            .catalog
            .iter()
            .map(|activity| activity.descriptor().name)
            .collect();
        let message = format!("there is no activity `{}`", activity.name);
        let diagnostic = Diagnostic::error("WF0204", span, message)
            .label("no such activity")
            .did_you_mean(&activity.name, names.iter().copied());
        findings.add(match diagnostic.help {
            Some(_) => diagnostic,
            None => diagnostic.help(format!("the activities are {}", crate::read::list(&names))),
        });
        return;
    };
    let problems = match known.prepare(&activity.with, context) {
        Ok(prepared) => prepared.warnings().to_vec(),
        Err(problems) => problems,
    };
    for problem in &problems {
        let diagnostic = diagnostic(workflow, &state.id, problem);
        let span = diagnostic.span;
        let named = workflow.document.text.get(span.start..span.end);
        // Whatever the settings say about such a field, it would be said about its declaration.
        if !named.is_some_and(|name| workflow.is_refused_field(name)) {
            findings.add(diagnostic);
        }
    }
}

fn diagnostic(workflow: &Workflow<'_>, state: &str, problem: &Problem) -> Diagnostic {
    let steps: Vec<Step<'_>> = std::iter::once(Step::Key("with"))
        .chain(problem.path.iter().map(|step| match step {
            PathStep::Key(key) => Step::Key(key),
            PathStep::KeyName(key) => Step::Name(key),
            PathStep::Index(index) => Step::Index(*index),
        }))
        .collect();
    let node = workflow
        .state_node(state)
        .and_then(|node| node.find(&steps));
    let on_key = matches!(problem.path.last(), Some(PathStep::KeyName(_)));
    let span = span(workflow, state, &steps, node.filter(|_| !on_key), problem);
    let mut diagnostic = match problem.severity {
        Severity::Error => Diagnostic::error(problem.code, span, problem.message.as_str()),
        Severity::Warning => Diagnostic::warning(problem.code, span, problem.message.as_str()),
    };
    match (&problem.suggestion, &problem.hint) {
        (Some(meant), _) => {
            diagnostic = diagnostic.help(format!("did you mean `{meant}`?"));
            let whole_text = problem.inside.is_none();
            let exact = on_key
                || node.is_some_and(|node| {
                    node.as_scalar().is_some()
                        && (whole_text || span != node.span)
                        && fits(meant, node)
                });
            if exact {
                diagnostic = diagnostic.fix(span, meant.as_str());
            }
        }
        (None, Some(hint)) => diagnostic = diagnostic.help(hint.as_str()),
        (None, None) => {}
    }
    let named = node.and_then(Node::as_text);
    if let Some(declared) = named.and_then(|name| workflow.declared_field(name)) {
        diagnostic = diagnostic.related(declared, "declared here");
    }
    let of_field =
        |meant: &str| workflow.declared_field(meant.strip_prefix("item.").unwrap_or(meant));
    if let Some(declared) = problem.suggestion.as_deref().and_then(of_field) {
        diagnostic = diagnostic.related(declared, "declared here");
    }
    diagnostic
}

fn span(
    workflow: &Workflow<'_>,
    state: &str,
    steps: &[Step<'_>],
    node: Option<&Node>,
    problem: &Problem,
) -> Span {
    match (node, problem.inside) {
        (Some(node), Some((line, column, length))) => {
            place_inside(workflow.document.text, node, line, column, length)
        }
        // Settings that are missing as a whole are pointed at where they should stand.
        _ if workflow
            .state_node(state)
            .is_some_and(|node| node.get("with").is_none()) =>
        {
            workflow.place(state, &[Step::Key("activity")])
        }
        _ => workflow.place(state, steps),
    }
}
