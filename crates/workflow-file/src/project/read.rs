//! Reading the project file from its tree.

use values::{Locale, Zone};

use crate::diagnostic::{Diagnostic, Findings};
use crate::project::accounts::{accounts, secret_ref};
use crate::project::channels::messages;
use crate::project::people::{parties, people};
use crate::project::{Listener, Project, ProjectLimits};
use crate::read::{self, Record};
use crate::syntax::Node;

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
    "listen",
];

/// The keys of a listener.
pub(crate) const LISTEN_KEYS: &[&str] = &["secret", "public_url"];

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
    if let Some(node) = record.get("listen") {
        project.listen = listen(node, findings);
    }
    Some(project)
}

fn listen(node: &Node, findings: &mut Findings) -> Option<Listener> {
    let record = Record::open(node, "the listener", LISTEN_KEYS, findings)?;
    let secret = record.need("secret", findings);
    let secret = secret.and_then(|node| secret_ref(node, "secret", findings));
    let public_url = record
        .get("public_url")
        .and_then(|node| public_url(node, findings));
    Some(Listener {
        secret: secret?,
        public_url,
    })
}

/// Where the outside finds the listener; without the slash at its end.
fn public_url(node: &Node, findings: &mut Findings) -> Option<String> {
    let text = read::text(node, "an address", findings)?;
    if let Some(address) = Listener::public_address(&text) {
        return Some(address);
    }
    findings.add(
        Diagnostic::error(
            "WF0510",
            node.value_place(),
            "callbacks need an https address",
        )
        .label("not an address for callbacks")
        .help("write it as in `https://crm.example`, without a question mark"),
    );
    None
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
