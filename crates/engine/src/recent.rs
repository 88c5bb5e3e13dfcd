//! Instances as they were decoded or written last, so that a row that has not changed is not decoded again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use persistence::Row;

use crate::Error;
use crate::record::InstanceRow;
use crate::write::instance_row;

/// How many instances are kept: the last one of each slot.
const SLOTS: usize = 4_096;

/// Lately used instances by their rows. The bytes decide: equal ones mean an equal instance, so nothing
/// here can be stale, and forgetting costs only time.
pub(crate) struct Recent {
    slots: Vec<Mutex<Option<Entry>>>,
}

struct Entry {
    row: Row,
    decoded: Arc<InstanceRow>,
}

impl Recent {
    pub(crate) fn new() -> Recent {
        Recent {
            slots: std::iter::repeat_with(Mutex::default).take(SLOTS).collect(),
        }
    }

    /// The instance of a row.
    pub(crate) fn decoded(&self, subject: &[u8], row: Row) -> Result<Arc<InstanceRow>, Error> {
        if let Some(slot) = self.slot(subject) {
            let entry = slot.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(entry) = entry.as_ref().filter(|entry| entry.row == row) {
                return Ok(Arc::clone(&entry.decoded));
            }
        }
        let decoded = Arc::new(instance_row(&row)?);
        self.keep(subject, row, Arc::clone(&decoded));
        Ok(decoded)
    }

    /// Remembers what a row was made of.
    pub(crate) fn keep(&self, subject: &[u8], row: Row, decoded: Arc<InstanceRow>) {
        debug_assert!(
            instance_row(&row).is_ok_and(|read| read == *decoded),
            "a row reads as what it was made of"
        );
        if let Some(slot) = self.slot(subject) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Entry { row, decoded });
        }
    }

    /// Lets go of an item whose personal values are erased.
    pub(crate) fn forget(&self, subject: &[u8]) {
        if let Some(slot) = self.slot(subject) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    fn slot(&self, subject: &[u8]) -> Option<&Mutex<Option<Entry>>> {
        let mut hasher = DefaultHasher::new();
        subject.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % SLOTS as u64).ok()?;
        self.slots.get(index)
    }
}
