//! Promises about items and writes.

use values::{Fields, ItemRef, Value};

use super::{Broken, Given, check, good, some};
use crate::{Applied, Change, HostWrite, Relation};

/// The first invoice of the world.
pub(super) fn invoice(given: &Given) -> Result<&ItemRef, Broken> {
    some("invoice", given.invoices.first())
}

/// Applies a change to the first invoice.
pub(super) async fn apply(given: &Given, key: &str, change: Change) -> Result<Applied, Broken> {
    let item = invoice(given)?.clone();
    good(
        given
            .host
            .items
            .apply(&HostWrite {
                key: key.to_owned(),
                item,
                change,
            })
            .await,
    )
}

/// A field of the first invoice.
pub(super) async fn field(given: &Given, key: &str) -> Result<Option<Value>, Broken> {
    let snapshot = good(given.host.items.load(invoice(given)?).await)?;
    Ok(some("such invoice", snapshot)?.fields.get(key).cloned())
}

fn set(given: &Given, text: &str) -> Change {
    let value = Value::Text(text.to_owned());
    Change::SetFields {
        fields: Fields::from([(given.text_field.clone(), value)]),
    }
}

pub(super) async fn an_item_that_does_not_exist_is_none(given: &Given) -> Result<(), Broken> {
    let nowhere = good(ItemRef::new(invoice(given)?.entity(), "no-such-item"))?;
    let loaded = good(given.host.items.load(&nowhere).await)?;
    check(loaded.is_none(), || format!("{loaded:?}"))?;
    let loaded = good(given.host.items.load(invoice(given)?).await)?;
    let party = some("such invoice", loaded)?.party;
    check(party.as_ref() == Some(&given.party), || {
        format!("the debtor is {party:?}")
    })
}

pub(super) async fn a_write_is_read_back(given: &Given) -> Result<(), Broken> {
    apply(given, "write-1", set(given, "پیش‌فاکتور ۱۲")).await?;
    let read = field(given, &given.text_field).await?;
    check(
        read == Some(Value::Text("پیش‌فاکتور ۱۲".to_owned())),
        || format!("{read:?}"),
    )
}

/// A repeat with the same key changes nothing, even when another write came between,
/// and answers the same.
pub(super) async fn a_write_is_applied_once_per_key(given: &Given) -> Result<(), Broken> {
    let first = apply(given, "write-1", set(given, "one")).await?;
    apply(given, "write-2", set(given, "two")).await?;
    let again = apply(given, "write-1", set(given, "one")).await?;
    check(first == again, || format!("{first:?}, then {again:?}"))?;
    let read = field(given, &given.text_field).await?;
    check(read == Some(Value::Text("two".to_owned())), || {
        format!("{read:?}")
    })
}

pub(super) async fn a_record_is_created_once_per_key(given: &Given) -> Result<(), Broken> {
    let create = Change::CreateItem {
        entity: "follow_up".to_owned(),
        fields: Fields::from([("title".to_owned(), Value::Text("تماس".to_owned()))]),
        child: true,
    };
    let first = apply(given, "create-1", create.clone()).await?;
    let again = apply(given, "create-1", create.clone()).await?;
    check(first == again, || format!("{first:?}, then {again:?}"))?;
    let Applied::Done {
        created: Some(record),
        ..
    } = first
    else {
        return Err(Broken(format!("nothing was created: {first:?}")));
    };
    let relation = Relation::Children("follow_up".to_owned());
    let below = good(given.host.items.related(invoice(given)?, &relation).await)?;
    let references: Vec<_> = below
        .iter()
        .filter_map(|record| record.reference.as_ref())
        .collect();
    check(references == [&record], || {
        format!("below the item: {below:?}")
    })?;
    let other = apply(given, "create-2", create).await?;
    check(
        !matches!(&other, Applied::Done { created: Some(new), .. } if new == &record),
        || format!("another key made the same record: {other:?}"),
    )
}

pub(super) async fn an_item_is_decided_one_way(given: &Given) -> Result<(), Broken> {
    let target = invoice(given)?.clone();
    let approve = Change::Approve {
        target: target.clone(),
        number: false,
    };
    let done = apply(given, "approve-1", approve.clone()).await?;
    check(matches!(done, Applied::Done { .. }), || format!("{done:?}"))?;
    let reject = Change::Reject {
        target,
        reason: Some("اشتباه".to_owned()),
    };
    let refused = apply(given, "reject-1", reject.clone()).await?;
    check(matches!(refused, Applied::Refused { .. }), || {
        format!("{refused:?}")
    })?;
    let again = apply(given, "reject-1", reject).await?;
    check(refused == again, || format!("{refused:?}, then {again:?}"))?;
    let again = apply(given, "approve-1", approve).await?;
    check(done == again, || format!("{done:?}, then {again:?}"))
}

pub(super) async fn a_number_is_given_once(given: &Given) -> Result<(), Broken> {
    let approve = Change::Approve {
        target: invoice(given)?.clone(),
        number: true,
    };
    let first = apply(given, "number-1", approve.clone()).await?;
    let numbered = matches!(&first, Applied::Done { fields, .. } if !fields.is_empty());
    check(numbered, || format!("the answer has no number: {first:?}"))?;
    let again = apply(given, "number-2", approve).await?;
    check(first == again, || {
        format!("{first:?}, and under another key {again:?}")
    })
}

pub(super) async fn the_parent_is_the_nearest_of_its_entity(given: &Given) -> Result<(), Broken> {
    let relation = Relation::Parent(given.opportunity.entity().to_owned());
    for invoice in &given.invoices {
        let above = good(given.host.items.related(invoice, &relation).await)?;
        let references: Vec<_> = above
            .iter()
            .map(|record| record.reference.as_ref())
            .collect();
        check(references == [Some(&given.opportunity)], || {
            format!("{invoice} is below {above:?}")
        })?;
    }
    Ok(())
}

pub(super) async fn the_children_come_in_the_crms_order(given: &Given) -> Result<(), Broken> {
    let relation = Relation::Children(invoice(given)?.entity().to_owned());
    let below = good(
        given
            .host
            .items
            .related(&given.opportunity, &relation)
            .await,
    )?;
    let references: Vec<_> = below
        .into_iter()
        .filter_map(|record| record.reference)
        .collect();
    check(
        references.len() >= 2 && references == given.invoices,
        || format!("{references:?}"),
    )
}

pub(super) async fn no_related_records_are_no_error(given: &Given) -> Result<(), Broken> {
    let nowhere = good(ItemRef::new("contract", "no-such-item"))?;
    for (item, relation) in [
        (&given.opportunity, Relation::Parent("contract".to_owned())),
        (
            &given.opportunity,
            Relation::Children("contract".to_owned()),
        ),
        (invoice(given)?, Relation::Parent("contract".to_owned())),
        (&nowhere, Relation::Children("invoice".to_owned())),
    ] {
        let related = good(given.host.items.related(item, &relation).await)?;
        check(related.is_empty(), || {
            format!("{relation:?} of {item} is {related:?}")
        })?;
    }
    Ok(())
}
