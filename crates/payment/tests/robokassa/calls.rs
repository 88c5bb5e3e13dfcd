//! What a call proves: every hostile input is refused or, at most, a reason to look again.

use payment::{Callback, CallbackParts, LinkStatus};
use serde_json::json;

use super::{CERTIFICATE, NUMBER, adapter};
use crate::start;

/// Over sum, number, second password and the three parameters of ours and theirs, by another program.
const SIGNATURE: &str = "AD7D837937C8A9594E2BBF2A2B8165FD";

const FORM: &str = "out_summ=1250.500000&OutSum=1250.500000&inv_id=941015497557358&InvId=941015497557358&crc=AD7D837937C8A9594E2BBF2A2B8165FD&SignatureValue=AD7D837937C8A9594E2BBF2A2B8165FD&PaymentMethod=BankCard&IncSum=1250.500000&IncCurrLabel=BankCardPSR&EMail=payer%40example.com&Fee=0.000000&shp_until=1798750799&shp_ref=deal%2F42%2Fpay%2F7&shp_interface=InvoiceService.WebApi";

// Signed with the key of the certificate, but for the last.
const DONE: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJoZWFkZXIiOnsidHlwZSI6IlBheW1lbnRTdGF0ZU5vdGlmaWNhdGlvbiIsInZlcnNpb24iOiIxLjAuMCIsInRpbWVzdGFtcCI6IjE3NzQwODE4MDAifSwiZGF0YSI6eyJzaG9wIjoiYWNtZS1jcm0iLCJvcEtleSI6IjBBMUIyQzNELUFiMTIiLCJpbnZJZCI6NzcwMDEsInBheW1lbnRNZXRob2QiOiJCYW5rQ2FyZCIsImluY1N1bSI6IjEyNTAuNTAiLCJzdGF0ZSI6Ik9LIn19.kMEx_El7RTtIOuWG1mOH7ddiJgT5ezRe0IH0VUyq2JrZhN-jAGKWuLmCW_6nEwQfV9EuYnoqxKgelZ-H02aaRfBst76rhkewsP7kwCDH9Usdmsf9SBHwdciH3Kf0sFCAiwn9wFK7996us2usVRIwe2k2nDIIG5Mui7tRBO5puoSvT6SOe_hYUWyOPvE4V-GPUWHWpZYp8M-OoxdMHKUHe6VG0iz3T4pJxq0mgz2e6tXRtdHxZwCgzEtONytiLTFXMrFGiReQR-HButHCOZw7_Ewxp3A3ipND00sr-WjQummRUiVLtjKeUerr30_MI_GxbAGmQUeOGbiygNy6S_IjTw";
const HOLD: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJoZWFkZXIiOnsidHlwZSI6IlBheW1lbnRTdGF0ZU5vdGlmaWNhdGlvbiIsInZlcnNpb24iOiIxLjAuMCIsInRpbWVzdGFtcCI6IjE3NzQwODE4MDAifSwiZGF0YSI6eyJzaG9wIjoiYWNtZS1jcm0iLCJvcEtleSI6IjBBMUIyQzNELUFiMTIiLCJpbnZJZCI6NzcwMDEsInBheW1lbnRNZXRob2QiOiJCYW5rQ2FyZCIsImluY1N1bSI6IjEyNTAuNTAiLCJzdGF0ZSI6IkhPTEQifX0.UhdCvSqE57trOT8fQsYJ3HF5lZtns6ANK-vEGQW0plnNitbZ706w5fZaPg9fhiNcklq6RMmIN_FfOLBCW8DgNLeFxR0q3C1q8nPwqHU8FuHxBHQHdjUUZe5GoBfiAxrNqDh_MC5PI_2vhc8fqgYLAUvRmpVsT_KEuYm8W3LrFK20CM9QJoc2d2HBIyLBXJT3VyD3CFTZuNwUjvmpi_ln6vlA26ADlbmwSke4IDClzyDIaO3tjDdvGyd4NdWh6QwrdreLr-DmFGcA8fg1rFQSx0173IURhh7ZCUYPwKu7yKclT6LdTAFc8AprTKTKNu9dQZNMyVVH6bm901U7loyYaA";
const SHOP: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJoZWFkZXIiOnsidHlwZSI6IlBheW1lbnRTdGF0ZU5vdGlmaWNhdGlvbiIsInZlcnNpb24iOiIxLjAuMCIsInRpbWVzdGFtcCI6IjE3NzQwODE4MDAifSwiZGF0YSI6eyJzaG9wIjoib3RoZXItc2hvcCIsIm9wS2V5IjoiMEExQjJDM0QtQWIxMiIsImludklkIjo3NzAwMSwicGF5bWVudE1ldGhvZCI6IkJhbmtDYXJkIiwiaW5jU3VtIjoiMTI1MC41MCIsInN0YXRlIjoiT0sifX0.NLijCYMl4_jDRn75f1kuDmv3FxVZuvvCNxqhEfJCsTg79Y16JesNo1qja0Ei212hLcCPKQrXPrB9jcqmlu63Ev25Gl5b2QDClwep6sJ23xfxjBaXJMiMy8cXsbE-d9b_e3Zllpd50JpYvz2ro0XuwfI4kdClH9AWqond9x7ZYVPIU2Mz-jtKV22v8jwTvvO7DJ83GGKsGpiPH_oro3YIIzNebTe6lROWCeC-6ZwYU2Wvfjz4O8lbB_Vayb8Shmz3dyGqsOb3vupgJ_4b9oa3h4Bn5ExzmWytmK4YacJViu-L3boexcJZQwNrJQ3IMndpRw3zBis9qnw2wCfVWht2FA";
const RS512: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzUxMiJ9.eyJoZWFkZXIiOnsidHlwZSI6IlBheW1lbnRTdGF0ZU5vdGlmaWNhdGlvbiIsInZlcnNpb24iOiIxLjAuMCIsInRpbWVzdGFtcCI6IjE3NzQwODE4MDAifSwiZGF0YSI6eyJzaG9wIjoiYWNtZS1jcm0iLCJvcEtleSI6IjBBMUIyQzNELUFiMTIiLCJpbnZJZCI6NzcwMDEsInBheW1lbnRNZXRob2QiOiJCYW5rQ2FyZCIsImluY1N1bSI6IjEyNTAuNTAiLCJzdGF0ZSI6Ik9LIn19.XcVrg2J7yWM1_aqPhlHJLMy-3PPzkyGegp7YDZWkMzL7OYmHCVUDjNjjRkc9lPpeGy9LGHxTwfgeZKEJ1J8E9XE3dqz3lQe2ZJD7vJLMt1i2ZQzOmMkqQjbVdw0dH0ePtZOZ6QddyuX73kYTtwHsHswQ3Ryk4pVh1OARWEmXItV6wKbIZ1xiIbrCbRaH68cG4YREIxyodusd_wAV2GaT4O-WJR4OtHSUKg-TBi_3HZsfXFprK_azb2O6sRD0_7SFzZnHCPwv5pK2vevZhoTfW8OJNZijLN3cweapxLWuKIeciT1v-yG7IPy5O1tCY38v2N92h4EtX57UZ5ia6jGgIw";
const OTHER: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJoZWFkZXIiOnsidHlwZSI6IlBheW1lbnRTdGF0ZU5vdGlmaWNhdGlvbiIsInZlcnNpb24iOiIxLjAuMCIsInRpbWVzdGFtcCI6IjE3NzQwODE4MDAifSwiZGF0YSI6eyJzaG9wIjoiYWNtZS1jcm0iLCJvcEtleSI6IjBBMUIyQzNELUFiMTIiLCJpbnZJZCI6NzcwMDEsInBheW1lbnRNZXRob2QiOiJCYW5rQ2FyZCIsImluY1N1bSI6IjEyNTAuNTAiLCJzdGF0ZSI6Ik9LIn19.ff8KzK--ZriLS-WRSLoQX3dYCypOQ-Wl8Npo1GTxH4zzpDVMXRmjx2SrpmBIrXTQ1QRL4j0MuVg_WRElqRzAwJo3rQsTS7zSjUWAR_h7xkKYy4w5jmx1ogveNTut9-_DmK4LjasFp35kAzaiSsFWXxB14FNiB-aZ6qH_rNzrYcpzx6pRYbTxOL0LMKGHRYFTwIpq13hXcgSP1a9BmgBb6gS3d0GuVyoq-wD7iYV2GBPZiJi250P7GO6rNF9SaRtszhgaXL2amjYNDBsoaFJC0SEc1Km65ZoFFbkj2jKoeoB26iYmv2Es9Lh3oZokbA2E9Fhz2VTCVs915RbSxbNKSw";

fn post(body: &str) -> CallbackParts {
    CallbackParts {
        method: "POST".to_owned(),
        body: body.as_bytes().to_vec(),
        ..CallbackParts::default()
    }
    .received(start())
}

fn pairs(form: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| text.replace("%2F", "/").replace("%40", "@");
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn get(form: &str) -> CallbackParts {
    CallbackParts {
        method: "GET".to_owned(),
        query: pairs(form),
        ..CallbackParts::default()
    }
    .received(start())
}

fn read(parts: &CallbackParts) -> Callback {
    adapter(json!({})).read_callback(parts)
}

fn code(callback: Callback) -> String {
    match callback {
        Callback::Rejected { code } => code,
        Callback::Hint { reference, .. } => format!("hint {reference}"),
        Callback::Verified { report, .. } => format!("verified {:?}", report.status),
    }
}

#[test]
fn a_signed_notification_is_the_providers_word() {
    for parts in [
        post(FORM),
        get(FORM),
        post(&FORM.replace(SIGNATURE, &SIGNATURE.to_lowercase())),
    ] {
        let Callback::Verified { report, reply } = read(&parts) else {
            panic!("{:?}", read(&parts));
        };
        assert_eq!((reply.status, reply.body), (200, format!("OK{NUMBER}")));
        assert_eq!(report.reference, "deal/42/pay/7");
        assert_eq!(report.status, LinkStatus::Paid);
        assert_eq!(report.payments.len(), 1);
        assert_eq!(report.payments[0].transaction, NUMBER);
        assert_eq!(report.payments[0].amount.to_string(), "1250.50 RUB");
        assert_eq!(report.payments[0].paid_at, start());
    }
}

#[test]
fn whatever_is_changed_in_a_notification_breaks_it() {
    let changes = [
        ("OutSum=1250.500000", "OutSum=1250.50"),
        ("OutSum=1250.500000", "OutSum=1250.5"),
        ("OutSum=1250.500000", "OutSum=1250.510000"),
        ("OutSum=1250.500000", "OutSum=12505.00000"),
        ("OutSum=1250.500000", "OutSum=+1250.500000"),
        ("SignatureValue=AD", "SignatureValue=BD"),
        (
            "SignatureValue=AD7D837937C8A9594E2BBF2A2B8165FD",
            "SignatureValue=AD7D",
        ),
        ("SignatureValue=AD", "SignatureValue=00AD"),
        ("&shp_interface=InvoiceService.WebApi", ""),
        (
            "&shp_interface=InvoiceService.WebApi",
            "&shp_interface=invoice",
        ),
        ("shp_interface=", "Shp_interface="),
        ("shp_until=1798750799", "shp_until=1798750798"),
        ("&Fee=0.000000", "&Fee=0.000000&shp_more=1"),
        ("&Fee=0.000000", "&Fee=0.000000&SHP_MORE="),
    ];
    for (from, to) in changes {
        let form = FORM.replacen(&format!("&{from}"), &format!("&{to}"), 1);
        let form = if form == FORM {
            FORM.replacen(from, to, 1)
        } else {
            form
        };
        assert_ne!(form, FORM, "{from}");
        assert_eq!(code(read(&post(&form))), "wrong_signature", "{to}");
    }
}

/// Every kind of hostile input, and what is said about it inside.
#[test]
fn hostile_calls_are_refused_or_hints() {
    let doubled = |more: &str| post(&format!("{FORM}&{more}"));
    let query = CallbackParts {
        query: pairs(FORM),
        ..post("")
    };
    let put = CallbackParts {
        method: "PUT".to_owned(),
        ..post(FORM)
    };
    let unsigned: String = FORM
        .split('&')
        .filter(|pair| !pair.starts_with("SignatureValue="))
        .collect::<Vec<_>>()
        .join("&");
    let table = [
        (doubled("OutSum=1250.500000"), "repeated_parameter"),
        (doubled("outsum=1"), "repeated_parameter"),
        (doubled("InvId=1"), "repeated_parameter"),
        (doubled("SignatureValue=00"), "repeated_parameter"),
        (doubled("shp_ref=deal%2F42%2Fpay%2F7"), "repeated_parameter"),
        (doubled("Shp_Ref=other"), "repeated_parameter"),
        (doubled("OutSum[]=1"), "array_parameter"),
        (doubled("shp_ref%5B0%5D=1"), "array_parameter"),
        (doubled("SignatureValue[a]=1"), "array_parameter"),
        (doubled(&"a=1&".repeat(100)), "too_many_parameters"),
        (doubled("a=%zz"), "malformed"),
        (doubled("a=%ff"), "malformed"),
        (post(&"a".repeat(64 * 1024 + 1)), "body_too_long"),
        (post(""), "malformed"),
        (post("{}"), "malformed"),
        (query, "malformed"),
        (put, "method_not_allowed"),
        (post(&FORM.replace("InvId=941", "InvId=0941")), "malformed"),
        (
            post(&FORM.replace("InvId=941015497557358", "InvId=")),
            "malformed",
        ),
        (
            post(&FORM.replace("InvId=941015497557358", "InvId=۹۴۱")),
            "malformed",
        ),
        (
            post(&FORM.replace("InvId=941015497557358", "InvId=-1")),
            "malformed",
        ),
        (
            post(&FORM.replace("InvId=941015497557358", "InvId=99999999999999999999")),
            "malformed",
        ),
        (
            post(&FORM.replace("InvId=941015497557358", "InvId=5")),
            "order_mismatch",
        ),
        (
            post(&FORM.replace("shp_ref=deal", "shp_ref=dear")),
            "order_mismatch",
        ),
        (post(&unsigned), "hint deal/42/pay/7"),
        (post(&FORM.replace(SIGNATURE, "")), "hint deal/42/pay/7"),
        (post("OutSum=1&InvId=5&Culture=ru"), "unsigned"),
        (
            post("OutSum=1&InvId=5&shp_ref=deal%2F42%2Fpay%2F7"),
            "order_mismatch",
        ),
    ];
    for (parts, expected) in table {
        let seen = code(read(&parts));
        assert_eq!(seen, expected, "{}", String::from_utf8_lossy(&parts.body));
    }
}

/// The query of a POST is nobody's word, and neither is a time that the sender claims.
#[test]
fn what_the_sender_adds_around_the_body_does_not_count() {
    let mut parts = post(FORM);
    parts.query = pairs("OutSum=1&InvId=1&SignatureValue=00&shp_ref=x");
    assert_eq!(code(read(&parts)), "verified Paid");
    let claimed = (
        "charkh-received-at".to_owned(),
        "1999-01-01T00:00:00Z".to_owned(),
    );
    let mut parts = post(FORM);
    parts.headers.insert(0, claimed.clone());
    assert_eq!(
        code(read(&parts)),
        "hint deal/42/pay/7",
        "two times are none"
    );
    let mut parts = CallbackParts {
        headers: vec![claimed],
        ..post(FORM)
    };
    parts = parts.received(start());
    let Callback::Verified { report, .. } = read(&parts) else {
        panic!("not verified");
    };
    assert_eq!(report.payments[0].paid_at, start());
}

/// A return of the browser is signed with the first password: it is a hint, also as a POST.
#[test]
fn a_signed_return_of_the_browser_is_only_a_hint() {
    // Over `1250.50:77001:p1-Secret` and both parameters.
    let form = "OutSum=1250.50&InvId=77001&SignatureValue=311fcef486f3b2fe98c89480913d7c15&Culture=ru&Shp_stage=won&Shp_item=deal-42";
    for parts in [post(form), get(form)] {
        assert_eq!(code(read(&parts)), "hint 77001");
    }
    // The same link's notification, signed with the second one, for an order that is none of ours.
    let form = form
        .replace(
            "311fcef486f3b2fe98c89480913d7c15",
            "F24051E3CD09397630ACD078F7046BC7",
        )
        .replace("1250.50", "1250.500000");
    assert_eq!(code(read(&post(&form))), "hint 77001");
}

#[test]
fn a_notification_of_another_shop_or_mode_proves_nothing() {
    let test = adapter(json!({"interface": "classic", "test": true}));
    assert_eq!(code(test.read_callback(&post(FORM))), "wrong_signature");
    let other = adapter(json!({"hash": "sha256"}));
    assert_eq!(code(other.read_callback(&post(FORM))), "wrong_signature");
    assert_eq!(code(read(&post(&format!("{FORM}&IsTest=1")))), "test_call");
}

#[test]
fn a_token_counts_only_with_the_pinned_certificate_and_its_algorithm() {
    let shop = adapter(json!({"jws_certificate": CERTIFICATE}));
    let seen = |token: &str| code(shop.read_callback(&post(token)));
    assert_eq!(seen(DONE), "hint 77001");
    assert_eq!(seen(&format!("{DONE}\n")), "hint 77001");
    assert_eq!(seen(HOLD), "hint 77001");
    assert_eq!(seen(SHOP), "wrong_account");
    assert_eq!(seen(RS512), "algorithm_not_allowed");
    assert_eq!(seen(OTHER), "wrong_signature");
    let (signed, signature) = DONE.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    // {"typ":"JWT","alg":"none"} and {"typ":"JWT","alg":"HS256"}.
    for other in [
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0",
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9",
    ] {
        let token = format!("{other}.{payload}.{signature}");
        assert_eq!(seen(&token), "algorithm_not_allowed");
    }
    let (_, held) = HOLD.split_once('.').unwrap();
    let (held, _) = held.split_once('.').unwrap();
    assert_eq!(
        seen(&format!("{header}.{held}.{signature}")),
        "wrong_signature"
    );
    assert_eq!(seen(&format!("{header}.{payload}.")), "wrong_signature");
    assert_eq!(seen(".."), "malformed");
    assert_eq!(seen("a.b.c"), "malformed");
    assert_eq!(code(read(&post(DONE))), "certificate_missing");
    let der: String = CERTIFICATE
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let shop = adapter(json!({"jws_certificate": der}));
    assert_eq!(code(shop.read_callback(&post(DONE))), "hint 77001");
}
