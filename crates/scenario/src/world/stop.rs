//! Stopping the engine from inside: a process that dies, and a bound on how much may happen.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// Commits one step of a scenario may make. A year of readings of an open link is about 700, so
/// whoever comes here goes in circles.
pub(crate) const COMMITS_MAX: u64 = 5_000;

/// Why the engine was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The process died, as the scenario wants it.
    Died,
    /// More happens than a step may make happen.
    TooMuch,
}

/// The switch: whoever must stop the engine throws it and never goes on.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    reason: Mutex<Option<Stopped>>,
    thrown: Notify,
    commits: AtomicU64,
    die_after_gateway: AtomicBool,
}

impl Stop {
    /// Counts from zero again.
    pub(crate) fn next_step(&self) {
        self.commits.store(0, Ordering::Relaxed);
    }

    /// The process dies when a gateway has answered next.
    pub(crate) fn die_after_gateway(&self, yes: bool) {
        self.die_after_gateway.store(yes, Ordering::Relaxed);
    }

    /// A gateway has answered: does not come back if the process dies now.
    pub(crate) async fn gateway_answered(&self) {
        if self.die_after_gateway.swap(false, Ordering::Relaxed) {
            self.throw(Stopped::Died).await;
        }
    }

    /// Something is to be committed: does not come back when it is too much.
    pub(crate) async fn commit(&self) {
        if self.commits.fetch_add(1, Ordering::Relaxed) >= COMMITS_MAX {
            self.throw(Stopped::TooMuch).await;
        }
    }

    async fn throw(&self, reason: Stopped) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
        self.thrown.notify_one();
        std::future::pending::<()>().await;
    }

    /// Runs work until it ends or the switch is thrown; thrown, the work is dropped where it stands.
    pub(crate) async fn guard<T>(&self, work: impl Future<Output = T>) -> Result<T, Stopped> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.thrown.notified() => {
                let reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner).take();
                Err(reason.unwrap_or(Stopped::TooMuch))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{COMMITS_MAX, Stop, Stopped};

    #[tokio::test]
    async fn work_without_end_is_stopped_by_its_commits() {
        let stop = Stop::default();
        let mut commits = 0_u64;
        let endless = async {
            loop {
                stop.commit().await;
                commits += 1;
            }
        };
        let ended: Result<(), Stopped> = stop.guard(endless).await;
        assert_eq!(ended, Err(Stopped::TooMuch));
        assert_eq!(commits, COMMITS_MAX);
    }

    #[tokio::test]
    async fn a_process_dies_once_and_only_when_it_is_told_to() {
        let stop = Stop::default();
        assert_eq!(stop.guard(stop.gateway_answered()).await, Ok(()));
        stop.die_after_gateway(true);
        assert_eq!(
            stop.guard(stop.gateway_answered()).await,
            Err(Stopped::Died)
        );
        assert_eq!(stop.guard(stop.gateway_answered()).await, Ok(()));
    }
}
