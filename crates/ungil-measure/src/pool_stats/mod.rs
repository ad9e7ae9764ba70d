//! What a pool has done so far: its tasks, their times, its workers.

mod histogram;
mod recorder;

pub use histogram::{Histogram, Quantiles};
pub use recorder::{End, Recorder, Times};

use crate::comparison::MemorySample;

/// A pool's figures.
#[derive(Clone, Debug, Default)]
pub struct PoolStats {
    /// Tasks by their ends.
    pub tasks: TaskCounts,
    /// Of the tasks that ran.
    pub latencies: Latencies,
    /// Bytes of calls sent to worker processes, and of answers received; `None` for threads.
    pub bytes: Option<(u64, u64)>,
    /// The workers, those that have ended, too.
    pub workers: Vec<WorkerStats>,
    /// The longest tasks, longest first.
    pub longest: Vec<LongTask>,
}

/// Tasks by their ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskCounts {
    /// Accepted.
    pub submitted: u64,
    /// Ended with a result.
    pub finished: u64,
    /// Ended with an exception of their own.
    pub failed: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Lost with their workers.
    pub crashed: u64,
    /// Stopped when their time was over.
    pub timed_out: u64,
    /// Runs begun anew because a worker had died.
    pub retried: u64,
}

/// How long tasks took, where any ran.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latencies {
    /// From being submitted to the start of the run.
    pub waiting: Option<Quantiles>,
    /// In the worker.
    pub running: Option<Quantiles>,
    /// From being submitted until the result was back.
    pub round_trip: Option<Quantiles>,
}

/// One worker; where processes were replaced, all that had its place.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorkerStats {
    /// The process id, or the thread's id; `None` before it has one.
    pub pid: Option<u32>,
    /// Tasks it has run.
    pub tasks: u64,
    /// Seconds it spent in tasks.
    pub busy: f64,
    /// Seconds that it has been ready for tasks.
    pub life: f64,
    /// Seconds from being asked for until it was ready, the last time.
    pub start_up: Option<f64>,
    /// Memory now; `None` for threads and for processes that have ended.
    pub memory: Option<MemorySample>,
    /// How often it was replaced.
    pub restarts: u32,
}

impl WorkerStats {
    /// The share of its life that it spent in tasks; `None` before it was ready.
    pub fn busy_share(&self) -> Option<f64> {
        (self.life > 0.0).then(|| (self.busy / self.life).min(1.0))
    }
}

/// One of the longest tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct LongTask {
    /// Its function.
    pub label: String,
    /// How long it ran.
    pub seconds: f64,
}
