//! POD's calls and the payer's return. Neither is signed: they name an invoice and prove nothing,
//! least of all `paid=true`.

use values::check_id;

use super::invoice::is_number;
use super::wire::parse_pairs;
use crate::{Callback, CallbackParts, CallbackReply};

/// A longer body is refused unread.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// Reads a call or a return.
pub(super) fn read(parts: &CallbackParts) -> Callback {
    match named(parts) {
        Ok(reference) => Callback::Hint {
            reference,
            reply: CallbackReply {
                status: 200,
                body: "OK".to_owned(),
            },
        },
        Err(code) => Callback::Rejected {
            code: code.to_owned(),
        },
    }
}

/// The bill number, which is our reference.
fn named(parts: &CallbackParts) -> Result<String, &'static str> {
    let mut pairs = parts.query.clone();
    match parts.method.as_str() {
        "GET" => (),
        "POST" => {
            if parts.body.len() > BODY_BYTES_MAX {
                return Err("body_too_long");
            }
            let body = std::str::from_utf8(&parts.body).map_err(|_| "malformed")?;
            let posted = parse_pairs(body.trim());
            // A body of another kind says nothing; the query may.
            match posted {
                Some(posted) => pairs.extend(posted),
                None if pairs.is_empty() => return Err("malformed"),
                None => (),
            }
        }
        _ => return Err("method_not_allowed"),
    }
    // Two values of one name are two stories: the one who checks may read the first and the one
    // who acts the second.
    for (at, (name, _)) in pairs.iter().enumerate() {
        let bare = bare(name);
        let twice = pairs
            .iter()
            .skip(at.saturating_add(1))
            .any(|(other, _)| self::bare(other) == bare);
        if twice || bare.len() != name.len() {
            return Err("repeated_parameter");
        }
    }
    let value = |wanted: &str| {
        let found = pairs.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    };
    if value("invoiceId").is_some_and(|id| !is_number(id)) {
        return Err("malformed");
    }
    let reference = value("billNumber").ok_or("no_bill_number")?;
    check_id(reference).map_err(|_| "malformed")?;
    Ok(reference.to_owned())
}

/// A name without the brackets of an array.
fn bare(name: &str) -> &str {
    name.split('[').next().unwrap_or_default()
}
