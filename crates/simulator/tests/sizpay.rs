//! The adapter of SizPay against a SizPay that is played, and the played one by itself.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;
use payment::conformance::{Bench, PAID_AFTER, Situation, Verdict, run};
use payment::gateways::{AccountSettings, Secret, built_in};
use payment::{
    Call, Callback, CallbackParts, Capabilities, CreatedLink, Deactivate, Descriptor, ErrorClass,
    Found, Gateway, GatewayError, LinkRequest, LinkStatus, Operated, Operation, ProviderRef,
    RepeatClass, StatusReport, Translator, Usage, Wired,
};
use serde_json::{Value, json};
use simulator::sizpay::{Sizpay, SizpaySettings, StatusShape};
use simulator::{Answer, Fault, FaultRule, Faults, LinkState, Provider, SimulatedClient};
use transport::{HttpRequest, HttpResponse};
use values::{Currency, Locale, Money, Timestamp, Zone};

const LIFE: TimeDelta = TimeDelta::seconds(60);
const STALENESS: TimeDelta = TimeDelta::seconds(30);
const RIALS: i128 = 12_500_000;

/// Nowruz 1405 in Tehran, at noon.
fn start() -> Timestamp {
    "2026-03-21T08:30:00Z".parse().unwrap()
}

fn call(now: Timestamp) -> Call {
    Call {
        now,
        send_by: now + TimeDelta::minutes(1),
    }
}

fn request(reference: &str) -> LinkRequest {
    LinkRequest {
        reference: reference.to_owned(),
        amount: Money::from_minor(RIALS, Currency::Irr).unwrap(),
        expires_at: start() + TimeDelta::days(1),
        description: "فاکتور ۱۴۰۵/۱۷".to_owned(),
        usage: Usage::OneTime,
        payer_name: Some("شرکت <نمونه>".to_owned()),
        payer_mobile: Some("+989120000000".to_owned()),
        comment: None,
        locale: Locale::Fa,
        extras: BTreeMap::new(),
    }
}

fn settings(shape: StatusShape) -> SizpaySettings {
    SizpaySettings {
        status_shape: shape,
        merchant_url: Some("https://crm.test/c/token".to_owned()),
        ..SizpaySettings::at_host("sizpay.test")
    }
}

/// The adapter of the merchant whom those settings play.
fn adapter(settings: &SizpaySettings) -> Arc<dyn Translator> {
    let mut options = json!({
        "base_url": settings.api_base,
        "request_life_max": "60s",
        "lookup_staleness_max": "30s",
        "limits": {
            "amount_min": "10,000 IRR", "amount_max": "500,000,000 IRR",
            "description_chars_max": 255,
        },
    });
    if settings.status_shape == StatusShape::Documented {
        options["status_reply"] = SizpaySettings::reply_options();
    }
    let secret = |name: &str, text: &str| (name.to_owned(), Secret::new(text));
    let account = AccountSettings {
        account: "main".into(),
        currency: Currency::Irr,
        options,
        secrets: [
            secret("user_name", &settings.user_name),
            secret("password", &settings.password),
            secret("pay_link_name", &settings.pay_link_name),
        ]
        .into(),
        callback_url: None,
        zone: Zone::UTC,
    };
    (built_in("sizpay").unwrap().adapter.unwrap())(&account).unwrap()
}

/// What the customers of a case do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Customers {
    Nobody,
    /// Each pays [`PAID_AFTER`] the link was made.
    Pay,
    /// Each has gone to the bank at once, whose answer comes [`PAID_AFTER`] that.
    PayAtTheBank,
}

/// The adapter wired to the simulator, with customers and a clock that follows the calls.
struct Play {
    sizpay: Arc<Sizpay>,
    gateway: Wired<dyn Translator>,
    clock: Arc<Mutex<Timestamp>>,
    customers: Customers,
    made: Mutex<Vec<(Timestamp, String)>>,
}

impl Play {
    fn new(shape: StatusShape, rules: Vec<FaultRule>, customers: Customers) -> Play {
        let settings = settings(shape);
        let sizpay = Arc::new(Sizpay::new(settings.clone(), Faults::new(rules)));
        let clock = Arc::new(Mutex::new(start()));
        let hands = Arc::clone(&clock);
        let client = SimulatedClient::new(Arc::new(move || *hands.lock().unwrap()))
            .with("https://pysrvc.sizpay.test/", Arc::clone(&sizpay) as _)
            .with("https://me.sizpay.test/", Arc::clone(&sizpay) as _);
        Play {
            gateway: Wired::new(adapter(&settings), Arc::new(client)),
            sizpay,
            clock,
            customers,
            made: Mutex::default(),
        }
    }

    /// It is that time now, and the customers have done what they do by then.
    fn at(&self, call: Call) -> Call {
        *self.clock.lock().unwrap() = call.now;
        for (made_at, url) in self.made.lock().unwrap().iter() {
            let due = *made_at + PAID_AFTER;
            if due > call.now {
                continue;
            }
            match self.customers {
                Customers::Nobody => {}
                Customers::Pay => drop(self.sizpay.pay(due, url)),
                Customers::PayAtTheBank => drop(self.page(due, url, "pay")),
            }
        }
        call
    }

    fn page(&self, at: Timestamp, url: &str, action: &str) -> HttpResponse {
        page(&self.sizpay, at, url, Some(action))
    }
}

#[async_trait]
impl Gateway for Play {
    fn descriptor(&self) -> Descriptor {
        self.gateway.descriptor()
    }

    fn capabilities(&self) -> Capabilities {
        self.gateway.capabilities()
    }

    fn order_no(&self, reference: &str) -> String {
        self.gateway.order_no(reference)
    }

    fn validate(&self, request: &LinkRequest) -> Vec<GatewayError> {
        self.gateway.validate(request)
    }

    async fn create(&self, call: Call, request: &LinkRequest) -> Result<CreatedLink, GatewayError> {
        let link = self.gateway.create(self.at(call), request).await?;
        if self.customers == Customers::PayAtTheBank {
            assert_eq!(self.page(call.now, &link.url, "start").status, 200);
        }
        let mut made = self.made.lock().unwrap();
        made.push((call.now, link.url.clone()));
        Ok(link)
    }

    async fn status(&self, call: Call, link: &ProviderRef) -> Result<StatusReport, GatewayError> {
        self.gateway.status(self.at(call), link).await
    }

    async fn find(&self, call: Call, reference: &str) -> Result<Found, GatewayError> {
        self.gateway.find(self.at(call), reference).await
    }

    async fn status_many(
        &self,
        call: Call,
        links: &[ProviderRef],
    ) -> Option<Result<Vec<StatusReport>, GatewayError>> {
        self.gateway.status_many(self.at(call), links).await
    }

    async fn operate(
        &self,
        call: Call,
        link: &ProviderRef,
        operation: &Operation,
    ) -> Result<Operated, GatewayError> {
        self.gateway.operate(self.at(call), link, operation).await
    }

    fn read_callback(&self, parts: &CallbackParts) -> Callback {
        self.gateway.read_callback(parts)
    }

    fn as_deactivate(&self) -> Option<&dyn Deactivate> {
        Some(self)
    }
}

#[async_trait]
impl Deactivate for Play {
    async fn deactivate(&self, call: Call, link: &ProviderRef) -> Result<(), GatewayError> {
        let closer = self.gateway.as_deactivate().unwrap();
        closer.deactivate(self.at(call), link).await
    }
}

fn page(sizpay: &Sizpay, at: Timestamp, url: &str, action: Option<&str>) -> HttpResponse {
    let body = action.map_or(String::new(), |action| format!("action={action}"));
    let request = HttpRequest {
        method: if action.is_some() { "POST" } else { "GET" }.to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: body.into_bytes(),
        timeout: TimeDelta::seconds(30),
        response_bytes_max: 1 << 20,
    };
    match sizpay.answer(at, &request) {
        Answer::Reply(response) => response,
        other => panic!("{other:?}"),
    }
}

struct SizpayBench {
    shape: StatusShape,
}

impl Bench for SizpayBench {
    fn gateway(&self, situation: Situation) -> Option<Arc<dyn Gateway>> {
        let always = |fault| FaultRule {
            times: u32::MAX,
            ..FaultRule::first(fault, "create")
        };
        let (rules, customers) = match situation {
            Situation::Quiet => (Vec::new(), Customers::Nobody),
            Situation::FirstAnswerLost => (
                vec![FaultRule::first(Fault::AcceptThenDrop, "create")],
                Customers::Nobody,
            ),
            Situation::Refused => (vec![always(Fault::DuplicateOrder)], Customers::Nobody),
            Situation::FirstTurnedAway => (
                vec![FaultRule::first(Fault::TooManyRequests, "create")],
                Customers::Nobody,
            ),
            Situation::Paid => (Vec::new(), Customers::Pay),
            Situation::PaidThoughCancelled => (Vec::new(), Customers::PayAtTheBank),
            // A link is for one payment, and SizPay knows no expiry.
            Situation::PaidTwice | Situation::PaidLate => return None,
            other => panic!("no script for {other:?}"),
        };
        Some(Arc::new(Play::new(self.shape, rules, customers)))
    }

    fn start(&self) -> Timestamp {
        start()
    }

    fn closes_at_expiry(&self) -> bool {
        false
    }

    fn request(&self, reference: &str) -> LinkRequest {
        request(reference)
    }
}

const SKIPPED: [&str; 4] = [
    "a_link_paid_twice_has_two_transactions",
    "a_link_expires_by_the_gateways_word",
    "a_late_payment_wins_over_expiry",
    "a_notice_names_its_link_and_comes_once",
];

#[tokio::test]
async fn with_a_documented_reply_every_promise_is_kept() {
    let shape = StatusShape::Documented;
    for (promise, verdict) in run(&SizpayBench { shape }).await {
        let expected = if SKIPPED.contains(&promise) {
            Verdict::Skipped
        } else {
            Verdict::Kept
        };
        assert_eq!(verdict, expected, "{promise}");
    }
}

/// What cannot be promised without a reader for the status reply is exactly what needs one, and
/// what is seen instead is always `Unknown`.
#[tokio::test]
async fn without_one_only_the_status_is_missing() {
    let shape = StatusShape::Undocumented;
    let needs_the_status = [
        "a_created_link_can_be_read",
        "a_paid_link_stays_paid",
        "a_cancelled_link_is_cancelled",
        "a_payment_in_flight_wins_over_cancelling",
        "a_paid_link_is_not_cancelled",
    ];
    for (promise, verdict) in run(&SizpayBench { shape }).await {
        match verdict {
            Verdict::Broken(seen) => {
                assert!(needs_the_status.contains(&promise), "{promise}: {seen}");
                assert!(seen.contains("status: Unknown"), "{promise}: {seen}");
                assert!(seen.contains("payments: []"), "{promise}: {seen}");
            }
            Verdict::Kept => assert!(!needs_the_status.contains(&promise), "{promise}"),
            Verdict::Skipped => assert!(SKIPPED.contains(&promise), "{promise}"),
        }
    }
}

/// How the making of a link ends, by the rules of the repeat classes.
#[derive(Debug, PartialEq)]
enum End {
    Link(Box<CreatedLink>),
    Refused,
    /// A person decides.
    Parked,
}

/// Clause 39 and clause 40: makes a link as the declared class allows, until it is certain.
async fn make(play: &Play, request: &LinkRequest) -> (End, Timestamp) {
    let class = play.capabilities().repeat.class;
    let mut now = start();
    let mut looking = false;
    for _ in 0..20 {
        if looking {
            match play.find(call(now), &request.reference).await {
                Ok(Found::Link(link)) if link.amount == Some(request.amount) => {
                    return (End::Link(Box::new(link)), now);
                }
                Ok(Found::NotFound) => looking = false,
                Ok(Found::Link(_) | Found::CannotTell) => return (End::Parked, now),
                Err(error) => assert_eq!(error.class, ErrorClass::Retryable, "{error}"),
            }
            now += TimeDelta::seconds(1);
            continue;
        }
        match play.create(call(now), request).await {
            Ok(link) => return (End::Link(Box::new(link)), now),
            Err(error) => match (error.class, class) {
                (ErrorClass::Permanent, _) => return (End::Refused, now),
                (ErrorClass::Retryable, _) => {
                    now += error.retry_after.unwrap_or(TimeDelta::seconds(5));
                }
                (ErrorClass::Ambiguous, RepeatClass::LookupOnly) => {
                    now += TimeDelta::minutes(1) + LIFE + STALENESS;
                    looking = true;
                }
                (ErrorClass::Ambiguous, _) => return (End::Parked, now),
            },
        }
    }
    panic!("the faults have not ended");
}

/// A link that is made, paid or not, and read again, while both ends of the wire fail.
async fn play_through(shape: StatusShape, faults: (Fault, Fault), times: u32, pays: bool) {
    let rule = |fault, operation| FaultRule {
        times,
        ..FaultRule::first(fault, operation)
    };
    let rules = vec![rule(faults.0, "create"), rule(faults.1, "status")];
    let play = Play::new(shape, rules, Customers::Nobody);
    let request = request("deal-42/approval/1/create");
    let case = format!("{shape:?} {faults:?} × {times}, pays: {pays}");
    let (end, mut now) = make(&play, &request).await;

    let ledger = play.sizpay.ledger(now);
    assert!(ledger.len() <= 1, "{case}: {ledger:?}");
    let texts: u32 = ledger.iter().map(|line| line.texts).sum();
    assert!(texts <= 1, "{case}: the payer has {texts} texts");
    match &end {
        End::Link(link) => {
            assert_eq!(ledger.len(), 1, "{case}");
            assert_eq!(link.provider_ref.0["send_id"], ledger[0].provider_id);
            assert_eq!(ledger[0].order_no, play.order_no(&request.reference));
            assert_eq!(ledger[0].state, LinkState::Live);
        }
        End::Refused => assert_eq!(ledger, [], "{case}"),
        // Where links can be found, only one of another amount is left to a person.
        End::Parked => assert!(
            shape == StatusShape::Undocumented
                || matches!(faults.1, Fault::AmountOneMore | Fault::AmountTenfold),
            "{case}"
        ),
    }
    let End::Link(link) = end else { return };
    if pays {
        now += TimeDelta::minutes(5);
        play.sizpay.pay(now, &link.url).unwrap();
    }
    let mut last = None;
    for _ in 0..6 {
        now += TimeDelta::minutes(1);
        match play.status(call(now), &link.provider_ref).await {
            Ok(report) => {
                let truth = &play.sizpay.ledger(now)[0];
                believed(&report, truth.payments.as_slice(), &request, &case);
                last = Some(report.status);
            }
            Err(error) => assert_eq!(error.class, ErrorClass::Retryable, "{case}: {error}"),
        }
    }
    let expected = match (shape, pays) {
        (StatusShape::Undocumented, _) => LinkStatus::Unknown,
        (StatusShape::Documented, true) => LinkStatus::Paid,
        (StatusShape::Documented, false) => LinkStatus::Created,
    };
    assert_eq!(last, Some(expected), "{case}");
}

/// Nothing is paid without the very payment that is in the ledger.
fn believed(
    report: &StatusReport,
    truth: &[(String, Money, Timestamp)],
    request: &LinkRequest,
    case: &str,
) {
    assert_eq!(report.reference, request.reference, "{case}");
    if report.status == LinkStatus::Quarantined {
        assert_ne!(report.payments[0].amount, request.amount, "{case}");
        return;
    }
    let said: Vec<_> = report
        .payments
        .iter()
        .map(|paid| (paid.transaction.clone(), paid.amount, paid.paid_at))
        .collect();
    if report.status.is_paid() {
        assert_eq!(said, truth, "{case}");
    } else {
        assert!(said.is_empty(), "{case}: {report:?}");
    }
}

#[tokio::test]
async fn no_fault_makes_a_second_link_or_a_payment() {
    for shape in [StatusShape::Documented, StatusShape::Undocumented] {
        for create in Fault::ALL {
            for status in Fault::ALL {
                for (times, pays) in [(1, false), (3, true)] {
                    play_through(shape, (*create, *status), times, pays).await;
                }
            }
        }
    }
}

/// Clause 38: each fault of a change ends in the class that its place on the wire has.
#[tokio::test]
async fn each_fault_of_a_create_has_its_class() {
    for fault in Fault::ALL {
        let rules = vec![FaultRule::first(*fault, "create")];
        let play = Play::new(StatusShape::Documented, rules, Customers::Nobody);
        let made = play.create(call(start()), &request("r-1")).await;
        let expected = match fault {
            Fault::AcceptThenDrop
            | Fault::DropBefore
            | Fault::HtmlAnswer
            | Fault::TruncatedAnswer
            | Fault::ServerErrorBefore
            | Fault::ServerErrorAfter
            | Fault::SlowAnswer
            | Fault::HugeAnswer => Some(ErrorClass::Ambiguous),
            Fault::Outage | Fault::TooManyRequests => Some(ErrorClass::Retryable),
            Fault::DuplicateOrder => Some(ErrorClass::Permanent),
            _ => None,
        };
        assert_eq!(made.err().map(|error| error.class), expected, "{fault:?}");
        let exists = play.sizpay.ledger(start()).len();
        assert_eq!(exists == 1, fault.acts(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_link_is_texted_again_after_two_minutes_and_three_times_at_most() {
    let play = Play::new(StatusShape::Documented, Vec::new(), Customers::Nobody);
    let link = play.create(call(start()), &request("r-1")).await.unwrap();
    let resend = async |seconds: i64| {
        let at = call(start() + TimeDelta::seconds(seconds));
        let sent = play
            .operate(at, &link.provider_ref, &Operation::Resend)
            .await;
        sent.err().and_then(|error| error.provider_code)
    };
    let (too_soon, too_often) = (Some("-6".to_owned()), Some("-7".to_owned()));
    assert_eq!(resend(119).await, too_soon);
    assert_eq!(resend(120).await, None);
    assert_eq!(resend(239).await, too_soon);
    assert_eq!(resend(240).await, None);
    assert_eq!(resend(360).await, None);
    assert_eq!(resend(480).await, too_often);
    assert_eq!(resend(90_000).await, too_often);
    assert_eq!(play.sizpay.ledger(start())[0].texts, 4);
}

#[tokio::test]
async fn a_link_without_its_number_is_closed_by_invoice_number_and_day() {
    let play = Play::new(StatusShape::Documented, Vec::new(), Customers::Nobody);
    let link = play.create(call(start()), &request("r-1")).await.unwrap();
    let mut named = link.provider_ref.clone();
    named.0.remove("send_id");
    let mut elsewhere = named.clone();
    let day = "1404/12/29".to_owned();
    elsewhere.0.insert("send_date".to_owned(), day);
    let missed = play
        .deactivate(call(start()), &elsewhere)
        .await
        .unwrap_err();
    assert_eq!(missed.provider_code.as_deref(), Some("-3"));
    play.deactivate(call(start()), &named).await.unwrap();
    assert_eq!(play.sizpay.ledger(start())[0].state, LinkState::Closed);
    let report = play.status(call(start()), &named).await.unwrap();
    assert_eq!(report.status, LinkStatus::Cancelled);
    let refused = play
        .operate(call(start()), &named, &Operation::Resend)
        .await;
    assert_eq!(refused.unwrap_err().class, ErrorClass::Permanent);
    assert!(play.sizpay.pay(start(), &link.url).is_err());
}

#[tokio::test]
async fn many_links_are_read_at_once() {
    let play = Play::new(StatusShape::Documented, Vec::new(), Customers::Nobody);
    let mut links = Vec::new();
    let mut now = start();
    for number in 0..60 {
        now += TimeDelta::minutes(20);
        let request = LinkRequest {
            expires_at: now + TimeDelta::days(1),
            ..request(&format!("r-{number}"))
        };
        let link = play.create(call(now), &request).await.unwrap();
        if number % 3 == 0 {
            play.sizpay.pay(now, &link.url).unwrap();
        }
        links.push(link.provider_ref);
    }
    let reports = play.status_many(call(now), &links).await.unwrap().unwrap();
    assert_eq!(reports.len(), 60);
    let paid = reports
        .iter()
        .filter(|report| report.status == LinkStatus::Paid);
    assert_eq!(paid.count(), 20);
    for report in &reports {
        let number: u64 = report
            .reference
            .strip_prefix("r-")
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(
            report.status == LinkStatus::Paid,
            number.is_multiple_of(3),
            "{report:?}"
        );
    }
}

/// As it is played on loopback: methods and pages behind one address, without TLS.
#[tokio::test]
async fn everything_may_be_behind_one_address() {
    let settings = SizpaySettings {
        status_shape: StatusShape::Documented,
        ..SizpaySettings::at_base("http://127.0.0.1:4011/")
    };
    let sizpay = Arc::new(Sizpay::new(settings.clone(), Faults::default()));
    let client = SimulatedClient::new(Arc::new(start))
        .with("http://127.0.0.1:4011/", Arc::clone(&sizpay) as _);
    let gateway = Wired::new(adapter(&settings), Arc::new(client));
    let link = gateway
        .create(call(start()), &request("r-1"))
        .await
        .unwrap();
    assert_eq!(link.url, "http://127.0.0.1:4011/acme/0200310011");
    assert_eq!(page(&sizpay, start(), &link.url, Some("pay")).status, 200);
    let report = gateway
        .status(call(start()), &link.provider_ref)
        .await
        .unwrap();
    assert_eq!(
        (report.status, report.payments.len()),
        (LinkStatus::Paid, 1)
    );
    let found = gateway.find(call(start()), "r-1").await.unwrap();
    assert!(matches!(found, Found::Link(found) if found.provider_ref == link.provider_ref));
}

/// Clause 45: SizPay never calls; whoever does is nobody, and the status is read again.
#[tokio::test]
async fn a_forged_call_is_a_hint_and_proves_nothing() {
    let rules = vec![FaultRule::first(Fault::ForgedCall, "create")];
    let play = Play::new(StatusShape::Documented, rules, Customers::Nobody);
    let link = play.create(call(start()), &request("r-1")).await.unwrap();
    assert_eq!(play.sizpay.next_call_at(), Some(start()));
    let calls = play.sizpay.take_calls(start());
    assert_eq!((calls.len(), play.sizpay.next_call_at()), (1, None));
    let parts = CallbackParts {
        method: calls[0].method.clone(),
        query: Vec::new(),
        headers: calls[0].headers.clone(),
        body: calls[0].body.clone(),
    };
    match play.read_callback(&parts) {
        Callback::Hint { reference, .. } => assert_eq!(reference, play.order_no("r-1")),
        other => panic!("{other:?}"),
    }
    let report = play
        .status(call(start()), &link.provider_ref)
        .await
        .unwrap();
    assert_eq!(report.status, LinkStatus::Created);
}

#[tokio::test]
async fn a_new_link_may_be_absent_before_it_is_listed() {
    let rules = vec![FaultRule {
        times: u32::MAX,
        ..FaultRule::first(Fault::AbsentThenPresent, "status")
    }];
    let play = Play::new(StatusShape::Documented, rules, Customers::Nobody);
    let link = play.create(call(start()), &request("r-1")).await.unwrap();
    for (seconds, listed) in [(0, false), (29, false), (30, true)] {
        let at = call(start() + TimeDelta::seconds(seconds));
        let found = play.find(at, "r-1").await.unwrap();
        assert_eq!(matches!(found, Found::Link(_)), listed, "{seconds}");
        let read = play.status(at, &link.provider_ref).await;
        assert_eq!(read.is_ok(), listed, "{seconds}");
    }
}

#[tokio::test]
async fn looking_at_the_page_changes_nothing_and_paying_is_for_once() {
    let play = Play::new(StatusShape::Documented, Vec::new(), Customers::Nobody);
    let link = play.create(call(start()), &request("r-1")).await.unwrap();
    assert_eq!(link.url, "https://me.sizpay.test/acme/0200310011");
    assert_eq!(play.sizpay.url_of("31001"), Some(link.url.clone()));
    let show = || page(&play.sizpay, start(), &link.url, None);
    let shown = String::from_utf8(show().body).unwrap();
    for part in [
        "۱۲٬۵۰۰٬۰۰۰",
        "شرکت &lt;نمونه&gt;",
        "فاکتور ۱۴۰۵/۱۷",
        "value=\"decline\"",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    for action in ["leave", "decline", "start", "decline"] {
        assert_eq!(play.page(start(), &link.url, action).status, 200);
        assert!(
            play.sizpay.ledger(start())[0].payments.is_empty(),
            "{action}"
        );
    }
    assert_eq!(play.page(start(), &link.url, "pay&action=pay").status, 400);
    assert_eq!(play.page(start(), &link.url, "steal").status, 400);
    assert_eq!(play.page(start(), &link.url, "pay").status, 200);
    assert_eq!(play.page(start(), &link.url, "pay").status, 409);
    assert!(play.sizpay.pay(start(), &link.url).is_err());
    let line = &play.sizpay.ledger(start())[0];
    assert_eq!((line.payments.len(), line.state), (1, LinkState::Closed));
    assert!(String::from_utf8(show().body).unwrap().contains("بسته"));
    let nowhere = page(
        &play.sizpay,
        start(),
        "https://me.sizpay.test/acme/0299999991",
        None,
    );
    assert_eq!(nowhere.status, 404);
}

/// The played provider by itself, spoken to by hand.
struct Wire {
    settings: SizpaySettings,
    sizpay: Sizpay,
    good: Value,
}

impl Wire {
    fn new() -> Wire {
        let settings = settings(StatusShape::Documented);
        let good = json!({
            "UserName": settings.user_name, "Password": settings.password,
            "PayLinkName": settings.pay_link_name, "Amount": 10_000, "MobileNo": "09120000000",
            "InvoiceNo": "14050", "CustomerName": "", "Description": "",
            "PayLinkSendDate": "1405/01/01", "PayLinkFilterTyp": 0, "PayLinkFilterList": "",
            "PayLinkSendID": 31_001, "PayLinkFactorNo": "", "PayLinkFactorDate": "1405/01/01",
        });
        Wire {
            sizpay: Sizpay::new(settings.clone(), Faults::default()),
            settings,
            good,
        }
    }

    fn post(&self, method: &str, content: &str, body: &Value) -> HttpResponse {
        let request = HttpRequest {
            method: "POST".to_owned(),
            url: format!("{}{method}", self.settings.api_base),
            headers: vec![("Content-Type".to_owned(), content.to_owned())],
            body: body.to_string().into_bytes(),
            timeout: TimeDelta::seconds(30),
            response_bytes_max: 1 << 20,
        };
        match self.sizpay.answer(start(), &request) {
            Answer::Reply(response) => response,
            other => panic!("{other:?}"),
        }
    }

    /// The result code of a good request with those changes.
    fn code(&self, method: &str, changes: &Value) -> i64 {
        let mut body = self.good.clone();
        for (name, value) in changes.as_object().unwrap() {
            body[name.as_str()] = value.clone();
        }
        let response = self.post(method, "application/json", &body);
        assert_eq!(response.status, 200);
        let answer: Value = serde_json::from_slice(&response.body).unwrap();
        answer["ResCod"].as_i64().unwrap()
    }
}

/// The played provider is strict by itself: it never asks the adapter's code.
#[test]
fn a_create_is_checked_on_the_other_side_too() {
    let wire = Wire::new();
    for bad in [
        json!({ "Amount": 0 }),
        json!({ "Amount": -1 }),
        json!({ "Amount": 10_000.5 }),
        json!({ "Amount": "10000" }),
        json!({ "Amount": "۱۰۰۰۰" }),
        json!({ "MobileNo": "+989120000000" }),
        json!({ "MobileNo": "۰۹۱۲۰۰۰۰۰۰۰" }),
        json!({ "MobileNo": "0912000000" }),
        json!({ "InvoiceNo": "" }),
        json!({ "InvoiceNo": "۱۴۰۵" }),
        json!({ "InvoiceNo": "1,2" }),
        json!({ "CustomerName": null }),
    ] {
        assert_eq!(wire.code("PayLinkSend", &bad), -2, "{bad}");
    }
    assert!(wire.sizpay.ledger(start()).is_empty());
    assert_eq!(wire.code("PayLinkSend", &json!({})), 1);
    let again = wire.code("PayLinkSend", &json!({}));
    assert_eq!(again, 1, "an invoice number may come again");
    assert_eq!(wire.sizpay.ledger(start()).len(), 2);
    let good = &wire.good;
    assert_eq!(wire.post("PayLinkSend", "text/plain", good).status, 415);
    let unknown = wire.post("PayLinkRefund", "application/json", good);
    assert_eq!(unknown.status, 404);
}

#[test]
fn the_other_methods_are_checked_on_the_other_side_too() {
    let wire = Wire::new();
    assert_eq!(wire.code("PayLinkSend", &json!({})), 1);
    for bad in [
        json!({ "UserName": "x" }),
        json!({ "Password": "" }),
        json!({ "Password": null }),
        json!({ "PayLinkName": "ACME" }),
    ] {
        for method in [
            "PayLinkSend",
            "PayLinkDisable",
            "PayLinkReSend",
            "PayLinkPayStatus",
        ] {
            assert_eq!(wire.code(method, &bad), -1, "{method} {bad}");
        }
    }
    for bad in [
        json!({ "PayLinkFactorNo": "14050" }),
        json!({ "PayLinkSendID": 0 }),
        json!({ "PayLinkFactorDate": "1405/1/1" }),
        json!({ "PayLinkFactorDate": "2026-03-21" }),
        json!({ "PayLinkFactorDate": "۱۴۰۵/۰۱/۰۱" }),
    ] {
        assert_eq!(wire.code("PayLinkDisable", &bad), -2, "{bad}");
        assert_eq!(wire.code("PayLinkReSend", &bad), -2, "{bad}");
    }
    let missing = json!({ "PayLinkSendID": 99 });
    assert_eq!(wire.code("PayLinkDisable", &missing), -3);
    for bad in [
        json!({ "PayLinkFilterTyp": 2 }),
        json!({ "PayLinkFilterList": "1, 2" }),
        json!({ "PayLinkSendDate": "1405/13/01" }),
    ] {
        assert_eq!(wire.code("PayLinkPayStatus", &bad), -2, "{bad}");
    }
    assert_eq!(wire.code("PayLinkPayStatus", &json!({})), 1);
    assert_eq!(wire.sizpay.ledger(start())[0].state, LinkState::Live);
}
