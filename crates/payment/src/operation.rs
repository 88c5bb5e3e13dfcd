//! What some providers can do with a link beside making, reading and closing it.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use values::{Money, Timestamp};

use crate::ProviderRef;

/// One wish. Each is offered by some providers only; see [`crate::Capabilities::operations`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "operation")]
pub enum Operation {
    /// The provider sends its own message again.
    Resend,
    /// A URL that works now, for a link whose URL is short-lived.
    RefreshUrl,
    /// A paid invoice of ours pays this one.
    PayByInvoice {
        /// The provider's name of the paid invoice.
        creditor: ProviderRef,
    },
    /// The debtor's money is blocked now and paid on that day.
    PayInFuture {
        /// The day, in the provider's calendar and zone at the edge.
        on: NaiveDate,
        /// Where the money comes from.
        from: FundsSource,
    },
    /// A payment in the future is called off.
    CancelFuture {
        /// Who calls it off.
        by: FutureParty,
    },
    /// Our own credit pays an invoice issued to us.
    PayByCredit {
        /// The wallet, where the provider wants one.
        wallet: Option<String>,
        /// Whether the invoice may be anybody's.
        any: bool,
    },
    /// The invoice was paid outside the platform.
    MarkPaid,
    /// A card terminal has taken the money.
    RecordPos(PosSlip),
    /// A payment that waits for our word is taken.
    VerifyAndClose,
    /// The second receipt of a prepayment.
    SecondReceipt {
        /// Our number of the second receipt.
        receipt_no: String,
        /// What it states.
        amount: Money,
    },
}

/// Where the money of a payment in the future comes from: exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FundsSource {
    /// A wallet by its code.
    Wallet(String),
    /// A business line by its code.
    Guild(String),
}

/// A side of a payment in the future.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FutureParty {
    /// Who issued the invoice.
    Issuer,
    /// Who owes it.
    Debtor,
}

/// What a card terminal prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PosSlip {
    /// The terminal.
    pub terminal_no: String,
    /// The merchant.
    pub merchant_code: String,
    /// The bank's reference.
    pub reference_no: String,
    /// What the payer sees as tracking number.
    pub tracking_no: String,
    /// When the card was read.
    pub paid_at: Timestamp,
}

impl Operation {
    /// The word used in capabilities, YAML and messages.
    pub fn name(&self) -> OperationName {
        match self {
            Operation::Resend => OperationName::Resend,
            Operation::RefreshUrl => OperationName::RefreshUrl,
            Operation::PayByInvoice { .. } => OperationName::PayByInvoice,
            Operation::PayInFuture { .. } => OperationName::PayInFuture,
            Operation::CancelFuture { .. } => OperationName::CancelFuture,
            Operation::PayByCredit { .. } => OperationName::PayByCredit,
            Operation::MarkPaid => OperationName::MarkPaid,
            Operation::RecordPos(_) => OperationName::RecordPos,
            Operation::VerifyAndClose => OperationName::VerifyAndClose,
            Operation::SecondReceipt { .. } => OperationName::SecondReceipt,
        }
    }
}

/// The names of the operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationName {
    /// [`Operation::Resend`].
    Resend,
    /// [`Operation::RefreshUrl`].
    RefreshUrl,
    /// [`Operation::PayByInvoice`].
    PayByInvoice,
    /// [`Operation::PayInFuture`].
    PayInFuture,
    /// [`Operation::CancelFuture`].
    CancelFuture,
    /// [`Operation::PayByCredit`].
    PayByCredit,
    /// [`Operation::MarkPaid`].
    MarkPaid,
    /// [`Operation::RecordPos`].
    RecordPos,
    /// [`Operation::VerifyAndClose`].
    VerifyAndClose,
    /// [`Operation::SecondReceipt`].
    SecondReceipt,
}

impl OperationName {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            OperationName::Resend => "resend",
            OperationName::RefreshUrl => "refresh_url",
            OperationName::PayByInvoice => "pay_by_invoice",
            OperationName::PayInFuture => "pay_in_future",
            OperationName::CancelFuture => "cancel_future",
            OperationName::PayByCredit => "pay_by_credit",
            OperationName::MarkPaid => "mark_paid",
            OperationName::RecordPos => "record_pos",
            OperationName::VerifyAndClose => "verify_and_close",
            OperationName::SecondReceipt => "second_receipt",
        }
    }
}

/// What an operation that went well says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operated {
    /// A fresh URL, after [`Operation::RefreshUrl`].
    pub url: Option<String>,
    /// Until when that URL works.
    pub url_valid_until: Option<Timestamp>,
}
