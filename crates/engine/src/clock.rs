//! The one place that reads the time.

use std::sync::Mutex;
use std::sync::PoisonError;

use chrono::SubsecRound;
use values::Timestamp;

/// Where the engine takes the time from.
pub trait Clock: Send + Sync {
    /// The moment, in UTC.
    fn now(&self) -> Timestamp;
}

/// The machine's clock, to the millisecond: what is due is found by keys of that precision.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the time"
    )]
    fn now(&self) -> Timestamp {
        let now: Timestamp = std::time::SystemTime::now().into();
        now.trunc_subsecs(3)
    }
}

/// A clock that stands still until it is set. Tests, scenarios and virtual runs use it.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Timestamp>,
}

impl ManualClock {
    /// A clock that shows this moment.
    pub fn at(now: Timestamp) -> ManualClock {
        ManualClock {
            now: Mutex::new(now),
        }
    }

    /// Sets the clock, forwards or back.
    pub fn set(&self, now: Timestamp) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
