//! The providers that can be played on this machine: this file alone names concrete ones.

use std::sync::Arc;

use charkh::simulator::pod::{Pod, PodSettings};
use charkh::simulator::robokassa::{Robokassa, RobokassaSettings};
use charkh::simulator::sizpay::{Sizpay, SizpaySettings};
use charkh::simulator::{Faults, Provider};
use clap::ValueEnum;

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
    account: Account,
}

/// An account there, as the project file has it.
struct Account {
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
    pub(super) fn told(&self, base: &str) -> String {
        let Account {
            gateway,
            currency,
            options,
            secrets,
        } = &self.account;
        let variable = |name: &str| format!("{gateway}_{name}").to_uppercase();
        let mut text = format!("{gateway} is played at {base}, its ledger is {base}/ledger\n\n");
        text.push_str("charkh.yaml:\n\naccounts:\n  main:\n");
        text.push_str(&format!(
            "    gateway: {gateway}\n    currency: {currency}\n"
        ));
        text.push_str("    reach: loopback\n    options:\n");
        for (name, value) in options {
            text.push_str(&format!("      {name}: {value}\n"));
        }
        text.push_str("    secrets:\n");
        for (name, _) in secrets {
            text.push_str(&format!("      {name}: env:{}\n", variable(name)));
        }
        text.push_str("\nenvironment, of the simulator alone:\n\n");
        for (name, value) in secrets {
            text.push_str(&format!("export {}='{value}'\n", variable(name)));
        }
        text.push_str("\nready; Ctrl-C ends it\n");
        text
    }
}

fn sizpay(base: &str, callback: Option<String>, faults: Faults) -> Played {
    let settings = SizpaySettings {
        merchant_url: callback,
        ..SizpaySettings::at_base(base)
    };
    let account = Account {
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
        account,
    }
}

fn pod(base: &str, faults: Faults) -> Played {
    let (token, guild) = ("simulated-business-token", "INFORMATION_TECHNOLOGY_GUILD");
    let account = Account {
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
    Played {
        provider: Arc::new(Pod::new(PodSettings::new(base, token, guild), faults)),
        account,
    }
}

fn robokassa(base: &str, callback: Option<String>, faults: Faults) -> Played {
    let (login, first, second) = ("acme", "simulated-password-1", "simulated-password-2");
    let settings = RobokassaSettings {
        result_url: callback,
        ..RobokassaSettings::new(base, login, first, second)
    };
    let account = Account {
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
        account,
    }
}
