//! `ungil.gil_stats`: a meter that is always on.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use ungil_gil::meter::{self, Reading};

use super::refused;

/// What the threads of this process have done with the GIL since the first call of `gil_stats`.
#[pyclass(module = "ungil", frozen)]
pub(crate) struct GilStats(Reading);

/// Reads the counters; the first call turns them on.
#[pyfunction]
pub(crate) fn gil_stats() -> PyResult<GilStats> {
    meter::start().map_err(|error| refused(&error))?;
    meter::read()
        .map(GilStats)
        .ok_or_else(|| PyRuntimeError::new_err("the counters of the GIL are off"))
}

fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

#[pymethods]
impl GilStats {
    /// Seconds since the counting began.
    #[getter]
    fn elapsed(&self) -> f64 {
        seconds(self.0.elapsed_ns)
    }

    /// Seconds that threads held the GIL, the hold of the calling thread included.
    #[getter]
    fn held(&self) -> f64 {
        seconds(self.0.counts.held_ns)
    }

    /// Seconds that threads waited for the GIL, added up over them.
    #[getter]
    fn waited(&self) -> f64 {
        seconds(self.0.counts.waited_ns)
    }

    /// Times that a thread held the GIL and dropped it.
    #[getter]
    fn holds(&self) -> u64 {
        self.0.counts.holds
    }

    /// Times that a thread had to wait for the GIL.
    #[getter]
    fn waits(&self) -> u64 {
        self.0.counts.waits
    }

    /// The figures as a dictionary.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let figures = PyDict::new(py);
        figures.set_item("elapsed", self.elapsed())?;
        figures.set_item("held", self.held())?;
        figures.set_item("waited", self.waited())?;
        figures.set_item("holds", self.holds())?;
        figures.set_item("waits", self.waits())?;
        Ok(figures)
    }

    /// The figures as Prometheus' text format.
    fn to_prometheus(&self) -> String {
        ungil_report::prometheus(&self.0)
    }

    fn __repr__(&self) -> String {
        format!(
            "GilStats(elapsed={:.6}, held={:.6}, waited={:.6}, holds={}, waits={})",
            self.elapsed(),
            self.held(),
            self.waited(),
            self.holds(),
            self.waits()
        )
    }
}
