//! Operators.

use rhai::{Expr, FnCallExpr, Position, Token};

use super::Checker;
use crate::operator::{Operator, Zero};
use crate::problem::{Problem, ProblemCode, Span, nearest};
use crate::sandbox::place_of;
use crate::types::Type;

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

    pub(super) fn option_problem(
        &self,
        options: &[String],
        texts: &[String],
        literal: &Expr,
    ) -> Problem {
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
}

fn is_zero(expr: &Expr) -> bool {
    match expr {
        Expr::DynamicConstant(value, _) => value.as_decimal().is_ok_and(|number| number.is_zero()),
        _ => false,
    }
}
