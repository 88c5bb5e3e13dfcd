//! Every operation against POD's books.

use chrono::TimeDelta;
use payment::{
    ErrorClass, FundsSource, FutureParty, LinkStatus, Operation, OperationName, PosSlip,
    ProviderRef,
};
use serde_json::json;
use simulator::{Fault, FaultRule};
use values::{Date, Zone};

use super::{AMOUNT, DEBTOR, World, amount, settings, start};

fn day() -> Date {
    "2026-04-10".parse().unwrap()
}

fn by_invoice(creditor: &payment::CreatedLink) -> Operation {
    Operation::PayByInvoice {
        creditor: creditor.provider_ref.clone(),
    }
}

fn in_future(from: FundsSource) -> Operation {
    Operation::PayInFuture { on: day(), from }
}

fn wallet() -> FundsSource {
    FundsSource::Wallet("PODLAND_WALLET".to_owned())
}

fn cancel(by: FutureParty) -> Operation {
    Operation::CancelFuture { by }
}

fn slip() -> PosSlip {
    PosSlip {
        terminal_no: "۱۲۳۴۵۶۷".to_owned(),
        merchant_code: "9001".to_owned(),
        reference_no: "555000111".to_owned(),
        tracking_no: "42".to_owned(),
        paid_at: start(),
    }
}

/// The three errors of paying by another invoice, and paying by it.
#[tokio::test]
async fn a_paid_invoice_pays_another_one_once() {
    let world = World::plain();
    let ours = world.ours(json!({}));
    let debtors = world.debtors();
    // We bill the debtor; the debtor has billed somebody who pays.
    let owed = ours.make_for_debtor("owed").await;
    let source = debtors.make("source").await;

    let unpaid = debtors.refused(&owed, by_invoice(&source)).await;
    assert_eq!(unpaid, "offset_source_unpaid");
    world.pay(&source.url).unwrap();
    // By the wrong side, and with the two invoices swapped.
    let wrong_side = ours.refused(&owed, by_invoice(&source)).await;
    assert_eq!(wrong_side, "forbidden");
    let swapped = debtors.make("swapped").await;
    assert_eq!(
        debtors.refused(&swapped, by_invoice(&owed)).await,
        "forbidden"
    );
    let itself = debtors.refused(&source, by_invoice(&source)).await;
    assert_eq!(itself, "offset_with_itself");
    let mut absent = source.clone();
    absent.provider_ref = ProviderRef([("invoice_id".to_owned(), "999".to_owned())].into());
    let missing = debtors.refused(&owed, by_invoice(&absent)).await;
    assert_eq!(missing, "offset_source_not_found");

    debtors.operate(&owed, by_invoice(&source)).await.unwrap();
    debtors.operate(&owed, by_invoice(&source)).await.unwrap();
    assert_eq!(ours.status(&owed).await, LinkStatus::ScheduledFuture);
    assert!(world.pay(&owed.url).is_err());
    let second = ours.make_for_debtor("second").await;
    let reserved = debtors.refused(&second, by_invoice(&source)).await;
    assert_eq!(reserved, "offset_source_reserved");

    world.pass(TimeDelta::hours(25));
    assert_eq!(ours.status(&owed).await, LinkStatus::PaidLate);
    assert_eq!(world.line(&owed).payments.len(), 1);
    assert_eq!(ours.report(&owed).await.payments[0].amount, amount());
}

#[tokio::test]
async fn a_payment_in_the_future_blocks_the_money_and_pays_on_its_day() {
    for (from, left) in [
        (wallet(), (AMOUNT, AMOUNT)),
        (
            FundsSource::Guild("DEBTOR_GUILD".to_owned()),
            (AMOUNT * 2, 0),
        ),
    ] {
        let world = World::plain();
        let ours = world.ours(json!({}));
        let debtors = world.debtors();
        let owed = ours.make_for_debtor("future").await;
        // Only the debtor may.
        let error = ours.refused(&owed, in_future(from.clone())).await;
        assert_eq!(error, "scheduled_future");
        debtors
            .operate(&owed, in_future(from.clone()))
            .await
            .unwrap();
        let purses = (
            world.pod.wallet(DEBTOR, "PODLAND_WALLET").unwrap(),
            world.pod.guild_credit(DEBTOR, "DEBTOR_GUILD").unwrap(),
        );
        assert_eq!(purses, left);
        // The same wish again is done; another day is another wish.
        debtors
            .operate(&owed, in_future(from.clone()))
            .await
            .unwrap();
        let other_day = Operation::PayInFuture {
            on: day().succ_opt().unwrap(),
            from: from.clone(),
        };
        assert_eq!(debtors.refused(&owed, other_day).await, "already_scheduled");
        assert_eq!(ours.status(&owed).await, LinkStatus::ScheduledFuture);
        // Every other way is closed meanwhile.
        assert!(world.pay(&owed.url).unwrap_err().contains("اجازه پرداخت"));
        let credit = Operation::PayByCredit {
            wallet: Some("PODLAND_WALLET".to_owned()),
            any: false,
        };
        assert_eq!(debtors.refused(&owed, credit).await, "scheduled_future");
        assert_eq!(
            ours.refused(&owed, Operation::MarkPaid).await,
            "scheduled_future"
        );
        assert_eq!(
            ours.cancel(&owed).await.unwrap_err().code,
            "scheduled_future"
        );

        let midnight = Zone::parse("Asia/Tehran").unwrap().start_of_day(day());
        world.set(midnight - TimeDelta::seconds(1));
        assert_eq!(ours.status(&owed).await, LinkStatus::ScheduledFuture);
        world.set(midnight);
        let report = ours.report(&owed).await;
        assert_eq!(report.status, LinkStatus::PaidLate);
        assert_eq!(report.payments[0].paid_at, midnight);
        let late = ours.refused(&owed, cancel(FutureParty::Issuer)).await;
        assert_eq!(late, "already_paid");
    }
}

#[tokio::test]
async fn a_payment_in_the_future_is_called_off_by_the_issuer_and_not_by_the_debtor() {
    let world = World::plain();
    let ours = world.ours(json!({}));
    let debtors = world.debtors();
    let owed = ours.make_for_debtor("off").await;
    let early = ours.refused(&owed, cancel(FutureParty::Issuer)).await;
    assert_eq!(early, "not_scheduled");
    debtors.operate(&owed, in_future(wallet())).await.unwrap();
    // As the debtor, and as a debtor who says to be the issuer: POD knows better.
    assert_eq!(
        debtors.refused(&owed, cancel(FutureParty::Debtor)).await,
        "forbidden"
    );
    assert_eq!(
        debtors.refused(&owed, cancel(FutureParty::Issuer)).await,
        "forbidden"
    );
    assert_eq!(ours.status(&owed).await, LinkStatus::ScheduledFuture);
    assert_eq!(world.pod.wallet(DEBTOR, "PODLAND_WALLET"), Some(AMOUNT));

    for _ in 0..2 {
        ours.operate(&owed, cancel(FutureParty::Issuer))
            .await
            .unwrap();
        assert_eq!(ours.status(&owed).await, LinkStatus::Cancelled);
        assert_eq!(world.pod.wallet(DEBTOR, "PODLAND_WALLET"), Some(AMOUNT * 2));
    }
    assert!(world.line(&owed).payments.is_empty());
}

#[tokio::test]
async fn credit_that_is_not_there_blocks_nothing() {
    let mut settings = settings();
    settings.businesses[1]
        .wallets
        .insert("PODLAND_WALLET".to_owned(), AMOUNT - 1);
    let world = World::new(settings, Vec::new());
    let ours = world.ours(json!({}));
    let debtors = world.debtors();
    let owed = ours.make_for_debtor("poor").await;
    assert_eq!(
        debtors.refused(&owed, in_future(wallet())).await,
        "insufficient_funds"
    );
    let empty = in_future(FundsSource::Guild(" ".to_owned()));
    assert_eq!(debtors.refused(&owed, empty).await, "funds_source_missing");
    let credit = Operation::PayByCredit {
        wallet: None,
        any: false,
    };
    assert_eq!(debtors.refused(&owed, credit).await, "refused");
    assert_eq!(ours.status(&owed).await, LinkStatus::Created);
    assert_eq!(world.pod.wallet(DEBTOR, "PODLAND_WALLET"), Some(AMOUNT - 1));
}

#[tokio::test]
async fn credit_pays_our_own_invoice_and_anybodys() {
    let world = World::plain();
    let ours = world.ours(json!({}));
    let debtors = world.debtors();
    let own = Operation::PayByCredit {
        wallet: None,
        any: false,
    };
    let any = |wallet: Option<&str>| Operation::PayByCredit {
        wallet: wallet.map(str::to_owned),
        any: true,
    };
    let owed = ours.make_for_debtor("own").await;
    let free = ours.make("anybodys").await;
    assert_eq!(debtors.refused(&free, own.clone()).await, "forbidden");
    assert_eq!(debtors.refused(&free, any(None)).await, "wallet_missing");
    for _ in 0..2 {
        debtors.operate(&owed, own.clone()).await.unwrap();
    }
    assert_eq!(world.pod.wallet(DEBTOR, "PODLAND_WALLET"), Some(AMOUNT));
    debtors
        .operate(&free, any(Some("PODLAND_WALLET")))
        .await
        .unwrap();
    assert_eq!(world.pod.wallet(DEBTOR, "PODLAND_WALLET"), Some(0));
    for link in [&owed, &free] {
        assert_eq!(ours.status(link).await, LinkStatus::Paid);
        assert_eq!(world.line(link).payments.len(), 1);
    }
}

#[tokio::test]
async fn an_invoice_paid_elsewhere_is_marked_and_one_paid_here_is_not() {
    let world = World::plain();
    let ours = world.ours(json!({}));
    let elsewhere = ours.make("elsewhere").await;
    ours.operate(&elsewhere, Operation::MarkPaid).await.unwrap();
    assert_eq!(ours.status(&elsewhere).await, LinkStatus::Paid);
    let here = ours.make("here").await;
    world.pay(&here.url).unwrap();
    assert_eq!(
        ours.refused(&here, Operation::MarkPaid).await,
        "already_paid"
    );
    let theirs = world
        .debtors()
        .refused(&elsewhere, Operation::MarkPaid)
        .await;
    assert_eq!(theirs, "forbidden");
}

#[tokio::test]
async fn a_slip_is_believed_only_when_the_terminals_bank_confirms_it() {
    let world = World::plain();
    let ours = world.ours(json!({}));
    let link = ours.make("pos").await;
    let forged = PosSlip {
        reference_no: "000".to_owned(),
        ..slip()
    };
    assert_eq!(
        ours.refused(&link, Operation::RecordPos(forged.clone()))
            .await,
        "refused"
    );
    let torn = PosSlip {
        tracking_no: " ".to_owned(),
        ..slip()
    };
    assert_eq!(
        ours.refused(&link, Operation::RecordPos(torn)).await,
        "slip_not_complete"
    );
    assert_eq!(ours.status(&link).await, LinkStatus::Created);
    for _ in 0..2 {
        ours.operate(&link, Operation::RecordPos(slip()))
            .await
            .unwrap();
    }
    let report = ours.report(&link).await;
    assert_eq!(report.status, LinkStatus::Paid);
    assert_eq!(report.payments[0].amount, amount());
    // The same slip does not pay twice, and another slip does not pay what is paid.
    let second = ours.make("pos-2").await;
    assert_eq!(
        ours.refused(&second, Operation::RecordPos(slip())).await,
        "refused"
    );
    assert_eq!(
        ours.refused(&link, Operation::RecordPos(forged)).await,
        "already_paid"
    );
    assert_eq!(world.line(&second).payments.len(), 0);
}

/// Clause 38: after a doubtful answer the books are read again; what they do not settle stays
/// ambiguous, and asking again never pays twice.
#[tokio::test]
async fn a_doubtful_answer_never_moves_money_twice() {
    for fault in Fault::ALL.iter().copied() {
        for skip in [0, 1] {
            let rule = FaultRule {
                skip: 0,
                times: 1 + skip,
                ..FaultRule::first(fault, "pay_by_credit")
            };
            let world = World::new(settings(), vec![rule]);
            let ours = world.ours(json!({}));
            let debtors = world.debtors();
            let owed = ours.make_for_debtor("doubt").await;
            let own = Operation::PayByCredit {
                wallet: None,
                any: false,
            };
            let mut tries = 0;
            while let Err(error) = debtors.operate(&owed, own.clone()).await {
                assert_ne!(error.class, ErrorClass::Permanent, "{fault:?}: {error:?}");
                tries += 1;
                assert!(tries < 4, "{fault:?}");
            }
            assert_eq!(
                world.pod.wallet(DEBTOR, "PODLAND_WALLET"),
                Some(AMOUNT),
                "{fault:?}"
            );
            assert_eq!(world.line(&owed).payments.len(), 1, "{fault:?}");
            assert_eq!(ours.status(&owed).await, LinkStatus::Paid, "{fault:?}");
        }
    }
}

#[tokio::test]
async fn every_changing_operation_that_loses_its_answer_is_ambiguous_or_seen_as_done() {
    let lost = [
        Fault::AcceptThenDrop,
        Fault::HtmlAnswer,
        Fault::ServerErrorAfter,
    ];
    for fault in lost {
        for name in [
            "mark_paid",
            "record_pos",
            "pay_by_invoice",
            "pay_in_future",
            "deactivate",
            "verify_and_close",
        ] {
            let world = World::new(settings(), vec![FaultRule::first(fault, name)]);
            let ours = world.ours(json!({"verification": name == "verify_and_close"}));
            let debtors = world.debtors();
            let link = ours.make_for_debtor("lost").await;
            let source = debtors.make("source").await;
            world.pay(&source.url).unwrap();
            let (account, operation) = match name {
                "mark_paid" => (&ours, Operation::MarkPaid),
                "record_pos" => (&ours, Operation::RecordPos(slip())),
                "pay_by_invoice" => (&debtors, by_invoice(&source)),
                "pay_in_future" => (&debtors, in_future(wallet())),
                "deactivate" => {
                    let future = debtors.operate(&link, in_future(wallet())).await;
                    future.unwrap();
                    (&ours, cancel(FutureParty::Issuer))
                }
                _ => {
                    world.pay(&link.url).unwrap();
                    (&ours, Operation::VerifyAndClose)
                }
            };
            let answer = account.operate(&link, operation).await;
            if fault == Fault::AcceptThenDrop {
                let error = answer.unwrap_err();
                assert_eq!(error.class, ErrorClass::Ambiguous, "{name}: {error:?}");
            } else {
                answer.unwrap_or_else(|error| panic!("{name}: {fault:?}: {error:?}"));
            }
        }
    }
}

#[tokio::test]
async fn the_second_receipt_is_another_gateways() {
    let world = World::plain();
    let ours = world.ours(json!({}));
    let link = ours.make("receipt").await;
    let receipt = Operation::SecondReceipt {
        receipt_no: "1".to_owned(),
        amount: amount(),
    };
    assert_eq!(receipt.name(), OperationName::SecondReceipt);
    assert_eq!(ours.refused(&link, receipt).await, "unsupported_operation");
}
