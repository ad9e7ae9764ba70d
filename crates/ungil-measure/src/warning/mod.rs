//! What may make the figures worth less: kinds of warnings and the cell they are about.

mod checks;

use serde::{Deserialize, Serialize};

pub use checks::find;

/// One warning, about one cell or about the whole workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// What was noticed.
    pub code: Code,
    /// The cells concerned (`thread x4`); empty when it is about the workload.
    pub cells: Vec<String>,
    /// One or two sentences for the user, with a remedy.
    pub message: String,
}

/// The kinds of warnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// A run far from the others.
    Outliers,
    /// The first run was much slower than the rest.
    SlowFirstRun,
    /// Tasks shorter than their timing is sure.
    ShortTasks,
    /// More workers than usable cores.
    MoreWorkersThanCores,
    /// Other programs used the CPUs.
    Load,
    /// The hypervisor gave CPU time to others.
    Steal,
    /// The cgroup's CPU quota held the process back.
    Throttled,
    /// The CPU frequency changed.
    Frequency,
    /// The kernel killed a process for lack of memory.
    OutOfMemory,
    /// Too few runs for an interval.
    FewRuns,
    /// A cell could not be measured.
    Skipped,
}
