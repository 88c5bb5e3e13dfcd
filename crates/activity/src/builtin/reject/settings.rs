//! The settings as YAML has them, and their checks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Ready, Reason};
use crate::builtin::approve::check_target;
use crate::problem::{Place, PrepareContext, Problem};
use crate::settings::{Check, FieldRef, Source, decode};

/// Settings of `reject`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Reject the item in this field instead of the item itself.
    #[serde(default)]
    item: Option<FieldRef>,
    /// Why: a text with tokens, or a text field of the item.
    #[serde(default)]
    reason: Option<ReasonSetting>,
}

/// Why an item is rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum ReasonSetting {
    /// The text in this field of the item.
    Field(FieldRef),
    /// A text with tokens.
    Text(String),
}

/// Checks and compiles settings.
pub(super) fn compile(
    settings: &Json,
    context: &PrepareContext<'_>,
) -> Result<Ready, Vec<Problem>> {
    let settings: Settings = decode(settings)?;
    let mut check = Check::new(context);
    check_target(settings.item.as_ref(), &mut check);
    let place = Place::root().key("reason");
    let reason = match &settings.reason {
        None => None,
        Some(ReasonSetting::Field(FieldRef { field })) => check
            .field_of(&place.key("field"), field, &["text", "choice"])
            .map(|_| Reason::Field(field.clone())),
        Some(ReasonSetting::Text(text)) => check
            .template(&place, text)
            .map(|text| Reason::Given(Source::Text(text))),
    };
    check.finish()?;
    Ok(Ready {
        field: settings.item.map(|item| item.field),
        reason,
        declared: context.schema.item.fields.clone(),
    })
}
