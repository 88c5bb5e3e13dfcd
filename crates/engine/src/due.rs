//! What is due: timers and outbox rows, in one place for the pump and for the live loop.

use std::ops::Bound;

use chrono::TimeDelta;
use payment::{Call, ErrorClass, GatewayError, LinkStatus, StatusReport};
use persistence::{Scan, Table};
use state_machine::{Event, Rejection};
use values::{LinkId, Timestamp};

use crate::record::{self, Cause, LinkRow, TimerKind, TimerRow};
use crate::resting::Trouble;
use crate::submit::Extra;
use crate::write::{Batch, never};
use crate::{Core, Error, links, query};

/// How long one reading of a link may take.
const READ_SECONDS: i64 = 30;

/// One thing to do now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// A timer's key.
    Timer(Vec<u8>),
    /// An outbox row's key.
    Work(Vec<u8>),
}

impl Due {
    fn of(table: Table, key: Vec<u8>) -> Due {
        match table {
            Table::Timers => Due::Timer(key),
            _ => Due::Work(key),
        }
    }
}

impl std::fmt::Display for Due {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (what, key) = match self {
            Due::Timer(key) => ("timer", key),
            Due::Work(key) => ("work", key),
        };
        let id = key.get(8..).unwrap_or_default();
        write!(f, "{what} {}", id.escape_ascii())
    }
}

impl Core {
    /// Everything due by now that does not rest after a failure, timers first, at most `limit` of each.
    pub(crate) async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Due>, Error> {
        let resting = self.resting.at(now);
        let mut due = Vec::new();
        for table in [Table::Timers, Table::Outbox] {
            let scan = Scan {
                table,
                from: Bound::Unbounded,
                to: Bound::Excluded(record::after_due(now)),
                limit: limit.saturating_add(resting.len()),
            };
            let rows = self.store.scan(scan).await?;
            let free = rows
                .into_iter()
                .map(|(key, _)| Due::of(table, key))
                .filter(|due| !resting.contains(due));
            due.extend(free.take(limit));
        }
        Ok(due)
    }

    /// When something is due next; `None` when everything waits for people or events.
    pub(crate) async fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        let now = self.clock.now();
        self.next_due_but(now, |_| false, 0).await
    }

    /// The same without what is skipped, which is at most so many rows.
    pub(crate) async fn next_due_but(
        &self,
        now: Timestamp,
        skip: impl Fn(&Due) -> bool,
        skipped_max: usize,
    ) -> Result<Option<Timestamp>, Error> {
        let resting = self.resting.at(now);
        let mut next = self.resting.next(now);
        for table in [Table::Timers, Table::Outbox] {
            let limit = resting.len().saturating_add(skipped_max).saturating_add(1);
            let rows = self.store.scan(Scan::all(table).limit(limit)).await?;
            let first = rows
                .into_iter()
                .map(|(key, _)| Due::of(table, key))
                .find(|due| !resting.contains(due) && !skip(due));
            if let Some(Due::Timer(key) | Due::Work(key)) = first {
                let due = record::due_of(&key).filter(|due| *due < never());
                next = earliest(next, due);
            }
        }
        Ok(earliest(next, self.next_notice()))
    }

    /// Does one thing that is due. A failure puts it to rest for a while, so that it stands in nobody's
    /// way; only a store that has stopped is an error.
    pub(crate) async fn act(&self, due: &Due) -> Result<Option<Trouble>, Error> {
        let result = match due {
            Due::Timer(key) => self.fire(key.clone()).await,
            Due::Work(key) => self.perform(key.clone()).await,
        };
        match result {
            Ok(()) => {
                self.resting.clear(due);
                Ok(None)
            }
            Err(error) => self.rest(due, error).map(Some),
        }
    }

    /// Lets what has failed rest.
    pub(crate) fn rest(&self, due: &Due, error: Error) -> Result<Trouble, Error> {
        if error.is_fatal() {
            return Err(error);
        }
        let until = self.resting.fail(due, self.clock.now());
        tracing::warn!(%due, %error, %until, "it stays due");
        Ok(if error.may_pass() {
            Trouble::Passing
        } else {
            Trouble::Lasting(error)
        })
    }

    /// Removes a row that belongs to nothing any more.
    pub(crate) async fn sweep(&self, table: Table, key: Vec<u8>) -> Result<(), Error> {
        let _turn = self.sweeping.lock().await;
        let subject = record::sweep_key();
        let stored = self.store.subject(&subject).await?;
        let mut batch = Batch::new(self.clock.now());
        batch.delete(table, key);
        self.store
            .commit(persistence::Commit {
                subject,
                expected: stored.map_or(0, |stored| stored.version),
                state: None,
                writes: batch.into_writes(),
                history: Vec::new(),
            })
            .await?;
        Ok(())
    }

    /// Fires a timer. A timer of a state entry that is over is dropped (clause 46).
    async fn fire(&self, key: Vec<u8>) -> Result<(), Error> {
        let Some(row) = self.store.get(Table::Timers, &key).await? else {
            return Ok(());
        };
        let row: TimerRow = record::decode(&row.open)?;
        match &row.kind {
            TimerKind::Poll { link } => self.poll(&row, link, key).await,
            TimerKind::State { name, entry } => {
                let event = Event::Timer {
                    name: name.clone(),
                    entry: *entry,
                    due: row.due,
                };
                self.fire_state(&row, event, key).await
            }
        }
    }

    async fn fire_state(&self, row: &TimerRow, event: Event, key: Vec<u8>) -> Result<(), Error> {
        let _turn = self.locks.lock(&row.item).await;
        let Some(loaded) = self.load(&row.item).await? else {
            return self.sweep(Table::Timers, key).await;
        };
        let workflow = self
            .workflows
            .pinned(&loaded.row.instance.definition)
            .await?;
        let late = self.clock.now() - row.due;
        // Fired or kept for later in the instance: this row has done its work either way.
        let mut batch = Batch::new(row.due);
        batch.delete(Table::Timers, key);
        let writes = batch.into_writes();
        let extra = Extra {
            notes: vec![format!("due {}, late by {} s", row.due, late.num_seconds())],
            writes: writes.clone(),
            ..Extra::default()
        };
        match self
            .apply(&workflow, &loaded, &Cause::Event(event), extra)
            .await
        {
            Err(Error::Rejected(Rejection::Stale | Rejection::Ended { .. })) => {
                self.commit_beside_quietly(&row.item, writes).await
            }
            other => other.map(drop),
        }
    }

    /// Reads a link again at its gateway and writes down what it says.
    async fn poll(&self, row: &TimerRow, id: &LinkId, key: Vec<u8>) -> Result<(), Error> {
        let link = query::link(self.store.as_ref(), id).await?;
        let Some(link) = link.filter(|link| link.next_poll == Some(row.due)) else {
            return self.sweep(Table::Timers, key).await;
        };
        if link.status == LinkStatus::Creating {
            return self.give_up_making(&link).await;
        }
        if link.abandoned && !link.status.is_closed() {
            return self.close_abandoned(link).await;
        }
        if self.read_together(&link).await? {
            return Ok(());
        }
        self.poll_alone(&link).await
    }

    /// Reads one link, and does what its state asks for.
    pub(crate) async fn poll_alone(&self, link: &LinkRow) -> Result<(), Error> {
        match self.read(link).await {
            Ok(report) => self.pursue(link, report).await,
            Err(error) => {
                tracing::warn!(link = %link.id, %error, "the gateway does not say how the link is");
                self.read_again(&link.id, &error).await
            }
        }
    }

    /// Sets the time of the next reading after one that failed.
    pub(crate) async fn read_again(&self, id: &LinkId, error: &GatewayError) -> Result<(), Error> {
        let Some(link) = query::link(self.store.as_ref(), id).await? else {
            return Ok(());
        };
        let _turn = self.locks.lock(&link.item).await;
        let Some(link) = query::link(self.store.as_ref(), id).await? else {
            return Ok(());
        };
        let now = self.clock.now();
        let mut batch = Batch::new(now);
        if error.class == ErrorClass::Permanent {
            let polls = link.polls.saturating_add(1);
            batch.link(LinkRow {
                polls,
                ..link.clone()
            })?;
        } else {
            let due = links::poll_after_failure(&link, now, error.retry_after);
            batch.link_due(link.clone(), Some(due))?;
        }
        self.commit_beside_quietly(&link.item, batch.into_writes())
            .await
    }

    /// The gateway's word about a link.
    pub(crate) async fn read(&self, link: &LinkRow) -> Result<StatusReport, GatewayError> {
        let Some(gateway) = self.world.gateways.get(&link.account) else {
            let message = format!("no gateway serves account `{}`", link.account);
            return Err(GatewayError::retryable("account_unknown", message));
        };
        gateway.status(self.call(), &link.provider_ref).await
    }

    /// A call made now.
    pub(crate) fn call(&self) -> Call {
        let now = self.clock.now();
        Call {
            now,
            send_by: now + TimeDelta::seconds(READ_SECONDS),
        }
    }
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
