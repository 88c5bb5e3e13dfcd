//! What a ledger proves, for tests and for people.

use std::collections::BTreeMap;

use values::{AccountName, Money, Timestamp};

use super::book::{Book, Link};
use crate::{LinkStatus, PaymentFact};

/// What a ledger proves about the requests it has taken and the links it has made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerAudit {
    /// Requests of every kind, refused, repeated and lost ones included.
    pub requests: u64,
    /// Create requests.
    pub creates: u64,
    /// Status requests.
    pub statuses: u64,
    /// Look-ups by reference.
    pub finds: u64,
    /// Requests to close a link.
    pub deactivations: u64,
    /// Create requests by answer: `link`, `again`, or an error code.
    pub creates_by_answer: BTreeMap<String, u64>,
    /// Create requests by reference.
    pub creates_per_reference: BTreeMap<String, u64>,
    /// Every link, in the order of its account and reference.
    pub links: Vec<LedgerLink>,
    /// By reference, the greatest number of its links that could be paid at one moment.
    pub live_links_per_reference: BTreeMap<String, u64>,
}

/// One link of a ledger, as it stands at the ledger's last request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerLink {
    /// The account it belongs to.
    pub account: AccountName,
    /// Our reference.
    pub reference: String,
    /// Its name at the sandbox.
    pub token: String,
    /// What it asks for.
    pub amount: Money,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stopped, or will stop, taking payments.
    pub open_until: Timestamp,
    /// Whether it still takes payments.
    pub live: bool,
    /// Its state.
    pub status: LinkStatus,
    /// The payments that have arrived.
    pub paid: Vec<PaymentFact>,
}

impl LedgerAudit {
    pub(super) fn of(books: &BTreeMap<AccountName, Book>) -> LedgerAudit {
        let mut audit = LedgerAudit::default();
        let last_at = books
            .values()
            .filter_map(|book| book.last_at)
            .max()
            .unwrap_or_default();
        for (account, book) in books {
            audit.add(account, book, last_at);
        }
        audit.count_live();
        audit
    }

    /// References with two links that could be paid at one moment: there must be none.
    pub fn twice_live(&self) -> Vec<&str> {
        self.live_links_per_reference
            .iter()
            .filter(|(_, links)| **links > 1)
            .map(|(reference, _)| reference.as_str())
            .collect()
    }

    fn add(&mut self, account: &AccountName, book: &Book, last_at: Timestamp) {
        let counts = &book.counts;
        self.creates += counts.creates;
        self.statuses += counts.statuses;
        self.finds += counts.finds;
        self.deactivations += counts.deactivations;
        self.requests = self.creates + self.statuses + self.finds + self.deactivations;
        for (answer, times) in &counts.creates_by_answer {
            *self.creates_by_answer.entry(answer.clone()).or_default() += times;
        }
        for (reference, known) in &book.references {
            *self
                .creates_per_reference
                .entry(reference.clone())
                .or_default() += known.creates;
            let links = book.links_of(reference);
            self.links
                .extend(links.map(|link| LedgerLink::of(account, link, last_at)));
        }
    }

    fn count_live(&mut self) {
        let mut links: BTreeMap<&str, Vec<&LedgerLink>> = BTreeMap::new();
        for link in &self.links {
            links.entry(&link.reference).or_default().push(link);
        }
        self.live_links_per_reference = links
            .into_iter()
            .map(|(reference, links)| (reference.to_owned(), most_at_once(&links)))
            .collect();
    }
}

/// The number of links open at the moment when most are: that is when one of them is made.
fn most_at_once(links: &[&LedgerLink]) -> u64 {
    let open = |at: Timestamp| {
        links
            .iter()
            .filter(|link| link.created_at <= at && at < link.open_until)
            .count()
    };
    let most = links
        .iter()
        .map(|link| open(link.created_at))
        .max()
        .unwrap_or(0);
    u64::try_from(most).unwrap_or(u64::MAX)
}

impl LedgerLink {
    fn of(account: &AccountName, link: &Link, at: Timestamp) -> LedgerLink {
        let status = link.status(at);
        LedgerLink {
            account: account.clone(),
            reference: link.reference.clone(),
            token: link.made.token.clone(),
            amount: link.made.amount,
            created_at: link.made.created_at,
            open_until: link.open_until(),
            live: !status.is_closed() && at < link.open_until(),
            status,
            paid: link.paid(at),
        }
    }
}
