//! One record as bytes: a fixed header, an open body, a personal section that can be wiped.
//!
//! ```text
//!  0 mark        4  "CHRK"
//!  4 header crc  4  over bytes 8..88, started from the store's id
//!  8 body        4  length in bytes
//! 12 personal    4  length in bytes, 0 when nothing is personal
//! 16 body crc    4
//! 20 kind        4  1 commit, 2 erasure
//! 24 epoch       4  how often the store had been opened
//! 28 gap         4  sequence minus the last sequence known durable when this was written
//! 32 sequence    8
//! 40 version     8  of the subject, after this record
//! 48 previous    8  where the subject's record before this one begins
//! 56 hash       32  the chain: SHA-256(hash before ‖ kind ‖ sequence ‖ version ‖ SHA-256(body))
//! 88 body           ends with SHA-256(salt ‖ personal bytes) when something is personal
//!    personal       crc 4, salt 16, bytes; wiped: "wiped!", then zeros
//! ```

use sha2::{Digest, Sha256};

use super::place::{Position, StoreId};
use crate::bytes::Reader;

pub(crate) const HEADER: usize = 88;
pub(crate) const SALT: usize = 16;
/// Bytes of the personal section before the personal bytes.
pub(crate) const PERSONAL_FRONT: usize = 4 + SALT;
const MARK: [u8; 4] = *b"CHRK";
/// What a wiped section begins with. A checksum and salt could begin so by chance, once in 2^48; the
/// erasure's own record decides then.
pub(crate) const WIPED: [u8; 6] = *b"wiped!";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Commit,
    Erasure,
}

impl Kind {
    pub(crate) fn tag(self) -> u32 {
        match self {
            Self::Commit => 1,
            Self::Erasure => 2,
        }
    }

    fn from_tag(tag: u32) -> Option<Self> {
        [Self::Commit, Self::Erasure]
            .into_iter()
            .find(|kind| kind.tag() == tag)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) body: u32,
    pub(crate) personal: u32,
    pub(crate) body_crc: u32,
    pub(crate) kind: Kind,
    pub(crate) epoch: u32,
    pub(crate) gap: u32,
    pub(crate) sequence: u64,
    pub(crate) version: u64,
    pub(crate) previous: Position,
    pub(crate) hash: [u8; 32],
}

impl Header {
    /// Bytes of the whole record.
    pub(crate) fn total(&self) -> u64 {
        let body = u64::from(self.body).saturating_add(u64::from(self.personal));
        body.saturating_add(crate::bytes::wide(HEADER))
    }

    /// Everything up to this sequence was durable before this record was written.
    pub(crate) fn durable(&self) -> u64 {
        self.sequence.saturating_sub(u64::from(self.gap))
    }

    pub(crate) fn encode(&self, store: &StoreId) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let numbers = [
            self.body,
            self.personal,
            self.body_crc,
            self.kind.tag(),
            self.epoch,
        ];
        let numbers = numbers
            .iter()
            .chain([&self.gap])
            .flat_map(|number| number.to_le_bytes());
        let wide = [self.sequence, self.version]
            .into_iter()
            .flat_map(u64::to_le_bytes);
        let previous = [self.previous.segment, self.previous.offset];
        let previous = previous.into_iter().flat_map(u32::to_le_bytes);
        let behind = numbers.chain(wide).chain(previous).chain(self.hash);
        let all = MARK.into_iter().chain([0; 4]).chain(behind);
        for (place, byte) in bytes.iter_mut().zip(all) {
            *place = byte;
        }
        let crc = checksum(store, &bytes);
        if let Some(place) = bytes.get_mut(4..8) {
            place.copy_from_slice(&crc.to_le_bytes());
        }
        bytes
    }

    /// `None` when these are not the bytes of a header of this store.
    pub(crate) fn decode(bytes: &[u8; HEADER], store: &StoreId) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        if reader.array()? != MARK || reader.u32()? != checksum(store, bytes) {
            return None;
        }
        Some(Self {
            body: reader.u32()?,
            personal: reader.u32()?,
            body_crc: reader.u32()?,
            kind: Kind::from_tag(reader.u32()?)?,
            epoch: reader.u32()?,
            gap: reader.u32()?,
            sequence: reader.u64()?,
            version: reader.u64()?,
            previous: Position::read(&mut reader)?,
            hash: reader.array()?,
        })
    }

    /// The first bytes of every header, to search for.
    pub(crate) fn begins(bytes: &[u8]) -> bool {
        bytes.starts_with(&MARK)
    }
}

fn checksum(store: &StoreId, header: &[u8; HEADER]) -> u32 {
    crc32c::crc32c_append(store.seed(), header.get(8..).unwrap_or_default())
}

/// The chain's next value.
pub(crate) fn link(before: &[u8; 32], header: &Header, body_hash: &[u8; 32]) -> [u8; 32] {
    // One update call: the pieces fill two blocks exactly as if hashed one by one, at less cost.
    let mut bytes = [0_u8; 32 + 4 + 8 + 8 + 32];
    let pieces: [&[u8]; 5] = [
        before,
        &header.kind.tag().to_le_bytes(),
        &header.sequence.to_le_bytes(),
        &header.version.to_le_bytes(),
        body_hash,
    ];
    let mut rest = bytes.as_mut_slice();
    for piece in pieces {
        if let Some((front, behind)) = std::mem::take(&mut rest).split_at_mut_checked(piece.len()) {
            front.copy_from_slice(piece);
            rest = behind;
        }
    }
    Sha256::digest(bytes).into()
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The personal section of a record, as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Personal<'a> {
    /// The record has none.
    None,
    /// Whole; these are the personal bytes.
    Whole(&'a [u8]),
    /// Wiped on purpose.
    Wiped,
    /// Neither whole nor wiped.
    Damaged,
}

impl<'a> Personal<'a> {
    /// `hash` is the one the body ends with.
    pub(crate) fn read(section: &'a [u8], hash: Option<&[u8; 32]>) -> Self {
        let Some(hash) = hash else {
            return if section.is_empty() {
                Self::None
            } else {
                Self::Damaged
            };
        };
        let mut reader = Reader::new(section);
        let (Some(crc), salted) = (reader.u32(), reader.rest()) else {
            return Self::Damaged;
        };
        let Some(bytes) = salted.get(SALT..) else {
            return Self::Damaged;
        };
        if crc32c::crc32c(salted) == crc && sha256(salted) == *hash {
            return Self::Whole(bytes);
        }
        let wiped = section.starts_with(&WIPED)
            && section
                .get(WIPED.len()..)
                .is_some_and(|rest| rest.iter().all(|byte| *byte == 0));
        if wiped { Self::Wiped } else { Self::Damaged }
    }
}

/// What a section of this length is overwritten with.
pub(crate) fn wiped_section(length: u32) -> Vec<u8> {
    let mut section = vec![0; crate::bytes::narrow(u64::from(length))];
    if let Some(front) = section.get_mut(..WIPED.len()) {
        front.copy_from_slice(&WIPED);
    }
    section
}
