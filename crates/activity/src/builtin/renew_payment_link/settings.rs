//! The settings as YAML has them, and their checks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use values::Locale;

use super::Ready;
use crate::builtin::create_payment_link::Expires;
use crate::builtin::create_payment_link::settings::{ExpiresSetting, expiry};
use crate::message::{MessageSetting, OwnTexts, Recipients, RecipientsSetting};
use crate::on_link;
use crate::problem::{Place, PrepareContext, Problem};
use crate::settings::{Check, decode};

/// Settings of `renew_payment_link`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The state whose link is renewed. Without it, the only state that makes links.
    #[serde(default)]
    of: Option<String>,
    /// Until when: `{ days: 3 }`, `{ date: 1405/06/31 }`, each a constant or a field. Without it,
    /// the account's default.
    #[serde(default)]
    expires: Option<ExpiresSetting>,
    /// Who gets the new link. Without it, the party's default mobile and its first e-mail address.
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
    let expires = match &settings.expires {
        Some(expires) => expiry(expires, &root.key("expires"), &mut check),
        None => Some(Expires::AccountDefault),
    };
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
        expires: expires.unwrap_or(Expires::AccountDefault),
        recipients,
        texts: texts.unwrap_or_default(),
        language: settings.language,
        warnings,
    })
}
