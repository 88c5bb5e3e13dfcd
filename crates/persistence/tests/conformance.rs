//! Both stores keep the promises of a store; and the list notices a store that does not.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use persistence::conformance::{Bench, Failure, FaultyStore, run};
use persistence::{Error, ErrorKind, JournalStore, MemoryStore, Options, Store};
use tempfile::TempDir;

struct MemoryBench;

impl Bench for MemoryBench {
    fn fresh(&self) -> Result<Arc<dyn Store>, Error> {
        Ok(Arc::new(MemoryStore::new()))
    }

    fn again(&self) -> Option<Result<Arc<dyn Store>, Error>> {
        None
    }
}

/// A folder for each store.
struct JournalBench {
    folder: TempDir,
    opened: Mutex<u64>,
    options: Options,
}

impl JournalBench {
    fn new(options: Options) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            opened: Mutex::new(0),
            options,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder
            .path()
            .join(self.opened.lock().unwrap().to_string())
    }

    fn open(&self) -> Result<Arc<dyn Store>, Error> {
        Ok(Arc::new(JournalStore::open(self.path(), self.options)?))
    }
}

impl Bench for JournalBench {
    fn fresh(&self) -> Result<Arc<dyn Store>, Error> {
        *self.opened.lock().unwrap() += 1;
        self.open()
    }

    fn again(&self) -> Option<Result<Arc<dyn Store>, Error>> {
        Some(self.open())
    }
}

async fn all_are_kept(bench: &dyn Bench) {
    let broken: Vec<_> = run(bench)
        .await
        .into_iter()
        .filter(|(_, result)| result.is_err())
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Clause 79: the store in memory keeps every promise.
#[tokio::test(flavor = "multi_thread")]
async fn the_store_in_memory_keeps_every_promise() {
    all_are_kept(&MemoryBench).await;
}

/// Clause 79: the journal store keeps every promise.
#[tokio::test(flavor = "multi_thread")]
async fn the_journal_store_keeps_every_promise() {
    all_are_kept(&JournalBench::new(Options::default())).await;
}

/// With segments of a few records, an overlay of a few rows, and checkpoints all the time.
#[tokio::test(flavor = "multi_thread")]
async fn the_journal_store_keeps_every_promise_when_everything_is_small() {
    let options = super::small();
    all_are_kept(&JournalBench::new(options)).await;
}

/// A store that loses an answer, and one that loses a commit.
struct FaultyBench(Failure);

impl Bench for FaultyBench {
    fn fresh(&self) -> Result<Arc<dyn Store>, Error> {
        let store = FaultyStore::new(Arc::new(MemoryStore::new()));
        store.fail_commit(2, self.0.clone());
        Ok(Arc::new(store))
    }

    fn again(&self) -> Option<Result<Arc<dyn Store>, Error>> {
        None
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_notices_a_store_that_fails() {
    for failure in [
        Failure::Before(ErrorKind::Busy),
        Failure::After(ErrorKind::Poisoned),
    ] {
        let results = run(&FaultyBench(failure)).await;
        assert!(results.iter().filter(|(_, result)| result.is_err()).count() > 10);
    }
}
