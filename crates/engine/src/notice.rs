//! Calls of gateways. Signed facts are believed, everything else only makes us ask (clause 42).

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use payment::{Callback, LinkStatus};
use persistence::Table;
use values::{AccountName, LinkId, Timestamp};

use crate::dispatcher::Place;
use crate::order::Known;
use crate::record::{self, OutboxRow, Work};
use crate::write::{Batch, never};
use crate::{Core, Error, query};

/// More early callers than this are not kept: their links are read when their turn comes.
const EARLY_MAX: usize = 1_024;

/// Between two requests that early callers have brought forward, per reference.
const EARLY_PAUSE: TimeDelta = TimeDelta::minutes(1);

/// References that a provider has called about before their link was recorded. Only a hint: whoever is
/// forgotten here is found by the regular readings.
#[derive(Debug, Default)]
pub(crate) struct EarlyCallers(Mutex<VecDeque<(String, Timestamp)>>);

impl EarlyCallers {
    /// Notes a caller; whether it is the first within a minute.
    fn note(&self, reference: &str, now: Timestamp) -> bool {
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = callers.iter_mut().find(|(caller, _)| caller == reference);
        if let Some((_, at)) = same {
            let first = now >= *at + EARLY_PAUSE;
            if first {
                *at = now;
            }
            return first;
        }
        if callers.len() >= EARLY_MAX {
            callers.pop_front();
        }
        callers.push_back((reference.to_owned(), now));
        true
    }

    /// Whether somebody has called about a reference; it is told once.
    pub(crate) fn take(&self, reference: &str) -> bool {
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = callers.len();
        callers.retain(|(caller, _)| caller != reference);
        callers.len() < before
    }
}

impl Core {
    /// When a gateway that plays its own customers calls next.
    pub(crate) fn next_notice(&self) -> Option<Timestamp> {
        let gateways = self.world.gateways.values();
        gateways
            .filter_map(|gateway| gateway.as_simulated()?.next_notice_at())
            .min()
    }

    /// Takes the notices of gateways that play their own customers. A notice that cannot be handled is
    /// only a hint lost: every open link is read regularly.
    pub(crate) async fn notices(&self, now: Timestamp) -> Result<usize, Error> {
        let mut taken = 0;
        for (account, gateway) in self.world.gateways.iter() {
            let Some(simulated) = gateway.as_simulated() else {
                continue;
            };
            for parts in simulated.take_notices(now) {
                taken += 1;
                let callback = gateway.read_callback(&parts);
                match self.notice(account, callback).await {
                    Err(error) if error.is_fatal() => return Err(error),
                    Err(error) => tracing::warn!(%account, %error, "a notice is lost"),
                    Ok(()) => {}
                }
            }
        }
        Ok(taken)
    }

    async fn notice(&self, account: &AccountName, callback: Callback) -> Result<(), Error> {
        let (reference, signed) = match callback {
            Callback::Verified { report, .. } => (report.reference.clone(), Some(report)),
            Callback::Hint { reference, .. } => (reference, None),
            Callback::Rejected { code } => {
                self.trace(account, &code);
                return Ok(());
            }
        };
        let known = self.known(account, &reference).await?;
        let Some(Known { reference, link }) = known else {
            return Ok(());
        };
        let Some(link) = link else {
            return self.early_notice(&reference).await;
        };
        if &link.account != account {
            tracing::warn!(%account, %reference, "a callback names a link of another account");
            return Ok(());
        }
        if link.abandoned && !link.status.is_closed() && signed.is_none() {
            return self.close_abandoned(link).await;
        }
        let report = match signed {
            Some(report) => Ok(report),
            None => self.read(&link).await,
        };
        match report {
            Ok(report) => self.settle_link(&link.id, &report, "notice").await,
            Err(error) => {
                tracing::warn!(link = %link.id, %error, "the gateway calls and does not answer");
                Ok(())
            }
        }
    }

    /// A callback for a link we do not have yet: its creation is under way or unknown, so ask now.
    pub(crate) async fn early_notice(&self, reference: &str) -> Result<(), Error> {
        let Some(item) = query::item_of_reference(reference) else {
            return Ok(());
        };
        let _turn = self.locks.lock(&item).await;
        let link = query::link(self.store.as_ref(), &LinkId::from(reference)).await?;
        if link.is_some_and(|link| link.status == LinkStatus::Creating) {
            // A person has it made right now, and it is read as soon as it is recorded.
            self.early_callers.note(reference, self.clock.now());
            return Ok(());
        }
        let Some(loaded) = self.load(&item).await? else {
            return Ok(());
        };
        let open = loaded.row.instance.activity.as_ref();
        if open.is_none_or(|open| open.reference != reference) {
            return Ok(());
        }
        // The link is read as soon as it is recorded: whoever calls has something to say.
        if !self.early_callers.note(reference, self.clock.now()) {
            return Ok(());
        }
        let Some(due) = loaded.row.intent_due else {
            return Ok(());
        };
        let key = record::outbox_key(due, reference);
        let row = self.store.get(Table::Outbox, &key).await?;
        let Some(row) = row.as_ref().map(OutboxRow::from_row).transpose()?.flatten() else {
            return Ok(());
        };
        let Work::Intent(mut intent) = row.work else {
            return Ok(());
        };
        let now = self.clock.now();
        let under_way = intent.claimed_by.as_ref() == Some(&self.epoch) && due != never();
        if under_way || due <= now || intent.answer.is_some() {
            return Ok(());
        }
        // The provider knows the reference, so even what was given up as unknown can be known now.
        intent.claimed_by = None;
        intent.parked = false;
        let place = Place {
            item,
            id: row.id,
            due: now,
            attempts: row.attempts,
        };
        let mut batch = Batch::new(now);
        batch.delete(Table::Outbox, key);
        batch.outbox_again(&place.with(Work::Intent(intent)))?;
        let notes = vec!["the provider knows the reference".to_owned()];
        self.commit_intent(loaded, now, batch, (None, notes)).await
    }
}
