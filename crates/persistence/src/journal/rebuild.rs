//! Bringing an index up to date: from a checkpoint, then from the journal.

use super::apply::subject_row;
use super::checkpoint;
use super::frame::Kind;
use super::overlay::{Overlay, Wipe};
use super::place::{Mark, Position, StoreId};
use super::reader::{Frame, Scanner, Step};
use super::segment::Segments;
use super::wipe::wipe_records;
use crate::index::{Change, Fault, Head, Index, IndexHome, IndexRow, row_key};
use crate::{Error, ErrorKind, Operation, Table};

/// Rows kept in memory before they go to the index.
const SPILL_ROWS: usize = 32 << 10;
const SPILL_BYTES: usize = 32 << 20;

fn index_fault(fault: Fault) -> Error {
    match fault {
        // Told apart by the caller, who can build the index again.
        Fault::Damaged => Error::new(Operation::Open, ErrorKind::Busy),
        Fault::Full => Error::new(Operation::Open, ErrorKind::Full),
        Fault::Io(error) => Error::io(Operation::Open, error),
    }
}

/// Whether the journal really holds the record a mark names.
pub(crate) fn holds(segments: &Segments, store: &StoreId, mark: &Mark) -> bool {
    if mark.sequence == 0 {
        return mark.hash == store.genesis();
    }
    segments.header(mark.last.segment).is_some()
        && super::reader::read_frame(segments, store, mark.last, Operation::Open).is_ok_and(
            |frame| frame.header.sequence == mark.sequence && frame.header.hash == mark.hash,
        )
}

/// A new index with the newest usable checkpoint in it, and the mark to replay from.
pub(crate) fn load(
    home: &dyn IndexHome,
    store: &StoreId,
    segments: &Segments,
    upto: u64,
) -> Result<(Box<dyn Index>, Mark), Error> {
    let disk = &*segments.disk;
    let mut index = home.fresh(store).map_err(index_fault)?;
    let found = checkpoint::find(disk, store).map_err(|error| Error::io(Operation::Open, error))?;
    for checkpoint in found {
        if checkpoint.end.sequence > upto || !holds(segments, store, &checkpoint.start) {
            continue;
        }
        if checkpoint.load(disk, &*index).map_err(index_fault)? {
            return Ok((index, checkpoint.start));
        }
        // Half a damaged checkpoint may be in it.
        index = home.fresh(store).map_err(index_fault)?;
    }
    Ok((index, Mark::genesis(store)))
}

/// A new index that stands exactly at `upto`.
pub(crate) fn rebuild(
    home: &dyn IndexHome,
    store: &StoreId,
    segments: &Segments,
    upto: &Mark,
) -> Result<(Box<dyn Index>, u64), Error> {
    let (index, start) = load(home, store, segments, upto.sequence)?;
    let mut replay = Replay::new(index, start);
    replay.run(segments, store, upto.sequence)?;
    replay.spill(segments, store)?;
    Ok((replay.index, replay.replayed))
}

/// Records on their way from the journal into an overlay, and from there into the index.
pub(crate) struct Replay {
    pub(crate) index: Box<dyn Index>,
    pub(crate) overlay: Overlay,
    pub(crate) replayed: u64,
}

impl Replay {
    /// The index stands at `base`.
    pub(crate) fn new(index: Box<dyn Index>, base: Mark) -> Self {
        Self {
            index,
            overlay: Overlay::new(base),
            replayed: 0,
        }
    }

    /// Replays until `upto`; the index is written only when too much would stay in memory.
    pub(crate) fn run(
        &mut self,
        segments: &Segments,
        store: &StoreId,
        upto: u64,
    ) -> Result<(), Error> {
        let mut scanner = Scanner::new(segments, *store, self.overlay.mark, Operation::Open);
        while scanner.mark.sequence < upto {
            let Step::Record {
                position,
                frame,
                erased,
            } = scanner.next()?
            else {
                return Err(segments.corrupt_at(Operation::Open, scanner.mark.end));
            };
            self.apply(&frame, erased, position)
                .map_err(index_fault)?
                .ok_or_else(|| segments.corrupt_at(Operation::Open, position))?;
            self.overlay.mark = scanner.mark;
            self.replayed = self.replayed.saturating_add(1);
            if self.overlay.entries() >= SPILL_ROWS || self.overlay.bytes() >= SPILL_BYTES {
                self.spill(segments, store)?;
            }
        }
        // Segments may have been added behind the last record.
        self.overlay.mark = scanner.mark;
        Ok(())
    }

    fn below(&self, key: &[u8]) -> Result<Option<IndexRow>, Fault> {
        match self.index.get(key)? {
            Some(value) => IndexRow::decode(key, &value)
                .map(Some)
                .ok_or(Fault::Damaged),
            None => Ok(None),
        }
    }

    fn newest(&self, key: &[u8]) -> Result<Option<IndexRow>, Fault> {
        match self.overlay.find(key) {
            Some(slot) => Ok(slot.row.clone()),
            None => self.below(key),
        }
    }

    /// `None` when the record makes no sense.
    ///
    /// Nothing counts as fresh here: the index may hold rows of records after its mark, from a window
    /// cut short or from a fuzzy checkpoint, and a delete must reach them.
    fn apply(
        &mut self,
        frame: &Frame,
        erased: bool,
        position: Position,
    ) -> Result<Option<()>, Fault> {
        let Some(record) = frame.record(erased) else {
            return Ok(None);
        };
        let (sequence, version) = (frame.header.sequence, frame.header.version);
        let head = Head {
            version,
            last: position,
        };
        let key = row_key(Table::Instances, &record.subject);
        let kept = if record.state.is_none() {
            self.newest(&key)?
        } else {
            None
        };
        let row = subject_row(head, sequence, record.state, kept);
        self.overlay.put(key, Some(row), false);
        for write in record.writes {
            let (table, key) = write.place();
            let key = row_key(table, key);
            let row = write.row().cloned();
            let row = row.map(|row| IndexRow {
                sequence,
                head: None,
                row: Some(row),
            });
            self.overlay.put(key, row, false);
        }
        if frame.header.kind == Kind::Erasure {
            for (key, sequence) in record.wipes {
                let below = self.newest(&key)?;
                self.overlay.wipe(key, sequence, &|_| below.clone());
            }
            self.overlay.wipes.push(Wipe {
                from: frame.header.previous,
                done: None,
            });
        }
        Ok(Some(()))
    }

    /// Moves everything into the index. Wipes come first, as always.
    pub(crate) fn spill(&mut self, segments: &Segments, store: &StoreId) -> Result<(), Error> {
        for wipe in std::mem::take(&mut self.overlay.wipes) {
            wipe_records(segments, store, wipe.from)?;
        }
        let mark = self.overlay.mark;
        let layer = std::mem::take(&mut self.overlay.active);
        let changes = layer.rows.into_iter().map(|(key, slot)| {
            let value = slot.row.map(|row| row.encode(&key));
            Change {
                key: key.into(),
                value,
                fresh: false,
            }
        });
        let applied = self.index.apply(changes.collect(), Some(&mark));
        applied.map_err(index_fault)?;
        self.overlay = Overlay::new(mark);
        Ok(())
    }
}
