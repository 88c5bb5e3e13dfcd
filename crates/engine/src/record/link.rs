//! Rows of links, payments and providers' calls. Their serialised names are the disk format.

use std::collections::BTreeMap;

use activity::{Accounts, LinkDraft, ReceiptRule, UnreachableRecipient};
use payment::{LinkStatus, PaymentFact, ProviderRef, Usage};
use persistence::Row;
use serde::{Deserialize, Serialize};
use state_machine::{Instance, Link};
use values::{AccountName, ItemRef, LinkId, Money, PartyId, ReceiptId, Timestamp, UserId};

use crate::Error;

/// A payment link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRow {
    /// Our id.
    pub id: LinkId,
    /// The item it was made for.
    pub item: ItemRef,
    /// The state whose link it is: the one that made it, or that of the link it renews; of one made by
    /// hand the state it was made for, or [`state_machine::BY_HAND`].
    pub state: String,
    /// The state entry that made it; 0 where it was made by hand.
    pub entry: u64,
    /// Our order number.
    pub reference: String,
    /// The account it pays into.
    pub account: AccountName,
    /// The gateway.
    pub gateway: String,
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
    /// The debtor.
    pub party: Option<PartyId>,
    /// Its status.
    pub status: LinkStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// What the payer sees as tracking number.
    pub tracking_no: Option<String>,
    /// What receipt a payment makes.
    pub receipt: Option<ReceiptRule>,
    /// Recipients that could not be reached.
    pub unreachable: Vec<UnreachableRecipient>,
    /// Times it was read again.
    pub polls: u32,
    /// When it is read again next.
    pub next_poll: Option<Timestamp>,
    /// It belongs to a state entry that was left before anybody knew whether it was made. Nobody was told
    /// about it, and the engine closes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub abandoned: bool,
    /// While nobody knows whether it was made: when a look-up that does not find it can be believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certain_after: Option<Timestamp>,
    /// While nobody knows whether it was made: the last instant of the first attempt to make it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_sent_by: Option<Timestamp>,
    /// How often it may be paid.
    #[serde(default, skip_serializing_if = "once")]
    pub usage: Usage,
    /// Until when the URL works, where that is shorter than the link's life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_valid_until: Option<Timestamp>,
    /// Payments that have come in through it.
    #[serde(default, skip_serializing_if = "none")]
    pub payments: u32,
    /// What has come in through it, once something has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<Money>,
    /// Times the provider was asked to text the payer, the creation included where it texts by itself.
    #[serde(default, skip_serializing_if = "none")]
    pub sendings: u32,
    /// When the payer was told last at our asking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// The last reading that a call without proof has brought forward: one in a minute at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called_for: Option<Timestamp>,
    /// A person has recorded a payment of it, so its transaction number may be another one than the
    /// provider's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
    /// Settings of the provider's own that it was made with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extras: BTreeMap<String, String>,
    /// Wishes that the gateway could not fulfil, where the workflow does without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<String>,
    /// The link that has taken its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<LinkId>,
    /// Who has had it made by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<UserId>,
}

impl LinkRow {
    /// A link just made of its draft, in a state entry of an item.
    pub(crate) fn made(
        draft: LinkDraft,
        instance: &Instance,
        (state, entry): (&str, u64),
        accounts: &Accounts,
        now: Timestamp,
    ) -> LinkRow {
        let account = accounts.get(&draft.account);
        LinkRow {
            id: LinkId::from(draft.reference.as_str()),
            item: instance.item.as_ref().clone(),
            state: draft.state.unwrap_or_else(|| state.to_owned()),
            entry,
            gateway: account
                .map(|account| account.gateway.clone())
                .unwrap_or_default(),
            reference: draft.reference,
            account: draft.account,
            provider_ref: draft.provider_ref,
            url: draft.url,
            amount: draft.amount,
            expires_at: draft.expires_at,
            description: draft.description,
            party: instance.party.clone(),
            status: LinkStatus::Created,
            created_at: now,
            paid_at: None,
            tracking_no: None,
            receipt: draft.receipt,
            unreachable: Vec::new(),
            polls: 0,
            next_poll: None,
            abandoned: false,
            certain_after: None,
            first_sent_by: None,
            usage: draft.usage,
            url_valid_until: draft.url_valid_until,
            payments: 0,
            received: None,
            sendings: u32::from(draft.texted),
            sent_at: draft.texted.then_some(now),
            called_for: None,
            by_hand: false,
            extras: draft.extras,
            degraded: draft.degraded,
            replaced_by: None,
            asked_by: None,
        }
    }

    /// The link as far as the workflow needs to know it.
    pub(crate) fn for_instance(&self) -> Link {
        Link {
            id: self.id.clone(),
            state: self.state.clone(),
            url: self.url.clone(),
            status: self.status.name().to_owned(),
            amount: self.amount,
            expires_at: self.expires_at,
            paid_at: self.paid_at,
            tracking_no: self.tracking_no.clone(),
        }
    }

    /// Whether nobody knows yet whether it was made, and whether it can be paid.
    pub(crate) fn may_be_live(&self) -> bool {
        self.status == LinkStatus::Creating || (self.abandoned && !self.status.is_closed())
    }
}

/// A link as a row. Settings of the provider's own may name people, so they can be erased.
pub(crate) fn row_of_link(mut link: LinkRow) -> Result<Row, Error> {
    let extras = std::mem::take(&mut link.extras);
    let personal = if extras.is_empty() {
        Vec::new()
    } else {
        super::encode(&extras)?
    };
    Ok(Row::new(super::encode(&link)?, personal))
}

/// A link from its row; what has been erased is empty.
pub(crate) fn link_row(row: &Row) -> Result<LinkRow, Error> {
    let mut link: LinkRow = super::decode(&row.open)?;
    if !row.personal.is_empty() {
        link.extras = super::decode(&row.personal)?;
    }
    Ok(link)
}

fn once(usage: &Usage) -> bool {
    *usage == Usage::OneTime
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands in a reference"
)]
fn none(count: &u32) -> bool {
    *count == 0
}

/// A payment that a gateway confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRow {
    /// The link it came through.
    pub link: LinkId,
    /// The item.
    pub item: ItemRef,
    /// The gateway.
    pub gateway: String,
    /// The account.
    pub account: AccountName,
    /// The provider's word.
    pub fact: PaymentFact,
    /// The receipt it made, if receipts are wished.
    pub receipt: Option<ReceiptId>,
    /// When we learnt of it.
    pub recorded_at: Timestamp,
}

/// A call of a provider, kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RawCallback {
    /// HTTP method.
    pub(crate) method: String,
    /// Query parameters in order.
    pub(crate) query: Vec<(String, String)>,
    /// The body, as text where it is text and in hexadecimal where it is not.
    pub(crate) body: String,
}

/// A call of a provider about nothing we know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StrayRow {
    /// The account it came for.
    #[serde(rename = "a")]
    pub(crate) account: AccountName,
    /// When.
    #[serde(rename = "t")]
    pub(crate) at: Timestamp,
    /// Why it was not taken, for us alone.
    #[serde(rename = "c")]
    pub(crate) code: String,
    /// A digest of all of it.
    #[serde(rename = "d")]
    pub(crate) digest: String,
    /// Calls like it since the last one that was kept, which were only counted.
    #[serde(rename = "u", default, skip_serializing_if = "none_unseen")]
    pub(crate) unseen: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands in a reference"
)]
fn none_unseen(count: &u64) -> bool {
    *count == 0
}
