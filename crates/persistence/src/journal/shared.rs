//! What the threads and the callers of one open store share.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
};
use std::time::Duration;

use super::blank::{BlankMaker, Sizes};
use super::highwater::Highwater;
use super::options::{Options, Stats};
use super::overlay::Overlay;
use super::place::{Random, StoreId};
use super::segment::Segments;
use crate::disk::DiskLock;
use crate::index::{Fault, Head, Index, IndexHome, IndexRow};
use crate::{Error, ErrorKind, Operation};

/// What to do about a damaged index that could not be built again while open.
pub(crate) const INDEX_WAY_OUT: &str =
    "close the store and open it again: the index is built again from the journal";

/// Work for the flusher besides writing rows out.
pub(crate) type Job = Box<dyn FnOnce(&mut super::flusher::Flusher) + Send>;

#[derive(Default)]
pub(crate) struct Work {
    /// Write out what is waiting, soon.
    pub(crate) flush: bool,
    pub(crate) jobs: Vec<Job>,
    /// Stop; write everything out first when true.
    pub(crate) stop: Option<bool>,
    /// Told when everything is closed.
    pub(crate) closed: Option<tokio::sync::oneshot::Sender<Result<(), Error>>>,
    /// The flusher cannot write rows out, because of this.
    pub(crate) stalled: Option<Error>,
}

pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) sizes: Sizes,
    pub(crate) store: StoreId,
    pub(crate) epoch: u32,
    pub(crate) segments: Segments,
    pub(crate) blanks: Arc<BlankMaker>,
    pub(crate) random: Random,
    overlay: RwLock<Overlay>,
    /// The overlay's entries and bytes, to be read without its lock. Whoever holds the lock of the
    /// work never takes that of the overlay.
    waiting: [AtomicUsize; 2],
    /// `None` once closed.
    index: RwLock<Option<Box<dyn Index>>>,
    pub(crate) home: Box<dyn IndexHome>,
    pub(crate) highwater: Highwater,
    /// The index gave a damaged answer; it is not asked again before it is built again.
    broken: AtomicBool,
    poisoned: AtomicBool,
    closed: AtomicBool,
    work: Mutex<Work>,
    /// Told of new work and of room in the overlay.
    changed: Condvar,
    pub(crate) counters: Counters,
    pub(crate) lock: Mutex<Option<Box<dyn DiskLock>>>,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) records: AtomicU64,
    pub(crate) groups: AtomicU64,
    pub(crate) journal_bytes: AtomicU64,
    pub(crate) index_rows: AtomicU64,
    pub(crate) windows: AtomicU64,
    pub(crate) checkpoint_bytes: AtomicU64,
    pub(crate) checkpoints: AtomicU64,
    pub(crate) waits: AtomicU64,
    pub(crate) replayed: AtomicU64,
    pub(crate) rebuilds: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

/// The parts recovery hands over.
pub(crate) struct Parts {
    pub(crate) options: Options,
    pub(crate) sizes: Sizes,
    pub(crate) store: StoreId,
    pub(crate) epoch: u32,
    pub(crate) segments: Segments,
    pub(crate) overlay: Overlay,
    pub(crate) index: Box<dyn Index>,
    pub(crate) home: Box<dyn IndexHome>,
    pub(crate) highwater: Highwater,
    pub(crate) lock: Box<dyn DiskLock>,
    pub(crate) counters: Counters,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            options: parts.options,
            sizes: parts.sizes,
            store: parts.store,
            epoch: parts.epoch,
            blanks: BlankMaker::new(Arc::clone(&parts.segments.disk)),
            segments: parts.segments,
            random: Random::new(),
            waiting: [parts.overlay.entries().into(), parts.overlay.bytes().into()],
            overlay: RwLock::new(parts.overlay),
            index: RwLock::new(Some(parts.index)),
            home: parts.home,
            highwater: parts.highwater,
            broken: AtomicBool::new(false),
            poisoned: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            work: Mutex::default(),
            changed: Condvar::new(),
            counters: parts.counters,
            lock: Mutex::new(Some(parts.lock)),
        }
    }

    // A panic while one of these locks is held would be a fault of this crate; what they guard is
    // still the best there is, so the poison of the standard locks is passed over.

    pub(crate) fn overlay(&self) -> RwLockReadGuard<'_, Overlay> {
        self.overlay.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn overlay_mut(&self) -> RwLockWriteGuard<'_, Overlay> {
        self.overlay.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells how much is waiting; called by whoever changed the overlay, before letting go of it.
    pub(crate) fn weigh(&self, overlay: &Overlay) {
        let [entries, bytes] = &self.waiting;
        entries.store(overlay.entries(), Ordering::Release);
        bytes.store(overlay.bytes(), Ordering::Release);
    }

    /// Whether commits must wait until rows have been written out.
    pub(crate) fn is_full(&self) -> bool {
        self.is_over(
            self.options.overlay_entries_max,
            self.options.overlay_bytes_max,
        )
    }

    /// Whether commits will have to wait soon.
    pub(crate) fn is_nearly_full(&self) -> bool {
        let most = |most: usize| most.saturating_sub(most.checked_div(4).unwrap_or(0));
        self.is_over(
            most(self.options.overlay_entries_max),
            most(self.options.overlay_bytes_max),
        )
    }

    fn is_over(&self, most_entries: usize, most_bytes: usize) -> bool {
        let [entries, bytes] = &self.waiting;
        entries.load(Ordering::Acquire) >= most_entries
            || bytes.load(Ordering::Acquire) >= most_bytes
    }

    pub(crate) fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the work and wakes whoever waits for it.
    pub(crate) fn tell(&self, change: impl FnOnce(&mut Work)) {
        change(&mut self.work());
        self.changed.notify_all();
    }

    /// Waits for the work to change; `None` waits as long as it takes. False when time ran out.
    pub(crate) fn wait<'a>(
        &self,
        work: MutexGuard<'a, Work>,
        patience: Option<Duration>,
    ) -> (MutexGuard<'a, Work>, bool) {
        match patience {
            None => (
                self.changed
                    .wait(work)
                    .unwrap_or_else(PoisonError::into_inner),
                true,
            ),
            Some(patience) => {
                let waited = self.changed.wait_timeout(work, patience);
                let (work, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                (work, !timeout.timed_out())
            }
        }
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }

    /// Stops all writing for good: after a failed write or sync nobody knows what the disk holds,
    /// and trying again may be answered with success for bytes that were dropped.
    pub(crate) fn poison(&self, error: &std::io::Error) {
        tracing::error!(%error, "a write to the journal failed; the store stops");
        self.poisoned.store(true, Ordering::Release);
        self.changed.notify_all();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// True for the one caller that closes.
    pub(crate) fn begin_close(&self) -> bool {
        !self.closed.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn check_open(&self, operation: Operation) -> Result<(), Error> {
        if self.is_closed() {
            Err(Error::new(operation, ErrorKind::Closed))
        } else {
            Ok(())
        }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Whether the index is the one to be built again.
    pub(crate) fn set_broken(&self, broken: bool) {
        if self.broken.swap(broken, Ordering::AcqRel) != broken && broken {
            tracing::error!("the index gave a damaged answer; building it again from the journal");
            self.tell(|work| work.flush = true);
        }
    }

    /// The index, for as long as the guard lives.
    pub(crate) fn index(&self) -> RwLockReadGuard<'_, Option<Box<dyn Index>>> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts another index in place, or takes it away; returns the old one.
    pub(crate) fn replace_index(&self, index: Option<Box<dyn Index>>) -> Option<Box<dyn Index>> {
        let mut place = self.index.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, index)
    }

    /// Asks the index; a damaged answer has it built again, and the caller asks again later.
    pub(crate) fn ask_index<T>(
        &self,
        operation: Operation,
        ask: impl FnOnce(&dyn Index) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        if self.is_broken() {
            return Err(Error::new(operation, ErrorKind::Busy));
        }
        let index = self.index();
        let Some(index) = index.as_deref() else {
            return Err(Error::new(operation, ErrorKind::Closed));
        };
        ask(index).map_err(|fault| self.index_error(operation, fault))
    }

    pub(crate) fn index_error(&self, operation: Operation, fault: Fault) -> Error {
        match fault {
            Fault::Damaged => {
                self.set_broken(true);
                Error::new(operation, ErrorKind::Busy)
            }
            Fault::Full => Error::new(operation, ErrorKind::Full),
            Fault::Io(error) => Error::io(operation, error),
        }
    }

    pub(crate) fn index_row(
        &self,
        key: &[u8],
        operation: Operation,
    ) -> Result<Option<IndexRow>, Error> {
        self.ask_index(operation, |index| match index.get(key)? {
            Some(value) => IndexRow::decode(key, &value)
                .map(Some)
                .ok_or(Fault::Damaged),
            None => Ok(None),
        })
    }

    /// The head of a subject's row in the index.
    pub(crate) fn index_head(
        &self,
        key: &[u8],
        operation: Operation,
    ) -> Result<Option<Head>, Error> {
        self.ask_index(operation, |index| match index.get(key)? {
            Some(value) => IndexRow::decode_head(key, &value).ok_or(Fault::Damaged),
            None => Ok(None),
        })
    }

    /// The error for an index found damaged by `verify`.
    pub(crate) fn index_corrupt(&self, operation: Operation) -> Error {
        let file = self.segments.disk.root().join(Path::new("index"));
        Error::corrupt(operation, &file, 0, INDEX_WAY_OUT)
    }

    pub(crate) fn stats(&self) -> Stats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        let index_bytes = self.index().as_ref().map_or(0, |index| index.written());
        let overlay = self.overlay();
        Stats {
            records: load(&counters.records),
            groups: load(&counters.groups),
            journal_bytes: load(&counters.journal_bytes),
            index_bytes,
            index_rows: load(&counters.index_rows),
            coalesced: overlay.coalesced,
            windows: load(&counters.windows),
            checkpoint_bytes: load(&counters.checkpoint_bytes),
            checkpoints: load(&counters.checkpoints),
            overlay_entries: crate::bytes::wide(overlay.entries()),
            overlay_bytes: crate::bytes::wide(overlay.bytes()),
            waits: load(&counters.waits),
            replayed: load(&counters.replayed),
            rebuilds: load(&counters.rebuilds),
        }
    }
}
