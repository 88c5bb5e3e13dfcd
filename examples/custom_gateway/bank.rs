//! The gateway: the bank's protocol as requests and answers. It does no I/O; [`charkh::payment::Wired`] sends
//! what it asks for.

use charkh::payment::gateways::Secret;
use charkh::payment::{
    Callback, CallbackParts, CallbackReply, Capabilities, Conversation, CreatedLink,
    DUPLICATE_REFERENCE, Descriptor, Effect, Found, GatewayError, Limits, LinkRequest, LinkStatus,
    PaymentFact, ProviderRef, RepeatClass, RepeatSafety, StatusReport, Translator, Usage,
};
use charkh::transport::{HttpRequest, HttpResponse};
use charkh::values::{Currency, Money, TimeDelta, Timestamp};
use serde::Deserialize;
use serde_json::{Value as Json, json};

/// One account at the bank.
pub(crate) struct Bank {
    pub(crate) base: String,
    pub(crate) token: Secret,
}

/// A link, in the bank's words.
#[derive(Deserialize)]
struct Told {
    order: String,
    url: String,
    amount: i128,
    state: String,
    paid: Vec<Paid>,
}

#[derive(Deserialize)]
struct Paid {
    id: String,
    amount: i128,
    at: Timestamp,
}

impl Bank {
    fn ask(&self, method: &str, now: Timestamp, body: &Json) -> HttpRequest {
        HttpRequest {
            method: "POST".to_owned(),
            url: format!("{}/{method}", self.base),
            headers: vec![
                ("content-type".to_owned(), "application/json".to_owned()),
                (
                    "authorization".to_owned(),
                    format!("Bearer {}", self.token.reveal()),
                ),
                ("x-sent-at".to_owned(), now.to_rfc3339()),
            ],
            body: body.to_string().into_bytes(),
            timeout: TimeDelta::seconds(20),
            response_bytes_max: 64 * 1024,
        }
    }

    fn read(&self, now: Timestamp, order: &str) -> HttpRequest {
        self.ask("read", now, &json!({ "order": order }))
    }
}

/// What an answer that is no success means. Only what is certainly a refusal is one.
fn refusal(response: &HttpResponse, effect: Effect) -> GatewayError {
    let said = format!("the bank answers {}", response.status);
    match (response.status, effect) {
        (409, _) => GatewayError::permanent(DUPLICATE_REFERENCE, said),
        (404, _) => GatewayError::permanent("link_not_found", said),
        (410, _) => GatewayError::permanent("already_paid", said),
        (400..=499, _) => GatewayError::permanent("refused", said),
        (503, _) | (_, Effect::Reads) => GatewayError::retryable("unavailable", said),
        (_, Effect::Changes) => GatewayError::ambiguous("no_clear_answer", said),
    }
}

fn told(response: &HttpResponse, effect: Effect) -> Result<Told, GatewayError> {
    if response.status != 200 {
        return Err(refusal(response, effect));
    }
    serde_json::from_slice(&response.body).map_err(|_| match effect {
        Effect::Reads => GatewayError::retryable("not_understood", "this is no answer of the bank"),
        Effect::Changes => {
            GatewayError::ambiguous("not_understood", "this is no answer of the bank")
        }
    })
}

fn rials(amount: i128) -> Option<Money> {
    Money::from_minor(amount, Currency::Irr).ok()
}

fn made(told: Told) -> CreatedLink {
    CreatedLink {
        provider_ref: ProviderRef([("order".to_owned(), told.order)].into()),
        url: told.url,
        url_valid_until: None,
        amount: rials(told.amount),
    }
}

fn report(told: Told) -> StatusReport {
    let status = match told.state.as_str() {
        "open" => LinkStatus::Created,
        "closed" => LinkStatus::Cancelled,
        "expired" => LinkStatus::Expired,
        "paid" => LinkStatus::Paid,
        "paid_late" => LinkStatus::PaidLate,
        "paid_after_close" => LinkStatus::PaidAfterCancel,
        // A word that is not known is never taken for money.
        _ => LinkStatus::Unknown,
    };
    let payment = |paid: Paid| {
        Some(PaymentFact {
            transaction: paid.id,
            amount: rials(paid.amount)?,
            paid_at: paid.at,
            tracking_no: None,
        })
    };
    StatusReport {
        reference: told.order,
        status,
        payments: told.paid.into_iter().filter_map(payment).collect(),
    }
}

fn order(link: &ProviderRef) -> Result<String, GatewayError> {
    let unknown = || GatewayError::permanent("unknown_link", "this is no link of the bank");
    link.0.get("order").cloned().ok_or_else(unknown)
}

impl Translator for Bank {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "bank",
            title: "The bank",
            currencies: vec![Currency::Irr],
            sandbox: true,
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            // A repeated order is refused, and can be read: no lost answer makes a second link.
            repeat: RepeatSafety {
                class: RepeatClass::UniqueReference,
                request_life_max: None,
                lookup_staleness_max: None,
            },
            status: true,
            deactivate: true,
            reusable: false,
            closes_at_expiry: true,
            signed_callback: false,
            texts_payer: false,
            operations: Vec::new(),
            limits: Limits {
                amount_max: rials(500_000_000),
                description_chars_max: Some(100),
                ..Limits::default()
            },
        }
    }

    fn validate(&self, request: &LinkRequest) -> Vec<GatewayError> {
        let over = rials(500_000_000).is_some_and(|max| {
            request
                .amount
                .compare(&max)
                .is_ok_and(|order| order.is_gt())
        });
        let checks = [
            (
                request.amount.currency() != Currency::Irr,
                "currency_mismatch",
            ),
            (!request.amount.is_positive(), "amount_not_positive"),
            (over, "amount_over_limit"),
            (
                request.description.chars().count() > 100,
                "description_too_long",
            ),
            (request.usage == Usage::Reusable, "usage_not_supported"),
            (!request.extras.is_empty(), "unknown_setting"),
        ];
        let broken = checks.into_iter().filter(|(broken, _)| *broken);
        broken
            .map(|(_, code)| GatewayError::permanent(code, code.replace('_', " ")))
            .collect()
    }

    fn create(&self, now: Timestamp, request: &LinkRequest) -> Conversation<CreatedLink> {
        if request.expires_at <= now {
            let error = GatewayError::permanent("expiry_past", "the expiry has passed");
            return Conversation::failed(error);
        }
        let Ok(amount) = request.amount.minor_units() else {
            let error = GatewayError::permanent("amount_not_whole", "these are no whole rials");
            return Conversation::failed(error);
        };
        let body = json!({
            "order": request.reference,
            "amount": amount,
            "expires": request.expires_at,
            "text": request.description,
        });
        Conversation::change(self.ask("create", now, &body), |response| {
            Conversation::Ended(told(&response, Effect::Changes).map(made))
        })
    }

    fn status(&self, now: Timestamp, link: &ProviderRef) -> Conversation<StatusReport> {
        match order(link) {
            Ok(order) => Conversation::read(self.read(now, &order), |response| {
                Conversation::Ended(told(&response, Effect::Reads).map(report))
            }),
            Err(error) => Conversation::failed(error),
        }
    }

    fn find(&self, now: Timestamp, reference: &str) -> Conversation<Found> {
        Conversation::read(self.read(now, reference), |response| {
            if response.status == 404 {
                return Conversation::done(Found::NotFound);
            }
            let told = told(&response, Effect::Reads);
            Conversation::Ended(told.map(|told| Found::Link(made(told))))
        })
    }

    fn deactivate(&self, now: Timestamp, link: &ProviderRef) -> Option<Conversation<()>> {
        let order = match order(link) {
            Ok(order) => order,
            Err(error) => return Some(Conversation::failed(error)),
        };
        let close = self.ask("close", now, &json!({ "order": order }));
        Some(Conversation::change(close, |response| {
            Conversation::Ended(told(&response, Effect::Changes).map(drop))
        }))
    }

    /// The bank's calls carry no proof: whoever calls only makes the engine read the link again.
    fn read_callback(&self, parts: &CallbackParts) -> Callback {
        let body: Option<Json> = serde_json::from_slice(&parts.body).ok();
        match body.as_ref().and_then(|body| body.get("order")?.as_str()) {
            Some(order) => Callback::Hint {
                reference: order.to_owned(),
                reply: CallbackReply {
                    status: 200,
                    body: "ok".to_owned(),
                },
            },
            None => Callback::Rejected {
                code: "malformed".to_owned(),
            },
        }
    }
}
