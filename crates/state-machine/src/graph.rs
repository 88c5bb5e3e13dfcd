//! A workflow as a graph: edges, reachability, dead ends, cycles without a rest.

use std::collections::BTreeMap;

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, Reversed};

use crate::model::{Kind, Model, State};

/// One way from a state to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The state it leaves; for the workflow's own routes, each state that is not an end.
    pub from: String,
    /// What it is called: an action, an outcome, an event, `timeout`, a branch.
    pub label: String,
    /// The state it leads to.
    pub to: String,
    /// Whether it belongs to the whole workflow (`on:` at the top) rather than to the state.
    pub shared: bool,
}

/// Every edge of the workflow, in document order; shared routes last.
pub fn edges(model: &Model) -> Vec<Edge> {
    let mut edges = Vec::new();
    for state in &model.states {
        let mut add = |label: &str, to: &str| {
            edges.push(Edge {
                from: state.id.clone(),
                label: label.to_owned(),
                to: to.to_owned(),
                shared: false,
            });
        };
        own_edges(state, &mut add);
    }
    for route in &model.on {
        for state in model
            .states
            .iter()
            .filter(|state| !matches!(state.kind, Kind::End(_)))
        {
            edges.push(Edge {
                from: state.id.clone(),
                label: route.event.clone(),
                to: route.to.clone(),
                shared: true,
            });
        }
    }
    edges
}

fn own_edges(state: &State, add: &mut impl FnMut(&str, &str)) {
    match &state.kind {
        Kind::Task(task) => {
            for action in &task.actions {
                add(&action.name, &action.to);
            }
            if let Some(timeout) = &task.timeout {
                add("timeout", &timeout.to);
            }
        }
        Kind::Activity(activity) => activity.next.iter().for_each(|(name, to)| add(name, to)),
        Kind::Wait(wait) => wait.next.iter().for_each(|(name, to)| add(name, to)),
        Kind::Decision(decision) => {
            for branch in &decision.branches {
                add(&branch.when, &branch.to);
            }
            if let Some(otherwise) = &decision.otherwise {
                add("otherwise", otherwise);
            }
        }
        Kind::End(_) => {}
    }
    for route in &state.on {
        add(&route.event, &route.to);
    }
}

/// Whether anything at all can end a state of that kind.
pub fn can_leave(kind: &Kind) -> bool {
    match kind {
        Kind::Task(task) => !task.actions.is_empty() || task.timeout.is_some(),
        Kind::Activity(activity) => !activity.next.is_empty(),
        Kind::Wait(wait) => {
            let source = wait.due.is_some()
                || wait.event.is_some()
                || wait.when.is_some()
                || wait.payment.is_some()
                || wait.by.is_some();
            source && !wait.next.is_empty()
        }
        Kind::Decision(decision) => !decision.branches.is_empty() || decision.otherwise.is_some(),
        Kind::End(_) => true,
    }
}

type Graph<'a> = (DiGraph<&'a str, ()>, BTreeMap<&'a str, NodeIndex>);

fn graph<'a>(model: &'a Model, keep: impl Fn(&State) -> bool, shared: bool) -> Graph<'a> {
    let mut graph = DiGraph::new();
    let mut nodes = BTreeMap::new();
    for state in model.states.iter().filter(|state| keep(state)) {
        nodes
            .entry(state.id.as_str())
            .or_insert_with(|| graph.add_node(state.id.as_str()));
    }
    for edge in edges(model).iter().filter(|edge| shared || !edge.shared) {
        if let (Some(from), Some(to)) = (nodes.get(edge.from.as_str()), nodes.get(edge.to.as_str()))
        {
            graph.update_edge(*from, *to, ());
        }
    }
    (graph, nodes)
}

/// States that no way leads to from the initial one, in document order.
pub fn unreachable(model: &Model) -> Vec<String> {
    let (graph, nodes) = graph(model, |_| true, true);
    let mut reached = std::collections::BTreeSet::new();
    if let Some(start) = nodes.get(model.initial.as_str()) {
        let mut walk = Dfs::new(&graph, *start);
        while let Some(node) = walk.next(&graph) {
            reached.insert(node);
        }
    }
    let missed = |id: &&str| nodes.get(id).is_some_and(|node| !reached.contains(node));
    model
        .states
        .iter()
        .map(|state| state.id.as_str())
        .filter(missed)
        .map(str::to_owned)
        .collect()
}

/// States from which no end can be reached, in document order.
pub fn without_end(model: &Model) -> Vec<String> {
    let (graph, nodes) = graph(model, |_| true, true);
    let backwards = Reversed(&graph);
    let mut ending = std::collections::BTreeSet::new();
    for state in model
        .states
        .iter()
        .filter(|state| matches!(state.kind, Kind::End(_)))
    {
        let Some(node) = nodes.get(state.id.as_str()) else {
            continue;
        };
        let mut walk = Dfs::new(backwards, *node);
        while let Some(node) = walk.next(backwards) {
            ending.insert(node);
        }
    }
    let stuck = |id: &&str| nodes.get(id).is_some_and(|node| !ending.contains(node));
    model
        .states
        .iter()
        .map(|state| state.id.as_str())
        .filter(stuck)
        .map(str::to_owned)
        .collect()
}

/// Activities that finish while the engine decides, so that a cycle through them alone never rests.
pub const IMMEDIATE_ACTIVITIES: [&str; 2] = ["set_fields", "set_stage"];

fn passes_through(state: &State) -> bool {
    match &state.kind {
        Kind::Decision(_) => true,
        Kind::Activity(activity) => IMMEDIATE_ACTIVITIES.contains(&activity.name.as_str()),
        Kind::Task(_) | Kind::Wait(_) | Kind::End(_) => false,
    }
}

/// Cycles of states that the engine runs straight through (clause 19), each as its states in order
/// and closed by the first.
pub fn cycles_without_rest(model: &Model) -> Vec<Vec<String>> {
    let (graph, _) = graph(model, passes_through, false);
    let mut cycles = Vec::new();
    for component in tarjan_scc(&graph) {
        let Some(first) = component.first().copied() else {
            continue;
        };
        if component.len() == 1 && graph.find_edge(first, first).is_none() {
            continue;
        }
        cycles.push(one_cycle(&graph, &component, first));
    }
    cycles.sort();
    cycles
}

/// A path inside the component that comes back to `first`.
fn one_cycle(graph: &DiGraph<&str, ()>, component: &[NodeIndex], first: NodeIndex) -> Vec<String> {
    let mut came_from: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([first]);
    let mut last = first;
    'search: while let Some(node) = queue.pop_front() {
        for next in graph
            .neighbors(node)
            .filter(|next| component.contains(next))
        {
            if next == first {
                last = node;
                break 'search;
            }
            if let std::collections::btree_map::Entry::Vacant(entry) = came_from.entry(next) {
                entry.insert(node);
                queue.push_back(next);
            }
        }
    }
    let name = |node: NodeIndex| graph.node_weight(node).map_or("", |id| id).to_owned();
    let mut path = vec![name(first), name(last)];
    let mut node = last;
    while node != first {
        let Some(before) = came_from.get(&node) else {
            break;
        };
        node = *before;
        path.push(name(node));
    }
    path.dedup();
    path.reverse();
    if path.len() == 1 {
        path.push(name(first));
    }
    path
}
