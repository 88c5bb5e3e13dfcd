//! A workflow as text that draws itself: Mermaid and DOT.

use std::fmt::Write as _;

use values::{Locale, has_bidi_or_control};

use crate::graph::{Edge, edges};
use crate::model::{End, Kind, Model, State};

/// Where routes of the whole workflow start. No state has this name, it is not one that states can
/// have.
const ANY: &str = "any state";

/// The workflow as a Mermaid state diagram, labelled in that language.
pub fn mermaid(model: &Model, locale: Locale) -> String {
    let mut text = String::from("stateDiagram-v2\n");
    for (index, state) in model.states.iter().enumerate() {
        let name = escape_mermaid(&label(state, locale));
        line(&mut text, format_args!("    state \"{name}\" as s{index}"));
    }
    if let Some(start) = position(model, &model.initial) {
        line(&mut text, format_args!("    [*] --> s{start}"));
    }
    for edge in own_edges(model) {
        if let (Some(from), Some(to)) = (position(model, &edge.from), position(model, &edge.to)) {
            let name = escape_mermaid(&edge.label);
            line(&mut text, format_args!("    s{from} --> s{to} : {name}"));
        }
    }
    if !model.on.is_empty() {
        line(&mut text, format_args!("    state \"{ANY}\" as any"));
    }
    for route in &model.on {
        if let Some(to) = position(model, &route.to) {
            let event = escape_mermaid(&route.event);
            line(&mut text, format_args!("    any --> s{to} : {event}"));
        }
    }
    for (index, state) in model.states.iter().enumerate() {
        if matches!(state.kind, Kind::End(_)) {
            line(&mut text, format_args!("    s{index} --> [*]"));
        }
    }
    text
}

/// The workflow as a Graphviz graph, labelled in that language.
pub fn dot(model: &Model, locale: Locale) -> String {
    let name = escape_dot(&model.workflow);
    let mut text = format!("digraph \"{name}\" {{\n    rankdir=TB;\n    node [shape=box];\n");
    for state in &model.states {
        let id = escape_dot(&state.id);
        let name = escape_dot(&label(state, locale));
        let shape = shape(&state.kind);
        line(
            &mut text,
            format_args!("    \"{id}\" [label=\"{name}\", {shape}];"),
        );
    }
    for edge in own_edges(model) {
        let (from, to) = (escape_dot(&edge.from), escape_dot(&edge.to));
        let name = escape_dot(&edge.label);
        line(
            &mut text,
            format_args!("    \"{from}\" -> \"{to}\" [label=\"{name}\"];"),
        );
    }
    for route in &model.on {
        let (event, to) = (escape_dot(&route.event), escape_dot(&route.to));
        line(
            &mut text,
            format_args!("    \"{ANY}\" -> \"{to}\" [label=\"{event}\", style=dashed];"),
        );
    }
    text.push_str("}\n");
    text
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{arguments}");
}

fn own_edges(model: &Model) -> Vec<Edge> {
    edges(model)
        .into_iter()
        .filter(|edge| !edge.shared)
        .collect()
}

fn position(model: &Model, id: &str) -> Option<usize> {
    model.states.iter().position(|state| state.id == id)
}

fn label(state: &State, locale: Locale) -> String {
    state
        .label
        .as_ref()
        .map_or_else(|| state.id.clone(), |label| label.get(locale).to_owned())
}

fn shape(kind: &Kind) -> &'static str {
    match kind {
        Kind::Task(_) => "shape=box",
        Kind::Activity(_) => "shape=box, style=rounded",
        Kind::Wait(_) => "shape=ellipse",
        Kind::Decision(_) | Kind::Rollback(_) => "shape=diamond",
        Kind::End(End::Success) => "shape=doublecircle",
        Kind::End(End::Failed | End::Cancelled) => "shape=doublecircle, style=dashed",
    }
}

/// What is not drawn: line breaks would end a statement, and direction marks make text look like
/// another one. The mark that joins Persian letters stays.
fn is_unsafe(c: char) -> bool {
    has_bidi_or_control(c.encode_utf8(&mut [0; 4])).is_some()
}

fn escape_mermaid(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => escaped.push('\''),
            // Mermaid draws labels as HTML.
            '<' => escaped.push_str("#lt;"),
            ':' | ';' | '#' => escaped.push(' '),
            c if is_unsafe(c) => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

fn escape_dot(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => escaped.extend(['\\', c]),
            c if is_unsafe(c) => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
