//! Published signatures, and ones computed apart from this code by the published formulas. The latter
//! prove that the formulas are followed; none has been accepted by the live service.

use super::digest::{Algorithm, TokenNames, order_number};
use super::signature::{LinkBase, call_base, state_base};
use super::{text, token};

const P1: &str = "p1-Secret";
const P2: &str = "p2-Secret";

fn own(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    owned.collect()
}

fn base<'a>() -> LinkBase<'a> {
    LinkBase {
        login: "acme-crm",
        out_sum: "1250.50",
        inv_id: Some("77001"),
        ..LinkBase::default()
    }
}

fn check(what: &str, text: &str, md5: &str, sha256: &str) {
    assert_eq!(Algorithm::Md5.hex(text), md5, "{what}: {text}");
    assert!(Algorithm::Md5.matches(text, &md5.to_uppercase()), "{what}");
    if !sha256.is_empty() {
        assert_eq!(Algorithm::Sha256.hex(text), sha256, "{what}: {text}");
    }
}

#[test]
fn the_published_signatures_come_out() {
    let item = own(&[("Shp_item", "digital")]);
    let link = LinkBase {
        login: "demo",
        out_sum: "99.90",
        inv_id: Some("1001"),
        ..LinkBase::default()
    };
    let text = link.text("secret1", &item);
    assert_eq!(text, "demo:99.90:1001:secret1:Shp_item=digital");
    check("link", &text, "6f3ff72da89c99859c09fac8b1b61cb5", "");
    let text = state_base("demo", "1001", "secret2");
    check("state", &text, "1d0bb6fc90e81942e833f9fb4bdf0751", "");
    let receipt =
        text::encode(r#"{"items":[{"name":"product","quantity":1,"sum":8.96,"tax":"none"}]}"#);
    let link = LinkBase {
        login: "demo",
        out_sum: "8.96",
        inv_id: Some("12345"),
        receipt: Some(&receipt),
        success_url2: Some(("https://example.com/success", "POST")),
        fail_url2: Some(("https://example.com/fail", "GET")),
        ..LinkBase::default()
    };
    let text = link.text("secret1", &item);
    check(
        "receipt and returns",
        &text,
        "4ec77aca3fd8a369fdaff8c2975daa94",
        "",
    );
}

#[test]
fn a_links_signature_is_over_its_parts_in_order() {
    check(
        "C1",
        &base().text(P1, &[]),
        "fc6d359e2bd34f15978c03132f3b641c",
        "e14773dead3dc780be04612a80dda080b957519487ad73ad7c1be00dbbe15879",
    );
    let open = LinkBase {
        inv_id: None,
        ..base()
    };
    check(
        "C2",
        &open.text(P1, &[]),
        "8602924c9fc05b77bdc34a66a1f5c931",
        "7849689d836a5b645d902b7a7b95a6da52921ccf48955e36ac5c50351d3f634b",
    );
    check(
        "C3",
        // Whatever order they come in, they are sorted.
        &base().text(P1, &own(&[("Shp_stage", "won"), ("Shp_item", "deal-42")])),
        "dacda927965489fa5674afbda56e5e15",
        "c230d9a2eb253c93d6d6e9ff5313a1753c6595c781f1dc9395cb576f3c707433",
    );
    let held = LinkBase {
        step_by_step: true,
        ..base()
    };
    check(
        "C7",
        &held.text(P1, &[]),
        "b23400dcf0e368ea12b72a80277a9261",
        "1b1d509a64c3c4f9e253d38ed2a196a9c703d455fc13100805017d79f4a837e7",
    );
}

#[test]
fn urls_and_receipts_are_signed_as_they_are_sent() {
    let (ok, fail) = (
        "https://crm.example/pay/ok?d=42",
        "https://crm.example/pay/fail?d=42",
    );
    let (ok_once, fail_once) = (text::encode(ok), text::encode(fail));
    let encoded = LinkBase {
        success_url2: Some((&ok_once, "GET")),
        fail_url2: Some((&fail_once, "GET")),
        ..base()
    };
    check(
        "C4",
        &encoded.text(P1, &[]),
        "2a53f6e83affc1f4324851133dc54bd0",
        "730c8aafb24ab340030644c4f5c92c8990c38244029d07c9426bab63d2d2ef7b",
    );
    let plain = LinkBase {
        success_url2: Some((ok, "GET")),
        fail_url2: Some((fail, "GET")),
        ..base()
    };
    check(
        "C4'",
        &plain.text(P1, &[]),
        "a7a03a8e408b5d2d685f234dd36b43de",
        "",
    );
    let result = text::encode("https://crm.example/rk/r2");
    let notified = LinkBase {
        result_url2: Some(&result),
        ..encoded
    };
    check(
        "C5",
        &notified.text(P1, &[]),
        "53d5df7048955fe6db8feb159879b982",
        "1df7575a8c76115702df1d9b76cab40223f6ce28a5e2249b044a843dd8f2b0aa",
    );
    let receipt = text::encode(
        r#"{"sno":"osn","items":[{"name":"Service A","quantity":1,"sum":1250.50,"tax":"vat20"}]}"#,
    );
    let with_receipt = LinkBase {
        receipt: Some(&receipt),
        ..base()
    };
    check(
        "C6",
        &with_receipt.text(P1, &[]),
        "fe7181cab43b42b7a6c3fe1b8bf97aee",
        "78eecbe8177f64e7fcc3b91daef3082a09bf7dd24b811a65ad8acfb4d2be6a2d",
    );
}

#[test]
fn calls_questions_and_a_released_hold_are_signed_with_their_password() {
    let items = own(&[("Shp_item", "deal-42"), ("Shp_stage", "won")]);
    check(
        "R1",
        &call_base("1250.500000", "77001", P2, &items),
        "f24051e3cd09397630acd078f7046bc7",
        "6c752cfafae10a148b7604c0ca8590e008fa75a3a3d7db0f16a40591185ef7c4",
    );
    let marker = own(&[("shp_interface", "InvoiceService.WebApi")]);
    check(
        "R2",
        &call_base("1250.500000", "77001", P2, &marker),
        "7401727beca78405d44509026935a9d2",
        "834de15a8da24a14b9d21e2b474ee00b84980719852164166ea9d982765b32d0",
    );
    check(
        "S1",
        &call_base("1250.50", "77001", P1, &items),
        "311fcef486f3b2fe98c89480913d7c15",
        "898219a18b1ffb049833aec2660beab420047095397ac48061373283edd7fed4",
    );
    check(
        "O1",
        &state_base("acme-crm", "77001", P2),
        "52a1f468158ad0002907237ad899ef36",
        "8fa7d9b836902655e192724c3bc1f51138415e6cb6ebe0a2a5e2119ee7f85bf6",
    );
    let release = LinkBase {
        out_sum: "",
        ..base()
    };
    check(
        "H1",
        &release.text(P1, &[]),
        "d8bc9b69130bc12867b1c00e1297b875",
        "8d66caf864c68fd8db091d100bbcb5f4bf512ac35c79b73878f3ec92b40e1a7a",
    );
}

#[test]
fn every_algorithm_hashes() {
    let text = base().text(P1, &[]);
    for (algorithm, expected) in [
        (
            Algorithm::Ripemd160,
            "88f876f2d4251c5a938d33f76bfd6ed952a51529",
        ),
        (Algorithm::Sha1, "b3510df7f5891be1091ceaf66e0fd8c6c70ac25d"),
        (
            Algorithm::Sha384,
            "9bf656bd4f4b7fad2e6f66690da9ec97f0feb27cda98e97cd5e1374dcdb9dfdf2d488600dc0f44396d958b35\
             98bc90d9",
        ),
        (
            Algorithm::Sha512,
            "d343559343892f881dbe28a29ec6fb04a672e156c4bf07252e5d832aa3f9f820680bdae6999056aacefbec03\
             457c22d1bf814f40cf4e077a775dd7f093d4f6ca",
        ),
    ] {
        assert_eq!(algorithm.hex(&text), expected, "{algorithm:?}");
        assert!(algorithm.matches(&text, expected));
        assert!(!algorithm.matches(&text, &expected[1..]));
        assert!(!algorithm.matches("another text", expected));
    }
}

const CREATE: &str = r#"{"MerchantLogin":"acme-crm","InvoiceType":"OneTime","OutSum":1250.50,"InvId":77001,"Culture":"ru","Description":"Deal 42","MerchantComments":"staff note"}"#;
const CREATE_PAYLOAD: &str = "eyJNZXJjaGFudExvZ2luIjoiYWNtZS1jcm0iLCJJbnZvaWNlVHlwZSI6Ik9uZVRpbWUiLCJPdXRTdW0iOjEyNTAuNTAsIkludklkIjo3NzAwMSwiQ3VsdHVyZSI6InJ1IiwiRGVzY3JpcHRpb24iOiJEZWFsIDQyIiwiTWVyY2hhbnRDb21tZW50cyI6InN0YWZmIG5vdGUifQ";

#[test]
fn tokens_are_signed_under_each_name_of_an_algorithm() {
    let key = "acme-crm:p1-Secret";
    for (algorithm, names, header, signature) in [
        (
            Algorithm::Md5,
            TokenNames::Hs,
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJNRDUifQ",
            "ADn4knoWiOPspqoUiyXOag",
        ),
        (
            Algorithm::Sha256,
            TokenNames::Hs,
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9",
            "i1r5EbPCC8pmVsC7PtfGgCSuZdKF0qzWhqseXk2UNsI",
        ),
        (
            Algorithm::Sha256,
            TokenNames::Sha,
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJTSEEyNTYifQ",
            "vPH-jplcHBhUfAOUHLlQwqY7oJExqXtyyhGjz5dgDUY",
        ),
    ] {
        let expected = format!("{header}.{CREATE_PAYLOAD}.{signature}");
        assert_eq!(token::sign(algorithm, names, key, CREATE), expected);
    }
    let deactivate = r#"{"MerchantLogin":"acme-crm","InvId":77001}"#;
    assert_eq!(
        token::sign(Algorithm::Md5, TokenNames::Hs, key, deactivate),
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJNRDUifQ.\
         eyJNZXJjaGFudExvZ2luIjoiYWNtZS1jcm0iLCJJbnZJZCI6NzcwMDF9.fgUw7-80-gALJu1viRaD7A"
    );
    for (algorithm, signature) in [
        (Algorithm::Sha1, "S7pVxJ2RlrEurrUpxkfAh3pCwVM"),
        (
            Algorithm::Sha384,
            "Cv2O2XgXztUjTqBBSNNFYaVHeTpZ3-jh9hUtTIRNhxUb6VPTRt7n8DCX3BZQrpT-",
        ),
        (
            Algorithm::Sha512,
            "5az-BNa6DPa2LmOCu8mJZCBPE-pkMfXYn4lfogkb5EuDW5rF5GfUjQayc3j5rG-oHzuuw3-zkbxYwIWy09i6Jw",
        ),
    ] {
        let token = token::sign(algorithm, TokenNames::Hs, key, deactivate);
        assert_eq!(token.rsplit('.').next(), Some(signature), "{algorithm:?}");
    }
}

#[test]
fn a_refund_token_is_signed_with_the_third_password() {
    let payload =
        r#"{"OpKey":"0A1B2C3D-0000-4000-8000-ABCDEF012345-Ab12Cd34Ef","RefundSum":100.00}"#;
    assert_eq!(
        token::sign(Algorithm::Sha256, TokenNames::Hs, "p3-Secret", payload),
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.\
         eyJPcEtleSI6IjBBMUIyQzNELTAwMDAtNDAwMC04MDAwLUFCQ0RFRjAxMjM0NS1BYjEyQ2QzNEVmIiwiUmVmdW5kU3Vt\
         IjoxMDAuMDB9.I3kzfaUR4vKAvPwD1UW6txFPJh2ih8cjWg76AWHcQ6g"
    );
}

#[test]
fn a_fiscal_body_carries_the_digest_of_its_base64() {
    let payload = r#"{"merchantId":"acme-crm","id":"9001","originId":"77001","operation":"sell","total":1250.50}"#;
    assert_eq!(
        token::fiscal(Algorithm::Md5, P1, payload),
        "eyJtZXJjaGFudElkIjoiYWNtZS1jcm0iLCJpZCI6IjkwMDEiLCJvcmlnaW5JZCI6Ijc3MDAxIiwib3BlcmF0aW9uIjoi\
         c2VsbCIsInRvdGFsIjoxMjUwLjUwfQ.OWMxYWQ2YjZiNGU4NGI1OWM2ZTEzZmNkYzA3YjhmZDU"
    );
}

#[test]
fn an_order_number_is_the_first_bits_of_its_digest() {
    assert_eq!(
        order_number("робокасса", "invoice/1/pay/1", 53),
        550_488_965_338_171
    );
    assert_eq!(
        order_number("робокасса", "invoice/1/pay/1", 31),
        131_246_796
    );
    assert_eq!(
        order_number("shop", "deal/42/pay/7", 53),
        941_015_497_557_358
    );
    assert_eq!(order_number("shop", "deal/42/pay/7", 31), 224_355_577);
    assert_eq!(order_number("shop", "deal/42/pay/7", 0), 1, "never zero");
}

#[test]
fn only_plain_amounts_are_amounts() {
    for (written, kopecks) in [
        ("1250.500000", 125_050),
        ("1250.5", 125_050),
        ("0.01", 1),
        ("7", 700),
        ("99999999.99", 9_999_999_999),
    ] {
        let amount = text::amount(written).unwrap();
        assert_eq!(amount.minor_units().unwrap(), kopecks, "{written}");
    }
    for written in [
        "",
        ".",
        "1.",
        ".5",
        "1250,50",
        "1.2505e3",
        "1e3",
        "+1",
        "-1",
        " 1",
        "1 ",
        "1_000",
        "01.00",
        "1250.505",
        "0x10",
        "۱۲۵۰",
        "1.00000000",
        "9999999999999999",
        "NaN",
        "\"1\"",
        "1250.50 RUB",
    ] {
        assert_eq!(text::amount(written), None, "{written}");
    }
    assert_eq!(text::rubles(&text::amount("5.07").unwrap()), "5.07");
}

#[test]
fn a_form_with_a_broken_escape_is_no_form() {
    let pairs = text::form("a=%D0%BF+b%2B&c&=d".as_bytes()).unwrap();
    assert_eq!(pairs, own(&[("a", "п b+"), ("c", ""), ("", "d")]));
    for body in ["a=%", "a=%4", "a=%GG", "a=%FF", "a=%+1"] {
        assert_eq!(text::form(body.as_bytes()), None, "{body}");
    }
}
