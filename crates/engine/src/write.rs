//! A decision as rows: everything that one commit must hold.

use host::{Change, HostWrite};
use persistence::{Row, Store, Table, Write};
use serde::{Deserialize, Serialize};
use state_machine::{Event, Instance, KeptEvent};
use values::{Fields, ItemRef, LinkId, Timestamp};

use crate::Error;
use crate::decide::{Decided, Intent};
use crate::links;
use crate::record::{
    self, AttentionRow, Cause, InstanceRow, IntentRow, LinkRow, MessageRow, OutboxRow, TimerKind,
    TimerRow, Work,
};
use crate::workflow::Workflow;

/// Work that waits for a person is due then: no clock shows it.
pub(crate) fn never() -> Timestamp {
    chrono::DateTime::from_timestamp(253_402_300_799, 0).unwrap_or(Timestamp::MAX_UTC)
}

/// Rows of one commit in the making.
pub(crate) struct Batch {
    now: Timestamp,
    writes: Vec<Write>,
    intent_due: Option<Timestamp>,
}

impl Batch {
    pub(crate) fn new(now: Timestamp) -> Batch {
        Batch {
            now,
            writes: Vec::new(),
            intent_due: None,
        }
    }

    /// A row whose key has never been used.
    pub(crate) fn fresh(&mut self, table: Table, key: Vec<u8>, row: Row) {
        self.writes.push(Write::Fresh { table, key, row });
    }

    pub(crate) fn put(&mut self, table: Table, key: Vec<u8>, row: Row) {
        self.writes.push(Write::Put { table, key, row });
    }

    pub(crate) fn delete(&mut self, table: Table, key: Vec<u8>) {
        self.writes.push(Write::Delete { table, key });
    }

    pub(crate) fn extend(&mut self, writes: Vec<Write>) {
        self.writes.extend(writes);
    }

    /// The writes alone, for a commit that leaves the instance as it is.
    pub(crate) fn into_writes(self) -> Vec<Write> {
        self.writes
    }

    /// Puts new work into the outbox.
    pub(crate) fn outbox(&mut self, row: &OutboxRow) -> Result<(), Error> {
        let key = record::outbox_key(row.due, &row.id);
        self.fresh(Table::Outbox, key, row.to_row()?);
        Ok(())
    }

    /// Puts work back into the outbox: at another time, which may be one it had before.
    pub(crate) fn outbox_again(&mut self, row: &OutboxRow) -> Result<(), Error> {
        let key = record::outbox_key(row.due, &row.id);
        self.put(Table::Outbox, key, row.to_row()?);
        Ok(())
    }

    /// The rows that follow the instance itself: its timers and its open request.
    pub(crate) async fn instance(
        &mut self,
        before: &InstanceRow,
        decided: &Decided,
        cause: &Cause,
        store: &dyn Store,
    ) -> Result<(), Error> {
        let item = &decided.instance.item;
        let owner = item.to_string();
        for timer in &decided.timers_cancelled {
            let key = record::timer_key(timer.due, &owner, timer.entry, &timer.name);
            self.delete(Table::Timers, key);
        }
        for timer in &decided.timers_set {
            let key = record::timer_key(timer.due, &owner, timer.entry, &timer.name);
            let kind = TimerKind::State {
                name: timer.name.clone(),
                entry: timer.entry,
            };
            let row = TimerRow {
                item: item.as_ref().clone(),
                due: timer.due,
                kind,
            };
            let row = Row::open(record::encode(&row)?);
            // Within one entry a timer may be moved away and back again.
            if timer.entry > before.instance.entry {
                self.fresh(Table::Timers, key, row);
            } else {
                self.put(Table::Timers, key, row);
            }
        }
        self.open_request(before, decided, cause, store).await
    }

    /// What becomes of the request that was open before.
    async fn open_request(
        &mut self,
        before: &InstanceRow,
        decided: &Decided,
        cause: &Cause,
        store: &dyn Store,
    ) -> Result<(), Error> {
        self.intent_due = before.intent_due;
        let (Some(due), Some(open)) = (before.intent_due, &before.instance.activity) else {
            return if decided.reopen && decided.instance.entry == before.instance.entry {
                let item = &decided.instance.item;
                Err(Error::Invariant(format!("{item} has no request to repeat")))
            } else {
                Ok(())
            };
        };
        let key = record::outbox_key(due, &open.reference);
        let left = decided.instance.entry != before.instance.entry;
        if left || matches!(cause, Cause::Concluded(_) | Cause::Ended { .. }) {
            self.delete(Table::Outbox, key);
            self.intent_due = None;
            return Ok(());
        }
        if decided.reopen {
            return self.reschedule(key, self.now, false, store).await;
        }
        // Also while the item is held: the word that nobody knows is kept, and not asked for again.
        if matches!(cause, Cause::Event(Event::Unknown { .. })) {
            return self.reschedule(key, never(), true, store).await;
        }
        Ok(())
    }

    /// Stores the request of the activity that was entered.
    pub(crate) fn new_request(
        &mut self,
        decided: &Decided,
        intent: &Intent,
        blocked_by: &[LinkId],
    ) -> Result<(), Error> {
        self.intent_due = Some(self.now);
        self.outbox(&OutboxRow {
            item: decided.instance.item.as_ref().clone(),
            id: intent.reference.clone(),
            due: self.now,
            attempts: 0,
            work: Work::Intent(Box::new(IntentRow {
                state: intent.state.clone(),
                entry: intent.entry,
                reference: intent.reference.clone(),
                request: intent.request.clone(),
                opened_at: self.now,
                earlier: Vec::new(),
                claimed_by: None,
                parked: false,
                blocked_by: blocked_by.to_vec(),
                answer: None,
            })),
        })
    }

    /// Moves the stored request to another time: now for a retry, never while it is parked.
    async fn reschedule(
        &mut self,
        key: Vec<u8>,
        due: Timestamp,
        parked: bool,
        store: &dyn Store,
    ) -> Result<(), Error> {
        let row = store.get(Table::Outbox, &key).await?;
        let Some(mut row) = row.as_ref().map(OutboxRow::from_row).transpose()?.flatten() else {
            return Err(Error::Invariant("a request is gone".to_owned()));
        };
        self.delete(Table::Outbox, key);
        row.due = due;
        if let Work::Intent(intent) = &mut row.work {
            intent.parked = parked;
            intent.claimed_by = None;
            if !parked {
                row.attempts = 0;
            }
        }
        self.intent_due = Some(due);
        self.outbox_again(&row)
    }

    /// Messages and writes to the host.
    pub(crate) fn consequences(
        &mut self,
        decided: &Decided,
        more: Vec<Change>,
    ) -> Result<(), Error> {
        for message in &decided.messages {
            self.message(message)?;
            let id = message.id.as_str().to_owned();
            self.work(decided, id, Work::Message(message.id.clone()))?;
        }
        let item = decided.instance.item.as_ref();
        let commit = format!("{item}/r{}", decided.instance.revision);
        let changes = decided.host_changes.iter().cloned().chain(more);
        let writes: Vec<HostWrite> = changes
            .enumerate()
            .map(|(index, change)| HostWrite {
                key: format!("{commit}/{index}"),
                item: item.clone(),
                change,
            })
            .collect();
        if writes.is_empty() {
            return Ok(());
        }
        self.work(decided, commit, Work::HostWrites(writes))
    }

    fn work(&mut self, decided: &Decided, id: String, work: Work) -> Result<(), Error> {
        self.outbox(&OutboxRow {
            item: decided.instance.item.as_ref().clone(),
            id,
            due: self.now,
            attempts: 0,
            work,
        })
    }

    pub(crate) fn message(&mut self, message: &MessageRow) -> Result<(), Error> {
        let key = message.id.as_str().as_bytes().to_vec();
        self.put(
            Table::Messages,
            key,
            Row::new(Vec::new(), record::encode(message)?),
        );
        Ok(())
    }

    /// Writes a link that was made; it is read at once when the provider has already called about it.
    pub(crate) fn new_link(&mut self, link: LinkRow, called: bool) -> Result<(), Error> {
        if called {
            let now = self.now;
            return self.link_due(link, Some(now));
        }
        self.link(link)
    }

    /// Writes a link and the timer of its next regular reading.
    pub(crate) fn link(&mut self, link: LinkRow) -> Result<(), Error> {
        let due = links::next_poll(&link, self.now);
        self.link_due(link, due)
    }

    /// Writes a link and the timer of its next reading.
    pub(crate) fn link_due(
        &mut self,
        mut link: LinkRow,
        due: Option<Timestamp>,
    ) -> Result<(), Error> {
        let owner = link.item.to_string();
        let key = |due| record::timer_key(due, &owner, 0, link.id.as_str());
        if link.next_poll != due {
            if let Some(before) = link.next_poll {
                self.delete(Table::Timers, key(before));
            }
            if let Some(due) = due {
                let kind = TimerKind::Poll {
                    link: link.id.clone(),
                };
                let row = TimerRow {
                    item: link.item.clone(),
                    due,
                    kind,
                };
                // A reading brought forward may come back to the time it had.
                self.put(Table::Timers, key(due), Row::open(record::encode(&row)?));
            }
        }
        link.next_poll = due;
        let key = link.id.as_str().as_bytes().to_vec();
        self.put(Table::Links, key, record::row_of_link(link)?);
        Ok(())
    }

    /// A link as this commit writes it, if it does.
    pub(crate) fn written_link(&self, id: &LinkId) -> Result<Option<LinkRow>, Error> {
        written_link(&self.writes, id)
    }

    /// Takes something off the list of what a person must look at.
    pub(crate) fn attended(&mut self, item: &ItemRef, reason: &str) {
        self.delete(Table::Attention, record::attention_key(item, reason));
    }

    /// Puts something on the list of what a person must look at.
    pub(crate) fn attention(&mut self, reason: &str, row: &AttentionRow) -> Result<(), Error> {
        let key = record::attention_key(&row.item, reason);
        self.put(Table::Attention, key, row.to_row()?);
        Ok(())
    }

    /// An incident is on that list for as long as it lasts.
    pub(crate) fn incident(&mut self, before: &Instance, after: &Instance) -> Result<(), Error> {
        const REASON: &str = "incident";
        match (&before.incident, &after.incident) {
            (before, Some(incident)) if before.as_ref() != Some(incident) => self.attention(
                REASON,
                &AttentionRow {
                    item: after.item.as_ref().clone(),
                    reason: String::new(),
                    code: incident.code.clone(),
                    message: incident.message.clone(),
                    since: incident.since,
                },
            ),
            (Some(_), None) => {
                self.attended(&after.item, REASON);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The instance's own row, and all other writes.
    pub(crate) fn finish(self, instance: Instance) -> (InstanceRow, Vec<Write>) {
        let row = InstanceRow {
            instance,
            intent_due: self.intent_due,
        };
        (row, self.writes)
    }
}

/// A link as a commit in the making writes it, if it does.
pub(crate) fn written_link(writes: &[Write], id: &LinkId) -> Result<Option<LinkRow>, Error> {
    let place = (Table::Links, id.as_str().as_bytes());
    let last = writes.iter().rev().find(|write| write.place() == place);
    let row = last.and_then(Write::row);
    row.map(record::link_row).transpose()
}

/// The personal half of an instance's row.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Personal {
    /// Values of fields that are declared personal.
    #[serde(rename = "f", default, skip_serializing_if = "Fields::is_empty")]
    fields: Fields,
    /// Events that came early, with what they carry.
    #[serde(rename = "b", default, skip_serializing_if = "Vec::is_empty")]
    inbox: Vec<KeptEvent>,
    /// Inputs that are kept until they can be applied.
    #[serde(rename = "q", default, skip_serializing_if = "Vec::is_empty")]
    deferred: Vec<Event>,
    /// The input of an incident.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    incident: Option<Box<Event>>,
}

/// Splits an instance into the half that stays and the half that can be erased.
pub(crate) fn stored_row(mut row: InstanceRow, workflow: &Workflow) -> Result<Row, Error> {
    let declared = &workflow.definition.model().fields;
    let is_personal = |name: &String| declared.get(name).is_some_and(|field| field.personal);
    let instance = &mut row.instance;
    let mut personal = Personal {
        fields: Fields::new(),
        inbox: std::mem::take(&mut instance.inbox),
        deferred: std::mem::take(&mut instance.deferred),
        incident: instance
            .incident
            .as_mut()
            .and_then(|incident| incident.input.take()),
    };
    if instance.fields.keys().any(is_personal) {
        let (own, open) = instance
            .fields
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .partition(|(name, _)| is_personal(name));
        personal.fields = own;
        instance.fields = std::sync::Arc::new(open);
    }
    let half = if personal == Personal::default() {
        Vec::new()
    } else {
        record::encode(&personal)?
    };
    Ok(Row::new(record::encode(&row)?, half))
}

/// Puts the two halves of an instance together again; an erased half leaves its fields empty.
pub(crate) fn instance_row(row: &Row) -> Result<InstanceRow, Error> {
    let mut whole: InstanceRow = record::decode(&row.open)?;
    if row.personal.is_empty() {
        return Ok(whole);
    }
    let personal: Personal = record::decode(&row.personal)?;
    let instance = &mut whole.instance;
    if !personal.fields.is_empty() {
        std::sync::Arc::make_mut(&mut instance.fields).extend(personal.fields);
    }
    instance.inbox = personal.inbox;
    instance.deferred = personal.deferred;
    if let Some(incident) = &mut instance.incident {
        incident.input = personal.incident;
    }
    Ok(whole)
}
