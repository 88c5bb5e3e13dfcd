//! SMS through a provider on this machine.

use std::sync::Arc;

use host::{Error, Messenger as _};
use messaging::{SmsOverHttp, SmsSettings};
use serde_json::{Value as Json, json};
use values::TimeDelta;

use crate::provider::{PlainClient, Provider, answer};
use crate::{CANARY, fate, letter_to, secrets, text_to};

const KEY: &str = "invoice/INV-1/make_link/1/sms/0";
const MOBILE: &str = "+989121112233";

fn channel(provider: &Provider, more: Json) -> SmsOverHttp {
    let mut settings = json!({
        "url": format!("http://{}/v1/send", provider.address),
        "headers": { "Authorization": "Bearer env:TOKEN", "Idempotency-Key": "{key}" },
        "json": { "to": ["{to}"], "text": "{text}", "line": 3000, "n": "{key.number}" },
        "accepted": { "pointer": "/status", "equals": 1, "later": ["busy"] },
        "message_id": "/messages/0/id",
        "reason": "/error",
    });
    for (key, value) in more.as_object().unwrap() {
        settings[key] = value.clone();
    }
    // A key without a value is one that is left out.
    settings
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    let settings = SmsSettings::read(&settings).unwrap();
    SmsOverHttp::new(&settings, &secrets, Arc::new(PlainClient)).unwrap()
}

/// What one scripted answer leads to.
async fn after(answer: String, more: Json) -> Result<Option<String>, Error> {
    let provider = Provider::with(vec![answer]).await;
    let channel = channel(&provider, more);
    let sent = channel.send(KEY, &text_to(MOBILE, "سلام")).await;
    sent.map(|delivery| delivery.channel_ref)
}

#[tokio::test]
async fn a_message_becomes_one_request_with_its_key_and_its_text_untouched() {
    let accepted = answer(200, "", r#"{"status":"1","messages":[{"id":77}]}"#);
    let provider = Provider::with(vec![accepted.clone(), accepted]).await;
    let channel = channel(&provider, json!({}));
    let text = "\"۴۵۰٬۰۰۰ ریال\"\nhttps://pay.example/INV-1042?a=1&b={to} 🙂";
    for _ in 0..2 {
        let delivery = channel.send(KEY, &text_to(MOBILE, text)).await.unwrap();
        assert_eq!(delivery.channel_ref.as_deref(), Some("77"));
    }
    let heard = provider.heard();
    let (head, body) = heard[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/send HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("\r\nAuthorization: Bearer {CANARY}\r\n")));
    assert!(head.contains(&format!("\r\nIdempotency-Key: {KEY}\r\n")));
    assert!(head.contains("content-type: application/json; charset=utf-8"));
    let body: Json = serde_json::from_str(body).unwrap();
    assert_eq!(body["to"], json!(["+989121112233"]));
    assert_eq!(body["text"], json!(text));
    assert_eq!(body["line"], json!(3000));
    let number: u64 = body["n"].as_str().unwrap().parse().unwrap();
    assert!((1..1 << 53).contains(&number));
    // A repeat is the same request to the last byte.
    assert_eq!(heard[0], heard[1]);
}

#[tokio::test]
async fn a_form_and_an_address_are_encoded() {
    let provider = Provider::with(vec![answer(200, "", "ok"), answer(200, "", "ok")]).await;
    let form = channel(
        &provider,
        json!({
            "json": null, "accepted": null, "numbers": "national",
            "secrets": { "pin": "env:PIN" },
            "form": { "password": "{secret.pin}", "to": "{to}", "text": "{text}", "n": 1 },
        }),
    );
    form.send(KEY, &text_to(MOBILE, "a&to=0 س")).await.unwrap();
    let address = channel(
        &provider,
        json!({
            "json": null, "accepted": null, "method": "GET", "numbers": "digits",
            "secrets": { "pin": "env:PIN" },
            "url": format!("http://{}/{{secret.pin}}/{{{{x}}}}?to={{to}}&m={{text}}&id={{key.hex}}", provider.address),
        }),
    );
    let text = text_to(MOBILE, "a&to=0 س\r\nX: y");
    address.send(KEY, &text).await.unwrap();
    let heard = provider.heard();
    assert!(
        heard[0].ends_with(&format!(
            "n=1&password={CANARY}&text=a%26to%3D0%20%D8%B3&to=09121112233"
        )),
        "{}",
        heard[0]
    );
    let line = heard[1].lines().next().unwrap();
    let start =
        format!("GET /{CANARY}/{{x}}?to=989121112233&m=a%26to%3D0%20%D8%B3%0D%0AX%3A%20y&id=");
    assert!(line.starts_with(&start), "{line}");
}

#[tokio::test]
async fn numbers_of_other_countries_stay_international() {
    let provider = Provider::with(vec![answer(200, "", "ok"); 2]).await;
    let channel = channel(
        &provider,
        json!({ "accepted": null, "numbers": "national" }),
    );
    for (mobile, written) in [
        ("+79121234567", "89121234567"),
        ("+4915112345678", "+4915112345678"),
    ] {
        channel.send(KEY, &text_to(mobile, "x")).await.unwrap();
        assert!(
            provider
                .heard()
                .last()
                .unwrap()
                .contains(&format!("[\"{written}\"]"))
        );
    }
}

#[tokio::test]
async fn an_answer_decides_what_is_done_next() {
    let json = |status: u16, body: &str| answer(status, "", body);
    for (answer, expected) in [
        (json(200, r#"{"status":"busy"}"#), "later"),
        (json(200, r#"{"status":2,"error":"no credit"}"#), "never"),
        (json(200, r#"{"state":1}"#), "unclear"),
        (json(200, "<html>welcome</html>"), "unclear"),
        (json(200, r#"{"status":1"#), "unclear"),
        (json(204, ""), "unclear"),
        (json(302, ""), "never"),
        (json(400, r#"{"error":"bad receptor"}"#), "never"),
        (json(401, ""), "never"),
        (json(408, ""), "unclear"),
        (json(409, ""), "unclear"),
        (json(429, ""), "later"),
        (json(500, ""), "unclear"),
        (json(503, ""), "unclear"),
        (String::new(), "unclear"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".to_owned(),
            "unclear",
        ),
    ] {
        let error = after(answer.clone(), json!({})).await.unwrap_err();
        assert_eq!(fate(&error), expected, "{answer}: {error}");
    }
    let refused = after(json(400, r#"{"error":"bad receptor"}"#), json!({})).await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("400: bad receptor")
    );
}

#[tokio::test]
async fn nothing_was_sent_where_nobody_listens() {
    let provider = Provider::with(Vec::new()).await;
    let channel = channel(&provider, json!({}));
    // The script is over, so the listener closes once its task has run.
    tokio::task::yield_now().await;
    let error = channel.send(KEY, &text_to(MOBILE, "x")).await.unwrap_err();
    assert_eq!(fate(&error), "later", "{error}");
}

#[tokio::test]
async fn the_wait_that_a_provider_asks_for_is_handed_on() {
    for (header, seconds) in [
        ("retry-after: 30\r\n", Some(30)),
        ("retry-after: 4000000000\r\n", Some(86_400)),
        ("retry-after: -1\r\n", None),
        ("retry-after: Fri, 31 Dec 1999 23:59:59 GMT\r\n", None),
        ("", None),
    ] {
        let error = after(answer(429, header, ""), json!({})).await.unwrap_err();
        assert_eq!(
            error.retry_after,
            seconds.map(TimeDelta::seconds),
            "{header}"
        );
    }
}

#[tokio::test]
async fn what_is_unclear_may_be_given_up_instead() {
    let give_up = json!({ "unclear": "give_up" });
    let error = after(answer(500, "", ""), give_up.clone())
        .await
        .unwrap_err();
    assert_eq!(fate(&error), "given up");
    // What is clear stays as it is.
    let error = after(answer(429, "", ""), give_up).await.unwrap_err();
    assert_eq!(fate(&error), "later");
}

#[tokio::test]
async fn a_conflict_without_a_key_is_a_refusal() {
    let keyless = json!({ "headers": null, "json": { "to": "{to}", "text": "{text}" } });
    let error = after(answer(409, "", ""), keyless).await.unwrap_err();
    assert_eq!(fate(&error), "never");
}

#[tokio::test]
async fn no_secret_shows_in_an_error_or_in_debug() {
    let echo = format!(r#"{{"status":2,"error":"token {CANARY} is bad\r\n\u202e"}}"#);
    let odd = format!(r#"{{"status":"{CANARY}"}}"#);
    let id = format!(r#"{{"status":1,"messages":[{{"id":"{CANARY}"}}]}}"#);
    for answer in [
        answer(200, "", &echo),
        answer(400, "", &echo),
        answer(500, "", &echo),
        answer(200, "", &odd),
        String::new(),
    ] {
        let error = after(answer, json!({})).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(CANARY), "{shown}");
        assert!(!error.message.contains(['\r', '\n', '\u{202e}']), "{shown}");
    }
    let reference = after(answer(200, "", &id), json!({})).await.unwrap();
    assert_eq!(reference.as_deref(), Some("***"));
    let provider = Provider::with(Vec::new()).await;
    let url = format!("http://{}/{{secret.pin}}", provider.address);
    let channel = channel(
        &provider,
        json!({ "url": url, "secrets": { "pin": "env:PIN" } }),
    );
    tokio::task::yield_now().await;
    let error = channel.send(KEY, &text_to(MOBILE, "x")).await.unwrap_err();
    assert!(
        !format!("{error:?} {channel:?}").contains(CANARY),
        "{error:?} {channel:?}"
    );
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_anything_is() {
    let provider = Provider::with(Vec::new()).await;
    let channel = channel(&provider, json!({ "parts_max": 2 }));
    for (key, message) in [
        (KEY, text_to(MOBILE, "")),
        (KEY, text_to(MOBILE, &"س".repeat(135))),
        (KEY, text_to(MOBILE, &"x".repeat(10 * 1024 * 1024))),
        (KEY, letter_to("a@example.com", "x", "y")),
        ("a\r\nX: y", text_to(MOBILE, "x")),
        ("کلید", text_to(MOBILE, "x")),
    ] {
        let error = channel.send(key, &message).await.unwrap_err();
        assert_eq!(fate(&error), "never", "{error}");
        assert!(error.to_string().len() < 200);
    }
    assert!(provider.heard().is_empty());
}
