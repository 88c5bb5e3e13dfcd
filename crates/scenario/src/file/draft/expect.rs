//! `expect` in the typed form.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::given::{OneOrMany, Scalar};

/// What must be so; every key that is there is checked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct Expect {
    /// The state the item is in.
    state: Option<String>,
    /// How the lifecycle ended: `success`, `failed`, `cancelled`, or `none`.
    ended: Option<String>,
    /// The pipeline stage, or `none`.
    stage: Option<String>,
    /// Values of fields; `null` for an empty one.
    fields: Option<Map<String, Json>>,
    /// Fields that hold something, whatever it is.
    filled: Option<Vec<String>>,
    /// The latest link, or `none`.
    link: Option<WordOr<Link>>,
    /// How many links the item has had.
    links: Option<Scalar>,
    /// Text messages that were sent, or `none`.
    sms: Option<WordOr<OneOrMany<Message>>>,
    /// E-mails that were sent, or `none`.
    email: Option<WordOr<OneOrMany<Message>>>,
    /// How many messages of either kind were sent for the item.
    messages: Option<Scalar>,
    /// Receipts in the CRM: how many, or each of them.
    receipts: Option<CountOr<Receipt>>,
    /// How many payments were recorded.
    payments: Option<Scalar>,
    /// What the party owes now.
    balance: Option<Scalar>,
    /// The timers of the state, or `none`.
    timers: Option<WordOr<Vec<Timer>>>,
    /// The code of the incident, or `none`.
    incident: Option<String>,
    /// The open task, or `none`.
    task: Option<WordOr<Task>>,
    /// What people must look at: how many things, or their codes.
    attention: Option<Json>,
    /// What people could do now, by person.
    actions: Option<BTreeMap<String, Vec<String>>>,
    /// States the item has passed, in this order; others may lie between.
    passed: Option<Vec<String>>,
    /// How often states were entered.
    visits: Option<BTreeMap<String, Scalar>>,
    /// Notices to people, such as `reminder review role sales_manager`.
    notices: Option<Vec<String>>,
    /// How many records of an entity the workflow has created.
    created: Option<BTreeMap<String, Scalar>>,
    /// What the CRM holds.
    crm: Option<CrmHolds>,
    /// How many create requests the gateways have seen.
    gateway_creates: Option<Scalar>,
    /// How many links the gateways have made.
    gateway_links: Option<Scalar>,
}

/// `none`, or something.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) enum WordOr<T> {
    /// `none`.
    Word(String),
    /// Something.
    Thing(T),
}

/// How many, or each of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) enum CountOr<T> {
    /// How many.
    Count(Scalar),
    /// Each of them.
    Each(Vec<T>),
}

/// A payment link.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct Link {
    /// The state that made it; of several links the latest. Any state, where nothing is said.
    of: Option<String>,
    /// Its status, such as `created`, `paid` or `expired`.
    status: Option<String>,
    /// Its amount.
    amount: Option<Scalar>,
    /// When it expires: a moment, or the last day on which it can be paid.
    expires: Option<String>,
    /// When it was paid: a moment, or a day.
    paid_at: Option<String>,
    /// Words of its description.
    description: Option<String>,
    /// Recipients that could not be reached, such as `contact`.
    unreachable: Option<OneOrMany<String>>,
}

/// Messages that were sent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct Message {
    /// The number or address.
    to: Option<Scalar>,
    /// The state that sent it.
    of: Option<String>,
    /// Words of its text.
    contains: Option<OneOrMany<Scalar>>,
    /// Exactly so many; at least one, where nothing is said.
    count: Option<Scalar>,
}

/// A receipt in the CRM.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct Receipt {
    /// Its amount.
    amount: Option<Scalar>,
    /// Whether it was approved at once.
    approved: Option<bool>,
    /// Its subtype.
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// A timer of the state.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct Timer {
    /// `reminder`, `critical`, `critical_again`, `timeout` or `elapsed`.
    name: String,
    /// When it is due: a moment, or a day.
    due: String,
}

/// An open task.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct Task {
    /// Who may act, such as `group sales`, `role accountant`, `user zahra`, `manager of zahra`.
    assigned: Option<String>,
    /// Who has taken it, or `none`.
    claimed_by: Option<String>,
}

/// What the CRM holds for the item.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct CrmHolds {
    /// Whether it was approved; `none` where nobody has decided.
    approved: Option<Json>,
    /// Values of fields.
    fields: Option<Map<String, Json>>,
}
