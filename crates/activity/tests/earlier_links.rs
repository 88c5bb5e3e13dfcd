//! Links of earlier entries of the step: closed first, or the new one waits.

use std::sync::Arc;

use activity::builtin::create_payment_link::codes;
use activity::{Attempt, Attempted, EarlierLink, Observation, Request};
use chrono::TimeDelta;
use payment::{Found, Gateway, GatewayError, LinkStatus, ProviderRef, RepeatClass};
use serde_json::json;
use values::LinkId;

use crate::gateway::{Scripted, busy, link, lost, report};
use crate::kit::{Kit, at, attempt, done, find, unknown, world};

fn earlier(token: &str, expires_at: &str) -> EarlierLink {
    EarlierLink {
        id: LinkId::from(token),
        account: "main".into(),
        reference: format!("ref-{token}"),
        provider_ref: ProviderRef([("link".to_owned(), token.to_owned())].into()),
        expires_at: at(expires_at),
    }
}

fn request(links: &[EarlierLink]) -> Request {
    let mut kit = Kit::invoice();
    kit.answers.earlier_links = links.to_vec();
    let settings = json!({ "account": "main", "amount": "final" });
    kit.request(kit.ready("create_payment_link", &settings).as_ref())
}

async fn perform(gateway: &Arc<Scripted>, links: &[EarlierLink], attempt: &Attempt) -> Attempted {
    let gateway = Arc::clone(gateway) as Arc<dyn Gateway>;
    let world = world([("main", gateway)]);
    find("create_payment_link")
        .perform(&request(links), attempt, &world)
        .await
}

fn old() -> Vec<EarlierLink> {
    vec![earlier("old", "2026-09-10T00:00:00Z")]
}

fn script() -> Scripted {
    Scripted::new(RepeatClass::Idempotent)
}

fn seen(observations: &[Observation]) -> Vec<(String, LinkStatus)> {
    observations
        .iter()
        .map(|seen| (seen.link.to_string(), seen.report.status))
        .collect()
}

/// Clause 41: an open link is closed, and that it is closed is read before the new one is made.
#[tokio::test]
async fn an_open_link_is_closed_and_read_again_before_a_new_one() {
    for open in [LinkStatus::Created, LinkStatus::Viewed, LinkStatus::Paying] {
        let gateway = Arc::new(
            script()
                .status(Ok(report(open)))
                .close(Ok(()))
                .status(Ok(report(LinkStatus::Cancelled)))
                .create(Ok(link("new"))),
        );
        match perform(&gateway, &old(), &attempt(1)).await {
            Attempted::Done { observations, .. } => {
                assert_eq!(
                    seen(&observations),
                    [("old".to_owned(), LinkStatus::Cancelled)]
                );
            }
            other => panic!("{other:#?}"),
        }
        assert_eq!(
            gateway.calls(),
            ["status old", "close old", "status old", "create ref-1"]
        );
    }
}

/// Clause 41: links that are closed already need no closing.
#[tokio::test]
async fn closed_links_let_the_new_one_start() {
    let statuses = [
        LinkStatus::Expired,
        LinkStatus::Cancelled,
        LinkStatus::CreateFailed,
    ];
    for status in statuses {
        let gateway = Arc::new(script().status(Ok(report(status))).create(Ok(link("new"))));
        done(perform(&gateway, &old(), &attempt(1)).await);
        assert_eq!(
            gateway.calls(),
            ["status old", "create ref-1"],
            "{status:?}"
        );
    }
}

/// Clause 41: if an earlier link turns out paid, the payment wins and no link is made.
#[tokio::test]
async fn a_paid_link_wins() {
    for paid in [
        LinkStatus::Paid,
        LinkStatus::PaidLate,
        LinkStatus::PaidAfterCancel,
    ] {
        let gateway = Arc::new(script().status(Ok(report(paid))));
        match perform(&gateway, &old(), &attempt(1)).await {
            Attempted::Ended {
                outcome,
                observations,
            } => {
                assert_eq!(outcome.code.as_deref(), Some(codes::EARLIER_LINK_PAID));
                assert_eq!(seen(&observations), [("old".to_owned(), paid)]);
                assert_eq!(observations[0].report.payments.len(), 1);
            }
            other => panic!("{other:#?}"),
        }
        assert_eq!(gateway.calls(), ["status old"]);
    }
}

/// Clause 41: a customer who pays while we close the link wins too.
#[tokio::test]
async fn a_payment_between_reading_and_closing_wins() {
    let gateway = Arc::new(
        script()
            .status(Ok(report(LinkStatus::Viewed)))
            .close(Err(GatewayError::permanent(
                "already_paid",
                "the link is paid",
            )))
            .status(Ok(report(LinkStatus::Paid))),
    );
    match perform(&gateway, &old(), &attempt(1)).await {
        Attempted::Ended {
            outcome,
            observations,
        } => {
            assert_eq!(outcome.code.as_deref(), Some(codes::EARLIER_LINK_PAID));
            assert_eq!(seen(&observations), [("old".to_owned(), LinkStatus::Paid)]);
        }
        other => panic!("{other:#?}"),
    }
}

/// Clause 41: of several earlier links all are read, and one payment is enough.
#[tokio::test]
async fn a_payment_among_several_links_wins_over_what_is_not_known() {
    let links = [
        earlier("one", "2026-09-10T00:00:00Z"),
        earlier("two", "2026-09-10T00:00:00Z"),
        earlier("three", "2026-09-10T00:00:00Z"),
    ];
    let gateway = Arc::new(
        script()
            .status(Ok(report(LinkStatus::Expired)))
            .status(Ok(report(LinkStatus::Paid)))
            .status(Err(busy())),
    );
    match perform(&gateway, &links, &attempt(1)).await {
        Attempted::Ended {
            outcome,
            observations,
        } => {
            assert_eq!(outcome.code.as_deref(), Some(codes::EARLIER_LINK_PAID));
            assert_eq!(observations.len(), 2);
        }
        other => panic!("{other:#?}"),
    }
}

/// Clause 41: where only time closes a link, the new one waits for its expiry.
#[tokio::test]
async fn a_link_that_cannot_be_closed_is_waited_for() {
    let gateway = Arc::new(
        script()
            .without_closing()
            .status(Ok(report(LinkStatus::Created))),
    );
    match perform(&gateway, &old(), &attempt(1)).await {
        Attempted::NotBefore {
            at: again,
            code,
            observations,
        } => {
            assert_eq!(again, at("2026-09-10T00:00:00Z"));
            assert_eq!(code, codes::EARLIER_LINK_OPEN);
            assert_eq!(
                seen(&observations),
                [("old".to_owned(), LinkStatus::Created)]
            );
        }
        other => panic!("{other:#?}"),
    }
    // Past its expiry by our clock, and the gateway has not closed it yet.
    let late = [earlier("old", "2026-08-30T00:00:00Z")];
    let gateway = Arc::new(
        script()
            .without_closing()
            .status(Ok(report(LinkStatus::Created))),
    );
    match perform(&gateway, &late, &attempt(1)).await {
        Attempted::NotBefore { at, .. } => {
            assert_eq!(at, attempt(1).now + TimeDelta::seconds(60));
        }
        other => panic!("{other:#?}"),
    }
}

/// Clause 41: a gateway that closes links slowly is read again soon.
#[tokio::test]
async fn a_link_that_is_still_open_after_closing_is_read_again() {
    let gateway = Arc::new(
        script()
            .status(Ok(report(LinkStatus::Created)))
            .close(Ok(()))
            .status(Ok(report(LinkStatus::Created))),
    );
    match perform(&gateway, &old(), &attempt(1)).await {
        Attempted::NotBefore { at, code, .. } => {
            assert_eq!(at, attempt(1).now + TimeDelta::seconds(60));
            assert_eq!(code, codes::EARLIER_LINK_OPEN);
        }
        other => panic!("{other:#?}"),
    }
}

/// Clause 41: while nobody knows how an earlier link stands, no new one is made.
#[tokio::test]
async fn an_earlier_link_nobody_knows_about_makes_no_new_one() {
    let open = || script().status(Ok(report(LinkStatus::Created)));
    let gateways = [
        script()
            .status(Ok(report(LinkStatus::Unknown)))
            .close(Err(lost()))
            .status(Ok(report(LinkStatus::Unknown))),
        script().status(Ok(report(LinkStatus::Creating))),
        script().status(Err(busy())),
        script().status(Err(lost())),
        script().status(Err(GatewayError::permanent(
            "link_not_found",
            "no such link",
        ))),
        open().close(Err(busy())),
        open().close(Err(lost())).status(Err(lost())),
        open().close(Ok(())).status(Ok(report(LinkStatus::Unknown))),
    ];
    for gateway in gateways {
        let gateway = Arc::new(gateway);
        match perform(&gateway, &old(), &attempt(1)).await {
            Attempted::Retry { code, .. } => assert_eq!(code, codes::EARLIER_LINK_UNKNOWN),
            other => panic!("{other:#?}"),
        }
        assert!(
            !gateway
                .calls()
                .iter()
                .any(|call| call.starts_with("create"))
        );
    }
}

/// Clause 41: after an attempt that may have arrived, an unknown earlier link is no error either.
#[tokio::test]
async fn after_a_lost_answer_an_unknown_earlier_link_stays_unknown() {
    let gateway = Arc::new(script().status(Err(busy())));
    let (code, again) = unknown(perform(&gateway, &old(), &attempt(2)).await);
    assert_eq!(
        (code.as_str(), again.is_some()),
        (codes::EARLIER_LINK_UNKNOWN, true)
    );
}

/// Clause 41: a payment that shows after a lost answer does not hide the link that may exist.
#[tokio::test]
async fn a_payment_after_a_lost_answer_looks_for_the_new_link_first() {
    let paid = || script().status(Ok(report(LinkStatus::PaidAfterCancel)));
    let gateway = Arc::new(paid().find(Ok(Found::Link(link("new")))));
    match perform(&gateway, &old(), &attempt(2)).await {
        Attempted::Done { observations, .. } => {
            assert_eq!(
                seen(&observations),
                [("old".to_owned(), LinkStatus::PaidAfterCancel)]
            );
        }
        other => panic!("{other:#?}"),
    }
    let gateway = Arc::new(paid().find(Ok(Found::NotFound)));
    let (code, again) = unknown(perform(&gateway, &old(), &attempt(2)).await);
    assert_eq!((code.as_str(), again), (codes::EARLIER_LINK_PAID, None));
}

/// Clause 41: an earlier link of an account whose gateway is gone cannot be confirmed closed.
#[tokio::test]
async fn an_earlier_link_of_a_missing_gateway_is_unknown() {
    let mut gone = earlier("old", "2026-09-10T00:00:00Z");
    gone.account = "gone".into();
    let gateway = Arc::new(script());
    match perform(&gateway, &[gone], &attempt(1)).await {
        Attempted::Retry { code, .. } => assert_eq!(code, codes::EARLIER_LINK_UNKNOWN),
        other => panic!("{other:#?}"),
    }
}
