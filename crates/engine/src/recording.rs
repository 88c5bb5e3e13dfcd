//! Payments that a person knows of: from a bank statement, a card slip, a provider's own pages.

use payment::{LinkStatus, PaymentFact, StatusReport, Usage};
use persistence::Table;
use values::{LinkId, Money, Timestamp, UserId};

use crate::command::refuse;
use crate::record::{self, LinkRow, PaymentRow};
use crate::settlement::settled;
use crate::{Core, Engine, Error, links};

/// A payment as a person knows it: from a bank statement, a card slip, the provider's own pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedPayment {
    /// The number of the transaction; with gateway and account it counts once for ever.
    pub transaction: String,
    /// What was paid.
    pub amount: Money,
    /// When.
    pub paid_at: Timestamp,
    /// What the payer has as tracking number.
    pub tracking_no: Option<String>,
    /// Who records it.
    pub by: UserId,
    /// On what evidence.
    pub note: String,
}

impl Engine {
    /// Records a payment on a person's evidence. It takes the same way as a provider's word: it counts
    /// once, makes its receipt and moves the item.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `transaction_missing`, `amount_not_positive`, `amount_currency`,
    /// `paid_in_future`, `transaction_reused` or `reusable_amount`; with `link_settled` when the link is paid:
    /// see [`Engine::record_further_payment`]; else as [`Engine::check_link`].
    pub async fn record_payment(
        &self,
        id: &LinkId,
        payment: RecordedPayment,
    ) -> Result<LinkRow, Error> {
        self.core.record_by_hand(id, payment, links::RECORDED).await
    }

    /// Records a payment that came beside the one that has settled a one-time link, whatever its amount is:
    /// the person says that it is another payment, and not the same one under another number. It counts once
    /// and makes a receipt of its own; the item hears `paid_again`, and the attention list has it, because
    /// nobody has asked for that money.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `link_not_settled` while the link is not paid; else as [`Engine::record_payment`].
    pub async fn record_further_payment(
        &self,
        id: &LinkId,
        payment: RecordedPayment,
    ) -> Result<LinkRow, Error> {
        self.core.record_by_hand(id, payment, links::FURTHER).await
    }
}

/// What a person's evidence says of the link: a part, the whole, or more.
fn recorded_as(link: &LinkRow, fact: &PaymentFact) -> LinkStatus {
    let total = match link.received {
        Some(before) => before.checked_add(&fact.amount).ok(),
        None => Some(fact.amount),
    };
    match total.and_then(|total| total.compare(&link.amount).ok()) {
        Some(std::cmp::Ordering::Less) => LinkStatus::PartiallyPaid,
        Some(std::cmp::Ordering::Greater) => LinkStatus::Overpaid,
        _ => LinkStatus::Paid,
    }
}

impl Core {
    /// Checks it, writes down who records it, and settles it like any other word.
    async fn record_by_hand(
        &self,
        id: &LinkId,
        payment: RecordedPayment,
        how: &str,
    ) -> Result<LinkRow, Error> {
        let link = self.link_of(id).await?;
        let known = self.check_recorded(&link, &payment).await?;
        match (settled(&link), how == links::FURTHER) {
            (true, false) if !known => {
                let message = format!("link {id} is paid: say so if this is a further payment");
                return refuse("link_settled", message);
            }
            (false, true) => {
                let message = format!("link {id} is not paid: this is its payment");
                return refuse("link_not_settled", message);
            }
            _ => {}
        }
        let fact = PaymentFact {
            transaction: payment.transaction.trim().to_owned(),
            amount: payment.amount,
            paid_at: payment.paid_at,
            tracking_no: payment.tracking_no.clone(),
        };
        let notes = vec![
            format!("{} {}", fact.transaction, fact.amount),
            payment.note.clone(),
        ];
        let link = self.noted(id, &payment.by, "record_payment", notes).await?;
        let report = StatusReport {
            reference: link.reference.clone(),
            status: recorded_as(&link, &fact),
            payments: vec![fact],
        };
        let source = format!("{how} {}", payment.by);
        self.settle_link(id, &report, &source).await?;
        self.link_of(id).await
    }

    /// Whether that payment is in our book already.
    async fn check_recorded(
        &self,
        link: &LinkRow,
        payment: &RecordedPayment,
    ) -> Result<bool, Error> {
        let transaction = payment.transaction.trim();
        if transaction.is_empty() {
            return refuse(
                "transaction_missing",
                "a payment needs its transaction number",
            );
        }
        if !payment.amount.is_positive() {
            return refuse("amount_not_positive", "a payment is more than nothing");
        }
        if payment.amount.currency() != link.amount.currency() {
            let message = format!("link {} asks for {}", link.id, link.amount);
            return refuse("amount_currency", message);
        }
        if link.usage == Usage::Reusable && payment.amount != link.amount {
            let message = format!("each payment of link {} is {}", link.id, link.amount);
            return refuse("reusable_amount", message);
        }
        if payment.paid_at > self.clock.now() {
            return refuse("paid_in_future", "it cannot have been paid in the future");
        }
        let key = record::payment_key(&link.gateway, link.account.as_str(), transaction);
        let Some(row) = self.store.get(Table::Payments, &key).await? else {
            if self.is_registered(&link.account, transaction).await? {
                let message = format!("transaction {transaction} has a receipt without a link");
                return refuse("transaction_reused", message);
            }
            return Ok(false);
        };
        let known: PaymentRow = record::decode(&row.open)?;
        if known.link == link.id && known.fact.amount == payment.amount {
            // The same once more: the answer is the same.
            return Ok(true);
        }
        let message = format!(
            "transaction {transaction} was recorded for link {}",
            known.link
        );
        refuse("transaction_reused", message)
    }
}
