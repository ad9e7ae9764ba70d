//! What the hooks write down: one record per hold and per stretch of a wait.

use serde::{Deserialize, Serialize};

/// A name for "no function": no Python code ran there, or its name could not be had.
pub const NO_FUNCTION: u32 = 0;
/// Short holds of several functions, merged.
pub const MERGED: u32 = 1;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The thread held a GIL.
    Held,
    /// The thread waited for it, and then waited on for another holder.
    Waiting,
    /// The thread waited for it, and then had it.
    Waited,
}

/// One stretch of one thread's time. Times are `CLOCK_MONOTONIC`, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When it began.
    pub start: u64,
    /// When it ended.
    pub end: u64,
    /// How much of that was holding or waiting: less than all for merged ones.
    pub busy: u64,
    /// How many are merged in here; 1 for a single one.
    pub count: u32,
    /// For a hold the number of the function that held at its end; for a wait the kernel's number
    /// of the thread that held the GIL, or 0 where nobody did.
    pub subject: u32,
    /// Which GIL: 0 is the main interpreter's.
    pub gil: u16,
    /// What happened.
    pub kind: Kind,
}

impl Record {
    /// A single hold or wait.
    pub fn new(kind: Kind, gil: u16, subject: u32, start: u64, end: u64) -> Self {
        Self {
            start,
            end,
            busy: end.saturating_sub(start),
            count: 1,
            subject,
            gil,
            kind,
        }
    }

    /// Takes a later one in, if both are of the same thread, kind and GIL; otherwise `false`.
    pub fn absorb(&mut self, later: &Self) -> bool {
        if self.kind != later.kind || self.gil != later.gil {
            return false;
        }
        self.end = self.end.max(later.end);
        self.busy += later.busy;
        self.count = self.count.saturating_add(later.count);
        if self.subject != later.subject {
            self.subject = if self.kind == Kind::Held { MERGED } else { 0 };
        }
        true
    }
}
