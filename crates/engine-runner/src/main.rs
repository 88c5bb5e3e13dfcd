//! The command line for designers and operators of Charkh.
//!
//! It holds no rule of a workflow: every command is a thin caller of the rooms below. What it adds
//! is files: the project file, items, people's actions, a store folder.

mod channels;
mod cli;
mod codes;
mod commands;
mod config;
mod crm;
mod exit;
mod files;
mod item_file;
mod lines;
mod loading;
mod net;
mod outbox;
mod output;
mod picture;
mod play_file;
mod player;
mod rows;
mod store_clock;
mod table;
mod templates;
mod watch;
mod wiring;

use std::process::ExitCode;

/// A third of the memory and a fifth less time per commit than with the system's, on the load of
/// docs/performance.md. A library leaves this choice to its embedder.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    exit::guarded(cli::run)
}
