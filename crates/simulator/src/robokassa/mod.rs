//! Robokassa, played: the Invoice API, classic signed links, the state of operations as XML, second
//! receipts, a pay page and signed calls.
//!
//! What the provider documents nowhere is this simulator's own: the words of a number that is taken,
//! that a deactivated invoice is listed as expired, and that each visit of a reusable link has a
//! number of its own. The second notification, which only the provider's certificate signs, is not
//! played.

mod api;
mod book;
mod calls;
mod page;
mod settings;
mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use transport::{HttpRequest, HttpResponse};
use values::{Currency, Money, Timestamp};

pub use settings::{Hash, RobokassaSettings};

use crate::{Answer, Fault, Faults, LedgerLine, Provider};
use api::Desk;
use book::{Book, Refusal};
use calls::Calls;

/// A longer answer than any client takes.
const HUGE: usize = 10 * 1024 * 1024;

/// A simulated Robokassa with one shop. Its faults go by the operations `create`, `deactivate`,
/// `list`, `status`, `receipt`, `page` and `call`.
pub struct Robokassa {
    settings: RobokassaSettings,
    faults: Faults,
    state: Mutex<State>,
}

struct State {
    book: Book,
    calls: Calls,
}

/// What an address stands for.
enum Place<'a> {
    Create,
    Deactivate,
    List,
    OperationState,
    Attach,
    Classic,
    Page(&'a str),
    Nowhere,
}

impl Place<'_> {
    fn operation(&self) -> &'static str {
        match self {
            Place::Create => "create",
            Place::Deactivate => "deactivate",
            Place::List => "list",
            Place::OperationState => "status",
            Place::Attach => "receipt",
            Place::Classic | Place::Page(_) | Place::Nowhere => "page",
        }
    }
}

impl Robokassa {
    /// A shop without invoices.
    pub fn new(settings: RobokassaSettings, faults: Faults) -> Robokassa {
        let state = State {
            book: Book::new(),
            calls: Calls::default(),
        };
        Robokassa {
            settings,
            faults,
            state: Mutex::new(state),
        }
    }

    /// The script of what goes wrong, which may be added to.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The numbers of the second receipts, with the operations they belong to.
    pub fn receipts(&self) -> Vec<(String, String)> {
        self.state().book.receipts.clone()
    }

    /// A customer presses `pay`, `decline` or `leave` on the page of a link; where the browser is sent,
    /// if the link says so.
    ///
    /// # Errors
    ///
    /// What the page says when it takes nobody.
    pub fn press(&self, now: Timestamp, url: &str, button: &str) -> Result<Option<String>, String> {
        let mut state = self.state();
        self.pressed(&mut state, now, url, button)
            .map_err(|refusal| format!("error {}: {}", refusal.0, refusal.1))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place<'a>(&self, url: &'a str) -> Place<'a> {
        let address = url.split(['?', '#']).next().unwrap_or_default();
        let Some(path) = address.strip_prefix(self.settings.base.as_str()) else {
            return Place::Nowhere;
        };
        if let Some(name) = path.strip_prefix("/merchant/Invoice/") {
            return Place::Page(name);
        }
        match path {
            "/InvoiceServiceWebApi/api/CreateInvoice" => Place::Create,
            "/InvoiceServiceWebApi/api/DeactivateInvoice" => Place::Deactivate,
            "/InvoiceServiceWebApi/api/GetInvoiceInformationList" => Place::List,
            "/Merchant/WebService/Service.asmx/OpStateExt" => Place::OperationState,
            "/RoboFiscal/Receipt/Attach" => Place::Attach,
            "/Merchant/Index.aspx" => Place::Classic,
            _ => Place::Nowhere,
        }
    }

    fn invoice(&self, state: &mut State, now: Timestamp, url: &str) -> Result<usize, Refusal> {
        match self.place(url) {
            Place::Page(name) => page::of_page(&state.book, name),
            Place::Classic => page::of_query(
                &self.settings,
                &mut state.book,
                now,
                &wire::pairs(query_of(url)),
            ),
            _ => Err(Refusal(53, "the invoice is not found")),
        }
    }

    fn pressed(
        &self,
        state: &mut State,
        now: Timestamp,
        url: &str,
        button: &str,
    ) -> Result<Option<String>, Refusal> {
        let index = self.invoice(state, now, url)?;
        let (code, paid) = match button {
            "pay" => (100, true),
            "decline" => (10, false),
            "leave" => (5, false),
            _ => return Err(Refusal(500, "there is no such button")),
        };
        let inv_id = state.book.moves(now, index, code)?;
        if paid {
            self.announce(state, inv_id);
        }
        let invoice = state.book.invoices.get(index);
        Ok(invoice.and_then(|invoice| page::way_back(&self.settings, invoice, inv_id, paid)))
    }

    fn announce(&self, state: &mut State, inv_id: u64) {
        let fault = self.faults.at("call");
        if let Some(known) = state.book.operation(inv_id) {
            state.calls.announce(&self.settings, known, fault);
        }
    }

    /// The answer as the provider means it, before anything happens to it.
    fn meant(
        &self,
        now: Timestamp,
        request: &HttpRequest,
        place: &Place<'_>,
        fault: Option<Fault>,
    ) -> HttpResponse {
        let mut state = self.state();
        let wanted = match place {
            Place::OperationState => "GET",
            Place::Create | Place::Deactivate | Place::List | Place::Attach => "POST",
            _ => return self.browsed(&mut state, now, request),
        };
        if request.method != wanted {
            return reply(405, "text/plain", String::new());
        }
        let mut desk = Desk {
            settings: &self.settings,
            book: &mut state.book,
            now,
            fault,
        };
        let answer = match place {
            Place::OperationState => {
                let query = wire::pairs(query_of(&request.url));
                return reply(200, "text/xml; charset=utf-8", desk.state(&query));
            }
            Place::Create => {
                let (answer, made) = desk.create(&request.body);
                if let Some(index) = made.filter(|_| fault == Some(Fault::CallBeforeAnswer)) {
                    // Somebody pays before the shop knows where.
                    if let Ok(inv_id) = state.book.moves(now, index, 100) {
                        self.announce(&mut state, inv_id);
                    }
                }
                answer
            }
            Place::Deactivate => desk.deactivate(&request.body),
            Place::List => desk.list(&request.body),
            _ => desk.attach(&request.body),
        };
        reply(200, "application/json; charset=utf-8", answer.to_string())
    }

    fn browsed(&self, state: &mut State, now: Timestamp, request: &HttpRequest) -> HttpResponse {
        let kind = "text/html; charset=utf-8";
        let form = wire::pairs(&String::from_utf8_lossy(&request.body));
        let button = wire::value(&form, "action").filter(|_| request.method == "POST");
        let outcome = match button {
            Some(button) => self.pressed(state, now, &request.url, button),
            None => {
                let found = self.invoice(state, now, &request.url);
                let shown = found.and_then(|index| state.book.open(now, index).map(page::shown));
                return match shown {
                    Ok(html) => reply(200, kind, html),
                    Err(refusal) => reply(200, kind, page::turned_away(refusal)),
                };
            }
        };
        match outcome {
            Ok(None) => reply(200, kind, "<!doctype html><p>Готово</p>".to_owned()),
            Ok(Some(url)) => {
                let mut answer = reply(302, kind, String::new());
                answer.headers.push(("location".to_owned(), url));
                answer
            }
            Err(refusal) => reply(200, kind, page::turned_away(refusal)),
        }
    }
}

fn query_of(url: &str) -> &str {
    let (_, query) = url.split_once('?').unwrap_or_default();
    query.split('#').next().unwrap_or_default()
}

fn reply(status: u16, kind: &str, body: String) -> HttpResponse {
    HttpResponse {
        status,
        headers: vec![("content-type".to_owned(), kind.to_owned())],
        body: body.into_bytes(),
    }
}

/// An amount as a fault has it told.
fn lied(amount: Money, fault: Option<Fault>) -> Money {
    let minor = amount.minor_units().unwrap_or_default();
    let told = match fault {
        Some(Fault::AmountOneMore) => minor.saturating_add(1),
        Some(Fault::AmountTenfold) => minor.saturating_mul(10),
        _ => minor,
    };
    Money::from_minor(told, Currency::Rub).unwrap_or(amount)
}

/// What happens to a request before it is read.
fn before(fault: Option<Fault>) -> Option<Answer> {
    match fault? {
        Fault::DropBefore => Some(Answer::Dropped),
        Fault::Outage => Some(Answer::Unreachable),
        Fault::TooManyRequests => {
            let mut answer = reply(429, "text/plain", String::new());
            answer
                .headers
                .push(("retry-after".to_owned(), "30".to_owned()));
            Some(Answer::Reply(answer))
        }
        Fault::ServerErrorBefore => Some(Answer::Reply(reply(500, "text/plain", String::new()))),
        _ => None,
    }
}

/// What happens to an answer on its way.
fn after(fault: Option<Fault>, mut answer: HttpResponse) -> Answer {
    match fault {
        Some(Fault::AcceptThenDrop) => Answer::Dropped,
        Some(Fault::HtmlAnswer) => {
            let html = "<!doctype html><html><body>It works</body></html>";
            Answer::Reply(reply(200, "text/html", html.to_owned()))
        }
        Some(Fault::TruncatedAnswer) => {
            answer.body.truncate(answer.body.len() / 2);
            Answer::Reply(answer)
        }
        Some(Fault::ServerErrorAfter) => Answer::Reply(reply(502, "text/html", String::new())),
        Some(Fault::SlowAnswer) => Answer::Slow(answer, 1),
        Some(Fault::HugeAnswer) => {
            answer.body = vec![b' '; HUGE];
            Answer::Reply(answer)
        }
        _ => Answer::Reply(answer),
    }
}

impl Provider for Robokassa {
    fn name(&self) -> &'static str {
        "robokassa"
    }

    fn answer(&self, now: Timestamp, request: &HttpRequest) -> Answer {
        let place = self.place(&request.url);
        let fault = self.faults.at(place.operation());
        before(fault).unwrap_or_else(|| after(fault, self.meant(now, request, &place, fault)))
    }

    fn next_call_at(&self) -> Option<Timestamp> {
        self.state().calls.next()
    }

    fn take_calls(&self, now: Timestamp) -> Vec<HttpRequest> {
        self.state().calls.take(now)
    }

    fn hear(&self, now: Timestamp, call: &HttpRequest, response: &HttpResponse) {
        let url_query = query_of(&call.url).to_owned();
        let form = String::from_utf8_lossy(&call.body).into_owned();
        let pairs = wire::pairs(if call.method == "POST" {
            &form
        } else {
            &url_query
        });
        let expected = format!("OK{}", wire::value(&pairs, "InvId").unwrap_or_default());
        if response.status == 200 && response.body == expected.as_bytes() {
            self.state().calls.answered(now, call);
        }
    }

    fn ledger(&self, now: Timestamp) -> Vec<LedgerLine> {
        self.state().book.ledger(now)
    }

    fn pay(&self, now: Timestamp, url: &str) -> Result<(), String> {
        let request = |method: &str, body: &str| HttpRequest {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
            timeout: TimeDelta::seconds(30),
            response_bytes_max: HUGE,
        };
        for request in [request("GET", ""), request("POST", "action=pay")] {
            match self.answer(now, &request) {
                Answer::Reply(answer) | Answer::Slow(answer, _) => {
                    let text = String::from_utf8_lossy(&answer.body).into_owned();
                    if answer.status >= 400 || text.contains("<p>error ") {
                        return Err(text);
                    }
                }
                Answer::Dropped => return Err("the connection ended".to_owned()),
                Answer::Unreachable => return Err("the page cannot be reached".to_owned()),
            }
        }
        Ok(())
    }
}
