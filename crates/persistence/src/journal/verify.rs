//! Reading everything back: the chain from its beginning, and the index against it.

use std::collections::HashMap;
use std::ops::Bound;

use super::flusher::Flusher;
use super::frame::Kind;
use super::place::Mark;
use super::reader::{Frame, Scanner, Step};
use super::rebuild::Replay;
use super::shared::Shared;
use crate::bytes::wide;
use crate::index::{Fault, Index, IndexHome, IndexRow, MemoryIndexHome};
use crate::{Error, Operation, VerifyReport};

impl Flusher {
    /// Checks the journal up to where the index stands, then the index against the journal. Commits
    /// go on meanwhile, until the overlay is full.
    pub(crate) fn verify(&mut self) -> Result<VerifyReport, Error> {
        let mark = self
            .settle()
            .map_err(|error| Error::new(Operation::Verify, error.kind().clone()))?;
        let mut report = read_chain(&self.shared, &mark)?;
        let shared = &self.shared;
        let expected = expected_rows(shared, &mark)?;
        report.subjects = wide(expected.values().filter(|row| row.head).count());
        report.rows = wide(expected.values().filter(|row| row.stated).count());
        compare(shared, expected)?;
        report.segments = u64::from(shared.segments.count());
        report.epoch = u64::from(shared.epoch);
        Ok(report)
    }
}

fn read_chain(shared: &Shared, end: &Mark) -> Result<VerifyReport, Error> {
    let start = Mark::genesis(&shared.store);
    let mut scanner = Scanner::new(&shared.segments, shared.store, start, Operation::Verify);
    let mut report = VerifyReport::default();
    while scanner.mark.sequence < end.sequence {
        let Step::Record {
            position,
            frame,
            erased,
        } = scanner.next()?
        else {
            return Err(shared
                .segments
                .corrupt_at(Operation::Verify, scanner.mark.end));
        };
        report.erased = report.erased.saturating_add(u64::from(erased));
        if frame.header.kind == Kind::Commit {
            report.records = report.records.saturating_add(1);
        }
        check_back(shared, &frame)
            .ok_or_else(|| shared.segments.corrupt_at(Operation::Verify, position))?;
    }
    if scanner.mark.hash != end.hash {
        return Err(shared
            .segments
            .corrupt_at(Operation::Verify, scanner.mark.last));
    }
    report.sequence = scanner.mark.sequence;
    report.hash = scanner.mark.hash;
    Ok(report)
}

/// The body makes sense.
fn check_back(shared: &Shared, frame: &Frame) -> Option<()> {
    let record = frame.record(true)?;
    let before = frame.header.previous;
    let good = before.is_nowhere() || shared.segments.header(before.segment).is_some();
    (good && !record.subject.is_empty()).then_some(())
}

/// What the index must hold of one row.
struct Expected {
    checksum: u32,
    head: bool,
    stated: bool,
}

/// Builds all rows again in memory, and keeps their checksums.
fn expected_rows(shared: &Shared, end: &Mark) -> Result<HashMap<Vec<u8>, Expected>, Error> {
    let fault = |_: Fault| shared.index_corrupt(Operation::Verify);
    let index = MemoryIndexHome.fresh(&shared.store).map_err(fault)?;
    let mut replay = Replay::new(index, Mark::genesis(&shared.store));
    let again = |error: Error| Error::new(Operation::Verify, error.kind().clone());
    replay
        .run(&shared.segments, &shared.store, end.sequence)
        .map_err(again)?;
    // Wipes are the flusher's work, and done: everything up to the mark is in the index.
    replay.overlay.wipes.clear();
    replay
        .spill(&shared.segments, &shared.store)
        .map_err(again)?;
    let mut rows = HashMap::new();
    let visit = &mut |key: &[u8], value: &[u8]| {
        if let Some(row) = IndexRow::decode(key, value) {
            let checksum = IndexRow::checksum(key, value);
            let (head, stated) = (row.head.is_some(), row.row.is_some());
            rows.insert(
                key.to_vec(),
                Expected {
                    checksum,
                    head,
                    stated,
                },
            );
        }
        true
    };
    replay
        .index
        .range(Bound::Unbounded, Bound::Unbounded, visit)
        .map_err(fault)?;
    Ok(rows)
}

/// Every row there, none too many, all with the right bytes.
fn compare(shared: &Shared, mut expected: HashMap<Vec<u8>, Expected>) -> Result<(), Error> {
    let index = shared.index();
    let index: &dyn Index = index
        .as_deref()
        .ok_or_else(|| Error::new(Operation::Verify, crate::ErrorKind::Closed))?;
    let mut good = true;
    let visit = &mut |key: &[u8], value: &[u8]| {
        let row = expected.remove(key);
        good = IndexRow::decode(key, value).is_some()
            && row.is_some_and(|row| row.checksum == IndexRow::checksum(key, value));
        good
    };
    let read = index.range(Bound::Unbounded, Bound::Unbounded, visit);
    if read.is_ok() && good && expected.is_empty() {
        Ok(())
    } else {
        Err(shared.index_corrupt(Operation::Verify))
    }
}
