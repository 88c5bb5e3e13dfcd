//! POD's own list of invoices, for whoever wants to see all that were made for us.

use std::sync::Arc;

use values::Timestamp;

use super::invoice::{Invoice, Standing};
use super::options::Method;
use super::reference::Metadata;
use super::wire::Desk;
use crate::{Conversation, GatewayError, LinkStatus, ListPage, ListSpan, ListedLink};

/// Invoices that one page holds.
const PAGE: usize = 100;

/// One page of the invoices between two moments, the youngest first.
pub(super) fn page(desk: &Arc<Desk>, span: ListSpan, page: Option<&str>) -> Conversation<ListPage> {
    let offset = page.map_or(Some(0), |page| page.parse::<usize>().ok());
    let Some(offset) = offset else {
        return Conversation::failed(GatewayError::permanent(
            "page_not_valid",
            "the list has no such page",
        ));
    };
    let (from, to) = match (desk.jalali_second(span.from), desk.jalali_second(span.to)) {
        (Ok(from), Ok(to)) => (from, to),
        (Err(error), _) | (_, Err(error)) => return Conversation::failed(error),
    };
    let fields = vec![
        ("fromDate", from),
        ("toDate", to),
        ("offset", offset.to_string()),
        ("size", PAGE.to_string()),
    ];
    let request = desk.service(Method::GetInvoiceList, fields, None);
    let reader = Arc::clone(desk);
    Conversation::read(request, move |response| {
        let read = reader.read_list(&response).map(|list| {
            let full = list.len() >= PAGE;
            ListPage {
                links: list.iter().filter_map(|it| listed(&reader, it)).collect(),
                next: full.then(|| offset.saturating_add(PAGE).to_string()),
            }
        });
        Conversation::Ended(read)
    })
}

/// An invoice as a line of the list. One that does not carry what we write into ours is somebody
/// else's, or one that we are to pay.
fn listed(desk: &Desk, invoice: &Invoice) -> Option<ListedLink> {
    let metadata = invoice.text("metadata")?;
    let metadata: Metadata = serde_json::from_str(&metadata).ok()?;
    Some(ListedLink {
        name: metadata.reference,
        amount: invoice.payable(desk.currency),
        created_at: issued_at(invoice),
        status: status(invoice),
    })
}

fn issued_at(invoice: &Invoice) -> Option<Timestamp> {
    invoice.instant("issuanceDate").ok().flatten()
}

fn status(invoice: &Invoice) -> LinkStatus {
    match invoice.standing() {
        Err(_) | Ok(Standing::Waiting) => LinkStatus::Unknown,
        Ok(Standing::Cancelled { paid: true, .. }) => LinkStatus::Refunded,
        Ok(Standing::Cancelled { .. }) => LinkStatus::Cancelled,
        Ok(Standing::Unverified { .. }) => LinkStatus::PaidUnverified,
        Ok(Standing::Reduced) => LinkStatus::Quarantined,
        Ok(Standing::Paid { .. }) => LinkStatus::Paid,
        Ok(Standing::Scheduled { .. }) => LinkStatus::ScheduledFuture,
        Ok(Standing::Open) => LinkStatus::Created,
    }
}
