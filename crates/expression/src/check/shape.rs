//! `if` and `switch`, which are expressions here.

use rhai::{Expr, FlowControl, Position, Stmt, StmtBlock, SwitchCasesCollection};

use super::Checker;
use crate::problem::{Problem, ProblemCode, nearest};
use crate::sandbox::place_of;
use crate::scan::{Word, WordKind};
use crate::types::Type;

impl Checker<'_> {
    /// A block, which holds exactly one expression.
    pub(super) fn block(&mut self, expr: &Expr, block: &StmtBlock) -> Type {
        match block.statements() {
            [] => Type::Unit,
            [Stmt::Share(_), Stmt::Expr(_)] => self.refuse(
                expr,
                "a test can only be handed to filter, any or all",
                "write children(\"…\").any(|c| …)",
            ),
            [statement] => self.statement(statement),
            _ => self.refuse(
                expr,
                "a block holds one expression",
                "split it into several settings",
            ),
        }
    }

    pub(super) fn statement(&mut self, statement: &Stmt) -> Type {
        match statement {
            Stmt::Expr(expr) => self.expr(expr),
            Stmt::FnCall(call, position) => self.expr(&Expr::FnCall(call.clone(), *position)),
            Stmt::If(flow, _) => self.branches(flow),
            Stmt::Switch(switch, position) => self.switch(&switch.0, &switch.1, *position),
            Stmt::Block(block) => self.nested(block),
            Stmt::Noop(_) => Type::Unit,
            other => {
                let span = self.word_span(other.position());
                let problem = Problem::new(
                    ProblemCode::NotAllowed,
                    span,
                    "this is not part of expressions",
                )
                .hint("an expression yields one value and changes nothing");
                self.report(problem);
                Type::Unknown
            }
        }
    }

    fn nested(&mut self, block: &StmtBlock) -> Type {
        match block.statements() {
            [] => Type::Unit,
            [statement] => self.statement(statement),
            [_, second, ..] => {
                let span = self.word_span(second.position());
                self.report(Problem::new(
                    ProblemCode::NotAllowed,
                    span,
                    "a block holds one expression",
                ));
                Type::Unknown
            }
        }
    }

    fn branches(&mut self, flow: &FlowControl) -> Type {
        self.condition(&flow.expr);
        let first = self.nested(&flow.body);
        let second = self.nested(&flow.branch);
        match first.join(&second) {
            Some(joined) => joined,
            None => {
                let span = self.word_span(
                    flow.branch
                        .statements()
                        .first()
                        .map_or_else(|| flow.branch.position(), Stmt::position),
                );
                self.branches_differ(span, &first, &second);
                Type::Unknown
            }
        }
    }

    fn branches_differ(&mut self, span: crate::problem::Span, first: &Type, second: &Type) {
        let message = format!("one branch yields {first}, this one yields {second}");
        self.report(Problem::new(ProblemCode::TypeMismatch, span, message));
    }

    fn switch(&mut self, on: &Expr, cases: &SwitchCasesCollection, position: Position) -> Type {
        let scrutinee = self.expr(on);
        let usable = matches!(
            scrutinee.required(),
            Type::Text
                | Type::Choice(_)
                | Type::Literal(_)
                | Type::Number
                | Type::Bool
                | Type::Unknown
        );
        if !usable {
            let message = format!(
                "`switch` looks at a text, a choice, a number or yes/no, not at {scrutinee}"
            );
            let problem = Problem::new(ProblemCode::TypeMismatch, self.span(on), message)
                .hint("use if … else if …");
            self.report(problem);
        }
        self.cases(position, scrutinee.required());
        let mut joined: Option<Type> = None;
        for case in &cases.expressions {
            if !matches!(case.lhs, Expr::BoolConstant(true, _)) {
                self.condition(&case.lhs);
            }
            let found = self.expr(&case.rhs);
            joined = match joined {
                None => Some(found),
                Some(before) => match before.join(&found) {
                    Some(joined) => Some(joined),
                    None => {
                        let span = self.span(&case.rhs);
                        self.branches_differ(span, &before, &found);
                        Some(Type::Unknown)
                    }
                },
            };
        }
        let yields = joined.unwrap_or(Type::Unit);
        if cases.def_case.is_some() {
            yields
        } else {
            yields.optional()
        }
    }

    /// Rhai keeps only hashes of the cases, so they are read from the source.
    fn cases(&mut self, position: Position, scrutinee: &Type) {
        let (line, column) = place_of(position);
        let Some(start) = self.scan.word_at(line, column) else {
            return;
        };
        let mut found = Vec::new();
        let mut problems = Vec::new();
        let mut depth = 0_usize;
        let mut in_case = false;
        for word in self.scan.words().iter().skip(start) {
            let opens = depth == 0 && word.is_symbol("{");
            match word.text.as_str() {
                "(" | "[" | "{" | "?[" | "#{" if word.kind == WordKind::Symbol => depth += 1,
                ")" | "]" | "}" if word.kind == WordKind::Symbol => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 && word.is_symbol("}") {
                        break;
                    }
                }
                _ => {}
            }
            if opens || (depth == 1 && word.is_symbol(",") && !in_case) {
                in_case = true;
                found.clear();
            } else if in_case
                && (word.is_symbol("=>") || (word.kind == WordKind::Name && word.text == "if"))
            {
                in_case = false;
            } else if in_case {
                found.push(word);
                problems.extend(wrong_case(word, scrutinee));
            }
        }
        self.problems.extend(problems);
    }
}

/// What is wrong with a word of a case, if anything.
fn wrong_case(word: &Word, scrutinee: &Type) -> Option<Problem> {
    let case = match (word.kind, word.text.as_str()) {
        (WordKind::Symbol, "|" | "-" | "()") | (WordKind::Name, "_") => return None,
        (WordKind::Name, "true" | "false") => Type::Bool,
        (WordKind::Number, _) => Type::Number,
        (WordKind::Text, text) => {
            let inner = text.trim_matches('"');
            return wrong_text_case(word, inner, scrutinee);
        }
        _ => {
            let problem = Problem::new(
                ProblemCode::NotAllowed,
                word.span(),
                "a case is a text, a number or yes/no",
            );
            return Some(problem.hint("use if … else if … for other conditions"));
        }
    };
    (!case.fits(scrutinee)).then(|| differs(word, &case, scrutinee))
}

fn wrong_text_case(word: &Word, inner: &str, scrutinee: &Type) -> Option<Problem> {
    match scrutinee {
        Type::Choice(options) if inner.contains('\\') || options.iter().any(|o| o == inner) => None,
        Type::Choice(options) => {
            let near = nearest(inner, options.iter().map(String::as_str));
            let message = format!("`{inner}` is not one of the options");
            Some(
                Problem::new(ProblemCode::UnknownOption, word.span(), message)
                    .hint(format!("the options are {}", options.join(", ")))
                    .suggestion(near.map(|near| format!("\"{near}\""))),
            )
        }
        Type::Text | Type::Literal(_) | Type::Unknown => None,
        other => Some(differs(word, &Type::Text, other)),
    }
}

fn differs(word: &Word, case: &Type, scrutinee: &Type) -> Problem {
    let message = format!("the case is {case}, `switch` looks at {scrutinee}");
    Problem::new(ProblemCode::TypeMismatch, word.span(), message)
}
