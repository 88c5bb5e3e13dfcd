//! THE door: load → decide → commit → wake. Nothing else changes an instance.

use std::sync::Arc;

use persistence::{Commit, Row, Table, Write};
use sha2::{Digest, Sha256};
use state_machine::{Event, Instance, Rejection};
use values::{Fields, ItemRef, Value};

use crate::decide::{Decided, Situation, Verdict, decide};
use crate::gather::Gather;
use crate::record::{self, Cause, HistoryPersonal, HistoryRow, InputRow, InstanceRow, Told};
use crate::workflow::Workflow;
use crate::write::Batch;
use crate::{Core, Error, Input, Reply};

/// An instance as the store has it.
pub(crate) struct Loaded {
    /// The store's version of the subject.
    pub(crate) version: u64,
    pub(crate) row: InstanceRow,
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
        let _turn = self.locks.lock(&input.item).await;
        let digest = digest(&input)?;
        if let Some(reply) = self.repeated(&input, &digest).await? {
            return Ok(reply);
        }
        let loaded = self.load(&input.item).await?;
        let (workflow, loaded) = match loaded {
            Some(loaded) => (
                self.workflows
                    .pinned(&loaded.row.instance.definition)
                    .await?,
                loaded,
            ),
            None => self.fresh(&input).await?,
        };
        if let Some(expected) = input.expected_revision
            && expected != loaded.row.instance.revision
        {
            let actual = loaded.row.instance.revision;
            return Err(Error::WrongRevision { expected, actual });
        }
        let event = self.complete(input.event, &workflow, &loaded).await?;
        let extra = Extra {
            input: input.id.map(|id| (id.as_str().to_owned(), digest)),
            ..Extra::default()
        };
        let refused = (loaded.version, loaded.row.clone());
        match self
            .apply(&workflow, loaded, Cause::Event(event.clone()), extra)
            .await
        {
            Err(error) => {
                self.audit_refusal(&workflow, refused, &event, &error)
                    .await?;
                Err(error)
            }
            reply => reply,
        }
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
        let stored = self.store.subject(&record::item_key(item)).await?;
        stored
            .map(|stored| {
                let row = crate::write::instance_row(&stored.row)?;
                Ok(Loaded {
                    version: stored.version,
                    row,
                })
            })
            .transpose()
    }

    /// A blank instance for an item that starts.
    async fn fresh(&self, input: &Input) -> Result<(Arc<Workflow>, Loaded), Error> {
        if !matches!(input.event, Event::Start { .. }) {
            return Err(Error::NotStarted(input.item.clone()));
        }
        let workflow = self
            .workflows
            .active(input.workflow.as_deref(), input.item.entity())?;
        let now = self.clock.now();
        let definition = &workflow.definition;
        let instance = Instance::blank(
            input.item.clone(),
            definition.hash().clone(),
            &definition.model().initial,
            now,
        );
        let row = InstanceRow {
            instance,
            intent_due: None,
        };
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
            return self.bounded(event);
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
        self.bounded(Event::Start {
            fields: all,
            party: party.or(snapshot.party),
        })
    }

    /// Refuses inputs that are larger than any item may be.
    fn bounded(&self, event: Event) -> Result<Event, Error> {
        let fields = match &event {
            Event::Start { fields, .. }
            | Event::Action { fields, .. }
            | Event::Changed { fields }
            | Event::Named {
                payload: fields, ..
            } => fields,
            _ => return Ok(event),
        };
        if fields.len() > self.limits.fields_max {
            return Err(Error::Limit {
                what: "number of fields",
                max: self.limits.fields_max,
            });
        }
        let max = self.limits.field_bytes_max;
        let too_long = |value: &Value| matches!(value, Value::Text(text) if text.len() > max);
        if fields.values().any(too_long) {
            return Err(Error::Limit {
                what: "a field's bytes",
                max,
            });
        }
        Ok(event)
    }

    /// Decides and commits. The caller holds the item's turn.
    pub(crate) async fn apply(
        &self,
        workflow: &Workflow,
        loaded: Loaded,
        cause: Cause,
        extra: Extra,
    ) -> Result<Reply, Error> {
        let (decided, told) = self.decided(workflow, &loaded.row.instance, &cause).await?;
        if decided.instance.wake_source(&workflow.definition).is_none() {
            let at = format!("{} in {}", decided.instance.item, decided.instance.state);
            return Err(Error::Invariant(format!("{at} could never be woken")));
        }
        let reply = reply(&decided);
        let history = history(&loaded.row.instance, &decided, (&cause, &told), &extra)?;
        let mut batch = Batch::new(told.context.now);
        batch
            .instance(&loaded.row, &decided, &cause, self.store.as_ref())
            .await?;
        batch.consequences(&decided, &extra.host_changes, self.accounts())?;
        batch.attention(&loaded.row.instance, &decided.instance)?;
        if let Some((id, digest)) = extra.input {
            let row = InputRow {
                reply: reply.clone(),
                digest,
            };
            let key = record::input_key(&decided.instance.item, &id);
            batch.fresh(Table::Inputs, key, Row::open(record::encode(&row)?));
        }
        batch.extend(extra.writes);
        let (state, writes) = batch.finish(&decided.instance, workflow)?;
        self.commit(Commit {
            subject: record::item_key(&decided.instance.item),
            expected: loaded.version,
            state: Some(state),
            writes,
            history: vec![history],
        })
        .await?;
        Ok(reply)
    }

    /// Asks for what the decision needs until it is made.
    async fn decided(
        &self,
        workflow: &Workflow,
        instance: &Instance,
        cause: &Cause,
    ) -> Result<(Box<Decided>, Told), Error> {
        let gather = Gather {
            host: &self.host,
            store: self.store.as_ref(),
            accounts: self.accounts(),
            zone: &self.zone,
        };
        let event = match cause {
            Cause::Event(event) => Some(event),
            Cause::Concluded(_) | Cause::Ended { .. } => None,
        };
        let now = self.clock.now();
        let context = gather.context(workflow, instance, event, now).await?;
        let mut told = Told {
            context,
            answers: Vec::new(),
        };
        let situation = Situation {
            workflow,
            instance,
            accounts: self.accounts(),
            locales: self.workflows.locales(),
            zone: &self.zone,
            activities_max: self.limits.activities_per_input_max,
        };
        loop {
            match decide(situation, cause, &told)? {
                Verdict::Done(decided) => return Ok((decided, told)),
                Verdict::Ask(question) => {
                    let answers = gather.answers(&question.needs, &question.instance).await?;
                    told.answers.push(answers);
                }
            }
        }
    }

    /// Refusals of permission are kept in the history; others leave no trace (clause 59).
    async fn audit_refusal(
        &self,
        workflow: &Workflow,
        (version, row): (u64, InstanceRow),
        event: &Event,
        error: &Error,
    ) -> Result<(), Error> {
        let refusal = match error {
            Error::Rejected(Rejection::NotAllowed { .. } | Rejection::Claimed { .. })
            | Error::NoUser(_) => error.to_string(),
            _ => return Ok(()),
        };
        if version == 0 {
            return Ok(());
        }
        let entry = HistoryRow {
            at: self.clock.now(),
            revision: row.instance.revision,
            kind: "refused".to_owned(),
            actor: event.actor().cloned(),
            definition: workflow.definition.hash().to_string(),
            from: Some(row.instance.state.clone()),
            path: Vec::new(),
            trace: Vec::new(),
            code: Some(error.code().to_owned()),
            notes: words(&Cause::Event(event.clone()))
                .into_iter()
                .chain([refusal])
                .collect(),
        };
        self.commit(Commit {
            subject: record::item_key(&row.instance.item),
            expected: version,
            state: None,
            writes: Vec::new(),
            history: vec![Row::open(record::encode(&entry)?)],
        })
        .await?;
        Ok(())
    }
}

/// The line of the history: what happened, why, and what came of it.
fn history(
    before: &Instance,
    decided: &Decided,
    (cause, told): (&Cause, &Told),
    extra: &Extra,
) -> Result<Row, Error> {
    let (kind, actor) = match cause {
        Cause::Event(event) => (event.name(), event.actor().cloned()),
        Cause::Concluded(_) | Cause::Ended { .. } => ("finished", None),
    };
    let mut notes = extra.notes.clone();
    notes.extend(words(cause));
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
    let personal = HistoryPersonal {
        cause: Some(cause.clone()),
        told: Some(told.clone()),
        detail: extra.detail.clone(),
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

/// What a cause was, in words without personal values.
fn words(cause: &Cause) -> Vec<String> {
    let Cause::Event(event) = cause else {
        return Vec::new();
    };
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
    let bytes = record::encode(&(&input.event, &input.workflow))?;
    let digest = Sha256::digest(&bytes);
    Ok(digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
