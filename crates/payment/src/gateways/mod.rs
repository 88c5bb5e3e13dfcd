//! The gateways that ship, as one visible list.
//!
//! A gateway of an embedder is the same [`crate::Gateway`] in a crate of theirs; it needs no line
//! here.

pub mod sandbox;

pub use sandbox::{Sandbox, SandboxOptions, SandboxSettings};

/// One gateway that ships, as the loader and the command line need to know it.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    /// The word after `gateway:` in the project file.
    pub name: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// One sentence for people.
    pub summary: &'static str,
    /// Whether no real money moves.
    pub sandbox: bool,
    /// Whether it needs an outgoing HTTP client.
    pub network: bool,
    /// Names of the secrets an account of it needs.
    pub secrets: &'static [&'static str],
    /// Checks an account's section of the project file, without building anything.
    pub check_options: fn(&serde_json::Value) -> Result<(), OptionsError>,
}

/// An account's section that the gateway cannot read.
#[derive(Debug, thiserror::Error)]
#[error("options of gateway {gateway}: {source}")]
pub struct OptionsError {
    /// The gateway.
    pub gateway: &'static str,
    /// What is wrong with the section.
    pub source: serde_json::Error,
}

/// Every gateway that ships, by name.
pub const BUILT_IN: &[BuiltIn] = &[sandbox::BUILT_IN];

/// The shipped gateway of that name.
pub fn built_in(name: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|gateway| gateway.name == name)
}
