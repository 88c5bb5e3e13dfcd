//! The store on disk: a journal that is the truth, an index behind it that can be lost.
//!
//! ```text
//! commit ─► request ─► writer ─► segment file (one fdatasync a group) ─► overlay ─► answer
//!                                                                          │
//! read ──► overlay, then index        checkpoint ◄─ index (sled) ◄─ flusher ┘
//!
//! open ──► recovery: the journal's true end ─► rebuild: index + replay ─► serve
//! ```

mod apply;
mod blank;
mod body;
mod checkpoint;
mod export;
mod flusher;
mod frame;
mod highwater;
mod history;
mod options;
mod overlay;
pub(crate) mod place;
mod read;
mod reader;
mod rebuild;
mod recovery;
mod request;
mod segment;
mod shared;
mod store;
#[cfg(test)]
mod tests;
mod verify;
mod wipe;
mod writer;

pub use export::{ExportReport, export};
pub use options::{Options, Stats};
pub use store::JournalStore;
