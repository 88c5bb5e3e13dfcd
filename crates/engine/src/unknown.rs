//! Links that a provider has and the ledger does not know: put on the attention list, once (clause 44).

use std::sync::PoisonError;
use std::time::Duration;

use chrono::TimeDelta;
use payment::ListedLink;
use persistence::{Commit, Row, Table};
use serde_json::json;
use values::{AccountName, ItemRef, UserId};

use crate::compare::span_back;
use crate::limits::{SWEEP_BACK, UNKNOWN_PER_SWEEP_MAX};
use crate::record::{self, AttentionRow, LinkRow};
use crate::write::Batch;
use crate::{Core, Engine, Error};

/// Between two sweeps of a running engine.
const SWEEP_EVERY: TimeDelta = TimeDelta::days(1);

/// How often a running engine looks whether a sweep is due: its clock may jump.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The entity under which what concerns a whole account is on the attention list.
const ACCOUNT: &str = "payment-account";

/// A name at the provider is cut off after so many characters.
const NAME_CHARS_MAX: usize = 120;

impl Engine {
    /// Reads the lists of all providers that have one for the last days, and puts what nobody knows on the
    /// attention list; how many links that were. [`Engine::run`] does it when it starts, and daily.
    ///
    /// # Errors
    ///
    /// When the store fails. A provider that does not answer is asked again the next time.
    pub async fn sweep_unknown(&self) -> Result<usize, Error> {
        let core = &self.core;
        let mut noted = 0_usize;
        let accounts: Vec<AccountName> = core.world.gateways.keys().cloned().collect();
        for account in accounts {
            let span = span_back(core.clock.now(), SWEEP_BACK);
            let listed = match core.listed(&account, span, None).await {
                None => continue,
                Some(Ok((listed, _))) => listed,
                Some(Err(error)) => {
                    tracing::warn!(%account, %error, "the provider does not list its links");
                    continue;
                }
            };
            for line in listed {
                if noted >= UNKNOWN_PER_SWEEP_MAX {
                    tracing::warn!(%account, noted, "more unknown links than one sweep notes");
                    return Ok(noted);
                }
                if core.known_line(&account, &line).await?.is_none() {
                    let new = core.note_unknown(&account, &line).await?;
                    noted = noted.saturating_add(usize::from(new));
                }
            }
        }
        Ok(noted)
    }

    /// Does the same when this engine has not done it for a day; `None` when it is too early. For whoever pumps
    /// the engine without [`Engine::run`].
    ///
    /// # Errors
    ///
    /// As [`Engine::sweep_unknown`].
    pub async fn sweep_unknown_if_due(&self) -> Result<Option<usize>, Error> {
        let now = self.core.clock.now();
        {
            let mut last = self
                .core
                .swept_at
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            // A clock that was set back is no reason to wait for it.
            if last.is_some_and(|last| last <= now && now < last + SWEEP_EVERY) {
                return Ok(None);
            }
            *last = Some(now);
        }
        self.sweep_unknown().await.map(Some)
    }

    /// What a running engine does by itself besides its rows: every open link is asked about once, and the
    /// providers' lists are read now and then. It ends only when the store has stopped.
    pub(crate) async fn rounds(&self) -> Error {
        // Calls that came while nobody listened are lost.
        match self.sweep_links().await {
            Err(error) if error.is_fatal() => return error,
            Err(error) => tracing::warn!(%error, "the sweep of open links ended early"),
            Ok(links) => tracing::debug!(links, "open links are read again"),
        }
        loop {
            match self.sweep_unknown_if_due().await {
                Err(error) if error.is_fatal() => return error,
                Err(error) => tracing::warn!(%error, "the sweep of unknown links ended early"),
                Ok(Some(links)) => tracing::debug!(links, "links that nobody knows are noted"),
                Ok(None) => {}
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Core {
    /// What a line of a provider's list is to us: `None` when it is nothing of ours; else its link, unless that
    /// is still being made. Accounts may share one page at a provider, so any account of that gateway may know it.
    pub(crate) async fn known_line(
        &self,
        account: &AccountName,
        line: &ListedLink,
    ) -> Result<Option<Option<LinkRow>>, Error> {
        let gateway = |account: &AccountName| {
            let gateway = self.world.gateways.get(account);
            gateway.map(|gateway| gateway.descriptor().name)
        };
        if let Some(known) = self.known(account, &line.name).await? {
            return Ok(Some(known.link));
        }
        for other in self.world.gateways.keys() {
            if other == account || gateway(other) != gateway(account) {
                continue;
            }
            if self.known(other, &line.name).await?.is_some() {
                // The other account compares it.
                return Ok(Some(None));
            }
        }
        Ok(None)
    }

    /// Puts an unknown link on the attention list, unless it is there or a person has settled it; whether it
    /// is new.
    pub(crate) async fn note_unknown(
        &self,
        account: &AccountName,
        line: &ListedLink,
    ) -> Result<bool, Error> {
        let Some(item) = account_item(account) else {
            return Ok(false);
        };
        let name: String = line
            .name
            .chars()
            .flat_map(char::escape_debug)
            .take(NAME_CHARS_MAX)
            .collect();
        let reason = format!("unknown link {name}");
        let _turn = self.sweeping.lock().await;
        let key = record::attention_key(&item, &reason);
        let resolved = record::resolved_key(&item, &reason);
        if self.store.get(Table::Attention, &key).await?.is_some()
            || self.store.get(Table::Index, &resolved).await?.is_some()
        {
            return Ok(false);
        }
        let amount = match line.amount {
            Some(amount) => format!(" over {amount}"),
            None => String::new(),
        };
        let status = line.status.name();
        let message = format!(
            "account {account} has a link {name}{amount}, {status}, that is not known here"
        );
        let now = self.clock.now();
        let mut batch = Batch::new(now);
        batch.attention(
            &reason,
            &AttentionRow {
                item,
                reason: String::new(),
                code: "unknown_link".to_owned(),
                message,
                since: now,
            },
        )?;
        self.commit_unowned(batch).await?;
        Ok(true)
    }

    /// Takes something off the list that belongs to no item; who did, and why, is kept for good.
    pub(crate) async fn resolve_unowned(
        &self,
        item: &ItemRef,
        reason: &str,
        (by, note): (&UserId, &str),
    ) -> Result<(), Error> {
        let _turn = self.sweeping.lock().await;
        let now = self.clock.now();
        let mut batch = Batch::new(now);
        batch.attended(item, reason);
        let who = record::encode(&json!({ "by": by, "at": now, "note": note }))?;
        let row = Row::new(who, Vec::new());
        batch.put(Table::Index, record::resolved_key(item, reason), row);
        self.commit_unowned(batch).await
    }

    async fn commit_unowned(&self, batch: Batch) -> Result<(), Error> {
        let subject = record::callbacks_key();
        let stored = self.store.subject(&subject).await?;
        self.commit(Commit {
            subject,
            expected: stored.map_or(0, |stored| stored.version),
            state: None,
            writes: batch.into_writes(),
            history: Vec::new(),
        })
        .await
    }
}

/// What stands on the attention list for a whole account.
fn account_item(account: &AccountName) -> Option<ItemRef> {
    ItemRef::new(ACCOUNT, account.as_str()).ok()
}

/// Whether something on the list is about a whole account.
pub(crate) fn is_of_account(item: &ItemRef) -> bool {
    item.entity() == ACCOUNT
}
