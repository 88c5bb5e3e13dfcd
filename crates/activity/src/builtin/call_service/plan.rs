//! Deciding on a call: address, headers and body, frozen with the decision. Pure.

use super::{Body, Ready};
use crate::{Outcome, Plan, PlanContext, Request};

/// The project does not allow the host.
const HOST_NOT_ALLOWED: &str = "host_not_allowed";
/// A token or an expression cannot be computed on this item.
const VALUE_FAILED: &str = "value_failed";
/// The body is larger than a call may carry.
const BODY_TOO_LARGE: &str = "body_too_large";

/// The largest body of a call, in bytes.
const BODY_BYTES_MAX: usize = 256 * 1024;

pub(super) fn plan(ready: &Ready, context: &PlanContext<'_>) -> Plan {
    match decide(ready, context) {
        Ok(body) => match serde_json::to_value(&body) {
            Ok(json) => Plan::Perform(Request::new("call_service", json, body.timeout_seconds)),
            Err(error) => finish(VALUE_FAILED, error.to_string()),
        },
        Err((code, message)) => finish(code, message),
    }
}

fn finish(code: &str, message: String) -> Plan {
    Plan::Finish(Box::new(Outcome::error(code, message)))
}

fn decide(ready: &Ready, context: &PlanContext<'_>) -> Result<Body, (&'static str, String)> {
    if !ready.allowed {
        let message = format!(
            "the project does not allow calls to `{}`",
            ready.target.authority()
        );
        return Err((HOST_NOT_ALLOWED, message));
    }
    let failed = |message| (VALUE_FAILED, message);
    let url = ready.url.render(context).map_err(failed)?;
    let body = match &ready.body {
        None => None,
        Some(body) => Some(body.render(context).map_err(failed)?.to_string()),
    };
    if let Some(body) = &body
        && body.len() > BODY_BYTES_MAX
    {
        return Err((BODY_TOO_LARGE, format!("the body has {} bytes", body.len())));
    }
    Ok(Body {
        method: ready.method.to_owned(),
        url,
        headers: ready.headers.clone(),
        body,
        into: ready
            .into
            .iter()
            .map(|(field, (_, pointer))| (field.clone(), pointer.clone()))
            .collect(),
        repeatable: ready.repeatable,
        timeout_seconds: ready.timeout_seconds,
    })
}
