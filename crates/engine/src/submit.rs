//! THE door: load → decide → commit → wake. Nothing else changes an instance.

use std::sync::Arc;

use persistence::{Commit, Row, Table, Write};
use sha2::{Digest, Sha256};
use state_machine::{Event, Instance, Rejection};
use values::{Fields, ItemRef, Value};

use crate::decide::Decided;
use crate::limits::INPUT_ID_BYTES_MAX;
use crate::receipt::{number_write, receipt_write};
use crate::record::{self, Cause, HistoryPersonalRef, HistoryRow, InputRow, InstanceRow, Told};
use crate::workflow::Workflow;
use crate::write::{Batch, stored_row};
use crate::{Core, Error, Input, Reply};

/// An instance as the store has it.
pub(crate) struct Loaded {
    /// The store's version of the subject; 0 while the item has not started.
    pub(crate) version: u64,
    pub(crate) row: Arc<InstanceRow>,
}

/// What a caller of [`Core::apply`] adds to the commit.
#[derive(Default)]
pub(crate) struct Extra {
    /// Rows to write beside the decision's own.
    pub(crate) writes: Vec<Write>,
    /// Writes to the host beside the decision's own.
    pub(crate) host_changes: Vec<host::Change>,
    /// The caller's input, to be answered the same if it is repeated.
    pub(crate) input: Option<(String, String)>,
    /// More words for the history.
    pub(crate) notes: Vec<String>,
    /// What came back from outside, for the history.
    pub(crate) detail: Option<record::HistoryDetail>,
}

impl Core {
    /// Applies one input of a caller. The reply is given only after the commit is durable.
    pub(crate) async fn submit(&self, input: Input) -> Result<Reply, Error> {
        self.admitted(&input)?;
        let _turn = self.locks.lock(&input.item).await;
        let digest = digest(&input)?;
        if let Some(reply) = self.repeated(&input, &digest).await? {
            return Ok(reply);
        }
        let (workflow, loaded) = match self.load(&input.item).await? {
            Some(loaded) => (
                self.workflows
                    .pinned(&loaded.row.instance.definition)
                    .await?,
                loaded,
            ),
            None => self.fresh(&input)?,
        };
        let actual = loaded.row.instance.revision;
        if let Some(expected) = input.expected_revision
            && expected != actual
        {
            return Err(Error::WrongRevision { expected, actual });
        }
        let event = self.complete(input.event, &workflow, &loaded).await?;
        let cause = Cause::Event(event);
        let extra = Extra {
            input: input.id.map(|id| (id.as_str().to_owned(), digest)),
            ..Extra::default()
        };
        let applied = self.apply(&workflow, &loaded, &cause, extra).await;
        if let (Err(error), Cause::Event(event)) = (&applied, &cause) {
            self.audit_refusal(&loaded, event, error).await?;
        }
        applied
    }

    /// Refuses what no caller may hand in, and what is larger than any item may be.
    fn admitted(&self, input: &Input) -> Result<(), Error> {
        let event = &input.event;
        if matches!(
            event,
            Event::Timer { .. }
                | Event::Finished(_)
                | Event::Unknown { .. }
                | Event::Payment(_)
                | Event::LinkMade(_)
        ) {
            return Err(Error::NotCallers {
                input: event.name(),
            });
        }
        if let Some(id) = &input.id {
            check_input_id(id.as_str())?;
        }
        self.bounded(event)
    }

    /// The first reply, when this input id was applied before.
    async fn repeated(&self, input: &Input, digest: &str) -> Result<Option<Reply>, Error> {
        let Some(id) = &input.id else { return Ok(None) };
        let key = record::input_key(&input.item, id.as_str());
        let Some(row) = self.store.get(Table::Inputs, &key).await? else {
            return Ok(None);
        };
        let row: InputRow = record::decode(&row.open)?;
        if row.digest != digest {
            return Err(Error::InputReused {
                id: id.as_str().to_owned(),
            });
        }
        Ok(Some(Reply {
            repeated: true,
            ..row.reply
        }))
    }

    pub(crate) async fn load(&self, item: &ItemRef) -> Result<Option<Loaded>, Error> {
        let subject = record::item_key(item);
        let Some(stored) = self.store.subject(&subject).await? else {
            return Ok(None);
        };
        Ok(Some(Loaded {
            version: stored.version,
            row: self.recent.decoded(&subject, stored.row)?,
        }))
    }

    /// A blank instance for an item that starts.
    fn fresh(&self, input: &Input) -> Result<(Arc<Workflow>, Loaded), Error> {
        if !matches!(input.event, Event::Start { .. }) {
            return Err(Error::NotStarted(input.item.clone()));
        }
        let workflow = self
            .workflows
            .active(input.workflow.as_deref(), input.item.entity())?;
        let definition = &workflow.definition;
        let instance = Instance::blank(
            input.item.clone(),
            definition.hash().clone(),
            &definition.model().initial,
            self.clock.now(),
        );
        let row = InstanceRow {
            instance,
            intent_due: None,
        };
        let row = Arc::new(row);
        Ok((workflow, Loaded { version: 0, row }))
    }

    /// A start is completed with what the host has for the item, so that the history holds it all.
    async fn complete(
        &self,
        event: Event,
        workflow: &Workflow,
        loaded: &Loaded,
    ) -> Result<Event, Error> {
        let Event::Start { fields, party } = event else {
            return Ok(event);
        };
        let item = loaded.row.instance.item.as_ref();
        if loaded.version > 0 {
            return Ok(Event::Start { fields, party });
        }
        let given = !fields.is_empty();
        let snapshot = self.host.items.load(item).await?;
        if snapshot.is_none() && !given && party.is_none() {
            return Err(Error::NoItem(item.clone()));
        }
        let snapshot = snapshot.unwrap_or_default();
        let declared = &workflow.definition.schema().item.fields;
        let mut all: Fields = snapshot
            .fields
            .into_iter()
            .filter(|(name, value)| declared.contains_key(name) && !value.is_empty())
            .collect();
        if workflow.definition.model().is_financial()
            && !all.contains_key("final_amount")
            && let Some(amount) = self.host.items.final_amount(item).await?
        {
            all.insert("final_amount".to_owned(), Value::Money(amount));
        }
        all.extend(fields);
        let event = Event::Start {
            fields: all,
            party: party.or(snapshot.party),
        };
        self.bounded(&event)?;
        Ok(event)
    }

    fn bounded(&self, event: &Event) -> Result<(), Error> {
        let max = self.limits.field_bytes_max;
        let fields = match event {
            Event::Start { fields, .. }
            | Event::Action { fields, .. }
            | Event::Changed { fields }
            | Event::Named {
                payload: fields, ..
            } => fields,
            Event::Retry { reason, .. } | Event::Hold { reason, .. } if reason.len() > max => {
                let what = "a reason's bytes";
                return Err(Error::Limit { what, max });
            }
            _ => return Ok(()),
        };
        if fields.len() > self.limits.fields_max {
            return Err(Error::Limit {
                what: "number of fields",
                max: self.limits.fields_max,
            });
        }
        if fields.values().any(|value| bytes_of(value) > max) {
            let what = "a field's bytes";
            return Err(Error::Limit { what, max });
        }
        Ok(())
    }

    /// Decides and commits. The caller holds the item's turn.
    pub(crate) async fn apply(
        &self,
        workflow: &Workflow,
        loaded: &Loaded,
        cause: &Cause,
        extra: Extra,
    ) -> Result<Reply, Error> {
        let before = &loaded.row.instance;
        let (decided, told) = self.decided(workflow, loaded, cause, &extra.writes).await?;
        if decided.instance.wake_source(&workflow.definition).is_none() {
            let at = format!("{} in {}", decided.instance.item, decided.instance.state);
            return Err(Error::Invariant(format!("{at} could never be woken")));
        }
        let reply = reply(&decided);
        let history = history(before, &decided, (cause, &told), &extra)?;
        let mut batch = Batch::new(told.context.now);
        batch
            .instance(&loaded.row, &decided, cause, self.store.as_ref())
            .await?;
        let left = self.left_behind(workflow, loaded, &decided, cause).await?;
        if let Some(intent) = &decided.intent {
            let mut blocked_by = self.blocking(workflow, &decided.instance).await?;
            blocked_by.extend(left.iter().map(|link| link.id.clone()));
            blocked_by.retain(|link| link.as_str() != intent.reference);
            batch.new_request(&decided, intent, &blocked_by)?;
            batch.extend(self.order_number(workflow, intent).await?);
        }
        self.supersede(&decided, &mut batch).await?;
        for receipt in &decided.receipts {
            let number = number_write(&receipt.account, &receipt.transaction);
            batch.extend(vec![receipt_write(None, receipt)?, number]);
        }
        for number in &decided.numbers {
            batch.extend(self.number_that_counts(number).await?);
        }
        if let Some(link) = left {
            batch.link_due(link, Some(told.context.now))?;
        }
        for link in &decided.links {
            let called = self.early_callers.take(&link.reference);
            batch.new_link(link.clone(), called)?;
        }
        batch.consequences(&decided, extra.host_changes)?;
        batch.incident(before, &decided.instance)?;
        if let Some((id, digest)) = extra.input {
            let row = InputRow {
                reply: reply.clone(),
                digest,
                link: None,
            };
            let key = record::input_key(&decided.instance.item, &id);
            batch.fresh(Table::Inputs, key, Row::open(record::encode(&row)?));
        }
        batch.extend(extra.writes);
        self.count_sending(&decided, &mut batch).await?;
        let subject = record::item_key(&decided.instance.item);
        let (row, writes) = batch.finish(decided.instance);
        let state = stored_row(row.clone(), workflow)?;
        self.commit(Commit {
            subject: subject.clone(),
            expected: loaded.version,
            state: Some(state.clone()),
            writes,
            history: vec![history],
        })
        .await?;
        self.recent.keep(&subject, state, Arc::new(row));
        Ok(reply)
    }

    /// Refusals of permission are kept in the history; others leave no trace (clause 59).
    async fn audit_refusal(
        &self,
        loaded: &Loaded,
        event: &Event,
        error: &Error,
    ) -> Result<(), Error> {
        let refusal = match error {
            Error::Rejected(Rejection::NotAllowed { .. } | Rejection::Claimed { .. })
            | Error::NoUser(_) => error.to_string(),
            _ => return Ok(()),
        };
        if loaded.version == 0 {
            return Ok(());
        }
        let instance = &loaded.row.instance;
        let entry = HistoryRow {
            at: self.clock.now(),
            revision: instance.revision,
            kind: "refused".to_owned(),
            actor: event.actor().cloned(),
            definition: instance.definition.to_string(),
            from: Some(instance.state.clone()),
            path: Vec::new(),
            trace: Vec::new(),
            code: Some(error.code().to_owned()),
            notes: words(event).into_iter().chain([refusal]).collect(),
        };
        self.commit(Commit {
            subject: record::item_key(&instance.item),
            expected: loaded.version,
            state: None,
            writes: Vec::new(),
            history: vec![Row::open(record::encode(&entry)?)],
        })
        .await?;
        Ok(())
    }
}

/// Whether a caller's id for an input can be kept.
pub(crate) fn check_input_id(id: &str) -> Result<(), Error> {
    let max = INPUT_ID_BYTES_MAX;
    if id.is_empty() || id.contains('\0') || id.len() > max {
        return Err(Error::Limit {
            what: "an input id without NUL",
            max,
        });
    }
    Ok(())
}

/// How much text a value holds, in bytes.
fn bytes_of(value: &Value) -> usize {
    match value {
        Value::Text(text)
        | Value::User(text)
        | Value::Group(text)
        | Value::Position(text)
        | Value::Receipt(text)
        | Value::Choice(text) => text.len(),
        // Every element takes room in the row, however small it is.
        Value::List(values) => values
            .iter()
            .map(|value| bytes_of(value).saturating_add(8))
            .fold(0, usize::saturating_add),
        _ => 0,
    }
}

/// The line of the history: what happened, why, and what came of it.
fn history(
    before: &Instance,
    decided: &Decided,
    (cause, told): (&Cause, &Told),
    extra: &Extra,
) -> Result<Row, Error> {
    let mut notes = extra.notes.clone();
    let (kind, actor) = match cause {
        Cause::Event(event) => {
            notes.extend(words(event));
            (event.name(), event.actor().cloned())
        }
        Cause::Concluded(_) | Cause::Ended { .. } => ("finished", None),
    };
    notes.extend(decided.notes.iter().cloned());
    let incident = decided
        .instance
        .incident
        .as_ref()
        .map(|incident| incident.code.clone());
    let row = HistoryRow {
        at: told.context.now,
        revision: decided.instance.revision,
        kind: kind.to_owned(),
        actor,
        definition: decided.instance.definition.to_string(),
        from: (before.entry > 0).then(|| before.state.clone()),
        path: decided.path.clone(),
        trace: decided.trace.clone(),
        code: incident.or_else(|| decided.code.clone()),
        notes,
    };
    let personal = HistoryPersonalRef {
        cause: Some(cause),
        told: Some(told),
        detail: extra.detail.as_ref(),
    };
    Ok(Row::new(record::encode(&row)?, record::encode(&personal)?))
}

fn reply(decided: &Decided) -> Reply {
    let instance = &decided.instance;
    Reply {
        revision: instance.revision,
        state: instance.state.clone(),
        ended: instance.ended.map(|ended| ended.outcome),
        declined: decided.declined,
        incident: instance
            .incident
            .as_ref()
            .map(|incident| incident.code.clone()),
        repeated: false,
    }
}

/// What an event was, in words without personal values.
fn words(event: &Event) -> Vec<String> {
    match event {
        Event::Action { name, .. } | Event::Named { name, .. } | Event::Timer { name, .. } => {
            vec![name.clone()]
        }
        Event::Changed { fields } => fields.keys().cloned().collect(),
        Event::Payment(payment) => vec![payment.outcome.clone(), payment.link.to_string()],
        Event::Unknown { code, .. } => vec![code.clone()],
        Event::Retry { reason, .. } | Event::Hold { reason, .. } => vec![reason.clone()],
        _ => Vec::new(),
    }
}

/// A digest of an input, so that one id cannot stand for two inputs.
fn digest(input: &Input) -> Result<String, Error> {
    if input.id.is_none() {
        return Ok(String::new());
    }
    short_digest(&(&input.event, &input.workflow))
}

/// A short digest of what a caller hands in.
pub(crate) fn short_digest<T: serde::Serialize>(what: &T) -> Result<String, Error> {
    let digest = Sha256::digest(record::encode(what)?);
    Ok(digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
