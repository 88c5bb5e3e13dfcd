//! Operators and function calls.

use rhai::{Expr, FnCallExpr, Position, Stmt, Token};
use rust_decimal::Decimal;
use values::Value;

use super::chain::literal_text;
use super::{Checker, RECORDS};
use crate::functions::{self, Function, Kind, Look, Yields};
use crate::operator::{Operator, Zero};
use crate::problem::{Problem, ProblemCode, Span, nearest};
use crate::sandbox::{Call, Fault, choose, place_of};
use crate::slot::Slot;
use crate::types::Type;

/// One argument of a call.
struct Argument<'e> {
    /// Its tree; the receiver of a method has none here.
    expr: Option<&'e Expr>,
    found: Type,
    span: Span,
    text: String,
}

impl Checker<'_> {
    pub(super) fn call_expr(&mut self, expr: &Expr, call: &FnCallExpr, position: Position) -> Type {
        if call.is_qualified() || call.capture_parent_scope {
            return self.refuse(
                expr,
                "modules are not part of expressions",
                "use the functions of the reference",
            );
        }
        match (&call.op_token, &call.args[..]) {
            (Some(token), [operand]) => self.unary(token, operand, position),
            (Some(_), [left, right]) => match Operator::from_symbol(&call.name) {
                Some(operator) => self.binary(operator, left, right, position),
                None if call.name == "contains" => self.function(call, position, None),
                None => self.unknown_operator(expr, &call.name),
            },
            _ => self.function(call, position, None),
        }
    }

    fn unknown_operator(&mut self, expr: &Expr, name: &str) -> Type {
        match name {
            ".." | "..=" => self.refuse(
                expr,
                "ranges are not part of expressions",
                "write a <= x && x <= b",
            ),
            "**" => self.refuse(
                expr,
                "powers are not part of expressions",
                "multiply instead",
            ),
            _ => self.refuse(
                expr,
                &format!("`{name}` is not part of expressions"),
                "use && and ||",
            ),
        }
    }

    fn unary(&mut self, token: &Token, operand: &Expr, position: Position) -> Type {
        let found = self.expr(operand);
        self.name_operands(place_of(position), &[operand]);
        let (fits, yields) = match (token, found.required()) {
            (_, Type::Unknown) => (true, Type::Unknown),
            (Token::Bang, _) => (matches!(found.required(), Type::Bool), Type::Bool),
            (_, Type::Number) => (true, Type::Number),
            (_, Type::Money) => (true, Type::Money),
            (_, Type::Duration) => (true, Type::Duration),
            _ => (false, Type::Unknown),
        };
        if !fits {
            let symbol = if matches!(token, Token::Bang) {
                "!"
            } else {
                "-"
            };
            let message = format!("`{symbol}` does not work on {found}");
            self.problem(ProblemCode::TypeMismatch, operand, message);
        }
        yields
    }

    fn binary(
        &mut self,
        operator: Operator,
        left: &Expr,
        right: &Expr,
        position: Position,
    ) -> Type {
        let (a, b) = (self.expr(left), self.expr(right));
        self.name_operands(place_of(position), &[left, right]);
        if operator.tests_equality()
            && (matches!(left, Expr::Unit(_)) || matches!(right, Expr::Unit(_)))
        {
            self.plan.empty_tests.insert(place_of(position));
        }
        let zero = match (is_zero(left), is_zero(right)) {
            (_, true) => Zero::Right,
            (true, false) => Zero::Left,
            (false, false) => Zero::Neither,
        };
        let mismatch = match operator.result(&a, &b, zero) {
            Ok(found) => return found,
            Err(mismatch) => mismatch,
        };
        let both = self.both(left, right);
        let mut problem = Problem::new(ProblemCode::TypeMismatch, both, mismatch.message);
        problem.hint = mismatch.hint;
        let problem = match (a.required(), b.required()) {
            (Type::Choice(options), Type::Literal(texts)) => {
                self.option_problem(options, texts, right)
            }
            (Type::Literal(texts), Type::Choice(options)) => {
                self.option_problem(options, texts, left)
            }
            (Type::Money, Type::Number) if !matches!(operator, Operator::Divide) => {
                self.bare_number(problem, right)
            }
            (Type::Number, Type::Money) => self.bare_number(problem, left),
            _ => problem,
        };
        self.report(problem);
        if operator.tests_equality() {
            Type::Bool
        } else {
            Type::Unknown
        }
    }

    fn both(&self, left: &Expr, right: &Expr) -> Span {
        let (first, last) = (self.span(left), self.span(right));
        let start = self.scan.word_at(first.line, first.column);
        let end = self.scan.word_at(last.line, last.column);
        match (
            start.and_then(|i| self.scan.words().get(i)),
            end.and_then(|i| self.scan.words().get(i)),
        ) {
            (Some(start), Some(end)) => Span {
                line: first.line,
                column: first.column,
                length: (end.start + last.length).saturating_sub(start.start),
            },
            _ => first,
        }
    }

    /// A bare number beside money: the literal itself is what to change.
    fn bare_number(&self, problem: Problem, expr: &Expr) -> Problem {
        if !matches!(expr, Expr::DynamicConstant(..)) {
            return problem;
        }
        let span = self.span(expr);
        let written = self.scan.text_of(span);
        Problem {
            line: span.line,
            column: span.column,
            length: span.length,
            ..problem
        }
        .suggestion(Some(format!("irr({written})")))
    }

    fn option_problem(&self, options: &[String], texts: &[String], literal: &Expr) -> Problem {
        let wrong = texts
            .iter()
            .find(|text| !options.contains(text))
            .cloned()
            .unwrap_or_default();
        let near = nearest(&wrong, options.iter().map(String::as_str));
        let message = format!("`{wrong}` is not one of the options");
        let simple = matches!(literal, Expr::StringConstant(..));
        Problem::new(ProblemCode::UnknownOption, self.span(literal), message)
            .hint(format!("the options are {}", options.join(", ")))
            .suggestion(near.filter(|_| simple).map(|near| format!("\"{near}\"")))
    }

    /// A call written behind a value.
    pub(super) fn method(
        &mut self,
        receiver: String,
        found: Type,
        call: &FnCallExpr,
        position: Position,
    ) -> Type {
        let span = self.word_span(position);
        let argument = Argument {
            expr: None,
            found,
            span,
            text: receiver,
        };
        self.function(call, position, Some(argument))
    }

    fn function<'e>(
        &mut self,
        call: &'e FnCallExpr,
        position: Position,
        receiver: Option<Argument<'e>>,
    ) -> Type {
        let at = self.word_span(position);
        let overloads = functions::named(&call.name);
        if overloads.is_empty() {
            self.unknown_function(call, at);
            for argument in call
                .args
                .iter()
                .filter(|argument| test_name(argument).is_none())
            {
                self.expr(argument);
            }
            return Type::Unknown;
        }
        let mut arguments: Vec<Argument<'e>> = receiver.into_iter().collect();
        for expr in &call.args {
            let found = if test_name(expr).is_some() {
                Type::Unknown
            } else {
                self.expr(expr)
            };
            arguments.push(Argument {
                expr: Some(expr),
                found,
                span: self.span(expr),
                text: self.text(expr),
            });
        }
        let texts = arguments
            .iter()
            .map(|argument| argument.text.clone())
            .collect();
        self.plan.operands.insert(place_of(position), texts);
        let fitting: Vec<&'static Function> = overloads
            .iter()
            .copied()
            .filter(|f| f.parameters.len() == arguments.len())
            .collect();
        if fitting.is_empty() {
            self.wrong_count(&overloads, arguments.len(), at);
            return Type::Unknown;
        }
        let Some(function) = self.best(&fitting, &arguments) else {
            return Type::Unknown;
        };
        let sound = self.arguments(function, &arguments);
        self.note_look(function);
        if !sound {
            return Type::Unknown;
        }
        if function.literal {
            self.try_literal(&fitting, &arguments, at);
        }
        self.yields(function, &arguments)
    }

    fn unknown_function(&mut self, call: &FnCallExpr, at: Span) {
        let known = functions::all().map(|function| function.name);
        let mut problem = Problem::new(
            ProblemCode::UnknownFunction,
            at,
            format!("there is no function `{}`", call.name),
        )
        .suggestion(nearest(&call.name, known));
        if call.name == "matches" {
            problem = problem.hint("there are no patterns; use contains, starts_with or ends_with");
        } else if RECORDS.iter().any(|(name, _)| *name == call.name) {
            problem = problem.hint(format!(
                "`{}` is a record: write {}.field",
                call.name, call.name
            ));
        }
        self.report(problem);
    }

    fn wrong_count(&mut self, overloads: &[&'static Function], given: usize, at: Span) {
        let forms: Vec<&str> = overloads.iter().map(|f| f.signature).collect();
        let message = format!(
            "`{}` does not take {given} arguments",
            overloads.first().map_or("", |f| f.name)
        );
        let problem = Problem::new(ProblemCode::WrongArgument, at, message)
            .hint(format!("it is called as {}", forms.join(" or ")));
        self.report(problem);
    }

    /// The overload that takes most of the arguments.
    fn best(
        &self,
        overloads: &[&'static Function],
        arguments: &[Argument<'_>],
    ) -> Option<&'static Function> {
        let fit = |function: &Function| {
            function
                .parameters
                .iter()
                .zip(arguments)
                .map(|(kind, argument)| usize::from(accepts(*kind, argument)))
                .sum::<usize>()
        };
        // The first of equals, so that the order of the list decides.
        overloads
            .iter()
            .rev()
            .max_by_key(|function| fit(function))
            .copied()
    }

    fn arguments(&mut self, function: &'static Function, arguments: &[Argument<'_>]) -> bool {
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

    fn note_look(&mut self, function: &Function) {
        self.plan.needs_facts |= function.looks_at != Look::Nothing;
        match function.looks_at {
            Look::Clock => self.reads.clock = true,
            Look::Links => self.reads.links = true,
            Look::Process => self.reads.process = true,
            Look::Nothing | Look::Zone | Look::Related => {}
        }
    }

    /// Makes a call of literals once, so that one that can never work is found now.
    fn try_literal(
        &mut self,
        overloads: &[&'static Function],
        arguments: &[Argument<'_>],
        at: Span,
    ) {
        let slots: Option<Vec<Slot>> = arguments
            .iter()
            .map(|a| a.expr.and_then(literal_slot))
            .collect();
        let Some(slots) = slots else { return };
        let result =
            choose(overloads, &slots).and_then(|function| (function.run)(&Call::literal(), &slots));
        if let Err(Fault::Failed(message)) = result {
            let span = arguments.first().map_or(at, |argument| argument.span);
            self.report(Problem::new(ProblemCode::BadLiteral, span, message));
        }
    }

    fn yields(&mut self, function: &Function, arguments: &[Argument<'_>]) -> Type {
        let first = arguments.first().map(|argument| argument.found.required());
        let record = || match first {
            Some(Type::Records(record) | Type::Record(record)) => record.clone(),
            _ => String::new(),
        };
        let written = |place: usize| arguments.get(place).and_then(|a| literal_text(a.expr));
        match &function.yields {
            Yields::Type(found) => found.clone(),
            Yields::Maybe(found) => found.clone().optional(),
            Yields::Same => first.cloned().unwrap_or(Type::Unknown),
            Yields::Member => Type::Record(record()).optional(),
            Yields::Field => {
                let (record, name) = (record(), written(1).unwrap_or_default());
                self.reads.field(&record, &name);
                self.plan.reads_id |= record == "item" && name == "id";
                let declared = self
                    .schema
                    .record(&record)
                    .and_then(|r| r.fields.get(&name));
                declared.map_or(Type::Unknown, |field| Type::from(field).optional())
            }
            Yields::Parent => {
                let entity = written(0).unwrap_or_default();
                self.reads.parents.insert(entity.clone());
                Type::Record(entity).optional()
            }
            Yields::Children => {
                let entity = written(0).unwrap_or_default();
                self.reads.children.insert(entity.clone());
                Type::Records(entity)
            }
            Yields::Link => Type::Record("link".to_owned()),
        }
    }
}

/// Whether an argument may be given; what it names is looked up later.
fn accepts(kind: Kind, argument: &Argument<'_>) -> bool {
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
fn test_name(expr: &Expr) -> Option<(String, usize)> {
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

fn is_zero(expr: &Expr) -> bool {
    match expr {
        Expr::DynamicConstant(value, _) => value.as_decimal().is_ok_and(|number| number.is_zero()),
        _ => false,
    }
}

fn literal_slot(expr: &Expr) -> Option<Slot> {
    match expr {
        Expr::DynamicConstant(value, _) => {
            let number: Decimal = value.as_decimal().ok()?;
            Some(Slot::Value(Value::Number(number)))
        }
        Expr::StringConstant(text, _) => Some(Slot::text(text.to_string())),
        _ => None,
    }
}
