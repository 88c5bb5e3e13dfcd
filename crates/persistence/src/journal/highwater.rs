//! A small file that remembers how far the journal was durable, to see when it has become shorter.
//!
//! Two slots written in turn, so that a torn write leaves the other one.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::place::{Mark, StoreId};
use crate::bytes::Reader;
use crate::disk::{Access, BlockFile, Disk};
use crate::{Error, ErrorKind, Operation};

const NAME: &str = "HIGHWATER";
const MAGIC: [u8; 8] = *b"CHARKHW\n";
const FORMAT: u32 = 1;
/// Slots stand a page apart, so that one torn page cannot take both.
const STRIDE: u64 = 4096;

/// What one slot says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) store: StoreId,
    count: u64,
    /// How often the store has been opened.
    pub(crate) epoch: u64,
    /// Everything up to here was durable.
    pub(crate) mark: Mark,
}

impl Level {
    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&FORMAT.to_le_bytes());
        out.extend_from_slice(&self.store.0);
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&self.epoch.to_le_bytes());
        self.mark.put(&mut out);
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out
    }

    const BYTES: usize = 8 + 4 + 16 + 8 + 8 + Mark::BYTES + 4;

    /// `Err` with the format when the slot is of a newer one.
    fn decode(bytes: &[u8]) -> Result<Option<Self>, u32> {
        let Some((front, crc)) = bytes.split_last_chunk::<4>() else {
            return Ok(None);
        };
        if crc32c::crc32c(front) != u32::from_le_bytes(*crc) {
            return Ok(None);
        }
        let mut reader = Reader::new(front);
        if reader.array() != Some(MAGIC) {
            return Ok(None);
        }
        match reader.u32() {
            Some(FORMAT) => {}
            Some(format) if format > FORMAT => return Err(format),
            _ => return Ok(None),
        }
        Ok((|| {
            let store = StoreId(reader.array()?);
            let (count, epoch) = (reader.u64()?, reader.u64()?);
            Some(Self {
                store,
                count,
                epoch,
                mark: Mark::read(&mut reader)?,
            })
        })())
    }
}

/// The newest whole slot, if any. Touches nothing.
pub(crate) fn read(disk: &dyn Disk, operation: Operation) -> Result<Option<Level>, Error> {
    let io = |error| Error::io(operation, error);
    if !disk
        .list(Path::new(""))
        .map_err(io)?
        .iter()
        .any(|name| name == NAME)
    {
        return Ok(None);
    }
    let file = disk.open(Path::new(NAME), Access::Read).map_err(io)?;
    let mut newest: Option<Level> = None;
    for slot in [0, STRIDE] {
        let mut bytes = [0; Level::BYTES];
        let read = file.read_at(&mut bytes, slot).map_err(io)?;
        let level = Level::decode(bytes.get(..read).unwrap_or_default()).map_err(|found| {
            Error::new(
                operation,
                ErrorKind::Newer {
                    found,
                    supported: FORMAT,
                },
            )
        })?;
        if let Some(level) = level
            && newest.is_none_or(|newest| newest.count < level.count)
        {
            newest = Some(level);
        }
    }
    Ok(newest)
}

/// The file, open for writing.
#[derive(Debug)]
pub(crate) struct Highwater {
    file: Arc<dyn BlockFile>,
    level: Mutex<Level>,
}

impl Highwater {
    /// Opens or makes the file and writes its first level.
    pub(crate) fn open(
        disk: &dyn Disk,
        before: Option<Level>,
        store: StoreId,
        epoch: u64,
        mark: Mark,
    ) -> std::io::Result<Self> {
        let (access, count) =
            before.map_or((Access::Create, 0), |before| (Access::Write, before.count));
        let file = disk.open(Path::new(NAME), access)?;
        let level = Level {
            store,
            count,
            epoch,
            mark,
        };
        let highwater = Self {
            file,
            level: Mutex::new(level),
        };
        highwater.raise(mark)?;
        if before.is_none() {
            disk.sync_dir(Path::new(""))?;
        }
        Ok(highwater)
    }

    /// Remembers that everything up to `mark` is durable.
    pub(crate) fn raise(&self, mark: Mark) -> std::io::Result<()> {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let next = Level {
            count: level.count.wrapping_add(1),
            mark,
            ..*level
        };
        let slot = (next.count & 1).saturating_mul(STRIDE);
        self.file.write_at(&next.encode(), slot)?;
        self.file.sync_data()?;
        *level = next;
        Ok(())
    }
}
