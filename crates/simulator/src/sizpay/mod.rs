//! SizPay, played: it texts each link it makes, never calls the merchant, and keeps the pause and
//! the number of its texts itself.
//!
//! Its result codes other than 1, and both shapes of its status reply, are this simulator's own:
//! the real ones are documented nowhere.

mod api;
mod book;
mod page;
mod settings;

use std::sync::{Mutex, MutexGuard, PoisonError};

use transport::{HttpRequest, HttpResponse};
use values::Timestamp;

pub use settings::{SizpaySettings, StatusShape};

use crate::{Answer, Fault, Faults, LedgerLine, Provider};
use api::{Desk, Method};
use book::{Book, Refusal};
use page::Action;

const HUGE: usize = 10 * 1024 * 1024;

/// A simulated SizPay with one merchant. Its faults go by the operations `create`, `deactivate`,
/// `resend`, `status` and `page`.
pub struct Sizpay {
    settings: SizpaySettings,
    faults: Faults,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    book: Book,
    /// Calls of somebody who claims to be SizPay, and when they come.
    forged: Vec<(Timestamp, HttpRequest)>,
}

/// What an address stands for.
enum Place {
    Method(Method),
    Page(u64),
    Nowhere,
}

impl Sizpay {
    /// A SizPay without links.
    pub fn new(settings: SizpaySettings, faults: Faults) -> Sizpay {
        Sizpay {
            settings,
            faults,
            state: Mutex::default(),
        }
    }

    /// The script of what goes wrong, which may be added to.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The pay page of a link by SizPay's number of it.
    pub fn url_of(&self, provider_id: &str) -> Option<String> {
        let id = provider_id.parse().ok()?;
        let state = self.state();
        Some(self.settings.url_of(state.book.by_id(id)?))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, url: &str) -> Place {
        let path = path_of(url);
        if let Some(name) = path.strip_prefix(path_of(&self.settings.api_base)) {
            return Method::named(name).map_or(Place::Nowhere, Place::Method);
        }
        let page = path.strip_prefix(path_of(&self.settings.link_base));
        let code = page
            .and_then(|page| page.strip_prefix(self.settings.pay_link_name.as_str()))
            .and_then(|page| page.strip_prefix('/'));
        let id = code.and_then(|code| {
            let id = code.strip_prefix("02")?.strip_suffix('1')?;
            (id.len() >= 7).then(|| id.parse().ok()).flatten()
        });
        id.map_or(Place::Nowhere, Place::Page)
    }

    fn act(
        &self,
        now: Timestamp,
        place: &Place,
        request: &HttpRequest,
        fault: Option<Fault>,
    ) -> HttpResponse {
        let mut state = self.state();
        match place {
            Place::Method(method) => {
                let before = state.book.links().len();
                let mut desk = Desk {
                    settings: &self.settings,
                    book: &mut state.book,
                    now,
                    fault,
                };
                let response = desk.answer(*method, request);
                let made = state.book.links().get(before).cloned();
                if let (Some(link), Some(Fault::ForgedCall)) = (made, fault) {
                    let call = self.forged_call(&link.wanted.invoice_no);
                    state.forged.extend(call.map(|call| (now, call)));
                }
                response
            }
            Place::Page(id) => page::answer(&mut state.book, now, *id, request),
            Place::Nowhere => plain(404, "not found"),
        }
    }

    /// What a stranger sends who knows the order number and the names of SizPay's other services.
    fn forged_call(&self, invoice_no: &str) -> Option<HttpRequest> {
        let url = self.settings.merchant_url.clone()?;
        let body = format!("ResCod=0&Message=&InvoiceNo={invoice_no}&RefNo=123456&Token=forged");
        Some(HttpRequest {
            method: "POST".to_owned(),
            url,
            headers: vec![(
                "content-type".to_owned(),
                "application/x-www-form-urlencoded".to_owned(),
            )],
            body: body.into_bytes(),
            timeout: chrono::TimeDelta::seconds(30),
            response_bytes_max: 64 * 1024,
        })
    }
}

impl Provider for Sizpay {
    fn name(&self) -> &'static str {
        "sizpay"
    }

    fn answer(&self, now: Timestamp, request: &HttpRequest) -> Answer {
        let place = self.place(&request.url);
        let fault = match &place {
            Place::Method(method) => self.faults.at(method.operation()),
            Place::Page(_) => self.faults.at("page"),
            Place::Nowhere => None,
        };
        match fault {
            Some(Fault::Outage) => return Answer::Unreachable,
            Some(Fault::DropBefore) => return Answer::Dropped,
            Some(Fault::ServerErrorBefore) => return Answer::Reply(plain(500, "error")),
            Some(Fault::TooManyRequests) => {
                let mut response = plain(429, "too many requests");
                response
                    .headers
                    .push(("retry-after".to_owned(), "30".to_owned()));
                return Answer::Reply(response);
            }
            _ => {}
        }
        let mut response = self.act(now, &place, request, fault);
        match fault {
            Some(Fault::AcceptThenDrop) => Answer::Dropped,
            Some(Fault::HtmlAnswer) => {
                let page = "<!doctype html><title>SizPay</title><p>به‌زودی بازمی‌گردیم</p>";
                let mut response = plain(200, page);
                response.headers = vec![("content-type".to_owned(), "text/html".to_owned())];
                Answer::Reply(response)
            }
            Some(Fault::TruncatedAnswer) => {
                response.body.truncate(response.body.len() / 2);
                Answer::Reply(response)
            }
            Some(Fault::ServerErrorAfter) => Answer::Reply(plain(502, "bad gateway")),
            Some(Fault::SlowAnswer) => Answer::Slow(response, 1),
            Some(Fault::HugeAnswer) => {
                let mut body = vec![b' '; HUGE];
                body.append(&mut response.body);
                response.body = body;
                Answer::Reply(response)
            }
            _ => Answer::Reply(response),
        }
    }

    fn next_call_at(&self) -> Option<Timestamp> {
        self.state().forged.iter().map(|(at, _)| *at).min()
    }

    fn take_calls(&self, now: Timestamp) -> Vec<HttpRequest> {
        let mut state = self.state();
        let (due, later) = std::mem::take(&mut state.forged)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        state.forged = later;
        let due: Vec<(Timestamp, HttpRequest)> = due;
        due.into_iter().map(|(_, call)| call).collect()
    }

    /// Nobody waits for the answer to a forged call.
    fn hear(&self, _now: Timestamp, _call: &HttpRequest, _response: &HttpResponse) {}

    fn ledger(&self, _now: Timestamp) -> Vec<LedgerLine> {
        let state = self.state();
        let links = state.book.links().iter();
        links.map(book::Link::ledger_line).collect()
    }

    fn pay(&self, now: Timestamp, url: &str) -> Result<(), String> {
        let Place::Page(id) = self.place(url) else {
            return Err(Refusal::NoSuchLink.message().to_owned());
        };
        let mut state = self.state();
        let paid = page::act(&mut state.book, now, id, Action::Start)
            .and_then(|_| page::act(&mut state.book, now, id, Action::Pay));
        match paid {
            Ok(_) => Ok(()),
            Err(refusal) => Err(refusal.message().to_owned()),
        }
    }
}

fn plain(status: u16, body: &str) -> HttpResponse {
    HttpResponse {
        status,
        headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
        body: body.as_bytes().to_vec(),
    }
}

/// The path of an address, without its host, query and fragment.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
    path.split(['?', '#']).next().unwrap_or_default()
}
