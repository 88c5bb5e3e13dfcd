//! What is due: timers, outbox rows and notices, in one place for the pump and for the live loop.

use std::ops::Bound;

use chrono::TimeDelta;
use payment::{Call, Callback, Gateway};
use persistence::{Scan, Table};
use state_machine::{Event, Rejection};
use values::{AccountName, LinkId, Timestamp};

use crate::record::{self, Cause, LinkRow, TimerKind, TimerRow};
use crate::submit::Extra;
use crate::write::{Batch, never};
use crate::{Core, Error, query};

/// One thing to do now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// A timer's key.
    Timer(Vec<u8>),
    /// An outbox row's key.
    Work(Vec<u8>),
}

impl Core {
    /// Everything due by now, timers first, at most `limit` of each.
    pub(crate) async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Due>, Error> {
        let mut due = Vec::new();
        for (key, _) in self.rows_until(Table::Timers, now, limit).await? {
            due.push(Due::Timer(key));
        }
        for (key, _) in self.rows_until(Table::Outbox, now, limit).await? {
            due.push(Due::Work(key));
        }
        Ok(due)
    }

    async fn rows_until(
        &self,
        table: Table,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, persistence::Row)>, Error> {
        // Keys start with the due time, so everything up to the next millisecond is due.
        let end = record::due_prefix(now + TimeDelta::milliseconds(1));
        let scan = Scan {
            table,
            from: Bound::Unbounded,
            to: Bound::Excluded(end),
            limit,
        };
        Ok(self.store.scan(scan).await?)
    }

    /// When something is due next; `None` when everything waits for people or events.
    pub(crate) async fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        let mut next: Option<Timestamp> = None;
        for table in [Table::Timers, Table::Outbox] {
            let first = self.store.scan(Scan::all(table).limit(1)).await?;
            if let Some((key, _)) = first.first() {
                let due = record::due_of(key).filter(|due| *due < never());
                next = earliest(next, due);
            }
        }
        for gateway in self.world.gateways.values() {
            let notice = gateway
                .as_simulated()
                .and_then(|simulated| simulated.next_notice_at());
            next = earliest(next, notice);
        }
        Ok(next)
    }

    /// Does one thing that is due.
    pub(crate) async fn act(&self, due: Due) -> Result<(), Error> {
        match due {
            Due::Timer(key) => self.fire(key).await,
            Due::Work(key) => self.perform(key).await,
        }
    }

    /// Fires a timer. A timer of a state entry that is over is dropped (clause 46).
    async fn fire(&self, key: Vec<u8>) -> Result<(), Error> {
        let Some(row) = self.store.get(Table::Timers, &key).await? else {
            return Ok(());
        };
        let row: TimerRow = record::decode(&row.open)?;
        match row.kind {
            TimerKind::Poll { link } => self.poll(&link).await,
            TimerKind::State { name, entry } => {
                let _turn = self.locks.lock(&row.item).await;
                let Some(loaded) = self.load(&row.item).await? else {
                    return Ok(());
                };
                let workflow = self
                    .workflows
                    .pinned(&loaded.row.instance.definition)
                    .await?;
                let event = Event::Timer {
                    name,
                    entry,
                    due: row.due,
                };
                let late = self.clock.now() - row.due;
                let held = loaded.row.instance.held.is_some();
                let mut extra = Extra {
                    notes: vec![format!("due {}, late by {} s", row.due, late.num_seconds())],
                    ..Extra::default()
                };
                if held {
                    // Stored in the instance instead; the row has done its work.
                    let table = Table::Timers;
                    extra.writes.push(persistence::Write::Delete {
                        table,
                        key: key.clone(),
                    });
                }
                match self
                    .apply(&workflow, loaded, Cause::Event(event), extra)
                    .await
                {
                    Err(Error::Rejected(Rejection::Stale | Rejection::Ended { .. })) => {
                        let mut batch = Batch::new(row.due);
                        batch.delete(Table::Timers, key);
                        self.commit_beside_quietly(&row.item, batch.into_writes())
                            .await
                    }
                    Err(error) => Err(error),
                    Ok(_) => Ok(()),
                }
            }
        }
    }

    /// Reads a link again at its gateway and writes down what it says.
    async fn poll(&self, id: &LinkId) -> Result<(), Error> {
        let Some(link) = query::link(self.store.as_ref(), id).await? else {
            return Ok(());
        };
        match self.read(&link).await {
            Some(report) => self.settle_link(id, &report, "poll").await,
            None => {
                let _turn = self.locks.lock(&link.item).await;
                let mut batch = Batch::new(self.clock.now());
                batch.link(LinkRow {
                    polls: link.polls.saturating_add(1),
                    ..link.clone()
                })?;
                self.commit_beside_quietly(&link.item, batch.into_writes())
                    .await
            }
        }
    }

    /// The gateway's word about a link, if it gives one now.
    pub(crate) async fn read(&self, link: &LinkRow) -> Option<payment::StatusReport> {
        let gateway = self.gateway(&link.account)?;
        let now = self.clock.now();
        let call = Call {
            now,
            send_by: now + TimeDelta::seconds(30),
        };
        match gateway.status(call, &link.provider_ref).await {
            Ok(report) => Some(report),
            Err(error) => {
                tracing::warn!(link = %link.id, %error, "the gateway does not say how the link is");
                None
            }
        }
    }

    pub(crate) fn gateway(&self, account: &AccountName) -> Option<&std::sync::Arc<dyn Gateway>> {
        self.world.gateways.get(account)
    }

    /// Takes the notices of gateways that play their own customers.
    pub(crate) async fn notices(&self, now: Timestamp) -> Result<usize, Error> {
        let mut taken = 0;
        for (account, gateway) in self.world.gateways.iter() {
            let Some(simulated) = gateway.as_simulated() else {
                continue;
            };
            for parts in simulated.take_notices(now) {
                taken += 1;
                let callback = gateway.read_callback(&parts);
                self.notice(account, callback).await?;
            }
        }
        Ok(taken)
    }

    /// A callback: signed facts are believed, everything else only makes us ask (clause 42).
    pub(crate) async fn notice(
        &self,
        account: &AccountName,
        callback: Callback,
    ) -> Result<(), Error> {
        let (reference, signed) = match callback {
            Callback::Verified { report, .. } => (report.reference.clone(), Some(report)),
            Callback::Hint { reference, .. } => (reference, None),
            Callback::Rejected { code } => {
                tracing::warn!(%account, %code, "a callback was refused");
                return Ok(());
            }
        };
        let id = LinkId::from(reference.as_str());
        let Some(link) = query::link(self.store.as_ref(), &id).await? else {
            return self.early_notice(&reference).await;
        };
        if &link.account != account {
            tracing::warn!(%account, %reference, "a callback names a link of another account");
            return Ok(());
        }
        let report = match signed {
            Some(report) => Some(report),
            None => self.read(&link).await,
        };
        match report {
            Some(report) => self.settle_link(&id, &report, "notice").await,
            None => Ok(()),
        }
    }

    /// A callback for a link we do not have yet: its creation is under way or unknown.
    async fn early_notice(&self, reference: &str) -> Result<(), Error> {
        let Some(item) = query::item_of_reference(reference) else {
            return Ok(());
        };
        let Some(loaded) = self.load(&item).await? else {
            return Ok(());
        };
        self.hurry(&loaded.row.instance, reference).await
    }
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
