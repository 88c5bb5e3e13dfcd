//! What the shop's own requests are answered.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use values::{Money, Timestamp};

use super::book::{Book, Invoice};
use super::settings::RobokassaSettings;
use super::wire::{
    digest, encoded_id, escaped, guid, moment, money, moscow, moscow_day, moscow_exact, opened,
    opened_fiscal, six_decimals, value,
};
use crate::Fault;

/// Largest number of a shop's own.
const NUMBER_MAX: u64 = i64::MAX.unsigned_abs();

/// The shop's desk, while it answers one request.
pub(super) struct Desk<'a> {
    pub(super) settings: &'a RobokassaSettings,
    pub(super) book: &'a mut Book,
    pub(super) now: Timestamp,
    pub(super) fault: Option<Fault>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Create<'a> {
    merchant_login: String,
    invoice_type: String,
    #[serde(borrow)]
    out_sum: &'a RawValue,
    inv_id: Option<u64>,
    culture: Option<String>,
    description: Option<String>,
    #[serde(rename = "MerchantComments")]
    _comments: Option<String>,
    #[serde(default)]
    user_fields: BTreeMap<String, String>,
    #[serde(borrow)]
    invoice_items: Option<Vec<Line<'a>>>,
    #[serde(rename = "Sno")]
    _sno: Option<String>,
    success_url2_data: Option<Back>,
    fail_url2_data: Option<Back>,
    expiration_date: Option<String>,
    #[serde(rename = "Aliases")]
    _aliases: Option<Vec<String>>,
    #[serde(rename = "AdditionalParameters")]
    _more: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Line<'a> {
    name: String,
    #[serde(borrow)]
    quantity: &'a RawValue,
    #[serde(borrow)]
    cost: &'a RawValue,
    #[serde(rename = "Tax")]
    _tax: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Back {
    url: String,
    method: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    merchant_login: String,
    inv_id: Option<u64>,
    id: Option<String>,
    encoded_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    merchant_login: String,
    current_page: usize,
    page_size: usize,
    invoice_statuses: Vec<String>,
    invoice_types: Vec<String>,
    date_from: String,
    date_to: String,
}

fn refused(words: &str) -> Value {
    json!({"isSuccess": false, "message": words})
}

impl Desk<'_> {
    /// The payload of a body that is a token in quotes.
    fn payload(&self, body: &[u8]) -> Option<Vec<u8>> {
        let token: String = serde_json::from_slice(body).ok()?;
        let settings = self.settings;
        let key = format!("{}:{}", settings.login, settings.password1);
        opened(settings.hash, &key, &token)
    }

    /// Makes an invoice; its place in the book, for whoever pays it at once.
    pub(super) fn create(&mut self, body: &[u8]) -> (Value, Option<usize>) {
        let Some(payload) = self.payload(body) else {
            return (refused("Token signature is not valid"), None);
        };
        let Ok(asked) = serde_json::from_slice::<Create<'_>>(&payload) else {
            return (refused("Request is not valid"), None);
        };
        if self.fault == Some(Fault::DuplicateOrder) {
            return (refused(&self.settings.duplicate_words), None);
        }
        match self.invoice(asked) {
            Ok(invoice) => {
                let answer = json!({
                    "isSuccess": true,
                    "id": invoice.guid,
                    "invId": invoice.number,
                    "encodedId": encoded_id(&invoice.guid),
                    "url": self.page_of(&invoice),
                });
                self.book.invoices.push(invoice);
                (answer, self.book.invoices.len().checked_sub(1))
            }
            Err(words) => (refused(&words), None),
        }
    }

    fn page_of(&self, invoice: &Invoice) -> String {
        format!(
            "{}/merchant/Invoice/{}",
            self.settings.base,
            encoded_id(&invoice.guid)
        )
    }

    fn invoice(&self, asked: Create<'_>) -> Result<Invoice, String> {
        let fail = |words: &str| Err(words.to_owned());
        let amount = money(asked.out_sum.get()).filter(Money::is_positive);
        let Some(amount) = amount else {
            return fail("OutSum is not valid");
        };
        if amount.amount() > self.settings.amount_max.amount() {
            return fail("OutSum is more than the shop may ask for");
        }
        if asked.merchant_login != self.settings.login {
            return fail("Shop is not found");
        }
        let reusable = match asked.invoice_type.as_str() {
            "OneTime" => false,
            "Reusable" => true,
            _ => return fail("InvoiceType is not valid"),
        };
        let number = asked.inv_id.unwrap_or_default();
        if number == 0 || number > NUMBER_MAX {
            return fail("InvId is not valid");
        }
        if self.book.numbered(number).is_some() {
            return Err(self.settings.duplicate_words.clone());
        }
        let culture = asked.culture.as_deref().unwrap_or("ru");
        let description = asked.description.unwrap_or_default();
        if !matches!(culture, "ru" | "en") || description.chars().count() > 100 {
            return fail("Culture or Description is not valid");
        }
        if asked
            .user_fields
            .keys()
            .any(|name| !name.starts_with("shp_"))
        {
            return fail("UserFields are not valid");
        }
        let expires = asked.expiration_date.as_deref().map(moment);
        if expires.is_some_and(|expires| expires.is_none_or(|expires| expires <= self.now)) {
            return fail("ExpirationDate is not valid");
        }
        if asked
            .invoice_items
            .is_some_and(|items| !adds_up(&items, &amount))
        {
            return fail("InvoiceItems do not add up to OutSum");
        }
        let marker = (
            "shp_interface".to_owned(),
            "InvoiceService.WebApi".to_owned(),
        );
        let mut own: Vec<_> = asked.user_fields.into_iter().collect();
        own.push(marker);
        let back = |back: Option<Back>| back.map(|back| (back.url, back.method));
        Ok(Invoice {
            number: Some(number),
            guid: guid(&format!("invoice {number}")),
            reusable,
            signature: None,
            test: false,
            amount,
            description,
            created: self.now,
            modified: self.now,
            expires: expires.flatten(),
            closed: None,
            own,
            success: back(asked.success_url2_data),
            fail: back(asked.fail_url2_data),
            hidden: u32::from(self.fault == Some(Fault::AbsentThenPresent)),
        })
    }

    /// Closes an invoice that is neither paid nor over.
    pub(super) fn deactivate(&mut self, body: &[u8]) -> Value {
        let payload = self.payload(body);
        let asked = payload.and_then(|payload| serde_json::from_slice::<Named>(&payload).ok());
        let Some(asked) = asked.filter(|asked| asked.merchant_login == self.settings.login) else {
            return refused("Token signature is not valid");
        };
        let found = self.book.invoices.iter().position(|invoice| match &asked {
            Named {
                inv_id: Some(number),
                id: None,
                encoded_id: None,
                ..
            } => invoice.number == Some(*number),
            Named {
                inv_id: None,
                id: Some(id),
                encoded_id: None,
                ..
            } => invoice.guid == *id,
            Named {
                inv_id: None,
                id: None,
                encoded_id: Some(id),
                ..
            } => encoded_id(&invoice.guid) == *id,
            _ => false,
        });
        let Some(index) = found else {
            return refused("Invoice is not found");
        };
        if self.book.is_paid(index) {
            return refused("Invoice cannot be deactivated");
        }
        match self.book.invoices.get_mut(index) {
            Some(invoice) if !invoice.is_over(self.now) => {
                invoice.closed = Some(self.now);
                invoice.modified = self.now;
                json!({"isSuccess": true})
            }
            _ => refused("Invoice cannot be deactivated"),
        }
    }

    /// One page of the invoices; classic links are not among them.
    pub(super) fn list(&mut self, body: &[u8]) -> Value {
        let payload = self.payload(body);
        let asked = payload.and_then(|payload| serde_json::from_slice::<Listed>(&payload).ok());
        let Some(asked) = asked.filter(|asked| asked.merchant_login == self.settings.login) else {
            return refused("Token signature is not valid");
        };
        let mut rows = Vec::new();
        for index in 0..self.book.invoices.len() {
            rows.extend(self.row(index, &asked));
        }
        if self.fault == Some(Fault::AbsentThenPresent) {
            rows.clear();
        }
        let total = rows.len();
        let before = asked
            .current_page
            .saturating_sub(1)
            .saturating_mul(asked.page_size);
        let page: Vec<Value> = rows
            .into_iter()
            .skip(before)
            .take(asked.page_size)
            .collect();
        json!({"isSuccess": true, "total": total, "invoiceInformationList": page})
    }

    fn row(&mut self, index: usize, asked: &Listed) -> Option<Value> {
        let paid = self.book.is_paid(index);
        let invoice = self.book.invoices.get_mut(index)?;
        let day = moscow_day(invoice.created);
        let vanished = self.settings.vanishing && invoice.closed.is_some() && !paid;
        let seen = day >= asked.date_from && day <= asked.date_to && !vanished;
        if invoice.signature.is_some() || !seen {
            return None;
        }
        if invoice.hidden > 0 {
            invoice.hidden = invoice.hidden.saturating_sub(1);
            return None;
        }
        let invoice = self.book.invoices.get(index)?;
        let status = match (paid && !invoice.reusable, invoice.is_over(self.now)) {
            (true, _) => "Paid",
            (false, true) => "Expired",
            (false, false) => "Notpaid",
        };
        let kind = if invoice.reusable {
            "Reusable"
        } else {
            "OneTime"
        };
        let wanted = |words: &[String], word: &str| words.iter().any(|known| known == word);
        if !wanted(&asked.invoice_statuses, status) || !wanted(&asked.invoice_types, kind) {
            return None;
        }
        let sum = super::lied(invoice.amount, self.fault).amount().to_string();
        let own: BTreeMap<&String, &String> = invoice
            .own
            .iter()
            .map(|(name, value)| (name, value))
            .collect();
        Some(json!({
            "id": invoice.guid,
            "invId": invoice.number,
            "invoiceType": kind,
            "created": moscow(invoice.created),
            "modified": moscow(invoice.modified),
            "outSum": serde_json::from_str::<Value>(&sum).ok()?,
            "description": invoice.description,
            "invoiceStatus": status,
            "invoicePaymentUrl": self.page_of(invoice),
            "userFields": own,
            "payments": [],
        }))
    }

    /// The state of one operation, as XML.
    pub(super) fn state(&mut self, query: &[(String, String)]) -> String {
        let get = |name: &str| value(query, name).unwrap_or_default();
        let settings = self.settings;
        let (login, number) = (get("MerchantLogin"), get("InvoiceID"));
        if login != settings.login {
            return envelope(
                "<Result><Code>2</Code><Description>shop not found</Description></Result>",
            );
        }
        let base = format!("{login}:{number}:{}", settings.password2);
        if !digest(settings.hash, &base).eq_ignore_ascii_case(get("Signature")) {
            return envelope(
                "<Result><Code>1</Code><Description>bad signature</Description></Result>",
            );
        }
        let number = number.parse().unwrap_or_default();
        let absent = self.fault == Some(Fault::AbsentThenPresent);
        let known = self
            .book
            .operation(number)
            .filter(|(_, invoice)| !invoice.test && !absent);
        let Some((operation, invoice)) = known else {
            return envelope("<Result><Code>3</Code><Description>not found</Description></Result>");
        };
        let sum = six_decimals(&super::lied(operation.amount, self.fault));
        let fields: String = invoice
            .own
            .iter()
            .map(|(name, value)| {
                let (name, value) = (escaped(name), escaped(value));
                format!("<Field><Name>{name}</Name><Value>{value}</Value></Field>")
            })
            .collect();
        envelope(&format!(
            "<Result><Code>0</Code></Result><State><Code>{}</Code><RequestDate>{}</RequestDate>\
             <StateDate>{}</StateDate></State><Info><IncCurrLabel>BankCardPSR</IncCurrLabel>\
             <IncSum>{sum}</IncSum><IncAccount/><PaymentMethod><Code>BankCard</Code></PaymentMethod>\
             <OutCurrLabel>RUR</OutCurrLabel><OutSum>{sum}</OutSum><OpKey>{}</OpKey></Info>\
             <UserField>{fields}</UserField>",
            operation.state,
            moscow_exact(self.now),
            moscow_exact(operation.at),
            operation.key(),
        ))
    }

    /// Attaches the second receipt of a paid operation, once.
    pub(super) fn attach(&mut self, body: &[u8]) -> Value {
        let said =
            |code: &str, words: &str| json!({"ResultCode": code, "ResultDescription": words});
        let text = String::from_utf8_lossy(body);
        let settings = self.settings;
        let opened = opened_fiscal(settings.hash, &settings.password1, &text);
        let receipt = opened.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let Some(receipt) = receipt else {
            return said("3", "the signature is not valid");
        };
        let get = |name: &str| {
            receipt
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (id, origin) = (get("id").to_owned(), get("originId").to_owned());
        let number = origin.parse().unwrap_or_default();
        let paid = self
            .book
            .operation(number)
            .is_some_and(|(operation, _)| operation.state == 100);
        let known = self
            .book
            .receipts
            .iter()
            .any(|(known, of)| *known == id || *of == origin);
        if get("merchantId") != settings.login || get("operation") != "sell" || id == origin {
            return said("3", "the receipt is not valid");
        }
        if !paid || known {
            return said("3", "the operation takes no second receipt");
        }
        self.book.receipts.push((id, origin));
        said("0", "ok")
    }
}

fn adds_up(items: &[Line<'_>], amount: &Money) -> bool {
    let sum = items.iter().try_fold(values::Decimal::ZERO, |sum, item| {
        let number = |raw: &RawValue| raw.get().parse::<values::Decimal>().ok();
        if item.name.is_empty() || item.name.chars().count() > 128 {
            return None;
        }
        sum.checked_add(number(item.quantity)?.checked_mul(number(item.cost)?)?)
    });
    sum.is_some_and(|sum| sum.normalize() == amount.amount().normalize())
}

fn envelope(inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<OperationStateResponse \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xmlns=\"http://merchant.roboxchange.com/WebService/\">{inside}</OperationStateResponse>"
    )
}
