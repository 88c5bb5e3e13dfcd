//! The typed form of the project file.
#![allow(
    dead_code,
    reason = "serde and schemars read these types, nobody reads their values"
)]

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use values::{Currency, Locale, SecretRef};

use crate::draft::{Name, OneOrMany, WholeNumber};

/// A project: what there is beside its workflows.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProjectFile {
    /// The folder of the workflows. `workflows` where nothing is said.
    pub(crate) workflows: Option<String>,
    /// The zone in which days begin, as `Asia/Tehran`.
    pub(crate) zone: Option<String>,
    /// Languages, the preferred one first.
    pub(crate) languages: Option<Vec<Locale>>,
    /// Accounts that links may pay into.
    pub(crate) accounts: Option<IndexMap<String, AccountFile>>,
    /// Users, for runs without a CRM.
    pub(crate) people: Option<IndexMap<String, UserFile>>,
    /// Parties, for runs without a CRM.
    pub(crate) parties: Option<IndexMap<String, PartyFile>>,
    /// How messages leave.
    pub(crate) messages: Option<Messages>,
    /// Services that workflows may call.
    pub(crate) services: Option<Services>,
    /// Bounds of a run.
    pub(crate) limits: Option<LimitsFile>,
    /// How providers and customers reach `engine-runner listen`.
    pub(crate) listen: Option<ListenFile>,
}

/// An account. The settings of a gateway over the network stand under `options`, those of others
/// under the gateway's name.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct AccountFile {
    /// The gateway that serves it, such as `sandbox`.
    pub(crate) gateway: Name,
    /// Its currency.
    pub(crate) currency: Currency,
    /// Inactive accounts take no links. True where nothing is said.
    pub(crate) active: Option<bool>,
    /// Whether online payment is switched on. True where nothing is said.
    pub(crate) online_payment: Option<bool>,
    /// Days to expiry of a link that names none.
    pub(crate) expires_days: Option<WholeNumber>,
    /// Type of receipt of a link that names none.
    pub(crate) receipt_type: Option<String>,
    /// Settings of a gateway over the network; its page under `docs/gateways` lists them.
    pub(crate) options: Option<BTreeMap<String, Json>>,
    /// Secrets of a gateway over the network, by its names for them.
    pub(crate) secrets: Option<BTreeMap<String, SecretRef>>,
    /// Where requests may go: `loopback` for a simulator on this machine.
    pub(crate) reach: Option<ReachWord>,
    /// The gateway's settings; secrets as `env:NAME` or `file:path`.
    #[serde(flatten)]
    pub(crate) settings: BTreeMap<String, Json>,
}

/// Where the requests of an account may go.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReachWord {
    /// To this machine too, where a simulator plays the provider.
    Loopback,
}

/// How providers and customers reach `engine-runner listen`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenFile {
    /// Where the secret is found that the addresses of callbacks are derived from.
    pub(crate) secret: SecretRef,
    /// The address from outside, as `https://crm.example`.
    pub(crate) public_url: Option<String>,
}

/// A user.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserFile {
    /// Name for people.
    pub(crate) name: Option<String>,
    /// Deactivated users get no tasks. True where nothing is said.
    pub(crate) active: Option<bool>,
    /// Roles held.
    pub(crate) roles: Option<Vec<String>>,
    /// Groups joined.
    pub(crate) groups: Option<Vec<String>>,
    /// Positions held.
    pub(crate) positions: Option<Vec<String>>,
    /// The user above.
    pub(crate) manager: Option<String>,
    /// Mobile number.
    pub(crate) mobile: Option<Phone>,
    /// E-mail address.
    pub(crate) email: Option<String>,
    /// Preferred language.
    pub(crate) language: Option<Locale>,
}

/// A party.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartyFile {
    /// Name for people.
    pub(crate) name: Option<String>,
    /// Customer number.
    pub(crate) number: Option<String>,
    /// Person or company. A company where nothing is said.
    pub(crate) kind: Option<PartyKindWord>,
    /// A lead is not a customer yet: it gets no payment link.
    pub(crate) lead: Option<bool>,
    /// Default mobile number.
    pub(crate) mobile: Option<Phone>,
    /// First e-mail address.
    pub(crate) email: Option<String>,
    /// Preferred language.
    pub(crate) language: Option<Locale>,
    /// What it owes, as `120_000_000 IRR`; a credit is negative.
    pub(crate) balance: Option<String>,
    /// Its manager.
    pub(crate) manager: Option<PersonFile>,
    /// Its contact person.
    pub(crate) contact: Option<PersonFile>,
    /// Holders of positions.
    pub(crate) positions: Option<IndexMap<String, OneOrMany<PersonFile>>>,
    /// Fields that workflows declare under `party:`.
    pub(crate) fields: Option<IndexMap<String, Json>>,
}

/// What a party is.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PartyKindWord {
    /// A natural person.
    Person,
    /// A company.
    Company,
}

/// Somebody at a party.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonFile {
    /// Name.
    pub(crate) name: Option<String>,
    /// Mobile number.
    pub(crate) mobile: Option<Phone>,
    /// E-mail address.
    pub(crate) email: Option<String>,
    /// Preferred language.
    pub(crate) language: Option<Locale>,
}

/// A mobile number, with or without quotes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Phone {
    /// In quotes, or with a leading zero.
    Text(String),
    /// Digits alone.
    Number(u64),
}

/// How messages leave, by medium.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Messages {
    /// Text messages.
    pub(crate) sms: Option<SmsFile>,
    /// E-mail.
    pub(crate) email: Option<EmailFile>,
}

/// Text messages.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmsFile {
    /// How they leave.
    pub(crate) channel: SmsChannelWord,
    /// The provider; `docs/messages.md` lists the settings.
    pub(crate) http: Option<BTreeMap<String, Json>>,
}

/// E-mail.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailFile {
    /// How it leaves.
    pub(crate) channel: EmailChannelWord,
    /// The server; `docs/messages.md` lists the settings.
    pub(crate) smtp: Option<BTreeMap<String, Json>>,
}

/// How text messages leave.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SmsChannelWord {
    /// They stay in the outbox, to be read there.
    Outbox,
    /// Through a provider.
    Http,
}

/// How e-mail leaves.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EmailChannelWord {
    /// It stays in the outbox, to be read there.
    Outbox,
    /// Through a server.
    Smtp,
}

/// Services that workflows may call.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Services {
    /// Names of hosts.
    pub(crate) allow: Vec<String>,
}

/// Bounds of a run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsFile {
    /// Pieces of outside work in the air at once. 16 where nothing is said.
    pub(crate) in_flight: Option<WholeNumber>,
    /// Changed items that may wait for the index. 10000 where nothing is said.
    pub(crate) overlay: Option<WholeNumber>,
}
