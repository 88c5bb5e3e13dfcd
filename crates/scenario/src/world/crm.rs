//! The CRM in memory, with the faults that the scenario asks for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use host::{
    Applied, Change, Delivery, Error, HostWrite, ItemSnapshot, Items, MemoryHost, Message,
    Messenger, RelatedRecord, Relation,
};
use values::{ItemRef, Money};

use crate::file::script::{CrmFault, CrmReply, Given};

/// Items and messages of a [`MemoryHost`] that fail as told.
pub(super) struct ScriptedCrm {
    host: Arc<MemoryHost>,
    left: Mutex<Left>,
}

/// What is still to fail, and what has been created.
#[derive(Debug, Default)]
struct Left {
    faults: Vec<CrmFault>,
    sendings: u32,
    created: BTreeMap<String, (ItemRef, String)>,
}

impl ScriptedCrm {
    pub(super) fn new(host: Arc<MemoryHost>, given: &Given) -> ScriptedCrm {
        for destination in &given.messages.refuse {
            host.refuse_destination(destination.as_text());
        }
        let left = Left {
            faults: given.crm.clone(),
            sendings: given.messages.unavailable,
            created: BTreeMap::new(),
        };
        ScriptedCrm {
            host,
            left: Mutex::new(left),
        }
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records of an entity created for an item.
    pub(super) fn created(&self, item: &ItemRef, entity: &str) -> usize {
        self.left()
            .created
            .values()
            .filter(|(of, kind)| of == item && kind == entity)
            .count()
    }

    /// The next fault for a kind of write.
    fn fault(&self, kind: &str) -> Option<CrmReply> {
        let mut left = self.left();
        let fault = left
            .faults
            .iter_mut()
            .find(|fault| fault.on == kind && fault.is_left())?;
        let reply = fault.reply.clone();
        if let CrmReply::Unavailable(times) | CrmReply::Lost(times) = &mut fault.reply {
            *times = times.saturating_sub(1);
        }
        Some(reply)
    }
}

impl CrmFault {
    fn is_left(&self) -> bool {
        !matches!(self.reply, CrmReply::Unavailable(0) | CrmReply::Lost(0))
    }
}

fn kind(change: &Change) -> &'static str {
    match change {
        Change::SetFields { .. } => "set_fields",
        Change::SetStage { .. } => "set_stage",
        Change::Approve { .. } => "approve",
        Change::Reject { .. } => "reject",
        Change::CreateItem { .. } => "create_item",
        Change::RegisterReceipt { .. } => "register_receipt",
        Change::Notify { .. } => "notify",
        Change::AttachReceipt { .. } => "attach_receipt",
        _ => "",
    }
}

#[async_trait]
impl Items for ScriptedCrm {
    async fn load(&self, item: &ItemRef) -> Result<Option<ItemSnapshot>, Error> {
        self.host.load(item).await
    }

    async fn related(
        &self,
        item: &ItemRef,
        relation: &Relation,
    ) -> Result<Vec<RelatedRecord>, Error> {
        self.host.related(item, relation).await
    }

    async fn apply(&self, write: &HostWrite) -> Result<Applied, Error> {
        let fault = self.fault(kind(&write.change));
        match fault {
            Some(CrmReply::Refuse(code)) => {
                let message = "the scenario has the CRM refuse this".to_owned();
                return Ok(Applied::Refused { code, message });
            }
            Some(CrmReply::Unavailable(_)) => {
                return Err(Error::unavailable(
                    "items.apply",
                    "the scenario has the CRM out of reach",
                ));
            }
            Some(CrmReply::Lost(_)) | None => {}
        }
        let applied = self.host.apply(write).await?;
        if let (Change::CreateItem { entity, .. }, Applied::Done { .. }) = (&write.change, &applied)
        {
            let created = (write.item.clone(), entity.clone());
            self.left().created.insert(write.key.clone(), created);
        }
        if fault.is_some() {
            return Err(Error::timeout(
                "items.apply",
                "the scenario has the answer lost",
            ));
        }
        Ok(applied)
    }

    async fn final_amount(&self, item: &ItemRef) -> Result<Option<Money>, Error> {
        self.host.final_amount(item).await
    }
}

#[async_trait]
impl Messenger for ScriptedCrm {
    async fn send(&self, key: &str, message: &Message) -> Result<Delivery, Error> {
        let out_of_order = {
            let mut left = self.left();
            let now = left.sendings > 0;
            left.sendings = left.sendings.saturating_sub(1);
            now
        };
        if out_of_order {
            return Err(Error::unavailable(
                "messenger.send",
                "the scenario has the channel down",
            ));
        }
        self.host.send(key, message).await
    }
}
