//! The event: a flag that threads wait for.
//!
//! ```text
//! word = .. round:31 | set:1       `set` starts a round, so that a waiter sees a flag that was set and cleared at once
//! ```

use crate::wait::{Halt, Wait};
use crate::word::{Ordering, Woke, Word};

const SET: u64 = 1;
const ROUND: u64 = 2;

/// A flag in shared memory. All zero bytes are a flag that is not set.
#[derive(Debug)]
#[repr(transparent)]
pub struct RawEvent(Word);

impl RawEvent {
    /// A flag that is not set.
    #[must_use]
    pub fn new() -> Self {
        Self(Word::new(0))
    }

    /// Whether the flag is set.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire) & SET != 0
    }

    /// Sets the flag and wakes everyone.
    pub fn set(&self) {
        let mut seen = self.0.load(Ordering::Relaxed);
        while seen & SET == 0 {
            match self
                .0
                .swap_if(seen, seen.wrapping_add(ROUND) | SET, Ordering::AcqRel)
            {
                Ok(()) => {
                    self.0.wake(u32::MAX);
                    return;
                }
                Err(now) => seen = now,
            }
        }
        // Set already: still publish what this thread did before.
        self.0.set_bits(SET, Ordering::Release);
    }

    /// Clears the flag.
    pub fn clear(&self) {
        self.0.clear_bits(SET, Ordering::Relaxed);
    }

    /// Waits until the flag is set, or was set for a moment.
    pub fn wait(&self, wait: &mut impl Wait) -> Result<(), Halt> {
        let start = self.0.load(Ordering::Acquire);
        loop {
            let seen = self.0.load(Ordering::Acquire);
            if seen & SET != 0 || seen & !SET != start & !SET {
                return Ok(());
            }
            if self.0.sleep(seen, wait.slice()?) == Woke::Slice
                && self.0.load(Ordering::Acquire) == seen
            {
                wait.tick()?;
            }
        }
    }
}

impl Default for RawEvent {
    fn default() -> Self {
        Self::new()
    }
}
