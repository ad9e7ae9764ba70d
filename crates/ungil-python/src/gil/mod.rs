//! `ungil.trace` and `ungil.gil_stats`: the GIL of this very process.

mod outside;
mod pending;
mod report;
mod stats;
mod trace;

use pyo3::PyErr;
use pyo3::exceptions::PyRuntimeError;

pub(crate) use outside::{Attachment, attach, sample};
pub(crate) use report::TraceReport;
pub(crate) use stats::{GilStats, gil_stats};
pub(crate) use trace::{
    Recording, name_thread, trace_forget, trace_pause, trace_resume_soon, trace_start, trace_stop,
};

/// Why the GIL cannot be traced, as an exception.
fn refused(error: &ungil_gil::Error) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}
