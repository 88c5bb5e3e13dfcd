//! What a scenario takes from the project it belongs to.

use activity::Account;
use host::User;
use payment::gateways::SandboxOptions;
use payment::gateways::sandbox::Script;
use values::{Locale, Zone};
use workflow_file::Project;

/// An account and the sandbox that plays its gateway.
#[derive(Debug, Clone)]
pub struct AccountAt {
    /// The account.
    pub account: Account,
    /// How its sandbox behaves, unless the scenario says otherwise; nobody pays.
    pub sandbox: SandboxOptions,
}

/// What a scenario takes from the project: the same for every scenario of it.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The time zone of dates and clocks.
    pub zone: Zone,
    /// The project's languages, the preferred one first.
    pub locales: Vec<Locale>,
    /// Accounts; every gateway is played by a sandbox here, whatever serves the account outside.
    pub accounts: Vec<AccountAt>,
    /// People of the project; a scenario adds its own.
    pub people: Vec<User>,
    /// Hosts that services may be called at.
    pub allowed_hosts: Vec<String>,
}

impl Surroundings {
    /// The surroundings that a project gives. An account whose gateway is the sandbox keeps its
    /// settings but for the script: what is played, a scenario says itself. One of another gateway is
    /// played by the default sandbox, because a scenario never leaves the machine.
    pub fn of(project: &Project) -> Surroundings {
        let accounts = project.accounts.values().map(|account| {
            let own = Some(&account.settings).filter(|_| account.account.gateway == "sandbox");
            let own = own.and_then(|settings| serde_json::from_value(settings.clone()).ok());
            let sandbox: SandboxOptions = own.unwrap_or_default();
            let sandbox = SandboxOptions {
                script: Script::default(),
                ..sandbox
            };
            AccountAt {
                account: account.account.clone(),
                sandbox,
            }
        });
        Surroundings {
            zone: project.zone,
            locales: project.languages.clone(),
            accounts: accounts.collect(),
            people: project.people.clone(),
            allowed_hosts: project.allowed_hosts.clone(),
        }
    }
}
