//! The settings as YAML has them, and their checks.

use host::Medium;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use values::Locale;

use super::Ready;
use crate::message::{MessageSetting, OwnTexts, Recipients, RecipientsSetting};
use crate::problem::{Place, PrepareContext, Problem, codes};
use crate::settings::{Check, decode};

/// Settings of `send_message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Who gets it. Without it, the party's default mobile and its first e-mail address.
    #[serde(default)]
    recipients: Option<RecipientsSetting>,
    /// What it says: one text, or texts by medium and language, with tokens such as
    /// `{{ item.number }}`.
    message: MessageSetting,
    /// The language of this step for people who have none of their own.
    #[serde(default)]
    language: Option<Locale>,
}

/// Checks and compiles settings.
pub(super) fn compile(
    settings: &Json,
    context: &PrepareContext<'_>,
) -> Result<Ready, Vec<Problem>> {
    let settings: Settings = decode(settings)?;
    let mut check = Check::new(context);
    let root = Place::root();
    let mut recipients = Recipients::compile(
        settings.recipients.as_ref(),
        &root.key("recipients"),
        &mut check,
    );
    let place = root.key("message");
    if matches!(&settings.message, MessageSetting::Text(word) if word.trim() == "default") {
        check.report(
            Problem::new(
                codes::MISSING_TEXT,
                &place,
                "this activity has no default text",
            )
            .with_hint("only the message about a payment link has one: write what this one says"),
        );
    }
    let texts = OwnTexts::compile(&settings.message, false, &place, &mut check);
    for medium in [Medium::Sms, Medium::Email] {
        if settings.message.has(medium) {
            continue;
        }
        if recipients.are_default() {
            // The party is reached by what there is a text for.
            recipients = recipients.without(medium);
        } else if recipients.has(medium) {
            check.error(
                codes::MISSING_TEXT,
                &place,
                format!("there are {0} recipients and no {0} text", medium.name()),
            );
        }
    }
    let warnings = check.finish()?;
    Ok(Ready {
        recipients,
        texts,
        language: settings.language,
        warnings,
    })
}
