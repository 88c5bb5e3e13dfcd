//! The project file, `charkh.yaml`: what a project has beside its workflows.
//!
//! It is not a configuration of the engine by an embedder, who hands over traits instead; it is
//! what `engine-runner` needs to check and run workflows without a CRM.

mod accounts;
mod address;
mod channels;
pub(crate) mod draft;
mod network;
mod people;
mod read;

use std::collections::BTreeMap;

use activity::{Account, Accounts};
use host::{Medium, Party, Person, User};
use serde_json::Value as Json;
use values::{AccountName, Currency, Locale, Money, SecretRef, Zone};

use crate::diagnostic::{Diagnostic, Findings, Span};
use crate::project::address::Address;
use crate::syntax::{self, SourceFile};

pub(crate) use draft::ProjectFile;

/// The name of the project file.
pub const PROJECT_FILE: &str = "charkh.yaml";

/// What a project has.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// The folder of the workflows, relative to the project file.
    pub workflows: String,
    /// The zone in which days begin.
    pub zone: Zone,
    /// Languages, the preferred one first.
    pub languages: Vec<Locale>,
    /// Accounts that links may pay into.
    pub accounts: BTreeMap<AccountName, ProjectAccount>,
    /// Users, for runs without a CRM.
    pub people: Vec<User>,
    /// Parties, for runs without a CRM.
    pub parties: Vec<ProjectParty>,
    /// How messages leave, by medium.
    pub messages: BTreeMap<Medium, Channel>,
    /// Hosts that `call_service` may call.
    pub allowed_hosts: Vec<String>,
    /// Bounds of a run.
    pub limits: ProjectLimits,
    /// How providers and customers reach `engine-runner listen`; none where nobody does.
    pub listen: Option<Listener>,
}

/// An account and its gateway's settings.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectAccount {
    /// The account as activities see it.
    pub account: Account,
    /// The gateway's own settings, as written under `options` or the gateway's name.
    pub settings: Json,
    /// Where the secrets of a gateway over the network are found, by its names for them.
    pub secrets: BTreeMap<String, SecretRef>,
    /// Where its requests may go.
    pub reach: Reach,
}

/// Where the requests of an account may go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reach {
    /// To public addresses alone.
    #[default]
    Public,
    /// To this machine too, where a simulator plays the provider.
    Loopback,
}

impl Listener {
    /// An address from outside as it is kept: encrypted or of this machine, without what follows its
    /// path and without a slash at its end. `None` for anything else.
    pub fn public_address(text: &str) -> Option<String> {
        let address = Address::parse(text)?;
        let fits = (address.is_encrypted || address.is_loopback()) && address.is_bare;
        fits.then(|| text.trim_end_matches('/').to_owned())
    }
}

/// How providers and customers reach us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Where the secret is found that the addresses of callbacks are derived from.
    pub secret: SecretRef,
    /// The address from outside, as in `https://crm.example`, without a slash at its end.
    pub public_url: Option<String>,
}

/// A party and who is who to it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectParty {
    /// The party itself; its own fields are below, since their types belong to the workflow.
    pub party: Party,
    /// Values of fields that a workflow declares under `party:`, as written.
    pub fields: BTreeMap<String, Json>,
    /// What it owes.
    pub balance: Option<Money>,
    /// Its manager.
    pub manager: Option<Person>,
    /// Its contact person.
    pub contact: Option<Person>,
    /// Holders of positions.
    pub positions: BTreeMap<String, Vec<Person>>,
}

/// How messages of a medium leave.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Channel {
    /// They stay in the outbox, to be read there.
    #[default]
    Outbox,
    /// Text messages through a provider.
    Http(Box<messaging::SmsSettings>),
    /// E-mail through a server.
    Smtp(Box<messaging::MailSettings>),
}

/// Bounds of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProjectLimits {
    /// How many pieces of outside work are in the air at once.
    pub in_flight: usize,
    /// How many changed items may wait to be written to the index; more make callers wait.
    pub overlay: usize,
}

impl Default for ProjectLimits {
    fn default() -> ProjectLimits {
        ProjectLimits {
            in_flight: 16,
            overlay: 10_000,
        }
    }
}

impl Default for Project {
    /// What holds where there is no project file: everything runs on the sandbox.
    fn default() -> Project {
        let name = AccountName::new("main");
        let account = Account {
            expires_days: Some(3),
            receipt_type: Some("online".to_owned()),
            reusable: Some(false),
            ..Account::new(name.clone(), "sandbox", Currency::Irr)
        };
        let account = ProjectAccount {
            account,
            settings: Json::Object(serde_json::Map::new()),
            secrets: BTreeMap::new(),
            reach: Reach::Public,
        };
        Project {
            workflows: "workflows".to_owned(),
            zone: default_zone(),
            languages: vec![Locale::Fa, Locale::En, Locale::Ru],
            accounts: BTreeMap::from([(name, account)]),
            people: Vec::new(),
            parties: Vec::new(),
            messages: BTreeMap::from([
                (Medium::Sms, Channel::Outbox),
                (Medium::Email, Channel::Outbox),
            ]),
            allowed_hosts: Vec::new(),
            limits: ProjectLimits::default(),
            listen: None,
        }
    }
}

fn default_zone() -> Zone {
    // The database of zones is compiled in, so the name is always known.
    Zone::parse("Asia/Tehran").unwrap_or(Zone::UTC)
}

impl Project {
    /// Checks a project file. A project comes back only where there is no error.
    pub fn check(source: &SourceFile) -> (Option<Project>, Vec<Diagnostic>) {
        let mut findings = Findings::new(source.name.clone());
        let project = syntax::parse(source, &mut findings).and_then(|document| {
            let project = read::project(&document.root, &mut findings);
            if !findings.has_errors() {
                syntax::agree::<ProjectFile>(&document, &mut findings);
            }
            project
        });
        let project = project.filter(|_| !findings.has_errors());
        if project.is_none() && !findings.has_errors() {
            findings.add(Diagnostic::error(
                "WF0000",
                Span::START,
                "the project could not be read",
            ));
        }
        (project, findings.finish())
    }

    /// The accounts as activities see them.
    pub fn accounts(&self) -> Accounts {
        let account = |(name, account): (&AccountName, &ProjectAccount)| {
            (name.clone(), account.account.clone())
        };
        self.accounts.iter().map(account).collect()
    }
}

/// The keys of every map, for the test that compares them with the typed form.
#[cfg(test)]
pub(crate) mod project_keys {
    pub(crate) use super::accounts::ACCOUNT_KEYS;
    pub(crate) use super::channels::{EMAIL_KEYS, SMS_KEYS};
    pub(crate) use super::people::{PARTY_KEYS, PERSON_KEYS, USER_KEYS};
    pub(crate) use super::read::{LISTEN_KEYS, PROJECT_KEYS};
}
