//! The settings as YAML has them, and their checks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use values::FieldType;

use super::Ready;
use crate::builtin::host_write::FINANCIAL_ENTITIES;
use crate::problem::{Place, PrepareContext, Problem, codes};
use crate::settings::{Check, FieldRef, decode};

/// Settings of `approve`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Give the item its number too.
    #[serde(default)]
    number: bool,
    /// Approve the item in this field instead of the item itself.
    #[serde(default)]
    item: Option<FieldRef>,
}

/// Checks settings.
pub(super) fn compile(
    settings: &Json,
    context: &PrepareContext<'_>,
) -> Result<Ready, Vec<Problem>> {
    let settings: Settings = decode(settings)?;
    let mut check = Check::new(context);
    check_target(settings.item.as_ref(), &mut check);
    check.finish()?;
    Ok(Ready {
        number: settings.number,
        field: settings.item.map(|item| item.field),
        declared: context.schema.item.fields.clone(),
    })
}

/// Only financial items are approved and rejected.
pub(crate) fn check_target(item: Option<&FieldRef>, check: &mut Check<'_>) {
    let entity = check.context.entity;
    let Some(FieldRef { field }) = item else {
        if !check.context.financial {
            check.report(
                Problem::new(
                    codes::NOT_FINANCIAL,
                    &Place::root(),
                    format!("`{entity}` is not approved or rejected"),
                )
                .with_hint(
                    "name a field that holds a financial item, as in item: { field: proforma }",
                ),
            );
        }
        return;
    };
    let place = Place::root().key("item").key("field");
    if let Some(FieldType::Item {
        entity: Some(entity),
    }) = check.field_of(&place, field, &["item"])
        && !FINANCIAL_ENTITIES.contains(&entity.as_str())
    {
        let message =
            format!("field `{field}` holds `{entity}`, which is not approved or rejected");
        check.error(codes::NOT_FINANCIAL, &place, message);
    }
}
