//! A task that only shows that its worker is there.

use std::collections::HashSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError, PyOSError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::completions::Completions;
use crate::error::{Error, Result, message_of};
use crate::kinds::Pool;
use crate::probe::Probe;
use crate::waiting::without_gil;
use crate::workload::Workload;

/// Workers that have not shown up by then are not waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A class and what it is called with.
type Reduced<'py> = (Bound<'py, PyAny>, (Py<Probe>, u64));

/// Stays in a worker for a moment, so that the next visit meets another one, and says which it was.
/// It carries the workload's probe along: unpickling it imports the user's module.
#[pyclass(module = "ungil._ungil", frozen)]
pub(crate) struct Visit {
    probe: Py<Probe>,
    stay_ms: u64,
}

#[pymethods]
impl Visit {
    #[new]
    fn new(probe: Py<Probe>, stay_ms: u64) -> Self {
        Self { probe, stay_ms }
    }

    fn __call__(&self, py: Python<'_>) -> (i32, i32) {
        without_gil(py, || sleep(Duration::from_millis(self.stay_ms)));
        (
            rustix::process::getpid().as_raw_nonzero().get(),
            rustix::thread::gettid().as_raw_nonzero().get(),
        )
    }

    /// The user's function: the pool names tasks after it.
    #[getter]
    fn __wrapped__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.probe.bind(py).getattr("__wrapped__")
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let this = slf.get();
        let class = this.probe.get().travels_as(slf.get_type(), "Stay")?;
        Ok((class, (this.probe.clone_ref(slf.py()), this.stay_ms)))
    }
}

/// Sends one visit; `CLOCK_MONOTONIC` at its result, nanoseconds.
pub(crate) fn first_result(py: Python<'_>, pool: &Pool, workload: &Workload) -> Result<i64> {
    let visits = Visits::new(py, pool, workload)?;
    visits.send(0, 0)?;
    Ok(visits.receive()?.1)
}

/// Visits until every worker has shown up.
pub(crate) fn until_all_are_up(py: Python<'_>, pool: &Pool, workload: &Workload) -> Result<()> {
    let visits = Visits::new(py, pool, workload)?;
    let patient_until = Instant::now() + PATIENCE;
    let mut seen = HashSet::new();
    let mut stay_ms = 1;
    while seen.len() < pool.workers && Instant::now() < patient_until {
        for index in 0..pool.workers {
            visits.send(index, stay_ms)?;
        }
        for _ in 0..pool.workers {
            seen.insert(visits.receive()?.0);
        }
        stay_ms = (stay_ms * 2).min(16);
    }
    Ok(())
}

/// Whether the system has not enough for that many workers.
fn is_about_limits(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyOSError>(py) || error.is_instance_of::<PyMemoryError>(py)
}

struct Visits<'py, 'a> {
    py: Python<'py>,
    pool: &'a Pool,
    probe: Bound<'py, Probe>,
    completions: Completions,
}

impl<'py, 'a> Visits<'py, 'a> {
    fn new(py: Python<'py>, pool: &'a Pool, workload: &Workload) -> Result<Self> {
        let probe = workload.probe_for(py, pool.kind)?;
        Ok(Self {
            py,
            pool,
            probe,
            completions: Completions::default(),
        })
    }

    fn send(&self, index: usize, stay_ms: u64) -> Result<()> {
        let probe = self.probe.clone().unbind();
        let visit = Bound::new(self.py, Visit { probe, stay_ms })?;
        let future = self
            .pool
            .submit(self.py, visit.as_any(), &PyTuple::empty(self.py))
            .map_err(|error| {
                if Pool::is_about_pickling(self.py, &error) {
                    self.lost(error)
                } else {
                    self.pool.refused(self.py, error)
                }
            })?;
        Ok(self.completions.watch(&future, index)?)
    }

    /// Which worker the next visit was at, and when its result was there.
    fn receive(&self) -> Result<((i32, i32), i64)> {
        let done = self.completions.next(self.py, None)?;
        let done = done.expect("without a deadline the wait ends with a result");
        let result = done.future.bind(self.py).call_method0("result");
        let worker = result.map_err(|error| self.lost(error))?;
        Ok((worker.extract()?, done.at))
    }

    /// A worker that cannot even be visited has died, or cannot import the function.
    fn lost(&self, error: PyErr) -> Error {
        let name = self.pool.name();
        if error.is_instance_of::<PyKeyboardInterrupt>(self.py) {
            error.into()
        } else if Pool::is_broken(self.py, &error) {
            Error::WorkerDied {
                place: format!("the start of {name}"),
                message: message_of(&error),
                source: error,
            }
        } else if !self.pool.kind.home().pickles() || is_about_limits(self.py, &error) {
            self.pool.refused(self.py, error)
        } else if !Pool::is_about_pickling(self.py, &error) {
            Error::Undelivered {
                place: format!("the start of {name}"),
                message: error.value(self.py).to_string(),
                source: error,
            }
        } else {
            Error::Unpicklable {
                what: format!("the function, in a worker of {name},"),
                reason: error.value(self.py).to_string(),
                remedy: "Move it to the top level of a module that the workers can import.".into(),
            }
        }
    }
}
