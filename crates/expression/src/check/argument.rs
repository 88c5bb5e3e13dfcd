//! The arguments of a call.

use rhai::{Expr, Stmt};

use super::Checker;
use super::chain::literal_text;
use crate::functions::{self, Function, Kind};
use crate::problem::{Problem, ProblemCode, Span, nearest};
use crate::types::Type;

/// One argument of a call.
pub(super) struct Argument<'e> {
    /// Its tree; the receiver of a method has none here.
    pub(super) expr: Option<&'e Expr>,
    pub(super) found: Type,
    pub(super) span: Span,
    pub(super) text: String,
}

impl Checker<'_> {
    pub(super) fn arguments(
        &mut self,
        function: &'static Function,
        arguments: &[Argument<'_>],
    ) -> bool {
        let before = self.problems.len();
        for (place, kind) in function.parameters.iter().enumerate() {
            let Some(argument) = arguments.get(place) else {
                continue;
            };
            if *kind == Kind::Test {
                self.test(argument, arguments.first());
            } else if !accepts(*kind, argument) {
                let word = if function.name == "contains" && self.is_in(argument) {
                    "in"
                } else {
                    function.name
                };
                let message = format!(
                    "`{word}` needs {} here, not {}",
                    kind.wants(),
                    argument.found
                );
                self.report(Problem::new(
                    ProblemCode::WrongArgument,
                    argument.span,
                    message,
                ));
            } else if kind.is_name() {
                self.name(*kind, argument, arguments.first());
            } else if *kind == Kind::Member {
                self.member(argument, arguments.first());
            }
        }
        self.problems.len() == before
    }

    /// Whether an argument belongs to `x in y`, which Rhai reads as `contains(y, x)`.
    fn is_in(&self, argument: &Argument<'_>) -> bool {
        let at = self.scan.word_at(argument.span.line, argument.span.column);
        let is_word = |index: Option<usize>| {
            index
                .and_then(|index| self.scan.words().get(index))
                .is_some_and(|word| word.text == "in")
        };
        at.is_some_and(|at| is_word(at.checked_sub(1)) || is_word(Some(at + 1)))
    }

    fn member(&mut self, argument: &Argument<'_>, list: Option<&Argument<'_>>) {
        let Some(Type::List(of)) = list.map(|list| list.found.required().clone()) else {
            return;
        };
        let (found, of) = (argument.found.required(), of.as_ref());
        if let (Type::Choice(options), Type::Literal(texts), Some(Expr::Array(members, _))) =
            (found, of, list.and_then(|list| list.expr))
        {
            let wrong = members.iter().find(|member| {
                literal_text(Some(member)).is_some_and(|text| !options.contains(&text))
            });
            if let Some(wrong) = wrong {
                let problem = self.option_problem(options, texts, wrong);
                self.report(problem);
                return;
            }
        }
        let unknown_option = matches!(
            (found, of),
            (Type::Literal(texts), Type::Choice(options)) if texts.iter().any(|t| !options.contains(t))
        );
        if !unknown_option && found.join(of).is_some() {
            return;
        }
        match (found, of) {
            (Type::Literal(texts), Type::Choice(options)) if argument.expr.is_some() => {
                if let Some(literal) = argument.expr {
                    let problem = self.option_problem(options, texts, literal);
                    self.report(problem);
                }
            }
            (found, of) => {
                let message = format!("the list holds {of}, this is {found}");
                self.report(Problem::new(
                    ProblemCode::TypeMismatch,
                    argument.span,
                    message,
                ));
            }
        }
    }

    /// A name that must be written out, so that it can be looked up now.
    fn name(&mut self, kind: Kind, argument: &Argument<'_>, first: Option<&Argument<'_>>) {
        let Some(name) = literal_text(argument.expr) else {
            let message = format!("{} must be written out in quotes here", kind.wants());
            self.report(Problem::new(
                ProblemCode::WrongArgument,
                argument.span,
                message,
            ));
            return;
        };
        let known: Vec<String> = match kind {
            Kind::Entity => self.schema.related.keys().cloned().collect(),
            Kind::State => self.schema.states.clone(),
            Kind::LinkState => self.schema.link_states.clone(),
            Kind::Currency => values::Currency::ALL
                .iter()
                .map(|c| c.code().to_owned())
                .collect(),
            Kind::Rounding => functions::ROUNDINGS
                .iter()
                .map(|(n, _)| (*n).to_owned())
                .collect(),
            Kind::Calendar => functions::CALENDARS
                .iter()
                .map(|n| (*n).to_owned())
                .collect(),
            _ => return self.key(kind, &name, argument, first),
        };
        if known.contains(&name) {
            return;
        }
        let near = nearest(&name, known.iter().map(String::as_str)).or_else(|| {
            known
                .iter()
                .find(|k| k.eq_ignore_ascii_case(&name))
                .cloned()
        });
        let problem = Problem::new(
            ProblemCode::UnknownName,
            argument.span,
            format!("`{name}` is not {}", kind.wants()),
        )
        .hint(if known.is_empty() {
            "there is none in this workflow".to_owned()
        } else {
            format!("known are {}", known.join(", "))
        })
        .suggestion(near.map(|near| format!("\"{near}\"")));
        self.report(problem);
    }

    fn key(
        &mut self,
        kind: Kind,
        name: &str,
        argument: &Argument<'_>,
        first: Option<&Argument<'_>>,
    ) {
        let Some(Type::Records(record) | Type::Record(record)) =
            first.map(|f| f.found.required().clone())
        else {
            return;
        };
        let declared = self
            .schema
            .record(&record)
            .and_then(|r| r.fields.get(name).map(Type::from));
        let Some(found) = declared else {
            let known = self.schema.record(&record);
            let near = known.and_then(|r| nearest(name, r.fields.keys().map(String::as_str)));
            let message = format!("`{record}` has no field `{name}`");
            self.report(
                Problem::new(ProblemCode::UnknownField, argument.span, message)
                    .suggestion(near.map(|near| format!("\"{near}\""))),
            );
            return;
        };
        let fits = match kind {
            Kind::AmountKey => matches!(found, Type::Number | Type::Money),
            Kind::OrderKey => {
                matches!(
                    found,
                    Type::Number | Type::Money | Type::Date | Type::Time | Type::Instant
                ) || found.is_text()
            }
            _ => true,
        };
        if !fits {
            let message = format!("`{name}` holds {found}; {} is needed", kind.wants());
            self.report(Problem::new(
                ProblemCode::WrongArgument,
                argument.span,
                message,
            ));
        }
    }

    /// A test of records such as `|c| c.amount > irr(0)`.
    fn test(&mut self, argument: &Argument<'_>, first: Option<&Argument<'_>>) {
        let Some((name, captured)) = argument.expr.and_then(test_name) else {
            let message = format!("{} is needed here", Kind::Test.wants());
            self.report(Problem::new(
                ProblemCode::WrongArgument,
                argument.span,
                message,
            ));
            return;
        };
        let Some(closure) = self.closures.get(&name) else {
            return;
        };
        let own: Vec<String> = closure.parameters.iter().skip(captured).cloned().collect();
        let body = closure.body.clone();
        let [parameter] = own.as_slice() else {
            let message = "a test looks at one record: |c| …";
            self.report(Problem::new(
                ProblemCode::WrongArgument,
                argument.span,
                message,
            ));
            return;
        };
        let record = match first.map(|first| first.found.required()) {
            Some(Type::Records(record)) => Type::Record(record.clone()),
            _ => Type::Unknown,
        };
        self.locals.push((parameter.clone(), record));
        if let [Stmt::Expr(expr)] = body.as_slice() {
            let text = self.text(expr);
            self.plan
                .tests
                .entry(name)
                .and_modify(|test| test.text = text);
        }
        match body.as_slice() {
            [Stmt::Expr(expr)] => self.condition(expr),
            [statement] => {
                let found = self.statement(statement);
                if !matches!(found.required(), Type::Bool | Type::Unknown) {
                    let message = format!("a test yields yes/no, not {found}");
                    self.report(Problem::new(
                        ProblemCode::TypeMismatch,
                        argument.span,
                        message,
                    ));
                }
            }
            _ => {
                let message = "a test is one expression";
                self.report(Problem::new(
                    ProblemCode::NotAllowed,
                    argument.span,
                    message,
                ));
            }
        }
        self.locals.pop();
    }
}

/// Whether an argument may be given; what it names is looked up later.
pub(super) fn accepts(kind: Kind, argument: &Argument<'_>) -> bool {
    let found = argument.found.required();
    if matches!(found, Type::Unknown) && !matches!(kind, Kind::Test) {
        return argument.expr.is_none_or(|expr| test_name(expr).is_none());
    }
    match kind {
        Kind::Anything => !matches!(found, Type::Record(_)),
        Kind::Value | Kind::Member => {
            !matches!(found, Type::Record(_) | Type::Records(_) | Type::Unit)
        }
        Kind::Number => matches!(found, Type::Number),
        Kind::Money => matches!(found, Type::Money),
        Kind::Date => matches!(found, Type::Date),
        Kind::Instant => matches!(found, Type::Instant),
        Kind::List => matches!(found, Type::List(_)),
        Kind::Record => matches!(found, Type::Record(_)),
        Kind::Records => matches!(found, Type::Records(_)),
        Kind::Test => argument.expr.is_some_and(|expr| test_name(expr).is_some()),
        _ => found.is_text(),
    }
}

/// Rhai's name of a test, and how many variables around it the test uses.
pub(super) fn test_name(expr: &Expr) -> Option<(String, usize)> {
    match expr {
        Expr::DynamicConstant(value, _) => value
            .read_lock::<rhai::FnPtr>()
            .map(|test| (test.fn_name().to_owned(), 0)),
        Expr::Stmt(block) => match block.statements() {
            [Stmt::Share(_), Stmt::Expr(curry)] => match curry.as_ref() {
                Expr::FnCall(call, _) => {
                    let (name, _) = call.args.first().and_then(test_name)?;
                    Some((name, call.args.len().saturating_sub(1)))
                }
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}
