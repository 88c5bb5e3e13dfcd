//! How the making of a link by hand ends: recorded, certainly not made, or given up because nobody knows.

use activity::{Attempted, Changes, LinkDraft, Outcome};
use payment::{GatewayError, LinkStatus};
use state_machine::{Event, LinkMade};
use values::{LinkId, MessageId};

use super::Wanted;
use super::planning::{Planned, refusal};
use super::renewal::renewal_reason;
use crate::command::refuse;
use crate::record::{Cause, LinkRow, MessageRow, OutboxRow, Work};
use crate::submit::Extra;
use crate::write::Batch;
use crate::{Core, Error, query};

impl Core {
    /// Writes down how it ended, and tells the person.
    pub(super) async fn made_by_hand(
        &self,
        wanted: &Wanted,
        planned: &Planned,
        attempted: Attempted,
    ) -> Result<LinkRow, Error> {
        let error = match attempted {
            Attempted::Done { result, .. } => {
                let Outcome {
                    code,
                    message,
                    changes,
                    ..
                } = planned.concluded(self, &result);
                let (code, message) = (code.unwrap_or_default(), message.unwrap_or_default());
                if changes.link.is_some() {
                    return self.recorded(wanted, planned, changes).await;
                }
                return self.doubted(planned, &code, message).await;
            }
            Attempted::Unknown { code, message, .. } => {
                return self.doubted(planned, &code, message).await;
            }
            Attempted::Ended { outcome, .. } => refusal(*outcome),
            Attempted::Retry {
                code,
                message,
                after,
                ..
            } => Error::Gateway(GatewayError {
                retry_after: after,
                ..GatewayError::retryable(code, message)
            }),
            Attempted::NotBefore { code, .. } => {
                GatewayError::retryable(code, "nothing was sent").into()
            }
        };
        self.not_made(planned, &error).await?;
        Err(error)
    }

    /// The link exists: its row, the item's copy of it and its messages are one commit. Where that cannot
    /// be written the link is given up, and closed as soon as it can be.
    async fn recorded(
        &self,
        wanted: &Wanted,
        planned: &Planned,
        changes: Changes,
    ) -> Result<LinkRow, Error> {
        let draft = changes.link.clone();
        let id = LinkId::from(planned.draft.reference.as_str());
        if let Err(error) = self.record(wanted, &id, changes).await {
            let why = format!("it could not be recorded: {}", error.code());
            if let Err(again) = self.give_up(&id, draft.as_ref(), &why).await {
                tracing::warn!(link = %id, error = %again, "it is given up when its time is over");
            }
            return Err(error);
        }
        self.link_of(&id).await
    }

    async fn record(&self, wanted: &Wanted, id: &LinkId, changes: Changes) -> Result<(), Error> {
        let item = &wanted.item;
        let _turn = self.locks.lock(item).await;
        let row = self.link_of(id).await?;
        if row.status != LinkStatus::Creating {
            let message = format!("link {id} took too long to make, so it is closed again");
            return refuse("link_given_up", message);
        }
        let Some(loaded) = self.load(item).await? else {
            return Err(Error::NotStarted(item.clone()));
        };
        let workflow = self
            .workflows
            .pinned(&loaded.row.instance.definition)
            .await?;
        let now = self.clock.now();
        let mut batch = Batch::new(now);
        let Changes {
            link: Some(draft),
            messages,
            unreachable,
            delivery_failed,
            ..
        } = changes
        else {
            return Err(Error::Invariant(format!("link {id} is nowhere")));
        };
        let link = LinkRow {
            unreachable,
            created_at: now,
            certain_after: None,
            status: LinkStatus::Created,
            ..named_by(row, draft)
        };
        for (index, draft) in messages.into_iter().enumerate() {
            let medium = draft.to.medium().name();
            let message = MessageId::from(format!("{id}/{medium}/{index}"));
            let row = MessageRow::queued(draft, message, item, Some(id.clone()), now);
            queue(&mut batch, &row)?;
        }
        if let Some(old) = &wanted.instead_of {
            batch.attended(item, &renewal_reason(old));
            let old = LinkRow {
                replaced_by: Some(id.clone()),
                ..self.link_of(old).await?
            };
            let due = old.next_poll;
            batch.link_due(old, due)?;
        }
        let event = Event::LinkMade(Box::new(LinkMade {
            actor: wanted.by.clone(),
            state: wanted.state.clone(),
            link: Some(link.for_instance()),
            delivery_failed,
        }));
        let called = self.early_callers.take(&link.reference);
        batch.new_link(link, called)?;
        let extra = Extra {
            writes: batch.into_writes(),
            notes: vec![id.to_string()],
            ..Extra::default()
        };
        self.apply(&workflow, &loaded, &Cause::Event(event), extra)
            .await
            .map(drop)
    }

    /// Certainly no link came of it.
    async fn not_made(&self, planned: &Planned, error: &Error) -> Result<(), Error> {
        let id = LinkId::from(planned.draft.reference.as_str());
        let _turn = self.locks.lock(&planned.item).await;
        let row = self.link_of(&id).await?;
        if row.status != LinkStatus::Creating {
            return Ok(());
        }
        let mut batch = Batch::new(self.clock.now());
        batch.link(LinkRow {
            status: LinkStatus::CreateFailed,
            certain_after: None,
            ..row
        })?;
        let notes = vec![id.to_string(), error.to_string()];
        self.commit_beside(
            &planned.item,
            batch.into_writes(),
            "create_link_failed",
            notes,
        )
        .await
    }

    /// Nobody knows whether there is a link: it is looked for and closed, and the person is told.
    async fn doubted(
        &self,
        planned: &Planned,
        code: &str,
        message: String,
    ) -> Result<LinkRow, Error> {
        let id = LinkId::from(planned.draft.reference.as_str());
        self.give_up(&id, None, code).await?;
        let message = format!("{message}; link {id} is looked for and closed: ask for a new one");
        Err(GatewayError::ambiguous(code, message).into())
    }

    /// Gives up a link that is being made, if it still is: from now on it is an abandoned one. What the
    /// gateway has said of it is kept.
    async fn give_up(
        &self,
        id: &LinkId,
        known: Option<&LinkDraft>,
        why: &str,
    ) -> Result<(), Error> {
        let Some(link) = query::link(self.store.as_ref(), id).await? else {
            return Ok(());
        };
        let _turn = self.locks.lock(&link.item).await;
        let row = self.link_of(id).await?;
        if row.status != LinkStatus::Creating {
            return Ok(());
        }
        let now = self.clock.now();
        let item = row.item.clone();
        let row = match known {
            Some(draft) => LinkRow {
                status: LinkStatus::Created,
                ..named_by(row, draft.clone())
            },
            None => LinkRow {
                status: LinkStatus::Unknown,
                ..row
            },
        };
        let mut batch = Batch::new(now);
        batch.link_due(
            LinkRow {
                abandoned: true,
                ..row
            },
            Some(now),
        )?;
        let notes = vec![format!("link {id} is given up: {why}")];
        self.commit_beside(&item, batch.into_writes(), "abandoned", notes)
            .await
    }

    /// The time of a link that was being made is over, and nobody has said how that ended: the process
    /// that made it is gone.
    pub(crate) async fn give_up_making(&self, link: &LinkRow) -> Result<(), Error> {
        self.give_up(&link.id, None, "nobody has said how its making ended")
            .await
    }
}

/// Puts a message into the outbox.
fn queue(batch: &mut Batch, message: &MessageRow) -> Result<(), Error> {
    batch.message(message)?;
    batch.outbox(&OutboxRow {
        item: message.item.clone(),
        id: message.id.as_str().to_owned(),
        due: message.queued_at,
        attempts: 0,
        work: Work::Message(message.id.clone()),
    })
}

/// A link's row with what the gateway calls it.
fn named_by(row: LinkRow, draft: LinkDraft) -> LinkRow {
    LinkRow {
        provider_ref: draft.provider_ref,
        url: draft.url,
        url_valid_until: draft.url_valid_until,
        ..row
    }
}
