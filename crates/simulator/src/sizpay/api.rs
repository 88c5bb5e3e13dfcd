//! The merchant's side of a simulated SizPay: JSON in, JSON out.

use serde::Deserialize;
use serde_json::{Value, json};
use transport::{HttpRequest, HttpResponse};
use values::{Calendar, Date, Timestamp, parse_date};

use super::book::{Book, Link, Refusal, Wanted, Which};
use super::settings::{SizpaySettings, StatusShape};
use crate::Fault;

/// A method by the last part of its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Send,
    Disable,
    ReSend,
    PayStatus,
}

impl Method {
    pub(super) fn named(name: &str) -> Option<Method> {
        match name {
            "PayLinkSend" => Some(Method::Send),
            "PayLinkDisable" => Some(Method::Disable),
            "PayLinkReSend" => Some(Method::ReSend),
            "PayLinkPayStatus" => Some(Method::PayStatus),
            _ => None,
        }
    }

    /// The word by which a fault script names it.
    pub(super) fn operation(self) -> &'static str {
        match self {
            Method::Send => "create",
            Method::Disable => "deactivate",
            Method::ReSend => "resend",
            Method::PayStatus => "status",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    user_name: String,
    password: String,
    pay_link_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendBody {
    amount: u64,
    mobile_no: String,
    invoice_no: String,
    customer_name: String,
    description: String,
}

#[derive(Deserialize)]
struct OneLink {
    #[serde(rename = "PayLinkSendID")]
    id: u64,
    #[serde(rename = "PayLinkFactorNo")]
    invoice_no: String,
    #[serde(rename = "PayLinkFactorDate")]
    date: String,
}

#[derive(Deserialize)]
struct StatusBody {
    #[serde(rename = "PayLinkSendDate")]
    date: String,
    #[serde(rename = "PayLinkFilterTyp")]
    kind: u8,
    #[serde(rename = "PayLinkFilterList")]
    list: String,
}

/// One request at the merchant's side.
pub(super) struct Desk<'a> {
    pub(super) settings: &'a SizpaySettings,
    pub(super) book: &'a mut Book,
    pub(super) now: Timestamp,
    pub(super) fault: Option<Fault>,
}

impl Desk<'_> {
    /// Does what a method does and answers it.
    pub(super) fn answer(&mut self, method: Method, request: &HttpRequest) -> HttpResponse {
        if request.method != "POST" {
            return json_answer(405, &json!({ "Message": "POST" }));
        }
        let kind = request
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if !kind.is_some_and(|(_, value)| value.starts_with("application/json")) {
            return json_answer(415, &json!({ "Message": "application/json" }));
        }
        let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
            return json_answer(400, &json!({ "Message": "JSON" }));
        };
        let answered = self.signed_in(&body).and_then(|()| match method {
            Method::Send => self.send(body),
            Method::Disable | Method::ReSend => self.change(method, body),
            Method::PayStatus => self.status(body),
        });
        match answered {
            Ok(answer) => json_answer(200, &answer),
            Err(refusal) => json_answer(200, &refused(method, refusal)),
        }
    }

    fn signed_in(&self, body: &Value) -> Result<(), Refusal> {
        let given = Credentials::deserialize(body).map_err(|_| Refusal::WrongCredentials)?;
        let same = given.user_name == self.settings.user_name
            && given.password == self.settings.password
            && given.pay_link_name == self.settings.pay_link_name;
        if same {
            Ok(())
        } else {
            Err(Refusal::WrongCredentials)
        }
    }

    fn send(&mut self, body: Value) -> Result<Value, Refusal> {
        let body: SendBody = serde_json::from_value(body).map_err(|_| Refusal::BadField)?;
        let mobile = body.mobile_no.strip_prefix("09");
        let good = body.amount > 0
            && mobile.is_some_and(|rest| rest.len() == 9 && is_digits(rest))
            && (1..=20).contains(&body.invoice_no.len())
            && is_digits(&body.invoice_no);
        if !good {
            return Err(Refusal::BadField);
        }
        if self.fault == Some(Fault::DuplicateOrder) {
            return Err(Refusal::Duplicate);
        }
        let sent_on = self.settings.zone.local_date(self.now);
        let wanted = Wanted {
            amount: body.amount,
            mobile: body.mobile_no,
            invoice_no: body.invoice_no,
            customer: body.customer_name,
            description: body.description,
        };
        let link = self.book.send(self.now, sent_on, wanted);
        Ok(json!({
            "PayLinkSendID": link.id,
            "PayLinkURL": self.settings.url_of(&link),
            "ResCod": 1,
            "Message": "",
        }))
    }

    fn change(&mut self, method: Method, body: Value) -> Result<Value, Refusal> {
        let body: OneLink = serde_json::from_value(body).map_err(|_| Refusal::BadField)?;
        let date = day(&body.date)?;
        let which = match (body.id, body.invoice_no.is_empty()) {
            (0, false) => Which::Invoice(body.invoice_no, date),
            (id, true) if id > 0 => Which::Id(id),
            _ => return Err(Refusal::BadField),
        };
        match method {
            Method::ReSend => self.book.resend(self.now, &which)?,
            _ => self.book.disable(self.now, &which)?,
        }
        Ok(json!({ "ResCod": 1, "Message": "" }))
    }

    fn status(&self, body: Value) -> Result<Value, Refusal> {
        let body: StatusBody = serde_json::from_value(body).map_err(|_| Refusal::BadField)?;
        let date = day(&body.date)?;
        let names: Vec<&str> = body
            .list
            .split(',')
            .filter(|name| !name.is_empty())
            .collect();
        if body.kind > 1 || names.iter().any(|name| !is_digits(name)) {
            return Err(Refusal::BadField);
        }
        let asked = |link: &&Link| {
            let id = link.id.to_string();
            let name = if body.kind == 0 {
                &id
            } else {
                &link.wanted.invoice_no
            };
            names.is_empty() || names.contains(&name.as_str())
        };
        let rows: Vec<Value> = self
            .book
            .links()
            .iter()
            .filter(|link| link.sent_on == date && !self.hides(link))
            .filter(asked)
            .map(|link| self.row(link))
            .collect();
        Ok(match self.settings.status_shape {
            StatusShape::Undocumented => Value::Array(rows),
            StatusShape::Documented => json!({ "ResCod": 1, "Message": "", "Data": rows }),
        })
    }

    /// A link that is there and not yet shown.
    fn hides(&self, link: &Link) -> bool {
        let age = self.now.signed_duration_since(link.created_at);
        self.fault == Some(Fault::AbsentThenPresent) && age < self.settings.settling
    }

    fn row(&self, link: &Link) -> Value {
        let amount = match self.fault {
            Some(Fault::AmountOneMore) => link.wanted.amount.saturating_add(1),
            Some(Fault::AmountTenfold) => link.wanted.amount.saturating_mul(10),
            _ => link.wanted.amount,
        };
        let paid = link.payments.first();
        if self.settings.status_shape == StatusShape::Undocumented {
            return json!({
                "PayLinkSendID": link.id,
                "PayLinkFactorNo": link.wanted.invoice_no,
                "Amount": amount,
                "PayLinkStat": "ثبت",
            });
        }
        let status = match (paid.is_some(), link.disabled_at.is_some()) {
            (true, true) => "PaidDisabled",
            (true, false) => "Paid",
            (false, true) => "Disabled",
            (false, false) => "Sent",
        };
        json!({
            "PayLinkSendID": link.id,
            "InvoiceNo": link.wanted.invoice_no,
            "Amount": amount,
            "Status": status,
            "RefNo": paid.map(|paid| paid.transaction.as_str()).unwrap_or_default(),
            "TraceNo": paid.map(|paid| paid.trace.as_str()).unwrap_or_default(),
            "PayDate": paid.map(|paid| paid.at.to_rfc3339()).unwrap_or_default(),
            "PayLinkURL": self.settings.url_of(link),
        })
    }
}

impl SizpaySettings {
    pub(super) fn url_of(&self, link: &Link) -> String {
        format!("{}{}/{}", self.link_base, self.pay_link_name, link.code())
    }
}

fn refused(method: Method, refusal: Refusal) -> Value {
    let mut answer = json!({ "ResCod": refusal.code(), "Message": refusal.message() });
    if let (Method::Send, Value::Object(members)) = (method, &mut answer) {
        members.insert("PayLinkSendID".to_owned(), json!(0));
        members.insert("PayLinkURL".to_owned(), json!(""));
    }
    answer
}

fn json_answer(status: u16, body: &Value) -> HttpResponse {
    HttpResponse {
        status,
        headers: vec![(
            "content-type".to_owned(),
            "application/json; charset=utf-8".to_owned(),
        )],
        body: body.to_string().into_bytes(),
    }
}

/// A Jalali day in exactly its form: four, two and two Latin digits with slashes.
fn day(text: &str) -> Result<Date, Refusal> {
    let exact = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'/',
            _ => byte.is_ascii_digit(),
        });
    let day = parse_date(text).ok().filter(|_| exact);
    let day = day.filter(|day| day.calendar == Calendar::Jalali);
    day.map(|day| day.date).ok_or(Refusal::BadField)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
