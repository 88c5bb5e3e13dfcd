//! Accounts at gateways that are reached over the network.

use std::collections::BTreeMap;

use activity::Account;
use payment::gateways::{AccountSettings, BuiltIn, Secret, SetupError};
use serde_json::Value as Json;
use values::{SecretRef, Zone};

use crate::diagnostic::{Diagnostic, Findings};
use crate::project::accounts::{Refusing, refused, secret_ref, secrets};
use crate::project::address::Address;
use crate::project::{ProjectAccount, Reach};
use crate::read::{self, Record};
use crate::syntax::{Entry, Node};

/// Reads what such an account has beside the rest, and lets its adapter say what it can do.
pub(super) fn account(
    account: Account,
    built_in: &BuiltIn,
    (entry, record): (&Entry, &Record<'_>),
    findings: &mut Findings,
) -> ProjectAccount {
    let node = record.get("options");
    if let Some(node) = node {
        secrets(node, findings);
    }
    let settings = node.map_or_else(|| Json::Object(serde_json::Map::new()), Node::to_json);
    let named = named_secrets(record, built_in, findings);
    let reach = reach(record.get("reach"), node, findings);
    let tried = tried(&account, built_in, &settings, record.get("secrets"));
    let account = match tried {
        Ok(account) => account,
        // A secret whose name is misspelt is not missing as well.
        Err(SetupError::SecretMissing { .. }) if misspelt(record, built_in) => account,
        Err(error) => {
            let place = node.unwrap_or(&entry.value);
            findings.add(unfit(&error, built_in, (entry, place)));
            account
        }
    };
    ProjectAccount {
        account,
        settings,
        secrets: named,
        reach,
    }
}

fn misspelt(record: &Record<'_>, built_in: &BuiltIn) -> bool {
    let entries = record.get("secrets").and_then(Node::as_map);
    let unknown = |entry: &Entry| !built_in.secrets.contains(&entry.key.as_str());
    entries.unwrap_or_default().iter().any(unknown)
}

/// The account with what its gateway can do. No secret is read for that: something stands in for
/// each one that the file names.
fn tried(
    account: &Account,
    built_in: &BuiltIn,
    settings: &Json,
    secrets: Option<&Node>,
) -> Result<Account, SetupError> {
    (built_in.check_options)(settings)?;
    let Some(adapter) = built_in.adapter else {
        return Ok(account.clone());
    };
    let entries = secrets.and_then(Node::as_map).unwrap_or_default();
    let stand_in = |entry: &Entry| (entry.key.clone(), Secret::new(entry.key.clone()));
    let settings = AccountSettings {
        account: account.name.clone(),
        currency: account.currency,
        options: settings.clone(),
        secrets: entries.iter().map(stand_in).collect(),
        callback_url: Some("https://listener.invalid/c/token".to_owned()),
        zone: Zone::UTC,
    };
    let capabilities = adapter(&settings)?.capabilities();
    Ok(account.clone().with_capabilities(&capabilities))
}

fn unfit(error: &SetupError, built_in: &BuiltIn, (entry, options): (&Entry, &Node)) -> Diagnostic {
    let what = Refusing {
        name: format!("the {} gateway", built_in.title),
        label: format!("not for {}", built_in.title),
        page: format!("docs/gateways/{}.md", built_in.name),
    };
    match error {
        SetupError::Options(error) => refused(&what, options, &error.source.to_string()),
        SetupError::Unfit { problem, .. } => refused(&what, &entry.value, problem),
        SetupError::SecretMissing { secret, .. } => {
            let message = format!(
                "an account at {} needs the secret `{secret}`",
                built_in.title
            );
            Diagnostic::error("WF0102", entry.key_span, message)
                .label(format!("`{secret}` is missing here"))
                .help(format!("write `secrets: {{ {secret}: env:NAME }}`"))
        }
    }
}

/// Where an account may send its requests. `http` and addresses of this machine are for simulators.
fn reach(node: Option<&Node>, options: Option<&Node>, findings: &mut Findings) -> Reach {
    let words = [("loopback", Reach::Loopback)];
    let reach = node.and_then(|node| read::word(node, "a reach", &words, findings));
    let mut addresses = Vec::new();
    if let Some(options) = options {
        options.walk(&mut |node| {
            for entry in node.as_map().unwrap_or_default() {
                let address = entry.value.as_text().and_then(Address::parse);
                addresses.extend(address.map(|address| (entry, address)));
            }
        });
    }
    if let (Some(Reach::Loopback), Some(node)) = (reach, node) {
        for (entry, address) in &addresses {
            if !address.is_encrypted && !address.is_loopback() {
                let message = format!("`{}` is not on this machine and not encrypted", entry.key);
                findings.add(
                    Diagnostic::error("WF0510", entry.value.value_place(), message)
                        .label("not an address of this machine")
                        .help("write it with `https:`, or name `127.0.0.1`"),
                );
            }
        }
        if !addresses.iter().any(|(_, address)| address.is_loopback()) {
            let message = "nothing of this account is on this machine";
            findings.add(
                Diagnostic::error("WF0510", node.value_place(), message)
                    .label("nothing to reach")
                    .help("leave `reach` out, or name the simulator's address under `options`"),
            );
        }
    }
    if reach.is_none() && node.is_none() {
        for (entry, _) in addresses
            .iter()
            .filter(|(_, address)| address.is_loopback())
        {
            let message = format!("`{}` is an address of this machine", entry.key);
            findings.add(
                Diagnostic::error("WF0510", entry.value.value_place(), message)
                    .label("a provider is elsewhere")
                    .help("for a simulator, add `reach: loopback` to the account"),
            );
        }
    }
    reach.unwrap_or_default()
}

/// The secrets of an account, by the names that its gateway has for them.
fn named_secrets(
    record: &Record<'_>,
    built_in: &BuiltIn,
    findings: &mut Findings,
) -> BTreeMap<String, SecretRef> {
    let mut secrets = BTreeMap::new();
    let Some(node) = record.get("secrets") else {
        return secrets;
    };
    let Some(record) = Record::open(node, "the list of secrets", built_in.secrets, findings) else {
        return secrets;
    };
    for entry in record.entries() {
        if let Some(secret) = secret_ref(&entry.value, &entry.key, findings) {
            secrets.insert(entry.key.clone(), secret);
        }
    }
    secrets
}
