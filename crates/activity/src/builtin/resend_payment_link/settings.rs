//! The settings as YAML has them, and their checks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use values::Locale;

use super::Ready;
use crate::message::{MessageSetting, OwnTexts, Recipients, RecipientsSetting};
use crate::on_link;
use crate::problem::{Place, PrepareContext, Problem};
use crate::settings::{Check, decode};

/// Settings of `resend_payment_link`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The state whose link is sent. Without it, the only state that makes links.
    #[serde(default)]
    of: Option<String>,
    /// Who gets it. Without it, the payer: by the provider where it tells payers, else at the party's
    /// default mobile and its first e-mail address.
    #[serde(default)]
    recipients: Option<RecipientsSetting>,
    /// What they are told: `default`, or texts of one's own with `{{ link.url }}` in them.
    #[serde(default)]
    message: Option<MessageSetting>,
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
    let of = on_link::compile_of(settings.of.as_deref(), &mut check);
    let recipients = Recipients::compile(
        settings.recipients.as_ref(),
        &root.key("recipients"),
        &mut check,
    );
    let texts = settings
        .message
        .as_ref()
        .map(|message| OwnTexts::compile(message, true, &root.key("message"), &mut check));
    let warnings = check.finish()?;
    Ok(Ready {
        of: of.unwrap_or_default(),
        recipients,
        texts: texts.unwrap_or_default(),
        language: settings.language,
        by_provider: settings.recipients.is_none() && settings.message.is_none(),
        warnings,
    })
}
