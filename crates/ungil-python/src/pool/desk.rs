//! What a thread of a pool has done, written by it alone.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use ungil_measure::pool_stats::WorkerStats;

use super::figures::seconds;

/// A thread's record; times are nanoseconds of the monotonic clock.
pub(super) struct Desk {
    thread: u32,
    start_up: u64,
    ready_at: u64,
    /// 0 while it works for the pool.
    ended_at: AtomicU64,
    tasks: AtomicU64,
    busy: AtomicU64,
    /// Tasks that it is in: it may run one in the middle of another.
    depth: AtomicU32,
}

impl Desk {
    /// Of the calling thread, which was asked for at some time and is ready now.
    pub(super) fn new(asked_at: u64, now: u64) -> Self {
        Self {
            thread: rustix::thread::gettid()
                .as_raw_nonzero()
                .get()
                .cast_unsigned(),
            start_up: now.saturating_sub(asked_at),
            ready_at: now,
            ended_at: AtomicU64::new(0),
            tasks: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            depth: AtomicU32::new(0),
        }
    }

    /// A task begins.
    pub(super) fn begins(&self) {
        add(&self.tasks, 1);
        let depth = self.depth.load(Ordering::Relaxed);
        self.depth.store(depth + 1, Ordering::Relaxed);
    }

    /// The task that began last has ended, after so long.
    pub(super) fn ends(&self, running: u64) {
        let depth = self.depth.load(Ordering::Relaxed) - 1;
        self.depth.store(depth, Ordering::Relaxed);
        // The outer task's time has the inner one's in it.
        if depth == 0 {
            add(&self.busy, running);
        }
    }

    /// The thread leaves the pool.
    pub(super) fn leaves(&self, now: u64) {
        self.ended_at.store(now, Ordering::Relaxed);
    }

    /// The figures, `now`.
    pub(super) fn figures(&self, now: u64) -> WorkerStats {
        let end = match self.ended_at.load(Ordering::Relaxed) {
            0 => now,
            ended_at => ended_at,
        };
        WorkerStats {
            pid: Some(self.thread),
            tasks: self.tasks.load(Ordering::Relaxed),
            busy: seconds(self.busy.load(Ordering::Relaxed)),
            life: seconds(end.saturating_sub(self.ready_at)),
            start_up: Some(seconds(self.start_up)),
            memory: None,
            restarts: 0,
        }
    }
}

/// By the only thread that writes the word.
fn add(word: &AtomicU64, more: u64) {
    word.store(word.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}
