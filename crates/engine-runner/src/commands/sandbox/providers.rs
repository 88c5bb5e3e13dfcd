//! The providers that can be played on this machine: this file alone names concrete ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use charkh::simulator::pod::{Business, Pod, PodSettings};
use charkh::simulator::robokassa::{Robokassa, RobokassaSettings};
use charkh::simulator::sizpay::{Sizpay, SizpaySettings};
use charkh::simulator::{Faults, Provider};
use charkh::values::{AccountName, Secret};
use clap::ValueEnum;

use crate::net::callback_token;

/// The account that links go to.
const MAIN: &str = "main";

/// What the addresses of callbacks are made of here.
const LISTEN_SECRET: &str = "simulated-listen-secret";

/// Where the provider calls `listen` about the account.
pub(super) fn callback_at(url: &str) -> String {
    let token = callback_token(&Secret::new(LISTEN_SECRET), &AccountName::new(MAIN));
    format!("{url}/c/{token}")
}

/// The number of POD's second business, by which invoices are issued to it.
const OTHER_BUSINESS: u64 = 2002;

/// What it has in its wallet, and in its business line: rials.
const OTHER_MONEY: u64 = 100_000_000;

/// A provider that can be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// Links in rials that the provider texts itself.
    Sizpay,
    /// Invoices in rials, with a bank page, a wallet and credit.
    Pod,
    /// Links in roubles, with signed notifications.
    Robokassa,
}

/// A provider that is played.
pub(super) struct Played {
    /// The provider.
    pub(super) provider: Arc<dyn Provider>,
    /// The accounts there: the first is `main`.
    accounts: Vec<Account>,
}

/// An account there, as the project file has it.
struct Account {
    name: &'static str,
    gateway: &'static str,
    currency: &'static str,
    options: Vec<(&'static str, String)>,
    /// Names of secrets, and what they are here.
    secrets: Vec<(&'static str, String)>,
}

impl Played {
    /// A provider behind an address without a slash at its end; `callback` is where it calls a merchant
    /// whose requests do not say that.
    pub(super) fn new(kind: Kind, base: &str, callback: Option<String>, faults: Faults) -> Played {
        match kind {
            Kind::Sizpay => sizpay(base, callback, faults),
            Kind::Pod => pod(base, faults),
            Kind::Robokassa => robokassa(base, callback, faults),
        }
    }

    /// Where it is, and the account for the project file.
    pub(super) fn told(&self, base: &str, listen: Option<&str>) -> String {
        let gateway = self.accounts.first().map_or("", |account| account.gateway);
        let mut text = format!("{gateway} is played at {base}, its ledger is {base}/ledger\n\n");
        text.push_str("charkh.yaml:\n\naccounts:\n");
        for account in &self.accounts {
            account.yaml(&mut text);
        }
        if let Some(url) = listen {
            text.push_str(&format!(
                "\nlisten: {{ secret: env:LISTEN_SECRET, public_url: \"{url}\" }}\n"
            ));
        }
        text.push_str("\nenvironment, of the simulator alone:\n\n");
        if listen.is_some() {
            text.push_str(&format!("export LISTEN_SECRET='{LISTEN_SECRET}'\n"));
        }
        for account in &self.accounts {
            for (name, value) in &account.secrets {
                let variable = account.variable(name);
                text.push_str(&format!("export {variable}='{value}'\n"));
            }
        }
        text.push_str("\nready; Ctrl-C ends it\n");
        text
    }
}

impl Account {
    /// The environment variable of a secret.
    fn variable(&self, name: &str) -> String {
        let whose = match self.name {
            MAIN => String::new(),
            other => format!("{other}_"),
        };
        format!("{}_{whose}{name}", self.gateway).to_uppercase()
    }

    /// As in the project file.
    fn yaml(&self, text: &mut String) {
        text.push_str(&format!(
            "  {}:\n    gateway: {}\n    currency: {}\n",
            self.name, self.gateway, self.currency
        ));
        text.push_str("    reach: loopback\n    options:\n");
        for (name, value) in &self.options {
            text.push_str(&format!("      {name}: {value}\n"));
        }
        text.push_str("    secrets:\n");
        for (name, _) in &self.secrets {
            text.push_str(&format!("      {name}: env:{}\n", self.variable(name)));
        }
    }
}

fn sizpay(base: &str, callback: Option<String>, faults: Faults) -> Played {
    let settings = SizpaySettings {
        merchant_url: callback,
        ..SizpaySettings::at_base(base)
    };
    let account = Account {
        name: MAIN,
        gateway: "sizpay",
        currency: "IRR",
        options: vec![
            ("base_url", settings.api_base.clone()),
            ("pay_link_name", settings.pay_link_name.clone()),
        ],
        secrets: vec![
            ("user_name", settings.user_name.clone()),
            ("password", settings.password.clone()),
        ],
    };
    Played {
        provider: Arc::new(Sizpay::new(settings, faults)),
        accounts: vec![account],
    }
}

/// POD knows two businesses, so that one can owe the other.
fn pod(base: &str, faults: Faults) -> Played {
    let (token, guild) = ("simulated-business-token", "INFORMATION_TECHNOLOGY_GUILD");
    let business = |name, guild: &str, token: &str| Account {
        name,
        gateway: "pod",
        currency: "IRR",
        options: vec![
            ("guild_code", guild.to_owned()),
            ("service_url", format!("{base}/srv/sc")),
            ("core_url", format!("{base}/srv/core")),
            ("pay_url", base.to_owned()),
        ],
        secrets: vec![("api_token", token.to_owned())],
    };
    let other = Business {
        id: OTHER_BUSINESS,
        token: "simulated-other-token".to_owned(),
        guilds: BTreeMap::from([("OTHER_GUILD".to_owned(), OTHER_MONEY)]),
        wallets: BTreeMap::from([("PODLAND_WALLET".to_owned(), OTHER_MONEY)]),
    };
    let accounts = vec![
        business(MAIN, guild, token),
        business("other", "OTHER_GUILD", &other.token),
    ];
    let settings = PodSettings::new(base, token, guild).with(other);
    Played {
        provider: Arc::new(Pod::new(settings, faults)),
        accounts,
    }
}

fn robokassa(base: &str, callback: Option<String>, faults: Faults) -> Played {
    let (login, first, second) = ("acme", "simulated-password-1", "simulated-password-2");
    let settings = RobokassaSettings {
        result_url: callback,
        ..RobokassaSettings::new(base, login, first, second)
    };
    let account = Account {
        name: MAIN,
        gateway: "robokassa",
        currency: "RUB",
        options: vec![
            ("merchant_login", login.to_owned()),
            ("services_url", base.to_owned()),
            ("auth_url", base.to_owned()),
            ("fiscal_url", base.to_owned()),
        ],
        secrets: vec![
            ("password1", first.to_owned()),
            ("password2", second.to_owned()),
        ],
    };
    Played {
        provider: Arc::new(Robokassa::new(settings, faults)),
        accounts: vec![account],
    }
}
