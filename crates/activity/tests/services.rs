//! `call_service`: where it may go, what it sends, and what each answer means.

use std::sync::{Arc, Mutex};

use activity::{Attempted, HttpClient, HttpError, HttpRequest, HttpResponse, Outcome, World};
use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::{Value as Json, json};
use values::Value;

use crate::kit::{Kit, attempt, done, find, irr, number, outcome, text, unknown, world};

/// An HTTP client that answers as it is told and keeps what it was asked.
struct Scripted {
    answer: Result<HttpResponse, HttpError>,
    asked: Mutex<Vec<HttpRequest>>,
}

#[async_trait]
impl HttpClient for Scripted {
    async fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        self.asked.lock().unwrap().push(request.clone());
        self.answer.clone()
    }
}

fn answering(answer: Result<HttpResponse, HttpError>) -> (World, Arc<Scripted>) {
    let client = Arc::new(Scripted {
        answer,
        asked: Mutex::default(),
    });
    (
        World {
            http: Some(Arc::clone(&client) as Arc<dyn HttpClient>),
            ..world([])
        },
        client,
    )
}

fn status(status: u16, body: &str) -> Result<HttpResponse, HttpError> {
    let headers = vec![("retry-after".to_owned(), "120".to_owned())];
    Ok(HttpResponse {
        status,
        headers,
        body: body.as_bytes().to_vec(),
    })
}

fn base(method: &str) -> Json {
    json!({ "method": method, "url": "https://api.example.com/orders" })
}

async fn call(
    settings: &Json,
    answer: Result<HttpResponse, HttpError>,
    number: u32,
) -> (Attempted, Vec<HttpRequest>) {
    let kit = Kit::invoice();
    let request = kit.request(kit.ready("call_service", settings).as_ref());
    let (world, client) = answering(answer);
    let attempted = find("call_service")
        .perform(&request, &attempt(number), &world)
        .await;
    let asked = client.asked.lock().unwrap().clone();
    (attempted, asked)
}

#[tokio::test]
async fn a_call_carries_what_the_step_says_and_no_more() {
    let settings = json!({
        "method": "POST",
        "url": "https://API.example.com/orders/{{ item.note }}/pay?lang=fa&q={{ item.number }}",
        "query": { "express": true, "to": { "value": "item.due_date" } },
        "headers": { "Authorization": "Bearer env:COURIER_TOKEN", "X-Source": "charkh" },
        "body": {
            "amount": { "value": "item.final_amount" },
            "days": { "value": "item.pay_days" },
            "note": { "text": "Order {{ item.number }}" },
            "parts": [1, { "value": "item.urgent" }],
            "fixed": { "deep": ["x"] },
        },
        "timeout": "10s",
    });
    let kit = Kit::invoice().with_item("note", text("a/b?c&d=۵ #"));
    let request = kit.request(kit.ready("call_service", &settings).as_ref());
    let stored = serde_json::to_string(&request).unwrap();
    assert!(
        !stored.contains("s3cret") && stored.contains("env:COURIER_TOKEN"),
        "{stored}"
    );
    let (world, client) = answering(status(200, ""));
    done(
        find("call_service")
            .perform(&request, &attempt(1), &world)
            .await,
    );
    let asked = client.asked.lock().unwrap()[0].clone();
    assert_eq!(asked.method, "POST");
    assert_eq!(
        asked.url,
        "https://api.example.com/orders/a%2Fb%3Fc%26d%3D%DB%B5%20%23/pay\
         ?lang=fa&q=1405-17&express=true&to=2026-09-22"
    );
    let header = |name: &str| {
        let found: Vec<&str> = asked
            .headers
            .iter()
            .filter(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
            .collect();
        found.join("; ")
    };
    assert_eq!(header("authorization"), "Bearer s3cret");
    assert_eq!(header("x-source"), "charkh");
    assert_eq!(header("idempotency-key"), "ref-1");
    assert_eq!(header("content-type"), "application/json");
    let body: Json = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(
        body,
        json!({
            "amount": { "amount": "1500000", "currency": "IRR" },
            "days": 3,
            "note": "Order 1405-17",
            "parts": [1, null],
            "fixed": { "deep": ["x"] },
        })
    );
    assert_eq!(
        (asked.timeout, asked.response_bytes_max),
        (TimeDelta::seconds(10), 1024 * 1024)
    );
}

#[test]
fn a_token_cannot_leave_its_place_in_the_path() {
    let settings = json!({ "url": "https://api.example.com/a/{{ item.note }}/b" });
    for note in [Value::Empty, text(".."), text(".")] {
        let kit = Kit::invoice().with_item("note", note.clone());
        let outcome = kit.finished(kit.ready("call_service", &settings).as_ref());
        assert_eq!(outcome.code.as_deref(), Some("value_failed"), "{note:?}");
    }
}

#[test]
fn addresses_that_must_not_be_called_are_refused_when_the_workflow_is_loaded() {
    for url in [
        "http://api.example.com/",
        "ftp://api.example.com/",
        "api.example.com",
        "https://user:pass@api.example.com/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:192.168.0.1]/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://metadata.google.internal/",
        "https://{{ item.note }}/",
        "https://api.{{ item.note }}/",
        "https://api.example.com/a/../b",
        "https://api.example.com/a/%2e%2E/b",
        "https://api.example.com/#x",
        "https://api.example.com\\@evil.example.com/",
        "https://api.example.com/a b",
        "https://api.example.com/?{{ item.note }}=1",
        "https://api.example.com/?a=1?b",
    ] {
        let found = Kit::invoice().problems("call_service", &json!({ "url": url }));
        assert!(found[0].starts_with("WF0421 url: "), "{url}: {found:?}");
    }
}

#[test]
fn hosts_are_called_only_where_the_project_lists_them() {
    let kit = Kit::invoice();
    let elsewhere = json!({ "url": "https://api.example.org/" });
    assert_eq!(
        kit.problems("call_service", &elsewhere),
        ["WF0420 url: the project does not allow calls to `api.example.org`"]
    );
    kit.ready("call_service", &json!({ "url": "http://localhost:8080/x" }));
    let unlisted = kit.problems("call_service", &json!({ "url": "http://127.0.0.1:8080/" }));
    assert!(unlisted[0].starts_with("WF0420"), "{unlisted:?}");
    // Where the project is not known the workflow loads, and nothing is called.
    let unknown = Kit { hosts: None, ..kit };
    let outcome = unknown.finished(unknown.ready("call_service", &elsewhere).as_ref());
    assert_eq!(outcome.code.as_deref(), Some("host_not_allowed"));
}

#[test]
fn secrets_and_headers_are_checked() {
    let problems = |name: &str, value: &str| {
        let mut settings = base("POST");
        settings["headers"] = json!({ name: value });
        Kit::invoice()
            .prepare("call_service", &settings)
            .err()
            .map(|problems| problems[0].code)
    };
    for name in [
        "Authorization",
        "X-Api-Key",
        "x-auth-token",
        "Cookie",
        "My-Secret",
        "X-Password",
    ] {
        assert_eq!(problems(name, "abc"), Some("WF0419"), "{name}");
        assert_eq!(problems(name, "env:TOKEN"), None, "{name}");
        assert_eq!(problems(name, "file:/run/secrets/token"), None, "{name}");
        assert_eq!(problems(name, "Bearer env:TOKEN"), None, "{name}");
        assert_eq!(
            problems(name, "Bearer env:not a name"),
            Some("WF0419"),
            "{name}"
        );
    }
    for name in [
        "Host",
        "Content-Length",
        "Idempotency-Key",
        "Proxy-Authorization",
        "a b",
        "",
    ] {
        assert_eq!(problems(name, "x"), Some("WF0431"), "{name}");
    }
    assert_eq!(problems("X-Note", "a\r\nb"), Some("WF0431"));
    assert_eq!(problems("X-Note", "یادداشت"), Some("WF0431"));
    assert_eq!(problems("X-Note", "fine"), None);
}

#[test]
fn other_mistakes_have_their_codes() {
    let problems = |key: &str, value: Json| {
        let mut settings = base("POST");
        settings[key] = value;
        Kit::invoice().problems("call_service", &settings)
    };
    assert!(problems("method", json!("GRAB"))[0].starts_with("WF0404 method: "));
    assert!(problems("timeout", json!("5 minutes"))[0].starts_with("WF0433 timeout: "));
    assert!(problems("timeout", json!("5m"))[0].starts_with("WF0433 timeout: "));
    assert!(problems("into", json!({ "note": "a.b" }))[0].starts_with("WF0432 into.note: "));
    assert!(problems("into", json!({ "noet": "/a" }))[0].starts_with("WF0406 into.(noet): "));
    assert!(
        problems("body", json!({ "a": { "value": "item.nope" } }))[0]
            .starts_with("WF0412 body.a.value: ")
    );
    let mut deep = json!(1);
    for _ in 0..40 {
        deep = json!([deep]);
    }
    assert!(problems("body", deep)[0].starts_with("WF0402 body.0.0"));
    let mut settings = base("GET");
    settings["body"] = json!({ "a": 1 });
    let found = Kit::invoice().problems("call_service", &settings);
    assert_eq!(found, ["WF0402 (body): a GET call has no body"]);
}

/// Clause 37: each answer belongs to a class, and the class says what happens next.
#[tokio::test]
async fn each_answer_has_its_class() {
    let post = base("POST");
    let get = base("GET");
    let mut repeatable = base("POST");
    repeatable["idempotent"] = json!(true);
    for code in [200, 201, 204, 299] {
        done(call(&post, status(code, ""), 1).await.0);
    }
    for code in [429, 503] {
        match call(&post, status(code, ""), 1).await.0 {
            Attempted::Retry { after, .. } => assert_eq!(after, Some(TimeDelta::seconds(120))),
            other => panic!("{code}: {other:#?}"),
        }
        assert!(
            unknown(call(&repeatable, status(code, ""), 2).await.0)
                .1
                .is_some()
        );
        assert!(matches!(
            call(&get, status(code, ""), 2).await.0,
            Attempted::Retry { .. }
        ));
    }
    for code in [400, 404, 409, 422] {
        let ended = outcome(call(&post, status(code, ""), 1).await.0);
        assert_eq!(ended.code, Some(format!("http_{code}")));
    }
    let ended = outcome(call(&post, status(302, ""), 1).await.0);
    assert_eq!(ended.code.as_deref(), Some("redirected"));
    let ended = outcome(
        call(&post, Err(HttpError::Refused("10.0.0.1".into())), 1)
            .await
            .0,
    );
    assert_eq!(ended.code.as_deref(), Some("target_refused"));
    let not_sent = || Err(HttpError::NotSent("no route".into()));
    assert!(matches!(
        call(&post, not_sent(), 1).await.0,
        Attempted::Retry { .. }
    ));
    assert!(
        unknown(call(&repeatable, not_sent(), 2).await.0)
            .1
            .is_some()
    );
}

/// Clause 38: a lost answer is unknown; it is repeated only where a repeat is the same call.
#[tokio::test]
async fn a_lost_answer_is_repeated_only_where_that_is_safe() {
    let mut repeatable = base("POST");
    repeatable["idempotent"] = json!(true);
    for answer in [
        Err(HttpError::Unknown("cut off".into())),
        status(500, ""),
        status(502, "<html>"),
    ] {
        assert_eq!(
            unknown(call(&base("POST"), answer.clone(), 1).await.0).1,
            None
        );
        assert!(
            unknown(call(&repeatable, answer.clone(), 1).await.0)
                .1
                .is_some()
        );
        assert_eq!(
            unknown(call(&repeatable, answer.clone(), 20).await.0).1,
            None
        );
        assert!(matches!(
            call(&base("GET"), answer, 1).await.0,
            Attempted::Retry { .. }
        ));
    }
    let too_long = status(200, &"x".repeat(1024 * 1024 + 1));
    assert_eq!(
        unknown(call(&base("POST"), too_long, 1).await.0).0,
        "answer_too_large"
    );
}

/// Clause 38: after a crash a call that may have arrived is not sent twice.
#[tokio::test]
async fn a_call_that_may_have_arrived_is_not_sent_again() {
    let (attempted, asked) = call(&base("POST"), status(200, ""), 2).await;
    assert_eq!(unknown(attempted), ("outcome_unknown".to_owned(), None));
    assert!(asked.is_empty());
    let (attempted, asked) = call(&base("GET"), status(200, ""), 2).await;
    done(attempted);
    assert_eq!(asked.len(), 1);
}

#[tokio::test]
async fn a_missing_secret_or_client_sends_nothing() {
    let mut settings = base("POST");
    settings["headers"] = json!({ "Authorization": "env:OTHER" });
    let (attempted, asked) = call(&settings, status(200, ""), 1).await;
    assert!(matches!(attempted, Attempted::Retry { ref code, .. } if code == "secret_missing"));
    assert!(asked.is_empty());

    let kit = Kit::invoice();
    let request = kit.request(kit.ready("call_service", &base("POST")).as_ref());
    let ended = outcome(
        find("call_service")
            .perform(&request, &attempt(1), &world([]))
            .await,
    );
    assert_eq!(ended.code.as_deref(), Some("http_off"));
}

async fn kept(into: Json, body: &str) -> Outcome {
    let mut settings = base("GET");
    settings["into"] = into;
    let kit = Kit::invoice();
    let ready = kit.ready("call_service", &settings);
    let request = kit.request(ready.as_ref());
    let (world, _) = answering(status(200, body));
    let result = done(
        find("call_service")
            .perform(&request, &attempt(1), &world)
            .await,
    );
    kit.conclude(ready.as_ref(), &request, &result)
}

/// Clause 35: an answer is checked against the fields before it touches them.
#[tokio::test]
async fn values_of_an_answer_are_kept_by_type() {
    let body = r#"{
        "no": 123456, "days": 2.5, "count": 7, "ok": true, "when": "2026-09-05T10:00:00Z",
        "money": { "amount": "250000", "currency": "IRR" }, "list": ["r1", "r2"], "none": null,
        "rows": [{ "name": "first" }]
    }"#;
    let into = json!({
        "number": "/no", "pay_days": "/days", "reminders_sent": "/count", "urgent": "/ok",
        "reminded_at": "/when", "deposit": "/money", "receipts": "/list", "email": "/none",
        "note": "/rows/0/name",
    });
    let outcome = kept(into, body).await;
    assert_eq!(outcome.name, "success", "{outcome:?}");
    let set = outcome.changes.set;
    assert_eq!(set["number"], text("123456"));
    assert_eq!(set["pay_days"], number("2.5"));
    assert_eq!(set["reminders_sent"], number("7"));
    assert_eq!(set["urgent"], Value::Bool(true));
    assert_eq!(
        set["reminded_at"],
        Value::Instant(crate::kit::at("2026-09-05T10:00:00Z"))
    );
    assert_eq!(set["deposit"], Value::Money(irr(250_000)));
    let receipts = ["r1", "r2"].map(|id| Value::Receipt(id.to_owned()));
    assert_eq!(set["receipts"], Value::List(receipts.into()));
    assert_eq!(set["email"], Value::Empty);
    assert_eq!(set["note"], text("first"));
}

/// Clause 35: an answer without the value, or with another type, changes nothing.
#[tokio::test]
async fn an_answer_that_does_not_fit_is_an_error() {
    let rows = [
        (json!({ "note": "/missing" }), "{}", "answer_missing"),
        (json!({ "note": "/a" }), "not json", "answer_missing"),
        (
            json!({ "deposit": "/a" }),
            r#"{ "a": 1500000 }"#,
            "answer_of_wrong_type",
        ),
        (
            json!({ "deposit": "/a" }),
            r#"{ "a": { "amount": 1.5, "currency": "USD" } }"#,
            "answer_of_wrong_type",
        ),
        (
            json!({ "pay_days": "/a" }),
            r#"{ "a": 0.12345678901234567 }"#,
            "answer_of_wrong_type",
        ),
        (
            json!({ "pay_days": "/a" }),
            r#"{ "a": 1e300 }"#,
            "answer_of_wrong_type",
        ),
        (
            json!({ "priority": "/a" }),
            r#"{ "a": "urgent" }"#,
            "answer_of_wrong_type",
        ),
        (
            json!({ "note": "/a" }),
            r#"{ "a": { "b": 1 } }"#,
            "answer_of_wrong_type",
        ),
    ];
    for (into, body, code) in rows {
        let outcome = kept(into, body).await;
        assert_eq!(outcome.code.as_deref(), Some(code), "{body}");
        assert!(outcome.changes.set.is_empty(), "{body}");
    }
}
