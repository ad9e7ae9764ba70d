//! The lock as an object: what `Lock` and `RLock` share.

use crate::detect::Registration;
use crate::handle::Handle;
use crate::identity::Owner;
use crate::lock::{Acquired, NotOwned, RawLock};
use crate::patience::Patience;
use crate::thread;
use crate::wait::{Halt, Wait};
use crate::word::{Cell64, Ordering};
use std::time::Duration;

/// A lock in shared memory, with the owner's recursion depth and whether waits look for deadlocks.
#[derive(Debug)]
#[repr(C)]
pub struct Mutex {
    lock: RawLock,
    /// Only the owner reads or writes it.
    depth: Cell64,
    detect: Cell64,
}

impl Mutex {
    /// A free lock.
    #[must_use]
    pub fn new(detect: bool) -> Self {
        Self {
            lock: RawLock::new(),
            depth: Cell64::new(0),
            detect: Cell64::new(u64::from(detect)),
        }
    }

    /// The lock itself.
    #[inline]
    pub fn raw(&self) -> &RawLock {
        &self.lock
    }

    /// Whether waits look for deadlocks.
    pub fn detects(&self) -> bool {
        self.detect.load(Ordering::Relaxed) != 0
    }

    /// How often the owner holds it.
    pub fn depth(&self, me: Owner) -> u64 {
        if self.lock.owner() == Some(me) {
            self.depth.load(Ordering::Relaxed)
        } else {
            0
        }
    }

    /// Takes it once more if this thread holds it already.
    ///
    /// A depth of zero is a lock that a helper took in this thread's name and has not handed over
    /// yet.
    #[inline]
    pub fn reenter(&self, me: Owner) -> bool {
        let depth = self.depth(me);
        if depth > 0 {
            self.set_depth(depth + 1);
        }
        depth > 0
    }

    /// Writes the depth of a lock that this thread holds.
    #[inline]
    pub fn set_depth(&self, depth: u64) {
        self.depth.store(depth, Ordering::Relaxed);
    }

    /// Gives back one level, or the lock with the last.
    #[inline]
    pub fn leave(&self, me: Owner) -> Result<(), NotOwned> {
        match self.depth(me) {
            0 => Err(NotOwned(self.lock.owner())),
            1 => {
                self.set_depth(0);
                self.lock.unlock(me)
            }
            depth => {
                self.set_depth(depth - 1);
                Ok(())
            }
        }
    }

    /// Gives back all levels and says how many there were.
    pub fn leave_all(&self, me: Owner) -> Result<u64, NotOwned> {
        let depth = self.depth(me);
        if depth == 0 {
            return Err(NotOwned(self.lock.owner()));
        }
        self.set_depth(0);
        self.lock.unlock(me).map(|()| depth)
    }
}

impl Handle<Mutex> {
    /// Takes the lock if it is free or its owner died; looks for a death only if `look`, because
    /// that asks the kernel.
    pub fn try_acquire(&self, me: Owner, look: bool) -> Option<Acquired> {
        if self.raw().try_lock(me) {
            return Some(Acquired::Clean);
        }
        let mut wait = crate::patience::Brief;
        look.then(|| self.raw().try_inherit(me, &mut wait))
            .flatten()
            .map(Acquired::OwnerDied)
    }

    /// Waits for the lock. `longest` and `interrupted` as in [`Patience::new`].
    pub fn acquire(
        &self,
        me: Owner,
        timeout: Option<Duration>,
        longest: Duration,
        interrupted: impl FnMut() -> bool,
    ) -> Result<Acquired, Halt> {
        let mut patience = Patience::new(timeout, longest, interrupted);
        if self.detects() && me == thread::me() {
            patience = patience.detecting(Registration::new(me, self.raw(), self.segment()));
        }
        self.acquire_with(me, &mut patience)
    }

    /// Waits for the lock in these surroundings.
    pub fn acquire_with(&self, me: Owner, wait: &mut impl Wait) -> Result<Acquired, Halt> {
        self.raw().lock(me, wait)
    }
}
