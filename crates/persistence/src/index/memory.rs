//! An index in memory: for the simulated disk, and to build the rows again when verifying.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock};

use super::{Change, Fault, Index, IndexHome};
use crate::bytes::wide;
use crate::journal::place::{Mark, StoreId};

/// Always empty when opened.
#[derive(Debug, Default)]
pub(crate) struct MemoryIndexHome;

impl IndexHome for MemoryIndexHome {
    fn open(&self, _store: &StoreId) -> Option<(Box<dyn Index>, Mark)> {
        None
    }

    fn fresh(&self, _store: &StoreId) -> Result<Box<dyn Index>, Fault> {
        Ok(Box::new(MemoryIndex::default()))
    }
}

#[derive(Debug, Default)]
struct Held {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    written: u64,
}

#[derive(Debug, Default)]
struct MemoryIndex {
    held: RwLock<Held>,
}

impl Index for MemoryIndex {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        Ok(held.rows.get(key).cloned())
    }

    fn range(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Fault> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in held.rows.range::<[u8], _>((from, to)) {
            if !visit(key, value) {
                break;
            }
        }
        Ok(())
    }

    fn apply(&self, changes: Vec<Change<'_>>, _mark: Option<&Mark>) -> Result<(), Fault> {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            let bytes = change
                .key
                .len()
                .saturating_add(change.value.as_ref().map_or(0, Vec::len));
            held.written = held.written.saturating_add(wide(bytes));
            match change.value {
                Some(value) => held.rows.insert(change.key.into_owned(), value),
                None => held.rows.remove(&*change.key),
            };
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), Fault> {
        Ok(())
    }

    fn written(&self) -> u64 {
        self.held
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .written
    }
}
