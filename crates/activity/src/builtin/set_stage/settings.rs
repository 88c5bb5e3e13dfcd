//! The settings as YAML has them, and their checks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Ready;
use crate::problem::{Place, PrepareContext, Problem, codes, nearest};
use crate::settings::{Check, decode};

/// Settings of `set_stage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// A stage that the workflow lists under `stages`.
    stage: String,
}

/// Checks settings.
pub(super) fn compile(
    settings: &Json,
    context: &PrepareContext<'_>,
) -> Result<Ready, Vec<Problem>> {
    let settings: Settings = decode(settings)?;
    let mut check = Check::new(context);
    if !context.stages.contains(&settings.stage) {
        let hint = if context.stages.is_empty() {
            "the workflow lists no `stages`".to_owned()
        } else {
            format!("the stages are {}", context.stages.join(", "))
        };
        let stages = context.stages.iter().map(String::as_str);
        check.report(
            Problem::new(
                codes::UNKNOWN_STAGE,
                &Place::root().key("stage"),
                format!("there is no stage `{}`", settings.stage),
            )
            .with_hint(hint)
            .with_suggestion(nearest(&settings.stage, stages)),
        );
    }
    check.finish()?;
    Ok(Ready {
        stage: settings.stage,
    })
}
