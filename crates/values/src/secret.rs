//! Secrets, and where they are found. A secret is never shown and never written to a file.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::{from_text, has_bidi_or_control};

/// A token or password in memory. It prints as `***` and cannot be serialized.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for the one call that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a secret is found; a file never holds the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretRef {
    /// `env:NAME`, an environment variable.
    Env(String),
    /// `file:path`, the content of a file.
    File(PathBuf),
}

impl SecretRef {
    /// Reads `env:NAME` or `file:path`.
    ///
    /// # Errors
    ///
    /// [`SecretRefError`] for anything else; the message never repeats what was written, since it
    /// may be the secret.
    pub fn parse(text: &str) -> Result<Self, SecretRefError> {
        let text = text.trim();
        if let Some(name) = text.strip_prefix("env:") {
            let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            return if starts && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                Ok(Self::Env(name.to_owned()))
            } else {
                Err(SecretRefError::BadVariable)
            };
        }
        match text.strip_prefix("file:") {
            Some(path) if path.is_empty() || has_bidi_or_control(path).is_some() => {
                Err(SecretRefError::BadPath)
            }
            Some(path) => Ok(Self::File(PathBuf::from(path))),
            None => Err(SecretRefError::Literal),
        }
    }
}

impl FromStr for SecretRef {
    type Err = SecretRefError;

    fn from_str(text: &str) -> Result<Self, SecretRefError> {
        Self::parse(text)
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "`env:NAME` or `file:path`", Self::parse)
    }
}

impl JsonSchema for SecretRef {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("SecretRef")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Where a secret is found: `env:NAME` or `file:path`.",
            "pattern": "^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$"
        })
    }
}

/// Why a text does not say where a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretRefError {
    /// The secret itself, or some other text.
    #[error("a secret is written as `env:NAME` or `file:path`, never as its value")]
    Literal,
    /// The name after `env:` cannot be a variable.
    #[error("after `env:` comes the name of a variable: letters, digits and `_`")]
    BadVariable,
    /// There is no path after `file:`, or it has control characters.
    #[error("after `file:` comes the path of a file")]
    BadPath,
}
