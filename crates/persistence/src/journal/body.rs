//! What a record says, as bytes and back.
//!
//! ```text
//! commit:  subject · state? · writes · history · personal hash?
//! erasure: subject · rows to wipe (index key, sequence)
//! ```
//! Lengths are seven bits a byte. A row is its open half, sized, and the length of its personal half;
//! the personal halves stand together in the personal section, in the same order.

use std::collections::BTreeMap;

use super::frame::{HEADER, Kind, PERSONAL_FRONT, sha256};
use super::place::Random;
use crate::bytes::{Reader, put_length, put_sized, short};
use crate::{Commit, Row, Table, Write};

const PUT: u8 = 1;
const FRESH: u8 = 2;
const UNIQUE: u8 = 3;
const DELETE: u8 = 4;

/// A record as encoded by its caller: everything but the header, which only the writer can fill.
#[derive(Debug)]
pub(crate) struct Encoded {
    /// Room for the header, the body, the personal section.
    pub(crate) bytes: Vec<u8>,
    pub(crate) kind: Kind,
    pub(crate) body: u32,
    pub(crate) personal: u32,
    pub(crate) body_crc: u32,
    pub(crate) body_hash: [u8; 32],
}

/// What a record says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) subject: Vec<u8>,
    pub(crate) state: Option<Row>,
    pub(crate) writes: Vec<Write>,
    pub(crate) history: Vec<Row>,
    /// Of an erasure: index keys of rows to wipe, with the sequence that must have written them.
    pub(crate) wipes: BTreeMap<Vec<u8>, u64>,
    /// SHA-256 of the salted personal bytes, when there are any.
    pub(crate) personal_hash: Option<[u8; 32]>,
}

fn put_row(out: &mut Vec<u8>, personal: &mut Vec<u8>, row: &Row) {
    put_sized(out, &row.open);
    put_length(out, row.personal.len());
    personal.extend_from_slice(&row.personal);
}

pub(crate) fn encode_commit(commit: &Commit, random: &Random) -> Encoded {
    let rows = commit
        .state
        .iter()
        .chain(commit.writes.iter().filter_map(Write::row));
    let rows = rows
        .chain(&commit.history)
        .map(|row| row.bytes().saturating_add(8));
    let keys = commit
        .writes
        .iter()
        .map(|write| write.place().1.len().saturating_add(4));
    let size = rows.chain(keys).fold(HEADER + 128, usize::saturating_add);
    let mut out = Vec::with_capacity(size.saturating_add(commit.subject.len()));
    out.resize(HEADER, 0);
    let mut personal = Vec::new();
    put_sized(&mut out, &commit.subject);
    out.push(u8::from(commit.state.is_some()));
    if let Some(row) = &commit.state {
        put_row(&mut out, &mut personal, row);
    }
    put_length(&mut out, commit.writes.len());
    for write in &commit.writes {
        let (table, key) = write.place();
        out.push(match write {
            Write::Put { .. } => PUT,
            Write::Fresh { .. } => FRESH,
            Write::Unique { .. } => UNIQUE,
            Write::Delete { .. } => DELETE,
        });
        out.push(table.tag());
        put_sized(&mut out, key);
        if let Some(row) = write.row() {
            put_row(&mut out, &mut personal, row);
        }
    }
    put_length(&mut out, commit.history.len());
    for row in &commit.history {
        put_row(&mut out, &mut personal, row);
    }
    seal(out, &personal, Kind::Commit, random)
}

pub(crate) fn encode_erasure(
    subject: &[u8],
    wipes: &BTreeMap<Vec<u8>, u64>,
    random: &Random,
) -> Encoded {
    let mut out = vec![0; HEADER];
    put_sized(&mut out, subject);
    put_length(&mut out, wipes.len());
    for (key, sequence) in wipes {
        put_sized(&mut out, key);
        out.extend_from_slice(&sequence.to_le_bytes());
    }
    seal(out, &[], Kind::Erasure, random)
}

fn seal(mut out: Vec<u8>, personal: &[u8], kind: Kind, random: &Random) -> Encoded {
    let mut section = Vec::new();
    if !personal.is_empty() {
        section.reserve_exact(PERSONAL_FRONT.saturating_add(personal.len()));
        section.extend_from_slice(&[0; 4]);
        section.extend_from_slice(&random.sixteen());
        section.extend_from_slice(personal);
        let salted = section.get(4..).unwrap_or_default();
        let crc = crc32c::crc32c(salted).to_le_bytes();
        out.extend_from_slice(&sha256(salted));
        if let Some(place) = section.get_mut(..4) {
            place.copy_from_slice(&crc);
        }
    }
    let body = out.get(HEADER..).unwrap_or_default();
    let (body_crc, body_hash, length) = (crc32c::crc32c(body), sha256(body), short(body.len()));
    out.extend_from_slice(&section);
    Encoded {
        bytes: out,
        kind,
        body: length,
        personal: short(section.len()),
        body_crc,
        body_hash,
    }
}

/// A row whose personal half is still only a length.
fn read_row(reader: &mut Reader<'_>, lengths: &mut Vec<usize>) -> Option<Row> {
    let open = reader.sized()?.to_vec();
    lengths.push(reader.length()?);
    Some(Row {
        open,
        personal: Vec::new(),
    })
}

impl Record {
    /// `None` when the bytes are not a body: for checksummed bytes, a fault of the writing program.
    pub(crate) fn decode(kind: Kind, body: &[u8], has_personal: bool) -> Option<Unfilled> {
        let (body, personal_hash) = if has_personal {
            let (body, hash) = body.split_last_chunk::<32>()?;
            (body, Some(*hash))
        } else {
            (body, None)
        };
        let mut reader = Reader::new(body);
        let mut lengths = Vec::new();
        let subject = reader.sized()?.to_vec();
        let mut record = Self {
            subject,
            personal_hash,
            ..Self::default()
        };
        match kind {
            Kind::Commit => record.read_commit(&mut reader, &mut lengths)?,
            Kind::Erasure => {
                for _ in 0..reader.length()? {
                    let key = reader.sized()?.to_vec();
                    record.wipes.insert(key, reader.u64()?);
                }
            }
        }
        reader.is_done().then_some(Unfilled { record, lengths })
    }

    fn read_commit(&mut self, reader: &mut Reader<'_>, lengths: &mut Vec<usize>) -> Option<()> {
        if reader.u8()? != 0 {
            self.state = Some(read_row(reader, lengths)?);
        }
        for _ in 0..reader.length()? {
            let tag = reader.u8()?;
            let table = Table::from_tag(reader.u8()?)?;
            let key = reader.sized()?.to_vec();
            self.writes.push(match tag {
                PUT => Write::Put {
                    table,
                    key,
                    row: read_row(reader, lengths)?,
                },
                FRESH => Write::Fresh {
                    table,
                    key,
                    row: read_row(reader, lengths)?,
                },
                UNIQUE => Write::Unique {
                    table,
                    key,
                    row: read_row(reader, lengths)?,
                },
                DELETE => Write::Delete { table, key },
                _ => return None,
            });
        }
        for _ in 0..reader.length()? {
            self.history.push(read_row(reader, lengths)?);
        }
        Some(())
    }

    fn rows_mut(&mut self) -> impl Iterator<Item = &mut Row> {
        let written = self.writes.iter_mut().filter_map(|write| match write {
            Write::Put { row, .. } | Write::Fresh { row, .. } | Write::Unique { row, .. } => {
                Some(row)
            }
            Write::Delete { .. } => None,
        });
        self.state
            .iter_mut()
            .chain(written)
            .chain(&mut self.history)
    }
}

/// A record whose personal halves are not filled in.
#[derive(Debug)]
pub(crate) struct Unfilled {
    pub(crate) record: Record,
    lengths: Vec<usize>,
}

impl Unfilled {
    /// Fills the personal halves from the personal bytes; `None` when the lengths do not add up.
    pub(crate) fn fill(mut self, personal: &[u8]) -> Option<Record> {
        let mut reader = Reader::new(personal);
        let lengths = std::mem::take(&mut self.lengths);
        for (row, length) in self.record.rows_mut().zip(lengths) {
            row.personal = reader.take(length)?.to_vec();
        }
        reader.is_done().then_some(self.record)
    }

    /// Leaves the personal halves empty: they were wiped, or there never were any.
    pub(crate) fn empty(self) -> Record {
        self.record
    }
}
