//! The integration tests of the workflow file.

mod bad_input;
mod goldens;
mod model;
mod places;
mod project;
mod render;
mod schema;
mod shipped;
mod support;
