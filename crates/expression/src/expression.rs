//! A compiled expression: text, then checked tree, then value.

use std::fmt;
use std::sync::Arc;

use rhai::AST;
use values::{FieldType, Value};

use crate::check::check;
use crate::error::EvaluationError;
use crate::facts::Facts;
use crate::problem::Problem;
use crate::reads::Reads;
use crate::sandbox::{self, Plan};
use crate::schema::Schema;
use crate::slot::Slot;
use crate::types::Type;

/// What the place of an expression needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Yes or no.
    Guard,
    /// Any value.
    Any,
    /// A value of this type, or an empty one.
    Type(Type),
}

impl From<&FieldType> for Expected {
    fn from(field: &FieldType) -> Self {
        Self::Type(Type::from(field))
    }
}

/// An expression without mistakes. A clone shares the tree.
#[derive(Clone)]
pub struct Expression {
    inner: Arc<Inner>,
}

struct Inner {
    source: String,
    ast: AST,
    plan: Arc<Plan>,
    yields: Type,
    reads: Reads,
}

impl Expression {
    /// Checks a source against a schema. No value is looked at, so one expression serves all items.
    ///
    /// # Errors
    ///
    /// Every [`Problem`] that is found, in the order of the source.
    pub fn compile(
        source: &str,
        schema: &Schema,
        expected: Expected,
    ) -> Result<Self, Vec<Problem>> {
        let checked = check(source, schema, &expected)?;
        Ok(Self {
            inner: Arc::new(Inner {
                source: source.to_owned(),
                ast: checked.ast,
                plan: Arc::new(checked.plan),
                yields: checked.yields,
                reads: checked.reads,
            }),
        })
    }

    /// The value over some facts. The same facts always give the same value.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`]; also when the value is not of [`Expression::result_type`], because the
    /// facts hold something else than the schema says.
    pub fn evaluate(&self, facts: &Facts) -> Result<Value, EvaluationError> {
        match sandbox::evaluate(&self.inner.ast, &self.inner.plan, facts)? {
            Slot::Value(value) => self.typed(value),
            other => Err(self.wrong(other.kind())),
        }
    }

    /// The answer of a guard.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`]; an empty answer is an error and never "no".
    pub fn guard(&self, facts: &Facts) -> Result<bool, EvaluationError> {
        match self.evaluate(facts)? {
            Value::Bool(yes) => Ok(yes),
            Value::Empty => Err(EvaluationError::Empty {
                what: self.inner.source.clone(),
            }),
            other => Err(self.wrong(other.type_name())),
        }
    }

    /// The source as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.inner.source
    }

    /// The type of the value.
    #[must_use]
    pub fn result_type(&self) -> &Type {
        &self.inner.yields
    }

    /// What the expression looks at.
    #[must_use]
    pub fn reads(&self) -> &Reads {
        &self.inner.reads
    }

    /// Texts and choices are one thing inside an expression; outside they are two.
    fn typed(&self, value: Value) -> Result<Value, EvaluationError> {
        let value = retyped(value, &self.inner.yields);
        if holds(&value, self.inner.yields.required()) {
            Ok(value)
        } else {
            Err(self.wrong(value.type_name()))
        }
    }

    fn wrong(&self, found: &str) -> EvaluationError {
        EvaluationError::WrongType {
            what: self.inner.source.clone(),
            expected: self.inner.yields.to_string(),
            found: found.to_owned(),
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression")
            .field(&self.inner.source)
            .finish()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
            || (self.inner.source == other.inner.source && self.inner.yields == other.inner.yields)
    }
}

fn retyped(value: Value, wanted: &Type) -> Value {
    match (value, wanted.required()) {
        (Value::Text(text), Type::Choice(_)) => Value::Choice(text),
        (Value::Choice(text), Type::Text) => Value::Text(text),
        (Value::List(members), Type::List(of)) => Value::List(
            members
                .into_iter()
                .map(|member| retyped(member, of))
                .collect(),
        ),
        (value, _) => value,
    }
}

fn holds(value: &Value, wanted: &Type) -> bool {
    match (value, wanted) {
        (Value::Empty, _)
        | (_, Type::Unknown)
        | (Value::Bool(_), Type::Bool)
        | (Value::Number(_), Type::Number)
        | (Value::Money(_), Type::Money)
        | (Value::Text(_), Type::Text)
        | (Value::Date(_), Type::Date)
        | (Value::Time(_), Type::Time)
        | (Value::Instant(_), Type::Instant)
        | (Value::User(_), Type::User)
        | (Value::Group(_), Type::Group)
        | (Value::Position(_), Type::Position)
        | (Value::Item(_), Type::Item(None))
        | (Value::Receipt(_), Type::Receipt) => true,
        (Value::Item(item), Type::Item(Some(entity))) => item.entity() == entity,
        (Value::Choice(text), Type::Choice(options)) => options.contains(text),
        (Value::List(members), Type::List(of)) => members.iter().all(|member| holds(member, of)),
        _ => false,
    }
}
