//! Messages to people: who gets one, in which language, and what it says.

mod defaults;
mod recipients;
mod texts;
mod when;

use values::Locale;

use crate::MessageDraft;

pub(crate) use defaults::{ExpiryForm, LinkWords, link_text};
pub(crate) use recipients::{Reached, Recipients, RecipientsSetting, Resolved};
pub(crate) use texts::{MessageSetting, OwnTexts, PlainTexts, Rendered, Texts};
pub(crate) use when::day;

/// The languages to try for one recipient, the best first: the recipient's, the workflow's, the
/// project's.
pub(crate) fn languages(
    recipient: Option<Locale>,
    workflow: Option<Locale>,
    project: &[Locale],
) -> Vec<Locale> {
    let mut order: Vec<Locale> = Vec::new();
    let wanted = recipient
        .into_iter()
        .chain(workflow)
        .chain(project.iter().copied());
    // After those, any language is better than no message.
    for locale in wanted.chain(Locale::ALL) {
        if !order.contains(&locale) {
            order.push(locale);
        }
    }
    order
}

/// A draft for one reached recipient.
pub(crate) fn draft(to: &Reached, text: Rendered) -> MessageDraft {
    MessageDraft {
        to: to.to.clone(),
        recipient: to.recipient.clone(),
        locale: text.locale,
        subject: text.subject,
        body: text.body,
    }
}
