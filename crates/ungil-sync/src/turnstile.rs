//! The turnstile (an "event count"): sleep until someone says that something changed, without a
//! lock around it.
//!
//! ```text
//! word = .. round:31 | WAITERS:1
//! waiter:   key = announce(); look again; sleep(key)          waker:   change; notify()
//! ```
//! Protocol and proof sketch: README.md, section "Turnstile".

use crate::wait::{Halt, Wait};
use crate::word::{Ordering, Woke, Word, fence};

const WAITERS: u64 = 1;
const ROUND: u64 = 2;

/// Where threads sleep until a condition outside it may have changed. All zero bytes: nobody waits.
#[derive(Debug)]
#[repr(transparent)]
pub struct Turnstile(Word);

impl Turnstile {
    /// With nobody waiting.
    #[must_use]
    pub fn new() -> Self {
        Self(Word::new(0))
    }

    /// Announces a waiter. Look at the condition after this, and before [`Turnstile::sleep`] with
    /// the key.
    pub fn announce(&self) -> u64 {
        let key = self.0.set_bits(WAITERS, Ordering::Relaxed) | WAITERS;
        fence(Ordering::SeqCst);
        key
    }

    /// Sleeps until a [`Turnstile::notify`] after [`Turnstile::announce`], or for one slice.
    pub fn sleep(&self, key: u64, wait: &mut impl Wait) -> Result<(), Halt> {
        if self.0.sleep(key, wait.slice()?) == Woke::Slice {
            wait.tick()?;
        }
        Ok(())
    }

    /// Wakes `count` waiters, after the condition was changed. Costs a fence and a load when nobody
    /// waits.
    #[inline]
    pub fn notify(&self, count: u32) {
        fence(Ordering::SeqCst);
        if self.0.load(Ordering::Relaxed) & WAITERS != 0 {
            self.notify_waiters(count);
        }
    }

    #[cold]
    fn notify_waiters(&self, count: u32) {
        self.0.add(ROUND, Ordering::Relaxed);
        if self.0.wake(count) < count {
            // Nobody sleeps now: let the next wakers pass without a system call. A waiter that fell
            // asleep between the two steps is woken by the second wake and announces itself again;
            // a later one finds its key outdated.
            self.0.clear_bits(WAITERS, Ordering::Relaxed);
            self.0.wake(u32::MAX);
        }
    }
}

impl Default for Turnstile {
    fn default() -> Self {
        Self::new()
    }
}
