//! Rows that are durable in the journal and not yet in the index.
//!
//! Two layers: commits go into the active one; the flusher freezes it, writes it out, and drops it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::place::{Mark, Position};
use crate::index::IndexRow;

/// What a row takes in memory besides its bytes, roughly.
const ROW_OVERHEAD: usize = 160;

/// The newest value of one key in one layer.
#[derive(Debug)]
pub(crate) struct Slot {
    /// `None` when deleted.
    pub(crate) row: Option<IndexRow>,
    /// Nothing below knows the key, so deleting it leaves nothing to do.
    pub(crate) fresh: bool,
}

impl Slot {
    fn cost(&self, key: &[u8]) -> usize {
        let bytes = self
            .row
            .as_ref()
            .and_then(|row| row.row.as_ref())
            .map_or(0, crate::Row::bytes);
        bytes.saturating_add(key.len()).saturating_add(ROW_OVERHEAD)
    }
}

/// One layer, in key order.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    pub(crate) rows: BTreeMap<Vec<u8>, Slot>,
    pub(crate) bytes: usize,
}

impl Layer {
    fn put(&mut self, key: Vec<u8>, slot: Slot) {
        let cost = slot.cost(&key);
        match self.rows.entry(key) {
            Entry::Vacant(place) => {
                self.bytes = self.bytes.saturating_add(cost);
                place.insert(slot);
            }
            Entry::Occupied(mut place) => {
                let before = place.get().cost(place.key());
                self.bytes = self.bytes.saturating_sub(before);
                if slot.row.is_none() && place.get().fresh {
                    place.remove();
                } else {
                    self.bytes = self.bytes.saturating_add(cost);
                    place.get_mut().row = slot.row;
                }
            }
        }
    }
}

/// An erasure whose records are still to be wiped.
#[derive(Debug)]
pub(crate) struct Wipe {
    /// The subject's last record before the erasure.
    pub(crate) from: Position,
    /// Told the number of records wiped.
    pub(crate) done: Option<tokio::sync::oneshot::Sender<u64>>,
}

/// Both layers and how far they have got.
#[derive(Debug)]
pub(crate) struct Overlay {
    pub(crate) active: Layer,
    pub(crate) frozen: Option<(Arc<Layer>, Mark)>,
    /// Everything up to here is in the layers or in the index.
    pub(crate) mark: Mark,
    /// What the index below stands for.
    pub(crate) base: Mark,
    /// Grows whenever a frozen layer is dropped: what was read from the index before may be old.
    pub(crate) drops: u64,
    /// Done before the next freeze, so that the index never gets ahead of a wipe.
    pub(crate) wipes: Vec<Wipe>,
    /// Rows cancelled or replaced before they reached the index.
    pub(crate) coalesced: u64,
}

impl Overlay {
    /// Empty, over an index that has got to `base`.
    pub(crate) fn new(base: Mark) -> Self {
        Self {
            active: Layer::default(),
            frozen: None,
            mark: base,
            base,
            drops: 0,
            wipes: Vec::new(),
            coalesced: 0,
        }
    }

    /// The key's slot in the upper layer that has one.
    pub(crate) fn find(&self, key: &[u8]) -> Option<&Slot> {
        let below = || {
            self.frozen
                .as_ref()
                .and_then(|(frozen, _)| frozen.rows.get(key))
        };
        self.active.rows.get(key).or_else(below)
    }

    /// Puts a row, or `None` to delete; `fresh` when the key is known to be nowhere below.
    pub(crate) fn put(&mut self, key: Vec<u8>, row: Option<IndexRow>, fresh: bool) {
        let below = self.frozen.as_ref();
        let fresh = fresh && below.is_none_or(|(frozen, _)| !frozen.rows.contains_key(&key));
        let before = self.active.rows.len();
        self.active.put(key, Slot { row, fresh });
        if self.active.rows.len() <= before {
            self.coalesced = self.coalesced.saturating_add(1);
        }
    }

    pub(crate) fn entries(&self) -> usize {
        let frozen = self
            .frozen
            .as_ref()
            .map_or(0, |(frozen, _)| frozen.rows.len());
        self.active.rows.len().saturating_add(frozen)
    }

    pub(crate) fn bytes(&self) -> usize {
        let frozen = self.frozen.as_ref().map_or(0, |(frozen, _)| frozen.bytes);
        self.active.bytes.saturating_add(frozen)
    }

    /// Turns the active layer into the frozen one, or hands out the one that is frozen already;
    /// `None` when there is nothing to write out. The mark is where the index is with it.
    pub(crate) fn freeze(&mut self) -> Option<(Arc<Layer>, Mark)> {
        if self.frozen.is_none() && self.mark != self.base {
            self.frozen = Some((Arc::new(std::mem::take(&mut self.active)), self.mark));
        }
        self.frozen.clone()
    }

    /// Drops the frozen layer, now that the index holds it. The caller drops what it gets outside
    /// the lock: that takes a while.
    pub(crate) fn settle(&mut self) -> Option<Arc<Layer>> {
        let (layer, mark) = self.frozen.take()?;
        self.base = mark;
        self.drops = self.drops.wrapping_add(1);
        Some(layer)
    }
}
