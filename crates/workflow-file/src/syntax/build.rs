//! The tree from the parser's events.

use std::collections::BTreeMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError};
use values::has_bidi_or_control;

use crate::diagnostic::{Diagnostic, Findings, Span};
use crate::syntax::node::{Entry, Node, NodeKind, Scalar, Style};
use crate::syntax::raw::code;
use crate::syntax::{DEPTH_MAX, NODES_MAX};

/// Builds the tree of the only document of a text.
pub(super) fn build(text: &str, findings: &mut Findings) -> Option<Node> {
    let mark = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let body = text.get(mark..).unwrap_or_default();
    let mut options = granit_parser::options! {
        emit_anchor_events: true,
        emit_unresolved_aliases: true,
        disallow_directives: true,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    options.set_emit_comments(false);
    let mut builder = Builder {
        text,
        findings,
        open: Vec::new(),
        root: None,
        count: 0,
        stop: false,
        repeats: false,
    };
    for next in Parser::new_from_str_with_options(body, options) {
        match next {
            Ok((event, place)) => {
                if let Some(tag) = place.tag_span() {
                    builder.refuse_tag(span_of(&tag, mark));
                }
                builder.event(event, span_of(&place, mark));
            }
            Err(error) => {
                builder.syntax(&error, mark);
                return None;
            }
        }
        if builder.stop {
            return None;
        }
    }
    let Builder {
        root,
        findings,
        repeats,
        ..
    } = builder;
    if repeats {
        return None;
    }
    if root.as_ref().is_none_or(Node::is_null) {
        let help = "a workflow begins with `workflow: <its name>`; `engine-runner init` writes one";
        findings.add(Diagnostic::error("WF0002", Span::START, "the file is empty").help(help));
        return None;
    }
    root
}

fn span_of(place: &granit_parser::Span, mark: usize) -> Span {
    let start = mark + place.start.byte_offset().unwrap_or_default();
    let end = mark + place.end.byte_offset().unwrap_or_default();
    Span {
        start,
        end: end.max(start),
        line: place.start.line(),
        column: place.start.col() + 1,
    }
}

/// A collection that is not closed yet.
enum Open {
    List { start: Span, nodes: Vec<Node> },
    Map(OpenMap),
}

struct OpenMap {
    start: Span,
    entries: Vec<Entry>,
    seen: BTreeMap<String, Span>,
    key: Option<OpenKey>,
}

/// A key whose value is still to come; without a text when it cannot be one.
struct OpenKey {
    text: Option<String>,
    span: Span,
}

struct Builder<'a, 'f> {
    text: &'a str,
    findings: &'f mut Findings,
    open: Vec<Open>,
    root: Option<Node>,
    count: usize,
    /// Whether reading must end at once.
    stop: bool,
    /// Whether a value is repeated or merged, so that the tree lacks what was meant.
    repeats: bool,
}

impl Builder<'_, '_> {
    /// The span from where a value starts to where its text ends, white space behind it left out.
    fn trimmed(&self, start: Span, end: usize) -> Span {
        let written = self.text.get(start.start..end).unwrap_or_default();
        Span {
            end: start.start + written.trim_end().len(),
            ..start
        }
    }

    fn event(&mut self, event: Event<'_>, place: Span) {
        match event {
            Event::Scalar(text, style, ..) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted => Style::Single,
                    ScalarStyle::DoubleQuoted => Style::Double,
                    ScalarStyle::Literal => Style::Literal,
                    ScalarStyle::Folded => Style::Folded,
                };
                let span = self.trimmed(place, place.end);
                let kind = NodeKind::Scalar(Scalar {
                    text: text.into_owned(),
                    style,
                });
                self.add(Node {
                    span,
                    key: None,
                    kind,
                });
            }
            Event::SequenceStart(..) => {
                self.descend(
                    Open::List {
                        start: place,
                        nodes: Vec::new(),
                    },
                    place,
                );
            }
            Event::MappingStart(..) => {
                let map = OpenMap {
                    start: place,
                    entries: Vec::new(),
                    seen: BTreeMap::new(),
                    key: None,
                };
                self.descend(Open::Map(map), place);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(place),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.refuse_repeat(place, "an alias repeats another place of the file");
                let kind = NodeKind::Scalar(Scalar {
                    text: String::new(),
                    style: Style::Plain,
                });
                self.add(Node {
                    span: place,
                    key: None,
                    kind,
                });
            }
            Event::Anchor(..) => self.refuse_repeat(place, "an anchor marks a place to repeat"),
            Event::DocumentStart(..) if self.root.is_some() => {
                let message = "a second document begins here";
                let help = "write one workflow per file, without `---` between parts";
                self.findings
                    .add(Diagnostic::error("WF0010", place, message).help(help));
                self.stop = true;
            }
            _ => {}
        }
    }

    fn refuse_repeat(&mut self, place: Span, message: &str) {
        self.repeats = true;
        let help = "write the value out: what a workflow does should be readable where it stands";
        self.findings.add(
            Diagnostic::error("WF0008", place, message)
                .label("not allowed")
                .help(help),
        );
    }

    fn refuse_tag(&mut self, place: Span) {
        let help = "remove the word that begins with `!`: the key alone says what the value is";
        let message = "this value has a YAML tag";
        self.findings
            .add(Diagnostic::error("WF0009", place, message).help(help));
    }

    fn descend(&mut self, open: Open, place: Span) {
        if self.open.len() >= DEPTH_MAX {
            self.too_deep(place);
            return;
        }
        self.open.push(open);
    }

    fn too_deep(&mut self, place: Span) {
        let message = format!("nested deeper than {DEPTH_MAX} levels");
        self.findings
            .add(Diagnostic::error("WF0004", place, message).label("this level"));
        self.stop = true;
    }

    fn close(&mut self, place: Span) {
        let (start, kind) = match self.open.pop() {
            Some(Open::List { start, nodes }) => (start, NodeKind::List(nodes)),
            Some(Open::Map(map)) => (map.start, NodeKind::Map(map.entries)),
            None => return,
        };
        let span = self.trimmed(start, place.end);
        self.add(Node {
            span,
            key: None,
            kind,
        });
    }

    fn add(&mut self, mut node: Node) {
        self.count += 1;
        if self.count > NODES_MAX {
            let message = format!("the file holds more than {NODES_MAX} values");
            self.findings
                .add(Diagnostic::error("WF0005", node.span, message));
            self.stop = true;
            return;
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { nodes, .. }) => nodes.push(node),
            Some(Open::Map(map)) => match map.key.take() {
                None => {
                    self.repeats |= node.as_scalar().is_some_and(|key| key.text == "<<");
                    let written = self.text.get(node.span.start..node.span.end);
                    map.key = Some(open_key(&node, written.unwrap_or_default(), self.findings));
                }
                Some(OpenKey { text: None, .. }) => {}
                Some(OpenKey {
                    text: Some(key),
                    span,
                }) => {
                    node.key = Some(span);
                    match map.seen.get(&key) {
                        Some(first) => self.findings.add(twice(&key, span, *first)),
                        None => {
                            map.seen.insert(key.clone(), span);
                            map.entries.push(Entry {
                                key,
                                key_span: span,
                                value: node,
                            });
                        }
                    }
                }
            },
        }
    }

    fn syntax(&mut self, error: &ScanError, mark: usize) {
        let at = mark + error.marker().byte_offset().unwrap_or_default();
        let length = self.text.get(at..).and_then(|rest| rest.chars().next());
        let end = at + length.filter(|c| *c != '\n').map_or(0, char::len_utf8);
        let (line, column) = (error.marker().line(), error.marker().col() + 1);
        let span = Span {
            start: at,
            end,
            line,
            column,
        };
        match error.kind() {
            ErrorKind::RecursionLimitExceeded => self.too_deep(span),
            ErrorKind::DirectiveDisallowed => {
                let line = self.text.get(at..).and_then(|rest| rest.lines().next());
                let span = span.widen(line.unwrap_or_default().trim_end().len());
                let help = "remove the line: workflow files are YAML 1.2, always";
                let message = "this is a YAML directive";
                self.findings
                    .add(Diagnostic::error("WF0011", span, message).help(help));
            }
            kind => {
                let mut diagnostic = Diagnostic::error(
                    "WF0001",
                    span,
                    format!("this is not YAML: {}", error.info()),
                )
                .label("reading stops here");
                if let Some(help) = syntax_help(kind) {
                    diagnostic = diagnostic.help(help);
                }
                self.findings.add(diagnostic);
            }
        }
    }
}

fn twice(key: &str, again: Span, first: Span) -> Diagnostic {
    Diagnostic::error("WF0013", again, format!("the key `{key}` is written twice"))
        .label("again here")
        .related(first, "first written here")
        .help("remove one, or give it another name")
}

/// A key, or the reason why it is none. `written` is its source.
fn open_key(node: &Node, written: &str, findings: &mut Findings) -> OpenKey {
    let span = node.span;
    let refuse = |message: String, help: &str, findings: &mut Findings| {
        findings.add(
            Diagnostic::error("WF0012", span, message)
                .label("not a key")
                .help(help),
        );
        OpenKey { text: None, span }
    };
    let Some(scalar) = node.as_scalar() else {
        let message = format!("a key is a word, this is {}", node.kind_name());
        return refuse(
            message,
            "write the key as one word, such as `review:`",
            findings,
        );
    };
    if let Some(hidden) = has_bidi_or_control(&scalar.text) {
        // One that is not written as an escape was reported when the file was looked through.
        if written.contains('\\') {
            let message = format!("the key holds the invisible character {}", code(hidden));
            findings.add(
                Diagnostic::error("WF0007", span, message)
                    .label("this key")
                    .help("write the key again without it"),
            );
        }
        return OpenKey { text: None, span };
    }
    if scalar.text.is_empty() || node.is_null() {
        return refuse(
            "a key is missing before `:`".to_owned(),
            "write a word before the colon",
            findings,
        );
    }
    if scalar.text == "<<" {
        let message = "`<<` would merge another map into this one".to_owned();
        findings.add(
            Diagnostic::error("WF0008", span, message)
                .label("not allowed")
                .help("write the keys out"),
        );
        return OpenKey { text: None, span };
    }
    OpenKey {
        text: Some(scalar.text.clone()),
        span,
    }
}

fn syntax_help(kind: &ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabNotAllowed => "indent with spaces, never with tabs",
        ErrorKind::MappingValueNotAllowed => {
            "a text with `: ` in it needs quotes; a nested key goes on a line of its own"
        }
        ErrorKind::UnclosedQuotedScalar => "close the text with the quote it began with",
        ErrorKind::InvalidColonPlacement
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::MismatchedFlowCollectionEnd { .. } => {
            "look for a `[` or `{` above that is not closed"
        }
        ErrorKind::UnexpectedCharacter {
            character: '@' | '`' | '%',
        } => "a text that begins with this character needs quotes",
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => {
            "keys of one map begin in the same column"
        }
        _ => return None,
    })
}
