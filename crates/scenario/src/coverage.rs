//! What scenarios have shown of a workflow, and what they have not.

use std::collections::BTreeMap;

use engine::{HistoryView, LinkRow};
use serde::Serialize;
use state_machine::{Definition, Kind, Model, PAYMENT_OUTCOMES, Route, graph};

/// The outcomes that any link can have, whether or not the workflow routes them.
const ALWAYS: [&str; 2] = ["paid", "expired"];

/// What scenarios have shown of one workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    workflow: String,
    states: Shown<String>,
    transitions: Shown<Transition>,
    outcomes: Shown<(String, String)>,
}

/// One row of a coverage report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Measure {
    /// `states`, `transitions` or `outcomes`.
    pub name: &'static str,
    /// How many were shown.
    pub covered: usize,
    /// How many there are.
    pub total: usize,
    /// Those that were not shown, in words.
    pub missing: Vec<String>,
}

/// Things in document order, each shown or not.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown<T>(Vec<(T, bool)>);

impl<T: PartialEq> Shown<T> {
    fn new(things: impl IntoIterator<Item = T>) -> Shown<T> {
        let mut list: Vec<(T, bool)> = Vec::new();
        for thing in things {
            if list.iter().all(|(known, _)| *known != thing) {
                list.push((thing, false));
            }
        }
        Shown(list)
    }

    fn show(&mut self, fits: impl Fn(&T) -> bool) -> bool {
        let found = self.0.iter_mut().find(|(thing, _)| fits(thing));
        if let Some((_, shown)) = found {
            *shown = true;
            return true;
        }
        false
    }

    fn merge(&mut self, other: &Shown<T>) {
        for (thing, shown) in other.0.iter().filter(|(_, shown)| *shown) {
            let _ = shown;
            self.show(|known| known == thing);
        }
    }

    fn measure(&self, name: &'static str, words: impl Fn(&T) -> String) -> Measure {
        let missing: Vec<String> = self
            .0
            .iter()
            .filter(|(_, shown)| !shown)
            .map(|(thing, _)| words(thing))
            .collect();
        Measure {
            name,
            covered: self.0.len() - missing.len(),
            total: self.0.len(),
            missing,
        }
    }
}

/// One way from a state to another; a route of the whole workflow counts once, from any state.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Transition {
    from: Option<String>,
    label: String,
    to: String,
}

impl Transition {
    fn words(&self) -> String {
        let from = self.from.as_deref().unwrap_or("any state");
        format!("{from} —{}→ {}", self.label, self.to)
    }
}

impl Coverage {
    /// Nothing of this workflow has been shown.
    pub fn of(definition: &Definition) -> Coverage {
        let model = definition.model();
        let transitions = graph::edges(model).into_iter().map(|edge| Transition {
            from: (!edge.shared).then_some(edge.from),
            label: edge.label,
            to: edge.to,
        });
        Coverage {
            workflow: model.workflow.clone(),
            states: Shown::new(model.states.iter().map(|state| state.id.clone())),
            transitions: Shown::new(transitions),
            outcomes: Shown::new(outcomes(model)),
        }
    }

    /// The workflow.
    pub fn workflow(&self) -> &str {
        &self.workflow
    }

    /// Adds what an item has gone through.
    pub fn visit(&mut self, history: &[HistoryView]) {
        for line in history {
            let row = &line.row;
            let mut from = row.from.clone();
            for entered in &row.path {
                self.states.show(|state| *state == entered.state);
                if let Some(from) = &from {
                    self.step(from, &entered.by, &entered.state);
                }
                from = Some(entered.state.clone());
            }
            if let (Some(from), "unknown") = (&row.from, row.kind.as_str()) {
                self.outcomes
                    .show(|(state, name)| state == from && name == "unknown");
            }
            if row.kind == "payment" {
                self.payment(&row.notes);
            }
        }
    }

    fn step(&mut self, from: &str, by: &str, to: &str) {
        let own = |edge: &Transition| {
            edge.from.as_deref() == Some(from) && edge.label == by && edge.to == to
        };
        if !self.transitions.show(own) {
            self.transitions
                .show(|edge| edge.from.is_none() && edge.label == by && edge.to == to);
        }
        self.outcomes
            .show(|(state, name)| state == from && name == by);
        if by == "delivery_failed" {
            self.outcomes.show(|(_, name)| name == by);
        }
    }

    /// What a link has come to, as the history notes it: the outcome and the link's id, which ends
    /// in the state that made it and its entry.
    fn payment(&mut self, notes: &[String]) {
        for note in notes {
            let mut parts = note.rsplitn(3, '/');
            let (_, Some(state), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
                continue;
            };
            for outcome in notes {
                self.outcomes
                    .show(|(of, name)| of == state && name == outcome);
            }
        }
    }

    /// Adds what became of links.
    pub fn links(&mut self, links: &[LinkRow]) {
        for link in links {
            self.outcomes
                .show(|(of, name)| *of == link.state && name == link.status.name());
        }
    }

    /// Adds what other scenarios of the same workflow have shown.
    pub fn merge(&mut self, other: &Coverage) {
        self.states.merge(&other.states);
        self.transitions.merge(&other.transitions);
        self.outcomes.merge(&other.outcomes);
    }

    /// States, transitions and outcomes.
    pub fn measures(&self) -> [Measure; 3] {
        [
            self.states.measure("states", String::clone),
            self.transitions.measure("transitions", Transition::words),
            self.outcomes
                .measure("outcomes", |(state, name)| format!("{state}: {name}")),
        ]
    }

    /// Whether everything was shown.
    pub fn is_full(&self) -> bool {
        self.measures()
            .iter()
            .all(|measure| measure.missing.is_empty())
    }

    /// How much was shown, in hundredths, rounded down.
    pub fn percent(&self) -> usize {
        let measures = self.measures();
        let covered: usize = measures.iter().map(|measure| measure.covered).sum();
        let total: usize = measures.iter().map(|measure| measure.total).sum();
        (covered * 100).checked_div(total).unwrap_or(100)
    }
}

/// Every outcome that can come: of activities as routed, of link activities `unknown` too, and of
/// links what any link can come to and what is routed.
fn outcomes(model: &Model) -> Vec<(String, String)> {
    let mut outcomes = Vec::new();
    let mut of_links: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for state in model.link_states() {
        of_links.insert(state, ALWAYS.to_vec());
    }
    let routes = model
        .states
        .iter()
        .flat_map(|state| &state.on)
        .chain(&model.on);
    for route in routes.filter(|route| PAYMENT_OUTCOMES.contains(&route.event.as_str())) {
        for (state, names) in &mut of_links {
            if is_about(route, state) {
                names.push(&route.event);
            }
        }
    }
    for state in &model.states {
        match &state.kind {
            Kind::Activity(activity) => {
                let names = activity.next.keys().map(String::as_str);
                let unknown = of_links
                    .contains_key(state.id.as_str())
                    .then_some("unknown");
                for name in names.chain(unknown) {
                    outcomes.push((state.id.clone(), name.to_owned()));
                }
            }
            Kind::Wait(wait) => {
                let known = wait.payment.as_deref().and_then(|of| of_links.get_mut(of));
                let routed = wait.next.keys().map(String::as_str);
                if let Some(names) = known {
                    names.extend(routed.filter(|name| PAYMENT_OUTCOMES.contains(name)));
                }
            }
            Kind::Task(_) | Kind::Decision(_) | Kind::Rollback(_) | Kind::End(_) => {}
        }
    }
    for (state, names) in of_links {
        outcomes.extend(
            names
                .into_iter()
                .map(|name| (state.to_owned(), name.to_owned())),
        );
    }
    outcomes
}

fn is_about(route: &Route, state: &str) -> bool {
    route.of.as_deref().is_none_or(|of| of == state)
}
