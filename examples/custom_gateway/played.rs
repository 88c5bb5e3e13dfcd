//! The bank itself, played in process with its customers: what the gateway is tried against.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use charkh::async_trait;
use charkh::payment::conformance::{PAID_AFTER, Situation};
use charkh::transport::{HttpClient, HttpError, HttpRequest, HttpResponse};
use charkh::values::{TimeDelta, Timestamp};
use serde_json::{Value as Json, json};

/// A bank whose first create goes wrong and whose customers pay as they are told.
pub(crate) struct Played {
    /// How customers behave.
    pub(crate) customers: Situation,
    /// What happens to the first create.
    pub(crate) first: Situation,
    /// Whether it tells what it is asked.
    pub(crate) talks: bool,
    pub(crate) desk: Mutex<Desk>,
}

/// What the bank has.
#[derive(Default)]
pub(crate) struct Desk {
    creates: u32,
    orders: BTreeMap<String, Order>,
}

struct Order {
    amount: Json,
    made: Timestamp,
    expires: Timestamp,
    closed: Option<Timestamp>,
}

impl Played {
    pub(crate) fn new(situation: Situation) -> Played {
        Played {
            customers: situation,
            first: situation,
            talks: false,
            desk: Mutex::default(),
        }
    }

    /// When customers pay an order.
    fn payments(&self, order: &Order, now: Timestamp) -> Vec<Timestamp> {
        let after = order.made + PAID_AFTER;
        let planned = match self.customers {
            Situation::Paid | Situation::PaidThoughCancelled => vec![after],
            Situation::PaidTwice => vec![after, after + TimeDelta::hours(1)],
            Situation::PaidLate => vec![order.expires + TimeDelta::minutes(30)],
            _ => Vec::new(),
        };
        let in_flight = self.customers == Situation::PaidThoughCancelled;
        let open = |at: &Timestamp| in_flight || order.closed.is_none_or(|closed| *at < closed);
        planned
            .into_iter()
            .filter(|at| *at <= now)
            .filter(open)
            .collect()
    }

    fn told(&self, name: &str, order: &Order, now: Timestamp) -> HttpResponse {
        let paid = self.payments(order, now);
        let state = match (paid.first(), order.closed) {
            (Some(_), Some(_)) => "paid_after_close",
            (Some(at), None) if *at >= order.expires => "paid_late",
            (Some(_), None) => "paid",
            (None, Some(_)) => "closed",
            (None, None) if now >= order.expires => "expired",
            (None, None) => "open",
        };
        let paid = paid.iter().enumerate();
        let paid: Vec<Json> = paid
            .map(|(index, at)| json!({ "id": format!("{name}#{index}"), "amount": order.amount, "at": at }))
            .collect();
        let url = format!("https://bank.example/pay/{}", name.replace('/', "-"));
        let told = json!({
            "order": name, "url": url, "amount": order.amount, "state": state, "paid": paid,
        });
        answer(200, &told)
    }

    fn create(&self, desk: &mut Desk, asked: &Json, now: Timestamp) -> Option<HttpResponse> {
        desk.creates += 1;
        let first = desk.creates == 1;
        let name = asked.get("order").and_then(Json::as_str);
        let name = name.unwrap_or_default().to_owned();
        if self.first == Situation::Refused {
            return Some(answer(422, &json!({})));
        }
        if first && self.first == Situation::FirstTurnedAway {
            return Some(answer(503, &json!({})));
        }
        if desk.orders.contains_key(&name) {
            return Some(answer(409, &json!({})));
        }
        let expires = asked.get("expires").and_then(Json::as_str);
        let expires = expires.and_then(|text| text.parse().ok());
        let order = Order {
            amount: asked.get("amount").cloned().unwrap_or_default(),
            made: now,
            expires: expires.unwrap_or(now),
            closed: None,
        };
        let told = self.told(&name, &order, now);
        desk.orders.insert(name, order);
        (!(first && self.first == Situation::FirstAnswerLost)).then_some(told)
    }

    fn close(&self, desk: &mut Desk, name: &str, now: Timestamp) -> HttpResponse {
        let Some(order) = desk.orders.get_mut(name) else {
            return answer(404, &json!({}));
        };
        if !self.payments(order, now).is_empty() {
            return answer(410, &json!({}));
        }
        order.closed.get_or_insert(now);
        self.told(name, order, now)
    }
}

#[async_trait]
impl HttpClient for Played {
    #[expect(clippy::print_stdout, reason = "an example shows what happens")]
    async fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let asked: Json = serde_json::from_slice(&request.body).unwrap_or_default();
        let name = asked
            .get("order")
            .and_then(Json::as_str)
            .unwrap_or_default();
        let sent = request
            .headers
            .iter()
            .find(|(header, _)| header == "x-sent-at");
        let now = sent.and_then(|(_, at)| at.parse().ok()).unwrap_or_default();
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let method = request.url.rsplit('/').next().unwrap_or_default();
        let answered = match method {
            "create" => self.create(&mut desk, &asked, now),
            "close" => Some(self.close(&mut desk, name, now)),
            _ => Some(match desk.orders.get(name) {
                Some(order) => self.told(name, order, now),
                None => answer(404, &json!({})),
            }),
        };
        if self.talks {
            let status = answered.as_ref().map(|answer| answer.status.to_string());
            let status = status.unwrap_or_else(|| "… and the answer is lost".to_owned());
            println!("bank: {method} {name}: {status}");
        }
        answered.ok_or_else(|| HttpError::Unknown("the connection ended".to_owned()))
    }
}

fn answer(status: u16, body: &Json) -> HttpResponse {
    HttpResponse {
        status,
        headers: Vec::new(),
        body: body.to_string().into_bytes(),
    }
}
