//! What one evaluation shares with its natives, and how their errors come back through Rhai.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rhai::{Dynamic, EvalAltResult, FnPtr, NativeCallContext, Position};

use super::{MAX_LIST, MAX_OPERATIONS, MAX_TEXT_BYTES};
use crate::error::EvaluationError;
use crate::facts::{Facts, Record};
use crate::slot::{Row, Slot};

/// A line and a column, as Rhai counts them.
pub(crate) type Place = (usize, usize);

/// What the checker found out for the evaluation.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// How the source writes the operands of the operator or call at a place.
    pub(crate) operands: BTreeMap<Place, Vec<String>>,
    /// Where the source compares with `()`.
    pub(crate) empty_tests: BTreeSet<Place>,
    /// The tests of records, by Rhai's names for them.
    pub(crate) tests: BTreeMap<String, Test>,
    /// The variables that the source mentions.
    pub(crate) variables: BTreeSet<&'static str>,
    /// Whether a function or a reference needs more than the variables.
    pub(crate) needs_facts: bool,
    /// Whether the id of the item is read.
    pub(crate) reads_id: bool,
}

/// A test of records.
#[derive(Debug)]
pub(crate) struct Test {
    /// How much work one run is at most.
    pub(crate) work: u64,
    /// How the source writes it.
    pub(crate) text: String,
}

/// What the natives of one evaluation share; it rides in Rhai's tag.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(super) plan: Arc<Plan>,
    pub(super) facts: Option<Arc<Facts>>,
    pub(super) spent: Option<Arc<AtomicU64>>,
}

/// Why a native could not do its work.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The operand at this place is empty.
    Empty(usize),
    /// A field that is named here is empty.
    EmptyField(String),
    Failed(String),
    NotSupplied(String),
    TooExpensive,
    /// Rhai's own error inside a test of records.
    Nested(Box<EvaluationError>),
}

impl Fault {
    pub(crate) fn says(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    pub(crate) fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

/// An [`EvaluationError`] on its way through Rhai.
#[derive(Debug)]
struct Carried(EvaluationError);

impl std::fmt::Display for Carried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Carried {}

/// A call of a native, with what it may look at.
pub(crate) struct Call<'a> {
    pub(super) context: Context,
    pub(super) rhai: Option<&'a NativeCallContext<'a>>,
}

impl Call<'_> {
    /// A call outside of an evaluation, for literals.
    pub(crate) fn literal() -> Self {
        let context = Context {
            plan: Arc::default(),
            facts: None,
            spent: None,
        };
        Self {
            context,
            rhai: None,
        }
    }

    pub(crate) fn facts(&self) -> Result<&Facts, Fault> {
        self.context
            .facts
            .as_deref()
            .ok_or_else(|| Fault::says("no facts are at hand"))
    }

    /// Counts work that Rhai does not see.
    pub(crate) fn charge(&self, work: usize) -> Result<(), Fault> {
        let work = u64::try_from(work).unwrap_or(u64::MAX);
        let Some(spent) = &self.context.spent else {
            return Ok(());
        };
        let before = spent.fetch_add(work.min(MAX_OPERATIONS), Ordering::Relaxed);
        if before.saturating_add(work) > MAX_OPERATIONS {
            Err(Fault::TooExpensive)
        } else {
            Ok(())
        }
    }

    /// Runs a test on a record. Rhai starts a fresh count of operations for each run, so the whole
    /// work is counted here.
    pub(crate) fn test(&self, test: &FnPtr, record: &Arc<Record>) -> Result<bool, Fault> {
        let Some(rhai) = self.rhai else {
            return Err(Fault::says("no test can run here"));
        };
        let known = self.context.plan.tests.get(test.fn_name());
        let work = known.map_or(MAX_OPERATIONS, |test| test.work);
        self.charge(usize::try_from(work).unwrap_or(usize::MAX))?;
        let row = Dynamic::from(Row::Record(Arc::clone(record)));
        let answer: Dynamic = test
            .call_within_context(rhai, (row,))
            .map_err(|error| Fault::Nested(Box::new(explain(*error, &self.context.plan))))?;
        match answer.as_bool() {
            Ok(yes) => Ok(yes),
            Err(_) if answer.is_unit() => Err(Fault::EmptyField(
                known.map_or_else(String::new, |test| test.text.clone()),
            )),
            Err(found) => Err(Fault::says(format!("the test yields {found}, not yes/no"))),
        }
    }
}

pub(super) type Native = Result<Dynamic, Box<EvalAltResult>>;

pub(super) fn context(rhai: &NativeCallContext<'_>) -> Option<Context> {
    rhai.tag()
        .and_then(|tag| tag.read_lock::<Context>().map(|context| context.clone()))
}

pub(super) fn place(rhai: &NativeCallContext<'_>) -> Place {
    place_of(rhai.call_position())
}

pub(crate) fn place_of(position: Position) -> Place {
    (
        position.line().unwrap_or(1),
        position.position().unwrap_or(1),
    )
}

pub(super) fn finish(result: Result<Slot, Fault>, rhai: &NativeCallContext<'_>) -> Native {
    result.map(Slot::into_rhai).map_err(|fault| {
        let at = place(rhai);
        let error = match fault {
            Fault::Empty(operand) => {
                let named = context(rhai).and_then(|context| {
                    context
                        .plan
                        .operands
                        .get(&at)
                        .and_then(|names| names.get(operand).cloned())
                });
                EvaluationError::Empty {
                    what: named.unwrap_or_else(|| "a value".to_owned()),
                }
            }
            Fault::EmptyField(what) => EvaluationError::Empty { what },
            Fault::Failed(message) => EvaluationError::Failed {
                message,
                line: at.0,
                column: at.1,
            },
            Fault::NotSupplied(what) => EvaluationError::NotSupplied { what },
            Fault::TooExpensive => EvaluationError::TooExpensive,
            Fault::Nested(error) => *error,
        };
        Box::new(EvalAltResult::ErrorSystem(
            String::new(),
            Box::new(Carried(error)),
        ))
    })
}

/// Rhai's error in our words.
pub(super) fn explain(error: EvalAltResult, plan: &Plan) -> EvaluationError {
    let (line, column) = place_of(error.position());
    match error {
        EvalAltResult::ErrorSystem(_, inner) => match inner.downcast::<Carried>() {
            Ok(carried) => carried.0,
            Err(other) => EvaluationError::Internal {
                message: other.to_string(),
            },
        },
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => explain(*inner, plan),
        EvalAltResult::ErrorTooManyOperations(_) | EvalAltResult::ErrorStackOverflow(_) => {
            EvaluationError::TooExpensive
        }
        EvalAltResult::ErrorDataTooLarge(what, _) => EvaluationError::TooLarge {
            message: if what.contains("string") {
                format!("a text has at most {MAX_TEXT_BYTES} bytes")
            } else {
                format!("a list has at most {MAX_LIST} members")
            },
        },
        // `&&`, `||` and `if` are Rhai's own, and tell only where the operand stands.
        EvalAltResult::ErrorMismatchDataType(_, found, _) if found == "()" => {
            let what = plan
                .operands
                .get(&(line, column))
                .and_then(|names| names.first());
            EvaluationError::Empty {
                what: what.map_or_else(|| "a condition".to_owned(), Clone::clone),
            }
        }
        other => EvaluationError::Failed {
            message: other.to_string(),
            line,
            column,
        },
    }
}
