//! What has failed rests before it is tried again, so that it stands in nobody's way. In memory only: a
//! restart tries everything at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use values::Timestamp;

use crate::Error;
use crate::due::Due;
use crate::retry::pause;

/// The first rest; each next one is twice as long.
const REST: TimeDelta = TimeDelta::seconds(1);

/// The longest rest.
const REST_MAX: TimeDelta = TimeDelta::minutes(5);

/// A rest that ended so long ago belongs to a row that is gone.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::hours(1);

/// A failure that stopped nobody else.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It passes by itself, as when the host is away.
    Passing,
    /// Somebody has to mend something.
    Lasting(Error),
}

#[derive(Debug, Clone, Copy)]
struct Rest {
    until: Timestamp,
    failures: u32,
}

/// Rows at rest.
#[derive(Debug, Default)]
pub(crate) struct Resting {
    rests: Mutex<BTreeMap<Due, Rest>>,
}

impl Resting {
    fn rests(&self) -> MutexGuard<'_, BTreeMap<Due, Rest>> {
        self.rests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a row to rest; until when.
    pub(crate) fn fail(&self, due: &Due, now: Timestamp) -> Timestamp {
        let mut rests = self.rests();
        rests.retain(|_, rest| now - rest.until < FORGOTTEN_AFTER);
        let failures = rests.get(due).map_or(0, |rest| rest.failures) + 1;
        let until = now + pause(REST, REST_MAX, failures.saturating_add(1), "rest");
        rests.insert(due.clone(), Rest { until, failures });
        until
    }

    /// Its work has succeeded.
    pub(crate) fn clear(&self, due: &Due) {
        self.rests().remove(due);
    }

    /// What rests now.
    pub(crate) fn at(&self, now: Timestamp) -> BTreeSet<Due> {
        let rests = self.rests();
        let resting = rests.iter().filter(|(_, rest)| rest.until > now);
        resting.map(|(due, _)| due.clone()).collect()
    }

    /// When the next rest is over.
    pub(crate) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let rests = self.rests();
        let ends = rests.values().map(|rest| rest.until);
        ends.filter(|until| *until > now).min()
    }
}
