//! Reading rows: the overlay first, then the index.

use std::iter::Peekable;
use std::ops::Bound;

use super::overlay::{Overlay, Slot};
use super::shared::Shared;
use crate::commit::after_prefix;
use crate::index::Fault;
use crate::index::{IndexRow, read_key, row_key, table_prefix};
use crate::{Error, Operation, Row, Scan};

impl Shared {
    /// One row, newest value.
    pub(crate) fn row(&self, key: &[u8], operation: Operation) -> Result<Option<IndexRow>, Error> {
        let found = self.overlay().find(key).map(|slot| slot.row.clone());
        match found {
            Some(row) => Ok(row),
            None => self.index_row(key, operation),
        }
    }

    /// Rows in a range. The overlay stays locked meanwhile, so nothing moves from it to the index or
    /// changes: what comes back stood together at one moment.
    pub(crate) fn scan(&self, scan: &Scan) -> Result<Vec<(Vec<u8>, Row)>, Error> {
        if scan.is_empty() {
            return Ok(Vec::new());
        }
        let (from, to) = bounds(scan);
        let overlay = self.overlay();
        let mut merge = Merge {
            above: above(&overlay, &from, &to),
            rows: Vec::new(),
            limit: scan.limit,
        };
        self.ask_index(Operation::Read, |index| {
            let mut damaged = false;
            index.range(as_slice(&from), as_slice(&to), &mut |key, value| {
                if !merge.take_until(key) {
                    return false;
                }
                if merge.replaces(key) {
                    return merge.has_room();
                }
                match IndexRow::decode(key, value) {
                    Some(row) => merge.push(key, Some(&row)),
                    None => damaged = true,
                }
                !damaged && merge.has_room()
            })?;
            if damaged { Err(Fault::Damaged) } else { Ok(()) }
        })?;
        merge.take_rest();
        Ok(merge.rows)
    }
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    match bound {
        Bound::Included(key) => Bound::Included(key),
        Bound::Excluded(key) => Bound::Excluded(key),
        Bound::Unbounded => Bound::Unbounded,
    }
}

/// The range in index keys.
fn bounds(scan: &Scan) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let prefix = table_prefix(scan.table);
    let key = |key: &Vec<u8>| row_key(scan.table, key);
    let from = match &scan.from {
        Bound::Unbounded => Bound::Included(prefix.clone()),
        bound => bound.as_ref().map(key),
    };
    let to = match &scan.to {
        Bound::Unbounded => after_prefix(&prefix).map_or(Bound::Unbounded, Bound::Excluded),
        bound => bound.as_ref().map(key),
    };
    (from, to)
}

type Above<'a> = Peekable<Box<dyn Iterator<Item = (&'a Vec<u8>, &'a Slot)> + 'a>>;

/// Both layers as one, the active one winning.
fn above<'a>(overlay: &'a Overlay, from: &Bound<Vec<u8>>, to: &Bound<Vec<u8>>) -> Above<'a> {
    let range = (as_slice(from), as_slice(to));
    let mut active = overlay.active.rows.range::<[u8], _>(range).peekable();
    let frozen = overlay.frozen.as_ref();
    let mut frozen = frozen.map(|(frozen, _)| frozen.rows.range::<[u8], _>(range).peekable());
    let both: Box<dyn Iterator<Item = _>> = Box::new(std::iter::from_fn(move || {
        let below = frozen
            .as_mut()
            .and_then(|frozen| frozen.peek().map(|(key, _)| *key));
        let Some(below) = below else {
            return active.next();
        };
        let Some((above, _)) = active.peek() else {
            return frozen.as_mut()?.next();
        };
        if *above > below {
            return frozen.as_mut()?.next();
        }
        if *above == below {
            frozen.as_mut()?.next();
        }
        active.next()
    }));
    both.peekable()
}

struct Merge<'a> {
    above: Above<'a>,
    rows: Vec<(Vec<u8>, Row)>,
    limit: usize,
}

impl Merge<'_> {
    fn has_room(&self) -> bool {
        self.rows.len() < self.limit
    }

    fn push(&mut self, key: &[u8], row: Option<&IndexRow>) {
        if let Some(row) = row.and_then(|row| row.row.as_ref())
            && let Some((_, key)) = read_key(key)
            && self.has_room()
        {
            self.rows.push((key.to_vec(), row.clone()));
        }
    }

    /// Takes everything above that comes before `key`; false when there is no room left.
    fn take_until(&mut self, key: &[u8]) -> bool {
        while self.has_room() {
            let Some((above, slot)) = self.above.next_if(|(above, _)| above.as_slice() < key)
            else {
                return true;
            };
            self.push(above, slot.row.as_ref());
        }
        false
    }

    /// Takes the value above for `key`, if there is one.
    fn replaces(&mut self, key: &[u8]) -> bool {
        match self.above.next_if(|(above, _)| above.as_slice() == key) {
            Some((above, slot)) => {
                self.push(above, slot.row.as_ref());
                true
            }
            None => false,
        }
    }

    fn take_rest(&mut self) {
        while self.has_room() {
            let Some((above, slot)) = self.above.next() else {
                return;
            };
            self.push(above, slot.row.as_ref());
        }
    }
}
