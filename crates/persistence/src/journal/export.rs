//! Everything out of a store, as JSON lines: a backup, the way to another store, and what is left to
//! do when a store is too damaged to open.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::body::Record;
use super::frame::{Kind, Personal, link};
use super::place::StoreId;
use super::reader::{AHEAD, Found, Frame, Window};
use super::segment::{
    BLOCK, FOLDER, FORMAT, HeaderFault, Segment, SegmentHeader, parse_name, segment_path,
};
use crate::disk::{Access, Disk, RealDisk};
use crate::index::{read_key, row_key};
use crate::{Error, ErrorKind, Operation, Row, Table, Write};

/// What an export found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportReport {
    /// Commits written out.
    pub commits: u64,
    /// Rows that stand after them.
    pub rows: u64,
    /// Stretches of bytes that are no whole record, or records that are missing.
    pub gaps: u64,
}

impl ExportReport {
    /// Whether the chain runs from the first record to the last without a gap.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.gaps == 0
    }
}

/// Writes every whole record of the store in `folder`, then every row that stands after them.
///
/// One JSON object a line, `kind` first: `store`, then `commit`, `erasure` and `gap` in the order of
/// the journal, then `row`, then `end`. Bytes that are text stand as text, others as
/// `{"hex": "..."}`. Only the journal is read, nothing is written into the folder and no lock is
/// taken; of a store that is open, the last group may be missing or shown as a gap.
///
/// # Errors
/// `Newer` for a store of a newer format, `Corrupt` when no journal file says whose it is, `Io` when
/// reading or writing fails. Damage in the middle is no error: it is a gap.
pub fn export(folder: &Path, sink: &mut dyn io::Write) -> Result<ExportReport, Error> {
    export_from(&RealDisk::new(folder), sink)
}

fn failed(error: io::Error) -> Error {
    Error::io(Operation::Export, error)
}

pub(crate) fn export_from(
    disk: &dyn Disk,
    sink: &mut dyn io::Write,
) -> Result<ExportReport, Error> {
    let names = disk.list(Path::new(FOLDER)).map_err(failed)?;
    let numbers: Vec<u32> = names.iter().filter_map(|name| parse_name(name)).collect();
    let mut segments = Vec::new();
    for number in &numbers {
        segments.push(open(disk, *number)?);
    }
    let Some(store) = segments
        .iter()
        .find_map(|(header, _)| header.map(|header| header.store))
    else {
        let file = disk.root().join(FOLDER);
        return Err(Error::corrupt(
            Operation::Export,
            &file,
            0,
            "restore a backup",
        ));
    };
    let mut export = Export {
        store,
        sink: BufWriter::new(sink),
        report: ExportReport::default(),
        chain: Some((0, store.genesis())),
        rows: BTreeMap::new(),
    };
    export.line(&json!({ "kind": "store", "format": FORMAT, "store": hex(&store.0) }))?;
    let mut expected = 1;
    for (number, (_, segment)) in numbers.into_iter().zip(segments) {
        if number != expected {
            export.gap(&segment_path(expected), 0, 0)?;
        }
        expected = number.saturating_add(1);
        export.segment(&segment)?;
    }
    export.finish()
}

/// Opens a journal file; with a damaged header, what the length says must do.
fn open(disk: &dyn Disk, number: u32) -> Result<(Option<SegmentHeader>, Segment), Error> {
    let file = disk
        .open(&segment_path(number), Access::Read)
        .map_err(failed)?;
    let mut block = [0; 128];
    let read = file.read_at(&mut block, 0).map_err(failed)?;
    let found = match SegmentHeader::decode(block.get(..read).unwrap_or_default()) {
        Ok(header) => Some(header),
        Err(HeaderFault::Damaged) => None,
        Err(HeaderFault::Newer(found)) => {
            let kind = ErrorKind::Newer {
                found,
                supported: FORMAT,
            };
            return Err(Error::new(Operation::Export, kind));
        }
    };
    let capacity = file.length().map_err(failed)?;
    let (store, first, hash) = (StoreId([0; 16]), 0, [0; 32]);
    let guessed = SegmentHeader {
        store,
        epoch: 0,
        number,
        first,
        hash,
        capacity,
    };
    let header = SegmentHeader {
        number,
        capacity,
        ..found.unwrap_or(guessed)
    };
    Ok((
        found,
        Segment {
            header,
            file: Arc::clone(&file),
        },
    ))
}

struct Export<'a> {
    store: StoreId,
    sink: BufWriter<&'a mut dyn io::Write>,
    report: ExportReport,
    /// The last record's sequence and hash; `None` behind a gap.
    chain: Option<(u64, [u8; 32])>,
    /// Rows by index key, with the sequence that wrote them.
    rows: BTreeMap<Vec<u8>, (u64, Row)>,
}

impl Export<'_> {
    fn line(&mut self, line: &Value) -> Result<(), Error> {
        serde_json::to_writer(&mut self.sink, line).map_err(|error| failed(error.into()))?;
        self.sink.write_all(b"\n").map_err(failed)
    }

    fn gap(&mut self, file: &Path, from: u64, to: u64) -> Result<(), Error> {
        self.report.gaps = self.report.gaps.saturating_add(1);
        self.chain = None;
        self.line(&json!({ "kind": "gap", "file": file, "from": from, "to": to }))
    }

    fn segment(&mut self, segment: &Segment) -> Result<(), Error> {
        let path: PathBuf = segment_path(segment.header.number);
        let mut window = Window::default();
        let mut at = u64::from(BLOCK);
        let mut gap = None;
        while at < segment.capacity() {
            match window
                .find(segment, &self.store, at, AHEAD)
                .map_err(failed)?
            {
                Found::Frame(frame) => {
                    if let Some(from) = gap.take() {
                        self.gap(&path, from, at)?;
                    }
                    self.frame(&frame, &path, at)?;
                    at = at.saturating_add(frame.header.total());
                }
                Found::Broken => {
                    gap = gap.or(Some(at));
                    at = at.saturating_add(1);
                }
                // Zeros are the end, unless something comes behind them.
                Found::Blank => at = at.saturating_add(1),
            }
        }
        match gap {
            Some(from) => self.gap(&path, from, segment.capacity()),
            None => Ok(()),
        }
    }

    fn frame(&mut self, frame: &Frame, path: &Path, at: u64) -> Result<(), Error> {
        let Some(record) = frame.record(false) else {
            return self.gap(path, at, at.saturating_add(frame.header.total()));
        };
        let header = &frame.header;
        if let Some((sequence, hash)) = self.chain {
            let follows = header.sequence == sequence.saturating_add(1)
                && header.hash == link(&hash, header, &frame.body_hash());
            if !follows {
                self.gap(path, at, at)?;
            }
        }
        self.chain = Some((header.sequence, header.hash));
        let erased = matches!(frame.personal(), Personal::Wiped | Personal::Damaged);
        let mut line = json!({
            "kind": if header.kind == Kind::Commit { "commit" } else { "erasure" },
            "sequence": header.sequence,
            "version": header.version,
            "epoch": header.epoch,
            "subject": text(&record.subject),
            "hash": hex(&header.hash),
        });
        if header.kind == Kind::Commit
            && let Some(line) = line.as_object_mut()
        {
            self.report.commits = self.report.commits.saturating_add(1);
            line.insert("erased".into(), json!(erased));
            line.insert(
                "state".into(),
                record.state.as_ref().map_or(Value::Null, row),
            );
            let writes = record.writes.iter().map(write).collect();
            line.insert("writes".into(), Value::Array(writes));
            line.insert(
                "history".into(),
                Value::Array(record.history.iter().map(row).collect()),
            );
        }
        self.line(&line)?;
        self.apply(record, header.sequence);
        Ok(())
    }

    fn apply(&mut self, record: Record, sequence: u64) {
        if let Some(row) = record.state {
            self.rows
                .insert(row_key(Table::Instances, &record.subject), (sequence, row));
        }
        for write in record.writes {
            let (table, key) = write.place();
            let key = row_key(table, key);
            match write.row() {
                Some(row) => self.rows.insert(key, (sequence, row.clone())),
                None => self.rows.remove(&key),
            };
        }
        for (key, written) in record.wipes {
            if let Some((sequence, row)) = self.rows.get_mut(&key)
                && *sequence == written
            {
                row.personal.clear();
            }
        }
    }

    fn finish(mut self) -> Result<ExportReport, Error> {
        for (key, (sequence, value)) in std::mem::take(&mut self.rows) {
            let Some((table, key)) = read_key(&key) else {
                continue;
            };
            self.report.rows = self.report.rows.saturating_add(1);
            let (table, key, value) = (table.name(), text(key), row(&value));
            self.line(&json!({
                "kind": "row", "table": table, "key": key, "row": value, "sequence": sequence,
            }))?;
        }
        let report = self.report;
        self.line(&json!({
            "kind": "end",
            "commits": report.commits,
            "rows": report.rows,
            "gaps": report.gaps,
        }))?;
        self.sink.flush().map_err(failed)?;
        Ok(report)
    }
}

fn write(write: &Write) -> Value {
    let (table, key) = write.place();
    let operation = match write {
        Write::Put { .. } => "put",
        Write::Fresh { .. } => "fresh",
        Write::Unique { .. } => "unique",
        Write::Delete { .. } => "delete",
    };
    let value = write.row().map_or(Value::Null, row);
    json!({ "op": operation, "table": table.name(), "key": text(key), "row": value })
}

fn row(row: &Row) -> Value {
    json!({ "open": text(&row.open), "personal": text(&row.personal) })
}

/// Text as text, anything else as hexadecimal digits.
fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text)
            if !text
                .chars()
                .any(|c| c.is_control() && c != '\n' && c != '\t') =>
        {
            json!(text)
        }
        _ => json!({ "hex": hex(bytes) }),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut all, byte| {
        for digit in [byte >> 4, byte & 15] {
            all.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
        all
    })
}
