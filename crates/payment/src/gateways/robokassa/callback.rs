//! The provider's calls and the browser's returns: what each of them proves.

use std::collections::{BTreeMap, BTreeSet};

use super::life::payment;
use super::name::{LinkName, OWN_REFERENCE};
use super::notification;
use super::settings::Shop;
use super::signature::call_base;
use super::text::{amount, form};
use crate::{Callback, CallbackParts, CallbackReply, PaymentFact};

const BODY_BYTES_MAX: usize = 64 * 1024;
const PARAMETERS_MAX: usize = 64;

/// Reads a call. Only a notification that was signed with the second password, or with the pinned
/// certificate, is the provider's word.
pub(super) fn read(shop: &Shop, parts: &CallbackParts) -> Callback {
    match outcome(shop, parts) {
        Ok(callback) => callback,
        Err(code) => Callback::Rejected {
            code: code.to_owned(),
        },
    }
}

fn outcome(shop: &Shop, parts: &CallbackParts) -> Result<Callback, &'static str> {
    if parts.body.len() > BODY_BYTES_MAX {
        return Err("body_too_long");
    }
    let pairs = match parts.method.as_str() {
        "GET" => parts.query.clone(),
        "POST" => {
            if let Some(token) = notification::token(&parts.body) {
                return notification::read(shop, token);
            }
            // What stands in the query of a form is nobody's word.
            form(&parts.body).ok_or("malformed")?
        }
        _ => return Err("method_not_allowed"),
    };
    Parameters::new(pairs)?.judge(shop, parts)
}

/// The parameters of a call, each there once.
struct Parameters {
    /// By names in small letters.
    known: BTreeMap<String, String>,
    /// Those of ours and of the provider's own marks, with their names as they came.
    own: Vec<(String, String)>,
}

impl Parameters {
    fn new(pairs: Vec<(String, String)>) -> Result<Parameters, &'static str> {
        if pairs.len() > PARAMETERS_MAX {
            return Err("too_many_parameters");
        }
        let mut names = BTreeSet::new();
        let mut known = BTreeMap::new();
        let mut own = Vec::new();
        for (name, value) in pairs {
            let small = name.to_lowercase();
            if name.contains(['[', ']']) {
                return Err("array_parameter");
            }
            if !names.insert(small.clone()) {
                return Err("repeated_parameter");
            }
            if small.starts_with("shp_") {
                own.push((name, value.clone()));
            }
            known.insert(small, value);
        }
        Ok(Parameters { known, own })
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.known.get(name).map(String::as_str)
    }

    fn judge(&self, shop: &Shop, parts: &CallbackParts) -> Result<Callback, &'static str> {
        let (Some(out_sum), Some(inv_id)) = (self.get("outsum"), self.get("invid")) else {
            return Err("malformed");
        };
        let digits = inv_id.bytes().all(|byte| byte.is_ascii_digit());
        if inv_id.is_empty() || inv_id.len() > 19 || !digits || inv_id.starts_with('0') {
            return Err("malformed");
        }
        let reference = self.get(OWN_REFERENCE);
        let name = LinkName::from_own(&self.known, inv_id, shop.options.interface);
        if let Some(name) = &name {
            let ours = shop.is_number_of(&name.reference, inv_id);
            if !ours && !name.reusable {
                return Err("order_mismatch");
            }
        }
        let Some(signature) = self.get("signaturevalue").filter(|text| !text.is_empty()) else {
            // A failed attempt sends the browser back without a signature: worth another look at most.
            let reference = reference.ok_or("unsigned")?;
            return Ok(hint(reference, String::new()));
        };
        let signed = |password: &str| {
            let base = call_base(out_sum, inv_id, password, &self.own);
            shop.options.hash.matches(&base, signature)
        };
        if signed(shop.password2.reveal()) {
            let reply = format!("OK{inv_id}");
            return match name {
                Some(name) => self.notified(shop, parts, &name),
                None => Ok(hint(inv_id, reply)),
            };
        }
        if signed(shop.password1.reveal()) {
            return Ok(hint(reference.unwrap_or(inv_id), String::new()));
        }
        Err("wrong_signature")
    }

    /// What a signed notification says. It has no time of its own, so the time at which it was taken is
    /// the time of payment; without that, or without a sum, the provider is asked.
    fn notified(
        &self,
        shop: &Shop,
        parts: &CallbackParts,
        name: &LinkName,
    ) -> Result<Callback, &'static str> {
        let reply = format!("OK{}", name.inv_id);
        if !shop.options.test && self.get("istest").is_some_and(|text| text == "1") {
            return Err("test_call");
        }
        // A visit of a reusable link has a number of its own; with the link's number, one payment
        // could not be told from the next.
        let told_apart = !name.reusable || !shop.is_number_of(&name.reference, &name.inv_id);
        let sum = self
            .get("outsum")
            .and_then(amount)
            .filter(|sum| sum.is_positive());
        match (sum, parts.received_at()) {
            (Some(amount), Some(paid_at)) if told_apart => {
                let report = payment(
                    name,
                    PaymentFact {
                        transaction: name.inv_id.clone(),
                        amount,
                        paid_at,
                        tracking_no: None,
                    },
                );
                let reply = CallbackReply {
                    status: 200,
                    body: reply,
                };
                Ok(Callback::Verified { report, reply })
            }
            // Here a look would find nothing, so the provider must call again.
            (Some(_), None) if name.reusable || shop.options.test => Err("arrival_unknown"),
            _ => Ok(hint(&name.reference, reply)),
        }
    }
}

fn hint(reference: &str, body: String) -> Callback {
    Callback::Hint {
        reference: reference.to_owned(),
        reply: CallbackReply { status: 200, body },
    }
}
