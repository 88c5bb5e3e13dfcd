//! Deciding on messages: who gets which text. Pure.

use serde_json::json;

use super::Ready;
use crate::message::{draft, languages};
use crate::{Outcome, PlanContext};

/// Nobody could be reached at all.
const NOBODY_REACHABLE: &str = "nobody_reachable";
/// A token of the text cannot be filled.
const TEXT_FAILED: &str = "text_failed";

pub(super) fn outcome(ready: &Ready, context: &PlanContext<'_>) -> Outcome {
    let resolved = ready.recipients.resolve(context);
    let mut messages = Vec::new();
    for to in &resolved.reached {
        let languages = languages(to.language, ready.language, context.locales);
        let medium = to.to.medium();
        let Some(texts) = ready.texts.of(medium) else {
            continue;
        };
        match texts.render(medium, &languages, context.facts) {
            Ok(text) => messages.push(draft(to, text)),
            Err(error) => return Outcome::error(TEXT_FAILED, error),
        }
    }
    let mut outcome = if messages.is_empty() {
        Outcome::error(NOBODY_REACHABLE, "no recipient could be reached")
    } else {
        Outcome::success()
    };
    outcome.result = json!({ "messages": messages.len(), "unreachable": resolved.unreachable });
    outcome.changes.messages = messages;
    outcome.changes.unreachable = resolved.unreachable;
    outcome
}
