//! The settings as YAML has them, and their checks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use values::{FieldType, SecretRef, has_bidi_or_control, parse_duration};

use super::payload::Payload;
use super::url::UrlTemplate;
use super::{HeaderValue, Ready};
use crate::problem::{Place, PrepareContext, Problem, codes};
use crate::settings::{Check, Scalar, SourceSetting, decode};

/// How long a call may take where the step does not say.
const TIMEOUT_SECONDS: i64 = 15;

/// The longest a step may ask for.
const TIMEOUT_SECONDS_MAX: i64 = 60;

/// Settings of `call_service`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The HTTP method.
    #[serde(default)]
    method: Method,
    /// The address; its path and query may hold tokens, its host may not.
    url: String,
    /// More query parameters: a constant, `{ value: expression }` or `{ text: "…" }`.
    #[serde(default)]
    query: BTreeMap<String, SourceSetting>,
    /// Headers: a constant, or a secret as `env:NAME`, `file:path`, `Bearer env:NAME`.
    #[serde(default)]
    headers: BTreeMap<String, Scalar>,
    /// The JSON body; `{ value: expression }` and `{ text: "…" }` may stand anywhere in it.
    #[serde(default)]
    body: Option<Json>,
    /// What to keep of a JSON answer: field to JSON pointer, such as `/order/number`.
    #[serde(default)]
    into: BTreeMap<String, String>,
    /// Whether the service takes a repeat with the same `Idempotency-Key` as the same call.
    #[serde(default)]
    idempotent: bool,
    /// How long one call may take, such as `10s`.
    #[serde(default)]
    timeout: Option<Scalar>,
}

/// An HTTP method.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    /// Reads.
    #[default]
    Get,
    /// Makes or does something.
    Post,
    /// Replaces something.
    Put,
    /// Changes a part of something.
    Patch,
    /// Removes something.
    Delete,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// Checks and compiles settings.
pub(super) fn compile(
    settings: &Json,
    context: &PrepareContext<'_>,
) -> Result<Ready, Vec<Problem>> {
    let settings: Settings = decode(settings)?;
    let mut check = Check::new(context);
    let root = Place::root();
    let url = UrlTemplate::compile(&settings.url, &settings.query, &mut check);
    let place = root.key("url");
    let allowed = match (&url, context.allowed_hosts) {
        (Some((_, target)), Some(hosts)) => {
            let allowed = target.is_allowed(hosts);
            if !allowed {
                check.report(
                    Problem::new(
                        codes::HOST_NOT_ALLOWED,
                        &place,
                        format!(
                            "the project does not allow calls to `{}`",
                            target.authority()
                        ),
                    )
                    .with_hint(
                        "list the host in the project file under the hosts that may be called",
                    ),
                );
            }
            allowed
        }
        _ => false,
    };
    let headers = settings
        .headers
        .iter()
        .filter_map(|(name, value)| header(name, &value.text(), &root.key("headers"), &mut check))
        .collect();
    let body = settings
        .body
        .as_ref()
        .and_then(|body| Payload::compile(body, &root.key("body"), &mut check));
    if settings.method == Method::Get && settings.body.is_some() {
        check.error(
            codes::WRONG_TYPE,
            &root.key_name("body"),
            "a GET call has no body",
        );
    }
    let into = settings
        .into
        .iter()
        .filter_map(|(field, pointer)| kept(field, pointer, &root.key("into"), &mut check))
        .collect();
    let timeout_seconds = timeout(settings.timeout.as_ref(), &root.key("timeout"), &mut check);
    check.finish()?;
    match url {
        Some((url, target)) => Ok(Ready {
            method: settings.method.name(),
            url,
            target,
            allowed,
            headers,
            body,
            into,
            repeatable: settings.idempotent || settings.method == Method::Get,
            timeout_seconds,
        }),
        None => Err(vec![Problem::new(
            codes::BAD_URL,
            &place,
            "the address cannot be used",
        )]),
    }
}

fn timeout(written: Option<&Scalar>, place: &Place, check: &mut Check<'_>) -> i64 {
    let Some(written) = written else {
        return TIMEOUT_SECONDS;
    };
    match parse_duration(&written.text()) {
        Ok(length) if (1..=TIMEOUT_SECONDS_MAX).contains(&length.num_seconds()) => {
            length.num_seconds()
        }
        Ok(_) => {
            let message = format!("a call takes from 1s to {TIMEOUT_SECONDS_MAX}s");
            check.error(codes::BAD_DURATION, place, message);
            TIMEOUT_SECONDS
        }
        Err(error) => {
            check.error(codes::BAD_DURATION, place, error.to_string());
            TIMEOUT_SECONDS
        }
    }
}

/// Headers that are ours to set, or that change where and how a call goes.
const OUR_HEADERS: [&str; 10] = [
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "idempotency-key",
];

fn header(
    name: &str,
    value: &str,
    place: &Place,
    check: &mut Check<'_>,
) -> Option<(String, HeaderValue)> {
    let lower = name.to_ascii_lowercase();
    let is_token = !name.is_empty()
        && name.len() <= 64
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !is_token || OUR_HEADERS.contains(&lower.as_str()) || lower.starts_with("proxy-") {
        check.error(
            codes::BAD_HEADER,
            &place.key_name(name),
            format!("header `{name}` cannot be set here"),
        );
        return None;
    }
    let place = place.key(name);
    if has_bidi_or_control(value).is_some() || !value.is_ascii() {
        check.error(
            codes::BAD_HEADER,
            &place,
            format!("the value of header `{name}` has a character that no header takes"),
        );
        return None;
    }
    match secret_in(value) {
        Some(Ok((before, secret))) => Some((lower, HeaderValue::Secret { before, secret })),
        Some(Err(message)) => {
            check.error(codes::LITERAL_SECRET, &place, message);
            None
        }
        None if is_sensitive(&lower) => {
            check.report(
                Problem::new(
                    codes::LITERAL_SECRET,
                    &place,
                    format!(
                        "header `{name}` carries a secret, and a workflow file is no place for one"
                    ),
                )
                .with_hint("write env:NAME or file:path, or Bearer env:NAME"),
            );
            None
        }
        None => Some((lower, HeaderValue::Text(value.to_owned()))),
    }
}

/// `env:NAME` and `file:path`, alone or behind a scheme word such as `Bearer`.
fn secret_in(value: &str) -> Option<Result<(String, SecretRef), String>> {
    let (before, reference) = match value.split_once(' ') {
        Some((scheme, rest)) => (format!("{scheme} "), rest.trim_start()),
        None => (String::new(), value),
    };
    if !(reference.starts_with("env:") || reference.starts_with("file:")) {
        return None;
    }
    let parsed = SecretRef::parse(reference);
    Some(
        parsed
            .map(|secret| (before, secret))
            .map_err(|error| error.to_string()),
    )
}

fn is_sensitive(header: &str) -> bool {
    let exact = ["authorization", "cookie", "x-auth"].contains(&header);
    let part = [
        "token",
        "secret",
        "password",
        "api-key",
        "apikey",
        "credential",
    ]
    .iter()
    .any(|part| header.contains(part));
    exact || part || header.ends_with("-key") || header.ends_with("_key")
}

fn kept(
    field: &str,
    pointer: &str,
    place: &Place,
    check: &mut Check<'_>,
) -> Option<(String, (FieldType, String))> {
    let kind = check.field(&place.key_name(field), field).cloned();
    if !(pointer.is_empty() || pointer.starts_with('/')) || has_bidi_or_control(pointer).is_some() {
        check.report(
            Problem::new(
                codes::BAD_POINTER,
                &place.key(field),
                format!("`{pointer}` is not a JSON pointer"),
            )
            .with_hint("write it as /order/number; elements of a list are counted from 0"),
        );
        return None;
    }
    Some((field.to_owned(), (kind?, pointer.to_owned())))
}
