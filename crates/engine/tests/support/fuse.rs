//! Dying at a chosen operation: nothing runs after it, as after a kill.

use std::future::Future;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use host::{
    Applied, Delivery, Host, HostWrite, ItemSnapshot, Items, MemoryHost, Message, Messenger,
    RelatedRecord, Relation,
};
use payment::gateways::sandbox::Sandbox;
use payment::{
    Call, Callback, CallbackParts, Capabilities, CreatedLink, Deactivate, Descriptor, Found,
    Gateway, GatewayError, LinkRequest, ProviderRef, Simulated, StatusReport,
};
use persistence::{
    Commit, Committed, Error, ErrorKind, HistoryEntry, Operation, Row, Scan, Store, Stored, Table,
    VerifyReport,
};
use tokio::sync::Notify;
use values::ItemRef;

/// What happens at the chosen operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blow {
    /// The process dies before the operation has any effect.
    Before,
    /// The process dies when the operation has had its effect and has not been answered.
    After,
    /// The store stops before the commit, and the process lives on.
    PoisonBefore,
    /// The store stops after the commit without answering, and the process lives on.
    PoisonAfter,
}

#[derive(Debug, Default)]
struct Burning {
    count: u64,
    at: Option<(u64, Blow)>,
    dead: bool,
    poisoned: bool,
}

/// Counts operations, and ends the process at one of them.
#[derive(Debug, Default)]
pub(crate) struct Fuse {
    burning: Mutex<Burning>,
    blown: Notify,
    reads: bool,
}

impl Fuse {
    /// One that never blows.
    pub(crate) fn safe() -> Arc<Fuse> {
        Arc::new(Fuse::default())
    }

    /// One that blows at an operation, counted from 0. Reads are counted only on demand: to die at a
    /// read is to die before the next write.
    pub(crate) fn at(operation: u64, blow: Blow, reads: bool) -> Arc<Fuse> {
        let burning = Burning {
            at: Some((operation, blow)),
            ..Burning::default()
        };
        Arc::new(Fuse {
            burning: Mutex::new(burning),
            blown: Notify::new(),
            reads,
        })
    }

    /// Operations so far.
    pub(crate) fn count(&self) -> u64 {
        self.burning.lock().unwrap().count
    }

    /// Whether it has blown.
    pub(crate) fn has_blown(&self) -> bool {
        let burning = self.burning.lock().unwrap();
        burning.dead || burning.poisoned
    }

    /// From now on it cannot blow.
    pub(crate) fn disarm(&self) {
        self.burning.lock().unwrap().at = None;
    }

    /// The end of a future, or `None` when the process has died on the way.
    pub(crate) async fn guard<F: Future>(&self, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = self.blown.notified() => None,
        }
    }

    fn next(&self) -> Option<Blow> {
        let mut burning = self.burning.lock().unwrap();
        let now = burning.count;
        burning.count += 1;
        match burning.at {
            Some((at, blow)) if at == now => Some(blow),
            _ => None,
        }
    }

    async fn die(&self) -> ! {
        self.burning.lock().unwrap().dead = true;
        self.blown.notify_one();
        std::future::pending().await
    }

    /// Does an operation outside the store.
    pub(crate) async fn pass<T>(&self, operation: impl Future<Output = T>) -> T {
        if self.burning.lock().unwrap().dead {
            std::future::pending::<()>().await;
        }
        match self.next() {
            Some(Blow::Before) => self.die().await,
            Some(Blow::After) => {
                operation.await;
                self.die().await
            }
            // A store stops at its own operations only.
            Some(Blow::PoisonBefore | Blow::PoisonAfter) | None => operation.await,
        }
    }

    async fn commit<T>(&self, commit: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let poison = || Error::new(Operation::Commit, ErrorKind::Poisoned);
        if self.burning.lock().unwrap().poisoned {
            return Err(poison());
        }
        if self.burning.lock().unwrap().dead {
            std::future::pending::<()>().await;
        }
        match self.next() {
            Some(Blow::Before) => self.die().await,
            Some(Blow::After) => {
                commit.await?;
                self.die().await
            }
            Some(Blow::PoisonBefore) => {
                self.burning.lock().unwrap().poisoned = true;
                Err(poison())
            }
            Some(Blow::PoisonAfter) => {
                commit.await?;
                self.burning.lock().unwrap().poisoned = true;
                Err(poison())
            }
            None => commit.await,
        }
    }

    async fn read<T>(&self, read: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        if self.burning.lock().unwrap().poisoned {
            return Err(Error::new(Operation::Read, ErrorKind::Poisoned));
        }
        if self.reads {
            self.pass(read).await
        } else {
            read.await
        }
    }
}

/// A store under a fuse.
pub(crate) struct CrashStore {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) fuse: Arc<Fuse>,
}

#[async_trait]
impl Store for CrashStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, Error> {
        self.fuse.commit(self.inner.commit(commit)).await
    }

    async fn subject(&self, subject: &[u8]) -> Result<Option<Stored>, Error> {
        self.fuse.read(self.inner.subject(subject)).await
    }

    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, Error> {
        self.fuse.read(self.inner.get(table, key)).await
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<(Vec<u8>, Row)>, Error> {
        self.fuse.read(self.inner.scan(scan)).await
    }

    async fn history(
        &self,
        subject: &[u8],
        after_version: u64,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, Error> {
        let history = self.inner.history(subject, after_version, limit);
        self.fuse.read(history).await
    }

    async fn erase_personal(&self, subject: &[u8]) -> Result<u64, Error> {
        self.fuse.commit(self.inner.erase_personal(subject)).await
    }

    async fn verify(&self) -> Result<VerifyReport, Error> {
        self.inner.verify().await
    }

    async fn close(&self) -> Result<(), Error> {
        self.inner.close().await
    }
}

/// A sandbox under a fuse.
pub(crate) struct CrashGateway {
    pub(crate) inner: Arc<Sandbox>,
    pub(crate) fuse: Arc<Fuse>,
}

#[async_trait]
impl Gateway for CrashGateway {
    fn descriptor(&self) -> Descriptor {
        self.inner.descriptor()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn validate(&self, request: &LinkRequest) -> Vec<GatewayError> {
        self.inner.validate(request)
    }

    async fn create(&self, call: Call, request: &LinkRequest) -> Result<CreatedLink, GatewayError> {
        self.fuse.pass(self.inner.create(call, request)).await
    }

    async fn status(&self, call: Call, link: &ProviderRef) -> Result<StatusReport, GatewayError> {
        self.fuse.pass(self.inner.status(call, link)).await
    }

    async fn find(&self, call: Call, reference: &str) -> Result<Found, GatewayError> {
        self.fuse.pass(self.inner.find(call, reference)).await
    }

    fn read_callback(&self, parts: &CallbackParts) -> Callback {
        self.inner.read_callback(parts)
    }

    fn as_deactivate(&self) -> Option<&dyn Deactivate> {
        self.inner.as_deactivate().map(|_| self as &dyn Deactivate)
    }

    fn as_simulated(&self) -> Option<&dyn Simulated> {
        self.inner.as_simulated()
    }
}

#[async_trait]
impl Deactivate for CrashGateway {
    async fn deactivate(&self, call: Call, link: &ProviderRef) -> Result<(), GatewayError> {
        match self.inner.as_deactivate() {
            Some(inner) => self.fuse.pass(inner.deactivate(call, link)).await,
            None => Err(GatewayError::permanent("not_supported", "links stay open")),
        }
    }
}

/// A CRM under a fuse: writes and messages count, reads do not.
pub(crate) struct CrashHost {
    pub(crate) inner: Arc<MemoryHost>,
    pub(crate) fuse: Arc<Fuse>,
}

impl CrashHost {
    pub(crate) fn host(inner: &Arc<MemoryHost>, fuse: &Arc<Fuse>) -> Host {
        let crash = Arc::new(CrashHost {
            inner: inner.clone(),
            fuse: fuse.clone(),
        });
        Host {
            items: crash.clone(),
            directory: inner.clone(),
            ledger: inner.clone(),
            messenger: crash,
        }
    }
}

#[async_trait]
impl Items for CrashHost {
    async fn load(&self, item: &ItemRef) -> Result<Option<ItemSnapshot>, host::Error> {
        self.inner.load(item).await
    }

    async fn related(
        &self,
        item: &ItemRef,
        relation: &Relation,
    ) -> Result<Vec<RelatedRecord>, host::Error> {
        self.inner.related(item, relation).await
    }

    async fn apply(&self, write: &HostWrite) -> Result<Applied, host::Error> {
        self.fuse.pass(self.inner.apply(write)).await
    }
}

#[async_trait]
impl Messenger for CrashHost {
    async fn send(&self, key: &str, message: &Message) -> Result<Delivery, host::Error> {
        self.fuse.pass(self.inner.send(key, message)).await
    }
}
