//! The one trace that can be on; `ungil._trace` is its Python side.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use ungil_gil::{Options, Tracer};

use super::report::TraceReport;
use super::{pending, refused};

/// Locked only with the GIL held, and never while it is let go: a fork finds it unlocked.
static TRACER: Mutex<Option<Tracer>> = Mutex::new(None);

fn tracer() -> MutexGuard<'static, Option<Tracer>> {
    TRACER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins the trace; keeps up to `slices` slices for its timeline.
#[pyfunction]
pub(crate) fn trace_start(py: Python<'_>, slices: usize) -> PyResult<()> {
    if !(1_000..=1_000_000_000).contains(&slices) {
        return Err(PyValueError::new_err(format!(
            "slices must be between 1,000 and 1,000,000,000, not {slices}"
        )));
    }
    let started = Tracer::start(Options { slices }).map_err(|error| refused(&error))?;
    // One release, to see whether it is seen.
    py.detach(|| ());
    let started = started.check().map_err(|error| refused(&error))?;
    *tracer() = Some(started);
    Ok(())
}

/// Ends the trace; `names` are Python's names of threads, by native id.
#[pyfunction]
#[allow(clippy::needless_pass_by_value)] // as PyO3 hands it over
pub(crate) fn trace_stop(names: HashMap<u32, String>) -> PyResult<TraceReport> {
    let stopped = tracer().take();
    let stopped = stopped.ok_or_else(|| PyRuntimeError::new_err("the GIL is not being traced"))?;
    stopped
        .stop(&names)
        .map(TraceReport)
        .map_err(|error| refused(&error))
}

/// Ends the collecting thread before a fork: a program that has one thread forks as one.
#[pyfunction]
pub(crate) fn trace_pause() {
    if let Some(tracer) = &mut *tracer() {
        tracer.pause();
    }
}

/// Has the collecting thread started again, a moment after a fork.
#[pyfunction]
pub(crate) fn trace_resume_soon() {
    if tracer().is_some() && !pending::call_soon(resume) {
        resume();
    }
}

fn resume() {
    if let Some(tracer) = &mut *tracer() {
        // Without the thread the sums are still exact, and the rings are read at the end.
        let _ = tracer.resume();
    }
}

/// In the child of a fork: the trace is the parent's.
#[pyfunction]
pub(crate) fn trace_forget() {
    drop(tracer().take());
}

/// Names the calling thread in the trace.
#[pyfunction]
pub(crate) fn name_thread(name: &str) {
    ungil_gil::name_thread(name);
}
