//! The journal's files: one header block, then records, then zeros.
//!
//! A segment is zeroed and synced before it gets its name, so writing into it later changes no
//! metadata and a sync costs half; and a file shorter than its header says was damaged for certain.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::place::{Mark, Position, StoreId};
use crate::bytes::{Reader, wide};
use crate::disk::{Access, BlockFile, Disk};
use crate::{Error, ErrorKind, Operation};

/// Bytes of a segment's header block.
pub(crate) const BLOCK: u32 = 4096;
/// The newest journal format this program reads and the only one it writes.
pub(crate) const FORMAT: u32 = 1;
const MAGIC: [u8; 8] = *b"CHARKHJ\n";
pub(crate) const FOLDER: &str = "journal";
/// Files kept open for reading.
const OPEN_MAX: usize = 32;

/// What the operator can do about a damaged journal.
pub(crate) const WAY_OUT: &str = "restore the whole folder from a backup, or export what is whole: \
     `engine-runner export`; nothing was changed";

/// The first block of a segment.
///
/// ```text
///  0 magic 8 · format 4 · crc of these 12 bytes 4      (the same in every format)
/// 16 store 16 · epoch 8 · number 4 · zero 4 · first sequence 8 · hash 32 · capacity 8
/// 96 crc of bytes 0..96
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) store: StoreId,
    pub(crate) epoch: u64,
    pub(crate) number: u32,
    /// Sequence of the first record in here.
    pub(crate) first: u64,
    /// The hash chain's value before that record.
    pub(crate) hash: [u8; 32],
    /// Length of the file.
    pub(crate) capacity: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    Newer(u32),
    Damaged,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&FORMAT.to_le_bytes());
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out.extend_from_slice(&self.store.0);
        out.extend_from_slice(&self.epoch.to_le_bytes());
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.hash);
        out.extend_from_slice(&self.capacity.to_le_bytes());
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out.resize(crate::bytes::narrow(u64::from(BLOCK)), 0);
        out
    }

    pub(crate) fn decode(block: &[u8]) -> Result<Self, HeaderFault> {
        Self::read_format(block)?;
        let damaged = HeaderFault::Damaged;
        let front = block.get(..96).ok_or(damaged)?;
        let mut reader = Reader::new(block.get(16..100).ok_or(damaged)?);
        let parts = (|| {
            let store = StoreId(reader.array()?);
            let (epoch, number) = (reader.u64()?, reader.u32()?);
            reader.take(4)?;
            let (first, hash, capacity) = (reader.u64()?, reader.array()?, reader.u64()?);
            let crc = reader.u32()?;
            Some((
                Self {
                    store,
                    epoch,
                    number,
                    first,
                    hash,
                    capacity,
                },
                crc,
            ))
        })();
        let (header, crc) = parts.ok_or(damaged)?;
        if crc32c::crc32c(front) == crc {
            Ok(header)
        } else {
            Err(damaged)
        }
    }

    /// Tells a newer format from damage: the first sixteen bytes keep their meaning for ever.
    fn read_format(block: &[u8]) -> Result<(), HeaderFault> {
        let mut reader = Reader::new(block);
        let magic = reader.array().ok_or(HeaderFault::Damaged)?;
        let format = reader.u32().ok_or(HeaderFault::Damaged)?;
        let crc = reader.u32().ok_or(HeaderFault::Damaged)?;
        let whole = block
            .get(..12)
            .is_some_and(|front| crc32c::crc32c(front) == crc);
        if magic != MAGIC || !whole {
            return Err(HeaderFault::Damaged);
        }
        if format > FORMAT {
            Err(HeaderFault::Newer(format))
        } else {
            Ok(())
        }
    }
}

/// One segment, open.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    pub(crate) file: Arc<dyn BlockFile>,
}

impl Segment {
    /// Where records must end.
    pub(crate) fn capacity(&self) -> u64 {
        self.header.capacity
    }
}

/// All segments of a store.
#[derive(Debug)]
pub(crate) struct Segments {
    pub(crate) disk: Arc<dyn Disk>,
    headers: Mutex<BTreeMap<u32, SegmentHeader>>,
    open: Mutex<BTreeMap<u32, Arc<dyn BlockFile>>>,
}

pub(crate) fn segment_path(number: u32) -> PathBuf {
    Path::new(FOLDER).join(format!("{number:08}.log"))
}

pub(crate) fn parse_name(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".log")?;
    (digits.len() == 8).then(|| digits.parse().ok()).flatten()
}

impl Segments {
    /// Reads and checks every header. Touches nothing.
    pub(crate) fn load(disk: Arc<dyn Disk>, operation: Operation) -> Result<Self, Error> {
        let names = disk
            .list(Path::new(FOLDER))
            .map_err(|error| Error::io(operation, error))?;
        let mut headers = BTreeMap::new();
        for number in names.iter().filter_map(|name| parse_name(name)) {
            let header = read_header(&*disk, number, operation)?;
            headers.insert(number, header);
        }
        let segments = Self {
            disk,
            headers: Mutex::new(headers),
            open: Mutex::default(),
        };
        segments.check_row(operation)?;
        Ok(segments)
    }

    /// The numbers run from 1 without a gap, and all belong to one store.
    fn check_row(&self, operation: Operation) -> Result<(), Error> {
        let headers = self.headers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before: Option<SegmentHeader> = None;
        for (expected, (number, header)) in (1_u32..).zip(headers.iter()) {
            let follows = before.is_none_or(|before| {
                before.store == header.store
                    && before.first <= header.first
                    && before.epoch <= header.epoch
            });
            if *number != expected || header.number != *number || !follows {
                return Err(self.corrupt(operation, expected, 0));
            }
            before = Some(*header);
        }
        Ok(())
    }

    pub(crate) fn count(&self) -> u32 {
        let headers = self.headers.lock().unwrap_or_else(PoisonError::into_inner);
        headers.keys().next_back().copied().unwrap_or(0)
    }

    pub(crate) fn header(&self, number: u32) -> Option<SegmentHeader> {
        self.headers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&number)
            .copied()
    }

    /// Where to begin so that at least the newest `bytes` are read, or everything: the beginning of a
    /// segment that is not the newest.
    pub(crate) fn begin_before(&self, bytes: u64, store: &StoreId) -> Mark {
        let headers = self.headers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut read = 0_u64;
        for header in headers.values().rev().skip(1) {
            read = read.saturating_add(header.capacity);
            if read >= bytes && header.number > 1 {
                return Mark {
                    sequence: header.first.saturating_sub(1),
                    last: Position::default(),
                    end: Position {
                        segment: header.number,
                        offset: BLOCK,
                    },
                    hash: header.hash,
                };
            }
        }
        Mark::genesis(store)
    }

    /// The error for a damaged place.
    pub(crate) fn corrupt(&self, operation: Operation, segment: u32, offset: u64) -> Error {
        let file = self.disk.root().join(segment_path(segment));
        Error::corrupt(operation, &file, offset, WAY_OUT)
    }

    pub(crate) fn corrupt_at(&self, operation: Operation, position: Position) -> Error {
        self.corrupt(operation, position.segment, u64::from(position.offset))
    }

    /// Opens a segment, or hands out the open one.
    pub(crate) fn get(&self, number: u32, operation: Operation) -> Result<Segment, Error> {
        let Some(header) = self.header(number) else {
            return Err(self.corrupt(operation, number, 0));
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&number) {
            return Ok(Segment {
                header,
                file: Arc::clone(file),
            });
        }
        let file = self
            .disk
            .open(&segment_path(number), Access::Write)
            .map_err(|error| Error::io(operation, error))?;
        if open.len() >= OPEN_MAX {
            // Any will do: histories are read all over the journal.
            open.pop_first();
        }
        open.insert(number, Arc::clone(&file));
        Ok(Segment { header, file })
    }

    /// Opens a segment once more, with a handle nobody else has.
    pub(crate) fn open_again(&self, number: u32) -> io::Result<Arc<dyn BlockFile>> {
        self.disk.open(&segment_path(number), Access::Write)
    }

    /// Bytes from one place in the journal to a later one, unused ends of segments included.
    pub(crate) fn distance(&self, from: Position, to: Position) -> u64 {
        let headers = self.headers.lock().unwrap_or_else(PoisonError::into_inner);
        let between = headers.range(from.segment..to.segment.max(from.segment));
        let full = between
            .map(|(_, header)| header.capacity)
            .fold(0, u64::saturating_add);
        full.saturating_add(u64::from(to.offset))
            .saturating_sub(u64::from(from.offset))
    }

    /// Gives a zeroed file its header and its name; from then on it is the newest segment.
    pub(crate) fn adopt(
        &self,
        blank: &Arc<dyn BlockFile>,
        from: &Path,
        header: SegmentHeader,
    ) -> io::Result<Segment> {
        blank.write_at(&header.encode(), 0)?;
        blank.sync_data()?;
        self.disk.rename(from, &segment_path(header.number))?;
        self.disk.sync_dir(Path::new(FOLDER))?;
        self.headers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(header.number, header);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(header.number, Arc::clone(blank));
        Ok(Segment {
            header,
            file: Arc::clone(blank),
        })
    }
}

fn read_header(disk: &dyn Disk, number: u32, operation: Operation) -> Result<SegmentHeader, Error> {
    let path = segment_path(number);
    let io = |error| Error::io(operation, error);
    let corrupt = |at| Error::corrupt(operation, &disk.root().join(&path), at, WAY_OUT);
    let file = disk.open(&path, Access::Read).map_err(io)?;
    let mut block = [0; 128];
    let read = file.read_at(&mut block, 0).map_err(io)?;
    let header = SegmentHeader::decode(block.get(..read).unwrap_or_default());
    let header = header.map_err(|fault| match fault {
        HeaderFault::Newer(found) => Error::new(
            operation,
            ErrorKind::Newer {
                found,
                supported: FORMAT,
            },
        ),
        HeaderFault::Damaged => corrupt(0),
    })?;
    let length = file.length().map_err(io)?;
    // The file had its full length, synced, before it had its name.
    if length < header.capacity {
        Err(corrupt(length))
    } else {
        Ok(header)
    }
}

/// Makes a file of zeros, synced. What is half made is removed: on a full disk it is in the way.
pub(crate) fn make_blank(
    disk: &dyn Disk,
    path: &Path,
    capacity: u64,
) -> io::Result<Arc<dyn BlockFile>> {
    let made = fill_blank(disk, path, capacity);
    if made.is_err() {
        // The first error is the one to tell.
        let _ = disk.remove(path);
    }
    made
}

fn fill_blank(disk: &dyn Disk, path: &Path, capacity: u64) -> io::Result<Arc<dyn BlockFile>> {
    const SYNC_EVERY: u64 = 2 << 20;
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    let file = disk.open(path, Access::Create)?;
    let mut at = 0;
    while at < capacity {
        let length = crate::bytes::narrow(capacity.saturating_sub(at)).min(ZEROS.len());
        file.write_at(ZEROS.get(..length).unwrap_or_default(), at)?;
        at = at.saturating_add(wide(length));
        if at.is_multiple_of(SYNC_EVERY) {
            // Little by little: one large sync would hold up those of the journal.
            file.sync_data()?;
        }
    }
    file.sync_data()?;
    Ok(file)
}
