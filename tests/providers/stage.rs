//! One engine, one simulated provider, customers who pay, and the judge who compares both books.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;
use std::sync::{Arc, Mutex};

use charkh::engine::{Comparison, LinkFilter, ManualClock, Window};
use charkh::host::{Party, PartyKind, User};
use charkh::payment::gateways::{AccountSettings, Secret, built_in};
use charkh::payment::{CallbackParts, Wired};
use charkh::simulator::pod::{Pod, PodSettings};
use charkh::simulator::robokassa::{Robokassa, RobokassaSettings};
use charkh::simulator::sizpay::{Sizpay, SizpaySettings, StatusShape};
use charkh::simulator::{FaultRule, Faults, LinkState, Provider, SimulatedClient};
use charkh::transport::{HttpClient, HttpError, HttpRequest, HttpResponse};
use charkh::values::{Currency, Fields, PartyId, TimeDelta, Timestamp, Value, Zone};
use charkh::{
    Account, Catalog, Engine, Gateway, Input, ItemRef, MemoryHost, MemoryItem, MemoryStore, Money,
    SourceFile, async_trait, workflow_file,
};
use serde_json::{Value as Json, json};

use super::fuse::{CrashHost, CrashStore, Fuse};

const WORKFLOW: &str = "
workflow: sale
version: 1
entity: invoice
label: Sale
fields:
  receipt: { type: receipt }
initial: review
on:
  paid_late: { of: make_link, to: paid }
states:
  review:
    task:
      assignee: { role: sales_manager }
      actions:
        approve: { to: make_link }
  make_link:
    activity: create_payment_link
    with:
      account: main
      amount: final
      expires: { days: 2 }
      recipients: { sms: [{ number: \"09121112233\" }] }
      receipt: { type: online, approve: auto, field: receipt }
    next: { success: await_payment, error: desk }
  await_payment:
    wait: { payment: make_link }
    next: { paid: paid, expired: desk }
  desk:
    task:
      assignee: { role: sales_manager }
      actions:
        give_up: { to: failed }
  paid: { end: success }
  failed: { end: failed }
";

/// Which provider is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Played {
    SizPay,
    Pod,
    /// POD, where a payment waits until we have said that we take it.
    PodWaiting,
    RobokassaApi,
    RobokassaClassic,
}

/// All of them.
pub(super) const PROVIDERS: [Played; 4] = [
    Played::SizPay,
    Played::Pod,
    Played::RobokassaApi,
    Played::RobokassaClassic,
];

/// Where the provider is played.
const PROVIDER: &str = "https://provider.test";

/// Where the provider calls us.
const CALLBACK: &str = "https://crm.test/c/token";

/// What a series came to.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Seen {
    pub(super) items: usize,
    pub(super) payments: usize,
    pub(super) parked: usize,
    /// Differences between the two books, each about something that a person is asked about.
    pub(super) differences: usize,
}

impl AddAssign for Seen {
    fn add_assign(&mut self, other: Seen) {
        self.items += other.items;
        self.payments += other.payments;
        self.parked += other.parked;
        self.differences += other.differences;
    }
}

/// What outlives the engine: the provider with its customers, the CRM, the store, the time.
pub(super) struct Surroundings {
    played: Played,
    clock: Arc<ManualClock>,
    pub(super) provider: Arc<dyn Provider>,
    settings: AccountSettings,
    faults: Faults,
    /// Bodies of requests, in order.
    pub(super) asked: Arc<Mutex<Vec<String>>>,
    pub(super) crm: Arc<MemoryHost>,
    store: Arc<MemoryStore>,
    seed: u64,
    /// When a customer goes to a pay page, by its URL; none when they have been there.
    visits: Mutex<BTreeMap<String, Option<Timestamp>>>,
}

pub(super) struct Stage {
    pub(super) around: Arc<Surroundings>,
    pub(super) engine: Engine,
}

fn start() -> Timestamp {
    "2026-03-21T08:30:00Z".parse().unwrap()
}

impl Played {
    fn gateway(self) -> &'static str {
        match self {
            Played::SizPay => "sizpay",
            Played::Pod | Played::PodWaiting => "pod",
            Played::RobokassaApi | Played::RobokassaClassic => "robokassa",
        }
    }

    fn currency(self) -> Currency {
        match self {
            Played::SizPay | Played::Pod | Played::PodWaiting => Currency::Irr,
            Played::RobokassaApi | Played::RobokassaClassic => Currency::Rub,
        }
    }

    fn amount(self) -> Money {
        let text = match self {
            Played::SizPay | Played::Pod | Played::PodWaiting => "12500000 IRR",
            Played::RobokassaApi | Played::RobokassaClassic => "1250.50 RUB",
        };
        Money::parse(text).unwrap()
    }

    /// The provider behind its address, and the account's options and secrets.
    fn set_up(self, faults: Faults) -> (Arc<dyn Provider>, Json, Json) {
        match self {
            Played::SizPay => {
                let settings = SizpaySettings {
                    status_shape: StatusShape::Documented,
                    ..SizpaySettings::at_base(&format!("{PROVIDER}/"))
                };
                let options = json!({
                    "base_url": settings.api_base, "pay_link_name": settings.pay_link_name,
                    "request_life_max": "60s", "lookup_staleness_max": "30s",
                    "status_reply": SizpaySettings::reply_options(),
                });
                let secrets =
                    json!({ "user_name": settings.user_name, "password": settings.password });
                (Arc::new(Sizpay::new(settings, faults)), options, secrets)
            }
            Played::Pod | Played::PodWaiting => {
                let settings = PodSettings::new(PROVIDER, "pod-token", "INFO_GUILD");
                let options = json!({
                    "verification": self == Played::PodWaiting,
                    "guild_code": "INFO_GUILD", "pay_url": PROVIDER,
                    "service_url": format!("{PROVIDER}/srv/sc"), "core_url": format!("{PROVIDER}/srv/core"),
                });
                let secrets = json!({ "api_token": "pod-token" });
                (Arc::new(Pod::new(settings, faults)), options, secrets)
            }
            Played::RobokassaApi | Played::RobokassaClassic => {
                let mut settings =
                    RobokassaSettings::new(PROVIDER, "acme-crm", "p1-Secret", "p2-Secret");
                settings.result_url = Some(CALLBACK.to_owned());
                let interface = if self == Played::RobokassaApi {
                    "invoice_api"
                } else {
                    "classic"
                };
                let options = json!({
                    "merchant_login": "acme-crm", "interface": interface,
                    "services_url": PROVIDER, "auth_url": PROVIDER, "fiscal_url": PROVIDER,
                });
                let secrets = json!({ "password1": "p1-Secret", "password2": "p2-Secret" });
                (Arc::new(Robokassa::new(settings, faults)), options, secrets)
            }
        }
    }
}

impl Surroundings {
    pub(super) fn new(played: Played, rules: Vec<FaultRule>, seed: u64) -> Arc<Surroundings> {
        let faults = Faults::new(rules);
        let (provider, options, secrets) = played.set_up(faults.clone());
        let secrets: BTreeMap<String, String> = serde_json::from_value(secrets).unwrap();
        let secrets = secrets
            .into_iter()
            .map(|(name, text)| (name, Secret::new(text)));
        Arc::new(Surroundings {
            played,
            clock: Arc::new(ManualClock::at(start())),
            provider,
            settings: AccountSettings {
                account: "main".into(),
                currency: played.currency(),
                options,
                secrets: secrets.collect(),
                callback_url: Some(CALLBACK.to_owned()),
                zone: Zone::parse("Asia/Tehran").unwrap(),
            },
            faults,
            asked: Arc::default(),
            crm: crm(),
            store: Arc::new(MemoryStore::new()),
            seed,
            visits: Mutex::default(),
        })
    }

    /// An engine among them that dies at an operation of its fuse.
    pub(super) async fn engine(self: &Arc<Surroundings>, fuse: &Arc<Fuse>) -> Stage {
        let adapter = built_in(self.played.gateway()).unwrap().adapter.unwrap();
        let now = self.clock.clone();
        let client = SimulatedClient::new(Arc::new(move || charkh::Clock::now(now.as_ref())))
            .with(PROVIDER, self.provider.clone());
        let client = CrashClient {
            asked: self.asked.clone(),
            inner: client,
            fuse: fuse.clone(),
        };
        let gateway = Arc::new(Wired::new(
            adapter(&self.settings).unwrap(),
            Arc::new(client),
        ));
        let capabilities = gateway.capabilities();
        let engine = Engine::builder()
            .store(Arc::new(CrashStore {
                inner: self.store.clone(),
                fuse: fuse.clone(),
            }))
            .host(CrashHost::host(&self.crm, fuse))
            .account(
                account(self.played).with_capabilities(&capabilities),
                gateway,
            )
            .clock(self.clock.clone())
            .zone(self.settings.zone)
            .build()
            .await
            .unwrap();
        let source = SourceFile::new("sale.yaml", WORKFLOW);
        let workflow = workflow_file::load(&source, &Catalog::builtin(), None).unwrap();
        engine.deploy(workflow.definition).await.unwrap();
        Stage {
            around: self.clone(),
            engine,
        }
    }
}

/// The plug under a fuse.
struct CrashClient {
    asked: Arc<Mutex<Vec<String>>>,
    inner: SimulatedClient,
    fuse: Arc<Fuse>,
}

#[async_trait]
impl HttpClient for CrashClient {
    async fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        self.asked.lock().unwrap().push(body);
        self.fuse.pass(self.inner.send(request)).await
    }
}

impl Stage {
    pub(super) async fn new(played: Played, rules: Vec<FaultRule>, seed: u64) -> Stage {
        let around = Surroundings::new(played, rules, seed);
        around.engine(&Fuse::safe()).await
    }

    /// So many invoices are approved, and whoever gets a link pays it a few hours later. Every input has an
    /// id, so that the same play goes on after a crash.
    pub(super) async fn play(&self, items: u32) {
        for number in 0..items {
            let item = ItemRef::new("invoice", format!("INV-{number}")).unwrap();
            if self.around.crm.item(&item).is_none() {
                let amount = Value::Money(self.around.played.amount());
                let record = MemoryItem {
                    fields: Fields::from([("final_amount".to_owned(), amount)]),
                    party: Some(PartyId::from("p1")),
                    ..MemoryItem::default()
                };
                self.around.crm.put_item(item.clone(), record);
            }
            let begin = Input::start(item.clone()).with_id("start");
            self.engine.submit(begin).await.unwrap();
            let approve = Input::action(item, "approve", "zahra").with_id("approve");
            self.engine.submit(approve).await.unwrap();
        }
        let end = start() + TimeDelta::days(40);
        while self.engine.now() < end {
            self.turn().await;
            let due = self.engine.next_due().await.unwrap();
            let visits = self.around.visits.lock().unwrap().clone();
            let next = [due, self.around.provider.next_call_at()]
                .into_iter()
                .flatten()
                .chain(visits.into_values().flatten())
                .filter(|at| *at > self.engine.now())
                .min();
            self.around.clock.set(next.unwrap_or(end).min(end));
        }
    }

    /// Everything that happens now: our work, the provider's calls, customers at the pay page.
    async fn turn(&self) {
        let provider = &self.around.provider;
        self.engine.settle().await.unwrap();
        let now = self.engine.now();
        for call in provider.take_calls(now) {
            let reply = self
                .engine
                .handle_callback(&"main".into(), parts(&call))
                .await
                .unwrap();
            let response = HttpResponse {
                status: reply.status,
                headers: Vec::new(),
                body: reply.body.into_bytes(),
            };
            provider.hear(now, &call, &response);
        }
        self.engine.settle().await.unwrap();
        let links = self.engine.links().await.unwrap();
        let mut visits = self.around.visits.lock().unwrap();
        for link in links {
            let hours = self.around.seed.wrapping_add(visits.len() as u64) % 30;
            let at = link.created_at + TimeDelta::hours(i64::try_from(hours).unwrap() + 1);
            visits.entry(link.url.clone()).or_insert(Some(at));
        }
        for (url, visit) in visits.iter_mut() {
            if visit.is_some_and(|at| at <= now) {
                // The page may say no, as when the link was closed; nobody tries twice.
                let _ = provider.pay(now, url);
                *visit = None;
            }
        }
    }

    /// Compares the provider's book with ours.
    pub(super) async fn judge(&self) -> Seen {
        let ledger = self.around.provider.ledger(self.engine.now());
        let ours = self.engine.payments().await.unwrap();
        let links = self.engine.links().await.unwrap();
        let attention = self.engine.attention().await.unwrap();
        let watched: BTreeSet<String> = attention.iter().map(|row| row.item.to_string()).collect();
        let mut live = BTreeMap::<&str, u32>::new();
        for line in &ledger {
            *live.entry(&line.order_no).or_default() += u32::from(line.state == LinkState::Live);
        }
        assert!(
            live.values().all(|count| *count <= 1),
            "two live links: {ledger:#?}"
        );
        let theirs: usize = ledger.iter().map(|line| line.payments.len()).sum();
        let mut lost = 0;
        for line in ledger.iter().filter(|line| !line.payments.is_empty()) {
            let link = links.iter().find(|link| {
                let mut names = link.provider_ref.0.values();
                link.reference == line.order_no || names.any(|name| *name == line.order_no)
            });
            let link = link.unwrap_or_else(|| panic!("nobody knows {line:?}"));
            let booked: Vec<Money> = ours
                .iter()
                .filter(|payment| payment.link == link.id)
                .map(|payment| payment.fact.amount)
                .collect();
            let paid: Vec<Money> = line.payments.iter().map(|(_, amount, _)| *amount).collect();
            if booked != paid {
                lost += paid.len().saturating_sub(booked.len());
                let item = link.item.to_string();
                assert!(watched.contains(&item), "{line:?} {link:?}: {booked:?}");
            }
        }
        assert_eq!(ours.len() + lost, theirs, "{ours:#?}\n{ledger:#?}");
        let receipts = self.around.crm.receipts().len();
        assert_eq!(receipts, ours.len(), "one receipt for each payment");
        for link in links.iter().filter(|link| link.status.is_paid()) {
            assert!(
                ours.iter().any(|payment| payment.link == link.id),
                "{link:?} is paid by nothing"
            );
        }
        Seen {
            differences: self.compare(&watched).await,
            items: self.engine.instances(None).await.unwrap().len(),
            payments: ours.len(),
            parked: watched.len(),
        }
    }

    /// Once nothing goes wrong any more, the two books differ in nothing but what a person is asked about.
    async fn compare(&self, watched: &BTreeSet<String>) -> usize {
        self.around.faults.heal();
        let wanted = Comparison {
            filter: LinkFilter {
                created: Window {
                    from: Some(start() - TimeDelta::days(1)),
                    to: None,
                },
                ..LinkFilter::default()
            },
            ..Comparison::default()
        };
        let report = self.engine.compare_links(&wanted).await.unwrap();
        let links = self.engine.links().await.unwrap();
        for difference in &report.differences {
            let item = links
                .iter()
                .find(|link| Some(&link.id) == difference.link.as_ref())
                .map(|link| link.item.to_string());
            let asked = item.is_some_and(|item| watched.contains(&item));
            assert!(asked, "{difference:#?}\n{links:#?}");
        }
        assert_eq!(report.more, 0);
        let lists = self.around.played != Played::RobokassaClassic;
        assert_eq!(report.unlisted.is_empty(), lists, "{report:#?}");
        assert!(!lists || report.listed >= report.compared, "{report:#?}");
        report.differences.len()
    }

    /// What must be the same however often the process died.
    pub(super) async fn end(&self) -> Vec<String> {
        let mut end = Vec::new();
        for instance in self.engine.instances(None).await.unwrap() {
            let code = instance.incident.as_ref().map(|incident| &incident.code);
            end.push(format!("{} in {} {code:?}", instance.item, instance.state));
        }
        for link in self.engine.links().await.unwrap() {
            end.push(format!("link {} {}", link.reference, link.status.name()));
        }
        for payment in self.engine.payments().await.unwrap() {
            end.push(format!(
                "payment of {} {}",
                payment.link, payment.fact.amount
            ));
        }
        for line in self.around.provider.ledger(self.engine.now()) {
            let (paid, state) = (line.payments.len(), line.state);
            end.push(format!("{}: {state:?}, paid {paid} times", line.order_no));
        }
        let mut sent: Vec<String> = self
            .around
            .crm
            .sent()
            .into_iter()
            .map(|sent| sent.key)
            .collect();
        sent.sort();
        end.extend(sent);
        end.push(format!("{} receipts", self.around.crm.receipts().len()));
        end
    }
}

fn account(played: Played) -> Account {
    Account {
        expires_days: Some(2),
        ..Account::new("main", played.gateway(), played.currency())
    }
}

fn crm() -> Arc<MemoryHost> {
    let crm = MemoryHost::new();
    crm.put_user(User {
        id: "zahra".into(),
        name: "زهرا".to_owned(),
        active: true,
        roles: vec!["sales_manager".to_owned()],
        groups: Vec::new(),
        positions: Vec::new(),
        manager: None,
        mobile: None,
        email: None,
        language: None,
    });
    crm.put_party(Party {
        id: PartyId::from("p1"),
        name: "پارس‌پلاست".to_owned(),
        number: None,
        kind: PartyKind::Company,
        lead: false,
        language: None,
        mobile: Some("09121112233".to_owned()),
        email: None,
        fields: Fields::new(),
    });
    Arc::new(crm)
}

/// A provider's request as whoever listens hands it in.
fn parts(call: &HttpRequest) -> CallbackParts {
    let query = call.url.split_once('?').map_or("", |(_, query)| query);
    CallbackParts {
        method: call.method.clone(),
        query: decoded(query),
        headers: call.headers.clone(),
        body: call.body.clone(),
    }
}

fn decoded(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            match byte {
                b'+' => bytes.push(b' '),
                b'%' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    let digits = std::str::from_utf8(&digits).unwrap().to_owned();
                    bytes.push(u8::from_str_radix(&digits, 16).unwrap());
                }
                other => bytes.push(other),
            }
        }
        String::from_utf8(bytes).unwrap()
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}
