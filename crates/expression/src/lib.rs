//! The language of guards, computed values and message templates: text, then checked tree, then
//! value.
//!
//! It is Rhai cut down to expressions, with the types of a schema: a wrong name, a wrong type or a
//! bare number beside money is found when a workflow is loaded, with its place. It is not a place
//! for effects: an expression reads facts and yields one value, the same one whenever it is asked.
//!
//! Names to know: [`Expression`], [`Template`], [`Schema`], [`Facts`], [`Problem`].
//!
//! ```
//! use expression::{Expected, Expression, RecordType, Schema};
//! use values::FieldType;
//!
//! let schema = Schema::new(RecordType::new("invoice").with("deposit", FieldType::Money));
//! let guard = Expression::compile("item.deposit > 0", &schema, Expected::Guard);
//! assert!(guard.is_ok_and(|guard| guard.reads().fields.contains("deposit")));
//!
//! let found = Expression::compile("item.deposti > 0", &schema, Expected::Guard).unwrap_err();
//! assert_eq!((found[0].line, found[0].column, found[0].length), (1, 6, 7));
//! assert_eq!(found[0].suggestion.as_deref(), Some("deposit"));
//! ```

mod check;
mod display;
mod error;
mod expression;
mod facts;
mod functions;
mod operator;
mod problem;
mod reads;
mod sandbox;
mod scan;
mod schema;
mod slot;
mod template;
mod types;

#[cfg(test)]
mod tests;

pub use error::EvaluationError;
pub use expression::{Expected, Expression};
pub use facts::{Facts, LinkFacts, ProcessFacts, Record};
pub use problem::{Problem, ProblemCode};
pub use reads::Reads;
pub use schema::{RecordType, Schema};
pub use template::Template;
pub use types::Type;

/// The longest source of an expression.
pub const MAX_SOURCE_BYTES: usize = 2048;
/// The longest template.
pub const MAX_TEMPLATE_BYTES: usize = 8192;
/// The longest text that a template yields.
pub const MAX_OUTPUT_BYTES: usize = 16_384;
