//! An item's history in words: when, who, what, from where to where and why, and what came of it.

use engine::{Engine, Error, HistoryView, LinkRow, MessageRow, PaymentRow};
use values::{Calendar, ItemRef, Locale, Timestamp, Zone};

/// What happened to one item so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// The item.
    pub item: ItemRef,
    /// What happened, oldest first.
    pub lines: Vec<Line>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// What kind of thing.
    pub kind: LineKind,
    /// In words.
    pub text: String,
}

/// What kind of thing a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// An input, and where it led.
    Step,
    /// An input that was refused, or a fault.
    Trouble,
    /// A payment link that was made.
    Link,
    /// A message to somebody.
    Message,
    /// Money that came in.
    Payment,
}

impl Story {
    /// The lines with their local times, in both calendars.
    pub fn render(&self, zone: &Zone) -> Vec<String> {
        self.lines
            .iter()
            .map(|line| {
                let indent = match line.kind {
                    LineKind::Step | LineKind::Trouble => "",
                    LineKind::Link | LineKind::Message | LineKind::Payment => "  ",
                };
                format!("{}  {indent}{}", moment(line.at, zone), line.text)
            })
            .collect()
    }
}

/// A moment for people: local day in both calendars, and the time.
pub(crate) fn moment(at: Timestamp, zone: &Zone) -> String {
    let jalali = zone.local_time_text(at, Calendar::Jalali, Locale::En);
    let seconds = at.timestamp().rem_euclid(60);
    let exact = if seconds == 0 {
        String::new()
    } else {
        format!(":{seconds:02}")
    };
    format!("{jalali}{exact} ({})", zone.local_date(at))
}

/// The story of an item so far.
///
/// # Errors
///
/// When the store fails.
pub async fn story(engine: &Engine, item: &ItemRef) -> Result<Story, Error> {
    let history = engine.history(item).await?;
    let mut told: Vec<(usize, Line)> = Vec::new();
    for (index, line) in history.iter().enumerate() {
        told.extend(step(line).map(|line| (index, line)));
    }
    for link in engine
        .links()
        .await?
        .iter()
        .filter(|link| link.item == *item)
    {
        let place = place(
            &history,
            link.created_at,
            &format!("{}: success", link.state),
        );
        told.push((place, link_line(link)));
    }
    for message in engine
        .messages()
        .await?
        .iter()
        .filter(|message| message.item == *item)
    {
        let place = place(&history, message.queued_at, &sender(message));
        told.push((place, message_line(message)));
    }
    for payment in engine
        .payments()
        .await?
        .iter()
        .filter(|payment| payment.item == *item)
    {
        let place = place(&history, payment.recorded_at, payment.link.as_str());
        told.push((place, payment_line(payment)));
    }
    // Stable: what belongs to a line of the history comes right behind it.
    told.sort_by_key(|(index, _)| *index);
    Ok(Story {
        item: item.clone(),
        lines: told.into_iter().map(|(_, line)| line).collect(),
    })
}

/// The line of the history behind which something belongs: the first of that moment that speaks of
/// it, or else the last of that moment.
fn place(history: &[HistoryView], at: Timestamp, word: &str) -> usize {
    let of_moment = || {
        history
            .iter()
            .enumerate()
            .filter(|(_, line)| line.row.at == at)
    };
    let speaks = |line: &HistoryView| line.row.notes.iter().any(|note| note.contains(word));
    let found = of_moment()
        .find(|(_, line)| speaks(line))
        .or_else(|| of_moment().next_back());
    found.map_or(history.len(), |(index, _)| index)
}

/// The activity that sent a message, as the history notes it: the key is `item/state/entry/…`.
fn sender(message: &MessageRow) -> String {
    let rest = message.id.as_str().strip_prefix(&message.item.to_string());
    let state = rest.and_then(|rest| rest.trim_start_matches('/').split('/').next());
    format!("{}: ", state.unwrap_or_default())
}

/// A line of the history, unless it is part of the engine's own bookkeeping.
fn step(line: &HistoryView) -> Option<Line> {
    let row = &line.row;
    let note = |index: usize| row.notes.get(index).map_or("", String::as_str);
    let actor = row
        .actor
        .as_ref()
        .map_or("somebody", |actor| actor.as_str());
    let what = match row.kind.as_str() {
        "start" => "starts".to_owned(),
        "action" => format!("{actor} chooses {}", note(0)),
        "claim" => format!("{actor} takes the task"),
        "release" => format!("{actor} gives the task back"),
        "end_wait" => format!("{actor} ends the wait"),
        "event" => format!("event {}", note(0)),
        "changed" => format!("the CRM changes {}", row.notes.join(", ")),
        "timer" => format!("time is up: {}", note(1)),
        "finished" => note(0).to_owned(),
        "unknown" => format!("nobody knows how it ended: {}", note(0)),
        "payment" => {
            let source = note(0).trim_start_matches("source ");
            format!("link {}, by {source}", note(1).replace('_', " "))
        }
        "create_link" => format!("{actor} asks for a payment link"),
        "link_made" => format!("{actor} has had a payment link made"),
        "hold" => format!("{actor} holds the item: {}", note(0)),
        "resume" => format!("{actor} lets the item go on"),
        "retry" => format!("{actor} retries: {}", note(0)),
        "refused" => format!("refused to {actor}: {}", row.notes.join(": ")),
        // The first attempt is what everybody expects, and a sent message has its own line.
        "attempt" if note(0).starts_with("attempt 1 ") => return None,
        "message_sent" => return None,
        other => format!("{}: {}", other.replace('_', " "), row.notes.join(", ")),
    };
    let mut text = what;
    if let Some(path) = path(line) {
        text.push_str(": ");
        text.push_str(&path);
    }
    if let Some(code) = &row.code {
        text.push_str(&format!(" [{code}]"));
    }
    let trouble = matches!(row.kind.as_str(), "refused" | "unknown") || row.code.is_some();
    let kind = if trouble {
        LineKind::Trouble
    } else {
        LineKind::Step
    };
    Some(Line {
        at: row.at,
        kind,
        text,
    })
}

/// The way an input led, each state with the edge that leads there.
fn path(line: &HistoryView) -> Option<String> {
    let row = &line.row;
    if row.path.is_empty() {
        return None;
    }
    let mut text = row.from.clone().unwrap_or_default();
    for entered in &row.path {
        if text.is_empty() {
            text.push_str(&entered.state);
        } else {
            text.push_str(&format!(" —{}→ {}", entered.by, entered.state));
        }
    }
    Some(text)
}

fn link_line(link: &LinkRow) -> Line {
    let amount = link.amount.grouped(Locale::En);
    let mut text = format!("link over {amount}: {}", link.url);
    for who in &link.unreachable {
        text.push_str(&format!(
            "; {} {} unreachable: {}",
            who.medium.name(),
            who.recipient,
            who.code
        ));
    }
    Line {
        at: link.created_at,
        kind: LineKind::Link,
        text,
    }
}

fn message_line(message: &MessageRow) -> Line {
    let words: Vec<&str> = message.body.split_whitespace().collect();
    let text = format!(
        "{} to {} ({}): {}",
        message.to.medium().name(),
        message.to.as_text(),
        message.recipient,
        words.join(" ")
    );
    Line {
        at: message.queued_at,
        kind: LineKind::Message,
        text,
    }
}

fn payment_line(payment: &PaymentRow) -> Line {
    let amount = payment.fact.amount.grouped(Locale::En);
    let receipt = payment.receipt.as_ref().map(|id| format!(", receipt {id}"));
    let text = format!(
        "paid {amount}, transaction {}{}",
        payment.fact.transaction,
        receipt.unwrap_or_default()
    );
    Line {
        at: payment.recorded_at,
        kind: LineKind::Payment,
        text,
    }
}
