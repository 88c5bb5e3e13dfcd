//! What a record does to the overlay: once when it is committed, once more when it is replayed.

use super::overlay::{Overlay, Wipe};
use super::place::Position;
use super::request::{Effect, Mode, Request};
use crate::index::{Head, IndexRow};
use crate::{Committed, Row};

/// A record that is durable, and where.
#[derive(Debug)]
pub(crate) struct Durable {
    pub(crate) request: Request,
    pub(crate) committed: Committed,
    pub(crate) position: Position,
    /// The subject's record before this one.
    pub(crate) previous: Position,
}

/// The row a subject has after a record.
pub(crate) fn subject_row(
    head: Head,
    sequence: u64,
    state: Option<Row>,
    kept: Option<IndexRow>,
) -> IndexRow {
    match (state, kept) {
        (Some(row), _) => IndexRow {
            sequence,
            head: Some(head),
            row: Some(row),
        },
        (None, Some(kept)) => IndexRow {
            head: Some(head),
            ..kept
        },
        (None, None) => IndexRow {
            sequence: 0,
            head: Some(head),
            row: None,
        },
    }
}

impl Overlay {
    /// Applies a record; `below` reads the index, and is asked only by erasures.
    pub(crate) fn apply(
        &mut self,
        durable: Durable,
        below: &dyn Fn(&[u8]) -> Option<IndexRow>,
    ) -> (
        tokio::sync::oneshot::Sender<Result<Committed, crate::Error>>,
        Committed,
    ) {
        let Durable {
            request,
            committed,
            position,
            previous,
        } = durable;
        let head = Head {
            version: committed.version,
            last: position,
        };
        let sequence = committed.sequence;
        match request.effect {
            Effect::Commit { state, writes } => {
                let kept = if state.is_none() {
                    self.newest(&request.key, request.kept)
                } else {
                    None
                };
                let row = subject_row(head, sequence, state, kept);
                self.put(request.key, Some(row), request.expected == 0);
                for write in writes {
                    let row = write.row.map(|row| IndexRow {
                        sequence,
                        head: None,
                        row: Some(row),
                    });
                    let fresh = matches!(write.mode, Mode::Fresh | Mode::Unique);
                    self.put(write.key, row, fresh);
                }
            }
            Effect::Erasure { wipes, done } => {
                let kept = self.newest(&request.key, request.kept);
                let row = subject_row(head, sequence, None, kept);
                self.put(request.key, Some(row), false);
                for (key, sequence) in wipes {
                    self.wipe(key, sequence, below);
                }
                self.wipes.push(Wipe {
                    from: previous,
                    done: Some(done),
                });
            }
        }
        (request.reply, committed)
    }

    /// The row of a key, where `below` is what the index has for it.
    fn newest(&self, key: &[u8], below: Option<IndexRow>) -> Option<IndexRow> {
        self.find(key).map_or(below, |slot| slot.row.clone())
    }

    /// Empties the personal half of a row that still stands as the given commit left it.
    pub(crate) fn wipe(
        &mut self,
        key: Vec<u8>,
        sequence: u64,
        below: &dyn Fn(&[u8]) -> Option<IndexRow>,
    ) {
        let row = match self.find(&key) {
            Some(slot) => slot.row.clone(),
            None => below(&key),
        };
        if let Some(mut row) = row
            && row.sequence == sequence
            && let Some(value) = &mut row.row
        {
            value.personal.clear();
            self.put(key, Some(row), false);
        }
    }
}
