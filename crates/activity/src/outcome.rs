//! How an activity ended, and what that changes.

use std::collections::BTreeMap;

use host::{Change, Destination, Medium};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use values::{AccountName, Fields, LinkId, Locale, Money, Timestamp};

use payment::{ProviderRef, Usage};

use crate::OutsideNumber;

/// How an activity ended: a business fact, failure included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// `success`, `error`, or another name the descriptor lists.
    pub name: String,
    /// A stable code when it is not a success, such as `amount_not_positive`.
    pub code: Option<String>,
    /// What happened, for people; lower case, no full stop.
    pub message: Option<String>,
    /// What changes with it, in the same commit.
    pub changes: Changes,
    /// What the history keeps.
    pub result: Json,
}

impl Outcome {
    /// A success that changes nothing.
    pub fn success() -> Outcome {
        Outcome {
            name: "success".to_owned(),
            code: None,
            message: None,
            changes: Changes::default(),
            result: Json::Null,
        }
    }

    /// An error with its code.
    pub fn error(code: impl Into<String>, message: impl Into<String>) -> Outcome {
        Outcome {
            name: "error".to_owned(),
            code: Some(code.into()),
            message: Some(message.into()),
            changes: Changes::default(),
            result: Json::Null,
        }
    }
}

/// What an outcome changes, in the commit that records it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    /// Field values to set; [`values::Value::Empty`] clears.
    pub set: Fields,
    /// The new stage.
    pub stage: Option<String>,
    /// The link that now exists.
    pub link: Option<LinkDraft>,
    /// Messages to send, each once.
    pub messages: Vec<MessageDraft>,
    /// Recipients that could not be reached, for the link's record and the history.
    pub unreachable: Vec<UnreachableRecipient>,
    /// Nobody at all could be reached: routed as `delivery_failed`.
    pub delivery_failed: bool,
    /// Writes to the host beyond fields and stage.
    pub host_writes: Vec<Change>,
    /// Links that were closed for the one that now exists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supersedes: Vec<LinkId>,
    /// A receipt for money that came in through no link, registered once per (account, transaction).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Box<OutsideReceipt>>,
    /// Numbers of money that came another way, which count from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<OutsideNumber>,
}

/// A receipt for a payment that no gateway took: cash, a bank transfer, a card terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsideReceipt {
    /// The account the money went to.
    pub account: AccountName,
    /// The number of the transaction; with the account it counts once for ever.
    pub transaction: String,
    /// What was paid.
    pub amount: Money,
    /// When.
    pub paid_at: Timestamp,
    /// What the payer has as tracking number.
    pub tracking_no: Option<String>,
    /// What becomes of it.
    pub rule: ReceiptRule,
}

/// A link to record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkDraft {
    /// Our order number.
    pub reference: String,
    /// The state whose link it is, where that is not the one that makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The account it pays into.
    pub account: AccountName,
    /// How the provider names it.
    pub provider_ref: ProviderRef,
    /// Where the customer pays.
    pub url: String,
    /// The amount.
    pub amount: Money,
    /// When it stops taking payments.
    pub expires_at: Timestamp,
    /// What the payer sees it is for.
    pub description: String,
    /// What happens when it is paid.
    pub receipt: Option<ReceiptRule>,
    /// How often it may be paid.
    #[serde(default)]
    pub usage: Usage,
    /// Until when the URL works, where that is shorter than the link's life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_valid_until: Option<Timestamp>,
    /// Settings of the provider's own that it was made with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extras: BTreeMap<String, String>,
    /// Wishes that the gateway could not fulfil.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<String>,
    /// The provider has texted the payer with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub texted: bool,
}

/// What receipt a payment makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptRule {
    /// Receipt subtype, such as `online`.
    pub kind: String,
    /// Approved at once, or waiting for a person.
    pub approved: bool,
    /// The receipt field of the item it is attached to.
    pub field: Option<String>,
}

/// A message to put into the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageDraft {
    /// Where it goes.
    pub to: Destination,
    /// Why it goes there, such as `contact` or `field mobile`.
    pub recipient: String,
    /// The language.
    pub locale: Locale,
    /// Subject line, for e-mail.
    pub subject: Option<String>,
    /// The text.
    pub body: String,
}

/// A recipient that resolved to nobody, or to no valid number or address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreachableRecipient {
    /// As in the workflow, such as `manager` or `field mobile`.
    pub recipient: String,
    /// The medium it was listed under.
    pub medium: Medium,
    /// A stable code: `nobody`, `no_number`, `no_address`, `invalid_number`, `invalid_address`.
    pub code: String,
}
