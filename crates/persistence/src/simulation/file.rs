//! An open file of the simulated disk, and the lock on it.

use std::io;
use std::sync::PoisonError;

use super::{Pending, SimulatedDisk, off, put};
use crate::bytes::{narrow, wide};
use crate::disk::{BlockFile, DiskLock};

#[derive(Debug)]
pub(super) struct SimulatedLock {
    pub(super) disk: SimulatedDisk,
}

impl DiskLock for SimulatedLock {
    fn sign(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        self.disk.held().locked = false;
    }
}

#[derive(Debug)]
pub(super) struct SimulatedFile {
    pub(super) disk: SimulatedDisk,
    pub(super) node: usize,
}

impl BlockFile for SimulatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let held = self.disk.held();
        if held.crashed {
            return Err(off());
        }
        let seen = held.nodes.get(self.node).map_or(&[][..], |node| &node.seen);
        let rest = seen.get(narrow(offset)..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), rest.get(..length)) {
            to.copy_from_slice(from);
        }
        Ok(length)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut held = self.disk.held();
        let on = held.count()?;
        let before = held.nodes.get(self.node).map_or(0, |node| node.seen.len());
        let growth = narrow(offset)
            .saturating_add(bytes.len())
            .saturating_sub(before);
        let room = held
            .faults
            .capacity
            .map(|capacity| capacity.saturating_sub(held.used()));
        let full = room.is_some_and(|room| wide(growth) > room)
            || held.faults.full_at == Some(held.operations);
        // A write that does not fit is half done: what there is room for, or half of it.
        let length = if full {
            bytes.len().checked_div(2).unwrap_or(0)
        } else {
            bytes.len()
        };
        let bytes = bytes.get(..length).unwrap_or_default();
        held.writes = held.writes.saturating_add(1);
        let order = held.writes;
        if let Some(node) = held.nodes.get_mut(self.node) {
            let offset = narrow(offset);
            put(&mut node.seen, offset, bytes);
            node.pending.push(Pending {
                order,
                offset,
                bytes: bytes.to_vec(),
            });
        }
        match (on, full) {
            (false, _) => Err(off()),
            (true, true) => Err(io::ErrorKind::StorageFull.into()),
            (true, false) => Ok(()),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut held = self.disk.held();
        held.waiting = held.waiting.saturating_add(1);
        self.disk.world.changed.notify_all();
        while held.holding && held.passes == 0 && !held.crashed {
            let waited = self.disk.world.changed.wait(held);
            held = waited.unwrap_or_else(PoisonError::into_inner);
        }
        held.waiting = held.waiting.saturating_sub(1);
        held.passes = held.passes.saturating_sub(1);
        if !held.count()? {
            return Err(off());
        }
        held.syncs = held.syncs.saturating_add(1);
        let fails = held.faults.fail_sync_at == Some(held.operations);
        let Some(node) = held.nodes.get_mut(self.node) else {
            return Err(off());
        };
        if fails {
            // As Linux does it: told once, and the pages count as clean from now on.
            node.pending.clear();
            return Err(io::Error::other("the simulated disk failed to sync"));
        }
        let (mut durable, mut pending) = (
            std::mem::take(&mut node.durable),
            std::mem::take(&mut node.pending),
        );
        for write in pending.drain(..) {
            put(&mut durable, write.offset, &write.bytes);
        }
        node.durable = durable;
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        let held = self.disk.held();
        Ok(held
            .nodes
            .get(self.node)
            .map_or(0, |node| wide(node.seen.len())))
    }
}
