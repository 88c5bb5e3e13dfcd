//! Why an expression that compiled could not be evaluated.

/// An evaluation that failed. It is never an answer: a guard that fails is neither true nor false,
/// and evaluating it again over the same facts fails again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// A value is needed and there is none.
    #[error("{what} is empty")]
    Empty {
        /// What is empty, as the source writes it.
        what: String,
    },
    /// The values do not go together: two currencies, a division by zero, a date out of range.
    #[error("{message} (line {line}, column {column})")]
    Failed {
        /// What went wrong.
        message: String,
        /// The line in the source.
        line: usize,
        /// The column in the source, in characters.
        column: usize,
    },
    /// A field holds another type than the schema says.
    #[error("{what} should hold {expected}, but holds {found}")]
    WrongType {
        /// What holds it.
        what: String,
        /// The type of the schema.
        expected: String,
        /// The type that was found.
        found: String,
    },
    /// The facts lack a record that the expression follows a reference to.
    #[error("the record of {what} was not supplied")]
    NotSupplied {
        /// The reference.
        what: String,
    },
    /// More work than one evaluation may do.
    #[error("the expression takes too many operations")]
    TooExpensive,
    /// A text or list longer than an expression may handle.
    #[error("{message}")]
    TooLarge {
        /// What has how much at most.
        message: String,
    },
    /// A fault of the evaluator itself.
    #[error("the expression could not be evaluated: {message}")]
    Internal {
        /// What it said.
        message: String,
    },
}
