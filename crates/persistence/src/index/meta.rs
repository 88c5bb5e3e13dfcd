//! What an index in sled says about itself, in a row of its own.

use crate::bytes::{Reader, spread, wide};
use crate::journal::place::{Mark, StoreId};

const FORMAT: u32 = 1;

/// Number and sum of checksums of all entries but the meta row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    entries: u64,
    sum: u64,
}

impl Sums {
    fn digest(key: &[u8], value: &[u8]) -> u64 {
        let crc = crc32c::crc32c_append(crc32c::crc32c(key), value);
        spread(u64::from(crc) ^ wide(value.len()).rotate_left(32))
    }

    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.entries = self.entries.wrapping_add(1);
        self.sum = self.sum.wrapping_add(Self::digest(key, value));
    }

    pub(super) fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.entries = self.entries.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(Self::digest(key, value));
    }
}

/// The row beside all rows: whose index this is, how far it has got, what it must hold.
pub(super) struct Meta {
    pub(super) mark: Mark,
    pub(super) sums: Sums,
}

impl Meta {
    pub(super) fn encode(&self, store: &StoreId) -> Vec<u8> {
        let mut out = Vec::with_capacity(Mark::BYTES.saturating_add(48));
        out.extend_from_slice(&FORMAT.to_le_bytes());
        out.extend_from_slice(&store.0);
        self.mark.put(&mut out);
        out.extend_from_slice(&self.sums.entries.to_le_bytes());
        out.extend_from_slice(&self.sums.sum.to_le_bytes());
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out
    }

    /// `None` for another store, another format, or damage: all lead to a new index.
    pub(super) fn decode(store: &StoreId, bytes: &[u8]) -> Option<Self> {
        let (front, crc) = bytes.split_last_chunk::<4>()?;
        let mut reader = Reader::new(front);
        let whole = crc32c::crc32c(front) == u32::from_le_bytes(*crc);
        if !whole || reader.u32()? != FORMAT || reader.array()? != store.0 {
            return None;
        }
        let mark = Mark::read(&mut reader)?;
        Some(Self {
            mark,
            sums: Sums {
                entries: reader.u64()?,
                sum: reader.u64()?,
            },
        })
    }
}
