//! Doing what is due: once, until nothing is, or for as long as the engine lives.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use values::Timestamp;

use crate::due::Due;
use crate::resting::Trouble;
use crate::{Core, Engine, Error};

/// A row that is still there after having been acted on so often, without time passing, makes no
/// progress.
const SAME_ROW_MAX: u32 = 16;

/// What settling did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settled {
    /// Timers fired, work done and notices taken.
    pub done: usize,
}

impl Engine {
    /// Does everything that is due by the engine's clock, one after another, until nothing is.
    /// Scenarios and virtual runs use this with a clock of their own: the order is always the same.
    ///
    /// What fails because the host is away rests and is tried again as the clock goes on; so does what
    /// fails otherwise, but that is reported once everything else is done.
    ///
    /// # Errors
    ///
    /// A failure of the store at once; else the first failure of the engine itself.
    pub async fn settle(&self) -> Result<Settled, Error> {
        let mut settling = Settling::default();
        while let Some(due) = settling.next(&self.core).await? {
            for next in due {
                let trouble = match settling.again(&next) {
                    Ok(()) => self.core.act(&next).await?,
                    Err(error) => Some(self.core.rest(&next, error)?),
                };
                settling.heard(trouble);
            }
        }
        settling.end()
    }

    /// The same with many pieces side by side, for runs of many items whose order does not matter.
    ///
    /// # Errors
    ///
    /// As [`Engine::settle`]; what was under way when the store failed is dropped.
    pub async fn settle_together(&self) -> Result<Settled, Error> {
        let mut settling = Settling::default();
        let mut crew = Crew::new(self.core.clone());
        while let Some(due) = settling.next(&self.core).await? {
            for next in due {
                while crew.free() == 0 {
                    settling.heard(crew.one_ended().await?);
                }
                match settling.again(&next) {
                    Ok(()) => crew.begin(next),
                    Err(error) => settling.heard(Some(self.core.rest(&next, error)?)),
                }
            }
            while crew.is_busy() {
                settling.heard(crew.one_ended().await?);
            }
        }
        settling.end()
    }

    /// When something is due next; `None` when everything waits for people or events.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        self.core.next_due().await
    }

    /// Does what is due as it becomes due, many items side by side, until `stop` ends. What is under way
    /// then is finished first; what is not is found by the next start. It needs a runtime with time.
    ///
    /// # Errors
    ///
    /// When the store has stopped: nothing more can be promised then. What is under way is dropped, and
    /// the next start finds it.
    pub async fn run(&self, stop: impl Future<Output = ()> + Send) -> Result<(), Error> {
        let mut stop = std::pin::pin!(stop);
        let mut live = Live::new(self.core.clone());
        // A task of its own: whatever turns it holds when the work here has to wait, it goes on, and lets go
        // of them when it is called off.
        let mut rounds = JoinSet::new();
        let engine = self.clone();
        rounds.spawn(async move { engine.rounds().await });
        loop {
            let wait = live.turn().await?;
            tokio::select! {
                () = &mut stop => {
                    rounds.shutdown().await;
                    return live.finish().await;
                }
                () = self.core.wake.notified() => {}
                Some(Ok(error)) = rounds.join_next() => return Err(error),
                () = tokio::time::sleep(wait) => live.look = true,
                ended = live.crew.one_ended(), if live.crew.is_busy() => live.heard(ended?),
            }
        }
    }
}

/// The state of doing everything that is due at one moment.
#[derive(Default)]
struct Settling {
    settled: Settled,
    acted: BTreeMap<Due, u32>,
    trouble: Option<Error>,
}

impl Settling {
    /// What is due now; `None` when nothing is.
    async fn next(&mut self, core: &Core) -> Result<Option<Vec<Due>>, Error> {
        let now = core.clock.now();
        let notices = core.notices(now).await?;
        let due = core.due(now, core.limits.due_batch).await?;
        self.settled.done += notices + due.len();
        Ok((notices > 0 || !due.is_empty()).then_some(due))
    }

    /// Counts an act on a row; an error when acting on it makes no progress.
    fn again(&mut self, due: &Due) -> Result<(), Error> {
        let times = self.acted.entry(due.clone()).or_default();
        *times += 1;
        if *times > SAME_ROW_MAX {
            *times = 0;
            return Err(Error::Invariant(format!("{due} stays due")));
        }
        Ok(())
    }

    fn heard(&mut self, trouble: Option<Trouble>) {
        if let Some(Trouble::Lasting(error)) = trouble {
            self.trouble.get_or_insert(error);
        }
    }

    fn end(self) -> Result<Settled, Error> {
        match self.trouble {
            Some(error) => Err(error),
            None => Ok(self.settled),
        }
    }
}

/// Pieces of work under way side by side.
struct Crew {
    core: Arc<Core>,
    busy: BTreeSet<Due>,
    names: HashMap<Id, Due>,
    tasks: JoinSet<Result<Option<Trouble>, Error>>,
}

impl Crew {
    fn new(core: Arc<Core>) -> Crew {
        Crew {
            core,
            busy: BTreeSet::new(),
            names: HashMap::new(),
            tasks: JoinSet::new(),
        }
    }

    fn free(&self) -> usize {
        let most = self.core.limits.in_flight_max.max(1);
        most.saturating_sub(self.busy.len())
    }

    fn is_busy(&self) -> bool {
        !self.tasks.is_empty()
    }

    fn begin(&mut self, next: Due) {
        if !self.busy.insert(next.clone()) {
            return;
        }
        let core = self.core.clone();
        let due = next.clone();
        let task = self.tasks.spawn(async move { core.act(&due).await });
        self.names.insert(task.id(), next);
    }

    /// Waits for one piece of work to end. One that panics harms nobody else: it rests like any failure.
    async fn one_ended(&mut self) -> Result<Option<Trouble>, Error> {
        let Some(ended) = self.tasks.join_next_with_id().await else {
            return Ok(None);
        };
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let due = self.names.remove(&id);
        if let Some(due) = &due {
            self.busy.remove(due);
        }
        match (ended, due) {
            (Ok((_, result)), _) => result,
            (Err(error), Some(due)) => {
                let error = Error::Invariant(format!("{due} ended badly: {error}"));
                self.core.rest(&due, error).map(Some)
            }
            (Err(error), None) => Err(Error::Invariant(format!("a task ended badly: {error}"))),
        }
    }
}

/// Longest sleep of the live loop: a clock that was set back or forth is noticed within it.
const SLEEP_MAX: Duration = Duration::from_secs(30);

/// Pause after a failure to look for work, so that it is not asked for again at once.
const FAILURE_PAUSE: Duration = Duration::from_millis(200);

struct Live {
    core: Arc<Core>,
    /// The store must be looked into: at the start, after a failure, and once in a while.
    look: bool,
    crew: Crew,
}

impl Live {
    fn new(core: Arc<Core>) -> Live {
        core.ready.listen();
        Live {
            look: true,
            crew: Crew::new(core.clone()),
            core,
        }
    }

    /// Starts what is due and free; how long nothing else will be due.
    async fn turn(&mut self) -> Result<Duration, Error> {
        match self.begin_due().await {
            Err(error) if error.is_fatal() => Err(error),
            Err(error) => {
                tracing::warn!(%error, "looking for work fails");
                self.look = true;
                Ok(FAILURE_PAUSE)
            }
            Ok(wait) => Ok(wait),
        }
    }

    async fn begin_due(&mut self) -> Result<Duration, Error> {
        let now = self.core.clock.now();
        self.core.notices(now).await?;
        self.begin_ready();
        if self.crew.free() > 0 && (self.core.ready.must_look(now) || self.look) {
            self.look_into_store(now).await?;
            self.begin_ready();
        }
        if self.crew.free() == 0 {
            // The end of what is under way wakes the loop.
            return Ok(SLEEP_MAX);
        }
        let (work, notice) = (self.core.ready.soonest(None), self.core.next_notice());
        let Some(next) = work.into_iter().chain(notice).min() else {
            return Ok(SLEEP_MAX);
        };
        Ok((next - now).to_std().unwrap_or_default().min(SLEEP_MAX))
    }

    fn begin_ready(&mut self) {
        while self.crew.free() > 0 {
            let Some(next) = self.core.ready.take() else {
                return;
            };
            self.crew.begin(next);
        }
    }

    /// Finds what is due by its rows, and when the next will be.
    async fn look_into_store(&mut self, now: Timestamp) -> Result<(), Error> {
        let busy = &self.crew.busy;
        // Rows under way are still due, so ask for that many more.
        let most = self.core.limits.due_batch.saturating_add(busy.len());
        let due = self.core.due(now, most).await?;
        self.look = due.len() >= most;
        let new = due.into_iter().filter(|due| !busy.contains(due));
        self.core.ready.found(new);
        let skip = |due: &Due| busy.contains(due);
        let next = self.core.next_due_but(now, skip, busy.len()).await?;
        self.core.ready.soonest(next.filter(|next| *next > now));
        Ok(())
    }

    fn heard(&mut self, trouble: Option<Trouble>) {
        // What failed rests: the next look learns until when.
        self.look |= trouble.is_some();
    }

    async fn finish(mut self) -> Result<(), Error> {
        while self.crew.is_busy() {
            self.crew.one_ended().await?;
        }
        Ok(())
    }
}
