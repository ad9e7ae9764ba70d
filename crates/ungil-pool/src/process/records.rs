//! What the workers have done, for whoever asks.

use super::lifecycle::Seat;
use super::pool::ProcessPool;
use super::shared::Shared;
use crate::atomics::Ordering;
use crate::os;
use crate::shm::segment::WorkerBlock;

/// What a seat's workers have done, all that sat there. Times are in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorkerRecord {
    /// The process id of the last one; `None` before it has one.
    pub pid: Option<u32>,
    /// Whether it lives.
    pub alive: bool,
    /// Tasks answered.
    pub tasks: u64,
    /// Spent in them, from claim to answer.
    pub busy: u64,
    /// Ready for tasks, altogether.
    pub life: u64,
    /// From being asked for until it was ready, the last time; `None` before it was.
    pub start_up: Option<u64>,
    /// How often it was replaced.
    pub restarts: u32,
}

/// What the pool's books know of a seat's workers. The rest they write themselves, into their
/// [`WorkerBlock`].
#[derive(Clone, Copy, Default)]
pub(crate) struct SeatBook {
    pid: Option<u32>,
    starts: u32,
    asked_at: u64,
    /// Of the workers that have ended.
    life: u64,
    start_up: Option<u64>,
}

impl SeatBook {
    /// A worker is asked for.
    pub(crate) fn asked(&mut self) {
        self.asked_at = os::monotonic_ns();
        self.starts += 1;
        self.start_up = None;
    }

    /// It has a process.
    pub(crate) fn started(&mut self, pid: u32) {
        self.pid = Some(pid);
    }

    /// It could not be started.
    pub(crate) fn refused(&mut self) {
        self.starts = self.starts.saturating_sub(1);
    }

    /// It has ended.
    pub(crate) fn ended(&mut self, words: &WorkerBlock) {
        self.start_up = self.start_up(words);
        self.life += since_ready(words);
        words.ready_at.store(0, Ordering::Relaxed);
    }

    fn start_up(&self, words: &WorkerBlock) -> Option<u64> {
        let ready = words.ready_at.load(Ordering::Relaxed);
        let now = (ready != 0).then(|| ready.saturating_sub(self.asked_at));
        now.or(self.start_up)
    }
}

fn since_ready(words: &WorkerBlock) -> u64 {
    match words.ready_at.load(Ordering::Relaxed) {
        0 => 0,
        ready => os::monotonic_ns().saturating_sub(ready),
    }
}

impl ProcessPool {
    /// What the workers have done, by seat, those that were never taken left out; and how many
    /// runs were begun anew because a worker had died.
    pub fn records(&self) -> (Vec<WorkerRecord>, u64) {
        if self.is_inherited() {
            return Default::default();
        }
        self.shared.records()
    }
}

impl Shared {
    fn records(&self) -> (Vec<WorkerRecord>, u64) {
        let book = self.book();
        let seats = book.seat_books.iter().zip(&book.seats).zip(0..);
        let records = seats
            .filter(|((seat_book, _), _)| seat_book.starts > 0)
            .map(|((seat_book, seat), index)| {
                let words = self.segment.worker(index);
                WorkerRecord {
                    pid: seat_book.pid,
                    alive: matches!(seat, Seat::Taken { .. }),
                    tasks: words.tasks.load(Ordering::Relaxed),
                    busy: words.busy.load(Ordering::Relaxed),
                    life: seat_book.life + since_ready(words),
                    start_up: seat_book.start_up(words),
                    restarts: seat_book.starts - 1,
                }
            })
            .collect();
        (records, book.retried)
    }
}
