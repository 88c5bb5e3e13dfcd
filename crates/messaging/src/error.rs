//! Why a channel cannot be made.

use values::SecretRef;

/// Why a channel cannot be made from its settings. No variant holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A key is unknown, missing, or its value is of another kind.
    #[error("{0}")]
    Unreadable(String),
    /// A value does not fit.
    #[error("`{key}` {problem}")]
    Unfit {
        /// The key it stands under.
        key: String,
        /// What is wrong with it, and what would do.
        problem: String,
    },
    /// Nothing is found where a secret should be.
    #[error("there is no secret in `{0}`")]
    SecretMissing(SecretRef),
}

impl SetupError {
    /// A value that does not fit.
    pub(crate) fn unfit(key: &str, problem: impl Into<String>) -> SetupError {
        SetupError::Unfit {
            key: key.to_owned(),
            problem: problem.into(),
        }
    }
}

/// Settings of some type from JSON.
pub(crate) fn settings<T: serde::de::DeserializeOwned>(
    json: &serde_json::Value,
) -> Result<T, SetupError> {
    T::deserialize(json).map_err(|error| SetupError::Unreadable(error.to_string()))
}

/// A length of time within bounds; the default where nothing is written.
pub(crate) fn timeout(
    written: Option<&str>,
    default_seconds: i64,
) -> Result<values::TimeDelta, SetupError> {
    let Some(text) = written else {
        return Ok(values::TimeDelta::seconds(default_seconds));
    };
    let length = values::parse_duration(text)
        .map_err(|error| SetupError::unfit("timeout", format!("is no length of time: {error}")))?;
    let fits = (1..=120).contains(&length.num_seconds());
    fits.then_some(length)
        .ok_or_else(|| SetupError::unfit("timeout", "is from `1s` to `2m`"))
}
