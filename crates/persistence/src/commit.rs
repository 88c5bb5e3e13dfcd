//! The words of the contract: tables, rows, one atomic commit, and what comes back.

use std::ops::Bound;

/// Longest subject or key, in bytes.
pub const KEY_BYTES_MAX: usize = 1024;

/// Largest commit, in bytes: all keys, rows and history together.
pub const COMMIT_BYTES_MAX: usize = 16 << 20;

/// Where a row lives. Each table is one ordered key space; its tag is part of the disk format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Table {
    /// One row per subject, written through [`Commit::state`] only.
    Instances = 1,
    /// Inputs already consumed, with the first reply.
    Inputs = 2,
    /// Armed timers, by due time.
    Timers = 3,
    /// Work decided and stored, not yet done.
    Outbox = 4,
    /// Payment links.
    Links = 5,
    /// Payments, unique by gateway, account and transaction.
    Payments = 6,
    /// Receipts.
    Receipts = 7,
    /// Messages to people.
    Messages = 8,
    /// Workflow definitions.
    Definitions = 9,
    /// What waits for a person to look at it.
    Attention = 10,
    /// Lists and searches.
    Index = 11,
}

impl Table {
    /// Every table, in tag order.
    pub const ALL: [Self; 11] = [
        Self::Instances,
        Self::Inputs,
        Self::Timers,
        Self::Outbox,
        Self::Links,
        Self::Payments,
        Self::Receipts,
        Self::Messages,
        Self::Definitions,
        Self::Attention,
        Self::Index,
    ];

    /// The byte that stands for this table on disk.
    #[must_use]
    pub const fn tag(self) -> u8 {
        self as u8
    }

    /// The table a tag stands for.
    #[must_use]
    pub fn from_tag(tag: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.tag() == tag)
    }

    /// The table's name in exports and messages, snake case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Instances => "instances",
            Self::Inputs => "inputs",
            Self::Timers => "timers",
            Self::Outbox => "outbox",
            Self::Links => "links",
            Self::Payments => "payments",
            Self::Receipts => "receipts",
            Self::Messages => "messages",
            Self::Definitions => "definitions",
            Self::Attention => "attention",
            Self::Index => "index",
        }
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A value in two halves, so that what names a person can be erased later without touching the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Row {
    /// What stays for ever; covered by the hash chain.
    pub open: Vec<u8>,
    /// What can be erased; the chain covers only a salted hash of it.
    pub personal: Vec<u8>,
}

impl Row {
    /// A row with nothing personal in it.
    #[must_use]
    pub fn open(open: impl Into<Vec<u8>>) -> Self {
        Self {
            open: open.into(),
            personal: Vec::new(),
        }
    }

    /// A row with both halves.
    #[must_use]
    pub fn new(open: impl Into<Vec<u8>>, personal: impl Into<Vec<u8>>) -> Self {
        Self {
            open: open.into(),
            personal: personal.into(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.open.len().saturating_add(self.personal.len())
    }
}

/// One change of one row inside a commit. Changes apply in the order they are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Inserts or replaces.
    Put {
        /// Any table but [`Table::Instances`].
        table: Table,
        /// Ordered as bytes.
        key: Vec<u8>,
        /// The new value.
        row: Row,
    },
    /// Inserts a key that never existed before. The caller guarantees that, the store does not look;
    /// in return a key made and deleted soon after costs nothing beyond the journal. A caller that
    /// breaks the guarantee may see an older value of the key again after a delete.
    Fresh {
        /// Any table but [`Table::Instances`].
        table: Table,
        /// Ordered as bytes.
        key: Vec<u8>,
        /// The new value.
        row: Row,
    },
    /// Inserts, or refuses the whole commit with [`ErrorKind::Exists`](crate::ErrorKind::Exists)
    /// when the key is there already.
    Unique {
        /// Any table but [`Table::Instances`].
        table: Table,
        /// Ordered as bytes.
        key: Vec<u8>,
        /// The new value.
        row: Row,
    },
    /// Removes; removing what is not there is no error.
    Delete {
        /// Any table but [`Table::Instances`].
        table: Table,
        /// Ordered as bytes.
        key: Vec<u8>,
    },
}

impl Write {
    /// The table and key this change is about.
    #[must_use]
    pub fn place(&self) -> (Table, &[u8]) {
        match self {
            Self::Put { table, key, .. }
            | Self::Fresh { table, key, .. }
            | Self::Unique { table, key, .. }
            | Self::Delete { table, key } => (*table, key),
        }
    }

    /// The row this change leaves behind; `None` for a delete.
    #[must_use]
    pub fn row(&self) -> Option<&Row> {
        match self {
            Self::Put { row, .. } | Self::Fresh { row, .. } | Self::Unique { row, .. } => Some(row),
            Self::Delete { .. } => None,
        }
    }
}

/// Everything one step changes, stored all together or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Whose history and version this is, for example an item's id.
    pub subject: Vec<u8>,
    /// The version the subject has now; 0 means it was never committed.
    pub expected: u64,
    /// The subject's new row in [`Table::Instances`]; `None` leaves it as it is. The version grows
    /// by one either way.
    pub state: Option<Row>,
    /// Changes of other rows.
    pub writes: Vec<Write>,
    /// Entries for the subject's history, in order.
    pub history: Vec<Row>,
}

/// The receipt for a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The commit's place among all commits and erasures of the store, from 1, without gaps.
    pub sequence: u64,
    /// The subject's new version.
    pub version: u64,
}

/// A subject as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// How many commits the subject has had.
    pub version: u64,
    /// Its row; both halves empty when no commit has carried a state yet.
    pub row: Row,
}

/// One entry of a subject's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Sequence of the commit that wrote it.
    pub sequence: u64,
    /// Version of the subject after that commit.
    pub version: u64,
    /// Place among the entries of that commit, from 0.
    pub index: u32,
    /// What the commit recorded; `personal` is empty once erased.
    pub row: Row,
    /// Whether the personal half of that commit has been erased.
    pub erased: bool,
    /// The hash chain's value at that commit.
    pub hash: [u8; 32],
}

/// A range of one table, ascending by key bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// The table to read.
    pub table: Table,
    /// Where to start.
    pub from: Bound<Vec<u8>>,
    /// Where to stop.
    pub to: Bound<Vec<u8>>,
    /// At most so many rows.
    pub limit: usize,
}

impl Scan {
    /// The whole table.
    #[must_use]
    pub fn all(table: Table) -> Self {
        Self {
            table,
            from: Bound::Unbounded,
            to: Bound::Unbounded,
            limit: usize::MAX,
        }
    }

    /// Every key that begins with `prefix`.
    #[must_use]
    pub fn prefix(table: Table, prefix: impl Into<Vec<u8>>) -> Self {
        let prefix = prefix.into();
        let to = after_prefix(&prefix).map_or(Bound::Unbounded, Bound::Excluded);
        Self {
            table,
            from: Bound::Included(prefix),
            to,
            limit: usize::MAX,
        }
    }

    /// The same range from behind `key` on: the way to read a long list page by page.
    #[must_use]
    pub fn after(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.from = Bound::Excluded(key.into());
        self
    }

    /// The same range with at most `limit` rows.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Whether no key can lie in the range; such a range is answered without a look.
    pub(crate) fn is_empty(&self) -> bool {
        if self.limit == 0 {
            return true;
        }
        match (&self.from, &self.to) {
            (Bound::Included(from), Bound::Included(to)) => from > to,
            (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(to))
            | (Bound::Excluded(from), Bound::Included(to)) => from >= to,
            _ => false,
        }
    }
}

/// The smallest key behind every key with this prefix; `None` when there is none.
pub(crate) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last.saturating_add(1));
            return Some(end);
        }
    }
    None
}

/// What [`Store::verify`](crate::Store::verify) found whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Commits in the store.
    pub records: u64,
    /// Subjects with at least one commit.
    pub subjects: u64,
    /// Rows that stand in all tables.
    pub rows: u64,
    /// Journal files; 0 for a store without files.
    pub segments: u64,
    /// Commits whose personal half has been erased.
    pub erased: u64,
    /// How many times the store has been opened; 0 for a store without files.
    pub epoch: u64,
    /// The last sequence.
    pub sequence: u64,
    /// The hash chain's value at the last sequence.
    pub hash: [u8; 32],
}
