//! A provider's calls over the network: kept as they came before they are answered, then believed as far
//! as they prove something (clauses 42 and 45).

use std::sync::PoisonError;

use chrono::TimeDelta;
use payment::{Callback, CallbackParts, CallbackReply, StatusReport};
use persistence::{Commit, Row, Table, Write};
use sha2::{Digest, Sha256};
use values::{AccountName, ItemRef, Timestamp};

use crate::flood::Trace;
use crate::order::Known;
use crate::record::{self, HistoryDetail, LinkRow, RawCallback, StrayRow};
use crate::write::Batch;
use crate::{Core, Engine, Error, query};

/// The largest call that is looked at, in bytes of its query, headers and body.
pub const CALLBACK_BYTES_MAX: usize = 65_536;

/// Between two readings that calls without proof have brought forward, per link.
const CALLED_PAUSE: TimeDelta = TimeDelta::minutes(1);

/// What every call is answered that is not taken, whatever the reason is.
fn refused() -> CallbackReply {
    CallbackReply {
        status: 400,
        body: "refused".to_owned(),
    }
}

/// What a proven call is answered whose link is not recorded yet: call again.
fn not_yet() -> CallbackReply {
    CallbackReply {
        status: 503,
        body: "not yet".to_owned(),
    }
}

/// How much is kept of the body of a call that proves nothing, in bytes.
const STRAY_BODY_BYTES: usize = 1_024;

/// A call with its digest.
struct Call<'a> {
    account: &'a AccountName,
    parts: &'a CallbackParts,
    digest: String,
}

impl Call<'_> {
    fn raw(&self) -> RawCallback {
        let body = match std::str::from_utf8(&self.parts.body) {
            Ok(text) => text.to_owned(),
            Err(_) => hex(&self.parts.body),
        };
        RawCallback {
            method: self.parts.method.clone(),
            query: self.parts.query.clone(),
            body,
        }
    }

    /// The mark that this call is kept in the history of a link.
    fn mark(&self, reference: &str) -> Write {
        Write::Put {
            table: Table::Index,
            key: record::heard_key(reference, &self.digest),
            row: Row::default(),
        }
    }
}

impl Engine {
    /// Takes a provider's call for an account and says what to answer. The call is durable before this
    /// returns. A call with proof is settled; one without makes the engine read the link again, at most
    /// once in a minute. Repeats change nothing.
    ///
    /// Whatever is unknown, forged, malformed or too large gets one and the same answer.
    ///
    /// # Errors
    ///
    /// When the store or the host fails: answer with a server error, and the provider calls again.
    pub async fn handle_callback(
        &self,
        account: &AccountName,
        parts: CallbackParts,
    ) -> Result<CallbackReply, Error> {
        let parts = parts.received(self.core.clock.now());
        self.core.callback(account, &parts).await
    }
}

impl Core {
    async fn callback(
        &self,
        account: &AccountName,
        parts: &CallbackParts,
    ) -> Result<CallbackReply, Error> {
        let Some(gateway) = self.world.gateways.get(account) else {
            return Ok(refused());
        };
        if bytes_of(parts) > CALLBACK_BYTES_MAX {
            self.trace(account, "too_large");
            return Ok(refused());
        }
        let call = Call {
            account,
            parts,
            digest: digest(parts),
        };
        let (name, report, reply) = match gateway.read_callback(parts) {
            Callback::Verified { report, reply } => (report.reference.clone(), Some(report), reply),
            Callback::Hint { reference, reply } => (reference, None, reply),
            Callback::Rejected { code } => {
                self.stray(&call, &code, false).await?;
                return Ok(refused());
            }
        };
        let proven = report.is_some();
        let known = self.known(account, &name).await?;
        let ours = |known: &Known| {
            let link = known.link.as_ref();
            link.is_none_or(|link| &link.account == account)
        };
        let Some(known) = known.filter(ours) else {
            self.stray(&call, "unknown_reference", proven).await?;
            // Whoever proves nothing does not learn which references there are.
            return Ok(if proven { refused() } else { reply });
        };
        match (known.link, report) {
            (Some(link), Some(report)) => self.proven(&call, &link, report).await?,
            (Some(link), None) => self.hinted(&call, &link).await?,
            (None, Some(_)) => {
                // What it says may be said nowhere else, so it has to be said again.
                self.early(&call, &known.reference).await?;
                return Ok(not_yet());
            }
            (None, None) => {
                self.stray(&call, "early", false).await?;
                self.early_notice(&known.reference).await?;
            }
        }
        Ok(reply)
    }

    /// The provider's word: kept, then settled.
    async fn proven(
        &self,
        call: &Call<'_>,
        link: &LinkRow,
        report: StatusReport,
    ) -> Result<(), Error> {
        self.keep(call, (&link.item, &link.reference)).await?;
        self.settle_link(&link.id, &report, "callback").await
    }

    /// The provider's word that comes before its link is recorded: kept, and the link is read as soon as it is there.
    async fn early(&self, call: &Call<'_>, reference: &str) -> Result<(), Error> {
        if let Some(item) = query::item_of_reference(reference) {
            self.keep(call, (&item, reference)).await?;
        }
        self.early_notice(reference).await
    }

    /// Writes a call into the item's history, once.
    async fn keep(
        &self,
        call: &Call<'_>,
        (item, reference): (&ItemRef, &str),
    ) -> Result<(), Error> {
        let _turn = self.locks.lock(item).await;
        let mark = call.mark(reference);
        if self.is_marked(&mark).await? {
            return Ok(());
        }
        let line = ("callback", vec![reference.to_owned()]);
        let detail = Some(HistoryDetail::Callback(call.raw()));
        self.commit_detail(item, vec![mark], line, detail).await
    }

    async fn is_marked(&self, mark: &Write) -> Result<bool, Error> {
        let (table, key) = mark.place();
        Ok(self.store.get(table, key).await?.is_some())
    }

    /// A call without proof: the link is read again soon, by a row, so that a crash forgets nothing.
    async fn hinted(&self, call: &Call<'_>, link: &LinkRow) -> Result<(), Error> {
        let turn = self.locks.lock(&link.item).await;
        let Some(link) = query::link(self.store.as_ref(), &link.id).await? else {
            return Ok(());
        };
        let now = self.clock.now();
        let due = called_for(&link, now);
        let soon = link.next_poll.is_some_and(|next| next <= due);
        let mark = call.mark(&link.reference);
        let kept = self.is_marked(&mark).await?;
        if soon && kept {
            return Ok(());
        }
        if soon && due > now && link.called_for == Some(due) {
            // The reading that it asks for is set already.
            drop(turn);
            return self.stray(call, "too_many", false).await;
        }
        let mut batch = Batch::new(now);
        let item = link.item.clone();
        let next = if soon { link.next_poll } else { Some(due) };
        let reference = link.reference.clone();
        batch.link_due(
            LinkRow {
                called_for: Some(due),
                ..link
            },
            next,
        )?;
        let mut writes = batch.into_writes();
        if kept {
            return self.commit_beside_quietly(&item, writes).await;
        }
        if due > now {
            // Anybody can make calls without proof: the history takes one in a minute.
            self.commit_beside_quietly(&item, writes).await?;
            drop(turn);
            return self.stray(call, "too_many", false).await;
        }
        writes.push(mark);
        let line = ("callback", vec![reference]);
        let detail = Some(HistoryDetail::Callback(call.raw()));
        self.commit_detail(&item, writes, line, detail).await
    }

    /// Whether a call that is not taken may leave a line, in the log and in the store: nobody can fill either.
    pub(crate) fn trace(&self, account: &AccountName, code: &str) -> Trace {
        let now = self.clock.now();
        let most = self.limits.callback_lines_per_minute;
        let mut flood = self.flood.lock().unwrap_or_else(PoisonError::into_inner);
        let trace = flood.take((account.as_str(), code), most, now);
        if let Trace::Line { unseen } = trace {
            tracing::warn!(%account, %code, unseen, "a callback is not taken");
        }
        trace
    }

    /// Keeps a call that is not part of any item's history. Those without proof share a bounded number
    /// of places, so that nobody can fill the store; one with proof is kept for good.
    async fn stray(&self, call: &Call<'_>, code: &str, proven: bool) -> Result<(), Error> {
        let unseen = match self.trace(call.account, code) {
            Trace::Line { unseen } => unseen,
            // Whoever has proof has money to tell of: that is never only counted.
            Trace::Counted if proven => 0,
            Trace::Counted => return Ok(()),
        };
        let place = if proven {
            call.digest.as_str()
        } else {
            call.digest.get(..2).unwrap_or_default()
        };
        let key = record::stray_key(call.account.as_str(), place);
        let _turn = self.sweeping.lock().await;
        if let Some(row) = self.store.get(Table::Index, &key).await? {
            let known: StrayRow = record::decode(&row.open)?;
            if known.digest == call.digest {
                return Ok(());
            }
        }
        let row = StrayRow {
            account: call.account.clone(),
            at: self.clock.now(),
            code: code.to_owned(),
            digest: call.digest.clone(),
            unseen,
        };
        let mut raw = call.raw();
        if !proven {
            let end = raw.body.floor_char_boundary(STRAY_BODY_BYTES);
            raw.body.truncate(end);
        }
        let row = Row::new(record::encode(&row)?, record::encode(&raw)?);
        let subject = record::callbacks_key();
        let stored = self.store.subject(&subject).await?;
        self.commit(Commit {
            subject,
            expected: stored.map_or(0, |stored| stored.version),
            state: None,
            writes: vec![Write::Put {
                table: Table::Index,
                key,
                row,
            }],
            history: Vec::new(),
        })
        .await
    }
}

/// When a link may be read for a call without proof: now, or a minute after the last such reading.
fn called_for(link: &LinkRow, now: Timestamp) -> Timestamp {
    match link.called_for {
        Some(last) if last > now => last,
        Some(last) => (last + CALLED_PAUSE).max(now),
        None => now,
    }
}

fn bytes_of(parts: &CallbackParts) -> usize {
    let pairs = parts.query.iter().chain(&parts.headers);
    pairs
        .map(|(name, value)| name.len().saturating_add(value.len()))
        .fold(parts.body.len(), usize::saturating_add)
}

/// A digest of what a provider repeats when it calls again: not of the headers.
fn digest(parts: &CallbackParts) -> String {
    let mut digest = Sha256::new();
    let mut part = |bytes: &[u8]| {
        digest.update(bytes.len().to_be_bytes());
        digest.update(bytes);
    };
    part(parts.method.as_bytes());
    for (name, value) in &parts.query {
        part(name.as_bytes());
        part(value.as_bytes());
    }
    part(&parts.body);
    hex(&digest.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
