//! How messages leave.

use std::collections::BTreeMap;

use host::Medium;
use messaging::{MailSettings, SetupError, SmsSettings};
use serde_json::Value as Json;

use crate::diagnostic::Findings;
use crate::project::Channel;
use crate::project::accounts::{Refusing, refused, secret_ref};
use crate::read::{self, Record};
use crate::syntax::Node;

/// The keys of the medium `sms`.
pub(crate) const SMS_KEYS: &[&str] = &["channel", "http"];

/// The keys of the medium `email`.
pub(crate) const EMAIL_KEYS: &[&str] = &["channel", "smtp"];

pub(super) fn messages(
    node: &Node,
    channels: &mut BTreeMap<Medium, Channel>,
    findings: &mut Findings,
) {
    let Some(record) = Record::open(node, "the list of media", &["sms", "email"], findings) else {
        return;
    };
    let sms = record.get("sms").and_then(|node| sms(node, findings));
    let email = record.get("email").and_then(|node| email(node, findings));
    channels.extend(sms.map(|channel| (Medium::Sms, channel)));
    channels.extend(email.map(|channel| (Medium::Email, channel)));
}

/// The channel of text messages. Its section is checked even while another one is used.
fn sms(node: &Node, findings: &mut Findings) -> Option<Channel> {
    let record = Record::open(node, "a medium", SMS_KEYS, findings)?;
    let settings = record
        .get("http")
        .and_then(|node| section("SMS", node, SmsSettings::read, findings));
    let settings = settings.map(|settings| Channel::Http(Box::new(settings)));
    chosen(&record, "http", settings, findings)
}

/// The channel of e-mail.
fn email(node: &Node, findings: &mut Findings) -> Option<Channel> {
    let record = Record::open(node, "a medium", EMAIL_KEYS, findings)?;
    let settings = record
        .get("smtp")
        .and_then(|node| section("e-mail", node, MailSettings::read, findings));
    let settings = settings.map(|settings| Channel::Smtp(Box::new(settings)));
    chosen(&record, "smtp", settings, findings)
}

/// The channel that the file names: the outbox, or the one with a section of its own.
fn chosen(
    record: &Record<'_>,
    own: &'static str,
    settings: Option<Channel>,
    findings: &mut Findings,
) -> Option<Channel> {
    let words = [("outbox", false), (own, true)];
    let node = record.need("channel", findings)?;
    if !read::word(node, "a channel", &words, findings)? {
        return Some(Channel::Outbox);
    }
    record.need(own, findings).and(settings)
}

/// The settings of a channel, as far as they are good.
fn section<T>(
    name: &str,
    node: &Node,
    read: fn(&Json) -> Result<T, SetupError>,
    findings: &mut Findings,
) -> Option<T> {
    if !secrets_are_elsewhere(node, findings) {
        return None;
    }
    match read(&node.to_json()) {
        Ok(settings) => Some(settings),
        Err(error) => {
            let what = Refusing {
                name: format!("the {name} channel"),
                label: "not a setting of this channel".to_owned(),
                page: "docs/messages.md".to_owned(),
            };
            findings.add(refused(&what, node, &error.to_string()));
            None
        }
    }
}

/// Whether what must be a secret is a reference to one. Where it is not, nothing else is said, so
/// that no message repeats it.
fn secrets_are_elsewhere(node: &Node, findings: &mut Findings) -> bool {
    let mut good = true;
    let password = node.entry("password");
    let named = node.entry("secrets");
    if let Some(entry) = named
        && Record::open_any(&entry.value, "the list of secrets", findings).is_none()
    {
        return false;
    }
    let named = named.and_then(|entry| entry.value.as_map());
    for entry in password.into_iter().chain(named.unwrap_or_default()) {
        good &= secret_ref(&entry.value, &entry.key, findings).is_some();
    }
    good
}
