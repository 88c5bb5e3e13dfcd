//! A workflow, checked and compiled: it cannot exist ill-formed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use expression::{Expected, Expression, RecordType, Schema};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use values::FieldType;

use crate::model::{Kind, Model, Route, State};
use crate::{graph, model};

/// The identity of a definition: the first 128 bits of the SHA-256 of its canonical JSON, in hexadecimal.
/// Every commit carries it, so it is no longer than it must be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DefinitionHash(Arc<str>);

impl DefinitionHash {
    /// The hash as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A hash read from a store.
    pub fn from_text(text: &str) -> DefinitionHash {
        DefinitionHash(text.into())
    }
}

impl fmt::Display for DefinitionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Why a model is no definition. The loader finds these first, with their place in the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ModelProblem {
    /// Where, as a path of keys.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

/// A workflow, checked and compiled.
#[derive(Clone)]
pub struct Definition {
    model: Arc<Model>,
    canonical: Arc<[u8]>,
    hash: DefinitionHash,
    schema: Arc<Schema>,
    states: Arc<BTreeMap<String, CompiledState>>,
    on: Arc<[CompiledRoute]>,
}

/// A state with its expressions compiled, in the order the model lists them.
#[derive(Debug, Clone, Default)]
pub(crate) struct CompiledState {
    pub(crate) index: usize,
    pub(crate) actions: Vec<Option<Expression>>,
    pub(crate) branches: Vec<Expression>,
    pub(crate) wait_when: Option<Expression>,
    pub(crate) event_when: Option<Expression>,
    pub(crate) on: Vec<CompiledRoute>,
}

/// A route with its guard compiled.
#[derive(Debug, Clone)]
pub(crate) struct CompiledRoute {
    pub(crate) route: Route,
    pub(crate) guard: Option<Expression>,
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Definition({} v{} {})",
            self.model.workflow, self.model.version, self.hash
        )
    }
}

impl Definition {
    /// Checks a model and compiles its expressions.
    ///
    /// # Errors
    ///
    /// Every problem found, not only the first.
    pub fn build(mut model: Model) -> Result<Definition, Vec<ModelProblem>> {
        for state in &mut model.states {
            if let Kind::Activity(activity) = &mut state.kind {
                activity.with.sort_all_objects();
            }
        }
        let schema = model.schema();
        let mut build = Build {
            schema: &schema,
            model: &model,
            problems: Vec::new(),
        };
        build.check_shape();
        let mut states = BTreeMap::new();
        for (index, state) in model.states.iter().enumerate() {
            let compiled = build.compile_state(index, state);
            states.insert(state.id.clone(), compiled);
        }
        let on = build.compile_routes("on", &model.on);
        for cycle in graph::cycles_without_rest(&model) {
            build.report(
                "states",
                format!("a cycle never rests: {}", cycle.join(" → ")),
            );
        }
        let problems = build.problems;
        let canonical = serde_json::to_vec(&model).map_err(|error| {
            vec![ModelProblem {
                place: "workflow".to_owned(),
                message: error.to_string(),
            }]
        })?;
        if !problems.is_empty() {
            return Err(problems);
        }
        let hash = Sha256::digest(&canonical);
        let text = hash
            .iter()
            .fold(String::with_capacity(64), |mut text, byte| {
                text.push_str(&format!("{byte:02x}"));
                text
            });
        Ok(Definition {
            canonical: canonical.into(),
            hash: DefinitionHash(text.into()),
            schema: Arc::new(schema),
            states: Arc::new(states),
            on: on.into(),
            model: Arc::new(model),
        })
    }

    /// Rebuilds a definition from its canonical form, as a store keeps it.
    ///
    /// # Errors
    ///
    /// When the bytes are no model, the model is no definition, or it is written in another form, as
    /// by a newer version: then it would get another hash than the items that run it.
    pub fn from_canonical(bytes: &[u8]) -> Result<Definition, Vec<ModelProblem>> {
        let refused = |message: String| {
            let place = "workflow".to_owned();
            vec![ModelProblem { place, message }]
        };
        let model = serde_json::from_slice(bytes).map_err(|error| refused(error.to_string()))?;
        let definition = Definition::build(model)?;
        if definition.canonical() == bytes {
            Ok(definition)
        } else {
            Err(refused("it is not in the canonical form".to_owned()))
        }
    }

    /// The canonical form: what the hash is computed over.
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }

    /// The identity.
    pub fn hash(&self) -> &DefinitionHash {
        &self.hash
    }

    /// The workflow as data.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What expressions of this workflow may name.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The state of that name.
    pub fn state(&self, id: &str) -> Option<&State> {
        self.states
            .get(id)
            .and_then(|compiled| self.model.states.get(compiled.index))
    }

    pub(crate) fn compiled(&self, id: &str) -> Option<(&State, &CompiledState)> {
        let compiled = self.states.get(id)?;
        Some((self.model.states.get(compiled.index)?, compiled))
    }

    pub(crate) fn on(&self) -> &[CompiledRoute] {
        &self.on
    }

    /// Every expression of the workflow's transitions.
    fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.states
            .values()
            .flat_map(|state| {
                state
                    .actions
                    .iter()
                    .flatten()
                    .chain(state.branches.iter())
                    .chain(state.wait_when.iter())
                    .chain(state.event_when.iter())
                    .chain(state.on.iter().filter_map(|route| route.guard.as_ref()))
            })
            .chain(self.on.iter().filter_map(|route| route.guard.as_ref()))
    }

    /// What the transitions' expressions read outside the item: whether the party, and which
    /// parents and children.
    pub fn outside_reads(&self) -> OutsideReads {
        let mut reads = OutsideReads::default();
        for expression in self.expressions() {
            reads.add(expression.reads());
        }
        reads
    }
}

/// What expressions read outside the item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutsideReads {
    /// The party's fields.
    pub party: bool,
    /// The party's balance.
    pub balance: bool,
    /// Entities read through `parent`.
    pub parents: BTreeSet<String>,
    /// Entities read through `children`.
    pub children: BTreeSet<String>,
}

impl OutsideReads {
    /// Adds what one expression or template reads.
    pub fn add(&mut self, reads: &expression::Reads) {
        self.party |= reads.party;
        self.balance |= reads.balance;
        self.parents.extend(reads.parents.iter().cloned());
        self.children.extend(reads.children.iter().cloned());
    }

    /// Whether nothing outside is read.
    pub fn is_empty(&self) -> bool {
        !self.party && !self.balance && self.parents.is_empty() && self.children.is_empty()
    }
}

struct Build<'a> {
    schema: &'a Schema,
    model: &'a Model,
    problems: Vec<ModelProblem>,
}

impl Build<'_> {
    fn report(&mut self, place: &str, message: impl Into<String>) {
        self.problems.push(ModelProblem {
            place: place.to_owned(),
            message: message.into(),
        });
    }

    fn check_shape(&mut self) {
        let mut seen = BTreeSet::new();
        for state in &self.model.states {
            if !seen.insert(state.id.as_str()) {
                self.report("states", format!("state `{}` is declared twice", state.id));
            }
        }
        if !seen.contains(self.model.initial.as_str()) {
            self.report("initial", format!("no state `{}`", self.model.initial));
        }
        let nowhere = |name: &str, to: &str| format!("`{name}` leads to no state `{to}`");
        for edge in graph::edges(self.model).iter().filter(|edge| !edge.shared) {
            if !seen.contains(edge.to.as_str()) {
                let place = format!("states.{}", edge.from);
                self.report(&place, nowhere(&edge.label, &edge.to));
            }
        }
        for route in &self.model.on {
            if !seen.contains(route.to.as_str()) {
                self.report("on", nowhere(&route.event, &route.to));
            }
        }
        for name in self.model.events.keys() {
            // Whoever may send events could otherwise say that a link was paid.
            if model::PAYMENT_OUTCOMES.contains(&name.as_str()) {
                self.report("events", format!("`{name}` is what payment links report"));
            }
        }
        for state in &self.model.states {
            self.check_state(state);
        }
    }

    fn check_state(&mut self, state: &State) {
        let place = format!("states.{}", state.id);
        if !graph::can_leave(&state.kind) {
            self.report(&place, "nothing can end this state");
        }
        match &state.kind {
            Kind::Task(task) => self.check_assignee(&place, &task.assignee),
            Kind::Wait(wait) => self.check_wait(&place, wait),
            Kind::Activity(_) | Kind::Decision(_) | Kind::Rollback(_) | Kind::End(_) => {}
        }
    }

    /// Everything that can end a wait has a way out.
    fn check_wait(&mut self, place: &str, wait: &model::Wait) {
        let sources = [
            ("elapsed", wait.due.is_some()),
            ("event", wait.event.is_some()),
            ("holds", wait.when.is_some()),
            ("ended", wait.by.is_some()),
        ];
        for (outcome, _) in sources
            .iter()
            .filter(|(outcome, there)| *there && !wait.next.contains_key(*outcome))
        {
            self.report(place, format!("the wait has no way for `{outcome}`"));
        }
        if let Some(of) = &wait.payment {
            let made = self.model.state(of).map(|state| &state.kind);
            if !matches!(made, Some(Kind::Activity(_))) {
                self.report(place, format!("no link is made by `{of}`"));
            }
        }
        if let Some(by) = &wait.by {
            self.check_assignee(place, by);
        }
    }

    fn check_assignee(&mut self, place: &str, assignee: &model::Assignee) {
        match assignee {
            model::Assignee::ManagerOf(inner) => {
                if matches!(**inner, model::Assignee::ManagerOf(_)) {
                    self.report(place, "the manager of a manager is not looked up");
                }
                self.check_assignee(place, inner);
            }
            model::Assignee::LastResponsible { state, fallback } => {
                if self.model.state(state).is_none() {
                    self.report(place, format!("nobody acts in `{state}`: no such state"));
                }
                if let Some(fallback) = fallback {
                    self.check_assignee(place, fallback);
                }
            }
            model::Assignee::Field { fallback, .. } => self.check_assignee(place, fallback),
            _ => {}
        }
    }

    fn compile(&mut self, place: &str, source: &str) -> Option<Expression> {
        match Expression::compile(source, self.schema, Expected::Guard) {
            Ok(expression) => Some(expression),
            Err(problems) => {
                for problem in problems {
                    self.report(place, problem.message);
                }
                None
            }
        }
    }

    fn compile_optional(&mut self, place: &str, source: Option<&String>) -> Option<Expression> {
        source.and_then(|source| self.compile(place, source))
    }

    fn compile_routes(&mut self, place: &str, routes: &[Route]) -> Vec<CompiledRoute> {
        routes
            .iter()
            .map(|route| {
                let place = format!("{place}.{}", route.event);
                let guard = self.compile_optional(&place, route.when.as_ref());
                CompiledRoute {
                    route: route.clone(),
                    guard,
                }
            })
            .collect()
    }

    fn compile_state(&mut self, index: usize, state: &State) -> CompiledState {
        let place = format!("states.{}", state.id);
        let mut compiled = CompiledState {
            index,
            on: self.compile_routes(&place, &state.on),
            ..CompiledState::default()
        };
        match &state.kind {
            Kind::Task(task) => {
                for action in &task.actions {
                    let place = format!("{place}.task.actions.{}.when", action.name);
                    compiled
                        .actions
                        .push(self.compile_optional(&place, action.when.as_ref()));
                }
            }
            Kind::Decision(decision) => {
                for branch in &decision.branches {
                    let place = format!("{place}.decision");
                    compiled.branches.extend(self.compile(&place, &branch.when));
                }
            }
            Kind::Wait(wait) => {
                compiled.wait_when = self.compile_optional(&place, wait.when.as_ref());
                let guard = wait.event.as_ref().and_then(|event| event.when.as_ref());
                compiled.event_when = self.compile_optional(&place, guard);
            }
            Kind::Activity(_) | Kind::Rollback(_) | Kind::End(_) => {}
        }
        compiled
    }
}

impl model::Model {
    /// What expressions of this workflow may name.
    pub fn schema(&self) -> Schema {
        let fields: BTreeMap<String, FieldType> = self
            .fields
            .iter()
            .map(|(name, field)| (name.clone(), field.kind.clone()))
            .collect();
        let record = |name: &str, fields: BTreeMap<String, FieldType>| {
            let mut record = RecordType::new(name);
            record.fields = fields;
            record
        };
        let mut fields = fields;
        if self.is_financial() {
            fields.insert("final_amount".to_owned(), FieldType::Money);
        }
        let mut schema = Schema::new(record(&self.entity, fields));
        for (name, kind) in &self.party_fields {
            schema.party.fields.insert(name.clone(), kind.clone());
        }
        for (entity, fields) in &self.related {
            schema = schema.relate(record(entity, fields.clone()));
        }
        schema.states = self.states.iter().map(|state| state.id.clone()).collect();
        schema.link_states = self.link_states().map(str::to_owned).collect();
        let payload: BTreeMap<String, FieldType> = self
            .events
            .values()
            .flat_map(|event| event.payload.clone())
            .collect();
        if !self.events.is_empty() {
            schema.event = Some(record("event", payload));
        }
        schema
    }
}
