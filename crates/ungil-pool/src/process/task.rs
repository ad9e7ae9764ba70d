//! What a pool is given to run, and how that ends.

use std::sync::Arc;
use std::time::Duration;

use super::policy::Kept;
use crate::error::Breakage;
use crate::exit::{Crash, TimedOut};
use crate::shm::message::Message;

/// What a pool asks of the thing that waits for a task's result.
pub trait Task: Send + Sync {
    /// The task is about to be offered to the workers at `place`; `false` when it has been
    /// cancelled and shall be dropped. Called with the pool's lock held: do not call the pool.
    fn publish(&self, place: Place) -> bool;
    /// The task shall wait once more: calls `take_back`, and if that says `true` the place is not
    /// the task's any more. Nobody may take it back by that place meanwhile. Called with the pool's
    /// lock held: do not call the pool.
    fn withdraw(&self, take_back: &dyn Fn() -> bool) -> bool;
    /// The task has ended, once and for all.
    fn finish(&self, outcome: Outcome);
    /// How long the task may run, if that is not what the pool says; callers' tasks do not.
    #[doc(hidden)]
    fn limit(&self) -> Option<Duration> {
        None
    }
    /// What the engine kept to run the task again; callers' tasks have nothing of the kind.
    #[doc(hidden)]
    fn again(&self) -> Option<&Kept> {
        None
    }
}

/// How a task ended.
#[derive(Debug)]
pub enum Outcome {
    /// The worker's answer.
    Finished(Message),
    /// The worker died while running it.
    Crashed(Crash),
    /// It ran too long, and its worker was killed.
    TimedOut(TimedOut),
    /// The pool was shut down before a worker took it.
    Cancelled,
    /// The pool broke before a worker could run it.
    Broken(Arc<Breakage>),
    /// The worker's answer was not readable: its memory is corrupted.
    Garbled,
}

/// Where a published task is, to take it back or to ask about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub(crate) slot: u32,
    pub(crate) ticket: u64,
}

/// A caller's task with what it has that others need not have.
pub(super) struct Particular {
    pub(super) task: Arc<dyn Task>,
    pub(super) limit: Option<Duration>,
    pub(super) kept: Option<Kept>,
}

impl Task for Particular {
    fn publish(&self, place: Place) -> bool {
        self.task.publish(place)
    }

    fn withdraw(&self, take_back: &dyn Fn() -> bool) -> bool {
        self.task.withdraw(take_back)
    }

    fn finish(&self, outcome: Outcome) {
        self.task.finish(outcome);
    }

    fn limit(&self) -> Option<Duration> {
        self.limit
    }

    fn again(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }
}
