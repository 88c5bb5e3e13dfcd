//! The read side: items, their history, links, payments, messages, timers, what needs attention.

use persistence::{Scan, Store, Table};
use serde::Serialize;
use serde::de::DeserializeOwned;
use state_machine::{Definition, Instance};
use values::{ItemRef, LinkId, MessageId, Timestamp};

use crate::record::{
    self, AttentionRow, HistoryRow, LinkRow, MessageRow, PaymentRow, ReceiptRow, TimerKind,
    TimerRow,
};
use crate::{Engine, Error};

/// Rows one listing gives at most; ask again after the last key for more.
pub const LIST_MAX: usize = 1_000;

/// A timer, as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimerView {
    /// The item.
    pub item: ItemRef,
    /// When it is due.
    pub due: Timestamp,
    /// What it is: a timer's name, or `read link …`.
    pub what: String,
}

/// One line of an item's history.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryView {
    /// The store's sequence.
    pub sequence: u64,
    /// The line.
    pub row: HistoryRow,
    /// The other half: the input, what the decision was told, what was sent and came back, as the store
    /// keeps it; `None` when there is none, or it has been erased.
    #[serde(skip)]
    pub evidence: Option<serde_json::Value>,
    /// Its personal half has been erased.
    pub erased: bool,
    /// The hash chain's value after it, in hexadecimal.
    pub hash: String,
}

pub(crate) async fn link(store: &dyn Store, id: &LinkId) -> Result<Option<LinkRow>, Error> {
    let row = store.get(Table::Links, id.as_str().as_bytes()).await?;
    row.as_ref().map(record::link_row).transpose()
}

pub(crate) async fn message(
    store: &dyn Store,
    id: &MessageId,
) -> Result<Option<MessageRow>, Error> {
    let row = store.get(Table::Messages, id.as_str().as_bytes()).await?;
    row.filter(|row| !row.personal.is_empty())
        .map(|row| record::decode(&row.personal))
        .transpose()
}

/// Messages of a link: their keys start with the link's reference.
pub(crate) async fn messages_of_link(
    store: &dyn Store,
    link: &LinkId,
) -> Result<Vec<MessageRow>, Error> {
    let prefix = format!("{link}/").into_bytes();
    let rows = store
        .scan(Scan::prefix(Table::Messages, prefix).limit(LIST_MAX))
        .await?;
    rows.into_iter()
        .filter(|(_, row)| !row.personal.is_empty())
        .map(|(_, row)| record::decode(&row.personal))
        .collect()
}

/// Whether anything is still to be done for the item.
pub(crate) async fn has_work(store: &dyn Store, item: &ItemRef) -> Result<bool, Error> {
    let item = item.to_string();
    let mut scan = Scan::all(Table::Outbox).limit(LIST_MAX);
    loop {
        let rows = store.scan(scan).await?;
        if rows.iter().any(|(_, row)| row.open == item.as_bytes()) {
            return Ok(true);
        }
        let Some((last, _)) = rows.last() else {
            return Ok(false);
        };
        scan = Scan::all(Table::Outbox).limit(LIST_MAX).after(last.clone());
    }
}

/// The item in a reference of the form `item/state/entry`.
pub(crate) fn item_of_reference(reference: &str) -> Option<ItemRef> {
    let mut parts = reference.rsplitn(3, '/');
    let (_entry, _state) = (parts.next()?, parts.next()?);
    parts.next()?.parse().ok()
}

impl Engine {
    /// An item under a workflow; `None` when it runs none.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn instance(&self, item: &ItemRef) -> Result<Option<Instance>, Error> {
        Ok(self
            .core
            .load(item)
            .await?
            .map(|loaded| loaded.row.instance.clone()))
    }

    /// The definition an item is pinned to.
    ///
    /// # Errors
    ///
    /// When the store fails or the definition is gone.
    pub async fn definition_of(&self, instance: &Instance) -> Result<Definition, Error> {
        let workflow = self.core.workflows.pinned(&instance.definition).await?;
        Ok(workflow.definition.clone())
    }

    /// Items in order of their names, after the given one, at most [`LIST_MAX`].
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn instances(&self, after: Option<&ItemRef>) -> Result<Vec<Instance>, Error> {
        let mut scan = Scan::all(Table::Instances).limit(LIST_MAX);
        if let Some(item) = after {
            scan = scan.after(record::item_key(item));
        }
        let rows = self.core.store.scan(scan).await?;
        rows.into_iter()
            // Subjects that are no items have a NUL in their name.
            .filter(|(key, _)| !key.contains(&0))
            .map(|(_, row)| Ok(crate::write::instance_row(&row)?.instance))
            .collect()
    }

    /// An item's history, oldest first.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn history(&self, item: &ItemRef) -> Result<Vec<HistoryView>, Error> {
        let key = record::item_key(item);
        let mut lines = Vec::new();
        let mut after = 0;
        loop {
            let entries = self.core.store.history(&key, after, LIST_MAX).await?;
            let Some(last) = entries.last() else {
                return Ok(lines);
            };
            after = last.version;
            for entry in entries {
                lines.push(HistoryView {
                    sequence: entry.sequence,
                    row: record::decode(&entry.row.open)?,
                    evidence: match entry.row.personal.as_slice() {
                        [] => None,
                        half => Some(record::decode(half)?),
                    },
                    erased: entry.erased,
                    hash: entry
                        .hash
                        .iter()
                        .map(|byte| format!("{byte:02x}"))
                        .collect(),
                });
            }
        }
    }

    /// Timers in order of their due times, at most [`LIST_MAX`].
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn timers(&self) -> Result<Vec<TimerView>, Error> {
        let rows: Vec<TimerRow> = self.open_rows(Table::Timers).await?;
        Ok(rows
            .into_iter()
            .map(|row| TimerView {
                item: row.item,
                due: row.due,
                what: match row.kind {
                    TimerKind::State { name, .. } => name,
                    TimerKind::Poll { link } => format!("read link {link}"),
                },
            })
            .collect())
    }

    /// Payment links, at most [`LIST_MAX`].
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn links(&self) -> Result<Vec<LinkRow>, Error> {
        let scan = Scan::all(Table::Links).limit(LIST_MAX);
        let rows = self.core.store.scan(scan).await?;
        rows.iter().map(|(_, row)| record::link_row(row)).collect()
    }

    /// Payments, at most [`LIST_MAX`].
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn payments(&self) -> Result<Vec<PaymentRow>, Error> {
        self.open_rows(Table::Payments).await
    }

    /// Receipts, at most [`LIST_MAX`].
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn receipts(&self) -> Result<Vec<ReceiptRow>, Error> {
        self.open_rows(Table::Receipts).await
    }

    /// What a person must look at, at most [`LIST_MAX`].
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn attention(&self) -> Result<Vec<AttentionRow>, Error> {
        let scan = Scan::all(Table::Attention).limit(LIST_MAX);
        let rows = self.core.store.scan(scan).await?;
        rows.iter()
            .map(|(key, row)| {
                Ok(AttentionRow {
                    reason: record::attention_reason(key),
                    ..AttentionRow::from_row(row)?
                })
            })
            .collect()
    }

    /// Messages, at most [`LIST_MAX`]; erased ones are left out.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn messages(&self) -> Result<Vec<MessageRow>, Error> {
        let rows = self
            .core
            .store
            .scan(Scan::all(Table::Messages).limit(LIST_MAX))
            .await?;
        rows.into_iter()
            .filter(|(_, row)| !row.personal.is_empty())
            .map(|(_, row)| record::decode(&row.personal))
            .collect()
    }

    async fn open_rows<T: DeserializeOwned>(&self, table: Table) -> Result<Vec<T>, Error> {
        let rows = self
            .core
            .store
            .scan(Scan::all(table).limit(LIST_MAX))
            .await?;
        rows.into_iter()
            .map(|(_, row)| record::decode(&row.open))
            .collect()
    }
}
