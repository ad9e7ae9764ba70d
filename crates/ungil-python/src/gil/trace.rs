//! The one trace that can be on; `ungil._trace` is its Python side.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use ungil_gil::outside::{Looking, SampleOptions};
use ungil_gil::{Error, Options, Tracer};

use super::report::TraceReport;
use super::{pending, refused};
use crate::waiting::without_gil;

/// Locked only with the GIL held, and never while it is let go: a fork finds it unlocked.
static TRACER: Mutex<Option<Running>> = Mutex::new(None);

/// A trace that is on.
enum Running {
    Exact(Tracer),
    /// Where this Python does not let itself be patched.
    Sampled(Box<Looking>),
}

fn tracer() -> MutexGuard<'static, Option<Running>> {
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
    if tracer().is_some() {
        return Err(refused(&Error::AlreadyTracing));
    }
    let exact = Tracer::start(Options { slices }).and_then(|started| {
        // One release, to see whether it is seen.
        without_gil(py, || ());
        started.check()
    });
    let started = match exact {
        Ok(exact) => Running::Exact(exact),
        Err(error) if error.leaves_sampling() => {
            let options = SampleOptions {
                slices,
                ..SampleOptions::default()
            };
            let why = error.to_string().trim_end_matches('.').to_owned();
            Looking::start(options, why)
                .map(|looking| Running::Sampled(Box::new(looking)))
                .map_err(|error| refused(&error))?
        }
        Err(error) => return Err(refused(&error)),
    };
    *tracer() = Some(started);
    Ok(())
}

/// Ends the trace; `names` are Python's names of threads, by native id.
#[pyfunction]
#[allow(clippy::needless_pass_by_value)] // as PyO3 hands it over
pub(crate) fn trace_stop(names: HashMap<u32, String>) -> PyResult<TraceReport> {
    let stopped = tracer().take();
    let stopped = stopped.ok_or_else(|| PyRuntimeError::new_err("the GIL is not being traced"))?;
    let report = match stopped {
        Running::Exact(tracer) => tracer.stop(&names),
        Running::Sampled(looking) => looking.stop(names),
    };
    report.map(TraceReport).map_err(|error| refused(&error))
}

/// A trace of a stretch of our own code: it ends with this value.
pub(crate) struct Recording(());

impl Recording {
    /// Begins; an error where one is on already, or where there is no GIL to trace.
    pub(crate) fn begin(py: Python<'_>) -> PyResult<Self> {
        // Forks of what runs meanwhile are looked after there.
        py.import("ungil._trace")?;
        trace_start(py, ungil_gil::Options::default().slices)?;
        Ok(Self(()))
    }

    /// Ends it; `None` where it could not be exact.
    pub(crate) fn end(self) -> Option<ungil_gil::Report> {
        let stopped = tracer().take();
        drop(self);
        match stopped {
            Some(Running::Exact(tracer)) => tracer.stop(&HashMap::<u32, String>::new()).ok(),
            _ => None,
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        drop(tracer().take());
    }
}

/// Ends the collecting thread before a fork: a program that has one thread forks as one.
#[pyfunction]
pub(crate) fn trace_pause() {
    match &mut *tracer() {
        Some(Running::Exact(tracer)) => tracer.pause(),
        Some(Running::Sampled(looking)) => looking.pause(),
        None => {}
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
    // Without the thread an exact trace's sums are still so, and the rings are read at the end; a
    // sampled one ends here.
    let _ = match &mut *tracer() {
        Some(Running::Exact(tracer)) => tracer.resume(),
        Some(Running::Sampled(looking)) => looking.resume(),
        None => Ok(()),
    };
}

/// In the child of a fork: the trace is the parent's.
#[pyfunction]
pub(crate) fn trace_forget() {
    drop(tracer().take());
}

/// Names the calling thread in the trace.
#[pyfunction]
pub(crate) fn name_thread(name: &str) {
    match &mut *tracer() {
        Some(Running::Sampled(looking)) => looking.name_thread(name),
        _ => ungil_gil::name_thread(name),
    }
}
