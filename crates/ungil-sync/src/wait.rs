//! What a blocked thread asks of its surroundings: how long to sleep, whether to give up, who is
//! dead.

use crate::identity::Owner;
use std::time::Duration;

/// Why a wait ended without what it waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// The time that the caller gave is over.
    TimedOut,
    /// The caller's own check asked to stop (a signal, a cancelled task).
    Interrupted,
    /// Waiting on would never end: these threads wait for one another. Each entry is a waiting
    /// thread and the address of the lock that it waits for; the next entry's thread owns that
    /// lock, and the first entry is the caller.
    Deadlock(Vec<(Owner, usize)>),
}

/// The surroundings of a blocked thread.
///
/// No sleep is longer than [`Wait::slice`], so that a wake-up lost with a killed process delays and
/// never hangs.
pub trait Wait {
    /// Called before each sleep: the longest time that it may last.
    fn slice(&mut self) -> Result<Duration, Halt>;
    /// Called after a sleep that ended by its slice or by a signal.
    fn tick(&mut self) -> Result<(), Halt>;
    /// Whether this thread, in whatever process, no longer exists.
    fn is_dead(&mut self, owner: Owner) -> bool;
}
