//! Deployed workflows: definitions with their activities prepared, pinned by hash.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use activity::{Accounts, Catalog, PrepareContext, Prepared, Problem, Severity};
use persistence::{Commit, Row, Store, Table, Write};
use serde_json::Value as Json;
use state_machine::{Definition, DefinitionHash, Kind, OutsideReads};
use values::{FieldType, Locale};

use crate::Error;
use crate::record::{definition_key, workflow_key};

/// A definition with its activities prepared.
pub(crate) struct Workflow {
    pub(crate) definition: Definition,
    pub(crate) prepared: BTreeMap<String, Box<dyn Prepared>>,
    pub(crate) outside: OutsideReads,
}

impl Workflow {
    /// The state whose links a state makes in their place.
    pub(crate) fn makes_links_of(&self, state: &str) -> Option<&str> {
        self.prepared.get(state)?.makes_links_of()
    }

    /// The state whose links are made in a state: its own, or those that it renews.
    pub(crate) fn whose_links<'a>(&'a self, state: &'a str) -> Option<&'a str> {
        let mut makers = self.definition.model().link_states();
        self.makes_links_of(state)
            .or_else(|| makers.any(|maker| maker == state).then_some(state))
    }

    /// Whether another state makes links in the place of this one's.
    pub(crate) fn is_renewed(&self, state: &str) -> bool {
        let mut of = self.prepared.values().map(|ready| ready.makes_links_of());
        of.any(|of| of == Some(state))
    }
}

/// What activities are prepared with.
pub(crate) struct Preparation {
    pub(crate) catalog: Catalog,
    pub(crate) accounts: Accounts,
    pub(crate) locales: Vec<Locale>,
    pub(crate) allowed_hosts: Vec<String>,
}

impl Preparation {
    /// Prepares a workflow that is to be deployed: everything must fit.
    fn prepare(&self, definition: Definition) -> Result<Workflow, Error> {
        let name = definition.model().workflow.clone();
        match self.prepare_all(definition) {
            (workflow, problems) if problems.is_empty() => Ok(workflow),
            (_, problems) => Err(Error::Definition {
                workflow: name,
                problems,
            }),
        }
    }

    /// Prepares what can be prepared, and says what cannot.
    fn prepare_all(&self, definition: Definition) -> (Workflow, Vec<String>) {
        let model = definition.model();
        let fields = fields_of(&definition);
        let context = self.context(&definition, &fields);
        let mut prepared = BTreeMap::new();
        let mut problems = Vec::new();
        let mut outside = definition.outside_reads();
        for state in &model.states {
            let Kind::Activity(activity) = &state.kind else {
                continue;
            };
            let Some(kind) = self.catalog.get(&activity.name) else {
                problems.push(format!("{}: no activity `{}`", state.id, activity.name));
                continue;
            };
            match kind.prepare(&activity.with, &context) {
                Ok(ready) => {
                    for reads in ready.reads() {
                        outside.add(reads);
                    }
                    prepared.insert(state.id.clone(), ready);
                }
                Err(found) => problems.extend(errors(&state.id, &found)),
            }
        }
        let workflow = Workflow {
            prepared,
            outside,
            definition,
        };
        (workflow, problems)
    }

    /// What activities of a definition are prepared with.
    fn context<'a>(
        &'a self,
        definition: &'a Definition,
        fields: &'a BTreeMap<String, FieldType>,
    ) -> PrepareContext<'a> {
        let model = definition.model();
        PrepareContext {
            entity: &model.entity,
            financial: model.is_financial(),
            fields,
            schema: definition.schema(),
            stages: &model.stages,
            accounts: Some(&self.accounts),
            locales: &self.locales,
            allowed_hosts: Some(&self.allowed_hosts),
        }
    }
}

fn fields_of(definition: &Definition) -> BTreeMap<String, FieldType> {
    let fields = definition.model().fields.iter();
    fields
        .map(|(name, field)| (name.clone(), field.kind.clone()))
        .collect()
}

fn errors(state: &str, problems: &[Problem]) -> Vec<String> {
    problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(|problem| describe(state, problem))
        .collect()
}

fn describe(state: &str, problem: &Problem) -> String {
    format!("{state}: {} [{}]", problem.message, problem.code)
}

/// Every workflow this engine has seen, by hash, and the active one of each name.
pub(crate) struct Workflows {
    preparation: Preparation,
    store: Arc<dyn Store>,
    by_hash: RwLock<HashMap<DefinitionHash, Arc<Workflow>>>,
    active: RwLock<BTreeMap<String, Arc<Workflow>>>,
}

impl Workflows {
    pub(crate) fn new(preparation: Preparation, store: Arc<dyn Store>) -> Workflows {
        Workflows {
            preparation,
            store,
            by_hash: RwLock::default(),
            active: RwLock::default(),
        }
    }

    /// Makes a definition the active one of its name; items that run keep theirs (clause 56).
    pub(crate) async fn deploy(&self, definition: Definition) -> Result<DefinitionHash, Error> {
        let hash = definition.hash().clone();
        let name = definition.model().workflow.clone();
        let workflow = Arc::new(self.preparation.prepare(definition)?);
        let subject = workflow_key(&name);
        let stored = self.store.subject(&subject).await?;
        let is_active = stored
            .as_ref()
            .is_some_and(|stored| stored.row.open == hash.as_str().as_bytes());
        if !is_active {
            self.store
                .commit(Commit {
                    subject,
                    expected: stored.map_or(0, |stored| stored.version),
                    state: Some(Row::open(hash.as_str().as_bytes())),
                    writes: vec![Write::Put {
                        table: Table::Definitions,
                        key: definition_key(hash.as_str()),
                        row: Row::open(workflow.definition.canonical()),
                    }],
                    history: Vec::new(),
                })
                .await?;
        }
        self.remember(hash.clone(), workflow.clone());
        self.active
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, workflow);
        Ok(hash)
    }

    fn remember(&self, hash: DefinitionHash, workflow: Arc<Workflow>) {
        self.by_hash
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(hash, workflow);
    }

    /// The workflow an item is pinned to; read from the store where this engine has not seen it.
    pub(crate) async fn pinned(&self, hash: &DefinitionHash) -> Result<Arc<Workflow>, Error> {
        let known = self
            .by_hash
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(hash)
            .cloned();
        if let Some(workflow) = known {
            return Ok(workflow);
        }
        let row = self
            .store
            .get(Table::Definitions, &definition_key(hash.as_str()))
            .await?;
        let Some(row) = row else {
            return Err(Error::NoWorkflow(hash.to_string()));
        };
        let definition = Definition::from_canonical(&row.open).map_err(|problems| {
            let problems = problems.iter().map(ToString::to_string).collect();
            Error::Definition {
                workflow: hash.to_string(),
                problems,
            }
        })?;
        // What the project no longer has must not keep the item from everything else (clause 56).
        let (workflow, problems) = self.preparation.prepare_all(definition);
        if !problems.is_empty() {
            let problems = problems.join("; ");
            tracing::warn!(%hash, problems, "a running workflow does not fit this engine any more");
        }
        let workflow = Arc::new(workflow);
        self.remember(hash.clone(), workflow.clone());
        Ok(workflow)
    }

    /// The active workflow of that name, or the only one for the entity.
    pub(crate) fn active(&self, name: Option<&str>, entity: &str) -> Result<Arc<Workflow>, Error> {
        let active = self.active.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = name {
            let workflow = active
                .get(name)
                .cloned()
                .ok_or_else(|| Error::NoWorkflow(name.to_owned()))?;
            let expected = &workflow.definition.model().entity;
            if expected != entity {
                return Err(Error::WrongEntity {
                    workflow: name.to_owned(),
                    expected: expected.clone(),
                    actual: entity.to_owned(),
                });
            }
            return Ok(workflow);
        }
        let mut fitting = active
            .values()
            .filter(|workflow| workflow.definition.model().entity == entity);
        match (fitting.next(), fitting.next()) {
            (Some(workflow), None) => Ok(workflow.clone()),
            _ => Err(Error::NoWorkflow(format!("for {entity}"))),
        }
    }

    /// An activity with settings that stand in no workflow, prepared for the items of one.
    ///
    /// # Errors
    ///
    /// Every problem of the settings, in words.
    pub(crate) fn prepared_for(
        &self,
        definition: &Definition,
        name: &str,
        settings: &Json,
    ) -> Result<Box<dyn Prepared>, Vec<String>> {
        let preparation = &self.preparation;
        let Some(kind) = preparation.catalog.get(name) else {
            return Err(vec![format!("this engine has no activity `{name}`")]);
        };
        let fields = fields_of(definition);
        kind.prepare(settings, &preparation.context(definition, &fields))
            .map_err(|problems| errors(name, &problems))
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.preparation.catalog
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.preparation.accounts
    }

    pub(crate) fn locales(&self) -> &[Locale] {
        &self.preparation.locales
    }
}
