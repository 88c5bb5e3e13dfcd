//! Reading many links of one account in one call, where its gateway can, and a reading of every open link
//! when the engine starts.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::{Mutex as Plain, PoisonError};

use chrono::TimeDelta;
use payment::{ProviderRef, StatusReport};
use persistence::{Scan, Table};
use tokio::sync::Mutex;
use values::{AccountName, LinkId};

use crate::record::{self, LinkRow, TimerKind, TimerRow};
use crate::write::Batch;
use crate::{Core, Engine, Error, LIST_MAX, query};

/// Pause between two links of the sweep, so that a start is no herd.
const SWEEP_STEP: TimeDelta = TimeDelta::milliseconds(100);

/// The sweep has asked about every link after this time.
const SWEEP_MAX: TimeDelta = TimeDelta::minutes(10);

/// Who may read together.
#[derive(Debug, Default)]
pub(crate) struct Together {
    /// One call at a time: whoever waits finds its link read.
    turn: Mutex<()>,
    /// Accounts whose gateway reads links one by one.
    alone: Plain<BTreeSet<AccountName>>,
}

impl Together {
    fn reads_alone(&self, account: &AccountName) -> bool {
        let alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        alone.contains(account)
    }

    fn note_alone(&self, account: &AccountName) {
        let mut alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        alone.insert(account.clone());
    }
}

impl Engine {
    /// Brings the next reading of every open link forward, a little apart from each other; how many
    /// links that was. [`Engine::run`] does it once when it starts.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn sweep_links(&self) -> Result<usize, Error> {
        let mut swept = 0_usize;
        let mut scan = Scan::all(Table::Links).limit(LIST_MAX);
        loop {
            let rows = self.core.store.scan(scan).await?;
            let Some((last, _)) = rows.last() else {
                return Ok(swept);
            };
            scan = Scan::all(Table::Links).limit(LIST_MAX).after(last.clone());
            for (_, row) in &rows {
                let link = record::link_row(row)?;
                if self.core.bring_forward(&link, swept).await? {
                    swept = swept.saturating_add(1);
                }
            }
        }
    }
}

impl Core {
    /// Brings the reading of one open link forward; whether that was needed.
    async fn bring_forward(&self, link: &LinkRow, place: usize) -> Result<bool, Error> {
        // What may never have been made has its own time.
        if link.status.is_closed() || link.may_be_live() {
            return Ok(false);
        }
        let now = self.clock.now();
        let place = i32::try_from(place).unwrap_or(i32::MAX);
        let wait = SWEEP_STEP.checked_mul(place).unwrap_or(SWEEP_MAX);
        let due = now + wait.min(SWEEP_MAX);
        if link.next_poll.is_some_and(|next| next <= due) {
            return Ok(false);
        }
        let _turn = self.locks.lock(&link.item).await;
        if query::link(self.store.as_ref(), &link.id).await?.as_ref() != Some(link) {
            // Somebody has just dealt with it.
            return Ok(false);
        }
        let mut batch = Batch::new(now);
        batch.link_due(link.clone(), Some(due))?;
        self.commit_beside_quietly(&link.item, batch.into_writes())
            .await?;
        Ok(true)
    }

    /// Reads every due link of a link's account in one call. False when the link has to be read alone.
    pub(crate) async fn read_together(&self, link: &LinkRow) -> Result<bool, Error> {
        if self.together.reads_alone(&link.account) {
            return Ok(false);
        }
        let Some(gateway) = self.world.gateways.get(&link.account) else {
            return Ok(false);
        };
        let _turn = self.together.turn.lock().await;
        let fresh = query::link(self.store.as_ref(), &link.id).await?;
        if fresh.as_ref() != Some(link) {
            // Another call has read it meanwhile; what is due still will come again.
            return Ok(true);
        }
        let due = self.due_links(&link.account).await?;
        if due.len() < 2 {
            return Ok(false);
        }
        let names: Vec<ProviderRef> = due.iter().map(|link| link.provider_ref.clone()).collect();
        match gateway.status_many(self.call(), &names).await {
            None => {
                self.together.note_alone(&link.account);
                Ok(false)
            }
            Some(Ok(reports)) => self.heard_together(&link.id, &due, reports).await,
            Some(Err(error)) => {
                tracing::warn!(account = %link.account, %error, "the gateway does not say how the links are");
                for link in &due {
                    self.read_again(&link.id, &error).await?;
                }
                Ok(true)
            }
        }
    }

    /// Takes in what one call has said about many links. A failure of one stands in no other's way.
    async fn heard_together(
        &self,
        asked: &LinkId,
        due: &[LinkRow],
        reports: Vec<StatusReport>,
    ) -> Result<bool, Error> {
        let mut failed = None;
        for link in due {
            let report = reports
                .iter()
                .find(|report| self.is_about(link, &report.reference));
            let end = match report {
                Some(report) => self.pursue(link, report.clone()).await,
                None => self.poll_alone(link).await,
            };
            match end {
                Err(error) if error.is_fatal() || link.id == *asked => failed = Some(error),
                Err(error) => tracing::warn!(link = %link.id, %error, "it stays due"),
                Ok(()) => {}
            }
        }
        failed.map_or(Ok(true), Err)
    }

    /// Links of an account whose reading is due.
    async fn due_links(&self, account: &AccountName) -> Result<Vec<LinkRow>, Error> {
        let scan = Scan {
            table: Table::Timers,
            from: Bound::Unbounded,
            to: Bound::Excluded(record::after_due(self.clock.now())),
            limit: self.limits.due_batch,
        };
        let mut links = Vec::new();
        for (_, row) in self.store.scan(scan).await? {
            let row: TimerRow = record::decode(&row.open)?;
            let TimerKind::Poll { link } = &row.kind else {
                continue;
            };
            let Some(link) = query::link(self.store.as_ref(), link).await? else {
                continue;
            };
            let due = link.next_poll == Some(row.due);
            if due && !link.abandoned && link.account == *account {
                links.push(link);
            }
        }
        Ok(links)
    }
}
