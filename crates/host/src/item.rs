//! Items: reading their fields, and writing back by key.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use values::{Fields, ItemRef, Money, PartyId, ReceiptId};

use crate::Error;

/// An item as it stands when its lifecycle starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemSnapshot {
    /// Field values by key; fields the workflow does not declare are ignored.
    pub fields: Fields,
    /// The identity the item is "related to": the debtor.
    pub party: Option<PartyId>,
}

/// Which way to look from an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// The nearest ancestor of that entity, such as the opportunity of an invoice.
    Parent(String),
    /// The records of that entity below the item, such as the invoices of an opportunity.
    Children(String),
}

/// A related record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelatedRecord {
    /// Where it lives, if it is an item of its own.
    pub reference: Option<ItemRef>,
    /// Its field values.
    pub fields: Fields,
}

/// One write to the CRM. The key is stable over every attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostWrite {
    /// Idempotency key: a repeat with the same key must change nothing and answer the same.
    pub key: String,
    /// The item under the workflow.
    pub item: ItemRef,
    /// What to change.
    pub change: Change,
}

/// What the engine asks the CRM to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// Field values that the workflow has set.
    SetFields {
        /// New values by field key.
        fields: Fields,
    },
    /// The pipeline stage the workflow has set.
    SetStage {
        /// Stage name.
        stage: String,
    },
    /// Approve a financial item, here or in a field.
    Approve {
        /// The item to approve.
        target: ItemRef,
        /// Give it its number too.
        number: bool,
    },
    /// Reject a financial item.
    Reject {
        /// The item to reject.
        target: ItemRef,
        /// Why, as text for people.
        reason: Option<String>,
    },
    /// Create a record of another entity.
    CreateItem {
        /// The entity of the new record.
        entity: String,
        /// Its field values.
        fields: Fields,
        /// Whether it hangs below the item under the workflow.
        child: bool,
    },
    /// Register a receipt for a payment.
    RegisterReceipt {
        /// The receipt, numbered by the engine.
        receipt: crate::Receipt,
    },
    /// Tell the people responsible for a task about it.
    Notify {
        /// Why: `assigned`, `reminder`, `critical` or `critical_again`.
        notice: String,
        /// The state the task belongs to.
        state: String,
        /// Whom, as the engine understands it, such as `role sales_manager`.
        to: String,
    },
    /// Attach a receipt to a receipt field of the item.
    AttachReceipt {
        /// The field.
        field: String,
        /// The receipt.
        receipt: ReceiptId,
    },
}

/// How a write ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Applied {
    /// Done, now or by an earlier attempt with the same key.
    Done {
        /// The record that was created, if the change creates one.
        created: Option<ItemRef>,
        /// Values of the item that changed with it, such as its new number.
        fields: Fields,
    },
    /// Refused for a business reason.
    Refused {
        /// A stable code.
        code: String,
        /// What to tell a person.
        message: String,
    },
}

/// Items and their fields.
#[async_trait]
pub trait Items: Send + Sync {
    /// The item's fields and party; `None` when it does not exist.
    async fn load(&self, item: &ItemRef) -> Result<Option<ItemSnapshot>, Error>;

    /// Related records in the CRM's own order; empty when there are none.
    async fn related(
        &self,
        item: &ItemRef,
        relation: &Relation,
    ) -> Result<Vec<RelatedRecord>, Error>;

    /// Applies a write once per key.
    async fn apply(&self, write: &HostWrite) -> Result<Applied, Error>;

    /// The final amount of a financial item, where the CRM computes it outside the fields.
    async fn final_amount(&self, item: &ItemRef) -> Result<Option<Money>, Error> {
        let _ = item;
        Ok(None)
    }
}
