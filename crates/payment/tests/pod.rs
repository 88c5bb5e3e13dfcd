//! POD's adapter: what it sends and understands, to the byte, without anybody at the other end.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use payment::gateways::pod::Pod;
use payment::gateways::{AccountSettings, BUILT_IN, Secret, built_in};
use payment::{
    Callback, CallbackParts, Conversation, CreatedLink, DUPLICATE_REFERENCE, ErrorClass, Found,
    FundsSource, GatewayError, LinkRequest, LinkStatus, ListSpan, ListedLink, Operation, PosSlip,
    ProviderRef, StatusReport, Translator,
};
use serde_json::{Value, json};
use transport::HttpResponse;
use values::{Currency, Money, Timestamp, Zone};

use super::{after, request, start};

const TOKEN: &str = "canary-api-token";
const OTT: &str = r#"{"hasError":false,"messageId":0,"errorCode":0,"count":0,"ott":"0a1b2c3d4e5f6a7b","result":null}"#;
const ISSUED: &str = r#"{"hasError":false,"messageId":0,"referenceNumber":"1000000000001","errorCode":0,"message":null,"count":1,"ott":"next","result":{"id":700123,"uniqueNumber":"a1b2c3d4e5f6a7b8","billNumber":"D42-1","payableAmount":12500000}}"#;
const TRUE: &str = r#"{"hasError":false,"errorCode":0,"message":null,"result":true}"#;
const EMPTY: &str = r#"{"hasError":false,"errorCode":0,"count":0,"result":[]}"#;

// The bodies, percent-encoded by another program.
const ISSUE: &str = "scProductId=29796&scApiKey=key-1&scVoucherHash=v1&scVoucherHash=v2&productId%5B%5D=0&price%5B%5D=12500000&quantity%5B%5D=1&productDescription%5B%5D=%D9%81%D8%A7%DA%A9%D8%AA%D9%88%D8%B1%20%DB%B1%DB%B4%DB%B0%DB%B5%2F%DB%B1%DB%B7&guildCode=INFO_GUILD&billNumber=D42-1&description=%D9%81%D8%A7%DA%A9%D8%AA%D9%88%D8%B1%20%DB%B1%DB%B4%DB%B0%DB%B5%2F%DB%B1%DB%B7&preferredTaxRate=0&verificationNeeded=false&metadata=%7B%22reference%22%3A%22D42-1%22%2C%22amount%22%3A%2212500000%22%2C%22expires_at%22%3A%222026-03-22T08%3A30%3A00Z%22%2C%22comment%22%3A%22%D8%A8%D8%B1%D8%A7%DB%8C%20%DA%A9%D8%A7%D8%B1%D9%85%D9%86%D8%AF%D8%A7%D9%86%22%7D&redirectURL=https%3A%2F%2Fcrm.example%2Fpod%2Fr%2F9f2c&cellphoneNumber=%2B989121234567";
const FIND: &str = "scProductId=29813&scApiKey=key-1&scVoucherHash=v1&scVoucherHash=v2&billNumber=D42-1&offset=0&size=10";
const STATUS: &str =
    "scProductId=29813&scApiKey=key-1&scVoucherHash=v1&scVoucherHash=v2&id=700123&offset=0&size=1";
const MANY: &str =
    "scProductId=29813&scApiKey=key-1&scVoucherHash=v1&scVoucherHash=v2&firstId=700122&size=100";
const ALL: &str = "scProductId=29813&scApiKey=key-1&scVoucherHash=v1&scVoucherHash=v2&fromDate=1405%2F01%2F01%2012%3A00%3A00&toDate=1405%2F01%2F02%2012%3A00%3A00&offset=0&size=100";
const CANCEL: &str = "scProductId=29810&scApiKey=key-1&scVoucherHash=v1&scVoucherHash=v2&id=700123";
const VERIFY: &str = "scProductId=29808&scApiKey=key-1&scVoucherHash=v1&scVoucherHash=v2&id=700123";
const MARK: &str =
    "scProductId=29799&scApiKey=key-1&scVoucherHash=v1&scVoucherHash=v2&invoiceId=700123";
const OFFSET: &str = "scProductId=29800&scApiKey=key-1&scVoucherHash=v1&scVoucherHash=v2&creditorInvoiceId=700200&debtorInvoiceId=700123";
const FUTURE_WALLET: &str = "scProductId=29802&scApiKey=key-1&scVoucherHash=v1&scVoucherHash=v2&ott=0a1b2c3d4e5f6a7b&invoiceId=700123&date=1398%2F12%2F01&wallet=PODLAND_WALLET";
const FUTURE_GUILD: &str = "scProductId=29802&scApiKey=key-1&scVoucherHash=v1&scVoucherHash=v2&ott=0a1b2c3d4e5f6a7b&invoiceId=700123&date=1398%2F12%2F01&guildCode=INFO_GUILD";
const CREDIT_OWN: &str = "scProductId=30382&scApiKey=key-1&scVoucherHash=v1&scVoucherHash=v2&ott=0a1b2c3d4e5f6a7b&invoiceId=700123";
const CREDIT_ANY: &str = "scProductId=29821&scApiKey=key-1&scVoucherHash=v1&scVoucherHash=v2&ott=0a1b2c3d4e5f6a7b&invoiceId=700123&wallet=PODLAND_WALLET";
const POS: &str = "invoiceId=700123&terminalNumber=1234567&merchantCode=9001&referenceNumber=555&trackingNumber=42&transactionDate=1398%2F12%2F01%2000%3A00%3A09";
const LINK: &str = "scProductId=29815&scApiKey=key-1&scVoucherHash=v1&scVoucherHash=v2&invoiceId=700123&redirectUri=https%3A%2F%2Fcrm.example%2Fpod%2Fr%2F9f2c&callbackUri=https%3A%2F%2Fcrm.example%2Fpod%2Fc%2F9f2c&gateway=PEP";
const SMS: &str = "scProductId=29807&scApiKey=key-1&scVoucherHash=v1&scVoucherHash=v2&invoiceId=700123&callbackUri=https%3A%2F%2Fcrm.example%2Fpod%2Fc%2F9f2c&redirectUri=https%3A%2F%2Fcrm.example%2Fpod%2Fr%2F9f2c";

fn settings(options: Value) -> AccountSettings {
    let mut section = json!({
        "guild_code": "INFO_GUILD",
        "return_url": "https://crm.example/pod/r/9f2c",
    });
    for (key, value) in options.as_object().unwrap() {
        section
            .as_object_mut()
            .unwrap()
            .insert(key.clone(), value.clone());
    }
    let secrets = [
        ("api_token", TOKEN),
        ("sc_api_key", "key-1"),
        ("sc_voucher_hash", "v1, v2"),
    ];
    AccountSettings {
        account: "main".into(),
        currency: Currency::Irr,
        options: section,
        secrets: secrets
            .into_iter()
            .map(|(name, secret)| (name.to_owned(), Secret::new(secret)))
            .collect(),
        callback_url: Some("https://crm.example/pod/c/9f2c".to_owned()),
        zone: Zone::UTC,
    }
}

fn pod(options: Value) -> Pod {
    Pod::new(&settings(options)).unwrap()
}

fn wish() -> LinkRequest {
    LinkRequest {
        payer_mobile: Some("+989121234567".to_owned()),
        comment: Some("برای کارمندان".to_owned()),
        ..request("D42-1")
    }
}

fn link() -> ProviderRef {
    let names = [
        ("reference", "D42-1"),
        ("bill_number", "D42-1"),
        ("invoice_id", "700123"),
        ("unique_number", "a1b2c3d4e5f6a7b8"),
        ("amount", "12500000"),
        ("expires_at", "2026-03-22T08:30:00Z"),
    ];
    ProviderRef(
        names
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
    )
}

/// One request as it goes out.
#[derive(Debug, PartialEq)]
struct Sent {
    url: String,
    ott: Option<String>,
    body: String,
}

/// Holds a conversation with these answers; every header that is not a one-time token is checked
/// here.
fn held<T: Send + 'static>(
    mut conversation: Conversation<T>,
    answers: &[(u16, &str)],
) -> (Vec<Sent>, Result<T, GatewayError>) {
    let mut sent = Vec::new();
    let mut answers = answers.iter();
    loop {
        let ask = match conversation {
            Conversation::Ended(end) => {
                assert_eq!(answers.next(), None, "an answer is left over");
                return (sent, end);
            }
            Conversation::Ask(ask) => ask,
        };
        let request = &ask.request;
        assert_eq!(request.method, "POST");
        assert_eq!(request.timeout, TimeDelta::seconds(30));
        assert!(!request.url.contains('?') && !request.url.contains(TOKEN));
        assert!(!format!("{request:?} {ask:?}").contains("canary"));
        let mut headers = request.headers.clone();
        let at = headers.iter().position(|(name, _)| name == "_ott_");
        let ott = at.map(|at| headers.remove(at).1);
        let expected = [
            ("accept", "application/json"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("_token_", TOKEN),
            ("_token_issuer_", "1"),
        ];
        assert_eq!(
            headers,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        sent.push(Sent {
            url: request.url.clone(),
            ott,
            body: String::from_utf8(request.body.clone()).unwrap(),
        });
        let (status, body) = answers
            .next()
            .unwrap_or_else(|| panic!("no answer to {sent:?}"));
        conversation = ask.answered(HttpResponse {
            status: *status,
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        });
    }
}

fn service(body: &str) -> Sent {
    Sent {
        url: "https://api.pod.ir/srv/sc/nzh/doServiceCall".to_owned(),
        ott: None,
        body: body.to_owned(),
    }
}

fn with_ott(body: &str) -> Sent {
    Sent {
        ott: Some("0a1b2c3d4e5f6a7b".to_owned()),
        ..service(body)
    }
}

fn asks_ott() -> Sent {
    Sent {
        url: "https://api.pod.ir/srv/core/nzh/ott".to_owned(),
        ott: None,
        body: String::new(),
    }
}

fn list(invoice: &str) -> String {
    format!(r#"{{"hasError":false,"errorCode":0,"count":1,"result":[{invoice}]}}"#)
}

fn refusal(message: &str) -> String {
    json!({"hasError": true, "errorCode": 999, "message": message, "result": null}).to_string()
}

fn created(pod: &Pod, answers: &[(u16, &str)]) -> (Vec<Sent>, Result<CreatedLink, GatewayError>) {
    held(pod.create(start(), &wish()), answers)
}

fn status_of(invoice: &str) -> Result<StatusReport, GatewayError> {
    let pod = pod(json!({"void_expired": false}));
    held(pod.status(start(), &link()), &[(200, &list(invoice))]).1
}

const OPEN: &str = r#"{"id":700123,"billNumber":"D42-1","uniqueNumber":"a1b2c3d4e5f6a7b8","payableAmount":12500000,"paymentDate":0,"payed":false,"canceled":false}"#;
const BY_UNIQUE_NUMBER: &str = "https://pay.pod.ir/v1/pbc/payInvoiceByUniqueNumber/?uniqueNumber=a1b2c3d4e5f6a7b8&gateway=PEP&redirectUri=https%3A%2F%2Fcrm.example%2Fpod%2Fr%2F9f2c&callUri=https%3A%2F%2Fcrm.example%2Fpod%2Fc%2F9f2c";
const BY_WALLET: &str = "https://pay.pod.ir/v1/pbc/payinvoice/?invoiceId=700123&redirectUri=https%3A%2F%2Fcrm.example%2Fpod%2Fr%2F9f2c";

#[test]
fn a_link_is_a_token_an_invoice_and_a_url() {
    let (sent, made) = created(&pod(json!({})), &[(200, OTT), (200, ISSUED)]);
    assert_eq!(sent, [asks_ott(), with_ott(ISSUE)]);
    let made = made.unwrap();
    assert_eq!(made.url, BY_UNIQUE_NUMBER);
    assert_eq!(made.provider_ref, link());
    assert_eq!(made.url_valid_until, None);
    assert_eq!(made.amount, Some(wish().amount));
}

#[test]
fn the_wallet_link_without_a_callback_is_the_published_one() {
    let mut settings = settings(json!({"link": "wallet"}));
    settings.callback_url = None;
    let pod = Pod::new(&settings).unwrap();
    let (_, made) = created(&pod, &[(200, OTT), (200, ISSUED)]);
    assert_eq!(made.unwrap().url, BY_WALLET);
}

#[test]
fn a_short_lived_link_keeps_what_pod_gives_and_adds_what_it_leaves_out() {
    let answer = |url: &str| json!({"hasError": false, "result": url}).to_string();
    let given = answer("https://pay.pod.ir/v1/pbc/payment/?hash=h%2B1&");
    let pod = pod(json!({"link": "short_lived"}));
    let (sent, made) = created(&pod, &[(200, OTT), (200, ISSUED), (200, &given)]);
    assert_eq!(sent, [asks_ott(), with_ott(ISSUE), service(LINK)]);
    let made = made.unwrap();
    assert_eq!(
        made.url,
        "https://pay.pod.ir/v1/pbc/payment/?hash=h%2B1&redirectUri=https%3A%2F%2Fcrm.example%2Fpod%2Fr%2F9f2c&callbackUri=https%3A%2F%2Fcrm.example%2Fpod%2Fc%2F9f2c&gateway=PEP"
    );
    assert_eq!(
        made.url_valid_until,
        Some(start() + TimeDelta::seconds(300))
    );

    let full = answer("https://pay.pod.ir/p?a=1&gateway=X&redirectUri=r&callbackUri=c");
    let wish = Operation::RefreshUrl;
    let (sent, fresh) = held(pod.operate(start(), &link(), &wish), &[(200, &full)]);
    assert_eq!(sent, [service(LINK)]);
    assert_eq!(
        fresh.unwrap().url.as_deref(),
        Some("https://pay.pod.ir/p?a=1&gateway=X&redirectUri=r&callbackUri=c")
    );
    for bad in [
        "javascript:alert(1)",
        "http://evil.example/?hash=1",
        "https://a b",
        "",
    ] {
        let (_, fresh) = held(pod.operate(start(), &link(), &wish), &[(200, &answer(bad))]);
        assert_eq!(fresh.unwrap_err().class, ErrorClass::Retryable, "{bad}");
    }
    // The invoice is there, whatever becomes of its URL.
    let answers = [(200, OTT), (200, ISSUED), (429, "")];
    let error = created(&pod, &answers).1.unwrap_err();
    assert_eq!(error.class, ErrorClass::Ambiguous);
}

#[test]
fn a_text_is_asked_for_and_an_invoice_without_one_is_taken_back() {
    let pod = pod(json!({"link": "sms"}));
    let (sent, made) = created(&pod, &[(200, OTT), (200, ISSUED), (200, TRUE)]);
    assert_eq!(sent, [asks_ott(), with_ott(ISSUE), service(SMS)]);
    assert_eq!(made.unwrap().url, BY_UNIQUE_NUMBER);
    let no = refusal("شماره تلفن همراه مشتری مشخص نیست");
    let (sent, made) = created(&pod, &[(200, OTT), (200, ISSUED), (200, &no), (200, TRUE)]);
    assert_eq!(sent.last(), Some(&service(CANCEL)));
    let error = made.unwrap_err();
    assert_eq!(
        (error.class, error.code.as_str()),
        (ErrorClass::Permanent, "text_refused")
    );
    for unsure in [(500, ""), (200, no.as_str())] {
        let answers = [(200, OTT), (200, ISSUED), (200, no.as_str()), unsure];
        let error = created(&pod, &answers).1.unwrap_err();
        assert_eq!(error.class, ErrorClass::Ambiguous);
    }
    let (sent, _) = held(
        pod.operate(start(), &link(), &Operation::Resend),
        &[(200, &list(OPEN)), (200, TRUE)],
    );
    assert_eq!(sent, [service(STATUS), service(SMS)]);
}

#[test]
fn every_operation_reads_first_and_then_asks() {
    let pod = pod(json!({}));
    let open = list(OPEN);
    let day = "2020-02-20".parse().unwrap();
    let pos = PosSlip {
        terminal_no: "۱۲۳۴۵۶۷".to_owned(),
        merchant_code: "٩٠٠١".to_owned(),
        reference_no: "555".to_owned(),
        tracking_no: "42".to_owned(),
        paid_at: "2020-02-19T20:30:09Z".parse().unwrap(),
    };
    let creditor = ProviderRef([("invoice_id".to_owned(), "700200".to_owned())].into());
    let future = |from| Operation::PayInFuture { on: day, from };
    let credit = |wallet: Option<&str>, any| Operation::PayByCredit {
        wallet: wallet.map(str::to_owned),
        any,
    };
    let direct = Sent {
        url: "https://api.pod.ir/srv/core/nzh/biz/payInvoiceByPos".to_owned(),
        ..service(POS)
    };
    let wallet = FundsSource::Wallet("PODLAND_WALLET".to_owned());
    let guild = FundsSource::Guild("INFO_GUILD".to_owned());
    let cases = [
        (Operation::MarkPaid, service(MARK)),
        (Operation::PayByInvoice { creditor }, service(OFFSET)),
        (future(wallet), with_ott(FUTURE_WALLET)),
        (future(guild), with_ott(FUTURE_GUILD)),
        (credit(None, false), with_ott(CREDIT_OWN)),
        (credit(Some("PODLAND_WALLET"), true), with_ott(CREDIT_ANY)),
        (Operation::RecordPos(pos), direct),
    ];
    for (operation, expected) in cases {
        let mut wanted = vec![service(STATUS)];
        let mut answers = vec![(200, open.as_str())];
        if expected.ott.is_some() {
            wanted.push(asks_ott());
            answers.push((200, OTT));
        }
        wanted.push(expected);
        answers.push((200, TRUE));
        let (sent, done) = held(pod.operate(start(), &link(), &operation), &answers);
        assert_eq!(sent, wanted, "{operation:?}");
        done.unwrap();
    }
    let paid = OPEN
        .replace(
            r#""payed":false"#,
            r#""payed":true,"verificationNeeded":true"#,
        )
        .replace(r#""paymentDate":0"#, r#""paymentDate":1774087200000"#);
    let (sent, done) = held(
        pod.operate(start(), &link(), &Operation::VerifyAndClose),
        &[(200, &list(&paid)), (200, TRUE)],
    );
    assert_eq!(sent, [service(STATUS), service(VERIFY)]);
    done.unwrap();
    let (sent, done) = held(
        pod.deactivate(start(), &link()).unwrap(),
        &[(200, &open), (200, TRUE)],
    );
    assert_eq!(sent, [service(STATUS), service(CANCEL)]);
    done.unwrap();
}

#[test]
fn a_day_is_the_one_in_tehran() {
    let pod = pod(json!({"deadline": true, "close_timeout": "10m", "verification": true}));
    let mut wish = wish();
    wish.expires_at = "2020-02-19T20:30:00Z".parse().unwrap();
    wish.extras.insert("user_id".to_owned(), "۱۲۳".to_owned());
    let early: Timestamp = "2020-02-01T00:00:00Z".parse().unwrap();
    let (sent, _) = held(pod.create(early, &wish), &[(200, OTT), (200, ISSUED)]);
    let body = &sent.last().unwrap().body;
    assert!(
        body.contains("&userId=123&deadline=1398%2F12%2F01&closeTimeOut=600&"),
        "{body}"
    );
    assert!(body.contains("&verificationNeeded=true&"), "{body}");

    let scheduled = OPEN.replace(
        r#""canceled":false"#,
        r#""canceled":false,"willBePaidAt":1582144200000"#,
    );
    let wish = Operation::PayInFuture {
        on: "2020-02-20".parse().unwrap(),
        from: FundsSource::Wallet("W".to_owned()),
    };
    let (_, done) = held(
        pod.operate(start(), &link(), &wish),
        &[(200, &list(&scheduled))],
    );
    done.unwrap();
}

#[test]
fn a_reference_is_looked_up_by_its_bill_number() {
    let pod = pod(json!({}));
    let kept = json!({
        "reference": "D42-1",
        "amount": "12500000",
        "expires_at": "2026-03-22T08:30:00Z",
    });
    let mut invoice: Value = serde_json::from_str(OPEN).unwrap();
    let fields = invoice.as_object_mut().unwrap();
    fields.insert("metadata".to_owned(), json!(kept.to_string()));
    let ours = invoice.to_string();
    let find = |answer: &str| held(pod.find(start(), "D42-1"), &[(200, answer)]);
    let (sent, found) = find(&list(&ours));
    assert_eq!(sent, [service(FIND)]);
    let Found::Link(found) = found.unwrap() else {
        panic!("not found");
    };
    assert_eq!(
        (found.provider_ref, found.url.as_str()),
        (link(), BY_UNIQUE_NUMBER)
    );
    assert_eq!(find(EMPTY).1.unwrap(), Found::NotFound);
    let theirs = ours.replace(r#"\"reference\":\"D42-1\""#, r#"\"reference\":\"X\""#);
    let twice = format!("{ours},{ours}");
    let foreign = ours.replace(r#""billNumber":"D42-1""#, r#""billNumber":"D42-2""#);
    for doubtful in [OPEN, &theirs, &twice, &foreign] {
        assert_ne!(doubtful, ours);
        assert_eq!(
            find(&list(doubtful)).1.unwrap(),
            Found::CannotTell,
            "{doubtful}"
        );
    }
}

#[test]
fn a_duplicate_is_known_by_its_words_or_by_the_list() {
    let pod = pod(json!({}));
    let known = refusal("شماره قبض تكراري است.");
    let error = created(&pod, &[(200, OTT), (200, &known)]).1.unwrap_err();
    assert_eq!(
        (error.class, error.code.as_str()),
        (ErrorClass::Permanent, DUPLICATE_REFERENCE)
    );
    assert_eq!(error.provider_code.as_deref(), Some("999"));
    let other = refusal("خطا");
    for (listed, code) in [
        (list(OPEN), DUPLICATE_REFERENCE),
        (EMPTY.to_owned(), "refused"),
    ] {
        let (sent, made) = created(&pod, &[(200, OTT), (200, &other), (200, &listed)]);
        assert_eq!(sent.last(), Some(&service(FIND)));
        let error = made.unwrap_err();
        assert_eq!(
            (error.class, error.code.as_str()),
            (ErrorClass::Permanent, code)
        );
    }
    let error = created(&pod, &[(200, OTT), (200, &other), (502, "")])
        .1
        .unwrap_err();
    assert_eq!(error.class, ErrorClass::Ambiguous);
}

/// The table of statuses, row by row.
#[expect(clippy::too_many_lines, reason = "it is a table")]
#[test]
fn an_invoice_says_where_its_money_is() {
    let at = 1_774_087_200_000_i64;
    let late = 1_774_173_600_000_i64;
    let cases = [
        (json!({}), LinkStatus::Created),
        (json!({"canceled": true}), LinkStatus::Cancelled),
        (
            json!({"canceled": true, "cancelDate": at}),
            LinkStatus::Cancelled,
        ),
        (
            json!({"canceled": true, "cancelDate": late}),
            LinkStatus::Expired,
        ),
        (
            json!({"canceled": true, "paymentDate": at}),
            LinkStatus::Refunded,
        ),
        (
            json!({"isCanceled": true, "payed": true, "paymentDate": at}),
            LinkStatus::Refunded,
        ),
        (
            json!({"payed": true, "paymentDate": at, "verificationNeeded": true}),
            LinkStatus::PaidUnverified,
        ),
        (
            json!({"payed": true, "paymentDate": at, "verificationNeeded": true, "verificationDate": at}),
            LinkStatus::Paid,
        ),
        (
            json!({"payed": true, "paymentDate": at, "edited": true}),
            LinkStatus::Quarantined,
        ),
        (
            json!({"payed": true, "paymentDate": at, "isEdited": true}),
            LinkStatus::Quarantined,
        ),
        (
            json!({"payed": true, "paymentDate": at, "closed": true}),
            LinkStatus::Paid,
        ),
        (
            json!({"payed": true, "paymentDate": late}),
            LinkStatus::PaidLate,
        ),
        (
            json!({"payed": true, "paymentDate": 0}),
            LinkStatus::Unknown,
        ),
        (
            json!({"payed": "yes", "paymentDate": at}),
            LinkStatus::Unknown,
        ),
        (json!({"payed": 1, "paymentDate": at}), LinkStatus::Unknown),
        (
            json!({"payed": true, "paymentDate": "۱۷"}),
            LinkStatus::Unknown,
        ),
        (json!({"paymentDate": at}), LinkStatus::Created),
        (
            json!({"payed": null, "canceled": null}),
            LinkStatus::Created,
        ),
        (json!({"willBePaidAt": late}), LinkStatus::ScheduledFuture),
        (json!({"willBePaid": true}), LinkStatus::ScheduledFuture),
        (json!({"willBeBlocked": true}), LinkStatus::ScheduledFuture),
        (json!({"waiting": true}), LinkStatus::Paying),
        (
            json!({"isWaiting": true, "waiting": false}),
            LinkStatus::Paying,
        ),
    ];
    for (fields, expected) in cases {
        let mut invoice: Value = serde_json::from_str(OPEN).unwrap();
        let all = invoice.as_object_mut().unwrap();
        for (name, value) in fields.as_object().unwrap() {
            all.insert(name.clone(), value.clone());
        }
        let report = status_of(&invoice.to_string()).unwrap();
        assert_eq!(report.status, expected, "{fields}");
        assert_eq!(report.reference, "D42-1");
        let named = [
            LinkStatus::Paid,
            LinkStatus::PaidLate,
            LinkStatus::PaidUnverified,
        ];
        let confirmed = named.contains(&expected);
        assert_eq!(report.payments.len(), usize::from(confirmed), "{fields}");
    }
}

#[test]
fn only_the_exact_amount_is_the_payment() {
    let paid = |amount: &str| {
        OPEN.replace(r#""payed":false"#, r#""payed":true"#)
            .replace(r#""paymentDate":0"#, r#""paymentDate":1774087200000"#)
            .replace(
                r#""payableAmount":12500000"#,
                &format!(r#""payableAmount":{amount}"#),
            )
    };
    for same in ["12500000", "12500000.00", r#""12500000""#] {
        let report = status_of(&paid(same)).unwrap();
        assert_eq!(report.status, LinkStatus::Paid, "{same}");
        assert_eq!(report.payments.first().unwrap().amount, wish().amount);
        assert_eq!(report.payments.first().unwrap().transaction, "700123");
    }
    for other in ["12500001", "125000000", "1250000"] {
        let report = status_of(&paid(other)).unwrap();
        assert_eq!(report.status, LinkStatus::Quarantined, "{other}");
        assert_ne!(report.payments.first().unwrap().amount, wish().amount);
    }
    for other in [
        "0",
        "1.25E7",
        "1.25e7",
        "12500000.01",
        "16.35",
        "null",
        "-12500000",
        "[12500000]",
        "true",
        r#""۱۲۵۰۰۰۰۰""#,
        r#""12,500,000""#,
        r#""""#,
        "99999999999999999999999999999999999999999",
    ] {
        let report = status_of(&paid(other)).unwrap();
        assert_eq!(report.status, LinkStatus::Unknown, "{other}");
        assert!(report.payments.is_empty());
    }
}

#[test]
fn an_answer_in_an_envelope_of_its_own_is_opened_once() {
    let nested = |status: u16, inner: &str| {
        json!({
            "hasError": false,
            "result": {"statusCode": status, "header": "", "result": inner},
        })
        .to_string()
    };
    let pod = pod(json!({}));
    let read = |answer: &str| held(pod.status(start(), &link()), &[(200, answer)]).1;
    for inner in [list(OPEN), format!("[{OPEN}]")] {
        assert_eq!(
            read(&nested(200, &inner)).unwrap().status,
            LinkStatus::Created
        );
    }
    let pascal = json!({"HasError": true, "ErrorCode": 5, "ErrorMessage": "مجوز انجام این عملیات را ندارید"});
    let error = read(&nested(200, &pascal.to_string())).unwrap_err();
    assert_eq!(error.code, "forbidden");
    assert_eq!(error.provider_code.as_deref(), Some("5"));
    for bad in [
        nested(500, "[]"),
        nested(200, "<xml/>"),
        nested(200, &nested(200, "[]")),
    ] {
        assert_eq!(
            read(&bad).unwrap_err().class,
            ErrorClass::Retryable,
            "{bad}"
        );
    }
    let answers = [(200, OTT), (200, &*nested(500, ""))];
    let error = created(&pod, &answers).1.unwrap_err();
    assert_eq!(error.class, ErrorClass::Ambiguous);
}

/// Clause 38: what a create's answer does not say is ambiguous; what a reading's does not say may
/// be asked again.
#[test]
fn an_answer_that_says_nothing_is_ambiguous_after_a_change_alone() {
    let pod = pod(json!({}));
    let silent = [
        (200, ""),
        (200, "<html>"),
        (200, r#"{"hasError":false,"result":{"id":700123"#),
        (200, r#"{"result":{"id":1,"uniqueNumber":"a"}}"#),
        (
            200,
            r#"{"hasError":"false","result":{"id":1,"uniqueNumber":"a"}}"#,
        ),
        (200, r#"{"hasError":false,"result":{"uniqueNumber":"a"}}"#),
        (
            200,
            r#"{"hasError":false,"result":{"id":"7x","uniqueNumber":"a"}}"#,
        ),
        (200, r#"{"hasError":false,"result":{"id":7}}"#),
        (
            200,
            r#"{"hasError":false,"result":{"id":7,"uniqueNumber":"a","billNumber":"X"}}"#,
        ),
        (200, r#"{"hasError":false,"result":null}"#),
        (200, "[]"),
        (302, ""),
        (408, ""),
        (500, "{}"),
        (502, "<html>"),
        (503, ""),
    ];
    for answer in silent {
        let error = created(&pod, &[(200, OTT), answer]).1.unwrap_err();
        assert_eq!(error.class, ErrorClass::Ambiguous, "{answer:?}: {error:?}");
    }
    for answer in silent
        .into_iter()
        .filter(|(_, body)| !body.contains("null"))
    {
        let error = held(pod.status(start(), &link()), &[answer]).1.unwrap_err();
        assert_eq!(error.class, ErrorClass::Retryable, "{answer:?}: {error:?}");
        let error = created(&pod, &[answer]).1.unwrap_err();
        assert_eq!(error.class, ErrorClass::Retryable, "{answer:?}: {error:?}");
    }
    let wait = created(&pod, &[(200, OTT), (429, "")]).1.unwrap_err();
    assert_eq!(wait.class, ErrorClass::Retryable);
    for refused in [
        (401, ""),
        (
            200,
            r#"{"error":"invalid_token","error_description":"canary-api-token"}"#,
        ),
    ] {
        let error = created(&pod, &[refused]).1.unwrap_err();
        assert_eq!(
            (error.class, error.code.as_str()),
            (ErrorClass::Permanent, "not_authorized")
        );
        assert!(!format!("{error:?}{error}").contains("canary"), "{error:?}");
    }
}

#[test]
fn no_secret_comes_back_in_an_error() {
    let pod = pod(json!({}));
    let echo = refusal(&format!("bad token {TOKEN} key-1 v1 v2\n\u{7}"));
    for answers in [
        vec![(200, OTT), (200, echo.as_str()), (200, EMPTY)],
        vec![(200, echo.as_str())],
        vec![(200, OTT), (400, echo.as_str()), (200, EMPTY)],
    ] {
        let error = created(&pod, &answers).1.unwrap_err();
        let shown = format!("{error:?} {error}");
        for secret in [TOKEN, "key-1", "v1", "v2"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(!error.message.contains(char::is_control));
    }
    assert!(!format!("{pod:?}").contains("canary"));
}

#[test]
fn a_call_is_a_hint_by_its_bill_number_and_nothing_more() {
    let pod = pod(json!({}));
    let read = |method: &str, query: &[(&str, &str)], body: &str| {
        pod.read_callback(&CallbackParts {
            method: method.to_owned(),
            query: query
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        })
    };
    let told = [
        ("billNumber", "D42-1"),
        ("paymentBillNumber", "55012"),
        ("invoiceId", "700123"),
        ("paid", "true"),
        ("terminalId", "1234567"),
        ("maskedCardNumber", "603799******1234"),
    ];
    let form = "billNumber=D42%2D1&invoiceId=700123&paid=true";
    for read in [
        read("GET", &told, ""),
        read("POST", &told, ""),
        read("POST", &[], form),
    ] {
        let Callback::Hint { reference, reply } = read else {
            panic!("{read:?}");
        };
        assert_eq!((reference.as_str(), reply.status), ("D42-1", 200));
    }
    let twice = |extra: (&'static str, &'static str)| {
        let mut told = told.to_vec();
        told.push(extra);
        read("GET", &told, "")
    };
    let cases = [
        (twice(("billNumber", "D42-1")), "repeated_parameter"),
        (twice(("billNumber[]", "X")), "repeated_parameter"),
        (twice(("paid", "false")), "repeated_parameter"),
        (twice(("extra[0]", "X")), "repeated_parameter"),
        (read("POST", &told, form), "repeated_parameter"),
        (
            read("GET", &[("billNumber[]", "D42-1")], ""),
            "repeated_parameter",
        ),
        (read("GET", &[("paid", "true")], ""), "no_bill_number"),
        (read("GET", &[("billNumber", "")], ""), "malformed"),
        (
            read("GET", &[("billNumber", "a\u{202e}b")], ""),
            "malformed",
        ),
        (
            read("GET", &[("billNumber", "D42-1"), ("invoiceId", "7-1")], ""),
            "malformed",
        ),
        (
            read("GET", &[("billNumber", "D42-1"), ("invoiceId", "۷۰۰")], ""),
            "malformed",
        ),
        (read("POST", &[], "%zz=1"), "malformed"),
        (read("PUT", &told, ""), "method_not_allowed"),
        (read("POST", &told, &"a".repeat(20_000)), "body_too_long"),
    ];
    for (read, expected) in cases {
        let Callback::Rejected { code } = read else {
            panic!("{expected}: {read:?}");
        };
        assert_eq!(code, expected);
    }
}

#[test]
fn many_links_are_asked_for_from_the_oldest_on() {
    let pod = pod(json!({}));
    let mut younger = link();
    younger
        .0
        .insert("invoice_id".to_owned(), "700125".to_owned());
    younger.0.insert("unique_number".to_owned(), "b".to_owned());
    let other = OPEN.replace("700123", "700124");
    let second = OPEN
        .replace("700123", "700125")
        .replace("a1b2c3d4e5f6a7b8", "b");
    let answer = list(&format!("{OPEN},{other},{second}"));
    let links = [younger, link()];
    let many = pod.status_many(start(), &links).unwrap();
    let (sent, reports) = held(many, &[(200, &answer)]);
    assert_eq!(sent, [service(MANY)]);
    assert_eq!(reports.unwrap().len(), 2);
    let none = pod.status_many(start(), &[]).unwrap();
    assert!(held(none, &[]).1.unwrap().is_empty());
}

#[test]
fn the_sandbox_has_other_numbers_and_addresses() {
    let pod = pod(json!({
        "service_url": "http://sandbox.pod.ir/srv/sc/",
        "core_url": "http://sandbox.pod.ir/srv/basic-platform",
        "product_ids": {"get_invoice_list": 39308},
    }));
    let (sent, _) = held(pod.status(start(), &link()), &[(200, &list(OPEN))]);
    let first = sent.first().unwrap();
    assert_eq!(first.url, "http://sandbox.pod.ir/srv/sc/nzh/doServiceCall");
    assert!(first.body.starts_with("scProductId=39308&"));
}

#[test]
fn an_account_that_cannot_be_is_refused_before_it_is_built() {
    let built_in = built_in("pod").unwrap();
    assert!(BUILT_IN.iter().filter(|it| it.name == "pod").count() == 1);
    assert!(built_in.network && !built_in.sandbox);
    let good = json!({"guild_code": "G"});
    (built_in.check_options)(&good).unwrap();
    for bad in [
        json!({}),
        json!({"guild_code": " "}),
        json!({"guild_code": "G", "unknown": 1}),
        json!({"guild_code": "G", "link": "qr"}),
        json!({"guild_code": "G", "close_timeout": "599s"}),
        json!({"guild_code": "G", "pay_url": "ftp://x"}),
        json!({"guild_code": "G", "token_issuer": 2}),
        json!({"guild_code": "G", "duplicate_texts": [" . "]}),
        json!({"guild_code": "G", "product_ids": {"pay_invoice_by_pos": 1}}),
        json!({"guild_code": "G", "url_life": "0s"}),
        Value::Null,
    ] {
        assert!((built_in.check_options)(&bad).is_err(), "{bad}");
    }
    let adapter = built_in.adapter.unwrap();
    assert!(adapter(&settings(json!({}))).is_ok());
    let mut bare = settings(json!({}));
    bare.secrets = BTreeMap::new();
    assert!(adapter(&bare).is_err());
    let mut rubles = settings(json!({}));
    rubles.currency = Currency::Rub;
    assert!(adapter(&rubles).is_err());
    assert!(adapter(&settings(json!({"limits": {"amount_min": "1 USD"}}))).is_err());
    let mut broken = settings(json!({}));
    broken
        .secrets
        .insert("api_token".to_owned(), Secret::new("a\r\nb: c"));
    assert!(adapter(&broken).is_err());
    let few = Money::from_minor(1, Currency::Irr).unwrap();
    let limited = pod(json!({"limits": {"amount_min": "2 IRR", "expiry_max": "1h"}}));
    let small = LinkRequest {
        amount: few,
        ..wish()
    };
    let codes: Vec<String> = limited
        .validate(&small)
        .into_iter()
        .map(|it| it.code)
        .collect();
    assert_eq!(codes, ["amount_under_limit"]);
    let long = held(limited.create(start(), &wish()), &[]).1.unwrap_err();
    assert_eq!(long.code, "expiry_over_limit");
}

/// What the second reading says decides after a doubtful answer; a plain refusal needs none.
#[test]
fn after_a_doubtful_answer_the_invoice_is_read_again() {
    let pod = pod(json!({}));
    let open = list(OPEN);
    let paid = open
        .replace(r#""payed":false"#, r#""payed":true"#)
        .replace(r#""paymentDate":0"#, r#""paymentDate":1774087200000"#);
    let credit = Operation::PayByCredit {
        wallet: None,
        any: false,
    };
    let ask = |answer: (u16, &str), again: &[(u16, &str)]| {
        let mut answers = vec![(200, open.as_str()), (200, OTT), answer];
        answers.extend(again);
        held(pod.operate(start(), &link(), &credit), &answers).1
    };
    let said_false = TRUE.replace("true", "false");
    let (paid_before, unknown) = (refusal("فاکتور قبلاً پرداخت شده است"), refusal("?"));
    let doubtful = [
        ((200, said_false.as_str()), ErrorClass::Ambiguous),
        ((200, "<html>"), ErrorClass::Ambiguous),
        ((500, ""), ErrorClass::Ambiguous),
        ((200, paid_before.as_str()), ErrorClass::Permanent),
        ((200, unknown.as_str()), ErrorClass::Permanent),
    ];
    for (answer, unpaid) in doubtful {
        ask(answer, &[(200, &paid)]).unwrap();
        let error = ask(answer, &[(200, &open)]).unwrap_err();
        assert_eq!(error.class, unpaid, "{answer:?}");
        for silent in [(500, ""), (200, "{"), (429, "")] {
            let error = ask(answer, &[silent]).unwrap_err();
            assert_eq!(error.class, ErrorClass::Ambiguous, "{answer:?}, {silent:?}");
        }
    }
    let plain = refusal("مجوز انجام این عملیات را ندارید");
    assert_eq!(ask((200, &plain), &[]).unwrap_err().code, "forbidden");
    assert_eq!(
        ask((429, ""), &[]).unwrap_err().class,
        ErrorClass::Retryable
    );
}

/// Clause 44: the list holds what carries our own mark; other invoices of the business are none of ours.
#[test]
fn the_list_of_some_days_holds_our_invoices_alone() {
    let (pod, span) = (
        pod(json!({})),
        ListSpan {
            from: start(),
            to: after(TimeDelta::days(1)),
        },
    );
    let metadata = r#"{\"reference\":\"D42-1\",\"amount\":\"12500000\",\"expires_at\":\"2026-03-22T08:30:00Z\"}"#;
    let ours = OPEN.replace(
        r#""payed":false"#,
        &format!(r#""payed":false,"issuanceDate":1774081800000,"metadata":"{metadata}""#),
    );
    let foreign = OPEN.replace("D42-1", "shop-9");
    let (sent, page) = held(
        pod.list(start(), span, None).unwrap(),
        &[(200, &list(&format!("{ours},{foreign}")))],
    );
    assert_eq!(sent, [service(ALL)]);
    let page = page.unwrap();
    assert_eq!(
        page.links,
        [ListedLink {
            name: "D42-1".to_owned(),
            amount: Some(wish().amount),
            created_at: Some(start()),
            status: LinkStatus::Created,
        }]
    );
    assert_eq!(page.next, None);
    let full = vec![foreign; 100].join(",");
    let (_, page) = held(
        pod.list(start(), span, Some("200")).unwrap(),
        &[(200, &list(&full))],
    );
    let page = page.unwrap();
    assert_eq!((page.links.len(), page.next.as_deref()), (0, Some("300")));
    let refused = held(pod.list(start(), span, Some("x")).unwrap(), &[]).1;
    assert_eq!(refused.unwrap_err().code, "page_not_valid");
}
