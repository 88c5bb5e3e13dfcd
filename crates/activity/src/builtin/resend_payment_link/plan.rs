//! Deciding who tells the payer, and when. Pure.

use chrono::TimeDelta;
use payment::OperationName;
use serde_json::json;

use super::{NAME, Ready};
use crate::message::{ExpiryForm, LinkWords, draft, languages, link_text};
use crate::on_link::{self, LINK_CLOSED, Wish, refused};
use crate::{Account, KnownLink, Outcome, PlanContext, Request, Sending};

/// The provider sends its message no more often.
const RESENDS_USED_UP: &str = "resends_used_up";
/// Nobody could be reached at all.
const NOBODY_REACHABLE: &str = "nobody_reachable";

pub(super) fn decide(ready: &Ready, context: &PlanContext<'_>) -> Result<Request, Box<Outcome>> {
    let link = on_link::target(&ready.of, context)?;
    if link.status.is_closed() || context.facts.now >= link.draft.expires_at {
        let message = format!("link {} takes no payment any more", link.id);
        return Err(refused(LINK_CLOSED, message));
    }
    let account = on_link::account(link, context)?;
    if ready.by_provider && account.operations.contains(&OperationName::Resend) {
        return by_provider(link, account, context);
    }
    Err(Box::new(by_us(ready, link, context)))
}

/// The provider's own message, within its limits.
fn by_provider(
    link: &KnownLink,
    account: &Account,
    context: &PlanContext<'_>,
) -> Result<Request, Box<Outcome>> {
    // The creation was the first sending, where the provider texts by itself.
    let again = link.sendings.saturating_sub(u32::from(account.texts_payer));
    if account.resends_max.is_some_and(|max| again >= max) {
        let message = format!("the provider has sent its message again {again} times");
        return Err(refused(RESENDS_USED_UP, message));
    }
    let pause = account.resend_pause_seconds.map(TimeDelta::seconds);
    let free = link.sent_at.zip(pause);
    let free = free.and_then(|(sent, pause)| sent.checked_add_signed(pause));
    let at = free.unwrap_or(context.facts.now).max(context.facts.now);
    let mut request = on_link::request(NAME, link, Wish::Tell(at))?;
    request.sending = Some(Sending {
        link: link.id.clone(),
        at,
    });
    Ok(request)
}

/// Our own messages, as when the link was made. Nothing is performed: they are rows of the outbox.
fn by_us(ready: &Ready, link: &KnownLink, context: &PlanContext<'_>) -> Outcome {
    let resolved = ready.recipients.resolve(context);
    let mut facts = context.facts.clone();
    facts.latest_link = Some(ready.of.clone());
    let mut messages = Vec::new();
    for to in &resolved.reached {
        let languages = languages(to.language, ready.language, context.locales);
        let medium = to.to.medium();
        let own = ready.texts.of(medium);
        let own = own.and_then(|texts| texts.render(medium, &languages, &facts).ok());
        let text = own.unwrap_or_else(|| {
            let words = LinkWords {
                amount: &link.draft.amount,
                url: &link.draft.url,
                description: &link.draft.description,
                expires_at: link.draft.expires_at,
                form: ExpiryForm::of(link.draft.expires_at, context.zone),
                zone: context.zone,
            };
            link_text(
                medium,
                languages.first().copied().unwrap_or_default(),
                &words,
            )
        });
        messages.push(draft(to, text));
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
