//! Reading links again: each status request is for one day, so a link is looked for on the day it
//! was sent and, since midnight may have fallen between us, on the days beside it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use values::{Date, Timestamp};

use super::options::StatusBy;
use super::reply::{Listing, Row, report_of, unknown};
use super::wire::{Method, StatusBody};
use super::{Account, Link};
use crate::{Conversation, CreatedLink, Found, GatewayError, ListPage, ListSpan, StatusReport};

/// The filter list holds SizPay's numbers.
const BY_ID: u8 = 0;
/// The filter list holds our invoice numbers.
const BY_INVOICE: u8 = 1;

/// One link by its name.
pub(super) fn status(
    account: Arc<Account>,
    now: Timestamp,
    link: Link,
) -> Conversation<StatusReport> {
    let day = link.send_date;
    let days = [Some(day), day.succ_opt(), day.pred_opt()];
    on_days(account, now, link, days.into_iter().flatten().collect())
}

fn on_days(
    account: Arc<Account>,
    now: Timestamp,
    link: Link,
    mut days: VecDeque<Date>,
) -> Conversation<StatusReport> {
    let Some(day) = days.pop_front() else {
        // It was made, so a list without it is late, not an answer.
        let error = GatewayError::retryable("link_not_listed", "SizPay does not list the link");
        return Conversation::failed(error);
    };
    let (kind, name) = filter_of(&link);
    ask(
        Arc::clone(&account),
        (day, kind, name),
        move |listing| match listing {
            Listing::Undocumented => Conversation::done(unknown(&link)),
            Listing::Rows(rows) => match report_of(&rows, &link, now) {
                Some(report) => Conversation::done(report),
                None => on_days(account, now, link, days),
            },
        },
    )
}

/// The link of a reference, on the days around a moment.
pub(super) fn find(
    account: Arc<Account>,
    now: Timestamp,
    reference: String,
) -> Conversation<Found> {
    if account.options.status_reply.is_none() {
        return Conversation::done(Found::CannotTell);
    }
    let today = account.options.time_zone.local_date(now);
    let mut days = VecDeque::from([today]);
    days.extend(today.succ_opt());
    let mut day = today;
    for _ in 0..account.options.find_days.max(1) {
        let Some(before) = day.pred_opt() else { break };
        days.push_back(before);
        day = before;
    }
    find_on(account, reference, days)
}

fn find_on(
    account: Arc<Account>,
    reference: String,
    mut days: VecDeque<Date>,
) -> Conversation<Found> {
    let Some(day) = days.pop_front() else {
        return Conversation::done(Found::NotFound);
    };
    let invoice_no = account.order_no(&reference);
    let what = (day, BY_INVOICE, invoice_no.clone());
    ask(Arc::clone(&account), what, move |listing| {
        let Listing::Rows(rows) = listing else {
            return Conversation::done(Found::CannotTell);
        };
        let ours: Vec<&Row> = rows.iter().filter(|row| row.is_for(&invoice_no)).collect();
        match ours.as_slice() {
            [] if rows.is_empty() => find_on(account, reference, days),
            // Rows that nobody asked for: this is not the answer to our question.
            [] => Conversation::done(Found::CannotTell),
            [row] => Conversation::done(adopted(&account, &reference, day, row)),
            _ => Conversation::done(Found::CannotTell),
        }
    })
}

/// The link of a row. A row that does not say everything proves that there is a link, which is
/// not enough to hand it out and more than enough not to make another.
fn adopted(account: &Account, reference: &str, day: Date, row: &Row) -> Found {
    let Some((id, url, amount)) = row.as_made() else {
        return Found::CannotTell;
    };
    if !account.options.takes_link(url) {
        return Found::CannotTell;
    }
    let link = Link {
        reference: reference.to_owned(),
        invoice_no: account.order_no(reference),
        send_id: id,
        send_date: day,
        amount: Some(amount),
    };
    match link.named() {
        Ok(provider_ref) => Found::Link(CreatedLink {
            provider_ref,
            url: url.to_owned(),
            url_valid_until: None,
            amount: Some(amount),
        }),
        Err(_) => Found::CannotTell,
    }
}

/// Many links: a request for each day, or for each list of so many.
pub(super) fn status_many(
    account: Arc<Account>,
    now: Timestamp,
    links: Vec<Link>,
) -> Conversation<Vec<StatusReport>> {
    let mut groups: BTreeMap<(Date, u8), Vec<Link>> = BTreeMap::new();
    let whole_days = account.options.status_by == StatusBy::Day;
    for link in links {
        let (kind, _) = filter_of(&link);
        let kind = if whole_days { BY_ID } else { kind };
        groups.entry((link.send_date, kind)).or_default().push(link);
    }
    let mut batches = VecDeque::new();
    for ((day, kind), links) in groups {
        let size = if whole_days {
            links.len().max(1)
        } else {
            account.options.status_list_max.max(1)
        };
        batches.extend(links.chunks(size).map(|links| {
            let names: Vec<String> = links.iter().map(|link| filter_of(link).1).collect();
            let list = if whole_days {
                String::new()
            } else {
                names.join(",")
            };
            Batch {
                what: (day, kind, list),
                links: links.to_vec(),
            }
        }));
    }
    read_batches(account, now, batches, Vec::new())
}

/// One day of the list: everything that was sent on it.
pub(super) fn page(
    account: Arc<Account>,
    span: ListSpan,
    page: Option<&str>,
) -> Conversation<ListPage> {
    let zone = account.options.time_zone;
    let last = zone.local_date(span.to);
    let day = match page {
        None => Some(zone.local_date(span.from)),
        Some(page) => page.parse::<Date>().ok(),
    };
    let Some(day) = day.filter(|day| *day <= last) else {
        return Conversation::failed(GatewayError::permanent(
            "page_not_valid",
            "the list has no such day",
        ));
    };
    ask(account, (day, BY_ID, String::new()), move |listing| {
        let Listing::Rows(rows) = listing else {
            return Conversation::failed(GatewayError::permanent(
                "list_not_readable",
                "nobody has said how the list is read",
            ));
        };
        Conversation::done(ListPage {
            links: rows.iter().filter_map(Row::listed).collect(),
            next: day
                .succ_opt()
                .filter(|day| *day <= last)
                .map(|day| day.to_string()),
        })
    })
}

/// One status request, and the links it is asked for.
struct Batch {
    what: (Date, u8, String),
    links: Vec<Link>,
}

fn read_batches(
    account: Arc<Account>,
    now: Timestamp,
    mut batches: VecDeque<Batch>,
    mut reports: Vec<StatusReport>,
) -> Conversation<Vec<StatusReport>> {
    let Some(Batch { what, links }) = batches.pop_front() else {
        return Conversation::done(reports);
    };
    ask(Arc::clone(&account), what, move |listing| {
        match listing {
            Listing::Undocumented => reports.extend(links.iter().map(unknown)),
            Listing::Rows(rows) => {
                let read = links.iter().filter_map(|link| report_of(&rows, link, now));
                reports.extend(read);
            }
        }
        read_batches(account, now, batches, reports)
    })
}

fn filter_of(link: &Link) -> (u8, String) {
    match link.send_id {
        Some(id) => (BY_ID, id.to_string()),
        None => (BY_INVOICE, link.invoice_no.clone()),
    }
}

fn ask<T: Send + 'static>(
    account: Arc<Account>,
    (day, kind, list): (Date, u8, String),
    then: impl FnOnce(Listing) -> Conversation<T> + Send + 'static,
) -> Conversation<T> {
    let request = super::jalali(day).and_then(|date| {
        let body = StatusBody { date, kind, list };
        account.request(Method::PayStatus, body)
    });
    match request {
        Ok(request) => {
            Conversation::read(request, move |response| match account.listing(&response) {
                Ok(listing) => then(listing),
                Err(error) => Conversation::failed(error),
            })
        }
        Err(error) => Conversation::failed(error),
    }
}
