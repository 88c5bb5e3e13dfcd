//! The journal's thread: takes what is ready, checks it, writes it, syncs once, answers.
//!
//! ```text
//! callers ──► queue ──► check · frame ──► one write ──► one fdatasync ──► overlay ──► answers
//! ```
//! No timer: while one group is being synced the next one gathers by itself.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::apply::Durable;
use super::frame::{HEADER, Header, link};
use super::overlay::Overlay;
use super::place::{Mark, Position};
use super::request::{Effect, Mode, Request};
use super::segment::{BLOCK, Segment, SegmentHeader};
use super::shared::{Shared, count};
use crate::bytes::{short, wide};
use crate::index::{Head, IndexRow};
use crate::{Committed, Error, ErrorKind, Operation};

/// Most requests taken from the queue at once.
const GROUP_MAX: usize = 1024;
/// A group is written when it has so many bytes, even if more is ready.
const GROUP_BYTES: usize = 4 << 20;
/// The next segment is made when this one is a quarter full.
const BLANK_AT: u64 = 4;

/// What callers send.
#[derive(Debug)]
pub(crate) enum Message {
    Request(Box<Request>),
    /// Finish what came before, then stop.
    Close,
}

pub(crate) struct Writer {
    shared: Arc<Shared>,
    segment: Segment,
    /// The end of everything durable.
    durable: Mark,
    /// The end of everything staged.
    mark: Mark,
    bytes: Vec<u8>,
    staged: Vec<Durable>,
    /// Places in the staged group, by checksum of the subject's key: the latest for each.
    subjects: HashMap<u32, usize, BuildHasherDefault<Plain>>,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, segment: Segment, mark: Mark) -> Self {
        Self {
            shared,
            segment,
            durable: mark,
            mark,
            bytes: Vec::new(),
            staged: Vec::new(),
            subjects: HashMap::default(),
        }
    }

    /// Runs until the store is closed or dropped, then stops the other threads.
    pub(crate) fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut ready = Vec::with_capacity(GROUP_MAX);
        let mut closing = false;
        while queue.blocking_recv_many(&mut ready, GROUP_MAX) > 0 {
            let refusal = self.wait_for_room().err();
            for message in ready.drain(..) {
                match (message, &refusal) {
                    (Message::Close, _) => {
                        closing = true;
                        queue.close();
                    }
                    (Message::Request(request), _) if closing => {
                        refuse(*request, Error::new(Operation::Commit, ErrorKind::Closed));
                    }
                    (Message::Request(request), Some(refusal)) => refuse(*request, refusal.clone()),
                    (Message::Request(request), None) => self.take(*request),
                }
            }
            self.finish_group();
            if self.bytes.capacity() > GROUP_BYTES.saturating_mul(2) {
                self.bytes = Vec::new();
            }
        }
        self.shared.blanks.stop();
        self.shared.tell(|work| work.stop = Some(closing));
    }

    /// Waits while too much waits for the index.
    fn wait_for_room(&self) -> Result<(), Error> {
        if !self.shared.is_full() {
            return Ok(());
        }
        count(&self.shared.counters.waits, 1);
        let mut work = self.shared.work();
        while self.shared.is_full() {
            if self.shared.is_poisoned() {
                return Err(Error::new(Operation::Commit, ErrorKind::Poisoned));
            }
            if let Some(stalled) = &work.stalled {
                return Err(stalled.clone());
            }
            work.flush = true;
            work = self.shared.wait(work, None).0;
        }
        Ok(())
    }

    fn take(&mut self, mut request: Request) {
        if self.shared.is_poisoned() {
            return refuse(request, Error::new(Operation::Commit, ErrorKind::Poisoned));
        }
        let length = wide(request.encoded.bytes.len());
        let fits = |writer: &Self| {
            u64::from(writer.mark.end.offset).saturating_add(length) <= writer.segment.capacity()
        };
        if !fits(self) || self.bytes.len() >= GROUP_BYTES {
            self.finish_group();
        }
        if !fits(self)
            && let Err(error) = self.rotate(length)
        {
            return refuse(request, error);
        }
        match self.check(&request) {
            Ok((head, row)) => {
                if request.kept.is_some() && row.is_some() {
                    request.kept = row;
                }
                self.stage(request, head);
            }
            Err(error) => refuse(request, error),
        }
    }

    /// Where the subject stands, when the request may pass; with its row when it had to be read.
    fn check(&self, request: &Request) -> Result<(Head, Option<IndexRow>), Error> {
        let overlay = self.shared.overlay();
        let good_hint = overlay.drops == request.hint.drops;
        let mut read = None;
        let head = match (self.staged_head(&request.key), overlay.find(&request.key)) {
            (Some(head), _) => Some(head),
            (None, Some(slot)) => slot.row.as_ref().and_then(|row| row.head),
            (None, None) if good_hint => request.hint.head,
            (None, None) => {
                read = self.shared.index_row(&request.key, Operation::Commit)?;
                read.as_ref().and_then(|row| row.head)
            }
        };
        let head = head.unwrap_or(Head {
            version: 0,
            last: Position::default(),
        });
        if head.version != request.expected {
            let (expected, actual) = (request.expected, head.version);
            return Err(Error::new(
                Operation::Commit,
                ErrorKind::Conflict { expected, actual },
            ));
        }
        if let Effect::Commit { writes, .. } = &request.effect {
            for (at, write) in writes
                .iter()
                .enumerate()
                .filter(|(_, write)| write.mode == Mode::Unique)
            {
                let earlier = writes.get(..at).unwrap_or_default();
                // Within its own commit the caller has checked already.
                if earlier.iter().all(|other| other.key != write.key)
                    && self.exists(&overlay, &write.key, good_hint)?
                {
                    return Err(already_there(&write.key));
                }
            }
        }
        Ok((head, read))
    }

    /// Where the staged group leaves a subject.
    fn staged_head(&self, key: &[u8]) -> Option<Head> {
        let at = *self.subjects.get(&crc32c::crc32c(key))?;
        let is_it = |durable: &&Durable| durable.request.key == key;
        // Two subjects may share a checksum; the latest of each counts.
        let found = self.staged.get(at).filter(is_it);
        let found = found.or_else(|| self.staged.iter().rev().find(is_it))?;
        Some(Head {
            version: found.committed.version,
            last: found.position,
        })
    }

    /// Whether a key the caller found absent is there by now.
    fn exists(&self, overlay: &Overlay, key: &[u8], good_hint: bool) -> Result<bool, Error> {
        for durable in self.staged.iter().rev() {
            if let Effect::Commit { writes, .. } = &durable.request.effect
                && let Some(write) = writes.iter().rev().find(|write| write.key == key)
            {
                return Ok(write.row.is_some());
            }
        }
        match overlay.find(key) {
            Some(slot) => Ok(slot.row.is_some()),
            None if good_hint => Ok(false),
            None => Ok(self.shared.index_row(key, Operation::Commit)?.is_some()),
        }
    }

    /// Gives the record its place, its sequence and its link in the chain.
    fn stage(&mut self, mut request: Request, head: Head) {
        let sequence = self.mark.sequence.saturating_add(1);
        let version = match request.effect {
            Effect::Commit { .. } => head.version.saturating_add(1),
            Effect::Erasure { .. } => head.version,
        };
        let encoded = &mut request.encoded;
        let gap = sequence.saturating_sub(self.durable.sequence);
        let mut header = Header {
            body: encoded.body,
            personal: encoded.personal,
            body_crc: encoded.body_crc,
            kind: encoded.kind,
            epoch: self.shared.epoch,
            gap: u32::try_from(gap).unwrap_or(u32::MAX),
            sequence,
            version,
            previous: head.last,
            hash: [0; 32],
        };
        header.hash = link(&self.mark.hash, &header, &encoded.body_hash);
        let bytes = std::mem::take(&mut encoded.bytes);
        self.bytes
            .extend_from_slice(&header.encode(&self.shared.store));
        self.bytes
            .extend_from_slice(bytes.get(HEADER..).unwrap_or_default());
        let position = self.mark.end;
        self.mark = Mark {
            sequence,
            last: position,
            end: Position {
                segment: position.segment,
                offset: position.offset.saturating_add(short(bytes.len())),
            },
            hash: header.hash,
        };
        self.subjects
            .insert(crc32c::crc32c(&request.key), self.staged.len());
        let committed = Committed { sequence, version };
        self.staged.push(Durable {
            request,
            committed,
            position,
            previous: head.last,
        });
    }

    /// Makes the staged group durable and answers its callers.
    fn finish_group(&mut self) {
        self.subjects.clear();
        if self.staged.is_empty() {
            return;
        }
        let start = u64::from(self.durable.end.offset);
        if let Err(error) = self.segment.file.write_at(&self.bytes, start) {
            return self.give_up(start, error);
        }
        if let Err(error) = self.segment.file.sync_data() {
            return self.fail(&error);
        }
        self.durable = self.mark;
        let counters = &self.shared.counters;
        count(&counters.groups, 1);
        count(&counters.records, wide(self.staged.len()));
        count(&counters.journal_bytes, wide(self.bytes.len()));
        self.bytes.clear();
        let answers = self.publish();
        for (reply, committed) in answers {
            // A caller that went away does not undo its commit.
            let _ = reply.send(Ok(committed));
        }
        let used = u64::from(self.mark.end.offset);
        if used > self.segment.capacity().checked_div(BLANK_AT).unwrap_or(0) {
            let next = self.segment.header.number.saturating_add(1);
            self.shared.blanks.want(self.shared.sizes.of(next));
        }
    }

    /// Moves the group into the overlay, where readers see it.
    fn publish(
        &mut self,
    ) -> Vec<(
        tokio::sync::oneshot::Sender<Result<Committed, Error>>,
        Committed,
    )> {
        let below = |key: &[u8]| -> Option<IndexRow> {
            // Unreadable means broken, and a broken index is built again from wiped records.
            self.shared.index_row(key, Operation::Erase).ok().flatten()
        };
        let mut answers = Vec::with_capacity(self.staged.len());
        let options = &self.shared.options;
        let mut overlay = self.shared.overlay_mut();
        for durable in self.staged.drain(..) {
            answers.push(overlay.apply(durable, &below));
        }
        overlay.mark = self.mark;
        self.shared.weigh(&overlay);
        let half = |most: usize| most.checked_div(2).unwrap_or(0);
        let wanted = !overlay.wipes.is_empty()
            || overlay.active.rows.len() >= half(options.overlay_entries_max)
            || overlay.active.bytes >= half(options.overlay_bytes_max);
        let busy = overlay.frozen.is_some();
        drop(overlay);
        if wanted && (!busy || !self.shared.work().flush) {
            self.shared.tell(|work| work.flush = true);
        }
        answers
    }

    /// A write failed before any sync. When the disk is full and the attempt can be wiped out durably,
    /// nothing happened; otherwise nobody knows what the disk holds.
    fn give_up(&mut self, start: u64, error: io::Error) {
        let full = Error::io(Operation::Commit, io::Error::from(error.kind()));
        let zeros = vec![0; self.bytes.len()];
        let undone = *full.kind() == ErrorKind::Full
            && self.segment.file.write_at(&zeros, start).is_ok()
            && self.segment.file.sync_data().is_ok();
        if !undone {
            return self.fail(&error);
        }
        self.mark = self.durable;
        self.bytes.clear();
        for durable in self.staged.drain(..) {
            refuse(durable.request, full.clone());
        }
    }

    fn fail(&mut self, error: &io::Error) {
        self.shared.poison(error);
        self.bytes.clear();
        for durable in self.staged.drain(..) {
            refuse(
                durable.request,
                Error::new(Operation::Commit, ErrorKind::Poisoned),
            );
        }
    }

    /// Goes on in a new segment with room for `length` bytes. Everything before is durable.
    fn rotate(&mut self, length: u64) -> Result<(), Error> {
        let number = self.segment.header.number.saturating_add(1);
        let needed = length.saturating_add(u64::from(BLOCK));
        let capacity = self.shared.sizes.of(number).max(needed);
        let header = SegmentHeader {
            store: self.shared.store,
            epoch: u64::from(self.shared.epoch),
            number,
            first: self.mark.sequence.saturating_add(1),
            hash: self.mark.hash,
            capacity,
        };
        let blank = self.shared.blanks.take(capacity);
        let path = super::blank::blank_path();
        match blank.and_then(|blank| self.shared.segments.adopt(&blank, &path, header)) {
            Ok(segment) => {
                self.segment = segment;
                self.mark.end = Position {
                    segment: number,
                    offset: BLOCK,
                };
                self.durable = self.mark;
                Ok(())
            }
            Err(error) => {
                let told = Error::io(Operation::Commit, io::Error::from(error.kind()));
                if *told.kind() == ErrorKind::Full {
                    // Nothing was written for this commit; the next one tries again.
                    return Err(told);
                }
                self.shared.poison(&error);
                Err(Error::new(Operation::Commit, ErrorKind::Poisoned))
            }
        }
    }
}

/// The hash of a checksum is the checksum.
#[derive(Default)]
struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let rest = bytes
            .iter()
            .fold(0, |all, byte| all << 8 | u64::from(*byte));
        self.0 = crate::bytes::spread(rest);
    }
}

/// Answers a request that is not stored.
fn refuse(request: Request, error: Error) {
    // A caller that went away needs no answer.
    let _ = request.reply.send(Err(error));
}

fn already_there(key: &[u8]) -> Error {
    let (table, key) = crate::index::read_key(key).unwrap_or((crate::Table::Index, key));
    Error::new(
        Operation::Commit,
        ErrorKind::Exists {
            table,
            key: key.to_vec(),
        },
    )
}
