//! What people do with a link by hand. Each leaves a line with their name in the item's history.

use std::sync::Arc;

use chrono::TimeDelta;
use payment::{ErrorClass, Gateway, GatewayError, LinkStatus, Operation, OperationName};
use persistence::{Row, Table};
use values::{ItemRef, LinkId, MessageId, Timestamp, UserId};

use crate::abandoned::ABANDONED;
use crate::record::{self, LinkRow, MessageRow, MessageStatus, OutboxRow, Work};
use crate::unknown::is_of_account;
use crate::write::Batch;
use crate::{Core, Engine, Error, query};

/// A URL that works for less than this is refreshed before it is given out.
const URL_MARGIN: TimeDelta = TimeDelta::seconds(30);

impl Engine {
    /// Reads a link at its provider now, and settles what it says.
    ///
    /// # Errors
    ///
    /// [`Error::NoLink`], [`Error::NoUser`], [`Error::Gateway`] when the provider does not say, or a
    /// failure of the store or the host.
    pub async fn check_link(&self, id: &LinkId, by: &UserId) -> Result<LinkRow, Error> {
        let core = &self.core;
        let link = core.noted(id, by, "check_link", Vec::new()).await?;
        let report = core.read(&link).await?;
        core.pursue(&link, report).await?;
        core.link_of(id).await
    }

    /// Closes a link at its provider. A link that is cancelled stays as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `link_closed` or `unsupported_operation`; [`Error::Gateway`] when the link
    /// is not known to be closed; else as [`Engine::check_link`].
    pub async fn cancel_link(&self, id: &LinkId, by: &UserId) -> Result<LinkRow, Error> {
        let core = &self.core;
        let link = core.link_of(id).await?;
        if link.status == LinkStatus::Cancelled {
            return Ok(link);
        }
        core.open_link(&link)?;
        let gateway = core.gateway_of(&link)?;
        let Some(closer) = gateway.as_deactivate() else {
            return refuse("unsupported_operation", "this gateway cannot close links");
        };
        let link = core.noted(id, by, "cancel_link", Vec::new()).await?;
        let report = core.closed_by_us(&link, closer).await?;
        core.settle_link(id, &report, "cancel_link").await?;
        let link = core.link_of(id).await?;
        if link.status.is_closed() {
            return Ok(link);
        }
        let message = "the provider has not closed the link yet";
        Err(GatewayError::retryable("still_open", message).into())
    }

    /// Tells the payer again: by the provider where it texts payers, within its limits, which are kept
    /// across restarts; else by our own messages once more.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `link_closed`, `resend_too_soon`, `resends_used_up` or `nobody_to_tell`;
    /// else as [`Engine::check_link`].
    pub async fn resend_link(&self, id: &LinkId, by: &UserId) -> Result<LinkRow, Error> {
        let core = &self.core;
        core.person(by).await?;
        let link = core.link_of(id).await?;
        let gateway = core.gateway_of(&link)?;
        let offered = gateway.capabilities().operations;
        if !offered.contains(&OperationName::Resend) {
            core.send_again(id, by).await?;
            return core.link_of(id).await;
        }
        let (before, link) = core.reserve_sending(id, by).await?;
        let call = core.call();
        let operation = Operation::Resend;
        let sent = gateway.operate(call, &link.provider_ref, &operation).await;
        if let Err(error) = sent {
            // Only what certainly did not happen is given back.
            if error.class != ErrorClass::Ambiguous {
                core.give_back_sending(&before, &link).await?;
            }
            return Err(error.into());
        }
        core.link_of(id).await
    }

    /// Takes something off the list of what a person must look at. The same thing does not come back.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `no_attention` when it is not on the list, or `incident`: an incident ends
    /// by a retry.
    pub async fn resolve_attention(
        &self,
        item: &ItemRef,
        reason: &str,
        by: &UserId,
        note: &str,
    ) -> Result<(), Error> {
        let core = &self.core;
        core.person(by).await?;
        if reason == "incident" {
            return refuse("incident", "an incident ends by a retry");
        }
        let _turn = core.locks.lock(item).await;
        let key = record::attention_key(item, reason);
        if core.store.get(Table::Attention, &key).await?.is_none() {
            return refuse("no_attention", format!("`{reason}` is not on the list"));
        }
        if is_of_account(item) {
            return core.resolve_unowned(item, reason, (by, note)).await;
        }
        let mut batch = Batch::new(core.clock.now());
        batch.attended(item, reason);
        if let Some(link) = core.decided_by(reason).await? {
            batch.link_due(link, None)?;
        }
        let resolved = record::resolved_key(item, reason);
        batch.put(Table::Index, resolved, Row::default());
        let notes = vec![reason.to_owned(), note.to_owned()];
        let line = ("attention_resolved", notes);
        core.commit_by(item, by, batch.into_writes(), line).await
    }

    /// A URL at which the link can be paid now. One that works for a while only is made anew when it is
    /// over. Asking changes nothing else, and leaves no line.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `link_closed`; else as [`Engine::check_link`].
    pub async fn link_url(&self, id: &LinkId) -> Result<String, Error> {
        let core = &self.core;
        let link = core.link_of(id).await?;
        core.open_link(&link)?;
        let works = |until: Timestamp| until > core.clock.now() + URL_MARGIN;
        let offered = core.gateway_of(&link)?.capabilities().operations;
        if link.url_valid_until.is_none_or(works) || !offered.contains(&OperationName::RefreshUrl) {
            return Ok(link.url);
        }
        core.refresh_url(&link).await
    }
}

pub(crate) fn refuse<T>(code: &'static str, message: impl Into<String>) -> Result<T, Error> {
    Err(Error::Refused {
        code,
        message: message.into(),
    })
}

impl Core {
    /// One link.
    pub(crate) async fn link_of(&self, id: &LinkId) -> Result<LinkRow, Error> {
        let link = query::link(self.store.as_ref(), id).await?;
        link.ok_or_else(|| Error::NoLink(id.clone()))
    }

    pub(crate) fn gateway_of(&self, link: &LinkRow) -> Result<Arc<dyn Gateway>, Error> {
        let gateway = self.world.gateways.get(&link.account).cloned();
        gateway.ok_or_else(|| {
            let message = format!("no gateway serves account `{}`", link.account);
            GatewayError::permanent("account_unknown", message).into()
        })
    }

    fn open_link(&self, link: &LinkRow) -> Result<(), Error> {
        if link.status.is_closed() {
            let message = format!("link {} is {}", link.id, link.status.name());
            return refuse("link_closed", message);
        }
        Ok(())
    }

    /// Whoever is unknown or deactivated may do nothing.
    pub(crate) async fn person(&self, by: &UserId) -> Result<(), Error> {
        let user = self.host.directory.user(by).await?;
        if user.is_some_and(|user| user.active) {
            return Ok(());
        }
        Err(Error::NoUser(by.clone()))
    }

    /// Writes down that a person wants something of a link, before it is done.
    pub(crate) async fn noted(
        &self,
        id: &LinkId,
        by: &UserId,
        kind: &str,
        notes: Vec<String>,
    ) -> Result<LinkRow, Error> {
        self.person(by).await?;
        let link = self.link_of(id).await?;
        let _turn = self.locks.lock(&link.item).await;
        let mut all = vec![id.to_string()];
        all.extend(notes);
        self.commit_by(&link.item, by, Vec::new(), (kind, all))
            .await?;
        self.link_of(id).await
    }

    /// Counts a sending before it is made: one whose answer is lost has been made.
    async fn reserve_sending(&self, id: &LinkId, by: &UserId) -> Result<(LinkRow, LinkRow), Error> {
        let link = self.link_of(id).await?;
        let _turn = self.locks.lock(&link.item).await;
        let before = self.link_of(id).await?;
        self.open_link(&before)?;
        let capabilities = self.gateway_of(&before)?.capabilities();
        let limits = capabilities.limits;
        let now = self.clock.now();
        // The creation was the first sending, where the provider texts by itself.
        let again = before
            .sendings
            .saturating_sub(u32::from(capabilities.texts_payer));
        if limits.resends_max.is_some_and(|max| again >= max) {
            return refuse(
                "resends_used_up",
                format!("the provider has sent its message again {again} times"),
            );
        }
        let free = before.sent_at.zip(limits.resend_pause);
        if let Some(free) = free.map(|(at, pause)| at + pause).filter(|at| *at > now) {
            return refuse("resend_too_soon", format!("not before {free}"));
        }
        let link = LinkRow {
            sendings: before.sendings.saturating_add(1),
            sent_at: Some(now),
            ..before.clone()
        };
        let mut batch = Batch::new(now);
        batch.link_due(link.clone(), link.next_poll)?;
        let notes = vec![id.to_string(), format!("sending {}", link.sendings)];
        self.commit_by(&link.item, by, batch.into_writes(), ("resend_link", notes))
            .await?;
        Ok((before, link))
    }

    async fn give_back_sending(&self, before: &LinkRow, link: &LinkRow) -> Result<(), Error> {
        let _turn = self.locks.lock(&link.item).await;
        let now = self.link_of(&link.id).await?;
        if (now.sendings, now.sent_at) != (link.sendings, link.sent_at) {
            return Ok(());
        }
        let back = LinkRow {
            sendings: before.sendings,
            sent_at: before.sent_at,
            ..now
        };
        let mut batch = Batch::new(self.clock.now());
        batch.link_due(back.clone(), back.next_poll)?;
        let notes = vec![back.id.to_string(), "it was not sent".to_owned()];
        self.commit_beside(&back.item, batch.into_writes(), "resend_failed", notes)
            .await
    }

    /// Puts our own messages about a link into the outbox once more.
    async fn send_again(&self, id: &LinkId, by: &UserId) -> Result<(), Error> {
        let link = self.link_of(id).await?;
        let _turn = self.locks.lock(&link.item).await;
        let link = self.link_of(id).await?;
        self.open_link(&link)?;
        let now = self.clock.now();
        let messages = query::messages_of_link(self.store.as_ref(), id).await?;
        let first: Vec<&MessageRow> = messages
            .iter()
            .filter(|message| !message.id.as_str().contains("/again/"))
            .collect();
        if first.is_empty() {
            return refuse("nobody_to_tell", "the link was sent to nobody");
        }
        let number = link.sendings.saturating_add(1);
        let mut batch = Batch::new(now);
        for message in first {
            let id = MessageId::from(format!("{}/again/{number}", message.id));
            let row = MessageRow {
                id: id.clone(),
                status: MessageStatus::Queued,
                attempts: 0,
                queued_at: now,
                sent_at: None,
                channel_ref: None,
                error: None,
                ..message.clone()
            };
            batch.message(&row)?;
            batch.outbox(&OutboxRow {
                item: link.item.clone(),
                id: id.as_str().to_owned(),
                due: now,
                attempts: 0,
                work: Work::Message(id),
            })?;
        }
        let next = link.next_poll;
        let item = link.item.clone();
        batch.link_due(
            LinkRow {
                sendings: number,
                sent_at: Some(now),
                ..link
            },
            next,
        )?;
        let notes = vec![id.to_string(), format!("sending {number}")];
        let line = ("resend_link", notes);
        self.commit_by(&item, by, batch.into_writes(), line).await
    }

    /// The link that nobody could tell anything about and that a person has now looked for: it stands in
    /// the way of no new one any more.
    async fn decided_by(&self, reason: &str) -> Result<Option<LinkRow>, Error> {
        let Some(id) = reason.strip_prefix(ABANDONED) else {
            return Ok(None);
        };
        let link = query::link(self.store.as_ref(), &LinkId::from(id)).await?;
        let open = link.filter(|link| link.abandoned && link.status == LinkStatus::Unknown);
        Ok(open.map(|link| LinkRow {
            status: LinkStatus::CreateFailed,
            ..link
        }))
    }

    async fn refresh_url(&self, link: &LinkRow) -> Result<String, Error> {
        let gateway = self.gateway_of(link)?;
        let operation = Operation::RefreshUrl;
        let fresh = gateway
            .operate(self.call(), &link.provider_ref, &operation)
            .await?;
        let Some(url) = fresh.url else {
            return Err(GatewayError::retryable("no_url", "the provider gave no fresh URL").into());
        };
        let _turn = self.locks.lock(&link.item).await;
        let now = self.link_of(&link.id).await?;
        let next = now.next_poll;
        let mut batch = Batch::new(self.clock.now());
        batch.link_due(
            LinkRow {
                url: url.clone(),
                url_valid_until: fresh.url_valid_until,
                ..now
            },
            next,
        )?;
        self.commit_beside_quietly(&link.item, batch.into_writes())
            .await?;
        Ok(url)
    }
}
