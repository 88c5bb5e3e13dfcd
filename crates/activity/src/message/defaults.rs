//! The texts about a payment link that ship, in English, Persian and Russian.

use chrono::TimeDelta;
use host::Medium;
use serde::{Deserialize, Serialize};
use values::{Locale, Money, Timestamp, Zone};

use super::Rendered;
use super::texts::one_line;
use super::when::{day, moment};

/// How an expiry was given, which decides how it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExpiryForm {
    /// As a date: the link lives until that day is over, and the day is shown.
    Date,
    /// In days: the link lives that many times 24 hours, and day and time are shown.
    Days,
}

impl ExpiryForm {
    /// How an expiry reads that is known as an instant only: a midnight ends a date.
    pub(crate) fn of(at: Timestamp, zone: &Zone) -> ExpiryForm {
        if zone.start_of_day(zone.local_date(at)) == at {
            ExpiryForm::Date
        } else {
            ExpiryForm::Days
        }
    }
}

/// What a text about a link tells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinkWords<'a> {
    pub(crate) amount: &'a Money,
    pub(crate) url: &'a str,
    pub(crate) description: &'a str,
    pub(crate) expires_at: Timestamp,
    pub(crate) form: ExpiryForm,
    pub(crate) zone: &'a Zone,
}

struct Wording {
    sms: &'static str,
    subject: &'static str,
    email: &'static str,
    until_date: &'static str,
    until_time: &'static str,
}

const EN: Wording = Wording {
    sms: "Please pay {amount} {until}: {url}\n{description}",
    subject: "Payment link: {description}",
    email: "Hello,\n\nPlease pay {amount} {until} here:\n{url}\n\n\
            Payment for: {description}\n\n\
            After that the link takes no payment.\n",
    until_date: "by the end of {when}",
    until_time: "by {when}",
};

const FA: Wording = Wording {
    sms: "لطفاً مبلغ {amount} را {until} از لینک زیر پرداخت کنید:\n{url}\nبابت: {description}",
    subject: "لینک پرداخت: {description}",
    email: "با سلام\n\nلطفاً مبلغ {amount} را {until} از لینک زیر پرداخت کنید:\n{url}\n\n\
            بابت: {description}\n\n\
            پس از این زمان، پرداخت از این لینک ممکن نیست.\n",
    until_date: "تا پایان روز {when}",
    until_time: "تا {when}",
};

const RU: Wording = Wording {
    sms: "Пожалуйста, оплатите {amount} {until}: {url}\n{description}",
    subject: "Ссылка на оплату: {description}",
    email: "Здравствуйте!\n\nПожалуйста, оплатите {amount} {until} по ссылке:\n{url}\n\n\
            Назначение платежа: {description}\n\n\
            После этого срока оплатить по ссылке нельзя.\n",
    until_date: "до конца дня {when}",
    until_time: "до {when}",
};

/// The default text about a link.
pub(crate) fn link_text(medium: Medium, locale: Locale, words: &LinkWords<'_>) -> Rendered {
    let wording = match locale {
        Locale::En => &EN,
        Locale::Fa => &FA,
        Locale::Ru => &RU,
    };
    let (subject, body) = match medium {
        Medium::Sms => (None, wording.sms),
        Medium::Email => (Some(wording.subject), wording.email),
    };
    let until = match words.form {
        ExpiryForm::Date => wording.until_date,
        ExpiryForm::Days => wording.until_time,
    };
    let until = until.replace("{when}", &shown_expiry(words, locale));
    let fill = |text: &str| filled(text, &until, words, locale);
    Rendered {
        locale,
        subject: subject.map(|subject| one_line(&fill(subject))),
        body: fill(body),
    }
}

/// Fills one place after the other from left to right, so that a description that looks like a
/// place stays what it is.
fn filled(text: &str, until: &str, words: &LinkWords<'_>, locale: Locale) -> String {
    let amount = words.amount.grouped(locale);
    let places = [
        ("{amount}", amount.as_str()),
        ("{until}", until),
        ("{url}", words.url),
        ("{description}", words.description),
    ];
    let mut rest = text;
    let mut out = String::new();
    while let Some((at, place, value)) = places
        .iter()
        .filter_map(|(place, value)| rest.find(place).map(|at| (at, *place, *value)))
        .min_by_key(|(at, ..)| *at)
    {
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        out.push_str(value);
        rest = after.strip_prefix(place).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The expiry for a reader: of a date the day itself, although the link lives until the midnight
/// after it.
fn shown_expiry(words: &LinkWords<'_>, locale: Locale) -> String {
    match words.form {
        ExpiryForm::Days => moment(words.expires_at, words.zone, locale),
        ExpiryForm::Date => {
            let last = words
                .expires_at
                .checked_sub_signed(TimeDelta::seconds(1))
                .unwrap_or(words.expires_at);
            day(words.zone.local_date(last), locale)
        }
    }
}
