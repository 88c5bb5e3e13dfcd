//! Doing what is due: once, until nothing is, or for as long as the engine lives.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::JoinSet;
use values::Timestamp;

use crate::due::Due;
use crate::{Core, Engine, Error};

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
    /// # Errors
    ///
    /// The first failure of the store or of the engine itself.
    pub async fn settle(&self) -> Result<Settled, Error> {
        let mut settled = Settled::default();
        loop {
            let now = self.core.clock.now();
            let notices = self.core.notices(now).await?;
            let due = self.core.due(now, self.core.limits.due_batch).await?;
            if due.is_empty() && notices == 0 {
                return Ok(settled);
            }
            settled.done += notices + due.len();
            for next in due {
                self.core.act(next).await?;
            }
        }
    }

    /// The same with many pieces side by side, for runs of many items whose order does not matter.
    ///
    /// # Errors
    ///
    /// The first failure of the store or of the engine itself; what was under way then is dropped.
    pub async fn settle_together(&self) -> Result<Settled, Error> {
        let mut settled = Settled::default();
        loop {
            let now = self.core.clock.now();
            let notices = self.core.notices(now).await?;
            let due = self.core.due(now, self.core.limits.due_batch).await?;
            if due.is_empty() && notices == 0 {
                return Ok(settled);
            }
            settled.done += notices + due.len();
            let mut under_way = JoinSet::new();
            for next in due {
                while under_way.len() >= self.core.limits.in_flight_max.max(1) {
                    joined(under_way.join_next().await)?;
                }
                let core = self.core.clone();
                under_way.spawn(async move { core.act(next).await });
            }
            while !under_way.is_empty() {
                joined(under_way.join_next().await)?;
            }
        }
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
    /// then is finished first; what is not is found by the next start.
    ///
    /// # Errors
    ///
    /// When the store fails: nothing more can be promised then.
    pub async fn run(&self, stop: impl Future<Output = ()> + Send) -> Result<(), Error> {
        let mut stop = std::pin::pin!(stop);
        let mut live = Live::new(self.core.clone());
        loop {
            let wait = live.turn().await?;
            tokio::select! {
                () = &mut stop => return live.finish().await,
                () = self.core.wake.notified() => {}
                () = tokio::time::sleep(wait) => live.look = true,
                ended = live.one_ended(), if live.is_busy() => ended?,
            }
        }
    }
}

/// What a piece of work that ran beside others came to.
fn joined(ended: Option<Result<Result<(), Error>, tokio::task::JoinError>>) -> Result<(), Error> {
    match ended {
        Some(Ok(result)) => result,
        Some(Err(error)) => Err(Error::Invariant(format!("a task ended badly: {error}"))),
        None => Ok(()),
    }
}

/// Longest sleep of the live loop: a clock that was set back or forth is noticed within it.
const SLEEP_MAX: std::time::Duration = std::time::Duration::from_secs(30);

/// Pause after a failure that may pass, so that it is not asked for again at once.
const FAILURE_PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

struct Live {
    core: Arc<Core>,
    /// The store must be looked into: at the start, after a failure, and once in a while.
    look: bool,
    busy: BTreeSet<Due>,
    tasks: JoinSet<(Due, Result<(), Error>)>,
    failed: bool,
}

impl Live {
    fn new(core: Arc<Core>) -> Live {
        core.ready.listen();
        Live {
            core,
            look: true,
            busy: BTreeSet::new(),
            tasks: JoinSet::new(),
            failed: false,
        }
    }

    fn is_busy(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// Starts what is due and free; how long nothing else will be due.
    async fn turn(&mut self) -> Result<std::time::Duration, Error> {
        let now = self.core.clock.now();
        self.core.notices(now).await?;
        while self.busy.len() < self.core.limits.in_flight_max {
            let Some(next) = self.core.ready.take() else {
                break;
            };
            self.begin(next);
        }
        if self.core.ready.must_look(now) || self.look {
            self.look_into_store(now).await?;
        }
        if std::mem::take(&mut self.failed) {
            self.look = true;
            return Ok(FAILURE_PAUSE);
        }
        let Some(next) = self.core.ready.soonest(None) else {
            return Ok(SLEEP_MAX);
        };
        Ok((next - now).to_std().unwrap_or_default().min(SLEEP_MAX))
    }

    /// Finds what is due by its rows, and when the next will be.
    async fn look_into_store(&mut self, now: values::Timestamp) -> Result<(), Error> {
        let free = self
            .core
            .limits
            .in_flight_max
            .saturating_sub(self.busy.len());
        // Rows under way are still due, so ask for that many more.
        let due = self
            .core
            .due(now, free.saturating_add(self.busy.len()))
            .await?;
        self.look = due.len() > free;
        for next in due {
            if self.busy.len() >= self.core.limits.in_flight_max {
                break;
            }
            self.begin(next);
        }
        let next = self.core.next_due().await?.filter(|next| *next > now);
        self.core.ready.soonest(next);
        Ok(())
    }

    fn begin(&mut self, next: Due) {
        if !self.busy.insert(next.clone()) {
            return;
        }
        let core = self.core.clone();
        self.tasks.spawn(async move {
            let result = core.act(next.clone()).await;
            (next, result)
        });
    }

    async fn one_ended(&mut self) -> Result<(), Error> {
        match self.tasks.join_next().await {
            Some(Ok((due, result))) => {
                self.busy.remove(&due);
                self.judge(result)
            }
            Some(Err(error)) => Err(Error::Invariant(format!("a task ended badly: {error}"))),
            None => Ok(()),
        }
    }

    /// A failure of the store ends the loop; anything else stays due and is tried again.
    fn judge(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        match result {
            Ok(()) => Ok(()),
            Err(Error::Store(error)) if error.retry() == persistence::Retry::Never => {
                Err(Error::Store(error))
            }
            Err(error) => {
                tracing::warn!(%error, "work stays due");
                self.failed = true;
                Ok(())
            }
        }
    }

    async fn finish(mut self) -> Result<(), Error> {
        while self.is_busy() {
            self.one_ended().await?;
        }
        Ok(())
    }
}
