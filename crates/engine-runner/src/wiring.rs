//! Which store, gateways, clock and CRM a command runs on: this file alone names concrete ones.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use charkh::host::Host;
use charkh::payment::Wired;
use charkh::payment::gateways::sandbox::{LedgerFile, Pause};
use charkh::payment::gateways::{
    self, AccountSettings, AdapterOf, SandboxOptions, SandboxSettings, SetupError, built_in,
};
use charkh::persistence::Options;
use charkh::values::{AccountName, Secret, SecretRef, TimeDelta, Timestamp};
use charkh::workflow_file::{ProjectAccount, Reach};
use charkh::{
    Clock, Engine, EngineBuilder, Gateway, HttpPlug, JournalStore, Limits, MemoryStore, Sandbox,
    Store, SystemClock, async_trait,
};
use serde::Deserialize as _;

use crate::channels::messenger;
use crate::config::{Config, Secrets};
use crate::crm::Crm;
use crate::exit::{Exit, Failure, Outcome};
use crate::net::{Lasting, callback_token};
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
        messenger: messenger(config, outbox, virtual_clock.is_some())?,
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
        let plug = plug(Reach::Public)?;
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
        let gateway = gateway(config, account, &ledger)?;
        builder = builder.account(account.account.clone(), gateway);
    }
    Ok(builder)
}

/// The gateway of an account: the sandbox, or an adapter with the plug that sends its requests.
fn gateway(
    config: &Config,
    account: &ProjectAccount,
    ledger: &LedgerFile,
) -> Outcome<Arc<dyn Gateway>> {
    let name = &account.account.name;
    let shipped = built_in(&account.account.gateway);
    if let Some(adapter) = shipped.and_then(|shipped| shipped.adapter) {
        return adapted(config, account, adapter);
    }
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

/// A provider's adapter, wired to the network as far as the account reaches.
fn adapted(
    config: &Config,
    account: &ProjectAccount,
    adapter: AdapterOf,
) -> Outcome<Arc<dyn Gateway>> {
    let read = config.secrets();
    let mut secrets = std::collections::BTreeMap::new();
    for (name, reference) in &account.secrets {
        let secret = secret(
            &read,
            reference,
            &format!("account {}", account.account.name),
        )?;
        secrets.insert(name.clone(), gateways::Secret::new(secret.reveal()));
    }
    let settings = AccountSettings {
        account: account.account.name.clone(),
        currency: account.account.currency,
        options: account.settings.clone(),
        secrets,
        callback_url: callback_url(config, &account.account.name)?,
        zone: config.project.zone,
    };
    let translator = adapter(&settings).map_err(|error| unfit(&error))?;
    let gateway = Arc::new(Wired::new(translator, Arc::new(plug(account.reach)?)));
    let listen = config.project.listen.as_ref();
    let public_url = listen.and_then(|listen| listen.public_url.clone());
    Ok(match (public_url, listen_secret(config)?) {
        (Some(public_url), Some(secret)) => Lasting::over(gateway, public_url, secret),
        _ => gateway,
    })
}

/// A secret where the project says that it is; the message names the place, never the secret.
fn secret(read: &Secrets, reference: &SecretRef, whose: &str) -> Outcome<Secret> {
    read(reference).ok_or_else(|| {
        let message = format!("{whose}: there is no secret in `{reference}`");
        Failure::new(Exit::Failed, "secret_missing", message)
            .help("set the variable, or write the file, before the program starts")
    })
}

/// The secret of the listener, if the project has one.
pub(crate) fn listen_secret(config: &Config) -> Outcome<Option<Secret>> {
    let listen = config.project.listen.as_ref();
    listen
        .map(|listen| secret(&config.secrets(), &listen.secret, "listen"))
        .transpose()
}

/// Where a provider calls us for this account; `None` without a listener's public address.
fn callback_url(config: &Config, account: &AccountName) -> Outcome<Option<String>> {
    let public_url = config.project.listen.as_ref();
    let Some(public_url) = public_url.and_then(|listen| listen.public_url.as_ref()) else {
        return Ok(None);
    };
    let secret = listen_secret(config)?;
    Ok(secret.map(|secret| format!("{public_url}/c/{}", callback_token(&secret, account))))
}

fn unfit(error: &SetupError) -> Failure {
    match error {
        SetupError::SecretMissing { secret, .. } => {
            Failure::new(Exit::Failed, "secret_missing", error.to_string()).help(format!(
                "add `{secret}: env:NAME` to the account's `secrets`"
            ))
        }
        _ => Failure::new(Exit::Invalid, "gateway_settings", error.to_string()),
    }
}

/// Outgoing HTTP.
pub(crate) fn plug(reach: Reach) -> Outcome<HttpPlug> {
    let plug = match reach {
        Reach::Public => HttpPlug::new(),
        Reach::Loopback => HttpPlug::with_loopback(),
    };
    plug.map_err(|error| Failure::new(Exit::Failed, "network", error.to_string()))
}

/// How the sandbox of an account behaves, by its section of the project file; by itself where it
/// stands for a provider over the network.
pub(crate) fn sandbox_options(account: &ProjectAccount) -> Outcome<SandboxOptions> {
    let shipped = built_in(&account.account.gateway);
    if shipped.is_some_and(|shipped| shipped.network) {
        return Ok(SandboxOptions::default());
    }
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
