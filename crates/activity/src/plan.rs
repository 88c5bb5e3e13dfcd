//! Deciding: what an activity is told, and what it answers.

use std::collections::BTreeMap;

use expression::Facts;
use host::{Party, PartyRole, Person};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use values::{AccountName, Currency, LinkId, Locale, Money, Timestamp, Zone};

use crate::{EarlierLink, KnownLink, Outcome};

/// Something a plan must be told beyond the facts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// The party the item is related to.
    Party,
    /// What the party owes, in that currency.
    Balance(Currency),
    /// The people who are that to the party.
    People(PartyRole),
    /// A user of the CRM, named in a user field.
    UserInField(String),
    /// A financial account of ours.
    Account(AccountName),
    /// Earlier links of this state on this item that are not confirmed closed.
    EarlierLinks,
    /// The newest link of that state on this item, and its account.
    Link(String),
    /// Links of that state on this item that are not confirmed closed.
    EarlierLinksOf(String),
    /// The newest paid link of the item in this field; where none is paid, the newest.
    LinkOfItem(String),
    /// Whether a payment outside any gateway was registered before: its account, and the field with its number.
    OutsidePayment(AccountName, String),
}

/// The answers to an activity's needs, frozen with the decision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// The party, if the item has one that exists.
    pub party: Option<Party>,
    /// What the party owes: positive is a debt of theirs.
    pub balances: BTreeMap<Currency, Money>,
    /// People by what they are to the party.
    pub people: Vec<(PartyRole, Vec<Person>)>,
    /// Users by the field that names them.
    pub users: BTreeMap<String, Person>,
    /// Accounts by name; a missing name is an account that does not exist.
    pub accounts: BTreeMap<AccountName, crate::Account>,
    /// Earlier links of this state that are not confirmed closed.
    pub earlier_links: Vec<EarlierLink>,
    /// The link that the activity is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Box<KnownLink>>,
    /// The link of another item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_link: Option<Box<KnownLink>>,
    /// The payment in the field, or that the request names, counts already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub registered_before: bool,
}

/// What a plan or a conclusion may look at.
#[derive(Debug, Clone, Copy)]
pub struct PlanContext<'a> {
    /// What expressions see.
    pub facts: &'a Facts,
    /// What the activity asked for.
    pub answers: &'a Answers,
    /// The state the item is in.
    pub state: &'a str,
    /// When it was entered: days of an expiry count from here.
    pub entered_at: Timestamp,
    /// The stable reference of this activity entry, the same for every attempt.
    pub reference: &'a str,
    /// The project's time zone.
    pub zone: &'a Zone,
    /// The project's languages, the preferred one first.
    pub locales: &'a [Locale],
}

/// What an activity decides to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// Store this request and perform it after the commit.
    Perform(Request),
    /// Nothing to perform: this is the outcome.
    Finish(Box<Outcome>),
}

/// Work that is decided and stored; every attempt gets exactly this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The activity's name.
    pub activity: String,
    /// The activity's own words.
    pub body: Json,
    /// How long one attempt may take, in seconds.
    pub attempt_seconds_max: i64,
    /// The provider tells the payer by this request. It is counted with the request, before it is made: one
    /// whose answer is lost has been made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sending: Option<Sending>,
    /// The number of money that came another way. Where it counts already, the plan is asked for once
    /// more, with [`Answers::registered_before`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<OutsideNumber>,
}

impl Request {
    /// A request that tells nobody.
    pub fn new(activity: &str, body: Json, attempt_seconds_max: i64) -> Request {
        Request {
            activity: activity.to_owned(),
            body,
            attempt_seconds_max,
            sending: None,
            number: None,
        }
    }
}

/// The number of money that came another way than through a gateway: with the account it counts once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsideNumber {
    /// The account the money went to.
    pub account: AccountName,
    /// The number of the transaction.
    pub transaction: String,
}

/// A message of the provider's own about a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// The link.
    pub link: LinkId,
    /// When it is sent at the earliest.
    pub at: Timestamp,
}
