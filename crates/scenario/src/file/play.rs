//! What gateways play, in the words of the sandbox.

use payment::gateways::SandboxOptions;
use serde_json::{Map, Value as Json};
use values::AccountName;
use workflow_file::read::{self, Record};
use workflow_file::syntax::Node;
use workflow_file::{Diagnostic, Findings};

use super::names::Names;
use super::script::Gateways;

/// Keys of the sandbox's script.
const SCRIPT_KEYS: [&str; 5] = ["create", "creates", "pay", "callback", "cases"];

/// Every key of a gateway: how it behaves, then what it plays.
pub(super) const GATEWAY_KEYS: &[&str] = &[
    "profile",
    "settling",
    "request_life_max",
    "lookup_staleness_max",
    "deactivate",
    "limits",
    "seed",
    "create",
    "creates",
    "pay",
    "callback",
    "cases",
];

/// `gateway` for every account, `gateways` by account.
pub(super) fn gateways(
    all: Option<&Node>,
    named: Option<&Node>,
    names: &Names<'_>,
    findings: &mut Findings,
) -> Gateways {
    let mut gateways = Gateways {
        all: all.and_then(|node| options(node, findings)),
        ..Gateways::default()
    };
    let record = named.and_then(|node| Record::open_any(node, "the list of gateways", findings));
    for entry in record.map(|record| record.entries()).unwrap_or_default() {
        let known = names
            .around
            .accounts
            .iter()
            .map(|account| account.account.name.as_str());
        if !known.clone().any(|name| name == entry.key) {
            let message = format!("the project has no account `{}`", entry.key);
            findings.add(
                Diagnostic::error("WF0612", entry.key_span, message)
                    .label("no such account")
                    .did_you_mean(&entry.key, known),
            );
            continue;
        }
        if let Some(options) = options(&entry.value, findings) {
            gateways
                .named
                .insert(AccountName::new(entry.key.clone()), options);
        }
    }
    gateways
}

/// One word, such as `paid`, or a map.
fn options(node: &Node, findings: &mut Findings) -> Option<SandboxOptions> {
    if node.as_text().is_some() {
        let options = Map::from_iter([("script".to_owned(), node.to_json())]);
        return decoded(options, "gateway", node, findings);
    }
    let record = Record::open(node, "a gateway", GATEWAY_KEYS, findings)?;
    let mut whole = Map::new();
    let mut script = Map::new();
    let mut good = true;
    for entry in record.entries() {
        let key = entry.key.as_str();
        if !GATEWAY_KEYS.contains(&key) {
            good = false;
            continue;
        }
        let mut alone = Map::new();
        let in_script = SCRIPT_KEYS.contains(&key);
        let target = if in_script { &mut script } else { &mut whole };
        target.insert(key.to_owned(), entry.value.to_json());
        // Each key on its own first, so that a mistake is shown where it stands.
        alone.insert(key.to_owned(), entry.value.to_json());
        if in_script {
            alone = Map::from_iter([("script".to_owned(), Json::Object(alone))]);
        }
        good &= decoded(alone, key, &entry.value, findings).is_some();
    }
    if !good {
        return None;
    }
    if !script.is_empty() {
        whole.insert("script".to_owned(), Json::Object(script));
    }
    decoded(whole, "gateway", node, findings)
}

fn decoded(
    options: Map<String, Json>,
    key: &str,
    node: &Node,
    findings: &mut Findings,
) -> Option<SandboxOptions> {
    match serde_json::from_value(Json::Object(options)) {
        Ok(options) => Some(options),
        Err(error) => {
            // What the values themselves say is for people; the rest speaks of types.
            let own = error.to_string();
            let message = match takes(key) {
                _ if own.starts_with('`') => own,
                Some(takes) => format!("`{key}` takes {takes}"),
                None => own,
            };
            findings.add(
                Diagnostic::error("WF0609", node.value_place(), message)
                    .label("the sandbox cannot play this"),
            );
            None
        }
    }
}

/// What a key takes, for messages.
fn takes(key: &str) -> Option<&'static str> {
    Some(match key {
        "gateway" => {
            "a map, or one of `never`, `paid`, `paid_late`, `paid_twice`, `created`, `refused`, \
             `timeout_after_accepting`, `timeout_before_accepting` and `unavailable`"
        }
        "profile" => "`idempotent`, `unique_reference`, `lookup_only` or `nothing`",
        "create" => {
            "`created`, `refused`, `timeout_after_accepting`, `timeout_before_accepting`, \
             `unavailable` or `{ unavailable: 3 }`"
        }
        "creates" => "a list of what `create` takes, the first answers one by one",
        "pay" => "`never`, `paid`, `paid_twice`, `paid_late`, `{ after: 2d }` or `{ late: 1h }`",
        "callback" => "`sent`, `lost`, `repeated` or `early`",
        "cases" => "a list such as `[{ when: { order: 2 }, pay: paid }]`",
        "deactivate" => "`true` or `false`",
        "seed" => "a whole number",
        "limits" => "a map such as `{ amount_max: 500_000_000 IRR }`",
        "settling" | "request_life_max" | "lookup_staleness_max" => {
            "a length of time, such as `30s`"
        }
        _ => return None,
    })
}

/// A list of maps.
pub(super) fn list<'a>(node: &'a Node, what: &str, findings: &mut Findings) -> &'a [Node] {
    read::elements(node, what, findings).unwrap_or_default()
}
