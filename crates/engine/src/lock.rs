//! One item at a time: inputs of one item are applied one after another.

use std::hash::{BuildHasher, RandomState};

use tokio::sync::{Mutex, MutexGuard};
use values::ItemRef;

/// More stripes than inputs in flight, so that different items rarely share one.
const STRIPES: usize = 4_096;

/// Locks of items. Two items may share a lock; that only makes one of them wait.
pub(crate) struct ItemLocks {
    stripes: Vec<Mutex<()>>,
    hasher: RandomState,
}

impl ItemLocks {
    pub(crate) fn new() -> ItemLocks {
        ItemLocks {
            stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Waits for the item's turn. Nobody may hold two of these at once.
    pub(crate) async fn lock(&self, item: &ItemRef) -> Option<MutexGuard<'_, ()>> {
        let hash = self.hasher.hash_one(item);
        let index = usize::try_from(hash % (STRIPES as u64)).unwrap_or_default();
        match self.stripes.get(index) {
            Some(stripe) => Some(stripe.lock().await),
            None => None,
        }
    }
}
