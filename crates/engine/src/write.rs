//! A decision as rows: everything that one commit must hold.

use activity::Accounts;
use host::{Change, HostWrite};
use persistence::{Row, Store, Table, Write};
use serde::{Deserialize, Serialize};
use state_machine::{Event, Instance};
use values::{Fields, ItemRef, Timestamp};

use crate::Error;
use crate::decide::Decided;
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

    /// Puts a row of work into the outbox.
    pub(crate) fn outbox(&mut self, row: &OutboxRow) -> Result<(), Error> {
        let key = record::outbox_key(row.due, &row.id);
        // Messages and host writes may name people, an intent's request too.
        self.fresh(
            Table::Outbox,
            key,
            Row::new(Vec::new(), record::encode(row)?),
        );
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
        for timer in &decided.timers_cancelled {
            let key = record::timer_key(timer.due, &item.to_string(), timer.entry, &timer.name);
            self.delete(Table::Timers, key);
        }
        for timer in &decided.timers_set {
            let key = record::timer_key(timer.due, &item.to_string(), timer.entry, &timer.name);
            let kind = TimerKind::State {
                name: timer.name.clone(),
                entry: timer.entry,
            };
            let row = TimerRow {
                item: item.as_ref().clone(),
                due: timer.due,
                kind,
            };
            self.fresh(Table::Timers, key, Row::open(record::encode(&row)?));
        }
        self.intent(before, decided, cause, store).await
    }

    async fn intent(
        &mut self,
        before: &InstanceRow,
        decided: &Decided,
        cause: &Cause,
        store: &dyn Store,
    ) -> Result<(), Error> {
        self.intent_due = before.intent_due;
        if let (Some(due), Some(open)) = (before.intent_due, &before.instance.activity) {
            let key = record::outbox_key(due, &open.reference);
            let concluded = matches!(cause, Cause::Concluded(_) | Cause::Ended { .. });
            let left = decided.instance.entry != before.instance.entry;
            let parked = decided
                .instance
                .activity
                .as_ref()
                .is_some_and(|open| open.parked);
            if left || concluded {
                self.delete(Table::Outbox, key);
                self.intent_due = None;
            } else if decided.reopen || parked {
                let due = if decided.reopen { self.now } else { never() };
                self.reschedule(key, due, parked, store).await?;
            }
        }
        let Some(intent) = &decided.intent else {
            return Ok(());
        };
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
        let Some(row) = store.get(Table::Outbox, &key).await? else {
            return Ok(());
        };
        let mut row: OutboxRow = record::decode(&row.personal)?;
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
        self.outbox(&row)
    }

    /// Messages, links and writes to the host.
    pub(crate) fn consequences(
        &mut self,
        decided: &Decided,
        more: &[Change],
        accounts: &Accounts,
    ) -> Result<(), Error> {
        let _ = accounts;
        let item = decided.instance.item.as_ref();
        for link in &decided.links {
            self.link(link.clone())?;
        }
        for message in &decided.messages {
            self.message(message)?;
            let id = message.id.as_str().to_owned();
            let work = Work::Message(message.id.clone());
            self.work(item, id, work)?;
        }
        for (index, change) in decided.host_changes.iter().chain(more).enumerate() {
            let key = format!("{item}/r{}/{index}", decided.instance.revision);
            let write = HostWrite {
                key: key.clone(),
                item: item.clone(),
                change: change.clone(),
            };
            self.work(item, key, Work::HostWrite(Box::new(write)))?;
        }
        Ok(())
    }

    fn work(&mut self, item: &ItemRef, id: String, work: Work) -> Result<(), Error> {
        self.outbox(&OutboxRow {
            item: item.clone(),
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

    /// Writes a link and the timer of its next reading.
    pub(crate) fn link(&mut self, mut link: LinkRow) -> Result<(), Error> {
        if let Some(due) = link.next_poll {
            let key = record::timer_key(due, &link.item.to_string(), 0, link.id.as_str());
            self.delete(Table::Timers, key);
        }
        link.next_poll = links::next_poll(&link, self.now);
        if let Some(due) = link.next_poll {
            let key = record::timer_key(due, &link.item.to_string(), 0, link.id.as_str());
            let kind = TimerKind::Poll {
                link: link.id.clone(),
            };
            let row = TimerRow {
                item: link.item.clone(),
                due,
                kind,
            };
            self.fresh(Table::Timers, key, Row::open(record::encode(&row)?));
        }
        let key = link.id.as_str().as_bytes().to_vec();
        self.put(Table::Links, key, Row::open(record::encode(&link)?));
        Ok(())
    }

    /// The attention list: an incident is on it for as long as it lasts.
    pub(crate) fn attention(&mut self, before: &Instance, after: &Instance) -> Result<(), Error> {
        let key = record::attention_key(&after.item, "incident");
        match (&before.incident, &after.incident) {
            (_, Some(incident)) => {
                let row = AttentionRow {
                    item: after.item.as_ref().clone(),
                    code: incident.code.clone(),
                    message: incident.message.clone(),
                    since: incident.since,
                };
                self.put(Table::Attention, key, Row::open(record::encode(&row)?));
            }
            (Some(_), None) => self.delete(Table::Attention, key),
            (None, None) => {}
        }
        Ok(())
    }

    /// The instance's own row, and all other writes.
    pub(crate) fn finish(
        self,
        instance: &Instance,
        workflow: &Workflow,
    ) -> Result<(Row, Vec<Write>), Error> {
        let row = InstanceRow {
            instance: instance.clone(),
            intent_due: self.intent_due,
        };
        Ok((stored_row(row, workflow)?, self.writes))
    }
}

/// The personal half of an instance's row.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Personal {
    /// Values of fields that are declared personal.
    #[serde(rename = "f", default, skip_serializing_if = "Fields::is_empty")]
    fields: Fields,
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
        deferred: std::mem::take(&mut instance.deferred),
        incident: instance
            .incident
            .as_mut()
            .and_then(|incident| incident.input.take()),
        ..Personal::default()
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
    let nothing =
        personal.fields.is_empty() && personal.deferred.is_empty() && personal.incident.is_none();
    let half = if nothing {
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
    instance.deferred = personal.deferred;
    if let Some(incident) = &mut instance.incident {
        incident.input = personal.incident;
    }
    Ok(whole)
}

impl Batch {
    /// The writes alone, for a commit that leaves the instance as it is.
    pub(crate) fn into_writes(self) -> Vec<Write> {
        self.writes
    }
}
