//! Tests of whole scenarios: those that ship, those that fail, those with mistakes.

mod shipped;
mod support;
