//! The life of a payment link after it was made: reading it again, and recording what was paid.

use chrono::TimeDelta;
use payment::{LinkStatus, PaymentFact, StatusReport, Usage};
use persistence::{Table, Write};
use state_machine::{Event, PaymentEvent};
use values::{Fields, LinkId, Timestamp};

use crate::abandoned::abandoned_reason;
use crate::decide::Decided;
use crate::receipt::{Number, number_write};
use crate::record::{self, AttentionRow, Cause, HistoryDetail, LinkRow};
use crate::settlement::{
    ByPerson, Fit, Settlement, fit, is_doubtful, is_not_money, settled, status_reason, waits_for_us,
};
use crate::submit::Extra;
use crate::superseded::newer_reason;
use crate::write::Batch;
use crate::{Core, Error, query};

/// Minutes between readings of an open link, the last one for ever (clause 44).
const POLL_MINUTES: [i64; 6] = [1, 5, 15, 60, 180, 720];

/// Hours after expiry at which a link is read again, because a payment may have been under way.
const AFTER_EXPIRY_HOURS: [i64; 3] = [1, 24, 72];

/// Minutes after which a reading that failed, or that found money waiting for us, is made again.
const AFTER_FAILURE_MINUTES: i64 = 5;

/// The source of what a regular reading says.
pub(crate) const POLL: &str = "poll";

/// The source of what is seen of a link before another one takes its place.
pub(crate) const REPLACED: &str = "before a new link";

/// The source of what a reading says that a call has brought forward.
pub(crate) const CALLED: &str = "call";

/// How the source of what a person records begins; the person follows.
pub(crate) const RECORDED: &str = "recorded by";

/// The source of what an activity of the workflow records.
pub(crate) const RECORDED_BY_WORKFLOW: &str = "recorded by the workflow";

/// How the source of a payment begins that a person records beside the one that has settled the link.
pub(crate) const FURTHER: &str = "recorded as further by";

/// When a link is read again; `None` once nothing can happen to it without our hearing of it.
pub(crate) fn next_poll(link: &LinkRow, now: Timestamp) -> Option<Timestamp> {
    if matches!(
        link.status,
        LinkStatus::Expired | LinkStatus::Cancelled | LinkStatus::Superseded
    ) {
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
    if waits_for_us(link.status) {
        return Some(now + TimeDelta::minutes(AFTER_FAILURE_MINUTES));
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
        let link = query::link(self.store.as_ref(), id).await?;
        let many = |link: &LinkRow| link.usage == Usage::Reusable && report.payments.len() > 1;
        if !link.as_ref().is_some_and(many) {
            return self.settle_once(link, report, source).await;
        }
        // Each payment of such a link is an event of its own.
        for fact in &report.payments {
            let one = StatusReport {
                payments: vec![fact.clone()],
                ..report.clone()
            };
            let link = query::link(self.store.as_ref(), id).await?;
            self.settle_once(link, &one, source).await?;
        }
        Ok(())
    }

    async fn settle_once(
        &self,
        link: Option<LinkRow>,
        report: &StatusReport,
        source: &str,
    ) -> Result<(), Error> {
        let Some(before) = link else {
            return Ok(());
        };
        let mut settlement = Settlement {
            link: before.clone(),
            outcome: None,
            payments: Vec::new(),
            troubles: Vec::new(),
        };
        if self.is_about(&before, &report.reference) {
            let by_person = ByPerson::of(source);
            for fact in &report.payments {
                self.judge(&mut settlement, (fact, by_person), report)
                    .await?;
            }
            settlement.link.by_hand |= by_person.is_some() && !settlement.payments.is_empty();
            settlement.look(report.status, self.clock.now());
            self.newer_is_open(&mut settlement).await?;
            self.doubts(&mut settlement, before.status, report).await?;
        } else {
            let message = format!(
                "the gateway answers for {} when asked for link {}",
                report.reference, settlement.link.id
            );
            let id = before.id.as_str();
            self.trouble(&mut settlement, "reference_mismatch", message, id)
                .await?;
        }
        self.commit_settlement((&before, settlement), report, source)
            .await
    }

    /// Takes a payment in, unless it is known or does not fit: what does not fit moves nothing and is
    /// left to a person.
    async fn judge(
        &self,
        settlement: &mut Settlement,
        (fact, by_person): (&PaymentFact, Option<ByPerson>),
        report: &StatusReport,
    ) -> Result<(), Error> {
        let mut taken = settlement.payments.iter().map(|(taken, _)| taken);
        if taken.any(|taken| taken.transaction == fact.transaction) {
            // A report that names a payment twice tells of one.
            return Ok(());
        }
        let link = &settlement.link;
        let reason = format!("payment {}", fact.transaction);
        match self.number(link, fact, by_person.is_some()).await? {
            Number::New => {}
            Number::Ours => return Ok(()),
            Number::Taken(message) => {
                return self
                    .trouble(settlement, "transaction_reused", message, &reason)
                    .await;
            }
        }
        let over = settled(link);
        if over && by_person == Some(ByPerson::Owed) {
            // Most likely the very payment that has settled it meanwhile.
            let message = format!(
                "transaction {} of {} was recorded by a person for link {}, which was paid already",
                fact.transaction, fact.amount, link.id
            );
            return self
                .trouble(settlement, "recorded_twice", message, &reason)
                .await;
        }
        let fit = match by_person {
            // Whoever says that it is one more says it knowing what was asked for.
            Some(ByPerson::Further) if over => Fit::Whole,
            _ => fit(link, fact, report),
        };
        if fit == Fit::Wrong {
            let message = format!(
                "transaction {} paid {} for link {} of {}",
                fact.transaction, fact.amount, link.id, link.amount
            );
            if !link.status.is_closed() && link.status != LinkStatus::Quarantined {
                settlement.link.status = LinkStatus::Quarantined;
                settlement.outcome = Some(LinkStatus::Quarantined.name().to_owned());
            }
            return self
                .trouble(settlement, "amount_mismatch", message, &reason)
                .await;
        }
        if is_not_money(report.status) {
            return Ok(());
        }
        if over && link.by_hand && by_person.is_none() {
            // Most likely the very payment that a person has recorded under another number.
            let message = format!(
                "transaction {} paid {} for link {}, whose payment a person has recorded",
                fact.transaction, fact.amount, link.id
            );
            return self
                .trouble(settlement, "recorded_by_hand", message, &reason)
                .await;
        }
        if over || fit == Fit::Excess {
            self.surplus(settlement, fact, (over, by_person)).await?;
        }
        settlement.pay(fact, fit, report.status);
        Ok(())
    }

    /// More money came than was asked for: somebody has to give it back.
    async fn surplus(
        &self,
        settlement: &mut Settlement,
        fact: &PaymentFact,
        (over, by_person): (bool, Option<ByPerson>),
    ) -> Result<(), Error> {
        let link = &settlement.link;
        let paid = format!(
            "transaction {} paid {} for link {}",
            fact.transaction, fact.amount, link.id
        );
        let (code, message) = if over {
            ("paid_again", format!("{paid}, which was paid already"))
        } else {
            ("overpaid", format!("{paid} of {}", link.amount))
        };
        let further = if over && by_person.is_some() {
            "further "
        } else {
            ""
        };
        let reason = format!("{further}payment {}", fact.transaction);
        self.trouble(settlement, code, message, &reason).await
    }

    /// What a person must know of a link's new status: money that went back, a provider that cannot say.
    async fn doubts(
        &self,
        settlement: &mut Settlement,
        before: LinkStatus,
        report: &StatusReport,
    ) -> Result<(), Error> {
        let reported = report.status;
        let link = &settlement.link;
        let (id, after) = (link.id.clone(), link.status);
        if before.is_paid() && after == LinkStatus::Refunded {
            let message = format!("the money of link {id} went back, and its receipts stand");
            let reason = format!("refund {id}");
            return self.trouble(settlement, "refunded", message, &reason).await;
        }
        if reported == LinkStatus::Quarantined && report.payments.is_empty() {
            let message = format!("what was paid for link {id} is not what it asks for");
            let reason = format!("quarantine {id}");
            return self
                .trouble(settlement, "quarantined", message, &reason)
                .await;
        }
        let doubtful = is_doubtful(after) && reported == LinkStatus::Unknown && !link.abandoned;
        if !doubtful {
            return Ok(());
        }
        let message = format!("the gateway cannot say whether link {id} is paid");
        let reason = status_reason(link);
        self.trouble(settlement, "status_unknown", message, &reason)
            .await
    }

    /// Notes something a person must look at, once; what a person has settled does not come back.
    pub(crate) async fn trouble(
        &self,
        settlement: &mut Settlement,
        code: &str,
        message: String,
        reason: &str,
    ) -> Result<(), Error> {
        let item = settlement.link.item.clone();
        let key = record::attention_key(&item, reason);
        if self.store.get(Table::Attention, &key).await?.is_some() {
            return Ok(());
        }
        let resolved = record::resolved_key(&item, reason);
        if self.store.get(Table::Index, &resolved).await?.is_some() {
            return Ok(());
        }
        let row = AttentionRow {
            item,
            reason: reason.to_owned(),
            code: code.to_owned(),
            message,
            since: self.clock.now(),
        };
        settlement.troubles.push((reason.to_owned(), row));
        Ok(())
    }

    async fn commit_settlement(
        &self,
        (before, settlement): (&LinkRow, Settlement),
        report: &StatusReport,
        source: &str,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let mut notes = vec![format!("source {source}")];
        let troubles = &settlement.troubles;
        notes.extend(
            troubles
                .iter()
                .map(|(reason, row)| format!("{}: {reason}", row.code)),
        );
        let told = settlement.outcome.is_some() || !settlement.troubles.is_empty();
        let rests = before.next_poll.is_none_or(|next| next > now);
        if !told && source != POLL && rests && settlement.link == *before {
            // A repeat changes nothing.
            return Ok(());
        }
        let mut extra = Extra::default();
        let mut set = Fields::new();
        for (fact, first) in &settlement.payments {
            self.payment_writes(&settlement.link, (fact, *first), &mut extra, &mut set)?;
            if ByPerson::of(source).is_some() {
                let account = &settlement.link.account;
                extra.writes.push(number_write(account, &fact.transaction));
            }
        }
        extra
            .writes
            .extend(self.settlement_writes(before, &settlement, source)?);
        let detail = Some(HistoryDetail::Report(Box::new(report.clone())));
        let item = &settlement.link.item;
        let Some(outcome) = settlement.outcome else {
            let writes = extra.writes;
            if settlement.troubles.is_empty() {
                return self.commit_beside_quietly(item, writes).await;
            }
            let kind = ("quarantined", notes);
            return self.commit_detail(item, writes, kind, detail).await;
        };
        let Some(loaded) = self.load(item).await? else {
            return Err(Error::NotStarted(item.clone()));
        };
        let definition = &loaded.row.instance.definition;
        let workflow = self.workflows.pinned(definition).await?;
        let link = &settlement.link;
        let first = settlement.payments.first().map(|(fact, _)| fact);
        let makes_way = source == REPLACED && matches!(outcome.as_str(), "cancelled" | "expired");
        let cause = Cause::Event(Event::Payment(Box::new(PaymentEvent {
            link: link.id.clone(),
            state: link.state.clone(),
            outcome,
            paid_at: first.map(|fact| fact.paid_at),
            tracking_no: first.and_then(|fact| fact.tracking_no.clone()),
            set,
            stays_open: link.usage == Usage::Reusable,
            makes_way,
        })));
        extra.notes = notes;
        extra.detail = detail;
        self.apply(&workflow, &loaded, &cause, extra)
            .await
            .map(drop)
    }

    /// The link's own row with its next reading, and what a person must or need not look at any more.
    fn settlement_writes(
        &self,
        before: &LinkRow,
        settlement: &Settlement,
        source: &str,
    ) -> Result<Vec<Write>, Error> {
        let now = self.clock.now();
        let mut batch = Batch::new(now);
        for (reason, row) in &settlement.troubles {
            batch.attention(reason, row)?;
        }
        if ByPerson::of(source).is_some() {
            // What was doubtful about these payments a person has just answered.
            for (fact, _) in &settlement.payments {
                let reason = format!("payment {}", fact.transaction);
                batch.attended(&settlement.link.item, &reason);
            }
        }
        let link = LinkRow {
            // A call that makes us look does not make the regular readings rarer.
            polls: before.polls.saturating_add(u32::from(source == POLL)),
            ..settlement.link.clone()
        };
        if link.status.is_closed() && !before.status.is_closed() {
            batch.attended(&link.item, &newer_reason(&link));
        }
        if link.abandoned && link.status.is_closed() {
            batch.attended(&link.item, &abandoned_reason(&link));
        }
        if is_doubtful(before.status) && !is_doubtful(link.status) {
            batch.attended(&link.item, &status_reason(&link));
        }
        let new = before.status != link.status && waits_for_us(link.status);
        let called = before.called_for.is_some() && before.called_for == before.next_poll;
        let reading = matches!(source, POLL | CALLED);
        let missed = before.next_poll.is_some() && before.called_for > before.next_poll;
        if called && (source == POLL || before.called_for > Some(now)) {
            // A call came while this reading was under way: it may know nothing of what the call is about.
            batch.link_due(link, before.next_poll)?;
        } else if missed && reading && !link.status.is_paid() {
            // The same for a call that came after the moment at which this reading was due.
            batch.link_due(link, before.called_for)?;
        } else if new && source != POLL {
            // A reading does what has to be done about it.
            batch.link_due(link, Some(now))?;
        } else {
            batch.link(link)?;
        }
        Ok(batch.into_writes())
    }

    /// Counts the provider's own message with the request for it: one whose answer is lost has been sent.
    pub(crate) async fn count_sending(
        &self,
        decided: &Decided,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let intent = decided.intent.as_ref();
        let Some(sending) = intent.and_then(|intent| intent.request.sending.as_ref()) else {
            return Ok(());
        };
        // The commit may write the link itself: what it has noted stays.
        let link = match batch.written_link(&sending.link)? {
            Some(link) => Some(link),
            None => query::link(self.store.as_ref(), &sending.link).await?,
        };
        let Some(link) = link else {
            return Ok(());
        };
        let due = link.next_poll;
        let link = LinkRow {
            sendings: link.sendings.saturating_add(1),
            sent_at: Some(sending.at),
            ..link
        };
        batch.link_due(link, due)
    }
}
