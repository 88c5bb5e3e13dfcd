//! The integration tests of the workflow file.

mod shipped;
