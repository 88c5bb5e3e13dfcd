//! Addresses with tokens: the host is fixed, tokens fill path segments and query values, and what
//! they yield is encoded so that it cannot leave its place.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expression::{Reads, Template};
use values::Locale;

use super::payload;
use super::target::Target;
use crate::PlanContext;
use crate::problem::{Place, codes};
use crate::settings::{Check, Source, SourceSetting, SourceType};

/// An address, compiled.
#[derive(Debug, Clone)]
pub(super) struct UrlTemplate {
    origin: String,
    path: Vec<Piece>,
    query: Vec<(String, Value)>,
}

#[derive(Debug, Clone)]
enum Piece {
    /// As written.
    Literal(String),
    /// Filled and encoded.
    Filled(Template),
}

#[derive(Debug, Clone)]
enum Value {
    Piece(Piece),
    Source(Source),
}

impl UrlTemplate {
    /// Checks an address and its further query parameters.
    pub(super) fn compile(
        text: &str,
        query: &BTreeMap<String, SourceSetting>,
        check: &mut Check<'_>,
    ) -> Option<(UrlTemplate, Target)> {
        let place = Place::root().key("url");
        let parts = match Parts::of(text) {
            Ok(parts) => parts,
            Err(message) => {
                check.error(codes::BAD_URL, &place, message);
                return None;
            }
        };
        let target = match Target::parse(parts.secure, parts.authority) {
            Ok(target) => target,
            Err(message) => {
                check.error(codes::BAD_URL, &place, message);
                return None;
            }
        };
        let path: Option<Vec<Piece>> = split(parts.path, '/')
            .into_iter()
            .skip(1)
            .map(|segment| piece(segment, &place, check))
            .collect();
        let mut pairs = Vec::new();
        for pair in split(parts.query, '&')
            .into_iter()
            .filter(|pair| !pair.is_empty())
        {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if key.contains("{{") {
                check.error(
                    codes::BAD_URL,
                    &place,
                    "the name of a query parameter is fixed",
                );
                return None;
            }
            pairs.push((key.to_owned(), Value::Piece(piece(value, &place, check)?)));
        }
        for (key, source) in query {
            let place = Place::root().key("query").key(key);
            let source = Source::compile(source, SourceType::Any, &place, check)?;
            pairs.push((encoded(key), Value::Source(source)));
        }
        Some((
            UrlTemplate {
                origin: target.origin(),
                path: path?,
                query: pairs,
            },
            target,
        ))
    }

    /// What its tokens read.
    pub(super) fn reads(&self) -> Vec<&Reads> {
        let query = self.query.iter().filter_map(|(_, value)| match value {
            Value::Piece(piece) => piece.reads(),
            Value::Source(source) => source.reads(),
        });
        self.path
            .iter()
            .filter_map(Piece::reads)
            .chain(query)
            .collect()
    }

    /// The address for one item.
    pub(super) fn render(&self, context: &PlanContext<'_>) -> Result<String, String> {
        let mut url = self.origin.clone();
        for piece in &self.path {
            let segment = piece.render(context)?;
            let filled = matches!(piece, Piece::Filled(_));
            if filled && matches!(segment.as_str(), "" | "." | "..") {
                return Err(format!(
                    "a token leaves `{segment}` in the path of the address"
                ));
            }
            url.push('/');
            url.push_str(&segment);
        }
        for (index, (key, value)) in self.query.iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            url.push_str(key);
            url.push('=');
            match value {
                Value::Piece(piece) => url.push_str(&piece.render(context)?),
                Value::Source(source) => {
                    let value = source.read(context).map_err(|error| error.to_string())?;
                    url.push_str(&encoded(&payload::as_text(&value)));
                }
            }
        }
        Ok(url)
    }
}

impl Piece {
    fn reads(&self) -> Option<&Reads> {
        match self {
            Piece::Literal(_) => None,
            Piece::Filled(template) => Some(template.reads()),
        }
    }

    fn render(&self, context: &PlanContext<'_>) -> Result<String, String> {
        match self {
            Piece::Literal(text) => Ok(text.clone()),
            // A machine reads it: no Persian digits, no local dates.
            Piece::Filled(template) => template
                .render(context.facts, Locale::En)
                .map(|text| encoded(&text))
                .map_err(|error| error.to_string()),
        }
    }
}

struct Parts<'a> {
    secure: bool,
    authority: &'a str,
    path: &'a str,
    query: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Parts<'a>, String> {
        let text = text.trim();
        let (secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err("an address begins with https://".to_owned()),
        };
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if authority.contains("{{") {
            return Err(
                "the host of an address is fixed: tokens fill its path and query".to_owned(),
            );
        }
        if !(rest.is_empty() || rest.starts_with(['/', '?'])) {
            return Err("the host of an address is followed by `/`".to_owned());
        }
        let (path, query) = match split(rest, '?').as_slice() {
            [path] => (*path, ""),
            [path, query] => (*path, *query),
            _ => return Err("an address has one `?`".to_owned()),
        };
        Ok(Parts {
            secure,
            authority,
            path,
            query,
        })
    }
}

/// Splits a text at a character that stands in no token.
fn split(text: &str, at: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut inside = false;
    for (index, c) in text.char_indices() {
        let here = text.get(index..).unwrap_or_default();
        if here.starts_with("{{") {
            inside = true;
        } else if here.starts_with("}}") {
            inside = false;
        } else if c == at && !inside {
            parts.push(text.get(start..index).unwrap_or_default());
            start = index.saturating_add(c.len_utf8());
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

fn piece(text: &str, place: &Place, check: &mut Check<'_>) -> Option<Piece> {
    if text.contains("{{") {
        return check.template(place, text).map(Piece::Filled);
    }
    let takes = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@%".contains(c);
    if let Some(wrong) = text.chars().find(|c| !takes(*c)) {
        check.error(
            codes::BAD_URL,
            place,
            format!(
                "`{}` is written as %-code in an address",
                wrong.escape_debug()
            ),
        );
        return None;
    }
    let plain = text.replace("%2e", ".").replace("%2E", ".");
    if matches!(plain.as_str(), "." | "..") {
        check.error(
            codes::BAD_URL,
            place,
            format!("`{text}` in the path of an address leads elsewhere"),
        );
        return None;
    }
    Some(Piece::Literal(text.to_owned()))
}

/// Everything but letters, digits and four marks becomes %-codes.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else if write!(out, "%{byte:02X}").is_err() {
            // Writing to a string does not fail.
            return out;
        }
    }
    out
}
