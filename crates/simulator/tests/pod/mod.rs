//! POD's adapter against POD played in process.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod conformance;
mod faults;
mod operations;
mod paying;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use payment::gateways::pod::Pod as Adapter;
use payment::gateways::{AccountSettings, Secret};
use payment::{
    Call, CreatedLink, Gateway, GatewayError, LinkRequest, LinkStatus, Operated, Operation,
    StatusReport, Usage, Wired,
};
use serde_json::{Value, json};
use simulator::pod::{Business, Pod, PodSettings, Slip};
use simulator::{FaultRule, Faults, LedgerLine, Provider, SimulatedClient};
use transport::{HttpRequest, HttpResponse};
use values::{Currency, Locale, Money, Timestamp, Zone};

const BASE: &str = "https://pod.test";
const CANARY: &str = "canary-token-5d1f";
const DEBTOR_TOKEN: &str = "token-of-the-debtor";
const DEBTOR: u64 = 2002;
const AMOUNT: u64 = 12_500_000;

fn start() -> Timestamp {
    "2026-03-21T08:30:00Z".parse().unwrap()
}

fn settings() -> PodSettings {
    let mut settings = PodSettings::new(BASE, CANARY, "INFO_GUILD").with(Business {
        id: DEBTOR,
        token: DEBTOR_TOKEN.to_owned(),
        guilds: BTreeMap::from([("DEBTOR_GUILD".to_owned(), AMOUNT)]),
        wallets: BTreeMap::from([("PODLAND_WALLET".to_owned(), AMOUNT * 2)]),
    });
    settings.slips = vec![Slip {
        terminal: "1234567".to_owned(),
        merchant: "9001".to_owned(),
        reference: "555000111".to_owned(),
        tracking: "42".to_owned(),
        amount: AMOUNT,
        at: start(),
    }];
    settings
}

/// POD with two businesses, and a clock.
#[derive(Clone)]
struct World {
    base: String,
    now: Arc<Mutex<Timestamp>>,
    pod: Arc<Pod>,
}

impl World {
    fn new(settings: PodSettings, rules: Vec<FaultRule>) -> World {
        World {
            base: settings.base.clone(),
            now: Arc::new(Mutex::new(start())),
            pod: Arc::new(Pod::new(settings, Faults::new(rules))),
        }
    }

    fn plain() -> World {
        World::new(settings(), Vec::new())
    }

    fn set(&self, now: Timestamp) {
        *self.now.lock().unwrap() = now;
    }

    fn pass(&self, time: TimeDelta) {
        let mut now = self.now.lock().unwrap();
        *now += time;
    }

    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn account(&self, token: &str, options: Value) -> Account {
        self.account_in(Currency::Irr, token, options)
    }

    fn account_in(&self, currency: Currency, token: &str, options: Value) -> Account {
        let mut section = json!({
            "guild_code": "INFO_GUILD",
            "service_url": format!("{}/srv/sc", self.base),
            "core_url": format!("{}/srv/core", self.base),
            "pay_url": self.base,
        });
        for (key, value) in options.as_object().unwrap() {
            section[key] = value.clone();
        }
        let settings = AccountSettings {
            account: "main".into(),
            currency,
            options: section,
            secrets: BTreeMap::from([("api_token".to_owned(), Secret::new(token))]),
            callback_url: Some("https://crm.example/c/9f2c".to_owned()),
            zone: Zone::parse("Asia/Tehran").unwrap(),
        };
        let now = Arc::clone(&self.now);
        let client = SimulatedClient::new(Arc::new(move || *now.lock().unwrap()))
            .with(&self.base, Arc::clone(&self.pod) as Arc<dyn Provider>);
        let adapter = Arc::new(Adapter::new(&settings).unwrap());
        Account {
            world: self.clone(),
            gateway: Arc::new(Wired::new(adapter, Arc::new(client))),
        }
    }

    fn ours(&self, options: Value) -> Account {
        self.account(CANARY, options)
    }

    fn debtors(&self) -> Account {
        self.account(DEBTOR_TOKEN, json!({"guild_code": "DEBTOR_GUILD"}))
    }

    fn ledger(&self) -> Vec<LedgerLine> {
        self.pod.ledger(self.now())
    }

    fn line(&self, link: &CreatedLink) -> LedgerLine {
        let id = &link.provider_ref.0["invoice_id"];
        let mut lines = self.ledger().into_iter();
        lines.rfind(|line| line.provider_id == *id).unwrap()
    }

    /// A person's browser.
    fn browse(&self, url: &str, action: Option<&str>) -> HttpResponse {
        let request = HttpRequest {
            method: if action.is_some() { "POST" } else { "GET" }.to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: action
                .map(|it| format!("action={it}"))
                .unwrap_or_default()
                .into_bytes(),
            timeout: TimeDelta::seconds(30),
            response_bytes_max: 1 << 20,
        };
        match self.pod.answer(self.now(), &request) {
            simulator::Answer::Reply(response) => response,
            other => panic!("{other:?}"),
        }
    }

    fn pay(&self, url: &str) -> Result<(), String> {
        self.pod.pay(self.now(), url)
    }
}

/// One business's account, spoken to at the world's time.
struct Account {
    world: World,
    gateway: Arc<Wired<Adapter>>,
}

impl Account {
    fn call(&self) -> Call {
        let now = self.world.now();
        Call {
            now,
            send_by: now + TimeDelta::minutes(1),
        }
    }

    async fn create(&self, request: &LinkRequest) -> Result<CreatedLink, GatewayError> {
        self.gateway.create(self.call(), request).await
    }

    async fn make(&self, reference: &str) -> CreatedLink {
        self.create(&request(reference)).await.unwrap()
    }

    /// An invoice that the other business owes.
    async fn make_for_debtor(&self, reference: &str) -> CreatedLink {
        let mut request = request(reference);
        request
            .extras
            .insert("user_id".to_owned(), DEBTOR.to_string());
        self.create(&request).await.unwrap()
    }

    async fn report(&self, link: &CreatedLink) -> StatusReport {
        let call = self.call();
        self.gateway.status(call, &link.provider_ref).await.unwrap()
    }

    async fn status(&self, link: &CreatedLink) -> LinkStatus {
        self.report(link).await.status
    }

    async fn cancel(&self, link: &CreatedLink) -> Result<(), GatewayError> {
        let closer = self.gateway.as_deactivate().unwrap();
        closer.deactivate(self.call(), &link.provider_ref).await
    }

    async fn operate(
        &self,
        link: &CreatedLink,
        operation: Operation,
    ) -> Result<Operated, GatewayError> {
        let call = self.call();
        self.gateway
            .operate(call, &link.provider_ref, &operation)
            .await
    }

    /// The code of an operation that is refused for good.
    async fn refused(&self, link: &CreatedLink, operation: Operation) -> String {
        let error = self.operate(link, operation).await.unwrap_err();
        assert_eq!(error.class, payment::ErrorClass::Permanent, "{error:?}");
        error.code
    }
}

fn amount() -> Money {
    Money::from_minor(i128::from(AMOUNT), Currency::Irr).unwrap()
}

fn request(reference: &str) -> LinkRequest {
    LinkRequest {
        reference: reference.to_owned(),
        amount: amount(),
        expires_at: start() + TimeDelta::days(1),
        description: "فاکتور ۱۴۰۵/۱۷ <b>".to_owned(),
        usage: Usage::OneTime,
        payer_name: Some("شرکت نمونه".to_owned()),
        payer_mobile: Some("+989121234567".to_owned()),
        comment: Some("for staff".to_owned()),
        locale: Locale::Fa,
        extras: BTreeMap::new(),
    }
}
