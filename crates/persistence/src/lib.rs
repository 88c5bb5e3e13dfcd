//! What the engine asks of a store: ordered rows, one atomic commit, a history that only grows.
//!
//! It is not a workflow store: it sees keys and bytes, and never learns what they mean. It holds two
//! stores, [`MemoryStore`], the model every other store is compared with, and [`JournalStore`], a
//! journal of its own on disk with sled behind it as an index that can always be rebuilt.
//!
//! Know these names: [`Store`], the contract; [`Commit`], the only way anything changes;
//! [`JournalStore`] and its [`Options`]; [`Error`], with its [`Retry`] class.

mod bytes;
mod commit;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod disk;
mod error;
mod index;
mod journal;
mod memory;
#[cfg(feature = "conformance")]
pub mod simulation;

use async_trait::async_trait;

pub use commit::{
    COMMIT_BYTES_MAX, Commit, Committed, HistoryEntry, KEY_BYTES_MAX, Row, Scan, Stored, Table,
    VerifyReport, Write,
};
pub use error::{Error, ErrorKind, Operation, Refusal, Retry};
pub use journal::{ExportReport, JournalStore, Options, Stats, export};
pub use memory::MemoryStore;

/// A place where commits are kept.
///
/// Every promise below is a case of the conformance list that both stores pass.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Stores everything in `commit`, or nothing, and returns only when it is durable. A commit that
    /// is refused never takes another one with it.
    ///
    /// # Errors
    /// `Conflict` when the subject has another version than expected, `Exists` when a `Unique` key is
    /// there already, `Refused` when the commit breaks a rule; in these cases nothing was stored.
    /// `Full` and `Busy` may pass; after `Poisoned` only opening the store again tells what it holds.
    async fn commit(&self, commit: Commit) -> Result<Committed, Error>;

    /// The subject's version and row; `None` when it was never committed.
    ///
    /// # Errors
    /// `Corrupt` or `Io` when the row cannot be read.
    async fn subject(&self, subject: &[u8]) -> Result<Option<Stored>, Error>;

    /// One row. Reads see durable commits only, and a caller sees its own.
    ///
    /// # Errors
    /// `Corrupt` or `Io` when the row cannot be read.
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, Error>;

    /// Rows in a range, ascending by key, as they stood together at one moment.
    ///
    /// # Errors
    /// `Corrupt` or `Io` when a row cannot be read.
    async fn scan(&self, scan: Scan) -> Result<Vec<(Vec<u8>, Row)>, Error>;

    /// The subject's history, oldest first: entries of commits whose version is greater than
    /// `after_version`, until there are `limit` of them. A commit is never cut, so there may be a few
    /// more; going on behind the last entry's version misses nothing.
    ///
    /// # Errors
    /// `Corrupt` or `Io` when a record cannot be read.
    async fn history(
        &self,
        subject: &[u8],
        after_version: u64,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, Error>;

    /// Wipes every personal half the subject's commits have written so far: in its history, and in
    /// rows that still stand as those commits left them. Open halves, versions and the hash chain
    /// stay. Returns how many commits were wiped; wiping again wipes nothing.
    ///
    /// # Errors
    /// As for `commit`; an erasure cut short by a crash is finished when the store is opened next.
    async fn erase_personal(&self, subject: &[u8]) -> Result<u64, Error>;

    /// Reads everything back and checks it against its checksums and the hash chain.
    ///
    /// # Errors
    /// `Corrupt` with the first damaged place and what to do.
    async fn verify(&self) -> Result<VerifyReport, Error>;

    /// Finishes what is under way and lets go of the store; everything after it answers `Closed`.
    /// Closing again is no error.
    ///
    /// # Errors
    /// `Io` when the last writes fail; what was acknowledged is durable all the same.
    async fn close(&self) -> Result<(), Error>;
}

/// Checks the rules of the contract that need no look into the store.
pub(crate) fn check_rules(commit: &Commit) -> Result<(), Error> {
    let refuse = |refusal| Err(Error::new(Operation::Commit, ErrorKind::Refused(refusal)));
    if commit.subject.is_empty() || commit.subject.len() > KEY_BYTES_MAX {
        return refuse(Refusal::Subject);
    }
    let mut bytes = commit
        .subject
        .len()
        .saturating_add(commit.state.as_ref().map_or(0, Row::bytes));
    for write in &commit.writes {
        let (table, key) = write.place();
        if table == Table::Instances {
            return refuse(Refusal::Instances);
        }
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return refuse(Refusal::Key);
        }
        bytes = bytes
            .saturating_add(key.len())
            .saturating_add(16)
            .saturating_add(write.row().map_or(0, Row::bytes));
    }
    for row in &commit.history {
        bytes = bytes.saturating_add(row.bytes()).saturating_add(16);
    }
    if bytes > COMMIT_BYTES_MAX {
        refuse(Refusal::Size)
    } else {
        Ok(())
    }
}
