//! The nouns of `ungil compare`: what was measured, and what follows from it.
//!
//! The orchestrator fills a [`RawComparison`]; [`crate::analyse()`] turns it into a [`Comparison`],
//! which keeps every raw sample beside the figures derived from it. Times are seconds (`f64`,
//! suffix `_s`), sizes are bytes (`u64`, suffix `_bytes`), ratios are plain numbers (a speed-up of
//! 2.0 is twice as fast). A figure that could not be had is `None` (`null` in JSON), never zero and
//! never NaN.

mod machine;
mod raw;
mod result;
mod settings;

use serde::{Deserialize, Serialize};

use crate::change::Change;

pub use machine::{Gil, Machine, Python, SystemState};
pub use raw::{
    Conditions, GilThread, GilTimeline, GilUse, MemorySample, RawCell, RawComparison, RawWorkload,
    RunSample, Scaling, TaskSample,
};
pub use result::{Cell, Interval, KindCurve, Latency, Memory, Spread, Summary, WorkloadComparison};
pub use settings::{AnalysisOptions, Settings};

/// The version of the JSON document's layout. It changes when a field changes its meaning or goes
/// away; a new field alone does not change it.
pub const SCHEMA_VERSION: u32 = 1;

/// The kind of the baseline: a plain loop in the calling thread, without any pool.
pub const SERIAL: &str = "serial";

/// The whole result of one `ungil compare`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// Version of ungil that measured.
    pub ungil_version: String,
    /// When the measuring began, RFC 3339.
    pub created: String,
    /// Where it ran.
    pub machine: Machine,
    /// What was asked for.
    pub settings: Settings,
    /// How the raw samples were turned into figures.
    pub analysis: AnalysisOptions,
    /// One entry per workload, in the order asked for.
    pub workloads: Vec<WorkloadComparison>,
    /// What differs from an earlier comparison, where one was given.
    #[serde(default)]
    pub change: Option<Change>,
}
