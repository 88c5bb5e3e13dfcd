//! What the sandbox plays beyond the promises of every gateway.

use payment::{
    Callback, CallbackParts, ErrorClass, Found, Gateway, LinkStatus, RepeatClass, Simulated,
};
use values::{Currency, Money};

use super::{after, call, request, sandbox, settings, span, start};

fn status_word(found: &Found) -> &'static str {
    match found {
        Found::Link(_) => "link",
        Found::NotFound => "not found",
        Found::CannotTell => "cannot tell",
    }
}

/// Clause 40: a look-up before the lost link has settled says "not found" and is wrong.
#[tokio::test]
async fn a_link_whose_answer_was_lost_is_found_only_after_settling() {
    let mut settings = settings(RepeatClass::LookupOnly, "timeout_after_accepting");
    settings.options.settling = span("45s");
    let sandbox = payment::gateways::Sandbox::in_memory(settings).unwrap();
    let lost = sandbox
        .create(call(start()), &request("r-1"))
        .await
        .unwrap_err();
    assert_eq!(lost.class, ErrorClass::Ambiguous);
    for (at, expected) in [("1s", "not found"), ("44s", "not found"), ("45s", "link")] {
        let found = sandbox.find(call(after(span(at))), "r-1").await.unwrap();
        assert_eq!(status_word(&found), expected, "{at} after the create");
    }
    assert_eq!(sandbox.audit().links.len(), 1);
}

#[tokio::test]
async fn a_timeout_before_accepting_makes_nothing() {
    for profile in super::PROFILES {
        let sandbox = sandbox(profile, "timeout_before_accepting");
        let lost = sandbox
            .create(call(start()), &request("r-1"))
            .await
            .unwrap_err();
        assert_eq!(lost.class, ErrorClass::Ambiguous);
        assert!(sandbox.audit().links.is_empty());
        sandbox
            .create(call(start()), &request("r-1"))
            .await
            .unwrap();
        assert_eq!(sandbox.audit().links.len(), 1, "{profile:?}");
    }
}

/// Clause 42: the callback of a payment can come before the create is answered.
#[tokio::test]
async fn an_early_callback_is_due_before_the_lost_answer_is_resolved() {
    let script = "{ create: timeout_after_accepting, pay: { after: 2d }, callback: early }";
    let sandbox = sandbox(RepeatClass::Nothing, script);
    sandbox
        .create(call(start()), &request("r-1"))
        .await
        .unwrap_err();
    assert_eq!(sandbox.next_notice_at(), Some(start()));
    let notices = sandbox.take_notices(start());
    assert!(matches!(
        sandbox.read_callback(&notices[0]),
        Callback::Hint { reference, .. } if reference == "r-1"
    ));
    assert_eq!(sandbox.audit().links[0].status, LinkStatus::Paid);
}

#[tokio::test]
async fn a_lost_callback_never_comes() {
    let sandbox = sandbox(
        RepeatClass::Idempotent,
        "{ pay: { after: 2h }, callback: lost }",
    );
    let link = sandbox
        .create(call(start()), &request("r-1"))
        .await
        .unwrap();
    assert_eq!(sandbox.next_notice_at(), None);
    let report = sandbox
        .status(call(after(span("2h"))), &link.provider_ref)
        .await
        .unwrap();
    assert_eq!(report.status, LinkStatus::Paid);
}

#[tokio::test]
async fn a_cancelled_link_sends_no_notice_of_a_payment_that_does_not_come() {
    for (script, notices) in [
        ("{ pay: { after: 2h } }", 0),
        ("{ pay: { after: 2h, in_flight: true } }", 1),
        ("{ pay: { late: 2h } }", 0),
        ("{ pay: { late: 2h, in_flight: true } }", 1),
    ] {
        let sandbox = sandbox(RepeatClass::Idempotent, script);
        let link = sandbox
            .create(call(start()), &request("r-1"))
            .await
            .unwrap();
        let deactivate = sandbox.as_deactivate().unwrap();
        deactivate
            .deactivate(call(after(span("1h"))), &link.provider_ref)
            .await
            .unwrap();
        let given = sandbox.take_notices(after(span("3d")));
        assert_eq!(given.len(), notices, "{script}");
        let report = sandbox
            .status(call(after(span("3d"))), &link.provider_ref)
            .await
            .unwrap();
        let expected = [LinkStatus::Cancelled, LinkStatus::PaidAfterCancel][notices];
        assert_eq!(report.status, expected, "{script}");
    }
}

#[tokio::test]
async fn a_customer_who_comes_after_the_expiry_cannot_pay() {
    for (after_creation, expected) in [
        ("23h59m59s", LinkStatus::Paid),
        ("24h", LinkStatus::Expired),
        ("2d", LinkStatus::Expired),
    ] {
        let script = format!("{{ pay: {{ after: {after_creation} }} }}");
        let sandbox = sandbox(RepeatClass::Idempotent, &script);
        let link = sandbox
            .create(call(start()), &request("r-1"))
            .await
            .unwrap();
        let report = sandbox
            .status(call(after(span("3d"))), &link.provider_ref)
            .await
            .unwrap();
        assert_eq!(report.status, expected, "{after_creation}");
    }
}

#[tokio::test]
async fn a_case_of_the_script_is_chosen_by_reference_amount_or_order() {
    let script = "
create: created
pay: { after: 2h }
cases:
  - when: { reference: r-bad }
    create: refused
  - when: { amount: '۷۷۷٬۰۰۰ ریال' }
    create: { unavailable: 2 }
  - when: { order: 4 }
    pay: never
";
    let sandbox = sandbox(RepeatClass::Idempotent, script);
    let refused = sandbox
        .create(call(start()), &request("r-bad"))
        .await
        .unwrap_err();
    assert_eq!(refused.class, ErrorClass::Permanent);

    let mut priced = request("r-2");
    priced.amount = Money::from_minor(777_000, Currency::Irr).unwrap();
    for _ in 0..2 {
        let error = sandbox.create(call(start()), &priced).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Retryable);
    }
    sandbox.create(call(start()), &priced).await.unwrap();

    for (reference, expected) in [("r-3", LinkStatus::Paid), ("r-4", LinkStatus::Created)] {
        let link = sandbox
            .create(call(start()), &request(reference))
            .await
            .unwrap();
        let report = sandbox
            .status(call(after(span("3h"))), &link.provider_ref)
            .await
            .unwrap();
        assert_eq!(report.status, expected, "{reference}");
    }
}

/// Clause 41: one reference is one intent.
#[tokio::test]
async fn an_idempotent_reference_with_another_amount_is_refused() {
    let sandbox = sandbox(RepeatClass::Idempotent, "never");
    sandbox
        .create(call(start()), &request("r-1"))
        .await
        .unwrap();
    let mut other = request("r-1");
    other.amount = Money::from_minor(1, Currency::Irr).unwrap();
    let error = sandbox.create(call(start()), &other).await.unwrap_err();
    assert_eq!(
        (error.class, error.code.as_str()),
        (ErrorClass::Permanent, "reference_reused")
    );
    assert_eq!(sandbox.audit().links.len(), 1);
}

#[tokio::test]
async fn another_seed_gives_other_urls_and_transactions() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let mut settings = settings(RepeatClass::Nothing, "paid_twice");
        settings.options.seed = seed;
        let sandbox = payment::gateways::Sandbox::in_memory(settings).unwrap();
        for reference in ["r-1", "r-1", "r-11"] {
            let link = sandbox
                .create(call(start()), &request(reference))
                .await
                .unwrap();
            assert!(link.url.starts_with("https://sandbox.invalid/pay/"));
            assert!(seen.insert(link.url), "two links share a url");
            let at = call(after(span("1h")));
            let report = sandbox.status(at, &link.provider_ref).await.unwrap();
            assert_eq!(report.payments.len(), 2);
            for payment in report.payments {
                assert!(
                    seen.insert(payment.transaction),
                    "two payments share a transaction"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_callback_body_is_read_strictly() {
    let sandbox = sandbox(RepeatClass::Idempotent, "paid");
    sandbox
        .create(call(start()), &request("r-1"))
        .await
        .unwrap();
    let good = sandbox.take_notices(start()).remove(0);
    assert!(matches!(
        sandbox.read_callback(&good),
        Callback::Hint { .. }
    ));
    let text = String::from_utf8(good.body.clone()).unwrap();
    let with_body = |body: String| CallbackParts {
        body: body.into_bytes(),
        ..good.clone()
    };
    let reference = r#""reference":"r-1""#;
    let cases = [
        (
            "malformed",
            with_body(text.replace(reference, &format!("{reference},{reference}"))),
        ),
        (
            "malformed",
            with_body(text.replace(reference, &format!("{reference},\"paid\":true"))),
        ),
        (
            "malformed",
            with_body(text.replace(reference, r#""reference":["r-1"]"#)),
        ),
        ("malformed", with_body(text.replace("r-1", ""))),
        ("malformed", with_body(text.replace("r-1", "r-\u{202e}1"))),
        (
            "wrong_account",
            with_body(text.replace("حساب اصلی", "حساب دیگر")),
        ),
        (
            "body_too_long",
            with_body(format!("{text}{}", " ".repeat(64 * 1024))),
        ),
        (
            "method_not_allowed",
            CallbackParts {
                method: "GET".to_owned(),
                ..good.clone()
            },
        ),
        (
            "unexpected_query",
            CallbackParts {
                query: vec![("a".to_owned(), "b".to_owned())],
                ..good.clone()
            },
        ),
    ];
    for (expected, parts) in cases {
        match sandbox.read_callback(&parts) {
            Callback::Rejected { code } => assert_eq!(code, expected, "{parts:?}"),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn validation_lists_every_problem_at_once() {
    let mut settings = settings(RepeatClass::Idempotent, "never");
    settings.options.limits.description_chars_max = Some(3);
    settings.options.limits.expiry_max = Some(span("12h"));
    let sandbox = payment::gateways::Sandbox::in_memory(settings).unwrap();
    let mut bad = request("");
    bad.amount = Money::from_minor(5, Currency::Irt).unwrap();
    bad.extras.insert("branch".to_owned(), "1".to_owned());
    let codes: Vec<String> = sandbox
        .validate(&bad)
        .into_iter()
        .map(|problem| problem.code)
        .collect();
    assert_eq!(
        codes,
        [
            "reference_not_valid",
            "currency_mismatch",
            "description_too_long",
            "unknown_setting"
        ]
    );
    let mut long = request("r-1");
    long.description = "سه‌".chars().take(3).collect();
    let error = sandbox.create(call(start()), &long).await.unwrap_err();
    assert_eq!(error.code, "expiry_over_limit");
}
