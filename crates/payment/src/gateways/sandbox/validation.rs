//! What is wrong with a request, as far as the sandbox can tell before it takes it.

use std::cmp::Ordering;

use values::{Money, Timestamp, check_id};

use super::settings::SandboxSettings;
use crate::{GatewayError, LinkRequest, Usage};

/// Every problem; the expiry is looked at only where the time is known.
pub(super) fn problems(
    settings: &SandboxSettings,
    request: &LinkRequest,
    now: Option<Timestamp>,
) -> Vec<GatewayError> {
    let mut problems = Vec::new();
    if let Err(error) = check_id(&request.reference) {
        problems.push(GatewayError::permanent(
            "reference_not_valid",
            error.to_string(),
        ));
    }
    problems.extend(amount_problem(settings, &request.amount));
    let limits = &settings.options.limits;
    let length = request.description.chars().count();
    if let Some(limit) = limits.description_chars_max.filter(|limit| length > *limit) {
        problems.push(GatewayError::permanent(
            "description_too_long",
            format!("the description has {length} characters, at most {limit} are taken"),
        ));
    }
    if request.usage == Usage::Reusable {
        problems.push(GatewayError::permanent(
            "usage_not_supported",
            "the sandbox makes only links that are paid once",
        ));
    }
    problems.extend(request.extras.keys().map(|key| {
        GatewayError::permanent(
            "unknown_setting",
            format!("the sandbox has no setting `{key}`"),
        )
    }));
    problems.extend(now.and_then(|now| expiry_problem(settings, request, now)));
    problems
}

fn amount_problem(settings: &SandboxSettings, amount: &Money) -> Option<GatewayError> {
    let limits = &settings.options.limits;
    if amount.currency() != settings.currency {
        return Some(GatewayError::permanent(
            "currency_mismatch",
            format!(
                "{amount} is not in {}, the currency of the account",
                settings.currency
            ),
        ));
    }
    if !amount.is_positive() {
        return Some(GatewayError::permanent(
            "amount_not_positive",
            format!("{amount} is not more than zero"),
        ));
    }
    let beyond = |limit: &&Money, side| amount.compare(limit) == Ok(side);
    if let Some(limit) = limits
        .amount_min
        .as_ref()
        .filter(|limit| beyond(limit, Ordering::Less))
    {
        return Some(GatewayError::permanent(
            "amount_under_limit",
            format!("{amount} is under the smallest amount, {limit}"),
        ));
    }
    let over = limits
        .amount_max
        .as_ref()
        .filter(|limit| beyond(limit, Ordering::Greater));
    over.map(|limit| {
        GatewayError::permanent(
            "amount_over_limit",
            format!("{amount} is over the largest amount, {limit}"),
        )
    })
}

fn expiry_problem(
    settings: &SandboxSettings,
    request: &LinkRequest,
    now: Timestamp,
) -> Option<GatewayError> {
    let life = request.expires_at.signed_duration_since(now);
    if life <= chrono::TimeDelta::zero() {
        return Some(GatewayError::permanent(
            "expiry_past",
            format!("the expiry {} has passed", request.expires_at),
        ));
    }
    settings
        .options
        .limits
        .expiry_max
        .filter(|limit| life > *limit)
        .map(|limit| {
            GatewayError::permanent(
                "expiry_over_limit",
                format!("a link lives at most {}", values::format_duration(limit)),
            )
        })
}
