//! Settings of an activity of one's own: declared once as a type, checked with places.

use activity::settings::{decode, schema_of};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::kit::shown;

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// What.
    what: String,
    /// How many.
    #[serde(default)]
    count: Option<u32>,
    /// How.
    #[serde(default)]
    how: How,
    /// Which.
    #[serde(default)]
    which: Vec<Which>,
}

#[derive(Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum How {
    #[default]
    Slowly,
    Fast,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Which {
    All,
    One { name: String, strict: bool },
    Some(Vec<String>),
}

fn problems(settings: &Json) -> Vec<String> {
    decode::<Settings>(settings)
        .unwrap_err()
        .iter()
        .map(shown)
        .collect()
}

#[test]
fn good_settings_become_their_type() {
    let settings = json!({
        "what": "x", "count": 3, "how": "fast",
        "which": ["all", { "one": { "name": "a", "strict": true } }, { "some": ["b"] }],
    });
    let decoded: Settings = decode(&settings).unwrap();
    assert_eq!(decoded.count, Some(3));
    assert_eq!(decoded.which.len(), 3);
    assert_eq!(schema_of::<Settings>()["required"], json!(["what"]));
}

#[test]
fn mistakes_at_every_depth_are_found_in_one_run() {
    let settings = json!({
        "wat": "x", "count": "many", "how": "fastt",
        "which": [
            "al", 5, { "one": { "name": 1, "strickt": true } }, { "some": ["b", 2] },
            { "two": 1 }, { "some": [], "one": { "name": "a", "strict": true } },
        ],
    });
    assert_eq!(
        problems(&settings),
        [
            "WF0402 count: a whole number is expected, this is a text",
            "WF0404 how: `fastt` is not one of the words here",
            "WF0401 (wat): there is no setting `wat` here",
            "WF0404 which.0: `al` is not one of the words here",
            "WF0402 which.1: `all`, `{ one: … }` or `{ some: … }` is expected, this is a number",
            "WF0402 which.2.one.name: a text is expected, this is a number",
            "WF0401 which.2.one.(strickt): there is no setting `strickt` here",
            "WF0403 which.2.one: `strict` is missing",
            "WF0402 which.3.some.1: a text is expected, this is a number",
            "WF0401 which.4.(two): there is no setting `two` here",
            "WF0401 which.5.(some): `some` cannot stand beside `one`: write one of them",
            "WF0403 : `what` is missing",
        ]
    );
}

#[test]
fn what_only_the_type_knows_is_found_too() {
    // The schema says integer; that it must not be negative, serde knows.
    let found = problems(&json!({ "what": "x", "count": -1 }));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("WF0402 : "), "{found:?}");
}

#[test]
fn empty_settings_are_a_map_without_keys() {
    assert_eq!(problems(&Json::Null), ["WF0403 : `what` is missing"]);
    assert_eq!(
        problems(&json!([])),
        ["WF0402 : `{ what: … }` is expected, this is a list"]
    );
}
