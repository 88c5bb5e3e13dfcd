//! What settings are refused for.

use std::sync::Arc;

use messaging::{MailOverSmtp, MailSettings, SetupError, SmsOverHttp, SmsSettings};
use serde_json::{Value as Json, json};

use crate::provider::PlainClient;
use crate::{CANARY, secrets};

fn sms() -> Json {
    json!({ "url": "https://sms.example/send", "json": { "to": "{to}", "text": "{text}" } })
}

fn mail() -> Json {
    json!({ "host": "mail.example", "from": "a@crm.example" })
}

/// The settings with one key set.
fn with(mut settings: Json, key: &str, value: Json) -> Json {
    settings[key] = value;
    settings
}

#[test]
fn settings_of_a_provider_are_checked_key_by_key() {
    assert!(SmsSettings::read(&sms()).is_ok());
    for (key, value, says) in [
        ("url", json!("http://sms.example/send"), "not encrypted"),
        ("url", json!("http://localhost.example/"), "not encrypted"),
        ("url", json!("https://{to}.example/"), "before its path"),
        (
            "url",
            json!("https://sms.example/{nobody}"),
            "unknown placeholder",
        ),
        (
            "url",
            json!("https://sms.example/{secret.pin}"),
            "not under `secrets`",
        ),
        ("url", json!("https://sms.example/{to"), "a bracket"),
        (
            "url",
            json!("https://sms.example/\r\nX: y"),
            "is not an address",
        ),
        ("url", json!("https://a@sms.example/"), "is not an address"),
        ("method", json!("GET"), "no body"),
        ("method", json!("TRACE"), "unknown variant"),
        ("form", json!({ "to": "{to}" }), "beside `json`"),
        ("json", json!({ "text": "{text}" }), "{to}"),
        ("json", json!({ "to": "{to}" }), "{text}"),
        ("headers", json!({ "X-Token": CANARY }), "carries a secret"),
        (
            "headers",
            json!({ "Authorization": "Bearer x" }),
            "carries a secret",
        ),
        (
            "headers",
            json!({ "X-A": "a\r\nX-B: b" }),
            "no header takes",
        ),
        ("headers", json!({ "X A": "a" }), "name of a header"),
        ("headers", json!({ "X-A": "{text}" }), "no place"),
        ("headers", json!({ "X-A": "env:9" }), "names no secret"),
        ("secrets", json!({ "pin": CANARY }), "never as its value"),
        (
            "accepted",
            json!({ "pointer": "ok", "equals": 1 }),
            "JSON pointer",
        ),
        (
            "accepted",
            json!({ "pointer": "/ok", "equals": {} }),
            "compares",
        ),
        ("message_id", json!("id"), "JSON pointer"),
        ("timeout", json!("3h"), "from `1s`"),
        ("timeout", json!("soon"), "no length of time"),
        ("parts_max", json!(0), "from 1"),
        ("colour", json!("red"), "unknown field"),
    ] {
        let error = SmsSettings::read(&with(sms(), key, value.clone())).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(says), "{key}: {value}: {text}");
        assert!(!text.contains(CANARY), "{text}");
    }
    let keyed = with(sms(), "headers", json!({ "Idempotency-Key": "{key}" }));
    assert!(SmsSettings::read(&keyed).is_ok());
}

#[test]
fn settings_of_a_mail_server_are_checked_key_by_key() {
    assert!(MailSettings::read(&mail()).is_ok());
    for (key, value, says) in [
        ("host", json!(""), "name of a server"),
        ("host", json!("mail.example\r\n"), "name of a server"),
        ("tls", json!("none"), "this machine only"),
        ("tls", json!("maybe"), "unknown variant"),
        ("user", json!("me"), "needs a `password`"),
        ("password", json!("env:P"), "needs a `user`"),
        ("password", json!(CANARY), "never as its value"),
        (
            "from",
            json!("a@crm.example\r\nBcc: b@b.example"),
            "not allowed",
        ),
        ("from", json!("a@crm.example, b@b.example"), "not allowed"),
        ("from", json!("a@نمونه.example"), "Latin"),
        ("reply_to", json!("علی@crm.example"), "Latin"),
        ("from_name", json!("x\r\nBcc: b@b.example"), "invisible"),
        ("timeout", json!("0s"), "length of time"),
        ("colour", json!("red"), "unknown field"),
    ] {
        let error = MailSettings::read(&with(mail(), key, value.clone())).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(says), "{key}: {value}: {text}");
        assert!(!text.contains(CANARY), "{text}");
    }
    for host in ["127.0.0.1", "localhost", "::1"] {
        let settings = with(with(mail(), "host", json!(host)), "tls", json!("none"));
        assert!(MailSettings::read(&settings).is_ok(), "{host}");
    }
}

#[test]
fn a_missing_secret_is_named_by_its_place() {
    let settings = with(
        sms(),
        "headers",
        json!({ "Authorization": "Bearer env:NONE" }),
    );
    let settings = SmsSettings::read(&settings).unwrap();
    let error = SmsOverHttp::new(&settings, &secrets, Arc::new(PlainClient)).unwrap_err();
    assert!(matches!(&error, SetupError::SecretMissing(_)), "{error:?}");
    assert!(error.to_string().contains("env:NONE"), "{error}");
    let settings = with(
        with(mail(), "user", json!("me")),
        "password",
        json!("env:NONE"),
    );
    let settings = MailSettings::read(&settings).unwrap();
    let error = MailOverSmtp::new(&settings, &secrets).unwrap_err();
    assert!(error.to_string().contains("env:NONE"), "{error}");
}

#[test]
fn a_provider_on_this_machine_is_known_as_one() {
    let at = |url: &str| SmsSettings::read(&with(sms(), "url", json!(url))).unwrap();
    assert!(at("http://127.0.0.1:8080/send").is_loopback());
    assert!(!at("https://sms.example/127.0.0.1").is_loopback());
}
