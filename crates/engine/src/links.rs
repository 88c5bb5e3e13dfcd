//! The life of a payment link after it was made: reading it again, and recording what was paid.

use activity::ReceiptRule;
use chrono::TimeDelta;
use host::{Change, Receipt};
use payment::{LinkStatus, PaymentFact, StatusReport};
use persistence::{Row, Table, Write};
use state_machine::{Event, PaymentEvent};
use values::{Fields, LinkId, ReceiptId, Timestamp, Value};

use crate::record::{self, AttentionRow, Cause, HistoryDetail, LinkRow, PaymentRow, ReceiptRow};
use crate::submit::Extra;
use crate::write::Batch;
use crate::{Core, Error, query};

/// Minutes between readings of an open link, the last one for ever (clause 44).
const POLL_MINUTES: [i64; 6] = [1, 5, 15, 60, 180, 720];

/// Hours after expiry at which a link is read again, because a payment may have been under way.
const AFTER_EXPIRY_HOURS: [i64; 3] = [1, 24, 72];

/// When a link is read again; `None` once nothing can happen to it without our hearing of it.
pub(crate) fn next_poll(link: &LinkRow, now: Timestamp) -> Option<Timestamp> {
    if matches!(link.status, LinkStatus::Expired | LinkStatus::Cancelled) {
        let after = |hours: &i64| link.expires_at + TimeDelta::hours(*hours);
        return AFTER_EXPIRY_HOURS.iter().map(after).find(|due| *due > now);
    }
    if link.status.is_closed() {
        return None;
    }
    let step = usize::try_from(link.polls).unwrap_or(usize::MAX);
    let minutes = POLL_MINUTES
        .get(step)
        .or(POLL_MINUTES.last())
        .copied()
        .unwrap_or(720);
    let regular = now + TimeDelta::minutes(minutes);
    // The moment of expiry is never missed.
    if now < link.expires_at {
        Some(regular.min(link.expires_at))
    } else {
        Some(regular)
    }
}

/// What a report changes.
struct Settlement {
    link: LinkRow,
    outcome: Option<String>,
    payment: Option<PaymentFact>,
}

impl Core {
    /// Writes down the provider's word about a link: every payment once, then what became of the link.
    /// All ways in (notice, poll, look-up before a new link) end here.
    pub(crate) async fn settle_link(
        &self,
        id: &LinkId,
        report: &StatusReport,
        source: &str,
    ) -> Result<(), Error> {
        let Some(link) = query::link(self.store.as_ref(), id).await? else {
            return Ok(());
        };
        let _turn = self.locks.lock(&link.item).await;
        self.settle_in_turn(id, report, source).await
    }

    /// The same for a caller who holds the item's turn.
    pub(crate) async fn settle_in_turn(
        &self,
        id: &LinkId,
        report: &StatusReport,
        source: &str,
    ) -> Result<(), Error> {
        for fact in &report.payments {
            self.record_payment(id, fact, report, source).await?;
        }
        self.record_status(id, report, source).await
    }

    async fn record_payment(
        &self,
        id: &LinkId,
        fact: &PaymentFact,
        report: &StatusReport,
        source: &str,
    ) -> Result<(), Error> {
        let Some(link) = query::link(self.store.as_ref(), id).await? else {
            return Ok(());
        };
        let key = record::payment_key(&link.gateway, link.account.as_str(), &fact.transaction);
        if self.store.get(Table::Payments, &key).await?.is_some() {
            return Ok(());
        }
        if fact.amount != link.amount {
            return self.quarantine(&link, fact).await;
        }
        let already = link.status.is_paid();
        let status = match link.status {
            status if status.is_paid() => status,
            LinkStatus::Cancelled => LinkStatus::PaidAfterCancel,
            LinkStatus::Expired => LinkStatus::PaidLate,
            _ if fact.paid_at > link.expires_at => LinkStatus::PaidLate,
            _ => LinkStatus::Paid,
        };
        let outcome = if already {
            "paid_again".to_owned()
        } else {
            status.name().to_owned()
        };
        let link = LinkRow {
            status,
            paid_at: link.paid_at.or(Some(fact.paid_at)),
            tracking_no: link
                .tracking_no
                .clone()
                .or_else(|| fact.tracking_no.clone()),
            ..link
        };
        let settlement = Settlement {
            link,
            outcome: Some(outcome),
            payment: Some(fact.clone()),
        };
        self.commit_settlement(settlement, report, source).await
    }

    async fn record_status(
        &self,
        id: &LinkId,
        report: &StatusReport,
        source: &str,
    ) -> Result<(), Error> {
        let Some(link) = query::link(self.store.as_ref(), id).await? else {
            return Ok(());
        };
        let before = link.status;
        let status = match report.status {
            _ if before.is_closed() => before,
            LinkStatus::Expired
            | LinkStatus::Cancelled
            | LinkStatus::Viewed
            | LinkStatus::Paying => report.status,
            // Paid without a payment proves nothing: it stays open and is read again.
            _ => before,
        };
        let outcome = (status != before).then(|| status.name().to_owned());
        let link = LinkRow {
            status,
            polls: link.polls.saturating_add(1),
            ..link
        };
        let settlement = Settlement {
            link,
            outcome,
            payment: None,
        };
        self.commit_settlement(settlement, report, source).await
    }

    /// Money that does not fit its link is recorded for a person and moves nothing.
    async fn quarantine(&self, link: &LinkRow, fact: &PaymentFact) -> Result<(), Error> {
        let reason = format!("payment {}", fact.transaction);
        let row = AttentionRow {
            item: link.item.clone(),
            code: "amount_mismatch".to_owned(),
            message: format!(
                "transaction {} paid {} for link {} of {}",
                fact.transaction, fact.amount, link.id, link.amount
            ),
            since: self.clock.now(),
        };
        let key = record::attention_key(&link.item, &reason);
        if self.store.get(Table::Attention, &key).await?.is_some() {
            return Ok(());
        }
        let row = Row::open(record::encode(&row)?);
        let writes = vec![Write::Put {
            table: Table::Attention,
            key,
            row,
        }];
        self.commit_beside(&link.item, writes, "quarantined", vec![reason])
            .await
    }

    async fn commit_settlement(
        &self,
        settlement: Settlement,
        report: &StatusReport,
        source: &str,
    ) -> Result<(), Error> {
        let Settlement {
            link,
            outcome,
            payment,
        } = settlement;
        let now = self.clock.now();
        let mut batch = Batch::new(now);
        let mut extra = Extra {
            notes: vec![format!("source {source}")],
            detail: Some(HistoryDetail::Report(Box::new(report.clone()))),
            ..Extra::default()
        };
        let mut set = Fields::new();
        if let Some(fact) = &payment {
            let receipt = link.receipt.as_ref().map(|rule| receipt(&link, rule, fact));
            let key = record::payment_key(&link.gateway, link.account.as_str(), &fact.transaction);
            let row = PaymentRow {
                link: link.id.clone(),
                item: link.item.clone(),
                gateway: link.gateway.clone(),
                account: link.account.clone(),
                fact: fact.clone(),
                receipt: receipt.as_ref().map(|receipt| receipt.id.clone()),
                recorded_at: now,
            };
            let row = Row::open(record::encode(&row)?);
            extra.writes.push(Write::Unique {
                table: Table::Payments,
                key,
                row,
            });
            if let Some(receipt) = receipt {
                extra.writes.push(receipt_write(&link, &receipt)?);
                let field = link.receipt.as_ref().and_then(|rule| rule.field.clone());
                let id = receipt.id.clone();
                extra.host_changes.push(Change::RegisterReceipt { receipt });
                if let Some(field) = field {
                    set.insert(field.clone(), Value::Receipt(id.to_string()));
                    extra
                        .host_changes
                        .push(Change::AttachReceipt { field, receipt: id });
                }
            }
        }
        batch.link(link.clone())?;
        let writes = batch.into_writes();
        let Some(outcome) = outcome else {
            return self.commit_beside_quietly(&link.item, writes).await;
        };
        extra.writes.extend(writes);
        let Some(loaded) = self.load(&link.item).await? else {
            return Err(Error::NotStarted(link.item));
        };
        let workflow = self
            .workflows
            .pinned(&loaded.row.instance.definition)
            .await?;
        let event = Event::Payment(Box::new(PaymentEvent {
            link: link.id.clone(),
            state: link.state.clone(),
            outcome,
            paid_at: payment.as_ref().map(|fact| fact.paid_at),
            tracking_no: payment.and_then(|fact| fact.tracking_no),
            set,
        }));
        self.apply(&workflow, loaded, Cause::Event(event), extra)
            .await
            .map(drop)
    }
}

/// The receipt of a payment. Its number follows from the payment, so a repeat makes the same one.
fn receipt(link: &LinkRow, rule: &ReceiptRule, fact: &PaymentFact) -> Receipt {
    Receipt {
        id: ReceiptId::from(format!(
            "{}-{}-{}",
            link.gateway, link.account, fact.transaction
        )),
        kind: rule.kind.clone(),
        party: link.party.clone(),
        item: link.item.clone(),
        amount: fact.amount,
        account: link.account.clone(),
        gateway: link.gateway.clone(),
        transaction: fact.transaction.clone(),
        tracking_no: fact.tracking_no.clone(),
        paid_at: fact.paid_at,
        approved: rule.approved,
    }
}

fn receipt_write(link: &LinkRow, receipt: &Receipt) -> Result<Write, Error> {
    let row = ReceiptRow {
        receipt: receipt.clone(),
        link: link.id.clone(),
        registered: false,
    };
    Ok(Write::Unique {
        table: Table::Receipts,
        key: receipt.id.as_str().as_bytes().to_vec(),
        row: Row::open(record::encode(&row)?),
    })
}
