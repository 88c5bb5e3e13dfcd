//! A CRM in memory: the reference implementation, and the host of runs without a CRM.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use values::{Currency, Fields, ItemRef, Money, PartyId, UserId, Value};

use crate::{
    Applied, Change, Delivery, Directory, Error, HostWrite, ItemSnapshot, Items, Ledger, MemberOf,
    Message, Messenger, Party, PartyRole, Person, Receipt, RelatedRecord, Relation, User,
};

/// The field an approved item's number goes to.
const NUMBER: &str = "number";

/// An item as the memory host keeps it.
#[derive(Debug, Clone, Default)]
pub struct MemoryItem {
    /// Field values.
    pub fields: Fields,
    /// The debtor.
    pub party: Option<PartyId>,
    /// The item above it, if any.
    pub parent: Option<ItemRef>,
    /// Approved or rejected, once either was asked.
    pub approved: Option<bool>,
    /// Pipeline stage.
    pub stage: Option<String>,
}

/// A message the memory host was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// The key it came with.
    pub key: String,
    /// The message.
    pub message: Message,
}

#[derive(Debug, Default)]
struct World {
    items: BTreeMap<ItemRef, MemoryItem>,
    users: BTreeMap<UserId, User>,
    parties: BTreeMap<PartyId, Party>,
    people: BTreeMap<(PartyId, PartyRole), Vec<Person>>,
    balances: BTreeMap<(PartyId, &'static str), Money>,
    applied: BTreeMap<String, Applied>,
    receipts: BTreeMap<String, Receipt>,
    sent: Vec<SentMessage>,
    notices: Vec<(ItemRef, String)>,
    created: u64,
    numbered: u64,
    outage: Option<String>,
    undeliverable: Vec<String>,
}

/// A CRM in memory.
#[derive(Debug, Default)]
pub struct MemoryHost {
    world: Mutex<World>,
}

impl MemoryHost {
    /// An empty CRM.
    pub fn new() -> MemoryHost {
        MemoryHost::default()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        // A panic elsewhere cannot leave these maps half-written, so a poisoned lock is still good.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds or replaces an item.
    pub fn put_item(&self, reference: ItemRef, item: MemoryItem) {
        self.world().items.insert(reference, item);
    }

    /// The item as it stands.
    pub fn item(&self, reference: &ItemRef) -> Option<MemoryItem> {
        self.world().items.get(reference).cloned()
    }

    /// Adds or replaces a user.
    pub fn put_user(&self, user: User) {
        self.world().users.insert(user.id.clone(), user);
    }

    /// Adds or replaces a party.
    pub fn put_party(&self, party: Party) {
        self.world().parties.insert(party.id.clone(), party);
    }

    /// Sets who somebody is to a party.
    pub fn put_people(&self, party: PartyId, role: PartyRole, people: Vec<Person>) {
        self.world().people.insert((party, role), people);
    }

    /// Sets what a party owes.
    pub fn put_balance(&self, party: PartyId, balance: Money) {
        self.world()
            .balances
            .insert((party, balance.currency().code()), balance);
    }

    /// Every receipt registered so far, by key.
    pub fn receipts(&self) -> Vec<Receipt> {
        self.world().receipts.values().cloned().collect()
    }

    /// Every notice about a task so far, in order: the item, then `notice state to`.
    pub fn notices(&self) -> Vec<(ItemRef, String)> {
        self.world().notices.clone()
    }

    /// Every message sent so far, in order.
    pub fn sent(&self) -> Vec<SentMessage> {
        self.world().sent.clone()
    }

    /// From now on every call fails as unavailable with this message; `None` ends it.
    pub fn set_outage(&self, message: Option<String>) {
        self.world().outage = message;
    }

    /// Messages to this number or address are refused for good.
    pub fn refuse_destination(&self, destination: impl Into<String>) {
        self.world().undeliverable.push(destination.into());
    }

    fn reachable(&self, operation: &'static str) -> Result<MutexGuard<'_, World>, Error> {
        let world = self.world();
        match &world.outage {
            Some(message) => Err(Error::unavailable(operation, message.clone())),
            None => Ok(world),
        }
    }
}

impl World {
    fn apply(&mut self, write: &HostWrite) -> Result<Applied, Error> {
        let mut created = None;
        let mut fields = Fields::new();
        match &write.change {
            Change::SetFields { fields: set } => {
                let item = self.items.entry(write.item.clone()).or_default();
                item.fields.extend(set.clone());
            }
            Change::SetStage { stage } => {
                self.items.entry(write.item.clone()).or_default().stage = Some(stage.clone());
            }
            Change::Approve { target, number } => {
                if let Some(refused) = self.decide(target, true) {
                    return Ok(refused);
                }
                if *number {
                    let number = self.number(target);
                    if target == &write.item {
                        fields.insert(NUMBER.to_owned(), number);
                    }
                }
            }
            Change::Reject { target, .. } => {
                if let Some(refused) = self.decide(target, false) {
                    return Ok(refused);
                }
            }
            Change::CreateItem {
                entity,
                fields: set,
                child,
            } => {
                let reference = self.new_reference(entity)?;
                let party = self
                    .items
                    .get(&write.item)
                    .and_then(|item| item.party.clone());
                let parent = child.then(|| write.item.clone());
                let item = MemoryItem {
                    fields: set.clone(),
                    party,
                    parent,
                    ..MemoryItem::default()
                };
                self.items.insert(reference.clone(), item);
                created = Some(reference);
            }
            Change::RegisterReceipt { receipt } => self.register(receipt)?,
            Change::Notify { notice, state, to } => {
                self.notices
                    .push((write.item.clone(), format!("{notice} {state} {to}")));
            }
            Change::AttachReceipt { field, receipt } => {
                let value = Value::Receipt(receipt.to_string());
                fields.insert(field.clone(), value.clone());
                let item = self.items.entry(write.item.clone()).or_default();
                item.fields.insert(field.clone(), value);
            }
        }
        Ok(Applied::Done { created, fields })
    }

    /// Approves or rejects, unless the item is already decided the other way.
    fn decide(&mut self, target: &ItemRef, approve: bool) -> Option<Applied> {
        let item = self.items.entry(target.clone()).or_default();
        if item.approved == Some(!approve) {
            return Some(Applied::Refused {
                code: "already_decided".to_owned(),
                message: format!("{target} is already decided the other way"),
            });
        }
        item.approved = Some(approve);
        None
    }

    fn register(&mut self, receipt: &Receipt) -> Result<(), Error> {
        let key = format!(
            "{}/{}/{}",
            receipt.gateway, receipt.account, receipt.transaction
        );
        if self.receipts.contains_key(&key) {
            return Ok(());
        }
        if let (true, Some(party)) = (receipt.approved, &receipt.party) {
            let currency = receipt.amount.currency();
            let owner = (party.clone(), currency.code());
            let before = self
                .balances
                .get(&owner)
                .copied()
                .unwrap_or(Money::zero(currency));
            let after = before
                .checked_sub(&receipt.amount)
                .map_err(|error| Error::rejected("items.apply", error.to_string()))?;
            self.balances.insert(owner, after);
        }
        self.receipts.insert(key, receipt.clone());
        Ok(())
    }

    /// The item's number: the one it has, or the next.
    fn number(&mut self, target: &ItemRef) -> Value {
        let item = self.items.entry(target.clone()).or_default();
        if let Some(number) = item.fields.get(NUMBER).filter(|number| !number.is_empty()) {
            return number.clone();
        }
        self.numbered += 1;
        let number = Value::Text(self.numbered.to_string());
        item.fields.insert(NUMBER.to_owned(), number.clone());
        number
    }

    /// A name that no item of that entity has.
    fn new_reference(&mut self, entity: &str) -> Result<ItemRef, Error> {
        loop {
            self.created += 1;
            let reference = ItemRef::new(entity, format!("new-{}", self.created))
                .map_err(|error| Error::rejected("items.apply", error.to_string()))?;
            if !self.items.contains_key(&reference) {
                return Ok(reference);
            }
        }
    }
}

#[async_trait]
impl Items for MemoryHost {
    async fn load(&self, item: &ItemRef) -> Result<Option<ItemSnapshot>, Error> {
        let world = self.reachable("items.load")?;
        Ok(world.items.get(item).map(|item| ItemSnapshot {
            fields: item.fields.clone(),
            party: item.party.clone(),
        }))
    }

    async fn related(
        &self,
        item: &ItemRef,
        relation: &Relation,
    ) -> Result<Vec<RelatedRecord>, Error> {
        let world = self.reachable("items.related")?;
        let record = |reference: &ItemRef, item: &MemoryItem| RelatedRecord {
            reference: Some(reference.clone()),
            fields: item.fields.clone(),
        };
        match relation {
            Relation::Parent(entity) => {
                let mut above = world.items.get(item).and_then(|item| item.parent.clone());
                let mut steps = 0;
                while let Some(reference) = above {
                    let Some(parent) = world.items.get(&reference) else {
                        break;
                    };
                    if reference.entity() == entity {
                        return Ok(vec![record(&reference, parent)]);
                    }
                    steps += 1;
                    above = if steps < 32 {
                        parent.parent.clone()
                    } else {
                        None
                    };
                }
                Ok(Vec::new())
            }
            Relation::Children(entity) => Ok(world
                .items
                .iter()
                .filter(|(reference, child)| {
                    reference.entity() == entity && child.parent.as_ref() == Some(item)
                })
                .map(|(reference, child)| record(reference, child))
                .collect()),
        }
    }

    async fn apply(&self, write: &HostWrite) -> Result<Applied, Error> {
        let mut world = self.reachable("items.apply")?;
        if let Some(earlier) = world.applied.get(&write.key) {
            return Ok(earlier.clone());
        }
        let applied = world.apply(write)?;
        world.applied.insert(write.key.clone(), applied.clone());
        Ok(applied)
    }
}

#[async_trait]
impl Directory for MemoryHost {
    async fn user(&self, user: &UserId) -> Result<Option<User>, Error> {
        Ok(self.reachable("directory.user")?.users.get(user).cloned())
    }

    async fn members(&self, of: &MemberOf) -> Result<Vec<UserId>, Error> {
        let world = self.reachable("directory.members")?;
        let holds = |user: &User| match of {
            MemberOf::Group(name) => user.groups.contains(name),
            MemberOf::Role(name) => user.roles.contains(name),
            MemberOf::Position(name) => user.positions.contains(name),
        };
        Ok(world
            .users
            .values()
            .filter(|user| user.active && holds(user))
            .map(|user| user.id.clone())
            .collect())
    }

    async fn party(&self, party: &PartyId) -> Result<Option<Party>, Error> {
        Ok(self
            .reachable("directory.party")?
            .parties
            .get(party)
            .cloned())
    }

    async fn party_people(&self, party: &PartyId, role: &PartyRole) -> Result<Vec<Person>, Error> {
        let world = self.reachable("directory.party_people")?;
        Ok(world
            .people
            .get(&(party.clone(), role.clone()))
            .cloned()
            .unwrap_or_default())
    }
}

#[async_trait]
impl Ledger for MemoryHost {
    async fn balance(&self, party: &PartyId, currency: Currency) -> Result<Money, Error> {
        let world = self.reachable("ledger.balance")?;
        Ok(world
            .balances
            .get(&(party.clone(), currency.code()))
            .copied()
            .unwrap_or(Money::zero(currency)))
    }
}

#[async_trait]
impl Messenger for MemoryHost {
    async fn send(&self, key: &str, message: &Message) -> Result<Delivery, Error> {
        let mut world = self.reachable("messenger.send")?;
        if world.undeliverable.contains(&message.to.as_text()) {
            return Err(Error::rejected(
                "messenger.send",
                "the destination refuses messages",
            ));
        }
        if !world.sent.iter().any(|sent| sent.key == key) {
            world.sent.push(SentMessage {
                key: key.to_owned(),
                message: message.clone(),
            });
        }
        Ok(Delivery {
            channel_ref: Some(key.to_owned()),
        })
    }
}
