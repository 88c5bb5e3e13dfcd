//! What can be chosen about a journal store, and what it counts.

use super::blank::Sizes;
use super::segment::BLOCK;
use crate::{Error, ErrorKind, Operation, Refusal};

/// How a [`JournalStore`](crate::JournalStore) uses disk and memory. The defaults suit one CRM on
/// one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Largest journal file, in bytes. Files are zeroed before use, so this much disk is taken ahead.
    pub segment_bytes: u64,
    /// First journal file, in bytes; each next one is twice as large, up to `segment_bytes`.
    pub first_segment_bytes: u64,
    /// Rows that may wait in memory for the index; when there are more, commits wait.
    pub overlay_entries_max: usize,
    /// Bytes that may wait in memory for the index; when there are more, commits wait.
    pub overlay_bytes_max: usize,
    /// Journal growth, in bytes, after which the index is copied into a new checkpoint. A copy larger
    /// than half of this waits for as much growth as twice its size.
    pub checkpoint_every_bytes: u64,
    /// Index growth, in bytes, after which its file is synced.
    pub index_sync_bytes: u64,
    /// Memory sled may use for its cache, in bytes.
    pub cache_bytes: u64,
    /// How much of the journal's newest end is always read and checked when opening, in bytes.
    /// Records before that are checked when they are read, and by `verify`.
    pub check_journal_bytes: u64,
    /// Read the whole index when opening and compare it with its count and checksum. Without it,
    /// damage that hides rows is found by `verify` only; damaged rows are found either way.
    pub check_index: bool,
    /// Commits that may wait for the journal's thread; more wait in their callers.
    pub queue: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            first_segment_bytes: 1 << 20,
            overlay_entries_max: 128 << 10,
            overlay_bytes_max: 64 << 20,
            checkpoint_every_bytes: 256 << 20,
            index_sync_bytes: 8 << 20,
            cache_bytes: 64 << 20,
            check_journal_bytes: 64 << 20,
            check_index: true,
            queue: 4096,
        }
    }
}

impl Options {
    pub(crate) fn check(&self) -> Result<Sizes, Error> {
        let sizes = Sizes {
            first: self.first_segment_bytes,
            largest: self.segment_bytes,
        };
        let least = u64::from(BLOCK).saturating_add(1024);
        let good = sizes.first >= least
            && sizes.largest >= least
            && sizes.largest <= 1 << 30
            && self.overlay_entries_max > 0
            && self.overlay_bytes_max > 0
            && self.queue > 0;
        if good {
            Ok(sizes)
        } else {
            Err(Error::new(
                Operation::Open,
                ErrorKind::Refused(Refusal::Options),
            ))
        }
    }
}

/// What a store has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Commits and erasures stored.
    pub records: u64,
    /// Groups they were written in; each took one sync.
    pub groups: u64,
    /// Bytes of records written to the journal.
    pub journal_bytes: u64,
    /// Bytes of rows handed to the index.
    pub index_bytes: u64,
    /// Rows handed to the index.
    pub index_rows: u64,
    /// Row changes that never reached the index, because a later one replaced or cancelled them.
    pub coalesced: u64,
    /// Times the waiting rows were written out.
    pub windows: u64,
    /// Bytes of finished checkpoints.
    pub checkpoint_bytes: u64,
    /// Finished checkpoints.
    pub checkpoints: u64,
    /// Rows waiting in memory now.
    pub overlay_entries: u64,
    /// Bytes waiting in memory now.
    pub overlay_bytes: u64,
    /// Times commits waited because too much was waiting in memory.
    pub waits: u64,
    /// Records read again when the store was opened.
    pub replayed: u64,
    /// Times the index was built again, at opening or later.
    pub rebuilds: u64,
}
