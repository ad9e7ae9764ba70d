//! Deadlock detection: who waits for which lock, across processes, and whether that is a circle.
//!
//! A waiting thread writes itself into the wait table of the arena in which the lock lies, then
//! looks for a circle. Why this finds every circle once and no false ones: README.md, section
//! "Deadlock detection".
#![allow(unsafe_code)]

use crate::identity::Owner;
use crate::lock::RawLock;
use crate::registry;
use crate::segment::{PREAMBLE, Segment};
use crate::thread;
use crate::word::{Cell64, Ordering};
use std::sync::Arc;

const ENTRIES: usize = 1024;
/// Bytes of an arena's wait table.
pub(crate) const TABLE_BYTES: usize = ENTRIES * size_of::<Entry>();
/// In `waiter`: the entry is being written.
const WRITING: u64 = 1 << 31;

#[repr(C)]
struct Entry {
    /// The waiting thread; 0: free.
    waiter: Cell64,
    /// The offset of the lock in this arena.
    lock: Cell64,
    /// When the wait began, in nanoseconds: the youngest wait of a circle is the one that closed
    /// it.
    since: Cell64,
    spare: Cell64,
}

/// A thread that waits for a lock, in a wait table until this is dropped.
pub struct Registration<'a> {
    me: Owner,
    lock: &'a RawLock,
    arena: Arc<Segment>,
    entry: Option<usize>,
}

/// One edge of the graph, as it was read.
#[derive(Clone, PartialEq, Eq)]
struct Edge {
    waiter: Owner,
    since: u64,
    lock: usize,
    owner: Owner,
}

impl<'a> Registration<'a> {
    /// Prepares the thread's wait for a lock in this arena; written down before the first sleep.
    pub(crate) fn new(me: Owner, lock: &'a RawLock, arena: Arc<Segment>) -> Self {
        Self {
            me,
            lock,
            arena,
            entry: None,
        }
    }

    /// The circle that this wait closed, if it did.
    pub(crate) fn cycle(&mut self) -> Option<Vec<(Owner, usize)>> {
        if self.entry.is_none() {
            self.entry = self.enter();
        }
        let arenas = registry::arenas();
        let first = self.collect(&arenas)?;
        let youngest = first
            .iter()
            .max_by_key(|edge| (edge.since, edge.waiter.tid()))?;
        if youngest.waiter != self.me || self.collect(&arenas)? != first {
            return None;
        }
        Some(first.iter().map(|edge| (edge.waiter, edge.lock)).collect())
    }

    /// Follows owner and wait until back at this thread.
    fn collect(&self, arenas: &[Arc<Segment>]) -> Option<Vec<Edge>> {
        let mut edges = Vec::new();
        let mut waiter = self.me;
        loop {
            let (lock, since) = self.wait_of(waiter, arenas)?;
            let owner = lock.owner()?;
            edges.push(Edge {
                waiter,
                since,
                lock: std::ptr::from_ref(lock) as usize,
                owner,
            });
            if owner == self.me {
                return Some(edges);
            }
            if edges.iter().any(|edge| edge.waiter == owner) {
                // A circle of others: theirs to find.
                return None;
            }
            waiter = owner;
        }
    }

    fn wait_of<'b>(
        &'b self,
        waiter: Owner,
        arenas: &'b [Arc<Segment>],
    ) -> Option<(&'b RawLock, u64)> {
        if waiter == self.me {
            let since = self.entry.map_or(u64::MAX, |at| {
                table(&self.arena)[at].since.load(Ordering::Relaxed)
            });
            return Some((self.lock, since));
        }
        arenas.iter().find_map(|arena| {
            let entry = table(arena)
                .iter()
                .find(|e| e.waiter.load(Ordering::SeqCst) == waiter.bits())?;
            let since = entry.since.load(Ordering::Relaxed);
            let offset = entry.lock.load(Ordering::Relaxed) as usize;
            (offset >= PREAMBLE + TABLE_BYTES && offset + size_of::<RawLock>() <= arena.bytes())
                .then(|| {
                    // SAFETY: inside the arena, where every bit pattern is a valid `RawLock`;
                    // written by `enter`.
                    (
                        unsafe { arena.at(offset).cast::<RawLock>().as_ref() },
                        since,
                    )
                })
        })
    }

    /// Takes an entry, if need be one that a dead thread left. `None`: more than a thousand threads
    /// wait.
    fn enter(&self) -> Option<usize> {
        let base = self.arena.at(0).as_ptr() as usize;
        let offset = std::ptr::from_ref(self.lock) as usize - base;
        let claimed = self.me.bits() | WRITING;
        let claim = |entry: &Entry, old| {
            entry
                .waiter
                .compare_exchange(old, claimed, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        };
        let entries = table(&self.arena);
        let at = entries
            .iter()
            .position(|entry| entry.waiter.load(Ordering::Relaxed) == 0 && claim(entry, 0))
            .or_else(|| {
                entries.iter().position(|entry| {
                    let old = entry.waiter.load(Ordering::Relaxed);
                    Owner::from_bits(old & !WRITING).is_some_and(thread::is_dead)
                        && claim(entry, old)
                })
            })?;
        let entry = &entries[at];
        entry.lock.store(offset as u64, Ordering::Relaxed);
        entry.since.store(now(), Ordering::Relaxed);
        entry.waiter.store(self.me.bits(), Ordering::SeqCst);
        Some(at)
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        if let Some(at) = self.entry {
            table(&self.arena)[at].waiter.store(0, Ordering::Release);
        }
    }
}

fn table(arena: &Segment) -> &[Entry] {
    // SAFETY: every arena has the table right behind its preamble; its entries are atomics, valid
    // for any bytes.
    unsafe { std::slice::from_raw_parts(arena.at(PREAMBLE).cast::<Entry>().as_ptr(), ENTRIES) }
}

/// Nanoseconds of the clock that all processes share.
fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
