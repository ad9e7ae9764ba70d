//! What the pool, its threads and its owner share.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::book::{Book, Stage};
use super::launch::StartMethod;
use super::lifecycle::Seat;
use super::policy::CrashPolicy;
use super::pool::Options;
use super::task::Outcome;
use super::{leader, limit, pump};
use crate::atomics::{AtomicU32, Ordering};
use crate::error::SubmitError;
use crate::generation::generation;
use crate::os::{self, Wait};
use crate::shm::arena::Arena;
use crate::shm::segment::{MAX_WORKERS, Segment, seat};

/// Address space for the payloads of one process. Sparse: it costs memory only where it is used.
const REGION: usize = 32 << 30;

pub(crate) struct Shared {
    pub(crate) segment: Arc<Segment>,
    pub(crate) method: StartMethod,
    pub(crate) max_workers: u32,
    pub(crate) on_crash: CrashPolicy,
    pub(crate) task_limit: Option<Duration>,
    /// The parent's part of the segment's memory.
    pub(crate) arena: Mutex<Arena>,
    pub(crate) state: Mutex<Book>,
    /// Held by whoever takes finished tasks; the scratch list inside.
    pub(crate) draining: Mutex<Vec<u32>>,
    /// Counts changes of `Book::phase` and of the seats; a futex for those who wait for them.
    pub(crate) changes: AtomicU32,
    /// Batches of tasks that have left the books and are being told of their end.
    telling: AtomicU32,
    /// Whether a thread that waits for a result leads; see `leader.rs`.
    pub(super) leading: AtomicU32,
    /// The process that made the pool; its forked children must not touch it.
    generation: u64,
}

/// What closing a pool does to tasks that no worker has.
#[derive(Clone, Copy)]
pub(super) enum Unbegun {
    Finish,
    /// Drops them, but for those that workers are being started for.
    Drop,
    DropAll,
}

impl Shared {
    /// `setup` is what every worker reads before its first task.
    pub(super) fn new(options: Options, setup: &[u8]) -> io::Result<Self> {
        let Options {
            max_workers,
            method,
            on_crash,
            task_limit,
            descriptors,
        } = options;
        assert!(
            (1..=MAX_WORKERS).contains(&max_workers),
            "1 to {MAX_WORKERS} workers, not {max_workers}"
        );
        let segment = Arc::new(Segment::create(max_workers, REGION)?);
        let mut arena = Arena::new(Arc::clone(&segment), 0, [0, 0]);
        let offset = arena
            .store(&[setup], &[])
            .map_err(|error| io::Error::other(SubmitError::from(error)))?;
        segment
            .header()
            .setup
            .store(offset as u64, Ordering::Release);
        Ok(Self {
            segment,
            method,
            max_workers,
            on_crash,
            task_limit,
            arena: Mutex::new(arena),
            state: Mutex::new(Book::new(max_workers, descriptors)),
            draining: Mutex::new(Vec::new()),
            changes: AtomicU32::new(0),
            telling: AtomicU32::new(0),
            leading: AtomicU32::new(leader::NOBODY),
            generation: generation(),
        })
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        // A panic while the books are open is a bug of ours; the books are still the best we have.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the threads that the pool needs for its next task and does not have yet.
    pub(super) fn start_threads(
        self: &Arc<Self>,
        book: &mut Book,
        limited: bool,
    ) -> io::Result<()> {
        if !book.pumping {
            pump::start(self)?;
            book.pumping = true;
        }
        if limited && !book.watched {
            limit::start_watchdog(self)?;
            book.watched = true;
        }
        Ok(())
    }

    pub(super) fn wait(&self, timeout: Option<Duration>) -> bool {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            let seen = self.changes.load(Ordering::Acquire);
            if self.check_process().is_err() || self.is_over() {
                return true;
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO)
                || os::futex_wait(&self.changes, seen, left, true) != Wait::Ready
            {
                return self.is_over();
            }
        }
    }

    /// Whether no worker is left and every task has been told of its end.
    fn is_over(&self) -> bool {
        matches!(self.book().phase, Stage::Closed) && self.telling.load(Ordering::Acquire) == 0
    }

    /// To be called before the books are released by whoever takes tasks out of them, and held
    /// until those have been told: the pool is not over before that.
    pub(crate) fn telling(&self) -> Telling<'_> {
        self.telling.fetch_add(1, Ordering::AcqRel);
        Telling(self)
    }

    /// Fails in a process that was forked off the pool's owner.
    pub(super) fn check_process(&self) -> Result<(), SubmitError> {
        if self.generation == generation() {
            Ok(())
        } else {
            Err(SubmitError::Forked)
        }
    }

    pub(super) fn close(self: &Arc<Self>, unbegun: Unbegun) {
        let mut dropped = Vec::new();
        let mut book = self.book();
        if book.phase == Stage::Open {
            book.phase = Stage::Closing;
        }
        match unbegun {
            Unbegun::Finish => {}
            Unbegun::Drop => {
                let starting = self.workers_starting(&book);
                dropped = self.drop_unclaimed(&mut book, starting);
            }
            Unbegun::DropAll => dropped = self.drop_unclaimed(&mut book, 0),
        }
        self.end_if_finished(&mut book);
        let _telling = self.telling();
        drop(book);
        self.changed();
        for task in dropped {
            task.finish(Outcome::Cancelled);
        }
    }

    /// How many workers have not taken their first task yet: each was started for one.
    fn workers_starting(&self, book: &Book) -> usize {
        let starting = |index: usize| {
            let seat = &self.segment.worker(index as u32).seat;
            seat.load(Ordering::Acquire) == seat::STARTING
        };
        let seats = book.seats.iter().enumerate();
        seats
            .filter(|(index, seat)| !matches!(seat, Seat::Empty) && starting(*index))
            .count()
    }

    /// Tells those who wait that something about the pool's life has changed.
    pub(crate) fn changed(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        os::futex_wake(&self.changes, u32::MAX, true);
        // Pump and leader may have nothing left to wait for; and a worker that was killed in the
        // middle of ringing has left the bell looking rung.
        self.call_everybody();
    }
}

/// See [`Shared::telling`].
pub(crate) struct Telling<'a>(&'a Shared);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.0.call_leader();
        let last = self.0.telling.fetch_sub(1, Ordering::AcqRel) == 1;
        // Only a pool that is closing has anybody waiting for this.
        if last && self.0.segment.header().closing.0.load(Ordering::SeqCst) != 0 {
            self.0.changed();
        }
    }
}
