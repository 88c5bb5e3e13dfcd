//! The index in sled: one tree, small batches, every row counted.
//!
//! What sled 0.34 does badly is kept away from it. It never syncs, so its file is synced here. Its
//! start-up snapshot can be torn by a kill, so leftovers are removed before opening. It answers damage
//! by panicking or by quietly showing less, so every call is guarded, every row carries a checksum,
//! and the number and the sum of the checksums of all rows stand beside the mark and are compared
//! with a full reading when it is opened. Values over 128 KiB leak files, so large ones are cut up.

use std::fs::File;
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use super::meta::{Meta, Sums};
use super::{Change, Fault, Index, IndexHome};
use crate::bytes::wide;
use crate::journal::place::{Mark, StoreId};

/// Sorts before every row.
const META: &[u8] = &[0];
/// Pieces of large values sort behind every row: this, the row's key sized, the piece's number.
const PIECE: u8 = 0xf0;
/// Values over this many bytes are cut up.
const PIECE_BYTES: usize = 60 << 10;
/// A batch of thousands of operations makes sled's memory explode.
const BATCH_OPS: usize = 127;
const BATCH_BYTES: usize = 1 << 20;
/// A damaged tree may keep sled busy for ever; opening takes seconds at most.
const PATIENCE: Duration = Duration::from_secs(120);
const LOCK_ATTEMPTS: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// A folder for sled.
#[derive(Debug)]
pub(crate) struct SledHome {
    folder: PathBuf,
    cache_bytes: u64,
    /// Read every row when opening, and compare count and sum.
    check: bool,
}

impl SledHome {
    pub(crate) fn new(folder: PathBuf, cache_bytes: u64, check: bool) -> Self {
        Self {
            folder,
            cache_bytes,
            check,
        }
    }

    /// sled locks its file; the lock of an opening just ended may be held for a moment longer by a
    /// child process that is just being started, so a refusal is tried again.
    fn open_tree(&self) -> Result<SledIndex, Fault> {
        for _ in 0..LOCK_ATTEMPTS {
            match self.open_tree_once() {
                Err(Fault::Io(_)) => std::thread::sleep(LOCK_PAUSE),
                opened => return opened,
            }
        }
        self.open_tree_once()
    }

    fn open_tree_once(&self) -> Result<SledIndex, Fault> {
        let config = ::sled::Config::new()
            .path(&self.folder)
            .mode(::sled::Mode::HighThroughput)
            .cache_capacity(self.cache_bytes)
            .flush_every_ms(None);
        let (answer, opened) = mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name("charkh-index-open".into())
            .spawn(move || {
                // Nobody listening means that patience ran out: then the tree is simply dropped.
                let _ = answer.send(catch_unwind(AssertUnwindSafe(|| config.open())));
            })
            .map_err(Fault::Io)?;
        let db = match opened.recv_timeout(PATIENCE) {
            Ok(Ok(db)) => db.map_err(fault)?,
            Ok(Err(_)) | Err(_) => return Err(Fault::Damaged),
        };
        let file = File::open(self.folder.join("db")).map_err(Fault::Io)?;
        let tree = Tree {
            db: AssertUnwindSafe(db),
        };
        Ok(SledIndex {
            tree,
            file,
            sums: Mutex::default(),
            store: None,
            written: AtomicU64::new(0),
        })
    }

    /// A kill while sled writes its start-up snapshot leaves a file that makes it refuse to open.
    fn remove_leftovers(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with("snap.") && name.ends_with(".generating") {
                let removed = std::fs::remove_file(entry.path());
                tracing::info!(file = %name, ok = removed.is_ok(), "removed an unfinished snapshot of the index");
            }
        }
    }

    fn open_checked(&self, store: &StoreId) -> Result<Option<(SledIndex, Mark)>, Fault> {
        if !self.folder.join("db").is_file() {
            return Ok(None);
        }
        self.remove_leftovers();
        let mut index = self.open_tree()?;
        index.store = Some(*store);
        let Some(meta) = index
            .tree
            .get(META)?
            .and_then(|meta| Meta::decode(store, &meta))
        else {
            return Err(Fault::Damaged);
        };
        if self.check && index.count()? != meta.sums {
            return Err(Fault::Damaged);
        }
        *index.sums.lock().unwrap_or_else(PoisonError::into_inner) = meta.sums;
        Ok(Some((index, meta.mark)))
    }
}

impl IndexHome for SledHome {
    fn open(&self, store: &StoreId) -> Option<(Box<dyn Index>, Mark)> {
        match self.open_checked(store) {
            Ok(Some((index, mark))) => Some((Box::new(index), mark)),
            Ok(None) => None,
            Err(reason) => {
                tracing::warn!(?reason, folder = %self.folder.display(), "the index cannot be trusted; building it again from the journal");
                None
            }
        }
    }

    fn fresh(&self, store: &StoreId) -> Result<Box<dyn Index>, Fault> {
        set_aside(&self.folder).map_err(Fault::Io)?;
        std::fs::create_dir_all(&self.folder).map_err(Fault::Io)?;
        let mut index = self.open_tree()?;
        index.store = Some(*store);
        index.apply(Vec::new(), Some(&Mark::genesis(store)))?;
        index.sync()?;
        // sled syncs neither its small files nor any folder; once is enough, they do not change.
        for name in ["conf", "db"] {
            File::open(self.folder.join(name))
                .and_then(|file| file.sync_all())
                .map_err(Fault::Io)?;
        }
        if cfg!(unix) {
            let parent = self.folder.parent().unwrap_or(&self.folder);
            for folder in [&self.folder, parent] {
                File::open(folder)
                    .and_then(|file| file.sync_all())
                    .map_err(Fault::Io)?;
            }
        }
        Ok(Box::new(index))
    }
}

/// Moves a folder away before removing it, so that a sled still busy in it harms nothing.
fn set_aside(folder: &Path) -> io::Result<()> {
    let aside = folder.with_extension("damaged");
    match std::fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    match std::fs::rename(folder, &aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => std::fs::remove_dir_all(&aside),
    }
}

fn fault(error: ::sled::Error) -> Fault {
    match error {
        ::sled::Error::Io(error) if error.kind() == io::ErrorKind::StorageFull => Fault::Full,
        ::sled::Error::Io(error) => Fault::Io(error),
        _ => Fault::Damaged,
    }
}

/// sled behind a guard: a panic inside becomes a fault.
#[derive(Debug)]
struct Tree {
    db: AssertUnwindSafe<::sled::Db>,
}

impl Tree {
    fn guarded<T>(&self, call: impl FnOnce(&::sled::Db) -> Result<T, Fault>) -> Result<T, Fault> {
        catch_unwind(AssertUnwindSafe(|| call(&self.db))).unwrap_or(Err(Fault::Damaged))
    }

    fn get(&self, key: &[u8]) -> Result<Option<::sled::IVec>, Fault> {
        self.guarded(|db| db.get(key).map_err(fault))
    }
}

#[derive(Debug)]
struct SledIndex {
    tree: Tree,
    file: File,
    /// As of the last batch; also keeps writers apart.
    sums: Mutex<Sums>,
    store: Option<StoreId>,
    written: AtomicU64,
}

/// A change of one entry of the tree, with what it replaces.
struct Entry {
    key: ::sled::IVec,
    value: Option<::sled::IVec>,
    old: Option<::sled::IVec>,
}

/// A value as sled holds it ends with a tag: before it the bytes, or how many pieces to gather.
const WHOLE: u8 = 0;
const CUT: u8 = 1;

fn piece_key(key: &[u8], number: u32) -> Vec<u8> {
    let mut out = vec![PIECE];
    out.extend_from_slice(&crate::bytes::short(key.len()).to_be_bytes());
    out.extend_from_slice(key);
    out.extend_from_slice(&number.to_be_bytes());
    out
}

/// How many pieces an entry stands for.
fn pieces(entry: &[u8]) -> u32 {
    match entry.split_last() {
        Some((&CUT, count)) => count.try_into().map_or(0, u32::from_le_bytes),
        _ => 0,
    }
}

impl SledIndex {
    fn gather(&self, key: &[u8], entry: &[u8]) -> Result<Vec<u8>, Fault> {
        match entry.split_last() {
            Some((&WHOLE, value)) => Ok(value.to_vec()),
            Some((&CUT, _)) => {
                let mut value = Vec::new();
                for number in 0..pieces(entry) {
                    let piece = self.tree.get(&piece_key(key, number))?;
                    value.extend_from_slice(&piece.ok_or(Fault::Damaged)?);
                }
                Ok(value)
            }
            _ => Err(Fault::Damaged),
        }
    }

    /// Reads everything.
    fn count(&self) -> Result<Sums, Fault> {
        self.tree.guarded(|db| {
            let mut sums = Sums::default();
            for entry in db.range::<&[u8], _>((Bound::Excluded(META), Bound::Unbounded)) {
                let (key, value) = entry.map_err(fault)?;
                sums.add(&key, &value);
            }
            Ok(sums)
        })
    }

    /// The plain entries one change comes down to.
    fn entries(&self, change: Change<'_>, out: &mut Vec<Entry>) -> Result<(), Fault> {
        let key = &*change.key;
        let old = if change.fresh {
            None
        } else {
            self.tree.get(key)?
        };
        let old_pieces = old.as_deref().map_or(0, pieces);
        let mut new_pieces = 0;
        let value = match change.value {
            Some(value) if value.len() > PIECE_BYTES => {
                for chunk in value.chunks(PIECE_BYTES) {
                    self.piece(key, new_pieces, Some(chunk), out)?;
                    new_pieces = new_pieces.saturating_add(1);
                }
                let mut entry = new_pieces.to_le_bytes().to_vec();
                entry.push(CUT);
                Some(entry)
            }
            Some(mut value) => {
                value.push(WHOLE);
                Some(value)
            }
            None => None,
        };
        for number in new_pieces..old_pieces {
            self.piece(key, number, None, out)?;
        }
        let value = value.map(::sled::IVec::from);
        out.push(Entry {
            key: key.into(),
            value,
            old,
        });
        Ok(())
    }

    fn piece(
        &self,
        key: &[u8],
        number: u32,
        value: Option<&[u8]>,
        out: &mut Vec<Entry>,
    ) -> Result<(), Fault> {
        let key = piece_key(key, number);
        let old = self.tree.get(&key)?;
        out.push(Entry {
            key: key.into(),
            value: value.map(::sled::IVec::from),
            old,
        });
        Ok(())
    }

    fn write(&self, entries: &mut Vec<Entry>, sums: &mut Sums, mark: &Mark) -> Result<(), Fault> {
        let store = self.store.ok_or(Fault::Damaged)?;
        let mut after = *sums;
        let mut batch = ::sled::Batch::default();
        let mut bytes = 0_usize;
        for Entry { key, value, old } in entries.drain(..) {
            if let Some(old) = old {
                after.remove(&key, &old);
            }
            bytes = bytes.saturating_add(key.len());
            match value {
                Some(value) => {
                    bytes = bytes.saturating_add(value.len());
                    after.add(&key, &value);
                    batch.insert(key, value);
                }
                None => batch.remove(key),
            }
        }
        let meta = Meta {
            mark: *mark,
            sums: after,
        };
        batch.insert(META, meta.encode(&store));
        self.written.fetch_add(wide(bytes), Ordering::Relaxed);
        self.tree
            .guarded(|db| db.apply_batch(batch).map_err(fault))?;
        *sums = after;
        Ok(())
    }

    fn mark(&self) -> Result<Mark, Fault> {
        let store = self.store.ok_or(Fault::Damaged)?;
        let Some(meta) = self.tree.get(META)? else {
            return Ok(Mark::genesis(&store));
        };
        Ok(Meta::decode(&store, &meta).ok_or(Fault::Damaged)?.mark)
    }
}

impl Index for SledIndex {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        match self.tree.get(key)? {
            Some(entry) => self.gather(key, &entry).map(Some),
            None => Ok(None),
        }
    }

    fn range(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Fault> {
        self.tree.guarded(|db| {
            for entry in db.range::<&[u8], _>((from, to)) {
                let (key, entry) = entry.map_err(fault)?;
                // Rows lie between the meta row and the pieces.
                if key.first() == Some(&PIECE) {
                    break;
                }
                if key == META {
                    continue;
                }
                let go_on = match entry.split_last() {
                    Some((&WHOLE, value)) => visit(&key, value),
                    _ => visit(&key, &self.gather(&key, &entry)?),
                };
                if !go_on {
                    break;
                }
            }
            Ok(())
        })
    }

    fn apply(&self, changes: Vec<Change<'_>>, mark: Option<&Mark>) -> Result<(), Fault> {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.mark()?;
        let mut entries = Vec::with_capacity(BATCH_OPS);
        let mut batch = Vec::with_capacity(BATCH_OPS);
        let mut bytes = 0_usize;
        for change in changes {
            self.entries(change, &mut entries)?;
            for entry in entries.drain(..) {
                let size = entry
                    .value
                    .as_ref()
                    .map_or(0, |value| value.len())
                    .saturating_add(entry.key.len());
                if batch.len() >= BATCH_OPS || bytes.saturating_add(size) > BATCH_BYTES {
                    self.write(&mut batch, &mut sums, &before)?;
                    bytes = 0;
                }
                bytes = bytes.saturating_add(size);
                batch.push(entry);
            }
        }
        if mark.is_some() || !batch.is_empty() {
            self.write(&mut batch, &mut sums, mark.unwrap_or(&before))?;
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), Fault> {
        self.tree
            .guarded(|db| db.flush().map(drop).map_err(fault))?;
        self.file.sync_data().map_err(Fault::Io)
    }

    fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }
}
