//! Commits that leave the instance as it is: attempts, sent messages, readings of a link.

use std::sync::Arc;

use persistence::{Commit, Row, Write};
use state_machine::Instance;
use values::{ItemRef, Timestamp, UserId};

use crate::record::{self, HistoryDetail, HistoryPersonalRef, HistoryRow};
use crate::submit::Loaded;
use crate::write::{Batch, stored_row};
use crate::{Core, Error};

impl Core {
    /// Writes rows of an item and a line of its history. The caller holds the item's turn.
    pub(crate) async fn commit_beside(
        &self,
        item: &ItemRef,
        writes: Vec<Write>,
        kind: &str,
        notes: Vec<String>,
    ) -> Result<(), Error> {
        self.commit_detail(item, writes, (kind, notes), None).await
    }

    /// Writes rows of an item that are no part of its story.
    pub(crate) async fn commit_beside_quietly(
        &self,
        item: &ItemRef,
        writes: Vec<Write>,
    ) -> Result<(), Error> {
        let subject = record::item_key(item);
        let version = self
            .store
            .subject(&subject)
            .await?
            .map_or(0, |stored| stored.version);
        let commit = Commit {
            subject,
            expected: version,
            state: None,
            writes,
            history: Vec::new(),
        };
        self.commit(commit).await?;
        Ok(())
    }

    /// The same as [`Core::commit_beside`], with what was sent or came back.
    pub(crate) async fn commit_detail(
        &self,
        item: &ItemRef,
        writes: Vec<Write>,
        (kind, notes): (&str, Vec<String>),
        detail: Option<HistoryDetail>,
    ) -> Result<(), Error> {
        self.commit_line(item, writes, (kind, None), (notes, detail))
            .await
    }

    /// The same for what a person has done.
    pub(crate) async fn commit_by(
        &self,
        item: &ItemRef,
        by: &UserId,
        writes: Vec<Write>,
        (kind, notes): (&str, Vec<String>),
    ) -> Result<(), Error> {
        self.commit_line(item, writes, (kind, Some(by)), (notes, None))
            .await
    }

    /// Writes rows of an item and a line of its history: what it was, who did it, and what was sent or
    /// came back. The caller holds the item's turn.
    pub(crate) async fn commit_line(
        &self,
        item: &ItemRef,
        writes: Vec<Write>,
        who: (&str, Option<&UserId>),
        (notes, detail): (Vec<String>, Option<HistoryDetail>),
    ) -> Result<(), Error> {
        let Some(loaded) = self.load(item).await? else {
            return Err(Error::NotStarted(item.clone()));
        };
        let history = self.line(&loaded.row.instance, who, notes, detail)?;
        self.commit(Commit {
            subject: record::item_key(item),
            expected: loaded.version,
            state: None,
            writes,
            history: vec![history],
        })
        .await
    }

    /// Moves an intent's outbox row: the instance's row remembers when it is due.
    pub(crate) async fn commit_intent(
        &self,
        loaded: Loaded,
        due: Timestamp,
        batch: Batch,
        (detail, notes): (Option<HistoryDetail>, Vec<String>),
    ) -> Result<(), Error> {
        let Loaded { version, row } = loaded;
        let mut row = Arc::unwrap_or_clone(row);
        let workflow = self.workflows.pinned(&row.instance.definition).await?;
        let history = self.line(&row.instance, ("attempt", None), notes, detail)?;
        row.intent_due = Some(due);
        let subject = record::item_key(&row.instance.item);
        let state = stored_row(row.clone(), &workflow)?;
        self.commit(Commit {
            subject: subject.clone(),
            expected: version,
            state: Some(state.clone()),
            writes: batch.into_writes(),
            history: vec![history],
        })
        .await?;
        self.recent.keep(&subject, state, Arc::new(row));
        Ok(())
    }

    fn line(
        &self,
        instance: &Instance,
        (kind, actor): (&str, Option<&UserId>),
        notes: Vec<String>,
        detail: Option<HistoryDetail>,
    ) -> Result<Row, Error> {
        let row = HistoryRow {
            at: self.clock.now(),
            revision: instance.revision,
            kind: kind.to_owned(),
            actor: actor.cloned(),
            definition: instance.definition.to_string(),
            from: Some(instance.state.clone()),
            path: Vec::new(),
            trace: Vec::new(),
            code: None,
            notes,
        };
        let half = match detail {
            Some(detail) => {
                let personal = HistoryPersonalRef {
                    cause: None,
                    told: None,
                    detail: Some(&detail),
                };
                record::encode(&personal)?
            }
            None => Vec::new(),
        };
        Ok(Row::new(record::encode(&row)?, half))
    }
}
