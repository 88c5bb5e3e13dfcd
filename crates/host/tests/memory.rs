//! What the memory host does beyond the promises of every CRM.

use host::{
    Applied, Change, ErrorKind, Host, HostWrite, Items, Ledger, MemberOf, MemoryHost, MemoryItem,
    Message, Messenger, Relation, Retry,
};
use values::{Currency, Fields, Locale, PartyId, Value};

use super::{PARTY, destination, item, rials, world};

fn message() -> Message {
    Message {
        to: destination(),
        locale: Locale::Fa,
        subject: None,
        body: "سلام".to_owned(),
    }
}

#[tokio::test]
async fn an_outage_fails_every_call_and_changes_nothing() {
    let memory = std::sync::Arc::new(world());
    let host = Host::from_one(memory.clone());
    memory.set_outage(Some("the CRM is being updated".to_owned()));
    let invoice = item("invoice", "i-1");
    let party = PartyId::from(PARTY);
    let write = HostWrite {
        key: "w-1".to_owned(),
        item: invoice.clone(),
        change: Change::SetStage {
            stage: "won".to_owned(),
        },
    };
    let errors = [
        host.items.load(&invoice).await.unwrap_err(),
        host.items
            .related(&invoice, &Relation::Parent("x".to_owned()))
            .await
            .unwrap_err(),
        host.items.apply(&write).await.unwrap_err(),
        host.directory
            .members(&MemberOf::Role("x".to_owned()))
            .await
            .unwrap_err(),
        host.directory.party(&party).await.unwrap_err(),
        host.ledger
            .balance(&party, Currency::Irr)
            .await
            .unwrap_err(),
        host.messenger.send("m-1", &message()).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(
            (error.kind, error.retry),
            (ErrorKind::Unavailable, Retry::Later),
            "{error}"
        );
        assert!(
            error.to_string().ends_with(": the CRM is being updated"),
            "{error}"
        );
    }
    memory.set_outage(None);
    assert_eq!(memory.item(&invoice).unwrap().stage, None);
    assert!(memory.sent().is_empty());
    host.items.apply(&write).await.unwrap();
    assert_eq!(memory.item(&invoice).unwrap().stage.as_deref(), Some("won"));
}

#[tokio::test]
async fn a_refused_destination_is_an_error_for_good() {
    let memory = world();
    memory.refuse_destination("+989121234567");
    let error = memory.send("m-1", &message()).await.unwrap_err();
    assert_eq!(
        (error.kind, error.retry),
        (ErrorKind::Rejected, Retry::Never)
    );
    assert!(
        !error.to_string().contains("912"),
        "no number in a message: {error}"
    );
    assert!(memory.sent().is_empty());
}

#[tokio::test]
async fn a_new_record_never_takes_the_name_of_another() {
    let memory = world();
    memory.put_item(item("contract", "new-1"), MemoryItem::default());
    let write = HostWrite {
        key: "c-1".to_owned(),
        item: item("opportunity", "o-1"),
        change: Change::CreateItem {
            entity: "contract".to_owned(),
            fields: Fields::from([("title".to_owned(), Value::Text("قرارداد".to_owned()))]),
            child: false,
        },
    };
    let Applied::Done {
        created: Some(created),
        ..
    } = memory.apply(&write).await.unwrap()
    else {
        panic!("nothing was created");
    };
    assert_eq!(created, item("contract", "new-2"));
    let new = memory.item(&created).unwrap();
    assert_eq!((new.parent, new.party), (None, Some(PartyId::from(PARTY))));
}

#[tokio::test]
async fn the_number_of_another_item_stays_out_of_this_ones_fields() {
    let memory = world();
    let write = HostWrite {
        key: "a-1".to_owned(),
        item: item("opportunity", "o-1"),
        change: Change::Approve {
            target: item("invoice", "i-2"),
            number: true,
        },
    };
    let applied = memory.apply(&write).await.unwrap();
    assert_eq!(
        applied,
        Applied::Done {
            created: None,
            fields: Fields::new()
        }
    );
    let invoice = memory.item(&item("invoice", "i-2")).unwrap();
    assert_eq!(invoice.approved, Some(true));
    assert_eq!(
        invoice.fields.get("number"),
        Some(&Value::Text("1".to_owned()))
    );
}

#[tokio::test]
async fn a_loop_of_parents_ends() {
    let memory = MemoryHost::new();
    let (first, second) = (item("invoice", "i-1"), item("invoice", "i-2"));
    let below = |parent| MemoryItem {
        parent: Some(parent),
        ..MemoryItem::default()
    };
    memory.put_item(first.clone(), below(second.clone()));
    memory.put_item(second, below(first.clone()));
    let relation = Relation::Parent("opportunity".to_owned());
    assert!(memory.related(&first, &relation).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_balance_that_is_not_set_is_zero() {
    let memory = world();
    let party = PartyId::from(PARTY);
    assert_eq!(
        memory.balance(&party, Currency::Irr).await.unwrap(),
        rials(12_500_000)
    );
    let unknown = PartyId::from("کسی دیگر");
    assert_eq!(
        memory.balance(&unknown, Currency::Irr).await.unwrap(),
        rials(0)
    );
}
