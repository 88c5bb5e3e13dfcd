//! A subject's history: its records, walked back from the newest one.

use super::frame::{Kind, Personal};
use super::place::Position;
use super::reader::{Frame, read_frame};
use super::shared::Shared;
use crate::index::row_key;
use crate::{Error, HistoryEntry, Operation, Table};

impl Shared {
    /// Entries of commits after a version, oldest first.
    pub(crate) fn history(
        &self,
        subject: &[u8],
        after_version: u64,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, Error> {
        let row = self.row(&row_key(Table::Instances, subject), Operation::History)?;
        let Some(head) = row.and_then(|row| row.head) else {
            return Ok(Vec::new());
        };
        let mut places = Vec::new();
        let (mut at, mut erased) = (head.last, false);
        while !at.is_nowhere() {
            let frame = read_frame(&self.segments, &self.store, at, Operation::History)?;
            if frame.header.kind == Kind::Erasure {
                // Everything older is wiped, or about to be.
                erased = true;
            } else if frame.header.version > after_version {
                places.push((at, erased));
            } else {
                break;
            }
            at = frame.header.previous;
        }
        let mut entries = Vec::new();
        for (at, erased) in places.into_iter().rev() {
            if entries.len() >= limit {
                break;
            }
            let frame = read_frame(&self.segments, &self.store, at, Operation::History)?;
            self.add_entries(&frame, at, erased, &mut entries)?;
        }
        Ok(entries)
    }

    fn add_entries(
        &self,
        frame: &Frame,
        at: Position,
        erased: bool,
        entries: &mut Vec<HistoryEntry>,
    ) -> Result<(), Error> {
        let corrupt = || self.segments.corrupt_at(Operation::History, at);
        let erased = match frame.personal() {
            Personal::None => false,
            Personal::Whole(_) => erased,
            Personal::Wiped => true,
            Personal::Damaged if erased => true,
            Personal::Damaged => return Err(corrupt()),
        };
        let record = frame.record(erased).ok_or_else(corrupt)?;
        let (sequence, version) = (frame.header.sequence, frame.header.version);
        for (index, row) in (0_u32..).zip(record.history) {
            let hash = frame.header.hash;
            entries.push(HistoryEntry {
                sequence,
                version,
                index,
                row,
                erased,
                hash,
            });
        }
        Ok(())
    }
}
