//! The binary, from outside: exit codes, output, and what a kill leaves behind.

mod bad_input;
mod commands;
mod kill;
mod look;
mod readme;
mod support;
mod templates;
