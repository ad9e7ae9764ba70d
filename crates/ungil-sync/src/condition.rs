//! The condition variable: exactly `n` of those waiting are woken, none of those that come later.
//!
//! All fields but `round` change only under the user's lock. Protocol: README.md, section
//! "Condition".

use crate::wait::{Halt, Wait};
use crate::word::{Cell64, Ordering, Woke, Word};

/// The state of a condition variable. All zero bytes: nobody waits.
#[derive(Debug)]
#[repr(C)]
pub struct RawCondition {
    /// What waiters sleep on; moves on with every notification.
    round: Word,
    /// The next waiter's ticket.
    next: Cell64,
    /// Tickets below this one may claim a permit.
    until: Cell64,
    /// Notifications that no waiter has claimed yet.
    permits: Cell64,
    /// Threads between `enlist` and the end of their wait.
    waiters: Cell64,
}

/// A waiter's place.
#[derive(Debug)]
pub struct Ticket {
    number: u64,
    round: u64,
}

impl RawCondition {
    /// With nobody waiting.
    #[must_use]
    pub fn new() -> Self {
        Self {
            round: Word::new(0),
            next: Cell64::new(0),
            until: Cell64::new(0),
            permits: Cell64::new(0),
            waiters: Cell64::new(0),
        }
    }

    /// Takes a place. Call it with the lock held.
    pub fn enlist(&self) -> Ticket {
        let number = self.next.load(Ordering::Relaxed);
        self.next.store(number + 1, Ordering::Relaxed);
        let waiters = self.waiters.load(Ordering::Relaxed);
        self.waiters.store(waiters + 1, Ordering::Relaxed);
        Ticket {
            number,
            round: self.round.load(Ordering::Relaxed),
        }
    }

    /// Sleeps until there may be a notification. Call it without the lock, then take the lock
    /// and `claim`.
    pub fn sleep(&self, ticket: &Ticket, wait: &mut impl Wait) -> Result<(), Halt> {
        // Without a permit there is no reason to trouble the lock.
        while self.round.sleep(ticket.round, wait.slice()?) == Woke::Slice
            && self.round.load(Ordering::Relaxed) == ticket.round
            && self.permits.load(Ordering::Relaxed) == 0
        {
            wait.tick()?;
        }
        Ok(())
    }

    /// Whether this waiter has been notified. Call it with the lock held; `true` ends the wait.
    pub fn claim(&self, ticket: &mut Ticket) -> bool {
        let permits = self.permits.load(Ordering::Relaxed);
        if permits > 0 && ticket.number < self.until.load(Ordering::Relaxed) {
            self.permits.store(permits - 1, Ordering::Relaxed);
            self.leave_one();
            return true;
        }
        ticket.round = self.round.load(Ordering::Relaxed);
        false
    }

    /// Gives the place up, after a `claim` that failed. Call it with the lock held.
    pub fn leave(&self) {
        self.leave_one();
        let permits = self.permits.load(Ordering::Relaxed);
        let waiters = self.waiters.load(Ordering::Relaxed);
        if permits > waiters {
            self.permits.store(waiters, Ordering::Relaxed);
        }
    }

    /// Notifies at most `count` of those waiting now. Call it with the lock held.
    pub fn notify(&self, count: u64) {
        let permits = self.permits.load(Ordering::Relaxed);
        let waiters = self.waiters.load(Ordering::Relaxed);
        let chosen = count.min(waiters.saturating_sub(permits));
        if chosen == 0 {
            return;
        }
        self.until
            .store(self.next.load(Ordering::Relaxed), Ordering::Relaxed);
        // From here on it has happened, whether or not this thread lives to say so.
        self.permits.store(permits + chosen, Ordering::Relaxed);
        self.round.add(1, Ordering::Relaxed);
        self.round.wake(u32::try_from(chosen).unwrap_or(u32::MAX));
    }

    /// Threads that wait and have not been notified.
    pub fn waiting(&self) -> u64 {
        let waiters = self.waiters.load(Ordering::Relaxed);
        waiters.saturating_sub(self.permits.load(Ordering::Relaxed))
    }

    fn leave_one(&self) {
        let waiters = self.waiters.load(Ordering::Relaxed);
        self.waiters
            .store(waiters.saturating_sub(1), Ordering::Relaxed);
    }
}

impl Default for RawCondition {
    fn default() -> Self {
        Self::new()
    }
}
