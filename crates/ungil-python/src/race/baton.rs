//! What the hub and an OS thread hand to each other: whoever has it may run the model.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Where the thread stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// It waits for its turn.
    Waits,
    /// It runs.
    Runs,
    /// It blocks in a call, and its turn is over.
    Outside,
    /// It has come back from there, and waits for its turn.
    Back,
    Ended,
    /// It is left where it is: its run is over.
    Left,
}

pub(super) struct Baton {
    stand: Mutex<Stand>,
    moved: Condvar,
}

impl Baton {
    pub(super) fn new() -> Self {
        Self {
            stand: Mutex::new(Stand::Waits),
            moved: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Stand> {
        self.stand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stand(&self) -> Stand {
        *self.lock()
    }

    pub(super) fn set(&self, stand: Stand) {
        *self.lock() = stand;
        self.moved.notify_all();
    }

    /// Changes it from one to the other; whether it was the one.
    pub(super) fn change(&self, from: Stand, to: Stand) -> bool {
        let mut stand = self.lock();
        let was = *stand == from;
        if was {
            *stand = to;
            self.moved.notify_all();
        }
        was
    }

    /// The hub waits until the thread no longer runs, for so long at most.
    pub(super) fn pause(&self, most: Duration) -> Stand {
        let waited = self
            .moved
            .wait_timeout_while(self.lock(), most, |stand| *stand == Stand::Runs);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// The thread waits for its turn; `false` where it gets none any more.
    pub(super) fn turn(&self) -> bool {
        let stand = self
            .moved
            .wait_while(self.lock(), |stand| {
                !matches!(stand, Stand::Runs | Stand::Left)
            })
            .unwrap_or_else(PoisonError::into_inner);
        *stand == Stand::Runs
    }
}
