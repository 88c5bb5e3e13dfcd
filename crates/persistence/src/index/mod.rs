//! The current rows, behind the journal: an ordered map that may be lost at any time.
//!
//! Not the truth: the journal is. An index says how far it has got ([`Mark`]), and whoever opens it
//! brings it up to date or throws it away.

mod memory;
mod meta;
mod row;
mod sled;

use std::borrow::Cow;
use std::fmt::Debug;
use std::io;
use std::ops::Bound;

pub(crate) use self::memory::MemoryIndexHome;
pub(crate) use self::row::{Head, IndexRow, read_key, row_key, table_prefix};
pub(crate) use self::sled::SledHome;
use crate::journal::place::{Mark, StoreId};

/// Why an index could not answer. None of these loses anything.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It is damaged: throw it away and build it again.
    Damaged,
    /// The disk is full.
    Full,
    /// The operating system refused.
    Io(io::Error),
}

/// One row to change.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    pub(crate) key: Cow<'a, [u8]>,
    /// `None` removes the row.
    pub(crate) value: Option<Vec<u8>>,
    /// The key is certainly not in the index yet.
    pub(crate) fresh: bool,
}

/// An ordered map of encoded rows.
pub(crate) trait Index: Send + Sync + Debug {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault>;
    /// Calls `visit` for each row in the range, ascending, until it returns false.
    fn range(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Fault>;
    /// Writes the changes in order, in one or more atomic pieces. `mark` is stored with the last one.
    fn apply(&self, changes: Vec<Change<'_>>, mark: Option<&Mark>) -> Result<(), Fault>;
    /// Makes everything applied so far durable.
    fn sync(&self) -> Result<(), Fault>;
    /// Bytes handed to `apply` so far.
    fn written(&self) -> u64;
}

/// The place an index lives in.
pub(crate) trait IndexHome: Send + Sync + Debug {
    /// The index that is there with its mark; `None` when there is none that can be trusted.
    fn open(&self, store: &StoreId) -> Option<(Box<dyn Index>, Mark)>;
    /// An empty index in place of whatever is there.
    fn fresh(&self, store: &StoreId) -> Result<Box<dyn Index>, Fault>;
}
