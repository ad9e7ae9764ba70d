//! Stopping a task that runs: its limit has passed, or its owner does not want it any more.
//!
//! The worker is killed, for nothing less stops every task. The state word decides that it is
//! still at that task (`shm/README.md`, "doom"); a watchdog, a thread that a pool has from its
//! first task with a limit on, keeps the time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;

use super::book::{Book, Stage};
use super::lifecycle::Seat;
use super::pool::ProcessPool;
use super::shared::Shared;
use super::task::{Place, Task};
use crate::atomics::Ordering;
use crate::os;
use crate::quiet;
use crate::shm::segment::SLOTS;
use crate::shm::state::{self, Phase, State};

/// What a task has that others need not have.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// Of the tasks that wait those with the highest start first.
    pub priority: i64,
    /// How long it may run, counted from its start in a worker; `None`: as the pool's others.
    pub limit: Option<Duration>,
}

/// The limit that is none.
pub const UNLIMITED: Duration = Duration::MAX;

/// So long at least between two looks at what is running, in nanoseconds.
const BETWEEN_LOOKS: u64 = 1_000_000;

impl ProcessPool {
    /// Stops the task at `place` if a worker is running it: kills that worker. When this says
    /// `true` the task is out of everybody's reach, and nobody will be told of its end but by
    /// `stopped`, which is called with the pool's lock held.
    pub fn stop(&self, place: Place, stopped: impl FnOnce()) -> bool {
        if self.is_inherited() {
            return false;
        }
        let slot = place.slot;
        let mut book = self.shared.book();
        let state = self.shared.state_of(slot);
        if state.ticket() != place.ticket || !self.shared.doom(&mut book, slot, state) {
            return false;
        }
        let task = book.tasks[slot as usize].take();
        stopped();
        drop(book);
        self.shared.call_leader();
        // Its last reference may be this one, and it takes locks when it goes.
        drop(task);
        true
    }
}

impl Shared {
    /// How long a task may run.
    pub(super) fn limit_of(&self, task: &dyn Task) -> Option<Duration> {
        let limit = task.limit().or(self.task_limit);
        limit.filter(|&limit| limit != UNLIMITED)
    }

    /// The limit of the task in `slot`.
    pub(super) fn limit_in(&self, book: &Book, slot: u32) -> Duration {
        let task = book.tasks[slot as usize].as_ref();
        task.and_then(|task| self.limit_of(&**task))
            .unwrap_or(UNLIMITED)
    }

    /// Whether a task on these terms has a limit.
    pub(super) fn is_limited(&self, terms: Terms) -> bool {
        let limit = terms.limit.or(self.task_limit);
        limit.is_some_and(|limit| limit != UNLIMITED)
    }

    /// A task with this limit is being published: sees to it that the watchdog looks in time.
    pub(super) fn watch(&self, book: &mut Book, limit: Duration) {
        let look = os::monotonic_ns().saturating_add(nanoseconds(limit));
        if book.next_look.is_none_or(|next| look < next) {
            book.next_look = Some(look);
            self.changes.fetch_add(1, Ordering::AcqRel);
            os::futex_wake(&self.changes, u32::MAX, true);
        }
    }

    /// Stops the tasks whose time is over, if it is time to look.
    fn enforce_limits(&self, book: &mut Book) {
        let Some(look) = book.next_look else { return };
        let now = os::monotonic_ns();
        if now < look {
            return;
        }
        let mut next: Option<u64> = None;
        for slot in 0..SLOTS {
            let limit = self.limit_in(book, slot);
            if limit == UNLIMITED {
                continue;
            }
            let limit = nanoseconds(limit);
            let state = self.state_of(slot);
            let started = match state.phase() {
                // It may start right after this look.
                Phase::Ready => now,
                Phase::Running => self.segment.slot(slot).running_since(state).unwrap_or(now),
                Phase::Free | Phase::Done | Phase::Doomed => continue,
            };
            let end = started.saturating_add(limit);
            if end > now {
                next = Some(next.map_or(end, |next| next.min(end)));
            } else {
                self.doom(book, slot, state);
            }
        }
        book.next_look = next.map(|next| next.max(now + BETWEEN_LOOKS));
    }

    /// Looks whenever it is time to, until the pool has ended.
    fn keep_watch(&self) {
        loop {
            // Before the books are read: whoever changes them afterwards changes this, too.
            let seen = self.changes.load(Ordering::Acquire);
            let mut book = self.book();
            if book.phase == Stage::Closed {
                return;
            }
            self.enforce_limits(&mut book);
            let next = book.next_look;
            drop(book);
            let left = next.map(|look| look.saturating_sub(os::monotonic_ns()));
            os::futex_wait(&self.changes, seen, left.map(Duration::from_nanos), true);
        }
    }

    pub(super) fn state_of(&self, slot: u32) -> State {
        State(self.segment.slot(slot).state.load(Ordering::Acquire))
    }

    /// Ends the worker that is running the task of `slot`, unless it has answered meanwhile.
    fn doom(&self, book: &mut Book, slot: u32, running: State) -> bool {
        if !state::doom(&self.segment.slot(slot).state, running) {
            return false;
        }
        // The books are open, and a dead worker's slots are freed before its seat is given away: who
        // sits there is who claimed the task.
        match &mut book.seats[running.worker() as usize] {
            Seat::Taken { handle, killed, .. } => {
                *killed = true;
                handle.signal(Signal::KILL);
            }
            // It works already, though nobody has told us its process yet.
            Seat::Starting { doomed, .. } => *doomed = true,
            Seat::Empty => {}
        }
        true
    }
}

/// Starts the thread that keeps the time of a pool's tasks.
pub(super) fn start_watchdog(shared: &Arc<Shared>) -> io::Result<()> {
    let shared = Arc::clone(shared);
    let thread = std::thread::Builder::new()
        .name("ungil-watchdog".into())
        .stack_size(256 << 10);
    quiet::spawn(thread, move || shared.keep_watch()).map(drop)
}

fn nanoseconds(limit: Duration) -> u64 {
    u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX)
}
