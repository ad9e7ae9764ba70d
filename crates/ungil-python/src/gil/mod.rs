//! `ungil.trace` and `ungil.gil_stats`: the GIL of this very process.

mod pending;
mod report;
mod stats;
mod trace;

pub(crate) use report::TraceReport;
pub(crate) use stats::{GilStats, gil_stats};
pub(crate) use trace::{
    name_thread, trace_forget, trace_pause, trace_resume_soon, trace_start, trace_stop,
};
