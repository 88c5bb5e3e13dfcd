//! What can go wrong, and whether trying again helps.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Table;

/// What the caller was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Opening the store.
    Open,
    /// Storing a commit.
    Commit,
    /// Reading rows.
    Read,
    /// Reading a subject's history.
    History,
    /// Erasing personal halves.
    Erase,
    /// Checking the store.
    Verify,
    /// Getting everything out.
    Export,
    /// Closing the store.
    Close,
}

impl std::fmt::Display for Operation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Open => "opening the store",
            Self::Commit => "storing a commit",
            Self::Read => "reading the store",
            Self::History => "reading a history",
            Self::Erase => "erasing personal data",
            Self::Verify => "verifying the store",
            Self::Export => "exporting the store",
            Self::Close => "closing the store",
        })
    }
}

/// Whether the same call can succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// The same call never succeeds.
    Never,
    /// The same call may succeed later, unchanged.
    Later,
    /// Load the subject again, decide again, then commit.
    Reload,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The subject is not at the version the commit expects. Nothing was stored.
    Conflict {
        /// The version the commit expects.
        expected: u64,
        /// The version the subject has.
        actual: u64,
    },
    /// A key that must be new is there already. Nothing was stored.
    Exists {
        /// The key's table.
        table: Table,
        /// The key.
        key: Vec<u8>,
    },
    /// The commit breaks a rule of the contract. Nothing was stored.
    Refused(Refusal),
    /// The store has more to do than it can take now. Nothing was stored.
    Busy,
    /// The disk is full. Nothing was stored; reads go on.
    Full,
    /// An earlier write or sync failed, so the store stopped. A commit answered with this may or may
    /// not be stored: open the store again to know.
    Poisoned,
    /// Stored bytes are not what was written.
    Corrupt {
        /// The damaged file.
        file: PathBuf,
        /// Where in the file, in bytes.
        offset: u64,
        /// What the operator can do.
        way_out: &'static str,
    },
    /// The store was written by a newer version of this program. Nothing was touched.
    Newer {
        /// The format found.
        found: u32,
        /// The newest format this program reads.
        supported: u32,
    },
    /// Another process, or another part of this one, has the store open. Nothing was touched.
    Locked {
        /// The other process, when its id could be read.
        pid: Option<u32>,
    },
    /// The store is closed.
    Closed,
    /// The operating system refused.
    Io(std::io::ErrorKind),
}

/// Which rule of the contract a call breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The subject is empty or longer than [`KEY_BYTES_MAX`](crate::KEY_BYTES_MAX).
    Subject,
    /// A key is empty or longer than [`KEY_BYTES_MAX`](crate::KEY_BYTES_MAX).
    Key,
    /// The commit is larger than [`COMMIT_BYTES_MAX`](crate::COMMIT_BYTES_MAX).
    Size,
    /// [`Table::Instances`] is written through `state`, never through `writes`.
    Instances,
    /// Options that cannot work, for example a segment smaller than its own header.
    Options,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Subject => "a subject has 1 to 1024 bytes",
            Self::Key => "a key has 1 to 1024 bytes",
            Self::Size => "a commit has at most 16 MiB",
            Self::Instances => "the table instances is written through the commit's state",
            Self::Options => "the options leave no room to work in",
        })
    }
}

impl std::fmt::Display for ErrorKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Conflict { expected, actual } => {
                write!(formatter, "expected version {expected}, found {actual}")
            }
            Self::Exists { table, key } => {
                write!(formatter, "the key {} exists already in {table}", key.escape_ascii())
            }
            Self::Refused(refusal) => refusal.fmt(formatter),
            Self::Busy => formatter.write_str("the store is busy"),
            Self::Full => formatter.write_str("the disk is full; nothing was stored"),
            Self::Poisoned => formatter.write_str(
                "an earlier write failed, so the store stopped; open it again to see what is stored",
            ),
            Self::Corrupt { file, offset, way_out } => {
                write!(formatter, "{} is damaged at byte {offset}; {way_out}", file.display())
            }
            Self::Newer { found, supported } => write!(
                formatter,
                "the store has format {found}, this program reads up to {supported}; use a newer program"
            ),
            Self::Locked { pid: Some(pid) } => {
                write!(formatter, "the store is open in process {pid}")
            }
            Self::Locked { pid: None } => formatter.write_str("the store is open elsewhere"),
            Self::Closed => formatter.write_str("the store is closed"),
            Self::Io(kind) => write!(formatter, "the operating system refused: {kind}"),
        }
    }
}

/// A call that failed: what, while doing what, because of what.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{operation}: {kind}")]
pub struct Error {
    kind: ErrorKind,
    operation: Operation,
    #[source]
    source: Option<Arc<std::io::Error>>,
}

impl Error {
    /// An error without a deeper cause.
    #[must_use]
    pub fn new(operation: Operation, kind: ErrorKind) -> Self {
        Self {
            kind,
            operation,
            source: None,
        }
    }

    /// An error of the operating system; a full disk is told apart from the rest.
    #[must_use]
    pub fn io(operation: Operation, source: std::io::Error) -> Self {
        let kind = match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::Full,
            other => ErrorKind::Io(other),
        };
        Self {
            kind,
            operation,
            source: Some(Arc::new(source)),
        }
    }

    /// Damage, with the place and what the operator can do.
    #[must_use]
    pub fn corrupt(operation: Operation, file: &Path, offset: u64, way_out: &'static str) -> Self {
        Self::new(
            operation,
            ErrorKind::Corrupt {
                file: file.to_path_buf(),
                offset,
                way_out,
            },
        )
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// What the caller was doing.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Whether the same call can succeed later.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self.kind {
            ErrorKind::Conflict { .. } => Retry::Reload,
            ErrorKind::Busy | ErrorKind::Full | ErrorKind::Locked { .. } => Retry::Later,
            _ => Retry::Never,
        }
    }

    /// Whether nothing was stored for certain. False only when the outcome is unknown.
    #[must_use]
    pub fn left_nothing(&self) -> bool {
        !matches!(self.kind, ErrorKind::Poisoned | ErrorKind::Io(_))
    }

    /// Whether the subject had another version than expected.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self.kind, ErrorKind::Conflict { .. })
    }

    /// Whether a key that must be new was there already.
    #[must_use]
    pub fn is_exists(&self) -> bool {
        matches!(self.kind, ErrorKind::Exists { .. })
    }

    /// Whether stored bytes are not what was written.
    #[must_use]
    pub fn is_corrupt(&self) -> bool {
        matches!(self.kind, ErrorKind::Corrupt { .. })
    }
}
