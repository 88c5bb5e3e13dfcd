//! Values with a meaning of their own: times, dates, amounts, words of a list, texts for people.

use std::collections::BTreeMap;

use values::{Date, Label, Locale, Money, check_name, parse_date, parse_duration};

use crate::diagnostic::{Diagnostic, Findings, Span};
use crate::read::{Record, filled_text, id, list, text, wrong_kind};
use crate::syntax::{Meaning, Node};

/// A length of time, in seconds.
pub fn duration(node: &Node, findings: &mut Findings) -> Option<i64> {
    let Some(scalar) = node.as_scalar().filter(|scalar| {
        matches!(
            scalar.meaning(),
            Meaning::Integer | Meaning::Float | Meaning::Text
        )
    }) else {
        findings.add(wrong_kind(
            node,
            "a length of time is written as `2d`, `12h` or `1d12h`",
        ));
        return None;
    };
    match parse_duration(&scalar.text) {
        Ok(length) => Some(length.num_seconds()),
        Err(error) => {
            let mut diagnostic = Diagnostic::error("WF0106", node.value_place(), error.to_string())
                .label("not a length of time");
            if scalar.meaning() == Meaning::Integer {
                diagnostic = diagnostic.help(format!(
                    "say what is counted: `{0}d` for days, `{0}h` for hours",
                    scalar.text
                ));
            }
            findings.add(diagnostic);
            None
        }
    }
}

/// A day in either calendar.
pub fn date(node: &Node, findings: &mut Findings) -> Option<Date> {
    let text = text(node, "a date", findings)?;
    match parse_date(&text) {
        Ok(parsed) => Some(parsed.date),
        Err(error) => {
            findings.add(
                Diagnostic::error("WF0107", node.value_place(), error.to_string())
                    .label("not a date"),
            );
            None
        }
    }
}

/// An amount with its currency.
pub fn money(node: &Node, findings: &mut Findings) -> Option<Money> {
    let Some(scalar) = node.as_scalar().filter(|_| !node.is_null()) else {
        findings.add(wrong_kind(node, "an amount is written as `1_500_000 IRR`"));
        return None;
    };
    match Money::parse(&scalar.text) {
        Ok(money) => Some(money),
        Err(error) => {
            findings.add(
                Diagnostic::error("WF0108", node.value_place(), error.to_string())
                    .label("not an amount"),
            );
            None
        }
    }
}

/// One word of a closed list.
pub fn word<T: Copy>(
    node: &Node,
    what: &str,
    words: &[(&str, T)],
    findings: &mut Findings,
) -> Option<T> {
    let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let Some(scalar) = node.as_scalar().filter(|_| !node.is_null()) else {
        findings.add(wrong_kind(
            node,
            &format!("{what} is one of {}", list(&known)),
        ));
        return None;
    };
    let found = words
        .iter()
        .find(|(word, _)| *word == scalar.text)
        .map(|(_, value)| *value);
    if found.is_none() {
        findings.add(unknown_word(node, &scalar.text, what, &known));
    }
    found
}

/// A word that is not among those of its place.
pub fn unknown_word(node: &Node, written: &str, what: &str, known: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        "WF0112",
        node.value_place(),
        format!("`{written}` is not {what}"),
    )
    .label("not one of the words here")
    .did_you_mean(written, known.iter().copied());
    match diagnostic.help {
        Some(_) => diagnostic,
        None => diagnostic.help(format!("write {}", list(known))),
    }
}

/// A text for people: one for everybody, or one per language.
pub fn label(node: &Node, what: &'static str, findings: &mut Findings) -> Option<Label> {
    if node.as_map().is_none() {
        return Some(Label::plain(filled_text(node, what, findings)?));
    }
    let record = Record::open(node, what, &["en", "fa", "ru"], findings)?;
    let texts = Locale::ALL
        .into_iter()
        .filter_map(|locale| {
            let node = record.get(locale.code())?;
            Some((locale, filled_text(node, what, findings)?))
        })
        .collect();
    match Label::new(texts) {
        Ok(label) => Some(label),
        Err(error) => {
            if record.entries().is_empty() {
                findings.add(Diagnostic::error(
                    "WF0113",
                    node.value_place(),
                    error.to_string(),
                ));
            }
            None
        }
    }
}

/// A language.
pub fn locale(node: &Node, what: &str, findings: &mut Findings) -> Option<Locale> {
    let words = Locale::ALL.map(|locale| (locale.code(), locale));
    word(node, what, &words, findings)
}

/// The elements of a list.
pub fn elements<'a>(node: &'a Node, what: &str, findings: &mut Findings) -> Option<&'a [Node]> {
    let nodes = node.as_list();
    if nodes.is_none() {
        let mut diagnostic = wrong_kind(node, &format!("{what} is a list"));
        if let Some(text) = node.as_text().filter(|text| check_name(text).is_ok()) {
            let fixed = format!("[{text}]");
            diagnostic = diagnostic
                .help(format!("write `{fixed}`"))
                .fix(node.span, fixed);
        }
        findings.add(diagnostic);
    }
    nodes
}

/// A list of ids.
pub fn ids(node: &Node, what: &str, findings: &mut Findings) -> Vec<String> {
    let nodes = elements(node, what, findings).unwrap_or_default();
    nodes
        .iter()
        .filter_map(|node| id(node, what, findings))
        .collect()
}

/// Reports elements of a list that stand in it twice.
pub fn refuse_repeats(nodes: &[Node], findings: &mut Findings) {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for node in nodes {
        let Some(scalar) = node.as_scalar() else {
            continue;
        };
        match seen.get(scalar.text.as_str()) {
            Some(first) => findings.add(
                Diagnostic::error(
                    "WF0115",
                    node.span,
                    format!("`{}` is listed twice", scalar.text),
                )
                .label("again here")
                .related(*first, "first listed here")
                .help("remove one of them"),
            ),
            None => {
                seen.insert(&scalar.text, node.span);
            }
        }
    }
}
