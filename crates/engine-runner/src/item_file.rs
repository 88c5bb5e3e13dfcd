//! Items for a run, from JSON, YAML or CSV.
//!
//! An item is flat: `id`, then maybe `party` and `parent`, then the fields of the workflow. An id
//! of another entity that the workflow reads, such as `opportunity/7`, brings a record along that
//! expressions can see and that runs nothing.

mod cell;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use charkh::SourceFile;
use charkh::expression::Schema;
use charkh::state_machine::Model;
use charkh::values::{Currency, FieldType, Fields, ItemRef, PartyId, Value, check_id};
use charkh::workflow_file::{Diagnostic, Findings, Loaded, Project};

use crate::exit::Outcome;
use crate::{files, loading};
use cell::{Cell, RawItem};

/// Items files may be long; a longer one is cut into several runs.
const BYTES_MAX: usize = 256 << 20;

/// An item of the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewItem {
    /// What it is.
    pub(crate) reference: ItemRef,
    /// Its field values; empty ones are left out.
    pub(crate) fields: Fields,
    /// The party it is related to.
    pub(crate) party: Option<PartyId>,
    /// The item above it.
    pub(crate) parent: Option<ItemRef>,
    /// Whether it runs the workflow; other records are only there to be read.
    pub(crate) runs: bool,
}

/// Reads the items of a file; every mistake is shown where there is one.
pub(crate) fn read(path: &Path, loaded: &Loaded, project: &Project) -> Outcome<Vec<NewItem>> {
    let bytes = files::read_up_to(path, BYTES_MAX)?;
    let source = SourceFile::new(path.display().to_string(), bytes);
    let (items, findings) = parse(&source, loaded, project);
    if findings.has_errors() {
        return Err(loading::refused(&source, &findings.finish()));
    }
    Ok(items)
}

fn parse(source: &SourceFile, loaded: &Loaded, project: &Project) -> (Vec<NewItem>, Findings) {
    let mut findings = Findings::new(source.name.clone());
    let raw = source::items(source, &mut findings);
    let known = Known::new(loaded, project);
    let mut items: Vec<NewItem> = Vec::new();
    let mut seen = BTreeSet::new();
    for raw in raw {
        let Some(item) = known.item(&raw, &mut findings) else {
            continue;
        };
        if !seen.insert(item.reference.clone()) {
            let message = format!("{} is here twice", item.reference);
            findings.add(Diagnostic::error("RN0103", raw.span, message).label("again here"));
        }
        items.push(item);
    }
    (items, findings)
}

/// What items may have.
struct Known<'a> {
    model: &'a Model,
    schema: &'a Schema,
    parties: BTreeSet<&'a str>,
}

/// The keys of an item that are no fields.
const OWN_KEYS: [&str; 3] = ["id", "party", "parent"];

impl<'a> Known<'a> {
    fn new(loaded: &'a Loaded, project: &'a Project) -> Known<'a> {
        Known {
            model: &loaded.model,
            schema: loaded.definition.schema(),
            parties: project
                .parties
                .iter()
                .map(|party| party.party.id.as_str())
                .collect(),
        }
    }

    fn item(&self, raw: &RawItem, findings: &mut Findings) -> Option<NewItem> {
        let reference = self.reference(raw, findings);
        let entity = reference
            .as_ref()
            .map_or(self.model.entity.as_str(), ItemRef::entity);
        let fields = self
            .fields_of(entity)
            .unwrap_or(&self.schema.item.fields)
            .clone();
        let party = raw.get("party").and_then(|cell| self.party(cell, findings));
        let parent = raw.get("parent").and_then(|cell| parent(cell, findings));
        let mut values = Fields::new();
        for cell in raw
            .cells
            .iter()
            .filter(|cell| !OWN_KEYS.contains(&cell.key.as_str()))
        {
            let Some(value) = self.value(cell, &fields, findings) else {
                continue;
            };
            if !value.is_empty() {
                values.insert(cell.key.clone(), value);
            }
        }
        let runs = entity == self.model.entity;
        Some(NewItem {
            reference: reference?,
            fields: values,
            party,
            parent,
            runs,
        })
    }

    fn fields_of(&self, entity: &str) -> Option<&BTreeMap<String, FieldType>> {
        if entity == self.model.entity {
            return Some(&self.schema.item.fields);
        }
        self.schema.related.get(entity).map(|record| &record.fields)
    }

    fn reference(&self, raw: &RawItem, findings: &mut Findings) -> Option<ItemRef> {
        let Some(cell) = raw.get("id") else {
            let message = "an item needs an `id`";
            findings.add(Diagnostic::error("RN0102", raw.span, message).label("none is here"));
            return None;
        };
        let text = cell.text();
        // An id may hold a slash of its own, as in `1405/17`.
        let (entity, id) = match text.split_once('/') {
            Some((entity, id)) if self.fields_of(entity).is_some() => (entity, id),
            _ => (self.model.entity.as_str(), text.as_str()),
        };
        match check_id(id).and_then(|()| ItemRef::new(entity, id)) {
            Ok(reference) => Some(reference),
            Err(error) => {
                findings.add(
                    Diagnostic::error("RN0102", cell.span, error.to_string()).label("not an id"),
                );
                None
            }
        }
    }

    fn party(&self, cell: &Cell, findings: &mut Findings) -> Option<PartyId> {
        let text = cell.text();
        if text.is_empty() {
            return None;
        }
        if !self.parties.contains(text.as_str()) {
            let message = format!("there is no party `{text}`");
            findings.add(
                Diagnostic::error("RN0106", cell.span, message)
                    .label("no such party")
                    .help("parties are listed in the project file, under `parties:`")
                    .did_you_mean(&text, self.parties.iter().copied()),
            );
            return None;
        }
        Some(PartyId::new(text))
    }

    fn value(
        &self,
        cell: &Cell,
        fields: &BTreeMap<String, FieldType>,
        findings: &mut Findings,
    ) -> Option<Value> {
        let Some(kind) = fields.get(&cell.key) else {
            let message = format!("the workflow has no field `{}`", cell.key);
            findings.add(
                Diagnostic::error("RN0104", cell.key_span, message)
                    .label("no such field")
                    .did_you_mean(&cell.key, fields.keys().map(String::as_str)),
            );
            return None;
        };
        let currency = self
            .model
            .fields
            .get(&cell.key)
            .and_then(|field| field.currency);
        match cell.value(kind, currency) {
            Ok(value) => Some(value),
            Err(error) => {
                let message = format!("field `{}`: {error}", cell.key);
                findings.add(
                    Diagnostic::error("RN0105", cell.span, message)
                        .label(format!("not a value of type {}", kind.name())),
                );
                None
            }
        }
    }
}

fn parent(cell: &Cell, findings: &mut Findings) -> Option<ItemRef> {
    let text = cell.text();
    if text.is_empty() {
        return None;
    }
    match text.parse() {
        Ok(reference) => Some(reference),
        Err(error) => {
            let error: charkh::values::IdError = error;
            findings.add(
                Diagnostic::error("RN0102", cell.span, error.to_string()).label("not an item"),
            );
            None
        }
    }
}

/// The currency that typed money must be in, where the field has one.
pub(super) type FieldCurrency = Option<Currency>;

#[cfg(test)]
mod tests;
