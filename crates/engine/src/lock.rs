//! One item at a time: inputs of one item are applied one after another.

use std::hash::{BuildHasher, RandomState};

use tokio::sync::{Mutex, MutexGuard};
use values::ItemRef;

/// More stripes than inputs in flight, so that different items rarely share one.
pub(crate) const TURNS: usize = 4_096;

/// The same for what a running engine does at once, which is less.
pub(crate) const LANES: usize = 512;

/// Locks of items. Two items may share a lock; that only makes one of them wait.
pub(crate) struct ItemLocks {
    stripes: Vec<Mutex<()>>,
    hasher: RandomState,
}

impl ItemLocks {
    pub(crate) fn new(stripes: usize) -> ItemLocks {
        ItemLocks {
            stripes: (0..stripes.max(1)).map(|_| Mutex::new(())).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Waits for the item's turn. Nobody may hold two of these at once.
    pub(crate) async fn lock(&self, item: &ItemRef) -> Option<MutexGuard<'_, ()>> {
        let hash = self.hasher.hash_one(item);
        let stripes = u64::try_from(self.stripes.len()).unwrap_or(u64::MAX);
        let index = usize::try_from(hash % stripes).unwrap_or_default();
        match self.stripes.get(index) {
            Some(stripe) => Some(stripe.lock().await),
            None => None,
        }
    }
}
