//! Records read back: one by its place, or all in order.

use std::collections::HashMap;

use super::body::Record;
use super::frame::{HEADER, Header, Kind, Personal, link, sha256};
use super::place::{Mark, Position, StoreId};
use super::segment::{BLOCK, Segment, Segments};
use crate::bytes::{narrow, short, wide};
use crate::{Error, Operation};

/// A record as it stands in the journal; header and body are whole.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) header: Header,
    /// Body, then personal section.
    bytes: Vec<u8>,
}

impl Frame {
    fn parts(&self) -> (&[u8], &[u8]) {
        let at = narrow(u64::from(self.header.body)).min(self.bytes.len());
        self.bytes.split_at(at)
    }

    pub(crate) fn body_hash(&self) -> [u8; 32] {
        sha256(self.parts().0)
    }

    pub(crate) fn personal(&self) -> Personal<'_> {
        let (body, section) = self.parts();
        let hash = if self.header.personal == 0 {
            None
        } else {
            body.last_chunk::<32>()
        };
        Personal::read(section, hash)
    }

    /// What the record says; personal halves are empty when `erased`, or when they are gone.
    /// `None` when the body makes no sense.
    pub(crate) fn record(&self, erased: bool) -> Option<Record> {
        let (body, _) = self.parts();
        let unfilled = Record::decode(self.header.kind, body, self.header.personal > 0)?;
        match self.personal() {
            Personal::Whole(bytes) if !erased => unfilled.fill(bytes),
            _ => Some(unfilled.empty()),
        }
    }
}

/// What lies at a place.
pub(crate) enum Found {
    /// Zeros, or no room for a record.
    Blank,
    /// Something that is no whole record.
    Broken,
    Frame(Box<Frame>),
}

/// Reads one record by its place; damage is an error.
pub(crate) fn read_frame(
    segments: &Segments,
    store: &StoreId,
    position: Position,
    operation: Operation,
) -> Result<Frame, Error> {
    let mut window = Window::default();
    let segment = segments.get(position.segment, operation)?;
    match window.find(&segment, store, u64::from(position.offset), 2048) {
        Ok(Found::Frame(frame)) => Ok(*frame),
        Ok(Found::Blank | Found::Broken) => Err(segments.corrupt_at(operation, position)),
        Err(error) => Err(Error::io(operation, error)),
    }
}

/// A piece of one segment in memory.
#[derive(Debug, Default)]
pub(crate) struct Window {
    segment: u32,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// The bytes at `offset`, read `ahead` when they are not here yet. Fewer than asked at the end.
    fn view(
        &mut self,
        segment: &Segment,
        offset: u64,
        length: usize,
        ahead: usize,
    ) -> std::io::Result<&[u8]> {
        let end = offset.saturating_add(wide(length)).min(segment.capacity());
        let here = self.start.saturating_add(wide(self.bytes.len()));
        let same = self.segment == segment.header.number;
        if !same || offset < self.start || end > here {
            let room = narrow(segment.capacity().saturating_sub(offset));
            self.bytes.resize(length.max(ahead).min(room), 0);
            let read = segment.file.read_at(&mut self.bytes, offset)?;
            self.bytes.truncate(read);
            self.start = offset;
            self.segment = segment.header.number;
        }
        let from = narrow(offset.saturating_sub(self.start)).min(self.bytes.len());
        let rest = self.bytes.get(from..).unwrap_or_default();
        Ok(rest.get(..length).unwrap_or(rest))
    }

    /// What lies at `offset`.
    pub(crate) fn find(
        &mut self,
        segment: &Segment,
        store: &StoreId,
        offset: u64,
        ahead: usize,
    ) -> std::io::Result<Found> {
        let bytes = self.view(segment, offset, HEADER, ahead)?;
        let Ok(bytes) = <&[u8; HEADER]>::try_from(bytes) else {
            return Ok(Found::Blank);
        };
        let Some(header) = Header::decode(bytes, store) else {
            let blank = bytes.iter().all(|byte| *byte == 0);
            return Ok(if blank { Found::Blank } else { Found::Broken });
        };
        if offset.saturating_add(header.total()) > segment.capacity() {
            return Ok(Found::Broken);
        }
        let whole = self.view(segment, offset, narrow(header.total()), ahead)?;
        let frame = Frame {
            header,
            bytes: whole.get(HEADER..).unwrap_or_default().to_vec(),
        };
        let complete = wide(frame.bytes.len().saturating_add(HEADER)) == header.total();
        if complete && crc32c::crc32c(frame.parts().0) == header.body_crc {
            Ok(Found::Frame(Box::new(frame)))
        } else {
            Ok(Found::Broken)
        }
    }
}

/// Bytes read at once when reading in order.
pub(crate) const AHEAD: usize = 256 << 10;

/// One step of reading in order.
#[derive(Debug)]
pub(crate) enum Step {
    /// A whole record, next in the chain, and where it begins. `erased` when its personal section is
    /// wiped, or half wiped by an erasure that comes later.
    Record {
        position: Position,
        frame: Box<Frame>,
        erased: bool,
    },
    /// Nothing more that belongs to the chain.
    End,
}

/// Reads records in order, checking checksums and the chain as it goes.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    segments: &'a Segments,
    store: StoreId,
    operation: Operation,
    /// How far it has got.
    pub(crate) mark: Mark,
    window: Window,
    /// Subjects with an erasure found ahead, and its sequence.
    erasures: HashMap<Vec<u8>, u64>,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(
        segments: &'a Segments,
        store: StoreId,
        mark: Mark,
        operation: Operation,
    ) -> Self {
        let (window, erasures) = (Window::default(), HashMap::new());
        Self {
            segments,
            store,
            operation,
            mark,
            window,
            erasures,
        }
    }

    pub(crate) fn next(&mut self) -> Result<Step, Error> {
        loop {
            if let Some((position, frame)) = self.next_frame()? {
                let erased = match frame.personal() {
                    Personal::None | Personal::Whole(_) => Some(false),
                    Personal::Wiped => Some(true),
                    Personal::Damaged => self.is_erased_later(&frame, position)?.then_some(true),
                };
                if let Some(erased) = erased {
                    self.pass(position, &frame);
                    return Ok(Step::Record {
                        position,
                        frame: Box::new(frame),
                        erased,
                    });
                }
            }
            let Some(header) = self
                .segments
                .header(self.mark.end.segment.saturating_add(1))
            else {
                return Ok(Step::End);
            };
            // A segment is synced before the next one is made, so whatever is missing here is lost.
            if header.first != self.mark.sequence.saturating_add(1) || header.hash != self.mark.hash
            {
                return Err(self.segments.corrupt_at(self.operation, self.mark.end));
            }
            self.mark.end = Position {
                segment: header.number,
                offset: BLOCK,
            };
        }
    }

    /// The record at the mark's end when it is next in the chain.
    fn next_frame(&mut self) -> Result<Option<(Position, Frame)>, Error> {
        let position = self.mark.end;
        let segment = self.segments.get(position.segment, self.operation)?;
        let found = self
            .window
            .find(&segment, &self.store, u64::from(position.offset), AHEAD);
        let found = found.map_err(|error| Error::io(self.operation, error))?;
        let Found::Frame(frame) = found else {
            return Ok(None);
        };
        let next = frame.header.sequence == self.mark.sequence.saturating_add(1)
            && frame.header.hash == link(&self.mark.hash, &frame.header, &frame.body_hash());
        Ok(next.then_some((position, *frame)))
    }

    fn pass(&mut self, position: Position, frame: &Frame) {
        let total = short(narrow(frame.header.total()));
        self.mark.sequence = frame.header.sequence;
        self.mark.hash = frame.header.hash;
        self.mark.last = position;
        self.mark.end.offset = position.offset.saturating_add(total);
    }

    /// Whether an erasure of the same subject comes later: then a half wiped section is no damage.
    fn is_erased_later(&mut self, frame: &Frame, position: Position) -> Result<bool, Error> {
        let Some(record) = frame.record(true) else {
            return Ok(false);
        };
        let sequence = frame.header.sequence;
        if self
            .erasures
            .get(&record.subject)
            .is_some_and(|erasure| *erasure > sequence)
        {
            return Ok(true);
        }
        let mut ahead = Self::new(self.segments, self.store, self.mark, self.operation);
        ahead.pass(position, frame);
        loop {
            let Some((position, frame)) = ahead.next_frame()? else {
                let number = ahead.mark.end.segment.saturating_add(1);
                if self.segments.header(number).is_none() {
                    return Ok(false);
                }
                ahead.mark.end = Position {
                    segment: number,
                    offset: BLOCK,
                };
                continue;
            };
            ahead.pass(position, &frame);
            if frame.header.kind == Kind::Erasure
                && let Some(erasure) = frame.record(true)
                && erasure.subject == record.subject
            {
                self.erasures.insert(erasure.subject, frame.header.sequence);
                return Ok(true);
            }
        }
    }

    /// Looks through everything behind the mark in the last segment.
    pub(crate) fn look_behind(&mut self) -> Result<Behind, Error> {
        let segment = self.segments.get(self.mark.end.segment, self.operation)?;
        let mut behind = Behind::default();
        let mut at = u64::from(self.mark.end.offset);
        while at < segment.capacity() {
            let bytes = self
                .window
                .view(&segment, at, AHEAD, AHEAD)
                .map_err(|error| Error::io(self.operation, error))?;
            if bytes.is_empty() {
                break;
            }
            if !is_zero(bytes) {
                behind.dirty = true;
                behind.proof |= proves_loss(bytes, &self.store, self.mark.sequence);
            }
            // Headers may lie across two views, so views overlap by one header less a byte.
            let last = at.saturating_add(wide(bytes.len())) >= segment.capacity();
            let step = if last {
                bytes.len()
            } else {
                bytes.len().saturating_sub(HEADER - 1)
            };
            at = at.saturating_add(wide(step.max(1)));
        }
        Ok(behind)
    }
}

/// What lies behind the last record of the chain.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Behind {
    /// Something that is not zero.
    pub(crate) dirty: bool,
    /// A header written when a later sequence than the last one was known durable.
    pub(crate) proof: bool,
}

/// Compared with zeros, a page at a time: most of a segment is zeros.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    static ZEROS: [u8; 4096] = [0; 4096];
    bytes
        .chunks(ZEROS.len())
        .all(|page| ZEROS.get(..page.len()) == Some(page))
}

fn proves_loss(bytes: &[u8], store: &StoreId, last: u64) -> bool {
    (0..bytes.len().saturating_sub(HEADER - 1)).any(|at| {
        let candidate = bytes.get(at..at.saturating_add(HEADER)).unwrap_or_default();
        Header::begins(candidate)
            && <&[u8; HEADER]>::try_from(candidate)
                .ok()
                .and_then(|header| Header::decode(header, store))
                .is_some_and(|header| header.durable() > last)
    })
}
