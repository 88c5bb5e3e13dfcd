//! A store that fails on demand, to see what its callers make of it.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::{
    Commit, Committed, Error, ErrorKind, HistoryEntry, Operation, Row, Scan, Store, Stored, Table,
    VerifyReport,
};

/// How a commit fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing is stored, and the caller is told this.
    Before(ErrorKind),
    /// It is stored, and the caller is told this: the answer that got lost.
    After(ErrorKind),
}

/// Passes everything on to another store, and fails the commits it was told to fail.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    plan: Mutex<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    commits: u64,
    failures: Vec<(u64, Failure)>,
}

impl std::fmt::Debug for FaultyStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("FaultyStore")
            .finish_non_exhaustive()
    }
}

impl FaultyStore {
    /// Wraps a store; nothing fails yet.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            plan: Mutex::default(),
        }
    }

    /// Fails a commit, counted from 1 over the life of this wrapper.
    pub fn fail_commit(&self, number: u64, failure: Failure) {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        plan.failures.push((number, failure));
    }

    /// Commits tried so far.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.plan
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .commits
    }

    fn next(&self) -> Option<Failure> {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        plan.commits = plan.commits.saturating_add(1);
        let now = plan.commits;
        plan.failures
            .iter()
            .find(|(number, _)| *number == now)
            .map(|(_, failure)| failure.clone())
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, Error> {
        match self.next() {
            None => self.inner.commit(commit).await,
            Some(Failure::Before(kind)) => Err(Error::new(Operation::Commit, kind)),
            Some(Failure::After(kind)) => {
                self.inner.commit(commit).await?;
                Err(Error::new(Operation::Commit, kind))
            }
        }
    }

    async fn subject(&self, subject: &[u8]) -> Result<Option<Stored>, Error> {
        self.inner.subject(subject).await
    }

    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, Error> {
        self.inner.get(table, key).await
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<(Vec<u8>, Row)>, Error> {
        self.inner.scan(scan).await
    }

    async fn history(
        &self,
        subject: &[u8],
        after_version: u64,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, Error> {
        self.inner.history(subject, after_version, limit).await
    }

    async fn erase_personal(&self, subject: &[u8]) -> Result<u64, Error> {
        self.inner.erase_personal(subject).await
    }

    async fn verify(&self) -> Result<VerifyReport, Error> {
        self.inner.verify().await
    }

    async fn close(&self) -> Result<(), Error> {
        self.inner.close().await
    }
}
