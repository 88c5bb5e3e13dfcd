//! The store in memory, with every commit counted.

use std::sync::Arc;

use async_trait::async_trait;
use persistence::{
    Commit, Committed, Error, HistoryEntry, MemoryStore, Row, Scan, Store, Stored, Table,
    VerifyReport,
};

use super::stop::Stop;

/// A store that stops a scenario which goes in circles.
pub(super) struct CountingStore {
    inner: MemoryStore,
    stop: Arc<Stop>,
}

impl CountingStore {
    pub(super) fn new(inner: MemoryStore, stop: Arc<Stop>) -> CountingStore {
        CountingStore { inner, stop }
    }
}

#[async_trait]
impl Store for CountingStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, Error> {
        self.stop.commit().await;
        self.inner.commit(commit).await
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
