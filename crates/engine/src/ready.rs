//! What a commit made due, told to the live loop at once. The rows are the truth: this only saves looking
//! for them, and whatever is lost here is found by the next look.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use persistence::{Commit, Table, Write};
use values::Timestamp;

use crate::due::Due;
use crate::record;

/// More than this is not kept: the loop looks into the store instead.
const READY_MAX: usize = 4_096;

/// Hints of what is due, from commits to the live loop.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    /// Nobody listens until the engine runs; a pumped engine looks into the store itself.
    listening: AtomicBool,
    hints: Mutex<Hints>,
}

#[derive(Debug, Default)]
struct Hints {
    due: VecDeque<Due>,
    soonest: Option<Timestamp>,
    overflow: bool,
}

impl Ready {
    pub(crate) fn listen(&self) {
        self.listening.store(true, Ordering::Relaxed);
    }

    fn hints(&self) -> MutexGuard<'_, Hints> {
        // Hints are only hints: half-written ones do no harm.
        self.hints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what a commit that is now durable has made due.
    pub(crate) fn announce(&self, announced: Announced) {
        if !self.listening.load(Ordering::Relaxed) {
            return;
        }
        let mut hints = self.hints();
        if hints.due.len().saturating_add(announced.due.len()) > READY_MAX {
            hints.overflow = true;
        } else {
            hints.due.extend(announced.due);
        }
        hints.soonest = earlier(hints.soonest, announced.soonest);
    }

    /// Whether the engine runs.
    pub(crate) fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    /// Notes what a look into the store has found.
    pub(crate) fn found(&self, due: impl Iterator<Item = Due>) {
        let mut hints = self.hints();
        let known: BTreeSet<Due> = hints.due.iter().cloned().collect();
        hints.due.extend(due.filter(|due| !known.contains(due)));
    }

    pub(crate) fn take(&self) -> Option<Due> {
        self.hints().due.pop_front()
    }

    /// Whether the store must be looked into now: something was dropped, or a later time has come.
    pub(crate) fn must_look(&self, now: Timestamp) -> bool {
        let mut hints = self.hints();
        let come = hints.soonest.is_some_and(|soonest| soonest <= now);
        if come {
            hints.soonest = None;
        }
        std::mem::take(&mut hints.overflow) || come
    }

    /// When something is due next, as far as is known; `found` is what the store says.
    pub(crate) fn soonest(&self, found: Option<Timestamp>) -> Option<Timestamp> {
        let mut hints = self.hints();
        hints.soonest = earlier(hints.soonest, found);
        hints.soonest
    }
}

/// What one commit makes due.
#[derive(Debug, Default)]
pub(crate) struct Announced {
    due: Vec<Due>,
    soonest: Option<Timestamp>,
}

impl Announced {
    /// What the rows of a commit make due: at once, or at the soonest later moment.
    pub(crate) fn by(commit: &Commit, now: Timestamp) -> Announced {
        let mut announced = Announced::default();
        for write in &commit.writes {
            let (Write::Fresh { table, key, .. } | Write::Put { table, key, .. }) = write else {
                continue;
            };
            let due = match table {
                Table::Outbox => Due::Work(key.clone()),
                Table::Timers => Due::Timer(key.clone()),
                _ => continue,
            };
            match record::due_of(key) {
                Some(at) if at > now => announced.soonest = earlier(announced.soonest, Some(at)),
                _ => announced.due.push(due),
            }
        }
        announced
    }
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
