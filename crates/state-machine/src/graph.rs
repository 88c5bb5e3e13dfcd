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
    kind_edges(&state.kind, add);
    for route in &state.on {
        add(&route.event, &route.to);
    }
}

/// The edges of the state's kind, without its routes for events.
fn kind_edges(kind: &Kind, add: &mut impl FnMut(&str, &str)) {
    match kind {
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
        Kind::Rollback(rollback) => {
            for undo in &rollback.undos {
                add("undo", undo);
            }
            add("done", &rollback.to);
        }
        Kind::End(_) => {}
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
        Kind::Rollback(_) | Kind::End(_) => true,
    }
}

type Graph<'a> = (DiGraph<&'a str, ()>, BTreeMap<&'a str, NodeIndex>);

/// Nodes are added in document order, so their indices follow it.
fn nodes<'a>(model: &'a Model, keep: impl Fn(&State) -> bool) -> Graph<'a> {
    let mut graph = DiGraph::new();
    let mut nodes = BTreeMap::new();
    for state in model.states.iter().filter(|state| keep(state)) {
        nodes
            .entry(state.id.as_str())
            .or_insert_with(|| graph.add_node(state.id.as_str()));
    }
    (graph, nodes)
}

fn connect((graph, nodes): &mut Graph<'_>, from: &str, to: &str) {
    if let (Some(from), Some(to)) = (nodes.get(from), nodes.get(to)) {
        graph.update_edge(*from, *to, ());
    }
}

/// Every state and every edge, shared ones included.
fn whole(model: &Model) -> Graph<'_> {
    let mut graph = nodes(model, |_| true);
    for edge in edges(model) {
        connect(&mut graph, &edge.from, &edge.to);
    }
    graph
}

/// The states that the engine runs straight through, and the edges it takes by itself. Routes for
/// events are none of them: an event must come first.
fn unresting(model: &Model) -> Graph<'_> {
    let mut graph = nodes(model, passes_through);
    for state in model.states.iter().filter(|state| passes_through(state)) {
        kind_edges(&state.kind, &mut |_, to| connect(&mut graph, &state.id, to));
    }
    graph
}

/// States that no way leads to from the initial one, in document order.
pub fn unreachable(model: &Model) -> Vec<String> {
    let (graph, nodes) = whole(model);
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
    let (graph, nodes) = whole(model);
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
pub const IMMEDIATE_ACTIVITIES: [&str; 3] = ["send_message", "set_fields", "set_stage"];

fn passes_through(state: &State) -> bool {
    match &state.kind {
        Kind::Decision(_) => true,
        Kind::Activity(activity) => IMMEDIATE_ACTIVITIES.contains(&activity.name.as_str()),
        // Every way round a rollback leaves less to undo.
        Kind::Task(_) | Kind::Wait(_) | Kind::Rollback(_) | Kind::End(_) => false,
    }
}

/// Cycles of states that the engine runs straight through (clause 19), each as its states in order,
/// from the first in the document back to it. Of cycles that share a state one is shown.
pub fn cycles_without_rest(model: &Model) -> Vec<Vec<String>> {
    let (graph, _) = unresting(model);
    let mut cycles = Vec::new();
    for component in tarjan_scc(&graph) {
        let Some(first) = component.iter().min().copied() else {
            continue;
        };
        if component.len() == 1 && graph.find_edge(first, first).is_none() {
            continue;
        }
        cycles.push((first, one_cycle(&graph, &component, first)));
    }
    cycles.sort();
    cycles.into_iter().map(|(_, cycle)| cycle).collect()
}

/// The shortest path inside the component from `first` back to it.
fn one_cycle(graph: &DiGraph<&str, ()>, component: &[NodeIndex], first: NodeIndex) -> Vec<String> {
    let mut came_from: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([first]);
    while let Some(node) = queue.pop_front()
        && !came_from.contains_key(&first)
    {
        // Neighbours come newest edge first; the first one written is tried first.
        let mut next: Vec<NodeIndex> = graph.neighbors(node).collect();
        next.reverse();
        for next in next.into_iter().filter(|next| component.contains(next)) {
            if let std::collections::btree_map::Entry::Vacant(entry) = came_from.entry(next) {
                entry.insert(node);
                queue.push_back(next);
            }
        }
    }
    let name = |node: NodeIndex| graph.node_weight(node).map_or("", |id| id).to_owned();
    let mut path = vec![name(first)];
    let mut node = first;
    while let Some(before) = came_from.get(&node) {
        node = *before;
        path.push(name(node));
        if node == first {
            break;
        }
    }
    path.reverse();
    path
}
