//! Checks that settings of several activities share.

use expression::{Expected, Expression, Template};
use values::{AccountName, Currency, FieldType, Money, Value};

use super::Scalar;
use crate::Account;
use crate::problem::{Place, PrepareContext, Problem, Severity, codes, nearest};

/// Collects mistakes while settings are compiled.
#[derive(Debug)]
pub(crate) struct Check<'a> {
    pub(crate) context: &'a PrepareContext<'a>,
    problems: Vec<Problem>,
}

/// A constant where an expression or a template is compiled.
type Found = Vec<expression::Problem>;

impl<'a> Check<'a> {
    pub(crate) fn new(context: &'a PrepareContext<'a>) -> Check<'a> {
        Check {
            context,
            problems: Vec::new(),
        }
    }

    pub(crate) fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub(crate) fn error(&mut self, code: &'static str, place: &Place, message: impl Into<String>) {
        self.report(Problem::new(code, place, message));
    }

    /// The warnings, where nothing is wrong; otherwise everything.
    pub(crate) fn finish(self) -> Result<Vec<Problem>, Vec<Problem>> {
        if self
            .problems
            .iter()
            .any(|problem| problem.severity == Severity::Error)
        {
            Err(self.problems)
        } else {
            Ok(self.problems)
        }
    }

    /// The type of a declared field.
    pub(crate) fn field(&mut self, place: &Place, name: &str) -> Option<&'a FieldType> {
        let found = self.context.fields.get(name);
        if found.is_none() {
            let suggestion = nearest(name, self.context.fields.keys().map(String::as_str));
            self.report(
                Problem::new(
                    codes::UNKNOWN_FIELD,
                    place,
                    format!("the workflow declares no field `{name}`"),
                )
                .with_suggestion(suggestion),
            );
        }
        found
    }

    /// A declared field of one of some types.
    pub(crate) fn field_of(
        &mut self,
        place: &Place,
        name: &str,
        wanted: &[&str],
    ) -> Option<&'a FieldType> {
        let found = self.field(place, name)?;
        if wanted.contains(&found.name()) {
            return Some(found);
        }
        let wanted = wanted.join(" or ");
        self.error(
            codes::FIELD_OF_WRONG_TYPE,
            place,
            format!(
                "{} field is expected, `{name}` is {} field",
                with_article(&wanted),
                with_article(found.name())
            ),
        );
        None
    }

    /// The account of that name, where the project is known.
    pub(crate) fn account(&mut self, place: &Place, name: &AccountName) -> Option<&'a Account> {
        let accounts = self.context.accounts?;
        let Some(account) = accounts.get(name) else {
            let suggestion = nearest(name.as_str(), accounts.keys().map(AccountName::as_str));
            self.report(
                Problem::new(
                    codes::UNKNOWN_ACCOUNT,
                    place,
                    format!("the project has no account `{name}`"),
                )
                .with_suggestion(suggestion),
            );
            return None;
        };
        if !(account.active && account.online_payment) {
            let why = if account.active {
                "has online payment switched off"
            } else {
                "is not active"
            };
            self.report(
                Problem::new(
                    codes::ACCOUNT_CLOSED,
                    place,
                    format!("account `{name}` {why}: every item ends in the error state here"),
                )
                .as_warning(),
            );
        }
        Some(account)
    }

    /// A positive amount in the account's currency.
    pub(crate) fn fixed_amount(
        &mut self,
        place: &Place,
        written: &Scalar,
        currency: Option<Currency>,
    ) -> Option<Money> {
        let amount = match Money::parse(&written.text()) {
            Ok(amount) => amount,
            Err(error) => {
                self.report(
                    Problem::new(codes::BAD_MONEY, place, error.to_string())
                        .with_hint("write an amount with its currency, as in 1_500_000 IRR"),
                );
                return None;
            }
        };
        if !amount.is_positive() {
            self.error(
                codes::AMOUNT_NOT_POSITIVE,
                place,
                format!("a link needs an amount above zero, this is {amount}"),
            );
            return None;
        }
        match currency {
            Some(currency) if currency != amount.currency() => {
                self.error(
                    codes::CURRENCY_OF_ANOTHER_ACCOUNT,
                    place,
                    format!(
                        "the account takes {currency}, this amount is in {}",
                        amount.currency()
                    ),
                );
                None
            }
            _ => Some(amount),
        }
    }

    /// A constant that a field of that type can hold.
    pub(crate) fn constant(
        &mut self,
        place: &Place,
        written: &serde_json::Value,
        kind: &FieldType,
    ) -> Option<Value> {
        // A number in a text field is what was typed, not a mistake.
        let as_typed = match (written, kind) {
            (serde_json::Value::Number(number), kind) if !matches!(kind, FieldType::Number) => {
                Value::parse(&number.to_string(), kind, None)
            }
            (serde_json::Value::String(text), FieldType::Number) => Value::parse(text, kind, None),
            _ => Value::from_json(written, kind),
        };
        match as_typed {
            Ok(value) => Some(value),
            Err(error) => {
                self.error(codes::BAD_CONSTANT, place, error.to_string());
                None
            }
        }
    }

    /// A text with tokens.
    pub(crate) fn template(&mut self, place: &Place, text: &str) -> Option<Template> {
        let compiled = Template::compile(text, self.context.schema);
        self.compiled(codes::BAD_TOKEN, place, compiled)
    }

    /// An expression of a type.
    pub(crate) fn expression(
        &mut self,
        place: &Place,
        source: &str,
        expected: Expected,
    ) -> Option<Expression> {
        let compiled = Expression::compile(source, self.context.schema, expected);
        self.compiled(codes::BAD_EXPRESSION, place, compiled)
    }

    fn compiled<T>(
        &mut self,
        code: &'static str,
        place: &Place,
        compiled: Result<T, Found>,
    ) -> Option<T> {
        match compiled {
            Ok(done) => Some(done),
            Err(problems) => {
                for found in problems {
                    let mut problem =
                        Problem::new(code, place, found.message).with_suggestion(found.suggestion);
                    problem.inside = Some((found.line, found.column, found.length));
                    problem.hint = found.hint;
                    self.report(problem);
                }
                None
            }
        }
    }
}

/// `a date`, `an item`.
pub(crate) fn with_article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {noun}")
}
