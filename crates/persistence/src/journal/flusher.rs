//! The thread behind the journal: moves rows into the index, syncs it, keeps checkpoints.
//!
//! Rows wait in the overlay until a window of them is written at once, one write per key. Nothing
//! here is needed for durability; when it fails, the journal is still whole.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::checkpoint::{Checkpoint, CheckpointWriter};
use super::overlay::{Layer, Wipe};
use super::place::{Mark, Position};
use super::rebuild::rebuild;
use super::segment::make_blank;
use super::shared::{Shared, count};
use super::wipe::wipe_records;
use crate::bytes::wide;
use crate::disk::Access;
use crate::index::{Change, Fault};
use crate::{Error, ErrorKind, Operation};

/// Rows wait at most about so long when nothing else happens.
const IDLE: Duration = Duration::from_secs(1);
/// Rows handed to the index at once.
const PIECE_ROWS: usize = 127;
/// Least a checkpoint is copied by after one window, in bytes.
const COPY_BYTES: usize = 4 << 20;
/// Bytes that must fit on the disk before a failed index is built again.
const PROBE_BYTES: u64 = 4 << 20;
/// Least journal growth that makes closing write a checkpoint.
const CLOSING_GROWTH: u64 = 64 << 10;

/// Its presence says that older copies of wiped values may still be around.
const SCRUB: &str = "SCRUB";

pub(crate) struct Flusher {
    pub(crate) shared: Arc<Shared>,
    /// Index bytes when it was last synced.
    synced: u64,
    writing: Option<CheckpointWriter>,
    /// Where the last checkpoint ends, or the last attempt failed.
    checkpoint_end: Position,
    checkpoint_bytes: u64,
    /// Something was erased, so older copies must go.
    erased: bool,
    /// The last attempt to write a layer failed.
    wary: bool,
}

impl Flusher {
    pub(crate) fn new(shared: Arc<Shared>, last: Option<&Checkpoint>) -> Self {
        let start = Mark::genesis(&shared.store).end;
        Self {
            shared,
            synced: 0,
            writing: None,
            checkpoint_end: last.map_or(start, |last| last.end.end),
            checkpoint_bytes: last.map_or(0, |last| last.bytes),
            erased: false,
            wary: false,
        }
    }

    pub(crate) fn run(mut self) {
        let mut seen = 0;
        let mut failed = false;
        loop {
            let work = self.shared.work();
            let pressing = !work.jobs.is_empty() || work.stop.is_some();
            let mut told = true;
            let mut work = work;
            if !pressing && (failed || !work.flush) {
                (work, told) = self.shared.wait(work, Some(IDLE));
            }
            let stop = work.stop;
            let jobs = std::mem::take(&mut work.jobs);
            let flush = if failed {
                !told
            } else {
                std::mem::take(&mut work.flush)
            };
            drop(work);
            if stop == Some(false) {
                break;
            }
            let now = self.shared.overlay().mark.sequence;
            let idle = !told && now == seen;
            seen = now;
            if flush || idle || stop.is_some() {
                failed = !self.flush();
            }
            for job in jobs {
                job(&mut self);
            }
            if stop == Some(true) {
                break;
            }
        }
        let closing = self.shared.work().stop == Some(true);
        let result = if closing { self.finish() } else { Ok(()) };
        // The index lets go of its files before the lock lets the next one in.
        drop(self.shared.replace_index(None));
        drop(
            self.shared
                .lock
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .take(),
        );
        let mut closed = None;
        self.shared.tell(|work| closed = work.closed.take());
        if let Some(closed) = closed {
            // The closer may have gone away.
            let _ = closed.send(result);
        }
    }

    /// Writes everything out; false when it could not, and the reason is left for whoever waits.
    fn flush(&mut self) -> bool {
        let result = self.write_out();
        let ok = result.is_ok();
        self.shared.tell(|work| work.stalled = result.err());
        ok
    }

    fn write_out(&mut self) -> Result<(), Error> {
        if self.shared.is_broken() {
            self.heal()?;
        }
        let Some((layer, mark)) = self.freeze()? else {
            return Ok(());
        };
        let whole = match self.write_layer(&layer, &mark) {
            Ok(whole) => whole,
            Err(fault) => {
                self.after_fault(fault)?;
                // The new index stands where the old one stood before this layer.
                self.write_layer(&layer, &mark)
                    .map_err(|fault| self.shared.index_error(Operation::Commit, fault))?
            }
        };
        self.wary = false;
        if !whole {
            return Ok(());
        }
        let settled = {
            let mut overlay = self.shared.overlay_mut();
            let settled = overlay.settle();
            self.shared.weigh(&overlay);
            settled
        };
        // Wakes commits that wait for room.
        self.shared.tell(|_| {});
        count(&self.shared.counters.windows, 1);
        count(&self.shared.counters.index_rows, wide(layer.rows.len()));
        let window = layer.bytes;
        drop((settled, layer));
        self.after_window(mark, window);
        Ok(())
    }

    /// Wipes what is to be wiped, then freezes the active layer: rows of an erasure reach the index
    /// only after its records are wiped.
    fn freeze(&mut self) -> Result<Option<(Arc<Layer>, Mark)>, Error> {
        loop {
            let (wipes, frozen) = {
                let mut overlay = self.shared.overlay_mut();
                let wipes = std::mem::take(&mut overlay.wipes);
                let frozen = if wipes.is_empty() {
                    overlay.freeze()
                } else {
                    None
                };
                (wipes, frozen)
            };
            if wipes.is_empty() {
                return Ok(frozen);
            }
            self.wipe(wipes)?;
        }
    }

    fn wipe(&mut self, wipes: Vec<Wipe>) -> Result<(), Error> {
        if !self.erased {
            // From here on old copies are known to exist, whatever happens.
            let disk = &self.shared.segments.disk;
            let made = disk
                .open(Path::new(SCRUB), Access::Create)
                .and_then(|file| file.sync_data());
            let made = made.and_then(|()| disk.sync_dir(Path::new("")));
            made.map_err(|error| {
                self.shared.poison(&error);
                Error::io(Operation::Erase, error)
            })?;
            self.erased = true;
        }
        for wipe in wipes {
            let shared = &self.shared;
            let wiped = wipe_records(&shared.segments, &shared.store, wipe.from);
            match (wiped, wipe.done) {
                (Ok(wiped), Some(done)) => {
                    // The caller may have gone away; the work is done.
                    let _ = done.send(wiped);
                }
                (Ok(_), None) => {}
                (Err(error), _) => {
                    // Opening the store again finishes it; until then nothing may be written.
                    shared.poison(&std::io::Error::other(error.clone()));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// False when it stopped half way, because the store is being dropped: the journal has it all.
    fn write_layer(&self, layer: &Layer, mark: &Mark) -> Result<bool, Fault> {
        let index = self.shared.index();
        let index = index.as_deref().ok_or(Fault::Damaged)?;
        let mut changes = Vec::with_capacity(PIECE_ROWS);
        for (key, slot) in &layer.rows {
            let value = slot.row.as_ref().map(|row| row.encode(key));
            // After a failed attempt some of the layer may be in the index already.
            let fresh = slot.fresh && !self.wary;
            changes.push(Change {
                key: key.into(),
                value,
                fresh,
            });
            if changes.len() >= PIECE_ROWS {
                let begun = Instant::now();
                index.apply(std::mem::take(&mut changes), None)?;
                let (stop, pressing) = {
                    let work = self.shared.work();
                    (work.stop, work.stop.is_some() || !work.jobs.is_empty())
                };
                if stop == Some(false) {
                    return Ok(false);
                }
                if !pressing && !self.shared.is_nearly_full() {
                    // Commits come first: as long as there is room, every other moment is theirs.
                    std::thread::sleep(begun.elapsed());
                }
            }
        }
        index.apply(changes, Some(mark))?;
        Ok(true)
    }

    /// Gets the index going again after a fault, or says why not.
    fn after_fault(&mut self, fault: Fault) -> Result<(), Error> {
        self.wary = true;
        let damaged = matches!(fault, Fault::Damaged);
        let error = self.shared.index_error(Operation::Commit, fault);
        if !damaged {
            // sled stays unusable after one failed write; it is built again when there is room.
            let disk = &*self.shared.segments.disk;
            let probe = Path::new("probe.tmp");
            let room = make_blank(disk, probe, PROBE_BYTES).and_then(|_| disk.remove(probe));
            if room.is_err() {
                return Err(error);
            }
        }
        self.heal()
    }

    /// Builds the index again from checkpoint and journal, as it stood below the overlay.
    fn heal(&mut self) -> Result<(), Error> {
        self.shared.set_broken(true);
        drop(self.shared.replace_index(None));
        let base = self.shared.overlay().base;
        let shared = &self.shared;
        let (index, _) = rebuild(&*shared.home, &shared.store, &shared.segments, &base)?;
        self.synced = 0;
        self.shared.replace_index(Some(index));
        self.shared.set_broken(false);
        self.wary = false;
        count(&self.shared.counters.rebuilds, 1);
        tracing::info!(sequence = base.sequence, "the index is built again");
        Ok(())
    }

    fn after_window(&mut self, mark: Mark, window: usize) {
        if self
            .sync_index(false)
            .and_then(|()| self.raise(mark))
            .is_err()
        {
            tracing::warn!("the index could not be synced; it is tried again later");
        }
        if let Err(fault) = self.advance_checkpoint(mark, window) {
            tracing::warn!(
                ?fault,
                "a checkpoint could not be written; it is tried again later"
            );
            self.writing = None;
            self.checkpoint_end = mark.end;
            if matches!(fault, Fault::Damaged) {
                self.shared.set_broken(true);
            }
        }
    }

    fn raise(&self, mark: Mark) -> Result<(), Error> {
        self.shared
            .highwater
            .raise(mark)
            .map_err(|error| Error::io(Operation::Commit, error))
    }

    fn sync_index(&mut self, now: bool) -> Result<(), Error> {
        let (written, due) = {
            let index = self.shared.index();
            let Some(index) = index.as_deref() else {
                return Ok(());
            };
            let written = index.written();
            let grown = written.saturating_sub(self.synced);
            let due = now || grown >= self.shared.options.index_sync_bytes;
            (written, if due { index.sync() } else { return Ok(()) })
        };
        due.map_err(|fault| self.shared.index_error(Operation::Commit, fault))?;
        self.synced = written;
        Ok(())
    }

    /// Begins, goes on with, or finishes a checkpoint.
    fn advance_checkpoint(&mut self, mark: Mark, window: usize) -> Result<(), Fault> {
        let disk = Arc::clone(&self.shared.segments.disk);
        if self.writing.is_none() {
            let grown = self.shared.segments.distance(self.checkpoint_end, mark.end);
            let least = self.checkpoint_bytes.saturating_mul(2);
            if grown < self.shared.options.checkpoint_every_bytes.max(least) {
                return Ok(());
            }
            let begun = CheckpointWriter::begin(&*disk, &self.shared.store, mark);
            self.writing = Some(begun.map_err(Fault::Io)?);
        }
        let quota = window.saturating_mul(2).max(COPY_BYTES);
        self.copy_checkpoint(mark, quota)
    }

    fn copy_checkpoint(&mut self, mark: Mark, quota: usize) -> Result<(), Fault> {
        let done = match (&mut self.writing, self.shared.index().as_deref()) {
            (Some(writing), Some(index)) => writing.copy(index, quota)?,
            _ => false,
        };
        if done && let Some(writing) = self.writing.take() {
            let finished = writing
                .finish(&*self.shared.segments.disk, mark)
                .map_err(Fault::Io)?;
            self.checkpoint_end = mark.end;
            self.checkpoint_bytes = finished.bytes;
            count(&self.shared.counters.checkpoints, 1);
            count(&self.shared.counters.checkpoint_bytes, finished.bytes);
        }
        Ok(())
    }

    /// Writes everything out, until nothing waits. Only the flusher writes to the index, so until it
    /// returns to its loop the index stands at the mark this gives back.
    pub(crate) fn settle(&mut self) -> Result<Mark, Error> {
        loop {
            self.write_out()?;
            let overlay = self.shared.overlay();
            if overlay.frozen.is_none() {
                return Ok(overlay.base);
            }
        }
    }

    /// Leaves everything so that the next opening has nothing to do.
    fn finish(&mut self) -> Result<(), Error> {
        let mark = self.settle().map_err(closing)?;
        if self.erased {
            self.scrub().map_err(closing)?;
        } else {
            self.sync_index(true).map_err(closing)?;
            let grown = self.shared.segments.distance(self.checkpoint_end, mark.end);
            let half = self.checkpoint_bytes.checked_div(2).unwrap_or(0);
            if grown >= CLOSING_GROWTH.max(half) {
                self.whole_checkpoint(mark).map_err(closing)?;
            } else if self.writing.take().is_some() {
                CheckpointWriter::abandon(&*self.shared.segments.disk);
            }
        }
        self.raise(mark).map_err(closing)
    }

    /// A checkpoint of the index as it stands, in one go; older ones are removed.
    fn whole_checkpoint(&mut self, mark: Mark) -> Result<(), Error> {
        let disk = &*self.shared.segments.disk;
        let begun = CheckpointWriter::begin(disk, &self.shared.store, mark);
        self.writing = Some(begun.map_err(|error| Error::io(Operation::Close, error))?);
        let copied = self.copy_checkpoint(mark, usize::MAX);
        copied.map_err(|fault| self.shared.index_error(Operation::Close, fault))
    }

    /// Finishes an erasure that the last opening left behind.
    pub(crate) fn finish_erasure(&mut self) -> Result<(), Error> {
        let disk = &self.shared.segments.disk;
        let names = disk
            .list(Path::new(""))
            .map_err(|error| Error::io(Operation::Open, error))?;
        if names.iter().any(|name| name == SCRUB) {
            self.scrub()
        } else {
            Ok(())
        }
    }

    /// Gets rid of old copies of wiped values: sled keeps replaced pages in its file for a while, and
    /// a checkpoint keeps whatever stood when it was written. Both are made anew.
    fn scrub(&mut self) -> Result<(), Error> {
        let mark = self.settle()?;
        self.whole_checkpoint(mark)?;
        self.shared.set_broken(true);
        drop(self.shared.replace_index(None));
        let shared = &self.shared;
        let (index, _) = rebuild(&*shared.home, &shared.store, &shared.segments, &mark)?;
        index
            .sync()
            .map_err(|fault| shared.index_error(Operation::Erase, fault))?;
        self.synced = index.written();
        shared.replace_index(Some(index));
        shared.set_broken(false);
        let disk = &shared.segments.disk;
        let removed = disk
            .remove(Path::new(SCRUB))
            .and_then(|()| disk.sync_dir(Path::new("")));
        removed.map_err(|error| Error::io(Operation::Erase, error))?;
        self.erased = false;
        Ok(())
    }
}

fn closing(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Io(_) | ErrorKind::Full | ErrorKind::Busy => {
            Error::new(Operation::Close, error.kind().clone())
        }
        _ => error,
    }
}
