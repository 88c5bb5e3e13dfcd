//! A copy of the index in one checksummed file, so that building it again need not read the whole
//! journal.
//!
//! ```text
//! header:  magic 8 · format 4 · store 16 · start mark 56 · crc 4
//! blocks:  length 4 · crc 4 · rows (key, sized; value, sized)
//! trailer: zero 4 · rows 8 · end mark 56 · crc of all block crcs 4 · crc 4
//! ```
//! It is fuzzy: written piece by piece while the index goes on changing. Rows may be as of any moment
//! between the start mark and the end mark, so whoever loads it replays the journal from the start
//! mark. That the journal once reached the end mark is certain.

use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::place::{Mark, StoreId};
use crate::bytes::{Reader, narrow, put_sized, short, wide};
use crate::disk::{Access, BlockFile, Disk};
use crate::index::{Change, Fault, Index, IndexRow};

const FOLDER: &str = "checkpoint";
const MAGIC: [u8; 8] = *b"CHARKHC\n";
const FORMAT: u32 = 1;
const HEADER: usize = 8 + 4 + 16 + Mark::BYTES + 4;
const TRAILER: usize = 4 + 8 + Mark::BYTES + 4 + 4;
const BLOCK: usize = 64 << 10;
/// Bytes after which a checkpoint being written is synced.
const SYNC_EVERY: usize = 2 << 20;
/// Rows handed to an index at once when loading.
const LOAD_ROWS: usize = 1024;

pub(crate) fn folder() -> &'static Path {
    Path::new(FOLDER)
}

fn writing_path() -> PathBuf {
    folder().join("writing.tmp")
}

fn path(end: u64) -> PathBuf {
    folder().join(format!("{end:020}.ckpt"))
}

/// A finished checkpoint.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    path: PathBuf,
    pub(crate) start: Mark,
    pub(crate) end: Mark,
    pub(crate) bytes: u64,
}

/// Names of finished checkpoints, newest first.
fn names(disk: &dyn Disk) -> io::Result<Vec<PathBuf>> {
    let mut names = disk.list(folder())?;
    names.retain(|name| name.len() == 25 && name.ends_with(".ckpt"));
    names.reverse();
    Ok(names.into_iter().map(|name| folder().join(name)).collect())
}

/// Every checkpoint of this store whose ends are whole, newest first. One that is damaged proves
/// nothing and helps nobody, so it is passed over.
pub(crate) fn find(disk: &dyn Disk, store: &StoreId) -> io::Result<Vec<Checkpoint>> {
    let mut found = Vec::new();
    for path in names(disk)? {
        let file = disk.open(&path, Access::Read)?;
        match read_ends(&*file, store)? {
            Some((start, end, bytes)) => found.push(Checkpoint {
                path,
                start,
                end,
                bytes,
            }),
            None => tracing::warn!(file = %path.display(), "a checkpoint cannot be read"),
        }
    }
    Ok(found)
}

fn read_ends(file: &dyn BlockFile, store: &StoreId) -> io::Result<Option<(Mark, Mark, u64)>> {
    let bytes = file.length()?;
    let mut header = [0; HEADER];
    let mut trailer = [0; TRAILER];
    let Some(at) = bytes.checked_sub(wide(TRAILER)) else {
        return Ok(None);
    };
    if file.read_at(&mut header, 0)? != HEADER || file.read_at(&mut trailer, at)? != TRAILER {
        return Ok(None);
    }
    Ok((|| {
        let mut reader = Reader::new(checked(&header)?);
        let ours =
            reader.array()? == MAGIC && reader.u32()? == FORMAT && reader.array()? == store.0;
        let start = Mark::read(&mut reader)?;
        let end = read_trailer(&trailer)?.1;
        ours.then_some((start, end, bytes))
    })())
}

/// Rows, end mark, crc of crcs.
fn read_trailer(trailer: &[u8]) -> Option<(u64, Mark, u32)> {
    let mut reader = Reader::new(checked(trailer)?);
    let (zero, rows) = (reader.u32()?, reader.u64()?);
    let (end, crcs) = (Mark::read(&mut reader)?, reader.u32()?);
    (zero == 0).then_some((rows, end, crcs))
}

/// The bytes before the checksum they end with.
fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (front, crc) = bytes.split_last_chunk::<4>()?;
    (crc32c::crc32c(front) == u32::from_le_bytes(*crc)).then_some(front)
}

impl Checkpoint {
    /// Puts every row into `index`; false when the file is damaged.
    pub(crate) fn load(&self, disk: &dyn Disk, index: &dyn Index) -> Result<bool, Fault> {
        let file = disk.open(&self.path, Access::Read).map_err(Fault::Io)?;
        let end = self.bytes.saturating_sub(wide(TRAILER));
        let (mut at, mut rows, mut crcs) = (wide(HEADER), 0_u64, 0_u32);
        let mut changes = Vec::new();
        while at < end {
            let Some((block, crc)) = read_block(&*file, at, end).map_err(Fault::Io)? else {
                return Ok(false);
            };
            crcs = crc32c::crc32c_append(crcs, &crc.to_le_bytes());
            at = at.saturating_add(wide(block.len()).saturating_add(8));
            let mut reader = Reader::new(&block);
            while !reader.is_done() {
                let (Some(key), Some(value)) = (reader.sized(), reader.sized()) else {
                    return Ok(false);
                };
                changes.push(Change {
                    key: key.to_vec().into(),
                    value: Some(value.to_vec()),
                    fresh: false,
                });
                rows = rows.wrapping_add(1);
                if changes.len() >= LOAD_ROWS {
                    index.apply(std::mem::take(&mut changes), None)?;
                }
            }
        }
        let mut trailer = [0; TRAILER];
        let read = file.read_at(&mut trailer, end).map_err(Fault::Io)?;
        let whole = read == TRAILER
            && read_trailer(&trailer).is_some_and(|found| (found.0, found.2) == (rows, crcs));
        if whole {
            index.apply(changes, Some(&self.start))?;
        }
        Ok(whole)
    }
}

fn read_block(file: &dyn BlockFile, at: u64, end: u64) -> io::Result<Option<(Vec<u8>, u32)>> {
    let mut front = [0; 8];
    file.read_at(&mut front, at)?;
    let mut reader = Reader::new(&front);
    let (length, crc) = (reader.u32().unwrap_or(0), reader.u32().unwrap_or(0));
    if length == 0 || at.saturating_add(8).saturating_add(u64::from(length)) > end {
        return Ok(None);
    }
    let mut block = vec![0; narrow(u64::from(length))];
    let read = file.read_at(&mut block, at.saturating_add(8))?;
    Ok((read == block.len() && crc32c::crc32c(&block) == crc).then_some((block, crc)))
}

/// A checkpoint being written.
#[derive(Debug)]
pub(crate) struct CheckpointWriter {
    file: Arc<dyn BlockFile>,
    start: Mark,
    at: u64,
    /// The last key written; the next piece goes on behind it.
    cursor: Option<Vec<u8>>,
    block: Vec<u8>,
    rows: u64,
    crcs: u32,
    unsynced: usize,
}

impl CheckpointWriter {
    /// Begins one; the index stands at `start`.
    pub(crate) fn begin(disk: &dyn Disk, store: &StoreId, start: Mark) -> io::Result<Self> {
        let file = disk.open(&writing_path(), Access::Create)?;
        let mut header = MAGIC.to_vec();
        header.extend_from_slice(&FORMAT.to_le_bytes());
        header.extend_from_slice(&store.0);
        start.put(&mut header);
        header.extend_from_slice(&crc32c::crc32c(&header).to_le_bytes());
        file.write_at(&header, 0)?;
        let at = wide(header.len());
        Ok(Self {
            file,
            start,
            at,
            cursor: None,
            block: Vec::new(),
            rows: 0,
            crcs: 0,
            unsynced: 0,
        })
    }

    /// Removes what was written so far.
    pub(crate) fn abandon(disk: &dyn Disk) {
        // A file that cannot be removed is overwritten by the next one.
        let _ = disk.remove(&writing_path());
    }

    /// Copies about `bytes` more; true when the last row is in. A row that fails its checksum ends
    /// the attempt: a checkpoint must never be worse than the journal.
    pub(crate) fn copy(&mut self, index: &dyn Index, bytes: usize) -> Result<bool, Fault> {
        let (mut copied, mut done, mut failure) = (0_usize, true, None);
        let cursor = self.cursor.take();
        let from = cursor.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut last = None;
        index.range(from, Bound::Unbounded, &mut |key, value| {
            if copied >= bytes {
                done = false;
                return false;
            }
            if !IndexRow::is_whole(key, value) {
                failure = Some(Fault::Damaged);
                return false;
            }
            put_sized(&mut self.block, key);
            put_sized(&mut self.block, value);
            self.rows = self.rows.wrapping_add(1);
            copied = copied.saturating_add(key.len()).saturating_add(value.len());
            last = Some(key.to_vec());
            if self.block.len() >= BLOCK
                && let Err(error) = self.put_block()
            {
                failure = Some(Fault::Io(error));
            }
            failure.is_none()
        })?;
        self.cursor = last.or(cursor);
        match failure {
            Some(failure) => Err(failure),
            None => Ok(done),
        }
    }

    fn put_block(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let crc = crc32c::crc32c(&self.block);
        let mut front = short(self.block.len()).to_le_bytes().to_vec();
        front.extend_from_slice(&crc.to_le_bytes());
        self.file.write_at(&front, self.at)?;
        self.file.write_at(&self.block, self.at.saturating_add(8))?;
        self.at = self
            .at
            .saturating_add(wide(self.block.len()).saturating_add(8));
        self.crcs = crc32c::crc32c_append(self.crcs, &crc.to_le_bytes());
        self.block.clear();
        self.unsynced = self.unsynced.saturating_add(BLOCK);
        if self.unsynced >= SYNC_EVERY {
            // Little by little: one large sync would hold up those of the journal.
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Writes the trailer and gives the file its name; older ones are removed after that is durable.
    pub(crate) fn finish(mut self, disk: &dyn Disk, end: Mark) -> io::Result<Checkpoint> {
        self.put_block()?;
        let mut trailer = vec![0; 4];
        trailer.extend_from_slice(&self.rows.to_le_bytes());
        end.put(&mut trailer);
        trailer.extend_from_slice(&self.crcs.to_le_bytes());
        trailer.extend_from_slice(&crc32c::crc32c(&trailer).to_le_bytes());
        self.file.write_at(&trailer, self.at)?;
        self.file.sync_data()?;
        let old = names(disk)?;
        let path = path(end.sequence);
        disk.rename(&writing_path(), &path)?;
        disk.sync_dir(folder())?;
        for old in old.iter().filter(|old| **old != path) {
            disk.remove(old)?;
        }
        let bytes = self.at.saturating_add(wide(TRAILER));
        Ok(Checkpoint {
            path,
            start: self.start,
            end,
            bytes,
        })
    }
}
