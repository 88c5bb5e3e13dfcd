//! POD, played: one-time tokens, service calls by number, direct calls by path, invoices with
//! wallets, credit, offsets and blocked money, and pay pages that call and redirect unsigned.
//!
//! What POD documents nowhere is this simulator's own: the words of a duplicate bill number, one
//! call by GET without repeats, and money back for what is not verified in time.

mod book;
mod desk;
mod form;
mod pages;
mod settings;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use transport::{HttpRequest, HttpResponse};
use values::Timestamp;

pub use settings::{Business, PodSettings, Slip};

use crate::{Answer, Fault, Faults, LedgerLine, Provider};
use book::{Book, DUPLICATE, Refusal};
use desk::{Call, Visit};
use form::Form;
use pages::{Due, Press};

/// A longer answer than any client takes.
const HUGE: usize = 10 * 1024 * 1024;

/// A simulated POD. Its faults go by the operations `ott`, `create`, `find`, `status`,
/// `deactivate`, `refresh_url`, `resend`, `verify_and_close`, `mark_paid`, `pay_by_invoice`,
/// `pay_in_future`, `pay_by_credit`, `record_pos`, `page` and `call`.
pub struct Pod {
    settings: PodSettings,
    faults: Faults,
    state: Mutex<State>,
}

struct State {
    book: Book,
    calls: Vec<Due>,
}

/// What an address stands for.
enum Place<'a> {
    Ott,
    Service,
    Direct(&'a str),
    Page(&'a str),
    Nowhere,
}

impl Pod {
    /// A POD without invoices.
    pub fn new(settings: PodSettings, faults: Faults) -> Pod {
        let state = State {
            book: Book::new(&settings),
            calls: Vec::new(),
        };
        Pod {
            settings,
            faults,
            state: Mutex::new(state),
        }
    }

    /// The script of what goes wrong, which may be added to.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// What is in a wallet of a business now.
    pub fn wallet(&self, business: u64, code: &str) -> Option<u64> {
        let mut state = self.state();
        let business = state.book.business(business)?;
        business.wallets.get(code).copied()
    }

    /// What a business line of a business has now.
    pub fn guild_credit(&self, business: u64, code: &str) -> Option<u64> {
        let mut state = self.state();
        let business = state.book.business(business)?;
        business.guilds.get(code).copied()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place<'a>(&self, url: &'a str) -> Place<'a> {
        let address = url.split(['?', '#']).next().unwrap_or_default();
        let Some(path) = address.strip_prefix(self.settings.base.as_str()) else {
            return Place::Nowhere;
        };
        if let Some(page) = path.strip_prefix("/v1/pbc/") {
            return Place::Page(page);
        }
        match path.trim_end_matches('/') {
            "/srv/sc/nzh/doServiceCall" => Place::Service,
            "/srv/core/nzh/ott" => Place::Ott,
            _ => match path.strip_prefix("/srv/core/nzh/") {
                Some(method) => Place::Direct(method),
                None => Place::Nowhere,
            },
        }
    }

    /// The business whose token a request carries.
    fn caller(&self, request: &HttpRequest) -> Option<u64> {
        let token = header(request, "_token_")?;
        let issuer = header(request, "_token_issuer_").unwrap_or("1");
        let businesses = &self.settings.businesses;
        let found = businesses.iter().find(|known| known.token == token);
        found.filter(|_| issuer == "1").map(|business| business.id)
    }

    fn api(&self, now: Timestamp, request: &HttpRequest, direct: Option<&str>) -> Answer {
        let Some(caller) = self.caller(request) else {
            let body = json!({"error": "invalid_token", "error_description": "token is not valid"});
            return Answer::Reply(reply(401, "application/json", body.to_string()));
        };
        let form = Form::parse(&String::from_utf8_lossy(&request.body));
        let number = form.number("scProductId");
        let call = match direct {
            Some(path) => Call::at_path(path),
            None => number
                .and_then(|number| u32::try_from(number).ok())
                .and_then(Call::numbered),
        };
        let keyless = direct.is_none()
            && self.settings.service_key.is_some()
            && form.one("scApiKey") != self.settings.service_key.as_deref();
        let (Some(call), true, false) = (call, request.method == "POST", keyless) else {
            return self.told(Err("سرویس مورد نظر یافت نشد"), false, None);
        };
        let fault = self.faults.at(call.operation(&form));
        if let Some(answer) = before(fault) {
            return answer;
        }
        if fault == Some(Fault::DuplicateOrder) && call == Call::Issue {
            return self.told(Err(DUPLICATE), self.settings.nested, None);
        }
        let ott = header(request, "_ott_").or(form.one("ott"));
        let visit = Visit {
            now,
            caller,
            form: &form,
            ott,
            lie: lie(fault),
            settings: &self.settings,
        };
        let mut state = self.state();
        state.book.advance(now, self.settings.offset_time());
        if fault == Some(Fault::AbsentThenPresent) && call == Call::List {
            drop(state);
            return self.told(Ok(json!([])), self.settings.nested, None);
        }
        let next = state.book.next_id();
        let result = visit.perform(&mut state.book, call);
        if call == Call::Issue && result.is_ok() {
            state.after_making(now, next, fault);
        }
        let ott = state.book.give_ott(caller);
        drop(state);
        let told = self.told(result, self.settings.nested && direct.is_none(), Some(ott));
        after(fault, told)
    }

    fn ott(&self, now: Timestamp, request: &HttpRequest) -> Answer {
        let Some(caller) = self.caller(request) else {
            let body = json!({"error": "invalid_token", "error_description": "token is not valid"});
            return Answer::Reply(reply(401, "application/json", body.to_string()));
        };
        let fault = self.faults.at("ott");
        if let Some(answer) = before(fault) {
            return answer;
        }
        let mut state = self.state();
        state.book.advance(now, self.settings.offset_time());
        let ott = state.book.give_ott(caller);
        drop(state);
        after(fault, self.told(Ok(Value::Null), false, Some(ott)))
    }

    /// An answer in the envelope, or in two.
    fn told(&self, result: Result<Value, Refusal>, nested: bool, ott: Option<String>) -> Answer {
        let count = match &result {
            Ok(Value::Array(list)) => list.len(),
            Ok(_) => 1,
            Err(_) => 0,
        };
        let mut body = json!({
            "hasError": result.is_err(),
            "messageId": 0,
            "referenceNumber": "1000000000001",
            "errorCode": if result.is_err() { 999 } else { 0 },
            "message": result.as_ref().err(),
            "count": count,
            "ott": ott,
            "result": result.unwrap_or(Value::Null),
        });
        if nested {
            body = json!({
                "hasError": false,
                "messageId": 0,
                "referenceNumber": "1000000000002",
                "errorCode": 0,
                "message": null,
                "count": 0,
                "ott": null,
                "result": {"statusCode": 200, "header": "", "result": body.to_string()},
            });
        }
        Answer::Reply(reply(
            200,
            "application/json;charset=UTF-8",
            body.to_string(),
        ))
    }

    fn page(&self, now: Timestamp, request: &HttpRequest, page: &str) -> Answer {
        let fault = self.faults.at("page");
        if let Some(answer) = before(fault) {
            return answer;
        }
        let query = query_of(&request.url);
        let html = |status: u16, text: String| reply(status, "text/html;charset=UTF-8", text);
        let form = Form::parse(&String::from_utf8_lossy(&request.body));
        let press = form.one("action").and_then(Press::named);
        let response = match (request.method.as_str(), press) {
            ("GET", _) => {
                let mut state = self.state();
                let shown = self.shown(&mut state, now, page, &query);
                html(200, shown.unwrap_or_else(pages::sentence))
            }
            ("POST", Some(press)) => match self.press(now, page, &query, press) {
                Ok(Some(address)) => {
                    let mut response = html(302, String::new());
                    response.headers.push(("location".to_owned(), address));
                    response
                }
                Ok(None) => html(200, pages::sentence("پایان")),
                Err(refusal) => html(200, pages::sentence(refusal)),
            },
            _ => html(405, pages::sentence("درخواست معتبر نیست")),
        };
        after(fault, Answer::Reply(response))
    }

    fn shown(
        &self,
        state: &mut State,
        now: Timestamp,
        page: &str,
        query: &Form,
    ) -> Result<String, Refusal> {
        state.book.advance(now, self.settings.offset_time());
        let id = pages::invoice_of(&mut state.book, &self.settings, now, page, query)?;
        let invoice = state.book.invoice(Some(id))?;
        match invoice.unpayable() {
            Some(refusal) => Err(refusal),
            None => Ok(pages::page(invoice)),
        }
    }

    /// What a person's press does; where the browser goes then.
    fn press(
        &self,
        now: Timestamp,
        page: &str,
        query: &Form,
        press: Press,
    ) -> Result<Option<String>, Refusal> {
        let mut state = self.state();
        self.shown(&mut state, now, page, query)?;
        let id = pages::invoice_of(&mut state.book, &self.settings, now, page, query)?;
        if press == Press::Pay {
            state.book.pay(id, now);
        }
        let invoice = state.book.invoice(Some(id))?.clone();
        match press {
            Press::Pay => {
                let calls = pages::calls_after(&self.faults, now, &invoice, query);
                state.calls.extend(calls);
                Ok(pages::way_back(&invoice, query, true))
            }
            Press::Decline => Ok(pages::way_back(&invoice, query, false)),
            Press::Leave => Ok(None),
        }
    }
}

impl State {
    fn after_making(&mut self, now: Timestamp, id: u64, fault: Option<Fault>) {
        let Ok(invoice) = self.book.invoice(Some(id)) else {
            return;
        };
        match fault {
            Some(Fault::AbsentThenPresent) => invoice.hidden = 1,
            Some(Fault::CallBeforeAnswer | Fault::ForgedCall) => {
                let call = pages::call_at_making(now, invoice);
                self.calls.extend(call);
            }
            _ => (),
        }
    }
}

impl Provider for Pod {
    fn name(&self) -> &'static str {
        "pod"
    }

    fn answer(&self, now: Timestamp, request: &HttpRequest) -> Answer {
        match self.place(&request.url) {
            Place::Ott => self.ott(now, request),
            Place::Service => self.api(now, request, None),
            Place::Direct(path) => self.api(now, request, Some(path)),
            Place::Page(page) => self.page(now, request, page),
            Place::Nowhere => Answer::Reply(reply(404, "text/html", pages::sentence("404"))),
        }
    }

    fn next_call_at(&self) -> Option<Timestamp> {
        self.state().calls.iter().map(|(at, _)| *at).min()
    }

    fn take_calls(&self, now: Timestamp) -> Vec<HttpRequest> {
        let mut state = self.state();
        let calls = std::mem::take(&mut state.calls);
        let (mut due, later): (Vec<Due>, Vec<Due>) =
            calls.into_iter().partition(|(at, _)| *at <= now);
        state.calls = later;
        due.sort_by_key(|(at, _)| *at);
        due.into_iter().map(|(_, call)| call).collect()
    }

    /// It promises no second call, so it makes none, whatever it hears.
    fn hear(&self, _now: Timestamp, _call: &HttpRequest, _response: &HttpResponse) {}

    fn ledger(&self, now: Timestamp) -> Vec<LedgerLine> {
        let mut state = self.state();
        state.book.advance(now, self.settings.offset_time());
        state.book.ledger()
    }

    fn pay(&self, now: Timestamp, url: &str) -> Result<(), String> {
        let Place::Page(page) = self.place(url) else {
            return Err("this is not a pay page".to_owned());
        };
        let pressed = self.press(now, page, &query_of(url), Press::Pay);
        pressed.map(|_| ()).map_err(str::to_owned)
    }
}

fn query_of(url: &str) -> Form {
    let query = url.split_once('?').map(|(_, query)| query);
    let query = query.and_then(|query| query.split('#').next());
    Form::parse(query.unwrap_or_default())
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let mut all = request.headers.iter();
    let found = all.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

fn reply(status: u16, kind: &str, body: String) -> HttpResponse {
    HttpResponse {
        status,
        headers: vec![("content-type".to_owned(), kind.to_owned())],
        body: body.into_bytes(),
    }
}

fn lie(fault: Option<Fault>) -> fn(u64) -> u64 {
    match fault {
        Some(Fault::AmountOneMore) => |amount| amount.saturating_add(1),
        Some(Fault::AmountTenfold) => |amount| amount.saturating_mul(10),
        _ => |amount| amount,
    }
}

/// What comes instead of acting.
fn before(fault: Option<Fault>) -> Option<Answer> {
    match fault? {
        Fault::DropBefore => Some(Answer::Dropped),
        Fault::Outage => Some(Answer::Unreachable),
        Fault::TooManyRequests => {
            let mut wait = reply(429, "application/json", "{\"message\":\"wait\"}".to_owned());
            wait.headers
                .push(("retry-after".to_owned(), "30".to_owned()));
            Some(Answer::Reply(wait))
        }
        Fault::ServerErrorBefore => Some(Answer::Reply(reply(500, "text/plain", String::new()))),
        _ => None,
    }
}

/// What becomes of the answer after acting.
fn after(fault: Option<Fault>, answer: Answer) -> Answer {
    let Answer::Reply(mut response) = answer else {
        return answer;
    };
    match fault {
        Some(Fault::AcceptThenDrop) => return Answer::Dropped,
        Some(Fault::HtmlAnswer) => {
            let text = pages::sentence("سامانه در دسترس نیست");
            response = reply(200, "text/html;charset=UTF-8", text);
        }
        Some(Fault::TruncatedAnswer) => response.body.truncate(response.body.len() / 2),
        Some(Fault::ServerErrorAfter) => {
            response = reply(502, "text/html", pages::sentence("Bad Gateway"));
        }
        Some(Fault::SlowAnswer) => return Answer::Slow(response, 1),
        Some(Fault::HugeAnswer) => response.body.resize(HUGE, b' '),
        _ => (),
    }
    Answer::Reply(response)
}
