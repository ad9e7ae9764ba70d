//! Sleeping on a word of this process's memory.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use crate::os::{self, Wait};

/// Sleeps while the word has the value `seen`; `false` when the time ran out or a signal
/// handler ran in this thread.
pub fn sleep(word: &AtomicU32, seen: u32, timeout: Duration) -> bool {
    os::futex_wait(word, seen, Some(timeout), true) == Wait::Ready
}

/// Wakes everybody who sleeps on the word.
pub fn wake_all(word: &AtomicU32) {
    os::futex_wake(word, u32::MAX, true);
}
