//! Activities on a link that exists: what each decides, asks and concludes.

use std::sync::Arc;

use activity::{Answers, Attempt, Attempted, KnownLink, LinkDraft, Outcome, Plan, Request};
use payment::{
    Gateway, GatewayError, LinkStatus, OperationName, ProviderRef, RepeatClass, StatusReport, Usage,
};
use serde_json::{Value as Json, json};
use values::{Currency, ItemRef, LinkId, Money, Value};

use crate::gateway::{Scripted, busy, lost, refusal, report};
use crate::kit::{Kit, account, at, attempt, date, find, irr, outcome, text, unknown, world};

const EXPIRES: &str = "2026-09-10T00:00:00Z";

fn known(status: LinkStatus) -> KnownLink {
    KnownLink {
        id: LinkId::from("L-1"),
        state: "make_link".to_owned(),
        status,
        received: None,
        sendings: 1,
        sent_at: Some(at("2026-09-01T07:59:00Z")),
        draft: LinkDraft {
            reference: "ref-0".to_owned(),
            state: Some("make_link".to_owned()),
            account: "main".into(),
            provider_ref: ProviderRef([("link".to_owned(), "L-1".to_owned())].into()),
            url: "https://pay.example.com/L-1".to_owned(),
            amount: irr(1_500_000),
            expires_at: at(EXPIRES),
            description: "Invoice 17".to_owned(),
            receipt: None,
            usage: Usage::OneTime,
            url_valid_until: None,
            degraded: Vec::new(),
            extras: [("user_id".to_owned(), "2002".to_owned())].into(),
            texted: true,
        },
    }
}

/// A kit whose item has that link, at a gateway that offers everything.
fn kit(link: Option<KnownLink>) -> Kit {
    let mut kit = Kit::invoice()
        .with_item("slip_no", text("S-77"))
        .with_item("wallet_code", text("W-1"))
        .with_item("their_invoice", text(" ۵۵۱ "))
        .with_item("cash_amount", Value::Money(irr(900)))
        .with_item(
            "sales_invoice",
            Value::Item(ItemRef::new("invoice", "3").unwrap()),
        );
    let (name, mut main) = account("main", Currency::Irr);
    main.operations = vec![
        OperationName::PayByInvoice,
        OperationName::PayInFuture,
        OperationName::SecondReceipt,
    ];
    kit.answers.accounts.insert(name, main);
    kit.answers.link = link.map(Box::new);
    let mut paid = known(LinkStatus::Paid);
    paid.draft.provider_ref = ProviderRef([("link".to_owned(), "L-0".to_owned())].into());
    kit.answers.other_link = Some(Box::new(paid));
    kit
}

fn settings(activity: &str) -> Json {
    match activity {
        "offset_invoice" => json!({
            "account": "main", "invoice": { "value": "item.their_invoice" },
            "by": { "field": "sales_invoice" },
        }),
        "schedule_payment" => json!({
            "account": "main", "invoice": { "value": "item.their_invoice" },
            "on": { "value": "item.due_date" },
            "from": { "wallet": { "value": "item.wallet_code" } },
        }),
        "record_payment" => json!({ "transaction": { "value": "item.slip_no" } }),
        "register_receipt" => json!({
            "account": "main",
            "amount": { "value": "item.cash_amount" },
            "transaction": { "field": "slip_no" },
            "second_of": "make_link",
        }),
        _ => json!({}),
    }
}

const ON_LINKS: [&str; 5] = [
    "check_payment_link",
    "cancel_payment_link",
    "resend_payment_link",
    "renew_payment_link",
    "record_payment",
];

fn plan(kit: &Kit, activity: &str) -> Plan {
    kit.plan(kit.ready(activity, &settings(activity)).as_ref())
}

fn refused(kit: &Kit, activity: &str) -> String {
    match plan(kit, activity) {
        Plan::Finish(outcome) => outcome.code.unwrap_or(outcome.name),
        Plan::Perform(_) => "performed".to_owned(),
    }
}

fn request(kit: &Kit, activity: &str) -> Request {
    kit.request(kit.ready(activity, &settings(activity)).as_ref())
}

async fn perform(gateway: &Arc<Scripted>, activity: &str, attempt: &Attempt) -> Attempted {
    let request = request(&kit(Some(known(LinkStatus::Created))), activity);
    let world = world([("main", Arc::clone(gateway) as Arc<dyn Gateway>)]);
    find(activity).perform(&request, attempt, &world).await
}

fn script() -> Scripted {
    Scripted::new(RepeatClass::UniqueReference)
}

fn seen(attempted: &Attempted) -> Vec<LinkStatus> {
    let (Attempted::Done { observations, .. }
    | Attempted::Ended { observations, .. }
    | Attempted::NotBefore { observations, .. }) = attempted
    else {
        return Vec::new();
    };
    observations.iter().map(|seen| seen.report.status).collect()
}

#[test]
fn without_a_link_each_says_so() {
    for activity in ON_LINKS {
        assert_eq!(refused(&kit(None), activity), "no_link", "{activity}");
    }
}

#[test]
fn a_link_that_nobody_knows_of_is_touched_by_none() {
    let mut link = known(LinkStatus::Unknown);
    link.draft.provider_ref = ProviderRef::default();
    for activity in ON_LINKS {
        let expected = match activity {
            // It is looked for and closed by the protocol of a new link.
            "renew_payment_link" => "performed",
            _ => "link_unknown",
        };
        assert_eq!(
            refused(&kit(Some(link.clone())), activity),
            expected,
            "{activity}"
        );
    }
}

/// What each decides by the status of the link.
#[test]
fn the_status_of_the_link_decides() {
    let words = |status: LinkStatus| {
        let kit = kit(Some(known(status)));
        ON_LINKS.map(|activity| refused(&kit, activity))
    };
    let done = "performed";
    assert_eq!(
        words(LinkStatus::Created),
        [done, done, "success", done, done]
    );
    assert_eq!(
        words(LinkStatus::Paid),
        [done, "link_paid", "link_closed", "link_paid", "link_paid"]
    );
    assert_eq!(
        words(LinkStatus::Expired),
        [done, "success", "link_closed", done, done]
    );
    assert_eq!(
        words(LinkStatus::Cancelled),
        [done, "success", "link_closed", done, done]
    );
}

#[test]
fn an_operation_that_the_gateway_lacks_is_said_before_any_call() {
    let mut kit = kit(Some(known(LinkStatus::Created)));
    kit.answers
        .accounts
        .insert("main".into(), account("main", Currency::Irr).1);
    for activity in ["offset_invoice", "schedule_payment", "register_receipt"] {
        assert_eq!(
            refused(&kit, activity),
            "unsupported_operation",
            "{activity}"
        );
    }
}

#[tokio::test]
async fn a_check_settles_what_the_provider_says() {
    let gateway = Arc::new(script().status(Ok(report(LinkStatus::Paid))));
    let attempted = perform(&gateway, "check_payment_link", &attempt(1)).await;
    assert_eq!(seen(&attempted), [LinkStatus::Paid]);
    assert_eq!(gateway.calls(), ["status L-1"]);
    let gateway = Arc::new(script().status(Err(lost())));
    let attempted = perform(&gateway, "check_payment_link", &attempt(1)).await;
    assert!(
        matches!(attempted, Attempted::Retry { .. }),
        "{attempted:?}"
    );
    let gateway = Arc::new(script().status(Err(refusal())));
    let ended = outcome(perform(&gateway, "check_payment_link", &attempt(1)).await);
    assert_eq!(ended.code.as_deref(), Some("merchant_blocked"));
}

#[tokio::test]
async fn a_link_is_cancelled_when_a_reading_shows_it() {
    let closed = |status| {
        script()
            .status(Ok(report(LinkStatus::Created)))
            .status(Ok(report(LinkStatus::Created)))
            .close(Ok(()))
            .status(Ok(report(status)))
    };
    let gateway = Arc::new(closed(LinkStatus::Cancelled));
    let attempted = perform(&gateway, "cancel_payment_link", &attempt(1)).await;
    assert_eq!(seen(&attempted), [LinkStatus::Cancelled]);
    let gateway = Arc::new(closed(LinkStatus::Created));
    let attempted = perform(&gateway, "cancel_payment_link", &attempt(1)).await;
    assert!(
        matches!(attempted, Attempted::NotBefore { .. }),
        "{attempted:?}"
    );
    // Paid while it was being closed: the payment wins.
    let gateway = Arc::new(closed(LinkStatus::Paid));
    let attempted = perform(&gateway, "cancel_payment_link", &attempt(1)).await;
    assert_eq!(seen(&attempted), [LinkStatus::Paid]);
    let Attempted::Done { result, .. } = attempted else {
        panic!("it is concluded");
    };
    let kit = kit(Some(known(LinkStatus::Created)));
    let ready = kit.ready("cancel_payment_link", &json!({}));
    let request = kit.request(ready.as_ref());
    let ended = kit.conclude(ready.as_ref(), &request, &result);
    assert_eq!(ended.code.as_deref(), Some("link_paid"));
    let gateway = Arc::new(
        script()
            .without_closing()
            .status(Ok(report(LinkStatus::Created)))
            .status(Ok(report(LinkStatus::Created))),
    );
    let ended = outcome(perform(&gateway, "cancel_payment_link", &attempt(1)).await);
    assert_eq!(ended.code.as_deref(), Some("unsupported_operation"));
}

#[tokio::test]
async fn blocked_money_is_freed_before_the_link_is_closed() {
    let gateway = Arc::new(
        script()
            .offering(&[OperationName::CancelFuture])
            .status(Ok(report(LinkStatus::ScheduledFuture)))
            .operate(Ok(()))
            .status(Ok(report(LinkStatus::Created)))
            .close(Ok(()))
            .status(Ok(report(LinkStatus::Cancelled))),
    );
    let attempted = perform(&gateway, "cancel_payment_link", &attempt(1)).await;
    assert_eq!(seen(&attempted), [LinkStatus::Cancelled]);
    assert_eq!(
        gateway.calls(),
        [
            "status L-1",
            "cancel_future L-1",
            "status L-1",
            "close L-1",
            "status L-1"
        ]
    );
}

/// A kit at a provider that texts the payer, again at most twice, two minutes apart.
fn texting(link: KnownLink) -> Kit {
    let mut kit = kit(Some(link));
    let account = kit.answers.accounts.get_mut(&"main".into()).unwrap();
    account.operations.push(OperationName::Resend);
    account.texts_payer = true;
    account.resends_max = Some(2);
    account.resend_pause_seconds = Some(120);
    kit
}

#[tokio::test]
async fn the_providers_message_keeps_its_limits_and_is_counted_with_the_request() {
    let kit = texting(known(LinkStatus::Created));
    let request = request(&kit, "resend_payment_link");
    let sending = request.sending.clone().unwrap();
    assert_eq!(sending.link, LinkId::from("L-1"));
    // Told at 07:59, so not again before 08:01.
    assert_eq!(sending.at, at("2026-09-01T08:01:00Z"));
    let perform = async |gateway: &Arc<Scripted>, attempt: &Attempt| {
        let world = world([("main", Arc::clone(gateway) as Arc<dyn Gateway>)]);
        find("resend_payment_link")
            .perform(&request, attempt, &world)
            .await
    };
    let early = Attempt {
        now: at("2026-09-01T08:00:30Z"),
        ..attempt(1)
    };
    let gateway = Arc::new(script());
    let attempted = perform(&gateway, &early).await;
    assert!(
        matches!(attempted, Attempted::NotBefore { at, .. } if at == sending.at),
        "{attempted:?}"
    );
    let due = Attempt {
        now: sending.at,
        send_by: at("2026-09-01T08:02:00Z"),
        ..attempt(1)
    };
    for (answer, told) in [(Ok(()), true), (Err(lost()), false)] {
        let gateway = Arc::new(script().operate(answer));
        let Attempted::Done { result, .. } = perform(&gateway, &due).await else {
            panic!("told or perhaps told: it is done");
        };
        assert_eq!(result["told"], told);
        assert_eq!(gateway.calls(), ["resend L-1"]);
    }
    // An attempt that may have arrived is not repeated.
    let gateway = Arc::new(script());
    let again = attempt(2);
    assert!(!again.earlier.is_empty());
    assert!(matches!(
        perform(&gateway, &again).await,
        Attempted::Done { .. }
    ));
    assert!(gateway.calls().is_empty());
    let used_up = KnownLink {
        sendings: 3,
        ..known(LinkStatus::Created)
    };
    assert_eq!(
        refused(&texting(used_up), "resend_payment_link"),
        "resends_used_up"
    );
}

#[test]
fn other_people_are_told_by_us_even_where_the_provider_tells_the_payer() {
    let kit = texting(known(LinkStatus::Created));
    let ready = kit.ready(
        "resend_payment_link",
        &json!({ "recipients": { "sms": ["manager"], "email": ["contact"] } }),
    );
    let outcome = kit.finished(ready.as_ref());
    let told: Vec<&str> = outcome
        .changes
        .messages
        .iter()
        .map(|message| message.recipient.as_str())
        .collect();
    assert_eq!(told, ["manager", "contact"]);
    for message in &outcome.changes.messages {
        assert!(
            message.body.contains("https://pay.example.com/L-1"),
            "{}",
            message.body
        );
    }
}

#[tokio::test]
async fn an_operation_whose_answer_is_lost_is_asked_for_again() {
    for (activity, word) in [
        ("offset_invoice", "pay_by_invoice 551"),
        ("schedule_payment", "pay_in_future 551"),
        ("register_receipt", "second_receipt L-1"),
    ] {
        let ours = activity == "register_receipt";
        let gateway = Arc::new(script().operate(Err(lost())));
        let (code, again) = unknown(perform(&gateway, activity, &attempt(1)).await);
        assert_eq!(
            (code.as_str(), again.is_some()),
            ("timeout", true),
            "{activity}"
        );
        let gateway = Arc::new(
            script()
                .operate(Ok(()))
                .status(Ok(report(LinkStatus::Paid))),
        );
        let attempted = perform(&gateway, activity, &attempt(2)).await;
        // Only a link of ours is read and settled.
        let settled = if ours {
            vec![LinkStatus::Paid]
        } else {
            Vec::new()
        };
        assert_eq!(seen(&attempted), settled);
        assert_eq!(gateway.calls()[0], word);
        assert_eq!(gateway.calls().len(), 1 + settled.len());
        // It is busy after an answer was lost: still nobody knows.
        let gateway = Arc::new(script().operate(Err(busy())));
        let (_, again) = unknown(perform(&gateway, activity, &attempt(2)).await);
        assert!(again.is_some());
        let gateway = Arc::new(script().operate(Err(busy())));
        let attempted = perform(&gateway, activity, &attempt(1)).await;
        assert!(
            matches!(attempted, Attempted::Retry { .. }),
            "{attempted:?}"
        );
        let unpaid = GatewayError::permanent("offset_source_unpaid", "it is not paid");
        let gateway = Arc::new(script().operate(Err(unpaid)));
        let ended = outcome(perform(&gateway, activity, &attempt(1)).await);
        assert_eq!(ended.code.as_deref(), Some("offset_source_unpaid"));
    }
}

/// The report of what is recorded, as it stands in the request.
fn recorded(request: &Request) -> StatusReport {
    serde_json::from_value(request.body["wish"]["record"]["report"].clone()).unwrap()
}

#[test]
fn what_is_recorded_is_a_part_the_whole_or_more() {
    for (amount, status) in [
        (None, LinkStatus::Paid),
        (Some(1_000_000), LinkStatus::PartiallyPaid),
        (Some(2_000_000), LinkStatus::Overpaid),
    ] {
        let kit = kit(Some(known(LinkStatus::Created)));
        let mut settings = settings("record_payment");
        if let Some(amount) = amount {
            settings["amount"] = json!(format!("{amount} IRR"));
        }
        let report = recorded(&kit.request(kit.ready("record_payment", &settings).as_ref()));
        assert_eq!(report.status, status);
        assert_eq!(report.payments[0].transaction, "S-77");
        assert_eq!(report.payments[0].amount, irr(amount.unwrap_or(1_500_000)));
    }
    let part = KnownLink {
        received: Some(irr(1_000_000)),
        ..known(LinkStatus::PartiallyPaid)
    };
    let report = recorded(&request(&kit(Some(part)), "record_payment"));
    assert_eq!(
        report.payments[0].amount,
        irr(500_000),
        "what is still owed"
    );
}

#[tokio::test]
async fn money_that_came_another_way_closes_the_link_or_is_told_to_the_provider() {
    let gateway = Arc::new(
        script()
            .status(Ok(report(LinkStatus::Created)))
            .close(Ok(()))
            .status(Ok(report(LinkStatus::Cancelled))),
    );
    let attempted = perform(&gateway, "record_payment", &attempt(1)).await;
    assert_eq!(
        seen(&attempted),
        [LinkStatus::Paid],
        "only the money is settled"
    );
    let gateway = Arc::new(script().status(Ok(report(LinkStatus::Paid))));
    let attempted = perform(&gateway, "record_payment", &attempt(1)).await;
    assert_eq!(seen(&attempted), [LinkStatus::Paid]);
    assert_eq!(outcome(attempted).code.as_deref(), Some("link_paid"));
    let mut kit = kit(Some(known(LinkStatus::Created)));
    let main = kit.answers.accounts.get_mut(&"main".into()).unwrap();
    main.operations.push(OperationName::MarkPaid);
    let request = request(&kit, "record_payment");
    let gateway = Arc::new(
        script()
            .operate(Ok(()))
            .status(Ok(report(LinkStatus::Created))),
    );
    let world = world([("main", Arc::clone(&gateway) as Arc<dyn Gateway>)]);
    let attempted = find("record_payment")
        .perform(&request, &attempt(1), &world)
        .await;
    assert_eq!(seen(&attempted), [LinkStatus::Paid]);
    assert_eq!(gateway.calls(), ["mark_paid L-1", "status L-1"]);
}

fn code_of(kit: &Kit, activity: &str, settings: &Json) -> String {
    let outcome: Outcome = kit.finished(kit.ready(activity, settings).as_ref());
    outcome.code.unwrap_or(outcome.name)
}

#[test]
fn a_receipt_is_registered_with_what_was_paid_and_once() {
    let settings = json!({
        "account": "main",
        "amount": { "value": "item.cash_amount" },
        "transaction": { "field": "slip_no" },
        "receipt": { "type": "cheque", "approve": "auto", "field": "receipt" },
    });
    let paid = kit(None);
    let outcome = paid.finished(paid.ready("register_receipt", &settings).as_ref());
    let receipt = outcome.changes.receipt.unwrap();
    assert_eq!(receipt.amount, irr(900));
    assert_eq!(receipt.transaction, "S-77");
    assert_eq!(receipt.paid_at, paid.entered_at);
    assert_eq!(
        (receipt.rule.kind.as_str(), receipt.rule.approved),
        ("cheque", true)
    );
    let again = Kit {
        answers: Answers {
            registered_before: true,
            ..kit(None).answers
        },
        ..kit(None)
    };
    assert_eq!(
        code_of(&again, "register_receipt", &settings),
        "transaction_reused"
    );
    for (field, value, code) in [
        ("slip_no", Value::Empty, "transaction_missing"),
        ("slip_no", text("  "), "transaction_missing"),
        ("cash_amount", Value::Empty, "amount_missing"),
        ("cash_amount", Value::Money(irr(0)), "amount_not_positive"),
        ("cash_amount", Value::Money(irr(-5)), "amount_not_positive"),
        (
            "cash_amount",
            Value::Money(Money::parse("5 RUB").unwrap()),
            "amount_currency",
        ),
    ] {
        let kit = kit(None).with_item(field, value);
        assert_eq!(
            code_of(&kit, "register_receipt", &settings),
            code,
            "{field}"
        );
    }
    let later = json!({
        "account": "main", "amount": "900 IRR", "transaction": { "field": "slip_no" },
        "paid_at": { "value": "item.slip_time" },
    });
    let kit = kit(None).with_item("slip_time", Value::Instant(at("2027-01-01T00:00:00Z")));
    assert_eq!(code_of(&kit, "register_receipt", &later), "paid_in_future");
}

#[test]
fn what_cannot_be_scheduled_or_offset_is_said() {
    let created = || kit(Some(known(LinkStatus::Created)));
    let past = created().with_item("due_date", date("1405/05/01"));
    assert_eq!(refused(&past, "schedule_payment"), "date_past");
    let never = created().with_item("due_date", Value::Empty);
    assert_eq!(refused(&never, "schedule_payment"), "date_missing");
    let poor = created().with_item("wallet_code", text(""));
    assert_eq!(refused(&poor, "schedule_payment"), "funds_missing");
    let mut nobody = created();
    nobody.answers.other_link = None;
    assert_eq!(refused(&nobody, "offset_invoice"), "no_source_link");
    let mut other = created();
    other.answers.other_link.as_mut().unwrap().draft.account = "reserve".into();
    assert_eq!(refused(&other, "offset_invoice"), "another_account");
    let nameless = created().with_item("their_invoice", Value::Empty);
    assert_eq!(refused(&nameless, "offset_invoice"), "invoice_missing");
}

#[test]
fn a_new_link_asks_for_what_the_old_one_asked_for() {
    let kit = kit(Some(known(LinkStatus::Expired)));
    let ready = kit.ready("renew_payment_link", &json!({ "expires": { "days": 3 } }));
    let request = kit.request(ready.as_ref());
    let asked = &request.body["request"];
    assert_eq!(asked["amount"], json!(irr(1_500_000)));
    assert_eq!(asked["description"], "Invoice 17");
    assert_eq!(asked["extras"], json!({ "user_id": "2002" }));
    assert_eq!(request.body["of"], "make_link");
    assert_eq!(ready.makes_links_of(), Some("make_link"));
    let made = ready.may_have_made(&request, None).unwrap();
    assert_eq!(made.state.as_deref(), Some("make_link"));
    let part = KnownLink {
        received: Some(irr(1)),
        ..known(LinkStatus::Expired)
    };
    assert_eq!(
        refused(&self::kit(Some(part)), "renew_payment_link"),
        "earlier_link_paid"
    );
}

#[test]
fn the_state_is_named_unless_there_is_only_one() {
    let kit = Kit::invoice();
    assert_eq!(
        kit.problems("check_payment_link", &json!({ "of": "make_lnik" })),
        ["WF0435 of: `make_lnik` is no state that makes payment links"]
    );
    let mut none = Kit::invoice();
    none.link_states.clear();
    assert_eq!(
        none.problems("cancel_payment_link", &json!({})),
        ["WF0435 : no state of this workflow makes payment links"]
    );
    let mut two = Kit::invoice();
    two.link_states.push("second".to_owned());
    assert_eq!(
        two.problems("renew_payment_link", &json!({})),
        ["WF0435 : more than one state makes payment links: say whose is meant"]
    );
    assert!(
        two.prepare("renew_payment_link", &json!({ "of": "second" }))
            .is_ok()
    );
}
