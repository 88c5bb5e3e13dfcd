//! The customer's side of a simulated SizPay: a page with an amount and three buttons.

use transport::{HttpRequest, HttpResponse};
use values::{Locale, Timestamp, persian_digits};

use super::book::{Book, Link, Refusal};

/// What a customer does on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Goes to the bank; the money is taken when `pay` follows.
    Start,
    Pay,
    Decline,
    Leave,
}

impl Action {
    fn of(request: &HttpRequest) -> Option<Action> {
        let body = std::str::from_utf8(&request.body).ok()?;
        let mut actions = body
            .split('&')
            .filter_map(|pair| pair.strip_prefix("action="));
        let action = match (actions.next()?, actions.next()) {
            ("start", None) => Action::Start,
            ("pay", None) => Action::Pay,
            ("decline", None) => Action::Decline,
            ("leave", None) => Action::Leave,
            _ => return None,
        };
        Some(action)
    }
}

/// Shows the page of a link, or does what its customer wants.
pub(super) fn answer(
    book: &mut Book,
    now: Timestamp,
    id: u64,
    request: &HttpRequest,
) -> HttpResponse {
    match request.method.as_str() {
        "GET" => match book.by_id(id) {
            Some(link) => html(200, &face(link)),
            None => html(404, &said(Refusal::NoSuchLink.message())),
        },
        "POST" => match Action::of(request) {
            Some(action) => match act(book, now, id, action) {
                Ok(words) => html(200, &said(words)),
                Err(refusal) => html(409, &said(refusal.message())),
            },
            None => html(400, &said("درخواست نامعتبر است")),
        },
        _ => html(405, &said("درخواست نامعتبر است")),
    }
}

/// What a customer does, and what the page says about it.
pub(super) fn act(
    book: &mut Book,
    now: Timestamp,
    id: u64,
    action: Action,
) -> Result<&'static str, Refusal> {
    match action {
        Action::Start => book.start(now, id).map(|()| "در حال انتقال به بانک"),
        Action::Pay => book.pay(now, id).map(|()| "پرداخت با موفقیت انجام شد"),
        Action::Decline => book.decline(id).map(|()| "پرداخت انجام نشد"),
        Action::Leave => Ok("صفحه بسته شد"),
    }
}

fn face(link: &Link) -> String {
    let amount = persian_digits(&link.amount().grouped(Locale::Fa));
    let (customer, what) = (
        escaped(&link.wanted.customer),
        escaped(&link.wanted.description),
    );
    let mobile = escaped(&link.wanted.mobile);
    let open = link.disabled_at.is_none() && link.payments.is_empty();
    let buttons = if open {
        "<form method=\"post\">\
         <button name=\"action\" value=\"pay\">پرداخت</button> \
         <button name=\"action\" value=\"decline\">انصراف</button> \
         <button name=\"action\" value=\"leave\">خروج</button></form>"
    } else {
        "<p>این لینک بسته است</p>"
    };
    said(&format!(
        "{customer} <span dir=\"ltr\">{mobile}</span></p><p>{what}</p>\
         <p><strong>{amount}</strong></p>{buttons}<p>"
    ))
}

fn said(body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"fa\" dir=\"rtl\"><meta charset=\"utf-8\">\
         <title>SizPay</title><p>{body}</p></html>"
    )
}

fn html(status: u16, body: &str) -> HttpResponse {
    HttpResponse {
        status,
        headers: vec![(
            "content-type".to_owned(),
            "text/html; charset=utf-8".to_owned(),
        )],
        body: body.as_bytes().to_vec(),
    }
}

fn escaped(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '&' => "&amp;".to_owned(),
            '"' => "&quot;".to_owned(),
            other => other.to_string(),
        })
        .collect()
}
