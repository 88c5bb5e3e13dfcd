//! The binary, from outside: exit codes, output, and what a kill leaves behind.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "what tests share may fail as loudly as the tests themselves"
)]

mod bad_input;
mod by_hand;
mod canary;
mod channels;
mod commands;
mod kill;
mod kill_providers;
mod look;
mod provider_activities;
mod provider_cases;
mod provider_stage;
mod providers;
mod readme;
mod support;
mod templates;
