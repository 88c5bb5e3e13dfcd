//! Tests of whole scenarios: those that ship, those that fail, those with mistakes.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail by panicking, in its own words or in those of a function it calls"
)]

mod clauses;
mod documented;
mod failing;
mod mistakes;
mod shipped;
mod support;
