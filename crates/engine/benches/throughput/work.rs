//! The work unit: one invoice through a small workflow, with two activities that answer at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use activity::{
    Activity, Attempt, Attempted, Catalog, Descriptor, Outcome, Plan, PlanContext, PrepareContext,
    Prepared, Problem, Request, World,
};
use async_trait::async_trait;
use engine::{Engine, Input, Limits};
use host::{Host, MemoryHost, User};
use persistence::{
    Commit, Committed, Error, HistoryEntry, Row, Scan, Store, Stored, Table, VerifyReport,
};
use serde_json::{Value as Json, json};
use state_machine::{Definition, Model};
use tokio::sync::oneshot;
use values::{Currency, Fields, ItemRef, Money, Value};

/// Start, the notice to the assignee, approve, two outcomes, paid.
pub(crate) const COMMITS_PER_ITEM: u64 = 6;

/// Steps of an instance after which both activities have been concluded.
const BEFORE_PAID: u32 = 4;

pub(crate) struct Bench {
    engine: Engine,
    watched: Arc<Watched>,
    next: AtomicU64,
}

impl Bench {
    pub(crate) async fn new(store: Arc<dyn Store>) -> Bench {
        let watched = Arc::new(Watched {
            inner: store,
            waiting: Mutex::default(),
        });
        let host = MemoryHost::new();
        host.put_user(User {
            id: "zahra".into(),
            name: "Zahra".to_owned(),
            active: true,
            roles: vec!["sales_manager".to_owned()],
            groups: Vec::new(),
            positions: Vec::new(),
            manager: None,
            mobile: None,
            email: None,
            language: None,
        });
        let engine = Engine::builder()
            .store(watched.clone())
            .host(Host::from_one(Arc::new(host)))
            .catalog(Catalog::builtin().with(Arc::new(InProcess)))
            // As many as the items in flight may have under way.
            .limits(Limits {
                in_flight_max: 512,
                ..Limits::default()
            })
            .build()
            .await
            .unwrap();
        engine.deploy(definition()).await.unwrap();
        let live = engine.clone();
        tokio::spawn(async move { live.run(std::future::pending()).await });
        Bench {
            engine,
            watched,
            next: AtomicU64::new(0),
        }
    }

    /// Items that wait in their first task.
    pub(crate) async fn fill(self: &Arc<Bench>, items: usize) {
        let tasks: Vec<_> = (0..64)
            .map(|part| {
                let bench = self.clone();
                tokio::spawn(async move {
                    for _ in (part..items).step_by(64) {
                        let item = bench.fresh();
                        bench.engine.submit(start(item)).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }

    /// One item from start to end; the latency of each of its three inputs.
    pub(crate) async fn one_item(&self, latencies: &mut Vec<Duration>) {
        let item = self.fresh();
        let ready = self.watched.wait_for(&item);
        let begun = Instant::now();
        self.engine.submit(start(item.clone())).await.unwrap();
        latencies.push(begun.elapsed());
        let begun = Instant::now();
        let approve = Input::action(item.clone(), "approve", "zahra").with_id("approve");
        self.engine.submit(approve).await.unwrap();
        latencies.push(begun.elapsed());
        ready.await.unwrap();
        let begun = Instant::now();
        let paid = Input::event(item, "settled", Fields::new()).with_id("settled");
        let reply = self.engine.submit(paid).await.unwrap();
        latencies.push(begun.elapsed());
        assert!(reply.ended.is_some(), "{reply:?}");
    }

    fn fresh(&self) -> ItemRef {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        ItemRef::new("invoice", format!("INV-{number:08}")).unwrap()
    }
}

fn start(item: ItemRef) -> Input {
    let amount = Money::from_minor(45_000_000, Currency::Irr).unwrap();
    let fields = Fields::from([
        ("final_amount".to_owned(), Value::Money(amount)),
        ("number".to_owned(), Value::Text(item.id().to_owned())),
    ]);
    Input::start_with(item, fields, None).with_id("start")
}

fn definition() -> Definition {
    let state = |id: &str, kind: Json| json!({ "id": id, "label": null, "kind": kind, "on": [], "display": {} });
    let activity = |to: &str| {
        json!({ "activity": {
            "name": "in_process", "with": {}, "next": { "success": to },
            "retry": { "attempts_max": 1, "pause_seconds": 1, "pause_seconds_max": 1 },
            "timeout_seconds": null,
        } })
    };
    let model = json!({
        "workflow": "work-unit", "version": 1, "entity": "invoice", "label": { "en": "Work unit" },
        "fields": {}, "party_fields": {}, "related": {}, "stages": [], "initial": "review", "on": [],
        "events": { "settled": { "payload": {}, "keep_seconds": 0, "late": "record" } },
        "states": [
            state("review", json!({ "task": {
                "assignee": { "role": "sales_manager" }, "return_to_last": false,
                "remind_seconds": null, "critical_seconds": null,
                "timeout": { "due": { "base": "entry", "shift": {
                    "direction": "after", "amount": { "seconds": 172_800 },
                }, "follow": "live" }, "to": "late" },
                "actions": [{
                    "name": "approve", "label": null, "to": "create_link",
                    "when": "item.final_amount > 0", "roles": [], "require": [],
                    "confirm": null, "color": null, "help": null,
                }],
            } })),
            state("create_link", activity("notify")),
            state("notify", activity("await_payment")),
            state("await_payment", json!({ "wait": {
                "due": null, "event": { "name": "settled", "when": null }, "when": null,
                "payment": null, "by": null, "next": { "event": "done" },
            } })),
            state("done", json!({ "end": "success" })),
            state("late", json!({ "end": "failed" })),
        ],
    });
    let model: Model = serde_json::from_value(model).unwrap();
    Definition::build(model).unwrap()
}

/// An activity whose work is done before it is asked.
struct InProcess;

#[async_trait]
impl Activity for InProcess {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "in_process",
            summary: "Answers at once.",
            outcomes: &["success"],
            required_outcomes: &["success"],
            makes_link: false,
            reaches_outside: false,
            settings_schema: json!({}),
            page: "",
        }
    }

    fn prepare(
        &self,
        _settings: &Json,
        _context: &PrepareContext<'_>,
    ) -> Result<Box<dyn Prepared>, Vec<Problem>> {
        Ok(Box::new(InProcess))
    }

    async fn perform(&self, _request: &Request, _attempt: &Attempt, _world: &World) -> Attempted {
        Attempted::Done {
            result: json!({ "link": "L-1" }),
            observations: Vec::new(),
        }
    }
}

impl Prepared for InProcess {
    fn needs(&self) -> Vec<activity::Need> {
        Vec::new()
    }

    fn reads(&self) -> Vec<&expression::Reads> {
        Vec::new()
    }

    fn plan(&self, _context: &PlanContext<'_>) -> Plan {
        Plan::Perform(Request::new(
            "in_process",
            json!({ "amount": "45000000 IRR" }),
            30,
        ))
    }

    fn conclude(&self, _context: &PlanContext<'_>, _request: &Request, _result: &Json) -> Outcome {
        Outcome::success()
    }
}

/// Steps so far, and whom to tell.
type Waiting = (u32, Option<oneshot::Sender<()>>);

/// A store that tells when an item has come as far as its payment.
struct Watched {
    inner: Arc<dyn Store>,
    waiting: Mutex<HashMap<Vec<u8>, Waiting>>,
}

impl Watched {
    fn wait_for(&self, item: &ItemRef) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let key = item.to_string().into_bytes();
        self.waiting.lock().unwrap().insert(key, (0, Some(sender)));
        receiver
    }

    fn count(&self, subject: &[u8]) {
        let mut waiting = self.waiting.lock().unwrap();
        let Some((commits, sender)) = waiting.get_mut(subject) else {
            return;
        };
        *commits += 1;
        if *commits == BEFORE_PAID {
            if let Some(sender) = sender.take() {
                let _ = sender.send(());
            }
            waiting.remove(subject);
        }
    }
}

#[async_trait]
impl Store for Watched {
    async fn commit(&self, commit: Commit) -> Result<Committed, Error> {
        let step = commit.state.is_some().then(|| commit.subject.clone());
        let committed = self.inner.commit(commit).await?;
        if let Some(subject) = step {
            self.count(&subject);
        }
        Ok(committed)
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
