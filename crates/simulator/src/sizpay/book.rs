//! The links of a simulated SizPay and the rules it keeps itself.

use chrono::TimeDelta;
use values::{Currency, Date, Money, Timestamp};

use crate::{LedgerLine, LinkState};

/// Shortest time between two texts about one link.
const RESEND_PAUSE: TimeDelta = TimeDelta::minutes(2);
const RESENDS_MAX: u32 = 3;

/// What a method refuses, by the result code this simulator gives it. SizPay documents none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    WrongCredentials,
    BadField,
    NoSuchLink,
    AlreadyPaid,
    Disabled,
    TooSoon,
    TooOften,
    Duplicate,
}

impl Refusal {
    pub(super) fn code(self) -> i64 {
        match self {
            Refusal::WrongCredentials => -1,
            Refusal::BadField => -2,
            Refusal::NoSuchLink => -3,
            Refusal::AlreadyPaid => -4,
            Refusal::Disabled => -5,
            Refusal::TooSoon => -6,
            Refusal::TooOften => -7,
            Refusal::Duplicate => -56_806,
        }
    }

    pub(super) fn message(self) -> &'static str {
        match self {
            Refusal::WrongCredentials => "نام کاربری یا رمز عبور نادرست است",
            Refusal::BadField => "اطلاعات ارسالی نامعتبر است",
            Refusal::NoSuchLink => "لینک پرداخت یافت نشد",
            Refusal::AlreadyPaid => "لینک پرداخت شده است",
            Refusal::Disabled => "لینک غیرفعال است",
            Refusal::TooSoon => "فاصله ارسال مجدد کمتر از دو دقیقه است",
            Refusal::TooOften => "تعداد ارسال مجدد بیش از حد مجاز است",
            Refusal::Duplicate => "شماره فاکتور تکراری است",
        }
    }
}

/// A link that is asked for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) amount: u64,
    pub(super) mobile: String,
    pub(super) invoice_no: String,
    pub(super) customer: String,
    pub(super) description: String,
}

/// A link.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) id: u64,
    pub(super) wanted: Wanted,
    pub(super) created_at: Timestamp,
    pub(super) sent_on: Date,
    pub(super) disabled_at: Option<Timestamp>,
    pub(super) payments: Vec<Payment>,
    /// When a customer went from the page to the bank and has not come back.
    at_the_bank: Option<Timestamp>,
    texts: u32,
    last_text: Timestamp,
}

/// A payment.
#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub(super) transaction: String,
    pub(super) trace: String,
    pub(super) at: Timestamp,
}

/// Which link a method means.
#[derive(Debug, Clone)]
pub(super) enum Which {
    Id(u64),
    Invoice(String, Date),
}

/// Everything a merchant has made.
#[derive(Debug, Default)]
pub(super) struct Book {
    links: Vec<Link>,
}

impl Book {
    /// Makes a link and texts it. An invoice number that is taken is no obstacle.
    pub(super) fn send(&mut self, now: Timestamp, sent_on: Date, wanted: Wanted) -> Link {
        let count = u64::try_from(self.links.len()).unwrap_or(u64::MAX);
        let link = Link {
            id: count.saturating_add(31_001),
            wanted,
            created_at: now,
            sent_on,
            disabled_at: None,
            payments: Vec::new(),
            at_the_bank: None,
            texts: 1,
            last_text: now,
        };
        self.links.push(link.clone());
        link
    }

    /// Disables a link; one that is disabled stays so.
    pub(super) fn disable(&mut self, now: Timestamp, which: &Which) -> Result<(), Refusal> {
        let link = self.find_mut(which)?;
        if !link.payments.is_empty() {
            return Err(Refusal::AlreadyPaid);
        }
        link.disabled_at.get_or_insert(now);
        Ok(())
    }

    /// Texts a link again, if it is time and not too often.
    pub(super) fn resend(&mut self, now: Timestamp, which: &Which) -> Result<(), Refusal> {
        let link = self.find_mut(which)?;
        if !link.payments.is_empty() {
            return Err(Refusal::AlreadyPaid);
        }
        if link.disabled_at.is_some() {
            return Err(Refusal::Disabled);
        }
        if link.texts > RESENDS_MAX {
            return Err(Refusal::TooOften);
        }
        if now.signed_duration_since(link.last_text) < RESEND_PAUSE {
            return Err(Refusal::TooSoon);
        }
        link.texts = link.texts.saturating_add(1);
        link.last_text = now;
        Ok(())
    }

    /// Every link, oldest first.
    pub(super) fn links(&self) -> &[Link] {
        &self.links
    }

    pub(super) fn by_id(&self, id: u64) -> Option<&Link> {
        self.links.iter().find(|link| link.id == id)
    }

    /// A customer goes from the page to the bank.
    pub(super) fn start(&mut self, now: Timestamp, id: u64) -> Result<(), Refusal> {
        let link = self.find_mut(&Which::Id(id))?;
        if !link.payments.is_empty() {
            return Err(Refusal::AlreadyPaid);
        }
        if link.disabled_at.is_some() {
            return Err(Refusal::Disabled);
        }
        link.at_the_bank = Some(now);
        Ok(())
    }

    /// The bank has taken the money of a customer who had gone there while the link was open.
    pub(super) fn pay(&mut self, now: Timestamp, id: u64) -> Result<(), Refusal> {
        let link = self.find_mut(&Which::Id(id))?;
        if !link.payments.is_empty() {
            return Err(Refusal::AlreadyPaid);
        }
        if link.at_the_bank.take().is_none() && link.disabled_at.is_some() {
            return Err(Refusal::Disabled);
        }
        link.payments.push(Payment {
            transaction: format!("7{:011}", link.id),
            trace: format!("{:06}", link.id),
            at: now,
        });
        Ok(())
    }

    /// The customer comes back from the bank without having paid.
    pub(super) fn decline(&mut self, id: u64) -> Result<(), Refusal> {
        self.find_mut(&Which::Id(id))?.at_the_bank = None;
        Ok(())
    }

    fn find_mut(&mut self, which: &Which) -> Result<&mut Link, Refusal> {
        let mut links = self.links.iter_mut();
        let found = match which {
            Which::Id(id) => links.find(|link| link.id == *id),
            Which::Invoice(number, day) => {
                links.find(|link| link.wanted.invoice_no == *number && link.sent_on == *day)
            }
        };
        found.ok_or(Refusal::NoSuchLink)
    }
}

impl Link {
    /// The last part of the page's path.
    pub(super) fn code(&self) -> String {
        format!("02{:07}1", self.id)
    }

    pub(super) fn amount(&self) -> Money {
        Money::from_minor(i128::from(self.wanted.amount), Currency::Irr)
            .unwrap_or(Money::zero(Currency::Irr))
    }

    pub(super) fn ledger_line(&self) -> LedgerLine {
        let live = self.disabled_at.is_none() && self.payments.is_empty();
        let payments = self.payments.iter();
        LedgerLine {
            order_no: self.wanted.invoice_no.clone(),
            provider_id: self.id.to_string(),
            amount: self.amount(),
            created_at: self.created_at,
            state: if live {
                LinkState::Live
            } else {
                LinkState::Closed
            },
            payments: payments
                .map(|payment| (payment.transaction.clone(), self.amount(), payment.at))
                .collect(),
            refunded: None,
            texts: self.texts,
        }
    }
}
