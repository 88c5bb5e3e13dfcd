//! `approve`, `reject` and `create_item`: writes to the CRM under one key.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use activity::{Attempted, World};
use async_trait::async_trait;
use expression::RecordType;
use host::{Applied, Change, Error, Host, HostWrite, ItemSnapshot, Items, MemoryHost, MemoryItem};
use host::{RelatedRecord, Relation};
use serde_json::{Value as Json, json};
use values::{FieldType, Fields, ItemRef, Value};

use crate::kit::{Kit, attempt, done, find, number, outcome, text, unknown, world};

fn invoice() -> ItemRef {
    ItemRef::new("invoice", "17").unwrap()
}

fn proforma() -> ItemRef {
    ItemRef::new("proforma", "9").unwrap()
}

/// A world around a CRM that the test can look into.
fn with_crm() -> (World, Arc<MemoryHost>) {
    let crm = Arc::new(MemoryHost::new());
    for item in [invoice(), proforma()] {
        crm.put_item(item, MemoryItem::default());
    }
    let world = World {
        host: Host::from_one(Arc::clone(&crm)),
        ..world([])
    };
    (world, crm)
}

async fn run(kit: &Kit, activity: &str, settings: &Json, world: &World) -> activity::Outcome {
    let ready = kit.ready(activity, settings);
    let request = kit.request(ready.as_ref());
    let attempted = find(activity).perform(&request, &attempt(1), world).await;
    kit.conclude(ready.as_ref(), &request, &done(attempted))
}

#[tokio::test]
async fn the_item_is_approved_and_numbered_once() {
    let (world, crm) = with_crm();
    let kit = Kit::invoice();
    let settings = json!({ "number": true });
    let first = run(&kit, "approve", &settings, &world).await;
    assert_eq!(first.name, "success");
    assert_eq!(crm.item(&invoice()).unwrap().approved, Some(true));
    let given = first.changes.set["number"].clone();
    assert!(!given.is_empty());
    // A repeat after a crash gives no second number.
    let again = run(&kit, "approve", &settings, &world).await;
    assert_eq!(again, first);
}

#[tokio::test]
async fn an_item_in_a_field_is_approved_or_rejected() {
    let (world, crm) = with_crm();
    let kit = Kit::opportunity()
        .with_item("proforma", Value::Item(proforma()))
        .with_item("note", text("too dear"));
    let field = json!({ "item": { "field": "proforma" } });
    assert_eq!(run(&kit, "approve", &field, &world).await.name, "success");
    assert_eq!(crm.item(&proforma()).unwrap().approved, Some(true));

    let (world, crm) = with_crm();
    let settings = json!({ "item": { "field": "proforma" }, "reason": { "field": "note" } });
    assert_eq!(run(&kit, "reject", &settings, &world).await.name, "success");
    assert_eq!(crm.item(&proforma()).unwrap().approved, Some(false));
    assert_eq!(crm.item(&invoice()).unwrap().approved, None);
}

#[test]
fn a_rejection_carries_its_reason() {
    let kit = Kit::invoice().with_item("note", text("too dear"));
    let reason = |settings: &Json| {
        let request = kit.request(kit.ready("reject", settings).as_ref());
        match serde_json::from_value(request.body).unwrap() {
            Change::Reject { target, reason } => {
                assert_eq!(target, invoice());
                reason
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        reason(&json!({ "reason": { "field": "note" } })).as_deref(),
        Some("too dear")
    );
    assert_eq!(
        reason(&json!({ "reason": "Invoice {{ item.number }}" })).as_deref(),
        Some("Invoice 1405-17")
    );
    assert_eq!(
        reason(&json!({ "reason": { "field": "email" } })).as_deref(),
        Some("field@example.com")
    );
    assert_eq!(reason(&json!({})), None);
}

#[test]
fn an_empty_item_field_is_an_error() {
    let kit = Kit::opportunity();
    for activity in ["approve", "reject"] {
        let ready = kit.ready(activity, &json!({ "item": { "field": "proforma" } }));
        assert_eq!(
            kit.finished(ready.as_ref()).code.as_deref(),
            Some("item_missing")
        );
    }
}

#[test]
fn only_financial_items_are_approved_and_rejected() {
    for activity in ["approve", "reject"] {
        assert_eq!(
            Kit::opportunity().problems(activity, &json!({})),
            ["WF0423 : `opportunity` is not approved or rejected"]
        );
        assert_eq!(
            Kit::invoice().problems(activity, &json!({ "item": { "field": "visit" } })),
            ["WF0423 item.field: field `visit` holds `task`, which is not approved or rejected"]
        );
        assert_eq!(
            Kit::invoice().problems(activity, &json!({ "item": { "field": "note" } })),
            ["WF0407 item.field: an item field is expected, `note` is a text field"]
        );
        Kit::opportunity().ready(activity, &json!({ "item": { "field": "anything" } }));
    }
}

#[tokio::test]
async fn a_refusal_of_the_crm_is_an_error_with_its_code() {
    let (world, crm) = with_crm();
    crm.put_item(
        invoice(),
        MemoryItem {
            approved: Some(false),
            ..MemoryItem::default()
        },
    );
    let kit = Kit::invoice();
    let request = kit.request(kit.ready("approve", &json!({})).as_ref());
    let ended = outcome(find("approve").perform(&request, &attempt(1), &world).await);
    assert_eq!(ended.code.as_deref(), Some("already_decided"));
}

#[tokio::test]
async fn a_new_record_is_made_once_and_kept_in_its_field() {
    let (world, crm) = with_crm();
    let kit = Kit::invoice();
    let settings = json!({
        "entity": "task",
        "fields": {
            "title": { "text": "Visit for {{ item.number }}" },
            "due_date": { "value": "item.due_date" },
            "days": 3,
            "urgent": true,
        },
        "child": true,
        "into": "visit",
    });
    let first = run(&kit, "create_item", &settings, &world).await;
    let Value::Item(made) = first.changes.set["visit"].clone() else {
        panic!("{first:?}")
    };
    let record = crm.item(&made).unwrap();
    assert_eq!(record.parent, Some(invoice()));
    let expected = [
        ("title", text("Visit for 1405-17")),
        ("due_date", kit.item["due_date"].clone()),
        ("days", number("3")),
        ("urgent", Value::Bool(true)),
    ];
    assert_eq!(
        record.fields,
        Fields::from(expected.map(|(name, value)| (name.to_owned(), value)))
    );
    assert_eq!(
        run(&kit, "create_item", &settings, &world).await,
        first,
        "a repeat finds it"
    );
}

#[test]
fn a_described_entity_has_its_fields_checked() {
    let mut kit = Kit::invoice();
    kit.related
        .push(RecordType::new("task").with("days", FieldType::Number));
    let settings = |fields: Json| json!({ "entity": "task", "fields": fields });
    kit.ready(
        "create_item",
        &settings(json!({ "days": "۳", "title": "x" })),
    );
    assert_eq!(
        kit.problems("create_item", &settings(json!({ "dayz": 3 }))),
        ["WF0406 fields.(dayz): `task` has no field `dayz`"]
    );
    let wrong = kit.problems("create_item", &settings(json!({ "days": "soon" })));
    assert!(wrong[0].starts_with("WF0424 fields.days: "), "{wrong:?}");
    assert_eq!(
        kit.problems(
            "create_item",
            &json!({ "entity": "task", "into": "proforma" })
        ),
        ["WF0407 into: field `proforma` holds `proforma`, the new record is `task`"]
    );
    let wrong = kit.problems("create_item", &json!({ "entity": "a task" }));
    assert!(wrong[0].starts_with("WF0424 entity: "), "{wrong:?}");
}

/// A CRM whose answers fail in a chosen way.
struct Failing(fn() -> Error, AtomicUsize);

#[async_trait]
impl Items for Failing {
    async fn load(&self, _: &ItemRef) -> Result<Option<ItemSnapshot>, Error> {
        Ok(None)
    }

    async fn related(&self, _: &ItemRef, _: &Relation) -> Result<Vec<RelatedRecord>, Error> {
        Ok(Vec::new())
    }

    async fn apply(&self, write: &HostWrite) -> Result<Applied, Error> {
        assert_eq!(
            write.key, "ref-1",
            "every attempt carries the key of the entry"
        );
        self.1.fetch_add(1, Ordering::Relaxed);
        Err((self.0)())
    }
}

async fn failing(error: fn() -> Error, number: u32) -> Attempted {
    let items = Arc::new(Failing(error, AtomicUsize::new(0)));
    let base = world([]);
    let host = Host {
        items: Arc::clone(&items) as Arc<dyn Items>,
        ..base.host.clone()
    };
    let kit = Kit::invoice();
    let request = kit.request(kit.ready("approve", &json!({})).as_ref());
    let world = World { host, ..base };
    let attempted = find("approve")
        .perform(&request, &attempt(number), &world)
        .await;
    assert_eq!(items.1.load(Ordering::Relaxed), 1);
    attempted
}

/// Clause 37: what a failed write means follows from its retry class.
#[tokio::test]
async fn a_failed_write_is_retried_repeated_or_ended_by_its_class() {
    let unavailable = || Error::unavailable("items.apply", "no connection");
    let timeout = || Error::timeout("items.apply", "no answer");
    let rejected = || Error::rejected("items.apply", "no such item");
    assert!(matches!(
        failing(unavailable, 1).await,
        Attempted::Retry { .. }
    ));
    // After an attempt that may have arrived, nobody can say that nothing happened.
    assert!(unknown(failing(unavailable, 2).await).1.is_some());
    assert!(unknown(failing(timeout, 1).await).1.is_some());
    assert_eq!(
        unknown(failing(timeout, 20).await).1,
        None,
        "in the end a person decides"
    );
    assert_eq!(
        outcome(failing(rejected, 1).await).code.as_deref(),
        Some("refused_by_host")
    );
}
