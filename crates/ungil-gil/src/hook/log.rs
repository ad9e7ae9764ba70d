//! What one thread writes down: its state, its counters, its ring.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::functions::Cache;
use super::lock::Lock;
use super::ring::Ring;
use crate::model::{Counts, Kind, Record};

/// Neither holds nor waits.
const OUTSIDE: u32 = 0;
const WAITING: u32 = 1;
const HOLDING: u32 = 2;

/// The thread is there.
pub(super) const LIVE: u32 = 0;
/// It has ended; what it left is still to be collected.
pub(super) const DEAD: u32 = 1;
/// Waits for another thread.
pub(super) const FREE: u32 = 2;

/// A period between two changes of what is written down.
#[derive(Clone, Copy)]
pub(crate) struct Epoch {
    pub(crate) number: u32,
    pub(crate) start: u64,
    /// The epoch before, if the hooks were on until its end: states are carried over from it.
    pub(crate) carry: u32,
}

/// The account of one thread. Its thread alone writes it; the counters and the state may be read by
/// anybody, the ring by the collector. Never freed; used again for another thread.
#[repr(align(128))]
pub(crate) struct Log {
    /// Told anew for each thread.
    serial: AtomicU64,
    tid: AtomicU32,
    pub(super) status: AtomicU32,
    epoch: AtomicU32,
    state: AtomicU32,
    /// No event of this epoch yet, and the state at its start is not known.
    fresh: AtomicBool,
    gil: AtomicU32,
    blamed: AtomicU32,
    since: AtomicU64,
    wait_began: AtomicU64,
    life: Counters,
    /// `life` at the start of the epoch.
    baseline: Counters,
    ring: Ring,
    own: UnsafeCell<Own>,
    name: Lock<Option<String>>,
}

/// For the thread's own eyes.
struct Own {
    /// Merged holds and waits for which there was no room in the ring.
    merged: [Option<Record>; 2],
    cache: Cache,
}

// SAFETY: `own` is touched by the log's thread only; everything else synchronises itself.
unsafe impl Sync for Log {}

#[derive(Default)]
struct Counters {
    held_ns: AtomicU64,
    waited_ns: AtomicU64,
    holds: AtomicU64,
    waits: AtomicU64,
    merged: AtomicU64,
    unmatched: AtomicU64,
}

/// Adds; there is one writer, so that no locked instruction is needed.
#[inline]
fn add(counter: &AtomicU64, amount: u64) {
    counter.store(
        counter.load(Ordering::Relaxed).wrapping_add(amount),
        Ordering::Relaxed,
    );
}

impl Counters {
    fn read(&self) -> Counts {
        Counts {
            held_ns: self.held_ns.load(Ordering::Relaxed),
            waited_ns: self.waited_ns.load(Ordering::Relaxed),
            holds: self.holds.load(Ordering::Relaxed),
            waits: self.waits.load(Ordering::Relaxed),
            merged: self.merged.load(Ordering::Relaxed),
            unmatched: self.unmatched.load(Ordering::Relaxed),
        }
    }

    fn set(&self, counts: &Counts) {
        self.held_ns.store(counts.held_ns, Ordering::Relaxed);
        self.waited_ns.store(counts.waited_ns, Ordering::Relaxed);
        self.holds.store(counts.holds, Ordering::Relaxed);
        self.waits.store(counts.waits, Ordering::Relaxed);
        self.merged.store(counts.merged, Ordering::Relaxed);
        self.unmatched.store(counts.unmatched, Ordering::Relaxed);
    }
}

impl Log {
    pub(super) fn new() -> Self {
        Self {
            serial: AtomicU64::new(0),
            tid: AtomicU32::new(0),
            status: AtomicU32::new(FREE),
            epoch: AtomicU32::new(0),
            state: AtomicU32::new(OUTSIDE),
            fresh: AtomicBool::new(true),
            gil: AtomicU32::new(0),
            blamed: AtomicU32::new(0),
            since: AtomicU64::new(0),
            wait_began: AtomicU64::new(0),
            life: Counters::default(),
            baseline: Counters::default(),
            ring: Ring::new(),
            own: UnsafeCell::new(Own {
                merged: [None, None],
                cache: Cache::new(),
            }),
            name: Lock::new(None),
        }
    }

    /// Makes it the log of another thread. Only while it is free, or of the calling thread.
    pub(super) fn assign(&self, serial: u64, tid: u32) {
        self.serial.store(serial, Ordering::Relaxed);
        self.tid.store(tid, Ordering::Relaxed);
        self.epoch.store(0, Ordering::Relaxed);
        self.state.store(OUTSIDE, Ordering::Relaxed);
        self.fresh.store(true, Ordering::Relaxed);
        self.life.set(&Counts::default());
        self.baseline.set(&Counts::default());
        while self.ring.pop().is_some() {}
        *self.name.lock() = None;
        self.status.store(LIVE, Ordering::Release);
    }

    pub(crate) fn serial(&self) -> u64 {
        self.serial.load(Ordering::Relaxed)
    }

    pub(crate) fn tid(&self) -> u32 {
        self.tid.load(Ordering::Relaxed)
    }

    pub(crate) fn set_name(&self, name: &str) {
        *self.name.lock() = Some(name.to_owned());
    }

    pub(crate) fn name(&self) -> Option<String> {
        self.name.lock().clone()
    }

    pub(super) fn release_name(&self) {
        self.name.release();
    }

    /// Takes the thread's oldest record. Only for the collector.
    pub(crate) fn pop(&self) -> Option<Record> {
        self.ring.pop()
    }

    /// What the thread has done in this epoch, with what it is just doing.
    pub(crate) fn counts_of(&self, epoch: &Epoch, now: u64) -> Counts {
        if self.epoch.load(Ordering::Acquire) != epoch.number {
            return Counts::default();
        }
        self.counts(epoch, now).since(&self.baseline.read())
    }

    /// What the thread has done since it was first seen, with what it is just doing.
    pub(crate) fn counts(&self, epoch: &Epoch, now: u64) -> Counts {
        let mut counts = self.life.read();
        if let Some(doing) = self.doing(epoch, now) {
            if doing.kind == Kind::Held {
                counts.held_ns += doing.busy;
            } else {
                let began = self.wait_began.load(Ordering::Relaxed);
                counts.waited_ns += now.saturating_sub(began);
            }
        }
        counts
    }

    /// What the thread is just doing, as if it ended now.
    pub(crate) fn doing(&self, epoch: &Epoch, now: u64) -> Option<Record> {
        let known = self.epoch.load(Ordering::Acquire);
        if known != epoch.number && (epoch.carry == 0 || known != epoch.carry) {
            return None; // of a time before the hooks were off
        }
        let state = self.state.load(Ordering::Relaxed);
        let since = self.since.load(Ordering::Relaxed);
        let gil = self.gil.load(Ordering::Relaxed) as u16;
        let blamed = self.blamed.load(Ordering::Relaxed);
        match state {
            HOLDING => Some(Record::new(Kind::Held, gil, 0, since, now)),
            WAITING => Some(Record::new(Kind::Waiting, gil, blamed, since, now)),
            _ => None,
        }
    }

    // What follows is for the log's own thread.

    /// Begins the epoch if this is the first event in it.
    #[inline]
    pub(super) fn enter(&self, epoch: &Epoch) {
        if self.epoch.load(Ordering::Relaxed) != epoch.number {
            self.begin(epoch);
        }
    }

    #[cold]
    fn begin(&self, epoch: &Epoch) {
        let state = self.state.load(Ordering::Relaxed);
        let carried = epoch.carry != 0 && self.epoch.load(Ordering::Relaxed) == epoch.carry;
        if carried && state != OUTSIDE {
            let since = match state {
                HOLDING => &self.since,
                _ => &self.wait_began,
            };
            let before = epoch.start.saturating_sub(since.load(Ordering::Relaxed));
            match state {
                HOLDING => add(&self.life.held_ns, before),
                _ => add(&self.life.waited_ns, before),
            }
            self.since.store(epoch.start, Ordering::Relaxed);
            self.wait_began.store(epoch.start, Ordering::Relaxed);
        } else {
            self.state.store(OUTSIDE, Ordering::Relaxed);
            self.fresh.store(!carried, Ordering::Relaxed);
        }
        self.baseline.set(&self.life.read());
        let own = self.own();
        own.merged = [None, None];
        own.cache = Cache::new();
        self.epoch.store(epoch.number, Ordering::Release);
    }

    #[allow(clippy::mut_from_ref)] // one thread, and no reference outlives a hook
    fn own(&self) -> &mut Own {
        // SAFETY: only the log's own thread comes here, hooks do not nest, and no caller keeps it.
        unsafe { &mut *self.own.get() }
    }

    pub(super) fn cache(&self) -> &mut Cache {
        &mut self.own().cache
    }

    /// The thread begins to wait, or goes on waiting, for a GIL that this thread holds.
    #[inline]
    pub(super) fn wait(&self, gil: u16, holder: u32, now: u64, record: bool) {
        match self.state.load(Ordering::Relaxed) {
            WAITING => {
                let blamed = self.blamed.load(Ordering::Relaxed);
                if blamed == holder {
                    return;
                }
                if record {
                    let since = self.since.load(Ordering::Relaxed);
                    self.push(Record::new(Kind::Waiting, gil, blamed, since, now));
                }
            }
            state => {
                if state == HOLDING {
                    add(&self.life.unmatched, 1);
                }
                self.fresh.store(false, Ordering::Relaxed);
                self.wait_began.store(now, Ordering::Relaxed);
                self.gil.store(gil.into(), Ordering::Relaxed);
                add(&self.life.waits, 1);
            }
        }
        self.blamed.store(holder, Ordering::Relaxed);
        self.since.store(now, Ordering::Relaxed);
        self.state.store(WAITING, Ordering::Relaxed);
    }

    /// The thread took a GIL.
    #[inline]
    pub(super) fn take(&self, gil: u16, now: u64, record: bool) {
        match self.state.load(Ordering::Relaxed) {
            WAITING => {
                let began = self.wait_began.load(Ordering::Relaxed);
                add(&self.life.waited_ns, now.saturating_sub(began));
                if record {
                    let since = self.since.load(Ordering::Relaxed);
                    let blamed = self.blamed.load(Ordering::Relaxed);
                    self.push(Record::new(Kind::Waited, gil, blamed, since, now));
                }
            }
            HOLDING => add(&self.life.unmatched, 1),
            _ => {}
        }
        self.fresh.store(false, Ordering::Relaxed);
        self.gil.store(gil.into(), Ordering::Relaxed);
        self.since.store(now, Ordering::Relaxed);
        self.state.store(HOLDING, Ordering::Relaxed);
    }

    /// The thread drops a GIL that it held; `function` tells what it ran, if that is recorded.
    #[inline]
    pub(super) fn drop_gil(&self, gil: u16, now: u64, epoch: &Epoch, function: Option<u32>) {
        let since = match self.state.load(Ordering::Relaxed) {
            HOLDING => self.since.load(Ordering::Relaxed),
            // It has held the GIL since before we looked.
            _ if self.fresh.load(Ordering::Relaxed) => epoch.start,
            _ => {
                add(&self.life.unmatched, 1);
                return self.state.store(OUTSIDE, Ordering::Relaxed);
            }
        };
        self.fresh.store(false, Ordering::Relaxed);
        self.state.store(OUTSIDE, Ordering::Relaxed);
        add(&self.life.held_ns, now.saturating_sub(since));
        add(&self.life.holds, 1);
        if let Some(function) = function {
            self.push(Record::new(Kind::Held, gil, function, since, now));
        }
    }

    /// The thread holds this GIL already, since the start of the epoch.
    pub(super) fn starts_with(&self, gil: u16, epoch: &Epoch) {
        self.fresh.store(false, Ordering::Relaxed);
        self.gil.store(gil.into(), Ordering::Relaxed);
        self.since.store(epoch.start, Ordering::Relaxed);
        self.state.store(HOLDING, Ordering::Relaxed);
    }

    fn push(&self, record: Record) {
        let own = self.own();
        let place = usize::from(record.kind != Kind::Held);
        if self.ring.is_crowded() {
            add(&self.life.merged, 1);
            let merged = &mut own.merged[place];
            if !merged.as_mut().is_some_and(|merged| merged.absorb(&record)) {
                // Another GIL: this goes into the part of the ring that is kept for merged ones.
                if let Some(full) = merged.replace(record) {
                    self.ring.push(full);
                }
            }
            return;
        }
        self.flush();
        self.ring.push(record);
    }

    /// Puts what was merged into the ring.
    pub(super) fn flush(&self) {
        for merged in &mut self.own().merged {
            if let Some(record) = merged.take() {
                self.ring.push(record);
            }
        }
    }
}
