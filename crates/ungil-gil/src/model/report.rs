//! What a trace has found.

use super::counts::Counts;
use super::histogram::Quantiles;
use super::track::Track;
use super::verdict::Verdict;

/// A Python function.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Function {
    /// Its qualified name.
    pub name: String,
    /// The file of its code.
    pub file: String,
    /// Its first line there.
    pub line: u32,
}

/// One thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// The kernel's number of it.
    pub tid: u32,
    /// Python's name of it, or the kernel's.
    pub name: String,
    /// Its sums.
    pub counts: Counts,
    /// How long its holds were.
    pub holds: Quantiles,
    /// How long its waits were.
    pub waits: Quantiles,
}

/// One GIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GilShare {
    /// 0 is the main interpreter's.
    pub number: u16,
    /// Time that threads held it, nanoseconds.
    pub held_ns: u64,
    /// Time that threads waited for it, added up over them, nanoseconds.
    pub waited_ns: u64,
}

/// How long a function held the GIL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionShare {
    /// The function; `None` where no Python code ran or it was not recorded.
    pub function: Option<Function>,
    /// Time, nanoseconds.
    pub held_ns: u64,
    /// Holds that ended in it.
    pub holds: u64,
}

/// One thread made another one wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Who held, by position in [`Report::threads`].
    pub holder: usize,
    /// Who waited.
    pub waiter: usize,
    /// How long in total, nanoseconds.
    pub waited_ns: u64,
    /// In how many stretches.
    pub waits: u64,
    /// The longest of them, nanoseconds.
    pub longest_ns: u64,
    /// What the holder held the GIL for, mostly.
    pub function: Option<Function>,
}

/// What is not in the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Holds and waits that came too fast to be recorded one by one; their time is in all sums.
    pub merged: u64,
    /// Takes and drops that do not fit together: 0 unless something is wrong.
    pub unmatched: u64,
    /// Slices shorter than this may be drawn as one, nanoseconds; 0: every slice is there.
    pub resolution_ns: u64,
}

/// The slices of a thread.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// Where it held a GIL; `subject` is a position in [`Report::names`].
    pub held: Track,
    /// Where it waited for one; `subject` is the kernel's number of the holder.
    pub waited: Track,
}

/// Everything. Shares are of `duration_ns`.
#[derive(Clone, Debug)]
pub struct Report {
    /// Process that was traced.
    pub pid: u32,
    /// When the trace began, `CLOCK_MONOTONIC`, nanoseconds.
    pub start_ns: u64,
    /// How long it took, nanoseconds.
    pub duration_ns: u64,
    /// Sums over all threads.
    pub total: Counts,
    /// Holds of all threads.
    pub holds: Quantiles,
    /// Waits of all threads.
    pub waits: Quantiles,
    /// The GILs that were taken.
    pub gils: Vec<GilShare>,
    /// The threads, longest holder first.
    pub threads: Vec<Thread>,
    /// The slices of each thread.
    pub timelines: Vec<Timeline>,
    /// Functions, longest holder first.
    pub functions: Vec<FunctionShare>,
    /// Who made whom wait, longest first.
    pub pairs: Vec<Pair>,
    /// Functions by number.
    pub names: Vec<Option<Function>>,
    /// What is missing.
    pub losses: Losses,
    /// What follows.
    pub verdict: Verdict,
}

impl Report {
    /// A time as a share of the whole trace.
    pub fn share(&self, nanoseconds: u64) -> f64 {
        if self.duration_ns == 0 {
            return 0.0;
        }
        nanoseconds as f64 / self.duration_ns as f64
    }

    /// Releases of the GIL per second, by all threads.
    pub fn switches_per_second(&self) -> f64 {
        if self.duration_ns == 0 {
            return 0.0;
        }
        self.total.holds as f64 / (self.duration_ns as f64 / 1e9)
    }
}
