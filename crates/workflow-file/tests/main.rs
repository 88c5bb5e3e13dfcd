//! The integration tests of the workflow file.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what tests share may fail as loudly as the tests themselves"
)]

mod bad_input;
mod channels;
mod documents;
mod goldens;
mod model;
mod places;
mod project;
mod render;
mod schema;
mod shipped;
mod support;
