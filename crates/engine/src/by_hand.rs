//! Links that people have made by hand. They are the links of `create_payment_link`, with settings that
//! stand in no workflow.
//!
//! ```text
//! plan ─► commit: the row says `creating` ─► the gateway is asked once ─► commit: link, messages, LinkMade
//!                  └─ its timer: nobody has said how that ended ─► abandoned: found and closed
//! ```
//!
//! Nothing is asked for before the row is there, so no link can live without our knowing.

mod ending;
mod planning;
mod renewal;

use activity::Attempt;
use chrono::TimeDelta;
use payment::LinkStatus;
use persistence::{Row, Table};
use serde_json::Value as Json;
use state_machine::{BY_HAND, Rejection};
use values::{InputId, ItemRef, LinkId, UserId};

use crate::command::refuse;
use crate::record::{self, HistoryDetail, InputRow, LinkRow};
use crate::submit::{Loaded, check_input_id, short_digest};
use crate::write::Batch;
use crate::{Core, Engine, Error, Reply};
use planning::Planned;

/// The activity whose settings a person gives.
const ACTIVITY: &str = "create_payment_link";

/// Open links of one item: its row holds them all, and more is a mistake.
const LINKS_OPEN_MAX: usize = 100;

/// Settings are a form that a person has filled in; the longest part is a text.
const SETTINGS_BYTES_MAX: usize = 65_536;

/// A link that a person wants made.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkWish {
    /// The item it is for. It runs a workflow and has not ended.
    pub item: ItemRef,
    /// Settings of `create_payment_link` in the words of `with:`, such as
    /// `{ "account": "main", "amount": "balance" }`.
    pub settings: Json,
    /// The state whose link it is, so that waits for that link see it; it must be one that makes links.
    /// Without one the link belongs to the item alone.
    pub state: Option<String>,
    /// Who wants it.
    pub by: UserId,
    /// The caller's id for this wish: repeating it gives the link that was made, and never a second one.
    pub id: Option<InputId>,
}

/// A new link in the place of an earlier one.
#[derive(Debug, Clone, PartialEq)]
pub struct Renewal {
    /// Until when, in the words of `expires:`; by the rule of the earlier link where nothing is said.
    pub expires: Option<Json>,
    /// Who wants it.
    pub by: UserId,
    /// The caller's id for this wish: repeating it gives the link that was made, and never a second one.
    pub id: Option<InputId>,
}

impl Engine {
    /// Makes a payment link and tells its recipients. Earlier links of the item stay as they are.
    ///
    /// # Errors
    ///
    /// - [`Error::Refused`] with `bad_settings`, `not_a_link_state`, or a code of `create_payment_link`
    ///   such as `no_party`; with `link_creating` or `earlier_link_unknown` while another link of the
    ///   same state may be live without our knowing; with `link_given_up` when the wish of this id was
    ///   given up, or `link_paid` when such a link turns out paid. Nothing was made.
    /// - [`Error::Gateway`] when the gateway refuses, or does not answer. Of class `Ambiguous` it may have
    ///   made a link: the engine finds and closes it, and a new wish needs a new id.
    /// - [`Error::Rejected`] when the item has ended or is held; [`Error::NotStarted`],
    ///   [`Error::NoUser`], [`Error::InputReused`], [`Error::Limit`], or a failure of store or host.
    pub async fn create_link(&self, wish: LinkWish) -> Result<LinkRow, Error> {
        let core = &self.core;
        core.person(&wish.by).await?;
        let digest = short_digest(&("create_link", &wish.settings, &wish.state))?;
        let wanted = Wanted {
            asked: asked(wish.id, digest)?,
            state: wish.state.unwrap_or_else(|| BY_HAND.to_owned()),
            item: wish.item,
            settings: wish.settings,
            by: wish.by,
            instead_of: None,
        };
        core.make(&wanted).await
    }
}

/// The ids of links made by hand start with this. What follows is no number, so that no entry of a state
/// has the same.
pub(crate) fn prefix(item: &ItemRef) -> String {
    format!("{item}/by_hand/h")
}

/// The id of a wish with its digest, if it has one.
fn asked(id: Option<InputId>, digest: String) -> Result<Option<(InputId, String)>, Error> {
    let Some(id) = id else { return Ok(None) };
    check_input_id(id.as_str())?;
    Ok(Some((id, digest)))
}

/// A wish, whoever has it.
struct Wanted {
    item: ItemRef,
    settings: Json,
    state: String,
    by: UserId,
    /// The caller's id and a digest of the wish.
    asked: Option<(InputId, String)>,
    instead_of: Option<LinkId>,
}

/// What has come of the same wish before.
enum Before {
    /// Nothing: it is new.
    Nothing,
    /// Certainly no link. It is asked for again under the same reference.
    Failed(Box<LinkRow>),
    /// A link.
    Made(Box<LinkRow>),
}

/// A wish that is written down.
enum Reserved {
    /// It had been fulfilled before.
    Answered(Box<LinkRow>),
    /// Its link may be asked for.
    Planned(Box<Planned>),
}

impl Core {
    /// Makes the link, or says why there is none.
    async fn make(&self, wanted: &Wanted) -> Result<LinkRow, Error> {
        if let Before::Made(link) = self.before(&wanted.item, wanted.asked.as_ref()).await? {
            return Ok(*link);
        }
        self.clear_the_way(wanted).await?;
        let planned = match self.reserve(wanted).await? {
            Reserved::Answered(link) => return Ok(*link),
            Reserved::Planned(planned) => planned,
        };
        let attempted = self.asked_for(&planned).await;
        self.made_by_hand(wanted, &planned, attempted).await
    }

    /// What a repeat of a wish is told.
    async fn before(
        &self,
        item: &ItemRef,
        asked: Option<&(InputId, String)>,
    ) -> Result<Before, Error> {
        let Some((id, digest)) = asked else {
            return Ok(Before::Nothing);
        };
        let key = record::input_key(item, id.as_str());
        let Some(row) = self.store.get(Table::Inputs, &key).await? else {
            return Ok(Before::Nothing);
        };
        let row: InputRow = record::decode(&row.open)?;
        let link = row.link.filter(|_| row.digest == *digest);
        let Some(link) = link else {
            return Err(Error::InputReused {
                id: id.as_str().to_owned(),
            });
        };
        let link = self.link_of(&link).await?;
        if link.abandoned && link.status.is_paid() {
            return paid(&link.id);
        }
        if link.abandoned {
            let message = format!(
                "nobody could say whether link {} was made, so it was given up: ask again under a new id",
                link.id
            );
            return refuse("link_given_up", message);
        }
        match link.status {
            LinkStatus::Creating => being_made(&link),
            LinkStatus::CreateFailed => Ok(Before::Failed(Box::new(link))),
            _ => Ok(Before::Made(Box::new(link))),
        }
    }

    /// Closes what may be live without our knowing, as far as the gateway lets us now.
    async fn clear_the_way(&self, wanted: &Wanted) -> Result<(), Error> {
        let (item, state) = (&wanted.item, wanted.state.as_str());
        for link in self.perhaps_live(item, state, format!("{item}/")).await? {
            if link.status == LinkStatus::Creating {
                if link.next_poll.is_none_or(|due| due <= self.clock.now()) {
                    self.give_up_making(&link).await?;
                }
                continue;
            }
            let id = link.id.clone();
            self.close_abandoned(link).await?;
            if self.link_of(&id).await?.status.is_paid() {
                // Whoever wants a new one should know.
                return paid(&id);
            }
        }
        Ok(())
    }

    /// The item, if a link may be made for it now.
    async fn open_for_links(&self, item: &ItemRef, state: &str) -> Result<Loaded, Error> {
        let loaded = self.load(item).await?;
        let Some(loaded) = loaded.filter(|loaded| loaded.row.instance.entry > 0) else {
            return Err(Error::NotStarted(item.clone()));
        };
        let instance = &loaded.row.instance;
        if instance.ended.is_some() {
            let state = instance.state.clone();
            return Err(Rejection::Ended { state }.into());
        }
        if let Some(held) = &instance.held {
            let (by, reason) = (held.by.clone(), held.reason.clone());
            return Err(Rejection::Held { by, reason }.into());
        }
        let workflow = self.workflows.pinned(&instance.definition).await?;
        let made = workflow.whose_links(&instance.state);
        if instance.activity.is_some() && made == Some(state) {
            let message = format!("`{}` is making a link of `{state}`", instance.state);
            return refuse("link_creating", message);
        }
        let open = instance.links.iter().filter(|link| !link.is_closed());
        if open.count() >= LINKS_OPEN_MAX {
            return Err(Error::Limit {
                what: "the number of open links of an item",
                max: LINKS_OPEN_MAX,
            });
        }
        Ok(loaded)
    }

    /// Writes down that the link is about to be asked for.
    async fn reserve(&self, wanted: &Wanted) -> Result<Reserved, Error> {
        let item = &wanted.item;
        let _turn = self.locks.lock(item).await;
        let failed = match self.before(item, wanted.asked.as_ref()).await? {
            Before::Made(link) => return Ok(Reserved::Answered(link)),
            Before::Failed(link) => Some(link),
            Before::Nothing => None,
        };
        let loaded = self.open_for_links(item, &wanted.state).await?;
        if let Some(old) = &wanted.instead_of {
            // Somebody else may have renewed it while this one was closing it.
            self.renewable(&self.link_of(old).await?).await?;
        }
        let own = self
            .perhaps_live(item, &wanted.state, format!("{item}/"))
            .await?;
        if let Some(link) = own.into_iter().next() {
            return in_the_way(&link);
        }
        let number = self.made_so_far(item).await?.saturating_add(1);
        let reference = match &failed {
            Some(link) => link.reference.clone(),
            None => format!("{}{number}", prefix(item)),
        };
        let planned = self.planned(&loaded, wanted, reference).await?;
        let mut batch = Batch::new(planned.now);
        if failed.is_none() {
            let row = Row::open(number.to_string().into_bytes());
            batch.put(Table::Index, record::by_hand_key(item), row);
        }
        self.reservation(&mut batch, &loaded, (wanted, &planned))?;
        batch.extend(self.order_number_of(&planned.draft).await?);
        let notes = vec![
            planned.draft.reference.clone(),
            planned.draft.amount.to_string(),
        ];
        let detail = HistoryDetail::Attempt {
            number: 1,
            send_by: planned.send_by,
            request: planned.request.body.clone(),
        };
        let who = ("create_link", Some(&wanted.by));
        self.commit_line(item, batch.into_writes(), who, (notes, Some(detail)))
            .await?;
        Ok(Reserved::Planned(Box::new(planned)))
    }

    /// The rows of a link that is about to be asked for.
    fn reservation(
        &self,
        batch: &mut Batch,
        loaded: &Loaded,
        (wanted, planned): (&Wanted, &Planned),
    ) -> Result<(), Error> {
        let instance = &loaded.row.instance;
        let draft = planned.draft.clone();
        let certain_after = self.certain_after(&draft.account, planned.send_by);
        let at = (wanted.state.as_str(), 0);
        let link = LinkRow {
            status: LinkStatus::Creating,
            asked_by: Some(wanted.by.clone()),
            certain_after: Some(certain_after),
            ..LinkRow::made(draft, instance, at, self.accounts(), planned.now)
        };
        let id = link.id.clone();
        batch.link_due(link, Some(planned.send_by + self.limits.attempt_grace))?;
        // What a person has written may name people.
        let settings = Row::new(Vec::new(), record::encode(&wanted.settings)?);
        batch.put(Table::Index, record::wish_key(id.as_str()), settings);
        let Some((input, digest)) = &wanted.asked else {
            return Ok(());
        };
        let row = InputRow {
            reply: Reply {
                revision: instance.revision,
                state: instance.state.clone(),
                ended: None,
                declined: false,
                incident: None,
                repeated: false,
            },
            digest: digest.clone(),
            link: Some(id),
        };
        let key = record::input_key(&wanted.item, input.as_str());
        batch.put(Table::Inputs, key, Row::open(record::encode(&row)?));
        Ok(())
    }

    /// How many links people have had made for an item.
    async fn made_so_far(&self, item: &ItemRef) -> Result<u64, Error> {
        let row = self
            .store
            .get(Table::Index, &record::by_hand_key(item))
            .await?;
        let Some(row) = row else { return Ok(0) };
        let number = std::str::from_utf8(&row.open).ok();
        let number = number.and_then(|text| text.parse().ok());
        number.ok_or_else(|| Error::Invariant(format!("the links of {item} are not counted")))
    }

    /// Asks the gateway, once.
    async fn asked_for(&self, planned: &Planned) -> activity::Attempted {
        let now = self.clock.now();
        if now > planned.send_by {
            // The commit took so long that nothing may be sent any more (clause 33).
            return activity::Attempted::NotBefore {
                at: now,
                code: "send_by_passed".to_owned(),
                observations: Vec::new(),
            };
        }
        let attempt = Attempt {
            item: planned.item.clone(),
            reference: planned.draft.reference.clone(),
            number: 1,
            now,
            send_by: planned.send_by,
            earlier: Vec::new(),
        };
        match self.workflows.catalog().get(ACTIVITY) {
            Some(activity) => {
                self.made(activity.as_ref(), &planned.request, &attempt)
                    .await
            }
            None => activity::Attempted::NotBefore {
                at: now,
                code: "no_activity".to_owned(),
                observations: Vec::new(),
            },
        }
    }
}

fn paid<T>(id: &LinkId) -> Result<T, Error> {
    refuse("link_paid", format!("link {id} is paid"))
}

fn being_made<T>(link: &LinkRow) -> Result<T, Error> {
    let again = link.next_poll.unwrap_or(link.created_at) + TimeDelta::seconds(1);
    let message = format!("link {} is being made; ask again at {again}", link.id);
    refuse("link_creating", message)
}

/// A link that may be live and that nobody knows of: no other one of its state is made meanwhile.
fn in_the_way<T>(link: &LinkRow) -> Result<T, Error> {
    if link.status == LinkStatus::Creating {
        return being_made(link);
    }
    let next = link.next_poll.unwrap_or(link.expires_at);
    let message = format!(
        "link {} may have been made and is not known to be closed; it is looked at again at {next}",
        link.id
    );
    refuse("earlier_link_unknown", message)
}

#[cfg(test)]
mod tests {
    use state_machine::BY_HAND;
    use values::{ItemRef, check_name};

    use super::prefix;

    #[test]
    fn neither_a_state_nor_an_entry_can_be_taken_for_a_link_made_by_hand() {
        assert!(check_name(BY_HAND).is_err());
        let item = ItemRef::new("invoice", "17").unwrap();
        let reference = format!("{}1", prefix(&item));
        let entry = reference.rsplit('/').next().unwrap();
        assert!(entry.parse::<u64>().is_err());
        assert_eq!(crate::query::item_of_reference(&reference), Some(item));
    }
}
