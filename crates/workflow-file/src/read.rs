//! Reading values out of the marked tree, with a finding for everything that is not as it should be.
//!
//! Every function gives `None` after it has reported why; callers go on with the rest.

mod terms;

use std::ops::RangeInclusive;

use values::{Decimal, check_id, check_name, parse_number};

use crate::diagnostic::{Diagnostic, Findings, Span, nearest};
use crate::syntax::{Entry, Meaning, Node, NodeKind};

pub use terms::{
    date, duration, elements, ids, label, locale, money, refuse_repeats, unknown_word, word,
};

/// A map whose keys are known.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    node: &'a Node,
    entries: &'a [Entry],
    what: &'static str,
    known: &'static [&'static str],
}

impl<'a> Record<'a> {
    /// Opens a map; reports anything else, and keys that are not among the known ones.
    ///
    /// `what` says in messages what the map is, such as `a task`.
    pub fn open(
        node: &'a Node,
        what: &'static str,
        known: &'static [&'static str],
        findings: &mut Findings,
    ) -> Option<Record<'a>> {
        let record = Record {
            known,
            ..Record::open_any(node, what, findings)?
        };
        for entry in record
            .entries
            .iter()
            .filter(|entry| !known.contains(&entry.key.as_str()))
        {
            findings.add(unknown_key(entry, what, known));
        }
        Some(record)
    }

    /// Opens a map whose keys are names; reports anything else.
    pub fn open_any(
        node: &'a Node,
        what: &'static str,
        findings: &mut Findings,
    ) -> Option<Record<'a>> {
        match node.as_map() {
            Some(entries) => Some(Record {
                node,
                entries,
                what,
                known: &[],
            }),
            None => {
                findings.add(wrong_kind(node, &format!("{what} is a map of keys")));
                None
            }
        }
    }

    /// The value of a key; nothing is reported where it is missing.
    pub fn get(&self, key: &str) -> Option<&'a Node> {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// The value of a key that must be there.
    pub fn need(&self, key: &str, findings: &mut Findings) -> Option<&'a Node> {
        let value = self.get(key);
        if value.is_none() && !self.misspells(&[key]) {
            let message = format!("{} needs the key `{key}`", self.what);
            findings.add(
                Diagnostic::error("WF0102", self.node.place(), message)
                    .label(format!("`{key}` is missing here")),
            );
        }
        value
    }

    /// Whether an unknown key here is most likely one of these: then it is not missing as well.
    pub fn misspells(&self, keys: &[&str]) -> bool {
        self.entries.iter().any(|entry| {
            !self.known.contains(&entry.key.as_str())
                && nearest(&entry.key, self.known.iter().copied())
                    .is_some_and(|meant| keys.contains(&meant))
        })
    }

    /// The entries in document order.
    pub fn entries(&self) -> &'a [Entry] {
        self.entries
    }

    /// The map itself.
    pub fn node(&self) -> &'a Node {
        self.node
    }

    /// The only key of several that may be there. Reports none and more than one.
    pub fn one_of(&self, keys: &[&str], findings: &mut Findings) -> Option<&'a Entry> {
        let mut found = self
            .entries
            .iter()
            .filter(|entry| keys.contains(&entry.key.as_str()));
        let Some(first) = found.next() else {
            if self.misspells(keys) {
                return None;
            }
            let message = format!("{} needs one of {}", self.what, list(keys));
            findings
                .add(Diagnostic::error("WF0102", self.node.place(), message).label("none is here"));
            return None;
        };
        for other in found {
            findings.add(exclusive(self.what, first, other));
        }
        Some(first)
    }
}

/// Two keys that cannot stand together.
pub fn exclusive(what: &str, first: &Entry, other: &Entry) -> Diagnostic {
    let message = format!("{what} has `{}` or `{}`, not both", first.key, other.key);
    Diagnostic::error("WF0111", other.key_span, message)
        .label("one too many")
        .related(first.key_span, "the other is here")
        .help("keep the one you mean")
}

fn unknown_key(entry: &Entry, what: &str, known: &[&str]) -> Diagnostic {
    let message = format!("{what} has no key `{}`", entry.key);
    let diagnostic = Diagnostic::error("WF0101", entry.key_span, message)
        .label("not a key here")
        .did_you_mean(&entry.key, known.iter().copied());
    match diagnostic.help {
        Some(_) => diagnostic,
        None => diagnostic.help(format!("the keys here are {}", list(known))),
    }
}

/// A value of the wrong kind; `wanted` is a sentence such as `a task is a map of keys`.
pub fn wrong_kind(node: &Node, wanted: &str) -> Diagnostic {
    let message = format!("{wanted}, this is {}", node.kind_name());
    let diagnostic = Diagnostic::error("WF0103", node.value_place(), message);
    match &node.kind {
        NodeKind::Scalar(scalar) if scalar.meaning() == Meaning::Null => {
            diagnostic.label("nothing is written here")
        }
        _ => diagnostic.label("of another kind"),
    }
}

/// Words for a message: `a`, `b` or `c`.
pub fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// A text. Numbers and booleans need quotes to be one.
pub fn text(node: &Node, what: &str, findings: &mut Findings) -> Option<String> {
    match node
        .as_scalar()
        .map(|scalar| (scalar.meaning(), &scalar.text))
    {
        Some((Meaning::Text, text)) => Some(text.clone()),
        Some((Meaning::Bool(_) | Meaning::Integer | Meaning::Float, text)) => {
            let quoted = format!("\"{text}\"");
            findings.add(
                wrong_kind(node, &format!("{what} is a text"))
                    .help(format!("put it in quotes: {quoted}"))
                    .fix(node.span, quoted),
            );
            None
        }
        _ => {
            findings.add(wrong_kind(node, &format!("{what} is a text")));
            None
        }
    }
}

/// A text that is not empty.
pub fn filled_text(node: &Node, what: &str, findings: &mut Findings) -> Option<String> {
    let text = text(node, what, findings)?;
    if text.trim().is_empty() {
        let message = format!("{what} is empty");
        findings.add(Diagnostic::error("WF0113", node.value_place(), message).label("empty"));
        return None;
    }
    Some(text)
}

/// A name of a state, an action, an event: small Latin letters, digits, `_` and `-`.
pub fn name(node: &Node, what: &str, findings: &mut Findings) -> Option<String> {
    let text = text(node, what, findings)?;
    good_name(&text, node.value_place(), findings).then_some(text)
}

/// Whether a name is well formed; reports it if not.
pub fn good_name(name: &str, span: Span, findings: &mut Findings) -> bool {
    match check_name(name) {
        Ok(()) => true,
        Err(error) => {
            let mut diagnostic =
                Diagnostic::error("WF0109", span, error.to_string()).label("not a name");
            let simple = simplify(name);
            if simple != name && check_name(&simple).is_ok() {
                diagnostic = diagnostic.help(format!("`{simple}` is a name"));
            }
            findings.add(diagnostic);
            false
        }
    }
}

/// Whether a name can also stand in expressions, where `-` would be a minus.
pub fn good_field_name(name: &str, span: Span, findings: &mut Findings) -> bool {
    if !good_name(name, span, findings) {
        return false;
    }
    if name.contains('-') {
        let message = format!("`{name}` cannot be used in expressions, where `-` means minus");
        findings.add(
            Diagnostic::error("WF0109", span, message)
                .label("not a name of a field")
                .help(format!("call it `{}`", name.replace('-', "_"))),
        );
        return false;
    }
    true
}

fn simplify(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '.', '/'], "_")
}

/// An id of the host, such as that of a user, a role or a group.
pub fn id(node: &Node, what: &str, findings: &mut Findings) -> Option<String> {
    let text = text(node, what, findings)?;
    match check_id(&text) {
        Ok(()) => Some(text),
        Err(error) => {
            findings.add(
                Diagnostic::error("WF0109", node.value_place(), error.to_string())
                    .label(format!("not {what}")),
            );
            None
        }
    }
}

/// `true` or `false`, and nothing that only looks like it.
pub fn boolean(node: &Node, what: &str, findings: &mut Findings) -> Option<bool> {
    let scalar = node.as_scalar();
    match scalar.map(|scalar| scalar.meaning()) {
        Some(Meaning::Bool(yes)) => return Some(yes),
        Some(Meaning::Text) => {}
        _ => {
            findings.add(wrong_kind(node, &format!("{what} is `true` or `false`")));
            return None;
        }
    }
    let written = scalar
        .map(|scalar| scalar.text.to_lowercase())
        .unwrap_or_default();
    let meant = match written.as_str() {
        "yes" | "on" | "y" | "true" => Some("true"),
        "no" | "off" | "n" | "false" => Some("false"),
        _ => None,
    };
    let span = node.value_place();
    findings.add(match meant {
        Some(meant) => Diagnostic::error(
            "WF0104",
            span,
            format!("`{written}` is a text, not a boolean"),
        )
        .label("YAML booleans are `true` and `false`")
        .help(format!("write `{meant}`"))
        .fix(span, meant),
        None => wrong_kind(node, &format!("{what} is `true` or `false`")),
    });
    None
}

/// A whole number in a range, in digits of any script.
pub fn whole(
    node: &Node,
    what: &str,
    range: RangeInclusive<i64>,
    findings: &mut Findings,
) -> Option<i64> {
    let Some(scalar) = node.as_scalar().filter(|scalar| {
        matches!(
            scalar.meaning(),
            Meaning::Integer | Meaning::Float | Meaning::Text
        )
    }) else {
        findings.add(wrong_kind(node, &format!("{what} is a whole number")));
        return None;
    };
    let parsed: Option<Decimal> = parse_number(&scalar.text).ok();
    let number = parsed
        .filter(|number| number.is_integer())
        .and_then(|number| i64::try_from(number).ok());
    let message = match number {
        Some(number) if range.contains(&number) => return Some(number),
        Some(number) if number < *range.start() => {
            format!("{what} is at least {}, this is {number}", range.start())
        }
        Some(number) => format!("{what} is at most {}, this is {number}", range.end()),
        None => format!("{what} is a whole number, `{}` is not", scalar.text),
    };
    findings.add(Diagnostic::error("WF0105", node.value_place(), message).label("not possible"));
    None
}
