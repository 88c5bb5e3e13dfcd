//! Function calls.

use rhai::{Expr, FnCallExpr, Position};
use rust_decimal::Decimal;
use values::Value;

use super::argument::{Argument, accepts, test_name};
use super::chain::literal_text;
use super::{Checker, RECORDS};
use crate::functions::{self, Function, Look, Yields};
use crate::problem::{Problem, ProblemCode, Span, nearest};
use crate::sandbox::{Call, Fault, choose, place_of};
use crate::slot::Slot;
use crate::types::Type;

impl Checker<'_> {
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

    pub(super) fn function<'e>(
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
