//! Which store, gateways, clock and CRM a command runs on: this file alone names concrete ones.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use charkh::host::Host;
use charkh::payment::gateways::sandbox::{LedgerFile, Pause};
use charkh::payment::gateways::{SandboxOptions, SandboxSettings, built_in};
use charkh::persistence::Options;
use charkh::values::{TimeDelta, Timestamp};
use charkh::workflow_file::ProjectAccount;
use charkh::{
    Clock, Engine, EngineBuilder, Gateway, HttpPlug, JournalStore, Limits, MemoryStore, Sandbox,
    Store, SystemClock, async_trait,
};
use serde::Deserialize as _;

use crate::config::Config;
use crate::crm::Crm;
use crate::exit::{Exit, Failure, Outcome};
use crate::outbox::Outbox;
use crate::store_clock::{self, VirtualClock};
use crate::watch::Watched;

/// The journal and its index, inside a store folder.
const JOURNAL: &str = "journal";
/// The ledger of the sandbox gateway, inside a store folder.
pub(crate) const LEDGER: &str = "sandbox.jsonl";
/// Messages that were sent, inside a store folder.
pub(crate) const MESSAGES: &str = "messages.jsonl";
/// What the CRM of a run was told, inside a store folder.
const CRM: &str = "crm.jsonl";

/// What time a command lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Time {
    /// The machine's.
    Real,
    /// One that jumps; a new store starts at this moment.
    Virtual(Timestamp),
    /// Whatever the store was run with.
    AsStored,
}

/// An engine with what it runs on.
pub(crate) struct Opened {
    /// The engine.
    pub(crate) engine: Engine,
    /// The CRM.
    pub(crate) crm: Arc<Crm>,
    /// The store, watched.
    pub(crate) watched: Arc<Watched>,
    /// The clock, where it jumps.
    pub(crate) clock: Option<Arc<VirtualClock>>,
}

/// Opens a store folder that must be there.
pub(crate) async fn open_existing(config: &Config, folder: &Path) -> Outcome<Opened> {
    journal_of(folder)?;
    open(config, Some(folder), Time::AsStored).await
}

/// The journal of a store folder that must be there.
pub(crate) fn journal_of(folder: &Path) -> Outcome<PathBuf> {
    if is_store(folder) {
        return Ok(folder.join(JOURNAL));
    }
    let message = format!("there is no store in {}", folder.display());
    Err(Failure::usage("store_missing", message)
        .help("`engine-runner run … --store DIR` makes one"))
}

/// Whether a store is in the folder.
pub(crate) fn is_store(folder: &Path) -> bool {
    folder.join(JOURNAL).is_dir()
}

/// Opens a store folder, or makes one; without a folder everything is in memory.
pub(crate) async fn open(config: &Config, folder: Option<&Path>, time: Time) -> Outcome<Opened> {
    if let Some(folder) = folder {
        check_time(folder, time)?;
        std::fs::create_dir_all(folder)?;
    }
    let file = |name: &str| folder.map(|folder| folder.join(name));
    // The store comes first: its lock keeps a second process away from the other files.
    let watched = Watched::new(store(config, file(JOURNAL))?);
    let crm = Arc::new(Crm::open(&config.project, file(CRM).as_deref()).await?);
    let outbox = Outbox::open(file(MESSAGES).as_deref())?;
    let (clock, virtual_clock) = clock(folder, time)?;
    let host = Host {
        items: crm.clone(),
        directory: crm.memory().clone(),
        ledger: crm.memory().clone(),
        messenger: Arc::new(outbox),
    };
    let mut builder = Engine::builder()
        .store(watched.clone())
        .host(host)
        .clock(clock)
        .zone(config.project.zone)
        .locales(config.project.languages.clone())
        .secrets(config.secrets())
        .limits(Limits {
            in_flight_max: config.project.limits.in_flight,
            ..Limits::default()
        });
    builder = gateways(builder, config, file(LEDGER).as_deref())?;
    if !config.project.allowed_hosts.is_empty() {
        let plug = HttpPlug::new()
            .map_err(|error| Failure::new(Exit::Failed, "network", error.to_string()))?;
        builder = builder.http(Arc::new(plug), config.project.allowed_hosts.clone());
    }
    let engine = builder.build().await?;
    let opened = Opened {
        engine,
        crm,
        watched,
        clock: virtual_clock,
    };
    opened.catch_up().await?;
    Ok(opened)
}

impl Opened {
    /// Puts a jumping clock past everything the store knows: its own file may be older.
    async fn catch_up(&self) -> Outcome<()> {
        let Some(clock) = &self.clock else {
            return Ok(());
        };
        let mut latest = clock.now();
        let mut after = None;
        loop {
            let instances = self.engine.instances(after.as_ref()).await?;
            let Some(last) = instances.last() else { break };
            after = Some(last.item.as_ref().clone());
            latest = instances
                .iter()
                .map(|instance| instance.entered_at)
                .fold(latest, Ord::max);
        }
        if latest > clock.now() {
            clock.jump(latest)
        } else {
            Ok(())
        }
    }

    /// Finishes what is under way and lets go of the store.
    pub(crate) async fn close(&self) -> Outcome<()> {
        Ok(self.watched.close().await?)
    }
}

fn check_time(folder: &Path, time: Time) -> Outcome<()> {
    let kept = store_clock::kept(folder).is_some();
    match time {
        Time::Real if kept => {
            let message = format!("the store in {} lives on a virtual clock", folder.display());
            Err(Failure::usage("virtual_store", message).help("add `--clock virtual`"))
        }
        Time::Virtual(_) if is_store(folder) && !kept => {
            let message = format!("the store in {} lives in real time", folder.display());
            Err(Failure::usage("real_store", message)
                .help("a virtual clock needs a store of its own"))
        }
        _ => Ok(()),
    }
}

type Clocks = (Arc<dyn Clock>, Option<Arc<VirtualClock>>);

fn clock(folder: Option<&Path>, time: Time) -> Outcome<Clocks> {
    let kept = folder.and_then(store_clock::kept);
    let start = match time {
        Time::Virtual(start) => Some(kept.unwrap_or(start)),
        Time::AsStored => kept,
        Time::Real => None,
    };
    let Some(start) = start else {
        return Ok((Arc::new(SystemClock), None));
    };
    let file = folder.map(|folder| folder.join(store_clock::FILE));
    let clock = Arc::new(VirtualClock::open(file.as_deref(), start)?);
    Ok((clock.clone(), Some(clock)))
}

fn store(config: &Config, folder: Option<PathBuf>) -> Outcome<Arc<dyn Store>> {
    let Some(folder) = folder else {
        return Ok(Arc::new(MemoryStore::new()));
    };
    let options = Options {
        overlay_entries_max: config.project.limits.overlay,
        ..Options::default()
    };
    Ok(Arc::new(JournalStore::open(folder, options)?))
}

fn gateways(
    mut builder: EngineBuilder,
    config: &Config,
    ledger: Option<&Path>,
) -> Outcome<EngineBuilder> {
    let ledger = match ledger {
        Some(path) => LedgerFile::open(path).map_err(ledger_failure)?,
        None => LedgerFile::in_memory(),
    };
    for account in config.project.accounts.values() {
        let gateway = gateway(account, &ledger)?;
        builder = builder.account(account.account.clone(), gateway);
    }
    Ok(builder)
}

/// The gateway of an account. A new gateway gets its line here.
fn gateway(account: &ProjectAccount, ledger: &LedgerFile) -> Outcome<Arc<dyn Gateway>> {
    let name = &account.account.name;
    match account.account.gateway.as_str() {
        "sandbox" => {
            let settings = SandboxSettings::new(name.clone(), account.account.currency)
                .with(sandbox_options(account)?);
            let sandbox = Sandbox::open(ledger.clone(), settings).map_err(ledger_failure)?;
            Ok(Arc::new(sandbox.with_pause(Arc::new(RealPause))))
        }
        other => {
            let message = format!("account {name}: there is no gateway `{other}`");
            Err(Failure::new(Exit::Invalid, "unknown_gateway", message)
                .help("`sandbox` works without a network"))
        }
    }
}

/// How the sandbox of an account behaves, by its section of the project file.
pub(crate) fn sandbox_options(account: &ProjectAccount) -> Outcome<SandboxOptions> {
    SandboxOptions::deserialize(&account.settings).map_err(|error| {
        let message = format!("account {}: {error}", account.account.name);
        Failure::new(Exit::Invalid, "gateway_settings", message)
            .help("docs/sandbox.md lists the settings of the sandbox")
    })
}

/// Whether the settings of every account can be read by their gateways.
pub(crate) fn check_accounts(config: &Config) -> Outcome<()> {
    for account in config.project.accounts.values() {
        if built_in(&account.account.gateway).is_some() {
            sandbox_options(account)?;
        }
    }
    Ok(())
}

fn ledger_failure(error: charkh::payment::gateways::sandbox::SandboxError) -> Failure {
    Failure::new(Exit::Failed, "ledger", error.to_string())
}

/// Lets real time pass, so that the sandbox's delay is one.
struct RealPause;

#[async_trait]
impl Pause for RealPause {
    async fn pause(&self, length: TimeDelta) {
        tokio::time::sleep(length.to_std().unwrap_or_default()).await;
    }
}
