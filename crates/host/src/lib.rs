//! What the engine asks of the CRM around it: items and their fields, people and roles, balances,
//! and a way to send messages.
//!
//! It is not a CRM and it keeps nothing: the engine holds its own copy of an item's declared
//! fields, and writes back through [`Items::apply`] with a key, so that a repeat after a crash
//! changes nothing twice.
//!
//! The names to know: [`Host`] bundles the four contracts [`Items`], [`Directory`], [`Ledger`] and
//! [`Messenger`]; [`MemoryHost`] is the reference implementation; [`Error`] carries a retry class
//! that the engine obeys.

#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod item;
mod ledger;
mod memory;
mod message;
mod people;

use std::sync::Arc;

pub use error::{Error, ErrorKind, Retry};
pub use item::{Applied, Change, HostWrite, ItemSnapshot, Items, RelatedRecord, Relation};
pub use ledger::{Ledger, Receipt};
pub use memory::{MemoryHost, MemoryItem, SentMessage};
pub use message::{Delivery, Destination, Medium, Message, Messenger};
pub use people::{Directory, MemberOf, Party, PartyKind, PartyRole, Person, User};

/// The CRM as the engine sees it: four contracts that may be four objects or one.
#[derive(Clone)]
pub struct Host {
    /// Items and their fields.
    pub items: Arc<dyn Items>,
    /// People, roles, positions and parties.
    pub directory: Arc<dyn Directory>,
    /// Balances and final amounts.
    pub ledger: Arc<dyn Ledger>,
    /// Outgoing SMS and e-mail.
    pub messenger: Arc<dyn Messenger>,
}

impl Host {
    /// A host from one object that implements all four contracts.
    pub fn from_one<T>(crm: Arc<T>) -> Host
    where
        T: Items + Directory + Ledger + Messenger + 'static,
    {
        Host {
            items: crm.clone(),
            directory: crm.clone(),
            ledger: crm.clone(),
            messenger: crm,
        }
    }

    /// The same host with another messenger, for a CRM that leaves sending to us.
    #[must_use]
    pub fn with_messenger(mut self, messenger: Arc<dyn Messenger>) -> Host {
        self.messenger = messenger;
        self
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}
