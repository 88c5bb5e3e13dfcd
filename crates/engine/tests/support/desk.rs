//! A provider whose word a test sets link by link: what its links are, what it can do, what it was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use payment::{
    Call, Callback, CallbackParts, CallbackReply, Capabilities, CreatedLink, Deactivate,
    Descriptor, Found, Gateway, GatewayError, Limits, LinkRequest, LinkStatus, ListPage, ListSpan,
    ListedLink, Operated, Operation, OperationName, PaymentFact, ProviderRef, RepeatClass,
    RepeatSafety, StatusReport,
};
use serde_json::{Value as Json, json};
use state_machine::Definition;
use tokio::sync::Notify;
use values::{Currency, Money, Timestamp};

use super::{Parts, activity, link_settings, model, state, task, wait_payment};

type Hook =
    Mutex<Box<dyn FnMut(&str, &mut BTreeMap<String, StatusReport>) -> Option<GatewayError> + Send>>;

/// A provider in a test's hand.
pub(crate) struct Desk {
    pub(crate) capabilities: Mutex<Capabilities>,
    links: Mutex<BTreeMap<String, StatusReport>>,
    made: Mutex<Vec<LinkRequest>>,
    requests: Mutex<Vec<String>>,
    before: Hook,
    meanwhile: Mutex<Option<BoxFuture<'static, ()>>>,
    batches: bool,
    numbered: bool,
    lists: bool,
    gate: Mutex<Option<Arc<Notify>>>,
    strangers: Mutex<Vec<ListedLink>>,
}

impl Desk {
    pub(crate) fn new() -> Desk {
        Desk {
            capabilities: Mutex::new(Capabilities {
                repeat: RepeatSafety {
                    class: RepeatClass::Idempotent,
                    request_life_max: None,
                    lookup_staleness_max: None,
                },
                status: true,
                deactivate: false,
                reusable: true,
                closes_at_expiry: true,
                signed_callback: true,
                texts_payer: false,
                operations: Vec::new(),
                limits: Limits::default(),
            }),
            links: Mutex::default(),
            made: Mutex::default(),
            requests: Mutex::default(),
            before: Mutex::new(Box::new(|_, _| None)),
            meanwhile: Mutex::default(),
            batches: false,
            numbered: false,
            lists: false,
            gate: Mutex::default(),
            strangers: Mutex::default(),
        }
    }

    /// It names links by a number of its own.
    pub(crate) fn numbered(mut self) -> Desk {
        self.numbered = true;
        self
    }

    /// It reads many links at once.
    pub(crate) fn batching(mut self) -> Desk {
        self.batches = true;
        self
    }

    /// Answers about links are on their way until they are freed.
    pub(crate) fn hold(&self) -> Arc<Notify> {
        let gate = Arc::new(Notify::new());
        *self.gate.lock().unwrap() = Some(gate.clone());
        gate
    }

    pub(crate) fn free(&self, gate: &Notify) {
        *self.gate.lock().unwrap() = None;
        gate.notify_one();
    }

    /// It lists what it has, two links a page.
    pub(crate) fn listing(mut self) -> Desk {
        self.lists = true;
        self
    }

    /// It has a link that was made by somebody else.
    pub(crate) fn stranger(&self, name: &str) {
        self.strangers.lock().unwrap().push(ListedLink {
            name: name.to_owned(),
            amount: Money::parse("7_000_000 IRR").ok(),
            created_at: None,
            status: LinkStatus::Created,
        });
    }

    /// From now on the provider says that a link is over so much.
    pub(crate) fn over(&self, reference: &str, amount: Money) {
        let mut made = self.made.lock().unwrap();
        let mine = made.iter_mut().filter(|made| made.reference == reference);
        mine.for_each(|made| made.amount = amount);
    }

    pub(crate) fn closing(self) -> Desk {
        self.capabilities.lock().unwrap().deactivate = true;
        self
    }

    pub(crate) fn offering(self, operation: OperationName) -> Desk {
        self.capabilities.lock().unwrap().operations.push(operation);
        self
    }

    /// It texts the payer itself, with these limits.
    pub(crate) fn texting(self, pause: TimeDelta, resends_max: u32) -> Desk {
        {
            let mut capabilities = self.capabilities.lock().unwrap();
            capabilities.texts_payer = true;
            capabilities.operations.push(OperationName::Resend);
            capabilities.limits.resend_pause = Some(pause);
            capabilities.limits.resends_max = Some(resends_max);
        }
        self
    }

    /// Runs before each request with the ledger; an error is the answer.
    pub(crate) fn before(
        &self,
        hook: impl FnMut(&str, &mut BTreeMap<String, StatusReport>) -> Option<GatewayError>
        + Send
        + 'static,
    ) {
        *self.before.lock().unwrap() = Box::new(hook);
    }

    /// Happens while its next answer to a question about a link is on the way.
    pub(crate) fn meanwhile(&self, work: impl Future<Output = ()> + Send + 'static) {
        *self.meanwhile.lock().unwrap() = Some(work.boxed());
    }

    /// From now on the provider says this of a link.
    pub(crate) fn say(&self, reference: &str, status: LinkStatus, payments: Vec<PaymentFact>) {
        let mut links = self.links.lock().unwrap();
        let link = links.get_mut(reference).unwrap();
        link.status = status;
        link.payments = payments;
    }

    pub(crate) fn made(&self) -> Vec<LinkRequest> {
        self.made.lock().unwrap().clone()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, operation: &str) -> usize {
        let requests = self.requests();
        let mine = requests
            .iter()
            .filter(|request| request.starts_with(operation));
        mine.count()
    }

    fn asked(&self, what: &str) -> Result<(), GatewayError> {
        self.requests.lock().unwrap().push(what.to_owned());
        let mut links = self.links.lock().unwrap();
        match self.before.lock().unwrap()(what, &mut links) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Its word about a link, as a call whose signature holds.
    pub(crate) fn signed(report: &StatusReport) -> CallbackParts {
        body(&format!(
            "signed {}",
            serde_json::to_string(report).unwrap()
        ))
    }

    /// A call that proves nothing.
    pub(crate) fn hint(name: &str, extra: &str) -> CallbackParts {
        body(&format!("hint {name} {extra}"))
    }
}

fn body(text: &str) -> CallbackParts {
    CallbackParts {
        method: "POST".to_owned(),
        body: text.as_bytes().to_vec(),
        ..CallbackParts::default()
    }
}

fn reply() -> CallbackReply {
    CallbackReply {
        status: 200,
        body: "ok".to_owned(),
    }
}

#[async_trait]
impl Gateway for Desk {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "sandbox",
            title: "A desk",
            currencies: vec![Currency::Irr],
            sandbox: true,
        }
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.lock().unwrap().clone()
    }

    fn order_no(&self, reference: &str) -> String {
        if !self.numbered {
            return reference.to_owned();
        }
        let number = reference.bytes().fold(7_u64, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(byte.into())
        });
        number.to_string()
    }

    fn validate(&self, _request: &LinkRequest) -> Vec<GatewayError> {
        Vec::new()
    }

    async fn create(
        &self,
        _call: Call,
        request: &LinkRequest,
    ) -> Result<CreatedLink, GatewayError> {
        self.asked("create")?;
        let reference = request.reference.clone();
        self.made.lock().unwrap().push(request.clone());
        self.links.lock().unwrap().insert(
            reference.clone(),
            StatusReport {
                reference: reference.clone(),
                status: LinkStatus::Created,
                payments: Vec::new(),
            },
        );
        Ok(CreatedLink {
            provider_ref: ProviderRef([("reference".to_owned(), reference)].into()),
            url: "https://desk.example/1".to_owned(),
            url_valid_until: self
                .capabilities()
                .operations
                .contains(&OperationName::RefreshUrl)
                .then(|| super::start_time() + TimeDelta::minutes(5)),
            amount: Some(request.amount),
        })
    }

    async fn status(&self, _call: Call, link: &ProviderRef) -> Result<StatusReport, GatewayError> {
        self.asked("status")?;
        let known = {
            let links = self.links.lock().unwrap();
            links.get(&link.0["reference"]).cloned()
        };
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(work) = meanwhile {
            work.await;
        }
        let gate = self.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.notified().await;
        }
        known.ok_or_else(|| GatewayError::retryable("link_not_found", "there is no such link"))
    }

    async fn find(&self, _call: Call, _reference: &str) -> Result<Found, GatewayError> {
        Ok(Found::CannotTell)
    }

    async fn status_many(
        &self,
        _call: Call,
        links: &[ProviderRef],
    ) -> Option<Result<Vec<StatusReport>, GatewayError>> {
        if !self.batches {
            return None;
        }
        if let Err(error) = self.asked(&format!("batch {}", links.len())) {
            return Some(Err(error));
        }
        let known = self.links.lock().unwrap();
        let reports = links.iter().filter_map(|link| {
            let report = known.get(&link.0["reference"])?.clone();
            Some(StatusReport {
                reference: self.order_no(&report.reference),
                ..report
            })
        });
        Some(Ok(reports.collect()))
    }

    async fn list(
        &self,
        _call: Call,
        _span: ListSpan,
        page: Option<&str>,
    ) -> Option<Result<ListPage, GatewayError>> {
        if !self.lists {
            return None;
        }
        let page: usize = page.map_or(0, |page| page.parse().unwrap());
        if let Err(error) = self.asked(&format!("list {page}")) {
            return Some(Err(error));
        }
        let links = self.links.lock().unwrap();
        let made = self.made.lock().unwrap();
        let mut all: Vec<ListedLink> = made
            .iter()
            .filter_map(|request| {
                let report = links.get(&request.reference)?;
                Some(ListedLink {
                    name: self.order_no(&request.reference),
                    amount: Some(request.amount),
                    created_at: None,
                    status: report.status,
                })
            })
            .collect();
        all.extend(self.strangers.lock().unwrap().iter().cloned());
        let more = all.len() > (page + 1) * 2;
        Some(Ok(ListPage {
            links: all.into_iter().skip(page * 2).take(2).collect(),
            next: more.then(|| (page + 1).to_string()),
        }))
    }

    async fn operate(
        &self,
        _call: Call,
        _link: &ProviderRef,
        operation: &Operation,
    ) -> Result<Operated, GatewayError> {
        self.asked(operation.name().word())?;
        let fresh = operation.name() == OperationName::RefreshUrl;
        let times = self.count("refresh_url") + 1;
        Ok(Operated {
            url: fresh.then(|| format!("https://desk.example/{times}")),
            url_valid_until: fresh.then(|| _call.now + TimeDelta::minutes(5)),
        })
    }

    fn read_callback(&self, parts: &CallbackParts) -> Callback {
        let text = String::from_utf8_lossy(&parts.body);
        if let Some(signed) = text.strip_prefix("signed ") {
            let report = serde_json::from_str(signed).unwrap();
            return Callback::Verified {
                report,
                reply: reply(),
            };
        }
        match text
            .strip_prefix("hint ")
            .and_then(|rest| rest.split(' ').next())
        {
            Some(name) => Callback::Hint {
                reference: name.to_owned(),
                reply: reply(),
            },
            None => Callback::Rejected {
                code: "malformed".to_owned(),
            },
        }
    }

    fn as_deactivate(&self) -> Option<&dyn Deactivate> {
        self.capabilities()
            .deactivate
            .then_some(self as &dyn Deactivate)
    }
}

#[async_trait]
impl Deactivate for Desk {
    async fn deactivate(&self, _call: Call, link: &ProviderRef) -> Result<(), GatewayError> {
        self.asked("deactivate")?;
        let mut links = self.links.lock().unwrap();
        let link = links.get_mut(&link.0["reference"]).unwrap();
        if matches!(
            link.status,
            LinkStatus::Created | LinkStatus::Viewed | LinkStatus::Paying
        ) {
            link.status = LinkStatus::Cancelled;
        }
        Ok(())
    }
}

/// Parts whose provider is a desk.
pub(crate) fn at_desk(desk: Desk) -> (Parts, Arc<Desk>) {
    let desk = Arc::new(desk);
    let gateway = desk.clone();
    let parts = Parts::new(json!({}));
    (Parts { gateway, ..parts }, desk)
}

/// A payment.
pub(crate) fn fact(transaction: &str, amount: Money, paid_at: Timestamp) -> PaymentFact {
    PaymentFact {
        transaction: transaction.to_owned(),
        amount,
        paid_at,
        tracking_no: Some("77".to_owned()),
    }
}

/// A provider's word that a link was paid.
pub(crate) fn paid(name: &str, payments: Vec<PaymentFact>) -> StatusReport {
    StatusReport {
        reference: name.to_owned(),
        status: LinkStatus::Paid,
        payments,
    }
}

/// review → make_link → await_payment, whose outcomes lead to tasks of their own names, `paid` to the end.
pub(crate) fn waiting(outcomes: &[&str], with: Json) -> Definition {
    let mut settings = link_settings();
    for (key, value) in with.as_object().unwrap() {
        settings[key] = value.clone();
    }
    let made = [("success", "await_payment"), ("error", "link_failed")];
    let own: Vec<String> = outcomes
        .iter()
        .map(|outcome| format!("on_{outcome}"))
        .collect();
    let mut next = vec![("paid", "done")];
    next.extend(outcomes.iter().copied().zip(own.iter().map(String::as_str)));
    let mut states = vec![
        state("review", task("sales_manager", &[("approve", "make_link")])),
        state(
            "make_link",
            activity("create_payment_link", settings, &made),
        ),
        state("await_payment", wait_payment("make_link", &next)),
        state(
            "link_failed",
            task("sales_manager", &[("again", "make_link")]),
        ),
        state("done", json!({ "end": "success" })),
    ];
    states.extend(
        own.iter()
            .map(|id| state(id, task("sales_manager", &[("wait", "await_payment")]))),
    );
    model(json!(states))
}
