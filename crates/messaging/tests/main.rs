//! Channels against servers that are played on this machine.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what tests share may fail as loudly as the tests themselves"
)]

mod mail;
mod mail_server;
mod parts;
mod provider;
mod settings;
mod sms;

use host::{Destination, Error, ErrorKind, Message, Retry};
use values::{Email, Locale, Mobile, Secret, SecretRef};

/// A secret that must not show anywhere.
const CANARY: &str = "canary-7f3a";

/// Every secret is the canary, except `env:NONE`.
fn secrets(reference: &SecretRef) -> Option<Secret> {
    (reference.to_string() != "env:NONE").then(|| Secret::new(CANARY))
}

fn text_to(mobile: &str, body: &str) -> Message {
    Message {
        to: Destination::Mobile(Mobile::parse(mobile).unwrap()),
        locale: Locale::Fa,
        subject: None,
        body: body.to_owned(),
    }
}

fn letter_to(email: &str, subject: &str, body: &str) -> Message {
    Message {
        to: Destination::Email(Email::parse(email).unwrap()),
        locale: Locale::Fa,
        subject: Some(subject.to_owned()),
        body: body.to_owned(),
    }
}

/// What becomes of a message after an error.
fn fate(error: &Error) -> &'static str {
    match (error.kind, error.retry) {
        (ErrorKind::Unavailable, Retry::Later) => "later",
        (ErrorKind::Rejected, Retry::Never) => "never",
        (ErrorKind::Timeout, Retry::SameKey) => "unclear",
        (ErrorKind::Timeout, Retry::Never) => "given up",
        other => panic!("{other:?}"),
    }
}
