//! A workflow as SVG: dugong says where everything stands, this draws it.

#![expect(clippy::float_arithmetic, reason = "pixels, not money")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use charkh::state_machine::graph::edges;
use charkh::state_machine::{End, Kind, Model, State};
use charkh::values::Locale;
use dugong::graphlib::{Graph, GraphOptions};
use dugong::{EdgeLabel, GraphLabel, LabelPos, NodeLabel, Point, RankDir};

use crate::exit::{Exit, Failure, Outcome};

/// A picture of more states is not readable, and laying it out takes long.
const STATES_MAX: usize = 300;

type Layout = Graph<NodeLabel, EdgeLabel, GraphLabel>;

const STYLE: &str = "text{font:13px Vazirmatn,Tahoma,'DejaVu Sans',sans-serif;fill:#1b2430;\
text-anchor:middle;dominant-baseline:central}.edge{fill:none;stroke:#5b6b7f;stroke-width:1.3;\
marker-end:url(#arrow)}.label{font-size:11px;fill:#3a4757}.plate{fill:#fff;fill-opacity:.9}\
.node{fill:#eef3fa;stroke:#3b6ea5;stroke-width:1.4}.activity{fill:#eaf6ee;stroke:#3c8a57}\
.wait{fill:#fff6e2;stroke:#b98516}.decision{fill:#f4eefb;stroke:#7a55b0}\
.end{fill:#f2f2f2;stroke:#444;stroke-width:2.6}";

/// The workflow as a picture, labelled in that language.
pub(crate) fn svg(model: &Model, locale: Locale) -> Outcome<String> {
    if model.states.len() > STATES_MAX {
        let message = format!("a picture shows at most {STATES_MAX} states");
        return Err(Failure::usage("too_large", message).help("use `--format dot` and Graphviz"));
    }
    let layout = lay_out(model, locale)?;
    let (width, height) = (layout.graph().width, layout.graph().height);
    let direction = if locale == Locale::Fa { "rtl" } else { "ltr" };
    let mut text = String::new();
    let title = escape(model.label.get(locale));
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" height=\"{height:.0}\" direction=\"{direction}\" role=\"img\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n\
         <marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
         markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" fill=\"#5b6b7f\"/></marker>\n"
    );
    for key in layout.edges() {
        if let Some(edge) = layout.edge_by_key(key) {
            draw_edge(&mut text, edge, key.name.as_deref().unwrap_or_default());
        }
    }
    for state in &model.states {
        if let Some(node) = layout.node(&state.id) {
            draw_node(&mut text, state, node, &label(state, locale));
        }
    }
    text.push_str("</svg>\n");
    Ok(text)
}

fn lay_out(model: &Model, locale: Locale) -> Outcome<Layout> {
    let options = GraphOptions {
        multigraph: true,
        ..GraphOptions::default()
    };
    let mut graph = Layout::new(options);
    graph.set_graph(GraphLabel {
        rankdir: RankDir::TB,
        nodesep: 36.0,
        ranksep: 44.0,
        marginx: 16.0,
        marginy: 16.0,
        ..GraphLabel::default()
    });
    for state in &model.states {
        let (width, height) = size(&label(state, locale), 7.6);
        let node = NodeLabel {
            width: width + 28.0,
            height: height + 20.0,
            ..NodeLabel::default()
        };
        graph.set_node(state.id.clone(), node);
    }
    for (from, to, words) in ways(model) {
        let (width, height) = size(&words, 6.4);
        let edge = EdgeLabel {
            width: width + 8.0,
            height: height + 4.0,
            labelpos: LabelPos::C,
            minlen: 1,
            weight: 1.0,
            ..EdgeLabel::default()
        };
        graph.set_edge_named(from, to, Some(words), Some(edge));
    }
    dugong::layout(&mut graph)
        .map_err(|error| Failure::new(Exit::Bug, "layout", error.to_string()))?;
    Ok(graph)
}

/// The workflow's edges; several between the same two states share a line.
fn ways(model: &Model) -> Vec<(String, String, String)> {
    let mut ways: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for edge in edges(model).into_iter().filter(|edge| !edge.shared) {
        let words = short(&edge.label);
        ways.entry((edge.from, edge.to)).or_default().push(words);
    }
    ways.into_iter()
        .map(|((from, to), words)| (from, to, words.join(", ")))
        .collect()
}

/// A condition may be long; the picture shows where it begins.
fn short(label: &str) -> String {
    const CHARACTERS_MAX: usize = 36;
    if label.chars().count() <= CHARACTERS_MAX {
        return label.to_owned();
    }
    label.chars().take(CHARACTERS_MAX).chain(['…']).collect()
}

fn label(state: &State, locale: Locale) -> String {
    state
        .label
        .as_ref()
        .map_or_else(|| state.id.clone(), |label| label.get(locale).to_owned())
}

/// About how large a text is: the picture is made without a font.
fn size(text: &str, character: f64) -> (f64, f64) {
    let characters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    (f64::from(characters.max(3)) * character, 16.0)
}

fn draw_node(text: &mut String, state: &State, node: &NodeLabel, label: &str) {
    let (x, y) = (node.x.unwrap_or_default(), node.y.unwrap_or_default());
    let (left, top) = (x - node.width / 2.0, y - node.height / 2.0);
    let (class, radius) = match &state.kind {
        Kind::Task(_) => ("node", 3.0),
        Kind::Activity(_) => ("node activity", 12.0),
        Kind::Wait(_) => ("node wait", node.height / 2.0),
        Kind::Decision(_) | Kind::Rollback(_) => ("node decision", 3.0),
        Kind::End(_) => ("node end", node.height / 2.0),
    };
    let dash = match &state.kind {
        Kind::End(End::Failed | End::Cancelled) => " stroke-dasharray=\"5 3\"",
        Kind::Decision(_) | Kind::Rollback(_) => " stroke-dasharray=\"2 2\"",
        _ => "",
    };
    let _ = writeln!(
        text,
        "<g id=\"{}\"><title>{} ({})</title><rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" \
         width=\"{:.1}\" height=\"{:.1}\" rx=\"{radius:.1}\"{dash}/><text x=\"{x:.1}\" y=\"{y:.1}\">{}\
         </text></g>",
        escape(&state.id),
        escape(&state.id),
        state.kind.name(),
        node.width,
        node.height,
        escape(label),
    );
}

fn draw_edge(text: &mut String, edge: &EdgeLabel, words: &str) {
    let _ = writeln!(
        text,
        "<path class=\"edge\" d=\"{}\"/>",
        smooth(&edge.points)
    );
    let (Some(x), Some(y)) = (edge.x, edge.y) else {
        return;
    };
    let _ = writeln!(
        text,
        "<rect class=\"plate\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>\
         <text class=\"label\" x=\"{x:.1}\" y=\"{y:.1}\" direction=\"ltr\">{}</text>",
        x - edge.width / 2.0,
        y - edge.height / 2.0,
        edge.width,
        edge.height,
        escape(words),
    );
}

/// A line through the points, bent halfway between them.
fn smooth(points: &[Point]) -> String {
    let mut path = String::new();
    let Some((first, rest)) = points.split_first() else {
        return path;
    };
    let _ = write!(path, "M{:.1} {:.1}", first.x, first.y);
    for pair in rest.windows(2) {
        if let [bend, next] = pair {
            let (x, y) = ((bend.x + next.x) / 2.0, (bend.y + next.y) / 2.0);
            let _ = write!(path, "Q{:.1} {:.1} {x:.1} {y:.1}", bend.x, bend.y);
        }
    }
    if let Some(last) = rest.last() {
        let _ = write!(path, "L{:.1} {:.1}", last.x, last.y);
    }
    path
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
