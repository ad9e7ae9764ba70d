//! What the orchestrator hands over: samples as they were taken, nothing derived.

use serde::{Deserialize, Serialize};

use super::{Machine, Settings, SystemState};

/// Everything measured by one `ungil compare`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RawComparison {
    /// Version of ungil that measured.
    pub ungil_version: String,
    /// When the measuring began, RFC 3339.
    pub created: String,
    /// Where it ran.
    pub machine: Machine,
    /// What was asked for.
    pub settings: Settings,
    /// One entry per workload, in the order asked for.
    pub workloads: Vec<RawWorkload>,
}

/// The samples of one workload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RawWorkload {
    /// `io`, `cpu`, `module:function` or `file.py:function`.
    pub name: String,
    /// Tasks per run, the same in every cell.
    pub tasks: usize,
    /// How the size of a task was chosen.
    pub scaling: Option<Scaling>,
    /// The baseline (kind [`super::SERIAL`], one worker).
    pub serial: RawCell,
    /// The other cells. Kinds appear in the order of [`Settings::kinds`], others after them in the
    /// order of the first cell.
    pub cells: Vec<RawCell>,
}

/// A change of a workload's size that made the comparison fit its budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// What was scaled: `iterations` (per task) or `tasks`.
    pub what: String,
    /// Full size.
    pub from: u64,
    /// Size that was measured.
    pub to: u64,
    /// Why, as one sentence for the user.
    pub reason: String,
}

/// The samples of one kind with one worker count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RawCell {
    /// Kind of worker.
    pub kind: String,
    /// Number of workers, at least 1.
    pub workers: usize,
    /// Why the cell was not measured, as one sentence; `None` where it was.
    #[serde(default)]
    pub skipped: Option<String>,
    /// From asking for the pool until its first result, one entry per start. Empty for the
    /// baseline.
    #[serde(default)]
    pub startup_s: Vec<f64>,
    /// Timed runs on the warm pool, in order.
    #[serde(default)]
    pub runs: Vec<RunSample>,
    /// Memory of the workers, taken while all of them live. A worker process: one entry each.
    /// Workers that share the parent's memory (threads, interpreters): entries hold the parent's
    /// growth divided by the number of workers.
    #[serde(default)]
    pub memory: Vec<MemorySample>,
    /// The system before and after the cell.
    #[serde(default)]
    pub conditions: Option<Conditions>,
    /// What the threads of one more run did with the GIL, where that was traced.
    #[serde(default)]
    pub gil_timeline: Option<GilTimeline>,
}

/// Who held the GIL when, and who waited, in a run that does not count as a sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GilTimeline {
    /// Seconds from the run's begin to its end.
    pub duration_s: f64,
    /// The threads that held it or waited for it.
    pub threads: Vec<GilThread>,
}

/// One thread of a [`GilTimeline`]. Both lists divide the duration into as many equal stretches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GilThread {
    /// Its name.
    pub name: String,
    /// Shares of each stretch in which it held the GIL.
    pub held: Vec<f64>,
    /// Shares of each stretch in which it waited for the GIL.
    pub waited: Vec<f64>,
}

/// One timed run of all tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunSample {
    /// From the first submission until the last result, on a warm pool.
    pub wall_s: f64,
    /// User and system time of the parent and all workers during the run.
    pub cpu_s: f64,
    /// The baseline only: time in which the thread was ready to compute and the machine had no core for it, the time on
    /// the kernel's run queue. It is neither computing nor waiting of the tasks. `None` where the kernel does not tell.
    #[serde(default)]
    pub queued_s: Option<f64>,
    /// Tasks in the order of submission; may be empty where workers cannot tell.
    #[serde(default)]
    pub tasks: Vec<TaskSample>,
    /// Bytes of pickled arguments and functions sent; 0 where nothing is pickled.
    #[serde(default)]
    pub sent_bytes: Option<u64>,
    /// Bytes of pickled results received.
    #[serde(default)]
    pub received_bytes: Option<u64>,
    /// Time spent pickling and unpickling, parent and workers together.
    #[serde(default)]
    pub pickle_s: Option<f64>,
    /// What the workers did with the GIL, where they are threads of this process and it could be seen.
    #[serde(default)]
    pub gil: Option<GilUse>,
}

/// Use of the GIL: seconds of a run, or shares of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GilUse {
    /// Some thread held it.
    pub held: f64,
    /// Threads waited for it, added up over them.
    pub waited: f64,
}

/// One task of a run: when the user's function began and ended on its worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskSample {
    /// Begin, relative to the run's begin.
    pub start_s: f64,
    /// End, relative to the run's begin.
    pub end_s: f64,
    /// CPU time of the executing thread meanwhile.
    #[serde(default)]
    pub cpu_s: Option<f64>,
}

/// Memory that one worker costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemorySample {
    /// Proportional set size: private pages, and of each shared page the share of its sharers.
    pub pss_bytes: u64,
    /// Unique set size: private pages only, what ending the worker would give back.
    pub uss_bytes: u64,
}

/// The system before and after a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// Before the first timed run.
    pub before: SystemState,
    /// After the last one.
    pub after: SystemState,
}
