//! Robokassa's simulator against its adapter, over both interfaces.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod customers;
mod faults;
mod flows;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use payment::gateways::{AccountSettings, Secret, built_in};
use payment::{Call, Callback, CallbackParts, Gateway, LinkRequest, Usage, Wired};
use serde_json::{Value, json};
use simulator::robokassa::{Hash, Robokassa, RobokassaSettings};
use simulator::{FaultRule, Faults, Provider, SimulatedClient};
use transport::{HttpRequest, HttpResponse};
use values::{Currency, Locale, Money, Timestamp, Zone};

const BASE: &str = "https://robokassa.test";
const INTERFACES: [&str; 2] = ["invoice_api", "classic"];

/// Noon in Moscow, a day after Nowruz.
fn start() -> Timestamp {
    "2026-03-22T09:00:00Z".parse().unwrap()
}

fn request(reference: &str) -> LinkRequest {
    LinkRequest {
        reference: reference.to_owned(),
        amount: Money::from_minor(125_050, Currency::Rub).unwrap(),
        expires_at: start() + TimeDelta::days(1),
        description: "Счёт № 42: «услуги», 50%".to_owned(),
        usage: Usage::OneTime,
        payer_name: None,
        payer_mobile: None,
        comment: None,
        locale: Locale::Ru,
        extras: BTreeMap::new(),
    }
}

/// A shop, its adapter and a clock between them.
struct World {
    provider: Arc<Robokassa>,
    gateway: Arc<dyn Gateway>,
    clock: Arc<Mutex<Timestamp>>,
}

/// How a world is set up.
struct Setup {
    interface: &'static str,
    hash: Hash,
    options: Value,
    rules: Vec<FaultRule>,
    change: fn(&mut RobokassaSettings),
}

impl Setup {
    fn new(interface: &'static str) -> Setup {
        Setup {
            interface,
            hash: Hash::Md5,
            options: json!({}),
            rules: Vec::new(),
            change: |_| {},
        }
    }

    fn build(self) -> World {
        let mut settings = RobokassaSettings::new(BASE, "acme-crm", "p1-Secret", "p2-Secret");
        settings.hash = self.hash;
        settings.result_url = Some("https://crm.test/c/token".to_owned());
        settings.test_passwords = Some(("t1-Secret".to_owned(), "t2-Secret".to_owned()));
        (self.change)(&mut settings);
        let provider = Arc::new(Robokassa::new(settings, Faults::new(self.rules)));
        let clock = Arc::new(Mutex::new(start()));
        let seen = Arc::clone(&clock);
        let now = Arc::new(move || *seen.lock().unwrap_or_else(PoisonError::into_inner));
        let client = SimulatedClient::new(now).with(BASE, provider.clone());
        let mut options = json!({
            "merchant_login": "acme-crm",
            "interface": self.interface,
            "hash": self.hash,
            "services_url": BASE,
            "auth_url": BASE,
            "fiscal_url": BASE,
        });
        for (key, value) in self.options.as_object().unwrap() {
            options[key.as_str()] = value.clone();
        }
        let gateway = Wired::new(adapter(options), Arc::new(client));
        World {
            provider,
            gateway: Arc::new(gateway),
            clock,
        }
    }
}

fn adapter(options: Value) -> Arc<dyn payment::Translator> {
    let secrets = [
        ("password1", "p1-Secret"),
        ("password2", "p2-Secret"),
        ("test_password1", "t1-Secret"),
        ("test_password2", "t2-Secret"),
    ];
    let settings = AccountSettings {
        account: "shop".into(),
        currency: Currency::Rub,
        options,
        secrets: secrets
            .into_iter()
            .map(|(name, text)| (name.to_owned(), Secret::new(text)))
            .collect(),
        callback_url: Some("https://crm.test/c/token".to_owned()),
        zone: Zone::UTC,
    };
    let built = built_in("robokassa").unwrap().adapter.unwrap();
    built(&settings).unwrap()
}

impl World {
    fn set(&self, now: Timestamp) {
        *self.clock.lock().unwrap() = now;
    }

    fn at(&self, after: TimeDelta) -> Call {
        let now = start() + after;
        self.set(now);
        Call {
            now,
            send_by: now + TimeDelta::minutes(1),
        }
    }

    /// Hands the calls due by then to the adapter and answers as it says.
    fn hear_calls(&self, after: TimeDelta) -> Vec<Callback> {
        let now = start() + after;
        self.set(now);
        let calls = self.provider.take_calls(now);
        let read = calls.iter().map(|call| {
            let callback = self.gateway.read_callback(&parts(call).received(now));
            let (status, body) = match &callback {
                Callback::Verified { reply, .. } | Callback::Hint { reply, .. } => {
                    (reply.status, reply.body.clone())
                }
                Callback::Rejected { .. } => (400, String::new()),
            };
            let answer = HttpResponse {
                status,
                headers: Vec::new(),
                body: body.into_bytes(),
            };
            self.provider.hear(now, call, &answer);
            callback
        });
        read.collect()
    }
}

/// A request as a listener hands it on.
fn parts(call: &HttpRequest) -> CallbackParts {
    let (_, query) = call.url.split_once('?').unwrap_or_default();
    CallbackParts {
        method: call.method.clone(),
        query: pairs(query),
        headers: call.headers.clone(),
        body: call.body.clone(),
    }
}

/// A return of the browser, as a listener hands it on.
fn browser(url: &str) -> CallbackParts {
    CallbackParts {
        method: "GET".to_owned(),
        query: pairs(url.split_once('?').unwrap().1),
        ..CallbackParts::default()
    }
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            if byte == b'%' {
                let hex = [rest.next().unwrap(), rest.next().unwrap()];
                let hex = std::str::from_utf8(&hex).unwrap().to_owned();
                bytes.push(u8::from_str_radix(&hex, 16).unwrap());
            } else {
                bytes.push(byte);
            }
        }
        String::from_utf8(bytes).unwrap()
    };
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}
