//! Sums that are exact whatever else is lost.

use serde::{Deserialize, Serialize};

/// What a thread, or all of them, did with GILs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Time with the GIL, nanoseconds.
    pub held_ns: u64,
    /// Time waiting for it, nanoseconds.
    pub waited_ns: u64,
    /// Holds that have ended.
    pub holds: u64,
    /// Waits that have begun.
    pub waits: u64,
    /// Holds and waits that were recorded only as part of a merged one.
    pub merged: u64,
    /// A take without a drop before it, or the other way round: 0 unless something is wrong.
    pub unmatched: u64,
}

impl Counts {
    /// Nothing yet.
    pub const ZERO: Self = Self {
        held_ns: 0,
        waited_ns: 0,
        holds: 0,
        waits: 0,
        merged: 0,
        unmatched: 0,
    };

    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.held_ns += other.held_ns;
        self.waited_ns += other.waited_ns;
        self.holds += other.holds;
        self.waits += other.waits;
        self.merged += other.merged;
        self.unmatched += other.unmatched;
    }

    /// What came after an earlier state.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            held_ns: self.held_ns.saturating_sub(earlier.held_ns),
            waited_ns: self.waited_ns.saturating_sub(earlier.waited_ns),
            holds: self.holds.saturating_sub(earlier.holds),
            waits: self.waits.saturating_sub(earlier.waits),
            merged: self.merged.saturating_sub(earlier.merged),
            unmatched: self.unmatched.saturating_sub(earlier.unmatched),
        }
    }
}
