//! The surroundings of a modelled thread: nobody times out, and deaths are told by the model.

use crate::identity::Owner;
use crate::wait::{Halt, Wait};
use std::time::Duration;

loom::lazy_static! {
    static ref DEAD: loom::sync::atomic::AtomicU64 = loom::sync::atomic::AtomicU64::new(0);
}

/// The modelled threads' identities.
pub(crate) fn owner(number: u32) -> Owner {
    Owner::new(number, 7)
}

/// From now on this thread is dead for everybody.
pub(crate) fn die(owner: Owner) {
    DEAD.store(owner.bits(), loom::sync::atomic::Ordering::SeqCst);
}

/// The slices of those who sleep for this lock come to their end.
#[allow(unsafe_code)]
pub(crate) fn time_passes(lock: &crate::lock::RawLock) {
    // SAFETY: a lock is a transparent word.
    let word = unsafe { &*std::ptr::from_ref(lock).cast::<crate::word::Word>() };
    word.end_slices();
}

/// Whether the owner in this word is dead already.
pub(crate) fn died(word: u64) -> bool {
    let dead = DEAD.load(loom::sync::atomic::Ordering::SeqCst);
    Owner::from_bits(dead)
        .is_some_and(|dead| Owner::from_bits(word).is_some_and(|owner| owner.tid() == dead.tid()))
}

pub(crate) struct Calm;

impl Wait for Calm {
    fn slice(&mut self) -> Result<Duration, Halt> {
        Ok(Duration::from_secs(1))
    }

    fn tick(&mut self) -> Result<(), Halt> {
        Ok(())
    }

    fn is_dead(&mut self, owner: Owner) -> bool {
        DEAD.load(loom::sync::atomic::Ordering::SeqCst) == owner.bits()
    }
}

/// Gives up after so many sleeps, as a wait whose time is over.
pub(crate) struct Hasty(pub(crate) u32);

impl Wait for Hasty {
    fn slice(&mut self) -> Result<Duration, Halt> {
        self.0 = self.0.checked_sub(1).ok_or(Halt::TimedOut)?;
        Ok(Duration::from_secs(1))
    }

    fn tick(&mut self) -> Result<(), Halt> {
        Ok(())
    }

    fn is_dead(&mut self, _owner: Owner) -> bool {
        false
    }
}

/// Explores a program; `preemptions` bounds how often a running thread is put aside (CHESS: few
/// suffice for most bugs).
pub(crate) fn explore(preemptions: usize, program: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(program);
}

/// Memory that loom watches: two unordered accesses, one of them a write, fail the model.
pub(crate) struct Watched<T>(pub(crate) loom::cell::UnsafeCell<T>);

// SAFETY: loom reports unsynchronised accesses; that is what the models are for.
#[allow(unsafe_code)]
unsafe impl<T: Send> Sync for Watched<T> {}

impl<T> Watched<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::cell::UnsafeCell::new(value))
    }

    #[allow(unsafe_code)]
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: loom checks that nobody else is in here.
        self.0.with_mut(|value| change(unsafe { &mut *value }))
    }
}
