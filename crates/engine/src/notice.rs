//! Calls of gateways. Signed facts are believed, everything else only makes us ask (clause 42).

use payment::Callback;
use persistence::Table;
use values::{AccountName, LinkId, Timestamp};

use crate::dispatcher::Place;
use crate::record::{self, OutboxRow, Work};
use crate::write::{Batch, never};
use crate::{Core, Error, query};

impl Core {
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
        if link.abandoned && !link.status.is_closed() && signed.is_none() {
            return self.close_abandoned(link).await;
        }
        let report = match signed {
            Some(report) => Ok(report),
            None => self.read(&link).await,
        };
        match report {
            Ok(report) => self.settle_link(&id, &report, "notice").await,
            Err(error) => {
                tracing::warn!(link = %id, %error, "the gateway calls and does not answer");
                Ok(())
            }
        }
    }

    /// A callback for a link we do not have yet: its creation is under way or unknown, so ask now.
    async fn early_notice(&self, reference: &str) -> Result<(), Error> {
        let Some(item) = query::item_of_reference(reference) else {
            return Ok(());
        };
        let _turn = self.locks.lock(&item).await;
        let Some(loaded) = self.load(&item).await? else {
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
