//! POD's books: invoices, wallets, business lines, blocked money, one-time tokens.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde_json::{Value, json};
use values::{Currency, JalaliDate, Money, Timestamp, Zone, parse_date};

use super::settings::{Business, PodSettings};
use crate::{LedgerLine, LinkState};

/// A refusal in POD's words.
pub(super) type Refusal = &'static str;

pub(super) const NOT_FOUND: Refusal = "فاکتور یافت نشد";
pub(super) const PAID: Refusal = "فاکتور قبلاً پرداخت شده است.";
pub(super) const VOID: Refusal = "فاکتور باطل شده است";
pub(super) const FORBIDDEN: Refusal = "مجوز انجام این عملیات را ندارید";
pub(super) const MAY_NOT_PAY: Refusal = "اجازه پرداخت این فاکتور را ندارید";
pub(super) const GUARANTEED: Refusal = "فاکتور در انتظار پرداخت توسط تضمین ارائه شده میباشد";
pub(super) const SCHEDULED: Refusal = "فاکتور قبلا برای پرداخت در آینده ثبت شده است";
pub(super) const NO_CREDIT: Refusal = "اعتبار کافی جهت انجام عملیات مسدودی را ندارید";
pub(super) const NO_MONEY: Refusal = "موجودی کافی نمی باشد";
pub(super) const SOURCE_UNPAID: Refusal = "فاکتور بستانکار پرداخت نشده است";
pub(super) const SOURCE_NOT_FOUND: Refusal = "فاکتور بستانکار یافت نشد";
pub(super) const SOURCE_RESERVED: Refusal = "فاکتور بستانکار آماده برای مسدودی می باشد";
pub(super) const SOURCE_TOO_SMALL: Refusal = "مبلغ فاکتور بستانکار کافی نمی باشد";
pub(super) const NOT_WAITING: Refusal = "فاکتور منتظر تایید نمی باشد";
pub(super) const DUPLICATE: Refusal = "شماره قبض تکراری است";
pub(super) const BAD_PARAMETERS: Refusal = "پارامترهای ورودی معتبر نمی باشد";
pub(super) const NO_GUILD: Refusal = "کد صنف معتبر نمی باشد";
pub(super) const NO_OTT: Refusal = "توکن یکبار مصرف معتبر نمی باشد";
pub(super) const NO_PHONE: Refusal = "شماره تلفن همراه مشتری مشخص نیست";
pub(super) const NO_SLIP: Refusal = "تراکنش کارتخوان تایید نشد";
pub(super) const HASH_VOID: Refusal = "کد وارد شده معتبر نمیباشد و یا منقضی شده است";

/// Where blocked money came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Wallet(String),
    Guild(String),
}

/// One invoice.
#[derive(Debug, Clone, Default)]
pub(super) struct Invoice {
    pub(super) id: u64,
    pub(super) unique: String,
    pub(super) issuer: u64,
    pub(super) user: Option<u64>,
    pub(super) bill: Option<String>,
    pub(super) payable: u64,
    pub(super) vat: u64,
    pub(super) description: String,
    pub(super) metadata: Option<String>,
    pub(super) deadline: Option<Timestamp>,
    pub(super) redirect: Option<String>,
    pub(super) cellphone: Option<String>,
    pub(super) verification_needed: bool,
    pub(super) close_timeout: Option<TimeDelta>,
    pub(super) issued_at: Timestamp,
    pub(super) paid_at: Option<Timestamp>,
    pub(super) payment_number: Option<u64>,
    pub(super) cancelled_at: Option<Timestamp>,
    pub(super) verified_at: Option<Timestamp>,
    pub(super) closed: bool,
    /// The day of a payment in the future, who pays and from where.
    pub(super) future: Option<(Timestamp, u64, Source)>,
    /// The paid invoice that pays this one, and since when.
    pub(super) offset: Option<(u64, Timestamp)>,
    /// Whether this paid invoice pays another one.
    pub(super) reserved: bool,
    pub(super) slip: Option<(String, String)>,
    pub(super) texts: u32,
    pub(super) waiting: bool,
    /// Readings that do not see it yet.
    pub(super) hidden: u32,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) businesses: Vec<Business>,
    pub(super) invoices: BTreeMap<u64, Invoice>,
    otts: BTreeMap<String, u64>,
    pub(super) hashes: BTreeMap<String, (u64, Timestamp)>,
    pub(super) used_slips: BTreeSet<String>,
    counter: u64,
    seed: u64,
}

/// The first invoice's number.
const FIRST_ID: u64 = 700_123;

impl Book {
    pub(super) fn new(settings: &PodSettings) -> Book {
        Book {
            businesses: settings.businesses.clone(),
            seed: settings.seed,
            ..Book::default()
        }
    }

    /// A number nobody has seen.
    pub(super) fn number(&mut self) -> u64 {
        self.counter = self.counter.saturating_add(1);
        self.counter
    }

    /// Sixteen letters and digits that nobody has seen.
    pub(super) fn word(&mut self, what: &str) -> String {
        let number = self.number();
        let text = format!("{}/{what}/{number}", self.seed);
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
        format!("{:016x}", hash ^ number.rotate_left(40))
    }

    pub(super) fn next_id(&self) -> u64 {
        let last = self.invoices.keys().next_back().copied();
        last.map_or(FIRST_ID, |last| last.saturating_add(1))
    }

    pub(super) fn give_ott(&mut self, business: u64) -> String {
        let ott = self.word("ott");
        self.otts.insert(ott.clone(), business);
        ott
    }

    /// Takes a one-time token: it works once.
    pub(super) fn take_ott(&mut self, ott: Option<&str>, business: u64) -> Result<(), Refusal> {
        let known = ott.and_then(|ott| self.otts.remove(ott));
        if known == Some(business) {
            Ok(())
        } else {
            Err(NO_OTT)
        }
    }

    pub(super) fn business(&mut self, id: u64) -> Option<&mut Business> {
        self.businesses.iter_mut().find(|known| known.id == id)
    }

    pub(super) fn invoice(&mut self, id: Option<u64>) -> Result<&mut Invoice, Refusal> {
        id.and_then(|id| self.invoices.get_mut(&id))
            .ok_or(NOT_FOUND)
    }

    fn purse(&mut self, business: u64, source: &Source) -> Option<&mut u64> {
        let business = self.business(business)?;
        match source {
            Source::Wallet(code) => business.wallets.get_mut(code),
            Source::Guild(code) => business.guilds.get_mut(code),
        }
    }

    /// Takes money out of a purse.
    pub(super) fn take(&mut self, business: u64, source: &Source, amount: u64) -> bool {
        let Some(purse) = self.purse(business, source) else {
            return false;
        };
        let rest = purse.checked_sub(amount);
        if let Some(rest) = rest {
            *purse = rest;
        }
        rest.is_some()
    }

    pub(super) fn give_back(&mut self, business: u64, source: &Source, amount: u64) {
        if let Some(purse) = self.purse(business, source) {
            *purse = purse.saturating_add(amount);
        }
    }

    /// Marks an invoice as paid.
    pub(super) fn pay(&mut self, id: u64, at: Timestamp) {
        let number = self.number().saturating_add(55_000);
        if let Some(invoice) = self.invoices.get_mut(&id) {
            invoice.paid_at = Some(at);
            invoice.payment_number = Some(number);
            invoice.waiting = false;
        }
    }

    /// Lets time pass: days of payments in the future, offsets, invoices nobody has closed.
    pub(super) fn advance(&mut self, now: Timestamp, offset_time: TimeDelta) {
        let mut due = Vec::new();
        for invoice in self.invoices.values() {
            if invoice.cancelled_at.is_some() {
                continue;
            }
            if let (None, Some((on, _, _))) = (invoice.paid_at, &invoice.future) {
                due.push((invoice.id, *on));
            }
            if let (None, Some((_, since))) = (invoice.paid_at, invoice.offset) {
                due.extend(
                    since
                        .checked_add_signed(offset_time)
                        .map(|at| (invoice.id, at)),
                );
            }
        }
        for (id, at) in due {
            if at <= now {
                self.pay(id, at);
            }
        }
        for invoice in self.invoices.values_mut() {
            let void_at = match (invoice.paid_at, invoice.close_timeout) {
                (Some(paid), Some(timeout)) => paid.checked_add_signed(timeout),
                _ => None,
            };
            let unverified = invoice.verification_needed && invoice.verified_at.is_none();
            if unverified && invoice.cancelled_at.is_none() && void_at.is_some_and(|at| at <= now) {
                invoice.cancelled_at = void_at;
            }
        }
    }

    /// What really happened, oldest first.
    pub(super) fn ledger(&self) -> Vec<LedgerLine> {
        self.invoices.values().map(Invoice::line).collect()
    }
}

impl Invoice {
    /// Why it cannot be paid now.
    pub(super) fn unpayable(&self) -> Option<Refusal> {
        if self.cancelled_at.is_some() {
            Some(VOID)
        } else if self.paid_at.is_some() {
            Some(PAID)
        } else if self.future.is_some() {
            Some(MAY_NOT_PAY)
        } else if self.offset.is_some() {
            Some(GUARANTEED)
        } else {
            None
        }
    }

    pub(super) fn is_for(&self, business: u64) -> bool {
        self.issuer == business || self.user == Some(business)
    }

    fn line(&self) -> LedgerLine {
        let rials = Money::from_minor(i128::from(self.payable), Currency::Irr);
        let amount = rials.unwrap_or_else(|_| Money::zero(Currency::Irr));
        let payment = self.paid_at.map(|at| (self.id.to_string(), amount, at));
        LedgerLine {
            order_no: self.bill.clone().unwrap_or_default(),
            provider_id: self.id.to_string(),
            amount,
            created_at: self.issued_at,
            state: if self.unpayable().is_none() {
                LinkState::Live
            } else {
                LinkState::Closed
            },
            refunded: (payment.is_some() && self.cancelled_at.is_some()).then_some(amount),
            payments: payment.into_iter().collect(),
            texts: self.texts,
        }
    }

    /// The invoice as POD tells it, with an amount that may be a lie.
    pub(super) fn view(&self, lie: fn(u64) -> u64) -> Value {
        let ms = |at: Option<Timestamp>| at.map_or(0, |at| at.timestamp_millis());
        let payable = lie(self.payable);
        json!({
            "id": self.id,
            "billNumber": self.bill,
            "paymentBillNumber": self.payment_number,
            "uniqueNumber": self.unique,
            "totalAmount": payable.saturating_sub(self.vat),
            "payableAmount": payable,
            "vat": self.vat,
            "issuanceDate": self.issued_at.timestamp_millis(),
            "deliveryDate": ms(self.deadline),
            "description": self.description,
            "paymentDate": ms(self.paid_at),
            "payed": self.paid_at.is_some(),
            "canceled": self.cancelled_at.is_some(),
            "cancelDate": ms(self.cancelled_at),
            "closed": self.closed,
            "verificationNeeded": self.verification_needed,
            "verificationDate": self.verified_at.map(|at| at.timestamp_millis()),
            "waiting": self.waiting,
            "edited": false,
            "metadata": self.metadata,
            "willBePaidAt": self.future.as_ref().map(|(on, _, _)| on.timestamp_millis()),
            "willBePaid": self.reserved,
            "willBeBlocked": self.offset.is_some(),
            "terminalNumber": self.slip.as_ref().map(|(terminal, _)| terminal),
            "referenceNumber": self.slip.as_ref().map(|(_, reference)| reference),
            "guildSrv": Value::Null,
        })
    }
}

/// The first instant of a Jalali day in Tehran.
pub(super) fn day(text: &str) -> Option<Timestamp> {
    let parsed = parse_date(text).ok()?;
    if JalaliDate::from_gregorian(parsed.date).ok()?.to_string() != text {
        return None;
    }
    Some(Zone::parse("Asia/Tehran").ok()?.start_of_day(parsed.date))
}
