//! From a link to its money, and back: pages, calls, expiry, confirming, closing.

use chrono::TimeDelta;
use payment::{
    Callback, CallbackParts, ErrorClass, Found, Gateway, LinkStatus, Operation, ProviderRef,
};
use serde_json::json;
use simulator::pod::PodSettings;
use simulator::{LinkState, Provider};

use values::Currency;

use super::{AMOUNT, World, amount, request, start};

fn text(response: &transport::HttpResponse) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

fn query(url: &str) -> Vec<(String, String)> {
    let query = url.split_once('?').unwrap().1;
    query
        .split('&')
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

#[tokio::test]
async fn a_page_is_left_declined_and_paid_and_the_call_is_a_hint() {
    for kind in ["gateway", "wallet", "short_lived", "sms"] {
        let world = World::plain();
        let account = world.ours(json!({"link": kind}));
        let link = account.make("D42-1").await;
        assert_eq!(link.amount, Some(amount()), "{kind}");
        let shown = text(&world.browse(&link.url, None));
        assert!(shown.contains("۱۲۵۰۰۰۰۰ ریال"), "{shown}");
        assert!(
            shown.contains("&lt;b&gt;") && !shown.contains("<b>"),
            "{shown}"
        );
        assert_eq!(world.browse(&link.url, Some("leave")).status, 200);
        let declined = world.browse(&link.url, Some("decline"));
        assert_eq!(declined.status, 302);
        assert!(declined.header("location").unwrap().contains("paid=false"));
        assert!(world.pod.take_calls(world.now()).is_empty());
        assert_eq!(account.status(&link).await, LinkStatus::Created);

        world.pass(TimeDelta::minutes(4));
        let paid = world.browse(&link.url, Some("pay"));
        let back = paid.header("location").unwrap().to_owned();
        assert!(back.starts_with("https://crm.example/c/9f2c?billNumber=D42-1&"));
        let calls = world.pod.take_calls(world.now());
        let urls: Vec<&str> = calls.iter().map(|call| call.url.as_str()).collect();
        for url in urls.iter().copied().chain([back.as_str()]) {
            let parts = CallbackParts {
                method: "GET".to_owned(),
                query: query(url),
                ..CallbackParts::default()
            };
            let read = account.gateway.read_callback(&parts);
            assert!(
                matches!(&read, Callback::Hint { reference, .. } if reference == "D42-1"),
                "{read:?}"
            );
        }
        assert_eq!(urls.len(), 1, "{kind}");
        let report = account.report(&link).await;
        assert_eq!(report.status, LinkStatus::Paid);
        assert_eq!(report.reference, "D42-1");
        let line = world.line(&link);
        let seen: Vec<_> = report
            .payments
            .iter()
            .map(|paid| (paid.transaction.clone(), paid.amount, paid.paid_at))
            .collect();
        assert_eq!(seen, line.payments);
        assert!(report.payments[0].tracking_no.is_some());
        assert!(world.pay(&link.url).unwrap_err().contains("قبلاً پرداخت"));
    }
}

#[tokio::test]
async fn a_short_lived_url_dies_after_five_minutes_and_is_refreshed() {
    let world = World::plain();
    let account = world.ours(json!({"link": "short_lived"}));
    let link = account.make("short").await;
    assert_eq!(
        link.url_valid_until,
        Some(start() + TimeDelta::seconds(300))
    );
    assert!(link.url.contains("hash="), "{}", link.url);
    assert!(link.url.ends_with("&gateway=PEP"), "{}", link.url);
    world.pass(TimeDelta::seconds(301));
    assert!(world.pay(&link.url).unwrap_err().contains("منقضی"));
    let fresh = account.operate(&link, Operation::RefreshUrl).await.unwrap();
    assert_eq!(
        fresh.url_valid_until,
        Some(start() + TimeDelta::seconds(601))
    );
    world.pay(&fresh.url.unwrap()).unwrap();
    assert_eq!(account.status(&link).await, LinkStatus::Paid);
    assert_eq!(world.ledger().len(), 1);

    let lasting = world.ours(json!({}));
    let error = lasting.operate(&link, Operation::RefreshUrl).await;
    assert_eq!(error.unwrap_err().code, "unsupported_operation");
}

#[tokio::test]
async fn pod_texts_the_payer_and_texts_again() {
    let world = World::plain();
    let account = world.ours(json!({"link": "sms"}));
    assert!(account.gateway.capabilities().texts_payer);
    let link = account.make("texted").await;
    assert_eq!(world.line(&link).texts, 1);
    account.operate(&link, Operation::Resend).await.unwrap();
    assert_eq!(world.line(&link).texts, 2);
    world.pay(&link.url).unwrap();
    assert_eq!(
        account.refused(&link, Operation::Resend).await,
        "already_paid"
    );
    assert_eq!(world.line(&link).texts, 2);

    for (mobile, code) in [
        (None, "payer_mobile_missing"),
        (Some("+79161234567"), "payer_mobile_not_valid"),
        (Some("+98912123456"), "payer_mobile_not_valid"),
    ] {
        let mut request = request("no-phone");
        request.payer_mobile = mobile.map(str::to_owned);
        assert_eq!(account.create(&request).await.unwrap_err().code, code);
    }
    assert_eq!(world.ledger().len(), 1);
}

#[tokio::test]
async fn a_payment_that_waits_for_our_word_is_not_paid_before_it() {
    let world = World::plain();
    let account = world.ours(json!({"verification": true}));
    let link = account.make("verify").await;
    let early = account.refused(&link, Operation::VerifyAndClose).await;
    assert_eq!(early, "not_paid");
    world.pay(&link.url).unwrap();
    let report = account.report(&link).await;
    assert_eq!(report.status, LinkStatus::PaidUnverified);
    assert_eq!(
        report.payments.len(),
        1,
        "named, so that it can be compared"
    );
    for _ in 0..2 {
        let closed = account.operate(&link, Operation::VerifyAndClose).await;
        closed.unwrap();
        assert_eq!(account.status(&link).await, LinkStatus::Paid);
    }
    assert_eq!(account.report(&link).await.payments.len(), 1);
}

#[tokio::test]
async fn what_nobody_confirms_in_time_goes_back_to_the_payer() {
    let world = World::plain();
    let account = world.ours(json!({"verification": true, "close_timeout": "10m"}));
    let link = account.make("timeout").await;
    world.pay(&link.url).unwrap();
    world.pass(TimeDelta::seconds(601));
    let report = account.report(&link).await;
    assert_eq!(report.status, LinkStatus::Refunded);
    assert!(report.payments.is_empty());
    assert_eq!(world.line(&link).refunded, Some(amount()));
    let late = account.refused(&link, Operation::VerifyAndClose).await;
    assert_eq!(late, "link_closed");
}

#[tokio::test]
async fn an_open_invoice_is_cancelled_and_a_paid_one_is_not() {
    let world = World::plain();
    let account = world.ours(json!({}));
    let open = account.make("open").await;
    let paid = account.make("paid").await;
    world.pay(&paid.url).unwrap();
    account.cancel(&open).await.unwrap();
    account.cancel(&open).await.unwrap();
    assert_eq!(account.status(&open).await, LinkStatus::Cancelled);
    assert!(world.pay(&open.url).unwrap_err().contains("باطل"));
    let error = account.cancel(&paid).await.unwrap_err();
    assert_eq!(
        (error.class, error.code.as_str()),
        (ErrorClass::Permanent, "already_paid")
    );
    assert_eq!(account.status(&paid).await, LinkStatus::Paid);
    assert_eq!(world.line(&paid).refunded, None);
}

/// POD closes nothing by time: the first reading after the expiry does, unless the account says
/// otherwise, and a payment that came before that reading counts.
#[tokio::test]
async fn an_invoice_whose_time_is_up_is_closed_by_the_first_reading() {
    for void in [true, false] {
        let world = World::plain();
        let account = world.ours(json!({"void_expired": void}));
        let unpaid = account.make("unpaid").await;
        let late = account.make("late").await;
        world.set(start() + TimeDelta::days(1));
        world.pay(&late.url).unwrap();
        assert_eq!(account.status(&late).await, LinkStatus::PaidLate);
        let (status, state) = if void {
            (LinkStatus::Expired, LinkState::Closed)
        } else {
            (LinkStatus::Created, LinkState::Live)
        };
        for _ in 0..2 {
            assert_eq!(account.status(&unpaid).await, status);
            assert_eq!(world.line(&unpaid).state, state);
        }
    }
}

#[tokio::test]
async fn many_links_are_read_at_once_across_pages() {
    let world = World::plain();
    let account = world.ours(json!({}));
    let mut links = Vec::new();
    for number in 0..230 {
        links.push(account.make(&format!("many-{number}")).await);
    }
    for link in links.iter().step_by(7) {
        world.pay(&link.url).unwrap();
    }
    let mut refs: Vec<ProviderRef> = links.iter().map(|link| link.provider_ref.clone()).collect();
    refs.push(ProviderRef(
        [("link".to_owned(), "foreign".to_owned())].into(),
    ));
    let many = account.gateway.status_many(account.call(), &refs).await;
    let mut reports = many.unwrap().unwrap();
    assert_eq!(reports.len(), 230);
    let mut each = Vec::new();
    for link in &links {
        each.push(account.report(link).await);
    }
    reports.sort_by(|a, b| a.reference.cmp(&b.reference));
    each.sort_by(|a, b| a.reference.cmp(&b.reference));
    assert_eq!(reports, each);
    let paid = reports.iter().filter(|it| it.status == LinkStatus::Paid);
    assert_eq!(paid.count(), 33);
}

/// A foreign invoice behind our names proves nothing, however paid it is.
#[tokio::test]
async fn a_name_that_does_not_fit_its_invoice_is_refused() {
    let world = World::plain();
    let account = world.ours(json!({}));
    let ours = account.make("ours").await;
    let other = account.make("other").await;
    world.pay(&other.url).unwrap();
    let mut mixed = ours.clone();
    let id = other.provider_ref.0["invoice_id"].clone();
    mixed.provider_ref.0.insert("invoice_id".to_owned(), id);
    let call = account.call();
    let error = account.gateway.status(call, &mixed.provider_ref).await;
    assert_eq!(error.unwrap_err().code, "link_mismatch");
    assert_eq!(
        account.cancel(&mixed).await.unwrap_err().code,
        "link_mismatch"
    );
    assert_eq!(account.status(&ours).await, LinkStatus::Created);
}

#[tokio::test]
async fn the_invoice_of_another_system_with_our_number_is_not_adopted() {
    let world = World::plain();
    let account = world.ours(json!({}));
    let twin = world.account(super::DEBTOR_TOKEN, json!({"guild_code": "DEBTOR_GUILD"}));
    twin.make("same").await;
    let found = account.gateway.find(account.call(), "same").await;
    assert_eq!(found.unwrap(), Found::NotFound);
    let first = account.make("same").await;
    let error = account.create(&request("same")).await.unwrap_err();
    assert!(error.is_duplicate(), "{error:?}");
    let found = account.gateway.find(account.call(), "same").await;
    assert_eq!(found.unwrap(), Found::Link(first));
}

/// Without the duplicate's words the list decides.
#[tokio::test]
async fn a_duplicate_in_unknown_words_is_known_by_the_list() {
    let world = World::plain();
    let account = world.ours(json!({"duplicate_texts": ["متن دیگر"]}));
    account.make("again").await;
    let error = account.create(&request("again")).await.unwrap_err();
    assert!(error.is_duplicate() && error.class == ErrorClass::Permanent);
    assert_eq!(world.ledger().len(), 1);

    let stranger = world.ours(json!({"guild_code": "NONE"}));
    let error = stranger.create(&request("new")).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Permanent);
    assert_eq!(error.code, "refused");
}

#[tokio::test]
async fn an_account_in_tomans_asks_for_rials() {
    let world = World::plain();
    let account = world.account_in(Currency::Irt, super::CANARY, json!({}));
    let error = account.create(&request("rials")).await.unwrap_err();
    assert_eq!(error.code, "currency_mismatch");
    let tomans = amount().convert_to(Currency::Irt).unwrap();
    let mut request = request("tomans");
    request.amount = tomans;
    let link = account.create(&request).await.unwrap();
    assert_eq!(link.amount, Some(tomans));
    assert_eq!(link.provider_ref.0["amount"], AMOUNT.to_string());
    assert_eq!(world.line(&link).amount, amount());
    world.pay(&link.url).unwrap();
    let report = account.report(&link).await;
    assert_eq!(report.status, LinkStatus::Paid);
    assert_eq!(report.payments[0].amount, tomans);
}

/// As it is played on loopback: without TLS, and with a key for service calls.
#[tokio::test]
async fn it_may_be_played_on_this_machine() {
    let mut settings = PodSettings::new("http://127.0.0.1:4012/", super::CANARY, "INFO_GUILD");
    settings.service_key = Some("key".to_owned());
    let world = World::new(settings.clone(), Vec::new());
    let account = world.ours(json!({"link": "short_lived"}));
    let error = account.create(&request("local")).await.unwrap_err();
    assert_eq!(
        (error.class, error.code.as_str()),
        (ErrorClass::Ambiguous, "refused_and_not_read")
    );
    assert!(world.ledger().is_empty());

    settings.service_key = None;
    let world = World::new(settings, Vec::new());
    let account = world.ours(json!({"link": "short_lived"}));
    let link = account.make("local").await;
    assert!(
        link.url
            .starts_with("http://127.0.0.1:4012/v1/pbc/payment/?hash=")
    );
    assert_eq!(world.browse(&link.url, Some("pay")).status, 302);
    assert_eq!(account.status(&link).await, LinkStatus::Paid);
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_refused_for_good_and_never_shown() {
    let world = World::plain();
    let token = "canary-of-a-wrong-token";
    let account = world.account(token, json!({}));
    let error = account.create(&request("token")).await.unwrap_err();
    assert_eq!(error.code, "not_authorized");
    assert_eq!(error.class, ErrorClass::Permanent);
    assert!(!format!("{error:?} {error}").contains(token));
    assert!(world.ledger().is_empty());
}
