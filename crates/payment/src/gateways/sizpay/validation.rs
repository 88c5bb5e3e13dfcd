//! What is wrong with a request, as far as can be told without SizPay.

use std::cmp::Ordering;

use values::{Currency, Mobile, Money, Timestamp, check_id};

use super::options::SizpayOptions;
use crate::{GatewayError, LinkRequest, Usage};

/// Every problem of a request.
pub(super) fn problems(options: &SizpayOptions, request: &LinkRequest) -> Vec<GatewayError> {
    let mut problems = Vec::new();
    let mut problem = |code: &str, message: String| {
        problems.push(GatewayError::permanent(code, message));
    };
    if let Err(error) = check_id(&request.reference) {
        problem("reference_not_valid", error.to_string());
    }
    if let Some((code, message)) = amount_problem(options, &request.amount) {
        problem(code, message);
    }
    if let Err((code, message)) = mobile(request) {
        problem(code, message);
    }
    let length = request.description.chars().count();
    let limit = options.limits.description_chars_max;
    if let Some(limit) = limit.filter(|limit| length > *limit) {
        let message = format!("the description has {length} characters, at most {limit} are taken");
        problem("description_too_long", message);
    }
    if request.usage == Usage::Reusable {
        let message = "SizPay makes only links that are paid once";
        problem("usage_not_supported", message.to_owned());
    }
    if request.comment.is_some() {
        let message = "SizPay has no place for a note that the payer never sees";
        problem("comment_not_supported", message.to_owned());
    }
    for key in request.extras.keys() {
        problem("unknown_setting", format!("SizPay has no setting `{key}`"));
    }
    problems
}

/// The payer's number as SizPay wants it: eleven digits from `09` on.
pub(super) fn mobile(request: &LinkRequest) -> Result<String, (&'static str, String)> {
    let Some(text) = request.payer_mobile.as_deref() else {
        let message = "SizPay texts the payer, whose mobile number is not known";
        return Err(("payer_mobile_missing", message.to_owned()));
    };
    let mobile =
        Mobile::parse(text).map_err(|error| ("payer_mobile_not_valid", error.to_string()))?;
    let subscriber = mobile.as_str().strip_prefix("+98").ok_or_else(|| {
        let message = "SizPay texts only Iranian mobile numbers";
        ("payer_mobile_not_valid", message.to_owned())
    })?;
    Ok(format!("0{subscriber}"))
}

/// The amount as SizPay wants it: a whole number of rials.
pub(super) fn rials(amount: &Money) -> Option<u64> {
    if amount.currency() != Currency::Irr {
        return None;
    }
    // What SizPay lists is read as a signed number.
    let rials = i64::try_from(amount.minor_units().ok()?).ok()?;
    u64::try_from(rials).ok().filter(|rials| *rials > 0)
}

/// An expiry that the link would not outlive, or that is too far away.
pub(super) fn expiry_problem(
    options: &SizpayOptions,
    request: &LinkRequest,
    now: Timestamp,
) -> Option<GatewayError> {
    let life = request.expires_at.signed_duration_since(now);
    if life <= chrono::TimeDelta::zero() {
        let message = format!("the expiry {} has passed", request.expires_at);
        return Some(GatewayError::permanent("expiry_past", message));
    }
    let limit = options.limits.expiry_max.filter(|limit| life > *limit)?;
    let message = format!("a link lives at most {}", values::format_duration(limit));
    Some(GatewayError::permanent("expiry_over_limit", message))
}

fn amount_problem(options: &SizpayOptions, amount: &Money) -> Option<(&'static str, String)> {
    if amount.currency() != Currency::Irr {
        return Some(("currency_mismatch", format!("{amount} is not in IRR")));
    }
    if !amount.is_positive() {
        let message = format!("{amount} is not more than zero");
        return Some(("amount_not_positive", message));
    }
    let min = options.limits.amount_min;
    if let Some(min) = min.filter(|min| amount.compare(min) == Ok(Ordering::Less)) {
        let message = format!("{amount} is under the smallest amount, {min}");
        return Some(("amount_under_limit", message));
    }
    let max = options.limits.amount_max;
    if let Some(max) = max.filter(|max| amount.compare(max) == Ok(Ordering::Greater)) {
        let message = format!("{amount} is over the largest amount, {max}");
        return Some(("amount_over_limit", message));
    }
    rials(amount).is_none().then(|| {
        (
            "amount_over_limit",
            format!("{amount} is too large a number"),
        )
    })
}
