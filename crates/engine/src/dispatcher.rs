//! Work after the commit: claim → perform → submit the outcome. Messages and host writes too.

use activity::{Attempt, Attempted, Observation, Outcome, PreviousAttempt};
use chrono::TimeDelta;
use host::{Applied, HostWrite, Message, Retry};
use persistence::{Row, Table, Write};
use state_machine::{Event, Instance, Kind, PaymentEvent, Rejection, RetryPolicy};
use values::{Fields, MessageId, Timestamp};

use crate::record::{
    self, Cause, Concluded, HistoryDetail, IntentRow, MessageRow, MessageStatus, OutboxRow,
    ReceiptRow, Work,
};
use crate::retry::pause;
use crate::submit::Extra;
use crate::write::{Batch, never};
use crate::{Core, Error, query};

impl Core {
    /// Does one piece of work. It is safe to call twice for the same row.
    pub(crate) async fn perform(&self, key: Vec<u8>) -> Result<(), Error> {
        let Some(row) = self.store.get(Table::Outbox, &key).await? else {
            return Ok(());
        };
        if row.personal.is_empty() {
            // Erased: whom it was for is gone, and so is the work.
            return Ok(());
        }
        let row: OutboxRow = record::decode(&row.personal)?;
        match row.work.clone() {
            Work::Intent(intent) => self.perform_intent(row, *intent).await,
            Work::HostWrite(write) => self.perform_host_write(key, row, &write).await,
            Work::Message(id) => self.perform_message(key, row, &id).await,
        }
    }

    async fn perform_intent(&self, row: OutboxRow, intent: IntentRow) -> Result<(), Error> {
        let Some((row, intent, attempt)) = self.claim(row, intent).await? else {
            return Ok(());
        };
        let Some(activity) = self
            .workflows
            .catalog()
            .get(&intent.request.activity)
            .cloned()
        else {
            let outcome = Outcome::error("no_activity", "this engine does not have the activity");
            return self
                .conclude(row, intent, Err(Box::new(outcome)), Vec::new())
                .await;
        };
        let attempted = activity
            .perform(&intent.request, &attempt, &self.world)
            .await;
        self.attempted(row, intent, attempted).await
    }

    /// Writes the attempt down before it is made (clause 33). `None` when the work is no longer wanted.
    async fn claim(
        &self,
        row: OutboxRow,
        mut intent: IntentRow,
    ) -> Result<Option<(OutboxRow, IntentRow, Attempt)>, Error> {
        let _turn = self.locks.lock(&row.item).await;
        let Some(loaded) = self.load(&row.item).await? else {
            return Ok(None);
        };
        let instance = &loaded.row.instance;
        let open = instance.entry == intent.entry && instance.activity.is_some();
        let here = loaded.row.intent_due == Some(row.due);
        if !open || !here {
            return self.withdraw(&row).await.map(|()| None);
        }
        let now = self.clock.now();
        let seconds = TimeDelta::seconds(intent.request.attempt_seconds_max.max(1));
        let send_by = now + seconds;
        let number = row.attempts.saturating_add(1);
        let attempt = Attempt {
            item: row.item.clone(),
            reference: intent.reference.clone(),
            number,
            now,
            send_by,
            earlier: intent.earlier.clone(),
        };
        let outside = self
            .workflows
            .catalog()
            .get(&intent.request.activity)
            .is_none_or(|activity| activity.descriptor().reaches_outside);
        if !outside {
            return Ok(Some((row, intent, attempt)));
        }
        let due = send_by + self.limits.attempt_grace;
        intent.claimed_by = Some(self.epoch.clone());
        intent.earlier.push(PreviousAttempt { number, send_by });
        let detail = HistoryDetail::Attempt {
            number,
            send_by,
            request: intent.request.body.clone(),
        };
        let work = Work::Intent(Box::new(intent.clone()));
        let next = OutboxRow {
            due,
            attempts: number,
            work,
            ..row.clone()
        };
        self.reschedule(loaded, &row, &next, Some(detail)).await?;
        Ok(Some((next, intent, attempt)))
    }

    /// Moves an intent's row; the instance's row remembers where it is.
    async fn reschedule(
        &self,
        loaded: crate::submit::Loaded,
        before: &OutboxRow,
        after: &OutboxRow,
        detail: Option<HistoryDetail>,
    ) -> Result<(), Error> {
        let mut batch = Batch::new(self.clock.now());
        batch.delete(Table::Outbox, record::outbox_key(before.due, &before.id));
        batch.outbox(after)?;
        let notes = vec![format!("attempt {} due {}", after.attempts, after.due)];
        self.commit_intent(loaded, after.due, batch, (detail, notes))
            .await
    }

    async fn withdraw(&self, row: &OutboxRow) -> Result<(), Error> {
        let key = record::outbox_key(row.due, &row.id);
        let writes = vec![Write::Delete {
            table: Table::Outbox,
            key,
        }];
        self.commit_beside_quietly(&row.item, writes).await
    }

    async fn attempted(
        &self,
        row: OutboxRow,
        mut intent: IntentRow,
        attempted: Attempted,
    ) -> Result<(), Error> {
        match attempted {
            Attempted::Done {
                result,
                observations,
            } => self.conclude(row, intent, Ok(result), observations).await,
            Attempted::Ended {
                outcome,
                observations,
            } => self.conclude(row, intent, Err(outcome), observations).await,
            Attempted::Retry {
                code,
                message,
                after,
                observations,
            } => {
                // Certainly nothing happened, so this attempt is none that may have arrived.
                intent.earlier.pop();
                let policy = self.policy(&row, &intent).await?;
                match self.next_attempt(&row, &intent, policy, after) {
                    Some(due) => self.again(row, intent, (due, code), observations).await,
                    None => {
                        let outcome = Outcome::error(code, message);
                        self.conclude(row, intent, Err(Box::new(outcome)), observations)
                            .await
                    }
                }
            }
            Attempted::NotBefore {
                at,
                code,
                observations,
            } => {
                intent.earlier.pop();
                let row = OutboxRow {
                    attempts: row.attempts.saturating_sub(1),
                    ..row
                };
                self.again(row, intent, (at, code), observations).await
            }
            Attempted::Unknown {
                again_at: Some(at),
                code,
                ..
            } => self.again(row, intent, (at, code), Vec::new()).await,
            Attempted::Unknown {
                code,
                message,
                again_at: None,
            } => self.unknown(&row, &intent, code, message).await,
        }
    }

    /// The retry policy of the state, and its timeout.
    async fn policy(
        &self,
        row: &OutboxRow,
        intent: &IntentRow,
    ) -> Result<(RetryPolicy, Option<TimeDelta>), Error> {
        let Some(loaded) = self.load(&row.item).await? else {
            return Ok(Default::default());
        };
        let workflow = self
            .workflows
            .pinned(&loaded.row.instance.definition)
            .await?;
        let state = workflow.definition.state(&intent.state);
        Ok(match state.map(|state| &state.kind) {
            Some(Kind::Activity(activity)) => (
                activity.retry,
                activity.timeout_seconds.map(TimeDelta::seconds),
            ),
            _ => Default::default(),
        })
    }

    /// When the next attempt is due; `None` when the budget is spent (clause 37).
    fn next_attempt(
        &self,
        row: &OutboxRow,
        intent: &IntentRow,
        (policy, timeout): (RetryPolicy, Option<TimeDelta>),
        after: Option<TimeDelta>,
    ) -> Option<Timestamp> {
        if row.attempts >= policy.attempts_max {
            return None;
        }
        let pause = pause(
            TimeDelta::seconds(policy.pause_seconds),
            TimeDelta::seconds(policy.pause_seconds_max),
            row.attempts.saturating_add(1),
            &intent.reference,
        );
        let due = self.clock.now() + after.map_or(pause, |after| after.max(pause));
        match timeout {
            Some(timeout) if due > intent.opened_at + timeout => None,
            _ => Some(due),
        }
    }

    /// Stores when the work is tried again, after writing down what it saw of other links.
    async fn again(
        &self,
        row: OutboxRow,
        mut intent: IntentRow,
        (due, code): (Timestamp, String),
        observations: Vec<Observation>,
    ) -> Result<(), Error> {
        let _turn = self.locks.lock(&row.item).await;
        self.observe(observations).await?;
        let Some(loaded) = self.load(&row.item).await? else {
            return Ok(());
        };
        if loaded.row.intent_due != Some(row.due) || loaded.row.instance.entry != intent.entry {
            return Ok(());
        }
        intent.claimed_by = None;
        let mut batch = Batch::new(self.clock.now());
        batch.delete(Table::Outbox, record::outbox_key(row.due, &row.id));
        let next = OutboxRow {
            due,
            work: Work::Intent(Box::new(intent)),
            ..row
        };
        batch.outbox(&next)?;
        let notes = vec![format!("{code}: again at {due}")];
        self.commit_intent(loaded, due, batch, (None, notes)).await
    }

    async fn observe(&self, observations: Vec<Observation>) -> Result<(), Error> {
        for Observation { link, report } in observations {
            self.settle_in_turn(&link, &report, "before a new link")
                .await?;
        }
        Ok(())
    }

    async fn conclude(
        &self,
        row: OutboxRow,
        intent: IntentRow,
        end: Result<serde_json::Value, Box<Outcome>>,
        observations: Vec<Observation>,
    ) -> Result<(), Error> {
        let _turn = self.locks.lock(&row.item).await;
        // Money first: a payment of an earlier link may move the item away from here.
        self.observe(observations).await?;
        let Some(loaded) = self.load(&row.item).await? else {
            return Ok(());
        };
        let workflow = self
            .workflows
            .pinned(&loaded.row.instance.definition)
            .await?;
        let entry = intent.entry;
        let cause = match end {
            Ok(result) => {
                let request = intent.request.clone();
                Cause::Concluded(Box::new(Concluded {
                    entry,
                    request,
                    result,
                }))
            }
            Err(outcome) => Cause::Ended { entry, outcome },
        };
        match self.apply(&workflow, loaded, cause, Extra::default()).await {
            Err(Error::Rejected(Rejection::Stale)) => self.withdraw(&row).await,
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    }

    /// Nobody knows how it ended: the workflow's `unknown` branch, or a person.
    async fn unknown(
        &self,
        row: &OutboxRow,
        intent: &IntentRow,
        code: String,
        message: String,
    ) -> Result<(), Error> {
        let _turn = self.locks.lock(&row.item).await;
        let Some(loaded) = self.load(&row.item).await? else {
            return Ok(());
        };
        let workflow = self
            .workflows
            .pinned(&loaded.row.instance.definition)
            .await?;
        let event = Event::Unknown {
            entry: intent.entry,
            code,
            message,
        };
        match self
            .apply(&workflow, loaded, Cause::Event(event), Extra::default())
            .await
        {
            Err(Error::Rejected(Rejection::Stale)) => self.withdraw(row).await,
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    }

    async fn perform_host_write(
        &self,
        key: Vec<u8>,
        row: OutboxRow,
        write: &HostWrite,
    ) -> Result<(), Error> {
        let applied = self.host.items.apply(write).await;
        let _turn = self.locks.lock(&row.item).await;
        let mut writes = vec![Write::Delete {
            table: Table::Outbox,
            key: key.clone(),
        }];
        match applied {
            Ok(Applied::Done { .. }) => {
                if let host::Change::RegisterReceipt { receipt } = &write.change {
                    writes.extend(self.registered(receipt).await?);
                }
                self.commit_beside_quietly(&row.item, writes).await
            }
            Ok(Applied::Refused { code, message }) => {
                let code = format!("host_refused: {code}");
                writes.push(self.attention(&row, &code, &message)?);
                self.commit_beside(&row.item, writes, "host_refused", vec![code])
                    .await
            }
            Err(error)
                if may_pass(&error) && row.attempts < self.limits.host_write_attempts_max =>
            {
                self.later(key, row).await
            }
            Err(error) => {
                writes.push(self.attention(&row, "host_write_failed", &error.to_string())?);
                let notes = vec![error.to_string()];
                self.commit_beside(&row.item, writes, "host_write_failed", notes)
                    .await
            }
        }
    }

    async fn registered(&self, receipt: &host::Receipt) -> Result<Option<Write>, Error> {
        let key = receipt.id.as_str().as_bytes().to_vec();
        let Some(row) = self.store.get(Table::Receipts, &key).await? else {
            return Ok(None);
        };
        let row: ReceiptRow = record::decode(&row.open)?;
        let row = Row::open(record::encode(&ReceiptRow {
            registered: true,
            ..row
        })?);
        Ok(Some(Write::Put {
            table: Table::Receipts,
            key,
            row,
        }))
    }

    fn attention(&self, row: &OutboxRow, code: &str, message: &str) -> Result<Write, Error> {
        let attention = record::AttentionRow {
            item: row.item.clone(),
            code: code.to_owned(),
            message: message.to_owned(),
            since: self.clock.now(),
        };
        let key = record::attention_key(&row.item, &row.id);
        let row = Row::open(record::encode(&attention)?);
        Ok(Write::Put {
            table: Table::Attention,
            key,
            row,
        })
    }

    async fn later(&self, key: Vec<u8>, row: OutboxRow) -> Result<(), Error> {
        let attempts = row.attempts.saturating_add(1);
        let pause = pause(
            self.limits.outbox_pause,
            self.limits.outbox_pause_max,
            attempts.saturating_add(1),
            &row.id,
        );
        let mut batch = Batch::new(self.clock.now());
        batch.delete(Table::Outbox, key);
        let item = row.item.clone();
        batch.outbox(&OutboxRow {
            due: self.clock.now() + pause,
            attempts,
            ..row
        })?;
        self.commit_beside_quietly(&item, batch.into_writes()).await
    }

    async fn perform_message(
        &self,
        key: Vec<u8>,
        row: OutboxRow,
        id: &MessageId,
    ) -> Result<(), Error> {
        let Some(message) = query::message(self.store.as_ref(), id).await? else {
            return self.withdraw(&row).await;
        };
        if message.status != MessageStatus::Queued {
            return self.withdraw(&row).await;
        }
        let outgoing = Message {
            to: message.to.clone(),
            locale: message.locale,
            subject: message.subject.clone(),
            body: message.body.clone(),
        };
        let sent = self.host.messenger.send(id.as_str(), &outgoing).await;
        let _turn = self.locks.lock(&row.item).await;
        let now = self.clock.now();
        let attempts = row.attempts.saturating_add(1);
        let after = match sent {
            Ok(delivery) => MessageRow {
                status: MessageStatus::Sent,
                sent_at: Some(now),
                channel_ref: delivery.channel_ref,
                attempts,
                ..message
            },
            Err(error) if may_pass(&error) && attempts < self.limits.message_attempts_max => {
                return self.later(key, row).await;
            }
            Err(error) => MessageRow {
                status: MessageStatus::Failed,
                error: Some(error.to_string()),
                attempts,
                ..message
            },
        };
        let mut batch = Batch::new(now);
        batch.delete(Table::Outbox, key);
        batch.message(&after)?;
        let mut writes = batch.into_writes();
        let failed = after.status == MessageStatus::Failed;
        let kind = if failed {
            "message_failed"
        } else {
            "message_sent"
        };
        let notes = vec![id.to_string()];
        if failed {
            let error = after.error.clone().unwrap_or_default();
            writes.push(self.attention(&row, "message_failed", &error)?);
        }
        self.commit_beside(&row.item, writes, kind, notes).await?;
        if failed {
            self.delivery_failed(&after).await
        } else {
            Ok(())
        }
    }

    /// When the last message of a link has failed and none got through, the workflow hears of it.
    async fn delivery_failed(&self, message: &MessageRow) -> Result<(), Error> {
        let Some(link) = &message.link else {
            return Ok(());
        };
        let messages = query::messages_of_link(self.store.as_ref(), link).await?;
        if messages
            .iter()
            .any(|other| other.status != MessageStatus::Failed)
        {
            return Ok(());
        }
        let Some(row) = query::link(self.store.as_ref(), link).await? else {
            return Ok(());
        };
        let Some(loaded) = self.load(&row.item).await? else {
            return Ok(());
        };
        let workflow = self
            .workflows
            .pinned(&loaded.row.instance.definition)
            .await?;
        let event = Event::Payment(Box::new(PaymentEvent {
            link: link.clone(),
            state: row.state,
            outcome: "delivery_failed".to_owned(),
            paid_at: None,
            tracking_no: None,
            set: Fields::new(),
        }));
        self.apply(&workflow, loaded, Cause::Event(event), Extra::default())
            .await
            .map(drop)
    }

    /// A provider has heard of a reference whose outcome we do not know: ask again now (clause 42).
    pub(crate) async fn hurry(&self, instance: &Instance, reference: &str) -> Result<(), Error> {
        let _turn = self.locks.lock(&instance.item).await;
        let Some(loaded) = self.load(&instance.item).await? else {
            return Ok(());
        };
        let open = loaded.row.instance.activity.as_ref();
        let (Some(due), true) = (
            loaded.row.intent_due,
            open.is_some_and(|open| open.reference == reference),
        ) else {
            return Ok(());
        };
        let key = record::outbox_key(due, reference);
        let Some(row) = self.store.get(Table::Outbox, &key).await? else {
            return Ok(());
        };
        let row: OutboxRow = record::decode(&row.personal)?;
        let Work::Intent(mut intent) = row.work.clone() else {
            return Ok(());
        };
        let now = self.clock.now();
        let busy = intent.claimed_by.as_ref() == Some(&self.epoch) && due != never();
        if busy || due <= now || intent.parked {
            return Ok(());
        }
        intent.claimed_by = None;
        let mut batch = Batch::new(now);
        batch.delete(Table::Outbox, key);
        batch.outbox(&OutboxRow {
            due: now,
            work: Work::Intent(intent),
            ..row
        })?;
        let notes = vec!["the provider knows the reference".to_owned()];
        self.commit_intent(loaded, now, batch, (None, notes)).await
    }
}

/// Whether the same call may go through later. A repeat carries the same key.
fn may_pass(error: &host::Error) -> bool {
    matches!(error.retry, Retry::Later | Retry::SameKey)
}
