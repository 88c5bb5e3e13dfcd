//! The store itself: threads, and the contract.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use super::flusher::Flusher;
use super::options::{Options, Stats};
use super::recovery::{Recovered, recover};
use super::request::{Effect, Looked, Request};
use super::shared::{Job, Shared};
use super::writer::{Message, Writer};
use crate::disk::{Disk, RealDisk};
use crate::index::{IndexHome, SledHome, row_key};
use crate::{
    Commit, Committed, Error, ErrorKind, HistoryEntry, Operation, Row, Scan, Store, Stored, Table,
    VerifyReport, check_rules,
};

/// The store on disk: a journal that is the truth, and sled behind it for what stands now.
///
/// A commit is answered when its record is synced; rows move into sled later, many at once. Reads see
/// both. Lose or damage the sled folder, and opening builds it again. Dropping the store without
/// [`Store::close`] loses nothing; the next opening only has more to read.
#[derive(Debug)]
pub struct JournalStore {
    shared: Arc<Shared>,
    sender: Option<mpsc::Sender<Message>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl JournalStore {
    /// Opens the store in a folder, or makes one there. Blocks while it reads.
    ///
    /// # Errors
    /// `Locked` when somebody has it open, `Newer` when a newer program wrote it, `Corrupt` when
    /// something that was durable is missing or changed: in these cases nothing was touched. `Full`
    /// and `Io` as the system says.
    pub fn open(path: impl Into<PathBuf>, options: Options) -> Result<Self, Error> {
        let path: PathBuf = path.into();
        let folder = path.join("index");
        let home = SledHome::new(folder, options.cache_bytes, options.check_index);
        Self::start(Arc::new(RealDisk::new(path)), Box::new(home), options, true)
    }

    /// Opens a store on any disk, with the index in memory: for simulations.
    ///
    /// # Errors
    /// As for [`JournalStore::open`].
    #[cfg(feature = "conformance")]
    pub fn open_on(disk: Arc<dyn Disk>, options: Options) -> Result<Self, Error> {
        Self::start(
            disk,
            Box::new(crate::index::MemoryIndexHome),
            options,
            false,
        )
    }

    pub(crate) fn start(
        disk: Arc<dyn Disk>,
        home: Box<dyn IndexHome>,
        options: Options,
        ahead: bool,
    ) -> Result<Self, Error> {
        let Recovered {
            parts,
            checkpoint,
            mark,
        } = recover(&disk, home, options)?;
        let shared = Arc::new(Shared::new(parts));
        let mut flusher = Flusher::new(Arc::clone(&shared), checkpoint.as_ref());
        flusher.finish_erasure()?;
        let segment = shared.segments.get(mark.end.segment, Operation::Open)?;
        let writer = Writer::new(Arc::clone(&shared), segment, mark);
        let (sender, queue) = mpsc::channel(options.queue);
        let io = |error| Error::io(Operation::Open, error);
        let named = |name: &str| std::thread::Builder::new().name(name.into());
        let mut threads = Vec::new();
        if ahead {
            threads.push(shared.blanks.start().map_err(io)?);
        }
        threads.push(
            named("charkh-flusher")
                .spawn(move || flusher.run())
                .map_err(io)?,
        );
        threads.push(
            named("charkh-journal")
                .spawn(move || writer.run(queue))
                .map_err(io)?,
        );
        Ok(Self {
            shared,
            sender: Some(sender),
            threads: Mutex::new(threads),
        })
    }

    /// What the store has done since it was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// The folder the store is in.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.shared.segments.disk.root()
    }

    async fn send(&self, request: Request) -> Result<(), Error> {
        let closed = || Error::new(Operation::Commit, ErrorKind::Closed);
        let sender = self.sender.as_ref().ok_or_else(closed)?;
        sender
            .send(Message::Request(Box::new(request)))
            .await
            .map_err(|_| closed())
    }

    fn check_running(&self, operation: Operation) -> Result<(), Error> {
        self.shared.check_open(operation)?;
        if self.shared.is_poisoned() {
            return Err(Error::new(operation, ErrorKind::Poisoned));
        }
        Ok(())
    }

    /// Runs work on the flusher's thread and waits for what it answers.
    async fn on_flusher<T: Send + 'static>(
        &self,
        operation: Operation,
        work: impl FnOnce(&mut Flusher) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |flusher| {
            // The asker may have gone away.
            let _ = reply.send(work(flusher));
        });
        self.shared.tell(|work| work.jobs.push(job));
        answer
            .await
            .map_err(|_| Error::new(operation, ErrorKind::Closed))
    }
}

/// The answer of a thread that went away: nobody knows.
fn gone<T>(_: T) -> Error {
    Error::new(Operation::Commit, ErrorKind::Poisoned)
}

#[async_trait]
impl Store for JournalStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, Error> {
        check_rules(&commit)?;
        self.check_running(Operation::Commit)?;
        let (reply, answer) = oneshot::channel();
        let request = self.shared.prepare(commit, reply)?;
        self.send(request).await?;
        answer.await.map_err(gone)?
    }

    async fn subject(&self, subject: &[u8]) -> Result<Option<Stored>, Error> {
        self.shared.check_open(Operation::Read)?;
        let row = self
            .shared
            .row(&row_key(Table::Instances, subject), Operation::Read)?;
        Ok(row.map(|row| Stored {
            version: row.head.map_or(0, |head| head.version),
            row: row.row.unwrap_or_default(),
        }))
    }

    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, Error> {
        self.shared.check_open(Operation::Read)?;
        let row = self.shared.row(&row_key(table, key), Operation::Read)?;
        Ok(row.and_then(|row| row.row))
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<(Vec<u8>, Row)>, Error> {
        self.shared.check_open(Operation::Read)?;
        self.shared.scan(&scan)
    }

    async fn history(
        &self,
        subject: &[u8],
        after_version: u64,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, Error> {
        self.shared.check_open(Operation::History)?;
        self.shared.history(subject, after_version, limit)
    }

    async fn erase_personal(&self, subject: &[u8]) -> Result<u64, Error> {
        loop {
            self.check_running(Operation::Erase)?;
            let (reply, answer) = oneshot::channel();
            let (done, wiped) = oneshot::channel();
            let Some(request) = self.shared.prepare_erasure(subject, reply, done)? else {
                return Ok(0);
            };
            self.send(request).await?;
            match answer.await.map_err(gone)? {
                Ok(_) => return wiped.await.map_err(gone),
                // Somebody committed in between: look again at what there is to wipe.
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn verify(&self) -> Result<VerifyReport, Error> {
        self.shared.check_open(Operation::Verify)?;
        self.on_flusher(Operation::Verify, Flusher::verify).await?
    }

    async fn close(&self) -> Result<(), Error> {
        if !self.shared.begin_close() {
            return Ok(());
        }
        let (reply, answer) = oneshot::channel();
        self.shared.tell(|work| work.closed = Some(reply));
        let Some(sender) = &self.sender else {
            return Ok(());
        };
        // A thread that is gone has nothing left to finish.
        if sender.send(Message::Close).await.is_err() {
            return Ok(());
        }
        answer
            .await
            .map_err(|_| Error::new(Operation::Close, ErrorKind::Closed))?
    }
}

impl Drop for JournalStore {
    fn drop(&mut self) {
        // Without a sender the journal's thread ends, and ends the others.
        self.sender = None;
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // A thread that panicked has told so already.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Everything an erasure needs; `None` when there is nothing to wipe.
    fn prepare_erasure(
        &self,
        subject: &[u8],
        reply: oneshot::Sender<Result<Committed, Error>>,
        done: oneshot::Sender<u64>,
    ) -> Result<Option<Request>, Error> {
        let key = row_key(Table::Instances, subject);
        let row = self.row(&key, Operation::Erase)?;
        let Some(head) = row.as_ref().and_then(|row| row.head) else {
            return Ok(None);
        };
        let traces = super::wipe::find_traces(&self.segments, &self.store, head.last)?;
        if traces.records == 0 {
            return Ok(None);
        }
        let Looked { hint, row } = self.look(&key, head.version, true)?;
        let mut wipes = BTreeMap::new();
        for (key, sequence) in traces.rows {
            let stands = self.row(&key, Operation::Erase)?;
            if stands.is_some_and(|row| row.sequence == sequence) {
                wipes.insert(key, sequence);
            }
        }
        let encoded = super::body::encode_erasure(subject, &wipes, &self.random);
        let effect = Effect::Erasure {
            wipes: wipes.into_iter().collect(),
            done,
        };
        Ok(Some(Request {
            key,
            expected: head.version,
            encoded,
            effect,
            kept: row,
            hint,
            reply,
        }))
    }
}
