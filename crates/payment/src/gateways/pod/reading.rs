//! Reading invoices again, closing them, and closing those whose time is up.

use std::collections::BTreeMap;
use std::sync::Arc;

use transport::{HttpRequest, HttpResponse};
use values::Timestamp;

use super::answer::{Told, malformed};
use super::invoice::{Invoice, Standing};
use super::options::Method;
use super::reference::LinkName;
use super::wire::Desk;
use crate::{Conversation, Effect, GatewayError, LinkStatus, ProviderRef, StatusReport};

impl Desk {
    /// The invoices of an answer.
    pub(super) fn read_list(&self, response: &HttpResponse) -> Result<Vec<Invoice>, GatewayError> {
        match self.read(response, Effect::Reads)? {
            Told::Refused(refusal) => Err(refusal.error),
            Told::Result(text) => {
                Invoice::parse_list(&text).ok_or_else(|| malformed(Effect::Reads))
            }
        }
    }

    /// The invoice of that id in an answer, if POD has it.
    pub(super) fn read_one(
        &self,
        response: &HttpResponse,
        id: &str,
    ) -> Result<Option<Invoice>, GatewayError> {
        let list = self.read_list(response)?;
        Ok(list
            .into_iter()
            .find(|invoice| invoice.id().as_deref() == Some(id)))
    }

    /// Asks for one invoice.
    pub(super) fn ask_one(&self, id: &str) -> HttpRequest {
        let fields = vec![
            ("id", id.to_owned()),
            ("offset", "0".to_owned()),
            ("size", "1".to_owned()),
        ];
        self.service(Method::GetInvoiceList, fields, None)
    }

    fn report(&self, link: &LinkName, invoice: &Invoice) -> Result<StatusReport, GatewayError> {
        if invoice.is_of(link) {
            Ok(invoice.report(link, self.options.waiting))
        } else {
            Err(mismatch())
        }
    }
}

fn mismatch() -> GatewayError {
    GatewayError::permanent(
        "link_mismatch",
        "the provider's invoice of that id is not this link's",
    )
}

/// An invoice that was made and is not in the list may come yet.
fn absent() -> GatewayError {
    GatewayError::retryable(
        "link_not_found",
        "the provider does not list the invoice now",
    )
}

/// Reads one link. Where its time is up and the account says so, it is cancelled first, because
/// POD closes nothing by time.
pub(super) fn status(
    desk: &Arc<Desk>,
    now: Timestamp,
    link: &ProviderRef,
) -> Conversation<StatusReport> {
    let link = match LinkName::of(link, desk.currency) {
        Ok(link) => link,
        Err(error) => return Conversation::failed(error),
    };
    let reader = Arc::clone(desk);
    let over = link.expires_at.is_some_and(|expiry| now >= expiry);
    let void = over && desk.options.void_expired;
    one_report(desk, link.clone()).and_then(move |report| {
        if report.status != LinkStatus::Created || !void {
            return Conversation::done(report);
        }
        let request = cancel_request(&reader, &link.invoice_id);
        // Cancelling again changes nothing, and the reading after it tells what is true.
        Conversation::read(request, move |response| {
            match reader.read(&response, Effect::Reads) {
                Err(error) => Conversation::failed(error),
                Ok(_) => one_report(&reader, link),
            }
        })
    })
}

fn one_report(desk: &Arc<Desk>, link: LinkName) -> Conversation<StatusReport> {
    let request = desk.ask_one(&link.invoice_id);
    let desk = Arc::clone(desk);
    Conversation::read(request, move |response| {
        let found = desk.read_one(&response, &link.invoice_id);
        let report = found.and_then(|invoice| match invoice {
            Some(invoice) => desk.report(&link, &invoice),
            None => Err(absent()),
        });
        Conversation::Ended(report)
    })
}

/// Invoices that one page of the list holds.
const PAGE: usize = 100;

/// Pages that one reading of many goes through; what lies further is read one by one.
const PAGES_MAX: u8 = 20;

/// A walk through the list, from the oldest wanted invoice on.
struct Walk {
    wanted: BTreeMap<u64, LinkName>,
    reports: Vec<StatusReport>,
    from: u64,
    pages: u8,
}

/// Reads many links.
pub(super) fn status_many(
    desk: &Arc<Desk>,
    links: &[ProviderRef],
) -> Conversation<Vec<StatusReport>> {
    let mut wanted: BTreeMap<u64, LinkName> = BTreeMap::new();
    for link in links {
        let link = LinkName::of(link, desk.currency).ok();
        let id = link.as_ref().and_then(|link| link.invoice_id.parse().ok());
        if let (Some(link), Some(id)) = (link, id) {
            wanted.insert(id, link);
        }
    }
    // Nothing says whether the list begins at that id or after it.
    let from = wanted.keys().next().copied().unwrap_or(0).saturating_sub(1);
    let walk = Walk {
        wanted,
        reports: Vec::new(),
        from,
        pages: 0,
    };
    walk_on(Arc::clone(desk), walk)
}

fn walk_on(desk: Arc<Desk>, mut walk: Walk) -> Conversation<Vec<StatusReport>> {
    if walk.wanted.is_empty() || walk.pages >= PAGES_MAX {
        return Conversation::done(walk.reports);
    }
    let fields = vec![
        ("firstId", walk.from.to_string()),
        ("size", PAGE.to_string()),
    ];
    let request = desk.service(Method::GetInvoiceList, fields, None);
    Conversation::read(request, move |response| {
        let list = match desk.read_list(&response) {
            Ok(list) => list,
            Err(error) => return Conversation::failed(error),
        };
        walk.pages = walk.pages.saturating_add(1);
        let before = walk.from;
        let full = list.len() >= PAGE;
        for invoice in list {
            let Some(id) = invoice.id().and_then(|id| id.parse::<u64>().ok()) else {
                continue;
            };
            walk.from = walk.from.max(id);
            let report = walk
                .wanted
                .remove(&id)
                .and_then(|link| desk.report(&link, &invoice).ok());
            walk.reports.extend(report);
        }
        if full && walk.from > before {
            walk_on(desk, walk)
        } else {
            Conversation::done(walk.reports)
        }
    })
}

/// Closes a link. A paid invoice is never cancelled here: POD would give the money back.
pub(super) fn deactivate(desk: &Arc<Desk>, link: &ProviderRef) -> Conversation<()> {
    let link = match LinkName::of(link, desk.currency) {
        Ok(link) => link,
        Err(error) => return Conversation::failed(error),
    };
    let request = desk.ask_one(&link.invoice_id);
    let desk = Arc::clone(desk);
    Conversation::read(request, move |response| {
        let invoice = match desk.read_one(&response, &link.invoice_id) {
            Ok(Some(invoice)) => invoice,
            Ok(None) => return Conversation::failed(absent()),
            Err(error) => return Conversation::failed(error),
        };
        if !invoice.is_of(&link) {
            return Conversation::failed(mismatch());
        }
        match invoice.standing() {
            Ok(Standing::Cancelled { .. }) => Conversation::done(()),
            Ok(Standing::Open | Standing::Waiting) => cancelled(desk, &link.invoice_id),
            Ok(Standing::Scheduled { .. }) => Conversation::failed(GatewayError::permanent(
                "scheduled_future",
                "the debtor's money is set aside for this invoice",
            )),
            Ok(_) => Conversation::failed(paid_already()),
            Err(_) => Conversation::failed(malformed(Effect::Reads)),
        }
    })
}

fn cancelled(desk: Arc<Desk>, id: &str) -> Conversation<()> {
    Conversation::change(cancel_request(&desk, id), move |response| {
        match desk.read(&response, Effect::Changes) {
            Ok(Told::Result(_)) => Conversation::done(()),
            Ok(Told::Refused(refusal)) => Conversation::failed(refusal.error),
            Err(error) => Conversation::failed(error),
        }
    })
}

pub(super) fn cancel_request(desk: &Desk, id: &str) -> HttpRequest {
    desk.service(Method::CancelInvoice, vec![("id", id.to_owned())], None)
}

/// The error of wanting something that a paid invoice does not allow.
pub(super) fn paid_already() -> GatewayError {
    GatewayError::permanent("already_paid", "the invoice is paid")
}
