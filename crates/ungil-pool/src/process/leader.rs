//! Leading: a thread that waits for a result takes finished tasks itself, as the pump does.
//!
//! Otherwise a result's way is worker, pump, waiting thread, and each step wakes a sleeper. One
//! thread leads at a time; the pump sleeps meanwhile, and is the one to wake again when the
//! leader goes. (Leader and followers: Schmidt, Stal, Rohnert, Buschmann, "Pattern-Oriented
//! Software Architecture 2", 2000.)

use std::sync::Arc;
use std::time::Instant;

use super::pump::LOOKS;
use super::shared::Shared;
use super::worker::ring;
use crate::atomics::{Ordering, fence};
use crate::os::{self, Wait};

/// Values of `Shared::leading`: no thread leads,
pub(super) const NOBODY: u32 = 0;
/// one does and is awake,
const AWAKE: u32 = 1;
/// or sleeps, or will look at what it waits for before it does.
const ASLEEP: u32 = 2;

impl Shared {
    /// See [`super::ProcessPool::lead`].
    pub(super) fn lead(self: &Arc<Self>, done: impl Fn() -> bool, until: Instant) -> Option<bool> {
        self.leading
            .compare_exchange(NOBODY, AWAKE, Ordering::SeqCst, Ordering::Relaxed)
            .ok()?;
        let is_done = self.lead_until(&done, until);
        let bell = &self.segment.header().bell.0;
        bell.leave();
        if self.has_finished_tasks() {
            ring(bell);
        }
        self.leading.store(NOBODY, Ordering::SeqCst);
        Some(is_done)
    }

    fn lead_until(self: &Arc<Self>, done: &impl Fn() -> bool, until: Instant) -> bool {
        let bell = &self.segment.header().bell.0;
        loop {
            let mut looks = 0;
            while self.drain() || looks < LOOKS {
                if done() {
                    return true;
                }
                looks += 1;
                os::relax();
            }
            self.leading.store(ASLEEP, Ordering::SeqCst);
            bell.arm_for_leader();
            let mut wait = Wait::Ready;
            if !self.has_finished_tasks() && !done() {
                let left = until.saturating_duration_since(Instant::now());
                wait = os::futex_wait(&bell.leader, 0, Some(left), false);
            }
            self.leading.store(AWAKE, Ordering::SeqCst);
            if wait != Wait::Ready {
                self.drain();
                return done();
            }
        }
    }

    /// Wakes pump and leader, whatever the bell says.
    pub(super) fn call_everybody(&self) {
        let bell = &self.segment.header().bell.0;
        bell.alarm();
        os::futex_wake(&bell.word, 1, false);
        os::futex_wake(&bell.leader, 1, false);
    }

    /// After tasks have ended otherwise than by the leader: it may wait for one of them.
    pub(super) fn call_leader(&self) {
        // Orders the tasks' ends before the look (Dekker's pattern with `lead_until`).
        fence(Ordering::SeqCst);
        if self.leading.load(Ordering::SeqCst) == ASLEEP {
            let bell = &self.segment.header().bell.0;
            bell.leader.store(1, Ordering::SeqCst);
            os::futex_wake(&bell.leader, 1, false);
        }
    }
}
