//! The pay pages, and the calls that follow from them.

use chrono::TimeDelta;
use transport::HttpRequest;
use values::Timestamp;

use super::book::{Book, HASH_VOID, Invoice, NOT_FOUND, Refusal};
use super::form::{Form, with_pairs};
use super::settings::PodSettings;
use crate::{Fault, Faults};

/// What a person does on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Press {
    Pay,
    Decline,
    Leave,
}

impl Press {
    pub(super) fn named(word: &str) -> Option<Press> {
        match word {
            "pay" => Some(Press::Pay),
            "decline" => Some(Press::Decline),
            "leave" => Some(Press::Leave),
            _ => None,
        }
    }
}

/// The invoice that a page is about.
pub(super) fn invoice_of(
    book: &mut Book,
    settings: &PodSettings,
    now: Timestamp,
    page: &str,
    query: &Form,
) -> Result<u64, Refusal> {
    match page.trim_end_matches('/') {
        "payInvoiceByUniqueNumber" => {
            let unique = query.one("uniqueNumber").unwrap_or_default();
            let mut all = book.invoices.values();
            let found = all.find(|invoice| invoice.unique == unique);
            found.map(|invoice| invoice.id).ok_or("صفحه یافت نشد")
        }
        "payinvoice" | "payInvoice" | "biz/payInvoice" => {
            let invoice = book.invoice(query.number("invoiceId"))?;
            Ok(invoice.id)
        }
        "payment" => {
            let hash = query.one("hash").unwrap_or_default();
            let known = book.hashes.get(hash).copied();
            let life = settings.hash_life();
            let fresh = known
                .filter(|(_, since)| since.checked_add_signed(life).is_some_and(|end| now < end));
            fresh.map(|(id, _)| id).ok_or(HASH_VOID)
        }
        _ => Err(NOT_FOUND),
    }
}

/// The page as a person sees it.
pub(super) fn page(invoice: &Invoice) -> String {
    let amount = values::persian_digits(&invoice.payable.to_string());
    format!(
        "<!doctype html><html lang=\"fa\" dir=\"rtl\"><meta charset=\"utf-8\"><title>پرداخت \
         فاکتور</title><h1>{amount} ریال</h1><p>{}</p><form method=\"post\"><button \
         name=\"action\" value=\"pay\">پرداخت</button><button name=\"action\" \
         value=\"decline\">انصراف</button><button name=\"action\" \
         value=\"leave\">ترک</button></form></html>",
        escaped(&invoice.description)
    )
}

/// A page with one sentence.
pub(super) fn sentence(text: &str) -> String {
    format!(
        "<!doctype html><html lang=\"fa\" dir=\"rtl\"><meta charset=\"utf-8\"><p>{}</p></html>",
        escaped(text)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Where the browser goes, if the page was opened with an address to return to.
pub(super) fn way_back(invoice: &Invoice, query: &Form, paid: bool) -> Option<String> {
    let given = query.one("redirectUri").or(invoice.redirect.as_deref());
    given.map(|address| with_pairs(address, &told(invoice, paid)))
}

fn told(invoice: &Invoice, paid: bool) -> Vec<(&'static str, String)> {
    let number = invoice.payment_number.map(|number| number.to_string());
    vec![
        ("billNumber", invoice.bill.clone().unwrap_or_default()),
        ("paymentBillNumber", number.unwrap_or_default()),
        ("invoiceId", invoice.id.to_string()),
        ("paid", paid.to_string()),
        ("terminalId", "1234567".to_owned()),
        ("maskedCardNumber", "603799******1234".to_owned()),
    ]
}

/// A call that is to be made.
pub(super) type Due = (Timestamp, HttpRequest);

/// The calls after a payment; there is none without an address, and none after a failure.
pub(super) fn calls_after(
    faults: &Faults,
    now: Timestamp,
    invoice: &Invoice,
    query: &Form,
) -> Vec<Due> {
    let Some(address) = query.one("callUri").or(query.one("callbackUri")) else {
        return Vec::new();
    };
    let call = get(&with_pairs(address, &told(invoice, true)));
    let later = |length: TimeDelta| now.checked_add_signed(length).unwrap_or(now);
    match faults.at("call") {
        Some(Fault::LostCall | Fault::Outage | Fault::DropBefore) => Vec::new(),
        Some(Fault::DuplicateCall) => vec![(now, call.clone()), (now, call.clone()), (now, call)],
        Some(Fault::ReplayedCall) => vec![(now, call.clone()), (later(TimeDelta::days(30)), call)],
        Some(Fault::ForgedCall) => vec![(now, forged(address, invoice)), (now, call)],
        // The browser's return is the other word of POD, and comes first.
        Some(Fault::ReorderedCalls) => vec![(later(TimeDelta::minutes(10)), call)],
        _ => vec![(now, call)],
    }
}

/// A call of somebody who knows the address: it names another invoice twice and says `paid`.
fn forged(address: &str, invoice: &Invoice) -> HttpRequest {
    let mut pairs = told(invoice, true);
    pairs.push(("billNumber", "forged".to_owned()));
    get(&with_pairs(address, &pairs))
}

/// A call that says `paid` about an invoice that was only just made, to the address that it was
/// made with.
pub(super) fn call_at_making(now: Timestamp, invoice: &Invoice) -> Option<Due> {
    let address = invoice.redirect.as_deref()?;
    Some((now, get(&with_pairs(address, &told(invoice, true)))))
}

fn get(url: &str) -> HttpRequest {
    HttpRequest {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: TimeDelta::seconds(30),
        response_bytes_max: 64 * 1024,
    }
}
