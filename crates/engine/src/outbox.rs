//! Messages and writes to the host after the commit.

use host::{Applied, Change, HostWrite, Message, Retry};
use persistence::{Row, Table, Write};
use state_machine::{Event, Instance, PaymentEvent};
use values::{Fields, MessageId, TimeDelta, Value};

use crate::dispatcher::Place;
use crate::record::{
    self, AttentionRow, Cause, LinkRow, MessageRow, MessageStatus, ReceiptRow, Work,
};
use crate::retry::pause;
use crate::submit::Extra;
use crate::write::Batch;
use crate::{Core, Error, query};

/// What came of writing to the host.
#[derive(Default)]
struct Written {
    batch: Vec<Write>,
    notes: Vec<String>,
    /// What is still to be written, the write that failed first.
    left: Vec<HostWrite>,
}

impl Core {
    /// Writes to the host what one commit has decided, in order. The keys make a repeat harmless.
    pub(crate) async fn write_to_host(
        &self,
        place: Place,
        writes: Vec<HostWrite>,
    ) -> Result<(), Error> {
        // Writes of one item are made one after another, or a later value could be overtaken.
        let _lane = self.lanes.lock(&place.item).await;
        // Only values can be overtaken by later ones.
        let loaded = if writes.iter().any(|write| carries_values(&write.change)) {
            self.load(&place.item).await?
        } else {
            None
        };
        let instance = loaded.as_ref().map(|loaded| &loaded.row.instance);
        let written = self.written(&place, writes, instance).await?;
        let _turn = self.locks.lock(&place.item).await;
        let mut batch = Batch::new(self.clock.now());
        batch.delete(Table::Outbox, place.key());
        if !written.left.is_empty() {
            let row = self
                .later(&place, None)
                .with(Work::HostWrites(written.left));
            batch.outbox_again(&row)?;
        }
        batch.extend(written.batch);
        let writes = batch.into_writes();
        if written.notes.is_empty() {
            return self.commit_beside_quietly(&place.item, writes).await;
        }
        self.commit_beside(&place.item, writes, "host_refused", written.notes)
            .await
    }

    async fn written(
        &self,
        place: &Place,
        writes: Vec<HostWrite>,
        instance: Option<&Instance>,
    ) -> Result<Written, Error> {
        let mut written = Written::default();
        let mut writes = writes.into_iter();
        while let Some(write) = writes.next() {
            let wanted = match instance {
                Some(instance) => still_wanted(&write, instance),
                None => Some(write.clone()),
            };
            let Some(wanted) = wanted else {
                continue;
            };
            match self.host.items.apply(&wanted).await {
                Ok(Applied::Done { .. }) => {
                    if let Change::RegisterReceipt { receipt } = &wanted.change {
                        written.batch.extend(self.registered(receipt).await?);
                    }
                }
                Ok(Applied::Refused { code, message }) => {
                    let message = format!("{code}: {message}");
                    self.refused(&mut written, &write, "host_refused", message)?;
                }
                Err(error)
                    if may_pass(&error) && place.attempts < self.limits.host_write_attempts_max =>
                {
                    tracing::warn!(item = %place.item, %error, "a write to the host waits");
                    written.left.push(write);
                    written.left.extend(writes);
                    break;
                }
                Err(error) => {
                    self.refused(&mut written, &write, "host_write_failed", error.to_string())?;
                }
            }
        }
        Ok(written)
    }

    /// A write that the host does not take: a person must know.
    fn refused(
        &self,
        written: &mut Written,
        write: &HostWrite,
        code: &str,
        message: String,
    ) -> Result<(), Error> {
        let mut batch = Batch::new(self.clock.now());
        let row = AttentionRow {
            item: write.item.clone(),
            reason: String::new(),
            code: code.to_owned(),
            message,
            since: self.clock.now(),
        };
        batch.attention(&write.key, &row)?;
        written.batch.extend(batch.into_writes());
        written.notes.push(format!("{code}: {}", write.key));
        Ok(())
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

    /// Where a row goes whose work did not succeed this time: not before the wait that the other side
    /// asked for, of a day at most.
    fn later(&self, place: &Place, asked: Option<TimeDelta>) -> Place {
        let attempts = place.attempts.saturating_add(1);
        let pause = pause(
            self.limits.outbox_pause,
            self.limits.outbox_pause_max,
            attempts.saturating_add(1),
            &place.id,
        );
        let asked = asked.unwrap_or_default().min(TimeDelta::days(1));
        Place {
            attempts,
            ..place.at(self.clock.now() + pause.max(asked))
        }
    }

    pub(crate) async fn send_message(&self, place: Place, id: &MessageId) -> Result<(), Error> {
        let message = query::message(self.store.as_ref(), id).await?;
        let queued = |message: &MessageRow| message.status == MessageStatus::Queued;
        let Some(message) = message.filter(queued) else {
            let _turn = self.locks.lock(&place.item).await;
            return self.withdraw(&place).await;
        };
        let outgoing = Message {
            to: message.to.clone(),
            locale: message.locale,
            subject: message.subject.clone(),
            body: message.body.clone(),
        };
        let sent = self.host.messenger.send(id.as_str(), &outgoing).await;
        let _turn = self.locks.lock(&place.item).await;
        let now = self.clock.now();
        let attempts = place.attempts.saturating_add(1);
        let mut batch = Batch::new(now);
        batch.delete(Table::Outbox, place.key());
        match sent {
            Ok(delivery) => {
                batch.message(&MessageRow {
                    status: MessageStatus::Sent,
                    sent_at: Some(now),
                    channel_ref: delivery.channel_ref,
                    attempts,
                    ..message
                })?;
                let notes = vec![id.to_string()];
                let writes = batch.into_writes();
                self.commit_beside(&place.item, writes, "message_sent", notes)
                    .await
            }
            Err(error) if may_pass(&error) && attempts < self.limits.message_attempts_max => {
                let row = self
                    .later(&place, error.retry_after)
                    .with(Work::Message(id.clone()));
                batch.outbox_again(&row)?;
                let writes = batch.into_writes();
                self.commit_beside_quietly(&place.item, writes).await
            }
            Err(error) => {
                let failed = MessageRow {
                    status: MessageStatus::Failed,
                    error: Some(error.to_string()),
                    attempts,
                    ..message
                };
                batch.message(&failed)?;
                self.message_failed(&place, &failed, batch).await
            }
        }
    }

    /// Writes down that a message was given up. When no message of a link has got through, the workflow
    /// hears of it in the same commit.
    async fn message_failed(
        &self,
        place: &Place,
        message: &MessageRow,
        mut batch: Batch,
    ) -> Result<(), Error> {
        let attention = AttentionRow {
            item: place.item.clone(),
            reason: String::new(),
            code: "message_failed".to_owned(),
            message: message.error.clone().unwrap_or_default(),
            since: self.clock.now(),
        };
        batch.attention(&place.id, &attention)?;
        let writes = batch.into_writes();
        let notes = vec![message.id.to_string()];
        let Some(link) = self.unheard_link(message).await? else {
            return self
                .commit_beside(&place.item, writes, "message_failed", notes)
                .await;
        };
        let Some(loaded) = self.load(&place.item).await? else {
            return Err(Error::NotStarted(place.item.clone()));
        };
        let workflow = self
            .workflows
            .pinned(&loaded.row.instance.definition)
            .await?;
        let cause = Cause::Event(Event::Payment(Box::new(PaymentEvent {
            link: link.id,
            state: link.state,
            outcome: "delivery_failed".to_owned(),
            paid_at: None,
            tracking_no: None,
            set: Fields::new(),
            stays_open: false,
            makes_way: false,
        })));
        let extra = Extra {
            writes,
            notes,
            ..Extra::default()
        };
        self.apply(&workflow, &loaded, &cause, extra)
            .await
            .map(drop)
    }

    /// The open link of a message that has just failed, if no message about it has got through or may
    /// still do.
    async fn unheard_link(&self, failed: &MessageRow) -> Result<Option<LinkRow>, Error> {
        let Some(link) = &failed.link else {
            return Ok(None);
        };
        let messages = query::messages_of_link(self.store.as_ref(), link).await?;
        let mut others = messages.iter().filter(|other| other.id != failed.id);
        if others.any(|other| other.status != MessageStatus::Failed) {
            return Ok(None);
        }
        let link = query::link(self.store.as_ref(), link).await?;
        Ok(link.filter(|link| !link.status.is_closed()))
    }
}

fn carries_values(change: &Change) -> bool {
    matches!(
        change,
        Change::SetFields { .. } | Change::SetStage { .. } | Change::AttachReceipt { .. }
    )
}

/// The write as far as the item still has the values it carries: what a later input has replaced is not
/// written over it.
fn still_wanted(write: &HostWrite, instance: &Instance) -> Option<HostWrite> {
    let change = match &write.change {
        Change::SetFields { fields } => {
            let now = |name: &str| instance.fields.get(name);
            let fields: Fields = fields
                .iter()
                .filter(|(name, value)| match now(name) {
                    Some(current) => current == *value,
                    None => value.is_empty(),
                })
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            if fields.is_empty() {
                return None;
            }
            Change::SetFields { fields }
        }
        Change::SetStage { stage } if instance.stage.as_ref() != Some(stage) => return None,
        Change::AttachReceipt { field, receipt }
            if matches!(
                instance.fields.get(field),
                Some(Value::Receipt(other)) if other != receipt.as_str()
            ) =>
        {
            return None;
        }
        other => other.clone(),
    };
    Some(HostWrite {
        change,
        ..write.clone()
    })
}

/// Whether the same call may go through later. A repeat carries the same key.
fn may_pass(error: &host::Error) -> bool {
    matches!(error.retry, Retry::Later | Retry::SameKey)
}
