//! The settings as YAML has them, and their checks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use values::FieldType;

use super::Ready;
use crate::problem::{Place, PrepareContext, Problem, codes, nearest};
use crate::settings::{Check, Source, SourceSetting, SourceType, decode};

/// Settings of `create_item`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The entity of the new record, such as `task`.
    entity: String,
    /// Its field values: a constant, `{ value: expression }`, `{ text: "…" }` or `{ now: true }`.
    #[serde(default)]
    fields: BTreeMap<String, SourceSetting>,
    /// Whether it hangs below this item.
    #[serde(default)]
    child: bool,
    /// The item field that keeps the new record.
    #[serde(default)]
    into: Option<String>,
}

/// Checks and compiles settings.
pub(super) fn compile(
    settings: &Json,
    context: &PrepareContext<'_>,
) -> Result<Ready, Vec<Problem>> {
    let settings: Settings = decode(settings)?;
    let mut check = Check::new(context);
    let root = Place::root();
    if let Err(error) = values::check_name(&settings.entity) {
        check.error(codes::BAD_CONSTANT, &root.key("entity"), error.to_string());
    }
    let known = context
        .schema
        .related
        .get(&settings.entity)
        .map(|record| &record.fields);
    let mut fields = BTreeMap::new();
    let place = root.key("fields");
    for (name, source) in &settings.fields {
        let wanted = match known {
            None => SourceType::Any,
            Some(known) => match known.get(name) {
                Some(kind) => SourceType::Field(kind),
                None => {
                    check.report(
                        Problem::new(
                            codes::UNKNOWN_FIELD,
                            &place.key_name(name),
                            format!("`{}` has no field `{name}`", settings.entity),
                        )
                        .with_suggestion(nearest(name, known.keys().map(String::as_str))),
                    );
                    continue;
                }
            },
        };
        if let Some(source) = Source::compile(source, wanted, &place.key(name), &mut check) {
            fields.insert(name.clone(), source);
        }
    }
    if let Some(into) = &settings.into {
        check_into(into, &settings.entity, &mut check);
    }
    check.finish()?;
    Ok(Ready {
        entity: settings.entity,
        fields,
        child: settings.child,
        into: settings.into,
        declared: context.schema.item.fields.clone(),
    })
}

fn check_into(into: &str, entity: &str, check: &mut Check<'_>) {
    let place = Place::root().key("into");
    if let Some(FieldType::Item {
        entity: Some(other),
    }) = check.field_of(&place, into, &["item"])
        && other != entity
    {
        let message = format!("field `{into}` holds `{other}`, the new record is `{entity}`");
        check.error(codes::FIELD_OF_WRONG_TYPE, &place, message);
    }
}
