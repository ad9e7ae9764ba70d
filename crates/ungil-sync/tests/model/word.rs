//! `word` for the model: loom's atomics, and the kernel's futex as loom's mutex and condition
//! variable.

pub(crate) use loom::sync::atomic::{AtomicU64 as Cell64, Ordering, fence};
use loom::sync::{Condvar, Mutex};
use std::time::Duration;

/// Small, so that small programs reach the closed door.
pub(crate) const LOST_WAKEUPS: u32 = 1;
pub(crate) const FIRST_SPIN: u32 = 1;
pub(crate) const LAST_SPIN: u32 = 1;

/// A modelled thread that spins would let its neighbours run on, and never sleep.
pub(crate) fn spins() -> u32 {
    0
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woke {
    Called,
    Changed,
    Slice,
}

/// `sleepers` and `calls` are the kernel's queue: a sleeper leaves when a call is there for it.
#[derive(Debug, Default)]
struct Futex {
    sleepers: u32,
    calls: u32,
    /// A death makes the sleepers look around, as the end of a slice does.
    slices: u32,
}

#[derive(Debug)]
pub(crate) struct Word {
    value: Cell64,
    futex: Mutex<Futex>,
    bell: Condvar,
}

impl Default for Word {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Word {
    pub(crate) fn new(value: u64) -> Self {
        Self {
            value: Cell64::new(value),
            futex: Mutex::new(Futex::default()),
            bell: Condvar::new(),
        }
    }

    pub(crate) fn load(&self, order: Ordering) -> u64 {
        self.value.load(order)
    }

    pub(crate) fn swap_if(&self, old: u64, new: u64, success: Ordering) -> Result<(), u64> {
        self.value
            .compare_exchange(old, new, success, Ordering::Relaxed)
            .map(|_| ())
    }

    pub(crate) fn set_bits(&self, bits: u64, order: Ordering) -> u64 {
        self.value.fetch_or(bits, order)
    }

    pub(crate) fn clear_bits(&self, bits: u64, order: Ordering) -> u64 {
        self.value.fetch_and(!bits, order)
    }

    pub(crate) fn add(&self, delta: u64, order: Ordering) -> u64 {
        self.value.fetch_add(delta, order)
    }

    /// The kernel compares under the lock of the futex's bucket, after a full barrier.
    pub(crate) fn sleep(&self, expected: u64, _slice: Duration) -> Woke {
        let mut futex = self.futex.lock().unwrap();
        fence(Ordering::SeqCst);
        if self.value.load(Ordering::SeqCst) as u32 != expected as u32 {
            return Woke::Changed;
        }
        if crate::surroundings::died(expected) {
            // Whoever sleeps on a dead owner's word sleeps until the end of the slice.
            return Woke::Slice;
        }
        futex.sleepers += 1;
        loop {
            futex = self.bell.wait(futex).unwrap();
            if futex.calls > 0 {
                futex.calls -= 1;
                return Woke::Called;
            }
            if futex.slices > 0 {
                futex.slices -= 1;
                return Woke::Slice;
            }
        }
    }

    pub(crate) fn wake(&self, count: u32) -> u32 {
        fence(Ordering::SeqCst);
        let mut futex = self.futex.lock().unwrap();
        let woken = count.min(futex.sleepers);
        futex.sleepers -= woken;
        futex.calls += woken;
        drop(futex);
        for _ in 0..woken {
            self.bell.notify_one();
        }
        woken
    }

    /// Ends everybody's slice; the model's way to let time pass.
    pub(crate) fn end_slices(&self) {
        let mut futex = self.futex.lock().unwrap();
        futex.slices += futex.sleepers;
        futex.sleepers = 0;
        drop(futex);
        self.bell.notify_all();
    }
}

/// A spinning thread lets the others run: loom would spin for ever.
pub(crate) fn relax() {
    loom::thread::yield_now();
}
