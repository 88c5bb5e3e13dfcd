//! Order numbers: how a provider's calls name a link where they cannot carry our reference.

use activity::LinkDraft;
use payment::LinkStatus;
use persistence::{Row, Table, Write};
use values::{AccountName, LinkId};

use crate::decide::Intent;
use crate::record::{self, LinkRow};
use crate::workflow::Workflow;
use crate::{Core, Error, query};

/// What a provider's call is about.
pub(crate) struct Known {
    /// Our reference.
    pub(crate) reference: String,
    /// The link, once it is recorded; else its creation is under way.
    pub(crate) link: Option<LinkRow>,
}

impl Known {
    /// A link that is being made by hand has a row already, and is not recorded yet.
    fn of(link: LinkRow) -> Known {
        Known {
            reference: link.reference.clone(),
            link: (link.status != LinkStatus::Creating).then_some(link),
        }
    }
}

impl Core {
    /// The row by which a call that carries the order number of a new request is understood. It is part
    /// of the commit that stores the request, so no call can come before it.
    pub(crate) async fn order_number(
        &self,
        workflow: &Workflow,
        intent: &Intent,
    ) -> Result<Vec<Write>, Error> {
        let prepared = workflow.prepared.get(&intent.state);
        match prepared.and_then(|prepared| prepared.may_have_made(&intent.request, None)) {
            Some(draft) => self.order_number_of(&draft).await,
            None => Ok(Vec::new()),
        }
    }

    /// The same for a link that is about to be asked for.
    pub(crate) async fn order_number_of(&self, draft: &LinkDraft) -> Result<Vec<Write>, Error> {
        let Some(gateway) = self.world.gateways.get(&draft.account) else {
            return Ok(Vec::new());
        };
        let order_no = gateway.order_no(&draft.reference);
        if order_no == draft.reference {
            return Ok(Vec::new());
        }
        let key = record::order_key(draft.account.as_str(), &order_no);
        if let Some(row) = self.store.get(Table::Index, &key).await? {
            if row.open == draft.reference.as_bytes() {
                return Ok(Vec::new());
            }
            // Two requests under one number could not be told apart ever after.
            return Err(Error::Invariant(format!(
                "order number {order_no} of account `{}` is taken",
                draft.account
            )));
        }
        Ok(vec![Write::Unique {
            table: Table::Index,
            key,
            row: Row::open(draft.reference.as_bytes()),
        }])
    }

    /// What a name in a provider's call stands for: our reference, or an order number. `None` when it
    /// is nothing of ours.
    pub(crate) async fn known(
        &self,
        account: &AccountName,
        name: &str,
    ) -> Result<Option<Known>, Error> {
        if let Some(link) = query::link(self.store.as_ref(), &LinkId::from(name)).await? {
            return Ok(Some(Known::of(link)));
        }
        let key = record::order_key(account.as_str(), name);
        let reference = match self.store.get(Table::Index, &key).await? {
            Some(row) => String::from_utf8_lossy(&row.open).into_owned(),
            None => name.to_owned(),
        };
        let id = LinkId::from(reference.as_str());
        if let Some(link) = query::link(self.store.as_ref(), &id).await? {
            return Ok(Some(Known::of(link)));
        }
        let open = self.is_open(&reference).await?;
        Ok(open.then_some(Known {
            reference,
            link: None,
        }))
    }

    /// Whether a request with this reference is open.
    async fn is_open(&self, reference: &str) -> Result<bool, Error> {
        let Some(item) = query::item_of_reference(reference) else {
            return Ok(false);
        };
        let loaded = self.load(&item).await?;
        let open = loaded.and_then(|loaded| loaded.row.instance.activity.clone());
        Ok(open.is_some_and(|open| open.reference == reference))
    }

    /// Whether a provider's word is about this link: it may say our reference or the order number.
    pub(crate) fn is_about(&self, link: &LinkRow, name: &str) -> bool {
        name == link.reference
            || self
                .world
                .gateways
                .get(&link.account)
                .is_some_and(|gateway| gateway.order_no(&link.reference) == name)
    }
}
