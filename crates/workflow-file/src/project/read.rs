//! Reading the project file from its tree.

use std::collections::BTreeMap;

use activity::Account;
use host::Medium;
use payment::gateways::SandboxOptions;
use serde::Deserialize;
use serde_json::Value as Json;
use values::{AccountName, Currency, Locale, SecretRef, Zone};

use crate::diagnostic::{Diagnostic, Findings, Span, nearest};
use crate::project::people::{parties, people};
use crate::project::{Channel, Project, ProjectAccount, ProjectLimits};
use crate::read::{self, Record};
use crate::syntax::{Entry, Node, NodeKind};

/// The keys of a project.
pub(crate) const PROJECT_KEYS: &[&str] = &[
    "workflows",
    "zone",
    "languages",
    "accounts",
    "people",
    "parties",
    "messages",
    "services",
    "limits",
];

/// The keys of an account, besides the name of its gateway.
pub(crate) const ACCOUNT_KEYS: &[&str] = &[
    "gateway",
    "currency",
    "active",
    "online_payment",
    "expires_days",
    "receipt_type",
];

/// A link that lives longer is a mistake.
const EXPIRES_DAYS_MAX: i64 = 3_650;

pub(super) fn project(root: &Node, findings: &mut Findings) -> Option<Project> {
    let record = Record::open(root, "a project", PROJECT_KEYS, findings)?;
    let mut project = Project::default();
    if let Some(folder) = record.get("workflows") {
        project.workflows = read::filled_text(folder, "the folder of the workflows", findings)?;
    }
    if let Some(zone) = record.get("zone").and_then(|node| zone(node, findings)) {
        project.zone = zone;
    }
    if let Some(languages) = record
        .get("languages")
        .map(|node| languages(node, findings))
    {
        project.languages = languages;
    }
    if let Some(node) = record.get("accounts") {
        project.accounts = accounts(node, findings);
    }
    project.people = record
        .get("people")
        .map(|node| people(node, findings))
        .unwrap_or_default();
    project.parties = record
        .get("parties")
        .map(|node| parties(node, findings))
        .unwrap_or_default();
    if let Some(node) = record.get("messages") {
        messages(node, &mut project.messages, findings);
    }
    if let Some(node) = record.get("services") {
        project.allowed_hosts = allowed_hosts(node, findings);
    }
    if let Some(node) = record.get("limits") {
        project.limits = limits(node, findings);
    }
    Some(project)
}

fn zone(node: &Node, findings: &mut Findings) -> Option<Zone> {
    let text = read::text(node, "a time zone", findings)?;
    match Zone::parse(&text) {
        Ok(zone) => Some(zone),
        Err(error) => {
            findings.add(
                Diagnostic::error("WF0504", node.value_place(), error.to_string())
                    .label("no such zone")
                    .help("zones are named as in `Asia/Tehran` or `Europe/Moscow`"),
            );
            None
        }
    }
}

fn languages(node: &Node, findings: &mut Findings) -> Vec<Locale> {
    let nodes = read::elements(node, "a list of languages", findings).unwrap_or_default();
    if node.as_list().is_some() && nodes.is_empty() {
        let message = "a project speaks at least one language";
        findings.add(Diagnostic::error("WF0113", node.value_place(), message).label("empty"));
    }
    read::refuse_repeats(nodes, findings);
    nodes
        .iter()
        .filter_map(|node| read::locale(node, "a language", findings))
        .collect()
}

fn accounts(node: &Node, findings: &mut Findings) -> BTreeMap<AccountName, ProjectAccount> {
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
    let known: Vec<&str> = ACCOUNT_KEYS
        .iter()
        .copied()
        .chain([gateway.as_str()])
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
        findings.add(match diagnostic.help {
            Some(_) => diagnostic,
            None => diagnostic.help(format!("the keys here are {}", read::list(&known))),
        });
    }
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
        name: AccountName::new(entry.key.clone()),
        currency: currency?,
        active: flag("active", findings),
        online_payment: flag("online_payment", findings),
        expires_days: days.and_then(|days| u32::try_from(days).ok()),
        receipt_type: receipt.and_then(|node| read::id(node, "a type of receipt", findings)),
        amount_max: None,
        amount_min: None,
        gateway,
    };
    let node = record.get(&account.gateway);
    if let Some(node) = node {
        secrets(node, findings);
    }
    let settings = node.map_or_else(|| Json::Object(serde_json::Map::new()), Node::to_json);
    let account = match node {
        Some(node) if account.gateway == "sandbox" => sandbox(account, node, &settings, findings),
        _ => account,
    };
    Some(ProjectAccount { account, settings })
}

/// Checks the settings of the built-in gateway, and takes its limits over.
fn sandbox(account: Account, node: &Node, settings: &Json, findings: &mut Findings) -> Account {
    match SandboxOptions::deserialize(settings) {
        Ok(options) => account.with_limits(&options.limits),
        Err(error) => {
            let message = error.to_string();
            let (message, expected) = message.split_once(", expected ").unwrap_or((&message, ""));
            let written = message.split('`').nth(1).unwrap_or_default();
            let place = named_in(written, node).unwrap_or_else(|| node.place());
            // Every word is accepted in two spellings; one is enough to show.
            let words: Vec<&str> = expected
                .split('`')
                .skip(1)
                .step_by(2)
                .filter(|word| !word.contains('-'))
                .collect();
            let message = format!("the sandbox refuses this: {message}");
            let diagnostic = Diagnostic::error("WF0509", place, message)
                .label("not a setting of the sandbox")
                .did_you_mean(written, words.iter().copied());
            findings.add(match (&diagnostic.help, words.as_slice()) {
                (Some(_), _) => diagnostic,
                (None, []) => diagnostic.help("docs/sandbox.md lists what it takes"),
                (None, words) => diagnostic.help(format!("write {}", read::list(words))),
            });
            account
        }
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

/// A word that is almost the built-in gateway's would be taken for a gateway of somebody else's.
fn check_gateway(node: &Node, gateway: &str, findings: &mut Findings) {
    if gateway != "sandbox" && nearest(gateway, ["sandbox"]).is_some() {
        let message = format!("`{gateway}` is almost `sandbox`, the gateway that is built in");
        findings.add(
            Diagnostic::warning("WF0501", node.value_place(), message)
                .label("is this another gateway?")
                .did_you_mean(gateway, ["sandbox"]),
        );
    }
}

/// Keys whose values must never stand in a file.
fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase().replace('-', "_");
    let last = key.rsplit('_').next().unwrap_or_default();
    matches!(
        last,
        "secret" | "token" | "password" | "pin" | "key" | "credential" | "credentials"
    )
}

fn secrets(node: &Node, findings: &mut Findings) {
    match &node.kind {
        NodeKind::Scalar(_) => {}
        NodeKind::List(nodes) => nodes.iter().for_each(|node| secrets(node, findings)),
        NodeKind::Map(entries) => {
            for entry in entries {
                match entry.value.as_scalar().filter(|_| is_secret(&entry.key)) {
                    None => secrets(&entry.value, findings),
                    Some(scalar) => {
                        if let Err(error) = SecretRef::parse(&scalar.text) {
                            findings.add(
                                Diagnostic::error(
                                    "WF0502",
                                    entry.value.value_place(),
                                    error.to_string(),
                                )
                                .label("a secret stands in the file")
                                .help(format!(
                                    "write `{}: env:{}`, and set the variable",
                                    entry.key,
                                    entry.key.to_uppercase().replace('-', "_")
                                )),
                            );
                        }
                    }
                }
            }
        }
    }
}

fn messages(node: &Node, channels: &mut BTreeMap<Medium, Channel>, findings: &mut Findings) {
    let Some(record) = Record::open(node, "the list of media", &["sms", "email"], findings) else {
        return;
    };
    for medium in [Medium::Sms, Medium::Email] {
        let Some(node) = record.get(medium.name()) else {
            continue;
        };
        let Some(record) = Record::open(node, "a medium", &["channel"], findings) else {
            continue;
        };
        let words = [("outbox", Channel::Outbox)];
        let channel = record.need("channel", findings);
        if let Some(channel) =
            channel.and_then(|node| read::word(node, "a channel", &words, findings))
        {
            channels.insert(medium, channel);
        }
    }
}

fn allowed_hosts(node: &Node, findings: &mut Findings) -> Vec<String> {
    let record = Record::open(node, "the list of services", &["allow"], findings);
    let Some(node) = record.and_then(|record| record.need("allow", findings)) else {
        return Vec::new();
    };
    let nodes = read::elements(node, "a list of hosts", findings).unwrap_or_default();
    read::refuse_repeats(nodes, findings);
    nodes
        .iter()
        .filter_map(|node| host_name(node, findings))
        .collect()
}

fn host_name(node: &Node, findings: &mut Findings) -> Option<String> {
    let text = read::text(node, "a host", findings)?;
    let labels = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let good = !text.is_empty()
        && text.len() <= 253
        && text.chars().all(labels)
        && text
            .split('.')
            .all(|label| !label.is_empty() && !label.starts_with('-'))
        && !text
            .split('.')
            .next_back()
            .is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()));
    if good {
        return Some(text.to_lowercase());
    }
    let mut diagnostic = Diagnostic::error(
        "WF0505",
        node.value_place(),
        format!("`{text}` is not the name of a host"),
    )
    .label("not a host");
    let bare = text
        .split_once("://")
        .map_or(text.as_str(), |(_, rest)| rest);
    let bare = bare.split(['/', ':']).next().unwrap_or_default();
    if bare != text && bare.contains('.') && bare.chars().all(labels) {
        diagnostic = diagnostic
            .help(format!("write only the host: `{bare}`"))
            .fix(node.span, bare);
    } else {
        diagnostic =
            diagnostic.help("write a name as in `api.example.com`, without a path or port");
    }
    findings.add(diagnostic);
    None
}

fn limits(node: &Node, findings: &mut Findings) -> ProjectLimits {
    let mut limits = ProjectLimits::default();
    let Some(record) = Record::open(node, "the limits", &["in_flight", "overlay"], findings) else {
        return limits;
    };
    let mut size = |key: &str, what: &str, largest: i64| {
        let node = record.get(key)?;
        usize::try_from(read::whole(node, what, 1..=largest, findings)?).ok()
    };
    if let Some(number) = size("in_flight", "the number of pieces of work", 4_096) {
        limits.in_flight = number;
    }
    if let Some(number) = size("overlay", "the number of items", 10_000_000) {
        limits.overlay = number;
    }
    limits
}
