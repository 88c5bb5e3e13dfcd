//! The accounts that links may pay into.

use std::collections::BTreeMap;

use activity::Account;
use payment::gateways::{BUILT_IN, BuiltIn, SandboxOptions, built_in};
use serde::Deserialize;
use serde_json::Value as Json;
use values::{AccountName, Currency, SecretRef};

use crate::diagnostic::{Diagnostic, Findings, Span, nearest};
use crate::project::{ProjectAccount, Reach, network};
use crate::read::{self, Record};
use crate::syntax::{Entry, Node, NodeKind};

/// The keys of an account, besides the name of a gateway with a section of its own.
pub(crate) const ACCOUNT_KEYS: &[&str] = &[
    "gateway",
    "currency",
    "active",
    "online_payment",
    "expires_days",
    "receipt_type",
    "options",
    "secrets",
    "reach",
];

/// The keys of accounts at gateways that are reached over the network.
const NETWORK_KEYS: [&str; 3] = ["options", "secrets", "reach"];

/// A link that lives longer is a mistake.
const EXPIRES_DAYS_MAX: i64 = 3_650;

pub(super) fn accounts(
    node: &Node,
    findings: &mut Findings,
) -> BTreeMap<AccountName, ProjectAccount> {
    let record = Record::open_any(node, "the list of accounts", findings);
    let mut accounts = BTreeMap::new();
    for entry in record.map(|record| record.entries()).unwrap_or_default() {
        let good = read::good_name(&entry.key, entry.key_span, findings);
        if let Some(account) = account(entry, findings).filter(|_| good) {
            accounts.insert(account.account.name.clone(), account);
        }
    }
    accounts
}

fn account(entry: &Entry, findings: &mut Findings) -> Option<ProjectAccount> {
    let record = Record::open_any(&entry.value, "an account", findings)?;
    let Some(gateway_node) = record.get("gateway") else {
        let message = "an account needs the key `gateway`";
        findings.add(
            Diagnostic::error("WF0102", entry.key_span, message)
                .label("`gateway` is missing here")
                .help("`gateway: sandbox` works without a network"),
        );
        return None;
    };
    let gateway = read::name(gateway_node, "a gateway", findings)?;
    check_gateway(gateway_node, &gateway, findings);
    let built_in = built_in(&gateway);
    let networked = built_in.filter(|built_in| built_in.network);
    refuse_unknown_keys(&record, &gateway, built_in, findings);
    let words = Currency::ALL.map(|currency| (currency.code(), currency));
    let currency = record.need("currency", findings);
    let currency = currency.and_then(|node| read::word(node, "a currency", &words, findings));
    let flag = |key: &str, findings: &mut Findings| {
        let what = if key == "active" {
            "`active`"
        } else {
            "`online_payment`"
        };
        record
            .get(key)
            .and_then(|node| read::boolean(node, what, findings))
            .unwrap_or(true)
    };
    let days = record.get("expires_days");
    let days = days
        .and_then(|node| read::whole(node, "the number of days", 1..=EXPIRES_DAYS_MAX, findings));
    let receipt = record.get("receipt_type");
    let account = Account {
        active: flag("active", findings),
        online_payment: flag("online_payment", findings),
        expires_days: days.and_then(|days| u32::try_from(days).ok()),
        receipt_type: receipt.and_then(|node| read::id(node, "a type of receipt", findings)),
        reusable: (gateway == "sandbox").then_some(false),
        ..Account::new(entry.key.as_str(), gateway, currency?)
    };
    if let Some(built_in) = networked {
        return Some(network::account(
            account,
            built_in,
            (entry, &record),
            findings,
        ));
    }
    let node = record.get(&account.gateway);
    if let Some(node) = node {
        secrets(node, findings);
    }
    let settings = node.map_or_else(|| Json::Object(serde_json::Map::new()), Node::to_json);
    let account = match node {
        Some(node) if account.gateway == "sandbox" => sandbox(account, node, &settings, findings),
        _ => account,
    };
    Some(ProjectAccount {
        account,
        settings,
        secrets: BTreeMap::new(),
        reach: Reach::Public,
    })
}

/// Refuses keys that an account of this gateway does not have.
fn refuse_unknown_keys(
    record: &Record<'_>,
    gateway: &str,
    built_in: Option<&BuiltIn>,
    findings: &mut Findings,
) {
    // A gateway over the network has three keys of its own instead of a section with its name.
    let networked = built_in.is_some_and(|built_in| built_in.network);
    let own = |key: &&str| networked || !NETWORK_KEYS.contains(key);
    let known: Vec<&str> = ACCOUNT_KEYS
        .iter()
        .copied()
        .filter(own)
        .chain((!networked).then_some(gateway))
        .collect();
    for other in record
        .entries()
        .iter()
        .filter(|other| !known.contains(&other.key.as_str()))
    {
        let message = format!("an account has no key `{}`", other.key);
        let diagnostic = Diagnostic::error("WF0101", other.key_span, message)
            .label("not a key here")
            .did_you_mean(&other.key, known.iter().copied());
        let diagnostic = match diagnostic.help {
            _ if networked && other.key == gateway => {
                diagnostic.help("its settings stand under `options`, its secrets under `secrets`")
            }
            Some(_) => diagnostic,
            None => diagnostic.help(format!("the keys here are {}", read::list(&known))),
        };
        findings.add(diagnostic);
    }
}

/// Where a secret is found, never the secret itself.
pub(super) fn secret_ref(node: &Node, key: &str, findings: &mut Findings) -> Option<SecretRef> {
    let Some(scalar) = node.as_scalar().filter(|_| !node.is_null()) else {
        findings.add(read::wrong_kind(
            node,
            "a secret is written as `env:NAME` or `file:path`",
        ));
        return None;
    };
    match SecretRef::parse(&scalar.text) {
        Ok(secret) => Some(secret),
        Err(error) => {
            findings.add(literal_secret(node, key, &error.to_string()));
            None
        }
    }
}

fn literal_secret(node: &Node, key: &str, message: &str) -> Diagnostic {
    Diagnostic::error("WF0502", node.value_place(), message)
        .label("a secret stands in the file")
        .help(format!(
            "write `{key}: env:{}`, and set the variable",
            key.to_uppercase().replace('-', "_")
        ))
}

/// Checks the settings of the built-in gateway, and takes its limits over.
fn sandbox(account: Account, node: &Node, settings: &Json, findings: &mut Findings) -> Account {
    match SandboxOptions::deserialize(settings) {
        Ok(options) => account.with_limits(&options.limits),
        Err(error) => {
            let what = Refusing {
                name: "the sandbox".to_owned(),
                label: "not a setting of the sandbox".to_owned(),
                page: "docs/sandbox.md".to_owned(),
            };
            findings.add(refused(&what, node, &error.to_string()));
            account
        }
    }
}

/// Who refuses settings, in words.
pub(super) struct Refusing {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) page: String,
}

/// What a gateway says about its settings, with the place it is about.
pub(super) fn refused(what: &Refusing, node: &Node, message: &str) -> Diagnostic {
    let (message, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let written = message.split('`').nth(1).unwrap_or_default();
    let place = named_in(written, node).unwrap_or_else(|| node.place());
    // Words are accepted in two spellings; one is enough to show.
    let words: Vec<&str> = expected
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| !word.contains('-'))
        .collect();
    let diagnostic = Diagnostic::error(
        "WF0509",
        place,
        format!("{} refuses this: {message}", what.name),
    )
    .label(what.label.clone())
    .did_you_mean(written, words.iter().copied());
    match (&diagnostic.help, words.as_slice()) {
        (Some(_), _) => diagnostic,
        (None, []) => diagnostic.help(format!("{} lists what it takes", what.page)),
        (None, words) => diagnostic.help(format!("write {}", read::list(words))),
    }
}

/// Where a key or word stands in the settings.
fn named_in(quoted: &str, node: &Node) -> Option<Span> {
    let mut found = None;
    node.walk(&mut |node| {
        let key = node.entry(quoted).map(|entry| entry.key_span);
        let word = node
            .as_text()
            .filter(|text| *text == quoted)
            .map(|_| node.span);
        found = found.or(key).or(word);
    });
    found
}

/// A word that is almost a gateway that ships would be taken for a gateway of somebody else's.
fn check_gateway(node: &Node, gateway: &str, findings: &mut Findings) {
    let names = || BUILT_IN.iter().map(|built_in| built_in.name);
    let Some(meant) = nearest(gateway, names()).filter(|meant| *meant != gateway) else {
        return;
    };
    let message = format!("`{gateway}` is almost `{meant}`, a gateway that is built in");
    findings.add(
        Diagnostic::warning("WF0501", node.value_place(), message)
            .label("is this another gateway?")
            .did_you_mean(gateway, names()),
    );
}

/// Keys whose values must never stand in a file.
fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase().replace('-', "_");
    let last = key.rsplit('_').next().unwrap_or_default();
    let shown = key.starts_with("public_");
    !shown
        && matches!(
            last,
            "secret" | "token" | "password" | "pin" | "key" | "credential" | "credentials"
        )
}

/// Refuses secrets that stand in the file.
pub(super) fn secrets(node: &Node, findings: &mut Findings) {
    match &node.kind {
        NodeKind::Scalar(_) => {}
        NodeKind::List(nodes) => nodes.iter().for_each(|node| secrets(node, findings)),
        NodeKind::Map(entries) => {
            for entry in entries {
                match entry.value.as_scalar().filter(|_| is_secret(&entry.key)) {
                    None => secrets(&entry.value, findings),
                    Some(scalar) => {
                        if let Err(error) = SecretRef::parse(&scalar.text) {
                            let message = error.to_string();
                            findings.add(literal_secret(&entry.value, &entry.key, &message));
                        }
                    }
                }
            }
        }
    }
}
