//! `given` in the typed form.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use values::Locale;

/// One, or several.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) enum OneOrMany<T> {
    /// One.
    One(T),
    /// Several.
    Many(Vec<T>),
}

/// A text or a number, as YAML takes it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) enum Scalar {
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

/// What is so before anything happens.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct Given {
    /// The identity that the items are related to. Without it they are related to nobody.
    party: Option<Party>,
    /// Users of the CRM by their id, beside those of the project.
    people: Option<BTreeMap<String, User>>,
    /// The item: its `id` and its fields. It starts at once.
    item: Option<Map<String, Json>>,
    /// Several items by the name that steps call them.
    items: Option<BTreeMap<String, Map<String, Json>>>,
    /// Records around the item.
    related: Option<Related>,
    /// What the gateway of every account plays: a word such as `paid`, or a map.
    gateway: Option<Gateway>,
    /// What the gateways of single accounts play.
    gateways: Option<BTreeMap<String, Gateway>>,
    /// How messages fail.
    messages: Option<Messages>,
    /// Writes that the CRM does not take.
    crm: Option<Vec<Crm>>,
    /// Scripted answers of services that `call_service` calls.
    services: Option<Vec<Service>>,
}

/// A user of the CRM.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct User {
    /// Name for people.
    name: Option<String>,
    /// Whether the user is active; they are, where nothing is said.
    active: Option<bool>,
    /// Roles held.
    roles: Option<Vec<String>>,
    /// Groups joined.
    groups: Option<Vec<String>>,
    /// Positions held.
    positions: Option<Vec<String>>,
    /// The user above.
    manager: Option<String>,
    /// Mobile number as typed.
    mobile: Option<Scalar>,
    /// E-mail address as typed.
    email: Option<String>,
    /// Preferred language.
    language: Option<Locale>,
}

/// A party, and who is who to it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct Party {
    /// Its id; `party` where nothing is said.
    id: Option<Scalar>,
    /// Name for people.
    name: Option<String>,
    /// Customer number.
    number: Option<Scalar>,
    /// `person` or `company`.
    kind: Option<PartyKind>,
    /// A lead gets no payment link.
    lead: Option<bool>,
    /// Default mobile number as typed.
    mobile: Option<Scalar>,
    /// First e-mail address as typed.
    email: Option<String>,
    /// Preferred language.
    language: Option<Locale>,
    /// What it owes, such as `120_000_000 IRR`; one amount, or one per currency.
    balance: Option<OneOrMany<Scalar>>,
    /// Its manager.
    manager: Option<OneOrMany<Person>>,
    /// Its contact person.
    contact: Option<OneOrMany<Person>>,
    /// Holders of positions at the party.
    positions: Option<BTreeMap<String, OneOrMany<Person>>>,
    /// Fields that the workflow declares under `party:`.
    fields: Option<Map<String, Json>>,
}

/// Person or company.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PartyKind {
    /// A natural person.
    Person,
    /// A company.
    Company,
}

/// Somebody at the party.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct Person {
    /// Name for people.
    name: Option<String>,
    /// Mobile number as typed.
    mobile: Option<Scalar>,
    /// E-mail address as typed.
    email: Option<String>,
    /// Preferred language.
    language: Option<Locale>,
}

/// Records around the first item, by entity: fields that the workflow declares under `related:`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct Related {
    /// The item's parent.
    parent: Option<BTreeMap<String, Map<String, Json>>>,
    /// Records below the item.
    children: Option<BTreeMap<String, OneOrMany<Map<String, Json>>>>,
}

/// What a gateway plays: a word such as `paid`, `paid_late`, `refused` or `timeout_after_accepting`,
/// or a map.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) enum Gateway {
    /// A word.
    Word(String),
    /// In full.
    Play(Box<GatewayPlay>),
}

/// How a gateway behaves and what it plays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct GatewayPlay {
    /// What a repeated create does: `idempotent`, `unique_reference`, `lookup_only`, `nothing`.
    profile: Option<String>,
    /// How long a link whose create answer was lost stays invisible to a look-up.
    settling: Option<String>,
    /// The longest life of a request, as `lookup_only` declares it; `null` takes the number away.
    request_life_max: Option<String>,
    /// How stale a look-up may be, as `lookup_only` declares it; `null` takes the number away.
    lookup_staleness_max: Option<String>,
    /// Whether links can be closed early.
    deactivate: Option<bool>,
    /// Limits of the account.
    limits: Option<Map<String, Json>>,
    /// Changes every link name, URL and transaction id.
    seed: Option<u64>,
    /// The answer to every create.
    create: Option<Json>,
    /// The first answers one by one.
    creates: Option<Vec<Json>>,
    /// When the customer pays: `never`, `paid`, `{ after: 2d }`, `{ late: 1h }`.
    pay: Option<Json>,
    /// What becomes of the callback: `sent`, `lost`, `repeated`, `early`.
    callback: Option<String>,
    /// Other plays for single links; the first that matches counts.
    cases: Option<Vec<Json>>,
}

/// How messages fail.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct Messages {
    /// Numbers and addresses that refuse for good.
    refuse: Option<Vec<Scalar>>,
    /// How many sendings find the channel out of order.
    unavailable: Option<Scalar>,
}

/// Writes that the CRM does not take: one of `refuse`, `unavailable` and `lost`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct Crm {
    /// The kind of write: `approve`, `reject`, `create_item`, `set_fields` and others.
    on: String,
    /// They are refused, with this code.
    refuse: Option<String>,
    /// So many find the CRM out of reach.
    unavailable: Option<Scalar>,
    /// So many are done, but the answer is lost.
    lost: Option<Scalar>,
}

/// A scripted answer of a service.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct Service {
    /// Which calls.
    when: ServiceWhen,
    /// What it says: `timeout`, `unreachable`, or a status and JSON.
    reply: ServiceReply,
}

/// Which calls.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct ServiceWhen {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`; any, where nothing is said.
    method: Option<String>,
    /// The whole address.
    url: String,
}

/// What a service says.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) enum ServiceReply {
    /// `timeout` or `unreachable`.
    Word(String),
    /// An answer.
    Answer(ServiceAnswer),
}

/// An answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct ServiceAnswer {
    /// HTTP status; 200 where nothing is said.
    status: Option<Scalar>,
    /// The body.
    json: Option<Json>,
}
