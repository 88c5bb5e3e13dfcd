//! A clock that jumps, and remembers in the store folder where it stands.
//!
//! A run that was killed goes on at the time it had come to. The file is not synced: what counts is
//! in the store, and after a power cut the clock starts again at the latest moment the store knows.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use charkh::Clock;
use charkh::engine::ManualClock;
use charkh::values::{Timestamp, Zone, parse_timestamp};

use crate::exit::Outcome;

/// The name of the file.
pub(crate) const FILE: &str = "clock";

/// The clock.
#[derive(Debug)]
pub(crate) struct VirtualClock {
    clock: ManualClock,
    file: Option<Mutex<File>>,
}

impl VirtualClock {
    /// A clock that shows this moment and keeps it in that file.
    pub(crate) fn open(file: Option<&Path>, now: Timestamp) -> Outcome<VirtualClock> {
        let file = match file {
            Some(path) => Some(Mutex::new(
                OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .open(path)?,
            )),
            None => None,
        };
        let clock = VirtualClock {
            clock: ManualClock::at(now),
            file,
        };
        clock.jump(now)?;
        Ok(clock)
    }

    /// Moves the clock on.
    pub(crate) fn jump(&self, now: Timestamp) -> Outcome<()> {
        if let Some(file) = &self.file {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.rewind()?;
            // Always as long, so that one write replaces the last one whole.
            writeln!(file, "{}", now.format("%Y-%m-%dT%H:%M:%S%.6fZ"))?;
        }
        self.clock.set(now);
        Ok(())
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Where the clock of a store folder stands; `None` when it lives in real time.
pub(crate) fn kept(folder: &Path) -> Option<Timestamp> {
    let text = std::fs::read_to_string(folder.join(FILE)).ok()?;
    parse_timestamp(text.trim(), &Zone::UTC).ok()
}
