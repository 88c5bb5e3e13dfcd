//! Links by what people look for, with their sums.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use payment::LinkStatus;
use persistence::{Scan, Table};
use values::{AccountName, Currency, ItemRef, Money, PartyId, Timestamp};

use crate::record::{self, LinkRow};
use crate::{Engine, Error, LIST_MAX};

/// A span of time, its start included and its end not; open where nothing is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
}

impl Window {
    fn is_open(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    fn holds(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}

/// Which links are looked for; what is left empty does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkFilter {
    /// One of these.
    pub status: Vec<LinkStatus>,
    /// Of this debtor.
    pub party: Option<PartyId>,
    /// Into this account.
    pub account: Option<AccountName>,
    /// Of this item.
    pub item: Option<ItemRef>,
    /// Made then.
    pub created: Window,
    /// Expiring then.
    pub expires: Window,
    /// Paid then.
    pub paid: Window,
    /// At least this much, in its currency.
    pub amount_min: Option<Money>,
    /// At most this much, in its currency.
    pub amount_max: Option<Money>,
}

impl LinkFilter {
    pub(crate) fn takes(&self, link: &LinkRow) -> bool {
        let beyond = |limit: Option<Money>, side: Ordering| {
            limit.is_some_and(|limit| {
                let order = link.amount.compare(&limit);
                !order.is_ok_and(|order| order != side)
            })
        };
        let paid = match link.paid_at {
            Some(at) => self.paid.holds(at),
            None => self.paid.is_open(),
        };
        (self.status.is_empty() || self.status.contains(&link.status))
            && (self.party.is_none() || self.party == link.party)
            && self.account.as_ref().is_none_or(|of| *of == link.account)
            && self.item.as_ref().is_none_or(|of| *of == link.item)
            && self.created.holds(link.created_at)
            && self.expires.holds(link.expires_at)
            && paid
            && !beyond(self.amount_min, Ordering::Less)
            && !beyond(self.amount_max, Ordering::Greater)
    }
}

/// Links that were looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkList {
    /// In order of their ids, at most [`LIST_MAX`].
    pub links: Vec<LinkRow>,
    /// How many there are, those beyond the list included.
    pub count: usize,
    /// What all of them ask for, by currency.
    pub sums: BTreeMap<Currency, Money>,
    /// What has come in through all of them, by currency.
    pub received: BTreeMap<Currency, Money>,
}

impl LinkList {
    fn add(&mut self, link: LinkRow) -> Result<(), Error> {
        self.count = self.count.saturating_add(1);
        add(&mut self.sums, link.amount)?;
        if let Some(received) = link.received {
            add(&mut self.received, received)?;
        }
        if self.links.len() < LIST_MAX {
            self.links.push(link);
        }
        Ok(())
    }
}

fn add(sums: &mut BTreeMap<Currency, Money>, amount: Money) -> Result<(), Error> {
    let currency = amount.currency();
    let sum = sums
        .entry(currency)
        .or_insert_with(|| Money::zero(currency));
    *sum = sum.checked_add(&amount).map_err(|_| Error::Limit {
        what: "a sum of links",
        max: usize::MAX,
    })?;
    Ok(())
}

impl Engine {
    /// Links that a filter takes, with their sums.
    ///
    /// # Errors
    ///
    /// When the store fails, or a sum is larger than money can be.
    pub async fn find_links(&self, filter: &LinkFilter) -> Result<LinkList, Error> {
        let mut list = LinkList::default();
        let mut scan = Scan::all(Table::Links).limit(LIST_MAX);
        loop {
            let rows = self.core.store.scan(scan).await?;
            let Some((last, _)) = rows.last() else {
                return Ok(list);
            };
            scan = Scan::all(Table::Links).limit(LIST_MAX).after(last.clone());
            for (_, row) in &rows {
                let link = record::link_row(row)?;
                if filter.takes(&link) {
                    list.add(link)?;
                }
            }
        }
    }

    /// One link.
    ///
    /// # Errors
    ///
    /// [`Error::NoLink`], or when the store fails.
    pub async fn link(&self, id: &values::LinkId) -> Result<LinkRow, Error> {
        self.core.link_of(id).await
    }
}
