//! What an account says about its sandbox.

use chrono::TimeDelta;
use serde::Deserialize;
use values::{AccountName, Currency};

use super::script::Script;
use super::span;
use crate::{Limits, RepeatClass, RepeatSafety};

/// Everything one sandbox account is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxSettings {
    /// The account it plays.
    pub account: AccountName,
    /// The only currency it takes.
    pub currency: Currency,
    /// How it behaves.
    pub options: SandboxOptions,
}

impl SandboxSettings {
    /// An account that behaves as the defaults have it: idempotent, and nobody pays.
    pub fn new(account: impl Into<AccountName>, currency: Currency) -> SandboxSettings {
        SandboxSettings {
            account: account.into(),
            currency,
            options: SandboxOptions::default(),
        }
    }

    /// The same account with other options.
    #[must_use]
    pub fn with(mut self, options: SandboxOptions) -> SandboxSettings {
        self.options = options;
        self
    }
}

/// How a sandbox behaves, as the project file has it. Keys and words may be written with `_` or
/// `-`; every key may be left out; an unknown one is an error.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxOptions {
    /// What a repeated create does.
    pub profile: RepeatClass,
    /// What it plays.
    pub script: Script,
    /// How long a request takes in real time: half of it before the ledger is written, half
    /// between that and the answer. Counts only with a [`super::Pause`].
    #[serde(with = "span::option")]
    pub delay: Option<TimeDelta>,
    /// How long a link whose create answer was lost stays invisible to `find`.
    #[serde(with = "span")]
    pub settling: TimeDelta,
    /// Declared for the profile `lookup_only`; without it that profile allows no repeat.
    #[serde(alias = "request-life-max", with = "span::option")]
    pub request_life_max: Option<TimeDelta>,
    /// Declared for the profile `lookup_only`; without it that profile allows no repeat.
    #[serde(alias = "lookup-staleness-max", with = "span::option")]
    pub lookup_staleness_max: Option<TimeDelta>,
    /// Whether links can be closed early.
    pub deactivate: bool,
    /// Limits of the account.
    pub limits: Limits,
    /// Changes every token, URL and transaction id.
    pub seed: u64,
}

impl Default for SandboxOptions {
    fn default() -> SandboxOptions {
        SandboxOptions {
            profile: RepeatClass::Idempotent,
            script: Script::default(),
            delay: None,
            settling: TimeDelta::zero(),
            request_life_max: Some(TimeDelta::seconds(60)),
            lookup_staleness_max: Some(TimeDelta::seconds(30)),
            deactivate: true,
            limits: Limits::default(),
            seed: 0,
        }
    }
}

impl SandboxOptions {
    /// The class with the numbers that belong to it.
    pub(super) fn repeat(&self) -> RepeatSafety {
        let looked_up = self.profile == RepeatClass::LookupOnly;
        RepeatSafety {
            class: self.profile,
            request_life_max: self.request_life_max.filter(|_| looked_up),
            lookup_staleness_max: self.lookup_staleness_max.filter(|_| looked_up),
        }
    }
}
