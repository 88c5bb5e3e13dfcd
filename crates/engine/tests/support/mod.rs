//! A small world: one account on the sandbox, a CRM in memory, a clock that is set by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use activity::Account;
use chrono::TimeDelta;
use engine::{Engine, Input, ManualClock};
use host::{Host, MemoryHost, MemoryItem, Party, PartyKind, PartyRole, Person, User};
use payment::gateways::sandbox::{Sandbox, SandboxSettings};
use persistence::{MemoryStore, Store};
use serde_json::{Value as Json, json};
use state_machine::{Definition, Model};
use values::{Currency, Fields, ItemRef, Locale, Money, PartyId, Timestamp, UserId, Value, Zone};

/// Everything a test touches.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) host: Arc<MemoryHost>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sandbox: Arc<Sandbox>,
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
        name: "main".into(),
        gateway: "sandbox".to_owned(),
        currency: Currency::Irr,
        active: true,
        online_payment: true,
        expires_days: Some(2),
        receipt_type: None,
        amount_max: None,
        amount_min: None,
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

impl World {
    pub(crate) async fn new(options: Json) -> World {
        World::on(Arc::new(MemoryStore::new()), options).await
    }

    pub(crate) async fn on(store: Arc<dyn Store>, options: Json) -> World {
        let clock = Arc::new(ManualClock::at(start_time()));
        World::with(store, crm(), sandbox(options), clock).await
    }

    pub(crate) async fn with(
        store: Arc<dyn Store>,
        host: Arc<MemoryHost>,
        sandbox: Arc<Sandbox>,
        clock: Arc<ManualClock>,
    ) -> World {
        let engine = Engine::builder()
            .store(store.clone())
            .host(Host::from_one(host.clone()))
            .account(account(), sandbox.clone())
            .clock(clock.clone())
            .zone(Zone::parse("Asia/Tehran").unwrap())
            .locales(vec![Locale::Fa, Locale::En])
            .build()
            .await
            .unwrap();
        World {
            engine,
            clock,
            host,
            store,
            sandbox,
        }
    }

    /// The same store, host, gateway and clock under a new engine, as after a restart.
    pub(crate) async fn restarted(self) -> World {
        let World {
            store,
            host,
            sandbox,
            clock,
            ..
        } = self;
        World::with(store, host, sandbox, clock).await
    }

    /// Moves the clock from due moment to due moment, and settles at each.
    pub(crate) async fn advance(&self, delta: TimeDelta) {
        let target = self.engine.now() + delta;
        self.engine.settle().await.unwrap();
        while let Some(due) = self
            .engine
            .next_due()
            .await
            .unwrap()
            .filter(|due| *due <= target)
        {
            self.clock.set(due.max(self.engine.now()));
            self.engine.settle().await.unwrap();
        }
        self.clock.set(target);
        self.engine.settle().await.unwrap();
    }

    pub(crate) async fn start(&self, id: &str) {
        put_invoice(&self.host, id, 45_000_000);
        self.engine.submit(Input::start(item(id))).await.unwrap();
    }

    pub(crate) async fn state(&self, id: &str) -> String {
        self.engine
            .instance(&item(id))
            .await
            .unwrap()
            .unwrap()
            .state
    }
}

/// A model from its states, as JSON of the canonical form.
pub(crate) fn model(states: Json) -> Definition {
    model_with(states, json!({}))
}

pub(crate) fn model_with(states: Json, more: Json) -> Definition {
    let mut model = json!({
        "workflow": "invoice-payment", "version": 1, "entity": "invoice",
        "label": { "en": "Invoice payment" },
        "fields": {
            "pay_days": field("number"), "mobile": field("text"), "reason": field("text"),
            "receipt": field("receipt"),
        },
        "party_fields": {}, "related": {}, "events": {}, "stages": [], "initial": "review",
        "on": [], "states": states,
    });
    for (key, value) in more.as_object().unwrap() {
        model[key] = value.clone();
    }
    let model: Model = serde_json::from_value(model).unwrap();
    Definition::build(model).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

pub(crate) fn field(kind: &str) -> Json {
    json!({ "type": kind, "label": null, "currency": null, "personal": false })
}

pub(crate) fn state(id: &str, kind: Json) -> Json {
    json!({ "id": id, "label": null, "kind": kind, "on": [], "display": {} })
}

pub(crate) fn task(role: &str, actions: &[(&str, &str)]) -> Json {
    let actions: Vec<Json> = actions
        .iter()
        .map(|(name, to)| action(name, to, json!({})))
        .collect();
    json!({ "task": {
        "assignee": { "role": role }, "return_to_last": false, "actions": actions,
        "remind_seconds": null, "critical_seconds": null, "timeout": null,
    } })
}

pub(crate) fn action(name: &str, to: &str, more: Json) -> Json {
    let mut action = json!({
        "name": name, "label": null, "to": to, "when": null, "roles": [], "require": [],
        "confirm": null, "color": null, "help": null,
    });
    for (key, value) in more.as_object().unwrap() {
        action[key] = value.clone();
    }
    action
}

pub(crate) fn activity(name: &str, with: Json, next: &[(&str, &str)]) -> Json {
    let next: BTreeMap<&str, &str> = next.iter().copied().collect();
    json!({ "activity": {
        "name": name, "with": with, "next": next,
        "retry": { "attempts_max": 5, "pause_seconds": 10, "pause_seconds_max": 3600 },
        "timeout_seconds": null,
    } })
}

pub(crate) fn wait_payment(of: &str, next: &[(&str, &str)]) -> Json {
    let next: BTreeMap<&str, &str> = next.iter().copied().collect();
    json!({ "wait": {
        "due": null, "event": null, "when": null, "payment": of, "by": null, "next": next,
    } })
}

/// The flagship: review → make_link → await → paid, with a task for errors.
pub(crate) fn flagship() -> Definition {
    model_with(
        json!([
            state("review", task("sales_manager", &[("approve", "make_link")])),
            state(
                "make_link",
                activity(
                    "create_payment_link",
                    link_settings(),
                    &[("success", "await_payment"), ("error", "link_failed"),]
                )
            ),
            state(
                "await_payment",
                wait_payment("make_link", &[("paid", "done"), ("expired", "remind")])
            ),
            state(
                "remind",
                task(
                    "sales_manager",
                    &[("again", "make_link"), ("stop", "given_up")]
                )
            ),
            state(
                "link_failed",
                task(
                    "sales_manager",
                    &[("again", "make_link"), ("stop", "given_up")]
                )
            ),
            state("done", json!({ "end": "success" })),
            state("given_up", json!({ "end": "failed" })),
        ]),
        json!({ "on": [{ "event": "paid_late", "of": "make_link", "when": null, "to": "done" }] }),
    )
}

pub(crate) fn link_settings() -> Json {
    json!({
        "account": "main", "amount": "final", "expires": { "days": { "field": "pay_days" } },
        "recipients": { "sms": ["contact"] }, "message": "default",
        "receipt": { "type": "online", "approve": "auto", "field": "receipt" },
    })
}
