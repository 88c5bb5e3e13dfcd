//! An invoice as POD tells it, and what it means for a link.

use std::collections::BTreeMap;

use chrono::DateTime;
use serde_json::value::RawValue;
use values::{Currency, Money, Timestamp, parse_decimal};

use super::options::Waiting;
use super::reference::LinkName;
use crate::{LinkStatus, PaymentFact, StatusReport};

/// An invoice: any field may be missing, and numbers keep their text.
#[derive(Debug)]
pub(super) struct Invoice(BTreeMap<String, Box<RawValue>>);

/// A field that is there and is not what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unclear;

/// What an invoice says about its money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Voided, or its money given back.
    Cancelled { paid: bool, at: Option<Timestamp> },
    /// Paid, and it waits for our word.
    Unverified {
        /// When.
        at: Option<Timestamp>,
    },
    /// Paid and made smaller afterwards.
    Reduced,
    /// Paid.
    Paid { at: Timestamp },
    /// Money is set aside for it, until a day where POD names one.
    Scheduled { on: Option<Timestamp> },
    /// A payment may have begun.
    Waiting,
    /// It can be paid.
    Open,
}

impl Invoice {
    /// An invoice from its JSON text.
    pub(super) fn parse(text: &str) -> Option<Invoice> {
        serde_json::from_str(text).ok().map(Invoice)
    }

    /// Invoices from the JSON text of a list; `null` is an empty one.
    pub(super) fn parse_list(text: &str) -> Option<Vec<Invoice>> {
        let list: Option<Vec<BTreeMap<String, Box<RawValue>>>> = serde_json::from_str(text).ok()?;
        Some(list.unwrap_or_default().into_iter().map(Invoice).collect())
    }

    fn raw(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name).map(|raw| raw.get());
        text.filter(|text| *text != "null")
    }

    /// A text or a number, as text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let raw = self.raw(name)?;
        if raw.starts_with('"') {
            let text: String = serde_json::from_str(raw).ok()?;
            return Some(text).filter(|text| !text.is_empty());
        }
        let number = !raw.starts_with(['{', '[', 't', 'f']);
        number.then(|| raw.to_owned())
    }

    /// Its id: digits and nothing else.
    pub(super) fn id(&self) -> Option<String> {
        self.text("id").filter(|id| is_number(id))
    }

    /// Whether it is so, under any of these names; missing is no.
    fn flag(&self, names: &[&str]) -> Result<bool, Unclear> {
        let mut any = false;
        for raw in names.iter().filter_map(|name| self.raw(name)) {
            any |= match raw {
                "true" => true,
                "false" => false,
                _ => return Err(Unclear),
            };
        }
        Ok(any)
    }

    /// An instant in milliseconds; zero and missing are none.
    pub(super) fn instant(&self, name: &str) -> Result<Option<Timestamp>, Unclear> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let milliseconds: i64 = text.parse().map_err(|_| Unclear)?;
        if milliseconds == 0 {
            return Ok(None);
        }
        let at = DateTime::from_timestamp_millis(milliseconds);
        at.map(Some).ok_or(Unclear)
    }

    /// What is to pay: a plain number of whole rials.
    pub(super) fn payable(&self, currency: Currency) -> Option<Money> {
        let text = self.text("payableAmount")?;
        let rials = Money::new(parse_decimal(&text).ok()?, Currency::Irr).ok()?;
        rials.convert_to(currency).ok()
    }

    /// What it says about its money; the first row that fits.
    pub(super) fn standing(&self) -> Result<Standing, Unclear> {
        let paid_at = self.instant("paymentDate")?;
        if self.flag(&["canceled", "isCanceled", "cancelled"])? {
            let at = self.instant("cancelDate")?;
            let paid = paid_at.is_some();
            return Ok(Standing::Cancelled { paid, at });
        }
        if self.flag(&["payed", "isPayed", "paid"])? {
            let verified = self.instant("verificationDate")?.is_some();
            if self.flag(&["verificationNeeded"])? && !verified {
                return Ok(Standing::Unverified { at: paid_at });
            }
            if self.flag(&["edited", "isEdited"])? {
                return Ok(Standing::Reduced);
            }
            let at = paid_at.ok_or(Unclear)?;
            return Ok(Standing::Paid { at });
        }
        let on = self.instant("willBePaidAt")?;
        if on.is_some() || self.flag(&["willBePaid", "willBeBlocked"])? {
            return Ok(Standing::Scheduled { on });
        }
        if self.flag(&["waiting", "isWaiting"])? {
            return Ok(Standing::Waiting);
        }
        Ok(Standing::Open)
    }

    /// Whether a verified or paid invoice is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.flag(&["closed", "isClosed"]).unwrap_or(false)
    }

    /// Whether it is this link's: every name that it has must be the link's.
    pub(super) fn is_of(&self, link: &LinkName) -> bool {
        let same = |name: &str, ours: &Option<String>| match (self.text(name), ours) {
            (Some(theirs), Some(ours)) => theirs == *ours,
            _ => true,
        };
        self.id().as_deref() == Some(link.invoice_id.as_str())
            && same("billNumber", &link.bill_number)
            && same("uniqueNumber", &link.unique_number)
    }

    /// What it means for a link of ours. An amount that cannot be read proves nothing, and one that is
    /// not the one asked for is left to a person.
    pub(super) fn report(&self, link: &LinkName, waiting: Waiting) -> StatusReport {
        let late = |at: Timestamp| link.expires_at.is_some_and(|expiry| at >= expiry);
        let mut payments = Vec::new();
        let status = match self.standing() {
            Err(Unclear) => LinkStatus::Unknown,
            Ok(Standing::Cancelled { paid: true, .. }) => LinkStatus::Refunded,
            Ok(Standing::Cancelled { at: Some(at), .. }) if late(at) => LinkStatus::Expired,
            Ok(Standing::Cancelled { .. }) => LinkStatus::Cancelled,
            Ok(Standing::Unverified { at }) => {
                // Named so that it can be compared before it is taken; it is no money yet.
                payments.extend(at.and_then(|at| self.payment(link, at)));
                LinkStatus::PaidUnverified
            }
            Ok(Standing::Reduced) => LinkStatus::Quarantined,
            Ok(Standing::Paid { at }) => match self.payment(link, at) {
                None => LinkStatus::Unknown,
                Some(payment) => {
                    let whole = link.amount == Some(payment.amount);
                    payments.push(payment);
                    match (whole, late(at)) {
                        (false, _) => LinkStatus::Quarantined,
                        (true, true) => LinkStatus::PaidLate,
                        (true, false) => LinkStatus::Paid,
                    }
                }
            },
            Ok(Standing::Scheduled { .. }) => LinkStatus::ScheduledFuture,
            Ok(Standing::Waiting) => waiting.status(),
            Ok(Standing::Open) => LinkStatus::Created,
        };
        StatusReport {
            reference: link.reference.clone(),
            status,
            payments,
        }
    }

    /// The payment. An invoice is paid once, so its id names the transaction for ever; POD's own
    /// numbers of it may come later or not at all.
    fn payment(&self, link: &LinkName, paid_at: Timestamp) -> Option<PaymentFact> {
        let amount = self.payable(link.amount?.currency())?;
        let tracking = ["paymentBillNumber", "referenceNumber", "trackerId"];
        amount.is_positive().then(|| PaymentFact {
            transaction: link.invoice_id.clone(),
            amount,
            paid_at,
            tracking_no: tracking.iter().find_map(|name| {
                let text = self.text(name);
                text.filter(|number| number != "0")
            }),
        })
    }
}

/// Latin digits and nothing else, not too many.
pub(super) fn is_number(text: &str) -> bool {
    (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
