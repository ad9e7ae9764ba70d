//! Looking again for a while before going to sleep.

use crate::word::{FIRST_SPIN, LAST_SPIN, relax, spins};

/// A bounded spin.
///
/// The looks become rarer: each one takes the cache line from the owner, which needs it to release,
/// and a thread that stays away lets the owner take the lock many times at its own speed.
#[derive(Debug)]
pub struct Spin {
    next: u32,
    left: u32,
}

impl Default for Spin {
    fn default() -> Self {
        Self {
            next: FIRST_SPIN,
            left: spins(),
        }
    }
}

impl Spin {
    /// One that looks soon for the first time: nobody's release is held up by it.
    #[must_use]
    pub fn brisk() -> Self {
        Self {
            next: FIRST_SPIN / 4,
            ..Self::default()
        }
    }

    /// Waits until the next look; `false`: it is time to sleep.
    pub fn turn(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        (0..self.next).for_each(|_| relax());
        self.left = self.left.saturating_sub(self.next);
        self.next = (self.next * 2).min(LAST_SPIN);
        true
    }
}
