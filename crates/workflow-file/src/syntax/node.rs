//! The marked tree: YAML values that know where they stand.

use serde_json::{Number, Value as Json};

use crate::diagnostic::Span;

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The value itself, quotes and brackets included.
    pub span: Span,
    /// The key it belongs to; `None` for the root and for elements of a list.
    pub key: Option<Span>,
    /// What it is.
    pub kind: NodeKind,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind {
    /// A text, a number, a boolean or nothing.
    Scalar(Scalar),
    /// Elements in order.
    List(Vec<Node>),
    /// Keys in document order, each once.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key, unescaped.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

/// A scalar as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text after quotes, escapes and folding are resolved.
    pub text: String,
    /// How it is written.
    pub style: Style,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In `'single'` quotes.
    Single,
    /// In `"double"` quotes.
    Double,
    /// After `|`.
    Literal,
    /// After `>`.
    Folded,
}

/// What a plain scalar means in YAML 1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing: empty, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer,
    /// A number with a fraction or an exponent, or one of the special ones.
    Float,
    /// Anything else.
    Text,
}

/// One step down the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// The value of a key.
    Key(&'a str),
    /// The key itself.
    Name(&'a str),
    /// An element of a list, from 0.
    Index(usize),
}

impl Scalar {
    /// What the scalar means: quoted ones are always texts.
    pub fn meaning(&self) -> Meaning {
        if self.style != Style::Plain {
            return Meaning::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Meaning::Null,
            "true" | "True" | "TRUE" => Meaning::Bool(true),
            "false" | "False" | "FALSE" => Meaning::Bool(false),
            text => number_meaning(text),
        }
    }
}

fn number_meaning(text: &str) -> Meaning {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits =
        |text: &str, radix: u32| !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if unsigned
            .strip_prefix(prefix)
            .is_some_and(|rest| digits(rest, radix))
        {
            return Meaning::Integer;
        }
    }
    if digits(unsigned, 10) {
        // `007` is a text to both parsers, as a telephone number should be.
        let padded = unsigned.len() > 1 && unsigned.starts_with('0');
        return if padded {
            Meaning::Text
        } else {
            Meaning::Integer
        };
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Meaning::Float;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let whole_exponent = |text: &str| digits(text.strip_prefix(['-', '+']).unwrap_or(text), 10);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let only_digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let numeric =
        only_digits(whole) && only_digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let padded = whole.len() > 1 && whole.starts_with('0');
    if numeric && !padded && exponent.is_none_or(whole_exponent) {
        Meaning::Float
    } else {
        Meaning::Text
    }
}

impl Node {
    /// Where to point for the value as a whole: its key, else the value if it is short, else where
    /// it begins.
    pub fn place(&self) -> Span {
        match (&self.key, &self.kind) {
            (Some(key), _) => *key,
            (None, NodeKind::Scalar(_)) => self.span,
            (None, NodeKind::Map(entries)) => {
                entries.first().map_or(self.span, |entry| entry.key_span)
            }
            (None, NodeKind::List(nodes)) => nodes.first().map_or(self.span, Node::place),
        }
    }

    /// Where to point for the content: the value if it is a scalar, else as [`Node::place`].
    pub fn value_place(&self) -> Span {
        match &self.kind {
            NodeKind::Scalar(_) if self.span.start < self.span.end => self.span,
            _ => self.place(),
        }
    }

    /// The scalar, if it is one.
    pub fn as_scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            NodeKind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text of a scalar that means a text.
    pub fn as_text(&self) -> Option<&str> {
        self.as_scalar()
            .filter(|scalar| scalar.meaning() == Meaning::Text)
            .map(|scalar| scalar.text.as_str())
    }

    /// The entries of a map.
    pub fn as_map(&self) -> Option<&[Entry]> {
        match &self.kind {
            NodeKind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The elements of a list.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.kind {
            NodeKind::List(nodes) => Some(nodes),
            _ => None,
        }
    }

    /// Whether nothing is written.
    pub fn is_null(&self) -> bool {
        self.as_scalar()
            .is_some_and(|scalar| scalar.meaning() == Meaning::Null)
    }

    /// The entry of that key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.as_map()?.iter().find(|entry| entry.key == key)
    }

    /// The value of that key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The value at the end of a path, if every step exists.
    pub fn find(&self, path: &[Step<'_>]) -> Option<&Node> {
        path.iter().try_fold(self, |node, step| match step {
            Step::Key(key) | Step::Name(key) => node.get(key),
            Step::Index(index) => node.as_list()?.get(*index),
        })
    }

    /// The best place for a path: its end, or the last step that exists. Texts are pointed at
    /// themselves, everything else at its key.
    pub fn locate(&self, path: &[Step<'_>]) -> Span {
        let mut node = self;
        for (number, step) in path.iter().enumerate() {
            let last = number + 1 == path.len();
            let next = match step {
                Step::Key(key) => node.get(key),
                Step::Name(name) => match node.entry(name) {
                    Some(entry) if last => return entry.key_span,
                    other => other.map(|entry| &entry.value),
                },
                Step::Index(index) => node.as_list().and_then(|nodes| nodes.get(*index)),
            };
            match next {
                Some(next) => node = next,
                None => return node.place(),
            }
        }
        node.value_place()
    }

    /// What it is, for messages: `a text`, `a list`.
    pub fn kind_name(&self) -> &'static str {
        match &self.kind {
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a map",
            NodeKind::Scalar(scalar) => match scalar.meaning() {
                Meaning::Null => "nothing",
                Meaning::Bool(_) => "a boolean",
                Meaning::Integer | Meaning::Float => "a number",
                Meaning::Text => "a text",
            },
        }
    }

    /// The value as JSON. Whole numbers that fit 64 bits are numbers; every other number stays the
    /// text that was written, so that no digit passes through a float.
    pub fn to_json(&self) -> Json {
        match &self.kind {
            NodeKind::List(nodes) => Json::Array(nodes.iter().map(Node::to_json).collect()),
            NodeKind::Map(entries) => Json::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_json()))
                    .collect(),
            ),
            NodeKind::Scalar(scalar) => match scalar.meaning() {
                Meaning::Null => Json::Null,
                Meaning::Bool(yes) => Json::Bool(yes),
                Meaning::Integer => match scalar.text.parse::<i64>() {
                    Ok(number) => Json::Number(Number::from(number)),
                    Err(_) => Json::String(scalar.text.clone()),
                },
                Meaning::Float | Meaning::Text => Json::String(scalar.text.clone()),
            },
        }
    }

    /// Every node of the tree, parents first.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Node)) {
        visit(self);
        match &self.kind {
            NodeKind::Scalar(_) => {}
            NodeKind::List(nodes) => nodes.iter().for_each(|node| node.walk(visit)),
            NodeKind::Map(entries) => entries.iter().for_each(|entry| entry.value.walk(visit)),
        }
    }
}
