//! The settings as YAML has them, and their checks.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use values::FieldType;

use super::Ready;
use crate::problem::{Place, PrepareContext, Problem, codes};
use crate::settings::{Check, Source, SourceSetting, SourceType, decode, with_article};

/// Settings of `set_fields`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// New values by field: a constant, `{ value: expression }`, `{ text: "…" }` or
    /// `{ now: true }`.
    #[serde(default)]
    set: BTreeMap<String, SourceSetting>,
    /// One more element by list field.
    #[serde(default)]
    append: BTreeMap<String, SourceSetting>,
    /// Fields to empty.
    #[serde(default)]
    clear: Vec<String>,
}

/// The final amount follows from the item's lines and is not for a workflow to write.
const READ_ONLY: [&str; 2] = ["final_amount", "id"];

/// Checks and compiles settings.
pub(super) fn compile(
    settings: &Json,
    context: &PrepareContext<'_>,
) -> Result<Ready, Vec<Problem>> {
    let settings: Settings = decode(settings)?;
    let mut check = Check::new(context);
    let mut ready = Ready::default();
    let root = Place::root();
    let mut touched = BTreeSet::new();
    for (name, source) in &settings.set {
        let place = root.key("set");
        once(name, &mut touched, &place.key_name(name), &mut check);
        let Some(kind) = writable(name, &place.key_name(name), &mut check) else {
            continue;
        };
        let wanted = SourceType::Field(kind);
        if let Some(source) = Source::compile(source, wanted, &place.key(name), &mut check) {
            ready.set.insert(name.clone(), (kind.clone(), source));
        }
    }
    for (name, source) in &settings.append {
        let place = root.key("append");
        once(name, &mut touched, &place.key_name(name), &mut check);
        let Some(kind) = writable(name, &place.key_name(name), &mut check) else {
            continue;
        };
        let FieldType::List { of } = kind else {
            let message = format!(
                "only a list grows: `{name}` is {} field",
                with_article(kind.name())
            );
            check.error(codes::FIELD_OF_WRONG_TYPE, &place.key_name(name), message);
            continue;
        };
        let wanted = SourceType::Field(of);
        if let Some(source) = Source::compile(source, wanted, &place.key(name), &mut check) {
            ready
                .append
                .insert(name.clone(), (of.as_ref().clone(), source));
        }
    }
    for (index, name) in settings.clear.iter().enumerate() {
        let place = root.key("clear").index(index);
        once(name, &mut touched, &place, &mut check);
        if writable(name, &place, &mut check).is_some() {
            ready.clear.push(name.clone());
        }
    }
    if touched.is_empty() {
        check.error(
            codes::NOTHING_TO_DO,
            &root,
            "no field is set, appended to or cleared",
        );
    }
    check.finish()?;
    Ok(ready)
}

fn once<'a>(name: &'a str, touched: &mut BTreeSet<&'a str>, place: &Place, check: &mut Check<'_>) {
    if !touched.insert(name) {
        check.error(
            codes::NOTHING_TO_DO,
            place,
            format!("field `{name}` is written twice: only one of the two could stay"),
        );
    }
}

fn writable<'a>(name: &str, place: &Place, check: &mut Check<'a>) -> Option<&'a FieldType> {
    if READ_ONLY.contains(&name) {
        check.error(
            codes::READ_ONLY_FIELD,
            place,
            format!("field `{name}` belongs to the CRM and cannot be written"),
        );
        return None;
    }
    check.field(place, name)
}
