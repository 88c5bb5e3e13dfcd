//! A scenario as data: checked, with every value in its type.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use host::{Destination, Medium, Party, PartyRole, Person, User};
use payment::gateways::SandboxOptions;
use serde_json::Value as Json;
use state_machine::End;
use values::{AccountName, Date, Fields, ItemRef, Label, Locale, Money, Timestamp, UserId, Value};

/// A place in the scenario's file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

/// A scenario, ready to be run.
#[derive(Debug, Clone)]
pub struct Script {
    /// The file it comes from, as it was named.
    pub file: String,
    /// What it shows, in a few words.
    pub name: Label,
    /// The workflow's file, as the scenario writes it.
    pub workflow: String,
    /// When it begins.
    pub(crate) clock: Timestamp,
    pub(crate) given: Given,
    pub(crate) steps: Vec<Step>,
}

impl Script {
    /// The name for a reader.
    pub fn title(&self, locale: Locale) -> &str {
        self.name.get(locale)
    }
}

/// What is so before anything happens.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    pub(crate) party: Option<GivenParty>,
    pub(crate) people: Vec<User>,
    pub(crate) items: Vec<GivenItem>,
    pub(crate) related: Vec<GivenRecord>,
    pub(crate) gateways: Gateways,
    pub(crate) messages: MessageFaults,
    pub(crate) crm: Vec<CrmFault>,
    pub(crate) services: Vec<Service>,
}

/// The identity the items are related to.
#[derive(Debug, Clone)]
pub(crate) struct GivenParty {
    pub(crate) party: Party,
    pub(crate) people: Vec<(PartyRole, Vec<Person>)>,
    pub(crate) balances: Vec<Money>,
}

/// An item that starts with the scenario.
#[derive(Debug, Clone)]
pub(crate) struct GivenItem {
    pub(crate) reference: ItemRef,
    pub(crate) fields: Fields,
}

/// A record around the first item.
#[derive(Debug, Clone)]
pub(crate) struct GivenRecord {
    pub(crate) reference: ItemRef,
    pub(crate) fields: Fields,
    /// Whether it stands above the item; below it otherwise.
    pub(crate) above: bool,
}

/// What gateways play.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gateways {
    /// For every account that is not named.
    pub(crate) all: Option<SandboxOptions>,
    pub(crate) named: BTreeMap<AccountName, SandboxOptions>,
}

/// How messages fail.
#[derive(Debug, Clone, Default)]
pub(crate) struct MessageFaults {
    /// Numbers and addresses that refuse for good.
    pub(crate) refuse: Vec<Destination>,
    /// How many sendings find the channel out of order.
    pub(crate) unavailable: u32,
}

/// A write that the CRM does not take.
#[derive(Debug, Clone)]
pub(crate) struct CrmFault {
    /// The kind of write, as [`host::Change`] is written.
    pub(crate) on: &'static str,
    pub(crate) reply: CrmReply,
}

/// How the CRM answers such a write.
#[derive(Debug, Clone)]
pub(crate) enum CrmReply {
    /// Refused for a business reason.
    Refuse(String),
    /// Out of reach, so many times.
    Unavailable(u32),
    /// Done, but the answer is lost, so many times.
    Lost(u32),
}

/// A scripted answer of an outside service.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) method: Option<String>,
    pub(crate) url: String,
    pub(crate) reply: ServiceReply,
}

/// What the service says.
#[derive(Debug, Clone)]
pub(crate) enum ServiceReply {
    Answer {
        status: u16,
        body: Json,
    },
    /// It may have arrived; nobody answers.
    Timeout,
    /// It cannot be reached.
    Unreachable,
}

/// One thing that happens, or must be so.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) place: Place,
    pub(crate) kind: StepKind,
    pub(crate) crash: Option<Crash>,
}

/// When the process dies in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The input is durable; nothing it asks for has been done.
    AfterCommit,
    /// The gateway has answered; the answer is not stored.
    AfterGateway,
}

#[derive(Debug, Clone)]
pub(crate) enum StepKind {
    Input(Input),
    Refused {
        input: Input,
        code: String,
        because: Option<String>,
    },
    Advance(TimeDelta),
    /// So long no process runs.
    Down(TimeDelta),
    To(Timestamp),
    Until {
        item: ItemRef,
        state: String,
        within: TimeDelta,
    },
    UntilIdle {
        within: TimeDelta,
    },
    Gateway(Gateways),
    Restart,
    Expect(Expect),
}

/// An input for one item.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    pub(crate) item: ItemRef,
    pub(crate) event: state_machine::Event,
}

/// What must be so.
#[derive(Debug, Clone)]
pub(crate) struct Expect {
    pub(crate) item: ItemRef,
    pub(crate) checks: Vec<Check>,
}

#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub(crate) place: Place,
    /// The key in the file, such as `link.status`.
    pub(crate) key: String,
    pub(crate) wanted: Wanted,
}

#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    State(String),
    Ended(Option<End>),
    Stage(Option<String>),
    Field(String, Value),
    Filled(String),
    Link {
        of: Option<String>,
        wanted: LinkWanted,
    },
    Links(usize),
    Message(MessageWanted),
    Messages(usize),
    Receipts(usize),
    Receipt(ReceiptWanted),
    Payments(usize),
    Balance(Money),
    Timers(Vec<(String, Moment)>),
    Incident(Option<String>),
    Assigned(Option<String>),
    ClaimedBy(Option<UserId>),
    AttentionCount(usize),
    Attention(Vec<String>),
    Actions(UserId, Vec<String>),
    Passed(Vec<String>),
    Visits(String, u32),
    Notice(String),
    Created(String, usize),
    Approved(Option<bool>),
    CrmField(String, Value),
    GatewayCreates(u64),
    GatewayLinks(usize),
}

#[derive(Debug, Clone)]
pub(crate) enum LinkWanted {
    Exists(bool),
    Status(String),
    Amount(Money),
    Expires(Moment),
    PaidAt(Moment),
    Description(String),
    Unreachable(Vec<String>),
}

#[derive(Debug, Clone)]
pub(crate) struct MessageWanted {
    pub(crate) medium: Medium,
    pub(crate) to: Option<Destination>,
    /// The state that sent it.
    pub(crate) of: Option<String>,
    pub(crate) contains: Vec<String>,
    /// Exactly so many; at least one without it.
    pub(crate) count: Option<usize>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct ReceiptWanted {
    pub(crate) amount: Option<Money>,
    pub(crate) approved: Option<bool>,
    pub(crate) kind: Option<String>,
}

/// A moment: exact, or any on that local day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    At(Timestamp),
    On(Date),
}
