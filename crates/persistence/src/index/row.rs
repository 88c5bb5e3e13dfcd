//! A row of the index as bytes: bound to its key, so that a row found elsewhere is refused.
//!
//! ```text
//! crc 4 (over key and rest) · flags 1 · sequence 8 · [version 8 · position 8] · open, sized · personal
//! ```

use crate::bytes::{Reader, put_sized};
use crate::journal::place::Position;
use crate::{Row, Table};

const HEAD: u8 = 1;
const BARE: u8 = 2;

/// A subject's version and where its last record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) version: u64,
    pub(crate) last: Position,
}

/// One current row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IndexRow {
    /// Sequence of the commit that wrote `row`.
    pub(crate) sequence: u64,
    /// Of rows in [`Table::Instances`].
    pub(crate) head: Option<Head>,
    /// `None` when the subject has no state yet.
    pub(crate) row: Option<Row>,
}

impl IndexRow {
    pub(crate) fn encode(&self, key: &[u8]) -> Vec<u8> {
        let bytes = self.row.as_ref().map_or(0, Row::bytes);
        let mut out = Vec::with_capacity(bytes.saturating_add(48));
        out.extend_from_slice(&[0; 4]);
        let head = if self.head.is_some() { HEAD } else { 0 };
        out.push(head | if self.row.is_none() { BARE } else { 0 });
        out.extend_from_slice(&self.sequence.to_le_bytes());
        if let Some(head) = self.head {
            out.extend_from_slice(&head.version.to_le_bytes());
            head.last.put(&mut out);
        }
        if let Some(row) = &self.row {
            put_sized(&mut out, &row.open);
            out.extend_from_slice(&row.personal);
        }
        let crc = Self::checksum(key, &out);
        if let Some(place) = out.get_mut(..4) {
            place.copy_from_slice(&crc.to_le_bytes());
        }
        out
    }

    /// `None` when the bytes are not what was written under this key.
    pub(crate) fn decode(key: &[u8], value: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(value);
        if reader.u32()? != Self::checksum(key, value) {
            return None;
        }
        let flags = reader.u8()?;
        let sequence = reader.u64()?;
        let head = if flags & HEAD == 0 {
            None
        } else {
            Some(Head {
                version: reader.u64()?,
                last: Position::read(&mut reader)?,
            })
        };
        let row = if flags & BARE == 0 {
            let open = reader.sized()?.to_vec();
            Some(Row {
                open,
                personal: reader.rest().to_vec(),
            })
        } else {
            None
        };
        Some(Self {
            sequence,
            head,
            row,
        })
    }

    /// The head of a row, without copying the rest. `None` when the bytes are not what was written.
    pub(crate) fn decode_head(key: &[u8], value: &[u8]) -> Option<Option<Head>> {
        let mut reader = Reader::new(value);
        if reader.u32()? != Self::checksum(key, value) {
            return None;
        }
        if reader.u8()? & HEAD == 0 {
            return Some(None);
        }
        reader.u64()?;
        let (version, last) = (reader.u64()?, Position::read(&mut reader)?);
        Some(Some(Head { version, last }))
    }

    /// Whether the bytes are what was written under this key.
    pub(crate) fn is_whole(key: &[u8], value: &[u8]) -> bool {
        Reader::new(value).u32() == Some(Self::checksum(key, value))
    }

    /// The checksum a row's bytes begin with; also what `verify` compares.
    pub(crate) fn checksum(key: &[u8], value: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(key), value.get(4..).unwrap_or_default())
    }
}

/// The index key of a row.
pub(crate) fn row_key(table: Table, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.len().saturating_add(1));
    out.push(table.tag());
    out.extend_from_slice(key);
    out
}

/// The prefix of every index key of a table.
pub(crate) fn table_prefix(table: Table) -> Vec<u8> {
    vec![table.tag()]
}

/// The table and key an index key stands for.
pub(crate) fn read_key(key: &[u8]) -> Option<(Table, &[u8])> {
    let (tag, key) = key.split_first()?;
    Some((Table::from_tag(*tag)?, key))
}
