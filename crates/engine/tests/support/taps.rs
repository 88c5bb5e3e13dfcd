//! Looking into what passes between the engine and its surroundings, and getting in the way.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;
use host::{
    Applied, Delivery, Directory, Host, HostWrite, ItemSnapshot, Items, Ledger, MemberOf,
    MemoryHost, Message, Messenger, Party, PartyRole, Person, RelatedRecord, Relation, User,
};
use payment::gateways::sandbox::Sandbox;
use payment::{
    Call, Callback, CallbackParts, CallbackReply, Capabilities, CreatedLink, Deactivate,
    Descriptor, Found, Gateway, GatewayError, LinkRequest, ProviderRef, Simulated, StatusReport,
};
use persistence::{
    Commit, Committed, Error, HistoryEntry, Row, Scan, Store, Stored, Table, VerifyReport,
};
use tokio::sync::Notify;
use values::{Currency, ItemRef, Money, PartyId, Timestamp, UserId};

use super::Parts;

type Plan<E> = Mutex<Box<dyn FnMut(&str) -> Option<E> + Send>>;

fn nothing<E>() -> Plan<E> {
    Mutex::new(Box::new(|_| None))
}

/// A store that shows every commit, and lets a test do something around it.
pub(crate) struct StoreTap {
    inner: Arc<dyn Store>,
    pub(crate) commits: Mutex<Vec<Commit>>,
    before: Plan<Error>,
    after: Plan<Error>,
}

impl StoreTap {
    pub(crate) fn on(inner: Arc<dyn Store>) -> Arc<StoreTap> {
        Arc::new(StoreTap {
            inner,
            commits: Mutex::default(),
            before: nothing(),
            after: nothing(),
        })
    }

    pub(crate) fn inner(&self) -> Arc<dyn Store> {
        self.inner.clone()
    }

    /// Runs before each commit, with the subject; an error refuses it.
    pub(crate) fn before(&self, plan: impl FnMut(&str) -> Option<Error> + Send + 'static) {
        *self.before.lock().unwrap() = Box::new(plan);
    }

    /// Runs after each commit; an error is the answer that got lost.
    pub(crate) fn after(&self, plan: impl FnMut(&str) -> Option<Error> + Send + 'static) {
        *self.after.lock().unwrap() = Box::new(plan);
    }

    pub(crate) fn taken(&self) -> Vec<Commit> {
        std::mem::take(&mut self.commits.lock().unwrap())
    }
}

#[async_trait]
impl Store for StoreTap {
    async fn commit(&self, commit: Commit) -> Result<Committed, Error> {
        let subject = String::from_utf8_lossy(&commit.subject).into_owned();
        if let Some(error) = self.before.lock().unwrap()(&subject) {
            return Err(error);
        }
        self.commits.lock().unwrap().push(commit.clone());
        let committed = self.inner.commit(commit).await?;
        match self.after.lock().unwrap()(&subject) {
            Some(error) => Err(error),
            None => Ok(committed),
        }
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

type Edit = Mutex<Box<dyn FnMut(&mut StatusReport) + Send>>;

/// A sandbox whose answers can be replaced, and whose requests are listed as `operation reference`.
pub(crate) struct GatewayTap {
    inner: Arc<Sandbox>,
    pub(crate) requests: Mutex<Vec<String>>,
    before: Plan<GatewayError>,
    after: Plan<GatewayError>,
    report: Edit,
    notices: Mutex<Vec<(Timestamp, CallbackParts)>>,
    gate: Mutex<Option<(&'static str, Arc<Notify>)>>,
    never_closes: Mutex<bool>,
    reach: Mutex<Option<TimeDelta>>,
}

impl GatewayTap {
    pub(crate) fn on(inner: &Arc<Sandbox>) -> Arc<GatewayTap> {
        Arc::new(GatewayTap {
            inner: inner.clone(),
            requests: Mutex::default(),
            before: nothing(),
            after: nothing(),
            report: Mutex::new(Box::new(|_| {})),
            notices: Mutex::default(),
            gate: Mutex::default(),
            never_closes: Mutex::default(),
            reach: Mutex::default(),
        })
    }

    /// Its provider lets no link expire by itself.
    pub(crate) fn never_closes(&self) {
        *self.never_closes.lock().unwrap() = true;
    }

    /// Its look-up sees so far back.
    pub(crate) fn reaches(&self, back: TimeDelta) {
        *self.reach.lock().unwrap() = Some(back);
    }

    /// Runs before each request; an error is the answer, and the request does not arrive.
    pub(crate) fn before(&self, plan: impl FnMut(&str) -> Option<GatewayError> + Send + 'static) {
        *self.before.lock().unwrap() = Box::new(plan);
    }

    /// Runs after each request; an error replaces the answer.
    pub(crate) fn after(&self, plan: impl FnMut(&str) -> Option<GatewayError> + Send + 'static) {
        *self.after.lock().unwrap() = Box::new(plan);
    }

    /// Changes what the gateway says about a link.
    pub(crate) fn report(&self, edit: impl FnMut(&mut StatusReport) + Send + 'static) {
        *self.report.lock().unwrap() = Box::new(edit);
    }

    /// Holds back the answers to an operation until the gate is opened.
    pub(crate) fn hold(&self, operation: &'static str) -> Arc<Notify> {
        let gate = Arc::new(Notify::new());
        *self.gate.lock().unwrap() = Some((operation, gate.clone()));
        gate
    }

    /// Has the gateway call us with this body at a moment.
    pub(crate) fn notify(&self, at: Timestamp, body: &str) {
        let parts = CallbackParts {
            method: "NOTICE".to_owned(),
            body: body.as_bytes().to_vec(),
            ..CallbackParts::default()
        };
        self.notices.lock().unwrap().push((at, parts));
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, operation: &str) -> usize {
        let requests = self.requests();
        requests
            .iter()
            .filter(|request| request.starts_with(operation))
            .count()
    }

    async fn ask<T>(
        &self,
        what: String,
        request: impl Future<Output = Result<T, GatewayError>>,
    ) -> Result<T, GatewayError> {
        self.requests.lock().unwrap().push(what.clone());
        if let Some(error) = self.before.lock().unwrap()(&what) {
            return Err(error);
        }
        let answer = request.await;
        let gate = self.gate.lock().unwrap().clone();
        if let Some((operation, gate)) = gate
            && what.starts_with(operation)
        {
            gate.notified().await;
        }
        match self.after.lock().unwrap()(&what) {
            Some(error) => Err(error),
            None => answer,
        }
    }
}

#[async_trait]
impl Gateway for GatewayTap {
    fn descriptor(&self) -> Descriptor {
        self.inner.descriptor()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            closes_at_expiry: !*self.never_closes.lock().unwrap(),
            ..self.inner.capabilities()
        }
    }

    fn lookup_reach(&self) -> Option<TimeDelta> {
        *self.reach.lock().unwrap()
    }

    fn validate(&self, request: &LinkRequest) -> Vec<GatewayError> {
        self.inner.validate(request)
    }

    async fn create(&self, call: Call, request: &LinkRequest) -> Result<CreatedLink, GatewayError> {
        let what = format!("create {}", request.reference);
        self.ask(what, self.inner.create(call, request)).await
    }

    async fn status(&self, call: Call, link: &ProviderRef) -> Result<StatusReport, GatewayError> {
        let mut report = self
            .ask("status".to_owned(), self.inner.status(call, link))
            .await?;
        self.report.lock().unwrap()(&mut report);
        Ok(report)
    }

    async fn find(&self, call: Call, reference: &str) -> Result<Found, GatewayError> {
        let what = format!("find {reference}");
        self.ask(what, self.inner.find(call, reference)).await
    }

    /// A body that starts with `signed ` stands for a callback whose signature holds.
    fn read_callback(&self, parts: &CallbackParts) -> Callback {
        let body = String::from_utf8_lossy(&parts.body);
        let Some(signed) = body.strip_prefix("signed ") else {
            return self.inner.read_callback(parts);
        };
        let report: StatusReport = serde_json::from_str(signed).unwrap();
        let reply = CallbackReply {
            status: 200,
            body: "ok".to_owned(),
        };
        Callback::Verified { report, reply }
    }

    fn as_deactivate(&self) -> Option<&dyn Deactivate> {
        self.inner.as_deactivate().map(|_| self as &dyn Deactivate)
    }

    fn as_simulated(&self) -> Option<&dyn Simulated> {
        Some(self)
    }
}

#[async_trait]
impl Deactivate for GatewayTap {
    async fn deactivate(&self, call: Call, link: &ProviderRef) -> Result<(), GatewayError> {
        let inner = self.inner.as_deactivate().unwrap();
        self.ask("deactivate".to_owned(), inner.deactivate(call, link))
            .await
    }
}

impl Simulated for GatewayTap {
    fn next_notice_at(&self) -> Option<Timestamp> {
        let own = self.notices.lock().unwrap().iter().map(|(at, _)| *at).min();
        let inner = self.inner.next_notice_at();
        own.into_iter().chain(inner).min()
    }

    fn take_notices(&self, now: Timestamp) -> Vec<CallbackParts> {
        let mut own = self.notices.lock().unwrap();
        let due = own.extract_if(.., |(at, _)| *at <= now);
        let mut taken: Vec<CallbackParts> = due.map(|(_, parts)| parts).collect();
        taken.extend(self.inner.take_notices(now));
        taken
    }
}

/// A CRM that can fail before or after a call. Calls are listed as `operation detail`.
pub(crate) struct HostTap {
    inner: Arc<MemoryHost>,
    pub(crate) calls: Mutex<Vec<String>>,
    before: Plan<host::Error>,
    after: Plan<host::Error>,
}

impl HostTap {
    pub(crate) fn on(inner: &Arc<MemoryHost>) -> Arc<HostTap> {
        Arc::new(HostTap {
            inner: inner.clone(),
            calls: Mutex::default(),
            before: nothing(),
            after: nothing(),
        })
    }

    pub(crate) fn host(self: &Arc<HostTap>) -> Host {
        Host::from_one(self.clone())
    }

    /// Runs before each call; an error is the answer, and nothing happens.
    pub(crate) fn before(&self, plan: impl FnMut(&str) -> Option<host::Error> + Send + 'static) {
        *self.before.lock().unwrap() = Box::new(plan);
    }

    /// Runs after each call; an error replaces the answer.
    pub(crate) fn after(&self, plan: impl FnMut(&str) -> Option<host::Error> + Send + 'static) {
        *self.after.lock().unwrap() = Box::new(plan);
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    async fn ask<T>(
        &self,
        what: String,
        call: impl Future<Output = Result<T, host::Error>>,
    ) -> Result<T, host::Error> {
        self.calls.lock().unwrap().push(what.clone());
        if let Some(error) = self.before.lock().unwrap()(&what) {
            return Err(error);
        }
        let answer = call.await;
        match self.after.lock().unwrap()(&what) {
            Some(error) => Err(error),
            None => answer,
        }
    }
}

#[async_trait]
impl Items for HostTap {
    async fn load(&self, item: &ItemRef) -> Result<Option<ItemSnapshot>, host::Error> {
        self.ask(format!("load {item}"), self.inner.load(item))
            .await
    }

    async fn related(
        &self,
        item: &ItemRef,
        relation: &Relation,
    ) -> Result<Vec<RelatedRecord>, host::Error> {
        let what = format!("related {item}");
        self.ask(what, self.inner.related(item, relation)).await
    }

    async fn apply(&self, write: &HostWrite) -> Result<Applied, host::Error> {
        let change = serde_json::to_string(&write.change).unwrap();
        let what = format!("apply {} {change}", write.key);
        self.ask(what, self.inner.apply(write)).await
    }
}

#[async_trait]
impl Directory for HostTap {
    async fn user(&self, user: &UserId) -> Result<Option<User>, host::Error> {
        self.ask(format!("user {user}"), self.inner.user(user))
            .await
    }

    async fn members(&self, of: &MemberOf) -> Result<Vec<UserId>, host::Error> {
        self.ask("members".to_owned(), self.inner.members(of)).await
    }

    async fn party(&self, party: &PartyId) -> Result<Option<Party>, host::Error> {
        self.ask(format!("party {party}"), self.inner.party(party))
            .await
    }

    async fn party_people(
        &self,
        party: &PartyId,
        role: &PartyRole,
    ) -> Result<Vec<Person>, host::Error> {
        let what = format!("people {party}");
        self.ask(what, self.inner.party_people(party, role)).await
    }
}

#[async_trait]
impl Ledger for HostTap {
    async fn balance(&self, party: &PartyId, currency: Currency) -> Result<Money, host::Error> {
        let what = format!("balance {party}");
        self.ask(what, self.inner.balance(party, currency)).await
    }
}

#[async_trait]
impl Messenger for HostTap {
    async fn send(&self, key: &str, message: &Message) -> Result<Delivery, host::Error> {
        let what = format!("send {key}");
        self.ask(what, self.inner.send(key, message)).await
    }
}

/// Parts whose gateway is under a tap.
pub(crate) fn tapped(options: serde_json::Value) -> (Parts, Arc<GatewayTap>) {
    let parts = Parts::new(options);
    let tap = GatewayTap::on(&parts.sandbox);
    let gateway = tap.clone();
    (Parts { gateway, ..parts }, tap)
}

/// Parts whose CRM is under a tap.
pub(crate) fn host_tapped(options: serde_json::Value) -> (Parts, Arc<HostTap>) {
    let parts = Parts::new(options);
    let tap = HostTap::on(&parts.crm);
    let host = tap.host();
    (Parts { host, ..parts }, tap)
}

/// Parts whose store is under a tap.
pub(crate) fn store_tapped(options: serde_json::Value) -> (Parts, Arc<StoreTap>) {
    let parts = Parts::new(options);
    let tap = StoreTap::on(parts.store.clone());
    let store = tap.clone();
    (Parts { store, ..parts }, tap)
}
