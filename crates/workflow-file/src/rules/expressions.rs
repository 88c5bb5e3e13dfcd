//! Conditions: compiled against the schema, with every mistake placed inside the YAML.

use expression::{Expected, Expression, ProblemCode, Reads, RecordType, Schema};
use state_machine::{Kind, Route, State};

use crate::diagnostic::{Diagnostic, Findings};
use crate::rules::Workflow;
use crate::syntax::{Node, Step, Style, place_inside};

pub(super) fn check(workflow: &Workflow<'_>, findings: &mut Findings) {
    let plain = Schema {
        event: None,
        ..workflow.schema.clone()
    };
    let check = Check {
        workflow,
        plain: &plain,
    };
    check.routes(workflow.root(), &workflow.model.on, findings);
    for state in &workflow.model.states {
        let Some(node) = workflow.state_node(&state.id) else {
            continue;
        };
        check.routes(node, &state.on, findings);
        check.state(node, state, findings);
    }
}

struct Check<'a> {
    workflow: &'a Workflow<'a>,
    /// What conditions see where no event is at hand.
    plain: &'a Schema,
}

impl Check<'_> {
    fn state(&self, node: &Node, state: &State, findings: &mut Findings) {
        match &state.kind {
            Kind::Task(task) => {
                for action in &task.actions {
                    let name = Step::Key(action.name.as_str());
                    let path = [
                        Step::Key("task"),
                        Step::Key("actions"),
                        name,
                        Step::Key("when"),
                    ];
                    self.guard(node.find(&path), self.plain, findings);
                }
            }
            Kind::Decision(_) => {
                let branches = node
                    .get("decision")
                    .and_then(Node::as_list)
                    .unwrap_or_default();
                for branch in branches {
                    self.guard(branch.get("when"), self.plain, findings);
                }
            }
            Kind::Wait(wait) => {
                let condition = node.find(&[Step::Key("wait"), Step::Key("when")]);
                let reads = self.guard(condition, self.plain, findings);
                if let (Some(reads), Some(condition)) = (reads, condition) {
                    unchanging(&reads, condition, findings);
                }
                if let Some(event) = &wait.event {
                    let path = [Step::Key("wait"), Step::Key("event"), Step::Key("when")];
                    self.guard(node.find(&path), &self.with_event(&event.name), findings);
                }
            }
            Kind::Activity(_) | Kind::Rollback(_) | Kind::End(_) => {}
        }
    }

    fn routes(&self, node: &Node, routes: &[Route], findings: &mut Findings) {
        let mut done = std::collections::BTreeSet::new();
        for route in routes.iter().filter(|route| done.insert(&route.event)) {
            let Some(node) = node.find(&[Step::Key("on"), Step::Key(&route.event)]) else {
                continue;
            };
            let schema = self.with_event(&route.event);
            let one = std::slice::from_ref(node);
            for node in node.as_list().unwrap_or(one) {
                self.guard(node.get("when"), &schema, findings);
            }
        }
    }

    /// The schema with the payload of one event.
    fn with_event(&self, name: &str) -> Schema {
        let Some(kind) = self.workflow.model.events.get(name) else {
            return self.plain.clone();
        };
        let payload = kind
            .payload
            .iter()
            .fold(RecordType::new("event"), |record, (name, kind)| {
                record.with(name.clone(), kind.clone())
            });
        Schema {
            event: Some(payload),
            ..self.plain.clone()
        }
    }

    /// Compiles a condition; gives what it reads where it is right.
    fn guard(
        &self,
        node: Option<&Node>,
        schema: &Schema,
        findings: &mut Findings,
    ) -> Option<Reads> {
        let (node, source) = node.and_then(|node| Some((node, node.as_text()?)))?;
        if source.trim().is_empty() {
            return None;
        }
        match Expression::compile(source, schema, Expected::Guard) {
            Ok(expression) => {
                if *expression.reads() == Reads::default() {
                    findings.add(
                        Diagnostic::warning(
                            "WF0315",
                            node.value_place(),
                            "this condition is always the same",
                        )
                        .label("reads nothing")
                        .help("compare with a field, as in `item.final_amount > 0`"),
                    );
                    return None;
                }
                Some(expression.reads().clone())
            }
            Err(problems) => {
                for problem in &problems {
                    let diagnostic = self.diagnostic(node, problem);
                    let span = diagnostic.span;
                    let named = self.workflow.document.text.get(span.start..span.end);
                    let refused = named.is_some_and(|name| self.workflow.is_refused_field(name));
                    if problem.code != ProblemCode::UnknownField || !refused {
                        findings.add(diagnostic);
                    }
                }
                None
            }
        }
    }

    fn diagnostic(&self, node: &Node, problem: &expression::Problem) -> Diagnostic {
        let text = self.workflow.document.text;
        let span = place_inside(text, node, problem.line, problem.column, problem.length);
        let mut diagnostic = Diagnostic::error(code(problem.code), span, problem.message.as_str());
        let suggestion = problem.suggestion.as_deref();
        match (suggestion, &problem.hint) {
            (Some(meant), _) => diagnostic = diagnostic.help(format!("did you mean `{meant}`?")),
            (None, Some(hint)) => diagnostic = diagnostic.help(hint.as_str()),
            (None, None) => {}
        }
        if let Some(meant) = suggestion.filter(|meant| span != node.span && fits(meant, node)) {
            diagnostic = diagnostic.fix(span, meant);
        }
        if let Some(declared) = suggestion.and_then(|meant| self.declared(meant)) {
            diagnostic = diagnostic.related(declared, "declared here");
        }
        diagnostic.label(label(problem.code))
    }

    fn declared(&self, meant: &str) -> Option<crate::diagnostic::Span> {
        let name = meant.strip_prefix("item.").unwrap_or(meant);
        self.workflow.declared_field(name)
    }
}

/// A wait's condition is looked at again when a field or a link it reads changes; one that reads
/// neither is looked at once.
fn unchanging(reads: &Reads, condition: &Node, findings: &mut Findings) {
    if reads.fields.is_empty() && !reads.links {
        let message = "nothing this condition reads changes while the item waits";
        findings.add(
            Diagnostic::warning("WF0316", condition.value_place(), message)
                .label("looked at once, on entry")
                .help("for a moment use `for:` or `until:`; else compare with a field of the item"),
        );
    }
}

/// Whether a text can be put into a scalar as it is.
pub(super) fn fits(text: &str, node: &Node) -> bool {
    match node.as_scalar().map(|scalar| scalar.style) {
        Some(Style::Double) => !text.contains(['"', '\\']),
        Some(Style::Single) => !text.contains('\''),
        Some(Style::Plain) => !text.contains(['#', ':', '"', '\'', '\n']),
        Some(Style::Literal | Style::Folded) => !text.contains('\n'),
        None => false,
    }
}

/// The code of a mistake in an expression.
pub(super) fn code(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::Syntax => "WF0301",
        ProblemCode::UnknownName => "WF0302",
        ProblemCode::UnknownField => "WF0303",
        ProblemCode::UnknownFunction => "WF0304",
        ProblemCode::WrongArgument => "WF0305",
        ProblemCode::TypeMismatch => "WF0306",
        ProblemCode::WrongResult => "WF0307",
        ProblemCode::UnknownOption => "WF0308",
        ProblemCode::MayBeAbsent => "WF0309",
        ProblemCode::BadLiteral => "WF0310",
        ProblemCode::TooLong => "WF0311",
        ProblemCode::TooComplex => "WF0312",
        ProblemCode::NotAllowed => "WF0313",
        ProblemCode::BadToken => "WF0314",
        // The list may grow before this table does.
        _ => "WF0301",
    }
}

fn label(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::UnknownName => "no such name",
        ProblemCode::UnknownField => "no such field",
        ProblemCode::UnknownFunction => "no such function",
        ProblemCode::WrongArgument => "does not fit",
        ProblemCode::TypeMismatch => "cannot be put together",
        ProblemCode::WrongResult => "not true or false",
        ProblemCode::UnknownOption => "never chosen",
        ProblemCode::MayBeAbsent => "may be absent",
        ProblemCode::BadLiteral => "means no value",
        ProblemCode::TooLong | ProblemCode::TooComplex => "too much",
        ProblemCode::NotAllowed => "not allowed here",
        _ => "cannot be read",
    }
}
