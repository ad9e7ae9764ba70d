//! What was asked for, and how figures are derived.

use serde::{Deserialize, Serialize};

/// What the user asked `ungil compare` to do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Worker kinds, the baseline excluded, cheapest first (the order decides between equals).
    pub kinds: Vec<String>,
    /// Worker counts.
    pub workers: Vec<usize>,
    /// Timed runs per cell.
    pub repeat: usize,
    /// Untimed runs before them.
    pub warmup: usize,
    /// Whether the workloads ran at their full size (`--full`).
    pub full: bool,
    /// Time the whole comparison was to take, in seconds; `None` with `full`.
    pub budget_s: Option<f64>,
    /// Longest time one task may take.
    pub timeout_s: Option<f64>,
    /// Start method of worker processes: `fork`, `forkserver` or `spawn`.
    pub start_method: Option<String>,
    /// The `--items` expression.
    pub items: Option<String>,
}

/// How [`crate::analyse()`] derives figures; stored with them so that they can be derived again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnalysisOptions {
    /// Level of the bootstrap intervals, in (0, 1).
    pub confidence: f64,
    /// Bootstrap resamples per interval.
    pub resamples: usize,
    /// Seed of the resampling: the same samples and seed give the same figures.
    pub seed: u64,
}

impl Default for AnalysisOptions {
    fn default() -> Self {
        Self {
            confidence: 0.95,
            resamples: 2000,
            seed: 2023,
        }
    }
}
