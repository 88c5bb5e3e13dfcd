use super::{Operation, leaves, read};
use crate::ErrorClass;
use transport::HttpResponse;

const PAID: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<OperationStateResponse xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="http://merchant.roboxchange.com/WebService/">
  <Result><Code>0</Code></Result>
  <State><Code>100</Code><RequestDate>2026-03-21T12:05:00.1234567+03:00</RequestDate><StateDate>2026-03-21T12:00:00.1234567+03:00</StateDate></State>
  <Info><IncCurrLabel>BANKCARD</IncCurrLabel><IncSum>1275.510000</IncSum><PaymentMethod><Code>BankCard</Code></PaymentMethod><OutCurrLabel>RUR</OutCurrLabel><OutSum>1250.500000</OutSum><OpKey>K-1</OpKey></Info>
  <UserField><Field><Name>Shp_ref</Name><Value>a&amp;b</Value></Field><Field><Name>shp_interface</Name><Value>InvoiceService.WebApi</Value></Field></UserField>
</OperationStateResponse>"#;

fn answer(status: u16, body: &str) -> HttpResponse {
    HttpResponse {
        status,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    }
}

#[test]
fn a_paid_operation_is_read_whole() {
    let Ok(Operation::Known(state)) = read(&answer(200, PAID)) else {
        panic!("not read");
    };
    assert_eq!(state.code, "100");
    assert_eq!(
        state.at.unwrap().to_rfc3339(),
        "2026-03-21T09:00:00.123456700+00:00"
    );
    assert_eq!(state.out_sum.unwrap().to_string(), "1250.50 RUB");
    assert_eq!(state.key.as_deref(), Some("K-1"));
    assert_eq!(state.own["shp_ref"], "a&b");
}

#[test]
fn another_currency_is_no_sum() {
    let body = PAID.replace(">RUR<", ">USD<");
    let Ok(Operation::Known(state)) = read(&answer(200, &body)) else {
        panic!("not read");
    };
    assert_eq!(state.out_sum, None);
}

/// Entities, document types, instructions, a second root, repeated codes and broken nesting are no
/// answers.
#[test]
fn what_is_not_plain_xml_is_not_read() {
    let with = |from: &str, to: &str| PAID.replacen(from, to, 1);
    let bodies = [
        String::new(),
        "<html><body>it works</body></html>".to_owned(),
        with(
            "<OperationStateResponse",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><OperationStateResponse",
        ),
        with("a&amp;b", "&b;"),
        with("a&amp;b", "&xxe;"),
        with("<Result>", "<?php echo 1 ?><Result>"),
        with("<Code>0</Code>", "<Code>0</Code><Code>3</Code>"),
        with(
            "<State><Code>100</Code>",
            "<State><Code>100</Code><Code>5</Code>",
        ),
        with("</Result>", "</State>"),
        PAID.replace("</OperationStateResponse>", ""),
        format!("{PAID}<OperationStateResponse/>"),
        format!("{PAID} and more"),
        PAID[..PAID.len() / 2].to_owned(),
        "<OperationStateResponse>".to_owned() + &"<a>".repeat(100),
        format!(
            "<OperationStateResponse>{}</OperationStateResponse>",
            "<a/>".repeat(1000)
        ),
    ];
    for body in bodies {
        let error = read(&answer(200, &body)).unwrap_err();
        assert_eq!(error.class, ErrorClass::Retryable, "{body}");
    }
    assert!(leaves(b"\xff\xfe").is_none());
}

/// Each code of an answer, and each status of HTTP, has its meaning.
#[test]
fn every_result_code_has_its_class() {
    let body = |code: &str| {
        format!(
            "<OperationStateResponse><Result><Code>{code}</Code></Result></OperationStateResponse>"
        )
    };
    assert_eq!(read(&answer(200, &body("3"))), Ok(Operation::Absent));
    assert_eq!(read(&answer(200, &body("4"))), Ok(Operation::Doubled));
    for (code, class, ours) in [
        ("1", ErrorClass::Permanent, "signature_refused"),
        ("2", ErrorClass::Permanent, "shop_not_found"),
        ("1000", ErrorClass::Retryable, "provider_error"),
        ("77", ErrorClass::Retryable, "provider_error"),
        ("0", ErrorClass::Retryable, "answer_not_understood"),
    ] {
        let error = read(&answer(200, &body(code))).unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (class, ours), "{code}");
    }
    for (status, class) in [
        (301, ErrorClass::Retryable),
        (403, ErrorClass::Permanent),
        (404, ErrorClass::Retryable),
        (429, ErrorClass::Retryable),
        (500, ErrorClass::Retryable),
    ] {
        assert_eq!(
            read(&answer(status, PAID)).unwrap_err().class,
            class,
            "{status}"
        );
    }
}
