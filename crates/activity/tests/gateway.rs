//! A gateway that answers as a test tells it, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use chrono::TimeDelta;
use payment::{
    Call, Callback, CallbackParts, Capabilities, CreatedLink, Deactivate, Descriptor, Found,
    Gateway, GatewayError, Limits, LinkRequest, LinkStatus, Operated, Operation, OperationName,
    PaymentFact, ProviderRef, RepeatClass, RepeatSafety, StatusReport,
};
use values::{Currency, Money};

use crate::kit::{at, irr};

#[derive(Debug)]
pub(crate) struct Scripted {
    safety: RepeatSafety,
    closes: bool,
    reach: Option<TimeDelta>,
    creates: Mutex<VecDeque<Result<CreatedLink, GatewayError>>>,
    finds: Mutex<VecDeque<Result<Found, GatewayError>>>,
    statuses: Mutex<VecDeque<Result<StatusReport, GatewayError>>>,
    deactivations: Mutex<VecDeque<Result<(), GatewayError>>>,
    operations: Mutex<VecDeque<Result<(), GatewayError>>>,
    offers: Vec<OperationName>,
    problems: Vec<GatewayError>,
    calls: Mutex<Vec<String>>,
}

impl Scripted {
    pub(crate) fn new(class: RepeatClass) -> Scripted {
        Scripted {
            safety: RepeatSafety {
                class,
                request_life_max: Some(TimeDelta::seconds(60)),
                lookup_staleness_max: Some(TimeDelta::seconds(30)),
            },
            closes: true,
            reach: None,
            creates: Mutex::default(),
            finds: Mutex::default(),
            statuses: Mutex::default(),
            deactivations: Mutex::default(),
            operations: Mutex::default(),
            offers: Vec::new(),
            problems: Vec::new(),
            calls: Mutex::default(),
        }
    }

    pub(crate) fn without_numbers(mut self) -> Scripted {
        self.safety.request_life_max = None;
        self.safety.lookup_staleness_max = None;
        self
    }

    /// Its look-up sees so far back.
    pub(crate) fn reaching(mut self, back: TimeDelta) -> Scripted {
        self.reach = Some(back);
        self
    }

    pub(crate) fn without_closing(mut self) -> Scripted {
        self.closes = false;
        self
    }

    pub(crate) fn offering(mut self, offers: &[OperationName]) -> Scripted {
        self.offers = offers.to_vec();
        self
    }

    pub(crate) fn operate(self, answer: Result<(), GatewayError>) -> Scripted {
        self.operations.lock().unwrap().push_back(answer);
        self
    }

    pub(crate) fn refusing(mut self, problem: GatewayError) -> Scripted {
        self.problems.push(problem);
        self
    }

    pub(crate) fn create(self, answer: Result<CreatedLink, GatewayError>) -> Scripted {
        self.creates.lock().unwrap().push_back(answer);
        self
    }

    pub(crate) fn find(self, answer: Result<Found, GatewayError>) -> Scripted {
        self.finds.lock().unwrap().push_back(answer);
        self
    }

    pub(crate) fn status(self, answer: Result<StatusReport, GatewayError>) -> Scripted {
        self.statuses.lock().unwrap().push_back(answer);
        self
    }

    pub(crate) fn close(self, answer: Result<(), GatewayError>) -> Scripted {
        self.deactivations.lock().unwrap().push_back(answer);
        self
    }

    /// What it was asked, in order, such as `create ref-1`.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn note(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }
}

fn next<T>(answers: &Mutex<VecDeque<T>>, call: &str) -> T {
    answers
        .lock()
        .unwrap()
        .pop_front()
        .unwrap_or_else(|| panic!("unexpected {call}"))
}

/// A link the provider has made, over the amount every test asks for.
pub(crate) fn link(token: &str) -> CreatedLink {
    link_over(token, irr(1_500_000))
}

pub(crate) fn link_over(token: &str, amount: Money) -> CreatedLink {
    CreatedLink {
        provider_ref: ProviderRef([("link".to_owned(), token.to_owned())].into()),
        url: format!("https://pay.example.com/{token}"),
        url_valid_until: None,
        amount: Some(amount),
    }
}

pub(crate) fn report(status: LinkStatus) -> StatusReport {
    let payments = if status.is_paid() {
        vec![PaymentFact {
            transaction: "t1".to_owned(),
            amount: irr(1_500_000),
            paid_at: at("2026-08-30T10:00:00Z"),
            tracking_no: None,
        }]
    } else {
        Vec::new()
    };
    StatusReport {
        reference: "ref-0".to_owned(),
        status,
        payments,
    }
}

pub(crate) fn lost() -> GatewayError {
    GatewayError::ambiguous("timeout", "no answer in time")
}

pub(crate) fn busy() -> GatewayError {
    GatewayError::retryable("busy", "no connection")
}

pub(crate) fn refusal() -> GatewayError {
    GatewayError::permanent("merchant_blocked", "the merchant is blocked")
}

#[async_trait]
impl Gateway for Scripted {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "scripted",
            title: "Scripted",
            currencies: vec![Currency::Irr],
            sandbox: true,
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            repeat: self.safety,
            status: true,
            deactivate: self.closes,
            reusable: false,
            closes_at_expiry: true,
            signed_callback: false,
            texts_payer: false,
            operations: self.offers.clone(),
            limits: Limits::default(),
        }
    }

    fn lookup_reach(&self) -> Option<TimeDelta> {
        self.reach
    }

    fn validate(&self, _: &LinkRequest) -> Vec<GatewayError> {
        self.problems.clone()
    }

    async fn create(&self, call: Call, request: &LinkRequest) -> Result<CreatedLink, GatewayError> {
        assert!(call.now <= call.send_by, "nothing is sent too late");
        self.note(format!("create {}", request.reference));
        next(&self.creates, "create")
    }

    async fn status(&self, _: Call, link: &ProviderRef) -> Result<StatusReport, GatewayError> {
        self.note(format!("status {}", link.0["link"]));
        next(&self.statuses, "status")
    }

    fn named(&self, number: &str) -> Option<ProviderRef> {
        let number = values::latin_digits(number.trim()).into_owned();
        Some(ProviderRef([("link".to_owned(), number)].into()))
    }

    async fn operate(
        &self,
        _: Call,
        link: &ProviderRef,
        operation: &Operation,
    ) -> Result<Operated, GatewayError> {
        self.note(format!("{} {}", operation.name().word(), link.0["link"]));
        next(&self.operations, "operation").map(|()| Operated::default())
    }

    async fn find(&self, _: Call, reference: &str) -> Result<Found, GatewayError> {
        self.note(format!("find {reference}"));
        next(&self.finds, "find")
    }

    fn read_callback(&self, _: &CallbackParts) -> Callback {
        Callback::Rejected {
            code: "no_callbacks".to_owned(),
        }
    }

    fn as_deactivate(&self) -> Option<&dyn Deactivate> {
        if self.closes { Some(self) } else { None }
    }
}

#[async_trait]
impl Deactivate for Scripted {
    async fn deactivate(&self, _: Call, link: &ProviderRef) -> Result<(), GatewayError> {
        self.note(format!("close {}", link.0["link"]));
        next(&self.deactivations, "close")
    }
}
