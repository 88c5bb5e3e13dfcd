//! JSON Schemas for editors, generated from the typed form.

use activity::Catalog;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value as Json, json};

use crate::draft::Workflow;
use crate::project::ProjectFile;

/// Maps whose keys are names, and what a name looks like there.
const NAMED: [(&str, &str); 5] = [
    ("/properties/states", "^[a-z][a-z0-9_-]{0,63}$"),
    ("/properties/events", "^[a-z][a-z0-9_-]{0,63}$"),
    ("/properties/on", "^[a-z][a-z0-9_-]{0,63}$"),
    ("/properties/fields", "^[a-z][a-z0-9_]{0,63}$"),
    ("/$defs/Task/properties/actions", "^[a-z][a-z0-9_-]{0,63}$"),
];

/// The schema of a workflow file. Settings of activities come from the catalog, each under its own
/// `activity:` name.
pub fn schema(catalog: &Catalog) -> Json {
    let mut root = schema_of::<Workflow>();
    set(&mut root, "title", json!("Charkh workflow"));
    let mut definitions = Map::new();
    let mut names = Vec::new();
    let mut choices = Vec::new();
    for activity in catalog.iter() {
        let descriptor = activity.descriptor();
        let settings = hoist(
            descriptor.name,
            descriptor.settings_schema,
            &mut definitions,
        );
        names.push(json!({ "const": descriptor.name, "description": descriptor.summary }));
        let outcomes = descriptor.outcomes.iter().copied().chain(["unknown"]);
        let outcomes: Map<String, Json> = outcomes
            .map(|outcome| (outcome.to_owned(), json!({ "type": "string" })))
            .collect();
        choices.push(json!({
            "if": { "properties": { "activity": { "const": descriptor.name } }, "required": ["activity"] },
            "then": { "properties": {
                "with": settings,
                "next": {
                    "properties": outcomes,
                    "required": descriptor.required_outcomes,
                    "additionalProperties": false,
                },
            } },
        }));
    }
    for (place, pattern) in NAMED {
        if let Some(map) = root.pointer_mut(place) {
            set(map, "propertyNames", json!({ "pattern": pattern }));
        }
    }
    if let Some(state) = root.pointer_mut("/$defs/State") {
        let kinds = crate::lower::KIND_KEYS
            .iter()
            .map(|kind| json!({ "required": [kind] }));
        let kinds: Vec<Json> = kinds.collect();
        set(state, "oneOf", Json::Array(kinds));
        set(state, "allOf", Json::Array(choices));
        if let Some(activity) = state.pointer_mut("/properties/activity") {
            let description = activity.get("description").cloned().unwrap_or_default();
            *activity = json!({ "description": description, "oneOf": names });
        }
    }
    if let Some(own) = root.get_mut("$defs").and_then(Json::as_object_mut) {
        own.extend(definitions);
    }
    root
}

/// The schema of the project file.
pub fn project_schema() -> Json {
    let mut root = schema_of::<ProjectFile>();
    set(&mut root, "title", json!("Charkh project"));
    root
}

/// The schema of any typed file of a project, in the form used here: a key that may be left out may
/// not be null. Other rooms describe their own files with it.
pub fn schema_of<T: JsonSchema>() -> Json {
    let mut root = SchemaGenerator::default()
        .into_root_schema_for::<T>()
        .to_value();
    refuse_null(&mut root);
    root
}

fn set(value: &mut Json, key: &str, to: Json) {
    if let Some(map) = value.as_object_mut() {
        map.insert(key.to_owned(), to);
    }
}

/// Moves an activity's own definitions up, under names that cannot meet those of another.
fn hoist(activity: &str, mut settings: Json, definitions: &mut Map<String, Json>) -> Json {
    rename_references(&mut settings, activity);
    refuse_null(&mut settings);
    if let Some(map) = settings.as_object_mut() {
        map.remove("$schema");
        map.remove("title");
        if let Some(Json::Object(own)) = map.remove("$defs") {
            for (name, definition) in own {
                definitions.insert(format!("{activity}.{name}"), definition);
            }
        }
    }
    let name = format!("{activity}.with");
    let reference = json!({ "$ref": format!("#/$defs/{name}") });
    definitions.insert(name, settings);
    reference
}

fn rename_references(value: &mut Json, activity: &str) {
    match value {
        Json::Array(elements) => {
            elements
                .iter_mut()
                .for_each(|element| rename_references(element, activity));
        }
        Json::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), &mut *value) {
                    ("$ref", Json::String(target)) => {
                        if let Some(name) = target.strip_prefix("#/$defs/") {
                            *target = format!("#/$defs/{activity}.{name}");
                        }
                    }
                    _ => rename_references(value, activity),
                }
            }
        }
        _ => {}
    }
}

/// An optional key is left out, never null.
fn refuse_null(value: &mut Json) {
    match value {
        Json::Array(elements) => elements.iter_mut().for_each(refuse_null),
        Json::Object(map) => {
            if let Some(Json::Array(types)) = map.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            if let Some(Json::Array(options)) = map.get_mut("enum") {
                options.retain(|option| !option.is_null());
            }
            if let Some(Json::Array(choices)) = map.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
                if let [Json::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    map.remove("anyOf");
                    for (key, value) in only {
                        map.entry(key).or_insert(value);
                    }
                }
            }
            map.values_mut().for_each(refuse_null);
        }
        _ => {}
    }
}
