//! What is wrong with a request, before anything is sent.

use std::cmp::Ordering;

use values::{Currency, Timestamp, check_id};

use super::receipt::{ITEMS, items};
use super::settings::{Interface, Shop};
use crate::{GatewayError, LinkRequest};

/// Longest description, in characters.
pub(super) const DESCRIPTION_CHARS_MAX: usize = 100;

/// Every problem that shows without a clock.
pub(super) fn problems(shop: &Shop, request: &LinkRequest) -> Vec<GatewayError> {
    let refused = |code: &str, message: String| Some(GatewayError::permanent(code, message));
    let mut problems = Vec::new();
    if let Err(error) = check_id(&request.reference) {
        problems.extend(refused("reference_not_valid", error.to_string()));
    }
    problems.extend(amount_problem(shop, request));
    let length = request.description.chars().count();
    if length > DESCRIPTION_CHARS_MAX {
        problems.extend(refused(
            "description_too_long",
            format!(
                "the description has {length} characters, at most {DESCRIPTION_CHARS_MAX} are taken"
            ),
        ));
    }
    if let Some(character) = request.description.chars().find(|c| !is_taken(*c)) {
        problems.extend(refused(
            "description_characters",
            format!(
                "the description has `{}`; Latin and Cyrillic letters, digits and punctuation are \
                 taken",
                character.escape_default()
            ),
        ));
    }
    if request.comment.is_some() && shop.options.interface == Interface::Classic {
        problems.extend(refused(
            "comment_not_supported",
            "a classic link carries no note for staff".to_owned(),
        ));
    }
    let unknown = request.extras.keys().filter(|key| *key != ITEMS);
    problems.extend(unknown.map(|key| {
        let message = format!("Robokassa has no setting `{key}`");
        GatewayError::permanent("unknown_setting", message)
    }));
    problems.extend(items(shop, request).err());
    problems
}

fn amount_problem(shop: &Shop, request: &LinkRequest) -> Option<GatewayError> {
    let amount = &request.amount;
    let refused = |code: &str, message: String| Some(GatewayError::permanent(code, message));
    if amount.currency() != Currency::Rub {
        return refused("currency_mismatch", format!("{amount} is not in RUB"));
    }
    if !amount.is_positive() {
        return refused(
            "amount_not_positive",
            format!("{amount} is not more than zero"),
        );
    }
    let limit = &shop.amount_max;
    if amount.compare(limit) == Ok(Ordering::Greater) {
        return refused(
            "amount_over_limit",
            format!("{amount} is over the largest amount, {limit}"),
        );
    }
    None
}

/// The problem of a link whose time is up before it is made.
pub(super) fn expiry_problem(request: &LinkRequest, now: Timestamp) -> Option<GatewayError> {
    let past = request.expires_at <= now;
    past.then(|| {
        let message = format!("the expiry {} has passed", request.expires_at);
        GatewayError::permanent("expiry_past", message)
    })
}

fn is_taken(character: char) -> bool {
    character == ' '
        || character.is_ascii_graphic()
        || matches!(character,
            '\u{a0}'..='\u{24f}' | '\u{400}'..='\u{52f}' | '\u{2010}'..='\u{2027}' | '\u{2030}'
                | '\u{2116}' | '\u{20bd}')
}
