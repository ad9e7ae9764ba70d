//! The parent's bell: how a worker that has finished a task wakes whoever takes finished tasks,
//! and only when it sleeps: the pump, or a thread that waits for a result and leads meanwhile.

use crate::atomics::{AtomicU32, Ordering, fence};

/// Two futex words: `word` says who is to be woken, and the pump sleeps on it; the leading
/// thread sleeps on `leader`.
#[repr(C)]
pub(crate) struct Bell {
    pub(crate) word: AtomicU32,
    pub(crate) leader: AtomicU32,
}

/// Nobody sleeps, or whoever does has been called.
pub(crate) const QUIET: u32 = 0;
/// The pump sleeps, or will look at the done list before it does.
pub(crate) const PUMP: u32 = 1;
/// A leading thread sleeps, or will look before it does; perhaps the pump sleeps, too.
pub(crate) const LEADER: u32 = 2;

/// Whose futex word has to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Nobody,
    Pump,
    Leader,
}

impl Bell {
    /// The pump is about to sleep on `word` while it has the value that this gives. It looks at
    /// the done list once more before that.
    pub(crate) fn arm_for_pump(&self) -> u32 {
        let armed = self
            .word
            .compare_exchange(QUIET, PUMP, Ordering::SeqCst, Ordering::SeqCst)
            .map_or_else(|armed| armed, |_| PUMP);
        // Orders the armed bell before the coming look at the list (Dekker's pattern with `ring`).
        fence(Ordering::SeqCst);
        armed
    }

    /// The pump is awake. A leader's arming is not the pump's to undo.
    pub(crate) fn disarm_for_pump(&self) {
        let _ = self
            .word
            .compare_exchange(PUMP, QUIET, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// The leading thread is about to sleep on `leader` while it is 0; it looks once more before.
    pub(crate) fn arm_for_leader(&self) {
        self.leader.store(0, Ordering::SeqCst);
        self.word.swap(LEADER, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// The leading thread goes; the pump, if it sleeps, is the one to wake again. The leader
    /// looks at the done list once more after this, and rings if there is anything.
    pub(crate) fn leave(&self) {
        self.word.store(PUMP, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Rings after a push to the done list; says whose futex must be woken.
    pub(crate) fn ring(&self) -> Call {
        // Orders the push before the look at the bell.
        fence(Ordering::SeqCst);
        if self.word.load(Ordering::SeqCst) == QUIET {
            return Call::Nobody;
        }
        match self.word.swap(QUIET, Ordering::SeqCst) {
            PUMP => Call::Pump,
            LEADER => {
                self.leader.store(1, Ordering::SeqCst);
                Call::Leader
            }
            _ => Call::Nobody,
        }
    }

    /// Calls everybody, whoever is said to sleep: both futexes must be woken. What mends a bell
    /// whose ringer was killed between its ring and its wake.
    pub(crate) fn alarm(&self) {
        self.word.store(QUIET, Ordering::SeqCst);
        self.leader.store(1, Ordering::SeqCst);
    }
}
