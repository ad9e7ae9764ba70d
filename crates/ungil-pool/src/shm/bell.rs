//! The parent's bell: how a worker that has finished a task wakes the pump, and only when the
//! pump sleeps.

use crate::atomics::{AtomicU32, Ordering, fence};

/// The pump is about to sleep on the word. It looks at the done list once more after this.
pub(crate) fn arm(bell: &AtomicU32) {
    bell.store(1, Ordering::SeqCst);
    // Orders the armed bell before the coming look at the list (Dekker's pattern with `ring`).
    fence(Ordering::SeqCst);
}

/// The pump is awake.
pub(crate) fn disarm(bell: &AtomicU32) {
    bell.store(0, Ordering::SeqCst);
}

/// Rings after a push to the done list; `true` when the pump must be woken.
pub(crate) fn ring(bell: &AtomicU32) -> bool {
    // Orders the push before the look at the bell.
    fence(Ordering::SeqCst);
    bell.load(Ordering::SeqCst) == 1 && bell.swap(0, Ordering::SeqCst) == 1
}
