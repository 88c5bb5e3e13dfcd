//! The list of activities, and the explanations of their mistakes.

use std::collections::BTreeSet;
use std::sync::Arc;

use activity::{
    Activity, Attempt, Attempted, Catalog, Descriptor, PrepareContext, Prepared, Problem, Request,
    World, problem_codes, problem_pages,
};
use async_trait::async_trait;
use serde_json::{Value as Json, json};

use crate::kit::{Kit, find};

#[test]
fn every_activity_says_what_it_is() {
    let names: Vec<&str> = Catalog::builtin()
        .iter()
        .map(|activity| activity.descriptor().name)
        .collect();
    assert_eq!(
        names,
        [
            "approve",
            "call_service",
            "cancel_payment_link",
            "check_payment_link",
            "create_item",
            "create_payment_link",
            "offset_invoice",
            "record_payment",
            "register_receipt",
            "reject",
            "renew_payment_link",
            "resend_payment_link",
            "schedule_payment",
            "send_message",
            "set_fields",
            "set_stage",
        ]
    );
    for activity in Catalog::builtin().iter() {
        let descriptor = activity.descriptor();
        let name = descriptor.name;
        assert!(descriptor.summary.ends_with('.'), "{name}");
        assert!(descriptor.outcomes.contains(&"success"), "{name}");
        for required in descriptor.required_outcomes {
            assert!(descriptor.outcomes.contains(required), "{name}: {required}");
        }
        let makes_link = ["create_payment_link", "renew_payment_link"].contains(&name);
        assert_eq!(descriptor.makes_link, makes_link);
        assert!(
            descriptor.page.starts_with(&format!("# {name}\n")),
            "{name}"
        );
        assert!(
            descriptor.page.contains("```yaml"),
            "{name} shows an example"
        );
        assert!(descriptor.page.contains("**Outcomes.**"), "{name}");
        assert_eq!(descriptor.settings_schema["type"], "object", "{name}");
        assert_eq!(
            descriptor.settings_schema["additionalProperties"], false,
            "{name}"
        );
    }
}

/// Editors show the description of a setting; none may be without one.
#[test]
fn every_setting_is_described_and_stands_on_its_page() {
    for activity in Catalog::builtin().iter() {
        let descriptor = activity.descriptor();
        let properties = descriptor.settings_schema["properties"]
            .as_object()
            .unwrap();
        assert!(!properties.is_empty());
        for (key, schema) in properties {
            let described = schema["description"]
                .as_str()
                .is_some_and(|text| text.len() > 8);
            assert!(described, "{}.{key}", descriptor.name);
            assert!(
                descriptor.page.contains(key),
                "{}.{key} is on the page",
                descriptor.name
            );
        }
    }
}

#[test]
fn every_code_has_one_page_with_a_wrong_and_a_right_example() {
    let pages = problem_pages();
    let codes: BTreeSet<&str> = pages.iter().map(|(code, ..)| *code).collect();
    assert_eq!(codes.len(), pages.len(), "no code has two pages");
    for (code, title, page) in pages {
        assert!(page.starts_with(&format!("# {code}: ")), "{code}");
        assert!(!title.is_empty() && !title.ends_with('.'), "{code}");
        assert_eq!(page.matches("```yaml").count(), 2, "{code}");
        assert!(
            page.contains("\nWrong:\n") && page.contains("\nRight:\n"),
            "{code}"
        );
    }
    for code in problem_codes::ALL {
        assert!(codes.contains(code), "{code} has a page");
    }
    assert_eq!(
        codes.len(),
        problem_codes::ALL.len(),
        "every page has a code"
    );
}

/// The YAML blocks of a page, as states by name.
fn states(page: &str) -> Vec<(String, Json)> {
    let blocks = page
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let states = blocks.flat_map(|block| {
        let read: Json = serde_yaml::from_str(block).expect(block);
        let states = read.get("states").unwrap_or(&read).as_object().cloned();
        states.unwrap_or_default()
    });
    states
        .filter(|(_, state)| state["activity"].is_string())
        .collect()
}

#[test]
fn every_example_is_accepted_as_it_stands() {
    let builtin = Catalog::builtin();
    let pages: Vec<&str> = builtin
        .iter()
        .map(|activity| activity.descriptor().page)
        .collect();
    let mut seen = BTreeSet::new();
    for page in pages
        .into_iter()
        .chain([include_str!("../../../docs/activities.md")])
    {
        let found = states(page);
        assert!(!found.is_empty(), "{page}");
        for (name, state) in found {
            let activity = state["activity"].as_str().unwrap();
            let ready = Kit::invoice().ready(activity, &state["with"]);
            assert!(ready.warnings().is_empty(), "{name}");
            let descriptor = find(activity).descriptor();
            for required in descriptor.required_outcomes {
                assert!(
                    state["next"][*required].is_string(),
                    "{name} routes {required}"
                );
            }
            seen.insert(activity.to_owned());
        }
    }
    assert_eq!(
        seen.len(),
        builtin.iter().count(),
        "every activity has an example"
    );
}

#[derive(Debug)]
struct Nothing;

#[async_trait]
impl Activity for Nothing {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "set_stage",
            ..find("set_stage").descriptor()
        }
    }

    fn prepare(&self, _: &Json, _: &PrepareContext<'_>) -> Result<Box<dyn Prepared>, Vec<Problem>> {
        Err(Vec::new())
    }

    async fn perform(&self, _: &Request, _: &Attempt, _: &World) -> Attempted {
        Attempted::Unknown {
            code: "x".to_owned(),
            message: "x".to_owned(),
            again_at: None,
        }
    }
}

#[test]
fn an_activity_of_the_same_name_replaces_ours() {
    let catalog = Catalog::builtin().with(Arc::new(Nothing));
    assert_eq!(catalog.iter().count(), Catalog::builtin().iter().count());
    assert!(catalog.get("set_stage").is_some());
    assert!(catalog.get("no_such").is_none());
    assert!(Catalog::empty().iter().next().is_none());
}

/// An activity whose whole work is its plan stores no request; one that comes back changes nothing.
#[tokio::test]
async fn what_is_never_stored_is_never_performed() {
    for name in ["send_message", "set_fields", "set_stage"] {
        assert!(!find(name).descriptor().reaches_outside);
        let request = Request::new(name, json!({}), 1);
        let world = crate::kit::world([]);
        let attempted = find(name)
            .perform(&request, &crate::kit::attempt(1), &world)
            .await;
        let ended = crate::kit::outcome(attempted);
        assert_eq!(ended.code.as_deref(), Some("nothing_to_perform"));
    }
}
