//! Which link is meant: that of a state, the only one where the workflow has one. Pure.

use payment::{LinkStatus, OperationName};

use values::AccountName;

use super::{ACCOUNT_UNKNOWN, LINK_UNKNOWN, NO_LINK, UNSUPPORTED, refused};
use crate::problem::{Place, Problem, codes, nearest};
use crate::settings::Check;
use crate::{Account, KnownLink, Outcome, PlanContext};

/// Checks the setting `of`: the state whose link is meant.
pub(crate) fn compile_of(of: Option<&str>, check: &mut Check<'_>) -> Option<String> {
    compile_of_at(of, &Place::root().key("of"), check)
}

/// The same for a setting of another name.
pub(crate) fn compile_of_at(
    of: Option<&str>,
    place: &Place,
    check: &mut Check<'_>,
) -> Option<String> {
    let known = &check.context.schema.link_states;
    let problem = match (of, known.as_slice()) {
        (Some(name), _) if known.iter().any(|state| state == name) => return Some(name.to_owned()),
        (None, [only]) => return Some(only.clone()),
        (Some(name), _) => {
            let suggestion = nearest(name, known.iter().map(String::as_str));
            let message = format!("`{name}` is no state that makes payment links");
            Problem::new(codes::NO_SUCH_LINK, place, message).with_suggestion(suggestion)
        }
        (None, []) => {
            let message = "no state of this workflow makes payment links";
            Problem::new(codes::NO_SUCH_LINK, &Place::root(), message)
        }
        (None, many) => {
            let message = "more than one state makes payment links: say whose is meant";
            let hint = format!("one of: {}", many.join(", "));
            Problem::new(codes::NO_SUCH_LINK, &Place::root(), message).with_hint(hint)
        }
    };
    check.report(problem);
    None
}

/// The link that is meant, if there is one that the provider knows by name.
pub(crate) fn target<'a>(
    of: &str,
    context: &PlanContext<'a>,
) -> Result<&'a KnownLink, Box<Outcome>> {
    let Some(link) = context.answers.link.as_deref() else {
        let message = format!("`{of}` has made no link yet");
        return Err(refused(NO_LINK, message));
    };
    let nameless = link.draft.provider_ref.0.is_empty();
    if nameless || link.status == LinkStatus::CreateFailed {
        let message = format!("nobody knows whether link {} was made", link.id);
        return Err(refused(LINK_UNKNOWN, message));
    }
    Ok(link)
}

/// The account of the link.
pub(crate) fn account<'a>(
    link: &KnownLink,
    context: &PlanContext<'a>,
) -> Result<&'a Account, Box<Outcome>> {
    account_named(&link.draft.account, context)
}

/// An account by its name.
pub(crate) fn account_named<'a>(
    name: &AccountName,
    context: &PlanContext<'a>,
) -> Result<&'a Account, Box<Outcome>> {
    context.answers.accounts.get(name).ok_or_else(|| {
        let message = format!("there is no account `{name}`");
        refused(ACCOUNT_UNKNOWN, message)
    })
}

/// Refuses what the account's gateway cannot do.
pub(crate) fn offered(account: &Account, operation: OperationName) -> Result<(), Box<Outcome>> {
    if account.operations.contains(&operation) {
        return Ok(());
    }
    let word = operation.word();
    let message = format!(
        "the gateway of account `{}` has no operation `{word}`",
        account.name
    );
    Err(refused(UNSUPPORTED, message))
}
