//! The runtime: one door, a dispatcher, timers.
//!
//! ```text
//!         ┌────────────────────────── event ◄─────────────────────────┐
//!         ▼                                                           │
//!    submit: load ─► step ─► plan ─► commit        dispatcher ─► perform ─► outcome
//!            host    pure    pure    store  ······► claim         gateway, host
//!                                           (wake) timers, notices ──┘
//! ```
//!
//! It is not a server and knows no YAML, no concrete store and no concrete gateway. Only `submit`
//! changes an instance; everything that must happen later exists as a row first, so a restart just
//! reads rows.
//!
//! The names to know: [`Engine`] and its [`EngineBuilder`], [`Input`] and [`Reply`], [`Clock`],
//! [`Limits`], [`Error`].

mod abandoned;
mod beside;
mod builder;
mod by_hand;
mod callback;
mod clock;
mod command;
mod compare;
mod conclude;
mod decide;
mod difference;
mod dispatcher;
mod due;
mod error;
mod flood;
mod gather;
mod input;
mod limits;
mod links;
mod listing;
mod lock;
mod notice;
mod order;
mod outbox;
mod pursue;
mod query;
mod ready;
mod receipt;
mod recent;
mod record;
mod recording;
mod replay;
mod resting;
mod retry;
mod run;
mod settlement;
mod submit;
mod superseded;
mod together;
mod unknown;
mod workflow;
mod write;

use std::sync::Arc;

use activity::{Accounts, World};
use host::Host;
use persistence::{Commit, Store};
use ready::Announced;
use state_machine::{Definition, DefinitionHash};
use tokio::sync::{Mutex, Notify};
use values::{ItemRef, Timestamp, UserId, Zone};

pub use builder::EngineBuilder;
pub use by_hand::{LinkWish, Renewal};
pub use callback::CALLBACK_BYTES_MAX;
pub use clock::{Clock, ManualClock, SystemClock};
pub use difference::{ByHand, Comparison, Difference, DifferenceKind, DifferenceReport};
pub use error::{Error, RetryClass};
pub use input::{Input, Reply};
pub use limits::Limits;
pub use listing::{LinkFilter, LinkList, Window};
pub use query::{HistoryView, LIST_MAX, TimerView};
pub use record::{
    AttentionRow, HistoryRow, LinkRow, MessageRow, MessageStatus, PaymentRow, ReceiptRow,
};
pub use recording::RecordedPayment;
pub use replay::Replay;
pub use run::Settled;
pub use state_machine::{BY_HAND, Event, Rejection};

/// A running engine. Cloning it is cheap and gives the same engine.
#[derive(Clone)]
pub struct Engine {
    pub(crate) core: Arc<Core>,
}

/// What every part of the engine works with.
pub(crate) struct Core {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) host: Host,
    pub(crate) world: World,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) zone: Zone,
    pub(crate) workflows: workflow::Workflows,
    pub(crate) limits: Limits,
    /// Whose turn it is to change an item.
    pub(crate) locks: lock::ItemLocks,
    /// Whose turn it is to write an item's values to the host.
    pub(crate) lanes: lock::ItemLocks,
    pub(crate) sweeping: Mutex<()>,
    pub(crate) resting: resting::Resting,
    pub(crate) recent: recent::Recent,
    pub(crate) early_callers: notice::EarlyCallers,
    pub(crate) flood: std::sync::Mutex<flood::Flood>,
    /// When this engine has last looked for links that nobody knows.
    pub(crate) swept_at: std::sync::Mutex<Option<Timestamp>>,
    pub(crate) together: together::Together,
    pub(crate) wake: Notify,
    pub(crate) ready: ready::Ready,
    /// This start of the engine; claims of an earlier start are void.
    pub(crate) epoch: String,
}

impl Core {
    /// Commits, and tells the live loop what that has made due.
    pub(crate) async fn commit(&self, commit: Commit) -> Result<(), Error> {
        let announced = Announced::by(&commit, self.clock.now());
        self.store.commit(commit).await?;
        self.ready.announce(announced);
        self.wake.notify_one();
        Ok(())
    }

    /// Whether the engine runs by itself; else somebody pumps it.
    pub(crate) fn is_live(&self) -> bool {
        self.ready.is_listening()
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        self.workflows.accounts()
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

impl Engine {
    /// Starts putting an engine together.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// Makes a workflow the active one of its name. New items take it; running items keep theirs.
    ///
    /// # Errors
    ///
    /// [`Error::Definition`] when an activity or its settings do not fit this engine.
    pub async fn deploy(&self, definition: Definition) -> Result<DefinitionHash, Error> {
        self.core.workflows.deploy(definition).await
    }

    /// Applies one input. This is the only door: when it answers, the change is durable.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] and its kin when the input is not applied; a store or host failure
    /// otherwise, with a retry class.
    pub async fn submit(&self, input: Input) -> Result<Reply, Error> {
        self.core.submit(input).await
    }

    /// The actions this person could take on the item now, each with the reason if it is refused.
    ///
    /// # Errors
    ///
    /// When the item runs no workflow, or the store or host fails.
    pub async fn actions(
        &self,
        item: &ItemRef,
        user: &UserId,
    ) -> Result<Vec<(String, Option<Rejection>)>, Error> {
        let Some(loaded) = self.core.load(item).await? else {
            return Err(Error::NotStarted(item.clone()));
        };
        let instance = &loaded.row.instance;
        let workflow = self.core.workflows.pinned(&instance.definition).await?;
        let gather = gather::Gather {
            host: &self.core.host,
            store: self.core.store.as_ref(),
            accounts: self.core.accounts(),
            zone: &self.core.zone,
            writes: &[],
        };
        let probe = Event::Claim {
            actor: user.clone(),
        };
        let now = self.core.clock.now();
        let context = gather
            .context(&workflow, instance, Some(&probe), now)
            .await?;
        Ok(state_machine::actions_for(
            &workflow.definition,
            instance,
            user,
            &context,
        ))
    }

    /// Wipes what the history and rows of an ended item say about people. The hash chain still holds.
    ///
    /// # Errors
    ///
    /// [`Error::NotFinished`] while the item runs, or something is still to be sent or written for it: that
    /// needs what would be wiped.
    pub async fn erase_personal(&self, item: &ItemRef) -> Result<u64, Error> {
        let core = &self.core;
        let _turn = core.locks.lock(item).await;
        let Some(loaded) = core.load(item).await? else {
            return Err(Error::NotStarted(item.clone()));
        };
        let unfinished = |why| Error::NotFinished {
            item: item.clone(),
            why,
        };
        if loaded.row.instance.ended.is_none() {
            return Err(unfinished("it has not ended"));
        }
        if query::has_work(core.store.as_ref(), item).await? {
            return Err(unfinished(
                "something is still to be sent or written for it",
            ));
        }
        let subject = record::item_key(item);
        let erased = core.store.erase_personal(&subject).await?;
        // Whoever has read the item meanwhile may have remembered it again.
        core.recent.forget(&subject);
        Ok(erased)
    }

    /// The engine's time.
    pub fn now(&self) -> Timestamp {
        self.core.clock.now()
    }

    /// The store below, for reading and checking it.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.core.store
    }
}
