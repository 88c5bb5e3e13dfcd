//! Reading the providers' books beside ours. It changes nothing by itself: what differs is settled by the
//! one way of settling, and a link that nobody knows is put on the attention list.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use payment::{
    Gateway, GatewayError, LinkStatus, ListSpan, ListedLink, PaymentFact, ProviderRef, StatusReport,
};
use persistence::{Scan, Table};
use values::{AccountName, LinkId, Timestamp};

use crate::difference::{
    Comparison, Difference, DifferenceKind, DifferenceReport, Verdict, compare,
};
use crate::limits::{COMPARED_MAX, LIST_PAGES_MAX, READ_AT_ONCE};
use crate::record::{self, LinkRow, PaymentRow};
use crate::{Core, Engine, Error, LIST_MAX, query};

/// How far back the lists are asked for when nobody says.
const SPAN: TimeDelta = TimeDelta::days(30);

/// A link younger than this need not be on the provider's list yet.
const SETTLING: TimeDelta = TimeDelta::minutes(10);

/// What is known of one account while it is compared.
struct Books<'a> {
    account: &'a AccountName,
    links: Vec<LinkRow>,
    /// What we have recorded, by link.
    payments: BTreeMap<LinkId, Vec<PaymentFact>>,
    /// Live links of ours that the provider does not say anything about.
    silent: BTreeSet<LinkId>,
}

impl Engine {
    /// Compares the providers' books with ours: every link of ours that the filter takes is read at its
    /// provider, and, where the provider can list what it has, its list is read for the same span.
    ///
    /// A link that the provider has and we do not know goes to the attention list, once. Nothing else
    /// changes, unless `settle` is wished: then what a provider says of links that differ is settled.
    ///
    /// # Errors
    ///
    /// A failure of the store or the host. A provider that does not answer is a difference, not an error.
    pub async fn compare_links(&self, wanted: &Comparison) -> Result<DifferenceReport, Error> {
        self.core.compared(wanted).await
    }
}

impl Core {
    async fn compared(&self, wanted: &Comparison) -> Result<DifferenceReport, Error> {
        let now = self.clock.now();
        let (links, left) = self.links_to_compare(wanted).await?;
        let span = ListSpan {
            from: wanted.filter.created.from.unwrap_or(now - SPAN),
            to: wanted
                .filter
                .created
                .to
                .unwrap_or(now + TimeDelta::minutes(1)),
        };
        let mut report = DifferenceReport {
            from: span.from,
            to: span.to,
            compared: 0,
            listed: 0,
            differences: Vec::new(),
            more: 0,
            by_hand: Vec::new(),
            silent: Vec::new(),
            unlisted: Vec::new(),
        };
        let mut by_account: BTreeMap<AccountName, Vec<LinkRow>> = BTreeMap::new();
        for account in self.world.gateways.keys() {
            let all = wanted.filter.account.is_none();
            if all || wanted.filter.account.as_ref() == Some(account) {
                by_account.insert(account.clone(), Vec::new());
            }
        }
        for link in links {
            by_account
                .entry(link.account.clone())
                .or_default()
                .push(link);
        }
        for (account, links) in by_account {
            self.compare_account(&account, links, (wanted, span), &mut report)
                .await?;
            if left.get(&account).is_some_and(|left| *left > 0) {
                let links = left.get(&account).copied().unwrap_or_default();
                report.add(&account, None, DifferenceKind::NotCompared { links });
            }
        }
        Ok(report)
    }

    /// Links of ours that a provider can be asked about, and how many there are beyond the bound.
    async fn links_to_compare(
        &self,
        wanted: &Comparison,
    ) -> Result<(Vec<LinkRow>, BTreeMap<AccountName, usize>), Error> {
        let mut found = Vec::new();
        let mut left: BTreeMap<AccountName, usize> = BTreeMap::new();
        let mut scan = Scan::all(Table::Links).limit(LIST_MAX);
        loop {
            let rows = self.store.scan(scan).await?;
            let Some((last, _)) = rows.last() else {
                return Ok((found, left));
            };
            scan = Scan::all(Table::Links).limit(LIST_MAX).after(last.clone());
            for (_, row) in &rows {
                let link = record::link_row(row)?;
                if !is_comparable(&link) || !wanted.filter.takes(&link) {
                    continue;
                }
                if found.len() < COMPARED_MAX {
                    found.push(link);
                } else {
                    let left = left.entry(link.account).or_default();
                    *left = left.saturating_add(1);
                }
            }
        }
    }

    async fn compare_account(
        &self,
        account: &AccountName,
        links: Vec<LinkRow>,
        (wanted, span): (&Comparison, ListSpan),
        report: &mut DifferenceReport,
    ) -> Result<(), Error> {
        let Some(gateway) = self.world.gateways.get(account) else {
            for link in links {
                let code = "account_unknown".to_owned();
                let message = format!("no gateway serves account `{account}`");
                let kind = DifferenceKind::NotRead { code, message };
                report.add(account, Some(link.id), kind);
            }
            return Ok(());
        };
        let mut books = Books {
            account,
            payments: self.payments_of(account, &links).await?,
            links,
            silent: BTreeSet::new(),
        };
        self.compare_ours(gateway.as_ref(), &mut books, wanted, report)
            .await?;
        match self.listed(account, span, wanted.pause).await {
            None => report.unlisted.push(account.clone()),
            Some(Err(error)) => {
                let (code, message) = (error.code, error.message);
                report.add(account, None, DifferenceKind::NotListed { code, message });
            }
            Some(Ok(listed)) => self.compare_theirs(&books, (listed, span), report).await?,
        }
        Ok(())
    }

    /// What we have recorded for these links.
    async fn payments_of(
        &self,
        account: &AccountName,
        links: &[LinkRow],
    ) -> Result<BTreeMap<LinkId, Vec<PaymentFact>>, Error> {
        let mut payments: BTreeMap<LinkId, Vec<PaymentFact>> = links
            .iter()
            .filter(|link| link.payments > 0)
            .map(|link| (link.id.clone(), Vec::new()))
            .collect();
        if payments.is_empty() {
            return Ok(payments);
        }
        let mut scan = Scan::all(Table::Payments).limit(LIST_MAX);
        loop {
            let rows = self.store.scan(scan).await?;
            let Some((last, _)) = rows.last() else {
                return Ok(payments);
            };
            scan = Scan::all(Table::Payments)
                .limit(LIST_MAX)
                .after(last.clone());
            for (_, row) in &rows {
                let row: PaymentRow = record::decode(&row.open)?;
                if row.account == *account
                    && let Some(known) = payments.get_mut(&row.link)
                {
                    known.push(row.fact);
                }
            }
        }
    }

    /// Reads our links at their provider, many at once where it can.
    async fn compare_ours(
        &self,
        gateway: &dyn Gateway,
        books: &mut Books<'_>,
        wanted: &Comparison,
        report: &mut DifferenceReport,
    ) -> Result<(), Error> {
        let mut stopped: Option<GatewayError> = None;
        let links = std::mem::take(&mut books.links);
        for links in links.chunks(READ_AT_ONCE) {
            let mut told = Vec::new();
            if stopped.is_none() && links.len() > 1 {
                let names: Vec<ProviderRef> =
                    links.iter().map(|link| link.provider_ref.clone()).collect();
                if let Some(Ok(reports)) = gateway.status_many(self.call(), &names).await {
                    told = reports;
                    rest(wanted).await;
                }
            }
            for link in links {
                let known = told.iter().find(|it| self.is_about(link, &it.reference));
                let read = match (known, &stopped) {
                    (Some(known), _) => Ok(known.clone()),
                    (None, Some(error)) => Err(error.clone()),
                    (None, None) => {
                        rest(wanted).await;
                        self.read(link).await
                    }
                };
                if let Err(error) = &read
                    && (error.retry_after.is_some() || error.code == "too_many_requests")
                {
                    // It asks us to go away for a while: what is left is not read.
                    stopped = Some(error.clone());
                }
                self.compare_one(link, read, (books, wanted), report)
                    .await?;
            }
        }
        Ok(())
    }

    async fn compare_one(
        &self,
        link: &LinkRow,
        read: Result<StatusReport, GatewayError>,
        (books, wanted): (&mut Books<'_>, &Comparison),
        report: &mut DifferenceReport,
    ) -> Result<(), Error> {
        let mut said = match read {
            Ok(said) => said,
            Err(error) => {
                let kind = not_read(link, &error);
                report.add(books.account, Some(link.id.clone()), kind);
                return Ok(());
            }
        };
        report.compared = report.compared.saturating_add(1);
        let mut verdict = self.judged(link, &said, books).await?;
        if !verdict.differences.is_empty() {
            // Something may have come in between the two readings: only what stays is a difference.
            rest(wanted).await;
            if let Ok(again) = self.read(link).await {
                said = again;
                verdict = self.judged(link, &said, books).await?;
            }
        }
        if verdict.silent && !link.status.is_closed() && link.payments == 0 {
            books.silent.insert(link.id.clone());
        }
        if verdict.silent {
            report.silent.push(link.id.clone());
        }
        report.by_hand.append(&mut verdict.by_hand);
        let differs = !verdict.differences.is_empty();
        for kind in verdict.differences {
            report.add(books.account, Some(link.id.clone()), kind);
        }
        if differs && wanted.settle {
            self.pursue(link, said).await?;
        }
        Ok(())
    }

    /// The verdict on a link as our books have it now.
    async fn judged(
        &self,
        link: &LinkRow,
        said: &StatusReport,
        books: &Books<'_>,
    ) -> Result<Verdict, Error> {
        let fresh = query::link(self.store.as_ref(), &link.id).await?;
        let fresh = fresh.as_ref().unwrap_or(link);
        let mut ours = books.payments.get(&link.id).cloned().unwrap_or_default();
        for fact in &said.payments {
            if ours.iter().any(|it| it.transaction == fact.transaction) {
                continue;
            }
            let account = link.account.as_str();
            let key = record::payment_key(&link.gateway, account, &fact.transaction);
            if let Some(row) = self.store.get(Table::Payments, &key).await? {
                let row: PaymentRow = record::decode(&row.open)?;
                ours.extend((row.link == link.id).then_some(row.fact));
            }
        }
        if !self.is_about(link, &said.reference) {
            return Ok(Verdict {
                differences: vec![DifferenceKind::NotRead {
                    code: "reference_mismatch".to_owned(),
                    message: format!("the gateway answers for {}", said.reference),
                }],
                ..Verdict::default()
            });
        }
        Ok(compare(fresh, &ours, said))
    }

    /// What the provider's own list says: links that we do not know, other amounts, links that are gone.
    async fn compare_theirs(
        &self,
        books: &Books<'_>,
        (listed, span): ((Vec<ListedLink>, bool), ListSpan),
        report: &mut DifferenceReport,
    ) -> Result<(), Error> {
        let (listed, whole) = listed;
        report.listed = report.listed.saturating_add(listed.len());
        let mut seen = BTreeSet::new();
        for line in listed {
            let Some(link) = self.known_line(books.account, &line).await? else {
                self.note_unknown(books.account, &line).await?;
                let kind = DifferenceKind::UnknownLink {
                    name: line.name,
                    amount: line.amount,
                    created_at: line.created_at,
                    status: line.status,
                };
                report.add(books.account, None, kind);
                continue;
            };
            let Some(link) = link else { continue };
            if let Some(theirs) = line.amount.filter(|theirs| *theirs != link.amount) {
                let kind = DifferenceKind::Amount {
                    transaction: None,
                    ours: link.amount,
                    theirs,
                };
                report.add(books.account, Some(link.id.clone()), kind);
            }
            seen.insert(link.id);
        }
        if !whole {
            let code = "list_too_long".to_owned();
            let message = "the list is longer than one comparison reads".to_owned();
            report.add(
                books.account,
                None,
                DifferenceKind::NotListed { code, message },
            );
            return Ok(());
        }
        for id in books.silent.difference(&seen) {
            let Some(link) = query::link(self.store.as_ref(), id).await? else {
                continue;
            };
            let young = self.clock.now() < link.created_at + SETTLING;
            if link.created_at >= span.from && !young && !link.status.is_closed() {
                let ours = link.status;
                let kind = DifferenceKind::NotThere { ours };
                report.add(books.account, Some(link.id), kind);
            }
        }
        Ok(())
    }

    /// The whole list of an account's provider as far as it is read, and whether that is all of it; `None`
    /// where the provider has none.
    pub(crate) async fn listed(
        &self,
        account: &AccountName,
        span: ListSpan,
        pause: Option<std::time::Duration>,
    ) -> Option<Result<(Vec<ListedLink>, bool), GatewayError>> {
        let gateway = self.world.gateways.get(account)?;
        let mut seen = BTreeSet::new();
        let mut links: BTreeMap<String, ListedLink> = BTreeMap::new();
        let mut page: Option<String> = None;
        for _ in 0..LIST_PAGES_MAX {
            if let (Some(pause), Some(_)) = (pause, &page) {
                tokio::time::sleep(pause).await;
            }
            let read = match gateway.list(self.call(), span, page.as_deref()).await? {
                Ok(read) => read,
                Err(error) => return Some(Err(error)),
            };
            for link in read.links {
                links.insert(link.name.clone(), link);
            }
            let Some(next) = read.next else {
                return Some(Ok((links.into_values().collect(), true)));
            };
            if !seen.insert(next.clone()) {
                let message = "the list names a page as its next that was read before";
                return Some(Err(GatewayError::retryable("list_in_circles", message)));
            }
            page = Some(next);
        }
        Some(Ok((links.into_values().collect(), false)))
    }
}

impl DifferenceReport {
    fn add(&mut self, account: &AccountName, link: Option<LinkId>, kind: DifferenceKind) {
        if self.differences.len() >= LIST_MAX {
            self.more = self.more.saturating_add(1);
            return;
        }
        self.differences.push(Difference {
            account: account.clone(),
            link,
            kind,
        });
    }
}

async fn rest(wanted: &Comparison) {
    if let Some(pause) = wanted.pause {
        tokio::time::sleep(pause).await;
    }
}

/// What was never made, or may never have been, has no book at the provider.
fn is_comparable(link: &LinkRow) -> bool {
    let perhaps = link.abandoned && link.status == LinkStatus::Unknown;
    let never = matches!(link.status, LinkStatus::CreateFailed | LinkStatus::Creating);
    !perhaps && !never
}

/// What it means that a provider does not answer for a link.
fn not_read(link: &LinkRow, error: &GatewayError) -> DifferenceKind {
    let absent = matches!(
        error.code.as_str(),
        "link_not_found" | "link_not_listed" | "unknown_link"
    );
    if absent && !link.status.is_closed() {
        return DifferenceKind::NotThere { ours: link.status };
    }
    DifferenceKind::NotRead {
        code: error.code.clone(),
        message: error.message.clone(),
    }
}

/// The span of a sweep that looks so far back.
pub(crate) fn span_back(now: Timestamp, back: TimeDelta) -> ListSpan {
    ListSpan {
        from: now - back,
        to: now + TimeDelta::minutes(1),
    }
}
