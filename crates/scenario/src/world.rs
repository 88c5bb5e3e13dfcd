//! The world of one scenario: a clock that stands still, a CRM and gateways in memory, and an engine.

mod crm;
mod gateway;
mod http;
pub(crate) mod stop;
mod store;

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{Engine, ManualClock};
use host::{Host, MemoryHost, MemoryItem};
use payment::gateways::SandboxSettings;
use payment::gateways::sandbox::{LedgerAudit, LedgerFile};
use persistence::{MemoryStore, Store};
use state_machine::Definition;
use values::{AccountName, ItemRef, Timestamp};

use crate::file::script::{Gateways, Script};
use crate::run::RunError;
use crate::{AccountAt, Surroundings};
use crm::ScriptedCrm;
use gateway::ScriptedGateway;
use http::ScriptedHttp;
pub(crate) use stop::{Stop, Stopped};
use store::CountingStore;

/// Everything around a running scenario.
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) host: Arc<MemoryHost>,
    pub(crate) stop: Arc<Stop>,
    store: Arc<dyn Store>,
    crm: Arc<ScriptedCrm>,
    http: Arc<ScriptedHttp>,
    gateways: BTreeMap<AccountName, (AccountAt, Arc<ScriptedGateway>)>,
    ledger: LedgerFile,
    around: Surroundings,
    definition: Definition,
    engine: Option<Engine>,
}

impl World {
    /// A world as the scenario gives it; nothing has happened yet.
    pub(crate) async fn new(
        script: &Script,
        definition: &Definition,
        around: &Surroundings,
    ) -> Result<World, RunError> {
        let stop = Arc::new(Stop::default());
        let host = Arc::new(MemoryHost::new());
        people(script, around, &host);
        let ledger = LedgerFile::in_memory();
        let mut gateways = BTreeMap::new();
        for at in &around.accounts {
            let settings = settings(at, &script.given.gateways);
            let gateway = ScriptedGateway::new(&ledger, settings, stop.clone())?;
            gateways.insert(at.account.name.clone(), (at.clone(), Arc::new(gateway)));
        }
        let mut world = World {
            clock: Arc::new(ManualClock::at(script.clock)),
            store: Arc::new(CountingStore::new(MemoryStore::new(), stop.clone())),
            crm: Arc::new(ScriptedCrm::new(host.clone(), &script.given)),
            http: Arc::new(ScriptedHttp::new(script.given.services.clone())),
            host,
            stop,
            gateways,
            ledger,
            around: around.clone(),
            definition: definition.clone(),
            engine: None,
        };
        world.restart().await?;
        Ok(world)
    }

    /// The engine that runs now.
    pub(crate) fn engine(&self) -> Result<&Engine, RunError> {
        self.engine.as_ref().ok_or(RunError::NoEngine)
    }

    /// Drops the engine and builds it again on the same store, as a new process would.
    pub(crate) async fn restart(&mut self) -> Result<(), RunError> {
        self.engine = None;
        let host = Host {
            items: self.crm.clone(),
            directory: self.host.clone(),
            ledger: self.host.clone(),
            messenger: self.crm.clone(),
        };
        let mut builder = Engine::builder()
            .store(self.store.clone())
            .host(host)
            .clock(self.clock.clone())
            .zone(self.around.zone)
            .locales(self.around.locales.clone())
            .http(self.http.clone(), self.around.allowed_hosts.clone());
        for (at, gateway) in self.gateways.values() {
            builder = builder.account(at.account.clone(), gateway.clone());
        }
        let engine = builder.build().await?;
        engine.deploy(self.definition.clone()).await?;
        self.engine = Some(engine);
        Ok(())
    }

    /// From now on the gateways play something else for links made later.
    pub(crate) fn play(&self, plays: &Gateways) -> Result<(), RunError> {
        for (name, (at, gateway)) in &self.gateways {
            if plays.all.is_some() || plays.named.contains_key(name) {
                gateway.play(&self.ledger, settings(at, plays))?;
            }
        }
        Ok(())
    }

    /// What the gateways' ledger proves.
    pub(crate) fn audit(&self) -> LedgerAudit {
        self.ledger.audit()
    }

    /// Records of an entity that the workflow has created for an item.
    pub(crate) fn created(&self, item: &ItemRef, entity: &str) -> usize {
        self.crm.created(item, entity)
    }

    /// The project's zone.
    pub(crate) fn zone(&self) -> values::Zone {
        self.around.zone
    }

    /// What the clock shows.
    pub(crate) fn now(&self) -> Timestamp {
        use engine::Clock as _;
        self.clock.now()
    }
}

fn settings(at: &AccountAt, plays: &Gateways) -> SandboxSettings {
    let named = plays.named.get(&at.account.name).or(plays.all.as_ref());
    let options = named.unwrap_or(&at.sandbox).clone();
    SandboxSettings::new(at.account.name.clone(), at.account.currency).with(options)
}

/// Fills the CRM with what is given.
fn people(script: &Script, around: &Surroundings, host: &MemoryHost) {
    let given = &script.given;
    for user in around.people.iter().chain(&given.people) {
        host.put_user(user.clone());
    }
    let party = given.party.as_ref().map(|given| given.party.id.clone());
    if let Some(given) = &given.party {
        let id = &given.party.id;
        host.put_party(given.party.clone());
        for (role, people) in &given.people {
            host.put_people(id.clone(), role.clone(), people.clone());
        }
        for balance in &given.balances {
            host.put_balance(id.clone(), *balance);
        }
    }
    let parent = given.related.iter().find(|record| record.above);
    let parent = parent.map(|record| record.reference.clone());
    for item in &given.items {
        let item_of = MemoryItem {
            fields: item.fields.clone(),
            party: party.clone(),
            parent: parent.clone(),
            ..MemoryItem::default()
        };
        host.put_item(item.reference.clone(), item_of);
    }
    let first = given.items.first().map(|item| item.reference.clone());
    for record in &given.related {
        let item = MemoryItem {
            fields: record.fields.clone(),
            party: party.clone(),
            parent: if record.above { None } else { first.clone() },
            ..MemoryItem::default()
        };
        host.put_item(record.reference.clone(), item);
    }
}
