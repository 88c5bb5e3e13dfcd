//! Opening a store: find the journal's true end, refuse when something durable is missing, bring the
//! index up to date.
//!
//! The bytes behind the last whole record are one of two things. Either they were never synced: then
//! nobody was told of them, and they are zeroed. Or something proves that more was durable once: a
//! record written later, the next segment, the high-water mark, a checkpoint, or the index. Then the
//! store refuses to open and touches nothing.

use std::path::Path;
use std::sync::Arc;

use super::blank::{Sizes, blank_path};
use super::checkpoint;
use super::highwater::{self, Highwater, Level};
use super::options::Options;
use super::place::{Mark, Position, StoreId};
use super::reader::{Scanner, Step};
use super::rebuild::{Replay, holds, load};
use super::segment::{self, BLOCK, SegmentHeader, Segments, make_blank};
use super::shared::{Counters, Parts, count};
use crate::bytes::narrow;
use crate::disk::{Disk, DiskLock, LockFailure};
use crate::index::{Index, IndexHome};
use crate::{Error, ErrorKind, Operation};

fn io(error: std::io::Error) -> Error {
    Error::io(Operation::Open, error)
}

/// What recovery found, ready to be shared.
pub(crate) struct Recovered {
    pub(crate) parts: Parts,
    pub(crate) checkpoint: Option<checkpoint::Checkpoint>,
    /// The journal's end.
    pub(crate) mark: Mark,
}

/// Locks the folder; the second opener is told who has it.
fn lock(disk: &dyn Disk) -> Result<Box<dyn DiskLock>, Error> {
    disk.create_dir(Path::new("")).map_err(io)?;
    disk.lock().map_err(|failure| match failure {
        LockFailure::Held(pid) => Error::new(Operation::Open, ErrorKind::Locked { pid }),
        LockFailure::Io(error) => io(error),
    })
}

/// Opens or makes a store.
pub(crate) fn recover(
    disk: &Arc<dyn Disk>,
    home: Box<dyn IndexHome>,
    options: Options,
) -> Result<Recovered, Error> {
    let sizes = options.check()?;
    let lock = lock(&**disk)?;
    let level = highwater::read(&**disk, Operation::Open)?;
    let segments = Segments::load(Arc::clone(disk), Operation::Open)?;
    let store = match segments.header(1) {
        Some(header) => header.store,
        None => create(disk, &segments, sizes, level)?,
    };
    let found = checkpoint::find(&**disk, &store).map_err(io)?;
    let opened = home.open(&store);
    let evidence = Evidence {
        level: level.filter(|level| level.store == store),
        index: opened.as_ref().map(|(_, mark)| *mark),
        checkpoints: found
            .iter()
            .flat_map(|found| [found.start, found.end])
            .collect(),
    };
    let tail = find_end(&segments, &store, &evidence, options.check_journal_bytes)?;
    lock.sign().map_err(io)?;
    clean(&segments, &tail)?;

    let counters = Counters::default();
    let good = opened.filter(|(_, mark)| holds(&segments, &store, mark));
    if good.is_none() {
        count(&counters.rebuilds, 1);
    }
    let replay = bring_up(&*home, good, &segments, &store, &tail.mark)?;
    count(&counters.replayed, replay.replayed);
    let epoch = tail.epoch.saturating_add(1);
    let highwater = Highwater::open(&**disk, evidence.level, store, u64::from(epoch), tail.mark);
    let parts = Parts {
        options,
        sizes,
        store,
        epoch,
        segments,
        overlay: replay.overlay,
        index: replay.index,
        home,
        highwater: highwater.map_err(io)?,
        lock,
        counters,
    };
    Ok(Recovered {
        parts,
        checkpoint: found.into_iter().next(),
        mark: tail.mark,
    })
}

/// Makes the first segment. Leftovers of a store without a journal are no empty folder.
fn create(
    disk: &Arc<dyn Disk>,
    segments: &Segments,
    sizes: Sizes,
    level: Option<Level>,
) -> Result<StoreId, Error> {
    let is_empty = |folder: &Path| Ok(disk.list(folder).map_err(io)?.is_empty());
    if level.is_some() || !is_empty(checkpoint::folder())? || !is_empty(Path::new("index"))? {
        return Err(segments.corrupt(Operation::Open, 1, 0));
    }
    for folder in [Path::new(segment::FOLDER), checkpoint::folder()] {
        disk.create_dir(folder).map_err(io)?;
    }
    disk.sync_dir(Path::new("")).map_err(io)?;
    let store = StoreId::random();
    let header = SegmentHeader {
        store,
        epoch: 1,
        number: 1,
        first: 1,
        hash: store.genesis(),
        capacity: sizes.of(1),
    };
    let blank = make_blank(&**disk, &blank_path(), header.capacity).map_err(io)?;
    segments.adopt(&blank, &blank_path(), header).map_err(io)?;
    Ok(store)
}

/// What is known about how far the journal once was durable.
struct Evidence {
    level: Option<Level>,
    index: Option<Mark>,
    checkpoints: Vec<Mark>,
}

impl Evidence {
    fn marks(&self) -> impl Iterator<Item = Mark> {
        let level = self.level.map(|level| level.mark);
        level
            .into_iter()
            .chain(self.index)
            .chain(self.checkpoints.iter().copied())
    }

    /// The latest mark the journal really holds: reading on from there finds the end soonest.
    fn start(&self, segments: &Segments, store: &StoreId) -> Mark {
        let mut marks: Vec<_> = self.marks().collect();
        marks.sort_by_key(|mark| std::cmp::Reverse(mark.sequence));
        let held = marks.into_iter().find(|mark| holds(segments, store, mark));
        held.unwrap_or(Mark::genesis(store))
    }
}

/// The journal's end.
struct Tail {
    mark: Mark,
    /// The highest epoch seen.
    epoch: u32,
    /// Something lies behind the end.
    dirty: bool,
}

fn find_end(
    segments: &Segments,
    store: &StoreId,
    evidence: &Evidence,
    check_bytes: u64,
) -> Result<Tail, Error> {
    let mut start = evidence.start(segments, store);
    if check_bytes > 0 {
        let early = segments.begin_before(check_bytes, store);
        start = if early.sequence < start.sequence {
            early
        } else {
            start
        };
    }
    let mut scanner = Scanner::new(segments, *store, start, Operation::Open);
    let newest = segments
        .header(segments.count())
        .map_or(0, |header| header.epoch);
    let known = evidence.level.map_or(0, |level| level.epoch).max(newest);
    let mut epoch = u32::try_from(known).unwrap_or(u32::MAX);
    while let Step::Record { frame, .. } = scanner.next()? {
        epoch = epoch.max(frame.header.epoch);
    }
    let mark = scanner.mark;
    let behind = scanner.look_behind()?;
    let lost = evidence.marks().any(|known| known.sequence > mark.sequence);
    // A mark the journal has reached must be found where it says, with the same chain.
    let level = evidence.level.map(|level| level.mark);
    let forked = level.is_some_and(|level| !holds(segments, store, &level));
    if behind.proof || lost || forked {
        let place = if behind.proof || lost {
            mark.end
        } else {
            level.map_or(mark.end, |level| level.last)
        };
        return Err(segments.corrupt_at(Operation::Open, place));
    }
    Ok(Tail {
        mark,
        epoch,
        dirty: behind.dirty,
    })
}

/// Zeroes what was never synced, so that it cannot be taken for a record later, and makes sure that
/// what was found is durable: after a mere kill it may still be in the system's memory.
fn clean(segments: &Segments, tail: &Tail) -> Result<(), Error> {
    let Position { segment, offset } = tail.mark.end;
    let segment = segments.get(segment, Operation::Open)?;
    if tail.dirty {
        const PIECE: u64 = 1 << 20;
        let mut at = u64::from(offset).max(u64::from(BLOCK));
        let mut held = vec![0; narrow(PIECE)];
        while at < segment.capacity() {
            let length = narrow(PIECE.min(segment.capacity().saturating_sub(at)));
            let piece = held.get_mut(..length).unwrap_or_default();
            segment.file.read_at(piece, at).map_err(io)?;
            if !super::reader::is_zero(piece) {
                piece.fill(0);
                segment.file.write_at(piece, at).map_err(io)?;
            }
            at = at.saturating_add(PIECE);
        }
    }
    segment.file.sync_data().map_err(io)
}

/// Replays what the index has not seen; an index that turns out damaged is built again, once.
fn bring_up(
    home: &dyn IndexHome,
    good: Option<(Box<dyn Index>, Mark)>,
    segments: &Segments,
    store: &StoreId,
    end: &Mark,
) -> Result<Replay, Error> {
    if let Some((index, base)) = good {
        let mut replay = Replay::new(index, base);
        match replay.run(segments, store, end.sequence) {
            Ok(()) => return Ok(replay),
            Err(error) if *error.kind() == ErrorKind::Busy => {
                tracing::warn!("the index turned out damaged; building it again");
            }
            Err(error) => return Err(error),
        }
    }
    let (index, start) = load(home, store, segments, end.sequence)?;
    let mut replay = Replay::new(index, start);
    replay.run(segments, store, end.sequence)?;
    replay.spill(segments, store)?;
    Ok(replay)
}
