//! The counting semaphore, with the lock's fairness. It has permits and no owners, so a death takes
//! its permits along.
//!
//! ```text
//! word = STARVING WAITERS permits:30
//! ```
//! Protocol: README.md, section "Semaphore".

use crate::spin::Spin;
use crate::wait::{Halt, Wait};
use crate::word::{Cell64, LOST_WAKEUPS, Ordering, Woke, Word};
use std::time::Duration;

const WAITERS: u64 = 1 << 30;
const STARVING: u64 = 1 << 31;
const FLAGS: u64 = WAITERS | STARVING;
const CLOSED_DOOR: Duration = Duration::from_millis(1);

/// The most permits that a semaphore can hold.
pub const MOST_PERMITS: u32 = (1 << 30) - 1;

/// A release that would have given this many permits where `bound` are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeyondBound {
    /// Permits before the refused release.
    pub permits: u32,
    /// Permits that it may have at most.
    pub bound: u32,
}

/// A counting semaphore with an upper bound.
#[derive(Debug)]
#[repr(C)]
pub struct RawSemaphore {
    word: Word,
    bound: Cell64,
}

impl RawSemaphore {
    /// With `permits` of at most `bound`.
    #[must_use]
    pub fn new(permits: u32, bound: u32) -> Self {
        debug_assert!(permits <= bound && bound <= MOST_PERMITS);
        Self {
            word: Word::new(u64::from(permits)),
            bound: Cell64::new(u64::from(bound)),
        }
    }

    /// Takes a permit if there is one and the door is open: the fast path.
    #[inline]
    pub fn grab(&self) -> bool {
        self.take_unless(STARVING)
    }

    /// Takes a permit if there is one, whoever waits for it.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        self.take_unless(0)
    }

    #[inline]
    fn take_unless(&self, closed: u64) -> bool {
        let mut seen = self.word.load(Ordering::Relaxed);
        while seen & !FLAGS != 0 && seen & closed == 0 {
            match self.word.swap_if(seen, seen - 1, Ordering::Acquire) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Waits for a permit.
    pub fn acquire(&self, wait: &mut impl Wait) -> Result<(), Halt> {
        let mut spin = Spin::default();
        let mut slept = false;
        let mut called = false;
        let mut lost = 0;
        loop {
            let seen = self.word.load(Ordering::Relaxed);
            if seen & !FLAGS != 0 && (slept || seen & STARVING == 0) {
                let mut next = seen - 1;
                if lost >= LOST_WAKEUPS {
                    next &= !STARVING;
                }
                if self.word.swap_if(seen, next, Ordering::Acquire).is_ok() {
                    return Ok(());
                }
                continue;
            }
            if seen & FLAGS == 0 && spin.turn() {
                continue;
            }
            lost += u32::from(std::mem::take(&mut called));
            let mut wanted = seen | WAITERS;
            if lost >= LOST_WAKEUPS {
                wanted |= STARVING;
            }
            if wanted != seen && self.word.swap_if(seen, wanted, Ordering::Relaxed).is_err() {
                continue;
            }
            let mut slice = wait.slice()?;
            if seen & !FLAGS != 0 {
                slice = slice.min(CLOSED_DOOR);
            }
            match self.word.sleep(wanted, slice) {
                Woke::Called => {
                    called = true;
                    spin = Spin::default();
                }
                Woke::Changed => continue,
                Woke::Slice => {
                    if self.permits() == 0 {
                        wait.tick()?;
                    }
                }
            }
            slept = true;
        }
    }

    /// Gives `count` permits and wakes as many sleepers; refuses to go beyond the bound.
    pub fn release(&self, count: u32) -> Result<(), BeyondBound> {
        let bound = self.bound.load(Ordering::Relaxed) as u32;
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            let permits = (seen & !FLAGS) as u32;
            if permits.checked_add(count).is_none_or(|sum| sum > bound) {
                return Err(BeyondBound { permits, bound });
            }
            match self
                .word
                .swap_if(seen, seen + u64::from(count), Ordering::Release)
            {
                Ok(()) => break,
                Err(now) => seen = now,
            }
        }
        if seen & WAITERS != 0 && self.word.wake(count) < count {
            // Nobody sleeps now. A thread about to sleep on the old value finds it changed; one
            // that slips in between the two steps is woken by the second.
            self.word.clear_bits(FLAGS, Ordering::Relaxed);
            self.word.wake(u32::MAX);
        }
        Ok(())
    }

    /// Permits at this moment.
    pub fn permits(&self) -> u32 {
        (self.word.load(Ordering::Relaxed) & !FLAGS) as u32
    }

    /// The most permits that it may have.
    pub fn bound(&self) -> u32 {
        self.bound.load(Ordering::Relaxed) as u32
    }
}
