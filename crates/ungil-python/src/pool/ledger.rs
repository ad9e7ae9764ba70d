//! What has become of a pool's tasks: the counting side of `stats()`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ungil_measure::pool_stats::{End, PoolStats, Recorder, Times};

/// A pool's book of tasks.
#[derive(Default)]
pub(crate) struct Ledger {
    submitted: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    recorder: Mutex<Recorder>,
}

impl Ledger {
    /// A task of so many bytes was accepted.
    pub(crate) fn submitted(&self, bytes: usize) {
        self.submitted.fetch_add(1, Ordering::Relaxed);
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A task has ended without an answer.
    pub(crate) fn ended(&self, end: End) {
        self.recorder().ended(end);
    }

    /// A task has been answered, in so many bytes. The label is asked for if it is among the longest.
    pub(crate) fn ran(
        &self,
        end: End,
        times: &Times,
        bytes: usize,
        label: impl FnOnce() -> Arc<str>,
    ) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
        // Not while the book is open: a label may be Python's to tell.
        let is_long = self.recorder().ran(end, times);
        if is_long {
            let label = label();
            self.recorder().name(times, label);
        }
    }

    /// The tasks' part of the figures; bytes only where any travel.
    pub(crate) fn figures(&self, bytes_travel: bool) -> PoolStats {
        let recorder = self.recorder();
        // After the ends were read a task may be submitted, but none that has ended is missing.
        let submitted = self.submitted.load(Ordering::Relaxed);
        let bytes = || {
            (
                self.sent.load(Ordering::Relaxed),
                self.received.load(Ordering::Relaxed),
            )
        };
        PoolStats {
            tasks: recorder.counts(submitted),
            latencies: recorder.latencies(),
            bytes: bytes_travel.then(bytes),
            workers: Vec::new(),
            longest: recorder.longest(),
        }
    }

    fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
