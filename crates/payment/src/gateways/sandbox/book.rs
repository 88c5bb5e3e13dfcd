//! One account's state, rebuilt from its records: counts, links, payments by time, notices due.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use values::Timestamp;

use super::record::{MadeLink, PlannedPayment, Record, Request};
use super::script::CallbackPlay;
use crate::{LinkStatus, PaymentFact};

/// One account's state.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) counts: Counts,
    pub(super) references: BTreeMap<String, Reference>,
    pub(super) links: BTreeMap<String, Link>,
    /// Notices not given out yet: when, and which copy for which payment of which link.
    due: BTreeSet<(Timestamp, NoticeId)>,
    pub(super) last_at: Option<Timestamp>,
}

/// How many requests of each kind have come.
#[derive(Debug, Default, Clone)]
pub(super) struct Counts {
    pub(super) creates: u64,
    pub(super) statuses: u64,
    pub(super) finds: u64,
    pub(super) deactivations: u64,
    pub(super) creates_by_answer: BTreeMap<String, u64>,
}

/// What the account knows of one reference.
#[derive(Debug, Default)]
pub(super) struct Reference {
    /// Its place among the references of the account, from 1.
    pub(super) order: u64,
    pub(super) creates: u64,
    /// Tokens of its links, oldest first.
    pub(super) links: Vec<String>,
}

/// One link.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) reference: String,
    pub(super) made: MadeLink,
    pub(super) closed_at: Option<Timestamp>,
    read_at: Option<Timestamp>,
}

/// One copy of the notice of one payment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NoticeId {
    pub(super) link: String,
    pub(super) payment: usize,
    pub(super) copy: usize,
}

impl Book {
    /// What this reference would be as a new one, or is.
    pub(super) fn order(&self, reference: &str) -> u64 {
        let next = u64::try_from(self.references.len())
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        self.references
            .get(reference)
            .map_or(next, |known| known.order)
    }

    /// The links of a reference, oldest first.
    pub(super) fn links_of(&self, reference: &str) -> impl Iterator<Item = &Link> {
        let tokens = self
            .references
            .get(reference)
            .map(|known| known.links.as_slice());
        tokens
            .unwrap_or_default()
            .iter()
            .filter_map(|token| self.links.get(token))
    }

    /// When the next notice is due.
    pub(super) fn next_notice_at(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes out the notices due by `now`, oldest first.
    pub(super) fn take_notices(&mut self, now: Timestamp) -> Vec<NoticeId> {
        let mut taken = Vec::new();
        while let Some((at, _)) = self.due.first() {
            if *at > now {
                break;
            }
            taken.extend(self.due.pop_first().map(|(_, notice)| notice));
        }
        taken
    }

    /// Ends a rebuilding. Which notices were given out is not in the records, so they come again,
    /// as a provider repeats its calls until it is heard: until the link has been read since.
    pub(super) fn reopened(&mut self) {
        let links = &self.links;
        self.due.retain(|(at, notice)| {
            let read_at = links.get(&notice.link).and_then(|link| link.read_at);
            read_at.is_none_or(|read_at| read_at < *at)
        });
    }

    /// Takes in a record that is durable.
    pub(super) fn enter(&mut self, record: &Record) {
        self.last_at = self.last_at.max(Some(record.at));
        match &record.request {
            Request::Create { reference, made } => {
                self.counts.creates += 1;
                *self
                    .counts
                    .creates_by_answer
                    .entry(record.answer.clone())
                    .or_default() += 1;
                let order = self.order(reference);
                let known = self.references.entry(reference.clone()).or_default();
                known.order = order;
                known.creates += 1;
                if let Some(made) = made {
                    known.links.push(made.token.clone());
                    self.add_link(reference, made);
                }
            }
            Request::Status { link } => {
                self.counts.statuses += 1;
                if let Some(link) = self.links.get_mut(link) {
                    link.read_at = link.read_at.max(Some(record.at));
                }
            }
            Request::Find { .. } => self.counts.finds += 1,
            Request::Deactivate { link, closed } => {
                self.counts.deactivations += 1;
                if *closed {
                    self.close(link, record.at);
                }
            }
        }
    }

    fn add_link(&mut self, reference: &str, made: &MadeLink) {
        let link = Link {
            reference: reference.to_owned(),
            made: made.clone(),
            closed_at: None,
            read_at: None,
        };
        self.due.extend(link.notices());
        self.links.insert(made.token.clone(), link);
    }

    fn close(&mut self, token: &str, at: Timestamp) {
        let Some(link) = self.links.get_mut(token) else {
            return;
        };
        let before: BTreeSet<_> = link.notices().collect();
        link.closed_at = Some(at);
        let after: BTreeSet<_> = link.notices().collect();
        for notice in before.difference(&after) {
            self.due.remove(notice);
        }
    }
}

impl Link {
    /// The payments that arrive, oldest first.
    pub(super) fn payments(&self) -> impl Iterator<Item = &PlannedPayment> {
        self.made
            .payments
            .iter()
            .filter(|payment| self.arrives(payment))
    }

    fn arrives(&self, payment: &PlannedPayment) -> bool {
        payment.in_flight || self.closed_at.is_none_or(|closed| payment.at <= closed)
    }

    /// The payments that have arrived by `now`.
    pub(super) fn paid(&self, now: Timestamp) -> Vec<PaymentFact> {
        self.payments()
            .filter(|payment| payment.at <= now)
            .map(|payment| PaymentFact {
                transaction: payment.transaction.clone(),
                amount: self.made.amount,
                paid_at: payment.at,
                tracking_no: payment.transaction.get(..TRACKING_CHARS).map(str::to_owned),
            })
            .collect()
    }

    /// The link's state at `now`.
    pub(super) fn status(&self, now: Timestamp) -> LinkStatus {
        let first = self
            .payments()
            .map(|payment| payment.at)
            .find(|at| *at <= now);
        match (first, self.closed_at.filter(|closed| *closed <= now)) {
            (Some(paid), Some(closed)) if paid > closed => LinkStatus::PaidAfterCancel,
            (Some(paid), _) if paid >= self.made.expires_at => LinkStatus::PaidLate,
            (Some(_), _) => LinkStatus::Paid,
            (None, Some(_)) => LinkStatus::Cancelled,
            (None, None) if now >= self.made.expires_at => LinkStatus::Expired,
            (None, None) => LinkStatus::Created,
        }
    }

    /// When it stops taking payments.
    pub(super) fn open_until(&self) -> Timestamp {
        self.closed_at.map_or(self.made.expires_at, |closed| {
            closed.min(self.made.expires_at)
        })
    }

    /// The notices of its payments.
    fn notices(&self) -> impl Iterator<Item = (Timestamp, NoticeId)> {
        let copies: &[TimeDelta] = match self.made.callback {
            CallbackPlay::Lost => &[],
            CallbackPlay::Sent | CallbackPlay::Early => &ONCE,
            CallbackPlay::Repeated => &REPEATS,
        };
        let payments = self.made.payments.iter().enumerate();
        payments
            .filter(|(_, planned)| self.arrives(planned))
            .flat_map(move |(payment, planned)| {
                copies.iter().enumerate().filter_map(move |(copy, after)| {
                    let at = planned.at.checked_add_signed(*after)?;
                    let link = self.made.token.clone();
                    Some((
                        at,
                        NoticeId {
                            link,
                            payment,
                            copy,
                        },
                    ))
                })
            })
    }
}

/// How long a tracking number is, in characters.
const TRACKING_CHARS: usize = 12;

/// When a notice comes, after the payment.
const ONCE: [TimeDelta; 1] = [TimeDelta::zero()];

/// When the copies of a repeated notice come, after the payment.
const REPEATS: [TimeDelta; 3] = [TimeDelta::zero(), TimeDelta::zero(), TimeDelta::days(1)];
