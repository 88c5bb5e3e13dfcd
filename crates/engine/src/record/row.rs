//! Rows. Their serialised names are the disk format: change them only with a new format version.

use activity::{Answers, MessageDraft, Outcome, PreviousAttempt, Request};
use host::{Destination, HostWrite, Receipt};
use payment::StatusReport;
use persistence::Row;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use state_machine::{Context, Entered, Event, Instance, TraceEntry};
use values::{ItemRef, LinkId, Locale, MessageId, Timestamp, UserId};

use super::link::RawCallback;
use crate::{Error, Reply};

/// The state of one item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct InstanceRow {
    /// The instance.
    #[serde(rename = "n")]
    pub(crate) instance: Instance,
    /// When the open intent's outbox row is due, so that it can be found and withdrawn.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub(crate) intent_due: Option<Timestamp>,
}

/// The reply to an input, given again when the input is repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct InputRow {
    /// What the first call was told.
    #[serde(rename = "r")]
    pub(crate) reply: Reply,
    /// A digest of the input, so that another input under the same id is refused.
    #[serde(rename = "d")]
    pub(crate) digest: String,
    /// The link that a person asked for under this id.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub(crate) link: Option<LinkId>,
}

/// A timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TimerRow {
    /// The item it belongs to.
    #[serde(rename = "i")]
    pub(crate) item: ItemRef,
    /// When it is due.
    #[serde(rename = "d")]
    pub(crate) due: Timestamp,
    /// What it is for.
    #[serde(rename = "k")]
    pub(crate) kind: TimerKind,
}

/// What a timer is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TimerKind {
    /// A timer of a state entry.
    #[serde(rename = "s")]
    State {
        /// Its name.
        #[serde(rename = "n")]
        name: String,
        /// The state entry.
        #[serde(rename = "e")]
        entry: u64,
    },
    /// A link must be read again.
    #[serde(rename = "l")]
    Poll {
        /// The link.
        #[serde(rename = "l")]
        link: LinkId,
    },
}

/// Work to do after a commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OutboxRow {
    /// The item it belongs to.
    #[serde(rename = "i")]
    pub(crate) item: ItemRef,
    /// Its id; with the due time it is the row's key.
    #[serde(rename = "id")]
    pub(crate) id: String,
    /// When it is due.
    #[serde(rename = "d")]
    pub(crate) due: Timestamp,
    /// Attempts so far.
    #[serde(rename = "a", default)]
    pub(crate) attempts: u32,
    /// What to do.
    #[serde(rename = "w")]
    pub(crate) work: Work,
}

impl OutboxRow {
    /// As a row. Work may name people, so it can be erased; whose it was stays.
    pub(crate) fn to_row(&self) -> Result<Row, Error> {
        let item = self.item.to_string();
        Ok(Row::new(item.into_bytes(), super::encode(self)?))
    }

    /// From a row; `None` once it has been erased.
    pub(crate) fn from_row(row: &Row) -> Result<Option<OutboxRow>, Error> {
        if row.personal.is_empty() {
            return Ok(None);
        }
        super::decode(&row.personal).map(Some)
    }
}

/// Kinds of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Work {
    /// Perform an activity's request.
    #[serde(rename = "i")]
    Intent(Box<IntentRow>),
    /// Writes to the host that one commit has decided, in order.
    #[serde(rename = "h")]
    HostWrites(Vec<HostWrite>),
    /// Send a message; its text is in the message's own row.
    #[serde(rename = "m")]
    Message(MessageId),
}

/// An activity's request that is stored and not yet concluded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct IntentRow {
    /// The state.
    #[serde(rename = "s")]
    pub(crate) state: String,
    /// The state entry it belongs to.
    #[serde(rename = "e")]
    pub(crate) entry: u64,
    /// The reference, the same for every attempt.
    #[serde(rename = "r")]
    pub(crate) reference: String,
    /// The request, the same for every attempt.
    #[serde(rename = "q")]
    pub(crate) request: Request,
    /// When it was stored.
    #[serde(rename = "t")]
    pub(crate) opened_at: Timestamp,
    /// Attempts that may have reached the outside.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) earlier: Vec<PreviousAttempt>,
    /// An attempt is under way, since the engine start with this number.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(crate) claimed_by: Option<String>,
    /// Parked until a person retries.
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) parked: bool,
    /// Abandoned links of this state that must be closed before anything is sent.
    #[serde(rename = "l", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) blocked_by: Vec<LinkId>,
    /// What came back, kept here while it cannot be applied; nothing is performed again then.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<Box<Answer>>,
}

/// What an attempt brought back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// How it ended.
    #[serde(rename = "e")]
    pub(crate) end: AnswerEnd,
    /// What it saw of other links.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) seen: Vec<(LinkId, StatusReport)>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum AnswerEnd {
    /// With a result to conclude.
    #[serde(rename = "d")]
    Done(Json),
    /// With an outcome.
    #[serde(rename = "o")]
    Ended(Box<Outcome>),
}

/// A receipt of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptRow {
    /// The receipt.
    pub receipt: Receipt,
    /// The link it came through, if it did.
    pub link: Option<LinkId>,
    /// Whether the host has registered it.
    pub registered: bool,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    /// In the outbox.
    Queued,
    /// Taken by its channel.
    Sent,
    /// Given up.
    Failed,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRow {
    /// Our id, and its key towards the channel.
    pub id: MessageId,
    /// The item.
    pub item: ItemRef,
    /// The link it carries, if any.
    pub link: Option<LinkId>,
    /// Where it goes.
    pub to: Destination,
    /// Why it goes there.
    pub recipient: String,
    /// The language.
    pub locale: Locale,
    /// Subject line, for e-mail.
    pub subject: Option<String>,
    /// The text.
    pub body: String,
    /// How far it has come.
    pub status: MessageStatus,
    /// Attempts so far.
    pub attempts: u32,
    /// When it was put into the outbox.
    pub queued_at: Timestamp,
    /// When its channel took it.
    pub sent_at: Option<Timestamp>,
    /// The channel's own id.
    pub channel_ref: Option<String>,
    /// The last failure.
    pub error: Option<String>,
}

impl MessageRow {
    /// A message that is to be sent.
    pub(crate) fn queued(
        draft: MessageDraft,
        id: MessageId,
        item: &ItemRef,
        link: Option<LinkId>,
        now: Timestamp,
    ) -> MessageRow {
        MessageRow {
            id,
            item: item.clone(),
            link,
            to: draft.to,
            recipient: draft.recipient,
            locale: draft.locale,
            subject: draft.subject,
            body: draft.body,
            status: MessageStatus::Queued,
            attempts: 0,
            queued_at: now,
            sent_at: None,
            channel_ref: None,
            error: None,
        }
    }
}

/// Something a person must look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttentionRow {
    /// The item.
    pub item: ItemRef,
    /// What it is about, unique for the item; it is what [`crate::Engine::resolve_attention`] is told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// A stable code, such as `guard_failed` or `needs_reconcile`.
    pub code: String,
    /// What happened; it may name people, and is empty once that has been erased.
    #[serde(default)]
    pub message: String,
    /// Since when.
    pub since: Timestamp,
}

impl AttentionRow {
    /// As a row, whose message can be erased.
    pub(crate) fn to_row(&self) -> Result<Row, Error> {
        // The reason is a part of the key.
        let open = AttentionRow {
            message: String::new(),
            reason: String::new(),
            ..self.clone()
        };
        Ok(Row::new(super::encode(&open)?, self.message.as_bytes()))
    }

    /// From a row.
    pub(crate) fn from_row(row: &Row) -> Result<AttentionRow, Error> {
        let mut read: AttentionRow = super::decode(&row.open)?;
        read.message = String::from_utf8_lossy(&row.personal).into_owned();
        Ok(read)
    }
}

/// One entry of an item's history: what happened, why, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// When.
    #[serde(rename = "t")]
    pub at: Timestamp,
    /// The instance's revision after it.
    #[serde(rename = "r")]
    pub revision: u64,
    /// What it was, as a word.
    #[serde(rename = "k")]
    pub kind: String,
    /// Who was behind it.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserId>,
    /// The definition's hash.
    #[serde(rename = "d")]
    pub definition: String,
    /// The state before.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// States entered.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<Entered>,
    /// Guards tried.
    #[serde(rename = "g", default, skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<TraceEntry>,
    /// A stable code for refusals, incidents and outcomes that are not a success.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// More words: an action's name, an outcome, what was done.
    #[serde(rename = "w", default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The half of a history entry that may name people, as far as a replay needs it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct HistoryPersonal {
    /// The input.
    #[serde(rename = "c", default)]
    pub(crate) cause: Option<Cause>,
    /// What the decision was told.
    #[serde(rename = "t", default)]
    pub(crate) told: Option<Told>,
}

/// The whole half, as it is written; what came back is there for people.
#[derive(Serialize)]
pub(crate) struct HistoryPersonalRef<'a> {
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<&'a Cause>,
    #[serde(rename = "t", skip_serializing_if = "Option::is_none")]
    pub(crate) told: Option<&'a Told>,
    #[serde(rename = "x", skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<&'a HistoryDetail>,
}

/// What an attempt sent, or what came back (clause 36).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum HistoryDetail {
    /// An attempt was stored before it was made.
    #[serde(rename = "s")]
    Attempt {
        /// Its number.
        number: u32,
        /// Until when it may send.
        send_by: Timestamp,
        /// What it sends.
        request: Json,
    },
    /// An attempt came back without a result.
    #[serde(rename = "a")]
    Answer {
        /// A stable code.
        code: String,
        /// What happened.
        message: String,
    },
    /// The provider's word about a link.
    #[serde(rename = "r")]
    Report(Box<StatusReport>),
    /// A call of a provider, as it came.
    #[serde(rename = "k")]
    Callback(RawCallback),
}

/// What makes the engine decide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Cause {
    /// An event.
    #[serde(rename = "e")]
    Event(Event),
    /// An activity's work came back.
    #[serde(rename = "c")]
    Concluded(Box<Concluded>),
    /// An activity ended without anything to conclude.
    #[serde(rename = "o")]
    Ended {
        /// The state entry it belongs to.
        entry: u64,
        /// The outcome.
        outcome: Box<Outcome>,
    },
}

/// Work that came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Concluded {
    /// The state entry it belongs to.
    pub(crate) entry: u64,
    /// What was asked.
    pub(crate) request: Request,
    /// What came back.
    pub(crate) result: Json,
}

/// What a decision was told from outside; with the cause it gives the same decision again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told {
    /// The moment, the actor and related records.
    #[serde(rename = "c")]
    pub(crate) context: Context,
    /// Answers to activities' needs, in the order they were asked.
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) answers: Vec<Answers>,
}
