//! A commit on its way to the journal's thread, prepared as far as its caller can.

use tokio::sync::oneshot;

use super::body::{Encoded, encode_commit};
use super::shared::Shared;
use crate::index::{Head, IndexRow, row_key};
use crate::{Commit, Committed, Error, ErrorKind, Operation, Row, Table, Write};

/// What the caller read from the index, good as long as no layer was dropped since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hint {
    /// The overlay's count of dropped layers when the reading began.
    pub(crate) drops: u64,
    /// The subject's head in the index.
    pub(crate) head: Option<Head>,
}

/// How a row is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Put,
    Fresh,
    Unique,
    Delete,
}

/// One write, with its index key.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) key: Vec<u8>,
    pub(crate) row: Option<Row>,
    pub(crate) mode: Mode,
}

/// What a record does to the rows.
#[derive(Debug)]
pub(crate) enum Effect {
    Commit {
        /// The new row; `None` keeps `kept`.
        state: Option<Row>,
        writes: Vec<Planned>,
    },
    Erasure {
        wipes: Vec<(Vec<u8>, u64)>,
        done: oneshot::Sender<u64>,
    },
}

#[derive(Debug)]
pub(crate) struct Request {
    /// The subject's index key.
    pub(crate) key: Vec<u8>,
    pub(crate) expected: u64,
    pub(crate) encoded: Encoded,
    pub(crate) effect: Effect,
    /// The subject's row as it was at `expected`, when the record leaves it as it is.
    pub(crate) kept: Option<IndexRow>,
    pub(crate) hint: Hint,
    pub(crate) reply: oneshot::Sender<Result<Committed, Error>>,
}

/// What a caller finds before it sends a commit.
pub(crate) struct Looked {
    pub(crate) hint: Hint,
    pub(crate) row: Option<IndexRow>,
}

impl Shared {
    /// Reads where the subject stands, and refuses at once what can never pass: versions only grow.
    /// The row comes along when `whole`.
    pub(crate) fn look(&self, key: &[u8], expected: u64, whole: bool) -> Result<Looked, Error> {
        let in_overlay = {
            let overlay = self.overlay();
            let found = overlay.find(key).map(|slot| {
                let row = slot.row.as_ref();
                (row.and_then(|row| row.head), row.filter(|_| whole).cloned())
            });
            (overlay.drops, found)
        };
        let (drops, found) = in_overlay;
        let (head, row) = match found {
            Some(found) => found,
            None if whole => {
                let row = self.index_row(key, Operation::Commit)?;
                (row.as_ref().and_then(|row| row.head), row)
            }
            None => (self.index_head(key, Operation::Commit)?, None),
        };
        let actual = head.map_or(0, |head| head.version);
        if actual != expected {
            let kind = ErrorKind::Conflict { expected, actual };
            return Err(Error::new(Operation::Commit, kind));
        }
        Ok(Looked {
            hint: Hint { drops, head },
            row,
        })
    }

    /// Refuses a unique key that is there. A key found absent is known absent below the overlay as
    /// long as the hint is good.
    fn check_unique(&self, commit: &Commit) -> Result<(), Error> {
        for (at, write) in commit.writes.iter().enumerate() {
            let Write::Unique { table, key, .. } = write else {
                continue;
            };
            let earlier = commit.writes.get(..at).unwrap_or_default();
            let exists = match earlier
                .iter()
                .rev()
                .find(|other| other.place() == (*table, key))
            {
                Some(other) => other.row().is_some(),
                None => self
                    .row(&row_key(*table, key), Operation::Commit)?
                    .is_some(),
            };
            if exists {
                let kind = ErrorKind::Exists {
                    table: *table,
                    key: key.clone(),
                };
                return Err(Error::new(Operation::Commit, kind));
            }
        }
        Ok(())
    }

    /// Everything that can be done before the journal's thread: reading, checking, encoding.
    pub(crate) fn prepare(
        &self,
        commit: Commit,
        reply: oneshot::Sender<Result<Committed, Error>>,
    ) -> Result<Request, Error> {
        let key = row_key(Table::Instances, &commit.subject);
        let looked = self.look(&key, commit.expected, commit.state.is_none())?;
        self.check_unique(&commit)?;
        let encoded = encode_commit(&commit, &self.random);
        let writes = commit.writes.into_iter().map(planned).collect();
        Ok(Request {
            key,
            expected: commit.expected,
            encoded,
            effect: Effect::Commit {
                state: commit.state,
                writes,
            },
            kept: looked.row,
            hint: looked.hint,
            reply,
        })
    }
}

fn planned(write: Write) -> Planned {
    let plan = |table, key: &[u8], row, mode| Planned {
        key: row_key(table, key),
        row,
        mode,
    };
    match write {
        Write::Put { table, key, row } => plan(table, &key, Some(row), Mode::Put),
        Write::Fresh { table, key, row } => plan(table, &key, Some(row), Mode::Fresh),
        Write::Unique { table, key, row } => plan(table, &key, Some(row), Mode::Unique),
        Write::Delete { table, key } => plan(table, &key, None, Mode::Delete),
    }
}
