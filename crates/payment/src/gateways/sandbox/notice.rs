//! The sandbox's own callbacks: what they say, and how they are read.

use serde::{Deserialize, Serialize};
use values::{AccountName, check_id};

use super::book::{Book, NoticeId};
use crate::{Callback, CallbackParts, CallbackReply};

/// A longer body is refused unread.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What a notice says. It is not signed: it names a link and proves nothing.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notice {
    notice: String,
    account: AccountName,
    reference: String,
    link: String,
}

/// The call for a notice, unless its link is gone.
pub(super) fn call(account: &AccountName, book: &Book, id: &NoticeId) -> Option<CallbackParts> {
    let link = book.links.get(&id.link)?;
    let notice = Notice {
        notice: format!("{}-{}-{}", id.link, id.payment, id.copy),
        account: account.clone(),
        reference: link.reference.clone(),
        link: id.link.clone(),
    };
    Some(CallbackParts {
        method: "NOTICE".to_owned(),
        query: Vec::new(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: serde_json::to_vec(&notice).ok()?,
    })
}

/// Reads a call strictly: a repeated, unknown or missing key, a query, or a foreign account is
/// refused.
pub(super) fn read(account: &AccountName, parts: &CallbackParts) -> Callback {
    let rejected = |code: &str| Callback::Rejected {
        code: code.to_owned(),
    };
    if !matches!(parts.method.as_str(), "NOTICE" | "POST") {
        return rejected("method_not_allowed");
    }
    if !parts.query.is_empty() {
        return rejected("unexpected_query");
    }
    if parts.body.len() > BODY_BYTES_MAX {
        return rejected("body_too_long");
    }
    let Ok(notice) = serde_json::from_slice::<Notice>(&parts.body) else {
        return rejected("malformed");
    };
    if &notice.account != account {
        return rejected("wrong_account");
    }
    if check_id(&notice.reference).is_err() {
        return rejected("malformed");
    }
    let reply = CallbackReply {
        status: 200,
        body: "ok".to_owned(),
    };
    Callback::Hint {
        reference: notice.reference,
        reply,
    }
}
