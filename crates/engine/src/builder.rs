//! Putting an engine together.

use std::collections::BTreeMap;
use std::sync::Arc;

use activity::{Account, Accounts, Catalog, HttpClient, World};
use host::Host;
use payment::Gateway;
use persistence::{Scan, Store, Table};
use tokio::sync::{Mutex, Notify};
use values::{AccountName, Locale, Secret, SecretRef, Zone};

use crate::lock::{ItemLocks, LANES, TURNS};
use crate::notice::EarlyCallers;
use crate::ready::Ready;
use crate::record::{OutboxRow, Work};
use crate::resting::Resting;
use crate::together::Together;
use crate::workflow::{Preparation, Workflows};
use crate::write::Batch;
use crate::{Clock, Core, Engine, Error, Limits, SystemClock};

type Secrets = Arc<dyn Fn(&SecretRef) -> Option<Secret> + Send + Sync>;

/// An engine in the making: give it a store and a host, then what else the CRM has.
pub struct EngineBuilder {
    store: Option<Arc<dyn Store>>,
    host: Option<Host>,
    accounts: Accounts,
    gateways: BTreeMap<AccountName, Arc<dyn Gateway>>,
    catalog: Catalog,
    clock: Arc<dyn Clock>,
    zone: Zone,
    locales: Vec<Locale>,
    http: Option<Arc<dyn HttpClient>>,
    allowed_hosts: Vec<String>,
    secrets: Secrets,
    limits: Limits,
}

impl Default for EngineBuilder {
    fn default() -> EngineBuilder {
        EngineBuilder {
            store: None,
            host: None,
            accounts: Accounts::new(),
            gateways: BTreeMap::new(),
            catalog: Catalog::builtin(),
            clock: Arc::new(SystemClock),
            zone: Zone::UTC,
            locales: vec![Locale::En],
            http: None,
            allowed_hosts: Vec::new(),
            secrets: Arc::new(|_| None),
            limits: Limits::default(),
        }
    }
}

impl EngineBuilder {
    /// Where commits are kept.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> EngineBuilder {
        self.store = Some(store);
        self
    }

    /// The CRM.
    #[must_use]
    pub fn host(mut self, host: Host) -> EngineBuilder {
        self.host = Some(host);
        self
    }

    /// An account and the gateway that serves it. What the gateway can do becomes the account's.
    #[must_use]
    pub fn account(mut self, account: Account, gateway: Arc<dyn Gateway>) -> EngineBuilder {
        let account = account.with_capabilities(&gateway.capabilities());
        self.gateways.insert(account.name.clone(), gateway);
        self.accounts.insert(account.name.clone(), account);
        self
    }

    /// The activities; the built-in ones by default.
    #[must_use]
    pub fn catalog(mut self, catalog: Catalog) -> EngineBuilder {
        self.catalog = catalog;
        self
    }

    /// The clock; the machine's by default.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> EngineBuilder {
        self.clock = clock;
        self
    }

    /// The project's time zone; UTC by default.
    #[must_use]
    pub fn zone(mut self, zone: Zone) -> EngineBuilder {
        self.zone = zone;
        self
    }

    /// The project's languages, the preferred one first.
    #[must_use]
    pub fn locales(mut self, locales: Vec<Locale>) -> EngineBuilder {
        self.locales = locales;
        self
    }

    /// The plug for outgoing HTTP, and the hosts it may call.
    #[must_use]
    pub fn http(mut self, client: Arc<dyn HttpClient>, allowed: Vec<String>) -> EngineBuilder {
        self.http = Some(client);
        self.allowed_hosts = allowed;
        self
    }

    /// How a secret reference becomes a secret.
    #[must_use]
    pub fn secrets(mut self, secrets: Secrets) -> EngineBuilder {
        self.secrets = secrets;
        self
    }

    /// Bounds.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> EngineBuilder {
        self.limits = limits;
        self
    }

    /// The engine. Work that an earlier start had claimed is due again at once: that process is gone.
    ///
    /// # Errors
    ///
    /// When no store or host was given, or the store fails.
    pub async fn build(self) -> Result<Engine, Error> {
        let missing = |what: &str| Error::Invariant(format!("the builder was given no {what}"));
        let store = self.store.ok_or_else(|| missing("store"))?;
        let host = self.host.ok_or_else(|| missing("host"))?;
        let preparation = Preparation {
            catalog: self.catalog,
            accounts: self.accounts,
            locales: self.locales,
            allowed_hosts: self.allowed_hosts,
        };
        let epoch = self.clock.now().to_rfc3339();
        let core = Core {
            world: World {
                host: host.clone(),
                gateways: Arc::new(self.gateways),
                http: self.http,
                secrets: self.secrets,
            },
            workflows: Workflows::new(preparation, store.clone()),
            store,
            host,
            clock: self.clock,
            zone: self.zone,
            limits: self.limits,
            locks: ItemLocks::new(TURNS),
            lanes: ItemLocks::new(LANES),
            sweeping: Mutex::new(()),
            resting: Resting::default(),
            recent: crate::recent::Recent::new(),
            early_callers: EarlyCallers::default(),
            flood: std::sync::Mutex::default(),
            swept_at: std::sync::Mutex::default(),
            together: Together::default(),
            wake: Notify::new(),
            ready: Ready::default(),
            epoch,
        };
        core.release_claims().await?;
        Ok(Engine {
            core: Arc::new(core),
        })
    }
}

impl Core {
    /// Makes work of an earlier start due now (clause 30: a restart reads rows).
    async fn release_claims(&self) -> Result<(), Error> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let mut scan = Scan::all(Table::Outbox).limit(self.limits.due_batch);
            if let Some(key) = after.take() {
                scan = scan.after(key);
            }
            let rows = self.store.scan(scan).await?;
            let Some((last, _)) = rows.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            for (key, row) in &rows {
                let Some(row) = OutboxRow::from_row(row)? else {
                    continue;
                };
                if let Work::Intent(intent) = &row.work
                    && intent.claimed_by.is_some()
                    && !intent.parked
                {
                    self.release(key, &row).await?;
                }
            }
        }
    }

    async fn release(&self, key: &[u8], row: &OutboxRow) -> Result<(), Error> {
        let Some(loaded) = self.load(&row.item).await? else {
            return Ok(());
        };
        if loaded.row.intent_due != Some(row.due) {
            return Ok(());
        }
        let now = self.clock.now();
        let due = now.min(row.due);
        let mut row = row.clone();
        if let Work::Intent(intent) = &mut row.work {
            intent.claimed_by = None;
        }
        row.due = due;
        let mut batch = Batch::new(now);
        batch.delete(Table::Outbox, key.to_vec());
        batch.outbox_again(&row)?;
        let notes = vec!["the process that made this attempt is gone".to_owned()];
        self.commit_intent(loaded, due, batch, (None, notes)).await
    }
}
