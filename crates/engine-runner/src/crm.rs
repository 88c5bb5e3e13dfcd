//! The CRM of runs without a CRM: in memory, and in a store folder also on disk.
//!
//! Writes are kept by key in a file of their own, so that a receipt registered before a kill is
//! still registered after it, and balances with it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use charkh::host::{
    Applied, Error, HostWrite, ItemSnapshot, Items, MemoryItem, PartyRole, RelatedRecord, Relation,
};
use charkh::state_machine::Model;
use charkh::values::{FieldType, Fields, ItemRef, PartyId, Value};
use charkh::workflow_file::{Project, ProjectParty};
use charkh::{MemoryHost, async_trait};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::exit::{Exit, Failure, Outcome};
use crate::lines::{LineFile, Written};

/// The CRM.
#[derive(Debug)]
pub(crate) struct Crm {
    memory: Arc<MemoryHost>,
    file: Option<LineFile>,
    /// Keys of writes that are applied. Held over a write, so that the file has the same order.
    applied: Mutex<BTreeSet<String>>,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
enum Line {
    /// An item that a run brought along.
    #[serde(rename = "item")]
    Item {
        item: ItemRef,
        fields: Fields,
        party: Option<PartyId>,
        parent: Option<ItemRef>,
    },
    /// A write of the engine.
    #[serde(rename = "write")]
    Write(HostWrite),
}

impl Crm {
    /// The CRM with the project's people and parties, and with what the file has kept.
    pub(crate) async fn open(project: &Project, file: Option<&Path>) -> Outcome<Crm> {
        let memory = Arc::new(MemoryHost::new());
        for user in &project.people {
            memory.put_user(user.clone());
        }
        for party in &project.parties {
            put_party(&memory, party);
        }
        let mut applied = BTreeSet::new();
        let mut line_file = None;
        if let Some(path) = file {
            let (file, lines) = LineFile::open::<Line>(path)?;
            for line in lines {
                restore(&memory, line, &mut applied).await?;
            }
            line_file = Some(file);
        }
        Ok(Crm {
            memory,
            file: line_file,
            applied: Mutex::new(applied),
        })
    }

    /// What is in memory.
    pub(crate) fn memory(&self) -> &Arc<MemoryHost> {
        &self.memory
    }

    /// Adds items that are not known already: what the workflow wrote back stays.
    pub(crate) async fn add(&self, items: Vec<(ItemRef, MemoryItem)>) -> Outcome<()> {
        let mut under_way = Vec::new();
        for (reference, item) in items {
            if self.memory.item(&reference).is_some() {
                continue;
            }
            let line = Line::Item {
                item: reference.clone(),
                fields: item.fields.clone(),
                party: item.party.clone(),
                parent: item.parent.clone(),
            };
            self.memory.put_item(reference, item);
            under_way.extend(self.keep(&line)?);
        }
        for written in under_way {
            written.on_disk().await?;
        }
        Ok(())
    }

    /// Gives the parties the values of fields that a workflow declares for them.
    pub(crate) fn add_party_fields(&self, project: &Project, model: &Model) -> Outcome<()> {
        for party in &project.parties {
            let mut fields = Fields::new();
            for (name, json) in &party.fields {
                let Some(kind) = model.party_fields.get(name) else {
                    continue;
                };
                fields.insert(
                    name.clone(),
                    party_value(&party.party.id, name, json, kind)?,
                );
            }
            if !fields.is_empty() {
                let mut whole = party.party.clone();
                whole.fields = fields;
                self.memory.put_party(whole);
            }
        }
        Ok(())
    }

    fn keep(&self, line: &Line) -> std::io::Result<Option<Written>> {
        self.file.as_ref().map(|file| file.append(line)).transpose()
    }
}

async fn restore(memory: &MemoryHost, line: Line, applied: &mut BTreeSet<String>) -> Outcome<()> {
    match line {
        Line::Item {
            item,
            fields,
            party,
            parent,
        } => {
            memory.put_item(
                item,
                MemoryItem {
                    fields,
                    party,
                    parent,
                    ..MemoryItem::default()
                },
            );
        }
        Line::Write(write) => {
            memory
                .apply(&write)
                .await
                .map_err(|error| Failure::new(Exit::Failed, "store_damaged", error.to_string()))?;
            applied.insert(write.key);
        }
    }
    Ok(())
}

fn put_party(memory: &MemoryHost, party: &ProjectParty) {
    let id = party.party.id.clone();
    memory.put_party(party.party.clone());
    if let Some(balance) = party.balance {
        memory.put_balance(id.clone(), balance);
    }
    let one = |person: &Option<charkh::host::Person>| person.iter().cloned().collect::<Vec<_>>();
    memory.put_people(id.clone(), PartyRole::Manager, one(&party.manager));
    memory.put_people(id.clone(), PartyRole::Contact, one(&party.contact));
    for (position, people) in &party.positions {
        memory.put_people(
            id.clone(),
            PartyRole::Position(position.clone()),
            people.clone(),
        );
    }
}

fn party_value(
    party: &PartyId,
    name: &str,
    json: &serde_json::Value,
    kind: &FieldType,
) -> Outcome<Value> {
    Value::from_json(json, kind).map_err(|error| {
        let message = format!("party {party}, field `{name}`: {error}");
        Failure::new(Exit::Invalid, "party_field", message)
    })
}

#[async_trait]
impl Items for Crm {
    async fn load(&self, item: &ItemRef) -> Result<Option<ItemSnapshot>, Error> {
        self.memory.load(item).await
    }

    async fn related(
        &self,
        item: &ItemRef,
        relation: &Relation,
    ) -> Result<Vec<RelatedRecord>, Error> {
        self.memory.related(item, relation).await
    }

    async fn apply(&self, write: &HostWrite) -> Result<Applied, Error> {
        let mut keys = self.applied.lock().await;
        let answer = self.memory.apply(write).await?;
        if keys.contains(&write.key) {
            return Ok(answer);
        }
        let written = self.keep(&Line::Write(write.clone())).map_err(unwritten)?;
        keys.insert(write.key.clone());
        drop(keys);
        if let Some(written) = written
            && let Err(error) = written.on_disk().await
        {
            self.applied.lock().await.remove(&write.key);
            return Err(unwritten(error));
        }
        Ok(answer)
    }
}

/// What a failed sync has left behind is unknown, so the write is repeated under its key.
fn unwritten(error: std::io::Error) -> Error {
    Error::timeout("items.apply", error.to_string())
}

#[cfg(test)]
mod tests {
    use charkh::host::{Change, HostWrite, Items as _, MemoryItem};
    use charkh::values::{Fields, ItemRef, Value};
    use charkh::workflow_file::Project;

    use super::Crm;

    #[tokio::test]
    async fn what_was_written_is_there_after_a_new_start_and_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crm.jsonl");
        let project = Project::default();
        let item = ItemRef::new("invoice", "1").unwrap();
        let write = HostWrite {
            key: "k-1".to_owned(),
            item: item.clone(),
            change: Change::CreateItem {
                entity: "task".to_owned(),
                fields: Fields::from([("title".to_owned(), Value::Text("پیگیری".to_owned()))]),
                child: true,
            },
        };
        let crm = Crm::open(&project, Some(&path)).await.unwrap();
        crm.add(vec![(item.clone(), MemoryItem::default())])
            .await
            .unwrap();
        let first = crm.apply(&write).await.unwrap();
        drop(crm);
        let crm = Crm::open(&project, Some(&path)).await.unwrap();
        assert_eq!(crm.apply(&write).await.unwrap(), first);
        assert!(crm.memory().item(&item).is_some());
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
    }
}
