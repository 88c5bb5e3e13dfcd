//! What is on disk: keys, and rows as JSON with short pinned names.
//!
//! Rows carry no type of the domain that could be renamed by accident: what they embed has explicit
//! serialised names, and a test pins the bytes.

mod key;
mod link;
mod row;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use key::{
    after_due, attention_key, attention_reason, by_hand_key, callbacks_key, definition_key, due_of,
    heard_key, input_key, item_key, order_key, outbox_key, outside_key, payment_key, receipt_id,
    resolved_key, stray_key, sweep_key, timer_key, wish_key, workflow_key,
};
pub use link::{LinkRow, PaymentRow};
pub(crate) use link::{RawCallback, StrayRow, link_row, row_of_link};
pub(crate) use row::{
    Answer, AnswerEnd, Cause, Concluded, HistoryDetail, HistoryPersonal, HistoryPersonalRef,
    InputRow, InstanceRow, IntentRow, OutboxRow, TimerKind, TimerRow, Told, Work,
};
pub use row::{AttentionRow, HistoryRow, MessageRow, MessageStatus, ReceiptRow};

use crate::Error;

/// A row as bytes.
pub(crate) fn encode<T: Serialize>(row: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(row).map_err(|error| Error::Record {
        what: "encode",
        source: error,
    })
}

/// A row from bytes.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::Record {
        what: "decode",
        source: error,
    })
}
