//! The status reply, read as the account's options say. What they do not name says nothing.

use serde_json::{Map, Value};
use transport::HttpResponse;
use values::{Currency, Money, Timestamp, Zone, parse_timestamp};

use super::options::{StatusReply, Word};
use super::wire::{Method, accepted, unclear, whole};
use super::{Account, Link};
use crate::{GatewayError, LinkStatus, ListedLink, PaymentFact, StatusReport};

/// What a reply lists.
pub(super) enum Listing {
    /// Nobody has said how it is read.
    Undocumented,
    /// One row for each link, or each of their payments.
    Rows(Vec<Row>),
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// SizPay's number, if the row has one.
    id: Option<u64>,
    /// Whether it must have one.
    id_named: bool,
    invoice_no: Option<String>,
    amount: Option<Money>,
    status: LinkStatus,
    transaction: Option<String>,
    tracking_no: Option<String>,
    paid_at: PaidAt,
    url: Option<String>,
}

/// When a row was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PaidAt {
    /// The reply has no time.
    NotSaid,
    /// It should have one, which cannot be read.
    Unreadable,
    At(Timestamp),
}

impl Account {
    /// Reads a status reply.
    pub(super) fn listing(&self, response: &HttpResponse) -> Result<Listing, GatewayError> {
        accepted(Method::PayStatus, response)?;
        let malformed = |what| unclear(Method::PayStatus, what);
        let body: Value = serde_json::from_slice(&response.body)
            .map_err(|_| malformed("a status reply that is not JSON"))?;
        let Some(reply) = &self.options.status_reply else {
            return Ok(Listing::Undocumented);
        };
        if let Value::Object(members) = &body {
            let code = named(members, "ResCod");
            let good = |code| Word::of(code).is_some_and(|word| reply.answer_codes.contains(&word));
            if let Some(code) = code.filter(|code| !good(code)) {
                let message = named(members, "Message").cloned().unwrap_or_default();
                let Some(number) = whole(code) else {
                    return Err(malformed("a result code that is no number"));
                };
                return Err(self.refusal(Method::PayStatus, &number.to_string(), &message));
            }
        }
        let list = match (&reply.list, &body) {
            (None, list) => Some(list),
            (Some(name), Value::Object(members)) => named(members, name),
            (Some(_), _) => None,
        };
        let Some(Value::Array(rows)) = list else {
            return Err(malformed("a status reply without its list"));
        };
        let zone = self.options.time_zone;
        let rows: Option<Vec<Row>> = rows
            .iter()
            .map(|row| Some(Row::read(reply, row.as_object()?, zone)))
            .collect();
        let rows = rows.ok_or_else(|| malformed("a status row that is no object"))?;
        Ok(Listing::Rows(rows))
    }
}

impl Row {
    fn read(reply: &StatusReply, row: &Map<String, Value>, zone: Zone) -> Row {
        let text = |name: &Option<String>| {
            let value = name.as_deref().and_then(|name| named(row, name))?;
            text_of(value)
        };
        let paid_at = match &reply.paid_at {
            None => PaidAt::NotSaid,
            Some(name) => named(row, name)
                .and_then(Value::as_str)
                .and_then(|text| parse_timestamp(text, &zone).ok())
                .map_or(PaidAt::Unreadable, PaidAt::At),
        };
        let id = reply.id.as_deref().and_then(|name| named(row, name));
        Row {
            id: id.and_then(whole).and_then(|id| u64::try_from(id).ok()),
            id_named: reply.id.is_some(),
            invoice_no: named(row, &reply.invoice_no).and_then(text_of),
            amount: named(row, &reply.amount).and_then(rials),
            status: state(reply, named(row, &reply.status)),
            transaction: named(row, &reply.transaction).and_then(text_of),
            tracking_no: text(&reply.tracking_no),
            paid_at,
            url: text(&reply.url),
        }
    }

    /// Whether the row speaks of that invoice number.
    pub(super) fn is_for(&self, invoice_no: &str) -> bool {
        self.invoice_no.as_deref() == Some(invoice_no)
    }

    /// What makes a row a link that can be adopted: everything that a create would have told.
    pub(super) fn as_made(&self) -> Option<(Option<u64>, &str, Money)> {
        let id = self.id.filter(|id| *id > 0);
        if self.id_named && id.is_none() {
            return None;
        }
        Some((id, self.url.as_deref()?, self.amount?))
    }

    /// The row as a line of the list; none where it names no link.
    pub(super) fn listed(&self) -> Option<ListedLink> {
        let own = || self.id.map(|id| id.to_string());
        Some(ListedLink {
            name: self.invoice_no.clone().or_else(own)?,
            amount: self.amount,
            created_at: None,
            status: self.status,
        })
    }

    /// The payment the row states, if it states all of it.
    fn payment(&self, now: Timestamp) -> Option<PaymentFact> {
        let paid_at = match self.paid_at {
            PaidAt::At(at) => at,
            PaidAt::NotSaid => now,
            PaidAt::Unreadable => return None,
        };
        Some(PaymentFact {
            transaction: self.transaction.clone()?,
            amount: self.amount.filter(Money::is_positive)?,
            paid_at,
            tracking_no: self.tracking_no.clone(),
        })
    }

    /// What the row says about the link: paid only with a whole payment of its amount.
    fn report(&self, link: &Link, now: Timestamp) -> StatusReport {
        let same_amount =
            self.amount.is_some() && link.amount.is_none_or(|it| self.amount == Some(it));
        let paid = self.status.is_paid();
        let payment = self.payment(now).filter(|_| paid);
        let status = match (paid, &payment, same_amount) {
            (true, Some(_), false) => LinkStatus::Quarantined,
            (true, None, _) | (false, _, false) => LinkStatus::Unknown,
            (true, Some(_), true) | (false, _, true) => self.status,
        };
        StatusReport {
            reference: link.reference.clone(),
            status,
            payments: payment.into_iter().collect(),
        }
    }
}

/// What the rows say about a link; none where they do not name it.
pub(super) fn report_of(rows: &[Row], link: &Link, now: Timestamp) -> Option<StatusReport> {
    let ours = |row: &&Row| match (link.send_id, row.id) {
        (Some(known), Some(id)) => known == id,
        _ => row.is_for(&link.invoice_no),
    };
    let mut rows = rows.iter().filter(ours);
    let first = rows.next()?;
    // Two rows that differ, or a row of ours with another's invoice number, prove nothing.
    let clear = first.is_for(&link.invoice_no) && rows.all(|row| row == first);
    if clear {
        return Some(first.report(link, now));
    }
    Some(unknown(link))
}

/// Nobody knows.
pub(super) fn unknown(link: &Link) -> StatusReport {
    StatusReport {
        reference: link.reference.clone(),
        status: LinkStatus::Unknown,
        payments: Vec::new(),
    }
}

/// A status word that is not on a list is not known.
fn state(reply: &StatusReply, value: Option<&Value>) -> LinkStatus {
    let Some(word) = value.and_then(Word::of) else {
        return LinkStatus::Unknown;
    };
    let lists = [
        (&reply.sent_words, LinkStatus::Created),
        (&reply.paid_words, LinkStatus::Paid),
        (&reply.disabled_words, LinkStatus::Cancelled),
        (&reply.paid_disabled_words, LinkStatus::PaidAfterCancel),
    ];
    let found = lists.into_iter().find(|(words, _)| words.contains(&word));
    found.map_or(LinkStatus::Unknown, |(_, status)| status)
}

/// A member whatever its case is; none where two members share the name.
fn named<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let mut found = members
        .iter()
        .filter(|(known, _)| known.eq_ignore_ascii_case(name));
    let (_, value) = found.next()?;
    found.next().is_none().then_some(value)
}

/// A text or a whole number, as text with Latin digits; none where it is empty.
fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => values::latin_digits(text.trim()).into_owned(),
        Value::Number(number) => number.as_u64()?.to_string(),
        _ => return None,
    };
    let usable = !text.is_empty() && text.len() <= 2048;
    (usable && values::has_bidi_or_control(&text).is_none()).then_some(text)
}

/// A whole number of rials; a fraction, an exponent or a unit makes it none.
fn rials(value: &Value) -> Option<Money> {
    let amount = whole(value).filter(|amount| *amount >= 0)?;
    Money::from_minor(i128::from(amount), Currency::Irr).ok()
}
