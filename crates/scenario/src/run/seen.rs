//! What there is to see of an item at a moment.

use engine::{AttentionRow, HistoryView, LinkRow, PaymentRow};
use host::{Directory as _, MemoryItem, Receipt, SentMessage};
use state_machine::{Definition, Instance};
use values::{ItemRef, PartyId};

use super::Trouble;
use crate::world::World;

/// Everything an expectation can look at.
pub(super) struct Seen<'a> {
    pub(super) item: ItemRef,
    pub(super) definition: &'a Definition,
    pub(super) instance: Option<Instance>,
    pub(super) history: Vec<HistoryView>,
    /// In the order they were made.
    pub(super) links: Vec<LinkRow>,
    pub(super) payments: Vec<PaymentRow>,
    pub(super) attention: Vec<AttentionRow>,
    pub(super) sent: Vec<SentMessage>,
    /// In the CRM.
    pub(super) receipts: Vec<Receipt>,
    pub(super) notices: Vec<String>,
    pub(super) crm: MemoryItem,
    pub(super) party: Option<PartyId>,
}

impl<'a> Seen<'a> {
    pub(super) async fn of(
        world: &World,
        definition: &'a Definition,
        item: &ItemRef,
    ) -> Result<Seen<'a>, Trouble> {
        let engine = world.engine()?;
        let of_item = |other: &ItemRef| other == item;
        let mut links: Vec<LinkRow> = engine
            .links()
            .await?
            .into_iter()
            .filter(|row| of_item(&row.item))
            .collect();
        links.sort_by_key(|link| (link.created_at, link.entry));
        let payments = engine
            .payments()
            .await?
            .into_iter()
            .filter(|row| of_item(&row.item));
        let attention = engine
            .attention()
            .await?
            .into_iter()
            .filter(|row| of_item(&row.item));
        // A message's key begins with the reference of the entry that sent it.
        let prefix = format!("{item}/");
        let sent = world
            .host
            .sent()
            .into_iter()
            .filter(|sent| sent.key.starts_with(&prefix));
        let receipts = world
            .host
            .receipts()
            .into_iter()
            .filter(|row| of_item(&row.item));
        let notices = world
            .host
            .notices()
            .into_iter()
            .filter(|(of, _)| of_item(of));
        let crm = world.host.item(item).unwrap_or_default();
        Ok(Seen {
            item: item.clone(),
            definition,
            instance: engine.instance(item).await?,
            history: engine.history(item).await?,
            links,
            payments: payments.collect(),
            attention: attention.collect(),
            sent: sent.collect(),
            receipts: receipts.collect(),
            notices: notices.map(|(_, notice)| notice).collect(),
            party: crm.party.clone(),
            crm,
        })
    }

    /// The states entered so far, in order.
    pub(super) fn passed(&self) -> Vec<&str> {
        let entered = self.history.iter().flat_map(|line| &line.row.path);
        entered.map(|entered| entered.state.as_str()).collect()
    }

    /// The name of the party, for messages.
    pub(super) async fn party_name(&self, world: &World) -> String {
        let Some(party) = &self.party else {
            return "nobody".to_owned();
        };
        let found = world.host.party(party).await.ok().flatten();
        found.map_or_else(|| party.to_string(), |party| party.name)
    }
}
