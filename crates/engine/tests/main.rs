//! The engine through its public door, on a virtual clock, with the in-memory store and host.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod by_hand;
mod by_hand_recovery;
mod callbacks;
mod clauses;
mod commands;
mod concurrency;
mod determinism;
mod differences;
mod doubles;
mod inputs;
mod life;
mod link_activities;
mod links;
mod messages;
mod permissions;
mod promises;
mod recording;
mod recovery;
mod rollback;
mod smoke;
mod support;
mod together;
