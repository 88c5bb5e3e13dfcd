//! A store that remembers which items were touched, so that a run looks at those alone.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use charkh::async_trait;
use charkh::persistence::{
    Commit, Committed, Error, HistoryEntry, Row, Scan, Store, Stored, Table, VerifyReport,
};
use charkh::values::ItemRef;

/// Any store, watched.
pub(crate) struct Watched {
    store: Arc<dyn Store>,
    touched: Mutex<BTreeSet<ItemRef>>,
}

impl Watched {
    /// Watches a store.
    pub(crate) fn new(store: Arc<dyn Store>) -> Arc<Watched> {
        Arc::new(Watched {
            store,
            touched: Mutex::default(),
        })
    }

    /// The items touched since this was asked last.
    pub(crate) fn take(&self) -> BTreeSet<ItemRef> {
        std::mem::take(&mut *self.touched.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Store for Watched {
    async fn commit(&self, commit: Commit) -> Result<Committed, Error> {
        // Subjects that are no items, such as deployed workflows, have a NUL in their name.
        let item = (!commit.subject.contains(&0))
            .then(|| std::str::from_utf8(&commit.subject).ok()?.parse().ok())
            .flatten();
        let committed = self.store.commit(commit).await?;
        if let Some(item) = item {
            self.touched
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(item);
        }
        Ok(committed)
    }

    async fn subject(&self, subject: &[u8]) -> Result<Option<Stored>, Error> {
        self.store.subject(subject).await
    }

    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, Error> {
        self.store.get(table, key).await
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<(Vec<u8>, Row)>, Error> {
        self.store.scan(scan).await
    }

    async fn history(
        &self,
        subject: &[u8],
        after_version: u64,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, Error> {
        self.store.history(subject, after_version, limit).await
    }

    async fn erase_personal(&self, subject: &[u8]) -> Result<u64, Error> {
        self.store.erase_personal(subject).await
    }

    async fn verify(&self) -> Result<VerifyReport, Error> {
        self.store.verify().await
    }

    async fn close(&self) -> Result<(), Error> {
        self.store.close().await
    }
}
