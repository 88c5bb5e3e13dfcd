//! Where a part of the tree begins and ends in the source.

use rhai::{Expr, Position, Stmt};

use super::Checker;
use crate::problem::Span;
use crate::sandbox::{Place, place_of};

impl Checker<'_> {
    pub(super) fn span(&self, expr: &Expr) -> Span {
        let mut extent = Extent::default();
        extent.expr(expr);
        self.span_of(extent)
    }

    fn span_of(&self, extent: Extent) -> Span {
        let (Some(first), Some(last)) = (extent.first, extent.last) else {
            return Span {
                line: 1,
                column: 1,
                length: 1,
            };
        };
        match (self.word_near(first), self.word_near(last)) {
            (Some(first), Some(last)) => self.scan.span_between(first, self.behind_minus(last)),
            _ => Span {
                line: first.0,
                column: first.1,
                length: 1,
            },
        }
    }

    /// The span of the single word at a position.
    pub(super) fn word_span(&self, position: Position) -> Span {
        let place = place_of(position);
        let found = self
            .word_near(place)
            .and_then(|index| self.scan.words().get(index));
        found.map_or(
            Span {
                line: place.0,
                column: place.1,
                length: 1,
            },
            |word| word.span(),
        )
    }

    /// How the source writes a part.
    pub(super) fn text(&self, expr: &Expr) -> String {
        self.scan.text_of(self.span(expr))
    }

    /// How the source writes everything from the start of a part to an operator behind it.
    pub(super) fn text_before(&self, start: &Expr, operator: Position) -> String {
        let mut extent = Extent::default();
        extent.expr(start);
        let words = self.scan.words();
        let first = extent.first.and_then(|first| self.word_near(first));
        let behind = self.word_near(place_of(operator));
        match (first, behind.and_then(|index| index.checked_sub(1))) {
            (Some(first), Some(last)) if last >= first && last < words.len() => {
                self.scan.text_of(self.scan.span_between(first, last))
            }
            _ => self.text(start),
        }
    }

    /// The last word that starts at a place or before it.
    pub(super) fn word_near(&self, place: Place) -> Option<usize> {
        self.scan.word_at(place.0, place.1).or_else(|| {
            self.scan
                .words()
                .iter()
                .rposition(|word| (word.line, word.column) <= place)
        })
    }

    /// Rhai places a negative literal at its minus.
    fn behind_minus(&self, last: usize) -> usize {
        let minus = self
            .scan
            .words()
            .get(last)
            .is_some_and(|word| word.is_symbol("-"));
        if minus { last + 1 } else { last }
    }
}

/// The first and the last place of the nodes in a part.
#[derive(Debug, Default, Clone, Copy)]
struct Extent {
    first: Option<Place>,
    last: Option<Place>,
}

impl Extent {
    fn note(&mut self, position: Position) {
        if position.is_none() {
            return;
        }
        let place = place_of(position);
        self.first = Some(self.first.map_or(place, |first| first.min(place)));
        self.last = Some(self.last.map_or(place, |last| last.max(place)));
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Dot(pair, _, position) | Expr::Index(pair, _, position) => {
                self.note(*position);
                self.expr(&pair.lhs);
                self.expr(&pair.rhs);
            }
            Expr::And(parts, position)
            | Expr::Or(parts, position)
            | Expr::Coalesce(parts, position) => {
                self.note(*position);
                parts.iter().for_each(|part| self.expr(part));
            }
            Expr::FnCall(call, position) | Expr::MethodCall(call, position) => {
                self.note(*position);
                call.args.iter().for_each(|argument| self.expr(argument));
            }
            Expr::Array(members, position) | Expr::InterpolatedString(members, position) => {
                self.note(*position);
                members.iter().for_each(|member| self.expr(member));
            }
            Expr::Stmt(block) => {
                self.note(block.position());
                block
                    .statements()
                    .iter()
                    .for_each(|statement| self.statement(statement));
            }
            other => self.note(other.position()),
        }
    }

    fn statement(&mut self, statement: &Stmt) {
        self.note(statement.position());
        match statement {
            Stmt::Expr(expr) => self.expr(expr),
            Stmt::FnCall(call, position) => {
                self.note(*position);
                call.args.iter().for_each(|argument| self.expr(argument));
            }
            Stmt::If(flow, _) => {
                self.expr(&flow.expr);
                flow.body
                    .statements()
                    .iter()
                    .for_each(|inner| self.statement(inner));
                flow.branch
                    .statements()
                    .iter()
                    .for_each(|inner| self.statement(inner));
            }
            Stmt::Switch(switch, _) => {
                self.expr(&switch.0);
                switch
                    .1
                    .expressions
                    .iter()
                    .for_each(|case| self.expr(&case.rhs));
            }
            Stmt::Block(block) => {
                block
                    .statements()
                    .iter()
                    .for_each(|inner| self.statement(inner));
            }
            _ => {}
        }
    }
}
