//! The pump: takes finished tasks out of the segment and refills it.
//!
//! One thread per pool that never needs the interpreter, so results arrive and slots are
//! refilled while some other thread holds the GIL.

use std::io;
use std::sync::{Arc, PoisonError};

use super::book::{Book, Stage};
use super::lifecycle::Seat;
use super::shared::Shared;
use super::task::{Outcome, Task};
use crate::atomics::Ordering;
use crate::os;
use crate::quiet;
use crate::shm::done;
use crate::shm::message::Message;
use crate::shm::segment::SLOTS;
use crate::shm::state::{Phase, State};

/// Looks at an empty list this often before sleeping.
pub(super) const LOOKS: u32 = 100;

/// Starts the pool's pump thread.
pub(crate) fn start(shared: &Arc<Shared>) -> io::Result<()> {
    let shared = Arc::clone(shared);
    let thread = std::thread::Builder::new()
        .name("ungil-pump".into())
        .stack_size(256 << 10);
    quiet::spawn(thread, move || run(&shared)).map(drop)
}

fn run(shared: &Arc<Shared>) {
    let header = shared.segment.header();
    loop {
        let mut looks = 0;
        while shared.drain() || looks < LOOKS {
            looks += 1;
            os::relax();
        }
        if matches!(shared.book().phase, Stage::Closed) {
            return;
        }
        let bell = &header.bell.0;
        let armed = bell.arm_for_pump();
        // Look again: a worker that finished before it could see the bell did not ring.
        if !shared.has_finished_tasks() && !matches!(shared.book().phase, Stage::Closed) {
            os::futex_wait(&bell.word, armed, None, false);
        }
        bell.disarm_for_pump();
    }
}

impl Shared {
    /// Whether there are finished tasks to take.
    pub(super) fn has_finished_tasks(&self) -> bool {
        self.segment.header().done.0.load(Ordering::SeqCst) != 0
    }

    /// Takes what has finished; `false` when there was nothing.
    pub(crate) fn drain(self: &Arc<Self>) -> bool {
        let header = self.segment.header();
        if header.done.0.load(Ordering::Acquire) == 0 {
            return false;
        }
        let mut list = self.draining.lock().unwrap_or_else(PoisonError::into_inner);
        list.clear();
        done::take_all(&header.done.0, &*self.segment, SLOTS, &mut list);
        let now = os::monotonic_ns();
        let mut ended: Vec<(Arc<dyn Task>, Outcome)> = Vec::with_capacity(list.len());
        let outcomes: Vec<(u32, Outcome)> = list
            .iter()
            .filter(|slot| {
                State(self.segment.slot(**slot).state.load(Ordering::Acquire)).phase()
                    == Phase::Done
            })
            .map(|&slot| (slot, self.receive(slot, now)))
            .collect();
        let mut book = self.book();
        for (slot, outcome) in outcomes {
            self.segment
                .slot(slot)
                .state
                .store(State::FREE.0, Ordering::Release);
            book.free.push(slot);
            book.outstanding -= 1;
            ended.extend(book.tasks[slot as usize].take().map(|task| (task, outcome)));
        }
        let published = self.refill(&mut book);
        self.end_if_finished(&mut book);
        let _telling = self.telling();
        drop(book);
        self.wake_workers(published);
        drop(list);
        for (task, outcome) in ended {
            task.finish(outcome);
        }
        true
    }

    /// The outcome in a slot whose worker is done, taken `now`.
    pub(crate) fn receive(&self, slot: u32, now: u64) -> Outcome {
        Message::receive(&self.segment, slot, None).map_or(Outcome::Garbled, |answer| {
            Outcome::Finished(answer.received_at(now))
        })
    }

    /// Ends the workers of a pool that is closing and has nothing left to do.
    pub(crate) fn end_if_finished(&self, book: &mut Book) {
        if book.outstanding == 0 {
            book.forget_ranks();
        }
        if book.phase != Stage::Closing || book.outstanding > 0 {
            return;
        }
        self.segment.header().closing.0.store(1, Ordering::SeqCst);
        for (index, seat) in book.seats.iter().enumerate() {
            if !matches!(seat, Seat::Empty) {
                self.wake_worker(index as u32);
            }
        }
        if book.seats.iter().all(|seat| matches!(seat, Seat::Empty)) {
            book.phase = Stage::Closed;
            book.descriptors = Arc::default();
        }
    }
}
