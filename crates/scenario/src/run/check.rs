//! Comparing what is with what must be. Every function gives what was expected and what is there
//! instead, or nothing.

use host::{Ledger as _, Receipt, SentMessage};
use state_machine::{End, Rejection};
use values::{Calendar, Date, Fields, Locale, TimeDelta, Timestamp, Value, Zone, format_date};

use super::Trouble;
use super::seen::Seen;
use crate::file::script::{LinkWanted, MessageWanted, Moment, ReceiptWanted, Wanted};
use crate::story::moment;
use crate::world::World;

/// Expected and actual.
type Difference = Option<(String, String)>;

const NONE: &str = "none";

fn unless(same: bool, expected: impl Into<String>, actual: impl Into<String>) -> Difference {
    if same {
        None
    } else {
        Some((expected.into(), actual.into()))
    }
}

fn equal(expected: Option<&str>, actual: Option<&str>) -> Difference {
    unless(
        expected == actual,
        expected.unwrap_or(NONE),
        actual.unwrap_or(NONE),
    )
}

fn counts(expected: usize, actual: usize) -> Difference {
    unless(expected == actual, expected.to_string(), actual.to_string())
}

/// A list for a report.
fn listed(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let words: Vec<String> = words
        .into_iter()
        .map(|word| word.as_ref().to_owned())
        .collect();
    if words.is_empty() {
        NONE.to_owned()
    } else {
        words.join(", ")
    }
}

fn end_name(end: End) -> &'static str {
    match end {
        End::Success => "success",
        End::Failed => "failed",
        End::Cancelled => "cancelled",
    }
}

impl Seen<'_> {
    pub(super) async fn check(
        &self,
        world: &World,
        wanted: &Wanted,
    ) -> Result<Difference, Trouble> {
        Ok(match wanted {
            Wanted::Balance(expected) => {
                let Some(party) = &self.party else {
                    return Ok(Some((
                        expected.to_string(),
                        "the item has no party".to_owned(),
                    )));
                };
                let actual = world.host.balance(party, expected.currency()).await;
                let actual = actual.map_err(engine::Error::Host)?;
                let named = format!("{actual} ({})", self.party_name(world).await);
                unless(actual == *expected, expected.to_string(), named)
            }
            Wanted::Actions(user, expected) => {
                let actions = world.engine()?.actions(&self.item, user).await?;
                let mut offered: Vec<String> = actions
                    .into_iter()
                    .filter(|(_, refused)| is_offered(refused.as_ref()))
                    .map(|(name, _)| name)
                    .collect();
                offered.sort();
                unless(offered == *expected, listed(expected), listed(&offered))
            }
            Wanted::Created(entity, expected) => {
                counts(*expected, world.created(&self.item, entity))
            }
            Wanted::GatewayCreates(expected) => {
                let creates = world.audit().creates;
                unless(
                    creates == *expected,
                    expected.to_string(),
                    creates.to_string(),
                )
            }
            Wanted::GatewayLinks(expected) => counts(*expected, world.audit().links.len()),
            Wanted::Link { of, wanted } => self.link(&world.zone(), of.as_deref(), wanted),
            Wanted::Timers(expected) => self.timers(&world.zone(), expected),
            Wanted::Message(wanted) => self.message(wanted),
            Wanted::Receipts(expected) => counts(*expected, self.receipts.len()),
            Wanted::Receipt(wanted) => self.receipt(wanted),
            Wanted::Field(name, expected) => {
                let fields = self
                    .instance
                    .as_ref()
                    .map(|instance| instance.fields.as_ref());
                self.field(name, expected, fields)
            }
            Wanted::Filled(name) => {
                let fields = self
                    .instance
                    .as_ref()
                    .map(|instance| instance.fields.as_ref());
                let value = fields.and_then(|fields| fields.get(name));
                let filled = value.is_some_and(|value| !value.is_empty());
                unless(filled, format!("`{name}` holds something"), "empty")
            }
            Wanted::CrmField(name, expected) => self.field(name, expected, Some(&self.crm.fields)),
            other => self.of_instance(other),
        })
    }

    /// What stands in the instance, its history and the CRM's record of it.
    fn of_instance(&self, wanted: &Wanted) -> Difference {
        let instance = self.instance.as_ref();
        match wanted {
            Wanted::State(expected) => equal(
                Some(expected),
                instance.map(|instance| instance.state.as_str()),
            ),
            Wanted::Ended(expected) => {
                let ended = instance.and_then(|instance| instance.ended);
                equal(
                    expected.map(end_name),
                    ended.map(|ended| end_name(ended.outcome)),
                )
            }
            Wanted::Stage(expected) => {
                let stage = instance.and_then(|instance| instance.stage.as_deref());
                equal(expected.as_deref(), stage)
            }
            Wanted::Incident(expected) => {
                let incident = instance.and_then(|instance| instance.incident.as_ref());
                let code = incident.map(|incident| incident.code.as_str());
                let shown = incident.map(|found| format!("{}: {}", found.code, found.message));
                let shown = shown.unwrap_or_else(|| NONE.to_owned());
                let same = expected.as_deref() == code;
                unless(same, expected.as_deref().unwrap_or(NONE), shown)
            }
            Wanted::Assigned(expected) => {
                let task = instance.and_then(|instance| instance.task.as_ref());
                let assigned = task.map(|task| task.assigned.to_string());
                equal(expected.as_deref(), assigned.as_deref())
            }
            Wanted::ClaimedBy(expected) => {
                let task = instance.and_then(|instance| instance.task.as_ref());
                let by = task.and_then(|task| task.claimed_by.as_ref());
                equal(
                    expected.as_ref().map(|user| user.as_str()),
                    by.map(|user| user.as_str()),
                )
            }
            Wanted::Visits(state, expected) => {
                let visits = instance.and_then(|instance| instance.visits.get(state));
                let visits = visits.copied().unwrap_or(0);
                unless(
                    visits == *expected,
                    expected.to_string(),
                    visits.to_string(),
                )
            }
            Wanted::Passed(expected) => {
                let passed = self.passed();
                let mut rest = passed.iter();
                let same = expected
                    .iter()
                    .all(|state| rest.any(|other| other == state));
                unless(same, expected.join(" → "), passed.join(" → "))
            }
            other => self.around(other),
        }
    }

    fn around(&self, wanted: &Wanted) -> Difference {
        match wanted {
            Wanted::Links(expected) => counts(*expected, self.links.len()),
            Wanted::Messages(expected) => counts(*expected, self.sent.len()),
            Wanted::Payments(expected) => counts(*expected, self.payments.len()),
            Wanted::AttentionCount(expected) => {
                let rows = self
                    .attention
                    .iter()
                    .map(|row| format!("{}: {}", row.code, row.message));
                let shown = format!("{}: {}", self.attention.len(), listed(rows));
                unless(
                    self.attention.len() == *expected,
                    expected.to_string(),
                    shown,
                )
            }
            Wanted::Attention(expected) => {
                let codes: Vec<&str> = self.attention.iter().map(|row| row.code.as_str()).collect();
                let same = expected.iter().all(|code| codes.contains(&code.as_str()));
                unless(
                    same && codes.len() == expected.len(),
                    listed(expected),
                    listed(&codes),
                )
            }
            Wanted::Notice(expected) => {
                let there = self.notices.iter().any(|notice| notice == expected);
                unless(there, expected.as_str(), listed(&self.notices))
            }
            Wanted::Approved(expected) => {
                let word = |approved: Option<bool>| match approved {
                    None => NONE,
                    Some(true) => "approved",
                    Some(false) => "rejected",
                };
                equal(Some(word(*expected)), Some(word(self.crm.approved)))
            }
            _ => None,
        }
    }

    fn field(&self, name: &str, expected: &Value, fields: Option<&Fields>) -> Difference {
        let actual = fields
            .and_then(|fields| fields.get(name))
            .unwrap_or(&Value::Empty);
        let same = actual == expected || (actual.is_empty() && expected.is_empty());
        let calendar = self.definition.model().calendar_of(name);
        unless(same, shown(expected, calendar), shown(actual, calendar))
    }

    fn link(&self, zone: &Zone, of: Option<&str>, wanted: &LinkWanted) -> Difference {
        let mut fitting = self.links.iter().rev();
        let link = fitting.find(|link| of.is_none_or(|state| link.state == state));
        let Some(link) = link else {
            let expected = match wanted {
                LinkWanted::Exists(false) => return None,
                _ => "a link",
            };
            return Some((expected.to_owned(), "no link".to_owned()));
        };
        match wanted {
            LinkWanted::Exists(true) => None,
            LinkWanted::Exists(false) => Some((
                "no link".to_owned(),
                format!("a link of {}: {}", link.amount, link.status.name()),
            )),
            LinkWanted::Status(expected) => equal(Some(expected), Some(link.status.name())),
            LinkWanted::Amount(expected) => unless(
                link.amount == *expected,
                expected.to_string(),
                link.amount.to_string(),
            ),
            // The last moment at which it can be paid, so that midnight belongs to the day before.
            LinkWanted::Expires(expected) => {
                let last = link.expires_at - TimeDelta::milliseconds(1);
                moments(*expected, Some(link.expires_at), Some(last), zone)
            }
            LinkWanted::PaidAt(expected) => moments(*expected, link.paid_at, link.paid_at, zone),
            LinkWanted::Description(expected) => unless(
                link.description.contains(expected),
                expected,
                &link.description,
            ),
            LinkWanted::Unreachable(expected) => {
                let actual = link.unreachable.iter().map(|who| who.recipient.as_str());
                let actual: Vec<&str> = actual.collect();
                let same = expected.iter().all(|who| actual.contains(&who.as_str()));
                unless(
                    same && actual.len() == expected.len(),
                    listed(expected),
                    listed(&actual),
                )
            }
        }
    }

    fn timers(&self, zone: &Zone, expected: &[(String, Moment)]) -> Difference {
        let timers = self
            .instance
            .as_ref()
            .map(|instance| instance.timers.as_slice());
        let timers = timers.unwrap_or_default();
        let fits = |(name, due): &(String, Moment)| {
            let same = |timer: &&state_machine::Timer| {
                timer.name == *name && is_at(*due, timer.due, timer.due, zone)
            };
            timers.iter().find(same).is_some()
        };
        let same = expected.iter().all(fits) && expected.len() == timers.len();
        let wanted = expected
            .iter()
            .map(|(name, due)| format!("{name} {}", moment_wanted(*due, zone)));
        let actual = timers
            .iter()
            .map(|timer| format!("{} {}", timer.name, moment(timer.due, zone)));
        unless(same, listed(wanted), listed(actual))
    }

    fn message(&self, wanted: &MessageWanted) -> Difference {
        let prefix = wanted
            .of
            .as_ref()
            .map(|state| format!("{}/{state}/", self.item));
        let fits = |sent: &&SentMessage| {
            let message = &sent.message;
            let text = format!(
                "{}\n{}",
                message.subject.as_deref().unwrap_or(""),
                message.body
            );
            message.to.medium() == wanted.medium
                && wanted.to.as_ref().is_none_or(|to| message.to == *to)
                && prefix
                    .as_ref()
                    .is_none_or(|prefix| sent.key.starts_with(prefix.as_str()))
                && wanted
                    .contains
                    .iter()
                    .all(|words| text.contains(words.as_str()))
        };
        let found = self.sent.iter().filter(fits).count();
        let same = wanted.count.map_or(found > 0, |count| found == count);
        if same {
            return None;
        }
        let mut expected = match wanted.count {
            Some(count) => format!("{count} {}", wanted.medium.name()),
            None => format!("at least one {}", wanted.medium.name()),
        };
        if let Some(to) = &wanted.to {
            expected.push_str(&format!(" to {}", to.as_text()));
        }
        if let Some(of) = &wanted.of {
            expected.push_str(&format!(" of {of}"));
        }
        if !wanted.contains.is_empty() {
            expected.push_str(&format!(" with {}", listed(&wanted.contains)));
        }
        let of_medium = self
            .sent
            .iter()
            .filter(|sent| sent.message.to.medium() == wanted.medium);
        let of_medium: Vec<String> = of_medium
            .map(|sent| {
                let words: Vec<&str> = sent.message.body.split_whitespace().collect();
                format!("{}: {}", sent.message.to.as_text(), words.join(" "))
            })
            .collect();
        let actual = match of_medium.as_slice() {
            [] => format!("no {} at all", wanted.medium.name()),
            all => format!("{found} of {} sent: {}", all.len(), all.join(" | ")),
        };
        Some((expected, actual))
    }

    fn receipt(&self, wanted: &ReceiptWanted) -> Difference {
        let fits = |receipt: &&Receipt| {
            wanted.amount.is_none_or(|amount| receipt.amount == amount)
                && wanted
                    .approved
                    .is_none_or(|approved| receipt.approved == approved)
                && wanted
                    .kind
                    .as_ref()
                    .is_none_or(|kind| receipt.kind == *kind)
        };
        let there = self.receipts.iter().find(fits).is_some();
        let word = |approved: bool| if approved { "approved" } else { "not approved" };
        let expected = [
            wanted.kind.clone(),
            wanted.amount.map(|amount| amount.to_string()),
            wanted.approved.map(|approved| word(approved).to_owned()),
        ];
        let expected: Vec<String> = expected.into_iter().flatten().collect();
        let actual = self.receipts.iter().map(|receipt| {
            format!(
                "{} {} {}",
                receipt.kind,
                receipt.amount,
                word(receipt.approved)
            )
        });
        unless(there, expected.join(" "), listed(actual))
    }
}

/// What a person could choose: an action that only lacks its fields or its answer is offered.
fn is_offered(refused: Option<&Rejection>) -> bool {
    matches!(
        refused,
        None | Some(Rejection::MissingFields { .. } | Rejection::NeedsConfirmation { .. })
    )
}

fn is_at(wanted: Moment, at: Timestamp, day_of: Timestamp, zone: &Zone) -> bool {
    match wanted {
        Moment::At(wanted) => wanted == at,
        Moment::On(date) => zone.local_date(day_of) == date,
    }
}

fn moments(
    wanted: Moment,
    at: Option<Timestamp>,
    day_of: Option<Timestamp>,
    zone: &Zone,
) -> Difference {
    let same = at
        .zip(day_of)
        .is_some_and(|(at, day_of)| is_at(wanted, at, day_of, zone));
    let actual = at.map_or_else(|| NONE.to_owned(), |at| moment(at, zone));
    unless(same, moment_wanted(wanted, zone), actual)
}

fn moment_wanted(wanted: Moment, zone: &Zone) -> String {
    match wanted {
        Moment::At(at) => moment(at, zone),
        Moment::On(date) => both(date),
    }
}

/// A day in both calendars.
fn both(date: Date) -> String {
    format!(
        "{} ({date})",
        format_date(date, Calendar::Jalali, Locale::En)
    )
}

fn shown(value: &Value, calendar: Calendar) -> String {
    match value {
        Value::Empty => "empty".to_owned(),
        Value::Date(date) if calendar == Calendar::Jalali => both(*date),
        other => other.to_string(),
    }
}
