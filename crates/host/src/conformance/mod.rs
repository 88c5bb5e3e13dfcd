//! The promises of a CRM, as one list of cases that every host runs.
//!
//! A [`Bench`] makes a fresh CRM with one small world in it: an opportunity with invoices below it,
//! a debtor, two users of one role. What a host cannot set up is its bench's affair; there is
//! nothing to skip.

mod items;
mod money;
mod people;

use std::future::Future;
use std::pin::Pin;

use values::{Currency, ItemRef, Money, PartyId, UserId};

use crate::{Destination, Host, PartyRole};

/// A fresh CRM and what is in it.
pub struct Given {
    /// The CRM.
    pub host: Host,
    /// An item with nothing above it; the invoices are below it.
    pub opportunity: ItemRef,
    /// At least two items below the opportunity, in the CRM's own order. They are neither
    /// approved nor rejected, and have the party for debtor.
    pub invoices: Vec<ItemRef>,
    /// A text field that the invoices have.
    pub text_field: String,
    /// A receipt field that the invoices have.
    pub receipt_field: String,
    /// The debtor.
    pub party: PartyId,
    /// What the debtor owes.
    pub balance: Money,
    /// A currency the debtor owes nothing in.
    pub other_currency: Currency,
    /// Somebody is that to the debtor.
    pub role_of_people: PartyRole,
    /// A role of users.
    pub role: String,
    /// The active users in that role, in the CRM's own order.
    pub active: Vec<UserId>,
    /// A user in that role who is deactivated.
    pub inactive: UserId,
    /// Where a message can go.
    pub destination: Destination,
    /// How many messages have left so far.
    pub messages_sent: Box<dyn Fn() -> usize + Send + Sync>,
    /// How many receipts are registered.
    pub receipts: Box<dyn Fn() -> usize + Send + Sync>,
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Given")
            .field("opportunity", &self.opportunity)
            .finish_non_exhaustive()
    }
}

/// Makes the CRM under test.
pub trait Bench: Send + Sync {
    /// A fresh CRM.
    fn given(&self) -> Given;
}

/// A promise that does not hold; what was seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

/// What a running case comes to.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<(), Broken>> + Send + 'a>>;

/// One promise.
#[derive(Clone, Copy)]
pub struct Case {
    /// The promise, as a sentence.
    pub name: &'static str,
    /// Plays it.
    pub run: fn(&Given) -> Running<'_>,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! cases {
    ($($file:ident :: $name:ident),+ $(,)?) => {
        &[$(Case { name: stringify!($name), run: |given| Box::pin($file::$name(given)) }),+]
    };
}

/// Every promise.
pub const CASES: &[Case] = cases![
    items::an_item_that_does_not_exist_is_none,
    items::a_write_is_read_back,
    items::a_write_is_applied_once_per_key,
    items::a_record_is_created_once_per_key,
    items::an_item_is_decided_one_way,
    items::a_number_is_given_once,
    items::the_parent_is_the_nearest_of_its_entity,
    items::the_children_come_in_the_crms_order,
    items::no_related_records_are_no_error,
    money::a_balance_is_kept_by_currency,
    money::a_receipt_is_registered_once_per_transaction,
    money::the_balance_falls_only_when_a_receipt_is_approved,
    money::a_receipt_is_attached_to_its_field,
    people::members_are_the_active_users_in_a_stable_order,
    people::somebody_unknown_is_none,
    people::people_of_a_party_are_found_by_what_they_are_to_it,
    people::a_message_is_sent_once_per_key,
];

/// Runs every case, each on a fresh CRM.
pub async fn run(bench: &dyn Bench) -> Vec<(&'static str, Result<(), Broken>)> {
    let mut results = Vec::new();
    for case in CASES {
        let given = bench.given();
        results.push((case.name, (case.run)(&given).await));
    }
    results
}

fn check(holds: bool, seen: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken(seen())) }
}

/// The value, or the promise is broken with the error.
fn good<T, E: std::fmt::Display>(answer: Result<T, E>) -> Result<T, Broken> {
    answer.map_err(|error| Broken(error.to_string()))
}

/// The value, or the bench or the host did not give one.
fn some<T>(what: &str, value: Option<T>) -> Result<T, Broken> {
    value.ok_or_else(|| Broken(format!("there is no {what}")))
}
