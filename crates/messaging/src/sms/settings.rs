//! The settings of an SMS provider, as data.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;
use values::{Secret, SecretRef};

use crate::address::{Target, is_loopback};
use crate::error::{self, SetupError};
use crate::sms::answer::{Judge, scalar};
use crate::sms::{Body, Recipe};
use crate::template::{JsonTemplate, Template, Vault};

/// The parts that a text may take where nothing is said.
const PARTS: u16 = 10;
/// Seconds that an exchange may take where nothing is said.
const TIMEOUT_SECONDS: i64 = 15;

/// How an SMS becomes a request, and what answers mean. Texts may have the placeholders `{to}`,
/// `{text}`, `{key}`, `{key.hex}`, `{key.number}` and `{secret.NAME}`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsSettings {
    /// Where requests go: `https`, or this machine. No placeholder stands before the path.
    pub url: String,
    /// `POST` where nothing is said.
    #[serde(default)]
    pub method: Method,
    /// Headers; a value may be `env:NAME`, `file:path` or `Bearer env:NAME`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Secrets for `{secret.NAME}`.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretRef>,
    /// The body as JSON.
    pub json: Option<Json>,
    /// The body as a form; not beside `json`.
    pub form: Option<BTreeMap<String, Json>>,
    /// How numbers are written.
    #[serde(default)]
    pub numbers: Numbers,
    /// What an answer with a status of 2xx must also say.
    pub accepted: Option<Accepted>,
    /// JSON pointer to the provider's id of the message.
    pub message_id: Option<String>,
    /// JSON pointer to the provider's words about a refusal.
    pub reason: Option<String>,
    /// What is done where nobody knows whether a message was sent.
    #[serde(default)]
    pub unclear: Unclear,
    /// The whole exchange ends within this time; `15s` where nothing is said.
    pub timeout: Option<String>,
    /// A text of more parts is refused; 10 where nothing is said.
    pub parts_max: Option<u16>,
}

/// A method of HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Method {
    /// `POST`.
    #[default]
    #[serde(rename = "POST")]
    Post,
    /// `PUT`.
    #[serde(rename = "PUT")]
    Put,
    /// `GET`.
    #[serde(rename = "GET")]
    Get,
}

impl Method {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Get => "GET",
        }
    }
}

/// How numbers are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Numbers {
    /// `+989121234567`.
    #[default]
    E164,
    /// `989121234567`.
    Digits,
    /// `09121234567` and `89121234567`; numbers of countries other than Iran and Russia as `e164`.
    National,
}

/// What an answer must say. Values are compared as text: `1` and `"1"` are the same.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// JSON pointer to the value.
    pub pointer: String,
    /// The value of success.
    pub equals: Json,
    /// Values that mean "not now": nothing was sent, and it is tried again.
    #[serde(default)]
    pub later: Vec<Json>,
}

/// What is done where nobody knows whether a message was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unclear {
    /// It is sent again under the same key: twice, where the provider does not honour keys.
    #[default]
    Repeat,
    /// It is given up, and a person is told.
    GiveUp,
}

impl SmsSettings {
    /// Reads settings and checks them, without looking for their secrets.
    ///
    /// # Errors
    ///
    /// [`SetupError`] names the key that is wrong.
    pub fn read(json: &Json) -> Result<SmsSettings, SetupError> {
        let settings: SmsSettings = error::settings(json)?;
        settings.check()?;
        Ok(settings)
    }

    /// Whether a channel can be made of these settings, once their secrets are found.
    ///
    /// # Errors
    ///
    /// [`SetupError`] names the key that is wrong.
    pub fn check(&self) -> Result<(), SetupError> {
        self.recipe(&|_| Some(Secret::new("-"))).map(drop)
    }

    /// Whether requests go to this machine, where a provider is only played.
    pub fn is_loopback(&self) -> bool {
        Target::of(&self.url).is_some_and(|target| is_loopback(target.host))
    }

    pub(crate) fn recipe(
        &self,
        read: &dyn Fn(&SecretRef) -> Option<Secret>,
    ) -> Result<Recipe, SetupError> {
        let mut vault = Vault {
            named: &self.secrets,
            read,
            seen: Vec::new(),
        };
        let url = self.address(&mut vault)?;
        let headers = self.headers(&mut vault)?;
        let body = self.body(&mut vault)?;
        let mut places = vec![&url];
        places.extend(headers.iter().map(|(_, value)| value));
        match &body {
            Body::Nothing => {}
            Body::Json(json) => json.walk(&mut places),
            Body::Form(fields) => places.extend(fields.iter().map(|(_, value)| value)),
        }
        for (name, there) in [
            ("{to}", places.iter().any(|place| place.has_to())),
            ("{text}", places.iter().any(|place| place.has_text())),
        ] {
            if !there {
                let problem = format!("needs `{name}`, or `json`, `form` or `headers` does");
                return Err(SetupError::unfit("url", problem));
            }
        }
        let carries_key = places.iter().any(|place| place.has_key());
        let parts_max = self.parts_max.unwrap_or(PARTS);
        if !(1..=255).contains(&parts_max) {
            return Err(SetupError::unfit("parts_max", "is from 1 to 255"));
        }
        Ok(Recipe {
            method: self.method,
            url,
            headers,
            body,
            numbers: self.numbers,
            parts_max: usize::from(parts_max),
            timeout: error::timeout(self.timeout.as_deref(), TIMEOUT_SECONDS)?,
            judge: Judge {
                accepted: self.accepted_rule()?,
                message_id: pointer("message_id", self.message_id.as_deref())?,
                reason: pointer("reason", self.reason.as_deref())?,
                unclear: self.unclear,
                carries_key,
                secrets: vault.seen,
            },
        })
    }

    fn address(&self, vault: &mut Vault<'_>) -> Result<Template, SetupError> {
        let target = Target::of(&self.url)
            .ok_or_else(|| SetupError::unfit("url", "is not an address as in `https://…`"))?;
        if target.origin.contains(['{', '}']) {
            return Err(SetupError::unfit(
                "url",
                "has a placeholder before its path",
            ));
        }
        if !target.is_encrypted && !is_loopback(target.host) {
            return Err(SetupError::unfit("url", "is not encrypted; write `https:`"));
        }
        Template::read("url", &self.url, vault)
    }

    fn headers(&self, vault: &mut Vault<'_>) -> Result<Vec<(String, Template)>, SetupError> {
        let mut headers = Vec::new();
        for (name, value) in &self.headers {
            let token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            if name.is_empty() || !name.chars().all(token) {
                return Err(SetupError::unfit(name, "is not the name of a header"));
            }
            if !value.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
                return Err(SetupError::unfit(
                    name,
                    "has characters that no header takes",
                ));
            }
            let template = Template::header(name, value, vault)?;
            if template.has_text() {
                return Err(SetupError::unfit(
                    name,
                    "is a header: no place for `{text}`",
                ));
            }
            if is_sensitive(name) && template.is_fixed() {
                let problem =
                    "carries a secret; write `env:NAME`, `file:path` or `Bearer env:NAME`";
                return Err(SetupError::unfit(name, problem));
            }
            headers.push((name.clone(), template));
        }
        Ok(headers)
    }

    fn body(&self, vault: &mut Vault<'_>) -> Result<Body, SetupError> {
        match (&self.json, &self.form) {
            (Some(_), Some(_)) => Err(SetupError::unfit("form", "does not stand beside `json`")),
            (Some(_), None) | (None, Some(_)) if self.method == Method::Get => {
                Err(SetupError::unfit("method", "`GET` carries no body"))
            }
            (Some(json), None) => Ok(Body::Json(JsonTemplate::read(json, vault)?)),
            (None, Some(form)) => {
                let mut fields = Vec::new();
                for (name, value) in form {
                    let text = scalar(value)
                        .ok_or_else(|| SetupError::unfit(name, "is no text; forms are flat"))?;
                    fields.push((name.clone(), Template::read(name, &text, vault)?));
                }
                Ok(Body::Form(fields))
            }
            (None, None) => Ok(Body::Nothing),
        }
    }

    fn accepted_rule(&self) -> Result<Option<Accepted>, SetupError> {
        let Some(accepted) = &self.accepted else {
            return Ok(None);
        };
        pointer("pointer", Some(&accepted.pointer))?;
        let mut values = accepted.later.iter().chain([&accepted.equals]);
        if !values.all(|value| scalar(value).is_some()) {
            return Err(SetupError::unfit(
                "accepted",
                "compares texts, numbers and booleans",
            ));
        }
        Ok(Some(accepted.clone()))
    }
}

fn pointer(key: &str, written: Option<&str>) -> Result<Option<String>, SetupError> {
    match written {
        Some(text) if !text.is_empty() && !text.starts_with('/') => Err(SetupError::unfit(
            key,
            "is not a JSON pointer as in `/messages/0/id`",
        )),
        other => Ok(other.map(str::to_owned)),
    }
}

fn is_sensitive(header: &str) -> bool {
    let header = header.to_ascii_lowercase();
    let words = [
        "auth",
        "cookie",
        "token",
        "secret",
        "password",
        "apikey",
        "credential",
    ];
    words.iter().any(|word| header.contains(word))
        || header.ends_with("-key")
        || header.ends_with("_key")
}
