//! The reference store: the whole contract in ordered maps, nothing on disk.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::{
    Commit, Committed, Error, ErrorKind, HistoryEntry, Operation, Row, Scan, Store, Stored, Table,
    VerifyReport, Write, check_rules,
};

/// A store that forgets everything when dropped: for tests, for virtual runs, and as the model the
/// durable store is compared with.
#[derive(Debug, Default)]
pub struct MemoryStore {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    closed: bool,
    rows: BTreeMap<(Table, Vec<u8>), Kept>,
    subjects: BTreeMap<Vec<u8>, Subject>,
    log: Vec<Logged>,
    /// Sequences are given to erasures too, as in the journal.
    sequence: u64,
}

#[derive(Debug)]
struct Kept {
    row: Row,
    /// Sequence of the commit that wrote the row; tells an erasure whose row it is.
    sequence: u64,
}

#[derive(Debug, Default)]
struct Subject {
    version: u64,
    /// Places in the log, oldest first.
    commits: Vec<usize>,
}

#[derive(Debug)]
struct Logged {
    sequence: u64,
    version: u64,
    open_hash: [u8; 32],
    personal_hash: [u8; 32],
    hash: [u8; 32],
    history: Vec<Row>,
    personal: bool,
    erased: bool,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A panic elsewhere cannot leave the maps half changed, because nothing in here panics between
    /// the first change and the last; so a poisoned lock is still good.
    fn held(&self, operation: Operation) -> Result<MutexGuard<'_, Held>, Error> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.closed {
            Err(Error::new(operation, ErrorKind::Closed))
        } else {
            Ok(held)
        }
    }
}

impl Held {
    fn head_hash(&self) -> [u8; 32] {
        self.log.last().map_or([0; 32], |last| last.hash)
    }

    fn check(&self, commit: &Commit) -> Result<u64, Error> {
        let actual = self
            .subjects
            .get(&commit.subject)
            .map_or(0, |subject| subject.version);
        if actual != commit.expected {
            let expected = commit.expected;
            return Err(Error::new(
                Operation::Commit,
                ErrorKind::Conflict { expected, actual },
            ));
        }
        for (at, write) in commit.writes.iter().enumerate() {
            let Write::Unique { table, key, .. } = write else {
                continue;
            };
            let earlier = commit.writes.get(..at).unwrap_or_default();
            let exists = match earlier
                .iter()
                .rev()
                .find(|other| other.place() == (*table, key))
            {
                Some(other) => other.row().is_some(),
                None => self.rows.contains_key(&(*table, key.clone())),
            };
            if exists {
                let kind = ErrorKind::Exists {
                    table: *table,
                    key: key.clone(),
                };
                return Err(Error::new(Operation::Commit, kind));
            }
        }
        Ok(actual)
    }

    fn apply(&mut self, commit: Commit, version: u64) -> u64 {
        self.sequence = self.sequence.saturating_add(1);
        let sequence = self.sequence;
        let logged = self.logged(&commit, version);
        let subject = self.subjects.entry(commit.subject.clone()).or_default();
        subject.version = version;
        subject.commits.push(self.log.len());
        self.log.push(logged);
        if let Some(row) = commit.state {
            self.rows
                .insert((Table::Instances, commit.subject), Kept { row, sequence });
        }
        for write in commit.writes {
            match write {
                Write::Put { table, key, row }
                | Write::Fresh { table, key, row }
                | Write::Unique { table, key, row } => {
                    self.rows.insert((table, key), Kept { row, sequence });
                }
                Write::Delete { table, key } => {
                    self.rows.remove(&(table, key));
                }
            }
        }
        sequence
    }

    fn logged(&self, commit: &Commit, version: u64) -> Logged {
        let mut open = Sha256::new();
        let mut personal = Sha256::new();
        let mut any = 0_usize;
        let rows = commit
            .state
            .iter()
            .chain(commit.writes.iter().filter_map(Write::row));
        for row in rows.chain(&commit.history) {
            open.update(row.open.len().to_be_bytes());
            open.update(&row.open);
            personal.update(row.personal.len().to_be_bytes());
            personal.update(&row.personal);
            any = any.saturating_add(row.personal.len());
        }
        let open_hash: [u8; 32] = open.finalize().into();
        let personal_hash: [u8; 32] = personal.finalize().into();
        Logged {
            sequence: self.sequence,
            version,
            open_hash,
            personal_hash,
            hash: chain(&self.head_hash(), &open_hash, &personal_hash),
            history: commit.history.clone(),
            personal: any > 0,
            erased: false,
        }
    }

    fn erase(&mut self, subject: &[u8]) -> u64 {
        let Some(subject) = self.subjects.get(subject) else {
            return 0;
        };
        let mut wiped = Vec::new();
        for at in &subject.commits {
            let Some(logged) = self.log.get_mut(*at) else {
                continue;
            };
            if logged.personal && !logged.erased {
                logged.erased = true;
                logged
                    .history
                    .iter_mut()
                    .for_each(|row| row.personal.clear());
                wiped.push(logged.sequence);
            }
        }
        if wiped.is_empty() {
            return 0;
        }
        for kept in self.rows.values_mut() {
            if wiped.binary_search(&kept.sequence).is_ok() {
                kept.row.personal.clear();
            }
        }
        self.sequence = self.sequence.saturating_add(1);
        u64::try_from(wiped.len()).unwrap_or(u64::MAX)
    }
}

fn chain(previous: &[u8; 32], open: &[u8; 32], personal: &[u8; 32]) -> [u8; 32] {
    Sha256::new()
        .chain_update(previous)
        .chain_update(open)
        .chain_update(personal)
        .finalize()
        .into()
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, Error> {
        check_rules(&commit)?;
        let mut held = self.held(Operation::Commit)?;
        let version = held.check(&commit)?.saturating_add(1);
        let sequence = held.apply(commit, version);
        Ok(Committed { sequence, version })
    }

    async fn subject(&self, subject: &[u8]) -> Result<Option<Stored>, Error> {
        let held = self.held(Operation::Read)?;
        let Some(found) = held.subjects.get(subject) else {
            return Ok(None);
        };
        let row = held.rows.get(&(Table::Instances, subject.to_vec()));
        let row = row.map(|kept| kept.row.clone()).unwrap_or_default();
        Ok(Some(Stored {
            version: found.version,
            row,
        }))
    }

    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, Error> {
        let held = self.held(Operation::Read)?;
        Ok(held
            .rows
            .get(&(table, key.to_vec()))
            .map(|kept| kept.row.clone()))
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<(Vec<u8>, Row)>, Error> {
        let held = self.held(Operation::Read)?;
        if scan.is_empty() {
            return Ok(Vec::new());
        }
        let table = scan.table;
        let from = match scan.from {
            Bound::Unbounded => Bound::Included((table, Vec::new())),
            bound => bound.map(|key| (table, key)),
        };
        let inside = held
            .rows
            .range((from, Bound::Unbounded))
            .take_while(|((found, key), _)| {
                *found == table
                    && match &scan.to {
                        Bound::Included(to) => key <= to,
                        Bound::Excluded(to) => key < to,
                        Bound::Unbounded => true,
                    }
            });
        Ok(inside
            .take(scan.limit)
            .map(|((_, key), kept)| (key.clone(), kept.row.clone()))
            .collect())
    }

    async fn history(
        &self,
        subject: &[u8],
        after_version: u64,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, Error> {
        let held = self.held(Operation::History)?;
        let Some(found) = held.subjects.get(subject) else {
            return Ok(Vec::new());
        };
        let logged = found.commits.iter().filter_map(|at| held.log.get(*at));
        let mut entries = Vec::new();
        for logged in logged.filter(|logged| logged.version > after_version) {
            if entries.len() >= limit {
                break;
            }
            entries.extend(
                (0_u32..)
                    .zip(&logged.history)
                    .map(|(index, row)| HistoryEntry {
                        sequence: logged.sequence,
                        version: logged.version,
                        index,
                        row: row.clone(),
                        erased: logged.erased,
                        hash: logged.hash,
                    }),
            );
        }
        Ok(entries)
    }

    async fn erase_personal(&self, subject: &[u8]) -> Result<u64, Error> {
        Ok(self.held(Operation::Erase)?.erase(subject))
    }

    async fn verify(&self) -> Result<VerifyReport, Error> {
        let held = self.held(Operation::Verify)?;
        let mut hash = [0; 32];
        for logged in &held.log {
            hash = chain(&hash, &logged.open_hash, &logged.personal_hash);
            if hash != logged.hash {
                let file = std::path::Path::new("memory");
                let way_out = "the process memory is damaged; start the process again";
                return Err(Error::corrupt(
                    Operation::Verify,
                    file,
                    logged.sequence,
                    way_out,
                ));
            }
        }
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Ok(VerifyReport {
            records: count(held.log.len()),
            subjects: count(held.subjects.len()),
            rows: count(held.rows.len()),
            segments: 0,
            erased: count(held.log.iter().filter(|logged| logged.erased).count()),
            epoch: 0,
            sequence: held.sequence,
            hash,
        })
    }

    async fn close(&self) -> Result<(), Error> {
        self.held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .closed = true;
        Ok(())
    }
}
