//! Links of state entries that were left before anybody knew whether the link was made. Nobody was told
//! about them; they are looked for, closed, and closed for certain before the state makes another one
//! (clause 41).

use chrono::TimeDelta;
use payment::{CreatedLink, Found, LinkStatus};
use persistence::{Scan, Table};
use state_machine::Instance;
use values::{ItemRef, LinkId, Timestamp};

use crate::decide::Decided;
use crate::dispatcher::Place;
use crate::record::{
    self, Answer, AnswerEnd, AttentionRow, Cause, IntentRow, LinkRow, OutboxRow, Work,
};
use crate::submit::Loaded;
use crate::workflow::Workflow;
use crate::write::Batch;
use crate::{Core, Error, LIST_MAX, by_hand, query};

/// How long a request may live at a gateway that does not say.
const REQUEST_LIFE: TimeDelta = TimeDelta::minutes(5);

/// After which the gateway is asked again about a link that only a person can decide on.
const LOOK_AGAIN: TimeDelta = TimeDelta::days(1);

/// How old a look-up may be at a gateway that does not say.
const STALENESS: TimeDelta = TimeDelta::minutes(1);

/// What was sent was sent up to so long before the last instant of its attempt.
const REACH_MARGIN: TimeDelta = TimeDelta::hours(1);

/// The clocks of two machines of ours may differ by this much.
const SKEW: TimeDelta = TimeDelta::seconds(5);

/// What stands between a request and its first attempt.
pub(crate) enum Blocked {
    /// Nothing.
    No,
    /// A link that is not known to be closed; when it is looked at next.
    Until(Timestamp),
    /// A link that turned out paid: the payment wins.
    Paid,
}

/// How the reason of an abandoned link begins; its id follows.
pub(crate) const ABANDONED: &str = "abandoned ";

/// Under what an abandoned link is on the list of what a person must look at.
pub(crate) fn abandoned_reason(link: &LinkRow) -> String {
    format!("{ABANDONED}{}", link.id)
}

impl Core {
    /// The link that may come of the request whose state this decision leaves without knowing.
    pub(crate) async fn left_behind(
        &self,
        workflow: &Workflow,
        loaded: &Loaded,
        decided: &Decided,
        cause: &Cause,
    ) -> Result<Option<LinkRow>, Error> {
        let before = &loaded.row.instance;
        let stays = decided.instance.entry == before.entry;
        if stays || matches!(cause, Cause::Concluded(_) | Cause::Ended { .. }) {
            return Ok(None);
        }
        let (Some(due), Some(open)) = (loaded.row.intent_due, &before.activity) else {
            return Ok(None);
        };
        let key = record::outbox_key(due, &open.reference);
        let row = self.store.get(Table::Outbox, &key).await?;
        let Some(row) = row.as_ref().map(OutboxRow::from_row).transpose()?.flatten() else {
            return Ok(None);
        };
        let Work::Intent(intent) = row.work else {
            return Ok(None);
        };
        // Without an attempt that may have arrived there is no link.
        let Some(last) = intent.earlier.iter().map(|earlier| earlier.send_by).max() else {
            return Ok(None);
        };
        let answer = intent.answer.as_deref();
        Ok(self.perhaps(workflow, before, &intent, (answer, last)))
    }

    /// The row of a link that may have been made, or has been as the answer says.
    fn perhaps(
        &self,
        workflow: &Workflow,
        instance: &Instance,
        intent: &IntentRow,
        (answer, last): (Option<&Answer>, Timestamp),
    ) -> Option<LinkRow> {
        let result = match answer.map(|answer| &answer.end) {
            Some(AnswerEnd::Done(result)) => Some(result),
            Some(AnswerEnd::Ended(_)) => return None,
            None => None,
        };
        let prepared = workflow.prepared.get(&intent.state)?;
        let draft = prepared.may_have_made(&intent.request, result)?;
        let known = result.is_some();
        let certain_after = self.certain_after(&draft.account, last);
        let first = intent.earlier.iter().map(|earlier| earlier.send_by).min();
        let at = (intent.state.as_str(), intent.entry);
        let now = self.clock.now();
        let row = LinkRow::made(draft, instance, at, self.accounts(), now);
        Some(LinkRow {
            status: if known {
                LinkStatus::Created
            } else {
                LinkStatus::Unknown
            },
            sent_at: row.sent_at.map(|_| last),
            abandoned: true,
            certain_after: Some(certain_after),
            first_sent_by: first,
            ..row
        })
    }

    /// When nothing that was sent by then can arrive any more, and a look-up shows what has.
    pub(crate) fn certain_after(
        &self,
        account: &values::AccountName,
        last: Timestamp,
    ) -> Timestamp {
        let safety = self
            .world
            .gateways
            .get(account)
            .map(|gateway| gateway.capabilities().repeat);
        let life = safety.and_then(|safety| safety.request_life_max);
        let staleness = safety.and_then(|safety| safety.lookup_staleness_max);
        last + life.unwrap_or(REQUEST_LIFE) + staleness.unwrap_or(STALENESS) + SKEW
    }

    /// Abandoned links of the state whose links are made now, as far as they are not closed.
    pub(crate) async fn blocking(
        &self,
        workflow: &Workflow,
        instance: &Instance,
    ) -> Result<Vec<LinkId>, Error> {
        let state = instance.state.as_str();
        let Some(of) = workflow.whose_links(state) else {
            return Ok(Vec::new());
        };
        let item = instance.item.as_ref();
        let first = instance.visits.get(state).is_none_or(|visits| *visits < 2);
        let among = if of == state && first && !workflow.is_renewed(state) {
            // Only a person can have made one before.
            by_hand::prefix(item)
        } else {
            format!("{item}/")
        };
        let links = self.perhaps_live(item, of, among).await?;
        Ok(links.into_iter().map(|link| link.id).collect())
    }

    /// Links of a state that may be live without our knowing, among those whose ids start so.
    pub(crate) async fn perhaps_live(
        &self,
        item: &ItemRef,
        state: &str,
        among: String,
    ) -> Result<Vec<LinkRow>, Error> {
        let mut found = Vec::new();
        let all = Scan::prefix(Table::Links, among.into_bytes()).limit(LIST_MAX);
        let mut scan = all.clone();
        loop {
            let rows = self.store.scan(scan).await?;
            let Some((last, _)) = rows.last() else {
                return Ok(found);
            };
            scan = all.clone().after(last.clone());
            for (_, row) in &rows {
                let link = record::link_row(row)?;
                if link.may_be_live() && link.state == state && link.item == *item {
                    found.push(link);
                }
            }
        }
    }

    /// Whether a request may be sent as far as abandoned links go.
    pub(crate) async fn blocked(&self, intent: &IntentRow) -> Result<Blocked, Error> {
        let mut until = None;
        for id in &intent.blocked_by {
            let Some(link) = query::link(self.store.as_ref(), id).await? else {
                continue;
            };
            if link.status.is_paid() {
                return Ok(Blocked::Paid);
            }
            if !link.status.is_closed() {
                until = until.max(Some(link.next_poll.unwrap_or(link.expires_at)));
            }
        }
        Ok(until.map_or(Blocked::No, Blocked::Until))
    }

    /// An answer that came when its state had been left. A link it made is written down and closed.
    pub(crate) async fn too_late(
        &self,
        place: &Place,
        intent: &IntentRow,
        answer: &Answer,
    ) -> Result<(), Error> {
        let Some(loaded) = self.load(&place.item).await? else {
            return self.sweep(Table::Outbox, place.key()).await;
        };
        let instance = &loaded.row.instance;
        let workflow = self.workflows.pinned(&instance.definition).await?;
        let last = intent.earlier.iter().map(|earlier| earlier.send_by).max();
        let last = last.unwrap_or(intent.opened_at);
        let made = matches!(answer.end, AnswerEnd::Done(_));
        let perhaps = self
            .perhaps(&workflow, instance, intent, (Some(answer), last))
            .filter(|_| made);
        let Some(link) = perhaps else {
            return self.withdraw(place).await;
        };
        let known = query::link(self.store.as_ref(), &link.id).await?;
        let link = match known {
            Some(known) if known.status != LinkStatus::Unknown || !known.abandoned => {
                return self.withdraw(place).await;
            }
            Some(known) => LinkRow {
                provider_ref: link.provider_ref,
                url: link.url,
                status: LinkStatus::Created,
                ..known
            },
            None => link,
        };
        let now = self.clock.now();
        let notes = vec![format!(
            "link {} was made after its state had been left",
            link.id
        )];
        let mut batch = Batch::new(now);
        batch.delete(Table::Outbox, place.key());
        batch.link_due(link, Some(now))?;
        self.commit_beside(&place.item, batch.into_writes(), "too_late", notes)
            .await
    }

    /// Finds out about an abandoned link, and closes it.
    pub(crate) async fn close_abandoned(&self, link: LinkRow) -> Result<(), Error> {
        let Some(gateway) = self.world.gateways.get(&link.account).cloned() else {
            let message = format!("no gateway serves account `{}`", link.account);
            let error = payment::GatewayError::retryable("account_unknown", message);
            return self.read_again(&link.id, &error).await;
        };
        let link = if link.status == LinkStatus::Unknown {
            match gateway.find(self.call(), &link.reference).await {
                Ok(Found::Link(found)) => self.found(link, found).await?,
                Ok(Found::NotFound) => return self.not_found(link).await,
                Ok(Found::CannotTell) => return self.cannot_tell(link).await,
                Err(error) => return self.read_again(&link.id, &error).await,
            }
        } else {
            link
        };
        if let Some(closer) = gateway.as_deactivate()
            && let Err(error) = closer.deactivate(self.call(), &link.provider_ref).await
        {
            // Whatever it answers, only the link's status counts.
            tracing::warn!(link = %link.id, %error, "an abandoned link is not closed yet");
        }
        match self.read(&link).await {
            Ok(report) => self.settle_link(&link.id, &report, "abandoned").await,
            Err(error) => self.read_again(&link.id, &error).await,
        }
    }

    /// It exists: from now on it is a link like any other.
    async fn found(&self, before: LinkRow, found: CreatedLink) -> Result<LinkRow, Error> {
        let link = LinkRow {
            provider_ref: found.provider_ref,
            url: found.url,
            status: LinkStatus::Created,
            ..before.clone()
        };
        let notes = vec![format!("link {} exists", link.id)];
        let now = self.clock.now();
        self.note_abandoned((&before, &link), Some(now), notes, None)
            .await?;
        // The row has its next reading now.
        Ok(query::link(self.store.as_ref(), &link.id)
            .await?
            .unwrap_or(link))
    }

    async fn not_found(&self, link: LinkRow) -> Result<(), Error> {
        let certain = link.certain_after.unwrap_or(link.created_at);
        if self.clock.now() < certain {
            return self
                .note_abandoned((&link, &link), Some(certain), Vec::new(), None)
                .await;
        }
        let gateway = self.world.gateways.get(&link.account);
        let reach = gateway.and_then(|gateway| gateway.lookup_reach());
        let first = link.first_sent_by.unwrap_or(link.created_at);
        if reach.is_some_and(|reach| self.clock.now() > first + reach - REACH_MARGIN) {
            // The look-up does not reach back to the first sending.
            return self.cannot_tell(link).await;
        }
        self.never_made(link).await
    }

    /// Nobody can tell. Once it has expired it can do no harm any more; where the gateway lets nothing
    /// expire by itself, a person must look there first.
    async fn cannot_tell(&self, link: LinkRow) -> Result<(), Error> {
        let now = self.clock.now();
        let gateway = self.world.gateways.get(&link.account);
        let expires = gateway.is_some_and(|gateway| gateway.capabilities().closes_at_expiry);
        let over = link.expires_at + REQUEST_LIFE;
        if expires && now >= over {
            return self.never_made(link).await;
        }
        let next = if now < over { over } else { now + LOOK_AGAIN };
        let attention = AttentionRow {
            item: link.item.clone(),
            reason: abandoned_reason(&link),
            code: "abandoned_link".to_owned(),
            message: format!(
                "an attempt that was given up may have made link {}; the gateway cannot tell",
                link.id
            ),
            since: now,
        };
        self.note_abandoned((&link, &link), Some(next), Vec::new(), Some(attention))
            .await
    }

    async fn never_made(&self, before: LinkRow) -> Result<(), Error> {
        let notes = vec![format!("link {} was never made, or is over", before.id)];
        let link = LinkRow {
            status: LinkStatus::CreateFailed,
            ..before.clone()
        };
        self.note_abandoned((&before, &link), None, notes, None)
            .await
    }

    /// Writes an abandoned link, unless somebody else has written it since it was read.
    async fn note_abandoned(
        &self,
        (before, link): (&LinkRow, &LinkRow),
        next: Option<Timestamp>,
        notes: Vec<String>,
        attention: Option<AttentionRow>,
    ) -> Result<(), Error> {
        let _turn = self.locks.lock(&link.item).await;
        if query::link(self.store.as_ref(), &link.id).await?.as_ref() != Some(before) {
            return Ok(());
        }
        let mut batch = Batch::new(self.clock.now());
        batch.link_due(link.clone(), next)?;
        if let Some(attention) = attention {
            batch.attention(&abandoned_reason(link), &attention)?;
        } else if link.status != LinkStatus::Unknown {
            batch.attended(&link.item, &abandoned_reason(link));
        }
        let writes = batch.into_writes();
        if notes.is_empty() {
            return self.commit_beside_quietly(&link.item, writes).await;
        }
        self.commit_beside(&link.item, writes, "abandoned", notes)
            .await
    }
}
