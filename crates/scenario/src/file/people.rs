//! The people of a scenario: users of the CRM, the party, and who is who to it.

use host::{Party, PartyKind, PartyRole, Person, User};
use values::{Money, PartyId, UserId};
use workflow_file::Findings;
use workflow_file::read::{self, Record};
use workflow_file::syntax::Node;

use super::names::Names;
use super::script::GivenParty;
use super::value;

/// The keys of a user.
pub(super) const USER_KEYS: &[&str] = &[
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
pub(super) const PARTY_KEYS: &[&str] = &[
    "id",
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
pub(super) const PERSON_KEYS: &[&str] = &["name", "mobile", "email", "language"];

/// Users by their id.
pub(super) fn people(node: &Node, names: &mut Names<'_>, findings: &mut Findings) -> Vec<User> {
    let Some(record) = Record::open_any(node, "the list of people", findings) else {
        return Vec::new();
    };
    // Everybody is known before anybody's manager is looked up.
    for entry in record.entries() {
        names.add_person(&entry.key);
    }
    record
        .entries()
        .iter()
        .filter_map(|entry| user(&entry.key, &entry.value, names, findings))
        .collect()
}

fn user(id: &str, node: &Node, names: &Names<'_>, findings: &mut Findings) -> Option<User> {
    let record = Record::open(node, "a person", USER_KEYS, findings)?;
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
    let manager = record
        .get("manager")
        .and_then(|node| names.person(node, findings));
    Some(User {
        id: UserId::new(id),
        name: if person.name.is_empty() {
            id.to_owned()
        } else {
            person.name
        },
        active: active.unwrap_or(true),
        roles,
        groups,
        positions,
        manager,
        mobile: person.mobile,
        email: person.email,
        language: person.language,
    })
}

/// Numbers and addresses stay as typed: a scenario may well be about a wrong one.
fn person_of(record: &Record<'_>, findings: &mut Findings) -> Person {
    let typed = |key: &str, what: &str, findings: &mut Findings| {
        record
            .get(key)
            .and_then(|node| value::word(node, what, findings))
    };
    let language = record.get("language");
    Person {
        name: typed("name", "a name", findings).unwrap_or_default(),
        mobile: typed("mobile", "a mobile number", findings),
        email: typed("email", "an e-mail address", findings),
        language: language.and_then(|node| read::locale(node, "a language", findings)),
    }
}

fn persons(node: &Node, findings: &mut Findings) -> Vec<Person> {
    let one = |node: &Node, findings: &mut Findings| {
        let record = Record::open(node, "a person", PERSON_KEYS, findings)?;
        Some(person_of(&record, findings))
    };
    match node.as_list() {
        Some(nodes) => nodes
            .iter()
            .filter_map(|node| one(node, findings))
            .collect(),
        None => one(node, findings).into_iter().collect(),
    }
}

/// The party of the items.
pub(super) fn party(node: &Node, names: &Names<'_>, findings: &mut Findings) -> Option<GivenParty> {
    let record = Record::open(node, "a party", PARTY_KEYS, findings)?;
    let id = record
        .get("id")
        .and_then(|node| read::id(node, "the id of a party", findings));
    let id = PartyId::new(id.unwrap_or_else(|| "party".to_owned()));
    let base = person_of(&record, findings);
    let words = [
        ("person", PartyKind::Person),
        ("company", PartyKind::Company),
    ];
    let kind = record.get("kind");
    let kind = kind.and_then(|node| read::word(node, "the kind of a party", &words, findings));
    let lead = record
        .get("lead")
        .and_then(|node| read::boolean(node, "`lead`", findings));
    let number = record.get("number");
    let own = record
        .get("fields")
        .map(|node| value::fields(node, &names.model().party_fields, names.zone, findings));
    let party = Party {
        name: if base.name.is_empty() {
            id.as_str().to_owned()
        } else {
            base.name
        },
        id,
        number: number.and_then(|node| value::word(node, "a customer number", findings)),
        kind: kind.unwrap_or(PartyKind::Company),
        lead: lead.unwrap_or(false),
        language: base.language,
        mobile: base.mobile,
        email: base.email,
        fields: own.unwrap_or_default(),
    };
    let balances = record
        .get("balance")
        .map(|node| balances(node, findings))
        .unwrap_or_default();
    Some(GivenParty {
        party,
        people: who_is_who(&record, findings),
        balances,
    })
}

fn balances(node: &Node, findings: &mut Findings) -> Vec<Money> {
    match node.as_list() {
        Some(nodes) => nodes
            .iter()
            .filter_map(|node| read::money(node, findings))
            .collect(),
        None => read::money(node, findings).into_iter().collect(),
    }
}

fn who_is_who(record: &Record<'_>, findings: &mut Findings) -> Vec<(PartyRole, Vec<Person>)> {
    let mut people = Vec::new();
    for (key, role) in [
        ("manager", PartyRole::Manager),
        ("contact", PartyRole::Contact),
    ] {
        if let Some(node) = record.get(key) {
            people.push((role, persons(node, findings)));
        }
    }
    let positions = record.get("positions");
    let positions =
        positions.and_then(|node| Record::open_any(node, "the list of positions", findings));
    for entry in positions.map(|record| record.entries()).unwrap_or_default() {
        let role = PartyRole::Position(entry.key.clone());
        people.push((role, persons(&entry.value, findings)));
    }
    people
}
