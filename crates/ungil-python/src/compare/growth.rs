//! What workers cost that share this process's memory.
//!
//! The growth of the process while they live, divided by their number. What ended threads leave behind (their stacks,
//! kept by the C library for the next ones; their arenas) does not grow again: it is remembered and counted as part of
//! the next pool. All differences are taken over one visit, so that a slow drift of the process is not charged to them.
//! What ended interpreters leave behind (Python does not free all of it) is lost, and counts for no other pool.

use ungil_measure::comparison::MemorySample;

use super::visit::OwnMemory;
use crate::kinds::Home;

/// Bytes that ended workers have left behind.
#[derive(Clone, Copy, Default)]
pub(super) struct Growth {
    pss: i64,
    uss: i64,
}

impl Growth {
    /// Memory per worker of a visit with that many workers who live there.
    pub(super) fn per_worker(
        &mut self,
        home: Home,
        own: OwnMemory,
        workers: usize,
    ) -> MemorySample {
        let mut nothing = Self::default();
        let sofar = match home {
            Home::OwnInterpreter => &mut nothing,
            Home::Caller | Home::Interpreter | Home::OwnProcess => self,
        };
        sofar.add(own, workers)
    }

    fn add(&mut self, own: OwnMemory, workers: usize) -> MemorySample {
        let share = |grown: i64| grown.max(0).unsigned_abs() / workers as u64;
        let sample = MemorySample {
            pss_bytes: share(self.pss + difference(own.during.pss_bytes, own.before.pss_bytes)),
            uss_bytes: share(self.uss + difference(own.during.uss_bytes, own.before.uss_bytes)),
        };
        let left = |now: u64, before: u64| difference(now, before).max(0);
        self.pss += left(own.after.pss_bytes, own.before.pss_bytes);
        self.uss += left(own.after.uss_bytes, own.before.uss_bytes);
        sample
    }
}

fn difference(now: u64, before: u64) -> i64 {
    now.cast_signed() - before.cast_signed()
}
