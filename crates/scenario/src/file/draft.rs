//! The typed form of a scenario: what serde_yaml must accept, and where the JSON Schema comes from.
//!
//! The comments on these types are what an editor shows. The tree is read by hand beside them, since
//! serde stops at the first mistake; a test holds the two lists of keys together.

mod expect;
mod given;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use values::Label;

pub(crate) use expect::Expect;
pub(crate) use given::{Gateway, Given};

/// The JSON Schema of scenario files, for editors.
pub fn scenario_schema() -> Json {
    workflow_file::schema_of::<Scenario>()
}

/// A scenario: what is given, what happens, and what must be so.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct Scenario {
    /// What it shows, in a few words.
    scenario: Label,
    /// The file of the workflow, relative to this one.
    workflow: String,
    /// When it begins: `2026-03-18T09:00:00+03:30`, or `1404/12/27 09:00` in the project's zone.
    clock: String,
    /// What is so before anything happens.
    given: Given,
    /// What happens, in order, and what must be so in between.
    steps: Vec<Step>,
}

/// One thing that happens, or must be so: exactly one of the keys that say what, and what goes with it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts: the tree is read by hand")]
pub(crate) struct Step {
    /// A person chooses this action of the open task; `as` says who.
    #[serde(rename = "do")]
    action: Option<String>,
    /// This person takes the open task.
    claim: Option<String>,
    /// This person gives the task back.
    release: Option<String>,
    /// This person ends the wait by hand.
    end_wait: Option<String>,
    /// This event comes; `with` is what it carries.
    event: Option<String>,
    /// The CRM changes these fields.
    change: Option<Map<String, Json>>,
    /// This person puts the item on hold.
    hold: Option<String>,
    /// This person lets it go on.
    resume: Option<String>,
    /// This person retries what is in incident.
    retry: Option<String>,
    /// This input is refused, with this code.
    refused: Option<Box<Step>>,
    /// So much time passes; everything due happens when it is due.
    advance: Option<String>,
    /// So long no process runs; then one starts, and what was due happens late.
    down: Option<String>,
    /// Time passes until this moment.
    to: Option<String>,
    /// Time passes until the item is in this state.
    until: Option<String>,
    /// Time passes until nothing is due any more.
    until_idle: Option<bool>,
    /// From now on, every gateway plays this for new links.
    gateway: Option<Gateway>,
    /// From now on, the gateways of these accounts play this for new links.
    gateways: Option<Map<String, Json>>,
    /// The process ends and a new one starts on the same store.
    restart: Option<bool>,
    /// All of this must be so.
    expect: Option<Expect>,
    /// With `do`: who acts.
    #[serde(rename = "as")]
    actor: Option<String>,
    /// With `do` and `event`: field values that come with it.
    with: Option<Map<String, Json>>,
    /// Which item, where several are given.
    item: Option<String>,
    /// With `do`: whether the action's question is answered. It is, where nothing is said.
    confirm: Option<bool>,
    /// With `hold` and `retry`: why.
    reason: Option<String>,
    /// With `until` and `until_idle`: how far to look. 400 days where nothing is said.
    within: Option<String>,
    /// When the process dies in this step; a new one starts at once on the same store.
    crash: Option<Crash>,
    /// Within `refused`: the code of the refusal.
    code: Option<String>,
    /// Within `refused`: words of its message.
    because: Option<String>,
}

/// When the process dies.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Crash {
    /// The input is durable, and nothing it asks for has been done.
    AfterCommit,
    /// The gateway has answered, and the answer is not stored.
    AfterGateway,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value as Json;

    use super::super::{KEYS, expect, given, people, play, step};
    use super::scenario_schema;

    fn keys<'a>(schema: &'a Json, name: &str) -> BTreeSet<&'a str> {
        let place = if name.is_empty() {
            schema
        } else {
            &schema["$defs"][name]
        };
        let properties = place["properties"].as_object();
        properties
            .map(|map| map.keys().map(String::as_str).collect())
            .unwrap_or_default()
    }

    #[test]
    fn the_typed_form_and_the_reader_know_the_same_keys() {
        let schema = scenario_schema();
        for (name, known) in [
            ("", KEYS),
            ("Given", given::GIVEN_KEYS),
            ("Step", step::STEP_KEYS),
            ("Expect", expect::EXPECT_KEYS),
            ("Link", expect::LINK_KEYS),
            ("Message", expect::MESSAGE_KEYS),
            ("Receipt", expect::RECEIPT_KEYS),
            ("Timer", expect::TIMER_KEYS),
            ("Task", expect::TASK_KEYS),
            ("Crm", given::CRM_KEYS),
            ("CrmHolds", expect::CRM_KEYS),
            ("Messages", given::MESSAGE_KEYS),
            ("Related", given::RELATED_KEYS),
            ("Service", given::SERVICE_KEYS),
            ("User", people::USER_KEYS),
            ("Party", people::PARTY_KEYS),
            ("Person", people::PERSON_KEYS),
            ("GatewayPlay", play::GATEWAY_KEYS),
        ] {
            let known: BTreeSet<&str> = known.iter().copied().collect();
            assert_eq!(keys(&schema, name), known, "{name}");
        }
    }

    #[test]
    fn every_key_of_the_schema_says_what_it_is() {
        let schema = scenario_schema();
        let defs = schema["$defs"].as_object().expect("definitions");
        for (name, def) in defs.iter().chain([(&"Scenario".to_owned(), &schema)]) {
            for (key, property) in def["properties"].as_object().into_iter().flatten() {
                assert!(property.get("description").is_some(), "{name}.{key}");
            }
        }
    }
}
