//! Where a provider's books and ours differ: nowhere, when all is well. Pure; read by `compare.rs` beside it.

use std::time::Duration;

use payment::{LinkStatus, PaymentFact, StatusReport, Usage};
use serde::Serialize;
use values::{AccountName, LinkId, Money, Timestamp};

use crate::LinkFilter;
use crate::record::LinkRow;
use crate::settlement::is_not_money;

/// What is compared, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// Which links of ours; its time of making is also the span for which the provider is asked for its own list.
    pub filter: LinkFilter,
    /// Settle the links that differ by what the provider says.
    pub settle: bool,
    /// Rest between two requests to a provider, for a run in real time.
    pub pause: Option<Duration>,
}

/// What differs between the providers' books and ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DifferenceReport {
    /// Links made from this moment on.
    pub from: Timestamp,
    /// Links made before this moment.
    pub to: Timestamp,
    /// Links of ours that were read at their provider.
    pub compared: usize,
    /// Links that the providers have on their own lists.
    pub listed: usize,
    /// What differs, at most [`crate::LIST_MAX`].
    pub differences: Vec<Difference>,
    /// How many differences there are beyond those.
    pub more: usize,
    /// Said apart: payments for which only a person vouches, and those that a provider has of such links.
    pub by_hand: Vec<ByHand>,
    /// Said apart: links of which the provider cannot say how they are.
    pub silent: Vec<LinkId>,
    /// Accounts whose provider cannot list what it has.
    pub unlisted: Vec<AccountName>,
}

impl DifferenceReport {
    /// Whether all is well.
    pub fn is_empty(&self) -> bool {
        self.differences.is_empty() && self.more == 0
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The account.
    pub account: AccountName,
    /// Our link, where we have one.
    pub link: Option<LinkId>,
    /// What differs.
    #[serde(flatten)]
    pub kind: DifferenceKind,
}

/// The kinds of differences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum DifferenceKind {
    /// The provider has a link that we do not know. It is on the attention list.
    UnknownLink {
        /// The provider's name of it: our order number, as it seems, or its own.
        name: String,
        /// What it asks for.
        amount: Option<Money>,
        /// When it was made.
        created_at: Option<Timestamp>,
        /// How it is, by the provider's list.
        status: LinkStatus,
    },
    /// We hold it as live, and the provider does not know it.
    NotThere {
        /// How it is by us.
        ours: LinkStatus,
    },
    /// The amount is another one: of the link, or of a payment of that transaction.
    Amount {
        /// The transaction, when it is about a payment.
        transaction: Option<String>,
        /// By us.
        ours: Money,
        /// By the provider.
        theirs: Money,
    },
    /// The status is another one.
    Status {
        /// By us.
        ours: LinkStatus,
        /// By the provider.
        theirs: LinkStatus,
    },
    /// The provider has a payment that we have not recorded.
    NotRecorded {
        /// The payment.
        payment: PaymentFact,
    },
    /// We have recorded a payment that the provider does not confirm.
    NotConfirmed {
        /// The payment.
        payment: PaymentFact,
    },
    /// The provider did not answer for a link, so nobody knows.
    NotRead {
        /// A stable code.
        code: String,
        /// What happened.
        message: String,
    },
    /// The provider did not answer for its list, so nobody knows.
    NotListed {
        /// A stable code.
        code: String,
        /// What happened.
        message: String,
    },
    /// Links beyond what one comparison reads: compare a shorter span.
    NotCompared {
        /// How many.
        links: usize,
    },
}

/// A payment of a link for which a person has recorded one: the two books need not have the same numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ByHand {
    /// The link.
    pub link: LinkId,
    /// The payment.
    pub payment: PaymentFact,
    /// Whether it is in our book; else only the provider has it.
    pub ours: bool,
}

/// What the two books say of one link.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) differences: Vec<DifferenceKind>,
    pub(crate) by_hand: Vec<ByHand>,
    pub(crate) silent: bool,
}

/// Compares what is booked for a link with what its provider says of it.
pub(crate) fn compare(link: &LinkRow, ours: &[PaymentFact], report: &StatusReport) -> Verdict {
    let mut verdict = Verdict::default();
    let theirs = report.status;
    if theirs == LinkStatus::Unknown {
        verdict.silent = true;
        if link.by_hand {
            verdict.by_hand = ours.iter().map(|it| by_hand(link, it, true)).collect();
        }
        return verdict;
    }
    if !is_not_money(theirs) {
        for payment in &report.payments {
            verdict.there(link, ours, payment);
        }
    }
    let refunded = (theirs, link.status) == (LinkStatus::Refunded, LinkStatus::Refunded);
    for payment in ours {
        let same = |it: &PaymentFact| it.transaction == payment.transaction;
        if refunded || report.payments.iter().any(same) {
            continue;
        }
        if link.by_hand {
            verdict.by_hand.push(by_hand(link, payment, true));
        } else if link.usage == Usage::Reusable {
            // Providers name the last payment of such a link, or none.
            verdict.silent = true;
        } else {
            let payment = payment.clone();
            verdict
                .differences
                .push(DifferenceKind::NotConfirmed { payment });
        }
    }
    if !link.by_hand && standing(link.status) != standing(theirs) {
        let ours = link.status;
        verdict
            .differences
            .push(DifferenceKind::Status { ours, theirs });
    }
    verdict
}

impl Verdict {
    /// A payment that the provider has.
    fn there(&mut self, link: &LinkRow, ours: &[PaymentFact], payment: &PaymentFact) {
        let known = ours.iter().find(|it| it.transaction == payment.transaction);
        match known {
            Some(known) if known.amount == payment.amount => {}
            Some(known) => self.differences.push(DifferenceKind::Amount {
                transaction: Some(payment.transaction.clone()),
                ours: known.amount,
                theirs: payment.amount,
            }),
            None if link.by_hand => self.by_hand.push(by_hand(link, payment, false)),
            None => self.differences.push(DifferenceKind::NotRecorded {
                payment: payment.clone(),
            }),
        }
    }
}

fn by_hand(link: &LinkRow, payment: &PaymentFact, ours: bool) -> ByHand {
    ByHand {
        link: link.id.clone(),
        payment: payment.clone(),
        ours,
    }
}

/// What a status comes to: words in which two honest books may differ for a while are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Open,
    Part,
    Waiting,
    Scheduled,
    Paid,
    Over,
    Refunded,
    Unclear,
    Doubtful,
}

fn standing(status: LinkStatus) -> Standing {
    match status {
        LinkStatus::Creating
        | LinkStatus::Created
        | LinkStatus::Viewed
        | LinkStatus::Paying
        | LinkStatus::Expiring => Standing::Open,
        LinkStatus::PartiallyPaid => Standing::Part,
        LinkStatus::Held | LinkStatus::PaidUnverified => Standing::Waiting,
        LinkStatus::ScheduledFuture => Standing::Scheduled,
        LinkStatus::Paid
        | LinkStatus::PaidLate
        | LinkStatus::PaidAfterCancel
        | LinkStatus::Overpaid => Standing::Paid,
        LinkStatus::Expired
        | LinkStatus::Cancelled
        | LinkStatus::CreateFailed
        | LinkStatus::Superseded => Standing::Over,
        LinkStatus::Refunded => Standing::Refunded,
        LinkStatus::Quarantined => Standing::Unclear,
        // Of a word that is newer than this table nobody knows what it comes to.
        _ => Standing::Doubtful,
    }
}
