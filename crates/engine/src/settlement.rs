//! What a report makes of a link: which payments fit, what its status becomes. Pure.

use std::cmp::Ordering;

use payment::{LinkStatus, PaymentFact, StatusReport, Usage};
use values::{Money, Timestamp};

use crate::links::{FURTHER, RECORDED};
use crate::record::{AttentionRow, LinkRow};

/// What a report changes.
pub(crate) struct Settlement {
    pub(crate) link: LinkRow,
    pub(crate) outcome: Option<String>,
    /// Payments that are new, and whether each is the first of its link.
    pub(crate) payments: Vec<(PaymentFact, bool)>,
    /// What a person must look at: a reason and the row.
    pub(crate) troubles: Vec<(String, AttentionRow)>,
}

/// How a payment fits its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It is what was asked for, or the rest of it.
    Whole,
    /// The provider takes less at a time, and this is a part.
    Part,
    /// The provider takes more, and this is more.
    Excess,
    /// Nobody has asked for it.
    Wrong,
}

/// What a person says of a payment that they record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByPerson {
    /// It is what was asked for, or a part of it.
    Owed,
    /// It came beside the one that has settled the link.
    Further,
}

impl ByPerson {
    /// What the source of a report says about that.
    pub(crate) fn of(source: &str) -> Option<ByPerson> {
        if source.starts_with(FURTHER) {
            return Some(ByPerson::Further);
        }
        source.starts_with(RECORDED).then_some(ByPerson::Owed)
    }
}

impl Settlement {
    /// Takes in a payment that fits the link and is not known yet.
    pub(crate) fn pay(&mut self, fact: &PaymentFact, fit: Fit, reported: LinkStatus) {
        let paid = settled(&self.link);
        self.payments.push((fact.clone(), self.link.payments == 0));
        self.link.payments = self.link.payments.saturating_add(1);
        self.link.received = Some(received(&self.link, fact).unwrap_or(fact.amount));
        if paid {
            self.outcome.get_or_insert_with(|| "paid_again".to_owned());
            return;
        }
        if fit == Fit::Part {
            self.outcome = Some(LinkStatus::PartiallyPaid.name().to_owned());
            if !self.link.status.is_closed() {
                self.link.status = LinkStatus::PartiallyPaid;
            }
            return;
        }
        let status = paid_as(&self.link, (fact, fit), reported);
        self.outcome = Some(status.name().to_owned());
        if self.link.paid_at.is_none() {
            self.link.paid_at = Some(fact.paid_at);
            self.link.tracking_no.clone_from(&fact.tracking_no);
        }
        // A link that may be paid many times goes on as it was.
        if self.link.usage == Usage::OneTime {
            self.link.status = status;
        }
    }

    /// Takes in a status that is not about money.
    pub(crate) fn look(&mut self, reported: LinkStatus, now: Timestamp) {
        let before = self.link.status;
        let over = now >= self.link.expires_at;
        let reported = match reported {
            LinkStatus::Cancelled if self.link.replaced_by.is_some() => LinkStatus::Superseded,
            other => other,
        };
        let after = next_status(before, reported, over);
        if let Some(after) = after.filter(|after| *after != before) {
            self.link.status = after;
            // What was paid is the news; the rest is in the link's row.
            if self.payments.is_empty() {
                self.outcome = Some(after.name().to_owned());
            }
        }
    }
}

/// What a provider's word makes of a link; `None` when it says nothing new. Paid without a payment that
/// fits proves nothing: the link stays open and is read again.
fn next_status(before: LinkStatus, reported: LinkStatus, over: bool) -> Option<LinkStatus> {
    use LinkStatus::{
        Cancelled, CreateFailed, Created, Expired, Expiring, Held, PaidUnverified, PartiallyPaid,
        Paying, Quarantined, Refunded, ScheduledFuture, Superseded, Unknown, Viewed,
    };
    let open = matches!(reported, Created | Viewed | Paying | PartiallyPaid);
    match reported {
        // The provider itself says that something does not fit.
        Quarantined if !before.is_closed() => Some(Quarantined),
        Refunded if before != CreateFailed => Some(Refunded),
        _ if before.is_closed() => None,
        // We have closed it because its time was up.
        Cancelled | Superseded if before == Expiring => Some(Expired),
        Expired | Cancelled | Superseded => Some(reported),
        Held | PaidUnverified | ScheduledFuture if before != Quarantined => Some(reported),
        _ if over && (open || reported == Unknown) => Some(Expiring),
        _ if matches!(before, PartiallyPaid | Quarantined) => None,
        Unknown if matches!(before, Created | Viewed) => Some(Unknown),
        Viewed | Paying => Some(reported),
        // A payment that had begun has been called off, or the provider can say again.
        Created if matches!(before, Unknown | Held | PaidUnverified | ScheduledFuture) => {
            Some(Created)
        }
        _ => None,
    }
}

/// Whether nothing more is asked for: it is paid, or was.
pub(crate) fn settled(link: &LinkRow) -> bool {
    link.usage == Usage::OneTime && (link.status.is_paid() || link.status == LinkStatus::Refunded)
}

/// Whether the money of a report has not come yet, or has gone.
pub(crate) fn is_not_money(reported: LinkStatus) -> bool {
    matches!(
        reported,
        LinkStatus::PaidUnverified
            | LinkStatus::Held
            | LinkStatus::ScheduledFuture
            | LinkStatus::Refunded
    )
}

/// What has come in with this payment; `None` when it cannot be added.
fn received(link: &LinkRow, fact: &PaymentFact) -> Option<Money> {
    match link.received {
        Some(before) => before.checked_add(&fact.amount).ok(),
        None => Some(fact.amount),
    }
}

/// How a payment fits. What the provider itself calls a part or an excess is one; else the payments of
/// one report may make up the amount together.
pub(crate) fn fit(link: &LinkRow, fact: &PaymentFact, report: &StatusReport) -> Fit {
    if !fact.amount.is_positive() || fact.amount.currency() != link.amount.currency() {
        return Fit::Wrong;
    }
    if link.usage == Usage::Reusable || settled(link) {
        return if fact.amount == link.amount {
            Fit::Whole
        } else {
            Fit::Wrong
        };
    }
    let after = received(link, fact).and_then(|total| total.compare(&link.amount).ok());
    match after {
        Some(Ordering::Equal) => Fit::Whole,
        Some(Ordering::Less)
            if report.status == LinkStatus::PartiallyPaid || adds_up(link, report) =>
        {
            Fit::Part
        }
        Some(Ordering::Greater) if report.status == LinkStatus::Overpaid => Fit::Excess,
        _ => Fit::Wrong,
    }
}

/// Whether the payments of a report make up exactly what was asked for.
fn adds_up(link: &LinkRow, report: &StatusReport) -> bool {
    let zero = Money::zero(link.amount.currency());
    let total = report
        .payments
        .iter()
        .try_fold(zero, |sum, fact| sum.checked_add(&fact.amount).ok());
    total == Some(link.amount)
}

/// What a payment makes of its link.
fn paid_as(link: &LinkRow, (fact, fit): (&PaymentFact, Fit), reported: LinkStatus) -> LinkStatus {
    match (link.status, reported) {
        (LinkStatus::Cancelled | LinkStatus::Superseded, _) | (_, LinkStatus::PaidAfterCancel) => {
            LinkStatus::PaidAfterCancel
        }
        (LinkStatus::Expired, _) | (_, LinkStatus::PaidLate) => LinkStatus::PaidLate,
        _ if fact.paid_at >= link.expires_at => LinkStatus::PaidLate,
        _ if fit == Fit::Excess => LinkStatus::Overpaid,
        _ => LinkStatus::Paid,
    }
}

/// Under what a link is on the list of what a person must look at, while its provider cannot say how it
/// is.
pub(crate) fn status_reason(link: &LinkRow) -> String {
    format!("status {}", link.id)
}

/// Whether nobody knows how a link stands.
pub(crate) fn is_doubtful(status: LinkStatus) -> bool {
    matches!(status, LinkStatus::Unknown | LinkStatus::Expiring)
}

/// Whether money is there that waits for our word.
pub(crate) fn waits_for_us(status: LinkStatus) -> bool {
    matches!(status, LinkStatus::PaidUnverified | LinkStatus::Held)
}
