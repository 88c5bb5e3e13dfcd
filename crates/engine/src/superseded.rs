//! Links whose place another one has taken.

use payment::{LinkStatus, Usage};

use crate::decide::Decided;
use crate::record::LinkRow;
use crate::settlement::Settlement;
use crate::write::Batch;
use crate::{Core, Error, query};

/// Under what a link is on the list of what a person must look at while it can be paid and the one whose place it took is paid.
pub(crate) fn newer_reason(link: &LinkRow) -> String {
    format!("newer {}", link.id)
}

impl Core {
    /// Money has come in through a link whose place another one has taken: that one can still be paid.
    pub(crate) async fn newer_is_open(&self, settlement: &mut Settlement) -> Result<(), Error> {
        let link = &settlement.link;
        if settlement.payments.is_empty() || link.usage == Usage::Reusable {
            return Ok(());
        }
        let paid = link.id.clone();
        let mut next = link.replaced_by.clone();
        while let Some(id) = next {
            let Some(newer) = query::link(self.store.as_ref(), &id).await? else {
                break;
            };
            if !newer.status.is_closed() {
                let message = format!("link {paid} is paid, and link {id} in its place is open");
                let reason = newer_reason(&newer);
                return self
                    .trouble(settlement, "newer_link_open", message, &reason)
                    .await;
            }
            next = newer.replaced_by;
        }
        Ok(())
    }

    /// Notes in the links that were closed for a new one what has taken their place.
    pub(crate) async fn supersede(
        &self,
        decided: &Decided,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let Some(new) = decided.links.first() else {
            return Ok(());
        };
        for id in &decided.superseded {
            let Some(mut link) = query::link(self.store.as_ref(), id).await? else {
                continue;
            };
            link.replaced_by = Some(new.id.clone());
            if link.status == LinkStatus::Cancelled {
                link.status = LinkStatus::Superseded;
            }
            let due = link.next_poll;
            batch.link_due(link, due)?;
        }
        Ok(())
    }
}
