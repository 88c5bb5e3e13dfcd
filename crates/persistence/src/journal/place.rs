//! Where a record is, whose store it is in, and how far something has got.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use sha2::{Digest, Sha256};

use crate::bytes::Reader;

/// A place in the journal: segment number from 1, byte offset in its file. The default is nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Position {
    pub(crate) segment: u32,
    pub(crate) offset: u32,
}

impl Position {
    pub(crate) fn is_nowhere(self) -> bool {
        self.segment == 0
    }

    pub(crate) fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.segment.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            segment: reader.u32()?,
            offset: reader.u32()?,
        })
    }
}

/// Sixteen random bytes made with the store; every checksum and the hash chain start from them, so
/// that bytes of another store are never taken for our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoreId(pub(crate) [u8; 16]);

impl StoreId {
    pub(crate) fn random() -> Self {
        Self(Random::new().sixteen())
    }

    /// The hash chain's value before the first record.
    pub(crate) fn genesis(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update(b"charkh journal")
            .chain_update(self.0)
            .finalize()
            .into()
    }

    /// Where a checksum of this store's bytes starts.
    pub(crate) fn seed(&self) -> u32 {
        crc32c::crc32c(&self.0)
    }
}

/// Unpredictable bytes from the operating system's seed of the standard hash maps: a keyed hash
/// (SipHash) of a counter. Good for salts and names, not meant for keys.
#[derive(Debug)]
pub(crate) struct Random {
    keys: [RandomState; 2],
    counter: std::sync::atomic::AtomicU64,
}

impl Random {
    pub(crate) fn new() -> Self {
        Self {
            keys: [RandomState::new(), RandomState::new()],
            counter: 0.into(),
        }
    }

    pub(crate) fn sixteen(&self) -> [u8; 16] {
        let count = self
            .counter
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let [first, second] = self.keys.each_ref().map(|key| {
            let mut hasher = key.build_hasher();
            hasher.write_u64(count);
            hasher.finish()
        });
        (u128::from(first) << 64 | u128::from(second)).to_le_bytes()
    }
}

/// How far something has got: after which record, and where the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Sequence of the last record; 0 before the first.
    pub(crate) sequence: u64,
    /// Where that record begins.
    pub(crate) last: Position,
    /// Where the next one may begin.
    pub(crate) end: Position,
    /// The hash chain's value at that record.
    pub(crate) hash: [u8; 32],
}

impl Mark {
    pub(crate) const BYTES: usize = 56;

    pub(crate) fn genesis(store: &StoreId) -> Self {
        let end = Position {
            segment: 1,
            offset: super::segment::BLOCK,
        };
        Self {
            sequence: 0,
            last: Position::default(),
            end,
            hash: store.genesis(),
        }
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.sequence.to_le_bytes());
        self.last.put(out);
        self.end.put(out);
        out.extend_from_slice(&self.hash);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            sequence: reader.u64()?,
            last: Position::read(reader)?,
            end: Position::read(reader)?,
            hash: reader.array()?,
        })
    }
}
