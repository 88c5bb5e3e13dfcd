//! Golden requests and answers, operation by operation.

use chrono::TimeDelta;
use payment::{
    Effect, ErrorClass, Found, LinkStatus, ListSpan, ListedLink, Operation, ProviderRef,
    RepeatClass, Usage,
};
use serde_json::{Value, json};
use values::{Currency, Locale, Money};

use super::{NUMBER, adapter, answer, asked, build, ended, sale, settings};
use crate::{after, start};

// The bodies and addresses, signed by another program.
const CREATE: &str = r#""eyJ0eXAiOiJKV1QiLCJhbGciOiJNRDUifQ.eyJNZXJjaGFudExvZ2luIjoiYWNtZS1jcm0iLCJJbnZvaWNlVHlwZSI6Ik9uZVRpbWUiLCJPdXRTdW0iOjEyNTAuNTAsIkludklkIjo5NDEwMTU0OTc1NTczNTgsIkN1bHR1cmUiOiJydSIsIkRlc2NyaXB0aW9uIjoi0KHQtNC10LvQutCwIDQyIiwiTWVyY2hhbnRDb21tZW50cyI6InN0YWZmIG5vdGUiLCJVc2VyRmllbGRzIjp7InNocF9yZWYiOiJkZWFsLzQyL3BheS83Iiwic2hwX3VudGlsIjoiMTc5ODc1MDc5OSJ9LCJFeHBpcmF0aW9uRGF0ZSI6IjIwMjYtMTItMzFUMjM6NTk6NTkrMDM6MDAifQ.skyX_02m1d5jW9NNstJUYw""#;
const CREATE_FULL: &str = r#""eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJNZXJjaGFudExvZ2luIjoiYWNtZS1jcm0iLCJJbnZvaWNlVHlwZSI6IlJldXNhYmxlIiwiT3V0U3VtIjoxMjUwLjUwLCJJbnZJZCI6OTQxMDE1NDk3NTU3MzU4LCJDdWx0dXJlIjoiZW4iLCJEZXNjcmlwdGlvbiI6ItCh0LTQtdC70LrQsCA0MiIsIlVzZXJGaWVsZHMiOnsic2hwX3JlZiI6ImRlYWwvNDIvcGF5LzciLCJzaHBfdW50aWwiOiIxNzk4NzUwNzk5Iiwic2hwX3VzZSI6InJldXNhYmxlIn0sIkludm9pY2VJdGVtcyI6W3siTmFtZSI6ItCj0YHQu9GD0LPQsCBcItCQXCIiLCJRdWFudGl0eSI6MiwiQ29zdCI6NTAwLjAwLCJUYXgiOiJ2YXQyMCIsIlBheW1lbnRNZXRob2QiOiJmdWxsX3ByZXBheW1lbnQiLCJQYXltZW50T2JqZWN0Ijoic2VydmljZSJ9LHsiTmFtZSI6IkIiLCJRdWFudGl0eSI6MC41LCJDb3N0Ijo1MDEuMDAsIlRheCI6Im5vbmUiLCJQYXltZW50TWV0aG9kIjoiYWR2YW5jZSIsIlBheW1lbnRPYmplY3QiOiJzZXJ2aWNlIiwiTm9tZW5jbGF0dXJlQ29kZSI6IjA0NjIwMDM0NTg3MjE3In1dLCJTbm8iOiJvc24iLCJFeHBpcmF0aW9uRGF0ZSI6IjIwMjYtMTItMzFUMjM6NTk6NTkrMDM6MDAiLCJTdWNjZXNzVXJsMkRhdGEiOnsiVXJsIjoiaHR0cHM6Ly9jcm0uZXhhbXBsZS9vaz9kPTQyIiwiTWV0aG9kIjoiR0VUIn0sIkZhaWxVcmwyRGF0YSI6eyJVcmwiOiJodHRwczovL2NybS5leGFtcGxlL2ZhaWwiLCJNZXRob2QiOiJQT1NUIn0sIkFsaWFzZXMiOlsiQmFua0NhcmQiLCJTQlAiXSwiQWRkaXRpb25hbFBhcmFtZXRlcnMiOnsiUmVzdWx0VVJMMiI6Imh0dHBzOi8vY3JtLmV4YW1wbGUvYy90b2tlbiJ9fQ.wEhuEFv_tJ6VaSExMxr4u_yCQz8Jf5ehTz6gg5wd6F4""#;
const LIST_FIND: &str = r#""eyJ0eXAiOiJKV1QiLCJhbGciOiJNRDUifQ.eyJNZXJjaGFudExvZ2luIjoiYWNtZS1jcm0iLCJDdXJyZW50UGFnZSI6MSwiUGFnZVNpemUiOjEwMCwiSW52b2ljZVN0YXR1c2VzIjpbIlBhaWQiLCJFeHBpcmVkIiwiTm90cGFpZCJdLCJJbnZvaWNlVHlwZXMiOlsiT25lVGltZSIsIlJldXNhYmxlIl0sIkRhdGVGcm9tIjoiMjAyNi0wMi0xOCIsIkRhdGVUbyI6IjIwMjYtMDMtMjMifQ.CX5mhBHQcUGtTu4NmObXtw""#;
const LIST_STATUS: &str = r#""eyJ0eXAiOiJKV1QiLCJhbGciOiJNRDUifQ.eyJNZXJjaGFudExvZ2luIjoiYWNtZS1jcm0iLCJDdXJyZW50UGFnZSI6MSwiUGFnZVNpemUiOjEwMCwiSW52b2ljZVN0YXR1c2VzIjpbIlBhaWQiLCJFeHBpcmVkIiwiTm90cGFpZCJdLCJJbnZvaWNlVHlwZXMiOlsiT25lVGltZSIsIlJldXNhYmxlIl0sIkRhdGVGcm9tIjoiMjAyNi0wMy0yMCIsIkRhdGVUbyI6IjIwMjYtMDMtMjMifQ.wOZ6zn31uOkC8QRm7UxyMQ""#;
const LIST_SECOND: &str = r#""eyJ0eXAiOiJKV1QiLCJhbGciOiJNRDUifQ.eyJNZXJjaGFudExvZ2luIjoiYWNtZS1jcm0iLCJDdXJyZW50UGFnZSI6MiwiUGFnZVNpemUiOjEwMCwiSW52b2ljZVN0YXR1c2VzIjpbIlBhaWQiLCJFeHBpcmVkIiwiTm90cGFpZCJdLCJJbnZvaWNlVHlwZXMiOlsiT25lVGltZSIsIlJldXNhYmxlIl0sIkRhdGVGcm9tIjoiMjAyNi0wMy0yMCIsIkRhdGVUbyI6IjIwMjYtMDMtMjMifQ.woGlwBEeGKm4NVQn9ZSgYA""#;
const LIST_ALL: &str = r#""eyJ0eXAiOiJKV1QiLCJhbGciOiJNRDUifQ.eyJNZXJjaGFudExvZ2luIjoiYWNtZS1jcm0iLCJDdXJyZW50UGFnZSI6MSwiUGFnZVNpemUiOjEwMCwiSW52b2ljZVN0YXR1c2VzIjpbIlBhaWQiLCJFeHBpcmVkIiwiTm90cGFpZCJdLCJJbnZvaWNlVHlwZXMiOlsiT25lVGltZSIsIlJldXNhYmxlIl0sIkRhdGVGcm9tIjoiMjAyNi0wMy0yMSIsIkRhdGVUbyI6IjIwMjYtMDMtMjUifQ.kiZD7BjNTTIKfRP6AuuQvw""#;
const LIST_ALL_SECOND: &str = r#""eyJ0eXAiOiJKV1QiLCJhbGciOiJNRDUifQ.eyJNZXJjaGFudExvZ2luIjoiYWNtZS1jcm0iLCJDdXJyZW50UGFnZSI6MiwiUGFnZVNpemUiOjEwMCwiSW52b2ljZVN0YXR1c2VzIjpbIlBhaWQiLCJFeHBpcmVkIiwiTm90cGFpZCJdLCJJbnZvaWNlVHlwZXMiOlsiT25lVGltZSIsIlJldXNhYmxlIl0sIkRhdGVGcm9tIjoiMjAyNi0wMy0yMSIsIkRhdGVUbyI6IjIwMjYtMDMtMjUifQ.XclexuUdh_SWMbwyWKfOLw""#;
const DEACTIVATE: &str = r#""eyJ0eXAiOiJKV1QiLCJhbGciOiJNRDUifQ.eyJNZXJjaGFudExvZ2luIjoiYWNtZS1jcm0iLCJJbnZJZCI6OTQxMDE1NDk3NTU3MzU4fQ.7AUpXzL0-9kPYJV5BvcPBw""#;
const STATE: &str = "https://auth.robokassa.ru/Merchant/WebService/Service.asmx/OpStateExt?MerchantLogin=acme-crm&InvoiceID=941015497557358&Signature=5efc87b3052de0ed618f930efedc48d5";
const CLASSIC: &str = "https://auth.robokassa.ru/Merchant/Index.aspx?MerchantLogin=acme-crm&OutSum=1250.50&InvId=941015497557358&Description=%D0%A1%D0%B4%D0%B5%D0%BB%D0%BA%D0%B0%2042&SignatureValue=fac497eb518d283ffc922edcc20b7244&ExpirationDate=2026-12-31T23%3A59%3A59%2B03%3A00&Culture=ru&Encoding=utf-8&Shp_ref=deal%2F42%2Fpay%2F7&Shp_until=1798750799";
const CLASSIC_FULL: &str = "https://auth.robokassa.ru/Merchant/Index.aspx?MerchantLogin=acme-crm&OutSum=1250.50&Description=%D0%A1%D0%B4%D0%B5%D0%BB%D0%BA%D0%B0%2042&Receipt=%257B%2522sno%2522%253A%2522osn%2522%252C%2522items%2522%253A%255B%257B%2522name%2522%253A%2522%25D0%25A1%25D0%25B4%25D0%25B5%25D0%25BB%25D0%25BA%25D0%25B0%252042%2522%252C%2522quantity%2522%253A1%252C%2522sum%2522%253A1250.50%252C%2522tax%2522%253A%2522vat20%2522%252C%2522payment_method%2522%253A%2522full_prepayment%2522%252C%2522payment_object%2522%253A%2522service%2522%257D%255D%257D&ResultUrl2=https%253A%252F%252Fcrm.example%252Fc%252Ftoken&SuccessUrl2=https%253A%252F%252Fcrm.example%252Fok%253Fd%253D42&SuccessUrl2Method=GET&FailUrl2=https%253A%252F%252Fcrm.example%252Ffail&FailUrl2Method=POST&SignatureValue=0b67bd85b25319a1137c422efa244bca84e2148783769c9e4690ab5c3443c59f5fa5c5f4bacc00b8652db8225114e9e64cc0ee84a36e2dad8f21e80c4276675a&ExpirationDate=2026-12-31T23%3A59%3A59%2B03%3A00&Culture=en&Encoding=utf-8&PaymentMethods=BankCard&PaymentMethods=SBP&Shp_ref=deal%2F42%2Fpay%2F7&Shp_until=1798750799&Shp_use=reusable";
const RECEIPT: &str = "eyJtZXJjaGFudElkIjoiYWNtZS1jcm0iLCJpZCI6IjkwMDEiLCJvcmlnaW5JZCI6Ijk0MTAxNTQ5NzU1NzM1OCIsIm9wZXJhdGlvbiI6InNlbGwiLCJzbm8iOiJvc24iLCJ1cmwiOiJodHRwczovL2NybS5leGFtcGxlIiwidG90YWwiOjEyNTAuNTAsIml0ZW1zIjpbeyJuYW1lIjoi0KPRgdC70YPQs9C4IiwicXVhbnRpdHkiOjEsInN1bSI6MTI1MC41MCwidGF4IjoidmF0MjAiLCJwYXltZW50X21ldGhvZCI6ImZ1bGxfcGF5bWVudCIsInBheW1lbnRfb2JqZWN0Ijoic2VydmljZSJ9XSwiY2xpZW50Ijp7ImVtYWlsIjoiYm9va3NAY3JtLmV4YW1wbGUifSwicGF5bWVudHMiOlt7InR5cGUiOjIsInN1bSI6MTI1MC41MH1dLCJ2YXRzIjpbeyJ0eXBlIjoidmF0MjAiLCJzdW0iOjIwOC40Mn1dfQ.MDE2MDZhM2M0NTUzMDc0ZjE0YzdkYzQ0OTIwZWI4OWE";

const CREATED: &str = r#"{"isSuccess":true,"id":"0f1e2d3c-4b5a-4678-9abc-def012345678","invId":941015497557358,"encodedId":"PC0eD1pLeEaavN7wEjRWeA","url":"https://auth.robokassa.ru/merchant/Invoice/PC0eD1pLeEaavN7wEjRWeA"}"#;
const REFUSED: &str = r#"{"isSuccess":false,"message":"Ошибка"}"#;
const EMPTY: &str = r#"{"isSuccess":true,"total":0,"invoiceInformationList":[]}"#;
const ABSENT: &str = "<OperationStateResponse xmlns=\"http://merchant.roboxchange.com/WebService/\"><Result><Code>3</Code></Result></OperationStateResponse>";

fn options() -> Value {
    json!({
        "hash": "sha256",
        "success-url": {"url": "https://crm.example/ok?d=42"},
        "fail_url": {"url": "https://crm.example/fail", "method": "POST"},
        "aliases": ["BankCard", "SBP"],
        "result_url2": true,
        "jws_certificate": super::CERTIFICATE,
        "receipt": {
            "sno": "osn",
            "tax": "vat20",
            "payment_method": "full_prepayment",
            "payment_object": "service",
            "second": {
                "url": "https://crm.example",
                "name": "Услуги",
                "email": "books@crm.example",
            },
        },
    })
}

fn named() -> ProviderRef {
    let pairs = [
        ("reference", "deal/42/pay/7"),
        ("inv_id", NUMBER),
        ("via", "invoice_api"),
        ("id", "0f1e2d3c-4b5a-4678-9abc-def012345678"),
        ("until", "1798750799"),
        ("made_on", "2026-03-21"),
    ];
    let owned = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
    ProviderRef(owned.into())
}

fn row(status: &str, more: &str) -> String {
    format!(
        r#"{{"isSuccess":true,"total":1,"invoiceInformationList":[{{"id":"0f1e2d3c-4b5a-4678-9abc-def012345678","invId":{NUMBER},"outSum":1250.5,"invoiceStatus":"{status}","created":"2026-03-21T11:30:00","invoicePaymentUrl":"https://auth.robokassa.ru/merchant/Invoice/PC0eD1pLeEaavN7wEjRWeA","userFields":{{"shp_ref":"deal/42/pay/7","shp_until":"1798750799"}}{more}}}]}}"#
    )
}

fn operation(state: &str, sum: &str) -> String {
    format!(
        "<OperationStateResponse><Result><Code>0</Code></Result><State><Code>{state}</Code><StateDate>2026-03-21T12:00:00.0000000+03:00</StateDate></State><Info><OutSum>{sum}</OutSum><OpKey>K-1</OpKey></Info></OperationStateResponse>"
    )
}

#[test]
fn a_create_is_sent_and_understood() {
    let shop = adapter(json!({}));
    assert_eq!(shop.order_no("deal/42/pay/7"), NUMBER);
    let mut request = sale();
    request.comment = Some("staff note".to_owned());
    assert_eq!(shop.validate(&request), []);
    let ask = asked(shop.create(start(), &request));
    assert_eq!(ask.effect, Effect::Changes);
    assert_eq!(ask.request.method, "POST");
    assert_eq!(
        ask.request.url,
        "https://services.robokassa.ru/InvoiceServiceWebApi/api/CreateInvoice"
    );
    assert_eq!(
        ask.request.headers,
        [("content-type".to_owned(), "application/json".to_owned())]
    );
    assert_eq!(String::from_utf8(ask.request.body.clone()).unwrap(), CREATE);
    let link = ended(ask.answered(answer(200, CREATED))).unwrap();
    assert_eq!(link.provider_ref, named());
    assert_eq!(
        link.url,
        "https://auth.robokassa.ru/merchant/Invoice/PC0eD1pLeEaavN7wEjRWeA"
    );
}

fn full() -> payment::LinkRequest {
    let mut request = sale();
    request.usage = Usage::Reusable;
    request.locale = Locale::Fa;
    let items = json!([
        {"name": "Услуга \"А\"", "quantity": "۲", "cost": "500.00"},
        {"name": "B", "quantity": 0.5, "cost": 501, "tax": "none", "payment_method": "advance",
         "nomenclature_code": "04620034587217"},
    ]);
    request.extras.insert("items".to_owned(), items.to_string());
    request
}

#[test]
fn everything_a_create_can_carry_is_sent() {
    let shop = adapter(options());
    assert_eq!(shop.validate(&full()), []);
    let ask = asked(shop.create(start(), &full()));
    assert_eq!(
        String::from_utf8(ask.request.body.clone()).unwrap(),
        CREATE_FULL
    );
    let link = ended(ask.answered(answer(200, CREATED))).unwrap();
    assert_eq!(link.provider_ref.0["use"], "reusable");
}

#[test]
fn a_classic_link_is_made_without_asking_and_always_the_same() {
    let shop = adapter(json!({"interface": "classic"}));
    assert_eq!(shop.capabilities().repeat.class, RepeatClass::Idempotent);
    let first = ended(shop.create(start(), &sale())).unwrap();
    let again = ended(shop.create(after(TimeDelta::days(30)), &sale())).unwrap();
    assert_eq!(first, again);
    assert_eq!(first.url, CLASSIC);
    let mut all = options();
    all["interface"] = json!("classic");
    all["hash"] = json!("sha512");
    all["signed_urls"] = json!("encoded");
    let mut request = full();
    request.extras.clear();
    let link = ended(adapter(all).create(start(), &request)).unwrap();
    assert_eq!(link.url, CLASSIC_FULL);
}

#[test]
fn a_look_up_by_reference_reads_the_list() {
    let shop = adapter(json!({}));
    let ask = asked(shop.find(start(), "deal/42/pay/7"));
    assert_eq!(ask.effect, Effect::Reads);
    assert_eq!(
        ask.request.url,
        "https://services.robokassa.ru/InvoiceServiceWebApi/api/GetInvoiceInformationList"
    );
    assert_eq!(
        String::from_utf8(ask.request.body.clone()).unwrap(),
        LIST_FIND
    );
    let found = ended(ask.answered(answer(200, &row("Notpaid", "")))).unwrap();
    let Found::Link(link) = found else {
        panic!("{found:?}");
    };
    assert_eq!(link.provider_ref, named());
    assert_eq!(link.amount, Some(sale().amount));
    let find = |body: &str| {
        let ask = asked(shop.find(start(), "deal/42/pay/7"));
        ended(ask.answered(answer(200, body)))
    };
    assert_eq!(find(EMPTY), Ok(Found::NotFound));
    let foreign = row("Notpaid", "").replace("deal/42/pay/7", "another");
    assert_eq!(find(&foreign), Ok(Found::CannotTell));
    let unpayable = row("Notpaid", "").replace("https://auth", "javascript:auth");
    assert_eq!(find(&unpayable), Ok(Found::CannotTell));
    for body in ["", "{", "<html></html>", "null", r#"{"isSuccess":"yes"}"#] {
        assert_eq!(
            find(body).unwrap_err().class,
            ErrorClass::Retryable,
            "{body}"
        );
    }
    assert_eq!(find(REFUSED).unwrap_err().code, "list_refused");
}

#[test]
fn a_long_list_is_read_page_by_page() {
    let shop = adapter(json!({}));
    let ask = asked(shop.status(start(), &named()));
    assert_eq!(ask.request.url, STATE);
    let ask = asked(ask.answered(answer(200, ABSENT)));
    assert_eq!(
        String::from_utf8(ask.request.body.clone()).unwrap(),
        LIST_STATUS
    );
    let others: Vec<Value> = (1..101).map(|number| json!({"invId": number})).collect();
    let full = json!({"isSuccess": true, "total": 101, "invoiceInformationList": others});
    let ask = asked(ask.answered(answer(200, &full.to_string())));
    assert_eq!(
        String::from_utf8(ask.request.body.clone()).unwrap(),
        LIST_SECOND
    );
    let report = ended(ask.answered(answer(200, &row("notpaid", "")))).unwrap();
    assert_eq!(report.status, LinkStatus::Created);
    assert_eq!(report.reference, "deal/42/pay/7");
}

/// Each word of the provider has its state; an unknown one is never paid.
#[test]
fn every_word_of_a_status_is_translated() {
    let shop = adapter(json!({}));
    let sum = "1250.500000";
    for (state, status) in [
        ("20", LinkStatus::Held),
        ("50", LinkStatus::Paying),
        ("60", LinkStatus::Refunded),
        ("80", LinkStatus::Unknown),
        ("100", LinkStatus::Paid),
        ("99", LinkStatus::Unknown),
        ("0100", LinkStatus::Unknown),
        ("", LinkStatus::Unknown),
    ] {
        let ask = asked(shop.status(start(), &named()));
        let report = ended(ask.answered(answer(200, &operation(state, sum)))).unwrap();
        assert_eq!(report.status, status, "{state}");
        let paid = status == LinkStatus::Paid;
        assert_eq!(report.payments.len(), usize::from(paid), "{state}");
        for payment in report.payments {
            assert_eq!(payment.transaction, NUMBER);
            assert_eq!(payment.amount, sale().amount);
            assert_eq!(payment.paid_at.to_rfc3339(), "2026-03-21T09:00:00+00:00");
            assert_eq!(payment.tracking_no.as_deref(), Some("K-1"));
        }
    }
    for sum in [
        "1.2505e3", "1250,50", "1250.505", "", "NaN", "۱۲۵۰", "-1250.50",
    ] {
        let ask = asked(shop.status(start(), &named()));
        let report = ended(ask.answered(answer(200, &operation("100", sum)))).unwrap();
        assert_eq!(report.status, LinkStatus::Unknown, "{sum}");
        assert_eq!(report.payments, [], "{sum}");
    }
    let late = operation("100", sum).replace("2026-03-21", "2027-01-01");
    let ask = asked(shop.status(start(), &named()));
    assert_eq!(
        ended(ask.answered(answer(200, &late))).unwrap().status,
        LinkStatus::PaidLate
    );
    let foreign = operation("100", sum).replace(
        "</Info>",
        "</Info><UserField><Field><Name>shp_ref</Name><Value>other</Value></Field></UserField>",
    );
    let ask = asked(shop.status(start(), &named()));
    let report = ended(ask.answered(answer(200, &foreign))).unwrap();
    assert_eq!(
        (report.status, report.payments.len()),
        (LinkStatus::Unknown, 0)
    );
}

#[test]
fn the_list_says_what_the_operation_does_not() {
    let shop = adapter(json!({}));
    let closed = r#","modified":"2026-03-21T11:40:00""#;
    let untouched = r#","modified":"2026-03-21T11:30:00""#;
    let (now, over) = (start(), "2027-01-01T00:00:00Z".parse().unwrap());
    let begun = operation("5", "1250.50");
    let doubled = ABSENT.replace(">3<", ">4<");
    for (operation, list, at, status) in [
        (ABSENT, row("Notpaid", ""), now, LinkStatus::Created),
        (ABSENT, row("Expired", ""), now, LinkStatus::Cancelled),
        (ABSENT, row("Expired", closed), over, LinkStatus::Cancelled),
        (ABSENT, row("Expired", untouched), over, LinkStatus::Expired),
        (ABSENT, row("Expired", ""), over, LinkStatus::Expired),
        (ABSENT, row("Paid", ""), now, LinkStatus::Unknown),
        (ABSENT, row("Frozen", ""), now, LinkStatus::Unknown),
        (ABSENT, EMPTY.to_owned(), now, LinkStatus::Unknown),
        (ABSENT, EMPTY.to_owned(), over, LinkStatus::Expired),
        (&begun, row("Notpaid", ""), now, LinkStatus::Paying),
        (&begun, row("Expired", ""), over, LinkStatus::Expiring),
        (&begun, EMPTY.to_owned(), over, LinkStatus::Unknown),
        (&doubled, row("Notpaid", ""), now, LinkStatus::Created),
        (&doubled, row("Expired", ""), over, LinkStatus::Unknown),
        (&doubled, EMPTY.to_owned(), over, LinkStatus::Unknown),
    ] {
        let ask = asked(shop.status(at, &named()));
        let ask = asked(ask.answered(answer(200, operation)));
        let report = ended(ask.answered(answer(200, &list))).unwrap();
        assert_eq!(report.status, status, "{list}");
        assert_eq!(report.payments, []);
    }
}

/// A classic link is in no list: its time and its operation are all there is.
#[test]
fn a_classic_link_is_judged_by_time_and_operation() {
    let shop = adapter(json!({"interface": "classic"}));
    let name = ended(shop.create(start(), &sale())).unwrap().provider_ref;
    let (now, over) = (start(), "2027-01-01T00:00:00Z".parse().unwrap());
    let doubled = ABSENT.replace(">3<", ">4<");
    for (operation, at, status) in [
        (ABSENT, now, LinkStatus::Created),
        (ABSENT, over, LinkStatus::Expired),
        (&operation("5", "1.00"), now, LinkStatus::Paying),
        (&operation("5", "1.00"), over, LinkStatus::Expiring),
        (&operation("10", "1.00"), now, LinkStatus::Created),
        (&doubled, now, LinkStatus::Unknown),
        (&doubled, over, LinkStatus::Unknown),
    ] {
        let ask = asked(shop.status(at, &name));
        let report = ended(ask.answered(answer(200, operation))).unwrap();
        assert_eq!(report.status, status, "{operation}");
    }
    let error = ended(shop.deactivate(now, &name).unwrap()).unwrap_err();
    assert_eq!(error.code, "unsupported_operation");
}

#[test]
fn closing_is_sent_and_its_refusal_is_looked_into() {
    let shop = adapter(json!({}));
    let ask = asked(shop.deactivate(start(), &named()).unwrap());
    assert_eq!(ask.effect, Effect::Changes);
    assert_eq!(
        ask.request.url,
        "https://services.robokassa.ru/InvoiceServiceWebApi/api/DeactivateInvoice"
    );
    assert_eq!(
        String::from_utf8(ask.request.body.clone()).unwrap(),
        DEACTIVATE
    );
    ended(ask.answered(answer(200, r#"{"isSuccess":true}"#))).unwrap();
    for (list, code) in [
        (row("Expired", ""), None),
        (row("Notpaid", ""), Some("deactivation_refused")),
        (row("Paid", ""), Some("deactivation_refused")),
    ] {
        let ask = asked(shop.deactivate(start(), &named()).unwrap());
        let ask = asked(ask.answered(answer(200, REFUSED)));
        let ask = asked(ask.answered(answer(200, ABSENT)));
        let closed = ended(ask.answered(answer(200, &list)));
        assert_eq!(
            closed.err().map(|error| error.code).as_deref(),
            code,
            "{list}"
        );
    }
    let ask = asked(shop.deactivate(start(), &named()).unwrap());
    let ask = asked(ask.answered(answer(200, REFUSED)));
    let paid = ended(ask.answered(answer(200, &operation("100", "1250.50"))));
    assert_eq!(paid.unwrap_err().code, "already_paid");
}

#[test]
fn a_second_receipt_is_signed_and_its_answer_read() {
    let mut section = options();
    section["hash"] = json!("md5");
    let shop = adapter(section);
    let wish = Operation::SecondReceipt {
        receipt_no: "9001".to_owned(),
        amount: sale().amount,
    };
    let ask = asked(shop.operate(start(), &named(), &wish));
    assert_eq!(ask.effect, Effect::Changes);
    assert_eq!(
        ask.request.url,
        "https://ws.roboxchange.com/RoboFiscal/Receipt/Attach"
    );
    assert_eq!(String::from_utf8(ask.request.body).unwrap(), RECEIPT);
    for (body, class) in [
        (r#"{"ResultCode":"0","ResultDescription":"ok"}"#, None),
        (r#"{"ResultCode":0}"#, None),
        (r#"{"ResultCode":"2"}"#, None),
        (r#"{"ResultCode":"3"}"#, Some(ErrorClass::Permanent)),
        (r#"{"ResultCode":"1000"}"#, Some(ErrorClass::Ambiguous)),
        ("ok", Some(ErrorClass::Ambiguous)),
    ] {
        let ask = asked(shop.operate(start(), &named(), &wish));
        let attached = ended(ask.answered(answer(200, body)));
        assert_eq!(attached.err().map(|error| error.class), class, "{body}");
    }
    let plain = adapter(json!({}));
    assert_eq!(plain.capabilities().operations, []);
}

/// What an answer to a create means: refused, try later, or nobody knows.
#[test]
fn every_answer_to_a_create_has_its_class() {
    let shop = adapter(json!({}));
    let other = CREATED.replace(NUMBER, "5");
    let script = CREATED.replace("https://", "javascript:");
    let half = &CREATED[..CREATED.len() / 2];
    for (status, body, class) in [
        (200, "<html>It works</html>", ErrorClass::Ambiguous),
        (200, half, ErrorClass::Ambiguous),
        (200, "", ErrorClass::Ambiguous),
        (200, r#"{"isSuccess":true}"#, ErrorClass::Ambiguous),
        (200, &other, ErrorClass::Ambiguous),
        (200, &script, ErrorClass::Ambiguous),
        (302, CREATED, ErrorClass::Ambiguous),
        (404, "not found", ErrorClass::Ambiguous),
        (401, "", ErrorClass::Permanent),
        (403, "", ErrorClass::Permanent),
        (429, "", ErrorClass::Retryable),
        (500, CREATED, ErrorClass::Ambiguous),
        (502, "", ErrorClass::Ambiguous),
    ] {
        let ask = asked(shop.create(start(), &sale()));
        let error = ended(ask.answered(answer(status, body))).unwrap_err();
        assert_eq!(error.class, class, "{status} {body}: {error:?}");
        let wait = (status == 429).then_some(TimeDelta::seconds(30));
        assert_eq!(error.retry_after, wait, "{status}");
    }
    for refusal in [REFUSED, r#"{"isSuccess":false,"errorMessage":"Ошибка"}"#] {
        let ask = asked(shop.create(start(), &sale()));
        let ask = asked(ask.answered(answer(400, refusal)));
        let error = ended(ask.answered(answer(200, EMPTY))).unwrap_err();
        assert_eq!(
            (error.class, error.code.as_str()),
            (ErrorClass::Permanent, "refused")
        );
        assert_eq!(error.provider_code.as_deref(), Some("Ошибка"));
    }
    for (refusal, class, code) in [
        (
            r#"{"isSuccess":false,"errorCode":41}"#,
            ErrorClass::Retryable,
            "provider_error",
        ),
        (
            r#"{"isSuccess":false,"message":"29"}"#,
            ErrorClass::Permanent,
            "signature_refused",
        ),
        (
            r#"{"isSuccess":false,"errorCode":"40"}"#,
            ErrorClass::Permanent,
            "duplicate_reference",
        ),
    ] {
        let ask = asked(shop.create(start(), &sale()));
        let error = ended(ask.answered(answer(200, refusal))).unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (class, code));
    }
    let ask = asked(shop.create(start(), &sale()));
    let words = r#"{"isSuccess":false,"message":"Invoice with this InvId already exists"}"#;
    assert!(
        ended(ask.answered(answer(200, words)))
            .unwrap_err()
            .is_duplicate()
    );
}

#[test]
fn what_does_not_fit_is_refused_before_it_is_sent() {
    let shop = adapter(json!({"amount-max": "2000 RUB"}));
    let codes = |change: fn(&mut payment::LinkRequest)| {
        let mut request = sale();
        change(&mut request);
        let problems = shop.validate(&request);
        problems
            .into_iter()
            .map(|problem| problem.code)
            .collect::<Vec<_>>()
    };
    let money = |minor| Money::from_minor(minor, Currency::Rub).unwrap();
    assert_eq!(money(200_001).to_string(), "2000.01 RUB");
    assert_eq!(
        codes(|request| request.amount = Money::from_minor(200_001, Currency::Rub).unwrap()),
        ["amount_over_limit"]
    );
    assert_eq!(
        codes(|request| request.amount = Money::from_minor(1, Currency::Usd).unwrap()),
        ["currency_mismatch"]
    );
    assert_eq!(
        codes(|request| request.description = "ы".repeat(101)),
        ["description_too_long"]
    );
    assert_eq!(
        codes(|request| request.description = "فاکتور".to_owned()),
        ["description_characters"]
    );
    assert_eq!(
        codes(|request| request.description = "a\nb".to_owned()),
        ["description_characters"]
    );
    assert_eq!(
        codes(|request| request.reference = String::new()),
        ["reference_not_valid"]
    );
    let classic = adapter(json!({"interface": "classic"}));
    let mut request = sale();
    request.comment = Some("note".to_owned());
    assert_eq!(classic.validate(&request)[0].code, "comment_not_supported");
}

#[test]
fn items_that_do_not_add_up_or_cannot_be_read_are_refused() {
    let shop = adapter(json!({}));
    let with_items = |items: &str| {
        let mut request = sale();
        request.extras.insert("items".to_owned(), items.to_owned());
        let problems = shop.validate(&request);
        problems
            .into_iter()
            .map(|problem| problem.code)
            .collect::<Vec<_>>()
    };
    assert_eq!(with_items(r#"[{"name":"A","cost":"1250.50"}]"#), [""; 0]);
    for (items, code) in [
        (r#"[{"name":"A","cost":"1250.51"}]"#, "items_sum_mismatch"),
        ("[]", "items_sum_mismatch"),
        ("{", "items_not_valid"),
        (r#"[{"name":"","cost":"1250.50"}]"#, "items_not_valid"),
        (r#"[{"name":"A","cost":"-1250.50"}]"#, "items_not_valid"),
        (r#"[{"name":"A","cost":"1250.505"}]"#, "items_not_valid"),
        (r#"[{"name":"A","cost":"1.25050e3"}]"#, "items_not_valid"),
        (
            r#"[{"name":"A","cost":"1250.50","price":1}]"#,
            "items_not_valid",
        ),
        (
            r#"[{"name":"A","cost":"1250.50","tax":"vat99"}]"#,
            "items_not_valid",
        ),
        (
            r#"[{"name":"A","cost":"1250.50","quantity":"0.3333"}]"#,
            "items_not_valid",
        ),
    ] {
        assert_eq!(with_items(items), [code], "{items}");
    }
}

#[test]
fn an_account_that_does_not_fit_is_not_built() {
    for options in [
        json!({"merchant_login": ""}),
        json!({"merchant_login": "a:b"}),
        json!({"interface": "soap"}),
        json!({"hash": "md4"}),
        json!({"inv_id_bits": 32}),
        json!({"test": true}),
        json!({"test": true, "interface": "classic", "result_url2": true}),
        json!({"amount_max": "10 USD"}),
        json!({"lookup_days": 0}),
        json!({"culture": "fa"}),
        json!({"password1": "p1-Secret"}),
        json!({"auth_url": "http://auth.robokassa.ru"}),
        json!({"services_url": "ftp://127.0.0.1"}),
        json!({"fiscal_url": "http://127.0.0.1.example.com"}),
        json!({"success_url": {"url": "javascript:alert(1)"}}),
        json!({"result_url2": true}),
        json!({"jws_certificate": "not a certificate"}),
        json!({"jws_certificate": "AAAA"}),
    ] {
        let failed = build(&settings(options.clone())).err();
        let text = failed.map(|error| error.to_string());
        assert!(text.is_some(), "{options}");
        assert!(!text.unwrap().contains("Secret"), "{options}");
    }
    for (change, expected) in [
        (
            (|all| drop(all.secrets.remove("password2")))
                as fn(&mut payment::gateways::AccountSettings),
            "account shop has no secret `password2`",
        ),
        (
            |all| all.currency = Currency::Irr,
            "account shop: Robokassa takes RUB only",
        ),
        (
            |all| {
                let first = all.secrets["password1"].clone();
                all.secrets.insert("password2".to_owned(), first);
            },
            "account shop: the two passwords must differ",
        ),
    ] {
        let mut all = settings(json!({}));
        change(&mut all);
        let error = build(&all).err().unwrap();
        assert_eq!(error.to_string(), expected);
    }
    for local in [
        "http://127.0.0.1:8080/",
        "http://localhost:1",
        "http://[::1]:80",
    ] {
        build(&settings(json!({"auth_url": local}))).unwrap();
    }
}

/// Canary: no password stands in an error, a report or a debug text, even where the provider repeats it.
#[test]
fn no_password_is_ever_shown() {
    let shop = adapter(json!({}));
    let mut seen = String::new();
    for words in ["p1-Secret", "key acme-crm:p2-Secret is wrong"] {
        let ask = asked(shop.create(start(), &sale()));
        seen += &format!("{ask:?}");
        let refusal = json!({"isSuccess": false, "message": words}).to_string();
        let ask = asked(ask.answered(answer(200, &refusal)));
        seen += &format!("{:?}", ended(ask.answered(answer(200, EMPTY))));
        let ask = asked(shop.status(start(), &named()));
        seen += &format!("{ask:?}");
        seen += &format!("{:?}", ended(ask.answered(answer(200, words))));
        let ask = asked(shop.deactivate(start(), &named()).unwrap());
        let ask = asked(ask.answered(answer(200, &refusal)));
        let ask = asked(ask.answered(answer(200, ABSENT)));
        seen += &format!(
            "{:?}",
            ended(ask.answered(answer(200, &row("Notpaid", ""))))
        );
    }
    seen += &format!("{:?}", settings(json!({})));
    assert!(!seen.contains("Secret\""), "{seen}");
    assert!(
        !seen.contains("p1-Secret") && !seen.contains("p2-Secret"),
        "{seen}"
    );
}

/// Clause 44: what the provider has is listed page by page, whoever made it.
#[test]
fn the_whole_list_of_some_days_is_read_page_by_page() {
    let shop = adapter(json!({}));
    let span = ListSpan {
        from: start(),
        to: after(TimeDelta::days(3)),
    };
    let ask = asked(shop.list(start(), span, None).unwrap());
    assert_eq!(ask.effect, Effect::Reads);
    assert_eq!(
        String::from_utf8(ask.request.body.clone()).unwrap(),
        LIST_ALL
    );
    let others: Vec<Value> = (1..101).map(|number| json!({"invId": number})).collect();
    let full = json!({"isSuccess": true, "total": 101, "invoiceInformationList": others});
    let page = ended(ask.answered(answer(200, &full.to_string()))).unwrap();
    assert_eq!((page.links.len(), page.next.as_deref()), (100, Some("2")));
    let ask = asked(shop.list(start(), span, Some("2")).unwrap());
    assert_eq!(
        String::from_utf8(ask.request.body.clone()).unwrap(),
        LIST_ALL_SECOND
    );
    let last = row("Paid", "").replace("\"total\":1", "\"total\":101");
    let page = ended(ask.answered(answer(200, &last))).unwrap();
    assert_eq!(page.next, None);
    assert_eq!(
        page.links,
        [ListedLink {
            name: NUMBER.to_owned(),
            amount: Money::parse("1250.50 RUB").ok(),
            created_at: Some(start()),
            status: LinkStatus::Paid,
        }]
    );
    for page in ["0x", "-1", "101"] {
        assert_eq!(
            ended(shop.list(start(), span, Some(page)).unwrap())
                .unwrap_err()
                .code,
            "page_not_valid"
        );
    }
    let ask = asked(shop.list(start(), span, None).unwrap());
    assert_eq!(
        ended(ask.answered(answer(200, REFUSED))).unwrap_err().code,
        "list_refused"
    );
    let classic = adapter(json!({"interface": "classic"}));
    assert!(
        classic.list(start(), span, None).is_none(),
        "a signed URL is on no list"
    );
    assert_eq!(
        (shop.lookup_reach(), classic.lookup_reach()),
        (Some(TimeDelta::days(31)), None)
    );
}
