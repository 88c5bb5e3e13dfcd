//! A new link in the place of an earlier one, which is closed first.

use activity::ReceiptRule;
use host::Destination;
use payment::{LinkStatus, StatusReport, Usage};
use persistence::Table;
use serde_json::{Value as Json, json};
use state_machine::{BY_HAND, Event, Kind, PaymentEvent};
use values::{Fields, LinkId};

use super::{ACTIVITY, Before, Renewal, Wanted, asked, being_made, paid, prefix};
use crate::command::refuse;
use crate::record::{self, AttentionRow, Cause, LinkRow, MessageRow};
use crate::submit::{Extra, short_digest};
use crate::write::Batch;
use crate::{Core, Engine, Error, query};

/// The word of the history, and the source of what the closing brings.
const RENEW: &str = "renew_link";

impl Engine {
    /// Makes a new link in the place of an earlier one: for the same state, account, amount and receipt,
    /// by the same settings, for the same recipients. The earlier one is closed first, and becomes
    /// `superseded`; one that has expired stays that.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `link_paid` when the earlier link turns out paid: the payment wins; with
    /// `link_partially_paid`, `payment_under_way`, `link_superseded`, `link_closed`, or
    /// `unsupported_operation` where the gateway cannot close links; [`Error::Gateway`] when the link is
    /// not known to be closed; else as [`Engine::create_link`].
    pub async fn renew_link(&self, id: &LinkId, renewal: Renewal) -> Result<LinkRow, Error> {
        let core = &self.core;
        core.person(&renewal.by).await?;
        let link = core.link_of(id).await?;
        let digest = short_digest(&(RENEW, id, &renewal.expires))?;
        let asked = asked(renewal.id, digest)?;
        if let Before::Made(link) = core.before(&link.item, asked.as_ref()).await? {
            return Ok(*link);
        }
        core.renewable(&link).await?;
        let settings = core.settings_of(&link, renewal.expires).await?;
        let wanted = Wanted {
            item: link.item.clone(),
            settings,
            state: link.state.clone(),
            by: renewal.by,
            asked,
            instead_of: Some(id.clone()),
        };
        // What cannot be made is no reason to close what is there.
        let loaded = core.open_for_links(&wanted.item, &wanted.state).await?;
        let reference = format!("{}0", prefix(&wanted.item));
        core.planned(&loaded, &wanted, reference).await?;
        core.clear_the_way(&wanted).await?;
        core.close_for_renewal(&link, &wanted).await?;
        core.make(&wanted).await
    }
}

/// Under what a link that was closed for a new one is on the list of what a person must look at, until
/// the new one is there.
pub(super) fn renewal_reason(link: &LinkId) -> String {
    format!("renewal {link}")
}

impl Core {
    /// Refuses what must not be renewed as it stands.
    pub(super) async fn renewable(&self, link: &LinkRow) -> Result<(), Error> {
        use LinkStatus::{
            CreateFailed, Creating, Held, PaidUnverified, Quarantined, Refunded, ScheduledFuture,
        };
        let id = &link.id;
        if link.abandoned || matches!(link.status, CreateFailed | Refunded) {
            let message = format!(
                "link {id} is {}, there is nothing to renew",
                link.status.name()
            );
            return refuse("link_closed", message);
        }
        match link.status {
            Creating => return being_made(link),
            status if status.is_paid() => return paid(id),
            Held | PaidUnverified | Quarantined | ScheduledFuture => {
                let message = format!("money is under way through link {id}");
                return refuse("payment_under_way", message);
            }
            _ if link.usage == Usage::OneTime && link.received.is_some() => {
                let message = format!("a part was paid through link {id}: make one over the rest");
                return refuse("link_partially_paid", message);
            }
            _ => {}
        }
        let loaded = self.open_for_links(&link.item, &link.state).await?;
        let latest = loaded.row.instance.link_of(&link.state);
        let newer = latest.filter(|latest| latest.id != *id && !latest.is_closed());
        if let Some(newer) = newer.filter(|_| link.state != BY_HAND) {
            let message = format!("link {} is the latest of `{}`", newer.id, link.state);
            return refuse("link_superseded", message);
        }
        let Some(newer) = &link.replaced_by else {
            return Ok(());
        };
        let newer = self.link_of(newer).await?;
        if newer.status.is_paid() {
            return paid(&newer.id);
        }
        if !newer.status.is_closed() {
            let message = format!("link {} has taken the place of {id}", newer.id);
            return refuse("link_superseded", message);
        }
        Ok(())
    }

    /// The settings by which a link was made, over the same amount.
    async fn settings_of(&self, link: &LinkRow, expires: Option<Json>) -> Result<Json, Error> {
        let mut settings = match self.wish_of(link).await? {
            Some(settings) => settings,
            None => from_row(
                link,
                &query::messages_of_link(self.store.as_ref(), &link.id).await?,
            ),
        };
        let Some(words) = settings.as_object_mut() else {
            return refuse("bad_settings", format!("link {} has no settings", link.id));
        };
        words.insert("account".to_owned(), json!(link.account.as_str()));
        words.insert(
            "amount".to_owned(),
            json!({ "fixed": link.amount.to_string() }),
        );
        // What reads like a token stays what the settings say.
        if !link.description.contains("{{") {
            words.insert("description".to_owned(), json!(link.description));
        }
        if let Some(expires) = expires {
            words.insert("expires".to_owned(), expires);
        }
        Ok(settings)
    }

    /// What was wished when the link was made: by a person, or by its state.
    async fn wish_of(&self, link: &LinkRow) -> Result<Option<Json>, Error> {
        let key = record::wish_key(link.id.as_str());
        let row = self.store.get(Table::Index, &key).await?;
        if let Some(row) = row.filter(|row| !row.personal.is_empty()) {
            return record::decode(&row.personal).map(Some);
        }
        if link.state == BY_HAND {
            return Ok(None);
        }
        let Some(loaded) = self.load(&link.item).await? else {
            return Err(Error::NotStarted(link.item.clone()));
        };
        let definition = &loaded.row.instance.definition;
        let workflow = self.workflows.pinned(definition).await?;
        let state = workflow.definition.state(&link.state);
        Ok(state.and_then(|state| match &state.kind {
            Kind::Activity(activity) if activity.name == ACTIVITY => Some(activity.with.clone()),
            _ => None,
        }))
    }

    /// Closes a link for the one that takes its place. A payment wins.
    async fn close_for_renewal(&self, link: &LinkRow, wanted: &Wanted) -> Result<(), Error> {
        let gateway = self.gateway_of(link)?;
        let closer = gateway.as_deactivate();
        if closer.is_none() && !link.status.is_closed() {
            return refuse("unsupported_operation", "this gateway cannot close links");
        }
        let link = self.noted(&link.id, &wanted.by, RENEW, Vec::new()).await?;
        let report = match closer.filter(|_| !link.status.is_closed()) {
            Some(closer) => self.closed_by_us(&link, closer).await?,
            None => self.read(&link).await?,
        };
        self.superseded(&link, report).await?;
        let link = self.link_of(&link.id).await?;
        if link.status.is_paid() {
            return paid(&link.id);
        }
        if !link.status.is_closed() {
            let message = "the provider has not closed the link yet";
            return Err(payment::GatewayError::retryable("still_open", message).into());
        }
        Ok(())
    }

    /// Settles what the closing has brought. A link that is cancelled without money was closed for the new
    /// one: that leads nowhere in the workflow.
    async fn superseded(&self, link: &LinkRow, report: StatusReport) -> Result<(), Error> {
        let cancelled = report.status == LinkStatus::Cancelled;
        let many = link.usage == Usage::Reusable;
        let ours = self.is_about(link, &report.reference);
        if !cancelled || !ours || !(many || report.payments.is_empty()) {
            return self.settle_link(&link.id, &report, RENEW).await;
        }
        if !report.payments.is_empty() {
            // They count, and do not say that the link was cancelled.
            let payments = StatusReport {
                status: LinkStatus::Created,
                ..report
            };
            self.settle_link(&link.id, &payments, RENEW).await?;
        }
        let _turn = self.locks.lock(&link.item).await;
        let row = self.link_of(&link.id).await?;
        if row.status.is_closed() {
            return Ok(());
        }
        let Some(loaded) = self.load(&row.item).await? else {
            return Err(Error::NotStarted(row.item.clone()));
        };
        let definition = &loaded.row.instance.definition;
        let workflow = self.workflows.pinned(definition).await?;
        let now = self.clock.now();
        let mut batch = Batch::new(now);
        let reason = renewal_reason(&row.id);
        let attention = AttentionRow {
            item: row.item.clone(),
            reason: reason.clone(),
            code: "renewal_open".to_owned(),
            message: format!(
                "link {} was closed for a new one, which is not made yet",
                row.id
            ),
            since: now,
        };
        batch.attention(&reason, &attention)?;
        let cause = Cause::Event(Event::Payment(Box::new(PaymentEvent {
            link: row.id.clone(),
            state: row.state.clone(),
            outcome: LinkStatus::Superseded.name().to_owned(),
            paid_at: None,
            tracking_no: None,
            set: Fields::new(),
            stays_open: false,
            makes_way: false,
        })));
        batch.link(LinkRow {
            status: LinkStatus::Superseded,
            ..row
        })?;
        let extra = Extra {
            writes: batch.into_writes(),
            notes: vec![format!("source {RENEW}")],
            ..Extra::default()
        };
        self.apply(&workflow, &loaded, &cause, extra)
            .await
            .map(drop)
    }
}

/// Settings that follow from a link's row and from whom its first messages went to.
fn from_row(link: &LinkRow, messages: &[MessageRow]) -> Json {
    let mut settings = serde_json::Map::new();
    let (mut sms, mut email) = (Vec::new(), Vec::new());
    let first = messages
        .iter()
        .filter(|message| !message.id.as_str().contains("/again/"));
    for message in first {
        match &message.to {
            Destination::Mobile(mobile) => sms.push(json!({ "number": mobile.as_str() })),
            Destination::Email(address) => email.push(json!({ "address": address.as_str() })),
        }
    }
    let lists = [("sms", sms), ("email", email)];
    let lists: serde_json::Map<String, Json> = lists
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(medium, list)| (medium.to_owned(), Json::Array(list)))
        .collect();
    if !lists.is_empty() {
        settings.insert("recipients".to_owned(), Json::Object(lists));
    }
    settings.insert("receipt".to_owned(), receipt_of(link.receipt.as_ref()));
    settings.insert("usage".to_owned(), json!(link.usage));
    Json::Object(settings)
}

fn receipt_of(rule: Option<&ReceiptRule>) -> Json {
    let Some(rule) = rule else {
        return json!("none");
    };
    let mut receipt = json!({
        "type": rule.kind,
        "approve": if rule.approved { "auto" } else { "manual" },
    });
    if let (Some(field), Some(words)) = (&rule.field, receipt.as_object_mut()) {
        words.insert("field".to_owned(), json!(field));
    }
    receipt
}
