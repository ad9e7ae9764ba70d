//! The state word of a task slot: ticket, phase and worker in one atomic, so that every step
//! of a task's life is a single instruction that either happened or did not, whenever a
//! process is killed.

use crate::atomics::{AtomicU64, Ordering};

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The slot belongs to the parent.
    Free,
    /// Published: any worker may claim it, the parent may take it back.
    Ready,
    /// The worker named in the word is running it.
    Running,
    /// The worker named in the word has written the result.
    Done,
    /// The parent has given up on the task, and ends the worker named in the word, which can do
    /// nothing any more.
    Doomed,
}

/// A slot's state: `ticket << 19 | worker << 3 | phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State(pub(crate) u64);

const PHASE_BITS: u32 = 3;
const WORKER_BITS: u32 = 16;

impl State {
    pub(crate) const FREE: Self = Self(0);

    pub(crate) fn ready(ticket: u64) -> Self {
        Self::new(ticket, 0, Phase::Ready)
    }

    pub(crate) fn running(ticket: u64, worker: u32) -> Self {
        Self::new(ticket, worker, Phase::Running)
    }

    pub(crate) fn done(self) -> Self {
        Self::new(self.ticket(), self.worker(), Phase::Done)
    }

    fn doomed(self) -> Self {
        Self::new(self.ticket(), self.worker(), Phase::Doomed)
    }

    fn new(ticket: u64, worker: u32, phase: Phase) -> Self {
        debug_assert!(worker < 1 << WORKER_BITS);
        Self(ticket << (PHASE_BITS + WORKER_BITS) | u64::from(worker) << PHASE_BITS | phase as u64)
    }

    pub(crate) fn ticket(self) -> u64 {
        self.0 >> (PHASE_BITS + WORKER_BITS)
    }

    pub(crate) fn worker(self) -> u32 {
        (self.0 >> PHASE_BITS) as u32 & ((1 << WORKER_BITS) - 1)
    }

    pub(crate) fn phase(self) -> Phase {
        match self.0 & ((1 << PHASE_BITS) - 1) {
            1 => Phase::Ready,
            2 => Phase::Running,
            3 => Phase::Done,
            4 => Phase::Doomed,
            _ => Phase::Free,
        }
    }
}

/// The worker, when it has written the result: `false` when the task is doomed, and this process
/// with it.
pub(crate) fn answer(word: &AtomicU64) -> bool {
    let running = State(word.load(Ordering::Relaxed));
    // Release publishes the result.
    running.phase() == Phase::Running
        && word
            .compare_exchange(
                running.0,
                running.done().0,
                Ordering::Release,
                Ordering::Relaxed,
            )
            .is_ok()
}

/// The parent, to stop a task that it has just seen `running`: `false` when the worker has
/// answered. On `true` the worker will not get past [`answer`]: whatever its process does until it
/// is killed, it takes no other task.
pub(crate) fn doom(word: &AtomicU64, running: State) -> bool {
    running.phase() == Phase::Running
        && word
            .compare_exchange(
                running.0,
                running.doomed().0,
                Ordering::AcqRel,
                Ordering::Relaxed,
            )
            .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_word_gives_back_what_was_packed(ticket in 0_u64..1 << 45, worker in 0_u32..1 << 16) {
            let running = State::running(ticket, worker);
            prop_assert_eq!((running.ticket(), running.worker(), running.phase()), (ticket, worker, Phase::Running));
            let done = running.done();
            prop_assert_eq!((done.ticket(), done.worker(), done.phase()), (ticket, worker, Phase::Done));
            let doomed = running.doomed();
            prop_assert_eq!((doomed.ticket(), doomed.worker(), doomed.phase()), (ticket, worker, Phase::Doomed));
            let ready = State::ready(ticket);
            prop_assert_eq!((ready.ticket(), ready.phase()), (ticket, Phase::Ready));
        }
    }
}
