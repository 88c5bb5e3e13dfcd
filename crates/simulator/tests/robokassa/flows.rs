//! What shops do with links, from the first request to the last call.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use payment::{
    Callback, ErrorClass, Found, LinkStatus, Operation, OperationName, ProviderRef, Usage,
};
use serde_json::json;
use simulator::robokassa::Hash;
use simulator::{Fault, FaultRule, LinkState, Provider};
use values::{Currency, Money};

use super::{INTERFACES, Setup, browser, parts, request, start};

fn paid(callback: &Callback) -> (&str, LinkStatus, &str) {
    match callback {
        Callback::Verified { report, reply } => {
            assert_eq!(report.payments.len(), 1);
            assert_eq!(reply.body, format!("OK{}", report.payments[0].transaction));
            (
                &report.reference,
                report.status,
                &report.payments[0].transaction,
            )
        }
        other => panic!("not verified: {other:?}"),
    }
}

#[tokio::test]
async fn every_algorithm_and_both_interfaces_reach_paid() {
    for interface in INTERFACES {
        for hash in Hash::ALL {
            for by_post in [true, false] {
                let mut setup = Setup::new(interface);
                setup.hash = hash;
                setup.change = |settings| settings.result_by_post = false;
                if by_post {
                    setup.change = |_| {};
                }
                let world = setup.build();
                let request = request("сделка/42 & co/pay/1");
                let call = world.at(TimeDelta::zero());
                let link = world.gateway.create(call, &request).await.unwrap();
                world
                    .provider
                    .pay(start() + TimeDelta::hours(1), &link.url)
                    .unwrap();
                let calls = world.hear_calls(TimeDelta::hours(1));
                assert_eq!(calls.len(), 1, "{interface} {hash:?}");
                let (reference, status, transaction) = paid(&calls[0]);
                assert_eq!(reference, request.reference);
                assert_eq!(status, LinkStatus::Paid);
                let order_no = world.gateway.order_no(&request.reference);
                assert_eq!(transaction, order_no);
                assert_eq!(
                    world.provider.next_call_at(),
                    None,
                    "an answered call comes again"
                );
                let call = world.at(TimeDelta::hours(2));
                let report = world
                    .gateway
                    .status(call, &link.provider_ref)
                    .await
                    .unwrap();
                assert_eq!(report.status, LinkStatus::Paid);
                assert_eq!(report.payments[0].transaction, transaction);
                assert_eq!(report.payments[0].paid_at, start() + TimeDelta::hours(1));
                assert!(report.payments[0].tracking_no.is_some());
            }
        }
    }
}

#[tokio::test]
async fn a_reusable_link_is_paid_many_times_under_numbers_of_its_own() {
    for interface in INTERFACES {
        let world = Setup::new(interface).build();
        let mut request = request("subscription/7/pay/1");
        request.usage = Usage::Reusable;
        let call = world.at(TimeDelta::zero());
        let link = world.gateway.create(call, &request).await.unwrap();
        let mut transactions = BTreeSet::new();
        for hour in 1..4 {
            world
                .provider
                .pay(start() + TimeDelta::hours(hour), &link.url)
                .unwrap();
            for callback in world.hear_calls(TimeDelta::hours(hour)) {
                let (reference, status, transaction) = paid(&callback);
                assert_eq!(
                    (reference, status),
                    (request.reference.as_str(), LinkStatus::Created)
                );
                transactions.insert(transaction.to_owned());
            }
        }
        let line = &world.provider.ledger(call.now)[0];
        let truth: BTreeSet<_> = line.payments.iter().map(|paid| paid.0.clone()).collect();
        assert_eq!(transactions, truth, "{interface}");
        assert_eq!((truth.len(), line.state), (3, LinkState::Live));
        let call = world.at(TimeDelta::hours(5));
        let report = world
            .gateway
            .status(call, &link.provider_ref)
            .await
            .unwrap();
        assert_eq!(report.status, LinkStatus::Created, "{interface}");
    }
}

/// Without the time at which it came, a call for a reusable link would be lost: the provider has to
/// call again.
#[tokio::test]
async fn a_call_without_its_time_is_asked_about_or_refused() {
    for (usage, expected) in [(Usage::OneTime, "hint"), (Usage::Reusable, "refused")] {
        let world = Setup::new("invoice_api").build();
        let mut request = request("untimed");
        request.usage = usage;
        let call = world.at(TimeDelta::zero());
        let link = world.gateway.create(call, &request).await.unwrap();
        world.provider.pay(call.now, &link.url).unwrap();
        let calls = world.provider.take_calls(call.now);
        match world.gateway.read_callback(&parts(&calls[0])) {
            Callback::Hint { reference, .. } => {
                assert_eq!((reference.as_str(), expected), ("untimed", "hint"))
            }
            Callback::Rejected { code } => {
                assert_eq!((code.as_str(), expected), ("arrival_unknown", "refused"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_unanswered_call_comes_again_until_it_is_answered() {
    let world = Setup::new("invoice_api").build();
    let call = world.at(TimeDelta::zero());
    let link = world.gateway.create(call, &request("again")).await.unwrap();
    world.provider.pay(call.now, &link.url).unwrap();
    for minute in 0..5 {
        let now = start() + TimeDelta::minutes(minute);
        assert_eq!(world.provider.next_call_at(), Some(now));
        assert_eq!(world.provider.take_calls(now).len(), 1, "minute {minute}");
    }
    assert_eq!(world.provider.next_call_at(), None, "five times in all");
}

/// The return of a browser is never proof, whatever it says and however it is signed.
#[tokio::test]
async fn a_return_of_the_browser_is_only_a_hint() {
    for interface in INTERFACES {
        let mut setup = Setup::new(interface);
        setup.options = json!({
            "success_url": {"url": "https://crm.test/ok?d=42", "method": "GET"},
            "fail-url": {"url": "https://crm.test/fail"},
            "signed_urls": "encoded",
        });
        // The simulator signs what it receives, so both spellings must hold.
        if interface == "invoice_api" {
            setup.options["signed_urls"] = json!("plain");
        }
        let world = setup.build();
        let call = world.at(TimeDelta::zero());
        let link = world.gateway.create(call, &request("back")).await.unwrap();
        for button in ["decline", "pay"] {
            let url = world
                .provider
                .press(call.now, &link.url, button)
                .unwrap()
                .unwrap();
            let url = url.replace("https%3A%2F%2F", "https://");
            let read = world
                .gateway
                .read_callback(&browser(&url).received(call.now));
            match read {
                Callback::Hint { reference, reply } => {
                    assert_eq!((reference.as_str(), reply.status), ("back", 200));
                }
                other => panic!("{interface} {button}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_payer_who_declines_or_leaves_may_come_back() {
    for interface in INTERFACES {
        let world = Setup::new(interface).build();
        let call = world.at(TimeDelta::zero());
        let link = world
            .gateway
            .create(call, &request("undecided"))
            .await
            .unwrap();
        for (minute, button, status) in [
            (1, "decline", LinkStatus::Created),
            (2, "leave", LinkStatus::Paying),
            (3, "decline", LinkStatus::Created),
            (4, "pay", LinkStatus::Paid),
        ] {
            let call = world.at(TimeDelta::minutes(minute));
            world.provider.press(call.now, &link.url, button).unwrap();
            let report = world
                .gateway
                .status(call, &link.provider_ref)
                .await
                .unwrap();
            assert_eq!(report.status, status, "{interface} {button}");
        }
        let refused = world
            .provider
            .pay(start() + TimeDelta::minutes(5), &link.url);
        assert!(refused.unwrap_err().contains("52"), "paid twice");
    }
}

#[tokio::test]
async fn test_links_are_paid_with_test_passwords_and_believed_by_their_call_alone() {
    let mut setup = Setup::new("classic");
    setup.options = json!({"test": true});
    let world = setup.build();
    let live = Setup::new("classic").build();
    assert!(world.gateway.descriptor().sandbox);
    assert!(!world.gateway.capabilities().status);
    let call = world.at(TimeDelta::zero());
    let link = world.gateway.create(call, &request("test")).await.unwrap();
    assert!(link.url.contains("&IsTest=1&"));
    world.provider.pay(call.now, &link.url).unwrap();
    let report = world
        .gateway
        .status(call, &link.provider_ref)
        .await
        .unwrap();
    assert_eq!(report.status, LinkStatus::Unknown);
    let calls = world.provider.take_calls(call.now);
    let parts = parts(&calls[0]).received(call.now);
    assert_eq!(
        paid(&world.gateway.read_callback(&parts)).1,
        LinkStatus::Paid
    );
    let read = live.gateway.read_callback(&parts);
    assert!(matches!(read, Callback::Rejected { .. }), "{read:?}");
}

#[tokio::test]
async fn a_number_that_is_taken_is_a_duplicate_in_whatever_words() {
    for change in [
        (|settings| settings.duplicate_words = "Счёт с таким номером уже существует".to_owned())
            as fn(&mut simulator::robokassa::RobokassaSettings),
        |settings| settings.duplicate_words = "Ошибка 77".to_owned(),
        |settings| settings.duplicate_words = String::new(),
        |_| {},
    ] {
        let mut setup = Setup::new("invoice_api");
        setup.change = change;
        let world = setup.build();
        let call = world.at(TimeDelta::zero());
        let first = world.gateway.create(call, &request("taken")).await.unwrap();
        let again = world
            .gateway
            .create(call, &request("taken"))
            .await
            .unwrap_err();
        assert!(again.is_duplicate(), "{again:?}");
        let found = world.gateway.find(call, "taken").await.unwrap();
        let Found::Link(found) = found else {
            panic!("{found:?}");
        };
        assert_eq!(found.provider_ref, first.provider_ref);
        assert_eq!(
            (found.url, found.amount),
            (first.url, Some(request("taken").amount))
        );
        assert_eq!(world.provider.ledger(call.now).len(), 1);
    }
}

/// A refusal whose reason cannot be looked into says nothing about the number.
#[tokio::test]
async fn a_refusal_that_cannot_be_looked_into_is_ambiguous() {
    let mut setup = Setup::new("invoice_api");
    setup.change = |settings| settings.duplicate_words = "77".to_owned();
    setup.rules = vec![FaultRule::first(Fault::ServerErrorBefore, "list")];
    let world = setup.build();
    let call = world.at(TimeDelta::zero());
    world
        .gateway
        .create(call, &request("unclear"))
        .await
        .unwrap();
    let error = world
        .gateway
        .create(call, &request("unclear"))
        .await
        .unwrap_err();
    assert_eq!(error.class, ErrorClass::Ambiguous, "{error:?}");
}

#[tokio::test]
async fn many_links_are_read_by_one_look_through_the_list() {
    let world = Setup::new("invoice_api").build();
    let mut links = Vec::new();
    for number in 0..250 {
        let call = world.at(TimeDelta::seconds(number));
        let request = request(&format!("many/{number}"));
        links.push(world.gateway.create(call, &request).await.unwrap());
    }
    let call = world.at(TimeDelta::hours(1));
    world.provider.pay(call.now, &links[200].url).unwrap();
    let closing = world.gateway.as_deactivate().unwrap();
    closing
        .deactivate(call, &links[100].provider_ref)
        .await
        .unwrap();
    let mut names: Vec<ProviderRef> = links.iter().map(|link| link.provider_ref.clone()).collect();
    names.push(ProviderRef([("inv_id".to_owned(), "5".to_owned())].into()));
    let reports = world
        .gateway
        .status_many(call, &names)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(reports.len(), 250);
    for report in reports {
        let expected = match report.reference.as_str() {
            "many/200" => LinkStatus::Paid,
            "many/100" => LinkStatus::Cancelled,
            _ => LinkStatus::Created,
        };
        assert_eq!(report.status, expected, "{}", report.reference);
        assert_eq!(
            report.payments.len(),
            usize::from(expected == LinkStatus::Paid)
        );
    }
    assert!(world.gateway.status_many(call, &names[..1]).await.is_none());
}

/// A closed invoice that the list has lost stays unknown until its time is up: closed is never
/// guessed.
#[tokio::test]
async fn a_link_that_vanishes_is_unknown_until_its_time_is_up() {
    let mut setup = Setup::new("invoice_api");
    setup.change = |settings| settings.vanishing = true;
    let world = setup.build();
    let call = world.at(TimeDelta::zero());
    let link = world.gateway.create(call, &request("gone")).await.unwrap();
    let closing = world.gateway.as_deactivate().unwrap();
    closing.deactivate(call, &link.provider_ref).await.unwrap();
    for (hour, status) in [(1, LinkStatus::Unknown), (24, LinkStatus::Expired)] {
        let call = world.at(TimeDelta::hours(hour));
        let report = world
            .gateway
            .status(call, &link.provider_ref)
            .await
            .unwrap();
        assert_eq!(report.status, status, "after {hour} hours");
    }
}

#[tokio::test]
async fn a_prepayment_gets_its_second_receipt_once() {
    let mut setup = Setup::new("invoice_api");
    setup.options = json!({"receipt": {
        "sno": "osn",
        "tax": "vat20",
        "payment_method": "full_prepayment",
        "payment_object": "service",
        "second": {"url": "https://crm.test", "name": "Услуги", "email": "books@crm.test"},
    }});
    let world = setup.build();
    let offered = world.gateway.capabilities().operations;
    assert_eq!(offered, [OperationName::SecondReceipt]);
    let call = world.at(TimeDelta::zero());
    let link = world
        .gateway
        .create(call, &request("prepaid"))
        .await
        .unwrap();
    let second = |receipt_no: &str| Operation::SecondReceipt {
        receipt_no: receipt_no.to_owned(),
        amount: Money::from_minor(125_050, Currency::Rub).unwrap(),
    };
    let early = world
        .gateway
        .operate(call, &link.provider_ref, &second("9001"))
        .await;
    assert_eq!(early.unwrap_err().code, "receipt_refused");
    world.provider.pay(call.now, &link.url).unwrap();
    world
        .gateway
        .operate(call, &link.provider_ref, &second("9001"))
        .await
        .unwrap();
    let order_no = world.gateway.order_no("prepaid");
    assert_eq!(
        world.provider.receipts(),
        [("9001".to_owned(), order_no.clone())]
    );
    for (receipt_no, code) in [
        ("9002", "receipt_refused"),
        (order_no.as_str(), "receipt_number_not_valid"),
        ("", "receipt_number_not_valid"),
        ("A-1", "receipt_number_not_valid"),
    ] {
        let again = world
            .gateway
            .operate(call, &link.provider_ref, &second(receipt_no))
            .await;
        assert_eq!(again.unwrap_err().code, code, "{receipt_no}");
    }
}

#[tokio::test]
async fn the_page_checks_a_links_signature() {
    let world = Setup::new("classic").build();
    let call = world.at(TimeDelta::zero());
    let link = world
        .gateway
        .create(call, &request("signed"))
        .await
        .unwrap();
    for (from, to) in [
        ("OutSum=1250.50", "OutSum=1.00"),
        ("Shp_ref=signed", "Shp_ref=other"),
    ] {
        let url = link.url.replace(from, to);
        assert_ne!(url, link.url);
        let refused = world.provider.pay(call.now, &url).unwrap_err();
        assert!(refused.contains("error 29"), "{refused}");
    }
    assert!(world.provider.ledger(call.now).is_empty());
    let late = start() + TimeDelta::days(2);
    let refused = world.provider.pay(late, &link.url).unwrap_err();
    assert!(refused.contains("error 51"), "{refused}");
}
