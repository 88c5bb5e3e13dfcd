//! The shop's invoices and the operations that pay them.

use values::{Money, Timestamp};

use super::wire::guid;
use crate::{LedgerLine, LinkState};

/// Numbers that the provider gives to visits of reusable links begin here, above those of 53 bits.
const FIRST_VISIT: u64 = 9_007_199_254_740_993;

/// One invoice, or one classic link that somebody has opened.
#[derive(Debug, Clone)]
pub(super) struct Invoice {
    /// The shop's number; none for a classic link without one.
    pub(super) number: Option<u64>,
    pub(super) guid: String,
    pub(super) reusable: bool,
    /// The signature of a classic link, which is its only name without a number.
    pub(super) signature: Option<String>,
    pub(super) test: bool,
    pub(super) amount: Money,
    pub(super) description: String,
    pub(super) created: Timestamp,
    pub(super) modified: Timestamp,
    pub(super) expires: Option<Timestamp>,
    pub(super) closed: Option<Timestamp>,
    pub(super) own: Vec<(String, String)>,
    pub(super) success: Option<(String, String)>,
    pub(super) fail: Option<(String, String)>,
    /// How many more questions it is absent for.
    pub(super) hidden: u32,
}

impl Invoice {
    /// Whether its page takes nobody any more, by time or by the shop.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.closed.is_some() || self.expires.is_some_and(|expires| now >= expires)
    }
}

/// One attempt to pay.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) inv_id: u64,
    pub(super) invoice: usize,
    /// 5 begun, 10 given up, 100 done.
    pub(super) state: u8,
    pub(super) at: Timestamp,
    pub(super) amount: Money,
}

impl Operation {
    /// The provider's own key of it.
    pub(super) fn key(&self) -> String {
        guid(&format!("operation {}", self.inv_id)).to_uppercase()
    }
}

/// Why a page takes nobody: the provider's code and words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) u16, pub(super) &'static str);

#[derive(Debug)]
pub(super) struct Book {
    pub(super) invoices: Vec<Invoice>,
    pub(super) operations: Vec<Operation>,
    /// Second receipts: their number, and the operation's.
    pub(super) receipts: Vec<(String, String)>,
    next_visit: u64,
}

impl Book {
    pub(super) fn new() -> Book {
        Book {
            invoices: Vec::new(),
            operations: Vec::new(),
            receipts: Vec::new(),
            next_visit: FIRST_VISIT,
        }
    }

    pub(super) fn numbered(&self, number: u64) -> Option<usize> {
        self.invoices
            .iter()
            .position(|invoice| invoice.number == Some(number))
    }

    pub(super) fn is_paid(&self, index: usize) -> bool {
        let mut operations = self.operations.iter();
        operations.any(|operation| operation.invoice == index && operation.state == 100)
    }

    /// Whether a visitor may pay, or go on with a payment that began in time.
    pub(super) fn open(&self, now: Timestamp, index: usize) -> Result<&Invoice, Refusal> {
        let Some(invoice) = self.invoices.get(index) else {
            return Err(Refusal(53, "the invoice is not found"));
        };
        if !invoice.reusable && self.is_paid(index) {
            return Err(Refusal(52, "the invoice is paid already"));
        }
        let begun = self.begun(index).is_some();
        if invoice.is_over(now) && !begun {
            return Err(Refusal(51, "the invoice has expired"));
        }
        Ok(invoice)
    }

    fn begun(&self, index: usize) -> Option<usize> {
        let mut operations = self.operations.iter();
        operations.position(|operation| operation.invoice == index && operation.state == 5)
    }

    /// Moves the payment of a visitor to a state; the number it has.
    pub(super) fn moves(
        &mut self,
        now: Timestamp,
        index: usize,
        state: u8,
    ) -> Result<u64, Refusal> {
        let invoice = self.open(now, index)?;
        let (amount, number, reusable) = (invoice.amount, invoice.number, invoice.reusable);
        let existing = self.begun(index).or_else(|| {
            let mut operations = self.operations.iter();
            let again = operations.position(|operation| operation.invoice == index);
            again.filter(|_| !reusable)
        });
        if let Some(operation) = existing.and_then(|place| self.operations.get_mut(place)) {
            operation.state = state;
            operation.at = now;
            return Ok(operation.inv_id);
        }
        let inv_id = match number {
            Some(number) if !reusable => number,
            _ => {
                self.next_visit = self.next_visit.saturating_add(1);
                self.next_visit
            }
        };
        self.operations.push(Operation {
            inv_id,
            invoice: index,
            state,
            at: now,
            amount,
        });
        Ok(inv_id)
    }

    /// The operation of a number, with its invoice.
    pub(super) fn operation(&self, inv_id: u64) -> Option<(&Operation, &Invoice)> {
        let mut operations = self.operations.iter();
        let operation = operations.find(|operation| operation.inv_id == inv_id)?;
        Some((operation, self.invoices.get(operation.invoice)?))
    }

    pub(super) fn ledger(&self, now: Timestamp) -> Vec<LedgerLine> {
        let lines = self.invoices.iter().enumerate();
        lines
            .map(|(index, invoice)| self.line(now, index, invoice))
            .collect()
    }

    fn line(&self, now: Timestamp, index: usize, invoice: &Invoice) -> LedgerLine {
        let done = |operation: &&Operation| operation.invoice == index && operation.state == 100;
        let payments = self.operations.iter().filter(done);
        let live = self.open(now, index).is_ok();
        LedgerLine {
            order_no: invoice
                .number
                .map(|number| number.to_string())
                .unwrap_or_default(),
            provider_id: invoice.guid.clone(),
            amount: invoice.amount,
            created_at: invoice.created,
            state: if live {
                LinkState::Live
            } else {
                LinkState::Closed
            },
            payments: payments
                .map(|paid| (paid.inv_id.to_string(), paid.amount, paid.at))
                .collect(),
            refunded: None,
            texts: 0,
        }
    }
}
