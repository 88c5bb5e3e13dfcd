//! The next segment, zeroed ahead of time so that nobody waits for it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
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
    Making,
    Ready(Arc<dyn BlockFile>, u64),
    Stopped,
}

/// A thread that makes the next segment when told to.
#[derive(Debug)]
pub(crate) struct BlankMaker {
    disk: Arc<dyn Disk>,
    stage: Mutex<Stage>,
    changed: Condvar,
}

impl BlankMaker {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Arc<Self> {
        Arc::new(Self {
            disk,
            stage: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    pub(crate) fn start(self: &Arc<Self>) -> io::Result<JoinHandle<()>> {
        let maker = Arc::clone(self);
        std::thread::Builder::new()
            .name("charkh-journal-blank".into())
            .spawn(move || maker.run())
    }

    fn run(&self) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match *stage {
                Stage::Stopped => return,
                Stage::Wanted(capacity) => {
                    *stage = Stage::Making;
                    drop(stage);
                    let made = make_blank(&*self.disk, &blank_path(), capacity);
                    stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
                    if matches!(*stage, Stage::Making) {
                        // A failure is met again, and told, when the segment is needed.
                        *stage = made.map_or(Stage::Idle, |file| Stage::Ready(file, capacity));
                    }
                    self.changed.notify_all();
                }
                _ => {
                    let waited = self.changed.wait(stage);
                    stage = waited.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// Asks for a blank of this size soon; asking again is fine.
    pub(crate) fn want(&self, capacity: u64) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*stage, Stage::Idle) {
            *stage = Stage::Wanted(capacity);
            self.changed.notify_all();
        }
    }

    /// The blank that is ready, when it is large enough; otherwise makes one now.
    pub(crate) fn take(&self, capacity: u64) -> io::Result<Arc<dyn BlockFile>> {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        while matches!(*stage, Stage::Making) {
            stage = self
                .changed
                .wait(stage)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if let Stage::Ready(file, size) = &*stage
            && *size == capacity
        {
            let file = Arc::clone(file);
            *stage = Stage::Idle;
            return Ok(file);
        }
        if !matches!(*stage, Stage::Stopped) {
            *stage = Stage::Idle;
        }
        make_blank(&*self.disk, &blank_path(), capacity)
    }

    pub(crate) fn stop(&self) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = Stage::Stopped;
        self.changed.notify_all();
    }
}
