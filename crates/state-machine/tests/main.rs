//! The core as a whole: the contract clause by clause, tables of the kinds of state, and random walks.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod clauses;
mod format;
mod graph;
mod overlays;
mod payments;
mod people;
mod properties;
mod support;
mod tables;
mod timers;
