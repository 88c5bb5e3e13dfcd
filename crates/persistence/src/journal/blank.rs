//! The next segment, zeroed ahead of time so that nobody waits for it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::segment::{FOLDER, make_blank};
use crate::disk::{BlockFile, Disk};

/// How large segments are: the first ones small, so that a small store stays small.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) first: u64,
    pub(crate) largest: u64,
}

impl Sizes {
    pub(crate) fn of(self, number: u32) -> u64 {
        let doubled = self
            .first
            .checked_shl(number.saturating_sub(1))
            .filter(|size| *size > 0);
        doubled
            .unwrap_or(self.largest)
            .clamp(self.first.min(self.largest), self.largest)
    }
}

pub(crate) fn blank_path() -> PathBuf {
    Path::new(FOLDER).join("next.tmp")
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Idle,
    Wanted(u64),
    Ready(Arc<dyn BlockFile>, u64),
    Stopped,
}

#[derive(Debug, Default)]
struct Held {
    stage: Stage,
    /// The thread is at work on the file.
    making: bool,
}

/// A thread that makes the next segment when told to.
#[derive(Debug)]
pub(crate) struct BlankMaker {
    disk: Arc<dyn Disk>,
    held: Mutex<Held>,
    changed: Condvar,
}

impl BlankMaker {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Arc<Self> {
        Arc::new(Self {
            disk,
            held: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    pub(crate) fn start(self: &Arc<Self>) -> io::Result<JoinHandle<()>> {
        let maker = Arc::clone(self);
        std::thread::Builder::new()
            .name("charkh-journal-blank".into())
            .spawn(move || maker.run())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, held: MutexGuard<'a, Held>) -> MutexGuard<'a, Held> {
        self.changed
            .wait(held)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut held = self.held();
        loop {
            match held.stage {
                Stage::Stopped => return,
                Stage::Wanted(capacity) => {
                    held.making = true;
                    drop(held);
                    let made = make_blank(&*self.disk, &blank_path(), capacity);
                    held = self.held();
                    held.making = false;
                    if matches!(held.stage, Stage::Wanted(_)) {
                        // A failure is met again, and told, when the segment is needed.
                        held.stage = made.map_or(Stage::Idle, |file| Stage::Ready(file, capacity));
                    }
                    self.changed.notify_all();
                }
                _ => held = self.wait(held),
            }
        }
    }

    /// Asks for a blank of this size soon; asking again is fine.
    pub(crate) fn want(&self, capacity: u64) {
        let mut held = self.held();
        if matches!(held.stage, Stage::Idle) {
            held.stage = Stage::Wanted(capacity);
            self.changed.notify_all();
        }
    }

    /// The blank that is ready, when it has the right size; otherwise makes one now.
    pub(crate) fn take(&self, capacity: u64) -> io::Result<Arc<dyn BlockFile>> {
        let mut held = self.held();
        while held.making {
            held = self.wait(held);
        }
        if let Stage::Ready(file, size) = std::mem::take(&mut held.stage)
            && size == capacity
        {
            return Ok(file);
        }
        make_blank(&*self.disk, &blank_path(), capacity)
    }

    /// Ends the thread's work and removes a blank nobody took: it may be large, and the next opening
    /// makes another. When this returns the file is left alone for good.
    pub(crate) fn stop(&self) {
        let mut held = self.held();
        let before = std::mem::replace(&mut held.stage, Stage::Stopped);
        self.changed.notify_all();
        let left = held.making || matches!(before, Stage::Ready(..));
        while held.making {
            held = self.wait(held);
        }
        if left {
            // A file that cannot be removed is overwritten next time.
            let _ = self.disk.remove(&blank_path());
        }
    }
}
