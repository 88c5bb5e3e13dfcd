//! Gateways, against the promises of every gateway and their own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod conformance;
mod ledger;
mod playing;
mod pod;
mod robokassa;
mod settings;
mod sizpay;

use chrono::TimeDelta;
use payment::gateways::sandbox::Script;
use payment::gateways::{Sandbox, SandboxOptions, SandboxSettings};
use payment::{Call, LinkRequest, RepeatClass, Usage};
use values::{Currency, Locale, Money, Timestamp};

/// Nowruz 1405 in Tehran, at noon.
fn start() -> Timestamp {
    "2026-03-21T08:30:00Z".parse().unwrap()
}

fn after(length: TimeDelta) -> Timestamp {
    start() + length
}

fn call(at: Timestamp) -> Call {
    Call {
        now: at,
        send_by: at + TimeDelta::minutes(1),
    }
}

/// Parts of a second, minutes, hours and days, as the project file writes them.
fn span(text: &str) -> TimeDelta {
    values::parse_duration(text).unwrap()
}

fn request(reference: &str) -> LinkRequest {
    LinkRequest {
        reference: reference.to_owned(),
        amount: Money::from_minor(12_500_000, Currency::Irr).unwrap(),
        expires_at: after(TimeDelta::days(1)),
        description: "فاکتور ۱۴۰۵/۱۷".to_owned(),
        usage: Usage::OneTime,
        payer_mobile: None,
        comment: None,
        payer_name: Some("شرکت نمونه".to_owned()),
        locale: Locale::Fa,
        extras: std::collections::BTreeMap::new(),
    }
}

fn script(yaml: &str) -> Script {
    serde_yaml::from_str(yaml).unwrap()
}

fn settings(profile: RepeatClass, yaml: &str) -> SandboxSettings {
    SandboxSettings::new("حساب اصلی", Currency::Irr).with(SandboxOptions {
        profile,
        script: script(yaml),
        ..SandboxOptions::default()
    })
}

fn sandbox(profile: RepeatClass, yaml: &str) -> Sandbox {
    Sandbox::in_memory(settings(profile, yaml)).unwrap()
}

const PROFILES: [RepeatClass; 4] = [
    RepeatClass::Idempotent,
    RepeatClass::UniqueReference,
    RepeatClass::LookupOnly,
    RepeatClass::Nothing,
];

/// Every file of this folder is a module of this binary.
#[test]
fn no_test_file_is_forgotten() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let main = std::fs::read_to_string(folder.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let stem = entry
            .unwrap()
            .path()
            .file_stem()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        assert!(
            stem == "main" || main.contains(&format!("\nmod {stem};")),
            "{stem} is forgotten"
        );
    }
}
