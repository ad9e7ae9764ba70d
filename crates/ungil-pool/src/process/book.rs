//! The pool's books: what is pending, published and free, and who works.

use std::iter;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::process::Signal;

use super::lifecycle::Seat;
use super::records::SeatBook;
use super::task::Task;
use super::window::Window;
use crate::backlog::{Backlog, Rank};
use crate::error::Breakage;
use crate::shm::segment::SLOTS;

/// The pool's books.
pub(crate) struct Book {
    pub(crate) phase: Stage,
    /// Why the pool cannot run anything any more, if it cannot.
    pub(crate) broken: Option<Arc<Breakage>>,
    /// Slots that hold no task.
    pub(crate) free: Vec<u32>,
    /// The task in each slot.
    pub(crate) tasks: Vec<Option<Arc<dyn Task>>>,
    /// Accepted, but not yet in a slot.
    pub(crate) pending: Backlog<(Payload, Arc<dyn Task>)>,
    /// What is published, as long as the pool goes by priorities.
    pub(crate) window: Option<Box<Window>>,
    /// When the watchdog must look for tasks whose time is over, in nanoseconds of
    /// `CLOCK_MONOTONIC`.
    pub(crate) next_look: Option<u64>,
    /// Whether there is a watchdog.
    pub(crate) watched: bool,
    /// Accepted and not ended.
    pub(crate) outstanding: usize,
    pub(crate) seats: Vec<Seat>,
    /// Workers that ended before they were ready, since the last one that got ready.
    pub(crate) failed_starts: u32,
    pub(crate) incarnations: u64,
    pub(crate) seat_books: Vec<SeatBook>,
    /// Runs begun anew because a worker had died.
    pub(crate) retried: u64,
    pub(crate) pumping: bool,
    /// The machine refused a worker: no more are asked for until one has ended.
    pub(crate) refused: bool,
    /// Workers that are still being started shall be killed, too.
    pub(crate) killing: Option<Signal>,
    /// What workers that are yet to be started get; empty once there will be none.
    pub(crate) descriptors: Arc<Vec<OwnedFd>>,
}

/// How far a pool's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Open,
    /// No new tasks; the accepted ones are finished.
    Closing,
    /// No worker is left.
    Closed,
}

/// A payload on its way to a slot.
pub(crate) enum Payload {
    Inline(Box<[u8]>),
    Block(usize),
}

impl Book {
    /// `descriptors`: what every worker gets.
    pub(super) fn new(max_workers: u32, descriptors: Vec<OwnedFd>) -> Self {
        Self {
            phase: Stage::Open,
            broken: None,
            free: (0..SLOTS).rev().collect(),
            tasks: iter::repeat_with(|| None).take(SLOTS as usize).collect(),
            pending: Backlog::default(),
            window: None,
            next_look: None,
            watched: false,
            outstanding: 0,
            seats: iter::repeat_with(|| Seat::Empty)
                .take(max_workers as usize)
                .collect(),
            failed_starts: 0,
            incarnations: 0,
            seat_books: vec![SeatBook::default(); max_workers as usize],
            retried: 0,
            pumping: false,
            refused: false,
            killing: None,
            descriptors: Arc::new(descriptors),
        }
    }

    /// Where the task in `slot` was in the order.
    pub(crate) fn rank_in(&self, slot: u32) -> Rank {
        self.window
            .as_ref()
            .map_or_else(Rank::default, |window| window.rank(slot))
    }

    /// Goes by the order of arrival again; for when nothing is left to be done.
    pub(crate) fn forget_ranks(&mut self) {
        if self.window.take().is_some() {
            self.pending.forget_ranks();
        }
    }
}
