//! What people do while items run: rules from a file.
//!
//! ```yaml
//! clock: 1405/06/01 09:00                  # where a virtual clock starts
//! play:
//!   - { in: review, as: zahra, do: approve, after: 2h }
//!   - { in: review, item: [17, 18], as: zahra, do: reject, with: { reject_reason: تکراری } }
//!   - { in: await_payment, visit: 2, end_wait: reza }
//!   - { in: packing, event: shipped, with: { parcel: P-7 } }
//!   - { in: review, change: { due_date: 1405/07/01 } }
//! ```
//!
//! The first rule that fits an item in its state is applied once per entry into the state; if it
//! moves nothing, the next one that fits follows.

use std::collections::BTreeMap;
use std::path::Path;

use charkh::state_machine::{Instance, Kind, Model};
use charkh::values::{FieldType, Fields, TimeDelta, Timestamp, UserId, Value, parse_timestamp};
use charkh::workflow_file::read::{self, Record};
use charkh::workflow_file::syntax::{self, Node};
use charkh::workflow_file::{Diagnostic, Findings, Loaded, Project, SourceFile};

use crate::exit::Outcome;
use crate::{files, loading};

/// The file, read.
#[derive(Debug, Default)]
pub(crate) struct Play {
    /// Where a virtual clock starts.
    pub(crate) clock: Option<Timestamp>,
    /// The rules, in order.
    pub(crate) rules: Vec<Rule>,
}

/// A rule.
#[derive(Debug)]
pub(crate) struct Rule {
    state: String,
    items: Option<Vec<String>>,
    visit: Option<u32>,
    /// How long after the entry into the state.
    pub(crate) after: TimeDelta,
    /// What happens.
    pub(crate) what: What,
}

/// What a rule does.
#[derive(Debug)]
pub(crate) enum What {
    /// A person chooses an action.
    Act {
        /// The action.
        action: String,
        /// Who.
        actor: UserId,
        /// Field values filled in.
        fields: Fields,
    },
    /// A person ends a wait.
    EndWait(UserId),
    /// An event comes.
    Event {
        /// Its name.
        name: String,
        /// What it carries.
        payload: Fields,
    },
    /// The CRM changes fields.
    Change(Fields),
}

impl Rule {
    /// Whether the rule is for the item as it stands.
    pub(crate) fn fits(&self, instance: &Instance) -> bool {
        let item = &instance.item;
        let named = |name: &String| name == item.id() || *name == item.to_string();
        let visits = instance
            .visits
            .get(&instance.state)
            .copied()
            .unwrap_or_default();
        self.state == instance.state
            && self
                .items
                .as_ref()
                .is_none_or(|items| items.iter().any(named))
            && self.visit.is_none_or(|visit| visit == visits)
    }
}

/// The keys of the file.
const PLAY_KEYS: &[&str] = &["clock", "play"];
/// The keys of a rule.
const RULE_KEYS: &[&str] = &[
    "in", "item", "visit", "after", "as", "do", "end_wait", "event", "change", "with",
];
/// The keys of which a rule has exactly one.
const WHAT_KEYS: &[&str] = &["do", "end_wait", "event", "change"];

/// Reads the file; every mistake is shown where there is one.
pub(crate) fn read(path: &Path, loaded: &Loaded, project: &Project) -> Outcome<Play> {
    let source = files::read(path)?;
    let (play, findings) = parse(&source, loaded, project);
    if findings.has_errors() {
        return Err(loading::refused(&source, &findings.finish()));
    }
    Ok(play)
}

/// What is wrong with the file whatever the workflow is; names are checked by the run.
pub(crate) fn check_shape(source: &SourceFile) -> Vec<Diagnostic> {
    let mut findings = Findings::new(source.name.clone());
    let document = syntax::parse(source, &mut findings);
    let root = document.as_ref().map(|document| &document.root);
    let play = root.and_then(|root| Record::open(root, "a play", PLAY_KEYS, &mut findings));
    let rules = play.and_then(|play| play.need("play", &mut findings));
    let rules = rules.and_then(|node| read::elements(node, "a list of rules", &mut findings));
    for node in rules.unwrap_or_default() {
        if let Some(rule) = Record::open(node, "a rule", RULE_KEYS, &mut findings) {
            rule.need("in", &mut findings);
            rule.one_of(WHAT_KEYS, &mut findings);
        }
    }
    findings.finish()
}

fn parse(source: &SourceFile, loaded: &Loaded, project: &Project) -> (Play, Findings) {
    let mut findings = Findings::new(source.name.clone());
    let names = Names {
        model: &loaded.model,
        fields: &loaded.definition.schema().item.fields,
        project,
    };
    let play = syntax::parse(source, &mut findings)
        .map(|document| names.play(&document.root, &mut findings))
        .unwrap_or_default();
    (play, findings)
}

/// What rules may name.
struct Names<'a> {
    model: &'a Model,
    fields: &'a BTreeMap<String, FieldType>,
    project: &'a Project,
}

impl Names<'_> {
    fn play(&self, root: &Node, findings: &mut Findings) -> Play {
        let Some(record) = Record::open(root, "a play", PLAY_KEYS, findings) else {
            return Play::default();
        };
        let clock = record
            .get("clock")
            .and_then(|node| self.moment(node, findings));
        let rules = record.need("play", findings);
        let rules = rules.and_then(|node| read::elements(node, "a list of rules", findings));
        let rules = rules.unwrap_or_default();
        Play {
            clock,
            rules: rules
                .iter()
                .filter_map(|node| self.rule(node, findings))
                .collect(),
        }
    }

    fn moment(&self, node: &Node, findings: &mut Findings) -> Option<Timestamp> {
        let text = read::text(node, "a moment", findings)?;
        parse_timestamp(&text, &self.project.zone)
            .inspect_err(|error| {
                findings.add(
                    Diagnostic::error("RN0204", node.value_place(), error.to_string())
                        .label("not a moment"),
                );
            })
            .ok()
    }

    fn rule(&self, node: &Node, findings: &mut Findings) -> Option<Rule> {
        let record = Record::open(node, "a rule", RULE_KEYS, findings)?;
        let state = record
            .need("in", findings)
            .and_then(|node| self.state(node, findings));
        let visit = record.get("visit").and_then(|node| {
            let visit = read::whole(node, "a visit", 1..=1_000_000, findings)?;
            u32::try_from(visit).ok()
        });
        let after = record
            .get("after")
            .and_then(|node| read::duration(node, findings));
        let items = record.get("item").map(|node| {
            let one = std::slice::from_ref(node);
            let nodes = node.as_list().unwrap_or(one);
            nodes
                .iter()
                .filter_map(|node| Some(node.as_scalar()?.text.clone()))
                .collect()
        });
        let what = self.what(&record, findings);
        Some(Rule {
            state: state?,
            items,
            visit,
            after: TimeDelta::try_seconds(after.unwrap_or_default())?,
            what: what?,
        })
    }

    fn what(&self, record: &Record<'_>, findings: &mut Findings) -> Option<What> {
        let entry = record.one_of(WHAT_KEYS, findings)?;
        let node = &entry.value;
        let state = record.get("in").and_then(Node::as_text).unwrap_or_default();
        match entry.key.as_str() {
            "do" => {
                let actor = record.need("as", findings);
                let actor = actor.and_then(|node| self.person(node, findings));
                let action = self.action(state, node, findings);
                let fields = self.with(record, self.fields, findings);
                Some(What::Act {
                    action: action?,
                    actor: actor?,
                    fields,
                })
            }
            "end_wait" => self.person(node, findings).map(What::EndWait),
            "event" => {
                let name = self.event(node, findings)?;
                let known = self.model.events.get(&name).map(|event| &event.payload)?;
                Some(What::Event {
                    payload: self.with(record, known, findings),
                    name,
                })
            }
            _ => Some(What::Change(self.values(node, self.fields, findings))),
        }
    }

    fn state(&self, node: &Node, findings: &mut Findings) -> Option<String> {
        let states = self.model.states.iter().map(|state| state.id.as_str());
        known(node, ("a state", "RN0201"), states, findings)
    }

    fn event(&self, node: &Node, findings: &mut Findings) -> Option<String> {
        let events = self.model.events.keys().map(String::as_str);
        known(node, ("an event", "RN0202"), events, findings)
    }

    fn action(&self, state: &str, node: &Node, findings: &mut Findings) -> Option<String> {
        let actions = match self.model.state(state).map(|state| &state.kind) {
            Some(Kind::Task(task)) => task.actions.as_slice(),
            // A state that does not exist is reported already.
            None => return None,
            Some(_) => &[],
        };
        let names = actions.iter().map(|action| action.name.as_str());
        known(node, ("an action of the state", "RN0202"), names, findings)
    }

    fn person(&self, node: &Node, findings: &mut Findings) -> Option<UserId> {
        let people = self.project.people.iter().map(|user| user.id.as_str());
        known(
            node,
            ("a person of the project", "RN0203"),
            people,
            findings,
        )
        .map(UserId::new)
    }

    fn with(
        &self,
        record: &Record<'_>,
        known: &BTreeMap<String, FieldType>,
        findings: &mut Findings,
    ) -> Fields {
        record
            .get("with")
            .map(|node| self.values(node, known, findings))
            .unwrap_or_default()
    }

    fn values(
        &self,
        node: &Node,
        fields: &BTreeMap<String, FieldType>,
        findings: &mut Findings,
    ) -> Fields {
        let Some(record) = Record::open_any(node, "field values", findings) else {
            return Fields::new();
        };
        let mut values = Fields::new();
        for entry in record.entries() {
            let Some(kind) = fields.get(&entry.key) else {
                let message = format!("there is no field `{}`", entry.key);
                findings.add(
                    Diagnostic::error("RN0104", entry.key_span, message)
                        .label("no such field")
                        .did_you_mean(&entry.key, fields.keys().map(String::as_str)),
                );
                continue;
            };
            match Value::from_json(&entry.value.to_json(), kind) {
                Ok(value) => drop(values.insert(entry.key.clone(), value)),
                Err(error) => {
                    let message = format!("field `{}`: {error}", entry.key);
                    let place = entry.value.value_place();
                    findings.add(
                        Diagnostic::error("RN0105", place, message)
                            .label(format!("not a value of type {}", kind.name())),
                    );
                }
            }
        }
        values
    }
}

/// A name that must be among the known ones.
fn known<'a>(
    node: &Node,
    (what, code): (&str, &'static str),
    names: impl Iterator<Item = &'a str> + Clone,
    findings: &mut Findings,
) -> Option<String> {
    let text = read::text(node, what, findings)?;
    if names.clone().any(|name| name == text) {
        return Some(text);
    }
    let listed: Vec<&str> = names.clone().collect();
    let diagnostic = Diagnostic::error(code, node.value_place(), format!("`{text}` is not {what}"))
        .label("no such name")
        .did_you_mean(&text, names);
    findings.add(match diagnostic.help {
        None if !listed.is_empty() && listed.len() <= 12 => {
            diagnostic.help(format!("there is {}", read::list(&listed)))
        }
        _ => diagnostic,
    });
    None
}

#[cfg(test)]
mod tests {
    use charkh::Catalog;
    use charkh::workflow_file::{Project, SourceFile, load};

    use super::parse;

    const WORKFLOW: &str = "
workflow: small
version: 1
entity: invoice
label: Small
fields: { note: { type: text } }
events: { shipped: { payload: { parcel: { type: text } } } }
initial: review
states:
  review: { task: { assignee: { user: zahra }, actions: { go: { to: ship } } } }
  ship: { wait: { event: shipped, by: { user: zahra } }, next: { event: done, ended: done } }
  done: { end: success }
";

    fn findings(text: &str) -> Vec<(String, usize)> {
        let workflow = SourceFile::new("small.yaml", WORKFLOW);
        let loaded = load(&workflow, &Catalog::builtin(), None).unwrap();
        let project = SourceFile::new("charkh.yaml", "people: { zahra: { name: زهرا } }");
        let project = Project::check(&project).0.unwrap();
        let (_, findings) = parse(&SourceFile::new("a.play.yaml", text), &loaded, &project);
        findings
            .finish()
            .into_iter()
            .map(|f| (f.code.to_owned(), f.span.line))
            .collect()
    }

    #[test]
    fn a_play_names_states_actions_events_people_and_fields_that_exist() {
        let good = "
clock: 1405/06/01 09:00
play:
  - { in: review, as: zahra, do: go, after: 2h, with: { note: خوب } }
  - { in: ship, item: [17, invoice/18], event: shipped, with: { parcel: P-1 } }
  - { in: ship, visit: 2, end_wait: zahra }
  - { in: ship, change: { note: a } }
";
        assert_eq!(findings(good), []);
        let bad = "
clock: soon
play:
  - { in: revew, as: zahra, do: go }
  - { in: review, as: zahra, do: gone }
  - { in: review, as: reza, do: go }
  - { in: ship, event: shiped }
  - { in: ship, event: shipped, with: { parcl: 1 } }
  - { in: ship, change: { note: [1] } }
  - { in: ship, do: go, end_wait: zahra, as: zahra }
  - { in: ship }
";
        let found = findings(bad);
        let found: Vec<(&str, usize)> = found
            .iter()
            .map(|(code, line)| (code.as_str(), *line))
            .collect();
        assert_eq!(
            found,
            [
                ("RN0204", 2),
                ("RN0201", 4),
                ("RN0202", 5),
                ("RN0203", 6),
                ("RN0202", 7),
                ("RN0104", 8),
                ("RN0105", 9),
                ("RN0202", 10),
                ("WF0111", 10),
                ("WF0102", 11),
            ]
        );
    }
}
