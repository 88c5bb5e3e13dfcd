//! The schema for editors: it takes what the checker takes, and refuses what has the wrong shape.

use jsonschema::Validator;
use serde_json::Value as Json;
use workflow_file::{Findings, SourceFile, project_schema, schema, syntax};

use crate::support::{SHIPPED, catalog, file};

fn validator(schema: &Json) -> Validator {
    jsonschema::draft202012::meta::validate(schema).expect("a JSON Schema");
    jsonschema::validator_for(schema).expect("a schema")
}

fn json(source: &SourceFile) -> Json {
    let mut findings = Findings::new(source.name.clone());
    let document = syntax::parse(source, &mut findings).expect("YAML");
    document.root.to_json()
}

#[test]
fn the_schema_takes_every_shipped_workflow() {
    let validator = validator(&schema(catalog()));
    for path in SHIPPED {
        let json = json(&file(path));
        let errors: Vec<String> = validator
            .iter_errors(&json)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{path}: {errors:#?}");
    }
}

/// Codes that are about shape; their failing files must fail in an editor too.
const SHAPE: [&str; 14] = [
    "WF0101", "WF0102", "WF0103", "WF0104", "WF0105", "WF0106", "WF0109", "WF0110", "WF0111",
    "WF0112", "WF0204", "WF0206", "WF0401", "WF0403",
];

#[test]
fn the_schema_refuses_files_of_the_wrong_shape() {
    let validator = validator(&schema(catalog()));
    for code in SHAPE {
        let json = json(&file(&format!(
            "crates/workflow-file/tests/diagnostics/{code}.yaml"
        )));
        assert!(!validator.is_valid(&json), "{code}");
    }
}

#[test]
fn the_project_schema_takes_projects_and_nothing_else() {
    let validator = validator(&project_schema());
    assert!(validator.is_valid(&json(&file(
        "crates/workflow-file/tests/diagnostics/charkh.yaml"
    ))));
    assert!(!validator.is_valid(&json(&file("workflows/invoice.yaml"))));
    assert!(!validator.is_valid(&serde_json::json!({ "zone": null })));
}

#[test]
fn every_activity_has_its_settings_in_the_schema() {
    let schema = schema(catalog());
    for activity in catalog().iter() {
        let name = activity.descriptor().name;
        assert!(
            schema["$defs"].get(format!("{name}.with")).is_some(),
            "{name}"
        );
    }
    let text = schema.to_string();
    assert!(
        !text.contains("\"null\""),
        "an optional key is left out, never null"
    );
    for reference in text.split("\"$ref\":\"#/$defs/").skip(1) {
        let name = reference.split('"').next().unwrap_or_default();
        assert!(schema["$defs"].get(name).is_some(), "{name} is defined");
    }
}
