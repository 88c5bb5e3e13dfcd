//! What activities on an existing link share: which link is meant, what is stored before the first
//! call, and how it is performed.

pub(crate) mod closing;
mod perform;
mod target;

use payment::{Operation, ProviderRef, StatusReport};
use serde::{Deserialize, Serialize};
use values::{AccountName, LinkId, Money};

use crate::{KnownLink, Outcome, Plan, Request};

pub(crate) use perform::perform;
pub(crate) use target::{account, account_named, compile_of, compile_of_at, offered, target};

/// How long one attempt may take, in seconds.
const ATTEMPT_SECONDS_MAX: i64 = 30;

/// The state has made no link yet.
pub(crate) const NO_LINK: &str = "no_link";
/// The link takes no payment any more.
pub(crate) const LINK_CLOSED: &str = "link_closed";
/// The link is paid.
pub(crate) const LINK_PAID: &str = "link_paid";
/// Nobody knows yet whether the link was made.
pub(crate) const LINK_UNKNOWN: &str = "link_unknown";
/// The provider is not done with the link yet.
const LINK_OPEN: &str = "link_open";
/// The gateway has no such operation.
pub(crate) const UNSUPPORTED: &str = "unsupported_operation";
/// The provider has nothing under that number.
const NUMBER_UNKNOWN: &str = "invoice_unknown";
/// No gateway serves the link's account.
const ACCOUNT_UNKNOWN: &str = "account_unknown";
/// The stored request or the gateway's answer cannot be read.
pub(crate) const UNREADABLE: &str = "unreadable";

/// What is stored before the first call; every attempt works from exactly this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Body {
    /// Our id of the link; none for what somebody else has issued to us.
    link: Option<LinkId>,
    /// The account it pays into, or that pays.
    account: AccountName,
    /// How the provider names it, where we know.
    provider_ref: ProviderRef,
    /// Its number at the provider, where that is all we know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    /// What is wanted of it.
    wish: Wish,
}

/// What is wanted of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wish {
    /// The provider's word.
    Read,
    /// That it takes no payment any more.
    Close,
    /// What only some providers can do. Asked twice it is done once, so a lost answer is asked again.
    Operate(Operation),
    /// The provider's own message once more. It is not asked for twice.
    Tell(values::Timestamp),
    /// Money that came another way.
    Record {
        /// What the ledger is told.
        report: StatusReport,
        /// What the provider is told, where it can be.
        tell: Option<Operation>,
        /// What has come in through the link once it counts.
        received: Money,
        /// The link may be paid again, so it is not closed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        stays_open: bool,
    },
}

/// Stores what is wanted of a link.
pub(crate) fn request(
    activity: &str,
    link: &KnownLink,
    wish: Wish,
) -> Result<Request, Box<Outcome>> {
    stored(
        activity,
        &Body {
            link: Some(link.id.clone()),
            account: link.draft.account.clone(),
            provider_ref: link.draft.provider_ref.clone(),
            number: None,
            wish,
        },
    )
}

/// Stores what is wanted of an invoice that somebody else has issued to us.
pub(crate) fn request_about(
    activity: &str,
    account: &AccountName,
    number: String,
    operation: Operation,
) -> Result<Request, Box<Outcome>> {
    stored(
        activity,
        &Body {
            link: None,
            account: account.clone(),
            provider_ref: ProviderRef::default(),
            number: Some(number),
            wish: Wish::Operate(operation),
        },
    )
}

/// The link of a request that records money, and what has come in through it once that counts.
pub(crate) fn to_record(request: &Request) -> Option<(LinkId, Money)> {
    let body: Body = serde_json::from_value(request.body.clone()).ok()?;
    match body.wish {
        Wish::Record { received, .. } => body.link.map(|link| (link, received)),
        _ => None,
    }
}

/// The operation of a request.
pub(crate) fn to_operate(request: &Request) -> Option<Operation> {
    let body: Body = serde_json::from_value(request.body.clone()).ok()?;
    match body.wish {
        Wish::Operate(operation) => Some(operation),
        _ => None,
    }
}

fn stored(activity: &str, body: &Body) -> Result<Request, Box<Outcome>> {
    match serde_json::to_value(body) {
        Ok(body) => Ok(Request::new(activity, body, ATTEMPT_SECONDS_MAX)),
        Err(error) => Err(refused(UNREADABLE, error.to_string())),
    }
}

/// A request or an outcome as a plan.
pub(crate) fn plan(decided: Result<Request, Box<Outcome>>) -> Plan {
    match decided {
        Ok(request) => Plan::Perform(request),
        Err(outcome) => Plan::Finish(outcome),
    }
}

/// An error before anything was asked.
pub(crate) fn refused(code: &str, message: impl Into<String>) -> Box<Outcome> {
    Box::new(Outcome::error(code, message))
}
