//! The checker: finds every mistake in a source before anything is evaluated.

mod argument;
mod call;
mod chain;
mod extent;
mod operators;
mod shape;
mod syntax;

use std::collections::BTreeMap;
use std::sync::Arc;

use rhai::{AST, Dynamic, Expr, Stmt};

use crate::problem::{Problem, ProblemCode, Span, nearest};
use crate::reads::Reads;
use crate::sandbox::{MAX_DEPTH, ParseFailure, Place, Plan, Test, parse, place_of};
use crate::scan::Scan;
use crate::schema::Schema;
use crate::types::Type;
use crate::{Expected, MAX_SOURCE_BYTES};

/// A source without mistakes.
pub(crate) struct Checked {
    pub(crate) ast: AST,
    pub(crate) plan: Plan,
    pub(crate) yields: Type,
    pub(crate) reads: Reads,
}

/// Names that stand for a record, and the record each stands for.
const RECORDS: [(&str, &str); 6] = [
    ("item", "item"),
    ("party", "party"),
    ("identity", "party"),
    ("link", "link"),
    ("process", "process"),
    ("event", "event"),
];

/// Checks a source against a schema.
pub(crate) fn check(
    source: &str,
    schema: &Schema,
    expected: &Expected,
) -> Result<Checked, Vec<Problem>> {
    if source.len() > MAX_SOURCE_BYTES {
        let message = format!(
            "an expression has at most {MAX_SOURCE_BYTES} bytes, this one has {}",
            source.len()
        );
        let span = Span {
            line: 1,
            column: 1,
            length: 1,
        };
        return Err(vec![Problem::new(ProblemCode::TooLong, span, message)]);
    }
    let scan = Scan::new(source);
    let slips = syntax::slips(&scan);
    if !slips.is_empty() {
        return Err(slips);
    }
    let ast = match parse(source) {
        Ok(ast) => ast,
        Err(ParseFailure::Refused(error)) => return Err(vec![syntax::refused(&error, &scan)]),
        Err(ParseFailure::Panicked) => {
            let span = Span {
                line: 1,
                column: 1,
                length: 1,
            };
            return Err(vec![Problem::new(
                ProblemCode::Syntax,
                span,
                "the expression cannot be read",
            )]);
        }
    };
    let mut checker = Checker::new(schema, scan, &ast);
    let yields = match ast.statements() {
        [Stmt::Expr(expr)] => {
            let found = checker.expr(expr);
            checker.result(expr, found, expected)
        }
        _ => {
            checker.report(Problem::new(
                ProblemCode::NotAllowed,
                Span {
                    line: 1,
                    column: 1,
                    length: 1,
                },
                "one expression is expected",
            ));
            Type::Unknown
        }
    };
    let Checker {
        problems,
        plan,
        reads,
        ..
    } = checker;
    if problems.is_empty() {
        Ok(Checked {
            ast,
            plan,
            yields,
            reads,
        })
    } else {
        Err(sorted(problems))
    }
}

fn sorted(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems.dedup();
    problems
}

/// The body of a test such as `|c| c.amount > irr(0)`, which Rhai keeps apart from the tree.
struct Closure {
    parameters: Vec<String>,
    body: Vec<Stmt>,
}

pub(super) struct Checker<'a> {
    schema: &'a Schema,
    scan: Scan,
    closures: BTreeMap<String, Closure>,
    locals: Vec<(String, Type)>,
    problems: Vec<Problem>,
    plan: Plan,
    reads: Reads,
    depth: usize,
}

impl<'a> Checker<'a> {
    fn new(schema: &'a Schema, scan: Scan, ast: &AST) -> Self {
        let mut plan = Plan::default();
        let closures = closures_of(ast);
        let work = u64::try_from(scan.words().len()).unwrap_or(u64::MAX);
        plan.tests = closures
            .keys()
            .map(|name| {
                (
                    name.clone(),
                    Test {
                        work,
                        text: String::new(),
                    },
                )
            })
            .collect();
        Self {
            schema,
            scan,
            closures,
            locals: Vec::new(),
            problems: Vec::new(),
            plan,
            reads: Reads::default(),
            depth: 0,
        }
    }

    fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    fn problem(&mut self, code: ProblemCode, expr: &Expr, message: impl Into<String>) {
        let problem = Problem::new(code, self.span(expr), message);
        self.report(problem);
    }

    fn refuse(&mut self, expr: &Expr, message: &str, hint: &str) -> Type {
        let problem = Problem::new(ProblemCode::NotAllowed, self.span(expr), message).hint(hint);
        self.report(problem);
        Type::Unknown
    }

    /// Remembers how the source writes the operands of what stands at a place.
    fn name_operands(&mut self, place: Place, operands: &[&Expr]) {
        let names = operands.iter().map(|expr| self.text(expr)).collect();
        self.plan.operands.entry(place).or_insert(names);
    }

    /// The type of a part of the tree; reports what is wrong in it.
    fn expr(&mut self, expr: &Expr) -> Type {
        self.depth += 1;
        // The parser has the same limit; this one keeps a change there from overflowing the stack.
        let found = if self.depth > MAX_DEPTH * 4 {
            self.problem(
                ProblemCode::TooComplex,
                expr,
                "the expression is nested too deep",
            );
            Type::Unknown
        } else {
            self.any_expr(expr)
        };
        self.depth -= 1;
        found
    }

    fn any_expr(&mut self, expr: &Expr) -> Type {
        match expr {
            Expr::BoolConstant(..) => Type::Bool,
            Expr::StringConstant(text, _) => Type::Literal(vec![text.to_string()]),
            Expr::Unit(_) => Type::Unit,
            Expr::DynamicConstant(value, _) => self.constant(expr, value),
            Expr::InterpolatedString(parts, _) => {
                for part in parts.iter() {
                    let found = self.expr(part);
                    if matches!(found.required(), Type::Record(_) | Type::Records(_)) {
                        let message = format!("{found} cannot be written into a text");
                        self.problem(ProblemCode::TypeMismatch, part, message);
                    }
                }
                Type::Text
            }
            Expr::Array(members, _) => self.list(expr, members),
            Expr::Variable(variable, _, _) => {
                if !variable.2.is_empty() {
                    return self.refuse(
                        expr,
                        "modules are not part of expressions",
                        "use the functions of the reference",
                    );
                }
                let name = variable.1.to_string();
                self.variable(expr, &name)
            }
            Expr::Dot(..) | Expr::Index(..) => self.chain(expr),
            Expr::And(operands, _) | Expr::Or(operands, _) => {
                for operand in operands.iter() {
                    self.condition(operand);
                }
                Type::Bool
            }
            Expr::Coalesce(operands, _) => self.coalesce(expr, operands),
            Expr::FnCall(call, position) => self.call_expr(expr, call, *position),
            Expr::Stmt(block) => self.block(expr, block),
            Expr::Map(..) => {
                self.refuse(expr, "maps are not part of expressions", "yield one value")
            }
            Expr::CharConstant(..) => {
                self.refuse(expr, "a text stands in double quotes", "write \"…\"")
            }
            _ => self.refuse(
                expr,
                "this is not part of expressions",
                "see docs/expressions.md",
            ),
        }
    }

    fn constant(&mut self, expr: &Expr, value: &Dynamic) -> Type {
        if value.is_decimal() {
            Type::Number
        } else {
            self.refuse(
                expr,
                "a test can only be handed to filter, any or all",
                "write children(\"…\").any(|c| …)",
            )
        }
    }

    fn list(&mut self, expr: &Expr, members: &[Expr]) -> Type {
        let mut of = Type::Unknown;
        for (place, member) in members.iter().enumerate() {
            let found = self.expr(member);
            match if place == 0 {
                Some(found.clone())
            } else {
                of.join(&found)
            } {
                Some(joined) => of = joined,
                None => {
                    let message = format!("the list holds {of} and {found}");
                    self.problem(ProblemCode::TypeMismatch, member, message);
                    return Type::List(Box::new(Type::Unknown));
                }
            }
        }
        if matches!(
            of.required(),
            Type::Record(_) | Type::Records(_) | Type::Unit
        ) {
            self.problem(ProblemCode::NotAllowed, expr, "a list holds values");
            of = Type::Unknown;
        }
        Type::List(Box::new(of.required().clone()))
    }

    fn variable(&mut self, expr: &Expr, name: &str) -> Type {
        if let Some((_, found)) = self.locals.iter().rev().find(|(local, _)| local == name) {
            return found.clone();
        }
        if let Some((variable, record)) = RECORDS.iter().find(|(variable, _)| *variable == name) {
            if self.schema.record(record).is_some() {
                self.plan.variables.insert(variable);
                return Type::Record((*record).to_owned());
            }
            self.problem(
                ProblemCode::UnknownName,
                expr,
                "there is no event at this place",
            );
            return Type::Unknown;
        }
        let span = self.span(expr);
        let mut problem = Problem::new(
            ProblemCode::UnknownName,
            span,
            format!("there is no `{name}`"),
        );
        if self.schema.item.fields.contains_key(name) {
            problem = problem
                .hint("it is a field of the item")
                .suggestion(Some(format!("item.{name}")));
        } else {
            let known = self.locals.iter().map(|(local, _)| local.as_str());
            problem =
                problem.suggestion(nearest(name, RECORDS.iter().map(|(n, _)| *n).chain(known)));
            problem = problem.hint("a source can name item, party, link, process and functions");
        }
        self.report(problem);
        Type::Unknown
    }

    /// Something that must be yes or no.
    fn condition(&mut self, expr: &Expr) {
        let found = self.expr(expr);
        self.name_operands(place_of(expr.position()), &[expr]);
        if !matches!(found.required(), Type::Bool | Type::Unknown) {
            let message = format!("yes/no is needed here, not {found}");
            let mut problem = Problem::new(ProblemCode::TypeMismatch, self.span(expr), message);
            problem.hint = Some(comparison_hint(&found).to_owned());
            self.report(problem);
        }
    }

    fn coalesce(&mut self, expr: &Expr, operands: &[Expr]) -> Type {
        let mut joined: Option<Type> = None;
        for operand in operands {
            let found = self.expr(operand);
            joined = match joined {
                None => Some(found),
                Some(before) => match before.required().join(&found) {
                    Some(joined) => Some(joined),
                    None => {
                        let message = format!("`??` stands between {before} and {found}");
                        let mut problem =
                            Problem::new(ProblemCode::TypeMismatch, self.span(operand), message);
                        if matches!((before.required(), &found), (Type::Money, Type::Number)) {
                            problem = problem.hint("give the number its currency, as in irr(0)");
                        }
                        self.report(problem);
                        return Type::Unknown;
                    }
                },
            };
        }
        if joined.is_none() {
            self.problem(ProblemCode::Syntax, expr, "`??` needs two sides");
        }
        joined.unwrap_or(Type::Unknown)
    }

    /// Compares what the whole yields with what its place needs.
    fn result(&mut self, expr: &Expr, found: Type, expected: &Expected) -> Type {
        let wanted = match expected {
            Expected::Guard => Some(&Type::Bool),
            Expected::Any => None,
            Expected::Type(wanted) => Some(wanted),
        };
        let written = match found.required() {
            Type::Record(_) => Some("read one of its fields"),
            Type::Records(_) => Some("count them, or read a field of first(), last() or nth(1)"),
            Type::Duration => Some("add it to a date or an instant"),
            _ => None,
        };
        let span = self.span(expr);
        if let Some(hint) = written {
            let message = format!("the expression yields {found}");
            self.report(Problem::new(ProblemCode::WrongResult, span, message).hint(hint));
            return Type::Unknown;
        }
        match wanted {
            Some(wanted)
                if !found.fits(wanted)
                    || (*expected == Expected::Guard && matches!(found, Type::Unit)) =>
            {
                let message = format!("{wanted} is needed here, the expression yields {found}");
                let problem = Problem::new(ProblemCode::WrongResult, span, message);
                self.report(result_hint(problem, found.required(), wanted.required()));
                Type::Unknown
            }
            Some(wanted) => match (found.may_be_empty(), wanted.required()) {
                (true, wanted) => wanted.clone().optional(),
                (false, wanted) => wanted.clone(),
            },
            None => plain(found),
        }
    }
}

fn result_hint(mut problem: Problem, found: &Type, wanted: &Type) -> Problem {
    match (found, wanted) {
        (Type::Number, Type::Money) => {
            problem.hint("give the number its currency, as in irr(100_000_000)")
        }
        (found, Type::Bool) => problem.hint(comparison_hint(found)),
        (_, Type::Text) => problem.hint("turn it into text with text(…)"),
        (Type::Literal(texts), Type::Choice(options)) => {
            problem.code = ProblemCode::UnknownOption;
            let wrong = texts.iter().find(|text| !options.contains(text));
            let near = wrong.and_then(|text| nearest(text, options.iter().map(String::as_str)));
            problem.suggestion = near
                .filter(|_| texts.len() == 1)
                .map(|near| format!("\"{near}\""));
            problem.hint(format!("the options are {}", options.join(", ")))
        }
        _ => problem,
    }
}

fn comparison_hint(found: &Type) -> &'static str {
    match found.required() {
        Type::Money => "compare it with something, as in item.final_amount > irr(0)",
        Type::Date => "compare it with something, as in item.due_date < today()",
        Type::Text => "compare it with something, as in item.stage == \"won\"",
        _ => "compare it with something, as in item.pay_days > 3",
    }
}

/// Literals are texts to everyone outside.
fn plain(found: Type) -> Type {
    match found {
        Type::Literal(_) => Type::Text,
        Type::Optional(inner) => plain(*inner).optional(),
        Type::List(of) => Type::List(Box::new(plain(*of))),
        other => other,
    }
}

/// Rhai does not show the body of a function, except to a walk over a tree that holds nothing else.
fn closures_of(ast: &AST) -> BTreeMap<String, Closure> {
    ast.iter_fn_def()
        .map(|function| {
            let mut module = rhai::Module::new();
            module.set_script_fn(Arc::clone(function));
            let alone = AST::new_from_module(module);
            let mut body = Vec::new();
            alone.walk(&mut |path| {
                if let [rhai::ASTNode::Stmt(statement)] = path {
                    body.push((*statement).clone());
                }
                true
            });
            let parameters = function.params.iter().map(ToString::to_string).collect();
            (function.name.to_string(), Closure { parameters, body })
        })
        .collect()
}
