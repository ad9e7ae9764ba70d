//! What has become of a pool's tasks: the counting side of `stats()`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ungil_measure::pool_stats::{End, PoolStats, Recorder, Times};

/// A pool's book of tasks.
#[derive(Default)]
pub(crate) struct Ledger {
    begun: Line<Begun>,
    ended: Line<Mutex<Ended>>,
}

/// On a cache line of its own: those who submit and those who take results are on different cores.
#[derive(Default)]
#[repr(align(64))]
struct Line<T>(T);

#[derive(Default)]
struct Begun {
    submitted: AtomicU64,
    sent: AtomicU64,
}

#[derive(Default)]
struct Ended {
    recorder: Recorder,
    received: u64,
}

impl Ledger {
    /// A task of so many bytes was accepted.
    pub(crate) fn submitted(&self, bytes: usize) {
        let begun = &self.begun.0;
        begun.submitted.fetch_add(1, Ordering::Relaxed);
        begun.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A task has ended without an answer.
    pub(crate) fn ended(&self, end: End) {
        self.book().recorder.ended(end);
    }

    /// A task has been answered, in so many bytes. The label is asked for if it is among the longest.
    pub(crate) fn ran(
        &self,
        end: End,
        times: &Times,
        bytes: usize,
        label: impl FnOnce() -> Arc<str>,
    ) {
        let mut book = self.book();
        book.received += bytes as u64;
        let is_long = book.recorder.ran(end, times);
        drop(book);
        // Not while the book is open: a label may be Python's to tell.
        if is_long {
            let label = label();
            self.book().recorder.name(times, label);
        }
    }

    /// The tasks' part of the figures; bytes only where any travel.
    pub(crate) fn figures(&self, bytes_travel: bool) -> PoolStats {
        let book = self.book();
        // After the ends were read a task may be submitted, but none that has ended is missing.
        let submitted = self.begun.0.submitted.load(Ordering::Relaxed);
        let sent = self.begun.0.sent.load(Ordering::Relaxed);
        PoolStats {
            tasks: book.recorder.counts(submitted),
            latencies: book.recorder.latencies(),
            bytes: bytes_travel.then_some((sent, book.received)),
            workers: Vec::new(),
            longest: book.recorder.longest(),
        }
    }

    fn book(&self) -> MutexGuard<'_, Ended> {
        self.ended.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
