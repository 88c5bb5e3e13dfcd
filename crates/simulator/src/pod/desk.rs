//! The service calls: what each takes, checks and does.

use chrono::TimeDelta;
use serde_json::{Value, json};
use values::{Decimal, Timestamp, Zone};

use super::book::{
    BAD_PARAMETERS, Book, DUPLICATE, FORBIDDEN, Invoice, MAY_NOT_PAY, NO_CREDIT, NO_GUILD,
    NO_MONEY, NO_PHONE, NO_SLIP, NOT_WAITING, Refusal, SCHEDULED, SOURCE_NOT_FOUND,
    SOURCE_RESERVED, SOURCE_TOO_SMALL, SOURCE_UNPAID, Source, day,
};
use super::form::Form;
use super::settings::{PodSettings, Slip};

/// The calls that are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Issue,
    List,
    PaymentLink,
    Sms,
    Cancel,
    VerifyAndClose,
    Verify,
    Close,
    MarkPaid,
    ByInvoice,
    InFuture,
    ByCredit,
    AnyByCredit,
    ByPos,
}

/// Every call: its production number, its sandbox number, its path without a number.
const CALLS: &[(Call, u32, u32, &str)] = &[
    (Call::Issue, 29796, 39291, "biz/issueInvoice"),
    (Call::List, 29813, 39308, "biz/getInvoiceList"),
    (Call::PaymentLink, 29815, 39310, "biz/getInvoicePaymentLink"),
    (Call::Sms, 29807, 39302, "biz/sendInvoicePaymentSMS"),
    (Call::Cancel, 29810, 39305, "biz/cancelInvoice"),
    (
        Call::VerifyAndClose,
        29808,
        39303,
        "biz/verifyAndCloseInvoice",
    ),
    (Call::Verify, 29809, 39304, "biz/verifyInvoice"),
    (Call::Close, 29812, 39307, "biz/closeInvoice"),
    (Call::MarkPaid, 29799, 39294, "biz/payInvoice"),
    (Call::ByInvoice, 29800, 39295, "biz/payInvoiceByInvoice"),
    (Call::InFuture, 29802, 39297, "biz/payInvoiceInFuture"),
    (Call::ByCredit, 30382, 39316, "payInvoiceByCredit"),
    (Call::AnyByCredit, 29821, 39317, "biz/payAnyInvoiceByCredit"),
    (Call::ByPos, 0, 0, "biz/payInvoiceByPos"),
];

impl Call {
    /// By the number of a service call.
    pub(super) fn numbered(number: u32) -> Option<Call> {
        let found = CALLS
            .iter()
            .find(|(_, live, test, _)| number != 0 && (*live == number || *test == number));
        found.map(|(call, ..)| *call)
    }

    /// By the path after `/nzh/` of a direct call.
    pub(super) fn at_path(path: &str) -> Option<Call> {
        let path = path.trim_end_matches('/');
        let found = CALLS.iter().find(|(.., known)| *known == path);
        found.map(|(call, ..)| *call)
    }

    /// The word its faults go by.
    pub(super) fn operation(self, form: &Form) -> &'static str {
        match self {
            Call::Issue => "create",
            Call::List if form.one("billNumber").is_some() => "find",
            Call::List if form.one("fromDate").is_some() => "list",
            Call::List => "status",
            Call::PaymentLink => "refresh_url",
            Call::Sms => "resend",
            Call::Cancel => "deactivate",
            Call::VerifyAndClose | Call::Verify | Call::Close => "verify_and_close",
            Call::MarkPaid => "mark_paid",
            Call::ByInvoice => "pay_by_invoice",
            Call::InFuture => "pay_in_future",
            Call::ByCredit | Call::AnyByCredit => "pay_by_credit",
            Call::ByPos => "record_pos",
        }
    }

    fn needs_ott(self) -> bool {
        matches!(
            self,
            Call::Issue | Call::InFuture | Call::ByCredit | Call::AnyByCredit
        )
    }
}

/// One call at the desk.
pub(super) struct Visit<'a> {
    pub(super) now: Timestamp,
    pub(super) caller: u64,
    pub(super) form: &'a Form,
    pub(super) ott: Option<&'a str>,
    pub(super) lie: fn(u64) -> u64,
    pub(super) settings: &'a PodSettings,
}

impl Visit<'_> {
    /// Does what is asked: the result and how many things it counts.
    pub(super) fn perform(&self, book: &mut Book, call: Call) -> Result<Value, Refusal> {
        if call.needs_ott() {
            book.take_ott(self.ott, self.caller)?;
        }
        match call {
            Call::Issue => self.issue(book),
            Call::List => self.list(book),
            Call::PaymentLink => self.payment_link(book),
            Call::Sms => self.text(book),
            Call::Cancel => self.cancel(book),
            Call::VerifyAndClose => self.verify(book, true, true),
            Call::Verify => self.verify(book, true, false),
            Call::Close => self.verify(book, false, true),
            Call::MarkPaid => self.mark_paid(book),
            Call::ByInvoice => self.by_invoice(book),
            Call::InFuture => self.in_future(book),
            Call::ByCredit => self.by_credit(book, false),
            Call::AnyByCredit => self.by_credit(book, true),
            Call::ByPos => self.by_pos(book),
        }
    }

    fn issue(&self, book: &mut Book) -> Result<Value, Refusal> {
        let form = self.form;
        let guild = form.one("guildCode").ok_or(NO_GUILD)?;
        let known = book.business(self.caller);
        if known.is_none_or(|business| !business.guilds.contains_key(guild)) {
            return Err(NO_GUILD);
        }
        let total = lines_total(form).ok_or(BAD_PARAMETERS)?;
        let vat = tax(form, total).ok_or(BAD_PARAMETERS)?;
        let bill = form.one("billNumber").map(str::to_owned);
        let taken = |invoice: &Invoice| invoice.issuer == self.caller && invoice.bill == bill;
        if bill.is_some() && book.invoices.values().any(taken) {
            return Err(DUPLICATE);
        }
        if form.one("cellphoneNumber").is_some_and(|it| !is_mobile(it)) {
            return Err(BAD_PARAMETERS);
        }
        let deadline = form
            .one("deadline")
            .map(|text| day(text).ok_or(BAD_PARAMETERS));
        let timeout = form
            .one("closeTimeOut")
            .map(|_| form.number("closeTimeOut"));
        let timeout = match timeout {
            Some(Some(seconds)) if seconds >= 600 => i64::try_from(seconds).ok(),
            Some(_) => return Err(BAD_PARAMETERS),
            None => None,
        };
        let invoice = Invoice {
            id: book.next_id(),
            unique: book.word("unique"),
            issuer: self.caller,
            user: form.number("userId").filter(|user| *user != 0),
            bill,
            payable: total.checked_add(vat).ok_or(BAD_PARAMETERS)?,
            vat,
            description: form.one("description").unwrap_or_default().to_owned(),
            metadata: form.one("metadata").map(str::to_owned),
            deadline: deadline.transpose()?,
            redirect: form.one("redirectURL").map(str::to_owned),
            cellphone: form.one("cellphoneNumber").map(str::to_owned),
            verification_needed: form.is("verificationNeeded"),
            close_timeout: timeout.and_then(TimeDelta::try_seconds),
            issued_at: self.now,
            ..Invoice::default()
        };
        let view = invoice.view(self.lie);
        book.invoices.insert(invoice.id, invoice);
        Ok(view)
    }

    fn list(&self, book: &mut Book) -> Result<Value, Refusal> {
        let form = self.form;
        let ways = ["offset", "firstId", "lastId"];
        let given = ways.iter().filter(|way| form.one(way).is_some()).count();
        let size = form.number("size").ok_or(BAD_PARAMETERS)?;
        if given != 1 {
            return Err(BAD_PARAMETERS);
        }
        let moment = |name: &str| match form.one(name) {
            None => Ok(None),
            Some(text) => second(text).map(Some).ok_or(BAD_PARAMETERS),
        };
        let (from, to) = (moment("fromDate")?, moment("toDate")?);
        let mut ids: Vec<u64> = Vec::new();
        for invoice in book.invoices.values_mut() {
            let fits = |name: &str, text: &str| form.one(name).is_none_or(|it| it == text);
            let range = form
                .number("firstId")
                .is_none_or(|first| invoice.id >= first)
                && form.number("lastId").is_none_or(|last| invoice.id <= last);
            let wanted = invoice.is_for(self.caller)
                && range
                && from.is_none_or(|from| invoice.issued_at >= from)
                && to.is_none_or(|to| invoice.issued_at <= to)
                && fits("id", &invoice.id.to_string())
                && fits("billNumber", invoice.bill.as_deref().unwrap_or_default())
                && fits("uniqueNumber", &invoice.unique);
            if wanted && invoice.hidden > 0 {
                invoice.hidden -= 1;
            } else if wanted {
                ids.push(invoice.id);
            }
        }
        if form.one("firstId").is_none() {
            ids.reverse();
        }
        let skip = usize::try_from(form.number("offset").unwrap_or(0)).unwrap_or(usize::MAX);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let page = ids.iter().skip(skip).take(size);
        let views: Vec<Value> = page
            .filter_map(|id| book.invoices.get(id))
            .map(|invoice| invoice.view(self.lie))
            .collect();
        Ok(Value::Array(views))
    }

    fn payment_link(&self, book: &mut Book) -> Result<Value, Refusal> {
        let id = self.own(book, "invoiceId")?.id;
        let hash = book.word("hash");
        book.hashes.insert(hash.clone(), (id, self.now));
        let base = &self.settings.base;
        Ok(json!(format!("{base}/v1/pbc/payment/?hash={hash}&")))
    }

    fn text(&self, book: &mut Book) -> Result<Value, Refusal> {
        let invoice = self.own(book, "invoiceId")?;
        if let Some(refusal) = invoice.unpayable() {
            return Err(refusal);
        }
        if invoice.cellphone.is_none() && invoice.user.is_none() {
            return Err(NO_PHONE);
        }
        invoice.texts = invoice.texts.saturating_add(1);
        Ok(json!(true))
    }

    /// Voids what is open, gives back what is paid or blocked.
    fn cancel(&self, book: &mut Book) -> Result<Value, Refusal> {
        let now = self.now;
        let invoice = self.own(book, "id")?;
        if invoice.cancelled_at.is_some() {
            return Err(super::book::VOID);
        }
        invoice.cancelled_at = Some(now);
        let blocked = invoice.future.clone().filter(|_| invoice.paid_at.is_none());
        let amount = invoice.payable;
        let source = invoice.offset.filter(|_| invoice.paid_at.is_none());
        if let Some((_, payer, purse)) = blocked {
            book.give_back(payer, &purse, amount);
        }
        if let Some(source) = source.and_then(|(id, _)| book.invoices.get_mut(&id)) {
            source.reserved = false;
        }
        Ok(json!(true))
    }

    fn verify(&self, book: &mut Book, verify: bool, close: bool) -> Result<Value, Refusal> {
        let now = self.now;
        let invoice = self.own(book, "id")?;
        if invoice.cancelled_at.is_some() {
            return Err(super::book::VOID);
        }
        if invoice.paid_at.is_none() {
            return Err(NOT_WAITING);
        }
        if verify && invoice.verification_needed {
            if invoice.verified_at.is_some() && (!close || invoice.closed) {
                return Err(NOT_WAITING);
            }
            invoice.verified_at = invoice.verified_at.or(Some(now));
        } else if verify && (!close || invoice.closed) {
            return Err(NOT_WAITING);
        }
        invoice.closed |= close;
        Ok(invoice.view(self.lie))
    }

    fn mark_paid(&self, book: &mut Book) -> Result<Value, Refusal> {
        let invoice = self.own(book, "invoiceId")?;
        if let Some(refusal) = invoice.unpayable() {
            return Err(refusal);
        }
        let id = invoice.id;
        book.pay(id, self.now);
        Ok(json!(true))
    }

    /// The creditor's invoice is one that the caller has issued and that is paid; the debtor's is
    /// one that was issued to the caller.
    fn by_invoice(&self, book: &mut Book) -> Result<Value, Refusal> {
        let debtor_id = self.form.number("debtorInvoiceId");
        let creditor_id = self.form.number("creditorInvoiceId");
        let debtor = book.invoice(debtor_id)?.clone();
        let creditor = book.invoice(creditor_id).map_err(|_| SOURCE_NOT_FOUND)?;
        if creditor.issuer != self.caller || debtor.user != Some(self.caller) {
            return Err(FORBIDDEN);
        }
        if creditor.paid_at.is_none() || creditor.cancelled_at.is_some() {
            return Err(SOURCE_UNPAID);
        }
        if creditor.reserved {
            return Err(SOURCE_RESERVED);
        }
        if let Some(refusal) = debtor.unpayable() {
            return Err(refusal);
        }
        if creditor.payable < debtor.payable {
            return Err(SOURCE_TOO_SMALL);
        }
        creditor.reserved = true;
        let creditor_id = creditor.id;
        book.invoice(Some(debtor.id))?.offset = Some((creditor_id, self.now));
        Ok(json!(true))
    }

    fn in_future(&self, book: &mut Book) -> Result<Value, Refusal> {
        let form = self.form;
        let on = form.one("date").and_then(day).ok_or(BAD_PARAMETERS)?;
        let source = match (form.one("wallet"), form.one("guildCode")) {
            (Some(wallet), None) => Source::Wallet(wallet.to_owned()),
            (None, Some(guild)) => Source::Guild(guild.to_owned()),
            _ => return Err(BAD_PARAMETERS),
        };
        let invoice = book.invoice(form.number("invoiceId"))?;
        if invoice.user != Some(self.caller) {
            return Err(MAY_NOT_PAY);
        }
        if invoice.future.is_some() {
            return Err(SCHEDULED);
        }
        if let Some(refusal) = invoice.unpayable() {
            return Err(refusal);
        }
        if on <= self.now {
            return Err(BAD_PARAMETERS);
        }
        let (id, amount) = (invoice.id, invoice.payable);
        if !book.take(self.caller, &source, amount) {
            return Err(NO_CREDIT);
        }
        book.invoice(Some(id))?.future = Some((on, self.caller, source));
        Ok(json!(true))
    }

    fn by_credit(&self, book: &mut Book, any: bool) -> Result<Value, Refusal> {
        let wallet = self.form.one("wallet");
        let invoice = book.invoice(self.form.number("invoiceId"))?;
        if !any && invoice.user != Some(self.caller) {
            return Err(FORBIDDEN);
        }
        if let Some(refusal) = invoice.unpayable() {
            return Err(refusal);
        }
        let (id, amount) = (invoice.id, invoice.payable);
        let default = book
            .business(self.caller)
            .and_then(|business| business.wallets.keys().next().cloned());
        let code = match (wallet, any) {
            (Some(wallet), _) => wallet.to_owned(),
            (None, true) => return Err(BAD_PARAMETERS),
            (None, false) => default.ok_or(NO_MONEY)?,
        };
        if !book.take(self.caller, &Source::Wallet(code), amount) {
            return Err(NO_MONEY);
        }
        book.pay(id, self.now);
        Ok(json!(true))
    }

    /// POD asks the terminals' bank before it believes a slip, and believes each once.
    fn by_pos(&self, book: &mut Book) -> Result<Value, Refusal> {
        let invoice = self.own(book, "invoiceId")?;
        if let Some(refusal) = invoice.unpayable() {
            return Err(refusal);
        }
        let (id, amount) = (invoice.id, invoice.payable);
        let confirmed = self
            .settings
            .slips
            .iter()
            .find(|slip| slip.amount == amount && self.names(slip));
        let slip = confirmed.ok_or(NO_SLIP)?;
        if !book.used_slips.insert(slip.reference.clone()) {
            return Err(NO_SLIP);
        }
        book.pay(id, self.now);
        book.invoice(Some(id))?.slip = Some((slip.terminal.clone(), slip.reference.clone()));
        Ok(json!(true))
    }

    fn names(&self, slip: &Slip) -> bool {
        let same = |name: &str, value: &str| self.form.one(name) == Some(value);
        same("terminalNumber", &slip.terminal)
            && same("merchantCode", &slip.merchant)
            && same("referenceNumber", &slip.reference)
            && same("trackingNumber", &slip.tracking)
            && self.form.one("transactionDate") == clock(slip.at).as_deref()
    }

    /// The invoice that the caller has issued.
    fn own<'b>(&self, book: &'b mut Book, name: &str) -> Result<&'b mut Invoice, Refusal> {
        let invoice = book.invoice(self.form.number(name))?;
        if invoice.issuer == self.caller {
            Ok(invoice)
        } else {
            Err(FORBIDDEN)
        }
    }
}

/// What the lines come to; whole rials and whole pieces alone are played.
fn lines_total(form: &Form) -> Option<u64> {
    let counts = [
        "productId[]",
        "price[]",
        "quantity[]",
        "productDescription[]",
    ];
    let lines = form.all("productId[]").count();
    let even = counts
        .iter()
        .all(|name| form.all(name).filter(|value| !value.is_empty()).count() == lines);
    if lines == 0 || !even {
        return None;
    }
    let mut total: u64 = 0;
    for (price, quantity) in form.all("price[]").zip(form.all("quantity[]")) {
        let price: u64 = price.parse().ok()?;
        let quantity: u64 = quantity.parse().ok()?;
        total = total.checked_add(price.checked_mul(quantity)?)?;
    }
    (total > 0).then_some(total)
}

/// The value-added tax; nine in a hundred where the merchant says nothing.
fn tax(form: &Form, total: u64) -> Option<u64> {
    let rate = values::parse_decimal(form.one("preferredTaxRate").unwrap_or("0.09")).ok()?;
    if rate > Decimal::ONE || rate < Decimal::ZERO {
        return None;
    }
    let tax = Decimal::from(total).checked_mul(rate)?;
    tax.round().normalize().to_string().parse().ok()
}

fn is_mobile(text: &str) -> bool {
    let rest = ["+989", "00989", "09"]
        .iter()
        .find_map(|start| text.strip_prefix(start));
    rest.is_some_and(|rest| rest.len() == 9 && rest.bytes().all(|b| b.is_ascii_digit()))
}

/// A moment in Tehran, as a Jalali day with or without a clock.
fn second(text: &str) -> Option<Timestamp> {
    let tehran = Zone::parse("Asia/Tehran").ok()?;
    match text.split_once(' ') {
        None => day(text),
        Some((date, _)) => {
            day(date)?;
            values::parse_timestamp(text, &tehran).ok()
        }
    }
}

/// Jalali day and clock in Tehran, to the second.
fn clock(at: Timestamp) -> Option<String> {
    let tehran = Zone::parse("Asia/Tehran").ok()?;
    let minute = tehran.local_time_text(at, values::Calendar::Jalali, values::Locale::En);
    Some(format!("{minute}:{}", at.format("%S")))
}
