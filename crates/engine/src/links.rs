//! The life of a payment link after it was made: reading it again, and recording what was paid.

use activity::ReceiptRule;
use chrono::TimeDelta;
use host::{Change, Receipt};
use payment::{LinkStatus, PaymentFact, StatusReport};
use persistence::{Row, Table, Write};
use state_machine::{Event, PaymentEvent};
use values::{Fields, LinkId, ReceiptId, Timestamp, Value};

use crate::abandoned::abandoned_reason;
use crate::record::{self, AttentionRow, Cause, HistoryDetail, LinkRow, PaymentRow, ReceiptRow};
use crate::submit::Extra;
use crate::write::Batch;
use crate::{Core, Error, query};

/// Minutes between readings of an open link, the last one for ever (clause 44).
const POLL_MINUTES: [i64; 6] = [1, 5, 15, 60, 180, 720];

/// Hours after expiry at which a link is read again, because a payment may have been under way.
const AFTER_EXPIRY_HOURS: [i64; 3] = [1, 24, 72];

/// Minutes after which a reading that failed is made again.
const AFTER_FAILURE_MINUTES: i64 = 5;

/// The source of what a regular reading says.
pub(crate) const POLL: &str = "poll";

/// When a link is read again; `None` once nothing can happen to it without our hearing of it.
pub(crate) fn next_poll(link: &LinkRow, now: Timestamp) -> Option<Timestamp> {
    if matches!(link.status, LinkStatus::Expired | LinkStatus::Cancelled) {
        let after = |hours: &i64| link.expires_at + TimeDelta::hours(*hours);
        return AFTER_EXPIRY_HOURS.iter().map(after).find(|due| *due > now);
    }
    if link.status.is_closed() {
        return None;
    }
    if now >= link.expires_at {
        // The gateway has not closed it yet: this is the moment to look often.
        let after = |minutes: &i64| link.expires_at + TimeDelta::minutes(*minutes);
        let due = POLL_MINUTES.iter().map(after).find(|due| *due > now);
        return due.or(Some(regular(POLL_MINUTES.len(), now)));
    }
    // The moment of expiry is never missed.
    let step = usize::try_from(link.polls).unwrap_or(usize::MAX);
    Some(regular(step, now).min(link.expires_at))
}

fn regular(step: usize, now: Timestamp) -> Timestamp {
    let minutes = POLL_MINUTES.get(step).or(POLL_MINUTES.last());
    now + TimeDelta::minutes(minutes.copied().unwrap_or(720))
}

/// When a link is read again whose reading has failed: soon, for its moment may have been this one.
pub(crate) fn poll_after_failure(
    link: &LinkRow,
    now: Timestamp,
    asked: Option<TimeDelta>,
) -> Timestamp {
    let soon = TimeDelta::minutes(AFTER_FAILURE_MINUTES);
    let wait = asked.unwrap_or(soon);
    let due = now + wait.clamp(TimeDelta::minutes(1), TimeDelta::hours(1));
    if now < link.expires_at {
        due.min(link.expires_at)
    } else {
        due
    }
}

/// What a report changes.
struct Settlement {
    link: LinkRow,
    outcome: Option<String>,
    /// Payments that are new, and whether each is the first of its link.
    payments: Vec<(PaymentFact, bool)>,
    /// What a person must look at: a reason and the row.
    troubles: Vec<(String, AttentionRow)>,
}

impl Settlement {
    /// Takes in a payment that fits the link and is not known yet.
    fn pay(&mut self, fact: &PaymentFact, reported: LinkStatus) {
        let first = !self.link.status.is_paid();
        self.payments.push((fact.clone(), first));
        if !first {
            self.outcome.get_or_insert_with(|| "paid_again".to_owned());
            return;
        }
        let status = paid_as(&self.link, fact, reported);
        self.outcome = Some(status.name().to_owned());
        self.link.status = status;
        self.link.paid_at = Some(fact.paid_at);
        self.link.tracking_no.clone_from(&fact.tracking_no);
    }

    /// Takes in a status that is not about money.
    fn look(&mut self, reported: LinkStatus) {
        let before = self.link.status;
        // Paid without a payment that fits proves nothing: the link stays open and is read again.
        let counts = matches!(
            reported,
            LinkStatus::Expired | LinkStatus::Cancelled | LinkStatus::Viewed | LinkStatus::Paying
        );
        if counts && !before.is_closed() && reported != before {
            self.link.status = reported;
            self.outcome = Some(reported.name().to_owned());
        }
    }
}

/// What a first payment makes of its link.
fn paid_as(link: &LinkRow, fact: &PaymentFact, reported: LinkStatus) -> LinkStatus {
    match (link.status, reported) {
        (LinkStatus::Cancelled, _) | (_, LinkStatus::PaidAfterCancel) => {
            LinkStatus::PaidAfterCancel
        }
        (LinkStatus::Expired, _) | (_, LinkStatus::PaidLate) => LinkStatus::PaidLate,
        _ if fact.paid_at >= link.expires_at => LinkStatus::PaidLate,
        _ => LinkStatus::Paid,
    }
}

impl Core {
    /// Writes down the provider's word about a link: every payment once, and what became of the link,
    /// in one commit. All ways in (notice, poll, look-up before a new link) end here.
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
        let Some(link) = query::link(self.store.as_ref(), id).await? else {
            return Ok(());
        };
        let mut settlement = Settlement {
            link: LinkRow {
                // A call that makes us look does not make the regular readings rarer.
                polls: link.polls.saturating_add(u32::from(source == POLL)),
                ..link
            },
            outcome: None,
            payments: Vec::new(),
            troubles: Vec::new(),
        };
        if report.reference == settlement.link.reference {
            for fact in &report.payments {
                self.judge(&mut settlement, fact, report.status).await?;
            }
            settlement.look(report.status);
        } else {
            let message = format!(
                "the gateway answers for {} when asked for link {}",
                report.reference, settlement.link.id
            );
            self.trouble(&mut settlement, "reference_mismatch", message, id.as_str())
                .await?;
        }
        self.commit_settlement(settlement, report, source).await
    }

    /// Takes a payment in, unless it is known or does not fit: what does not fit moves nothing and is
    /// left to a person.
    async fn judge(
        &self,
        settlement: &mut Settlement,
        fact: &PaymentFact,
        reported: LinkStatus,
    ) -> Result<(), Error> {
        let link = &settlement.link;
        let key = record::payment_key(&link.gateway, link.account.as_str(), &fact.transaction);
        let reason = format!("payment {}", fact.transaction);
        if let Some(row) = self.store.get(Table::Payments, &key).await? {
            let known: PaymentRow = record::decode(&row.open)?;
            if known.link == link.id {
                return Ok(());
            }
            let message = format!(
                "transaction {} of link {} was recorded for link {} before",
                fact.transaction, link.id, known.link
            );
            return self
                .trouble(settlement, "transaction_reused", message, &reason)
                .await;
        }
        if fact.amount != link.amount {
            let message = format!(
                "transaction {} paid {} for link {} of {}",
                fact.transaction, fact.amount, link.id, link.amount
            );
            return self
                .trouble(settlement, "amount_mismatch", message, &reason)
                .await;
        }
        if link.status.is_paid() {
            // More money came than was asked for: somebody has to give it back.
            let message = format!(
                "transaction {} paid {} for link {}, which was paid already",
                fact.transaction, fact.amount, link.id
            );
            self.trouble(settlement, "paid_again", message, &reason)
                .await?;
        }
        settlement.pay(fact, reported);
        Ok(())
    }

    /// Notes something a person must look at, once.
    async fn trouble(
        &self,
        settlement: &mut Settlement,
        code: &str,
        message: String,
        reason: &str,
    ) -> Result<(), Error> {
        let item = settlement.link.item.clone();
        let key = record::attention_key(&item, reason);
        if self.store.get(Table::Attention, &key).await?.is_none() {
            let row = AttentionRow {
                item,
                code: code.to_owned(),
                message,
                since: self.clock.now(),
            };
            settlement.troubles.push((reason.to_owned(), row));
        }
        Ok(())
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
            payments,
            troubles,
        } = settlement;
        let mut batch = Batch::new(self.clock.now());
        let mut notes = vec![format!("source {source}")];
        for (reason, row) in &troubles {
            batch.attention(reason, row)?;
            notes.push(format!("{}: {reason}", row.code));
        }
        let mut extra = Extra::default();
        let mut set = Fields::new();
        for (fact, first) in &payments {
            self.payment_writes(&link, (fact, *first), &mut extra, &mut set)?;
        }
        batch.link(link.clone())?;
        if link.abandoned && link.status.is_closed() {
            batch.attended(&link.item, &abandoned_reason(&link));
        }
        extra.writes.extend(batch.into_writes());
        let detail = Some(HistoryDetail::Report(Box::new(report.clone())));
        let Some(outcome) = outcome else {
            let writes = extra.writes;
            if troubles.is_empty() {
                return self.commit_beside_quietly(&link.item, writes).await;
            }
            let kind = ("quarantined", notes);
            return self.commit_detail(&link.item, writes, kind, detail).await;
        };
        let Some(loaded) = self.load(&link.item).await? else {
            return Err(Error::NotStarted(link.item));
        };
        let workflow = self
            .workflows
            .pinned(&loaded.row.instance.definition)
            .await?;
        let first = payments.into_iter().next().map(|(fact, _)| fact);
        let cause = Cause::Event(Event::Payment(Box::new(PaymentEvent {
            link: link.id.clone(),
            state: link.state.clone(),
            outcome,
            paid_at: first.as_ref().map(|fact| fact.paid_at),
            tracking_no: first.and_then(|fact| fact.tracking_no),
            set,
        })));
        extra.notes = notes;
        extra.detail = detail;
        self.apply(&workflow, &loaded, &cause, extra)
            .await
            .map(drop)
    }

    /// A payment's rows: itself under its permanent key, and its receipt where one is wished.
    fn payment_writes(
        &self,
        link: &LinkRow,
        (fact, first): (&PaymentFact, bool),
        extra: &mut Extra,
        set: &mut Fields,
    ) -> Result<(), Error> {
        let receipt = link.receipt.as_ref().map(|rule| receipt(link, rule, fact));
        let row = PaymentRow {
            link: link.id.clone(),
            item: link.item.clone(),
            gateway: link.gateway.clone(),
            account: link.account.clone(),
            fact: fact.clone(),
            receipt: receipt.as_ref().map(|receipt| receipt.id.clone()),
            recorded_at: self.clock.now(),
        };
        extra.writes.push(Write::Unique {
            table: Table::Payments,
            key: record::payment_key(&link.gateway, link.account.as_str(), &fact.transaction),
            row: Row::open(record::encode(&row)?),
        });
        let Some(receipt) = receipt else {
            return Ok(());
        };
        extra.writes.push(receipt_write(link, &receipt)?);
        let id = receipt.id.clone();
        extra.host_changes.push(Change::RegisterReceipt { receipt });
        // A field holds one receipt: that of the payment that was asked for.
        let field = link.receipt.as_ref().and_then(|rule| rule.field.clone());
        if let Some(field) = field.filter(|_| first) {
            set.insert(field.clone(), Value::Receipt(id.to_string()));
            extra
                .host_changes
                .push(Change::AttachReceipt { field, receipt: id });
        }
        Ok(())
    }
}

/// The receipt of a payment. Its number follows from the payment, so a repeat makes the same one.
fn receipt(link: &LinkRow, rule: &ReceiptRule, fact: &PaymentFact) -> Receipt {
    let account = link.account.as_str();
    let id = record::receipt_id(&link.gateway, account, &fact.transaction);
    Receipt {
        id: ReceiptId::from(id),
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
