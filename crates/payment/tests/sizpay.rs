//! SizPay's wire, byte for byte, and what its answers are worth.

#![expect(clippy::indexing_slicing, reason = "a test may panic")]

use chrono::TimeDelta;
use payment::gateways::{AccountSettings, BuiltIn, Secret, SetupError, built_in};
use payment::{
    Ask, Callback, CallbackParts, Conversation, CreatedLink, DUPLICATE_REFERENCE, Effect,
    ErrorClass, Found, GatewayError, LinkRequest, LinkStatus, ListSpan, Operation, OperationName,
    ProviderRef, RepeatClass, StatusReport, Translator, Usage,
};
use serde_json::{Value, json};
use transport::{HttpRequest, HttpResponse};
use values::{Currency, Money, Zone};

use super::{after, request as plain_request, span, start};

const USER: &str = "CANARY/user+name==";
const PASSWORD: &str = "CANARY/pass+word==";
const PAGE: &str = "CANARY-page";
const SIGNED: &str = r#"{"UserName":"CANARY/user+name==","Password":"CANARY/pass+word==","PayLinkName":"CANARY-page","#;
const BASE: &str = "https://pysrvc.sizpay.ir/api/PayLinkSend/";

fn listed() -> &'static BuiltIn {
    built_in("sizpay").unwrap()
}

fn settings(options: Value) -> AccountSettings {
    let secret = |name: &str, text: &str| (name.to_owned(), Secret::new(text));
    AccountSettings {
        account: "main".into(),
        currency: Currency::Irr,
        options,
        secrets: [
            secret("user_name", USER),
            secret("password", PASSWORD),
            secret("pay_link_name", PAGE),
        ]
        .into(),
        callback_url: None,
        zone: Zone::UTC,
    }
}

fn adapter(options: Value) -> std::sync::Arc<dyn Translator> {
    (listed().adapter.unwrap())(&settings(options)).unwrap()
}

/// What a status reply would be if it were documented.
fn reply() -> Value {
    json!({
        "list": "Data", "id": "PayLinkSendID", "invoice_no": "InvoiceNo", "amount": "Amount",
        "status": "Stat", "sent_words": [0], "paid_words": [1, "پرداخت شده"],
        "disabled_words": ["2"], "paid_disabled_words": [3], "transaction": "RefNo",
        "tracking_no": "TraceNo", "paid_at": "PayDate", "url": "PayLinkURL",
    })
}

fn documented() -> std::sync::Arc<dyn Translator> {
    adapter(json!({ "status_reply": reply() }))
}

fn request(reference: &str) -> LinkRequest {
    LinkRequest {
        payer_mobile: Some("+989120000000".to_owned()),
        ..plain_request(reference)
    }
}

fn answer(body: impl ToString) -> HttpResponse {
    HttpResponse {
        status: 200,
        headers: Vec::new(),
        body: body.to_string().into_bytes(),
    }
}

fn asked<T>(conversation: Conversation<T>) -> Ask<T> {
    match conversation {
        Conversation::Ask(ask) => ask,
        Conversation::Ended(_) => panic!("nothing is asked"),
    }
}

fn ended<T>(conversation: Conversation<T>) -> Result<T, GatewayError> {
    match conversation {
        Conversation::Ended(end) => end,
        Conversation::Ask(ask) => panic!("asks once more: {:?}", ask.request),
    }
}

/// Holds a conversation with answers in order; a missing one is a broken test.
fn hold<T>(
    mut conversation: Conversation<T>,
    answers: &[HttpResponse],
) -> (Result<T, GatewayError>, Vec<String>) {
    let mut answers = answers.iter();
    let mut bodies = Vec::new();
    loop {
        match conversation {
            Conversation::Ended(end) => {
                assert!(answers.next().is_none(), "an answer is left over");
                return (end, bodies);
            }
            Conversation::Ask(ask) => {
                let body = body_of(&ask.request);
                let body = body.strip_prefix(SIGNED).unwrap().to_owned();
                bodies.push(body);
                conversation = ask.answered(answers.next().unwrap().clone());
            }
        }
    }
}

fn body_of(request: &HttpRequest) -> String {
    String::from_utf8(request.body.clone()).unwrap()
}

fn created() -> CreatedLink {
    let ask = asked(documented().create(start(), &request("1405017")));
    let body = r#"{"PayLinkSendID":31007,"PayLinkURL":"https://me.sizpay.ir/acme/0200310071","ResCod":1,"Message":""}"#;
    ended(ask.answered(answer(body))).unwrap()
}

fn created_ref() -> ProviderRef {
    created().provider_ref
}

/// The same link as it is known after a look-up of a reply without numbers.
fn without_id() -> ProviderRef {
    let mut link = created_ref();
    link.0.remove("send_id");
    link
}

fn row() -> Value {
    json!({
        "PayLinkSendID": 31007, "InvoiceNo": "1405017", "Amount": 12_500_000, "Stat": 1,
        "RefNo": "700000031007", "TraceNo": 54321, "PayDate": "1405/01/02 10:30:00",
        "PayLinkURL": "https://me.sizpay.ir/acme/0200310071",
    })
}

fn row_with(changes: Value) -> Value {
    let mut row = row();
    for (name, value) in changes.as_object().unwrap() {
        row[name.as_str()] = value.clone();
    }
    row
}

fn rows(rows: &[Value]) -> HttpResponse {
    answer(json!({ "ResCod": 1, "Message": "", "Data": rows }))
}

fn read(row: &Value) -> StatusReport {
    let conversation = documented().status(after(span("2d")), &created_ref());
    hold(conversation, &[rows(std::slice::from_ref(row))])
        .0
        .unwrap()
}

#[test]
fn a_create_is_these_bytes() {
    let ask = asked(adapter(json!({})).create(start(), &request("1405017")));
    assert_eq!(ask.effect, Effect::Changes);
    assert_eq!(ask.request.method, "POST");
    assert_eq!(ask.request.url, format!("{BASE}PayLinkSend"));
    let headers: Vec<(&str, &str)> = ask
        .request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let json = "application/json";
    assert_eq!(headers, [("content-type", json), ("accept", json)]);
    let expected = format!(
        "{SIGNED}{}",
        r#""Amount":12500000,"MobileNo":"09120000000","InvoiceNo":"1405017","CustomerName":"شرکت نمونه","Description":"فاکتور ۱۴۰۵/۱۷"}"#
    );
    assert_eq!(body_of(&ask.request), expected);
}

#[test]
fn a_created_link_is_named_by_everything_a_later_request_needs() {
    let link = created();
    assert_eq!(link.url, "https://me.sizpay.ir/acme/0200310071");
    assert_eq!((link.url_valid_until, link.amount), (None, None));
    let expected = [
        ("amount", "12500000"),
        ("invoice_no", "1405017"),
        ("reference", "1405017"),
        ("send_date", "1405/01/01"),
        ("send_id", "31007"),
    ];
    let named: Vec<(&str, &str)> = link
        .provider_ref
        .0
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(named, expected);
}

#[test]
fn the_other_changes_are_these_bytes() {
    let adapter = documented();
    let by_id = r#""PayLinkSendID":31007,"PayLinkFactorNo":"","PayLinkFactorDate":"1405/01/01"}"#;
    let by_number =
        r#""PayLinkSendID":0,"PayLinkFactorNo":"1405017","PayLinkFactorDate":"1405/01/01"}"#;
    for (link, expected) in [(created_ref(), by_id), (without_id(), by_number)] {
        let disable = asked(adapter.deactivate(start(), &link).unwrap());
        assert_eq!(disable.request.url, format!("{BASE}PayLinkDisable"));
        assert_eq!(disable.effect, Effect::Changes);
        assert_eq!(body_of(&disable.request), format!("{SIGNED}{expected}"));
        ended(disable.answered(answer(r#"{"ResCod":1,"Message":""}"#))).unwrap();

        let resend = asked(adapter.operate(start(), &link, &Operation::Resend));
        assert_eq!(resend.request.url, format!("{BASE}PayLinkReSend"));
        assert_eq!(resend.effect, Effect::Changes);
        assert_eq!(body_of(&resend.request), format!("{SIGNED}{expected}"));
        ended(resend.answered(answer(r#"{"ResCod":"1"}"#))).unwrap();
    }
    let other = ended(adapter.operate(start(), &created_ref(), &Operation::MarkPaid));
    assert_eq!(other.unwrap_err().code, "unsupported_operation");
}

#[test]
fn a_status_request_is_these_bytes() {
    let adapter = documented();
    let by_id =
        r#""PayLinkSendDate":"1405/01/01","PayLinkFilterTyp":0,"PayLinkFilterList":"31007"}"#;
    let by_number =
        r#""PayLinkSendDate":"1405/01/01","PayLinkFilterTyp":1,"PayLinkFilterList":"1405017"}"#;
    for (link, expected) in [(created_ref(), by_id), (without_id(), by_number)] {
        let ask = asked(adapter.status(start(), &link));
        assert_eq!(ask.request.url, format!("{BASE}PayLinkPayStatus"));
        assert_eq!(ask.effect, Effect::Reads);
        assert_eq!(body_of(&ask.request), format!("{SIGNED}{expected}"));
        assert_eq!(
            ended(ask.answered(rows(&[row()]))).unwrap().status,
            LinkStatus::Paid
        );
    }
}

/// Days are SizPay's: in Tehran, after midnight there and before midnight in Greenwich.
#[test]
fn the_day_of_a_link_is_the_day_in_tehran() {
    for (at, day) in [
        ("2026-03-20T20:29:59Z", "1404/12/29"),
        ("2026-03-20T20:30:00Z", "1405/01/01"),
        ("2025-03-20T08:00:00Z", "1403/12/30"),
    ] {
        let ask = asked(documented().create(at.parse().unwrap(), &request("1405017")));
        let body = r#"{"PayLinkSendID":1,"PayLinkURL":"https://me.sizpay.ir/a/1","ResCod":1}"#;
        let link = ended(ask.answered(answer(body))).unwrap();
        assert_eq!(link.provider_ref.0["send_date"], day, "{at}");
    }
}

#[test]
fn a_link_is_looked_for_on_the_neighbouring_days_too() {
    let adapter = documented();
    let (report, bodies) = hold(
        adapter.status(start(), &created_ref()),
        &[rows(&[]), rows(&[]), rows(&[row()])],
    );
    assert_eq!(report.unwrap().status, LinkStatus::Paid);
    let days = ["1405/01/01", "1405/01/02", "1404/12/29"];
    for (body, day) in bodies.iter().zip(days) {
        assert!(body.contains(day), "{body}");
    }
    let (absent, _) = hold(
        adapter.status(start(), &created_ref()),
        &[rows(&[]), rows(&[]), rows(&[])],
    );
    let absent = absent.unwrap_err();
    assert_eq!(
        (absent.class, absent.code.as_str()),
        (ErrorClass::Retryable, "link_not_listed")
    );
}

#[test]
fn many_links_are_read_by_day_in_lists_of_fifty() {
    let links: Vec<ProviderRef> = (1..=120)
        .map(|number: u64| {
            let mut link = created_ref();
            let late = number > 60;
            let day = if late { "1405/01/02" } else { "1405/01/01" };
            link.0.insert("send_id".to_owned(), number.to_string());
            link.0.insert("send_date".to_owned(), day.to_owned());
            link
        })
        .collect();
    let sizes = |bodies: &[String]| -> Vec<(String, usize)> {
        bodies
            .iter()
            .map(|body| {
                let body: Value = serde_json::from_str(&format!("{{{body}")).unwrap();
                let day = body["PayLinkSendDate"].as_str().unwrap().to_owned();
                let list = body["PayLinkFilterList"].as_str().unwrap();
                (day, list.split(',').filter(|name| !name.is_empty()).count())
            })
            .collect()
    };
    let day = |day: &str, count| (format!("1405/01/{day}"), count);
    let one = rows(&[row_with(json!({ "PayLinkSendID": 60, "Stat": 0 }))]);
    let (reports, bodies) = hold(
        documented().status_many(start(), &links).unwrap(),
        &[rows(&[]), one.clone(), rows(&[]), rows(&[])],
    );
    let expected = [day("01", 50), day("01", 10), day("02", 50), day("02", 10)];
    assert_eq!(sizes(&bodies), expected);
    let reports = reports.unwrap();
    assert_eq!((reports.len(), reports[0].status), (1, LinkStatus::Created));

    let options = json!({ "status_reply": reply(), "status_by": "day" });
    let (reports, bodies) = hold(
        adapter(options).status_many(start(), &links).unwrap(),
        &[one, rows(&[])],
    );
    assert_eq!(sizes(&bodies), [day("01", 0), day("02", 0)]);
    assert_eq!(reports.unwrap().len(), 1);
}

#[test]
fn nothing_is_asked_for_no_links() {
    let none = ended(documented().status_many(start(), &[]).unwrap()).unwrap();
    assert_eq!(none, []);
}

#[test]
fn the_order_number_is_digits_that_follow_from_account_and_reference() {
    let adapter = documented();
    for (reference, expected) in [
        ("1405017", "1405017"),
        ("r-1", "762546404011094"),
        ("999999999999999", "999999999999999"),
    ] {
        assert_eq!(adapter.order_no(reference), expected);
    }
    let mut seen = std::collections::BTreeSet::new();
    for reference in [
        "۱۴۰۵",
        "1405 ",
        "0140",
        "1000000000000000",
        "",
        "r-1",
        "r-2",
        "1,2",
    ] {
        let number = adapter.order_no(reference);
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        assert!(
            digits && (1..=16).contains(&number.len()),
            "{reference}: {number}"
        );
        assert!(number.parse::<u64>().unwrap() < 1 << 53);
        assert!(seen.insert(number), "{reference}");
    }
    let mut other = settings(json!({}));
    other.account = "second".into();
    let other = (listed().adapter.unwrap())(&other).unwrap();
    assert_ne!(other.order_no("r-1"), adapter.order_no("r-1"));
}

#[test]
fn only_an_explicit_success_with_a_link_is_a_link() {
    let url = "https://me.sizpay.ir/acme/0200310071";
    let good =
        |code: Value, id: Value| json!({ "ResCod": code, "PayLinkSendID": id, "PayLinkURL": url });
    for (code, id) in [
        (json!(1), json!(31007)),
        (json!("1"), json!("31007")),
        (json!("۱"), json!("۳۱۰۰۷")),
    ] {
        let ask = asked(documented().create(start(), &request("1405017")));
        let link = ended(ask.answered(answer(good(code, id)))).unwrap();
        assert_eq!(link.provider_ref, created_ref());
    }
    let without_url =
        |url: Value| json!({ "ResCod": 1, "PayLinkSendID": 31007, "PayLinkURL": url });
    let unclear = [
        good(json!(1), json!(0)),
        good(json!(1), json!(-5)),
        good(json!(1), json!(null)),
        good(json!(1), json!("31007.0")),
        good(json!(1), json!(31007.5)),
        good(json!(1.0), json!(31007)),
        good(json!("01"), json!(31007)),
        good(json!(true), json!(31007)),
        good(json!([1]), json!(31007)),
        good(json!(0), json!(31007)),
        good(json!("00"), json!(31007)),
        good(json!(-4), json!(0)),
        without_url(json!("http://me.sizpay.ir/acme/0200310071")),
        without_url(json!("https://")),
        without_url(json!("https://me.sizpay.ir@evil.example/")),
        without_url(json!("https://me.sizpay.ir/a b")),
        without_url(json!("http://127.0.0.1/acme/02")),
        without_url(json!(["https://me.sizpay.ir/acme/0200310071"])),
        without_url(json!(null)),
        json!({ "PayLinkSendID": 31007, "PayLinkURL": url }),
        json!([]),
        json!(null),
    ];
    for body in unclear.iter().map(Value::to_string).chain([
        String::new(),
        "<html>".to_owned(),
        r#"{"ResCod":1,"PayLinkSendID":310"#.to_owned(),
        format!(r#"{{"ResCod":-1,"ResCod":1,"PayLinkSendID":31007,"PayLinkURL":"{url}"}}"#),
    ]) {
        let ask = asked(documented().create(start(), &request("1405017")));
        let error = ended(ask.answered(answer(&body))).unwrap_err();
        assert_eq!(error.class, ErrorClass::Ambiguous, "{body}: {error}");
    }
}

#[test]
fn a_refusal_is_permanent_unless_the_account_knows_better() {
    let options = json!({ "result_codes": {
        "0": "refused", "-2": "try_later", "-3": "unknown", "-56806": "duplicate",
        "-6": "too_soon", "-7": "resend_limit", "-4": "already_paid", "-5": "not_found",
    }});
    let cases = [
        (0, ErrorClass::Permanent, "refused"),
        (-1, ErrorClass::Permanent, "refused"),
        (-2, ErrorClass::Retryable, "try_later"),
        (-3, ErrorClass::Ambiguous, "outcome_unknown"),
        (-56806, ErrorClass::Permanent, DUPLICATE_REFERENCE),
        (-6, ErrorClass::Retryable, "resend_too_soon"),
        (-7, ErrorClass::Permanent, "resend_limit"),
        (-4, ErrorClass::Permanent, "already_paid"),
        (-5, ErrorClass::Permanent, "link_not_found"),
    ];
    let adapter = adapter(options);
    for (code, class, name) in cases {
        let body = json!({ "ResCod": code.to_string(), "Message": "نشد", "PayLinkSendID": 0, "PayLinkURL": "" });
        let send = asked(adapter.create(start(), &request("1405017")));
        let resend = asked(adapter.operate(start(), &created_ref(), &Operation::Resend));
        for error in [
            ended(send.answered(answer(&body))).unwrap_err(),
            ended(resend.answered(answer(&body))).unwrap_err(),
        ] {
            assert_eq!((error.class, error.code.as_str()), (class, name), "{code}");
            assert_eq!(error.provider_code, Some(code.to_string()));
            assert!(error.message.ends_with(": نشد"), "{error}");
            let pause = (code == -6).then(|| span("2m"));
            assert_eq!(error.retry_after, pause);
        }
    }
}

/// Clause 38: without an answer that can be trusted a change may have happened, a reading has not.
#[test]
fn an_http_status_says_whether_anything_happened() {
    let cases = [
        (429, ErrorClass::Retryable, ErrorClass::Retryable),
        (400, ErrorClass::Permanent, ErrorClass::Permanent),
        (401, ErrorClass::Permanent, ErrorClass::Permanent),
        (302, ErrorClass::Ambiguous, ErrorClass::Retryable),
        (408, ErrorClass::Ambiguous, ErrorClass::Retryable),
        (500, ErrorClass::Ambiguous, ErrorClass::Retryable),
        (503, ErrorClass::Ambiguous, ErrorClass::Retryable),
    ];
    for (status, change, reading) in cases {
        let response = HttpResponse {
            status,
            headers: vec![("retry-after".to_owned(), "30".to_owned())],
            ..answer(r#"{"ResCod":1,"PayLinkSendID":1,"PayLinkURL":"https://me.sizpay.ir/a"}"#)
        };
        let adapter = documented();
        let send = asked(adapter.create(start(), &request("1405017")));
        let sent = ended(send.answered(response.clone())).unwrap_err();
        let disable = asked(adapter.deactivate(start(), &created_ref()).unwrap());
        let disabled = ended(disable.answered(response.clone())).unwrap_err();
        let read = asked(adapter.status(start(), &created_ref()));
        let read = ended(read.answered(response)).unwrap_err();
        assert_eq!((sent.class, disabled.class), (change, change), "{status}");
        assert_eq!(read.class, reading, "{status}");
        let pause = (status == 429).then(|| span("30s"));
        assert_eq!((sent.retry_after, read.retry_after), (pause, pause));
    }
}

#[test]
fn a_paid_row_is_a_payment() {
    let report = read(&row());
    assert_eq!(
        (report.reference.as_str(), report.status),
        ("1405017", LinkStatus::Paid)
    );
    let [payment] = report.payments.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(payment.transaction, "700000031007");
    assert_eq!(
        payment.amount,
        Money::from_minor(12_500_000, Currency::Irr).unwrap()
    );
    // The clock of the reply is Tehran's.
    assert_eq!(payment.paid_at.to_rfc3339(), "2026-03-22T07:00:00+00:00");
    assert_eq!(payment.tracking_no.as_deref(), Some("54321"));
}

#[test]
fn only_the_words_of_the_options_mean_anything() {
    let cases = [
        (json!(0), LinkStatus::Created, 0),
        (json!("۰"), LinkStatus::Created, 0),
        (json!(1), LinkStatus::Paid, 1),
        (json!("1"), LinkStatus::Paid, 1),
        (json!(" پرداخت شده "), LinkStatus::Paid, 1),
        (json!(2), LinkStatus::Cancelled, 0),
        (json!(3), LinkStatus::PaidAfterCancel, 1),
        (json!(4), LinkStatus::Unknown, 0),
        (json!(1.0), LinkStatus::Unknown, 0),
        (json!(true), LinkStatus::Unknown, 0),
        (json!("Paid"), LinkStatus::Unknown, 0),
        (json!("پرداخت"), LinkStatus::Unknown, 0),
        (json!(""), LinkStatus::Unknown, 0),
        (json!(null), LinkStatus::Unknown, 0),
        (json!([1]), LinkStatus::Unknown, 0),
    ];
    for (word, status, payments) in cases {
        let report = read(&row_with(json!({ "Stat": word })));
        assert_eq!(
            (report.status, report.payments.len()),
            (status, payments),
            "{word}"
        );
    }
}

#[test]
fn an_amount_that_is_not_exactly_ours_is_never_paid() {
    for amount in [
        json!(12_500_000),
        json!("12500000"),
        json!("۱۲۵۰۰۰۰۰"),
        json!("١٢٥٠٠٠٠٠"),
    ] {
        let report = read(&row_with(json!({ "Amount": amount })));
        assert_eq!(report.status, LinkStatus::Paid, "{amount}");
    }
    for amount in [
        json!(12_500_001),
        json!(125_000_000),
        json!("1250000"),
        json!(1),
    ] {
        let report = read(&row_with(json!({ "Amount": amount })));
        assert_eq!(report.status, LinkStatus::Quarantined, "{amount}");
        assert_eq!(report.payments.len(), 1);
        let open = read(&row_with(json!({ "Amount": amount, "Stat": 0 })));
        assert_eq!((open.status, open.payments.len()), (LinkStatus::Unknown, 0));
    }
    for amount in [
        "12500000.0",
        "1.25e7",
        "12.5e6",
        "12500000.5",
        "-12500000",
        "0",
        "null",
        "true",
        "\"12,500,000\"",
        "\"12500000.0\"",
        "\"1.25e7\"",
        "\"+12500000\"",
        "\"012500000\"",
        "\"12500000 IRR\"",
        "\"1250000 تومان\"",
        "\"\"",
        "[12500000]",
        "99999999999999999999999",
    ] {
        let body = json!({ "ResCod": 1, "Data": [row_with(json!({ "Amount": "@" }))] });
        let body = body.to_string().replace("\"@\"", amount);
        let conversation = documented().status(start(), &created_ref());
        let report = hold(conversation, &[answer(body)]).0.unwrap();
        assert_eq!(
            (report.status, report.payments.len()),
            (LinkStatus::Unknown, 0),
            "{amount}"
        );
    }
}

#[test]
fn a_paid_row_without_its_evidence_is_not_paid() {
    for missing in [
        json!({ "RefNo": null }),
        json!({ "RefNo": "" }),
        json!({ "RefNo": ["1"] }),
        json!({ "RefNo": "1\u{202e}2" }),
        json!({ "PayDate": "" }),
        json!({ "PayDate": "yesterday" }),
        json!({ "InvoiceNo": "1405018" }),
        json!({ "InvoiceNo": null }),
        json!({ "stat": 0 }),
        json!({ "amount": 1 }),
    ] {
        let report = read(&row_with(missing.clone()));
        assert_eq!(
            (report.status, report.payments.len()),
            (LinkStatus::Unknown, 0),
            "{missing}"
        );
    }
    let twice = [row(), row_with(json!({ "Stat": 0 }))];
    let (report, _) = hold(
        documented().status(start(), &created_ref()),
        &[rows(&twice)],
    );
    assert_eq!(report.unwrap().status, LinkStatus::Unknown);
    let same = [row(), row()];
    let (report, _) = hold(documented().status(start(), &created_ref()), &[rows(&same)]);
    assert_eq!(report.unwrap().payments.len(), 1);
}

/// The number of another link with our invoice number is not our payment.
#[test]
fn a_payment_of_another_link_is_not_ours() {
    let other = row_with(json!({ "PayLinkSendID": 31008 }));
    let nothing = rows(&[]);
    let (report, _) = hold(
        documented().status(start(), &created_ref()),
        &[rows(std::slice::from_ref(&other)), nothing.clone(), nothing],
    );
    assert_eq!(report.unwrap_err().code, "link_not_listed");
    let ours = row_with(json!({ "Stat": 0 }));
    let (report, _) = hold(
        documented().status(start(), &created_ref()),
        &[rows(&[other, ours])],
    );
    assert_eq!(report.unwrap().status, LinkStatus::Created);
}

#[test]
fn a_reply_that_is_not_its_list_is_read_again() {
    for body in [
        "",
        "<html></html>",
        "[]",
        "null",
        "{}",
        "{\"Data\":{}}",
        "{\"Data\":[1]}",
        "{\"ResCod\":1,\"Data\":[{\"PayLink",
        "{\"ResCod\":\"?\",\"Data\":[]}",
        "{\"Data\":[],\"data\":[]}",
    ] {
        let (report, _) = hold(
            documented().status(start(), &created_ref()),
            &[answer(body)],
        );
        assert_eq!(report.unwrap_err().class, ErrorClass::Retryable, "{body}");
    }
    let refused = answer(r#"{"ResCod":-1,"Message":"","Data":[]}"#);
    let (report, _) = hold(documented().status(start(), &created_ref()), &[refused]);
    assert_eq!(report.unwrap_err().class, ErrorClass::Permanent);
}

/// What nobody has documented says nothing, however clear it looks.
#[test]
fn without_a_decoder_every_row_is_unknown() {
    let adapter = adapter(json!({}));
    for body in [
        json!([row()]),
        json!({ "ResCod": 1, "Data": [row()] }),
        json!([]),
        json!({ "ResCod": -1 }),
    ] {
        let (report, _) = hold(adapter.status(start(), &created_ref()), &[answer(&body)]);
        let report = report.unwrap();
        assert_eq!(
            (report.status, report.payments.len()),
            (LinkStatus::Unknown, 0),
            "{body}"
        );
        assert_eq!(report.reference, "1405017");
        let many = adapter
            .status_many(start(), &[created_ref(), without_id()])
            .unwrap();
        let (reports, _) = hold(many, &[answer(&body), answer(&body)]);
        assert!(
            reports
                .unwrap()
                .iter()
                .all(|report| report.status == LinkStatus::Unknown)
        );
    }
    assert_eq!(
        ended(adapter.find(start(), "1405017")).unwrap(),
        Found::CannotTell
    );
    let repeat = adapter.capabilities().repeat;
    assert_eq!(repeat.class, RepeatClass::Nothing);
    assert_eq!(
        (repeat.request_life_max, repeat.lookup_staleness_max),
        (None, None)
    );
}

/// Clause 40: the numbers that allow a repeat count only where links can be found.
#[test]
fn the_repeat_class_follows_from_the_decoder() {
    let numbers = json!({ "request_life_max": "90s", "lookup-staleness-max": "30s" });
    let repeat = adapter(numbers.clone()).capabilities().repeat;
    assert_eq!(
        (repeat.class, repeat.request_life_max),
        (RepeatClass::Nothing, None)
    );
    let mut options = numbers;
    options["status_reply"] = reply();
    let repeat = adapter(options).capabilities().repeat;
    assert_eq!(repeat.class, RepeatClass::LookupOnly);
    assert_eq!(repeat.request_life_max, Some(span("90s")));
    assert_eq!(repeat.lookup_staleness_max, Some(span("30s")));
}

#[test]
fn a_link_is_found_by_its_invoice_number_on_the_days_around() {
    let adapter = adapter(json!({ "status_reply": reply(), "find_days": 2 }));
    let empty = rows(&[]);
    let (found, bodies) = hold(
        adapter.find(start(), "1405017"),
        &[
            empty.clone(),
            empty.clone(),
            rows(&[row_with(json!({ "Stat": 0 }))]),
        ],
    );
    let Found::Link(link) = found.unwrap() else {
        panic!("not found");
    };
    assert_eq!(link.url, created().url);
    assert_eq!(link.amount, Some(request("1405017").amount));
    assert_eq!(link.provider_ref.0["send_date"], "1404/12/29");
    assert_eq!(link.provider_ref.0["send_id"], "31007");
    let day = |day: &str| {
        format!(r#""PayLinkSendDate":"{day}","PayLinkFilterTyp":1,"PayLinkFilterList":"1405017"}}"#)
    };
    assert_eq!(
        bodies,
        [day("1405/01/01"), day("1405/01/02"), day("1404/12/29")]
    );

    let (found, bodies) = hold(
        adapter.find(start(), "1405017"),
        &[empty.clone(), empty.clone(), empty.clone(), empty],
    );
    assert_eq!((found.unwrap(), bodies.len()), (Found::NotFound, 4));
}

/// Clause 39: a row that proves a link and does not say everything about it leaves it to a person.
#[test]
fn what_is_found_in_part_is_not_adopted_and_not_absent() {
    let cases = [
        vec![row_with(json!({ "PayLinkURL": null }))],
        vec![row_with(json!({ "PayLinkURL": "http://me.sizpay.ir/" }))],
        vec![row_with(json!({ "Amount": 1.5 }))],
        vec![row_with(json!({ "PayLinkSendID": 0 }))],
        vec![row(), row_with(json!({ "PayLinkSendID": 31008 }))],
        vec![row_with(json!({ "InvoiceNo": "1405018" }))],
    ];
    for case in cases {
        let (found, _) = hold(documented().find(start(), "1405017"), &[rows(&case)]);
        assert_eq!(found.unwrap(), Found::CannotTell, "{case:?}");
    }
}

#[test]
fn a_name_that_was_not_given_out_is_refused_before_anything_is_sent() {
    let with = |key: &str, value: &str| {
        let mut link = created_ref();
        link.0.insert(key.to_owned(), value.to_owned());
        link
    };
    for link in [
        ProviderRef::default(),
        with("reference", "another"),
        with("invoice_no", "31007"),
        with("send_date", "2026-03-21"),
        with("send_date", "1404/12/30"),
        with("send_id", "x"),
        with("amount", "1.5"),
    ] {
        let adapter = documented();
        let errors = [
            ended(adapter.status(start(), &link)).unwrap_err(),
            ended(adapter.deactivate(start(), &link).unwrap()).unwrap_err(),
            ended(adapter.operate(start(), &link, &Operation::Resend)).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(
                (error.class, error.code.as_str()),
                (ErrorClass::Permanent, "ref_not_valid")
            );
        }
    }
}

#[test]
fn the_payer_has_an_iranian_mobile_number() {
    for text in [
        "+989120000000",
        "00989120000000",
        "989120000000",
        "9120000000",
        "09120000000",
        "۰۹۱۲۰۰۰۰۰۰۰",
        "٠٩١٢٠٠٠٠٠٠٠",
    ] {
        let mut request = request("1405017");
        request.payer_mobile = Some(text.to_owned());
        assert_eq!(documented().validate(&request), [], "{text}");
        let ask = asked(documented().create(start(), &request));
        assert!(
            body_of(&ask.request).contains(r#""MobileNo":"09120000000""#),
            "{text}"
        );
    }
    let cases = [
        (None, "payer_mobile_missing"),
        (Some("+79121234567"), "payer_mobile_not_valid"),
        (Some("+982188888888"), "payer_mobile_not_valid"),
        (Some("0912000000"), "payer_mobile_not_valid"),
        (Some("۰۹۱۲"), "payer_mobile_not_valid"),
        (Some(""), "payer_mobile_not_valid"),
    ];
    for (text, code) in cases {
        let mut request = request("1405017");
        request.payer_mobile = text.map(str::to_owned);
        let problems = documented().validate(&request);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].code, code, "{text:?}");
        assert!(ended(documented().create(start(), &request)).is_err());
    }
}

#[test]
fn every_wish_that_sizpay_cannot_fulfil_is_said_at_once() {
    let limits = json!({ "limits": {
        "amount_max": "500,000,000 IRR", "amount_min": "10,000 IRR", "description_chars_max": 3,
        "expiry_max": "12h", "resend_pause": "5m",
    }});
    let adapter = adapter(limits);
    let mut bad = request("");
    bad.amount = Money::from_minor(1_000_000, Currency::Irt).unwrap();
    bad.payer_mobile = None;
    bad.usage = Usage::Reusable;
    bad.comment = Some("برای حسابداری".to_owned());
    bad.extras.insert("branch".to_owned(), "1".to_owned());
    let problems = adapter.validate(&bad);
    let codes: Vec<&str> = problems
        .iter()
        .map(|problem| problem.code.as_str())
        .collect();
    assert_eq!(
        codes,
        [
            "reference_not_valid",
            "currency_mismatch",
            "payer_mobile_missing",
            "description_too_long",
            "usage_not_supported",
            "comment_not_supported",
            "unknown_setting",
        ]
    );
    assert!(
        problems
            .iter()
            .all(|problem| problem.class == ErrorClass::Permanent)
    );
    for (minor, code) in [
        (9_999, "amount_under_limit"),
        (500_000_001, "amount_over_limit"),
        (0, "amount_not_positive"),
    ] {
        let mut request = request("1405017");
        request.description = "سه".to_owned();
        request.amount = Money::from_minor(minor, Currency::Irr).unwrap();
        assert_eq!(adapter.validate(&request)[0].code, code);
    }
    let mut huge = request("1405017");
    huge.amount = Money::from_minor(i128::from(i64::MAX) + 1, Currency::Irr).unwrap();
    assert_eq!(documented().validate(&huge)[0].code, "amount_over_limit");
    let long = ended(adapter.create(start(), &request("1405017"))).unwrap_err();
    assert_eq!(long.code, "expiry_over_limit");

    let limits = adapter.capabilities().limits;
    assert_eq!(
        (limits.resend_pause, limits.resends_max),
        (Some(span("5m")), Some(3))
    );
    let capabilities = documented().capabilities();
    assert_eq!(capabilities.limits.resend_pause, Some(span("2m")));
    assert_eq!(capabilities.operations, [OperationName::Resend]);
    assert!(capabilities.texts_payer && capabilities.deactivate && !capabilities.signed_callback);
}

fn call(method: &str, query: &[(&str, &str)], body: &str) -> CallbackParts {
    CallbackParts {
        method: method.to_owned(),
        query: query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    }
}

#[test]
fn a_call_is_at_most_a_reason_to_read_again() {
    let hints = [
        call("GET", &[("InvoiceNo", "1405017"), ("ResCod", "0")], ""),
        call(
            "POST",
            &[],
            "ResCod=0&InvoiceNo=1405017&RefNo=1&Amount=12500000",
        ),
        call(
            "POST",
            &[],
            r#"{"ResCod":0,"InvoiceNo":"1405017","Status":"paid"}"#,
        ),
        call("POST", &[], r#"{"OrderID":1405017}"#),
    ];
    for parts in hints {
        let read = documented().read_callback(&parts);
        let named = matches!(&read, Callback::Hint { reference, .. } if reference == "1405017");
        assert!(named, "{parts:?}: {read:?}");
    }
}

#[test]
fn a_call_that_is_not_clear_is_rejected() {
    let long = "x".repeat(65 * 1024);
    let rejected = [
        ("no_order_number", call("GET", &[("status", "paid")], "")),
        ("no_order_number", call("POST", &[], &long[..60_000])),
        (
            "body_too_long",
            call("POST", &[("InvoiceNo", "1405017")], &long),
        ),
        (
            "method_not_allowed",
            call("NOTICE", &[("InvoiceNo", "1405017")], ""),
        ),
        (
            "repeated_parameter",
            call("GET", &[("InvoiceNo", "1"), ("InvoiceNo", "1")], ""),
        ),
        (
            "repeated_parameter",
            call("POST", &[("InvoiceNo", "1")], "InvoiceNo=1"),
        ),
        (
            "repeated_parameter",
            call("POST", &[], "InvoiceNo=1&OrderID=2"),
        ),
        (
            "malformed",
            call("POST", &[], r#"{"InvoiceNo":"1","InvoiceNo":"1"}"#),
        ),
        ("malformed", call("POST", &[], r#"{"InvoiceNo":["1"]}"#)),
        ("malformed", call("POST", &[], r#"{"InvoiceNo":1.0}"#)),
        (
            "order_number_not_valid",
            call("GET", &[("InvoiceNo", "۱۴۰۵")], ""),
        ),
        (
            "order_number_not_valid",
            call("GET", &[("InvoiceNo", "01405")], ""),
        ),
        (
            "order_number_not_valid",
            call("GET", &[("InvoiceNo", "")], ""),
        ),
        (
            "order_number_not_valid",
            call("GET", &[("InvoiceNo", "11111111111111111")], ""),
        ),
        (
            "order_number_not_valid",
            call("POST", &[], "InvoiceNo=1%30"),
        ),
    ];
    for (expected, parts) in rejected {
        match documented().read_callback(&parts) {
            Callback::Rejected { code } => assert_eq!(code, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn a_mistake_in_the_section_is_named() {
    let reply_with = |key: &str, value: Value| {
        let mut reply = reply();
        reply[key] = value;
        json!({ "status_reply": reply })
    };
    let cases = [
        (json!({ "user_name": "x" }), "unknown field `user_name`"),
        (
            json!({ "base_url": "http://pysrvc.sizpay.ir/api/" }),
            "https://",
        ),
        (
            json!({ "base_url": "http://127.0.0.1.evil.example/" }),
            "https://",
        ),
        (
            json!({ "base_url": "https://pysrvc.sizpay.ir/api" }),
            "slash",
        ),
        (json!({ "status_list_max": 0 }), "1 to 1000"),
        (json!({ "find_days": 61 }), "at most 60"),
        (json!({ "timeout": "200ms" }), "at least 1s"),
        (json!({ "time_zone": "Tehran" }), "time zone"),
        (json!({ "limits": { "amount_max": "5 IRT" } }), "not in IRR"),
        (
            json!({ "result_codes": { "1": "refused" } }),
            "no result code",
        ),
        (
            json!({ "result_codes": { "x": "refused" } }),
            "no result code",
        ),
        (
            json!({ "result_codes": { "-1": "paid" } }),
            "unknown variant `paid`",
        ),
        (json!({ "status_reply": {} }), "missing field `invoice_no`"),
        (reply_with("paid_words", json!([0])), "named twice"),
        (
            reply_with("paid_words", json!([1.5])),
            "a word or a whole number",
        ),
        (reply_with("amount", json!("")), "empty name"),
        (reply_with("payed", json!("x")), "unknown field `payed`"),
    ];
    for (section, expected) in cases {
        let error = (listed().check_options)(&section).unwrap_err().to_string();
        assert!(error.starts_with("options of gateway sizpay: "), "{error}");
        assert!(error.contains(expected), "{section}: {error}");
    }
    for good in [
        json!({}),
        json!(null),
        json!({ "base-url": "http://127.0.0.1:4011/api/PayLinkSend/" }),
    ] {
        (listed().check_options)(&good).unwrap();
    }
}

#[test]
fn the_example_of_the_page_is_read() {
    let page = include_str!("../../../docs/gateways/sizpay.md");
    let (_, example) = page.split_once("```yaml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let options: Value = serde_yaml::from_str(example).unwrap();
    (listed().check_options)(&options).unwrap();
    let repeat = adapter(options).capabilities().repeat;
    assert_eq!(repeat.class, RepeatClass::LookupOnly);
}

#[test]
fn an_account_needs_its_secrets_and_rials() {
    let build = listed().adapter.unwrap();
    for missing in ["user_name", "password", "pay_link_name"] {
        let mut settings = settings(json!({}));
        settings.secrets.insert(missing.to_owned(), Secret::new(""));
        let built = build(&settings).map(|_| ());
        assert!(
            matches!(&built, Err(SetupError::SecretMissing { secret, .. }) if *secret == missing),
            "{built:?}"
        );
    }
    let mut named = settings(json!({ "pay_link_name": "acme" }));
    named.secrets.remove("pay_link_name");
    let ask = asked(build(&named).unwrap().create(start(), &request("1405017")));
    assert!(body_of(&ask.request).contains(r#""PayLinkName":"acme""#));
    let mut toman = settings(json!({}));
    toman.currency = Currency::Irt;
    assert!(matches!(build(&toman), Err(SetupError::Unfit { .. })));
}

/// A link on loopback is taken only from a simulator on loopback.
#[test]
fn a_simulator_on_loopback_may_hand_out_its_own_pages() {
    let options = json!({ "base_url": "http://127.0.0.1:4011/api/PayLinkSend/" });
    let body = |url: &str| answer(json!({ "ResCod": 1, "PayLinkSendID": 1, "PayLinkURL": url }));
    for (url, taken) in [
        ("http://127.0.0.1:4011/acme/0200000011", true),
        ("https://me.sizpay.ir/acme/0200000011", true),
        ("http://10.0.0.1/acme/0200000011", false),
        ("http://127.0.0.1@evil.example/", false),
    ] {
        let ask = asked(adapter(options.clone()).create(start(), &request("1405017")));
        assert_eq!(ended(ask.answered(body(url))).is_ok(), taken, "{url}");
    }
}

/// Secrets stand in the requests and nowhere else, even if SizPay repeats them to us.
#[test]
fn no_secret_is_ever_in_an_error_or_a_debug_text() {
    let mut shown = String::new();
    let account = settings(json!({ "status_reply": reply() }));
    shown.push_str(&format!("{account:?}"));
    let echo = format!("نام {USER} رمز {PASSWORD} صفحه {PAGE}");
    let bodies = [
        json!({ "ResCod": -1, "Message": echo }),
        json!({ "ResCod": -1, "Message": echo, "PayLinkSendID": 5, "PayLinkURL": echo }),
        json!({ "ResCod": 1, "Message": echo, "PayLinkSendID": 5, "PayLinkURL": echo }),
        json!({ "ResCod": echo, "Message": echo, "Data": [] }),
        json!({ "ResCod": 1, "Data": echo }),
        json!([echo]),
    ];
    let built = payment::gateways::sizpay::Sizpay::new(&account).unwrap();
    shown.push_str(&format!("{built:?}"));
    let mut count = 0;
    for body in bodies.iter().map(Value::to_string).chain([echo]) {
        for status in [200, 400, 401, 429, 500] {
            let response = HttpResponse {
                status,
                headers: vec![("retry-after".to_owned(), USER.to_owned())],
                ..answer(&body)
            };
            let mut note = |error: GatewayError| {
                count += 1;
                shown.push_str(&format!("{error} {error:?}"));
            };
            let send = asked(built.create(start(), &request("1405017")));
            note(ended(send.answered(response.clone())).unwrap_err());
            let resend = asked(built.operate(start(), &created_ref(), &Operation::Resend));
            if let Err(error) = ended(resend.answered(response.clone())) {
                note(error);
            }
            let read = asked(built.status(start(), &created_ref()));
            if let Err(error) = ended(read.answered(response.clone())) {
                note(error);
            }
            let ask = asked(built.find(start(), "1405017"));
            shown.push_str(&format!("{ask:?}"));
        }
    }
    assert!(count > 100, "{count}");
    for secret in ["CANARY", USER, PASSWORD, PAGE] {
        let at = shown.find(secret);
        assert_eq!(at, None, "{secret} is shown");
    }
}

/// Clause 44: a day of the list holds everything that was sent on it.
#[test]
fn the_list_is_read_day_by_day_where_somebody_has_said_how() {
    let listing = documented();
    let span = ListSpan {
        from: start(),
        to: after(TimeDelta::days(1)),
    };
    let days = |day: &str| {
        format!(r#""PayLinkSendDate":"{day}","PayLinkFilterTyp":0,"PayLinkFilterList":""}}"#)
    };
    let stranger = json!({ "PayLinkSendID": 31008, "Amount": 5, "Stat": 2 });
    let (page, bodies) = hold(
        listing.list(start(), span, None).unwrap(),
        &[rows(&[row(), stranger, json!({ "Stat": 1 })])],
    );
    let page = page.unwrap();
    assert_eq!(bodies, [days("1405/01/01")]);
    let names: Vec<&str> = page.links.iter().map(|link| link.name.as_str()).collect();
    assert_eq!(
        names,
        ["1405017", "31008"],
        "a row without a name is no link"
    );
    assert_eq!(page.links[0].amount, Some(request("1405017").amount));
    assert_eq!(page.links[0].status, LinkStatus::Paid);
    let next = page.next.unwrap();
    let (page, bodies) = hold(
        listing.list(start(), span, Some(&next)).unwrap(),
        &[rows(&[])],
    );
    assert_eq!(
        (page.unwrap().next, bodies),
        (None, vec![days("1405/01/02")])
    );
    for page in ["2026-03-23", "x", "1405/01/01"] {
        let asked = listing.list(start(), span, Some(page)).unwrap();
        assert_eq!(ended(asked).unwrap_err().code, "page_not_valid");
    }
    let undocumented = self::adapter(json!({}));
    assert!(undocumented.list(start(), span, None).is_none());
}

/// Clause 39: a look-up sees some days; that a link sent before them is not found proves nothing.
#[test]
fn a_look_up_reaches_back_as_many_days_as_the_account_says() {
    let reach = |options| adapter(options).lookup_reach();
    assert_eq!(reach(json!({})), Some(TimeDelta::days(7)));
    assert_eq!(reach(json!({ "find_days": 31 })), Some(TimeDelta::days(31)));
}
