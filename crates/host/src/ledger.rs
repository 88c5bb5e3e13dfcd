//! Balances and receipts.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use values::{AccountName, Currency, ItemRef, Money, PartyId, ReceiptId, Timestamp};

use crate::Error;

/// What a party owes.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// What the party owes us in that currency: positive is a debt of theirs, negative a credit.
    async fn balance(&self, party: &PartyId, currency: Currency) -> Result<Money, Error>;
}

/// A receipt for one payment. Its key is (gateway, account, transaction).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Our number, the same for every attempt to register it.
    pub id: ReceiptId,
    /// Receipt subtype, such as `online`.
    pub kind: String,
    /// The debtor whose balance falls.
    pub party: Option<PartyId>,
    /// The item the payment was for.
    pub item: ItemRef,
    /// What was paid.
    pub amount: Money,
    /// The account the money went to.
    pub account: AccountName,
    /// Gateway that took the payment.
    pub gateway: String,
    /// The gateway's transaction id.
    pub transaction: String,
    /// What the payer sees as tracking number.
    pub tracking_no: Option<String>,
    /// When it was paid, by the gateway's word.
    pub paid_at: Timestamp,
    /// Approved at once, or waiting for a person.
    pub approved: bool,
}
