//! Wiping personal sections in place.
//!
//! The erasure's own record is durable before the first byte is wiped, so a crash in the middle
//! leaves a section that is explained by that record, and opening the store finishes the work.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::frame::{HEADER, Kind, Personal, wiped_section};
use super::place::{Position, StoreId};
use super::reader::read_frame;
use super::segment::Segments;
use crate::bytes::wide;
use crate::disk::BlockFile;
use crate::index::row_key;
use crate::{Error, Operation, Table, Write};

/// Rows a subject's records left with something personal in them, newest sequence each, and how many
/// records have something to wipe.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    pub(crate) rows: BTreeMap<Vec<u8>, u64>,
    pub(crate) records: u64,
}

/// Walks back from a subject's newest record to the last erasure, or to the first record.
pub(crate) fn find_traces(
    segments: &Segments,
    store: &StoreId,
    from: Position,
) -> Result<Traces, Error> {
    let mut traces = Traces::default();
    let mut at = from;
    while !at.is_nowhere() {
        let frame = read_frame(segments, store, at, Operation::Erase)?;
        if frame.header.kind == Kind::Erasure {
            break;
        }
        match frame.personal() {
            Personal::None | Personal::Wiped => {}
            Personal::Damaged => return Err(segments.corrupt_at(Operation::Erase, at)),
            Personal::Whole(_) => {
                let Some(record) = frame.record(false) else {
                    return Err(segments.corrupt_at(Operation::Erase, at));
                };
                traces.records = traces.records.saturating_add(1);
                let written = record
                    .writes
                    .iter()
                    .filter(|write| write.row().is_some_and(|row| !row.personal.is_empty()));
                let mut keys: Vec<_> = written.map(index_key).collect();
                if record.state.is_some_and(|state| !state.personal.is_empty()) {
                    keys.push(row_key(Table::Instances, &record.subject));
                }
                for key in keys {
                    // Walking back: the first one met is the newest.
                    traces.rows.entry(key).or_insert(frame.header.sequence);
                }
            }
        }
        at = frame.header.previous;
    }
    Ok(traces)
}

fn index_key(write: &Write) -> Vec<u8> {
    let (table, key) = write.place();
    row_key(table, key)
}

/// Wipes every personal section from `from` back to the last erasure, or to the first record, and
/// syncs. Returns how many were wiped now.
pub(crate) fn wipe_records(
    segments: &Segments,
    store: &StoreId,
    from: Position,
) -> Result<u64, Error> {
    let mut touched: BTreeMap<u32, Arc<dyn BlockFile>> = BTreeMap::new();
    let (mut at, mut wiped) = (from, 0_u64);
    let io = |error| Error::io(Operation::Erase, error);
    while !at.is_nowhere() {
        let frame = read_frame(segments, store, at, Operation::Erase)?;
        if frame.header.kind == Kind::Erasure {
            break;
        }
        if matches!(frame.personal(), Personal::Whole(_) | Personal::Damaged) {
            let file = match touched.get(&at.segment) {
                Some(file) => Arc::clone(file),
                // A handle of its own: a failed sync is told once per handle, and the journal's
                // thread must not miss one of its own.
                None => segments.open_again(at.segment).map_err(io)?,
            };
            let section = wiped_section(frame.header.personal);
            let place = u64::from(at.offset)
                .saturating_add(wide(HEADER))
                .saturating_add(u64::from(frame.header.body));
            file.write_at(&section, place).map_err(io)?;
            touched.insert(at.segment, file);
            wiped = wiped.saturating_add(1);
        }
        at = frame.header.previous;
    }
    for file in touched.values() {
        file.sync_data().map_err(io)?;
    }
    Ok(wiped)
}
