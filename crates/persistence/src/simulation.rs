//! A disk in memory that forgets what was not synced, fails on command, and can be damaged.
//!
//! It knows two states of every byte: what a reader of the running system sees, and what is durable.
//! A power cut keeps the durable bytes and any part of the rest, in any order, cut at any byte. Names
//! are durable only after their folder is synced.

mod file;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use file::{SimulatedFile, SimulatedLock};

use crate::bytes::{narrow, spread, wide};
use crate::disk::{Access, BlockFile, Disk, DiskLock, LockFailure};

/// What of the bytes that were never synced a power cut leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// None of them.
    Nothing,
    /// All of them: a mere kill, or a lucky cut.
    Everything,
    /// The first so many bytes, counted over all unsynced writes in order; and every name.
    First(u64),
    /// All but the first so many bytes: the disk wrote in another order; and every name.
    Last(u64),
    /// Each unsynced write is torn into pieces, and each piece is kept or lost by chance.
    Chance(u64),
}

/// What goes wrong, and when. Operations are counted from 1: writes, syncs, and changes of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// The power goes off during this operation; it and every later one fail.
    pub crash_at: Option<u64>,
    /// The sync with this operation number fails, and the bytes it was for are forgotten.
    pub fail_sync_at: Option<u64>,
    /// The write with this operation number finds the disk full, half done.
    pub full_at: Option<u64>,
    /// Files may take so many bytes together; a write over that fails half done.
    pub capacity: Option<u64>,
}

/// A simulated disk; clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk {
    world: Arc<World>,
}

#[derive(Debug, Default)]
struct World {
    held: Mutex<Held>,
    changed: Condvar,
}

#[derive(Clone, Debug, Default)]
struct Held {
    nodes: Vec<Node>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// Changes of names not synced yet: a name and what it stands for since.
    name_changes: Vec<(PathBuf, Option<usize>)>,
    /// Order of all unsynced writes: node, and which of its writes.
    writes: u64,
    operations: u64,
    syncs: u64,
    faults: Faults,
    crashed: bool,
    locked: bool,
    holding: bool,
    /// Syncs that may pass although syncs are held.
    passes: u64,
    /// Syncs waiting now.
    waiting: u64,
}

#[derive(Clone, Debug, Default)]
struct Node {
    seen: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Pending>,
}

#[derive(Clone, Debug)]
struct Pending {
    order: u64,
    offset: usize,
    bytes: Vec<u8>,
}

fn put(bytes: &mut Vec<u8>, offset: usize, piece: &[u8]) {
    let end = offset.saturating_add(piece.len());
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    if let Some(place) = bytes.get_mut(offset..end) {
        place.copy_from_slice(piece);
    }
}

fn off() -> io::Error {
    io::Error::other("the simulated power is off")
}

impl Held {
    /// Counts an operation; false when the power goes off in the middle of it.
    fn count(&mut self) -> io::Result<bool> {
        if self.crashed {
            return Err(off());
        }
        self.operations = self.operations.saturating_add(1);
        if self.faults.crash_at == Some(self.operations) {
            self.crashed = true;
        }
        Ok(!self.crashed)
    }

    fn used(&self) -> u64 {
        let nodes = self.names.values().filter_map(|node| self.nodes.get(*node));
        nodes
            .map(|node| wide(node.seen.len()))
            .fold(0, u64::saturating_add)
    }

    fn name(&mut self, path: &Path, node: Option<usize>) {
        match node {
            Some(node) => self.names.insert(path.to_path_buf(), node),
            None => self.names.remove(path),
        };
        self.name_changes.push((path.to_path_buf(), node));
    }

    fn survive(&mut self, survival: Survival) {
        let mut pending: Vec<(usize, Pending)> = Vec::new();
        for (number, node) in self.nodes.iter_mut().enumerate() {
            pending.extend(node.pending.drain(..).map(|write| (number, write)));
        }
        pending.sort_by_key(|(_, write)| write.order);
        let mut at = 0_u64;
        let mut chance = Chance::new(survival);
        for (number, write) in pending {
            let start = at;
            at = at.saturating_add(wide(write.bytes.len()));
            for (from, to) in survivors(survival, start, write.bytes.len(), &mut chance) {
                let piece = write.bytes.get(from..to).unwrap_or_default();
                if let Some(node) = self.nodes.get_mut(number) {
                    put(&mut node.durable, write.offset.saturating_add(from), piece);
                }
            }
        }
        let kept = match survival {
            Survival::Nothing => 0,
            Survival::Chance(_) => chance.below(self.name_changes.len().saturating_add(1)),
            _ => self.name_changes.len(),
        };
        for (path, node) in self.name_changes.drain(..).take(kept) {
            match node {
                Some(node) => self.durable_names.insert(path, node),
                None => self.durable_names.remove(&path),
            };
        }
        self.names = self.durable_names.clone();
        for node in &mut self.nodes {
            node.seen = node.durable.clone();
        }
    }
}

/// The pieces of a write that survive, as ranges of its bytes.
fn survivors(
    survival: Survival,
    start: u64,
    length: usize,
    chance: &mut Chance,
) -> Vec<(usize, usize)> {
    let inside = |bytes: u64| narrow(bytes.saturating_sub(start)).min(length);
    match survival {
        Survival::Nothing => Vec::new(),
        Survival::Everything => vec![(0, length)],
        Survival::First(bytes) => vec![(0, inside(bytes))],
        Survival::Last(bytes) => vec![(inside(bytes), length)],
        Survival::Chance(_) => {
            let mut cuts = vec![0, length];
            for _ in 0..chance.below(4) {
                cuts.push(chance.below(length.saturating_add(1)));
            }
            cuts.sort_unstable();
            let pieces = cuts.iter().zip(cuts.iter().skip(1));
            pieces
                .filter(|_| chance.below(2) == 1)
                .map(|(from, to)| (*from, *to))
                .collect()
        }
    }
}

/// Numbers by chance, the same for the same seed.
#[derive(Clone, Debug)]
pub struct Chance {
    state: u64,
}

impl Chance {
    /// The numbers of a seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self {
            state: spread(seed),
        }
    }

    fn new(survival: Survival) -> Self {
        Self::seeded(if let Survival::Chance(seed) = survival {
            seed
        } else {
            0
        })
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(1);
        spread(self.state)
    }

    /// The next number, below `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        narrow(self.number().checked_rem(wide(end)).unwrap_or(0))
    }
}

impl SimulatedDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.world
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.held().faults = faults;
    }

    /// Operations so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.held().operations
    }

    /// Syncs of files so far.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.held().syncs
    }

    /// Whether the power has gone off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.held().crashed
    }

    /// Turns the power off now.
    pub fn turn_off(&self) {
        self.held().crashed = true;
        self.world.changed.notify_all();
    }

    /// While holding, a sync of a file waits, so that what comes meanwhile gathers behind it.
    pub fn hold_syncs(&self, hold: bool) {
        self.held().holding = hold;
        self.world.changed.notify_all();
    }

    /// Lets so many syncs pass while holding.
    pub fn let_pass(&self, syncs: u64) {
        let mut held = self.held();
        held.passes = held.passes.saturating_add(syncs);
        self.world.changed.notify_all();
    }

    /// Blocks until a sync is held up.
    pub fn until_held(&self) {
        let mut held = self.held();
        while held.waiting == 0 || held.passes > 0 {
            held = self
                .world
                .changed
                .wait(held)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Bytes written and not synced, over all files.
    #[must_use]
    pub fn unsynced(&self) -> u64 {
        let held = self.held();
        let pending = held.nodes.iter().flat_map(|node| &node.pending);
        pending
            .map(|write| wide(write.bytes.len()))
            .fold(0, u64::saturating_add)
    }

    /// The disk as it is found after a power cut; this one stays as it is.
    #[must_use]
    pub fn after_cut(&self, survival: Survival) -> Self {
        let mut held = self.held().clone();
        held.survive(survival);
        held.crashed = false;
        held.locked = false;
        held.holding = false;
        held.faults = Faults::default();
        held.operations = 0;
        Self {
            world: Arc::new(World {
                held: Mutex::new(held),
                changed: Condvar::new(),
            }),
        }
    }

    /// Names of all files.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.held().names.keys().cloned().collect()
    }

    /// What a file holds; empty when there is none.
    #[must_use]
    pub fn content(&self, path: &Path) -> Vec<u8> {
        let held = self.held();
        let node = held.names.get(path).and_then(|node| held.nodes.get(*node));
        node.map(|node| node.seen.clone()).unwrap_or_default()
    }

    /// Changes what a file holds, durably: damage, not a write.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut held = self.held();
        let Some(number) = held.names.get(path).copied() else {
            return;
        };
        if let Some(node) = held.nodes.get_mut(number) {
            change(&mut node.seen);
            node.durable = node.seen.clone();
            node.pending.clear();
        }
    }

    /// Takes a file away, durably.
    pub fn lose(&self, path: &Path) {
        let mut held = self.held();
        held.names.remove(path);
        held.durable_names.remove(path);
        held.name_changes.retain(|(name, _)| name != path);
    }
}

impl Disk for SimulatedDisk {
    fn root(&self) -> &Path {
        Path::new("simulated")
    }

    fn lock(&self) -> Result<Box<dyn DiskLock>, LockFailure> {
        let mut held = self.held();
        if held.locked {
            return Err(LockFailure::Held(None));
        }
        held.locked = true;
        Ok(Box::new(SimulatedLock { disk: self.clone() }))
    }

    fn create_dir(&self, _path: &Path) -> io::Result<()> {
        self.held()
            .count()
            .and_then(|on| if on { Ok(()) } else { Err(off()) })
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let held = self.held();
        let inside = held.names.keys().filter(|name| name.parent() == Some(path));
        Ok(inside
            .filter_map(|name| name.file_name()?.to_str().map(str::to_owned))
            .collect())
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn BlockFile>> {
        let mut held = self.held();
        let node = match (held.names.get(path).copied(), access) {
            (_, Access::Create) => {
                let on = held.count()?;
                held.nodes.push(Node::default());
                let node = held.nodes.len().saturating_sub(1);
                held.name(path, Some(node));
                if !on {
                    return Err(off());
                }
                node
            }
            (Some(node), _) => node,
            (None, _) => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(Arc::new(SimulatedFile {
            disk: self.clone(),
            node,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut held = self.held();
        let on = held.count()?;
        let node = held
            .names
            .get(from)
            .copied()
            .ok_or(io::ErrorKind::NotFound)?;
        held.name(from, None);
        held.name(to, Some(node));
        if on { Ok(()) } else { Err(off()) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut held = self.held();
        let on = held.count()?;
        if held.names.contains_key(path) {
            held.name(path, None);
        }
        if on { Ok(()) } else { Err(off()) }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut held = self.held();
        if !held.count()? {
            return Err(off());
        }
        let (synced, rest): (Vec<_>, Vec<_>) = held
            .name_changes
            .drain(..)
            .partition(|(name, _)| name.parent() == Some(path));
        held.name_changes = rest;
        for (name, node) in synced {
            match node {
                Some(node) => held.durable_names.insert(name, node),
                None => held.durable_names.remove(&name),
            };
        }
        Ok(())
    }
}
