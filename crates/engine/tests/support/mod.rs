//! A small world: one account on the sandbox, a CRM in memory, a clock that is set by hand.

mod desk;
mod fuse;
mod models;
mod scripted;
mod taps;

use std::sync::Arc;

use activity::{Account, Catalog};
use chrono::TimeDelta;
use engine::{
    AttentionRow, Engine, Error, HistoryView, Input, Limits, LinkRow, ManualClock, MessageRow,
    Reply,
};
use host::{Host, MemoryHost, MemoryItem, Party, PartyKind, PartyRole, Person, User};
use payment::Gateway;
use payment::gateways::sandbox::{LedgerAudit, Sandbox, SandboxSettings};
use persistence::{MemoryStore, Scan, Store, Table};
use serde_json::Value as Json;
use state_machine::{Definition, Instance};
use values::{Currency, Fields, ItemRef, Locale, Money, PartyId, Timestamp, UserId, Value, Zone};

pub(crate) use desk::{Desk, at_desk, fact, paid, waiting};
pub(crate) use fuse::{Blow, CrashGateway, CrashHost, CrashStore, Fuse};
pub(crate) use models::*;
pub(crate) use scripted::{Scripted, brings, not_now};
pub(crate) use taps::{GatewayTap, HostTap, StoreTap, host_tapped, store_tapped, tapped};

/// What a world is made of; each part can be replaced before the engine is built on it.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) crm: Arc<MemoryHost>,
    pub(crate) host: Host,
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) gateway: Arc<dyn Gateway>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) catalog: Catalog,
    pub(crate) limits: Limits,
}

/// Everything a test touches.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) parts: Parts,
}

/// 2026-03-18 09:00 in Tehran.
pub(crate) fn start_time() -> Timestamp {
    "2026-03-18T05:30:00Z".parse().unwrap()
}

pub(crate) fn irr(amount: i64) -> Money {
    Money::from_minor(amount.into(), Currency::Irr).unwrap()
}

pub(crate) fn item(id: &str) -> ItemRef {
    ItemRef::new("invoice", id).unwrap()
}

pub(crate) fn account() -> Account {
    Account {
        expires_days: Some(2),
        ..Account::new("main", "sandbox", Currency::Irr)
    }
}

/// Settings of the sandbox account from its YAML words, as JSON.
pub(crate) fn sandbox(options: Json) -> Arc<Sandbox> {
    let options = serde_json::from_value(options).unwrap();
    let settings = SandboxSettings::new("main", Currency::Irr).with(options);
    Arc::new(Sandbox::in_memory(settings).unwrap())
}

pub(crate) fn crm() -> Arc<MemoryHost> {
    let host = MemoryHost::new();
    for (id, role, manager) in [
        ("zahra", "sales_manager", None),
        ("ali", "sales", Some("zahra")),
        ("omid", "finance", None),
    ] {
        host.put_user(User {
            id: id.into(),
            name: id.to_owned(),
            active: true,
            roles: vec![role.to_owned()],
            groups: vec![role.to_owned()],
            positions: Vec::new(),
            manager: manager.map(UserId::from),
            mobile: None,
            email: None,
            language: None,
        });
    }
    let party = PartyId::from("p1");
    host.put_party(Party {
        id: party.clone(),
        name: "پارس‌پلاست".to_owned(),
        number: Some("1001".to_owned()),
        kind: PartyKind::Company,
        lead: false,
        language: Some(Locale::Fa),
        mobile: Some("۰۹۱۲۱۱۱۲۲۳۳".to_owned()),
        email: Some("info@example.com".to_owned()),
        fields: Fields::new(),
    });
    host.put_people(
        party.clone(),
        PartyRole::Contact,
        vec![Person {
            name: "مریم".to_owned(),
            mobile: Some("09123334455".to_owned()),
            email: None,
            language: Some(Locale::Fa),
        }],
    );
    host.put_balance(party, irr(100_000_000));
    Arc::new(host)
}

pub(crate) fn put_invoice(host: &MemoryHost, id: &str, amount: i64) {
    host.put_item(
        item(id),
        MemoryItem {
            fields: Fields::from([
                ("final_amount".to_owned(), Value::Money(irr(amount))),
                ("number".to_owned(), Value::Text(id.to_owned())),
                ("pay_days".to_owned(), Value::Number(3.into())),
            ]),
            party: Some("p1".into()),
            ..MemoryItem::default()
        },
    );
}

impl Parts {
    /// A sandbox that behaves as its options say, and nothing in the way.
    pub(crate) fn new(options: Json) -> Parts {
        let crm = crm();
        let sandbox = sandbox(options);
        Parts {
            store: Arc::new(MemoryStore::new()),
            host: Host::from_one(crm.clone()),
            crm,
            gateway: sandbox.clone(),
            sandbox,
            clock: Arc::new(ManualClock::at(start_time())),
            catalog: Catalog::builtin(),
            limits: Limits::default(),
        }
    }

    pub(crate) async fn try_world(self) -> Result<World, Error> {
        let engine = Engine::builder()
            .store(self.store.clone())
            .host(self.host.clone())
            .account(account(), self.gateway.clone())
            .clock(self.clock.clone())
            .zone(Zone::parse("Asia/Tehran").unwrap())
            .locales(vec![Locale::Fa, Locale::En])
            .catalog(self.catalog.clone())
            .limits(self.limits.clone())
            .build()
            .await?;
        Ok(World {
            engine,
            parts: self,
        })
    }

    pub(crate) async fn world(self) -> World {
        self.try_world().await.unwrap()
    }
}

impl World {
    /// A world whose sandbox behaves as its options say, with the flagship deployed.
    pub(crate) async fn new(options: Json) -> World {
        World::running(options, flagship()).await
    }

    pub(crate) async fn running(options: Json, definition: Definition) -> World {
        let world = Parts::new(options).world().await;
        world.engine.deploy(definition).await.unwrap();
        world
    }

    pub(crate) fn crm(&self) -> &MemoryHost {
        &self.parts.crm
    }

    pub(crate) fn audit(&self) -> LedgerAudit {
        self.parts.sandbox.audit()
    }

    /// The same store, CRM, gateway and clock under a new engine, as after a restart.
    pub(crate) async fn restarted(self) -> World {
        let World { engine, parts } = self;
        drop(engine);
        parts.world().await
    }

    /// Moves the clock from due moment to due moment, and settles at each.
    pub(crate) async fn advance(&self, delta: TimeDelta) {
        let target = self.engine.now() + delta;
        self.try_advance_to(target).await.unwrap();
    }

    pub(crate) async fn try_advance_to(&self, target: Timestamp) -> Result<(), Error> {
        self.engine.settle().await?;
        while let Some(due) = self.engine.next_due().await?.filter(|due| *due <= target) {
            assert!(due > self.engine.now(), "still due at {due}");
            self.parts.clock.set(due);
            self.engine.settle().await?;
        }
        self.parts.clock.set(target.max(self.engine.now()));
        self.engine.settle().await?;
        Ok(())
    }

    pub(crate) async fn settle(&self) {
        self.engine.settle().await.unwrap();
    }

    pub(crate) async fn start(&self, id: &str) {
        put_invoice(&self.parts.crm, id, 45_000_000);
        self.engine.submit(Input::start(item(id))).await.unwrap();
    }

    /// Somebody does something, and everything that follows at once is done.
    pub(crate) async fn act(&self, id: &str, action: &str, actor: &str) -> Reply {
        let input = Input::action(item(id), action, actor);
        let reply = self.engine.submit(input).await.unwrap();
        self.settle().await;
        reply
    }

    /// An invoice that is approved: in the flagship, its link is made or under way.
    pub(crate) async fn approved(&self, id: &str) {
        self.start(id).await;
        self.act(id, "approve", "zahra").await;
    }

    pub(crate) async fn event(&self, id: &str, name: &str) -> Reply {
        let input = Input::event(item(id), name, Fields::new());
        let reply = self.engine.submit(input).await.unwrap();
        self.settle().await;
        reply
    }

    pub(crate) async fn instance(&self, id: &str) -> Instance {
        self.engine.instance(&item(id)).await.unwrap().unwrap()
    }

    pub(crate) async fn state(&self, id: &str) -> String {
        self.instance(id).await.state
    }

    pub(crate) async fn incident(&self, id: &str) -> Option<String> {
        self.instance(id)
            .await
            .incident
            .map(|incident| incident.code)
    }

    pub(crate) async fn links(&self) -> Vec<LinkRow> {
        self.engine.links().await.unwrap()
    }

    pub(crate) async fn messages(&self) -> Vec<MessageRow> {
        self.engine.messages().await.unwrap()
    }

    pub(crate) async fn attention(&self) -> Vec<AttentionRow> {
        self.engine.attention().await.unwrap()
    }

    pub(crate) async fn attention_codes(&self) -> Vec<String> {
        let rows = self.attention().await;
        rows.into_iter().map(|row| row.code).collect()
    }

    pub(crate) async fn history(&self, id: &str) -> Vec<HistoryView> {
        self.engine.history(&item(id)).await.unwrap()
    }

    /// The kinds of an item's history, oldest first.
    pub(crate) async fn kinds(&self, id: &str) -> Vec<String> {
        let lines = self.history(id).await;
        lines.into_iter().map(|line| line.row.kind).collect()
    }

    pub(crate) async fn rows(&self, table: Table) -> usize {
        self.parts.store.scan(Scan::all(table)).await.unwrap().len()
    }

    /// What must hold for every item at any time.
    pub(crate) async fn sound(&self, id: &str) {
        let replay = self.engine.replay(&item(id)).await.unwrap();
        assert!(replay.same && !replay.erased, "{id}: {replay:?}");
        let instance = self.instance(id).await;
        let definition = self.engine.definition_of(&instance).await.unwrap();
        assert!(instance.wake_source(&definition).is_some(), "{instance:?}");
        let audit = self.audit();
        assert!(audit.twice_live().is_empty(), "{audit:?}");
    }
}
