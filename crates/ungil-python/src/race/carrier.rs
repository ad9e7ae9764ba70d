//! What carries a thread of the model: a fiber, or an OS thread of its own. The hub lets one at a time go on.

use std::io;

use pyo3::prelude::*;
use ungil_race::ThreadId;

use super::fiber::Fiber;
use super::os_thread::OsThread;
use super::record::Place;

/// How a thread that could go on came back to the hub.
pub(super) enum Pause {
    /// It has announced a step.
    GaveWay,
    Ended,
    /// It blocks outside of what is followed, and others may go on meanwhile.
    Outside,
}

/// What a thread does that was seen to block outside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Blocks,
    /// It has been woken, or computes, and has not come to what is followed.
    Works,
    /// It waits for its turn.
    Back,
}

pub(super) trait Carrier {
    /// Lets the thread begin, or go on, until it pauses. Called by the hub, with the GIL, which the thread has meanwhile.
    ///
    /// # Errors
    /// There is no memory for a stack, or no OS thread.
    fn resume(&self) -> io::Result<Pause>;

    /// Lets the hub go on; returns when the hub has let this thread go on again. Called by the thread.
    fn give_way(&self);

    /// Whether it has begun and has not ended.
    fn is_underway(&self) -> bool;

    /// What it does, after a pause outside. The GIL is free.
    fn doing(&self) -> Doing {
        Doing::Works
    }

    /// Where it blocks outside: a place in the code under test.
    fn place(&self, py: Python<'_>) -> Option<Place>;

    /// Leaves it for good in the call that blocks, if it has let go of the GIL: the hub goes on, and this does not return.
    /// Called by the thread, from a signal's handler.
    fn leave(&self) {}

    /// Whether it waits for its turn, having come back from outside.
    fn is_back(&self) -> bool {
        false
    }

    /// Its own OS thread.
    fn os_thread(&self) -> Option<libc::pthread_t> {
        None
    }

    /// Leaves it where it is: it cannot be ended.
    fn abandon(&self);

    /// Gives back what it has. It has ended, or was abandoned; the hub has the GIL.
    fn release(&self);
}

/// Which carriers a run has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Carriers {
    Fibers,
    OsThreads,
}

impl Carriers {
    pub(super) fn carrier(self, thread: ThreadId) -> Box<dyn Carrier> {
        match self {
            Carriers::Fibers => Box::new(Fiber::new(thread)),
            Carriers::OsThreads => Box::new(OsThread::new(thread)),
        }
    }
}
