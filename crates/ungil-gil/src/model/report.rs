//! What a trace has found.

use serde::{Deserialize, Serialize};

use super::counts::Counts;
use super::histogram::Quantiles;
use super::track::Track;
use super::verdict::Verdict;

/// A Python function.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Function {
    /// Its qualified name.
    pub name: String,
    /// The file of its code.
    pub file: String,
    /// Its first line there.
    pub line: u32,
}

/// How the figures were come by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Method {
    /// From every single take, wait and drop.
    #[default]
    Exact,
    /// From looks at random times: there are no single holds and waits, and sums are estimates.
    Sampled(Sampling),
}

/// How one has looked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// Looks.
    pub samples: u64,
    /// Looks per second.
    pub rate: f64,
    /// Of the sums over all threads.
    pub margins: Margins,
    /// CPU time that looking took, as a share of one core.
    pub overhead: f64,
    /// Why not exactly.
    pub why: String,
}

/// Halves of the widths of 95 % confidence intervals, as shares of the duration; 0 if exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Margins {
    /// Of the time that a GIL was held.
    pub held: f64,
    /// Of the time that was waited.
    pub waited: f64,
}

/// One thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thread {
    /// The kernel's number of it.
    pub tid: u32,
    /// Python's name of it, or the kernel's.
    pub name: String,
    /// Its sums.
    pub counts: Counts,
    /// How far off they may be.
    pub margins: Margins,
    /// How long its holds were.
    pub holds: Quantiles,
    /// How long its waits were.
    pub waits: Quantiles,
}

/// One GIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GilShare {
    /// 0 is the main interpreter's.
    pub number: u16,
    /// Time that threads held it, nanoseconds.
    pub held_ns: u64,
    /// Time that threads waited for it, added up over them, nanoseconds.
    pub waited_ns: u64,
}

/// How long a function held the GIL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionShare {
    /// The function; `None` where no Python code ran or it was not recorded.
    pub function: Option<Function>,
    /// Time, nanoseconds.
    pub held_ns: u64,
    /// Holds that ended in it.
    pub holds: u64,
}

/// One thread made another one wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Losses {
    /// Holds and waits that came too fast to be recorded one by one; their time is in all sums.
    pub merged: u64,
    /// Takes and drops that do not fit together: 0 unless something is wrong.
    pub unmatched: u64,
    /// Children that were to be traced and left nothing: they run still, or were killed.
    pub children: u64,
    /// Slices shorter than this may be drawn as one, nanoseconds; 0: every slice is there.
    pub resolution_ns: u64,
}

/// The slices of a thread.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Timeline {
    /// Where it held a GIL; `subject` is a position in [`Report::names`].
    pub held: Track,
    /// Where it waited for one; `subject` is the kernel's number of the holder.
    pub waited: Track,
}

/// Everything. Shares are of `duration_ns`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Process that was traced.
    pub pid: u32,
    /// The one that started it.
    pub parent: u32,
    /// Exact, or not.
    pub method: Method,
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
    #[serde(skip)]
    pub verdict: Verdict,
    /// The processes that it started, if those were traced too.
    pub children: Vec<Report>,
}

impl Report {
    /// A time as a share of the whole trace.
    pub fn share(&self, nanoseconds: u64) -> f64 {
        if self.duration_ns == 0 {
            return 0.0;
        }
        nanoseconds as f64 / self.duration_ns as f64
    }

    /// Takes in the processes that it started, directly or not: each goes to its own parent, or
    /// here where that was not traced.
    pub fn adopt(&mut self, children: Vec<Self>) {
        let mut waiting = children;
        // A process is older than those that it starts, so that its children find it in the end.
        while let Some(at) = waiting.iter().rposition(|child| {
            let started_some = |other: &Self| other.parent == child.pid && other.pid != child.pid;
            !waiting.iter().any(started_some)
        }) {
            let child = waiting.remove(at);
            let parent = waiting.iter_mut().find(|other| other.pid == child.parent);
            parent
                .map_or(&mut self.children, |parent| &mut parent.children)
                .push(child);
        }
        self.children.append(&mut waiting);
        self.children.sort_by_key(|child| child.start_ns);
    }

    /// How it was sampled, if it was.
    pub fn sampling(&self) -> Option<&Sampling> {
        match &self.method {
            Method::Exact => None,
            Method::Sampled(sampling) => Some(sampling),
        }
    }

    /// Releases of the GIL per second, by all threads; if sampled, changes of the holder.
    pub fn switches_per_second(&self) -> f64 {
        if self.duration_ns == 0 {
            return 0.0;
        }
        self.total.holds as f64 / (self.duration_ns as f64 / 1e9)
    }
}
