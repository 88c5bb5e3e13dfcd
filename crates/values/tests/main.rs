//! The values room, seen from outside.
#![allow(
    clippy::too_many_lines,
    reason = "the tables of accepted and refused texts are long and flat"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails here should stop here, in its helper functions as well"
)]

mod calendar;
mod contacts;
mod field;
mod id;
mod money;
mod number;
mod random;
mod text;
mod time;
