//! From the gateway's link to the record of it and the messages about it.

use std::sync::Arc;

use expression::{Facts, LinkFacts};
use host::Medium;
use payment::{CreatedLink, LinkStatus};
use serde_json::{Value as Json, json};
use values::Locale;

use super::codes;
use super::plan::Body;
use crate::message::{LinkWords, OwnTexts, Rendered, draft, languages, link_text};
use crate::{Changes, LinkDraft, Outcome, PlanContext, Request};

/// How a link is told of: the texts and the language of the step that makes it.
#[derive(Clone, Copy)]
pub(in crate::builtin) struct Telling<'a> {
    pub(in crate::builtin) texts: &'a OwnTexts,
    pub(in crate::builtin) language: Option<Locale>,
}

pub(in crate::builtin) fn conclude(
    telling: Telling<'_>,
    context: &PlanContext<'_>,
    request: &Request,
    result: &Json,
) -> Outcome {
    let body: Body = match serde_json::from_value(request.body.clone()) {
        Ok(body) => body,
        Err(error) => return Outcome::error(codes::UNREADABLE, error.to_string()),
    };
    let link: CreatedLink = match serde_json::from_value(result.clone()) {
        Ok(link) => link,
        Err(error) => return Outcome::error(codes::UNREADABLE, error.to_string()),
    };
    let facts = with_link(context, &body, &link);
    let messages = body
        .recipients
        .reached
        .iter()
        .map(|to| {
            let languages = languages(to.language, telling.language, context.locales);
            let medium = to.to.medium();
            draft(
                to,
                text(
                    telling.texts,
                    medium,
                    &languages,
                    &Scene {
                        context,
                        body: &body,
                        link: &link,
                        facts: &facts,
                    },
                ),
            )
        })
        .collect();
    let result = json!({
        "reference": body.request.reference,
        "url": link.url,
        "amount": body.request.amount,
        "expires_at": body.request.expires_at,
        "messages": body.recipients.reached.len(),
        "unreachable": body.recipients.unreachable,
        "degraded": body.degraded,
    });
    let changes = Changes {
        messages,
        // Where the provider texts the payer, somebody is told.
        delivery_failed: body.recipients.reached.is_empty() && body.request.payer_mobile.is_none(),
        unreachable: body.recipients.unreachable.clone(),
        supersedes: body.earlier.iter().map(|link| link.id.clone()).collect(),
        link: Some(record(body, Some(link))),
        ..Changes::default()
    };
    Outcome {
        changes,
        result,
        ..Outcome::success()
    }
}

/// What is written down of a link; without the gateway's answer nobody knows its name there.
fn record(body: Body, link: Option<CreatedLink>) -> LinkDraft {
    let (provider_ref, url, url_valid_until) = link
        .map(|link| (link.provider_ref, link.url, link.url_valid_until))
        .unwrap_or_default();
    LinkDraft {
        reference: body.request.reference,
        state: body.of,
        account: body.account,
        provider_ref,
        url,
        amount: body.request.amount,
        expires_at: body.request.expires_at,
        description: body.request.description,
        receipt: body.receipt,
        usage: body.request.usage,
        extras: body.request.extras,
        degraded: body.degraded,
        url_valid_until,
        texted: body.request.payer_mobile.is_some(),
    }
}

pub(in crate::builtin) fn may_have_made(
    request: &Request,
    result: Option<&Json>,
) -> Option<LinkDraft> {
    let body: Body = serde_json::from_value(request.body.clone()).ok()?;
    let link = result.and_then(|result| serde_json::from_value(result.clone()).ok());
    Some(record(body, link))
}

struct Scene<'a> {
    context: &'a PlanContext<'a>,
    body: &'a Body,
    link: &'a CreatedLink,
    facts: &'a Facts,
}

/// The text of one message. A text of one's own that fails on this item gives way to the default:
/// the link exists, and a message must go out.
fn text(own: &OwnTexts, medium: Medium, languages: &[Locale], scene: &Scene<'_>) -> Rendered {
    if let Some(texts) = own.of(medium) {
        match texts.render(medium, languages, scene.facts) {
            Ok(rendered) => return rendered,
            Err(error) => tracing::warn!(
                reference = scene.body.request.reference,
                medium = medium.name(),
                error,
                "the message's own text cannot be filled; the default text goes out"
            ),
        }
    }
    let words = LinkWords {
        amount: &scene.body.request.amount,
        url: &scene.link.url,
        description: &scene.body.request.description,
        expires_at: scene.body.request.expires_at,
        form: scene.body.expiry_form,
        zone: scene.context.zone,
    };
    link_text(
        medium,
        languages.first().copied().unwrap_or_default(),
        &words,
    )
}

/// The facts as they will be once the link is recorded.
fn with_link(context: &PlanContext<'_>, body: &Body, link: &CreatedLink) -> Facts {
    let state = body.of.as_deref().unwrap_or(context.state);
    let mut links = context.facts.links.as_ref().clone();
    links.insert(
        state.to_owned(),
        LinkFacts {
            id: body.request.reference.clone(),
            url: Some(link.url.clone()),
            status: LinkStatus::Created.name().to_owned(),
            amount: body.request.amount,
            expires_at: Some(body.request.expires_at),
            paid_at: None,
            tracking_no: None,
            state: state.to_owned(),
        },
    );
    let mut facts = context.facts.clone();
    facts.links = Arc::new(links);
    facts.latest_link = Some(state.to_owned());
    facts
}
