//! Texts for people, in the languages of the product.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::shorten;

/// A language of the product.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// Persian.
    Fa,
    /// Russian.
    Ru,
}

impl Locale {
    /// Every language, in the order of [`Ord`].
    pub const ALL: [Self; 3] = [Self::En, Self::Fa, Self::Ru];

    /// The two letters of the language.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fa => "fa",
            Self::Ru => "ru",
        }
    }

    /// Reads a language code; a region after it (`fa-IR`) is ignored.
    ///
    /// # Errors
    ///
    /// [`LocaleError`] for any other language.
    pub fn parse(text: &str) -> Result<Self, LocaleError> {
        let language = text.trim().split(['-', '_']).next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|locale| locale.code().eq_ignore_ascii_case(language))
            .ok_or_else(|| LocaleError {
                text: shorten(text),
            })
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// A language the product does not speak.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a language here: write en, fa or ru")]
pub struct LocaleError {
    /// What was written, shortened.
    pub text: String,
}

/// A text for people in at least one language. A file writes it as one string (which counts as
/// English) or as a map from language to text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    texts: BTreeMap<Locale, String>,
}

impl Label {
    /// One text for everybody.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            texts: BTreeMap::from([(Locale::En, text.into())]),
        }
    }

    /// Texts by language.
    ///
    /// # Errors
    ///
    /// [`LabelError`] when there is none.
    pub fn new(texts: BTreeMap<Locale, String>) -> Result<Self, LabelError> {
        if texts.is_empty() {
            return Err(LabelError);
        }
        Ok(Self { texts })
    }

    /// The same label with one more language, or another text in it.
    #[must_use]
    pub fn with(mut self, locale: Locale, text: impl Into<String>) -> Self {
        self.texts.insert(locale, text.into());
        self
    }

    /// The text for a reader: in their language, else in English, else in any.
    #[must_use]
    pub fn get(&self, locale: Locale) -> &str {
        self.exact(locale)
            .or_else(|| self.exact(Locale::En))
            .or_else(|| self.texts.values().next().map(String::as_str))
            .unwrap_or_default()
    }

    /// The text in this language, without falling back.
    #[must_use]
    pub fn exact(&self, locale: Locale) -> Option<&str> {
        self.texts.get(&locale).map(String::as_str)
    }

    /// Every text there is, by language.
    pub fn texts(&self) -> impl Iterator<Item = (Locale, &str)> {
        self.texts
            .iter()
            .map(|(locale, text)| (*locale, text.as_str()))
    }
}

impl From<&str> for Label {
    fn from(text: &str) -> Self {
        Self::plain(text)
    }
}

/// A label without any text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a label needs a text in at least one language (en, fa, ru)")]
pub struct LabelError;

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.texts.len(), self.exact(Locale::En)) {
            (1, Some(text)) => serializer.serialize_str(text),
            _ => self.texts.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LabelVisitor)
    }
}

/// Written by hand: an untagged enum would lose the place and the reason of an error.
struct LabelVisitor;

impl<'de> Visitor<'de> for LabelVisitor {
    type Value = Label;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or a map of languages (en, fa, ru) to texts")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Label, E> {
        Ok(Label::plain(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Label, A::Error> {
        let mut texts = BTreeMap::new();
        while let Some((locale, text)) = map.next_entry::<Locale, String>()? {
            if texts.insert(locale, text).is_some() {
                return Err(serde::de::Error::custom(format_args!(
                    "`{locale}` is written twice"
                )));
            }
        }
        Label::new(texts).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Label {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Label")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A text for people: one string, or a map of languages to texts.",
            "oneOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "properties": {
                        "en": { "type": "string" },
                        "fa": { "type": "string" },
                        "ru": { "type": "string" }
                    },
                    "additionalProperties": false,
                    "minProperties": 1
                }
            ]
        })
    }
}
