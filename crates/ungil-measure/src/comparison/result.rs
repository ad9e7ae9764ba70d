//! What follows from the samples: summaries per cell, fits per kind, a verdict per workload.

use serde::{Deserialize, Serialize};

use super::{Conditions, GilTimeline, GilUse, MemorySample, RawCell, RunSample, SERIAL, Scaling};
use crate::scaling::{Amdahl, Fit, Usl};
use crate::verdict::Verdict;
use crate::warning::Warning;

/// Everything about one workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkloadComparison {
    /// `io`, `cpu`, `module:function` or `file.py:function`.
    pub name: String,
    /// Tasks per run.
    pub tasks: usize,
    /// How the size of a task was changed to fit the budget; `None` at full size.
    pub scaling: Option<Scaling>,
    /// The baseline.
    pub serial: Cell,
    /// One curve per kind, cheapest kind first.
    pub kinds: Vec<KindCurve>,
    /// What to use, and why.
    pub verdict: Verdict,
    /// What may make the figures worth less.
    pub warnings: Vec<Warning>,
}

/// One kind of worker over the worker counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KindCurve {
    /// Kind of worker.
    pub kind: String,
    /// Cells by increasing worker count.
    pub cells: Vec<Cell>,
    /// Amdahl's law through the speed-ups.
    pub amdahl: Fit<Amdahl>,
    /// Gunther's Universal Scalability Law through the speed-ups.
    pub usl: Fit<Usl>,
}

/// One kind with one worker count: its samples and their summary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Kind of worker.
    pub kind: String,
    /// Number of workers.
    pub workers: usize,
    /// Why the cell was not measured.
    pub skipped: Option<String>,
    /// Start-up samples, see [`RawCell::startup_s`].
    pub startup_s: Vec<f64>,
    /// Timed runs.
    pub runs: Vec<RunSample>,
    /// Memory samples, see [`RawCell::memory`].
    pub memory: Vec<MemorySample>,
    /// The system before and after.
    pub conditions: Option<Conditions>,
    /// What its threads did with the GIL, see [`RawCell::gil_timeline`].
    #[serde(default)]
    pub gil_timeline: Option<GilTimeline>,
    /// Derived figures; `None` without a timed run.
    pub summary: Option<Summary>,
}

impl Cell {
    /// How messages name the cell: `thread x4`, or `serial` alone.
    pub fn label(&self) -> String {
        if self.kind == SERIAL {
            SERIAL.to_owned()
        } else {
            format!("{} x{}", self.kind, self.workers)
        }
    }

    /// The cell of these samples with this summary.
    pub fn new(raw: RawCell, summary: Option<Summary>) -> Self {
        let RawCell {
            kind,
            workers,
            skipped,
            startup_s,
            runs,
            memory,
            conditions,
            gil_timeline,
        } = raw;
        Self {
            kind,
            workers,
            skipped,
            startup_s,
            runs,
            memory,
            conditions,
            gil_timeline,
            summary,
        }
    }
}

/// The figures of a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Wall time of a run.
    pub wall_s: Spread,
    /// Median serial wall time over this cell's; 1 for the baseline, `None` without a baseline.
    pub speedup: Option<f64>,
    /// Bootstrap interval of the speed-up; `None` for the baseline, or with fewer than 3 runs on
    /// either side.
    pub speedup_interval: Option<Interval>,
    /// Speed-up per worker.
    pub efficiency: Option<f64>,
    /// Task latency over all runs; `None` without task samples.
    pub latency_s: Option<Latency>,
    /// Median over the runs of CPU time over wall time: cores kept busy.
    pub cpu_cores: f64,
    /// `cpu_cores` per worker.
    pub cpu_per_worker: f64,
    /// Median start-up; `None` for the baseline.
    pub startup_s: Option<f64>,
    /// Median memory per worker; `None` for the baseline or where it could not be read.
    pub memory: Option<Memory>,
    /// Median pickling time of a run.
    pub pickle_s: Option<f64>,
    /// Median shares of a run in which the GIL was held and waited for; only of threads.
    #[serde(default)]
    pub gil: Option<GilUse>,
    /// Indices of the runs that are outliers.
    pub outliers: Vec<usize>,
}

/// Location and spread of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Median.
    pub median: f64,
    /// Bootstrap interval of the median; `None` below 3 samples.
    pub interval: Option<Interval>,
    /// Least.
    pub min: f64,
    /// Greatest.
    pub max: f64,
    /// Median absolute deviation from the median, unscaled.
    pub mad: f64,
    /// Interquartile range.
    pub iqr: f64,
}

/// A confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Quantiles of the time from a task's begin to its end on its worker (waiting in the queue
/// excluded).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// Median memory per worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Proportional set size.
    pub pss_bytes: u64,
    /// Unique set size.
    pub uss_bytes: u64,
}
