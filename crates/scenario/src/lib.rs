//! Workflows tested by example: a scenario file says what is given, what happens and what must be so.
//!
//! It is not a second engine: everything goes through [`engine::Engine`], whose clock stands still until
//! a scenario moves it. It keeps nothing, prints nothing and lets no real time pass.
//!
//! ```text
//!   file ─► read ─► Script ─► run ─► Report ─► Suite (coverage, failures) ─► human, json, junit, github
//! ```
//!
//! The names to know: [`read`] turns a file into a [`Script`] or diagnostics, [`run`] plays it in
//! [`Surroundings`], [`Report`] is what came of it, [`Suite`] gathers the reports of a workflow with
//! its [`Coverage`], and [`story`] tells an item's history in words.

mod coverage;
mod file;
mod report;
mod run;
mod story;
mod surroundings;
mod world;

pub use coverage::{Coverage, Measure};
pub use file::{
    Place, Problem, Script, pages, read, scenario_schema, without_workflow, workflow_of,
};
pub use report::{
    Broken, Failure, Report, Skip, Suite, render_github, render_human, render_json, render_junit,
};
pub use run::{RunError, run};
pub use story::{Line, LineKind, Story, story};
pub use surroundings::{AccountAt, Surroundings};
