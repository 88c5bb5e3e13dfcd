//! The engine through its public door, on a virtual clock, with the in-memory store and host.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod links;
mod promises;
mod recovery;
mod smoke;
mod support;
