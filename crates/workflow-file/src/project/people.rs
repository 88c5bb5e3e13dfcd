//! Users and parties of runs without a CRM.

use std::collections::BTreeMap;

use host::{Party, PartyKind, Person, User};
use values::{Email, Mobile, PartyId, UserId, check_id};

use crate::diagnostic::{Diagnostic, Findings};
use crate::project::ProjectParty;
use crate::read::{self, Record};
use crate::syntax::{Entry, Node};

/// The keys of a user.
pub(crate) const USER_KEYS: &[&str] = &[
    "name",
    "active",
    "roles",
    "groups",
    "positions",
    "manager",
    "mobile",
    "email",
    "language",
];

/// The keys of a party.
pub(crate) const PARTY_KEYS: &[&str] = &[
    "name",
    "number",
    "kind",
    "lead",
    "mobile",
    "email",
    "language",
    "balance",
    "manager",
    "contact",
    "positions",
    "fields",
];

/// The keys of a person.
pub(crate) const PERSON_KEYS: &[&str] = &["name", "mobile", "email", "language"];

pub(super) fn people(node: &Node, findings: &mut Findings) -> Vec<User> {
    let record = Record::open_any(node, "the list of people", findings);
    let entries = record.map(|record| record.entries()).unwrap_or_default();
    let people = entries
        .iter()
        .filter_map(|entry| user(entry, findings))
        .collect();
    for entry in entries {
        let Some(manager) = entry.value.get("manager") else {
            continue;
        };
        let Some(name) = manager.as_text() else {
            continue;
        };
        if entries.iter().all(|other| other.key != name) {
            let known: Vec<&str> = entries.iter().map(|other| other.key.as_str()).collect();
            let message = format!("there is no person `{name}`");
            findings.add(
                Diagnostic::error("WF0503", manager.value_place(), message)
                    .label("no such person")
                    .did_you_mean(name, known),
            );
        }
    }
    circles(entries, findings);
    people
}

/// Managers in a circle have nobody above them, so nobody would ever be told.
fn circles(entries: &[Entry], findings: &mut Findings) {
    let above: BTreeMap<&str, &str> = entries
        .iter()
        .filter_map(|entry| Some((entry.key.as_str(), entry.value.get("manager")?.as_text()?)))
        .collect();
    for entry in entries {
        let mut at = entry.key.as_str();
        let mut steps = 0;
        while let Some(manager) = above.get(at) {
            at = manager;
            steps += 1;
            if at == entry.key || steps > entries.len() {
                break;
            }
        }
        // One finding per circle, at its first name.
        let mut circle = std::iter::successors(above.get(entry.key.as_str()).copied(), |name| {
            above.get(name).copied().filter(|next| *next != entry.key)
        })
        .take(entries.len());
        if at == entry.key && steps > 0 && circle.all(|name| entry.key.as_str() <= name) {
            let place = entry
                .value
                .get("manager")
                .map_or(entry.key_span, Node::value_place);
            let message = format!("`{}` would be their own manager", entry.key);
            findings.add(
                Diagnostic::error("WF0506", place, message)
                    .label("the circle closes here")
                    .help("whoever is at the top has no `manager`"),
            );
        }
    }
}

fn user(entry: &Entry, findings: &mut Findings) -> Option<User> {
    let good = good_id(entry, findings);
    let record = Record::open(&entry.value, "a person", USER_KEYS, findings)?;
    let person = person_of(&record, findings);
    let active = record.get("active");
    let active = active.and_then(|node| read::boolean(node, "`active`", findings));
    let list = |key: &str, what: &str, findings: &mut Findings| {
        record
            .get(key)
            .map(|node| read::ids(node, what, findings))
            .unwrap_or_default()
    };
    let roles = list("roles", "a list of roles", findings);
    let groups = list("groups", "a list of groups", findings);
    let positions = list("positions", "a list of positions", findings);
    let manager = record.get("manager");
    let manager = manager.and_then(|node| read::id(node, "a person", findings));
    good.then(|| User {
        id: UserId::new(entry.key.clone()),
        name: if person.name.is_empty() {
            entry.key.clone()
        } else {
            person.name
        },
        active: active.unwrap_or(true),
        roles,
        groups,
        positions,
        manager: manager.map(UserId::new),
        mobile: person.mobile,
        email: person.email,
        language: person.language,
    })
}

fn good_id(entry: &Entry, findings: &mut Findings) -> bool {
    match check_id(&entry.key) {
        Ok(()) => true,
        Err(error) => {
            findings.add(
                Diagnostic::error("WF0109", entry.key_span, error.to_string()).label("not an id"),
            );
            false
        }
    }
}

fn person(node: &Node, findings: &mut Findings) -> Option<Person> {
    let record = Record::open(node, "a person", PERSON_KEYS, findings)?;
    Some(person_of(&record, findings))
}

/// What every person has.
fn person_of(record: &Record<'_>, findings: &mut Findings) -> Person {
    let name = record
        .get("name")
        .and_then(|node| read::filled_text(node, "a name", findings));
    let language = record.get("language");
    Person {
        name: name.unwrap_or_default(),
        mobile: record.get("mobile").and_then(|node| mobile(node, findings)),
        email: record.get("email").and_then(|node| email(node, findings)),
        language: language.and_then(|node| read::locale(node, "a language", findings)),
    }
}

fn mobile(node: &Node, findings: &mut Findings) -> Option<String> {
    let Some(scalar) = node.as_scalar().filter(|_| !node.is_null()) else {
        findings.add(read::wrong_kind(node, "a mobile number is a text"));
        return None;
    };
    // `09121112233` is a text to YAML, `989121112233` a number: both are what was meant.
    match Mobile::parse(&scalar.text) {
        Ok(_) => Some(scalar.text.clone()),
        Err(error) => {
            findings.add(
                Diagnostic::error("WF0507", node.value_place(), error.to_string())
                    .label("not a mobile number"),
            );
            None
        }
    }
}

fn email(node: &Node, findings: &mut Findings) -> Option<String> {
    let text = read::text(node, "an e-mail address", findings)?;
    match Email::parse(&text) {
        Ok(_) => Some(text),
        Err(error) => {
            findings.add(
                Diagnostic::error("WF0508", node.value_place(), error.to_string())
                    .label("not an address"),
            );
            None
        }
    }
}

pub(super) fn parties(node: &Node, findings: &mut Findings) -> Vec<ProjectParty> {
    let record = Record::open_any(node, "the list of parties", findings);
    let entries = record.map(|record| record.entries()).unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| party(entry, findings))
        .collect()
}

fn party(entry: &Entry, findings: &mut Findings) -> Option<ProjectParty> {
    let good = good_id(entry, findings);
    let record = Record::open(&entry.value, "a party", PARTY_KEYS, findings)?;
    let base = person_of(&record, findings);
    let words = [
        ("person", PartyKind::Person),
        ("company", PartyKind::Company),
    ];
    let kind = record.get("kind");
    let kind = kind.and_then(|node| read::word(node, "the kind of a party", &words, findings));
    let number = record.get("number");
    let lead = record.get("lead");
    let party = Party {
        id: PartyId::new(entry.key.clone()),
        name: if base.name.is_empty() {
            entry.key.clone()
        } else {
            base.name
        },
        number: number.and_then(|node| read::text(node, "a customer number", findings)),
        kind: kind.unwrap_or(PartyKind::Company),
        lead: lead
            .and_then(|node| read::boolean(node, "`lead`", findings))
            .unwrap_or(false),
        language: base.language,
        mobile: base.mobile,
        email: base.email,
        fields: values::Fields::new(),
    };
    let someone = |key: &str, findings: &mut Findings| {
        record.get(key).and_then(|node| person(node, findings))
    };
    let manager = someone("manager", findings);
    let contact = someone("contact", findings);
    let positions = record
        .get("positions")
        .map(|node| positions(node, findings))
        .unwrap_or_default();
    let balance = record
        .get("balance")
        .and_then(|node| read::money(node, findings));
    let fields = record.get("fields");
    let fields = fields.and_then(|node| Record::open_any(node, "the fields of a party", findings));
    let fields = fields.map(|record| record.entries()).unwrap_or_default();
    let fields = fields
        .iter()
        .map(|entry| (entry.key.clone(), entry.value.to_json()))
        .collect();
    good.then_some(ProjectParty {
        party,
        fields,
        balance,
        manager,
        contact,
        positions,
    })
}

/// Holders of positions: one person or several each.
fn positions(node: &Node, findings: &mut Findings) -> BTreeMap<String, Vec<Person>> {
    let record = Record::open_any(node, "the positions of a party", findings);
    let mut positions = BTreeMap::new();
    for entry in record.map(|record| record.entries()).unwrap_or_default() {
        let one = std::slice::from_ref(&entry.value);
        let nodes = entry.value.as_list().unwrap_or(one);
        let people = nodes
            .iter()
            .filter_map(|node| person(node, findings))
            .collect();
        positions.insert(entry.key.clone(), people);
    }
    positions
}
