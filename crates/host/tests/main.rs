//! The memory host, against the promises of a CRM and its own.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod conformance;
mod memory;

use host::{
    Destination, Medium, MemoryHost, MemoryItem, Party, PartyKind, PartyRole, Person, User,
};
use values::{Currency, ItemRef, Mobile, Money, PartyId, UserId};

const PARTY: &str = "شرکت نمونه";

fn item(entity: &str, id: &str) -> ItemRef {
    ItemRef::new(entity, id).unwrap()
}

fn user(id: &str, active: bool) -> User {
    User {
        id: UserId::from(id),
        name: id.to_owned(),
        active,
        roles: vec!["sales_manager".to_owned()],
        groups: Vec::new(),
        positions: vec!["مدیر فروش".to_owned()],
        manager: None,
        mobile: None,
        email: None,
        language: None,
    }
}

fn rials(amount: i128) -> Money {
    Money::from_minor(amount, Currency::Irr).unwrap()
}

/// An opportunity with two invoices below it, a debtor with a contact, three users of one role.
fn world() -> MemoryHost {
    let host = MemoryHost::new();
    let party = PartyId::from(PARTY);
    let opportunity = item("opportunity", "o-1");
    let below = |parent| MemoryItem {
        party: Some(party.clone()),
        parent,
        ..MemoryItem::default()
    };
    host.put_item(opportunity.clone(), below(None));
    host.put_item(item("invoice", "i-1"), below(Some(opportunity.clone())));
    host.put_item(item("invoice", "i-2"), below(Some(opportunity)));
    for (id, active) in [("reza", true), ("maryam", true), ("left", false)] {
        host.put_user(user(id, active));
    }
    host.put_party(Party {
        id: party.clone(),
        name: PARTY.to_owned(),
        number: None,
        kind: PartyKind::Company,
        lead: false,
        language: None,
        mobile: None,
        email: None,
        fields: values::Fields::new(),
    });
    let contact = Person {
        name: "خانم رضایی".to_owned(),
        ..Person::default()
    };
    host.put_people(party.clone(), PartyRole::Contact, vec![contact]);
    host.put_balance(party, rials(12_500_000));
    host
}

fn destination() -> Destination {
    let mobile = Destination::Mobile(Mobile::parse("۰۹۱۲ ۱۲۳ ۴۵۶۷").unwrap());
    assert_eq!(mobile.medium(), Medium::Sms);
    mobile
}

/// Every file of this folder is a module of this binary.
#[test]
fn no_test_file_is_forgotten() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let main = std::fs::read_to_string(folder.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let stem = entry
            .unwrap()
            .path()
            .file_stem()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        assert!(
            stem == "main" || main.contains(&format!("\nmod {stem};")),
            "{stem} is forgotten"
        );
    }
}
