//! The mutex: a word that holds its owner, with barging, a bounded hand-off, and succession after a
//! death.
//!
//! ```text
//! word = start:32 | STARVING WAITERS 0.. tid:22        (0 when free and nobody waits)
//! ```
//! Protocol and proof sketch: README.md, section "Lock".

use crate::identity::Owner;
use crate::spin::Spin;
use crate::wait::{Halt, Wait};
use crate::word::{LOST_WAKEUPS, Ordering, Woke, Word};
use std::time::Duration;

const WAITERS: u64 = 1 << 30;
const STARVING: u64 = 1 << 31;
const FLAGS: u64 = WAITERS | STARVING;

/// So long does a newcomer stay out of a free lock whose door is closed; longer, and the starving
/// thread is gone.
const CLOSED_DOOR: Duration = Duration::from_millis(1);

/// How a lock came to its new owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acquired {
    /// From a thread that released it.
    Clean,
    /// From this thread, which died holding it: what the lock guards may be half done.
    OwnerDied(Owner),
}

/// A release by a thread that is not the owner (`None`: the lock was free).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOwned(pub Option<Owner>);

/// A mutex that knows its owner. All zero bytes are a free lock.
#[derive(Debug)]
#[repr(transparent)]
pub struct RawLock(Word);

impl RawLock {
    /// A free lock.
    #[must_use]
    pub fn new() -> Self {
        Self(Word::new(0))
    }

    /// Takes the lock if it is free and nobody waits: the fast path.
    #[inline]
    pub fn grab(&self, me: Owner) -> bool {
        self.0.swap_if(0, me.bits(), Ordering::Acquire).is_ok()
    }

    /// Takes the lock if it is free, whoever waits for it.
    #[inline]
    pub fn try_lock(&self, me: Owner) -> bool {
        if self.grab(me) {
            return true;
        }
        let mut seen = self.0.load(Ordering::Relaxed);
        while owner_of(seen).is_none() {
            match self.0.swap_if(seen, me.bits() | seen, Ordering::Acquire) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Takes the lock from an owner that died.
    pub fn try_inherit(&self, me: Owner, wait: &mut impl Wait) -> Option<Owner> {
        let seen = self.0.load(Ordering::Relaxed);
        let owner = owner_of(seen)?;
        (wait.is_dead(owner) && self.inherit(seen, me)).then_some(owner)
    }

    /// Waits for the lock.
    #[inline]
    pub fn lock(&self, me: Owner, wait: &mut impl Wait) -> Result<Acquired, Halt> {
        if self.grab(me) {
            return Ok(Acquired::Clean);
        }
        self.lock_slow(me, wait)
    }

    #[cold]
    fn lock_slow(&self, me: Owner, wait: &mut impl Wait) -> Result<Acquired, Halt> {
        let mut spin = Spin::default();
        let mut slept = false;
        let mut called = false;
        let mut lost = 0;
        loop {
            let seen = self.0.load(Ordering::Relaxed);
            if owner_of(seen).is_none() && (slept || seen & STARVING == 0) {
                if self.take(seen, me, slept, lost) {
                    return Ok(Acquired::Clean);
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
            if wanted != seen && self.0.swap_if(seen, wanted, Ordering::Relaxed).is_err() {
                continue;
            }
            // From here on the flags are in the word: whoever leaves, leaves them for the others.
            let mut slice = wait.slice()?;
            if owner_of(wanted).is_none() {
                slice = slice.min(CLOSED_DOOR);
            }
            match self.0.sleep(wanted, slice) {
                Woke::Called => {
                    called = true;
                    // It runs, which was the expensive part: if a newcomer was faster, it waits for
                    // that one awake, and the newcomer's release needs no system call.
                    spin = Spin::default();
                }
                Woke::Changed => continue,
                Woke::Slice => {
                    if let Some(dead) = self.try_inherit(me, wait) {
                        return Ok(Acquired::OwnerDied(dead));
                    }
                    // A free lock is taken before the time is looked at: see README, "A waiter that
                    // leaves".
                    if owner_of(self.0.load(Ordering::Relaxed)).is_some() {
                        wait.tick()?;
                    }
                }
            }
            slept = true;
        }
    }

    /// Takes a free lock. One that slept keeps `WAITERS`, because others may sleep still.
    fn take(&self, seen: u64, me: Owner, slept: bool, lost: u32) -> bool {
        let mut flags = seen & FLAGS;
        if slept {
            flags |= WAITERS;
        }
        if lost >= LOST_WAKEUPS {
            flags &= !STARVING;
        }
        self.0
            .swap_if(seen, me.bits() | flags, Ordering::Acquire)
            .is_ok()
    }

    fn inherit(&self, seen: u64, me: Owner) -> bool {
        self.0
            .swap_if(
                seen,
                me.bits() | (seen & FLAGS) | WAITERS,
                Ordering::Acquire,
            )
            .is_ok()
    }

    /// Gives the lock back, and wakes one sleeper.
    #[inline]
    pub fn unlock(&self, me: Owner) -> Result<(), NotOwned> {
        if self.0.swap_if(me.bits(), 0, Ordering::Release).is_ok() {
            return Ok(());
        }
        self.unlock_slow(me)
    }

    #[cold]
    fn unlock_slow(&self, me: Owner) -> Result<(), NotOwned> {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            let owner = owner_of(seen);
            if owner != Some(me) {
                return Err(NotOwned(owner));
            }
            match self.0.swap_if(seen, seen & STARVING, Ordering::Release) {
                Ok(()) => break,
                Err(now) => seen = now,
            }
        }
        if seen & WAITERS != 0 && self.0.wake(1) == 0 && seen & STARVING != 0 {
            // The starving thread left or died: open the door again.
            let _ = self.0.swap_if(STARVING, 0, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The owner at this moment.
    #[inline]
    pub fn owner(&self) -> Option<Owner> {
        owner_of(self.0.load(Ordering::Relaxed))
    }
}

impl Default for RawLock {
    fn default() -> Self {
        Self::new()
    }
}

#[inline]
fn owner_of(word: u64) -> Option<Owner> {
    Owner::from_bits(word & !FLAGS)
}
