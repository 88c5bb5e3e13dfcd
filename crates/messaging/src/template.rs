//! Texts with placeholders: `{to}`, `{text}`, `{key}` in its forms, and secrets.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use values::{Secret, SecretRef};

use crate::digest;
use crate::error::SetupError;

/// What a placeholder stands for.
#[derive(Debug, Clone)]
enum Piece {
    Fixed(String),
    To,
    Text,
    Key,
    KeyHex,
    KeyNumber,
    Secret(Secret),
}

/// A text with placeholders, read once.
#[derive(Debug, Clone)]
pub(crate) struct Template(Vec<Piece>);

/// What one message puts into placeholders.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filling<'a> {
    pub(crate) to: &'a str,
    pub(crate) text: &'a str,
    pub(crate) key: &'a str,
}

/// Where secrets of a template come from; remembers them, so that errors can be freed of them.
pub(crate) struct Vault<'a> {
    pub(crate) named: &'a BTreeMap<String, SecretRef>,
    pub(crate) read: &'a dyn Fn(&SecretRef) -> Option<Secret>,
    pub(crate) seen: Vec<Secret>,
}

impl Vault<'_> {
    fn open(&mut self, reference: &SecretRef) -> Result<Secret, SetupError> {
        let secret =
            (self.read)(reference).ok_or_else(|| SetupError::SecretMissing(reference.clone()))?;
        self.seen.push(secret.clone());
        Ok(secret)
    }
}

impl Template {
    /// Reads a text; `key` is the setting it stands under.
    pub(crate) fn read(
        key: &str,
        text: &str,
        vault: &mut Vault<'_>,
    ) -> Result<Template, SetupError> {
        let mut pieces = Vec::new();
        let mut fixed = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, after) = rest.split_at(at);
            fixed.push_str(before);
            if let Some(after) = after.strip_prefix("{{") {
                fixed.push('{');
                rest = after;
            } else if let Some(after) = after.strip_prefix("}}") {
                fixed.push('}');
                rest = after;
            } else {
                let named = after
                    .strip_prefix('{')
                    .and_then(|after| after.split_once('}'));
                let Some((name, after)) = named else {
                    return Err(SetupError::unfit(
                        key,
                        "has a bracket without its other one; write `{{` or `}}` for a bracket itself",
                    ));
                };
                pieces.push(Piece::Fixed(std::mem::take(&mut fixed)));
                pieces.push(placeholder(key, name, vault)?);
                rest = after;
            }
        }
        fixed.push_str(rest);
        pieces.push(Piece::Fixed(fixed));
        Ok(Template(pieces))
    }

    /// Reads the value of a header, which may also be `env:NAME` or `Bearer env:NAME`.
    pub(crate) fn header(
        name: &str,
        value: &str,
        vault: &mut Vault<'_>,
    ) -> Result<Template, SetupError> {
        let (scheme, reference) = match value.split_once(' ') {
            Some((scheme, rest)) => (format!("{scheme} "), rest.trim_start()),
            None => (String::new(), value),
        };
        if !reference.starts_with("env:") && !reference.starts_with("file:") {
            return Template::read(name, value, vault);
        }
        let reference = SecretRef::parse(reference)
            .map_err(|error| SetupError::unfit(name, format!("names no secret: {error}")))?;
        let secret = vault.open(&reference)?;
        Ok(Template(vec![Piece::Fixed(scheme), Piece::Secret(secret)]))
    }

    /// The text for one message. What is put in is encoded, what was written is not.
    pub(crate) fn fill(&self, filling: Filling<'_>, encode: fn(&str) -> String) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Fixed(fixed) => text.push_str(fixed),
                Piece::To => text.push_str(&encode(filling.to)),
                Piece::Text => text.push_str(&encode(filling.text)),
                Piece::Key => text.push_str(&encode(filling.key)),
                Piece::KeyHex => text.push_str(&digest::hex(filling.key)),
                Piece::KeyNumber => text.push_str(&digest::number(filling.key).to_string()),
                Piece::Secret(secret) => text.push_str(&encode(secret.reveal())),
            }
        }
        text
    }

    /// Whether the message's text is put in.
    pub(crate) fn has_text(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Text))
    }

    /// Whether the receiver is put in.
    pub(crate) fn has_to(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::To))
    }

    /// Whether the key is put in, in one of its forms.
    pub(crate) fn has_key(&self) -> bool {
        let is_key = |piece: &Piece| matches!(piece, Piece::Key | Piece::KeyHex | Piece::KeyNumber);
        self.0.iter().any(is_key)
    }

    /// Whether nothing is put in.
    pub(crate) fn is_fixed(&self) -> bool {
        let is_fixed = |piece: &Piece| matches!(piece, Piece::Fixed(_));
        self.0.iter().all(is_fixed)
    }
}

fn placeholder(key: &str, name: &str, vault: &mut Vault<'_>) -> Result<Piece, SetupError> {
    Ok(match name {
        "to" => Piece::To,
        "text" => Piece::Text,
        "key" => Piece::Key,
        "key.hex" => Piece::KeyHex,
        "key.number" => Piece::KeyNumber,
        _ => {
            let secret = name.strip_prefix("secret.");
            let reference = secret.and_then(|secret| vault.named.get(secret)).cloned();
            let Some(reference) = reference else {
                let problem = match secret {
                    Some(_) => "names a secret that is not under `secrets`",
                    None => {
                        "has an unknown placeholder; there are `{to}`, `{text}`, `{key}`, \
                         `{key.hex}`, `{key.number}` and `{secret.NAME}`"
                    }
                };
                return Err(SetupError::unfit(key, problem));
            };
            Piece::Secret(vault.open(&reference)?)
        }
    })
}

/// JSON whose texts have placeholders.
#[derive(Debug, Clone)]
pub(crate) enum JsonTemplate {
    Fixed(Json),
    Text(Template),
    List(Vec<JsonTemplate>),
    Map(Vec<(String, JsonTemplate)>),
}

impl JsonTemplate {
    /// Reads a value. Its depth is bounded by whoever has parsed it.
    pub(crate) fn read(json: &Json, vault: &mut Vault<'_>) -> Result<JsonTemplate, SetupError> {
        Ok(match json {
            Json::String(text) => JsonTemplate::Text(Template::read("json", text, vault)?),
            Json::Array(list) => {
                let items = list.iter().map(|item| JsonTemplate::read(item, vault));
                JsonTemplate::List(items.collect::<Result<_, _>>()?)
            }
            Json::Object(map) => {
                let mut entries = Vec::new();
                for (name, value) in map {
                    entries.push((name.clone(), JsonTemplate::read(value, vault)?));
                }
                JsonTemplate::Map(entries)
            }
            other => JsonTemplate::Fixed(other.clone()),
        })
    }

    /// The value for one message.
    pub(crate) fn fill(&self, filling: Filling<'_>) -> Json {
        match self {
            JsonTemplate::Fixed(json) => json.clone(),
            JsonTemplate::Text(text) => Json::String(text.fill(filling, str::to_owned)),
            JsonTemplate::List(list) => list.iter().map(|item| item.fill(filling)).collect(),
            JsonTemplate::Map(entries) => {
                let filled =
                    |(name, value): &(String, JsonTemplate)| (name.clone(), value.fill(filling));
                Json::Object(entries.iter().map(filled).collect())
            }
        }
    }

    /// Collects every text in it.
    pub(crate) fn walk<'a>(&'a self, found: &mut Vec<&'a Template>) {
        match self {
            JsonTemplate::Fixed(_) => {}
            JsonTemplate::Text(text) => found.push(text),
            JsonTemplate::List(list) => list.iter().for_each(|item| item.walk(found)),
            JsonTemplate::Map(entries) => entries.iter().for_each(|(_, value)| value.walk(found)),
        }
    }
}

/// Percent-encoding of everything but unreserved characters: for addresses and forms.
pub(crate) fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for half in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(half), 16).unwrap_or('0');
                encoded.push(digit.to_ascii_uppercase());
            }
        }
    }
    encoded
}
