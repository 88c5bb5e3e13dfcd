//! Calls that claim to be SizPay's. No call of its is documented for links, so none proves
//! anything; one that names an order number is at most a reason to read that link again.

use serde::Deserialize;
use serde_json::Value;

use crate::{Callback, CallbackParts, CallbackReply};

const BODY_BYTES_MAX: usize = 64 * 1024;
/// The names an order number goes by, in SizPay's other services and in this one.
const NAMES: [&str; 3] = ["InvoiceNo", "PayLinkFactorNo", "OrderID"];

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "InvoiceNo", default)]
    invoice: Option<Value>,
    #[serde(rename = "PayLinkFactorNo", default)]
    factor: Option<Value>,
    #[serde(rename = "OrderID", default)]
    order: Option<Value>,
}

/// What a call is good for.
pub(super) fn read(parts: &CallbackParts) -> Callback {
    match order_no(parts) {
        Ok(reference) => Callback::Hint {
            reference,
            reply: CallbackReply {
                status: 200,
                body: String::new(),
            },
        },
        Err(code) => Callback::Rejected {
            code: code.to_owned(),
        },
    }
}

/// The one order number a call names.
fn order_no(parts: &CallbackParts) -> Result<String, &'static str> {
    if !matches!(parts.method.as_str(), "GET" | "POST") {
        return Err("method_not_allowed");
    }
    if parts.body.len() > BODY_BYTES_MAX {
        return Err("body_too_long");
    }
    let mut named: Vec<String> = Vec::new();
    let query = parts.query.iter();
    let ours = query.filter(|(name, _)| NAMES.contains(&name.as_str()));
    named.extend(ours.map(|(_, value)| value.clone()));
    let body = std::str::from_utf8(&parts.body).map_err(|_| "malformed")?;
    if body.trim_start().starts_with('{') {
        let body: Body = serde_json::from_str(body).map_err(|_| "malformed")?;
        for value in [body.invoice, body.factor, body.order]
            .into_iter()
            .flatten()
        {
            named.push(match value {
                Value::String(text) => text,
                Value::Number(number) if number.is_u64() => number.to_string(),
                _ => return Err("malformed"),
            });
        }
    } else {
        // An order number is digits, which a form leaves as they are.
        let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        let ours = pairs.filter(|(name, _)| NAMES.contains(name));
        named.extend(ours.map(|(_, value)| value.to_owned()));
    }
    match named.as_slice() {
        [] => Err("no_order_number"),
        [number] if is_order_no(number) => Ok(number.clone()),
        [_] => Err("order_number_not_valid"),
        _ => Err("repeated_parameter"),
    }
}

fn is_order_no(text: &str) -> bool {
    (1..=16).contains(&text.len())
        && !text.starts_with('0')
        && text.bytes().all(|byte| byte.is_ascii_digit())
}
