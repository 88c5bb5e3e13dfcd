//! Time: it jumps from one due moment to the next, and never passes for real.

use values::{ItemRef, Timestamp};

use super::{Finding, Outcome, Playing, Trouble};
use crate::report::Skip;
use crate::story::moment;
use crate::world::{Stopped, stop::COMMITS_MAX};

impl Playing<'_> {
    /// Does everything that is due at this moment; a process that dies on the way is replaced.
    pub(super) async fn settle(&mut self) -> Outcome {
        loop {
            let engine = self.world.engine()?.clone();
            // The engine's future is large, and every step of a scenario holds one.
            let settling = Box::pin(engine.settle());
            match self.world.stop.guard(settling).await {
                Ok(Ok(settled)) => {
                    self.done = self.done.saturating_add(settled.done);
                    return Ok(());
                }
                Ok(Err(error)) => {
                    let actual = format!("{error} ({})", error.code());
                    return Err(Trouble::one(Finding::new("the engine", "goes on", actual)));
                }
                Err(Stopped::Died) => {
                    self.died = true;
                    drop(engine);
                    self.world.restart().await?;
                }
                Err(Stopped::TooMuch) => {
                    let actual = format!(
                        "more than {COMMITS_MAX} commits at {}: the workflow goes in circles",
                        moment(self.world.now(), &self.world.zone())
                    );
                    let expected = "comes to rest";
                    return Err(Trouble::one(Finding::new("the workflow", expected, actual)));
                }
            }
        }
    }

    /// Sets the clock, and writes it down.
    pub(super) fn skip_to(&mut self, to: Timestamp) {
        let from = self.world.now();
        if to > from {
            self.skips.push(Skip { from, to });
            self.world.clock.set(to);
        }
    }

    /// Goes to the next due moment if it is not after `limit`; false where nothing is due by then.
    async fn next_moment(&mut self, limit: Timestamp) -> Outcome<bool> {
        let due = self.world.engine()?.next_due().await?;
        let Some(due) = due.filter(|due| *due <= limit) else {
            return Ok(false);
        };
        if due <= self.world.now() {
            let actual = format!("is still due at {}", moment(due, &self.world.zone()));
            return Err(Trouble::one(Finding::new(
                "something due",
                "gets done",
                actual,
            )));
        }
        self.skip_to(due);
        self.settle().await?;
        Ok(true)
    }

    /// Lets time pass to a moment.
    pub(super) async fn pass_to(&mut self, target: Timestamp) -> Outcome {
        self.settle().await?;
        while self.next_moment(target).await? {}
        self.skip_to(target);
        self.settle().await
    }

    pub(super) async fn to(&mut self, target: Timestamp) -> Outcome {
        let now = self.world.now();
        if target < now {
            let zone = self.world.zone();
            let actual = format!("it is {} already", moment(now, &zone));
            return Err(Trouble::one(Finding::new(
                "to",
                moment(target, &zone),
                actual,
            )));
        }
        self.pass_to(target).await
    }

    /// Lets time pass until the item is in a state.
    pub(super) async fn pass_until(
        &mut self,
        item: &ItemRef,
        state: &str,
        limit: Timestamp,
    ) -> Outcome {
        self.settle().await?;
        loop {
            let instance = self.world.engine()?.instance(item).await?;
            let now = instance.map(|instance| instance.state).unwrap_or_default();
            if now == state {
                return Ok(());
            }
            if !self.next_moment(limit).await? {
                let actual = format!(
                    "in {now}, and nothing is due before {}",
                    moment(limit, &self.world.zone())
                );
                return Err(Trouble::one(Finding::new("until", state, actual)));
            }
        }
    }

    /// Lets time pass until nothing is due.
    pub(super) async fn pass_until_idle(&mut self, limit: Timestamp) -> Outcome {
        self.settle().await?;
        while self.next_moment(limit).await? {}
        let Some(due) = self.world.engine()?.next_due().await? else {
            return Ok(());
        };
        let actual = format!("something is due at {}", moment(due, &self.world.zone()));
        Err(Trouble::one(Finding::new(
            "until_idle",
            "nothing is due",
            actual,
        )))
    }
}
