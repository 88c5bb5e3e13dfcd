//! Which links are meant.

use std::collections::BTreeMap;
use std::ops::Bound;

use charkh::engine::LinkRow;
use charkh::payment::LinkStatus;
use charkh::values::{Decimal, Money, Timestamp, Zone, parse_date, parse_number, parse_timestamp};
use serde::Serialize;

use crate::exit::{Failure, Outcome};

/// Which links are meant; all of them where nothing is said.
#[derive(Debug, Default, clap::Args)]
pub(super) struct FilterArgs {
    /// In this state, as `paid`; may be repeated.
    #[arg(long, value_name = "STATUS")]
    status: Vec<String>,
    /// Of this party.
    #[arg(long, value_name = "PARTY")]
    party: Option<String>,
    /// Into this account.
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Made then, as `1405/06/01..1405/06/31`; either side may be left out.
    #[arg(long, value_name = "FROM..TO")]
    created: Option<String>,
    /// Expiring then.
    #[arg(long, value_name = "FROM..TO")]
    expires: Option<String>,
    /// Paid then.
    #[arg(long, value_name = "FROM..TO")]
    paid: Option<String>,
    /// Over so much, as `1_000_000..5_000_000 IRR`; either side may be left out.
    #[arg(long, value_name = "FROM..TO")]
    amount: Option<String>,
}

/// The filter, read.
pub(super) struct Filter {
    status: Vec<String>,
    party: Option<String>,
    account: Option<String>,
    created: Option<Times>,
    expires: Option<Times>,
    paid: Option<Times>,
    amount: Option<Amounts>,
}

type Times = (Bound<Timestamp>, Bound<Timestamp>);
type Amounts = (Option<Limit>, Option<Limit>);

/// A bound of an amount: a number of whatever currency, or money.
#[derive(Debug, Clone, Copy)]
enum Limit {
    Number(Decimal),
    Money(Money),
}

/// Every state that a link can be in.
const STATUSES: [LinkStatus; 20] = [
    LinkStatus::Creating,
    LinkStatus::Created,
    LinkStatus::Viewed,
    LinkStatus::Paying,
    LinkStatus::Paid,
    LinkStatus::PaidLate,
    LinkStatus::PaidAfterCancel,
    LinkStatus::Expired,
    LinkStatus::Cancelled,
    LinkStatus::CreateFailed,
    LinkStatus::Unknown,
    LinkStatus::Held,
    LinkStatus::PaidUnverified,
    LinkStatus::ScheduledFuture,
    LinkStatus::Expiring,
    LinkStatus::Superseded,
    LinkStatus::PartiallyPaid,
    LinkStatus::Overpaid,
    LinkStatus::Quarantined,
    LinkStatus::Refunded,
];

impl FilterArgs {
    /// Reads the filter; dates are days of the zone.
    pub(super) fn read(self, zone: &Zone) -> Outcome<Filter> {
        for word in &self.status {
            if STATUSES.iter().all(|status| status.name() != word) {
                let words: Vec<&str> = STATUSES.iter().map(|status| status.name()).collect();
                let message = format!("a link is never `{word}`");
                return Err(Failure::usage("bad_filter", message)
                    .help(format!("the states are {}", words.join(", "))));
            }
        }
        let times = |text: &Option<String>| {
            let text = text.as_deref();
            text.map(|text| times(text, zone)).transpose()
        };
        Ok(Filter {
            created: times(&self.created)?,
            expires: times(&self.expires)?,
            paid: times(&self.paid)?,
            amount: self.amount.as_deref().map(amounts).transpose()?,
            status: self.status,
            party: self.party,
            account: self.account,
        })
    }
}

impl Filter {
    /// Whether a link is meant.
    pub(super) fn fits(&self, link: &LinkRow) -> bool {
        let within = |times: &Option<Times>, at: Option<Timestamp>| match (times, at) {
            (None, _) => true,
            (Some(times), Some(at)) => std::ops::RangeBounds::contains(times, &at),
            (Some(_), None) => false,
        };
        let party = link.party.as_ref().map(|party| party.as_str());
        (self.status.is_empty() || self.status.iter().any(|word| word == link.status.name()))
            && self
                .party
                .as_deref()
                .is_none_or(|wanted| party == Some(wanted))
            && self
                .account
                .as_deref()
                .is_none_or(|wanted| link.account.as_str() == wanted)
            && within(&self.created, Some(link.created_at))
            && within(&self.expires, Some(link.expires_at))
            && within(&self.paid, link.paid_at)
            && self.amount.is_none_or(|(from, to)| {
                from.is_none_or(|from| from.is_reached(&link.amount))
                    && to.is_none_or(|to| to.is_not_passed(&link.amount))
            })
    }
}

impl Limit {
    fn parse(text: &str) -> Outcome<Option<Limit>> {
        if text.is_empty() {
            return Ok(None);
        }
        let limit = match parse_number(text) {
            Ok(number) => Limit::Number(number),
            Err(_) => Limit::Money(
                Money::parse(text)
                    .map_err(|error| Failure::usage("bad_filter", format!("--amount: {error}")))?,
            ),
        };
        Ok(Some(limit))
    }

    fn is_reached(self, amount: &Money) -> bool {
        match self {
            Limit::Number(number) => amount.amount() >= number,
            Limit::Money(money) => amount.compare(&money).is_ok_and(std::cmp::Ordering::is_ge),
        }
    }

    fn is_not_passed(self, amount: &Money) -> bool {
        match self {
            Limit::Number(number) => amount.amount() <= number,
            Limit::Money(money) => amount.compare(&money).is_ok_and(std::cmp::Ordering::is_le),
        }
    }
}

/// Both sides of `FROM..TO`; a text without dots is both.
fn sides(text: &str) -> (&str, &str) {
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    (from.trim(), to.trim())
}

fn amounts(text: &str) -> Outcome<Amounts> {
    let (from, to) = sides(text);
    let mut from = Limit::parse(from)?;
    let to = Limit::parse(to)?;
    // The currency stands once, behind both.
    if let (Some(Limit::Number(number)), Some(Limit::Money(money))) = (from, to) {
        let both = Money::new(number, money.currency());
        from = Some(Limit::Money(both.map_err(|error| {
            Failure::usage("bad_filter", format!("--amount: {error}"))
        })?));
    }
    Ok((from, to))
}

fn times(text: &str, zone: &Zone) -> Outcome<Times> {
    let (from, to) = sides(text);
    let instant = |text: &str| {
        parse_timestamp(text, zone).map_err(|error| Failure::usage("bad_filter", error.to_string()))
    };
    let from = match (from, parse_date(from)) {
        ("", _) => Bound::Unbounded,
        (_, Ok(day)) => Bound::Included(zone.start_of_day(day.date)),
        (text, Err(_)) => Bound::Included(instant(text)?),
    };
    let to = match (to, parse_date(to)) {
        ("", _) => Bound::Unbounded,
        // The last day belongs to it.
        (_, Ok(day)) => Bound::Excluded(zone.end_of_date(day.date)),
        (text, Err(_)) => Bound::Included(instant(text)?),
    };
    Ok((from, to))
}

/// What links come to, for one currency.
#[derive(Debug, Serialize)]
pub(super) struct Sum {
    /// How many there are.
    pub(super) links: usize,
    /// Over how much together.
    pub(super) amount: Money,
}

/// Sums, one per currency.
pub(super) fn sums(links: &[LinkRow]) -> Outcome<Vec<Sum>> {
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    for link in links {
        let sum = sums.entry(link.amount.currency().code()).or_insert(Sum {
            links: 0,
            amount: Money::zero(link.amount.currency()),
        });
        sum.links += 1;
        sum.amount = sum
            .amount
            .checked_add(&link.amount)
            .map_err(|error| Failure::usage("too_much", format!("the sum: {error}")))?;
    }
    Ok(sums.into_values().collect())
}

#[cfg(test)]
mod tests {
    use std::ops::RangeBounds as _;

    use charkh::values::{Money, Zone, parse_timestamp};

    use super::{FilterArgs, STATUSES, amounts, times};

    #[test]
    fn a_day_belongs_to_its_range_to_its_last_moment_in_both_calendars() {
        let zone = Zone::parse("Asia/Tehran").unwrap();
        let at = |text: &str| parse_timestamp(text, &zone).unwrap();
        for text in ["۱۴۰۵/۰۶/۰۱..1405/06/31", "2026-08-23..2026-09-22"] {
            let range = times(text, &zone).unwrap();
            assert!(range.contains(&at("1405/06/01 00:00")), "{text}");
            assert!(range.contains(&at("1405/06/31 23:59:59")), "{text}");
            assert!(!range.contains(&at("1405/07/01 00:00")), "{text}");
            assert!(!range.contains(&at("1405/05/31 23:59")), "{text}");
        }
        let day = times("1405/06/02", &zone).unwrap();
        assert!(day.contains(&at("1405/06/02 12:00")) && !day.contains(&at("1405/06/03 00:00")));
        assert!(
            times("..1405/06/02", &zone)
                .unwrap()
                .contains(&at("1300/01/01 00:00"))
        );
        assert!(times("1404/12/30..", &zone).is_err());
    }

    #[test]
    fn an_amount_with_a_currency_leaves_other_currencies_out() {
        let reached = |text: &str, amount: &str| {
            let amount = Money::parse(amount).unwrap();
            let (from, to) = amounts(text).unwrap();
            from.is_none_or(|from| from.is_reached(&amount))
                && to.is_none_or(|to| to.is_not_passed(&amount))
        };
        assert!(reached("۱٬۰۰۰..2_000 IRR", "1_000 IRR"));
        assert!(reached("1_000..2_000 IRR", "2_000 IRR"));
        assert!(!reached("1_000..2_000 IRR", "1_500 RUB"));
        assert!(!reached("1_000..2_000 IRR", "2_001 IRR"));
        assert!(reached("..2_000", "1_500 RUB") && reached("1_500", "1_500 RUB"));
        assert!(amounts("5 USDT..").is_err());
    }

    #[test]
    fn a_state_that_no_link_has_is_refused_and_every_state_once_is_known() {
        let zone = Zone::UTC;
        let asked = |word: &str| FilterArgs {
            status: vec![word.to_owned()],
            ..FilterArgs::default()
        };
        assert!(asked("payed").read(&zone).is_err());
        for (index, status) in STATUSES.iter().enumerate() {
            assert!(asked(status.name()).read(&zone).is_ok());
            assert!(!STATUSES[..index].contains(status));
        }
    }
}
