//! Paths such as `children("quote").first()?.number`.

use rhai::{ASTFlags, Expr, FnCallExpr, Position};

use super::Checker;
use crate::problem::{Problem, ProblemCode, Span, nearest};
use crate::types::Type;

/// One step of a path.
struct Step<'e> {
    what: What<'e>,
    /// Whether it is taken with `?.` or `?[`.
    optional: bool,
    /// The place of the `.` or `[`.
    operator: Position,
}

enum What<'e> {
    Property(&'e str, Position),
    Method(&'e FnCallExpr, Position),
    Index(&'e Expr),
}

impl Checker<'_> {
    pub(super) fn chain(&mut self, expr: &Expr) -> Type {
        let mut steps = Vec::new();
        let base = flatten(expr, &mut steps);
        let mut found = self.expr(base);
        let mut may_stop = false;
        let mut field = None;
        for step in &steps {
            if step.optional && found.may_be_empty() {
                may_stop = true;
            } else {
                self.guard_absence(step, &found);
            }
            let from = found.required().clone();
            let origin = field.take();
            found = match &step.what {
                What::Property(name, position) => {
                    let span = self.word_span(*position);
                    field = Some(name.to_string());
                    self.follow(&from, name, span, origin)
                }
                What::Method(call, position) if call.name == "field" && call.args.len() == 1 => {
                    field = literal_text(call.args.first());
                    self.field_call(&from, call, *position, origin)
                }
                What::Method(call, position) => {
                    let receiver = self.text_before(base, step.operator);
                    let receiver_type = if step.optional { from } else { found };
                    self.method(receiver, receiver_type, call, *position)
                }
                What::Index(index) => {
                    field = literal_text(Some(index));
                    self.index(&from, index, origin)
                }
            };
        }
        if may_stop { found.optional() } else { found }
    }

    /// A record that may be absent is read with `?.`; for values, emptiness is an error of the
    /// evaluation, which names them.
    fn guard_absence(&mut self, step: &Step<'_>, found: &Type) {
        let reads_record = match found.required() {
            Type::Record(_) => true,
            Type::Item(Some(entity)) => self.schema.related.contains_key(entity),
            _ => false,
        };
        if !found.may_be_empty() || !reads_record || step.optional {
            return;
        }
        let span = self.word_span(step.operator);
        let right = if matches!(step.what, What::Index(_)) {
            "?["
        } else {
            "?."
        };
        let problem = Problem::new(
            ProblemCode::MayBeAbsent,
            span,
            "there may be no such record",
        )
        .hint(format!(
            "read it with `{right}`, and say what to use instead with `??`"
        ))
        .suggestion(Some(right.to_owned()));
        self.report(problem);
    }

    fn index(&mut self, from: &Type, index: &Expr, origin: Option<String>) -> Type {
        match (from, literal_text(Some(index))) {
            (Type::Record(_) | Type::Item(_), Some(name)) => {
                let span = self.span(index);
                self.follow(from, &name, span, origin)
            }
            (Type::Unknown, _) => Type::Unknown,
            (Type::Records(_), _) => self.refuse(
                index,
                "records are not read with `[…]`",
                "use nth(1), first() or last()",
            ),
            _ => self.refuse(
                index,
                "only the fields of a record are read with `[…]`",
                "write item[\"name of the field\"]",
            ),
        }
    }

    fn field_call(
        &mut self,
        from: &Type,
        call: &FnCallExpr,
        position: Position,
        origin: Option<String>,
    ) -> Type {
        let Some(argument) = call.args.first() else {
            return Type::Unknown;
        };
        match literal_text(Some(argument)) {
            Some(name) => {
                let span = self.span(argument);
                self.follow(from, &name, span, origin)
            }
            None => {
                let span = self.word_span(position);
                let message = "`field` takes the name of a field, written out in quotes";
                self.report(Problem::new(ProblemCode::WrongArgument, span, message));
                Type::Unknown
            }
        }
    }

    /// Reads a field. `origin` is the field that led to the record, if one did.
    pub(super) fn follow(
        &mut self,
        from: &Type,
        name: &str,
        span: Span,
        origin: Option<String>,
    ) -> Type {
        let record = match from {
            Type::Unknown => return Type::Unknown,
            Type::Record(record) => record.clone(),
            Type::Item(Some(entity)) if self.schema.related.contains_key(entity) => {
                self.plan.needs_facts = true;
                self.reads.references.extend(origin);
                entity.clone()
            }
            Type::Item(entity) => {
                let message = match entity {
                    Some(entity) => format!("the fields of `{entity}` are not declared here"),
                    None => "the field may point at any kind of item".to_owned(),
                };
                self.report(Problem::new(ProblemCode::UnknownField, span, message));
                return Type::Unknown;
            }
            Type::Records(_) => {
                let problem = Problem::new(
                    ProblemCode::UnknownField,
                    span,
                    format!("`{name}` is read from one record, these are several"),
                )
                .hint("choose one with first(), last() or nth(1), or add up with sum(\"field\")");
                self.report(problem);
                return Type::Unknown;
            }
            other => {
                let message = format!("{other} has no field `{name}`");
                let mut problem = Problem::new(ProblemCode::UnknownField, span, message);
                if !crate::functions::named(name).is_empty() {
                    problem = problem.hint(format!("`{name}` is a function: write {name}(…)"));
                }
                self.report(problem);
                return Type::Unknown;
            }
        };
        self.field_of(&record, name, span)
    }

    fn field_of(&mut self, record: &str, name: &str, span: Span) -> Type {
        let Some(declared) = self.schema.record(record) else {
            return Type::Unknown;
        };
        if let Some(field) = declared.fields.get(name) {
            let found = Type::from(field);
            let required = declared.required.contains(name);
            self.reads.field(record, name);
            self.plan.reads_id |= record == "item" && name == "id";
            return if required { found } else { found.optional() };
        }
        let near = nearest(name, declared.fields.keys().map(String::as_str));
        let quoted = self.scan.text_of(span).starts_with('"');
        let near = near.map(|near| if quoted { format!("\"{near}\"") } else { near });
        let mut problem = Problem::new(
            ProblemCode::UnknownField,
            span,
            format!("`{record}` has no field `{name}`"),
        )
        .suggestion(near);
        let odd = declared.fields.keys().find(|field| {
            field
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('-'))
        });
        if let Some(odd) = odd {
            problem = problem.hint(format!("a name with `-` is read with {record}[\"{odd}\"]"));
        }
        self.report(problem);
        Type::Unknown
    }
}

/// The text of a literal.
pub(super) fn literal_text(expr: Option<&Expr>) -> Option<String> {
    match expr {
        Some(Expr::StringConstant(text, _)) => Some(text.to_string()),
        _ => None,
    }
}

/// Takes a path apart; what is left is where it begins. Rhai nests paths to the right.
fn flatten<'e>(expr: &'e Expr, steps: &mut Vec<Step<'e>>) -> &'e Expr {
    match expr {
        Expr::Dot(pair, flags, position) => {
            let base = flatten(&pair.lhs, steps);
            push(&pair.rhs, is_optional(*flags), *position, steps);
            base
        }
        Expr::Index(pair, flags, position) => {
            let base = flatten(&pair.lhs, steps);
            push_index(&pair.rhs, *flags, *position, steps);
            base
        }
        other => other,
    }
}

fn is_optional(flags: ASTFlags) -> bool {
    flags.contains(ASTFlags::NEGATED)
}

fn push<'e>(expr: &'e Expr, optional: bool, operator: Position, steps: &mut Vec<Step<'e>>) {
    match expr {
        Expr::Property(names, position) => {
            steps.push(Step {
                what: What::Property(names.2.as_str(), *position),
                optional,
                operator,
            });
        }
        Expr::MethodCall(call, position) => {
            steps.push(Step {
                what: What::Method(call, *position),
                optional,
                operator,
            });
        }
        Expr::Dot(pair, flags, position) => {
            push(&pair.lhs, optional, operator, steps);
            push(&pair.rhs, is_optional(*flags), *position, steps);
        }
        Expr::Index(pair, flags, position) => {
            push(&pair.lhs, optional, operator, steps);
            push_index(&pair.rhs, *flags, *position, steps);
        }
        other => steps.push(Step {
            what: What::Index(other),
            optional,
            operator,
        }),
    }
}

fn push_index<'e>(expr: &'e Expr, flags: ASTFlags, operator: Position, steps: &mut Vec<Step<'e>>) {
    let optional = is_optional(flags);
    let ends = flags.contains(ASTFlags::BREAK);
    match expr {
        Expr::Dot(pair, inner, position) if !ends => {
            steps.push(Step {
                what: What::Index(&pair.lhs),
                optional,
                operator,
            });
            push(&pair.rhs, is_optional(*inner), *position, steps);
        }
        Expr::Index(pair, inner, position) if !ends => {
            steps.push(Step {
                what: What::Index(&pair.lhs),
                optional,
                operator,
            });
            push_index(&pair.rhs, *inner, *position, steps);
        }
        other => steps.push(Step {
            what: What::Index(other),
            optional,
            operator,
        }),
    }
}
