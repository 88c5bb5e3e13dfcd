//! What has become of a link: the state of its operation first, because that is where money shows, and
//! the list where that says nothing.

use std::sync::Arc;

use values::Timestamp;

use super::codes;
use super::invoice::{self, Listing, Row, RowStatus, Search, Word};
use super::name::LinkName;
use super::operation_state::{self, Operation, State};
use super::settings::{Interface, Shop};
use super::text::{day, days_from, moscow_day};
use crate::{
    Conversation, CreatedLink, ErrorClass, Found, GatewayError, LinkRequest, LinkStatus,
    PaymentFact, StatusReport,
};

/// Makes an invoice. A refusal is looked into: the number may have been taken by an attempt of ours
/// whose answer was lost.
pub(super) fn create(
    shop: &Arc<Shop>,
    now: Timestamp,
    request: &LinkRequest,
) -> Conversation<CreatedLink> {
    let name = LinkName::new(shop, request).made_at(now);
    let asked = match invoice::create_request(shop, request, &name) {
        Ok(asked) => asked,
        Err(error) => return Conversation::failed(error),
    };
    let shop = Arc::clone(shop);
    Conversation::change(asked, move |response| {
        let reference = name.reference.clone();
        match invoice::created(&shop, name, &response) {
            Ok(Word::Done(link)) => Conversation::done(link),
            Ok(Word::Refused(words)) => refused(&shop, now, &reference, words),
            Err(error) => Conversation::failed(error),
        }
    })
}

fn refused(
    shop: &Arc<Shop>,
    now: Timestamp,
    reference: &str,
    words: String,
) -> Conversation<CreatedLink> {
    if let Some(error) = codes::error_of(words.trim()) {
        return Conversation::failed(error);
    }
    let words = shown(shop, &words);
    let duplicate = GatewayError {
        provider_code: words.clone(),
        ..GatewayError::permanent(
            crate::DUPLICATE_REFERENCE,
            "the provider already has an invoice under this number",
        )
    };
    if words.as_deref().is_some_and(says_duplicate) {
        return Conversation::failed(duplicate);
    }
    // Whether the number is taken decides what the refusal means.
    let looked = find(shop, now, reference).or_else(|error| {
        Conversation::Ended(match error.class {
            ErrorClass::Permanent => Ok(Found::CannotTell),
            _ => Err(GatewayError {
                class: ErrorClass::Ambiguous,
                ..error
            }),
        })
    });
    looked.and_then(move |found| {
        let refusal =
            GatewayError::permanent("refused", "the provider refuses to make the invoice");
        Conversation::failed(match found {
            Found::Link(_) => duplicate,
            _ => GatewayError {
                provider_code: words,
                ..refusal
            },
        })
    })
}

/// The provider documents no code for a number that is taken; these words say so in both languages.
fn says_duplicate(words: &str) -> bool {
    let words = words.to_lowercase();
    let number = ["invid", "invoice", "счет", "счёт", "номер"];
    let taken = [
        "already",
        "exist",
        "duplicate",
        "unique",
        "уже",
        "существует",
        "уникальн",
    ];
    let any = |list: &[&str]| list.iter().any(|word| words.contains(word));
    any(&number) && any(&taken)
}

/// The provider's words as far as they may be shown: short, one line, and without a secret.
fn shown(shop: &Shop, words: &str) -> Option<String> {
    let secret = [&shop.password1, &shop.password2]
        .iter()
        .any(|secret| words.contains(secret.reveal()));
    let plain: String = words
        .chars()
        .filter(|c| !c.is_control())
        .take(120)
        .collect();
    (!secret && !plain.is_empty()).then_some(plain)
}

/// Looks a reference up. The classic link is known to the provider only when somebody pays.
pub(super) fn find(shop: &Arc<Shop>, now: Timestamp, reference: &str) -> Conversation<Found> {
    let inv_id = shop.order_no(reference);
    if shop.options.test {
        return Conversation::done(Found::CannotTell);
    }
    if shop.options.interface == Interface::Classic {
        return operation_state::ask(shop, &inv_id).and_then(|operation| {
            Conversation::done(match operation {
                Operation::Absent => Found::NotFound,
                _ => Found::CannotTell,
            })
        });
    }
    let search = Search {
        from: days_from(now, -i64::from(shop.options.lookup_days)),
        to: days_from(now, 2),
        wanted: vec![inv_id],
    };
    let reference = reference.to_owned();
    let seen_by = Arc::clone(shop);
    invoice::list(Arc::clone(shop), search)
        .and_then(move |listing| Conversation::done(found(&seen_by, &reference, listing)))
}

fn found(shop: &Shop, reference: &str, listing: Listing) -> Found {
    let [row] = listing.rows.as_slice() else {
        let none = listing.complete && listing.rows.is_empty();
        return if none {
            Found::NotFound
        } else {
            Found::CannotTell
        };
    };
    let url = row.url.as_ref().filter(|url| shop.is_pay_url(url));
    let (true, Some(url)) = (row.is_of(reference), url) else {
        return Found::CannotTell;
    };
    let name = LinkName {
        reference: reference.to_owned(),
        inv_id: row.inv_id.clone(),
        via: Interface::InvoiceApi,
        id: row.id.clone(),
        until: None,
        made_on: row.created.map(moscow_day),
        reusable: false,
    };
    let known = LinkName::from_own(&row.own, &row.inv_id, Interface::InvoiceApi);
    let (until, reusable) = known.map_or((None, false), |known| (known.until, known.reusable));
    Found::Link(CreatedLink {
        provider_ref: LinkName {
            until,
            reusable,
            ..name
        }
        .provider_ref(),
        url: url.clone(),
        url_valid_until: None,
        amount: row.amount,
    })
}

/// Reads one link.
pub(super) fn status(
    shop: &Arc<Shop>,
    now: Timestamp,
    name: LinkName,
) -> Conversation<StatusReport> {
    if shop.options.test {
        // The provider answers no question in test mode.
        return Conversation::done(report(&name, LinkStatus::Unknown));
    }
    let shop = Arc::clone(shop);
    operation_state::ask(&shop, &name.inv_id)
        .and_then(move |operation| judged(&shop, now, name, operation, None))
}

fn report(name: &LinkName, status: LinkStatus) -> StatusReport {
    StatusReport {
        reference: name.reference.clone(),
        status,
        payments: Vec::new(),
    }
}

/// How many payments have begun under a number, none of them done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    None,
    One,
    /// Two operations, of which the provider tells nothing.
    Two,
}

/// What an operation makes of its link; the list is asked where the operation leaves it open.
fn judged(
    shop: &Arc<Shop>,
    now: Timestamp,
    name: LinkName,
    operation: Operation,
    row: Option<Row>,
) -> Conversation<StatusReport> {
    let begun = match operation {
        Operation::Known(state) => match closed(&name, &state) {
            Some(report) => return Conversation::done(report),
            None if state.code == "5" => Begun::One,
            None => Begun::None,
        },
        Operation::Absent => Begun::None,
        Operation::Doubled => Begun::Two,
    };
    if name.via == Interface::Classic {
        let status = match (name.is_over(now), begun) {
            (_, Begun::Two) => LinkStatus::Unknown,
            (true, Begun::One) => LinkStatus::Expiring,
            (true, Begun::None) => LinkStatus::Expired,
            (false, Begun::One) => LinkStatus::Paying,
            (false, Begun::None) => LinkStatus::Created,
        };
        return Conversation::done(report(&name, status));
    }
    if let Some(row) = row {
        let status = listed(now, &name, Some(&row), begun);
        return Conversation::done(report(&name, status));
    }
    let search = Search {
        wanted: vec![name.inv_id.clone()],
        ..around(shop, now, std::slice::from_ref(&name))
    };
    invoice::list(Arc::clone(shop), search).and_then(move |listing| {
        let row = listing.rows.first().filter(|_| listing.rows.len() == 1);
        let status = if listing.complete && listing.rows.len() < 2 {
            listed(now, &name, row, begun)
        } else {
            LinkStatus::Unknown
        };
        Conversation::done(report(&name, status))
    })
}

/// The report where the operation itself settles it; `None` where nothing was paid yet.
fn closed(name: &LinkName, state: &State) -> Option<StatusReport> {
    let foreign = state
        .own
        .get(super::name::OWN_REFERENCE)
        .is_some_and(|reference| *reference != name.reference);
    if foreign {
        return Some(report(name, LinkStatus::Unknown));
    }
    let status = match state.code.as_str() {
        "5" | "10" => return None,
        "20" => LinkStatus::Held,
        "50" => LinkStatus::Paying,
        "60" => LinkStatus::Refunded,
        "100" => return Some(paid(name, state)),
        _ => LinkStatus::Unknown,
    };
    Some(report(name, status))
}

/// The report of a payment; without a sum or a time that can be read there is none.
fn paid(name: &LinkName, state: &State) -> StatusReport {
    let (Some(amount), Some(paid_at)) = (state.out_sum, state.at) else {
        return report(name, LinkStatus::Unknown);
    };
    payment(
        name,
        PaymentFact {
            transaction: name.inv_id.clone(),
            amount,
            paid_at,
            tracking_no: state.key.clone(),
        },
    )
}

/// The report of one payment. A link that may be paid again stays open.
pub(super) fn payment(name: &LinkName, fact: PaymentFact) -> StatusReport {
    let status = match (name.reusable, name.is_over(fact.paid_at)) {
        (true, _) => LinkStatus::Created,
        (false, true) => LinkStatus::PaidLate,
        (false, false) => LinkStatus::Paid,
    };
    StatusReport {
        payments: vec![fact],
        ..report(name, status)
    }
}

/// What the list says of a link on which no money has moved.
fn listed(now: Timestamp, name: &LinkName, row: Option<&Row>, begun: Begun) -> LinkStatus {
    let Some(row) = row.filter(|row| row.is_of(&name.reference)) else {
        // A link that the list has lost can be paid as long as its time lasts.
        let over = row.is_none() && name.is_over(now) && begun == Begun::None;
        return if over {
            LinkStatus::Expired
        } else {
            LinkStatus::Unknown
        };
    };
    match row.status {
        RowStatus::NotPaid if begun == Begun::One => LinkStatus::Paying,
        RowStatus::NotPaid => LinkStatus::Created,
        // One of two may be paid.
        RowStatus::Expired if begun == Begun::Two => LinkStatus::Unknown,
        RowStatus::Expired if begun == Begun::One => LinkStatus::Expiring,
        RowStatus::Expired if closed_early(now, name, row) => LinkStatus::Cancelled,
        RowStatus::Expired => LinkStatus::Expired,
        // Money without an operation that shows it is no evidence.
        RowStatus::Paid | RowStatus::Unknown => LinkStatus::Unknown,
    }
}

/// Whether an invoice was closed before its time was up: nobody but us does that.
fn closed_early(now: Timestamp, name: &LinkName, row: &Row) -> bool {
    let Some(until) = name.until else {
        return false;
    };
    let touched = row
        .modified
        .filter(|modified| row.created.is_some_and(|created| created < *modified));
    now < until || touched.is_some_and(|modified| modified < until)
}

/// The days in which links were made, with room for time zones.
fn around(shop: &Shop, now: Timestamp, names: &[LinkName]) -> Search {
    let far = days_from(now, -i64::from(shop.options.lookup_days));
    let days = || {
        names
            .iter()
            .map(|name| name.made_on.as_deref().and_then(day))
    };
    let first = days().map(|day| day.unwrap_or(far)).min().unwrap_or(far);
    let last = days().map(|day| day.unwrap_or(now)).max().unwrap_or(now);
    Search {
        from: days_from(first, -1),
        to: days_from(last, 2),
        wanted: names.iter().map(|name| name.inv_id.clone()).collect(),
    }
}

/// Reads many invoices by one look through the list; only those that are more than unpaid are asked
/// for one by one.
pub(super) fn status_many(
    shop: &Arc<Shop>,
    now: Timestamp,
    names: Vec<LinkName>,
) -> Conversation<Vec<StatusReport>> {
    let search = around(shop, now, &names);
    let shop = Arc::clone(shop);
    invoice::list(Arc::clone(&shop), search).and_then(move |listing| {
        let row = |name: &LinkName| {
            let mut rows = listing.rows.iter().filter(|row| row.inv_id == name.inv_id);
            let row = rows.next().cloned();
            row.filter(|row| rows.next().is_none() && row.is_of(&name.reference))
        };
        let listed = names
            .into_iter()
            .filter_map(|name| Some((row(&name)?, name)))
            .collect();
        each(shop, now, listed, Vec::new())
    })
}

fn each(
    shop: Arc<Shop>,
    now: Timestamp,
    mut left: Vec<(Row, LinkName)>,
    mut reports: Vec<StatusReport>,
) -> Conversation<Vec<StatusReport>> {
    while let Some((row, name)) = left.pop() {
        if row.status == RowStatus::NotPaid {
            reports.push(report(&name, LinkStatus::Created));
            continue;
        }
        let asked = operation_state::ask(&shop, &name.inv_id);
        let judge = Arc::clone(&shop);
        return asked
            .and_then(move |operation| judged(&judge, now, name, operation, Some(row)))
            .and_then(move |report| {
                reports.push(report);
                each(shop, now, left, reports)
            });
    }
    Conversation::done(reports)
}

/// Closes an invoice. A refusal is looked into: it may be closed already.
pub(super) fn deactivate(shop: &Arc<Shop>, now: Timestamp, name: LinkName) -> Conversation<()> {
    let request = invoice::deactivate_request(shop, &name.inv_id);
    let shop = Arc::clone(shop);
    Conversation::change(request, move |response| {
        match invoice::deactivated(&response) {
            Ok(Word::Done(())) => Conversation::done(()),
            Err(error) => Conversation::failed(error),
            Ok(Word::Refused(words)) => {
                let words = shown(&shop, &words);
                status(&shop, now, name).and_then(move |report| {
                    Conversation::Ended(closed_already(report.status, words))
                })
            }
        }
    })
}

fn closed_already(status: LinkStatus, words: Option<String>) -> Result<(), GatewayError> {
    if status.is_paid() {
        return Err(GatewayError::permanent(
            "already_paid",
            "the invoice is paid",
        ));
    }
    if status.is_closed() {
        return Ok(());
    }
    Err(GatewayError {
        provider_code: words,
        ..GatewayError::permanent(
            "deactivation_refused",
            "the provider does not close the invoice",
        )
    })
}
