//! Settings against their schema: what is wrong, and where.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use crate::problem::{Place, Problem, codes, nearest};

/// Deeper settings are refused; no activity has any.
const DEPTH_MAX: usize = 64;

/// Every mistake of shape.
pub(super) fn mistakes(settings: &Json, schema: &Json) -> Vec<Problem> {
    let mut walk = Walk {
        definitions: schema.get("$defs"),
        problems: Vec::new(),
    };
    walk.value(settings, schema, &Place::root(), 0);
    walk.problems
}

struct Walk<'a> {
    definitions: Option<&'a Json>,
    problems: Vec<Problem>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, value: &Json, schema: &'a Json, place: &Place, depth: usize) {
        let choices = self.choices(schema, 0);
        if choices.iter().any(|choice| is_anything(choice)) {
            return;
        }
        if depth > DEPTH_MAX {
            self.problems.push(Problem::new(
                codes::WRONG_TYPE,
                place,
                format!("settings are nested more than {DEPTH_MAX} deep"),
            ));
            return;
        }
        match value {
            Json::Object(entries) => self.object(entries, &choices, place, depth),
            Json::Array(elements) => self.array(elements, &choices, place, depth),
            Json::String(text) => self.text(text, &choices, place),
            Json::Number(number) => {
                let whole = number.is_i64() || number.is_u64();
                if !(takes(&choices, "number") || whole && takes(&choices, "integer")) {
                    self.wrong_type(value, &choices, place);
                }
            }
            Json::Bool(_) if takes(&choices, "boolean") => {}
            Json::Null if takes(&choices, "null") => {}
            Json::Bool(_) | Json::Null => self.wrong_type(value, &choices, place),
        }
    }

    fn object(
        &mut self,
        entries: &Map<String, Json>,
        choices: &[&'a Json],
        place: &Place,
        depth: usize,
    ) {
        let objects: Vec<&'a Json> = choices
            .iter()
            .copied()
            .filter(|choice| has_type(choice, "object"))
            .collect();
        let known = |choice: &Json| {
            entries
                .keys()
                .filter(|key| property(choice, key).is_some())
                .count()
        };
        // The first of the best: ties go to the order of declaration.
        let best = objects
            .iter()
            .copied()
            .rev()
            .max_by_key(|choice| known(choice));
        let Some(chosen) = best else {
            self.wrong_type(&Json::Object(entries.clone()), choices, place);
            return;
        };
        let words: BTreeSet<&str> = objects
            .iter()
            .flat_map(|choice| property_names(choice))
            .collect();
        for (key, value) in entries {
            match property(chosen, key).or_else(|| other_properties(chosen)) {
                Some(schema) => self.value(value, schema, &place.key(key), depth.saturating_add(1)),
                None => self.unknown_key(key, &words, chosen, place),
            }
        }
        // Where no key is known at all, the unknown keys are the mistake, not the missing ones.
        if known(chosen) == 0 && !entries.is_empty() && objects.len() > 1 {
            return;
        }
        for missing in required(chosen).filter(|name| !entries.contains_key(*name)) {
            self.problems.push(Problem::new(
                codes::MISSING_SETTING,
                place,
                format!("`{missing}` is missing"),
            ));
        }
    }

    fn unknown_key(&mut self, key: &str, words: &BTreeSet<&str>, chosen: &'a Json, place: &Place) {
        let problem = if words.contains(key) {
            let beside = property_names(chosen)
                .map(quoted)
                .collect::<Vec<_>>()
                .join(", ");
            Problem::new(
                codes::UNKNOWN_SETTING,
                &place.key_name(key),
                format!("`{key}` cannot stand beside {beside}: write one of them"),
            )
        } else {
            let list = words
                .iter()
                .copied()
                .map(quoted)
                .collect::<Vec<_>>()
                .join(", ");
            Problem::new(
                codes::UNKNOWN_SETTING,
                &place.key_name(key),
                format!("there is no setting `{key}` here"),
            )
            .with_hint(format!("the settings here are {list}"))
            .with_suggestion(nearest(key, words.iter().copied()))
        };
        self.problems.push(problem);
    }

    fn array(&mut self, elements: &[Json], choices: &[&'a Json], place: &Place, depth: usize) {
        let Some(list) = choices
            .iter()
            .copied()
            .find(|choice| has_type(choice, "array"))
        else {
            self.wrong_type(&Json::Array(elements.to_vec()), choices, place);
            return;
        };
        let Some(items) = list.get("items") else {
            return;
        };
        for (index, element) in elements.iter().enumerate() {
            self.value(element, items, &place.index(index), depth.saturating_add(1));
        }
    }

    fn text(&mut self, text: &str, choices: &[&'a Json], place: &Place) {
        let texts: Vec<&Json> = choices
            .iter()
            .copied()
            .filter(|choice| has_type(choice, "string"))
            .collect();
        if texts.is_empty() {
            self.wrong_type(&Json::String(text.to_owned()), choices, place);
            return;
        }
        if texts.iter().any(|choice| words(choice).is_none()) {
            return;
        }
        let words: Vec<&str> = texts
            .iter()
            .filter_map(|choice| words(choice))
            .flatten()
            .collect();
        if !words.contains(&text) {
            self.problems.push(
                Problem::new(
                    codes::UNKNOWN_WORD,
                    place,
                    format!("`{text}` is not one of the words here"),
                )
                .with_hint(format!("write {}", expected(choices)))
                .with_suggestion(nearest(text, words.iter().copied())),
            );
        }
    }

    fn wrong_type(&mut self, found: &Json, choices: &[&Json], place: &Place) {
        self.problems.push(Problem::new(
            codes::WRONG_TYPE,
            place,
            format!(
                "{} is expected, this is {}",
                expected(choices),
                kind_of(found)
            ),
        ));
    }

    /// The plain schemas behind references and alternatives.
    fn choices(&self, schema: &'a Json, depth: usize) -> Vec<&'a Json> {
        if depth > DEPTH_MAX {
            return Vec::new();
        }
        let next = depth.saturating_add(1);
        if let Some(name) = schema.get("$ref").and_then(Json::as_str) {
            let name = name.rsplit('/').next().unwrap_or_default();
            return match self
                .definitions
                .and_then(|definitions| definitions.get(name))
            {
                Some(definition) => self.choices(definition, next),
                None => Vec::new(),
            };
        }
        for combinator in ["oneOf", "anyOf"] {
            if let Some(list) = schema.get(combinator).and_then(Json::as_array) {
                return list
                    .iter()
                    .flat_map(|choice| self.choices(choice, next))
                    .collect();
            }
        }
        vec![schema]
    }
}

/// A schema that says nothing about types takes everything.
fn is_anything(schema: &Json) -> bool {
    schema == &Json::Bool(true)
        || schema.as_object().is_some_and(|keys| {
            !["type", "properties", "enum", "const", "items"]
                .iter()
                .any(|key| keys.contains_key(*key))
        })
}

fn has_type(schema: &Json, wanted: &str) -> bool {
    match schema.get("type") {
        Some(Json::String(name)) => name == wanted,
        Some(Json::Array(names)) => names.iter().any(|name| name == wanted),
        _ => wanted == "string" && words(schema).is_some(),
    }
}

fn takes(choices: &[&Json], wanted: &str) -> bool {
    choices.iter().any(|choice| has_type(choice, wanted))
}

fn property<'a>(schema: &'a Json, key: &str) -> Option<&'a Json> {
    schema.get("properties")?.get(key)
}

fn property_names(schema: &Json) -> impl Iterator<Item = &str> {
    schema
        .get("properties")
        .and_then(Json::as_object)
        .into_iter()
        .flat_map(|properties| properties.keys().map(String::as_str))
}

fn other_properties(schema: &Json) -> Option<&Json> {
    match schema.get("additionalProperties") {
        None | Some(Json::Bool(false)) => None,
        Some(other) => Some(other),
    }
}

fn required(schema: &Json) -> impl Iterator<Item = &str> {
    schema
        .get("required")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
}

/// The only texts a schema takes, if it takes only some.
fn words(schema: &Json) -> Option<Vec<&str>> {
    if let Some(word) = schema.get("const").and_then(Json::as_str) {
        return Some(vec![word]);
    }
    let list = schema.get("enum")?.as_array()?;
    Some(list.iter().filter_map(Json::as_str).collect())
}

/// What a place takes, as a sentence has it.
fn expected(choices: &[&Json]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut add = |part: String| {
        if !parts.contains(&part) {
            parts.push(part);
        }
    };
    for choice in choices {
        if let Some(words) = words(choice) {
            words.into_iter().map(quoted).for_each(&mut add);
            continue;
        }
        for (name, shown) in [
            ("string", "a text"),
            ("number", "a number"),
            ("integer", "a whole number"),
            ("boolean", "true or false"),
            ("array", "a list"),
        ] {
            if has_type(choice, name) {
                add(shown.to_owned());
            }
        }
        if has_type(choice, "object") {
            add(match (required(choice).next(), other_properties(choice)) {
                (Some(key), _) => format!("`{{ {key}: … }}`"),
                (None, Some(_)) => "a map".to_owned(),
                (None, None) => {
                    let keys = property_names(choice).collect::<Vec<_>>().join(", ");
                    format!("a map of {keys}")
                }
            });
        }
    }
    match parts.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "nothing".to_owned(),
    }
}

fn kind_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "empty",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "a map",
    }
}

fn quoted(word: &str) -> String {
    format!("`{word}`")
}
