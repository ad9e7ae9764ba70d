//! What the OS threads of an exploration use by turns.

use std::cell::RefCell;
use std::ops::Deref;

/// A value of whoever has the turn: the OS thread that explores, or that of the running thread of the model.
pub(super) struct ByTurns<T>(T);

// SAFETY: hooks ask `engine::inside` first, which lets only one OS thread at a time go on, and hands over
// under a mutex; what begins and ends an exploration has the GIL, and nobody else explores meanwhile.
unsafe impl<T> Sync for ByTurns<T> {}

impl<T> ByTurns<T> {
    pub(super) const fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for ByTurns<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> ByTurns<RefCell<T>> {
    pub(super) fn with_borrow<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.0.borrow())
    }

    pub(super) fn with_borrow_mut<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        change(&mut self.0.borrow_mut())
    }

    pub(super) fn set(&self, value: T) {
        drop(self.0.replace(value));
    }
}
